"""Flows of whole layers, for the budget of every step."""

from __future__ import annotations

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.compiled import kernel, summing_kernel


@summing_kernel
def _signed_sums(value: FloatArray) -> tuple[float, float]:
    """Return the sum of what is positive and minus the sum of what is negative, of a flat array."""
    above, below = 0.0, 0.0
    for n in range(value.size):
        above += max(value[n], 0.0)
        below += max(-value[n], 0.0)
    return above, below


@kernel
def layer_sums(flow: FloatArray, inflow: FloatArray, outflow: FloatArray) -> None:
    """Fill the flow into and out of the cells of each layer, m³/d; `flow` has shape ``(n_layer, n_y, n_x)``."""
    for k in range(flow.shape[0]):
        inflow[k], outflow[k] = _signed_sums(flow[k].ravel())


@summing_kernel
def _exchanged(face: FloatArray, above: FloatArray, below: FloatArray) -> tuple[float, float]:
    """Return the upward and the downward flow through the faces between two layers, m³/d."""
    up, down = 0.0, 0.0
    for n in range(face.size):
        flow = face[n] * (below[n] - above[n])
        up += max(flow, 0.0)
        down += max(-flow, 0.0)
    return up, down


@kernel
def layer_exchange(head: FloatArray, cz: FloatArray, out: FloatArray) -> None:
    """Add the flow between layers to `out`, from the first axis to the second, m³/d."""
    for k in range(head.shape[0] - 1):
        up, down = _exchanged(cz[k].ravel(), head[k].ravel(), head[k + 1].ravel())
        out[k + 1, k] += up
        out[k, k + 1] += down
