"""From the rules of a limit file to quantities of the aquifer and the sides they must keep to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from aquirecover.case.limit_levels import LevelBuilder
from aquirecover.case.limit_places import LimitPlaces, Timed
from aquirecover.case.limit_rule_config import Difference, DrySeason, Flux, Front, Gradient, Level, NoDecline, Recovery, Storage
from aquirecover.case.messages import did_you_mean
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.stresses import Wells
from aquirecover.study.flow_quantities import stored_water
from aquirecover.study.limit_rules import (
    Rows,
    boundary_outflow,
    cell_levels,
    edge_pairs,
    flow_across,
    head_differences,
    kept_storage,
    least_storage,
    mean_levels,
    screen_levels,
)

if TYPE_CHECKING:
    from aquirecover.flow.grid import Grid
    from aquirecover.flow.problem import Problem


AquiferRule: TypeAlias = Level | DrySeason | Recovery | NoDecline | Storage | Front | Difference | Gradient | Flux


@dataclass(frozen=True, eq=False)
class Background:
    """Heads that rules compare with, each of shape ``(n_layer, n_y, n_x)``; m.

    Parameters
    ----------
    start, first : ndarray
        On the first day of the limit, and before pumping.
    earlier : mapping of date to ndarray
        On the days before the limit that rules name.
    no_pumping : ndarray, optional
        In equilibrium without pumping, where a rule asks for it.
    """

    start: FloatArray
    first: FloatArray
    earlier: dict[date, FloatArray]
    no_pumping: FloatArray | None = None


class RowBuilder:
    """Builds the rows of rules.

    Parameters
    ----------
    places : LimitPlaces
        Where and when.
    later : Problem
        From the first day of the limit on.
    background : Background
        Heads to compare with.
    decided : ndarray of bool
        Wells whose rates are decided, shape ``(n_well,)``.
    """

    def __init__(self, places: LimitPlaces, later: Problem, background: Background, decided: BoolArray) -> None:
        self.places, self.later, self.background = places, later, background
        self.levels = LevelBuilder(places, later, decided)

    def rows(self, name: str, rule: AquiferRule) -> Rows | None:
        """Return the quantities of a rule, None when something is wrong."""
        key, n_error = f"constraints.{name}", len(self.places.errors.findings)
        layers = self.places.layers(rule.aquifer, key)
        found = self._made(key, rule, layers)
        # wells that could not be chosen are told already
        whole = not any(finding.key.startswith("decide.") for finding in self.places.errors.findings)
        if found is not None and not found.place and whole and len(self.places.errors.findings) == n_error:
            self.places.errors.add(key, "holds nowhere: none of its places lies in these aquifers, or has a limit.")
        return found if found is not None and found.place and len(self.places.errors.findings) == n_error else None

    def _made(self, key: str, rule: AquiferRule, layers: IntArray) -> Rows | None:
        match rule:
            case Level():
                return self._level(key, rule, layers)
            case DrySeason():
                held = self.levels.dry_season(rule, key, layers)
                return None if held is None else held.rows
            case Recovery():
                return self._recovery(key, rule, layers)
            case NoDecline():
                return self._means(rule.area, layers, self.background.start, self._steps(rule, key), key)
            case Storage():
                return self._storage(key, rule, layers)
            case Front():
                return self._front(key, rule, layers)
            case Difference() | Gradient():
                return self._pairs(key, rule)
            case Flux():
                return self.flux(key, rule, layers)

    def _level(self, key: str, rule: Level, layers: IntArray) -> Rows | None:
        places, later, grid = self.places, self.later, self.later.grid
        steps, limit = self._steps(rule, key), self.levels.limit(rule, key)
        limit = np.where(np.isin(np.arange(grid.shape[0]), layers)[:, None, None], limit, np.nan)
        if rule.at in ("wells", "observations"):
            screens = self.levels.screens(rule, key)
            lowest = limit.ravel()[screens.cell]
            kept = np.isfinite(lowest)
            found = screen_levels(screens.some(kept), lowest[kept], steps)
        elif rule.mean:
            found = self._means(str(rule.area), layers, limit, steps, key)
        else:
            mask = places.area(str(rule.area), f"{key}.area")
            cell = np.flatnonzero(grid.active & mask & np.isfinite(limit))
            found = cell_levels(later, cell, [places.cell_name(int(c)) for c in cell], limit.ravel()[cell], steps)
        return found.turned() if rule.highest is not None else found

    def _recovery(self, key: str, rule: Recovery, layers: IntArray) -> Rows | None:
        steps, level = self.places.steps(rule.by, rule.to, None, key), self._recovered(rule)
        level = np.where(np.isin(np.arange(level.shape[0]), layers)[:, None, None], level, np.nan)
        if rule.at == "observations":
            cell, names = self.places.points(rule.points, f"{key}.points")
            return cell_levels(self.later, cell, names, level.ravel()[cell], steps)
        if rule.area_share is None:
            return self._means(str(rule.area), layers, level, steps, key)
        mask, grid = self.places.area(str(rule.area), f"{key}.area"), self.later.grid
        cell = np.flatnonzero(grid.active & mask & np.isfinite(level))
        return cell_levels(self.later, cell, [self.places.cell_name(int(c)) for c in cell], level.ravel()[cell], steps)

    def _storage(self, key: str, rule: Storage, layers: IntArray) -> Rows | None:
        places, grid = self.places, self.later.grid
        steps = self._steps(rule, key)
        mask = np.ones(grid.shape[1:], dtype=bool) if rule.area is None else places.area(rule.area, f"{key}.area")
        where = rule.area or "the model"
        groups, names = self._groups(mask, layers, f"water stored in {where}")
        after, head = (0, self.background.start) if rule.of is None else self.state(rule.of, f"{key}.of")
        if head is None:
            return kept_storage(self.later, groups, names, rule.share, after, steps[steps != after])
        least = [float(stored_water(self.later, cells, head.ravel()[cells]).sum()) for cells in groups]
        return least_storage(self.later, groups, names, rule.share * np.array(least), steps)

    def state(self, day: date, key: str) -> tuple[int, FloatArray | None]:
        """Return the step of the limit, from 0, that ends on a day, or 0 and the heads on a day before all of them."""
        step = self.places.step_of(day, key) - self.places.begin_step - 1
        if step >= 0:
            return step, None
        if step == -1:
            return 0, self.background.start
        return 0, self.background.first if step < -1 - self.places.begin_step else self.background.earlier[day]

    def _front(self, key: str, rule: Front, layers: IntArray) -> Rows | None:
        grid = self.later.grid
        outer, inner = edge_pairs(grid, self.places.area(rule.area, f"{key}.area"), layers.tolist())
        pairs = zip(outer.tolist(), inner.tolist(), strict=True)
        names = [f"edge at {self.places.cell_name(one, other)}" for one, other in pairs]
        return head_differences(self.later, outer, inner, names, self._steps(rule, key), least=rule.gradient, gradient=True)

    def _pairs(self, key: str, rule: Difference | Gradient) -> Rows | None:
        cells = [[self.places.cell(point, f"{key}.pairs") for point in pair] for pair in rule.pairs]
        high, low = (np.array([pair[side][0] for pair in cells], dtype=np.int64) for side in (0, 1))
        if (high < 0).any() or (low < 0).any():
            return None
        gradient = isinstance(rule, Gradient)
        names = [f"{one} to {other}" for (_, one), (_, other) in cells]
        for n, name in enumerate(names):
            if high[n] == low[n] or (gradient and (high[n] - low[n]) % self.later.grid.area.size == 0):
                self.places.errors.add(f"{key}.pairs", f"{name}: lie in one cell in plan; use places further apart.")
                return None
        least, most = (-np.inf if rule.least is None else rule.least), (np.inf if rule.most is None else rule.most)
        return head_differences(self.later, high, low, names, self._steps(rule, key), least, most, gradient=gradient)

    def flux(self, key: str, rule: Flux, layers: IntArray) -> Rows | None:
        """Return the flows of a rule."""
        # a flow is a mean over its step, of which none may lie before the time
        places, steps = self.places, self.places.steps(rule.from_, rule.to, rule.months, key, whole=True)
        if not steps.size:
            return None
        spans = [(int(steps[0]), int(steps[-1]))] if rule.mean else [(int(step), int(step)) for step in steps]
        least, most = (-np.inf if rule.least is None else rule.least), (np.inf if rule.most is None else rule.most)
        if rule.boundary is not None:
            return self._boundary(key, rule, layers, spans, least, most)
        if rule.into is not None:
            near, far = edge_pairs(self.later.grid, places.area(rule.into, f"{key}.into"), layers.tolist())
            place = f"flow into {rule.into}"
        else:
            geometry = places.line(str(rule.line), f"{key}.line")
            if geometry is None:
                return None
            near, far = line_pairs(self.later.grid, geometry, layers.tolist())
            place = f"flow across {rule.line}"
        if not near.size:
            places.errors.add(key, f"{rule.into or rule.line}: crosses no face between two active cells of these aquifers.")
            return None
        return flow_across(near, far, place, spans, least, most)

    def _boundary(
        self, key: str, rule: Flux, layers: IntArray, spans: Sequence[tuple[int, int]], least: float, most: float
    ) -> Rows | None:
        places, grid = self.places, self.later.grid
        known = {stress.name: stress for stress in self.later.stresses if not isinstance(stress, Wells)}
        stress = known.get(str(rule.boundary))
        if stress is None:
            hint = did_you_mean(str(rule.boundary), list(known))
            places.errors.add(f"{key}.boundary = {rule.boundary!r}", f"is no boundary of the model. {hint}".strip())
            return None
        layer, row, column = grid.indices(stress.cell)
        chosen = np.ones(layer.size, dtype=bool) if rule.aquifer is None else np.isin(layer, layers)
        if rule.within is not None:
            chosen &= places.area(rule.within, f"{key}.within")[row, column]
        if not chosen.any():
            places.errors.add(key, f"{rule.boundary}: has no part there.")
            return None
        return boundary_outflow(self.later, stress.name, np.flatnonzero(chosen), f"outflow to {stress.name}", spans, least, most)

    def _groups(self, mask: BoolArray, layers: IntArray, what: str) -> tuple[list[IntArray], list[str]]:
        """Return the active cells of each layer in an area, and what is looked at there."""
        grid, found = self.later.grid, []
        for layer in layers:
            inside = grid.active[layer] & mask
            if inside.any():
                found.append(int(layer) * inside.size + np.flatnonzero(inside))
        return found, [what] * len(found)

    def _means(self, area: str, layers: IntArray, head: FloatArray, steps: IntArray, key: str) -> Rows:
        """Return that the mean head of each layer over an area stays above its mean in a field."""
        grid, mask = self.later.grid, self.places.area(area, f"{key}.area")
        groups, names = self._groups(mask, layers, f"mean of {area}")
        weight, level = np.broadcast_to(grid.area, grid.shape).ravel(), head.ravel()
        lowest = [float(np.average(level[cells], weights=weight[cells])) for cells in groups]
        return mean_levels(self.later, groups, names, np.array(lowest), steps)

    def _recovered(self, rule: Recovery) -> FloatArray:
        """Return the heads after a share of the way back to the reference; m."""
        start, reference = self.background.start, self.background.first
        if rule.reference == "no_pumping":
            assert self.background.no_pumping is not None
            reference = self.background.no_pumping
        return np.asarray(start + rule.share * (reference - start))

    def _steps(self, rule: Timed, key: str) -> IntArray:
        return self.places.steps(rule.from_, rule.to, rule.months, key)


def line_pairs(grid: Grid, line: Any, layers: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Return the active cells to the left and to the right of a line, as it is drawn, that meet along it; flat numbers.

    A face belongs to the line when the line crosses the segment between the centres of its cells; crossings to and fro cancel.
    """
    import shapely

    n_y, n_x = grid.shape[1:]
    row, column = np.indices((n_y, n_x))
    plan = (row * n_x + column).astype(np.int64)
    one = np.concatenate([plan[:, :-1].ravel(), plan[:-1].ravel()])
    other = np.concatenate([plan[:, 1:].ravel(), plan[1:].ravel()])
    centre = np.column_stack([np.tile(grid.x, n_y), np.repeat(grid.y, n_x)])
    begin, step = centre[one], centre[other] - centre[one]
    faces = shapely.linestrings(np.stack([begin, begin + step], axis=1))
    start, way = _pieces(line)
    piece, face = shapely.STRtree(faces).query(shapely.linestrings(np.stack([start, start + way], axis=1)))
    apart = begin[face] - start[piece]
    cross = _cross(way[piece], step[face])
    with np.errstate(divide="ignore", invalid="ignore"):
        along, across = _cross(apart, step[face]) / cross, _cross(apart, way[piece]) / cross
    # half open, so that a vertex of the line, or a centre on it, counts once
    met = (cross != 0.0) & (along >= 0.0) & (along < 1.0) & (across >= 0.0) & (across < 1.0)
    sign = np.bincount(face[met], weights=-np.sign(cross[met]), minlength=one.size)
    chosen = np.flatnonzero(sign)
    left = np.where(sign > 0.0, one, other)[chosen]
    right = np.where(sign > 0.0, other, one)[chosen]
    none = np.zeros(0, dtype=np.int64)
    sides = [none], [none]
    for layer in layers:
        active = grid.active[layer].ravel()
        both = active[left] & active[right]
        sides[0].append(layer * n_y * n_x + left[both])
        sides[1].append(layer * n_y * n_x + right[both])
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def _pieces(line: Any) -> tuple[FloatArray, FloatArray]:
    """Return beginnings and directions of the straight pieces of a line, each of shape ``(n, 2)``."""
    import shapely

    parts = [shapely.get_coordinates(part) for part in shapely.get_parts(line)]
    start = np.concatenate([part[:-1] for part in parts])
    return start, np.concatenate([part[1:] for part in parts]) - start


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
