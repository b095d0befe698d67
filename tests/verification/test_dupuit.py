"""Dupuit (1863): the water table between two fixed heads under recharge, ``h² = h1² − (h1² − h2²) x/L + w/k (L − x) x``.

A convertible layer on a flat base, L 1,000 m, k 5 m/d, w 2 mm/d, heads 10 and 6 m above the base. The scheme takes the saturated
thickness of the upstream cell, as MODFLOW 6 does with NEWTON: ``q = k h_up (h_i − h_(i+1)) / Δx``. Against the exact
``k (h_i² − h_(i+1)²) / (2 Δx)`` that is too much by ``k (Δh)² / (2 Δx)``, so the heads err by the first power of Δx.
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
from aquirecover.flow.stresses import FixedHead, Recharge, Wells

LENGTH, WEST, EAST, K, RECHARGE = 1000.0, 10.0, 6.0, 5.0, 2e-3


def strip(n: int) -> FlowResult:
    """Return a row of n + 1 cells with fixed heads in the end nodes, LENGTH apart, on a base at -3 m."""
    size = LENGTH / n
    grid = Grid(dx=np.full(n + 1, size), dy=[1.0], top=20.0, bottom=[-3.0], x_min=-0.5 * size)
    inner = np.arange(1, n)
    problem = Problem(
        name="dupuit",
        grid=grid,
        properties=AquiferProperties(grid, k=K, specific_yield=0.1, convertible=True),
        schedule=Schedule(1.0, steady=True),
        initial_head=np.full(grid.shape, 10.0),
        stresses=(Recharge(inner, RECHARGE),),
        fixed_heads=(FixedHead([0], WEST - 3.0, name="west"), FixedHead([n], EAST - 3.0, name="east")),
    )
    return simulate(problem)


def error(n: int) -> float:
    result = strip(n)
    exact = analytical.dupuit_recharge(result.problem.grid.x, LENGTH, WEST, EAST, K, RECHARGE)
    return float(np.abs(result.head[0, 0, 0] + 3.0 - exact).max())


def test_water_table_converges_at_the_order_of_upstream_weighting() -> None:
    errors = [error(n) for n in (50, 100, 200)]
    assert np.log2(errors[:-1] / np.array(errors[1:])) == pytest.approx([1.0, 1.0], abs=0.1)
    assert errors[-1] < 0.003 * WEST


def test_discharge_to_both_ends() -> None:
    n = 200
    result = strip(n)
    west, east = (result.problem.terms.index(name) for name in ("west", "east"))
    exact = analytical.dupuit_discharge(np.array([0.5, n - 0.5]) * LENGTH / n, LENGTH, WEST, EAST, K, RECHARGE)
    net = result.budget.inflow[0] - result.budget.outflow[0]
    assert net[west] == pytest.approx(exact[0], rel=0.02)
    assert -net[east] == pytest.approx(exact[1], rel=0.02)
    assert -(net[west] + net[east]) == pytest.approx(RECHARGE * LENGTH * (1 - 1 / n), rel=1e-9)


def test_water_table_around_a_well() -> None:
    # h² = H² − Q / (π k) ln(R / r): a square with the exact heads on its edge, 40 m from the base at 1,000 m
    n, rate, k, head = 40, 3000.0, 10.0, 40.0
    size = 1000.0 / n
    grid = Grid(dx=np.full(2 * n + 1, size), dy=np.full(2 * n + 1, size), top=60.0, bottom=[0.0])
    radius = np.hypot(grid.x[None, :] - grid.x[n], grid.y[:, None] - grid.y[n])
    edge = np.zeros(grid.shape, dtype=bool)
    edge[0, [0, -1]] = edge[0, :, [0, -1]] = True
    cells = np.flatnonzero(edge)
    problem = Problem(
        name="dupuit_well",
        grid=grid,
        properties=AquiferProperties(grid, k=k, specific_yield=0.1, convertible=True),
        schedule=Schedule(1.0, steady=True),
        initial_head=np.full(grid.shape, head),
        stresses=(Wells(grid.cell(0, n, n), pumping_rate=rate),),
        fixed_heads=(FixedHead(cells, analytical.dupuit_well(rate, k, radius.ravel()[cells], 1000.0, head)),),
    )
    result = simulate(problem)
    ring = (radius > 100.0) & (radius < 950.0)
    exact = analytical.dupuit_well(rate, k, radius[ring], 1000.0, head)
    drawdown = head - exact.min()
    assert np.abs(result.head[0, 0][ring] - exact).max() < 0.01 * drawdown
    assert result.pumping_rate_actual[0, 0] == pytest.approx(rate)
