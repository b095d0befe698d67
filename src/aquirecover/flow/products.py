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
    """A matrix by its faces and what its rows sum to: flat arrays over all cells, zero on the far edges of the grid; m²/d.

    Parameters
    ----------
    surplus, far_x, near_x, far_y, near_y, cz : ndarray
        See `matrix.Matrix`.
    row, plane : int
        Distance from a cell to the one south of it, and to the one below it.
    """

    surplus: FloatArray
    far_x: FloatArray
    near_x: FloatArray
    far_y: FloatArray
    near_y: FloatArray
    cz: FloatArray
    row: int
    plane: int

    @property
    def symmetric(self) -> bool:
        """Whether rows on both sides of a face hold the same for it."""
        return self.far_x is self.near_x and self.far_y is self.near_y


def bands_of(
    surplus: FloatArray, far_x: FloatArray, near_x: FloatArray, far_y: FloatArray, near_y: FloatArray, cz: FloatArray
) -> Bands:
    """Return the bands of a matrix by arrays of shape ``(n_layer, n_y, n_x)``; those that are one array stay one."""
    _, n_y, n_x = surplus.shape
    flat_x, flat_y = far_x.ravel(), far_y.ravel()
    x = flat_x, flat_x if near_x is far_x else near_x.ravel()
    y = flat_y, flat_y if near_y is far_y else near_y.ravel()
    return Bands(surplus.ravel(), *x, *y, cz.ravel(), n_x, n_y * n_x)


@fused_part
def _take_surplus(out: FloatArray, b: FloatArray, surplus: FloatArray, x: FloatArray, o: int, n: int) -> None:
    """Set `out` to ``b − surplus x``."""
    target, load, factor, value = out[o : o + n], b[o : o + n], surplus[o : o + n], x[o : o + n]
    for i in range(n):
        target[i] = load[i] - factor[i] * value[i]


@fused_part
def _add_flow(out: FloatArray, o: int, c: FloatArray, a: int, x: FloatArray, beyond: int, n: int) -> None:
    """Add ``c (x_beyond − x)`` to `out` from place o on; a and `beyond` are the places of the faces and of the neighbours."""
    if n > 0:
        target, factor, here, there = out[o : o + n], c[a : a + n], x[o : o + n], x[beyond : beyond + n]
        for i in range(n):
            target[i] += factor[i] * (there[i] - here[i])


@fused_part
def _add_neighbours(out: FloatArray, far: FloatArray, near: FloatArray, distance: int, x: FloatArray, o: int, n: int) -> None:
    """Add what a block receives through the faces of one direction."""
    _add_flow(out, o, far, o, x, o + distance, min(n, x.size - distance - o))
    first = max(o, distance)
    _add_flow(out, first, near, first - distance, x, first - distance, o + n - first)


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
    surplus, far_x, near_x, far_y, near_y, cz, row, plane = a
    _take_surplus(out, b, surplus, x, o, n)
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
