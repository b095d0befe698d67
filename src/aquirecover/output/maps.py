"""Maps in plan: drawdown, recovered head, residual drawdown and time to recovery, one panel an aquifer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.output.base_map import draw_contours, draw_hatch, draw_map, label_lines, map_panels
from aquirecover.output.map_classes import open_ends, round_levels, year_classes
from aquirecover.output.recovery import REFERENCE_NAMES
from aquirecover.output.style import MM, in_style, letter, title_figure
from aquirecover.output.views import aquifer_field, aquifer_layers, compared_heads, focus, is_dated, restriction_index

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    from aquirecover.output.map_classes import Extend


@in_style
def drawdown_maps(dataset: xr.Dataset) -> Figure:
    """Draw drawdown of each aquifer when the restriction starts and at the end of the run, with one colour scale."""
    aquifers = list(aquifer_layers(dataset))
    moments = list(dict.fromkeys([restriction_index(dataset), dataset.sizes["time"] - 1]))
    heads = compared_heads(dataset)[2 - len(moments) :]
    drawdown = [dataset["reference_head"].values - head for head in heads]
    fields = [[aquifer_field(dataset, values, name) for name in aquifers] for values in drawdown]
    titles = [[f"{name}, {_moment(dataset, i)}" for name in aquifers] for i in moments]
    reference = str(dataset.attrs["drawdown_reference"]).replace("_", " ").replace("first saved head", "before pumping")
    return _field_maps(dataset, fields, titles, f"Drawdown (m), level {reference} minus head", "YlOrBr")


@in_style
def recovery_maps(dataset: xr.Dataset) -> Figure:
    """Draw the rise of the head of each aquifer since the start of the restriction."""
    aquifers = list(aquifer_layers(dataset))
    first, last = (_moment(dataset, i) for i in (restriction_index(dataset), dataset.sizes["time"] - 1))
    start, end = compared_heads(dataset)
    fields = [[aquifer_field(dataset, end - start, name) for name in aquifers]]
    titles = [[f"Aquifer {name}" for name in aquifers]]
    return _field_maps(dataset, fields, titles, f"Rise of the head (m) from {first} to {last}", "YlGnBu")


@in_style
def fraction_maps(dataset: xr.Dataset, reference: str = "before_pumping") -> Figure:
    """Draw the fraction of the drawdown that is recovered at the end of the run, in percent, against a reference level.

    Raises
    ------
    ValueError
        When the dataset has no recovery against that reference.
    """
    aquifers = list(aquifer_layers(dataset))
    values = 100.0 * _recovery(dataset, "recovery_fraction", reference)
    fields = [[aquifer_field(dataset, values, name) for name in aquifers]]
    titles = [[f"Aquifer {name}" for name in aquifers]]
    last = _moment(dataset, dataset.sizes["time"] - 1)
    label = f"Recovered share of the drawdown (%) by {last}, reference: {REFERENCE_NAMES.get(reference, reference)}"
    label += "\n(grey: nothing to recover)"
    return _field_maps(dataset, fields, titles, label, "YlGnBu", np.arange(0.0, 101.0, 10.0))


@in_style
def recovery_time_maps(dataset: xr.Dataset, reference: str = "before_pumping", fractions: Sequence[float] = (0.5, 0.9)) -> Figure:
    """Draw the time to fractions of recovery in classes of years; hatched where it is not reached before the end of the run.

    Raises
    ------
    ValueError
        When the dataset has no recovery against that reference or no time to one of the fractions.
    """
    known = [float(value) for value in dataset["fraction"].values] if "fraction" in dataset else []
    for fraction in fractions:
        if fraction not in known:
            raise ValueError(f"fraction = {fraction:g}: must be one of {', '.join(f'{value:g}' for value in known) or 'none'}.")
    years = _recovery(dataset, "time_to_recovery", reference)[[known.index(fraction) for fraction in fractions]] / DAYS_PER_YEAR
    something = np.isfinite(_recovery(dataset, "recovery_fraction", reference))
    asked = list(fractions)
    fractions, years = _seen_fractions(dataset, asked, years)
    run = float(dataset["elapsed_time"][-1] - dataset["elapsed_time"][restriction_index(dataset)]) / DAYS_PER_YEAR
    classes = year_classes(years[..., focus(dataset)], run)
    shares = " and ".join(f"{fraction:.0%}" for fraction in fractions)
    label = f"Years to recover {shares} of the drawdown, reference: {REFERENCE_NAMES.get(reference, reference)}"
    note = f"hatched: not within {run:.3g} years; grey: nothing to recover"
    note += "".join(f"; {fraction:.0%}: almost nowhere within {run:.3g} years" for fraction in asked if fraction not in fractions)
    return _time_maps(dataset, years, something, [f"{fraction:.0%}" for fraction in fractions], classes, f"{label}\n({note})")


def reaches(dataset: xr.Dataset, reference: str, fraction: float) -> bool:
    """Tell whether one in a hundred cells in the area of the study recovers by a fraction before the end of the run."""
    at = dataset["fraction"].values.tolist().index(fraction)
    inside = focus(dataset) & (dataset["idomain"].values > 0)
    return bool(np.isfinite(_recovery(dataset, "time_to_recovery", reference)[at][inside]).mean() > 0.01)


def _seen_fractions(dataset: xr.Dataset, fractions: list[float], years: FloatArray) -> tuple[list[float], FloatArray]:
    """Return the fractions, and their times, that one in a hundred cells reaches in the area of the study; at least the first."""
    inside = focus(dataset) & (dataset["idomain"].values > 0)
    seen = [i for i, field in enumerate(years) if i == 0 or np.isfinite(field[inside]).mean() > 0.01]
    return [fractions[i] for i in seen], years[seen]


@in_style
def late_recovery_maps(dataset: xr.Dataset) -> Figure:
    """Draw the time to late fractions of the way to the equilibrium under the restriction, which the run need not reach.

    Raises
    ------
    ValueError
        When the dataset has no such times.
    """
    if "late_time_to_recovery" not in dataset:
        raise ValueError("late_time_to_recovery: the result has none.")
    years = dataset["late_time_to_recovery"].values / DAYS_PER_YEAR
    shares = [f"{float(fraction):.0%}" for fraction in dataset["late_fraction"].values]
    label = f"Years to {' and '.join(shares)} of the way to the equilibrium under the restriction\n(grey: no such way)"
    return _time_maps(dataset, years, np.isfinite(years[0]), shares, year_classes(years[..., focus(dataset)]), label)


def _time_maps(
    dataset: xr.Dataset, years: FloatArray, something: BoolArray, rows: Sequence[str], classes: Sequence[float], label: str
) -> Figure:
    """Draw a row of maps of years for each of some fractions, in classes; hatched where there is something but no time."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap

    aquifers = list(aquifer_layers(dataset))
    extend = open_ends([years], np.array(classes))
    colours = ListedColormap(
        colormaps["viridis_r"](np.linspace(0.0, 0.92, len(classes) - 1)),
        over=colormaps["viridis_r"](1.0),
        under=colormaps["viridis_r"](0.0),
    )
    norm = BoundaryNorm(list(classes), colours.N)
    figure, panels = map_panels(dataset, len(rows), len(aquifers), label)
    for axes, field in zip(panels, years, strict=True):
        for ax, aquifer in zip(axes, aquifers, strict=True):
            plan = aquifer_field(dataset, field, aquifer)
            image = draw_map(ax, dataset, plan, colours, norm)
            known = np.isfinite(aquifer_field(dataset, np.where(something, 1.0, np.nan), aquifer))
            draw_hatch(ax, dataset, known & ~np.isfinite(plan))
    letter(panels.ravel(), [f"{aquifer}, {row}" for row in rows for aquifer in aquifers])
    _colour_bar(figure, panels, image, label, np.array(classes), extend)
    title_figure(figure, str(dataset.attrs["title"]))
    return figure


def _colour_bar(
    figure: Figure, panels: np.ndarray, image: ScalarMappable, label: str, levels: FloatArray, extend: Extend
) -> None:
    """Draw the classes below the panels with all their limits and a label in lines that fit."""
    bar = figure.colorbar(
        image, ax=panels, location="bottom", shrink=0.75, aspect=50, spacing="uniform", ticks=levels, extend=extend
    )
    bar.ax.set_xticklabels([f"{level:.3g}".replace("-", "−") for level in levels])
    bar.ax.tick_params(length=0.0)
    bar.set_label(label_lines(label, figure.get_figwidth() / MM))
    bar.outline.set_linewidth(0.4)


def _recovery(dataset: xr.Dataset, name: str, reference: str) -> FloatArray:
    """Return a recovery measure against one reference."""
    known = [str(value) for value in dataset["reference"].values] if "reference" in dataset.dims else []
    if reference not in known:
        raise ValueError(f"reference = {reference!r}: must be one of {', '.join(known) or 'none: the result has no recovery'}.")
    return np.asarray(dataset[name].values[known.index(reference)])


def _moment(dataset: xr.Dataset, index: int) -> str:
    """Return a saved time for a title: the year when it begins one, else month and year; or days."""
    time = dataset["time"].values[index]
    if not is_dated(dataset):
        return f"day {time:g}"
    day = date.fromisoformat(str(time.astype("datetime64[D]")))
    return str(day.year) if (day.month, day.day) == (1, 1) else f"{day:%b} {day.year}"


def _field_maps(
    dataset: xr.Dataset,
    fields: Sequence[Sequence[FloatArray]],
    titles: Sequence[Sequence[str]],
    label: str,
    colours: str,
    levels: FloatArray | None = None,
) -> Figure:
    """Draw rows of panels with one colour scale and contours."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm

    shown = [np.where(focus(dataset), field, np.nan) for row in fields for field in row]
    if levels is None:
        levels, colours = round_levels(shown, colours)
    extend = open_ends(shown, levels)
    figure, panels = map_panels(dataset, len(fields), len(fields[0]), label)
    cmap = colormaps[colours].with_extremes(under=colormaps[colours](0.0), over=colormaps[colours](1.0))
    norm = BoundaryNorm(levels, cmap.N, extend=extend)
    for axes, row in zip(panels, fields, strict=True):
        for ax, field in zip(axes, row, strict=True):
            image = draw_map(ax, dataset, field, cmap, norm)
            draw_contours(ax, dataset, field, levels)
    letter(panels.ravel(), [title for row in titles for title in row])
    _colour_bar(figure, panels, image, label, levels, extend)
    title_figure(figure, str(dataset.attrs["title"]))
    return figure
