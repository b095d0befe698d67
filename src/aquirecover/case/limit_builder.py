"""From a limit file and its scenario to a question for the safe limit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.case.config import LimitFiles, read_limits
from aquirecover.case.limit_config import (
    AnyLimitRule,
    Decide,
    Front,
    Level,
    LimitConfig,
    NoDecline,
    Recovery,
    Supply,
)
from aquirecover.case.messages import did_you_mean
from aquirecover.case.site import collecting
from aquirecover.errors import Collector
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.study.constraints import Constraints, bounds, join, total
from aquirecover.study.decisions import Decision, given_rates
from aquirecover.study.horizon import later_part
from aquirecover.study.limit_rules import Rows, cell_levels, front_gradients, mean_levels, well_levels
from aquirecover.study.limits import LimitProblem, LimitSettings, Objective
from aquirecover.study.trade_off import fairest

if TYPE_CHECKING:
    from aquirecover.case.scenario import Case
    from aquirecover.flow.problem import FlowResult, Problem

    Simulator = Any


@dataclass(frozen=True, eq=False)
class RowInfo:
    """What a constraint is, for people: rule of the file, place, aquifer and date."""

    rule: str
    place: str
    aquifer: str
    date: str


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
    side_label : str
        What the sides of the curve are.
    ends : tuple of ndarray
        Sides of the rows of a recovery with shares of 0 and 1; empty where the curve is of another rule.
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
    side_label: str
    ends: tuple[FloatArray, FloatArray]

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

    Raises
    ------
    ConfigError, InputFileError
        With everything that is wrong in the files.
    """
    from aquirecover.case.scenario import load_case

    files = read_limits(path, allow_outside=allow_outside)
    case = load_case(files.scenario_file, cell_size=cell_size, overrides=overrides, allow_outside=allow_outside)
    errors = Collector()
    builder = _Builder(files.limits, case, errors)
    builder.check()
    _raise(errors, files)
    result = simulate(_saving(case.problem, builder.begin_step), case.settings)
    made = builder.build(result)
    _raise(errors, files)
    return made


def _raise(errors: Collector, files: LimitFiles) -> None:
    errors.findings[:] = map(files.located, errors.findings)
    errors.raise_if_any()


def _saving(problem: Problem, step: int) -> Problem:
    """Return a problem that keeps the heads of a step too."""
    save = problem.schedule.save_step.copy()
    save[step] = True
    return replace(problem, schedule=replace(problem.schedule, save_step=save))


class _Builder:
    """Turns the sections of a limit file into decisions and constraints."""

    def __init__(self, config: LimitConfig, case: Case, errors: Collector) -> None:
        self.config, self.case, self.errors = config, case, errors
        self.problem = case.problem
        schedule = self.problem.schedule
        self.begin = self._day(config.from_)
        starts = schedule.period_start
        self.period = int(np.searchsorted(starts, self.begin - 1e-6))
        # the step that ends where the limit begins
        self.begin_step = int(np.searchsorted(schedule.step_period, self.period)) - 1
        wells = self.problem.wells
        self.names = [name for group in wells for name in group.names]
        self.labels = {
            key: [label for group in wells for label in group.attributes.get(key, ("",) * len(group.names))]
            for key in ("district", "aquifer", "user_type", "group", "licensed", "radius")
        } | {"well": self.names}

    def _day(self, day: date) -> float:
        start = np.datetime64(self.problem.schedule.start or "1970-01-01")
        return float((np.datetime64(day) - start) / np.timedelta64(1, "s")) / 86_400.0

    def check(self) -> None:
        """Check the dates and what selections reach."""
        schedule = self.problem.schedule
        end = float(schedule.step_time[-1])
        if not 0.0 < self.begin < end:
            self.errors.add("from", f"{self.config.from_}: must lie inside the time of the scenario.")
            return
        if abs(schedule.period_start[min(self.period, schedule.n_period - 1)] - self.begin) > 1e-3:
            found = schedule.date_of(float(schedule.period_start[min(self.period, schedule.n_period - 1)]))
            self.errors.add("from", f"{self.config.from_}: must be the start of a period of the model, as {str(found)[:10]}.")

    def build(self, result: FlowResult) -> LimitCase:
        """Return the question."""
        before = result.head[int(np.searchsorted(result.saved_step, self.begin_step))]
        self.start_head = before
        self.first_head = self.problem.initial_head if result.saved_step[0] > 0 else result.head[0]
        self.later = later_part(self.problem, self.period, before)
        decisions, labels, weights = self._decisions()
        parts: list[Constraints] = []
        families, info, rows = [], [], {}
        quantity = row = 0
        for name, rule in self.config.constraints.items():
            if isinstance(rule, Supply):
                made = self._supply(name, rule, decisions, labels)
                found = [RowInfo(name, f"supply {name}", ", ".join(rule.aquifer or ()), "")]
            else:
                held = self._rows(name, rule)
                if held is None:
                    continue
                families.append(held.heads)
                n = len(held.place)
                found = self._info(name, held)
                made = bounds([_text(entry) for entry in found], quantity + np.arange(n), held.heads.unit, held.lower, held.upper)
                quantity += n
            parts.append(made)
            info += found
            rows[name] = np.arange(row, row + made.n)
            row += made.n
        question = LimitProblem(self.later, tuple(decisions), tuple(families), join(parts), Objective(weights))
        if self.config.maximise == "room":
            levels = [rows[name] for name, rule in self.config.constraints.items() if isinstance(rule, Level) and name in rows]
            if not levels:
                self.errors.add("maximise", "room needs a rule of levels: add one.")
                levels = [np.zeros(0, dtype=np.int64)]
            question = fairest(question, np.concatenate(levels))
            labels = [*labels, {}]
        settings = self.config.search or LimitSettings()
        curve, label, ends = self._curve()
        return LimitCase(
            self.config.title, question, tuple(labels), tuple(info), rows, settings, curve, self.case, result, label, ends
        )

    def _curve(self) -> tuple[tuple[str, tuple[float, ...]] | None, str, tuple[FloatArray, FloatArray]]:
        """Return rule and sides of the trade-off curve, its label, and the sides of a recovery with shares 0 and 1."""
        wanted, empty = self.config.trade_off, np.zeros(0)
        if wanted is None:
            return None, "", (empty, empty)
        rule, ends = self.config.constraints[wanted.rule], (empty, empty)
        match rule:
            case Recovery():
                none, all_of_it = (self._rows(wanted.rule, rule.model_copy(update={"share": share})) for share in (0.0, 1.0))
                if none is not None and all_of_it is not None:
                    ends = none.lower, all_of_it.lower
                label = f"Share of the fall that is recovered by {rule.by}"
            case Supply():
                label = "Least supply (m³/d)" if rule.least is not None else "Largest supply (m³/d)"
            case Front():
                label = "Least gradient into the saline area"
            case Level() if rule.elevation is not None:
                label = "Lowest level (m)"
            case _:
                self.errors.add("trade_off.rule", f"{wanted.rule}: has no number that a curve could move.")
                label = ""
        return (wanted.rule, wanted.sides), label, ends

    def _decisions(self) -> tuple[list[Decision], list[dict[str, str]], FloatArray]:
        """Return decisions, their labels and their weights."""
        later = self.later
        present = np.maximum(given_rates(self.problem)[max(self.period - 1, 0)], 0.0)
        period = np.arange(later.schedule.n_period)
        decisions, labels, weights = [], [], []
        taken = np.zeros(len(self.names), dtype=bool)
        for name, section in self.config.decide.items():
            chosen = self._chosen(section.select, f"decide.{name}.select")
            if (chosen & taken).any():
                well = self.names[int(np.flatnonzero(chosen & taken)[0])]
                self.errors.add(f"decide.{name}.select", f"reaches well {well}, which another group decides too: each well once.")
            taken |= chosen
            for key, wells in self._groups(section, chosen).items():
                rate = present[wells]
                sum_now = float(rate.sum())
                share = rate / sum_now if sum_now > 0.0 else np.full(wells.size, 1.0 / wells.size)
                most = section.most if section.most is not None else np.inf
                if section.times_present is not None:
                    most = section.times_present * sum_now
                if most < section.least:
                    self.errors.add(
                        f"decide.{name}.least", f"{section.least:g} m3/d is above the largest rate of {' / '.join(key)}."
                    )
                    continue
                at_period, at_well = (index.ravel() for index in np.meshgrid(period, wells, indexing="ij"))
                decisions.append(
                    Decision(
                        " / ".join(key), section.least, most, at_well, at_period, np.tile(share, period.size), present=sum_now
                    )
                )
                labels.append(dict(zip(section.by, key, strict=True)) | {"decide": name})
                weights.append(section.weight)
        if self.config.maximise == "equal_share" and decisions:
            return self._one_factor(decisions)
        return decisions, labels, np.array(weights)

    def _one_factor(self, decisions: Sequence[Decision]) -> tuple[list[Decision], list[dict[str, str]], FloatArray]:
        """Return one decision, the share of its present rate that every group pumps."""
        most = min((d.upper / d.present for d in decisions if d.present > 0.0), default=np.inf)
        one = Decision(
            "share of present pumping",
            0.0,
            most,
            np.concatenate([d.well for d in decisions]),
            np.concatenate([d.period for d in decisions]),
            np.concatenate([d.share * d.present for d in decisions]),
            present=1.0,
        )
        return [one], [{"decide": "equal share"}], np.ones(1)

    def _groups(self, section: Decide, chosen: BoolArray) -> dict[tuple[str, ...], IntArray]:
        """Return the wells of each combination of labels, in the order of the wells."""
        found: dict[tuple[str, ...], list[int]] = {}
        for n in np.flatnonzero(chosen):
            found.setdefault(tuple(self.labels[key][n] or "none" for key in section.by), []).append(int(n))
        return {key: np.array(wells, dtype=np.int64) for key, wells in found.items()}

    def _chosen(self, select: Any, key: str) -> BoolArray:
        """Return the wells of a selection, shape ``(n_well,)``."""
        chosen = np.ones(len(self.names), dtype=bool)
        wanted = {"district": select.district, "aquifer": select.aquifer, "user_type": select.user_type}
        wanted |= {"group": select.group, "well": select.wells}
        for label, names in wanted.items():
            if names is None:
                continue
            present = self.labels[label]
            missing = [name for name in names if name not in present]
            if missing:
                self.errors.add(
                    f"{key}.{label}", f"{missing[0]}: no well has it. {did_you_mean(missing[0], sorted(set(present)))}"
                )
            chosen &= np.isin(present, names)
        if select.licensed is not None:
            chosen &= np.array([label == ("yes" if select.licensed else "no") for label in self.labels["licensed"]])
        for unused in ("size", "within", "near", "beyond"):
            if getattr(select, unused) is not None:
                self.errors.add(f"{key}.{unused}", "is not for limits: name wells, districts, aquifers, groups or types of user.")
        if not chosen.any():
            self.errors.add(key, "reaches no well: widen it.")
        return chosen

    def _supply(self, name: str, rule: Supply, decisions: Sequence[Decision], labels: Sequence[Mapping[str, str]]) -> Constraints:
        """Return a bound on the sum of decisions."""
        weights: dict[int, float] = {}
        wanted = {"district": rule.district, "aquifer": rule.aquifer}
        for n, own in enumerate(labels):
            if all(names is None or own.get(key) in names for key, names in wanted.items()):
                weights[n] = float(decisions[n].share.sum() / np.unique(decisions[n].period).size)
        if not weights:
            message = "adds up no decision: its districts or aquifers are not among the labels of decide."
            self.errors.add(f"constraints.{name}", message)
        least = -np.inf if rule.least is None else rule.least
        return total(f"supply {name}", "m3/d", weights, lower=least, upper=np.inf if rule.most is None else rule.most)

    def _rows(self, name: str, rule: AnyLimitRule) -> Rows | None:
        """Return the quantities of a rule, None when something is wrong."""
        key, later, grid = f"constraints.{name}", self.later, self.later.grid
        layers = self._layers(getattr(rule, "aquifer", None))
        match rule:
            case Level():
                steps = self._steps(rule.from_, rule.to, key)
                lowest = self._lowest(rule, key)
                lowest = np.where(np.isin(np.arange(grid.shape[0]), layers)[:, None, None], lowest, np.nan)
                if rule.at == "wells":
                    chosen = self._pumping() if rule.select is None else self._chosen(rule.select, f"{key}.select")
                    radius = np.array([float(text) if text else rule.radius for text in self.labels["radius"]])
                    return well_levels(later, chosen, radius, lowest, steps)
                if rule.at == "observations":
                    points = later.observations
                    return cell_levels(later, points.cell, points.names, lowest.ravel()[points.cell], steps)
                area = self._area(str(rule.area), key)
                cell = np.flatnonzero(grid.active & area & np.isfinite(lowest))
                return cell_levels(later, cell, [grid.describe(int(c)) for c in cell], lowest.ravel()[cell], steps)
            case Recovery():
                steps = self._steps(rule.by, None, key)
                if rule.at == "observations":
                    points = later.observations
                    lowest = self._recovered(rule.share).ravel()[points.cell]
                    lowest = np.where(np.isin(grid.indices(points.cell)[0], layers), lowest, np.nan)
                    return cell_levels(later, points.cell, points.names, lowest, steps)
                return self._means(str(rule.area), layers, self._recovered(rule.share), steps, key)
            case NoDecline():
                return self._means(str(rule.area), layers, self.start_head, self._steps(rule.from_, rule.to, key), key)
            case Front():
                area = self._area(rule.area, key)
                return front_gradients(later, area, list(layers), rule.gradient, self._steps(rule.from_, rule.to, key))
        return None

    def _means(self, area: str, layers: IntArray, head: FloatArray, steps: IntArray, key: str) -> Rows:
        """Return that the mean head of each layer over an area stays above its mean in a field."""
        grid, mask = self.later.grid, self._area(area, key)
        weights = np.broadcast_to(grid.area, grid.shape)
        groups, names, lowest = [], [], []
        for layer in layers:
            inside = grid.active[layer] & mask
            if inside.any():
                groups.append(layer * inside.size + np.flatnonzero(inside))
                names.append(f"mean of {area}, {self._aquifer(int(layer))}")
                lowest.append(float(np.average(head[layer][inside], weights=weights[layer][inside])))
        return mean_levels(self.later, groups, names, np.array(lowest), steps)

    def _recovered(self, share: float) -> FloatArray:
        """Return the heads after a share of the way back to those before pumping; m."""
        level: FloatArray = self.start_head + share * (self.first_head - self.start_head)
        return level

    def _pumping(self) -> BoolArray:
        """Return the wells that are decided, or pump in any later period."""
        decided = np.zeros(len(self.names), dtype=bool)
        for section in self.config.decide.values():
            decided |= self._chosen(section.select, "decide")
        return decided | (given_rates(self.later) > 0.0).any(axis=0)

    def _lowest(self, rule: Level, key: str) -> FloatArray:
        """Return the limit of a level in every cell, NaN where none; m."""
        context, shape = self.later.context, self.later.grid.shape
        if rule.law:
            if context.head_limit is None:
                self.errors.add(f"{key}.law", "the model has no level_limit: give one, or an elevation or depth here.")
                return np.full(shape, np.nan)
            limit: FloatArray = context.head_limit
            return limit
        if rule.elevation is not None:
            return np.full(shape, rule.elevation)
        assert context.ground is not None
        deepest: FloatArray = np.broadcast_to(context.ground - float(rule.depth or 0.0), shape)
        return deepest

    def _steps(self, first: date | None, last: date | None, key: str) -> IntArray:
        """Return the steps of the later part that end within a time."""
        time = self.later.schedule.step_time + float(self.problem.schedule.period_start[self.period])
        begin = -np.inf if first is None else self._day(first)
        end = np.inf if last is None else self._day(last)
        steps = np.flatnonzero((time >= begin - 1e-6) & (time <= end + 1e-6))
        if not steps.size:
            self.errors.add(key, "holds at the end of no step: its dates are not in the time of the limit.")
        return steps

    def _layers(self, aquifers: Sequence[str] | None) -> IntArray:
        """Return the layers of aquifers, all that belong to one by default."""
        names = self.problem.context.layer_aquifer
        return np.array([k for k, name in enumerate(names) if name and (aquifers is None or name in aquifers)], dtype=np.int64)

    def _aquifer(self, layer: int) -> str:
        names = self.problem.context.layer_aquifer
        return names[layer] if 0 <= layer < len(names) and names[layer] else ""

    def _area(self, reference: str, key: str) -> BoolArray:
        """Return the cells of an area in plan."""
        mask: BoolArray = np.zeros(self.problem.grid.shape[1:], dtype=bool)
        with collecting(self.errors, f"{key}.area"):
            mask = self.case.covered(reference, f"{key}.area")
            if not mask.any():
                self.errors.add(f"{key}.area", f"{reference}: covers no cell of the model.")
        return mask

    def _info(self, name: str, held: Rows) -> list[RowInfo]:
        """Return what each row is."""
        schedule = self.later.schedule
        dates = [str(schedule.date_of(float(t)))[:10] if schedule.start else f"day {t:g}" for t in schedule.step_time]
        return [
            RowInfo(name, place, self._aquifer(int(layer)), dates[int(step)])
            for place, layer, step in zip(held.place, held.layer, held.heads.step, strict=True)
        ]


def _text(info: RowInfo) -> str:
    return ", ".join(part for part in (info.place, info.aquifer, info.date[:7]) if part)
