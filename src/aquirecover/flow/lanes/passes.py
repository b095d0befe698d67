"""Compiled passes over the cells of many scenarios at a time, see `vectors` and `numbering`.

Heads are changed and put into the equations in one pass, a row behind, so that they come from memory once; on the way the pass
adds up what the budget and the next first guess need. Sums run in the order of the cells, whatever the number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.compiled import fused_kernel, fused_part
from aquirecover.flow.lanes.cycle import SingleArray
from aquirecover.flow.lanes.vectors import between, double, larger, magnitude, product, put, row, single, smaller, zeros

# Increments of the heads that a first guess combines; with one more, a multiple of three.
INCREMENTS = 5
# Arrays of heads: at the end of the step, at its start, and at the ends of the steps before that.
HEADS = INCREMENTS + 2
# Rows of sums. Always: of absolute residuals and of absolute flows into fixed heads.
RESIDUAL, FIXED = 0, 1
# Only in a full pass: of what rounding may leave; of the energy of the last increment of the heads in the faces; of the products
# of that increment, weighted by storage, and of the residual with all heads less those at the end of the step; and four rows per
# layer, of storage released and taken up, and of flow up from the layer below and down to it.
ROUNDING, ENERGY, STORED_PRODUCT, RESIDUAL_PRODUCT, LAYERS = 2, 3, 4, 4 + HEADS, 4 + 2 * HEADS
RELEASED, STORED, UP, DOWN, PER_LAYER = 0, 1, 2, 3, 4


class Stencil(NamedTuple):
    """A grid and what is the same for all scenarios and steps.

    Parameters
    ----------
    n_layer, n_y, n_x, stride : int
        See `numbering.LaneGrid`.
    cx, cy, cz : ndarray
        Conductance of the eastern, southern and lower face of each cell, shape ``(size,)``; m²/d.
    storage : ndarray
        Storage of each cell per metre of head, 0 where it is no unknown, shape ``(size,)``; m².
    diagonal : ndarray
        Sum of the conductances of each cell, shape ``(size,)``; m²/d.
    """

    n_layer: int
    n_y: int
    n_x: int
    stride: int
    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    storage: FloatArray
    diagonal: FloatArray


class Points(NamedTuple):
    """What acts on single cells, each list in the order of the cells and ended by a number beyond the last.

    Parameters
    ----------
    fixed_cell, fixed_head
        Cells of fixed heads, shape ``(n + 1,)``, and these, shape ``(n, LANES)``; m.
    source_cell, source
        Cells, each once, and water that enters whatever the head, shape ``(n, LANES)``; m³/d.
    ramp_cell, slope, datum, low, high
        Cells, repeated where several act on one, and ``slope (datum − min(max(h, low), high))``, shape ``(n, LANES)``; m²/d, m.
    flow, active
        Filled by `balance`: flow of the ramps, and their slopes where the head is between low and high; m³/d, m²/d.
    """

    fixed_cell: IntArray
    fixed_head: FloatArray
    source_cell: IntArray
    source: FloatArray
    ramp_cell: IntArray
    slope: FloatArray
    datum: FloatArray
    low: FloatArray
    high: FloatArray
    flow: FloatArray
    active: FloatArray


class Heads(NamedTuple):
    """Heads of the last steps.

    Parameters
    ----------
    all : ndarray
        Shape ``(HEADS size, LANES)``; m.
    start : ndarray of int
        Where those at the end of the step begin, those at its start, and those before, shape ``(HEADS,)``.
    """

    all: FloatArray
    start: IntArray


class Rates(NamedTuple):
    """One over the length of a step: of what the heads at its end store, and of what those at its start release; 1/d."""

    store: float
    carry: float


@fused_part
def _extrapolate_row(s: Stencil, heads: Heads, share: FloatArray, points: Points, fixed: int, j: int) -> int:
    """Set the heads of row `j` to a combination of the last ones, or to the fixed heads, of which `fixed` is the next."""
    h, start = heads
    begin = (j + 1) * s.stride + s.n_layer
    end = begin + s.n_x * s.n_layer
    now = start[0]
    for p in range(begin, end):
        latest = row(h, start[1] + p)
        value = zeros(h)
        for i in range(INCREMENTS):
            value = value + row(share, i) * (row(h, start[i + 2] + p) - latest)
        put(h, now + p, latest + value)
    while points.fixed_cell[fixed] < end:
        put(h, now + points.fixed_cell[fixed], row(points.fixed_head, fixed))
        fixed += 1
    return fixed


@fused_part
def _correct_row(s: Stencil, heads: Heads, direction: SingleArray, alpha: FloatArray, j: int) -> None:
    """Add ``alpha direction`` to the heads of row `j`."""
    h, now = heads.all, heads.start[0]
    begin = (j + 1) * s.stride + s.n_layer
    length = row(alpha, 0)
    for p in range(begin, begin + s.n_x * s.n_layer):
        put(h, now + p, row(h, now + p) + length * double(row(direction, p)))


@fused_part
def _balance_row(
    s: Stencil,
    heads: Heads,
    points: Points,
    rates: Rates,
    residual: SingleArray,
    sums: FloatArray,
    place: tuple[int, int, int],
    j: int,
    full: bool,
) -> tuple[int, int, int]:
    """Fill the residuals of row `j` and add to the sums; `place` is the next fixed head, source and ramp."""
    n_layer, stride = s.n_layer, s.stride
    cx, cy, cz, storage = s.cx, s.cy, s.cz, s.storage
    h = heads.all
    now, old = heads.start[0], heads.start[1]
    at_fixed, at_source, at_ramp = place
    none, least = zeros(h), zeros(h) + 1e-3
    norm, held, rounding = none, none, none
    for i in range(s.n_x):
        at = (j + 1) * stride + (i + 1) * n_layer
        above = none
        for k in range(n_layer):
            p, n = at + k, now + at + k
            here = row(h, n)
            q = cx[p - n_layer] * (row(h, n - n_layer) - here) + cx[p] * (row(h, n + n_layer) - here)
            q = q + (cy[p - stride] * (row(h, n - stride) - here) + cy[p] * (row(h, n + stride) - here))
            upward = cz[p] * (row(h, n + 1) - here)
            q = q + (upward - above)
            above = upward
            release = product(storage[p] * rates.carry, row(h, old + p)) - product(storage[p] * rates.store, here)
            q = q + release
            if full:
                layer = LAYERS + PER_LAYER * k
                put(sums, layer + RELEASED, row(sums, layer + RELEASED) + larger(release, none))
                put(sums, layer + STORED, row(sums, layer + STORED) - smaller(release, none))
                put(sums, layer + UP, row(sums, layer + UP) + larger(upward, none))
                put(sums, layer + DOWN, row(sums, layer + DOWN) - smaller(upward, none))
                rounding = rounding + (s.diagonal[p] + rates.store * storage[p]) * larger(magnitude(here), least)
            if p == points.source_cell[at_source]:
                q = q + row(points.source, at_source)
                at_source += 1
            while p == points.ramp_cell[at_ramp]:
                low, high, slope = row(points.low, at_ramp), row(points.high, at_ramp), row(points.slope, at_ramp)
                flow = slope * (row(points.datum, at_ramp) - smaller(larger(here, low), high))
                active = between(here, low, high, slope)
                put(points.flow, at_ramp, flow)
                put(points.active, at_ramp, active)
                rounding = rounding + active * larger(magnitude(here), least)
                q = q + flow
                at_ramp += 1
            if p == points.fixed_cell[at_fixed]:
                held = held + magnitude(q)
                q = none
                at_fixed += 1
            norm = norm + magnitude(q)
            put(residual, p, single(q))
    put(sums, RESIDUAL, row(sums, RESIDUAL) + norm)
    put(sums, FIXED, row(sums, FIXED) + held)
    put(sums, ROUNDING, row(sums, ROUNDING) + rounding)
    return at_fixed, at_source, at_ramp


@fused_part
def _energy_row(s: Stencil, heads: Heads, sums: FloatArray, j: int) -> None:
    """Add the energy of the last increment in the faces east, south and below of the cells of row `j`."""
    n_layer, stride = s.n_layer, s.stride
    cx, cy, cz = s.cx, s.cy, s.cz
    h = heads.all
    now, old = heads.start[0], heads.start[1]
    energy = zeros(h)
    for i in range(s.n_x):
        at = (j + 1) * stride + (i + 1) * n_layer
        d = row(h, now + at) - row(h, old + at)
        for p in range(at, at + n_layer):
            down = row(h, now + p + 1) - row(h, old + p + 1)
            east = row(h, now + p + n_layer) - row(h, old + p + n_layer) - d
            south = row(h, now + p + stride) - row(h, old + p + stride) - d
            energy = energy + (cx[p] * (east * east) + (cy[p] * (south * south) + cz[p] * ((down - d) * (down - d))))
            d = down
    put(sums, ENERGY, row(sums, ENERGY) + energy)


@fused_part
def _products_row(s: Stencil, heads: Heads, residual: SingleArray, sums: FloatArray, j: int, i: int) -> None:
    """Add the products of row `j` with three heads, the first of which is `i`: as many as registers hold."""
    h, start, storage = heads.all, heads.start, s.storage
    now, old, first, second, third = start[0], start[1], start[i], start[i + 1], start[i + 2]
    stored_1, stored_2, stored_3 = zeros(h), zeros(h), zeros(h)
    left_1, left_2, left_3 = zeros(h), zeros(h), zeros(h)
    begin = (j + 1) * s.stride + s.n_layer
    for p in range(begin, begin + s.n_x * s.n_layer):
        here = row(h, now + p)
        stored, left = storage[p] * (here - row(h, old + p)), double(row(residual, p))
        a, b, c = row(h, first + p) - here, row(h, second + p) - here, row(h, third + p) - here
        stored_1, stored_2, stored_3 = stored_1 + stored * a, stored_2 + stored * b, stored_3 + stored * c
        left_1, left_2, left_3 = left_1 + left * a, left_2 + left * b, left_3 + left * c
    for n, value in enumerate((stored_1, stored_2, stored_3)):
        put(sums, STORED_PRODUCT + i + n, row(sums, STORED_PRODUCT + i + n) + value)
    for n, value in enumerate((left_1, left_2, left_3)):
        put(sums, RESIDUAL_PRODUCT + i + n, row(sums, RESIDUAL_PRODUCT + i + n) + value)


@fused_part
def _full_row(s: Stencil, heads: Heads, residual: SingleArray, sums: FloatArray, j: int) -> None:
    """Add what only a full pass adds up of row `j`, besides flows."""
    _energy_row(s, heads, sums, j)
    for i in range(1, HEADS, 3):
        _products_row(s, heads, residual, sums, j, i)


@fused_kernel
def predict(
    s: Stencil,
    heads: Heads,
    share: FloatArray,
    points: Points,
    rates: Rates,
    residual: SingleArray,
    sums: FloatArray,
    full: bool,
) -> None:
    """Set the heads to a combination of those of the last steps and put them into the equations.

    Parameters
    ----------
    share : ndarray
        Weights of the heads before those at the start, less those, shape ``(INCREMENTS, LANES)``; 1.
    residual : ndarray of float32
        Filled with inflow less outflow of each cell, 0 where heads are fixed, shape ``(size, LANES)``; m³/d.
    sums : ndarray
        Filled, shape ``(LAYERS + PER_LAYER n_layer, LANES)``.
    full : bool
        Whether all sums are wanted.
    """
    sums[:] = 0.0
    fixed, place = 0, (0, 0, 0)
    for j in range(s.n_y + 1):
        if j < s.n_y:
            fixed = _extrapolate_row(s, heads, share, points, fixed, j)
        if j > 0:
            place = _balance_row(s, heads, points, rates, residual, sums, place, j - 1, full)
            if full:
                _full_row(s, heads, residual, sums, j - 1)


@fused_kernel
def correct(
    s: Stencil,
    heads: Heads,
    direction: SingleArray,
    alpha: FloatArray,
    points: Points,
    rates: Rates,
    residual: SingleArray,
    sums: FloatArray,
    full: bool,
) -> None:
    """Add ``alpha direction`` to the heads and put them into the equations; alpha of shape ``(1, LANES)``, others as above."""
    sums[:] = 0.0
    place = (0, 0, 0)
    for j in range(s.n_y + 1):
        if j < s.n_y:
            _correct_row(s, heads, direction, alpha, j)
        if j > 0:
            place = _balance_row(s, heads, points, rates, residual, sums, place, j - 1, full)
            if full:
                _full_row(s, heads, residual, sums, j - 1)


@fused_part
def _turn_row(s: Stencil, direction: SingleArray, z: SingleArray, beta: SingleArray, j: int) -> None:
    """Set the direction of row `j` to ``z + beta direction``."""
    begin = (j + 1) * s.stride + s.n_layer
    share = row(beta, 0)
    for p in range(begin, begin + s.n_x * s.n_layer):
        put(direction, p, row(z, p) + share * row(direction, p))


@fused_part
def _curvature_row(s: Stencil, direction: SingleArray, store: float, j: int, out: FloatArray) -> None:
    """Add the energy of the direction in the faces east, south and below of the cells of row `j`, and in their storage."""
    n_layer, stride = s.n_layer, s.stride
    cx, cy, cz, storage = s.cx, s.cy, s.cz, s.storage
    total = zeros(direction)
    for i in range(s.n_x):
        at = (j + 1) * stride + (i + 1) * n_layer
        for p in range(at, at + n_layer):
            d = row(direction, p)
            east, south, down = row(direction, p + n_layer) - d, row(direction, p + stride) - d, row(direction, p + 1) - d
            along = np.float32(cx[p]) * (east * east) + np.float32(cy[p]) * (south * south)
            total = total + (along + (np.float32(cz[p]) * (down * down) + np.float32(storage[p] * store) * (d * d)))
    put(out, 0, row(out, 0) + double(total))


@fused_kernel
def turn(
    s: Stencil, direction: SingleArray, z: SingleArray, beta: SingleArray, points: Points, rates: Rates, out: FloatArray
) -> None:
    """Set the direction to ``z + beta direction`` and `out` to its energy ``Σ d A d``; beta and `out` of shape ``(1, LANES)``."""
    out[:] = 0.0
    for j in range(s.n_y + 1):
        if j < s.n_y:
            _turn_row(s, direction, z, beta, j)
        if j > 0:
            _curvature_row(s, direction, rates.store, j - 1, out)
    total = zeros(out)
    for e in range(points.ramp_cell.size - 1):
        d = double(row(direction, points.ramp_cell[e]))
        total = total + row(points.active, e) * (d * d)
    put(out, 0, row(out, 0) + total)
