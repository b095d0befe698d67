"""Image wells (Ferris et al. 1962): straight boundaries by wells mirrored in them.

Steady, between two streams, all images sum to ``Q / (4 π T) ln{[cosh(πy/L) − cos(π(x+a)/L)] / [cosh(πy/L) − cos(π(x−a)/L)]}``;
the scheme meets it at second order. In time, a strip with a stream in the west and a barrier in the east is the Theis solution of
a well and its images.
"""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover import analytical
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import FixedHead, Wells

RATE, TRANSMISSIVITY, WIDTH, WELL = 1000.0, 500.0, 1000.0, 300.0


def half_plane(dx: np.ndarray, dy: np.ndarray) -> Grid:
    """Return a grid with the nodes of its first column at x = 0 and those of its southern row at y = 0; `dy` from the south."""
    return Grid(dx=dx, dy=dy[::-1], top=0.0, bottom=[-10.0], x_min=-0.5 * dx[0], y_max=dy.sum() - 0.5 * dy[0])


def half_row(grid: Grid) -> np.ndarray:
    """Return 1, and ½ in the southern row, which lies on the axis of symmetry: half of it belongs to the half plane."""
    half = np.ones(grid.shape)
    half[0, -1] = 0.5
    return half


def steady_error(n: int) -> float:
    """Return the largest error between two streams, n cells apart, in the half y ≥ 0; the far end, 3 km away, is closed."""
    size = WIDTH / n
    grid = half_plane(np.full(n + 1, size), np.full(3 * n, size))
    south, column = grid.shape[1] - 1, round(WELL / size)
    half = half_row(grid)
    problem = Problem(
        name="streams",
        grid=grid,
        properties=AquiferProperties(grid, k=TRANSMISSIVITY / 10.0 * half, k22=TRANSMISSIVITY / 10.0),
        schedule=Schedule(1.0, steady=True),
        initial_head=np.zeros(grid.shape),
        stresses=(Wells(grid.cell(0, south, column), pumping_rate=RATE / 2.0),),
        fixed_heads=(FixedHead(np.concatenate([grid.cell(0, np.arange(3 * n), i) for i in (0, n)]), 0.0),),
    )
    head = simulate(problem).head[0, 0]
    # at the nodes that all grids share, 100 m apart
    x, y = np.meshgrid(grid.x[:: n // 10], grid.y[::-1][:: n // 10])
    drawdown = -head[::-1][:: n // 10, :: n // 10]
    away = np.hypot(x - WELL, y) > 150.0
    exact = analytical.strip_steady(RATE, TRANSMISSIVITY, WIDTH, WELL, x[away], y[away])
    return float(np.abs(drawdown[away] - exact).max())


def test_two_streams_at_second_order() -> None:
    errors = [steady_error(n) for n in (20, 40, 80)]
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2.0, abs=0.1)
    assert np.log2(errors[0] / errors[2]) / 2.0 == pytest.approx(2.0, abs=0.15)
    assert errors[2] < 2e-4


def test_stream_and_barrier_in_time() -> None:
    # the grid's edge is the barrier: the stream is at x = 0 in the first node, the barrier at WIDTH on the last cell's edge
    n, storativity, times = 20, 1e-3, np.array([0.2, 1.0, 5.0])
    size = WIDTH / (n + 0.5)
    grid = half_plane(np.full(n + 1, size), 25.0 * 1.15 ** np.arange(26))
    half = half_row(grid)
    south, column = grid.shape[1] - 1, 6
    problem = Problem(
        name="stream_and_barrier",
        grid=grid,
        properties=AquiferProperties(
            grid, k=TRANSMISSIVITY / 10.0 * half, k22=TRANSMISSIVITY / 10.0, specific_storage=storativity / 10.0 * half
        ),
        schedule=Schedule(np.diff(times, prepend=0.0), n_steps=80, step_multiplier=[1.05, 1.0, 1.0]),
        initial_head=np.zeros(grid.shape),
        stresses=(Wells(grid.cell(0, south, column), pumping_rate=RATE / 2.0),),
        fixed_heads=(FixedHead(grid.cell(0, np.arange(grid.shape[1]), 0), 0.0),),
    )
    result = simulate(problem)
    x, y = np.meshgrid(grid.x, grid.y)
    away = (np.hypot(x - grid.x[column], y) > 150.0) & (y < 1000.0)
    for i, time in enumerate(times):
        exact = analytical.theis_images(
            RATE, TRANSMISSIVITY, storativity, grid.x[column], x[away], y[away], time, (0.0, "stream"), (WIDTH, "barrier")
        )
        assert np.abs(-result.head[i, 0][away] - exact).max() < 0.01 * exact.max()
