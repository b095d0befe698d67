"""A model of MODFLOW-2005 or MODFLOW-NWT as a draft, its numbers read by flopy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from aquirecover.errors import ConfigError, Finding
from aquirecover.modflow.imports.draft import Draft, Periods, plain_name, unique_names
from aquirecover.modflow.imports.flopy_errors import reading
from aquirecover.modflow.imports.mf2005_files import (
    BINARY,
    FLOW_PACKAGES,
    IMPORTED,
    PARAMETERS,
    PASSIVE,
    UNSUPPORTED,
    Mf2005Source,
)
from aquirecover.modflow.imports.mf2005_lists import (
    ARRAYS,
    COLUMNS,
    cells_at,
    read_array,
    read_barriers,
    read_chd,
    read_fixed,
    read_list,
)
from aquirecover.modflow.imports.mf2005_properties import Stack, close_dead_cells, exact, fill_bcf, fill_lpf, note_formulas
from aquirecover.modflow.imports.report import ImportReport, cells_of
from aquirecover.modflow.imports.units import LENGTH_NUMBERS, TIME_NUMBERS

# What flopy writes where nobody gave a date.
FLOPY_START = ("1-1-1970", "1/1/1970")


def unsupported_parts(source: Mf2005Source) -> Iterator[str]:
    """Yield every package that has an influence and is not imported."""
    for entry in source.entries:
        if entry.kind in (*IMPORTED, *PARAMETERS, *PASSIVE, BINARY, "DATA"):
            continue
        what = UNSUPPORTED.get(entry.kind, "a package that is not known here")
        yield f"{entry.kind} ({entry.where}): {what}."


def passive_parts(source: Mf2005Source) -> Iterator[str]:
    """Yield what is left out without influence on heads and flows."""
    for entry in source.entries:
        if entry.kind in PASSIVE and entry.kind not in ("LIST", "GLOBAL"):
            yield f"{entry.kind} ({source.folder.shown(entry.path)}): {PASSIVE[entry.kind]}."


def load_model(source: Mf2005Source) -> Any:
    """Return the model of flopy, with the packages that are imported alone."""
    from flopy.modflow import Modflow

    kinds = [entry.kind for entry in source.entries if entry.kind in IMPORTED]
    with reading(source.folder.shown(source.name_file), source.folder), TemporaryDirectory() as scratch:
        return Modflow.load(
            str(_plain_name_file(source, Path(scratch))),
            model_ws=str(source.folder.root),
            version="mfnwt" if source.newton else "mf2005",
            load_only=list(dict.fromkeys(kinds)),
            check=False,
            forgive=False,
            verbose=False,
        )


def _plain_name_file(source: Mf2005Source, scratch: Path) -> Path:
    """Return a name file of what is imported alone, so that flopy opens no other file and reads no comment.

    Flopy takes no blanks in paths; a folder that has them is read by its own name file.
    """
    wanted = [entry for entry in source.entries if entry.kind in (*IMPORTED, *PARAMETERS, BINARY, "DATA") and entry.path.exists()]
    if any(character.isspace() for entry in wanted for character in str(entry.path)):
        return source.name_file
    plain = scratch / source.name_file.name
    plain.write_text("".join(f"{entry.kind} {entry.unit} {entry.path}\n" for entry in wanted), encoding="utf-8")
    return plain


def units_of(model: Any) -> tuple[str, str]:
    """Return the length and time units that the discretization file names, empty where it does not."""
    return LENGTH_NUMBERS.get(int(model.dis.lenuni), ""), TIME_NUMBERS.get(int(model.dis.itmuni), "")


def read_mf2005(source: Mf2005Source, model: Any, report: ImportReport) -> Draft:
    """Return a model as a draft; `report` gets what is kept, converted, left out and not supported."""
    report.left_out += passive_parts(source)
    if parameters := source.of(*PARAMETERS):
        kinds = ", ".join(entry.kind for entry in parameters)
        report.converted.append(f"Parameters with their zones, multipliers and values ({kinds}) are the arrays that they give.")
    with reading(source.folder.shown(source.name_file), source.folder):
        stack = Stack.of(np.atleast_1d(model.dis.laycbd.array) > 0)
        draft = _empty_draft(source, model, stack, report)
        transmissive = _fill_properties(source, model, draft, stack)
        close_dead_cells(draft)
        _read_stresses(source, model, draft, stack, transmissive)
        _read_observations(source, model, draft, stack)
    return draft


def _empty_draft(source: Mf2005Source, model: Any, stack: Stack, report: ImportReport) -> Draft:
    """Return grid and time, with properties still to be filled."""
    dis, name = model.dis, source.name_file.stem
    bottom, top = exact(dis.botm.array), exact(dis.top.array)
    shape = bottom.shape
    ibound = np.asarray(model.bas6.ibound.array)
    heads = exact(model.bas6.strt.array)
    zeros = np.zeros(shape)
    return Draft(
        name=plain_name(name, "model"),
        title=name,
        dx=exact(dis.delr.array),
        dy=exact(dis.delc.array),
        top=top,
        bottom=bottom,
        # water passes through a confining bed, whose resistance is a leakance
        domain=np.asarray(stack.spread(np.where(ibound != 0, 1, 0), -1), dtype=np.int64),
        initial_head=stack.spread(heads, 0.0),
        k=np.ones(shape),
        k22=np.ones(shape),
        k33=np.ones(shape),
        specific_storage=zeros.copy(),
        specific_yield=zeros.copy(),
        convertible=zeros > 0.0,
        leakance=None,
        upstream=source.newton,
        periods=_periods(dis),
        layer_names=stack.names,
        aquifers=tuple("" if name.startswith("confining") else name for name in stack.names),
        report=report,
        start=_start_date(source, report),
        corner=_corner(source, model, report),
    )


def _periods(dis: Any) -> Periods:
    length, steps, multiplier = (np.atleast_1d(array.array) for array in (dis.perlen, dis.nstp, dis.tsmult))
    steady = np.atleast_1d(dis.steady.array).astype(bool)
    return Periods(exact(length), steps.astype(np.int64), exact(multiplier), steady)


def _start_date(source: Mf2005Source, report: ImportReport) -> str:
    """Return the day of time zero that flopy noted in the name file, empty where there is none."""
    text = source.notes.get("start_datetime", "")
    if text in FLOPY_START:
        return ""
    month_first = text.replace("/", "-").split("-")
    try:
        if len(month_first) == 3 and len(month_first[2]) == 4:
            text = f"{int(month_first[2]):04d}-{int(month_first[0]):02d}-{int(month_first[1]):02d}"
        return str(np.datetime64(text[:10], "D")) if text else ""
    except ValueError:
        report.left_out.append(f"start_datetime {text} in the name file is no date.")
        return ""


def _corner(source: Mf2005Source, model: Any, report: ImportReport) -> tuple[float, float] | None:
    """Return the north-west corner that flopy noted in the name file; a rotated grid stays in its own coordinates."""
    try:
        x, y, angle = (float(source.notes.get(key, "0")) for key in ("xll", "yll", "rotation"))
    except ValueError:
        return None
    if angle:
        report.converted.append(
            f"The grid is rotated by {angle:g} degrees about ({x:g}, {y:g}): x runs along its rows and y along its columns."
        )
        return None
    return (x, y + float(exact(model.dis.delc.array).sum())) if "xll" in source.notes else None


def _fill_properties(source: Mf2005Source, model: Any, draft: Draft, stack: Stack) -> np.ndarray:
    """Take over the flow package; return the cells whose conductances come from given transmissivities."""
    found = source.of(*FLOW_PACKAGES)
    if len(found) != 1:
        names = ", ".join(entry.kind for entry in found) or "none of them"
        message = f"the model has {names}: exactly one of BCF6, LPF and UPW is imported, and without it nothing can be."
        raise ConfigError([Finding("", "\n".join([f"{draft.report.source}: {message}", *draft.report.unsupported]))])
    kind = found[0].kind
    constant, transmissive = False, np.zeros(draft.shape, dtype=bool)
    options = ""
    if kind == "BCF6":
        transmissive = fill_bcf(draft, stack, model.bcf6)
    else:
        package = model.upw if kind == "UPW" else model.lpf
        fill_lpf(draft, stack, package, newton=kind == "UPW")
        text = str(getattr(package, "options", "") or "").upper()
        constant = bool(getattr(package, "constantcv", False)) or "CONSTANTCV" in text
        options = text + (" NOVFC" if getattr(package, "novfc", False) else "")
    note_formulas(draft, newton=kind == "UPW", constant_cv=constant, transmissive=kind == "BCF6", options=options)
    if draft.periods.steady.all():
        draft.report.kept.append("All stress periods are steady.")
    return transmissive


def _read_stresses(source: Mf2005Source, model: Any, draft: Draft, stack: Stack, transmissive: np.ndarray) -> None:
    """Take over everything that acts on the model."""
    wanted = [entry for entry in source.entries if entry.kind in (*COLUMNS, *ARRAYS, "CHD", "HFB6")]
    names = unique_names(["constant_head", *(entry.kind.lower().removesuffix("6") for entry in wanted)], {"storage"})
    ibound, heads = np.array(model.bas6.ibound.array), exact(model.bas6.strt.array)
    if source.of("CHD"):
        # a head that CHD gives goes before the starting head of a cell with IBOUND < 0
        given = model.chd.stress_period_data.data.get(0)
        if isinstance(given, np.ndarray):
            ibound[given["k"], given["i"], given["j"]] = np.abs(ibound[given["k"], given["i"], given["j"]])
    if fixed := read_fixed(ibound, heads, draft, stack, names[0]):
        draft.packages.append(fixed)
    taken: dict[str, int] = {}
    for entry, name in zip(wanted, names[1:], strict=True):
        packages = [package for package in model.packagelist if package.name[0] == entry.kind]
        data = packages[taken.get(entry.kind, 0)]
        taken[entry.kind] = taken.get(entry.kind, 0) + 1
        label = f"{entry.kind.removesuffix('6')} ({source.folder.shown(entry.path)})"
        if entry.kind in COLUMNS:
            draft.packages.append(read_list(entry.kind, data, name, label, draft, stack, newton=source.newton))
        elif entry.kind in ARRAYS:
            draft.packages.append(read_array(entry.kind, data, name, label, draft, stack))
        elif entry.kind == "CHD":
            draft.packages.append(read_chd(data, name, label, draft, stack))
        else:
            draft.barriers.append(read_barriers(data, name, label, draft, stack, transmissive))


def _read_observations(source: Mf2005Source, model: Any, draft: Draft, stack: Stack) -> None:
    """Take over the points at which heads were measured (HOB)."""
    if not source.of("HOB"):
        return
    taken: set[str] = set()
    layers = 0
    for point in model.get_package("HOB").obs_data:
        if int(point.layer) < 0 or len(getattr(point, "mlay", {0: 1}) or {0: 1}) > 1:
            layers += 1
            continue
        (name,) = unique_names([str(point.obsname).strip()], taken)
        draft.observations[name] = int(cells_at(stack, draft, point.layer, point.row, point.column, "HOB")[0])
        table = point.time_series_data
        draft.measured[name] = (exact(table["totim"]), exact(table["hobs"]))
    report = draft.report
    report.converted.append("HOB: simulated heads at these points are those of their cells; MODFLOW interpolates between cells.")
    if layers:
        report.left_out.append(f"HOB: {cells_of(layers, 'point')} that mean over several layers.")
