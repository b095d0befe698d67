"""Water budget by term, layer and zone; a step that does not close is refused."""

from __future__ import annotations

import numpy as np

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
        n_layer, n_y, n_x = problem.grid.shape
        n_step, n_term = problem.schedule.n_step, len(problem.terms)
        self._fixed_cell = np.concatenate([np.zeros(0, dtype=np.int64), *(boundary.cell for boundary in problem.fixed_heads)])
        sizes = [boundary.cell.size for boundary in problem.fixed_heads]
        self._fixed_term = np.repeat(np.arange(1 + len(problem.stresses), n_term), sizes)
        self._gain, self._loss = np.zeros((2, self._fixed_cell.size))
        cell, plane = system.connections.cell, n_y * n_x
        self._layers = _Part(cell // plane, self._fixed_cell // plane, n_layer, n_step, n_term)
        self._upper, self._lower = np.arange(n_layer - 1), np.arange(1, n_layer)
        self._rounding = np.zeros(n_step)
        self._zones: list[_Part] = []
        self._zone_names: tuple[str, ...] = ()
        self._zone = np.zeros(0, dtype=np.int64)
        self._between: tuple[IntArray, ...] = ()
        if problem.zones is not None:
            n_zone = len(problem.zones.names)
            index = np.where(problem.zones.index < 0, n_zone, problem.zones.index)
            self._between = faces_between(index, system.faces)
            self._zone = zone = index.ravel()
            self._zones = [_Part(zone[cell], zone[self._fixed_cell], n_zone + 1, n_step, n_term)]
            self._zone_names = (*problem.zones.names, "rest")

    def add(self, step: int, balance: Balance, share: float) -> None:
        """Add the flows of an interval that makes up a share of a step.

        Flows follow from the heads at the end of the interval, as the implicit scheme has them.
        """
        system, state, layers = self.system, balance.state, self._layers
        self._rounding[step] = max(self._rounding[step], balance.rounding)
        layers.inflow[step, :, 0] += share * balance.released
        layers.outflow[step, :, 0] += share * balance.taken
        layers.exchange[step, self._lower, self._upper] += share * balance.rising[:-1]
        layers.exchange[step, self._upper, self._lower] += share * balance.falling[:-1]
        gain, loss = self._gain, self._loss
        kernels.fixed_head_flows(state.head, state.saturation, system.faces, system.fixed, self._fixed_cell, gain, loss)
        np.negative(loss, out=loss)
        for part in (layers, *self._zones):
            inflow, outflow = part.inflow[step], part.outflow[step]
            kernels.term_sums(part.of_connection, system.connections.term, balance.flow, share, inflow, outflow)
            kernels.term_sums(part.of_fixed, self._fixed_term, gain, share, inflow, outflow)
            kernels.term_sums(part.of_fixed, self._fixed_term, loss, share, inflow, outflow)
        for zones in self._zones:
            self._add_zones(step, balance, share, zones)

    def _add_zones(self, step: int, balance: Balance, share: float, zones: _Part) -> None:
        """Add storage and the flow from zone to zone, which follow from the cells of each."""
        system, state = self.system, balance.state
        if not balance.interval.steady:
            release, _ = system.storage_flow(state, balance.interval)
            kernels.storage_sums(self._zone, release.ravel(), share, zones.inflow[step], zones.outflow[step])
        table = np.zeros(zones.exchange.shape[1:])
        kernels.part_exchange(state.head, state.saturation, system.faces, *self._between, table)
        zones.exchange[step] += share * table

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
        zones = self._zones[0] if self._zones else _Part(none, none, 0, n_step, n_term)
        return Budget(
            self.system.problem.terms,
            layers.inflow.sum(axis=1),
            layers.outflow.sum(axis=1),
            layers.inflow,
            layers.outflow,
            layers.exchange,
            self._zone_names,
            zones.inflow,
            zones.outflow,
            zones.exchange,
            self._rounding,
        )


def faces_between(part: IntArray, faces: Faces) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return the open faces between parts of the model: the cell of each, its axis, its part and the part beyond."""
    found = []
    for axis, c in enumerate((faces.cz, faces.cy, faces.cx)):
        near, far = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
        parted = np.zeros(part.shape, dtype=bool)
        parted[near] = (part[near] != part[far]) & (c[near] > 0.0)
        cell = np.flatnonzero(parted)
        beyond = cell + int(np.prod(part.shape[axis + 1 :]))
        found.append((cell, np.full(cell.size, axis), part.ravel()[cell], part.ravel()[beyond]))
    cell, axes, here, there = (np.concatenate(arrays).astype(np.int64) for arrays in zip(*found, strict=True))
    return cell, axes, here, there


class _Part:
    """A partition of the model: the part of each connection and fixed head, and flows of shape ``(n_step, n_part, n_term)``."""

    def __init__(self, of_connection: IntArray, of_fixed: IntArray, n_part: int, n_step: int, n_term: int) -> None:
        self.of_connection = of_connection
        self.of_fixed = of_fixed
        self.inflow = np.zeros((n_step, n_part, n_term))
        self.outflow = np.zeros((n_step, n_part, n_term))
        self.exchange = np.zeros((n_step, n_part, n_part))
