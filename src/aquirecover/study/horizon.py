"""The later part of a problem as a problem of its own, so that a history that all runs share is simulated once."""

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
    schedule = problem.schedule
    first = int(np.searchsorted(schedule.step_period, period))
    begin = float(schedule.period_start[period])
    kept = Schedule(
        schedule.period_length[period:],
        schedule.n_steps[period:],
        schedule.step_multiplier[period:],
        schedule.steady[period:],
        _moved(schedule, begin),
        schedule.save_step[first:],
    )
    return replace(
        problem,
        schedule=kept,
        initial_head=np.where(np.isfinite(head), head, problem.initial_head),
        stresses=tuple(_from_period(stress, period) for stress in problem.stresses),
        fixed_heads=tuple(_from_period(boundary, period) for boundary in problem.fixed_heads),
    )


def _moved(schedule: Schedule, day: float) -> str:
    """Return the date of a day of a dated schedule."""
    return str(schedule.date_of(day)) if schedule.start else ""


def _from_period(item: ItemT, period: int) -> ItemT:
    """Return a stress or boundary with its series from a period on."""
    result = copy(item)
    names = item.values() if isinstance(item, Stress) else ("head",)
    for name in names:
        series = getattr(item, name)
        if series.ndim == 2:
            setattr(result, name, series[period:])
    return result
