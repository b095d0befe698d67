"""Vectors in red-black numbering hold the same numbers, and the compiled methods the same algebra, as arrays do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import linalg

from aquirecover.flow.colouring import Layout
from aquirecover.flow.linear import Aids, LinearSettings, conjugate_gradients, conjugate_residuals, solve
from aquirecover.flow.linear_result import LinearStatus
from aquirecover.flow.matrix import Matrix
from aquirecover.flow.recycling import PastSolutions

SHAPES = [(1, 1, 1), (3, 1, 7), (2, 6, 1), (2, 4, 4), (3, 5, 4), (2, 4, 7), (1, 9, 9)]


def _matrix(shape: tuple[int, int, int], upwind: float, seed: int = 0) -> Matrix:
    """Return an M-matrix with random faces."""
    random = np.random.default_rng(seed)
    cx, cy, cz = (random.uniform(0.5, 2.0, shape) for _ in range(3))
    cx[:, :, -1], cy[:, -1], cz[-1] = 0.0, 0.0, 0.0
    near_x, near_y = (c * (1.0 + upwind * random.random(shape)) for c in (cx, cy)) if upwind else (cx, cy)
    diagonal = 0.1 + near_x + near_y + cz
    diagonal[:, :, 1:] += cx[:, :, :-1]
    diagonal[:, 1:] += cy[:, :-1]
    diagonal[1:] += cz[:-1]
    return Matrix.with_diagonal(diagonal, cx, near_x, cy, near_y, cz, np.ones(shape, dtype=bool))


@pytest.mark.parametrize("shape", SHAPES)
def test_splitting_and_joining_returns_every_value(shape: tuple[int, int, int]) -> None:
    values = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    layout = Layout(*shape)
    vector = layout.split(values)
    np.testing.assert_array_equal(layout.join(vector), values)
    assert sorted(vector[vector > 0.0]) == sorted(values.ravel())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("upwind", [0.0, 0.5])
def test_product_is_that_of_the_sparse_matrix(shape: tuple[int, int, int], upwind: float) -> None:
    matrix = _matrix(shape, upwind)
    x, b = np.random.default_rng(1).normal(size=(2, *shape))
    expected = (matrix.to_sparse() @ x.ravel()).reshape(shape)
    np.testing.assert_allclose(matrix.multiply(x), expected, rtol=1e-13, atol=1e-13)
    left = np.empty(shape)
    assert matrix.residual(b, x, left) == pytest.approx(np.abs(b - expected).sum(), rel=1e-13)
    np.testing.assert_allclose(left, b - expected, rtol=1e-13, atol=1e-13)


def test_guess_is_exact_for_a_combination_of_earlier_solutions() -> None:
    matrix = _matrix((3, 8, 9), 0.0)
    random = np.random.default_rng(3)
    past, hierarchy = PastSolutions(3 * 8 * 9), matrix.hierarchy
    loads = random.normal(size=(4, 3, 8, 9))
    for load in loads:
        solve(matrix, load, 1e-10, LinearSettings(), hierarchy, Aids(past=past))
    mixed = 2.0 * loads[0] - loads[2] + 0.5 * loads[3]
    found = solve(matrix, mixed, 1e-7, LinearSettings(), hierarchy, Aids(past=past))
    assert found.iterations == 0
    np.testing.assert_allclose(matrix.multiply(found.solution), mixed, atol=1e-7)
    assert solve(matrix, mixed, 1e-7, LinearSettings(), hierarchy).iterations > 3


def test_guess_knows_what_steps_of_other_lengths_change() -> None:
    shape, random = (2, 12, 13), np.random.default_rng(7)
    still, storage = _matrix(shape, 0.0), random.uniform(0.5, 5.0, shape)
    loads, begin = random.normal(size=(4, *shape)), np.zeros(still.diagonal.size)
    informed, ignorant = PastSolutions(begin.size, storage.ravel()), PastSolutions(begin.size)
    solutions = []
    for load, rate in zip(loads, (8.0, 4.0, 2.0, 1.0), strict=True):
        matrix, guess = still.with_surplus(still.surplus + rate * storage).to_sparse(), np.empty(begin.size)
        solutions.append(linalg.spsolve(matrix, load.ravel()))
        for past in (informed, ignorant):
            past.guess(load.ravel(), begin, guess, rate)
            past.add(load.ravel(), begin, solutions[-1], rate)
    # of the span of all four, which a matrix of any rate maps to another right-hand side
    rate, wanted = 0.5, 2.0 * solutions[-1] + solutions[0]
    b, left = still.with_surplus(still.surplus + rate * storage).multiply(wanted.reshape(shape)), []
    for past in (informed, ignorant):
        assert past.guess(b.ravel(), begin, guess, rate)
        left.append(np.abs(guess - wanted).max() / np.abs(wanted).max())
    assert left[0] < 1e-10
    assert left[1] > 1e-2


def test_a_residual_that_is_not_checked_is_nearly_the_true_one() -> None:
    matrix = _matrix((3, 20, 21), 0.0)
    load = np.random.default_rng(8).normal(size=(3, 20, 21))
    target = 1e-3 * float(np.abs(load).sum())
    result = solve(matrix, load, target, LinearSettings(), aids=Aids(check=False))
    left = np.abs(matrix.multiply(result.solution) - load).sum()
    assert 0.0 < left <= target
    assert result.residuals[-1] == pytest.approx(left, rel=1e-2)


def test_a_guess_of_another_matrix_does_no_harm() -> None:
    random = np.random.default_rng(4)
    first, second = _matrix((2, 8, 8), 0.0, seed=1), _matrix((2, 8, 8), 0.0, seed=2)
    past = PastSolutions(2 * 8 * 8)
    for _ in range(12):
        solve(first, random.normal(size=(2, 8, 8)), 1e-10, LinearSettings(), None, Aids(past=past))
    load = random.normal(size=(2, 8, 8))
    result = solve(second, load, 1e-9, LinearSettings(), None, Aids(past=past))
    np.testing.assert_allclose(second.multiply(result.solution), load, atol=1e-9)


def test_equal_loads_give_equal_bits() -> None:
    matrix = _matrix((3, 20, 21), 0.0)
    load = np.random.default_rng(5).normal(size=(3, 20, 21))
    first, second = (solve(matrix, load, 1e-9, LinearSettings(), matrix.preconditioner()).solution for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", SHAPES)
def test_conjugate_residuals_solve_unsymmetric_systems(shape: tuple[int, int, int]) -> None:
    matrix = _matrix(shape, 0.3)
    load = np.random.default_rng(6).normal(size=shape)
    target = 1e-10 * float(np.abs(load).sum())
    result = conjugate_residuals(matrix, load, target, matrix.preconditioner(), 60)
    assert np.abs(matrix.multiply(result.solution) - load).sum() <= 1.001 * target


def test_a_cycle_that_is_not_positive_turns_no_more() -> None:
    matrix = _matrix((1, 128, 128), 0.0)
    load = np.random.default_rng(9).normal(size=(1, 128, 128))
    hierarchy = matrix.preconditioner()
    assert [level.turns for level in hierarchy.levels] == [0, 1, 1, 0, 0, 0, 0, 0]
    # the first grid that is visited twice and those below it resist a fourth of what they should: its corrections go too far
    below, arrays = hierarchy.levels[2], hierarchy.hierarchy
    arrays.faces[:, below.face :] *= 0.25
    arrays.factors[0, below.vector :] *= 4.0
    result = conjugate_gradients(matrix, load, 1e-6, hierarchy, 100)
    assert result.status is LinearStatus.CONVERGED
    assert np.abs(matrix.multiply(result.solution) - load).sum() <= 1e-6
    # those below it do no harm
    assert [level.turns for level in hierarchy.levels] == [0, 0, 1, 0, 0, 0, 0, 0]
    assert hierarchy.straighten()
    assert not hierarchy.straighten()
