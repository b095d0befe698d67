"""The factor on all rates of a group of wells: what it scales, what it leaves alone, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aquirecover.case.scenario import load_case
from aquirecover.errors import ConfigError


def rates(problem: Any, date: str) -> np.ndarray:
    """Return the rates of the only group of wells on a date."""
    starts = problem.schedule.date_of(problem.schedule.period_start)
    period = int(np.flatnonzero(starts <= np.datetime64(date))[-1])
    return np.asarray(problem.wells[0].pumping_rate[period])


def factor(small: Any, text: str) -> None:
    small.change("model.yaml", "by: district}", f"by: district, multiplier: {text}}}")


@pytest.mark.parametrize("text", ["0.35", "35 %", "{value: 0.35}", "{value: 0.7, multiplier: 0.5}", "{value: 0.3, offset: 0.05}"])
def test_it_scales_the_rates_of_every_well_and_date(small: Any, text: str) -> None:
    factor(small, text)
    problem = small.load_model()
    # districts of 800 and 400 m3/d, West of 1200 from July 2001, shared 0.75 : 0.25 and 1
    np.testing.assert_allclose(rates(problem, "2001-06-30"), [210.0, 70.0, 140.0])
    np.testing.assert_allclose(rates(problem, "2001-07-01"), [315.0, 105.0, 140.0])


def test_it_scales_constant_rates_too(small: Any) -> None:
    (small.folder / "wells.csv").write_text("well,x,y,aquifer,rate\nA,601500,2262500,lower,100\nB,603500,2265500,upper,40\n")
    small.change("model.yaml", "{file: wells.csv, rates: rates.csv, by: district}", "{file: wells.csv, multiplier: 2.5}")
    np.testing.assert_allclose(small.load_model().wells[0].pumping_rate[-1], [250.0, 100.0])


def test_groups_have_factors_of_their_own(small: Any) -> None:
    (small.folder / "more.csv").write_text("well,x,y,aquifer,rate\nD,606500,2262500,lower,80\n")
    factor(small, "0.5}\n  farms: {file: more.csv, multiplier: 3")
    towns, farms = small.load_model().wells
    np.testing.assert_allclose(towns.pumping_rate[-1], [450.0, 150.0, 200.0])
    np.testing.assert_allclose(farms.pumping_rate[-1], [240.0])


def test_nought_is_no_pumping(small: Any) -> None:
    factor(small, "0")
    assert not small.load_model().wells[0].pumping_rate.any()


def test_permits_stay_and_rules_see_the_scaled_rates(small: Any) -> None:
    """A third of the permit binds only when pumping is above it: permits of A 1000 and C 500, rates doubled."""
    factor(small, "2")
    small.change(small.scenario, "rule: ban", "rule: percent_of_permit\n    percent: 33")
    small.change(small.scenario, "select: {district: West}", "select: {licensed: yes}")
    np.testing.assert_allclose(rates(small.load(), "2002-02-28"), [1800.0, 600.0, 800.0])
    np.testing.assert_allclose(rates(small.load(), "2002-03-01"), [330.0, 600.0, 165.0])


def test_sizes_select_by_the_scaled_rates(small: Any) -> None:
    small.change(small.scenario, "select: {district: West}", "select: {size: {min: 350 m3/d}}")
    np.testing.assert_allclose(rates(small.load(), "2002-03-01"), [0.0, 300.0, 0.0])
    factor(small, "0.5")
    np.testing.assert_allclose(rates(small.load(), "2002-03-01"), [0.0, 150.0, 200.0])


def test_an_override_replaces_it_and_is_logged(small: Any) -> None:
    factor(small, "{value: 0.35, certainty: assumed, prior: {distribution: loguniform, low: 0.2, high: 1.0}}")
    case = load_case(small.scenario, overrides={"wells.towns.multiplier": 0.7})
    np.testing.assert_allclose(rates(case.problem, "2002-02-28"), [630.0, 210.0, 280.0])
    assert case.log[0].startswith("override wells.towns.multiplier: 0.35 → 0.7")


@pytest.mark.parametrize(("text", "message"), [
    ("-0.1", "must be 0 or more"),
    ("half", "must be a number"),
    ("{raster: k.tif}", "must be one number: give value."),
    ("{series: [[2000-01-01, 1], [2002-01-01, 2]]}", "must be one number: give value."),
])  # fmt: skip
def test_what_is_no_factor_is_refused(small: Any, text: str, message: str) -> None:
    factor(small, text)
    with pytest.raises(ConfigError) as caught:
        small.load_model()
    found = [str(finding) for finding in caught.value.findings]
    assert all("wells.towns.multiplier" in finding for finding in found)
    assert any(message in finding for finding in found)
