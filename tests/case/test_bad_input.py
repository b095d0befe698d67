"""Every kind of bad input and its exact message: each test breaks one thing of the small model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aquirecover.errors import ConfigError, InputFileError, ResourceError

MODEL, SCENARIO, WELLS, RATES = (
    "models/small/model.yaml",
    "scenarios/small/stop.yaml",
    "models/small/wells.csv",
    "models/small/rates.csv",
)
GRID = "the grid covers x 600000 to 610000, y 2260000 to 2268000"


def refused(small: Any, *, error: type[Exception] = ConfigError, **options: Any) -> list[str]:
    """Return the lines of the error of the scenario."""
    with pytest.raises(error) as caught:
        small.load(**options)
    return str(caught.value).split("\n")


def test_the_small_model_is_valid(small: Any) -> None:
    assert small.load().grid.active.all()


# --- the files themselves ---------------------------------------------------------------------------------------------


def test_unknown_key(small: Any) -> None:
    small.change("model.yaml", "    anisotropy: 10.0", "    anisotropie: 10.0")
    assert refused(small) == [f"{MODEL}:19:5 layers.upper.anisotropie: is not a key here. Did you mean 'anisotropy'?"]


def test_wrong_unit(small: Any) -> None:
    small.change("model.yaml", "    thickness: 20.0", "    thickness: 20 L/s")
    assert refused(small) == [f"{MODEL}:17:16 layers.upper.thickness = '20 L/s': has the wrong unit: must convert to m."]


def test_nan_in_the_model(small: Any) -> None:
    small.change("model.yaml", "    k: 10.0", "    k: .nan")
    assert refused(small) == [f"{MODEL}:18:8 layers.upper.k = nan: must be a finite number."]


def test_nan_in_a_table(small: Any) -> None:
    small.change("rates.csv", "West,2000-01-01,800", "West,2000-01-01,nan")
    assert refused(small) == [f"{RATES}:2 rate = 'nan': must be a finite number; leave the cell empty where nothing is known."]


def test_negative_storage(small: Any) -> None:
    small.change("model.yaml", "specific_storage: 1.0e-6", "specific_storage: -1.0e-6")
    assert refused(small) == [f"{MODEL}:24:69 layers.lower.specific_storage = -1e-06: must be 0 or more."]


def test_negative_pumping(small: Any) -> None:
    small.change("rates.csv", "West,2000-01-01,800", "West,2000-01-01,-800")
    assert refused(small) == [f"{RATES}:2 rate = '-800': must be 0 or more."]


def test_dates_out_of_order_in_the_model(small: Any) -> None:
    small.change("model.yaml", "end: 2004-01-01", "end: 1999-01-01")
    assert refused(small) == [f"{MODEL}:38:8 time.end = '1999-01-01': must be after start = 2000-01-01."]


def test_dates_out_of_order_in_a_table(small: Any) -> None:
    small.change("rates.csv", "West,2001-07-01", "West,1999-07-01")
    assert refused(small) == [
        f"{RATES}:3 date = '1999-07-01': must be after the date before it of West (2000-01-01): dates ascend."
    ]


def test_missing_file(small: Any) -> None:
    (small.folder / "wells.csv").unlink()
    assert refused(small, error=InputFileError) == [
        f"{MODEL}:32:17 wells.towns.file: wells.csv does not exist. There is no wells.csv in models/small."
    ]


def test_several_missing_files_come_at_once(small: Any) -> None:
    small.change("model.yaml", "top: 10.0", "top: {raster: ground.tif}")
    for name in ("wells.csv", "streams.geojson", "points.csv"):
        (small.folder / name).unlink()
    assert refused(small, error=InputFileError) == [
        f"{MODEL}:11:19 lines.streams.file: streams.geojson does not exist. There is no streams.geojson in models/small.",
        f"{MODEL}:13:15 top.raster: ground.tif does not exist. There is no ground.tif in models/small.",
        f"{MODEL}:32:17 wells.towns.file: wells.csv does not exist. There is no wells.csv in models/small.",
        f"{MODEL}:33:22 observations.file: points.csv does not exist. There is no points.csv in models/small.",
    ]


def test_empty_table(small: Any) -> None:
    (small.folder / "rates.csv").write_text("")
    assert refused(small) == [f"{RATES} is empty: it needs a line of column names and rows."]


def test_table_without_rows(small: Any) -> None:
    (small.folder / "rates.csv").write_text("district,date,rate\n")
    assert refused(small) == [f"{RATES}:1 has column names but no rows."]


def test_table_without_a_column(small: Any) -> None:
    small.change("rates.csv", "district,date,rate", "district,date,rates")
    assert refused(small) == [f"{RATES}:1 rate: is a column that the table needs. Did you mean 'rates'?"]


def test_file_outside_the_workspace(small: Any) -> None:
    small.change("model.yaml", "{file: wells.csv", "{file: ../../../wells.csv")
    assert refused(small, error=InputFileError) == [
        f"{MODEL}:32:17 wells.towns.file: ../../../wells.csv lies outside the workspace {small.root}: "
        "move it inside, or allow files outside (--allow-outside)."
    ]


def test_all_cells_that_are_wrong_come_at_once(small: Any) -> None:
    small.change(
        "wells.csv", "A,601500,2262500,lower,West,town,yes,1000,0.75", "A,60l500,2262500,lower,West,town,maybe,-1000,0.75"
    )
    small.change("rates.csv", "West,2001-07-01,1200", "West,2001-31-01,-1200")
    small.change("points.csv", "P2,607500", "P2,60 7500")
    assert refused(small) == [
        f"{WELLS}:2 x = '60l500': must be a number.",
        f"{WELLS}:2 permit = '-1000': must be 0 or more.",
        f"{WELLS}:2 licensed = 'maybe': must be yes or no.",
        f"{RATES}:3 date = '2001-31-01': must be a date that exists, as 2021-01-31.",
        f"{RATES}:3 rate = '-1200': must be 0 or more.",
        "models/small/points.csv:3 x = '60 7500': must be a number.",
    ]


def test_dates_out_of_order_of_several_wells_come_at_once(small: Any) -> None:
    with (small.folder / "rates.csv").open("a") as stream:
        stream.write("East,1999-01-01,5\n")
    small.change("rates.csv", "West,2001-07-01", "West,2000-01-01")
    assert refused(small) == [
        f"{RATES}:3 date = '2000-01-01': must be after the date before it of West (2000-01-01): dates ascend.",
        f"{RATES}:5 date = '1999-01-01': must be after the date before it of East (2000-01-01): dates ascend.",
    ]


def test_rates_that_no_well_pumps(small: Any) -> None:
    with (small.folder / "rates.csv").open("a") as stream:
        stream.write("Est,2000-01-01,5\nEst,2001-01-01,6\n")
    assert refused(small) == [f"{RATES}:5 district = 'Est': no well has it, and its rates would be lost. Did you mean 'East'?"]


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_polygon_in_the_wrong_crs(small: Any) -> None:
    small.change("districts.geojson", "EPSG::3405", "EPSG::3406")
    (line,) = refused(small)
    # zone 49 has its central meridian 6 degrees further east: the same numbers lie about 625 km to the east
    assert line.startswith(f"{MODEL}:9:21 areas.districts.file: districts.geojson lies wholly outside the grid: x 12")
    assert line.endswith(f"{GRID} m. Its CRS (urn:ogc:def:crs:EPSG::3406) is probably wrong.")


@pytest.mark.parametrize(
    ("crs", "message"),
    [
        ("EPSG:4326", "is in degree: use a projected CRS in metres, as EPSG:3405."),
        ("EPSG:2263", "is in US survey foot: use a projected CRS in metres, as EPSG:3405."),
        ("EPSG:99999", "is no CRS that PROJ knows: use a projected one in metres, as EPSG:3405."),
    ],
)
def test_crs_that_is_not_in_metres(small: Any, crs: str, message: str) -> None:
    small.change("model.yaml", "crs: EPSG:3405", f"crs: {crs}")
    assert refused(small) == [f"{MODEL}:4:6 crs = {crs!r}: {message}"]


def test_metres_taken_for_degrees(small: Any, geojson: Callable[..., Path]) -> None:
    course = {"type": "LineString", "coordinates": [[600250, 2264250], [609750, 2264250]]}
    geojson(small.folder / "streams.geojson", [{"type": "Feature", "properties": {"key": "main"}, "geometry": course}], crs=None)
    assert refused(small, error=InputFileError) == [
        f"{MODEL}:11:19 lines.streams.file: streams.geojson has coordinates such as (600250, 2264250), which are no longitude "
        "and latitude: a GeoJSON in another CRS must name it in its crs member."
    ]


def test_unknown_crs(small: Any) -> None:
    small.change("districts.geojson", "EPSG::3405", "EPSG::999999")
    lines = refused(small, error=InputFileError)
    assert lines[0].startswith(
        f"{MODEL}:9:21 areas.districts.file: no transformation from 'urn:ogc:def:crs:EPSG::999999' to 'EPSG:3405'"
    )


def test_lines_where_polygons_belong(small: Any) -> None:
    small.change("model.yaml", "{file: districts.geojson, label: name}", "{file: streams.geojson, label: key}")
    assert refused(small, error=InputFileError) == [
        f"{MODEL}:9:21 areas.districts.file: streams.geojson must hold polygons only."
    ]


def test_unknown_attribute_of_shapes(small: Any) -> None:
    small.change("model.yaml", "label: name", "label: nam")
    assert refused(small, error=InputFileError) == [
        f"{MODEL}:9:21 areas.districts.file: districts.geojson has no attribute 'nam' on every shape; there are name."
    ]


def test_unknown_label_of_an_area(small: Any) -> None:
    small.change("model.yaml", "urban: districts/West", "urban: districts/Wst")
    assert refused(small) == [
        f"{MODEL}:35:54 level_limit.urban = 'districts/Wst': areas.districts has no shape with this label. Did you mean 'West'?"
    ]


def test_unknown_area(small: Any) -> None:
    small.change("model.yaml", "zones: {area: districts}", "zones: {area: district}")
    assert refused(small) == [f"{MODEL}:34:15 zones.area = 'district': is no area of the model. Did you mean 'districts'?"]


# --- grid and values --------------------------------------------------------------------------------------------------


def test_surfaces_that_cross(small: Any) -> None:
    small.change("model.yaml", "bottom: -45.0", "bottom: {by_area: {districts/West: -45.0}, default: -12.0}")
    assert refused(small) == [
        f"{MODEL}:24:35 layers.lower.bottom: crosses the surface above it in 40 cells of layer 3 (lower), such as "
        "row 1, column 6 (top -15 m, bottom -12 m); row 1, column 7 (top -15 m, bottom -12 m); "
        "row 1, column 8 (top -15 m, bottom -12 m): must be below it. Correct the surface, or give minimum_thickness."
    ]


def test_values_that_do_not_cover_the_grid(small: Any) -> None:
    small.change("model.yaml", "    k: 10.0", "    k: {by_area: {districts/West: 10.0}}")
    assert refused(small) == [
        f"{MODEL}:18:8 layers.upper.k: has no value from by_area at 40 of 80 places, such as "
        "(605500, 2267500), (606500, 2267500), (607500, 2267500)."
    ]


def test_a_value_out_of_range_in_a_table_of_points(small: Any) -> None:
    (small.folder / "k.csv").write_text("x,y,k\n600500,2260500,5\n609500,2260500,-5\n")
    small.change("model.yaml", "k: 10.0\n    anisotropy: 10.0", "k: {points: k.csv, column: k}\n    k33: 1.0")
    assert f"{MODEL}:18:8 k[layer 1 (upper), row 1, column 6]: -5 m/d: must be greater than 0. (39 more like it.)" in refused(
        small
    )


def test_a_cell_size_of_nothing(small: Any) -> None:
    assert refused(small, cell_size="0 m") == ["cell_size = 0 m: must be greater than 0."]


def test_a_cell_size_in_another_unit(small: Any) -> None:
    assert refused(small, cell_size="3 d") == ["cell_size: '3 d' has the wrong unit: must convert to m."]


def test_too_many_cells(small: Any) -> None:
    (line,) = refused(small, cell_size=0.5, error=ResourceError)
    assert line.startswith("grid.cell_size = 0.5 m makes 3 layers x 16000 rows x 20000 columns = 960000000 cells:")


def test_no_level_in_a_steady_problem(small: Any) -> None:
    small.change("model.yaml", "general_heads:\n  sea: {edges: [east], layers: [lower], head: 2.0, distance: 5 km}\n", "")
    small.change(
        "model.yaml",
        "rivers:\n  main: {line: streams/main, stations: stations.csv, depth: 2 m, width: 50 m, bed_leakance: 0.01}\n",
        "",
    )
    (line,) = refused(small)
    assert line.startswith(
        "fixed_heads: 240 connected cells about layer 1 (upper), row 1, column 1 have no fixed head, general head"
    )
    assert "the head is not determined." in line


# --- wells and observations -------------------------------------------------------------------------------------------


def test_well_outside_the_grid(small: Any) -> None:
    small.change("wells.csv", "A,601500,2262500", "A,801500,2262500")
    assert refused(small) == [f"{WELLS}:2 wells.A: lies outside the grid: x 801500, y 2262500; {GRID}."]


def test_well_in_an_inactive_cell(small: Any) -> None:
    small.change("model.yaml", "lower: {aquifer", "lower: {within: districts/East, aquifer")
    assert refused(small) == [
        f"{WELLS}:2 wells.A: meets no active cell at row 6, column 2 (x 601500, y 2262500): "
        "move it, or correct its aquifer, layer or screen."
    ]


def test_well_of_an_unknown_aquifer(small: Any) -> None:
    small.change("wells.csv", "2266500,lower", "2266500,lowr")
    assert refused(small) == [f"{WELLS}:4 aquifer = 'lowr': is no aquifer of the model. Did you mean 'lower'?"]


def test_well_named_twice(small: Any) -> None:
    small.change("wells.csv", "B,603500", "A,603500")
    assert refused(small) == [f"{WELLS}:3 wells.A: stands twice; the first is at {WELLS}:2. Names are unique."]


def test_well_of_a_district_without_rates(small: Any) -> None:
    small.change("wells.csv", "lower,East", "lower,Eest")
    assert refused(small) == [f"{MODEL}:32:35 wells.towns.rates: {RATES} has no rate for district Eest. Did you mean 'West'?"]


def test_observation_outside_the_grid(small: Any) -> None:
    small.change("points.csv", "P1,602500", "P1,702500")
    assert refused(small) == [f"models/small/points.csv:2 observations.P1: lies outside the grid: x 702500, y 2263500; {GRID}."]


def test_measurement_of_an_unknown_point(small: Any) -> None:
    small.change("heads.csv", "P1,2001-01-01", "Q1,2001-01-01")
    assert refused(small) == ["models/small/heads.csv:2 name = 'Q1': is no observation point of the model. Valid: P1, P2."]


def test_stage_below_the_bed(small: Any) -> None:
    small.change("stations.csv", "609750,2264400,4.0", "609750,2264400,-40")
    (line,) = refused(small)
    assert line.startswith(
        f"{MODEL}:28:9 rivers.main: has a stage as low as -38.07 m, below the bottom of its bed or of its cell"
    )


# --- restrictions -----------------------------------------------------------------------------------------------------


def test_overlapping_rules(small: Any) -> None:
    small.change(
        small.scenario,
        "    select: {district: West}\n",
        "    select: {district: West}\n  cap:\n    rule: cap\n    rate: 10\n    from: 2003-01-01\n    select: {aquifer: lower}\n",
    )
    assert refused(small) == [
        f"{SCENARIO}:10:5 restrictions.cap: overlaps restrictions.stop from 2003-01-01 to 2004-01-01 on 1 well (A): "
        "one rule at a time may hold for a well; narrow select, from or to."
    ]


def test_selection_of_an_unknown_district(small: Any) -> None:
    small.change(small.scenario, "district: West", "district: Wst")
    assert refused(small) == [f"{SCENARIO}:8:24 restrictions.stop.select.district = 'Wst': no well has it. Did you mean 'West'?"]


def test_selection_of_no_well(small: Any) -> None:
    small.change(small.scenario, "{district: West}", "{district: East, aquifer: upper}")
    assert refused(small) == [
        f"{SCENARIO}:8:13 restrictions.stop.select: selects none of the 3 wells: district is one of East, West; "
        "aquifer is one of lower, upper; user_type is one of farm, town; group is one of towns."
    ]


def test_a_rule_on_permits_that_are_not_there(small: Any) -> None:
    small.change(small.scenario, "rule: ban", "rule: percent_of_permit\n    percent: 50")
    assert refused(small) == [f"{SCENARIO}:6:5 restrictions.stop: is a percentage of the permit: B have none (column permit)."]


def test_everything_comes_at_once(small: Any) -> None:
    small.change("model.yaml", "bottom: -45.0", "bottom: -12.0")
    small.change("wells.csv", "A,601500,2262500", "A,801500,2262500")
    small.change("points.csv", "P2,607500", "P2,907500")
    small.change("model.yaml", "urban: districts/West", "urban: districts/Wst")
    small.change(small.scenario, "district: West", "district: Wst")
    keys = [line.split(" ")[1].rstrip(":") for line in refused(small)]
    assert keys == ["layers.lower.bottom", "level_limit.urban", "wells.A", "restrictions.stop.select.district", "observations.P2"]
