"""Recovery metrics as variables of a dataset, and as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.tables import Table
from aquirecover.variables import VARIABLES, base_unit

if TYPE_CHECKING:
    import xarray as xr

    from aquirecover.study.recovery_report import PlaceRecovery, RecoveryReport

CELL = ("layer", "y", "x")
SINCE = "since the start of the restriction"
REFERENCE_NAMES = {
    "before_pumping": "before pumping",
    "restriction_start": "start of the restriction",
    "no_pumping": "equilibrium without pumping",
    "head_limit": "legal level",
}

# Which level texts and maps measure recovery by: what stopping all pumping would bring back, where it is known.
PREFERRED_REFERENCES = ("no_pumping", "before_pumping")

# Measures at the end of the run, without season, and the quantities that they are.
END_MEASURES = {"end_residual": "residual_drawdown", "end_fraction": "recovery_fraction"}

Entry = tuple[tuple[str, ...], Any, dict[str, Any]]


def recovery_entries(report: RecoveryReport, n_saved: int, n_step: int, has_rest: bool) -> dict[str, Entry]:
    """Return recovery metrics as variables with dims ``reference``, ``fraction``, ``horizon`` and those of places and cells.

    Parameters
    ----------
    report : RecoveryReport
        What `assess_recovery` returned.
    n_saved, n_step : int
        Length of the dims ``time`` and ``step_time``; an initial state before them is left out.
    has_rest : bool
        The dim ``zone`` has the rest of the model as its last entry, for which recovery is unknown.
    """
    settings, names = report.settings, report.references
    horizons = [f"{years:g} year{'s' * (years != 1.0)}" for years in settings.rate_years] + ["whole run"]
    entries: dict[str, Entry] = {
        "reference": (("reference",), _text(names), {"long_name": "Level that recovery is measured against"}),
        "fraction": (("fraction",), np.array(settings.fractions), {"long_name": "Fraction of recovery", "units": "1"}),
        "horizon": (("horizon",), _text(horizons), {"long_name": f"Time {SINCE} over which the rate is a mean"}),
        **_map_entries(report, n_saved),
    }
    if report.observations.names:
        entries |= _place_entries(report.observations, report, "observation", "step_time", n_step, 0)
    if report.zones.names:
        entries |= _place_entries(report.zones, report, "zone", "time", n_saved, int(has_rest))
    if report.sources:
        entries |= _source_entries(report)
    if report.late is not None:
        late = report.late
        about = _about("time_to_recovery", comment=f"{SINCE}, towards equilibrium_head; by moments, without marching in time")
        entries["late_fraction"] = (
            ("late_fraction",),
            np.array(late.fractions),
            {"long_name": "Late fraction", "units": "1"},
        )
        entries["late_time_to_recovery"] = (("late_fraction", *CELL), late.time, about)
        comment = "with the mean stresses of the last year, under the restriction"
        entries["equilibrium_head"] = (CELL, late.end_head, _about("head", comment=comment))
    return entries


def _text(names: Sequence[str]) -> np.ndarray:
    return np.array(list(names), dtype=object)


def _about(name: str, **more: Any) -> dict[str, Any]:
    variable = VARIABLES[name]
    return {"long_name": variable.long_name, "long_name_vi": variable.long_name_vi, "units": variable.unit, **more}


def _stacked(names: Sequence[str], fields: Mapping[str, FloatArray]) -> FloatArray:
    """Return one array with the references first, NaN where a reference has no such measure."""
    shape = next(iter(fields.values())).shape if fields else ()
    return np.stack([np.broadcast_to(fields.get(name, np.nan), shape) for name in names])


def _map_entries(report: RecoveryReport, n_saved: int) -> dict[str, Entry]:
    """Return fields of every cell, at the end of the run where they have no time, and sums by layer."""
    maps, names = report.maps, report.references
    series = ("time", "layer")
    how = {"year": ", mean of a year", "season": ", the season is taken off"}.get(report.average, "")
    return {
        "start_head": (CELL, maps.start_head, _about("head", comment=f"at the start of the restriction{how}")),
        "end_head": (CELL, maps.end_head, _about("head", comment=f"at the end of the run{how}")),
        "recovery_reference_head": (("reference", *CELL), _stacked(names, maps.reference_head), _about("reference_head")),
        "residual_drawdown": (("reference", *CELL), _stacked(names, maps.residual_drawdown), _about("residual_drawdown")),
        "recovery_fraction": (("reference", *CELL), _stacked(names, maps.recovery_fraction), _about("recovery_fraction")),
        "time_to_recovery": (
            ("reference", "fraction", *CELL),
            _stacked(names, maps.time_to_recovery),
            _about("time_to_recovery", comment=f"{SINCE}; missing where the fraction is not reached and kept"),
        ),
        "recovery_rate": (("horizon", *CELL), maps.recovery_rate, _about("recovery_rate")),
        "recovered_volume": (series, maps.recovered_volume[-n_saved:], _about("recovered_volume", comment=SINCE)),
        "area_above_limit": (
            series,
            maps.area_above_limit[-n_saved:],
            {"long_name": "Area at or above the legal level", "units": "m2"},
        ),
        "area_with_limit": (("layer",), maps.area_with_limit, {"long_name": "Area that has a legal level", "units": "m2"}),
    }


def _place_entries(
    place: PlaceRecovery, report: RecoveryReport, kind: str, clock: str, n_time: int, n_rest: int
) -> dict[str, Entry]:
    """Return the measures of points or zones, with `n_rest` empty places after them."""
    names = report.references
    padded = _padding(n_rest)

    def latest(values: FloatArray) -> FloatArray:
        return padded(values[..., -n_time:, :])

    per_reference = {
        "residual_drawdown": ((clock, kind), _stacked(names, place.residual_drawdown), latest),
        "recovery_fraction": ((clock, kind), _stacked(names, place.recovery_fraction), latest),
        "time_to_recovery": (("fraction", kind), _stacked(names, place.time_to_recovery), padded),
        "reference_head": ((kind,), _stacked(names, place.reference_head), padded),
        "end_residual": ((kind,), _stacked(names, place.end_residual), padded),
        "end_fraction": ((kind,), _stacked(names, place.end_fraction), padded),
    }
    entries: dict[str, Entry] = {
        f"{kind}_{name}": (("reference", *dims), fit(values), _about(END_MEASURES.get(name, name)))
        for name, (dims, values, fit) in per_reference.items()
    }
    entries[f"{kind}_recovery_rate"] = (("horizon", kind), padded(place.recovery_rate), _about("recovery_rate"))
    entries[f"{kind}_start_head"] = ((kind,), padded(place.start_head), _about("head", comment="at the start of the restriction"))
    entries[f"{kind}_end_head"] = ((kind,), padded(place.end_head), _about("head", comment="at the end of the run"))
    for name, values in (("annual_mean", place.annual_mean), ("seasonal_low", place.seasonal_low)):
        text = {"long_name": f"{name.replace('_', ' ').capitalize()} of the head", "units": "m"}
        entries[f"{kind}_{name}"] = ((f"{kind}_year", kind), padded(values), text)
    entries[f"{kind}_year"] = ((f"{kind}_year",), place.year, {"long_name": f"Full year, from 0, {SINCE}", "units": "1"})
    if kind == "zone":
        entries["zone_head"] = ((clock, kind), latest(place.head), _about("head", cell_methods="area: mean"))
        if place.recovered_volume is not None:
            entries["zone_recovered_volume"] = ((clock, kind), latest(place.recovered_volume), _about("recovered_volume"))
        if place.area_above_limit is not None and place.area_with_limit is not None:
            area = {"long_name": "Area at or above the legal level", "units": "m2"}
            entries["zone_area_above_limit"] = ((clock, kind), latest(place.area_above_limit), area)
            area = {"long_name": "Area that has a legal level", "units": "m2"}
            entries["zone_area_with_limit"] = ((kind,), padded(place.area_with_limit), area)
    return entries


def _padding(n_rest: int) -> Callable[[FloatArray], FloatArray]:
    """Return a function that adds `n_rest` empty places at the end of the last axis."""

    def padded(values: FloatArray) -> FloatArray:
        width = [(0, 0)] * (values.ndim - 1) + [(0, n_rest)]
        return np.pad(values, width, constant_values=np.nan)

    return padded


def _source_entries(report: RecoveryReport) -> dict[str, Entry]:
    """Return where the water came from, by comparison, year and term."""
    sources = report.sources
    comment = "net inflow beyond the comparison; the sum over terms is 0"
    return {
        "comparison": (("comparison",), _text([s.relative_to for s in sources]), {"long_name": "What the run is compared with"}),
        "source_year_end": (("source_year",), sources[0].year_end, {"long_name": f"End of the year, {SINCE}", "units": "d"}),
        "source_volume": (
            ("comparison", "source_year", "term"),
            np.stack([s.volume for s in sources]),
            {"long_name": "Volume given beyond the comparison", "units": "m3", "comment": comment},
        ),
    }


def recovery_table(dataset: xr.Dataset) -> Table:
    """Return recovery of each zone and observation point against each level: heads, fraction, times, rates and volumes."""
    fractions, horizons = dataset["fraction"].values, [str(name) for name in dataset["horizon"].values]
    unit = base_unit(VARIABLES["recovery_rate"].unit)
    header = ["place", "kind", "reference", "head_at_start (m)", "head_at_end (m)", "reference_head (m)"]
    header += ["residual_drawdown_at_end (m)", "recovery_fraction_at_end (1)"]
    header += [f"time_to_recovery_{100 * fraction:g}% (d)" for fraction in fractions]
    header += [f"recovery_rate_{name.replace(' ', '_')} ({unit})" for name in horizons]
    header += ["recovered_volume_at_end (m3)", "area_above_limit_at_end (m2)", "area_with_limit (m2)"]
    rows: list[Sequence[Any]] = []
    for kind in ("zone", "observation"):
        if f"{kind}_recovery_fraction" in dataset:
            rows += _place_rows(dataset, kind)
    return Table(header, rows)


def _place_rows(dataset: xr.Dataset, kind: str) -> list[Sequence[Any]]:
    """Return the rows of zones or points, by place and then by reference."""
    places = [str(name) for name in dataset[kind].values if not (kind == "zone" and name == "rest")]
    n, references = len(places), [str(name) for name in dataset["reference"].values]

    def known(name: str) -> FloatArray:
        return np.asarray(dataset[f"{kind}_{name}"].values[..., :n])

    shape = (len(references), n)
    alike = [known("start_head"), known("end_head")]
    extra = [np.full(n, np.nan)] * 3
    if kind == "zone" and "zone_area_with_limit" in dataset:
        extra = [known("recovered_volume")[-1], known("area_above_limit")[-1], known("area_with_limit")]
    columns = [
        *(np.broadcast_to(values, shape) for values in alike),
        known("reference_head"),
        known("end_residual"),
        known("end_fraction"),
        *np.moveaxis(known("time_to_recovery"), 1, 0),
        *(np.broadcast_to(values, shape) for values in known("recovery_rate")),
        *(np.broadcast_to(values, shape) for values in extra),
    ]
    numbers = np.stack(columns, axis=-1).tolist()
    return [(places[p], kind, references[r], *numbers[r][p]) for p in range(n) for r in range(len(references))]
