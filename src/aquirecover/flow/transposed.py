"""Tight solutions of transposed systems, many right-hand sides with one matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.compiled import share
from aquirecover.flow.direct import factorize
from aquirecover.flow.linear import Aids, LinearSettings, solve
from aquirecover.flow.linear_result import LinearStatus
from aquirecover.flow.matrix import Matrix
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.recycling import PastSolutions

# Cells up to which a factorisation for a few right-hand sides takes no more time than a hierarchy and its iterations.
DIRECT_CELLS = 1000
# A solve gains this much at most before the residual is computed afresh, and how often it is.
GAIN, REFINEMENTS = 1e-6, 6
# Linear iterations more than with a new hierarchy that an old one may cost.
WORN = 2
ROUNDING = 8.0 * float(np.finfo(np.float64).eps)


class TransposedSolver:
    """Solves ``Aᵀ x = b`` for one matrix after another.

    Parameters
    ----------
    settings : LinearSettings
        Of each solve.
    tolerance : float
        What may be left of a right-hand side, by the sum of absolute values; 1. Rounding may leave more.
    """

    def __init__(self, settings: LinearSettings, tolerance: float) -> None:
        self.settings = settings
        self.tolerance = tolerance
        self._matrix: Matrix | None = None
        self._transposed: Matrix | None = None
        self._factor: Any = None
        self._hierarchy: Multigrid | None = None
        self._fewest = 0
        self._past: dict[int, PastSolutions] = {}
        # sums of diagonal times absolute solution, over those of absolute right-hand sides
        self._scale: dict[int, float] = {}

    def use(self, matrix: Matrix) -> None:
        """Take a matrix for the solves that follow.

        Raises
        ------
        ConvergenceError
            When it is singular.
        """
        if matrix is self._matrix:
            return
        self._matrix, self._transposed = matrix, matrix.transposed()
        if self.settings.method == "direct" or matrix.diagonal.size <= DIRECT_CELLS:
            self._factor = factorize(self._transposed)
            if self._factor is None:
                raise ConvergenceError(LinearStatus.SINGULAR.value)
        elif matrix.symmetric:
            self._hierarchy = matrix.hierarchy

    def forget(self) -> None:
        """Forget earlier solutions."""
        self._past, self._scale = {}, {}

    def solve(self, functional: int, b: FloatArray, x: FloatArray, least: float) -> None:
        """Solve for the right-hand side of one functional.

        Parameters
        ----------
        functional : int
            Earlier solutions for the same one guide the first guess.
        b : ndarray
            Zero in cells that are no unknowns, shape ``(n_layer, n_y, n_x)``.
        x : ndarray
            A first guess, which becomes the solution.
        least : float
            Residuals that sum to less do not matter.

        Raises
        ------
        ConvergenceError
            When the system is not solved.
        """
        matrix = self._transposed
        assert matrix is not None
        size = float(np.abs(b).sum())
        if self._factor is None and matrix.symmetric:
            x[:] = self._first(functional, matrix, b, size)
        r = b - matrix.multiply(x)
        left = float(np.abs(r).sum())
        if left >= size:
            x[:] = 0.0
            r, left = b, size
        for _ in range(REFINEMENTS):
            scale = float((matrix.diagonal * np.abs(x)).sum())
            target = max(self.tolerance * size, least, ROUNDING * scale)
            if left <= target:
                self._scale[functional] = scale / size
                return
            x += self._correction(matrix, r, max(0.5 * target, GAIN * left))
            r = b - matrix.multiply(x)
            left = float(np.abs(r).sum())
        if not left <= target:
            raise ConvergenceError(
                f"the adjoint system is not solved, {left / size:.2g} of its right-hand side is left: must be "
                f"{target / size:.2g} or less. Use linear.method: direct, or a larger tolerance"
            )

    def _first(self, functional: int, matrix: Matrix, b: FloatArray, size: float) -> FloatArray:
        """Return the solution of a symmetric system, as good as rounding allows where an earlier one tells how good that is."""
        hierarchy = self._hierarchy = matrix.hierarchy
        if functional not in self._past:
            self._past[functional] = PastSolutions(b.size, threads=share(self.settings.threads, b.size))
        aids = Aids(norm=size, past=self._past[functional])
        if functional in self._scale:
            target = 0.5 * max(self.tolerance, ROUNDING * self._scale[functional]) * size
            result = solve(matrix, b, target, replace(self.settings, direct_fallback_cells=0), hierarchy, aids)
            if result.status is LinearStatus.CONVERGED:
                return result.solution
        return solve(matrix, b, max(self.tolerance, GAIN) * size, self.settings, hierarchy, aids).solution

    def _correction(self, matrix: Matrix, r: FloatArray, target: float) -> FloatArray:
        """Return an approximation of ``A⁻ᵀ r``."""
        if self._factor is not None:
            correction: FloatArray = self._factor.solve(r.ravel()).reshape(r.shape)
            return correction
        if matrix.symmetric:
            return solve(matrix, r, target, self.settings, self._hierarchy).solution
        if self._hierarchy is not None:
            # a hierarchy of an earlier matrix serves as long as it costs no more than a few iterations
            result = solve(matrix, r, target, replace(self.settings, direct_fallback_cells=0), self._hierarchy)
            if not 0 < result.iterations <= self._fewest + WORN:
                self._hierarchy = None
            if result.status is LinearStatus.CONVERGED:
                return result.solution
        self._hierarchy = matrix.preconditioner()
        result = solve(matrix, r, target, self.settings, self._hierarchy)
        self._fewest = result.iterations
        return result.solution
