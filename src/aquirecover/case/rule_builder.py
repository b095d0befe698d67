"""Restriction rules of a scenario file as rules on wells, with their places looked up."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from aquirecover.case import scenario_config as schema
from aquirecover.case.restrictions import Rule, Selection
from aquirecover.case.site import Places, Site, collecting
from aquirecover.case.timeline import day_of


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
                    selection=build_selection(entry.select, places, f"restrictions.{name}.select"),
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


def build_selection(config: schema.Select, places: Places, key: str) -> Selection:
    """Return who a rule is meant for, with areas and lines looked up."""
    names = {"district": config.district, "aquifer": config.aquifer, "user_type": config.user_type}
    names |= {"group": config.group, "wells": config.wells}
    size = config.size
    return Selection(
        labels={label: tuple(wanted) for label, wanted in names.items() if wanted is not None},
        licensed=config.licensed,
        size=None if size is None else (size.min or 0.0, np.inf if size.max is None else size.max),
        within=None if config.within is None else places.area(config.within, f"{key}.within"),
        zone=None if config.zone is None else places.by_aquifer(config.zone, f"{key}.zone"),
        near=_near(config.near, places, f"{key}.near"),
        beyond=_near(config.beyond, places, f"{key}.beyond"),
    )


def _near(config: schema.Near | None, places: Places, key: str) -> tuple[Any, float] | None:
    if config is None:
        return None
    if config.area is not None:
        return places.area(config.area, f"{key}.area"), config.distance
    return places.line(str(config.line), f"{key}.line"), config.distance
