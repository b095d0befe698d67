"""A problem written as the files of a model: YAML, layers as NetCDF, stresses cell by cell, tables of wells and points.

`load_problem` of the model gives the arrays of the problem back, to the last bit.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.case.cell_table import write_cell_table
from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import FLOW_REDUCTION, FixedHead, FlowBarrier, Stress, Wells
from aquirecover.variables import VARIABLES

LAYERS = "layers.nc"
FIRST_DAY = date(2000, 1, 1)
WELL_LABELS = ("district", "user_type", "licensed", "permit", "radius")
# What a budget calls a stress and what its class calls itself; the files use the names of the classes.
CELL_KINDS = ("recharge", "evapotranspiration", "river", "drain", "general_head")


@dataclass(eq=False)
class _Layers:
    """The fields of the layers that are not one number, collected for one NetCDF file.

    Parameters
    ----------
    grid : Grid
        Gives the places.
    fields : dict of str to ndarray
        Shape ``(n_y, n_x)``.
    """

    grid: Grid
    fields: dict[str, FloatArray] = field(default_factory=dict)

    def value(self, name: str, layer: str, values: FloatArray, where: BoolArray) -> Any:
        """Return a field as a model file gives it: one number where all cells in `where` have it, else a variable."""
        chosen = values[where] if where.any() else values.ravel()[:1]
        if np.all(chosen == chosen[0]):
            return float(chosen[0])
        variable = f"{name}_{layer.replace(' ', '_')}" if layer else name
        self.fields[variable] = values
        return {"netcdf": LAYERS, "variable": variable}

    def write(self, path: Path) -> None:
        """Write the fields that were collected."""
        import h5netcdf

        with h5netcdf.File(path, "w") as file:
            file.dimensions = {"y": self.grid.y.size, "x": self.grid.x.size}
            for name, places in (("y", self.grid.y), ("x", self.grid.x)):
                file.create_variable(name, (name,), places.dtype, data=places).attrs["units"] = "m"
            for name, values in self.fields.items():
                variable = file.create_variable(name, ("y", "x"), values.dtype, data=values, compression="gzip", shuffle=True)
                known = VARIABLES.get(name) or next((VARIABLES[v] for v in VARIABLES if name.startswith(f"{v}_")), None)
                if known is not None:
                    variable.attrs["units"] = known.unit


def write_model(problem: Problem, folder: Path, *, notes: str = "", warnings: Sequence[str] = ()) -> list[Path]:
    """Write a problem as a model in a folder that is there and empty.

    Every well must be open to one cell. Budget zones, level limits and map lines belong to files of their own and are not
    written.

    Parameters
    ----------
    problem : Problem
        What to write.
    folder : Path
        For ``model.yaml`` and the files beside it.
    notes : str
        Free text for the model.
    warnings : sequence of str
        Texts shown with every run.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ValueError
        When a well is open to several cells, or a stress is of a kind that files do not have.
    """
    layers = _Layers(problem.grid)
    tree: dict[str, Any] = {
        "kind": "model",
        "name": problem.name,
        "title": problem.context.title or problem.name,
        **({"crs": problem.context.crs} if problem.context.crs else {}),
        "grid": _grid(problem.grid),
        "top": layers.value("top", "", problem.grid.top, np.ones(problem.grid.top.shape, dtype=bool)),
        "layers": {name: _layer(problem, number, name, layers) for number, name in enumerate(problem.grid.layer_names)},
        "averaging": problem.properties.averaging,
        **_cell_stresses(problem, folder),
        **_wells(problem, folder),
        **_observations(problem, folder),
        "time": _time(problem.schedule),
        **({"notes": notes} if notes else {}),
        **({"warnings": list(warnings)} if warnings else {}),
    }
    if layers.fields:
        layers.write(folder / LAYERS)
    write_yaml(folder / "model.yaml", tree)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_yaml(path: Path, tree: Mapping[str, Any]) -> None:
    """Write nested dicts and lists as YAML that `read_yaml` reads; small ones stand on one line."""
    import yaml

    class Plain(yaml.SafeDumper):
        """Writes equal parts out each time, as `read_yaml` refuses references."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    flow = None if any(isinstance(value, dict | list) for value in tree.values()) else False
    text = yaml.dump(dict(tree), Dumper=Plain, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=120)
    path.write_text(text, encoding="utf-8")


def _grid(grid: Grid) -> dict[str, Any]:
    return {"dx": grid.dx.tolist(), "dy": grid.dy.tolist(), "corner": [grid.x_min, grid.y_max]}


def _layer(problem: Problem, number: int, name: str, layers: _Layers) -> dict[str, Any]:
    """Return the section of a layer."""
    grid, properties = problem.grid, problem.properties
    active = grid.active[number]
    everywhere = np.ones(active.shape, dtype=bool)
    domain = np.where(active, 1.0, np.where(grid.pass_through[number], -1.0, 0.0))
    aquifers = problem.context.layer_aquifer
    found: dict[str, Any] = {"aquifer": aquifers[number]} if aquifers and aquifers[number] else {}
    found["bottom"] = layers.value("bottom", name, grid.bottom[number], everywhere)
    found["active"] = layers.value("active", name, domain, everywhere)
    found["k"] = layers.value("k", name, properties.k[number], active)
    for key in ("k22", "k33"):
        values = getattr(properties, key)[number]
        if not np.array_equal(values[active], properties.k[number][active]):
            found[key] = layers.value(key, name, values, active)
    if number < grid.shape[0] - 1 and not np.isnan(properties.leakance[number][active]).all():
        found["leakance"] = layers.value("leakance", name, properties.leakance[number], active)
    found["specific_storage"] = layers.value("specific_storage", name, properties.specific_storage[number], active)
    converts = properties.convertible[number]
    if converts[active].any():
        found["specific_yield"] = layers.value("specific_yield", name, properties.specific_yield[number], active)
        cells = layers.value("convertible_cells", name, converts.astype(np.float64), active)
        found |= {"convertible": True} if cells == 1.0 else {"convertible_cells": cells}
    found["initial_head"] = layers.value("initial_head", name, problem.initial_head[number], active)
    return found


def _cell_stresses(problem: Problem, folder: Path) -> dict[str, Any]:
    """Write the stresses apart from wells, the fixed heads and the barriers; return their section."""
    items: list[Stress | FixedHead | FlowBarrier] = [s for s in problem.stresses if not isinstance(s, Wells)]
    section: dict[str, Any] = {}
    for item in [*items, *problem.fixed_heads, *problem.barriers]:
        file = f"{item.name.replace(' ', '_')}.nc"
        layer, row, column = problem.grid.indices(item.cell)
        indices = {"layer": layer + 1, "row": row + 1, "column": column + 1}
        if isinstance(item, FlowBarrier):
            kind, values = "barrier", {"hydraulic_characteristic": item.hydraulic_characteristic}
            _, row, column = problem.grid.indices(item.neighbour)
            indices |= {"next_row": row + 1, "next_column": column + 1}
        elif isinstance(item, FixedHead):
            kind, values = "fixed_head", {"head": item.head}
        elif item.kind in CELL_KINDS:
            kind, values = item.kind, dict(item.values())
        else:
            raise ValueError(f"{item.name} is a {item.kind}: files have {', '.join(CELL_KINDS)}.")
        write_cell_table(folder / file, indices, values)
        section[item.name] = {"stress": kind, "file": file}
    return {"cell_stresses": section} if section else {}


def _wells(problem: Problem, folder: Path) -> dict[str, Any]:
    """Write the tables of the wells; return their section."""
    section: dict[str, Any] = {}
    for wells in problem.wells:
        if wells.n != len(wells.names) or np.any(np.diff(np.sort(wells.well)) != 1):
            raise ValueError(f"{wells.name}: every well must be open to one cell.")
        group = wells.name.removeprefix("wells_")
        table, rates = f"{group.replace(' ', '_')}.csv", f"{group.replace(' ', '_')}_rates.csv"
        varies = wells.pumping_rate.ndim == 2 or wells.injection_rate.ndim == 2
        _write_wells(folder / table, problem.grid, wells, with_rates=not varies)
        section[group] = {"file": table}
        if varies:
            _write_rates(folder / rates, wells, problem.schedule.n_period)
            section[group]["rates"] = rates
        if wells.flow_reduction != FLOW_REDUCTION:
            section[group]["flow_reduction"] = wells.flow_reduction
    return {"wells": section} if section else {}


def _write_wells(path: Path, grid: Grid, wells: Wells, *, with_rates: bool) -> None:
    """Write places and labels of wells, and their rates where these do not vary."""
    cell = np.empty(len(wells.names), dtype=np.int64)
    cell[wells.well] = wells.cell
    layer, row, column = grid.indices(cell)
    columns: dict[str, Sequence[Any]] = {
        "well": wells.names,
        "x": grid.x[column].tolist(),
        "y": grid.y[row].tolist(),
        "layer": [grid.layer_names[number] for number in layer],
    }
    columns |= {label: wells.attributes[label] for label in WELL_LABELS if label in wells.attributes}
    if with_rates:
        columns["rate"] = wells.pumping_rate.tolist()
        if wells.injection_rate.any():
            columns["injection_rate"] = wells.injection_rate.tolist()
    _write_csv(path, list(columns), zip(*columns.values(), strict=True))


def _write_rates(path: Path, wells: Wells, n_period: int) -> None:
    """Write the rates of wells from each period on in which they change."""
    shape = (n_period, len(wells.names))
    rate, injection = (np.broadcast_to(series, shape) for series in (wells.pumping_rate, wells.injection_rate))
    changes = np.ones(shape, dtype=bool)
    changes[1:] = (rate[1:] != rate[:-1]) | (injection[1:] != injection[:-1])
    well, period = np.nonzero(changes.T)
    rows = zip((wells.names[n] for n in well), (period + 1).tolist(), rate[period, well].tolist(), strict=True)
    if injection.any():
        injected = zip(rows, injection[period, well].tolist(), strict=True)
        _write_csv(path, ["well", "period", "rate", "injection_rate"], ((*row, more) for row, more in injected))
    else:
        _write_csv(path, ["well", "period", "rate"], rows)


def _observations(problem: Problem, folder: Path) -> dict[str, Any]:
    """Write the observation points and what was measured there; return their section."""
    points, grid = problem.observations, problem.grid
    if not points.names:
        return {}
    layer, row, column = grid.indices(points.cell)
    places = zip(points.names, grid.x[column].tolist(), grid.y[row].tolist(), layer, strict=True)
    rows = ((name, x, y, grid.layer_names[number]) for name, x, y, number in places)
    _write_csv(folder / "observations.csv", ["name", "x", "y", "layer"], rows)
    found = {"file": "observations.csv"}
    if points.measured:
        heads = (
            (name, *pair)
            for name, (days, head) in points.measured.items()
            for pair in zip(days.tolist(), head.tolist(), strict=True)
        )
        _write_csv(folder / "measured.csv", ["name", "day", "head"], heads)
        found["measured"] = "measured.csv"
    return {"observations": found}


def _time(schedule: Schedule) -> dict[str, Any]:
    """Return the section of the time, each period as it is."""
    periods = []
    for number in range(schedule.n_period):
        period: dict[str, Any] = {"length": float(schedule.period_length[number])}
        if schedule.n_steps[number] != 1:
            period |= {"steps": int(schedule.n_steps[number]), "multiplier": float(schedule.step_multiplier[number])}
        if schedule.steady[number]:
            period["steady"] = True
        periods.append(period)
    start = date.fromisoformat(schedule.start[:10]) if schedule.start else FIRST_DAY
    return {"start": start, "periods": periods, "initial": "heads"}


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write numbers with all their digits."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
