"""Linear systems of the seven-point stencil, and solvers whose status cannot be lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any, Literal

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow import kernels, krylov
from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.colouring import Layout
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.recycling import PastSolutions

# Conjugate residuals that have not converged by then have stalled, as they may where rows differ by ten decades.
RESIDUAL_ITERATIONS = 40


@dataclass(frozen=True)
class LinearSettings:
    """How linear systems are solved."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    method: Literal["multigrid", "direct"] = "multigrid"
    """``multigrid``: conjugate gradients (BiCGSTAB for Newton systems) preconditioned by multigrid; ``direct``: sparse LU."""
    max_iterations: int = 200
    """Krylov iterations after which a solve counts as failed."""
    direct_fallback_cells: int = 100_000
    """A failed Krylov solve is repeated with the direct solver up to this number of cells."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations = {self.max_iterations}: must be 1 or more.")
        if self.direct_fallback_cells < 0:
            raise ValueError(f"direct_fallback_cells = {self.direct_fallback_cells}: must be 0 or more.")


class LinearStatus(Enum):
    """How a solve ended; the value is the sentence for people."""

    CONVERGED = "the residual is below its target"
    MAX_ITERATIONS = "the largest number of iterations was reached; raise linear.max_iterations or use linear.method: direct"
    BREAKDOWN = "the Krylov method broke down; use linear.method: direct"
    SINGULAR = "the matrix is singular; a part of the model has no fixed head, general head, river or storage"
    NOT_FINITE = "the matrix or right-hand side is not finite; look for missing values in the input"


@dataclass(frozen=True, eq=False)
class LinearResult:
    """Outcome of a solve; the solution is only to be had through `solution`, which refuses when the solve failed.

    Parameters
    ----------
    status : LinearStatus
        How it ended.
    iterations : int
        0 for a direct solve.
    residuals : tuple of float
        History of the sum of absolute residuals, m³/d.
    """

    status: LinearStatus
    iterations: int
    residuals: tuple[float, ...]
    _x: FloatArray

    @property
    def solution(self) -> FloatArray:
        """The solution, shape ``(n_layer, n_y, n_x)``.

        Raises
        ------
        ConvergenceError
            When the solve did not converge.
        """
        if self.status is not LinearStatus.CONVERGED:
            last = self.residuals[-1] if self.residuals else float("nan")
            raise ConvergenceError(f"Linear solver, {self.iterations} iterations, residual {last:.3g} m3/d: {self.status.value}.")
        return self._x


@dataclass(frozen=True, eq=False)
class Matrix:
    """The Newton matrix of a step on the seven-point stencil; arrays of shape ``(n_layer, n_y, n_x)``, m²/d.

    Parameters
    ----------
    diagonal : ndarray
        1 for cells that are no unknowns.
    far_x, near_x, far_y, near_y : ndarray
        Of horizontal faces, see `kernels.face_derivatives`; the matrix is symmetric when far and near are the same.
    cz : ndarray
        Conductance of vertical faces between unknowns.
    unknown : ndarray of bool
        Cells that are solved for.
    x, y : ndarray, optional
        Positions of columns and rows of cells, m: they guide the preconditioner where spacing varies.
    """

    diagonal: FloatArray
    far_x: FloatArray
    near_x: FloatArray
    far_y: FloatArray
    near_y: FloatArray
    cz: FloatArray
    unknown: BoolArray
    x: FloatArray | None = None
    y: FloatArray | None = None

    @property
    def symmetric(self) -> bool:
        """Whether far and near are the same arrays."""
        return self.far_x is self.near_x and self.far_y is self.near_y

    def transposed(self) -> Matrix:
        """Return ``Aᵀ``, itself when it is symmetric."""
        if self.symmetric:
            return self
        return replace(self, far_x=self.near_x, near_x=self.far_x, far_y=self.near_y, near_y=self.far_y)

    @cached_property
    def finite(self) -> bool:
        """Whether its diagonal is finite, as its faces then are."""
        return bool(np.isfinite(kernels.absolute_sum(self.diagonal.ravel())))

    @cached_property
    def split(self) -> krylov.SplitMatrix:
        """The matrix in the numbering of `colouring`."""
        return krylov.split_matrix(self.diagonal, self.far_x, self.near_x, self.far_y, self.near_y, self.cz)

    def multiply(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Return ``A x``."""
        result = np.empty_like(x) if out is None else out
        kernels.multiply(self.diagonal, self.far_x, self.near_x, self.far_y, self.near_y, self.cz, x, result)
        return result

    @cached_property
    def hierarchy(self) -> Multigrid:
        """The `preconditioner`, made once."""
        return self.preconditioner()

    def preconditioner(self) -> Multigrid:
        """Return a multigrid hierarchy for the `symmetric_part`."""
        return Multigrid(*self.symmetric_part(), self.x, self.y)

    def symmetric_part(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return faces and row sums of an M-matrix near the matrix, itself when it is symmetric.

        The smaller of the two derivatives of a face is its conductance with the saturation held; what the saturation adds to
        the rows is left out.
        """
        cx = self.far_x if self.symmetric else np.maximum(np.minimum(self.far_x, self.near_x), 0.0)
        cy = self.far_y if self.symmetric else np.maximum(np.minimum(self.far_y, self.near_y), 0.0)
        surplus = self.diagonal - self.near_x - self.near_y - self.cz
        surplus[:, :, 1:] -= self.far_x[:, :, :-1]
        surplus[:, 1:] -= self.far_y[:, :-1]
        surplus[1:] -= self.cz[:-1]
        # rounding of the subtraction must not make a row lose its dominance, and cells that are no unknowns have no row
        np.maximum(surplus, 0.0, out=surplus)
        surplus[~self.unknown] = 0.0
        return cx, cy, self.cz, surplus

    def to_sparse(self) -> Any:
        """Return the matrix as ``scipy.sparse.csc_array`` over all cells by flat number."""
        from scipy import sparse

        _, n_y, n_x = self.diagonal.shape
        n = self.diagonal.size
        bands = [(0, self.diagonal)]
        for offset, far, near in ((1, self.far_x, self.near_x), (n_x, self.far_y, self.near_y), (n_x * n_y, self.cz, self.cz)):
            bands += [(offset, -far), (-offset, -near)]
        # faces on the far edges are zero, so that bands of one offset, as in a grid of one column, may be added
        parts = [
            sparse.diags_array(values.ravel()[: n - abs(offset)], offsets=offset, shape=(n, n))
            for offset, values in bands
            if abs(offset) < n
        ]
        result = sparse.csc_array(sum(parts[1:], start=sparse.csc_array(parts[0])))
        result.eliminate_zeros()
        return result


def solve(
    matrix: Matrix,
    rhs: FloatArray,
    target: float,
    settings: LinearSettings,
    preconditioner: Multigrid | None = None,
    past: PastSolutions | None = None,
    out: FloatArray | None = None,
) -> LinearResult:
    """Solve ``A x = rhs`` until the sum of absolute residuals is at most `target`.

    Parameters
    ----------
    matrix : Matrix
        Of the step.
    rhs : ndarray
        Zero in cells that are no unknowns; m³/d.
    target : float
        m³/d.
    settings : LinearSettings
        See its class.
    preconditioner : Multigrid, optional
        Of this or a similar matrix; made here when there is none.
    past : PastSolutions, optional
        Of similar systems, for the first guess of a symmetric one; the solution is added.
    out : ndarray, optional
        Where conjugate gradients put the solution, shape ``(n_layer, n_y, n_x)``.
    """
    if not (matrix.finite and np.isfinite(kernels.absolute_sum(rhs.ravel()))):
        return LinearResult(LinearStatus.NOT_FINITE, 0, (), rhs)
    if settings.method == "direct":
        return solve_direct(matrix, rhs, target)
    preconditioner = preconditioner or matrix.hierarchy
    if matrix.symmetric:
        result = conjugate_gradients(matrix, rhs, target, preconditioner, settings.max_iterations, past, out)
    else:
        result = conjugate_residuals(matrix, rhs, target, preconditioner, min(RESIDUAL_ITERATIONS, settings.max_iterations))
        if result.status is not LinearStatus.CONVERGED:
            result = bicgstab(matrix, rhs, target, preconditioner, settings.max_iterations)
    if result.status is not LinearStatus.CONVERGED and rhs.size <= settings.direct_fallback_cells:
        return solve_direct(matrix, rhs, target)
    return result


def solve_direct(matrix: Matrix, rhs: FloatArray, target: float) -> LinearResult:
    """Solve by sparse LU with one step of iterative refinement."""
    factor = factorize(matrix)
    if factor is None:
        return LinearResult(LinearStatus.SINGULAR, 0, (), rhs)
    x = factor.solve(rhs.ravel()).reshape(rhs.shape)
    r = rhs - matrix.multiply(x)
    x += factor.solve(r.ravel()).reshape(rhs.shape)
    norm = float(np.abs(rhs - matrix.multiply(x)).sum())
    # an LU solve cannot do better than rounding, whatever the target; of a singular matrix even that exceeds the right-hand side
    floor = min(1e-12 * float((matrix.diagonal * np.abs(x)).sum()), 1e-6 * float(np.abs(rhs).sum()))
    status = LinearStatus.CONVERGED if norm <= max(target, floor) else LinearStatus.SINGULAR
    return LinearResult(status, 0, (norm,), x)


def factorize(matrix: Matrix) -> Any:
    """Return the sparse LU factors, with a method `solve` for flat arrays, or None when the matrix is singular.

    SuperLU, minimum degree on A + Aᵀ, symmetric mode.
    """
    from scipy.sparse import linalg

    try:
        return linalg.splu(matrix.to_sparse(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError as error:
        if "singular" not in str(error):
            raise
        return None


def conjugate_gradients(
    matrix: Matrix,
    rhs: FloatArray,
    target: float,
    preconditioner: Multigrid,
    max_iterations: int,
    past: PastSolutions | None = None,
    out: FloatArray | None = None,
) -> LinearResult:
    """Preconditioned conjugate gradients; stops when ``Σ|r| ≤ target`` for the true residual, see `krylov`."""
    layout = preconditioner.layouts[0]
    b, x, *_ = work = preconditioner.work
    layout.split_into(rhs, b)
    if past is None or not past.guess(b, x):
        x[:] = 0.0
    history = np.empty(max_iterations + 1)
    iterations, sound = krylov.conjugate_gradients(
        matrix.split, preconditioner.hierarchy, b, x, work[2:], target, max_iterations, history
    )
    result = _result(layout, x, target, history[: iterations + 1], sound, out)
    if past is not None and result.status is LinearStatus.CONVERGED:
        past.add(b, work[2], x)
    return result


def conjugate_residuals(
    matrix: Matrix, rhs: FloatArray, target: float, preconditioner: Multigrid, max_iterations: int
) -> LinearResult:
    """Generalised conjugate residuals for a matrix of any kind; stops when ``Σ|r| ≤ target`` for the true residual."""
    layout = preconditioner.layouts[0]
    b, x, r, *_ = preconditioner.work
    layout.split_into(rhs, b)
    history = np.empty(max_iterations + 1)
    iterations, sound = krylov.conjugate_residuals(
        matrix.split, preconditioner.hierarchy, b, x, r, *preconditioner.directions, target, max_iterations, history
    )
    return _result(layout, x, target, history[: iterations + 1], sound)


def _result(
    layout: Layout, x: FloatArray, target: float, history: FloatArray, sound: bool, out: FloatArray | None = None
) -> LinearResult:
    """Return the result of a method whose last residual is the true one."""
    residuals = tuple(history.tolist())
    status = LinearStatus.MAX_ITERATIONS if sound else LinearStatus.BREAKDOWN
    if residuals[-1] <= target:
        status = LinearStatus.CONVERGED
    return LinearResult(status, len(residuals) - 1, residuals, layout.join(x, out))


def bicgstab(matrix: Matrix, rhs: FloatArray, target: float, preconditioner: Multigrid, max_iterations: int) -> LinearResult:
    """Right-preconditioned BiCGSTAB (van der Vorst 1992; Saad 2003, algorithm 7.7); two cycles an iteration.

    Stops when ``Σ|r| ≤ target`` for the true residual, as `conjugate_gradients` does.
    """
    x, r = np.zeros_like(rhs), rhs.copy()
    shadow, p, v, t = r.copy(), np.zeros_like(rhs), np.zeros_like(rhs), np.empty_like(rhs)
    rho = alpha = omega = 1.0
    residuals = [kernels.absolute_sum(r.ravel())]
    for iteration in range(1, max_iterations + 1):
        if residuals[-1] <= target:
            residuals[-1] = _true_residual(matrix, rhs, x, t, r)
            if residuals[-1] <= target:
                return LinearResult(LinearStatus.CONVERGED, iteration - 1, tuple(residuals), x)
            shadow[:], p[:], v[:] = r, 0.0, 0.0
            rho = alpha = omega = 1.0
        rho_old, rho = rho, kernels.dot(shadow.ravel(), r.ravel())
        if rho == 0.0 or omega == 0.0:
            return LinearResult(LinearStatus.BREAKDOWN, iteration, tuple(residuals), x)
        kernels.direction(p.ravel(), v.ravel(), -1.0 / omega)
        kernels.direction(p.ravel(), r.ravel(), -omega * (rho / rho_old) * (alpha / omega))
        along = preconditioner.apply(p).copy()
        matrix.multiply(along, v)
        shadow_v = kernels.dot(shadow.ravel(), v.ravel())
        if shadow_v == 0.0:
            return LinearResult(LinearStatus.BREAKDOWN, iteration, tuple(residuals), x)
        alpha = rho / shadow_v
        kernels.step_along(x.ravel(), along.ravel(), r.ravel(), v.ravel(), alpha)
        correction = preconditioner.apply(r)
        matrix.multiply(correction, t)
        squared = kernels.dot(t.ravel(), t.ravel())
        omega = kernels.dot(t.ravel(), r.ravel()) / squared if squared > 0.0 else 0.0
        residuals.append(kernels.step_along(x.ravel(), correction.ravel(), r.ravel(), t.ravel(), omega))
        if not np.isfinite(residuals[-1]):
            return LinearResult(LinearStatus.BREAKDOWN, iteration, tuple(residuals), x)
    return _ended(matrix, rhs, x, target, max_iterations, residuals)


def _true_residual(matrix: Matrix, rhs: FloatArray, x: FloatArray, work: FloatArray, r: FloatArray) -> float:
    """Set r to ``rhs − A x`` and return ``Σ|r|``."""
    np.subtract(rhs, matrix.multiply(x, work), out=r)
    return float(kernels.absolute_sum(r.ravel()))


def _ended(
    matrix: Matrix, rhs: FloatArray, x: FloatArray, target: float, iterations: int, residuals: list[float]
) -> LinearResult:
    """Return the result of a method that has used up its iterations, judged by the true residual."""
    residuals[-1] = _true_residual(matrix, rhs, x, np.empty_like(rhs), np.empty_like(rhs))
    status = LinearStatus.CONVERGED if residuals[-1] <= target else LinearStatus.MAX_ITERATIONS
    return LinearResult(status, iterations, tuple(residuals), x)
