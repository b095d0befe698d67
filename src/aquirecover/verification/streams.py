"""Stream depletion: Glover and Balmer (1954) for a clean stream that bounds the aquifer, Hunt (1999) for one with a clogged bed.

The models are half planes (the line through the well across the stream is an axis of symmetry) that grow outwards to where
nothing is felt. What the stream gives is read from the water budget and compared, as a share of the pumping, with the exact
curves and with the published numbers; lengths in feet, as published.
"""

from __future__ import annotations

import numpy as np

from aquirecover import analytical
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import FixedHead, GeneralHead, Wells


def axis(fine: float, n_fine: int, growth: float, reach: float) -> FloatArray:
    """Return `n_fine` equal cells and then growing ones up to `reach`."""
    n = int(np.ceil(np.log(1.0 + reach / fine * (growth - 1.0)) / np.log(growth)))
    return np.concatenate((np.full(n_fine, fine), fine * growth ** np.arange(1, n)))


def given(result: FlowResult, term: str) -> FloatArray:
    """Return the net flow from a term at the end of each period."""
    column = result.problem.terms.index(term)
    last = np.cumsum(result.problem.schedule.n_steps) - 1
    found: FloatArray = (result.budget.inflow - result.budget.outflow)[last, column]
    return found


def glover() -> tuple[FloatArray, FloatArray]:
    """Return the share of the pumping that a clean stream gives after 0.5, 1, 2 and 5 years: simulated and exact."""
    transmissivity, storativity, rate, distance = 8640.0, 0.2, 1e5, 5000.0
    years = np.array([0.5, 1.0, 2.0, 5.0])
    size = 500.0
    dx, dy = axis(size, 25, 1.25, 8e4), axis(size, 12, 1.25, 8e4)
    grid = Grid(dx=dx, dy=dy[::-1], top=0.0, bottom=[-100.0], x_min=-0.5 * size)
    n_y = grid.shape[1]
    problem = Problem(
        name="glover",
        grid=grid,
        properties=AquiferProperties(grid, k=transmissivity / 100.0, specific_storage=storativity / 100.0),
        schedule=Schedule(365.25 * np.diff(years, prepend=0.0), n_steps=30, step_multiplier=[1.1, 1.0, 1.0, 1.0]),
        initial_head=np.zeros(grid.shape),
        stresses=(Wells(grid.cell(0, n_y - 1, 10), pumping_rate=rate / 2.0),),
        fixed_heads=(FixedHead(grid.cell(0, np.arange(n_y), 0), 0.0, name="stream"),),
    )
    share = given(simulate(problem), "stream") / (rate / 2.0)
    return share, analytical.glover_depletion(distance, transmissivity, storativity, 365.25 * years)


def hunt() -> tuple[FloatArray, FloatArray]:
    """Return the share of the pumping that a clogged stream gives after 10, 20 and 28 days: simulated and exact."""
    transmissivity, storativity, distance, bed = 1000.0, 0.1, 500.0, 20.0
    rate = 0.557 * 86400.0
    times = np.array([10.0, 20.0, 28.0])
    size = 50.0
    arm = axis(size, 12, 1.3, 6000.0)
    # the stream runs in the middle column, with as much aquifer on either side
    dx = np.concatenate((arm[::-1], [size], arm))
    dy = axis(size, 6, 1.3, 8000.0)
    grid = Grid(dx=dx, dy=dy[::-1], top=0.0, bottom=[-100.0])
    n_y, stream = grid.shape[1], arm.size
    well = stream + round(distance / size)
    problem = Problem(
        name="hunt",
        grid=grid,
        properties=AquiferProperties(grid, k=transmissivity / 100.0, specific_storage=storativity / 100.0),
        schedule=Schedule(np.diff(times, prepend=0.0), n_steps=[60, 40, 30], step_multiplier=[1.05, 1.0, 1.0]),
        initial_head=np.zeros(grid.shape),
        stresses=(
            Wells(grid.cell(0, n_y - 1, well), pumping_rate=rate / 2.0),
            GeneralHead(grid.cell(0, np.arange(n_y), stream), 0.0, bed * grid.dy, name="stream"),
        ),
    )
    share = given(simulate(problem), "stream") / (rate / 2.0)
    return share, analytical.hunt_depletion(distance, transmissivity, storativity, bed, times)
