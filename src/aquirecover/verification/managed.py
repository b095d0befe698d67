"""Sample problems of the USGS Groundwater Management process, GWM-2005 (public domain; Ahlfeld, Barlow and Mulligan 2005).

Lengths are feet and times days; the equations do not mind. Inputs and answers are those of the distribution (``data/DEWATER``,
``data/DEWATERMB``, ``data/MAXIMIN``, ``data/SEAWATER``, version 1.5.2); see `managed_basin` and `managed_storage` for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from aquirecover.flow.adjoint import SensitivitySettings
from aquirecover.flow.arrays import IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import FixedHead, Recharge, Wells
from aquirecover.study.chance import AdjointSpread, Chance
from aquirecover.study.constraints import Constraints, bounds, join, total
from aquirecover.study.decisions import Decision
from aquirecover.study.limits import LimitProblem, Objective
from aquirecover.study.priors import independent, together
from aquirecover.study.quantities import HeadSums, levels

TIGHT = SimulateSettings(
    newton=NewtonSettings(tolerance=1e-13, head_change=1e-11), linear=LinearSettings(method="direct"), budget_tolerance=1e-6
)
DATA = Path(__file__).parent / "data"


def simulate_all(problems: Sequence[Problem]) -> list[FlowResult]:
    """Run problems to tight tolerances."""
    return [simulate(problem, TIGHT) for problem in problems]


def cells_at(grid: Grid, places: Sequence[tuple[int, int]]) -> IntArray:
    """Return the cells of rows and columns counted from 1."""
    row, column = np.array(places).T - 1
    return grid.cell(0, row, column)


def _strip(k: float) -> Problem:
    """Return 20 rows of 30 cells of 100 ft between fixed heads of 80 and 60, one steady period of 1,000 d, without wells."""
    grid = Grid(np.full(30, 100.0), np.full(20, 100.0), 100.0, [0.0])
    row = np.arange(20)
    ends = FixedHead(np.concatenate([grid.cell(0, row, 0), grid.cell(0, row, 29)]), np.repeat([80.0, 60.0], 20))
    properties = AquiferProperties(grid, k)
    return Problem("strip", grid, properties, Schedule([1000.0], steady=True), np.full(grid.shape, 70.0), (), (ends,))


def _with_wells(problem: Problem, places: Sequence[tuple[int, int]]) -> Problem:
    wells = Wells(cells_at(problem.grid, places), np.zeros((problem.schedule.n_period, len(places))))
    return Problem(
        problem.name,
        problem.grid,
        problem.properties,
        problem.schedule,
        problem.initial_head,
        (*problem.stresses, wells),
        problem.fixed_heads,
    )


def _one_well_each(names: Sequence[str], lower: float, upper: float) -> list[Decision]:
    one = np.ones(1)
    return [Decision(name, lower, upper, np.array([n]), np.zeros(1, dtype=np.int64), one) for n, name in enumerate(names)]


def dewater() -> tuple[Problem, list[Decision], HeadSums, Constraints]:
    """Return the wells, heads and head limits of DEWATER."""
    places = [(7, 14), (7, 16), (8, 15), (9, 14), (9, 16), (11, 17), (13, 16)]
    problem = _with_wells(_strip(0.5), places)
    points = [(6, 13), (6, 15), (6, 17), (8, 13), (8, 17), (10, 13), (10, 15), (11, 16), (14, 16), (14, 17)]
    names = [f"b-{n:02d}" for n in range(1, 11)]
    heads = levels(names, cells_at(problem.grid, points), np.zeros(10, dtype=np.int64))
    decisions = _one_well_each([f"Q{n}" for n in range(1, 8)], 0.0, 2e4)
    return problem, decisions, heads, bounds(names, np.arange(10), "ft", upper=50.0)


def chance(question: LimitProblem, risk: float) -> LimitProblem:
    """Return DEWATER with a risk, as PEST++'s benchmark ``opt_dewater_chance`` has it.

    log10 K of each of the 600 cells has a standard deviation of (log10 500 - log10 5) / 4, the heads of the two ends have one of
    (90 - 70) / 4 and (70 - 50) / 4.
    """
    fixed = ("fixed_head.head",)
    priors = [
        independent("k", ("k", "k22"), np.arange(600), 0.5, log10=True),
        together("up", fixed, np.arange(20), 5.0),
        together("down", fixed, np.arange(20, 40), 5.0),
    ]
    spread = AdjointSpread(question.problem, question.decisions, question.families, priors, SensitivitySettings(TIGHT))
    return replace(question, chance=Chance(risk, spread))


def maximin() -> tuple[Problem, list[Decision], HeadSums, list[Constraints]]:
    """Return MAXIMIN; its last decision is the level R to be raised."""
    problem = _with_wells(_strip(0.5), [(4, 14), (3, 15), (12, 20), (13, 16), (9, 14)])
    points = [(8, 16), (11, 14), (10, 18), (8, 21)]
    heads = levels([f"H{n}" for n in range(1, 5)], cells_at(problem.grid, points), np.zeros(4, dtype=np.int64))
    decisions = [*_one_well_each([f"Q{n}" for n in range(1, 6)], 0.0, 4e3), Decision("R", 0.0, 1e3)]
    demand = total("DEMAND", "ft3/d", dict.fromkeys(range(5), 1.0), lower=4000.0)
    above = [total(f"CON{n + 1}", "ft", {5: -1.0}, {n: 1.0}, lower=0.0) for n in range(4)]
    return problem, decisions, heads, [demand, *above]


def dewater_with_switches() -> LimitProblem:
    """Return DEWATERMB: wells of DEWATER that are opened at 2,000 each, three at least.

    An open one pumps 100 to 20,000 ft³/d for 1,000 d, at 0.02 for a cubic foot; the least cost is sought.
    """
    problem, decisions, heads, limits = dewater()
    switches = [Decision(f"BV{n}", 0.0, 1.0, integer=True) for n in range(1, 8)]
    on = [total(f"on {n}", "ft3/d", {n: 1.0, 7 + n: -2e4}, upper=0.0) for n in range(7)]
    off = [total(f"off {n}", "ft3/d", {n: 1.0, 7 + n: -1e2}, lower=0.0) for n in range(7)]
    three = total("Binlower", "1", dict.fromkeys(range(7, 14), 1.0), lower=3.0)
    cost = Objective(np.repeat([0.02 * 1000.0, 2000.0], 7), maximise=False)
    return LimitProblem(problem, (*decisions, *switches), (heads,), join([limits, *on, *off, three]), cost)


def seawater() -> tuple[Problem, list[Decision], HeadSums, list[Constraints]]:
    """Return SEAWATER: five wells and three injection wells that keep the sea out of a water-table aquifer over a confined one.

    The roof of the water table's layer stands at 20 ft, not at 100 ft: the saturated thickness is the same, and no pump fades.
    """
    grid = Grid(np.full(30, 200.0), np.full(20, 200.0), 20.0, [-10.0, -20.0])
    row = np.arange(20)
    sea = np.concatenate([grid.cell(0, row, 29), grid.cell(1, row, 28), grid.cell(1, row, 29)])
    properties = AquiferProperties(grid, [5.0, 80.0], convertible=[True, False], leakance=[0.05], averaging="harmonic")
    places = [(1, 7, 12), (1, 10, 13), (1, 10, 16), (1, 12, 15), (1, 15, 11), (2, 15, 11)]
    places += [(1, 7, 27), (2, 7, 27), (1, 11, 27), (2, 11, 27), (1, 15, 27), (2, 15, 27)]
    layer, at_row, column = np.array(places).T - 1
    managed = Wells(grid.cell(layer, at_row, column), np.zeros((1, 12)))
    other = Wells(grid.cell(1, 12, 19), 5e3, names=["town"], name="other")
    stresses = (Recharge(grid.cell(0, *np.indices((20, 30)).reshape(2, -1)), 0.002), managed, other)
    problem = Problem(
        "seawater", grid, properties, Schedule([1.0], steady=True), np.full(grid.shape, 10.0), stresses, (FixedHead(sea, 0.0),)
    )
    owners = {"W1": [0], "W2": [1], "W3": [2], "W4": [3], "W5": [4, 5], "I1": [6, 7], "I2": [8, 9], "I3": [10, 11]}
    decisions = []
    for name, wells in owners.items():
        share = np.full(len(wells), (-1.0 if name.startswith("I") else 1.0) / len(wells))
        decisions.append(Decision(name, 0.0, 1e4, np.array(wells), np.zeros(len(wells), dtype=np.int64), share))
    # terms of each quantity: heads (layer, row, column) with their coefficients
    terms = [[(1.0, (1, r, 27))] for r in (7, 11, 15)]
    terms += [[(1.0, (1, r, 29)), (-1.0, (2, r, 29))] for r in range(1, 20, 2)]
    terms += [[(1.0 / 400.0, (k, r, 28)), (-1.0 / 400.0, (k, r, 30))] for r in range(1, 20, 2) for k in (1, 2)]
    lines = [(n, coefficient, place) for n, sums in enumerate(terms) for coefficient, place in sums]
    cell = grid.cell(*(np.array([place for *_, place in lines]).T - 1))
    names = [f"m-{n:02d}" for n in range(1, 4)] + [f"hd-{n:02d}" for n in range(1, 11)] + [f"gd-{n:02d}" for n in range(1, 21)]
    n = np.array([number for number, *_ in lines])
    coefficients = np.array([coefficient for _, coefficient, _ in lines])
    zeros = np.zeros(len(names), dtype=np.int64)
    heads = HeadSums(tuple(names), "ft", zeros, n, np.zeros(n.size, dtype=np.int64), cell, coefficients, np.zeros(len(names)))
    rows = [
        bounds(names[:3], np.arange(3), "ft", upper=5.0),
        bounds(names[3:13], np.arange(3, 13), "ft", lower=0.05),
        bounds(names[13:], np.arange(13, 33), "1", lower=0.00375),
        total("rech-a", "ft3/d", dict(zip(range(8), [1.0] * 5 + [-1.0] * 3, strict=True)), lower=0.0),
    ]
    return problem, decisions, heads, rows
