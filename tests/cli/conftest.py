"""A fresh copy of the example project, and the command line in this process."""

import pytest
from click.testing import CliRunner

from aquirecover.cli import main
from aquirecover.project import copy_example


@pytest.fixture
def basin(tmp_path, monkeypatch):
    """Return the folder of a fresh copy of the example, in which the test works."""
    copy_example(tmp_path / "basin")
    monkeypatch.chdir(tmp_path / "basin")
    return tmp_path / "basin"


@pytest.fixture
def call():
    """Return a function that runs the command line with words and gives click's outcome."""

    def run(*words):
        return CliRunner().invoke(main, [str(word) for word in words])

    return run
