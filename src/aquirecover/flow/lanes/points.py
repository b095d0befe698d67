"""Compiled loops over the single cells on which stresses and fixed heads act, for many scenarios at a time."""

from __future__ import annotations

from typing import NamedTuple

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.compiled import fused_kernel
from aquirecover.flow.lanes.passes import Heads, Points, Rates, Stencil
from aquirecover.flow.lanes.vectors import larger, product, put, row, smaller, zeros


class FixedFaces(NamedTuple):
    """Faces of fixed heads: number of the fixed head, its cell, the cell beyond, shape ``(n,)``, and conductance, m²/d."""

    fixed: IntArray
    cell: IntArray
    beyond: IntArray
    face: FloatArray


@fused_kernel
def add_rows(out: FloatArray, place: IntArray, value: FloatArray) -> None:
    """Add each row of `value` to a row of `out`, several to one where places are repeated."""
    for n in range(place.size):
        put(out, place[n], row(out, place[n]) + row(value, n))


@fused_kernel
def ramp_flows(points: Points, place: IntArray, heads: FloatArray, out: FloatArray) -> None:
    """Fill the flow of some ramps at given heads, shape ``(n, LANES)``; m³/d."""
    for n in range(place.size):
        e = place[n]
        inside = smaller(larger(row(heads, points.ramp_cell[e]), row(points.low, e)), row(points.high, e))
        put(out, n, row(points.slope, e) * (row(points.datum, e) - inside))


@fused_kernel
def change_products(heads: Heads, cell: IntArray, change: FloatArray, first: int, out: FloatArray) -> None:
    """Fill ``Σ d c`` over some cells, of their changes c, shape ``(n, LANES)``, and the increments d of the heads since `first`.

    `first` is 0 for the increments up to the end of the step, 1 up to its start; `out` has a row for each, latest first.
    """
    h, start = heads
    out[:] = 0.0
    for n in range(cell.size):
        later = row(h, start[first] + cell[n])
        for i in range(out.shape[0]):
            earlier = row(h, start[first + i + 1] + cell[n])
            put(out, i, row(out, i) + (later - earlier) * row(change, n))
            later = earlier


@fused_kernel
def point_energy(heads: Heads, points: Points, faces: FixedFaces, out: FloatArray) -> None:
    """Add the energy of the last increment in ramps, and take that which fixed heads had in their faces as they rose."""
    h, start = heads
    now, old = start[0], start[1]
    total = zeros(h)
    for n in range(points.ramp_cell.size - 1):
        d = row(h, now + points.ramp_cell[n]) - row(h, old + points.ramp_cell[n])
        total = total + row(points.active, n) * (d * d)
    for n in range(faces.cell.size):
        d = row(h, now + faces.beyond[n]) - row(h, old + faces.beyond[n])
        between = row(h, now + faces.cell[n]) - row(h, old + faces.cell[n]) - d
        total = total + faces.face[n] * (d * d - between * between)
    put(out, 0, row(out, 0) + total)


@fused_kernel
def part_sums(flow: FloatArray, part: IntArray, inflow: FloatArray, outflow: FloatArray) -> None:
    """Add flows into the model, and out of it, shape ``(n, LANES)``, to the rows of their parts; m³/d."""
    none = zeros(flow)
    for n in range(part.size):
        value = row(flow, n)
        put(inflow, part[n], row(inflow, part[n]) + larger(value, none))
        put(outflow, part[n], row(outflow, part[n]) - smaller(value, none))


@fused_kernel
def face_sums(
    heads: FloatArray,
    cell: IntArray,
    beyond: IntArray,
    face: FloatArray,
    onward: IntArray,
    back: IntArray,
    onward_sums: FloatArray,
    back_sums: FloatArray,
) -> None:
    """Add the flow through faces from cells to those beyond to the rows `onward`, and that back to the rows `back`; m³/d."""
    none = zeros(heads)
    for n in range(cell.size):
        value = face[n] * (row(heads, cell[n]) - row(heads, beyond[n]))
        put(onward_sums, onward[n], row(onward_sums, onward[n]) + larger(value, none))
        put(back_sums, back[n], row(back_sums, back[n]) - smaller(value, none))


@fused_kernel
def storage_sums(
    s: Stencil, heads: Heads, rates: Rates, cell: IntArray, part: IntArray, inflow: FloatArray, outflow: FloatArray
) -> None:
    """Add the water that cells release, and that they take up, to the rows of their parts, m³/d."""
    h, start = heads
    none = zeros(h)
    for n in range(cell.size):
        p = cell[n]
        carried = product(s.storage[p] * rates.carry, row(h, start[1] + p))
        stored = product(s.storage[p] * rates.store, row(h, start[0] + p))
        value = carried - stored
        put(inflow, part[n], row(inflow, part[n]) + larger(value, none))
        put(outflow, part[n], row(outflow, part[n]) - smaller(value, none))
