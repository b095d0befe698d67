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
from aquirecover.flow.compiled import fused_kernel

SingleArray = NDArray[np.float32]

# Pivots below this, m²/d, count as none: their inverse would leave single precision.
SMALLEST = 1e-30


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
        self.split_into(natural, vector)
        return vector

    def split_into(self, natural: FloatArray, vector: FloatArray | SingleArray) -> None:
        """Put the values of shape ``(n_layer, n_y, n_x)`` into a vector."""
        split(natural, self.n_y, self.n_x, vector, self.width, self.stride)

    def join(self, vector: FloatArray | SingleArray, out: FloatArray | None = None) -> FloatArray:
        """Return the values of a vector, shape ``(n_layer, n_y, n_x)``, in `out` where it is given."""
        natural = np.empty((self.n_layer, self.n_y, self.n_x)) if out is None else out
        join(vector, natural, self.n_y, self.n_x, self.width, self.stride)
        return natural


@fused_kernel
def split(natural: FloatArray, n_y: int, n_x: int, vector: FloatArray, width: int, stride: int) -> None:
    """Put the values of all cells into a vector; rows and columns beyond `n_y` and `n_x` are work space."""
    n_layer = natural.shape[0]
    for k in range(n_layer):
        for j in range(n_y):
            row = k * stride + width + 1 + j * width + j // 2
            odd = j % 2
            black = row + n_layer * stride
            for q in range(n_x // 2):
                vector[row + odd + q] = natural[k, j, 2 * q + odd]
                vector[black + q] = natural[k, j, 2 * q + 1 - odd]
            if n_x % 2 == 1:
                vector[(row if odd == 0 else black) + n_x // 2] = natural[k, j, n_x - 1]


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


@fused_kernel
def split_faces(
    to_west: FloatArray,
    to_east: FloatArray,
    to_north: FloatArray,
    to_south: FloatArray,
    west: SingleArray,
    east: SingleArray,
    north: SingleArray,
    south: SingleArray,
    width: int,
    stride: int,
) -> None:
    """Give the values of each face between columns to its red one; faces belong to their western or northern cell at first."""
    n_layer, n_y, n_x = to_west.shape
    for k in range(n_layer):
        for j in range(n_y):
            odd = j % 2
            row = k * stride + width + 1 + j * width + j // 2
            for i in range(odd, n_x, 2):
                p = row + (i + odd) // 2
                if i > 0:
                    west[p] = to_west[k, j, i - 1]
                if i + 1 < n_x:
                    east[p] = to_east[k, j, i]
                if j > 0:
                    north[p] = to_north[k, j - 1, i]
                if j + 1 < n_y:
                    south[p] = to_south[k, j, i]


@fused_kernel
def factor_columns(
    cx: FloatArray,
    cy: FloatArray,
    cz: FloatArray,
    surplus: FloatArray,
    inverse: SingleArray,
    coupling: SingleArray,
    width: int,
    stride: int,
) -> None:
    """Factor the tridiagonal system of each column: inverse pivots, and those times the vertical conductance below.

    A pivot is the excess of a row, ``e_k = surplus + horizontal faces + cz_(k−1) e_(k−1) / (e_(k−1) + cz_(k−1))``, plus ``cz_k``:
    sums of what is not negative, so that aquitards and aquifers side by side lose no digits.
    """
    n_layer, n_y, n_x = cx.shape
    for j in range(n_y):
        odd = j % 2
        row = width + 1 + j * width + j // 2
        for i in range(n_x):
            black = (i + odd) % 2
            place = row + (i // 2 if black == 1 else (i + odd) // 2) + black * n_layer * stride
            carried = 0.0
            for k in range(n_layer):
                excess = surplus[k, j, i] + cx[k, j, i] + cy[k, j, i] + carried
                if i > 0:
                    excess += cx[k, j, i - 1]
                if j > 0:
                    excess += cy[k, j - 1, i]
                below = cz[k, j, i]
                pivot = excess + below
                sound = pivot > SMALLEST
                inverse[place + k * stride] = 1.0 / pivot if sound else 0.0
                coupling[place + k * stride] = below / pivot if sound else 0.0
                carried = below * (excess / pivot) if sound else 0.0
