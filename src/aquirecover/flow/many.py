"""Many scenarios at a time: those that share a matrix are marched side by side, the others one by one, on all cores."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np

from aquirecover import __version__
from aquirecover.errors import BudgetError, ConfigError, ConvergenceError, Finding
from aquirecover.flow.assembly import FlowSystem
from aquirecover.flow.checks import check_problem
from aquirecover.flow.lanes.march import LaneMarch, MarchSettings
from aquirecover.flow.lanes.system import LaneSystem
from aquirecover.flow.lanes.vectors import LANES
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.simulate import Progress, SimulateSettings, simulate

# Scenarios below which a march side by side gains nothing, of the smallest grids and of those of so many cells and more: a batch
# costs the same however few are in it.
LEAST_TOGETHER, LEAST_LARGE, LARGE = 2, 10, 10_000


def simulate_many(
    problems: Sequence[Problem],
    settings: SimulateSettings | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> list[FlowResult]:
    """Simulate problems that differ in what acts on one model faster than one by one.

    Problems with the same grid, properties, barriers, schedule and zones, whose stresses act on the same cells, are marched
    together in batches, one thread each, when they are confined, their stresses are linear in the head between bends (wells,
    recharge, rivers, drains, general heads, evapotranspiration), and there are enough of them: 2 on the smallest grids, 10 on
    those of 10,000 cells and more. Rates, stages, conductances of stresses, fixed heads and initial heads may differ. All others,
    and any that does not converge with the rest, are simulated by `simulate`. `FlowResult.engine` says which way each went.
    Results do not depend on the number of threads.

    Parameters
    ----------
    problems : sequence of Problem
        What to simulate.
    settings : SimulateSettings, optional
        As of `simulate`.
    progress : callable, optional
        Called, from one thread at a time, with the number of steps of all marches done, their total and the time reached, d.
    threads : int, optional
        Marches at a time; as many as the process has cores by default.

    Returns
    -------
    list of FlowResult
        In the order of the problems; `elapsed` is the wall time of the march, divided by the scenarios in it.

    Raises
    ------
    ConfigError
        When a problem breaks a physical rule; carries all findings of all problems, each with the name of its problem.
    ConvergenceError, BudgetError
        As `simulate`, with the name of the first problem that fails.
    """
    settings = settings or SimulateSettings()
    findings = [
        Finding(f"{problem.name}: {finding.key}", finding.message, finding.location)
        for problem in problems
        for finding in check_problem(problem)
    ]
    if findings:
        raise ConfigError(findings)
    together, alone = _batches(problems, settings)
    ticker = _Ticker(progress, problems, together, alone)
    found: dict[int, FlowResult] = {}
    with ThreadPoolExecutor(max(1, threads if threads is not None else _n_cores())) as pool:
        marches = [pool.submit(_march_together, system, problems, batch, settings, ticker) for system, batch in together]
        singles = {number: pool.submit(_march_alone, problems[number], settings, "", ticker) for number in alone}
        for march in marches:
            results, left = march.result()
            found |= results
            for number in left:
                note = ", marched alone: it did not converge beside the others"
                singles[number] = pool.submit(_march_alone, problems[number], settings, note, ticker)
        _gather(singles, found)
    return [found[number] for number in range(len(problems))]


def _gather(singles: dict[int, Future[FlowResult]], found: dict[int, FlowResult]) -> None:
    """Wait for the marches of single problems, in their order; the first error ends those that wait."""
    try:
        for number in sorted(singles):
            found[number] = singles[number].result()
    except BaseException:
        for future in singles.values():
            future.cancel()
        raise


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _batches(problems: Sequence[Problem], settings: SimulateSettings) -> tuple[list[tuple[LaneSystem, list[int]]], list[int]]:
    """Return the batches that are marched together, by number of the problem, each with what they share, and all others."""
    groups: list[list[int]] = []
    alone: list[int] = []
    for number, problem in enumerate(problems):
        if not _can_share(problem, settings):
            alone.append(number)
            continue
        group = next((group for group in groups if alike(problems[group[0]], problem)), None)
        if group is None:
            groups.append([number])
        else:
            group.append(number)
    together = []
    for group in groups:
        if len(group) < least_together(problems[group[0]].grid.n_cell):
            alone += group
            continue
        system = LaneSystem(FlowSystem(problems[group[0]]))
        n_batch = -(-len(group) // LANES)
        together += [(system, batch.tolist()) for batch in np.array_split(np.array(group), n_batch)]
    return together, sorted(alone)


def least_together(n_cell: int) -> int:
    """Return the scenarios from which a march side by side pays on a grid of so many cells."""
    return round(LEAST_TOGETHER + (LEAST_LARGE - LEAST_TOGETHER) * min(1.0, n_cell / LARGE))


def _can_share(problem: Problem, settings: SimulateSettings) -> bool:
    """Tell whether a problem is of the kind that is marched together."""
    if settings.linear.method != "multigrid" or settings.time.scheme != "backward_euler":
        return False
    if (problem.properties.convertible & problem.grid.active).any():
        return False
    cells = problem.cells()
    return all(stress.ramp(0, cells) is not None for stress in problem.stresses)


def alike(a: Problem, b: Problem) -> bool:
    """Tell whether two problems share everything but rates, levels and initial heads."""
    if a.terms != b.terms or [type(s) for s in a.stresses] != [type(s) for s in b.stresses]:
        return False
    for x, y in ((a.grid, b.grid), (a.properties, b.properties), (a.schedule, b.schedule), (a.zones, b.zones)):
        if x is y:
            continue
        if x is None or y is None or any(not _same(vars(x)[key], vars(y)[key]) for key in vars(x).keys() & vars(y).keys()):
            return False
    return (
        _same_parts(a.barriers, b.barriers, ("cell", "neighbour", "hydraulic_characteristic"))
        and _same_parts(a.stresses, b.stresses, ("cell",))
        and _same_parts(a.fixed_heads, b.fixed_heads, ("cell",))
    )


def _same(a: object, b: object) -> bool:
    """Tell whether two fields are equal; missing values are equal to one another."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a is b or np.array_equal(a, b, equal_nan=a.dtype.kind == "f" and b.dtype.kind == "f")
    return bool(a == b)


def _same_parts(a: Sequence[object], b: Sequence[object], names: tuple[str, ...]) -> bool:
    """Tell whether parts of two problems, one by one, have the same values of some names."""
    if len(a) != len(b):
        return False
    return all(x is y or all(_same(getattr(x, name), getattr(y, name)) for name in names) for x, y in zip(a, b, strict=True))


class _Ticker:
    """Counts the steps of all marches and passes them on, one thread at a time."""

    def __init__(
        self,
        progress: Progress | None,
        problems: Sequence[Problem],
        together: list[tuple[LaneSystem, list[int]]],
        alone: list[int],
    ) -> None:
        first = [*(batch[0] for _, batch in together), *alone]
        self._progress, self._lock, self._done = progress, Lock(), 0
        self._total = sum(problems[number].schedule.n_step for number in first)

    def add(self, steps: int) -> None:
        """Expect more steps."""
        with self._lock:
            self._total += steps

    def tick(self, time_reached: float) -> None:
        """Count a step."""
        if self._progress is not None:
            with self._lock:
                self._done += 1
                self._progress(self._done, self._total, time_reached)


def _march_together(
    system: LaneSystem, problems: Sequence[Problem], batch: list[int], settings: SimulateSettings, ticker: _Ticker
) -> tuple[dict[int, FlowResult], list[int]]:
    """Return the results of a batch by number of the problem, and the numbers of those that have to be marched alone."""
    begin = time.perf_counter()
    chosen = [problems[number] for number in batch]
    step_time = chosen[0].schedule.step_time
    limits = MarchSettings(settings.newton.tolerance, settings.linear.max_iterations, settings.budget_tolerance)
    march = LaneMarch(system, chosen, limits)
    came_through = march.run(lambda step: ticker.tick(float(step_time[step])))
    engine = f"native {__version__}, {len(batch)} scenarios marched together"
    elapsed = (time.perf_counter() - begin) / len(batch)
    results = {number: march.result(lane, engine, elapsed) for lane, number in enumerate(batch) if came_through[lane]}
    left = [number for lane, number in enumerate(batch) if not came_through[lane]]
    ticker.add(sum(problems[number].schedule.n_step for number in left))
    return results, left


def _march_alone(problem: Problem, settings: SimulateSettings, note: str, ticker: _Ticker) -> FlowResult:
    """Return the result of one problem; an error carries its name."""
    try:
        result = simulate(problem, settings, lambda step, total, reached: ticker.tick(reached))
    except (ConvergenceError, BudgetError) as error:
        raise type(error)(f"{problem.name}: {error}") from error
    return result if not note else FlowResult(**{**vars(result), "engine": result.engine + note})
