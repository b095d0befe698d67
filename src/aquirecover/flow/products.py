"""Products with the seven-point matrix in double precision, on flat arrays over all cells."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel, summing_part

# Cells that are worked on together, while they are in the nearest memory.
BLOCK = 2048


class Bands(NamedTuple):
    """A matrix by its bands: flat arrays over all cells, zero where a face lies on the far edge of the grid; m²/d.

    Parameters
    ----------
    diagonal, far_x, near_x, far_y, near_y, cz : ndarray
        See `matrix.Matrix`.
    row, plane : int
        Distance from a cell to the one south of it, and to the one below it.
    """

    diagonal: FloatArray
    far_x: FloatArray
    near_x: FloatArray
    far_y: FloatArray
    near_y: FloatArray
    cz: FloatArray
    row: int
    plane: int


def symmetric_bands(cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray) -> Bands:
    """Return the bands of ``faces + diag(surplus)``; all of shape ``(n_layer, n_y, n_x)``, see `multigrid.Multigrid`."""
    diagonal = surplus + cx
    for face, axis in ((cx, 2), (cy, 1), (cz, 0)):
        far = (slice(None),) * axis
        if axis != 2:
            diagonal += face
        diagonal[(*far, slice(1, None))] += face[(*far, slice(-1))]
    _, n_y, n_x = cx.shape
    flat = cx.ravel(), cy.ravel()
    return Bands(diagonal.ravel(), flat[0], flat[0], flat[1], flat[1], cz.ravel(), n_x, n_y * n_x)


@fused_part
def _take_diagonal(out: FloatArray, b: FloatArray, diagonal: FloatArray, x: FloatArray, o: int, n: int) -> None:
    """Set `out` to ``b − diagonal x``."""
    target, load, factor, value = out[o : o + n], b[o : o + n], diagonal[o : o + n], x[o : o + n]
    for i in range(n):
        target[i] = load[i] - factor[i] * value[i]


@fused_part
def _add_product(out: FloatArray, o: int, c: FloatArray, x: FloatArray, a: int, ax: int, n: int) -> None:
    """Add ``c x`` to `out`; a and ax are the places in c and x."""
    if n > 0:
        target, factor, value = out[o : o + n], c[a : a + n], x[ax : ax + n]
        for i in range(n):
            target[i] += factor[i] * value[i]


@fused_part
def _add_neighbours(out: FloatArray, far: FloatArray, near: FloatArray, distance: int, x: FloatArray, o: int, n: int) -> None:
    """Add what a block receives through the faces of one direction."""
    _add_product(out, o, far, x, o, o + distance, min(n, x.size - distance - o))
    first = max(o, distance)
    _add_product(out, first, near, x, first - distance, first - distance, o + n - first)


@summing_part
def _absolute(a: FloatArray, o: int, n: int) -> float:
    """Return ``Σ|a|`` of a block."""
    total = 0.0
    values = a[o : o + n]
    for i in range(n):
        total += abs(values[i])
    return total


@fused_part
def _residual_block(a: Bands, b: FloatArray, x: FloatArray, out: FloatArray, o: int, n: int) -> float:
    """Fill ``b − A x`` in a block and return its ``Σ|r|``."""
    diagonal, far_x, near_x, far_y, near_y, cz, row, plane = a
    _take_diagonal(out, b, diagonal, x, o, n)
    _add_neighbours(out, far_x, near_x, 1, x, o, n)
    _add_neighbours(out, far_y, near_y, row, x, o, n)
    if plane < x.size:
        _add_neighbours(out, cz, cz, plane, x, o, n)
    return float(_absolute(out, o, n))


@parallel_kernel
def _residual_shared(a: Bands, b: FloatArray, x: FloatArray, out: FloatArray, sums: FloatArray) -> None:
    """Fill ``b − A x`` and the sums of all blocks on several threads."""
    for block in numba.prange(sums.size):
        o = block * BLOCK
        sums[block] = _residual_block(a, b, x, out, o, min(BLOCK, x.size - o))


@fused_kernel
def residual(a: Bands, b: FloatArray, x: FloatArray, out: FloatArray, threads: int | None) -> float:
    """Fill ``b − A x`` and return ``Σ|b − A x|``; see `compiled.share` for `threads`."""
    sums = np.empty((x.size + BLOCK - 1) // BLOCK)
    if threads is None:
        for block in range(sums.size):
            o = block * BLOCK
            sums[block] = _residual_block(a, b, x, out, o, min(BLOCK, x.size - o))
    else:
        _residual_shared(a, b, x, out, sums)
    total = 0.0
    for part in sums:
        total += part
    return total
