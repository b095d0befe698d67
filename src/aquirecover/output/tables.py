"""Tables for people and spreadsheets, from a dataset; every column of numbers names its unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.views import is_dated, step_edges, year_means
from aquirecover.variables import base_unit

if TYPE_CHECKING:
    import xarray as xr

RATE = base_unit("m3 d-1")


@dataclass(frozen=True)
class Table:
    """A table: column names with units, and rows of text and numbers."""

    header: list[str]
    rows: list[Sequence[Any]]


def budget_table(dataset: xr.Dataset) -> Table:
    """Return the water budget of each step: rates in and out by term, totals, volumes so far and the closure error."""
    inflow, outflow = dataset["budget_inflow"].values, dataset["budget_outflow"].values
    length = dataset["step_length"].values[:, None]
    total = np.column_stack([inflow.sum(axis=1), outflow.sum(axis=1)])
    header = ["end of step", "time (d)", "step length (d)", *_term_columns(dataset)]
    header += [f"total_in ({RATE})", f"total_out ({RATE})", "cumulative_in (m3)", "cumulative_out (m3)", "budget_error (1)"]
    numbers = np.column_stack(
        [
            step_edges(dataset)[1:],
            length,
            _interleaved(inflow, outflow),
            total,
            np.cumsum(total * length, axis=0),
            dataset["budget_error"].values,
        ]
    )
    return Table(header, _rows([_time_text(dataset)], numbers))


def budget_by_year(dataset: xr.Dataset) -> Table:
    """Return the water budget of each year: mean rates in and out by term, and the days of the run in the year."""
    years, days, means = year_means(dataset, _interleaved(dataset["budget_inflow"].values, dataset["budget_outflow"].values))
    return Table(["year", "days (d)", *_term_columns(dataset)], _rows([years], np.column_stack([days, means])))


def budget_by_zone(dataset: xr.Dataset) -> Table:
    """Return the water budget of each zone and year: terms, and the exchange with all other zones."""
    inflow, outflow = dataset["zone_inflow"].values, dataset["zone_outflow"].values
    exchange = dataset["zone_exchange"].values
    flows = np.concatenate(
        [_interleaved(inflow, outflow), exchange.sum(axis=1)[..., None], exchange.sum(axis=2)[..., None]], axis=2
    )
    years, _, means = year_means(dataset, flows)
    zones = [str(name) for name in dataset["zone"].values]
    header = ["year", "zone", *_term_columns(dataset), f"from_other_zones_in ({RATE})", f"to_other_zones_out ({RATE})"]
    labels = [[year for year in years for _ in zones], zones * len(years)]
    return Table(header, _rows(labels, means.reshape(-1, means.shape[-1])))


def wells_table(dataset: xr.Dataset) -> Table:
    """Return pumping of each well and year: requested, delivered and the shortfall, as mean rates, and the volume."""
    requested, delivered = dataset["pumping_rate"].values, dataset["pumping_rate_actual"].values
    years, days, means = year_means(dataset, np.stack([requested, delivered], axis=2))
    n_well = dataset.sizes["well"]
    known = [name for name in dataset.data_vars if str(name).startswith("well_") and dataset[name].dtype.kind in "OUT"]
    columns = ["well", *(str(name) for name in known)]
    labels = [[str(value) for value in dataset[name].values] * len(years) for name in columns]
    place = np.column_stack([dataset[name].values for name in ("well_x", "well_y", "well_layer")])
    flat = means.reshape(-1, 2)
    volume = flat[:, 1] * np.repeat(days, n_well)
    numbers = np.column_stack([np.tile(place, (len(years), 1)), flat, flat[:, 0] - flat[:, 1], volume])
    year = [year for year in years for _ in range(n_well)]
    header = ["year", "well", *(name.removeprefix("well_") for name in columns[1:]), "x (m)", "y (m)", "layer (1)"]
    header += [f"pumping_rate ({RATE})", f"pumping_rate_actual ({RATE})", f"shortfall ({RATE})", "volume (m3)"]
    return Table(header, _rows([year, *labels], numbers))


def _term_columns(dataset: xr.Dataset) -> list[str]:
    """Return the names of the columns that `_interleaved` makes."""
    return [f"{term}_{way} ({RATE})" for term in dataset["term"].values for way in ("in", "out")]


def _interleaved(inflow: FloatArray, outflow: FloatArray) -> FloatArray:
    """Return in and out of each term side by side along the last axis, shape ``(..., 2 n_term)``."""
    return np.stack([inflow, outflow], axis=-1).reshape(*inflow.shape[:-1], -1)


def _time_text(dataset: xr.Dataset) -> list[str]:
    """Return ends of steps as dates with minutes where a step does not end at midnight, or as days."""
    times = dataset["step_time"].values
    if not is_dated(dataset):
        return [f"{time:g}" for time in times]
    unit = "D" if np.all(times == times.astype("datetime64[D]")) else "m"
    return [str(time) for time in times.astype(f"datetime64[{unit}]")]


def _rows(labels: Sequence[Iterable[str]], numbers: FloatArray) -> list[Sequence[Any]]:
    """Return rows of labels, column by column, followed by numbers."""
    return [(*texts, *values) for texts, values in zip(zip(*labels, strict=True), numbers.tolist(), strict=True)]
