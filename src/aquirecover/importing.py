"""A model of another program as a model folder here: read, written, read back and compared, then put in its place."""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from aquirecover.errors import AquirecoverError, ConfigError, Finding, OutputExistsError, ResourceError
from aquirecover.processes import host_name

if TYPE_CHECKING:
    from aquirecover.flow.problem import Problem
    from aquirecover.modflow.imports.reader import Imported, ImportOptions
    from aquirecover.modflow.imports.report import ImportReport

REPORT = "import_report.md"
EXAMPLE = """\

# A restriction of pumping: take away the signs before these lines.
# restrictions:
#   stop: {{rule: ban, from: {day}}}
"""
NO_TIME = """\

# All periods are steady, so that nothing recovers in time. To see a recovery after a restriction give the model a transient
# period (time.periods) and specific_storage.
"""


@dataclass(frozen=True)
class ImportOutcome:
    """What came out of an import.

    Parameters
    ----------
    folder : Path
        The model.
    files : tuple of str
        Written, relative to the folder.
    facts : dict of str to str
        The model in a few lines.
    report : ImportReport
        What became of its parts.
    invalid : tuple of str
        Rules that the model breaks, so that it does not run as it is; only after a partial import.
    """

    folder: Path
    files: tuple[str, ...]
    facts: dict[str, str]
    report: ImportReport
    invalid: tuple[str, ...] = ()

    @property
    def scenario(self) -> Path:
        """The scenario without restrictions, to be validated and run."""
        return self.folder / _scenario_name(self.folder)


def import_modflow(path: Path, folder: Path, options: ImportOptions | None = None) -> ImportOutcome:
    """Turn a model of MODFLOW 6, MODFLOW-2005 or MODFLOW-NWT into a model folder.

    The folder holds ``model.yaml`` with its arrays and tables, a scenario without restrictions, and ``import_report.md``. It
    appears whole or not at all, and only when the model that is read from it has the arrays of the one that was imported.

    Parameters
    ----------
    path : Path
        Name file of the model, or the folder that holds it.
    folder : Path
        New folder for the model.
    options : ImportOptions, optional
        See its class.

    Raises
    ------
    OutputExistsError
        When `folder` holds anything.
    ConfigError
        When the model holds what is not supported, does not say its units, or breaks a rule of physics.
    InputFileError, BackendError, ResourceError
        As `read_modflow`.
    """
    from aquirecover.modflow.imports.reader import ImportOptions, read_modflow

    options = options or ImportOptions()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExistsError(f"{folder}: is there already and not empty. Choose a new folder.")
    imported = read_modflow(path, options)
    with _whole_folder(folder) as part:
        return _write(imported, folder, part, partial=options.allow_partial)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `folder` at the end, or is gone, and with it the folders above that were made for it.

    One that a killed process of this computer left is removed too.

    Raises
    ------
    ResourceError
        When it cannot be written.
    """
    from aquirecover.modflow.folders import remove_left_folders

    base, prefix = folder.parent, f".{folder.name}.{host_name()}."
    made = [path for path in (base, *base.parents) if not path.exists()]
    part = base / f"{prefix}{os.getpid()}.{secrets.token_hex(4)}.part"
    try:
        base.mkdir(parents=True, exist_ok=True)
        remove_left_folders(base, prefix)
        part.mkdir()
        yield part
        for file in part.rglob("*"):
            if file.is_file():
                with file.open("r+b") as stream:
                    os.fsync(stream.fileno())
        os.replace(part, folder)  # noqa: PTH105 (the name of the system call is the point here)
    except OSError as error:
        raise ResourceError(f"{folder}: cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        for above in made:
            if above.is_dir() and not any(above.iterdir()):
                above.rmdir()


def _write(imported: Imported, folder: Path, part: Path, *, partial: bool) -> ImportOutcome:
    """Write the files of a model into a temporary folder, and check them by reading them."""
    from aquirecover.case.model_writer import write_model, write_yaml

    problem, report = imported.problem, imported.report
    facts = _facts(imported)
    notes = f"Imported from {report.source} ({report.program}). {REPORT} says what was kept, converted and left out."
    write_model(problem, part, notes=notes, warnings=report.warnings())
    scenario = part / _scenario_name(folder)
    write_yaml(scenario, {"kind": "scenario", "title": problem.context.title, "model": "model.yaml"})
    with scenario.open("a", encoding="utf-8") as stream:
        stream.write(_example(problem))
    invalid = _check(part / "model.yaml", problem, report, partial=partial)
    if invalid:
        facts["not valid"] = "; ".join(invalid)
    (part / REPORT).write_text(report.markdown(list(facts.items())), encoding="utf-8")
    files = tuple(sorted(file.relative_to(part).as_posix() for file in part.rglob("*") if file.is_file()))
    return ImportOutcome(folder, files, facts, report, invalid)


def _example(problem: Problem) -> str:
    """Return what a scenario may say of restrictions, with a day in the middle of the transient time."""
    schedule = problem.schedule
    begins = schedule.period_start[~schedule.steady]
    if not begins.size:
        return NO_TIME
    middle = math.ceil(0.5 * (float(begins[0]) + float(schedule.period_length.sum())))
    return EXAMPLE.format(day=date.fromisoformat(schedule.start[:10]) + timedelta(days=max(middle, 1)))


def _scenario_name(folder: Path) -> str:
    """Return the name of the scenario file, which is that of a run and its results."""
    return f"{folder.name}.yaml" if folder.name != "model" else "as_imported.yaml"


def _check(model: Path, problem: Problem, report: ImportReport, *, partial: bool) -> tuple[str, ...]:
    """Read a model that was written; return the rules it breaks, or raise when it must be whole."""
    from aquirecover.case.problem_diff import differences
    from aquirecover.case.scenario import load_problem

    try:
        different = differences(problem, load_problem(model))
    except ConfigError as error:
        if partial:
            return tuple(f"{finding.key}: {finding.message}" for finding in error.findings)
        head = Finding("", f"{report.source}: the model breaks rules that hold here, and nothing was written:")
        raise ConfigError([head, *(Finding(finding.key, finding.message) for finding in error.findings)]) from error
    if different:
        raise AquirecoverError(
            f"{report.source}: what was written is not what was read ({', '.join(different)}): please report this."
        )
    return ()


def _facts(imported: Imported) -> dict[str, str]:
    """Return the model in a few lines."""
    problem, units = imported.problem, imported.units
    grid, schedule = problem.grid, problem.schedule
    steady = int(schedule.steady.sum())
    kinds = f"{steady} of them steady" if 0 < steady < schedule.n_period else "all steady" if steady else "all transient"
    wells = sum(len(group.names) for group in problem.wells)
    return {
        "program": imported.report.program,
        "units": f"{units.length} and {units.time}" + ("" if units.metric else ", converted to metres and days"),
        "grid": "{} layers x {} rows x {} columns".format(*grid.shape),
        "active cells": f"{int(grid.active.sum())}",
        "stress periods": f"{schedule.n_period} ({kinds}), {schedule.n_step} steps",
        "first day": schedule.start[:10],
        "wells": f"{wells}",
        "observation points": f"{len(problem.observations.names)}",
    }
