"""Lists and arrays of MODFLOW-2005 packages as entries of each stress period."""

from __future__ import annotations

from typing import Any

import numpy as np

from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.modflow.imports.draft import Barriers, Draft, Entries, ListPackage, StressKind
from aquirecover.modflow.imports.mf2005_properties import Stack, exact
from aquirecover.modflow.imports.report import cells_of

# Package → what it is, and its columns with what they are called here.
COLUMNS: dict[str, tuple[StressKind, dict[str, str]]] = {
    "WEL": ("wells", {"flux": "q"}),
    "RIV": ("river", {"stage": "stage", "cond": "conductance", "rbot": "bottom_elevation"}),
    "DRN": ("drain", {"elev": "elevation", "cond": "conductance"}),
    "GHB": ("general_head", {"bhead": "boundary_head", "cond": "conductance"}),
}
# Array package → what it is, its arrays with what they are called here, its array of layers, and its option.
ARRAYS: dict[str, tuple[StressKind, dict[str, str], str, str]] = {
    "RCH": ("recharge", {"rech": "recharge_rate"}, "irch", "nrchop"),
    "EVT": (
        "evapotranspiration",
        {"surf": "surface", "evtr": "rate", "exdp": "extinction_depth"},
        "ievt",
        "nevtop",
    ),
}
# A pumped cell of MODFLOW-NWT delivers less below this share of its thickness, unless the file says another (PHIRAMP).
NWT_RAMP = 0.1


def cells_at(stack: Stack, draft: Draft, layer: Any, row: Any, column: Any, label: str) -> IntArray:
    """Return flat cell numbers of zero-based layers (of the model), rows and columns.

    Raises
    ------
    InputFileError
        When one lies outside the grid, as those that flopy makes up where a list is cut off.
    """
    places = tuple(np.atleast_1d(np.asarray(index, dtype=np.int64)) for index in (layer, row, column))
    shape = (stack.layer.size, *draft.shape[1:])
    outside = np.any([(index < 0) | (index >= most) for index, most in zip(places, shape, strict=True)], axis=0)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        where = ", ".join(f"{int(index[first]) + 1}" for index in places)
        raise InputFileError(
            f"{label}: the cell {where} (layer, row, column) lies outside the grid, or the list ends before its last "
            "entry: the file is "
            "broken or cut off."
        )
    return np.asarray(np.ravel_multi_index((stack.layer[places[0]], *places[1:]), draft.shape), dtype=np.int64)


def read_list(kind: str, data: Any, name: str, label: str, draft: Draft, stack: Stack, *, newton: bool) -> ListPackage:
    """Return WEL, RIV, DRN or GHB as the entries of every period; a list holds until the next one."""
    stress, columns = COLUMNS[kind]
    none = np.zeros(0, dtype=np.int64)
    found: list[Entries] = []
    for number in range(draft.periods.n):
        given = data.stress_period_data.data.get(number, -1)
        if isinstance(given, np.ndarray) and len(given):
            values = {ours: exact(given[theirs]) for theirs, ours in columns.items()}
            cell = cells_at(stack, draft, given["k"], given["i"], given["j"], label)
            found.append(Entries(cell, _signed(stress, values)))
        elif found and isinstance(given, int) and given < 0:
            found.append(found[-1])
        else:
            found.append(Entries(none, _signed(stress, {ours: np.zeros(0) for ours in columns.values()})))
    if getattr(getattr(data, "options", None), "tabfiles", None):
        draft.report.unsupported.append(f"{label}: pumping rates in files of their own (TABFILES).")
    reduction = 0.0
    if kind == "WEL" and bool(draft.convertible.any()):
        reduction = (
            NWT_RAMP if newton and not getattr(data, "specify", False) else float(getattr(data, "phiramp", None) or NWT_RAMP)
        )
        draft.report.converted.append(
            f"{label}: pumping from a convertible cell fades below {reduction:g} of its thickness"
            + (", as in MODFLOW-NWT." if newton else "; MODFLOW-2005 turns the cell off when it is dry.")
        )
    return ListPackage(stress, name, label, found, reduction)


def _signed(kind: StressKind, values: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the values of a well as pumping and injection, of which none is negative; others as they are."""
    if kind != "wells":
        return values
    return {"pumping_rate": np.maximum(-values["q"], 0.0), "injection_rate": np.maximum(values["q"], 0.0)}


def read_array(kind: str, data: Any, name: str, label: str, draft: Draft, stack: Stack) -> ListPackage:
    """Return RCH or EVT as the entries of every period; each array holds until it is given again."""
    stress, columns, layers, option = ARRAYS[kind]
    choice = int(getattr(data, option))
    row, column = np.indices(draft.shape[1:])
    found: list[Entries] = []
    current: dict[str, np.ndarray] = {}
    for number in range(draft.periods.n):
        fresh = {key: array for key in (*columns, layers) if (array := _given(getattr(data, key, None), number)) is not None}
        if found and not fresh:
            found.append(found[-1])
            continue
        current |= fresh
        layer = _layers(choice, current.get(layers), draft, stack)
        chosen = layer >= 0
        cell = np.ravel_multi_index((np.maximum(layer, 0), row, column), draft.shape)[chosen]
        values = {ours: exact(current[theirs])[chosen] for theirs, ours in columns.items()}
        found.append(Entries(np.asarray(cell, dtype=np.int64), values))
    if choice == 3:
        draft.report.converted.append(
            f"{label}: acts on the uppermost active cell ({option.upper()} 3); when it dries, MODFLOW moves on to the one below."
        )
    return ListPackage(stress, name, label, found)


def _given(arrays: Any, number: int) -> np.ndarray | None:
    """Return the array of a period, None where an earlier one holds."""
    known = getattr(arrays, "transient_2ds", {})
    return np.asarray(known[number].array) if number in known else None


def _layers(choice: int, given: np.ndarray | None, draft: Draft, stack: Stack) -> IntArray:
    """Return the layer that an array acts on in each column, shape ``(n_y, n_x)``; -1 in none.

    1: the uppermost layer; 2: the layers that are given (flopy counts them from 0); 3: the uppermost active cell.
    """
    shape = draft.shape[1:]
    if choice == 2 and given is not None:
        return np.asarray(stack.layer[np.clip(np.asarray(given, dtype=np.int64), 0, stack.layer.size - 1)], dtype=np.int64)
    if choice == 3:
        active = draft.domain > 0
        return np.where(active.any(axis=0), np.argmax(active, axis=0), -1)
    return np.zeros(shape, dtype=np.int64)


def read_chd(data: Any, name: str, label: str, draft: Draft, stack: Stack) -> ListPackage:
    """Return CHD: heads on a line from the start of a period to its end, taken at the end of each step.

    A cell whose head was fixed stays fixed to the end of the simulation, at its last head.
    """
    held: dict[int, float] = {}
    found: list[Entries] = []
    for number in range(draft.periods.n):
        given = data.stress_period_data.data.get(number, -1)
        if isinstance(given, int) and given < 0 and found:
            last = data.stress_period_data[number]
            given = last if isinstance(last, np.ndarray) else 0
        listed: dict[int, tuple[float, float]] = {cell: (head, head) for cell, head in held.items()}
        if isinstance(given, np.ndarray) and len(given):
            cell = cells_at(stack, draft, given["k"], given["i"], given["j"], label).tolist()
            listed |= dict(
                zip(cell, zip(exact(given["shead"]).tolist(), exact(given["ehead"]).tolist(), strict=True), strict=True)
            )
        held = {cell: end for cell, (_, end) in listed.items()}
        edges = draft.periods.step_edges(number) - draft.periods.step_edges(number)[0]
        share = edges[1:, None] / edges[-1] if edges[-1] > 0.0 else np.ones((edges.size - 1, 1))
        ends = np.array(list(listed.values())).reshape(-1, 2)
        on_steps = ends[:, 0] + (ends[:, 1] - ends[:, 0]) * share
        same = bool((ends[:, 0] == ends[:, 1]).all()) or on_steps.shape[0] == 1
        values = ends[:, 1] if same else on_steps
        found.append(Entries(np.array(list(listed), dtype=np.int64), {"head": values}))
    return ListPackage("fixed_head", name, label, found)


def read_fixed(ibound: np.ndarray, heads: FloatArray, draft: Draft, stack: Stack, name: str) -> ListPackage | None:
    """Return the cells whose head is fixed by IBOUND < 0 at their starting head, None where there are none."""
    layer, row, column = np.nonzero(ibound < 0)
    if not layer.size:
        return None
    entries = Entries(cells_at(stack, draft, layer, row, column, "BAS"), {"head": heads[layer, row, column]})
    return ListPackage("fixed_head", name, "BAS: cells with IBOUND < 0", [entries] * draft.periods.n)


def read_barriers(data: Any, name: str, label: str, draft: Draft, stack: Stack, transmissive: np.ndarray) -> Barriers:
    """Return HFB; in layers of BCF that have transmissivities its characteristic is of these, and is divided by the thickness."""
    table = data.hfb_data
    cell = cells_at(stack, draft, table["k"], table["irow1"], table["icol1"], label)
    neighbour = cells_at(stack, draft, table["k"], table["irow2"], table["icol2"], label)
    value = exact(table["hydchr"])
    thin = transmissive.ravel()[cell]
    if thin.any():
        deep = (np.concatenate((draft.top[None], draft.bottom[:-1])) - draft.bottom).ravel()
        value = np.where(thin, value / (0.5 * (deep[cell] + deep[neighbour])), value)
        draft.report.converted.append(
            f"HFB: the characteristics of {cells_of(int(thin.sum()), 'barrier')} of layers with given transmissivity, "
            "over thickness."
        )
    return Barriers(name, cell, neighbour, value)
