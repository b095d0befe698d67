"""Error of a recovery curve against the cost of its time steps: backward Euler and the adaptive second-order scheme.

The problem of ``tests/verification/test_theis_recovery.py``: a quarter plane of 38 × 38 cells, T 500 m²/d, S 2e-4, 1,000 m³/d
for 30 d, then 360 d of recovery, seen at 100 m. Its equations in space are a linear system ``M h' = q − A h`` of 1,444 unknowns,
whose exact solution in time follows from the eigenvalues of ``M^(-1/2) A M^(-1/2)``, so that what is measured is the error in
time alone. The error of a run is the largest one at the times of `SEEN` after the stop, which all runs step on.

Backward Euler takes equal steps between these times, or steps that grow: by one factor while the well pumps, by another up to the
first time, and from there by one that makes them a fixed share of the time since the stop, as the error of ``ln t`` asks for. The
first two factors and the shares of the steps are the best of those tried for each number of steps.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.children import work

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aquirecover.flow.problem import Problem
    from aquirecover.flow.schedule import Schedule
    from benchmarks.context import Context

    Array = NDArray[np.float64]

SIZE, GROWTH, REACH, DISTANCE = 8.0, 1.25, 1.5e5, 100.0
THICKNESS, K, SPECIFIC_STORAGE, RATE = 10.0, 50.0, 2e-5, 1000.0
PUMPED, RECOVERED = 30.0, 360.0
GOAL = 1e-3
SEEN = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 360.0])
# steps between two times; growing steps of the two earlier stretches: ratios of last to first, and numbers in multiples of it
BETWEEN = (1, 2, 4, 8, 16, 32)
RATIOS = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
SHARES = (1, 2, 4, 8)
HEAD_ERRORS = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
EQUAL, GROWING = "backward Euler, equal steps", "backward Euler, growing steps"
ADAPTIVE = "second order, adaptive steps"


def theis_problem(schedule: Schedule, growth: float = GROWTH) -> Problem:
    """Return the well in the south-western corner of a quarter plane; it pumps in the first period."""
    from aquirecover.flow.grid import Grid
    from aquirecover.flow.problem import Observations, Problem
    from aquirecover.flow.properties import AquiferProperties
    from aquirecover.flow.stresses import Wells

    n = int(np.ceil(np.log(1.0 + REACH / SIZE * (growth - 1.0)) / np.log(growth)))
    size = SIZE * growth ** np.arange(n)
    centre = np.cumsum(size) - 0.5 * size
    column = int(np.argmin(np.abs(np.hypot(centre, 0.5 * SIZE) - DISTANCE)))
    size *= DISTANCE / np.hypot(centre[column], 0.5 * SIZE)
    grid = Grid(size, size[::-1], 0.0, [-THICKNESS])
    well = Wells(grid.cell(0, n - 1, 0), pumping_rate=RATE / 4.0 * (np.arange(schedule.n_period) == 0)[:, None])
    observed = Observations(("at 100 m",), grid.cell(0, n - 1, np.array([column])))
    properties = AquiferProperties(grid, K, specific_storage=SPECIFIC_STORAGE)
    return Problem("theis_recovery", grid, properties, schedule, np.zeros(grid.shape), (well,), observations=observed)


class ExactInTime:
    """The heads at the observation point without error in time."""

    def __init__(self, growth: float = GROWTH) -> None:
        from scipy import linalg

        from aquirecover.flow.schedule import Schedule
        from benchmarks import native

        problem = theis_problem(Schedule([PUMPED, RECOVERED]), growth)
        # the matrix of a step less its storage; nothing else of the package is used
        _, make_matrix, _ = native.assembled(problem, month=True)
        grid = problem.grid
        storage = (SPECIFIC_STORAGE * THICKNESS * grid.area).ravel()
        flow = make_matrix().to_sparse().toarray() - np.diag(storage / RECOVERED)
        root = np.sqrt(storage)
        self.rate, vectors = linalg.eigh(flow / np.outer(root, root))
        self.rate = np.maximum(self.rate, 0.0)
        source = np.zeros(storage.size)
        source[problem.wells[0].cell] = -RATE / 4.0
        self.push = vectors.T @ (source / root)
        self.seen = vectors[problem.observations.cell[0]] / root[problem.observations.cell[0]]

    def _grown(self, time: Array) -> Array:
        """Return ``(1 − exp(−λ t)) / λ`` of every eigenvalue, shape ``(n_time, n)``."""
        x = self.rate * np.asarray(time)[:, None]
        return np.where(x > 1e-12, -np.expm1(-x) / np.maximum(self.rate, 1e-300), np.asarray(time)[:, None])

    def head(self, time: Array) -> Array:
        """Return heads at times, shape ``(n_time,)``; m."""
        since_stop = np.maximum(np.asarray(time) - PUMPED, 0.0)
        return (self._grown(time) - self._grown(since_stop)) @ (self.push * self.seen)

    def implicit(self, schedule: Schedule) -> Array:
        """Return the heads that backward Euler gives at the ends of the steps of a schedule, to choose schedules quickly."""
        state, heads = np.zeros_like(self.rate), []
        for length, period in zip(schedule.step_length, schedule.step_period, strict=True):
            state = (state + length * self.push * (period == 0)) / (1.0 + length * self.rate)
            heads.append(float(self.seen @ state))
        return np.array(heads)


def _schedule(between: int, pumping: int, first: int, factors: tuple[float, float] | None) -> Schedule:
    """Return steps that end at the times of `SEEN`.

    Parameters
    ----------
    between, pumping, first : int
        Steps between two times, while the well pumps, and from the stop to the first time.
    factors : tuple of float or None
        Growth of the steps while the well pumps and up to the first time; equal steps everywhere when None.
    """
    from aquirecover.flow.schedule import Schedule

    length = np.concatenate(([PUMPED], np.diff(SEEN, prepend=0.0)))
    later = SEEN.size - 1
    growth = (SEEN[1:] / SEEN[:-1]) ** (1.0 / between)
    multiplier = np.ones(later + 2) if factors is None else np.concatenate((factors, growth))
    return Schedule(length, [pumping, first, *[between] * later], multiplier)


def _at_seen(schedule: Schedule, head: Array) -> Array:
    """Return the heads at the times of `SEEN`."""
    return head[np.cumsum(schedule.n_steps)[1:] - 1]


def _error(exact: ExactInTime, schedule: Schedule, head: Array) -> float:
    """Return the largest error at the times of `SEEN`, m."""
    return float(np.abs(_at_seen(schedule, head) - exact.head(PUMPED + SEEN)).max())


def _best(exact: ExactInTime, between: int) -> Schedule:
    """Return the growing steps with the least error times steps."""
    tried = []
    for pumping, first in product(SHARES, SHARES):
        for early, late in product(RATIOS, RATIOS):
            counts = pumping * between, first * between
            tried.append(_schedule(between, *counts, (early ** (1.0 / counts[0]), late ** (1.0 / counts[1]))))
    return min(tried, key=lambda schedule: schedule.n_step * _error(exact, schedule, exact.implicit(schedule)))


def time_steps_task(quick: bool = False) -> dict[str, Any]:
    """Simulate the recovery with more and more steps; return errors, steps and linear solves."""
    from aquirecover.flow.linear import LinearSettings
    from aquirecover.flow.simulate import SimulateSettings, TimeSettings

    exact = ExactInTime()
    direct = SimulateSettings(linear=LinearSettings(method="direct"))
    schemes: dict[str, list[dict[str, float]]] = {EQUAL: [], GROWING: []}
    for between in BETWEEN[:4] if quick else BETWEEN:
        schemes[EQUAL].append(_run(exact, _schedule(between, 4 * between, between, None), direct))
        schemes[GROWING].append(_run(exact, _best(exact, between), direct))
    # one step from one time to the next, which the scheme divides as the error allowed asks for
    coarse = _schedule(1, 1, 1, None)
    schemes[ADAPTIVE] = []
    for head_error in HEAD_ERRORS:
        settings = replace(direct, time=TimeSettings("sdirk2", head_error))
        schemes[ADAPTIVE].append({**_run(exact, coarse, settings), "head_error_m": head_error})
    needed = {name: {key: _needed(runs, key) for key in ("steps", "solves")} for name, runs in schemes.items()}
    return {"goal_m": GOAL, "schemes": schemes, "needed": needed}


def _needed(runs: list[dict[str, float]], key: str) -> float | None:
    """Return the steps or solves for the error `GOAL`, interpolated in logarithms; None when no run reaches it."""
    for before, after in pairwise(sorted(runs, key=lambda run: run[key])):
        if before["error_m"] > GOAL >= after["error_m"]:
            share = np.log(before["error_m"] / GOAL) / np.log(before["error_m"] / after["error_m"])
            return float(before[key] * (after[key] / before[key]) ** share)
    return None


def _run(exact: ExactInTime, schedule: Schedule, settings: Any) -> dict[str, float]:
    """Simulate and return steps, linear solves and error."""
    from aquirecover.flow.simulate import simulate

    result = simulate(theis_problem(schedule), settings)
    return {
        "steps": sum(report.substeps for report in result.reports),
        "solves": sum(report.outer for report in result.reports),
        "error_m": _error(exact, schedule, result.observation_head[:, 0]),
    }


def measure_time_steps(context: Context) -> dict[str, Any]:
    """Measure the schemes in a process of its own."""
    context.say("time steps: recovery of a well")
    return work("time_steps", quick=context.quick)
