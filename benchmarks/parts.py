"""The parts of the suite in the order in which they run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import fields, many, modflow_io, runs, sizes, span, start, systems, time_steps
from benchmarks.children import ChildError, work
from benchmarks.context import Context

Part = Callable[[Context], dict[str, Any]]

QUICK_STEPS = {"P1": 24, "P1s": 24, "P3": 12, "P5": 10}


def measure_hardware(context: Context) -> dict[str, Any]:
    """Return the machine, its memory bandwidth and the time of a work unit."""
    from benchmarks.hardware import machine

    context.say("hardware: memory bandwidth and work unit")
    numbers = [100_000, 1_000_000, 10_000_000] + ([] if context.quick else [64_000_000])
    measured = work("hardware", numbers=numbers, cells=numbers[:3], threads=max(2, context.threads))
    return {"machine": {**machine(), **_modflow_version(context)}, **measured}


def _modflow_version(context: Context) -> dict[str, str]:
    from benchmarks.children import run

    if context.mf6 is None:
        return {}
    version = run([context.mf6, "--version"]).out.split()[1]
    compiler = run([context.mf6, "--compiler"]).out.partition(" with ")[2].strip()
    options = run([context.mf6, "--compiler-opt"]).out.split(":")[-1].split()
    kept = " ".join(option for option in options if option.startswith("-O"))
    return {"modflow6": f"{version}, {compiler} {kept}".strip()}


def parts(context: Context) -> dict[str, Part]:
    """Return the parts by name; heavier ones last, so that an early end leaves the most."""
    found: dict[str, Part] = {"hardware": measure_hardware, "start": start.measure_start}
    for problem in ("P1", "P1s", "P3", "P5"):
        steps = QUICK_STEPS[problem] if context.quick else None
        found[f"runs/{problem}"] = partial(runs.side_by_side, problem=problem, steps=steps)
    found["time_steps"] = time_steps.measure_time_steps
    for system in systems.SYSTEMS[: 2 if context.quick else None]:
        found[f"systems/{system}"] = partial(systems.measure_system, system=system)
    for kind in fields.KINDS[:: 4 if context.quick else 1]:
        found[f"sizes/{kind}"] = partial(sizes.measure_kind, kind=kind)
    found["march"] = sizes.measure_march
    found["many"] = many.measure_many
    found["modflow_io/P1s"] = partial(modflow_io.measure_modflow_io, problem="P1s")
    found["span"] = span.measure_span
    found["runs/thai_binh/1km"] = partial(runs.side_by_side, problem="thai_binh/1km")
    if context.quick:
        return found
    found["job/1km"] = partial(start.measure_job, cell_size="1km")
    for problem in ("P2", "P4", "P2s", *(("P3s", "P4s") if context.full else ())):
        found[f"runs/{problem}"] = partial(runs.side_by_side, problem=problem)
    found["modflow_io/P2s"] = partial(modflow_io.measure_modflow_io, problem="P2s")
    found["job/250m"] = partial(start.measure_job, cell_size="250m")
    for size in ("250m", "125m"):
        found[f"runs/thai_binh/{size}"] = partial(runs.side_by_side, problem=f"thai_binh/{size}")
    return found


def measured(part: Part, context: Context) -> dict[str, Any]:
    """Return the record of a part, or why there is none, with the cores that other programs used meanwhile."""
    begin, (busy, own) = time.perf_counter(), _processor_seconds()
    try:
        record = part(context)
    except ChildError as failure:
        record = {"missing": str(failure)}
    except (RuntimeError, ValueError, OSError) as failure:
        record = {"missing": f"{type(failure).__name__}: {failure}"}
    took, (busy_now, own_now) = time.perf_counter() - begin, _processor_seconds()
    others = (busy_now - busy - (own_now - own)) / took
    return {**record, "took_s": took, "cores_of_others": max(0.0, others), "quick": context.quick}


def _processor_seconds() -> tuple[float, float]:
    """Return the processor time of all programs since the machine started, and that of this one with its children; s."""
    own = os.times()
    mine = own.user + own.system + own.children_user + own.children_system
    stat = Path("/proc/stat")
    if not stat.exists():
        return mine, mine
    user, nice, system, _, _, irq, softirq = map(int, stat.read_text(encoding="ascii").split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK"), mine
