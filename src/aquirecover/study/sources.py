"""Where the water comes from that a restriction leaves in the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import FlowResult
from aquirecover.flow.schedule import Schedule
from aquirecover.study.metrics import cumulative_volume

# A step must end this close to the start of the restriction, d.
_SAME_TIME = 1e-3


@dataclass(frozen=True, eq=False)
class WaterSources:
    """What each term of the budget has given since the restriction, more than it would have.

    The sum over terms is zero: the pumping that stopped (``wells``, positive) equals the water that went into storage
    (``storage``, negative: the recovery itself) and that rivers, the sea and neighbours no longer gave (negative). So the
    share of the stopped pumping that raised the heads is minus ``storage`` over ``wells``.

    Parameters
    ----------
    relative_to : str
        ``restriction_start``: the year before the restriction, repeated season by season (the last step before it where the run
        is shorter); ``baseline``: a run without the restriction.
    terms : tuple of str
        Of the budget.
    year_end : ndarray
        Ends of the years since the restriction, the last one perhaps cut by the end of the run, shape ``(n_year,)``; d since
        the restriction.
    volume : ndarray
        Net inflow beyond the comparison in each year, shape ``(n_year, n_term)``; m³.
    """

    relative_to: str
    terms: tuple[str, ...]
    year_end: FloatArray
    volume: FloatArray

    @property
    def total(self) -> FloatArray:
        """Volume since the restriction by term, shape ``(n_term,)``; m³."""
        return np.asarray(self.volume.sum(axis=0))


def water_sources(result: FlowResult, start: float, baseline: FlowResult | None = None) -> WaterSources:
    """Return where the water came from, per year since the start of a restriction.

    Parameters
    ----------
    result : FlowResult
        With the restriction.
    start : float
        Of the restriction, d.
    baseline : FlowResult, optional
        Without it, with the same terms; compared with the state at the start when left out.

    Returns
    -------
    WaterSources
        See there for the signs.

    Raises
    ------
    ValueError
        When the baseline has other terms or ends earlier, or when there is none and the run begins with the restriction.
    """
    schedule = result.problem.schedule
    end = float(schedule.step_time[-1])
    edges = schedule.anniversary(start, np.arange(int((end - start) / 365.0) + 2))
    edges = np.append(edges[edges < end - _SAME_TIME], end)
    carried = np.diff(_net_volume(result, edges), axis=0)
    if baseline is None:
        other = _volume_before(result, start, np.diff(edges))
    else:
        _refuse_other_history(result, baseline, end)
        other = np.diff(_net_volume(baseline, edges), axis=0)
    label = "restriction_start" if baseline is None else "baseline"
    return WaterSources(label, result.budget.terms, edges[1:] - start, carried - other)


def _net_volume(result: FlowResult, time: FloatArray) -> FloatArray:
    schedule = result.problem.schedule
    net = result.budget.inflow - result.budget.outflow
    return cumulative_volume(net, schedule.step_length, schedule.step_time, time)


def _volume_before(result: FlowResult, start: float, length: FloatArray) -> FloatArray:
    """Return the net inflow by term that years would have, were each like the year before a time; m³.

    Years are compared season by season: one that is cut short has the first seasons, and 29 February counts as the day that
    ends February in the year before, so that leap years leave no trace.

    Parameters
    ----------
    result : FlowResult
        With steps before the time.
    start : float
        The time, d.
    length : ndarray
        Of the years, d, shape ``(n_year,)``.

    Returns
    -------
    ndarray
        Shape ``(n_year, n_term)``.
    """
    schedule = result.problem.schedule
    last = int(np.searchsorted(schedule.step_time, start + _SAME_TIME, side="right")) - 1
    if last < 0:
        raise ValueError(
            f"No step ends before the restriction on day {start:g}: there is no state to compare with; give a baseline."
        )
    begin = float(schedule.anniversary(start, -1))
    if begin < schedule.step_time[0] - schedule.step_length[0]:
        return np.asarray(length[:, None] * (result.budget.inflow - result.budget.outflow)[last])
    days = start - begin
    whole = (np.abs(length - days) < 1.5) & bool(schedule.start)
    volume = _net_volume(result, begin + np.where(whole, days, np.minimum(length, days))) - _net_volume(result, np.array([begin]))
    spare = np.where(whole, length - days, 0.0)
    if spare.any():
        volume = volume + spare[:, None] * np.diff(_net_volume(result, _end_of_february(schedule, begin)), axis=0)
    return np.asarray(volume)


def _end_of_february(schedule: Schedule, begin: float) -> FloatArray:
    """Return start and end of the last day of the first February that ends after a time, d."""
    date = schedule.date_of(begin)
    march = date.astype("datetime64[Y]").astype("datetime64[M]") + 2
    if march.astype(date.dtype) <= date:
        march = march + 12
    end = begin + float((march.astype("datetime64[s]") - date) / np.timedelta64(86400, "s"))
    return np.asarray(np.maximum([end - 1.0, end], begin))


def _refuse_other_history(result: FlowResult, baseline: FlowResult, end: float) -> None:
    if baseline.budget.terms != result.budget.terms:
        raise ValueError(
            f"The baseline has the terms {baseline.budget.terms}, the run {result.budget.terms}: they must be the same."
        )
    if baseline.problem.schedule.step_time[-1] < end - _SAME_TIME:
        raise ValueError(f"The baseline ends on day {baseline.problem.schedule.step_time[-1]:g}: it must reach day {end:g}.")
