"""Problems whose limits are known otherwise, each written as a limit file: published ones, closed forms, and enumerations."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import linprog

from aquirecover.cli import main
from aquirecover.study.constraints import join
from aquirecover.study.limits import LimitProblem, LimitSettings, Objective, find_limit
from aquirecover.verification.managed import seawater, simulate_all
from limit_strip import BEGIN, write_strip

# two steady years: one before the limit, and that of the limit
SHEET = """\
kind: model
name: sheet
title: Sheet
grid: {{dx: [{dx}], dy: [{dy}]}}
top: {top}
{formulation}layers:
{layers}
fixed_heads:
{fixed}
{more}wells:
  field: {{file: wells.csv, rates: rates.csv, by: well}}
observations: {{file: points.csv}}
time:
  start: 2020-01-01
  initial: heads
  periods: [{{length: 366, steady: yes}}, {{length: 365, steady: yes}}]
initial_head: 10.0
"""
STRIP = {
    "dx": ", ".join(["100"] * 30),
    "dy": ", ".join(["100"] * 20),
    "top": 100.0,
    "formulation": "",
    "layers": "  sand: {aquifer: sand, thickness: 100.0, k: 0.5, specific_storage: 1.0e-5}",
    "fixed": "  up: {edges: [west], layers: sand, head: 80.0}\n  down: {edges: [east], layers: sand, head: 60.0}",
    "more": "",
}


def _write(folder: Path, model: dict[str, object], wells: list[tuple[str, int, int, str]], points: list[tuple[int, int]]) -> Path:
    """Write a model of square cells with its scenario; wells and points lie at rows and columns from 1."""
    size, rows = float(str(model["dx"]).split(",")[0]), len(str(model["dy"]).split(","))

    def table(places: list[tuple[str, int, int, str]]) -> str:
        lines = (f"{name},{size * (column - 0.5)},{size * (rows - row + 0.5)},{own}\n" for name, row, column, own in places)
        return "".join(lines)

    text = {
        "model.yaml": SHEET.format(**model),
        "scenario.yaml": "kind: scenario\ntitle: As it is\nmodel: model.yaml\n",
        "wells.csv": "well,x,y,aquifer\n" + table(wells),
        "rates.csv": "well,date,rate\n" + "".join(f"{name},2020-01-01,0\n" for name, *_ in wells),
        "points.csv": "name,x,y,aquifer\n" + table([(f"P{n}", *place, "sand") for n, place in enumerate(points, 1)]),
    }
    for name, content in text.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def _limit(folder: Path, text: str) -> tuple[dict[str, float], dict[str, object]]:
    """Return what a limit file gives by decision or supply, and its summary."""
    file, out = folder / "limits.yaml", folder / "out"
    file.write_text(BEGIN + text, encoding="utf-8")
    done = CliRunner().invoke(main, ["limits", str(file), "-o", str(out), "--no-figures", "--overwrite"])
    assert done.exit_code == 0, done.output
    found = {}
    for name in ("limits.csv", "supplies.csv"):
        if (out / name).exists():
            for row in csv.DictReader((out / name).read_text(encoding="utf-8-sig").splitlines()):
                found[row.get("decision") or row["supply"]] = float(row.get("limit_m3_d") or row.get("rate_m3_d") or "nan")
    return found, json.loads((out / "limits.json").read_text(encoding="utf-8"))


DEWATER_WELLS = [("Q1", 7, 14), ("Q2", 7, 16), ("Q3", 8, 15), ("Q4", 9, 14), ("Q5", 9, 16), ("Q6", 11, 17), ("Q7", 13, 16)]
DEWATER_POINTS = [(6, 13), (6, 15), (6, 17), (8, 13), (8, 17), (10, 13), (10, 15), (11, 16), (14, 16), (14, 17)]


def test_dewater_and_dewatermb_of_gwm(tmp_path: Path) -> None:
    _write(tmp_path, STRIP, [(*well, "sand") for well in DEWATER_WELLS], DEWATER_POINTS)
    pit = "constraints:\n  pit: {rule: level, at: observations, highest: 50.0}\nminimise: cost\n"
    found, summary = _limit(tmp_path, "decide: {wells: {by: well, most: 20000}}\n" + pit)
    assert summary["objective"] == pytest.approx(2865.655, rel=1e-6)
    assert found == pytest.approx(
        {"Q1": 1077.390, "Q2": 78.23877, "Q3": 0.0, "Q4": 768.9506, "Q5": 0.0, "Q6": 0.0, "Q7": 941.0751}, rel=1e-5, abs=1e-3
    )
    # a cubic foot costs 0.02 for 1,000 d, a well that is opened 2,000
    switches = "switches: {least: 3, rate: 100, cost: 2000}"
    found, summary = _limit(tmp_path, f"decide: {{wells: {{by: well, most: 20000, weight: 20, {switches}}}}}\n" + pit)
    assert summary["objective"] == pytest.approx(63_598.11, rel=1e-6)
    assert {name for name, rate in found.items() if rate > 0.0} == {"Q1", "Q4", "Q7"}


def test_maximin_of_gwm(tmp_path: Path) -> None:
    wells = [("Q1", 4, 14), ("Q2", 3, 15), ("Q3", 12, 20), ("Q4", 13, 16), ("Q5", 9, 14)]
    _write(tmp_path, STRIP, [(*well, "sand") for well in wells], [(8, 16), (11, 14), (10, 18), (8, 21)])
    text = "decide: {wells: {by: well, most: 4000}}\nmaximise: room\nconstraints:\n  demand: {rule: supply, least: 4000}\n"
    found, summary = _limit(tmp_path, text + "  level: {rule: level, at: observations, elevation: 0.0}\n")
    assert summary["objective"] == pytest.approx(44.59702, abs=1e-5)
    assert (found["Q2"], found["Q3"]) == pytest.approx((2523.063, 1476.937), abs=1e-2)


SEA = {
    "dx": ", ".join(["200"] * 30),
    "dy": ", ".join(["200"] * 20),
    "top": 20.0,
    "formulation": (
        "averaging: harmonic\nareas: {beach: {file: beach.geojson}}\nrecharge: {rain: {rate: 0.002}}\n"
        "settings: {newton: {tolerance: 1.0e-12, head_change: 1.0e-10}, linear: {method: direct}}\n"
    ),
    "layers": (
        "  sand: {aquifer: sand, thickness: 30.0, k: 5.0, specific_storage: 1.0e-5, specific_yield: 0.1, convertible: yes,\n"
        "         leakance: 0.05}\n"
        "  deep: {aquifer: deep, thickness: 10.0, k: 80.0, specific_storage: 1.0e-5}"
    ),
    "fixed": "  sea: {edges: [east], layers: sand, head: 0.0}\n  shore: {within: beach, layers: deep, head: 0.0}",
    "more": "",
}


def _sea_limits() -> str:
    """Return SEAWATER as a limit file: layer, row and column of the cells that it compares count from 1."""
    shore = [f"[[1, {row}, 29], [2, {row}, 29]]" for row in range(1, 20, 2)]
    front = [f"[[{layer}, {row}, 28], [{layer}, {row}, 30]]" for row in range(1, 20, 2) for layer in (1, 2)]
    wells = "".join(f"  {name}: {{select: {{wells: {name}}}, by: [], most: 10000}}\n" for name in ("W1", "W2", "W3", "W4"))
    wells += "  W5: {select: {wells: [W5a, W5b]}, by: [], most: 10000}\n"
    wells += "".join(
        f"  {name}: {{select: {{wells: [{name}a, {name}b]}}, by: [], most: 10000, inject: yes}}\n" for name in ("I1", "I2", "I3")
    )
    return (
        f"search: {{rate_tolerance: 1.0e-8, objective_tolerance: 1.0e-9}}\ndecide:\n{wells}constraints:\n"
        "  mounds: {rule: level, at: observations, highest: 5.0}\n"
        f"  downwards: {{rule: difference, pairs: [{', '.join(shore)}], least: 0.05}}\n"
        f"  seawards: {{rule: gradient, pairs: [{', '.join(front)}], least: 0.00375}}\n"
        "  net: {rule: sum, terms: [{rates: {decide: [W1, W2, W3, W4, W5]}}, {rates: {decide: [I1, I2, I3]}, times: -1}],\n"
        "        least: 0}\n"
    )


def test_seawater_of_gwm(tmp_path: Path) -> None:
    wells = [("W1", 7, 12, "sand"), ("W2", 10, 13, "sand"), ("W3", 10, 16, "sand"), ("W4", 12, 15, "sand")]
    for name, row, column in (("W5", 15, 11), ("I1", 7, 27), ("I2", 11, 27), ("I3", 15, 27)):
        wells += [(f"{name}a", row, column, "sand"), (f"{name}b", row, column, "deep")]
    _write(tmp_path, SEA, [*wells, ("town", 13, 20, "deep")], [(7, 27), (11, 27), (15, 27)])
    rates = (tmp_path / "rates.csv").read_text(encoding="utf-8")
    (tmp_path / "rates.csv").write_text(rates.replace("town,2020-01-01,0", "town,2020-01-01,5000"), encoding="utf-8")
    corners = [[5600.0, 0.0], [6000.0, 0.0], [6000.0, 4000.0], [5600.0, 4000.0], [5600.0, 0.0]]
    beach = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [corners]}}
    (tmp_path / "beach.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [beach]}), encoding="utf-8")
    found, summary = _limit(tmp_path, _sea_limits())
    problem, decisions, heads, rows = seawater()
    net = Objective(np.array([1.0] * 5 + [-1.0] * 3))
    question = LimitProblem(problem, tuple(decisions), (heads,), join(rows), net)
    expected = find_limit(question, simulate_all, LimitSettings(rate_tolerance=1e-8, objective_tolerance=1e-9))
    assert summary["objective"] == pytest.approx(expected.objective, rel=1e-6)
    assert [found[d.name] for d in decisions] == pytest.approx(expected.x.tolist(), rel=1e-5, abs=0.01)
    # and so within what the mean of the saturated thickness leaves of what GWM prints
    assert summary["objective"] == pytest.approx(14_087.82, rel=1e-3)


# wells with what each costs when it is open, and a cubic metre of it; that of a canal; four points that keep their heads
OPEN = {
    "A": (5, 8, 700.0, 1.0),
    "B": (8, 20, 300.0, 1.3),
    "C": (11, 13, 900.0, 0.7),
    "D": (14, 23, 250.0, 1.6),
    "E": (16, 10, 500.0, 1.1),
}
KEPT = [(6, 10), (9, 17), (12, 12), (14, 20)]
CANAL, DEMAND, LEAST, MOST, LOWEST = 2.5, 2600.0, 150.0, 1200.0, 55.0


def test_wells_worth_their_fixed_costs_by_enumeration(tmp_path: Path) -> None:
    _write(tmp_path, STRIP, [(name, row, column, "sand") for name, (row, column, *_) in OPEN.items()], KEPT)
    sections = "".join(
        f"  {name}: {{select: {{wells: {name}}}, by: [], most: {MOST}, weight: {unit},\n"
        f"      switches: {{rate: {LEAST}, cost: {fixed}}}}}\n"
        for name, (_, _, fixed, unit) in OPEN.items()
    )
    text = (
        f"decide:\n{sections}supplies: {{canal: {{most: 5000, weight: -{CANAL}}}}}\nminimise: cost\nconstraints:\n"
        f"  need: {{rule: supply, least: {DEMAND}}}\n  heads: {{rule: level, at: observations, elevation: {LOWEST}}}\n"
    )
    found, summary = _limit(tmp_path, text)
    cost, rates, opened = _cheapest()
    assert summary["objective"] == pytest.approx(cost, rel=1e-7)
    assert {name for name in OPEN if found[name] > 0.0} == opened
    assert [found[name] for name in (*OPEN, "canal")] == pytest.approx(rates, rel=1e-5, abs=1e-3)
    # neither all wells nor none are worth it, and the canal still brings a part
    assert 0 < len(opened) < 5
    assert found["canal"] > 0.0


def _heads() -> np.ndarray:
    """Return the heads of the points without wells, and what a rate of 1 of each well adds, shape ``(4, 6)``.

    A dense solution of its own: T = 50 between heads of 80 and 60, 20 rows of 30 columns.
    """
    rows, columns, t = 20, 30, 50.0
    number = np.arange(rows * columns).reshape(rows, columns)
    matrix = np.zeros((number.size, number.size))
    for one, other in ((number[:, :-1], number[:, 1:]), (number[:-1], number[1:])):
        for a, b in zip(one.ravel(), other.ravel(), strict=True):
            matrix[[a, a, b, b], [a, b, b, a]] += [t, -t, t, -t]
    held = np.concatenate([number[:, 0], number[:, -1]])
    matrix[held] = 0.0
    matrix[held, held] = 1.0
    right = np.zeros((number.size, 1 + len(OPEN)))
    right[held, 0] = np.repeat([80.0, 60.0], rows)
    for n, (row, column, *_) in enumerate(OPEN.values(), 1):
        right[number[row - 1, column - 1], n] = -1.0
    return np.linalg.solve(matrix, right)[[number[row - 1, column - 1] for row, column in KEPT]]


def _cheapest() -> tuple[float, list[float], set[str]]:
    """Return least cost, rates with that of the canal, and open wells, over all 32 ways to open wells."""
    heads, names = _heads(), list(OPEN)
    best: tuple[float, list[float], set[str]] = (np.inf, [], set())
    for opened in itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(6)):
        found = linprog(
            [*(OPEN[name][3] for name in names), CANAL],
            A_ub=np.vstack([np.column_stack([-heads[:, 1:], np.zeros(len(KEPT))]), -np.ones(6)]),
            b_ub=np.append(heads[:, 0] - LOWEST, -DEMAND),
            bounds=[*((LEAST, MOST) if name in opened else (0.0, 0.0) for name in names), (0.0, 5000.0)],
        )
        cost = found.fun + sum(OPEN[name][2] for name in opened) if found.status == 0 else np.inf
        if cost < best[0]:
            best = cost, found.x.tolist(), set(opened)
    return best


def test_differences_gradients_a_balance_and_a_canal_in_closed_form(tmp_path: Path) -> None:
    # with w pumped in the west and half of it put back in the east, heads of A, B and C are 10 − (2.5 w, w, −0.5 w) / 240
    write_strip(tmp_path)
    text = (
        "decide:\n  out: {select: {wells: west}, by: well, most: 500}\n"
        "  back: {select: {wells: east}, by: well, most: 500, inject: yes, weight: 0.2}\n"
        "supplies: {canal: {most: 30, weight: -4}}\n"
        "constraints:\n  half: {rule: ratio, of: {decide: back}, to: {decide: out}, least: 0.5, most: 0.5}\n"
    )
    # C − A = 3 w / 240 <= 1.5
    rule = "  apart: {rule: difference, pairs: [[C, A]], most: 1.5}\n"
    found, summary = _limit(tmp_path, text + rule)
    assert (found["west"], found["east"], found["canal"]) == pytest.approx((120.0, 60.0, 0.0))
    assert summary["objective"] == pytest.approx(120.0 - 0.2 * 60.0)
    # (B − A) / 100 m = 1.5 w / 24,000 <= 0.005
    found, _ = _limit(tmp_path, text + "  slope: {rule: gradient, pairs: [[B, A]], most: 0.005}\n")
    assert (found["west"], found["east"]) == pytest.approx((80.0, 40.0))
    # the same said by a sum; a demand of 100 is met by 80 and the canal at 20, or not at all with a canal of 10
    terms = "[{head: B, on: 2022-01-01}, {head: A, on: 2022-01-01, times: -1}]"
    summed = f"  slope: {{rule: sum, terms: {terms}, most: 0.5}}\n"
    need = "  need: {rule: supply, decide: [out, canal], least: 100}\n"
    found, summary = _limit(tmp_path, text + summed + need)
    assert (found["west"], found["east"], found["canal"]) == pytest.approx((80.0, 40.0, 20.0))
    assert summary["objective"] == pytest.approx(80.0 - 0.2 * 40.0 - 4.0 * 20.0)
    file = tmp_path / "limits.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("most: 30,", "most: 10,"), encoding="utf-8")
    done = CliRunner().invoke(main, ["limits", str(file), "-o", str(tmp_path / "none")])
    assert done.exit_code != 0
    assert "together with the other rules" in done.output
