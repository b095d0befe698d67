"""Thiem (1906): steady radial flow, ``s = Q / (2 π T) ln(R / r)``.

The five-point scheme sees a well as a source in one cell, which is exact to second order everywhere but at the source. A square
of uniform cells is held at the exact drawdown on its outer nodes, so that only the scheme errs. On a square grid the head of the
pumped cell is that of Thiem at the radius ``e^−γ / (2 sqrt 2) Δx = 0.198 Δx`` (Peaceman 1983); assuming Thiem already at the
neighbour nodes gives ``e^(−π/2) Δx = 0.208 Δx`` (Peaceman 1978).
"""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover import analytical
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import FixedHead, Wells

RATE, TRANSMISSIVITY, OUTER = 1000.0, 500.0, 1000.0


def island(n: int) -> tuple[FlowResult, np.ndarray]:
    """Return a plane of 2 km with a well in the middle cell of (2n + 1)², and the distance of each node from it."""
    size = OUTER / n
    grid = Grid(dx=np.full(2 * n + 1, size), dy=np.full(2 * n + 1, size), top=0.0, bottom=[-20.0])
    middle = OUTER + 0.5 * size
    radius = np.hypot(grid.x[None, :] - middle, grid.y[:, None] - middle)
    edge = np.zeros(grid.shape, dtype=bool)
    edge[0, [0, -1]] = edge[0, :, [0, -1]] = True
    cells = np.flatnonzero(edge)
    outer = FixedHead(cells, -analytical.thiem(RATE, TRANSMISSIVITY, radius.ravel()[cells], OUTER))
    problem = Problem(
        name="thiem",
        grid=grid,
        properties=AquiferProperties(grid, k=TRANSMISSIVITY / 20.0),
        schedule=Schedule(1.0, steady=True),
        initial_head=np.zeros(grid.shape),
        stresses=(Wells(grid.cell(0, n, n), pumping_rate=RATE),),
        fixed_heads=(outer,),
    )
    return simulate(problem), radius


def largest_error(n: int) -> float:
    """Return the largest error beyond 150 m at the nodes that all grids share, 50 m apart."""
    result, radius = island(n)
    shared = slice(None, None, n // 20)
    distance, drawdown = radius[shared, shared], -result.head[0, 0, shared, shared]
    ring = distance > 150.0
    exact = analytical.thiem(RATE, TRANSMISSIVITY, distance[ring], OUTER)
    return float(np.abs(drawdown[ring] - exact).max())


def test_thiem_converges_at_second_order() -> None:
    errors = [largest_error(n) for n in (20, 40, 80)]
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2.0, abs=0.1)
    assert np.log2(errors[0] / errors[2]) / 2.0 == pytest.approx(2.0, abs=0.15)
    assert errors[-1] < 1e-3 * RATE / (2.0 * np.pi * TRANSMISSIVITY)


def test_head_of_the_pumped_cell_belongs_to_the_equivalent_radius() -> None:
    n = 40
    result, _ = island(n)
    size = OUTER / n
    drawdown = -result.head[0, 0, n, n]
    exact = analytical.thiem(RATE, TRANSMISSIVITY, analytical.equivalent_radius_grid(size, size), OUTER)
    assert drawdown == pytest.approx(exact, abs=1e-4)
    # the rule of 0.208 is off by ln(0.2079 / 0.1985) Q / (2 π T)
    rule = analytical.thiem(RATE, TRANSMISSIVITY, analytical.equivalent_radius(size, size), OUTER)
    assert drawdown - rule == pytest.approx(0.0463 * RATE / (2.0 * np.pi * TRANSMISSIVITY), rel=0.01)


def test_level_in_the_well_does_not_depend_on_the_cell() -> None:
    levels = []
    for n in (20, 40):
        result, _ = island(n)
        radius = analytical.equivalent_radius_grid(OUTER / n, OUTER / n)
        levels.append(-result.head[0, 0, n, n] + analytical.well_correction(RATE, TRANSMISSIVITY, radius, 0.15))
    assert levels == pytest.approx([float(analytical.thiem(RATE, TRANSMISSIVITY, 0.15, OUTER))] * 2, abs=2e-4)
