"""What the machine gives: its name, its memory bandwidth, and the time of one sweep over the seven-point stencil.

The triad ``a = b + 3 c`` moves 24 bytes a number, as STREAM counts them (McCalpin 1995). A work unit is the time of
``r = b − A x`` on the seven-point stencil in double precision, which moves at least 56 bytes a cell: x, b, four arrays of the
matrix and r. Both are compiled loops of this file, run by one thread or by two that share the cells.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TRIAD_BYTES, SWEEP_BYTES = 24, 56
BLOCK = 512


@numba.njit(cache=True, nogil=True, fastmath=True)
def _triad(a: Array, b: Array, c: Array) -> None:
    for i in range(a.size):
        a[i] = b[i] + 3.0 * c[i]


@numba.njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _sweep(matrix: Array, x: Array, b: Array, r: Array, row: int, plane: int, begin: int, end: int) -> None:
    """Set r to ``b − A x`` in cells by flat numbers from `begin` to `end`; slices tell the compiler that no index is negative."""
    d, cx, cy, cz = matrix
    for at in range(begin, end, BLOCK):
        to = min(at + BLOCK, end)
        here, source, diagonal, own = r[at:to], b[at:to], d[at:to], x[at:to]
        west, east, to_west, to_east = x[at - 1 : to - 1], x[at + 1 : to + 1], cx[at - 1 : to - 1], cx[at:to]
        north, south, to_north, to_south = x[at - row : to - row], x[at + row : to + row], cy[at - row : to - row], cy[at:to]
        up, down, to_up, to_down = x[at - plane : to - plane], x[at + plane : to + plane], cz[at - plane : to - plane], cz[at:to]
        for i in range(to - at):
            across = to_west[i] * west[i] + to_east[i] * east[i] + to_north[i] * north[i] + to_south[i] * south[i]
            here[i] = source[i] - diagonal[i] * own[i] + across + to_up[i] * up[i] + to_down[i] * down[i]


def best(function: Callable[[], Any], least: float = 0.3, most: int = 200) -> float:
    """Return the shortest time of a function called for `least` seconds, at least 3 times; s."""
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - begin < least and len(times) < most):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def sweep_seconds(shape: tuple[int, int, int], threads: int = 1) -> float:
    """Return the time of one work unit on a grid, s."""
    _, n_y, n_x = shape
    plane = n_x * n_y
    cells = int(np.prod(shape))
    # a layer above and below, so that every cell has neighbours to read
    matrix, (x, b, r) = np.ones((4, cells + 2 * plane)), np.ones((3, cells + 2 * plane))
    cuts = np.linspace(plane, plane + cells, threads + 1).astype(int)
    return _shared(lambda part: _sweep(matrix, x, b, r, n_x, plane, cuts[part], cuts[part + 1]), threads)


def triad_gb_per_second(numbers: int, threads: int = 1) -> float:
    """Return the memory bandwidth of the triad on three arrays of a size, GB/s."""
    a, b, c = (np.ones(numbers) for _ in range(3))
    cuts = np.linspace(0, numbers, threads + 1).astype(int)
    parts = [slice(cuts[i], cuts[i + 1]) for i in range(threads)]
    seconds = _shared(lambda part: _triad(a[parts[part]], b[parts[part]], c[parts[part]]), threads)
    return 1e-9 * TRIAD_BYTES * numbers / seconds


def _shared(work: Callable[[int], None], threads: int) -> float:
    """Return the shortest time in which all parts of some work are done, a thread each."""
    work(0)
    if threads == 1:
        return best(lambda: work(0))
    with ThreadPoolExecutor(threads) as pool:
        return best(lambda: list(pool.map(work, range(threads))))


def hardware_task(numbers: list[int], cells: list[int], threads: int) -> dict[str, Any]:
    """Measure the triad on some sizes and the sweep on grids of five layers, with one thread and with more."""
    record: dict[str, Any] = {"triad": [], "sweep": []}
    for count in range(1, threads + 1):
        for n in numbers:
            record["triad"].append({"numbers": n, "threads": count, "gb_per_s": triad_gb_per_second(n, count)})
        for n in cells:
            side = round((n / 5) ** 0.5)
            seconds = sweep_seconds((5, side, side), count)
            size = 5 * side * side
            rate = 1e-9 * SWEEP_BYTES * size / seconds
            record["sweep"].append({"cells": size, "threads": count, "seconds": seconds, "gb_per_s": rate})
    return record


def machine() -> dict[str, Any]:
    """Return what the machine is: processor, cores, caches, memory, system and versions."""
    from importlib.metadata import PackageNotFoundError, version

    from aquirecover.machine import n_cores, versions

    wanted = ("aquirecover", "python", "numpy", "scipy", "numba", "flopy")
    found = {name: text for name, text in versions().items() if name in wanted}
    try:
        found["pyamg"] = version("pyamg")
    except PackageNotFoundError:
        found["pyamg"] = "not installed"
    return {
        "processor": _processor(),
        "cores": n_cores(),
        "caches": _caches(),
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2.0**30,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": found,
    }


def _processor() -> str:
    """Return the name of the processor with its clock, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    told: dict[str, str] = {}
    for line in info.read_text(encoding="utf-8").splitlines() if info.exists() else []:
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    name = told.get("model name", platform.processor() or "unknown processor")
    numbers = [f"{key} {told[key]}" for key in ("cpu family", "model", "stepping") if key in told]
    clock = f"{float(told['cpu MHz']) / 1000.0:.1f} GHz" if "cpu MHz" in told else ""
    return ", ".join(part for part in (name, " ".join(numbers), clock) if part)


def _caches() -> dict[str, str]:
    """Return the sizes of the caches of the first core by level."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text(encoding="ascii").strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = size
    return found
