"""Cell-by-cell flows of MODFLOW 6 as the budgets of a `FlowResult`: by term, layer and zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from aquirecover.errors import BackendError, BudgetError
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.problem import ROUNDING_FLOWS, Budget, Problem
from aquirecover.flow.stresses import in_period
from aquirecover.modflow.packages import Package
from aquirecover.modflow.records import Connections, FlowRecord
from aquirecover.modflow.scales import Scales

STORAGE = ("STO-SS", "STO-SY")
FACES = "FLOW-JA-FACE"
Faces: TypeAlias = tuple[IntArray, IntArray, IntArray]


@dataclass(eq=False)
class StepFlows:
    """The records of one step.

    Parameters
    ----------
    storage : list of ndarray
        Water released, by kind, shape ``(n_cell,)``; m³/d.
    faces : ndarray
        Flow through each place of `Connections` into the cell of its row; m³/d.
    lists : dict
        Flows of packages by their names in capitals.
    """

    storage: list[FloatArray] = field(default_factory=list)
    faces: FloatArray | None = None
    lists: dict[str, FlowRecord] = field(default_factory=dict)

    def add(self, record: FlowRecord) -> None:
        """Take in a record; those that no budget needs are left out."""
        if record.text in STORAGE:
            self.storage.append(record.flow)
        elif record.text == FACES:
            self.faces = record.flow
        elif record.package:
            self.lists[record.package] = record


class _Part:
    """A partition of the model: its flows by step and term, and the faces between parts."""

    def __init__(self, index: IntArray, n_part: int, n_step: int, n_term: int, faces: Faces, plane: int) -> None:
        self.flat = np.ascontiguousarray(index.ravel(), dtype=np.int64)
        self.n_part = n_part
        self.inflow = np.zeros((n_step, n_part, n_term))
        self.outflow = np.zeros((n_step, n_part, n_term))
        self.exchange = np.zeros((n_step, n_part, n_part))
        self._place, self._up, self._down = self._crossings(faces, plane)

    def _crossings(self, faces: Faces, plane: int) -> tuple[IntArray, IntArray, IntArray]:
        """Return the places where water crosses from part to part, and the entries of the table for either direction.

        Water that passes through cells without thickness crosses the parts that these lie in.
        """
        place, above, below = faces
        found: list[tuple[IntArray, IntArray, IntArray]] = []
        hop = np.where((below - above) % plane == 0, plane, below - above)
        while place.size:
            beyond = above + hop
            a, b = self.flat[above], self.flat[beyond]
            crosses = a != b
            found.append((place[crosses], (b * self.n_part + a)[crosses], (a * self.n_part + b)[crosses]))
            further = beyond != below
            place, above, below, hop = place[further], beyond[further], below[further], hop[further]
        places, ups, downs = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else (np.zeros(0, int),) * 3
        return places, ups, downs

    def add(self, step: int, term: int, cell: IntArray, flow: FloatArray) -> None:
        """Add flows of a term into cells."""
        part = self.flat[cell]
        self.inflow[step, :, term] += np.bincount(part, np.maximum(flow, 0.0), self.n_part)
        self.outflow[step, :, term] += np.bincount(part, np.maximum(-flow, 0.0), self.n_part)

    def add_faces(self, step: int, faces: FloatArray) -> None:
        """Add the exchange between parts."""
        flow, n = faces[self._place], self.n_part
        up = np.bincount(self._up, np.maximum(flow, 0.0), n * n) + np.bincount(self._down, np.maximum(-flow, 0.0), n * n)
        self.exchange[step] += up.reshape(n, n)


class FlowRecorder:
    """Adds up the flows of every step, and checks that they close.

    Parameters
    ----------
    problem : Problem
        What was simulated.
    packages : sequence of Package
        In the order of the terms of the budget.
    connections : Connections
        Of the model.
    tolerance : float
        Largest ``|in − out| / max(in, out)`` of a step; 1.
    """

    def __init__(self, problem: Problem, packages: Sequence[Package], connections: Connections, tolerance: float) -> None:
        self.problem, self.packages, self.connections, self.tolerance = problem, packages, connections, tolerance
        grid, schedule = problem.grid, problem.schedule
        n_layer, n_y, n_x = grid.shape
        plane, n_term = n_y * n_x, len(problem.terms)
        layer = np.repeat(np.arange(n_layer), plane)
        self._scales = Scales(problem)
        self._held = np.zeros(grid.n_cell, dtype=bool)
        for boundary in problem.fixed_heads:
            self._held[boundary.cell] = True
        faces = self._faces()
        self._parts = [_Part(layer, n_layer, schedule.n_step, n_term, faces, plane)]
        self._zone_names: tuple[str, ...] = ()
        if problem.zones is not None:
            n_zone = len(problem.zones.names)
            zone = np.where(problem.zones.index < 0, n_zone, problem.zones.index)
            self._parts.append(_Part(zone, n_zone + 1, schedule.n_step, n_term, faces, plane))
            self._zone_names = (*problem.zones.names, "rest")
        n_well = sum(len(wells.names) for wells in problem.wells)
        self.requested = np.zeros((schedule.n_step, n_well))
        self.delivered = np.zeros((schedule.n_step, n_well))
        self.residual = np.zeros(schedule.n_step)
        self._rounding = np.zeros(schedule.n_step)
        self._fixed_faces = [self._faces_of(package.cell) for package in packages if package.kind == "CHD"]
        self._first = np.flatnonzero(connections.row == connections.column)

    def _faces(self) -> Faces:
        """Return the place, the upper or earlier and the other cell of each face; water between two fixed heads is left out."""
        connections, held = self.connections, self._held
        place = np.flatnonzero(connections.column > connections.row)
        place = place[~(held[connections.row[place]] & held[connections.column[place]])]
        return place, connections.row[place], connections.column[place]

    def _faces_of(self, fixed: IntArray) -> tuple[IntArray, IntArray]:
        """Return the places of the faces between fixed heads and cells that are free, and the fixed cells."""
        connections, held = self.connections, self._held
        mine = np.zeros(held.size, dtype=bool)
        mine[fixed] = True
        place = np.flatnonzero(mine[connections.row] & ~held[connections.column])
        return place, connections.row[place]

    def add(self, step: int, flows: StepFlows, head: FloatArray) -> float:
        """Take in the flows of a step and its heads, shape of the grid, and return the budget error.

        Raises
        ------
        BackendError
            When records are missing or of another size.
        BudgetError
            When the step does not close.
        """
        if flows.faces is None or flows.faces.size != self.connections.row.size:
            raise BackendError(
                f"Step {step + 1}: the flows between cells are missing from MODFLOW's output, or of another model."
            )
        period = int(self.problem.schedule.step_period[step])
        total = np.zeros(self.problem.grid.n_cell)
        through = self._add_storage(step, flows, total)
        through += self._add_stresses(step, period, flows, total)
        through += self._add_fixed_heads(step, flows.faces)
        for part in self._parts:
            part.add_faces(step, flows.faces)
        self._add_residual(step, flows.faces, total, 0.5 * through)
        self._add_wells(step, period, flows)
        self._add_rounding(step, period, head)
        return self._close(step)

    def _add_term(self, step: int, term: int, cell: IntArray, flow: FloatArray) -> None:
        for part in self._parts:
            part.add(step, term, cell, flow)

    def _add_storage(self, step: int, flows: StepFlows, total: FloatArray) -> float:
        if not flows.storage:
            return 0.0
        release = np.sum(flows.storage, axis=0)
        if release.size != total.size:
            raise BackendError(f"Step {step + 1}: the storage in MODFLOW's output is of another model.")
        storing = np.flatnonzero(release)
        self._add_term(step, 0, storing, release[storing])
        total += release
        return float(np.abs(release).sum())

    def _add_stresses(self, step: int, period: int, flows: StepFlows, total: FloatArray) -> float:
        through = 0.0
        for term, package in enumerate(self.packages[: len(self.problem.stresses)], start=1):
            if not package.cell.size:
                continue
            flow, cell = self._flow_of(step, package, flows), package.cell
            if package.kind == "WEL":
                # a well that pumps and injects counts with the difference of both
                n = self.problem.stresses[term - 1].n
                cell, flow = cell[:n], flow.reshape(-1, n).sum(axis=0)
            self._add_term(step, term, cell, flow)
            total += np.bincount(cell, flow, total.size)
            through += float(np.abs(flow).sum())
        return through

    def _flow_of(self, step: int, package: Package, flows: StepFlows) -> FloatArray:
        """Return the flows of a package in the order of its list."""
        record = flows.lists.get(package.name.upper())
        if record is None or record.cell is None or not np.array_equal(record.cell, package.cell):
            raise BackendError(
                f"Step {step + 1}: the flows of {package.name} are missing from MODFLOW's output, or of other cells."
            )
        return record.flow

    def _add_fixed_heads(self, step: int, faces: FloatArray) -> float:
        """Add the water that fixed heads give to free cells and take from them, face by face."""
        through, first = 0.0, 1 + len(self.problem.stresses)
        for n, (place, cell) in enumerate(self._fixed_faces):
            given = -faces[place]
            self._add_term(step, first + n, cell, given)
            through += float(np.abs(given).sum())
        return through

    def _add_residual(self, step: int, faces: FloatArray, total: FloatArray, through: float) -> None:
        """Note the sum of what each free cell gains or loses unexplained, as a share of the flow through the model."""
        between = faces.copy()
        between[self._first] = 0.0
        row = self.connections.row[self._first]
        total[row] += np.add.reduceat(between, self._first)
        total[self._held] = 0.0
        self.residual[step] = float(np.abs(total).sum()) / through if through > 0.0 else 0.0

    def _add_wells(self, step: int, period: int, flows: StepFlows) -> None:
        start = 0
        for wells, package in zip(self.problem.wells, (p for p in self.packages if p.kind == "WEL"), strict=True):
            columns = slice(start, start + len(wells.names))
            self.requested[step, columns] = in_period(wells.pumping_rate, period)
            if package.cell.size:
                pumped = -self._flow_of(step, package, flows)[: wells.n]
                self.delivered[step, columns] = np.bincount(wells.well, weights=pumped, minlength=len(wells.names))
            start = columns.stop

    def _add_rounding(self, step: int, period: int, head: FloatArray) -> None:
        """Note what the rounding of the heads alone may leave."""
        schedule = self.problem.schedule
        dt = np.inf if schedule.steady[period] else float(schedule.step_length[step])
        self._rounding[step] = self._scales.rounding(head, dt)

    def _close(self, step: int) -> float:
        layers, schedule = self._parts[0], self.problem.schedule
        inflow, outflow = layers.inflow[step].sum(axis=0), layers.outflow[step].sum(axis=0)
        total_in, total_out = float(inflow.sum()), float(outflow.sum())
        largest = max(total_in, total_out, ROUNDING_FLOWS * float(self._rounding[step]))
        error = abs(total_in - total_out) / largest if largest != 0.0 else 0.0
        if not np.isfinite(error) or error > self.tolerance:
            terms = zip(self.problem.terms, inflow, outflow, strict=True)
            texts = ", ".join(f"{t} {i:.4g} in {o:.4g} out" for t, i, o in terms if i or o)
            raise BudgetError(
                f"Period {schedule.step_period[step] + 1}, step {step + 1} (day {schedule.step_time[step]:g}): MODFLOW 6 ended "
                f"with a water budget that does not close, |in − out| / max(in, out) = {error:.3g}: must be "
                f"{self.tolerance:g} or less (m3/d: {texts}). Use modflow.closure: tight or a smaller modflow.inner_rclose."
            )
        return error

    def budget(self) -> Budget:
        """Return the budget of all steps."""
        layers = self._parts[0]
        n_step, _, n_term = layers.inflow.shape
        empty = np.zeros((n_step, 0, n_term))
        zones = self._parts[1] if self._zone_names else None
        return Budget(
            self.problem.terms,
            layers.inflow.sum(axis=1),
            layers.outflow.sum(axis=1),
            layers.inflow,
            layers.outflow,
            layers.exchange,
            self._zone_names,
            zones.inflow if zones else empty,
            zones.outflow if zones else empty,
            zones.exchange if zones else np.zeros((n_step, 0, 0)),
            self._rounding,
        )
