"""The balance of all cells, in one pass over them.

A block of columns is taken in at once, layer after layer, so that all that is asked of it is worked out while it is in the
nearest memory. Blocks write to places of their own and leave sums of their own, which are added in order.
"""

from __future__ import annotations

from typing import NamedTuple

import numba

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel, summing_part
from aquirecover.flow.inflow import Ground, WaterTable, fill_full, fill_unsaturated
from aquirecover.flow.kernels import released
from aquirecover.flow.ramps import evaluate_ramp

# Columns of a block.
BLOCK = 2048
# Heads below this, m, count as much for rounding, so that a model that comes to rest at zero is not followed down to the smallest
# number.
LEAST_HEAD = 1e-3

# What is added up over the cells of a block and layer, of heads alone …
FACE_SCALE, STORAGE_SCALE, UP, DOWN = 0, 1, 2, 3
N_HEAD_SUM = 4
# … and over an interval.
NORM, THROUGH, STRESS_SCALE, RELEASED, TAKEN = 0, 1, 2, 3, 4
N_SUM = 5


def n_blocks(shape: tuple[int, ...]) -> int:
    """Return the number of blocks of a grid of shape ``(n_layer, n_y, n_x)``."""
    return -(-shape[1] * shape[2] // BLOCK)


class Links(NamedTuple):
    """Connections of stresses and fixed heads to cells, found by blocks.

    Parameters
    ----------
    cell, ramp : ndarray
        Of each connection, see `ramps`.
    order, first : ndarray of int
        Connections in the order of their cells, and where those of each block and layer begin: ``first[k * n_block + block]``.
    fixed, first_fixed : ndarray of int
        Cells with a fixed head, in order, and where those of each block and layer begin.
    """

    cell: IntArray
    ramp: FloatArray
    order: IntArray
    first: IntArray
    fixed: IntArray
    first_fixed: IntArray


class Given(NamedTuple):
    """Heads and an interval that `balance` is asked for; flat arrays.

    Parameters
    ----------
    head, old : ndarray
        At the end and at the start of the interval; m.
    sat, old_sat : ndarray
        Their saturated shares, of size 0 in a model without convertible cells; 1.
    carry : ndarray
        Release from storage that earlier stages leave to this one, or of size 0; m³/d.
    rate : float
        One over the length of the interval, 0 where `carry` alone is released; 1/d.
    known : bool
        Whether `inflow` and `head_totals` hold already what follows from these heads.
    """

    head: FloatArray
    old: FloatArray
    sat: FloatArray
    old_sat: FloatArray
    carry: FloatArray
    rate: float
    known: bool


class Filled(NamedTuple):
    """What `balance` fills; flat arrays.

    Parameters
    ----------
    inflow : ndarray
        Flow from all neighbours into each cell; m³/d.
    residual : ndarray
        Inflow less outflow, zero in cells with fixed heads; m³/d.
    flow, slope : ndarray
        Inflow of each connection and its derivative; m³/d and m²/d.
    head_sums, sums : ndarray
        Work space, shapes ``(n_block, n_layer, N_HEAD_SUM)`` and ``(n_block, n_layer, N_SUM)``.
    head_totals, totals : ndarray
        Sums of all blocks by layer and, last, of all layers, shapes ``(N_HEAD_SUM, n_layer + 1)`` and ``(N_SUM, n_layer + 1)``.
    """

    inflow: FloatArray
    residual: FloatArray
    flow: FloatArray
    slope: FloatArray
    head_sums: FloatArray
    sums: FloatArray
    head_totals: FloatArray
    totals: FloatArray


@summing_part
def _face_scale(head: FloatArray, c: FloatArray, distance: int, o: int, n: int) -> float:
    """Return the sum of conductance times absolute heads over the faces ahead of cells o …."""
    m = max(0, min(n, head.size - distance - o))
    here, there, face = head[o : o + m], head[o + distance : o + distance + m], c[o : o + m]
    total = 0.0
    for p in range(m):
        total += face[p] * (max(abs(here[p]), LEAST_HEAD) + max(abs(there[p]), LEAST_HEAD))
    return total


@summing_part
def _plane_scale(
    head: FloatArray, cx: FloatArray, cy: FloatArray, storage: FloatArray, row: int, o: int, n: int
) -> tuple[float, float]:
    """Return `_face_scale` of the faces to the east and to the south, none at the end, and storage times absolute heads."""
    here, east, south = head[o : o + n], head[o + 1 :], head[o + row :]
    c_east, c_south, stored = cx[o : o + n], cy[o : o + n], storage[o : o + n]
    faces, stores = 0.0, 0.0
    for p in range(n):
        h = max(abs(here[p]), LEAST_HEAD)
        faces += c_east[p] * (h + max(abs(east[p]), LEAST_HEAD)) + c_south[p] * (h + max(abs(south[p]), LEAST_HEAD))
        stores += stored[p] * h
    return faces, stores


@summing_part
def _storage_scale(head: FloatArray, storage: FloatArray, o: int, n: int) -> float:
    """Return the sum of storage times absolute heads."""
    here, stored = head[o : o + n], storage[o : o + n]
    total = 0.0
    for p in range(n):
        total += stored[p] * max(abs(here[p]), LEAST_HEAD)
    return total


@summing_part
def _exchanged(head: FloatArray, cz: FloatArray, plane: int, o: int, n: int) -> tuple[float, float, float]:
    """Return `_face_scale`, the upward and the downward flow of the faces below cells o …."""
    here, below, face = head[o : o + n], head[o + plane : o + plane + n], cz[o : o + n]
    scale, up, down = 0.0, 0.0, 0.0
    for p in range(n):
        flow = face[p] * (below[p] - here[p])
        scale += face[p] * (max(abs(here[p]), LEAST_HEAD) + max(abs(below[p]), LEAST_HEAD))
        up += max(flow, 0.0)
        down += max(-flow, 0.0)
    return scale, up, down


@fused_part
def _add_release(
    head: FloatArray, old: FloatArray, storage: FloatArray, rate: float, inflow: FloatArray, o: int, n: int, out: FloatArray
) -> None:
    """Set `out` to the inflow and the water released from storage."""
    here, before, stored = head[o : o + n], old[o : o + n], storage[o : o + n]
    given, target = inflow[o : o + n], out[o : o + n]
    for p in range(n):
        target[p] = given[p] + rate * stored[p] * (before[p] - here[p])


@summing_part
def _release(head: FloatArray, old: FloatArray, storage: FloatArray, rate: float, o: int, n: int) -> tuple[float, float]:
    """Return the water that storage releases and takes."""
    here, before, stored = head[o : o + n], old[o : o + n], storage[o : o + n]
    released, taken = 0.0, 0.0
    for p in range(n):
        flow = rate * stored[p] * (before[p] - here[p])
        released += max(flow, 0.0)
        taken += max(-flow, 0.0)
    return released, taken


@summing_part
def _release_and_carry(
    head: FloatArray, old: FloatArray, storage: FloatArray, rate: float, carry: FloatArray, o: int, n: int
) -> tuple[float, float]:
    """Do what `_release` does, with what earlier stages leave to this one."""
    here, before, stored, carried = head[o : o + n], old[o : o + n], storage[o : o + n], carry[o : o + n]
    released, taken = 0.0, 0.0
    for p in range(n):
        flow = rate * stored[p] * (before[p] - here[p]) + carried[p]
        released += max(flow, 0.0)
        taken += max(-flow, 0.0)
    return released, taken


@fused_part
def _convertible_release(given: Given, table: WaterTable, o: int, n: int, out: FloatArray) -> tuple[float, float]:
    """Add to `out` the water released from storage by a layer with convertible cells; return as `_release` does."""
    head, old, sat, old_sat, carry, rate, _ = given
    bottom, thickness, convertible = table.bottom, table.thickness, table.convertible
    elastic, drainable = table.elastic, table.drainable
    above, below = 0.0, 0.0
    if rate == 0.0 and carry.size == 0:
        return above, below
    for p in range(o, o + n):
        volume = elastic[p] * (old[p] - head[p])
        if convertible[p]:
            volume = released(head[p], sat[p], old[p], old_sat[p], bottom[p], thickness[p], elastic[p], drainable[p])
        flow = rate * volume + (carry[p] if carry.size > 0 else 0.0)
        out[p] += flow
        above += max(flow, 0.0)
        below += max(-flow, 0.0)
    return above, below


@summing_part
def _absolute(value: FloatArray, o: int, n: int) -> float:
    """Return the sum of absolute values."""
    total = 0.0
    part = value[o : o + n]
    for p in range(n):
        total += abs(part[p])
    return total


# What a layer without convertible cells needs is handed on array by array: counting references to all parts of a tuple, block by
# block, would cost a quarter of the time.


@fused_part
def _sum_heads(
    head: FloatArray,
    cx: FloatArray,
    cy: FloatArray,
    cz: FloatArray,
    storage: FloatArray,
    row: int,
    plane: int,
    o: int,
    n: int,
    sums: FloatArray,
    block: int,
    k: int,
) -> None:
    """Fill what is added up of heads alone."""
    if o + n + row <= head.size:
        across, stored = _plane_scale(head, cx, cy, storage, row, o, n)
    else:
        across = _face_scale(head, cy, row, o, n) + _face_scale(head, cx, 1, o, n)
        stored = _storage_scale(head, storage, o, n)
    down_scale, up, down = 0.0, 0.0, 0.0
    if o + plane < head.size:
        down_scale, up, down = _exchanged(head, cz, plane, o, n)
    sums[block, k, FACE_SCALE], sums[block, k, STORAGE_SCALE] = across + down_scale, stored
    sums[block, k, UP], sums[block, k, DOWN] = up, down


@fused_part
def _full_release(
    head: FloatArray,
    old: FloatArray,
    storage: FloatArray,
    rate: float,
    carry: FloatArray,
    inflow: FloatArray,
    o: int,
    n: int,
    residual: FloatArray,
) -> tuple[float, float]:
    """Set the residuals of full cells o … to what flows in and what storage releases; return as `_release` does."""
    above, below = 0.0, 0.0
    if rate > 0.0:
        _add_release(head, old, storage, rate, inflow, o, n, residual)
    else:
        residual[o : o + n] = inflow[o : o + n]
    if carry.size > 0:
        own, carried = residual[o : o + n], carry[o : o + n]
        for p in range(n):
            own[p] += carried[p]
        above, below = _release_and_carry(head, old, storage, rate, carry, o, n)
    elif rate > 0.0:
        above, below = _release(head, old, storage, rate, o, n)
    return above, below


@fused_part
def _link(
    head: FloatArray, links: Links, place: int, residual: FloatArray, flow: FloatArray, slope: FloatArray
) -> tuple[float, float]:
    """Add the flows of stresses to the residuals of a block and layer; take those of fixed heads out.

    Returns the sum of their absolute values, and that of slopes times absolute heads.
    """
    cell, ramp, order, first, fixed, first_fixed = links
    through, scale = 0.0, 0.0
    for p in range(first[place], first[place + 1]):
        n = order[p]
        h = head[cell[n]]
        flow[n], slope[n] = evaluate_ramp(ramp, n, h)
        residual[cell[n]] += flow[n]
        through += abs(flow[n])
        scale += abs(slope[n]) * max(abs(h), LEAST_HEAD)
    for p in range(first_fixed[place], first_fixed[place + 1]):
        through += abs(residual[fixed[p]])
        residual[fixed[p]] = 0.0
    return through, scale


@fused_part
def _balance_block(block: int, ground: Ground, table: WaterTable, links: Links, given: Given, filled: Filled) -> None:
    """Do what `balance` does for one block."""
    cx, cy, cz, storage, row, plane = ground
    head, old, sat, _, carry, rate, known = given
    inflow, residual, flow, slope, head_sums, sums, _, _ = filled
    n_block, n = sums.shape[0], min(BLOCK, plane - block * BLOCK)
    for k in range(head.size // plane):
        o, place = k * plane + block * BLOCK, k * n_block + block
        convertible = table.layers[k]
        if not known:
            if convertible:
                fill_unsaturated(head, sat, ground, table, o, n, inflow)
            else:
                fill_full(head, cx, cy, cz, row, plane, o, n, inflow)
            _sum_heads(head, cx, cy, cz, storage, row, plane, o, n, head_sums, block, k)
        if convertible:
            residual[o : o + n] = inflow[o : o + n]
            above, below = _convertible_release(given, table, o, n, residual)
        else:
            above, below = _full_release(head, old, storage, rate, carry, inflow, o, n, residual)
        through, scale = 0.0, 0.0
        if links.first[place] < links.first[place + 1] or links.first_fixed[place] < links.first_fixed[place + 1]:
            through, scale = _link(head, links, place, residual, flow, slope)
        sums[block, k, RELEASED], sums[block, k, TAKEN], sums[block, k, THROUGH] = above, below, above + below + through
        sums[block, k, STRESS_SCALE] = scale
        sums[block, k, NORM] = _absolute(residual, o, n)


@parallel_kernel
def _shared_balance(ground: Ground, table: WaterTable, links: Links, given: Given, filled: Filled) -> None:
    """Do what `balance` does on several threads."""
    for block in numba.prange(filled.sums.shape[0]):
        _balance_block(block, ground, table, links, given, filled)


@fused_part
def _add_up(sums: FloatArray, totals: FloatArray) -> None:
    """Add up the sums of all blocks, in order."""
    totals[:] = 0.0
    n_block, n_layer, n_sum = sums.shape
    for block in range(n_block):
        for k in range(n_layer):
            for q in range(n_sum):
                totals[q, k] += sums[block, k, q]
    for k in range(n_layer):
        totals[:, n_layer] += totals[:, k]


@fused_kernel
def balance(ground: Ground, table: WaterTable, links: Links, given: Given, filled: Filled, threads: int | None) -> None:
    """Fill the imbalance of every cell at heads at the end of an interval, and what is known of it on the way."""
    if threads is None:
        for block in range(filled.sums.shape[0]):
            _balance_block(block, ground, table, links, given, filled)
    else:
        _shared_balance(ground, table, links, given, filled)
    _add_up(filled.sums, filled.totals)
    if not given.known:
        _add_up(filled.head_sums, filled.head_totals)
