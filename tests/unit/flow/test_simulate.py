"""The march: what is kept, pumping that falls short, odd sizes, and a run in two parts."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aquirecover.errors import ConfigError
from aquirecover.flow.assembly import State
from aquirecover.flow.grid import Grid
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import Observations
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import FixedHead, GeneralHead, Recharge, Wells
from small_problems import plain_grid, plain_problem, random_problem


def test_a_well_that_runs_dry_delivers_less() -> None:
    grid = plain_grid(1, 3, bottom=(0.0,), top=10.0)
    properties = AquiferProperties(grid, 0.5, specific_storage=1e-5, specific_yield=0.1, convertible=True)
    stresses = (Wells([1], 400.0, names=("deep",)), Wells([0], 0.0, 5.0, names=("filling",), name="injection"))
    problem = plain_problem(grid, stresses, properties=properties, head=4.0, schedule=Schedule([10.0] * 20))
    result = simulate(problem)
    assert result.pumping_rate.shape == (20, 2)
    np.testing.assert_array_equal(result.pumping_rate[:, 0], 400.0)
    delivered = result.pumping_rate_actual[:, 0]
    assert delivered[0] > 200.0
    assert (delivered < 400.0).all()
    assert (np.diff(delivered) < 0.0).all()
    np.testing.assert_allclose(delivered, result.budget.outflow[:, 1], rtol=1e-12)
    np.testing.assert_allclose(result.budget.inflow[:, 2], 5.0)
    np.testing.assert_array_equal(result.pumping_rate_actual[:, 1], 0.0)
    # the share that s = depth / (a tenth of 10 m) gives at the end of the step
    depth = result.head[:, 0, 0, 1]
    s = np.clip(depth, 0.0, 1.0)
    np.testing.assert_allclose(delivered, 400.0 * (3.0 * s**2 - 2.0 * s**3), rtol=1e-9)
    assert (depth > 0.0).all()


def test_a_confined_well_delivers_what_is_asked() -> None:
    grid = plain_grid(1, 3, bottom=(0.0,))
    result = simulate(plain_problem(grid, [Wells([1], 400.0)], schedule=Schedule([10.0] * 5)))
    np.testing.assert_array_equal(result.pumping_rate_actual, 400.0)


def test_a_screen_in_two_layers() -> None:
    grid = plain_grid(3, 3)
    wells = Wells([4, 13], 30.0, well=[0, 0], fraction=[0.25, 0.75], names=("both",))
    budget = simulate(plain_problem(grid, [wells])).budget
    np.testing.assert_allclose(budget.layer_outflow[0, :, 1], [7.5, 22.5])


def test_rates_and_fixed_heads_change_with_the_period() -> None:
    grid = plain_grid(1, 2, bottom=(0.0,))
    problem = plain_problem(
        grid,
        [Wells([1], [[0.0], [60.0], [0.0]])],
        [FixedHead([0], [[5.0], [5.0], [9.0]])],
        schedule=Schedule([0.0] * 3, steady=True),
    )
    # 60 m²/d between the cells
    np.testing.assert_allclose(simulate(problem).head[:, 0, 0], [[5.0, 5.0], [5.0, 4.0], [9.0, 9.0]], atol=1e-9)


def test_one_cell_by_hand() -> None:
    # S = 2 m², C = 3 m²/d to 10 m: backward Euler of 2 dh/dt = 3 (10 − h) − 6
    grid = Grid([100.0], [100.0], 20.0, 0.0)
    stresses = (GeneralHead([0], 10.0, 3.0), Wells([0], 6.0))
    tight = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
    result = simulate(plain_problem(grid, stresses, head=4.0, schedule=Schedule([2.0], 4)), tight)
    head, step = 4.0, 0.5
    for _ in range(4):
        head = (2.0 / step * head + 24.0) / (2.0 / step + 3.0)
    assert result.head[0].item() == pytest.approx(head, rel=1e-12)


@pytest.mark.parametrize("convertible", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 8), (1, 8, 1), (6, 1, 1), (3, 2, 1), (1, 5, 7)])
def test_odd_sizes_keep_their_water(shape: tuple[int, int, int], convertible: bool) -> None:
    n_layer, n_y, n_x = shape
    grid = plain_grid(n_y, n_x, bottom=-5.0 * np.arange(n_layer), top=20.0)
    properties = AquiferProperties(grid, 2.0, specific_storage=1e-5, specific_yield=0.1, convertible=convertible)
    stresses = (Recharge(np.arange(n_x * n_y), 1e-3), Wells([grid.n_cell - 1], 3.0))
    result = simulate(plain_problem(grid, stresses, properties=properties, head=8.0, schedule=Schedule([10.0, 10.0], 2)))
    assert np.isfinite(result.head).all()
    assert result.budget.error.max() < 1e-8
    stored = (result.problem.schedule.step_length[:, None] * (result.budget.outflow - result.budget.inflow))[:, 0].sum()
    assert stored == pytest.approx(20.0 * (10.0 * n_x * n_y - 3.0), rel=1e-6)


def test_all_cells_fixed() -> None:
    grid = plain_grid(2, 3)
    level = np.arange(12.0)
    schedule = Schedule([1.0, 1.0], steady=[True, False])
    result = simulate(plain_problem(grid, [], [FixedHead(np.arange(12), level)], schedule=schedule))
    np.testing.assert_array_equal(result.head[1].ravel(), level)
    assert not result.budget.inflow.any()
    assert not result.budget.layer_exchange.any()


def test_no_stresses_and_no_wells() -> None:
    grid = plain_grid(2, 3)
    start = np.arange(12.0).reshape(grid.shape)
    result = simulate(plain_problem(grid, [Wells([], 0.0)], head=start, schedule=Schedule([1e3])))
    assert result.pumping_rate.shape == (1, 0)
    # no water leaves, so that the storage-weighted mean stays: 2 m² in the upper cells and 1 m² in the lower
    weight = np.array([2.0, 1.0])[:, None, None]
    assert (weight * result.head[0]).sum() == pytest.approx((weight * start).sum(), rel=1e-9)
    assert result.budget.error.max() <= 1e-6


@pytest.mark.parametrize("level", [-3000.0, 0.0, 5000.0])
def test_heads_do_not_depend_on_the_datum(level: float) -> None:
    shifted = []
    for base in (0.0, level):
        grid = plain_grid(6, 6, bottom=(base, base - 10.0, base - 10.001), top=base + 20.0)
        properties = AquiferProperties(
            grid, [5.0, 1e-4, 30.0], specific_storage=1e-5, specific_yield=0.1, convertible=[True, False, False]
        )
        stresses = (Wells([77], 30.0), Recharge(np.arange(36), 1e-4))
        fixed = FixedHead(grid.cell(0, np.arange(6), 0), base + 8.0)
        schedule = Schedule([0.0, 30.0], [1, 3], steady=[True, False])
        result = simulate(plain_problem(grid, stresses, [fixed], properties=properties, head=base + 8.0, schedule=schedule))
        shifted.append(result.head - base)
        assert result.budget.error.max() <= 1e-6
    np.testing.assert_allclose(shifted[1], shifted[0], atol=1e-6)


def test_a_layer_of_a_millimetre() -> None:
    # three layers in one column: 1e-3 m of clay of 1e-6 m/d between sands resists 1000 d, the sands next to nothing
    grid = plain_grid(1, 1, bottom=(0.0, -1e-3, -10.0))
    properties = AquiferProperties(grid, [10.0, 1e-6, 10.0], specific_storage=1e-5)
    problem = plain_problem(
        grid, [Wells([2], 5.0)], [FixedHead([0], 4.0)], properties=properties, schedule=Schedule(0.0, steady=True)
    )
    resistance = 10.0 / 10.0 + 1e-3 / 1e-6 + 0.5 * 9.999 / 10.0
    assert simulate(problem).head[0, 2, 0, 0] == pytest.approx(4.0 - 5.0 / 1e4 * resistance, rel=1e-9)


def test_what_is_kept() -> None:
    grid = plain_grid(3, 3)
    schedule = Schedule([10.0, 10.0], [2, 3], save_step=[True, False, False, False, True])
    observations = Observations(("upper", "lower"), np.array([0, 17]))
    calls: list[tuple[int, int, float]] = []
    problem = plain_problem(grid, [Wells([13], 9.0)], schedule=schedule, observations=observations)
    result = simulate(problem, progress=lambda *call: calls.append(call))
    assert result.saved_step.tolist() == [0, 4]
    np.testing.assert_array_equal(result.time, [5.0, 20.0])
    assert result.observation_head.shape == (5, 2)
    np.testing.assert_array_equal(result.observation_head[[0, 4]], result.head.reshape(2, -1)[:, [0, 17]])
    assert [call[:2] for call in calls] == [(n, 5) for n in range(1, 6)]
    assert calls[-1][2] == 20.0
    assert result.engine.startswith("native ")
    assert result.elapsed > 0.0


def test_heads_are_missing_outside_active_cells() -> None:
    problem = random_problem(2)
    head = simulate(problem).head
    np.testing.assert_array_equal(np.isfinite(head), np.broadcast_to(problem.grid.active, head.shape))


@pytest.mark.parametrize("convertible", [True, False])
def test_two_runs_are_one(convertible: bool) -> None:
    whole = random_problem(8, convertible, schedule=Schedule([10.0, 20.0, 30.0, 40.0], [2, 3, 3, 2], 1.3))
    # first guesses know the steps before them, so that parts agree as solutions do, not to the bit
    exact = SimulateSettings(newton=NewtonSettings(tolerance=1e-14, head_change=1e-12))
    expected = simulate(whole, exact)
    first = simulate(_part(whole, slice(0, 2), whole.initial_head), exact)
    second = simulate(_part(whole, slice(2, 4), first.head[-1]), exact)
    np.testing.assert_allclose(second.head, expected.head[2:], rtol=0.0, atol=1e-11)
    np.testing.assert_allclose(second.pumping_rate_actual, expected.pumping_rate_actual[5:], rtol=1e-12)


def _part(problem, periods: slice, start: np.ndarray):
    """Return some periods of a problem, from given heads."""
    schedule, stresses = problem.schedule, []
    for stress in problem.stresses:
        if isinstance(stress, Recharge):
            stress = Recharge(stress.cell, stress.recharge_rate[periods], stress.name)
        elif isinstance(stress, Wells):
            stress = Wells(stress.cell, stress.pumping_rate[periods], stress.injection_rate, stress.names)
        stresses.append(stress)
    times = Schedule(schedule.period_length[periods], schedule.n_steps[periods], schedule.step_multiplier[periods])
    return replace(problem, schedule=times, stresses=tuple(stresses), initial_head=start)


def test_superposition_of_confined_pumping() -> None:
    grid = plain_grid(7, 7)
    fixed = [FixedHead([0], 5.0)]
    schedule = Schedule([5.0, 50.0], 3)
    rest, one, other, both = (
        simulate(plain_problem(grid, [Wells([24, 80], rates)], fixed, schedule=schedule)).head
        for rates in ([0.0, 0.0], [40.0, 0.0], [0.0, 70.0], [40.0, 70.0])
    )
    np.testing.assert_allclose(both - rest, (one - rest) + (other - rest), atol=1e-7)


def test_a_broken_problem_is_refused_with_all_findings() -> None:
    grid = plain_grid(2, 2)
    problem = plain_problem(grid, [Wells([0], -1.0), Recharge([99], 1e-3)])
    with pytest.raises(ConfigError) as caught:
        simulate(problem)
    assert [finding.key for finding in caught.value.findings] == ["wells.W1.pumping_rate", "recharge.cell[1]"]


def test_heads_may_decay_to_nothing() -> None:
    # every step leaves a thirtieth of the head: after 400 of them no floating-point number is small enough
    grid = plain_grid(1, 3, bottom=(0.0,))
    problem = plain_problem(grid, [], [FixedHead([0], 0.0)], head=5.0, schedule=Schedule([400.0], 400, save_step=True))
    result = simulate(problem)
    assert np.abs(result.head[-1]).max() < 1e-12
    assert (np.diff(np.abs(result.head[:5, 0, 0, 2])) < 0.0).all()
    assert result.budget.error.max() <= 1e-6


@pytest.mark.parametrize("convertible", [False, True])
def test_states_of_earlier_steps_are_given_back(convertible: bool) -> None:
    counts = []

    def count(done: int, total: int, day: float) -> None:
        gc.collect()
        counts.append(sum(isinstance(thing, State) for thing in gc.get_objects()))

    simulate(random_problem(1, convertible, schedule=Schedule([300.0], 30)), progress=count)
    assert counts[-1] <= counts[4]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NewtonSettings(tolerance=0.0), "tolerance = 0: must lie between 0 and 1."),
        (lambda: NewtonSettings(head_change=-1.0), "head_change = -1: must be greater than 0."),
        (lambda: NewtonSettings(max_iterations=0), "max_iterations = 0: must be 1 or more."),
        (lambda: NewtonSettings(max_cuts=21), "max_cuts = 21: must lie between 0 and 20."),
        (lambda: LinearSettings(direct_fallback_cells=-1), "direct_fallback_cells = -1: must be 0 or more."),
        (lambda: SimulateSettings(budget_tolerance=float("nan")), "budget_tolerance = nan: must lie between 0 and 1."),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        make()
    assert str(caught.value) == message


def test_nothing_of_the_size_of_a_field_is_allocated_in_the_march() -> None:
    grid = plain_grid(90, 90)
    # nothing that earlier steps could tell
    rates = 200.0 + 60.0 * np.random.default_rng(0).normal(size=24)
    stresses = (Wells([4000, 9000], rates[:, None]), Recharge(np.arange(8100), 1e-4), GeneralHead(90 * np.arange(90), 5.0, 3.0))
    schedule = Schedule([30.0] * 24, save_step=True)
    problem = plain_problem(grid, stresses, [FixedHead(90 * np.arange(90) + 89, 4.0)], schedule=schedule)
    peaks, field = [], 8 * grid.n_cell

    def measure(done: int, total: int, time: float) -> None:
        # the memory of past solutions and the arrays that are used again are there by then
        if done == 12:
            tracemalloc.start()
        elif done > 12:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.clear_traces()

    try:
        result = simulate(problem, progress=measure)
    finally:
        tracemalloc.stop()
    assert len(peaks) == 12
    assert max(peaks) < 0.5 * field
    assert min(report.outer for report in result.reports) > 0
