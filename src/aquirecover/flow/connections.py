"""All connections of stresses to cells, one behind another, for loops over all of them at once."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.balance import BLOCK, Links
from aquirecover.flow.problem import Problem
from aquirecover.flow.ramps import evaluate_ramps
from aquirecover.flow.stresses import Cells, Ramp, Stress

# What a ramp leaves out: source, slope, datum, low and high.
LEFT_OUT = (0.0, 0.0, 0.0, -np.inf, np.inf)


class Connections:
    """The cells of all stresses and the ramps that hold in a period; see `stresses.Ramp`.

    Parameters
    ----------
    problem : Problem
        Its stresses, in their order.
    cells : Cells
        Geometry of all cells.
    fixed : ndarray of bool
        Cells with a fixed head, on which stresses do nothing, shape ``(n_layer, n_y, n_x)``.

    Attributes
    ----------
    cell, term : ndarray of int
        Of each connection: its cell, and its term of the budget; shape ``(n,)``.
    slices : list of slice
        The connections of each stress.
    links : Links
        As the compiled loops see them.
    """

    def __init__(self, problem: Problem, cells: Cells, fixed: BoolArray) -> None:
        self._stresses = problem.stresses
        self._cells = cells
        self._period = -1
        self._bent = [False] * len(problem.stresses)
        ends = np.cumsum([0, *(stress.n for stress in problem.stresses)])
        self.slices = [slice(begin, end) for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
        self.cell = np.concatenate([np.zeros(0, dtype=np.int64), *(stress.cell for stress in problem.stresses)])
        self.term = np.repeat(np.arange(1, len(self.slices) + 1), np.diff(ends))
        self._idle = np.flatnonzero(fixed.ravel()[self.cell])
        order = np.argsort(self.cell, kind="stable")
        fixed_cell = np.flatnonzero(fixed)
        self.links = Links(
            self.cell,
            np.zeros((len(LEFT_OUT), self.cell.size)),
            order,
            _first_of_blocks(self.cell[order], fixed.shape),
            fixed_cell,
            _first_of_blocks(fixed_cell, fixed.shape),
        )

    def hold(self, period: int, head: FloatArray) -> None:
        """Set the ramps to those of a period; a stress that has none is followed by its tangent at heads (flat) as they are."""
        if period == self._period and not any(self._bent):
            return
        for number, (stress, part) in enumerate(zip(self._stresses, self.slices, strict=True)):
            new = period != self._period and (self._period < 0 or _varies(stress))
            if new or self._bent[number]:
                ramp = stress.ramp(period, self._cells)
                self._bent[number] = ramp is None
                self._write(part, _tangent(stress, head, period, self._cells) if ramp is None else ramp)
        self._period = period

    def _write(self, part: slice, ramp: Ramp) -> None:
        """Put the ramp of a stress into the table; connections to fixed heads have none."""
        table = self.links.ramp
        for row, (value, left_out) in enumerate(zip(vars(ramp).values(), LEFT_OUT, strict=True)):
            table[row, part] = left_out if value is None else value
        table[:, self._idle] = np.array(LEFT_OUT)[:, None]

    def flow(self, head: FloatArray, period: int) -> FloatArray:
        """Return the inflow of each connection at heads (flat) in a period, m³/d."""
        self.hold(period, head)
        flow, slope = np.empty(self.cell.size), np.empty(self.cell.size)
        evaluate_ramps(head, self.cell, self.links.ramp, flow, slope)
        return flow


def _varies(stress: Stress) -> bool:
    """Tell whether a stress may differ between periods."""
    values = stress.values().values()
    return not values or any(series.ndim == 2 for series in values)


def _tangent(stress: Stress, head: FloatArray, period: int, cells: Cells) -> Ramp:
    """Return a ramp without bends that has the flow and the derivative of a stress at heads (flat)."""
    at = head[stress.cell]
    flow, derivative = stress.flow(at, period, cells)
    return Ramp(source=flow, slope=-derivative, datum=at)


def _first_of_blocks(cell: IntArray, shape: tuple[int, ...]) -> IntArray:
    """Return where those of each block and layer begin among cells in order, shape ``(n_layer * n_block + 1,)``."""
    plane = shape[1] * shape[2]
    begin = np.arange(0, plane, BLOCK)
    starts = (plane * np.arange(shape[0])[:, None] + begin).ravel()
    return np.append(np.searchsorted(cell, starts), cell.size).astype(np.int64)
