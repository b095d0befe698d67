"""A small valid model and scenario, written out as files, that tests build and break."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aquirecover.case.scenario import load_problem
from aquirecover.flow.problem import Problem

CRS = "urn:ogc:def:crs:EPSG::3405"

MODEL = """\
kind: model
name: small
title: Small model
crs: EPSG:3405
grid:
  cell_size: 1 km
  extent: [600000, 2260000, 610000, 2268000]
areas:
  districts: {file: districts.geojson, label: name}
lines:
  streams: {file: streams.geojson, label: key}
map: {district: districts, river: streams/main}
top: 10.0
layers:
  upper:
    aquifer: upper
    thickness: 20.0
    k: 10.0
    anisotropy: 10.0
    specific_storage: 1.0e-5
    specific_yield: 0.1
    convertible: true
  clay: {thickness: 5.0, k: 0.01, k33: 0.001, specific_storage: 1.0e-4}
  lower: {aquifer: lower, bottom: -45.0, k: 20.0, specific_storage: 1.0e-6}
recharge:
  rain: {rate: 0.0002, monthly: [0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 0.5, 0.5]}
rivers:
  main: {line: streams/main, stations: stations.csv, depth: 2 m, width: 50 m, bed_leakance: 0.01}
general_heads:
  sea: {edges: [east], layers: [lower], head: 2.0, distance: 5 km}
wells:
  towns: {file: wells.csv, rates: rates.csv, by: district}
observations: {file: points.csv, measured: heads.csv}
zones: {area: districts}
level_limit: {depth: 30 m, urban_depth: 12 m, urban: districts/West}
time:
  start: 2000-01-01
  end: 2004-01-01
  period: year
  steps: 2
  multiplier: 1.5
  initial: steady
"""

SCENARIO = """\
kind: scenario
title: Stop in 2002
model: ../../models/small/model.yaml
restrictions:
  stop:
    rule: ban
    from: 2002-03-01
    select: {district: West}
"""

TABLES = {
    "wells.csv": """\
well,x,y,aquifer,district,user_type,licensed,permit,share
A,601500,2262500,lower,West,town,yes,1000,0.75
B,603500,2265500,upper,West,farm,no,,0.25
C,608500,2266500,lower,East,town,yes,500,1
""",
    "rates.csv": "district,date,rate\nWest,2000-01-01,800\nWest,2001-07-01,1200\nEast,2000-01-01,400\n",
    "stations.csv": "x,y,stage,line\n600250,2264400,9.0,main\n609750,2264400,4.0,main\n605000,2261000,99.0,other\n",
    "points.csv": "name,x,y,aquifer\nP1,602500,2263500,upper\nP2,607500,2263500,lower\n",
    "heads.csv": "name,date,head,depth\nP1,2001-01-01,6.5,\nP1,2000-07-01,,3.0\nP2,2000-01-11,3.25,\n",
}


def feature(properties: dict[str, Any], kind: str, coordinates: Any) -> dict[str, Any]:
    """Return a GeoJSON feature."""
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def box(x0: float, y0: float, x1: float, y1: float) -> list[list[list[float]]]:
    """Return the rings of a rectangle."""
    return [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]


def write_geojson(path: Path, features: list[dict[str, Any]], crs: str | None = CRS) -> Path:
    """Write features as GeoJSON."""
    data: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs is not None:
        data["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@dataclass
class SmallModel:
    """The files of the small model in a workspace of their own."""

    root: Path

    @property
    def folder(self) -> Path:
        """Of the model."""
        return self.root / "models/small"

    @property
    def model(self) -> Path:
        """Its file."""
        return self.folder / "model.yaml"

    @property
    def scenario(self) -> Path:
        """A scenario of it."""
        return self.root / "scenarios/small/stop.yaml"

    def change(self, path: Path | str, old: str, new: str) -> None:
        """Replace a piece of text that stands exactly once in a file; a name is that of a file of the model."""
        file = self.folder / path if isinstance(path, str) else path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file.name}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def add(self, text: str) -> None:
        """Add sections to the model file."""
        self.model.write_text(self.model.read_text(encoding="utf-8") + text, encoding="utf-8")

    def load(self, **options: Any) -> Problem:
        """Return the problem of the scenario."""
        return load_problem(self.scenario, **options)

    def load_model(self, **options: Any) -> Problem:
        """Return the problem of the model alone."""
        return load_problem(self.model, **options)


@pytest.fixture
def small(tmp_path: Path) -> SmallModel:
    """Return the small model, freshly written."""
    made = SmallModel(tmp_path)
    made.folder.mkdir(parents=True)
    made.scenario.parent.mkdir(parents=True)
    made.model.write_text(MODEL, encoding="utf-8")
    made.scenario.write_text(SCENARIO, encoding="utf-8")
    for name, text in TABLES.items():
        (made.folder / name).write_text(text, encoding="utf-8")
    write_geojson(
        made.folder / "districts.geojson",
        [
            feature({"name": "West"}, "Polygon", box(600000, 2260000, 605000, 2268000)),
            feature({"name": "East"}, "Polygon", box(605000, 2260000, 610000, 2268000)),
        ],
    )
    course = [[600250, 2264250], [609750, 2264250]]
    write_geojson(made.folder / "streams.geojson", [feature({"key": "main"}, "LineString", course)])
    return made


@pytest.fixture
def geojson() -> Callable[..., Path]:
    """Return the writer of GeoJSON files."""
    return write_geojson
