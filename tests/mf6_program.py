"""A MODFLOW 6 program for tests: ``mf6`` on PATH, else, on Linux x86-64, the library in the wheel of pymf6 0.4.2.

The wheel carries MODFLOW 6.0.5 of 2019 as a library for another Python. It is not imported: a script of a few lines loads it
through ctypes in a process of its own, behind the runtime of gfortran 7 that lies beside it, and calls its main program.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

SCRIPT = """#!{python}
import ctypes, sys
runtime = ctypes.CDLL({runtime!r}, mode=ctypes.RTLD_GLOBAL)
library = ctypes.CDLL({library!r})
if "--version" in sys.argv[1:]:
    print("mf6: 6.0.5")
else:
    callback = ctypes.CFUNCTYPE(None)(lambda: None)
    library.mf6_sub_(callback)
"""


class NoProgramError(Exception):
    """There is no program; the message says why."""


def find_test_program(folder: Path) -> Path:
    """Return a program, whose script is made in `folder` when it is the library.

    Raises
    ------
    NoProgramError
        When there is none.
    """
    found = shutil.which("mf6")
    return Path(found) if found else _library_program(folder)


def _library_program(folder: Path) -> Path:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NoProgramError("no mf6 on PATH, and the library in the wheel of pymf6 is for Linux x86-64")
    try:
        wheel = metadata.distribution("pymf6")
    except metadata.PackageNotFoundError:
        raise NoProgramError("no mf6 on PATH, and pymf6 0.4.2 is not installed") from None
    if wheel.version != "0.4.2":
        raise NoProgramError(f"no mf6 on PATH, and pymf6 is {wheel.version}, not 0.4.2")
    home = Path(str(wheel.locate_file("pymf6")))
    names = {"runtime": home / "libgfortran.so.4", "library": next(home.glob("mf6.*linux-gnu.so"))}
    script = folder / "mf6"
    script.write_text(SCRIPT.format(python=sys.executable, **{key: str(path) for key, path in names.items()}), encoding="utf-8")
    script.chmod(0o755)
    tried = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        reason = tried.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise NoProgramError(f"no mf6 on PATH, and the library of pymf6 does not load: {reason[0]}")
    return script
