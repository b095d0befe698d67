"""Limit searches on a strip between two fixed heads, whose drawdown is known by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from aquirecover.errors import ConvergenceError
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import Drain, FixedHead, Wells
from aquirecover.study.constraints import bounds, join, total
from aquirecover.study.decisions import Decision, decided, given_rates, rates, well_decision
from aquirecover.study.infeasible import Shortage, explain, sentences
from aquirecover.study.limits import LimitProblem, LimitSettings, Objective, find_limit
from aquirecover.study.linear_program import InfeasibleError, LinearProgram, solve
from aquirecover.study.quantities import HeadSums, levels, outflows
from aquirecover.study.response import Evaluator
from aquirecover.study.trade_off import bisect_factor, fairest, trade_off
from small_problems import plain_grid, plain_problem

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
NONE = np.zeros(0, dtype=np.int64)


def _simulate_all(problems: Sequence[Problem]) -> list[FlowResult]:
    return [simulate(problem, TIGHT) for problem in problems]


def _strip(*more: object, convertible: bool = False, n_period: int = 1, fixed: float = 10.0) -> Problem:
    """Return a row of five cells of 100 m, T 60 m²/d, fixed heads at both ends, two wells in cells 1 and 3, steady periods."""
    grid = plain_grid(n_y=1, n_x=5, bottom=(0.0,), top=20.0)
    wells = Wells(np.array([1, 3]), np.zeros((n_period, 2)), names=["west", "east"])
    ends = FixedHead(np.array([0, 4]), fixed)
    schedule = Schedule(np.ones(n_period), steady=np.ones(n_period, dtype=bool))
    properties = AquiferProperties(grid, 3.0, convertible=convertible)
    return plain_problem(grid, (wells, *more), (ends,), head=fixed, schedule=schedule, properties=properties)


def _each(**more: float) -> tuple[Decision, ...]:
    one = np.ones(1)
    return tuple(Decision(name, 0.0, 500.0, np.array([n]), np.array([0]), one, **more) for n, name in enumerate(("west", "east")))


def test_the_most_that_keeps_a_level() -> None:
    # a well in cell 1 between fixed heads 100 m west and 300 m east: resistance of 1 and 3 cells side by side, 3/4 of 1/60
    problem = _strip()
    heads = levels(["west"], np.array([1]), np.array([0]))
    question = LimitProblem(
        problem, _each()[:1], (heads,), bounds(["west"], np.array([0]), "m", lower=8.0), Objective(np.ones(1))
    )
    result = find_limit(question, _simulate_all)
    assert result.x == pytest.approx([2.0 * 60.0 / 0.75])
    assert result.row_price == pytest.approx([60.0 / 0.75])
    assert result.bound_price == pytest.approx([0.0], abs=1e-9)
    assert result.outcome.values == pytest.approx([8.0])
    assert (result.programs, result.runs) == (1, 4)
    assert result.certificate.worst == result.certificate.raised_worst == "west"


def test_a_bound_that_binds_has_the_price() -> None:
    heads = levels(["west"], np.array([1]), np.array([0]))
    few = (Decision("west", 0.0, 12.0, np.array([0]), np.array([0]), np.ones(1)),)
    result = find_limit(
        LimitProblem(_strip(), few, (heads,), bounds(["west"], np.array([0]), "m", lower=8.0), Objective(np.ones(1))),
        _simulate_all,
    )
    assert result.x == pytest.approx([12.0])
    assert result.bound_price == pytest.approx([1.0])
    assert result.certificate.raised_worst == "upper bound of west"


def test_the_level_in_the_well_counts_its_own_loss() -> None:
    # 0.05 m lower per m³/d than the head of the cell, whose own slope is 0.75 / 60 = 0.0125
    at = np.array([0])
    well = HeadSums(("west",), "m", at, at, at, np.array([1]), np.ones(1), np.zeros(1), at, at, np.array([-0.05]))
    question = LimitProblem(_strip(), _each()[:1], (well,), bounds(["west"], at, "m", lower=8.0), Objective(np.ones(1)))
    assert find_limit(question, _simulate_all).x == pytest.approx([2.0 / 0.0625])


def test_infeasible_and_unbounded_are_said() -> None:
    heads = levels(["west"], np.array([1]), np.array([0]))
    high = LimitProblem(_strip(), _each(), (heads,), bounds(["west"], np.array([0]), "m", lower=11.0), Objective(np.ones(2)))
    with pytest.raises(InfeasibleError, match="no values of the decisions satisfy all constraints"):
        find_limit(high, _simulate_all)
    free = Decision("supply", 0.0)
    with pytest.raises(ConvergenceError, match="can grow without end"):
        find_limit(LimitProblem(_strip(), (free,), (), join([]), Objective(np.ones(1))), _simulate_all)


def test_a_limit_that_cannot_be_delivered_is_refused() -> None:
    # nothing keeps the water table up: the caps alone empty the cell
    caps = tuple(Decision(d.name, 0.0, 1e4, d.well, d.period, d.share) for d in _each())
    question = LimitProblem(_strip(convertible=True), caps, (), join([]), Objective(np.ones(2)))
    with pytest.raises(ConvergenceError, match=r"cannot be delivered: well \w+ falls short by .* %"):
        find_limit(question, _simulate_all)


def test_a_switching_drain_takes_more_than_one_program() -> None:
    problem = _strip(Drain(np.array([2]), 9.0, 30.0))
    heads = levels(["middle"], np.array([2]), np.array([0]))
    flow = outflows(problem, "drain", [np.array([0])], ["drain"], np.array([0]), np.array([0]))
    keep = bounds(["drain"], np.array([1]), "m3/d", lower=5.0)
    lines: list[str] = []
    question = LimitProblem(problem, _each(), (heads, flow), keep, Objective(np.ones(2)))
    result = find_limit(question, _simulate_all, start=np.full(2, 500.0), progress=lines.append)
    assert result.programs > 1
    assert len(lines) == result.programs
    assert result.outcome.values[1] == pytest.approx(5.0, abs=1e-6)
    assert result.outcome.values[0] == pytest.approx(9.0 + 5.0 / 30.0, abs=1e-6)


def test_a_search_that_does_not_settle_fails() -> None:
    problem = _strip(Drain(np.array([2]), 9.0, 30.0))
    question = LimitProblem(problem, _each(), (), join([]), Objective(np.ones(2)))
    with pytest.raises(ConvergenceError, match="did not settle in 1 programs"):
        find_limit(question, _simulate_all, LimitSettings(max_programs=1))


def test_objective_of_quantities_and_sums_of_decisions() -> None:
    # share 100 m³/d so that the lower of both heads is highest: by symmetry half each
    heads = levels(["west", "east"], np.array([1, 3]), np.array([0, 0]))
    level = Decision("level", -100.0, 100.0)
    rows = join(
        [
            total("demand", "m3/d", {0: 1.0, 1: 1.0}, lower=100.0, upper=100.0),
            total("west above", "m", {2: -1.0}, {0: 1.0}, lower=0.0),
            total("east above", "m", {2: -1.0}, {1: 1.0}, lower=0.0),
        ]
    )
    result = find_limit(
        LimitProblem(_strip(), (*_each(), level), (heads,), rows, Objective(np.array([0.0, 0.0, 1.0]))), _simulate_all
    )
    assert result.x[:2] == pytest.approx([50.0, 50.0])
    # two wells of Q draw both cells down by Q / 60 each: no flow between them, 100 m to either end
    assert result.x[2] == pytest.approx(10.0 - 50.0 / 60.0)


def test_rates_of_decisions_replace_those_of_the_problem() -> None:
    problem = _strip(n_period=3)
    wells = problem.stresses[0].with_rates(np.full((3, 2), 7.0))
    problem = plain_problem(problem.grid, (wells,), problem.fixed_heads, schedule=problem.schedule)
    later = well_decision(problem, ["east"], [1, 2], "east later", upper=10.0)
    assert later.upper == 10.0
    net = rates(problem, [later], np.array([3.0]))
    np.testing.assert_array_equal(net, [[7.0, 7.0], [7.0, 3.0], [7.0, 3.0]])
    put_in = Decision("east in", 0.0, 10.0, np.array([1]), np.array([0]), np.array([-1.0]))
    assert decided(problem, [put_in], np.array([2.0])).wells[0].injection_rate[0, 1] == 2.0
    np.testing.assert_array_equal(given_rates(decided(problem, [put_in], np.array([2.0])))[0], [7.0, -2.0])


def test_response_stays_within_the_bounds_of_a_nonlinear_model() -> None:
    seen: list[np.ndarray] = []

    def run(problems: Sequence[Problem]) -> list[FlowResult]:
        seen.extend(problem.wells[0].pumping_rate for problem in problems)
        return _simulate_all(problems)

    decisions = tuple(Decision(d.name, 0.0, 20.0, d.well, d.period, d.share) for d in _each())
    heads = levels(["west"], np.array([1]), np.array([0]))
    evaluator = Evaluator(_strip(convertible=True), decisions, (heads,), run)
    assert not evaluator.linear
    evaluator.response(np.full(2, 20.0))
    assert max(rate.max() for rate in seen) == 20.0


def test_rows_that_cannot_bind_are_left_out_without_changing_the_answer() -> None:
    random = np.random.default_rng(5)
    matrix = random.uniform(0.1, 1.0, (9000, 4))
    side = random.uniform(1.0, 2.0, 9000)
    none = np.full(9000, -np.inf)
    zeros, many = np.zeros(4), np.full(4, np.inf)
    solution = solve(LinearProgram(np.ones(4), matrix, none, side, zeros, many, np.zeros(4, dtype=bool)))
    assert (matrix @ solution.x - side).max() < 1e-9
    # strong duality over all rows: the prices prove that no better values exist
    assert solution.row_price @ side == pytest.approx(solution.value, rel=1e-9)
    assert (matrix.T @ solution.row_price >= 1.0 - 1e-9).all()


def test_decisions_must_make_sense() -> None:
    with pytest.raises(ValueError, match="the lower bound 2 is above the upper one 1"):
        Decision("a", 2.0, 1.0)
    with pytest.raises(ValueError, match="must be the same"):
        Decision("a", well=np.array([1]))


def _west_above(level: float, other: float = 0.0) -> LimitProblem:
    """Return the search for the most of the western well over a level there, while the eastern one pumps on."""
    problem = _strip()
    wells = problem.stresses[0].with_rates(np.array([[0.0, other]]))
    problem = plain_problem(problem.grid, (wells,), problem.fixed_heads, schedule=problem.schedule, properties=problem.properties)
    heads = levels(["west"], np.array([1]), np.array([0]))
    return LimitProblem(problem, _each()[:1], (heads,), bounds(["west"], np.array([0]), "m", lower=level), Objective(np.ones(1)))


def test_infeasible_in_words() -> None:
    # 60 m³/d in the east draw the west down by 60 / 60 × 1/4 = 0.25 m
    (shortage,) = explain(_west_above(9.9, other=60.0), _simulate_all)
    assert shortage.shortage == pytest.approx(0.15)
    expected = "west: 0.15 m below its limit even with no pumping at all; without the neighbours' pumping it would hold."
    assert str(shortage) == expected
    (shortage,) = explain(_west_above(10.5), _simulate_all)
    assert str(shortage) == "west: 0.5 m below its limit even with no pumping at all, whatever the neighbours pump."
    (shortage,) = explain(_west_above(10.5, other=60.0), _simulate_all)
    expected = "0.75 m below its limit even with no pumping at all, and 0.5 m without the neighbours' pumping too."
    assert shortage.told() == expected
    demand = total("demand", "m3/d", {0: 1.0}, lower=400.0)
    question = _west_above(8.0)
    both = explain(replace(question, constraints=join([question.constraints, demand])), _simulate_all)
    # 400 m³/d draw down by 5 m
    assert sentences(both) == "West: 3 m below its limit together with the other rules; with no pumping at all it would hold."
    assert explain(question, _simulate_all) == []


def test_infeasible_places_are_told_once_most_severe_first() -> None:
    shortages = [
        Shortage(n, f"row {n}", "m", False, amount, amount, 0.0) for n, amount in ((2, 0.7), (1, 0.5), (4, 0.2), (0, 0.1))
    ]
    place = ["well Q.158, qp2", "well Q.158, qp2", "well Q.158, qp2", "", "coast"]
    date = ["2033-05", "2033-11", "2034-05", "", ""]
    lines = sentences(shortages, place, date).splitlines()
    assert lines == [
        "Well Q.158, qp2, 2034-05 (short on 3 dates from 2033-05 to 2034-05): 0.7 m below its limit even with no pumping at "
        "all; without the neighbours' pumping it would hold.",
        "Coast: 0.2 m below its limit even with no pumping at all; without the neighbours' pumping it would hold.",
    ]
    assert sentences(shortages, place, date, most=1).endswith("\n… and 1 more place.")
    assert sentences(shortages, most=1).endswith("\n… and 3 more places.")


def test_trade_off_curve() -> None:
    curve = trade_off(_west_above(8.0), np.array([0]), [9.0, 8.0, 11.0, 6.0], _simulate_all)
    assert [None if point is None else round(point.objective, 6) for point in curve] == [80.0, 160.0, None, 320.0]
    # the response of a linear model is found once
    assert [point.runs for point in curve if point is not None] == [4, 2, 2]


def test_fairest_room() -> None:
    # 100 m³/d shared so that the least room over a level of 5 m in the west and 6 m in the east is largest
    heads = levels(["west", "east"], np.array([1, 3]), np.array([0, 0]))
    demand = total("demand", "m3/d", {0: 1.0, 1: 1.0}, lower=100.0, upper=100.0)
    rows = join([bounds(heads.names, np.arange(2), "m", lower=np.array([5.0, 6.0])), demand])
    question = LimitProblem(_strip(), _each(), (heads,), rows, Objective(np.ones(2)))
    result = find_limit(fairest(question, np.arange(2)), _simulate_all)
    # drawdowns (3 w + e) / 240 and (w + 3 e) / 240: all from the west leaves 5 − 1.25 there and 4 − 0.42 in the east
    assert result.x[:2] == pytest.approx([100.0, 0.0])
    assert result.x[2] == pytest.approx(4.0 - 100.0 / 240.0)


def test_one_factor_by_bisection() -> None:
    steps = bisect_factor(_west_above(8.0), np.array([100.0]), _simulate_all)
    assert steps[-1].factor == pytest.approx(1.6, abs=1e-4)
    assert steps[-1].excess <= 0.0
    assert [step.factor for step in steps[:4]] == [0.0, 10.0, 5.0, 2.5]
    with pytest.raises(ConvergenceError, match="west does not hold even when nothing is pumped"):
        bisect_factor(_west_above(10.5), np.array([100.0]), _simulate_all)
