"""Writes a problem as a MODFLOW 6 model: a folder in which the program runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.modflow.equivalent import vertical_conductivity
from aquirecover.modflow.files import ModelFolder, block
from aquirecover.modflow.packages import Package, packages_of, write_barriers, write_observations, write_package
from aquirecover.modflow.scales import Scales
from aquirecover.modflow.settings import ModflowSettings

MODEL = "model"
SIMULATION = "mfsim"
LATEST = (6, 7, 0)
# A frequency that no step of a period reaches: the one way of Output Control to save nothing.
NEVER = 1_000_000_000


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
        Heads and flows of every step and cell are saved, as `simulate` needs them; otherwise those of the saved steps, and heads
        at observation points.
    """
    settings = settings or ModflowSettings()
    files = ModelFolder(folder, binary_lists=release >= (6, 1, 0))
    packages, newton = packages_of(problem), uses_newton(problem)
    write_simulation(files, problem, settings, release, [MODEL])
    write_flow_model(files, MODEL, problem, packages, settings, newton=newton, save_flows=save_flows)
    return ModelFiles(folder, tuple(packages), newton)


def uses_newton(problem: Problem) -> bool:
    """Tell whether a problem is solved by Newton's method: with convertible cells and upstream weights."""
    convertible = (problem.properties.convertible & problem.grid.active).any()
    return bool(convertible) and problem.properties.averaging == "upstream"


def write_simulation(
    files: ModelFolder,
    problem: Problem,
    settings: ModflowSettings,
    release: tuple[int, int, int],
    models: Sequence[str],
    exchanges: Sequence[str] = (),
    options: Sequence[str] = (),
) -> None:
    """Write the name file of a simulation, its times and its solver.

    Parameters
    ----------
    files, problem, settings, release
        See `write_model`.
    models : sequence of str
        Names of the models.
    exchanges, options : sequence of str
        Further lines.
    """
    lines = block("options", (f"  {option}" for option in options))
    lines += block("timing", (f"  TDIS6 {SIMULATION}.tdis",))
    lines += block("models", (f"  GWF6 {name}.nam {name}" for name in models))
    lines += block("exchanges", (f"  {exchange}" for exchange in exchanges))
    lines += block("solutiongroup 1", (f"  IMS6 {SIMULATION}.ims {' '.join(models)}",))
    files.text(f"{SIMULATION}.nam", lines)
    _write_times(files, problem.schedule)
    files.text(f"{SIMULATION}.ims", settings.ims(uses_newton(problem), Scales(problem).closure(), release))


def write_flow_model(
    files: ModelFolder,
    name: str,
    problem: Problem,
    packages: Sequence[Package],
    settings: ModflowSettings,
    *,
    newton: bool,
    save_flows: bool,
) -> None:
    """Write one model of a simulation: the grid, properties and barriers of a problem, and packages of stresses."""
    prefix = "" if name == MODEL else f"{name}."
    written = [package for package in packages if package.cell.size]
    observed = bool(problem.observations.names) and not save_flows
    _write_names(files, name, prefix, problem, written, settings, newton=newton, observed=observed)
    _write_grid(files, name, problem.grid)
    _write_properties(files, name, problem)
    _write_storage(files, name, problem)
    _write_output_control(files, name, problem.schedule, save_flows)

    def cellid(cell: IntArray) -> tuple[IntArray, ...]:
        return tuple(index + 1 for index in problem.grid.indices(cell))

    for package in written:
        write_package(files, f"{prefix}{package.file}", package, cellid, problem.schedule.n_period)
    if problem.barriers:
        write_barriers(files, name, problem.barriers, cellid)
    if observed:
        write_observations(files, name, problem.observations, cellid)


def _write_times(files: ModelFolder, schedule: Schedule) -> None:
    """Write TDIS."""
    start = (f"  START_DATE_TIME {np.datetime64(schedule.start, 's')}",) if schedule.start else ()
    rows = zip(schedule.period_length, schedule.n_steps, schedule.step_multiplier, strict=True)
    lines = block("options", ("  TIME_UNITS DAYS", *start))
    lines += block("dimensions", (f"  NPER {schedule.n_period}",))
    lines += block("perioddata", (f"  {float(length)!r} {int(n)} {float(ratio)!r}" for length, n, ratio in rows))
    files.text(f"{SIMULATION}.tdis", lines)


def _write_names(
    files: ModelFolder,
    name: str,
    prefix: str,
    problem: Problem,
    packages: Sequence[Package],
    settings: ModflowSettings,
    *,
    newton: bool,
    observed: bool,
) -> None:
    """Write the name file of a model."""
    relaxed = " UNDER_RELAXATION" if settings.newton_under_relaxation else ""
    method = (f"  NEWTON{relaxed}",) if newton else ()
    fixed = [f"  {kind}6 {name}.{kind.lower()} {kind.lower()}" for kind in ("DIS", "NPF", "STO", "IC", "OC")]
    barriers = [f"  HFB6 {name}.hfb hfb"] if problem.barriers else []
    observations = [f"  OBS6 {name}.obs obs"] if observed else []
    listed = [f"  {package.kind}6 {prefix}{package.file} {package.name}" for package in packages]
    lines = block("options", (f"  LIST {name}.lst", *method))
    files.text(f"{name}.nam", lines + block("packages", fixed + barriers + listed + observations))


def _write_grid(files: ModelFolder, name: str, grid: Grid) -> None:
    """Write DIS."""
    n_layer, n_y, n_x = grid.shape
    stem, y_min = f"{name}.dis", grid.y_max - float(grid.dy.sum())
    origin = (f"  XORIGIN {grid.x_min!r}", f"  YORIGIN {y_min!r}")
    lines = block("options", ("  LENGTH_UNITS METERS", *origin))
    lines += block("dimensions", (f"  NLAY {n_layer}", f"  NROW {n_y}", f"  NCOL {n_x}"))
    data = [
        *files.column("DELR", grid.dx),
        *files.column("DELC", grid.dy),
        *files.plane("TOP", _finite(grid.top), stem),
        *files.layered("BOTM", _finite(grid.bottom), stem),
    ]
    if not grid.active.all():
        domain = np.where(grid.active, 1, np.where(grid.pass_through, -1, 0)).astype(np.int32)
        data += files.layered("IDOMAIN", domain, stem)
    files.text(stem, lines + block("griddata", data))


def _write_properties(files: ModelFolder, name: str, problem: Problem) -> None:
    """Write NPF and IC."""
    properties, active, stem = problem.properties, problem.grid.active, f"{name}.npf"
    convertible = (properties.convertible & active).astype(np.int32)
    data = [*files.layered("ICELLTYPE", convertible, stem), *files.layered("K", _filled(properties.k, active, 1.0), stem)]
    for label, values in (("K22", properties.k22), ("K33", vertical_conductivity(problem))):
        if not np.array_equal(values[active], properties.k[active]):
            data += files.layered(label, _filled(values, active, 1.0), stem)
    files.text(stem, block("options", ("  SAVE_FLOWS",)) + block("griddata", data))
    heads = files.layered("STRT", _filled(problem.initial_head, active, 0.0), f"{name}.ic")
    files.text(f"{name}.ic", block("griddata", heads))


def _write_storage(files: ModelFolder, name: str, problem: Problem) -> None:
    """Write STO."""
    properties, active, stem = problem.properties, problem.grid.active, f"{name}.sto"
    convertible = properties.convertible & active
    data = [
        *files.layered("ICONVERT", convertible.astype(np.int32), stem),
        *files.layered("SS", _filled(properties.specific_storage, active, 0.0), stem),
        *files.layered("SY", _filled(properties.specific_yield, convertible, 0.0), stem),
    ]
    lines = block("options", ("  SAVE_FLOWS",)) + block("griddata", data)
    steady = problem.schedule.steady
    for period in range(steady.size):
        if period == 0 or steady[period] != steady[period - 1]:
            lines += block(f"period {period + 1}", ("  STEADY-STATE" if steady[period] else "  TRANSIENT",))
    files.text(stem, lines)


def _write_output_control(files: ModelFolder, name: str, schedule: Schedule, save_flows: bool) -> None:
    """Write OC: the budget is printed after every step."""
    lines = block("options", (f"  HEAD FILEOUT {name}.hds", f"  BUDGET FILEOUT {name}.cbc"))
    first, before = np.concatenate(([0], np.cumsum(schedule.n_steps))), [""]
    for period in range(1 if save_flows else schedule.n_period):
        steps = np.flatnonzero(schedule.save_step[first[period] : first[period + 1]]) + 1
        which = "ALL" if save_flows else f"STEPS {' '.join(map(str, steps))}" if steps.size else f"FREQUENCY {NEVER}"
        rows = [f"  SAVE HEAD {which}", f"  SAVE BUDGET {which}", "  PRINT BUDGET ALL"]
        if rows != before:
            lines += block(f"period {period + 1}", rows)
        before = rows
    files.text(f"{name}.oc", lines)


def _finite(values: FloatArray) -> FloatArray:
    """Return an array with zeros where it is not finite, which only inactive cells may be."""
    return np.where(np.isfinite(values), values, 0.0)


def _filled(values: FloatArray, where: BoolArray, other: float) -> FloatArray:
    """Return values where they are used, and another one elsewhere."""
    return np.where(where, values, other)
