"""Compiled loops over the connections of stresses to cells.

The rows of a table of ramps are the source, slope, datum, low and high of each connection, see `stresses.Ramp`.
"""

from __future__ import annotations

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.compiled import kernel, part


@part
def evaluate_ramp(ramp: FloatArray, n: int, head: float) -> tuple[float, float]:
    """Return the inflow of connection n, m³/d, and its derivative with respect to head, m²/d."""
    slope, low, high = ramp[1, n], ramp[3, n], ramp[4, n]
    flow = ramp[0, n] + slope * (ramp[2, n] - min(max(head, low), high))
    return flow, -slope if low < head < high else 0.0


@kernel
def evaluate_ramps(head: FloatArray, cell: IntArray, ramp: FloatArray, flow: FloatArray, slope: FloatArray) -> None:
    """Fill the inflow of every connection and its derivative; `head` is flat, `cell` the cell of each."""
    for n in range(cell.size):
        flow[n], slope[n] = evaluate_ramp(ramp, n, head[cell[n]])
