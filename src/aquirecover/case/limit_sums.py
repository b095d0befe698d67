"""From the rules of a limit file that add up rates to constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.case.limit_decisions import DecisionList
from aquirecover.case.limit_places import LABELS, LimitPlaces
from aquirecover.case.limit_sum_config import EqualCut, Ratio, Supply, Which
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.study.constraints import Constraints, total


@dataclass(frozen=True, eq=False)
class SumRow:
    """A constraint with what people call it.

    Parameters
    ----------
    place, aquifer, date : str
        What is added up, where and since when; empty where that has no meaning.
    made : Constraints
        The constraint, one row.
    """

    place: str
    aquifer: str
    date: str
    made: Constraints


class Sums:
    """Sums of decided rates by the labels of their wells.

    Parameters
    ----------
    found : DecisionList
        The unknowns.
    places : LimitPlaces
        Knows the wells.
    later : Problem
        From the first day of the limit on.
    """

    def __init__(self, found: DecisionList, places: LimitPlaces, later: Problem) -> None:
        self.found, self.places, self.later = found, places, later

    def by_period(self, which: Which, key: str) -> FloatArray:
        """Return what a unit of each decision adds to a sum in each period, shape ``(n_period, n_decision)``.

        A sum of nothing is an error.
        """
        n_period, carries = self.found.span.size, self._wells(which)
        weights = np.zeros((n_period, len(self.found.decisions)))
        for n, (decision, labels) in enumerate(zip(self.found.decisions, self.found.labels, strict=True)):
            if decision.acts:
                own = carries[decision.well] & self._decided(which, labels["decide"], decision.well)
                weights[:, n] = np.bincount(decision.period, np.abs(decision.share) * own, n_period)
            elif labels["kind"] == "supply" and _carries(which, labels):
                weights[self.found.held[n], n] = 1.0
        if not weights.any():
            self.places.errors.add(key, "adds up no decision: nothing that is decided has these labels.")
        return weights

    def mean(self, which: Which, key: str, span: FloatArray | None = None) -> dict[int, float]:
        """Return what a unit of each decision adds to the mean of a sum over time, periods weighted by their shares in it."""
        weights = (self.found.span if span is None else span) @ self.by_period(which, key)
        return {int(n): float(weights[n]) for n in np.flatnonzero(weights)}

    def present(self, which: Which) -> float:
        """Return what the decided wells of a sum pump at present; m³/d."""
        carries, chosen = self._wells(which), np.zeros(len(self.places.names), dtype=bool)
        for decision, labels in zip(self.found.decisions, self.found.labels, strict=True):
            chosen[decision.well[carries[decision.well] & self._decided(which, labels["decide"], decision.well)]] = True
        return float(self.places.present[chosen].sum())

    def switches(self, names: Sequence[str], key: str) -> list[int]:
        """Return the switches of sections; a section without any is an error."""
        found = []
        for name in names:
            own = [n for n, labels in enumerate(self.found.labels) if labels["kind"] == "switch" and labels["decide"] == name]
            if not own:
                self.places.errors.add(key, f"{name} has no switches of its own.")
            found += own
        return found

    def supply(self, name: str, rule: Supply) -> list[SumRow]:
        """Return the rows of a supply rule: for each sum, one for each set of rates that are decided at the same time."""
        key = f"constraints.{name}"
        periods, rows = self.places.periods(rule, self.later, key), []
        for which, place in self._each(rule):
            weights, now = self.by_period(which, key), self.present(which)
            least, most = rule.least, rule.most
            if rule.least_times_present is not None:
                least = rule.least_times_present * now
            if rule.most_times_present is not None:
                most = rule.most_times_present * now
            low, high = -np.inf if least is None else least, np.inf if most is None else most
            if low > high:
                self.places.errors.add(key, f"{place or name}: least {low:g} m3/d is above most {high:g} m3/d.")
                continue
            held = periods[weights[periods].any(axis=1)]
            if periods.size and not held.size and weights.any():
                self.places.errors.add(key, "holds at no time at which any of its rates is decided.")
            _, first = np.unique(weights[held], axis=0, return_index=True)
            aquifer = ", ".join(which.aquifer or ())
            for period in held[np.sort(first)]:
                date = self._date(int(period)) if first.size > 1 else ""
                text = ", ".join(part for part in (f"supply {name}", place, date) if part)
                chosen = {int(n): float(weights[period, n]) for n in np.flatnonzero(weights[period])}
                rows.append(SumRow(text, aquifer, date, total(text, "m3/d", chosen, lower=low, upper=high)))
        return rows

    def _date(self, period: int) -> str:
        """Return the first day of a period of the limit."""
        schedule = self.later.schedule
        begin = float(schedule.period_start[period])
        return str(schedule.date_of(begin))[:10] if schedule.start else f"day {begin:g}"

    def _each(self, rule: Supply) -> list[tuple[Which, str]]:
        """Return a sum for each value of the label of a supply rule, or the one for all."""
        if rule.each is None:
            return [(rule, "")]
        decided = [n for n, name in enumerate(self.found.well_decide) if name]
        chosen = self._wells(rule)
        values = dict.fromkeys(self.places.labels[rule.each][n] for n in decided if chosen[n])
        return [(rule.model_copy(update={rule.each: (value,)}), value) for value in values]

    def ratio(self, name: str, rule: Ratio) -> list[SumRow]:
        """Return each side of a ratio of the means over the time of the limit."""
        above, below = self.mean(rule.of, f"constraints.{name}.of"), self.mean(rule.to, f"constraints.{name}.to")
        rows = []
        for side, value in (("least", rule.least), ("most", rule.most)):
            if value is not None:
                weights = dict(above)
                for n, weight in below.items():
                    weights[n] = weights.get(n, 0.0) - value * weight
                text = f"ratio {name}, {side}"
                made = total(text, "m3/d", weights, lower=0.0) if side == "least" else total(text, "m3/d", weights, upper=0.0)
                rows.append(SumRow(text, "", "", made))
        return rows

    def equal_cut(self, name: str, rule: EqualCut) -> list[SumRow]:
        """Return that rates of decisions are the same share of the present."""
        decisions = self.found.decisions
        chosen = [n for n in self.mean(rule, f"constraints.{name}") if decisions[n].present > 0.0]
        if len(chosen) < 2:
            self.places.errors.add(f"constraints.{name}", "needs two rates or more that pump at present.")
            return []
        first, rows = chosen[0], []
        for n in chosen[1:]:
            text = f"equal cut {name}, {decisions[n].name}"
            terms = {n: 1.0 / decisions[n].present, first: -1.0 / decisions[first].present}
            rows.append(SumRow(text, "", "", total(text, "1", terms, lower=0.0, upper=0.0)))
        return rows

    def _wells(self, which: Which) -> BoolArray:
        """Return the wells that carry the labels of a sum, shape ``(n_well,)``."""
        chosen = np.ones(len(self.places.names), dtype=bool)
        for label in (*LABELS, "well"):
            names = getattr(which, label)
            if names is not None:
                chosen &= np.isin(np.array(self.places.labels[label], dtype=object).astype(str), names)
        return chosen

    def _decided(self, which: Which, decide: str, well: IntArray) -> BoolArray:
        """Tell which wells of a decision belong to the sections that a sum names."""
        if which.decide is None:
            return np.ones(well.size, dtype=bool)
        if decide in which.decide:
            return np.ones(well.size, dtype=bool)
        shared = decide == "equal share"
        return np.array([shared and self.found.well_decide[n] in which.decide for n in well], dtype=bool)


def _carries(which: Which, labels: Mapping[str, str]) -> bool:
    """Tell whether a supply belongs to a sum."""
    of_wells = any(getattr(which, label) is not None for label in ("user_type", "group", "well"))
    wanted = {key: getattr(which, key) for key in ("decide", "district", "aquifer")}
    return not of_wells and all(names is None or labels.get(key) in names for key, names in wanted.items())
