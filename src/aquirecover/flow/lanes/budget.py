"""Water budgets of scenarios that are marched side by side, by term, layer and zone."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.lanes.forcing import Forcing
from aquirecover.flow.lanes.passes import DOWN, LAYERS, PER_LAYER, RELEASED, STORED, UP, Heads, Rates
from aquirecover.flow.lanes.points import face_sums, part_sums, storage_sums
from aquirecover.flow.lanes.system import LaneSystem
from aquirecover.flow.lanes.vectors import LANES
from aquirecover.flow.problem import ROUNDING_FLOWS, Budget, Problem


class LaneBudget:
    """Adds up the flows of every step, from the formulas of the equations.

    Parameters
    ----------
    system : LaneSystem
        What the scenarios share.
    forcing : Forcing
        What acts on them.
    problem : Problem
        Any of them: their terms and zones are the same.
    """

    def __init__(self, system: LaneSystem, forcing: Forcing, problem: Problem) -> None:
        self.system, self.forcing, self.problem = system, forcing, problem
        n_step, n_layer = problem.schedule.n_step, problem.grid.shape[0]
        layer = np.broadcast_to(np.arange(n_layer)[:, None, None], problem.grid.shape)
        self.rounding = np.zeros((n_step, LANES))
        self.layers = _Part(system, forcing, problem, layer, n_layer)
        self.zones: _Zones | None = None
        if problem.zones is not None:
            n_zone = len(problem.zones.names)
            zone = np.where(problem.zones.index < 0, n_zone, problem.zones.index)
            self.zones = _Zones(system, forcing, problem, zone, n_zone + 1)

    def add(self, step: int, heads: Heads, rates: Rates, sums: FloatArray, rounding: FloatArray) -> None:
        """Add the flows of a step, of which the last pass has left `sums`."""
        self.rounding[step] = rounding
        found = sums[LAYERS:].reshape(-1, PER_LAYER, LANES)
        self.layers.inflow[step, :, 0] = found[:, RELEASED]
        self.layers.outflow[step, :, 0] = found[:, STORED]
        upper = np.arange(found.shape[0] - 1)
        self.layers.exchange[step, upper + 1, upper] = found[:-1, UP]
        self.layers.exchange[step, upper, upper + 1] = found[:-1, DOWN]
        size = self.system.grid.size
        now = heads.all[heads.start[0] : heads.start[0] + size]
        self.layers.add(step, now)
        if self.zones is not None:
            self.zones.add(step, now)
            self.zones.add_cells(step, heads, rates)

    def closes(self, step: int, tolerance: float) -> BoolArray:
        """Tell of each lane whether the budget of a step closes, as `Budget.error` has it."""
        inflow, outflow = self.layers.inflow[step].sum(axis=(0, 1)), self.layers.outflow[step].sum(axis=(0, 1))
        largest = np.maximum(np.maximum(inflow, outflow), ROUNDING_FLOWS * self.rounding[step])
        closed: BoolArray = np.abs(inflow - outflow) <= tolerance * largest
        return closed

    def result(self, lane: int) -> Budget:
        """Return the budget of one scenario."""
        layers, zones = self.layers, self.zones
        names: tuple[str, ...] = ()
        inflow, outflow, exchange = layers.of_lane(lane)
        n_step, _, n_term = inflow.shape
        zone_in, zone_out, zone_exchange = np.zeros((n_step, 0, n_term)), np.zeros((n_step, 0, n_term)), np.zeros((n_step, 0, 0))
        if self.problem.zones is not None and zones is not None:
            names = (*self.problem.zones.names, "rest")
            zone_in, zone_out, zone_exchange = zones.of_lane(lane)
        return Budget(
            self.problem.terms,
            inflow.sum(axis=1),
            outflow.sum(axis=1),
            inflow,
            outflow,
            exchange,
            names,
            zone_in,
            zone_out,
            zone_exchange,
            self.rounding[:, lane].copy(),
        )


class _Part:
    """A partition of the model and its flows, shape ``(n_step, n_part, n_term, LANES)``."""

    def __init__(self, system: LaneSystem, forcing: Forcing, problem: Problem, part: IntArray, n_part: int) -> None:
        self.system, self.forcing = system, forcing
        n_step, n_term = problem.schedule.n_step, len(problem.terms)
        self.inflow = np.zeros((n_step, n_part, n_term, LANES))
        self.outflow = np.zeros((n_step, n_part, n_term, LANES))
        self.exchange = np.zeros((n_step, n_part, n_part, LANES))
        flat = part.ravel()
        # rows of a table (part, term) for what acts on cells
        self._sources: list[IntArray] = []
        self._ramps = np.zeros(forcing.points.flow.shape[0], dtype=np.int64)
        for stress in forcing.stresses:
            rows = flat[problem.stresses[stress.number].cell[stress.items]] * n_term + 1 + stress.number
            self._sources.append(rows if stress.source.size else rows[:0])
            if stress.ramp.size:
                self._ramps[stress.ramp] = rows
        fixed = [flat[boundary.cell] * n_term + 1 + len(problem.stresses) + n for n, boundary in enumerate(problem.fixed_heads)]
        of_cell = np.concatenate([np.zeros(0, dtype=np.int64), *fixed])[forcing.fixed_order]
        self._fixed = of_cell[forcing.fixed_faces.fixed]
        self._constant: tuple[FloatArray, FloatArray] | None = None

    def add(self, step: int, heads: FloatArray) -> None:
        """Add what acts on cells in a step."""
        inflow, outflow = (table[step].reshape(-1, LANES) for table in (self.inflow, self.outflow))
        flows = self.forcing.source_flow
        if self._constant is None:
            self._constant = (np.zeros_like(inflow), np.zeros_like(outflow))
            for stress in self.forcing.stresses:
                if not stress.varies:
                    part_sums(flows[stress.number], self._sources[stress.number], *self._constant)
        inflow += self._constant[0]
        outflow += self._constant[1]
        for stress in self.forcing.stresses:
            if stress.varies:
                part_sums(flows[stress.number], self._sources[stress.number], inflow, outflow)
        part_sums(self.forcing.points.flow, self._ramps, inflow, outflow)
        faces = self.forcing.fixed_faces
        face_sums(heads, faces.cell, faces.beyond, faces.face, self._fixed, self._fixed, inflow, outflow)

    def of_lane(self, lane: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return inflow, outflow and exchange of one scenario."""
        inflow, outflow, exchange = (table[..., lane].copy() for table in (self.inflow, self.outflow, self.exchange))
        return inflow, outflow, exchange


class _Zones(_Part):
    """Zones, whose storage and exchange are added up cell by cell and face by face."""

    def __init__(self, system: LaneSystem, forcing: Forcing, problem: Problem, part: IntArray, n_part: int) -> None:
        super().__init__(system, forcing, problem, part, n_part)
        number, faces = system.grid.number, system.flow.faces
        storing = np.flatnonzero(system.flow.elastic)
        storing = storing[np.argsort(number.ravel()[storing])]
        n_term = len(problem.terms)
        self._cells = (number.ravel()[storing], part.ravel()[storing] * n_term)
        found = []
        for axis, face in ((2, faces.cx), (1, faces.cy), (0, faces.cz)):
            here, there = (np.moveaxis(part, axis, 0)[side] for side in (slice(None, -1), slice(1, None)))
            crossing = (here != there) & (np.moveaxis(face, axis, 0)[:-1] > 0.0)
            cell, beyond = (np.moveaxis(number, axis, 0)[side][crossing] for side in (slice(None, -1), slice(1, None)))
            a, b = here[crossing], there[crossing]
            found.append((cell, beyond, np.moveaxis(face, axis, 0)[:-1][crossing], a * n_part + b, b * n_part + a))
        self._faces = tuple(np.concatenate(arrays) for arrays in zip(*found, strict=True))

    def add_cells(self, step: int, heads: Heads, rates: Rates) -> None:
        """Add storage, and the exchange between zones."""
        inflow, outflow, exchange = (table[step].reshape(-1, LANES) for table in (self.inflow, self.outflow, self.exchange))
        storage_sums(self.system.stencil, heads, rates, *self._cells, inflow, outflow)
        face_sums(heads.all[heads.start[0] : heads.start[0] + self.system.grid.size], *self._faces, exchange, exchange)
