"""An existing MODFLOW model as a problem: the one way in."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from aquirecover.errors import BackendError, ConfigError, Finding, InputFileError
from aquirecover.flow.problem import Problem
from aquirecover.modflow.imports.assemble import build_problem
from aquirecover.modflow.imports.draft import Draft
from aquirecover.modflow.imports.folder import SourceFolder
from aquirecover.modflow.imports.mf6_files import GRIDS, read_mf6_source
from aquirecover.modflow.imports.mf2005_files import read_mf2005_source
from aquirecover.modflow.imports.report import ImportReport
from aquirecover.modflow.imports.units import LENGTHS, TIMES, Units, choose_units

# Of a model without any date.
FIRST_DAY = "2000-01-01"


@dataclass(frozen=True)
class ImportOptions:
    """What the caller of an import may choose.

    Parameters
    ----------
    length_unit, time_unit : str
        Of the model, where its files do not say them or are wrong; see `units`.
    start : str
        Date of time zero, ``YYYY-MM-DD``, where the files have none.
    allow_partial : bool
        Import what is supported, although something is not.
    allow_outside : bool
        Let the model name files outside its folder.
    """

    length_unit: str = ""
    time_unit: str = ""
    start: str = ""
    allow_partial: bool = False
    allow_outside: bool = False


@dataclass(frozen=True, eq=False)
class Imported:
    """A model that was read.

    Parameters
    ----------
    problem : Problem
        In metres and days.
    report : ImportReport
        What became of its parts.
    units : Units
        Of its files.
    """

    problem: Problem
    report: ImportReport
    units: Units


def read_modflow(path: str | os.PathLike[str], options: ImportOptions | None = None) -> Imported:
    """Read a model of MODFLOW 6, MODFLOW-2005 or MODFLOW-NWT.

    Parameters
    ----------
    path : path
        Its name file (``mfsim.nam`` of MODFLOW 6), or the folder that holds it.
    options : ImportOptions, optional
        See its class.

    Returns
    -------
    Imported
        Problem, report and units.

    Raises
    ------
    BackendError
        When flopy is not installed.
    InputFileError
        When a file is missing, broken, cut off, of another program, or outside the folder of the model.
    ConfigError
        When the model holds what is not supported, or does not say its units.
    ResourceError
        When the model is too large.
    """
    options = options or ImportOptions()
    name_file = find_name_file(Path(path))
    _require_flopy()
    folder = SourceFolder(name_file.parent, options.allow_outside)
    report = ImportReport(folder.shown(name_file), "MODFLOW 6", files=folder.checksums)
    read = _read_mf6 if _is_mf6(name_file, folder) else _read_mf2005
    try:
        draft, units = read(name_file, folder, report, options)
    except InputFileError as error:
        # what is not supported says more than what flopy says of it
        if report.unsupported and not options.allow_partial:
            raise ConfigError([Finding("", report.refusal())]) from error
        raise
    if not (options.start or draft.start):
        report.converted.append(f"The files have no date: time zero is {FIRST_DAY} (another with --start).")
    draft.start = options.start or draft.start or FIRST_DAY
    _note_units(units, report)
    problem = build_problem(draft, units)
    if report.unsupported and not options.allow_partial:
        raise ConfigError([Finding("", report.refusal())])
    return Imported(problem, report, units)


def _note_units(units: Units, report: ImportReport) -> None:
    """Report what turned the numbers of the files into metres and days."""
    length, time = LENGTHS[units.length], TIMES[units.time]
    if length != 1:
        report.converted.append(f"Lengths in {units.length}, times {float(length):g}, are metres.")
    if time != 1:
        what = f"times {time.numerator}" if time.denominator == 1 else f"over {float(1 / time):g}"
        report.converted.append(f"Times in {units.time}, {what}, are days.")


def _is_mf6(name_file: Path, folder: SourceFolder) -> bool:
    """Tell whether a name file is that of a simulation of MODFLOW 6.

    Raises
    ------
    InputFileError
        When it is that of a model in one, or no name file at all.
    """
    content, shown = folder.read(name_file), folder.shown(name_file)
    if not re.search(rb"^[ \t]*BEGIN[ \t]+\w+", content, re.IGNORECASE | re.MULTILINE):
        if b"\0" in content:
            raise InputFileError(f"{shown}: is no name file: it is not text.")
        return False
    if re.search(rb"^[ \t]*BEGIN[ \t]+TIMING", content, re.IGNORECASE | re.MULTILINE):
        if name_file.name != "mfsim.nam":
            raise InputFileError(f"{shown}: the name file of a simulation of MODFLOW 6 must be called mfsim.nam.")
        return True
    raise InputFileError(f"{shown}: is a file of one model of MODFLOW 6: name the mfsim.nam of its simulation.")


def _read_mf6(name_file: Path, folder: SourceFolder, report: ImportReport, options: ImportOptions) -> tuple[Draft, Units]:
    from aquirecover.modflow.imports import mf6
    from aquirecover.modflow.imports.mf6_options import unsupported_parts

    source = read_mf6_source(name_file, folder)
    report.unsupported += unsupported_parts(source)
    if any(package.kind in GRIDS[1:] for package in source.packages):
        raise ConfigError([Finding("", f"{report.refusal()}\nA model on such a grid cannot be imported in part either.")])
    wanted = (options.length_unit, options.time_unit)
    units = choose_units(mf6.units_of(source), wanted, "The model")
    return mf6.read_mf6(source, report), units


def _read_mf2005(name_file: Path, folder: SourceFolder, report: ImportReport, options: ImportOptions) -> tuple[Draft, Units]:
    from aquirecover.modflow.imports import mf2005

    source = read_mf2005_source(name_file, folder)
    report.program = "MODFLOW-NWT" if source.newton else "MODFLOW-2005"
    report.unsupported += mf2005.unsupported_parts(source)
    model = mf2005.load_model(source)
    units = choose_units(mf2005.units_of(model), (options.length_unit, options.time_unit), source.shown("DIS"))
    return mf2005.read_mf2005(source, model, report), units


def find_name_file(path: Path) -> Path:
    """Return the name file of a model, resolved.

    Raises
    ------
    InputFileError
        When there is none, or several to choose from.
    """
    if path.is_file():
        return path.resolve()
    if not path.is_dir():
        raise InputFileError(f"{path}: no such file or folder.")
    if (path / "mfsim.nam").is_file():
        return (path / "mfsim.nam").resolve()
    found = sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in (".nam", ".mfn"))
    if len(found) == 1:
        return found[0].resolve()
    names = ", ".join(file.name for file in found)
    raise InputFileError(
        f"{path}: holds several name files: name one of {names}."
        if found
        else f"{path}: holds no name file (mfsim.nam of MODFLOW 6, or *.nam)."
    )


def _require_flopy() -> None:
    from importlib.util import find_spec

    if find_spec("flopy") is None:
        raise BackendError('Importing MODFLOW models needs flopy: python -m pip install "aquirecover[modflow]".')
