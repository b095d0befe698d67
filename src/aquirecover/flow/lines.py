"""Which rows and columns of a grid stay on the next coarser one: lines are dropped where cells are narrowest first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray

# Lines are dropped where their spacing, scaled by anisotropy, is at most this multiple of the least.
SPREAD = 2.0
# Rows, and columns, that anisotropy is estimated from.
SAMPLED = 64


@dataclass(frozen=True, eq=False)
class Lines:
    """Which lines (columns of cells along x, or rows along y) of a grid stay on the next.

    Parameters
    ----------
    place : ndarray
        Position of each line, shape ``(n,)``; m.
    kept : ndarray of bool
        Shape ``(n,)``; of two neighbours one at least is kept, and even lines always are.
    """

    place: FloatArray
    kept: BoolArray

    @classmethod
    def choose(cls, place: FloatArray, least: float) -> Lines:
        """Drop the odd lines whose spacing is at most `SPREAD` times the `least`."""
        kept = np.ones(place.size, dtype=bool)
        if place.size > 1:
            gap = np.abs(np.diff(place))
            wider = np.maximum(gap, np.append(gap[1:], 0.0))
            kept[1::2] = wider[::2] > SPREAD * least
        return cls(place, kept)

    @cached_property
    def fine(self) -> IntArray:
        """Number on the fine grid of each line that is kept."""
        return np.flatnonzero(self.kept).astype(np.int64)

    @cached_property
    def before(self) -> IntArray:
        """Coarse number of the line itself, or of the one before it where it is dropped, shape ``(n,)``."""
        return np.cumsum(self.kept).astype(np.int64) - 1

    @cached_property
    def dropped_after(self) -> BoolArray:
        """Whether a line is dropped after each that is kept."""
        return ~np.append(self.kept, True)[self.fine + 1]

    @property
    def n_kept(self) -> int:
        """Number of lines of the coarse grid."""
        return int(self.fine.size)


def choose_lines(cx: FloatArray, cy: FloatArray, x: FloatArray, y: FloatArray) -> tuple[Lines, Lines]:
    """Return the lines along x and y for the next grid; at least one line is dropped unless there is one column.

    Distances along y are scaled by the root of the mean anisotropy of conductivity, so that equal distances mean equal
    conductances of square cells.
    """
    x_gap, y_gap = np.abs(np.diff(x)), np.abs(np.diff(y))
    if x.size == 1 or y.size == 1:
        every = float(max(x_gap.max(initial=0.0), y_gap.max(initial=0.0)))
        return Lines.choose(x, every), Lines.choose(y, every)
    scaled = y * np.sqrt(_anisotropy(cx, cy, x, y))
    least = float(min(x_gap.min(), np.abs(np.diff(scaled)).min()))
    columns, rows = Lines.choose(x, least), Lines.choose(scaled, least)
    if columns.kept.all() and rows.kept.all():
        columns = Lines.choose(x, float(x_gap.max()))
    return columns, Lines(y, rows.kept)


def _anisotropy(cx: FloatArray, cy: FloatArray, x: FloatArray, y: FloatArray) -> float:
    """Return the geometric mean of conductivity along x as a multiple of that along y, 1 where it cannot be told."""
    x_gap, y_gap = np.abs(np.diff(x)), np.abs(np.diff(y))
    x_width, y_width = np.abs(np.gradient(x)), np.abs(np.gradient(y))
    i, j = (slice(None, None, -(-gap.size // SAMPLED)) for gap in (x_gap, y_gap))
    along_x = cx[:, :-1, :-1][:, j, i] * (x_gap[i] / y_width[:-1][j][:, None])
    along_y = cy[:, :-1, :-1][:, j, i] * (y_gap[j][:, None] / x_width[:-1][i])
    found_x, found_y = along_x[along_x > 0.0], along_y[along_y > 0.0]
    if not (found_x.size and found_y.size):
        return 1.0
    return float(np.exp(np.log(found_x).mean() - np.log(found_y).mean()))
