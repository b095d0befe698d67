"""What the parts of the suite are told, and how they speak."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Context:
    """How to measure.

    Parameters
    ----------
    folder : Path
        For files that runs write and leave.
    mf6 : str or None
        The program of MODFLOW 6; None when there is none.
    threads : int
        Most threads of the native solver.
    quick : bool
        Small cases and single runs, to see that everything works.
    full : bool
        References by MODFLOW 6, all problems, all runs of samples.
    limit : float
        Longest run of a program, s.
    """

    folder: Path
    mf6: str | None
    threads: int
    quick: bool = False
    full: bool = False
    limit: float = 1800.0
    begin: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Write a line with the time since the beginning."""
        minutes, seconds = divmod(int(time.monotonic() - self.begin), 60)
        print(f"{minutes:3d}:{seconds:02d}  {text}", file=sys.stderr, flush=True)

    def without_modflow(self, problem: str = "") -> str:
        """Return why MODFLOW 6 cannot run a problem; empty when it can."""
        from importlib.util import find_spec

        if self.mf6 is None:
            return "MODFLOW 6 was not found: put mf6 on PATH or give --mf6"
        if find_spec("flopy") is None and not problem.startswith("thai_binh/"):
            return "flopy is not installed: pip install flopy"
        return ""


def find_modflow(given: str | None) -> str | None:
    """Return the path of the MODFLOW 6 program, or None.

    Raises
    ------
    SystemExit
        When one was given that is not there.
    """
    found = shutil.which(given or "mf6")
    if given and found is None:
        raise SystemExit(f"--mf6 {given}: no such program")
    return str(Path(found).resolve()) if found else None
