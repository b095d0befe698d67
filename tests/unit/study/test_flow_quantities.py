"""Flows between cells and stored water that limits look at, against the water budget of the same runs."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow.adjoint import SensitivitySettings, sensitivities
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.study.decisions import given_rates
from aquirecover.study.flow_quantities import FaceFlow, StoredWater, stored_water
from aquirecover.study.quantities import Quantities, observed, read
from small_problems import plain_grid, plain_problem, random_problem

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-12))


def _read(problem, family: Quantities) -> np.ndarray:
    seen, cell = observed(problem, [family])
    return read(simulate(seen, TIGHT), cell, [family], given_rates(problem))


def _adjoint_values(problem, family: Quantities) -> np.ndarray:
    return sensitivities(problem, [family.weighted_sums(problem)], SensitivitySettings(TIGHT), ["k"]).value


@pytest.mark.parametrize("convertible", [False, True])
def test_flow_between_zones_is_that_of_the_budget(convertible: bool) -> None:
    problem = random_problem(7, convertible=convertible)
    budget, length = simulate(problem, TIGHT).budget, problem.schedule.step_length
    net = budget.zone_exchange[:, 0, 1] - budget.zone_exchange[:, 1, 0]
    number = np.arange(problem.grid.n_cell).reshape(problem.grid.shape)[:2]
    both = problem.grid.active[:2, 2] & problem.grid.active[:2, 3]
    both[:, -1] = False  # the budget knows no flow from one fixed head to another
    north, south = number[:, 2][both], number[:, 3][both]
    # the last step, the same from the other side, and the mean over the second period
    row = np.repeat(np.arange(3), north.size)
    near, far = np.concatenate([north, south, north]), np.concatenate([south, north, south])
    family = FaceFlow(("last", "back", "mean"), row, near, far, np.array([5, 5, 1]), np.array([5, 5, 3]))
    mean = net[1:4] @ length[1:4] / length[1:4].sum()
    assert np.abs(net).max() > 1.0
    np.testing.assert_allclose(_read(problem, family), [net[5], -net[5], mean], rtol=1e-7)
    found = _adjoint_values(problem, family)
    np.testing.assert_allclose(found, [net[5], -net[5], mean], rtol=1e-5)


@pytest.mark.parametrize("convertible", [False, True])
def test_stored_water_changes_as_the_budget_says(convertible: bool) -> None:
    problem = random_problem(11, convertible=convertible)
    budget, length = simulate(problem, TIGHT).budget, problem.schedule.step_length
    cell = np.setdiff1d(np.flatnonzero(problem.grid.active), problem.fixed_heads[0].cell)
    gain = float(((budget.outflow - budget.inflow)[2:, 0] * length[2:]).sum())
    n = np.zeros(cell.size, dtype=np.int64)
    at, sign = np.repeat([5, 1], cell.size), np.repeat([1.0, -1.0], cell.size)
    family = StoredWater(("gain",), np.array([5]), np.tile(n, 2), at, np.tile(cell, 2), sign, np.zeros(1))
    assert abs(gain) > 1.0
    np.testing.assert_allclose(_read(problem, family), [gain], rtol=1e-6)
    np.testing.assert_allclose(_adjoint_values(problem, family), [gain], rtol=1e-5)


def test_stored_water_of_a_column_by_hand() -> None:
    # 100 x 100 m, 20 m thick: a convertible cell half full drains Sy 10 m and gives the pressure of a triangle 10 m high
    grid = plain_grid(bottom=(0.0,))
    cell, head = np.array([0]), np.array([10.0])

    def stored(convertible: bool) -> np.ndarray:
        properties = AquiferProperties(grid, 1.0, specific_storage=1e-4, specific_yield=0.2, convertible=convertible)
        return stored_water(plain_problem(grid, properties=properties), cell, head)

    assert stored(False) == pytest.approx([1e4 * 20.0 * 1e-4 * 10.0])
    assert stored(True) == pytest.approx([1e4 * (0.2 * 10.0 + 1e-4 * 10.0 * 5.0)], rel=1e-6)


def test_faces_lie_between_neighbours() -> None:
    problem = plain_problem(plain_grid())
    family = FaceFlow(("a",), np.array([0]), np.array([0]), np.array([2]), np.array([0]), np.array([0]))
    with pytest.raises(ValueError, match=r"layer 1, row 1, column 1 and layer 1, row 1, column 3 are no neighbours"):
        _read(problem, family)
