"""From a grid to the next coarser one: interpolation, and conductances.

Black-box multigrid in the plane of each layer (Alcouffe, Brandt, Dendy and Painter 1981; Dendy 1982, J. Comput. Phys. 48,
sections 2 and 3) with three changes for layered grids. Weights come from solving whole columns, so that layers tied tightly share
theirs. Lines are dropped where cells are narrowest first (`lines`), so that stretched and refined grids become uniform. And the
nine-point stencil is folded back to five points: half of each diagonal conductance to each of the four faces of its square.

A coarse cell ``(J, I)`` is the north-western parent of the square to its south-east. Columns of cells between it and the eastern
parent are *eastern*, those between it and the southern one *southern*, and those in the middle of the square *central*. Loops run
along rows of coarse cells, one result at a time, so that they vectorise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel
from aquirecover.flow.lines import Lines, choose_lines

# Columns that are kept, and those dropped after them; numbers of numpy, see `sweeps`.
KEPT, DROPPED = np.int64(0), np.int64(1)
# The second parent of eastern and of southern columns, of the four.
EASTWARD, SOUTHWARD = np.int64(1), np.int64(2)
# Weights below this are left out.
TRACE = 1e-6


class Fine(NamedTuple):
    """A grid and which of its lines are kept.

    Parameters
    ----------
    cx, cy, cz, surplus : ndarray
        Shape ``(n_layer, n_y, n_x)``; m²/d.
    column, row : ndarray of int
        Lines that are kept.
    gap_x, gap_y : ndarray of bool
        Whether a line is dropped after each.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    surplus: FloatArray
    column: IntArray
    row: IntArray
    gap_x: BoolArray
    gap_y: BoolArray


class Weights(NamedTuple):
    """Weights of columns for their parents, at the north-western one, shape ``(n, n_layer, n_row + 1, n_column + 1)``; 1.

    Parameters
    ----------
    eastern : ndarray
        For the western and the eastern parent.
    southern : ndarray
        For the northern and the southern one.
    central : ndarray
        For the north-western, north-eastern, south-western and south-eastern one.
    """

    eastern: FloatArray
    southern: FloatArray
    central: FloatArray


@fused_part
def _pick(out: FloatArray, values: FloatArray, column: IntArray, gap: BoolArray, shift: int) -> None:
    """Take the values of a row at the kept columns (shift 0), or at those dropped after them (shift 1), 0 where none is."""
    for i in range(column.size):
        at = column[i] + shift
        out[i] = values[at] if shift == 0 or gap[i] else 0.0


@fused_part
def _product(out: FloatArray, a: FloatArray, b: FloatArray) -> None:
    """Set `out` to ``a b``."""
    for i in range(out.size):
        out[i] = a[i] * b[i]


@fused_part
def _add_product(out: FloatArray, a: FloatArray, b: FloatArray) -> None:
    """Add ``a b`` to `out`."""
    for i in range(out.size):
        out[i] += a[i] * b[i]


@fused_part
def _add(out: FloatArray, a: FloatArray) -> None:
    """Add a to `out`."""
    for i in range(out.size):
        out[i] += a[i]


@fused_part
def _subtract(out: FloatArray, a: FloatArray) -> None:
    """Take a from `out`."""
    for i in range(out.size):
        out[i] -= a[i]


@fused_part
def _factor(excess: FloatArray, cz: FloatArray, inverse: FloatArray) -> None:
    """Fill the inverse pivots of columns whose rows sum to `excess`, which is used up; all of shape ``(n_layer, n)``."""
    n_layer, n = excess.shape
    for k in range(n_layer):
        e, c, inv = excess[k], cz[k], inverse[k]
        for i in range(n):
            pivot = e[i] + c[i]
            inv[i] = 1.0 / pivot if pivot > 0.0 else 0.0
        if k + 1 < n_layer:
            below = excess[k + 1]
            for i in range(n):
                below[i] += c[i] * e[i] * inv[i]


@fused_part
def _solve(inverse: FloatArray, cz: FloatArray, weight: FloatArray, parent: int, line: int) -> None:
    """Solve factored columns for the weights of one parent and leave traces out; a row without a pivot gives 0."""
    n_layer, n = inverse.shape
    for k in range(n_layer):
        value = weight[parent, k, line, :n]
        if k > 0:
            _add_product(value, cz[k - 1], weight[parent, k - 1, line, :n])
        _product(value, value, inverse[k])
    for k in range(n_layer - 2, -1, -1):
        value, below, c, inv = weight[parent, k, line, :n], weight[parent, k + 1, line, :n], cz[k], inverse[k]
        for i in range(n):
            value[i] += c[i] * inv[i] * below[i]
    for k in range(n_layer):
        value = weight[parent, k, line, :n]
        # traces, as leak through aquitards, would only give rows next to nothing
        for i in range(n):
            value[i] = value[i] if value[i] > TRACE else 0.0


@fused_part
def _is_empty(fine: Fine, k: int, j: int, i: int) -> bool:
    """Tell whether a cell has no row in the matrix, and is inside the grid."""
    cx, cy, cz, surplus, _, _, _, _ = fine
    _, n_y, n_x = cx.shape
    if j >= n_y or i >= n_x:
        return False
    total = surplus[k, j, i] + cx[k, j, i] + cy[k, j, i] + cz[k, j, i]
    if i > 0:
        total += cx[k, j, i - 1]
    if j > 0:
        total += cy[k, j - 1, i]
    if k > 0:
        total += cz[k - 1, j, i]
    return bool(total == 0.0)


@fused_part
def _stand_in(fine: Fine, k: int, j: int, i: int, along_x: bool) -> tuple[float, float]:
    """Return the ties of a cell that has none to its parents.

    It takes the unknown of one that is empty, so that narrow channels stay connected.
    """
    cx, cy = fine.cx, fine.cy
    if along_x:
        across = cy[k, j, i] + (cy[k, j - 1, i] if j > 0 else 0.0)
        first, second = _is_empty(fine, k, j, i - 1), _is_empty(fine, k, j, i + 1)
    else:
        across = cx[k, j, i] + (cx[k, j, i - 1] if i > 0 else 0.0)
        first, second = _is_empty(fine, k, j - 1, i), _is_empty(fine, k, j + 1, i)
    return (across, 0.0) if first else (0.0, across) if second else (0.0, 0.0)


@fused_part
def _edge_weights(fine: Fine, line: int, along_x: bool, weight: FloatArray) -> None:
    """Fill the weights of the columns between two parents: eastern ones of a line, or southern ones.

    A column between a western and an eastern parent feels no difference along y: ``T w_west = c_west`` with the column's
    tridiagonal T of those two faces, surplus and vertical conductances.
    """
    cx, cy, cz, surplus, column, row, gap_x, _ = fine
    j, shift = (row[line], DROPPED) if along_x else (row[line] + 1, KEPT)
    n_layer, n = cx.shape[0], column.size
    work = np.empty((3, n_layer, n))
    excess, inverse, vertical = work[0], work[1], work[2]
    for k in range(n_layer):
        first, second = weight[0, k, line, :n], weight[1, k, line, :n]
        if along_x:
            _pick(first, cx[k, j, :], column, gap_x, KEPT)
            _pick(second, cx[k, j, :], column, gap_x, DROPPED)
        else:
            _pick(first, cy[k, j - 1, :], column, gap_x, KEPT)
            _pick(second, cy[k, j, :], column, gap_x, KEPT)
        for i in range(n):
            if along_x and not gap_x[i]:
                first[i] = 0.0
            elif first[i] + second[i] == 0.0:
                first[i], second[i] = _stand_in(fine, k, j, column[i] + shift, along_x)
        _pick(excess[k], surplus[k, j, :], column, gap_x, shift)
        _pick(vertical[k], cz[k, j, :], column, gap_x, shift)
        _add(excess[k], first)
        _add(excess[k], second)
    _factor(excess, vertical, inverse)
    for parent in range(2):
        _solve(inverse, vertical, weight, parent, line)


@fused_part
def _central_weights(fine: Fine, w: Weights, line: int) -> None:
    """Fill the weights of columns in the middle of four parents, south of a line, through the columns between."""
    work = np.empty((4, fine.cx.shape[0], fine.column.size))
    cx, cy, cz, surplus, column, row, gap_x, _ = fine
    eastern, southern, central = w
    n_layer, n, j = cx.shape[0], column.size, row[line] + 1
    excess, inverse, vertical, c = work[0], work[1], work[2], work[3, 0]
    for k in range(n_layer):
        north_west, north_east = central[0, k, line, :n], central[1, k, line, :n]
        south_west, south_east = central[2, k, line, :n], central[3, k, line, :n]
        _pick(excess[k], surplus[k, j, :], column, gap_x, DROPPED)
        _pick(vertical[k], cz[k, j, :], column, gap_x, DROPPED)
        # through the southern columns to the west and to the east
        _pick(c, cx[k, j, :], column, gap_x, KEPT)
        for i in range(n):
            c[i] = c[i] if gap_x[i] else 0.0
        _add(excess[k], c)
        _product(north_west, c, southern[0, k, line, :n])
        _product(south_west, c, southern[1, k, line, :n])
        _pick(c, cx[k, j, :], column, gap_x, DROPPED)
        _add(excess[k], c)
        _product(north_east, c, southern[0, k, line, 1:])
        _product(south_east, c, southern[1, k, line, 1:])
        # through the eastern columns to the north and to the south
        _pick(c, cy[k, j - 1, :], column, gap_x, DROPPED)
        _add(excess[k], c)
        _add_product(north_west, c, eastern[0, k, line, :n])
        _add_product(north_east, c, eastern[1, k, line, :n])
        _pick(c, cy[k, j, :], column, gap_x, DROPPED)
        _add(excess[k], c)
        _add_product(south_west, c, eastern[0, k, line + 1, :n])
        _add_product(south_east, c, eastern[1, k, line + 1, :n])
    _factor(excess, vertical, inverse)
    for parent in range(4):
        _solve(inverse, vertical, central, parent, line)


class Coarse(NamedTuple):
    """Stencil of the coarse grid; arrays are one row and one column larger than it."""

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    surplus: FloatArray


@fused_part
def _take_face(out: FloatArray, c: FloatArray, a: FloatArray, b: FloatArray, beside_a: FloatArray, beside_b: FloatArray) -> None:
    """Add the conductance between two parents, ``−c a b``, and half of those of the two diagonals, to their face.

    The other two parents of the square stand beside them.
    """
    for i in range(c.size):
        out[i] -= c[i] * (a[i] * b[i] + 0.5 * (a[i] * beside_b[i] + b[i] * beside_a[i]))


@fused_part
def _add_hold(out: FloatArray, c: FloatArray, own: FloatArray, a: FloatArray, b: FloatArray, d: FloatArray) -> None:
    """Add the row sum of a parent, ``c own (own + a + b + d)``."""
    for i in range(c.size):
        out[i] += c[i] * own[i] * (own[i] + a[i] + b[i] + d[i])


@fused_part
def _add_square(coarse: Coarse, k: int, line: int, c: FloatArray, d: FloatArray) -> None:
    """Add faces of conductance c between cells whose weights differ by d, of shape ``(4, n)``: energy ``c (Σ d h)²``."""
    cx, cy, _, surplus = coarse
    n = c.size
    _take_face(cx[k, line, :n], c, d[0], d[1], d[2], d[3])
    _take_face(cx[k, line + 1, :n], c, d[2], d[3], d[0], d[1])
    _take_face(cy[k, line, :n], c, d[0], d[2], d[1], d[3])
    _take_face(cy[k, line, 1:], c, d[1], d[3], d[0], d[2])
    _add_hold(surplus[k, line, :n], c, d[0], d[1], d[2], d[3])
    _add_hold(surplus[k, line, 1:], c, d[1], d[0], d[2], d[3])
    _add_hold(surplus[k, line + 1, :n], c, d[2], d[0], d[1], d[3])
    _add_hold(surplus[k, line + 1, 1:], c, d[3], d[0], d[1], d[2])


@fused_part
def _add_edge(face: FloatArray, hold: FloatArray, next_hold: FloatArray, c: FloatArray, a: FloatArray, b: FloatArray) -> None:
    """Add faces of conductance c between cells whose weights for two parents differ by a and b: energy ``c (a g + b h)²``."""
    n = c.size
    for i in range(n):
        face[i] -= c[i] * a[i] * b[i]
    for i in range(n):
        hold[i] += c[i] * a[i] * (a[i] + b[i])
    for i in range(n):
        next_hold[i] += c[i] * b[i] * (a[i] + b[i])


@fused_part
def _less_one(out: FloatArray, a: FloatArray) -> None:
    """Set `out` to ``a − 1``."""
    for i in range(out.size):
        out[i] = a[i] - 1.0


@fused_part
def _add_line(fine: Fine, w: Weights, coarse: Coarse, k: int, line: int, work: FloatArray) -> None:
    """Add the faces along a line that is kept: from parents to eastern columns and on to the next parents."""
    column, gap_x, n = fine.column, fine.gap_x, fine.column.size
    a, b, c, d = w.eastern[0, k, line, :n], w.eastern[1, k, line, :n], work[0], work[1]
    face, hold, next_hold = coarse.cx[k, line, :n], coarse.surplus[k, line, :n], coarse.surplus[k, line, 1:]
    along = fine.cx[k, fine.row[line], :]
    _pick(c, along, column, gap_x, KEPT)
    for i in range(n):
        if not gap_x[i]:
            face[i] += c[i]
            c[i] = 0.0
    _less_one(d, a)
    _add_edge(face, hold, next_hold, c, d, b)
    _pick(c, along, column, gap_x, DROPPED)
    _less_one(d, b)
    _add_edge(face, hold, next_hold, c, a, d)


@fused_part
def _set_differences(fine: Fine, w: Weights, k: int, line: int, side: int, c: FloatArray, d: FloatArray) -> None:
    """Fill the conductances of the faces on one side of central columns, and the differences of weights across them.

    Sides 0 to 3 are west, east, north and south; a western face without a central column lies between two southern ones. Side 4
    is that between the eastern columns of two lines, where none is dropped between these.
    """
    cx, cy, column, gap_x = fine.cx, fine.cy, fine.column, fine.gap_x
    eastern, southern, central = w
    n, j = column.size, fine.row[line] + 1
    for parent in range(4):
        d[parent] = central[parent, k, line, :n]
    if side == 0:
        _pick(c, cx[k, j, :], column, gap_x, KEPT)
        _subtract(d[0], southern[0, k, line, :n])
        _subtract(d[2], southern[1, k, line, :n])
        for i in range(n):
            if not gap_x[i]:
                d[1, i], d[3, i] = southern[0, k, line, i + 1], southern[1, k, line, i + 1]
    elif side == 1:
        _pick(c, cx[k, j, :], column, gap_x, DROPPED)
        _subtract(d[1], southern[0, k, line, 1:])
        _subtract(d[3], southern[1, k, line, 1:])
    elif side == 2:
        _pick(c, cy[k, j - 1, :], column, gap_x, DROPPED)
        _subtract(d[0], eastern[0, k, line, :n])
        _subtract(d[1], eastern[1, k, line, :n])
    else:
        _pick(c, cy[k, j if side == 3 else j - 1, :], column, gap_x, DROPPED)
        _subtract(d[2], eastern[0, k, line + 1, :n])
        _subtract(d[3], eastern[1, k, line + 1, :n])
        if side == 4:
            d[0], d[1] = eastern[0, k, line, :n], eastern[1, k, line, :n]


@fused_part
def _add_between(fine: Fine, w: Weights, coarse: Coarse, k: int, line: int, work: FloatArray) -> None:
    """Add the faces between a line that is kept and the next one."""
    cy, column, gap_x, n, j = fine.cy, fine.column, fine.gap_x, fine.column.size, fine.row[line] + 1
    c, d, southern, gap = work[0], work[1], w.southern, fine.gap_y[line]
    face, hold, next_hold = coarse.cy[k, line, :n], coarse.surplus[k, line, :n], coarse.surplus[k, line + 1, :n]
    _pick(c, cy[k, j - 1, :], column, gap_x, KEPT)
    if gap:
        # from parents to southern columns and on to the next parents
        a, b = southern[0, k, line, :n], southern[1, k, line, :n]
        _less_one(d, a)
        _add_edge(face, hold, next_hold, c, d, b)
        _pick(c, cy[k, j, :], column, gap_x, KEPT)
        _less_one(d, b)
        _add_edge(face, hold, next_hold, c, a, d)
    else:
        _add(face, c)
    for side in range(0 if gap else 4, 4 if gap else 5):
        _set_differences(fine, w, k, line, side, c, work[2:6])
        _add_square(coarse, k, line, c, work[2:6])


@fused_part
def _add_own(
    fine: Fine, coarse: Coarse, weight: FloatArray, step: int, k: int, line: int, j: int, shift: int, work: FloatArray
) -> None:
    """Add what the eastern, southern or central columns of a line have of their own: surplus, and faces to the layer below.

    The parent of weight m is the ``step m``-th of the four. Energy ``c (Σ w h − Σ v h_below)²`` of a face below: its row sums,
    and what is left, folded onto the columns of the parents.
    """
    column, gap_x, n = fine.column, fine.gap_x, fine.column.size
    own, below, face, hold, v = work[0], work[1], work[2], work[3], work[4]
    has_below = k + 1 < fine.cx.shape[0]
    _pick(hold, fine.surplus[k, j, :], column, gap_x, shift)
    own[:] = 0.0
    for number in range(weight.shape[0]):
        _add(own, weight[number, k, line, :n])
    if has_below:
        _pick(face, fine.cz[k, j, :], column, gap_x, shift)
        below[:] = 0.0
        for number in range(weight.shape[0]):
            _add(below, weight[number, k + 1, line, :n])
    for number in range(weight.shape[0]):
        at, first = line + step * number // 2, step * number % 2
        w = weight[number, k, line, :n]
        surplus = coarse.surplus[k, at, first : first + n]
        for i in range(n):
            surplus[i] += hold[i] * own[i] * w[i]
        if has_below:
            v[:] = weight[number, k + 1, line, :n]
            surplus_below, cz = coarse.surplus[k + 1, at, first : first + n], coarse.cz[k, at, first : first + n]
            _fold_below(surplus, surplus_below, cz, face, w, v, own, below)


@fused_part
def _fold_below(
    surplus: FloatArray,
    surplus_below: FloatArray,
    cz: FloatArray,
    face: FloatArray,
    w: FloatArray,
    v: FloatArray,
    own: FloatArray,
    below: FloatArray,
) -> None:
    """Add the part of one parent, see `_add_own`."""
    n = face.size
    for i in range(n):
        cz[i] += 0.5 * face[i] * (w[i] * below[i] + v[i] * own[i])
    for i in range(n):
        surplus[i] += face[i] * w[i] * (own[i] - below[i])
    for i in range(n):
        surplus_below[i] += face[i] * v[i] * (below[i] - own[i])


@fused_part
def _add_line_of_squares(fine: Fine, w: Weights, coarse: Coarse, line: int) -> None:
    """Add up the coarse stencil of a line that is kept and of what lies between it and the next."""
    n_layer, n, j = fine.cx.shape[0], fine.column.size, fine.row[line]
    work = np.empty((6, n))
    for k in range(n_layer):
        c = work[0]
        _pick(c, fine.surplus[k, j, :], fine.column, fine.gap_x, KEPT)
        _add(coarse.surplus[k, line, :n], c)
        _pick(c, fine.cz[k, j, :], fine.column, fine.gap_x, KEPT)
        _add(coarse.cz[k, line, :n], c)
        _add_line(fine, w, coarse, k, line, work)
        gap = fine.gap_y[line]
        for kind in range(3 if gap else 1):
            weight = w.eastern if kind == 0 else w.southern if kind == 1 else w.central
            at, shift = (j, DROPPED) if kind == 0 else (j + 1, KEPT if kind == 1 else DROPPED)
            _add_own(fine, coarse, weight, SOUTHWARD if kind == 1 else EASTWARD, k, line, at, shift, work)
        if gap or line + 1 < fine.row.size:
            _add_between(fine, w, coarse, k, line, work)


@fused_kernel
def _fill(fine: Fine, w: Weights, coarse: Coarse, stage: int, lines: IntArray) -> None:
    """Fill what a stage has in some lines: weights of eastern and southern columns, of central ones, or the coarse stencil."""
    for line in lines:
        if stage == 0:
            for along_x in range(2 if fine.gap_y[line] else 1):
                _edge_weights(fine, line, along_x == 0, w.eastern if along_x == 0 else w.southern)
        elif stage == 1:
            if fine.gap_y[line]:
                _central_weights(fine, w, line)
        else:
            _add_line_of_squares(fine, w, coarse, line)


@parallel_kernel
def _fill_shared(fine: Fine, w: Weights, coarse: Coarse, stage: int, lines: IntArray) -> None:
    """Do as `_fill` does on several threads."""
    for number in numba.prange(lines.size):
        _fill(fine, w, coarse, stage, lines[number : number + 1])


@dataclass(frozen=True, eq=False)
class CoarseGrid:
    """The next grid, and the way to it.

    Parameters
    ----------
    cx, cy, cz, surplus : ndarray
        Of the coarse grid, shape ``(n_layer, n_row, n_column)``; m²/d.
    columns, rows : Lines
        Lines of the fine grid.
    weights : Weights
        Of the columns that are dropped.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    surplus: FloatArray
    columns: Lines
    rows: Lines
    weights: Weights

    @property
    def weight(self) -> FloatArray:
        """Weights of every fine column for its four parents, shape ``(4, n_layer, n_y, n_x)``; 1."""
        n_layer = self.cx.shape[0]
        result = np.zeros((4, n_layer, self.rows.kept.size, self.columns.kept.size))
        row, column = self.rows.fine, self.columns.fine
        result[0][:, row[:, None], column] = 1.0
        middle, between = column[self.columns.dropped_after] + 1, row[self.rows.dropped_after] + 1
        at_x, at_y = self.columns.before[middle], self.rows.before[between]
        for parent, weight in enumerate(self.weights.eastern):
            result[parent][:, row[:, None], middle] = weight[:, : row.size][:, :, at_x]
        for parent, weight in enumerate(self.weights.southern):
            result[2 * parent][:, between[:, None], column] = weight[:, at_y][:, :, : column.size]
        for parent, weight in enumerate(self.weights.central):
            result[parent][:, between[:, None], middle] = weight[:, at_y[:, None], at_x]
        return result


def coarsen(
    cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, x: FloatArray, y: FloatArray, threads: int | None = None
) -> CoarseGrid:
    """Return the next grid below one of more than one column.

    Parameters
    ----------
    cx, cy, cz, surplus : ndarray
        Shape ``(n_layer, n_y, n_x)``; m²/d.
    x, y : ndarray
        Positions of the columns and rows of cells, shapes ``(n_x,)`` and ``(n_y,)``; m.
    threads : int, optional
        See `compiled.share`.
    """
    columns, rows = choose_lines(cx, cy, x, y)
    fine = Fine(cx, cy, cz, surplus, columns.fine, rows.fine, columns.dropped_after, rows.dropped_after)
    shape = (cx.shape[0], rows.n_kept + 1, columns.n_kept + 1)
    weights = Weights(*(np.zeros((n, *shape)) for n in (2, 2, 4)))
    coarse = Coarse(*(np.zeros(shape) for _ in range(4)))
    lines = np.arange(rows.n_kept)
    # neighbours add to one row: every second line first
    for stage, some in ((0, lines), (1, lines), (2, lines[::2].copy()), (2, lines[1::2].copy())):
        fill = _fill if threads is None else _fill_shared
        fill(fine, weights, coarse, stage, some)
    # folding may leave a face below zero where contrasts are extreme
    own_x, own_y, own_z, own_surplus = (np.maximum(a[:, :-1, :-1], 0.0) for a in coarse)
    return CoarseGrid(own_x, own_y, own_z, own_surplus, columns, rows, weights)
