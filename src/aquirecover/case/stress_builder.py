"""Boundaries of a model on its grid: recharge, evapotranspiration, rivers, drains, general and fixed heads, barriers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aquirecover.case import geo
from aquirecover.case import stress_config as schema
from aquirecover.case.grid_builder import Ground
from aquirecover.case.model_config import ModelConfig
from aquirecover.case.site import Site, collecting, refuse
from aquirecover.case.timeline import Timeline
from aquirecover.case.values import Value
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.stresses import Drain, Evapotranspiration, FixedHead, FlowBarrier, GeneralHead, Recharge, River, Stress

SECTIONS = ("recharge", "evapotranspiration", "rivers", "drains", "general_heads", "fixed_heads", "cell_stresses")


@dataclass(frozen=True, eq=False)
class Builder:
    """Everything that a boundary is built from.

    Parameters
    ----------
    config : ModelConfig
        The model file.
    site, ground, timeline
        See their classes.
    """

    config: ModelConfig
    site: Site
    ground: Ground
    timeline: Timeline

    def term(self, section: str, name: str) -> str:
        """Return the name of a budget term: that of the entry, with its section where another one has it too."""
        shared = sum(name in getattr(self.config, other) for other in SECTIONS) > 1
        return f"{section}_{name}" if shared or name == "storage" else name

    def columns(self, within: str | None, outside: str | None, key: str) -> tuple[IntArray, IntArray]:
        """Return rows and columns of the cells in plan inside one area and outside another."""
        row, column = np.nonzero(self.site.mask(self.ground.plan, within, outside, key))
        return row, column

    def active(self, row: IntArray, column: IntArray, layer: str | None, key: str) -> tuple[IntArray, BoolArray]:
        """Return the active cells of a layer, or the topmost ones, at places, and which places have one.

        Raises
        ------
        ConfigError
            When there is none.
        """
        cell, found = self.ground.cells(row, column, layer)
        if not found.any():
            raise refuse(key, f"meets no active cell of {'layer ' + layer if layer else 'any layer'}.")
        return cell[found], found

    def value(self, value: Value, cell: IntArray, key: str) -> FloatArray:
        """Return a value at cells, shape ``(n,)``."""
        return self.site.at(value, *self.centres(cell), key)

    def series(self, value: Value, cell: IntArray, key: str) -> FloatArray:
        """Return a value at cells, shape ``(n,)``, or ``(n_period, n)`` where it varies in time."""
        return self.site.in_time(value, *self.centres(cell), self.timeline, key)

    def centres(self, cell: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the centres of cells, m."""
        _, row, column = self.ground.grid.indices(cell)
        return self.ground.plan.x[row, column], self.ground.plan.y[row, column]

    def area(self, cell: IntArray) -> FloatArray:
        """Return the plan area of cells, m²."""
        _, row, column = self.ground.grid.indices(cell)
        return self.ground.grid.area[row, column]

    def surface(self, cell: IntArray) -> FloatArray:
        """Return the ground above cells, m."""
        _, row, column = self.ground.grid.indices(cell)
        return self.ground.surface[row, column]

    def monthly(self, values: FloatArray, factors: tuple[float, ...] | None) -> FloatArray:
        """Return values times twelve monthly factors, shape ``(n_period, n)``, or as they are without factors."""
        if factors is None:
            return values
        return self.timeline.monthly(factors)[:, None] * values


def build_stresses(builder: Builder) -> Iterator[Stress]:
    """Yield the stresses of a model apart from its wells; what is wrong goes to the findings."""
    config, errors = builder.config, builder.site.errors
    for name, recharge in config.recharge.items():
        with collecting(errors, f"recharge.{name}"):
            yield _recharge(builder, name, recharge)
    for name, loss in config.evapotranspiration.items():
        with collecting(errors, f"evapotranspiration.{name}"):
            yield _evapotranspiration(builder, name, loss)
    for name, river in config.rivers.items():
        with collecting(errors, f"rivers.{name}"):
            yield _river(builder, name, river)
    for name, drain in config.drains.items():
        with collecting(errors, f"drains.{name}"):
            yield _drain(builder, name, drain)
    for name, boundary in config.general_heads.items():
        with collecting(errors, f"general_heads.{name}"):
            yield _general_head(builder, name, boundary)


def _recharge(builder: Builder, name: str, config: schema.Recharge) -> Recharge:
    key = f"recharge.{name}"
    cell, _ = builder.active(*builder.columns(config.within, config.outside, key), None, key)
    rate = builder.monthly(builder.series(config.rate, cell, f"{key}.rate"), config.monthly)
    return Recharge(cell, rate, name=builder.term("recharge", name))


def _evapotranspiration(builder: Builder, name: str, config: schema.Evapotranspiration) -> Evapotranspiration:
    key = f"evapotranspiration.{name}"
    cell, _ = builder.active(*builder.columns(config.within, config.outside, key), None, key)
    rate = builder.monthly(builder.series(config.rate, cell, f"{key}.rate"), config.monthly)
    surface = builder.surface(cell) if config.surface is None else builder.value(config.surface, cell, f"{key}.surface")
    depth = builder.value(config.extinction_depth, cell, f"{key}.extinction_depth")
    return Evapotranspiration(cell, surface, rate, depth, name=builder.term("evapotranspiration", name))


def _on_line(builder: Builder, reference: str, layer: str | None, key: str) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the active cells that a line crosses, its length in each and its mean chainage there, m."""
    plan = builder.ground.plan
    line = builder.site.places.line(reference, f"{key}.line")
    pieces = geo.cut_line(line, plan.x_edge, plan.y_edge)
    if not pieces.row.size:
        raise refuse(f"{key}.line", f"= {reference!r} does not cross the grid.")
    cell, found = builder.active(pieces.row, pieces.column, layer, key)
    lost = 1.0 - float(pieces.length[found].sum()) / line.length
    if lost > 0.01:
        builder.site.warnings.append(f"{key}: {100.0 * lost:.0f} % of the line lies outside the grid or on inactive cells.")
    unique, index = np.unique(cell, return_inverse=True)
    length: FloatArray = np.bincount(index, weights=pieces.length[found]).astype(np.float64)
    chainage = np.bincount(index, weights=(pieces.length * pieces.chainage)[found]) / length
    return unique, length, chainage


def _river(builder: Builder, name: str, config: schema.River) -> River:
    key = f"rivers.{name}"
    cell, length, chainage = _on_line(builder, config.line, config.layer, key)
    if config.stage is not None:
        stage = builder.series(config.stage, cell, f"{key}.stage")
    else:
        stage = _stage_of_stations(builder, config, chainage, key)
    width = builder.value(config.width, cell, f"{key}.width")
    conductance = builder.value(config.bed_leakance, cell, f"{key}.bed_leakance") * width * length
    first = stage[0] if stage.ndim == 2 else stage
    if config.depth is not None:
        bed = first - builder.value(config.depth, cell, f"{key}.depth")
    else:
        bed = builder.value(config.bottom_elevation or Value(value=0.0), cell, f"{key}.bottom_elevation")
    floor = builder.ground.grid.bottom.ravel()[cell]
    deep = int(np.sum(bed < floor))
    if deep:
        builder.site.warnings.append(
            f"{key}: the bed is below the cell in {deep} of {cell.size} cells; set to the cell's bottom."
        )
    if config.monthly is not None:
        stage = stage + builder.timeline.monthly(config.monthly)[:, None]
    bed = np.maximum(bed, floor)
    if np.any(stage < bed):
        raise refuse(
            key,
            f"has a stage as low as {float(stage.min()):.4g} m, below the bottom of its bed or of its cell: "
            "raise the stage, or correct the depth or the layers.",
        )
    return River(cell, stage, conductance, bed, name=builder.term("rivers", name))


def _stage_of_stations(builder: Builder, config: schema.River, chainage: FloatArray, key: str) -> FloatArray:
    """Return the stage at places along the line, interpolated between the stations of this line."""
    table = builder.site.files.table(str(config.stations), f"{key}.stations")
    x, y = builder.site.placed(table)
    stage, own = table.numbers("stage"), np.ones(len(x), dtype=bool)
    if "line" in table:
        label = config.line.partition("/")[2] or config.line
        own = np.array([text in (label, config.line) for text in table.texts("line")])
    if not own.any():
        raise refuse(f"{key}.stations", f"= {config.stations!r} has no station of the line {config.line!r}.")
    return geo.along_line(builder.site.places.line(config.line, f"{key}.line"), chainage, x[own], y[own], stage[own])


def _drain(builder: Builder, name: str, config: schema.Drain) -> Drain:
    key = f"drains.{name}"
    if config.line is not None and config.per_length is not None:
        cell, length, _ = _on_line(builder, config.line, config.layer, key)
        conductance = builder.value(config.per_length, cell, f"{key}.per_length") * length
    else:
        cell, _ = builder.active(*builder.columns(config.within, config.outside, key), config.layer, key)
        conductance = builder.value(config.leakance or Value(value=0.0), cell, f"{key}.leakance") * builder.area(cell)
    if config.elevation is not None:
        elevation = builder.value(config.elevation, cell, f"{key}.elevation")
    else:
        elevation = builder.surface(cell) - builder.value(config.depth or Value(value=0.0), cell, f"{key}.depth")
    return Drain(cell, elevation, conductance, name=builder.term("drains", name))


def edge_places(shape: tuple[int, int], edge: str) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the cells along one side of the grid."""
    n_y, n_x = shape
    match edge:
        case "north" | "south":
            return np.full(n_x, 0 if edge == "north" else n_y - 1), np.arange(n_x)
        case _:
            return np.arange(n_y), np.full(n_y, 0 if edge == "west" else n_x - 1)


def _general_head(builder: Builder, name: str, config: schema.GeneralHead) -> GeneralHead:
    key = f"general_heads.{name}"
    cells, conductances = [], []
    for layer in config.layer_names or (None,):
        if config.edges is None:
            cell, _ = builder.active(*builder.columns(config.within, config.outside, key), layer, key)
            leakance = builder.value(config.leakance or Value(value=0.0), cell, f"{key}.leakance")
            cells.append(cell)
            conductances.append(leakance * builder.area(cell))
            continue
        for edge in config.edges:
            cell = _edge_cells(builder, edge, layer, config.outside, key)
            cells.append(cell)
            conductances.append(_edge_conductance(builder, config, edge, cell, f"{key}.distance"))
    cell, index = np.unique(np.concatenate(cells), return_inverse=True)
    conductance = np.bincount(index, weights=np.concatenate(conductances))
    head = builder.series(config.head, cell, f"{key}.head")
    return GeneralHead(cell, head, conductance, name=builder.term("general_heads", name))


def _edge_cells(builder: Builder, edge: str, layer: str | None, outside: str | None, key: str) -> IntArray:
    """Return the active cells of a layer along one side of the grid, outside an area."""
    row, column = edge_places(builder.ground.plan.shape, edge)
    allowed = builder.site.mask(builder.ground.plan, None, outside, key)[row, column]
    cell, _ = builder.active(row[allowed], column[allowed], layer, f"{key}.edges")
    return cell


def _edge_conductance(builder: Builder, config: schema.GeneralHead, edge: str, cell: IntArray, key: str) -> FloatArray:
    """Return k · thickness · width / distance of cells along one side of the grid, m²/d."""
    grid = builder.ground.grid
    _, row, column = grid.indices(cell)
    width = grid.dx[column] if edge in ("north", "south") else grid.dy[row]
    transmissivity = builder.ground.properties.k.ravel()[cell] * grid.thickness.ravel()[cell]
    return transmissivity * width / builder.value(config.distance or Value(value=1.0), cell, key)


def build_fixed_heads(builder: Builder) -> Iterator[FixedHead]:
    """Yield the fixed heads of a model; what is wrong goes to the findings."""
    for name, config in builder.config.fixed_heads.items():
        with collecting(builder.site.errors, f"fixed_heads.{name}"):
            yield _fixed_head(builder, name, config)


def _fixed_head(builder: Builder, name: str, config: schema.FixedHead) -> FixedHead:
    key = f"fixed_heads.{name}"
    cells = []
    for layer in config.layers:
        if config.line is not None:
            cells.append(_on_line(builder, config.line, layer, key)[0])
        elif config.within is not None:
            cells.append(builder.active(*builder.columns(config.within, None, key), layer, key)[0])
        else:
            cells += [_edge_cells(builder, edge, layer, None, key) for edge in config.edges or ()]
    cell = np.unique(np.concatenate(cells))
    return FixedHead(cell, builder.series(config.head, cell, f"{key}.head"), name=builder.term("fixed_heads", name))


def build_barriers(builder: Builder) -> Iterator[FlowBarrier]:
    """Yield the flow barriers of a model; what is wrong goes to the findings."""
    for name, config in builder.config.barriers.items():
        with collecting(builder.site.errors, f"barriers.{name}"):
            yield _barrier(builder, name, config)


def _barrier(builder: Builder, name: str, config: schema.Barrier) -> FlowBarrier:
    """Put a barrier on every face whose neighbouring cell centres it separates, so that it has no gaps."""
    key, grid = f"barriers.{name}", builder.ground.grid
    (row, column), (next_row, next_column) = separated(builder, config.line, f"{key}.line")
    if not row.size:
        raise refuse(f"{key}.line", f"= {config.line!r} separates no cells of the grid.")
    cells, neighbours = [], []
    for layer in config.layers:
        number = builder.ground.layer(layer)
        cell, neighbour = grid.cell(number, row, column), grid.cell(number, next_row, next_column)
        both = grid.active.ravel()[cell] & grid.active.ravel()[neighbour]
        cells.append(cell[both])
        neighbours.append(neighbour[both])
    cell = np.concatenate(cells)
    characteristic = builder.value(config.hydraulic_characteristic, cell, f"{key}.hydraulic_characteristic")
    return FlowBarrier(cell, np.concatenate(neighbours), characteristic, name=name)


def separated(builder: Builder, line: str, key: str) -> tuple[tuple[IntArray, IntArray], tuple[IntArray, IntArray]]:
    """Return rows and columns of the neighbouring cells in plan between whose centres a line passes."""
    import shapely

    plan, geometry = builder.ground.plan, builder.site.places.line(line, key)
    shapely.prepare(geometry)
    row, column = np.indices(plan.shape)
    first, second = [], []
    for down, right in ((0, 1), (1, 0)):
        here = (slice(0, plan.shape[0] - down), slice(0, plan.shape[1] - right))
        there = (slice(down, None), slice(right, None))
        ends = np.stack([np.stack([plan.x[part], plan.y[part]], axis=-1) for part in (here, there)], axis=-2)
        met = shapely.intersects(geometry, shapely.linestrings(ends))
        first.append((row[here][met], column[here][met]))
        second.append((row[there][met], column[there][met]))
    join = [tuple(np.concatenate(parts) for parts in zip(*pairs, strict=True)) for pairs in (first, second)]
    return (join[0][0], join[0][1]), (join[1][0], join[1][1])
