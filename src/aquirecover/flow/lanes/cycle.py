"""The cycle of `multigrid` for many right-hand sides at a time, see `vectors`.

The grids, their weights and the order of smoothing are those of `cycle`: columns are solved exactly, red ones before black ones
on the way down and after them on the way up, so that only red columns take part in the transfers between grids. A column
``(j, i)`` is red where ``i + j`` is even. Cells are numbered as in `numbering`, one grid behind the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.coarsening import CoarseGrid, coarsen
from aquirecover.flow.compiled import fused_kernel, fused_part
from aquirecover.flow.lanes.numbering import LaneGrid
from aquirecover.flow.lanes.vectors import double, put, row, zeros
from aquirecover.flow.sweeps import turns

SingleArray = NDArray[np.float32]

# Pivots below this, m²/d, count as none: their inverse would leave single precision.
SMALLEST = 1e-30
# From what a column is solved: neighbours still 0, neighbours held, and the same with the right-hand side kept.
FROM_ZERO, HELD, KEEPING = 0, 1, 2
RED, BLACK = 0, 1


class Level(NamedTuple):
    """One grid: its shape, the distance from a row to the next, the first number of its cells and of its lines, and `turns`.

    The latter is how often the cycle turns there, see `sweeps.Level`.
    """

    n_layer: int
    n_y: int
    n_x: int
    stride: int
    start: int
    line_x: int
    line_y: int
    turns: int


class Hierarchy(NamedTuple):
    """Matrices of all grids behind one another, finest first; the same for all lanes.

    Parameters
    ----------
    levels : ndarray of int
        The fields of `Level`, a row per grid.
    faces : ndarray of float32
        Eastern and southern faces of each cell, shape ``(2, n)``; m²/d.
    factors : ndarray of float32
        Inverse pivots of the columns and those times the conductance below, shape ``(2, n)``.
    weight : ndarray of float32
        Of columns for their north-western, north-eastern, south-western and south-eastern parents, shape ``(n, 4)``; 1.
    before_x, before_y : ndarray of int
        See `coarsening.Lines`.
    """

    levels: IntArray
    faces: SingleArray
    factors: SingleArray
    weight: SingleArray
    before_x: IntArray
    before_y: IntArray


class Workspace(NamedTuple):
    """Vectors of all grids, shape ``(n, LANES)``, float32: right-hand sides, solutions, and what `KEEPING` keeps."""

    b: SingleArray
    x: SingleArray
    kept: SingleArray


def build_hierarchy(
    cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, x: FloatArray, y: FloatArray
) -> Hierarchy:
    """Return the hierarchy of ``A = faces + diag(surplus)``; arguments as of `multigrid.Multigrid`."""
    packs: list[_Pack] = []
    while cx.shape[1] * cx.shape[2] > 1:
        coarse = coarsen(cx, cy, cz, surplus, x, y)
        packs.append(_Pack(cx, cy, cz, surplus, coarse))
        cx, cy, cz, surplus = coarse.cx, coarse.cy, coarse.cz, coarse.surplus
        x, y = x[coarse.columns.kept], y[coarse.rows.kept]
    packs.append(_Pack(cx, cy, cz, surplus, None))
    sizes = np.array([(pack.grid.size, pack.before_x.size, pack.before_y.size) for pack in packs], dtype=np.int64)
    shapes = [(pack.grid.n_layer, pack.grid.n_y, pack.grid.n_x, pack.grid.stride) for pack in packs]
    turned = [[turns(pack.grid.n_y, pack.grid.n_x, depth)] for depth, pack in enumerate(packs)]
    return Hierarchy(
        np.concatenate([np.array(shapes), np.cumsum(sizes, axis=0) - sizes, np.array(turned)], axis=1),
        np.concatenate([pack.faces for pack in packs], axis=1),
        np.concatenate([pack.factors for pack in packs], axis=1),
        np.concatenate([pack.weight for pack in packs]),
        np.concatenate([pack.before_x for pack in packs]),
        np.concatenate([pack.before_y for pack in packs]),
    )


class _Pack:
    """Arrays of one grid, see `Hierarchy`."""

    def __init__(self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, coarse: CoarseGrid | None) -> None:
        self.grid = LaneGrid(*cx.shape)
        self.faces = np.stack([self.grid.spread(cx), self.grid.spread(cy)]).astype(np.float32)
        self.factors = np.zeros((2, self.grid.size), dtype=np.float32)
        _factor_columns(cx, cy, cz, surplus, *self.factors, self.grid.stride)
        self.weight = np.zeros((self.grid.size, 4), dtype=np.float32)
        self.before_x = self.before_y = np.zeros(0, dtype=np.int64)
        if coarse is not None:
            self.weight[self.grid.number] = np.moveaxis(coarse.weight, 0, -1)
            self.before_x, self.before_y = coarse.columns.before, coarse.rows.before


@fused_kernel
def _factor_columns(
    cx: FloatArray,
    cy: FloatArray,
    cz: FloatArray,
    surplus: FloatArray,
    inverse: SingleArray,
    coupling: SingleArray,
    stride: int,
) -> None:
    """Factor the tridiagonal system of each column, as `colouring.factor_columns` does."""
    n_layer, n_y, n_x = cx.shape
    for j in range(n_y):
        for i in range(n_x):
            carried, at = 0.0, (j + 1) * stride + (i + 1) * n_layer
            for k in range(n_layer):
                excess = surplus[k, j, i] + cx[k, j, i] + cy[k, j, i] + carried
                if i > 0:
                    excess += cx[k, j, i - 1]
                if j > 0:
                    excess += cy[k, j - 1, i]
                below = cz[k, j, i]
                pivot = excess + below
                sound = pivot > SMALLEST
                inverse[at + k] = 1.0 / pivot if sound else 0.0
                coupling[at + k] = below / pivot if sound else 0.0
                carried = below * (excess / pivot) if sound else 0.0


@fused_part
def _received(x: SingleArray, east: SingleArray, south: SingleArray, p: int, n_layer: int, stride: int) -> Any:
    """Return what a cell receives from its four neighbours in the layer."""
    along_x = east[p - n_layer] * row(x, p - n_layer) + east[p] * row(x, p + n_layer)
    return along_x + (south[p - stride] * row(x, p - stride) + south[p] * row(x, p + stride))


@fused_part
def _solve_row(
    x: SingleArray,
    b: SingleArray,
    kept: SingleArray,
    east: SingleArray,
    south: SingleArray,
    inverse: SingleArray,
    coupling: SingleArray,
    level: Level,
    j: int,
    colour: int,
    start: int,
) -> None:
    """Solve the columns of a colour in row `j` exactly, their neighbours held; nothing when there is no such row."""
    if j < 0 or j >= level.n_y:
        return
    n_layer, stride = level.n_layer, level.stride
    for i in range((j + colour) % 2, level.n_x, 2):
        top = level.start + (j + 1) * stride + (i + 1) * n_layer
        carried = zeros(x)
        for p in range(top, top + n_layer):
            value = row(b, p)
            if start != FROM_ZERO:
                value = value + _received(x, east, south, p, n_layer, stride)
            if start == KEEPING:
                put(kept, p, value)
            carried = value + carried
            put(x, p, carried)
            carried = coupling[p] * carried
        below = zeros(x)
        for p in range(top + n_layer - 1, top - 1, -1):
            below = inverse[p] * row(x, p) + coupling[p] * below
            put(x, p, below)


@fused_part
def _restrict_row(
    x: SingleArray,
    b: SingleArray,
    kept: SingleArray,
    east: SingleArray,
    south: SingleArray,
    weight: SingleArray,
    before_x: IntArray,
    before_y: IntArray,
    level: Level,
    below: Level,
    j: int,
    from_zero: bool,
) -> None:
    """Give the residuals of red columns of row `j`, solved before black ones were, to their parents.

    When they were solved their matrix product was the right-hand side of then: `b` when black columns were 0, otherwise what
    `kept` holds.
    """
    if j < 0 or j >= level.n_y:
        return
    n_layer, stride = level.n_layer, level.stride
    for i in range(j % 2, level.n_x, 2):
        top = level.start + (j + 1) * stride + (i + 1) * n_layer
        north = below.start + (before_y[level.line_y + j] + 1) * below.stride + (before_x[level.line_x + i] + 1) * n_layer
        south_west = north + below.stride
        for k in range(n_layer):
            p = top + k
            residual = _received(x, east, south, p, n_layer, stride)
            if not from_zero:
                residual = residual + (row(b, p) - row(kept, p))
            if j % 2 == 0:
                put(b, north + k, row(b, north + k) + residual)
            else:
                put(b, north + k, row(b, north + k) + weight[p, 0] * residual)
                put(b, north + n_layer + k, row(b, north + n_layer + k) + weight[p, 1] * residual)
                put(b, south_west + k, row(b, south_west + k) + weight[p, 2] * residual)
                put(b, south_west + n_layer + k, row(b, south_west + n_layer + k) + weight[p, 3] * residual)


@fused_part
def _prolong_row(
    x: SingleArray, weight: SingleArray, before_x: IntArray, before_y: IntArray, level: Level, below: Level, j: int
) -> None:
    """Add the corrections of their parents to red columns of row `j`."""
    if j < 0 or j >= level.n_y:
        return
    n_layer, stride = level.n_layer, level.stride
    for i in range(j % 2, level.n_x, 2):
        top = level.start + (j + 1) * stride + (i + 1) * n_layer
        north = below.start + (before_y[level.line_y + j] + 1) * below.stride + (before_x[level.line_x + i] + 1) * n_layer
        south_west = north + below.stride
        for k in range(n_layer):
            p = top + k
            if j % 2 == 0:
                put(x, p, row(x, p) + row(x, north + k))
            else:
                upper = weight[p, 0] * row(x, north + k) + weight[p, 1] * row(x, north + n_layer + k)
                lower = weight[p, 2] * row(x, south_west + k) + weight[p, 3] * row(x, south_west + n_layer + k)
                put(x, p, row(x, p) + (upper + lower))


@fused_part
def _dot_row(x: SingleArray, b: SingleArray, level: Level, j: int, out: FloatArray) -> None:
    """Add ``Σ x b`` of row `j` to `out`, shape ``(1, LANES)``."""
    if j < 0 or j >= level.n_y:
        return
    total = zeros(x)
    begin = level.start + (j + 1) * level.stride + level.n_layer
    for p in range(begin, begin + level.n_x * level.n_layer):
        total = total + row(x, p) * row(b, p)
    put(out, 0, row(out, 0) + double(total))


@fused_part
def _level(levels: IntArray, depth: int) -> Level:
    """Return one grid."""
    v = levels[depth]
    return Level(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])


@fused_part
def _clear(b: SingleArray, level: Level) -> None:
    """Set the right-hand sides of a grid to 0."""
    b[level.start : level.start + (level.n_y + 2) * level.stride + level.n_layer] = np.float32(0.0)


@fused_part
def _descend(h: Hierarchy, w: Workspace, level: Level, below: Level) -> None:
    """Smooth from 0 and hand the residual down; each stage works some rows behind the one it depends on."""
    _, faces, factors, weight, before_x, before_y = h
    b, x, kept = w
    east, south, inverse, coupling = faces[0], faces[1], factors[0], factors[1]
    _clear(b, below)
    for j in range(level.n_y + 2):
        _solve_row(x, b, kept, east, south, inverse, coupling, level, j, RED, FROM_ZERO)
        _solve_row(x, b, kept, east, south, inverse, coupling, level, j - 1, BLACK, HELD)
        _restrict_row(x, b, kept, east, south, weight, before_x, before_y, level, below, j - 2, True)


@fused_part
def _turn(h: Hierarchy, w: Workspace, level: Level, below: Level) -> None:
    """Add the correction from below, smooth, and hand down what is left."""
    _, faces, factors, weight, before_x, before_y = h
    b, x, kept = w
    east, south, inverse, coupling = faces[0], faces[1], factors[0], factors[1]
    _clear(b, below)
    for j in range(level.n_y + 4):
        _prolong_row(x, weight, before_x, before_y, level, below, j)
        _solve_row(x, b, kept, east, south, inverse, coupling, level, j - 1, BLACK, HELD)
        _solve_row(x, b, kept, east, south, inverse, coupling, level, j - 2, RED, KEEPING)
        _solve_row(x, b, kept, east, south, inverse, coupling, level, j - 3, BLACK, HELD)
        _restrict_row(x, b, kept, east, south, weight, before_x, before_y, level, below, j - 4, False)


@fused_part
def _ascend(h: Hierarchy, w: Workspace, level: Level, below: Level, out: FloatArray) -> None:
    """Add the correction from below and smooth; on the finest grid fill `out` with ``Σ x b``, shape ``(1, LANES)``."""
    _, faces, factors, weight, before_x, before_y = h
    b, x, kept = w
    east, south, inverse, coupling = faces[0], faces[1], factors[0], factors[1]
    for j in range(level.n_y + 2):
        _prolong_row(x, weight, before_x, before_y, level, below, j)
        _solve_row(x, b, kept, east, south, inverse, coupling, level, j - 1, BLACK, HELD)
        _solve_row(x, b, kept, east, south, inverse, coupling, level, j - 2, RED, HELD)
        if level.start == 0:
            _dot_row(x, b, level, j - 2, out)


@fused_kernel
def cycle(h: Hierarchy, w: Workspace, out: FloatArray) -> None:
    """Set the finest `x` to one cycle on the finest `b`, and `out`, shape ``(1, LANES)``, to their products ``Σ x b``."""
    levels = h.levels
    deepest = levels.shape[0] - 1
    visits = np.zeros(deepest + 1, dtype=np.int64)
    out[:] = 0.0
    depth, turned = 0, True
    while turned:
        while depth < deepest:
            _descend(h, w, _level(levels, depth), _level(levels, depth + 1))
            visits[depth] = 0
            depth += 1
        last = _level(levels, deepest)
        _solve_row(w.x, w.b, w.kept, h.faces[0], h.faces[1], h.factors[0], h.factors[1], last, 0, RED, FROM_ZERO)
        if deepest == 0:
            _dot_row(w.x, w.b, last, 0, out)
        turned = False
        while depth > 0 and not turned:
            depth -= 1
            level, below = _level(levels, depth), _level(levels, depth + 1)
            visits[depth] += 1
            turned = visits[depth] <= level.turns
            if turned:
                _turn(h, w, level, below)
                depth += 1
            else:
                _ascend(h, w, level, below, out)
