"""``--engine modflow6`` and ``both``, with a real program; what is said when there is none."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from aquirecover.modflow import Program
from aquirecover.modflow.program import HOW_TO_GET
from aquirecover.output.results import open_results
from aquirecover.study import agreement

BAN = "scenarios/confined_basin/ban.yaml"
SMALL = ["--cell-size", "2km", "--no-figures"]


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def no_program(monkeypatch, tmp_path):
    """Leave nothing on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("words", [["--engine", "modflow6"], ["--engine", "both"], ["--engine", "modflow6", "--dry-run"]])
def test_without_a_program_it_ends_with_4_and_says_how_to_get_one(words, basin, call, no_program):
    outcome = call("run", BAN, *words)
    assert outcome.exit_code == 4
    assert outcome.stderr == f"MODFLOW 6: no program mf6 on PATH. Name it with --mf6 PATH. {HOW_TO_GET}\n"
    assert not (basin / "results").exists()


def test_a_program_that_is_another_one_is_4(basin, call):
    outcome = call("run", BAN, "--engine", "modflow6", "--mf6", "models/confined_basin/model.yaml")
    assert outcome.exit_code == 4
    assert "model.yaml: is not executable. --mf6 names the MODFLOW 6 program." in outcome.stderr


def test_files_cannot_name_a_program(basin, call):
    outcome = call("run", BAN, "--set", "settings.modflow.program=/bin/sh")
    assert outcome.exit_code == 3
    assert "settings.modflow.program: is not a key here" in outcome.stderr


def test_doctor_says_how_to_get_the_program(call, no_program):
    outcome = call("doctor")
    assert outcome.exit_code == 0
    assert "get-modflow" in outcome.stderr


@pytest.mark.mf6
def test_doctor_tells_version_and_checksum(call, mf6: Program):
    facts = json.loads(call("doctor", "--mf6", mf6.path, "--json").stdout)
    assert facts["mf6"] == f"{mf6.version} ({mf6.path}, sha256 {mf6.sha256})"


@pytest.mark.mf6
def test_modflow_writes_what_the_native_engine_writes(basin, call, mf6: Program):
    outcome = call("run", BAN, *SMALL, "--engine", "modflow6", "--mf6", mf6.path, "-o", "results/other")
    assert outcome.exit_code == 0, outcome.stderr
    assert f"engine        modflow6 {mf6.version}" in outcome.stderr
    assert call("run", BAN, *SMALL, "-o", "results/native").exit_code == 0
    first, second = (sorted(p.name for p in (basin / "results" / name).iterdir()) for name in ("native", "other"))
    assert first == second
    stored = json.loads((basin / "results/other/run.json").read_text(encoding="utf-8"))
    assert stored["mf6"] == mf6.to_dict()
    assert stored["engine"] == f"modflow6 {mf6.version}"
    assert stored["settings"]["closure"] == "usual"
    assert names(basin / "results") == ["native", "other"], "no folder of a run is left"
    native, other = (open_results(basin / "results" / name) for name in ("native", "other"))
    assert set(native.variables) == set(other.variables)
    np.testing.assert_allclose(native["head"], other["head"], atol=1e-4)
    np.testing.assert_allclose(native["recovery_reference_head"], other["recovery_reference_head"], atol=1e-4)


@pytest.mark.mf6
def test_settings_reach_the_program(basin, call, mf6: Program):
    words = ["--set", "settings.modflow.outer_maximum=1", "--set", "settings.modflow.inner_maximum=1"]
    outcome = call("run", BAN, *SMALL, "--engine", "modflow6", "--mf6", mf6.path, *words)
    assert outcome.exit_code == 5
    assert outcome.stderr.splitlines()[-1].startswith("Period 1, step 1 (")
    assert "MODFLOW 6 did not converge" in outcome.stderr
    assert not (basin / "results").exists()


@pytest.mark.mf6
def test_both_engines_are_stored_and_compared(basin, call, mf6: Program):
    outcome = call("run", BAN, *SMALL, "--engine", "both", "--mf6", mf6.path)
    assert outcome.exit_code == 0, outcome.stderr
    folder = basin / "results" / "ban"
    assert names(folder) == ["comparison.csv", "modflow6", "native"]
    lines = outcome.stderr.splitlines()
    assert lines[-3] == "The engines agree."
    assert " m in layer " in lines[-2]
    assert " of the flow: " in lines[-1]
    with (folder / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["agrees"] for row in rows} == {"yes"}
    assert {"head", "head at observation points", "inflow of storage", "exchange", "delivered pumping"} <= {
        r["quantity"] for r in rows
    }
    heads = [float(row["difference"]) for row in rows if row["quantity"] == "head"]
    native, other = (open_results(folder / name)["head"].values for name in ("native", "modflow6"))
    assert max(heads) == pytest.approx(np.nanmax(np.abs(native - other)), rel=1e-6)
    again = call("run", BAN, *SMALL, "--engine", "both", "--mf6", mf6.path)
    assert again.exit_code == 6, "results are not replaced unless told"


@pytest.mark.mf6
def test_engines_that_differ_end_with_1(basin, call, mf6: Program, monkeypatch):
    monkeypatch.setattr(agreement, "HEADS_AGREE", 0.0)
    outcome = call("run", BAN, *SMALL, "--engine", "both", "--mf6", mf6.path, "--json", "--quiet")
    assert outcome.exit_code == 1
    found = json.loads(outcome.stdout)
    assert found["agree"] is False
    assert 0.0 < found["largest_difference"]["head"]["first"] < 100.0
    assert set(found) == {"agree", "largest_difference", "table", "native", "modflow6"}


@pytest.mark.parametrize("parts", [1, 3])
def test_export_leaves_a_folder_with_a_readme(parts, basin, call):
    chosen = ["--cell-size", "2km", "--parts", parts, "--set", "settings.modflow.inner_maximum=77"]
    outcome = call("export", "modflow6", BAN, "model6", *chosen)
    assert outcome.exit_code == 0, outcome.stderr
    assert "model6/README.md says how to run them" in outcome.stderr
    assert "All pumping stopped" in (basin / "model6/README.md").read_text(encoding="utf-8")
    assert "INNER_MAXIMUM 77" in (basin / "model6/mfsim.ims").read_text(encoding="ascii")
    assert (basin / "model6/parts.json").exists() == (parts > 1)
    assert call("export", "modflow6", BAN, "model6").exit_code == 6
