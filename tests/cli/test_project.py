"""The files of a project: kinds, the example that `init` copies."""

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from aquirecover import project
from aquirecover.cli import main
from aquirecover.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("text", "kind"), [("kind: batch\n", "batch"), ("kind: 3\n", ""), ("title: x\n", ""), ("- kind\n", "")])
def test_kind_of_a_file(text, kind, tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text(text, encoding="utf-8")
    assert project.kind_of(file) == kind


def test_kind_of_an_unsafe_file_is_refused(tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text("kind: &a batch\nother: *a\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="anchor"):
        project.kind_of(file)


@pytest.mark.parametrize("kind", ["model", "scenario", "batch"])
def test_schema_is_printed_as_json(kind):
    outcome = CliRunner().invoke(main, ["schema", kind])
    assert outcome.exit_code == 0
    schema = json.loads(outcome.stdout)
    assert schema["properties"]["kind"]["const"] == kind
    assert schema["additionalProperties"] is False


def test_every_shipped_file_names_a_schema_that_exists():
    files = sorted([*ROOT.glob("models/*/model.yaml"), *ROOT.glob("scenarios/*/*.yaml")])
    assert files
    for file in files:
        prefix, _, target = file.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")
        assert prefix == "# yaml-language-server: "
        assert (file.parent / target).resolve() == ROOT / "docs" / "schema" / f"{project.kind_of(file)}.json"


def test_init_copies_the_model_with_its_scenarios_and_schemas(tmp_path):
    folder = tmp_path / "basin"
    outcome = CliRunner().invoke(main, ["init", str(folder)])
    assert outcome.exit_code == 0
    assert not outcome.stdout
    for part in project.EXAMPLE:
        for file in (ROOT / part).rglob("*"):
            assert not file.is_file() or (folder / file.relative_to(ROOT)).read_bytes() == file.read_bytes()
    for file in [folder / "models/confined_basin/model.yaml", *folder.glob("scenarios/*/*.yaml")]:
        target = file.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
        assert (file.parent / target).is_file()


def test_init_leaves_a_folder_with_files_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    outcome = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert outcome.exit_code == 6
    assert outcome.stderr == f"{tmp_path}: is not empty. Choose a new folder.\n"
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_the_example_is_found_inside_an_installed_package(tmp_path, monkeypatch):
    (tmp_path / "examples").mkdir()
    monkeypatch.setattr(project, "PACKAGE", tmp_path)
    assert project.example_root() == tmp_path / "examples"


def test_the_wheel_carries_the_example(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel")
    [path] = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(path).namelist()
    for part in project.EXAMPLE:
        for file in (ROOT / part).rglob("*"):
            assert not file.is_file() or f"aquirecover/examples/{file.relative_to(ROOT).as_posix()}" in names
