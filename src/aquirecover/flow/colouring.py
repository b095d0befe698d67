"""Red and black columns apart, so that every loop over cells of one colour runs along memory.

A column ``(j, i)`` is red where ``i + j`` is even. Columns of one colour are numbered along rows that lean by half a column,

    ``p = j w + j // 2 + q``   with ``w = n_x // 2 + 1``,   ``q = (i + j % 2) // 2`` of a red, ``i // 2`` of a black column,

so that all neighbours lie at constant distances:

==================  ========  ========  ============  ============
neighbour           west      east      north         south
==================  ========  ========  ============  ============
of a red column     ``p-1``   ``p``     ``p-w-1``     ``p+w``
of a black column   ``p``     ``p+1``   ``p-w``       ``p+w+1``
==================  ========  ========  ============  ============

Cell ``(colour, k, p)`` of a level is number ``(colour n_layer + k) stride + margin + p`` of a flat vector. Every horizontal face
belongs to one red column; numbers without a column have empty faces and a zero inverse pivot, and stay zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.compiled import fused_kernel, fused_part

SingleArray = NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """Numbering of the cells of a grid of ``n_layer × n_y × n_x``, see above."""

    n_layer: int
    n_y: int
    n_x: int

    @property
    def width(self) -> int:
        """``w``: distance of a red column to the one south of it."""
        return self.n_x // 2 + 1

    @property
    def margin(self) -> int:
        """Numbers before the first and after the last column, for neighbours that are not there."""
        return self.width + 1

    @property
    def n_column(self) -> int:
        """Numbers of the columns of one colour, with those that have no column."""
        return self.n_y * self.width + (self.n_y - 1) // 2

    @property
    def stride(self) -> int:
        """Distance from a cell to the one below it."""
        return self.n_column + 2 * self.margin

    @property
    def size(self) -> int:
        """Length of a vector."""
        return 2 * self.n_layer * self.stride

    def split(self, natural: FloatArray) -> FloatArray:
        """Return a vector of the values of shape ``(n_layer, n_y, n_x)``."""
        vector = np.zeros(self.size)
        split(natural, self.n_y, self.n_x, vector, self.width, self.stride)
        return vector

    def join(self, vector: FloatArray | SingleArray, out: FloatArray | None = None) -> FloatArray:
        """Return the values of a vector, shape ``(n_layer, n_y, n_x)``, in `out` where it is given."""
        natural = np.empty((self.n_layer, self.n_y, self.n_x)) if out is None else out
        join(vector, natural, self.n_y, self.n_x, self.width, self.stride)
        return natural


@fused_part
def split_rows(
    natural: FloatArray,
    factor: float,
    first: int,
    last: int,
    n_x: int,
    vector: FloatArray | SingleArray,
    width: int,
    stride: int,
) -> None:
    """Put the values of some rows, times a factor, into a vector."""
    n_layer = natural.shape[0]
    for k in range(n_layer):
        for j in range(first, last):
            row = k * stride + width + 1 + j * width + j // 2
            odd = j % 2
            black = row + n_layer * stride
            for q in range(n_x // 2):
                vector[row + odd + q] = factor * natural[k, j, 2 * q + odd]
                vector[black + q] = factor * natural[k, j, 2 * q + 1 - odd]
            if n_x % 2 == 1:
                vector[(row if odd == 0 else black) + n_x // 2] = factor * natural[k, j, n_x - 1]


@fused_kernel
def split(natural: FloatArray, n_y: int, n_x: int, vector: FloatArray, width: int, stride: int) -> None:
    """Put the values of all cells into a vector; rows and columns beyond `n_y` and `n_x` are work space."""
    split_rows(natural, 1.0, 0, n_y, n_x, vector, width, stride)


@fused_kernel
def join(vector: FloatArray, natural: FloatArray, n_y: int, n_x: int, width: int, stride: int) -> None:
    """Take the values of all cells out of a vector; rows and columns beyond `n_y` and `n_x` are left alone."""
    n_layer = natural.shape[0]
    for k in range(n_layer):
        for j in range(n_y):
            row = k * stride + width + 1 + j * width + j // 2
            odd = j % 2
            black = row + n_layer * stride
            for q in range(n_x // 2):
                natural[k, j, 2 * q + odd] = vector[row + odd + q]
                natural[k, j, 2 * q + 1 - odd] = vector[black + q]
            if n_x % 2 == 1:
                natural[k, j, n_x - 1] = vector[(row if odd == 0 else black) + n_x // 2]


@fused_part
def add_rows(
    red: FloatArray,
    black: FloatArray,
    factor: float,
    natural: FloatArray,
    add: bool,
    first: int,
    last: int,
    width: int,
    stride: int,
) -> None:
    """Set some rows to the values of both colours, times a factor, or add these."""
    n_layer, _, n_x = natural.shape
    for k in range(n_layer):
        for j in range(first, last):
            row = k * stride + width + 1 + j * width + j // 2
            even, odd = (red[row:], black[row:]) if j % 2 == 0 else (black[row:], red[row + 1 :])
            out = natural[k, j]
            if not add:
                out[:] = 0.0
            for q in range(n_x // 2):
                out[2 * q] += factor * even[q]
                out[2 * q + 1] += factor * odd[q]
            if n_x % 2 == 1:
                out[n_x - 1] += factor * even[n_x // 2]
