"""Heads of many scenarios that pump more or less by groups of wells: superposed where that is certain, else marched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.many import simulate_many
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.simulate import Progress, SimulateSettings
from aquirecover.study.decisions import given_rates, with_rates
from aquirecover.study.store import Store
from aquirecover.study.unit_responses import NotLinearError, UnitResponses, pays, unit_responses

SUPERPOSED, MARCHED = "superposed", "marched"
# Scenarios that are marched at a time, so that their results need not all be in memory.
AT_A_TIME = 64


@dataclass(frozen=True, eq=False)
class FactorGroups:
    """Groups of wells whose pumping a scenario multiplies.

    Parameters
    ----------
    problem : Problem
        With the rates at factor 1.
    wells : mapping of str to ndarray of int
        Wells of each group, in the order of `Problem.wells`, all of them in a row.
    period : int
        First stress period in which factors count, from 0.
    """

    problem: Problem
    wells: Mapping[str, IntArray]
    period: int = 0

    def scenario(self, factors: FloatArray, name: str) -> Problem:
        """Return the problem with a factor on the pumping of each group, shape ``(n_group,)``; injection stays."""
        net = given_rates(self.problem)
        for factor, own in zip(factors, self.wells.values(), strict=True):
            rows = net[self.period :, own]
            net[self.period :, own] = np.where(rows > 0.0, factor * rows, rows)
        return replace(with_rates(self.problem, net), name=name)

    def groups(self) -> dict[str, Problem]:
        """Return the problem with each group pumping twice as much."""
        doubled = 1.0 + np.eye(len(self.wells))
        return {name: self.scenario(factors, name) for name, factors in zip(self.wells, doubled, strict=True)}


@dataclass(frozen=True, eq=False)
class Answers:
    """Heads of scenarios.

    Parameters
    ----------
    point_head : ndarray
        At the points at the end of every step, shape ``(n_scenario, n_step, n_point)``; m.
    head : ndarray
        At the end of the last step, shape ``(n_scenario, n_layer, n_y, n_x)``, NaN outside active cells; m.
    way : tuple of str
        `SUPERPOSED` or `MARCHED`, of each scenario.
    why : tuple of str
        Why a scenario was marched; empty for the others.
    """

    point_head: FloatArray
    head: FloatArray
    way: tuple[str, ...]
    why: tuple[str, ...]


def answer(
    groups: FactorGroups,
    factors: FloatArray,
    names: Sequence[str],
    points: Observations,
    settings: SimulateSettings | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Answers:
    """Return the heads of scenarios by the cheapest way that is certain.

    Responses are marched and scenarios superposed where the problem is linear and there are enough scenarios to pay for it. Those
    in which a river, a drain or evapotranspiration passes a bend are marched, and so are all others.

    Parameters
    ----------
    groups : FactorGroups
        What scenarios scale.
    factors : ndarray
        ≥ 0, shape ``(n_scenario, n_group)``.
    names : sequence of str
        Of the scenarios.
    points : Observations
        Where heads are wanted at every step.
    settings, store, progress
        See `unit_responses`.
    """
    n, shape = factors.shape[0], groups.problem.grid.shape
    point = np.empty((n, groups.problem.schedule.n_step, points.cell.size))
    head = np.empty((n, *shape))
    why = [""] * n
    found = _responses(groups, n, points, settings, store, progress)
    if isinstance(found, str):
        why = [found] * n
    else:
        superposed = found.superpose(factors - 1.0)
        point[:], head[:] = superposed.point_head, superposed.head[:, 0]
        for number in np.flatnonzero(~superposed.holds):
            why[number] = f"a flow that bends with the head passes its bend by {superposed.passed[number]:.3g} m"
    rest = np.array([number for number in range(n) if why[number]], dtype=np.int64)
    last = np.arange(groups.problem.schedule.n_step) == groups.problem.schedule.n_step - 1
    for begin in range(0, rest.size, AT_A_TIME):
        some = rest[begin : begin + AT_A_TIME]
        problems = [groups.scenario(factors[number], names[number]) for number in some]
        schedule = replace(groups.problem.schedule, save_step=last)
        problems = [replace(one, observations=points, zones=None, schedule=schedule) for one in problems]
        for number, result in zip(some, simulate_many(problems, settings, progress), strict=True):
            if (result.pumping_rate_actual < (1.0 - 1e-6) * result.pumping_rate).any():
                why[number] += "; its wells could not deliver all they were asked"
            point[number], head[number] = result.observation_head, result.head[-1]
    return Answers(point, head, tuple(MARCHED if reason else SUPERPOSED for reason in why), tuple(why))


def _responses(
    groups: FactorGroups,
    n: int,
    points: Observations,
    settings: SimulateSettings | None,
    store: Store | None,
    progress: Progress | None,
) -> UnitResponses | str:
    """Return unit responses, or why there are none."""
    if not pays(n, len(groups.wells)):
        return f"{n} scenarios do not pay for the responses of {len(groups.wells)} groups"
    try:
        return unit_responses(groups.problem, groups.groups(), points.cell, settings, store=store, progress=progress)
    except NotLinearError as error:
        return str(error)
