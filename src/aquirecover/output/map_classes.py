"""Round class limits for the colours of maps, chosen from what the maps show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from aquirecover.flow.arrays import FloatArray

Extend = Literal["neither", "both", "min", "max"]

YEAR_LIMITS = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 70.0, 100.0)
MOST_CLASSES = 12
# A part of the largest value that is too small to give a class of its own.
TRACE = 2e-3


def year_classes(years: FloatArray, last: float | None = None) -> list[float]:
    """Return ascending class limits for times, a; of some ten classes, close where most times are.

    Parameters
    ----------
    years : ndarray
        Any shape, NaN where there is none.
    last : float, optional
        End of the run: the last limit, where times come near it.
    """
    from matplotlib.ticker import MaxNLocator

    known = years[np.isfinite(years)]
    low, high = (float(v) for v in np.quantile(known, [0.01, 0.995])) if known.size else (0.0, 1.0)
    if last is not None:
        high = min(high, last)
    limits = np.array(YEAR_LIMITS)
    first = max(int(np.searchsorted(limits, low, side="right")) - 1, 0)
    until = min(int(np.searchsorted(limits, high)), limits.size - 1)
    limits = limits[first : max(until, first + 1) + 1]
    if limits.size > 10 and known.size:
        inner = np.quantile(known, np.linspace(0.0, 1.0, 9)[1:-1])
        nearest = np.abs(limits[1:-1, None] - inner).argmin(axis=0) + 1
        limits = limits[np.unique(np.concatenate(([0], nearest, [limits.size - 1])))]
    if limits.size < 7 and high > 1.1 * low:
        even = np.asarray(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high), dtype=np.float64)
        limits = even[(even >= 0.0) & (np.append(even[1:], np.inf) > low) & (np.append(-np.inf, even[:-1]) < high)]
    found = [round(float(limit), 9) for limit in limits]
    if known.size and known.min() < found[0]:
        found = [0.0, *found[1:]]
    if last is not None and found[-1] >= 0.97 * last:
        found = [limit for limit in found if limit < 0.97 * last] + [last]
    return found


def round_levels(fields: Sequence[FloatArray], colours: str) -> tuple[FloatArray, str]:
    """Return round class limits for several maps with one colour scale, and its colour map: diverging for both signs.

    Limits are even; where a map would lie in the first class alone, this is divided like 1, 2, 5, so that it shows something.

    Parameters
    ----------
    fields : sequence of ndarray
        One a map, NaN where there is no value.
    colours : str
        Name of the colour map for values of one sign.
    """
    from matplotlib.ticker import MaxNLocator

    values = np.concatenate([field.ravel() for field in fields])
    known = values[np.isfinite(values)]
    low, high = (float(v) for v in np.quantile(known, [0.002, 0.998])) if known.size else (0.0, 1.0)
    if low < -0.15 * high:
        largest = max(-low, high)
        low, high, colours = -largest, largest, {"YlOrBr": "RdBu_r", "YlGnBu": "RdBu"}.get(colours, colours)
    else:
        low = min(low, 0.0) if low < -0.02 * high or low < 0.5 * high else low
        low = 0.0 if abs(low) <= 0.02 * max(high, 1e-6) else low
    levels = np.asarray(MaxNLocator(9, steps=[1, 2, 2.5, 5, 10]).tick_values(low, max(high, low + 0.01)))
    levels = levels[max(int(np.searchsorted(levels, low + 1e-9, side="right")) - 1, 0) :]
    return (_divided(levels, fields) if levels[0] == 0.0 else levels), colours


def _divided(levels: FloatArray, fields: Sequence[FloatArray]) -> FloatArray:
    """Return limits from 0 on whose first class is divided while a map has most of its cells in it."""
    tops = [float(np.quantile(field[np.isfinite(field)], 0.98)) for field in fields if np.isfinite(field).any()]
    seen = [top for top in tops if top > TRACE * levels[-1]]
    while seen and levels.size <= MOST_CLASSES and np.searchsorted(levels, min(seen)) < 3:
        levels = np.insert(levels, 1, _next_lower(float(levels[1])))
    return levels


def _next_lower(value: float) -> float:
    """Return the next lower number of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value) + 1e-9)
    return float(next(round(step * power, 12) for step in (5.0, 2.0, 1.0, 0.5) if step * power < value * (1.0 - 1e-9)))


def open_ends(fields: Sequence[FloatArray], levels: FloatArray) -> Extend:
    """Return at which ends values go beyond the class limits by more than a trace."""
    values = np.concatenate([field.ravel() for field in fields])
    known = values[np.isfinite(values)]
    trace = TRACE * float(np.abs(levels).max())
    under = bool(known.size) and float(known.min()) < levels[0] - trace
    over = bool(known.size) and float(known.max()) > levels[-1] + trace
    return ("both" if over else "min") if under else ("max" if over else "neither")
