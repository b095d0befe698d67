"""Scenarios side by side: the V-cycle against that of one scenario, the first guess, and a march of several seasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.assembly import FlowSystem
from aquirecover.flow.grid import Grid
from aquirecover.flow.lanes.cycle import Workspace, build_hierarchy, cycle
from aquirecover.flow.lanes.march import LaneMarch, MarchSettings
from aquirecover.flow.lanes.numbering import LaneGrid
from aquirecover.flow.lanes.system import LaneSystem
from aquirecover.flow.lanes.vectors import LANES
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import FixedHead, GeneralHead, River, Wells


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 7), (3, 9, 8), (2, 16, 17)])
def test_the_cycle_of_many_is_that_of_one(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(1)
    cx, cy, cz = (np.exp(rng.normal(0.0, 1.0, shape)) for _ in range(3))
    cx[:, :, -1], cy[:, -1], cz[-1] = 0.0, 0.0, 0.0
    surplus = 0.1 * rng.random(shape)
    x, y = (np.cumsum(rng.uniform(1.0, 3.0, n)) for n in shape[:0:-1])
    residuals = rng.normal(size=(LANES, *shape))
    grid, hierarchy = LaneGrid(*shape), build_hierarchy(cx, cy, cz, surplus, x, y)
    work = Workspace(*(np.zeros((hierarchy.faces.shape[1], LANES), dtype=np.float32) for _ in range(3)))
    work.b[grid.number] = np.moveaxis(residuals, 0, -1)
    products = np.zeros((1, LANES))
    cycle(hierarchy, work, products)
    one = Multigrid(cx, cy, cz, surplus, x, y)
    for lane, residual in enumerate(residuals):
        expected = one.apply(residual)
        np.testing.assert_allclose(work.x[grid.number, lane], expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())
        assert products[0, lane] == pytest.approx(float((expected * residual).sum()), rel=1e-4)


def seasons(number: int) -> Problem:
    """Return 8 years of months on 2 × 17 × 14 cells; each well has its own season, and a river runs partly dry."""
    rng = np.random.default_rng(number)
    grid = Grid(np.full(14, 300.0), np.full(17, 300.0), 10.0, [-10.0, -40.0])
    month = np.arange(96)[:, None]
    rate = 300.0 * rng.random(6) * (1.0 + 0.5 * np.sin(2.0 * np.pi * month / 12.0 + 6.0 * rng.random(6)))
    cells = np.random.default_rng(0).permutation(np.flatnonzero(np.arange(grid.n_cell) % 14))[:6]
    river = grid.cell(0, 8, np.arange(14))
    return Problem(
        f"seasons_{number}",
        grid,
        AquiferProperties(grid, k=[2.0, 20.0], k33=[0.01, 1.0], specific_storage=1e-4),
        Schedule(np.full(96, 30.0), save_step=np.arange(96) % 12 == 11),
        np.full(grid.shape, 4.0),
        (
            Wells(cells, rate),
            River(river, 4.5, 10.0, 3.5),
            GeneralHead(grid.cell(1, np.arange(17), 13), 4.0 + rng.random(17), 20.0),
        ),
        (FixedHead(grid.cell(0, np.arange(17), 0), 4.0 + np.sin(2.0 * np.pi * month / 12.0)),),
        observations=Observations(("a", "b"), cells[:2]),
    )


def march_of(problems: list[Problem], tolerance: float) -> LaneMarch:
    march = LaneMarch(LaneSystem(FlowSystem(problems[0])), problems, MarchSettings(tolerance, 200, 1e-6))
    assert march.run().all()
    return march


def test_seasons_that_return_are_guessed() -> None:
    problems = [seasons(number) for number in range(3)]
    march = march_of([replace(p, stresses=tuple(s for s in p.stresses if not isinstance(s, River))) for p in problems], 1e-9)
    iterations = [report.iterations for report in march.reports]
    assert np.mean(iterations[-24:]) < 0.3 * np.mean(iterations[:24])


def test_seasons_with_a_river_that_switches_are_those_of_one_by_one() -> None:
    problems = [seasons(number) for number in range(3)]
    march = march_of(problems, 1e-12)
    for lane, problem in enumerate(problems):
        expected = simulate(problem, SimulateSettings(newton=NewtonSettings(tolerance=1e-12)))
        found = march.result(lane, "", 0.0)
        np.testing.assert_allclose(found.observation_head, expected.observation_head, rtol=0.0, atol=1e-9)
        np.testing.assert_allclose(found.head, expected.head, rtol=0.0, atol=1e-9)
        np.testing.assert_allclose(found.budget.inflow, expected.budget.inflow, rtol=0.0, atol=1e-5)
        assert found.budget.error.max() < 1e-9
        bed = problem.stresses[1].values()["bottom_elevation"][0]
        river = expected.head[:, 0, 8]
        assert (river < bed).any()
        assert (river > bed).any()
