"""Loops over blocks of rows, in the numbering of `colouring`: columns solved exactly, and what their neighbours give them.

The values of one colour are a plane: number p of it stands at ``start + p`` of an array. Planes come in single and in double
precision, and so do the loops.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import fused_kernel, fused_part

Plane: TypeAlias = FloatArray | SingleArray

# What is handed to compiled functions has the type of a variable: numba would compile them anew for every number of Python.
# From what a column is solved: neighbours that are 0, neighbours that are held, and those without a right-hand side.
FROM_ZERO, HELD, FREE = np.int64(0), np.int64(1), np.int64(2)
# Where a plane starts in an array of its own.
OWN = np.int64(0)
WEST, EAST, NORTH, SOUTH = np.arange(4)
# Columns of a grid below the finest from which the next coarser one is visited twice.
TURNING = 500
RED, BLACK = np.int64(0), np.int64(1)
# Whether what neighbours give is set or added.
SET, ADD = np.int64(0), np.int64(1)


class Level(NamedTuple):
    """One grid: its numbering, where its values start in the arrays of `cycle.Hierarchy`, the rows of a block, and `turns`.

    The latter is how often the cycle turns down again there before it goes up.
    """

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
    regular: int
    rows: int
    turns: int


def turns(n_y: int, n_x: int, depth: int) -> int:
    """Return how often the cycle turns on a grid that is not the last; small grids do without."""
    return int(depth > 0 and n_y * n_x >= TURNING)


@fused_part
def level_of(levels: IntArray, depth: int) -> Level:
    """Return one level."""
    v = levels[depth]
    return Level(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13], v[14], v[15])


@fused_kernel
def n_blocks(level: Level) -> int:
    """Return the number of blocks."""
    return (level.n_y + level.rows - 1) // level.rows


@fused_part
def span(level: Level, block: int) -> tuple[int, int]:
    """Return the first number of a block's columns in a layer of a plane, and how many there are."""
    first, last = block * level.rows, min((block + 1) * level.rows, level.n_y)
    begin = first * level.width + first // 2
    end = last * level.width + last // 2 if last < level.n_y else last * level.width + (last - 1) // 2
    return level.width + 1 + begin, end - begin


# The loops below run over n values of planes, from a place in each. Arrays are arguments of their own and sliced where they are
# used: counting references to parts of a tuple would cost more than the loops.


@fused_part
def copy(out: Plane, o: int, value: Plane, v: int, n: int) -> None:
    """Set `out` to `value`."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] = source[p]


@fused_part
def _difference(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Set `out` to ``value − out``."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] = source[p] - target[p]


@fused_part
def _set_pair(out: Plane, o: int, x: Plane, c: SingleArray, f: int, a: int, ax: int, g: int, b: int, bx: int, n: int) -> None:
    """Set `out` to ``c[f] x + c[g] x``; a and ax, b and bx are the places in each product.

    What is kept in double precision is worked out in it.
    """
    target, first, xf, second, xg = out[o : o + n], c[f, a : a + n], x[ax : ax + n], c[g, b : b + n], x[bx : bx + n]
    wide = out.dtype.type
    for p in range(n):
        target[p] = first[p] * wide(xf[p]) + second[p] * wide(xg[p])


@fused_part
def _add_pair(out: Plane, o: int, x: Plane, c: SingleArray, f: int, a: int, ax: int, g: int, b: int, bx: int, n: int) -> None:
    """Add ``c[f] x + c[g] x`` to `out`."""
    target, first, xf, second, xg = out[o : o + n], c[f, a : a + n], x[ax : ax + n], c[g, b : b + n], x[bx : bx + n]
    wide = out.dtype.type
    for p in range(n):
        target[p] += first[p] * wide(xf[p]) + second[p] * wide(xg[p])


@fused_part
def gather(
    out: Plane,
    o: int,
    other: Plane,
    start: int,
    faces: SingleArray,
    level: Level,
    colour: int,
    k: int,
    place: int,
    n: int,
    how: int,
) -> None:
    """Set `out` to, or add, what columns of a colour receive from their neighbours, the `other` plane, through the faces."""
    w, red = level.width, k * level.stride + place
    f, at = level.face + red, start + red
    if colour == RED:
        if how == ADD:
            _add_pair(out, o, other, faces, WEST, f, at - 1, EAST, f, at, n)
        else:
            _set_pair(out, o, other, faces, WEST, f, at - 1, EAST, f, at, n)
        _add_pair(out, o, other, faces, NORTH, f, at - w - 1, SOUTH, f, at + w, n)
    else:
        if how == ADD:
            _add_pair(out, o, other, faces, EAST, f, at, WEST, f + 1, at + 1, n)
        else:
            _set_pair(out, o, other, faces, EAST, f, at, WEST, f + 1, at + 1, n)
        _add_pair(out, o, other, faces, SOUTH, f - w, at - w, NORTH, f + w + 1, at + w + 1, n)


@fused_part
def _eliminate(x: Plane, o: int, stride: int, factors: Plane, f: int, n: int) -> None:
    """Add the layer above times its coupling."""
    target, source, coupling = x[o : o + n], x[o - stride : o - stride + n], factors[1, f - stride : f - stride + n]
    for p in range(n):
        target[p] += coupling[p] * source[p]


@fused_part
def _substitute(x: Plane, o: int, stride: int, factors: Plane, f: int, n: int) -> None:
    """Divide by the pivots and add the layer below times the coupling."""
    target, source = x[o : o + n], x[o + stride : o + stride + n]
    inverse, coupling = factors[0, f : f + n], factors[1, f : f + n]
    for p in range(n):
        target[p] = target[p] * inverse[p] + coupling[p] * source[p]


@fused_part
def _divide(x: Plane, o: int, factors: Plane, f: int, n: int) -> None:
    """Divide by the pivots."""
    target, inverse = x[o : o + n], factors[0, f : f + n]
    for p in range(n):
        target[p] *= inverse[p]


@fused_part
def _solve_columns(x: Plane, o: int, factors: Plane, f: int, level: Level, n: int) -> None:
    """Solve columns in place."""
    stride, last = level.stride, level.n_layer - 1
    for k in range(1, level.n_layer):
        _eliminate(x, o + k * stride, stride, factors, f + k * stride, n)
    _divide(x, o + last * stride, factors, f + last * stride, n)
    for k in range(last - 1, -1, -1):
        _substitute(x, o + k * stride, stride, factors, f + k * stride, n)


@fused_part
def solve_block(
    level: Level,
    block: int,
    colour: int,
    begin: int,
    x: Plane,
    start: int,
    other: Plane,
    other_start: int,
    b: Plane,
    b_start: int,
    faces: SingleArray,
    factors: Plane,
    factor_start: int,
) -> None:
    """Solve the columns of a colour exactly, their neighbours, the `other` plane, held; `begin` is one of the three ways."""
    place, n = span(level, block)
    for k in range(level.n_layer):
        o = k * level.stride + place
        if begin != FREE:
            copy(x, start + o, b, b_start + o, n)
        if begin != FROM_ZERO:
            gather(x, start + o, other, other_start, faces, level, colour, k, place, n, ADD if begin == HELD else SET)
    _solve_columns(x, start + place, factors, factor_start + place, level, n)


@fused_part
def solve_block_keeping(
    level: Level,
    block: int,
    x: SingleArray,
    b: SingleArray,
    faces: SingleArray,
    factors: SingleArray,
    kept: SingleArray,
) -> None:
    """Solve the red columns exactly, their neighbours held, and keep what they were solved for."""
    place, n = span(level, block)
    black = level.vector + level.n_layer * level.stride
    for k in range(level.n_layer):
        o = k * level.stride + place
        copy(x, level.vector + o, b, level.vector + o, n)
        gather(x, level.vector + o, x, black, faces, level, RED, k, place, n, ADD)
        copy(kept, o, x, level.vector + o, n)
    _solve_columns(x, level.vector + place, factors, level.vector + place, level, n)


@fused_part
def residual_block(level: Level, block: int, x: SingleArray, b: SingleArray, faces: SingleArray, residual: SingleArray) -> None:
    """Fill the residuals of red columns, solved before black ones were, for what `residual` holds."""
    place, n = span(level, block)
    black = level.vector + level.n_layer * level.stride
    for k in range(level.n_layer):
        o = k * level.stride + place
        _difference(residual, o, b, level.vector + o, n)
        gather(residual, o, x, black, faces, level, RED, k, place, n, ADD)
