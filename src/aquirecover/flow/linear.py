"""Solvers of linear systems whose status cannot be lost.

Krylov methods run in single precision (`krylov`) and start again from the residual in double precision until that is small
enough: iterative refinement (Carson and Higham 2018, SIAM J. Sci. Comput. 40, A817).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from aquirecover.flow import kernels, krylov
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.bicgstab import bicgstab
from aquirecover.flow.compiled import share
from aquirecover.flow.direct import solve_direct
from aquirecover.flow.linear_result import LinearResult, LinearStatus
from aquirecover.flow.matrix import Matrix
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.recycling import PastSolutions

# Conjugate residuals that have not converged by then have stalled, as they may where rows differ by ten decades.
RESIDUAL_ITERATIONS = 40
# Bounds of the share of a residual that single precision is taken to hide.
LEAST_NOISE, MOST_NOISE = 2e-7, 0.05
# Rounds that may fail to halve the residual.
STALLED_ROUNDS = 2


@dataclass(frozen=True)
class LinearSettings:
    """How linear systems are solved."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    method: Literal["multigrid", "direct"] = "multigrid"
    """``multigrid``: conjugate gradients (residuals for Newton systems) preconditioned by multigrid; ``direct``: sparse LU."""
    max_iterations: int = 200
    """Krylov iterations after which a solve counts as failed."""
    direct_fallback_cells: int = 100_000
    """A failed Krylov solve is repeated with the direct solver up to this number of cells."""
    threads: int = 1
    """Threads of a run on a large grid, 0 for one per core: faster where nothing else uses the cores, slower where others do.
    Results are the same, bit by bit, whatever their number."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations = {self.max_iterations}: must be 1 or more.")
        if self.direct_fallback_cells < 0:
            raise ValueError(f"direct_fallback_cells = {self.direct_fallback_cells}: must be 0 or more.")
        if self.threads < 0:
            raise ValueError(f"threads = {self.threads}: must be 0 (one per core) or more.")


@dataclass(frozen=True, eq=False)
class Aids:
    """What is known beside a system, and how its solution is wanted.

    Parameters
    ----------
    norm : float, optional
        Sum of the absolute values of the right-hand side, m³/d.
    past : PastSolutions, optional
        Of similar systems, for the first guess of a symmetric one; the solution is added.
    out : ndarray, optional
        Where Krylov methods put the solution, shape ``(n_layer, n_y, n_x)``.
    check : bool
        Whether Krylov methods compute the residual of their result afresh. Who does so anyway need not ask: the last residual
        is then an estimate.
    threads : int, optional
        See `compiled.share`; `solve` takes those of its settings.
    """

    norm: float | None = None
    past: PastSolutions | None = None
    out: FloatArray | None = None
    check: bool = True
    threads: int | None = None


NO_AIDS = Aids()


def solve(
    matrix: Matrix,
    rhs: FloatArray,
    target: float,
    settings: LinearSettings,
    preconditioner: Multigrid | None = None,
    aids: Aids = NO_AIDS,
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
        Of this or a similar matrix, whose finest level becomes that of this one; made here when there is none.
    aids : Aids, optional
        See its class.
    """
    norm = _norm(rhs, aids)
    if not (matrix.finite and np.isfinite(norm)):
        return LinearResult(LinearStatus.NOT_FINITE, 0, (), rhs)
    if settings.method == "direct":
        return solve_direct(matrix, rhs, target)
    preconditioner = preconditioner or matrix.hierarchy
    aids = replace(aids, norm=norm, threads=share(settings.threads, rhs.size))
    if matrix.symmetric:
        result = conjugate_gradients(matrix, rhs, target, preconditioner, settings.max_iterations, aids)
    else:
        most = min(RESIDUAL_ITERATIONS, settings.max_iterations)
        result = conjugate_residuals(matrix, rhs, target, preconditioner, most, aids)
        if result.status is not LinearStatus.CONVERGED:
            result = bicgstab(matrix, rhs, target, preconditioner, settings.max_iterations)
    if result.status is not LinearStatus.CONVERGED and rhs.size <= settings.direct_fallback_cells:
        return solve_direct(matrix, rhs, target)
    return result


def conjugate_gradients(
    matrix: Matrix, rhs: FloatArray, target: float, preconditioner: Multigrid, max_iterations: int, aids: Aids = NO_AIDS
) -> LinearResult:
    """Preconditioned conjugate gradients; stops when ``Σ|r| ≤ target`` for the true residual, see `krylov`."""
    return _refine(krylov.conjugate_gradients, matrix, rhs, target, preconditioner, max_iterations, aids)


def conjugate_residuals(
    matrix: Matrix, rhs: FloatArray, target: float, preconditioner: Multigrid, max_iterations: int, aids: Aids = NO_AIDS
) -> LinearResult:
    """Generalised conjugate residuals for a matrix of any kind; stops when ``Σ|r| ≤ target`` for the true residual."""
    return _refine(krylov.conjugate_residuals, matrix, rhs, target, preconditioner, max_iterations, replace(aids, past=None))


def _norm(rhs: FloatArray, aids: Aids) -> float:
    """Return the sum of the absolute values of a right-hand side."""
    return float(kernels.absolute_sum(rhs.ravel())) if aids.norm is None else aids.norm


def _refine(
    method: Callable[[Multigrid, float, int, float, int | None], tuple[list[float], bool]],
    matrix: Matrix,
    rhs: FloatArray,
    target: float,
    preconditioner: Multigrid,
    most: int,
    aids: Aids,
) -> LinearResult:
    """Run a method from one true residual to the next."""
    threads, past, work = aids.threads, aids.past, preconditioner.work
    preconditioner.refresh(matrix.bands, threads)
    x, begun = np.empty_like(rhs) if aids.out is None else aids.out, False
    left, norm = rhs, _norm(rhs, aids)
    if past is not None or not norm > target:
        x[:], begun = 0.0, True
    if past is not None and past.guess(rhs.ravel(), x.ravel(), x.ravel()):
        left, norm = work, matrix.residual(rhs, x, work, threads)
    sound, stalled, history = True, 0, [norm]
    while norm > target and sound and stalled < STALLED_ROUNDS and len(history) <= most:
        found = preconditioner.load(left, norm, threads)
        # what single precision hides, as earlier solves have shown
        hidden = preconditioner.noise * norm
        reduced, sound = method(preconditioner, max(target - 0.5 * hidden, hidden), most + 1 - len(history), found, threads)
        preconditioner.unload(x, threads, add=begun)
        begun = True
        history += reduced
        if not aids.check and sound and hidden <= target and history[-1] <= target - 0.5 * hidden:
            norm = history[-1]
            break
        before, norm, left = norm, matrix.residual(rhs, x, work, threads), work
        if not np.isfinite(norm):
            sound = False
            break
        seen = abs(norm - [found, *reduced][-1]) / before
        preconditioner.noise = min(max(2.0 * seen, LEAST_NOISE), MOST_NOISE)
        history[-1] = norm
        stalled += norm > 0.5 * before
    if norm <= target:
        if past is not None:
            work[:] = 0.0
            past.add(rhs.ravel(), work.ravel(), x.ravel())
        return LinearResult(LinearStatus.CONVERGED, len(history) - 1, tuple(history), x)
    used_up = LinearStatus.MAX_ITERATIONS if len(history) > most else LinearStatus.STALLED
    status = used_up if sound else LinearStatus.BREAKDOWN
    return LinearResult(status, len(history) - 1, tuple(history), x)
