"""Conductances by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow import kernels
from aquirecover.flow.assembly import FlowSystem
from aquirecover.flow.conductance import conductances, flowing_cells
from aquirecover.flow.grid import Grid
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import FixedHead, FlowBarrier, Recharge, Wells
from small_problems import plain_grid, plain_problem


def test_horizontal_is_harmonic_in_transmissivity_with_variable_spacing() -> None:
    grid = Grid([10.0, 30.0], [20.0], 5.0, [[[0.0, 1.0]]])
    properties = AquiferProperties(grid, [[[2.0, 6.0]]])
    found = conductances(plain_problem(grid, properties=properties))
    # T = 10 and 24 m²/d; half widths 5 and 15 m in series over 20 m: 20 / (5/10 + 15/24)
    assert found.cx[0, 0, 0] == pytest.approx(20.0 / (5.0 / 10.0 + 15.0 / 24.0), rel=1e-14)
    assert found.cx[0, 0, 1] == 0.0
    assert not found.cy.any()
    assert not found.cz.any()


def test_along_y_uses_k22() -> None:
    grid = Grid([10.0], [20.0, 40.0], 5.0, 0.0)
    properties = AquiferProperties(grid, 2.0, k22=[[[3.0], [9.0]]])
    found = conductances(plain_problem(grid, properties=properties))
    # T = 15 and 45 m²/d; half widths 10 and 20 m over 10 m
    assert found.cy[0, 0, 0] == pytest.approx(10.0 / (10.0 / 15.0 + 20.0 / 45.0), rel=1e-14)
    assert not found.cx.any()


def test_vertical_is_in_series_over_half_thicknesses() -> None:
    grid = Grid([10.0], [20.0], 5.0, [0.0, -8.0])
    properties = AquiferProperties(grid, 1.0, k33=[0.5, 0.2])
    # 200 m² over 2.5/0.5 + 4/0.2 d
    assert conductances(plain_problem(grid, properties=properties)).cz[0, 0, 0] == pytest.approx(200.0 / 25.0, rel=1e-14)


def test_a_leakance_replaces_the_vertical_conductivity_where_it_is_given() -> None:
    grid = Grid([10.0, 10.0], [20.0], 5.0, [0.0, -8.0])
    properties = AquiferProperties(grid, 1.0, k33=[0.5, 0.2], leakance=[[[1e-3, np.nan]]])
    np.testing.assert_allclose(conductances(plain_problem(grid, properties=properties)).cz[0, 0], [0.2, 8.0], rtol=1e-14)


def test_inactive_cells_have_no_faces_whatever_their_values() -> None:
    active = np.ones((2, 3, 3), dtype=bool)
    active[0, 1, 1] = False
    grid = plain_grid(3, 3, active=active)
    k = np.where(active, 2.0, np.nan)
    found = conductances(plain_problem(grid, properties=AquiferProperties(grid, k)))
    for faces in (found.cx[0, 1, :2], found.cy[0, :2, 1], found.cz[0, 1, 1]):
        np.testing.assert_array_equal(faces, 0.0)
    assert found.cx[1, 1, 1] == pytest.approx(20.0)


def test_barriers_act_in_series() -> None:
    grid = Grid([10.0, 10.0, 10.0], [20.0, 20.0], 5.0, [[[0.0, 1.0, 0.0]] * 2])
    free = conductances(plain_problem(grid, k=2.0))
    # along x between columns 2 and 1 (named backwards), along y between rows in column 3
    barrier = FlowBarrier([1, 2], [0, 5], [1e-3, 2e-3])
    held = conductances(plain_problem(grid, k=2.0, barriers=(barrier,)))
    along_x = 1e-3 * 4.5 * 20.0  # mean thickness 4.5 m, 20 m wide
    along_y = 2e-3 * 5.0 * 10.0
    assert held.cx[0, 0, 0] == pytest.approx(1.0 / (1.0 / free.cx[0, 0, 0] + 1.0 / along_x), rel=1e-14)
    assert held.cy[0, 0, 2] == pytest.approx(1.0 / (1.0 / free.cy[0, 0, 2] + 1.0 / along_y), rel=1e-14)
    held.cx[0, 0, 0], held.cy[0, 0, 2] = free.cx[0, 0, 0], free.cy[0, 0, 2]
    np.testing.assert_array_equal(held.cx, free.cx)
    np.testing.assert_array_equal(held.cy, free.cy)


def test_a_barrier_between_water_tables_is_as_high_as_their_mean() -> None:
    """Half cells and barrier in series, each as high as its water: Darcy's law from the centre of a cell to that of the other."""
    grid = Grid([10.0, 30.0], [20.0], 8.0, [[[0.0, 2.0]]])
    properties = AquiferProperties(grid, [[[2.0, 5.0]]], convertible=True, averaging="harmonic")
    barriers = (FlowBarrier([0], [1], 0.04), FlowBarrier([1], [0], 0.1, "second"))
    problem = plain_problem(grid, properties=properties, barriers=barriers)
    state = FlowSystem(problem).state(np.array([[[6.0, 3.0]]]))
    high, low = 6.0, 1.0  # saturated heights
    cells = 5.0 / (2.0 * high) + 15.0 / (5.0 * low)
    walls = (1.0 / 0.04 + 1.0 / 0.1) / (0.5 * (high + low))
    faces, found = conductances(problem), np.empty(1)
    kernels.face_flows(state.head, state.saturation, faces, np.zeros(1, int), np.full(1, 2), np.ones(1), found)
    assert found[0] == pytest.approx(-20.0 * 3.0 / (cells + walls), rel=1e-6), "saturation bends within a millionth of the cell"


def test_a_barrier_of_no_conductance_closes_its_face() -> None:
    grid = plain_grid(1, 2, bottom=(0.0,))
    assert conductances(plain_problem(grid, barriers=(FlowBarrier([0], [1], 0.0),))).cx[0, 0, 0] == 0.0


def _column(layers: str) -> np.ndarray:
    """Return whether each cell of one column carries flow; `a` active, `f` with a fixed head, `p` pass-through, `.` neither."""
    active, through, fixed = (np.array([[[c in kind]] for c in layers]) for kind in ("af", "p", "f"))
    grid = Grid([1.0], [1.0], 1.0, -np.cumsum(active).reshape(active.shape).astype(float), active, through)
    found: np.ndarray = flowing_cells(grid, fixed).ravel()
    return found


@pytest.mark.parametrize(
    ("layers", "flowing"),
    [
        ("apa", "111"),
        ("appa", "1111"),
        ("pa", "01"),
        ("ap", "10"),
        ("a.a", "101"),
        ("ap.a", "1001"),
        ("a.pa", "1001"),
        ("p", "0"),
        ("papap", "01110"),
        ("fpa", "111"),
        ("fpf", "101"),
        ("appfpf", "111101"),
        ("fp.pf", "10001"),
    ],
)
def test_pass_through_cells_flow_between_active_ones_alone(layers: str, flowing: str) -> None:
    assert "".join("1" if f else "0" for f in _column(layers)) == flowing


def test_a_pass_through_layer_is_as_if_it_were_not_there() -> None:
    three = np.array([0.0, 0.0, 0.0, -10.0])[:, None, None] * np.ones((4, 4, 5))
    active = np.ones(three.shape, dtype=bool)
    active[1:3] = False
    with_layers = Grid([100.0] * 5, [100.0] * 4, 20.0, three, active, ~active)
    without = plain_grid()
    k33 = 0.01
    results = []
    for grid, low in ((with_layers, 3), (without, 1)):
        properties = AquiferProperties(grid, 3.0, k33, specific_storage=1e-5, specific_yield=0.1, convertible=True)
        stresses = (Recharge(grid.cell(0, 2, 3), 5e-3), Wells(grid.cell(low, 1, 1), 20.0))
        problem = plain_problem(grid, stresses, [FixedHead(grid.cell(0, [0, 1], 0), 5.0)], properties=properties)
        results.append(simulate(problem))
    np.testing.assert_allclose(results[0].head[-1][[0, 3]], results[1].head[-1], atol=1e-10)
    assert np.isnan(results[0].head[-1][1:3]).all()
    np.testing.assert_allclose(results[0].budget.inflow, results[1].budget.inflow, rtol=1e-8, atol=1e-9)
    through = results[0].budget.layer_exchange[-1]
    np.testing.assert_allclose(through[0, 1], through[2, 3], rtol=1e-6)
    np.testing.assert_allclose(through[0, 1], results[1].budget.layer_exchange[-1][0, 1], rtol=1e-6)


def test_a_pass_through_cell_needs_no_initial_head() -> None:
    active = np.ones((3, 3, 3), dtype=bool)
    active[1, 1, 1] = False
    grid = plain_grid(3, 3, bottom=(0.0, -5.0, -10.0), active=active, pass_through=~active)
    problem = plain_problem(grid, [Recharge([4], 1e-3)], [FixedHead([8], 5.0)], head=np.where(active, 5.0, np.nan))
    expected = simulate(replace(problem, initial_head=np.full(grid.shape, 5.0)))
    np.testing.assert_allclose(simulate(problem).head, expected.head, atol=1e-9)


def test_a_leakance_reaches_through_pass_through_cells() -> None:
    active = np.array([True, False, False, True])[:, None, None]
    grid = Grid([10.0], [20.0], 5.0, [0.0, 0.0, 0.0, -8.0], active, ~active)
    properties = AquiferProperties(grid, 1.0, leakance=[1e-3, 7.0, np.nan], specific_storage=1e-5)
    schedule = Schedule(0.0, steady=True)
    problem = plain_problem(grid, [Wells([3], 0.4)], [FixedHead([0], 4.0)], properties=properties, schedule=schedule)
    # 200 m² of 1e-3 1/d: 0.4 m³/d need 2 m, in three equal falls
    np.testing.assert_allclose(conductances(problem).cz.ravel(), [0.6, 0.6, 0.6, 0.0])
    assert simulate(problem).head[0, 3].item() == pytest.approx(2.0, rel=1e-12)
