"""From a limit file and its scenario to a question for the safe limit."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.case.config import LimitFiles, read_limits
from aquirecover.case.findings import in_order
from aquirecover.case.law_levels import LAWS
from aquirecover.case.limit_decisions import DecisionList, Sums, build_decisions, some_cells
from aquirecover.case.limit_places import LimitPlaces
from aquirecover.case.limit_rows import Background, RowBuilder
from aquirecover.case.limit_rule_config import (
    EqualCut,
    Level,
    Ratio,
    Recovery,
    Storage,
    Supply,
    curve_label,
)
from aquirecover.case.risk_config import Risk
from aquirecover.errors import Collector
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.study.constraints import Constraints, bounds, join
from aquirecover.study.horizon import earlier_part, later_part
from aquirecover.study.limit_rules import Rows
from aquirecover.study.limits import LimitProblem, LimitSettings
from aquirecover.study.trade_off import fairest

if TYPE_CHECKING:
    from datetime import date

    from aquirecover.case.scenario import Case
    from aquirecover.flow.problem import FlowResult, Problem

    Simulator = Any


@dataclass(frozen=True, eq=False)
class RowInfo:
    """What a constraint is, for people.

    Parameters
    ----------
    rule : str
        Its name in the file.
    place, aquifer, date : str
        Where and when it holds; empty where that has no meaning.
    x, y : float
        Of its cell; NaN where several count; m.
    """

    rule: str
    place: str
    aquifer: str = ""
    date: str = ""
    x: float = float("nan")
    y: float = float("nan")


@dataclass(frozen=True, eq=False)
class LimitCase:
    """A question for the safe limit with what its answer is told by.

    Parameters
    ----------
    title : str
        Of the file.
    question : LimitProblem
        On the part of the time from the first day of the limit on.
    labels : tuple of mapping
        Labels of each decision, as district and aquifer.
    info : tuple of RowInfo
        Of each constraint.
    rows : mapping of str to ndarray of int
        Constraints of each rule of the file.
    settings : LimitSettings
        Of the search.
    sides : tuple of (str, tuple of float) or None
        Rule and sides of a trade-off curve.
    case : Case
        The scenario.
    history : FlowResult
        Simulated to the first day of the limit and on.
    before_pumping : ndarray
        Heads, shape ``(n_layer, n_y, n_x)``; m.
    side_label : str
        What the sides of the curve are.
    risk : Risk or None
        With which probability the rules are to hold.
    ends : tuple of ndarray
        Sides of the rows of a recovery with shares of 0 and 1; empty where the curve is of another rule.
    laws : tuple of str
        Articles that limits were taken from.
    objective_unit : str
        Of what is sought.
    """

    title: str
    question: LimitProblem
    labels: tuple[Mapping[str, str], ...]
    info: tuple[RowInfo, ...]
    rows: Mapping[str, IntArray]
    settings: LimitSettings
    sides: tuple[str, tuple[float, ...]] | None
    case: Case
    history: FlowResult
    before_pumping: FloatArray
    side_label: str
    ends: tuple[FloatArray, FloatArray]
    laws: tuple[str, ...] = ()
    objective_unit: str = "m3/d"
    risk: Risk | None = None

    def total(self, x: FloatArray) -> float:
        """Return what all wells that are decided pump together, mean over the periods; m³/d."""
        n_period = self.question.problem.schedule.n_period
        return float(sum(value * d.share.sum() / n_period for d, value in zip(self.question.decisions, x, strict=True) if d.acts))

    @property
    def places_and_dates(self) -> tuple[list[str], list[str]]:
        """Where and when each constraint holds, for people; rows beyond those of the file have their names."""
        n = len(self.info)
        places = [", ".join(part for part in (info.place, info.aquifer) if part) for info in self.info]
        names = self.question.constraints.names[n:]
        return [*places, *names], [*(info.date[:7] for info in self.info), *("" for _ in names)]

    def row_sides(self, rule: str, sides: Sequence[float]) -> list[FloatArray]:
        """Return the sides of the rows of a rule for each value of the rule's own number."""
        none, all_of_it = self.ends
        if none.size:
            return [none + side * (all_of_it - none) for side in sides]
        return [np.full(self.rows[rule].size, side) for side in sides]


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
    result = simulate(earlier_part(asked, builder.places.period) if brief else asked, case.settings)
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
        self.config, self.case, self.errors = files.limits, case, errors
        self.problem = case.problem
        self.places = LimitPlaces(files.limits, files.file.parent, case, errors)
        self.info: list[RowInfo] = []
        self.parts: list[Constraints] = []
        self.families: list[Any] = []
        self.rows: dict[str, IntArray] = {}

    def check(self) -> tuple[dict[str, int], dict[str, int]]:
        """Check all that needs no simulation, and return how many decisions of each kind and rows of each rule there are."""
        self.places.check()
        if self.errors.findings:
            return {}, {}
        later = later_part(self.problem, self.places.period, self.problem.initial_head)
        found = build_decisions(self.config, self.places, later)
        self._sums(found)
        blank = np.zeros(self.problem.grid.shape)
        heads = Background(blank, blank, dict.fromkeys((day for day, _ in self._earlier), blank))
        builder = RowBuilder(self.places, later, heads, _decided(found))
        self._aquifer(found, builder)
        if not self.errors.findings:
            self._curve(builder)
        decisions = Counter(labels["kind"] for labels in found.labels)
        rows = {name: int(own.size) for name, own in self.rows.items()}
        self.info, self.parts, self.families, self.rows = [], [], [], {}
        return dict(decisions), rows

    @property
    def _earlier(self) -> list[tuple[date, int]]:
        """Days before the limit whose heads rules compare with, and the steps of the scenario that they end."""
        rules = [(name, rule) for name, rule in self.config.constraints.items() if isinstance(rule, Storage)]
        found = [(rule.of, self.places.step_of(rule.of, f"constraints.{name}.of")) for name, rule in rules if rule.of is not None]
        return [(day, step) for day, step in found if 0 <= step < self.places.begin_step]

    @property
    def compared_steps(self) -> list[int]:
        """Steps of the scenario whose heads are compared with later ones."""
        return [0, self.places.begin_step, *(step for _, step in self._earlier)]

    def build(self, result: FlowResult) -> LimitCase:
        """Return the question."""
        places, config = self.places, self.config

        def at(step: int) -> FloatArray:
            field: FloatArray = result.head[int(np.searchsorted(result.saved_step, step))]
            return field

        # a steady beginning that takes no time is the state before pumping
        first = result.head[0] if self.problem.schedule.period_length[0] == 0.0 else self.problem.initial_head
        heads = Background(at(places.begin_step), first, {day: at(step) for day, step in self._earlier})
        later = later_part(self.problem, places.period, heads.start)
        found = build_decisions(config, places, later)
        builder = RowBuilder(places, later, heads, _decided(found))
        self._aquifer(found, builder)
        self._sums(found)
        for section, rows in found.rows:
            self._add(section, rows, [RowInfo(section, name) for name in rows.names])
        objective = found.objective(maximise=config.minimise is None)
        question = LimitProblem(later, tuple(found.decisions), tuple(self.families), join(self.parts), objective)
        labels: list[Mapping[str, str]] = list(found.labels)
        if config.maximise == "room":
            rules = [name for name, rule in config.constraints.items() if isinstance(rule, Level)]
            levels = [self.rows[name] for name in rules if name in self.rows]
            if not levels:
                self.errors.add("maximise", "room needs a rule of levels: add one.")
                levels = [np.zeros(0, dtype=np.int64)]
            question = fairest(question, np.concatenate(levels))
            labels.append({"kind": "room"})
        curve, label, ends = self._curve(builder)
        laws = dict.fromkeys(rule.law for rule in config.constraints.values() if isinstance(rule, Level) and rule.law)
        return LimitCase(
            config.title,
            question,
            tuple(labels),
            tuple(self.info),
            self.rows,
            config.search or LimitSettings(),
            curve,
            self.case,
            result,
            first,
            label,
            ends,
            tuple(LAWS.get(str(law), "level_limit of the model") for law in laws),
            "cost" if config.minimise else {"room": "m", "equal_share": "share"}.get(str(config.maximise), "m3/d"),
            config.risk,
        )

    def _add(self, rule: str, made: Constraints, info: Sequence[RowInfo]) -> None:
        """Append constraints of a rule."""
        start = len(self.info)
        self.parts.append(made)
        self.info += info
        added = np.arange(start, start + made.n)
        self.rows[rule] = np.concatenate([self.rows[rule], added]) if rule in self.rows else added

    def _aquifer(self, found: DecisionList, builder: RowBuilder) -> None:
        """Append the rules that look at heads and flows."""
        quantity = 0
        for name, rule in self.config.constraints.items():
            if isinstance(rule, (Supply, Ratio, EqualCut)):
                continue
            held = builder.rows(name, rule)
            if held is None:
                continue
            info, numbers = self._told(name, held), quantity + np.arange(len(held.place))
            self.families.append(held.family)
            quantity += numbers.size
            names = [_text(entry) for entry in info]
            if isinstance(rule, Recovery) and rule.area_share is not None:
                self._add(name, some_cells(found, builder.later, held, numbers, names, rule.area_share, name), info)
                _, shares = found.rows.pop()
                self._add(name, shares, [RowInfo(name, text, "", info[0].date) for text in shares.names])
            else:
                self._add(name, bounds(names, numbers, held.family.unit, held.lower, held.upper), info)

    def _sums(self, found: DecisionList) -> None:
        """Append the rules that look at sums of decisions."""
        sums = Sums(found, self.places)
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
            for place, aquifer, made in rows:
                self._add(name, made, [RowInfo(name, place, aquifer)])

    def _curve(self, builder: RowBuilder) -> tuple[tuple[str, tuple[float, ...]] | None, str, tuple[FloatArray, FloatArray]]:
        """Return rule and sides of the trade-off curve, its label, and the sides of a recovery with shares 0 and 1."""
        wanted, empty = self.config.trade_off, np.zeros(0)
        if wanted is None:
            return None, "", (empty, empty)
        rule, ends = self.config.constraints[wanted.rule], (empty, empty)
        if isinstance(rule, Recovery) and rule.area_share is None:
            none, all_of_it = (builder.rows(wanted.rule, rule.model_copy(update={"share": share})) for share in (0.0, 1.0))
            if none is not None and all_of_it is not None:
                ends = none.lower, all_of_it.lower
        label = curve_label(rule)
        if not label:
            self.errors.add("trade_off.rule", f"{wanted.rule}: has no number that a curve could move.")
        return (wanted.rule, wanted.sides), label, ends

    def _told(self, name: str, held: Rows) -> list[RowInfo]:
        """Return what each row is."""
        schedule, grid = self.problem.schedule, self.problem.grid
        begin = schedule.period_start[self.places.period]
        time = schedule.step_time[self.places.begin_step + 1 :]
        dates = [str(schedule.date_of(float(t)))[:10] if schedule.start else f"day {t - begin:g}" for t in time]
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
