"""Dates and days, and the stress periods that begin at every change of a rate."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.schedule import Schedule

MINUTE = 1.0 / 1440.0
SECONDS_PER_DAY = 86400.0
Date = datetime.date | datetime.datetime | str


def day_of(date: Date, start: Date) -> float:
    """Return the days from `start` to `date`, exact to the second; negative before it."""
    seconds = (_instant(date) - _instant(start)) / np.timedelta64(1, "s")
    return float(seconds) / SECONDS_PER_DAY


def date_of(day: float, start: Date) -> str:
    """Return the date of a time in days after `start`, with the time of day where it is not midnight."""
    text = str(_instant(start) + np.timedelta64(round(day * SECONDS_PER_DAY), "s"))
    return text.removesuffix("T00:00:00")


def _instant(date: Date) -> np.datetime64:
    if isinstance(date, datetime.datetime) and date.tzinfo is not None:
        date = date.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(date, "s")


def add_months(date: datetime.date, months: int) -> datetime.date:
    """Return a date some months later, on the last day of the month where that day does not exist."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    last = (datetime.date(year + (month == 11), (month + 1) % 12 + 1, 1) - datetime.timedelta(days=1)).day
    return datetime.date(year, month + 1, min(date.day, last))


def month_starts(start: datetime.date, end: datetime.date, months: Iterable[int] = range(1, 13)) -> list[datetime.date]:
    """Return the first days of the given months (1 to 12) between two dates, both ends left out."""
    wanted = set(months)
    first = start.replace(day=1)
    count = (end.year - first.year) * 12 + end.month - first.month + 1
    dates = (add_months(first, i) for i in range(count))
    return [date for date in dates if start < date < end and date.month in wanted]


def changing_months(monthly: Sequence[float]) -> list[int]:
    """Return the months (1 to 12) at whose start a monthly factor changes."""
    return [month + 1 for month in range(12) if monthly[month] != monthly[month - 1]]


def period_edges(start: datetime.date, end: datetime.date, months: int, days: float, align: tuple[int, int] | None) -> FloatArray:
    """Return the regular edges of periods between two dates, both included; d after `start`.

    Parameters
    ----------
    start, end : date
        Of the simulation.
    months, days : int, float
        Length of a period: whole months, or days where `months` is 0.
    align : (month, day) or None
        Periods of months begin on this day of the year and on the same day of the months that follow.
    """
    last = day_of(end, start)
    if not months:
        edges = np.arange(int(np.ceil(last / days - 1e-9))) * days
        return np.append(edges, last)
    first = start
    if align is not None:
        first = datetime.date(start.year - 1, align[0], min(align[1], 28))
        behind = (start.year - first.year) * 12 + start.month - first.month
        first = add_months(first, (behind // months - 1) * months)
    count = ((end.year - first.year) * 12 + end.month - first.month) // months + 2
    inner = [day_of(date, start) for date in (add_months(first, i * months) for i in range(count)) if start < date < end]
    return np.array([0.0, *inner, last])


def merge_edges(edges: FloatArray, breakpoints: Iterable[float]) -> FloatArray:
    """Return the edges of periods with breakpoints let in, ascending; those closer than a minute to another are left out."""
    last = edges[-1]
    days = np.unique(np.concatenate([np.asarray(edges, dtype=np.float64), np.asarray(list(breakpoints), dtype=np.float64)]))
    days = days[(days >= 0.0) & (days < last - MINUTE)]
    kept = [0.0]
    for day in days:
        if day - kept[-1] > MINUTE:
            kept.append(float(day))
    return np.array([*kept, last])


@dataclass(frozen=True, eq=False)
class Timeline:
    """Stress periods with their dates.

    Parameters
    ----------
    start : date
        Time zero.
    edges : ndarray
        Edges of the periods, from 0, shape ``(n_period + 1,)``; d.
    length : ndarray
        Their lengths, exact where `edges` are sums of them, shape ``(n_period,)``; d.
    steady : ndarray of bool
        Periods without storage.
    n_steps : ndarray of int
        Steps of each period.
    step_multiplier : ndarray
        Ratio of the lengths of a step and the one before it.
    listed : ndarray of int
        Entry of the listed periods, from 0, that each period is, or is a part of; empty without a list.
    """

    start: datetime.date
    edges: FloatArray
    length: FloatArray
    steady: BoolArray
    n_steps: IntArray
    step_multiplier: FloatArray
    listed: IntArray

    @classmethod
    def regular(
        cls, start: datetime.date, edges: FloatArray, steady_first: bool, n_steps: int, step_multiplier: float
    ) -> Timeline:
        """Return transient periods between edges, all with as many steps, after a steady one of no length if there is one."""
        lead = int(steady_first)
        steady = np.arange(edges.size - 1 + lead) < lead
        steps, all_edges = np.where(steady, 1, n_steps), np.concatenate((edges[:1], edges) if lead else (edges,))
        none = np.zeros(0, dtype=np.int64)
        return cls(start, all_edges, np.diff(all_edges), steady, steps, np.full(steady.size, step_multiplier), none)

    @classmethod
    def from_list(
        cls,
        start: datetime.date,
        length: FloatArray,
        steady: BoolArray,
        n_steps: IntArray,
        step_multiplier: FloatArray,
        breakpoints: Iterable[float] = (),
    ) -> Timeline:
        """Return listed periods, each cut at the breakpoints that lie more than a minute inside it; a part has all its steps."""
        edges = np.concatenate(([0.0], np.cumsum(length)))
        inner: list[float] = []
        for day in np.unique(np.fromiter(breakpoints, dtype=np.float64)).tolist():
            number = int(np.searchsorted(edges[:-1], day, side="right")) - 1
            before = max([float(edges[number]), *inner[-1:]])
            if number >= 0 and min(day - before, float(edges[number + 1]) - day) > MINUTE:
                inner.append(day)
        place = np.searchsorted(edges[:-1], np.array(inner), side="right")
        listed = np.sort(np.concatenate((np.arange(length.size), place - 1)))
        cut = np.insert(edges, place, inner)
        whole = np.bincount(listed, minlength=length.size)[listed] == 1
        exact = np.where(whole, length[listed], np.diff(cut))
        return cls(start, cut, exact, steady[listed], n_steps[listed], step_multiplier[listed], listed)

    @property
    def n_period(self) -> int:
        """Number of periods, steady ones included."""
        return int(self.length.size)

    @property
    def period_start(self) -> FloatArray:
        """Start of each period, shape ``(n_period,)``; d."""
        return self.edges[:-1]

    @property
    def period_end(self) -> FloatArray:
        """End of each period, shape ``(n_period,)``; d."""
        return self.edges[1:]

    @cached_property
    def period_middle(self) -> FloatArray:
        """Middle of each period, at which what varies steadily is sampled, shape ``(n_period,)``; d."""
        return 0.5 * (self.period_start + self.period_end)

    @cached_property
    def month(self) -> IntArray:
        """Month of the middle of each period, 1 to 12; 0 for a steady period, which stands for the whole year."""
        middle = _instant(self.start) + np.round(self.period_middle * SECONDS_PER_DAY).astype("timedelta64[s]")
        months = middle.astype("datetime64[M]").astype(np.int64) % 12 + 1
        months[self.steady] = 0
        return months

    def day(self, date: Date) -> float:
        """Return the time of a date; d."""
        return day_of(date, self.start)

    def date(self, day: float) -> str:
        """Return the date of a time."""
        return date_of(day, self.start)

    def monthly(self, factors: Sequence[float] | FloatArray) -> FloatArray:
        """Return twelve monthly values in force in each period, their mean in a steady one, shape ``(n_period,)``."""
        values = np.asarray(factors, dtype=np.float64)
        return np.concatenate(([values.mean()], values))[self.month]

    def from_listed(self, values: FloatArray) -> FloatArray:
        """Return values of listed periods, shape ``(n_listed, ...)``, on the periods, shape ``(n_period, ...)``."""
        return values[self.listed]

    def sample(self, days: FloatArray, values: FloatArray, interpolate: str = "step") -> FloatArray:
        """Sample a dated series on the periods.

        Parameters
        ----------
        days : ndarray
            Ascending times of the values, shape ``(n,)``; d.
        values : ndarray
            Shape ``(n, ...)``.
        interpolate : {'step', 'linear'}
            The value in force at the start of the period, or the value in its middle on straight lines between dates.

        Returns
        -------
        ndarray
            Shape ``(n_period, ...)``; the first value holds before the first date and the last one after the last date.
        """
        place = self.period_start + MINUTE if interpolate == "step" else self.period_middle
        number = np.searchsorted(days, place, side="right") - 1
        left = np.clip(number, 0, days.size - 1)
        if interpolate == "step":
            return np.asarray(values[left], dtype=np.float64)
        right = np.clip(number + 1, 0, days.size - 1)
        gap = np.where(days[right] > days[left], days[right] - days[left], 1.0)
        share = np.where(number < 0, 0.0, np.clip((place - days[left]) / gap, 0.0, 1.0))
        share = share.reshape((-1,) + (1,) * (values.ndim - 1))
        return np.asarray(values[left] * (1.0 - share) + values[right] * share, dtype=np.float64)

    def schedule(self) -> Schedule:
        """Return the schedule of the simulator."""
        return Schedule(self.length, self.n_steps, self.step_multiplier, self.steady, start=self.start.isoformat())
