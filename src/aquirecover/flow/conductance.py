"""Conductances of the faces between cells at full saturation."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.faces import Faces
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import FlowBarrier


def conductances(problem: Problem) -> Faces:
    """Return the conductances of a problem.

    Horizontal ones are harmonic from transmissivity, vertical ones in series over half thicknesses or from the leakance
    (MODFLOW 6, Langevin et al. 2017, TM6-A55, eq. 4-8 to 4-16). Flow barriers act in series with their face.
    """
    grid, properties = problem.grid, problem.properties
    harmonic = properties.averaging == "harmonic"
    near_x, near_y = (np.zeros(grid.shape if harmonic else (0, 0, 0)) for _ in range(2))
    result = Faces(np.zeros(grid.shape), np.zeros(grid.shape), _vertical(problem), near_x, near_y, harmonic)
    x_width, y_width = np.broadcast_arrays(grid.dx[None, :], grid.dy[:, None])
    for k in range(grid.shape[0]):
        thickness = np.where(grid.active[k], grid.thickness[k], 0.0)
        _harmonic(properties.k[k] * thickness, x_width, y_width, result.cx[k], near_x[k] if harmonic else None)
        along_y = (properties.k22[k] * thickness).T
        _harmonic(along_y, y_width.T, x_width.T, result.cy[k].T, near_y[k].T if harmonic else None)
    for barrier in problem.barriers:
        _apply_barrier(grid, barrier, result)
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
    grid, properties = problem.grid, problem.properties
    n_layer = grid.shape[0]
    if n_layer == 1:
        return np.zeros(grid.shape)
    half = np.divide(0.5 * grid.thickness, properties.k33, out=np.zeros(grid.shape), where=grid.active)
    cz = np.zeros(grid.shape)
    for upper in range(n_layer - 1):
        for lower in range(upper + 1, n_layer):
            between = grid.pass_through[upper + 1 : lower].all(axis=0)
            joined = grid.active[upper] & grid.active[lower] & between
            if not joined.any():
                continue
            given = properties.leakance[upper]
            resistance = half[upper] + half[lower]
            leakance = np.where(np.isnan(given), np.divide(1.0, resistance, out=np.zeros_like(resistance), where=joined), given)
            # n faces in series, each of n times the conductance, let the pass-through cells between be ordinary unknowns
            faces = lower - upper
            cz[upper:lower] += np.where(joined, faces * leakance * grid.area, 0.0)
    return cz


def flowing_cells(grid: Grid) -> BoolArray:
    """Return the cells that carry flow: active ones, and pass-through ones between two active ones of their column."""
    if not grid.pass_through.any():
        return grid.active.copy()
    above = np.logical_or.accumulate(grid.active, axis=0)
    below = np.logical_or.accumulate(grid.active[::-1], axis=0)[::-1]
    barred = ~(grid.active | grid.pass_through)
    carries = grid.active.copy()
    inside = np.zeros(grid.shape[1:], dtype=bool)
    for layer in range(grid.shape[0]):
        inside = np.where(grid.active[layer], True, inside & ~barred[layer])
        carries[layer] |= grid.pass_through[layer] & inside & above[layer]
    inside[:] = False
    for layer in range(grid.shape[0] - 1, -1, -1):
        inside = np.where(grid.active[layer], True, inside & ~barred[layer])
        carries[layer] &= grid.active[layer] | (inside & below[layer])
    return carries


def _apply_barrier(grid: Grid, barrier: FlowBarrier, faces: Faces) -> None:
    """Put a barrier in series with its faces; its thickness is the mean of both cells."""
    first, second = np.minimum(barrier.cell, barrier.neighbour), np.maximum(barrier.cell, barrier.neighbour)
    along_x = second - first == 1
    thickness = grid.thickness.ravel()
    _, row, column = grid.indices(first)
    width = np.where(along_x, grid.dy[row], grid.dx[column])
    barrier_c = barrier.hydraulic_characteristic * 0.5 * (thickness[first] + thickness[second]) * width
    for array, chosen in ((faces.cx, along_x), (faces.cy, ~along_x)):
        flat, cell, extra = array.reshape(-1), first[chosen], barrier_c[chosen]
        total = flat[cell] + extra
        flat[cell] = np.divide(flat[cell] * extra, total, out=np.zeros_like(total), where=total > 0.0)
