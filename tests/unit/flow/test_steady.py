"""Equilibria and recovery times by moments against plain algebra and fine time steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from aquirecover.errors import ConfigError
from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.steady import recovery_times, solve_steady
from aquirecover.flow.stresses import FixedHead, GeneralHead, Recharge, Wells
from small_problems import plain_grid, plain_problem, random_problem


def _leaky(n: int = 8, convertible: bool = False, schedule: Schedule | None = None) -> Problem:
    """Two aquifers of 1 km cells about a clay; the upper one is tied to a river along the west; three wells below, then none."""
    grid = plain_grid(n, n, bottom=(-15.0, -25.0, -65.0), top=5.0, size=1000.0)
    properties = AquiferProperties(
        grid,
        [8.0, 1e-3, 25.0],
        specific_storage=[5e-3, 1e-4, 2e-5],
        specific_yield=0.1,
        convertible=[convertible, False, False],
    )
    wells = Wells(grid.cell(2, [2, 4, 6], [3, 5, 4]), [[1500.0] * 3, [0.0] * 3])
    west = GeneralHead(grid.cell(0, np.arange(n), 0), 2.0, 400.0)
    rain = Recharge(np.arange(n * n), 5e-5)
    return plain_problem(grid, [wells, west, rain], properties=properties, head=2.0, schedule=schedule or Schedule([1.0, 1.0]))


@pytest.mark.parametrize("convertible", [True, False])
def test_equilibrium_is_a_steady_period(convertible: bool) -> None:
    problem = _leaky(convertible=convertible)
    steady = replace(problem, schedule=Schedule([0.0, 0.0], steady=True))
    heads = simulate(steady).head
    for period in (0, 1):
        np.testing.assert_allclose(solve_steady(problem, period), heads[period], atol=1e-6)
    np.testing.assert_array_equal(solve_steady(problem, -1), solve_steady(problem, 1))


def test_equilibrium_is_missing_outside_active_cells() -> None:
    problem = random_problem(2)
    np.testing.assert_array_equal(np.isfinite(solve_steady(problem, 1)), problem.grid.active)


def test_equilibrium_of_a_problem_without_a_level_is_refused() -> None:
    problem = plain_problem(plain_grid(2, 2), [Recharge([0], 1e-3)])
    for ask in (lambda: solve_steady(problem, 0), lambda: recovery_times(problem, problem.initial_head, 0)):
        with pytest.raises(ConfigError, match="the head is not determined"):
            ask()


def _exact(problem: Problem, start: np.ndarray, fractions: tuple[float, ...]) -> np.ndarray:
    """Return the times after which ``exp(−t S⁻¹ A)`` has left less than ``1 − p`` of the change in each cell, d."""
    end = solve_steady(problem, 1)
    system = FlowSystem(problem)
    state = system.state(end)
    matrix = system.matrix(system.balance(state, Interval(1, np.inf, state))).to_sparse().toarray()
    storage = system.storage_flow(state, Interval(1, 1.0, state))[1].ravel()
    change = (start - end).ravel()
    step = 100.0
    decay = expm(-step * matrix / storage[:, None])
    times = np.zeros((len(fractions), change.size))
    now, time = change.copy(), 0.0
    while (np.abs(now) > (1.0 - max(fractions)) * np.abs(change)).any():
        before, now, time = now, decay @ now, time + step
        for row, fraction in enumerate(fractions):
            limit = (1.0 - fraction) * np.abs(change)
            crosses = (np.abs(before) > limit) & (np.abs(now) <= limit)
            share = np.log(np.abs(before[crosses]) / limit[crosses]) / np.log(np.abs(before[crosses]) / np.abs(now[crosses]))
            times[row, crosses] = time - step + step * share
    return times.reshape(len(fractions), *start.shape)


def test_moments_of_one_cell_are_exact() -> None:
    grid = plain_grid(1, 1, bottom=(0.0,))
    problem = plain_problem(grid, [GeneralHead([0], 10.0, 0.5)])
    times, end = recovery_times(problem, np.full(grid.shape, 4.0), 0, (0.5, 0.9, 0.99))
    assert end.item() == pytest.approx(10.0)
    # S = 2 m², C = 0.5 m²/d: one decay of 4 d
    np.testing.assert_allclose(times.ravel(), 4.0 * np.log([2.0, 10.0, 100.0]), rtol=1e-8)


def test_moments_against_the_exponential_of_the_matrix() -> None:
    problem = _leaky(7)
    start = solve_steady(problem, 0)
    found, end = recovery_times(problem, start, 1, (0.9, 0.99))
    assert (end - start).min() > 0.05
    exact = _exact(problem, start, (0.9, 0.99))
    assert exact.min() > 200.0
    error = np.abs(found / exact - 1.0)
    assert error.max() < 1e-3


def test_moments_against_fine_steps() -> None:
    problem = _leaky()
    start = solve_steady(problem, 0)
    found, end = recovery_times(problem, start, 1)
    step = 100.0
    marching = replace(problem, schedule=Schedule([1e-6, 40_000.0], [1, 400], save_step=True), initial_head=start)
    heads = simulate(marching).head
    recovered = (heads - start) / (end - start)
    for number, fraction in enumerate((0.9, 0.99)):
        first = np.argmax(recovered >= fraction, axis=0)
        assert (first > 10).all()
        above, below = (np.take_along_axis(recovered, n[None], axis=0)[0] for n in (first, first - 1))
        times = step * (first - 1 + (fraction - below) / (above - below))
        error = np.abs(found[number] / times - 1.0)
        assert error.max() < 0.01


def test_cells_that_do_not_change_have_no_time() -> None:
    problem = _leaky(7)
    start = solve_steady(problem, 0)
    end = solve_steady(problem, 1)
    start[0, 0, 0] = end[0, 0, 0] - 5e-4
    found, _ = recovery_times(problem, start, 1)
    assert np.isnan(found[:, 0, 0, 0]).all()
    assert np.isfinite(found[:, 2]).all()
    nothing, _ = recovery_times(problem, end, 1)
    assert np.isnan(nothing).all()


def test_fixed_and_inactive_cells_have_no_time() -> None:
    problem = random_problem(5, convertible=False)
    fixed = problem.fixed_heads[0].cell
    found, end = recovery_times(problem, solve_steady(problem, 0), 1)
    assert np.isnan(found.reshape(2, -1)[:, fixed]).all()
    assert np.isnan(found[:, ~problem.grid.active]).all()
    assert np.isnan(end[~problem.grid.active]).all()
    assert isinstance(problem.fixed_heads[0], FixedHead)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 1.5, np.nan])
def test_fractions_lie_between_nought_and_one(fraction: float) -> None:
    problem = _leaky(7)
    with pytest.raises(ValueError, match="each must lie between 0 and 1"):
        recovery_times(problem, problem.initial_head, 1, (0.9, fraction))


@pytest.mark.parametrize("period", [2, -3])
def test_a_period_that_is_not_there(period: int) -> None:
    problem = _leaky(7)
    for ask in (solve_steady, lambda p, n: recovery_times(p, p.initial_head, n)):
        with pytest.raises(ValueError, match=f"period = {period}: the schedule has 2"):
            ask(problem, period)
