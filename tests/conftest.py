"""Fixtures of all tests."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from aquirecover.modflow.program import Program, find_program
from mf6_program import NoProgramError, find_test_program


def pytest_sessionstart() -> None:
    """Compile in a process of its own where nothing is compiled yet.

    Sums of a process that compiles may differ in the last bit from those of one that loads what was compiled, so that tests that
    compare processes bit by bit want all of them to load.
    """
    package = find_spec("aquirecover")
    assert package is not None
    assert package.origin is not None
    if not any((Path(package.origin).parent / "flow/__pycache__").glob("*.nbc")):
        here = Path(__file__).parent
        path = os.pathsep.join([str(Path(package.origin).parents[1]), str(here), os.environ.get("PYTHONPATH", "")])
        subprocess.run([sys.executable, here / "warm_up.py"], check=True, env={**os.environ, "PYTHONPATH": path})


@pytest.fixture(scope="session")
def mf6(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return a MODFLOW 6 program; the test is skipped where there is none."""
    try:
        return find_program(find_test_program(tmp_path_factory.mktemp("mf6")))
    except NoProgramError as error:
        pytest.skip(str(error))
