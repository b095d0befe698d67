"""BiCGSTAB in double precision, for unsymmetric systems on which generalised conjugate residuals stall."""

from __future__ import annotations

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.linear_result import LinearResult, LinearStatus
from aquirecover.flow.matrix import Matrix
from aquirecover.flow.multigrid import Multigrid


def bicgstab(matrix: Matrix, rhs: FloatArray, target: float, preconditioner: Multigrid, max_iterations: int) -> LinearResult:
    """Right-preconditioned BiCGSTAB (van der Vorst 1992; Saad 2003, algorithm 7.7); two cycles an iteration.

    Stops when ``Σ|r| ≤ target`` for the true residual, as `conjugate_gradients` does.
    """
    preconditioner.refresh(matrix.bands)
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
