"""What differs between two problems, to the last bit, where their cells are active."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from aquirecover.flow.arrays import BoolArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import FixedHead, FlowBarrier, Stress, Wells

PROPERTIES = ("k", "k22", "k33", "specific_storage")


def differences(first: Problem, second: Problem) -> list[str]:
    """Return the names of all arrays that differ between two problems, as ``grid.dx`` or ``river.stage``.

    Cells that take no part are not compared, but for their surfaces; nor are dates, names of wells, measured heads, zones and
    what only people read.
    """
    if first.grid.shape != second.grid.shape:
        return ["grid.shape"]
    return [*_fields(first, second), *_schedule(first, second), *_items(first, second)]


def _same(first: object, second: object) -> bool:
    a, b = np.asarray(first), np.asarray(second)
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _fields(first: Problem, second: Problem) -> Iterator[str]:
    """Yield what differs of grid, properties and first heads."""
    for name in ("dx", "dy", "top", "bottom", "active", "pass_through", "x_min", "y_max"):
        if not _same(getattr(first.grid, name), getattr(second.grid, name)):
            yield f"grid.{name}"
    active: BoolArray = first.grid.active
    a, b = first.properties, second.properties
    converts = active & a.convertible
    wanted = [*((name, active) for name in PROPERTIES), ("specific_yield", converts), ("convertible", active)]
    for name, where in [*wanted, ("leakance", active[:-1])]:
        if not _same(getattr(a, name)[where], getattr(b, name)[where]):
            yield f"properties.{name}"
    if a.averaging != b.averaging and converts.any():
        yield "properties.averaging"
    if not _same(first.initial_head[active], second.initial_head[active]):
        yield "initial_head"


def _schedule(first: Problem, second: Problem) -> Iterator[str]:
    """Yield what differs of periods and steps; the multiplier of a single step means nothing."""
    for name in ("period_length", "n_steps", "steady", "step_length"):
        if not _same(getattr(first.schedule, name), getattr(second.schedule, name)):
            yield f"schedule.{name}"


def _items(first: Problem, second: Problem) -> Iterator[str]:
    """Yield what differs of stresses, fixed heads, barriers and observation points."""
    periods = first.schedule.n_period
    a, b = _named(first), _named(second)
    yield from sorted(a.keys() ^ b.keys())
    for name in sorted(a.keys() & b.keys()):
        left, right = _arrays(a[name]), _arrays(b[name])
        if type(a[name]) is not type(b[name]):
            yield name
            continue
        for key in left:
            if not _same(_on_periods(left[key], periods), _on_periods(right[key], periods)):
                yield f"{name}.{key}"
    if first.observations.names != second.observations.names or not _same(first.observations.cell, second.observations.cell):
        yield "observations"


def _on_periods(values: np.ndarray, n_period: int) -> np.ndarray:
    """Return a series on all periods, whether it varies or not."""
    return np.broadcast_to(values, (n_period, *values.shape[-1:]))


def _named(problem: Problem) -> dict[str, Stress | FixedHead | FlowBarrier]:
    """Return all that acts on a problem by name."""
    items: list[Stress | FixedHead | FlowBarrier] = [*problem.stresses, *problem.fixed_heads, *problem.barriers]
    return {_key(item): item for item in items}


def _arrays(item: Stress | FixedHead | FlowBarrier) -> Mapping[str, np.ndarray]:
    """Return all arrays of a stress, fixed head or barrier."""
    if isinstance(item, FixedHead):
        return {"cell": item.cell, "head": item.head}
    if isinstance(item, FlowBarrier):
        values = {"hydraulic_characteristic": item.hydraulic_characteristic}
        return {"cell": item.cell, "neighbour": item.neighbour, **values}
    if isinstance(item, Wells):
        own = {"well": item.well, "fraction": item.fraction, "flow_reduction": np.array([item.flow_reduction])}
        return {"cell": item.cell, **item.values(), **own}
    return {"cell": item.cell, **item.values()}


def _key(item: Stress | FixedHead | FlowBarrier) -> str:
    """Return the name of an item; the files put a word before the names of groups of wells."""
    return f"wells_{item.name.removeprefix('wells_')}" if isinstance(item, Wells) else item.name
