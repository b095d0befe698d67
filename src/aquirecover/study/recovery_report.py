"""What a recovery assessment holds: settings, recovery of places and of every cell, and the report of all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aquirecover.flow.arrays import FloatArray
from aquirecover.study.sources import WaterSources


@dataclass(frozen=True)
class RecoverySettings:
    """How recovery is measured."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    fractions: tuple[float, ...] = (0.5, 0.9, 0.95)
    """Fractions of recovery whose times are sought."""
    rate_years: tuple[float, ...] = (1.0, 5.0)
    """Horizons of the mean recovery rates, years after the start of the restriction."""
    smallest_change: float = 0.05
    """Where the reference is closer than this to the head at the start there is nothing to recover, m."""
    average: Literal["auto", "none", "season", "year"] = "auto"
    """Compare heads as they are, less the cycle of the year before, or as means of years; auto: what the stresses ask for."""
    start: float | None = None
    """Time from which recovery counts, d; the start of the restriction when left out."""


@dataclass(frozen=True, eq=False)
class PlaceRecovery:
    """Recovery at points or zones; n places.

    Parameters
    ----------
    kind : str
        ``observation`` or ``zone``.
    names : tuple of str
        Of the places.
    time : ndarray
        Times of the series after time zero, before the restriction too, shape ``(n_time,)``; d.
    head : ndarray
        Shape ``(n_time, n)``; m; area-weighted means for zones.
    start_head, end_head : ndarray
        At the start of the restriction and at the end of the run, without season (`RecoverySettings.average`), shape ``(n,)``; m.
    reference_head : mapping of str to ndarray
        Level of each reference, shape ``(n,)``, NaN where there is none; m.
    residual_drawdown : mapping of str to ndarray
        ``reference − head``, shape ``(n_time, n)``; m. Against ``restriction_start`` a rise is negative.
    recovery_fraction : mapping of str to ndarray
        Shape ``(n_time, n)``, NaN before the restriction; 1. Not against ``restriction_start``; against ``head_limit`` NaN where
        the head was above it from the start.
    end_residual, end_fraction : mapping of str to ndarray
        The same at the end of the run, without season, shape ``(n,)``; m and 1.
    time_to_recovery : mapping of str to ndarray
        Since the start of the restriction, shape ``(n_fraction, n)``; d.
    recovery_rate : ndarray
        Over each horizon and, last, over the whole run, shape ``(n_horizon + 1, n)``; m/d.
    year, annual_mean, seasonal_low : ndarray
        Full years from the start of the restriction on (year 0 is the first; -1 the last before it), shape ``(n_year,)``,
        and the mean and lowest head of each, shape ``(n_year, n)``; m.
    recovered_volume, area_above_limit : ndarray
        Zones only: water gained since the start, m³, and area whose head is at or above its limit, m², ``(n_time, n)``.
    area_with_limit : ndarray
        Zones only: area that has a limit, shape ``(n,)``; m².
    """

    kind: str
    names: tuple[str, ...]
    time: FloatArray
    head: FloatArray
    start_head: FloatArray
    end_head: FloatArray
    reference_head: Mapping[str, FloatArray]
    residual_drawdown: Mapping[str, FloatArray]
    recovery_fraction: Mapping[str, FloatArray]
    end_residual: Mapping[str, FloatArray]
    end_fraction: Mapping[str, FloatArray]
    time_to_recovery: Mapping[str, FloatArray]
    recovery_rate: FloatArray
    year: FloatArray
    annual_mean: FloatArray
    seasonal_low: FloatArray
    recovered_volume: FloatArray | None = None
    area_above_limit: FloatArray | None = None
    area_with_limit: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class RecoveryMaps:
    """Recovery of every cell, from the saved heads; fields of shape ``(n_layer, n_y, n_x)``, NaN where unknown.

    Parameters
    ----------
    time : ndarray
        Times of the saved heads, shape ``(n_saved,)``; d.
    start_head, end_head : ndarray
        As in `PlaceRecovery`; m.
    reference_head : mapping of str to ndarray
        Fields of the reference levels; m.
    residual_drawdown, recovery_fraction : mapping of str to ndarray
        Fields at the end of the run; m and 1.
    time_to_recovery : mapping of str to ndarray
        Shape ``(n_fraction, n_layer, n_y, n_x)``; d since the start of the restriction.
    recovery_rate : ndarray
        Shape ``(n_horizon + 1, n_layer, n_y, n_x)``, the whole run last; m/d.
    recovered_volume, area_above_limit : ndarray
        Sums by layer at the saved times, shape ``(n_saved, n_layer)``; m³ and m².
    area_with_limit : ndarray
        Shape ``(n_layer,)``; m².
    """

    time: FloatArray
    start_head: FloatArray
    end_head: FloatArray
    reference_head: Mapping[str, FloatArray]
    residual_drawdown: Mapping[str, FloatArray]
    recovery_fraction: Mapping[str, FloatArray]
    time_to_recovery: Mapping[str, FloatArray]
    recovery_rate: FloatArray
    recovered_volume: FloatArray
    area_above_limit: FloatArray
    area_with_limit: FloatArray


@dataclass(frozen=True, eq=False)
class LateRecovery:
    """Times to late fractions of the way from the heads at the start to the equilibrium under the restriction, by moments.

    Parameters
    ----------
    fractions : tuple of float
        0.9 and above.
    time : ndarray
        Since the start of the restriction, shape ``(n_fraction, n_layer, n_y, n_x)``, NaN where unknown; d.
    end_head : ndarray
        Equilibrium with the mean stresses of the last year, shape ``(n_layer, n_y, n_x)``; m.
    """

    fractions: tuple[float, ...]
    time: FloatArray
    end_head: FloatArray


@dataclass(frozen=True, eq=False)
class RecoveryReport:
    """Recovery of a run against all its reference levels.

    Parameters
    ----------
    settings : RecoverySettings
        As used.
    start : float
        Time from which recovery counts, d after time zero.
    average : str
        ``none``, ``season`` or ``year``: how heads of different seasons were made comparable.
    references : tuple of str
        Levels that are known.
    observations, zones : PlaceRecovery
        Without places where the problem has none.
    maps : RecoveryMaps
        Of every cell.
    sources : tuple of WaterSources
        Where the recovered water came from, against the state at the start and, when given, against a run without restriction.
    late : LateRecovery or None
        Times that follow without marching.
    """

    settings: RecoverySettings
    start: float
    average: str
    references: tuple[str, ...]
    observations: PlaceRecovery
    zones: PlaceRecovery
    maps: RecoveryMaps
    sources: tuple[WaterSources, ...] = ()
    late: LateRecovery | None = None
