"""``aquirecover batch``: a process per scenario, failures apart, finished runs skipped."""

import csv
import json
import os
from pathlib import Path

import pytest

from aquirecover import batch, workers
from aquirecover.errors import ConfigError
from aquirecover.runner import Listener, RunOptions

SCENARIOS = Path("scenarios/confined_basin")


def test_a_batch_goes_on_after_a_failure_and_skips_what_is_finished(basin, call):
    bad = SCENARIOS / "bad.yaml"
    bad.write_text((SCENARIOS / "ban.yaml").read_text(encoding="utf-8").replace("rule: ban", "rule: bann"), encoding="utf-8")
    first = call("batch", SCENARIOS, "--jobs", "2", "--json", "--no-figures")
    assert first.exit_code == 1
    rows = {row["scenario"]: row for row in json.loads(first.stdout)}
    assert {name: row["status"] for name, row in rows.items()} == {"bad": "failed", "ban": "finished", "cut": "finished"}
    assert "restrictions.ban.rule = 'bann'" in rows["bad"]["error"]
    assert 0.0 <= rows["ban"]["budget_error"] <= 1e-6
    with Path("results/index.csv").open(encoding="utf-8", newline="") as stream:
        table = {row["scenario"]: row for row in csv.DictReader(stream)}
    assert {name: row["status"] for name, row in table.items()} == {name: row["status"] for name, row in rows.items()}
    assert json.loads(Path("results/index.json").read_text(encoding="utf-8")) == list(rows.values())
    assert "1 of 3 scenarios failed." in first.stderr

    bad.unlink()
    written = Path("results/ban/result.nc").stat().st_mtime_ns
    model = Path("models/confined_basin/model.yaml")
    second = json.loads(call("batch", SCENARIOS, "--json", "--no-figures").stdout)
    assert [row["status"] for row in second] == ["skipped", "skipped"]
    assert Path("results/ban/result.nc").stat().st_mtime_ns == written

    with Path("results/ban/result.nc").open("r+b") as stream:
        stream.truncate(20_000)  # as a full disk or a broken copy leaves it
    again = json.loads(call("batch", SCENARIOS, "--json", "--no-figures").stdout)
    assert [row["status"] for row in again] == ["finished", "skipped"]

    coarse = json.loads(call("batch", SCENARIOS / "ban.yaml", "--json", "--no-figures", "--cell-size", "1km").stdout)
    assert [row["status"] for row in coarse] == ["finished"]

    model.write_text(model.read_text(encoding="utf-8").replace("k: 8.0", "k: 9.0"), encoding="utf-8")
    third = call("batch", SCENARIOS / "ban.yaml", "--json", "--no-figures")
    assert [row["status"] for row in json.loads(third.stdout)] == ["finished"]


def test_a_batch_ends_with_figures_of_what_succeeded(basin, monkeypatch):
    compared = []
    monkeypatch.setattr(batch, "compare_results", lambda folders, target: compared.append((folders, target)))
    status = {"ban": "finished", "cut": "failed"}
    monkeypatch.setattr(batch, "_run_all", lambda jobs, *_: (batch.record(job, status[job.name], 1.0) for job in jobs))
    rows = batch.run_batch([SCENARIOS], Path("out"), RunOptions())
    assert [row["status"] for row in rows] == ["finished", "failed"]
    assert compared == [([Path("out/ban")], Path("out/comparison"))]


def test_a_batch_file_names_its_scenarios_and_values(basin):
    Path("all.yaml").write_text(
        "kind: batch\nscenarios: [scenarios/confined_basin/cut.yaml, scenarios/confined_basin/ban.yaml]\n"
        "cell_size: 1 km\noverrides: {layers.upper.k: 9}\nprocesses: 1\n",
        encoding="utf-8",
    )
    plan = batch.plan_batch([Path("all.yaml")], Path("out"), RunOptions())
    assert [job.name for job in plan.jobs] == ["cut", "ban"]
    assert plan.processes == 1
    for job in plan.jobs:
        assert job.options.cell_size == 1000.0
        assert job.options.overrides == {"layers.upper.k": 9}
        assert job.options.folder == Path("out") / job.name


def test_the_command_line_wins_over_the_batch_file(basin):
    Path("all.yaml").write_text(
        "kind: batch\nscenarios: scenarios/confined_basin/ban.yaml\ncell_size: 1 km\noverrides: {layers.upper.k: 9}\n",
        encoding="utf-8",
    )
    options = RunOptions(cell_size="250m", overrides={"layers.upper.k": "7"})
    [job] = batch.plan_batch([Path("all.yaml")], Path("out"), options).jobs
    assert job.options.cell_size == "250m"
    assert job.options.overrides == {"layers.upper.k": "7"}


def test_a_wrong_batch_file_is_refused_with_its_place(basin, call):
    Path("all.yaml").write_text("kind: batch\nscenario: x.yaml\n", encoding="utf-8")
    outcome = call("batch", "all.yaml")
    assert outcome.exit_code == 3
    assert "all.yaml:2:1" in outcome.stderr
    assert "Did you mean 'scenarios'?" in outcome.stderr


def test_a_folder_without_scenarios_is_refused(basin, call):
    outcome = call("batch", "models")
    assert outcome.exit_code == 3
    assert "holds no scenario" in outcome.stderr


def test_each_scenario_is_run_once_and_equal_names_are_kept_apart(basin):
    other = Path("scenarios/other")
    other.mkdir()
    (other / "ban.yaml").write_bytes((SCENARIOS / "ban.yaml").read_bytes())
    plan = batch.plan_batch([SCENARIOS, SCENARIOS / "ban.yaml", other], Path("out"), RunOptions())
    assert [job.name for job in plan.jobs] == ["confined_basin_ban", "cut", "other_ban"]


def test_names_that_cannot_be_told_apart_are_refused(basin):
    for folder in ("a/x", "b/x"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "ban.yaml").write_bytes((SCENARIOS / "ban.yaml").read_bytes())
    with pytest.raises(ConfigError, match="several scenarios are called x_ban"):
        batch.plan_batch([Path("a"), Path("b")], Path("out"), RunOptions())


def test_an_unexpected_error_is_a_record(basin, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(batch, "run_scenario", fail)
    row = batch.run_job(batch.Job("x", SCENARIOS / "ban.yaml", RunOptions(folder=Path("out"))), Listener())
    assert row["status"] == "failed"
    assert row["error"] == "Unexpected ZeroDivisionError: division by zero"
    assert tuple(row) == batch.INDEX


@pytest.mark.parametrize(("code", "text"), [(-9, "killed by signal 9 (SIGKILL)"), (1, "ended with code 1")])
def test_a_process_that_died_says_how(code, text):
    assert text in workers.death_of(code)


def test_threads_are_limited_while_processes_start_and_restored_after(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with workers.one_thread_each():
        assert {os.environ[name] for name in workers.THREAD_LIMITS} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ
