"""DRAIN, STREAMFLOW and SUPPLY2, sample problems of GWM-2005 on one basin with two streams that meet; see `managed`.

DRAIN takes the streams for drains. In the others they are channels whose stage follows their flow (`channels`): STREAMFLOW seeks
the most flow at four gauges (Ahlfeld, Barlow and Baker 2011, USGS Techniques and Methods 6-A36), SUPPLY2 the most valuable supply
under limits to what it takes from them, with water that may be imported (Ahlfeld, Baker and Barlow 2009, 6-A33).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from aquirecover.flow.arrays import IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Drain, FixedHead, Recharge, Wells
from aquirecover.study.constraints import Constraints, bounds, join, total
from aquirecover.study.decisions import Decision
from aquirecover.study.limits import LimitProblem, Objective
from aquirecover.study.quantities import StressOutflow, outflows, read
from aquirecover.verification.channels import Channels, with_stages
from aquirecover.verification.managed import DATA, cells_at

# rows and columns of the reaches from 1, downstream; both tributaries end where the third segment begins
SEGMENTS = (
    [
        (13, 1),
        (13, 2),
        (14, 3),
        (15, 4),
        *((16, j) for j in range(5, 13)),
        (15, 13),
        (14, 14),
        (13, 15),
        *((12, j) for j in range(16, 20)),
        (13, 20),
        (14, 21),
        (14, 22),
    ],
    [*((9, j) for j in range(30, 26, -1)), (10, 26), (11, 25), (12, 24), (13, 23), (14, 22)],
    [(14, 22), *((15, j) for j in range(23, 27)), (16, 27), (17, 28), (18, 29), (18, 30)],
)
BEDS = (
    47.5 - 0.5 * np.arange(22),
    np.array([39.25, 39.0, 38.75, 38.5, 38.25, 38.0, 37.75, 37.5, 37.0]),
    np.array([37.0, 37.0, 36.0, 35.0, 34.0, 33.0, 32.0, 31.0, 30.0]),
)
# elevations of the channels at the beginnings and ends of the segments, inflow, and the segment downstream
CHANNELS = ((48.5, 38.0, 1e5, 2), (40.25, 38.0, 5e4, 2), (38.0, 30.0, 0.0, None))
# segment and reach of the gauges from 1
GAUGES = {"SF1": (1, 14), "SF2": (1, 21), "SF3": (2, 8), "SF4": (3, 5)}
# largest depletion by gauge and period from 1
DEPLETION = {("SF1", 9): 1.5e4, ("SF1", 10): 1.5e4, ("SF1", 11): 1.5e4, ("SF1", 12): 1.5e4, ("SF2", 11): 2e4, ("SF2", 12): 2e4}
DEPLETION |= {("SF3", n): 1.5e4 for n in (9, 10, 11, 12)} | {("SF4", 11): 3e4, ("SF4", 12): 3e4}
LARGEST = 5e4


def _basin(name: str) -> Problem:
    """Return twelve seasons of a step each between two rows of fixed heads, with three wells at rest."""
    grid = Grid(np.full(30, 200.0), np.full(25, 200.0), 100.0, [0.0])
    initial = np.loadtxt(DATA / "drain_initial_heads.txt").reshape(grid.shape)
    season = np.array([92.0, 91.0, 91.0, 91.0] * 3)
    recharge = np.array([0.0005, 0.0020, 0.0, 0.0010] * 3)
    column = np.arange(30)
    edge = np.concatenate([grid.cell(0, 0, column), grid.cell(0, 24, column)])
    wells = Wells(cells_at(grid, [(12, 11), (16, 17), (14, 25)]), np.zeros((season.size, 3)))
    stresses = (Recharge(np.arange(grid.n_cell), recharge[:, None] * np.ones(grid.n_cell)), wells)
    properties = AquiferProperties(grid, 50.0, specific_storage=0.05 / 100.0)
    return Problem(name, grid, properties, Schedule(season), initial, stresses, (FixedHead(edge, initial.ravel()[edge]),))


def _seasonal(rates: Mapping[str, tuple[int, IntArray]]) -> list[Decision]:
    """Return rates of wells, from 0, in periods."""
    return [
        Decision(name, 0.0, LARGEST, np.full(period.size, well), period, np.ones(period.size))
        for name, (well, period) in rates.items()
    ]


def _each_year(*seasons: int) -> IntArray:
    """Return the periods of seasons, from 0, in all three years."""
    return np.sort(np.concatenate([np.arange(season, 12, 4) for season in seasons]))


def _rates() -> list[Decision]:
    """Return the seven rates of DRAIN and STREAMFLOW."""
    seasons = {"Q1": (0, np.arange(12)), "Q2win": (1, _each_year(0)), "Q2spr": (1, _each_year(1)), "Q2sum": (1, _each_year(2))}
    return _seasonal(seasons | {"Q2fal": (1, _each_year(3)), "Q3spr": (2, _each_year(1)), "Q3sum": (2, _each_year(2))})


def _demands() -> list[Constraints]:
    """Return what each season must pump."""
    sums = {"WIN": ([0, 1], 3e4), "SPR": ([0, 2, 5], 4.5e4), "SUM": ([0, 3, 6], 6e4), "FAL": ([0, 4], 3e4)}
    return [total(name, "ft3/d", dict.fromkeys(chosen, 1.0), lower=least, upper=8e4) for name, (chosen, least) in sums.items()]


def drain() -> LimitProblem:
    """Return DRAIN: twelve seasons, seven rates that recur every year, three drains at the end of season 11."""
    problem = _basin("drain")
    reach = [cells_at(problem.grid, places) for places in SEGMENTS]
    conductance = [np.full(cells.size, 20_000.0) for cells in reach]
    conductance[0][-1], conductance[1][-1], conductance[2][0] = 10_000.0, 5_000.0, 5_000.0
    drains = Drain(np.concatenate(reach), np.concatenate(BEDS), np.concatenate(conductance))
    problem = replace(problem, stresses=(*problem.stresses, drains))
    sizes = np.cumsum([0, *(cells.size for cells in reach)])
    items = [np.arange(a, b) for a, b in pairwise(sizes)]
    at = np.full(3, 10)
    flows = outflows(problem, "drain", items, ["DR1", "DR2", "DR3"], at, at)
    least = bounds(["DR1-MIN", "DR2-MIN", "DR3-MIN"], np.arange(3), "ft3/d", lower=np.array([3e5, 2.3e5, 2.355e5]))
    most = Objective(np.zeros(7), np.ones(3))
    return LimitProblem(problem, tuple(_rates()), (flows,), join([*_demands(), least]), most)


def _channels() -> Channels:
    """Return the reaches of the streams, 20 ft wide in beds of 1 ft with 5 ft/d."""
    elevation, slope, inflow, below = [], [], [], []
    first = np.cumsum([0, *(len(places) for places in SEGMENTS)])
    for n, (up, down, flow, target) in enumerate(CHANNELS):
        size = len(SEGMENTS[n])
        elevation.append(up - (up - down) * (np.arange(size) + 0.5) / size)
        slope.append(np.full(size, (up - down) / (200.0 * size)))
        inflow.append(np.append(flow, np.zeros(size - 1)))
        own = first[n] + np.arange(1, size)
        below.append(np.append(own, -1 if target is None else first[target]))
    reaches = np.concatenate(elevation), np.concatenate(slope), np.concatenate(inflow), np.concatenate(below)
    return Channels("stream", *reaches, 20.0, 0.05)


def _streams(name: str) -> tuple[Problem, Channels]:
    problem, channels = _basin(name), _channels()
    cell = np.concatenate([cells_at(problem.grid, places) for places in SEGMENTS])
    # L w k / b = 200 x 20 x 5 / 1
    river = channels.river(cell, np.full(cell.size, 20_000.0), bed_thickness=1.0, n_period=problem.schedule.n_period)
    return replace(problem, stresses=(*problem.stresses, river)), channels


def _gains(problem: Problem, channels: Channels, gauges: Sequence[tuple[str, int]]) -> StressOutflow:
    """Return what all reaches above gauges gain in periods from 1."""
    first = np.cumsum([0, *(len(places) for places in SEGMENTS)])
    at = np.array([period - 1 for _, period in gauges])
    place = [first[GAUGES[gauge][0] - 1] + GAUGES[gauge][1] - 1 for gauge, _ in gauges]
    above = [np.flatnonzero(channels.upstream[reach]) for reach in place]
    return outflows(problem, "stream", above, [f"{gauge}.{period}" for gauge, period in gauges], at, at)


def streamflow() -> tuple[LimitProblem, Channels]:
    """Return STREAMFLOW with the channels of its streams; its objective is what they gain, without the inflow of 4e5 ft³/d."""
    problem, channels = _streams("streamflow")
    gains = _gains(problem, channels, [(gauge, 11) for gauge in GAUGES])
    return LimitProblem(problem, tuple(_rates()), (gains,), join(_demands()), Objective(np.zeros(7), np.ones(4))), channels


def supply2() -> tuple[LimitProblem, Channels]:
    """Return SUPPLY2 with the channels of its streams."""
    problem, channels = _streams("supply2")
    gains = _gains(problem, channels, list(DEPLETION))
    (at_rest,) = with_stages(channels, [problem])
    untouched = read(at_rest, at_rest.problem.observations.cell, (gains,), np.zeros((12, 3)))
    rates = {"Q1": (0, np.arange(12)), "Q2a": (1, _each_year(0)), "Q2b": (1, _each_year(1)), "Q2c": (1, _each_year(2))}
    wells = _seasonal(rates | {"Q2d": (1, _each_year(3)), "Q4a": (2, _each_year(1)), "Q4b": (2, _each_year(3))})
    imports = [Decision(f"Im{period}", 0.0, 1e6) for period in (9, 10, 11, 12)]
    rows = [bounds(gains.names, np.arange(len(gains.names)), "ft3/d", lower=untouched - np.array(list(DEPLETION.values())))]
    for season, chosen in enumerate(([0, 1], [0, 2, 5], [0, 3], [0, 4, 6])):
        rows.append(total(f"p{season + 1:02d}", "ft3/d", dict.fromkeys(chosen, 1.0), lower=3e4, upper=8e4))
        imported = dict.fromkeys([*chosen, 7 + season], 1.0)
        rows.append(total(f"p{season + 9:02d}", "ft3/d", imported, lower=4.5e4, upper=8e4))
    days = problem.schedule.period_length
    worth = np.array([0.001 * days[d.period].sum() for d in wells] + [-0.0012 * days[n] for n in (8, 9, 10, 11)])
    return LimitProblem(problem, (*wells, *imports), (gains,), join(rows), Objective(worth)), channels
