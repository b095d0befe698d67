"""Water budgets close: of the model, of each layer and of each zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from aquirecover.errors import BudgetError
from aquirecover.flow.assembly import FlowSystem, Interval, State
from aquirecover.flow.budget import BudgetRecorder
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import Budget, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import FixedHead, GeneralHead, Recharge, Wells
from small_problems import plain_grid, plain_problem, random_problem


def _gaps(inflow: np.ndarray, outflow: np.ndarray, exchange: np.ndarray) -> np.ndarray:
    """Return what enters each part less what leaves it, by its terms and from the other parts, ``(n_step, n_part)``."""
    return inflow.sum(axis=2) - outflow.sum(axis=2) + exchange.sum(axis=1) - exchange.sum(axis=2)


@pytest.mark.parametrize("convertible", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_model_layers_and_zones_close(seed: int, convertible: bool) -> None:
    budget = simulate(random_problem(seed, convertible)).budget
    through = budget.inflow.sum(axis=1)[:, None]
    assert (through > 1.0).all()
    assert budget.error.max() < 1e-8
    for parts in (
        (budget.layer_inflow, budget.layer_outflow, budget.layer_exchange),
        (budget.zone_inflow, budget.zone_outflow, budget.zone_exchange),
    ):
        assert (np.abs(_gaps(*parts)) < 1e-8 * through).all()
        assert all((flows >= 0.0).all() for flows in parts)
        np.testing.assert_allclose(parts[0].sum(axis=1), budget.inflow, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(parts[1].sum(axis=1), budget.outflow, rtol=1e-12, atol=1e-12)
        assert not parts[2].diagonal(axis1=1, axis2=2).any()
    assert budget.zone_names == ("north", "south", "rest")


def test_rates_by_hand() -> None:
    # 0.2 m³/d · 100 cells rain, 12 m³/d are pumped from the lower layer, the rest leaves to the fixed head: 8 m³/d
    grid = plain_grid(10, 10)
    stresses = (Recharge(np.arange(100), 2e-5, name="rain"), Wells([150], 12.0))
    problem = plain_problem(grid, stresses, [FixedHead([0], 1.0, name="lake")], schedule=Schedule(0.0, steady=True))
    budget = simulate(problem).budget
    assert budget.terms == ("storage", "rain", "wells", "lake")
    rain = 20.0 - 0.2  # none on the lake
    np.testing.assert_allclose(budget.inflow[0], [0.0, rain, 0.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(budget.outflow[0], [0.0, 0.0, 12.0, rain - 12.0], atol=1e-7)
    np.testing.assert_allclose(budget.layer_outflow[0, 1], [0.0, 0.0, 12.0, 0.0], atol=1e-7)
    assert budget.layer_exchange[0, 0, 1] - budget.layer_exchange[0, 1, 0] == pytest.approx(12.0, abs=1e-6)
    assert budget.zone_names == ()
    assert budget.zone_inflow.shape == (1, 0, 4)


def test_storage_over_a_step_is_the_change_of_volume() -> None:
    grid = plain_grid(3, 3, bottom=(0.0,))
    problem = plain_problem(grid, [Wells([4], 50.0)], head=5.0, schedule=Schedule([30.0], 4, 1.5))
    result = simulate(problem)
    released = (result.budget.inflow[:, 0] * problem.schedule.step_length).sum()
    # S = 1e-5 · 20 m on nine cells of 1e4 m²
    assert released == pytest.approx(2e-4 * 1e4 * (5.0 - result.head[-1]).sum(), rel=1e-9)
    assert released == pytest.approx(50.0 * 30.0, rel=1e-8)


def test_zones_need_not_cover_the_model() -> None:
    grid = plain_grid(2, 4, bottom=(0.0,))
    index = np.full(grid.shape, -1)
    index[0, :, 1] = 0
    zones = Zones(("strip",), index)
    fixed = [FixedHead([0, 4], 8.0, name="west"), FixedHead([3, 7], 5.0, name="east")]
    budget = simulate(plain_problem(grid, [], fixed, schedule=Schedule(0.0, steady=True), zones=zones)).budget
    # T = 60 m²/d, 3 m over 3 cells: 60 m³/d in each of two rows pass through the strip
    np.testing.assert_allclose(budget.zone_exchange[0], [[0.0, 120.0], [120.0, 0.0]], atol=1e-7)


def test_no_flow_is_counted_between_fixed_heads_of_two_parts() -> None:
    grid = plain_grid(1, 3)
    fixed = FixedHead(np.array([0, 3]), [7.0, 2.0])
    problem = plain_problem(grid, [], [fixed], schedule=Schedule(0.0, steady=True))
    budget = simulate(problem).budget
    gaps = _gaps(budget.layer_inflow, budget.layer_outflow, budget.layer_exchange)
    np.testing.assert_allclose(gaps, 0.0, atol=1e-8)


@pytest.mark.parametrize("level", [0.0, 1.3, -7.7, 850.0])
def test_a_model_at_rest_closes(level: float) -> None:
    grid = plain_grid(4, 5, bottom=(level, level - 10.0), top=level + 20.0)
    properties = AquiferProperties(grid, [3.3, 7.7], specific_storage=1e-5)
    fixed = FixedHead(grid.cell(0, [0, 1, 2], 0), level)
    schedule = Schedule([1.0, 10.0], steady=[True, False])
    problem = plain_problem(grid, [], [fixed], properties=properties, head=level + 2.0, schedule=schedule)
    result = simulate(problem)
    np.testing.assert_allclose(result.head, level, atol=1e-9)
    assert result.budget.error.max() <= 1e-6
    assert result.budget.inflow.max() < 1e-6


def _loose(tolerance: float) -> SimulateSettings:
    return SimulateSettings(newton=NewtonSettings(tolerance=1e-2, head_change=1e3), budget_tolerance=tolerance)


def test_a_budget_that_does_not_close_is_refused() -> None:
    problem = random_problem(1)
    assert simulate(problem, _loose(0.1)).budget.error.max() > 1e-6
    with pytest.raises(BudgetError, match=r"Period \d, step \d \(day [\d.]+\): the water budget does not close") as caught:
        simulate(problem, _loose(1e-6))
    text = str(caught.value)
    for piece in ("|in − out| / max(in, out) = ", "must be 1e-06 or less", "recharge ", "Use a smaller newton.tolerance"):
        assert piece in text


def _budget(inflow: list[list[float]], outflow: list[list[float]], **more) -> Budget:
    empty = np.zeros((len(inflow), 0, 0))
    layers = (np.array(inflow)[:, None], np.array(outflow)[:, None], np.zeros((len(inflow), 1, 1)))
    return Budget(("storage", "wells"), np.array(inflow), np.array(outflow), *layers, (), empty, empty, empty, **more)


def test_error_by_hand() -> None:
    budget = _budget([[3.0, 1.0], [0.0, 0.0], [0.0, 10.0]], [[0.0, 5.0], [0.0, 0.0], [8.0, 0.0]])
    np.testing.assert_allclose(budget.error, [0.2, 0.0, 0.2])


def test_a_flow_that_is_no_number_does_not_close() -> None:
    error = _budget([[np.nan, 1.0], [np.inf, 0.0]], [[1.0, 0.0], [0.0, 1.0]]).error
    assert not (error <= 1e-6).any()


def test_rounding_does_not_hide_an_error() -> None:
    budget = _budget([[100.0, 0.0]], [[0.0, 99.0]], rounding=np.array([1e-9]))
    assert budget.error[0] == pytest.approx(0.01)
    assert replace(budget, rounding=np.array([1.0])).error[0] == pytest.approx(1e-6)


def test_general_heads_in_and_out_are_kept_apart() -> None:
    grid = plain_grid(1, 3, bottom=(0.0,))
    stress = GeneralHead([0, 2], [9.0, 3.0], 10.0)
    budget = simulate(plain_problem(grid, [stress], schedule=Schedule(0.0, steady=True))).budget
    # 6 m over 1/10 + 1/60 + 1/60 + 1/10 d/m²
    flow = 6.0 / (0.2 + 2.0 / 60.0)
    np.testing.assert_allclose([budget.inflow[0, 1], budget.outflow[0, 1]], flow, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("convertible", [True, False])
def test_fixed_heads_face_by_face(seed: int, convertible: bool) -> None:
    problem = random_problem(seed, convertible)
    (boundary,) = problem.fixed_heads
    half = boundary.cell.size // 2
    parts = [
        FixedHead(boundary.cell[chosen], boundary.head[..., chosen], name=name)
        for name, chosen in (("east", slice(half, None)), ("west", slice(half)))
    ]
    system = FlowSystem(replace(problem, fixed_heads=tuple(parts)))
    head = system.with_fixed_heads(system.initial_state().head, 0)
    about = head[system.fixed].mean() + np.random.default_rng(seed).uniform(-5.0, 5.0, system.shape)
    state = system.state(np.where(system.fixed | ~system.flowing, head, about))
    recorder = BudgetRecorder(system, 1.0)
    recorder.add(0, system.balance(state, Interval(0, np.inf, state)), 0.5)
    gain, loss = (np.zeros((system.shape[0], 2)) for _ in range(2))
    for own, other, into in _flows_into(system, state):
        if system.fixed[own] and not system.fixed[other]:
            number = 1 if np.ravel_multi_index(own, system.shape) in parts[1].cell else 0
            (loss if into > 0.0 else gain)[own[0], number] += 0.5 * abs(into)
    budget = recorder.result()
    np.testing.assert_allclose(budget.layer_inflow[0, :, -2:], gain, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(budget.layer_outflow[0, :, -2:], loss, rtol=1e-12, atol=1e-12)
    assert gain.any()
    assert loss.any()


def _flows_into(system: FlowSystem, state: State) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], float]]:
    """Yield both cells of each face, in both orders, and the flow into the first."""
    for axis, c in enumerate((system.faces.cz, system.faces.cy, system.faces.cx)):
        for first in zip(*np.nonzero(c), strict=True):
            second = tuple(int(n) + (d == axis) for d, n in enumerate(first))
            up = second if state.head[second] > state.head[first] else first
            q = c[first] * (1.0 if axis == 0 else state.saturation[up]) * (state.head[second] - state.head[first])
            yield first, second, q
            yield second, first, -q
