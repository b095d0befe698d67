"""What surrounds a problem: observation points, budget zones, legal level limits, and what maps draw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aquirecover.case import geo
from aquirecover.case.law_levels import lawful_head
from aquirecover.case.messages import did_you_mean
from aquirecover.case.site import collecting, refuse
from aquirecover.case.stress_builder import Builder
from aquirecover.case.tables import Column
from aquirecover.case.timeline import day_of
from aquirecover.case.well_builder import check_found, connections
from aquirecover.case.well_tables import NUMBER, PLACE_COLUMNS
from aquirecover.errors import ConfigError, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.problem import Observations, Zones


def build_observations(builder: Builder) -> Observations:
    """Return the observation points, each in the layer of its aquifer with the greatest transmissivity."""
    config, site = builder.config.observations, builder.site
    if config is None:
        return Observations()
    table = site.files.table(config.file, "observations.file")
    table.check({"name": Column(), **dict.fromkeys(PLACE_COLUMNS, NUMBER)})
    names = table.texts("name")
    twice = [row for row, name in enumerate(names) if name in names[:row]]
    if twice:
        raise ConfigError(
            [Finding(f"observations.{names[row]}", "stands twice. Names are unique.", table.at(row)) for row in twice]
        )
    x, y = site.placed(table)
    cell, weight = connections(builder, table, x, y, "observations")
    check_found(builder, names, table, x, y, cell[:, 0] >= 0, weight.max(axis=1) > 0.0, "observations")
    at = cell[np.arange(len(names)), np.argmax(weight, axis=1)]
    measured = _measured(builder, names, x, y) if config.measured is not None else {}
    return Observations(names, at, measured)


def _measured(
    builder: Builder, names: tuple[str, ...], x: FloatArray, y: FloatArray
) -> Mapping[str, tuple[FloatArray, FloatArray]]:
    """Return times and heads by point; a depth below ground is taken from the ground at the point."""
    config, site = builder.config, builder.site
    table = site.files.table(str(config.observations and config.observations.measured), "observations.measured")
    by_day = "day" in table and "date" not in table
    when = {"day": Column("number")} if by_day else {"date": Column("date")}
    table.check({"name": Column(), **when, "head": NUMBER, "depth": NUMBER})
    owner = table.texts("name")
    unknown = [row for row, name in enumerate(owner) if name not in names]
    if unknown:
        raise ConfigError(
            Finding(
                f"name = {owner[row]!r}",
                f"is no observation point of the model. {did_you_mean(owner[row], names)}".strip(),
                table.at(row),
            )
            for row in unknown
        )
    if "head" not in table and "depth" not in table:
        raise refuse("observations.measured", f"{table.source} needs the column head, or depth (m below ground, positive down).")
    point = np.array([names.index(name) for name in owner])
    head = table.numbers("head", missing=np.nan) if "head" in table else np.full(len(table), np.nan)
    if "depth" in table:
        ground = site.at(config.top, x, y, "top")[point]
        head = np.where(np.isnan(head), ground - table.numbers("depth", missing=np.nan), head)
    days = table.numbers("day") if by_day else np.array([day_of(date, config.time.start) for date in table.dates("date")])
    found = {}
    for number in np.unique(point):
        own = np.flatnonzero((point == number) & np.isfinite(head))
        own = own[np.argsort(days[own], kind="stable")]
        found[names[number]] = (days[own], head[own])
    return found


def build_zones(builder: Builder) -> Zones | None:
    """Return a zone for each label of an area and each aquifer that has active cells there."""
    if builder.config.zones is None:
        return None
    ground, masks = builder.ground, labelled_masks(builder, builder.config.zones.area, "zones.area")
    index = np.full(ground.grid.shape, -1, dtype=np.int64)
    names: list[str] = []
    for label, mask in masks.items():
        for aquifer in builder.config.aquifers:
            layers = np.array([name == aquifer for name in ground.aquifers])
            chosen = ground.grid.active & layers[:, None, None] & mask & (index < 0)
            if chosen.any():
                index[chosen] = len(names)
                names.append(f"{label}/{aquifer}")
    return Zones(tuple(names), index)


def labelled_masks(builder: Builder, reference: str, key: str) -> dict[str, BoolArray]:
    """Return the cells in plan of each label of an area, or of the one label that `reference` names."""
    name, _, label = reference.partition("/")
    labels = [label] if label else list(builder.site.places.labelled("areas", name))
    plan = builder.ground.plan
    place = builder.site.places.entries["areas"][name]
    return {each: builder.site.covered(plan, name if place.label is None else f"{name}/{each}", key) for each in labels}


def build_areas(builder: Builder) -> dict[str, BoolArray]:
    """Return named areas in plan: those of zones and maps by their labels, all by their names."""
    masks: dict[str, BoolArray] = {}
    zones = builder.config.zones
    for key, reference in (("zones.area", zones.area if zones else None), ("map.district", builder.config.map.district)):
        if reference is not None:
            with collecting(builder.site.errors, key):
                masks |= labelled_masks(builder, reference, key)
    for name in builder.site.places.entries["areas"]:
        with collecting(builder.site.errors, f"areas.{name}"):
            masks[name] = builder.site.covered(builder.ground.plan, name, f"areas.{name}")
    return masks


def build_map_lines(builder: Builder) -> dict[str, tuple[FloatArray, ...]]:
    """Return the lines that maps draw, by class."""
    view, places, lines = builder.config.map, builder.site.places, {}
    if view.district is not None:
        with collecting(builder.site.errors, "map.district"):
            name, _, label = view.district.partition("/")
            shapes = [places.area(view.district, "map.district")] if label else list(places.labelled("areas", name).values())
            lines["district"] = geo.drawn_lines(shapes)
    for kind, references in (("river", view.river), ("coast", (view.coast,) if view.coast else ())):
        with collecting(builder.site.errors, f"map.{kind}"):
            if references:
                lines[kind] = geo.drawn_lines([places.line(reference, f"map.{kind}") for reference in references])
    return lines


def build_head_limit(builder: Builder) -> FloatArray | None:
    """Return the lowest head that the law allows, shape ``(n_layer, n_y, n_x)``, NaN in aquitards and inactive cells; m."""
    config, ground = builder.config.level_limit, builder.ground
    if config is None:
        return None
    depth = np.full(ground.plan.shape, config.depth)
    if config.urban is not None and config.urban_depth is not None:
        depth[builder.site.covered(ground.plan, config.urban, "level_limit.urban")] = config.urban_depth
    return lawful_head(ground.grid, ground.surface, ground.properties.convertible, ground.aquifers, depth)
