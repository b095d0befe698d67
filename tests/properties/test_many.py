"""Scenarios that are marched together are what they are when marched one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from aquirecover.errors import ConfigError, NumericalError
from aquirecover.flow.grid import Grid
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.many import least_together, simulate_many
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import Drain, Evapotranspiration, FixedHead, GeneralHead, Recharge, River, Stress, Wells
from random_problems import random_problem, seeds

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
# the other way of solving, for what the two have in common
DIRECT = replace(TIGHT, linear=LinearSettings(method="direct"))


def confined(problem: Problem) -> Problem:
    """Return a problem without convertible cells."""
    own = problem.properties
    properties = AquiferProperties(
        problem.grid, own.k, own.k33, own.k22, own.specific_storage, 0.0, convertible=False, leakance=own.leakance
    )
    return replace(problem, properties=properties)


def varied(stress: Stress, rng: np.random.Generator) -> Stress:
    """Return a stress of the same kind on the same cells with other values."""

    def other(values: np.ndarray) -> np.ndarray:
        return values * rng.uniform(0.5, 1.5, values.shape)

    match stress:
        case Wells():
            return Wells(stress.cell, other(stress.pumping_rate), other(stress.injection_rate))
        case Recharge():
            return Recharge(stress.cell, other(stress.recharge_rate))
        case River():
            rise = rng.uniform(-1.0, 1.0, stress.n)
            return River(stress.cell, stress.stage + rise, stress.conductance, stress.bottom_elevation + rise)
        case Drain():
            return Drain(stress.cell, stress.elevation + rng.uniform(-1.0, 1.0, (2, stress.n)), stress.conductance)
        case GeneralHead():
            return GeneralHead(stress.cell, other(stress.boundary_head), stress.conductance)
        case Evapotranspiration():
            return Evapotranspiration(stress.cell, stress.surface, other(stress.rate), stress.extinction_depth)
    raise AssertionError(stress)


def scenarios(seed: int, n: int, *, linear: bool, steady: bool = False) -> list[Problem]:
    """Return problems that share a matrix."""
    rng = np.random.default_rng(seed)
    base = confined(random_problem(seed, linear=linear, steady=steady))
    fixed = base.fixed_heads[0]
    return [
        replace(
            base,
            name=f"scenario_{number}",
            initial_head=base.initial_head + rng.uniform(0.0, 1.0, base.grid.shape),
            stresses=tuple(varied(stress, rng) for stress in base.stresses),
            fixed_heads=(FixedHead(fixed.cell, fixed.head + rng.uniform(0.0, 1.0, fixed.head.shape)),),
        )
        for number in range(n)
    ]


def check_same(found: FlowResult, expected: FlowResult) -> None:
    """Compare two results; flows are of the order of 10 m³/d, heads of 5 m."""
    assert found.problem is expected.problem
    np.testing.assert_allclose(found.head, expected.head, rtol=0.0, atol=2e-9)
    np.testing.assert_allclose(found.observation_head, expected.observation_head, rtol=0.0, atol=2e-9)
    np.testing.assert_array_equal(found.saved_step, expected.saved_step)
    np.testing.assert_allclose(found.pumping_rate, expected.pumping_rate, rtol=1e-14)
    np.testing.assert_allclose(found.pumping_rate_actual, expected.pumping_rate_actual, rtol=1e-14)
    scale = max(1.0, float(expected.budget.inflow.max()))
    for name in ("inflow", "outflow", "layer_inflow", "layer_outflow", "layer_exchange"):
        a, b = getattr(found.budget, name), getattr(expected.budget, name)
        np.testing.assert_allclose(a, b, rtol=0.0, atol=2e-7 * scale, err_msg=name)
    for name in ("zone_inflow", "zone_outflow", "zone_exchange"):
        a, b = getattr(found.budget, name), getattr(expected.budget, name)
        np.testing.assert_allclose(a, b, rtol=0.0, atol=2e-7 * scale, err_msg=name)
    assert found.budget.terms == expected.budget.terms
    assert found.budget.zone_names == expected.budget.zone_names
    assert found.budget.error.max() < 1e-9
    assert [report.budget_error for report in found.reports] == found.budget.error.tolist()


@settings(max_examples=10)
@given(seeds)
def test_linear_scenarios_are_those_marched_one_by_one(seed: int) -> None:
    problems = scenarios(seed, 5, linear=True)
    for problem, found in zip(problems, simulate_many(problems, TIGHT), strict=True):
        assert found.engine.endswith("5 scenarios marched together")
        check_same(found, simulate(problem, DIRECT))


@settings(max_examples=5)
@given(seeds)
def test_steady_scenarios_are_those_marched_one_by_one(seed: int) -> None:
    problems = scenarios(seed, 3, linear=True, steady=True)
    for problem, found in zip(problems, simulate_many(problems, TIGHT), strict=True):
        check_same(found, simulate(problem, DIRECT))


@settings(max_examples=15)
@given(seeds)
def test_scenarios_whose_rivers_and_drains_switch(seed: int) -> None:
    problems = scenarios(seed, 4, linear=False)
    for problem, found in zip(problems, simulate_many(problems, TIGHT), strict=True):
        check_same(found, simulate(problem, DIRECT))


def test_more_scenarios_than_lanes_give_the_same_bits_on_one_and_two_threads() -> None:
    problems = scenarios(7, 21, linear=False)
    one, two = (simulate_many(problems, threads=threads) for threads in (1, 2))
    assert [result.problem.name for result in one] == [problem.name for problem in problems]
    for a, b in zip(one, two, strict=True):
        assert a.head.tobytes() == b.head.tobytes()
        assert a.observation_head.tobytes() == b.observation_head.tobytes()
        assert a.budget.layer_inflow.tobytes() == b.budget.layer_inflow.tobytes()
        assert a.budget.zone_exchange.tobytes() == b.budget.zone_exchange.tobytes()


def test_convertible_models_and_single_ones_are_marched_alone() -> None:
    problems = [random_problem(3), random_problem(3), scenarios(4, 1, linear=True)[0]]
    results = simulate_many(problems)
    for problem, found in zip(problems, results, strict=True):
        expected = simulate(problem)
        assert found.engine == expected.engine
        assert found.head.tobytes() == expected.head.tobytes()


def test_other_schedules_are_not_mixed() -> None:
    problems = [*scenarios(5, 2, linear=True), *scenarios(5, 2, linear=True, steady=True)]
    results = simulate_many(problems, TIGHT)
    for problem, found in zip(problems, results, strict=True):
        assert "2 scenarios marched together" in found.engine
        check_same(found, simulate(problem, DIRECT))


def test_a_broken_problem_is_named() -> None:
    problems = scenarios(5, 3, linear=True)
    wells = problems[1].wells[0]
    broken = Wells(wells.cell, -1.0)
    problems[1] = replace(problems[1], stresses=(*problems[1].stresses[:-1], broken))
    with pytest.raises(ConfigError, match=r"scenario_1: .*pumping_rate"):
        simulate_many(problems)


def test_one_that_fails_is_named_and_the_others_do_not_suffer(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = scenarios(6, 4, linear=True)
    expected = simulate_many(problems, TIGHT)
    # a rate that no budget in double precision can hold beside the others
    huge = replace(problems[2], stresses=(*problems[2].stresses[:-1], Wells(problems[2].wells[0].cell, np.inf)))
    monkeypatch.setattr("aquirecover.flow.many.check_problem", lambda problem: [])
    monkeypatch.setattr("aquirecover.flow.simulate.check_problem", lambda problem: [])
    with np.errstate(invalid="ignore"), pytest.raises(NumericalError, match="scenario_2: Period 1, step 1"):
        simulate_many([*problems[:2], huge, problems[3]], TIGHT)
    monkeypatch.setattr("aquirecover.flow.many.simulate", lambda problem, *_: expected[2])
    with np.errstate(invalid="ignore"):
        results = simulate_many([*problems[:2], huge, problems[3]], TIGHT)
    assert results[2].engine.endswith("marched alone: it did not converge beside the others")
    for number in (0, 1, 3):
        np.testing.assert_allclose(results[number].head, expected[number].head, rtol=0.0, atol=1e-10)


def test_progress_counts_the_steps_of_all_marches() -> None:
    heard: list[tuple[int, int]] = []
    problems = [*scenarios(5, 2, linear=True), random_problem(3)]
    simulate_many(problems, progress=lambda done, total, time: heard.append((done, total)))
    n_step = problems[0].schedule.n_step + problems[2].schedule.n_step
    assert heard == [(n + 1, n_step) for n in range(n_step)]


def test_few_scenarios_of_a_large_grid_are_marched_one_by_one() -> None:
    assert [least_together(n_cell) for n_cell in (1, 300, 5_000, 10_000, 10_000_000)] == [2, 2, 6, 10, 10]
    grid = Grid(np.full(71, 100.0), np.full(71, 100.0), 10.0, [0.0])
    properties = AquiferProperties(grid, 5.0, specific_storage=1e-4)
    base = Problem("base", grid, properties, Schedule([10.0]), np.full(grid.shape, 9.0), (), (FixedHead(np.arange(5), 8.0),))
    problems = [replace(base, name=f"p{n}", initial_head=base.initial_head + 0.1 * n) for n in range(6)]
    few, enough = simulate_many(problems[:5], TIGHT), simulate_many(problems, TIGHT)
    assert not any("together" in result.engine for result in few)
    assert all(result.engine.endswith("6 scenarios marched together") for result in enough)
    for one, other in zip(few, enough, strict=False):
        np.testing.assert_allclose(one.head, other.head, rtol=0.0, atol=1e-9)
