"""Time to write, run and read a problem by the MODFLOW 6 engine, apart.

`simulate` of that engine reads while the program runs; here it reads after it, so that both are seen. The basins have one value
in a layer, which takes little writing; a model in which every cell has values of its own, and recharge in every period, is
written besides.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.children import work

if TYPE_CHECKING:
    from aquirecover.flow.problem import Problem
    from benchmarks.context import Context

NAMES = ("P1s", "P2s")
PERIODS = 120  # each with pumping of its own


def modflow_io_task(problem: str, periods: int, mf6: str) -> dict[str, Any]:
    """Write, run and read a problem; return the seconds of each and the size on disk."""
    from aquirecover.modflow.program import find_program
    from aquirecover.modflow.reader import Reader
    from aquirecover.modflow.run import run_program
    from aquirecover.modflow.write import write_model
    from benchmarks import problems

    given, _ = problems.make(problem, periods)
    program = find_program(mf6)
    with tempfile.TemporaryDirectory() as place:
        folder, clock = Path(place), [time.perf_counter()]
        files = write_model(given, folder, release=program.release)
        clock.append(time.perf_counter())
        size = _megabytes(folder)
        run_program(program, folder, given, lambda: 0)
        clock.append(time.perf_counter())
        output = _megabytes(folder) - size
        with closing(Reader(given, files, 1e-6)) as reader:
            result = reader.result(program, clock[0])
        clock.append(time.perf_counter())
    names = ("write_s", "run_s", "read_s")
    took = {name: after - before for name, before, after in zip(names, clock[:-1], clock[1:], strict=True)}
    sizes = {"cells": given.grid.n_cell, "periods": given.schedule.n_period, "input_mb": size, "output_mb": output}
    return {**took, **sizes, "budget_error": float(result.budget.error.max()), "each_cell": _write_each_cell(given)}


def _write_each_cell(given: Problem) -> dict[str, float]:
    """Return the seconds and the size of writing a problem in which every cell has its own values."""
    from aquirecover.modflow.write import write_model

    problem = with_values_of_each_cell(given)
    with tempfile.TemporaryDirectory() as place:
        begin = time.perf_counter()
        write_model(problem, Path(place))
        return {"write_s": time.perf_counter() - begin, "input_mb": _megabytes(Path(place))}


def with_values_of_each_cell(problem: Problem) -> Problem:
    """Return a problem with properties and initial heads by cell, and recharge by cell and period."""
    from aquirecover.flow.properties import AquiferProperties
    from aquirecover.flow.stresses import Recharge

    random, old = np.random.default_rng(1), problem.properties
    factor = random.uniform(0.5, 2.0, problem.grid.shape)
    varied = {name: factor * getattr(old, name) for name in ("k", "k33", "k22", "specific_storage")}
    properties = AquiferProperties(problem.grid, convertible=old.convertible, specific_yield=old.specific_yield, **varied)
    cell = np.arange(problem.grid.shape[1] * problem.grid.shape[2])
    rate = random.uniform(0.0, 2e-4, (problem.schedule.n_period, cell.size))
    stresses = [stress for stress in problem.stresses if not isinstance(stress, Recharge)]
    head = problem.initial_head + factor
    return replace(problem, properties=properties, initial_head=head, stresses=(*stresses, Recharge(cell, rate)))


def _megabytes(folder: Path) -> float:
    """Return the size of the files of a folder, MB."""
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def measure_modflow_io(context: Context, problem: str) -> dict[str, Any]:
    """Write, run and read a problem in a process of its own."""
    if context.mf6 is None:
        return {"missing": context.without_modflow()}
    context.say(f"MODFLOW 6 engine: {problem}, writing, running, reading")
    periods = 6 if context.quick else PERIODS
    return work("modflow_io", limit=context.limit, problem=problem, periods=periods, mf6=context.mf6)
