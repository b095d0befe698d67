"""Residuals down to the next grid and corrections up from it.

Black columns that have just been solved have no residual, and those that are solved next need no correction, so that only red
columns take part. Where every odd line was dropped, the parents are the red columns of even rows, and red columns of odd rows lie
in the middle of four of them; elsewhere the way leads through a grid of rows and columns.

Weights of the red columns of odd row j and layer k stand at ``(k (n_y // 2) + j // 2) w + q``, with w and q of `colouring`.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import IntArray
from aquirecover.flow.colouring import SingleArray, join, split
from aquirecover.flow.compiled import fused_kernel, fused_part
from aquirecover.flow.sweeps import ADD, SET, Level

NORTH_WEST, NORTH_EAST, SOUTH_WEST, SOUTH_EAST = np.arange(4)


@fused_part
def _add_weighted(
    out: SingleArray, o: int, value: SingleArray, weight: SingleArray, f: int, a: int, av: int, g: int, b: int, bv: int, n: int
) -> None:
    """Add ``weight[f] value + weight[g] value`` to `out`; a and av, b and bv are the places in each product."""
    target = out[o : o + n]
    first, second = weight[f, a : a + n], weight[g, b : b + n]
    one, other = value[av : av + n], value[bv : bv + n]
    for p in range(n):
        target[p] += first[p] * one[p] + second[p] * other[p]


@fused_part
def _add(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Add `value` to `out`."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] += source[p]


@fused_part
def _row(level: Level, k: int, j: int) -> int:
    """Return the number of the first red column of a row."""
    return k * level.stride + (j + 1) * level.width + 1 + j // 2


@fused_part
def _row_pair(level: Level, k: int, j: int) -> tuple[int, int]:
    """Return where the even and the odd columns of a row start in a vector."""
    red = level.vector + _row(level, k, j)
    black = red + level.n_layer * level.stride
    return (red, black) if j % 2 == 0 else (black, red + 1)


@fused_part
def collect_block(level: Level, below: Level, block: int, residual: SingleArray, b: SingleArray, weight: SingleArray) -> None:
    """Set the right-hand sides of parents to their residuals and what their children give, where every odd line was dropped."""
    n, w = (level.n_x + 1) // 2, level.width
    for k in range(level.n_layer):
        for j in range(block * level.rows, min((block + 1) * level.rows, level.n_y), 2):
            parent, f = _row(level, k, j), level.weight + (k * (level.n_y // 2) + j // 2) * w
            if j + 1 < level.n_y:
                child = parent + w
                _add_weighted(residual, parent, residual, weight, NORTH_WEST, f + 1, child + 1, NORTH_EAST, f, child, n)
            if j > 0:
                child, f = parent - w - 1, f - w
                _add_weighted(residual, parent, residual, weight, SOUTH_WEST, f + 1, child + 1, SOUTH_EAST, f, child, n)
            even, odd = _row_pair(below, k, j // 2)
            row, first, second = residual[parent : parent + n], b[even : even + (n + 1) // 2], b[odd : odd + n // 2]
            for q in range(n // 2):
                first[q] = row[2 * q]
                second[q] = row[2 * q + 1]
            if n % 2 == 1:
                first[n // 2] = row[n - 1]


@fused_part
def fetch_block(
    level: Level, below: Level, block: int, coarse: SingleArray, correction: SingleArray, x: SingleArray, how: int
) -> None:
    """Take the correction of parents from the solution of the next grid, and add it to x, or leave it there."""
    n = (level.n_x + 1) // 2
    for k in range(level.n_layer):
        for j in range(block * level.rows, min((block + 1) * level.rows, level.n_y), 2):
            parent = _row(level, k, j)
            even, odd = _row_pair(below, k, j // 2)
            row, first, second = correction[parent : parent + n], coarse[even : even + (n + 1) // 2], coarse[odd : odd + n // 2]
            for q in range(n // 2):
                row[2 * q] = first[q]
                row[2 * q + 1] = second[q]
            if n % 2 == 1:
                row[n - 1] = first[n // 2]
            if how == ADD:
                _add(x, level.vector + parent, correction, parent, n)


@fused_part
def spread_block(level: Level, block: int, correction: SingleArray, weight: SingleArray, x: SingleArray, how: int) -> None:
    """Add the corrections of their parents to columns in the middle of four, or set them to these."""
    n, w = level.n_x // 2, level.width
    for k in range(level.n_layer):
        for j in range(block * level.rows + 1, min((block + 1) * level.rows, level.n_y), 2):
            # the first column of an odd row has number 1
            child = _row(level, k, j) + 1
            f, north, south, o = (
                level.weight + (k * (level.n_y // 2) + j // 2) * w + 1,
                child - w,
                child + w + 1,
                level.vector + child,
            )
            if how == SET:
                x[o : o + n] = 0.0
            _add_weighted(x, o, correction, weight, NORTH_WEST, f, north - 1, NORTH_EAST, f, north, n)
            if j + 1 < level.n_y:
                _add_weighted(x, o, correction, weight, SOUTH_WEST, f, south - 1, SOUTH_EAST, f, south, n)


@fused_part
def _coarse(natural: SingleArray, level: Level) -> SingleArray:
    """Return the work space of the coarse grid, with one row and one column more than it has."""
    shape = (level.n_layer, level.n_coarse_y + 1, level.n_coarse_x + 1)
    return natural[level.natural : level.natural + shape[0] * shape[1] * shape[2]].reshape(shape)


@fused_kernel
def restrict(
    level: Level,
    below: Level,
    residual: SingleArray,
    b: SingleArray,
    natural: SingleArray,
    weight: SingleArray,
    before_x: IntArray,
    before_y: IntArray,
) -> None:
    """Give the residuals of the red columns to their parents, wherever these are."""
    coarse = _coarse(natural, level)
    coarse[:] = 0.0
    for k in range(level.n_layer):
        for j in range(level.n_y):
            start, f = _row(level, k, j), level.weight + (k * (level.n_y // 2) + j // 2) * level.width
            row, odd = before_y[level.line_y + j], j % 2
            for q in range(odd, (level.n_x + 1 + odd) // 2):
                r, column = residual[start + q], before_x[level.line_x + 2 * q - odd]
                if odd == 0:
                    coarse[k, row, column] += r
                else:
                    coarse[k, row, column] += weight[0, f + q] * r
                    coarse[k, row, column + 1] += weight[1, f + q] * r
                    coarse[k, row + 1, column] += weight[2, f + q] * r
                    coarse[k, row + 1, column + 1] += weight[3, f + q] * r
    vector = b[below.vector : below.vector + 2 * below.n_layer * below.stride]
    split(coarse, below.n_y, below.n_x, vector, below.width, below.stride)


@fused_kernel
def prolong(
    level: Level,
    below: Level,
    coarse_x: SingleArray,
    natural: SingleArray,
    weight: SingleArray,
    before_x: IntArray,
    before_y: IntArray,
    x: SingleArray,
) -> None:
    """Add the corrections of their parents, wherever these are, to the red columns."""
    coarse = _coarse(natural, level)
    vector = coarse_x[below.vector : below.vector + 2 * below.n_layer * below.stride]
    join(vector, coarse, below.n_y, below.n_x, below.width, below.stride)
    for k in range(level.n_layer):
        for j in range(level.n_y):
            start, f = _row(level, k, j), level.weight + (k * (level.n_y // 2) + j // 2) * level.width
            row, odd = before_y[level.line_y + j], j % 2
            for q in range(odd, (level.n_x + 1 + odd) // 2):
                column = before_x[level.line_x + 2 * q - odd]
                if odd == 0:
                    x[level.vector + start + q] += coarse[k, row, column]
                else:
                    x[level.vector + start + q] += (
                        weight[0, f + q] * coarse[k, row, column]
                        + weight[1, f + q] * coarse[k, row, column + 1]
                        + weight[2, f + q] * coarse[k, row + 1, column]
                        + weight[3, f + q] * coarse[k, row + 1, column + 1]
                    )
