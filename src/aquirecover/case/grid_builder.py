"""The grid of a model: cells in plan at any cell size, layer surfaces, active cells, and properties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.case import geo
from aquirecover.case import model_config as schema
from aquirecover.case.site import SHOWN, Plan, Site, collecting
from aquirecover.errors import ResourceError
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.properties import AquiferProperties

LARGEST_GRID = 20_000_000


def build_plan(config: schema.Grid, n_layer: int, cell_size: float | None, site: Site) -> Plan:
    """Return the edges of columns and rows.

    The box is that of `extent`, or that of an area with its margin, grown outward to multiples of the cell size of the
    model: a run with another cell size covers the same box, with cells as near to that size as fit into it. In the buffer
    cells grow outward and end exactly at its width.

    Parameters
    ----------
    config : Grid
        Section of the model file.
    n_layer : int
        For the cap on the number of cells.
    cell_size : float or None
        Of the run, instead of the model's; m.
    site : Site
        Knows the area of `around`.

    Raises
    ------
    ResourceError
        When there would be too many cells.
    """
    size = config.cell_size if cell_size is None else cell_size
    west, south, east, north = _box(config, site)
    n_x, n_y = (max(1, round(width / size)) for width in (east - west, north - south))
    if n_layer * n_x * n_y > LARGEST_GRID:
        raise ResourceError(
            f"grid.cell_size = {size:g} m makes {n_layer} layers x {n_y} rows x {n_x} columns = {n_layer * n_y * n_x} cells: "
            f"at most {LARGEST_GRID} are allowed. Use a larger cell size."
        )
    x = west + (east - west) * np.arange(n_x + 1) / n_x
    y = north - (north - south) * np.arange(n_y + 1) / n_y
    steps = buffer_steps(config.buffer, size, config.growth)
    return Plan(
        np.concatenate((west - steps[::-1], x, east + steps)),
        np.concatenate((north + steps[::-1], y, south - steps)),
    )


def _box(config: schema.Grid, site: Site) -> geo.Extent:
    """Return the box without its buffer, m."""
    if config.extent is not None:
        west, south, east, north = config.extent
        return west, south, east, north
    import shapely

    low_x, low_y, high_x, high_y = shapely.bounds(site.places.area(str(config.around), "grid.around"))
    size, margin = config.cell_size, config.margin
    west, south = (size * np.floor((low - margin) / size) for low in (low_x, low_y))
    east, north = (size * np.ceil((high + margin) / size) for high in (high_x, high_y))
    return float(west), float(south), float(east), float(north)


def buffer_steps(width: float, size: float, growth: float) -> FloatArray:
    """Return the distances of the edges of growing cells from the box, the last one exactly `width`; m."""
    if width <= 0.0:
        return np.zeros(0)
    if growth == 1.0:
        n = int(np.ceil(width / size - 1e-9))
        return width * np.arange(1, n + 1) / n
    n = int(np.ceil(np.log1p(width / size * (growth - 1.0) / growth) / np.log(growth) - 1e-9))
    steps = np.cumsum(size * growth ** np.arange(1, max(n, 1) + 1))
    return np.asarray(steps * (width / steps[-1]))


@dataclass(frozen=True, eq=False)
class Ground:
    """The grid of a model with what follows from it.

    Parameters
    ----------
    plan : Plan
        The grid seen from above.
    grid : Grid
        With layer surfaces and active cells.
    properties : AquiferProperties
        Of every cell.
    surface : ndarray
        Ground, shape ``(n_y, n_x)``; m.
    aquifers : tuple of str
        Aquifer of each layer, empty for an aquitard.
    """

    plan: Plan
    grid: Grid
    properties: AquiferProperties
    surface: FloatArray
    aquifers: tuple[str, ...]

    def layer(self, name: str) -> int:
        """Return the zero-based number of a layer."""
        return self.grid.layer_names.index(name)

    @property
    def top_layer(self) -> IntArray:
        """Zero-based topmost active layer of each column, shape ``(n_y, n_x)``; -1 where none is active."""
        return np.where(self.grid.active.any(axis=0), np.argmax(self.grid.active, axis=0), -1)

    def cells(self, row: IntArray, column: IntArray, layer: str | None) -> tuple[IntArray, BoolArray]:
        """Return the flat cells of places in a layer, or in the topmost active one, and which of them are active."""
        number = self.top_layer[row, column] if layer is None else np.full(row.shape, self.layer(layer))
        cell = self.grid.cell(np.maximum(number, 0), row, column)
        return cell, (number >= 0) & self.grid.active.ravel()[cell]


def build_ground(config: schema.ModelConfig, plan: Plan, site: Site) -> Ground:
    """Return the grid and its properties; what is wrong with surfaces goes to the findings of the site.

    A layer is active `within` its area and `outside` another. Where it is not, it has no thickness, and water passes
    vertically between the layers above and below it.
    """
    n_layer = len(config.layers)
    active = np.zeros((n_layer, *plan.shape), dtype=bool)
    for number, (name, layer) in enumerate(config.layers.items()):
        with collecting(site.errors, f"layers.{name}"):
            active[number] = site.mask(plan, layer.within, layer.outside, f"layers.{name}")
    surface = np.zeros(plan.shape)
    with collecting(site.errors, "top"):
        surface = site.over(config.top, plan, np.any(active, axis=0, keepdims=True)[0], "top")
    bottom = _bottoms(config, plan, active, surface, site)
    grid = Grid(
        np.diff(plan.x_edge),
        -np.diff(plan.y_edge),
        surface,
        bottom,
        active,
        _pass_through(active),
        x_min=float(plan.x_edge[0]),
        y_max=float(plan.y_edge[0]),
        layer_names=tuple(config.layers),
    )
    aquifers = tuple(layer.aquifer or "" for layer in config.layers.values())
    return Ground(plan, grid, _properties(config, grid, plan, site), surface, aquifers)


def _pass_through(active: BoolArray) -> BoolArray:
    """Return inactive cells that have active ones above and below."""
    above = np.logical_or.accumulate(active, axis=0)
    below = np.logical_or.accumulate(active[::-1], axis=0)[::-1]
    return np.asarray(~active & above & below)


def _bottoms(config: schema.ModelConfig, plan: Plan, active: BoolArray, surface: FloatArray, site: Site) -> FloatArray:
    """Return the bottom of each layer, shape ``(n_layer, n_y, n_x)``; m."""
    bottom = np.zeros(active.shape)
    above = surface
    for number, (name, layer) in enumerate(config.layers.items()):
        thickness = np.ones(plan.shape)
        key = f"layers.{name}.{'bottom' if layer.thickness is None else 'thickness'}"
        with collecting(site.errors, key):
            if layer.thickness is not None:
                thickness = site.over(layer.thickness, plan, active[number], key)
            elif layer.bottom is not None:
                thickness = above - site.over(layer.bottom, plan, active[number], key)
        if layer.minimum_thickness > 0.0:
            thickness = np.maximum(thickness, layer.minimum_thickness)
        _check_surfaces(key, number, name, thickness, above, active[number], site)
        # a thickness that was refused goes on as 1 m, so that it is not reported again by all that depends on it
        bottom[number] = above - np.where(active[number], np.where(thickness > 0.0, thickness, 1.0), 0.0)
        above = bottom[number]
    return bottom


def _check_surfaces(
    key: str, number: int, name: str, thickness: FloatArray, above: FloatArray, active: BoolArray, site: Site
) -> None:
    """Report cells whose bottom is not below their top."""
    row, column = np.nonzero(active & ~(thickness > 0.0))
    if not row.size:
        return
    shown = [
        f"row {r + 1}, column {c + 1} (top {above[r, c]:.4g} m, bottom {above[r, c] - thickness[r, c]:.4g} m)"
        for r, c in zip(row[:SHOWN], column[:SHOWN], strict=True)
    ]
    site.errors.add(
        key,
        f"crosses the surface above it in {row.size} cells of layer {number + 1} ({name}), such as {'; '.join(shown)}: "
        "must be below it. Correct the surface, or give minimum_thickness.",
    )


def _properties(config: schema.ModelConfig, grid: Grid, plan: Plan, site: Site) -> AquiferProperties:
    """Return the properties of every cell."""
    shape = grid.shape
    k, k33, storage, drainable = np.ones(shape), np.ones(shape), np.zeros(shape), np.zeros(shape)
    for number, (name, layer) in enumerate(config.layers.items()):
        where, key = grid.active[number], f"layers.{name}"
        with collecting(site.errors, key):
            k[number] = k33[number] = site.over(layer.k, plan, where, f"{key}.k")
            if layer.k33 is not None:
                k33[number] = site.over(layer.k33, plan, where, f"{key}.k33")
            elif layer.anisotropy is not None:
                k33[number] = k[number] / site.over(layer.anisotropy, plan, where, f"{key}.anisotropy")
            storage[number] = site.over(layer.specific_storage, plan, where, f"{key}.specific_storage")
            if layer.specific_yield is not None:
                drainable[number] = site.over(layer.specific_yield, plan, where, f"{key}.specific_yield")
    convertible = np.array([layer.convertible for layer in config.layers.values()], dtype=np.float64)
    return AquiferProperties(grid, k, k33, None, storage, drainable, convertible, averaging=config.averaging)
