"""The wells of a model as a register: where they are, what they may pump and what they pump, without a grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from aquirecover.case.config import CaseFiles
from aquirecover.case.site import Files, Places, Site
from aquirecover.case.timeline import day_of
from aquirecover.case.well_builder import permits
from aquirecover.case.well_tables import GroupTable, read_groups
from aquirecover.errors import Collector
from aquirecover.flow.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class WellRegister:
    """All wells of a model.

    Parameters
    ----------
    names, aquifer, district : tuple of str
        One per well; empty where the table says nothing.
    x, y : ndarray
        Shape ``(n_well,)``; m.
    rate, permit : ndarray
        Pumped at the date, and permitted (NaN where none is given), shape ``(n_well,)``; m³/d.
    """

    names: tuple[str, ...]
    aquifer: tuple[str, ...]
    district: tuple[str, ...]
    x: FloatArray
    y: FloatArray
    rate: FloatArray
    permit: FloatArray


def read_register(files: CaseFiles, day: date | None = None) -> tuple[WellRegister, Site]:
    """Return the wells of a case at a date, the end of the model's time by default, and the place of the model.

    Raises
    ------
    ConfigError
        With everything that is wrong with the tables of wells.
    """
    model, errors = files.model, Collector()
    inputs = Files(files.workspace, files.model_file.parent)
    site = Site(model.crs, inputs, Places({"areas": model.areas, "lines": model.lines}, inputs, model.crs, errors), errors)
    length = np.array([period.length for period in model.time.periods or ()])
    groups = read_groups(model.wells, site, model.time.start, length.size)
    errors.raise_if_any()
    at = day_of(day or model.time.last, model.time.start)
    begins = np.cumsum(length) - length
    register = WellRegister(
        names=tuple(name for group in groups for name in group.names),
        aquifer=_texts(groups, "aquifer"),
        district=_texts(groups, "district"),
        x=_joined([group.x for group in groups]),
        y=_joined([group.y for group in groups]),
        rate=_joined([_rates(group, at, begins) for group in groups]),
        permit=_joined([permits(group.table) for group in groups]),
    )
    return register, site


def _joined(arrays: list[FloatArray]) -> FloatArray:
    return np.concatenate(arrays) if arrays else np.zeros(0)


def _texts(groups: list[GroupTable], column: str) -> tuple[str, ...]:
    """Return a column of all wells, empty where a table does not have it."""
    found: list[str] = []
    for group in groups:
        found += group.table.texts(column) if column in group.table else [""] * len(group.names)
    return tuple(found)


def _rates(group: GroupTable, day: float, begins: FloatArray) -> FloatArray:
    """Return the rates of a group at a time, as its wells are read onto periods; m³/d. Listed periods begin at `begins`."""
    days = begins[group.since.astype(np.int64)] if group.by_period else group.since
    if group.config.interpolate == "linear":
        return np.array([np.interp(day, days, series) for series in group.rates.T])
    before = int(np.searchsorted(days, day, side="right")) - 1
    return group.rates[before].copy() if before >= 0 else np.zeros(group.rates.shape[1])
