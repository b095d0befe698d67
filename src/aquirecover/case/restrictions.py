"""Restriction rules onto pumping: who is meant, how much they may pump, and a log of every change."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np

from aquirecover.case.restriction_log import log_rule, wells_of
from aquirecover.case.timeline import MINUTE, Timeline, month_starts
from aquirecover.errors import Collector
from aquirecover.flow.arrays import BoolArray, FloatArray

RuleKind = Literal["ban", "cap", "percent_of_permit", "percent_of_present", "phase_out", "seasonal", "rotation", "surface_water"]
LABELS = ("district", "aquifer", "user_type", "group", "wells")


@dataclass(frozen=True, eq=False)
class WellTable:
    """The wells that rules select from, each column of length `n_well`.

    Parameters
    ----------
    names : tuple of str
        Unique.
    x, y : ndarray
        m.
    labels : mapping of str to tuple of str
        ``district``, ``aquifer``, ``user_type`` and ``group``; an empty text where unknown.
    licensed : ndarray of bool
        Wells that hold a permit to pump.
    permit : ndarray
        Permitted rate, NaN where none is given; m³/d.
    """

    names: tuple[str, ...]
    x: FloatArray
    y: FloatArray
    labels: Mapping[str, tuple[str, ...]]
    licensed: BoolArray
    permit: FloatArray

    def column(self, label: str) -> tuple[str, ...]:
        """Return a label of each well; ``wells`` are their names."""
        return self.names if label == "wells" else self.labels[label]


@dataclass(frozen=True)
class Selection:
    """Who a rule is meant for; all that is given must hold, and nothing given means all wells.

    Parameters
    ----------
    labels : mapping of str to tuple of str
        Values wanted of ``district``, ``aquifer``, ``user_type``, ``group`` and ``wells``.
    licensed : bool or None
        Only wells with a licence, or only those without.
    size : (float, float) or None
        At least the first and less than the second rate, present when the rule begins; m³/d.
    within : shapely geometry or None
        Polygon that holds the wells.
    zone : mapping of str to shapely geometry, or None
        Polygons that hold the wells of an aquifer; those under an empty name hold the wells of all.
    near, beyond : (geometry, float) or None
        Wells no further from a line or polygon than this distance, or further than it; m.
    """

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    licensed: bool | None = None
    size: tuple[float, float] | None = None
    within: Any = None
    zone: Mapping[str, Any] | None = None
    near: tuple[Any, float] | None = None
    beyond: tuple[Any, float] | None = None


@dataclass(frozen=True)
class Rule:
    """One restriction.

    Parameters
    ----------
    name : str
        Key in the scenario file.
    kind : str
        What may still be pumped: see `ruled_rate`.
    begin, end : float
        Time from which it holds and time from which it no longer does (infinity when it stays); d.
    amount : float
        The number of the kind: rate of a cap (m³/d), percent of the percent rules, percent replaced, percent at the end of
        a phase-out, number of groups of a rotation.
    until : float
        End of a phase-out; d.
    months : tuple of int
        Of a seasonal rule, 1 to 12.
    turn : float
        Length of a turn of a rotation; d.
    selection : Selection
        Who it is meant for.
    compliance : float
        Share of the cut that really happens, 0 to 1.
    includes_unlicensed : bool
        The unlicensed share of pumping is cut too.
    """

    name: str
    kind: RuleKind
    begin: float
    end: float = np.inf
    amount: float = 0.0
    until: float = np.nan
    months: tuple[int, ...] = ()
    turn: float = np.nan
    selection: Selection = field(default_factory=Selection)
    compliance: float = 1.0
    includes_unlicensed: bool = False


@dataclass(frozen=True, eq=False)
class Restricted:
    """Pumping under the rules.

    Parameters
    ----------
    rate : ndarray
        Shape ``(n_period, n_well)``, m³/d.
    log : tuple of str
        Each effective change, old → new.
    warnings : tuple of str
        Rules that change nothing.
    """

    rate: FloatArray
    log: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def breakpoints(rules: Sequence[Rule], timeline_end: float, start: datetime.date) -> Iterator[float]:
    """Yield the times at which a rule changes a rate, d; `start` is the date of time zero."""
    for rule in rules:
        last = min(rule.end, timeline_end)
        yield rule.begin
        yield last
        match rule.kind:
            case "phase_out":
                yield rule.until
            case "rotation":
                yield from np.arange(rule.begin, last, rule.turn)
            case "seasonal":
                finish = start + datetime.timedelta(days=min(timeline_end, (datetime.date.max - start).days))
                changes = [m for m in range(1, 13) if (m in rule.months) != ((m - 2) % 12 + 1 in rule.months)]
                days = ((date - start).days for date in month_starts(start, finish, changes))
                yield from (float(day) for day in days if rule.begin < day < last)
            case _:
                pass


def restrict(
    rules: Sequence[Rule], wells: WellTable, base: FloatArray, timeline: Timeline, unlicensed_share: float, errors: Collector
) -> Restricted:
    """Apply rules to the pumping of wells.

    A rule acts on the licensed part of each well's rate, ``(1 − unlicensed_share)``, or on all of it where it includes the
    unlicensed: ``effective = part − compliance (part − ruled)``. No rule raises a rate.

    Parameters
    ----------
    rules : sequence of Rule
        In the order of the file.
    wells : WellTable
        ``n_well`` wells.
    base : ndarray
        Rates without restriction, shape ``(n_period, n_well)``; m³/d.
    timeline : Timeline
        Its periods begin wherever a rule changes a rate.
    unlicensed_share : float
        Share of every well's pumping that no rule reaches, 0 to 1.
    errors : Collector
        Gets selections without a well, wells without a permit, and rules that meet in one well at one time.
    """
    rate, log, idle = base.copy(), [], []
    masks: list[tuple[Rule, BoolArray, BoolArray]] = []
    for rule in rules:
        key = f"restrictions.{rule.name}.select"
        chosen = select(key, rule.selection, wells, base[_first_period(rule, timeline)], errors)
        if not chosen.any():
            continue
        if rule.kind == "percent_of_permit":
            _check_permits(rule, chosen, wells, errors)
        rests = _in_force(rule, timeline, chosen)
        _check_overlap(rule, rests, chosen, masks, wells, timeline, errors)
        masks.append((rule, rests, chosen))
        part = base if rule.includes_unlicensed else base * (1.0 - unlicensed_share)
        cut = rule.compliance * (part - np.minimum(part, ruled_rate(rule, part, wells.permit, timeline)))
        applies = np.where(rests, cut, 0.0)
        rate = np.maximum(rate - applies, 0.0)
        log += log_rule(rule.name, base, base - applies, np.flatnonzero(chosen), wells.names, places(wells), timeline)
        if not applies.any():
            idle.append(f"restriction {rule.name} changes no rate of its {wells_of(int(chosen.sum()))}")
    return Restricted(rate, tuple(log), tuple(idle))


def ruled_rate(rule: Rule, part: FloatArray, permit: FloatArray, timeline: Timeline) -> FloatArray:
    """Return what each well may pump while the rule is in force, shape ``(n_period, n_well)``; m³/d.

    ``present`` is the rate in force when the rule begins, `part` the rate of each period that the rule acts on:

    - ban: 0; cap: the amount; percent_of_permit: this percent of the permit; percent_of_present: this percent of present;
    - phase_out: straight from present at the beginning to this percent of it at `until`, taken in the middle of a period;
    - seasonal: in its months this percent of present; rotation: nothing in the turns in which a group rests;
    - surface_water: present less the percent replaced.
    """
    present = part[_first_period(rule, timeline)]
    share = rule.amount / 100.0
    match rule.kind:
        case "ban" | "rotation":
            allowed: Any = 0.0
        case "cap":
            allowed = rule.amount
        case "percent_of_permit":
            allowed = share * permit
        case "percent_of_present" | "seasonal":
            allowed = share * present
        case "surface_water":
            allowed = (1.0 - share) * present
        case "phase_out":
            done = np.clip((timeline.period_middle - rule.begin) / (rule.until - rule.begin), 0.0, 1.0)
            allowed = (1.0 - (1.0 - share) * done)[:, None] * present
    return np.broadcast_to(np.asarray(allowed, dtype=np.float64), part.shape)


def _first_period(rule: Rule, timeline: Timeline) -> int:
    """Return the period in which the rule begins."""
    number = int(np.searchsorted(timeline.period_start, rule.begin + MINUTE, side="right")) - 1
    return max(number, 0)


def _in_force(rule: Rule, timeline: Timeline, chosen: BoolArray) -> BoolArray:
    """Tell in which periods the rule holds for which wells, shape ``(n_period, n_well)``."""
    start = timeline.period_start
    held = (start >= rule.begin - MINUTE) & (start < rule.end - MINUTE)
    held &= timeline.period_end > start  # a steady beginning is the state before any rule
    if rule.kind == "seasonal":
        held &= np.isin(timeline.month, rule.months)
    if rule.kind != "rotation":
        return held[:, None] & chosen
    turn = np.floor((start - rule.begin + MINUTE) / rule.turn).astype(np.int64)
    groups = round(rule.amount)
    group = (np.cumsum(chosen) - 1) % groups
    resting: BoolArray = held[:, None] & chosen & (turn[:, None] % groups == group)
    return resting


def select(key: str, wanted: Selection, wells: WellTable, present: FloatArray, errors: Collector) -> BoolArray:
    """Return the wells that a rule is meant for, shape ``(n_well,)``; none is an error that lists the valid names.

    Parameters
    ----------
    key : str
        Of the selection, for messages.
    wanted : Selection
        Who is meant.
    wells : WellTable
        ``n_well`` wells.
    present : ndarray
        Rates when the rule begins, shape ``(n_well,)``; m³/d.
    errors : Collector
        Gets unknown names, and a selection of no well.
    """
    from aquirecover.case import geo

    chosen: BoolArray = np.ones(len(wells.names), dtype=bool)
    known = True
    for label, names in wanted.labels.items():
        column = wells.column(label)
        chosen &= np.isin(np.array(column, dtype=object).astype(str), names)
        known &= _check_names(f"{key}.{label}", names, column, errors)
    if wanted.licensed is not None:
        chosen &= wells.licensed if wanted.licensed else np.logical_not(wells.licensed)
    if wanted.size is not None:
        chosen &= (present >= wanted.size[0]) & (present < wanted.size[1])
    if wanted.within is not None:
        chosen &= geo.inside(wanted.within, wells.x, wells.y)
    if wanted.zone is not None:
        aquifer, inside = np.array(wells.column("aquifer"), dtype=object), np.zeros_like(chosen)
        for unit, polygons in wanted.zone.items():
            inside |= geo.inside(polygons, wells.x, wells.y) & ((aquifer == unit) | (unit == ""))
        chosen &= inside
    if wanted.near is not None:
        chosen &= geo.distance_to(wanted.near[0], wells.x, wells.y) <= wanted.near[1]
    if wanted.beyond is not None:
        chosen &= geo.distance_to(wanted.beyond[0], wells.x, wells.y) > wanted.beyond[1]
    if known and not chosen.any():
        errors.add(key, f"selects none of the {len(wells.names)} wells: {_choices(wells)}")
    return chosen


def _check_names(key: str, names: Sequence[str], column: Sequence[str], errors: Collector) -> bool:
    """Report names that no well has; return whether all are known."""
    there = sorted({name for name in column if name})
    unknown = [name for name in names if name not in there]
    for name in unknown:
        near = get_close_matches(name, there, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" There are {_listed(there)}."
        errors.add(f"{key} = {name!r}", f"no well has it.{hint}")
    return not unknown


def places(wells: WellTable) -> tuple[str, ...]:
    """Return ``district × aquifer`` of each well, as far as they are known."""
    columns = [wells.labels[label] for label in ("district", "aquifer") if label in wells.labels]
    return (
        tuple(" × ".join(text for text in row if text) or "all" for row in zip(*columns, strict=True))
        if columns
        else ("all",) * len(wells.names)
    )


def _choices(wells: WellTable) -> str:
    """Return the valid names of each label in one sentence."""
    parts = []
    for label in LABELS[:-1]:
        there = sorted({name for name in wells.labels.get(label, ()) if name})
        if there:
            parts.append(f"{label} is one of {_listed(there)}")
    return "; ".join(parts) + "." if parts else "there are no labels to select by."


def _listed(names: Sequence[str], most: int = 12) -> str:
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def _check_permits(rule: Rule, chosen: BoolArray, wells: WellTable, errors: Collector) -> None:
    """Report chosen wells that have no permit to take a percentage of."""
    lacking = [wells.names[i] for i in np.flatnonzero(chosen & ~np.isfinite(wells.permit))]
    if lacking:
        errors.add(
            f"restrictions.{rule.name}", f"is a percentage of the permit: {_listed(lacking, 5)} have none (column permit)."
        )


def _check_overlap(
    rule: Rule,
    rests: BoolArray,
    chosen: BoolArray,
    others: Sequence[tuple[Rule, BoolArray, BoolArray]],
    wells: WellTable,
    timeline: Timeline,
    errors: Collector,
) -> None:
    """Report earlier rules that hold for the same well at the same time."""
    held = _whole_time(rule, rests, chosen)
    for other, other_rests, other_chosen in others:
        both = held & _whole_time(other, other_rests, other_chosen)
        if not both.any():
            continue
        names = [wells.names[i] for i in np.flatnonzero(both.any(axis=0))]
        periods = np.flatnonzero(both.any(axis=1))
        first, last = timeline.date(timeline.period_start[periods[0]]), timeline.date(timeline.period_end[periods[-1]])
        errors.add(
            f"restrictions.{rule.name}",
            f"overlaps restrictions.{other.name} from {first} to {last} on {wells_of(len(names))} ({_listed(names, 5)}): "
            "one rule at a time may hold for a well; narrow select, from or to.",
        )


def _whole_time(rule: Rule, rests: BoolArray, chosen: BoolArray) -> BoolArray:
    """Return when a rule holds for a well; a rotation holds in the turns of the other groups too."""
    if rule.kind != "rotation":
        return rests
    return rests.any(axis=1, keepdims=True) & chosen
