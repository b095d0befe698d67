"""The earlier and the later part of a problem as problems of their own, so that a shared history is simulated once."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TypeVar

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import FixedHead, Stress

ItemT = TypeVar("ItemT", Stress, FixedHead)


def later_part(problem: Problem, period: int, head: FloatArray) -> Problem:
    """Return the problem from a period on.

    Parameters
    ----------
    problem : Problem
        The whole.
    period : int
        First period that stays, from 0.
    head : ndarray
        Heads at its beginning, shape ``(n_layer, n_y, n_x)``, NaN allowed in cells that are not active; m.
    """
    later = _some_periods(problem, slice(period, None))
    return replace(later, initial_head=np.where(np.isfinite(head), head, problem.initial_head))


def earlier_part(problem: Problem, period: int) -> Problem:
    """Return the problem up to the beginning of a period, which must not be the first."""
    return _some_periods(problem, slice(0, period))


def _some_periods(problem: Problem, periods: slice) -> Problem:
    schedule = problem.schedule
    inside = np.isin(schedule.step_period, np.arange(schedule.n_period)[periods])
    kept = Schedule(
        schedule.period_length[periods],
        schedule.n_steps[periods],
        schedule.step_multiplier[periods],
        schedule.steady[periods],
        _moved(schedule, float(schedule.period_start[periods.start])),
        schedule.save_step[inside],
    )
    return replace(
        problem,
        schedule=kept,
        stresses=tuple(_in_periods(stress, periods) for stress in problem.stresses),
        fixed_heads=tuple(_in_periods(boundary, periods) for boundary in problem.fixed_heads),
    )


def _moved(schedule: Schedule, day: float) -> str:
    """Return the date of a day of a dated schedule."""
    return str(schedule.date_of(day)) if schedule.start else ""


def _in_periods(item: ItemT, periods: slice) -> ItemT:
    """Return a stress or boundary with its series in some periods."""
    result = copy(item)
    names = item.values() if isinstance(item, Stress) else ("head",)
    for name in names:
        series = getattr(item, name)
        if series.ndim == 2:
            setattr(result, name, series[periods])
    return result
