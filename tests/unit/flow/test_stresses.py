"""Flows of the stresses by hand, and their derivatives against central differences on both sides of each kink."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from aquirecover.flow.stresses import (
    Cells,
    Drain,
    Evapotranspiration,
    FixedHead,
    GeneralHead,
    Recharge,
    River,
    Stress,
    Wells,
    split_screens,
)
from small_problems import plain_grid

# cells 0 and 1: bottom -10 m, 20 m thick, 200 m²; cell 1 is convertible
CELLS = Cells(np.full(2, -10.0), np.full(2, 20.0), np.full(2, 200.0), np.array([False, True]))

WELLS = Wells([0, 1], [30.0, 40.0], [1.0, 2.0])
STRESSES: dict[str, tuple[Stress, list[float]]] = {
    "wells": (WELLS, [-10.0, -8.0]),
    "recharge": (Recharge([0, 1], 1e-3), []),
    "river": (River([0, 1], 4.0, 5.0, 2.0), [2.0]),
    "drain": (Drain([0, 1], 3.0, 7.0), [3.0]),
    "general_head": (GeneralHead([0, 1], 1.0, 9.0), []),
    "evapotranspiration": (Evapotranspiration([0, 1], 6.0, 4e-3, 2.0), [4.0, 6.0]),
}


@pytest.mark.parametrize("kind", STRESSES)
def test_derivatives(kind: str) -> None:
    stress, kinks = STRESSES[kind]
    assert stress.kind == kind
    step = 1e-5
    heads = [-12.0, -9.3, 0.7, 3.1, 5.2, 9.0, *(kink + side for kink in kinks for side in (-1e-3, 1e-3))]
    for level in heads:
        head = np.full(2, level)
        _, slope = stress.flow(head, 0, CELLS)
        up, _ = stress.flow(head + step, 0, CELLS)
        down, _ = stress.flow(head - step, 0, CELLS)
        np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6, atol=1e-8)
        assert (slope <= 0.0).all()


@pytest.mark.parametrize("kind", STRESSES)
def test_a_flow_is_its_ramp_where_it_has_one(kind: str) -> None:
    stress, kinks = STRESSES[kind]
    ramp = stress.ramp(0, CELLS)
    if kind == "wells":
        assert ramp is None  # the second cell is convertible
        stress, ramp = Wells([0], [30.0], [1.0]), Wells([0], [30.0], [1.0]).ramp(0, CELLS)
    assert ramp is not None
    for level in [-12.0, 0.7, 5.2, 9.0, *kinks]:
        head = np.full(stress.n, level)
        for found, expected in zip(ramp.flow(head), stress.flow(head, 0, CELLS), strict=True):
            assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("kind", STRESSES)
def test_derivatives_with_respect_to_inputs(kind: str) -> None:
    stress, kinks = STRESSES[kind]
    step = 1e-6
    for level in [-12.0, -9.3, 0.7, 3.1, 5.2, 9.0, *(kink + side for kink in kinks for side in (-1e-3, 1e-3))]:
        head = np.full(2, level)
        found = stress.derivatives(head, 0, CELLS)
        assert set(found) == set(stress.inputs())
        for name, value in stress.inputs().items():
            flows = []
            for sign in (-1.0, 1.0):
                other = copy.copy(stress)
                setattr(other, name, value + sign * step)
                flows.append(other.flow(head, 0, CELLS)[0])
            np.testing.assert_allclose(found[name], (flows[1] - flows[0]) / (2 * step), rtol=1e-6, atol=1e-8)


def test_screens_of_a_well_read_its_rate_and_their_own_fraction() -> None:
    wells = Wells([0, 1], [50.0], well=[0, 0], fraction=[0.2, 0.8], names=["W"])
    np.testing.assert_array_equal(wells.columns("pumping_rate"), [0, 0])
    np.testing.assert_array_equal(wells.columns("fraction"), [0, 1])
    found = wells.derivatives(np.full(2, 5.0), 0, CELLS)
    np.testing.assert_allclose(found["pumping_rate"], [-0.2, -0.8])
    np.testing.assert_allclose(found["fraction"], [-50.0, -50.0])


@pytest.mark.parametrize("kind", STRESSES)
def test_flows_have_no_jump(kind: str) -> None:
    stress, kinks = STRESSES[kind]
    for kink in kinks:
        below, _ = stress.flow(np.full(2, kink - 1e-9), 0, CELLS)
        above, _ = stress.flow(np.full(2, kink + 1e-9), 0, CELLS)
        np.testing.assert_allclose(below, above, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "head", "flow"),
    [
        ("recharge", 0.0, 0.2),  # 1e-3 m/d on 200 m²
        ("river", 3.0, 5.0),  # 5 (4 − 3)
        ("river", 6.0, -10.0),  # 5 (4 − 6)
        ("river", -50.0, 10.0),  # 5 (4 − 2)
        ("drain", 5.0, -14.0),  # −7 (5 − 3)
        ("drain", 2.0, 0.0),
        ("general_head", 3.0, -18.0),  # 9 (1 − 3)
        ("evapotranspiration", 7.0, -0.8),  # 4e-3 · 200
        ("evapotranspiration", 5.0, -0.4),
        ("evapotranspiration", 3.0, 0.0),
    ],
)
def test_flows_by_hand(kind: str, head: float, flow: float) -> None:
    found, _ = STRESSES[kind][0].flow(np.full(2, head), 0, CELLS)
    np.testing.assert_allclose(found, flow, atol=1e-15)


@pytest.mark.parametrize(
    ("head", "share"),
    # a tenth of 20 m: pumping fades from 2 m above the bottom at -10 m, as 3 s² − 2 s³
    [(0.0, 1.0), (-8.0, 1.0), (-8.5, 0.84375), (-9.0, 0.5), (-9.5, 0.15625), (-10.0, 0.0), (-20.0, 0.0)],
)
def test_a_convertible_cell_delivers_less_when_nearly_dry(head: float, share: float) -> None:
    flow, _ = WELLS.flow(np.full(2, head), 0, CELLS)
    np.testing.assert_allclose(flow, [1.0 - 30.0, 2.0 - 40.0 * share])
    np.testing.assert_allclose(WELLS.delivered(flow, 0), [30.0, 40.0 * share])


def test_no_reduction_when_it_is_switched_off() -> None:
    wells = Wells([1], 40.0, flow_reduction=0.0)
    flow, slope = wells.flow(np.array([-11.0]), 0, CELLS)
    assert (flow.tolist(), slope.tolist()) == ([-40.0], [0.0])


def test_a_well_of_two_cells() -> None:
    wells = Wells([0, 1, 1], [30.0, 10.0], well=[0, 0, 1], fraction=[0.25, 0.75, 1.0], names=("deep", "shallow"))
    flow, _ = wells.flow(np.array([0.0, -9.0, -9.0]), 0, CELLS)
    np.testing.assert_allclose(flow, [-7.5, -11.25, -5.0])
    np.testing.assert_allclose(wells.delivered(flow, 0), [18.75, 5.0])


def test_rates_of_each_period() -> None:
    cell, head = [0, 1], np.array([5.0, 5.0])
    stresses: list[tuple[Stress, float, float]] = [
        (Wells(cell, [[1.0, 1.0], [2.0, 2.0]]), -1.0, -2.0),
        (Recharge(cell, [[1e-3], [2e-3]]), 0.2, 0.4),
        (River(cell, [[7.0], [8.0]], 1.0, 0.0), 2.0, 3.0),
        (Drain(cell, [[4.0], [3.0]], 1.0), -1.0, -2.0),
        (GeneralHead(cell, 6.0, [[1.0], [2.0]]), 1.0, 2.0),
        (Evapotranspiration(cell, 5.0, [[1e-3], [3e-3]], 1.0), -0.2, -0.6),
    ]
    for stress, first, second in stresses:
        np.testing.assert_allclose(stress.flow(head, 0, CELLS)[0], first)
        np.testing.assert_allclose(stress.flow(head, 1, CELLS)[0], second)
    assert FixedHead(cell, [[1.0], [2.0]]).head.tolist() == [[1.0, 1.0], [2.0, 2.0]]


def test_wells_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 connections, 2 well numbers and 1 names do not fit"):
        Wells([0, 1], 1.0, names=("one",))
    with pytest.raises(ValueError, match="wells are numbered from 0"):
        Wells([0], 1.0, well=[-1], names=("one",))
    with pytest.raises(ValueError, match=r"pump.pumping_rate has shape \(3,\)"):
        Wells([0, 1], [1.0, 2.0, 3.0], name="pump")


def test_no_wells_are_no_flow() -> None:
    wells = Wells([], 0.0)
    flow, slope = wells.flow(np.zeros(0), 0, CELLS)
    assert (wells.n, flow.size, slope.size, wells.delivered(flow, 0).size) == (0, 0, 0, 0)


def test_what_holds_a_head() -> None:
    assert River([0], 1.0, 1.0, 0.0).holds_head()
    assert not River([0], 1.0, 0.0, 0.0).holds_head()
    assert GeneralHead([0], 1.0, 1.0).holds_head()
    assert Drain([0], 1.0, 1.0).holds_head()
    assert not Recharge([0], 1.0).holds_head()
    assert not WELLS.holds_head()


def test_screens_are_split_by_transmissivity() -> None:
    grid = plain_grid(1, 2, bottom=(10.0, 6.0, -10.0))
    k = np.array([5.0, 0.1, 20.0])[:, None, None] * np.ones(grid.shape)
    # 15 to 0 m: 5 m of layer 1, 4 m of layer 2, 6 m of layer 3 → 25, 0.4 and 120 m²/d
    well, cell, fraction = split_screens(grid, k, [150.0], [50.0], [15.0], [0.0])
    assert well.tolist() == [0, 0, 0]
    assert cell.tolist() == [1, 3, 5]
    np.testing.assert_allclose(fraction, np.array([25.0, 0.4, 120.0]) / 145.4, rtol=1e-14)


def test_screens_skip_inactive_cells_and_wells_outside() -> None:
    active = np.ones((2, 1, 2), dtype=bool)
    active[1, 0, 0] = False
    grid = plain_grid(1, 2, active=active)
    k = np.ones(grid.shape)
    # well 0: only its upper cell is active; well 1: outside; well 2: below everything; well 3: both layers, 10 m and 5 m
    top, bottom = [5.0, 5.0, -20.0, 10.0], [-5.0, -5.0, -30.0, -5.0]
    well, cell, fraction = split_screens(grid, k, [50.0, 950.0, 150.0, 150.0], 50.0, top, bottom)
    assert well.tolist() == [0, 3, 3]
    assert cell.tolist() == [0, 1, 3]
    np.testing.assert_allclose(fraction, [1.0, 2.0 / 3.0, 1.0 / 3.0])
