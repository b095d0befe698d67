"""Superposed heads are those of the full march, and what is not linear is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquirecover.errors import ConvergenceError
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, TimeSettings, simulate
from aquirecover.flow.stresses import Drain, FixedHead, GeneralHead, Recharge, River, Stress, Wells
from aquirecover.output.array_store import ArrayStore
from aquirecover.study.unit_responses import NotLinearError, UnitResponses, pays, unit_responses
from random_problems import random_problem, seeds
from small_problems import plain_grid, plain_problem

# a way of solving that has nothing in common with that of the responses
DIRECT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13), linear=LinearSettings(method="direct"))


def confined(problem: Problem) -> Problem:
    own = problem.properties
    properties = AquiferProperties(
        problem.grid, own.k, own.k33, own.k22, own.specific_storage, 0.0, convertible=False, leakance=own.leakance
    )
    return replace(problem, properties=properties)


def with_stress(problem: Problem, old: Stress, new: Stress) -> Problem:
    return replace(problem, stresses=tuple(new if stress is old else stress for stress in problem.stresses))


def groups_of(problem: Problem, rng: np.random.Generator) -> dict[str, Problem]:
    """Return a group for every kind of change; wells have one each, with patterns in time."""
    wells = problem.wells[0]
    found = {}
    for n in range(len(wells.names)):
        rate = np.array(wells.pumping_rate)
        rate[:, n] += rng.uniform(-5.0, 20.0, rate.shape[0])
        # below 0 it injects
        changed = wells.with_rates(np.maximum(rate, 0.0), wells.injection_rate + np.maximum(-rate, 0.0))
        found[f"well {n}"] = with_stress(problem, wells, changed)
    for stress in problem.stresses:
        match stress:
            case Recharge():
                wetter = Recharge(stress.cell, stress.recharge_rate * 1.5 + 1e-4, stress.name)
                found["recharge"] = with_stress(problem, stress, wetter)
            case GeneralHead():
                level = stress.boundary_head + rng.uniform(-1.0, 1.0, (2, stress.n))
                found["levels"] = with_stress(problem, stress, GeneralHead(stress.cell, level, stress.conductance, stress.name))
    boundary = problem.fixed_heads[0]
    rising = FixedHead(boundary.cell, boundary.head + np.array([[0.5], [1.5]]), boundary.name)
    found["fixed"] = replace(problem, fixed_heads=(rising,))
    found["start"] = replace(problem, initial_head=problem.initial_head + rng.uniform(-1.0, 1.0, problem.grid.shape))
    return found


def mixed(problem: Problem, groups: dict[str, Problem], scales: np.ndarray) -> Problem:
    """Return the scenario of some scales, made from the inputs."""

    def sum_of(get: object) -> np.ndarray:
        base = get(problem)  # type: ignore[operator]
        return base + sum(s * (get(g) - base) for s, g in zip(scales, groups.values(), strict=True))  # type: ignore[operator]

    stresses: list[Stress] = []
    for place, stress in enumerate(problem.stresses):
        match stress:
            case Wells():
                net = sum_of(lambda p, n=place: p.stresses[n].pumping_rate - p.stresses[n].injection_rate)
                stresses.append(stress.with_rates(np.maximum(net, 0.0), np.maximum(-net, 0.0)))
            case Recharge():
                rate = sum_of(lambda p, n=place: p.stresses[n].recharge_rate)
                stresses.append(Recharge(stress.cell, rate, stress.name))
            case GeneralHead():
                level = sum_of(lambda p, n=place: p.stresses[n].boundary_head)
                stresses.append(GeneralHead(stress.cell, level, stress.conductance, stress.name))
            case _:
                stresses.append(stress)
    boundary = problem.fixed_heads[0]
    fixed = FixedHead(boundary.cell, sum_of(lambda p: p.fixed_heads[0].head), boundary.name)
    return replace(
        problem, stresses=tuple(stresses), fixed_heads=(fixed,), initial_head=sum_of(lambda p: p.initial_head), name="scenario"
    )


def check_heads(found: UnitResponses, scales: np.ndarray, number: int, expected: FlowResult) -> None:
    superposed = found.superpose(scales)
    assert superposed.holds[number]
    np.testing.assert_allclose(superposed.point_head[number], expected.observation_head, rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(superposed.head[number], expected.head[found.keep], rtol=0.0, atol=1e-9)


@given(seeds, st.booleans())
@settings(max_examples=25, deadline=None)
def test_superposed_heads_are_those_of_the_march(seed: int, steady: bool) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, linear=True, steady=steady)
    groups = groups_of(problem, rng)
    found = unit_responses(problem, groups, keep=[0, -1])
    # recharge must stay positive in the march that it is compared with
    scales = rng.uniform(0.0, 2.0, (3, len(groups)))
    scenario = mixed(problem, groups, scales[1])
    check_heads(found, scales, 1, simulate(scenario, DIRECT))
    check_heads(found, np.zeros((1, len(groups))), 0, simulate(problem, DIRECT))
    # a scenario in the span is recognised from its inputs alone
    recognised = found.scales_of(scenario)
    assert not isinstance(recognised, str)
    check_heads(found, recognised, 0, simulate(scenario, DIRECT))


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_what_passes_a_bend_is_told_from_what_does_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = confined(random_problem(seed))
    groups = groups_of(problem, rng)
    try:
        found = unit_responses(problem, groups, keep=range(problem.schedule.n_step))
    except NotLinearError:
        with pytest.raises(NotLinearError, match="passes a bend within period"):
            unit_responses(problem, {})
        return
    scales = rng.uniform(-0.3, 0.3, (8, len(groups))) * rng.choice([1e-3, 1.0], (8, 1))
    scales[:, list(groups).index("recharge")] = 0.0
    superposed = found.superpose(scales)
    for number in range(8):
        result = simulate(mixed(problem, groups, scales[number]), DIRECT)
        if superposed.holds[number]:
            np.testing.assert_allclose(superposed.head[number], result.head, rtol=0.0, atol=2e-9)
        else:
            assert np.isnan(superposed.head[number]).all()
            assert np.isnan(superposed.point_head[number]).all()
            head = result.observation_head[:, np.searchsorted(problem.observations.cell, found.base.regime.guards.cell)]
            least, most = (side.reshape(head.shape) for side in (found.least, found.most))
            # the march passes one too
            assert ((head < least) | (head > most)).any()


def river_and_well(rate: float) -> Problem:
    """Return a strip with a river in the middle cell, 1 m deep, beside a well."""
    grid = plain_grid(n_y=1, n_x=5, bottom=(0.0,), top=20.0)
    wells = Wells(np.array([3]), np.array([rate]), names=["W1"])
    river = River(np.array([2]), 10.0, 100.0, 9.0)
    return plain_problem(grid, (wells, river), (FixedHead(np.array([0, 4]), 10.0),), head=10.0)


def test_a_river_that_loses_contact_is_found() -> None:
    problem = river_and_well(10.0)
    found = unit_responses(problem, {"more": river_and_well(20.0)})
    scales = np.array([[0.0], [1.0], [1e4]])
    superposed = found.superpose(scales)
    assert superposed.holds.tolist() == [True, True, False]
    assert superposed.passed[2] > 1.0
    expected = simulate(river_and_well(20.0), DIRECT)
    np.testing.assert_allclose(superposed.head[1, 0], expected.head[-1], rtol=0.0, atol=1e-9)


def test_the_same_bits_whatever_is_asked_for_beside() -> None:
    problem = random_problem(11, linear=True)
    rng = np.random.default_rng(1)
    groups = groups_of(problem, rng)
    found = unit_responses(problem, groups)
    scales = rng.uniform(0.0, 2.0, (50, len(groups)))
    together = found.superpose(scales)
    for number in (0, 7, 49):
        alone = found.superpose(scales[number])
        np.testing.assert_array_equal(alone.head[0], together.head[number])
        np.testing.assert_array_equal(alone.point_head[0], together.point_head[number])


def _refused(problem: Problem, groups: dict[str, Problem], text: str, given: SimulateSettings | None = None) -> None:
    with pytest.raises(NotLinearError, match=text):
        unit_responses(problem, groups, settings=given)


def test_what_is_not_linear_is_refused() -> None:
    problem = random_problem(5, linear=True)
    convertible = random_problem(5)
    _refused(convertible, {}, "cells are convertible")
    _refused(problem, {}, "the steps of sdirk2 follow the heads", SimulateSettings(time=TimeSettings("sdirk2")))
    own = problem.stresses[0]
    assert isinstance(own, GeneralHead)
    stiffer = with_stress(problem, own, GeneralHead(own.cell, own.boundary_head, 2.0 * own.conductance, own.name))
    _refused(problem, {"bed": stiffer}, "bed: .* changes the conductance of general_head")
    softer = replace(problem, barriers=())
    assert problem.barriers
    _refused(problem, {"open": softer}, "open: .* differs from the base in more than rates")
    drained = river_and_well(1.0)
    river = drained.stresses[1]
    assert isinstance(river, River)
    deeper = with_stress(drained, river, River(river.cell, river.stage, river.conductance, river.bottom_elevation - 1.0))
    _refused(drained, {"bed": deeper}, "bed: .* moves the level at which")


def test_a_drain_that_starts_within_a_period_is_refused() -> None:
    grid = plain_grid(n_y=1, n_x=5, bottom=(0.0,), top=20.0)
    wells = Wells(np.array([3]), np.array([0.0]), np.array([50.0]), names=["W1"])
    drain = Drain(np.array([2]), 10.2, 1.0)
    problem = plain_problem(grid, (wells, drain), (FixedHead(np.array([0, 4]), 10.0),), head=10.0)
    slow = AquiferProperties(grid, 0.5, specific_storage=1e-2)
    problem = replace(problem, properties=slow, schedule=Schedule([400.0], n_steps=[40]))
    _refused(problem, {}, "drain in .* passes a bend within period 1")


def test_a_scenario_outside_the_span_is_told() -> None:
    problem = random_problem(11, linear=True)
    groups = groups_of(problem, np.random.default_rng(1))
    wells = {name: group for name, group in groups.items() if name.startswith("well")}
    found = unit_responses(problem, wells)
    assert found.scales_of(groups["recharge"]) == "it is not in the span of the groups."
    assert "more than rates" in str(found.scales_of(replace(problem, barriers=())))
    np.testing.assert_allclose(found.scales_of(problem), np.zeros(len(wells)), atol=1e-15)
    np.testing.assert_allclose(found.scales_of(groups["well 1"]), [0.0, 1.0], atol=1e-12)
    with pytest.raises(ValueError, match="one for each group"):
        found.superpose(np.zeros(5))
    with pytest.raises(ValueError, match="finite"):
        found.superpose(np.full(len(wells), np.nan))


def test_stored_responses_are_those_of_the_same_problem_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(11, linear=True)
    groups = groups_of(problem, np.random.default_rng(1))
    store = ArrayStore(tmp_path)
    first = unit_responses(problem, groups, store=store)
    assert not first.stored
    scales = np.linspace(0.1, 1.0, len(groups))

    def fail(*_: object) -> None:
        raise ConvergenceError("marched")

    with monkeypatch.context() as patch:
        patch.setattr("aquirecover.study.unit_responses.simulate", fail)
        again = unit_responses(random_problem(11, linear=True), groups, store=store)
        assert again.stored
        np.testing.assert_array_equal(again.superpose(scales).head, first.superpose(scales).head)
        other = replace(problem, initial_head=np.nextafter(problem.initial_head, np.inf))
        with pytest.raises(ConvergenceError, match="marched"):
            unit_responses(other, {}, store=store)
        path = store.path(first.key)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ConvergenceError, match="marched"):
            unit_responses(problem, groups, store=store)
    mended = unit_responses(problem, groups, store=store)
    assert not mended.stored
    assert unit_responses(problem, groups, store=store).stored


def test_responses_pay_when_they_save_marches() -> None:
    assert not pays(21, 20)
    assert pays(1000, 20)
