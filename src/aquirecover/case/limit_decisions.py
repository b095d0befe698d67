"""From the sections of a limit file that decide rates to decisions, and sums of them to constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from aquirecover.case.limit_config import Decide, LimitConfig
from aquirecover.case.limit_places import LABELS, LimitPlaces
from aquirecover.case.limit_rule_config import EqualCut, Ratio, Supply, Which
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.study.constraints import Constraints, total
from aquirecover.study.decisions import Decision
from aquirecover.study.limits import Objective

Named = tuple[str, Constraints]


@dataclass
class DecisionList:
    """The unknowns of a limit file, with what people call them.

    Parameters
    ----------
    decisions : list of Decision
        The unknowns.
    labels : list of mapping
        Of each: ``decide``, ``kind`` (pumping, injection, supply, switch or area) and the labels that its wells share.
    worth : list of float
        What a unit of each counts.
    rows : list of (str, Constraints)
        Constraints that the unknowns bring with them, each with the name of its section.
    well_decide : list of str
        Section that decides each well, empty for none.
    """

    decisions: list[Decision] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=list)
    worth: list[float] = field(default_factory=list)
    rows: list[Named] = field(default_factory=list)
    well_decide: list[str] = field(default_factory=list)

    def add(self, decision: Decision, labels: Mapping[str, str], worth: float) -> int:
        """Append an unknown and return its number."""
        self.decisions.append(decision)
        self.labels.append(dict(labels))
        self.worth.append(worth)
        return len(self.decisions) - 1

    def objective(self, *, maximise: bool) -> Objective:
        """Return the most of what counts, or the least cost."""
        return Objective(np.array(self.worth), maximise=maximise)


def build_decisions(config: LimitConfig, places: LimitPlaces, later: Problem) -> DecisionList:
    """Return the unknowns of a file; what is wrong goes to the findings.

    Parameters
    ----------
    later : Problem
        From the first day of the limit on.
    """
    found = DecisionList(well_decide=[""] * len(places.names))
    taken = np.zeros((later.schedule.n_period, len(places.names)), dtype=bool)
    for name, section in config.decide.items():
        _add_group(found, name, section, config, places, later, taken)
    if config.maximise == "equal_share" and found.decisions:
        _one_factor(found, config, places)
    for name, supply in config.supplies.items():
        most = np.inf if supply.most is None else supply.most
        if most < supply.least:
            places.errors.add(f"supplies.{name}.most", f"must not be below least = {supply.least:g}.")
            continue
        labels = {"decide": name, "kind": "supply", "district": supply.district or "", "aquifer": supply.aquifer or ""}
        found.add(Decision(name, supply.least, most), labels, -supply.weight if config.minimise else supply.weight)
    return found


def _add_group(
    found: DecisionList,
    name: str,
    section: Decide,
    config: LimitConfig,
    places: LimitPlaces,
    later: Problem,
    taken: BoolArray,
) -> None:
    """Append the decisions of a section of `decide`."""
    key, errors = f"decide.{name}", places.errors
    periods, chosen = _periods(section, places, later, key), places.chosen(section.select, f"{key}.select")
    twice = taken[periods] & chosen
    if twice.any():
        well = places.names[int(np.flatnonzero(twice.any(axis=0))[0])]
        errors.add(f"{key}.select", f"reaches well {well}, which another group decides at the same time: each well once.")
        return
    taken[np.ix_(periods, np.flatnonzero(chosen))] = True
    first = len(found.decisions)
    cost = config.minimise is not None
    for labels, wells in groups(section.by, chosen, places.labels).items():
        for well in wells:
            found.well_decide[int(well)] = name
        title = " / ".join(labels) or name
        if title in {decision.name for decision in found.decisions}:
            title = f"{title} ({name})"
        decision = _decision(title, section, places.present[wells], wells, periods, key, places)
        if decision is not None:
            own = _shared(wells, places) | dict(zip(section.by, labels, strict=True))
            kind = {"decide": name, "kind": "injection" if section.inject else "pumping"}
            worth = section.weight if cost or not section.inject else -section.weight
            found.add(decision, {**own, **kind}, worth)
    if section.switches is not None:
        _add_switches(found, name, section, range(first, len(found.decisions)), places, cost=cost)


def _periods(section: Decide, places: LimitPlaces, later: Problem, key: str) -> IntArray:
    """Return the periods of the limit, from 0 at its first day, in which a rate holds."""
    schedule = later.schedule
    begin = places.start_day + schedule.period_start
    first = places.start_day if section.from_ is None else places.day(section.from_)
    last = np.inf if section.to is None else places.day(section.to)
    held = (begin >= first - 1e-6) & (begin < last - 1e-6)
    if section.months is not None:
        held &= np.isin(places.months(begin + 0.5 * schedule.period_length), section.months)
    if not held.any():
        places.errors.add(key, "holds in no period: its dates or months are not in the time of the limit.")
    return np.flatnonzero(held)


def groups(by: Sequence[str], chosen: BoolArray, labels: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], IntArray]:
    """Return the wells of each combination of labels, in the order of the wells."""
    found: dict[tuple[str, ...], list[int]] = {}
    for n in np.flatnonzero(chosen).tolist():
        found.setdefault(tuple(labels[key][n] or "none" for key in by), []).append(n)
    return {key: np.array(wells, dtype=np.int64) for key, wells in found.items()}


def _shared(wells: IntArray, places: LimitPlaces) -> dict[str, str]:
    """Return district and aquifer where all wells have the same."""
    found = {}
    for label in ("district", "aquifer"):
        names = {places.labels[label][int(n)] for n in wells}
        if len(names) == 1 and names != {""}:
            found[label] = names.pop()
    return found


def _decision(
    name: str, section: Decide, rate: FloatArray, wells: IntArray, periods: IntArray, key: str, places: LimitPlaces
) -> Decision | None:
    """Return a rate that wells share as they pump at present; None when its bounds contradict each other."""
    sum_now = 0.0 if section.inject else float(rate.sum())
    share = rate / sum_now if sum_now > 0.0 else np.full(wells.size, 1.0 / wells.size)
    least = section.least_times_present * sum_now if section.least_times_present is not None else section.least
    most = np.inf if section.most is None else section.most
    if section.times_present is not None:
        most = section.times_present * sum_now
    if most < least:
        side = "least_times_present" if section.least_times_present is not None else "least"
        places.errors.add(f"{key}.{side}", f"{least:g} m3/d is above the largest rate of {name}, {most:g} m3/d.")
        return None
    at_period, at_well = (index.ravel() for index in np.meshgrid(periods, wells, indexing="ij"))
    sign = -1.0 if section.inject else 1.0
    lower = 0.0 if section.switches is not None else least
    return Decision(name, lower, most, at_well, at_period, sign * np.tile(share, periods.size), present=sum_now)


def _add_switches(found: DecisionList, name: str, section: Decide, numbers: range, places: LimitPlaces, *, cost: bool) -> None:
    """Append a switch for each decision: off means none, on at least a rate and at most the largest."""
    wanted = section.switches
    assert wanted is not None
    switches = []
    for n in numbers:
        decision = found.decisions[n]
        if not np.isfinite(decision.upper):
            places.errors.add(f"decide.{name}.switches", "needs a largest rate: give most, or times_present.")
            return
        least = max(wanted.rate, section.least, (section.least_times_present or 0.0) * decision.present)
        if least > decision.upper:
            message = f"{least:g} m3/d is above the largest rate of {decision.name}, {decision.upper:g} m3/d."
            places.errors.add(f"decide.{name}.switches.rate", message)
            return
        labels = {"decide": name, "kind": "switch"}
        switch = found.add(Decision(f"{decision.name} is on", 0.0, 1.0, integer=True), labels, wanted.cost if cost else 0.0)
        switches.append(switch)
        off = total(f"{decision.name}: nothing when off", "m3/d", {n: 1.0, switch: -decision.upper}, upper=0.0)
        found.rows.append((name, off))
        if least > 0.0:
            found.rows.append((name, total(f"{decision.name}: least when on", "m3/d", {n: 1.0, switch: -least}, lower=0.0)))
    low, high = (-np.inf if wanted.least is None else wanted.least), (np.inf if wanted.most is None else wanted.most)
    if np.isfinite(low) or np.isfinite(high):
        found.rows.append((name, total(f"number that is on in {name}", "1", dict.fromkeys(switches, 1.0), lower=low, upper=high)))


def _one_factor(found: DecisionList, config: LimitConfig, places: LimitPlaces) -> None:
    """Replace all rates by one unknown, the share of its present rate that every group pumps."""
    rates = [d for d, labels in zip(found.decisions, found.labels, strict=True) if labels["kind"] == "pumping"]
    if len(rates) < len(found.decisions):
        places.errors.add("maximise", "equal_share goes with pumping alone, without injection and switches.")
        return
    ratios = [(d.lower / d.present, d.upper / d.present) for d in rates if d.present > 0.0]
    if not ratios:
        places.errors.add("maximise", "equal_share needs wells that pump at present: none of those decided does.")
        return
    low, high = max(low for low, _ in ratios), min(high for _, high in ratios)
    if low > high:
        places.errors.add("maximise", "equal_share: the least rate of one group is a larger share than the largest of another.")
        return
    one = Decision(
        "share of present pumping",
        low,
        high,
        np.concatenate([d.well for d in rates]),
        np.concatenate([d.period for d in rates]),
        np.concatenate([d.share * d.present for d in rates]),
        present=1.0,
    )
    found.decisions[:], found.labels[:] = [one], [{"decide": "equal share", "kind": "share"}]
    found.worth[:] = [1.0]


class Sums:
    """Sums of decided rates by the labels of their wells.

    Parameters
    ----------
    found : DecisionList
        The unknowns.
    places : LimitPlaces
        Knows the wells.
    """

    def __init__(self, found: DecisionList, places: LimitPlaces) -> None:
        self.found, self.places = found, places

    def weights(self, which: Which, key: str) -> dict[int, float]:
        """Return what a unit of each decision adds to a sum; a sum of nothing is an error."""
        weights: dict[int, float] = {}
        carries = self._wells(which)
        for n, (decision, labels) in enumerate(zip(self.found.decisions, self.found.labels, strict=True)):
            if decision.acts:
                now = decision.period == decision.period[0]
                own = carries[decision.well] & self._decided(which, labels["decide"], decision.well)
                weight = float(np.abs(decision.share[now & own]).sum())
            else:
                weight = float(labels["kind"] == "supply" and _carries(which, labels))
            if weight:
                weights[n] = weight
        if not weights:
            self.places.errors.add(key, "adds up no decision: nothing that is decided has these labels.")
        return weights

    def present(self, which: Which) -> float:
        """Return what the decided wells of a sum pump at present; m³/d."""
        decided = np.array([bool(name) for name in self.found.well_decide], dtype=bool)
        chosen = decided & self._wells(which)
        if which.decide is not None:
            chosen &= np.isin(self.found.well_decide, which.decide)
        return float(self.places.present[chosen].sum())

    def supply(self, name: str, rule: Supply) -> list[tuple[str, str, Constraints]]:
        """Return place, aquifer and constraint of each sum of a supply rule."""
        rows = []
        for which, place in self._each(rule):
            weights, now = self.weights(which, f"constraints.{name}"), self.present(which)
            least, most = rule.least, rule.most
            if rule.least_times_present is not None:
                least = rule.least_times_present * now
            if rule.most_times_present is not None:
                most = rule.most_times_present * now
            low, high = -np.inf if least is None else least, np.inf if most is None else most
            if low > high:
                self.places.errors.add(f"constraints.{name}", f"{place or name}: least {low:g} m3/d is above most {high:g} m3/d.")
                continue
            text = f"supply {name}" + (f", {place}" if place else "")
            rows.append((text, ", ".join(which.aquifer or ()), total(text, "m3/d", weights, lower=low, upper=high)))
        return rows

    def _each(self, rule: Supply) -> list[tuple[Which, str]]:
        """Return a sum for each value of the label of a supply rule, or the one for all."""
        if rule.each is None:
            return [(rule, "")]
        decided = [n for n, name in enumerate(self.found.well_decide) if name]
        chosen = self._wells(rule)
        values = dict.fromkeys(self.places.labels[rule.each][n] for n in decided if chosen[n])
        return [(rule.model_copy(update={rule.each: (value,)}), value) for value in values]

    def ratio(self, name: str, rule: Ratio) -> list[tuple[str, str, Constraints]]:
        """Return place, aquifer and constraint of each side of a ratio."""
        above, below = self.weights(rule.of, f"constraints.{name}.of"), self.weights(rule.to, f"constraints.{name}.to")
        rows = []
        for side, value in (("least", rule.least), ("most", rule.most)):
            if value is not None:
                weights = dict(above)
                for n, weight in below.items():
                    weights[n] = weights.get(n, 0.0) - value * weight
                text = f"ratio {name}, {side}"
                made = total(text, "m3/d", weights, lower=0.0) if side == "least" else total(text, "m3/d", weights, upper=0.0)
                rows.append((text, "", made))
        return rows

    def equal_cut(self, name: str, rule: EqualCut) -> list[tuple[str, str, Constraints]]:
        """Return that rates of decisions are the same share of the present."""
        decisions = self.found.decisions
        chosen = [n for n in self.weights(rule, f"constraints.{name}") if decisions[n].present > 0.0]
        if len(chosen) < 2:
            self.places.errors.add(f"constraints.{name}", "needs two rates or more that pump at present.")
            return []
        first, rows = chosen[0], []
        for n in chosen[1:]:
            text = f"equal cut {name}, {decisions[n].name}"
            terms = {n: 1.0 / decisions[n].present, first: -1.0 / decisions[first].present}
            rows.append((text, "", total(text, "1", terms, lower=0.0, upper=0.0)))
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
