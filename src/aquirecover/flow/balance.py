"""The balance of all cells, in one pass over them.

A block of columns is taken in at once, layer after layer, so that all that is asked of it is worked out while it is in the
nearest memory. Blocks write to places of their own and leave sums of their own, which are added in order.
"""

from __future__ import annotations

from typing import NamedTuple

import numba

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel, summing_part
from aquirecover.flow.faces import Halves
from aquirecover.flow.kernels import mean_saturation, released
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


class Ground(NamedTuple):
    """What does not change in time; flat arrays of all cells, by the faces of `faces.Faces`.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Conductances of faces, m²/d.
    storage : ndarray
        Storage per metre of head of full cells, m².
    row, plane : int
        Distance of a cell to the one south of it and to the one below it.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    storage: FloatArray
    row: int
    plane: int


class WaterTable(NamedTuple):
    """What convertible cells need besides; flat arrays of all cells, of size 0 in a model without any.

    Parameters
    ----------
    layers : ndarray of bool
        Layers that have any, shape ``(n_layer,)``.
    near_x, wall_x, lean_x, near_y, wall_y, lean_y, harmonic
        See `faces.Faces` and `Halves`, whose arrays are here one by one, as parallel loops want them.
    bottom, thickness : ndarray
        m.
    convertible : ndarray of bool
        Cells whose saturated thickness follows the head.
    elastic, drainable : ndarray
        See `kernels.storage_release`; m² and m³.
    """

    layers: BoolArray
    near_x: FloatArray
    wall_x: FloatArray
    lean_x: FloatArray
    near_y: FloatArray
    wall_y: FloatArray
    lean_y: FloatArray
    harmonic: bool
    bottom: FloatArray
    thickness: FloatArray
    convertible: BoolArray
    elastic: FloatArray
    drainable: FloatArray


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


@fused_part
def _add_faces(head: FloatArray, c: FloatArray, distance: int, o: int, n: int, out: FloatArray) -> None:
    """Add to `out` the flow through the faces between cells o … and those at a distance on both sides.

    Faces on the edge of the grid are zero, so that those of one row may be taken for the next; beyond the first and last cell of
    all there is nothing to read.
    """
    near = min(n, max(0, distance - o))
    far = max(0, min(n, head.size - distance - o))
    if near < far:
        m, at = far - near, o + near
        here, there, before = head[at : at + m], head[at + distance : at + distance + m], head[at - distance : at - distance + m]
        ahead, behind, target = c[at : at + m], c[at - distance : at - distance + m], out[at : at + m]
        for p in range(m):
            target[p] += ahead[p] * (there[p] - here[p]) + behind[p] * (before[p] - here[p])
    for p in range(o, o + min(near, far)):
        out[p] += c[p] * (head[p + distance] - head[p])
    for p in range(o + max(near, far), o + n):
        out[p] += c[p - distance] * (head[p - distance] - head[p])


@fused_part
def _add_upstream(
    head: FloatArray, sat: FloatArray, c: FloatArray, at: int, beyond: int, face: int, n: int, out: FloatArray
) -> None:
    """Add to `out` the flow into n cells from those beyond their faces, with the saturation of the cell that it leaves."""
    here, there, full, target = head[at : at + n], head[beyond : beyond + n], c[face : face + n], out[at : at + n]
    own, other = sat[at : at + n], sat[beyond : beyond + n]
    for p in range(n):
        d = there[p] - here[p]
        target[p] += full[p] * (other[p] if d > 0.0 else own[p]) * d


@fused_part
def _add_harmonic(
    head: FloatArray,
    sat: FloatArray,
    c: FloatArray,
    along: Halves,
    at: int,
    beyond: int,
    face: int,
    n: int,
    out: FloatArray,
) -> None:
    """Add to `out` the flow into n cells from those beyond their faces, with the harmonic mean of both saturations."""
    here, there, full, target = head[at : at + n], head[beyond : beyond + n], c[face : face + n], out[at : at + n]
    # the face belongs to the first of its cells, and so do the shares
    first, second = sat[face : face + n], sat[at + beyond - face : at + beyond - face + n]
    near, wall, lean = along.near[face : face + n], along.wall[face : face + n], along.lean[face : face + n]
    for p in range(n):
        target[p] += full[p] * mean_saturation(near[p], wall[p], lean[p], first[p], second[p]) * (there[p] - here[p])


@fused_part
def _add_unsaturated_faces(
    head: FloatArray,
    sat: FloatArray,
    c: FloatArray,
    along: Halves,
    harmonic: bool,
    distance: int,
    o: int,
    n: int,
    out: FloatArray,
) -> None:
    """Do what `_add_faces` does for the horizontal faces of convertible cells."""
    near = min(n, max(0, distance - o))
    far = max(0, min(n, head.size - distance - o))
    if harmonic:
        _add_harmonic(head, sat, c, along, o, o + distance, o, far, out)
        _add_harmonic(head, sat, c, along, o + near, o + near - distance, o + near - distance, n - near, out)
    else:
        _add_upstream(head, sat, c, o, o + distance, o, far, out)
        _add_upstream(head, sat, c, o + near, o + near - distance, o + near - distance, n - near, out)


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
def _storage_scale(head: FloatArray, storage: FloatArray, o: int, n: int) -> float:
    """Return the sum of storage times absolute heads."""
    here, stored = head[o : o + n], storage[o : o + n]
    total = 0.0
    for p in range(n):
        total += stored[p] * max(abs(here[p]), LEAST_HEAD)
    return total


@summing_part
def _exchanged(head: FloatArray, cz: FloatArray, plane: int, o: int, n: int) -> tuple[float, float]:
    """Return the upward and the downward flow through the faces below cells o …."""
    here, below, face = head[o : o + n], head[o + plane : o + plane + n], cz[o : o + n]
    up, down = 0.0, 0.0
    for p in range(n):
        flow = face[p] * (below[p] - here[p])
        up += max(flow, 0.0)
        down += max(-flow, 0.0)
    return up, down


@summing_part
def _release(
    head: FloatArray, old: FloatArray, storage: FloatArray, rate: float, o: int, n: int, out: FloatArray
) -> tuple[float, float]:
    """Add the water released from storage to `out`; return what is released and what is taken."""
    here, before, stored, target = head[o : o + n], old[o : o + n], storage[o : o + n], out[o : o + n]
    released, taken = 0.0, 0.0
    for p in range(n):
        flow = rate * stored[p] * (before[p] - here[p])
        target[p] += flow
        released += max(flow, 0.0)
        taken += max(-flow, 0.0)
    return released, taken


@summing_part
def _release_and_carry(
    head: FloatArray, old: FloatArray, storage: FloatArray, rate: float, carry: FloatArray, o: int, n: int, out: FloatArray
) -> tuple[float, float]:
    """Do what `_release` does, with what earlier stages leave to this one."""
    here, before, stored, target = head[o : o + n], old[o : o + n], storage[o : o + n], out[o : o + n]
    carried = carry[o : o + n]
    released, taken = 0.0, 0.0
    for p in range(n):
        flow = rate * stored[p] * (before[p] - here[p]) + carried[p]
        target[p] += flow
        released += max(flow, 0.0)
        taken += max(-flow, 0.0)
    return released, taken


@fused_part
def _convertible_release(given: Given, table: WaterTable, o: int, n: int, out: FloatArray) -> tuple[float, float]:
    """Do what `_release_and_carry` does for a layer with convertible cells."""
    head, old, sat, old_sat, carry, rate, _ = given
    bottom, thickness, convertible = table.bottom, table.thickness, table.convertible
    elastic, drainable = table.elastic, table.drainable
    above, below = 0.0, 0.0
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


@fused_part
def _fill_inflow(
    head: FloatArray, sat: FloatArray, ground: Ground, table: WaterTable, k: int, o: int, n: int, inflow: FloatArray
) -> None:
    """Fill the flow from all neighbours into cells o … of layer k, m³/d."""
    cx, cy, cz, _, row, plane = ground
    inflow[o : o + n] = 0.0
    _add_faces(head, cz, plane, o, n, inflow)
    if table.layers[k]:
        along_x = Halves(table.near_x, table.wall_x, table.lean_x)
        along_y = Halves(table.near_y, table.wall_y, table.lean_y)
        _add_unsaturated_faces(head, sat, cy, along_y, table.harmonic, row, o, n, inflow)
        _add_unsaturated_faces(head, sat, cx, along_x, table.harmonic, 1, o, n, inflow)
    else:
        _add_faces(head, cy, row, o, n, inflow)
        _add_faces(head, cx, 1, o, n, inflow)


@fused_part
def _sum_heads(head: FloatArray, ground: Ground, o: int, n: int, sums: FloatArray) -> None:
    """Fill what is added up of heads alone."""
    cx, cy, cz, storage, row, plane = ground
    scale = _face_scale(head, cz, plane, o, n) + _face_scale(head, cy, row, o, n) + _face_scale(head, cx, 1, o, n)
    sums[FACE_SCALE], sums[STORAGE_SCALE] = scale, _storage_scale(head, storage, o, n)
    sums[UP], sums[DOWN] = 0.0, 0.0
    if o + plane < head.size:
        sums[UP], sums[DOWN] = _exchanged(head, cz, plane, o, n)


@fused_part
def _link(head: FloatArray, links: Links, place: int, filled: Filled, sums: FloatArray) -> None:
    """Add the flows of stresses to the residuals of a block and layer; take those of fixed heads out."""
    cell, ramp, order, first, fixed, first_fixed = links
    residual, flow, slope = filled.residual, filled.flow, filled.slope
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
    sums[THROUGH] += through
    sums[STRESS_SCALE] = scale


@fused_part
def _add_release(
    given: Given, ground: Ground, table: WaterTable, k: int, o: int, n: int, residual: FloatArray, sums: FloatArray
) -> None:
    """Add the water released from storage to the residuals of a block and layer."""
    storage = ground.storage
    above, below = 0.0, 0.0
    if table.layers[k]:
        if given.rate > 0.0 or given.carry.size > 0:
            above, below = _convertible_release(given, table, o, n, residual)
    elif given.carry.size > 0:
        above, below = _release_and_carry(given.head, given.old, storage, given.rate, given.carry, o, n, residual)
    elif given.rate > 0.0:
        above, below = _release(given.head, given.old, storage, given.rate, o, n, residual)
    sums[RELEASED], sums[TAKEN], sums[THROUGH] = above, below, above + below


@fused_part
def _balance_block(block: int, ground: Ground, table: WaterTable, links: Links, given: Given, filled: Filled) -> None:
    """Do what `balance` does for one block."""
    head, inflow, residual, plane = given.head, filled.inflow, filled.residual, ground.plane
    n_block, n = filled.sums.shape[0], min(BLOCK, plane - block * BLOCK)
    for k in range(head.size // plane):
        o, sums = k * plane + block * BLOCK, filled.sums[block, k]
        if not given.known:
            _fill_inflow(head, given.sat, ground, table, k, o, n, inflow)
            _sum_heads(head, ground, o, n, filled.head_sums[block, k])
        residual[o : o + n] = inflow[o : o + n]
        _add_release(given, ground, table, k, o, n, residual, sums)
        _link(head, links, k * n_block + block, filled, sums)
        sums[NORM] = _absolute(residual, o, n)


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
