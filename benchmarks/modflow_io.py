"""Time to write, run and read a MODFLOW 6 model, apart: ``python -m benchmarks.modflow_io PATH`` for 50,000 and 800,000 cells."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from aquirecover.flow.problem import Problem
from aquirecover.modflow.program import Program, find_program
from aquirecover.modflow.reader import Reader
from aquirecover.modflow.run import run_program
from aquirecover.modflow.write import write_model
from benchmarks import problems

NAMES = ("P1s", "P2s")  # 120 periods, each with pumping of its own
PERIODS = 120


def measure(problem: Problem, program: Program, folder: Path | None = None) -> dict[str, float]:
    """Return the seconds that it takes to write a problem, to run it, and to read everything back, and the size on disk.

    `simulate` reads while the program runs; here it reads after it, so that both are seen apart.

    Parameters
    ----------
    problem : Problem
        To simulate.
    program : Program
        MODFLOW 6.
    folder : Path, optional
        In which the temporary folder is made; its disk must hold all heads and flows of the run.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        begin = time.perf_counter()
        files = write_model(problem, Path(place), release=program.release)
        written = time.perf_counter()
        given = sum(path.stat().st_size for path in Path(place).iterdir())
        run_program(program, Path(place), problem, lambda: 0)
        ran = time.perf_counter()
        left = sum(path.stat().st_size for path in Path(place).iterdir())
        with closing(Reader(problem, files, 1e-6)) as reader:
            reader.result(program, begin)
        read = time.perf_counter()
    seconds = {"write_s": written - begin, "run_s": ran - written, "read_s": read - ran}
    return {**seconds, "input_mb": given / 1e6, "output_mb": (left - given) / 1e6, "cells": float(problem.grid.n_cell)}


def main(path: str, names: tuple[str, ...] = NAMES, periods: int = PERIODS) -> None:
    """Print a record per problem."""
    program = find_program(path)
    for name in names:
        problem, _ = problems.make(name, periods)
        record = measure(replace(problem, name=name), program)
        print(json.dumps({"problem": name, "periods": problem.schedule.n_period, **record}), flush=True)


if __name__ == "__main__":
    chosen = tuple(sys.argv[2].split(",")) if len(sys.argv) > 2 else NAMES
    main(sys.argv[1], chosen, int(sys.argv[3]) if len(sys.argv) > 3 else PERIODS)
