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

from benchmarks.children import Usage, run, work
from benchmarks.worker import resident_mb, seconds_since_start

if TYPE_CHECKING:
    from benchmarks.context import Context

# Native runs of a problem, and those of MODFLOW 6, which take turns as long as there are any; the median of each counts.
REPEATS = {"thai_binh/250m": 1, "thai_binh/125m": 1}
MODFLOW_REPEATS = {"P1": 3, "P1s": 3, "P3": 2, "P2": 2}
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
    runs: dict[str, list[dict[str, Any]]] = {f"native {n}": [] for n in range(1, context.threads + 1)}
    record: dict[str, Any] = {"problem": problem, "engines": {}}
    program = _prepare_modflow(context, problem, folder, steps, record)
    if program:
        runs["modflow6"] = []
    reference = _reference(context, problem, folder, steps, record)
    ours, theirs = (1, 1) if context.quick else (REPEATS.get(problem, 3), MODFLOW_REPEATS.get(problem, 1))
    for repeat in range(max(ours, theirs)):
        for engine, done in runs.items():
            most = theirs if engine == "modflow6" else ours
            if repeat >= most:
                continue
            context.say(f"{problem}: {engine}, run {repeat + 1} of {most}")
            if engine == "modflow6":
                done.append(run_modflow(str(context.mf6), folder / engine, context.limit))
            else:
                threads = int(engine.split()[1])
                done.append(work("simulate", problem=problem, folder=folder / engine, threads=threads, steps=steps))
    names = list(runs)
    context.say(f"{problem}: comparing heads")
    differences = work("compare", folders=[str(folder / name) for name in names], reference=reference)["differences"]
    for name, difference in zip(names, differences, strict=True):
        record["engines"][name] = {**_median(runs[name]), **difference, "repeats": len(runs[name])}
    record["cells"], record["steps"] = (record["engines"]["native 1"][key] for key in ("cells", "steps"))
    if "native 2" in runs:
        record["same_bits"] = _digest(folder / "native 1") == _digest(folder / "native 2")
    shutil.rmtree(folder)
    return record


def _prepare_modflow(context: Context, problem: str, folder: Path, steps: int | None, record: dict[str, Any]) -> bool:
    """Write MODFLOW's input; return whether its runs can be measured, and else say in the record why not."""
    missing = context.without_modflow(problem)
    if missing:
        record["engines"]["modflow6"] = {"missing": missing}
        return False
    context.say(f"{problem}: writing MODFLOW's input")
    written = work("write_modflow", problem=problem, folder=folder / "modflow6", mf6=context.mf6, steps=steps)
    record["modflow_input_s"] = written["seconds"]
    return True


def _reference(context: Context, problem: str, folder: Path, steps: int | None, record: dict[str, Any]) -> Path:
    """Make the reference of the heads and return its folder."""
    tight = folder / "reference"
    if context.full and not context.without_modflow(problem) and not problem.startswith("thai_binh/"):
        context.say(f"{problem}: reference, MODFLOW 6 with closure 1e-9 m")
        work("write_modflow", problem=problem, folder=tight, mf6=context.mf6, steps=steps, tight=True)
        run_modflow(str(context.mf6), tight, context.limit)
        record["reference"] = "MODFLOW 6, closure 1e-9 m"
    else:
        context.say(f"{problem}: reference, native with tolerance 1e-12")
        work("simulate", problem=problem, folder=tight, threads=context.threads, steps=steps, tight=True)
        record["reference"] = "native, tolerance 1e-12"
    return tight


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the run of the median time, with all times."""
    middle = statistics.median_low([done["seconds"] for done in runs])
    chosen = next(done for done in runs if done["seconds"] == middle)
    return {**chosen, "all_s": [done["seconds"] for done in runs]}


def _digest(folder: Path) -> str:
    """Return a checksum of the heads and of the budget in a folder."""
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in ("heads.npy", "obs.csv", "budget.csv"))).hexdigest()
