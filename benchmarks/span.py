"""A thousand scenarios in the span of twenty groups of wells, without marching them, against as many runs of MODFLOW 6.

The base is P1s; a group is ten of its wells, whose pumping a scenario scales. The base and each group are marched once; every
scenario is then superposed, and leaves on disk its heads at 100 points at every step and the last head field. MODFLOW 6 runs a
sample of the same scenarios, two at a time; its time is scaled to all of them.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.children import work
from benchmarks.many import modflow_sample
from benchmarks.worker import resident_mb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aquirecover.flow.problem import Problem
    from benchmarks.context import Context

PROBLEM, COUNT, POINTS, TOGETHER = "P1s", 1000, 100, 50
# scenarios that are marched too
CHECKED = (0, 1, COUNT - 1)


def points(problem: Problem) -> NDArray[np.int64]:
    """Return the cells of a hundred points: all observed wells, and others by chance."""
    own = problem.observations.cell
    others = np.setdiff1d(np.flatnonzero(problem.grid.active), own)
    return np.concatenate([own, np.random.default_rng(20240610).choice(others, POINTS - own.size, replace=False)])


def span_task(folder: str, count: int, checked: list[int], months: int | None = None) -> dict[str, Any]:
    """Answer scenarios by superposition and write what is asked for; return times, memory and differences from marches."""
    from aquirecover.flow.newton import NewtonSettings
    from aquirecover.flow.problem import Observations
    from aquirecover.flow.simulate import SimulateSettings, simulate
    from aquirecover.output.array_store import ArrayStore
    from aquirecover.study.unit_responses import unit_responses
    from benchmarks import problems

    def scenario(factors: NDArray[np.float64], months: int | None) -> Problem:
        return problems.basin_problem(replace(problems.basin(PROBLEM, months), factors=tuple(factors)))

    def groups(months: int | None) -> dict[str, Problem]:
        doubled = 1.0 + np.eye(problems.GROUPS)
        return {f"group {n + 1}": scenario(factors, months) for n, factors in enumerate(doubled)}

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    factors = problems.scenario_factors(count)
    # loads the compiled loops
    unit_responses(scenario(np.ones(problems.GROUPS), 2), groups(2)).superpose(factors[:2] - 1.0)
    before, begin = resident_mb(), time.perf_counter()
    base = scenario(np.ones(problems.GROUPS), months)
    cell = points(base)
    found = unit_responses(base, groups(months), cell, store=ArrayStore(target / "responses"))
    marched = time.perf_counter() - begin
    held = 0
    for first in range(0, count, TOGETHER):
        answers = found.superpose(factors[first : first + TOGETHER] - 1.0)
        held += int(answers.holds.sum())
        np.save(target / f"points {first}.npy", answers.point_head)
        np.save(target / f"fields {first}.npy", answers.head)
    seconds = time.perf_counter() - begin
    tight = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
    differences = []
    for number in checked:
        watched = Observations(tuple(str(n) for n in cell), cell)
        result = simulate(replace(scenario(factors[number], months), observations=watched), tight)
        place, first = number % TOGETHER, number - number % TOGETHER
        heads, field = (np.load(target / f"{what} {first}.npy")[place] for what in ("points", "fields"))
        differences.append(max(float(np.abs(heads - result.observation_head).max()), float(np.abs(field - result.head).max())))
    np.save(target / "heads.npy", np.load(target / "fields 0.npy")[0, 0])
    return {
        "seconds": seconds,
        "marched_s": marched,
        "count": count,
        "superposed": held,
        "memory_before_mb": before,
        "difference_m": max(differences),
    }


def measure_span(context: Context) -> dict[str, Any]:
    """Measure the scenarios natively and by MODFLOW 6."""
    from benchmarks.writing import read_last_heads

    folder = context.folder / "span"
    shutil.rmtree(folder, ignore_errors=True)
    count = 100 if context.quick else COUNT
    record: dict[str, Any] = {"count": count, "points": POINTS}
    if context.mf6 is not None:
        sample = modflow_sample(context, folder)
        record["modflow6"] = {**sample, "seconds": sample["sample_s"] * count / sample["sample"]}
    context.say(f"span: {count} scenarios by superposition")
    checked = [number for number in CHECKED if number < count]
    record["native"] = native = work("span", folder=folder / "native", count=count, checked=checked)
    if "modflow6" in record:
        record["times_faster"] = record["modflow6"]["seconds"] / native["seconds"]
        theirs = read_last_heads(folder / "modflow6 0")
        record["difference_modflow6_m"] = float(np.nanmax(np.abs(np.load(folder / "native" / "heads.npy") - theirs)))
    shutil.rmtree(folder, ignore_errors=True)
    return record
