"""Where and when the rules of a limit file hold: wells, points, cells, layers and steps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from aquirecover.case.limit_config import LimitConfig
from aquirecover.case.messages import did_you_mean
from aquirecover.case.restrictions import select
from aquirecover.case.rule_builder import build_selection
from aquirecover.case.scenario_config import Select
from aquirecover.case.site import Places, collecting
from aquirecover.errors import Collector, ConfigError, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.study.decisions import given_rates

if TYPE_CHECKING:
    from aquirecover.case.model_config import Place
    from aquirecover.case.scenario import Case
    from aquirecover.flow.problem import Problem

LABELS = ("district", "aquifer", "user_type", "group")


class Timed(Protocol):
    """What holds over a time."""

    @property
    def from_(self) -> date | None:
        """First day."""

    @property
    def to(self) -> date | None:
        """Day on which it ends."""

    @property
    def months(self) -> tuple[int, ...] | None:
        """Months, 1 to 12."""


class LimitPlaces:
    """The places and times of a limit file on the grid and schedule of its scenario.

    Parameters
    ----------
    config : LimitConfig
        The file.
    folder : Path
        Of the file.
    case : Case
        The scenario.
    errors : Collector
        Gets what is wrong.

    Attributes
    ----------
    problem : Problem
        Of the scenario, whole.
    period : int
        Its first period of the limit.
    begin_step : int
        Its step that ends where the limit begins; -1 where it begins with the scenario.
    names : tuple of str
        Of all wells.
    labels : mapping of str to tuple of str
        Labels of all wells by kind, ``well`` for their names.
    present : ndarray
        What they pump in the period before the limit, or in the first one of all, shape ``(n_well,)``; m³/d.
    """

    def __init__(self, config: LimitConfig, folder: Path, case: Case, errors: Collector) -> None:
        self.case, self.errors = case, errors
        self.problem: Problem = case.problem
        schedule = self.problem.schedule
        self.start_day, self._first = self.day(config.from_), config.from_
        self.period = int(np.searchsorted(schedule.period_start, self.start_day - 1e-6))
        if self.period == 0 and schedule.period_length[0] == 0.0:
            # a steady state before the first day is history
            self.period = 1
        self.begin_step = int(np.searchsorted(schedule.step_period, self.period)) - 1
        self.names = case.register.names
        self.labels: Mapping[str, tuple[str, ...]] = {
            **{label: case.register.labels.get(label, ("",) * len(self.names)) for label in LABELS},
            "well": self.names,
        }
        self.present: FloatArray = np.maximum(given_rates(self.problem)[max(self.period - 1, 0)], 0.0)
        places = case.site.places
        self._own = {kind: _moved(getattr(config, kind), folder, places.files.folder) for kind in ("areas", "lines")}
        entries = {kind: {**places.entries[kind], **own} for kind, own in self._own.items()}
        for kind in ("areas", "lines"):
            for name in getattr(config, kind):
                if name in places.entries[kind]:
                    errors.add(f"{kind}.{name}", "is a name that the model or the scenario has: choose another.")
        self._site = replace(case.site, places=Places(entries, places.files, places.crs, errors), errors=errors)

    def day(self, day: date) -> float:
        """Return the time of a date in the scenario, d."""
        start = np.datetime64(self.problem.schedule.start or "1970-01-01")
        return float((np.datetime64(day) - start) / np.timedelta64(1, "s")) / 86_400.0

    def check(self) -> None:
        """Check that places can be read, and that the limit begins with a period of the model."""
        places = self.case.site.places
        Places(self._own, places.files, places.crs, self.errors).check_all(self.case.plan.extent)
        schedule = self.problem.schedule
        end, key = float(schedule.step_time[-1]), f"from = {self._first}"
        if not -1e-6 <= self.start_day < end:
            days = schedule.date_of([0.0, end]) if schedule.start else np.array([0.0, end])
            span = " to ".join(str(day)[:10] for day in days)
            self.errors.add(key, f"must lie inside the time of the scenario, {span}.")
            return
        found = float(schedule.period_start[min(self.period, schedule.n_period - 1)])
        if abs(found - self.start_day) > 1e-3:
            day = str(schedule.date_of(found))[:10] if schedule.start else f"day {found:g}"
            self.errors.add(key, f"must be the start of a period of the model, as {day}.")

    def chosen(self, wanted: Select, key: str) -> BoolArray:
        """Return the wells of a selection, shape ``(n_well,)``; one that is empty is an error."""
        with collecting(self.errors, key):
            selection = build_selection(wanted, self._site.places, key)
            return select(key, selection, self.case.register, self.present, self.errors)
        return np.zeros(len(self.names), dtype=bool)

    def steps(
        self, first: date | None, last: date | None, months: Sequence[int] | None, key: str, *, whole: bool = False
    ) -> IntArray:
        """Return the steps of the limit, from 0 at its first day, that end within a time, or lie in it as a `whole`.

        Months are those of their middles.
        """
        schedule = self.problem.schedule
        end, middle = schedule.step_time, schedule.step_time - 0.5 * schedule.step_length
        begin = self.start_day if first is None else self.day(first)
        until = np.inf if last is None else self.day(last)
        since = end - schedule.step_length if whole else end
        held = (np.arange(end.size) > self.begin_step) & (since >= begin - 1e-6) & (end <= until + 1e-6)
        if months is not None:
            held &= np.isin(self.months(middle), months)
        steps = np.flatnonzero(held) - self.begin_step - 1
        if not steps.size:
            span = [str(day)[:10] for day in schedule.date_of([self.start_day, float(end[-1])])] if schedule.start else []
            time = f", {span[0]} to {span[1]}" if span else ""
            where = "over no whole step" if whole else "at the end of no step"
            self.errors.add(key, f"holds {where}: its dates are not in the time of the limit{time}.")
        return steps

    def periods(self, when: Timed, later: Problem, key: str) -> IntArray:
        """Return the periods of the limit, from 0 at its first day, that begin within a time; months are those of middles."""
        schedule = later.schedule
        begin = self.start_day + schedule.period_start
        first = self.start_day if when.from_ is None else self.day(when.from_)
        last = np.inf if when.to is None else self.day(when.to)
        held = (begin >= first - 1e-6) & (begin < last - 1e-6)
        if when.months is not None:
            held &= np.isin(self.months(begin + 0.5 * schedule.period_length), when.months)
        if not held.any():
            self.errors.add(key, "holds in no period: its dates or months are not in the time of the limit.")
        return np.flatnonzero(held)

    def months(self, time: FloatArray) -> IntArray:
        """Return the months, 1 to 12, of times in the scenario; 1 everywhere where it has no dates."""
        schedule = self.problem.schedule
        if not schedule.start:
            return np.ones(time.size, dtype=np.int64)
        return self.months_since_0(time) % 12 + 1

    def months_since_0(self, time: FloatArray) -> IntArray:
        """Return the months of times in the scenario, counted from January of the year 0; 0 everywhere where it has no dates."""
        schedule = self.problem.schedule
        if not schedule.start:
            return np.zeros(time.size, dtype=np.int64)
        return np.asarray(schedule.date_of(time).astype("datetime64[M]").astype(np.int64) + 12 * 1970)

    @property
    def model_law(self) -> str:
        """Law that the model takes its limit of levels from, empty for none."""
        limit = self.case.config.get("model", {}).get("level_limit") or {}
        return str(limit.get("rule") or "")

    def step_of(self, day: date, key: str) -> int:
        """Return the step of the scenario, from 0, that ends on a day or last before it; -1 is the state it begins with."""
        time = self.day(day)
        end = self.problem.schedule.step_time
        if not 0.0 <= time <= float(end[-1]) + 1e-6:
            self.errors.add(f"{key} = {day}", "must lie inside the time of the scenario.")
            return 0
        return int(np.searchsorted(end, time + 1e-6, side="right")) - 1

    def layers(self, aquifers: Sequence[str] | None, key: str) -> IntArray:
        """Return the layers of aquifers from 0, all that belong to one by default."""
        names = self.problem.layer_aquifers
        known = list(dict.fromkeys(name for name in names if name))
        for name in aquifers or ():
            if name not in known:
                self.errors.add(f"{key}.aquifer = {name!r}", f"is no aquifer of the model. {did_you_mean(name, known)}".strip())
        return np.array([k for k, name in enumerate(names) if name and (aquifers is None or name in aquifers)], dtype=np.int64)

    def aquifer(self, layer: int) -> str:
        """Return the aquifer of a layer from 0, empty for none."""
        names = self.problem.layer_aquifers
        return names[layer] if 0 <= layer < len(names) else ""

    def area(self, reference: str, key: str) -> BoolArray:
        """Return the cells of an area in plan, shape ``(n_y, n_x)``; one that covers none is an error."""
        mask: BoolArray = np.zeros(self.problem.grid.shape[1:], dtype=bool)
        with collecting(self.errors, key):
            self._check_name("areas", reference, key)
            mask = self._site.covered(self.case.plan, reference, key)
            if not mask.any():
                self.errors.add(f"{key} = {reference!r}", "covers no cell of the model.")
        return mask

    @cached_property
    def districts(self) -> Mapping[str, BoolArray]:
        """Cells in plan of the districts that maps of the model draw, by name."""
        reference = (self.case.config.get("model", {}).get("map") or {}).get("district")
        if not reference:
            return {}
        name = str(reference).partition("/")[0]
        labels = self._site.places.labelled("areas", name)
        return {
            label: self._site.covered(self.case.plan, name if label == name else f"{name}/{label}", "map.district")
            for label in labels
        }

    def cell_name(self, cell: int, *others: int) -> str:
        """Return row and column of a cell from 1, and the district in which it, or another one beside it, lies."""
        _, n_y, n_x = self.problem.grid.shape
        row, column = divmod(cell % (n_y * n_x), n_x)
        text = f"row {row + 1}, column {column + 1}"
        for one in (cell, *others):
            place = one % (n_y * n_x)
            found = [name for name, mask in self.districts.items() if mask.ravel()[place]]
            if found:
                return f"{text} ({found[0]})"
        return text

    def line(self, reference: str, key: str) -> Any:
        """Return the geometry of a line, None when something is wrong."""
        with collecting(self.errors, key):
            self._check_name("lines", reference, key)
            return self._site.places.line(reference, key)
        return None

    def _check_name(self, kind: str, reference: str, key: str) -> None:
        """Refuse the name of a place that is not there."""
        name, known = reference.partition("/")[0], self._site.places.entries[kind]
        if name not in known:
            there = did_you_mean(name, known) or f"There are no {kind}."
            raise ConfigError([Finding(f"{key} = {reference!r}", f"is not there. {there}")])

    def points(self, names: Sequence[str] | None, key: str) -> tuple[IntArray, list[str]]:
        """Return the cells and names of observation points, all by default."""
        known = self.problem.observations
        if names is None:
            if not known.names:
                self.errors.add(key, "is at observations, and the model has none.")
            return known.cell, list(known.names)
        wanted = [name for name in names if self._is_point(name, key)]
        return np.array([known.cell[known.names.index(name)] for name in wanted], dtype=np.int64), wanted

    def cell(self, point: str | tuple[int, ...], key: str) -> tuple[int, str]:
        """Return the cell of a point, or of layer, row and column from 1, and its name; -1 when it is wrong."""
        known, grid = self.problem.observations, self.problem.grid
        if isinstance(point, str):
            return (int(known.cell[known.names.index(point)]), point) if self._is_point(point, key) else (-1, point)
        name = f"cell {', '.join(map(str, point))}"
        if any(index > size for index, size in zip(point, grid.shape, strict=True)):
            shape = " x ".join(map(str, grid.shape))
            self.errors.add(f"{key} = {name!r}", f"lies outside the grid of {shape} layers, rows and columns.")
            return -1, name
        number = int(grid.cell(point[0] - 1, point[1] - 1, point[2] - 1)[0])
        if not grid.active.ravel()[number]:
            self.errors.add(f"{key} = {name!r}", "is not active.")
            return -1, name
        return number, name

    def _is_point(self, name: str, key: str) -> bool:
        known = self.problem.observations.names
        if name not in known:
            self.errors.add(f"{key} = {name!r}", f"is no observation point of the model. {did_you_mean(name, known)}".strip())
        return name in known


def _moved(places: Mapping[str, Place], folder: Path, target: Path) -> dict[str, Place]:
    """Return places with their files relative to another folder."""
    return {
        name: place.model_copy(update={"file": Path(os.path.relpath(folder / place.file, target)).as_posix()})
        for name, place in places.items()
    }
