"""``run --engine both`` whose MODFLOW 6 is killed or fails, and Ctrl-C in the middle: nothing is written by either engine."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from aquirecover.modflow import Program
from aquirecover.project import copy_example
from faults.test_interrupt import BAN, end, has_ended, start

pytestmark = [pytest.mark.mf6, pytest.mark.skipif(os.name != "posix", reason="scripts and signals of POSIX")]
BOTH = ["run", BAN, "--engine", "both", "--no-figures"]
SOON = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a fresh copy of the example."""
    copy_example(tmp_path / "basin")
    return tmp_path / "basin"


def script(folder: Path, mf6: Program, text: str) -> str:
    """Return a program that does something before it becomes the real one, in a folder with a model."""
    path = folder / "mf6_with_fault"
    path.write_text(f'#!/bin/sh\nif [ -f mfsim.nam ]; then\n{text}\nfi\nexec "{mf6.path}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def killed(folder: Path, mf6: Program, file: str) -> str:
    """Return a program that is killed as soon as it has written something into a file."""
    return script(folder, mf6, f"(while [ ! -s {file} ]; do sleep 0.01; done; kill -9 $$) &")


def test_modflow_is_killed_in_the_middle(folder: Path, mf6: Program) -> None:
    process = start(folder, *BOTH, "--cell-size", "100m", "--mf6", killed(folder, mf6, "model.cbc"))
    _, err, code = end(process)
    assert code == 4, err
    assert "MODFLOW 6 was killed by signal 9 (SIGKILL)" in err
    assert "Traceback" not in err
    assert not (folder / "results").exists()


def test_modflow_fails_after_the_march(folder: Path, mf6: Program) -> None:
    """The equilibrium without pumping is a run of its own: the results of the march are not kept without it."""
    spoil = 'if ! grep -q TRANSIENT model.sto; then sed -i "s/STRT/STRX/" model.ic; fi'
    process = start(folder, *BOTH, "--cell-size", "2km", "--mf6", script(folder, mf6, spoil))
    _, err, code = end(process)
    assert code == 4, err
    assert "MODFLOW 6 stopped" in err
    assert "STRX" in err, "the program's own message"
    assert not (folder / "results").exists()


def test_ctrl_c_while_modflow_runs(folder: Path, mf6: Program) -> None:
    process = start(folder, *BOTH, "--cell-size", "50m", "--mf6", str(mf6.path))
    wait_for_output(process, folder)
    os.killpg(process.pid, signal.SIGINT)
    out, err, code = end(process)
    assert code == 130, err
    assert not out
    assert err.splitlines()[-1] == "Interrupted: nothing was written."
    assert "Traceback" not in err
    assert has_ended(process.pid), "the program ends too"
    assert not (folder / "results").exists()


def wait_for_output(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until MODFLOW 6 writes flows."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline and process.poll() is None:
        if any(path.stat().st_size for path in folder.glob("results/.modflow6.*/model.cbc")):
            return
        time.sleep(0.01)
    raise AssertionError(f"MODFLOW 6 wrote nothing: {process.communicate(timeout=SOON)[1]}")
