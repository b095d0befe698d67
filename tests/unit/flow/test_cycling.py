"""Cycles that balance water-table models without a Newton matrix, against Newton's method and against the equations."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings, StepSolver
from aquirecover.flow.relaxation import Relaxation
from aquirecover.flow.secants import Secants
from small_problems import random_problem


@pytest.mark.parametrize("seed", range(6))
def test_cycles_and_newton_agree(seed: int) -> None:
    system = FlowSystem(random_problem(seed))
    start = system.initial_state()
    interval = Interval(1, 5.0, start)
    exact = NewtonSettings(tolerance=1e-12)
    by_cycles, by_newton = (StepSolver(system, exact, LinearSettings()) for _ in range(2))
    by_newton._cycles = None
    found, expected = (solver.solve(start.head, interval) for solver in (by_cycles, by_newton))
    np.testing.assert_allclose(found.state.head, expected.state.head, rtol=0.0, atol=1e-8)
    # every iteration takes one cycle: Newton's method was not needed
    assert found.inner == found.outer


def test_newton_takes_over_where_cycles_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    system = FlowSystem(random_problem(1))
    start = system.initial_state()
    interval = Interval(1, 5.0, start)
    expected = StepSolver(system, NewtonSettings(), LinearSettings()).solve(start.head, interval)
    solver = StepSolver(system, NewtonSettings(), LinearSettings())
    assert solver._cycles is not None
    # a preconditioner that moves nothing
    monkeypatch.setattr(solver._cycles, "_solve", lambda hierarchy, enough: None)
    found = solver.solve(start.head, interval)
    np.testing.assert_allclose(found.state.head, expected.state.head, rtol=0.0, atol=1e-6)
    assert found.inner > found.outer


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dt", [5.0, np.inf])
def test_relaxed_cells_are_in_balance(seed: int, dt: float) -> None:
    system = FlowSystem(random_problem(seed))
    start = system.initial_state()
    interval = Interval(1, dt, start)
    before = np.abs(system.balance(start, interval).residual)
    state = system.state(start.head.copy())
    Relaxation(system).sweep(state, interval, 1)
    after = np.abs(system.balance(state, interval).residual)
    cells = system.cells.convertible.reshape(system.shape) & system.unknown
    layer = int(np.flatnonzero(cells.any(axis=(1, 2)))[-1])
    # the cells that were relaxed last: nothing about them has changed since; saturation bends their equation a little
    last = cells[layer] & (np.indices(system.shape[1:]).sum(axis=0) % 2 == 1) & (state.saturation[layer] > 0.0)
    assert last.any()
    assert after[layer][last].sum() <= 0.03 * before[layer].sum()
    fresh = system.state(state.head)
    np.testing.assert_array_equal(state.saturation, fresh.saturation)
    np.testing.assert_array_equal(state.slope, fresh.slope)


def test_secants_solve_a_linear_system_that_they_span() -> None:
    random = np.random.default_rng(1)
    n = 5
    matrix, b = np.eye(n) + 0.3 * random.normal(size=(n, n)), random.normal(size=n)
    secants = Secants(n, n + 1)
    assert secants.shares(b).size == 0
    for column in np.eye(n):
        secants.add(column, np.zeros(n), b - matrix @ column, b)
    shares, left, step = secants.shares(b), np.empty(n), np.empty(n)
    secants.remaining(shares, b, left)
    secants.corrected(shares, np.zeros(n), step)
    np.testing.assert_allclose(step, np.linalg.solve(matrix, b), rtol=1e-5)
    assert np.abs(left).max() < 1e-5


def test_the_oldest_secant_is_forgotten_first() -> None:
    secants, zero = Secants(3, 2), np.zeros(3)
    for axis in np.eye(3):
        secants.add(axis, zero, zero, axis)
    np.testing.assert_allclose(sorted(secants.shares(np.array([5.0, 1.0, 2.0]))), [1.0, 2.0])
    secants.forget()
    assert secants.shares(zero).size == 0
