"""The MODFLOW 6 program: where it is, which version it says it is, and what its file is."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aquirecover.errors import BackendError

NAME = "mf6"
PATIENCE = 30.0  # seconds in which a program tells its version
HOW_TO_GET = (
    "To get it: `pip install flopy`, then `get-modflow :python` puts mf6 beside python (other folders: `get-modflow --help`); "
    "or download it from https://github.com/MODFLOW-ORG/modflow6/releases."
)
# The oldest release that was compared with the native engine.
OLDEST = (6, 0, 5)


@dataclass(frozen=True)
class Program:
    """A MODFLOW 6 program.

    Parameters
    ----------
    path : Path
        Of the executable file.
    version : str
        As it says itself, ``6.7.0``.
    sha256 : str
        Of the file.
    """

    path: Path
    version: str
    sha256: str

    @property
    def release(self) -> tuple[int, int, int]:
        """The three numbers of the version."""
        major, minor, patch = (int(part) for part in re.findall(r"\d+", self.version)[:3])
        return major, minor, patch

    def to_dict(self) -> dict[str, str]:
        """Return what a manifest keeps of the program."""
        return {"path": str(self.path), "version": self.version, "sha256": self.sha256}


def find_program(path: Path | str | None = None) -> Program:
    """Return the program at `path`, or the one called ``mf6`` on PATH.

    Raises
    ------
    BackendError
        When there is none, or it does not run, or it is something else; says how to get it.
    """
    if path is None:
        found = shutil.which(NAME)
        if found is None:
            raise BackendError(f"MODFLOW 6: no program {NAME} on PATH. Name it with --mf6 PATH. {HOW_TO_GET}")
    else:
        found = shutil.which(path)
        if found is None:
            reason = "is not executable" if Path(path).is_file() else "no such program"
            raise BackendError(f"{path}: {reason}. --mf6 names the MODFLOW 6 program. {HOW_TO_GET}")
    resolved = Path(found).resolve()
    return Program(resolved, _version(resolved), hashlib.sha256(resolved.read_bytes()).hexdigest())


def _version(path: Path) -> str:
    """Return the version that a program tells."""
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = "gives no answer" if isinstance(error, subprocess.TimeoutExpired) else (error.strerror or str(error))
        raise BackendError(f"{path}: {reason}: it is not a MODFLOW 6 program that runs here. {HOW_TO_GET}") from error
    found = re.search(r"mf6\S*\s+(\d+\.\d+\.\d+\S*)", said.stdout + said.stderr)
    if found is None:
        first = next(iter((said.stdout + said.stderr).splitlines()), "nothing")
        raise BackendError(f"{path}: says {first[:100]!r} when asked for its version: it is not MODFLOW 6. {HOW_TO_GET}")
    release = tuple(int(part) for part in re.findall(r"\d+", found[1])[:3])
    if not OLDEST <= release < (7,):
        oldest = ".".join(map(str, OLDEST))
        raise BackendError(f"{path}: is MODFLOW {found[1]}: must be release 6, {oldest} or newer. {HOW_TO_GET}")
    return found[1]
