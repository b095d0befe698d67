"""A strip between two fixed heads, whose heads are known by hand, for limit files.

Five cells of 100 m, T = 60 m²/d, heads of 10 m held in the outer ones, wells ``west`` and ``east`` in the second and fourth. A
well of rate Q lowers the heads of the second, third and fourth cell by ``Q (3/4, 1/2, 1/4) / 60`` or the mirror of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from aquirecover.case.limit_builder import load_limits
from aquirecover.case.limit_case import LimitCase
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.study.limits import LimitResult, find_limit

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
MODEL = """\
kind: model
name: strip
title: Strip
grid: {dx: [100, 100, 100, 100, 100], dy: [100]}
areas: {rooms: {file: rooms.geojson, label: name}}
lines: {middle: {file: middle.geojson}}
top: 30.0
layers:
  sand: {aquifer: sand, thickness: 30.0, k: 2.0, specific_storage: 1.0e-5}
fixed_heads:
  ends: {edges: [west, east], layers: sand, head: 10.0}
general_heads:
  pond: {within: rooms/hall, head: 10.0, leakance: 0.0, layers: sand}
wells:
  field: {file: wells.csv, rates: rates.csv, by: well}
observations: {file: points.csv}
time:
  start: 2020-01-01
  initial: heads
  periods:
    - {length: 366, steady: yes}
    - {length: 365, steady: yes}
    - {length: 365, steady: yes}
initial_head: 10.0
"""
SCENARIO = "kind: scenario\ntitle: As it is\nmodel: model.yaml\n"
BEGIN = "kind: limits\ntitle: Limit\nscenario: scenario.yaml\nfrom: 2021-01-01\n"


def _box(west: float, east: float) -> list[list[list[float]]]:
    return [[[west, 0.0], [east, 0.0], [east, 100.0], [west, 100.0], [west, 0.0]]]


def _features(*shapes: tuple[str, dict[str, object], object]) -> str:
    features = [{"type": "Feature", "properties": own, "geometry": {"type": kind, "coordinates": at}} for kind, own, at in shapes]
    return json.dumps({"type": "FeatureCollection", "features": features})


def write_strip(folder: Path) -> Path:
    """Write model, scenario and what they need, and return the folder."""
    rooms = [("Polygon", {"name": name}, _box(*x)) for name, x in (("porch", (0, 100)), ("hall", (200, 300)), ("all", (0, 500)))]
    zones = [
        ("Polygon", {"name": "zone_1", "aquifer": "sand"}, _box(100, 200)),
        ("Polygon", {"name": "zone_1", "aquifer": "gravel"}, _box(300, 400)),
        ("Polygon", {"name": "zone_2", "aquifer": ""}, _box(300, 400)),
    ]
    files = {
        "model.yaml": MODEL,
        "scenario.yaml": SCENARIO,
        "rooms.geojson": _features(*rooms),
        "zones.geojson": _features(*zones),
        # northwards: west is on its left
        "middle.geojson": _features(("LineString", {}, [[200.0, -50.0], [200.0, 150.0]])),
        "wells.csv": "well,x,y,aquifer,district\nwest,150,50,sand,West\neast,350,50,sand,East\n",
        "rates.csv": "well,date,rate\nwest,2020-01-01,100\neast,2020-01-01,0\n",
        "points.csv": "name,x,y,aquifer\nA,150,50,sand\nB,250,50,sand\nC,350,50,sand\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def simulated(problem: Problem, settings: object) -> FlowResult:
    """Return the result of a problem, tightly."""
    return simulate(problem, TIGHT)


def load(folder: Path, text: str) -> LimitCase:
    """Return the question of a limit file with some text below its beginning."""
    (folder / "limits.yaml").write_text(BEGIN + text, encoding="utf-8")
    return load_limits(folder / "limits.yaml", simulated)


def simulate_all(problems: Sequence[Problem]) -> list[FlowResult]:
    """Return the results of problems, tightly."""
    return [simulate(problem, TIGHT) for problem in problems]


def solved(folder: Path, text: str) -> tuple[dict[str, float], LimitResult, LimitCase]:
    """Return values by decision, the limit and its question."""
    made = load(folder, text)
    result = find_limit(made.question, simulate_all, made.settings)
    return dict(zip((d.name for d in made.question.decisions), result.x, strict=True)), result, made
