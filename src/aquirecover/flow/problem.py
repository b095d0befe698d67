"""The two contracts between the parts of the program: `Problem` holds all inputs of a simulation, `FlowResult` all outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Cells, FixedHead, FlowBarrier, Stress, Wells

# Flows of a step that are smaller than this many times the rounding of its heads cannot be told from none.
ROUNDING_FLOWS = 1e6


@dataclass(frozen=True, eq=False)
class Observations:
    """Points at which the head of every step is kept.

    Parameters
    ----------
    names : tuple of str
        Unique.
    cell : ndarray of int
        Flat cell numbers, shape ``(n_observation,)``.
    measured : mapping
        Measured heads by name of the point: times in days and heads in metres, each of shape ``(n,)``.
    """

    names: tuple[str, ...] = ()
    cell: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    measured: Mapping[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Zones:
    """Parts of the model with a water budget of their own, as district × aquifer.

    Parameters
    ----------
    names : tuple of str
        Unique.
    index : ndarray of int
        Zone of each cell, shape ``(n_layer, n_y, n_x)``; -1 in no zone.
    """

    names: tuple[str, ...]
    index: IntArray


@dataclass(frozen=True, eq=False)
class Context:
    """What people need to read the results; a simulator never looks at it.

    Parameters
    ----------
    title : str
        Of the scenario.
    crs : str
        Coordinate reference system, as ``EPSG:3405``; empty when unknown.
    restriction_start : float
        Time from which the restriction holds, d; NaN when there is none.
    layer_aquifer : tuple of str
        Aquifer that each layer belongs to; empty for an aquitard.
    ground : ndarray or None
        Ground surface, shape ``(n_y, n_x)``; m.
    head_limit : ndarray or None
        Lowest head that the law allows, shape ``(n_layer, n_y, n_x)``, NaN where none; m.
    map_lines : mapping of str to tuple of ndarray
        Lines to draw on maps by class (``district``, ``river``, ``coast``), each of shape ``(n, 2)``; m.
    areas : mapping of str to ndarray of bool
        Named areas in plan (districts), shape ``(n_y, n_x)``.
    restriction_log : tuple of str
        Each effective change by a rule or override, old → new.
    warnings : tuple of str
        Things that a person should know before trusting the result.
    manifest : mapping of str to str
        Resolved configuration and checksums of inputs, as text.
    """

    title: str = ""
    crs: str = ""
    restriction_start: float = float("nan")
    layer_aquifer: tuple[str, ...] = ()
    ground: FloatArray | None = None
    head_limit: FloatArray | None = None
    map_lines: Mapping[str, tuple[FloatArray, ...]] = field(default_factory=dict)
    areas: Mapping[str, np.ndarray] = field(default_factory=dict)
    restriction_log: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    manifest: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Problem:
    """All inputs of a simulation, on the grid, in metres and days.

    Parameters
    ----------
    name : str
        Short name of the run.
    grid, properties, schedule
        See their classes.
    initial_head : ndarray
        Shape ``(n_layer, n_y, n_x)``; m. A first guess where the first period is steady.
    stresses : tuple of Stress
        With unique names; a name is a term of the budget.
    fixed_heads : tuple of FixedHead
        With unique names.
    barriers : tuple of FlowBarrier
        Horizontal flow barriers.
    observations, zones, context
        See their classes.
    """

    name: str
    grid: Grid
    properties: AquiferProperties
    schedule: Schedule
    initial_head: FloatArray
    stresses: tuple[Stress, ...] = ()
    fixed_heads: tuple[FixedHead, ...] = ()
    barriers: tuple[FlowBarrier, ...] = ()
    observations: Observations = field(default_factory=Observations)
    zones: Zones | None = None
    context: Context = field(default_factory=Context)

    @property
    def wells(self) -> tuple[Wells, ...]:
        """The stresses that are wells."""
        return tuple(stress for stress in self.stresses if isinstance(stress, Wells))

    @property
    def terms(self) -> tuple[str, ...]:
        """Terms of the water budget: ``storage``, then the stresses, then the fixed heads."""
        return ("storage", *(s.name for s in self.stresses), *(f.name for f in self.fixed_heads))

    @property
    def layer_aquifers(self) -> tuple[str, ...]:
        """Aquifer of each layer, empty for an aquitard; the layers' own names where the model names no aquifers."""
        names = self.context.layer_aquifer
        return names if any(names) else tuple(self.grid.layer_names)

    def cells(self) -> Cells:
        """Return the geometry of all cells by flat number."""
        convertible = self.properties.convertible & self.grid.active
        return Cells(self.grid.bottom.ravel(), self.grid.thickness.ravel(), self.grid.area.ravel(), convertible.ravel())


@dataclass(frozen=True)
class StepReport:
    """How one time step was solved.

    Parameters
    ----------
    step, period : int
        From 0.
    time : float
        End of the step, d.
    outer, inner : int
        Newton and linear iterations, of all substeps.
    substeps : int
        Parts into which the step was cut so that it converged; 1 when it was not cut.
    residual : float
        Sum of the absolute residuals over the flow through the model; 1.
    largest_change : float
        Largest head change of the last Newton iteration, m.
    budget_error : float
        ``|in − out| / max(in, out)``; 1.
    """

    step: int
    period: int
    time: float
    outer: int
    inner: int
    substeps: int
    residual: float
    largest_change: float
    budget_error: float


@dataclass(frozen=True, eq=False)
class Budget:
    """Water budget of every step, by term, layer and zone; rates ≥ 0, m³/d, means over the step.

    A part is a layer, or a zone with the rest of the model as its last entry.

    Parameters
    ----------
    terms : tuple of str
        ``storage`` first; ``inflow`` of storage is water released.
    inflow, outflow : ndarray
        Into and out of the model, shape ``(n_step, n_term)``.
    layer_inflow, layer_outflow : ndarray
        Shape ``(n_step, n_layer, n_term)``.
    layer_exchange : ndarray
        Flow from one layer to another, shape ``(n_step, n_layer, n_layer)``, from the second axis to the third.
    zone_names : tuple of str
        The zones and, last, ``rest``; empty when the problem has no zones.
    zone_inflow, zone_outflow, zone_exchange : ndarray
        As for layers.
    rounding : ndarray, optional
        Imbalance that rounding of the heads alone may leave, shape ``(n_step,)``; m³/d.
    """

    terms: tuple[str, ...]
    inflow: FloatArray
    outflow: FloatArray
    layer_inflow: FloatArray
    layer_outflow: FloatArray
    layer_exchange: FloatArray
    zone_names: tuple[str, ...]
    zone_inflow: FloatArray
    zone_outflow: FloatArray
    zone_exchange: FloatArray
    rounding: FloatArray | None = None

    @property
    def error(self) -> FloatArray:
        """``|in − out| / max(in, out)`` of each step, shape ``(n_step,)``; 1.

        Flows below a million times what rounding leaves count as that much: a model at rest has no error.
        """
        total_in, total_out = self.inflow.sum(axis=1), self.outflow.sum(axis=1)
        largest, gap = np.maximum(total_in, total_out), np.abs(total_in - total_out)
        if self.rounding is not None:
            largest = np.maximum(largest, ROUNDING_FLOWS * self.rounding)
        # unequal, so that a flow that is not finite does not pass as one that closes
        with np.errstate(invalid="ignore"):
            error: FloatArray = np.divide(gap, largest, out=np.zeros_like(largest), where=largest != 0.0)
        return error


@dataclass(frozen=True, eq=False)
class FlowResult:
    """All outputs of a simulation.

    Parameters
    ----------
    problem : Problem
        What was simulated.
    engine : str
        ``native`` or ``modflow6``, with its version.
    saved_step : ndarray of int
        Steps whose heads are kept, from 0, shape ``(n_saved,)``.
    head : ndarray
        Head at the end of the saved steps, shape ``(n_saved, n_layer, n_y, n_x)``, NaN outside active cells; m.
    observation_head : ndarray
        Head at the observation points at the end of each step, shape ``(n_step, n_observation)``; m.
    pumping_rate, pumping_rate_actual : ndarray
        Requested and delivered pumping of all wells in the order of `Problem.wells`, shape ``(n_step, n_well)``, means
        over the step; m³/d.
    budget : Budget
        Of every step.
    reports : tuple of StepReport
        Of every step.
    elapsed : float
        Wall time of the simulation, s.
    """

    problem: Problem
    engine: str
    saved_step: IntArray
    head: FloatArray
    observation_head: FloatArray
    pumping_rate: FloatArray
    pumping_rate_actual: FloatArray
    budget: Budget
    reports: tuple[StepReport, ...]
    elapsed: float

    @property
    def time(self) -> FloatArray:
        """Times of the saved heads, shape ``(n_saved,)``, d."""
        return self.problem.schedule.step_time[self.saved_step]
