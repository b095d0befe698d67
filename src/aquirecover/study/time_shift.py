"""Decisions that are one another later: where nothing but the rates changes with time, one response serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.regime import ramps
from aquirecover.study.decisions import Decision


@dataclass(frozen=True)
class Shifted:
    """A decision whose response is that of another one, some steps later."""

    decision: int
    steps: int


def time_invariant(problem: Problem) -> bool:
    """Tell whether a linear problem answers the same to the same rates in any period: periods alike, and no slope varies."""
    schedule = problem.schedule
    alike = (schedule.period_length, schedule.n_steps, schedule.step_multiplier)
    if schedule.steady.any() or any((values != values[0]).any() for values in alike):
        return False
    return all(not (ramp.slope != ramp.slope[0]).any() for ramp in ramps(problem))


def representatives(problem: Problem, decisions: Sequence[Decision]) -> dict[int, list[Shifted]]:
    """Return the decisions that act, each below the one whose response it has: the first in time of those with its pattern.

    A pattern is what wells share the rate from the decision's first period on. A response that has to be known up to the end of
    the time is that of the first.
    """
    found: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    shifts = time_invariant(problem)
    for number, decision in enumerate(decisions):
        if not decision.acts:
            continue
        first = int(decision.period.min()) if shifts else 0
        order = np.lexsort((decision.well, decision.period))
        own = (decision.period[order] - first, decision.well[order], decision.share[order])
        pattern = tuple(values.tobytes() for values in own) if shifts else (number,)
        found.setdefault(pattern, []).append((first, number))
    per_period = int(problem.schedule.n_steps[0])
    result = {}
    for members in found.values():
        first, own_number = min(members)
        result[own_number] = [Shifted(number, (period - first) * per_period) for period, number in members]
    return result


def later(gain: FloatArray, steps: int) -> FloatArray:
    """Return what heads gain some steps later, shape ``(n_step, n)``; nothing before."""
    moved = np.zeros_like(gain)
    moved[steps:] = gain[: gain.shape[0] - steps]
    return moved
