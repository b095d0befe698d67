"""Water budget by term, layer and zone; a step that does not close is refused."""

from __future__ import annotations

import numpy as np

from aquirecover.errors import BudgetError
from aquirecover.flow import kernels, layer_flows
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.assembly import FlowSystem, Interval, State
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
        layer = np.broadcast_to(np.arange(n_layer, dtype=np.int64)[:, None, None], problem.grid.shape)
        self._parts = [_Part(np.ascontiguousarray(layer), n_layer, n_step, n_term)]
        self._rounding = np.zeros(n_step)
        self._zone_names: tuple[str, ...] = ()
        if problem.zones is not None:
            n_zone = len(problem.zones.names)
            zone = np.where(problem.zones.index < 0, n_zone, problem.zones.index)
            self._parts.append(_Part(np.ascontiguousarray(zone, dtype=np.int64), n_zone + 1, n_step, n_term))
            self._zone_names = (*problem.zones.names, "rest")

    def add(self, step: int, state: State, interval: Interval, share: float) -> None:
        """Add the flows of an interval that makes up a share of a step.

        Flows follow from the heads at the end of the interval, as the implicit scheme has them.
        """
        system = self.system
        self._rounding[step] = max(self._rounding[step], system.rounding(state, interval))
        if not interval.steady:
            self._add_storage(step, system.storage_flow(state, interval)[0], share)
        term = 1
        for cell, flow, _ in system.flows(state, interval.period):
            self._add_term(step, term, cell, flow, share)
            term += 1
        faces = system.faces
        for boundary in system.problem.fixed_heads:
            gain, loss = np.zeros(boundary.cell.size), np.zeros(boundary.cell.size)
            kernels.fixed_head_flows(state.head, state.saturation, faces, system.fixed, boundary.cell, gain, loss)
            self._add_term(step, term, boundary.cell, gain, share)
            self._add_term(step, term, boundary.cell, -loss, share)
            term += 1
        for part in self._parts:
            table = np.zeros(part.exchange.shape[1:])
            if part is self._parts[0]:
                layer_flows.layer_exchange(state.head, faces.cz, table)
            else:
                kernels.part_exchange(state.head, state.saturation, faces, part.index, table)
            part.exchange[step] += share * table

    def _add_storage(self, step: int, release: FloatArray, share: float) -> None:
        layers, *zones = self._parts
        inflow, outflow = np.empty(release.shape[0]), np.empty(release.shape[0])
        layer_flows.layer_sums(release, inflow, outflow)
        layers.inflow[step, :, 0] += share * inflow
        layers.outflow[step, :, 0] += share * outflow
        if zones:
            storing = np.flatnonzero(release)
            for part in zones:
                flow = share * release.ravel()[storing]
                kernels.part_sums(storing, flow, part.flat, part.inflow[step, :, 0], part.outflow[step, :, 0])

    def close(self, step: int) -> float:
        """Return the budget error of a step.

        Raises
        ------
        BudgetError
            When it is above the tolerance and not explained by rounding.
        """
        layers = self._parts[0]
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

    def _add_term(self, step: int, term: int, cell: IntArray, flow: FloatArray, share: float) -> None:
        for part in self._parts:
            kernels.part_sums(cell, share * flow, part.flat, part.inflow[step, :, term], part.outflow[step, :, term])

    def result(self) -> Budget:
        """Return the budget of all steps."""
        layers = self._parts[0]
        n_step, _, n_term = layers.inflow.shape
        zones = self._parts[1] if self._zone_names else _Part(layers.index, 0, n_step, n_term)
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


class _Part:
    """A partition of the model and its flows, shape ``(n_step, n_part, n_term)``."""

    def __init__(self, index: IntArray, n_part: int, n_step: int, n_term: int) -> None:
        self.index = index
        self.flat = index.ravel()
        self.inflow = np.zeros((n_step, n_part, n_term))
        self.outflow = np.zeros((n_step, n_part, n_term))
        self.exchange = np.zeros((n_step, n_part, n_part))
