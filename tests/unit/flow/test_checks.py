"""Each physical rule, broken once, and what the user then reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.checks import check_problem
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Observations, Problem, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Drain, Evapotranspiration, FixedHead, FlowBarrier, GeneralHead, Recharge, River, Wells
from small_problems import plain_grid, plain_problem, random_problem

GRID = plain_grid(2, 3)
HOLE = np.ones(GRID.shape, dtype=bool)
HOLE[1, 0, 1] = False


def _found(problem: Problem, equilibrium: bool = False) -> list[str]:
    return [str(finding) for finding in check_problem(problem, equilibrium)]


def _stress(*stresses, **more) -> Problem:
    return plain_problem(GRID, stresses, **more)


def _grid(**more) -> Problem:
    return plain_problem(plain_grid(2, 3, **more))


def _properties(**more) -> Problem:
    return plain_problem(GRID, properties=AquiferProperties(GRID, more.pop("k", 1.0), **({"specific_storage": 1e-5} | more)))


def _times(*args, **more) -> Problem:
    return plain_problem(GRID, [GeneralHead([0], 1.0, 1.0)], schedule=Schedule(*args, **more))


def _but(value: float, cell: tuple[int, ...] = (1, 0, 2), good: float = 1.0) -> np.ndarray:
    field = np.full(GRID.shape, good)
    field[cell] = value
    return field


def _crossing() -> Problem:
    bottom = np.zeros(GRID.shape)
    bottom[1] = -10.0
    bottom[1, 1, :2] = 0.5
    return plain_problem(plain_grid(2, 3, bottom=bottom))


CONVERTIBLE = AquiferProperties(GRID, 1.0, specific_storage=1e-5, specific_yield=0.1, convertible=[True, False])
STEADY = Schedule(0.0, steady=True)

RULES: dict[str, tuple[Problem, str]] = {
    "dx": (plain_problem(Grid([1.0, 0.0], [1.0], 1.0, 0.0)), "grid.dx[column 2]: 0 m: must be greater than 0."),
    "dy": (plain_problem(Grid([1.0], [1.0, np.nan], 1.0, 0.0)), "grid.dy[row 2]: nan m: must be greater than 0."),
    "nothing active": (_grid(active=False), "grid.active: no cell is active: at least one must be."),
    "active and pass-through": (
        _grid(pass_through=~HOLE),
        "grid.pass_through[layer 2, row 1, column 2]: the cell is also active: it can only be one of both.",
    ),
    "missing bottom": (
        _grid(bottom=_but(np.nan, good=-1.0) * np.array([1.0, 2.0])[:, None, None]),
        "grid.bottom[layer 2, row 1, column 3]: nan m: must be a finite number, as its top.",
    ),
    "crossing surfaces": (
        _crossing(),
        "grid.bottom[layer 2, row 2, column 1]: 0.5 m: must be below the top of the layer, 0 m; the layer surfaces cross. "
        "Give the layer a minimum thickness, or make the cell inactive or pass-through. (1 more like it.)",
    ),
    "no period": (_times([]), "schedule.period_length: has no stress period: give one or more."),
    "start": (_times([1.0], start="2021-13-01"), "schedule.start: '2021-13-01': must be a date as 2021-01-01."),
    "period of no length": (
        _times([1.0, 0.0]),
        "schedule.period_length[period 2]: 0 d: must be greater than 0 (or 0 in a steady period).",
    ),
    "negative period": (
        _times([-1.0], steady=True),
        "schedule.period_length[period 1]: -1 d: must be greater than 0 (or 0 in a steady period).",
    ),
    "no steps": (_times([1.0, 1.0], [1, 0]), "schedule.n_steps[period 2]: 0: must be 1 or more."),
    "multiplier": (_times([1.0], 3, 0.0), "schedule.step_multiplier[period 1]: 0: must be greater than 0."),
    "k": (_properties(k=_but(0.0)), "k[layer 2, row 1, column 3]: 0 m/d: must be greater than 0."),
    "k33": (_properties(k33=[1.0, -2.0]), "k33[layer 2, row 1, column 1]: -2 m/d: must be greater than 0. (5 more like it.)"),
    "k22": (_properties(k22=_but(np.nan)), "k22[layer 2, row 1, column 3]: nan m/d: must be a finite number."),
    "specific storage": (
        _properties(specific_storage=_but(-1e-5, good=1e-5)),
        "specific_storage[layer 2, row 1, column 3]: -1e-05 1/m: must be 0 or more.",
    ),
    "specific yield": (
        _properties(specific_yield=_but(20.0, good=0.1), convertible=True),
        "specific_yield[layer 2, row 1, column 3]: 20: must be 1 or less.",
    ),
    "leakance": (
        _properties(leakance=_but(np.inf)[1:]),
        "leakance[layer 1, row 1, column 3]: inf 1/d: must be a finite number.",
    ),
    "initial head": (
        plain_problem(GRID, head=_but(np.nan)),
        "initial_head[layer 2, row 1, column 3]: nan m: must be a finite number.",
    ),
    "shape of the initial head": (
        replace(plain_problem(GRID), initial_head=np.zeros((2, 3))),
        "initial_head: has shape (2, 3): must be (n_layer, n_y, n_x) = (2, 2, 3).",
    ),
    "names of terms": (
        _stress(Recharge([0], 0.0), GeneralHead([0], 1.0, 1.0, "recharge")),
        "recharge: another term of the budget has this name: names of stresses must differ.",
    ),
    "storage as a name": (
        _stress(Recharge([0], 0.0, "storage")),
        "storage: another term of the budget has this name: names of stresses must differ.",
    ),
    "outside": (_stress(Recharge([12], 0.0)), "recharge.cell[1]: lies outside the grid: must lie in an active cell."),
    "not located": (
        _stress(Wells(GRID.locate(1e9, 0.0, 0), 1.0, names=("A",))),
        "wells.A: lies outside the grid: must lie in an active cell.",
    ),
    "inactive": (
        plain_problem(plain_grid(2, 3, active=HOLE), [Wells([7], 1.0, names=("A",))]),
        "wells.A: lies in layer 2, row 1, column 2, which is inactive: must lie in an active cell.",
    ),
    "periods of a series": (_stress(Recharge([0], [[0.0], [0.0]])), "recharge.recharge_rate: has 2 periods: the schedule has 1."),
    "negative pumping": (
        _stress(Wells([0], [[-1500.0]], names=("W3",))),
        "wells.W3.pumping_rate[period 1]: -1500 m3/d: must be 0 or more. "
        "Extraction is positive; to inject water use injection_rate.",
    ),
    "missing pumping": (
        _stress(Wells([0, 1], [1.0, np.nan])),
        "wells.W2.pumping_rate: nan m3/d: must be a finite number.",
    ),
    "negative injection": (_stress(Wells([0], 0.0, -1.0)), "wells.W1.injection_rate: -1 m3/d: must be 0 or more."),
    "recharge in mm": (_stress(Recharge([0, 1], [0.0, 80.0])), "recharge.cell[2].recharge_rate: 80 m/d: must be 10 or less."),
    "negative conductance": (
        _stress(Drain([3], 1.0, -5.0)),
        "drain.cell[1].conductance: -5 m2/d: must be 0 or more.",
    ),
    "missing stage": (_stress(River([0], np.nan, 1.0, 0.0)), "river.cell[1].stage: nan m: must be a finite number."),
    "bed above stage": (
        _stress(River([0, 1], [[3.0, 1.0]], 1.0, 2.0)),
        "river.cell[2][period 1].bottom_elevation: 2 m: must not be above the stage, 1 m.",
    ),
    "stage below cell": (
        _stress(River([7, 1], -3.0, 1.0, -4.0), properties=CONVERTIBLE),
        "river.cell[2].stage: -3 m: must not be below the bottom of its convertible cell, 0 m.",
    ),
    "drain below cell": (
        _stress(Drain([1], -3.0, 1.0), properties=CONVERTIBLE),
        "drain.cell[1].elevation: -3 m: must not be below the bottom of its convertible cell, 0 m.",
    ),
    "general head below cell": (
        _stress(GeneralHead([0], [[1.0], [-0.5]], 1.0), properties=CONVERTIBLE, schedule=Schedule([1.0, 1.0])),
        "general_head.cell[1][period 2].boundary_head: -0.5 m: must not be below the bottom of its convertible cell, 0 m.",
    ),
    "extinction depth": (
        _stress(Evapotranspiration([0], 1.0, 1e-3, 0.0)),
        "evapotranspiration.cell[1].extinction_depth: 0 m: must be greater than 0.",
    ),
    "evapotranspiration rate": (
        _stress(Evapotranspiration([0], 1.0, -1e-3, 1.0)),
        "evapotranspiration.cell[1].rate: -0.001 m/d: must be 0 or more.",
    ),
    "well without cell": (
        _stress(Wells([0], 1.0, names=("A", "B"))),
        "wells.B: has no cell: its screen must cross an active cell.",
    ),
    "shares": (
        _stress(Wells([0, 6], 1.0, well=[0, 0], fraction=0.4)),
        "wells.W1.fraction: sums to 0.8 over the cells of the well: must sum to 1.",
    ),
    "negative share": (
        _stress(Wells([0, 6], 1.0, well=[0, 0], fraction=[1.5, -0.5])),
        "wells.W1.fraction: -0.5: must be 0 or more.",
    ),
    "flow reduction": (_stress(Wells([0], 1.0, flow_reduction=-0.1)), "wells.flow_reduction: -0.1: must be from 0 to 1."),
    "names of wells": (
        _stress(Wells([0], 1.0, names=("A",)), Wells([0], 1.0, names=("A",), name="others")),
        "others.A: another well of wells has this name: names of wells must differ.",
    ),
    "well in a fixed head": (
        plain_problem(GRID, [Wells([4], 1.0)], [FixedHead([4], 1.0, name="lake")]),
        "wells.W1: lies in layer 1, row 2, column 2, whose head is fixed by lake: it would pump from the boundary alone. "
        "Move the well or the boundary.",
    ),
    "missing fixed head": (
        plain_problem(GRID, [], [FixedHead([4], np.nan)]),
        "fixed_head.cell[1].head: nan m: must be a finite number.",
    ),
    "fixed twice": (
        plain_problem(GRID, [], [FixedHead([4], 1.0, name="lake"), FixedHead([3, 4], 2.0, name="sea")]),
        "sea: layer 1, row 2, column 2 is fixed twice, also by lake: fix it once.",
    ),
    "fixed below cell": (
        plain_problem(GRID, [], [FixedHead([4], -1.0)], properties=CONVERTIBLE),
        "fixed_head.cell[1].head: -1 m: must be above the bottom of its convertible cell, 0 m (layer 1, row 2, column 2).",
    ),
    "barrier apart": (
        _stress(barriers=(FlowBarrier([0], [2], 1.0),)),
        "flow_barrier.cell[1]: layer 1, row 1, column 1 and layer 1, row 1, column 3 must be horizontal neighbours.",
    ),
    "barrier along the vertical": (
        _stress(barriers=(FlowBarrier([0], [6], 1.0),)),
        "flow_barrier.cell[1]: layer 1, row 1, column 1 and layer 2, row 1, column 1 must be horizontal neighbours.",
    ),
    "barrier round the edge": (
        _stress(barriers=(FlowBarrier([2], [3], 1.0),)),
        "flow_barrier.cell[1]: layer 1, row 1, column 3 and layer 1, row 2, column 1 must be horizontal neighbours.",
    ),
    "barrier twice": (
        _stress(barriers=(FlowBarrier([0, 1], [1, 0], 1.0),)),
        "flow_barrier.cell[1]: the face between layer 1, row 1, column 1 and layer 1, row 1, column 2 is listed twice: "
        "list it once.",
    ),
    "negative barrier": (
        _stress(barriers=(FlowBarrier([0], [1], -1.0),)),
        "flow_barrier.cell[1].hydraulic_characteristic: -1 1/d: must be 0 or more.",
    ),
    "names of observations": (
        _stress(observations=Observations(("A", "A"), np.array([0, 1]))),
        "observations: 2 names for 2 cells: names must be unique, one a cell.",
    ),
    "inactive observation": (
        plain_problem(plain_grid(2, 3, active=HOLE), observations=Observations(("A",), np.array([7]))),
        "observations.A: lies in layer 2, row 1, column 2, which is inactive: must lie in an active cell.",
    ),
    "measured elsewhere": (
        _stress(observations=Observations(("A",), np.array([0]), {"B": (np.zeros(1), np.zeros(1))})),
        "observations.measured.B: is the name of no observation point: must be one of observations.names.",
    ),
    "zones": (
        _stress(zones=Zones(("a",), np.ones(GRID.shape, dtype=int))),
        "zones: index has shape (2, 2, 3) and 1 names: must cover the grid and its numbers.",
    ),
    "names of zones": (
        _stress(zones=Zones(("a", "rest"), np.zeros(GRID.shape, dtype=int))),
        "zones.names: must be unique, and none of them `rest`.",
    ),
    "no level": (
        _stress(schedule=STEADY),
        "fixed_heads: 12 connected cells about layer 1, row 1, column 1 have no fixed head, general head, river, drain or "
        "evapotranspiration, and a steady state is sought: the head is not determined. Add a boundary that holds a head, give "
        "storage and transient periods, or make the cells inactive.",
    ),
    "no storage": (
        _properties(specific_storage=0.0),
        "fixed_heads: 12 connected cells about layer 1, row 1, column 1 have no fixed head, general head, river, drain or "
        "evapotranspiration and no storage: the head is not determined. Add a boundary that holds a head, give storage and "
        "transient periods, or make the cells inactive.",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str) -> None:
    problem, message = RULES[rule]
    assert _found(problem) == [message]


@pytest.mark.parametrize("seed", range(4))
def test_sound_problems_have_no_findings(seed: int) -> None:
    assert _found(random_problem(seed)) == []


def test_everything_is_found_at_once() -> None:
    problem = plain_problem(GRID, [Wells([0, 99], [-1.0, 1.0]), Drain([0], 1.0, -1.0)], k=-1.0)
    keys = [finding.key for finding in check_problem(problem)]
    assert keys == [
        "k[layer 1, row 1, column 1]",
        "wells.W2",
        "wells.W1.pumping_rate",
        "drain.cell[1].conductance",
    ]


def test_values_of_inactive_cells_are_not_looked_at() -> None:
    grid = plain_grid(2, 3, active=HOLE)
    bad = np.where(HOLE, 1.0, np.nan)
    properties = AquiferProperties(grid, bad, specific_storage=1e-5 * bad, specific_yield=0.1 * bad, convertible=True)
    assert _found(plain_problem(grid, properties=properties, head=5.0 * bad)) == []


def test_a_part_cut_off_is_found() -> None:
    active = np.ones((2, 2, 3), dtype=bool)
    active[:, :, 1] = False
    problem = plain_problem(plain_grid(2, 3, active=active), [], [FixedHead([0], 1.0)], schedule=STEADY)
    assert _found(problem)[0].startswith("fixed_heads: 4 connected cells about layer 1, row 1, column 3 have no fixed head")


@pytest.mark.parametrize("closed", ["leakance", "barrier"])
def test_closed_faces_cut_parts_off(closed: str) -> None:
    fixed = [FixedHead([0], 1.0)]
    if closed == "leakance":
        properties = AquiferProperties(GRID, 1.0, leakance=0.0)
        problem, number = plain_problem(GRID, [], fixed, properties=properties, schedule=STEADY), 6
    else:
        barrier = FlowBarrier([1, 4, 7, 10], [2, 5, 8, 11], 0.0)
        problem, number = plain_problem(GRID, [], fixed, barriers=(barrier,), schedule=STEADY), 4
    assert _found(problem)[0].startswith(f"fixed_heads: {number} connected cells about layer ")


def test_pass_through_cells_join_along_the_vertical_alone() -> None:
    # two columns, joined by nothing but neighbouring pass-through cells
    active = np.array([[[True, False]], [[False, False]], [[True, False]], [[False, False]], [[False, True]]])
    through = np.zeros_like(active)
    through[1, 0] = True
    grid = plain_grid(1, 2, bottom=(0.0, 0.0, -5.0, -6.0, -9.0), active=active, pass_through=through)
    assert len(_found(plain_problem(grid, [], [FixedHead([0], 1.0)], schedule=STEADY))) == 1


def test_equilibrium_is_asked_for_by_a_flag() -> None:
    problem = _stress()
    assert _found(problem) == []
    assert "a steady state is sought" in _found(problem, equilibrium=True)[0]


@pytest.mark.parametrize(
    "stress",
    [River([0], 2.0, 1.0, 0.0), GeneralHead([0], 2.0, 1.0), Drain([0], 1.0, 1.0), Evapotranspiration([0], 1.0, 1e-3, 1.0)],
    ids=lambda stress: stress.kind,
)
def test_stresses_that_hold_a_level(stress) -> None:
    assert _found(_stress(stress, schedule=STEADY)) == []


def test_values_that_drown_the_other_flows_in_rounding_are_refused() -> None:
    (found,) = _found(_stress(GeneralHead([0], 1.0, 1e15)))
    assert found == "general_head.cell[1].conductance: 1e+15 m2/d: must be 1e+12 or less."
    assert _found(_stress(Wells([0], 1e300, names=["A"])))[0] == "wells.A.pumping_rate: 1e+300 m3/d: must be 1e+09 or less."
    (found,) = _found(_properties(k=1e20))
    assert found == "k[layer 1, row 1, column 1]: 1e+20 m/d: must be 1e+07 or less. (11 more like it.)"
