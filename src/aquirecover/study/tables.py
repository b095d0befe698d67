"""A recovery report as plain columns, ready for a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.study.recovery import PlaceRecovery, RecoveryReport


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length with their units.

    Parameters
    ----------
    columns : dict of str to ndarray
        By name, in order; text or float.
    units : dict of str to str
        In the notation of `variables.py`; empty for text.
    """

    columns: dict[str, np.ndarray]
    units: dict[str, str]

    @property
    def n_row(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


def recovery_table(report: RecoveryReport) -> Table:
    """Return one row per place and reference level: levels, residual drawdown, fraction, times and rates at the end of the run.

    Zones also have the recovered volume and the share of their area above the limit. Rates are in m per year of 365.25 d.
    """
    parts = [
        _place_rows(report, place, name)
        for place in (report.observations, report.zones)
        if place.names
        for name in report.references
    ]
    units = {"kind": "", "name": "", "reference": "", "reference_head": "m", "start_head": "m", "end_head": "m"}
    units |= {"residual_drawdown": "m", "recovery_fraction": "1"}
    units |= dict.fromkeys(_time_names(report), "d") | dict.fromkeys(_rate_names(report), "m yr-1")
    units |= {"recovered_volume": "m3", "area_above_limit": "m2", "share_above_limit": "1"}
    return _stack(parts, units)


def yearly_table(report: RecoveryReport) -> Table:
    """Return one row per place and full year from the restriction on: mean and lowest head."""
    parts = []
    for place in (report.observations, report.zones):
        for i, name in enumerate(place.names):
            n = place.year.size
            parts.append(
                {
                    "kind": np.full(n, place.kind),
                    "name": np.full(n, name),
                    "year": place.year,
                    "annual_mean_head": place.annual_mean[:, i],
                    "seasonal_low_head": place.seasonal_low[:, i],
                }
            )
    return _stack(parts, {"kind": "", "name": "", "year": "1", "annual_mean_head": "m", "seasonal_low_head": "m"})


def sources_table(report: RecoveryReport) -> Table:
    """Return one row per comparison, year and budget term: the water given beyond the comparison (`WaterSources`)."""
    parts = []
    for sources in report.sources:
        n_year, n_term = sources.volume.shape
        parts.append(
            {
                "relative_to": np.full(n_year * n_term, sources.relative_to),
                "year": np.repeat(np.arange(n_year, dtype=np.float64), n_term),
                "year_end": np.repeat(sources.year_end, n_term),
                "term": np.tile(np.array(sources.terms), n_year),
                "volume": sources.volume.ravel(),
            }
        )
    return _stack(parts, {"relative_to": "", "year": "1", "year_end": "d", "term": "", "volume": "m3"})


def _place_rows(report: RecoveryReport, place: PlaceRecovery, reference: str) -> dict[str, np.ndarray]:
    n = len(place.names)
    level = place.reference_head[reference]
    unknown = np.full(n, np.nan)
    rows: dict[str, np.ndarray] = {
        "kind": np.full(n, place.kind),
        "name": np.array(place.names),
        "reference": np.full(n, reference),
        "reference_head": level,
        "start_head": place.start_head,
        "end_head": place.end_head,
        "residual_drawdown": place.end_residual[reference],
        "recovery_fraction": place.end_fraction.get(reference, unknown),
    }
    times = place.time_to_recovery.get(reference)
    for i, name in enumerate(_time_names(report)):
        rows[name] = unknown if times is None else times[i]
    for i, name in enumerate(_rate_names(report)):
        rows[name] = place.recovery_rate[i] * DAYS_PER_YEAR
    rows["recovered_volume"] = _last(place.recovered_volume, unknown)
    rows["area_above_limit"] = _last(place.area_above_limit, unknown)
    area = unknown if place.area_with_limit is None else place.area_with_limit
    rows["share_above_limit"] = np.divide(rows["area_above_limit"], area, out=unknown.copy(), where=area > 0.0)
    return rows


def _last(series: FloatArray | None, unknown: FloatArray) -> FloatArray:
    return unknown if series is None else series[-1]


def _time_names(report: RecoveryReport) -> list[str]:
    return [f"time_to_{100.0 * p:g}_percent" for p in report.settings.fractions]


def _rate_names(report: RecoveryReport) -> list[str]:
    return [*(f"recovery_rate_{y:g}_year" for y in report.settings.rate_years), "recovery_rate_overall"]


def _stack(parts: list[dict[str, np.ndarray]], units: dict[str, str]) -> Table:
    columns = {name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0) for name in units}
    return Table(columns, units)
