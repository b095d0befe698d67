"""Times of the main job by stage: ``python benchmarks/run.py [scenario] [--cell-size 1km --cell-size 250m] [--json]``.

Each cell size runs in a fresh interpreter, twice: the first run may compile the kernels.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("import", "load", "simulate", "recovery", "write", "figures")


def measure(scenario: Path, cell_size: str) -> dict[str, float]:
    """Return the seconds of each stage of one run, its size and its peak memory."""
    clock = [time.perf_counter()]

    def lap() -> float:
        clock.append(time.perf_counter())
        return round(clock[-1] - clock[-2], 3)

    import resource

    from aquirecover import runner
    from aquirecover.case.scenario import load_case
    from aquirecover.flow.simulate import simulate
    from aquirecover.output.figures import save_figures
    from aquirecover.output.results import write_results

    seconds = {"import": lap()}
    case = load_case(scenario, cell_size=cell_size)
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
    cells, steps = int(case.problem.grid.active.sum()), case.problem.schedule.n_step
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        **seconds,
        "total": round(sum(seconds.values()), 3),
        "cells": cells,
        "steps": steps,
        "us_per_cell_step": round(1e6 * seconds["simulate"] / (cells * steps), 3),
        "peak_gib": round(peak, 2),
        "budget_error": float(result.budget.error.max()),
    }


def main() -> None:
    """Measure, print a table (or JSON) and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", type=Path, default=ROOT / "scenarios/thai_binh/stop_all.yaml")
    parser.add_argument("--cell-size", action="append", help="repeatable; 1km and 250m by default")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = given.cell_size or ["1km", "250m"]
    if given.once:
        print(json.dumps(measure(given.scenario, sizes[0])))
        return
    records = []
    for size in sizes:
        for attempt in ("first", "second"):
            command = [sys.executable, __file__, str(given.scenario), "--cell-size", size, "--once"]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            records.append({"cell_size": size, "run": attempt, **json.loads(run.stdout)})
    if given.json:
        print(json.dumps({"machine": platform.platform(), "processor": processor(), "runs": records}, indent=2))
        return
    for record in records:
        print("  ".join(f"{name} {value}" for name, value in record.items()))
    print(f"{platform.platform()}, {processor()}, Python {platform.python_version()}")


def processor() -> str:
    """Return the name of the processor and the cores this process may use."""
    from aquirecover.machine import n_cores

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{name or 'unknown processor'}, {n_cores()} cores"


if __name__ == "__main__":
    main()
