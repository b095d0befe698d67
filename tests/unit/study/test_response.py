"""Responses by every way: differences, superposition in time, backward sweeps, and from a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aquirecover.flow.adjoint import SensitivitySettings
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import Drain, FixedHead, GeneralHead, Wells
from aquirecover.output.array_store import ArrayStore
from aquirecover.study.constraints import bounds
from aquirecover.study.decisions import Decision
from aquirecover.study.limits import LimitProblem, Objective, find_limit
from aquirecover.study.quantities import HeadSums, Quantities, levels, outflows
from aquirecover.study.response import Evaluator, Simulator
from aquirecover.study.time_shift import representatives, time_invariant
from random_problems import random_problem
from small_problems import plain_grid, plain_problem

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
ADJOINT = SensitivitySettings(TIGHT, tolerance=1e-12)


def _run(problems: Sequence[Problem]) -> list[FlowResult]:
    return [simulate(problem, TIGHT) for problem in problems]


def _decisions(problem: Problem) -> tuple[Decision, ...]:
    """Return a decision for each well and period, one of which shares two wells, and one that injects."""
    n_well = len(problem.wells[0].names)
    found = [
        Decision(f"{well} {period}", 0.0, 30.0, np.array([well]), np.array([period]), np.ones(1))
        for well in range(n_well)
        for period in range(problem.schedule.n_period)
    ]
    both = Decision("both", 0.0, 20.0, np.array([0, 1]), np.array([1, 1]), np.array([0.3, 0.7]))
    return (
        *found[1:],
        both,
        Decision("in", 0.0, 9.0, np.array([0]), np.array([0]), np.array([-1.0])),
        Decision("switch", 0.0, 1.0),
    )


def _families(problem: Problem) -> tuple[Quantities, ...]:
    """Return the level in a well with its own loss, a difference, and the flow into a general head."""
    n_step, cell = problem.schedule.n_step, problem.wells[0].cell
    level = replace(
        levels(["level"], cell[:1], np.array([n_step - 1])),
        rate_row=np.array([0]),
        rate_well=np.array([0]),
        rate_coefficient=np.array([-0.05]),
    )
    difference = HeadSums(
        ("difference",),
        "m",
        np.array([n_step - 2]),
        np.array([0, 0]),
        np.array([n_step - 2, 0]),
        cell[:2],
        np.array([1.0, -1.0]),
        np.array([3.0]),
    )
    name = next(stress.name for stress in problem.stresses if isinstance(stress, (Drain, GeneralHead)))
    out = outflows(problem, name, [np.array([0])], ["out"], np.array([1]), np.array([n_step - 1]))
    return level, difference, out


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("linear", [True, False])
def test_a_backward_sweep_finds_what_differences_find(seed: int, linear: bool) -> None:
    problem = random_problem(seed, linear=linear)
    decisions, families = _decisions(problem), _families(problem)
    # where the rates are the flow has no bend, and a step is small enough not to meet one
    x = np.array([7.0 + 0.1 * n for n in range(len(decisions) - 1)] + [0.0])
    forward = Evaluator(problem, decisions, families, _run)
    backward = Evaluator(problem, decisions, families, Simulator(_run, ADJOINT))
    found = backward.response(x)
    assert backward.runs == 1
    if linear:
        expected = forward.response(x).slope
        assert forward.runs == len(decisions)
        np.testing.assert_allclose(found.slope, expected, rtol=0.0, atol=1e-9 * np.abs(expected).max())
    else:
        expected = _central(forward, x)
        np.testing.assert_allclose(found.slope, expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(found.outcome.values, forward.outcomes([x])[0].values, rtol=0.0, atol=1e-9)
    # a switch is felt by no aquifer
    assert not found.slope[:, -1].any()


def _central(evaluator: Evaluator, x: FloatArray, step: float = 1e-3) -> FloatArray:
    columns = []
    for n in range(x.size):
        unit = step * (np.arange(x.size) == n)
        above, below = evaluator.outcomes([x + unit, x - unit])
        columns.append((above.values - below.values) / (2.0 * step))
    return np.stack(columns, axis=1)


def test_fewer_decisions_than_quantities_are_found_forwards() -> None:
    problem = random_problem(3, linear=True)
    evaluator = Evaluator(problem, _decisions(problem)[:2], _families(problem), Simulator(_run, ADJOINT))
    evaluator.response(np.zeros(2))
    assert evaluator.runs == 3


def _monthly(*more: object, n_period: int = 5) -> Problem:
    """Return a strip of five cells between fixed heads, months of three growing steps, and two wells."""
    grid = plain_grid(n_y=1, n_x=5, bottom=(0.0,), top=20.0)
    wells = Wells(np.array([1, 3]), np.full((n_period, 2), 3.0), names=["west", "east"])
    coast = GeneralHead(np.array([2]), 9.0, 5.0)
    schedule = Schedule(np.full(n_period, 30.0), n_steps=3, step_multiplier=1.5)
    problem = plain_problem(grid, (wells, coast, *more), (FixedHead(np.array([0, 4]), 10.0),), head=8.0, schedule=schedule)
    return replace(problem, properties=AquiferProperties(grid, 3.0, specific_storage=1e-3))


def _each_month(problem: Problem) -> tuple[Decision, ...]:
    return tuple(
        Decision(f"{well} {period}", 0.0, 30.0 + period, np.array([well]), np.array([period]), np.ones(1))
        for well in range(2)
        for period in range(problem.schedule.n_period)
    )


def test_one_run_a_well_serves_all_months() -> None:
    problem = _monthly()
    decisions, families = _each_month(problem), _families(problem)
    evaluator = Evaluator(problem, decisions, families, _run)
    x = np.linspace(0.0, 9.0, len(decisions))
    found = evaluator.response(x)
    assert evaluator.runs == 3
    np.testing.assert_allclose(found.slope, _central(evaluator, x, 1.0), rtol=0.0, atol=1e-11)


def test_months_that_differ_are_not_shifted() -> None:
    problem = _monthly()
    decisions = _each_month(problem)
    assert time_invariant(problem)
    assert [len(members) for members in representatives(problem, decisions).values()] == [5, 5]
    uneven = replace(problem, schedule=Schedule([30.0, 30.0, 31.0, 30.0, 30.0], n_steps=3, step_multiplier=1.5))
    flooded = replace(problem, stresses=(problem.stresses[0], GeneralHead(np.array([2]), 9.0, np.linspace(1.0, 5.0, 5)[:, None])))
    steady = replace(problem, schedule=Schedule(np.full(5, 30.0), n_steps=3, step_multiplier=1.5, steady=[1, 0, 0, 0, 0]))
    for other in (uneven, flooded, steady):
        assert not time_invariant(other)
        evaluator = Evaluator(other, decisions, _families(other), _run)
        x = np.linspace(0.0, 9.0, len(decisions))
        found = evaluator.response(x)
        assert evaluator.runs == len(decisions) + 1
        np.testing.assert_allclose(found.slope, _central(evaluator, x, 1.0), rtol=0.0, atol=1e-11)


class StoppedError(Exception):
    """A search was stopped."""


class _Counting:
    """Runs problems one after another, stops at a number of them, and counts."""

    def __init__(self, stop: float = np.inf) -> None:
        self.runs, self.stop = 0, stop

    def __call__(self, problems: Sequence[Problem]) -> Iterator[FlowResult]:
        for problem in problems:
            if self.runs >= self.stop:
                raise StoppedError
            self.runs += 1
            yield simulate(problem, TIGHT)


def _question(convertible: bool) -> LimitProblem:
    problem = _monthly(Drain(np.array([2]), 8.5, 3.0))
    if convertible:
        properties = AquiferProperties(problem.grid, 3.0, specific_storage=1e-3, specific_yield=0.1, convertible=True)
        problem = replace(problem, properties=properties)
    decisions = _each_month(problem)[::2]
    steps = np.arange(problem.schedule.n_step)
    heads = levels([f"west {n}" for n in steps], np.full(steps.size, 1), steps)
    rule = bounds(heads.names, steps, "m", lower=7.0)
    return LimitProblem(problem, decisions, (heads,), rule, Objective(np.ones(len(decisions))))


@pytest.mark.parametrize("convertible", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 0.95])
def test_a_search_that_was_interrupted_goes_on_to_the_same_bits(tmp_path: Path, convertible: bool, share: float) -> None:
    question, whole = _question(convertible), _Counting()
    expected = find_limit(question, Simulator(whole, ADJOINT, ArrayStore(tmp_path / "whole"), "tight"))
    assert not convertible or expected.programs > 2
    store = ArrayStore(tmp_path / "interrupted")
    first = _Counting(int(share * whole.runs))
    with pytest.raises(StoppedError):
        find_limit(question, Simulator(first, ADJOINT, store, "tight"))
    second = _Counting()
    found = find_limit(question, Simulator(second, ADJOINT, store, "tight"))
    for name in ("x", "row_price", "bound_price"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_array_equal(found.outcome.values, expected.outcome.values)
    np.testing.assert_array_equal(found.response.slope, expected.response.slope)
    assert repr(found.certificate) == repr(expected.certificate)
    assert (found.runs, found.programs) == (expected.runs, expected.programs)
    if convertible:
        # nothing that had ended is run again
        assert first.runs + second.runs == whole.runs
    again = _Counting()
    find_limit(question, Simulator(again, ADJOINT, store, "tight"))
    assert again.runs == 0


def test_what_is_stored_serves_no_other_problem(tmp_path: Path) -> None:
    question, store = _question(True), ArrayStore(tmp_path)
    find_limit(question, Simulator(_Counting(), None, store, "tight"))
    problem = question.problem
    warmer = replace(problem, initial_head=np.nextafter(problem.initial_head, np.inf))
    others = [
        (replace(question, problem=warmer), "tight"),
        (question, "loose"),
        (replace(question, families=(levels(question.families[0].names, np.full(15, 3), question.families[0].step),)), "tight"),
    ]
    for other, about in others:
        counting = _Counting(0)
        with pytest.raises(StoppedError):
            find_limit(other, Simulator(counting, None, store, about))


def test_a_damaged_file_is_run_again(tmp_path: Path) -> None:
    question, store = _question(True), ArrayStore(tmp_path)
    expected = find_limit(question, Simulator(_Counting(), None, store, "tight"))
    paths = sorted(tmp_path.iterdir())
    paths[0].write_bytes(paths[0].read_bytes()[:-20])
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 3] ^= 0xFF
    paths[1].write_bytes(content)
    counting = _Counting()
    found = find_limit(question, Simulator(counting, None, store, "tight"))
    assert 1 <= counting.runs <= 2
    np.testing.assert_array_equal(found.x, expected.x)


def test_a_linear_model_stands_in_at_first() -> None:
    question = _question(True)
    by_runs, by_both = find_limit(question, _run), find_limit(question, Simulator(_run, ADJOINT))
    assert by_both.runs < by_runs.runs
    assert by_both.objective == pytest.approx(by_runs.objective, rel=1e-7)
    np.testing.assert_allclose(by_both.row_price, by_runs.row_price, rtol=1e-3, atol=1e-6)
    evaluator = Evaluator(question.problem, question.decisions, question.families, Simulator(_run, ADJOINT))
    x = by_runs.x
    plain = Evaluator(question.problem, question.decisions, question.families, _run)
    rough, exact = evaluator.rough_response(x), plain.response(x)
    assert rough is not None
    np.testing.assert_array_equal(rough.outcome.values, exact.outcome.values)
    np.testing.assert_allclose(rough.slope, exact.slope, rtol=0.0, atol=0.1 * np.abs(exact.slope).max())
    # confined, or without leave to look inside the simulator, there is none
    assert plain.rough_response(x) is None
    confined = _question(False)
    assert Evaluator(confined.problem, confined.decisions, confined.families, Simulator(_run, ADJOINT)).rough_response(x) is None


@pytest.mark.parametrize("convertible", [True, False])
def test_limits_by_sweeps_are_those_by_runs(convertible: bool) -> None:
    question = _question(convertible)
    # levels at the last two steps alone: fewer than decisions
    heads = levels(["west 13", "west 14"], np.full(2, 1), np.array([13, 14]))
    question = replace(question, families=(heads,), constraints=bounds(heads.names, np.arange(2), "m", lower=6.0))
    forward = find_limit(question, _run)
    backward = find_limit(question, Simulator(_run, ADJOINT))
    assert backward.runs < forward.runs
    assert backward.objective == pytest.approx(forward.objective, rel=1e-7)
    np.testing.assert_allclose(backward.row_price, forward.row_price, rtol=1e-3, atol=1e-9)
