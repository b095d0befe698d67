"""Steps that are hard: drying and rewetting, cut steps, equilibria far from the first guess, and failures that say where."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.errors import ConfigError, ConvergenceError
from aquirecover.flow import linear
from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings, StepSolver
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.steady import solve_steady
from aquirecover.flow.stresses import Drain, Evapotranspiration, FixedHead, Recharge, Wells
from small_problems import plain_grid, plain_problem, random_problem


def _dry_and_rewet(steps: int = 1, rate: float = 1000.0) -> Problem:
    """Twelve closed water-table cells, 3 m wet: two are pumped; all are drained at their bottom; rain wets them again."""
    n = 12
    grid = plain_grid(1, n, bottom=(0.0,))
    properties = AquiferProperties(grid, 2.0, specific_storage=1e-5, specific_yield=0.2, convertible=True)
    cell = np.arange(n)
    stresses = (
        Wells([4, 8], [[rate, rate], [rate, rate], [0.0, 0.0]]),
        Drain(cell, 0.0, np.array([0.0, 100.0, 0.0])[:, None] * np.ones(n)),
        Recharge(cell, np.array([0.0, 0.0, 5e-3])[:, None] * np.ones(n)),
    )
    return plain_problem(grid, stresses, head=3.0, properties=properties, schedule=Schedule([100.0, 400.0, 400.0], steps))


def test_cells_dry_and_wet_again() -> None:
    result = simulate(_dry_and_rewet(steps=5))
    pumped, drained, wet = (head[0, 0] for head in result.head)
    assert pumped[4] < 1.0 < pumped[0]
    assert (drained < 2e-3).all()
    assert (drained >= 0.0).all()
    # all that rains in 400 d stays: 2 m of water in a drainable share of 0.2, but for what the compression of 10 m takes
    assert wet.mean() == pytest.approx(drained.mean() + 10.0, abs=0.01)
    # the water that left the cells is the water that was pumped and drained
    length = result.problem.schedule.step_length
    lost = (length[:, None] * result.budget.outflow[:, 1:3]).sum()
    assert lost == pytest.approx(0.2 * 12 * 1e4 * 3.0 - 0.2 * 1e4 * drained.sum(), rel=2e-3)
    assert result.budget.error.max() < 1e-8


def test_a_step_that_does_not_converge_is_cut_and_its_parts_are_averaged() -> None:
    problem = _dry_and_rewet()
    result = simulate(problem, SimulateSettings(newton=NewtonSettings(max_iterations=1, max_cuts=10)))
    parts = [report.substeps for report in result.reports]
    assert parts[0] > 1
    assert all(n & (n - 1) == 0 for n in parts)
    assert result.budget.error.max() < 1e-8
    # the mean rates of a cut step are those of as many equal steps
    fine = simulate(_dry_and_rewet(steps=parts[0]))
    first = slice(0, parts[0])
    np.testing.assert_allclose(result.head[0], fine.head[0], atol=1e-7)
    np.testing.assert_allclose(result.pumping_rate_actual[0], fine.pumping_rate_actual[first].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(result.budget.outflow[0], fine.budget.outflow[first].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(result.pumping_rate[0], 1000.0)


def test_failure_says_when_where_how_much_and_what_to_do() -> None:
    settings = SimulateSettings(newton=NewtonSettings(max_iterations=1, max_cuts=1))
    with pytest.raises(ConvergenceError) as caught:
        simulate(_dry_and_rewet(), settings)
    text = str(caught.value)
    for piece in (
        "Period 1, step 1 (day 100): no convergence in 1 iterations; the residuals sum to ",
        " m3/d in layer 1, row 1, column ",
        "last head change ",
        "Try more steps in the period, a smaller step_multiplier, or a larger newton.max_iterations.",
    ):
        assert piece in text
    assert ".." not in text


def test_failure_shows_the_date() -> None:
    problem = _dry_and_rewet()
    dated = plain_problem(
        problem.grid,
        problem.stresses,
        head=3.0,
        properties=problem.properties,
        schedule=Schedule([100.0, 400.0, 400.0], start="2021-01-01"),
    )
    with pytest.raises(ConvergenceError, match=r"Period 1, step 1 \(2021-04-11\): "):
        simulate(dated, SimulateSettings(newton=NewtonSettings(max_iterations=1, max_cuts=0)))


def _water_table(seed: int, head: float) -> Problem:
    """Pumping far beyond what the upper of two layers can give, with k over three decades."""
    random = np.random.default_rng(seed)
    n = 12
    grid = plain_grid(n, n, bottom=(0.0, -20.0))
    k = 10.0 ** random.uniform(-2.0, 1.0, grid.shape)
    properties = AquiferProperties(grid, k, 1e-3 * k, specific_storage=1e-5, specific_yield=0.2, convertible=[True, False])
    wells = Wells(grid.cell(0, random.integers(0, n, 6), random.integers(1, n, 6)), 300.0)
    stresses = (Recharge(np.arange(n * n), 2e-4), wells)
    fixed = FixedHead(grid.cell(0, np.arange(n), 0), 2.0)
    return plain_problem(grid, stresses, [fixed], properties=properties, head=head, schedule=Schedule(0.0, steady=True))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equilibrium_does_not_depend_on_the_first_guess(seed: int) -> None:
    results = [simulate(_water_table(seed, head)) for head in (1.0, 19.0, 40.0, -30.0)]
    for result in results:
        np.testing.assert_allclose(result.head, results[0].head, atol=1e-4)
        assert result.reports[0].substeps == 1
    assert results[0].pumping_rate_actual.sum() < 0.5 * results[0].pumping_rate.sum()


def test_pseudo_transient_finds_an_equilibrium_that_newton_does_not() -> None:
    problem = _water_table(0, 19.0)
    few = NewtonSettings(max_iterations=5)
    system = FlowSystem(problem)
    start = system.initial_state()
    solver = StepSolver(system, few, LinearSettings())
    with pytest.raises(ConvergenceError):
        solver.solve(start.head, Interval(0, np.inf, start))
    solution = solver.solve_steady(start, 0)
    assert solution.outer > 80
    expected = simulate(_water_table(0, 1.0)).head[0]
    np.testing.assert_allclose(solution.state.head, expected, atol=1e-4)


def test_a_cycle_between_bends_is_broken() -> None:
    # whole corrections jump for ever between above and below the narrow range in which evapotranspiration falls off
    grid = plain_grid(1, 3, bottom=(0.0,))
    stresses = (Recharge([1], 1e-3), Evapotranspiration([1], 0.1, 2e-3, 0.1))
    fixed = FixedHead([0, 2], 0.0)
    problem = plain_problem(grid, stresses, [fixed], k=1e-3, head=-1.0, schedule=Schedule(0.0, steady=True))
    # at 0.05 m half of 2e-3 m/d evaporates, as much as is recharged but for 0.002 m³/d that leave sideways
    head = simulate(problem, SimulateSettings(newton=NewtonSettings(tolerance=1e-10))).head[0, 0, 0]
    assert head[1] == pytest.approx(0.1 * (10.0 - 2 * 0.02 * head[1]) / 20.0, rel=1e-9)


def test_drains_alone_hold_a_steady_state_even_from_below() -> None:
    grid = plain_grid(1, 3, bottom=(0.0,))
    stresses = (Recharge([0, 1, 2], 1e-3), Drain([2], 7.0, 60.0))
    problem = plain_problem(grid, stresses, head=1.0, schedule=Schedule(0.0, steady=True))
    # 30 m³/d leave at 7.5 m; 20 and 10 m³/d come through 60 m²/d from the west
    np.testing.assert_allclose(simulate(problem).head[0, 0, 0], [7.5 + 20 / 60 + 10 / 60, 7.5 + 20 / 60, 7.5], atol=1e-8)


def test_equilibrium_needs_a_level_although_the_periods_are_transient() -> None:
    grid = plain_grid(2, 2)
    balanced = plain_problem(grid, (Recharge([0], 1e-3), Wells([7], 10.0)))
    assert np.isfinite(simulate(balanced).head).all()
    with pytest.raises(ConfigError, match="8 connected cells about layer 1, row 1, column 1 have no fixed head"):
        solve_steady(balanced, 0)


def test_a_drain_that_runs_dry_leaves_the_head_open() -> None:
    grid = plain_grid(1, 3, bottom=(0.0,))
    stresses = (Wells([0], 5.0), Drain([2], 7.0, 60.0))
    problem = plain_problem(grid, stresses, head=8.0, schedule=Schedule(0.0, steady=True))
    with pytest.raises(ConvergenceError, match="the matrix is singular"):
        simulate(problem)


@pytest.mark.parametrize("convertible", [True, False])
def test_reports(convertible: bool) -> None:
    problem = random_problem(3, convertible)
    result = simulate(problem)
    reports = result.reports
    assert [r.step for r in reports] == list(range(6))
    assert [r.period for r in reports] == [0, 1, 1, 1, 2, 2]
    np.testing.assert_array_equal([r.time for r in reports], problem.schedule.step_time)
    np.testing.assert_allclose([r.budget_error for r in reports], result.budget.error, atol=1e-15)
    assert all(r.residual <= NewtonSettings().tolerance for r in reports)
    assert all(r.inner >= r.outer for r in reports)


def test_direct_and_multigrid_agree() -> None:
    problem = random_problem(11)
    direct = simulate(problem, SimulateSettings(linear=LinearSettings(method="direct")))
    np.testing.assert_allclose(simulate(problem).head, direct.head, atol=1e-6)
    assert all(report.inner == 0 for report in direct.reports)


def test_runs_are_deterministic() -> None:
    problem = random_problem(12)
    assert simulate(problem).head.tobytes() == simulate(problem).head.tobytes()


@pytest.mark.parametrize("n_x", [1, 3])
@pytest.mark.parametrize("head", [-1.0, 0.0])
def test_rain_wets_cells_that_start_dry(n_x: int, head: float) -> None:
    grid = plain_grid(1, n_x, bottom=(0.0,))
    properties = AquiferProperties(grid, 2.0, specific_storage=0.0, specific_yield=0.2, convertible=True)
    rain = Recharge(np.arange(n_x), 1e-3)
    problem = plain_problem(grid, [rain], properties=properties, head=head, schedule=Schedule(100.0))
    # 0.1 m of rain stands 0.5 m high in a drainable share of 0.2; a millionth of the 20 m is bent at the bottom
    np.testing.assert_allclose(simulate(problem).head, 0.5, atol=2e-5)


def _by_newton(system: FlowSystem) -> StepSolver:
    """Return a solver that does not try cycles first."""
    solver = StepSolver(system, NewtonSettings(), LinearSettings())
    solver._cycles = None
    return solver


def test_a_hierarchy_that_no_longer_serves_is_replaced_before_lu_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    system = FlowSystem(random_problem(1))
    solver = _by_newton(system)
    start = system.initial_state()
    solver.solve(start.head, Interval(1, 1.0, start))
    spoilt = solver._hierarchy
    assert spoilt is not None
    spoilt.hierarchy.factors[:, spoilt.layouts[0].size :] = np.nan
    next_period = Interval(2, 2.0, start)
    expected = _by_newton(system).solve(start.head, next_period)
    monkeypatch.setattr(linear, "solve_direct", lambda *given: pytest.fail("LU was tried"))
    found = solver.solve(start.head, next_period)
    assert solver._hierarchy is not spoilt
    np.testing.assert_allclose(found.state.head, expected.state.head, atol=1e-6)


def test_a_hierarchy_that_needed_the_help_of_lu_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    system = FlowSystem(random_problem(1))
    solver = _by_newton(system)
    start = system.initial_state()
    for method in ("conjugate_residuals", "bicgstab"):
        stalled = linear.LinearResult(linear.LinearStatus.MAX_ITERATIONS, 40, (1.0,), start.head)
        monkeypatch.setattr(linear, method, lambda *given, stalled=stalled: stalled)
    solution = solver.solve(start.head, Interval(1, 1.0, start))
    assert solution.outer > 0
    assert solution.inner == 0
    assert solver._hierarchy is None
