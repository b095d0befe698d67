"""From a `FlowResult` to an `xarray.Dataset` that says of every number what it is, where, when and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.output.provenance import has_dates, provenance
from aquirecover.variables import VARIABLES

if TYPE_CHECKING:
    import xarray as xr

    from aquirecover.study.recovery_report import RecoveryReport

Entry = tuple[tuple[str, ...], Any, dict[str, Any]]

CELL = ("layer", "y", "x")
STEP = "step_time"


def to_dataset(
    result: FlowResult,
    recovery: RecoveryReport | None = None,
    *,
    settings: object = None,
    reference: tuple[str, FloatArray] | None = None,
) -> xr.Dataset:
    """Return a result with its coordinates, units and provenance.

    Parameters
    ----------
    result : FlowResult
        What a simulator returned.
    recovery : RecoveryReport, optional
        Recovery metrics to keep beside it.
    settings : dataclass, optional
        Settings of the simulator, kept as JSON.
    reference : tuple of str and ndarray, optional
        Name and head, shape ``(n_layer, n_y, n_x)``, m, from which drawdown is counted; by default the level before pumping
        of `recovery`, else the first saved head.

    Returns
    -------
    xarray.Dataset
        Dims ``time, layer, y, x`` for fields and ``step_time`` for what is kept of every step.
    """
    import xarray as xr

    problem = result.problem
    label, level = reference or _reference(result, recovery)
    entries: dict[str, Entry] = {
        **_fields(result, label, level),
        **_geometry(problem),
        **_observations(problem, result),
        **_wells(problem, result),
        **_budget(result),
        **_solver(result),
        **_map(problem),
    }
    if recovery is not None:
        from aquirecover.output.recovery import recovery_entries

        entries |= recovery_entries(recovery, result.saved_step.size, len(result.reports), bool(result.budget.zone_names))
    coords = _coordinates(problem, result)
    if problem.context.crs:
        entries["crs"] = ((), np.int32(0), grid_mapping(problem.context.crs))
        for dims, _, attrs in entries.values():
            if dims[-2:] == ("y", "x"):
                attrs["grid_mapping"] = "crs"
    attrs = provenance(result, settings) | {"drawdown_reference": label}
    return xr.Dataset(entries, coords, attrs)


def _reference(result: FlowResult, recovery: RecoveryReport | None) -> tuple[str, FloatArray]:
    """Return the level before pumping where it is known, else the first saved head, and its name."""
    known = {} if recovery is None else recovery.maps.reference_head
    if "before_pumping" in known:
        return "before_pumping", known["before_pumping"]
    return "first saved head", result.head[0]


def described(name: str, **more: Any) -> dict[str, Any]:
    """Return unit and long names of a quantity from the registry, and `more` attributes."""
    variable = VARIABLES[name]
    return {"long_name": variable.long_name, "long_name_vi": variable.long_name_vi, "units": variable.unit, **more}


def grid_mapping(crs: str) -> dict[str, Any]:
    """Return the attributes of a CF grid mapping, with the WKT also under the name that GDAL and QGIS read.

    Raises
    ------
    ValueError
        When `crs` is no coordinate reference system.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        attrs: dict[str, Any] = CRS.from_user_input(crs).to_cf()
    except CRSError as error:
        raise ValueError(f"crs = {crs!r}: is no coordinate reference system. Write its code, as EPSG:3405.") from error
    return {**attrs, "spatial_ref": attrs["crs_wkt"], "long_name": "Coordinate reference system"}


def _coordinates(problem: Problem, result: FlowResult) -> dict[str, Entry]:
    """Return coordinates of the dims."""
    grid, schedule = problem.grid, problem.schedule
    return {
        "time": (("time",), *_times(problem, result.time, "Time of the saved heads")),
        STEP: ((STEP,), *_times(problem, schedule.step_time, "End of the time step")),
        "layer": (
            ("layer",),
            np.arange(1, grid.shape[0] + 1),
            {"long_name": "Layer, counted downwards", "units": "1", "positive": "down", "axis": "Z"},
        ),
        "y": (("y",), grid.y, _axis("y", "Northing")),
        "x": (("x",), grid.x, _axis("x", "Easting")),
        "layer_name": (("layer",), _text(grid.layer_names), {"long_name": "Name of the layer"}),
        "layer_aquifer": (
            ("layer",),
            _text(problem.layer_aquifers),
            {"long_name": "Aquifer of the layer; empty for an aquitard"},
        ),
        "term": (("term",), _text(result.budget.terms), {"long_name": "Term of the water budget"}),
    }


def _axis(name: str, long_name: str) -> dict[str, Any]:
    """Return the attributes of a map coordinate."""
    standard = f"projection_{name}_coordinate"
    return {"long_name": long_name, "standard_name": standard, "units": "m", "axis": name.upper(), "bounds": f"{name}_bounds"}


def _times(problem: Problem, days: FloatArray, long_name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Return dates, or days where there is no start date or a date is beyond what `xarray` holds, and their attributes."""
    schedule = problem.schedule
    attrs: dict[str, Any] = {"long_name": long_name, "standard_name": "time", "axis": "T"}
    if not has_dates(problem):
        return np.asarray(days), {"long_name": f"{long_name}, days since the start", "units": "d", "axis": "T"}
    return schedule.date_of(days).astype("datetime64[ns]"), attrs


def _fields(result: FlowResult, label: str, level: FloatArray) -> dict[str, Entry]:
    """Return heads, drawdown and the reference of drawdown."""
    dims = ("time", *CELL)
    drawdown = described("drawdown", comment=f"reference head minus head; reference: {label}", cell_methods="time: point")
    return {
        "head": (dims, result.head, described("head", cell_methods="time: point")),
        "drawdown": (dims, (np.asarray(level) - result.head).astype(np.float32), drawdown),
        "reference_head": (CELL, np.asarray(level), described("reference_head", comment=label)),
        "elapsed_time": (("time",), result.time, {"long_name": "Time since the start", "units": "d"}),
    }


def _geometry(problem: Problem) -> dict[str, Entry]:
    """Return the geometry of the cells, the law's limit and the zones."""
    grid, context = problem.grid, problem.context
    idomain = np.where(grid.active, 1, np.where(grid.pass_through, -1, 0)).astype(np.int8)
    flags = {"flag_values": np.array([-1, 0, 1], dtype=np.int8), "flag_meanings": "pass_through inactive active"}
    entries: dict[str, Entry] = {
        "top": (("y", "x"), grid.top, described("top")),
        "bottom": (CELL, grid.bottom, described("bottom")),
        "idomain": (CELL, idomain, {"long_name": "Kind of cell", "units": "1", **flags}),
        "storage_per_area": (CELL, _storage(problem), {"long_name": "Water released per area and metre of head", "units": "1"}),
        "x_bounds": (("x", "bound"), np.column_stack([grid.x_edge[:-1], grid.x_edge[1:]]), {}),
        "y_bounds": (("y", "bound"), np.column_stack([grid.y_edge[:-1], grid.y_edge[1:]]), {}),
    }
    if context.ground is not None:
        entries["ground"] = (("y", "x"), context.ground, described("ground"))
    if context.head_limit is not None:
        entries["head_limit"] = (CELL, context.head_limit, described("head_limit"))
    if problem.zones is not None:
        index = {"long_name": "Zone of the cell, from 0; -1 in none", "units": "1"}
        entries["zone_index"] = (CELL, problem.zones.index.astype(np.int32), index)
    if context.areas:
        entries["area"] = (("area",), _text(tuple(context.areas)), {"long_name": "Named area"})
        masks = np.array(list(context.areas.values()), dtype=np.int8)
        entries["area_mask"] = (("area", "y", "x"), masks, {"long_name": "Cells of the named area", "units": "1"})
    return entries


def _storage(problem: Problem) -> FloatArray:
    """Return specific yield where the water table moves in the cell, else specific storage times thickness; 1."""
    properties, grid = problem.properties, problem.grid
    elastic = properties.specific_storage * grid.thickness
    water_table = properties.convertible & (properties.specific_yield > 0.0)
    return np.where(grid.active, np.where(water_table, properties.specific_yield, elastic), np.nan)


def _place(grid: Grid, prefix: str, dim: str, cell: np.ndarray) -> dict[str, Entry]:
    """Return x, y and layer of points in the centres of cells; NaN and 0 where the cell is -1."""
    placed = cell >= 0
    layer, row, column = grid.indices(np.where(placed, cell, 0))
    x, y = np.where(placed, grid.x[column], np.nan), np.where(placed, grid.y[row], np.nan)
    return {
        f"{prefix}_x": ((dim,), x, {"long_name": "Easting of the cell", "units": "m"}),
        f"{prefix}_y": ((dim,), y, {"long_name": "Northing of the cell", "units": "m"}),
        f"{prefix}_layer": ((dim,), np.where(placed, layer + 1, 0), {"long_name": "Layer, counted downwards", "units": "1"}),
    }


def _observations(problem: Problem, result: FlowResult) -> dict[str, Entry]:
    """Return the heads at observation points at each step, where they are, and what was measured there."""
    points = problem.observations
    if not points.names:
        return {}
    entries: dict[str, Entry] = {
        "observation": (("observation",), _text(points.names), {"long_name": "Observation point", "cf_role": "timeseries_id"}),
        "observation_head": ((STEP, "observation"), result.observation_head, described("head", cell_methods=f"{STEP}: point")),
        **_place(problem.grid, "observation", "observation", points.cell),
    }
    known = [name for name in points.names if name in points.measured]
    if known:
        times = [np.asarray(points.measured[name][0], dtype=np.float64) for name in known]
        heads = np.concatenate([np.asarray(points.measured[name][1], dtype=np.float64) for name in known])
        number = np.repeat([points.names.index(name) for name in known], [time.size for time in times])
        when = _times(problem, np.concatenate(times), "Time of the measurement")
        entries["measured_time"] = (("measurement",), when[0], {k: v for k, v in when[1].items() if k != "axis"})
        entries["measured_head"] = (("measurement",), heads, {"long_name": "Measured head", "units": "m"})
        entries["measured_point"] = (("measurement",), number, {"long_name": "Observation point, from 0", "units": "1"})
    return entries


def _wells(problem: Problem, result: FlowResult) -> dict[str, Entry]:
    """Return requested and delivered pumping of each well at each step, and what is known of the well."""
    if not problem.wells:
        return {}
    dims = (STEP, "well")
    mean = f"{STEP}: mean"
    groups = [group.name for group in problem.wells for _ in group.names]
    names = [name for group in problem.wells for name in group.names]
    if len(set(names)) < len(names):
        names = [f"{group}/{name}" for group, name in zip(groups, names, strict=True)]
    first = np.concatenate([_first_cell(group.well, group.cell, len(group.names)) for group in problem.wells])
    entries: dict[str, Entry] = {
        "well": (("well",), _text(names), {"long_name": "Well"}),
        "well_group": (("well",), _text(groups), {"long_name": "Group of the well; a term of the water budget"}),
        "pumping_rate": (dims, result.pumping_rate, described("pumping_rate", cell_methods=mean)),
        "pumping_rate_actual": (dims, result.pumping_rate_actual, described("pumping_rate_actual", cell_methods=mean)),
        **_place(problem.grid, "well", "well", first),
    }
    for key in sorted({key for group in problem.wells for key in group.attributes}):
        labels = [label for group in problem.wells for label in group.attributes.get(key, ("",) * len(group.names))]
        entries[f"well_{key}"] = (("well",), _text(labels), {"long_name": f"{key.replace('_', ' ').capitalize()} of the well"})
    return entries


def _first_cell(well: np.ndarray, cell: np.ndarray, n_well: int) -> np.ndarray:
    """Return the cell of the first connection of each well, -1 without one, shape ``(n_well,)``."""
    first = np.full(n_well, -1, dtype=np.int64)
    first[well[::-1]] = cell[::-1]
    return first


def _budget(result: FlowResult) -> dict[str, Entry]:
    """Return the water budget by term, layer and zone."""
    budget, problem = result.budget, result.problem
    kinds = ("storage", *(s.kind for s in problem.stresses), *(f.kind for f in problem.fixed_heads))
    mean = {"cell_methods": f"{STEP}: mean"}
    entries: dict[str, Entry] = {
        "term_kind": (("term",), _text(kinds), {"long_name": "Class of the term"}),
        "budget_inflow": ((STEP, "term"), budget.inflow, described("budget_inflow", **mean)),
        "budget_outflow": ((STEP, "term"), budget.outflow, described("budget_outflow", **mean)),
        "budget_error": ((STEP,), budget.error, described("budget_error", comment="|in - out| / max(in, out)")),
    }
    parts = [("layer", budget.layer_inflow, budget.layer_outflow, budget.layer_exchange)]
    if budget.zone_names:
        entries["zone"] = (("zone",), _text(budget.zone_names), {"long_name": "Zone of the water budget"})
        parts.append(("zone", budget.zone_inflow, budget.zone_outflow, budget.zone_exchange))
    for part, inflow, outflow, exchange in parts:
        between = {"long_name": f"Flow from one {part} to another", "units": "m3 d-1", **mean}
        entries[f"{part}_inflow"] = ((STEP, part, "term"), inflow, described("budget_inflow", **mean))
        entries[f"{part}_outflow"] = ((STEP, part, "term"), outflow, described("budget_outflow", **mean))
        entries[f"{part}_exchange"] = ((STEP, part, f"{part}_to"), exchange, between)
    return entries


def _solver(result: FlowResult) -> dict[str, Entry]:
    """Return how each step was solved."""
    table: Mapping[str, tuple[str, str]] = {
        "outer": ("outer_iterations", "Newton iterations"),
        "inner": ("inner_iterations", "Linear iterations"),
        "substeps": ("substeps", "Parts into which the step was cut"),
        "residual": ("residual", "Sum of absolute residuals over the flow through the model"),
        "largest_change": ("largest_change", "Largest head change of the last Newton iteration"),
    }
    length = result.problem.schedule.step_length
    period = result.problem.schedule.step_period
    entries: dict[str, Entry] = {
        "step_length": ((STEP,), length, {"long_name": "Length of the step", "units": "d"}),
        "step_period": ((STEP,), period + 1, {"long_name": "Stress period, from 1", "units": "1"}),
    }
    for key, (name, long_name) in table.items():
        unit = "m" if key == "largest_change" else "1"
        entries[name] = (
            (STEP,),
            np.array([getattr(report, key) for report in result.reports]),
            {"long_name": long_name, "units": unit},
        )
    return entries


def _map(problem: Problem) -> dict[str, Entry]:
    """Return the lines that maps draw, end to end, with the number of the line at each vertex."""
    lines = [(kind, line) for kind, group in problem.context.map_lines.items() for line in group if len(line)]
    if not lines:
        return {}
    vertices = np.concatenate([np.asarray(line, dtype=np.float64) for _, line in lines])
    number = np.repeat(np.arange(len(lines)), [len(line) for _, line in lines])
    return {
        "map_line_class": (("map_line",), _text([kind for kind, _ in lines]), {"long_name": "Class of the line"}),
        "map_vertex_line": (("map_vertex",), number, {"long_name": "Line of the vertex, from 0", "units": "1"}),
        "map_x": (("map_vertex",), vertices[:, 0], {"long_name": "Easting of the vertex", "units": "m"}),
        "map_y": (("map_vertex",), vertices[:, 1], {"long_name": "Northing of the vertex", "units": "m"}),
    }


def _text(names: Any) -> np.ndarray:
    """Return names as an array of text."""
    return np.array(list(names), dtype=object) if len(names) else np.zeros(0, dtype="U1")
