"""Passes over planes of the finest level for Krylov methods; sums are those of blocks, added in order."""

from __future__ import annotations

import numba
import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.combinations import dot
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel, summing_part

# Numbers of a plane that are worked on together.
BLOCK = 2048


@fused_part
def n_parts(size: int) -> int:
    """Return the number of blocks of a plane."""
    return (size + BLOCK - 1) // BLOCK


@summing_part
def _absolute(a: SingleArray, o: int, n: int) -> float:
    """Return ``Σ|a|`` of a block."""
    total = 0.0
    values = a[o : o + n]
    for i in range(n):
        total += abs(values[i])
    return total


@fused_part
def _follow_block(q: SingleArray, image: SingleArray, beta: float, r: SingleArray, alpha: float, block: int) -> float:
    """Do the part of `follow` in a block."""
    o = block * BLOCK
    n = min(BLOCK, q.size - o)
    target, source, left = q[o : o + n], image[o : o + n], r[o : o + n]
    back, step = np.float32(beta), np.float32(alpha)
    if beta == 0.0:
        for i in range(n):
            target[i] = source[i]
    else:
        for i in range(n):
            target[i] = source[i] + back * target[i]
    for i in range(n):
        left[i] -= step * target[i]
    return float(_absolute(r, o, n))


@parallel_kernel
def _follow_shared(q: SingleArray, image: SingleArray, beta: float, r: SingleArray, alpha: float, sums: FloatArray) -> None:
    """Do `follow` on several threads."""
    for block in numba.prange(sums.size):
        sums[block] = _follow_block(q, image, beta, r, alpha, block)


@fused_kernel
def follow(q: SingleArray, image: SingleArray, beta: float, r: SingleArray, alpha: float, threads: int | None) -> float:
    """Set q to ``image + beta q``, take ``alpha q`` from r, and return ``Σ|r|``; what q holds is not read when beta is 0."""
    sums = np.empty(n_parts(q.size))
    if threads is None:
        for block in range(sums.size):
            sums[block] = _follow_block(q, image, beta, r, alpha, block)
    else:
        _follow_shared(q, image, beta, r, alpha, sums)
    total = 0.0
    for part in sums:
        total += part
    return total


@fused_part
def _combine_block(e: FloatArray, z: SingleArray, share: FloatArray, block: int) -> None:
    """Do `combine` in a block."""
    o = block * BLOCK
    n = min(BLOCK, e.size - o)
    target = e[o : o + n]
    for m in range(share.size):
        if share[m] != 0.0:
            source, factor = z[m, o : o + n], share[m]
            for i in range(n):
                target[i] += factor * source[i]


@parallel_kernel
def _combine_shared(e: FloatArray, z: SingleArray, share: FloatArray) -> None:
    """Do `combine` on several threads."""
    for block in numba.prange(n_parts(e.size)):
        _combine_block(e, z, share, block)


@fused_kernel
def combine(e: FloatArray, z: SingleArray, share: FloatArray, threads: int | None) -> None:
    """Add ``Σ share z`` to e; z has shape ``(n, size)``."""
    if threads is None:
        for block in range(n_parts(e.size)):
            _combine_block(e, z, share, block)
    else:
        _combine_shared(e, z, share)


@fused_kernel
def gather_first(z: SingleArray, share: FloatArray) -> None:
    """Set the first of z, of shape ``(n, size)``, to ``Σ share z``, in an order that BLAS would not promise."""
    for o in range(0, z.shape[1], BLOCK):
        n = min(BLOCK, z.shape[1] - o)
        target, own = z[0, o : o + n], np.float32(share[0])
        for i in range(n):
            target[i] *= own
        for m in range(1, share.size):
            source, factor = z[m, o : o + n], np.float32(share[m])
            for i in range(n):
                target[i] += factor * source[i]


@fused_kernel
def products(images: SingleArray, image: SingleArray) -> FloatArray:
    """Return ``Σ q image`` of each image q, of shape ``(n, size)``."""
    result = np.zeros(images.shape[0])
    for block in range(n_parts(image.size)):
        o = block * BLOCK
        n = min(BLOCK, image.size - o)
        for m in range(result.size):
            result[m] += dot(images[m], image, o, n)
    return result


@fused_kernel
def orthogonalise(images: SingleArray, image: SingleArray, share: FloatArray, r: SingleArray) -> tuple[float, float]:
    """Set the image after the first few to ``image − Σ share q`` of these, and return its product with r and its square."""
    q = images[share.size]
    along, square = 0.0, 0.0
    for block in range(n_parts(image.size)):
        o = block * BLOCK
        n = min(BLOCK, image.size - o)
        target, source = q[o : o + n], image[o : o + n]
        for i in range(n):
            target[i] = source[i]
        for m in range(share.size):
            other, factor = images[m, o : o + n], np.float32(share[m])
            for i in range(n):
                target[i] -= factor * other[i]
        along += dot(q, r, o, n)
        square += dot(q, q, o, n)
    return along, square
