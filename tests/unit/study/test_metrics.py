"""Measures of recovery on series whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.flow.simulate import simulate
from aquirecover.study import metrics
from random_problems import random_problem, seeds


def test_fraction_is_masked_where_nothing_changes() -> None:
    residual = np.array([[2.0, 0.01, -1.0], [1.0, 0.0, -0.25]])
    found = metrics.recovery_fraction(residual, residual[0], 0.05)
    assert found == pytest.approx(np.array([[0.0, np.nan, 0.0], [0.5, np.nan, 0.75]]), nan_ok=True)


def test_time_to_recovery_interpolates() -> None:
    time = np.array([0.0, 10.0, 20.0, 40.0])
    found = metrics.time_to_recovery(time, np.array([[0.0], [0.4], [0.6], [1.0]]), (0.5, 0.9))
    assert found[:, 0] == pytest.approx([15.0, 35.0])


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        ([0.0, 0.6, 0.4, 0.8], 32.0 - 7.0),  # falls back below, so the second crossing counts
        ([0.0, 0.2, 0.3, 0.4], np.nan),  # never
        ([0.0, 0.6, 0.7, 0.4], np.nan),  # not kept
        ([0.6, 0.7, 0.7, 0.8], 0.0),  # from the start
        ([0.0, np.nan, 0.7, 0.8], np.nan),  # unknown
    ],
)
def test_time_to_recovery_must_be_kept(fraction: list[float], expected: float) -> None:
    time = np.array([0.0, 10.0, 20.0, 40.0])
    assert metrics.time_to_recovery(time, np.array(fraction), (0.5,)) == pytest.approx(np.array([expected]), nan_ok=True)


def test_time_to_recovery_of_an_exponential() -> None:
    time = np.linspace(0.0, 100.0, 2001)
    scale = np.array([[5.0, 10.0], [20.0, 7.0]])
    fraction = 1.0 - np.exp(-time[:, None, None] / scale)
    found = metrics.time_to_recovery(time, fraction, (0.5, 0.9))
    assert found == pytest.approx(np.stack([scale * np.log(2.0), scale * np.log(10.0)]), rel=1e-4)


def test_rates_over_horizons() -> None:
    time, head = np.array([0.0, 100.0, 400.0]), np.array([[1.0, 0.0], [2.0, 0.0], [5.0, 0.0]])
    rates = metrics.recovery_rate(time, head, (50.0, 250.0, 500.0))
    assert rates[:, 0] == pytest.approx([0.01, 0.01, np.nan, 0.01], nan_ok=True)
    assert rates[3, 1] == 0.0


def test_a_horizon_of_five_calendar_years_is_reached() -> None:
    time, head = np.array([0.0, 1000.0, 1826.0]), np.array([[1.0], [2.0], [5.0]])  # 5 x 365.25 d are 1826.25 d
    rates = metrics.recovery_rate(time, head, (5 * DAYS_PER_YEAR, 1830.0))
    assert rates[:, 0] == pytest.approx([4.0 / 1826.0, np.nan, 4.0 / 1826.0], nan_ok=True)


def test_year_weights_remove_a_season_and_keep_a_line() -> None:
    start, step = 730.0, DAYS_PER_YEAR / 24.0
    time = start + step * np.arange(-30, 60)
    year, weight, centre = metrics.year_weights(time, start)
    assert year.tolist() == [-1.0, 0.0, 1.0]
    assert weight.sum(axis=1) == pytest.approx(1.0)
    line = 3.0 + 0.01 * time
    season = np.sin(2.0 * np.pi * time / DAYS_PER_YEAR)
    assert metrics.yearly_mean(line + season, weight) == pytest.approx(3.0 + 0.01 * centre, abs=1e-10)
    assert centre == pytest.approx(start + DAYS_PER_YEAR * (year + 0.5) + 0.5 * step)
    assert metrics.yearly_low(season[:, None], weight) == pytest.approx(-1.0, abs=0.01)


def test_years_that_are_not_full_are_left_out() -> None:
    time = np.array([0.0, 100.0, 200.0, 300.0])
    year, weight, _ = metrics.year_weights(time, 0.0)
    assert year.size == 0
    assert metrics.yearly_low(time, weight).shape == (0,)
    assert metrics.yearly_mean(np.ones((4, 3)), weight).shape == (0, 3)


def test_cumulative_volume() -> None:
    rate = np.array([[1.0, -2.0], [3.0, 0.0]])
    found = metrics.cumulative_volume(rate, np.array([10.0, 20.0]), np.array([10.0, 30.0]), np.array([0.0, 5.0, 20.0, 99.0]))
    assert found == pytest.approx(np.array([[0.0, 0.0], [5.0, -10.0], [40.0, -20.0], [70.0, -20.0]]))


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(seeds)
def test_stored_volume_is_what_the_budget_books(seed: int) -> None:
    problem = replace(random_problem(seed), fixed_heads=())
    result = simulate(problem)
    initial = np.where(problem.grid.active, problem.initial_head, np.nan)
    stored = [np.nansum(metrics.stored_volume(problem, head)) for head in (initial, *result.head)]
    booked = (result.budget.outflow - result.budget.inflow)[:, 0] * problem.schedule.step_length
    # the simulator smooths saturation over a millionth of the thickness
    scale = (result.budget.inflow.sum(axis=1) * problem.schedule.step_length).max()
    assert np.diff(stored) == pytest.approx(booked, abs=1e-4 * scale)
