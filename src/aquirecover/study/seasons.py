"""From when recovery counts, and how heads of different seasons are made comparable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.flow.stresses import Wells
from aquirecover.study import metrics
from aquirecover.study.recovery_report import RecoverySettings

# A step must end this close to the start of the restriction, d.
SAME_TIME = 1e-3
# A year before the restriction may be this much shorter than the mean year, d.
_SHORT_YEAR = 2.0


def index_of(time: FloatArray, start: float) -> int:
    """Return the last time that is the start of the restriction.

    Raises
    ------
    ValueError
        When there is none.
    """
    found = np.flatnonzero(np.abs(time - start) <= SAME_TIME)
    if not found.size:
        raise ValueError(
            f"No head is kept at the start of the restriction on day {start:g}: a step that ends then must be saved."
        )
    return int(found[-1])


def choose_average(problem: Problem, start: float, time: FloatArray) -> Literal["none", "season", "year"]:
    """Return how seasons are best taken out of heads that are known at some times.

    Not at all where no stress has seasons. Where nature has them and pumping has not, the cycle of the year before the
    restriction goes on after it, and is taken off (``season``), if the year before is known at two times or more. Otherwise
    pumping makes part of the cycle and stopping it changes the cycle: only means of years compare (``year``).
    """
    # two years, since one cycle that ends with the pumping looks like a change one way
    begin = start - 2.0 * DAYS_PER_YEAR - SAME_TIME
    natural, pumped = _goes_up_and_down(problem, begin, wells=False), _goes_up_and_down(problem, begin, wells=True)
    if not (natural or pumped):
        return "none"
    known = _year_before(time, start).size > 2
    return "season" if known and not pumped else "year"


def _goes_up_and_down(problem: Problem, begin: float, wells: bool) -> bool:
    """Tell whether a stress (wells, or all others and fixed heads) goes up and down after a time, not one way only.

    It does when the sum of its changes from period to period is more than one and a half times its net change.
    """
    schedule = problem.schedule
    after = schedule.period_start + schedule.period_length > begin + SAME_TIME
    series = [v for stress in problem.stresses if isinstance(stress, Wells) == wells for v in stress.values().values()]
    if not wells:
        series += [fixed.head for fixed in problem.fixed_heads]
    for values in series:
        if values.ndim == 2 and values.shape[1]:
            later = values[after]
            moved, net = np.abs(np.diff(later, axis=0)).sum(axis=0), np.abs(later[-1] - later[0])
            if np.any(moved > 1.5 * net + 1e-9 * np.abs(later).max()):
                return True
    return False


def _year_before(time: FloatArray, start: float) -> IntArray:
    """Return the indices of the times of the year before the start, both ends included; none where it is not covered."""
    end = index_of(time, start)
    first = int(np.searchsorted(time, start - DAYS_PER_YEAR - _SHORT_YEAR))
    chosen = np.arange(first, end + 1)
    if chosen.size < 2 or time[first] > start - DAYS_PER_YEAR + _SHORT_YEAR:
        return chosen[:0]
    # a steady state and the state at the same time that follows it count once, the later one
    return np.asarray(chosen[np.append(np.diff(time[chosen]) > 0.0, True)])


@dataclass(frozen=True)
class Clock:
    """From when, and by which comparison, recovery is measured.

    Parameters
    ----------
    settings : RecoverySettings
        As given.
    start : float
        d.
    average : str
        ``none``, ``season`` or ``year``.
    """

    settings: RecoverySettings
    start: float
    average: str

    def curve(self, time: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return times since the start, the first one 0, and comparable values from there on.

        Parameters
        ----------
        time : ndarray
            Shape ``(n_time,)``; d.
        values : ndarray
            Shape ``(n_time, ...)``.

        Returns
        -------
        since : ndarray
            Shape ``(n,)``; d.
        values : ndarray
            Shape ``(n, ...)``. ``none``: as they are. ``season``: less the cycle of the year before. ``year``: means of full
            years, the first one of the year before where it is known.
        """
        begin = index_of(time, self.start)
        since = time[begin:] - self.start
        if self.average == "season":
            chosen = _year_before(time, self.start)
            if chosen.size > 2:
                return since, values[begin:] - _cycle(time[chosen], values[chosen], since)
        if self.average in ("none", "season"):
            return since, values[begin:]
        year, weight, centre = metrics.year_weights(time, self.start)
        mean = metrics.yearly_mean(values, weight)
        first = mean[year == -1.0] if np.any(year == -1.0) else values[begin : begin + 1]
        later = year >= 0.0
        if not later.any():
            return since, np.concatenate((first, values[begin + 1 :]))
        return np.concatenate(([0.0], centre[later] - self.start)), np.concatenate((first, mean[later]))


def _cycle(time: FloatArray, values: FloatArray, since: FloatArray) -> FloatArray:
    """Return the departure from the yearly mean, less the trend, of the year before a start, at times after it.

    Parameters
    ----------
    time : ndarray
        The year before, from its beginning to the start, shape ``(n,)``; d. Values are linear between times.
    values : ndarray
        Shape ``(n, ...)``.
    since : ndarray
        Times after the start, shape ``(n_since,)``; d.

    Returns
    -------
    ndarray
        Shape ``(n_since, ...)``; its mean over a year is zero.
    """
    share = (time - time[0]) / (time[-1] - time[0])
    column = (-1, *[1] * (values.ndim - 1))
    departure = values - values[0] - share.reshape(column) * (values[-1] - values[0])
    mean = np.tensordot(np.diff(share), 0.5 * (departure[1:] + departure[:-1]), axes=1)
    phase = np.mod(since, DAYS_PER_YEAR) / DAYS_PER_YEAR
    right = np.clip(np.searchsorted(share, phase), 1, share.size - 1)
    weight = ((phase - share[right - 1]) / (share[right] - share[right - 1])).reshape(column)
    found: FloatArray = departure[right - 1] + weight * (departure[right] - departure[right - 1]) - mean
    return found
