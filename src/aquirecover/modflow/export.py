"""A problem as a MODFLOW 6 folder of its own, for people who run it elsewhere: files, README, and the wells by name."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aquirecover import __version__
from aquirecover.errors import ConfigError, OutputExistsError
from aquirecover.flow.checks import check_problem
from aquirecover.flow.problem import Problem
from aquirecover.modflow.equivalent import check_equivalence
from aquirecover.modflow.files import ModelFolder
from aquirecover.modflow.folders import run_folder
from aquirecover.modflow.packages import LONGEST_OBSERVATION, packages_of, unique_names
from aquirecover.modflow.parts import Part, part_rows, write_parts
from aquirecover.modflow.settings import ModflowSettings
from aquirecover.modflow.space import check_space
from aquirecover.modflow.write import MODEL, SIMULATION, uses_newton, write_model

PARTS, WELLS, POINTS, README = "parts.json", "wells.csv", "observations.csv", "README.md"


def export_model(problem: Problem, folder: Path, settings: ModflowSettings | None = None, n_part: int = 1) -> list[str]:
    """Write a problem as a MODFLOW 6 model with a README, all or nothing.

    Parameters
    ----------
    problem : Problem
        To be written.
    folder : Path
        New, or empty.
    settings : ModflowSettings, optional
        How MODFLOW solves.
    n_part : int
        Models that the grid is cut into, for a parallel run; see `parts.write_parts`.

    Returns
    -------
    list of str
        Names of the files.

    Raises
    ------
    ConfigError
        When the problem breaks a rule, has something that MODFLOW 6 has not, or cannot be cut so.
    OutputExistsError
        When the folder holds anything.
    ResourceError
        When the disk is full.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "and is not empty" if folder.is_dir() else "and is a file"
        raise OutputExistsError(f"{folder}: exists already {what}. Choose another folder.")
    findings = check_problem(problem) or check_equivalence(problem)
    if findings:
        raise ConfigError(findings)
    with run_folder(folder.absolute().parent) as place:
        check_space(place, problem, packages_of(problem), run=False)
        made = place / folder.name
        made.mkdir()
        parts: Sequence[Part] = ()
        if n_part == 1:
            write_model(problem, made, settings, save_flows=False)
        else:
            parts = write_parts(problem, ModelFolder(made), n_part, settings)
            (made / PARTS).write_text(json.dumps(part_rows(parts), indent=2) + "\n", encoding="utf-8")
        if problem.wells:
            _write_wells(made / WELLS, problem, parts)
        if problem.observations.names:
            _write_points(made / POINTS, problem, parts)
        (made / README).write_text(readme(problem, parts), encoding="utf-8")
        names = sorted(path.name for path in made.iterdir())
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    return names


def _models(problem: Problem, parts: Sequence[Part]) -> Sequence[Part]:
    """Return the parts, or the whole as one."""
    _, n_y, n_x = problem.grid.shape
    return parts or [Part(MODEL, slice(0, n_y), slice(0, n_x))]


def _write_points(path: Path, problem: Problem, parts: Sequence[Part]) -> None:
    """Write which columns of the tables of observed heads of which models are which observation points."""
    points, grid = problem.observations, problem.grid
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["model", "column of the table", "observation", "layer", "row of cells", "column"])
        for part in _models(problem, parts):
            inside = np.flatnonzero(part.holds(grid, points.cell))
            names = [points.names[n] for n in inside]
            layer, row, column = grid.indices(points.cell[inside])
            places = zip(layer + 1, row - part.rows.start + 1, column - part.columns.start + 1, strict=True)
            for short, name, place in zip(unique_names(names, LONGEST_OBSERVATION), names, places, strict=True):
                table.writerow([part.name, short.upper(), _safe(name), *place])


def _write_wells(path: Path, problem: Problem, parts: Sequence[Part]) -> None:
    """Write which rows of the packages of which models are which wells."""
    names = {stress.name: package.name for stress, package in zip(problem.stresses, packages_of(problem), strict=False)}
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["model", "package", "row", "well", "layer", "row of cells", "column", "share of rate"])
        for part in _models(problem, parts):
            for wells in problem.wells:
                inside = np.flatnonzero(part.holds(problem.grid, wells.cell))
                layer, row, column = problem.grid.indices(wells.cell[inside])
                for number, n in enumerate(inside):
                    place = [layer[number] + 1, row[number] - part.rows.start + 1, column[number] - part.columns.start + 1]
                    name = _safe(wells.names[wells.well[n]])
                    table.writerow([part.name, names[wells.name], number + 1, name, *place, wells.fraction[n]])


def _safe(name: str) -> str:
    """Return a name with a ``'`` before what a spreadsheet would run as a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def readme(problem: Problem, parts: Sequence[Part] = ()) -> str:
    """Return what a person needs to run the model and to know what is what."""
    grid, schedule, context = problem.grid, problem.schedule, problem.context
    n_layer, n_y, n_x = grid.shape
    packages = packages_of(problem)
    kinds = [*(stress.kind for stress in problem.stresses), *("fixed_head" for _ in problem.fixed_heads)]
    rows = [
        f"| {name} | {kind.replace('_', ' ')} | {package.kind} | `{package.name}` | {package.cell.size} |"
        for name, kind, package in zip(problem.terms[1:], kinds, packages, strict=True)
    ]
    method = "Newton-Raphson" if uses_newton(problem) else "standard"
    start = f", from {schedule.start}" if schedule.start else ""
    crs = f" ({context.crs})" if context.crs else ""
    lines = [
        f"# {context.title or problem.name}",
        "",
        f"A MODFLOW 6 model written by aquirecover {__version__}. Metres and days.",
        "",
        f"- grid: {n_layer} layers, {n_y} rows, {n_x} columns, {int(grid.active.sum())} active cells; "
        f"origin {grid.x_min:g}, {grid.y_max - float(grid.dy.sum()):g}{crs}",
        f"- layers from the top: {', '.join(grid.layer_names)}",
        f"- time: {schedule.n_period} stress periods, {schedule.n_step} steps, {schedule.step_time[-1]:g} days{start}",
        f"- formulation: {method}",
        "",
        *_run_lines(parts),
        "",
        "Heads and cell-by-cell flows of the saved steps are then in `*.hds` and `*.cbc`, budgets of every step in `*.lst`.",
        "Look at the budget: `Normal termination` does not say that it closes.",
        "",
        "| name | stress | package type | package | rows |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "A rate of zero is written where a stress ends. Arrays (`*_K.bin` of layer K) and lists (`*.N.bin` of period N) are",
        "binary files as mf6io.pdf describes them; flopy reads them.",
    ]
    if problem.wells:
        lines.append(f"`{WELLS}` tells which row of a package is which well; injection follows pumping where there is any.")
    if problem.observations.names:
        lines.append(f"Heads of every step at the observation points go to `*.obs.csv`; `{POINTS}` tells which column is which.")
    return "\n".join([*lines, ""])


def _run_lines(parts: Sequence[Part]) -> list[str]:
    """Return how to run the model."""
    if not parts:
        return ["To run it, in this folder:", "", "```sh", "mf6", "```"]
    n = len(parts)
    return [
        f"The grid is cut into {n} models, `{parts[0].name}` to `{parts[-1].name}`, that exchange water; `{PARTS}` says which",
        "rows and columns each has. To run them on as many processes, in this folder, with a MODFLOW 6 built for MPI:",
        "",
        "```sh",
        f"mpirun -np {n} mf6 -p",
        "```",
        "",
        "Any MODFLOW 6 runs the same simulation on one process: `mf6`. To put heads together again:",
        "",
        "```python",
        "import json",
        "from pathlib import Path",
        "",
        "import flopy",
        "import numpy as np",
        "",
        f"parts = json.loads(Path({PARTS!r}).read_text())",
        "heads = []",
        "for part in parts:",
        "    with flopy.utils.HeadFile(part['model'] + '.hds') as file:",
        "        heads.append(file.get_alldata())",
        "n_y, n_x = (max(part[side][1] for part in parts) for side in ('rows', 'columns'))",
        "head = np.full((*heads[0].shape[:2], n_y, n_x), np.nan)",
        "for part, values in zip(parts, heads):",
        "    (top, bottom), (left, right) = part['rows'], part['columns']",
        "    head[:, :, top - 1 : bottom, left - 1 : right] = values",
        "```",
        "",
        f"`{SIMULATION}.hpc` says which process gets which model.",
    ]
