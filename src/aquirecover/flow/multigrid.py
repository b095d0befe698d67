"""A multigrid preconditioner for layered structured grids.

Coarsened in x and y only, by aggregates of 2 × 2 columns, since the contrasts of an aquifer system lie between its layers;
smoothed by solving each column exactly, in red-black order. The horizontal conductance of an aggregate is half the sum of its
faces, which makes the coarse grid a discretisation of the same flow with cells twice as wide. One symmetric V(1, 1) cycle is
the preconditioner. Columns and aggregation: Trottenberg, Oosterlee and Schüller, Multigrid, 2001, sections 5.2 and A.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.kernels import kernel


@kernel
def _factor_columns(cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, inverse: FloatArray) -> None:
    """Fill the inverse pivots of the tridiagonal system of each column; 1 for a row that is empty."""
    n_layer, n_y, n_x = cx.shape
    for j in range(n_y):
        for i in range(n_x):
            for k in range(n_layer):
                d = surplus[k, j, i] + cx[k, j, i] + cy[k, j, i] + cz[k, j, i]
                if i > 0:
                    d += cx[k, j, i - 1]
                if j > 0:
                    d += cy[k, j - 1, i]
                if k > 0:
                    c = cz[k - 1, j, i]
                    d += c - c * c * inverse[k - 1, j, i]
                inverse[k, j, i] = 1.0 / d if d > 0.0 else 1.0


@kernel
def _smooth(
    cx: FloatArray, cy: FloatArray, cz: FloatArray, inverse: FloatArray, b: FloatArray, x: FloatArray, colour: int
) -> None:
    """Solve every second column exactly, its neighbours held."""
    n_layer, n_y, n_x = x.shape
    for j in range(n_y):
        for i in range((j + colour) % 2, n_x, 2):
            for k in range(n_layer):
                r = b[k, j, i]
                if i > 0:
                    r += cx[k, j, i - 1] * x[k, j, i - 1]
                if i + 1 < n_x:
                    r += cx[k, j, i] * x[k, j, i + 1]
                if j > 0:
                    r += cy[k, j - 1, i] * x[k, j - 1, i]
                if j + 1 < n_y:
                    r += cy[k, j, i] * x[k, j + 1, i]
                if k > 0:
                    r += cz[k - 1, j, i] * x[k - 1, j, i]
                x[k, j, i] = r * inverse[k, j, i]
            for k in range(n_layer - 2, -1, -1):
                x[k, j, i] += cz[k, j, i] * inverse[k, j, i] * x[k + 1, j, i]


@kernel
def _restrict_residual(
    cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, b: FloatArray, x: FloatArray, coarse: FloatArray
) -> None:
    """Fill `coarse` with the residuals ``b − A x`` summed over the aggregates."""
    n_layer, n_y, n_x = x.shape
    coarse[:] = 0.0
    for k in range(n_layer):
        for j in range(n_y):
            for i in range(n_x):
                h = x[k, j, i]
                r = b[k, j, i] - surplus[k, j, i] * h
                if i > 0:
                    r += cx[k, j, i - 1] * (x[k, j, i - 1] - h)
                if i + 1 < n_x:
                    r += cx[k, j, i] * (x[k, j, i + 1] - h)
                if j > 0:
                    r += cy[k, j - 1, i] * (x[k, j - 1, i] - h)
                if j + 1 < n_y:
                    r += cy[k, j, i] * (x[k, j + 1, i] - h)
                if k > 0:
                    r += cz[k - 1, j, i] * (x[k - 1, j, i] - h)
                if k + 1 < n_layer:
                    r += cz[k, j, i] * (x[k + 1, j, i] - h)
                coarse[k, j // 2, i // 2] += r


@kernel
def _prolong_add(coarse: FloatArray, x: FloatArray) -> None:
    """Add the correction of its aggregate to each cell."""
    n_layer, n_y, n_x = x.shape
    for k in range(n_layer):
        for j in range(n_y):
            for i in range(n_x):
                x[k, j, i] += coarse[k, j // 2, i // 2]


@kernel
def _coarsen(
    cx: FloatArray,
    cy: FloatArray,
    cz: FloatArray,
    surplus: FloatArray,
    coarse_cx: FloatArray,
    coarse_cy: FloatArray,
    coarse_cz: FloatArray,
    coarse_surplus: FloatArray,
) -> None:
    """Add up the faces between aggregates, horizontal ones halved, and what is not a face."""
    n_layer, n_y, n_x = cx.shape
    for k in range(n_layer):
        for j in range(n_y):
            for i in range(n_x):
                coarse_surplus[k, j // 2, i // 2] += surplus[k, j, i]
                coarse_cz[k, j // 2, i // 2] += cz[k, j, i]
                if i % 2 == 1:
                    coarse_cx[k, j // 2, i // 2] += 0.5 * cx[k, j, i]
                if j % 2 == 1:
                    coarse_cy[k, j // 2, i // 2] += 0.5 * cy[k, j, i]


@dataclass(eq=False)
class _Level:
    """One grid: faces and surplus of its matrix, inverse pivots of its columns, and work space."""

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    surplus: FloatArray
    inverse: FloatArray
    b: FloatArray
    x: FloatArray


class Multigrid:
    """A symmetric V(1, 1) cycle for ``A = faces + diag(surplus)``.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Conductance of faces between unknowns, shape ``(n_layer, n_y, n_x)``; m²/d.
    surplus : ndarray
        Row sums of A, ≥ 0: storage, head-dependent stresses and faces to fixed heads; m²/d.
    """

    def __init__(self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray) -> None:
        self.levels: list[_Level] = []
        while True:
            empty = [np.zeros_like(cx) for _ in range(3)]
            self.levels.append(_Level(cx, cy, cz, surplus, *empty))
            _factor_columns(cx, cy, cz, surplus, self.levels[-1].inverse)
            n_layer, n_y, n_x = cx.shape
            if n_y * n_x == 1:
                return
            shape = (n_layer, (n_y + 1) // 2, (n_x + 1) // 2)
            coarse = [np.zeros(shape) for _ in range(4)]
            _coarsen(cx, cy, cz, surplus, *coarse)
            cx, cy, cz, surplus = coarse

    def __repr__(self) -> str:
        """Return the shapes of the grids, finest first."""
        return "Multigrid(" + " → ".join("×".join(map(str, level.cx.shape)) for level in self.levels) + ")"

    def apply(self, residual: FloatArray) -> FloatArray:
        """Return an approximation of ``A⁻¹ residual``; valid until the next call."""
        return self._cycle(0, residual)

    def _cycle(self, depth: int, b: FloatArray) -> FloatArray:
        level = self.levels[depth]
        x = level.x
        x[:] = 0.0
        _smooth(level.cx, level.cy, level.cz, level.inverse, b, x, 0)
        if depth + 1 == len(self.levels):
            return x
        _smooth(level.cx, level.cy, level.cz, level.inverse, b, x, 1)
        coarse = self.levels[depth + 1]
        _restrict_residual(level.cx, level.cy, level.cz, level.surplus, b, x, coarse.b)
        _prolong_add(self._cycle(depth + 1, coarse.b), x)
        _smooth(level.cx, level.cy, level.cz, level.inverse, b, x, 1)
        _smooth(level.cx, level.cy, level.cz, level.inverse, b, x, 0)
        return x
