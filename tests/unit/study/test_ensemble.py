"""The factor of a limit up to which rules hold in a realization, and shares of realizations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from aquirecover.errors import ConvergenceError
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import Drain, FixedHead, Wells
from aquirecover.study import ensemble
from aquirecover.study.constraints import Constraints, bounds, join, total
from aquirecover.study.decisions import Decision
from aquirecover.study.ensemble import (
    MOST,
    FactorRange,
    Route,
    factor_range,
    rank_correlations,
    reliable_factor,
    share_band,
    share_that_holds,
)
from aquirecover.study.limits import LimitProblem, Objective
from aquirecover.study.quantities import levels
from small_problems import plain_grid, plain_problem

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))


def _simulate_all(problems: Sequence[Problem]) -> list[FlowResult]:
    return [simulate(problem, TIGHT) for problem in problems]


def _question(rows: Constraints | None = None, lowest: float = 8.0, convertible: bool = False, *more: object) -> LimitProblem:
    """Return a well in the second of five cells, T 60 m²/d, 10 m held at both ends: it draws down 0.0125 m per m³/d."""
    grid = plain_grid(n_y=1, n_x=5, bottom=(0.0,), top=20.0)
    stresses = (Wells(np.array([1]), np.zeros((1, 1)), names=["west"]), *more)
    properties = AquiferProperties(grid, 3.0, convertible=convertible)
    ends = FixedHead(np.array([0, 4]), 10.0)
    problem = plain_problem(grid, stresses, (ends,), head=10.0, schedule=Schedule([1.0], steady=True), properties=properties)
    decision = Decision("west", 0.0, 500.0, np.array([0]), np.array([0]), np.ones(1))
    heads = levels(["west"], np.array([1]), np.array([0]))
    level = bounds(["west"], np.array([0]), "m", lower=lowest)
    held = level if rows is None else join([level, rows])
    return LimitProblem(problem, (decision,), (heads,), held, Objective(np.ones(1)))


def _route(question: LimitProblem, x: float) -> Route:
    return Route(question.decisions, np.array([x]))


@pytest.mark.parametrize("x", [100.0, 160.0, 250.0])
def test_the_factor_that_a_level_allows(x: float) -> None:
    question = _question()
    found = factor_range(question, _route(question, x), _simulate_all)
    assert found.low == 0.0
    assert found.high == pytest.approx(160.0 / x, rel=1e-3)
    assert found.high <= 160.0 / x + 1e-6
    assert found.worst == "west"
    assert found.excess < 0.0
    assert found.runs <= 5


def test_no_factor_beyond_the_largest_is_looked_at() -> None:
    question = _question()
    found = factor_range(question, _route(question, 10.0), _simulate_all)
    assert (found.low, found.high, found.worst) == (0.0, MOST, "")


def test_a_rule_that_nothing_keeps() -> None:
    question = _question(lowest=11.0)
    found = factor_range(question, _route(question, 100.0), _simulate_all)
    assert not found.exists
    assert not found.holds(0.0)
    assert found.worst == "west"
    assert found.excess == pytest.approx(1.0, rel=1e-5)


def test_a_supply_asks_for_a_least_factor() -> None:
    question = _question(total("supply", "m3/d", {0: 1.0}, lower=50.0))
    found = factor_range(question, _route(question, 100.0), _simulate_all)
    assert found.low == pytest.approx(0.5, rel=2e-3)
    assert found.high == pytest.approx(1.6, rel=1e-3)
    assert not found.holds(0.4)
    assert found.holds(0.6)
    too_much = _question(total("supply", "m3/d", {0: 1.0}, lower=200.0))
    assert not factor_range(too_much, _route(too_much, 100.0), _simulate_all).exists


def test_a_water_table_bends_the_way() -> None:
    # k (h1² - h²) / 2 between fixed heads: by bisection of full runs
    question = _question(convertible=True, lowest=7.0)
    route = _route(question, 100.0)
    found = factor_range(question, route, _simulate_all)

    def level(factor: float) -> float:
        evaluator = ensemble.Evaluator(question.problem, question.decisions, question.families, _simulate_all)
        return float(evaluator.outcomes([route.at(factor)])[0].values[0])

    low, high = 0.0, 2.0
    for _ in range(30):
        low, high = (0.5 * (low + high), high) if level(0.5 * (low + high)) >= 7.0 else (low, 0.5 * (low + high))
    assert found.high == pytest.approx(low, rel=1.1e-3)
    assert level(found.high) >= 7.0 - 1e-5


def test_wells_that_cannot_deliver_break_a_rule() -> None:
    # the level asked for lies below the bottom of the aquifer: what ends it is the well that runs dry
    question = _question(convertible=True, lowest=-5.0)
    found = factor_range(question, _route(question, 490.0), _simulate_all)
    assert 0.0 < found.high < 1.0
    assert found.worst == "delivery of the wells"


def test_a_drain_that_switches_off() -> None:
    question = _question(None, 8.0, False, Drain(np.array([2]), np.array([9.5]), np.array([30.0])))
    route = _route(question, 100.0)
    found = factor_range(question, route, _simulate_all)
    heads = simulate(ensemble.Evaluator(question.problem, (), (), _simulate_all).problem, TIGHT)
    assert heads is not None
    assert found.worst == "west"
    assert found.high <= 1.6 + 1e-6
    assert found.high == pytest.approx(1.6, rel=1e-3)


def test_rates_stay_within_their_bounds_and_switches_are_left_alone() -> None:
    one = np.ones(1)
    zero = np.zeros(1, dtype=np.int64)
    decisions = (Decision("a", 5.0, 30.0, zero, zero, one), Decision("b", 0.0, 100.0, zero + 1, zero, one))
    route = Route((*decisions, Decision("open", 0.0, 1.0, integer=True), Decision("room")), np.array([20.0, 40.0, 1.0, 3.0]))
    assert route.at(0.0).tolist() == [5.0, 0.0, 1.0, 0.0]
    assert route.at(0.5).tolist() == [10.0, 20.0, 1.0, 0.0]
    assert route.at(2.0).tolist() == [30.0, 80.0, 1.0, 0.0]


def test_a_search_that_does_not_end_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "MAX_RUNS", 2)
    question = _question(convertible=True)
    with pytest.raises(ConvergenceError, match="not found in 2 runs"):
        factor_range(question, _route(question, 300.0), _simulate_all)


def _range(low: float, high: float) -> FactorRange:
    return FactorRange(low, high, "", 0.0, 3)


NOTHING = _range(np.nan, np.nan)


def test_shares_count_failed_realizations_as_broken() -> None:
    ranges = [_range(0.0, 0.5), _range(0.0, 1.0), _range(0.2, 1.5), NOTHING, None]
    assert share_that_holds(ranges, 0.0) == 0.4
    assert share_that_holds(ranges, 0.5) == 0.6
    assert share_that_holds(ranges, 0.6) == 0.4
    assert share_that_holds(ranges, 1.2) == 0.2
    assert reliable_factor(ranges, 0.6) == 0.5
    assert reliable_factor(ranges, 0.4) == 1.0
    assert reliable_factor(ranges, 0.2) == 1.5
    assert np.isnan(reliable_factor(ranges, 0.8))


def test_the_band_of_a_share_is_that_of_clopper_and_pearson() -> None:
    for seen, n in ((0, 10), (3, 10), (10, 10), (190, 200)):
        expected = stats.binomtest(seen, n).proportion_ci(0.9, method="exact")
        assert share_band(seen / n, n) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_rank_correlations_are_those_of_scipy() -> None:
    random = np.random.default_rng(3)
    samples = np.column_stack([random.normal(size=50), random.integers(0, 4, 50), np.ones(50)])
    result = samples[:, 0] ** 3 + random.integers(0, 3, 50)
    found = rank_correlations(samples, result)
    assert found[:2] == pytest.approx([stats.spearmanr(samples[:, n], result).statistic for n in range(2)])
    assert found[2] == 0.0
