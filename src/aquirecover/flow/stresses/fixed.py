"""Heads that are given, and barriers between cells."""

from __future__ import annotations

from typing import final

from numpy.typing import ArrayLike

from aquirecover.flow.arrays import cells_of, column_of, series_of


@final
class FixedHead:
    """Cells whose head is given; it may differ from period to period.

    Parameters
    ----------
    cell : array_like of int
        Shape ``(n,)``.
    head : array_like
        Shape ``(n,)`` or ``(n_period, n)``; m.
    """

    kind = "fixed_head"

    def __init__(self, cell: ArrayLike, head: ArrayLike, name: str = "fixed_head") -> None:
        self.name = name
        self.cell = cells_of(cell, f"{name}.cell")
        self.head = series_of(head, int(self.cell.size), f"{name}.head")


@final
class FlowBarrier:
    """A thin vertical barrier between neighbouring cells of a layer.

    Parameters
    ----------
    cell, neighbour : array_like of int
        The cells on both sides, shape ``(n,)``; neighbours along x or y in one layer.
    hydraulic_characteristic : array_like
        Conductivity of the barrier over its width, shape ``(n,)``; 1/d.
    """

    kind = "flow_barrier"

    def __init__(
        self, cell: ArrayLike, neighbour: ArrayLike, hydraulic_characteristic: ArrayLike, name: str = "flow_barrier"
    ) -> None:
        self.name = name
        self.cell = cells_of(cell, f"{name}.cell")
        self.neighbour = cells_of(neighbour, f"{name}.neighbour")
        label = f"{name}.hydraulic_characteristic"
        self.hydraulic_characteristic = column_of(hydraulic_characteristic, int(self.cell.size), label)
