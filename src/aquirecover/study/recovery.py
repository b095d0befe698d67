"""Recovery of heads after pumping is restricted, against each level that one may wish to return to.

Levels: ``before_pumping`` (the steady heads with which the history begins), ``restriction_start`` (the heads when the restriction
begins), ``no_pumping`` (the equilibrium without any pumping) and ``head_limit`` (the lowest heads that the law allows).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.study import metrics
from aquirecover.study.recovery_report import PlaceRecovery, RecoveryMaps, RecoveryReport, RecoverySettings
from aquirecover.study.seasons import SAME_TIME, Clock, choose_average, index_of
from aquirecover.study.sources import water_sources
from aquirecover.study.zones import ZoneSums

__all__ = ["REFERENCES", "PlaceRecovery", "RecoveryMaps", "RecoveryReport", "RecoverySettings", "assess_recovery"]

REFERENCES = ("before_pumping", "restriction_start", "no_pumping", "head_limit")


def assess_recovery(
    result: FlowResult,
    *,
    no_pumping: FloatArray | None = None,
    before_pumping: FloatArray | None = None,
    baseline: FlowResult | None = None,
    settings: RecoverySettings | None = None,
) -> RecoveryReport:
    """Measure the recovery in a result.

    Parameters
    ----------
    result : FlowResult
        Of a run whose restriction starts at `Context.restriction_start`, with the heads at that time saved.
    no_pumping : ndarray, optional
        Heads in equilibrium without pumping (`equilibrium_problem`), shape ``(n_layer, n_y, n_x)``; m.
    before_pumping : ndarray, optional
        Heads before pumping; the first saved steady heads when left out; m.
    baseline : FlowResult, optional
        The same history without the restriction, to which water sources are compared.
    settings : RecoverySettings, optional
        How.

    Returns
    -------
    RecoveryReport
        All measures.

    Raises
    ------
    ValueError
        When there is no start of the restriction, no head is saved at it, or nothing follows it.
    """
    settings = settings or RecoverySettings()
    start = result.problem.context.restriction_start if settings.start is None else settings.start
    if not np.isfinite(start):
        raise ValueError("There is no start of a restriction: set context.restriction_start or RecoverySettings.start.")
    time, head = _saved_series(result)
    begin = index_of(time, start)
    if begin == time.size - 1:
        raise ValueError(f"No saved head follows the start of the restriction on day {start:g}.")
    clock = Clock(
        settings, start, choose_average(result.problem, start, time) if settings.average == "auto" else settings.average
    )
    fields = reference_fields(result, clock.curve(time, head)[1][0], before_pumping, no_pumping)
    sources = [water_sources(result, start)] if result.problem.schedule.step_time[0] <= start + SAME_TIME else []
    if baseline is not None:
        sources.append(water_sources(result, start, baseline))
    return RecoveryReport(
        settings=settings,
        start=start,
        average=clock.average,
        references=tuple(fields),
        observations=_observations(result, clock, fields),
        zones=_zones(result, clock, time, head, fields),
        maps=_maps(result, clock, time, head, fields),
        sources=tuple(sources),
    )


def reference_fields(
    result: FlowResult, start_head: FloatArray, before_pumping: FloatArray | None = None, no_pumping: FloatArray | None = None
) -> dict[str, FloatArray]:
    """Return the fields of the reference levels that are known, by name; see `assess_recovery`."""
    schedule = result.problem.schedule
    steady = np.flatnonzero(schedule.steady[schedule.step_period[result.saved_step]])
    if before_pumping is None and steady.size:
        before_pumping = result.head[steady[0]]
    active = result.problem.grid.active
    known = (before_pumping, start_head, no_pumping, result.problem.context.head_limit)
    return {name: np.where(active, level, np.nan) for name, level in zip(REFERENCES, known, strict=True) if level is not None}


def _saved_series(result: FlowResult) -> tuple[FloatArray, FloatArray]:
    """Return the times and fields that are known, with the initial heads first where the run does not begin steady."""
    if result.problem.schedule.steady[0]:
        return result.time, result.head
    initial = np.where(result.problem.grid.active, result.problem.initial_head, np.nan)
    return np.concatenate(([0.0], result.time)), np.concatenate((initial[None], result.head))


def _observations(result: FlowResult, clock: Clock, fields: Mapping[str, FloatArray]) -> PlaceRecovery:
    points = result.problem.observations
    time, head = result.problem.schedule.step_time, result.observation_head
    if not result.problem.schedule.steady[0]:
        time = np.concatenate(([0.0], time))
        head = np.concatenate((result.problem.initial_head.ravel()[None, points.cell], head))
    levels = {name: level.ravel()[points.cell] for name, level in fields.items()}
    # every step is known here, so that the mean of the year before may differ from that of the saved heads
    levels["restriction_start"] = clock.curve(time, head)[1][0]
    residual = {name: level - head for name, level in levels.items()}
    return _place("observation", points.names, clock, time, head, levels, residual)


def _zones(
    result: FlowResult, clock: Clock, time: FloatArray, head: FloatArray, fields: Mapping[str, FloatArray]
) -> PlaceRecovery:
    problem = result.problem
    parts = ZoneSums(problem)
    levels = {name: parts.mean(level[None])[0] for name, level in fields.items()}
    # a level may be known in a part of a zone only (a limit): heads are compared with it there
    residual = {name: parts.mean(level - h for h in head) for name, level in fields.items()}
    begun = metrics.stored_volume(problem, head[index_of(time, clock.start)])
    gained = parts.sum(metrics.stored_volume(problem, h) - begun for h in head)
    limited, limit = _limited_area(problem)
    above = parts.sum(limited * (h >= limit) for h in head)
    return _place(
        "zone",
        parts.names,
        clock,
        time,
        parts.mean(head),
        levels,
        residual,
        gained,
        above,
        parts.sum(limited[None])[0],
    )


def _place(
    kind: str,
    names: tuple[str, ...],
    clock: Clock,
    time: FloatArray,
    head: FloatArray,
    levels: Mapping[str, FloatArray],
    residual: Mapping[str, FloatArray],
    volume: FloatArray | None = None,
    above: FloatArray | None = None,
    limited: FloatArray | None = None,
) -> PlaceRecovery:
    settings = clock.settings
    since, curve = clock.curve(time, head)
    fraction, duration, end_residual, end_fraction = {}, {}, {}, {}
    begin = index_of(time, clock.start)
    before = time < clock.start - SAME_TIME
    for name in residual:
        _, left = clock.curve(time, residual[name])
        end_residual[name] = left[-1]
        if name == "restriction_start":
            continue
        recovered = metrics.recovery_fraction(left, _to_recover(name, left[0]), settings.smallest_change)
        end_fraction[name] = recovered[-1]
        duration[name] = metrics.time_to_recovery(since, recovered, settings.fractions)
        fraction[name] = metrics.recovery_fraction(residual[name], _to_recover(name, left[0]), settings.smallest_change)
        fraction[name][before] = np.nan
        if left.shape[0] == time.size - begin:
            # a value for each time: what was taken off for the season is left off here too
            fraction[name][begin:] = recovered
    year, weight, _ = metrics.year_weights(time, clock.start)
    return PlaceRecovery(
        kind=kind,
        names=names,
        time=time,
        head=head,
        start_head=curve[0],
        end_head=curve[-1],
        reference_head=levels,
        residual_drawdown=residual,
        recovery_fraction=fraction,
        end_residual=end_residual,
        end_fraction=end_fraction,
        time_to_recovery=duration,
        recovery_rate=metrics.recovery_rate(since, curve, [DAYS_PER_YEAR * y for y in settings.rate_years]),
        year=year,
        annual_mean=metrics.yearly_mean(head, weight),
        seasonal_low=metrics.yearly_low(head, weight),
        recovered_volume=volume,
        area_above_limit=above,
        area_with_limit=limited,
    )


def _to_recover(reference: str, start_residual: FloatArray) -> FloatArray:
    """Return what is to be recovered, m: nothing (NaN) where the head was above its limit from the start."""
    return np.where(start_residual > 0.0, start_residual, np.nan) if reference == "head_limit" else start_residual


def _maps(result: FlowResult, clock: Clock, time: FloatArray, head: FloatArray, fields: Mapping[str, FloatArray]) -> RecoveryMaps:
    problem = result.problem
    # layer by layer, since all times of a large grid are needed at once
    layers = [
        _layer_maps(clock, time, head[:, layer], {name: level[layer] for name, level in fields.items()})
        for layer in range(problem.grid.shape[0])
    ]
    begun = metrics.stored_volume(problem, head[index_of(time, clock.start)])
    gained = np.stack([np.nansum(metrics.stored_volume(problem, h) - begun, axis=(1, 2)) for h in head])
    limited, limit = _limited_area(problem)
    above = np.stack([(limited * (h >= limit)).sum(axis=(1, 2)) for h in head])
    measured = tuple(name for name in fields if name != "restriction_start")
    return RecoveryMaps(
        time=time,
        start_head=np.stack([m.start_head for m in layers]),
        end_head=np.stack([m.end_head for m in layers]),
        reference_head=fields,
        residual_drawdown={name: np.stack([m.residual[name] for m in layers]) for name in fields},
        recovery_fraction={name: np.stack([m.fraction[name] for m in layers]) for name in measured},
        time_to_recovery={name: np.stack([m.duration[name] for m in layers], axis=1) for name in measured},
        recovery_rate=np.stack([m.rate for m in layers], axis=1),
        recovered_volume=gained,
        area_above_limit=above,
        area_with_limit=limited.sum(axis=(1, 2)),
    )


@dataclass(frozen=True, eq=False)
class _LayerMaps:
    """Recovery of the cells of one layer; fields of shape ``(n_y, n_x)``, times and rates with one axis before."""

    start_head: FloatArray
    end_head: FloatArray
    residual: dict[str, FloatArray]
    fraction: dict[str, FloatArray]
    duration: dict[str, FloatArray]
    rate: FloatArray


def _layer_maps(clock: Clock, time: FloatArray, head: FloatArray, levels: Mapping[str, FloatArray]) -> _LayerMaps:
    settings = clock.settings
    since, curve = clock.curve(time, head)
    residual, fraction, duration = {}, {}, {}
    for name, level in levels.items():
        left = level - curve
        residual[name] = left[-1]
        if name != "restriction_start":
            recovered = metrics.recovery_fraction(left, _to_recover(name, left[0]), settings.smallest_change)
            fraction[name] = recovered[-1]
            duration[name] = metrics.time_to_recovery(since, recovered, settings.fractions)
    rate = metrics.recovery_rate(since, curve, [DAYS_PER_YEAR * y for y in settings.rate_years])
    return _LayerMaps(curve[0], curve[-1], residual, fraction, duration, rate)


def _limited_area(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Return the area of cells that have a limit, else 0, m², and the limit, else infinite, m; of every cell."""
    limit = problem.context.head_limit
    if limit is None:
        return np.zeros(problem.grid.shape), np.full(problem.grid.shape, np.inf)
    limited = np.isfinite(limit) & problem.grid.active
    return np.where(limited, problem.grid.area, 0.0), np.where(limited, limit, np.inf)
