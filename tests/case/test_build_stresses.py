"""Boundaries, wells and observations on the grid, against lengths, areas and rates worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aquirecover.flow.problem import Problem


def term(problem: Problem, name: str) -> Any:
    return next(stress for stress in (*problem.stresses, *problem.fixed_heads) if stress.name == name)


def in_force(problem: Problem, date: str) -> int:
    """Return the period that holds a date."""
    starts = problem.schedule.date_of(problem.schedule.period_start)
    return int(np.flatnonzero(starts <= np.datetime64(date))[-1])


def test_recharge_follows_the_months(small: Any) -> None:
    problem = small.load_model()
    rain = term(problem, "rain")
    assert rain.cell.tolist() == list(range(80))
    for date, rate in (("2000-04-30", 1e-4), ("2000-05-01", 3e-4), ("2000-10-31", 3e-4), ("2000-11-01", 1e-4)):
        np.testing.assert_allclose(rain.recharge_rate[in_force(problem, date)], rate)
    # the steady beginning has the mean of the year
    np.testing.assert_allclose(rain.recharge_rate[0], 2e-4)


def test_recharge_within_an_area(small: Any) -> None:
    small.change("model.yaml", "rain: {rate: 0.0002, monthly", "rain: {rate: 0.0002, within: districts/East, monthly")
    _, _, column = small.load_model().grid.indices(term(small.load_model(), "rain").cell)
    assert sorted(set(column.tolist())) == [5, 6, 7, 8, 9]


def test_a_river_takes_its_length_from_every_cell(small: Any) -> None:
    problem = small.load_model()
    main = term(problem, "main")
    layer, row, column = problem.grid.indices(main.cell)
    assert set(layer.tolist()) == {0}
    assert set(row.tolist()) == {3}
    assert column.tolist() == list(range(10))
    length = np.array([750.0, *[1000.0] * 8, 750.0])
    np.testing.assert_allclose(main.conductance, 0.01 * 50.0 * length)
    # stage falls from 9 to 4 m along 9500 m; at the middle of the piece in each cell
    middle = np.array([375.0, *(1250.0 + 1000.0 * np.arange(8)), 9125.0])
    np.testing.assert_allclose(main.stage, 9.0 - 5.0 * middle / 9500.0)
    np.testing.assert_allclose(main.bottom_elevation, main.stage - 2.0)


def test_the_conductance_of_a_river_does_not_depend_on_the_cells(small: Any) -> None:
    for cell_size in (1000.0, 400.0, 250.0):
        assert term(small.load_model(cell_size=cell_size), "main").conductance.sum() == pytest.approx(0.01 * 50.0 * 9500.0)


def test_a_river_that_leaves_the_grid_is_told(small: Any) -> None:
    small.change("model.yaml", "extent: [600000, 2260000, 610000, 2268000]", "extent: [600000, 2260000, 609000, 2268000]")
    problem = small.load_model()
    assert problem.context.warnings == ("rivers.main: 8 % of the line lies outside the grid or on inactive cells.",)
    assert term(problem, "main").conductance.sum() == pytest.approx(0.01 * 50.0 * 8750.0)


def test_a_stage_with_monthly_offsets_keeps_its_bed(small: Any) -> None:
    small.change("model.yaml", "bed_leakance: 0.01}", "bed_leakance: 0.01, monthly: [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0]}")
    problem = small.load_model()
    main = term(problem, "main")
    wet, dry = (in_force(problem, date) for date in ("2001-06-01", "2001-12-01"))
    np.testing.assert_allclose(main.stage[wet] - main.stage[dry], 1.0)
    np.testing.assert_allclose(main.stage[0] - main.stage[dry], 0.5)
    assert main.bottom_elevation.shape == (10,)
    np.testing.assert_allclose(main.bottom_elevation, main.stage[dry] - 2.0)


def test_a_bed_below_its_cell_is_lifted_with_a_warning(small: Any) -> None:
    small.change("model.yaml", "depth: 2 m, width", "depth: 16 m, width")
    problem = small.load_model()
    main = term(problem, "main")
    np.testing.assert_allclose(main.bottom_elevation, np.maximum(main.stage - 16.0, -10.0))
    below = int(np.sum(main.stage - 16.0 < -10.0))
    assert problem.context.warnings == (
        f"rivers.main: the bed is below the cell in {below} of 10 cells; set to the cell's bottom.",
    )


def test_the_edge_of_a_general_head(small: Any) -> None:
    problem = small.load_model()
    sea = term(problem, "sea")
    layer, row, column = problem.grid.indices(sea.cell)
    assert (set(layer.tolist()), row.tolist(), set(column.tolist())) == ({2}, list(range(8)), {9})
    np.testing.assert_allclose(sea.conductance, 20.0 * 30.0 * 1000.0 / 5000.0)
    np.testing.assert_allclose(sea.boundary_head, 2.0)


def test_a_corner_has_the_conductance_of_both_edges(small: Any) -> None:
    small.change("model.yaml", "edges: [east]", "edges: [east, north]")
    problem = small.load_model()
    sea = term(problem, "sea")
    corner = problem.grid.cell(2, 0, 9)[0]
    np.testing.assert_allclose(sea.conductance[sea.cell == corner], 2 * 120.0)
    assert sea.conductance.sum() == pytest.approx(18 * 120.0)


def test_a_general_head_over_an_area_and_in_time(small: Any) -> None:
    small.change(
        "model.yaml",
        "sea: {edges: [east], layers: [lower], head: 2.0, distance: 5 km}",
        "sea: {within: districts/East, head: {series: [[2001-01-01, 0.0], [2003-01-01, 1.0]]}, leakance: 1.0e-3}",
    )
    problem = small.load_model()
    sea = term(problem, "sea")
    assert sea.cell.size == 40
    np.testing.assert_allclose(sea.conductance, 1e-3 * 1e6)
    middle = problem.schedule.period_start + 0.5 * problem.schedule.period_length
    expected = np.clip((middle - 366.0) / 730.0, 0.0, 1.0)
    np.testing.assert_allclose(sea.boundary_head, np.repeat(expected[:, None], 40, axis=1))


def test_drains_in_an_area_and_along_a_line(small: Any) -> None:
    small.add(
        "drains:\n  paddies: {within: districts/West, depth: 0.5 m, leakance: 0.001}\n"
        "  ditch: {line: streams/main, elevation: 3.0, per_length: 2 m/d}\n"
    )
    problem = small.load_model()
    paddies, ditch = term(problem, "paddies"), term(problem, "ditch")
    assert paddies.cell.size == 40
    np.testing.assert_allclose(paddies.elevation, 9.5)
    np.testing.assert_allclose(paddies.conductance, 1000.0)
    np.testing.assert_allclose(ditch.conductance, 2.0 * np.array([750.0, *[1000.0] * 8, 750.0]))


def test_evapotranspiration_from_the_ground(small: Any) -> None:
    small.add("evapotranspiration:\n  crops: {rate: 730.5 mm/year, extinction_depth: 1.5}\n")
    crops = term(small.load_model(), "crops")
    np.testing.assert_allclose(crops.surface, 10.0)
    np.testing.assert_allclose(crops.rate, 0.002, rtol=1e-12)
    np.testing.assert_allclose(crops.extinction_depth, 1.5)


def test_fixed_heads_on_two_edges_share_their_corner(small: Any) -> None:
    small.add("fixed_heads:\n  lake: {edges: [west, south], layers: [upper], head: 5.0}\n")
    lake = term(small.load_model(), "lake")
    assert lake.cell.size == 8 + 10 - 1


def test_a_barrier_follows_the_faces_between_cells(small: Any, geojson: Callable[..., Path]) -> None:
    fault = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "LineString", "coordinates": [[604100, 2268000], [604100, 2264100], [610000, 2264100]]},
    }
    geojson(small.folder / "fault.geojson", [fault])
    small.change("model.yaml", "lines:\n", "lines:\n  fault: {file: fault.geojson}\n")
    small.add("barriers:\n  fault: {line: fault, layers: [upper, lower], hydraulic_characteristic: 0.01}\n")
    problem = small.load_model()
    (barrier,) = problem.barriers
    layer, row, column = problem.grid.indices(barrier.cell)
    layer2, row2, column2 = problem.grid.indices(barrier.neighbour)
    pairs = {(a, b, c, d) for a, b, c, d in zip(row, column, row2, column2, strict=True)}
    # centres at 603.5 | 604.5 in rows 0 to 3, and at 2264.5 | 2263.5 in columns 4 to 9
    assert pairs == {*((r, 3, r, 4) for r in range(4)), *((3, c, 4, c) for c in range(4, 10))}
    assert layer.tolist() == layer2.tolist() == [0] * 10 + [2] * 10


def test_two_entries_of_one_name_are_told_apart(small: Any) -> None:
    small.add("drains:\n  rain: {within: districts/West, depth: 0.5 m, leakance: 0.001}\n")
    assert {"recharge_rain", "drains_rain"} <= set(small.load_model().terms)


# --- wells ------------------------------------------------------------------------------------------------------------


def test_wells_share_the_rate_of_their_district(small: Any) -> None:
    problem = small.load_model()
    (wells,) = problem.wells
    assert wells.names == ("A", "B", "C")
    np.testing.assert_allclose(wells.pumping_rate[in_force(problem, "2001-06-30")], [600, 200, 400])
    np.testing.assert_allclose(wells.pumping_rate[in_force(problem, "2001-07-01")], [900, 300, 400])
    layer, row, column = problem.grid.indices(wells.cell)
    assert list(zip(layer.tolist(), row.tolist(), column.tolist(), strict=True)) == [(2, 5, 1), (0, 2, 3), (2, 1, 8)]
    assert wells.attributes["district"] == ("West", "West", "East")
    assert wells.attributes["licensed"] == ("yes", "no", "yes")


def test_a_line_between_dates_and_a_factor(small: Any) -> None:
    small.change("model.yaml", "by: district}", "by: district, interpolate: linear, multiplier: 0.5}")
    problem = small.load_model()
    (wells,) = problem.wells
    period = in_force(problem, "2000-06-01")  # 1 May to 1 November 2000: middle at day 213 of 547
    assert wells.pumping_rate[period, 0] == pytest.approx(0.5 * 0.75 * (800 + 400 * 213 / 547))


def test_a_restriction_stops_its_wells_on_its_day(small: Any) -> None:
    problem = small.load()
    (wells,) = problem.wells
    day = (np.datetime64("2002-03-01") - np.datetime64("2000-01-01")).astype(int)
    assert problem.context.restriction_start == day
    assert day in problem.schedule.period_start
    np.testing.assert_allclose(wells.pumping_rate[in_force(problem, "2002-02-28")], [900, 300, 400])
    np.testing.assert_allclose(wells.pumping_rate[in_force(problem, "2002-03-01")], [0, 0, 400])
    assert problem.context.restriction_log == (
        "restriction stop: well A 2002-03-01 900 → 0 m3/d",
        "restriction stop: well B 2002-03-01 300 → 0 m3/d",
        "restriction stop: 2 wells in all 2002-03-01 1200 → 0 m3/d",
    )


def test_an_aquifer_of_two_layers_shares_by_transmissivity(small: Any) -> None:
    small.change("model.yaml", "clay: {thickness: 5.0, k: 0.01", "clay: {aquifer: lower, thickness: 5.0, k: 40.0")
    (wells,) = small.load_model().wells
    # 40 · 5 and 20 · 30 m²/d
    np.testing.assert_allclose(wells.fraction[wells.well == 0], [0.25, 0.75])


def test_a_screen_shares_by_its_length_in_each_layer(small: Any) -> None:
    (small.folder / "wells.csv").write_text("well,x,y,screen_top,screen_bottom,rate\nA,601500,2262500,-6,-25,100\n")
    small.change("model.yaml", "{file: wells.csv, rates: rates.csv, by: district}", "{file: wells.csv}")
    (wells,) = small.load_model().wells
    # 4 m of k 10, 5 m of k 0.01, 10 m of k 20
    np.testing.assert_allclose(wells.fraction, np.array([40.0, 0.05, 200.0]) / 240.05)
    np.testing.assert_allclose(wells.pumping_rate, 100.0)


def test_a_group_that_is_switched_off_is_not_there(small: Any) -> None:
    assert small.load_model(overrides={"wells.towns.enabled": False}).wells == ()


def test_wells_near_and_beyond_a_line(small: Any) -> None:
    small.change(small.scenario, "select: {district: West}", "select: {beyond: {line: streams/main, distance: 2 km}}")
    (wells,) = small.load().wells
    # the stream is at y = 2264250: A 1750 m, B 1250 m, C 2250 m away
    assert (wells.pumping_rate[-1] == 0.0).tolist() == [False, False, True]


# --- observations -----------------------------------------------------------------------------------------------------


def test_observations_and_their_measurements(small: Any) -> None:
    problem = small.load_model()
    points = problem.observations
    assert points.names == ("P1", "P2")
    layer, row, column = problem.grid.indices(points.cell)
    assert list(zip(layer.tolist(), row.tolist(), column.tolist(), strict=True)) == [(0, 4, 2), (2, 4, 7)]
    days, heads = points.measured["P1"]
    np.testing.assert_array_equal(days, [182, 366])  # sorted; 3 m below the ground at 10 m
    np.testing.assert_allclose(heads, [7.0, 6.5])
    np.testing.assert_allclose(points.measured["P2"], ([10.0], [3.25]))


def test_initial_heads_may_be_given(small: Any) -> None:
    small.change("model.yaml", "initial: steady", "initial: heads")
    small.add("initial_head: {by_area: {districts/West: 6.0}, default: 5.0}\n")
    problem = small.load_model()
    assert not problem.schedule.steady.any()
    np.testing.assert_array_equal(problem.initial_head[2, 0], [6.0] * 5 + [5.0] * 5)


def test_a_model_without_crs_takes_coordinates_as_they_are(small: Any) -> None:
    small.change("model.yaml", "crs: EPSG:3405\n", "")
    problem = small.load_model()
    assert problem.context.crs == ""
    assert problem.context.areas["West"].sum() == 40
