"""TWRI: MODFLOW's own test problem (McDonald and Harbaugh 1988, appendix D), steady, in feet and seconds.

15 × 15 cells of 5,000 ft in three layers: a water-table layer (K 1e-3 ft/s, bottom -150 ft) and two confined ones (T 0.01 and
0.02 ft²/s), with confining units between them (2e-8 and 1e-8 1/s). Head 0 in column 1 of the upper two layers, recharge 3e-8 ft/s
elsewhere, 15 wells of 5 ft³/s, nine drains of 1 ft²/s in row 8.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties, Averaging
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import Drain, FixedHead, Recharge, Wells

N, SIZE = 15, 5000.0
BOTTOM, K = -150.0, 1e-3
TRANSMISSIVITY, LEAKANCE = (0.01, 0.02), (2e-8, 1e-8)
# layer, row, column from 1
WELLS = [(3, 5, 11), (2, 4, 6), (2, 6, 12), *((1, row, column) for row in (9, 11, 13) for column in (8, 10, 12, 14))]
DRAIN_ELEVATION = [0.0, 0.0, 10.0, 20.0, 30.0, 50.0, 70.0, 90.0, 100.0]


def twri(averaging: Averaging) -> FlowResult:
    """Return the steady flow with harmonic means of transmissivity in the water table, or upstream ones."""
    grid = Grid(dx=np.full(N, SIZE), dy=np.full(N, SIZE), top=200.0, bottom=[BOTTOM, -250.0, -350.0])
    wells = np.array(WELLS) - 1
    west = np.concatenate([grid.cell(layer, np.arange(N), 0) for layer in (0, 1)])
    problem = Problem(
        name="twri",
        grid=grid,
        properties=AquiferProperties(
            grid,
            k=[K, *(t / 100.0 for t in TRANSMISSIVITY)],
            convertible=[True, False, False],
            leakance=LEAKANCE,
            averaging=averaging,
        ),
        schedule=Schedule(86400.0, steady=True),
        initial_head=np.zeros(grid.shape),
        stresses=(
            Wells(np.concatenate([grid.cell(*well) for well in wells]), pumping_rate=5.0),
            Drain(grid.cell(0, 7, np.arange(1, 10)), DRAIN_ELEVATION, 1.0, name="drains"),
            Recharge(np.arange(N * N), 3e-8),
        ),
        fixed_heads=(FixedHead(west, 0.0, name="constant_head"),),
    )
    return simulate(problem)
