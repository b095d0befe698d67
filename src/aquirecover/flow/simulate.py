"""The march over the schedule: `simulate` turns a `Problem` into a `FlowResult`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from aquirecover import __version__
from aquirecover.errors import ConfigError, ConvergenceError
from aquirecover.flow.assembly import Balance, FlowSystem, Interval
from aquirecover.flow.budget import BudgetRecorder
from aquirecover.flow.checks import check_problem
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings, Solution, StepSolver
from aquirecover.flow.problem import FlowResult, Problem, StepReport
from aquirecover.flow.second_order import SecondOrder
from aquirecover.flow.stepping import BackwardEuler
from aquirecover.flow.stresses import Wells, in_period

Progress = Callable[[int, int, float], None]
# Called with the number of the step, and for every part or stage of it with its solution, its interval and its share of the step.
Observer = Callable[[int, Solution, Interval, float], None]


@dataclass(frozen=True)
class TimeSettings:
    """How heads are followed through the steps of the schedule."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    scheme: Literal["backward_euler", "sdirk2"] = "backward_euler"
    """``backward_euler``: of first order, the steps are those of the schedule, as in MODFLOW. ``sdirk2``: of second order; each
    step of the schedule is divided into as many as `head_error` asks for."""
    head_error: float = 1e-3
    """Largest error in time that a step of ``sdirk2`` may add to a head, m."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not self.head_error > 0.0:
            raise ValueError(f"head_error = {self.head_error:g}: must be greater than 0.")


@dataclass(frozen=True)
class SimulateSettings:
    """How a problem is simulated."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    newton: NewtonSettings = field(default_factory=NewtonSettings)
    """Of each time step."""
    time: TimeSettings = field(default_factory=TimeSettings)
    """Of the march in time."""
    linear: LinearSettings = field(default_factory=LinearSettings)
    """Of each linear system."""
    budget_tolerance: float = 1e-6
    """Largest ``|in − out| / max(in, out)`` of any step."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not 0.0 < self.budget_tolerance < 1.0:
            raise ValueError(f"budget_tolerance = {self.budget_tolerance:g}: must lie between 0 and 1.")


def simulate(
    problem: Problem,
    settings: SimulateSettings | None = None,
    progress: Progress | None = None,
    observe: Observer | None = None,
) -> FlowResult:
    """Simulate a problem by implicit steps.

    Parameters
    ----------
    problem : Problem
        What to simulate.
    settings : SimulateSettings, optional
        How.
    progress : callable, optional
        Called after each step with the number of steps done, their total and the time reached, d.
    observe : callable, optional
        Called with every part or stage of every step, once it counts; see `Observer`. Heads that are to be kept must be copied.

    Returns
    -------
    FlowResult
        Heads, budgets and reports of all steps.

    Raises
    ------
    ConfigError
        When the problem breaks a physical rule; carries all findings.
    ConvergenceError
        When a step does not converge; names period, step and cell.
    BudgetError
        When the water budget of a step does not close.
    """
    settings = settings or SimulateSettings()
    findings = check_problem(problem)
    if findings:
        raise ConfigError(findings)
    begin = time.perf_counter()
    march = _March(problem, settings, observe)
    for step in range(problem.schedule.n_step):
        march.step(step)
        if progress is not None:
            progress(step + 1, problem.schedule.n_step, float(problem.schedule.step_time[step]))
    return march.result(time.perf_counter() - begin)


class _March:
    """State of a simulation between steps, and what is kept of it."""

    def __init__(self, problem: Problem, settings: SimulateSettings, observe: Observer | None) -> None:
        self.problem = problem
        self.observe = observe
        self.system = FlowSystem(problem, settings.linear.threads)
        solver = StepSolver(self.system, settings.newton, settings.linear)
        second = settings.time.scheme == "sdirk2"
        self.scheme = SecondOrder(solver, settings.time.head_error) if second else BackwardEuler(solver)
        self.budget = BudgetRecorder(self.system, settings.budget_tolerance)
        self.state = self.system.initial_state()
        schedule, n_well = problem.schedule, sum(len(w.names) for w in problem.wells)
        self.reports: list[StepReport] = []
        self.saved = np.flatnonzero(schedule.save_step)
        self.head = np.full((self.saved.size, *problem.grid.shape), np.nan)
        self.observed = np.empty((schedule.n_step, problem.observations.cell.size))
        self.requested = np.zeros((schedule.n_step, n_well))
        self.delivered = np.zeros((schedule.n_step, n_well))

    def step(self, step: int) -> None:
        """Solve one step and keep what is asked of it."""
        schedule = self.problem.schedule
        period = int(schedule.step_period[step])
        dt = np.inf if schedule.steady[period] else float(schedule.step_length[step])
        interval = Interval(period, dt, self.state)

        def record(solution: Solution, part: Interval, share: float) -> None:
            self.budget.add(step, solution.balance, share)
            self._record_wells(step, solution.balance, share)
            if self.observe is not None:
                self.observe(step, solution, part, share)

        try:
            solution, parts = self.scheme.advance(interval, record)
        except ConvergenceError as error:
            raise ConvergenceError(
                f"Period {period + 1}, step {step + 1} ({self._when(step)}): {str(error).rstrip('.')}. Try more steps in the "
                "period, a smaller step_multiplier, or a larger newton.max_iterations."
            ) from error
        self.state = solution.state
        budget_error = self.budget.close(step)
        self.reports.append(
            StepReport(
                step,
                period,
                float(schedule.step_time[step]),
                solution.outer,
                solution.inner,
                parts,
                solution.residual,
                solution.largest_change,
                budget_error,
            )
        )
        self._record_heads(step)

    def _when(self, step: int) -> str:
        schedule = self.problem.schedule
        day = float(schedule.step_time[step])
        return str(schedule.date_of(day).astype("datetime64[D]")) if schedule.start else f"day {day:g}"

    def _record_heads(self, step: int) -> None:
        head = self.state.head
        self.observed[step] = head.ravel()[self.problem.observations.cell]
        place = np.searchsorted(self.saved, step)
        if place < self.saved.size and self.saved[place] == step:
            np.copyto(self.head[place], head, where=self.problem.grid.active)

    def _record_wells(self, step: int, balance: Balance, share: float) -> None:
        period, connections = balance.interval.period, self.system.connections
        start = 0
        for stress, part in zip(self.problem.stresses, connections.slices, strict=True):
            if isinstance(stress, Wells):
                columns = slice(start, start + len(stress.names))
                self.requested[step, columns] += share * in_period(stress.pumping_rate, period)
                self.delivered[step, columns] += share * stress.delivered(balance.flow[part], period)
                start = columns.stop

    def result(self, elapsed: float) -> FlowResult:
        """Return everything that was kept."""
        return FlowResult(
            self.problem,
            f"native {__version__}",
            self.saved,
            self.head,
            self.observed,
            self.requested,
            self.delivered,
            self.budget.result(),
            tuple(self.reports),
            elapsed,
        )
