"""Reads what MODFLOW 6 writes, while it runs and after it, and makes the result of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from shutil import disk_usage

import numpy as np

from aquirecover.errors import BackendError, BudgetError, NumericalError
from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.problem import ROUNDING_FLOWS, Budget, FlowResult, Problem, StepReport
from aquirecover.modflow.flows import FlowRecorder, StepFlows
from aquirecover.modflow.listing import ListedBudget, read_budgets, read_iterations
from aquirecover.modflow.program import Program
from aquirecover.modflow.records import GrowingFile, next_flows, next_heads, read_connections
from aquirecover.modflow.write import MODEL, ModelFiles

Progress = Callable[[int, int, float], None]
# MODFLOW prints its budget with four digits after the point, or with five in all: largest error of a number, and its share.
PRINTED, PRINTED_SHARE = 5e-5, 1e-4
# Head of cells that are dry, with a minus, and inactive.
NO_HEAD = 1e30
# The first release that treats convertible cells as the native engine does.
AGREEING_RELEASE = (6, 2, 2)


class Reader:
    """Reads heads and flows as the program writes them, and makes the result of them.

    Parameters
    ----------
    problem : Problem
        What is simulated.
    files : ModelFiles
        What was written.
    tolerance : float
        Largest budget error of a step; 1.
    progress : callable, optional
        See `simulate`.
    """

    def __init__(self, problem: Problem, files: ModelFiles, tolerance: float, progress: Progress | None = None) -> None:
        self.problem, self.files, self.tolerance, self.progress = problem, files, tolerance, progress
        schedule = problem.schedule
        self.saved = np.flatnonzero(schedule.save_step)
        self.head = np.full((self.saved.size, *problem.grid.shape), np.nan)
        self.observed = np.empty((schedule.n_step, problem.observations.cell.size))
        self.errors = np.zeros(schedule.n_step)
        self.done = 0
        self._first = np.concatenate(([0], np.cumsum(schedule.n_steps)))
        self._recorder: FlowRecorder | None = None
        self._flows: dict[int, StepFlows] = {}
        self._heads: dict[int, FloatArray] = {}
        self._n_heads = 0
        self._flow_file = GrowingFile(files.folder / f"{MODEL}.cbc")
        self._head_file = GrowingFile(files.folder / f"{MODEL}.hds")

    def close(self) -> None:
        """Close the files."""
        self._flow_file.close()
        self._head_file.close()

    @property
    def recorder(self) -> FlowRecorder:
        """Adds up the flows; made when the program has written its grid."""
        if self._recorder is None:
            connections = read_connections(self.files.folder / f"{MODEL}.dis.grb")
            self._recorder = FlowRecorder(self.problem, self.files.packages, connections, self.tolerance)
        return self._recorder

    def follow(self) -> int:
        """Take in what was written since the last call, and return how many steps are done."""
        newest = max(self._flows, default=-1)
        while (record := next_flows(self._flow_file)) is not None:
            newest = int(self._first[record.period]) + record.step
            self._flows.setdefault(newest, StepFlows()).add(record)
            self._take_steps(newest)
        self._take_steps(newest)
        return self.done

    def _take_steps(self, before: int) -> None:
        """Take in the steps whose flows are whole, since those of a later one are there."""
        while self.done < before:
            if not self._take_step():
                return

    def _take_step(self) -> bool:
        """Take in the next step when its heads are there too."""
        n_layer, n_y, n_x = self.problem.grid.shape
        head = next_heads(self._head_file, n_layer, n_y * n_x)
        if head is None:
            return False
        step, schedule = self.done, self.problem.schedule
        head = self._flowing(head.reshape(self.problem.grid.shape), step)
        self.errors[step] = self.recorder.add(step, self._flows.pop(step), head)
        self._record_heads(step, head)
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, schedule.n_step, float(schedule.step_time[step]))
        return True

    def _flowing(self, head: FloatArray, step: int) -> FloatArray:
        """Return heads that are finite everywhere, 0 outside active cells.

        Raises
        ------
        NumericalError
            When a cell fell dry and was taken out of the model, as the standard formulation does.
        """
        grid = self.problem.grid
        dry = np.flatnonzero(grid.active & (np.abs(head) >= NO_HEAD))
        if dry.size:
            day = self.problem.schedule.step_time[step]
            raise NumericalError(
                f"Step {step + 1} (day {day:g}): {dry.size} cells fell dry in MODFLOW 6, first {grid.describe(int(dry[0]))}. "
                "With averaging: harmonic it takes them out of the model for good, and the native engine does not. "
                "Use averaging: upstream, or --engine native."
            )
        return np.where(grid.active, head, 0.0)

    def _record_heads(self, step: int, head: FloatArray) -> None:
        self.observed[step] = head.ravel()[self.problem.observations.cell]
        place = np.searchsorted(self.saved, step)
        if place < self.saved.size and self.saved[place] == step:
            active = self.problem.grid.active
            self.head[place][active] = head[active]

    def finish(self) -> None:
        """Take in the last step, and make sure that all are there and that MODFLOW's own budgets agree.

        Raises
        ------
        BackendError
            When output is missing or left over.
        """
        schedule = self.problem.schedule
        self.follow()
        if self.done == schedule.n_step - 1 and self.done in self._flows and not self._flow_file.left:
            self._take_step()
        if self.done < schedule.n_step or self._flow_file.left or self._head_file.left:
            free = disk_usage(self.files.folder).free / 2**20
            raise BackendError(
                f"MODFLOW 6 ended normally, but {MODEL}.cbc or {MODEL}.hds is cut off: {self.done} of {schedule.n_step} steps "
                f"are whole. {free:,.0f} MiB are free on the disk."
            )
        self._compare_budgets()

    def result(self, program: Program, begin: float) -> FlowResult:
        """Return everything that was read; see `finish`."""
        self.finish()
        context, recorder = self.problem.context, self.recorder
        manifest = {**context.manifest, "mf6": json.dumps(program.to_dict())}
        context = replace(context, manifest=manifest, warnings=(*context.warnings, *release_warnings(self.problem, program)))
        return FlowResult(
            replace(self.problem, context=context),
            f"modflow6 {program.version}",
            self.saved,
            self.head,
            self.observed,
            recorder.requested,
            recorder.delivered,
            recorder.budget(),
            self._reports(),
            time.perf_counter() - begin,
        )

    def _reports(self) -> tuple[StepReport, ...]:
        """Return how each step was solved."""
        schedule, residual = self.problem.schedule, self.recorder.residual
        iterations = read_iterations(self.files.folder / "mfsim.lst")
        reports = []
        for step in range(schedule.n_step):
            period = int(schedule.step_period[step])
            how = iterations.get((period, step - int(self._first[period])))
            if how is None:
                raise BackendError(f"mfsim.lst: says nothing of step {step + 1}: it is cut off.")
            end, error = float(schedule.step_time[step]), float(self.errors[step])
            numbers = (how.outer, how.inner, 1, float(residual[step]), how.largest_change, error)
            reports.append(StepReport(step, period, end, *numbers))
        return tuple(reports)

    def _compare_budgets(self) -> None:
        """Make sure that MODFLOW's own budget closes at every step and agrees with the flows of the cells."""
        budget, schedule = self.recorder.budget(), self.problem.schedule
        listed = read_budgets(self.files.folder / f"{MODEL}.lst")
        if len(listed) != schedule.n_step:
            raise BackendError(f"{MODEL}.lst: holds the budgets of {len(listed)} of {schedule.n_step} steps: it is cut off.")
        for step, said in enumerate(listed):
            where = f"Period {said.period + 1}, step {step + 1} (day {schedule.step_time[step]:g})"
            self._check_closure(where, said, ROUNDING_FLOWS * float(np.asarray(budget.rounding)[step]))
            self._check_terms(where, said, budget, step)

    def _check_closure(self, where: str, said: ListedBudget, floor: float) -> None:
        """Refuse a budget of MODFLOW that does not close by the digits that it prints."""
        for kind, inflow, outflow in (("rates", said.total_in, said.total_out), ("volumes", said.volume_in, said.volume_out)):
            if not abs(inflow - outflow) <= self.tolerance * max(inflow, outflow, floor) + 2.0 * PRINTED:
                raise BudgetError(
                    f"{where}: the {kind} in MODFLOW's own budget do not close, in {inflow:g}, out {outflow:g}. "
                    "Use modflow.closure: tight or a smaller modflow.inner_rclose."
                )

    def _check_terms(self, where: str, said: ListedBudget, budget: Budget, step: int) -> None:
        """Refuse a budget of MODFLOW that is another one than that of the flows of the cells."""
        for term, name in enumerate(["STORAGE", *(package.name.upper() for package in self.files.packages)]):
            value, inflow, outflow = said.net.get(name, 0.0), budget.inflow[step, term], budget.outflow[step, term]
            if not abs(value - (inflow - outflow)) <= 4.0 * PRINTED + PRINTED_SHARE * max(inflow, outflow):
                net = inflow - outflow
                raise BackendError(f"{where}: MODFLOW's own budget of {name} is {value:g} m3/d, its cells sum to {net:g}.")


def release_warnings(problem: Problem, program: Program) -> tuple[str, ...]:
    """Return what a person should know of a program that is too old to agree with the native engine."""
    active, convertible = problem.grid.active, problem.properties.convertible & problem.grid.active
    if program.release >= AGREEING_RELEASE or not convertible.any():
        return ()
    warnings = []
    if not problem.schedule.steady.all() and (convertible & (problem.properties.specific_storage > 0.0)).any():
        warnings.append(
            f"MODFLOW {program.version} lets convertible cells release elastic storage by a formula that release 6.2.2 has "
            "replaced: heads differ by millimetres from those of newer releases and of the native engine."
        )
    if any(_mixed(np.moveaxis(active, axis, 0), np.moveaxis(convertible, axis, 0)) for axis in (1, 2)):
        warnings.append(
            f"MODFLOW {program.version} treats confined cells beside convertible ones otherwise than newer releases and the "
            "native engine: heads differ by centimetres."
        )
    return tuple(warnings)


def _mixed(active: BoolArray, convertible: BoolArray) -> bool:
    """Tell whether a cell that is convertible has a neighbour along the first axis that is not."""
    return bool((active[1:] & active[:-1] & (convertible[1:] != convertible[:-1])).any())
