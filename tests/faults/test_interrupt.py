"""Ctrl-C and kill at any moment: the exit code, what is left behind, and that the next call goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aquirecover.output.results import open_results
from aquirecover.project import copy_example

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
BAN = "scenarios/confined_basin/ban.yaml"
LONG = ["--cell-size", "50m"]  # seconds of simulation
SHORT = ["--cell-size", "100m"]
PATIENCE = 60.0


@pytest.fixture
def basin(tmp_path):
    """Return the folder of a fresh copy of the example."""
    copy_example(tmp_path / "basin")
    return tmp_path / "basin"


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the command line in a process group of its own, as a terminal does."""
    command = [sys.executable, "-m", "aquirecover", *words]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, encoding="utf-8"
    )


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Read standard error until a line holds `text`."""
    assert any(text in line for line in process.stderr), f"ended without saying {text!r}"


def end(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    """Return what was left to read of both streams, and the exit code."""
    out, err = process.communicate(timeout=PATIENCE)
    return out, err, process.returncode


def has_ended(group: int) -> bool:
    """Tell whether all processes of a group end within a moment (multiprocessing's own tracker outlives its parent a little)."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_ctrl_c_while_simulating_is_130_and_writes_nothing(basin):
    process = start(basin, "run", BAN, *LONG)
    wait_for(process, "time steps")
    os.killpg(process.pid, signal.SIGINT)
    out, err, code = end(process)
    assert code == 130
    assert not out
    assert err.splitlines()[-1] == "Interrupted: nothing was written."
    assert "Traceback" not in err
    assert not (basin / "results").exists()


def test_ctrl_c_while_writing_says_what_is_there(basin):
    process = start(basin, "run", BAN)
    wait_for(process, "figures: ")
    os.killpg(process.pid, signal.SIGINT)
    _, err, code = end(process)
    assert code == 130
    assert err.splitlines()[-1] == "Interrupted while writing results/ban: the results are complete, the figures are not."
    assert not list(basin.rglob("*.part"))
    with open_results(basin / "results/ban") as dataset:
        assert dataset.attrs["largest_budget_error"] <= 1e-6


def test_kill_while_writing_leaves_no_broken_file_and_the_next_run_is_whole(basin):
    process = start(basin, "run", BAN, *LONG, "--no-figures")
    wait_for(process, "writing")
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    assert end(process)[2] == -signal.SIGKILL
    folder = basin / "results/ban"
    if (folder / "result.nc").exists():
        open_results(folder).close()
    if (folder / "run.json").exists():
        assert all((folder / name).exists() for name in json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"])
    again = start(basin, "run", BAN, "--no-figures", "--overwrite", "-q")
    assert end(again)[2] == 0
    assert not list(basin.rglob("*.part"))


def test_ctrl_c_ends_the_processes_of_a_batch_and_keeps_what_is_finished(basin):
    quick = basin / "scenarios/confined_basin/quick.yaml"
    quick.write_text((basin / BAN).read_text(encoding="utf-8") + "end: 2026-01-01\n", encoding="utf-8")
    call = ("batch", str(quick), BAN, "scenarios/confined_basin/cut.yaml", "--jobs", "2", "--no-figures", *SHORT)
    process = start(basin, *call)
    wait_for(process, "quick finished")
    os.killpg(process.pid, signal.SIGINT)
    _, err, code = end(process)
    assert code == 130
    assert "of 3 scenarios had ended; call again to go on from there." in err.splitlines()[-1]
    assert "Traceback" not in err
    assert has_ended(process.pid)
    index = json.loads((basin / "results/index.json").read_text(encoding="utf-8"))
    assert index[0]["scenario"] == "quick"
    assert index[0]["status"] == "finished"
    assert not list(basin.rglob("*.part"))

    again = start(basin, "batch", str(quick), "--no-figures", "--json", *SHORT)
    out, _, code = end(again)
    assert code == 0
    assert [row["status"] for row in json.loads(out)] == ["skipped"]


def test_a_child_that_is_killed_is_a_failure_of_its_own(basin):
    process = start(basin, "batch", BAN, "--no-figures", "--json", *LONG)
    deadline = time.monotonic() + PATIENCE
    children: list[int] = []
    while not children and time.monotonic() < deadline:
        time.sleep(0.05)
        children = spawned_by(process.pid)
    os.kill(children[0], signal.SIGKILL)
    out, err, code = end(process)
    assert code == 1
    [row] = json.loads(out)
    assert row["status"] == "failed"
    assert "killed by signal 9 (SIGKILL)" in row["error"]
    assert "1 of 1 scenarios failed." in err


def spawned_by(parent: int) -> list[int]:
    """Return the workers that a process has spawned (not the tracker that multiprocessing starts beside them)."""
    listing = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listing.stdout.splitlines() if "spawn_main" in line]
