"""Theis recovery: ``s' = Q / (4 π T) [W(u) − W(u')]`` while heads come back after a pump stops.

T 500 m²/d, S 2e-4, Q 1,000 m³/d for 30 d, seen at 100 m. The grid is a quarter plane of 38 × 38 cells from 8 m at the well, each
1.25 times the one before, 150 km wide (`radial.quarter_grid`). Steps of the period after the stop grow from 1e-4 d; later periods
end at the times of the table and have equal steps. For a response s(t) backward Euler errs by ``½ s″(t) Σ Δt²``; with
``s ≈ C ln t`` the residual drawdown, ``C ln(t/t')``, therefore errs by ``½ C Σ Δt² (1/t'² − 1/t²)``, and steps of a few per cent
of t' are needed to stay within 1 % of the drawdown up to the last time, when a hundredth of it is left.
"""

from __future__ import annotations

import numpy as np
import pytest
from radial import DIRECT, corner, quarter_grid, quarter_well

from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate

TIMES = np.array([30.0, 30.01, 30.1, 31.0, 35.0, 40.0, 60.0, 90.0, 120.0, 390.0])
EXACT = np.array([1.548859, 1.258785, 0.906733, 0.546382, 0.309674, 0.220624, 0.110315, 0.064531, 0.045786, 0.012739])
STEPS = np.array([40, 15, 30, 30, 30, 30, 30, 30, 20, 120])


def residual_drawdown(growth: float, n_steps: np.ndarray, multiplier: tuple[float, float]) -> np.ndarray:
    """Return the residual drawdown at 100 m at `TIMES`; the first two periods have growing steps."""
    grid, column = quarter_grid(8.0, growth, 1.5e5, 100.0)
    rate = np.array([1000.0] + 9 * [0.0])
    problem = Problem(
        name="theis_recovery",
        grid=grid,
        properties=AquiferProperties(grid, k=50.0, specific_storage=2e-5),
        schedule=Schedule(np.diff(TIMES, prepend=0.0), n_steps=n_steps, step_multiplier=[*multiplier, *[1.0] * 8]),
        initial_head=np.zeros(grid.shape),
        stresses=(quarter_well(grid, rate),),
        observations=Observations(("at 100 m",), corner(grid, column)),
    )
    result = simulate(problem, DIRECT)
    return -result.observation_head[np.cumsum(n_steps) - 1, 0]


def test_every_time_of_the_table_within_one_per_cent() -> None:
    model = residual_drawdown(1.25, STEPS, (1.2, 1.3))
    assert model == pytest.approx(EXACT, rel=0.01)


def test_first_order_in_the_step() -> None:
    # three runs on one grid with ever finer steps after the stop
    base = np.array([4, 4, 4, 4, 4, 4, 4, 4, 8])
    runs = (residual_drawdown(1.5, np.array([20, *(base * m)]), (1.2, 1.5 ** (2 / m))) for m in (1, 2, 4))
    coarse, middle, fine = runs
    order = np.log2((coarse - middle)[-5:] / (middle - fine)[-5:])
    assert order == pytest.approx(np.ones(5), abs=0.2)
