"""The march of up to `LANES` scenarios over their schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.lanes.budget import LaneBudget
from aquirecover.flow.lanes.forcing import Forcing
from aquirecover.flow.lanes.passes import Rates
from aquirecover.flow.lanes.solver import LaneOutcome, LaneSolver
from aquirecover.flow.lanes.system import LaneSystem
from aquirecover.flow.lanes.vectors import LANES
from aquirecover.flow.problem import FlowResult, Problem, StepReport
from aquirecover.flow.schedule import Schedule

Tick = Callable[[int], None]


@dataclass(frozen=True)
class MarchSettings:
    """What a march needs of the settings of a simulation: see `NewtonSettings`, `LinearSettings` and `SimulateSettings`."""

    tolerance: float
    max_iterations: int
    budget_tolerance: float


class LaneMarch:
    """Scenarios side by side, and what is kept of them.

    Parameters
    ----------
    system : LaneSystem
        What they share.
    problems : sequence of Problem
        Up to `LANES`, with the same schedule and zones.
    settings : MarchSettings
        How.
    """

    def __init__(self, system: LaneSystem, problems: Sequence[Problem], settings: MarchSettings) -> None:
        self.system, self.problems, self.settings = system, tuple(problems), settings
        self.forcing = Forcing(system, self.problems)
        self.solver = LaneSolver(system, self.forcing, settings.tolerance, settings.max_iterations)
        self.budget = LaneBudget(system, self.forcing, self.problems[0])
        schedule = self.problems[0].schedule
        self.marching = np.arange(LANES) < len(self.problems)
        self.reports: list[LaneOutcome] = []
        self.watched = np.unique(np.concatenate([problem.observations.cell for problem in self.problems]))
        self._watched_number = system.grid.number.ravel()[self.watched]
        self.observed = np.empty((schedule.n_step, self.watched.size, LANES))
        self.saved = np.flatnonzero(schedule.save_step)
        self.head = [np.full((self.saved.size, *problem.grid.shape), np.nan) for problem in self.problems]
        number, active = system.grid.number, self.problems[0].grid.active
        self._active_number = number[active]
        for lane, problem in enumerate(self.problems):
            self.solver.now[number, lane] = system.flow.initial_head(problem)

    def run(self, tick: Tick | None = None) -> BoolArray:
        """March over all steps; return which scenarios came through, shape ``(n,)``.

        Those that do not converge, or whose budget does not close, are put to rest; the others go on.
        """
        schedule = self.problems[0].schedule
        for step in range(schedule.n_step):
            if not self.marching.any():
                break
            # a lane whose numbers leave the range of the processor is found by its residual
            with np.errstate(invalid="ignore", over="ignore"):
                self._step(step, schedule)
            if tick is not None:
                tick(step)
        return self.marching[: len(self.problems)]

    def _step(self, step: int, schedule: Schedule) -> None:
        period = int(schedule.step_period[step])
        rate = 0.0 if schedule.steady[period] else 1.0 / float(schedule.step_length[step])
        rates, forcing, solver = Rates(rate, rate), self.forcing, self.solver
        forcing.update(period, solver.now)
        outcome = solver.step(rates)
        self.budget.add(step, solver.heads, rates, solver.sums, outcome.rounding)
        failed = self.marching & ~(outcome.converged & self.budget.closes(step, self.settings.budget_tolerance))
        if failed.any():
            self.marching &= ~failed
            forcing.mute(failed)
            solver.rest(failed)
        self.reports.append(outcome)
        self.observed[step] = solver.now[self._watched_number]
        self._save(step)

    def _save(self, step: int) -> None:
        place = np.searchsorted(self.saved, step)
        if place < self.saved.size and self.saved[place] == step:
            active = self.problems[0].grid.active
            fields = self.solver.now[self._active_number]
            for lane, head in enumerate(self.head):
                head[place][active] = fields[:, lane]

    def result(self, lane: int, engine: str, elapsed: float) -> FlowResult:
        """Return everything that was kept of a scenario that came through."""
        problem = self.problems[lane]
        budget = self.budget.result(lane)
        requested, delivered = pumping(problem)
        watched = np.searchsorted(self.watched, problem.observations.cell)
        return FlowResult(
            problem,
            engine,
            self.saved,
            self.head[lane],
            np.ascontiguousarray(self.observed[:, watched, lane]),
            requested,
            delivered,
            budget,
            self._reports(lane, budget.error),
            elapsed,
        )

    def _reports(self, lane: int, error: FloatArray) -> tuple[StepReport, ...]:
        schedule = self.problems[lane].schedule
        time = schedule.step_time
        reports = []
        for step, outcome in enumerate(self.reports):
            through, residual = float(outcome.through[lane]), float(outcome.residual[lane])
            share = residual / through if through > 0.0 else 0.0
            counts = (1 if outcome.iterations else 0, outcome.iterations, 1)
            period = int(schedule.step_period[step])
            reports.append(StepReport(step, period, float(time[step]), *counts, share, 0.0, float(error[step])))
        return tuple(reports)


def pumping(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Return requested and delivered pumping of all wells in confined cells, each of shape ``(n_step, n_well)``; m³/d."""
    period: IntArray = problem.schedule.step_period
    requested, delivered = [np.zeros((period.size, 0))], [np.zeros((period.size, 0))]
    for wells in problem.wells:
        series = wells.pumping_rate
        rate = series[period] if series.ndim == 2 else np.broadcast_to(series, (period.size, series.size))
        share = np.bincount(wells.well, weights=wells.fraction, minlength=len(wells.names))
        requested.append(rate)
        delivered.append(rate * share)
    return np.concatenate(requested, axis=1), np.concatenate(delivered, axis=1)
