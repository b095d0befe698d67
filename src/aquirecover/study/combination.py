"""Sums of responses for many scenarios, each number in one fixed order, whatever else is computed beside it."""

from __future__ import annotations

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.compiled import fused_kernel, fused_part

# Numbers of a block: those of twenty responses stay in the cache of a core while all scenarios go through them.
BLOCK = 1024


@fused_part
def _combine_block(base: FloatArray, unit: FloatArray, scale: FloatArray, begin: int, out: FloatArray) -> None:
    """Fill ``base + Σ scale unit`` from `begin` on; four responses at a time."""
    n, n_unit = out.size, scale.size
    for i in range(n):
        out[i] = base[begin + i]
    whole = n_unit - n_unit % 4
    for g in range(0, whole, 4):
        a, b, c, d = scale[g], scale[g + 1], scale[g + 2], scale[g + 3]
        first, second, third, fourth = unit[g], unit[g + 1], unit[g + 2], unit[g + 3]
        for i in range(n):
            p = begin + i
            out[i] += a * first[p] + b * second[p] + c * third[p] + d * fourth[p]
    for g in range(whole, n_unit):
        a, first = scale[g], unit[g]
        for i in range(n):
            out[i] += a * first[begin + i]


@fused_kernel
def combine(base: FloatArray, unit: FloatArray, scale: FloatArray, out: FloatArray) -> None:
    """Fill ``base + scale @ unit``; shapes ``(n,)``, ``(n_unit, n)``, ``(n_scenario, n_unit)`` and ``(n_scenario, n)``."""
    for begin in range(0, base.size, BLOCK):
        end = min(begin + BLOCK, base.size)
        for s in range(scale.shape[0]):
            _combine_block(base, unit, scale[s], begin, out[s, begin:end])


@fused_kernel
def excess(
    base: FloatArray, unit: FloatArray, scale: FloatArray, least: FloatArray, most: FloatArray, work: FloatArray, out: FloatArray
) -> None:
    """Fill by how much ``base + scale @ unit`` leaves the interval from `least` to `most` at most, ≥ 0, ``(n_scenario,)``.

    `work` has the size of a block.
    """
    out[:] = 0.0
    for begin in range(0, base.size, BLOCK):
        end = min(begin + BLOCK, base.size)
        for s in range(scale.shape[0]):
            found = work[: end - begin]
            _combine_block(base, unit, scale[s], begin, found)
            largest = out[s]
            for i in range(end - begin):
                largest = max(largest, found[i] - most[begin + i], least[begin + i] - found[i])
            out[s] = largest
