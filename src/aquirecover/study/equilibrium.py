"""The level to which heads would return if pumping stopped for good: the problem, and its equilibrium by a given solver."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import DAYS_PER_YEAR, Schedule
from aquirecover.flow.stresses import FixedHead, Stress, Wells

SteadySolver = Callable[[Problem, int], FloatArray]


def equilibrium_problem(problem: Problem, *, pumping: bool = False, until: float | None = None) -> Problem:
    """Return a problem of one steady period with the mean stresses of the last year.

    Rates, stages and heads are averaged over the year so that the equilibrium belongs to no season.

    Parameters
    ----------
    problem : Problem
        With its whole schedule.
    pumping : bool
        Keep the mean pumping of that year; otherwise all wells stop. Injection stays.
    until : float, optional
        End of the year that is averaged, d; the end of the schedule when left out.

    Returns
    -------
    Problem
        The same grid and properties, one steady period.

    Raises
    ------
    ValueError
        When `until` is not inside the schedule.
    """
    weight = _period_weights(problem.schedule, until)
    stresses = tuple(_averaged(stress, weight, pumping) for stress in problem.stresses)
    fixed = tuple(FixedHead(f.cell, _mean(f.head, weight), f.name) for f in problem.fixed_heads)
    schedule = Schedule(period_length=1.0, steady=True, start=problem.schedule.start)
    return replace(problem, name=f"{problem.name}_equilibrium", schedule=schedule, stresses=stresses, fixed_heads=fixed)


def no_pumping_head(problem: Problem, solve_steady: SteadySolver, until: float | None = None) -> FloatArray:
    """Return the heads in equilibrium without pumping, the ``no_pumping`` level of `assess_recovery`.

    Parameters
    ----------
    problem : Problem
        See `equilibrium_problem`.
    solve_steady : callable
        Returns the equilibrium of a problem with the stresses of a period, as `aquirecover.flow.steady.solve_steady`.
    until : float, optional
        See `equilibrium_problem`.

    Returns
    -------
    ndarray
        Shape ``(n_layer, n_y, n_x)``; m.
    """
    return solve_steady(equilibrium_problem(problem, until=until), 0)


def _period_weights(schedule: Schedule, until: float | None) -> FloatArray:
    """Return the share of each period in the year that ends at a time, shape ``(n_period,)``."""
    begin = schedule.period_start
    finish = begin + schedule.period_length
    end = float(finish[-1]) if until is None else until
    days = np.clip(np.minimum(finish, end) - np.maximum(begin, end - DAYS_PER_YEAR), 0.0, None)
    if days.sum() > 0.0:
        return np.asarray(days / days.sum())
    if end < begin[0] or end > finish[-1]:
        raise ValueError(f"until = {end:g} d must be inside the schedule, {begin[0]:g} to {finish[-1]:g} d.")
    last = np.zeros(schedule.n_period)
    last[np.searchsorted(finish, end)] = 1.0
    return last


def _averaged(stress: Stress, weight: FloatArray, pumping: bool) -> Stress:
    mean = copy.copy(stress)
    for name, values in stress.values().items():
        stopped = isinstance(stress, Wells) and name == "pumping_rate" and not pumping
        average = np.zeros_like(_mean(values, weight)) if stopped else _mean(values, weight)
        average.flags.writeable = False
        setattr(mean, name, average)
    return mean


def _mean(values: FloatArray, weight: FloatArray) -> FloatArray:
    return np.array(weight @ values if values.ndim == 2 else values)
