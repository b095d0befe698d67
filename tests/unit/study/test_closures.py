"""Gains by closures in two leaky cells joined by an aquifer: linear, so that gains add up, and known from a 2 × 2 system."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Context, Observations, Problem, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import GeneralHead, Wells
from aquirecover.study.closures import closure_gains

# conductance between the cells is k b dy / dx = 5 x 20 x 1 = 100 m2/d
BETWEEN, LEAK = 100.0, np.array([200.0, 50.0])


def joined(stop: bool, periods: int = 2) -> Problem:
    """Return the cells in a steady state with pumping and, after it, another one with half of A's and all of B's stopped."""
    grid = Grid(dx=[500.0, 500.0], dy=[500.0], top=20.0, bottom=[0.0])
    rates = np.array([[400.0, 100.0], [200.0, 0.0]]) if stop else np.array([[400.0, 100.0]] * periods)
    return Problem(
        name="joined",
        grid=grid,
        properties=AquiferProperties(grid, k=5.0),
        schedule=Schedule(np.full(periods, 10.0), steady=True),
        initial_head=np.zeros(grid.shape),
        stresses=(Wells([0, 1], rates, names=("A", "B")), GeneralHead([0, 1], 0.0, LEAK)),
        observations=Observations(("a", "b"), np.array([0, 1])),
        zones=Zones(("all",), np.zeros(grid.shape, dtype=np.int64)),
        context=Context(restriction_start=10.0),
    )


def test_gains_of_a_two_cell_system() -> None:
    report = closure_gains(joined(stop=True), joined(stop=False), {"town": ["A"], "farm": ["B"]}, simulate)
    matrix = np.array([[BETWEEN + LEAK[0], -BETWEEN], [-BETWEEN, BETWEEN + LEAK[1]]])
    exact = np.linalg.solve(matrix, np.diag([200.0, 100.0])).T
    assert report.observation_gain == pytest.approx(exact, rel=1e-6)
    assert report.observation_total == pytest.approx(exact.sum(axis=0), rel=1e-6)
    assert report.stopped_rate == pytest.approx([200.0, 100.0])
    assert report.zone_gain[:, 0] == pytest.approx(exact.mean(axis=1), rel=1e-6)
    assert report.zone_total == pytest.approx(report.zone_gain.sum(axis=0), rel=1e-6)
    assert report.zone_gain_per_rate == pytest.approx(report.zone_gain / [[200.0], [100.0]])
    assert report.observation_gain_per_rate == pytest.approx(exact / [[200.0], [100.0]], rel=1e-6)


def test_baseline_of_fewer_periods_is_sampled() -> None:
    whole = replace(joined(stop=False, periods=1), schedule=Schedule(20.0, steady=True))
    report = closure_gains(joined(stop=True), whole, {"both": ["A", "B"]}, simulate)
    assert report.stopped_rate == pytest.approx([300.0])
    assert report.observation_gain[0] == pytest.approx(report.observation_total)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="No well is called C"):
        closure_gains(joined(stop=True), joined(stop=False), {"x": ["C"]}, simulate)
    other = joined(stop=False)
    with pytest.raises(ValueError, match="the same wells"):
        closure_gains(joined(stop=True), replace(other, stresses=other.stresses[1:]), {"x": ["A"]}, simulate)


def test_group_that_gives_up_nothing_has_no_gain_per_rate() -> None:
    report = closure_gains(joined(stop=False), joined(stop=False), {"town": ["A"]}, simulate)
    assert report.zone_gain == pytest.approx(np.zeros((1, 1)), abs=1e-9)
    assert np.isnan(report.zone_gain_per_rate).all()
