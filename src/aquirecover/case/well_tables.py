"""Tables of wells and of their rates, as they stand in the files of a model, before its grid is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aquirecover.case.messages import did_you_mean
from aquirecover.case.model_config import WellGroup
from aquirecover.case.site import SHOWN, Site, collecting, refuse
from aquirecover.case.tables import Column, Table
from aquirecover.case.timeline import Timeline
from aquirecover.errors import Collector, ConfigError, Finding
from aquirecover.flow.arrays import FloatArray, IntArray

PLACE_COLUMNS = ("x", "y", "longitude", "latitude", "screen_top", "screen_bottom")
NUMBER = Column("number", required=False)
RATE = Column("number", required=False, low=0.0)
WELL_COLUMNS = {
    "well": Column(),
    **dict.fromkeys(PLACE_COLUMNS, NUMBER),
    **dict.fromkeys(("permit", "share", "rate", "injection_rate", "radius"), RATE),
    "licensed": Column("flag", required=False),
}


@dataclass(frozen=True, eq=False)
class GroupTable:
    """One group of wells as it stands in its files, before the grid is known.

    Parameters
    ----------
    name : str
        Of the group.
    config : WellGroup
        Section of the model file.
    table : Table
        The wells.
    x, y : ndarray
        Shape ``(n_well,)``; m.
    since : ndarray
        Times from which rates hold, d, or listed periods, from 0; shape ``(n_change,)``.
    rates, injection : ndarray
        Pumped and injected by each well from then on, shape ``(n_change, n_well)``; m³/d.
    by_period : bool
        `since` are listed periods.
    """

    name: str
    config: WellGroup
    table: Table
    x: FloatArray
    y: FloatArray
    since: FloatArray
    rates: FloatArray
    injection: FloatArray
    by_period: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the wells."""
        return self.table.texts("well")

    def on_periods(self, values: FloatArray, timeline: Timeline) -> FloatArray:
        """Return `rates` or `injection` on the periods of a run, shape ``(n_period, n_well)``; m³/d."""
        if not self.by_period:
            return timeline.sample(self.since, values, self.config.interpolate)
        last = np.searchsorted(self.since, timeline.listed, side="right") - 1
        return np.asarray(values[np.maximum(last, 0)])


def read_groups(groups: Mapping[str, WellGroup], site: Site, start: date, n_listed: int) -> list[GroupTable]:
    """Return the groups that are switched on; what is wrong with their files goes to the findings.

    Parameters
    ----------
    groups : mapping
        Sections of the model file.
    site : Site
        Reads the files.
    start : date
        Time zero.
    n_listed : int
        Number of listed periods, 0 where a model has none.
    """
    found: list[GroupTable] = []
    for name, config in groups.items():
        if config.enabled:
            with collecting(site.errors, f"wells.{name}"):
                found.append(_read_group(name, config, site, start, n_listed))
    _check_names(found, site)
    return found


def _read_group(name: str, config: WellGroup, site: Site, start: date, n_listed: int) -> GroupTable:
    table, series = _checked_tables(name, config, site, n_listed)
    x, y = site.placed(table)
    factor = _factor(config)
    if series is None:
        rate = _column(table, "rate", key=f"wells.{name}") * factor
        injection = _column(table, "injection_rate", default=0.0) * factor
        return GroupTable(name, config, table, x, y, np.zeros(1), rate[None], injection[None])
    keys, wanted = series.texts(config.by), table.texts(config.by)
    missing = sorted(set(wanted) - set(keys))
    if missing:
        hint = did_you_mean(missing[0], sorted(set(keys)))
        raise refuse(
            f"wells.{name}.rates", f"{series.source} has no rate for {config.by} {', '.join(missing[:SHOWN])}. {hint}".strip()
        )
    _refuse_useless(series, config.by, keys, set(wanted))
    when = _times(series, start, n_listed)
    times = np.unique(when)
    share = _column(table, "share", default=1.0) * factor
    names = ("rate", "injection_rate") if "injection_rate" in series else ("rate",)
    spread = [_on_times(name, config, series, when, times, column)[:, _places(keys, wanted)] * share for column in names]
    return GroupTable(name, config, table, x, y, times, spread[0], spread[-1] * (len(names) - 1), "date" not in series)


def _checked_tables(name: str, config: WellGroup, site: Site, n_listed: int) -> tuple[Table, Table | None]:
    """Return the wells of a group and its rates, when no cell of either is wrong; all that is wrong comes at once."""
    found: list[Table] = []
    errors = Collector()
    for path, key in ((config.file, "file"), (config.rates, "rates")):
        if path is not None:
            with collecting(errors, f"wells.{name}.{key}"):
                table = site.files.table(path, f"wells.{name}.{key}")
                found.append(table)
                table.check(WELL_COLUMNS if key == "file" else _rate_columns(config, table, n_listed))
    errors.raise_if_any()
    return found[0], found[1] if len(found) > 1 else None


def _rate_columns(config: WellGroup, table: Table, n_listed: int) -> dict[str, Column]:
    """Return what the columns of a table of rates must hold: they hold from a date, or from a listed period on."""
    since = {"date": Column("date")}
    if n_listed and "period" in table and "date" not in table:
        since = {"period": Column("number", low=1.0, high=float(n_listed))}
    return {config.by: Column(), **since, "rate": Column("number", low=0.0), "injection_rate": RATE}


def _times(series: Table, start: date, n_listed: int) -> FloatArray:
    """Return the days after `start`, or the listed periods from 0, of the rows of a table of rates."""
    if "date" in series or not n_listed:
        days = np.array(series.dates("date"), dtype="datetime64[D]") - np.datetime64(start, "D")
        return np.asarray(days.astype(np.float64))
    numbers = series.numbers("period")
    broken = np.flatnonzero(numbers != np.rint(numbers))
    if broken.size:
        raise ConfigError(
            Finding(f"period = {numbers[row]:g}", "must be a whole number.", series.at(row)) for row in broken[:SHOWN].tolist()
        )
    return numbers - 1.0


def _places(keys: Sequence[str], wanted: Sequence[str]) -> IntArray:
    """Return where each wanted key stands among the sorted unique ones of a table."""
    number = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in wanted], dtype=np.int64)


def _refuse_useless(series: Table, by: str, keys: Sequence[str], wanted: set[str]) -> None:
    """Refuse rates that no well would pump: they would be lost from the budget in silence."""
    findings, seen = [], set(wanted)
    for row, key in enumerate(keys):
        if key not in seen:
            seen.add(key)
            message = f"no well has it, and its rates would be lost. {did_you_mean(key, sorted(wanted))}".strip()
            findings.append(Finding(f"{by} = {key!r}", message, series.at(row)))
    if findings:
        raise ConfigError(findings)


def _factor(config: WellGroup) -> float:
    """Return the factor on all rates of a group."""
    number = config.multiplier.value
    return 1.0 if number is None else number * config.multiplier.multiplier + config.multiplier.offset


def _on_times(name: str, config: WellGroup, series: Table, when: FloatArray, times: FloatArray, column: str) -> FloatArray:
    """Return a column of rates on all times of the table, one column for each of the sorted unique keys."""
    keys = np.array(series.texts(config.by))
    values = series.numbers(column, low=0.0, missing=None if column == "rate" else 0.0)
    number = np.unique(keys, return_inverse=True)[1]
    order = np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    found = np.empty((times.size, starts.size))
    errors = Collector()
    for place, rows in enumerate(np.split(order, starts[1:])):
        with collecting(errors, f"wells.{name}.rates"):
            _check_ascending(series, config.by, rows, when)
            if config.interpolate == "linear":
                found[:, place] = np.interp(times, when[rows], values[rows])
            else:
                found[:, place] = values[rows][np.maximum(np.searchsorted(when[rows], times, side="right") - 1, 0)]
    errors.raise_if_any()
    return found


def _check_ascending(series: Table, by: str, rows: IntArray, when: FloatArray) -> None:
    """Refuse rows of one key whose dates or periods do not ascend."""
    late = np.flatnonzero(np.diff(when[rows]) <= 0.0)
    if late.size:
        label = "date" if "date" in series else "period"
        before, after = (series.columns[label][rows[late[0] + i]] for i in (0, 1))
        key = series.columns[by][rows[0]]
        message = f"must be after the {label} before it of {key} ({before}): {label}s ascend."
        raise ConfigError([Finding(f"{label} = {after!r}", message, series.at(int(rows[late[0] + 1])))])


def _column(table: Table, name: str, default: float | None = None, key: str = "") -> FloatArray:
    """Return a column of rates or shares, or a default where the table has none."""
    if name in table:
        return table.numbers(name, low=0.0)
    if default is None:
        raise refuse(key, f"{table.source} needs the column {name} (m3/d), or the group needs a table of rates.")
    return np.full(len(table), default)


def _check_names(groups: list[GroupTable], site: Site) -> None:
    """Report wells whose name stands twice."""
    seen: dict[str, str] = {}
    for group in groups:
        for row, name in enumerate(group.names):
            place = group.table.at(row)
            if name in seen:
                site.errors.add(f"wells.{name}", f"stands twice; the first is at {seen[name]}. Names are unique.", place)
            seen.setdefault(name, place)


def rate_changes(groups: list[GroupTable]) -> Iterator[float]:
    """Yield the times at which a rate of a well changes, apart from the listed periods, which begin anyway; d."""
    for group in groups:
        if not group.by_period:
            yield from group.since.tolist()
