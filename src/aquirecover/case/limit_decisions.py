"""From the sections of a limit file that decide rates to decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from aquirecover.case.limit_config import Decide, LimitConfig, Switch
from aquirecover.case.limit_places import LimitPlaces
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.study.constraints import Constraints, total
from aquirecover.study.decisions import Decision

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
    span : ndarray
        Share of each period in the time of the limit, shape ``(n_period,)``.
    held : mapping of int to ndarray of int
        Periods of each supply, by its number among the unknowns.
    switch_of : mapping of int to int
        Switch of each rate that has one, both by number.
    """

    decisions: list[Decision] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=list)
    worth: list[float] = field(default_factory=list)
    rows: list[Named] = field(default_factory=list)
    well_decide: list[str] = field(default_factory=list)
    span: FloatArray = field(default_factory=lambda: np.ones(1))
    held: dict[int, IntArray] = field(default_factory=dict)
    switch_of: dict[int, int] = field(default_factory=dict)

    def add(self, decision: Decision, labels: Mapping[str, str], worth: float) -> int:
        """Append an unknown, with what a unit of it counts, and return its number."""
        self.decisions.append(decision)
        self.labels.append(dict(labels))
        self.worth.append(worth)
        return len(self.decisions) - 1


def build_decisions(config: LimitConfig, places: LimitPlaces, later: Problem) -> DecisionList:
    """Return the unknowns of a file; what is wrong goes to the findings.

    Parameters
    ----------
    later : Problem
        From the first day of the limit on.
    """
    found = DecisionList(well_decide=[""] * len(places.names), span=share_of_time(later.schedule))
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
        periods = places.periods(supply, later, f"supplies.{name}")
        worth = float(found.span[periods].sum()) * (-supply.weight if config.minimise else supply.weight)
        number = found.add(Decision(name, 0.0 if supply.switch else supply.least, most), labels, worth)
        found.held[number] = periods
        if supply.switch is not None:
            least = max(supply.least, supply.switch.rate)
            _switch(
                found, name, number, supply.switch, least, f"supplies.{name}.switch", places, cost=config.minimise is not None
            )
    return found


def share_of_time(schedule: Schedule) -> FloatArray:
    """Return the share of each period in the time of a schedule, all alike where it takes no time, shape ``(n_period,)``."""
    length = schedule.period_length
    return np.asarray(length / length.sum() if length.sum() > 0.0 else np.full(length.size, 1.0 / length.size))


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
    periods, chosen = places.periods(section, later, key), places.chosen(section.select, f"{key}.select")
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
            # a cubic metre counts as much at any time
            worth = float(found.span[periods].sum()) * (section.weight if cost or not section.inject else -section.weight)
            found.add(decision, {**own, **kind}, worth)
    if section.switches is not None:
        _switch_all(found, name, section, range(first, len(found.decisions)), places, cost=cost)


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


def _switch_all(found: DecisionList, name: str, section: Decide, numbers: range, places: LimitPlaces, *, cost: bool) -> None:
    """Append a switch for each decision of a section, or take those of another section."""
    wanted, key = section.switches, f"decide.{name}.switches"
    assert wanted is not None
    switches = []
    for n in numbers:
        decision = found.decisions[n]
        least = max(wanted.rate, section.least, (section.least_times_present or 0.0) * decision.present)
        switch = _shared_switch(found, decision, wanted.same_as, key, places) if wanted.same_as is not None else None
        if _switch(found, name, n, wanted, least, key, places, cost=cost, switch=switch) is None:
            return
        switches.append(found.switch_of[n])
    low, high = (-np.inf if wanted.least is None else wanted.least), (np.inf if wanted.most is None else wanted.most)
    if np.isfinite(low) or np.isfinite(high):
        found.rows.append((name, total(f"number that is on in {name}", "1", dict.fromkeys(switches, 1.0), lower=low, upper=high)))


def _shared_switch(found: DecisionList, decision: Decision, section: str, key: str, places: LimitPlaces) -> int | None:
    """Return the switch of the same wells in another section."""
    for rate, switch in found.switch_of.items():
        if found.labels[rate]["decide"] == section and set(found.decisions[rate].well) == set(decision.well):
            return switch
    places.errors.add(f"{key}.same_as", f"{section} is no earlier section with a switch for the wells of {decision.name}.")
    return None


def _switch(
    found: DecisionList,
    name: str,
    number: int,
    wanted: Switch,
    least: float,
    key: str,
    places: LimitPlaces,
    *,
    cost: bool,
    switch: int | None = None,
) -> int | None:
    """Let a decision be switched: off means none, on at least a rate and at most the largest. None when something is wrong."""
    decision = found.decisions[number]
    if not np.isfinite(decision.upper):
        or_else = ", or times_present" if key.startswith("decide") else ""
        places.errors.add(key, f"needs a largest rate: give most{or_else}.")
        return None
    if least > decision.upper:
        message = f"{least:g} m3/d is above the largest rate of {decision.name}, {decision.upper:g} m3/d."
        places.errors.add(f"{key}.rate", message)
        return None
    if switch is None:
        labels = {"decide": name, "kind": "switch"}
        switch = found.add(Decision(f"{decision.name} is on", 0.0, 1.0, integer=True), labels, wanted.cost if cost else 0.0)
    found.switch_of[number] = switch
    off = total(f"{decision.name}: nothing when off", "m3/d", {number: 1.0, switch: -decision.upper}, upper=0.0)
    found.rows.append((name, off))
    if least > 0.0:
        found.rows.append((name, total(f"{decision.name}: least when on", "m3/d", {number: 1.0, switch: -least}, lower=0.0)))
    return switch


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
