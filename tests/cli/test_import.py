"""`aquirecover import modflow`: what it prints, and that the new model runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aquirecover.modflow import Program
from modflow_models import Mf6Model, change
from twri_files import write_twri, write_twri6

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


def run_mf6(folder: Path, program: Program, stem: str) -> dict[float, np.ndarray]:
    """Run a model and return its heads by time."""
    import flopy

    done = subprocess.run([str(program.path)], cwd=folder, capture_output=True, text=True, check=False)
    assert "Normal termination" in done.stdout, done.stdout[-500:]
    file = flopy.utils.HeadFile(folder / f"{stem}.hds")
    heads = {float(time): file.get_data(totim=time) for time in file.get_times()}
    file.close()
    return heads


def with_everything(folder: Path) -> Path:
    """Return a transient model with a water table and all stresses, of which a person has changed a file by hand."""
    storage = {"iconvert": [1, 0], "ss": [0.0, 1e-5]}
    domain = np.ones((2, 3, 4), dtype=int)
    domain[1, 2, 3] = 0
    more = {"dis": {"idomain": domain}, "npf": {"icelltype": [1, 0], "k": [[5.0], [2.0]], "k22": 2.0}, "sto": storage}
    model = Mf6Model(folder, gwf={"newtonoptions": "NEWTON"}, **more)
    model.add("wel", stress_period_data={1: [((1, 1, 1), -60.0)], 2: []}, maxbound=1, auto_flow_reduce=0.1)
    model.add("chd", stress_period_data={0: [((0, 0, 0), 9.0)], 2: [((0, 0, 0), 7.0)]})
    model.add("riv", stress_period_data=[((0, 1, 2), 8.5, 30.0, 6.0)])
    model.add("ghb", stress_period_data={0: [((1, 0, 2), 8.0, 5.0)], 1: [((1, 0, 2), 9.5, 5.0)]})
    model.add("rcha", recharge={0: 1e-3, 1: 0.0})
    model.add("evta", surface=9.5, rate=1e-3, depth=4.0)
    model.add("drn", stress_period_data=[((0, 2, 3), 7.0, 12.0)])
    model.add("hfb", stress_period_data={0: [((0, 1, 1), (0, 1, 2), 1e-3)]}, maxhfb=1)
    model.write()
    change(folder / "small.wel", "-6.00000000E+01", "-75.5")
    return folder


@pytest.mark.mf6
@pytest.mark.parametrize("name", ["twri", "everything"])
def test_an_imported_model_that_is_exported_has_the_heads_it_had(name: str, tmp_path: Path, call: Any, mf6: Program) -> None:
    if mf6.release < (6, 1, 1):
        pytest.skip(f"MODFLOW {mf6.version} does not read what is exported for newer releases")
    source = write_twri6(tmp_path / "twri").parent if name == "twri" else with_everything(tmp_path / "small")
    stem, metres = ("twri", 0.3048) if name == "twri" else ("small", 1.0)
    before = run_mf6(source, mf6, stem)
    units = [] if name == "twri" else ["--length-unit", "metres", "--time-unit", "days"]
    outcome = call("import", "modflow", source, tmp_path / "models" / name, *units)
    assert outcome.exit_code == 0, outcome.stderr
    scenario = tmp_path / "models" / name / f"{name}.yaml"
    outcome = call("export", "modflow6", scenario, tmp_path / "again", "--set", "settings.modflow.closure=tight")
    assert outcome.exit_code == 0, outcome.stderr
    after = run_mf6(tmp_path / "again", mf6, "model")
    assert after, "heads are saved"
    if name == "twri":
        ((_, head),) = before.items()
        before = dict.fromkeys(after, head)
    for time, head in after.items():
        earlier = before[min(before, key=lambda other: abs(other - time))]
        active = np.abs(earlier) < 1e29
        np.testing.assert_allclose(head[active], metres * earlier[active], rtol=0.0, atol=2e-7)
