"""One run of a problem, natively and by MODFLOW 6, in turn on the same machine.

The time of both is from the problem in memory to heads and budget on disk. For the native engine that is `simulate` and
`writing.write_result`, in a process that has solved a small problem before; importing the package and loading its compiled loops
is stated beside it. For MODFLOW 6 it is the wall time of the program less that of ``mf6 --mode validate``, which starts and reads
the whole input and solves nothing, and is stated beside it. Heads of both are compared with those of a run with tight closure.
"""

from __future__ import annotations

import hashlib
import shutil
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.children import ChildError, Usage, run, work
from benchmarks.worker import resident_mb, seconds_since_start

if TYPE_CHECKING:
    from benchmarks.context import Context

# Native runs of a problem, and those of MODFLOW 6, which take turns as long as there are any; the median of each counts.
REPEATS = {"thai_binh/250m": 1, "thai_binh/125m": 1}
MODFLOW_REPEATS = {"P1": 3, "P1s": 3, "P3": 2}
# Without --full the first have no runs of MODFLOW 6, and the second neither a reference nor a run with fewer threads.
LONG, LONGEST = ("thai_binh/250m", "thai_binh/125m"), ("thai_binh/125m",)
WARM = 12


def simulate_task(problem: str, folder: str, threads: int = 1, steps: int | None = None, tight: bool = False) -> dict[str, Any]:
    """Simulate a problem natively and write its result; return times, split by kind of work, and how it was solved."""
    from aquirecover.flow import simulate as module
    from benchmarks import native, problems, writing

    given, settings = problems.make(problem, steps)
    settings = native.with_threads(native.tight(settings) if tight else settings, threads)
    module.simulate(problems.small(problem), settings)
    ready, before = seconds_since_start(), resident_mb()
    stamps: list[float] = []
    with native.watching() as (watch, missing):
        begin, processor = time.perf_counter(), time.process_time()
        result = module.simulate(given, settings, lambda *_: stamps.append(time.perf_counter()))
        solved = time.perf_counter()
        writing.write_result(result, Path(folder))
        end = time.perf_counter()
    took = np.diff([begin, *stamps])
    return {
        "seconds": end - begin,
        "simulate_s": solved - begin,
        "cpu_s": time.process_time() - processor,
        "start_s": ready,
        "memory_before_mb": before,
        "first_step_s": float(took[0]),
        "warm_step_s": float(np.median(took[min(WARM, took.size - 1) :])),
        "cells": int(given.grid.active.sum()),
        "steps": given.schedule.n_step,
        "inner": sum(report.inner for report in result.reports),
        "outer": sum(report.outer for report in result.reports),
        "budget_error": float(result.budget.error.max()),
        "split_s": dict(watch.seconds),
        "not_watched": missing,
    }


def write_modflow_task(problem: str, folder: str, mf6: str, steps: int | None = None, tight: bool = False) -> dict[str, Any]:
    """Write the input of a MODFLOW 6 program for a problem."""
    begin = time.perf_counter()
    if problem.startswith("thai_binh/"):
        from aquirecover.modflow.program import find_program
        from benchmarks import modflow_engine

        modflow_engine.write(problem, Path(folder), find_program(mf6).release)
    else:
        from benchmarks import modflow_input

        modflow_input.write(problem, Path(folder), steps, tight)
    return {"seconds": time.perf_counter() - begin}


def compare_task(folders: list[str], reference: str) -> dict[str, Any]:
    """Return the largest head differences of the results in some folders from a reference."""
    from benchmarks.writing import largest_differences

    return {"differences": [largest_differences(Path(folder), Path(reference)) for folder in folders]}


def run_modflow(mf6: str, folder: Path, limit: float) -> dict[str, Any]:
    """Run MODFLOW 6 on the input in a folder and return what it took and how it went.

    Raises
    ------
    ChildError
        When the program fails.
    RuntimeError
        When it does not end normally, or its budget is off by more than 0.1 %.
    """
    reading = run([mf6, "--mode", "validate"], folder).wall_s
    took = run([mf6], folder, limit)
    return {**_modflow_outcome(took, folder), "start_s": reading, "seconds": took.wall_s - reading}


def _modflow_outcome(took: Usage, folder: Path) -> dict[str, Any]:
    outer = np.atleast_1d(np.genfromtxt(folder / "outer.csv", delimiter=",", names=True, usecols=range(6)))
    budget = np.atleast_1d(np.genfromtxt(folder / "budget.csv", delimiter=",", names=True))
    error = float(np.abs(budget["PERCENT_DIFFERENCE"]).max()) / 100.0
    if "Normal termination" not in took.out or error > 1e-3:
        raise RuntimeError(f"MODFLOW 6 did not end well: largest budget error {error:.2g}")
    inner = int(outer["total_inner_iterations"][-1])
    return {"cpu_s": took.cpu_s, "peak_mb": took.peak_mb, "inner": inner, "outer": int(outer.size), "budget_error": error}


def side_by_side(context: Context, problem: str, steps: int | None = None) -> dict[str, Any]:
    """Run a problem natively with one and two threads and by MODFLOW 6, in turn; return medians and head differences."""
    folder = context.folder / problem.replace("/", "_")
    shutil.rmtree(folder, ignore_errors=True)
    plan, missing = _plan(context, problem)
    record: dict[str, Any] = {"problem": problem, **_reference(context, problem, folder / "reference", steps)}
    if "modflow6" in plan:
        context.say(f"{problem}: writing MODFLOW's input")
        given: dict[str, Any] = {"problem": problem, "mf6": context.mf6, "steps": steps}
        record["modflow_input_s"] = work("write_modflow", folder=folder / "modflow6", **given)["seconds"]
    done: dict[str, list[dict[str, Any]]] = {engine: [] for engine in plan}
    for turn in range(max(plan.values())):
        for engine in [name for name, repeats in plan.items() if turn < repeats and name not in missing]:
            context.say(f"{problem}: {engine}, run {turn + 1} of {plan[engine]}")
            try:
                done[engine].append(_run(context, problem, engine, folder / engine, steps))
            except (ChildError, RuntimeError) as failure:
                missing[engine] = str(failure)
    record["engines"] = {name: {"missing": why} for name, why in missing.items()}
    record["engines"] |= _compared(context, problem, folder, {name: runs for name, runs in done.items() if name not in missing})
    natives = [run for name, run in record["engines"].items() if name.startswith("native") and "cells" in run]
    record |= {"cells": natives[0]["cells"], "steps": natives[0]["steps"]} if natives else {"cells": 0, "steps": 0}
    if len(natives) == 2:
        record["same_bits"] = _digest(folder / "native 1") == _digest(folder / "native 2")
    shutil.rmtree(folder)
    return record


def _plan(context: Context, problem: str) -> tuple[dict[str, int], dict[str, str]]:
    """Return the engines with their numbers of runs, and why others are left out."""
    first = context.threads if problem in LONGEST and not context.full else 1
    missing = {"modflow6": "with --full alone, since it takes long"} if problem in LONG and not context.full else {}
    ours, theirs = (1, 1) if context.quick else (REPEATS.get(problem, 3), MODFLOW_REPEATS.get(problem, 1))
    plan = {f"native {n}": ours for n in range(first, context.threads + 1)}
    without = context.without_modflow(problem)
    if without:
        missing["modflow6"] = without
    if not missing:
        plan["modflow6"] = theirs
    return plan, missing


def _run(context: Context, problem: str, engine: str, folder: Path, steps: int | None) -> dict[str, Any]:
    """Run a problem once."""
    if engine == "modflow6":
        return run_modflow(str(context.mf6), folder, context.limit)
    return work("simulate", problem=problem, folder=folder, threads=int(engine.split()[1]), steps=steps)


def _reference(context: Context, problem: str, folder: Path, steps: int | None) -> dict[str, str]:
    """Make the reference of the heads and say what it is; none of the largest problem, unless all is asked for."""
    if problem in LONGEST and not context.full:
        return {"reference": "none"}
    if context.full and not context.without_modflow(problem) and not problem.startswith("thai_binh/"):
        context.say(f"{problem}: reference, MODFLOW 6 with closure 1e-9 m")
        work("write_modflow", problem=problem, folder=folder, mf6=context.mf6, steps=steps, tight=True)
        run_modflow(str(context.mf6), folder, context.limit)
        return {"reference": "MODFLOW 6, closure 1e-9 m"}
    context.say(f"{problem}: reference, native with tolerance 1e-12")
    work("simulate", problem=problem, folder=folder, threads=context.threads, steps=steps, tight=True)
    return {"reference": "native, tolerance 1e-12"}


def _compared(context: Context, problem: str, folder: Path, runs: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return the median run of each engine with its head differences from the reference, if there is one."""
    found = {engine: {**_median(done), "repeats": len(done)} for engine, done in runs.items()}
    if (folder / "reference").exists():
        context.say(f"{problem}: comparing heads")
        folders = [str(folder / engine) for engine in found]
        differences = work("compare", folders=folders, reference=folder / "reference")["differences"]
        for run, difference in zip(found.values(), differences, strict=True):
            run.update(difference)
    return found


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the run of the median time, with all times."""
    middle = statistics.median_low([done["seconds"] for done in runs])
    chosen = next(done for done in runs if done["seconds"] == middle)
    return {**chosen, "all_s": [done["seconds"] for done in runs]}


def _digest(folder: Path) -> str:
    """Return a checksum of the heads and of the budget in a folder."""
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in ("heads.npy", "obs.csv", "budget.csv"))).hexdigest()
