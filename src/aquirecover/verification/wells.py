"""Wells in a plane: Theis (1935), his recovery, and Hantush and Jacob (1955), on a quarter plane."""

from __future__ import annotations

import numpy as np

from aquirecover import analytical
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import FixedHead, Wells
from aquirecover.verification.radial import DIRECT, corner, quarter_grid, quarter_well

TRANSMISSIVITY, STORATIVITY, RATE = 500.0, 2e-4, 1000.0
# Of the drawdown at two distances; d.
DRAWDOWN_TIMES = np.array([0.1, 1.0, 10.0, 30.0])
# Of the recovery after 30 d of pumping, its exact residual drawdown at 100 m, and steps of each period.
RECOVERY_TIMES = np.array([30.0, 30.01, 30.1, 31.0, 35.0, 40.0, 60.0, 90.0, 120.0, 390.0])
RECOVERY = np.array([1.548859, 1.258785, 0.906733, 0.546382, 0.309674, 0.220624, 0.110315, 0.064531, 0.045786, 0.012739])
RECOVERY_STEPS = np.array([40, 15, 30, 30, 30, 30, 30, 30, 20, 120])
# Of the aquitard; 1/d.
LEAKANCE = 5e-4


def drawdown(growth: float, n_steps: int) -> tuple[FloatArray, FloatArray]:
    """Return drawdowns at 100 m and about 1 km at `DRAWDOWN_TIMES`, and the exact ones."""
    grid, near = quarter_grid(8.0, growth, 1.5e5, 100.0)
    far = int(np.argmin(np.abs(grid.x - 1000.0)))
    cells = np.concatenate((corner(grid, near), corner(grid, far)))
    lengths = np.diff(DRAWDOWN_TIMES, prepend=0.0)
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
    return -result.observation_head[last], analytical.theis(RATE, TRANSMISSIVITY, STORATIVITY, radius, DRAWDOWN_TIMES[:, None])


def residual_drawdown(growth: float, n_steps: IntArray, multiplier: tuple[float, float]) -> FloatArray:
    """Return the residual drawdown at 100 m at `RECOVERY_TIMES`; the first two periods have growing steps."""
    grid, column = quarter_grid(8.0, growth, 1.5e5, 100.0)
    rate = np.array([RATE] + 9 * [0.0])
    problem = Problem(
        name="theis_recovery",
        grid=grid,
        properties=AquiferProperties(grid, k=TRANSMISSIVITY / 10.0, specific_storage=STORATIVITY / 10.0),
        schedule=Schedule(np.diff(RECOVERY_TIMES, prepend=0.0), n_steps=n_steps, step_multiplier=[*multiplier, *[1.0] * 8]),
        initial_head=np.zeros(grid.shape),
        stresses=(quarter_well(grid, rate),),
        observations=Observations(("at 100 m",), corner(grid, column)),
    )
    result = simulate(problem, DIRECT)
    found: FloatArray = -result.observation_head[np.cumsum(n_steps) - 1, 0]
    return found


def leaky(schedule: Schedule) -> tuple[Problem, FloatArray]:
    """Return a well under an aquitard, seen at 100 m and about 500 m, and these distances."""
    plan, near = quarter_grid(8.0, 1.25, 3e4, 100.0)
    grid = Grid(dx=plan.dx, dy=plan.dy, top=10.0, bottom=[0.0, -10.0])
    n_y = grid.shape[1]
    columns = np.array([near, int(np.argmin(np.abs(grid.x - 500.0)))])
    problem = Problem(
        name="hantush",
        grid=grid,
        properties=AquiferProperties(grid, k=TRANSMISSIVITY / 10.0, specific_storage=STORATIVITY / 10.0, leakance=[LEAKANCE]),
        schedule=schedule,
        initial_head=np.zeros(grid.shape),
        stresses=(Wells(grid.cell(1, n_y - 1, 0), pumping_rate=RATE / 4.0),),
        fixed_heads=(FixedHead(np.arange(grid.n_cell // 2), 0.0, name="above"),),
        observations=Observations(("near", "far"), grid.cell(1, n_y - 1, columns)),
    )
    return problem, np.hypot(grid.x[columns], 0.5 * grid.dx[0])
