"""Finding the program: messages for what is missing, not executable, or something else."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from aquirecover.errors import BackendError
from aquirecover.modflow import program as module
from aquirecover.modflow.program import HOW_TO_GET, Program, find_program

posix = pytest.mark.skipif(os.name != "posix", reason="scripts of POSIX")


def script(folder: Path, text: str, mode: int = 0o755) -> Path:
    path = folder / "other"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
    path.chmod(mode)
    return path


def test_nothing_on_path_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendError, match="no program mf6 on PATH") as caught:
        find_program()
    assert "get-modflow" in str(caught.value)
    assert str(caught.value).endswith(HOW_TO_GET)
    assert caught.value.exit_code == 4


def test_a_path_that_leads_nowhere(tmp_path):
    with pytest.raises(BackendError, match="mf6x: no such program"):
        find_program(tmp_path / "mf6x")


@posix
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo gnuplot 5.4", "says 'gnuplot 5.4' when asked for its version: it is not MODFLOW 6"),
        ("exit 3", "says 'nothing' when asked for its version"),
        ("echo mf6: 5.1.0", "is MODFLOW 5.1.0: must be release 6, 6.0.5 or newer."),
        ("echo mf6: 6.0.4", "is MODFLOW 6.0.4: must be release 6, 6.0.5 or newer."),
        ("echo mf6: 7.0.0", "is MODFLOW 7.0.0: must be release 6, 6.0.5 or newer."),
        ("sleep 60", "gives no answer"),
    ],
)
def test_another_program(text, message, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    with pytest.raises(BackendError) as caught:
        find_program(script(tmp_path, text))
    assert message in str(caught.value)


@posix
def test_a_file_that_may_not_run(tmp_path):
    with pytest.raises(BackendError, match="is not executable"):
        find_program(script(tmp_path, "echo", mode=0o644))


@posix
def test_a_file_that_is_no_program(tmp_path):
    path = tmp_path / "mf6"
    path.write_bytes(b"\x7fELF nothing of the kind")
    path.chmod(0o755)
    with pytest.raises(BackendError, match="it is not a MODFLOW 6 program that runs here"):
        find_program(path)


@posix
@pytest.mark.parametrize(
    ("version", "release"),
    [("6.7.0.dev2 (preliminary) 05/12/2025", (6, 7, 0)), ("6.0.5", (6, 0, 5)), ("6.4.10 01/01/2024", (6, 4, 10))],
)
def test_release_and_checksum(version, release, tmp_path):
    path = script(tmp_path, f"echo '{path_name(sys.platform)}: {version}'")
    found = find_program(path)
    assert found.release == release
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.to_dict() == {"path": str(path.resolve()), "version": version.split()[0], "sha256": found.sha256}


def path_name(platform: str) -> str:
    """Return what a program calls itself, by its file name."""
    return "mf6.exe" if platform == "win32" else "mf6"


@pytest.mark.mf6
def test_the_program_of_the_tests_tells_its_version(mf6: Program):
    assert mf6.release >= (6, 0, 5)
    assert len(mf6.sha256) == 64
