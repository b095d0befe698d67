"""STORAGE, a sample problem of GWM-2005 about the water taken from storage.

The aquifers of `twri` in feet and days under a tenth of their recharge and pumping: a steady state, and five decades of 20 steps
each. Nine wells are decided for each decade, 45 rates. The most is sought for the first decade, while the water table loses in
each decade at most 0.85, 0.80, 0.75 and 0.70 of what it lost in the one before, the south of the middle aquifer in all at most
0.9 of what its north loses, and every decade pumps as much as the first (Ahlfeld, Barlow and Baker 2011, USGS Techniques and
Methods 6-A36). Inputs and answers are those of the distribution (``data/STORAGE``, version 1.5.2).
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Drain, FixedHead, Recharge, Wells
from aquirecover.study.constraints import Constraints, join, total
from aquirecover.study.decisions import Decision
from aquirecover.study.flow_quantities import StoredWater
from aquirecover.study.limits import LimitProblem, Objective
from aquirecover.verification.twri import BOTTOM, DRAIN_ELEVATION, SIZE, WELLS, N

SECONDS = 86_400.0
DECADE, DECADES, STEPS = 3650.0, 5, 20
RATE, LARGEST = 4.32e4, 6.4e4
# layer, row, column from 1, and the names that GWM gives
MANAGED = {
    "Q1-2": (2, 4, 6),
    "Q2-3": (3, 5, 11),
    "Q3-2": (2, 6, 12),
    "Q4-1": (1, 11, 8),
    "Q4-2": (2, 11, 8),
    "Q4-3": (3, 11, 8),
    "Q5-1": (1, 11, 12),
    "Q5-2": (2, 11, 12),
    "Q5-3": (3, 11, 12),
}
# wells of the steady state that the managed ones replace
REPLACED = [(2, 4, 6), (3, 5, 11), (2, 6, 12), (1, 11, 8), (1, 11, 12)]
# what a decade may take from the water table as a share of the decade before, and the south of the middle aquifer of the north
SHARES, SOUTH = (0.85, 0.80, 0.75, 0.70), 0.9


def _problem() -> Problem:
    grid = Grid(np.full(N, SIZE), np.full(N, SIZE), 200.0, [BOTTOM, -250.0, -350.0])
    k, confining, bed = np.array([86.4, 8.64, 17.28]), np.array([8.64e-2, 4.32e-2]), 50.0
    # half thicknesses of the layers stand in series with the confining beds; K across the layers is 10,000 times that along them
    half = np.array([175.0, 50.0, 50.0]) / (1e4 * k)
    properties = AquiferProperties(
        grid,
        k,
        # below its top MODFLOW-2005 takes water from a layer by its specific yield alone
        specific_storage=[0.0, 1e-5, 1e-5],
        specific_yield=[0.15, 0.0, 0.0],
        convertible=[True, False, False],
        leakance=1.0 / (half[:-1] + bed / confining + half[1:]),
        averaging="harmonic",
    )
    west = np.concatenate([grid.cell(layer, np.arange(N), 0) for layer in (0, 1)])
    layer, row, column = np.array(list(MANAGED.values())).T - 1
    managed = Wells(grid.cell(layer, row, column), np.zeros((1 + DECADES, len(MANAGED))), names=tuple(MANAGED))
    rates = np.full((1 + DECADES, len(WELLS)), RATE)
    rates[1:, [WELLS.index(place) for place in REPLACED]] = 0.0
    layer, row, column = np.array(WELLS).T - 1
    stresses = (
        Recharge(np.arange(N * N), 2.592e-4),
        Drain(grid.cell(0, 7, np.arange(1, 10)), DRAIN_ELEVATION, SECONDS),
        managed,
        Wells(grid.cell(layer, row, column), rates, names=[f"other {n}" for n in range(1, 1 + len(WELLS))], name="other"),
    )
    steady = np.arange(1 + DECADES) == 0
    schedule = Schedule(np.where(steady, 1.0, DECADE), np.where(steady, 1, STEPS), np.where(steady, 1.0, 1.25), steady)
    return Problem("storage", grid, properties, schedule, np.zeros(grid.shape), stresses, (FixedHead(west, 0.0),))


def _losses(grid: Grid) -> StoredWater:
    """Return what the water table loses in each decade, and north and south of the middle aquifer in all; ft³."""
    names = (*(f"SCHNG{period}" for period in range(2, 2 + DECADES)), "SCHNGN", "SCHNGS")
    cell = np.arange(grid.n_cell).reshape(grid.shape)
    groups = [cell[0].ravel()] * DECADES + [cell[1, :8].ravel(), cell[1, 8:].ravel()]
    ends = STEPS * np.arange(1 + DECADES)
    first, last = np.append(ends[:-1], [0, 0]), np.append(ends[1:], ends[[-1, -1]])
    size = np.array([group.size for group in groups])
    row, cells = np.repeat(np.arange(size.size), size), np.concatenate(groups)
    return StoredWater(
        names,
        last,
        np.concatenate([row, row]),
        np.concatenate([first[row], last[row]]),
        np.concatenate([cells, cells]),
        np.repeat([1.0, -1.0], row.size),
        np.zeros(size.size),
        unit="ft3",
    )


def storage() -> LimitProblem:
    """Return STORAGE; its objective is the volume that the first decade pumps."""
    problem = _problem()
    decisions = [
        Decision(f"{name}-{letter}", 0.0, LARGEST, np.array([well]), np.array([1 + decade]), np.ones(1))
        for well, name in enumerate(MANAGED)
        for decade, letter in enumerate("abcde")
    ]
    rows: list[Constraints] = [
        total(f"ST1-{n + 1}", "ft3", {}, {n - 1: -share, n: 1.0}, upper=0.0) for n, share in enumerate(SHARES, 1)
    ]
    rows.append(total("ST2-1", "ft3", {}, {DECADES + 1: 1.0, DECADES: -SOUTH}, upper=0.0))
    first = range(0, len(decisions), DECADES)
    for decade, letter in enumerate("bcde", 1):
        equal = dict.fromkeys(first, 1.0) | {n + decade: -1.0 for n in first}
        rows.append(total(f"EQ-{letter}", "ft3/d", equal, lower=0.0, upper=0.0))
    weights = np.zeros(len(decisions))
    weights[::DECADES] = DECADE
    return LimitProblem(problem, tuple(decisions), (_losses(problem.grid),), join(rows), Objective(weights))
