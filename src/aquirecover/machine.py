"""The machine a run finds: cores, memory, compiled kernels, programs and library versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

from aquirecover import __version__

GIBIBYTE = 2.0**30
LIBRARIES = (
    "numpy", "scipy", "numba", "xarray", "h5netcdf", "h5py", "pydantic", "PyYAML", "click", "rich", "matplotlib", "pint",
    "shapely", "pyproj", "flopy",
)  # fmt: skip
PACKAGE = Path(__file__).resolve().parent

# Modules whose kernels every run needs that solves by multigrid, the last to be compiled among them.
EVERY_RUN = ("kernels", "balance", "cycle")


def n_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> float:
    """Return the memory that may still be used, bytes; infinite where the system does not tell.

    The smaller of what the machine has left and what the control group of the process has left.
    """
    free = float("inf")
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        found = [line for line in meminfo.read_text(encoding="ascii").splitlines() if line.startswith("MemAvailable:")]
        free = 1024.0 * float(found[0].split()[1]) if found else free
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists():
        text = limit.read_text(encoding="ascii").strip()
        free = min(free, float(text) - float(used.read_text(encoding="ascii"))) if text != "max" else free
    return free


def kernel_cache() -> Path:
    """Return the folder in which numba keeps the compiled kernels."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    return Path(given) if given else PACKAGE / "flow" / "__pycache__"


def kernels_are_compiled() -> bool:
    """Tell whether what every run needs has compiled code, none older than the newest source; see `flow.compiled`."""
    cached = {path.name.partition(".")[0]: path.stat().st_mtime for path in kernel_cache().rglob("*.nbi")}
    sources = [path for path in (PACKAGE / "flow").glob("*.py") if "kernel\ndef " in path.read_text(encoding="utf-8")]
    newest = max(path.stat().st_mtime for path in sources)
    return all(cached.get(name, 0.0) >= newest for name in EVERY_RUN)


def versions() -> dict[str, str]:
    """Return the versions of this package, of Python and of the libraries that are installed."""
    found = {"aquirecover": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def examine(mf6: Path | None = None) -> dict[str, object]:
    """Return what to look at when something does not work; `mf6` is the MODFLOW 6 program where it is not on PATH."""
    folder = Path("results").resolve()
    writable = os.access(next(path for path in (folder, *folder.parents) if path.exists()), os.W_OK)
    cache = kernel_cache()
    return {
        **versions(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "executable": sys.executable,
        "package": str(PACKAGE),
        "cores": n_cores(),
        "memory_available": f"{available_memory() / GIBIBYTE:.1f} GiB",
        "kernel_cache": f"{cache} ({'ready' if kernels_are_compiled() else 'empty or old: the next run compiles first'})",
        "mf6": describe_program(mf6),
        "results_folder": f"{folder} ({'can be written' if writable else 'cannot be written'})",
    }


def describe_program(path: Path | None = None) -> str:
    """Return version, place and SHA-256 of the MODFLOW 6 program, or why there is none and how to get it."""
    from aquirecover.errors import BackendError
    from aquirecover.modflow.program import find_program

    try:
        program = find_program(path)
    except BackendError as error:
        return str(error)
    return f"{program.version} ({program.path}, sha256 {program.sha256})"
