"""Right-hand sides into the finest level, and solutions out of it, on one thread or on several with the same bits."""

from __future__ import annotations

import numba
import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import SingleArray, add_rows, split_rows
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel, summing_part
from aquirecover.flow.finest import Finest
from aquirecover.flow.sweeps import ADD, BLACK, FROM_ZERO, HELD, OWN, RED, Level, gather, n_blocks, solve_block, span


@summing_part
def _absolute(a: SingleArray, o: int, n: int) -> float:
    """Return ``Σ|a|`` of a block of one layer."""
    total = 0.0
    values = a[o : o + n]
    for p in range(n):
        total += abs(values[p])
    return total


@fused_part
def _load_red(f: Finest, level: Level, natural: FloatArray, factor: float, black: FloatArray, block: int) -> None:
    """Take the rows of a block, solve its red columns, and begin its black ones at 0."""
    place, n = span(level, block)
    last, half = min((block + 1) * level.rows, level.n_y), f.red.size
    for k in range(level.n_layer):
        o = k * level.stride + place
        black[o : o + n] = 0.0
        # numbers without a column are added to as well, and an overflow would stay there
        f.b[half + o : half + o + n] = 0.0
    split_rows(natural, factor, block * level.rows, last, level.n_x, f.b, level.width, level.stride)
    solve_block(level, block, RED, FROM_ZERO, f.red, OWN, f.red, OWN, f.b, OWN, f.faces, f.red_factors, OWN)


@fused_part
def _load_black(f: Finest, level: Level, block: int) -> float:
    """Add what the black columns of a block receive from red ones, and return their ``Σ|b|``."""
    place, n = span(level, block)
    half, total = f.red.size, 0.0
    for k in range(level.n_layer):
        o = half + k * level.stride + place
        gather(f.b, o, f.red, OWN, f.far_faces, level, BLACK, k, place, n, ADD)
        total += _absolute(f.b, o, n)
    return total


@parallel_kernel
def _load_shared(f: Finest, level: Level, natural: FloatArray, factor: float, black: FloatArray, sums: FloatArray) -> None:
    """Do `load` on several threads."""
    for block in numba.prange(sums.size):
        _load_red(f, level, natural, factor, black, block)
    for block in numba.prange(sums.size):
        sums[block] = _load_black(f, level, block)


@fused_kernel
def load(f: Finest, level: Level, natural: FloatArray, factor: float, black: FloatArray, threads: int | None) -> float:
    """Take a right-hand side, times a factor, eliminate the red columns, and return ``Σ|b|`` of the black ones.

    Parameters
    ----------
    f : Finest
        Whose `b` and `red` are filled.
    level : Level
        The finest.
    natural : ndarray
        Shape ``(n_layer, n_y, n_x)``.
    factor : float
        Of all its values.
    black : ndarray
        Black plane of the solution, which begins at 0; shape ``(n_layer stride,)``.
    threads : int or None
        See `compiled.share`.
    """
    sums = np.empty(n_blocks(level))
    if threads is None:
        for block in range(sums.size + 1):
            if block < sums.size:
                _load_red(f, level, natural, factor, black, block)
            if block > 0:
                sums[block - 1] = _load_black(f, level, block - 1)
    else:
        _load_shared(f, level, natural, factor, black, sums)
    total = 0.0
    for value in sums:
        total += value
    return total


@fused_part
def _unload_block(f: Finest, level: Level, black: FloatArray, unit: float, x: FloatArray, add: bool, block: int) -> None:
    """Solve the red columns of a block and put its rows into x."""
    last = min((block + 1) * level.rows, level.n_y)
    solve_block(level, block, RED, HELD, f.red, OWN, black, OWN, f.b, OWN, f.faces, f.red_factors, OWN)
    add_rows(f.red, black, unit, x, add, block * level.rows, last, level.width, level.stride)


@parallel_kernel
def _unload_shared(f: Finest, level: Level, black: FloatArray, unit: float, x: FloatArray, add: bool) -> None:
    """Do `unload` on several threads."""
    for block in numba.prange(n_blocks(level)):
        _unload_block(f, level, black, unit, x, add, block)


@fused_kernel
def unload(f: Finest, level: Level, black: FloatArray, unit: float, x: FloatArray, add: bool, threads: int | None) -> None:
    """Set x, shape ``(n_layer, n_y, n_x)``, to the solution whose black plane is given, times a unit, or add it."""
    if threads is None:
        for block in range(n_blocks(level)):
            _unload_block(f, level, black, unit, x, add, block)
    else:
        _unload_shared(f, level, black, unit, x, add)
