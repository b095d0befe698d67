"""Boundaries whose flow follows the head: rivers, drains and general heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import FloatArray, series_of
from aquirecover.flow.stresses.base import Cells, Ramp, Stress, in_period


@final
class River(Stress):
    """A river that exchanges water through its bed: ``C (stage − max(h, bottom_elevation))``.

    Parameters
    ----------
    cell : array_like of int
        Shape ``(n,)``.
    stage, bottom_elevation : array_like
        Water level and bottom of the bed, shape ``(n,)`` or ``(n_period, n)``; m.
    conductance : array_like
        Of the bed, same shapes; m²/d.
    """

    kind = "river"

    def __init__(
        self, cell: ArrayLike, stage: ArrayLike, conductance: ArrayLike, bottom_elevation: ArrayLike, name: str = "river"
    ) -> None:
        super().__init__(name, cell)
        self.stage = series_of(stage, self.n, f"{name}.stage")
        self.conductance = series_of(conductance, self.n, f"{name}.conductance")
        self.bottom_elevation = series_of(bottom_elevation, self.n, f"{name}.bottom_elevation")

    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return the flow of the `ramp`; see `Stress.flow`."""
        return self.ramp(period, cells).flow(head)

    def ramp(self, period: int, cells: Cells) -> Ramp:
        """Return the leakage through the bed, constant below its bottom."""
        bottom, stage = in_period(self.bottom_elevation, period), in_period(self.stage, period)
        return Ramp(slope=in_period(self.conductance, period), datum=stage, low=bottom)

    def values(self) -> Mapping[str, FloatArray]:
        """Return ``stage``, ``conductance`` and ``bottom_elevation``."""
        return {"stage": self.stage, "conductance": self.conductance, "bottom_elevation": self.bottom_elevation}

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the derivatives of the leakage; see `Stress.derivatives`."""
        bottom, c = in_period(self.bottom_elevation, period), in_period(self.conductance, period)
        return {
            "stage": c,
            "conductance": in_period(self.stage, period) - np.maximum(head, bottom),
            "bottom_elevation": np.where(head > bottom, 0.0, -c),
        }

    def holds_head(self) -> bool:
        """Tell whether the bed conducts and so ties the head to its stage."""
        return bool(np.any(self.conductance > 0.0))


@final
class Drain(Stress):
    """A drain that takes water above its elevation: ``−C max(h − elevation, 0)``.

    Parameters
    ----------
    cell : array_like of int
        Shape ``(n,)``.
    elevation : array_like
        Shape ``(n,)`` or ``(n_period, n)``; m.
    conductance : array_like
        Same shapes; m²/d.
    """

    kind = "drain"

    def __init__(self, cell: ArrayLike, elevation: ArrayLike, conductance: ArrayLike, name: str = "drain") -> None:
        super().__init__(name, cell)
        self.elevation = series_of(elevation, self.n, f"{name}.elevation")
        self.conductance = series_of(conductance, self.n, f"{name}.conductance")

    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return the flow of the `ramp`; see `Stress.flow`."""
        return self.ramp(period, cells).flow(head)

    def ramp(self, period: int, cells: Cells) -> Ramp:
        """Return the outflow above the elevation, negative."""
        elevation = in_period(self.elevation, period)
        return Ramp(slope=in_period(self.conductance, period), datum=elevation, low=elevation)

    def values(self) -> Mapping[str, FloatArray]:
        """Return ``elevation`` and ``conductance``."""
        return {"elevation": self.elevation, "conductance": self.conductance}

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the derivatives of the outflow, none while the drain is dry; see `Stress.derivatives`."""
        c, above = in_period(self.conductance, period), head - in_period(self.elevation, period)
        return {"elevation": np.where(above > 0.0, c, 0.0), "conductance": -np.maximum(above, 0.0)}

    def holds_head(self) -> bool:
        """Tell whether the drain conducts; one that runs dry holds nothing, and the solver then refuses."""
        return bool(np.any(self.conductance > 0.0))


@final
class GeneralHead(Stress):
    """A boundary tied to an outer head through a conductance: ``C (boundary_head − h)``.

    Parameters
    ----------
    cell : array_like of int
        Shape ``(n,)``.
    boundary_head : array_like
        Shape ``(n,)`` or ``(n_period, n)``; m.
    conductance : array_like
        Same shapes; m²/d.
    """

    kind = "general_head"

    def __init__(self, cell: ArrayLike, boundary_head: ArrayLike, conductance: ArrayLike, name: str = "general_head") -> None:
        super().__init__(name, cell)
        self.boundary_head = series_of(boundary_head, self.n, f"{name}.boundary_head")
        self.conductance = series_of(conductance, self.n, f"{name}.conductance")

    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return the flow of the `ramp`; see `Stress.flow`."""
        return self.ramp(period, cells).flow(head)

    def ramp(self, period: int, cells: Cells) -> Ramp:
        """Return the exchange with the outer head."""
        return Ramp(slope=in_period(self.conductance, period), datum=in_period(self.boundary_head, period))

    def values(self) -> Mapping[str, FloatArray]:
        """Return ``boundary_head`` and ``conductance``."""
        return {"boundary_head": self.boundary_head, "conductance": self.conductance}

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the derivatives of the exchange; see `Stress.derivatives`."""
        return {
            "boundary_head": in_period(self.conductance, period),
            "conductance": in_period(self.boundary_head, period) - head,
        }

    def holds_head(self) -> bool:
        """Tell whether the boundary conducts and so ties the head."""
        return bool(np.any(self.conductance > 0.0))
