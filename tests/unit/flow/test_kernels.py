"""Loops over cells against hand values, finite differences and plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow import kernels
from aquirecover.flow.budget import faces_between
from aquirecover.flow.faces import Faces, Halves
from aquirecover.flow.matrix import faces_of_rows

EPS = 1e-6


def _saturation(
    head: np.ndarray, bottom: float = 2.0, thickness: float = 4.0, convertible: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    sat, slope = np.empty_like(head), np.empty_like(head)
    n = head.size
    kernels.saturation(head, np.full(n, bottom), np.full(n, thickness), np.full(n, convertible), sat, slope)
    return sat, slope


def test_saturation_values() -> None:
    # the smooth function of MODFLOW 6: a = 1 / (1 − ε), parabolas of width ε at both ends and a straight line between
    a = 1.0 / (1.0 - EPS)
    share = np.array([-1.0, 0.0, 0.5 * EPS, 0.25, 0.5, 1.0 - 0.5 * EPS, 1.0, 3.0])
    expected = [0.0, 0.0, 0.5 * a * 0.25 * EPS, a * 0.25 + 0.5 * (1.0 - a), 0.5, 1.0 - 0.5 * a * 0.25 * EPS, 1.0, 1.0]
    sat, _ = _saturation(2.0 + 4.0 * share)
    np.testing.assert_allclose(sat, expected, atol=1e-14)


@pytest.mark.parametrize("share", [0.0, EPS, 1.0 - EPS, 1.0])
def test_saturation_and_slope_have_no_jump(share: float) -> None:
    head = 2.0 + 4.0 * (share + np.array([-1e-12, 1e-12]))
    sat, slope = _saturation(head)
    assert abs(sat[1] - sat[0]) < 1e-11
    assert abs(slope[1] - slope[0]) < 1e-5


@pytest.mark.parametrize("share", [-0.5, 0.3 * EPS, 0.8 * EPS, 0.1, 0.5, 0.9, 1.0 - 0.8 * EPS, 1.0 - 0.3 * EPS, 1.5])
def test_saturation_slope_against_differences(share: float) -> None:
    # near full the cell hangs below zero, so that the differences are exact enough within the narrow parabola
    bottom, step = (-4.0 if share > 0.99 else 0.0), 1e-9
    head = 4.0 * (share - 1.0) if share > 0.99 else 4.0 * share
    up, down = _saturation(np.array([head + step, head - step]), bottom)[0]
    _, (slope,) = _saturation(np.array([head]), bottom)
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-6)
    assert slope >= 0.0


def test_confined_cells_are_always_full() -> None:
    sat, slope = _saturation(np.array([-100.0, 3.0, 100.0]), convertible=False)
    assert sat.tolist() == [1.0, 1.0, 1.0]
    assert slope.tolist() == [0.0, 0.0, 0.0]


def _random_faces(seed: int, shape: tuple[int, int, int], harmonic: bool = False) -> tuple[np.ndarray, np.ndarray, Faces]:
    random = np.random.default_rng(seed)
    head, sat, cx, cy, cz = (random.random(shape) for _ in range(5))
    along_x, along_y = (Halves(*random.random((3, *shape))) for _ in range(2))
    for halves in (along_x, along_y):
        halves.wall[random.random(shape) < 0.5] = 0.0
    cx[:, :, -1], cy[:, -1], cz[-1] = 0.0, 0.0, 0.0
    sat[random.random(shape) < 0.1] = 0.0
    return 10.0 * head, sat, Faces(cx, cy, cz, along_x, along_y, harmonic)


def _face_flows(head, sat, faces):
    """Yield both cells of each face and the flow from the second into the first."""
    n_layer, n_y, n_x = head.shape
    for here in np.ndindex(head.shape):
        k, j, i = here
        for there, c, along in (
            ((k, j, i + 1), faces.cx[here], faces.x),
            ((k, j + 1, i), faces.cy[here], faces.y),
            ((k + 1, j, i), faces.cz[here], None),
        ):
            if there[0] < n_layer and there[1] < n_y and there[2] < n_x:
                difference = head[there] - head[here]
                if along is None:
                    share = 1.0
                elif not faces.harmonic:
                    share = sat[there] if difference > 0.0 else sat[here]
                elif sat[here] * sat[there] == 0.0:
                    share = 0.0
                else:  # resistances in series, each over its saturated share
                    near, wall, lean = (shares[here] for shares in along)
                    cells = near / sat[here] + (1.0 - near) / sat[there]
                    share = 1.0 / ((1.0 - wall) * cells + wall / (lean * sat[here] + (1.0 - lean) * sat[there]))
                yield here, there, c * share * difference


SHAPES = [(3, 4, 5), (1, 1, 1), (1, 1, 6), (1, 6, 1), (4, 1, 1), (2, 3, 1)]


@pytest.mark.parametrize("harmonic", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_exchange_between_parts_against_a_loop_over_faces(shape: tuple[int, int, int], harmonic: bool) -> None:
    state = _random_faces(2, shape, harmonic)
    part = np.random.default_rng(3).integers(0, 3, shape)
    expected = np.zeros((3, 3))
    for here, there, q in _face_flows(*state):
        if part[here] != part[there]:
            origin, target = (there, here) if q > 0.0 else (here, there)
            expected[part[origin], part[target]] += abs(q)
    found = _exchange(*state, part)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    assert not np.diag(found).any()


def _exchange(head: np.ndarray, sat: np.ndarray, faces: Faces, part: np.ndarray) -> np.ndarray:
    between, table = faces_between(part, faces), np.zeros((3, 3))
    flow = np.empty(between.cell.size)
    kernels.face_flows(head, sat, faces, between.cell, between.axis, between.sign, flow)
    kernels.exchange_sums(flow, part.ravel()[between.cell], part.ravel()[between.beyond], 1.0, table)
    return table


def test_exchange_turns_with_the_flow() -> None:
    head, sat, faces = _random_faces(4, (2, 3, 4))
    part = np.random.default_rng(5).integers(0, 2, head.shape)
    there, back = _exchange(head, np.ones_like(sat), faces, part), _exchange(-head, np.ones_like(sat), faces, part)
    np.testing.assert_allclose(there, back.T, rtol=1e-14)


def _release(head: float, old: float, convertible: bool) -> tuple[float, float]:
    """Return release and derivative of a cell from 2 to 6 m, elastic 0.3 m², drainable 50 m³, in a step of 5 d."""
    one = np.ones(1)
    flags, bottom, thickness = np.array([convertible]), 2.0 * one, 4.0 * one
    sat, slope = _saturation(head * one, convertible=convertible)
    old_sat, _ = _saturation(old * one, convertible=convertible)
    release, derivative = np.empty(1), np.empty(1)
    kernels.storage_release(
        head * one, sat, slope, old * one, old_sat, bottom, thickness, flags, 0.3 * one, 50.0 * one, 5.0, release, derivative
    )
    alone = 0.3 * one / 5.0
    kernels.storage_slope(head * one, sat, slope, bottom, thickness, flags, 50.0 * one, 0.2, alone)
    np.testing.assert_allclose(alone, derivative, rtol=1e-14)
    return float(release[0]), float(derivative[0])


def test_storage_by_hand() -> None:
    assert _release(5.0, 7.0, False)[0] == pytest.approx(0.3 * 2.0 / 5.0)
    # above the top of a convertible cell only the elastic storage acts
    assert _release(7.0, 9.0, True)[0] == pytest.approx(0.3 * 2.0 / 5.0)
    # from full to half full: 50 · ½ drained; elastic 0.3 · [(7 − 4) − ½ (4 − 3)]
    assert _release(4.0, 7.0, True)[0] == pytest.approx((25.0 + 0.3 * (3.0 - 0.5)) / 5.0, rel=1e-9)
    # below the bottom nothing is left
    assert _release(1.0, 0.0, True) == (0.0, 0.0)


@pytest.mark.parametrize("convertible", [True, False])
@pytest.mark.parametrize("head", [1.0, 2.5, 4.0, 5.9, 6.5])
def test_storage_derivative_against_differences(head: float, convertible: bool) -> None:
    step = 1e-6
    up, down = _release(head + step, 5.0, convertible)[0], _release(head - step, 5.0, convertible)[0]
    assert _release(head, 5.0, convertible)[1] == pytest.approx(-(up - down) / (2 * step), rel=1e-6, abs=1e-7)


def test_scatter_add_adds_twice_to_one_cell() -> None:
    out = np.zeros(3)
    kernels.scatter_add(np.array([2, 2, 0]), np.array([1.0, 2.0, 5.0]), out)
    assert out.tolist() == [5.0, 0.0, 3.0]


def test_sums_of_terms_by_sign() -> None:
    inflow, outflow = np.zeros((2, 3)), np.zeros((2, 3))
    part, term = np.array([0, 0, 1, 1]), np.array([1, 1, 2, 2])
    kernels.term_sums(part, term, np.array([1.0, -2.0, 3.0, -4.0]), 0.5, inflow, outflow)
    kernels.storage_sums(part, np.array([1.0, 2.0, -8.0, 0.0]), 0.5, inflow, outflow)
    assert inflow.tolist() == [[1.5, 0.5, 0.0], [0.0, 0.0, 1.5]]
    assert outflow.tolist() == [[0.0, 1.0, 0.0], [4.0, 0.0, 2.0]]


@pytest.mark.parametrize("shape", SHAPES)
def test_faces_of_rows(shape: tuple[int, int, int]) -> None:
    _, _, faces = _random_faces(3, shape)
    expected = np.zeros(shape)
    for here, there, q in _face_flows(np.zeros(shape), np.ones(shape), faces):
        assert q == 0.0
        axis = next(n for n in range(3) if here[n] != there[n])
        c = (faces.cz, faces.cy, faces.cx)[axis][here]
        expected[here] += c
        expected[there] += c
    found = faces_of_rows(faces.cx, faces.cx, faces.cy, faces.cy, faces.cz)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
