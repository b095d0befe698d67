"""One run from a scenario file to a folder of results: the only place that joins case, flow, study and output."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aquirecover import __version__
from aquirecover.engines import NATIVE, Engine, check_problem_for, modflow_engine, native_engine
from aquirecover.errors import ResourceError
from aquirecover.machine import GIBIBYTE, available_memory, kernels_are_compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from aquirecover.case.scenario import Case
    from aquirecover.flow.arrays import FloatArray
    from aquirecover.flow.problem import FlowResult, Problem
    from aquirecover.flow.simulate import SimulateSettings
    from aquirecover.modflow import Program
    from aquirecover.study.recovery import RecoveryReport

# Of the native engine on one core, fitted to runs of 1,000 to 400,000 cells; a machine may be twice as fast or slow.
SECONDS_PER_CELL_STEP = {"linear": 1e-7, "nonlinear": 5e-7}
# Of MODFLOW 6, with what is written and read, by runs of 50,000 and 800,000 cells; beyond the first its iterations grow with
# the root of the cells.
SECONDS_OF_MODFLOW, ROOT_FROM = {"linear": 1.2e-6, "nonlinear": 2e-6}, 50_000
# Larger grids leave the caches of the processor.
LARGE_GRID, LARGE_FACTOR = 100_000, 1.7
SECONDS_FOR_FILES, SECONDS_FOR_FILES_PER_CELL = 5.0, 5e-5
SECONDS_TO_COMPILE = 20.0
BYTES_PER_CELL = 1200.0
BYTES_OF_LIBRARIES = 0.4 * GIBIBYTE
FIGURES = "figures"
LATE_FRACTIONS = (0.9, 0.99)  # moments say nothing of earlier ones
# Saved heads are held as heads, as yearly means and fractions of recovery, as a dataset, and once more while they are written:
# 5.7 GB in all at 430,000 cells and 121 saved times.
COPIES_OF_HEADS = 11


class Listener:
    """Hears how a run goes on and keeps still; the base of those that speak.

    Attributes
    ----------
    live : bool
        Shows every sign of progress as it comes, as bars on a terminal do.
    """

    live = False

    def say(self, text: str) -> None:
        """Hear one line for people."""

    def progress(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Hear that `done` of `total` parts of `task` are finished."""


@dataclass(frozen=True)
class RunOptions:
    """What the caller of a run may choose.

    Parameters
    ----------
    folder : Path or None
        For the results; ``results/<scenario>`` by default.
    cell_size : str, float or None
        As ``250m`` or in metres; the model's own by default.
    overrides : mapping
        Values by dotted key, as ``layers.qp1.k``.
    allow_outside : bool
        Let files name paths outside the workspace.
    overwrite : bool
        Replace results that exist.
    engine : str
        ``native`` or ``modflow6``.
    mf6 : Path or None
        The MODFLOW 6 program; ``mf6`` on PATH by default.
    figures : bool
        Draw figures.
    """

    folder: Path | None = None
    cell_size: str | float | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    allow_outside: bool = False
    overwrite: bool = False
    engine: str = NATIVE
    mf6: Path | None = None
    figures: bool = True

    def folder_of(self, path: Path) -> Path:
        """Return the folder of the results of a scenario file, or of a model alone."""
        return self.folder or Path("results") / name_of(path)

    def load(self, path: Path) -> Case:
        """Read a scenario with these options; see `case.scenario.load_case`."""
        from aquirecover.case.scenario import load_case

        return load_case(path, cell_size=self.cell_size, overrides=self.overrides, allow_outside=self.allow_outside)


def name_of(path: Path) -> str:
    """Return the name of a run: that of the scenario file, or of the folder of a model file."""
    resolved = path.resolve()
    return resolved.parent.name if resolved.stem == "model" else resolved.stem


@dataclass(frozen=True)
class RunOutcome:
    """What came out of a run, for people and for an index.

    Parameters
    ----------
    scenario, title : str
        Name and title.
    folder : Path
        Of the results.
    skipped : bool
        A finished result of the same inputs was found, and nothing was run.
    n_cell, n_step : int
        Active cells and time steps.
    seconds : float
        Of the simulation.
    budget_error : float
        Largest of all steps; 1.
    outer_iterations, inner_iterations : int
        Newton and linear iterations of all steps.
    recovery : tuple of mapping
        A record per aquifer; empty without a restriction.
    warnings : tuple of str
        What a person should know before trusting the result.
    files : tuple of str
        Written, relative to the folder.
    summary : str
        The run in a few lines for people.
    """

    scenario: str
    title: str
    folder: Path
    skipped: bool = False
    n_cell: int = 0
    n_step: int = 0
    seconds: float = 0.0
    budget_error: float = 0.0
    outer_iterations: int = 0
    inner_iterations: int = 0
    recovery: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    summary: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the summary as what JSON holds."""
        content = {**dataclasses.asdict(self), "folder": str(self.folder)}
        del content["summary"]
        return content


def run_scenario(
    path: Path, options: RunOptions | None = None, listener: Listener | None = None, *, skip_finished: bool = False
) -> RunOutcome:
    """Simulate a scenario or model file and write results, tables and figures.

    Parameters
    ----------
    path : Path
        Scenario or model file.
    options : RunOptions, optional
        See its class.
    listener : Listener, optional
        Hears what goes on.
    skip_finished : bool
        Run nothing when the folder holds the finished result of the same configuration, inputs and version.

    Returns
    -------
    RunOutcome
        What came out.

    Raises
    ------
    AquirecoverError
        Of the kind of failure; nothing is written then.
    """
    options, listener = options or RunOptions(), listener or Listener()
    folder = options.folder_of(path)
    refuse_finished(folder, options)
    refuse_unwritable(folder)
    program = find_program_of(options)
    case = options.load(path)
    if skip_finished and is_finished(folder, case, options):
        return RunOutcome(case.problem.name, case.problem.context.title, folder, skipped=True)
    check_memory(case.problem)
    engine = find_engine(options.engine, case, program, folder.parent)
    result = simulate_case(case, engine, listener)
    recovery = find_recovery(result, case.settings, listener, engine.solve_steady)
    return store_case(case, result, recovery, engine, folder, options, listener)


def find_program_of(options: RunOptions) -> Program | None:
    """Return the MODFLOW 6 program that a run needs; None when it needs none.

    Raises
    ------
    BackendError
        When it is not there.
    """
    if options.engine == NATIVE:
        return None
    from aquirecover.modflow import find_program

    return find_program(options.mf6)


def find_engine(name: str, case: Case, program: Program | None, folder: Path) -> Engine:
    """Return the engine of a name, which runs MODFLOW in temporary folders in `folder`."""
    return native_engine() if program is None or name == NATIVE else modflow_engine(program, case.modflow, folder)


def simulate_case(case: Case, engine: Engine, listener: Listener) -> FlowResult:
    """Simulate a case, saying how it goes on."""
    if engine.name == NATIVE and not kernels_are_compiled():
        listener.say("compiling the numerical kernels (first run only)")
    task = "time steps" if engine.name == NATIVE else f"time steps of {engine.name}"
    return engine.simulate(case.problem, case.settings, partial(_report_step, listener, task, case.problem))


def store_case(
    case: Case,
    result: FlowResult,
    recovery: RecoveryReport | None,
    engine: Engine,
    folder: Path,
    options: RunOptions,
    listener: Listener,
) -> RunOutcome:
    """Write a result with its recovery, and return what came out."""
    from aquirecover.output.summary import summary
    from aquirecover.review import recovery_rows

    problem = result.problem
    dataset, files = write_folder(folder, result, recovery, engine.settings or case.settings, options, listener)
    return RunOutcome(
        problem.name,
        problem.context.title,
        folder,
        n_cell=int(problem.grid.active.sum()),
        n_step=problem.schedule.n_step,
        seconds=result.elapsed,
        budget_error=float(result.budget.error.max()),
        outer_iterations=sum(report.outer for report in result.reports),
        inner_iterations=sum(report.inner for report in result.reports),
        recovery=tuple(recovery_rows(dataset)),
        warnings=problem.context.warnings,
        files=files,
        summary=summary(dataset),
    )


def _report_step(listener: Listener, task: str, problem: Problem, step: int, n_step: int, time: float) -> None:
    schedule = problem.schedule
    when = str(schedule.date_of(time).astype("datetime64[D]")) if schedule.start else f"day {time:g}"
    listener.progress(task, step, n_step, when)


def find_recovery(
    result: FlowResult, settings: SimulateSettings, listener: Listener, solve_steady: Callable[..., FloatArray]
) -> RecoveryReport | None:
    """Return the recovery of a result against all reference levels; None without a restriction.

    The level without pumping is the equilibrium with the mean stresses of the last year and no pumping, by the engine of the
    result. The late recovery times lead from the heads at the start of the restriction to the equilibrium with the pumping of the
    last year; they come from moments of the native equations, whatever the engine.
    """
    from aquirecover.flow.steady import recovery_times
    from aquirecover.study.equilibrium import equilibrium_problem, no_pumping_head
    from aquirecover.study.recovery import assess_recovery
    from aquirecover.study.recovery_report import LateRecovery

    problem = result.problem
    if math.isnan(problem.context.restriction_start):
        return None
    listener.say("solving the equilibrium without pumping, and the recovery times by moments")
    report = assess_recovery(result, no_pumping=no_pumping_head(problem, lambda p, period: solve_steady(p, period, settings)))
    restricted = equilibrium_problem(problem, pumping=True)
    time, end_head = recovery_times(restricted, report.maps.start_head, 0, LATE_FRACTIONS, settings)
    return dataclasses.replace(report, late=LateRecovery(LATE_FRACTIONS, time, end_head))


def write_folder(
    folder: Path,
    result: FlowResult,
    recovery: RecoveryReport | None,
    settings: object,
    options: RunOptions,
    listener: Listener,
) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Write the files of a run, ``run.json`` last of the data, then the figures; return the dataset and the names of the files.

    Raises
    ------
    KeyboardInterrupt
        With a sentence about what is in the folder.
    """
    from aquirecover.output.figures import save_figures
    from aquirecover.output.results import write_results

    listener.say(f"writing {folder}")
    done = "the results are not complete"
    try:
        if options.overwrite:
            # without it the folder is not finished; it comes back when all other files are there
            (folder / "run.json").unlink(missing_ok=True)
        dataset = write_results(result, folder, recovery=recovery, settings=settings, overwrite=options.overwrite)
        done = "the results are complete, the figures are not"
        names = [*json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"], "run.json"]
        if options.figures:
            progress = partial(_report_figure, listener)
            figures = save_figures(dataset, folder / FIGURES, overwrite=options.overwrite, progress=progress)
            names += [path.relative_to(folder).as_posix() for path in figures]
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"Interrupted while writing {folder}: {done}.") from error
    return dataset, tuple(names)


def _report_figure(listener: Listener, done: int, total: int, name: str) -> None:
    listener.progress("figures", done + 1, total, name)


def refuse_finished(folder: Path, options: RunOptions) -> None:
    """Raise `OutputExistsError` when a folder holds results that may not be replaced."""
    from aquirecover.output.files import refuse_existing

    refuse_existing([folder / "run.json", folder / "result.nc"], overwrite=options.overwrite)


def refuse_unwritable(folder: Path) -> None:
    """Raise `ResourceError` when a folder cannot be made or written, before a long run finds out."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        reason = "may not be written" if there.is_dir() else "is no folder"
        raise ResourceError(f"{folder}: {there} {reason}. Choose another folder with --out.")


def is_finished(folder: Path, case: Case, options: RunOptions) -> bool:
    """Tell whether a folder holds the whole result of a case: same configuration, inputs, engine and version."""
    import h5py

    try:
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        same = (
            found["config"] == json.loads(json.dumps(case.config, default=str))
            and found["inputs"] == dict(case.inputs)
            and found["versions"]["aquirecover"] == __version__
            and found["engine"].startswith(options.engine)
        )
        drawn = (folder / FIGURES).is_dir() or not options.figures
        if not (same and drawn and all((folder / name).is_file() for name in found["files"])):
            return False
        with h5py.File(folder / "result.nc"):  # fails where the file was cut off
            return True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_memory(problem: Problem) -> None:
    """Raise `ResourceError` when a run needs more memory than there is."""
    needed, free = memory_of(problem), available_memory()
    if needed > free:
        raise ResourceError(
            f"The run needs about {needed / GIBIBYTE:.1f} GiB of memory: {free / GIBIBYTE:.1f} GiB are free. "
            "Use a larger --cell-size or fewer saved steps."
        )


def memory_of(problem: Problem) -> float:
    """Return about how much memory a run needs, bytes."""
    saved = 8.0 * problem.grid.n_cell * int(problem.schedule.save_step.sum())
    given = sum(values.nbytes for stress in problem.stresses for values in stress.values().values())
    return BYTES_OF_LIBRARIES + BYTES_PER_CELL * problem.grid.n_cell + COPIES_OF_HEADS * saved + given


def plan_run(path: Path, options: RunOptions) -> dict[str, Any]:
    """Return what a run would do: cells, steps, memory, time, folder."""
    case = options.load(path)
    problem, folder = case.problem, options.folder_of(path)
    n_active, n_step = int(problem.grid.active.sum()), problem.schedule.n_step
    find_program_of(options)
    check_problem_for(options.engine, problem)
    native = options.engine == NATIVE
    compiled = kernels_are_compiled() or not native
    kind = "nonlinear" if (problem.properties.convertible & problem.grid.active).any() else "linear"
    if native:
        cost = SECONDS_PER_CELL_STEP[kind] * (LARGE_FACTOR if n_active > LARGE_GRID else 1.0)
    else:
        cost = SECONDS_OF_MODFLOW[kind] * max(1.0, math.sqrt(n_active / ROOT_FROM))
    files = SECONDS_FOR_FILES + SECONDS_FOR_FILES_PER_CELL * n_active
    seconds = cost * n_active * n_step + (files if options.figures else 0.0)
    seconds += 0.0 if compiled else SECONDS_TO_COMPILE
    exists = (folder / "run.json").exists()
    return {
        "title": problem.context.title,
        "grid": "{} layers x {} rows x {} columns".format(*problem.grid.shape),
        "active_cells": n_active,
        "periods": problem.schedule.n_period,
        "steps": n_step,
        "wells": sum(len(wells.names) for wells in problem.wells),
        "memory_gib": round(memory_of(problem) / GIBIBYTE, 2),
        "memory_free_gib": round(available_memory() / GIBIBYTE, 2),
        "seconds": round(seconds, 1),
        "seconds_from": f"{1e6 * cost:.2g} µs per cell and step, from a table"
        + ("" if compiled else "; with compilation, this time only"),
        "folder": f"{folder}" + (" (holds results: needs --overwrite)" if exists and not options.overwrite else ""),
    }


def validate_file(path: Path, options: RunOptions) -> dict[str, Any]:
    """Check a model, scenario or limit file and return what would be built.

    Raises
    ------
    ConfigError, InputFileError
        With everything that is wrong in what is read.
    """
    from aquirecover.case.config import is_limits
    from aquirecover.case.limit_builder import check_limits
    from aquirecover.case.scenario import validate

    given: dict[str, Any] = {"cell_size": options.cell_size, "overrides": options.overrides}
    if is_limits(path, allow_outside=options.allow_outside):
        return check_limits(path, **given, allow_outside=options.allow_outside)
    return dataclasses.asdict(validate(path, **given, allow_outside=options.allow_outside))
