"""Wells of a model on its grid, their rates in every period, and the restrictions of a scenario on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.case.messages import did_you_mean
from aquirecover.case.restrictions import Rule, WellTable, restrict
from aquirecover.case.site import collecting, refuse
from aquirecover.case.stress_builder import Builder
from aquirecover.case.tables import Table
from aquirecover.case.timeline import Timeline
from aquirecover.case.well_tables import GroupTable
from aquirecover.errors import ConfigError, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.stresses import FLOW_REDUCTION, Wells

NO_WELLS = WellTable((), np.zeros(0), np.zeros(0), {}, np.zeros(0, dtype=bool), np.zeros(0))
TEXT_COLUMNS = ("district", "aquifer", "layer", "user_type", "permit", "radius")


@dataclass(frozen=True, eq=False)
class Connected:
    """A group of wells on the grid.

    Parameters
    ----------
    group : GroupTable
        ``n_well`` wells.
    cell : ndarray of int
        Cell of each well in each layer, shape ``(n_well, n_layer)``.
    weight : ndarray
        Transmissivity that each well is open to in each layer, same shape; m²/d.
    aquifer : tuple of str
        As the table says, else that of the layer with the greatest weight.
    """

    group: GroupTable
    cell: IntArray
    weight: FloatArray
    aquifer: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Pumping:
    """The wells of all groups.

    Parameters
    ----------
    stresses : tuple of Wells
        One for each group.
    log : tuple of str
        Effective changes by restrictions.
    register : WellTable
        All wells in a row.
    """

    stresses: tuple[Wells, ...] = ()
    log: tuple[str, ...] = ()
    register: WellTable = NO_WELLS


def build_wells(builder: Builder, groups: list[GroupTable], rules: list[Rule], unlicensed_share: float) -> Pumping:
    """Return the wells of all groups with the rules applied; what is wrong goes to the findings."""
    errors = builder.site.errors
    connected: list[Connected] = []
    for group in groups:
        with collecting(errors, f"wells.{group.name}"):
            connected.append(_connect(builder, group))
    enabled = sum(config.enabled for config in builder.config.wells.values())
    if len(connected) < enabled:
        return Pumping()  # rules are not judged by a part of the wells
    if not connected:
        for rule in rules:
            errors.add(f"restrictions.{rule.name}.select", "selects no well: the model has none that is switched on.")
        return Pumping()
    base = np.concatenate([g.on_periods(g.rates, builder.timeline) for g in groups], axis=1)
    register = _well_table(connected)
    restricted = restrict(rules, register, base, builder.timeline, unlicensed_share, errors)
    if errors.findings:
        return Pumping()
    builder.site.warnings.extend(restricted.warnings)
    rates = np.split(restricted.rate, np.cumsum([len(g.names) for g in groups])[:-1], axis=1)
    wells = (_stress(group, rate, builder.timeline) for group, rate in zip(connected, rates, strict=True))
    return Pumping(tuple(wells), restricted.log, register)


def _connect(builder: Builder, group: GroupTable) -> Connected:
    """Return the cells that the aquifer, layer or screen of each well crosses; lost wells go to the findings."""
    key, table = f"wells.{group.name}", group.table
    cell, weight = connections(builder, table, group.x, group.y, key)
    with collecting(builder.site.errors, key):
        check_found(builder, group.names, table, group.x, group.y, cell[:, 0] >= 0, weight.max(axis=1) > 0.0, "wells")
    given = table.texts("aquifer", missing="") if "aquifer" in table else ("",) * len(table)
    main = (builder.ground.aquifers[layer] for layer in np.argmax(weight, axis=1))
    return Connected(group, cell, weight, tuple(name or other for name, other in zip(given, main, strict=True)))


def _stress(connected: Connected, rate: FloatArray, timeline: Timeline) -> Wells:
    """Return the wells of a group, each open to its cells in proportion to transmissivity."""
    group, table, weight = connected.group, connected.group.table, connected.weight
    well, layer = np.nonzero(weight)
    injection = group.on_periods(group.injection, timeline)
    attributes = {name: table.texts(name, missing="") for name in TEXT_COLUMNS if name in table}
    attributes["aquifer"] = connected.aquifer
    attributes["licensed"] = tuple("yes" if holds else "no" for holds in _licensed(table))
    attributes["group"] = (group.name,) * len(group.names)
    return Wells(
        connected.cell[well, layer],
        rate,
        injection if injection.any() else 0.0,
        names=group.names,
        well=well,
        fraction=weight[well, layer] / weight.sum(axis=1)[well],
        attributes=attributes,
        flow_reduction=FLOW_REDUCTION if group.config.flow_reduction is None else group.config.flow_reduction,
        name=f"wells_{group.name}",
    )


def _well_table(connected: list[Connected]) -> WellTable:
    """Return the wells of all groups in one table to select from."""
    tables = [entry.group.table for entry in connected]

    def texts(column: str) -> tuple[str, ...]:
        parts = (table.texts(column, missing="") if column in table else ("",) * len(table) for table in tables)
        return tuple(text for part in parts for text in part)

    return WellTable(
        names=tuple(name for entry in connected for name in entry.group.names),
        x=np.concatenate([entry.group.x for entry in connected]),
        y=np.concatenate([entry.group.y for entry in connected]),
        labels={
            "district": texts("district"),
            "aquifer": tuple(name for entry in connected for name in entry.aquifer),
            "user_type": texts("user_type"),
            "group": tuple(entry.group.name for entry in connected for _ in entry.group.names),
        },
        licensed=np.concatenate([_licensed(table) for table in tables]),
        permit=np.concatenate([permits(table) for table in tables]),
    )


def _licensed(table: Table) -> BoolArray:
    """Tell which wells hold a licence; those of a table without the column count as licensed."""
    if "licensed" not in table:
        return np.ones(len(table), dtype=bool)
    return table.flags("licensed", missing=False)


def permits(table: Table) -> FloatArray:
    """Return the permitted rates, NaN where none is given; m³/d."""
    if "permit" not in table:
        return np.full(len(table), np.nan)
    return table.numbers("permit", low=0.0, missing=np.nan)


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
        if np.any(upper <= lower):
            rule = "must be above screen_bottom = {:g}: both are elevations in metres, positive up."
            wrong = np.flatnonzero(upper <= lower).tolist()
            raise ConfigError(Finding(f"screen_top = {upper[i]:g}", rule.format(lower[i]), table.at(i)) for i in wrong)
        crossed = np.minimum(top, upper[:, None]) - np.maximum(bottom, lower[:, None])
        length = np.minimum(length, np.clip(crossed, 0.0, None))
    k = builder.ground.properties.k.ravel()[safe]
    return cell, length * np.where(k > 0.0, k, 1.0)  # a conductivity that is not positive is refused elsewhere


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
