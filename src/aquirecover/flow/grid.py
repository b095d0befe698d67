"""The grid: cell sizes, layer surfaces, active cells, and where a point lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray, field_of


@dataclass(frozen=True, eq=False)
class Grid:
    """A layered grid of rectangular cells with variable spacing.

    Row 0 is the northern one (y descends), column 0 the western one, layer 0 the top one; files and messages count
    layers, rows and columns from 1. A cell has a flat number, ``(layer * n_y + row) * n_x + column``, from 0.

    Parameters
    ----------
    dx, dy : array_like
        Cell sizes along x, shape ``(n_x,)``, and along y from north to south, shape ``(n_y,)``; m.
    top : array_like
        Top of the uppermost layer, shape ``(n_y, n_x)`` or a scalar; m.
    bottom : array_like
        Bottom of each layer, shape ``(n_layer, n_y, n_x)`` or ``(n_layer,)``; m.
    active : array_like of bool, optional
        Cells that take part, shape ``(n_layer, n_y, n_x)``; all by default.
    pass_through : array_like of bool, optional
        Cells of no thickness through which water passes vertically, from the cell above to the one below
        (``idomain`` -1 of MODFLOW 6); they must not be active.
    x_min, y_max : float
        West and north edges, m.
    layer_names : tuple of str, optional
        ``1``, ``2``, … by default.

    Raises
    ------
    ValueError
        When shapes do not fit. Values are checked by `Problem.check`.
    """

    dx: FloatArray
    dy: FloatArray
    top: FloatArray
    bottom: FloatArray
    active: BoolArray
    pass_through: BoolArray
    x_min: float
    y_max: float
    layer_names: tuple[str, ...]

    def __init__(
        self,
        dx: ArrayLike,
        dy: ArrayLike,
        top: ArrayLike,
        bottom: ArrayLike,
        active: ArrayLike = True,
        pass_through: ArrayLike = False,
        x_min: float = 0.0,
        y_max: float | None = None,
        layer_names: tuple[str, ...] | None = None,
    ) -> None:
        x_size = np.array(dx, dtype=np.float64, ndmin=1)
        y_size = np.array(dy, dtype=np.float64, ndmin=1)
        surfaces = np.asarray(bottom, dtype=np.float64)
        n_layer = 1 if surfaces.ndim == 0 else surfaces.shape[0]
        shape = (n_layer, y_size.size, x_size.size)
        fields = {
            "dx": x_size,
            "dy": y_size,
            "top": field_of(top, (1, *shape[1:]), "top")[0],
            "bottom": field_of(surfaces, shape, "bottom"),
            "active": np.broadcast_to(np.asarray(active, dtype=bool), shape).copy(),
            "pass_through": np.broadcast_to(np.asarray(pass_through, dtype=bool), shape).copy(),
        }
        for name, array in fields.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "x_min", float(x_min))
        object.__setattr__(self, "y_max", float(y_size.sum() if y_max is None else y_max))
        names = tuple(str(i + 1) for i in range(n_layer)) if layer_names is None else tuple(layer_names)
        if len(names) != n_layer:
            raise ValueError(f"layer_names has {len(names)} names: there are {n_layer} layers.")
        object.__setattr__(self, "layer_names", names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(n_layer, n_y, n_x)``."""
        n_layer, n_y, n_x = self.bottom.shape
        return n_layer, n_y, n_x

    @property
    def n_cell(self) -> int:
        """Number of cells, active or not."""
        return int(self.bottom.size)

    @cached_property
    def x_edge(self) -> FloatArray:
        """Column edges from west to east, shape ``(n_x + 1,)``, m."""
        return self.x_min + np.concatenate(([0.0], np.cumsum(self.dx)))

    @cached_property
    def y_edge(self) -> FloatArray:
        """Row edges from north to south, shape ``(n_y + 1,)``, m."""
        return self.y_max - np.concatenate(([0.0], np.cumsum(self.dy)))

    @cached_property
    def x(self) -> FloatArray:
        """Column centres, ascending, shape ``(n_x,)``, m."""
        return 0.5 * (self.x_edge[1:] + self.x_edge[:-1])

    @cached_property
    def y(self) -> FloatArray:
        """Row centres, descending, shape ``(n_y,)``, m."""
        return 0.5 * (self.y_edge[1:] + self.y_edge[:-1])

    @cached_property
    def area(self) -> FloatArray:
        """Plan area of the cells, shape ``(n_y, n_x)``, m²."""
        return self.dy[:, None] * self.dx[None, :]

    @property
    def layer_top(self) -> FloatArray:
        """Top of each cell, shape ``(n_layer, n_y, n_x)``, m."""
        return np.concatenate((self.top[None], self.bottom[:-1]))

    @cached_property
    def thickness(self) -> FloatArray:
        """Thickness of each cell, shape ``(n_layer, n_y, n_x)``, m."""
        result = np.empty(self.shape)
        # where a surface is not known neither is the thickness
        with np.errstate(invalid="ignore"):
            np.subtract(self.top, self.bottom[0], out=result[0])
            np.subtract(self.bottom[:-1], self.bottom[1:], out=result[1:])
        return result

    def cell(self, layer: ArrayLike, row: ArrayLike, column: ArrayLike) -> IntArray:
        """Return flat cell numbers of zero-based layers, rows and columns, which broadcast to shape ``(n,)``."""
        found = np.ravel_multi_index(np.broadcast_arrays(layer, row, column), self.shape)
        return np.atleast_1d(np.asarray(found, dtype=np.int64))

    def indices(self, cell: ArrayLike) -> tuple[IntArray, IntArray, IntArray]:
        """Return zero-based layers, rows and columns of flat cell numbers, each of shape ``(n,)``."""
        layer, row, column = np.unravel_index(np.atleast_1d(np.asarray(cell, dtype=np.int64)), self.shape)
        return layer.astype(np.int64), row.astype(np.int64), column.astype(np.int64)

    def describe(self, cell: int) -> str:
        """Return ``layer 1, row 30, column 12`` (counted from 1) for messages; a named layer shows its name."""
        layer, row, column = (int(i[0]) for i in self.indices(cell))
        name = self.layer_names[layer]
        label = str(layer + 1) if name == str(layer + 1) else f"{layer + 1} ({name})"
        return f"layer {label}, row {row + 1}, column {column + 1}"

    def locate(self, x: ArrayLike, y: ArrayLike, layer: ArrayLike) -> IntArray:
        """Return the flat numbers of the cells that hold points of given zero-based layers.

        A point on an edge between two cells belongs to the eastern or southern one; on the outer edge it is inside.

        Parameters
        ----------
        x, y : array_like
            Coordinates, broadcast to shape ``(n,)``; m.
        layer : array_like of int
            Zero-based layer of each point.

        Returns
        -------
        ndarray of int
            Shape ``(n,)``; -1 for a point outside the grid.
        """
        px, py, pk = np.broadcast_arrays(np.atleast_1d(np.asarray(x, dtype=np.float64)), y, layer)
        column = _interval(self.x_edge, px)
        row = _interval(-self.y_edge, -np.asarray(py, dtype=np.float64))
        inside = (column >= 0) & (row >= 0) & (pk >= 0) & (pk < self.shape[0])
        cell = (np.asarray(pk, dtype=np.int64) * self.shape[1] + row) * self.shape[2] + column
        return np.where(inside, cell, -1)


def _interval(edge: FloatArray, value: FloatArray) -> IntArray:
    """Return the interval of ascending `edge` that holds each value, -1 outside; NaN is outside."""
    found = np.searchsorted(edge, value, side="right").astype(np.int64) - 1
    found[value == edge[-1]] = edge.size - 2
    found[~((value >= edge[0]) & (value <= edge[-1]))] = -1
    return found
