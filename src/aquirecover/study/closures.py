"""Which closure bought the recovery: metres regained by each group of wells that stopped or was cut, per m³/d."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.schedule import sample_steps
from aquirecover.flow.stresses import Stress, Wells
from aquirecover.study.zones import ZoneSums

Simulator = Callable[[Problem], FlowResult]


@dataclass(frozen=True, eq=False)
class ClosureReport:
    """What the restriction of each group of wells alone does to heads at the end of a run.

    Parameters
    ----------
    groups : tuple of str
        Names of the groups.
    stopped_rate : ndarray
        Pumping that the restriction takes from each group, mean since the restriction begins, shape ``(n_group,)``; m³/d.
    observations, zones : tuple of str
        Names of the places.
    observation_gain, zone_gain : ndarray
        Heads with only this group restricted less heads with none, shape ``(n_group, n_place)``; m. Means by area for zones.
    observation_total, zone_total : ndarray
        The same with all of them restricted, shape ``(n_place,)``; m. In a linear model it is the sum over groups.
    """

    groups: tuple[str, ...]
    stopped_rate: FloatArray
    observations: tuple[str, ...]
    zones: tuple[str, ...]
    observation_gain: FloatArray
    zone_gain: FloatArray
    observation_total: FloatArray
    zone_total: FloatArray

    @property
    def zone_gain_per_rate(self) -> FloatArray:
        """Metres per m³/d stopped, shape ``(n_group, n_zone)``; d/m²; NaN for a group from which nothing is taken."""
        return _per_rate(self.zone_gain, self.stopped_rate)

    @property
    def observation_gain_per_rate(self) -> FloatArray:
        """Metres per m³/d stopped, shape ``(n_group, n_observation)``; d/m²."""
        return _per_rate(self.observation_gain, self.stopped_rate)


def closure_gains(
    restricted: Problem, baseline: Problem, groups: Mapping[str, Sequence[str]], simulate: Simulator
) -> ClosureReport:
    """Return what each group of wells gains by its restriction; one run a group and two more.

    Superposition: every run takes one group's pumping from the restricted problem and all else from the baseline, so that no
    model need be linear; where it is not, the gains do not quite add up to the total, and both are reported.

    Parameters
    ----------
    restricted, baseline : Problem
        The same model and wells with and without the restriction; the periods of the baseline must be unions of those of the
        restricted problem (rates are taken at the start of each).
    groups : mapping of str to sequence of str
        Well names of each group; wells in no group are never restricted.
    simulate : callable
        Turns a problem into a result.

    Returns
    -------
    ClosureReport
        Gains at the last step.

    Raises
    ------
    ValueError
        When the wells differ, or a group names a well that is not there.
    """
    names = [name for wells in restricted.wells for name in wells.names]
    if names != [name for wells in baseline.wells for name in wells.names]:
        raise ValueError("The restricted problem and the baseline must have the same wells in the same order.")
    unknown = sorted({name for members in groups.values() for name in members} - set(names))
    if unknown:
        raise ValueError(f"No well is called {', '.join(unknown)}.")
    start = restricted.context.restriction_start
    schedule = restricted.schedule
    days = schedule.period_length * (schedule.period_start > (start if np.isfinite(start) else 0.0) - 1e-3)
    chosen = [frozenset(members) for members in groups.values()]
    everyone = frozenset().union(*chosen)
    without = _last_heads(simulate(_mixed(restricted, baseline, frozenset())))
    alone = [_last_heads(simulate(_mixed(restricted, baseline, members))) for members in chosen]
    total = _last_heads(simulate(_mixed(restricted, baseline, everyone)))
    stopped = [_stopped_volume(restricted, baseline, members, days) / max(float(days.sum()), 1e-300) for members in chosen]
    zones = ZoneSums(restricted)
    gains = np.stack([heads[1] - without[1] for heads in alone])
    return ClosureReport(
        groups=tuple(groups),
        stopped_rate=np.array(stopped),
        observations=restricted.observations.names,
        zones=zones.names,
        observation_gain=np.stack([heads[0] - without[0] for heads in alone]),
        zone_gain=zones.mean(gains),
        observation_total=total[0] - without[0],
        zone_total=zones.mean((total[1] - without[1])[None])[0],
    )


def _last_heads(result: FlowResult) -> tuple[FloatArray, FloatArray]:
    return result.observation_head[-1], result.head[-1]


def _rates(problem: Problem, wells: Wells, period_start: FloatArray) -> FloatArray:
    """Return the pumping of wells of a problem in the periods of another schedule, shape ``(n_period, n_well)``."""
    if wells.pumping_rate.ndim == 1:
        return np.tile(wells.pumping_rate, (period_start.size, 1))
    return sample_steps(problem.schedule.period_start, wells.pumping_rate, period_start)


def _mixed(restricted: Problem, baseline: Problem, members: frozenset[str]) -> Problem:
    """Return the restricted problem with the baseline's pumping for all wells but some."""
    begin = restricted.schedule.period_start
    stresses: list[Stress] = []
    others = iter(baseline.wells)
    for stress in restricted.stresses:
        if isinstance(stress, Wells):
            kept = np.isin(stress.names, list(members))
            mixed = copy.copy(stress)
            mixed.pumping_rate = np.where(kept, _rates(restricted, stress, begin), _rates(baseline, next(others), begin))
            stresses.append(mixed)
        else:
            stresses.append(stress)
    return replace(restricted, stresses=tuple(stresses))


def _stopped_volume(restricted: Problem, baseline: Problem, members: frozenset[str], days: FloatArray) -> float:
    begin = restricted.schedule.period_start
    volume = 0.0
    for wells, other in zip(restricted.wells, baseline.wells, strict=True):
        taken = _rates(baseline, other, begin) - _rates(restricted, wells, begin)
        volume += float((days @ taken)[np.isin(wells.names, list(members))].sum())
    return volume


def _per_rate(gain: FloatArray, rate: FloatArray) -> FloatArray:
    return gain / np.where(rate > 0.0, rate, np.nan)[:, None]
