"""Limits of levels by law, elevation or depth, and where levels are looked at: in wells, at points, over dry seasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.case.law_levels import REGIONS, lawful_head
from aquirecover.case.limit_places import LimitPlaces
from aquirecover.case.limit_rule_config import DRY_MONTHS, DrySeason, Level
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.study.decisions import given_rates
from aquirecover.study.dry_seasons import Seasons, season_means, seasons
from aquirecover.study.limit_rules import Rows, points, well_screens
from aquirecover.study.well_levels import Screens


@dataclass(frozen=True, eq=False)
class SeasonRows:
    """Mean levels of dry seasons with the sides they must keep to.

    Parameters
    ----------
    rows : Rows
        By season and, within each, by place.
    seasons : tuple of str
        Names.
    lawful, ground : ndarray
        Lowest lawful level and ground of each place, shape ``(n_place,)``; m.
    """

    rows: Rows
    seasons: tuple[str, ...]
    lawful: FloatArray
    ground: FloatArray


class LevelBuilder:
    """Limits of levels on the grid.

    Parameters
    ----------
    places : LimitPlaces
        Where and when.
    later : Problem
        From the first day of the limit on.
    decided : ndarray of bool
        Wells whose rates are decided, shape ``(n_well,)``.
    """

    def __init__(self, places: LimitPlaces, later: Problem, decided: BoolArray) -> None:
        self.places, self.later, self.decided = places, later, decided
        assert later.context.ground is not None
        self.ground: FloatArray = later.context.ground

    def limit(self, rule: Level, key: str) -> FloatArray:
        """Return the limit of a level in every cell, NaN where none, shape ``(n_layer, n_y, n_x)``; m."""
        shape = self.later.grid.shape
        if rule.elevation is not None or rule.highest is not None:
            return np.full(shape, rule.elevation if rule.elevation is not None else rule.highest)
        if rule.depth is not None:
            return np.broadcast_to(self.ground - rule.depth, shape)
        return self._used(self.lawful(rule, key), rule.share_of_depth)

    def _used(self, lawful: FloatArray, share: float) -> FloatArray:
        return np.asarray(self.ground - share * (self.ground - lawful))

    def lawful(self, rule: Level | DrySeason, key: str) -> FloatArray:
        """Return the lowest level that a law allows in every cell, NaN where none; m."""
        shape = self.later.grid.shape
        limit = self.later.context.head_limit
        if isinstance(rule.law, str):
            region = REGIONS[rule.region or "red_river_delta"]
            depth = np.full(shape[1:], region.depth)
            if rule.urban is not None:
                depth[self.places.area(rule.urban, f"{key}.urban")] = region.urban_depth
            convertible = self.later.properties.convertible
            return lawful_head(self.later.grid, self.ground, convertible, self.later.context.layer_aquifer, depth)
        if limit is None:
            message = "the model has no level_limit: give one, the name of a law, or an elevation or depth here."
            self.places.errors.add(f"{key}.law", message)
            return np.full(shape, np.nan)
        return limit

    def screens(self, rule: Level | DrySeason, key: str) -> Screens:
        """Return the wells or points of a rule."""
        if rule.at == "wells":
            chosen = self._pumping() if rule.select is None else self.places.chosen(rule.select, f"{key}.select")
            found = well_screens(self.later, self._radii(rule.radius))
            return found.some(chosen[found.well])
        cell, names = self.places.points(rule.points, f"{key}.points")
        return points(self.later, cell, names)

    def dry_season(self, rule: DrySeason, key: str, layers: IntArray) -> SeasonRows | None:
        """Return the mean levels of the dry seasons of a rule, None when the time of the limit has none."""
        over = self._seasons(rule, key)
        if over is None:
            return None
        screens = self.screens(rule, key)
        lawful = self.lawful(rule, key).ravel()[screens.cell]
        kept = np.isin(screens.layer, layers) & np.isfinite(lawful)
        screens, lawful = screens.some(kept), lawful[kept]
        ground = self.ground.ravel()[screens.cell % self.ground.size]
        rows = season_means(screens, ground - rule.share_of_depth * (ground - lawful), over)
        return SeasonRows(rows, over.names, lawful, ground)

    def watched(self, rule: Level, key: str, layers: IntArray) -> SeasonRows | None:
        """Return the mean levels of dry seasons of wells for which a rule has the limit of Decree 53/2024; None for others."""
        if not (rule.at == "wells" and self._is_decree_53(rule)):
            return None
        shared = {name: getattr(rule, name) for name in ("select", "law", "region", "urban", "radius", "aquifer", "from_", "to")}
        asked = DrySeason.model_construct(rule="dry_season", at="wells", months=DRY_MONTHS, share_of_depth=0.95, **shared)
        n_error = len(self.places.errors.findings)
        found = self.dry_season(asked, key, layers)
        del self.places.errors.findings[n_error:]
        return found

    def _is_decree_53(self, rule: Level) -> bool:
        return law_of(rule, self.places.model_law) == "vn-decree-53-2024"

    def _seasons(self, rule: DrySeason, key: str) -> Seasons | None:
        places, schedule = self.places, self.later.schedule
        if not schedule.start:
            places.errors.add(key, "needs a model whose time has dates.")
            return None
        steps = places.steps(rule.from_, rule.to, None, key)
        middle = places.start_day + schedule.step_time - 0.5 * schedule.step_length
        month, length = places.months_since_0(middle), schedule.step_length.copy()
        length[~np.isin(np.arange(length.size), steps)] = 0.0
        try:
            found = seasons(month, length, rule.months)
        except ValueError as error:
            places.errors.add(f"{key}.months", str(error))
            return None
        if not found.names:
            message = "no dry season lies wholly in its time, or time steps do not begin and end with these months."
            places.errors.add(key, message)
            return None
        return found

    def _pumping(self) -> BoolArray:
        """Return the wells that are decided, or pump in any later period."""
        pumping: BoolArray = self.decided | (given_rates(self.later) > 0.0).any(axis=0)
        return pumping

    def _radii(self, usual: float) -> FloatArray:
        """Return the radii of the wells, shape ``(n_well,)``; m."""
        texts = [text for wells in self.later.wells for text in wells.attributes.get("radius", ("",) * len(wells.names))]
        return np.array([float(text) if text else usual for text in texts])


def law_of(rule: Level | DrySeason, model_law: str) -> str:
    """Return the law of a rule: its own, or that of the model's limit of levels; empty for none."""
    return str(rule.law) if isinstance(rule.law, str) else model_law if rule.law else ""
