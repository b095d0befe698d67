"""What a limit looks at beside heads: flows between cells, and the water that they store; see `quantities`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.conductance import conductances
from aquirecover.flow.functionals import Terms, WeightedSums, Weights
from aquirecover.flow.problem import Problem
from aquirecover.study.quantities import Heads, Quantities


@final
@dataclass(frozen=True, eq=False)
class FaceFlow(Quantities):
    """Mean flows through faces between cells, as across a line on the map, over some steps.

    Parameters
    ----------
    names, unit, cell
        See `Quantities`; the unit is m3/d.
    row : ndarray of int
        Quantity that each face belongs to, shape ``(n_face,)``.
    near, far : ndarray of int
        Neighbouring cells of each face; flow from the first into the second counts as positive, shape ``(n_face,)``.
    first, last : ndarray of int
        Steps of each quantity, both counted, shape ``(n,)``.
    """

    names: tuple[str, ...]
    row: IntArray
    near: IntArray
    far: IntArray
    first: IntArray
    last: IntArray
    unit: str = "m3/d"

    @property
    def step(self) -> IntArray:  # type: ignore[override]
        """Last step of each."""
        return self.last

    @property
    def cell(self) -> IntArray:  # type: ignore[override]
        """Cells on both sides."""
        return np.unique(np.concatenate([self.near, self.far]))

    def values(self, heads: Heads) -> FloatArray:
        """Return the mean flows, shape ``(n,)``."""
        problem = heads.problem
        grid, cells, faces = problem.grid, problem.cells(), conductances(problem)
        beginning, end = np.minimum(self.near, self.far), np.maximum(self.near, self.far)
        axis = _axis(problem, beginning, end)
        sign = np.where(self.near == beginning, -1.0, 1.0)
        head, sat = np.zeros(grid.n_cell), np.ones(grid.n_cell)
        slope, flow = np.zeros(grid.n_cell), np.empty(self.row.size)
        total, days = np.zeros(len(self.names)), np.zeros(len(self.names))
        for step in np.unique(np.concatenate([np.arange(a, b + 1) for a, b in zip(self.first, self.last, strict=True)])):
            head[heads.cell] = heads.head[step]
            kernels.saturation(head, cells.bottom, cells.thickness, cells.convertible, sat, slope)
            shaped = head.reshape(grid.shape), sat.reshape(grid.shape)
            kernels.face_flows(*shaped, faces, beginning, axis, sign, flow)
            length = np.where((self.first <= step) & (step <= self.last), problem.schedule.step_length[step], 0.0)
            total += length * np.bincount(self.row, weights=flow, minlength=total.size)
            days += length
        return total / days

    def weighted_sums(self, problem: Problem) -> WeightedSums:
        """Return the mean flows."""
        face, step, weight = _each_step(problem, self.first, self.last, self.row)
        terms = Terms(self.row[face], step, self.near[face], weight)
        return WeightedSums(self.names, self.unit, Weights(face_flows=terms, neighbours=self.far[face]))


def _each_step(problem: Problem, first: IntArray, last: IntArray, row: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return item, step and share of the time for each item of each quantity in each of its steps."""
    count = (last - first + 1)[row]
    item = np.repeat(np.arange(row.size), count)
    offset = np.arange(item.size) - np.repeat(np.cumsum(count) - count, count)
    step = first[row][item] + offset
    length = problem.schedule.step_length
    ends = np.concatenate(([0.0], np.cumsum(length)))
    whole = ends[last + 1] - ends[first]
    return item, step, length[step] / whole[row[item]]


def _axis(problem: Problem, near: IntArray, far: IntArray) -> IntArray:
    """Return along which axis cells are neighbours: 0 layer, 1 row, 2 column.

    Raises
    ------
    ValueError
        When two cells are no neighbours.
    """
    apart = np.stack(problem.grid.indices(far)) - np.stack(problem.grid.indices(near))
    wrong = np.flatnonzero((apart.sum(axis=0) != 1) | (np.abs(apart).sum(axis=0) != 1))
    if wrong.size:
        one, other = (problem.grid.describe(int(cell[wrong[0]])) for cell in (near, far))
        raise ValueError(f"{one} and {other} are no neighbours.")
    return np.asarray(apart.argmax(axis=0), dtype=np.int64)


@final
@dataclass(frozen=True, eq=False)
class StoredWater(Quantities):
    """Sums, with coefficients, of the water that cells hold above their bottoms and could give, at the ends of steps.

    A cell holds ``S_s V s (h − b − s d/2) + S_y V s`` where it is convertible, with its volume V, thickness d, bottom b and
    saturated share s, and ``S_s V (h − b)`` where not: what the simulator releases on the way down to its bottom.

    Parameters
    ----------
    names, unit, step
        See `Quantities`; the unit is m3.
    row, at, cell : ndarray of int
        Quantity, step and cell of each term, shape ``(n_term,)``.
    coefficient : ndarray
        Of each term, shape ``(n_term,)``; 1.
    constant : ndarray
        Shape ``(n,)``; m³.
    """

    names: tuple[str, ...]
    step: IntArray
    row: IntArray
    at: IntArray
    cell: IntArray
    coefficient: FloatArray
    constant: FloatArray
    unit: str = "m3"

    def values(self, heads: Heads) -> FloatArray:
        """Return the sums, shape ``(n,)``."""
        stored = self.coefficient * stored_water(heads.problem, self.cell, heads.at(self.at, self.cell))
        return self.constant + np.bincount(self.row, weights=stored, minlength=len(self.names))

    def weighted_sums(self, problem: Problem) -> WeightedSums:
        """Return the sums without constants."""
        stored = Terms(self.row, self.at, self.cell, self.coefficient)
        return WeightedSums(self.names, self.unit, Weights(stored=stored))


def stored_water(problem: Problem, cell: IntArray, head: FloatArray) -> FloatArray:
    """Return the water that cells hold above their bottoms at heads, both of shape ``(n,)``; m³. See `StoredWater`."""
    cells, properties = problem.cells(), problem.properties
    bottom, thickness, convertible = cells.bottom[cell], cells.thickness[cell], cells.convertible[cell]
    volume = cells.area(cell) * thickness
    sat, slope = np.ones(head.size), np.zeros(head.size)
    kernels.saturation(np.ascontiguousarray(head), bottom, thickness, convertible, sat, slope)
    middle = np.where(convertible, 0.5 * thickness * sat, 0.0)
    elastic = properties.specific_storage.ravel()[cell] * volume * sat * (head - bottom - middle)
    drainable = np.where(convertible, properties.specific_yield.ravel()[cell] * volume * sat, 0.0)
    return np.asarray(elastic + drainable, dtype=np.float64)
