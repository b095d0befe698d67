"""Products of a few vectors with another, and combinations of them, block by block."""

from __future__ import annotations

from typing import TypeAlias

import numba
import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel, summing_part

Vectors: TypeAlias = FloatArray | SingleArray

# Numbers that are worked on together.
BLOCK = 2048


@summing_part
def dot(a: Vectors, b: Vectors, o: int, n: int) -> float:
    """Return ``Σ a b`` of a block."""
    total = 0.0
    first, second = a[o : o + n], b[o : o + n]
    for p in range(n):
        total += first[p] * second[p]
    return total


@fused_part
def _products_block(vectors: Vectors, count: int, b: Vectors, block: int, sums: FloatArray) -> None:
    """Fill ``Σ x b`` of each vector in a block."""
    o = block * BLOCK
    n = min(BLOCK, b.size - o)
    for i in range(count):
        sums[block, i] = dot(vectors[i], b, o, n)


@parallel_kernel
def _products_shared(vectors: Vectors, count: int, b: Vectors, sums: FloatArray) -> None:
    """Fill the sums of all blocks on several threads."""
    for block in numba.prange(sums.shape[0]):
        _products_block(vectors, count, b, block, sums)


@fused_kernel
def products(vectors: Vectors, b: Vectors, out: FloatArray, threads: int | None) -> None:
    """Fill ``Σ x b`` of the first vectors, as many as `out` holds."""
    sums = np.empty(((b.size + BLOCK - 1) // BLOCK, out.size))
    if threads is None:
        for block in range(sums.shape[0]):
            _products_block(vectors, out.size, b, block, sums)
    else:
        _products_shared(vectors, out.size, b, sums)
    out[:] = 0.0
    for block in range(sums.shape[0]):
        for i in range(out.size):
            out[i] += sums[block, i]


@fused_part
def _combine_block(vectors: Vectors, share: FloatArray, base: FloatArray, x: FloatArray, block: int) -> None:
    """Set a block of x to that of `base` and a combination of the vectors."""
    o = block * BLOCK
    n = min(BLOCK, x.size - o)
    target, start = x[o : o + n], base[o : o + n]
    for p in range(n):
        target[p] = start[p]
    for i in range(share.size):
        source, factor = vectors[i, o : o + n], share[i]
        for p in range(n):
            target[p] += factor * source[p]


@parallel_kernel
def _combine_shared(vectors: Vectors, share: FloatArray, base: FloatArray, x: FloatArray) -> None:
    """Set all blocks of x on several threads."""
    for block in numba.prange((x.size + BLOCK - 1) // BLOCK):
        _combine_block(vectors, share, base, x, block)


@fused_kernel
def combine(vectors: Vectors, share: FloatArray, base: FloatArray, x: FloatArray, threads: int | None) -> None:
    """Set x to `base` and a combination of the first vectors."""
    if threads is None:
        for block in range((x.size + BLOCK - 1) // BLOCK):
            _combine_block(vectors, share, base, x, block)
    else:
        _combine_shared(vectors, share, base, x)


@fused_part
def difference(after: FloatArray, before: FloatArray, out: Vectors, block: int) -> None:
    """Set a block of `out` to ``after − before``."""
    o = block * BLOCK
    n = min(BLOCK, out.size - o)
    first, second, target = after[o : o + n], before[o : o + n], out[o : o + n]
    for p in range(n):
        target[p] = first[p] - second[p]


@fused_part
def _subtract_block(after: FloatArray, before: FloatArray, out: Vectors, block: int) -> float:
    """Do `subtract` in a block."""
    difference(after, before, out, block)
    return float(dot(out, out, block * BLOCK, min(BLOCK, out.size - block * BLOCK)))


@parallel_kernel
def _subtract_shared(after: FloatArray, before: FloatArray, out: Vectors, sums: FloatArray) -> None:
    """Fill the differences and the sums of their squares of all blocks on several threads."""
    for block in numba.prange(sums.size):
        sums[block] = _subtract_block(after, before, out, block)


@fused_kernel
def subtract(after: FloatArray, before: FloatArray, out: Vectors, threads: int | None) -> float:
    """Set `out` to ``after − before`` and return the sum of its squares."""
    sums = np.empty((out.size + BLOCK - 1) // BLOCK)
    if threads is None:
        for block in range(sums.size):
            sums[block] = _subtract_block(after, before, out, block)
    else:
        _subtract_shared(after, before, out, sums)
    total = 0.0
    for part in sums:
        total += part
    return total


@summing_part
def _move_block(head: FloatArray, delta: FloatArray, share: float, out: FloatArray, block: int) -> float:
    """Do `move` in a block."""
    o = block * BLOCK
    n = min(BLOCK, out.size - o)
    start, step, target = head[o : o + n], delta[o : o + n], out[o : o + n]
    for p in range(n):
        target[p] = start[p] + share * step[p]
    largest = 0.0
    for p in range(n):
        largest = max(largest, abs(share * step[p]))
    return largest


@parallel_kernel
def _move_shared(head: FloatArray, delta: FloatArray, share: float, out: FloatArray, largest: FloatArray) -> None:
    """Do `move` on several threads."""
    for block in numba.prange(largest.size):
        largest[block] = _move_block(head, delta, share, out, block)


@fused_kernel
def move(head: FloatArray, delta: FloatArray, share: float, out: FloatArray, threads: int | None) -> float:
    """Set `out` to ``head + share delta`` and return the largest absolute change."""
    largest = np.empty((out.size + BLOCK - 1) // BLOCK)
    if threads is None:
        for block in range(largest.size):
            largest[block] = _move_block(head, delta, share, out, block)
    else:
        _move_shared(head, delta, share, out, largest)
    return float(largest.max())
