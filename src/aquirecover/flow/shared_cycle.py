"""The cycle of `multigrid`, on one thread or on several, with the same bits."""

from __future__ import annotations

import numba

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import parallel_kernel
from aquirecover.flow.cycle import Hierarchy, ascend, ascend_finest, cycle_below, descend, descend_finest, turn
from aquirecover.flow.finest import Finest
from aquirecover.flow.sweeps import Level, n_blocks
from aquirecover.flow.transfer import prolong, restrict

# Blocks per thread of the smallest level that threads share: stages of a leg, and what makes the seams small.
LEAST_BLOCKS = 24


@parallel_kernel
def _descend_finest(f: Finest, h: Hierarchy, z: SingleArray, level: Level, below: Level, threads: int) -> None:
    """Do `cycle.descend_finest` on several threads."""
    n = n_blocks(level)
    for part in numba.prange(threads):
        first, last = part * n // threads, (part + 1) * n // threads
        descend_finest(f, h, z, level, below, first, 1 if part > 0 else 0, last, -1 if part + 1 < threads else 0)
    for part in numba.prange(1, threads):
        seam = part * n // threads
        descend_finest(f, h, z, level, below, seam, -1, seam, 1)


@parallel_kernel
def _ascend_finest(f: Finest, h: Hierarchy, z: SingleArray, sums: FloatArray, level: Level, below: Level, threads: int) -> None:
    """Do `cycle.ascend_finest` on several threads."""
    n = n_blocks(level)
    for part in numba.prange(threads):
        first, last = part * n // threads, (part + 1) * n // threads
        ascend_finest(f, h, z, sums, level, below, first, 1 if part > 0 else 0, last, -1 if part + 1 < threads else 0)
    for part in numba.prange(1, threads):
        seam = part * n // threads
        ascend_finest(f, h, z, sums, level, below, seam, -1, seam, 1)


@parallel_kernel
def _descend(h: Hierarchy, level: Level, below: Level, threads: int) -> None:
    """Do `cycle.descend` on several threads."""
    n = n_blocks(level)
    for part in numba.prange(threads):
        first, last = part * n // threads, (part + 1) * n // threads
        descend(h, level, below, first, 1 if part > 0 else 0, last, -1 if part + 1 < threads else 0)
    for part in numba.prange(1, threads):
        seam = part * n // threads
        descend(h, level, below, seam, -1, seam, 1)


@parallel_kernel
def _turn(h: Hierarchy, level: Level, below: Level, threads: int) -> None:
    """Do `cycle.turn` on several threads."""
    n = n_blocks(level)
    for part in numba.prange(threads):
        first, last = part * n // threads, (part + 1) * n // threads
        turn(h, level, below, first, 1 if part > 0 else 0, last, -1 if part + 1 < threads else 0)
    for part in numba.prange(1, threads):
        seam = part * n // threads
        turn(h, level, below, seam, -1, seam, 1)


@parallel_kernel
def _ascend(h: Hierarchy, level: Level, below: Level, threads: int) -> None:
    """Do `cycle.ascend` on several threads."""
    n = n_blocks(level)
    for part in numba.prange(threads):
        first, last = part * n // threads, (part + 1) * n // threads
        ascend(h, level, below, first, 1 if part > 0 else 0, last, -1 if part + 1 < threads else 0)
    for part in numba.prange(1, threads):
        seam = part * n // threads
        ascend(h, level, below, seam, -1, seam, 1)


def shared_levels(levels: list[Level], threads: int | None) -> int:
    """Return how many levels are large enough for several threads; the last one never is."""
    large = [threads is not None and n_blocks(level) >= LEAST_BLOCKS * threads for level in levels[:-1]]
    return large.index(False) if False in large else len(large)


def cycle(f: Finest, h: Hierarchy, z: SingleArray, sums: FloatArray, levels: list[Level], threads: int | None) -> None:
    """Set z to one cycle on the black plane of the finest `b`.

    Parameters
    ----------
    f, h
        Of the matrix; the finest `red` becomes the red plane of the result, `image` the product with the matrix in black columns.
    z : ndarray of float32
        Black plane of the result, shape ``(n_layer stride,)``.
    sums : ndarray
        ``Σ b z`` and ``Σ image z`` of the blocks of black columns, shape ``(n_block, 2)``.
    levels : list of Level
        Finest first.
    threads : int or None
        See `compiled.share`.
    """
    if len(levels) == 1:
        # a single column is a red one
        return
    shared, (level, below) = shared_levels(levels, threads), levels[:2]
    lines = (h.natural, h.weight, h.before_x, h.before_y)
    if shared > 0 and threads is not None:
        _descend_finest(f, h, z, level, below, threads)
    else:
        descend_finest(f, h, z, level, below, 0, 0, n_blocks(level), 0)
    if not level.regular:
        restrict(level, below, h.residual, h.b, *lines)
    _visit(h, levels, 1, max(1, shared), threads or 1)
    if not level.regular:
        h.residual[:] = 0.0
        prolong(level, below, h.x, *lines, h.residual)
    if shared > 0 and threads is not None:
        _ascend_finest(f, h, z, sums, level, below, threads)
    else:
        ascend_finest(f, h, z, sums, level, below, 0, 0, n_blocks(level), 0)


def _visit(h: Hierarchy, levels: list[Level], depth: int, top: int, threads: int) -> None:
    """Set x of a level below the finest to one cycle on its b; threads share the levels above `top`."""
    if depth == top:
        cycle_below(h, top)
        return
    level, below = levels[depth], levels[depth + 1]
    lines = (h.natural, h.weight, h.before_x, h.before_y)
    for visit in range(1 + level.turns):
        leg = _turn if visit > 0 else _descend
        leg(h, level, below, threads)
        if not level.regular:
            restrict(level, below, h.residual, h.b, *lines)
        _visit(h, levels, depth + 1, top, threads)
        if not level.regular:
            prolong(level, below, h.x, *lines, h.x)
    _ascend(h, level, below, threads)
