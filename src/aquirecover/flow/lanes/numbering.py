"""Numbering of cells for loops over many scenarios at a time: column by column, the layers of a column together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class LaneGrid:
    """Numbering of the cells of a grid of ``n_layer × n_y × n_x``.

    Cell ``(k, j, i)`` is number ``(j + 1) stride + (i + 1) n_layer + k``. Before the first column and row, after the last row and
    between the rows are numbers without a cell, so that every cell has neighbours at constant distances: ``n_layer`` to the west
    and east, ``stride`` to the north and south.
    """

    n_layer: int
    n_y: int
    n_x: int

    @property
    def stride(self) -> int:
        """Distance from a row to the next."""
        return (self.n_x + 1) * self.n_layer

    @property
    def size(self) -> int:
        """Length of a vector."""
        return (self.n_y + 2) * self.stride + self.n_layer

    @cached_property
    def number(self) -> IntArray:
        """Number of each cell, shape ``(n_layer, n_y, n_x)``."""
        k, j, i = np.ogrid[: self.n_layer, : self.n_y, : self.n_x]
        return np.asarray((j + 1) * self.stride + (i + 1) * self.n_layer + k, dtype=np.int64)

    def spread(self, field: np.ndarray) -> FloatArray:
        """Return the values of shape ``(n_layer, n_y, n_x)`` in this numbering, 0 where there is no cell."""
        vector = np.zeros(self.size)
        vector[self.number] = field
        return vector
