"""The legs of the cycle of `multigrid`, in the numbering of `colouring`.

Columns are solved exactly, red ones before black ones on the way down and after them on the way up. On the finest grid (`finest`)
the red columns have no residual when a cycle starts: they were solved last. So the way down begins with the black ones there.

Each stage of a leg works one block of rows behind the one before it, on which alone it depends, so that the arrays pass by once.
With several threads (`shared_cycle`) each takes a trapezoid of blocks, a block less on either side from stage to stage; what is
left between two of them comes after. A range runs from `first` to before `last`, each moved by its step from stage to stage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import fused_kernel, fused_part
from aquirecover.flow.finest import Finest, image_block, sum_block
from aquirecover.flow.sweeps import (
    ADD,
    BLACK,
    FREE,
    FROM_ZERO,
    HELD,
    OWN,
    RED,
    SET,
    Level,
    gather,
    level_of,
    n_blocks,
    residual_block,
    solve_block,
    solve_block_keeping,
    span,
)
from aquirecover.flow.transfer import collect_block, fetch_block, prolong, restrict, spread_block


class Hierarchy(NamedTuple):
    """Arrays of the levels below the finest, behind one another.

    Parameters
    ----------
    levels : ndarray of int
        The fields of `sweeps.Level`, a row per level, finest first; values of the finest start at 0 of arrays of its own.
    faces : ndarray of float32
        Western, eastern, northern and southern faces of the red columns of coarser levels, shape ``(4, n)``; m²/d.
    factors : ndarray of float32
        Inverse pivots of their columns and those times the conductance below, shape ``(2, n)``, see `factor_columns`.
    weight : ndarray of float32
        Of the red columns on odd rows of all levels for their north-western, north-eastern, south-western and south-eastern
        parents, shape ``(4, n)``, see `transfer`; 1.
    before_x, before_y : ndarray of int
        See `coarsening.Lines`.
    b, x : ndarray of float32
        Right-hand sides and solutions of coarser levels, red plane first.
    natural : ndarray of float32
        Work space: the coarse grid of an irregular level, ``(n_layer, n_coarse_y + 1, n_coarse_x + 1)``.
    residual : ndarray of float32
        Work space of the size of a plane of the finest level: residuals of red columns on the way down, corrections on the way
        up.
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


@fused_kernel
def descend_finest(
    f: Finest,
    h: Hierarchy,
    z: SingleArray,
    level: Level,
    below: Level,
    first: int,
    first_step: int,
    last: int,
    last_step: int,
) -> None:
    """Smooth black columns from 0 and hand the residual of red ones down in a range of blocks."""
    b, faces, factors = f.b, f.faces, f.black_factors
    _, _, _, weight, _, _, coarse_b, _, _, residual = h
    half = z.size
    for at in range(first - 2, last + 4):
        if first <= at < last:
            solve_block(level, at, BLACK, FROM_ZERO, z, OWN, z, OWN, b, half, faces, factors, OWN)
        if first + first_step <= at - 1 < last + last_step:
            place, n = span(level, at - 1)
            for k in range(level.n_layer):
                gather(residual, k * level.stride + place, z, OWN, faces, level, RED, k, place, n, SET)
        if level.regular and first + 2 * first_step <= at - 2 < last + 2 * last_step:
            collect_block(level, below, at - 2, residual, coarse_b, weight)


@fused_kernel
def ascend_finest(
    f: Finest,
    h: Hierarchy,
    z: SingleArray,
    sums: FloatArray,
    level: Level,
    below: Level,
    first: int,
    first_step: int,
    last: int,
    last_step: int,
) -> None:
    """Fetch the correction from below, smooth, and find what the matrix makes of the result in a range of blocks."""
    faces, far_faces, red_factors, black_factors, surplus, cz, b, red, image = f
    _, _, _, weight, _, _, _, coarse_x, _, correction = h
    half = z.size
    for at in range(first - 5, last + 10):
        if level.regular:
            if first <= at < last:
                fetch_block(level, below, at, coarse_x, correction, correction, SET)
            if first + first_step <= at - 1 < last + last_step:
                spread_block(level, at - 1, correction, weight, correction, SET)
        if first + 2 * first_step <= at - 2 < last + 2 * last_step:
            solve_block(level, at - 2, BLACK, HELD, z, OWN, correction, OWN, b, half, far_faces, black_factors, OWN)
        if first + 3 * first_step <= at - 3 < last + 3 * last_step:
            solve_block(level, at - 3, RED, FREE, red, OWN, z, OWN, red, OWN, faces, red_factors, OWN)
        if first + 4 * first_step <= at - 4 < last + 4 * last_step:
            image_block(level, at - 4, z, red, far_faces, surplus, cz, image)
            sum_block(level, at - 4, b, z, image, sums)


@fused_part
def descend(h: Hierarchy, level: Level, below: Level, first: int, first_step: int, last: int, last_step: int) -> None:
    """Smooth from 0 and hand the residual of red columns down in a range of blocks."""
    _, faces, factors, weight, _, _, b, x, _, residual = h
    red, black = level.vector, level.vector + level.n_layer * level.stride
    for at in range(first, last + 6):
        if first <= at < last:
            solve_block(level, at, RED, FROM_ZERO, x, red, x, black, b, red, faces, factors, red)
        if first + first_step <= at - 1 < last + last_step:
            solve_block(level, at - 1, BLACK, HELD, x, black, x, red, b, black, faces, factors, black)
        if first + 2 * first_step <= at - 2 < last + 2 * last_step:
            place, n = span(level, at - 2)
            for k in range(level.n_layer):
                gather(residual, k * level.stride + place, x, black, faces, level, RED, k, place, n, SET)
        if level.regular and first + 3 * first_step <= at - 3 < last + 3 * last_step:
            collect_block(level, below, at - 3, residual, b, weight)


@fused_part
def turn(h: Hierarchy, level: Level, below: Level, first: int, first_step: int, last: int, last_step: int) -> None:
    """Add the correction from below, smooth, and hand down what is left in a range of blocks."""
    _, faces, factors, weight, _, _, b, x, _, work = h
    red, black = level.vector, level.vector + level.n_layer * level.stride
    for at in range(first, last + 12):
        if level.regular:
            if first <= at < last:
                fetch_block(level, below, at, x, work, x, ADD)
            if first + first_step <= at - 1 < last + last_step:
                spread_block(level, at - 1, work, weight, x, ADD)
        if first + 2 * first_step <= at - 2 < last + 2 * last_step:
            solve_block(level, at - 2, BLACK, HELD, x, black, x, red, b, black, faces, factors, black)
        if first + 3 * first_step <= at - 3 < last + 3 * last_step:
            solve_block_keeping(level, at - 3, x, b, faces, factors, work)
        if first + 4 * first_step <= at - 4 < last + 4 * last_step:
            solve_block(level, at - 4, BLACK, HELD, x, black, x, red, b, black, faces, factors, black)
        if first + 5 * first_step <= at - 5 < last + 5 * last_step:
            residual_block(level, at - 5, x, b, faces, work)
        if level.regular and first + 6 * first_step <= at - 6 < last + 6 * last_step:
            collect_block(level, below, at - 6, work, b, weight)


@fused_part
def ascend(h: Hierarchy, level: Level, below: Level, first: int, first_step: int, last: int, last_step: int) -> None:
    """Add the correction from below and smooth in a range of blocks."""
    _, faces, factors, weight, _, _, b, x, _, correction = h
    red, black = level.vector, level.vector + level.n_layer * level.stride
    for at in range(first, last + 6):
        if level.regular:
            if first <= at < last:
                fetch_block(level, below, at, x, correction, x, ADD)
            if first + first_step <= at - 1 < last + last_step:
                spread_block(level, at - 1, correction, weight, x, ADD)
        if first + 2 * first_step <= at - 2 < last + 2 * last_step:
            solve_block(level, at - 2, BLACK, HELD, x, black, x, red, b, black, faces, factors, black)
        if first + 3 * first_step <= at - 3 < last + 3 * last_step:
            solve_block(level, at - 3, RED, HELD, x, red, x, black, b, red, faces, factors, red)


@fused_kernel
def cycle_below(h: Hierarchy, top: int) -> None:
    """Set x of a level below the finest to one cycle on its b: one sweep on every way down and up."""
    deepest = h.levels.shape[0] - 1
    visits = np.zeros(deepest + 1, dtype=np.int64)
    depth = top
    while True:
        while depth < deepest:
            level, below = level_of(h.levels, depth), level_of(h.levels, depth + 1)
            descend(h, level, below, OWN, OWN, n_blocks(level), OWN)
            if not level.regular:
                restrict(level, below, h.residual, h.b, h.natural, h.weight, h.before_x, h.before_y)
            visits[depth] = 0
            depth += 1
        last = level_of(h.levels, deepest)
        red, black = last.vector, last.vector + last.n_layer * last.stride
        solve_block(last, OWN, RED, FROM_ZERO, h.x, red, h.x, black, h.b, red, h.faces, h.factors, red)
        turned = False
        while depth > top and not turned:
            depth -= 1
            level, below = level_of(h.levels, depth), level_of(h.levels, depth + 1)
            if not level.regular:
                prolong(level, below, h.x, h.natural, h.weight, h.before_x, h.before_y, h.x)
            visits[depth] += 1
            turned = visits[depth] <= level.turns
            if turned:
                turn(h, level, below, OWN, OWN, n_blocks(level), OWN)
                if not level.regular:
                    restrict(level, below, h.residual, h.b, h.natural, h.weight, h.before_x, h.before_y)
                depth += 1
            else:
                ascend(h, level, below, OWN, OWN, n_blocks(level), OWN)
        if not turned:
            return
