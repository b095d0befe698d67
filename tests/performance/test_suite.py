"""The suite of benchmarks: its problems are those of the cross-check, and its page can be written without measuring."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks import children, fields, modflow_engine, native, page, parts, problems, runs, span, tables, time_steps, writing
from benchmarks.context import Context
from benchmarks.store import Store

from aquirecover.flow.checks import check_problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.modflow.program import Program

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = ROOT / "tests/crosscheck/data"


@pytest.mark.parametrize("name", ["P1", "P3"])
def test_a_problem_has_the_heads_of_modflow(name: str) -> None:
    problem, settings = problems.make(name, 6)
    reference = np.load(REFERENCES / f"{name}_heads.npy")[:7]
    result = simulate(problem, settings)
    np.testing.assert_allclose(result.problem.schedule.step_time, reference[:, 0], rtol=1e-12)
    np.testing.assert_allclose(result.observation_head, reference[:, 1:], rtol=0.0, atol=1e-6)


def test_pumping_swings_over_the_year_and_is_halved_after_twenty() -> None:
    even, seasonal = problems.basin("P1").pumping(), problems.basin("P1s").pumping()
    assert (even[:240] == 1.0).all()
    assert (even[240:] == 0.5).all()
    swing = np.tile(1.0 + 0.3 * np.sin(2.0 * np.pi * np.arange(12) / 12.0), 30)
    np.testing.assert_allclose(seasonal / even, swing[:, None] * np.ones(200))


def test_a_scenario_scales_its_groups_of_wells() -> None:
    factors = problems.scenario_factors(3)
    assert factors.shape == (3, 20)
    plain, scenario = (replace(problems.basin("P1s"), factors=given).pumping() for given in ((), tuple(factors[2])))
    np.testing.assert_allclose(scenario, plain * np.repeat(factors[2], 10))


def test_a_finer_basin_is_the_same_basin() -> None:
    coarse, fine = (problems.basin_problem(problems.basin(name, 1)) for name in ("P1", "P2"))
    for problem in (coarse, fine):
        assert not check_problem(problem)
        assert problem.grid.dx.sum() == pytest.approx(50_000.0)
    for i, share in ((0, 4.0), (2, 4.0)):  # border and river: four times the cells, a quarter of the conductance
        assert fine.stresses[i].conductance.sum() == pytest.approx(coarse.stresses[i].conductance.sum(), rel=0.02)
        assert fine.stresses[i].cell.size == pytest.approx(share * coarse.stresses[i].cell.size, rel=0.02)
    np.testing.assert_array_equal(coarse.wells[0].pumping_rate, fine.wells[0].pumping_rate)


def test_the_million_cells_of_p5() -> None:
    problem = problems.plain_problem(100, 100)
    assert not check_problem(problem)
    length = problem.schedule.step_length
    assert length[0] == pytest.approx(0.01)
    np.testing.assert_allclose(length[1:] / length[:-1], 1.1)
    assert problems.plain_wells().shape == (50, 3)


@pytest.mark.mf6
def test_modflow_reads_the_thai_binh_model(mf6: Program, tmp_path: Path) -> None:
    if mf6.release < (6, 2, 0):
        pytest.skip("MODFLOW 6 before 6.2 cannot read a model without running it")
    folder = tmp_path / "model"
    modflow_engine.write("thai_binh/1km", folder, mf6.release)
    subprocess.run([mf6.path, "--mode", "validate"], cwd=folder, check=True, capture_output=True)
    points = problems.make("thai_binh/1km")[0].observations.names
    assert len((folder / "obs.csv").read_text().splitlines()[0].split(",")) == 1 + len(points)


@pytest.mark.parametrize("kind", fields.KINDS)
def test_fields_are_what_they_are_called(kind: str) -> None:
    problem = fields.make(kind, 20_000, 2)
    assert not check_problem(problem)
    k, active = problem.properties.k, problem.grid.active
    spread = float(np.log(k).std())
    if kind.startswith(("log-normal", "white noise")):
        assert spread == pytest.approx(float(kind[-1]), rel=0.05)
        neighbours = np.corrcoef(np.log(k[:, :, 1:]).ravel(), np.log(k[:, :, :-1]).ravel())[0, 1]
        assert neighbours == pytest.approx(0.0 if kind.startswith("white") else 0.99, abs=0.02)
    if kind == "aquitards":
        assert k[1].max() / k[0].min() == pytest.approx(1e-5)
    if kind.startswith("ragged"):
        assert active.mean() == pytest.approx(2.0 / 3.0, abs=0.04)
        assert (active == active[0]).all() == (kind == "ragged")
    assert problem.grid.dx[0] / problem.grid.dy[0] == (10.0 if kind == "cells 10:1" else 1.0)


def test_results_are_written_and_read_back(tmp_path: Path) -> None:
    problem, settings = problems.make("P1", 2)
    result = simulate(problem, settings)
    for name in ("one", "two"):
        writing.write_result(result, tmp_path / name)
    assert writing.largest_differences(tmp_path / "one", tmp_path / "two") == {"observed_m": 0.0, "last_m": 0.0}
    heads = result.head[-1] + 0.002
    np.save(tmp_path / "two/heads.npy", heads)
    assert writing.largest_differences(tmp_path / "one", tmp_path / "two")["last_m"] == pytest.approx(0.002)
    budget = np.genfromtxt(tmp_path / "one/budget.csv", delimiter=",", names=True)
    np.testing.assert_allclose(budget["TOTAL_IN"], result.budget.inflow.sum(axis=1), rtol=1e-11)
    assert budget["PERCENT_DIFFERENCE"].max() < 1e-6


def test_last_heads_of_modflow_are_read(tmp_path: Path) -> None:
    header = [("step", "<i4", 2), ("time", "<f8", 2), ("text", "S16"), ("n_x", "<i4"), ("n_y", "<i4"), ("layer", "<i4")]
    fields_of = np.arange(24.0).reshape(2, 2, 2, 3)
    fields_of[1, 0, 0, 0] = 1e30
    with (tmp_path / "model.hds").open("wb") as file:
        for step in range(2):
            for layer in range(2):
                file.write(np.array([((1, step + 1), (1.0, 1.0), b"HEAD", 3, 2, layer + 1)], dtype=header).tobytes())
                file.write(fields_of[step, layer].tobytes())
    heads = writing.read_last_heads(tmp_path)
    assert np.isnan(heads[0, 0, 0])
    np.testing.assert_array_equal(heads.ravel()[1:], fields_of[1].ravel()[1:])


def test_time_counts_for_the_innermost_function() -> None:
    watch = native.Stopwatch()
    inner = watch.watch(lambda: time.sleep(0.02), "solve")

    def work() -> None:
        time.sleep(0.01)
        inner()

    watch.watch(work, "assemble")()
    watch.turn()
    assert watch.seconds["solve"] >= 0.02
    assert watch.seconds["assemble"] >= 0.01
    total = sum(watch.seconds.values())
    assert watch.seconds["assemble"] <= total - watch.seconds["solve"]


def test_everything_that_is_timed_is_there() -> None:
    with native.watching() as (watch, missing):
        simulate(problems.small("P3"))
    assert missing == []
    assert min(watch.seconds[kind] for kind in ("set-up", "assemble", "solve", "budget")) > 0.0


def test_a_program_is_measured_and_stopped() -> None:
    took = children.run([sys.executable, "-c", "x = bytearray(100 * 2**20); print(len(x))"])
    # no more than the program itself holds, though this process is larger
    assert 100.0 < took.peak_mb < 140.0
    assert took.out == "104857600\n"
    with pytest.raises(children.ChildError, match=r"stopped after 0\.2 s"):
        children.run([sys.executable, "-c", "import time; time.sleep(20)"], limit=0.2)
    with pytest.raises(children.ChildError, match="exit status 3"):
        children.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_error_in_time_is_measured_against_the_exact_solution() -> None:
    growth = 1.5
    exact = time_steps.ExactInTime(growth)
    # Theis recovery; 0.6 % on the grid of the benchmark, 2.1 % on this coarser one
    np.testing.assert_allclose(-exact.head(np.array([31.0, 60.0, 390.0])), [0.546382, 0.110315, 0.012739], rtol=0.025)
    schedule = time_steps._schedule(1, 2, 1, None)
    result = simulate(time_steps.theis_problem(schedule, growth))
    np.testing.assert_allclose(result.observation_head[:, 0], exact.implicit(schedule), rtol=0.0, atol=1e-8)


def test_steps_for_an_error_lie_between_those_of_runs() -> None:
    measured = [{"steps": steps, "error_m": 0.1 / steps} for steps in (10, 40, 160, 640)]
    assert time_steps._needed(measured, "steps") == pytest.approx(100.0)
    assert time_steps._needed(measured[:2], "steps") is None


def test_records_are_kept_one_by_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "results.json")
    store.put("runs/P1", {"seconds": 1.23456789})
    store.put("many", {"missing": "not there"})
    again = Store(tmp_path / "results.json")
    assert again["runs/P1"] == {"seconds": 1.2346}
    assert again.has("runs/P1")
    assert not again.has("many")
    assert again["never"] == {"missing": "not measured yet"}
    assert list(again.of("runs", ("P2", "P1"))) == ["P1"]


def test_a_part_that_fails_says_why(tmp_path: Path) -> None:
    def part(context: Context) -> dict[str, object]:
        raise children.ChildError("stopped after 5 s")

    assert parts.measured(part, Context(tmp_path, None, 1))["missing"] == "stopped after 5 s"
    assert "mf6" in Context(tmp_path, None, 1).without_modflow()


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (12.34, "12"), (0.01234, "0.012"), (1234.0, "1,200"), (1.3e-7, "1.3e-7"), (None, "–")]
)
def test_numbers(value: float | None, text: str) -> None:
    assert tables.number(value) == text


def test_scenarios_without_marching_have_the_heads_of_marches(tmp_path: Path) -> None:
    found = span.span_task(str(tmp_path), 52, [0, 51], months=3)
    assert found["superposed"] == found["count"] == 52
    assert found["difference_m"] < 1e-9
    assert np.load(tmp_path / "points 50.npy").shape == (2, 4, span.POINTS)


def test_the_page_is_redrawn_without_measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(children.subprocess, "run", refuse)
    results = ROOT / "benchmarks/results.json"
    shutil.copy(results, tmp_path)
    page.write_page(Store(tmp_path / "results.json"), tmp_path)
    written = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert written == (ROOT / "docs/performance.md").read_text(encoding="utf-8"), "python -m benchmarks --redraw"
    for name in ("runs", "sizes", "time_steps"):
        assert (tmp_path / f"images/performance_{name}.png").stat().st_size > 10_000


def test_an_empty_store_gives_a_page_that_says_so(tmp_path: Path) -> None:
    page.write_page(Store(tmp_path / "results.json"), tmp_path)
    written = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "not measured" in written
    assert "{" not in written
    assert not list((tmp_path / "images").iterdir())


def test_numbers_name_no_machine_of_a_network_and_no_path() -> None:
    text = json.dumps(json.loads((ROOT / "benchmarks/results.json").read_text(encoding="utf-8")))
    assert "/tmp" not in text
    assert "/home" not in text
    assert "/work" not in text


@pytest.mark.mf6
@pytest.mark.parametrize("name", ["P1s", "P3"])
def test_modflow_gets_the_same_problem(name: str, tmp_path: Path) -> None:
    # the library that other tests fall back on has no mode that only reads
    program = shutil.which("mf6")
    if program is None:
        pytest.skip("no mf6 on PATH")
    pytest.importorskip("flopy", reason="flopy writes MODFLOW's input")
    from benchmarks import modflow_input

    steps = 3
    modflow_input.write(name, tmp_path / "modflow6", steps)
    assert runs.run_modflow(program, tmp_path / "modflow6", 120.0)["budget_error"] < 1e-3
    problem, settings = problems.make(name, steps)
    writing.write_result(simulate(problem, settings), tmp_path / "native")
    assert max(writing.largest_differences(tmp_path / "native", tmp_path / "modflow6").values()) < 1e-4


def test_a_schedule_keeps_its_last_heads_alone() -> None:
    schedule = problems._last_heads_only(Schedule([10.0, 20.0], [2, 3]))
    np.testing.assert_array_equal(schedule.save_step, [False] * 4 + [True])
