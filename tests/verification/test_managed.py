"""Limits against the answers that GWM-2005 prints for its sample problems; see `managed`."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.study.constraints import join
from aquirecover.study.limits import LimitProblem, LimitSettings, Objective, find_limit
from aquirecover.verification.managed import chance, dewater, dewater_with_switches, maximin, seawater, simulate_all
from aquirecover.verification.managed_basin import drain


def test_dewater_rates_and_shadow_prices() -> None:
    problem, decisions, heads, limits = dewater()
    least = Objective(np.ones(7), maximise=False)
    result = find_limit(LimitProblem(problem, tuple(decisions), (heads,), limits, least), simulate_all)
    expected = np.array([1077.390, 78.23877, 0.0, 768.9506, 0.0, 0.0, 941.0751])
    np.testing.assert_allclose(result.x, expected, rtol=1e-6, atol=1e-6)
    assert result.objective == pytest.approx(2865.655, rel=1e-6)
    # GWM counts the objective over the 1,000 d of the period
    prices = np.zeros(10)
    prices[[0, 2, 5, 9]] = 2.7273e4, 3.2593e4, 3.1185e4, 5.1544e4
    np.testing.assert_allclose(1000.0 * result.row_price, prices, rtol=2e-5, atol=1e-3)
    assert result.gap < 1e-8
    assert result.certificate.excess < 1e-6


def test_dewater_with_switches() -> None:
    question = dewater_with_switches()
    result = find_limit(question, simulate_all)
    np.testing.assert_allclose(result.x[7:], [1, 0, 0, 1, 0, 0, 1])
    np.testing.assert_allclose(result.x[:7], [1242.483, 0.0, 0.0, 694.1515, 0.0, 0.0, 943.2707], rtol=1e-6, atol=1e-6)
    assert result.objective == pytest.approx(57_598.11 + 3 * 2000.0, rel=1e-6)
    # prices at the switches that were found; GWM prints them so too
    prices = dict(zip(question.constraints.names, result.row_price, strict=True))
    assert {name for name, price in prices.items() if name.startswith("b-") and price > 1e-6} == {"b-03", "b-06", "b-10"}
    assert [prices[f"b-{n}"] for n in ("03", "06", "10")] == pytest.approx([1552.1, 485.38, 928.93], rel=2e-5)


def test_maximin() -> None:
    problem, decisions, heads, rows = maximin()
    raised = Objective(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    result = find_limit(LimitProblem(problem, tuple(decisions), (heads,), join(rows), raised), simulate_all)
    np.testing.assert_allclose(result.x, [0.0, 2523.063, 1476.937, 0.0, 0.0, 44.59702], rtol=1e-6, atol=1e-3)


def test_drain_by_sequential_programs() -> None:
    result = find_limit(drain(), simulate_all)
    expected = [15485.98, 14514.02, 0.0, 44514.02, 14514.02, 29514.02, 0.0]
    np.testing.assert_allclose(result.x, expected, rtol=1e-4, atol=1.0)
    assert result.objective == pytest.approx(1_148_849.0, rel=1e-5)
    np.testing.assert_allclose(result.outcome.values, [674_755.3, 238_594.2, 235_500.0], rtol=1e-5)


def test_seawater_with_a_water_table_head_differences_gradients_and_injection() -> None:
    problem, decisions, heads, rows = seawater()
    # GWM took the arithmetic mean of transmissivity between cells (LAYCON 11), here it is the harmonic one: 0.05 % of the total
    # and 6 ft3/d of one well lie between the two, while the same constraints bind
    net = Objective(np.array([1.0] * 5 + [-1.0] * 3))
    result = find_limit(LimitProblem(problem, tuple(decisions), (heads,), join(rows), net), simulate_all)
    expected = [1e4, 3300.918, 0.0, 0.0, 1677.461, 62.93964, 532.1157, 295.5083]
    np.testing.assert_allclose(result.x, expected, rtol=2e-3, atol=0.5)
    assert result.objective == pytest.approx(14087.82, rel=1e-3)
    # GWM prints prices per foot of head difference over the 400 ft of a gradient
    prices = {"gd-06": 5.7711e3, "gd-08": 9.5888e2, "gd-14": 8.0729e3, "gd-18": 1.4636e2, "gd-20": 2.1473e3}
    found = dict(zip(heads.names, result.row_price / 400.0, strict=False))
    assert {name for name in heads.names if found[name] > 1.0} == set(prices)
    assert [found[name] for name in prices] == pytest.approx(list(prices.values()), rel=1e-2)


def test_dewater_with_risk() -> None:
    problem, decisions, heads, limits = dewater()
    neutral = LimitProblem(problem, tuple(decisions), (heads,), limits, Objective(np.ones(7), maximise=False))
    # the benchmark finds standard deviations once, without pumping (opt_recalc_fosm_every 100, one iteration)
    once = LimitSettings(spread_every=0)
    result = find_limit(chance(neutral, 0.95), simulate_all, once)
    assert result.objective == pytest.approx(3712.3, rel=1e-4)
    # printed by PEST++ from differences of 1 % in K, here from the adjoint
    printed = [3.63105, 3.58246, 3.59647, 3.62987, 3.5975, 3.6267, 3.57702, 3.57644, 3.57958, 3.59662]
    np.testing.assert_allclose(result.deviation, printed, rtol=1e-3)
    assert find_limit(chance(neutral, 0.5), simulate_all, once).objective == pytest.approx(2865.655, rel=1e-6)
    # with the printed deviations themselves total, rates and prices come out; its responses are differences of printed heads
    given = find_limit(chance(neutral, 0.95).with_deviations(np.array(printed)), simulate_all)
    assert given.objective == pytest.approx(3712.34, rel=1e-5)
    np.testing.assert_allclose(given.x, [1285.28, 253.753, 0.0, 887.261, 0.0, 0.0, 1286.04], rtol=5e-5, atol=0.02)
    prices = dict(zip(heads.names, given.row_price, strict=True))
    assert [prices[f"b-{n:02d}"] for n in (1, 3, 6, 10)] == pytest.approx([27.2734, 32.5929, 31.1847, 51.5443], rel=1e-5)


def test_dewater_with_risk_at_the_rates_of_the_limit() -> None:
    # pumping makes heads depend more on K: a limit that keeps to the deviations at its own rates pumps more than PEST++'s
    problem, decisions, heads, limits = dewater()
    neutral = LimitProblem(problem, tuple(decisions), (heads,), limits, Objective(np.ones(7), maximise=False))
    question = chance(neutral, 0.95)
    result = find_limit(question, simulate_all)
    _, deviations = question.held_at(result.x)
    np.testing.assert_allclose(result.deviation, deviations, rtol=1e-6)
    margin = 1.6448536 * deviations
    room = 50.0 - result.outcome.values - margin
    assert room.min() == pytest.approx(0.0, abs=1e-4)
    assert 3712.0 < result.objective < 4000.0
