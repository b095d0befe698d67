"""Decorators that compile loops with numba and keep the machine code beside the source.

Numba compiles a function again when the file it stands in changed, not when a function of another file that it calls did. So
machine code older than the newest file with such loops in its folder, or than this file and `libraries`, is removed when the
folder is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba

from aquirecover.flow import libraries
from aquirecover.flow.libraries import KernelCompiler, PartCompiler

# What a file with compiled loops holds.
MARKS = ("kernel\ndef ", "part\ndef ", "import intrinsic")


def _compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function with numba's options and its cache."""
    # an option that numba has and its stubs have not
    unlisted: dict[str, Any] = {"no_cfunc_wrapper": True}
    compile_function = numba.njit(cache=True, error_model="numpy", nogil=True, **unlisted, **options)

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = compile_function(function)
        drop_stale(Path(compiled.stats.cache_path), Path(function.__code__.co_filename).parent)
        return compiled

    return decorate


@cache
def drop_stale(folder: Path, package: Path) -> None:
    """Remove machine code of a package's loops that is older than the newest source; once per folder and process."""
    texts = {path: path.read_text(encoding="utf-8") for path in package.glob("*.py")}
    sources = [path for path, text in texts.items() if any(mark in text for mark in MARKS)]
    newest = max(source.stat().st_mtime for source in [*sources, Path(__file__), Path(libraries.__file__)])
    names = {source.stem for source in sources}
    for path in folder.glob("*.nb[ic]"):
        # another process may remove it first, or the folder may be someone else's: numba then compiles to a folder of its own
        with suppress(FileNotFoundError, PermissionError):
            if path.name.partition(".")[0] in names and path.stat().st_mtime < newest:
                path.unlink()


kernel = _compiler(pipeline_class=KernelCompiler)
"""Loops in the arithmetic of the source."""

fused_kernel = _compiler(pipeline_class=KernelCompiler, fastmath={"contract"})
"""Loops that may fuse a product and a sum; each cell is still computed in one fixed order."""

summing_kernel = _compiler(pipeline_class=KernelCompiler, fastmath={"reassoc", "contract", "nsz"})
"""Sums that the compiler may reorder, once and for all, whereas BLAS would split them, and the bits, by the number of threads."""

part = _compiler(pipeline_class=PartCompiler, no_cpython_wrapper=True)
"""What only compiled loops call: `kernel` without an entry from Python and without machine code of its own, see `libraries`."""

fused_part = _compiler(pipeline_class=PartCompiler, fastmath={"contract"}, no_cpython_wrapper=True)
"""The same of `fused_kernel`."""

summing_part = _compiler(pipeline_class=KernelCompiler, fastmath={"reassoc", "contract", "nsz"}, no_cpython_wrapper=True)
"""The same of `summing_kernel`, optimised by itself before it is linked: sums have one order on one thread and on several.

What adds up must not write to arrays in the same loop: whether these are too near one another to work on several numbers at a
time is found when it runs, and decides on the order.
"""

parallel_kernel = _compiler(pipeline_class=KernelCompiler, parallel=True, fastmath={"contract"})
"""Loops over blocks with `numba.prange`, on as many threads as `share` has set; machine code is made when it is first used.

Blocks must not depend on the number of threads, each must write to places of its own, and sums belong into one place per block,
added in order afterwards: then the bits are those of one thread. A function with two ways, ``if threads is None``, compiles the
parallel one only when it is called with a number.
"""

# Threads by OpenMP where there is a choice: numba's own do not bear calls from several threads of Python at a time.
_options: Any = numba.config
_options.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

# Cells below which threads cost more than they gain.
LEAST_SHARED = 40_000


def share(threads: int, n_cell: int) -> int | None:
    """Return the threads for loops over so many cells, None where they are better left out, and set them for this thread.

    Parameters
    ----------
    threads : int
        What the settings ask for; 0 is what the machine has.
    n_cell : int
        Cells of the loops.
    """
    # what NUMBA_NUM_THREADS and the cores that the process may use allow
    most = int(_options.NUMBA_NUM_THREADS)
    chosen = min(threads, most) if threads > 0 else most
    if chosen == 1 or n_cell < LEAST_SHARED:
        return None
    numba.set_num_threads(chosen)
    return chosen
