"""Levels in wells of cells with a water table, against Dupuit's and Thiem's formulas."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.study.well_levels import level_in_well

K, THICKNESS, BOTTOM = 5.0, 20.0, -3.0
LOG = np.log(208.0 / 0.1)
LOSS = -LOG / (2.0 * np.pi * K * THICKNESS)


def _level(head: float, rate: float, least: float = 2.0) -> float:
    given = (np.array([value]) for value in (head, rate, LOSS, BOTTOM, THICKNESS, least))
    return float(level_in_well(*given)[0])


def test_dupuit_with_a_water_table() -> None:
    # Q = π k (h² − h_w²) / ln(r / r_w), heights over the bottom
    for height, low in ((18.0, 17.0), (15.0, 7.5), (10.0, 4.0)):
        rate = np.pi * K * (height**2 - low**2) / LOG
        assert _level(BOTTOM + height, rate) == pytest.approx(BOTTOM + low, rel=1e-12)
        # water put in raises it as far as it takes
        assert _level(BOTTOM + low, -rate) == pytest.approx(BOTTOM + height, rel=1e-12)


def test_thiem_where_the_level_stays_above_the_top() -> None:
    assert _level(30.0, 400.0) == pytest.approx(30.0 + LOSS * 400.0, rel=1e-12)
    # down to the top by Thiem, and on by Dupuit
    above, below = 2.0, 8.0
    rate = 2.0 * np.pi * K * THICKNESS * above / LOG + np.pi * K * (THICKNESS**2 - (THICKNESS - below) ** 2) / LOG
    assert _level(BOTTOM + THICKNESS + above, rate) == pytest.approx(BOTTOM + THICKNESS - below, rel=1e-12)


def test_no_jump_and_no_kink_down_to_a_dry_well() -> None:
    rate = np.linspace(0.0, 1500.0, 30001)
    n = np.ones(rate.size)
    level = level_in_well(22.0 * n, rate, LOSS * n, BOTTOM * n, THICKNESS * n, 2.0 * n)
    slope = np.diff(level) / np.diff(rate)
    assert (slope < 0.0).all()
    assert np.isfinite(level).all()
    # the slope is steepest where the well is nearly dry, and stays so
    assert np.abs(np.diff(slope)).max() < 5e-3 * np.abs(slope).max()
    assert slope[-1] == pytest.approx(LOSS * THICKNESS / 2.0)
    # a dry cell lowers the level of its well further
    assert _level(BOTTOM - 1.0, 100.0) < _level(BOTTOM, 100.0) < _level(BOTTOM + 1.0, 100.0)
