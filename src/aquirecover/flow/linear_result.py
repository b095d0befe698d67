"""How the solve of a linear system ended; the status cannot be lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import FloatArray


class LinearStatus(Enum):
    """How a solve ended; the value is the sentence for people."""

    CONVERGED = "the residual is below its target"
    MAX_ITERATIONS = "the largest number of iterations was reached; raise linear.max_iterations or use linear.method: direct"
    BREAKDOWN = "the Krylov method broke down; use linear.method: direct"
    STALLED = "the residual stopped falling; use linear.method: direct"
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
