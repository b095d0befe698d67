"""A draft made into a problem: units, periods, and every entry in an active cell whose head is not fixed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Context, Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import (
    Drain,
    Evapotranspiration,
    FixedHead,
    FlowBarrier,
    GeneralHead,
    Recharge,
    River,
    Stress,
    Wells,
)
from aquirecover.modflow.imports.draft import Draft, unique_names
from aquirecover.modflow.imports.lists import Cut, Gathered, cut_periods, gather, varying_periods
from aquirecover.modflow.imports.report import cells_of
from aquirecover.modflow.imports.units import TIMES, Units
from aquirecover.variables import VARIABLES

CLASSES: dict[str, type[River | Drain | GeneralHead | Recharge | Evapotranspiration]] = {
    "river": River,
    "drain": Drain,
    "general_head": GeneralHead,
    "recharge": Recharge,
    "evapotranspiration": Evapotranspiration,
}
SHOWN = 3


def build_problem(draft: Draft, units: Units) -> Problem:
    """Return the problem of a draft in metres and days; the report of the draft grows by what had to be changed.

    Parameters
    ----------
    draft : Draft
        As its files have it.
    units : Units
        Of its numbers.
    """
    cut = cut_periods(draft.periods, varying_periods(draft.packages, draft.periods))
    _note_cut(draft, cut)
    corner = draft.corner or (0.0, float(draft.dy.sum()))
    x_min, y_max = units.convert("head", np.array(corner)).tolist()
    grid = Grid(
        units.convert("head", draft.dx),
        units.convert("head", draft.dy),
        units.convert("top", draft.top),
        units.convert("bottom", draft.bottom),
        draft.domain > 0,
        draft.domain < 0,
        x_min=x_min,
        y_max=y_max,
        layer_names=draft.layer_names,
    )
    fixed = tuple(_fixed_heads(draft, units, cut, grid))
    held = np.zeros(grid.n_cell, dtype=bool)
    for boundary in fixed:
        held[boundary.cell] = True
    stresses = tuple(_stresses(draft, units, cut, grid, held))
    barriers = tuple(_barriers(draft, units, grid))
    return Problem(
        name=draft.name,
        grid=grid,
        properties=_properties(draft, units, grid),
        schedule=_schedule(draft, units, cut),
        initial_head=units.convert("initial_head", draft.initial_head),
        stresses=stresses,
        fixed_heads=fixed,
        barriers=barriers,
        observations=_observations(draft, units, grid),
        context=Context(title=draft.title, crs=draft.crs, layer_aquifer=draft.aquifers, ground=grid.top),
    )


def _note_cut(draft: Draft, cut: Cut) -> None:
    """Report periods that became one period a step."""
    alone = np.unique(cut.period[cut.step >= 0])
    if alone.size:
        draft.report.converted.append(
            f"Values of boundaries change within {cells_of(alone.size, 'stress period')}: each time step of these "
            "became a period of "
            f"its own, with the values that MODFLOW uses in it ({draft.periods.n} periods became {cut.period.size})."
        )


def _properties(draft: Draft, units: Units, grid: Grid) -> AquiferProperties:
    leakance = np.full((grid.shape[0] - 1, *grid.shape[1:]), np.nan)
    if draft.leakance is not None:
        leakance = units.convert("leakance", draft.leakance)
    k33, leakance = _bounded(draft, grid, units.convert("k33", draft.k33), leakance)
    return AquiferProperties(
        grid,
        k=units.convert("k", draft.k),
        k22=units.convert("k22", draft.k22),
        k33=k33,
        specific_storage=units.convert("specific_storage", draft.specific_storage),
        specific_yield=draft.specific_yield,
        convertible=draft.convertible,
        leakance=leakance,
        averaging="upstream" if draft.upstream else "harmonic",
    )


def _bounded(draft: Draft, grid: Grid, k33: FloatArray, leakance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return vertical conductivities in the range of the registry; what is beyond acts through the leakance, which is the same.

    Some models give a huge vertical conductivity so that a resistance counts for nothing.
    """
    most = VARIABLES["k33"].valid_max
    huge = (k33 > most) & grid.active
    if not huge.any():
        return k33, leakance
    half = np.divide(0.5 * grid.thickness, k33, out=np.zeros(grid.shape), where=k33 > 0.0)
    faces = (huge[:-1] | huge[1:]) & grid.active[:-1] & grid.active[1:] & np.isnan(leakance)
    resistance = np.where(faces, half[:-1] + half[1:], 1.0)
    draft.report.converted.append(
        f"Vertical conductivities above {most:g} m/d of {cells_of(int(huge.sum()))}: the leakance that follows from them."
    )
    return np.where(huge, most, k33), np.where(faces, 1.0 / resistance, leakance)


def _schedule(draft: Draft, units: Units, cut: Cut) -> Schedule:
    length = units.convert("period_length", cut.length)
    return Schedule(length, cut.n_steps, cut.multiplier, cut.steady, start=draft.start)


def _fixed_heads(draft: Draft, units: Units, cut: Cut, grid: Grid) -> Iterator[FixedHead]:
    """Yield the fixed heads; those that are fixed in some periods only are reported as not supported."""
    for package in draft.packages:
        if package.kind != "fixed_head":
            continue
        found = gather(package, cut)
        found = _kept(draft, package.label, found, grid.active.ravel()[found.cell], "in cells that are not active")
        some = np.flatnonzero(~found.listed.all(axis=0))
        if some.size:
            places = "; ".join(draft.place(int(cell)) for cell in found.cell[some[:SHOWN]])
            draft.report.unsupported.append(
                f"{package.label}: the head of {cells_of(some.size)} is fixed in some stress periods only, such as {places} "
                "(a partial import fixes it in all)."
            )
        if found.cell.size:
            head = units.convert("head", found.values["head"])
            draft.report.kept.append(f"{package.label}: {cells_of(found.cell.size)} with a fixed head, {_in_time(head)}.")
            yield FixedHead(found.cell, head, name=package.name)


def _stresses(draft: Draft, units: Units, cut: Cut, grid: Grid, held: BoolArray) -> Iterator[Stress]:
    """Yield the stresses; entries that have no effect are reported."""
    taken: set[str] = set()
    for package in draft.packages:
        if package.kind == "fixed_head":
            continue
        found = gather(package, cut)
        found = _kept(draft, package.label, found, grid.active.ravel()[found.cell], "in cells that are not active")
        found = _kept(draft, package.label, found, ~held[found.cell], "in cells whose head is fixed, where MODFLOW ignores them")
        if not found.cell.size:
            draft.report.left_out.append(f"{package.label}: has no entry in an active cell.")
            continue
        values = {name: units.convert(name, series) for name, series in found.values.items()}
        if package.kind == "wells":
            names = _well_names(draft, package.name, found, taken)
            draft.report.kept.append(f"{package.label}: {cells_of(found.cell.size, 'well')}, {_in_time(*values.values())}.")
            rates, reduction = (values["pumping_rate"], values["injection_rate"]), package.flow_reduction
            yield Wells(found.cell, *rates, names, flow_reduction=reduction, name=f"wells_{package.name}")
            continue
        if package.kind == "evapotranspiration":
            found, values = _deep_enough(draft, package.label, found, values)
        count, what = cells_of(found.cell.size), package.kind.replace("_", " ")
        draft.report.kept.append(f"{package.label}: {count} with {what}, {_in_time(*values.values())}.")
        yield CLASSES[package.kind](found.cell, **values, name=package.name)


def _kept(draft: Draft, label: str, found: Gathered, where: BoolArray, why: str) -> Gathered:
    """Return the entries in some cells alone, and report the others."""
    if where.all():
        return found
    draft.report.left_out.append(f"{label}: {cells_of(int((~where).sum()), 'entry').replace('entrys', 'entries')} {why}.")
    return _select(found, where)


def _select(found: Gathered, where: BoolArray) -> Gathered:
    values = {name: series[..., where] for name, series in found.values.items()}
    names = tuple(name for name, chosen in zip(found.names, where, strict=True) if chosen)
    return Gathered(found.cell[where], values, found.listed[:, where], names)


def _deep_enough(
    draft: Draft, label: str, found: Gathered, values: dict[str, FloatArray]
) -> tuple[Gathered, dict[str, FloatArray]]:
    """Leave out evapotranspiration without a rate where its extinction depth makes no sense, as outside the area it acts on."""
    rate, depth = values["rate"], values["extinction_depth"]
    acts, deep = np.atleast_2d(rate > 0.0).any(axis=0), np.atleast_2d(depth > 0.0).all(axis=0)
    idle = np.asarray(~acts & ~deep)
    if not idle.any():
        return found, values
    draft.report.left_out.append(f"{label}: {cells_of(int(idle.sum()))} without a rate or an extinction depth.")
    return _select(found, ~idle), {name: series[..., ~idle] for name, series in values.items()}


def _in_time(*series: FloatArray) -> str:
    return "varying from period to period" if any(values.ndim == 2 for values in series) else "the same in all periods"


def _well_names(draft: Draft, package: str, found: Gathered, taken: set[str]) -> list[str]:
    """Return unique names of wells: those of the file, else their place."""
    layer, row, column = np.unravel_index(found.cell, draft.shape)
    places = zip(found.names, layer + 1, row + 1, column + 1, strict=True)
    return unique_names([name.strip() or f"{package} {k}-{i}-{j}" for name, k, i, j in places], taken)


def _barriers(draft: Draft, units: Units, grid: Grid) -> Iterator[FlowBarrier]:
    """Yield the barriers between active cells, each face once: several barriers on a face act in series."""
    for barriers in draft.barriers:
        active = grid.active.ravel()
        both = active[barriers.cell] & active[barriers.neighbour]
        if not both.all():
            count = cells_of(int((~both).sum()), "barrier")
            draft.report.left_out.append(f"{barriers.name}: {count} beside cells that are not active.")
        if not both.any():
            continue
        converts = draft.convertible.ravel()
        if not draft.upstream and (converts[barriers.cell[both]] | converts[barriers.neighbour[both]]).any():
            draft.report.approximated.append(
                f"{barriers.name}: barriers between convertible cells act over their full thickness."
            )
        cell, neighbour, value = _each_face_once(barriers.cell[both], barriers.neighbour[both], barriers.characteristic[both])
        if cell.size < both.sum():
            draft.report.converted.append(f"{barriers.name}: several barriers on a face are one, in series.")
        draft.report.kept.append(f"{barriers.name}: {cells_of(cell.size, 'face')} with a barrier.")
        yield FlowBarrier(cell, neighbour, units.convert("hydraulic_characteristic", value), name=barriers.name)


def _each_face_once(cell: IntArray, neighbour: IntArray, value: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return faces and their characteristics, those of one face in series."""
    faces = np.stack((np.minimum(cell, neighbour), np.maximum(cell, neighbour)))
    _, first, number = np.unique(faces, axis=1, return_index=True, return_inverse=True)
    if first.size == cell.size:
        return cell, neighbour, value
    with np.errstate(divide="ignore"):
        resistance = np.bincount(number.ravel(), weights=1.0 / value)
        return cell[first], neighbour[first], 1.0 / resistance


def _observations(draft: Draft, units: Units, grid: Grid) -> Observations:
    """Return the observation points in active cells."""
    active = grid.active.ravel()
    inside = {name: cell for name, cell in draft.observations.items() if active[cell]}
    if lost := len(draft.observations) - len(inside):
        draft.report.left_out.append(f"{cells_of(lost, 'observation point')} in cells that are not active.")
    if inside:
        draft.report.kept.append(f"{cells_of(len(inside), 'observation point')} of heads.")
    days = float(TIMES[units.time])
    measured = {
        name: (times * days, units.convert("head", heads)) for name, (times, heads) in draft.measured.items() if name in inside
    }
    return Observations(tuple(inside), np.array(list(inside.values()), dtype=np.int64), measured)
