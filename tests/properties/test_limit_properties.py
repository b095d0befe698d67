"""Limits of random linear fields: the full model keeps every constraint, a little more breaks one, prices prove the optimum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import Drain, Evapotranspiration, GeneralHead, River
from aquirecover.study.constraints import bounds, join, total
from aquirecover.study.decisions import Decision
from aquirecover.study.limits import LimitProblem, Objective, find_limit
from aquirecover.study.quantities import levels
from aquirecover.study.response import Evaluator
from small_problems import random_problem

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))


def _simulate_all(problems: Sequence[Problem]) -> list[FlowResult]:
    return [simulate(problem, TIGHT) for problem in problems]


def _question(seed: int) -> LimitProblem:
    """Return a search for the most three wells may pump in each of two periods while heads stay within a random drawdown."""
    random = np.random.default_rng(1000 + seed)
    given = random_problem(seed, convertible=False, zones=False)
    linear = tuple(s for s in given.stresses if not isinstance(s, (River, Drain, Evapotranspiration)))
    # holes may cut off a part from all that holds its heads
    leak = GeneralHead(np.flatnonzero(given.grid.active), 10.0, 0.01, name="leak")
    stresses = (*linear, leak)
    problem = Problem("field", given.grid, given.properties, given.schedule, given.initial_head, stresses, given.fixed_heads)
    one = np.ones(1)
    decisions = tuple(
        Decision(f"W{n + 1} in period {p + 1}", 0.0, 400.0, np.array([n]), np.array([p]), one) for n in range(3) for p in (1, 2)
    )
    free = np.flatnonzero(
        problem.grid.active & ~np.isin(np.arange(problem.grid.n_cell), problem.fixed_heads[0].cell).reshape(problem.grid.shape)
    )
    cell = random.choice(free, 6, replace=False)
    step = random.integers(1, problem.schedule.n_step, 6)
    heads = levels([f"head {n}" for n in range(6)], cell, step)
    (idle,) = Evaluator(problem, decisions, (heads,), _simulate_all).outcomes([np.zeros(6)])
    limits = bounds(heads.names, np.arange(6), "m", lower=idle.values - random.uniform(0.2, 3.0, 6))
    demand = total("share of the first well", "m3/d", {0: 1.0, 2: -0.1}, lower=0.0)
    return LimitProblem(problem, decisions, (heads,), join([limits, demand]), Objective(random.uniform(0.5, 2.0, 6)))


def _check(seed: int) -> None:
    question = _question(seed)
    result = find_limit(question, _simulate_all)
    assert result.gap <= 1e-8
    assert result.certificate.excess <= 1e-6
    assert result.certificate.raised_excess > 1e-9
    assert result.programs == 1
    # a price belongs to a constraint without room
    room = -question.constraints.excess(result.outcome.values, result.x)
    assert np.abs(room[result.row_price > 1e-6]).max(initial=0.0) < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_certificate_of_random_linear_fields(seed: int) -> None:
    _check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 200))
def test_certificate_of_more_random_linear_fields(seed: int) -> None:
    _check(seed)
