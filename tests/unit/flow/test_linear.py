"""Linear solvers against a sparse LU of scipy; no status may be lost."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from aquirecover.errors import ConvergenceError
from aquirecover.flow.bicgstab import bicgstab
from aquirecover.flow.direct import solve_direct
from aquirecover.flow.linear import LinearSettings, conjugate_gradients, solve
from aquirecover.flow.linear_result import LinearResult, LinearStatus
from aquirecover.flow.matrix import Matrix
from aquirecover.flow.products import Bands

DIRECT_ONLY = LinearSettings(method="direct")
KRYLOV_ONLY = LinearSettings(direct_fallback_cells=0)


def _matrix(
    seed: int, shape: tuple[int, int, int], jump: float = 10.0, surplus: float = 1e-3, upwind: float = 0.0, holes: float = 0.1
) -> tuple[Matrix, np.ndarray]:
    """Return an M-matrix with faces that jump by `jump` decades, inactive cells, and a right-hand side.

    `surplus` of the largest face is what a hundredth of the rows hold on to; `upwind` makes one side of each face larger.
    """
    random = np.random.default_rng(seed)
    unknown = random.random(shape) > holes
    faces = [10.0 ** random.uniform(-0.5 * jump, 0.5 * jump, shape) for _ in range(3)]
    for axis, face in zip((2, 1, 0), faces, strict=True):
        far = np.roll(unknown, -1, axis)
        far[(slice(None),) * axis + (-1,)] = False
        face[~(unknown & far)] = 0.0
    cx, cy, cz = faces
    extra_x, extra_y = (c * (1.0 + upwind * random.random(shape)) for c in (cx, cy))
    near_x, far_x = (cx, cx) if upwind == 0.0 else (cx, extra_x)
    near_y, far_y = (cy, cy) if upwind == 0.0 else (extra_y, cy)
    hold = np.where(random.random(shape) < 0.01, surplus * 10.0 ** (0.5 * jump), 0.0)
    hold.flat[np.flatnonzero(unknown)[0]] = 10.0 ** (0.5 * jump)
    # columns hold what leaves a cell
    diagonal = np.where(unknown, hold + near_x + near_y + cz, 1.0)
    for axis, face in ((2, far_x), (1, far_y), (0, cz)):
        shifted = np.roll(face, 1, axis)
        diagonal += np.where(unknown, shifted, 0.0)
    # rows of parts without any face or hold stand for themselves
    diagonal[unknown & (diagonal == 0.0)] = 1.0
    diagonal += np.where(unknown, 1e-3 * 10.0 ** (-0.5 * jump), 0.0)
    matrix = Matrix.with_diagonal(diagonal, far_x, near_x, far_y, near_y, cz, unknown)
    return matrix, np.where(unknown, random.normal(size=shape), 0.0)


def _entries(matrix: Matrix) -> sparse.csc_array:
    """Return the matrix put together entry by entry."""
    shape, size = matrix.diagonal.shape, matrix.diagonal.size
    number = np.arange(size).reshape(shape)
    rows, columns, entries = [number.ravel()], [number.ravel()], [matrix.diagonal.ravel()]
    for axis, near, far in ((2, matrix.near_x, matrix.far_x), (1, matrix.near_y, matrix.far_y), (0, matrix.cz, matrix.cz)):
        here, there = number.take(range(shape[axis] - 1), axis).ravel(), number.take(range(1, shape[axis]), axis).ravel()
        rows += [here, there]
        columns += [there, here]
        entries += [-far.ravel()[here], -near.ravel()[here]]
    return sparse.csc_array((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(size, size))


def _load(matrix: Matrix, seed: int) -> np.ndarray:
    """Return the right-hand side of heads about 1 m."""
    x = np.where(matrix.unknown, np.random.default_rng(seed).normal(size=matrix.diagonal.shape), 0.0)
    return (_entries(matrix) @ x.ravel()).reshape(x.shape)


SHAPES = [(4, 9, 7), (1, 12, 12), (5, 1, 20), (1, 1, 30), (6, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("upwind", [0.0, 0.5])
def test_krylov_and_direct_against_scipy(shape: tuple[int, int, int], upwind: float) -> None:
    for seed in range(3):
        matrix, _ = _matrix(seed, shape, jump=3.0, surplus=1.0, upwind=upwind)
        rhs = _load(matrix, seed)
        expected = spsolve(_entries(matrix), rhs.ravel()).reshape(shape)
        target = 1e-12 * float(np.abs(rhs).sum())
        method = bicgstab if upwind else conjugate_gradients
        assert matrix.symmetric == (upwind == 0.0)
        for result in (method(matrix, rhs, target, matrix.preconditioner(), 400), solve_direct(matrix, rhs, target)):
            assert result.status is LinearStatus.CONVERGED
            np.testing.assert_allclose(result.solution, expected, rtol=1e-6, atol=1e-6)
            assert not result.solution[~matrix.unknown].any()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("upwind", [0.0, 0.5])
@pytest.mark.parametrize("settings", [LinearSettings(), DIRECT_ONLY], ids=["multigrid", "direct"])
def test_jumps_of_ten_decades(shape: tuple[int, int, int], upwind: float, settings: LinearSettings) -> None:
    for seed in range(3):
        matrix, _ = _matrix(seed, shape, jump=10.0, upwind=upwind)
        rhs = _load(matrix, seed)
        target = 1e-11 * float(np.abs(rhs).sum())
        result = solve(matrix, rhs, target, settings)
        assert result.status is LinearStatus.CONVERGED
        # rows that differ by ten decades are compared by what they balance, not by their heads
        left = rhs.ravel() - _entries(matrix) @ result.solution.ravel()
        assert np.abs(left).sum() <= 1.01 * target


def test_residual_history_ends_with_the_true_residual() -> None:
    matrix, rhs = _matrix(1, (2, 8, 8), jump=2.0)
    result = conjugate_gradients(matrix, rhs, 1e-8, matrix.preconditioner(), 100)
    assert len(result.residuals) == result.iterations + 1
    assert result.residuals[0] == pytest.approx(np.abs(rhs).sum())
    assert result.residuals[-1] == pytest.approx(np.abs(rhs - matrix.multiply(result.solution)).sum(), rel=1e-6)


def test_nothing_to_solve_takes_no_iteration() -> None:
    matrix, rhs = _matrix(1, (2, 4, 4))
    for method in (conjugate_gradients, bicgstab):
        result = method(matrix, 0.0 * rhs, 0.0, matrix.preconditioner(), 10)
        assert result.iterations == 0
        assert not result.solution.any()


def test_a_solution_that_did_not_converge_is_refused() -> None:
    for status in LinearStatus:
        result = LinearResult(status, 7, (3.0, 0.5), np.zeros((1, 1, 1)))
        if status is LinearStatus.CONVERGED:
            assert result.solution.size == 1
        else:
            with pytest.raises(ConvergenceError, match=r"Linear solver, 7 iterations, residual 0\.5 m3/d: ") as caught:
                _ = result.solution
            assert status.value in str(caught.value)


@pytest.mark.parametrize("upwind", [0.0, 0.5])
def test_too_few_iterations(upwind: float) -> None:
    matrix, rhs = _matrix(2, (3, 16, 16), upwind=upwind)
    few = LinearSettings(max_iterations=1, direct_fallback_cells=0)
    result = solve(matrix, rhs, 1e-12, few)
    assert result.status is LinearStatus.MAX_ITERATIONS
    with pytest.raises(ConvergenceError, match=r"raise linear\.max_iterations"):
        _ = result.solution


def test_a_failed_krylov_solve_is_repeated_directly_where_cells_are_few() -> None:
    matrix, rhs = _matrix(2, (3, 16, 16), jump=4.0)
    result = solve(matrix, rhs, 1e-9, LinearSettings(max_iterations=1))
    assert result.status is LinearStatus.CONVERGED
    np.testing.assert_allclose(result.solution.ravel(), spsolve(_entries(matrix), rhs.ravel()), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("settings", [LinearSettings(), DIRECT_ONLY, KRYLOV_ONLY], ids=["both", "direct", "krylov"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(settings: LinearSettings, value: float) -> None:
    matrix, rhs = _matrix(3, (2, 5, 5))
    cell = tuple(int(i) for i in np.argwhere(matrix.unknown)[3])
    rhs[cell] = value
    assert solve(matrix, rhs, 1e-9, settings).status is LinearStatus.NOT_FINITE
    matrix, rhs = _matrix(3, (2, 5, 5))
    matrix.surplus[cell] = value
    result = solve(matrix, rhs, 1e-9, settings)
    assert result.status is LinearStatus.NOT_FINITE
    with pytest.raises(ConvergenceError, match="not finite"):
        _ = result.solution


def _floating(shape: tuple[int, int, int], upwind: bool = False) -> tuple[Matrix, np.ndarray]:
    """Return faces alone, with nothing that holds a level, and a source without a sink."""
    one = np.ones(shape)
    cx, cy, cz = one.copy(), one.copy(), one.copy()
    cx[:, :, -1], cy[:, -1], cz[-1] = 0.0, 0.0, 0.0
    diagonal = cx + cy + cz
    diagonal[:, :, 1:] += cx[:, :, :-1]
    diagonal[:, 1:] += cy[:, :-1]
    diagonal[1:] += cz[:-1]
    rhs = np.zeros(shape)
    rhs[0, 0, 0] = 5.0
    return Matrix.with_diagonal(diagonal, cx, cx.copy() if upwind else cx, cy, cy, cz, np.ones(shape, dtype=bool)), rhs


@pytest.mark.parametrize("shape", [(1, 1, 2), (2, 4, 4), (1, 1, 7), (3, 9, 5)])
@pytest.mark.parametrize("upwind", [False, True])
@pytest.mark.parametrize("method", ["multigrid", "direct"])
def test_a_level_that_nothing_holds_is_singular(shape: tuple[int, int, int], upwind: bool, method: str) -> None:
    matrix, rhs = _floating(shape, upwind)
    result = solve(matrix, rhs, 1e-9, LinearSettings(method=method))
    assert result.status is LinearStatus.SINGULAR
    with pytest.raises(ConvergenceError, match="no fixed head, general head, river or storage"):
        _ = result.solution


def test_conjugate_gradients_break_down_on_a_matrix_that_is_not_positive() -> None:
    matrix, rhs = _matrix(4, (2, 5, 5))
    good = matrix.preconditioner()
    negative = Matrix.with_diagonal(
        -matrix.diagonal, matrix.far_x, matrix.near_x, matrix.far_y, matrix.near_y, matrix.cz, matrix.unknown
    )
    result = conjugate_gradients(negative, rhs, 1e-9, good, 50)
    assert result.status is LinearStatus.BREAKDOWN
    with pytest.raises(ConvergenceError, match=r"broke down; use linear\.method: direct"):
        _ = result.solution


def test_bicgstab_breaks_down_rather_than_divide_by_zero() -> None:
    one = np.ones((1, 1, 2))
    turn = np.array([[[1.0, 0.0]]])
    # [[0, -1], [1, 0]] turns every direction by a right angle
    matrix = Matrix.with_diagonal(0.0 * one, turn, -turn, 0.0 * one, 0.0 * one, 0.0 * one, np.ones((1, 1, 2), dtype=bool))

    class Nothing:
        def refresh(self, bands: Bands) -> None:
            pass

        def apply(self, residual: np.ndarray) -> np.ndarray:
            return residual.copy()

    result = bicgstab(matrix, np.array([[[1.0, 0.0]]]), 1e-12, Nothing(), 20)  # type: ignore[arg-type]
    assert result.status is LinearStatus.BREAKDOWN


def test_solves_are_deterministic() -> None:
    matrix, rhs = _matrix(6, (4, 30, 30), upwind=0.3)
    first, second = (solve(matrix, rhs, 1e-8, LinearSettings()) for _ in range(2))
    assert first.solution.tobytes() == second.solution.tobytes()
    assert first.residuals == second.residuals
