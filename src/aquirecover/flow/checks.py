"""Physical checks of a problem, once its grid is known; every finding is returned, none is raised.

Needs numpy alone (and `scipy.ndimage` for a steady period), so that a scenario is validated in about a second.
"""

from __future__ import annotations

import numpy as np

from aquirecover.errors import Collector, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.conductance import flowing_cells
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import FixedHead, FlowBarrier, Stress, Wells
from aquirecover.variables import VARIABLES, base_unit


def check_problem(problem: Problem) -> list[Finding]:
    """Return everything in a problem that breaks a physical rule, in the order grid, properties, time, stresses.

    Later groups are only looked at when the grid is sound, since they need it.
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
    _check_fixed_heads(problem, found)
    for barrier in problem.barriers:
        _check_barrier(problem.grid, barrier, found)
    _check_observations(problem, found)
    if not found.findings:
        _check_levels(problem, found)
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
    unknown = np.flatnonzero(grid.active & ~(np.isfinite(grid.bottom) & np.isfinite(grid.layer_top)))
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
    for period in range(schedule.n_period):
        length, steady = schedule.period_length[period], schedule.steady[period]
        key = f"schedule.period_length[period {period + 1}]"
        if not np.isfinite(length) or length < 0.0 or (length == 0.0 and not steady):
            found.add(key, f"{length:g} d: must be greater than 0 (or 0 in a steady period).")
        if schedule.n_steps[period] < 1:
            found.add(f"schedule.n_steps[period {period + 1}]", f"{schedule.n_steps[period]}: must be 1 or more.")
        if not schedule.step_multiplier[period] > 0.0:
            found.add(
                f"schedule.step_multiplier[period {period + 1}]", f"{schedule.step_multiplier[period]:g}: must be greater than 0."
            )


def _check_properties(problem: Problem, found: Collector) -> None:
    grid, properties = problem.grid, problem.properties
    for name in ("k", "k22", "k33", "specific_storage"):
        _check_cells(grid, name, getattr(properties, name), grid.active, found)
    _check_cells(grid, "specific_yield", properties.specific_yield, grid.active & properties.convertible, found)
    between = grid.active[:-1] & grid.active[1:] & ~np.isnan(properties.leakance)
    bad = np.flatnonzero(_broken("leakance", properties.leakance) & between)
    if bad.size:
        _report(found, f"leakance[{grid.describe(int(bad[0]))}]", "leakance", float(properties.leakance.flat[bad[0]]), bad.size - 1)
    _check_cells(grid, "initial_head", problem.initial_head, grid.active, found)


def _check_names(problem: Problem, found: Collector) -> None:
    seen = {"storage"}
    for item in (*problem.stresses, *problem.fixed_heads):
        if item.name in seen:
            found.add(item.name, "another term of the budget has this name: names of stresses must differ.")
        seen.add(item.name)


def _check_cell_numbers(grid: Grid, name: str, cell: IntArray, labels: tuple[str, ...], found: Collector) -> bool:
    """Report cells outside the grid or inactive; tell whether all are sound."""
    outside = np.flatnonzero((cell < 0) | (cell >= grid.n_cell))
    for n in outside[:5]:
        found.add(f"{name}.{labels[n]}", "lies outside the grid: must lie in an active cell.")
    inside = np.flatnonzero((cell >= 0) & (cell < grid.n_cell))
    inactive = inside[~grid.active.ravel()[cell[inside]]]
    for n in inactive[:5]:
        found.add(f"{name}.{labels[n]}", f"lies in {grid.describe(int(cell[n]))}, which is inactive: must lie in an active cell.")
    return outside.size == 0 and inactive.size == 0


def _check_stress(problem: Problem, stress: Stress, found: Collector) -> None:
    grid = problem.grid
    wells = isinstance(stress, Wells)
    per_cell = tuple(stress.names[w] for w in stress.well) if isinstance(stress, Wells) else _numbered(stress.n)
    per_item = stress.names if isinstance(stress, Wells) else per_cell
    _check_cell_numbers(grid, stress.name, stress.cell, per_cell, found)
    for name, series in stress.values().items():
        _check_series(problem, stress.name, name, series, per_item, found)
    if wells:
        _check_wells(problem, stress, found)


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(f"cell[{i + 1}]" for i in range(n))


def _check_series(
    problem: Problem, owner: str, name: str, series: FloatArray, labels: tuple[str, ...], found: Collector
) -> None:
    n_period = problem.schedule.n_period
    if series.ndim == 2 and series.shape[0] != n_period:
        found.add(f"{owner}.{name}", f"has {series.shape[0]} periods: the schedule has {n_period}.")
        return
    bad = np.argwhere(_broken(name, series))
    if bad.size:
        first = tuple(int(i) for i in bad[0])
        period = f"[period {first[0] + 1}]" if series.ndim == 2 else ""
        remedy = " Extraction is positive; to inject water use injection_rate." if name == "pumping_rate" else ""
        key = f"{owner}.{labels[first[-1]]}.{name}{period}"
        _report(found, key, name, float(series[first]), len(bad) - 1, remedy)


def _check_wells(problem: Problem, wells: Stress, found: Collector) -> None:
    assert isinstance(wells, Wells)
    connected = np.bincount(wells.well, minlength=len(wells.names))
    for n in np.flatnonzero(connected == 0)[:5]:
        found.add(f"{wells.name}.{wells.names[n]}", "has no cell: its screen must cross an active cell.")
    total = np.bincount(wells.well, weights=wells.fraction, minlength=len(wells.names))
    for n in np.flatnonzero((connected > 0) & ~(np.abs(total - 1.0) < 1e-9))[:5]:
        found.add(f"{wells.name}.{wells.names[n]}.fraction", f"sums to {total[n]:g} over the cells of the well: must sum to 1.")
    fixed = {int(cell): boundary.name for boundary in problem.fixed_heads for cell in boundary.cell}
    for n in [n for n, cell in enumerate(wells.cell) if int(cell) in fixed][:5]:
        found.add(
            f"{wells.name}.{wells.names[wells.well[n]]}",
            f"lies in {problem.grid.describe(int(wells.cell[n]))}, whose head is fixed by {fixed[int(wells.cell[n])]}: it would "
            "pump from the boundary alone. Move the well or the boundary.",
        )


def _check_fixed_heads(problem: Problem, found: Collector) -> None:
    grid = problem.grid
    owner: dict[int, FixedHead] = {}
    for boundary in problem.fixed_heads:
        labels = _numbered(boundary.cell.size)
        sound = _check_cell_numbers(grid, boundary.name, boundary.cell, labels, found)
        _check_series(problem, boundary.name, "head", boundary.head, labels, found)
        for cell in boundary.cell.tolist() if sound else ():
            if cell in owner:
                found.add(boundary.name, f"{grid.describe(cell)} is fixed twice, also by {owner[cell].name}: fix it once.")
                break
            owner[cell] = boundary
        if not sound or boundary.head.size == 0:
            continue
        lowest = boundary.head.min(axis=0) if boundary.head.ndim == 2 else boundary.head
        below = np.flatnonzero((lowest < grid.bottom.ravel()[boundary.cell]) & problem.properties.convertible.ravel()[boundary.cell])
        if below.size:
            cell = int(boundary.cell[below[0]])
            found.add(
                f"{boundary.name}.{labels[below[0]]}.head",
                f"{lowest[below[0]]:g} m: must be above the bottom of its convertible cell, {grid.bottom.flat[cell]:g} m "
                f"({grid.describe(cell)}).",
            )


def _check_barrier(grid: Grid, barrier: FlowBarrier, found: Collector) -> None:
    labels = _numbered(barrier.cell.size)
    sound = _check_cell_numbers(grid, barrier.name, barrier.cell, labels, found)
    sound &= _check_cell_numbers(grid, barrier.name, barrier.neighbour, labels, found)
    bad = np.flatnonzero(_broken("hydraulic_characteristic", barrier.hydraulic_characteristic))
    if bad.size:
        value = float(barrier.hydraulic_characteristic[bad[0]])
        key = f"{barrier.name}.{labels[bad[0]]}.hydraulic_characteristic"
        _report(found, key, "hydraulic_characteristic", value, bad.size - 1)
    if not sound:
        return
    layer, row, column = grid.indices(barrier.cell)
    layer2, row2, column2 = grid.indices(barrier.neighbour)
    apart = np.flatnonzero((layer != layer2) | (np.abs(row - row2) + np.abs(column - column2) != 1))
    if apart.size:
        first, second = (grid.describe(int(cells[apart[0]])) for cells in (barrier.cell, barrier.neighbour))
        found.add(f"{barrier.name}.{labels[apart[0]]}", f"{first} and {second} must be horizontal neighbours.")


def _check_observations(problem: Problem, found: Collector) -> None:
    observations = problem.observations
    if len(set(observations.names)) != len(observations.names) or len(observations.names) != observations.cell.size:
        found.add("observations", f"{len(observations.names)} names for {observations.cell.size} cells: names must be unique, one a cell.")
        return
    _check_cell_numbers(problem.grid, "observations", observations.cell, observations.names, found)
    zones = problem.zones
    if zones is not None and (zones.index.shape != problem.grid.shape or zones.index.max(initial=-1) >= len(zones.names)):
        found.add("zones", f"index has shape {zones.index.shape} and {len(zones.names)} names: must cover the grid and its numbers.")


def _check_levels(problem: Problem, found: Collector) -> None:
    """Every connected part needs a level to hold on to: always when steady, else unless it stores water."""
    schedule = problem.schedule
    properties = problem.properties
    stores = (properties.specific_storage > 0.0) | (properties.convertible & (properties.specific_yield > 0.0))
    if not schedule.steady.any() and stores[problem.grid.active].all():
        return
    from scipy import ndimage

    flowing = flowing_cells(problem.grid)
    part, n_part = ndimage.label(flowing)
    held = np.zeros(n_part + 1, dtype=bool)
    for boundary in problem.fixed_heads:
        held[part.ravel()[boundary.cell]] = True
    for stress in problem.stresses:
        if stress.holds_head():
            held[part.ravel()[stress.cell]] = True
    if not schedule.steady.any():
        held[part[stores & flowing]] = True
    for number in np.flatnonzero(~held[1:])[:3] + 1:
        cell = int(np.flatnonzero(part.ravel() == number)[0])
        size = int((part == number).sum())
        found.add(
            "fixed_heads",
            f"{size} connected cells about {problem.grid.describe(cell)} have no fixed head, general head or river"
            f"{', and a period is steady' if schedule.steady.any() else ' and no storage'}: the head is not determined. "
            "Add a boundary that holds a head, give storage and transient periods, or make the cells inactive.",
        )
