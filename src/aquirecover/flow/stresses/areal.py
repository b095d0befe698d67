"""Water that falls on an area or evaporates from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import FloatArray, series_of
from aquirecover.flow.stresses.base import Cells, Ramp, Stress, in_period


@final
class Recharge(Stress):
    """Water that reaches the water table.

    Parameters
    ----------
    cell : array_like of int
        Shape ``(n,)``.
    recharge_rate : array_like
        Positive down, shape ``(n,)`` or ``(n_period, n)``; m/d.
    """

    kind = "recharge"

    def __init__(self, cell: ArrayLike, recharge_rate: ArrayLike, name: str = "recharge") -> None:
        super().__init__(name, cell)
        self.recharge_rate = series_of(recharge_rate, self.n, f"{name}.recharge_rate")

    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return the flow of the `ramp`; see `Stress.flow`."""
        return self.ramp(period, cells).flow(head)

    def ramp(self, period: int, cells: Cells) -> Ramp:
        """Return rate times area."""
        return Ramp(source=in_period(self.recharge_rate, period) * cells.area(self.cell))

    def values(self) -> Mapping[str, FloatArray]:
        """Return ``recharge_rate``."""
        return {"recharge_rate": self.recharge_rate}

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the area; see `Stress.derivatives`."""
        return {"recharge_rate": cells.area(self.cell)}


@final
class Evapotranspiration(Stress):
    """Evapotranspiration: the full rate above a surface, none below its extinction depth, linear between.

    Parameters
    ----------
    cell : array_like of int
        Shape ``(n,)``.
    surface : array_like
        Shape ``(n,)`` or ``(n_period, n)``; m.
    rate : array_like
        Largest rate, ≥ 0, same shapes; m/d.
    extinction_depth : array_like
        Same shapes; m.
    """

    kind = "evapotranspiration"

    def __init__(
        self, cell: ArrayLike, surface: ArrayLike, rate: ArrayLike, extinction_depth: ArrayLike, name: str = "evapotranspiration"
    ) -> None:
        super().__init__(name, cell)
        self.surface = series_of(surface, self.n, f"{name}.surface")
        self.rate = series_of(rate, self.n, f"{name}.rate")
        self.extinction_depth = series_of(extinction_depth, self.n, f"{name}.extinction_depth")

    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return the flow of the `ramp`; see `Stress.flow`."""
        return self.ramp(period, cells).flow(head)

    def ramp(self, period: int, cells: Cells) -> Ramp:
        """Return the water lost, negative."""
        depth, surface = in_period(self.extinction_depth, period), in_period(self.surface, period)
        lowest = surface - depth
        most = in_period(self.rate, period) * cells.area(self.cell)
        return Ramp(slope=most / depth, datum=lowest, low=lowest, high=surface)

    def values(self) -> Mapping[str, FloatArray]:
        """Return ``surface``, ``rate`` and ``extinction_depth``."""
        return {"surface": self.surface, "rate": self.rate, "extinction_depth": self.extinction_depth}

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the derivatives of the water lost; see `Stress.derivatives`."""
        depth, area = in_period(self.extinction_depth, period), cells.area(self.cell)
        below = in_period(self.surface, period) - head
        share = 1.0 - below / depth
        # what is lost in a metre, between the extinction depth and the surface
        slope = np.where((share > 0.0) & (share < 1.0), in_period(self.rate, period) * area / depth, 0.0)
        return {"surface": slope, "rate": -area * np.clip(share, 0.0, 1.0), "extinction_depth": -slope * below / depth}

    def holds_head(self) -> bool:
        """Tell whether any water is lost; below the extinction depth nothing is held, and the solver then refuses."""
        return bool(np.any(self.rate > 0.0))
