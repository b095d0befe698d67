"""The V-cycle of `multigrid`, compiled as a whole, in the numbering of `colouring`.

Columns are solved exactly, red ones before black ones on the way down and after them on the way up. Black columns that have just
been solved have no residual, and those that are solved next need no correction, so that only red columns take part in the
transfers between grids.
"""

from __future__ import annotations

from typing import NamedTuple

from aquirecover.flow.arrays import IntArray
from aquirecover.flow.colouring import SingleArray, join, split
from aquirecover.flow.compiled import fused_kernel

# Columns that are smoothed together, all layers of them, while they are in the nearest memory.
BLOCK = 1024
# Sweeps of each leg of the cycle below the finest level, where they cost little.
SWEEPS = 2
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


@fused_kernel
def _copy(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Set `out` to `value`."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] = source[p]


@fused_kernel
def _add(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Add `value` to `out`."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] += source[p]


@fused_kernel
def _difference(out: SingleArray, o: int, value: SingleArray, v: int, n: int) -> None:
    """Set `out` to ``value − out``."""
    target, source = out[o : o + n], value[v : v + n]
    for p in range(n):
        target[p] = source[p] - target[p]


@fused_kernel
def _add_pair(
    out: SingleArray, o: int, x: SingleArray, c: SingleArray, f: int, a: int, ax: int, g: int, b: int, bx: int, n: int
) -> None:
    """Add ``c[f] x + c[g] x`` to `out`; a and ax, b and bx are the places in each product."""
    target, first, xf, second, xg = out[o : o + n], c[f, a : a + n], x[ax : ax + n], c[g, b : b + n], x[bx : bx + n]
    for p in range(n):
        target[p] += first[p] * xf[p] + second[p] * xg[p]


@fused_kernel
def _eliminate(x: SingleArray, o: int, above: int, factors: SingleArray, n: int) -> None:
    """Add the layer above times its coupling."""
    target, source, coupling = x[o : o + n], x[above : above + n], factors[1, above : above + n]
    for p in range(n):
        target[p] += coupling[p] * source[p]


@fused_kernel
def _substitute(x: SingleArray, o: int, below: int, factors: SingleArray, n: int) -> None:
    """Divide by the pivots and add the layer below times the coupling."""
    target, source, inverse, coupling = x[o : o + n], x[below : below + n], factors[0, o : o + n], factors[1, o : o + n]
    for p in range(n):
        target[p] = target[p] * inverse[p] + coupling[p] * source[p]


@fused_kernel
def _divide(x: SingleArray, o: int, factors: SingleArray, n: int) -> None:
    """Divide by the pivots."""
    target, inverse = x[o : o + n], factors[0, o : o + n]
    for p in range(n):
        target[p] *= inverse[p]


@fused_kernel
def _level(levels: IntArray, depth: int) -> Level:
    """Return one level."""
    v = levels[depth]
    return Level(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12])


@fused_kernel
def _gather(
    x: SingleArray, faces: SingleArray, level: Level, colour: int, k: int, begin: int, out: SingleArray, o: int, n: int
) -> None:
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


@fused_kernel
def _solve_block(
    x: SingleArray,
    b: SingleArray,
    faces: SingleArray,
    factors: SingleArray,
    residual: SingleArray,
    level: Level,
    begin: int,
    step: int,
    colour: int,
    start: int,
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


@fused_kernel
def _residual_block(
    x: SingleArray,
    b: SingleArray,
    faces: SingleArray,
    residual: SingleArray,
    level: Level,
    begin: int,
    step: int,
    from_zero: bool,
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


@fused_kernel
def _collect_block(
    residual: SingleArray, gathered: SingleArray, weight: SingleArray, level: Level, begin: int, step: int
) -> None:
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


@fused_kernel
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


@fused_kernel
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


@fused_kernel
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


@fused_kernel
def _coarse(h: Hierarchy, level: Level) -> SingleArray:
    """Return the work space of the coarse grid, with one row and one column more than it has."""
    shape = (level.n_layer, level.n_coarse_y + 1, level.n_coarse_x + 1)
    return h.natural[level.natural : level.natural + shape[0] * shape[1] * shape[2]].reshape(shape)


@fused_kernel
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


@fused_kernel
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


@fused_kernel
def _step(level: Level) -> int:
    """Return the columns of a block: neighbours are never further than one block away."""
    return max(BLOCK, level.width + 1)


@fused_kernel
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


@fused_kernel
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


@fused_kernel
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
