"""What tables and figures ask of a result: its aquifers, years, step ends and the start of the restriction."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.schedule import DAYS_PER_YEAR

if TYPE_CHECKING:
    import xarray as xr


def aquifer_layers(dataset: xr.Dataset) -> dict[str, list[int]]:
    """Return the zero-based layers of each aquifer, from top to bottom."""
    found: dict[str, list[int]] = {}
    for layer, name in enumerate(dataset["layer_aquifer"].values):
        if name:
            found.setdefault(str(name), []).append(layer)
    return found


def is_dated(dataset: xr.Dataset) -> bool:
    """Tell whether times are dates."""
    return bool(np.issubdtype(dataset["step_time"].dtype, np.datetime64))


def restriction_time(dataset: xr.Dataset) -> np.datetime64 | float | None:
    """Return when the restriction starts, as the times of the dataset are; None without one."""
    text = dataset.attrs["restriction_start"]
    if not text:
        return None
    return np.datetime64(text, "ns") if is_dated(dataset) else float(text)


def is_restricted(dataset: xr.Dataset) -> bool:
    """Tell whether pumping is restricted at all: a run without rules has a date to compare with others, but stops no pumping."""
    if restriction_time(dataset) is None:
        return False
    if "source_volume" not in dataset:
        return True
    wells = dataset["term_kind"].values == "wells"
    stopped = np.abs(dataset["source_volume"].values[-1][:, wells]).sum()
    pumped = (dataset["budget_outflow"].values[:, wells].sum(axis=1) * dataset["step_length"].values).sum()
    return bool(stopped > 1e-6 * pumped)


def restriction_step(dataset: xr.Dataset) -> int | None:
    """Return the last step before the restriction, from 0; None without one."""
    start = restriction_time(dataset)
    if start is None:
        return None
    return max(int(np.searchsorted(dataset["step_time"].values, start, side="right")) - 1, 0)


def restriction_index(dataset: xr.Dataset) -> int:
    """Return the last saved time before the restriction, from 0; of the lowest mean head when there is none."""
    start = restriction_time(dataset)
    if start is None:
        return int(np.nanmean(dataset["head"].values, axis=(1, 2, 3)).argmin())
    return max(int(np.searchsorted(dataset["time"].values, start, side="right")) - 1, 0)


def step_edges(dataset: xr.Dataset) -> FloatArray:
    """Return start and ends of the steps, shape ``(n_step + 1,)``, d."""
    edges: FloatArray = np.concatenate(([0.0], np.cumsum(dataset["step_length"].values)))
    return edges


def year_bounds(dataset: xr.Dataset) -> tuple[list[str], FloatArray]:
    """Return the years of a run and their bounds, shape ``(n_year + 1,)``, d after the start.

    Years begin on the month and day of the start, so that no step of a seasonal run is cut: ``1990``, or ``1990/91`` when that
    is not 1 January. Without dates a year is 365.25 days, and the first is 1.
    """
    end = float(step_edges(dataset)[-1])
    if not is_dated(dataset):
        n = max(int(np.ceil(end / DAYS_PER_YEAR - 1e-9)), 1)
        return [str(i + 1) for i in range(n)], np.arange(n + 1, dtype=np.float64) * DAYS_PER_YEAR
    start = date.fromisoformat(str(dataset.attrs["start"])[:10])
    month, day = (3, 1) if (start.month, start.day) == (2, 29) else (start.month, start.day)
    n = max(int(np.ceil(end / DAYS_PER_YEAR)) + 1, 1)
    bounds = np.array([float((date(start.year + i, month, day) - start).days) for i in range(n + 1)])
    bounds[0] = 0.0
    n = max(int(np.searchsorted(bounds, end - 1e-6)), 1)
    first = [start.year + i for i in range(n)]
    calendar = (month, day) == (1, 1)
    return [str(year) if calendar else f"{year}/{(year + 1) % 100:02d}" for year in first], bounds[: n + 1]


def year_overlap(dataset: xr.Dataset) -> tuple[list[str], FloatArray]:
    """Return the years of a run (`year_bounds`) and the days of each step that lie in each, shape ``(n_year, n_step)``."""
    years, days = year_bounds(dataset)
    edges = step_edges(dataset)
    upper: FloatArray = np.minimum(days[1:, None], edges[None, 1:])
    lower: FloatArray = np.maximum(days[:-1, None], edges[None, :-1])
    return years, np.clip(upper - lower, 0.0, None)


def year_means(dataset: xr.Dataset, rates: FloatArray) -> tuple[list[str], FloatArray, FloatArray]:
    """Return years, days of the run in each ``(n_year,)``, and time-weighted means of `rates` ``(n_step, ...)``.

    A year with no time in it, as when a run is one steady step, takes the mean of all steps.
    """
    years, overlap = year_overlap(dataset)
    days = overlap.sum(axis=1)
    weight = np.where(days[:, None] > 0.0, overlap / np.where(days > 0.0, days, 1.0)[:, None], 1.0 / overlap.shape[1])
    return years, days, np.tensordot(weight, rates, axes=1)


def cell_area(dataset: xr.Dataset) -> FloatArray:
    """Return the plan area of the cells, shape ``(n_y, n_x)``, m²."""
    dx, dy = (np.abs(np.diff(dataset[f"{name}_bounds"].values, axis=1))[:, 0] for name in ("x", "y"))
    area: FloatArray = dy[:, None] * dx[None, :]
    return area


def focus(dataset: xr.Dataset) -> BoolArray:
    """Return the plan cells that the study is about, shape ``(n_y, n_x)``: the zones, else the named areas, else all active."""
    if "zone_index" in dataset:
        inside = (dataset["zone_index"].values >= 0).any(axis=0)
    elif "area_mask" in dataset:
        inside = (dataset["area_mask"].values > 0).any(axis=0)
    else:
        inside = (dataset["idomain"].values > 0).any(axis=0)
    return np.asarray(inside, dtype=bool)


def aquifer_field(dataset: xr.Dataset, values: FloatArray, aquifer: str) -> FloatArray:
    """Return the mean of `values`, shape ``(..., n_layer, n_y, n_x)``, over the layers of an aquifer where they are finite.

    Returns
    -------
    ndarray
        Shape ``(..., n_y, n_x)``, NaN where no layer has a value.
    """
    part = np.asarray(values, dtype=np.float64)[..., aquifer_layers(dataset)[aquifer], :, :]
    known = np.isfinite(part)
    count = known.sum(axis=-3)
    total = np.where(known, part, 0.0).sum(axis=-3)
    field: FloatArray = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return field


def area_mean(dataset: xr.Dataset, values: FloatArray, aquifer: str, inside: BoolArray | None = None) -> FloatArray:
    """Return the area-weighted mean over an aquifer, of `values` with shape ``(..., n_layer, n_y, n_x)``, shape ``(...,)``.

    Only cells of `inside`, shape ``(n_y, n_x)``, count; the cells that the study is about by default. NaN when none has a value.
    """
    field = aquifer_field(dataset, values, aquifer)
    weight = np.where(np.isfinite(field) & (focus(dataset) if inside is None else inside), cell_area(dataset), 0.0)
    total = weight.sum(axis=(-2, -1))
    summed = np.where(weight > 0.0, field * weight, 0.0).sum(axis=(-2, -1))
    mean: FloatArray = np.divide(summed, total, out=np.full(np.shape(total), np.nan), where=total > 0.0)
    return mean


def compared_heads(dataset: xr.Dataset) -> tuple[FloatArray, FloatArray]:
    """Return the heads at the start of the restriction and at the end, without season where recovery was assessed; m.

    Both have shape ``(n_layer, n_y, n_x)``.
    """
    if "start_head" in dataset:
        return dataset["start_head"].values, dataset["end_head"].values
    return dataset["head"].values[restriction_index(dataset)], dataset["head"].values[-1]
