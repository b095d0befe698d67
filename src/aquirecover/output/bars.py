"""Figures of amounts: the water budget, where the water that is no longer pumped went, and scenarios side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.output.style import INK, QUIET, in_style, label_ends, letter, line_style, new_figure, title_figure, wrapped
from aquirecover.output.views import (
    aquifer_layers,
    area_mean,
    compared_heads,
    is_dated,
    is_restricted,
    restriction_step,
    step_edges,
    year_bounds,
    year_means,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Colours of each class of term: the first, second … of a class; after the last it starts again.
KIND_COLOURS = {
    "storage": ("#8c8c8c",),
    "wells": ("#D55E00", "#f0a35e"),
    "recharge": ("#56B4E9", "#a6d5f2"),
    "river": ("#0072B2", "#4a98c9", "#8fc1e0", "#264e70", "#6a9fb5"),
    "drain": ("#B79F00", "#dccb60", "#8a7a1c"),
    "general_head": ("#009E73", "#b3a0cf", "#8fd1a5", "#7b6aa8", "#4f9d94"),
    "fixed_head": ("#2f6b58", "#7fb09f"),
    "evapotranspiration": ("#E69F00", "#f5cd79"),
}


# Terms below this share of the largest have a panel of their own.
SMALL = 0.12
# How much of the colour of its term a bar has: pale for what is past.
STRENGTHS = (0.35, 0.65, 1.0)


@in_style
def budget_bars(dataset: xr.Dataset) -> Figure:
    """Draw inflow and outflow of each term in the first year, the last before the restriction, and the last of the run.

    Large and small terms have a panel and a scale each, where they differ much.
    """
    from matplotlib.patches import Patch

    moments = _moments(dataset)
    size = np.max([np.maximum(inflow, outflow) for _, inflow, outflow in moments], axis=0)
    small = size < SMALL * size.max()
    groups = [np.flatnonzero(~small), np.flatnonzero(small)] if 1 < small.sum() < size.size else [np.arange(size.size)]
    figure = new_figure(8.5 * size.size + 10.0 * len(groups) + 22.0)
    panels = figure.subplots(len(groups), 1, squeeze=False, height_ratios=[len(group) for group in groups])[:, 0]
    for ax, group in zip(panels, groups, strict=True):
        draw_budget(dataset, moments, ax, terms=group)
    letter(panels, ["Large terms", "Small terms: another scale"] if len(groups) > 1 else [])
    names = [name for name, _, _ in moments]
    netted = any(line.get_marker() == "D" and len(line.get_xdata()) for ax in panels for line in ax.lines)
    greys = [Patch(color=_pale("#3c3c3c", strength)) for strength in STRENGTHS[-len(moments) :]]
    handles, names = ([*greys, _net_mark()], [*names, "net"]) if netted else (greys, names)
    figure.legend(handles, names, loc="outside lower center", ncols=len(handles))
    title_figure(figure, f"{dataset.attrs['title']}: water budget")
    return figure


def draw_budget(
    dataset: xr.Dataset, moments: Sequence[tuple[str, FloatArray, FloatArray]], ax: Axes, *, terms: IntArray | None = None
) -> Axes:
    """Draw bars to the right for inflow and to the left for outflow, one group a term, one bar a moment, and the net of both.

    Parameters
    ----------
    dataset : xarray.Dataset
        A result.
    moments : sequence of tuple
        Name of the moment, and inflow and outflow of each term, shape ``(n_term,)``, m³/d.
    ax : Axes
        To draw on.
    terms : ndarray of int, optional
        Which terms; all by default.
    """
    names, base = [str(term) for term in dataset["term"].values], term_colours(dataset)
    terms = np.arange(len(names)) if terms is None else terms
    strengths = STRENGTHS[-len(moments) :]
    height = 0.78 / len(moments)
    place = np.arange(len(terms), dtype=np.float64)
    largest = max(float(max(inflow[terms].max(), outflow[terms].max())) for _, inflow, outflow in moments)
    unit, factor = ("thousand m³/d", 1e-3) if largest >= 1e4 else ("m³/d", 1.0)
    for i, (_, inflow, outflow) in enumerate(moments):
        y = place + (i - 0.5 * (len(moments) - 1)) * height
        into, out = inflow[terms] * factor, outflow[terms] * factor
        colours = [_pale(base[term], strengths[i]) for term in terms]
        ax.barh(y, into, height * 0.92, color=colours)
        ax.barh(y, -out, height * 0.92, color=colours)
        _bar_values(ax, y, into, -out)
        both = np.minimum(into, out) > 0.02 * largest * factor
        mark = _net_mark()
        ax.plot((into - out)[both], y[both], linestyle="none", marker=mark.get_marker(), markersize=mark.get_markersize(),
                markerfacecolor="white", markeredgecolor=INK, markeredgewidth=0.6, zorder=4)  # fmt: skip
    ax.axvline(0.0, color=INK, linewidth=0.6)
    ax.set_yticks(place, [names[term].replace("_", " ") for term in terms])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.invert_yaxis()
    ax.set_xlim(-1.18 * largest * factor, 1.18 * largest * factor)
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.6g}")
    ax.set_xlabel(f"out of the groundwater  ←  {unit}  →  into the groundwater")
    ax.margins(y=0.02)
    return ax


def _net_mark() -> Line2D:
    """Return the mark of what goes in less what goes out."""
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", marker="D", markersize=3.2, markerfacecolor="white", markeredgecolor=INK,
                  markeredgewidth=0.6)  # fmt: skip


def _bar_values(ax: Axes, y: FloatArray, into: FloatArray, out: FloatArray) -> None:
    """Write the value at the end of each bar, also of those too short to see; 0 where there is neither."""
    for at, *both in zip(y, into, out, strict=True):
        shown = [value for value in both if abs(value) >= 0.005] or [0.0]
        for value in shown:
            digits = 0 if abs(value) >= 10.0 or value == 0.0 else 1 if abs(value) >= 0.1 else 2
            ax.annotate(f"{abs(value):,.{digits}f}", (value, at), xytext=(-2 if value < 0.0 else 2, 0), va="center_baseline",
                        textcoords="offset points", fontsize=6.5, color=QUIET, ha="right" if value < 0.0 else "left")  # fmt: skip


def _pale(colour: str, strength: float) -> tuple[float, float, float]:
    """Return a colour mixed with white; all of it at strength 1."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1.0 - strength * (1.0 - part) for part in to_rgb(colour))
    return red, green, blue


def _moments(dataset: xr.Dataset) -> list[tuple[str, FloatArray, FloatArray]]:
    """Return the budget at the start, before the restriction and at the end: means of years where the run has dates."""
    inflow, outflow = dataset["budget_inflow"].values, dataset["budget_outflow"].values
    years, days, means = year_means(dataset, np.stack([inflow, outflow], axis=1))
    whole = [i for i, n in enumerate(days) if n > 364.0] or list(range(len(years)))
    picks = {whole[0]: years[whole[0]]}
    step = restriction_step(dataset) if is_restricted(dataset) else None
    if step is not None:
        until = step_edges(dataset)[step + 1]
        ended = np.flatnonzero(year_bounds(dataset)[1][1:] <= until + 1e-6)
        if ended.size:
            picks[int(ended[-1])] = f"{years[ended[-1]]}, last year before the restriction"
    picks[whole[-1]] = years[whole[-1]]
    prefix = "" if is_dated(dataset) else "year "
    return [(prefix + name, means[i, 0], means[i, 1]) for i, name in sorted(picks.items())]


@in_style
def water_sources(dataset: xr.Dataset) -> Figure:
    """Draw, year by year, where the water went that is no longer pumped.

    Raises
    ------
    ValueError
        When the dataset has no recovery metrics.
    """
    figure = new_figure(80.0)
    ax = figure.subplots()
    ends = draw_water_sources(dataset, ax)
    label_ends(ax, ends, height=58.0)
    title_figure(figure, str(dataset.attrs["title"]))
    return figure


def draw_water_sources(dataset: xr.Dataset, ax: Axes) -> list[tuple[float, str, str]]:
    """Stack what went into storage and what other terms gave less, each year; the sum is the pumping that stopped.

    The comparison with a run without restriction is drawn where the dataset has it.

    Returns
    -------
    list of tuple
        Middle of each layer of the stack at the right end, name of the term and colour, for labels.
    """
    if "source_volume" not in dataset:
        raise ValueError("source_volume: the result has none. Assess the recovery of the run before drawing its water sources.")
    comparison = [str(name) for name in dataset["comparison"].values]
    volume = dataset["source_volume"].values[-1]
    edges = np.concatenate(([0.0], dataset["source_year_end"].values))
    rate = volume / np.diff(edges)[:, None] / 1e3
    terms, colours = [str(term) for term in dataset["term"].values], term_colours(dataset)
    wells = [i for i, kind in enumerate(dataset["term_kind"].values) if kind == "wells"]
    gone = {i: -rate[:, i] for i in range(len(terms)) if i not in wells and np.abs(rate[:, i]).mean() > 5e-3 * np.abs(rate).max()}
    order = sorted(gone, key=lambda i: (terms[i] != "storage", -abs(float(gone[i][-1]))))
    middle, ends = edges / DAYS_PER_YEAR, []
    top, bottom = np.zeros(edges.size - 1), np.zeros(edges.size - 1)
    for i in order:
        base = np.where(gone[i] >= 0.0, top, bottom)
        ax.stairs(base + gone[i], middle, baseline=base, fill=True, color=colours[i], linewidth=0.0)
        ax.stairs(base + gone[i], middle, baseline=base, color="white", linewidth=0.35)
        where = "into storage, or less out of it" if terms[i] == "storage" else terms[i].replace("_", " ")
        ends.append((float(base[-1] + 0.5 * gone[i][-1]), wrapped(where, 24), _darker(colours[i])))
        top, bottom = top + np.maximum(gone[i], 0.0), bottom + np.minimum(gone[i], 0.0)
    stopped = rate[:, wells].sum(axis=1)
    ax.stairs(stopped, middle, baseline=None, color=INK, linewidth=1.2)
    ends.append((float(stopped[-1]), "pumping that stopped", INK))
    ax.set_ylim(min(0.0, 1.08 * bottom.min()), 1.12 * max(top.max(), stopped.max(), 1e-9))
    ax.set_xlim(0.0, middle[-1])
    ax.set_xlabel("Years since the start of the restriction")
    against = "a run without restriction" if comparison[-1] == "baseline" else "the year before it"
    ax.set_ylabel("Flow (thousand m³/d)")
    ax.set_title(f"Where the water no longer pumped goes, compared with {against}",
                 fontsize=8, fontweight="normal")  # fmt: skip
    return ends


def term_colours(dataset: xr.Dataset) -> list[str]:
    """Return a colour for each term of the budget: of its class."""
    seen: dict[str, int] = {}
    colours = []
    for kind in dataset["term_kind"].values:
        choice = KIND_COLOURS.get(str(kind), ("#777777",))
        colours.append(choice[seen.get(kind, 0) % len(choice)])
        seen[kind] = seen.get(kind, 0) + 1
    return colours


def _darker(colour: str) -> str:
    """Return a colour dark enough for text on white."""
    from matplotlib.colors import to_hex, to_rgb

    rgb = np.array(to_rgb(colour))
    share = min(1.0, 0.5 / float(rgb @ [0.299, 0.587, 0.114]))
    red, green, blue = (float(c) * share for c in rgb)
    return to_hex((red, green, blue))


@in_style
def comparison(datasets: Mapping[str, xr.Dataset]) -> Figure:
    """Draw the recovered head by area and aquifer, one dot a scenario, one panel an aquifer.

    Parameters
    ----------
    datasets : mapping of str to xarray.Dataset
        Results of one model, by the names to show.
    """
    first = next(iter(datasets.values()))
    aquifers = list(aquifer_layers(first))
    columns = 3 if max(map(len, datasets)) <= 30 else 2
    n_rows = max(len(_comparison_rows(first, aquifer)) for aquifer in aquifers)
    figure = new_figure(5.5 * n_rows + 22.0 + 4.5 * -(-len(datasets) // columns))
    panels = figure.subplots(1, len(aquifers), sharey=True, squeeze=False)[0]
    for aquifer, ax in zip(aquifers, panels, strict=True):
        draw_comparison(datasets, aquifer, ax)
    letter(panels, [f"Aquifer {aquifer}" for aquifer in aquifers])
    figure.supxlabel("Mean head at the end less mean head at the start of the restriction (m)", fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, [wrapped(label, 40) for label in labels], loc="outside upper center", ncols=min(columns, len(labels)))
    return figure


def draw_comparison(datasets: Mapping[str, xr.Dataset], aquifer: str, ax: Axes) -> Axes:
    """Draw the rise of the mean head of an aquifer since the start of the restriction, by area, one dot a scenario."""
    first = next(iter(datasets.values()))
    rows = _comparison_rows(first, aquifer)
    place = np.arange(len(rows), dtype=np.float64)
    values = np.array([[_rise(dataset, aquifer, mask) for _, mask in rows] for dataset in datasets.values()])
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    ax.hlines(place, low, high, color="#cfcfcf", linewidth=1.2, zorder=1)
    for number, (name, dots) in enumerate(zip(datasets, values, strict=True)):
        marker, size = "osD^vPX"[number % 7], 5.5 - 2.0 * number / max(len(datasets) - 1, 1)  # later ones hide none below
        ax.plot(dots, place, marker, color=line_style(number)["color"], markersize=size, markeredgecolor="white",
                markeredgewidth=0.4, label=name, zorder=3)  # fmt: skip
    ax.axvline(0.0, color=INK, linewidth=0.6, zorder=0)
    ax.set_yticks(place, [name for name, _ in rows])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.margins(x=0.08)
    ax.locator_params(axis="x", nbins=4)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color="#ececec", linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def _comparison_rows(dataset: xr.Dataset, aquifer: str) -> list[tuple[str, BoolArray | None]]:
    """Return names and plan masks of the parts of an aquifer: its zones, else the named areas; first the whole."""
    rows: list[tuple[str, BoolArray | None]] = [("whole area", None)]
    if "zone_index" in dataset:
        index = dataset["zone_index"].values[aquifer_layers(dataset)[aquifer]]
        names = [str(name) for name in dataset["zone"].values]
        rows += [(_without(names[z], aquifer), np.asarray((index == z).any(axis=0))) for z in np.unique(index) if z >= 0]
    elif "area_mask" in dataset:
        masks = dataset["area_mask"].values > 0
        rows += [(str(name), mask) for name, mask in zip(dataset["area"].values, masks, strict=True)]
    return rows


def _without(name: str, aquifer: str) -> str:
    """Return the name of a zone without that of its aquifer, as ``Kiến Xương`` of ``Kiến Xương · qp1``."""
    return re.sub(rf"[\s·/×,|:-]*\b{re.escape(aquifer)}\b[\s·/×,|:-]*", "", name) or name


def _rise(dataset: xr.Dataset, aquifer: str, mask: BoolArray | None) -> float:
    """Return the mean head at the end of the run less that at the start of the restriction, m."""
    start, end = (float(area_mean(dataset, head, aquifer, mask)) for head in compared_heads(dataset))
    return end - start
