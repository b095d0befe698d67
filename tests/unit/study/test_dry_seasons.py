"""Dry seasons: which steps they have, when levels fall, and where zone 2 would be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.study.dry_seasons import beyond_and_falling, falls_running, seasons

DRY = (11, 12, 1, 2, 3, 4)


def test_seasons_over_the_end_of_a_year() -> None:
    # two steps in each half year from November 2020 on; the last dry season is cut off after one of them
    month = 12 * 2020 + np.array([11, 14, 17, 20, 23, 26, 29, 32, 35])
    length = np.array([72.0, 109.0, 74.0, 110.0, 72.0, 109.0, 74.0, 110.0, 72.0])
    found = seasons(month, length, DRY)
    assert found.names == ("2020/21", "2021/22")
    assert [step.tolist() for step in found.step] == [[0, 1], [4, 5]]
    np.testing.assert_allclose(found.weight[0], [72.0 / 181.0, 109.0 / 181.0])


def test_seasons_within_a_year_and_whole_years() -> None:
    month = 12 * 2021 + np.arange(24)
    length = np.full(24, 30.4)
    assert seasons(month, length, (5, 6, 7)).names == ("2021", "2022")
    assert [own.size for own in seasons(month, length, range(1, 13)).step] == [12, 12]
    with pytest.raises(ValueError, match="must follow one another"):
        seasons(month, length, (1, 3))


def test_falling_years_running_beyond_a_level() -> None:
    mean = np.array([[5.0, 5.0], [4.0, 4.0], [3.0, 4.5], [2.0, 4.4], [1.0, 4.3], [1.5, 4.2], [1.2, 2.0]])
    assert falls_running(mean)[:, 0].tolist() == [0, 1, 2, 3, 4, 0, 1]
    found = beyond_and_falling(mean, np.array([2.5, 2.5]))
    assert np.flatnonzero(found[:, 0]).tolist() == [3, 4]
    # three falls end beyond the level; before that they did not
    assert np.flatnonzero(found[:, 1]).tolist() == [6]
