"""What must hold for every problem: the equations themselves, balance, superposition, reciprocity, symmetry, bounds, restart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given

from aquirecover.flow.grid import Grid
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import FixedHead, FlowBarrier, GeneralHead, Recharge, Stress, Wells
from random_problems import imbalance, random_problem, seeds

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-12, head_change=1e-9))


def check_residuals(result: FlowResult, tolerance: float) -> None:
    """Put the heads of every step back into the equations, written independently."""
    problem = result.problem
    schedule = problem.schedule
    old = np.where(problem.grid.active, problem.initial_head, 0.0).ravel()
    for fixed in problem.fixed_heads:
        old[fixed.cell] = fixed.head[0]
    for step in range(schedule.n_step):
        head = np.nan_to_num(result.head[step]).ravel()
        period = int(schedule.step_period[step])
        dt = np.inf if schedule.steady[period] else schedule.step_length[step]
        total, through = imbalance(problem, head, old, period, dt)
        assert np.abs(total).sum() <= tolerance * through
        old = head


@given(seeds)
def test_heads_solve_the_linear_equations(seed: int) -> None:
    check_residuals(simulate(random_problem(seed, linear=True)), 1e-8)


@given(seeds)
def test_steady_heads_solve_the_linear_equations(seed: int) -> None:
    check_residuals(simulate(random_problem(seed, linear=True, steady=True)), 1e-8)


@given(seeds)
def test_heads_solve_the_convertible_equations(seed: int) -> None:
    # saturation is smoothed within a millionth of the thickness in the simulator, and not in the test
    result = simulate(random_problem(seed))
    assume(all(report.substeps == 1 for report in result.reports))
    check_residuals(result, 2e-5)


@given(seeds)
def test_budgets_close_by_term_layer_and_zone(seed: int) -> None:
    result = simulate(random_problem(seed))
    budget = result.budget
    assert np.all(budget.error <= 1e-6)
    assert budget.layer_inflow.sum(axis=1) == pytest.approx(budget.inflow, rel=1e-12, abs=1e-12)
    assert budget.zone_outflow.sum(axis=1) == pytest.approx(budget.outflow, rel=1e-12, abs=1e-12)
    through = budget.inflow.sum(axis=1).max()
    for inflow, outflow, exchange in (
        (budget.layer_inflow, budget.layer_outflow, budget.layer_exchange),
        (budget.zone_inflow, budget.zone_outflow, budget.zone_exchange),
    ):
        net = inflow.sum(axis=2) - outflow.sum(axis=2) + exchange.sum(axis=1) - exchange.sum(axis=2)
        assert np.abs(net).max() <= 1e-6 * through
        assert np.all(exchange >= 0.0)


@given(seeds)
def test_drawdowns_superpose(seed: int) -> None:
    problem = random_problem(seed, linear=True)
    wells = problem.wells[0]
    rates = wells.pumping_rate

    def heads(rate: np.ndarray) -> np.ndarray:
        others = tuple(s for s in problem.stresses if not isinstance(s, Wells))
        return simulate(replace(problem, stresses=(*others, Wells(wells.cell, pumping_rate=rate)))).observation_head

    none = heads(0.0 * rates)
    parts = sum(none - heads(rates * (np.arange(rates.shape[1]) == i)) for i in range(rates.shape[1]))
    assert none - heads(rates) == pytest.approx(parts, abs=1e-7 * max(1.0, np.abs(parts).max()))


@given(seeds)
def test_reciprocity(seed: int) -> None:
    """The drawdown at B by a well at A is that at A by the same well at B, at every time."""
    problem = random_problem(seed, linear=True)
    held = {int(c) for fixed in problem.fixed_heads for c in fixed.cell}
    free = [int(c) for c in problem.observations.cell if int(c) not in held]
    assume(len(free) >= 2)
    a, b = free[0], free[-1]
    resting = replace(
        problem,
        initial_head=np.zeros(problem.grid.shape),
        fixed_heads=(FixedHead(problem.fixed_heads[0].cell, 0.0),),
    )
    boundary = problem.stresses[0]
    assert isinstance(boundary, GeneralHead)
    held_at_zero = GeneralHead(boundary.cell, 0.0, boundary.conductance)
    place = {int(cell): n for n, cell in enumerate(problem.observations.cell)}
    at_b, at_a = (
        simulate(replace(resting, stresses=(held_at_zero, Wells([well], pumping_rate=100.0))), TIGHT).observation_head[
            :, place[seen]
        ]
        for well, seen in ((a, b), (b, a))
    )
    assert at_b == pytest.approx(at_a, abs=1e-8)


@given(seeds)
def test_mirror_symmetry(seed: int) -> None:
    problem = random_problem(seed)
    mirrored = mirror(problem)
    heads = [simulate(p).head for p in (problem, mirrored)]
    assert heads[1][:, :, ::-1, ::-1] == pytest.approx(heads[0], abs=1e-4, nan_ok=True)


@given(seeds)
def test_heads_stay_between_their_bounds(seed: int) -> None:
    """Without wells and recharge no head leaves the range of the boundary and first heads (the matrix is an M-matrix)."""
    problem = random_problem(seed, linear=True, wells=False)
    boundary = problem.stresses[0]
    assert isinstance(boundary, GeneralHead)
    problem = replace(problem, stresses=(boundary,))
    active = problem.grid.active
    levels = np.concatenate((boundary.boundary_head, problem.fixed_heads[0].head.ravel(), problem.initial_head[active]))
    head = simulate(problem).observation_head
    assert head.min() >= levels.min() - 1e-9
    assert head.max() <= levels.max() + 1e-9


@given(seeds)
def test_more_pumping_never_raises_a_head(seed: int) -> None:
    problem = random_problem(seed)
    wells = problem.wells[0]
    others = tuple(s for s in problem.stresses if not isinstance(s, Wells))
    low, high = (
        simulate(
            replace(problem, stresses=(*others, Wells(wells.cell, pumping_rate=factor * wells.pumping_rate)))
        ).observation_head
        for factor in (1.0, 1.5)
    )
    assert np.all(high <= low + 1e-6)


@given(seeds)
def test_a_run_in_two_parts_is_the_whole_run(seed: int) -> None:
    problem = random_problem(seed)
    schedule = problem.schedule
    # first guesses know the steps before them, so that parts agree as solutions do
    whole = simulate(problem, TIGHT)
    assume(all(report.substeps == 1 for report in whole.reports))
    first = simulate(
        replace(problem, schedule=part(schedule, 0), stresses=in_period(problem.stresses, 0), fixed_heads=fixed_in(problem, 0)),
        TIGHT,
    )
    second = simulate(
        replace(
            problem,
            schedule=part(schedule, 1),
            initial_head=first.head[-1],
            stresses=in_period(problem.stresses, 1),
            fixed_heads=fixed_in(problem, 1),
        ),
        TIGHT,
    )
    assert np.concatenate((first.head, second.head)) == pytest.approx(whole.head, abs=1e-9, nan_ok=True)
    assert np.concatenate((first.budget.inflow, second.budget.inflow)) == pytest.approx(whole.budget.inflow, rel=1e-6, abs=1e-6)


def part(schedule: Schedule, period: int) -> Schedule:
    """Return a schedule of one of the periods."""
    return Schedule(schedule.period_length[period], schedule.n_steps[period], schedule.step_multiplier[period], save_step=True)


def in_period(stresses: tuple[Stress, ...], period: int) -> tuple[Stress, ...]:
    """Return stresses with the values of one period."""
    found: list[Stress] = []
    for stress in stresses:
        if isinstance(stress, Wells):
            found.append(Wells(stress.cell, stress.pumping_rate[period], stress.injection_rate))
        elif isinstance(stress, Recharge):
            found.append(Recharge(stress.cell, stress.recharge_rate[period]))
        else:
            found.append(stress)
    return tuple(found)


def fixed_in(problem: Problem, period: int) -> tuple[FixedHead, ...]:
    return tuple(FixedHead(fixed.cell, fixed.head[period]) for fixed in problem.fixed_heads)


def mirror(problem: Problem) -> Problem:
    """Return the problem turned by half a circle."""
    grid, properties = problem.grid, problem.properties
    number = np.arange(grid.n_cell).reshape(grid.shape)[:, ::-1, ::-1].ravel()

    def turned(field: np.ndarray) -> np.ndarray:
        return field[..., ::-1, ::-1]

    new = Grid(grid.dx[::-1], grid.dy[::-1], turned(grid.top), turned(grid.bottom), turned(grid.active))
    fields = {name: turned(field) if isinstance(field, np.ndarray) else field for name, field in vars(properties).items()}
    stresses = []
    for stress in problem.stresses:
        values = dict(stress.values())
        stresses.append(type(stress)(cell=number[stress.cell], **values))
    return replace(
        problem,
        grid=new,
        properties=AquiferProperties(new, **fields),
        initial_head=turned(problem.initial_head),
        stresses=tuple(stresses),
        fixed_heads=tuple(FixedHead(number[f.cell], f.head) for f in problem.fixed_heads),
        barriers=tuple(FlowBarrier(number[b.cell], number[b.neighbour], b.hydraulic_characteristic) for b in problem.barriers),
        observations=replace(problem.observations, cell=number[problem.observations.cell]),
        zones=None,
    )


@pytest.mark.parametrize(("length", "n_steps", "multiplier"), [(0.01, 40, 1.5), (4000.0, 400, 1.0)])
def test_steps_of_a_second_and_the_last_of_a_recovery_are_solved(length: float, n_steps: int, multiplier: float) -> None:
    """Storage over a tiny step, or next to flows that have all but ended, rounds by more than a share of the flows."""
    grid = Grid(dx=np.full(9, 5000.0), dy=np.full(9, 5000.0), top=0.0, bottom=[-50.0])
    problem = Problem(
        name="quiet",
        grid=grid,
        properties=AquiferProperties(grid, k=20.0, specific_storage=1e-5),
        schedule=Schedule([100.0, length], n_steps=[10, n_steps], step_multiplier=multiplier),
        initial_head=np.full(grid.shape, 25.0),
        stresses=(
            Wells(grid.cell(0, 4, 4), pumping_rate=[[1000.0], [0.0]]),
            GeneralHead(np.arange(grid.n_cell), 25.0, 2000.0),
        ),
    )
    result = simulate(problem)
    assert max(report.substeps for report in result.reports) == 1
    assert result.head[0, 0, 4, 4] < result.head[1, 0, 4, 4] <= 25.0 + 1e-9
