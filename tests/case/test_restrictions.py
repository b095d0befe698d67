"""Every rule against rates computed by hand."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from aquirecover.case.restrictions import Rule, Selection, WellTable, breakpoints, restrict
from aquirecover.case.timeline import Timeline, day_of, merge_edges, period_edges
from aquirecover.errors import Collector

START, END = datetime.date(2000, 1, 1), datetime.date(2004, 1, 1)
INFINITE = float("inf")

WELLS = WellTable(
    names=("A", "B", "C", "D"),
    x=np.array([0.0, 100.0, 200.0, 300.0]),
    y=np.zeros(4),
    labels={
        "district": ("West", "West", "East", "East"),
        "aquifer": ("upper", "lower", "upper", "lower"),
        "user_type": ("town", "farm", "farm", "town"),
        "group": ("g", "g", "g", "h"),
    },
    licensed=np.array([True, False, True, True]),
    permit=np.array([500.0, np.nan, 100.0, 80.0]),
)
RATES = np.array([400.0, 200.0, 100.0, 50.0])


def day(text: str) -> float:
    return day_of(text, START)


def timeline_for(*rules: Rule) -> Timeline:
    regular = period_edges(START, END, 12, 0.0, None)
    return Timeline.regular(START, merge_edges(regular, breakpoints(rules, float(regular[-1]), START)), True, 2, 1.5)


def run(
    *rules: Rule, base: np.ndarray | None = None, share: float = 0.0
) -> tuple[np.ndarray, Timeline, tuple[str, ...], list[str]]:
    """Return effective rates, timeline, log and messages."""
    timeline, errors = timeline_for(*rules), Collector()
    rates = np.tile(RATES, (timeline.n_period, 1)) if base is None else base
    found = restrict(rules, WELLS, rates, timeline, share, errors)
    return found.rate, timeline, found.log, [str(finding) for finding in errors.findings]


def at(rate: np.ndarray, timeline: Timeline, date: str) -> list[float]:
    """Return the rates in force on a date."""
    period = int(np.flatnonzero((timeline.period_start <= day(date)) & (timeline.period_end > day(date)))[0])
    return [float(value) for value in rate[period]]


def test_a_ban_begins_and_ends_on_its_days() -> None:
    rate, timeline, _, errors = run(Rule("r", "ban", day("2001-03-05"), day("2002-09-17")))
    assert errors == []
    assert at(rate, timeline, "2001-03-04") == RATES.tolist()
    assert at(rate, timeline, "2001-03-05") == [0, 0, 0, 0]
    assert at(rate, timeline, "2002-09-16") == [0, 0, 0, 0]
    assert at(rate, timeline, "2002-09-17") == RATES.tolist()


def test_a_steady_beginning_is_before_any_rule() -> None:
    rate, _, _, _ = run(Rule("r", "ban", 0.0))
    assert rate[0].tolist() == RATES.tolist()
    assert not rate[1:].any()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("r", "cap", 366.0, amount=150.0), [150, 150, 100, 50]),
        (Rule("r", "percent_of_present", 366.0, amount=30.0), [120, 60, 30, 15]),
        (Rule("r", "surface_water", 366.0, amount=97.0), [12, 6, 3, 1.5]),
        (
            Rule("r", "percent_of_permit", 366.0, amount=50.0, selection=Selection(licensed=True)),
            [250, 200, 50, 40],
        ),
    ],
)
def test_rules_that_hold_evenly(rule: Rule, expected: list[float]) -> None:
    rate, timeline, _, errors = run(rule)
    assert errors == []
    assert at(rate, timeline, "2000-12-31") == RATES.tolist()
    np.testing.assert_allclose(at(rate, timeline, "2003-06-01"), expected)


def test_present_is_the_rate_when_the_rule_begins() -> None:
    rule = Rule("r", "percent_of_present", day("2001-01-01"), amount=50.0)
    base = np.outer([1.0, 1.0, 2.0, 0.5, 4.0], RATES)  # steady, 2000, 2001, 2002, 2003
    rate, *_ = run(rule, base=base)
    # present is 2 × RATES; in 2002 the base itself is less than half of it
    np.testing.assert_allclose(rate, np.outer([1.0, 1.0, 1.0, 0.5, 1.0], RATES))


def test_a_phase_out_falls_in_a_straight_line() -> None:
    rule = Rule("r", "phase_out", day("2001-01-01"), until=day("2003-01-01"), amount=20.0)
    rate, *_ = run(rule)
    # 2001 and 2002 are 365 days each: middles at 1/4 and 3/4 of the way from 100 to 20 %
    np.testing.assert_allclose(rate, np.outer([1.0, 1.0, 0.8, 0.4, 0.2], RATES))


def test_a_seasonal_cut_breaks_periods_at_its_months() -> None:
    rule = Rule("r", "seasonal", day("2001-02-01"), day("2002-12-01"), amount=25.0, months=(11, 12, 1, 2))
    rate, timeline, _, _ = run(rule)
    cut = [rate[i, 0] == 100.0 for i in range(timeline.n_period)]
    starts = [timeline.date(s) for s, is_cut in zip(timeline.period_start, cut, strict=True) if is_cut]
    ends = [timeline.date(e) for e, is_cut in zip(timeline.period_end, cut, strict=True) if is_cut]
    assert list(zip(starts, ends, strict=True)) == [
        ("2001-02-01", "2001-03-01"),
        ("2001-11-01", "2002-01-01"),
        ("2002-01-01", "2002-03-01"),
        ("2002-11-01", "2002-12-01"),
    ]


def test_wells_rest_in_turn() -> None:
    rule = Rule("r", "rotation", 366.0, 366.0 + 90.0, amount=3.0, turn=30.0, selection=Selection({"wells": ("A", "C", "D")}))
    rate, timeline, _, _ = run(rule)
    inside = (timeline.period_start >= 366.0) & (timeline.period_start < 456.0)
    np.testing.assert_array_equal(timeline.period_start[inside], [366, 396, 426])
    np.testing.assert_array_equal(
        rate[inside] == 0.0, [[True, False, False, False], [False, False, True, False], [False, False, False, True]]
    )


def test_compliance_and_the_unlicensed_share() -> None:
    rule = Rule("r", "ban", 366.0, compliance=0.8)
    partly, *_ = run(rule, share=0.25)
    np.testing.assert_allclose(partly[-1], RATES * (1 - 0.75 * 0.8))
    wholly, *_ = run(replace(rule, includes_unlicensed=True), share=0.25)
    np.testing.assert_allclose(wholly[-1], RATES * 0.2)


def test_a_cap_acts_on_the_licensed_part() -> None:
    rate, *_ = run(Rule("r", "cap", 366.0, amount=150.0), share=0.25)
    # A: 100 unlicensed + min(300, 150); B: 50 + min(150, 150)
    np.testing.assert_allclose(rate[-1], [250, 200, 100, 50])


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection({"district": ("West",), "aquifer": ("lower",)}), "B"),
        (Selection({"user_type": ("town",), "group": ("h",)}), "D"),
        (Selection({"wells": ("A", "D")}), "AD"),
        (Selection(licensed=False), "B"),
        (Selection(licensed=True), "ACD"),
        (Selection(size=(100.0, 400.0)), "BC"),
        (Selection(within=shapely.box(-1, -1, 150, 1)), "AB"),
        (Selection(near=(shapely.LineString([(0, 100), (0, -100)]), 200.0)), "ABC"),
        (Selection(beyond=(shapely.LineString([(0, 100), (0, -100)]), 100.0)), "CD"),
        (Selection(), "ABCD"),
    ],
)
def test_selections(selection: Selection, expected: str) -> None:
    rate, *_ = run(Rule("r", "ban", 366.0, selection=selection))
    assert "".join(name for name, stopped in zip(WELLS.names, rate[-1] == 0.0, strict=True) if stopped) == expected


def test_a_selection_of_no_well_is_refused() -> None:
    *_, errors = run(Rule("r", "ban", 366.0, selection=Selection({"district": ("West",), "group": ("h",)})))
    assert errors == [
        "restrictions.r.select: selects none of the 4 wells: district is one of East, West; aquifer is one of lower, upper; "
        "user_type is one of farm, town; group is one of g, h."
    ]


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    *_, errors = run(Rule("r", "ban", 366.0, selection=Selection({"district": ("Wst",)})))
    assert errors == ["restrictions.r.select.district = 'Wst': no well has it. Did you mean 'West'?"]


def test_rules_that_meet_are_refused() -> None:
    first = Rule("one", "ban", day("2001-01-01"), day("2002-07-01"), selection=Selection({"district": ("West",)}))
    second = Rule("two", "cap", day("2002-01-01"), amount=10.0, selection=Selection({"aquifer": ("upper",)}))
    *_, errors = run(first, second)
    assert errors == [
        "restrictions.two: overlaps restrictions.one from 2002-01-01 to 2002-07-01 on 1 well (A): "
        "one rule at a time may hold for a well; narrow select, from or to."
    ]


def test_rules_that_follow_each_other_are_allowed() -> None:
    first = Rule("one", "percent_of_present", day("2001-01-01"), day("2002-01-01"), amount=70.0)
    second = Rule("two", "percent_of_present", day("2002-01-01"), amount=10.0)
    rate, _, _, errors = run(first, second)
    assert errors == []
    np.testing.assert_allclose(rate, np.outer([1, 1, 0.7, 0.1, 0.1], RATES))


def test_seasons_that_do_not_meet_are_allowed() -> None:
    rules = [
        Rule("dry", "seasonal", 0.0, amount=50.0, months=(11, 12, 1, 2, 3, 4)),
        Rule("wet", "seasonal", 0.0, amount=90.0, months=(5, 6, 7, 8, 9, 10)),
    ]
    rate, timeline, _, errors = run(*rules)
    assert errors == []
    dry = np.isin(timeline.month[1:], (11, 12, 1, 2, 3, 4))
    np.testing.assert_allclose(rate[1:, 0], np.where(dry, 200.0, 360.0))


def test_wells_without_permit_are_named() -> None:
    *_, errors = run(Rule("r", "percent_of_permit", 366.0, amount=50.0))
    assert errors == ["restrictions.r: is a percentage of the permit: B have none (column permit)."]


def test_the_log_tells_old_and_new() -> None:
    *_, log, _ = run(Rule("r", "cap", day("2001-01-01"), amount=150.0))
    assert log == (
        "restriction r: well A 2001-01-01 400 → 150 m3/d",
        "restriction r: well B 2001-01-01 200 → 150 m3/d",
        "restriction r: 4 wells in all 2001-01-01 750 → 450 m3/d",
    )


RULES = st.builds(
    Rule,
    st.just("r"),
    st.sampled_from(["ban", "cap", "percent_of_present", "surface_water", "seasonal", "rotation", "phase_out"]),
    begin=st.floats(0, 1400),
    end=st.sampled_from([INFINITE, 1430.0]),
    amount=st.floats(2, 100),
    until=st.floats(1401, 1500),
    months=st.sampled_from([(1,), (5, 6), (11, 12, 1)]),
    turn=st.floats(20, 90),
    compliance=st.floats(0, 1),
    includes_unlicensed=st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(RULES, st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_no_rule_ever_raises_a_rate_or_makes_it_negative(rule: Rule, share: float, seed: int) -> None:
    timeline = timeline_for(rule)
    base = np.random.default_rng(seed).uniform(0, 500, (timeline.n_period, 4))
    rate, *_ = run(rule, base=base, share=share)
    assert np.all(rate <= base)
    assert np.all(rate >= 0.0)
    assert np.array_equal(rate[timeline.period_start < rule.begin - 0.01], base[timeline.period_start < rule.begin - 0.01])


def test_a_rule_that_never_bites_is_a_warning() -> None:
    rules = (Rule("high", "cap", day("2001-01-01"), amount=1e6), Rule("stop", "ban", day("2003-01-01"), compliance=0.0))
    for rule in rules:
        timeline, errors = timeline_for(rule), Collector()
        base = np.tile(RATES, (timeline.n_period, 1))
        found = restrict([rule], WELLS, base, timeline, 0.0, errors)
        np.testing.assert_array_equal(found.rate, base)
        assert found.warnings == (f"restriction {rule.name} changes no rate of its 4 wells",)
    assert not restrict([Rule("cap", "cap", 0.0, amount=90.0)], WELLS, base, timeline, 0.0, errors).warnings
