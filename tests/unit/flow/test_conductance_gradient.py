"""Derivatives of conductances with respect to properties and barriers, against differences of the formulas themselves."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.conductance import conductances, open_faces
from aquirecover.flow.conductance_gradient import ByFace, by_property
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.stresses import FlowBarrier
from random_problems import random_barriers
from small_problems import plain_grid, plain_problem, random_problem


def problem_with(averaging: str) -> Problem:
    """Return a problem with holes, pass-through cells, leakances and barriers, two of them on the same faces."""
    random = np.random.default_rng(5)
    base = random_problem(5, n_y=4, n_x=5)
    leakance = np.where(random.random((2, 4, 5)) < 0.3, 2e-3, np.nan)
    properties = AquiferProperties(base.grid, **{**vars(base.properties), "leakance": leakance, "averaging": averaging})
    (barrier,) = random_barriers(random, base.grid)
    again = FlowBarrier(barrier.neighbour, barrier.cell, 3e-3, "again")
    return replace(base, properties=properties, barriers=(barrier, again))


def weighted(problem: Problem, weight: ByFace) -> float:
    faces = conductances(problem)
    total = sum(float((w * c).sum()) for w, c in zip(weight[:3], faces[:3], strict=True))
    if faces.harmonic:
        total += float((weight.near_x * faces.x.near).sum() + (weight.near_y * faces.y.near).sum())
        total += float((weight.wall_x * faces.x.wall).sum() + (weight.wall_y * faces.y.wall).sum())
    return total


def weights(problem: Problem) -> ByFace:
    """Return random weights of everything that faces have."""
    random, shape = np.random.default_rng(0), problem.grid.shape
    shared = shape if problem.properties.averaging == "harmonic" else (0, 0, 0)
    return ByFace(*(random.normal(size=s) for s in (shape, shape, shape, shared, shared, shared, shared)))


@pytest.mark.parametrize("averaging", ["upstream", "harmonic"])
def test_all_properties_cell_by_cell(averaging: str) -> None:
    problem = problem_with(averaging)
    weight = weights(problem)
    found = by_property(problem, weight)
    given = vars(problem.properties)
    for name in ("k", "k22", "k33", "leakance"):
        expected = np.zeros(given[name].shape)
        for place in np.ndindex(expected.shape):
            step = 1e-4 * given[name][place]
            if np.isnan(step):
                continue
            values = []
            for sign in (-1.0, 1.0):
                array = given[name].copy()
                array[place] += sign * step
                properties = AquiferProperties(problem.grid, **{**given, name: array})
                values.append(weighted(replace(problem, properties=properties), weight))
            expected[place] = (values[1] - values[0]) / (2.0 * step)
        scale = np.abs(expected).max()
        assert scale > 0.0
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-6, atol=1e-7 * scale)


@pytest.mark.parametrize("averaging", ["upstream", "harmonic"])
def test_barriers_one_by_one(averaging: str) -> None:
    problem = problem_with(averaging)
    weight = weights(problem)
    found = by_property(problem, weight)
    for number, barrier in enumerate(problem.barriers):
        for n in range(barrier.cell.size):
            step = 1e-4 * barrier.hydraulic_characteristic[n]
            values = []
            for sign in (-1.0, 1.0):
                other = copy.copy(barrier)
                other.hydraulic_characteristic = barrier.hydraulic_characteristic.copy()
                other.hydraulic_characteristic[n] += sign * step
                barriers = tuple(other if i == number else b for i, b in enumerate(problem.barriers))
                values.append(weighted(replace(problem, barriers=barriers), weight))
            assert found.barriers[number][n] == pytest.approx((values[1] - values[0]) / (2.0 * step), rel=1e-6)


def test_a_closed_barrier_opens_at_first_like_its_area() -> None:
    """Through a barrier of characteristic h goes ``c h a / (c + h a)``, whose slope at 0 is the area a, whatever the cells."""
    grid = plain_grid(1, 2, bottom=(0.0,))
    problem = plain_problem(grid, barriers=(FlowBarrier([0], [1], 0.0),))
    weight = ByFace(*np.ones((3, *grid.shape)), *np.zeros((4, 0, 0, 0)))
    found = by_property(problem, weight)
    assert found.barriers[0][0] == pytest.approx(20.0 * 100.0)
    assert not found.k.any()


def test_nothing_is_changed() -> None:
    problem = problem_with("harmonic")
    before = open_faces(problem, shares=True)
    weight = ByFace(*np.ones((7, *problem.grid.shape)))
    by_property(problem, weight)
    assert all((part == 1.0).all() for part in weight)
    after = open_faces(problem, shares=True)
    assert all(np.array_equal(a, b) for a, b in zip(after[:3] + after.x + after.y, before[:3] + before.x + before.y, strict=True))
