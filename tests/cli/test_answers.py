"""A batch file with answers: heads of many scenarios that scale groups of wells, and how each came about."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from aquirecover.case.answer_builder import load_answers
from aquirecover.case.scenario import load_case
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import Problem
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.runner import Listener, RunOptions
from aquirecover.study.decisions import given_rates, with_rates

SCENARIOS = Path("scenarios/confined_basin")
TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
FACTORS = np.random.default_rng(1).uniform(0.0, 2.0, (12, 2))


def _write(names: list[str], rows: np.ndarray, more: str = "") -> Path:
    lines = [",".join(["scenario", *names])] + [
        ",".join([f"s{n}", *(repr(float(value)) for value in row)]) for n, row in enumerate(rows)
    ]
    (SCENARIOS / "factors.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = SCENARIOS / "many.yaml"
    answers = f"answers:\n  factors: factors.csv\n  from: 2025-01-01\n{more}"
    path.write_text(f"kind: batch\ntitle: Many\nscenarios: [ban.yaml]\n{answers}", encoding="utf-8")
    return path


def _scenario(problem: Problem, factors: np.ndarray) -> Problem:
    """Return the march that an answer is compared with."""
    net, names = given_rates(problem), np.array([f"{d} / {a}" for w in problem.wells for d, a in zip(
        w.attributes["district"], w.attributes["aquifer"], strict=True)])  # fmt: skip
    first = int(np.searchsorted(problem.schedule.date_of(problem.schedule.period_start), np.datetime64("2025-01-01")))
    for name, factor in zip(("West / lower", "East / lower"), factors, strict=True):
        net[first:, names == name] *= factor
    return with_rates(problem, net)


def test_many_scenarios_without_marching(basin, call):
    path = _write(["West / lower", "East / lower"], FACTORS)
    done = call("batch", path, "--json")
    assert done.exit_code == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["scenario"], row["status"]) == ("many", "finished")
    folder = Path("results/many")
    manifest = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    assert [entry["way"] for entry in manifest["scenarios"]] == ["superposed"] * 12
    assert "scenarios/confined_basin/factors.csv" in manifest["inputs"]
    problem = load_case(SCENARIOS / "ban.yaml").problem
    with xr.open_dataset(folder / "answers.nc", engine="h5netcdf") as found:
        np.testing.assert_array_equal(found["factor"].values, FACTORS)
        for number in (0, 11):
            expected = simulate(_scenario(problem, FACTORS[number]), TIGHT)
            heads = found["observation_head"].values[number]
            np.testing.assert_allclose(heads, expected.observation_head, rtol=0.0, atol=1e-9)
            np.testing.assert_allclose(found["last_head"].values[number], expected.head[-1], rtol=0.0, atol=1e-9)
    with (folder / "answers.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [line["scenario"] for line in table] == [f"s{n}" for n in range(12)]
    assert float(table[3]["factor West / lower"]) == pytest.approx(FACTORS[3, 0])

    written = (folder / "answers.nc").stat().st_mtime_ns
    assert json.loads(call("batch", path, "--json").stdout)[0]["status"] == "skipped"
    assert (folder / "answers.nc").stat().st_mtime_ns == written
    _write(["West / lower", "East / lower"], FACTORS[:11])
    assert json.loads(call("batch", path, "--json").stdout)[0]["status"] == "finished"


def _ways(folder: Path) -> list[tuple[str, str]]:
    from aquirecover.answer_runner import run_answers

    run_answers(SCENARIOS / "many.yaml", RunOptions(folder=folder, overwrite=True), Listener())
    manifest = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return [(entry["way"], entry["why"]) for entry in manifest["scenarios"]]


def test_too_few_scenarios_are_marched(basin):
    _write(["West / lower", "East / lower"], FACTORS[:3])
    ways = _ways(Path("few"))
    assert ways == [("marched", "3 scenarios do not pay for the responses of 2 groups")] * 3
    _write(["West / lower", "East / lower"], FACTORS)
    assert _ways(Path("many")) == [("superposed", "")] * 12
    few, many = (xr.load_dataset(f"{name}/answers.nc", engine="h5netcdf") for name in ("few", "many"))
    for name in ("observation_head", "last_head"):
        np.testing.assert_allclose(few[name].values, many[name].values[:3], rtol=0.0, atol=1e-5)


def test_a_model_that_is_not_linear_is_marched(basin):
    model = Path("models/confined_basin/model.yaml")
    text = model.read_text(encoding="utf-8")
    assert "convertible" not in text
    _write(["West / lower", "East / lower"], FACTORS[:6])
    changed = text.replace("    thickness: 25.0\n", "    thickness: 25.0\n    convertible: yes\n    specific_yield: 0.1\n", 1)
    assert changed != text
    model.write_text(changed, encoding="utf-8")
    ways = _ways(Path("out"))
    assert {way for way, _ in ways} == {"marched"}
    assert "cells are convertible" in ways[0][1]


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        (["West / lowr"], "", "West / lowr: is the label of no wells. Did you mean 'West / lower'?"),
        ([], "", "is the only column"),
        (["West / lower"], "  by: [colour]\n", "answers.by[0] = 'colour'"),
    ],
)
def test_wrong_tables_are_refused(basin, call, names, more, message):
    path = _write(names, np.ones((4, len(names))), more)
    done = call("batch", path, "--json")
    assert done.exit_code != 0
    assert message in (done.stdout + done.stderr)


def test_wrong_dates_and_names_are_refused(basin):
    path = _write(["West / lower"], np.ones((4, 1)))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("2025-01-01", "2025-01-17"), encoding="utf-8")
    with pytest.raises(Exception, match=r"answers\.from: 2025-01-17: must be the start of a period"):
        load_answers(path)
    path.write_text(text.replace("[ban.yaml]", "[ban.yaml, cut.yaml]"), encoding="utf-8")
    with pytest.raises(Exception, match="must be one scenario where answers are asked for"):
        load_answers(path)
    path.write_text(text, encoding="utf-8")
    table = SCENARIOS / "factors.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("s1", "s0").replace("s3,1.0", "s3,-1"), encoding="utf-8")
    with pytest.raises(Exception, match="stands twice"):
        load_answers(path)
