"""The data of the shipped models: derived files equal their script, every value says how it is known, shares add up."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import shapely

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "thai_binh"
CERTAINTY = {"measured", "published", "assumed"}
TABLES = {
    "derive_areas": ["ground.csv"],
    "derive_wells": ["wells.csv", "abstraction.csv", "neighbours.csv", "neighbours_abstraction.csv"],
}
SHAPES = {"derive_areas": ["sea", "saline"], "derive_wells": ["zone2"]}


def script(name: str) -> ModuleType:
    """Import a script of the model."""
    spec = importlib.util.spec_from_file_location(name, MODEL / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def rows(name: str) -> list[dict[str, str]]:
    """Read a table of the model."""
    with (MODEL / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shape_of(path: Path) -> Any:
    """Return the first shape of a GeoJSON file."""
    return shapely.from_geojson(json.dumps(json.loads(path.read_text(encoding="utf-8"))["features"][0]["geometry"]))


@pytest.mark.parametrize("name", TABLES)
def test_committed_files_are_what_their_script_writes(name: str, tmp_path: Path) -> None:
    script(name).write(tmp_path)
    for table in TABLES[name]:
        assert (tmp_path / table).read_text(encoding="utf-8") == (MODEL / table).read_text(encoding="utf-8"), table
    for shape in SHAPES[name]:
        made, kept = (shape_of(folder / "gis" / f"{shape}.geojson") for folder in (tmp_path, MODEL))
        # versions of the geometry library may cut an arc differently, by metres
        assert shapely.symmetric_difference(made, kept).area < 1e-4 * kept.area, shape


def test_a_changed_rule_would_change_the_tables(tmp_path: Path) -> None:
    wells = script("derive_wells")
    wells.SPACING = 3.0
    wells.write(tmp_path)
    assert (tmp_path / "wells.csv").read_text(encoding="utf-8") != (MODEL / "wells.csv").read_text(encoding="utf-8")


def test_districts_add_up_to_the_published_abstraction() -> None:
    total = sum(float(row["rate"]) for row in rows("abstraction.csv") if row["date"] == "2010-11-01")
    assert total == pytest.approx(168_494_095 / 365, abs=8)  # m3/yr of 2011; eight districts rounded to 1 m3/d


@pytest.mark.parametrize("table", ["wells.csv", "neighbours.csv"])
def test_shares_of_a_district_add_up_to_one(table: str) -> None:
    share: dict[str, float] = {}
    for row in rows(table):
        share[row["district"]] = share.get(row["district"], 0.0) + float(row["share"])
    assert share == pytest.approx(dict.fromkeys(share, 1.0), abs=2e-5)


def test_wells_stand_in_their_district() -> None:
    features = json.loads((MODEL / "gis" / "districts.geojson").read_text(encoding="utf-8"))["features"]
    districts = {f["properties"]["name_en"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in features}
    wells = rows("wells.csv")
    assert 200 <= len(wells) <= 400
    for well in wells:
        place = shapely.Point(float(well["longitude"]), float(well["latitude"]))
        assert districts[well["district"]].contains(place), well["well"]


def test_most_water_is_pumped_from_the_pleistocene() -> None:
    total = {row["district"]: float(row["rate"]) for row in rows("abstraction.csv") if row["date"] == "2010-11-01"}
    by_aquifer: dict[str, float] = {}
    for well in rows("wells.csv"):
        by_aquifer[well["aquifer"]] = by_aquifer.get(well["aquifer"], 0.0) + float(well["share"]) * total[well["district"]]
    part = {aquifer: rate / sum(total.values()) for aquifer, rate in by_aquifer.items()}
    assert set(part) == {"qh2", "qp2", "qp1"}  # qh1 is wholly saline
    assert part["qh2"] < 0.15
    assert part["qp1"] + part["qp2"] > 0.85


def test_no_shallow_well_stands_in_saline_water() -> None:
    saline = shape_of(MODEL / "gis" / "saline.geojson")
    wells = [row for row in rows("wells.csv") if row["aquifer"] == "qh2"]
    places = shapely.points([float(w["longitude"]) for w in wells], [float(w["latitude"]) for w in wells])
    assert not shapely.contains(saline, places).any()


def test_saline_strip_has_the_published_area() -> None:
    # degrees to km2 on the ellipsoid at 20.5 N, an independent number: 104.33 x 110.71 km a square degree
    area = shape_of(MODEL / "gis" / "saline.geojson").area * 104.33 * 110.71
    assert area == pytest.approx(521.1, rel=0.005)


def test_zone_two_holds_every_wellfield() -> None:
    zone = shape_of(MODEL / "gis" / "zone2.geojson")
    for well in rows("wells.csv"):
        if well["user_type"] != "domestic_rural":
            assert zone.contains(shapely.Point(float(well["longitude"]), float(well["latitude"]))), well["well"]


def test_ground_falls_to_the_sea_and_lies_low() -> None:
    table = np.array([[float(row[key]) for key in ("longitude", "latitude", "ground")] for row in rows("ground.csv")])
    province = shapely.from_geojson(
        json.dumps(json.loads((MODEL / "gis" / "province.geojson").read_text(encoding="utf-8"))["features"][0]["geometry"])
    )
    inside = shapely.contains(province, shapely.points(table[:, :2]))
    assert inside.sum() > 50
    assert table[inside, 2].min() >= 0.9
    assert table[inside, 2].max() <= 2.6
    assert np.corrcoef(table[inside, 0], table[inside, 2])[0, 1] < -0.8


def values(tree: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every spatial value of a model that is written as a mapping."""
    if isinstance(tree, dict):
        if {"value", "points"} & set(tree):
            yield path, tree
        for key, item in tree.items():
            yield from values(item, f"{path}.{key}".lstrip("."))


def model() -> Any:
    """Read the model file as plain YAML."""
    import yaml

    return yaml.safe_load((MODEL / "model.yaml").read_text(encoding="utf-8"))


def test_every_value_says_how_it_is_known_and_lies_in_its_range() -> None:
    found = dict(values(model()))
    assert len(found) > 45
    for path, value in found.items():
        assert value["certainty"] in CERTAINTY, path
        if path == "top":
            continue
        prior = value["prior"]
        assert prior["low"] < prior["high"], path
        number = value["value"]
        if isinstance(number, str):
            assert number == "82 mm/year", path
            number = 0.082 / 365.25
        assert prior["low"] <= number <= prior["high"], path


@pytest.mark.parametrize("layer", ["qh2", "clay_upper", "qh1", "clay_lower", "qp2", "clay_lens", "qp1"])
def test_no_parameter_of_a_layer_is_bare(layer: str) -> None:
    section = model()["layers"][layer]
    assert {key for key, item in section.items() if not isinstance(item, dict)} <= {"aquifer", "convertible"}


def test_river_stages_are_the_means_of_the_bulletins() -> None:
    # mid-levels of the dry and the wet season in cm, from the 57 station-days of the bulletins
    seasons = {"Ba Lat": (77, 110), "Dong Quy": (43, 56), "Thai Binh": (79, 116), "Quyet Chien": (75, 141), "Tien Duc": (94, 174)}
    stage = {row["station"]: float(row["stage"]) for row in rows("gis/stages.csv")}
    for station, (dry, wet) in seasons.items():
        assert stage[station] == pytest.approx((dry + wet) / 200.0, abs=0.006)


LIMITS = sorted(path for path in (ROOT / "scenarios").glob("*/*.yaml") if "\nkind: limits\n" in path.read_text(encoding="utf-8"))
SCENARIOS = sorted({*(ROOT / "scenarios").glob("*/*.yaml")} - {*LIMITS})


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_scenario_names_its_schema_and_model(path: Path) -> None:
    import yaml

    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../docs/schema/scenario.json\n")
    tree = yaml.safe_load(text)
    assert tree["title"]
    assert (path.parent / tree["model"]).resolve() == ROOT / "models" / path.parent.name / "model.yaml"


@pytest.mark.parametrize("path", LIMITS, ids=lambda p: p.parent.name)
def test_limit_file_names_its_schema_and_a_scenario_beside_it(path: Path) -> None:
    import yaml

    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../docs/schema/limits.json\n")
    assert path.parent / yaml.safe_load(text)["scenario"] in SCENARIOS


def test_all_scenarios_of_the_study_are_there() -> None:
    assert {path.stem for path in SCENARIOS if path.parent.name == "thai_binh"} == {
        "no_restriction", "surface_water_switch", "stop_all", "cut_25", "cut_50", "cut_75", "zone1_stopped", "zone2_halved",
        "large_users", "phase_out_10y", "cut_50_delayed_10y", "stop_all_sea_level", "cut_50_sea_level",
    }  # fmt: skip
