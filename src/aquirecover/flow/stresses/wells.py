"""Wells, and the cells that their screens cross."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import FloatArray, IntArray, cells_of, column_of, series_of
from aquirecover.flow.grid import Grid
from aquirecover.flow.stresses.base import Cells, Ramp, Stress, in_period

# A pumped convertible cell delivers less when its saturated thickness is below this share of the cell (MODFLOW 6 default).
FLOW_REDUCTION = 0.1


@final
class Wells(Stress):
    """Wells that pump or inject, each open to one cell or, with a screen, to several.

    Parameters
    ----------
    cell : array_like of int
        Cell of each connection, shape ``(n,)``.
    pumping_rate : array_like
        Rate taken, ≥ 0, shape ``(n_well,)`` or ``(n_period, n_well)``; m³/d.
    injection_rate : array_like, optional
        Rate put in, ≥ 0, same shapes; m³/d.
    names : sequence of str, optional
        ``W1``, ``W2``, … by default.
    well : array_like of int, optional
        Well of each connection, from 0; one connection a well by default.
    fraction : array_like, optional
        Share of the well's rate that each connection carries; sums to 1 over a well.
    attributes : mapping of str to sequence of str, optional
        Labels of the wells for people: ``district``, ``aquifer``, ``user_type``, …; each of length `n_well`.
    flow_reduction : float, optional
        Share of the thickness of a convertible cell below which its pumping fades smoothly to none when it is empty:
        ``3 s² − 2 s³`` with ``s = (h − bottom) / (flow_reduction · thickness)``, as AUTO_FLOW_REDUCE of MODFLOW 6.
    """

    kind = "wells"

    def __init__(
        self,
        cell: ArrayLike,
        pumping_rate: ArrayLike = 0.0,
        injection_rate: ArrayLike = 0.0,
        names: tuple[str, ...] | list[str] | None = None,
        well: ArrayLike | None = None,
        fraction: ArrayLike = 1.0,
        attributes: Mapping[str, tuple[str, ...]] | None = None,
        flow_reduction: float = FLOW_REDUCTION,
        name: str = "wells",
    ) -> None:
        super().__init__(name, cell)
        self.well = cells_of(np.arange(self.n) if well is None else well, f"{name}.well")
        n_well = int(self.well.max()) + 1 if self.n else 0
        self.names = tuple(f"W{i + 1}" for i in range(n_well)) if names is None else tuple(names)
        if self.well.size != self.n or n_well > len(self.names):
            numbers = f"{self.n} connections, {self.well.size} well numbers and {len(self.names)} names"
            raise ValueError(f"{name}: {numbers} do not fit.")
        if self.n and int(self.well.min()) < 0:
            raise ValueError(f"{name}.well holds {int(self.well.min())}: wells are numbered from 0.")
        self.pumping_rate = series_of(pumping_rate, len(self.names), f"{name}.pumping_rate")
        self.injection_rate = series_of(injection_rate, len(self.names), f"{name}.injection_rate")
        self.fraction = column_of(fraction, self.n, f"{name}.fraction")
        self.attributes = {key: tuple(labels) for key, labels in (attributes or {}).items()}
        self.flow_reduction = float(flow_reduction)

    def with_rates(self, pumping_rate: ArrayLike, injection_rate: ArrayLike = 0.0) -> Wells:
        """Return the same wells with other rates; shapes as given to the class."""
        result = copy(self)
        result.pumping_rate = series_of(pumping_rate, len(self.names), f"{self.name}.pumping_rate")
        result.injection_rate = series_of(injection_rate, len(self.names), f"{self.name}.injection_rate")
        return result

    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return injection less delivered pumping of each connection; see `Stress.flow`."""
        share, slope = self._delivery(head, cells)
        pumped = in_period(self.pumping_rate, period)[self.well] * self.fraction
        injected = in_period(self.injection_rate, period)[self.well] * self.fraction
        return injected - share * pumped, -slope * pumped

    def ramp(self, period: int, cells: Cells) -> Ramp | None:
        """Return injection less pumping, which are delivered in full unless a cell is convertible."""
        if cells.convertible[self.cell].any():
            return None
        net = in_period(self.injection_rate, period) - in_period(self.pumping_rate, period)
        return Ramp(source=net[self.well] * self.fraction)

    def values(self) -> Mapping[str, FloatArray]:
        """Return ``pumping_rate`` and ``injection_rate``, one column a well."""
        return {"pumping_rate": self.pumping_rate, "injection_rate": self.injection_rate}

    def inputs(self) -> Mapping[str, FloatArray]:
        """Return the rates, one column a well, and the ``fraction`` of each connection."""
        return {**self.values(), "fraction": self.fraction}

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the derivatives of what each connection puts in; see `Stress.derivatives`."""
        share, _ = self._delivery(head, cells)
        pumped, injected = (in_period(rate, period)[self.well] for rate in (self.pumping_rate, self.injection_rate))
        return {
            "pumping_rate": -share * self.fraction,
            "injection_rate": self.fraction,
            "fraction": injected - share * pumped,
        }

    def columns(self, name: str) -> IntArray:
        """Return the well of each connection, or for ``fraction`` the connection itself."""
        return np.arange(self.n) if name == "fraction" else self.well

    def delivered(self, flow: FloatArray, period: int) -> FloatArray:
        """Return the pumping each well really delivers when `flow` enters its connections, shape ``(n_well,)``, m³/d."""
        pumped = in_period(self.injection_rate, period)[self.well] * self.fraction - flow
        return np.bincount(self.well, weights=pumped, minlength=len(self.names)).astype(np.float64)

    def _delivery(self, head: FloatArray, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return the delivered share of the rate of each connection and its derivative, 1 and 1/m."""
        depth = self.flow_reduction * cells.thickness[self.cell]
        fades = cells.convertible[self.cell] & (depth > 0.0)
        depth = np.where(fades, depth, 1.0)
        s = np.where(fades, np.clip((head - cells.bottom[self.cell]) / depth, 0.0, 1.0), 1.0)
        return s * s * (3.0 - 2.0 * s), 6.0 * s * (1.0 - s) / depth


def split_screens(
    grid: Grid, k: FloatArray, x: ArrayLike, y: ArrayLike, screen_top: ArrayLike, screen_bottom: ArrayLike
) -> tuple[IntArray, IntArray, FloatArray]:
    """Connect screened wells to the active cells that their screens cross, in proportion to transmissivity.

    Parameters
    ----------
    k : ndarray
        Horizontal conductivity, shape ``(n_layer, n_y, n_x)``; m/d.
    x, y, screen_top, screen_bottom : array_like
        Shape ``(n_well,)``; m.

    Returns
    -------
    well, cell : ndarray of int
        Well and flat cell of each connection, shape ``(n,)``. A well with no active cell on its screen has none.
    fraction : ndarray
        Share of the well's rate, k times screened thickness over their sum, shape ``(n,)``.
    """
    n_layer = grid.shape[0]
    given = (np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in (x, y, screen_top, screen_bottom))
    px, py, upper, lower = np.broadcast_arrays(*given)
    cell = np.stack([grid.locate(px, py, layer) for layer in range(n_layer)], axis=1)
    inside = cell >= 0
    safe = np.where(inside, cell, 0)
    top, bottom = grid.layer_top.ravel()[safe], grid.bottom.ravel()[safe]
    length = np.clip(np.minimum(top, upper[:, None]) - np.maximum(bottom, lower[:, None]), 0.0, None)
    weight = np.where(inside & grid.active.ravel()[safe], length * k.ravel()[safe], 0.0)
    total = weight.sum(axis=1)
    well, layer = np.nonzero(weight)
    return well.astype(np.int64), cell[well, layer], weight[well, layer] / total[well]
