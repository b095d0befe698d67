"""DRAIN and STORAGE of GWM-2005 as model folders and limit files, solved by the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from aquirecover.case.model_writer import write_model
from aquirecover.cli import main
from aquirecover.flow.adjoint import SensitivitySettings
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import Drain
from aquirecover.study.limits import find_limit
from aquirecover.study.quantities import StressOutflow
from aquirecover.study.response import Simulator
from aquirecover.verification.managed import TIGHT, simulate_all
from aquirecover.verification.managed_basin import drain
from aquirecover.verification.managed_storage import DECADE, MANAGED, SHARES, SOUTH, storage


def _day(days: float) -> date:
    return date(2000, 1, 1) + timedelta(days=round(days))


def _solve(folder: Path, problem: Problem, text: str, areas: str = "") -> tuple[dict[str, float], dict[str, Any]]:
    """Write a problem as a model with a scenario, and return rates by decision and the summary of a limit file."""
    write_model(problem, folder)
    (folder / "areas.geojson").write_text(areas, encoding="utf-8")
    (folder / "scenario.yaml").write_text("kind: scenario\ntitle: As it is\nmodel: model.yaml\n", encoding="utf-8")
    file, out = folder / "limits.yaml", folder / "out"
    file.write_text("kind: limits\ntitle: GWM\nscenario: scenario.yaml\n" + text, encoding="utf-8")
    done = CliRunner().invoke(main, ["limits", str(file), "-o", str(out), "--no-figures"])
    assert done.exit_code == 0, done.output
    rows = csv.DictReader((out / "limits.csv").read_text(encoding="utf-8-sig").splitlines())
    summary: dict[str, Any] = json.loads((out / "limits.json").read_text(encoding="utf-8"))
    return {row["decision"]: float(row["limit_m3_d"]) for row in rows}, summary


def test_drain_whose_outflow_is_sought_from_the_first_day_on(tmp_path: Path) -> None:
    question = drain()
    problem, (flows,) = question.problem, question.families
    assert isinstance(flows, StressOutflow)
    *others, whole = problem.stresses
    assert isinstance(whole, Drain)
    drains = [
        Drain(whole.cell[item], whole.elevation[item], whole.conductance[item], name=name)
        for name, item in zip(flows.names, flows.item, strict=True)
    ]
    seasons = {"win": [1, 2, 3], "spr": [4, 5, 6], "sum": [7, 8, 9], "fal": [10, 11, 12]}
    wells = {"Q1": "W1", "Q2win": "W2", "Q2spr": "W2", "Q2sum": "W2", "Q2fal": "W2", "Q3spr": "W3", "Q3sum": "W3"}
    ends = np.cumsum(problem.schedule.period_length)
    eleventh = f"from: {_day(ends[9])}, to: {_day(ends[10])}"
    lines = ["from: 2000-01-01", "maximise: outflow", "decide:"]
    for name, well in wells.items():
        months = f", months: {seasons[name[2:]]}" if name[2:] else ""
        lines.append(f"  {name}: {{select: {{wells: {well}}}, by: [], most: 50000{months}}}")
    lines.append("constraints:")
    for name, least in (("win", 3e4), ("spr", 4.5e4), ("sum", 6e4), ("fal", 3e4)):
        lines.append(f"  {name}: {{rule: supply, least: {least}, most: 80000, months: {seasons[name]}}}")
    for name, least in (("DR1", 3e5), ("DR2", 2.3e5), ("DR3", 2.355e5)):
        lines.append(f"  {name}: {{rule: flux, boundary: {name}, least: {least}, {eleventh}}}")
    terms = ", ".join(f"{{boundary: {name}, {eleventh}}}" for name in flows.names)
    lines.append(f"  outflow: {{rule: sum, terms: [{terms}]}}\n")
    found, summary = _solve(tmp_path, replace(problem, stresses=(*others, *drains)), "\n".join(lines))
    assert summary["objective"] == pytest.approx(1_148_849.0, abs=1.0)
    expected = {"Q1": 15485.98, "Q2win": 14514.02, "Q2sum": 44514.02, "Q2fal": 14514.02, "Q3spr": 29514.02}
    assert found == pytest.approx({"Q2spr": 0.0, "Q3sum": 0.0} | expected, rel=1e-4, abs=0.1)


def _stored(day: date, times: float, where: Mapping[str, str]) -> str:
    places = ", ".join(f"{key}: {value}" for key, value in where.items())
    return f"{{stored: yes, on: {day}, times: {times:g}, {places}}}"


def test_storage_with_sums_of_stored_water(tmp_path: Path) -> None:
    # after a steady day, five decades; north and south of the middle layer meet between the eighth row and the ninth
    days = [_day(1.0 + DECADE * n) for n in range(6)]
    spans = list(pairwise(days))
    halves = [("north", 35e3, 75e3), ("south", 0.0, 35e3)]
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[[0, low], [75e3, low], [75e3, high], [0, high], [0, low]]]},
        }
        for name, low, high in halves
    ]
    areas = json.dumps({"type": "FeatureCollection", "features": features})
    lines = [f"from: {days[0]}", "maximise: first", "areas:", "  halves: {file: areas.geojson, label: name}", "decide:"]
    for well in MANAGED:
        for letter, (begin, end) in zip("abcde", spans, strict=True):
            own = f"select: {{wells: {well}}}, by: [], most: 64000, from: {begin}, to: {end}"
            lines.append(f"  {well}-{letter}: {{{own}}}")
    lines.append("constraints:")
    # the water table may lose less in each decade than in the one before: S1 − S2 <= share (S0 − S1)
    table = {"aquifer": "'1'"}
    for n, share in enumerate(SHARES, 1):
        terms = _stored(days[n], 1.0 + share, table), _stored(days[n + 1], -1.0, table), _stored(days[n - 1], -share, table)
        lines.append(f"  ST1-{n + 1}: {{rule: sum, most: 0, terms: [{', '.join(terms)}]}}")
    ends = [
        _stored(days[n], sign * (1.0 if half == "south" else -SOUTH), {"aquifer": "'2'", "within": f"halves/{half}"})
        for half in ("south", "north")
        for n, sign in ((0, 1.0), (5, -1.0))
    ]
    lines.append(f"  ST2-1: {{rule: sum, most: 0, terms: [{', '.join(ends)}]}}")
    first = f"{{rates: {{}}, from: {spans[0][0]}, to: {spans[0][1]}}}"
    for letter, (begin, end) in zip("bcde", spans[1:], strict=True):
        other = f"{{rates: {{}}, from: {begin}, to: {end}, times: -1}}"
        lines.append(f"  EQ-{letter}: {{rule: sum, least: 0, most: 0, terms: [{first}, {other}]}}")
    lines.append(f"  first: {{rule: sum, terms: [{first}]}}\n")
    question = storage()
    found, summary = _solve(tmp_path, question.problem, "\n".join(lines), areas)
    expected = find_limit(question, Simulator(simulate_all, SensitivitySettings(TIGHT)))
    assert DECADE * summary["objective"] == pytest.approx(expected.objective, rel=1e-8)
    assert [found[d.name] for d in question.decisions] == pytest.approx(expected.x.tolist(), rel=1e-5, abs=0.01)
    assert DECADE * summary["objective"] == pytest.approx(1.258205e9, rel=1e-4)
