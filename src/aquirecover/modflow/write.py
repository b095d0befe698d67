"""Writes a problem as a MODFLOW 6 model: a folder in which the program runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.modflow.equivalent import vertical_conductivity
from aquirecover.modflow.files import ModelFolder, block
from aquirecover.modflow.packages import Package, packages_of, write_barriers, write_package
from aquirecover.modflow.scales import Scales
from aquirecover.modflow.settings import ModflowSettings

MODEL = "model"
LATEST = (6, 7, 0)


@dataclass(frozen=True, eq=False)
class ModelFiles:
    """What was written.

    Parameters
    ----------
    folder : Path
        In which the program runs.
    packages : tuple of Package
        Of the stresses and fixed heads, in the order of the terms of the budget; those without cells are not written.
    newton : bool
        The model is solved by Newton's method.
    """

    folder: Path
    packages: tuple[Package, ...]
    newton: bool


def write_model(
    problem: Problem,
    folder: Path,
    settings: ModflowSettings | None = None,
    release: tuple[int, int, int] = LATEST,
    *,
    save_flows: bool = True,
) -> ModelFiles:
    """Write a problem, which `check_problem` and `check_equivalence` have found sound, into an empty folder.

    Parameters
    ----------
    problem : Problem
        To be written.
    folder : Path
        Exists and is empty.
    settings : ModflowSettings, optional
        How MODFLOW solves.
    release : tuple of int
        Of the program that will read the files.
    save_flows : bool
        Heads and flows of every step and cell are saved, as `simulate` needs them; otherwise heads of the saved steps.
    """
    settings = settings or ModflowSettings()
    files = ModelFolder(folder, binary_lists=release >= (6, 1, 0))
    properties = problem.properties
    newton = bool((properties.convertible & problem.grid.active).any()) and properties.averaging == "upstream"
    packages = packages_of(problem)
    written = [package for package in packages if package.cell.size]
    _write_simulation(files, problem)
    files.text(f"{MODEL}.ims", settings.ims(newton, Scales(problem).closure(), release))
    _write_names(files, problem, written, newton and settings.newton_under_relaxation, newton)
    _write_grid(files, problem.grid)
    _write_properties(files, problem)
    _write_output_control(files, problem, save_flows)

    def cellid(cell: IntArray) -> tuple[IntArray, ...]:
        return tuple(index + 1 for index in problem.grid.indices(cell))

    for package in written:
        write_package(files, package, cellid, problem.schedule.n_period)
    if problem.barriers:
        write_barriers(files, MODEL, problem.barriers, cellid)
    return ModelFiles(folder, tuple(packages), newton)


def _write_simulation(files: ModelFolder, problem: Problem) -> None:
    """Write the name file of the simulation and the times."""
    lines = block("options", ())
    lines += block("timing", (f"  TDIS6 {MODEL}.tdis",))
    lines += block("models", (f"  GWF6 {MODEL}.nam {MODEL}",))
    lines += block("exchanges", ())
    lines += block("solutiongroup 1", (f"  IMS6 {MODEL}.ims {MODEL}",))
    files.text("mfsim.nam", lines)
    schedule = problem.schedule
    start = (f"  START_DATE_TIME {np.datetime64(schedule.start, 's')}",) if schedule.start else ()
    rows = zip(schedule.period_length, schedule.n_steps, schedule.step_multiplier, strict=True)
    lines = block("options", ("  TIME_UNITS DAYS", *start))
    lines += block("dimensions", (f"  NPER {schedule.n_period}",))
    lines += block("perioddata", (f"  {float(length)!r} {int(n)} {float(ratio)!r}" for length, n, ratio in rows))
    files.text(f"{MODEL}.tdis", lines)


def _write_names(files: ModelFolder, problem: Problem, packages: list[Package], relaxed: bool, newton: bool) -> None:
    """Write the name file of the model."""
    method = ("  NEWTON UNDER_RELAXATION",) if relaxed else ("  NEWTON",) if newton else ()
    fixed = [f"  {kind}6 {MODEL}.{kind.lower()} {kind.lower()}" for kind in ("DIS", "NPF", "STO", "IC", "OC")]
    barriers = [f"  HFB6 {MODEL}.hfb hfb"] if problem.barriers else []
    listed = [f"  {package.kind}6 {package.file} {package.name}" for package in packages]
    lines = block("options", (f"  LIST {MODEL}.lst", *method))
    files.text(f"{MODEL}.nam", lines + block("packages", fixed + barriers + listed))


def _write_grid(files: ModelFolder, grid: Grid) -> None:
    """Write DIS."""
    n_layer, n_y, n_x = grid.shape
    y_min = grid.y_max - float(grid.dy.sum())
    origin = (f"  XORIGIN {grid.x_min!r}", f"  YORIGIN {y_min!r}")
    lines = block("options", ("  LENGTH_UNITS METERS", *origin))
    lines += block("dimensions", (f"  NLAY {n_layer}", f"  NROW {n_y}", f"  NCOL {n_x}"))
    data = [
        *files.column("DELR", grid.dx),
        *files.column("DELC", grid.dy),
        *files.plane("TOP", _finite(grid.top), "dis"),
        *files.layered("BOTM", _finite(grid.bottom), "dis"),
    ]
    if not grid.active.all():
        data += files.layered("IDOMAIN", np.where(grid.active, 1, np.where(grid.pass_through, -1, 0)).astype(np.int32), "dis")
    files.text(f"{MODEL}.dis", lines + block("griddata", data))


def _write_properties(files: ModelFolder, problem: Problem) -> None:
    """Write NPF, STO and IC."""
    properties, active = problem.properties, problem.grid.active
    convertible = (properties.convertible & active).astype(np.int32)
    data = [*files.layered("ICELLTYPE", convertible, "npf"), *files.layered("K", _filled(properties.k, active, 1.0), "npf")]
    k22, k33 = properties.k22, vertical_conductivity(problem)
    for name, values in (("K22", k22), ("K33", k33)):
        if not np.array_equal(values[active], properties.k[active]):
            data += files.layered(name, _filled(values, active, 1.0), "npf")
    files.text(f"{MODEL}.npf", block("options", ("  SAVE_FLOWS",)) + block("griddata", data))

    storage = [
        *files.layered("ICONVERT", convertible, "sto"),
        *files.layered("SS", _filled(properties.specific_storage, active, 0.0), "sto"),
        *files.layered("SY", _filled(properties.specific_yield, active & properties.convertible, 0.0), "sto"),
    ]
    lines = block("options", ("  SAVE_FLOWS",)) + block("griddata", storage)
    steady = problem.schedule.steady
    for period in range(steady.size):
        if period == 0 or steady[period] != steady[period - 1]:
            lines += block(f"period {period + 1}", ("  STEADY-STATE" if steady[period] else "  TRANSIENT",))
    files.text(f"{MODEL}.sto", lines)
    heads = files.layered("STRT", _filled(problem.initial_head, active, 0.0), "ic")
    files.text(f"{MODEL}.ic", block("griddata", heads))


def _write_output_control(files: ModelFolder, problem: Problem, save_flows: bool) -> None:
    """Write OC: the budget is printed after every step."""
    lines = block("options", (f"  HEAD FILEOUT {MODEL}.hds", f"  BUDGET FILEOUT {MODEL}.cbc"))
    if save_flows:
        lines += block("period 1", ("  SAVE HEAD ALL", "  SAVE BUDGET ALL", "  PRINT BUDGET ALL"))
    else:
        schedule, before = problem.schedule, [""]
        first = np.concatenate(([0], np.cumsum(schedule.n_steps)))
        for period in range(schedule.n_period):
            steps = np.flatnonzero(schedule.save_step[first[period] : first[period + 1]]) + 1
            which = f"STEPS {' '.join(map(str, steps))}" if steps.size else "FREQUENCY 1000000"
            rows = [f"  SAVE HEAD {which}", f"  SAVE BUDGET {which}", "  PRINT BUDGET ALL"]
            if rows != before:
                lines += block(f"period {period + 1}", rows)
            before = rows
    files.text(f"{MODEL}.oc", lines)


def _finite(values: FloatArray) -> FloatArray:
    """Return an array with zeros where it is not finite, which only inactive cells may be."""
    return np.where(np.isfinite(values), values, 0.0)


def _filled(values: FloatArray, where: BoolArray, other: float) -> FloatArray:
    """Return values where they are used, and another one elsewhere."""
    return np.where(where, values, other)
