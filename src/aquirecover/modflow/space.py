"""How much of a disk a model of MODFLOW 6 and its output take, asked before anything is written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aquirecover.errors import ResourceError
from aquirecover.flow.problem import Problem
from aquirecover.modflow.packages import Package
from aquirecover.modflow.records import RELEASE, release

NUMBER, INTEGER = 8, 4  # bytes
GRID_ARRAYS = 10  # that have at most a value for each cell: surfaces, domain, kinds of cells, conductivities, storage, heads
FACES = 7  # flows between cells that are saved for each cell at most, its own place among them
LISTING = 20_000  # bytes that are printed in a step
HEADERS = 3_000  # bytes of the headers of all records of a step
FOLDER = 300_000  # bytes of small files
# Steps that the program may be ahead of who reads its output.
AHEAD = 4


def input_bytes(problem: Problem, packages: Sequence[Package]) -> int:
    """Return about how many bytes a model takes, at most: arrays that are constant and lists that come again take none."""
    total = FOLDER + NUMBER * GRID_ARRAYS * problem.grid.n_cell
    for package in packages:
        row = 3 * INTEGER + NUMBER * len(package.columns(0))
        total += row * package.cell.size * (problem.schedule.n_period if package.varies else 1)
    return total


def output_bytes(problem: Problem, packages: Sequence[Package]) -> int:
    """Return about how many bytes the output of one step takes when the heads and flows of all cells are saved, at most."""
    grid = problem.grid
    kinds = 2 if (problem.properties.convertible & grid.active).any() else 1
    rows = sum(package.cell.size for package in packages)
    cells = NUMBER * (1 + kinds) * grid.n_cell + NUMBER * FACES * int(grid.active.sum())
    return cells + (2 * INTEGER + NUMBER) * rows + HEADERS + LISTING


def check_space(folder: Path, problem: Problem, packages: Sequence[Package], *, run: bool) -> None:
    """Raise `ResourceError` when a folder's disk has no place for a model and, for a run, for what the program writes.

    Parameters
    ----------
    folder : Path
        Exists; a small file is written into it, to see whether what was read gives its place back.
    problem, packages
        To be written.
    run : bool
        Whether the program will run there, its output read meanwhile.
    """
    needed = input_bytes(problem, packages)
    if run:
        steps, step = problem.schedule.n_step, output_bytes(problem, packages)
        needed += min(steps * step, AHEAD * step + 2 * RELEASE) if gives_back(folder) else steps * step
    free = shutil.disk_usage(folder).free
    if needed > free:
        what = "the run" if run else "the model"
        megabytes = f"{needed / 1e6:,.0f} MB on the disk for {what}: {free / 1e6:,.0f} MB"
        raise ResourceError(f"{folder.parent}: MODFLOW 6 needs about {megabytes} are free. Free some, or choose another folder.")


def gives_back(folder: Path, size: int = 2**20) -> bool:
    """Tell whether a part of an open file that was read can give its place back to the disk that holds a folder."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(range(256)) * (size // 256))
        file.flush()
        return release(file.fileno(), 0, size)
