"""A quarter of a plane around a well, for exact solutions of radial flow: small cells at the well, growing outwards."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.flow.stresses import Wells

# cells a thousand times longer than wide are no work for a point-wise smoother
DIRECT = SimulateSettings(linear=LinearSettings(method="direct"))


def quarter_grid(first: float, growth: float, reach: float, distance: float, thickness: float = 10.0) -> tuple[Grid, int]:
    """Return a grid whose south-western corner is the well and the column whose node lies `distance` away from it.

    Both axes are lines of symmetry, so the corner cell carries a quarter of the rate. Its node is half a cell off the corner on
    both axes: four wells of a quarter each around the corner, whose field differs from that of one well by the fourth power of
    the cell size over the distance. All cells are stretched a little so that a node of the southern row lies at exactly
    `distance`.
    """
    n = int(np.ceil(np.log(1.0 + reach / first * (growth - 1.0)) / np.log(growth)))
    size = first * growth ** np.arange(n)
    centre = np.cumsum(size) - 0.5 * size
    column = int(np.argmin(np.abs(np.hypot(centre, 0.5 * first) - distance)))
    size *= distance / np.hypot(centre[column], 0.5 * first)
    return Grid(dx=size, dy=size[::-1], top=0.0, bottom=[-thickness]), column


def quarter_well(grid: Grid, rate: FloatArray | float) -> Wells:
    """Return the well at the south-western corner with a quarter of a rate, a number or one value a period."""
    rates = np.asarray(rate, dtype=float) / 4.0
    return Wells(corner(grid), pumping_rate=rates[:, None] if rates.ndim else rates)


def corner(grid: Grid, column: int = 0) -> IntArray:
    """Return the cell of the southern row in a column."""
    return grid.cell(0, grid.shape[1] - 1, column)


def outer_cells(grid: Grid) -> IntArray:
    """Return the northern and eastern cells, where the far field is held."""
    _, n_y, n_x = grid.shape
    return np.unique(np.concatenate((grid.cell(0, 0, np.arange(n_x)), grid.cell(0, np.arange(n_y), n_x - 1))))
