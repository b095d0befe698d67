"""The workspace: what may be read, and the checksum of all that was."""

import hashlib
import os

import pytest

from aquirecover.case.config import read_case
from aquirecover.case.workspace import Workspace
from aquirecover.errors import InputFileError


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "project/models/basin").mkdir(parents=True)
    (tmp_path / "project/models/basin/wells.csv").write_text("well\n")
    (tmp_path / "project/scenarios").mkdir()
    (tmp_path / "secret.csv").write_text("secret\n")
    return tmp_path


def test_the_root_is_the_nearest_parent_that_holds_models(tree):
    assert Workspace.around(tree / "project/scenarios/x.yaml").root == tree / "project"
    assert Workspace.around(tree / "project/models/basin/model.yaml").root == tree / "project"
    (tree / "project/models/basin/models").mkdir()
    assert Workspace.around(tree / "project/models/basin/model.yaml").root == tree / "project/models/basin"


def test_without_models_it_is_the_folder_of_the_file(tmp_path):
    (tmp_path / "models").write_text("a file, no folder")
    assert Workspace.around(tmp_path / "a/model.yaml").root == tmp_path / "a"


def test_paths_are_relative_to_the_folder_of_the_file(tree):
    workspace = Workspace.around(tree / "project/scenarios/x.yaml")
    assert workspace.resolve("../models/basin/wells.csv", tree / "project/scenarios") == tree / "project/models/basin/wells.csv"
    assert workspace.name_of(tree / "project/models/basin/wells.csv") == "models/basin/wells.csv"


@pytest.mark.parametrize("path", ["../../secret.csv", "../models/../../secret.csv", "link.csv", "folder/secret.csv"])
def test_what_lies_outside_is_refused_unless_allowed(tree, path):
    folder = tree / "project/scenarios"
    (folder / "link.csv").symlink_to(tree / "secret.csv")
    (folder / "folder").symlink_to(tree, target_is_directory=True)
    with pytest.raises(InputFileError, match=r"lies outside the workspace .*: move it inside, or allow files outside"):
        Workspace.around(folder / "x.yaml").read_bytes(folder / path)
    assert Workspace.around(folder / "x.yaml", allow_outside=True).read_bytes(folder / path) == b"secret\n"


def test_an_absolute_path_outside_is_refused(tree):
    with pytest.raises(InputFileError, match="lies outside the workspace"):
        Workspace.around(tree / "project/scenarios/x.yaml").resolve(str(tree / "secret.csv"), tree / "project/scenarios")


def test_what_lies_outside_is_not_revealed(tree):
    with pytest.raises(InputFileError) as caught:
        Workspace.around(tree / "project/scenarios/x.yaml").resolve("../../secre.csv", tree / "project/scenarios")
    assert "secret.csv" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("well.csv", "well.csv does not exist. Did you mean 'wells.csv'?"),
        ("rates.csv", "rates.csv does not exist. There is no rates.csv in models/basin."),
        ("wells.tsv", "wells.tsv does not exist. Did you mean 'wells.csv'?"),
        ("../bassin/wells.csv", "../bassin/wells.csv does not exist. Did you mean 'basin'?"),
        (".", ". is not a file: name a file inside it."),
        ("a\0b", "'a\\x00b' cannot be read: embedded null byte."),
        ("x" * 300, f"'{'x' * 300}' cannot be read: File name too long."),
    ],
)
def test_files_that_are_not_there_are_named_with_a_remedy(tree, path, message):
    folder = tree / "project/models/basin"
    with pytest.raises(InputFileError) as caught:
        Workspace.around(folder / "model.yaml").resolve(path, folder)
    assert str(caught.value) == message


def test_what_is_no_regular_file_is_refused(tree):
    os.mkfifo(tree / "project/models/basin/pipe")
    with pytest.raises(InputFileError, match=r"pipe is no file\."):
        Workspace.around(tree / "project/models/basin/model.yaml").check(tree / "project/models/basin/pipe")


def test_a_loop_of_links_ends_in_an_error(tree):
    loop = tree / "project/models/basin/loop"
    loop.symlink_to(loop)
    with pytest.raises(InputFileError):
        Workspace.around(tree / "project/models/basin/model.yaml").check(loop)


def test_a_large_file_is_refused_before_it_is_read(tree):
    path = tree / "project/models/basin/wells.csv"
    with pytest.raises(InputFileError, match=r"has 0\.0 MB: must be"):
        Workspace(tree).check(path, limit=4)
    with path.open("wb") as stream:
        stream.truncate(2**29 + 1)
    with pytest.raises(InputFileError, match=r"has 512\.0 MB: must be 512 MB or less"):
        Workspace(tree).read_bytes(path)


def test_checksums_of_all_that_was_read(small):
    case = read_case(small.scenario)
    assert case.workspace.inputs == {
        "scenarios/small/stop.yaml": hashlib.sha256(small.scenario.read_bytes()).hexdigest(),
        "models/small/model.yaml": hashlib.sha256(small.model.read_bytes()).hexdigest(),
    }
    case.workspace.note(small.folder / "wells.csv")
    assert (
        case.workspace.inputs["models/small/wells.csv"] == hashlib.sha256((small.folder / "wells.csv").read_bytes()).hexdigest()
    )
