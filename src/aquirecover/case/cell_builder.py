"""Stresses, fixed heads and barriers that a model gives cell by cell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aquirecover.case import stress_config as schema
from aquirecover.case.cell_table import INDICES, CellTable, read_cell_table
from aquirecover.case.site import collecting, refuse
from aquirecover.case.stress_builder import Builder
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.stresses import Drain, Evapotranspiration, FixedHead, FlowBarrier, GeneralHead, Recharge, River

BEYOND = ("layer", "next_row", "next_column")
CellItem = Recharge | Evapotranspiration | River | Drain | GeneralHead | FixedHead | FlowBarrier
CLASSES: dict[str, type[Recharge | Evapotranspiration | River | Drain | GeneralHead | FixedHead]] = {
    "recharge": Recharge,
    "evapotranspiration": Evapotranspiration,
    "river": River,
    "drain": Drain,
    "general_head": GeneralHead,
    "fixed_head": FixedHead,
}


def build_cell_stresses(builder: Builder) -> Iterator[CellItem]:
    """Yield everything that is given cell by cell; what is wrong goes to the findings."""
    for name, config in builder.config.cell_stresses.items():
        with collecting(builder.site.errors, f"cell_stresses.{name}"):
            yield _item(builder, name, config)


def _item(builder: Builder, name: str, config: schema.CellStress) -> CellItem:
    key = f"cell_stresses.{name}"
    path = builder.site.files.path(config.file, f"{key}.file")
    is_barrier = config.stress == "barrier"
    indices = (*INDICES, *BEYOND[1:]) if is_barrier else INDICES
    names = schema.CELL_VALUES[config.stress]
    table: CellTable = builder.site.files.once(read_cell_table, path, names, indices)
    cell = _cells(builder, table, INDICES, key)
    values = {value: _series(builder, config, table, value, key) for value in names}
    if is_barrier:
        if values["hydraulic_characteristic"].ndim == 2:
            raise refuse(f"{key}.file", f"{table.source}: hydraulic_characteristic must not vary with the period.")
        return FlowBarrier(cell, _cells(builder, table, BEYOND, key), **values, name=name)
    found: CellItem = CLASSES[config.stress](cell, **values, name=builder.term("cell_stresses", name))
    return found


def _cells(builder: Builder, table: CellTable, names: tuple[str, ...], key: str) -> IntArray:
    """Return flat cell numbers of indices counted from 1."""
    shape = builder.ground.grid.shape
    for name, most in zip(names, shape, strict=True):
        wrong = np.flatnonzero((table.indices[name] < 1) | (table.indices[name] > most))
        if wrong.size:
            first = int(wrong[0])
            raise refuse(
                f"{key}.file",
                f"{table.source}: {name} = {table.indices[name][first]} of entry {first + 1} lies outside the grid, whose "
                f"{name}s are 1 to {most} ({wrong.size} of {table.indices[name].size} entries do).",
            )
    return builder.ground.grid.cell(*(table.indices[name] - 1 for name in names))


def _series(builder: Builder, config: schema.CellStress, table: CellTable, name: str, key: str) -> FloatArray:
    """Return values with their factor and offset, on the periods of the run."""
    series = table.values[name]
    if series.ndim == 2:
        periods = builder.config.time.periods
        if periods is None:
            raise refuse(f"{key}.file", f"{table.source}: {name} varies with the period: it needs time.periods.")
        if len(periods) != series.shape[0]:
            message = f"{table.source}: {name} has {series.shape[0]} periods: time.periods has {len(periods)}."
            raise refuse(f"{key}.file", message)
        series = builder.timeline.from_listed(series)
    if name in config.factors:
        series = series * config.factors[name]
    return series + config.offsets[name] if name in config.offsets else series
