"""Theis (1935): drawdown around a well in an endless confined aquifer, ``s = Q / (4 π T) W(r² S / (4 T t))``.

T 500 m²/d, S 2e-4, Q 1,000 m³/d. The grid is a quarter plane (`radial.quarter_grid`), 150 km wide with a closed edge that the
drawdown does not reach in 30 d. Backward Euler is of first order in the step: for a mode that decays as ``e^(−λt)``, n steps give
``(1 + λt/n)^(−n) = e^(−λt) (1 + λ²t²/(2n) + …)``, so that halving every step halves the error; the difference of three runs on
one grid shows it free of the error in space.
"""

from __future__ import annotations

import numpy as np
import pytest
from radial import DIRECT, corner, quarter_grid, quarter_well

from aquirecover import analytical
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate

TRANSMISSIVITY, STORATIVITY, RATE = 500.0, 2e-4, 1000.0
TIMES = np.array([0.1, 1.0, 10.0, 30.0])


def drawdown(growth: float, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return drawdowns at 100 m and about 1 km at `TIMES`, and the exact ones."""
    grid, near = quarter_grid(8.0, growth, 1.5e5, 100.0)
    far = int(np.argmin(np.abs(grid.x - 1000.0)))
    cells = np.concatenate((corner(grid, near), corner(grid, far)))
    lengths = np.diff(TIMES, prepend=0.0)
    problem = Problem(
        name="theis",
        grid=grid,
        properties=AquiferProperties(grid, k=TRANSMISSIVITY / 10.0, specific_storage=STORATIVITY / 10.0),
        schedule=Schedule(lengths, n_steps=n_steps, step_multiplier=[1.2 ** (10 / n_steps), *[1.0] * 3]),
        initial_head=np.zeros(grid.shape),
        stresses=(quarter_well(grid, RATE),),
        observations=Observations(("near", "far"), cells),
    )
    result = simulate(problem, DIRECT)
    last = np.cumsum(problem.schedule.n_steps) - 1
    radius = np.hypot(grid.x[[near, far]], 0.5 * grid.dx[0])
    return -result.observation_head[last], analytical.theis(RATE, TRANSMISSIVITY, STORATIVITY, radius, TIMES[:, None])


def test_theis_at_two_distances() -> None:
    model, exact = drawdown(1.25, 40)
    assert model[:, 0] == pytest.approx(exact[:, 0], rel=0.01)
    # at 1 km u is 1 after 0.1 d: the wave has just arrived
    assert model[:, 1] == pytest.approx(exact[:, 1], abs=0.01 * exact[-1, 1])


def test_backward_euler_is_of_first_order() -> None:
    coarse, middle, fine = (drawdown(1.4, n)[0] for n in (10, 20, 40))
    order = np.log2((coarse - middle) / (middle - fine))
    assert order[1:] == pytest.approx(np.ones((3, 2)), abs=0.2)
