"""Lists, arrays and barriers of MODFLOW 6 packages as entries of each stress period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.modflow.imports.draft import Barriers, Draft, Entries, ListPackage, StressKind
from aquirecover.modflow.imports.folder import SourceFolder
from aquirecover.modflow.imports.mf6_files import Package, read_block_file
from aquirecover.modflow.imports.mf6_options import label_of
from aquirecover.modflow.imports.series import TimeSeries, read_series

# Package → what it is, its columns and what they are called here, and the column that AUXMULTNAME multiplies.
COLUMNS: dict[str, tuple[StressKind, dict[str, str], str]] = {
    "WEL": ("wells", {"q": "q"}, "q"),
    "RIV": ("river", {"stage": "stage", "cond": "conductance", "rbot": "bottom_elevation"}, "cond"),
    "DRN": ("drain", {"elev": "elevation", "cond": "conductance"}, "cond"),
    "GHB": ("general_head", {"bhead": "boundary_head", "cond": "conductance"}, "cond"),
    "CHD": ("fixed_head", {"head": "head"}, "head"),
    "RCH": ("recharge", {"recharge": "recharge_rate"}, "recharge"),
    "EVT": ("evapotranspiration", {"surface": "surface", "rate": "rate", "depth": "extinction_depth"}, "rate"),
}
NOTHING = np.zeros(0, dtype=np.int64)
# Of a grid with layers, the arrays of RCH and EVT are on the uppermost one unless they say which.
LAYER_ARRAYS = {"RCH": "irch", "EVT": "ievt"}


def read_list(package: Package, data: Any, name: str, draft: Draft, folder: SourceFolder) -> ListPackage:
    """Return a package as the entries of every stress period.

    Parameters
    ----------
    package : Package
        Its text.
    data : flopy package
        Its numbers.
    name : str
        Unique, for the model.
    draft : Draft
        Gives shape and periods.
    folder : SourceFolder
        For files of time series.

    Raises
    ------
    InputFileError
        When a time series that it names is missing or too short.
    """
    kind = COLUMNS[package.kind][0]
    options = package.file.options()
    if "READASARRAYS" in options:
        entries = _array_periods(package, data, draft)
    else:
        entries = _list_periods(package, data, draft, _series_of(package, folder))
    reduction = 0.0
    if "AUTO_FLOW_REDUCE" in options:
        _, words = options["AUTO_FLOW_REDUCE"]
        reduction = float(words[0]) if words else 0.1
    return ListPackage(kind, name, label_of(package), entries, reduction)


def _series_of(package: Package, folder: SourceFolder) -> dict[str, TimeSeries]:
    """Return the time series of a package by name."""
    found: dict[str, TimeSeries] = {}
    for line, words in package.file.block("OPTIONS").lines():
        if words[0].upper() == "TS6" and len(words) > 2:
            found |= read_series(read_block_file(folder, folder.existing(words[2], f"{package.file.shown}:{line}")))
    return found


def _list_periods(package: Package, data: Any, draft: Draft, series: Mapping[str, TimeSeries]) -> list[Entries]:
    """Return the entries of every period; a list holds until the next block, and an empty block ends it."""
    blocks, records = package.file.periods, data.stress_period_data.get_data() or {}
    found: list[Entries] = []
    current: Any = None
    for number in range(draft.periods.n):
        begins = number + 1 in blocks
        current = records.get(number) if begins else current
        if found and not begins and (current is None or not _follows_series(current)):
            found.append(found[-1])
        else:
            found.append(_entries(package, current, number, draft, series))
    return found


def _follows_series(records: Any) -> bool:
    """Tell whether a column holds names of time series."""
    return any(records.dtype[name].kind == "O" for name in records.dtype.names if name not in ("cellid", "boundname"))


def _entries(package: Package, records: Any, number: int, draft: Draft, series: Mapping[str, TimeSeries]) -> Entries:
    """Return the entries of a block of records in a period."""
    kind, columns, multiplied = COLUMNS[package.kind]
    if records is None or not len(records):
        return Entries(NOTHING, _signed(kind, {ours: np.zeros(0) for ours in columns.values()}))

    def column(name: str) -> FloatArray:
        return _numbers(records[name], number, draft, series, package)

    values = {ours: column(name) for name, ours in columns.items()}
    if factor := _multiplier(package):
        values[columns[multiplied]] = values[columns[multiplied]] * column(factor)
    named = "boundname" in records.dtype.names
    names = tuple(name if isinstance(name, str) else "" for name in records["boundname"]) if named else ()
    return Entries(_cells(records["cellid"], draft, package), _signed(kind, values), names)


def _multiplier(package: Package) -> str:
    """Return the column of AUXMULTNAME in lower case, empty where there is none."""
    _, words = package.file.options().get("AUXMULTNAME", (0, []))
    return words[0].lower() if words else ""


def _signed(kind: StressKind, values: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the values of a well as pumping and injection, of which none is negative; others as they are."""
    if kind != "wells":
        return values
    rate = values["q"]
    return {"pumping_rate": np.maximum(-rate, 0.0), "injection_rate": np.maximum(rate, 0.0)}


def _cells(cellids: Any, draft: Draft, package: Package) -> IntArray:
    """Return flat cell numbers of zero-based layers, rows and columns."""
    places = np.array(cellids.tolist(), dtype=np.int64).reshape(-1, 3)
    if np.any(places < 0) or np.any(places >= draft.shape):
        wrong = places[np.argmax((places < 0).any(axis=1) | (places >= draft.shape).any(axis=1))] + 1
        raise InputFileError(f"{package.file.shown}: the cell {tuple(wrong.tolist())} lies outside the grid {draft.shape}.")
    return np.asarray(np.ravel_multi_index(tuple(places.T), draft.shape), dtype=np.int64)


def _numbers(column: np.ndarray, number: int, draft: Draft, series: Mapping[str, TimeSeries], package: Package) -> FloatArray:
    """Return a column as numbers, shape ``(n,)``, or ``(n_step, n)`` where it names time series."""
    if column.dtype != object:
        return np.asarray(column, dtype=np.float64)
    texts = [str(text).lower() for text in column]
    if not any(text in series for text in texts):
        try:
            return np.array([float(text) for text in texts])
        except ValueError:
            pass
    edges = draft.periods.step_edges(number)
    known: dict[str, FloatArray] = {}
    for text in dict.fromkeys(texts):
        if text in series:
            known[text] = series[text].on_steps(edges)
        else:
            try:
                known[text] = np.full(edges.size - 1, float(text))
            except ValueError:
                raise InputFileError(f"{package.file.shown}: {text!r} is neither a number nor one of its time series.") from None
    return np.stack([known[text] for text in texts], axis=1)


def _array_periods(package: Package, data: Any, draft: Draft) -> list[Entries]:
    """Return recharge or evapotranspiration given as arrays; each array holds until it is given again."""
    _, columns, _ = COLUMNS[package.kind]
    blocks, layer_name = package.file.periods, LAYER_ARRAYS[package.kind]
    arrays = {name: _transient(getattr(data, name)) for name in (*columns, layer_name) if hasattr(data, name)}
    shape = draft.shape[1:]
    current: dict[str, Any] = {name: np.zeros(shape) for name in columns} | {layer_name: np.zeros(shape, dtype=np.int64)}
    found: list[Entries] = []
    row, column = np.indices(shape)
    for number in range(draft.periods.n):
        if found and number + 1 not in blocks:
            found.append(found[-1])
            continue
        current |= {name: given[number] for name, given in arrays.items() if given.get(number) is not None}
        layer = np.asarray(current[layer_name], dtype=np.int64)
        cell = np.ravel_multi_index((layer.ravel(), row.ravel(), column.ravel()), draft.shape)
        values = {ours: np.asarray(current[name], dtype=np.float64).ravel() for name, ours in columns.items()}
        found.append(Entries(np.asarray(cell, dtype=np.int64), values))
    return found


def _transient(array: Any) -> Mapping[int, Any]:
    """Return the arrays of flopy by period."""
    return array.get_data() or {}


def read_barriers(package: Package, data: Any, name: str, draft: Draft) -> Barriers:
    """Return the barriers of HFB, which must be the same in all periods; what is not is reported."""
    blocks, records = package.file.periods, data.stress_period_data.get_data() or {}
    label = label_of(package)
    if set(blocks) - {1}:
        draft.report.unsupported.append(f"{label}: barriers that change in time (a partial import keeps the first for all time).")
    first: Any = next((records[number] for number in sorted(records) if records[number] is not None), None)
    if first is None:
        return Barriers(name, NOTHING, NOTHING, np.zeros(0))
    cell, neighbour = _cells(first["cellid1"], draft, package), _cells(first["cellid2"], draft, package)
    value = np.asarray(first["hydchr"], dtype=np.float64)
    if (negative := value < 0.0).any():
        draft.report.unsupported.append(f"{label}: {int(negative.sum())} barriers that multiply a conductance (HYDCHR < 0).")
    sound = ~negative
    return Barriers(name, cell[sound], neighbour[sound], value[sound])
