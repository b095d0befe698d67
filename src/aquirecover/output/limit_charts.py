"""Figures of a safe limit but for maps: limit against present pumping, recovery at the limit, and trade-off curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.limit_dataset import RUNS
from aquirecover.output.style import (
    INK,
    PALE,
    QUIET,
    SERIES,
    finish_time_axis,
    halo,
    in_style,
    letter,
    new_figure,
    title_figure,
    wrapped,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that colour-blind people tell apart, in the order of `RUNS`.
RUN_STYLE: tuple[dict[str, Any], ...] = (
    {"color": SERIES[1]},
    {"color": SERIES[0]},
    {"color": SERIES[2], "linestyle": (0, (5, 1.5))},
)
LEGAL = "#a50f15"
BAR, SPARE = 5.2, 11.0
# Widths of the names beside the bars and of a letter of what stands behind them, mm.
NAMES, LETTER = 32.0, 1.22


def figure_plan(dataset: xr.Dataset) -> dict[str, Callable[[], Figure]]:
    """Return the figures that a limit has the numbers for, by file name, as functions that draw them."""
    from aquirecover.output.limit_maps import binding_map, headroom_map

    plan: dict[str, Callable[[], Figure]] = {"limits": lambda: limit_bars(dataset)}
    if "ring_district" in dataset and len(_districts(dataset)):
        plan["headroom_map"] = lambda: headroom_map(dataset)
    plan["binding_map"] = lambda: binding_map(dataset)
    if "curve_side" in dataset:
        plan["trade_off"] = lambda: trade_off_curve(dataset)
    if dataset.sizes["time"] > 1:
        plan["recovery_curves"] = lambda: limit_curves(dataset)
    return plan


def _districts(dataset: xr.Dataset) -> set[str]:
    """Return the districts that have both an outline and a limit."""
    return set(dataset["ring_district"].values.tolist()) & set(dataset["part_district"].values.tolist())


def law_term(dataset: xr.Dataset) -> str:
    """Return what the limit is called: with the law's own word where rules of law hold."""
    return f"safe limit ({dataset.attrs['term_vi']})" if dataset.attrs["laws"] else "safe limit"


def caution(dataset: xr.Dataset, width: int) -> str:
    """Return what a person should know of the model before trusting its numbers, in lines of some letters."""
    warnings = str(dataset.attrs.get("warnings", "")).splitlines()
    return wrapped("Note: " + "; ".join(warnings), width) if warnings else ""


@in_style
def limit_bars(dataset: xr.Dataset) -> Figure:
    """Return bars of the limit of each district beside its present pumping, a panel an aquifer, with what holds it."""
    names, aquifers = (dataset[f"part_{key}"].values.astype(str) for key in ("district", "aquifer"))
    shown = (names != "all") & (aquifers != "all")
    groups = {aquifer: np.flatnonzero(shown & (aquifers == aquifer)) for aquifer in dict.fromkeys(aquifers[shown])}
    groups = {key: groups[key] for key in sorted(groups, key=_order(dataset))}
    heights = [BAR * own.size + SPARE for own in groups.values()]
    figure = new_figure(sum(heights) + 18.0 + 3.5 * len(caution(dataset, 105).splitlines()))
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    limit, present = (dataset[name].values / 1e3 for name in ("part_safe_pumping_rate", "part_present_pumping_rate"))
    text = [f"{value:,.2f}   {_holder(dataset, n)}" for n, value in enumerate(limit)]
    length = np.array([len(line) for line in text]) * LETTER + 3.0
    reach = np.fmax(limit, present)
    width = 190.0 - NAMES
    most = float((reach[shown] / np.maximum(1.0 - length[shown] / width, 0.2)).max(initial=0.0)) or 1.0
    for ax, own in zip(panels, groups.values(), strict=True):
        place = np.arange(own.size)[::-1]
        ax.barh(place, present[own], height=0.76, color=PALE, label="present pumping")
        ax.barh(place, limit[own], height=0.38, color=SERIES[0], label=law_term(dataset))
        for y, n in zip(place, own, strict=True):
            ax.text(reach[n] + 0.006 * most, y, text[n], va="center", fontsize=6.5, color=INK if limit[n] > 0.0 else QUIET)
        ax.set_yticks(place, names[own].tolist())
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(-0.7, own.size - 0.3)
    panels[0].set_xlim(0.0, most)
    sums = {aquifer: _total(dataset, aquifer) for aquifer in groups}
    letter(panels, [f"Aquifer {name}: {sums[name]}" for name in groups])
    note = caution(dataset, 105)
    panels[-1].set_xlabel("Pumping (1,000 m³/d); behind each bar its limit and what holds it" + (f"\n{note}" if note else ""))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    title_figure(figure, wrapped(f"{dataset.attrs['title']}: {_total(dataset, 'all')}", 110))
    return figure


def _order(dataset: xr.Dataset) -> Callable[[str], int]:
    """Return what sorts aquifers from top to bottom."""
    known = dataset["aquifer"].values.astype(str).tolist()
    return lambda name: known.index(name) if name in known else len(known)


def _total(dataset: xr.Dataset, aquifer: str) -> str:
    """Return the limit of an aquifer against its present pumping in words."""
    chosen = (dataset["part_district"].values == "all") & (dataset["part_aquifer"].values == aquifer)
    n = int(np.flatnonzero(chosen)[0])
    limit, present = (float(dataset[name].values[n]) for name in ("part_safe_pumping_rate", "part_present_pumping_rate"))
    return f"limit {limit:,.0f}, present {present:,.0f} m³/d"


def _holder(dataset: xr.Dataset, n: int) -> str:
    """Return what holds a limit, briefly: the place and the month, or the bound."""
    rule, place, date = (str(dataset[f"part_{key}"].values[n]) for key in ("rule", "place", "date"))
    if not place:
        return str(dataset["part_held_by"].values[n])
    return f"{rule}: {place}" + (f", {date[:7]}" if date else "")


@in_style
def trade_off_curve(dataset: xr.Dataset) -> Figure:
    """Return the limit against the side of a rule; sides without a limit are marked on the axis."""
    figure = new_figure(62.0, 90.0)
    ax = figure.subplots()
    side, limit = dataset["curve_side"].values, dataset["curve_limit"].values / 1e3
    known = np.isfinite(limit)
    ax.plot(side[known], limit[known], "o-", color=SERIES[0], markersize=3.5, label=law_term(dataset))
    ax.axhline(float(dataset.attrs["present"]) / 1e3, color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)), label="present pumping")
    if not known.all():
        ax.plot(side[~known], np.zeros((~known).sum()), "x", color=SERIES[1], clip_on=False, label="none: the rules contradict")
    ax.set_ylim(0.0, 1.18 * max(float(np.nanmax(limit, initial=0.0)), float(dataset.attrs["present"]) / 1e3, 1e-3))
    ax.margins(x=0.05)
    if np.issubdtype(side.dtype, np.datetime64):
        finish_time_axis(ax, dated=True, most=8)
    ax.set_xlabel(wrapped(str(dataset.attrs["curve_label"]), 50))
    ax.set_ylabel("Pumping (1,000 m³/d)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2 if known.all() else 1)
    title_figure(figure, wrapped(str(dataset.attrs["title"]), 52))
    return figure


@in_style
def limit_curves(dataset: xr.Dataset) -> Figure:
    """Return the mean head of each aquifer with present pumping, at the limit and without, a panel an aquifer."""
    aquifers = dataset["aquifer"].values.astype(str)
    figure = new_figure(42.0 * aquifers.size + 20.0)
    panels = figure.subplots(aquifers.size, 1, sharex=True, squeeze=False)[:, 0]
    for n, ax in enumerate(panels):
        _draw_curves(dataset, n, ax)
    letter(panels, [f"Aquifer {name}" for name in aquifers])
    seasonal = _is_seasonal(dataset)
    label = "Mean head (m)"
    for ax in panels:
        ax.set_ylabel(label)
        finish_time_axis(ax, _dated(dataset))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    note = " (thin: seasons, thick: mean of a year)" if seasonal else ""
    title_figure(figure, wrapped(f"{dataset.attrs['title']}: mean heads{note}", 110))
    figure.align_ylabels(list(panels))
    return figure


def _draw_curves(dataset: xr.Dataset, n: int, ax: Axes) -> None:
    """Draw the runs, what was before them, and the levels they may reach."""
    past, time = dataset["history_time"].values, dataset["time"].values
    before, smooth_before = dataset["history_mean_head"].values[n], dataset["history_yearly_mean_head"].values[n]
    seasonal = _is_seasonal(dataset)
    if seasonal:
        ax.plot(past, before, color="#4d4d4d", linewidth=0.4, alpha=0.4)
    ax.plot(past, smooth_before if seasonal else before, color="#4d4d4d", linewidth=1.0, label="before the limit")
    for r, (name, look) in enumerate(zip(RUNS, RUN_STYLE, strict=True)):
        raw, smooth = dataset["mean_head"].values[r, n], dataset["yearly_mean_head"].values[r, n]
        # the runs go on from the end of the history
        joined = np.append(past[-1:], time), np.append(before[-1:], raw)
        if seasonal:
            ax.plot(*joined, color=look["color"], linewidth=0.4, alpha=0.4)
            joined = np.append(past[-1:], time), np.append(smooth_before[-1:], smooth)
        ax.plot(*joined, **look, label=name)
    low, high = ax.get_ylim()
    levels: list[tuple[str, float, str]] = [("before pumping", float(dataset["reference_mean_head"].values[n]), QUIET)]
    if "mean_head_limit" in dataset:
        lawful = float(dataset["mean_head_limit"].values[n])
        if np.isfinite(lawful) and low - 0.8 * (high - low) < lawful < high + 0.8 * (high - low):
            levels.append(("legal level", lawful, LEGAL))
        elif np.isfinite(lawful):
            arrow, edge = ("↓", 0.0) if lawful < low else ("↑", 1.0)
            ax.annotate(f"{arrow} legal level {lawful:.1f} m".replace("-", "−"), (1.0, edge), xycoords="axes fraction",
                        xytext=(-3, 2 - 4 * edge), textcoords="offset points", color=LEGAL, ha="right",
                        va="top" if edge else "bottom", fontsize=7, path_effects=halo(), zorder=5)  # fmt: skip
    for name, level, colour in levels:
        ax.axhline(level, color=colour, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        ax.annotate(f"{name} {level:.1f} m".replace("-", "−"), (0.0, level), xycoords=("axes fraction", "data"), xytext=(3, 1.5),
                    textcoords="offset points", color=colour, fontsize=7, path_effects=halo(), zorder=5)  # fmt: skip
    bottom, top = min(low, *(level for _, level, _ in levels)), max(high, *(level for _, level, _ in levels))
    ax.set_ylim(bottom - 0.12 * (top - bottom), top + 0.16 * (top - bottom))
    ax.set_xlim(past[0] if past.size else time[0], time[-1])
    if past.size:
        ax.axvline(past[-1], color=INK, linewidth=0.6, zorder=1)


def _is_seasonal(dataset: xr.Dataset) -> bool:
    """Tell whether a mean head goes up and down much more than it goes anywhere."""
    heads: FloatArray = dataset["mean_head"].values
    back_and_forth = np.abs(np.diff(heads, axis=2)).sum(axis=2)
    return bool((back_and_forth > 4.0 * np.maximum(np.ptp(heads, axis=2), 1e-9)).any())


def _dated(dataset: xr.Dataset) -> Any:
    return np.issubdtype(dataset["time"].dtype, np.datetime64)
