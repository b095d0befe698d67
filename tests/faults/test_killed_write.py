"""A process killed while it writes leaves under the final name the old file, the new one, or none; never a broken one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from aquirecover.output.results import open_results

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork are POSIX")

TRIES = 20
# One process that has imported everything; each line on its standard input makes it fork a child that writes results to the
# given path, the first with the given value in every cell and so on, and that is killed by signal 9: at a stage of the write,
# or after a time, whichever the line asks for.
NURSERY = """
import os, signal, sys, time
from pathlib import Path
import numpy as np, xarray as xr
from aquirecover.output import files
from aquirecover.output.results import write_dataset

def dataset(value):
    field = np.random.default_rng(1).random((12, 5, 60, 60)) * 1e-3 + value
    attrs = {"aquirecover_format": "aquirecover-result-1", "start": "", "value": value}
    return xr.Dataset({"head": (("time", "layer", "y", "x"), field)}, attrs=attrs)

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def die_around(holder, name, when):
    real = getattr(holder, name)
    def wrapped(*args, **kwargs):
        if when == "before":
            die()
        real(*args, **kwargs)
        die()
    setattr(holder, name, wrapped)

def live(stage, path, value):
    if stage == "in the middle":
        def write(part):
            with open(part, "wb") as stream:
                stream.write(b"\\x89HDF half a file" * 1000)
                stream.flush()
                die()
        files.replace_file(path, write, overwrite=True)
    elif stage != "random":
        when, name = stage.split()
        die_around(os if name == "replace" else files, name, when)
    while True:
        write_dataset(dataset(value), path, overwrite=True)
        value += 1

for line in sys.stdin:
    stage, seconds, path, value = line.rstrip("\\n").split("|")
    child = os.fork()
    if child == 0:
        try:
            live(stage, Path(path), int(value))
        finally:
            os._exit(77)
    if stage == "random":
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}", flush=True)
"""

Kill = Callable[..., None]


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """Return a function that lets a child write to a path and be killed."""
    with subprocess.Popen([sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def ask(path: Path, value: int, stage: str = "random", seconds: float = 0.0) -> None:
            stdin.write(f"{stage}|{seconds}|{path}|{value}\n")
            stdin.flush()
            assert stdout.readline().strip() == "9", "the child did not die by kill -9"

        yield ask
        stdin.close()


def stored_value(path: Path) -> int | None:
    """Return the value in every cell of a result, None when there is no file; fail when it is broken or mixed."""
    if not path.exists():
        return None
    dataset = open_results(path)
    value = int(dataset.attrs["value"])
    field = np.random.default_rng(1).random((12, 5, 60, 60)) * 1e-3 + value
    np.testing.assert_array_equal(dataset["head"].values, field)
    return value


def test_killed_at_any_moment(kill: Kill, tmp_path: Path) -> None:
    moment, path = random.Random(20210101), tmp_path / "result.nc"
    last, halves = None, 0
    for _ in range(TRIES):
        first = 1 if last is None else last + 1
        kill(path, first, seconds=moment.uniform(0.0, 0.25))
        halves += any(tmp_path.glob(".result.nc.*.part"))
        found = stored_value(path)
        assert found == last or (found is not None and found >= first), "neither the old file nor a new one"
        last = found
    assert halves > 0, "no kill came while a file was being written"


@pytest.mark.parametrize(
    ("stage", "is_new"),
    [
        ("in the middle", False),
        ("before _sync", False),
        ("after _sync", False),
        ("before replace", False),
        ("after replace", True),
        ("before _sync_folder", True),
    ],
)
def test_killed_at_each_stage(kill: Kill, tmp_path: Path, stage: str, is_new: bool) -> None:
    path = tmp_path / "result.nc"
    kill(path, 1, stage)
    assert stored_value(path) == (1 if is_new else None)
    kill(path, 2, "after replace")
    kill(path, 3, stage)
    assert stored_value(path) == (3 if is_new else 2)
    kill(path, 4, "after replace")
    assert [p.name for p in tmp_path.iterdir()] == ["result.nc"], "the next write did not clear what the killed ones left"
