"""A multigrid preconditioner for layered structured grids.

Coarsened in x and y only (`coarsening`), since the contrasts of an aquifer system lie between its layers; smoothed by solving each
column exactly, red columns before black ones on the way down and after them on the way up. Black columns that have just been
solved have no residual, and those that are solved next need no correction, so that only red columns take part in the transfers.
One symmetric V(1, 1) cycle in single precision is the preconditioner (Trottenberg, Oosterlee and Schüller, Multigrid, 2001,
sections 5.2 and A.4). The numbering of cells is that of `colouring`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.coarsening import CoarseGrid, coarsen
from aquirecover.flow.colouring import Layout, SingleArray, factor_columns, join, kernel, split, split_faces

# Columns that are smoothed together, all layers of them, while they are in the nearest memory.
BLOCK = 512


class Level(NamedTuple):
    """One grid: its numbering, and where its values start in the vectors of `Hierarchy`."""

    n_layer: int
    n_y: int
    n_x: int
    width: int
    stride: int
    vector: int
    face: int
    weight: int
    natural: int
    line_x: int
    line_y: int
    n_coarse_y: int
    n_coarse_x: int


class Hierarchy(NamedTuple):
    """Arrays of all levels behind one another, finest first.

    Parameters
    ----------
    levels : ndarray of int
        The fields of `Level`, a row per level.
    west, east, north, south : ndarray of float32
        Faces of red columns; m²/d.
    inverse, coupling : ndarray of float32
        Factors of the columns, see `factor_columns`.
    weight : ndarray of float32
        Of red columns on odd rows for their four parents, shape ``(4, n)``; 1.
    before_x, before_y : ndarray of int
        See `coarsening.Lines`.
    b, x : ndarray of float32
        Right-hand side and solution.
    natural : ndarray of float32
        Work space: a level's coarse grid, ``(n_layer, n_coarse_y + 1, n_coarse_x + 1)``.
    row : ndarray of float32
        Work space: the residual of a row.
    """

    levels: IntArray
    west: SingleArray
    east: SingleArray
    north: SingleArray
    south: SingleArray
    inverse: SingleArray
    coupling: SingleArray
    weight: SingleArray
    before_x: IntArray
    before_y: IntArray
    b: SingleArray
    x: SingleArray
    natural: SingleArray
    row: SingleArray


@kernel
def _gather_first(out: SingleArray, b: SingleArray, f: SingleArray, x: SingleArray, g: SingleArray, y: SingleArray) -> None:
    """Set `out` to ``b + f x + g y``."""
    for p in range(out.size):
        out[p] = b[p] + f[p] * x[p] + g[p] * y[p]


@kernel
def _gather_second(out: SingleArray, f: SingleArray, x: SingleArray, g: SingleArray, y: SingleArray) -> None:
    """Add ``f x + g y`` to `out`."""
    for p in range(out.size):
        out[p] += f[p] * x[p] + g[p] * y[p]


@kernel
def _eliminate(out: SingleArray, above: SingleArray, coupling: SingleArray) -> None:
    """Add the layer above times its coupling to `out`."""
    for p in range(out.size):
        out[p] += coupling[p] * above[p]


@kernel
def _substitute(out: SingleArray, below: SingleArray, inverse: SingleArray, coupling: SingleArray) -> None:
    """Divide `out` by the pivots and add the layer below times the coupling."""
    for p in range(out.size):
        out[p] = out[p] * inverse[p] + coupling[p] * below[p]


@kernel
def _divide(out: SingleArray, inverse: SingleArray) -> None:
    """Divide `out` by the pivots."""
    for p in range(out.size):
        out[p] *= inverse[p]


@kernel
def _level(h: Hierarchy, depth: int) -> Level:
    """Return one level."""
    v = h.levels[depth]
    return Level(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12])


@kernel
def _gather_red(h: Hierarchy, level: Level, k: int, p: int, n: int, b: SingleArray, out: SingleArray) -> None:
    """Set `out` to b plus what n red columns from p receive from their black neighbours."""
    f = level.face + k * level.stride + level.width + 1 + p
    o = level.vector + (level.n_layer + k) * level.stride + level.width + 1 + p
    north, south = o - level.width - 1, o + level.width
    _gather_first(out, b, h.west[f : f + n], h.x[o - 1 : o - 1 + n], h.east[f : f + n], h.x[o : o + n])
    _gather_second(out, h.north[f : f + n], h.x[north : north + n], h.south[f : f + n], h.x[south : south + n])


@kernel
def _gather_black(h: Hierarchy, level: Level, k: int, p: int, n: int, b: SingleArray, out: SingleArray) -> None:
    """Set `out` to b plus what n black columns from p receive from their red neighbours, through the faces of those."""
    f = level.face + k * level.stride + level.width + 1 + p
    o = level.vector + k * level.stride + level.width + 1 + p
    w = level.width
    _gather_first(out, b, h.east[f : f + n], h.x[o : o + n], h.west[f + 1 : f + 1 + n], h.x[o + 1 : o + 1 + n])
    _gather_second(
        out, h.south[f - w : f - w + n], h.x[o - w : o - w + n], h.north[f + w + 1 : f + w + 1 + n], h.x[o + w + 1 : o + w + 1 + n]
    )


@kernel
def _solve_columns(h: Hierarchy, level: Level, colour: int, fresh: bool) -> None:
    """Solve all columns of a colour (0 red, 1 black) exactly, their neighbours held at x, or at 0 when `fresh`."""
    n_layer, stride = level.n_layer, level.stride
    n_column = stride - 2 * (level.width + 1)
    for begin in range(0, n_column, BLOCK):
        n = min(BLOCK, n_column - begin)
        top = level.vector + colour * n_layer * stride + level.width + 1 + begin
        for k in range(n_layer):
            o = top + k * stride
            out, b = h.x[o : o + n], h.b[o : o + n]
            if fresh:
                out[:] = b
            elif colour == 0:
                _gather_red(h, level, k, begin, n, b, out)
            else:
                _gather_black(h, level, k, begin, n, b, out)
            if k > 0:
                a = o - stride
                _eliminate(out, h.x[a : a + n], h.coupling[a : a + n])
        o = top + (n_layer - 1) * stride
        _divide(h.x[o : o + n], h.inverse[o : o + n])
        for k in range(n_layer - 2, -1, -1):
            o = top + k * stride
            c = o + stride
            _substitute(h.x[o : o + n], h.x[c : c + n], h.inverse[o : o + n], h.coupling[o : o + n])


@kernel
def _weights(h: Hierarchy, level: Level, parent: int, k: int, j: int, n: int) -> SingleArray:
    """Return the weights of the red columns 1 … n of an odd row for one parent."""
    start = level.weight + (k * (level.n_y // 2) + j // 2) * level.width + 1
    return h.weight[parent, start : start + n]


@kernel
def _add(out: SingleArray, value: SingleArray) -> None:
    """Add `value` to `out`."""
    for p in range(out.size):
        out[p] += value[p]


@kernel
def _add_product(out: SingleArray, weight: SingleArray, value: SingleArray) -> None:
    """Add ``weight value`` to `out`."""
    for p in range(out.size):
        out[p] += weight[p] * value[p]


@kernel
def _coarse(h: Hierarchy, level: Level) -> SingleArray:
    """Return the work space of the coarse grid, with one row and one column more than it has."""
    shape = (level.n_layer, level.n_coarse_y + 1, level.n_coarse_x + 1)
    return h.natural[level.natural : level.natural + shape[0] * shape[1] * shape[2]].reshape(shape)


@kernel
def _restrict(h: Hierarchy, level: Level, below: Level) -> None:
    """Give the residuals of the red columns to their parents; black ones have none.

    After black columns were solved with red ones that started from 0, the residual of a red one is what its black
    neighbours send it.
    """
    coarse = _coarse(h, level)
    coarse[:] = 0.0
    regular = level.n_coarse_x == (level.n_x + 1) // 2
    n = level.width
    for k in range(level.n_layer):
        for j in range(level.n_y):
            r = h.row[:n]
            r[:] = 0.0
            _gather_red(h, level, k, j * n + j // 2, n, r, r)
            place = h.before_y[level.line_y + j]
            if j % 2 == 0:
                m = (level.n_x + 1) // 2
                if regular:
                    _add(coarse[k, place, :m], r[:m])
                else:
                    for q in range(m):
                        coarse[k, place, h.before_x[level.line_x + 2 * q]] += r[q]
                continue
            m = level.n_x // 2
            r = r[1 : m + 1]
            for parent in range(4):
                weight, row, east = _weights(h, level, parent, k, j, m), coarse[k, place + parent // 2], parent % 2
                if regular:
                    _add_product(row[east : east + m], weight, r)
                else:
                    for q in range(m):
                        row[h.before_x[level.line_x + 2 * q + 1] + east] += weight[q] * r[q]
    b = h.b[below.vector : below.vector + 2 * below.n_layer * below.stride]
    split(coarse, below.n_y, below.n_x, b, below.width, below.stride)


@kernel
def _prolong(h: Hierarchy, level: Level, below: Level) -> None:
    """Add the corrections of their parents to the red columns; black ones are solved next."""
    coarse = _coarse(h, level)
    x = h.x[below.vector : below.vector + 2 * below.n_layer * below.stride]
    join(x, coarse, below.n_y, below.n_x, below.width, below.stride)
    regular = level.n_coarse_x == (level.n_x + 1) // 2
    for k in range(level.n_layer):
        for j in range(level.n_y):
            start = level.vector + k * level.stride + (j + 1) * level.width + 1 + j // 2
            place = h.before_y[level.line_y + j]
            if j % 2 == 0:
                m = (level.n_x + 1) // 2
                if regular:
                    _add(h.x[start : start + m], coarse[k, place, :m])
                else:
                    for q in range(m):
                        h.x[start + q] += coarse[k, place, h.before_x[level.line_x + 2 * q]]
                continue
            m = level.n_x // 2
            for parent in range(4):
                weight, row, east = _weights(h, level, parent, k, j, m), coarse[k, place + parent // 2], parent % 2
                if regular:
                    _add_product(h.x[start + 1 : start + 1 + m], weight, row[east : east + m])
                else:
                    for q in range(m):
                        h.x[start + 1 + q] += weight[q] * row[h.before_x[level.line_x + 2 * q + 1] + east]


@kernel
def cycle(h: Hierarchy) -> None:
    """Set the finest `x` to one V(1, 1) cycle on the finest `b`."""
    deepest = h.levels.shape[0] - 1
    for depth in range(deepest):
        level = _level(h, depth)
        _solve_columns(h, level, 0, True)
        _solve_columns(h, level, 1, False)
        _restrict(h, level, _level(h, depth + 1))
    _solve_columns(h, _level(h, deepest), 0, True)
    for depth in range(deepest - 1, -1, -1):
        level = _level(h, depth)
        _prolong(h, level, _level(h, depth + 1))
        _solve_columns(h, level, 1, False)
        _solve_columns(h, level, 0, False)


@kernel
def _pack_weights(weight: FloatArray, packed: SingleArray, width: int) -> None:
    """Keep the weights of red columns on odd rows, shape ``(4, n_layer · (n_y // 2) · width)``."""
    _, n_layer, n_y, n_x = weight.shape
    for parent in range(4):
        for k in range(n_layer):
            for j in range(1, n_y, 2):
                start = (k * (n_y // 2) + j // 2) * width
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
        self._result = np.zeros(self.shape)

    def __repr__(self) -> str:
        """Return the shapes of the grids, finest first."""
        return "Multigrid(" + " → ".join(f"{g.n_layer}×{g.n_y}×{g.n_x}" for g in self.layouts) + ")"

    def apply(self, residual: FloatArray) -> FloatArray:
        """Return an approximation of ``A⁻¹ residual``; valid until the next call."""
        layout, h = self.layouts[0], self.hierarchy
        split(residual, layout.n_y, layout.n_x, h.b[: layout.size], layout.width, layout.stride)
        cycle(h)
        join(h.x[: layout.size], self._result, layout.n_y, layout.n_x, layout.width, layout.stride)
        return self._result


class _Pack:
    """Arrays of one level."""

    def __init__(self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, grid: CoarseGrid | None) -> None:
        n_layer, n_y, n_x = cx.shape
        self.layout = Layout(n_layer, n_y, n_x)
        width, stride = self.layout.width, self.layout.stride
        self.faces = np.zeros((4, n_layer * stride), dtype=np.float32)
        split_faces(cx, cy, *self.faces, width, stride)
        self.factors = np.zeros((2, self.layout.size), dtype=np.float32)
        factor_columns(cx, cy, cz, surplus, *self.factors, width, stride)
        self.coarse = (0, 0)
        self.weight = np.zeros((4, 0), dtype=np.float32)
        self.before_x = self.before_y = np.zeros(0, dtype=np.int64)
        if grid is not None:
            self.coarse = (grid.cx.shape[1], grid.cx.shape[2])
            self.weight = np.zeros((4, n_layer * (n_y // 2) * width), dtype=np.float32)
            _pack_weights(grid.weight, self.weight, width)
            self.before_x, self.before_y = grid.columns.before, grid.rows.before

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of its vectors, faces, weights, natural work space and lines."""
        natural = self.layout.n_layer * (self.coarse[0] + 1) * (self.coarse[1] + 1)
        return self.layout.size, self.faces.shape[1], self.weight.shape[1], natural, self.before_x.size, self.before_y.size


def _join_packs(packs: list[_Pack]) -> Hierarchy:
    """Return the arrays of all levels behind one another."""
    sizes = np.array([pack.sizes for pack in packs], dtype=np.int64)
    starts = np.cumsum(sizes, axis=0) - sizes
    grids = [(g.n_layer, g.n_y, g.n_x, g.width, g.stride) for g in (pack.layout for pack in packs)]
    coarse = [pack.coarse for pack in packs]
    faces = np.concatenate([pack.faces for pack in packs], axis=1)
    factors = np.concatenate([pack.factors for pack in packs], axis=1)
    total = int(sizes[:, 0].sum())
    return Hierarchy(
        np.concatenate([np.array(grids), starts, np.array(coarse)], axis=1).astype(np.int64),
        *faces,
        *factors,
        np.concatenate([pack.weight for pack in packs], axis=1),
        np.concatenate([pack.before_x for pack in packs]),
        np.concatenate([pack.before_y for pack in packs]),
        np.zeros(total, dtype=np.float32),
        np.zeros(total, dtype=np.float32),
        np.zeros(int(sizes[:, 3].sum()), dtype=np.float32),
        np.zeros(max(pack.layout.width for pack in packs), dtype=np.float32),
    )
