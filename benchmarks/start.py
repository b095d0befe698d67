"""Starting: compilation of the loops in the first run, start-up of later ones, and the stages of the main job."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.children import run, work
from benchmarks.problems import ROOT, SCENARIO
from benchmarks.worker import seconds_since_start

if TYPE_CHECKING:
    from benchmarks.context import Context

EXAMPLE = ROOT / "scenarios/confined_basin/ban.yaml"


def start_task() -> dict[str, Any]:
    """Import the simulator and solve a small problem of each kind as it comes; return the times since the process was started."""
    from aquirecover.flow.simulate import simulate
    from benchmarks import problems

    record = {"imported_s": seconds_since_start()}
    for name in ("P1", "P3"):
        simulate(problems.small(name))
        record[f"{name}_s"] = seconds_since_start()
    return record


def job_task(cell_size: str) -> dict[str, Any]:
    """Run the main job at a cell size; return the seconds of each stage."""
    clock = [time.perf_counter()]

    def lap() -> float:
        clock.append(time.perf_counter())
        return clock[-1] - clock[-2]

    from aquirecover import runner
    from aquirecover.case.scenario import load_case
    from aquirecover.flow.simulate import simulate
    from aquirecover.output.figures import save_figures
    from aquirecover.output.results import write_results

    seconds = {"import": lap()}
    case = load_case(SCENARIO, cell_size=cell_size)
    seconds["load"] = lap()
    result = simulate(case.problem, case.settings)
    seconds["simulate"] = lap()
    recovery = runner.find_recovery(result, case.settings, runner.Listener())
    seconds["recovery"] = lap()
    with tempfile.TemporaryDirectory() as folder:
        dataset = write_results(result, folder, recovery=recovery, settings=case.settings)
        seconds["write"] = lap()
        save_figures(dataset, Path(folder) / "figures")
        seconds["figures"] = lap()
    return {
        "seconds": seconds,
        "total_s": sum(seconds.values()),
        "cells": int(case.problem.grid.active.sum()),
        "steps": case.problem.schedule.n_step,
        "budget_error": float(result.budget.error.max()),
    }


def measure_job(context: Context, cell_size: str) -> dict[str, Any]:
    """Run the main job in a process of its own."""
    context.say(f"main job at {cell_size}")
    return {"cell_size": cell_size, **work("job", cell_size=cell_size)}


def measure_start(context: Context) -> dict[str, Any]:
    """Start the simulator and the command line with an empty cache of compiled loops, and again with that cache."""
    record: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("simulator", "command line"):
            cache = Path(folder) / name
            environment = {"NUMBA_CACHE_DIR": str(cache)}
            for count in range(2 if context.quick else 4):
                context.say(f"start: {name}, run {count + 1}")
                took = _start(name, Path(folder) / f"out {count}", environment)
                if count == 0:
                    record[name] = {"first": took, "later": [], "compiled_files": len(list(cache.rglob("*.nbc")))}
                else:
                    record[name]["later"].append(took)
    if context.mf6:
        record["modflow6"] = min(run([context.mf6, "--version"]).wall_s for _ in range(5))
    return record


def _start(name: str, out: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Start the simulator, or run the small example from the command line with what it says about compilation."""
    if name == "simulator":
        return work("start", environment=environment)
    command = [sys.executable, "-m", "aquirecover", "run", str(EXAMPLE), "--out", str(out), "--no-figures"]
    took = run(command, environment=environment)
    said = [line.strip() for line in took.err.splitlines() if "compil" in line]
    return {"process_wall_s": took.wall_s, "process_cpu_s": took.cpu_s, "said": said[0] if said else ""}
