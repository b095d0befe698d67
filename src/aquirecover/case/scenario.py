"""From a scenario or model file to a problem: read, build on the grid, check."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.case import context_builder as surroundings
from aquirecover.case import geo
from aquirecover.case.cell_builder import build_cell_stresses
from aquirecover.case.config import CaseFiles, ModelConfig, read_case
from aquirecover.case.findings import in_order
from aquirecover.case.grid_builder import build_ground, build_plan
from aquirecover.case.restrictions import Rule, WellTable, breakpoints
from aquirecover.case.rule_builder import build_rules
from aquirecover.case.site import FileFinding, Files, Places, Plan, Site, collecting
from aquirecover.case.stress_builder import SECTIONS, Builder, build_barriers, build_fixed_heads, build_stresses
from aquirecover.case.stress_config import Evapotranspiration, Recharge, River
from aquirecover.case.timeline import Timeline, changing_months, day_of, merge_edges, month_starts, period_edges
from aquirecover.case.values import Value
from aquirecover.case.well_builder import Pumping, build_wells
from aquirecover.case.well_tables import GroupTable, rate_changes, read_groups
from aquirecover.errors import Collector, ConfigError, Finding, InputFileError, ResourceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Context, Observations, Problem
from aquirecover.flow.stresses import FixedHead, FlowBarrier, Stress
from aquirecover.variables import to_number

if TYPE_CHECKING:
    from aquirecover.flow.simulate import SimulateSettings
    from aquirecover.modflow.settings import ModflowSettings

LARGEST_SERIES = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Case:
    """A problem with what is needed to run and to repeat it.

    Parameters
    ----------
    problem : Problem
        On its grid.
    settings : SimulateSettings
        Of the native engine.
    config : dict
        The model with all overrides, and the scenario, as plain values.
    inputs : mapping of str to str
        SHA-256 of every file that was read, by its path in the workspace.
    log : tuple of str
        Each effective change by an override or a restriction, old → new.
    site : Site
        Named places of the model and scenario, and their files.
    plan : Plan
        The grid seen from above.
    register : WellTable
        The wells, in the order of `Problem.wells`, all in a row.
    modflow : ModflowSettings or None
        Of MODFLOW 6, where the files have any.
    """

    problem: Problem
    settings: SimulateSettings
    config: dict[str, Any]
    inputs: Mapping[str, str]
    log: tuple[str, ...]
    site: Site = field(repr=False)
    plan: Plan = field(repr=False)
    register: WellTable = field(repr=False)
    modflow: ModflowSettings | None = None


@dataclass(frozen=True)
class Report:
    """What a case holds, found without running it.

    Parameters
    ----------
    name, title : str
        Of the run.
    shape : tuple of int
        Layers, rows and columns.
    n_cells, active_cells : int
        Cells, and those that take part.
    periods, steps : int
        Stress periods and time steps.
    start, end : str
        Dates.
    wells, observations : int
        Numbers of them.
    terms : tuple of str
        Terms of the water budget.
    log, warnings : tuple of str
        Effective changes by overrides and restrictions; what a person should know.
    inputs : mapping of str to str
        SHA-256 of every file that was read.
    """

    name: str
    title: str
    shape: tuple[int, int, int]
    n_cells: int
    active_cells: int
    periods: int
    steps: int
    start: str
    end: str
    wells: int
    observations: int
    terms: tuple[str, ...]
    log: tuple[str, ...]
    warnings: tuple[str, ...]
    inputs: Mapping[str, str]


def load_case(
    path: str | os.PathLike[str],
    *,
    cell_size: float | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    allow_outside: bool = False,
) -> Case:
    """Read a scenario with its model, or a model alone, and build it on its grid.

    Parameters
    ----------
    path : path
        Scenario or model file.
    cell_size : float or str, optional
        Side of a cell instead of the model's, m or with a unit, as ``250 m``.
    overrides : mapping, optional
        Further values of the model by dotted path, as ``{"layers.qp1.k": 40}``.
    allow_outside : bool
        Files outside the workspace may be read.

    Raises
    ------
    ConfigError
        With everything that breaks a rule.
    InputFileError
        When nothing but input files is wrong: missing, unreadable, or outside the workspace.
    ResourceError
        When the grid or its series would be too large.
    """
    from aquirecover.flow.linear import LinearSettings
    from aquirecover.flow.newton import NewtonSettings
    from aquirecover.flow.simulate import SimulateSettings, TimeSettings

    files = _read(path, cell_size, overrides, allow_outside)
    problem, site, plan, register = _build(files)
    chosen = files.model.settings
    settings = SimulateSettings(
        newton=chosen.newton or NewtonSettings(),
        linear=chosen.linear or LinearSettings(),
        time=chosen.time or TimeSettings(),
    )
    inputs, log = dict(files.workspace.inputs), problem.context.restriction_log
    return Case(problem, settings, files.resolved, inputs, log, site, plan, register, chosen.modflow)


def load_problem(
    path: str | os.PathLike[str],
    *,
    cell_size: float | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    allow_outside: bool = False,
) -> Problem:
    """Return the problem of a scenario or model file; see `load_case`."""
    return _build(_read(path, cell_size, overrides, allow_outside))[0]


def validate(
    path: str | os.PathLike[str],
    *,
    cell_size: float | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    allow_outside: bool = False,
) -> Report:
    """Check a scenario or model file without running it; see `load_case` for parameters and errors."""
    files = _read(path, cell_size, overrides, allow_outside)
    problem, *_ = _build(files)
    grid, schedule = problem.grid, problem.schedule
    return Report(
        name=problem.name,
        title=problem.context.title,
        shape=grid.shape,
        n_cells=grid.n_cell,
        active_cells=int(grid.active.sum()),
        periods=schedule.n_period,
        steps=schedule.n_step,
        start=files.model.time.start.isoformat(),
        end=files.model.time.last.isoformat(),
        wells=sum(len(wells.names) for wells in problem.wells),
        observations=len(problem.observations.names),
        terms=problem.terms,
        log=problem.context.restriction_log,
        warnings=problem.context.warnings,
        inputs=dict(files.workspace.inputs),
    )


def _read(
    path: str | os.PathLike[str], cell_size: float | str | None, overrides: Mapping[str, Any] | None, allow_outside: bool
) -> CaseFiles:
    """Return the files of a case with the cell size of the run, which is logged like an override."""
    files, size = read_case(path, overrides=overrides, allow_outside=allow_outside), _size(cell_size)
    if size is None:
        return files
    if files.model.grid.cell_size is None:
        raise ConfigError(
            [files.located(Finding("grid.dx", "gives the cells of this model one by one: it has no cell_size to change."))]
        )
    change = f"run cell_size: {files.model.grid.cell_size:g} → {size:g} m"
    return replace(files, cell_size=size, log=(*files.log, change))


def _build(files: CaseFiles) -> tuple[Problem, Site, Plan, WellTable]:
    """Return the problem of files that passed their schema, checked physically, its place, its grid in plan and its wells."""
    from aquirecover.flow.checks import check_problem

    model, errors = files.model, Collector()
    if model.crs is not None and (message := geo.unfit_crs(model.crs)):
        _raise(files, [Finding(f"crs = {model.crs!r}", message)])
    inputs = Files(files.workspace, files.model_file.parent)
    places = Places({"areas": model.areas, "lines": model.lines}, inputs, model.crs, errors)
    site = Site(model.crs, inputs, places, errors)
    with collecting(errors, "grid.around"):
        plan = build_plan(model.grid, len(model.layers), files.cell_size, site)
        places.check_all(plan.extent)
        problem, register = _on_plan(files, plan, site)
    _raise(files, errors.findings)
    _raise(files, check_problem(problem))
    return problem, site, plan, register


def _size(cell_size: float | str | None) -> float | None:
    """Return the cell size of a run in metres."""
    if cell_size is None:
        return None
    try:
        size = to_number(cell_size, "m") if isinstance(cell_size, str) else float(cell_size)
    except ValueError as error:
        raise ConfigError([Finding("cell_size", str(error))]) from error
    if not 0.0 < size < np.inf:
        raise ConfigError([Finding(f"cell_size = {size:g} m", "must be greater than 0.")])
    return size


def _raise(files: CaseFiles, findings: list[Finding]) -> None:
    """Raise all findings, each with its place in a file; as an error of input files where nothing else is wrong."""
    if not findings:
        return
    located = in_order(_placed(files, finding) for finding in findings)
    if all(isinstance(finding, FileFinding) for finding in findings):
        raise InputFileError("\n".join(str(finding) for finding in located))
    raise ConfigError(located)


def _placed(files: CaseFiles, finding: Finding) -> Finding:
    """Return a finding with its place in a file; one of the built problem gets that of the layer or boundary it names."""
    if finding.location:
        return finding
    sections = (*SECTIONS, "barriers")
    path: tuple[str, ...] = ()
    if field := re.match(r"(?:grid\.)?(\w+)\[layer \d+ \(([^)]+)\)", finding.key):
        path = ("layers", field[2], "thickness" if field[1] == "bottom" else field[1])
    else:
        names = {name: (section, name) for section in sections for name in getattr(files.model, section)}
        names |= {f"wells_{name}": ("wells", name) for name in files.model.wells}
        path = names.get(finding.key.partition(".")[0], ())
    if not path:
        return files.located(finding)
    return Finding(finding.key, finding.message, files.model_source.locate(path))


def _on_plan(files: CaseFiles, plan: Plan, site: Site) -> tuple[Problem, WellTable]:
    """Return the problem on a grid in plan, and its wells; findings may remain."""
    model = files.model
    groups = read_groups(model.wells, site, model.time.start, len(model.time.periods or ()))
    rules = [] if files.scenario is None else build_rules(files.scenario, site.places, model.time.start, site)
    timeline = build_timeline(files, groups, rules)
    _check_memory(model, timeline, plan)
    ground = build_ground(model, plan, site)
    builder = Builder(model, site, ground, timeline)
    unlicensed = 0.0 if files.scenario is None else files.scenario.unlicensed_share
    pumping = build_wells(builder, groups, rules, unlicensed)
    observations = Observations()
    with collecting(site.errors, "observations"):
        observations = surroundings.build_observations(builder)
    zones = None
    with collecting(site.errors, "zones.area"):
        zones = surroundings.build_zones(builder)
    by_cell = list(build_cell_stresses(builder))
    problem = Problem(
        name=(files.scenario_file or files.model_file.parent).stem,
        grid=ground.grid,
        properties=ground.properties,
        schedule=timeline.schedule(),
        initial_head=_initial_head(builder),
        stresses=(*build_stresses(builder), *(item for item in by_cell if isinstance(item, Stress)), *pumping.stresses),
        fixed_heads=(*build_fixed_heads(builder), *(item for item in by_cell if isinstance(item, FixedHead))),
        barriers=(*build_barriers(builder), *(item for item in by_cell if isinstance(item, FlowBarrier))),
        observations=observations,
        zones=zones,
        context=_context(files, builder, pumping),
    )
    return problem, pumping.register


def _initial_head(builder: Builder) -> FloatArray:
    """Return the first heads, or the ground as a first guess of a steady beginning; ``(n_layer, n_y, n_x)``, m."""
    config, ground, errors = builder.config, builder.ground, builder.site.errors
    head = np.broadcast_to(ground.surface, ground.grid.shape).copy()
    if config.initial_head is not None:
        with collecting(errors, "initial_head"):
            head[:] = builder.site.over(config.initial_head, ground.plan, ground.top_layer >= 0, "initial_head")
    for number, (name, layer) in enumerate(config.layers.items()):
        if layer.initial_head is not None:
            key = f"layers.{name}.initial_head"
            with collecting(errors, key):
                head[number] = builder.site.over(layer.initial_head, ground.plan, ground.grid.active[number], key)
    return head


def _context(files: CaseFiles, builder: Builder, pumping: Pumping) -> Context:
    """Return what people need to read the results."""
    model, scenario, ground = files.model, files.scenario, builder.ground
    start = None if scenario is None else scenario.recovery_start
    limit = None
    with collecting(builder.site.errors, "level_limit.urban"):
        limit = surroundings.build_head_limit(builder)
    areas, lines = surroundings.build_areas(builder), surroundings.build_map_lines(builder)
    manifest = {
        "config": json.dumps(files.resolved, ensure_ascii=False, default=str),
        "inputs": json.dumps(files.workspace.inputs, ensure_ascii=False),
    }
    return Context(
        title=model.title if scenario is None else scenario.title,
        crs=model.crs or "",
        restriction_start=float("nan") if start is None else day_of(start, model.time.start),
        layer_aquifer=ground.aquifers,
        ground=ground.surface,
        head_limit=limit,
        map_lines=lines,
        areas=areas,
        restriction_log=(*files.log, *pumping.log),
        warnings=(*model.warnings, *builder.site.warnings),
        manifest=manifest,
    )


def build_timeline(files: CaseFiles, groups: list[GroupTable], rules: list[Rule]) -> Timeline:
    """Return the stress periods: regular or listed ones, and one more at every change of a rate."""
    time, scenario = files.model.time, files.scenario
    changes = [*rate_changes(groups), *_changes_of_values(files.model)]
    if scenario is not None and scenario.recovery_start is not None:
        changes.append(day_of(scenario.recovery_start, time.start))
    if time.periods is not None:
        length, multiplier = (np.array([getattr(p, key) for p in time.periods]) for key in ("length", "multiplier"))
        steps, steady = np.array([p.steps for p in time.periods]), np.array([p.steady for p in time.periods])
        changes += breakpoints(rules, float(length.sum()), time.start)
        return Timeline.from_list(time.start, length, steady, steps, multiplier, changes)
    count, unit = time.period_parts
    months = {"day": 0, "month": count, "year": 12 * count}[unit]
    regular = period_edges(time.start, time.last, months, float(count), time.align_parts)
    changes += breakpoints(rules, float(regular[-1]), time.start)
    return Timeline.regular(time.start, merge_edges(regular, changes), time.initial == "steady", time.steps, time.multiplier)


def _changes_of_values(model: ModelConfig) -> Iterator[float]:
    """Yield the times at which a dated series or a monthly value of a boundary changes, d."""
    time = model.time
    for value in _varying(model):
        yield from (day_of(date, time.start) for date, _ in value.series or ())
    entries: list[Recharge | Evapotranspiration | River] = [*_areal(model), *model.rivers.values()]
    for monthly in (entry.monthly for entry in entries):
        if monthly is not None:
            dates = month_starts(time.start, time.last, changing_months(monthly))
            yield from (day_of(date, time.start) for date in dates)


def _areal(model: ModelConfig) -> list[Recharge | Evapotranspiration]:
    """Return the boundaries whose rate acts on an area."""
    return [*model.recharge.values(), *model.evapotranspiration.values()]


def _varying(model: ModelConfig) -> Iterator[Value]:
    """Yield the values that may be dated series."""
    for entry in _areal(model):
        yield entry.rate
    for river in model.rivers.values():
        if river.stage is not None:
            yield river.stage
    yield from (boundary.head for boundary in model.general_heads.values())
    yield from (boundary.head for boundary in model.fixed_heads.values())


def _check_memory(model: ModelConfig, timeline: Timeline, plan: Plan) -> None:
    """Refuse series that would not fit into memory."""
    n = sum(entry.monthly is not None or entry.rate.series is not None for entry in _areal(model))
    n += sum(boundary.head.series is not None for boundary in model.general_heads.values() if boundary.within is not None)
    size = n * timeline.n_period * plan.shape[0] * plan.shape[1]
    if size > LARGEST_SERIES:
        raise ResourceError(
            f"{n} values that vary over {timeline.n_period} periods on {plan.shape[0]} x {plan.shape[1]} cells need "
            f"{size * 8 / 1e9:.0f} GB: use a larger cell_size or fewer periods (time.period)."
        )
