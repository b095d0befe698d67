"""Lists of stress periods made into stresses whose cells are the same in all periods.

An entry that comes and goes is a cell that is always there and, in the periods in which it is not listed, does nothing: a rate or
a conductance of zero. Steps of a period become periods of their own where a value changes within it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.modflow.imports.draft import Entries, ListPackage, Periods

# Values that are nothing where an entry is not listed; others are then what they are in the nearest period.
SILENT = ("pumping_rate", "injection_rate", "recharge_rate", "rate", "conductance")


@dataclass(frozen=True, eq=False)
class Cut:
    """The periods of a run: those of the model, or their steps.

    Parameters
    ----------
    period : ndarray of int
        Period of the model, shape ``(n,)``.
    step : ndarray of int
        Step of that period that stands alone, -1 where the whole period is one.
    length, multiplier, n_steps, steady : ndarray
        Shape ``(n,)``.
    """

    period: IntArray
    step: IntArray
    length: FloatArray
    n_steps: IntArray
    multiplier: FloatArray
    steady: BoolArray


def varying_periods(packages: list[ListPackage], periods: Periods) -> BoolArray:
    """Return the periods within which a value changes from step to step."""
    found = np.zeros(periods.n, dtype=bool)
    for number in np.flatnonzero(periods.n_steps > 1).tolist():
        for package in packages:
            values = package.entries[number].values.values()
            found[number] |= any(v.ndim == 2 and bool((v != v[:1]).any()) for v in values)
    return found


def cut_periods(periods: Periods, into_steps: BoolArray) -> Cut:
    """Return the periods, some of them step by step."""
    parts: list[tuple[int, int, float, int, float]] = []
    for number in range(periods.n):
        if into_steps[number]:
            parts += [(number, step, float(length), 1, 1.0) for step, length in enumerate(periods.steps(number))]
        else:
            whole = float(periods.length[number]), int(periods.n_steps[number]), float(periods.multiplier[number])
            parts.append((number, -1, *whole))
    period, step, length, n_steps, multiplier = (np.array(column) for column in zip(*parts, strict=True))
    return Cut(period, step, length, n_steps, multiplier, periods.steady[period])


@dataclass(frozen=True, eq=False)
class Gathered:
    """The entries of a package in all periods of a run.

    Parameters
    ----------
    cell : ndarray of int
        Shape ``(n,)``, in the order in which they are first listed.
    values : dict of str to ndarray
        Shape ``(n,)``, or ``(n_period, n)`` where they vary.
    listed : ndarray of bool
        Periods in which each is listed, shape ``(n_period, n)``, or ``(1, n)`` where all always are.
    names : tuple of str
        Empty texts where there are none.
    """

    cell: IntArray
    values: dict[str, FloatArray]
    listed: BoolArray
    names: tuple[str, ...]


def gather(package: ListPackage, cut: Cut) -> Gathered:
    """Return the entries of a package in all periods of a run.

    The entries of a period that share a cell are told apart by their order.
    """
    blocks = package.entries
    places, cell, names = _places(blocks)
    if all(block is blocks[0] for block in blocks) and all(series.ndim == 1 for series in blocks[0].values.values()):
        always = np.ones((1, cell.size), dtype=bool)
        return Gathered(cell, dict(blocks[0].values), always, names)
    shape = (cut.period.size, cell.size)
    listed = np.zeros(shape, dtype=bool)
    for row, number in enumerate(cut.period):
        listed[row, places[number]] = True
    values = {}
    for name in blocks[0].values:
        series = np.zeros(shape)
        for row, (number, step) in enumerate(zip(cut.period, cut.step, strict=True)):
            found = blocks[number].values[name]
            series[row, places[number]] = found[max(step, 0)] if found.ndim == 2 else found
        if name not in SILENT:
            _fill(series, listed)
        values[name] = series[0].copy() if (series == series[:1]).all() else series
    return Gathered(cell, values, listed, names)


def _places(blocks: Sequence[Entries]) -> tuple[list[IntArray], IntArray, tuple[str, ...]]:
    """Return where the entries of each period stand among all, the cells of all, and their names."""
    numbers = {id(block): np.zeros(0, dtype=np.int64) for block in blocks}
    different = {id(block): block for block in blocks}
    most = 1
    for key, block in different.items():
        numbers[key] = _occurrence(block.cell)
        most = max(most, int(numbers[key].max(initial=0)) + 1)
    keys = {key: block.cell * most + numbers[key] for key, block in different.items()}
    every = np.concatenate(list(keys.values()))
    known, first = np.unique(every, return_index=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(known.size, dtype=np.int64)
    rank[order] = np.arange(known.size)
    labels = [name for block in different.values() for name in block.names or ("",) * block.cell.size]
    cell = known[order] // most
    spread = {key: rank[np.searchsorted(known, found)] for key, found in keys.items()}
    return [spread[id(block)] for block in blocks], cell, tuple(labels[place] for place in first[order])


def _occurrence(cell: IntArray) -> IntArray:
    """Return how many entries before each one have its cell."""
    order = np.argsort(cell, kind="stable")
    begins = np.flatnonzero(np.diff(cell[order], prepend=-1))
    number = np.empty(cell.size, dtype=np.int64)
    number[order] = np.arange(cell.size) - np.repeat(begins, np.diff(np.append(begins, cell.size)))
    return number


def _fill(series: FloatArray, listed: BoolArray) -> None:
    """Let a value hold until its entry is listed again, and before it is listed first, in place."""
    if listed.all():
        return
    row = np.arange(series.shape[0])[:, None]
    last = np.maximum.accumulate(np.where(listed, row, -1), axis=0)
    first = np.argmax(listed, axis=0)
    series[:] = np.take_along_axis(series, np.where(last < 0, first, last), axis=0)
