"""Step lengths, period ends, dates and sampling."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow.schedule import Schedule, sample_steps


def test_steps_grow_by_the_multiplier() -> None:
    # 1 + 2 + 4 = 7 parts of 70 d
    schedule = Schedule([70.0], 3, 2.0)
    np.testing.assert_allclose(schedule.step_length, [10.0, 20.0, 40.0], rtol=1e-15)
    np.testing.assert_allclose(schedule.step_time, [10.0, 30.0, 70.0], rtol=1e-15)


def test_equal_steps() -> None:
    np.testing.assert_allclose(Schedule([30.0], 3).step_length, [10.0, 10.0, 10.0], rtol=1e-15)


def test_periods_end_exactly_where_the_next_begins() -> None:
    lengths = np.array([0.1, 0.3, 365.25 / 12, 1e-3, 181.0])
    schedule = Schedule(lengths, [3, 7, 11, 2, 5], [1.1, 1.3, 0.7, 1.0, 1.9])
    last = np.cumsum(schedule.n_steps) - 1
    ends = np.cumsum(lengths)
    np.testing.assert_array_equal(schedule.step_time[last], ends)
    np.testing.assert_array_equal(schedule.period_start[1:], ends[:-1])
    assert (np.diff(schedule.step_time) > 0.0).all()


def test_a_steady_period_may_have_no_length() -> None:
    schedule = Schedule([0.0, 10.0], [1, 2], steady=[True, False])
    assert schedule.step_time.tolist() == [0.0, 5.0, 10.0]
    assert schedule.step_period.tolist() == [0, 1, 1]
    assert (schedule.n_period, schedule.n_step) == (2, 3)


def test_heads_are_saved_at_the_end_of_periods_unless_told_otherwise() -> None:
    assert Schedule([1.0, 1.0], [2, 3]).save_step.tolist() == [False, True, False, False, True]
    assert Schedule([1.0, 1.0], [2, 3], save_step=True).save_step.all()
    chosen = [True, False, True, False, False]
    assert Schedule([1.0, 1.0], [2, 3], save_step=chosen).save_step.tolist() == chosen


def test_dates() -> None:
    schedule = Schedule([60.0], start="2023-12-31")
    dates = schedule.date_of([0.0, 0.5, 60.0]).astype(str).tolist()
    assert dates == ["2023-12-31T00:00:00", "2023-12-31T12:00:00", "2024-02-29T00:00:00"]
    with pytest.raises(ValueError, match="start is empty"):
        Schedule([1.0]).date_of(0.0)


def test_half_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="n_steps must be whole numbers"):
        Schedule([1.0], 2.5)


def test_a_series_holds_from_its_time_on() -> None:
    value = [5.0, 6.0, 7.0]
    assert sample_steps([10.0, 20.0, 30.0], value, [0.0, 9.9, 10.0, 19.0, 20.0, 500.0]).tolist() == [5.0, 5.0, 5.0, 5.0, 6.0, 7.0]


def test_a_series_of_several_wells() -> None:
    sampled = sample_steps([0.0, 5.0], [[1.0, 2.0], [3.0, 4.0]], [0.0, 5.0])
    assert sampled.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_rounding_of_a_period_start_does_not_miss_a_change() -> None:
    start = np.cumsum(np.full(120, 365.25 / 12))[-1]
    assert sample_steps([0.0, 3652.5], [1.0, 0.0], [start]).tolist() == [0.0]


def test_anniversaries_are_the_same_day_of_other_years() -> None:
    schedule = Schedule(period_length=[20000.0], start="1990-11-01")
    since = (np.datetime64("2020-11-01") - np.datetime64("1990-11-01")).astype(float)
    found = schedule.date_of(schedule.anniversary(since, [-1, 0, 4, 30])).astype("datetime64[D]")
    assert found.astype(str).tolist() == ["2019-11-01", "2020-11-01", "2024-11-01", "2050-11-01"]
    np.testing.assert_array_equal(Schedule(period_length=[1.0]).anniversary(10.0, [0, 2]), [10.0, 740.5])
