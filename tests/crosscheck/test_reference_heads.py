"""Heads of a basin of 50,000 cells over 30 years against MODFLOW 6; the numbers are described in ``data/README.md``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import FixedHead, GeneralHead, Recharge, River, Wells

MONTH = 365.25 / 12.0
TOP, THICKNESS, K = 15.0, np.array([20.0, 15.0, 25.0, 10.0, 40.0]), np.array([5.0, 1e-3, 15.0, 1e-3, 30.0])
N, SIZE = 100, 500.0
# MODFLOW closed its heads to 1e-9 m; 300 steps add a little, and the lesser digits of its output end at 12
TOLERANCE = 1e-6


def _well_cells() -> np.ndarray:
    """Return layer, row and column of 200 different wells in the two deeper aquifers, shape ``(200, 3)``."""
    random = np.random.default_rng(20240601)
    cells: dict[tuple[int, int, int], None] = {}
    while len(cells) < 200:
        cells[int(random.choice([2, 4])), int(random.integers(5, 95)), int(random.integers(5, 95))] = None
    return np.array(list(cells))


def _basin(n_month: int, water_table: bool) -> Problem:
    grid = Grid(np.full(N, SIZE), np.full(N, SIZE), TOP, TOP - np.cumsum(THICKNESS))
    convertible = [water_table, False, False, False, False]
    properties = AquiferProperties(grid, K, specific_storage=1e-5, specific_yield=0.15, convertible=convertible)
    step = np.arange(n_month + 1)
    schedule = Schedule([1.0] + [MONTH] * n_month, steady=step == 0, save_step=step == n_month)
    layer, row = (index.ravel() for index in np.indices((5, N)))
    west = GeneralHead(grid.cell(layer, row, 0), 5.0, (K * THICKNESS)[layer])
    east = FixedHead(grid.cell(layer, row, N - 1), 0.0)
    column = np.tile(np.arange(1, N - 1), 2)
    stage = 6.0 - 5.5 * (column + 0.5) / N
    rivers = River(grid.cell(0, np.repeat([33, 66], N - 2), column), stage, 2.0 * SIZE, stage - 2.0)
    wells = grid.cell(*_well_cells().T)
    rate = 500.0 * np.concatenate(([0.0], np.where(np.arange(n_month) < 240, 1.0, 0.5)))
    stresses = (west, Recharge(np.arange(N * N), 1e-4), rivers, Wells(wells, rate[:, None] * np.ones(200)))
    observations = Observations(tuple(f"W{n}" for n in range(10)), wells[:10])
    start = np.full(grid.shape, 5.0)
    return Problem("basin", grid, properties, schedule, start, stresses, (east,), observations=observations)


def _compare(name: str, n_month: int) -> None:
    reference = np.load(Path(__file__).parent / "data" / f"{name}_heads.npy")[: n_month + 1]
    result = simulate(_basin(n_month, water_table=name == "P3"))
    np.testing.assert_allclose(result.problem.schedule.step_time, reference[:, 0], rtol=1e-12)
    np.testing.assert_allclose(result.observation_head, reference[:, 1:], rtol=0.0, atol=TOLERANCE)
    assert result.budget.error.max() < 1e-8
    # pumping draws the heads down by metres, so that agreement is no accident of a flat surface
    assert np.ptp(reference[:, 1:], axis=0).min() > 0.5


@pytest.mark.parametrize("name", ["P1", "P3"])
def test_first_years(name: str) -> None:
    _compare(name, 24)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["P1", "P3"])
def test_thirty_years_with_pumping_halved_after_twenty(name: str) -> None:
    _compare(name, 360)
