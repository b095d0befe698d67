"""Water budget by term, layer and zone; a step that does not close is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aquirecover.errors import BudgetError
from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.assembly import Balance, FlowSystem
from aquirecover.flow.faces import Faces
from aquirecover.flow.problem import ROUNDING_FLOWS, Budget


class BudgetRecorder:
    """Adds up the flows of every step.

    Parameters
    ----------
    system : FlowSystem
        The equations, whose formulas give the flows.
    tolerance : float
        Largest ``|in − out| / max(in, out)`` of a step; 1.
    """

    def __init__(self, system: FlowSystem, tolerance: float) -> None:
        self.system = system
        self.tolerance = tolerance
        problem = system.problem
        n_layer, n_step, n_term = problem.grid.shape[0], problem.schedule.n_step, len(problem.terms)
        self._fixed, self._fixed_term, of_fixed = _faces_of_fixed_heads(system)
        cell, plane = system.connections.cell, problem.grid.n_cell // n_layer
        self._layers = _Part(cell // plane, of_fixed // plane, n_layer, n_step, n_term)
        self._upper, self._lower = np.arange(n_layer - 1), np.arange(1, n_layer)
        self._rounding = np.zeros(n_step)
        self._zones: list[_Zones] = []
        if problem.zones is not None:
            index = np.where(problem.zones.index < 0, len(problem.zones.names), problem.zones.index)
            zone, names = index.ravel(), (*problem.zones.names, "rest")
            part = _Part(zone[cell], zone[of_fixed], len(names), n_step, n_term)
            faces = faces_between(index, system.faces)
            self._zones = [_Zones(names, zone, part, faces, zone[faces.cell], zone[faces.beyond])]

    def add(self, step: int, balance: Balance, share: float) -> None:
        """Add the flows of an interval that makes up a share of a step.

        Flows follow from the heads at the end of the interval, as the implicit scheme has them.
        """
        system, layers = self.system, self._layers
        self._rounding[step] = max(self._rounding[step], balance.rounding)
        layers.inflow[step, :, 0] += share * balance.released
        layers.outflow[step, :, 0] += share * balance.taken
        layers.exchange[step, self._lower, self._upper] += share * balance.rising[:-1]
        layers.exchange[step, self._upper, self._lower] += share * balance.falling[:-1]
        fixed = self._fixed.flow(system, balance)
        for part in (layers, *(zones.part for zones in self._zones)):
            inflow, outflow = part.inflow[step], part.outflow[step]
            kernels.term_sums(part.of_connection, system.connections.term, balance.flow, share, inflow, outflow)
            kernels.term_sums(part.of_fixed, self._fixed_term, fixed, share, inflow, outflow)
        for zones in self._zones:
            if not balance.interval.steady:
                release, _ = system.storage_flow(balance.state, balance.interval)
                part = zones.part
                kernels.storage_sums(zones.zone, release.ravel(), share, part.inflow[step], part.outflow[step])
            flow = zones.faces.flow(system, balance)
            kernels.exchange_sums(flow, zones.near, zones.far, share, zones.part.exchange[step])

    def close(self, step: int) -> float:
        """Return the budget error of a step.

        Raises
        ------
        BudgetError
            When it is above the tolerance and not explained by rounding.
        """
        layers = self._layers
        inflow, outflow = layers.inflow[step].sum(axis=0), layers.outflow[step].sum(axis=0)
        total_in, total_out = float(inflow.sum()), float(outflow.sum())
        largest, gap = max(total_in, total_out), abs(total_in - total_out)
        largest = max(largest, ROUNDING_FLOWS * float(self._rounding[step]))
        error = gap / largest if largest != 0.0 else 0.0
        if not np.isfinite(error) or error > self.tolerance:
            raise BudgetError(self._failure(step, inflow, outflow, error))
        return error

    def _failure(self, step: int, inflow: FloatArray, outflow: FloatArray, error: float) -> str:
        terms = self.system.problem.terms
        flows = ", ".join(f"{t} {i:.4g} in {o:.4g} out" for t, i, o in zip(terms, inflow, outflow, strict=True) if i or o)
        schedule = self.system.problem.schedule
        return (
            f"Period {schedule.step_period[step] + 1}, step {step + 1} (day {schedule.step_time[step]:g}): the water budget "
            f"does not close, |in − out| / max(in, out) = {error:.3g}: must be {self.tolerance:g} or less (m3/d: {flows}). "
            "Use a smaller newton.tolerance or linear.method: direct."
        )

    def result(self) -> Budget:
        """Return the budget of all steps."""
        layers = self._layers
        n_step, _, n_term = layers.inflow.shape
        none = np.zeros(0, dtype=np.int64)
        zones = self._zones[0].part if self._zones else _Part(none, none, 0, n_step, n_term)
        return Budget(
            self.system.problem.terms,
            layers.inflow.sum(axis=1),
            layers.outflow.sum(axis=1),
            layers.inflow,
            layers.outflow,
            layers.exchange,
            self._zones[0].names if self._zones else (),
            zones.inflow,
            zones.outflow,
            zones.exchange,
            self._rounding,
        )


class FaceList:
    """Some faces between cells, and the flow through them.

    Parameters
    ----------
    cell, axis : ndarray of int
        First cell of each face, and the axis along which its neighbour lies.
    beyond : ndarray of int
        The neighbour.
    """

    def __init__(self, cell: IntArray, axis: IntArray, beyond: IntArray) -> None:
        self.cell = cell
        self.axis = axis
        self.beyond = beyond
        self.sign = np.ones(cell.size)
        self._flow = np.empty(cell.size)

    def flow(self, system: FlowSystem, balance: Balance) -> FloatArray:
        """Return the flow into the first cell of each face times its `sign`, m³/d; the next call takes the same array."""
        state = balance.state
        kernels.face_flows(state.head, state.saturation, system.faces, self.cell, self.axis, self.sign, self._flow)
        return self._flow


def faces_between(part: NDArray[Any], faces: Faces) -> FaceList:
    """Return the open faces between parts of the model, of which each cell has a number or a flag."""
    found = []
    for axis, c in enumerate((faces.cz, faces.cy, faces.cx)):
        near, far = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
        parted = np.zeros(part.shape, dtype=bool)
        parted[near] = (part[near] != part[far]) & (c[near] > 0.0)
        cell = np.flatnonzero(parted)
        found.append((cell, np.full(cell.size, axis), cell + int(np.prod(part.shape[axis + 1 :]))))
    return FaceList(*(np.concatenate(arrays).astype(np.int64) for arrays in zip(*found, strict=True)))


def _faces_of_fixed_heads(system: FlowSystem) -> tuple[FaceList, IntArray, IntArray]:
    """Return the faces of fixed heads, flow into the model counted positive, and the term and the fixed cell of each."""
    problem = system.problem
    faces = faces_between(system.fixed, system.faces)
    first = system.fixed.ravel()[faces.cell]
    faces.sign[first] = -1.0
    fixed_cell = np.where(first, faces.cell, faces.beyond)
    term = np.zeros(fixed_cell.size, dtype=np.int64)
    for number, boundary in enumerate(problem.fixed_heads, 1 + len(problem.stresses)):
        term[np.isin(fixed_cell, boundary.cell)] = number
    return faces, term, fixed_cell


@dataclass(frozen=True, eq=False)
class _Zones:
    """Zones and their budgets: names, zone of each cell (flat), faces between zones and the zones on both sides."""

    names: tuple[str, ...]
    zone: IntArray
    part: _Part
    faces: FaceList
    near: IntArray
    far: IntArray


class _Part:
    """A partition of the model: the part of each connection and of each face of a fixed head, and its flows.

    Those of terms have shape ``(n_step, n_part, n_term)``.
    """

    def __init__(self, of_connection: IntArray, of_fixed: IntArray, n_part: int, n_step: int, n_term: int) -> None:
        self.of_connection = of_connection
        self.of_fixed = of_fixed
        self.inflow = np.zeros((n_step, n_part, n_term))
        self.outflow = np.zeros((n_step, n_part, n_term))
        self.exchange = np.zeros((n_step, n_part, n_part))
