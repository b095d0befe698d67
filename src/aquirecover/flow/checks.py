"""Physical checks of a problem, once its grid is known; every finding is returned, none is raised.

Needs numpy alone (and scipy for a steady period), so that a scenario is validated in about a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from aquirecover.errors import Collector, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.conductance import conductances, flowing_cells
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Drain, FlowBarrier, GeneralHead, River, Stress, Wells
from aquirecover.variables import VARIABLES, base_unit

# What a message calls the item of a number.
Label: TypeAlias = Callable[[int], str]


def check_problem(problem: Problem, equilibrium: bool = False) -> list[Finding]:
    """Return everything in a problem that breaks a physical rule, in the order grid, time, properties, stresses.

    Later groups are only looked at when grid and time are sound, since they need them.

    Parameters
    ----------
    problem : Problem
        To be checked.
    equilibrium : bool
        Whether an equilibrium is sought, so that storage alone does not determine the heads.
    """
    found = Collector()
    _check_grid(problem.grid, found)
    _check_schedule(problem.schedule, found)
    if found.findings:
        return found.findings
    _check_properties(problem, found)
    _check_names(problem, found)
    for stress in problem.stresses:
        _check_stress(problem, stress, found)
        if isinstance(stress, Wells):
            _check_wells(problem, stress, found)
        elif isinstance(stress, (River, Drain, GeneralHead)):
            _check_elevations(problem, stress, found)
    _check_well_names(problem, found)
    _check_fixed_heads(problem, found)
    _check_fixed_once(problem, found)
    for barrier in problem.barriers:
        _check_barrier(problem.grid, barrier, found)
    _check_observations(problem, found)
    if not found.findings:
        _check_levels(problem, equilibrium or bool(problem.schedule.steady.any()), found)
    return found.findings


def _broken(name: str, values: FloatArray) -> BoolArray:
    """Return where values break the rule of a registered variable."""
    variable = VARIABLES[name]
    below = values <= 0.0 if variable.positive else values < variable.valid_min
    bad: BoolArray = ~np.isfinite(values) | below | (values > variable.valid_max)
    return bad


def _report(found: Collector, key: str, name: str, value: float, more: int, remedy: str = "") -> None:
    """Add a finding on one value of a registered variable, and how many more there are."""
    variable = VARIABLES[name]
    unit = "" if variable.unit == "1" else f" {base_unit(variable.unit)}"
    others = f" ({more} more like it.)" if more else ""
    found.add(key, f"{value:g}{unit}: {variable.broken_rule(value)}.{remedy}{others}")


def _check_cells(grid: Grid, name: str, values: FloatArray, where: BoolArray, found: Collector) -> None:
    """Check a field of a registered variable in chosen cells."""
    bad = np.flatnonzero(_broken(name, values) & where)
    if bad.size:
        _report(found, f"{name}[{grid.describe(int(bad[0]))}]", name, float(values.flat[bad[0]]), bad.size - 1)


def _check_grid(grid: Grid, found: Collector) -> None:
    for name, sizes, kind in (("dx", grid.dx, "column"), ("dy", grid.dy, "row")):
        bad = np.flatnonzero(~(np.isfinite(sizes) & (sizes > 0.0)))
        if bad.size:
            found.add(f"grid.{name}[{kind} {bad[0] + 1}]", f"{sizes[bad[0]]:g} m: must be greater than 0.")
    if not grid.active.any():
        found.add("grid.active", "no cell is active: at least one must be.")
    both = np.flatnonzero(grid.active & grid.pass_through)
    if both.size:
        found.add(f"grid.pass_through[{grid.describe(int(both[0]))}]", "the cell is also active: it can only be one of both.")
    unknown = np.flatnonzero(grid.active & ~np.isfinite(grid.thickness))
    if unknown.size:
        cell = int(unknown[0])
        found.add(f"grid.bottom[{grid.describe(cell)}]", f"{grid.bottom.flat[cell]:g} m: must be a finite number, as its top.")
        return
    crossed = np.flatnonzero(grid.active & (grid.thickness <= 0.0))
    if crossed.size:
        cell = int(crossed[0])
        top, bottom = grid.layer_top.flat[cell], grid.bottom.flat[cell]
        more = f" ({crossed.size - 1} more like it.)" if crossed.size > 1 else ""
        found.add(
            f"grid.bottom[{grid.describe(cell)}]",
            f"{bottom:g} m: must be below the top of the layer, {top:g} m; the layer surfaces cross. "
            f"Give the layer a minimum thickness, or make the cell inactive or pass-through.{more}",
        )


def _check_schedule(schedule: Schedule, found: Collector) -> None:
    if schedule.n_period == 0:
        found.add("schedule.period_length", "has no stress period: give one or more.")
    try:
        np.datetime64(schedule.start)
    except ValueError:
        found.add("schedule.start", f"{schedule.start!r}: must be a date as 2021-01-01.")
    for period in range(schedule.n_period):
        length, steady = schedule.period_length[period], schedule.steady[period]
        key = f"schedule.period_length[period {period + 1}]"
        if not np.isfinite(length) or length < 0.0 or (length == 0.0 and not steady):
            found.add(key, f"{length:g} d: must be greater than 0 (or 0 in a steady period).")
        if schedule.n_steps[period] < 1:
            found.add(f"schedule.n_steps[period {period + 1}]", f"{schedule.n_steps[period]}: must be 1 or more.")
        if not 0.0 < schedule.step_multiplier[period] < np.inf:
            found.add(
                f"schedule.step_multiplier[period {period + 1}]", f"{schedule.step_multiplier[period]:g}: must be greater than 0."
            )


def _check_properties(problem: Problem, found: Collector) -> None:
    grid, properties = problem.grid, problem.properties
    for name in ("k", "k22", "k33", "specific_storage"):
        values = getattr(properties, name)
        # k22 and k33 are k unless given, and what is wrong is said once
        if name not in ("k22", "k33") or not np.array_equal(values, properties.k, equal_nan=True):
            _check_cells(grid, name, values, grid.active, found)
    _check_cells(grid, "specific_yield", properties.specific_yield, grid.active & properties.convertible, found)
    between = grid.active[:-1] & (grid.active | grid.pass_through)[1:] & ~np.isnan(properties.leakance)
    bad = np.flatnonzero(_broken("leakance", properties.leakance) & between)
    if bad.size:
        value = float(properties.leakance.flat[bad[0]])
        _report(found, f"leakance[{grid.describe(int(bad[0]))}]", "leakance", value, bad.size - 1)
    if problem.initial_head.shape != grid.shape:
        found.add("initial_head", f"has shape {problem.initial_head.shape}: must be (n_layer, n_y, n_x) = {grid.shape}.")
        return
    _check_cells(grid, "initial_head", problem.initial_head, grid.active, found)


def _check_names(problem: Problem, found: Collector) -> None:
    seen = {"storage"}
    for name in problem.terms[1:]:
        if name in seen:
            found.add(name, "another term of the budget has this name: names of stresses must differ.")
        seen.add(name)


def _check_cell_numbers(grid: Grid, name: str, cell: IntArray, label: Label, found: Collector) -> bool:
    """Report cells outside the grid or inactive; tell whether all are sound."""
    outside = np.flatnonzero((cell < 0) | (cell >= grid.n_cell))
    for n in outside[:5]:
        found.add(f"{name}.{label(n)}", "lies outside the grid: must lie in an active cell.")
    inside = np.flatnonzero((cell >= 0) & (cell < grid.n_cell))
    inactive = inside[~grid.active.ravel()[cell[inside]]]
    for n in inactive[:5]:
        found.add(f"{name}.{label(n)}", f"lies in {grid.describe(int(cell[n]))}, which is inactive: must lie in an active cell.")
    return outside.size == 0 and inactive.size == 0


def _check_stress(problem: Problem, stress: Stress, found: Collector) -> None:
    grid = problem.grid
    per_cell: Label = _numbered
    per_item: Label = _numbered
    if isinstance(stress, Wells):
        names, well = stress.names, stress.well
        per_cell, per_item = (lambda n: names[well[n]]), (lambda n: names[n])
    _check_cell_numbers(grid, stress.name, stress.cell, per_cell, found)
    for name, series in stress.values().items():
        _check_series(problem, stress.name, name, series, per_item, found)


def _numbered(n: int) -> str:
    return f"cell[{n + 1}]"


def _check_series(problem: Problem, owner: str, name: str, series: FloatArray, label: Label, found: Collector) -> None:
    n_period = problem.schedule.n_period
    if series.ndim == 2 and series.shape[0] != n_period:
        found.add(f"{owner}.{name}", f"has {series.shape[0]} periods: the schedule has {n_period}.")
        return
    bad = np.argwhere(_broken(name, series))
    if bad.size:
        first = tuple(int(i) for i in bad[0])
        period = f"[period {first[0] + 1}]" if series.ndim == 2 else ""
        remedy = (
            " Extraction is positive; to inject water use injection_rate."
            if name == "pumping_rate" and series[first] < 0.0
            else ""
        )
        key = f"{owner}.{label(first[-1])}.{name}{period}"
        _report(found, key, name, float(series[first]), len(bad) - 1, remedy)


def _check_well_names(problem: Problem, found: Collector) -> None:
    owner: dict[str, str] = {}
    for wells in problem.wells:
        for name in wells.names:
            if name in owner:
                found.add(f"{wells.name}.{name}", f"another well of {owner[name]} has this name: names of wells must differ.")
            owner[name] = wells.name


def _check_elevations(problem: Problem, stress: River | Drain | GeneralHead, found: Collector) -> None:
    """Check that a river bed lies below its stage and that no convertible cell is drawn below its bottom."""
    n_period, grid = problem.schedule.n_period, problem.grid
    values = stress.values()
    if any(series.ndim == 2 and series.shape[0] != n_period for series in values.values()):
        return  # reported already
    if isinstance(stress, River):
        for place, stage, bed in _pairs(stress.stage, stress.bottom_elevation):
            found.add(f"{stress.name}.{place}.bottom_elevation", f"{bed:g} m: must not be above the stage, {stage:g} m.")
    sound = (stress.cell >= 0) & (stress.cell < grid.n_cell)
    cell = np.where(sound, stress.cell, 0)
    limit = np.where(sound & problem.properties.convertible.ravel()[cell], grid.bottom.ravel()[cell], -np.inf)
    name = {"river": "stage", "drain": "elevation", "general_head": "boundary_head"}[stress.kind]
    for place, value, bottom in _pairs(values[name], limit):
        rule = f"must not be below the bottom of its convertible cell, {bottom:g} m."
        found.add(f"{stress.name}.{place}.{name}", f"{value:g} m: {rule}")


def _pairs(upper: FloatArray, lower: FloatArray) -> list[tuple[str, float, float]]:
    """Return the first place where `upper` lies below `lower`, with both values, in a list that is empty where none does."""
    above, below = np.broadcast_arrays(upper, lower)
    bad = np.argwhere(above < below)
    if not bad.size:
        return []
    first = tuple(int(i) for i in bad[0])
    period = f"[period {first[0] + 1}]" if above.ndim == 2 else ""
    return [(f"cell[{first[-1] + 1}]{period}", float(above[first]), float(below[first]))]


def _check_wells(problem: Problem, wells: Wells, found: Collector) -> None:
    if not 0.0 <= wells.flow_reduction <= 1.0:
        found.add(f"{wells.name}.flow_reduction", f"{wells.flow_reduction:g}: must be from 0 to 1.")
    for n in np.flatnonzero(wells.fraction < 0.0)[:5]:
        found.add(f"{wells.name}.{wells.names[wells.well[n]]}.fraction", f"{wells.fraction[n]:g}: must be 0 or more.")
    connected = np.bincount(wells.well, minlength=len(wells.names))
    for n in np.flatnonzero(connected == 0)[:5]:
        found.add(f"{wells.name}.{wells.names[n]}", "has no cell: its screen must cross an active cell.")
    total = np.bincount(wells.well, weights=wells.fraction, minlength=len(wells.names))
    for n in np.flatnonzero((connected > 0) & ~(np.abs(total - 1.0) < 1e-9))[:5]:
        found.add(f"{wells.name}.{wells.names[n]}.fraction", f"sums to {total[n]:g} over the cells of the well: must sum to 1.")
    for boundary in problem.fixed_heads:
        for n in np.flatnonzero(np.isin(wells.cell, boundary.cell))[:5]:
            found.add(
                f"{wells.name}.{wells.names[wells.well[n]]}",
                f"lies in {problem.grid.describe(int(wells.cell[n]))}, whose head is fixed by {boundary.name}: it would "
                "pump from the boundary alone. Move the well or the boundary.",
            )


def _check_fixed_heads(problem: Problem, found: Collector) -> None:
    grid = problem.grid
    for boundary in problem.fixed_heads:
        sound = _check_cell_numbers(grid, boundary.name, boundary.cell, _numbered, found)
        _check_series(problem, boundary.name, "head", boundary.head, _numbered, found)
        if not sound or boundary.head.size == 0:
            continue
        lowest = boundary.head.min(axis=0) if boundary.head.ndim == 2 else boundary.head
        convertible = problem.properties.convertible.ravel()[boundary.cell]
        below = np.flatnonzero((lowest < grid.bottom.ravel()[boundary.cell]) & convertible)
        if below.size:
            cell = int(boundary.cell[below[0]])
            found.add(
                f"{boundary.name}.{_numbered(int(below[0]))}.head",
                f"{lowest[below[0]]:g} m: must be above the bottom of its convertible cell, {grid.bottom.flat[cell]:g} m "
                f"({grid.describe(cell)}).",
            )


def _check_fixed_once(problem: Problem, found: Collector) -> None:
    """Report for each boundary a cell that has a fixed head already."""
    boundaries = problem.fixed_heads
    cell = np.concatenate([np.zeros(0, dtype=np.int64), *(boundary.cell for boundary in boundaries)])
    owner = np.repeat(np.arange(len(boundaries)), [boundary.cell.size for boundary in boundaries])
    order = np.argsort(cell, kind="stable")
    again = np.flatnonzero(cell[order[1:]] == cell[order[:-1]])
    numbers, first = np.unique(owner[order[1:][again]], return_index=True)
    for number, place in zip(numbers, again[first], strict=True):
        where, other = problem.grid.describe(int(cell[order[place]])), boundaries[owner[order[place]]]
        found.add(boundaries[number].name, f"{where} is fixed twice, also by {other.name}: fix it once.")


def _check_barrier(grid: Grid, barrier: FlowBarrier, found: Collector) -> None:
    sound = _check_cell_numbers(grid, barrier.name, barrier.cell, _numbered, found)
    sound &= _check_cell_numbers(grid, barrier.name, barrier.neighbour, _numbered, found)
    bad = np.flatnonzero(_broken("hydraulic_characteristic", barrier.hydraulic_characteristic))
    if bad.size:
        value = float(barrier.hydraulic_characteristic[bad[0]])
        key = f"{barrier.name}.{_numbered(int(bad[0]))}.hydraulic_characteristic"
        _report(found, key, "hydraulic_characteristic", value, bad.size - 1)
    if not sound:
        return
    layer, row, column = grid.indices(barrier.cell)
    layer2, row2, column2 = grid.indices(barrier.neighbour)
    apart = np.flatnonzero((layer != layer2) | (np.abs(row - row2) + np.abs(column - column2) != 1))
    if apart.size:
        first, second = (grid.describe(int(cells[apart[0]])) for cells in (barrier.cell, barrier.neighbour))
        found.add(f"{barrier.name}.{_numbered(int(apart[0]))}", f"{first} and {second} must be horizontal neighbours.")
    faces = np.sort(np.stack((barrier.cell, barrier.neighbour)), axis=0)
    _, first_place, count = np.unique(faces, axis=1, return_index=True, return_counts=True)
    for n in first_place[count > 1][:1]:
        first, second = (grid.describe(int(cells[n])) for cells in faces)
        found.add(f"{barrier.name}.{_numbered(int(n))}", f"the face between {first} and {second} is listed twice: list it once.")


def _check_observations(problem: Problem, found: Collector) -> None:
    observations = problem.observations
    if len(set(observations.names)) != len(observations.names) or len(observations.names) != observations.cell.size:
        numbers = f"{len(observations.names)} names for {observations.cell.size} cells"
        found.add("observations", f"{numbers}: names must be unique, one a cell.")
        return
    for name in sorted(set(observations.measured) - set(observations.names))[:5]:
        found.add(f"observations.measured.{name}", "is the name of no observation point: must be one of observations.names.")
    _check_cell_numbers(problem.grid, "observations", observations.cell, lambda n: observations.names[n], found)
    zones = problem.zones
    if zones is None:
        return
    if zones.index.shape != problem.grid.shape or zones.index.max(initial=-1) >= len(zones.names):
        numbers = f"index has shape {zones.index.shape} and {len(zones.names)} names"
        found.add("zones", f"{numbers}: must cover the grid and its numbers.")
    if len({*zones.names, "rest"}) != len(zones.names) + 1:
        found.add("zones.names", "must be unique, and none of them `rest`.")


def _check_levels(problem: Problem, steady: bool, found: Collector) -> None:
    """Every connected part needs a level to hold on to: always when steady, else unless it stores water."""
    properties = problem.properties
    stores = (properties.specific_storage > 0.0) | (properties.convertible & (properties.specific_yield > 0.0))
    if not steady and stores[problem.grid.active].all():
        return
    flowing = flowing_cells(problem.grid)
    part, n_part = _connected(problem, flowing)
    held = np.zeros(n_part + 1, dtype=bool)
    for boundary in problem.fixed_heads:
        held[part.ravel()[boundary.cell]] = True
    for stress in problem.stresses:
        if stress.holds_head():
            held[part.ravel()[stress.cell]] = True
    if not steady:
        held[part[stores & flowing]] = True
    held[part[~flowing]] = True
    for number in np.flatnonzero(~held[1:])[:3] + 1:
        cell = int(np.flatnonzero(part.ravel() == number)[0])
        size = int((part == number).sum())
        found.add(
            "fixed_heads",
            f"{size} connected cells about {problem.grid.describe(cell)} have no fixed head, general head, river, drain or "
            f"evapotranspiration{', and a steady state is sought' if steady else ' and no storage'}: the head is not determined. "
            "Add a boundary that holds a head, give storage and transient periods, or make the cells inactive.",
        )


def _connected(problem: Problem, flowing: BoolArray) -> tuple[IntArray, int]:
    """Return the number of the connected part of each cell, from 1, and how many parts there are; 0 may stand for no flow."""
    grid = problem.grid
    if not (problem.barriers or grid.pass_through.any() or (problem.properties.leakance == 0.0).any()):
        if flowing.all():
            return np.ones(grid.shape, dtype=np.int64), 1
        from scipy import ndimage

        part, n_part = ndimage.label(flowing)
        return part.astype(np.int64), int(n_part)
    # closed faces part the model, and pass-through cells join it along the vertical alone
    from scipy import sparse
    from scipy.sparse import csgraph

    faces, (_, n_y, n_x) = conductances(problem), grid.shape
    near, far = [], []
    for c, offset in ((faces.cx, 1), (faces.cy, n_x), (faces.cz, n_y * n_x)):
        open_face = np.flatnonzero(c > 0.0)
        near.append(open_face)
        far.append(open_face + offset)
    pairs = (np.concatenate(near), np.concatenate(far))
    graph = sparse.coo_array((np.ones(pairs[0].size, dtype=bool), pairs), shape=(grid.n_cell, grid.n_cell))
    n_part, part = csgraph.connected_components(graph, directed=False)
    return part.reshape(grid.shape).astype(np.int64) + 1, int(n_part)
