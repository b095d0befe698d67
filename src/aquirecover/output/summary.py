"""A result in a few lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.recovery import PREFERRED_REFERENCES, REFERENCE_NAMES
from aquirecover.output.views import aquifer_layers, area_mean, compared_heads, is_dated, restriction_step, restriction_time

if TYPE_CHECKING:
    import xarray as xr


def summary(dataset: xr.Dataset) -> str:
    """Return engine, size, steps, time, budget error, pumping before and after, recovery per aquifer, and the warnings."""
    attrs = dataset.attrs
    lines = [
        str(attrs["title"]),
        f"  engine        {attrs['engine']}, {attrs['elapsed']:.1f} s",
        f"  cells         {attrs['n_active']:,} active of {attrs['n_cell']:,} in {dataset.sizes['layer']} layers",
        f"  steps         {dataset.sizes['step_time']} in {attrs['n_period']} periods, {_span(dataset)}",
        f"  iterations    {int(dataset['outer_iterations'].sum()):,} Newton, {int(dataset['inner_iterations'].sum()):,} linear",
        f"  budget error  {attrs['largest_budget_error']:.1e} at most, of any step",
    ]
    lines += _pumping_lines(dataset)
    lines += _aquifer_lines(dataset)
    lines += _low_lines(dataset)
    lines += [f"  warning       {text}" for text in str(attrs["warnings"]).splitlines()]
    return "\n".join(lines)


def _span(dataset: xr.Dataset) -> str:
    """Return the first and last moment of a run."""
    if not is_dated(dataset):
        return f"{float(dataset['step_time'][-1]):g} days"
    return f"{dataset.attrs['start']} to {str(dataset['step_time'].values[-1])[:10]}"


def _pumping_lines(dataset: xr.Dataset) -> list[str]:
    """Return pumping before the restriction and at the end, and what could not be delivered."""
    if "pumping_rate" not in dataset:
        return []
    requested, delivered = dataset["pumping_rate"].values.sum(axis=1), dataset["pumping_rate_actual"].values.sum(axis=1)
    step = restriction_step(dataset)
    if step is None:
        lines = [f"  pumping       {delivered[-1]:,.0f} m³/d at the end; no restriction"]
    else:
        start = dataset.attrs["restriction_start"]
        lines = [f"  pumping       {delivered[step]:,.0f} m³/d before {start}, {delivered[-1]:,.0f} at the end"]
    short = float((requested - delivered).max())
    if short > 1e-6 * max(float(requested.max()), 1.0):
        lines.append(f"  shortfall     {short:,.1f} m³/d at most: cells ran dry, and wells delivered less than was asked")
    return lines


def _aquifer_lines(dataset: xr.Dataset) -> list[str]:
    """Return the mean head of each aquifer before the restriction and at the end, and the share of drawdown recovered."""
    lines = []
    name, reference = _reference(dataset)
    fields = compared_heads(dataset)
    restricted = restriction_time(dataset) is not None
    for aquifer in aquifer_layers(dataset):
        start, end = (float(area_mean(dataset, field, aquifer)) for field in fields)
        level = float(area_mean(dataset, reference, aquifer))
        text = f"  {aquifer:<12}  mean head {start:.2f} → {end:.2f} m"
        if restricted and abs(level - start) >= 0.05:
            share = round((end - start) / (level - start), 2) + 0.0  # no -0 %
            text += f", {share:.0%} of the drawdown recovered (reference: {name})"
        lines.append(text if np.isfinite(end) else f"  {aquifer:<12}  no active cells")
    return lines


def _reference(dataset: xr.Dataset) -> tuple[str, FloatArray]:
    """Return name and field of the level that recovery is measured by; that of drawdown where no other is known."""
    known = [str(name) for name in dataset["reference"].values] if "reference" in dataset.dims else []
    for name in PREFERRED_REFERENCES:
        if name in known:
            return REFERENCE_NAMES[name], dataset["recovery_reference_head"].values[known.index(name)]
    name = str(dataset.attrs["drawdown_reference"])
    return REFERENCE_NAMES.get(name, name), dataset["reference_head"].values


def _low_lines(dataset: xr.Dataset) -> list[str]:
    """Return a warning for each layer whose head falls below its bottom, where no water is left to carry it."""
    lowest = dataset["head"].min("time").values
    lines = []
    for name, head, bottom in zip(dataset["layer_name"].values, lowest, dataset["bottom"].values, strict=True):
        n = int((head < bottom).sum())
        if n:
            gap = float(np.nanmax(bottom - head))
            lines.append(f"  warning       the head falls below the bottom of {name} in {n:,} cells, by {gap:.3g} m at most")
    return lines
