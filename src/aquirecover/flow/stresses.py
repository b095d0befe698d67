"""Stresses: each is one class and one formula, from which both its linear terms and its budget follow.

A stress acts on `n` cells. Its `flow` returns the water that enters each cell, m³/d, and the derivative of that flow with
respect to the head of the cell, m²/d, which is never positive. A rate that varies in time has shape ``(n_period, n)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray, cells_of, column_of, series_of
from aquirecover.flow.grid import Grid

# A pumped convertible cell delivers less when its saturated thickness is below this share of the cell (MODFLOW 6 default).
FLOW_REDUCTION = 0.1


@dataclass(frozen=True, eq=False)
class Cells:
    """Geometry of all cells by flat number, shape ``(n_cell,)``: what a stress may need to know of its cells.

    All layers have the areas of the first, `plan_area`.
    """

    bottom: FloatArray
    thickness: FloatArray
    plan_area: FloatArray
    convertible: BoolArray

    def area(self, cell: IntArray) -> FloatArray:
        """Return the plan area of cells, m²."""
        return self.plan_area[cell % self.plan_area.size]


def in_period(series: FloatArray, period: int) -> FloatArray:
    """Return the values of a series in one period, shape ``(n,)``, whether it varies in time or not."""
    return series[period] if series.ndim == 2 else series


@dataclass(frozen=True, eq=False)
class Ramp:
    """An inflow that falls with the head between two heads, and is constant beyond them.

    Of each cell ``source + slope (datum − min(max(h, low), high))``; arrays of shape ``(n,)``, what is None is left out. The
    compiled loops of `ramps` evaluate those of all stresses at once.

    Parameters
    ----------
    source : ndarray, optional
        m³/d.
    slope, datum : ndarray, optional
        m²/d and m.
    low, high : ndarray, optional
        m.
    """

    source: FloatArray | None = None
    slope: FloatArray | None = None
    datum: FloatArray | None = None
    low: FloatArray | None = None
    high: FloatArray | None = None

    def flow(self, head: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return inflow, m³/d, and its derivative with respect to head, m²/d; `head` has shape ``(n,)``."""
        nothing = np.zeros_like(head)
        source = nothing if self.source is None else self.source
        if self.slope is None or self.datum is None:
            return source, nothing
        inside, derivative = head, -self.slope
        if self.low is not None:
            inside, derivative = np.maximum(inside, self.low), np.where(head > self.low, derivative, 0.0)
        if self.high is not None:
            inside, derivative = np.minimum(inside, self.high), np.where(head < self.high, derivative, 0.0)
        return source + self.slope * (self.datum - inside), derivative


class Stress(ABC):
    """Base of the stresses that add water to cells or take it.

    Attributes
    ----------
    kind : str
        The class of term in the budget: ``wells``, ``river``, ….
    name : str
        Unique in a problem; the term of the budget.
    cell : ndarray of int
        Flat cell numbers, shape ``(n,)``.
    """

    kind: ClassVar[str]
    name: str
    cell: IntArray

    def __init__(self, name: str, cell: ArrayLike) -> None:
        self.name = name
        self.cell = cells_of(cell, f"{name}.cell")

    @property
    def n(self) -> int:
        """Number of cells (or, for wells, of screened cells)."""
        return int(self.cell.size)

    @abstractmethod
    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return inflow, m³/d, and its derivative with respect to head, m²/d; `head` has shape ``(n,)``."""

    def ramp(self, period: int, cells: Cells) -> Ramp | None:
        """Return the flow as a `Ramp`, or None where it is not of that form: such a problem is marched on its own."""
        return None

    @abstractmethod
    def values(self) -> Mapping[str, FloatArray]:
        """Return the arrays of the stress by their names, for checks and for other engines."""

    def inputs(self) -> Mapping[str, FloatArray]:
        """Return the arrays by which the flow may be differentiated, by their names: its `values`, and what else it has."""
        return self.values()

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the derivatives of the inflow with respect to its `inputs`, by their names, each of shape ``(n,)``.

        They are those of the branch that `flow` takes. Without them a stress has its part in every sensitivity all the same; only
        those with respect to its own arrays are refused.
        """
        return {}

    def columns(self, name: str) -> IntArray:
        """Return the column of one of the `inputs` that each connection reads, shape ``(n,)``."""
        return np.arange(self.n)

    def holds_head(self) -> bool:
        """Tell whether the stress ties the head to a level, so that a steady problem has one solution."""
        return False


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
