"""From a limit file and its scenario to a question for the safe limit."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.case.config import LimitFiles, read_limits
from aquirecover.case.findings import in_order
from aquirecover.case.law_levels import DRY_SEASON, LAWS
from aquirecover.case.limit_case import LimitCase, RowInfo, Watched
from aquirecover.case.limit_curve import Curve, Moved, moved_by_number, sides_by_day, sides_by_number
from aquirecover.case.limit_decisions import DecisionList, build_decisions
from aquirecover.case.limit_levels import law_of
from aquirecover.case.limit_places import LimitPlaces
from aquirecover.case.limit_rows import Background, RowBuilder
from aquirecover.case.limit_rule_config import AnyLimitRule, DrySeason, Level, Recovery, Storage
from aquirecover.case.limit_sum_config import EqualCut, LinearSum, Ratio, Supply
from aquirecover.case.limit_sums import Sums
from aquirecover.case.limit_switches import some_cells, some_seasons
from aquirecover.case.limit_terms import TermBuilder
from aquirecover.errors import Collector
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.steady import solve_steady
from aquirecover.study.constraints import Constraints, bounds, join, total
from aquirecover.study.equilibrium import no_pumping_head
from aquirecover.study.horizon import earlier_part, later_part
from aquirecover.study.limit_rules import Rows
from aquirecover.study.limits import LimitProblem, LimitSettings, Objective
from aquirecover.study.trade_off import fairest

if TYPE_CHECKING:
    from datetime import date

    from aquirecover.case.scenario import Case
    from aquirecover.flow.problem import FlowResult, Problem

    Simulator = Any


def load_limits(
    path: str | os.PathLike[str],
    simulate: Simulator,
    *,
    cell_size: float | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    allow_outside: bool = False,
    brief: bool = False,
) -> LimitCase:
    """Read a limit file with its scenario, simulate the scenario as it stands, and build the question.

    Parameters
    ----------
    path : path
        The limit file.
    simulate : callable
        Turns a problem and settings into a result.
    cell_size, overrides, allow_outside
        As `scenario.load_case` takes them.
    brief : bool
        Simulate the scenario only to the first day of the limit.

    Raises
    ------
    ConfigError, InputFileError
        With everything that is wrong in the files.
    """
    from aquirecover.case.scenario import load_case

    files = read_limits(path, allow_outside=allow_outside)
    case = load_case(files.scenario_file, cell_size=cell_size, overrides=overrides, allow_outside=allow_outside)
    errors = Collector()
    builder = _Builder(files, case, errors)
    builder.check()
    _raise(errors, files)
    asked = _saving(case.problem, builder.compared_steps)
    # there is something to simulate even where the limit begins with the scenario
    result = simulate(earlier_part(asked, max(builder.places.period, 1)) if brief else asked, case.settings)
    made = builder.build(result)
    _raise(errors, files)
    return made


def check_limits(
    path: str | os.PathLike[str],
    *,
    cell_size: float | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    allow_outside: bool = False,
) -> dict[str, Any]:
    """Check a limit file with its scenario without running anything, and return what it asks for; see `load_limits`."""
    from aquirecover.case.scenario import load_case

    files = read_limits(path, allow_outside=allow_outside)
    case = load_case(files.scenario_file, cell_size=cell_size, overrides=overrides, allow_outside=allow_outside)
    errors = Collector()
    builder = _Builder(files, case, errors)
    decisions, rows = builder.check()
    _raise(errors, files)
    return {
        "title": files.limits.title,
        "scenario": case.problem.name,
        "from": files.limits.from_.isoformat(),
        "seeks": "least cost" if files.limits.minimise else files.limits.maximise or "pumping",
        "decisions": decisions,
        "constraints": rows,
    }


def _raise(errors: Collector, files: LimitFiles) -> None:
    errors.findings[:] = in_order(map(files.located, errors.findings))
    errors.raise_if_any()


def _saving(problem: Problem, steps: Sequence[int]) -> Problem:
    """Return a problem that keeps the heads of some steps too."""
    save = problem.schedule.save_step.copy()
    save[list(steps)] = True
    return replace(problem, schedule=replace(problem.schedule, save_step=save))


class _Builder:
    """Turns the sections of a limit file into decisions and constraints."""

    def __init__(self, files: LimitFiles, case: Case, errors: Collector) -> None:
        self.files, self.config, self.case, self.errors = files, files.limits, case, errors
        self.problem = case.problem
        self.places = LimitPlaces(files.limits, files.file.parent, case, errors)
        self.info: list[RowInfo] = []
        self.parts: list[Constraints] = []
        self.families: list[Any] = []
        self.rows: dict[str, IntArray] = {}
        self.ends: dict[str, FloatArray] = {}
        self.watched: list[Watched] = []
        self.sought: tuple[dict[int, float], dict[int, float], str] | None = None

    def check(self) -> tuple[dict[str, int], dict[str, int]]:
        """Check all that needs no simulation, and return how many decisions of each kind and rows of each rule there are."""
        self.places.check()
        if self.errors.findings:
            return {}, {}
        later = later_part(self.problem, self.places.period, self.problem.initial_head)
        found = build_decisions(self.config, self.places, later)
        self._sums(found, later)
        blank = np.zeros(self.problem.grid.shape)
        heads = Background(blank, blank, dict.fromkeys((day for day, _ in self._earlier), blank), blank)
        builder = RowBuilder(self.places, later, heads, _decided(found))
        self._aquifer(found, builder)
        self._linear(found, builder)
        self._moved()
        self._check_bisection(found)
        decisions = Counter(labels["kind"] for labels in found.labels)
        rows = {name: int(own.size) for name, own in self.rows.items()}
        self.info, self.parts, self.families, self.rows, self.ends, self.watched = [], [], [], {}, {}, []
        self.sought = None
        return dict(decisions), rows

    @property
    def _earlier(self) -> list[tuple[date, int]]:
        """Days before the limit whose heads rules compare with, and the steps of the scenario that they end."""
        days: list[tuple[date | None, str]] = []
        for name, rule in self.config.constraints.items():
            if isinstance(rule, Storage):
                days.append((rule.of, f"constraints.{name}.of"))
            elif isinstance(rule, LinearSum):
                days += [(term.on, f"constraints.{name}.terms[{n}].on") for n, term in enumerate(rule.terms)]
        found = [(day, self.places.step_of(day, key)) for day, key in days if day is not None]
        return [(day, step) for day, step in found if 0 <= step < self.places.begin_step]

    @property
    def compared_steps(self) -> list[int]:
        """Steps of the scenario whose heads are compared with later ones."""
        return [0, max(self.places.begin_step, 0), *(step for _, step in self._earlier)]

    def _no_pumping(self) -> FloatArray | None:
        """Return the heads in equilibrium without pumping where a rule asks for them."""
        rules = self.config.constraints.values()
        if not any(isinstance(rule, Recovery) and rule.reference == "no_pumping" for rule in rules):
            return None
        return no_pumping_head(self.problem, lambda problem, period: solve_steady(problem, period, self.case.settings))

    def build(self, result: FlowResult) -> LimitCase:
        """Return the question."""
        places, config = self.places, self.config

        def at(step: int) -> FloatArray:
            if step < 0:
                return self.problem.initial_head
            field: FloatArray = result.head[int(np.searchsorted(result.saved_step, step))]
            return field

        # a steady beginning that takes no time is the state before pumping
        first = result.head[0] if self.problem.schedule.period_length[0] == 0.0 else self.problem.initial_head
        heads = Background(at(places.begin_step), first, {day: at(step) for day, step in self._earlier}, self._no_pumping())
        later = later_part(self.problem, places.period, heads.start)
        found = build_decisions(config, places, later)
        builder = RowBuilder(places, later, heads, _decided(found))
        self._aquifer(found, builder)
        self._linear(found, builder)
        self._sums(found, later)
        for section, rows in found.rows:
            self._add(section, rows, [RowInfo(section, name) for name in rows.names])
        objective, unit = self._sought(found)
        question = LimitProblem(later, tuple(found.decisions), tuple(self.families), join(self.parts), objective)
        labels: list[Mapping[str, str]] = list(found.labels)
        if config.maximise == "room":
            rules = [name for name, rule in config.constraints.items() if isinstance(rule, Level)]
            levels = [np.zeros(0, dtype=np.int64), *(self.rows[name] for name in rules if name in self.rows)]
            question = fairest(question, np.concatenate(levels))
            labels.append({"kind": "room"})
        return LimitCase(
            config.title,
            question,
            tuple(labels),
            tuple(self.info),
            self.rows,
            config.search or LimitSettings(),
            self.case,
            result,
            first,
            self._laws(),
            unit,
            config.risk,
            self._curve(builder, Sums(found, places, later), question, result),
            tuple(self.watched),
            config.bisection,
        )

    def _laws(self) -> tuple[str, ...]:
        """Return the articles that limits were taken from."""
        found = []
        for rule in self.config.constraints.values():
            if isinstance(rule, Level) and rule.law:
                own = "level_limit of the model"
                article = LAWS.get(law_of(rule, self.places.model_law))
                found.append(own if article is None else article if rule.law is not True else f"{article}; {own}")
            elif isinstance(rule, DrySeason):
                found.append(DRY_SEASON)
        return tuple(dict.fromkeys(found))

    def _add(self, rule: str, made: Constraints, info: Sequence[RowInfo], end: FloatArray | None = None) -> None:
        """Append constraints of a rule, and when the step of each ends, where that has a meaning; d."""
        start = len(self.info)
        self.parts.append(made)
        self.info += info
        added = np.arange(start, start + made.n)
        ends = np.full(made.n, np.inf) if end is None else end
        self.rows[rule] = np.concatenate([self.rows[rule], added]) if rule in self.rows else added
        self.ends[rule] = np.concatenate([self.ends[rule], ends]) if rule in self.ends else ends

    def _aquifer(self, found: DecisionList, builder: RowBuilder) -> None:
        """Append the rules that look at heads and flows."""
        quantity = 0
        for name, rule in self.config.constraints.items():
            if isinstance(rule, (Supply, Ratio, EqualCut, LinearSum)):
                continue
            held = builder.rows(name, rule)
            if held is None:
                continue
            info, numbers = self._told(name, held), quantity + np.arange(len(held.place))
            self.families.append(held.family)
            quantity += held.family.n
            names, end = [_text(entry) for entry in info], self._later_time()[held.family.step]
            if isinstance(rule, Recovery) and rule.area_share is not None:
                self._add(name, some_cells(found, builder.later, held, numbers, names, rule.area_share, name), info, end)
                _, shares = found.rows.pop()
                self._add(name, shares, [RowInfo(name, text, "", info[0].date) for text in shares.names])
            elif isinstance(rule, DrySeason) and rule.or_steady:
                seasons = builder.levels.dry_season(rule, f"constraints.{name}", self.places.layers(rule.aquifer, name))
                assert seasons is not None
                level, trend = some_seasons(found, seasons, numbers, names, name)
                self._add(name, level, info, end)
                self._add(name, trend, info[level.n - trend.n :], end[level.n - trend.n :])
            else:
                self._add(name, bounds(names, numbers, held.family.unit, held.lower, held.upper), info, end)
        for name, rule in self.config.constraints.items():
            if not isinstance(rule, Level) or self.errors.findings:
                continue
            seasons = builder.levels.watched(rule, f"constraints.{name}", self.places.layers(rule.aquifer, name))
            if seasons is not None:
                held, n = seasons.rows, seasons.rows.lower.size
                self.families.append(held.family)
                aquifer = tuple(self.places.aquifer(int(layer)) for layer in held.layer[: seasons.lawful.size])
                self.watched.append(Watched(name, seasons, quantity + np.arange(n), aquifer))
                quantity += held.family.n

    def _sought(self, found: DecisionList) -> tuple[Objective, str]:
        """Return what is sought, and its unit."""
        maximise, wanted = self.config.minimise is None, self.config.maximise
        if self.sought is None:
            unit = {"room": "m", "equal_share": "share"}.get(str(wanted), "m3/d") if maximise else "cost"
            return Objective(np.array(found.worth), maximise=maximise), unit
        rates, quantities, unit = self.sought
        decision, quantity = np.zeros(len(found.decisions)), np.zeros(sum(family.n for family in self.families))
        decision[list(rates)], quantity[list(quantities)] = list(rates.values()), list(quantities.values())
        return Objective(decision, quantity, maximise), unit

    def _linear(self, found: DecisionList, builder: RowBuilder) -> None:
        """Append the sums of heads, water, flows and rates, and see which of them is sought."""
        terms = TermBuilder(builder, Sums(found, self.places, builder.later))
        for name, rule in self.config.constraints.items():
            if not isinstance(rule, LinearSum):
                continue
            made, start = terms.sum(name, rule), sum(family.n for family in self.families)
            self.families += made.families
            quantities = {start + n: times for n, times in enumerate(made.times)}
            if name in (self.config.maximise, self.config.minimise):
                self.sought = made.rates, quantities, made.unit
            if rule.least is not None or rule.most is not None:
                low, high = -np.inf if rule.least is None else rule.least, np.inf if rule.most is None else rule.most
                text, date = f"sum {name}", self._dates[made.step] if made.step >= 0 else ""
                self._add(name, total(text, made.unit, made.rates, quantities, low, high), [RowInfo(name, text, "", date)])

    def _sums(self, found: DecisionList, later: Problem) -> None:
        """Append the rules that look at sums of decisions."""
        sums = Sums(found, self.places, later)
        for name, rule in self.config.constraints.items():
            match rule:
                case Supply():
                    rows = sums.supply(name, rule)
                case Ratio():
                    rows = sums.ratio(name, rule)
                case EqualCut():
                    rows = sums.equal_cut(name, rule)
                case _:
                    continue
            for row in rows:
                self._add(name, row.made, [RowInfo(name, row.place, row.aquifer, row.date)])

    def _check_bisection(self, found: DecisionList) -> None:
        """Refuse the plain method where one factor on present pumping does not make a whole answer."""
        if self.config.bisection is None:
            return
        others = {labels["kind"] for labels in found.labels} - {"pumping", "share"}
        if others or self.config.maximise == "room":
            self.errors.add("bisection", "goes with pumping alone, without injection, supplies, switches, area_share and room.")
        elif not any(decision.present > 0.0 for decision in found.decisions):
            self.errors.add("bisection", "needs wells that pump at present: none of those decided does.")

    def _moved(self) -> Moved | None:
        """Return what the trade-off curve moves, None when there is no curve, or something is wrong with it."""
        wanted = self.config.trade_off
        if wanted is None:
            return None
        rule, name = self.config.constraints[wanted.rule], wanted.rule
        if wanted.dates is not None:
            if not isinstance(rule, Recovery):
                self.errors.add("trade_off.dates", f"{name} is no recovery, which alone has a day to move: give sides.")
                return None
            for n, day in enumerate(wanted.dates):
                self.places.steps(day, rule.to, None, f"trade_off.dates[{n}]")
            return Moved("by", f"Day by which {100.0 * rule.share:g} % of the fall is recovered")
        later = isinstance(rule, Storage) and rule.of is not None and rule.of > self.config.from_
        found = None if later else moved_by_number(rule)
        if found is None:
            self.errors.add("trade_off.rule", f"{name}: has no number that a curve could move, or more than one.")
        return found

    def _curve(self, builder: RowBuilder, sums: Sums, question: LimitProblem, result: FlowResult) -> Curve | None:
        """Return the trade-off curve that is asked for."""
        wanted, moved = self.config.trade_off, self._moved()
        if wanted is None or moved is None:
            return None
        name = wanted.rule
        rule = self.config.constraints[name]

        def sides_of(other: AnyLimitRule) -> FloatArray | None:
            if isinstance(other, Supply):
                parts: Sequence[Rows | Constraints] = [row.made for row in sums.supply(name, other)]
            elif isinstance(other, LinearSum):
                return np.array([other.least if other.least is not None else other.most])
            else:
                assert not isinstance(other, Ratio | EqualCut)
                held = builder.rows(name, other)
                parts = [] if held is None else [held]
            sides = [np.where(np.isfinite(part.lower), part.lower, part.upper) for part in parts]
            return np.concatenate(sides) if sides else None

        if wanted.sides is not None:
            sides = sides_by_number(moved, rule, wanted.sides, sides_of)
            if not sides:
                self.errors.add("trade_off.rule", f"{name}: its constraints do not depend on {moved.key}.")
            return Curve(name, moved.label, wanted.sides, question, self.rows[name], sides)
        assert wanted.dates is not None
        # constraints from the earliest day on, of which each point leaves those out that come before its own
        first = rule.model_copy(update={"by": min(wanted.dates)})
        config = self.config.model_copy(update={"constraints": {**self.config.constraints, name: first}, "trade_off": None})
        early = _Builder(replace(self.files, limits=config), self.case, self.errors)
        made = early.build(result)
        rows = made.rows[name]
        days = [self.places.day(day) for day in wanted.dates]
        sides = sides_by_day(made.question.constraints.lower[rows], early.ends[name], days)
        return Curve(name, moved.label, wanted.dates, made.question, rows, sides)

    def _later_time(self) -> FloatArray:
        """Return when the steps of the limit end, as the scenario counts its days."""
        time: FloatArray = self.problem.schedule.step_time[self.places.begin_step + 1 :]
        return time

    @property
    def _dates(self) -> list[str]:
        """Last day of each step of the limit."""
        schedule = self.problem.schedule
        begin = schedule.period_start[self.places.period]
        return [str(schedule.date_of(float(t)))[:10] if schedule.start else f"day {t - begin:g}" for t in self._later_time()]

    def _told(self, name: str, held: Rows) -> list[RowInfo]:
        """Return what each row is."""
        grid, dates = self.problem.grid, self._dates
        _, row, column = grid.indices(np.maximum(held.cell, 0))
        x, y = (np.where(held.cell >= 0, centre, np.nan) for centre in (grid.x[column], grid.y[row]))
        return [
            RowInfo(name, place, self.places.aquifer(int(layer)) if layer >= 0 else "", dates[int(step)], float(px), float(py))
            for place, layer, step, px, py in zip(held.place, held.layer, held.family.step, x, y, strict=True)
        ]


def _decided(found: DecisionList) -> np.ndarray:
    return np.array([bool(name) for name in found.well_decide], dtype=bool)


def _text(info: RowInfo) -> str:
    return ", ".join(part for part in (info.place, info.aquifer, info.date[:7]) if part)
