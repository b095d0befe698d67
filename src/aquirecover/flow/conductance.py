"""Conductances of the faces between cells at full saturation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.faces import Faces, Halves
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import FlowBarrier


def conductances(problem: Problem) -> Faces:
    """Return the conductances of a problem.

    Horizontal ones are harmonic from transmissivity, vertical ones in series over half thicknesses or from the leakance
    (MODFLOW 6, Langevin et al. 2017, TM6-A55, eq. 4-8 to 4-16). Flow barriers act in series with their face.
    """
    result = open_faces(problem)
    for barrier in problem.barriers:
        for part in barred_faces(problem.grid, barrier, result):
            before, cell = part.c[part.cell], part.cell
            part.c[cell] = in_series(before, barrier.hydraulic_characteristic[part.chosen] * part.per_characteristic)
            if result.harmonic:
                left = np.divide(part.c[cell], before, out=np.ones_like(before), where=before > 0.0)
                part.wall[cell] = 1.0 - (1.0 - part.wall[cell]) * left
                part.lean[cell] = part.height
    return result


def open_faces(problem: Problem, shares: bool = False) -> Faces:
    """Return the conductances without flow barriers; with the shares of resistance, if asked for, whatever the averaging."""
    grid, properties = problem.grid, problem.properties
    harmonic = properties.averaging == "harmonic"
    kept = harmonic or shares
    x, y = (Halves(*(np.zeros(grid.shape if kept else (0, 0, 0)) for _ in range(3))) for _ in range(2))
    result = Faces(np.zeros(grid.shape), np.zeros(grid.shape), _vertical(problem), x, y, harmonic)
    x_width, y_width = np.broadcast_arrays(grid.dx[None, :], grid.dy[:, None])
    for k in range(grid.shape[0]):
        thickness = np.where(grid.active[k], grid.thickness[k], 0.0)
        _harmonic(properties.k[k] * thickness, x_width, y_width, result.cx[k], x.near[k] if kept else None)
        along_y = (properties.k22[k] * thickness).T
        _harmonic(along_y, y_width.T, x_width.T, result.cy[k].T, y.near[k].T if kept else None)
    return result


def _harmonic(t: FloatArray, size: FloatArray, width: FloatArray, c: FloatArray, share: FloatArray | None) -> None:
    """Fill ``2 T1 T2 width / (T1 size2 + T2 size1)`` of neighbours along the last axis; it is left zero where a T is.

    The first one's share of the resistance is filled where it is asked for.
    """
    t1, t2, size1, size2 = t[:, :-1], t[:, 1:], size[:, :-1], size[:, 1:]
    first, below = t2 * size1, t1 * size2
    below += first
    flows = below > 0.0
    flow = t1 * t2
    flow *= 2.0 * width[:, :-1]
    np.divide(flow, below, out=c[:, :-1], where=flows)
    if share is not None:
        np.divide(first, below, out=share[:, :-1], where=flows)


def _vertical(problem: Problem) -> FloatArray:
    """Return vertical conductances, through pass-through cells where there are any."""
    cz = np.zeros(problem.grid.shape)
    for upper, lower, joined, leakance in vertical_leakance(problem):
        # n faces in series, each of n times the conductance, let the pass-through cells between be ordinary unknowns
        cz[upper:lower] += np.where(joined, (lower - upper) * leakance * problem.grid.area, 0.0)
    return cz


def vertical_leakance(problem: Problem) -> Iterator[tuple[int, int, BoolArray, FloatArray]]:
    """Yield for two layers where they are joined, with pass-through cells alone between them, and the leakance there, 1/d."""
    grid, properties = problem.grid, problem.properties
    if grid.shape[0] == 1:
        return
    half = np.divide(0.5 * grid.thickness, properties.k33, out=np.zeros(grid.shape), where=grid.active)
    for upper, lower in combinations(range(grid.shape[0]), 2):
        between = grid.pass_through[upper + 1 : lower].all(axis=0)
        joined = grid.active[upper] & grid.active[lower] & between
        if joined.any():
            given, resistance = properties.leakance[upper], half[upper] + half[lower]
            own = np.divide(1.0, resistance, out=np.zeros_like(resistance), where=joined)
            yield upper, lower, joined, np.where(np.isnan(given), own, given)


def flowing_cells(grid: Grid, fixed: BoolArray | None = None) -> BoolArray:
    """Return the cells that carry flow: active ones, and pass-through ones between two active ones of their column.

    Those between two `fixed` heads are left out: the water there is no part of the model.
    """
    if not grid.pass_through.any():
        return grid.active.copy()
    held = np.zeros(grid.shape, dtype=bool) if fixed is None else fixed
    between = [_next_to(grid, held, layers) for layers in (range(grid.shape[0]), range(grid.shape[0] - 1, -1, -1))]
    (above, held_above), (below, held_below) = between
    return grid.active | (grid.pass_through & above & below & ~(held_above & held_below))


def _next_to(grid: Grid, held: BoolArray, layers: range) -> tuple[BoolArray, BoolArray]:
    """Return where pass-through cells alone lie between a cell and an active one before it, and whether that one is held."""
    found, of_held = np.zeros((2, *grid.shape), dtype=bool)
    active, is_held = np.zeros((2, *grid.shape[1:]), dtype=bool)
    for layer in layers:
        found[layer], of_held[layer] = active, is_held
        here, through = grid.active[layer], grid.pass_through[layer]
        active, is_held = here | (through & active), np.where(here, held[layer], through & is_held)
    return found, of_held


class BarredFaces(NamedTuple):
    """Faces along one axis that a flow barrier bars, n of them.

    Parameters
    ----------
    c, wall, lean : ndarray
        Of all faces, flat, see `Faces` and `Halves`.
    cell : ndarray of int
        Places in them, shape ``(n,)``.
    per_characteristic : ndarray
        Conductance of the barrier over its hydraulic characteristic, m²; it is as high as the mean of both cells.
    height : ndarray
        Share of the western or northern cell in that height; 1.
    chosen : ndarray of bool
        Which items of the barrier these are.
    """

    c: FloatArray
    wall: FloatArray
    lean: FloatArray
    cell: IntArray
    per_characteristic: FloatArray
    height: FloatArray
    chosen: BoolArray


def barred_faces(grid: Grid, barrier: FlowBarrier, faces: Faces) -> Iterator[BarredFaces]:
    """Yield the faces along x and those along y that a barrier bars."""
    first, second = np.minimum(barrier.cell, barrier.neighbour), np.maximum(barrier.cell, barrier.neighbour)
    along_x = second - first == 1
    near, far = grid.thickness.ravel()[first], grid.thickness.ravel()[second]
    _, row, column = grid.indices(first)
    area = 0.5 * (near + far) * np.where(along_x, grid.dy[row], grid.dx[column])
    height = np.divide(near, near + far, out=np.zeros_like(near), where=near + far > 0.0)
    for c, halves, chosen in ((faces.cx, faces.x, along_x), (faces.cy, faces.y, ~along_x)):
        own = (c.reshape(-1), halves.wall.reshape(-1), halves.lean.reshape(-1))
        yield BarredFaces(*own, first[chosen], area[chosen], height[chosen], chosen)


def in_series(c: FloatArray, other: FloatArray) -> FloatArray:
    """Return ``c other / (c + other)``, 0 where both are."""
    total = c + other
    return np.divide(c * other, total, out=np.zeros_like(total), where=total > 0.0)
