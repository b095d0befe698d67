"""Stress periods and dates, against the calendar."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from aquirecover.case import timeline as tl

DATE = datetime.date


def dates(start: DATE, edges: np.ndarray) -> list[str]:
    return [tl.date_of(float(day), start) for day in edges]


def test_days_between_dates_cross_leap_years() -> None:
    assert tl.day_of("2004-03-01", "2000-03-01") == 1461.0
    assert tl.day_of(datetime.datetime(2000, 1, 2, 6), DATE(2000, 1, 1)) == 1.25
    assert tl.date_of(1.25, DATE(2000, 1, 1)) == "2000-01-02T06:00:00"


def test_months_end_on_the_last_day_of_short_months() -> None:
    assert [tl.add_months(DATE(2023, 10, 31), n) for n in (1, 4, 16)] == [
        DATE(2023, 11, 30),
        DATE(2024, 2, 29),
        DATE(2025, 2, 28),
    ]


def test_aligned_half_years_begin_with_the_season() -> None:
    edges = tl.period_edges(DATE(2000, 1, 1), DATE(2001, 12, 1), 6, 0.0, (11, 1))
    assert dates(DATE(2000, 1, 1), edges) == ["2000-01-01", "2000-05-01", "2000-11-01", "2001-05-01", "2001-11-01", "2001-12-01"]


def test_years_without_alignment_begin_at_the_start() -> None:
    edges = tl.period_edges(DATE(2000, 2, 29), DATE(2002, 6, 1), 12, 0.0, None)
    assert dates(DATE(2000, 2, 29), edges) == ["2000-02-29", "2001-02-28", "2002-02-28", "2002-06-01"]


def test_periods_of_days_end_at_the_end() -> None:
    np.testing.assert_array_equal(tl.period_edges(DATE(2000, 1, 1), DATE(2000, 1, 26), 0, 10.0, None), [0, 10, 20, 25])
    np.testing.assert_array_equal(tl.period_edges(DATE(2000, 1, 1), DATE(2000, 1, 21), 0, 10.0, None), [0, 10, 20])


def test_breakpoints_outside_or_within_a_minute_are_left_out() -> None:
    minute = 1 / 1440
    found = tl.merge_edges(np.array([0.0, 10.0, 20.0]), [-5.0, 0.5 * minute, 3.0, 10.0 + 0.9 * minute, 19.9999, 30.0])
    np.testing.assert_array_equal(found, [0.0, 3.0, 10.0, 20.0])


def test_a_period_begins_at_every_breakpoint() -> None:
    rng = np.random.default_rng(1)
    breaks = rng.uniform(0, 99, 50)
    edges = tl.merge_edges(np.array([0.0, 50.0, 100.0]), breaks)
    assert all(np.abs(edges - day).min() <= tl.MINUTE for day in breaks)
    assert np.diff(edges).min() > tl.MINUTE


def test_only_changing_months_break_periods() -> None:
    factors = [0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 0.5, 0.5]
    assert tl.changing_months(factors) == [5, 11]
    found = tl.month_starts(DATE(2000, 5, 1), DATE(2001, 11, 1), [5, 11])
    assert found == [DATE(2000, 11, 1), DATE(2001, 5, 1)]


@pytest.fixture
def halves() -> tl.Timeline:
    start = DATE(2000, 1, 1)
    return tl.Timeline.regular(
        start, np.array([tl.day_of(d, start) for d in ("2000-01-01", "2000-05-01", "2000-11-01", "2001-05-01")]), True, 3, 1.5
    )


def test_a_steady_beginning_takes_the_mean_of_the_year(halves: tl.Timeline) -> None:
    assert halves.month.tolist() == [0, 3, 8, 1]
    np.testing.assert_allclose(halves.monthly(np.arange(1.0, 13.0)), [6.5, 3.0, 8.0, 1.0])


def test_a_step_holds_from_its_date(halves: tl.Timeline) -> None:
    days = np.array([halves.day("1999-01-01"), halves.day("2000-11-01")])
    np.testing.assert_array_equal(halves.sample(days, np.array([1.0, 2.0])), [1, 1, 1, 2])


def test_a_line_is_taken_in_the_middle_of_a_period(halves: tl.Timeline) -> None:
    # 0 at day 0 rising by 1 a day: the middle of 121, 184 and 181 days
    days = np.array([0.0, 1000.0])
    np.testing.assert_allclose(halves.sample(days, days, "linear"), [0.0, 60.5, 213.0, 395.5])
    np.testing.assert_allclose(halves.sample(np.array([100.0, 300.0]), np.array([5.0, 7.0]), "linear"), [5.0, 5.0, 6.13, 7.0])


def test_the_schedule_of_the_simulator(halves: tl.Timeline) -> None:
    schedule = halves.schedule()
    np.testing.assert_array_equal(schedule.period_length, [0, 121, 184, 181])
    assert schedule.n_steps.tolist() == [1, 3, 3, 3]
    assert schedule.steady.tolist() == [True, False, False, False]
    assert str(schedule.date_of(schedule.step_time[-1])) == "2001-05-01T00:00:00"
