"""The rules of a limit file as quantities and constraints on a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.study.quantities import HeadSums

# Radius at which the head of a square cell stands, as a share of its side (Peaceman 1978, SPE Journal 18).
PEACEMAN = 0.208


@dataclass(frozen=True, eq=False)
class Rows:
    """Quantities of one rule and the sides they must keep to.

    Parameters
    ----------
    heads : HeadSums
        The quantities.
    lower, upper : ndarray
        Shape ``(n,)``.
    place : tuple of str
        Where each holds, for people.
    layer : ndarray of int
        Layer of each from 0, -1 where several count.
    """

    heads: HeadSums
    lower: FloatArray
    upper: FloatArray
    place: tuple[str, ...]
    layer: IntArray


def well_levels(problem: Problem, chosen: BoolArray, radius: FloatArray, lowest: FloatArray, steps: IntArray) -> Rows:
    """Return that the level in pumped wells stays above a limit: head less the Thiem drawdown from the cell to the well.

    ``level = h − Q ln(r_cell / r_well) / (2 π T)`` with ``r_cell = 0.208 √(Δx Δy)`` and T of the cell when full.

    Parameters
    ----------
    chosen : ndarray of bool
        Wells in the order of `Problem.wells`, all in a row, shape ``(n_well,)``.
    radius : ndarray
        Of the wells, shape ``(n_well,)``; m.
    lowest : ndarray
        Limit in each cell, shape ``(n_layer, n_y, n_x)``, NaN where none; m.
    steps : ndarray of int
        Steps at whose ends it holds.
    """
    names = np.array([name for wells in problem.wells for name in wells.names])
    starts = np.cumsum([0, *(len(wells.names) for wells in problem.wells)])
    number = np.concatenate([wells.well + start for wells, start in zip(problem.wells, starts, strict=False)])
    cell = np.concatenate([wells.cell for wells in problem.wells])
    fraction = np.concatenate([wells.fraction for wells in problem.wells])
    kept = chosen[number] & np.isfinite(lowest.ravel()[cell])
    number, cell, fraction = number[kept], cell[kept], fraction[kept]
    layer, row, column = problem.grid.indices(cell)
    reach = PEACEMAN * np.sqrt(problem.grid.dx[column] * problem.grid.dy[row])
    flow = problem.properties.k.ravel()[cell] * problem.grid.thickness.ravel()[cell]
    loss = -fraction * np.log(np.maximum(reach / radius[number], 1.0)) / (2.0 * np.pi * flow)
    point = np.tile(np.arange(cell.size), steps.size)
    step = np.repeat(steps, cell.size)
    row_number = np.arange(point.size)
    heads = HeadSums(
        tuple(names[number[point]]), "m", step, row_number, step, cell[point], np.ones(point.size), np.zeros(point.size),
        row_number, number[point], loss[point],
    )  # fmt: skip
    return Rows(
        heads,
        lowest.ravel()[cell[point]],
        np.full(point.size, np.inf),
        tuple(f"well {n}" for n in names[number[point]]),
        layer[point],
    )


def cell_levels(problem: Problem, cell: IntArray, place: Sequence[str], lowest: FloatArray, steps: IntArray) -> Rows:
    """Return that heads of cells stay above limits at the ends of steps.

    Parameters
    ----------
    cell : ndarray of int
        Flat cell numbers, shape ``(n_cell,)``.
    place : sequence of str
        Of each cell.
    lowest : ndarray
        Of each cell, NaN where none, shape ``(n_cell,)``; m.
    steps : ndarray of int
        Steps at whose ends they hold.
    """
    kept = np.isfinite(lowest)
    cell, lowest, names = cell[kept], lowest[kept], [name for name, keep in zip(place, kept, strict=True) if keep]
    point, step = np.tile(np.arange(cell.size), steps.size), np.repeat(steps, cell.size)
    n = np.arange(point.size)
    where = tuple(names[i] for i in point)
    heads = HeadSums(where, "m", step, n, step, cell[point], np.ones(n.size), np.zeros(n.size))
    layer, _, _ = problem.grid.indices(cell)
    return Rows(heads, lowest[point], np.full(n.size, np.inf), where, layer[point])


def mean_levels(problem: Problem, groups: Sequence[IntArray], place: Sequence[str], lowest: FloatArray, steps: IntArray) -> Rows:
    """Return that the area-weighted mean heads of groups of cells stay above limits at the ends of steps, see `cell_levels`."""
    area = np.broadcast_to(problem.grid.area, problem.grid.shape).ravel()
    size = np.array([group.size for group in groups], dtype=np.int64)
    cell = np.concatenate(groups) if len(groups) else np.zeros(0, dtype=np.int64)
    owner = np.repeat(np.arange(len(groups)), size)
    weight = area[cell] / np.bincount(owner, weights=area[cell], minlength=len(groups))[owner]
    n = len(groups)
    step = np.repeat(steps, n)
    row = (np.arange(steps.size)[:, None] * n + owner).ravel()
    heads = HeadSums(
        tuple(place) * steps.size, "m", step, row, np.repeat(steps, cell.size), np.tile(cell, steps.size),
        np.tile(weight, steps.size), np.zeros(step.size),
    )  # fmt: skip
    return Rows(heads, np.tile(lowest, steps.size), np.full(step.size, np.inf), tuple(place) * steps.size, np.full(step.size, -1))


def front_gradients(problem: Problem, inside: BoolArray, layers: Sequence[int], least: float, steps: IntArray) -> Rows:
    """Return that across the edge of an area the head falls into it by a gradient or more: saline water stays where it is.

    Parameters
    ----------
    inside : ndarray of bool
        The area in plan, shape ``(n_y, n_x)``.
    layers : sequence of int
        From 0.
    least : float
        Gradient, positive into the area; 1.
    steps : ndarray of int
        Steps at whose ends it holds.
    """
    grid = problem.grid
    number = np.arange(grid.n_cell).reshape(grid.shape)
    along_x = np.broadcast_to(0.5 * (grid.dx[1:] + grid.dx[:-1]), (grid.dy.size, grid.dx.size - 1))
    along_y = np.broadcast_to(0.5 * (grid.dy[1:] + grid.dy[:-1])[:, None], (grid.dy.size - 1, grid.dx.size))
    every = slice(None)
    sides = ((every, slice(None, -1), every, slice(1, None), along_x), (slice(None, -1), every, slice(1, None), every, along_y))
    parts: list[tuple[IntArray, IntArray, FloatArray, IntArray]] = []
    for layer in layers:
        for j1, i1, j2, i2, distance in sides:
            first, second = (j1, i1), (j2, i2)
            active = grid.active[layer]
            edge = active[first] & active[second] & (inside[first] != inside[second])
            one, other, into = number[layer][first][edge], number[layer][second][edge], inside[second][edge]
            where = np.full(one.size, layer, dtype=np.int64)
            parts.append((np.where(into, one, other), np.where(into, other, one), distance[edge], where))
    fresh, saline, gap, k = (np.concatenate([part[n] for part in parts]) for n in range(4))
    point, step = np.tile(np.arange(fresh.size), steps.size), np.repeat(steps, fresh.size)
    n = np.arange(point.size)
    names = np.array([f"front at {grid.describe(int(cell))}" for cell in fresh])
    heads = HeadSums(
        tuple(names[point]), "1", step, np.concatenate([n, n]), np.concatenate([step, step]),
        np.concatenate([fresh[point], saline[point]]), np.concatenate([1.0 / gap[point], -1.0 / gap[point]]), np.zeros(n.size),
    )  # fmt: skip
    return Rows(heads, np.full(n.size, least), np.full(n.size, np.inf), tuple(names[point]), k[point])
