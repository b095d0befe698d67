"""Steps of second order: budgets, cells without storage, what a period's start costs, and failures."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.errors import ConvergenceError
from aquirecover.flow import second_order
from aquirecover.flow.grid import Grid
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, TimeSettings, simulate
from aquirecover.flow.stresses import FixedHead, Recharge, Wells
from small_problems import plain_grid, plain_problem, random_problem

SECOND = SimulateSettings(time=TimeSettings("sdirk2", 1e-3))


def _pumped(grid: Grid, rate: np.ndarray, schedule: Schedule, storage: object = 1e-4):
    wells = Wells(grid.cell(0, 2, 2), rate[:, None])
    properties = AquiferProperties(grid, 3.0, specific_storage=storage)
    edge = FixedHead(grid.cell(0, np.arange(4), 0), 5.0)
    return plain_problem(grid, (wells,), (edge,), properties=properties, schedule=schedule)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("convertible", [False, True])
def test_budgets_of_every_stress_close(seed: int, convertible: bool) -> None:
    result = simulate(random_problem(seed, convertible), SECOND)
    assert result.budget.error.max() < 1e-8
    assert max(report.substeps for report in result.reports) > 1


def test_storage_released_is_the_change_of_the_heads() -> None:
    grid = plain_grid()
    problem = _pumped(grid, np.array([300.0, 0.0]), Schedule([5.0, 5.0], [2, 3], save_step=np.ones(5, dtype=bool)))
    result = simulate(problem, SECOND)
    volume = problem.properties.specific_storage * grid.thickness * grid.area
    volume[0, :, 0] = 0.0  # fixed heads
    change = np.diff(np.concatenate([problem.initial_head[None], result.head]), axis=0)
    released = -(change * volume).sum(axis=(1, 2, 3))
    net = (result.budget.inflow - result.budget.outflow)[:, 0] * problem.schedule.step_length
    np.testing.assert_allclose(net, released, rtol=1e-9)


def test_cells_without_storage_are_in_balance_at_the_end() -> None:
    grid = plain_grid()
    storage = np.array([1e-4, 0.0])[:, None, None]
    problem = _pumped(grid, np.array([300.0, 0.0]), Schedule([5.0, 5.0]), storage)
    second = simulate(problem, SECOND)
    fine = simulate(_pumped(grid, np.array([300.0, 0.0]), Schedule([5.0, 5.0], 4000), storage))
    np.testing.assert_allclose(second.head[-1], fine.head[-1], rtol=0.0, atol=2e-3)


def test_the_same_stresses_in_a_new_period_change_nothing() -> None:
    grid = plain_grid()
    steps = [
        sum(report.substeps for report in simulate(_pumped(grid, np.array(rate), Schedule(days)), SECOND).reports)
        for rate, days in (([300.0, 300.0], [5.0, 5.0]), ([300.0, 0.0], [5.0, 5.0]))
    ]
    assert steps[0] < steps[1]


def test_steady_periods_have_no_error_in_time() -> None:
    grid = plain_grid()
    recharge = Recharge(np.arange(20), np.array([[1e-3], [2e-3]]))
    edge = FixedHead(grid.cell(0, np.arange(4), 0), 5.0)
    problem = plain_problem(grid, (recharge,), (edge,), schedule=Schedule([1.0, 1.0], steady=[True, True]))
    first, second = simulate(problem), simulate(problem, SECOND)
    np.testing.assert_array_equal(first.head, second.head)


def test_the_direct_solver_serves_too() -> None:
    problem = random_problem(1)
    both = [
        simulate(problem, SimulateSettings(linear=LinearSettings(method=m), time=SECOND.time)) for m in ("direct", "multigrid")
    ]
    np.testing.assert_allclose(both[0].head, both[1].head, rtol=0.0, atol=1e-4)


def test_failure_names_step_error_and_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_order, "SHORTEST", 0.1)
    problem = _pumped(plain_grid(), np.array([300.0]), Schedule([5.0]))
    message = r"^Period 1, step 1 \(day 5\): the shortest step of 0.5 d still errs by .* m in layer 1, row \d, column \d: must be"
    with pytest.raises(ConvergenceError, match=message):
        simulate(problem, SimulateSettings(time=TimeSettings("sdirk2", 1e-6)))


def test_failure_of_newton_is_passed_on() -> None:
    settings = SimulateSettings(newton=NewtonSettings(max_iterations=1, tolerance=1e-14, head_change=1e-12), time=SECOND.time)
    with pytest.raises(ConvergenceError, match="no convergence in 1 iterations"):
        simulate(random_problem(0), settings)


def test_head_error_must_be_positive() -> None:
    with pytest.raises(ValueError, match="head_error = 0: must be greater than 0"):
        TimeSettings("sdirk2", 0.0)
