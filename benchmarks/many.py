"""Many scenarios of one model against as many runs of MODFLOW 6, on the cores that there are.

A scenario is P1s whose wells pump more or less by groups of ten (`problems.scenario_factors`). MODFLOW 6 runs two scenarios at a
time; its time is that of a sample divided by the share of the sample, unless all are asked for. Natively every scenario leaves on
disk what MODFLOW 6 leaves: last heads, ten observed heads at every step, and the budget of every step.
"""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.children import run, work
from benchmarks.worker import resident_mb

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.context import Context

PROBLEM, COUNT, SAMPLE, CORES = "P1s", 64, 4, 2
TOGETHER = (1, 2, 4, 8, 16, 32, 64)
# where a version that marches scenarios together has the function
PLACE = "aquirecover.flow.many"


def simulate_many() -> Callable[..., Any] | None:
    """Return the function that marches scenarios together; None where there is none."""
    function: Callable[..., Any] | None = import_module(PLACE).simulate_many if find_spec(PLACE) is not None else None
    return function


def scenarios_task(folder: str, first: int, count: int, together: bool = False, months: int | None = None) -> dict[str, Any]:
    """Simulate scenarios one by one or together and write their results; return times and memory."""
    from aquirecover.flow.simulate import simulate
    from benchmarks import native, problems, writing

    # several marches at a time keep the cores busy; each has one thread
    settings = native.with_threads(problems.settings(PROBLEM), 1)
    factors = problems.scenario_factors(COUNT)
    basin = problems.basin(PROBLEM, months)
    march = simulate_many() if together else None
    if together and march is None:
        raise RuntimeError("this version does not march scenarios together")
    warm = [problems.basin_problem(replace(basin, months=3, factors=tuple(factors[n]))) for n in range(min(count, 8))]
    _ = march(warm, settings) if march is not None else simulate(warm[0], settings)
    given = [problems.basin_problem(replace(basin, factors=tuple(factors[n]))) for n in range(first, first + count)]
    before, begin = resident_mb(), time.perf_counter()
    results = march(given, settings) if march is not None else (simulate(problem, settings) for problem in given)
    largest = 0.0
    for number, result in enumerate(results, start=first):
        writing.write_result(result, Path(folder) / str(number))
        largest = max(largest, float(result.budget.error.max()))
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "count": count, "budget_error": largest, "memory_before_mb": before}


def write_scenario_task(folder: str, number: int) -> dict[str, Any]:
    """Write the input of MODFLOW 6 for a scenario."""
    from benchmarks import modflow_input, problems

    modflow_input.write(PROBLEM, Path(folder), factors=[float(factor) for factor in problems.scenario_factors(COUNT)[number]])
    return {}


def measure_many(context: Context) -> dict[str, Any]:
    """Measure 64 scenarios: one by one in as many processes as there are cores, together, and by MODFLOW 6."""
    folder = context.folder / "many"
    shutil.rmtree(folder, ignore_errors=True)
    record: dict[str, Any] = {"count": COUNT, "processes": CORES}
    if context.mf6 is not None:
        sample = modflow_sample(context, folder)
        record["modflow6"] = {**sample, "seconds": sample["sample_s"] * COUNT / sample["sample"]}
    record["one by one"] = _one_by_one(context, folder)
    if simulate_many() is None:
        record["without_together"] = "this version does not march scenarios together"
    else:
        record["together"] = [_together(context, folder, count) for count in (TOGETHER[:4] if context.quick else TOGETHER)]
    if "modflow6" in record:
        record |= _compared(record, folder)
    shutil.rmtree(folder, ignore_errors=True)
    return record


def modflow_sample(context: Context, folder: Path) -> dict[str, Any]:
    """Run a sample of scenarios with MODFLOW 6, two at a time."""
    sample = COUNT if context.full else CORES if context.quick else SAMPLE
    places = [folder / f"modflow6 {number}" for number in range(sample)]
    for number, place in enumerate(places):
        context.say(f"{folder.name}: writing MODFLOW's input, scenario {number + 1} of {sample}")
        work("write_scenario", folder=place, number=number)
    context.say(f"{folder.name}: {sample} runs of MODFLOW 6, {CORES} at a time")
    begin = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        runs = list(pool.map(lambda place: run([str(context.mf6)], place, context.limit), places))
    wall = time.perf_counter() - begin
    if not all("Normal termination" in done.out for done in runs):
        raise RuntimeError("MODFLOW 6 did not end normally")
    return {"sample": sample, "sample_s": wall, "peak_mb": max(done.peak_mb for done in runs)}


def _one_by_one(context: Context, folder: Path) -> dict[str, Any]:
    """Simulate a sample of scenarios one by one in two processes; scaled to all of them."""
    each = 2 if context.quick else 8
    context.say(f"many: {CORES * each} scenarios one by one in {CORES} processes")
    with ThreadPoolExecutor(CORES) as pool:
        parts = [
            pool.submit(work, "scenarios", folder=folder / "one by one", first=part * each, count=each) for part in range(CORES)
        ]
        found = [part.result() for part in parts]
    slowest = max(part["seconds"] for part in found)
    memory = sum(part["peak_mb"] for part in found)
    return {"sample": CORES * each, "seconds": slowest * COUNT / (CORES * each), "peak_mb": memory}


def _together(context: Context, folder: Path, count: int) -> dict[str, Any]:
    """Simulate scenarios together, on all cores."""
    context.say(f"many: {count} scenarios together")
    return work("scenarios", folder=folder / "together", first=0, count=count, together=True)


def _compared(record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return how many times faster all scenarios are than with MODFLOW 6, and the largest head difference of the first two."""
    best = [record["one by one"]["seconds"]] + [done["seconds"] for done in record.get("together", []) if done["count"] == COUNT]
    compared = {}
    for way in ("one by one", "together"):
        if (folder / way).exists():
            pairs = [(folder / way / str(number), folder / f"modflow6 {number}") for number in range(2)]
            found = [work("compare", folders=[str(ours)], reference=theirs)["differences"][0] for ours, theirs in pairs]
            compared[way] = max(max(difference.values()) for difference in found)
    return {"marched": {"times_faster": record["modflow6"]["seconds"] / min(best)}, "difference_m": compared}
