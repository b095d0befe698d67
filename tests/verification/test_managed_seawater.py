"""SEAWATER with the means of transmissivity that GWM took, and with a risk; see `managed` and `arithmetic_seawater`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from arithmetic_seawater import with_arithmetic_means

from aquirecover.flow.adjoint import SensitivitySettings
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.stresses import Recharge, Wells
from aquirecover.study.chance import AdjointSpread, Chance
from aquirecover.study.constraints import Constraints, join, total
from aquirecover.study.decisions import Decision, decided, rates
from aquirecover.study.limits import LimitProblem, LimitSettings, Objective, find_limit
from aquirecover.study.linear_program import InfeasibleError
from aquirecover.study.priors import together
from aquirecover.study.quantities import observed, read
from aquirecover.study.response import Evaluator, Response
from aquirecover.verification.managed import TIGHT, seawater, simulate_all

NET = Objective(np.array([1.0] * 5 + [-1.0] * 3))


def seawater_question() -> LimitProblem:
    """Return SEAWATER, whose net pumping is sought."""
    problem, decisions, heads, rows = seawater()
    return LimitProblem(problem, tuple(decisions), (heads,), join(rows), NET)


def test_every_digit_that_gwm_prints() -> None:
    question = seawater_question()
    result = find_limit(question, with_arithmetic_means)
    assert result.objective == pytest.approx(14_087.82, abs=0.005)
    expected = [1e4, 3300.918, 0.0, 0.0, 1677.461, 62.93964, 532.1157, 295.5083]
    np.testing.assert_allclose(result.x, expected, rtol=3e-7, atol=1e-6)
    # per foot of head difference over the 400 ft of a gradient; GWM differentiates by steps of hundreds of ft3/d
    printed = {"gd-06": 5.7711e3, "gd-08": 9.5888e2, "gd-14": 8.0729e3, "gd-18": 1.4636e2, "gd-20": 2.1473e3}
    found = dict(zip(question.constraints.names, result.row_price / 400.0, strict=True))
    assert {name for name, price in found.items() if price > 1.0} == set(printed)
    assert [found[name] for name in printed] == pytest.approx(list(printed.values()), rel=1e-2)


def test_the_programs_of_pestpp() -> None:
    # in the benchmark opt_seawater_chance (PEST++ 3.7, no risk) a well of two layers pumps its rate in each of them, and the town
    # has its well in the upper one
    question = seawater_question()
    town = question.problem.stresses[-1]
    assert isinstance(town, Wells)
    above = Wells(town.cell - 600, town.pumping_rate, names=town.names, name=town.name)
    problem = replace(question.problem, stresses=(*question.problem.stresses[:-1], above))
    question = replace(question, problem=problem, decisions=tuple(replace(d, share=np.sign(d.share)) for d in question.decisions))
    evaluator = Evaluator(question.problem, question.decisions, question.families, with_arithmetic_means)
    idle, *moved = evaluator.outcomes([np.zeros(8), *(500.0 * np.eye(8))])
    slope = np.stack([(outcome.values - idle.values) / 500.0 for outcome in moved], axis=1)
    linear = _linearised(question.constraints, Response(np.zeros(8), idle, slope))
    # its responses are differences of heads with six digits over 500 ft3/d
    assert linear == pytest.approx(15_177.2, rel=5e-5)
    assert find_limit(question, with_arithmetic_means).objective == pytest.approx(15_138.0, rel=5e-6)


def _linearised(rows: Constraints, response: Response) -> float:
    """Return the optimum of a program of its own, by scipy."""
    from scipy.optimize import linprog

    matrix, constant = rows.matrix(response)
    above, below = np.isfinite(rows.upper), np.isfinite(rows.lower)
    left = np.concatenate([matrix[above], -matrix[below]])
    right = np.concatenate([(rows.upper - constant)[above], (constant - rows.lower)[below]])
    # gradients are small numbers
    size = np.abs(left).max(axis=1)
    return -float(linprog(-NET.decision, A_ub=left / size[:, None], b_ub=right / size, bounds=[(0.0, 1e4)] * 8).fun)


SPREADS = {"k": 0.06, "t": 0.05, "bed": 0.10, "rain": 0.04}


def _changed(problem: Problem, name: str, log10: float) -> Problem:
    """Return the problem with one field multiplied by a power of ten."""
    factor, properties = 10.0**log10, problem.properties
    k = properties.k * np.array([factor if name == key else 1.0 for key in ("k", "t")])[:, None, None]
    leakance = properties.leakance * (factor if name == "bed" else 1.0)
    changed = AquiferProperties(problem.grid, k, convertible=[True, False], leakance=leakance, averaging="harmonic")
    rain = next(stress for stress in problem.stresses if isinstance(stress, Recharge))
    wetter = Recharge(rain.cell, rain.recharge_rate * (factor if name == "rain" else 1.0))
    return replace(problem, properties=changed, stresses=tuple(wetter if s is rain else s for s in problem.stresses))


def _deviations(question: LimitProblem, x: FloatArray) -> FloatArray:
    """Return the standard deviations of the heads and gradients, by central differences of runs."""
    problem, cell = observed(decided(question.problem, question.decisions, x), question.families)
    net, variance, step = rates(question.problem, question.decisions, x), 0.0, 1e-4
    for name, spread in SPREADS.items():
        ends = simulate_all([_changed(problem, name, sign * step) for sign in (1.0, -1.0)])
        up, down = (read(result, cell, question.families, net) for result in ends)
        variance = variance + (spread * (up - down) / (2.0 * step)) ** 2
    return np.sqrt(variance)


def test_a_risk_over_a_water_table_by_differences() -> None:
    question, n = seawater_question(), 600
    priors = [
        together("k", ("k", "k22"), np.arange(n), SPREADS["k"], log10=True),
        together("t", ("k", "k22"), np.arange(n, 2 * n), SPREADS["t"], log10=True),
        together("bed", ("leakance",), np.arange(n), SPREADS["bed"], log10=True),
        together("rain", ("recharge.recharge_rate",), np.arange(n), SPREADS["rain"], log10=True),
    ]
    spread = AdjointSpread(question.problem, question.decisions, question.families, priors, SensitivitySettings(TIGHT))
    result = find_limit(replace(question, chance=Chance(0.8, spread)), simulate_all, LimitSettings())
    deviation = _deviations(question, result.x)
    np.testing.assert_allclose(result.deviation[:33], deviation, rtol=1e-4)
    # every rule keeps its distance, and some of them no more
    margin = 0.8416212336 * deviation
    values, rows = result.outcome.values, question.constraints
    room = np.where(np.isfinite(rows.upper[:33]), rows.upper[:33] - values, values - rows.lower[:33]) - margin
    assert (room / margin).min() == pytest.approx(0.0, abs=1e-4)
    assert ((room / margin) < 1e-3).sum() >= 3
    assert result.objective < 0.95 * find_limit(question, simulate_all).objective


def test_wells_worth_their_fixed_costs_over_a_water_table_by_enumeration() -> None:
    # at most two wells, each with a cost of its own, open at 500 ft3/d or more; every pair solved by itself with the full model
    question, fixed = seawater_question(), np.array([900.0, 700.0, 500.0, 300.0, 400.0])
    switches = tuple(Decision(f"W{n} is on", 0.0, 1.0, integer=True) for n in range(1, 6))
    rows = [question.constraints, total("two", "1", dict.fromkeys(range(8, 13), 1.0), upper=2.0)]
    for n in range(5):
        rows.append(total(f"W{n + 1} off", "ft3/d", {n: 1.0, 8 + n: -1e4}, upper=0.0))
        rows.append(total(f"W{n + 1} on", "ft3/d", {n: 1.0, 8 + n: -500.0}, lower=0.0))
    worth = Objective(np.concatenate([NET.decision, -fixed]))
    switched = replace(question, decisions=(*question.decisions, *switches), constraints=join(rows), objective=worth)
    found = find_limit(switched, simulate_all)
    values = {}
    for pair in ((), *((n,) for n in range(5)), *combinations(range(5), 2)):
        own = [
            d if n > 4 else replace(d, lower=500.0) if n in pair else replace(d, upper=0.0)
            for n, d in enumerate(question.decisions)
        ]
        with suppress(InfeasibleError):
            values[pair] = find_limit(replace(question, decisions=tuple(own)), simulate_all).objective - fixed[list(pair)].sum()
    best = max(values, key=lambda pair: values[pair])
    assert found.objective == pytest.approx(values[best], rel=1e-9)
    assert tuple(np.flatnonzero(found.x[8:] > 0.5)) == best
    # many ways are near, and no single well is as good
    assert len(values) > 10
    assert len(best) == 2
