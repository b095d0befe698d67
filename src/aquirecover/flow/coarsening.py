"""From a grid to the next coarser one: which rows and columns stay, interpolation, and conductances.

Black-box multigrid in the plane of each layer (Alcouffe, Brandt, Dendy and Painter 1981; Dendy 1982, J. Comput. Phys. 48,
sections 2 and 3) with three changes for layered grids. Weights come from solving whole columns, so that layers tied tightly share
theirs. Lines are dropped where cells are narrowest first, so that stretched and refined grids become uniform. And the nine-point
stencil is folded back to five points: half of each diagonal conductance to each of the four faces of its square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.compiled import kernel

# Lines are dropped where their spacing, scaled by anisotropy, is at most this multiple of the least.
SPREAD = 2.0
# Weights below this are left out.
TRACE = 1e-6


@dataclass(frozen=True, eq=False)
class Lines:
    """Which lines (columns of cells along x, or rows along y) of a grid stay on the next.

    Parameters
    ----------
    place : ndarray
        Position of each line, shape ``(n,)``; m.
    kept : ndarray of bool
        Shape ``(n,)``; of two neighbours one at least is kept, and even lines always are.
    before : ndarray of int
        Coarse number of the line itself, or of the one before it where it is dropped, shape ``(n,)``.
    """

    place: FloatArray
    kept: BoolArray
    before: IntArray

    @classmethod
    def choose(cls, place: FloatArray, least: float) -> Lines:
        """Drop the odd lines whose spacing is at most `SPREAD` times the `least`."""
        kept = np.ones(place.size, dtype=bool)
        if place.size > 1:
            gap = np.abs(np.diff(place))
            wider = np.maximum(gap, np.append(gap[1:], 0.0))
            kept[1::2] = wider[::2] > SPREAD * least
        return cls(place, kept, np.cumsum(kept) - 1)

    @property
    def n_kept(self) -> int:
        """Number of lines of the coarse grid."""
        return int(self.before[-1]) + 1


def choose_lines(cx: FloatArray, cy: FloatArray, x: FloatArray, y: FloatArray) -> tuple[Lines, Lines]:
    """Return the lines along x and y for the next grid; at least one line is dropped unless there is one column.

    Distances along y are scaled by the root of the mean anisotropy of conductivity, so that equal distances mean equal
    conductances of square cells.
    """
    x_gap, y_gap = np.abs(np.diff(x)), np.abs(np.diff(y))
    if x.size == 1 or y.size == 1:
        every = float(max(x_gap.max(initial=0.0), y_gap.max(initial=0.0)))
        return Lines.choose(x, every), Lines.choose(y, every)
    x_width, y_width = np.abs(np.gradient(x)), np.abs(np.gradient(y))
    along_x = _mean_logarithm(cx[:, :, :-1] * (x_gap / y_width[:, None]))
    along_y = _mean_logarithm(cy[:, :-1] * (y_gap[:, None] / x_width))
    scaled = y * np.exp(0.5 * (along_x - along_y)) if np.isfinite(along_x) and np.isfinite(along_y) else y
    least = float(min(x_gap.min(), np.abs(np.diff(scaled)).min()))
    columns, rows = Lines.choose(x, least), Lines.choose(scaled, least)
    if columns.kept.all() and rows.kept.all():
        columns = Lines.choose(x, float(x_gap.max()))
    return columns, Lines(y, rows.kept, rows.before)


def _mean_logarithm(conductivity: FloatArray) -> float:
    """Return the mean of the logarithm of what is positive, NaN when nothing is."""
    total, count = _sum_logarithm(conductivity)
    return total / count if count else float("nan")


@kernel
def _sum_logarithm(value: FloatArray) -> tuple[float, int]:
    """Return the sum of the logarithms of what is positive, and its number."""
    total, count = 0.0, 0
    for plane in value:
        for row in plane:
            for v in row:
                if v > 0.0:
                    total += np.log(v)
                    count += 1
    return total, count


@kernel
def _solve_column(pivot: FloatArray, cz: FloatArray, b: FloatArray) -> None:
    """Solve a factored tridiagonal system in place; a row without a pivot gives 0."""
    n = b.size
    for k in range(n):
        if k > 0:
            b[k] += cz[k - 1] * b[k - 1]
        b[k] = b[k] / pivot[k] if pivot[k] > 0.0 else 0.0
    for k in range(n - 2, -1, -1):
        if pivot[k] > 0.0:
            b[k] += cz[k] / pivot[k] * b[k + 1]


@kernel
def _factor(excess: FloatArray, cz: FloatArray, pivot: FloatArray) -> None:
    """Fill the pivots of a column whose rows sum to `excess`."""
    carried = 0.0
    for k in range(excess.size):
        e = excess[k] + carried
        pivot[k] = e + cz[k]
        carried = cz[k] * (e / pivot[k]) if pivot[k] > 0.0 else 0.0


@kernel
def _store(value: FloatArray, weight: FloatArray, parent: int, j: int, i: int) -> None:
    """Keep the weights of a column for one parent; traces, as leak through aquitards, would only give rows next to nothing."""
    for k in range(value.size):
        weight[parent, k, j, i] = value[k] if value[k] > TRACE else 0.0


@kernel
def _is_empty(cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, k: int, j: int, i: int) -> bool:
    """Tell whether a cell has no row in the matrix, and is inside the grid."""
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


@kernel
def _stand_in(
    cx: FloatArray,
    cy: FloatArray,
    cz: FloatArray,
    surplus: FloatArray,
    k: int,
    j: int,
    i: int,
    along_x: bool,
    first: FloatArray,
    second: FloatArray,
) -> None:
    """Let a cell that is tied to neither parent take the unknown of one that is empty, so that narrow channels stay connected."""
    if along_x:
        across = cy[k, j, i] + (cy[k, j - 1, i] if j > 0 else 0.0)
        if _is_empty(cx, cy, cz, surplus, k, j, i - 1):
            first[k] = across
        elif _is_empty(cx, cy, cz, surplus, k, j, i + 1):
            second[k] = across
    else:
        across = cx[k, j, i] + (cx[k, j, i - 1] if i > 0 else 0.0)
        if _is_empty(cx, cy, cz, surplus, k, j - 1, i):
            first[k] = across
        elif _is_empty(cx, cy, cz, surplus, k, j + 1, i):
            second[k] = across


@kernel
def _edge_weights(
    cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, keep_x: BoolArray, keep_y: BoolArray, weight: FloatArray
) -> None:
    """Fill the weights of columns that are kept, and of those between two that are.

    Weights of a column for its north-western, north-eastern, south-western and south-eastern parent: ``weight[4, k, j, i]``. A
    column between a western and an eastern parent feels no difference along y: ``T w_west = c_west`` with the column's
    tridiagonal T of those two faces, surplus and vertical conductances.
    """
    n_layer, n_y, n_x = cx.shape
    excess, pivot, column = np.empty(n_layer), np.empty(n_layer), np.empty(n_layer)
    first, second = np.empty(n_layer), np.empty(n_layer)
    for j in range(n_y):
        for i in range(n_x):
            if keep_x[i] and keep_y[j]:
                weight[0, :, j, i] = 1.0
            elif keep_x[i] or keep_y[j]:
                along_x = keep_y[j]
                for k in range(n_layer):
                    first[k] = cx[k, j, i - 1] if along_x else cy[k, j - 1, i]
                    second[k] = cx[k, j, i] if along_x else cy[k, j, i]
                    if first[k] + second[k] == 0.0:
                        _stand_in(cx, cy, cz, surplus, k, j, i, along_x, first, second)
                    excess[k], column[k] = first[k] + second[k] + surplus[k, j, i], cz[k, j, i]
                _factor(excess, column, pivot)
                _solve_column(pivot, column, first)
                _solve_column(pivot, column, second)
                _store(first, weight, 0, j, i)
                _store(second, weight, 1 if along_x else 2, j, i)


@kernel
def _centre_weights(
    cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, keep_x: BoolArray, keep_y: BoolArray, weight: FloatArray
) -> None:
    """Fill the weights of columns in the middle of four parents, through the columns between."""
    n_layer, n_y, n_x = cx.shape
    excess, pivot, column = np.empty(n_layer), np.empty(n_layer), np.empty(n_layer)
    b = np.empty((4, n_layer))
    for j in range(n_y):
        if keep_y[j]:
            continue
        for i in range(n_x):
            if keep_x[i]:
                continue
            for k in range(n_layer):
                west, north, east, south = cx[k, j, i - 1], cy[k, j - 1, i], cx[k, j, i], cy[k, j, i]
                excess[k], column[k] = west + north + east + south + surplus[k, j, i], cz[k, j, i]
                b[0, k] = west * weight[0, k, j, i - 1] + north * weight[0, k, j - 1, i]
                b[1, k] = north * weight[1, k, j - 1, i]
                b[2, k] = west * weight[2, k, j, i - 1]
                b[3, k] = 0.0
                if i + 1 < n_x:
                    b[1, k] += east * weight[0, k, j, i + 1]
                    b[3, k] += east * weight[2, k, j, i + 1]
                if j + 1 < n_y:
                    b[2, k] += south * weight[0, k, j + 1, i]
                    b[3, k] += south * weight[1, k, j + 1, i]
            _factor(excess, column, pivot)
            for parent in range(4):
                _solve_column(pivot, column, b[parent])
                _store(b[parent], weight, parent, j, i)


@kernel
def _add_face(c: float, d: FloatArray, k: int, j: int, i: int, cx: FloatArray, cy: FloatArray, surplus: FloatArray) -> None:
    """Add a face of conductance c between cells whose weights differ by d: energy ``c (Σ d h)²`` of the four parents' heads."""
    fold = -0.5 * c * (d[0] * d[3] + d[1] * d[2])
    cx[k, j, i] += fold - c * d[0] * d[1]
    cx[k, j + 1, i] += fold - c * d[2] * d[3]
    cy[k, j, i] += fold - c * d[0] * d[2]
    cy[k, j, i + 1] += fold - c * d[1] * d[3]
    total = c * (d[0] + d[1] + d[2] + d[3])
    surplus[k, j, i] += total * d[0]
    surplus[k, j, i + 1] += total * d[1]
    surplus[k, j + 1, i] += total * d[2]
    surplus[k, j + 1, i + 1] += total * d[3]


@kernel
def _galerkin(
    cx: FloatArray,
    cy: FloatArray,
    cz: FloatArray,
    surplus: FloatArray,
    weight: FloatArray,
    before_x: IntArray,
    before_y: IntArray,
    coarse_cx: FloatArray,
    coarse_cy: FloatArray,
    coarse_cz: FloatArray,
    coarse_surplus: FloatArray,
) -> None:
    """Add up the coarse stencil; coarse arrays are one row and one column larger than the coarse grid."""
    n_layer, n_y, n_x = cx.shape
    d = np.empty(4)
    for k in range(n_layer):
        for j in range(n_y):
            down = before_y[min(j + 1, n_y - 1)] - before_y[j]
            for i in range(n_x):
                row, column = before_y[j], before_x[i]
                across = before_x[min(i + 1, n_x - 1)] - column
                w0, w1, w2, w3 = weight[0, k, j, i], weight[1, k, j, i], weight[2, k, j, i], weight[3, k, j, i]
                if i + 1 < n_x and cx[k, j, i] > 0.0:
                    d[0], d[1], d[2], d[3] = w0, w1, w2, w3
                    for parent in range(4):
                        if not (across == 1 and parent % 2 == 1):
                            d[parent + across] -= weight[parent, k, j, i + 1]
                    _add_face(cx[k, j, i], d, k, row, column, coarse_cx, coarse_cy, coarse_surplus)
                if j + 1 < n_y and cy[k, j, i] > 0.0:
                    d[0], d[1], d[2], d[3] = w0, w1, w2, w3
                    for parent in range(4 - 2 * down):
                        d[parent + 2 * down] -= weight[parent, k, j + 1, i]
                    _add_face(cy[k, j, i], d, k, row, column, coarse_cx, coarse_cy, coarse_surplus)
                own, below = w0 + w1 + w2 + w3, 0.0
                face = cz[k, j, i] if k + 1 < n_layer else 0.0
                if face > 0.0:
                    below = weight[0, k + 1, j, i] + weight[1, k + 1, j, i] + weight[2, k + 1, j, i] + weight[3, k + 1, j, i]
                for parent in range(4):
                    w, place_j, place_i = weight[parent, k, j, i], row + parent // 2, column + parent % 2
                    coarse_surplus[k, place_j, place_i] += surplus[k, j, i] * own * w
                    if face > 0.0:
                        # energy c (Σ w h − Σ v h_below)²: its row sums, and what is left, folded onto the columns of the parents
                        v = weight[parent, k + 1, j, i]
                        coarse_cz[k, place_j, place_i] += 0.5 * face * (w * below + v * own)
                        coarse_surplus[k, place_j, place_i] += face * w * (own - below)
                        coarse_surplus[k + 1, place_j, place_i] += face * v * (below - own)


@dataclass(frozen=True, eq=False)
class CoarseGrid:
    """The next grid, and the way to it.

    Parameters
    ----------
    cx, cy, cz, surplus : ndarray
        Of the coarse grid, shape ``(n_layer, n_row, n_column)``; m²/d.
    columns, rows : Lines
        Lines of the fine grid.
    weight : ndarray
        Of every fine column for its parents, shape ``(4, n_layer, n_y, n_x)``; 1.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    surplus: FloatArray
    columns: Lines
    rows: Lines
    weight: NDArray[np.float64]


def coarsen(cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, x: FloatArray, y: FloatArray) -> CoarseGrid:
    """Return the next grid below one of more than one column.

    Parameters
    ----------
    cx, cy, cz, surplus : ndarray
        Shape ``(n_layer, n_y, n_x)``; m²/d.
    x, y : ndarray
        Positions of the columns and rows of cells, shapes ``(n_x,)`` and ``(n_y,)``; m.
    """
    columns, rows = choose_lines(cx, cy, x, y)
    weight = np.zeros((4, *cx.shape))
    _edge_weights(cx, cy, cz, surplus, columns.kept, rows.kept, weight)
    _centre_weights(cx, cy, cz, surplus, columns.kept, rows.kept, weight)
    shape = (cx.shape[0], rows.n_kept + 1, columns.n_kept + 1)
    coarse = [np.zeros(shape) for _ in range(4)]
    _galerkin(cx, cy, cz, surplus, weight, columns.before, rows.before, *coarse)
    # folding may leave a face below zero where contrasts are extreme
    coarse_cx, coarse_cy, coarse_cz, coarse_surplus = (np.maximum(a[:, :-1, :-1], 0.0) for a in coarse)
    return CoarseGrid(coarse_cx, coarse_cy, coarse_cz, coarse_surplus, columns, rows, weight)
