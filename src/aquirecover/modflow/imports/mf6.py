"""A simulation of MODFLOW 6 as a draft, its numbers read by flopy."""

from __future__ import annotations

from typing import Any

import numpy as np

from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.modflow.imports.draft import Draft, Periods, plain_name, unique_names
from aquirecover.modflow.imports.flopy_errors import reading
from aquirecover.modflow.imports.formulation import lower_cells_convert, means_agree, percent, thickness, vertical_share
from aquirecover.modflow.imports.mf6_binary import check_binary_files
from aquirecover.modflow.imports.mf6_files import Mf6Source
from aquirecover.modflow.imports.mf6_lists import read_barriers, read_list
from aquirecover.modflow.imports.mf6_options import IMPORTED, LISTS, label_of, passive_parts
from aquirecover.modflow.imports.report import ImportReport, cells_of

LENGTH_WORDS = {"feet": "feet", "meters": "metres", "centimeters": "centimetres"}


def load_simulation(source: Mf6Source) -> Any:
    """Return the flow model of flopy, with the packages that are imported alone."""
    from flopy.mf6 import MFSimulation

    kinds = sorted({package.kind.lower() for package in source.packages if package.kind in (*IMPORTED, "OBS")})
    with reading(source.simulation.shown, source.folder):
        # lists of pandas take flopy several times as long
        more = {"load_only": [*kinds, "rcha", "evta"], "verify_data": False, "use_pandas": False}
        simulation = MFSimulation.load(sim_ws=str(source.folder.root), verbosity_level=0, **more)
        return simulation, simulation.get_model(source.model_name)


def units_of(source: Mf6Source) -> tuple[str, str]:
    """Return the length and time units that the files name, empty where they do not."""
    _, length = source.of("DIS")[0].file.options().get("LENGTH_UNITS", (0, []))
    _, time = source.times.options().get("TIME_UNITS", (0, []))
    length_word, time_word = (words[0].lower() if words else "" for words in (length, time))
    known = {"seconds", "minutes", "hours", "days", "years"}
    return LENGTH_WORDS.get(length_word, ""), time_word if time_word in known else ""


def read_mf6(source: Mf6Source, report: ImportReport) -> Draft:
    """Return a simulation as a draft; `report` gets what is kept, left out and not supported."""
    report.left_out += passive_parts(source)
    check_binary_files(source)
    simulation, model = load_simulation(source)
    with reading(source.simulation.shown, source.folder):
        draft = _empty_draft(source, simulation, model, report)
        _fill_storage(source, model, draft)
    packages = {str(package.filename): package for package in model.packagelist}
    names = unique_names([plain_name(package.name, package.kind.lower()) for package in source.of(*LISTS, "HFB")], {"storage"})
    for package, name in zip(source.of(*LISTS, "HFB"), names, strict=True):
        if "TAS6" in package.file.options():
            continue  # not supported, and flopy does not read it
        data = packages.get(_file_name(source, package.where))
        if data is None:
            raise InputFileError(f"{package.where}: flopy did not read {package.file.shown}.")
        with reading(package.file.shown, source.folder):
            if package.kind == "HFB":
                draft.barriers.append(read_barriers(package, data, name, draft))
            else:
                draft.packages.append(read_list(package, data, name, draft, source.folder))
    _read_observations(source, model, draft)
    return draft


def _file_name(source: Mf6Source, where: str) -> str:
    """Return the file of an entry of the name file as it is written there."""
    line = int(where.rpartition(":")[2])
    return next(words[1] for number, words in source.model.block("PACKAGES").lines() if number == line).strip("'\"")


def _empty_draft(source: Mf6Source, simulation: Any, model: Any, report: ImportReport) -> Draft:
    """Return grid, properties and time."""
    dis, flow = model.dis, model.npf
    bottom = _field(dis.botm)
    shape = bottom.shape
    domain = np.ones(shape, dtype=np.int64) if dis.idomain.array is None else np.sign(dis.idomain.array).astype(np.int64)
    k = _field(flow.k)
    k22, k33 = (k if array.array is None else _field(array) for array in (flow.k22, flow.k33))
    options = source.of("NPF")[0].file.options()
    k22, k33 = (v * k if key in options and v is not k else v for v, key in ((k22, "K22OVERK"), (k33, "K33OVERK")))
    start = _start_date(source, report)
    draft = Draft(
        name=plain_name(source.model_name, "model"),
        title=source.model_name,
        dx=np.asarray(dis.delr.array, dtype=np.float64),
        dy=np.asarray(dis.delc.array, dtype=np.float64),
        top=_field(dis.top),
        bottom=bottom,
        domain=domain,
        initial_head=_field(model.ic.strt),
        k=k,
        k22=k22,
        k33=k33,
        specific_storage=np.zeros(shape),
        specific_yield=np.zeros(shape),
        convertible=np.broadcast_to(np.asarray(flow.icelltype.array) != 0, shape).copy(),
        leakance=None,
        upstream="NEWTON" in source.model.options(),
        periods=_periods(source, simulation, model),
        layer_names=tuple(f"layer_{number + 1}" for number in range(shape[0])),
        aquifers=tuple(f"layer_{number + 1}" for number in range(shape[0])),
        report=report,
        start=start,
    )
    _place(source, draft)
    _check_flow(source, model, draft)
    return draft


def _field(data: Any) -> FloatArray:
    """Return an array of flopy with three, or in plan two, axes."""
    return np.asarray(data.array, dtype=np.float64)


def _periods(source: Mf6Source, simulation: Any, model: Any) -> Periods:
    """Return the periods of TDIS, which are steady where STO says so, or where there is no storage."""
    table = simulation.tdis.perioddata.array
    n = len(table)
    steady = np.ones(n, dtype=bool)
    if storage := source.of("STO"):
        state = False  # without a word MODFLOW 6 stores water
        for number in range(n):
            block = storage[0].file.periods.get(number + 1)
            for _, words in block.lines() if block else ():
                state = {"STEADY-STATE": True, "TRANSIENT": False}.get(words[0].upper(), state)
            steady[number] = state
    length, steps, multiplier = (np.array(table[name]) for name in ("perlen", "nstp", "tsmult"))
    return Periods(length.astype(np.float64), steps.astype(np.int64), multiplier.astype(np.float64), steady)


def _start_date(source: Mf6Source, report: ImportReport) -> str:
    """Return the day of time zero, empty where the files do not say it."""
    line, words = source.times.options().get("START_DATE_TIME", (0, []))
    text = " ".join(words).strip("'\"")
    if not text:
        return ""
    try:
        when = np.datetime64(text.upper().replace(" ", "T")[:19])
    except ValueError:
        report.left_out.append(f"{source.times.shown}:{line}: START_DATE_TIME {text} is no ISO date.")
        return ""
    day = when.astype("datetime64[D]")
    if when != day:
        report.converted.append(f"START_DATE_TIME {text}: the model starts on this day, without the time of day.")
    return str(day)


def _place(source: Mf6Source, draft: Draft) -> None:
    """Take over the origin of the grid; a rotated one stays in its own coordinates."""
    options = source.of("DIS")[0].file.options()
    x, y, angle = (float(options[key][1][0]) if key in options else 0.0 for key in ("XORIGIN", "YORIGIN", "ANGROT"))
    if angle:
        draft.report.converted.append(
            f"The grid is rotated by {angle:g} degrees about ({x:g}, {y:g}): x runs along its rows and y along its columns, from "
            "its own lower left corner."
        )
        return
    draft.corner = (x, y + float(draft.dy.sum()))
    if "CRS" in options:
        draft.report.left_out.append(
            f"Coordinate system {' '.join(options['CRS'][1])}: write it as crs in model.yaml if it is in metres."
        )


def _check_flow(source: Mf6Source, model: Any, draft: Draft) -> None:
    """Report options of NPF that change flows between cells where they act."""
    options = source.of("NPF")[0].file.options()
    report, flow = draft.report, model.npf
    active = draft.domain > 0
    converts = draft.convertible & active
    kept_from_start = np.broadcast_to(np.asarray(flow.icelltype.array) < 0, draft.shape) & active
    if "THICKSTRT" in options and kept_from_start.any():
        below = kept_from_start & (draft.initial_head < np.concatenate((draft.top[None], draft.bottom[:-1])))
        draft.convertible &= ~kept_from_start
        if below.any():
            count = cells_of(int(below.sum()))
            report.unsupported.append(f"NPF: the thickness of {count} from the starting heads (THICKSTRT).")
        else:
            report.converted.append("NPF: cells whose thickness follows from the starting heads (THICKSTRT) are full: confined.")
        converts = draft.convertible & active
    if "ALTERNATIVE_CELL_AVERAGING" in options and not means_agree(draft, np.ones(draft.shape[0], dtype=bool)):
        _, words = options["ALTERNATIVE_CELL_AVERAGING"]
        report.unsupported.append(f"NPF: conductances from {' '.join(words)} means (here they are harmonic).")
    share = vertical_share(draft)
    if "VARIABLECV" in options and share > 0.0:
        report.approximated.append(
            f"NPF: vertical conductances are those of full cells (VARIABLECV): at most {percent(share)} of the vertical "
            "resistance follows the water table in MODFLOW."
        )
    if "PERCHED" in options and lower_cells_convert(draft):
        report.approximated.append("NPF: water that is perched above a cell that is not full flows as if it were (PERCHED).")
    angles = [array.array for array in (flow.angle1, flow.angle2, flow.angle3) if array.array is not None]
    if any(np.any(np.asarray(angle)[active] != 0.0) for angle in angles) and not _isotropic(draft, active):
        report.unsupported.append("NPF: anisotropy that is turned against the grid (ANGLE1, ANGLE2, ANGLE3).")
    if not converts.any():
        report.kept.append("All cells are confined.")
    elif draft.upstream:
        report.kept.append(f"{cells_of(int(converts.sum()))} convertible, with upstream weighting (NEWTON).")
    else:
        rewets = " and rewets them (REWET)" if "REWET" in options else ""
        report.approximated.append(
            f"{cells_of(int(converts.sum()))} convertible, without NEWTON: cells that are dry stay in the model, where "
            "MODFLOW turns "
            f"them off{rewets}. Flows have the same harmonic mean of saturated transmissivities."
        )


def _isotropic(draft: Draft, active: BoolArray) -> bool:
    return bool(np.array_equal(draft.k[active], draft.k22[active]) and np.array_equal(draft.k[active], draft.k33[active]))


def _fill_storage(source: Mf6Source, model: Any, draft: Draft) -> None:
    """Take over storage, and report what of it cannot be expressed."""
    report, storage = draft.report, source.of("STO")
    if draft.periods.steady.all():
        report.kept.append("All stress periods are steady.")
    if not storage:
        return
    options, active = storage[0].file.options(), draft.domain > 0
    label = label_of(storage[0])
    elastic = np.broadcast_to(_field(model.sto.ss), draft.shape).copy()
    if "STORAGECOEFFICIENT" in options:
        deep = thickness(draft)
        elastic = np.divide(elastic, deep, out=np.zeros(draft.shape), where=deep > 0.0)
        report.converted.append(f"{label}: storage coefficients over the thickness of their cells are specific storage.")
    draft.specific_storage = elastic
    converts = np.broadcast_to(np.asarray(model.sto.iconvert.array) != 0, draft.shape)
    if model.sto.sy.array is not None:
        draft.specific_yield = np.where(draft.convertible, np.broadcast_to(_field(model.sto.sy), draft.shape), 0.0)
    if draft.periods.steady.all():
        return  # how water is stored makes no difference then
    if differing := int((converts != draft.convertible)[active].sum()):
        report.unsupported.append(
            f"{label}: {cells_of(differing)} convertible for storage (ICONVERT) but not for flow (ICELLTYPE), or the reverse (a "
            "partial import takes ICELLTYPE for both)."
        )
    if "SS_CONFINED_ONLY" in options and (draft.convertible & active & (elastic > 0.0)).any():
        report.unsupported.append(f"{label}: elastic storage of convertible cells in full ones alone (SS_CONFINED_ONLY).")


def _read_observations(source: Mf6Source, model: Any, draft: Draft) -> None:
    """Take over the points at which heads are observed."""
    names: set[str] = set()
    for package in model.packagelist:
        if package.package_type != "obs" or package.parent_file is not None:
            continue
        with reading(str(package.filename), source.folder):
            for table in (package.continuous.get_data() or {}).values():
                heads = [row for row in table if str(row["obstype"]).lower() == "head"]
                for name, row in zip(unique_names([str(row["obsname"]) for row in heads], names), heads, strict=True):
                    words = row["id"] if isinstance(row["id"], tuple) else [int(word) - 1 for word in str(row["id"]).split()]
                    draft.observations[name] = int(np.ravel_multi_index(tuple(words), draft.shape))
                if rest := len(table) - len(heads):
                    draft.report.left_out.append(
                        f"{package.filename}: {cells_of(rest, 'observation')} of other things than heads."
                    )
