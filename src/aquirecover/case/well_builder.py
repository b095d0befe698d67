"""Wells of a model on its grid, their rates in every period, and the restrictions of a scenario on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from aquirecover.case import scenario_config as schema
from aquirecover.case.messages import did_you_mean
from aquirecover.case.model_config import WellGroup
from aquirecover.case.restrictions import Rule, Selection, WellTable, restrict
from aquirecover.case.site import SHOWN, Places, Site, collecting, refuse
from aquirecover.case.stress_builder import Builder
from aquirecover.case.tables import Table
from aquirecover.case.timeline import day_of
from aquirecover.errors import ConfigError, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.stresses import Wells

TEXT_COLUMNS = ("district", "aquifer", "layer", "user_type", "permit", "radius")


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
    days, rates : ndarray
        Times and rates of each well from then on, shape ``(n_date,)`` and ``(n_date, n_well)``; d and m³/d.
    """

    name: str
    config: WellGroup
    table: Table
    x: FloatArray
    y: FloatArray
    days: FloatArray
    rates: FloatArray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the wells."""
        return self.table.texts("well")


def read_groups(groups: Mapping[str, WellGroup], site: Site, start: date) -> list[GroupTable]:
    """Return the groups that are switched on; what is wrong with their files goes to the findings."""
    found: list[GroupTable] = []
    for name, config in groups.items():
        if config.enabled:
            with collecting(site.errors, f"wells.{name}"):
                found.append(_read_group(name, config, site, start))
    _check_names(found, site)
    return found


def _read_group(name: str, config: WellGroup, site: Site, start: date) -> GroupTable:
    table = site.files.table(config.file)
    x, y = site.placed(table)
    if config.rates is None:
        rate = _column(table, "rate", key=f"wells.{name}") * _factor(config)
        return GroupTable(name, config, table, x, y, np.zeros(1), rate[None])
    series = site.files.table(config.rates)
    keys, dates, rates = series.texts(config.by), series.dates("date"), series.numbers("rate", low=0.0)
    days = np.array([day_of(day, start) for day in dates])
    wanted = table.texts(config.by)
    missing = sorted(set(wanted) - set(keys))
    if missing:
        hint = did_you_mean(missing[0], sorted(set(keys)))
        raise refuse(
            f"wells.{name}.rates", f"{series.source} has no rate for {config.by} {', '.join(missing[:SHOWN])}. {hint}".strip()
        )
    times = np.unique(days)
    by_key = {key: _on_dates(key, series, config.by, days, rates, times, config.interpolate) for key in set(wanted)}
    share = _column(table, "share", default=1.0) * _factor(config)
    return GroupTable(name, config, table, x, y, times, np.column_stack([by_key[key] for key in wanted]) * share)


def _factor(config: WellGroup) -> float:
    """Return the factor on all rates of a group."""
    number = config.multiplier.value
    return 1.0 if number is None else number * config.multiplier.multiplier + config.multiplier.offset


def _on_dates(
    key: str,
    series: Table,
    by: str,
    days: FloatArray,
    rates: FloatArray,
    times: FloatArray,
    interpolate: str,
) -> FloatArray:
    """Return the rates of one key on all dates of the table."""
    own = np.flatnonzero([other == key for other in series.texts(by)])
    when, rate = days[own], rates[own]
    late = np.flatnonzero(np.diff(when) <= 0.0)
    if late.size:
        before, after = (series.columns["date"][own[late[0] + i]] for i in (0, 1))
        message = f"must be after the date before it of {key} ({before}): dates ascend."
        raise ConfigError([Finding(f"date = {after!r}", message, series.at(int(own[late[0] + 1])))])
    if interpolate == "linear":
        return np.asarray(np.interp(times, when, rate))
    return np.asarray(rate[np.maximum(np.searchsorted(when, times, side="right") - 1, 0)])


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
        for name in group.names:
            if name in seen:
                site.errors.add(
                    f"wells.{group.name}.{name}", f"stands twice; the first is in wells.{seen[name]}. Names are unique."
                )
            seen[name] = group.name


def rate_changes(groups: list[GroupTable]) -> Iterator[float]:
    """Yield the times at which a rate of a well changes; d."""
    for group in groups:
        yield from (float(day) for day in group.days)


@dataclass(frozen=True, eq=False)
class Pumping:
    """The wells of all groups.

    Parameters
    ----------
    stresses : tuple of Wells
        One for each group.
    log : tuple of str
        Effective changes by restrictions.
    """

    stresses: tuple[Wells, ...]
    log: tuple[str, ...]


def build_wells(builder: Builder, groups: list[GroupTable], rules: list[Rule], unlicensed_share: float) -> Pumping:
    """Return the wells of all groups with the rules applied; what is wrong goes to the findings."""
    if not groups:
        for rule in rules:
            builder.site.errors.add(
                f"restrictions.{rule.name}.select", "selects no well: the model has none that is switched on."
            )
        return Pumping((), ())
    base = np.concatenate([builder.timeline.sample(g.days, g.rates, g.config.interpolate) for g in groups], axis=1)
    restricted = restrict(rules, _well_table(groups), base, builder.timeline, unlicensed_share, builder.site.errors)
    stresses, first = [], 0
    for group in groups:
        last = first + len(group.names)
        with collecting(builder.site.errors, f"wells.{group.name}"):
            stresses.append(_connect(builder, group, restricted.rate[:, first:last]))
        first = last
    return Pumping(tuple(stresses), restricted.log)


def _well_table(groups: list[GroupTable]) -> WellTable:
    """Return the wells of all groups in one table to select from."""

    def texts(column: str) -> tuple[str, ...]:
        parts = (g.table.texts(column, missing="") if column in g.table else ("",) * len(g.names) for g in groups)
        return tuple(text for part in parts for text in part)

    labels = {column: texts(column) for column in ("district", "aquifer", "user_type")}
    labels["group"] = tuple(g.name for g in groups for _ in g.names)
    return WellTable(
        names=tuple(name for g in groups for name in g.names),
        x=np.concatenate([g.x for g in groups]),
        y=np.concatenate([g.y for g in groups]),
        labels=labels,
        licensed=np.concatenate([_licensed(g.table) for g in groups]),
        permit=np.concatenate([_permits(g.table) for g in groups]),
    )


def _licensed(table: Table) -> BoolArray:
    """Tell which wells hold a licence; those of a table without the column count as licensed."""
    if "licensed" not in table:
        return np.ones(len(table), dtype=bool)
    return table.flags("licensed", missing=False)


def _permits(table: Table) -> FloatArray:
    """Return the permitted rates, NaN where none is given; m³/d."""
    if "permit" not in table:
        return np.full(len(table), np.nan)
    return table.numbers("permit", low=0.0, missing=np.nan)


def _connect(builder: Builder, group: GroupTable, rate: FloatArray) -> Wells:
    """Connect the wells of a group to the cells that their aquifer, layer or screen crosses."""
    key, table = f"wells.{group.name}", group.table
    cell, weight = connections(builder, table, group.x, group.y, key)
    check_found(builder, group.names, table, group.x, group.y, cell[:, 0] >= 0, weight.max(axis=1) > 0.0, "wells")
    well, layer = np.nonzero(weight)
    attributes = {name: table.texts(name, missing="") for name in TEXT_COLUMNS if name in table}
    attributes["licensed"] = tuple("yes" if holds else "no" for holds in _licensed(table))
    attributes["group"] = (group.name,) * len(group.names)
    return Wells(
        cell[well, layer],
        rate,
        names=group.names,
        well=well,
        fraction=weight[well, layer] / weight.sum(axis=1)[well],
        attributes=attributes,
        name=f"wells_{group.name}",
    )


def connections(builder: Builder, table: Table, x: FloatArray, y: FloatArray, key: str) -> tuple[IntArray, FloatArray]:
    """Return the cells that points meet, and the transmissivity that they are open to there.

    A row of the table says by aquifer, layer, or the elevations of a screen which part of the column it is open to; all
    that it gives must hold.

    Parameters
    ----------
    builder : Builder
        Knows the grid.
    table : Table
        One row a point.
    x, y : ndarray
        Shape ``(n,)``; m.
    key : str
        For messages.

    Returns
    -------
    cell : ndarray of int
        Shape ``(n, n_layer)``; -1 outside the grid.
    weight : ndarray
        k times open thickness of active cells, shape ``(n, n_layer)``; m²/d.
    """
    grid = builder.ground.grid
    cell = np.stack([grid.locate(x, y, layer) for layer in range(grid.shape[0])], axis=1)
    safe = np.maximum(cell, 0)
    top, bottom = grid.layer_top.ravel()[safe], grid.bottom.ravel()[safe]
    length = np.where((cell >= 0) & grid.active.ravel()[safe] & open_layers(builder, table, key), top - bottom, 0.0)
    if "screen_top" in table and "screen_bottom" in table:
        upper, lower = table.numbers("screen_top", missing=np.inf), table.numbers("screen_bottom", missing=-np.inf)
        crossed = np.minimum(top, upper[:, None]) - np.maximum(bottom, lower[:, None])
        length = np.minimum(length, np.clip(crossed, 0.0, None))
    return cell, length * builder.ground.properties.k.ravel()[safe]


def open_layers(builder: Builder, table: Table, key: str) -> BoolArray:
    """Return the layers that each row of a table names by aquifer or layer, shape ``(n, n_layer)``."""
    given = [label for label in ("aquifer", "layer") if label in table]
    if not given and not ("screen_top" in table and "screen_bottom" in table):
        raise refuse(key, f"{table.source} needs the column aquifer or layer (or screen_top and screen_bottom).")
    open_to = np.ones((len(table), builder.ground.grid.shape[0]), dtype=bool)
    findings = []
    for label in given:
        names = builder.ground.grid.layer_names if label == "layer" else builder.ground.aquifers
        words, valid = table.texts(label, missing=""), list(dict.fromkeys(name for name in names if name))
        findings += [
            Finding(f"{label} = {word!r}", f"is no {label} of the model. {did_you_mean(word, valid)}".strip(), table.at(row))
            for row, word in enumerate(words)
            if word and word not in valid
        ]
        here, there = np.array(words)[:, None], np.array(names)[None, :]
        open_to &= (here == there) | (here == "")
    if findings:
        raise ConfigError(findings)
    return open_to


def check_found(
    builder: Builder,
    names: Sequence[str],
    table: Table,
    x: FloatArray,
    y: FloatArray,
    inside: BoolArray,
    open_somewhere: BoolArray,
    section: str,
) -> None:
    """Refuse points outside the grid, and points whose cells are inactive."""
    west, south, east, north = builder.ground.plan.extent
    findings = []
    for row in np.flatnonzero(~open_somewhere).tolist():
        if not inside[row]:
            message = (
                f"lies outside the grid: x {x[row]:.0f}, y {y[row]:.0f}; the grid covers x {west:.0f} to {east:.0f}, "
                f"y {south:.0f} to {north:.0f}."
            )
        else:
            _, i, j = builder.ground.grid.indices(builder.ground.grid.locate(x[row], y[row], 0))
            message = (
                f"meets no active cell at row {i[0] + 1}, column {j[0] + 1} (x {x[row]:.0f}, y {y[row]:.0f}): "
                "move it, or correct its aquifer, layer or screen."
            )
        findings.append(Finding(f"{section}.{names[row]}", message, table.at(int(row))))
    if findings:
        raise ConfigError(findings)


def build_rules(config: schema.ScenarioConfig, places: Places, timeline_start: date, site: Site) -> list[Rule]:
    """Return the rules of a scenario with their places; what is wrong goes to the findings."""
    rules: list[Rule] = []
    for name, entry in config.restrictions.items():
        with collecting(site.errors, f"restrictions.{name}"):
            rules.append(
                Rule(
                    name,
                    entry.rule,
                    begin=day_of(entry.from_, timeline_start),
                    end=np.inf if entry.to is None else day_of(entry.to, timeline_start),
                    selection=_selection(entry.select, places),
                    compliance=entry.compliance,
                    includes_unlicensed=entry.includes_unlicensed,
                    **_own_keys(entry, timeline_start),
                )
            )
    return rules


def _own_keys(entry: schema.AnyRestriction, start: date) -> dict[str, Any]:
    """Return what only one kind of rule has."""
    match entry:
        case schema.Cap():
            return {"amount": entry.rate}
        case schema.PercentOfPermit() | schema.PercentOfPresent():
            return {"amount": entry.percent}
        case schema.Seasonal():
            return {"amount": entry.percent, "months": entry.months}
        case schema.PhaseOut():
            return {"amount": entry.to_percent, "until": day_of(entry.until, start)}
        case schema.Rotation():
            return {"amount": float(entry.groups), "turn": entry.turn}
        case schema.SurfaceWater():
            return {"amount": entry.replaced}
        case _:
            return {}


def _selection(config: schema.Select, places: Places) -> Selection:
    """Return who a rule is meant for, with areas and lines looked up."""
    names = {"district": config.district, "aquifer": config.aquifer, "user_type": config.user_type}
    names |= {"group": config.group, "wells": config.wells}
    size = config.size
    return Selection(
        labels={label: tuple(wanted) for label, wanted in names.items() if wanted is not None},
        licensed=config.licensed,
        size=None if size is None else (size.min or 0.0, np.inf if size.max is None else size.max),
        within=None if config.within is None else places.area(config.within),
        near=_near(config.near, places),
        beyond=_near(config.beyond, places),
    )


def _near(config: schema.Near | None, places: Places) -> tuple[Any, float] | None:
    if config is None:
        return None
    return (places.area(config.area) if config.area else places.line(str(config.line))), config.distance
