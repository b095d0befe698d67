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
    thickness = np.where(grid.active, grid.thickness, 0.0)
    x_width, y_width = np.broadcast_arrays(grid.dx[None, :], grid.dy[:, None])
    along_x, along_y = properties.k * thickness, properties.k22 * thickness
    cx, near_x = np.zeros(grid.shape), np.zeros(grid.shape)
    cy, near_y = np.zeros(grid.shape), np.zeros(grid.shape)
    cx[:, :, :-1], near_x[:, :, :-1] = _harmonic(
        along_x[:, :, :-1], along_x[:, :, 1:], x_width[:, :-1], x_width[:, 1:], y_width[:, :-1]
    )
    cy[:, :-1], near_y[:, :-1] = _harmonic(along_y[:, :-1], along_y[:, 1:], y_width[:-1], y_width[1:], x_width[:-1])
    harmonic = properties.averaging == "harmonic"
    if not harmonic:
        near_x = near_y = np.zeros((0, 0, 0))
    result = Faces(cx, cy, _vertical(problem), near_x, near_y, harmonic)
    for barrier in problem.barriers:
        _apply_barrier(grid, barrier, result)
    return result


def _harmonic(
    t1: FloatArray, t2: FloatArray, size1: FloatArray, size2: FloatArray, width: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ``2 T1 T2 width / (T1 size2 + T2 size1)`` and the first cell's share of the resistance; zero where a T is."""
    below = t1 * size2 + t2 * size1
    flows = below > 0.0
    c = np.divide(2.0 * t1 * t2 * width, below, out=np.zeros_like(below), where=flows)
    return c, np.divide(t2 * size1, below, out=np.zeros_like(below), where=flows)


def _vertical(problem: Problem) -> FloatArray:
    """Return vertical conductances, through pass-through cells where there are any."""
    grid, properties = problem.grid, problem.properties
    n_layer = grid.shape[0]
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
