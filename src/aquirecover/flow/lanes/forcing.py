"""What acts on the cells of scenarios that are marched side by side, and how it changes from period to period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.lanes.passes import Points
from aquirecover.flow.lanes.points import FixedFaces, add_rows, ramp_flows
from aquirecover.flow.lanes.system import LaneSystem
from aquirecover.flow.lanes.vectors import LANES
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import Ramp, in_period


@dataclass(frozen=True, eq=False)
class _Acting:
    """A stress of all scenarios, and where its items stand in the lists of `Points`.

    Parameters
    ----------
    number : int
        Of the stress in each problem.
    items : ndarray of int
        Those whose cell is an unknown, shape ``(n,)``.
    source, ramp : ndarray of int
        Places of these, empty where it has none.
    varies : bool
        Whether it changes with the periods.
    """

    number: int
    items: IntArray
    source: IntArray
    ramp: IntArray
    varies: bool


class Forcing:
    """Stresses and fixed heads of up to `LANES` scenarios; the lanes beyond them are at rest.

    Parameters
    ----------
    system : LaneSystem
        What they share.
    problems : sequence of Problem
        Whose stresses act on the same cells, and are all of the form of a `Ramp`.

    Attributes
    ----------
    points : Points
        In the period that was last asked for.
    source_flow : list of ndarray
        Inflow by each stress whatever the head, on its acting cells, shape ``(n, LANES)`` or ``(0, LANES)``; m³/d.
    fixed_order : ndarray of int
        Fixed heads in the order of `points`, shape ``(n,)``; those of the problem stand behind one another.
    fixed_faces : FixedFaces
        Through which they act.
    gross : ndarray
        Sum of the absolute values of these, shape ``(LANES,)``; m³/d.
    bends : bool
        Whether any stress is not linear in the head.
    change_cell, change : ndarray
        Cells whose inflow may change with the period, shape ``(n,)``, and by how much it last did so at the heads of then, shape
        ``(n, LANES)``; m³/d.
    """

    def __init__(self, system: LaneSystem, problems: Sequence[Problem]) -> None:
        self.system = system
        self.problems = tuple(problems)
        self._muted = np.zeros(LANES, dtype=bool)
        self._muted[len(self.problems) :] = True
        self._period = -1
        first, number = self.problems[0], system.grid.number.ravel()
        ramps = [stress.ramp(0, system.flow.cells) for stress in first.stresses]
        fixed_cells = system.flow.fixed.ravel()
        acting = [np.flatnonzero(~fixed_cells[stress.cell]) for stress in first.stresses]
        cells = [number[s.cell[items]] for s, items in zip(first.stresses, acting, strict=True)]
        none = np.zeros(0, dtype=np.int64)
        sources = [c if r is not None and r.source is not None else none for c, r in zip(cells, ramps, strict=True)]
        slopes = [c if r is not None and r.slope is not None else none for c, r in zip(cells, ramps, strict=True)]
        source_cell = np.unique(np.concatenate([none, *sources]))
        every = np.concatenate([none, *slopes])
        order = np.argsort(every, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        places = np.split(place, np.cumsum([c.size for c in slopes])[:-1]) if slopes else []
        self.stresses = [
            _Acting(n, acting[n], np.searchsorted(source_cell, sources[n]), places[n], self._varies(n))
            for n in range(len(first.stresses))
        ]
        fixed = [boundary.cell for boundary in first.fixed_heads]
        fixed_cell = np.concatenate([none, *(number[cell] for cell in fixed)])
        self.fixed_order = np.argsort(fixed_cell, kind="stable")
        n_fixed, n_source, n_ramp = fixed_cell.size, source_cell.size, every.size
        slope, datum, low, high, flow, active = (np.zeros((n_ramp, LANES)) for _ in range(6))
        self.points = Points(
            _ended(fixed_cell[self.fixed_order]),
            np.zeros((n_fixed, LANES)),
            _ended(source_cell),
            np.zeros((n_source, LANES)),
            _ended(every[order]),
            slope,
            datum,
            low,
            high,
            flow,
            active,
        )
        self.points.low[:], self.points.high[:] = -np.inf, np.inf
        bounds = [bound for ramp in ramps if ramp is not None for bound in (ramp.low, ramp.high)]
        self.bends = any(bound is not None for bound in bounds)
        self.source_flow = [np.zeros((stress.source.size, LANES)) for stress in self.stresses]
        self.gross = np.zeros(LANES)
        self.fixed_faces = self._find_fixed_faces()
        self._find_changing()

    def _varies(self, number: int) -> bool:
        """Tell whether a stress may change with the periods in any scenario."""
        found = [problem.stresses[number].values() for problem in self.problems]
        return any(not values or any(a.ndim == 2 for a in values.values()) for values in found)

    def _find_changing(self) -> None:
        """Find the cells whose inflow may change with the period, by stresses or by fixed heads next to them."""
        cells = [c[:-1] for c in (self.points.source_cell, self.points.ramp_cell)]
        varying = [stress for stress in self.stresses if stress.varies]
        touched = [cells[0][s.source] for s in varying] + [cells[1][s.ramp] for s in varying]
        self._fixed_varies = any(b.head.ndim == 2 for problem in self.problems for b in problem.fixed_heads)
        if self._fixed_varies:
            touched.append(self.fixed_faces.beyond)
        self.change_cell = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *touched]))
        self.change = np.zeros((self.change_cell.size, LANES))
        self._source_change, self._ramp_change = (np.searchsorted(self.change_cell, c) for c in cells)
        self._fixed_change = np.searchsorted(self.change_cell, self.fixed_faces.beyond)

    def _find_fixed_faces(self) -> FixedFaces:
        s, cell = self.system.stencil, self.points.fixed_cell[:-1]
        order, flat = np.arange(cell.size), np.zeros(0, dtype=np.int64)
        fixed, own, beyond, face = [flat], [flat], [flat], [np.zeros(0)]
        for c, distance in ((s.cx, s.n_layer), (s.cy, s.stride), (s.cz, 1)):
            for other, value in ((cell + distance, c[cell]), (cell - distance, c[cell - distance])):
                flows = value > 0.0
                fixed.append(order[flows])
                own.append(cell[flows])
                beyond.append(other[flows])
                face.append(value[flows])
        return FixedFaces(np.concatenate(fixed), np.concatenate(own), np.concatenate(beyond), np.concatenate(face))

    def mute(self, lanes: BoolArray) -> None:
        """Put lanes to rest from now on: nothing acts on them."""
        self._muted |= lanes
        for values in (self.points.source, self.points.fixed_head, self.points.slope, self.change, *self.source_flow):
            values[:, self._muted] = 0.0
        self.gross[self._muted] = 0.0

    def update(self, period: int, heads: FloatArray) -> None:
        """Let the stresses of a period act; `heads` are those at its start, shape ``(size, LANES)``."""
        self.change[:] = 0.0
        if period == self._period:
            return
        first, self._period = self._period < 0, period
        for stress in self.stresses:
            if first or stress.varies:
                ramps = self._ramps(stress, period)
                if stress.source.size:
                    self._update_source(stress, ramps)
                if stress.ramp.size:
                    self._update_ramp(stress, ramps, heads)
        self._sum_sources(first)
        if first or self._fixed_varies:
            self._update_fixed(period)
        if first:
            self.change[:] = 0.0
        self.mute(self._muted)

    def _ramps(self, stress: _Acting, period: int) -> list[Ramp]:
        """Return the ramps of a stress in all scenarios; those that share it share its ramp."""
        made: dict[int, Ramp | None] = {}
        for problem in self.problems:
            own = problem.stresses[stress.number]
            if id(own) not in made:
                made[id(own)] = own.ramp(period, self.system.flow.cells)
        found = [made[id(problem.stresses[stress.number])] for problem in self.problems]
        assert all(ramp is not None for ramp in found)
        return [ramp for ramp in found if ramp is not None]

    def _lanes(self, values: list[FloatArray | None], items: IntArray, none: float) -> FloatArray:
        """Return values of scenarios side by side, shape ``(n, LANES)``."""
        result = np.full((items.size, LANES), none)
        for lane, value in enumerate(values):
            if value is not None:
                result[:, lane] = value[items]
        return result

    def _update_source(self, stress: _Acting, ramps: list[Ramp]) -> None:
        new = self._lanes([ramp.source for ramp in ramps], stress.items, 0.0)
        if stress.varies:
            add_rows(self.change, self._source_change[stress.source], new - self.source_flow[stress.number])
        self.source_flow[stress.number] = new

    def _update_ramp(self, stress: _Acting, ramps: list[Ramp], heads: FloatArray) -> None:
        points, place, items = self.points, stress.ramp, stress.items
        old, new = np.empty((place.size, LANES)), np.empty((place.size, LANES))
        ramp_flows(points, place, heads, old)
        points.slope[place] = self._lanes([ramp.slope for ramp in ramps], items, 0.0)
        points.datum[place] = self._lanes([ramp.datum for ramp in ramps], items, 0.0)
        points.low[place] = self._lanes([ramp.low for ramp in ramps], items, -np.inf)
        points.high[place] = self._lanes([ramp.high for ramp in ramps], items, np.inf)
        if stress.varies:
            ramp_flows(points, place, heads, new)
            add_rows(self.change, self._ramp_change[place], new - old)

    def _sum_sources(self, first: bool) -> None:
        """Add up the sources of each cell, those that do not vary once and for all."""
        source = self.points.source
        if first:
            source[:] = 0.0
            self._add_sources(varying=False)
            self._constant, self._constant_gross = source.copy(), self.gross.copy()
            self._varying_rows = np.unique(
                np.concatenate([np.zeros(0, np.int64), *(s.source for s in self.stresses if s.varies)])
            )
        source[self._varying_rows] = self._constant[self._varying_rows]
        self.gross[:] = self._constant_gross
        self._add_sources(varying=True)

    def _add_sources(self, varying: bool) -> None:
        for stress in self.stresses:
            if stress.varies is varying and stress.source.size:
                add_rows(self.points.source, stress.source, self.source_flow[stress.number])
                self.gross += np.abs(self.source_flow[stress.number]).sum(axis=0)

    def _update_fixed(self, period: int) -> None:
        values = np.zeros_like(self.points.fixed_head)
        for lane, problem in enumerate(self.problems):
            heads = [in_period(boundary.head, period) for boundary in problem.fixed_heads]
            if heads:
                values[:, lane] = np.concatenate(heads)[self.fixed_order]
        if self._fixed_varies:
            faces = self.fixed_faces
            rise = (values - self.points.fixed_head)[faces.fixed]
            add_rows(self.change, self._fixed_change, faces.face[:, None] * rise)
        self.points.fixed_head[:] = values


def _ended(cell: IntArray) -> IntArray:
    """Return a list of cells with a number beyond them all at its end."""
    return np.append(cell, np.iinfo(np.int64).max)
