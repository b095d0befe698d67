"""`aquirecover import modflow`: what it prints, and that the new model runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modflow_models import change
from twri_files import write_twri

pytest.importorskip("flopy", reason="flopy reads models of MODFLOW")


def test_import_validate_and_run(tmp_path: Path, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_twri(tmp_path / "twri")
    outcome = call("import", "modflow", "twri", "models/basin")
    assert outcome.exit_code == 0, outcome.output
    assert not outcome.stdout
    text = outcome.stderr
    assert "imported twri.nam into models/basin" in text
    assert "feet and seconds, converted to metres and days" in text
    assert "5 layers x 15 rows x 15 columns" in text
    assert "1 approximated" in text
    assert "225 cells convertible" in text
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("  aquirecover")]
    assert [words[0] for words in commands] == ["validate", "run"]
    for words in commands:
        outcome = call(*words, *(["--no-figures"] if words[0] == "run" else []))
        assert outcome.exit_code == 0, outcome.output
    run = json.loads((tmp_path / "results/basin/run.json").read_text())
    assert "Imported with an approximation. 225 cells convertible" in json.dumps(run)
    report = (tmp_path / "models/basin/import_report.md").read_text()
    assert "| twri.wel | " in report
    assert "- WEL (twri.wel): 15 wells, the same in all periods." in report


def test_a_ban_in_an_imported_model(tmp_path: Path, call: Any) -> None:
    """The scenario that comes with a transient model is ready to restrict pumping, and runs to a recovery."""
    folder = write_twri(tmp_path / "twri").parent
    change(folder / "twri.dis", "3 15 15 1 1 1", "3 15 15 2 1 1")
    change(folder / "twri.dis", " 86400. 1 1. SS\n", " 86400. 1 1. SS\n 31536000. 12 1.2 TR\n")
    for name in ("wel", "drn", "rch"):
        with (folder / f"twri.{name}").open("a") as stream:
            stream.write("-1 0\n")
    storage = "CONSTANT 1.\nCONSTANT 0.2\nCONSTANT 1.E-3\nCONSTANT 2.E-8\nCONSTANT 1.E-4\nCONSTANT 1.E-2\nCONSTANT 1.E-8\n"
    (folder / "twri.flow").write_text(f" 0 1.E30 0 0. 0 0\n 1 0 0\n{storage}CONSTANT 1.E-4\nCONSTANT 2.E-2\n")
    assert call("import", "modflow", folder, tmp_path / "basin").exit_code == 0
    scenario = tmp_path / "basin" / "basin.yaml"
    scenario.write_text(scenario.read_text().replace("# restr", "restr").replace("#   stop", "  stop"))
    outcome = call("run", scenario, "--no-figures", "--out", tmp_path / "results", "--json")
    assert outcome.exit_code == 0, outcome.output
    layers = {record["aquifer"]: record for record in json.loads(outcome.stdout)["recovery"]}
    assert all(record["head_at_end_m"] > record["head_at_start_m"] + 0.2 for record in layers.values())


def test_a_ban_from_the_first_day_is_refused(tmp_path: Path, call: Any) -> None:
    """Nothing is known before it to recover from."""
    write_twri(tmp_path / "twri")
    call("import", "modflow", tmp_path / "twri", tmp_path / "basin")
    scenario = tmp_path / "basin" / "basin.yaml"
    assert "All periods are steady" in scenario.read_text()
    scenario.write_text(scenario.read_text() + "restrictions:\n  stop: {rule: ban, from: 2000-01-01}\n")
    outcome = call("validate", scenario)
    assert outcome.exit_code == 3
    assert "restrictions.stop.from = 2000-01-01: must be after the first day of the model" in outcome.stderr


def test_report_as_json(tmp_path: Path, call: Any) -> None:
    write_twri(tmp_path / "twri")
    outcome = call("import", "modflow", tmp_path / "twri" / "twri.nam", tmp_path / "basin", "--start", "2011-05-03", "--json")
    found = json.loads(outcome.stdout)
    assert found["facts"]["first day"] == "2011-05-03"
    assert found["report"]["Not supported"] == []
    assert "model.yaml" in found["files"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["import", "modflow", "nowhere", "basin"], 4, "nowhere: no such file or folder."),
        (["import", "modflow", "twri", "twri"], 6, "is there already and not empty"),
        (["import", "modflow", "twri"], 2, "Missing argument 'FOLDER'"),
        (["import", "modflow", "twri", "basin", "--length-unit", "rods"], 2, "'rods' is not one of"),
        (["import", "modflow", "twri", "basin", "--start", "3 May"], 2, "does not match the format"),
    ],
)
def test_errors(words: list[str], code: int, message: str, tmp_path: Path, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_twri(tmp_path / "twri")
    outcome = call(*words)
    assert outcome.exit_code == code
    assert message in outcome.stderr
    assert not (tmp_path / "basin").exists()


def test_partial_import(tmp_path: Path, call: Any) -> None:
    name_file = write_twri(tmp_path / "twri")
    name_file.write_text(name_file.read_text() + "LAK 31 twri.lak\n")
    (tmp_path / "twri" / "twri.lak").write_text("1\n")
    refused = call("import", "modflow", name_file, tmp_path / "basin")
    assert refused.exit_code == 3
    assert "  - LAK (twri.nam:9): lakes." in refused.stderr
    outcome = call("import", "modflow", name_file, tmp_path / "basin", "--allow-partial")
    assert outcome.exit_code == 0
    assert "THIS IMPORT IS PARTIAL: heads and flows differ from those of MODFLOW." in outcome.stderr
    assert "Partial import of twri.nam" in call("validate", tmp_path / "basin" / "basin.yaml").stderr
