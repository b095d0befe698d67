"""Measures of recovery as formulas on plain arrays: the first axis is time, the others are places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import DAYS_PER_YEAR

# A year counts when this share of it is covered by the run, so that half a season does not pass for a year.
_FULL_YEAR = 0.99


def recovery_fraction(residual: FloatArray, start_residual: FloatArray, smallest_change: float) -> FloatArray:
    """Return ``R = (h − h0) / (h_ref − h0) = 1 − s' / s'_0``.

    Parameters
    ----------
    residual : ndarray
        Residual drawdown ``s' = h_ref − h``, shape ``(n_time, ...)``; m.
    start_residual : ndarray
        Residual drawdown at the start of the restriction, shape ``(...)``; m.
    smallest_change : float
        Where ``|s'_0|`` is below this there is nothing to recover and R is NaN; m.

    Returns
    -------
    ndarray
        Shape ``(n_time, ...)``; 1.
    """
    enough = np.abs(start_residual) >= smallest_change
    return 1.0 - residual / np.where(enough, start_residual, np.nan)


def time_to_recovery(time: FloatArray, fraction: FloatArray, targets: Sequence[float]) -> FloatArray:
    """Return the first time at which R reaches a target and after which it never falls below it again.

    Parameters
    ----------
    time : ndarray
        Ascending, from the start of the restriction, shape ``(n_time,)``; d.
    fraction : ndarray
        R, shape ``(n_time, ...)``; R is taken as linear between times.
    targets : sequence of float
        Fractions, as 0.5, 0.9.

    Returns
    -------
    ndarray
        Shape ``(n_target, ...)``; d; NaN where the target is not reached, not kept to the end, or R is NaN.
    """
    n_time = time.size
    flat = fraction.reshape(n_time, -1)
    place = np.arange(flat.shape[1])
    found = np.full((len(targets), flat.shape[1]), np.nan)
    valid = np.isfinite(flat).all(axis=0)
    for i, target in enumerate(targets):
        below = ~(flat >= target)
        last_below = n_time - 1 - np.argmax(below[::-1], axis=0)
        never_below = ~below.any(axis=0)
        kept = valid & ~never_below & (last_below < n_time - 1)
        left = np.where(kept, last_below, 0)
        right = np.minimum(left + 1, n_time - 1)
        low, high = flat[left, place], flat[right, place]
        share = np.divide(target - low, high - low, out=np.zeros_like(low), where=kept)
        found[i] = np.where(kept, time[left] + share * (time[right] - time[left]), np.nan)
        found[i, valid & never_below] = time[0]
    return found.reshape(len(targets), *fraction.shape[1:])


def recovery_rate(time: FloatArray, head: FloatArray, horizons: Sequence[float]) -> FloatArray:
    """Return the mean rise of the head from the first time on, over each horizon and over the whole series.

    Parameters
    ----------
    time : ndarray
        From the start of the restriction, the first one 0, shape ``(n_time,)``; d.
    head : ndarray
        Shape ``(n_time, ...)``; m.
    horizons : sequence of float
        d.

    Returns
    -------
    ndarray
        Shape ``(n_horizon + 1, ...)``, the whole series last; m/d; NaN where the series ends more than a day before the
        horizon: full calendar years are shorter or longer than mean ones.
    """
    rates = np.full((len(horizons) + 1, *head.shape[1:]), np.nan)
    for i, horizon in enumerate((*horizons, float(time[-1]))):
        if horizon <= 0.0 or horizon > time[-1] + 1.0:
            continue
        horizon = min(horizon, float(time[-1]))
        right = int(np.searchsorted(time, horizon))
        share = (horizon - time[right - 1]) / (time[right] - time[right - 1])
        rates[i] = (head[right - 1] + share * (head[right] - head[right - 1]) - head[0]) / horizon
    return rates


def year_weights(time: FloatArray, start: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights that turn a series into means of full years counted from a start, forward and back.

    A value stands for the interval that ends at its time, as in an implicit scheme; the first one for none.

    Parameters
    ----------
    time : ndarray
        Ascending, shape ``(n_time,)``; d.
    start : float
        Beginning of year 0; d.

    Returns
    -------
    year : ndarray
        Years with at least 99 % of their days in the series, ascending, negative before the start, shape ``(n_year,)``.
    weight : ndarray
        Rows sum to 1, shape ``(n_year, n_time)``.
    centre : ndarray
        Time at which the mean of a straight line would be met, ``weight @ time``, shape ``(n_year,)``; d.
    """
    first = int(np.floor((time[0] - start) / DAYS_PER_YEAR))
    last = int(np.ceil((time[-1] - start) / DAYS_PER_YEAR))
    year = np.arange(first, max(last, first), dtype=np.float64)
    begin = start + DAYS_PER_YEAR * year[:, None]
    before = np.concatenate((time[:1], time[:-1]))
    days = np.clip(np.minimum(time, begin + DAYS_PER_YEAR) - np.maximum(before, begin), 0.0, None)
    full = days.sum(axis=1) >= _FULL_YEAR * DAYS_PER_YEAR
    weight = days[full] / days[full].sum(axis=1, keepdims=True)
    return year[full], weight, weight @ time


def yearly_low(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the lowest value of each year, shape ``(n_year, ...)``, of values ``(n_time, ...)`` and `year_weights`.

    A value that stands for less than a hundredth of the year (the tail of a step that ended just before) is left out.
    """
    if not weight.size:
        return np.empty((weight.shape[0], *values.shape[1:]))
    return np.stack([values[row >= 0.01 * row.max()].min(axis=0) for row in weight])


def yearly_mean(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the mean of each year, shape ``(n_year, ...)``, of values ``(n_time, ...)`` and `year_weights`."""
    mean: FloatArray = np.tensordot(weight, values, axes=1)
    return mean


def stored_volume(problem: Problem, head: FloatArray) -> FloatArray:
    """Return the water that each cell holds in storage, up to a constant: its change is ``Σ S A Δh`` of the cell.

    Confined: ``S_s A b h``. Convertible, with saturation ``s = clip((h − bottom) / b, 0, 1)``: ``S_y A b s`` and the elastic
    part ``S_s A b s (h − mid)`` about the mid-height of the saturated part (MODFLOW 6, STO package), so that the change of the
    sum equals what the water budget books as storage.

    Parameters
    ----------
    problem : Problem
        Gives grid and properties.
    head : ndarray
        Shape ``(n_layer, n_y, n_x)``; m.

    Returns
    -------
    ndarray
        Same shape; m³; NaN where the head is.
    """
    grid, properties = problem.grid, problem.properties
    volume = grid.thickness * grid.area
    saturation = np.clip((head - grid.bottom) / np.where(grid.thickness > 0.0, grid.thickness, 1.0), 0.0, 1.0)
    above_mid = head - grid.bottom - 0.5 * grid.thickness * saturation
    water_table = properties.specific_storage * saturation * above_mid + properties.specific_yield * saturation
    return np.asarray(volume * np.where(properties.convertible, water_table, properties.specific_storage * head))


def cumulative_volume(rate: FloatArray, step_length: FloatArray, step_time: FloatArray, time: FloatArray) -> FloatArray:
    """Return the volume that rates, constant over each step, have carried up to given times.

    Parameters
    ----------
    rate : ndarray
        Shape ``(n_step, n)``; m³/d.
    step_length, step_time : ndarray
        Length and end of each step, shape ``(n_step,)``; d.
    time : ndarray
        Shape ``(n_time,)``; d.

    Returns
    -------
    ndarray
        Shape ``(n_time, n)``; m³; beyond the steps the volume stays as it is.
    """
    edge = np.concatenate(([step_time[0] - step_length[0]], step_time))
    total = np.concatenate((np.zeros((1, rate.shape[1])), np.cumsum(rate * step_length[:, None], axis=0)))
    return np.stack([np.interp(time, edge, column) for column in total.T], axis=1)
