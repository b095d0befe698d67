"""The rules of a limit file as quantities and constraints on a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.study.flow_quantities import FaceFlow, StoredWater
from aquirecover.study.quantities import HeadSums, Quantities, StressOutflow
from aquirecover.study.well_levels import Screens, WaterTableLevels

# Metres of a kilometre: gradients are told, and their sides kept, in metres per kilometre.
KILOMETRE = 1000.0
# Radius at which the head of a square cell stands, as a share of its side (Peaceman 1978, SPE Journal 18).
PEACEMAN = 0.208
# Least height of a limit above the bottom of its cell, as a share of the thickness, that levels in wells are told from.
LEAST = 0.1


@dataclass(frozen=True, eq=False)
class Rows:
    """Quantities of one rule and the sides they must keep to.

    Parameters
    ----------
    family : Quantities
        The quantities.
    lower, upper : ndarray
        Shape ``(n,)``.
    place : tuple of str
        Where each holds, for people.
    layer : ndarray of int
        Layer of each from 0, -1 where several count.
    cell : ndarray of int
        Flat number of the cell each belongs to, -1 where several count.
    """

    family: Quantities
    lower: FloatArray
    upper: FloatArray
    place: tuple[str, ...]
    layer: IntArray
    cell: IntArray

    def turned(self) -> Rows:
        """Return the rows with their lower sides as upper ones."""
        return replace(self, lower=np.full(self.lower.size, -np.inf), upper=self.lower)


def well_screens(problem: Problem, radius: FloatArray) -> Screens:
    """Return the screens of all wells, with the Thiem drawdown from the cell to the well.

    ``level = h − Q ln(r_cell / r_well) / (2 π T)`` with ``r_cell = 0.208 √(Δx Δy)`` where the cell is full; see
    `well_levels.level_in_well` for a water table.

    Parameters
    ----------
    radius : ndarray
        Of the wells, shape ``(n_well,)``; m.
    """
    names = [name for wells in problem.wells for name in wells.names]
    starts = np.cumsum([0, *(len(wells.names) for wells in problem.wells)])
    number = np.concatenate([wells.well + start for wells, start in zip(problem.wells, starts, strict=False)])
    cell = np.concatenate([wells.cell for wells in problem.wells])
    fraction = np.concatenate([wells.fraction for wells in problem.wells])
    _, row, column = problem.grid.indices(cell)
    reach = PEACEMAN * np.sqrt(problem.grid.dx[column] * problem.grid.dy[row])
    flow = problem.properties.k.ravel()[cell] * problem.grid.thickness.ravel()[cell]
    loss = -fraction * np.log(np.maximum(reach / radius[number], 1.0)) / (2.0 * np.pi * flow)
    return _screens(problem, tuple(f"well {names[n]}" for n in number), cell, number, loss)


def points(problem: Problem, cell: IntArray, places: Sequence[str]) -> Screens:
    """Return points of the aquifer, where levels are the heads of their cells."""
    return _screens(problem, tuple(places), cell, np.zeros(cell.size, dtype=np.int64), np.zeros(cell.size))


def _screens(problem: Problem, places: tuple[str, ...], cell: IntArray, well: IntArray, loss: FloatArray) -> Screens:
    layer, _, _ = problem.grid.indices(cell)
    grid, table = problem.grid, problem.properties.convertible.ravel()[cell]
    return Screens(places, cell, layer, well, loss, table, grid.bottom.ravel()[cell], grid.thickness.ravel()[cell])


def screen_sums(
    names: Sequence[str], step: IntArray, row: IntArray, at: IntArray, weight: FloatArray, screens: Screens, lowest: FloatArray
) -> Quantities:
    """Return sums of levels: linear ones where no pumped cell has a water table.

    Parameters
    ----------
    names, step
        Of the quantities.
    row, at : ndarray of int
        Quantity and step of each term, shape ``(n_term,)``.
    weight : ndarray
        Of each term.
    screens : Screens
        Of each term.
    lowest : ndarray
        Limit of the level of each term; m. Levels are exact above half its height over the bottom.
    """
    pumped = screens.loss != 0.0
    if (screens.water_table & pumped).any():
        least = 0.5 * np.clip(lowest - screens.bottom, LEAST * screens.thickness, screens.thickness)
        return WaterTableLevels(tuple(names), "m", step, row, at, weight, screens, least)
    return HeadSums(
        tuple(names), "m", step, row, at, screens.cell, weight, np.zeros(len(names)), row[pumped], screens.well[pumped],
        (weight * screens.loss)[pumped], at[pumped],
    )  # fmt: skip


def screen_levels(screens: Screens, lowest: FloatArray, steps: IntArray) -> Rows:
    """Return that levels stay above a limit.

    Parameters
    ----------
    screens : Screens
        Where.
    lowest : ndarray
        Of each place, shape ``(n_place,)``; m.
    steps : ndarray of int
        Steps at whose ends it holds.
    """
    point = np.tile(np.arange(screens.cell.size), steps.size)
    step = np.repeat(steps, screens.cell.size)
    row = np.arange(point.size)
    places = screens.places * steps.size
    levels = screen_sums(places, step, row, step, np.ones(row.size), screens.some(point), lowest[point])
    return Rows(levels, lowest[point], np.full(row.size, np.inf), places, screens.layer[point], screens.cell[point])


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
    return Rows(heads, lowest[point], np.full(n.size, np.inf), where, layer[point], cell[point])


def mean_levels(problem: Problem, groups: Sequence[IntArray], place: Sequence[str], lowest: FloatArray, steps: IntArray) -> Rows:
    """Return that the area-weighted mean heads of groups of cells of a layer stay above limits at the ends of steps.

    See `cell_levels`.
    """
    area = np.broadcast_to(problem.grid.area, problem.grid.shape).ravel()
    cell, owner = _members(groups)
    n = len(groups)
    weight = area[cell] / np.bincount(owner, weights=area[cell], minlength=n)[owner]
    row, at, many = _at_steps(owner, cell, n, steps)
    step = np.repeat(steps, n)
    heads = HeadSums(
        tuple(place) * steps.size, "m", step, row, at, many, np.tile(weight, steps.size), np.zeros(step.size)
    )  # fmt: skip
    return _of_groups(problem, heads, groups, np.tile(lowest, steps.size), place, steps)


def least_storage(problem: Problem, groups: Sequence[IntArray], place: Sequence[str], least: FloatArray, steps: IntArray) -> Rows:
    """Return that the water stored in groups of cells of a layer stays above volumes, m³, at the ends of steps."""
    cell, owner = _members(groups)
    n = len(groups)
    row, at, many = _at_steps(owner, cell, n, steps)
    step = np.repeat(steps, n)
    stored = StoredWater(tuple(place) * steps.size, step, row, at, many, np.ones(row.size), np.zeros(step.size))
    return _of_groups(problem, stored, groups, np.tile(least, steps.size), place, steps)


def kept_storage(
    problem: Problem, groups: Sequence[IntArray], place: Sequence[str], share: float, step: int, steps: IntArray
) -> Rows:
    """Return that the water stored in groups of cells stays above a share of that at the end of a step, at the ends of others."""
    cell, owner = _members(groups)
    n = len(groups)
    row, at, many = _at_steps(owner, cell, n, steps)
    last = np.repeat(steps, n)
    stored = StoredWater(
        tuple(place) * steps.size,
        np.maximum(last, step),
        np.concatenate([row, row]),
        np.concatenate([at, np.full(row.size, step)]),
        np.concatenate([many, many]),
        np.repeat([1.0, -share], row.size),
        np.zeros(last.size),
    )
    return _of_groups(problem, stored, groups, np.zeros(last.size), place, steps)


def _members(groups: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """Return the cells of all groups and the number of the group of each."""
    cell = np.concatenate(groups) if len(groups) else np.zeros(0, dtype=np.int64)
    return cell, np.repeat(np.arange(len(groups)), np.array([group.size for group in groups], dtype=np.int64))


def _at_steps(owner: IntArray, cell: IntArray, n: int, steps: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return quantity, step and cell of terms that are the same at each of some steps, n quantities a step."""
    row = (np.arange(steps.size)[:, None] * n + owner).ravel()
    return row, np.repeat(steps, cell.size), np.tile(cell, steps.size)


def _of_groups(
    problem: Problem,
    family: Quantities,
    groups: Sequence[IntArray],
    lowest: FloatArray,
    place: Sequence[str],
    steps: IntArray,
) -> Rows:
    """Return rows of groups of cells, each in one layer, at steps."""
    layer = np.array([int(problem.grid.indices(group[:1])[0][0]) for group in groups], dtype=np.int64)
    n = lowest.size
    return Rows(
        family, lowest, np.full(n, np.inf), tuple(place) * steps.size, np.tile(layer, steps.size), np.full(n, -1, dtype=np.int64)
    )


def edge_pairs(grid: Grid, inside: BoolArray, layers: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Return the active cells outside and inside an area in plan, shape ``(n_y, n_x)``, that meet at its edge; flat numbers."""
    number = np.arange(grid.n_cell).reshape(grid.shape)
    every, begin, end = slice(None), slice(None, -1), slice(1, None)
    outer, inner = [], []
    for layer in layers:
        for first, second in (((every, begin), (every, end)), ((begin, every), (end, every))):
            active = grid.active[layer]
            edge = active[first] & active[second] & (inside[first] != inside[second])
            one, other, into = number[layer][first][edge], number[layer][second][edge], inside[second][edge]
            outer.append(np.where(into, one, other))
            inner.append(np.where(into, other, one))
    none = np.zeros(0, dtype=np.int64)
    return np.concatenate([none, *outer]), np.concatenate([none, *inner])


def distances(grid: Grid, first: IntArray, second: IntArray) -> FloatArray:
    """Return the distances in plan between the centres of cells, shape ``(n,)``; m."""
    (_, row, column), (_, other_row, other_column) = grid.indices(first), grid.indices(second)
    return np.hypot(grid.x[column] - grid.x[other_column], grid.y[row] - grid.y[other_row])


def head_differences(
    problem: Problem,
    high: IntArray,
    low: IntArray,
    place: Sequence[str],
    steps: IntArray,
    least: float = -np.inf,
    most: float = np.inf,
    *,
    gradient: bool = False,
) -> Rows:
    """Return that heads of cells less those of others, or the gradients between them, keep to sides at the ends of steps.

    Parameters
    ----------
    high, low : ndarray of int
        Cells, positive where the first is higher, shape ``(n,)``.
    place : sequence of str
        Of each pair.
    steps : ndarray of int
        Steps at whose ends it holds.
    least, most : float
        m, or for gradients metres per metre between the centres of the cells.
    gradient : bool
        Whether these are gradients, which the rows have in m/km.
    """
    point, step = np.tile(np.arange(high.size), steps.size), np.repeat(steps, high.size)
    n = np.arange(point.size)
    factor = KILOMETRE / distances(problem.grid, high, low) if gradient else np.ones(high.size)
    where = tuple(place[i] for i in point)
    heads = HeadSums(
        where, "m/km" if gradient else "m", step, np.concatenate([n, n]), np.concatenate([step, step]),
        np.concatenate([high[point], low[point]]), np.concatenate([factor[point], -factor[point]]), np.zeros(n.size),
    )  # fmt: skip
    layer, _, _ = problem.grid.indices(high)
    per = KILOMETRE if gradient else 1.0
    return Rows(heads, np.full(n.size, per * least), np.full(n.size, per * most), where, layer[point], high[point])


def flow_across(near: IntArray, far: IntArray, place: str, spans: Sequence[tuple[int, int]], least: float, most: float) -> Rows:
    """Return that the mean flow from cells into their neighbours keeps to sides, m³/d, over spans of steps.

    Parameters
    ----------
    near, far : ndarray of int
        Cells on both sides, shape ``(n_face,)``.
    place : str
        Of the line.
    spans : sequence of (int, int)
        First and last step of each mean, both counted.
    least, most : float
        m³/d.
    """
    n = len(spans)
    row, face = np.repeat(np.arange(n), near.size), np.tile(np.arange(near.size), n)
    first, last = (np.array(side, dtype=np.int64) for side in zip(*spans, strict=True))
    flow = FaceFlow((place,) * n, row, near[face], far[face], first, last)
    return _whole(flow, n, place, least, most)


def boundary_outflow(
    problem: Problem, stress: str, item: IntArray, place: str, spans: Sequence[tuple[int, int]], least: float, most: float
) -> Rows:
    """Return that the mean outflow by items of a boundary, such as reaches of a river, keeps to sides; see `flow_across`."""
    n = len(spans)
    first, last = (np.array(side, dtype=np.int64) for side in zip(*spans, strict=True))
    cell = next(s for s in problem.stresses if s.name == stress).cell
    flow = StressOutflow((place,) * n, stress, (item,) * n, first, last, cell)
    return _whole(flow, n, place, least, most)


def _whole(family: Quantities, n: int, place: str, least: float, most: float) -> Rows:
    none = np.full(n, -1, dtype=np.int64)
    return Rows(family, np.full(n, least), np.full(n, most), (place,) * n, none, none)
