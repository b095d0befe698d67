"""The grid of a model: cells in plan at any cell size, layer surfaces, active cells, and properties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.case import geo
from aquirecover.case import model_config as schema
from aquirecover.case.site import SHOWN, Plan, Site, collecting, refuse
from aquirecover.case.values import Value
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
    if config.dx is not None and config.dy is not None:
        _refuse_large(n_layer, len(config.dy), len(config.dx), "grid.dx and grid.dy make", "Import a part of the model.")
        dx, dy = np.array(config.dx), np.array(config.dy)
        return Plan.of_widths(dx, dy, *(config.corner or (0.0, float(dy.sum()))))
    own = config.cell_size or 0.0  # given with a box, as the schema says
    size = own if cell_size is None else cell_size
    west, south, east, north = _box(config, site)
    n_x, n_y = (max(1, round(width / size)) for width in (east - west, north - south))
    _refuse_large(n_layer, n_y, n_x, f"grid.cell_size = {size:g} m makes", "Use a larger cell size.")
    x = west + (east - west) * np.arange(n_x + 1) / n_x
    y = north - (north - south) * np.arange(n_y + 1) / n_y
    steps = buffer_steps(config.buffer, size, config.growth)
    return Plan.between(
        np.concatenate((west - steps[::-1], x, east + steps)),
        np.concatenate((north + steps[::-1], y, south - steps)),
    )


def _refuse_large(n_layer: int, n_y: int, n_x: int, what: str, remedy: str) -> None:
    if n_layer * n_x * n_y > LARGEST_GRID:
        raise ResourceError(
            f"{what} {n_layer} layers x {n_y} rows x {n_x} columns = {n_layer * n_y * n_x} cells: "
            f"at most {LARGEST_GRID} are allowed. {remedy}"
        )


def _box(config: schema.Grid, site: Site) -> geo.Extent:
    """Return the box without its buffer, m."""
    if config.extent is not None:
        west, south, east, north = config.extent
        return west, south, east, north
    import shapely

    low_x, low_y, high_x, high_y = shapely.bounds(site.places.area(str(config.around), "grid.around"))
    size, margin = config.cell_size or 0.0, config.margin
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
    vertically between the layers above and below it. A layer that says of each cell whether it is active has its surfaces
    everywhere, and water passes only where it says so.
    """
    shape = (len(config.layers), *plan.shape)
    active, passes = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    given = np.zeros(shape[0], dtype=bool)
    for number, (name, layer) in enumerate(config.layers.items()):
        with collecting(site.errors, f"layers.{name}"):
            if layer.active is None:
                active[number] = site.mask(plan, layer.within, layer.outside, f"layers.{name}")
            else:
                given[number] = True
                domain = site.over(layer.active, plan, np.ones(plan.shape, dtype=bool), f"layers.{name}.active")
                active[number], passes[number] = domain > 0.0, domain < 0.0
    passes[~given] = _pass_through(active)[~given]
    surface = np.zeros(plan.shape)
    with collecting(site.errors, "top"):
        surface = site.over(config.top, plan, np.any(active, axis=0) | given.any(), "top")
    bottom = _bottoms(config, plan, active, surface, site)
    grid = Grid(
        plan.dx,
        plan.dy,
        surface,
        bottom,
        active,
        passes,
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
        low = above - 1.0
        key = f"layers.{name}.{'bottom' if layer.thickness is None else 'thickness'}"
        there = active[number] if layer.active is None else np.ones(plan.shape, dtype=bool)
        with collecting(site.errors, key):
            if layer.thickness is not None:
                low = above - site.over(layer.thickness, plan, there, key)
            elif layer.bottom is not None:
                low = site.over(layer.bottom, plan, there, key)
        if layer.minimum_thickness > 0.0:
            low = np.minimum(low, above - layer.minimum_thickness)
        _check_surfaces(key, number, name, above, low, active[number], site)
        # a surface that was refused goes on as 1 m of thickness, so that it is not reported again by all that depends on it
        sound = np.where(low < above, low, above - 1.0) if layer.active is None else low
        bottom[number] = np.where(there, sound, above)
        above = bottom[number]
    return bottom


def _check_surfaces(key: str, number: int, name: str, above: FloatArray, low: FloatArray, active: BoolArray, site: Site) -> None:
    """Report cells whose bottom is not below their top."""
    row, column = np.nonzero(active & ~(low < above))
    if not row.size:
        return
    shown = [
        f"row {r + 1}, column {c + 1} (top {above[r, c]:.4g} m, bottom {low[r, c]:.4g} m)"
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
    k, k22, k33 = np.ones(shape), np.ones(shape), np.ones(shape)
    storage, drainable, convertible = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    leakance = np.full((max(shape[0] - 1, 0), *shape[1:]), np.nan)
    for number, (name, layer) in enumerate(config.layers.items()):
        where, key = grid.active[number], f"layers.{name}"

        def field(value: Value, what: str, where: BoolArray = where, key: str = key) -> FloatArray:
            return site.over(value, plan, where, f"{key}.{what}")

        with collecting(site.errors, key):
            k[number] = k22[number] = k33[number] = field(layer.k, "k")
            if layer.k22 is not None:
                k22[number] = field(layer.k22, "k22")
            if layer.k33 is not None:
                k33[number] = field(layer.k33, "k33")
            elif layer.anisotropy is not None:
                k33[number] = k[number] / field(layer.anisotropy, "anisotropy")
            storage[number] = field(layer.specific_storage, "specific_storage")
            if layer.specific_yield is not None:
                drainable[number] = field(layer.specific_yield, "specific_yield")
            if layer.leakance is not None:
                if number == shape[0] - 1:
                    raise refuse(f"{key}.leakance", "leads down from the lowest layer: remove it.")
                leakance[number][where] = site.at(layer.leakance, plan.x[where], plan.y[where], f"{key}.leakance", sparse=True)
            if layer.convertible_cells is not None:
                convertible[number] = field(layer.convertible_cells, "convertible_cells")
            else:
                convertible[number] = layer.convertible
    return AquiferProperties(grid, k, k33, k22, storage, drainable, convertible > 0.5, leakance, averaging=config.averaging)
