"""Fixtures of all tests."""

from __future__ import annotations

import pytest

from aquirecover.modflow.program import Program, find_program
from mf6_program import NoProgramError, find_test_program


@pytest.fixture(scope="session")
def mf6(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return a MODFLOW 6 program; the test is skipped where there is none."""
    try:
        return find_program(find_test_program(tmp_path_factory.mktemp("mf6")))
    except NoProgramError as error:
        pytest.skip(str(error))
