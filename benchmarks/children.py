"""Start programs one at a time and hear what they took: tasks of `worker` in an interpreter of their own, and MODFLOW 6."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.problems import ROOT

LAUNCHER = Path(__file__).with_name("launch.py")
LIMIT = 1800.0


class ChildError(RuntimeError):
    """A program ended in an error or ran past its limit; the text is the last line it wrote."""


@dataclass(frozen=True)
class Usage:
    """What a program took.

    Parameters
    ----------
    wall_s, cpu_s : float
        Wall time, and processor time of all its threads; s.
    peak_mb : float
        Largest resident memory, MiB.
    out, err : str
        What it wrote on standard output and on standard error.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    out: str
    err: str


def run(command: list[str], cwd: Path = ROOT, limit: float = LIMIT, environment: dict[str, str] | None = None) -> Usage:
    """Run a program and return what it took.

    Raises
    ------
    ChildError
        When it failed, or ran longer than `limit` seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(limit), folder, "--", *command]
        launched = subprocess.run(
            launcher, cwd=cwd, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True, check=True
        )
        took = json.loads(launched.stdout)
        out, errors = ((Path(folder) / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
    if took["expired"]:
        raise ChildError(f"stopped after {limit:g} s")
    if took["status"] != 0:
        lines = [line.strip() for line in (errors or out).splitlines() if line.strip()]
        ended = f"ended by signal {-took['status']}" if took["status"] < 0 else f"exit status {took['status']}"
        raise ChildError(f"{ended}: {lines[-1] if lines else 'no message'}")
    return Usage(took["wall_s"], took["cpu_s"], took["peak_mb"], out, errors)


def work(task: str, *, limit: float = LIMIT, environment: dict[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
    """Run a task of `worker` in a new interpreter; return its record with the memory and times of the process.

    Libraries of linear algebra get one thread, so that threads are those that the task asks for.
    """
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    given = json.dumps({name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()})
    command = [sys.executable, "-m", "benchmarks.worker", task, given]
    took = run(command, limit=limit, environment={**single, **(environment or {})})
    record: dict[str, Any] = json.loads(took.out.splitlines()[-1])
    return {**record, "process_wall_s": took.wall_s, "process_cpu_s": took.cpu_s, "peak_mb": took.peak_mb}
