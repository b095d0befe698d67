"""Tables: volumes survive the cutting into years, every number has its unit, and text cannot hurt."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import synthetic
from aquirecover.flow.problem import FlowResult
from aquirecover.flow.schedule import Schedule
from aquirecover.output import views
from aquirecover.output.dataset import to_dataset
from aquirecover.output.files import write_csv
from aquirecover.output.results import result_tables
from aquirecover.output.tables import budget_by_year, budget_by_zone, budget_table, wells_table
from aquirecover.study.recovery import assess_recovery


@pytest.fixture(scope="module")
def result() -> FlowResult:
    return synthetic.result(6000.0, 0.3)


@pytest.fixture(scope="module")
def dataset(result: FlowResult) -> xr.Dataset:
    return to_dataset(result, assess_recovery(result))


def column(table, name: str) -> np.ndarray:
    return np.array([row[table.header.index(name)] for row in table.rows], dtype=float)


def test_budget_has_one_row_a_step_and_its_totals_are_sums(dataset: xr.Dataset, result: FlowResult) -> None:
    table = budget_table(dataset)
    assert len(table.rows) == len(result.reports)
    np.testing.assert_allclose(column(table, "total_in (m3/d)"), result.budget.inflow.sum(axis=1))
    np.testing.assert_array_equal(column(table, "wells_out (m3/d)"), result.budget.outflow[:, -1])
    np.testing.assert_array_equal(column(table, "budget_error (1)"), result.budget.error)
    volume = (result.budget.outflow.sum(axis=1) * result.problem.schedule.step_length).sum()
    assert column(table, "cumulative_out (m3)")[-1] == pytest.approx(volume, rel=1e-12)


def test_years_hold_the_volume_of_the_run(dataset: xr.Dataset, result: FlowResult) -> None:
    table = budget_by_year(dataset)
    years = [int(row[0]) for row in table.rows]
    assert years == list(range(1990, 2051))
    days = column(table, "days (d)")
    calendar = [(np.datetime64(f"{y + 1}-01-01") - np.datetime64(f"{y}-01-01")).astype(int) for y in years]
    np.testing.assert_allclose(days, calendar, atol=1e-8)
    volume = (result.budget.inflow[:, 1] * result.problem.schedule.step_length).sum()
    assert (column(table, "rain_in (m3/d)") * days).sum() == pytest.approx(volume, rel=1e-12)


def test_a_year_cut_by_a_step_takes_its_share_of_the_step(result: FlowResult) -> None:
    schedule = Schedule([300.0, 100.0], start="2001-01-01")
    rates = np.array([10.0, 40.0])
    dataset = xr.Dataset(
        {"step_length": ("step_time", schedule.step_length)},
        {"step_time": schedule.date_of(schedule.step_time).astype("datetime64[ns]")},
        {"start": "2001-01-01"},
    )
    years, days, means = views.year_means(dataset, rates)
    assert years == ["2001", "2002"]
    np.testing.assert_allclose(days, [365.0, 35.0])
    np.testing.assert_allclose(means, [(300.0 * 10.0 + 65.0 * 40.0) / 365.0, 40.0])


def test_years_begin_with_the_run_so_that_seasons_stay_whole() -> None:
    schedule = Schedule([181.0, 184.0, 182.0], start="1990-11-01")  # to 1 May, 1 November, 1 May in a leap year
    dataset = xr.Dataset(
        {"step_length": ("step_time", schedule.step_length)},
        {"step_time": schedule.date_of(schedule.step_time).astype("datetime64[ns]")},
        {"start": "1990-11-01"},
    )
    years, days, means = views.year_means(dataset, np.array([0.0, 365.0, 7.0]))
    assert years == ["1990/91", "1991/92"]
    np.testing.assert_allclose(days, [365.0, 182.0])
    np.testing.assert_allclose(means, [184.0, 7.0])


def test_years_without_dates_are_counted_from_one() -> None:
    dataset = xr.Dataset({"step_length": ("step_time", [365.25, 100.0])}, {"step_time": [365.25, 465.25]}, {"start": ""})
    years, days, _ = views.year_means(dataset, np.array([1.0, 2.0]))
    assert years == ["1", "2"]
    np.testing.assert_allclose(days, [365.25, 100.0])


def test_one_steady_step_of_no_length_gives_one_year() -> None:
    dataset = xr.Dataset({"step_length": ("step_time", [0.0])}, {"step_time": [0.0]}, {"start": ""})
    years, days, means = views.year_means(dataset, np.array([[5.0, 7.0]]))
    assert (years, days.tolist(), means.tolist()) == (["1"], [0.0], [[5.0, 7.0]])


def test_zones_balance_with_what_they_exchange(dataset: xr.Dataset) -> None:
    table = budget_by_zone(dataset)
    into = [name for name in table.header if name.endswith("_in (m3/d)")]
    out = [name for name in table.header if name.endswith("_out (m3/d)")]
    total_in = sum(column(table, name) for name in into)
    total_out = sum(column(table, name) for name in out)
    np.testing.assert_allclose(total_in, total_out, rtol=1e-9)
    assert {row[1] for row in table.rows} == set(dataset["zone"].values)


def test_wells_show_request_delivery_and_shortfall(result: FlowResult) -> None:
    delivered = result.pumping_rate_actual.copy()
    delivered[:, 3] *= 0.75
    table = wells_table(to_dataset(replace(result, pumping_rate_actual=delivered)))
    names = np.array([row[table.header.index("well")] for row in table.rows])
    asked, got = column(table, "pumping_rate (m3/d)"), column(table, "pumping_rate_actual (m3/d)")
    short = column(table, "shortfall (m3/d)")
    fourth = names == "TB-004"
    np.testing.assert_allclose(got[fourth], 0.75 * asked[fourth], rtol=1e-12)
    np.testing.assert_allclose(short, asked - got, atol=1e-9)
    assert np.abs(short[~fourth]).max() == 0.0
    volume = (delivered * result.problem.schedule.step_length[:, None]).sum()
    assert column(table, "volume (m3)").sum() == pytest.approx(volume, rel=1e-12)
    assert {row[table.header.index("district")] for row in table.rows} == set(synthetic.DISTRICTS)


def test_recovery_table_repeats_the_report(dataset: xr.Dataset, result: FlowResult) -> None:
    report = assess_recovery(result)
    table = result_tables(dataset)["recovery.csv"]
    rows = {(row[0], row[2]): row for row in table.rows if row[1] == "zone"}
    assert len(rows) == len(report.zones.names) * len(report.references)
    for z, name in enumerate(report.zones.names):
        row = rows[name, "before_pumping"]
        assert row[table.header.index("recovery_fraction_at_end (1)")] == report.zones.end_fraction["before_pumping"][z]
        assert row[table.header.index("head_at_end (m)")] == report.zones.end_head[z]
        found = row[table.header.index("time_to_recovery_50% (d)")]
        np.testing.assert_equal(found, report.zones.time_to_recovery["before_pumping"][0, z])
    points = {row[0] for row in table.rows if row[1] == "observation"}
    assert points == set(report.observations.names)


def test_every_column_of_numbers_names_its_unit(dataset: xr.Dataset) -> None:
    for name, table in result_tables(dataset).items():
        for i, title in enumerate(table.header):
            is_number = any(isinstance(row[i], float) for row in table.rows)
            assert not is_number or re.search(r" \((m3/d|m/d|m3|m2|m|d|1)\)$", title), f"{name}: {title}"


def test_names_that_look_like_formulas_are_made_harmless(result: FlowResult, tmp_path: Path) -> None:
    (wells,) = result.problem.wells
    evil = ("=HYPERLINK(0)", *wells.names[1:])
    bad = type(wells)(wells.cell, wells.pumping_rate, names=evil, attributes={"district": ("@x",) * len(evil)})
    table = wells_table(
        to_dataset(replace(result, problem=replace(result.problem, stresses=(*result.problem.stresses[:-1], bad))))
    )
    path = write_csv(tmp_path / "wells.csv", table.header, table.rows)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["well"] == "'=HYPERLINK(0)"
    assert {row["district"] for row in rows} == {"'@x"}


def test_means_over_an_aquifer_weigh_by_area(dataset: xr.Dataset, result: FlowResult) -> None:
    inside = views.focus(dataset)
    head = result.head[7, 2]
    expected = (head * result.problem.grid.area)[inside].sum() / result.problem.grid.area[inside].sum()
    assert views.area_mean(dataset, dataset["head"].values[7], "qp2") == pytest.approx(expected, rel=1e-12)
    assert views.aquifer_layers(dataset) == {"qh2": [0], "qp2": [2], "qp1": [4]}


def test_mean_of_an_aquifer_of_two_layers_skips_missing_cells() -> None:
    values = np.array([[[1.0, np.nan]], [[3.0, 5.0]], [[np.nan, np.nan]]])
    dataset = xr.Dataset({"layer_aquifer": ("layer", np.array(["a", "a", ""], dtype=object))})
    np.testing.assert_array_equal(views.aquifer_field(dataset, values, "a"), [[2.0, 5.0]])


def test_state_before_the_restriction_does_not_feel_it(dataset: xr.Dataset, result: FlowResult) -> None:
    index = views.restriction_index(dataset)
    assert result.time[index] == result.problem.context.restriction_start
    step = views.restriction_step(dataset)
    assert step is not None
    assert result.pumping_rate[step].sum() > 3.0 * result.pumping_rate[step + 1].sum()
