"""Cost and iterations of the solver against the number of cells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.children import work
from benchmarks.worker import resident_mb

if TYPE_CHECKING:
    from benchmarks.context import Context

REDUCTION = 1e-6
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
BETWEEN = (30_000, 300_000, 3_000_000)  # with one thread alone
MONTHS, WARM = 24, 12
# enough cells to be shared among threads
WARM_UP = 50_000
# larger grids are solved steady alone, which is the harder system
MONTH_CELLS = 2_000_000


def size_task(kind: str, cells: int, threads: int = 1) -> dict[str, Any]:
    """Solve the steady state and the first month of a field of `fields` to 1e-6 of their residuals.

    Returns times of making the hierarchy and of the solve, iterations, and the time of a work unit on the same grid.
    """
    from aquirecover.flow.linear import LinearSettings
    from aquirecover.flow.simulate import SimulateSettings
    from benchmarks import fields, hardware, native

    settings: LinearSettings = native.with_threads(SimulateSettings(), threads).linear
    record: dict[str, Any] = {"kind": kind, "threads": threads}
    for name, month in (("steady", False), ("month", True)):
        if month and cells > MONTH_CELLS:
            continue
        for size in (WARM_UP, cells):
            # the first one loads the compiled loops
            system, make_matrix, rhs = native.assembled(fields.make(kind, size), month)
            begin = time.perf_counter()
            matrix = make_matrix()
            made = time.perf_counter()
            _ = matrix.hierarchy
            ready = time.perf_counter()
            result = native.solve_once(matrix, rhs, REDUCTION, settings)
            end = time.perf_counter()
        again = [end - ready]
        while sum(again) < 0.5 and len(again) < 50:
            begin_again = time.perf_counter()
            native.solve_once(matrix, rhs, REDUCTION, settings)
            again.append(time.perf_counter() - begin_again)
        record[name] = {
            "assemble_s": made - begin,
            "hierarchy_s": ready - made,
            "solve_s": min(again),
            "iterations": result.iterations,
            "status": result.status.name,
            "reached": result.residuals[-1] / result.residuals[0] if result.residuals else float("nan"),
        }
        record["cells"], record["active"] = int(rhs.size), int(system.problem.grid.active.sum())
        shape = rhs.shape
        del system, make_matrix, rhs, matrix, result
    record["work_unit_s"] = hardware.sweep_seconds((shape[0], shape[1], shape[2]), 1)
    return record


def march_task(cells: int, threads: int = 1) -> dict[str, Any]:
    """March 24 seasonal months over aquifers with aquitards of 1e-5; return times of the steady and of warm steps, and memory."""
    from aquirecover.flow.simulate import SimulateSettings, simulate
    from benchmarks import fields, hardware, native

    settings = native.with_threads(SimulateSettings(), threads)
    simulate(fields.make("aquitards", WARM_UP, 3), settings)
    before = resident_mb()
    problem = fields.make("aquitards", cells, MONTHS)
    stamps = [time.perf_counter()]
    result = simulate(problem, settings, lambda *_: stamps.append(time.perf_counter()))
    took = np.diff(stamps)
    shape = problem.grid.shape
    record = {
        "cells": problem.grid.n_cell,
        "threads": threads,
        "seconds": float(took.sum()),
        "first_step_s": float(took[0]),
        "warm_step_s": float(np.median(took[1 + WARM :])),
        "warm_iterations": float(np.mean([report.inner for report in result.reports[1 + WARM :]])),
        "budget_error": float(result.budget.error.max()),
        "memory_before_mb": before,
    }
    del problem, result
    return {**record, "work_unit_s": hardware.sweep_seconds((shape[0], shape[1], shape[2]), threads)}


def measure_kind(context: Context, kind: str) -> dict[str, Any]:
    """Solve a field of a kind at all sizes, each in a process of its own."""
    sizes = SIZES[:2] if context.quick else SIZES
    records = []
    for cells in sizes:
        context.say(f"sizes: {kind}, {cells:,} cells")
        records.append(work("size", kind=kind, cells=cells))
    return {"kind": kind, "sizes": records}


def measure_march(context: Context) -> dict[str, Any]:
    """March at all sizes with one thread, and at a million cells with each number of threads."""
    sizes = SIZES[:2] if context.quick else sorted({*SIZES, *BETWEEN})
    records = []
    for cells in sizes:
        for threads in range(1, 2 if cells in BETWEEN else context.threads + 1):
            context.say(f"march: {cells:,} cells, {threads} thread{'s' if threads > 1 else ''}")
            records.append(work("march", cells=cells, threads=threads))
    return {"sizes": records}


def fitted_exponent(cells: list[float], seconds: list[float]) -> float:
    """Return p of ``seconds ~ cells^p`` by least squares of the logarithms."""
    return float(np.polyfit(np.log(cells), np.log(seconds), 1)[0])
