"""A multigrid preconditioner for layered structured grids.

Coarsened in x and y only (`coarsening`), since the contrasts of an aquifer system lie between its layers; smoothed by solving each
column exactly, red columns before black ones on the way down and after them on the way up. Black columns that have just been
solved have no residual, and those that are solved next need no correction, so that only red columns take part in the transfers.
One symmetric V(1, 1) cycle in single precision is the preconditioner (Trottenberg, Oosterlee and Schüller, Multigrid, 2001,
sections 5.2 and A.4). The numbering of cells is that of `colouring`.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.coarsening import CoarseGrid, coarsen
from aquirecover.flow.colouring import Layout, SingleArray, factor_columns, join, kernel, split, split_faces

# Columns that are smoothed together, all layers of them, while they are in the nearest memory.
BLOCK = 1024
# Sweeps of each leg of the cycle below the finest level, where they cost little.
SWEEPS = 2
# Directions that a Krylov method for unsymmetric matrices keeps, and the memory that they may take, numbers.
DIRECTIONS, DIRECTION_MEMORY = 10, 100_000_000
# From what a column is solved.
FROM_ZERO, HELD, KEEPING = 0, 1, 2
WEST, EAST, NORTH, SOUTH = 0, 1, 2, 3
NORTH_WEST, NORTH_EAST, SOUTH_WEST, SOUTH_EAST = 0, 1, 2, 3


class Level(NamedTuple):
    """One grid: its numbering, and where its values start in the vectors of `Hierarchy`."""

    n_layer: int
    n_y: int
    n_x: int
    width: int
    stride: int
    vector: int
    face: int
    natural: int
    line_x: int
    line_y: int
    n_coarse_y: int
    n_coarse_x: int
    regular: int


class Hierarchy(NamedTuple):
    """Arrays of all levels behind one another, finest first.

    Parameters
    ----------
    levels : ndarray of int
        The fields of `Level`, a row per level.
    faces : ndarray of float32
        Western, eastern, northern and southern faces of red columns, shape ``(4, n)``; m²/d.
    factors : ndarray of float32
        Inverse pivots of the columns and those times the conductance below, shape ``(2, n)``, see `factor_columns`.
    weight : ndarray of float32
        Of red columns on odd rows for their north-western, north-eastern, south-western and south-eastern parents, shape
        ``(4, n)``, zero on even rows; 1.
    before_x, before_y : ndarray of int
        See `coarsening.Lines`.
    b, x : ndarray of float32
        Right-hand side and solution.
    natural : ndarray of float32
        Work space: the coarse grid of an irregular level, ``(n_layer, n_coarse_y + 1, n_coarse_x + 1)``.
    residual, gathered : ndarray of float32
        Work space: residuals of red columns, and those of parents with what their children give.
    correction : ndarray of float32
        Corrections of the parents, at the places of the red columns they are; zero on odd rows.
    """

    levels: IntArray
    faces: SingleArray
    factors: SingleArray
    weight: SingleArray
    before_x: IntArray
    before_y: IntArray
    b: SingleArray
    x: SingleArray
    natural: SingleArray
    residual: SingleArray
    gathered: SingleArray
    correction: SingleArray


# The loops below run over n values of vectors, from a place in each. Arrays are arguments of their own and sliced where they are
# used: counting references to parts of a tuple would cost more than the loops.


@kernel
def _copy(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Set `out` to `value`."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] = source[p]


@kernel
def _add(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Add `value` to `out`."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] += source[p]


@kernel
def _difference(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Set `out` to ``value − out``."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] = source[p] - target[p]


@kernel
def _add_pair(out: SingleArray, o: int, x: SingleArray, c: SingleArray, f: int, a: int, ax: int, g: int, b: int, bx: int, n: int) -> None:
    """Add ``c[f] x + c[g] x`` to `out`; a and ax, b and bx are the places in each product."""
    target, first, xf, second, xg = out[o : o + n], c[f, a : a + n], x[ax : ax + n], c[g, b : b + n], x[bx : bx + n]
    for p in range(n):
        target[p] += first[p] * xf[p] + second[p] * xg[p]


@kernel
def _eliminate(x: SingleArray, o: int, above: int, factors: SingleArray, n: int) -> None:
    """Add the layer above times its coupling."""
    target, source, coupling = x[o : o + n], x[above : above + n], factors[1, above : above + n]
    for p in range(n):
        target[p] += coupling[p] * source[p]


@kernel
def _substitute(x: SingleArray, o: int, below: int, factors: SingleArray, n: int) -> None:
    """Divide by the pivots and add the layer below times the coupling."""
    target, source, inverse, coupling = x[o : o + n], x[below : below + n], factors[0, o : o + n], factors[1, o : o + n]
    for p in range(n):
        target[p] = target[p] * inverse[p] + coupling[p] * source[p]


@kernel
def _divide(x: SingleArray, o: int, factors: SingleArray, n: int) -> None:
    """Divide by the pivots."""
    target, inverse = x[o : o + n], factors[0, o : o + n]
    for p in range(n):
        target[p] *= inverse[p]


@kernel
def _level(levels: IntArray, depth: int) -> Level:
    """Return one level."""
    v = levels[depth]
    return Level(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12])


@kernel
def _gather(x: SingleArray, faces: SingleArray, level: Level, colour: int, k: int, begin: int, out: SingleArray, o: int, n: int) -> None:
    """Add to `out` what columns of a colour receive from their neighbours, through the faces of the red ones."""
    w, red = level.width, k * level.stride + level.width + 1 + begin
    f = level.face + red
    if colour == 0:
        at = level.vector + level.n_layer * level.stride + red
        _add_pair(out, o, x, faces, WEST, f, at - 1, EAST, f, at, n)
        _add_pair(out, o, x, faces, NORTH, f, at - w - 1, SOUTH, f, at + w, n)
    else:
        at = level.vector + red
        _add_pair(out, o, x, faces, EAST, f, at, WEST, f + 1, at + 1, n)
        _add_pair(out, o, x, faces, SOUTH, f - w, at - w, NORTH, f + w + 1, at + w + 1, n)


@kernel
def _solve_block(
    x: SingleArray, b: SingleArray, faces: SingleArray, factors: SingleArray, residual: SingleArray, level: Level, begin: int, step: int, colour: int, start: int
) -> None:
    """Solve the columns `begin` … of a colour (0 red, 1 black) exactly, their neighbours held.

    `start` is `FROM_ZERO` where the neighbours are still 0, and `KEEPING` to keep the right-hand sides in `residual`.
    """
    n_layer, stride = level.n_layer, level.stride
    n = min(step, stride - 2 * (level.width + 1) - begin)
    if begin < 0 or n <= 0:
        return
    top = level.vector + colour * n_layer * stride + level.width + 1 + begin
    for k in range(n_layer):
        o = top + k * stride
        _copy(x, o, b, o, n)
        if start != FROM_ZERO:
            _gather(x, faces, level, colour, k, begin, x, o, n)
        if start == KEEPING:
            _copy(residual, k * stride + level.width + 1 + begin, x, o, n)
        if k > 0:
            _eliminate(x, o, o - stride, factors, n)
    _divide(x, top + (n_layer - 1) * stride, factors, n)
    for k in range(n_layer - 2, -1, -1):
        o = top + k * stride
        _substitute(x, o, o + stride, factors, n)


@kernel
def _residual_block(
    x: SingleArray, b: SingleArray, faces: SingleArray, residual: SingleArray, level: Level, begin: int, step: int, from_zero: bool
) -> None:
    """Fill the residuals of red columns, solved before black ones were.

    When they were solved their matrix product was the right-hand side of then: `b` when black columns were 0, otherwise what
    `residual` holds.
    """
    n = min(step, level.stride - 2 * (level.width + 1) - begin)
    if begin < 0 or n <= 0:
        return
    for k in range(level.n_layer):
        o = k * level.stride + level.width + 1 + begin
        if from_zero:
            residual[o : o + n] = 0.0
        else:
            _difference(residual, o, b, level.vector + o, n)
        _gather(x, faces, level, 0, k, begin, residual, o, n)


@kernel
def _collect_block(residual: SingleArray, gathered: SingleArray, weight: SingleArray, level: Level, begin: int, step: int) -> None:
    """Add the residuals of their children to those of parents, where every odd line was dropped.

    A parent ``(J, I)`` is red column I of row 2 J, number ``J (2 w + 1) + I``, and its children lie at the constant distances of
    `colouring`.
    """
    w = level.width
    n = min(step, level.stride - 2 * (w + 1) - begin)
    if begin < 0 or n <= 0:
        return
    for k in range(level.n_layer):
        o = k * level.stride + w + 1 + begin
        f = level.face + o
        _copy(gathered, o, residual, o, n)
        _add_pair(gathered, o, residual, weight, NORTH_EAST, f + w, o + w, NORTH_WEST, f + w + 1, o + w + 1, n)
        _add_pair(gathered, o, residual, weight, SOUTH_EAST, f - w - 1, o - w - 1, SOUTH_WEST, f - w, o - w, n)


@kernel
def _spread_block(x: SingleArray, correction: SingleArray, weight: SingleArray, level: Level, begin: int, step: int) -> None:
    """Add the corrections of their parents to red columns, where every odd line was dropped."""
    w = level.width
    n = min(step, level.stride - 2 * (w + 1) - begin)
    if begin < 0 or n <= 0:
        return
    for k in range(level.n_layer):
        f = level.face + k * level.stride + w + 1 + begin
        o = level.vector + k * level.stride + w + 1 + begin
        _add(x, o, correction, f, n)
        _add_pair(x, o, correction, weight, NORTH_EAST, f, f - w, NORTH_WEST, f, f - w - 1, n)
        _add_pair(x, o, correction, weight, SOUTH_EAST, f, f + w + 1, SOUTH_WEST, f, f + w, n)


@kernel
def _restrict_regular(b: SingleArray, gathered: SingleArray, level: Level, below: Level) -> None:
    """Set the right-hand side of the next level to what `_collect_block` has gathered."""
    for k in range(level.n_layer):
        for j in range(below.n_y):
            start = k * level.stride + level.width + 1 + j * (2 * level.width + 1)
            row = below.vector + k * below.stride + (j + 1) * below.width + 1 + j // 2
            black, odd = row + below.n_layer * below.stride, j % 2
            for q in range((below.n_x + 1 - odd) // 2):
                b[row + odd + q] = gathered[start + 2 * q + odd]
            for q in range((below.n_x + odd) // 2):
                b[black + q] = gathered[start + 2 * q + 1 - odd]


@kernel
def _prolong_regular(x: SingleArray, correction: SingleArray, level: Level, below: Level) -> None:
    """Put the solution of the next level where `_spread_block` finds it."""
    for k in range(level.n_layer):
        for j in range(below.n_y):
            start = level.face + k * level.stride + level.width + 1 + j * (2 * level.width + 1)
            row = below.vector + k * below.stride + (j + 1) * below.width + 1 + j // 2
            black, odd = row + below.n_layer * below.stride, j % 2
            for q in range((below.n_x + 1 - odd) // 2):
                correction[start + 2 * q + odd] = x[row + odd + q]
            for q in range((below.n_x + odd) // 2):
                correction[start + 2 * q + 1 - odd] = x[black + q]


@kernel
def _coarse(h: Hierarchy, level: Level) -> SingleArray:
    """Return the work space of the coarse grid, with one row and one column more than it has."""
    shape = (level.n_layer, level.n_coarse_y + 1, level.n_coarse_x + 1)
    return h.natural[level.natural : level.natural + shape[0] * shape[1] * shape[2]].reshape(shape)


@kernel
def _restrict(h: Hierarchy, level: Level, below: Level) -> None:
    """Give the residuals of the red columns to their parents, wherever these are."""
    coarse = _coarse(h, level)
    coarse[:] = 0.0
    for k in range(level.n_layer):
        for j in range(level.n_y):
            start = k * level.stride + (j + 1) * level.width + 1 + j // 2
            row, odd = h.before_y[level.line_y + j], j % 2
            for q in range(odd, (level.n_x + 1 + odd) // 2):
                r, column = h.residual[start + q], h.before_x[level.line_x + 2 * q - odd]
                if odd == 0:
                    coarse[k, row, column] += r
                else:
                    f = level.face + start + q
                    coarse[k, row, column] += h.weight[0, f] * r
                    coarse[k, row, column + 1] += h.weight[1, f] * r
                    coarse[k, row + 1, column] += h.weight[2, f] * r
                    coarse[k, row + 1, column + 1] += h.weight[3, f] * r
    b = h.b[below.vector : below.vector + 2 * below.n_layer * below.stride]
    split(coarse, below.n_y, below.n_x, b, below.width, below.stride)


@kernel
def _prolong(h: Hierarchy, level: Level, below: Level) -> None:
    """Add the corrections of their parents, wherever these are, to the red columns."""
    coarse = _coarse(h, level)
    x = h.x[below.vector : below.vector + 2 * below.n_layer * below.stride]
    join(x, coarse, below.n_y, below.n_x, below.width, below.stride)
    for k in range(level.n_layer):
        for j in range(level.n_y):
            start = k * level.stride + (j + 1) * level.width + 1 + j // 2
            row, odd = h.before_y[level.line_y + j], j % 2
            for q in range(odd, (level.n_x + 1 + odd) // 2):
                column = h.before_x[level.line_x + 2 * q - odd]
                if odd == 0:
                    h.x[level.vector + start + q] += coarse[k, row, column]
                else:
                    f = level.face + start + q
                    h.x[level.vector + start + q] += (
                        h.weight[0, f] * coarse[k, row, column]
                        + h.weight[1, f] * coarse[k, row, column + 1]
                        + h.weight[2, f] * coarse[k, row + 1, column]
                        + h.weight[3, f] * coarse[k, row + 1, column + 1]
                    )


@kernel
def _step(level: Level) -> int:
    """Return the columns of a block: neighbours are never further than one block away."""
    return max(BLOCK, level.width + 1)


@kernel
def _descend(h: Hierarchy, level: Level, below: Level, sweeps: int) -> None:
    """Smooth from 0 and hand the residual down.

    Each stage works one block behind the one before it, on which alone it depends, so that the arrays pass by once.
    """
    _, faces, factors, weight, _, _, b, x, _, residual, gathered, _ = h
    step, n_column = _step(level), level.stride - 2 * (level.width + 1)
    for first in range(0, n_column + (2 * sweeps + 1) * step, step):
        _solve_block(x, b, faces, factors, residual, level, first, step, 0, FROM_ZERO)
        _solve_block(x, b, faces, factors, residual, level, first - step, step, 1, HELD)
        at = first - 2 * step
        for _ in range(1, sweeps):
            _solve_block(x, b, faces, factors, residual, level, at, step, 0, KEEPING)
            _solve_block(x, b, faces, factors, residual, level, at - step, step, 1, HELD)
            at -= 2 * step
        _residual_block(x, b, faces, residual, level, at, step, sweeps == 1)
        if level.regular:
            _collect_block(residual, gathered, weight, level, at - step, step)
    if level.regular:
        _restrict_regular(b, gathered, level, below)
    else:
        _restrict(h, level, below)


@kernel
def _ascend(h: Hierarchy, level: Level, below: Level, sweeps: int) -> None:
    """Add the correction from below and smooth."""
    _, faces, factors, weight, _, _, b, x, _, residual, _, correction = h
    if level.regular:
        _prolong_regular(x, correction, level, below)
    else:
        _prolong(h, level, below)
    step, n_column = _step(level), level.stride - 2 * (level.width + 1)
    for first in range(0, n_column + 2 * sweeps * step, step):
        if level.regular:
            _spread_block(x, correction, weight, level, first, step)
        at = first - step
        for _ in range(sweeps):
            _solve_block(x, b, faces, factors, residual, level, at, step, 1, HELD)
            _solve_block(x, b, faces, factors, residual, level, at - step, step, 0, HELD)
            at -= 2 * step


@kernel
def cycle(h: Hierarchy) -> None:
    """Set the finest `x` to one V-cycle on the finest `b`: one sweep up and down on the finest level, two below."""
    levels = h.levels
    deepest = levels.shape[0] - 1
    for depth in range(deepest):
        _descend(h, _level(levels, depth), _level(levels, depth + 1), SWEEPS if depth > 0 else 1)
    last = _level(levels, deepest)
    _solve_block(h.x, h.b, h.faces, h.factors, h.residual, last, 0, _step(last), 0, FROM_ZERO)
    for depth in range(deepest - 1, -1, -1):
        _ascend(h, _level(levels, depth), _level(levels, depth + 1), SWEEPS if depth > 0 else 1)


@kernel
def _pack_weights(weight: FloatArray, packed: SingleArray, width: int, stride: int) -> None:
    """Keep the weights of red columns on odd rows."""
    _, n_layer, n_y, n_x = weight.shape
    for parent in range(4):
        for k in range(n_layer):
            for j in range(1, n_y, 2):
                start = k * stride + (j + 1) * width + 1 + j // 2
                for i in range(1, n_x, 2):
                    packed[parent, start + (i + 1) // 2] = weight[parent, k, j, i]


class Multigrid:
    """A symmetric V(1, 1) cycle for ``A = faces + diag(surplus)``.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Conductance of faces between unknowns, shape ``(n_layer, n_y, n_x)``; m²/d.
    surplus : ndarray
        Row sums of A, ≥ 0: storage, head-dependent stresses and faces to fixed heads; m²/d.
    x, y : ndarray, optional
        Positions of columns and rows of cells, shapes ``(n_x,)`` and ``(n_y,)``, m; evenly spaced by default.
    """

    def __init__(
        self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, x: FloatArray | None = None, y: FloatArray | None = None
    ) -> None:
        n_layer, n_y, n_x = cx.shape
        x, y = np.arange(n_x) * 1.0 if x is None else x, np.arange(n_y) * 1.0 if y is None else y
        packs: list[_Pack] = []
        while cx.shape[1] * cx.shape[2] > 1:
            grid = coarsen(cx, cy, cz, surplus, x, y)
            packs.append(_Pack(cx, cy, cz, surplus, grid))
            cx, cy, cz, surplus = grid.cx, grid.cy, grid.cz, grid.surplus
            x, y = x[grid.columns.kept], y[grid.rows.kept]
        packs.append(_Pack(cx, cy, cz, surplus, None))
        self.shape = (n_layer, n_y, n_x)
        self.layouts = tuple(pack.layout for pack in packs)
        self.hierarchy = _join_packs(packs)

    def __repr__(self) -> str:
        """Return the shapes of the grids, finest first."""
        return "Multigrid(" + " → ".join(f"{g.n_layer}×{g.n_y}×{g.n_x}" for g in self.layouts) + ")"

    def refresh(self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray) -> None:
        """Smooth the finest level with a similar matrix from now on; coarser levels stay as they are."""
        layout, h = self.layouts[0], self.hierarchy
        width, stride = layout.width, layout.stride
        split_faces(cx, cx, cy, cy, *h.faces[:, : layout.n_layer * stride], width, stride)
        factor_columns(cx, cy, cz, surplus, *h.factors[:, : layout.size], width, stride)

    @cached_property
    def work(self) -> FloatArray:
        """Vectors for a Krylov method, in the numbering of `colouring`, shape ``(5, size)``."""
        return np.zeros((5, self.layouts[0].size))

    @cached_property
    def directions(self) -> FloatArray:
        """Directions of a Krylov method and their images, shape ``(2, n, size)``."""
        size = self.layouts[0].size
        return np.zeros((2, max(2, min(DIRECTIONS, DIRECTION_MEMORY // (2 * size))), size))

    def apply(self, residual: FloatArray) -> FloatArray:
        """Return an approximation of ``A⁻¹ residual``, shape ``(n_layer, n_y, n_x)``."""
        layout, h = self.layouts[0], self.hierarchy
        layout.split_into(residual, h.b[: layout.size])
        cycle(h)
        return layout.join(h.x[: layout.size])


class _Pack:
    """Arrays of one level."""

    def __init__(self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, grid: CoarseGrid | None) -> None:
        n_layer, n_y, n_x = cx.shape
        self.layout = Layout(n_layer, n_y, n_x)
        width, stride = self.layout.width, self.layout.stride
        self.faces = np.zeros((4, n_layer * stride), dtype=np.float32)
        split_faces(cx, cx, cy, cy, *self.faces, width, stride)
        self.factors = np.zeros((2, self.layout.size), dtype=np.float32)
        factor_columns(cx, cy, cz, surplus, *self.factors, width, stride)
        self.coarse = (0, 0)
        self.weight = np.zeros_like(self.faces)
        self.regular = False
        self.before_x = self.before_y = np.zeros(0, dtype=np.int64)
        if grid is not None:
            self.coarse = (grid.cx.shape[1], grid.cx.shape[2])
            self.regular = self.coarse == ((n_y + 1) // 2, (n_x + 1) // 2)
            _pack_weights(grid.weight, self.weight, width, stride)
            self.before_x, self.before_y = grid.columns.before, grid.rows.before

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of its vectors, faces, natural work space and lines."""
        natural = 0 if self.regular else self.layout.n_layer * (self.coarse[0] + 1) * (self.coarse[1] + 1)
        return self.layout.size, self.faces.shape[1], natural, self.before_x.size, self.before_y.size


def _join_packs(packs: list[_Pack]) -> Hierarchy:
    """Return the arrays of all levels behind one another."""
    sizes = np.array([pack.sizes for pack in packs], dtype=np.int64)
    starts = np.cumsum(sizes, axis=0) - sizes
    grids = [(g.n_layer, g.n_y, g.n_x, g.width, g.stride) for g in (pack.layout for pack in packs)]
    coarse = [(*pack.coarse, int(pack.regular)) for pack in packs]
    faces = np.concatenate([pack.faces for pack in packs], axis=1)
    factors = np.concatenate([pack.factors for pack in packs], axis=1)
    total = int(sizes[:, 0].sum())
    return Hierarchy(
        np.concatenate([np.array(grids), starts, np.array(coarse)], axis=1).astype(np.int64),
        faces,
        factors,
        np.concatenate([pack.weight for pack in packs], axis=1),
        np.concatenate([pack.before_x for pack in packs]),
        np.concatenate([pack.before_y for pack in packs]),
        np.zeros(total, dtype=np.float32),
        np.zeros(total, dtype=np.float32),
        np.zeros(int(sizes[:, 2].sum()), dtype=np.float32),
        *np.zeros((2, int(sizes[0, 1])), dtype=np.float32),
        np.zeros(int(sizes[:, 1].sum()), dtype=np.float32),
    )
