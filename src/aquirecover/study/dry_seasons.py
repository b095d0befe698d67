"""Mean levels of dry seasons, and whether they fall year after year beyond a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.study.constraints import Constraints
from aquirecover.study.limit_rules import Rows, screen_sums
from aquirecover.study.well_levels import Screens

# Share of the days of a season that steps must cover for it to count.
COVERED = 0.95
DAYS_PER_MONTH = 365.25 / 12.0
# Seasons running in each of which the mean level is lower than in the one before.
FALLS = 3


@dataclass(frozen=True, eq=False)
class Seasons:
    """The same months of each year, as time steps have them.

    Parameters
    ----------
    names : tuple of str
        As ``2020/21``, where the months run over the end of a year.
    step : tuple of ndarray of int
        Steps of each season.
    weight : tuple of ndarray
        Their lengths as shares of the season.
    """

    names: tuple[str, ...]
    step: tuple[IntArray, ...]
    weight: tuple[FloatArray, ...]


def seasons(month: IntArray, length: FloatArray, months: Sequence[int]) -> Seasons:
    """Return the seasons that steps cover wholly.

    Parameters
    ----------
    month : ndarray of int
        Of the middle of each step, counted from January of the year 0, shape ``(n_step,)``.
    length : ndarray
        Of each step, shape ``(n_step,)``; d.
    months : sequence of int
        Of the season, 1 to 12, which follow one another.

    Raises
    ------
    ValueError
        When the months do not follow one another.
    """
    chosen = {number % 12 for number in months}
    starts = [number for number in sorted(chosen) if (number - 1) % 12 not in chosen] or [1]
    if len(starts) > 1:
        raise ValueError("the months of a season must follow one another.")
    year = (month - (starts[0] - 1)) // 12
    inside = np.isin(month % 12 + 1, list(months))
    over_the_end = starts[0] + len(chosen) - 1 > 12
    names, steps, weights = [], [], []
    for own in np.unique(year[inside]):
        step = np.flatnonzero(inside & (year == own))
        days = float(length[step].sum())
        if days >= COVERED * len(chosen) * DAYS_PER_MONTH:
            names.append(f"{own}/{(own + 1) % 100:02d}" if over_the_end else f"{own}")
            steps.append(step)
            weights.append(length[step] / days)
    return Seasons(tuple(names), tuple(steps), tuple(weights))


def season_means(screens: Screens, lowest: FloatArray, over: Seasons) -> Rows:
    """Return that mean levels of seasons stay above a level, by season and, within each, by place.

    Parameters
    ----------
    screens : Screens
        Where levels are looked at.
    lowest : ndarray
        Of each place, shape ``(n_place,)``; m.
    over : Seasons
        The seasons.
    """
    n = screens.cell.size
    row = np.concatenate([np.repeat(s * n + np.arange(n), step.size) for s, step in enumerate(over.step)])
    step = np.concatenate([np.tile(own, n) for own in over.step])
    weight = np.concatenate([np.tile(own, n) for own in over.weight])
    place = row % n
    last = np.repeat([int(own[-1]) for own in over.step], n)
    names = tuple(f"{place}, {season}" for season in over.names for place in screens.places)
    heads = screen_sums(names, last, row, step, weight, screens.some(place), lowest[place])
    every = np.tile(np.arange(n), len(over.names))
    return Rows(
        heads, lowest[every], np.full(every.size, np.inf), screens.places * len(over.names), screens.layer[every],
        screens.cell[every],
    )  # fmt: skip


def beyond_and_falling(mean: FloatArray, beyond: FloatArray, falls: int = FALLS) -> BoolArray:
    """Return where a mean level is below a level after it has fallen some seasons running, shape ``(n_season, n_place)``.

    Parameters
    ----------
    mean : ndarray
        Shape ``(n_season, n_place)``; m.
    beyond : ndarray
        Shape ``(n_place,)``; m.
    falls : int
        Seasons, each with a lower mean than the one before it.
    """
    falling = falls_running(mean) >= falls
    found: BoolArray = falling & (mean < beyond)
    return found


def falls_running(mean: FloatArray) -> IntArray:
    """Return in how many seasons running, up to each, the mean has been lower than in the one before; shape of `mean`."""
    count = np.zeros(mean.shape, dtype=np.int64)
    for season in range(1, mean.shape[0]):
        count[season] = np.where(mean[season] < mean[season - 1], count[season - 1] + 1, 0)
    return count


def kept_out(
    rows: Rows,
    names: Sequence[str],
    numbers: IntArray,
    switch: IntArray,
    lawful: FloatArray,
    ground: FloatArray,
    falls: int = FALLS,
) -> tuple[Constraints, Constraints]:
    """Return that every place either stays above its side, or does not fall: linear with a switch a place.

    With the switch on every mean keeps to the side of the row; with it off to the lawful level, and each mean is at least that of
    `falls` seasons before, so that the level has not fallen in all of them. Heads that stay between the ground and the lawful
    level are not bound otherwise.

    Parameters
    ----------
    rows : Rows
        Of `season_means`.
    names : sequence of str
        Of the rows.
    numbers : ndarray of int
        Numbers of the quantities, shape ``(n_season · n_place,)``.
    switch : ndarray of int
        Number of the decision of each place.
    lawful, ground : ndarray
        Of each place, shape ``(n_place,)``; m.
    falls : int
        Seasons running.

    Returns
    -------
    level, trend : Constraints
        As many as `rows`, and one for each place and season from the `falls`-th on.
    """
    n, n_place = numbers.size, switch.size
    none = np.zeros(0, dtype=np.int64)
    place = np.arange(n) % n_place
    spare = rows.lower - np.minimum(lawful[place], rows.lower)
    unit, infinite = (rows.family.unit,) * n, np.full(n, np.inf)
    level = Constraints(
        tuple(names), unit, rows.lower - spare, infinite, np.arange(n), numbers, np.ones(n), np.arange(n), switch[place], -spare
    )
    later = np.arange(falls * n_place, n)
    m = later.size
    if not m:
        return level, Constraints((), (), np.zeros(0), np.zeros(0), none, none, np.zeros(0), none, none, np.zeros(0))
    room = (ground - np.minimum(lawful, ground))[place[later]]
    every = np.arange(m)
    trend = Constraints(
        tuple(f"{names[i]}, against {falls} seasons before" for i in later.tolist()),
        unit[:m],
        np.zeros(m),
        np.full(m, np.inf),
        np.concatenate([every, every]),
        np.concatenate([numbers[later], numbers[later - falls * n_place]]),
        np.repeat([1.0, -1.0], m),
        every,
        switch[place[later]],
        room,
    )
    return level, trend
