"""A model for people who run it elsewhere: the files run, and the README says what is what."""

from __future__ import annotations

import csv
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from problems import PROBLEMS

from aquirecover.errors import ConfigError, OutputExistsError
from aquirecover.flow.problem import Context, Observations
from aquirecover.flow.stresses import Wells
from aquirecover.modflow import ModflowSettings, Program, simulate
from aquirecover.modflow.export import export_model
from aquirecover.modflow.records import GrowingFile, next_heads
from small_problems import random_problem


def observed_heads(folder: Path, names: tuple[str, ...]) -> np.ndarray:
    """Return the heads of every step at observation points, found as the tables of an export say; shape ``(n_step, n)``."""
    found = {}
    with (folder / "observations.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            with (folder / f"{row['model']}.obs.csv").open(encoding="utf-8", newline="") as table:
                found[row["observation"]] = [float(line[row["column of the table"]]) for line in csv.DictReader(table)]
    assert names
    return np.array([found[name] for name in names]).T


@pytest.mark.mf6
def test_the_exported_model_runs_and_gives_the_heads(tmp_path, mf6: Program):
    if mf6.release < (6, 1, 1):
        pytest.skip(f"MODFLOW {mf6.version} does not read what is exported for newer releases")
    settings = ModflowSettings(closure="tight")
    problem = replace(random_problem(4), observations=Observations(("west", "deep"), np.array([0, 86])))
    assert problem.grid.active.ravel()[problem.observations.cell].all()
    names = export_model(problem, tmp_path / "out", settings)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    subprocess.run([mf6.path], cwd=tmp_path / "out", capture_output=True, check=True)
    file, shape = GrowingFile(tmp_path / "out" / "model.hds"), problem.grid.shape
    result = simulate(problem, modflow=settings, program=mf6)
    for saved in result.head:
        head = next_heads(file, shape[0], shape[1] * shape[2]).reshape(shape)
        np.testing.assert_allclose(head[problem.grid.active], saved[problem.grid.active], rtol=0.0, atol=1e-12)
    assert file.left == 0, "saved heads alone"
    file.close()
    np.testing.assert_allclose(observed_heads(tmp_path / "out", problem.observations.names), result.observation_head, atol=1e-9)


def test_readme_says_what_is_what(tmp_path):
    problem = replace(random_problem(4), context=Context(title="Basin of tests", crs="EPSG:3405"))
    export_model(problem, tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Basin of tests\n")
    for words in (
        "3 layers, 6 rows, 7 columns",
        "(EPSG:3405)",
        "Newton-Raphson",
        "```sh\nmf6\n```",
        "| recharge | recharge | RCH | `recharge` |",
    ):
        assert words in text
    for package in ("riv", "drn", "ghb", "evt", "wel", "chd"):
        assert f"| {package.upper()} |" in text


def test_wells_are_found_by_name(tmp_path):
    problem = random_problem(4)
    wells = Wells(problem.grid.cell([0, 2], [1, 1], [1, 1]), 5.0, names=["=evil"], well=[0, 0], fraction=[0.25, 0.75])
    export_model(replace(problem, stresses=(wells,)), tmp_path / "out")
    with (tmp_path / "out" / "wells.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[1:] == [
        ["model", "wells", "1", "'=evil", "1", "2", "2", "0.25"],
        ["model", "wells", "2", "'=evil", "3", "2", "2", "0.75"],
    ]


def test_observation_points_are_found_by_name(tmp_path):
    """Names that MODFLOW cannot have, or cannot tell apart, are written as others; a table tells which is which."""
    points = Observations(("Giếng 1", "giếng 1", "q" * 50), np.array([0, 5, 7]))
    problem = replace(PROBLEMS["linear_wells"](), observations=points)
    export_model(problem, tmp_path / "out")
    lines = (tmp_path / "out" / "model.obs").read_text(encoding="ascii").splitlines()
    names = [line.split()[0] for line in lines if " HEAD " in line]
    assert names == ["Gi_ng_1", "gi_ng_1_2", "q" * 40]
    with (tmp_path / "out" / "observations.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[2] == ["model", "GI_NG_1_2", "giếng 1", "1", "1", "6"]


def test_parts_say_how_to_run_and_join_them(tmp_path):
    problem = PROBLEMS["linear_wells"]()
    export_model(problem, tmp_path / "out", n_part=3)
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "mpirun -np 3 mf6 -p" in text
    parts = json.loads((tmp_path / "out" / "parts.json").read_text(encoding="utf-8"))
    assert [part["model"] for part in parts] == ["part_1", "part_2", "part_3"]
    assert parts[0]["rows"] == [1, 6]
    with (tmp_path / "out" / "wells.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == problem.wells[0].n
    places = {part["model"]: part["columns"][0] for part in parts}
    columns = {row["well"]: int(row["column"]) + places[row["model"]] - 1 for row in rows}
    assert columns == {"W1": 3, "W2": 5, "W3": 6}


@pytest.mark.mf6
def test_the_way_of_the_readme_joins_the_heads(tmp_path, monkeypatch, mf6: Program):
    flopy = pytest.importorskip("flopy")
    if mf6.release < (6, 5, 0):
        pytest.skip(f"MODFLOW {mf6.version} knows no HPC6 file")
    problem, settings = PROBLEMS["linear_sloping_layers"](), ModflowSettings(closure="tight")
    export_model(problem, tmp_path / "out", settings, n_part=4)
    subprocess.run([mf6.path], cwd=tmp_path / "out", capture_output=True, check=True)
    code = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path / "out")
    names: dict[str, np.ndarray] = {"flopy": flopy}
    exec(code, names)
    expected = simulate(problem, modflow=settings, program=mf6)
    np.testing.assert_allclose(names["head"], expected.head, rtol=0.0, atol=1e-8)
    found = observed_heads(tmp_path / "out", problem.observations.names)
    np.testing.assert_allclose(found, expected.observation_head, rtol=0.0, atol=1e-8)


def test_a_folder_that_holds_something_is_not_touched(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(OutputExistsError, match="exists already and is not empty"):
        export_model(random_problem(4), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    with pytest.raises(OutputExistsError, match="exists already and is a file"):
        export_model(random_problem(4), tmp_path / "out" / "mine")
    (tmp_path / "empty").mkdir()
    assert "README.md" in export_model(random_problem(4), tmp_path / "empty")


def test_nothing_is_left_of_an_export_that_fails(tmp_path):
    with pytest.raises(ConfigError, match="cannot be cut into so many parts"):
        export_model(PROBLEMS["linear_one_column"](), tmp_path / "sub" / "out", n_part=2)
    assert not list(tmp_path.iterdir())


def test_flopy_reads_what_is_written(tmp_path):
    flopy = pytest.importorskip("flopy")
    problem = random_problem(4)
    export_model(problem, tmp_path / "out")
    model = flopy.mf6.MFSimulation.load(sim_ws=str(tmp_path / "out"), verbosity_level=0).get_model("model")
    active = problem.grid.active
    np.testing.assert_array_equal(model.npf.k.array[active], problem.properties.k[active])
    np.testing.assert_array_equal(model.dis.botm.array[active], problem.grid.bottom[active])
    np.testing.assert_array_equal(model.dis.idomain.array, np.where(active, 1, np.where(problem.grid.pass_through, -1, 0)))
    last = model.get_package("wells").stress_period_data.get_data(2)
    assert last["q"][:3].tolist() == (-problem.wells[0].pumping_rate[2]).tolist()
