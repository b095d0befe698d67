"""Tasks that run in an interpreter of their own: ``python -m benchmarks.worker TASK '{"name": …}'`` prints a record as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

# where each task is; modules are imported only by the process that needs them
TASKS = {
    "simulate": "benchmarks.runs:simulate_task",
    "compare": "benchmarks.runs:compare_task",
    "write_modflow": "benchmarks.runs:write_modflow_task",
    "start": "benchmarks.start:start_task",
    "hardware": "benchmarks.hardware:hardware_task",
    "linear": "benchmarks.systems:linear_task",
    "size": "benchmarks.sizes:size_task",
    "march": "benchmarks.sizes:march_task",
    "scenarios": "benchmarks.many:scenarios_task",
    "write_scenario": "benchmarks.many:write_scenario_task",
    "span": "benchmarks.span:span_task",
    "time_steps": "benchmarks.time_steps:time_steps_task",
    "job": "benchmarks.start:job_task",
    "modflow_io": "benchmarks.modflow_io:modflow_io_task",
}


def seconds_since_start() -> float:
    """Return the time since this process was started by `launch`, s."""
    return time.time() - float(os.environ["BENCHMARK_BEGIN"])


def resident_mb() -> float:
    """Return the resident memory of this process, MiB; NaN where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2.0**20
    except OSError:
        return float("nan")


def main() -> None:
    """Run a task and print its record."""
    module, _, name = TASKS[sys.argv[1]].partition(":")
    task: Callable[..., dict[str, Any]] = getattr(import_module(module), name)
    print("\n" + json.dumps(task(**json.loads(sys.argv[2]))))


if __name__ == "__main__":
    main()
