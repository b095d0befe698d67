"""Matrices from arrays over all cells into the numbering of `colouring`: faces, and columns factored."""

from __future__ import annotations

import numba
import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.coarsening import Weights
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel
from aquirecover.flow.finest import Finest
from aquirecover.flow.products import Bands
from aquirecover.flow.sweeps import EAST, NORTH, SOUTH, WEST, Level, Plane

# Pivots below this, m²/d, count as none: their inverse would leave single precision.
SMALLEST = 1e-30
# How far a row is moved; numbers of numpy, see `sweeps`.
STILL, EASTWARD = np.int64(0), np.int64(1)
# What of the finest level is packed: the diagonal alone, also faces, or these as the rows on both of their sides hold them.
DIAGONAL, FACES, BOTH_SIDES = np.int64(0), np.int64(1), np.int64(2)


@fused_part
def _take(out: Plane, o: int, row: Plane, first: int) -> None:
    """Take every second value of a row from the first on."""
    n = (row.size - first + 1) // 2
    target, source = out[o : o + n], row[first:]
    for q in range(n):
        target[q] = source[2 * q]


@fused_part
def _shift(out: SingleArray, row: FloatArray, distance: int) -> None:
    """Set `out` to a row moved by a distance to the east."""
    n = row.size - distance
    out[:distance] = 0.0
    target, source = out[distance:], row[:n]
    for i in range(n):
        target[i] = source[i]


@fused_part
def _add(out: FloatArray, value: Plane) -> None:
    """Add a row to `out`."""
    for i in range(out.size):
        out[i] += value[i]


@fused_part
def _factor_row(excess: FloatArray, below: Plane, carried: FloatArray, inverse: FloatArray, coupling: FloatArray) -> None:
    """Factor one layer of a row of columns: inverse pivots, and those times the vertical conductance below.

    A pivot is the excess of a row, ``e_k = surplus + horizontal faces + cz_(k−1) e_(k−1) / (e_(k−1) + cz_(k−1))``, plus ``cz_k``:
    sums of what is not negative, so that aquitards and aquifers side by side lose no digits.
    """
    for i in range(excess.size):
        excess[i] = max(excess[i], 0.0) + carried[i]
    for i in range(excess.size):
        pivot = excess[i] + below[i]
        inverse[i] = 1.0 / pivot if pivot > SMALLEST else 0.0
    for i in range(excess.size):
        coupling[i] = below[i] * inverse[i]
    for i in range(excess.size):
        carried[i] = coupling[i] * excess[i]


@fused_part
def _place(level: Level, k: int, j: int) -> int:
    """Return the number of the first column of a row in a plane; red columns of odd rows begin one further."""
    return k * level.stride + (j + 1) * level.width + 1 + j // 2


@fused_part
def _pack_faces(faces: SingleArray, level: Level, k: int, j: int, west: Plane, east: Plane, north: Plane, south: Plane) -> None:
    """Keep the faces of the red columns of a row."""
    odd = j % 2
    f = level.face + _place(level, k, j) + odd
    _take(faces[WEST], f, west, odd)
    _take(faces[EAST], f, east, odd)
    _take(faces[NORTH], f, north, odd)
    _take(faces[SOUTH], f, south, odd)


@fused_kernel
def _pack_finest_rows(a: Bands, f: Finest, level: Level, what: int, first: int, last: int) -> None:
    """Pack some rows of columns of the finest level; its columns are factored as their rows are in single precision."""
    n_layer, n = level.n_layer, level.n_x
    sides, below, surplus = np.empty((4, n), np.float32), np.zeros(n, np.float32), np.empty(n, np.float32)
    excess, carried, inverse, coupling = np.zeros(n), np.zeros(n), np.empty(n), np.empty(n)
    west, east, north, south = sides[0], sides[1], sides[2], sides[3]
    nothing = np.zeros(n)
    for number in range((last - first) * n_layer):
        j, k = first + number // n_layer, number % n_layer
        odd = j % 2
        if k == 0:
            carried[:] = 0.0
        o = k * a.plane + j * a.row
        _shift(surplus, a.surplus[o : o + n], STILL)
        if what == BOTH_SIDES:
            # what the rows of other columns hold for these
            _shift(west, a.far_x[o : o + n], EASTWARD)
            _shift(east, a.near_x[o : o + n], STILL)
            _shift(north, a.far_y[o - n : o] if j > 0 else nothing, STILL)
            _shift(south, a.near_y[o : o + n], STILL)
            _pack_faces(f.far_faces, level, k, j, west, east, north, south)
        _shift(west, a.near_x[o : o + n], EASTWARD)
        _shift(east, a.far_x[o : o + n], STILL)
        _shift(north, a.near_y[o - n : o] if j > 0 else nothing, STILL)
        _shift(south, a.far_y[o : o + n], STILL)
        if what != DIAGONAL:
            _pack_faces(f.faces, level, k, j, west, east, north, south)
        if k + 1 < n_layer:
            _shift(below, a.cz[o : o + n], STILL)
        else:
            below[:] = 0.0
        _shift(excess, surplus, STILL)
        _add(excess, west)
        _add(excess, east)
        _add(excess, north)
        _add(excess, south)
        _factor_row(excess, below, carried, inverse, coupling)
        place = _place(level, k, j)
        _take(f.red_factors[0], place + odd, inverse, odd)
        _take(f.black_factors[0], place, inverse, 1 - odd)
        _take(f.surplus, place, surplus, 1 - odd)
        # nothing lies below the last layer, where these stay 0
        if k + 1 < n_layer:
            _take(f.red_factors[1], place + odd, coupling, odd)
            _take(f.black_factors[1], place, coupling, 1 - odd)
            if what != DIAGONAL:
                _take(f.cz, place, below, 1 - odd)


@fused_kernel
def pack_level(
    cx: FloatArray,
    cy: FloatArray,
    cz: FloatArray,
    surplus: FloatArray,
    faces: SingleArray,
    factors: SingleArray,
    level: Level,
) -> None:
    """Fill the faces and factors of a coarser level."""
    n_layer, n = level.n_layer, level.n_x
    sides, nothing = np.empty((2, n)), np.zeros(n)
    excess, carried, inverse, coupling = np.empty(n), np.zeros(n), np.empty(n), np.empty(n)
    west, north = sides[0], sides[1]
    for number in range(level.n_y * n_layer):
        j, k = number // n_layer, number % n_layer
        odd = j % 2
        if k == 0:
            carried[:] = 0.0
        _shift(west, cx[k, j], EASTWARD)
        _shift(north, cy[k, j - 1] if j > 0 else nothing, STILL)
        _pack_faces(faces, level, k, j, west, cx[k, j], north, cy[k, j])
        _shift(excess, surplus[k, j], STILL)
        _add(excess, west)
        _add(excess, cx[k, j])
        _add(excess, north)
        _add(excess, cy[k, j])
        _factor_row(excess, cz[k, j], carried, inverse, coupling)
        red = level.vector + _place(level, k, j)
        black = red + n_layer * level.stride
        _take(factors[0], red + odd, inverse, odd)
        _take(factors[1], red + odd, coupling, odd)
        _take(factors[0], black, inverse, 1 - odd)
        _take(factors[1], black, coupling, 1 - odd)


@parallel_kernel
def _pack_finest_shared(a: Bands, f: Finest, level: Level, what: int) -> None:
    """Pack the finest level on several threads."""
    for j in numba.prange(level.n_y):
        _pack_finest_rows(a, f, level, what, j, j + 1)


def pack_finest(a: Bands, f: Finest, level: Level, threads: int | None, *, diagonal_only: bool) -> None:
    """Fill the faces, factors and rows of the finest level, or what of them follows from the diagonal."""
    what = DIAGONAL if diagonal_only else FACES if a.symmetric else BOTH_SIDES
    if threads is None:
        _pack_finest_rows(a, f, level, what, 0, level.n_y)
    else:
        _pack_finest_shared(a, f, level, what)


@fused_kernel
def pack_weights(w: Weights, columns: IntArray, rows: IntArray, weight: SingleArray, level: Level) -> None:
    """Keep the weights of the red columns of odd rows, see `transfer`.

    `columns` and `rows` are the coarse numbers of all lines, `Lines.before`. Where only every second line was dropped these
    columns lie in the middle of four parents, elsewhere also between two, or are parents themselves.
    """
    eastern, southern, central = w
    n = level.n_x // 2
    for k in range(level.n_layer):
        for j in range(1, level.n_y, 2):
            start, row = level.weight + (k * (level.n_y // 2) + j // 2) * level.width + 1, rows[j]
            if level.regular:
                for parent in range(4):
                    weight[parent, start : start + n] = central[parent, k, row, :n]
                continue
            row_kept = row > rows[j - 1]
            for q in range(n):
                column = columns[2 * q + 1]
                column_kept, f = column > columns[2 * q], start + q
                if row_kept and column_kept:
                    weight[0, f] = 1.0
                elif row_kept:
                    weight[0, f], weight[1, f] = eastern[0, k, row, column], eastern[1, k, row, column]
                elif column_kept:
                    weight[0, f], weight[2, f] = southern[0, k, row, column], southern[1, k, row, column]
                else:
                    for parent in range(4):
                        weight[parent, f] = central[parent, k, row, column]
