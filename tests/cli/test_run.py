"""``aquirecover run`` and ``validate`` on the example."""

import json
import shutil

import numpy as np
import pytest

from aquirecover import runner
from aquirecover.errors import ResourceError
from aquirecover.output.results import open_results

BAN = "scenarios/confined_basin/ban.yaml"
FILES = ["result.nc", "recovery.csv", "budget.csv", "wells.csv", "run.json"]


def test_run_writes_results_and_says_how_it_went(basin, call):
    outcome = call("run", BAN)
    assert outcome.exit_code == 0, outcome.output
    assert not outcome.stdout
    folder = basin / "results" / "ban"
    for name in FILES:
        assert (folder / name).stat().st_size > 0
        assert f"  {name}\n" in outcome.stderr
    assert list((folder / "figures").glob("*.png"))
    stored = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    for text in (
        "All pumping stopped on 1 January 2025",
        "1,200 active of 1,200 in 3 layers",
        f"budget error  {stored['largest_budget_error']:.1e}",
        "linear",
        "of the drawdown recovered",
    ):
        assert text in outcome.stderr
    assert not list(basin.rglob("*.part"))


def test_json_is_on_standard_output_and_agrees_with_the_files(basin, call):
    outcome = call("run", BAN, "--json", "--no-figures", "--out", "elsewhere")
    summary = json.loads(outcome.stdout)
    assert summary["folder"] == "elsewhere"
    assert 0.0 <= summary["budget_error"] <= 1e-6
    stored = json.loads((basin / "elsewhere/run.json").read_text(encoding="utf-8"))
    assert stored["largest_budget_error"] == summary["budget_error"]
    assert stored["n_step"] == summary["n_step"]
    assert not (basin / "elsewhere/figures").exists()
    upper, lower = summary["recovery"]
    assert (upper["aquifer"], lower["aquifer"]) == ("upper", "lower")
    for record in (upper, lower):
        rise, aim = (record[name] - record["head_at_start_m"] for name in ("head_at_end_m", "head_without_pumping_m"))
        assert record["recovered_percent"] == pytest.approx(100.0 * rise / aim, abs=1.0)
        assert 0.0 < record["recovered_percent"] <= 100.5


def test_quiet_says_nothing(basin, call):
    outcome = call("run", BAN, "--quiet", "--no-figures")
    assert outcome.exit_code == 0
    assert not outcome.output


def test_results_are_not_replaced_unless_told_to(basin, call):
    assert call("run", BAN, "-q", "--no-figures").exit_code == 0
    before = (basin / "results/ban/result.nc").read_bytes()
    refused = call("run", BAN, "--no-figures")
    assert refused.exit_code == 6
    assert "exists already. Use --overwrite to replace it" in refused.stderr
    assert (basin / "results/ban/result.nc").read_bytes() == before
    assert call("run", BAN, "-q", "--no-figures", "--overwrite", "--set", "layers.upper.k=9").exit_code == 0
    assert (basin / "results/ban/result.nc").read_bytes() != before


def test_dry_run_says_what_would_run_and_writes_nothing(basin, call):
    outcome = call("run", BAN, "-n", "--cell-size", "250m", "--json")
    assert outcome.exit_code == 0
    plan = json.loads(outcome.stdout)
    assert plan["grid"] == "3 layers x 40 rows x 40 columns"
    assert plan["active_cells"] == 4800
    assert plan["wells"] == 5
    assert plan["steps"] == 41
    assert 0.0 < plan["memory_gib"] < plan["memory_free_gib"]
    assert plan["seconds"] > 0.0
    assert "from a table" in plan["seconds_from"]
    assert not (basin / "results").exists()
    text = call("run", BAN, "-n")
    assert "active cells" in text.stderr
    assert not text.stdout


def test_a_value_is_replaced_on_the_command_line(basin, call):
    outcome = call("run", BAN, "--json", "--no-figures", "-q", "--set", "layers.lower.k=40", "--set", "layers.upper.k=2 m/d")
    assert outcome.exit_code == 0
    stored = json.loads((basin / "results/ban/run.json").read_text(encoding="utf-8"))
    log = "\n".join(stored["restriction_log"])
    assert "layers.lower.k: 20" in log
    assert "40 m/d" in log


@pytest.mark.parametrize(
    ("settings", "code", "text"),
    [
        (["layers.lower.kk=40"], 3, "Did you mean"),
        (["layers.lower.k=-1"], 3, "must be greater than 0"),
        (["layers.lower.k=nan"], 3, "layers.lower.k"),
        (["settings.linear.max_iterations=1", "settings.linear.direct_fallback_cells=0"], 5, "iterations"),
    ],
)
def test_a_wrong_value_ends_with_its_code_and_writes_nothing(settings, code, text, basin, call):
    outcome = call("run", BAN, *(word for s in settings for word in ("--set", s)))
    assert outcome.exit_code == code, outcome.stderr
    assert text in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (basin / "results").exists()


def test_a_missing_file_is_4(basin, call):
    outcome = call("run", "scenarios/confined_basin/bann.yaml")
    assert outcome.exit_code == 4
    assert "bann.yaml" in outcome.stderr
    assert not (basin / "results").exists()


def test_too_little_memory_is_7(basin, call, monkeypatch):
    monkeypatch.setattr(runner, "available_memory", lambda: 1e6)
    outcome = call("run", BAN)
    assert outcome.exit_code == ResourceError.exit_code == 7
    assert "GiB of memory" in outcome.stderr
    assert not (basin / "results").exists()


def test_a_folder_that_cannot_be_made_is_7_before_the_run(basin, call):
    (basin / "file").write_text("")
    outcome = call("run", BAN, "--out", "file/results")
    assert outcome.exit_code == 7
    assert outcome.stderr == "file/results: file is no folder. Choose another folder with --out.\n"


def test_cold_kernels_are_announced(basin, call, monkeypatch):
    monkeypatch.setattr(runner, "kernels_are_compiled", lambda: False)
    assert "compiling the numerical kernels (first run only)" in call("run", BAN, "--no-figures").stderr


def test_the_cell_size_is_stored(basin, call):
    assert call("run", BAN, "-q", "--no-figures", "--cell-size", "1 km").exit_code == 0
    stored = json.loads((basin / "results/ban/run.json").read_text(encoding="utf-8"))
    assert stored["n_cell"] == 300
    assert stored["config"]["model"]["grid"]["cell_size"] == "500 m"
    assert stored["config"]["run"] == {"cell_size": 1000.0}
    assert stored["restriction_log"][0] == "run cell_size: 500 → 1000 m"


def test_the_cell_size_leaves_the_box_where_it_is(basin, call):
    model = basin / "models/confined_basin/model.yaml"
    old = "extent: [600000, 2260000, 610000, 2270000]"
    model.write_text(model.read_text().replace(old, "around: districts\n  margin: 200 m\n  buffer: 1 km\n  growth: 1.5"))
    for size, cells in ((None, "3 layers x 26 rows x 26 columns"), ("250 m", "3 layers x 50 rows x 50 columns")):
        plan = json.loads(call("run", BAN, "-n", "--json", *(("--cell-size", size) if size else ())).stdout)
        assert plan["grid"] == cells


def test_late_recovery_times_are_kept_and_drawn(basin, call):
    assert call("run", BAN, "-q").exit_code == 0
    dataset = open_results(basin / "results/ban")
    early, late = dataset["late_time_to_recovery"].values
    fixed = np.zeros((3, 20, 20), dtype=bool)
    fixed[[0, 2], :, -1] = True
    assert np.isnan(early[fixed]).all()
    assert np.isfinite(early[0][:, :-1]).all()
    assert (late > early)[~np.isnan(early)].all()
    # ten per cent are left at the one and one per cent at the other: 2.3 time constants apart, the same everywhere in the end
    assert np.nanmax(late - early) / np.nanmin(late - early) == pytest.approx(1.0, abs=0.1)
    assert (basin / "results/ban/figures/late_recovery_maps.png").stat().st_size > 0


def test_a_model_alone_runs_without_recovery(basin, call):
    outcome = call("run", "models/confined_basin/model.yaml", "--json", "--no-figures")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["recovery"] == []
    assert (basin / "results/confined_basin/budget.csv").exists()
    assert not (basin / "results/confined_basin/recovery.csv").exists()


def test_a_name_with_brackets_is_no_markup(basin, call):
    shutil.copy(basin / BAN, basin / "scenarios/confined_basin/[red]ban.yaml")
    outcome = call("run", "scenarios/confined_basin/[red]ban.yaml", "--no-figures")
    assert outcome.exit_code == 0
    assert "results/[red]ban" in outcome.stderr


def test_validate_says_what_would_be_built(basin, call):
    outcome = call("validate", BAN)
    assert outcome.exit_code == 0
    assert outcome.stderr.startswith(f"{BAN}: no errors\n")
    assert not outcome.stdout
    summary = json.loads(call("validate", BAN, "--json", "--cell-size", "1 km").stdout)
    assert summary["n_cells"] == 300


def test_validate_shows_all_errors_at_once(basin, call):
    file = basin / BAN
    file.write_text(file.read_text(encoding="utf-8").replace("rule: ban", "rule: bann") + "endd: 2030-01-01\n", encoding="utf-8")
    outcome = call("validate", BAN)
    assert outcome.exit_code == 3
    assert len(outcome.stderr.splitlines()) == 2
    assert "scenarios/confined_basin/ban.yaml:7:11 restrictions.ban.rule = 'bann'" in outcome.stderr
    assert "Did you mean 'end'?" in outcome.stderr
