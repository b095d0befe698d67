"""Figures against time: recovery curves of aquifers, and hydrographs at observation points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.output.recovery import REFERENCE_NAMES
from aquirecover.output.style import (
    INK,
    QUIET,
    finish_time_axis,
    halo,
    in_style,
    label_ends,
    letter,
    line_style,
    long_date,
    new_figure,
    title_figure,
    wrapped,
)
from aquirecover.output.views import aquifer_layers, area_mean, is_dated, is_restricted, restriction_time, step_edges

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_HEIGHT = 44.0
LEGAL = "#a50f15"


@in_style
def recovery_curves(datasets: Mapping[str, xr.Dataset]) -> Figure:
    """Draw the mean head of each aquifer against time, one panel an aquifer, one line a scenario.

    Parameters
    ----------
    datasets : mapping of str to xarray.Dataset
        Results of one model, by the names to show.
    """
    first = next(iter(datasets.values()))
    aquifers = list(aquifer_layers(first))
    figure = new_figure(PANEL_HEIGHT * len(aquifers) + 8.0)
    panels = figure.subplots(len(aquifers), 1, sharex=True, squeeze=False)[:, 0]
    for aquifer, ax in zip(aquifers, panels, strict=True):
        draw_recovery_curves(datasets, aquifer, ax)
    letter(panels, [f"Aquifer {aquifer}" for aquifer in aquifers])
    if len(datasets) == 1:
        title_figure(figure, next(iter(datasets)))
    else:
        for ax in panels:
            _label_curves(datasets, ax)
    _mark_restrictions(list(datasets.values()), panels[0], text=True)
    figure.align_ylabels(list(panels))
    return figure


def draw_recovery_curves(datasets: Mapping[str, xr.Dataset], aquifer: str, ax: Axes) -> Axes:
    """Draw the area-weighted mean head of an aquifer for each scenario, with its reference and legal levels."""
    first = next(iter(datasets.values()))
    curves = [area_mean(dataset, dataset["head"].values, aquifer) for dataset in datasets.values()]
    if _draw_series(list(datasets.values()), "time", curves, list(datasets), ax):
        note = "thin: seasons, thick: mean of a year" if len(datasets) == 1 else "mean of a year"
        ax.annotate(note, (1.0, 0.0), xycoords="axes fraction", xytext=(-2, 2),
                    textcoords="offset points", ha="right", fontsize=7, color=QUIET, path_effects=halo(), zorder=5)  # fmt: skip
    _draw_levels(first, aquifer, ax)
    if first.sizes["time"] > 1:
        ax.set_xlim(first["time"].values[0], first["time"].values[-1])
    _mark_restrictions(list(datasets.values()), ax, text=False)
    ax.set_ylabel("Mean head (m)")
    finish_time_axis(ax, is_dated(first))
    return ax


def _draw_shared_history(
    datasets: Sequence[xr.Dataset], clock: str, curves: Sequence[FloatArray], before: float, ax: Axes
) -> None:
    """Draw what comes `before` days or more before the first restriction, in ink over the colours, when all share it."""
    starts = [start for start in map(restriction_time, datasets) if start is not None]
    time = datasets[0][clock].values
    margin = np.timedelta64(round(before * 86400.0), "s") if is_dated(datasets[0]) else np.float64(before)
    until = int(np.searchsorted(time, np.asarray(starts).min() - margin, side="right")) if starts else 0
    same = all(
        curve.size >= until
        and np.array_equal(dataset[clock].values[:until], time[:until])
        and np.allclose(curve[:until], curves[0][:until], rtol=0.0, atol=2e-3, equal_nan=True)
        for dataset, curve in zip(datasets, curves, strict=True)
    )
    if same and until > 1:
        ax.plot(time[:until], curves[0][:until], color="#4d4d4d", linewidth=1.3 if len(datasets) == 1 else 2.1, zorder=4)


def _draw_levels(dataset: xr.Dataset, aquifer: str, ax: Axes) -> None:
    """Draw and name the reference levels and the legal level of an aquifer, and set the limits of the axes.

    A legal level far from the curves is stated at the edge instead.
    """
    low, high = _range(ax)
    levels = _levels(dataset, aquifer, 0.1 * (high - low))
    low, high = min(low, *(level for _, level, _ in levels)), max(high, *(level for _, level, _ in levels))
    limit = float(area_mean(dataset, dataset["head_limit"].values, aquifer)) if "head_limit" in dataset else np.nan
    if np.isfinite(limit) and low - 0.6 * (high - low) < limit < high + 0.6 * (high - low):
        levels.append(("legal level", limit, LEGAL))
        low, high = min(low, limit), max(high, limit)
    elif np.isfinite(limit):
        arrow, edge = ("↓", 0.0) if limit < low else ("↑", 1.0)
        text = f"{arrow} legal level {limit:.1f} m".replace("-", "−")
        ax.annotate(text, (0.0, edge), xycoords="axes fraction", xytext=(3, 2 - 4 * edge), textcoords="offset points",
                    va="top" if edge else "bottom", color=LEGAL, fontsize=7, path_effects=halo(), zorder=5)  # fmt: skip
    pad = 0.12 * max(high - low, 0.05)
    ax.set_ylim(low - pad, high + 1.6 * pad)
    line = 3.2 / (PANEL_HEIGHT - 8.0) * (high - low + 2.6 * pad)
    start, last = 0.0, np.inf
    for name, level, colour in sorted(levels, key=lambda item: -item[1]):
        start = start + 0.22 if last - level < line else 0.0  # beside the name above when there is no room under it
        _level(ax, level, name, colour, start)
        last = level


def _levels(dataset: xr.Dataset, aquifer: str, apart: float) -> list[tuple[str, float, str]]:
    """Return name, mean and colour of the reference levels: that of drawdown, and without pumping where it is `apart`."""
    name = str(dataset.attrs["drawdown_reference"])
    name = "before pumping" if name == "first saved head" else REFERENCE_NAMES.get(name, name)
    levels = [(name, float(area_mean(dataset, dataset["reference_head"].values, aquifer)), QUIET)]
    known = [str(value) for value in dataset["reference"].values] if "reference" in dataset.dims else []
    if "no_pumping" in known:
        field = dataset["recovery_reference_head"].values[known.index("no_pumping")]
        level = float(area_mean(dataset, field, aquifer))
        if abs(level - levels[0][1]) > apart:
            levels.append((REFERENCE_NAMES["no_pumping"], level, QUIET))
    return levels


def _draw_series(
    datasets: Sequence[xr.Dataset], clock: str, curves: Sequence[FloatArray], names: Sequence[str], ax: Axes
) -> bool:
    """Draw a curve of each dataset over ``time`` or ``step_time``; thin with its yearly mean over it where one has seasons.

    Seasons themselves are drawn for one dataset only, since several hide each other. Later lines are thinner, so that those under
    them show. The history that all share is drawn once, in ink. Returns whether there are seasons.
    """
    seasonal = any(_is_seasonal(curve) for curve in curves)
    days = [dataset["elapsed_time"].values if clock == "time" else step_edges(dataset)[1:] for dataset in datasets]
    lines = [yearly_running_mean(day, curve) for day, curve in zip(days, curves, strict=True)] if seasonal else list(curves)
    for number, (dataset, curve, line, name) in enumerate(zip(datasets, curves, lines, names, strict=True)):
        time, look = dataset[clock].values, line_style(number)
        if len(datasets) > 1:
            look["linewidth"] = 2.0 - number / (len(datasets) - 1)
        if seasonal and len(datasets) == 1:
            ax.plot(time, curve, linewidth=0.5, alpha=0.35, color=look["color"], zorder=2)
        ax.plot(time, line, **look, zorder=3, gid="curve", label=name)
    _draw_shared_history(datasets, clock, lines, 0.5 * DAYS_PER_YEAR if seasonal else 0.0, ax)
    return seasonal


def _is_seasonal(curve: FloatArray) -> bool:
    """Tell whether a curve goes up and down much more than it goes anywhere."""
    return bool(np.abs(np.diff(curve)).sum() > 4.0 * max(float(np.ptp(curve)), 1e-9))


def yearly_running_mean(day: FloatArray, values: FloatArray) -> FloatArray:
    """Return the mean of the year around each time, of values that are linear between times; NaN near both ends.

    Parameters
    ----------
    day, values : ndarray
        Shape ``(n_time,)``; times ascending, d.
    """
    total = np.concatenate(([0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(day))))
    half = 0.5 * DAYS_PER_YEAR

    def integral(time: FloatArray) -> FloatArray:
        i = np.clip(np.searchsorted(day, time, side="right") - 1, 0, day.size - 2)
        step = np.maximum(day[i + 1] - day[i], 1e-12)
        part = time - day[i]
        return np.asarray(total[i] + part * (values[i] + 0.5 * (values[i + 1] - values[i]) * part / step))

    inside = (day >= day[0] + half) & (day <= day[-1] - half)
    return np.where(inside, (integral(day + half) - integral(day - half)) / DAYS_PER_YEAR, np.nan)


def _range(ax: Axes) -> tuple[float, float]:
    """Return the least and greatest y of the lines of an axes."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in ax.lines])
    return float(np.nanmin(values)), float(np.nanmax(values))


def _level(ax: Axes, y: float, text: str, colour: str, start: float) -> None:
    """Draw a level across the axes and name it above the line, from a fraction of the width on."""
    ax.axhline(y, color=colour, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
    ax.annotate(f"{text} {y:.1f} m".replace("-", "−"), (start, y), xycoords=("axes fraction", "data"), xytext=(3, 1.5),
                textcoords="offset points", va="bottom", color=colour, fontsize=7, path_effects=halo(), zorder=5)  # fmt: skip


def _mark_restrictions(datasets: Sequence[xr.Dataset], ax: Axes, *, text: bool) -> None:
    """Mark each start of a restriction by a thin line, and by words when `text` is set."""
    restricted = [dataset for dataset in datasets if is_restricted(dataset)] or datasets
    starts = {dataset.attrs["restriction_start"]: restriction_time(dataset) for dataset in restricted}
    marks = [(name, start) for name, start in sorted(starts.items()) if start is not None]
    for name, start in marks:
        when = long_date(name) if is_dated(datasets[0]) else f"day {float(name):g}"
        what = "restriction" if is_restricted(restricted[0]) else "compared"
        words = f"{what} from {when}" if len(marks) == 1 else "start of a restriction"
        when = when.split()[-1] if is_dated(datasets[0]) else when
        if not text:
            ax.axvline(start, color=INK, linewidth=0.6, zorder=1, label=words)  # type: ignore[arg-type]
            continue
        # the first of several stands left of its line, so that it does not run into the next
        left = name == marks[0][0] and len(marks) > 1
        words = words if len(marks) == 1 else f"restriction from {when}" if left else f"from {when}"
        ax.annotate(words, (start, 1.0), xycoords=("data", "axes fraction"), xytext=(-2 if left else 2, 3),
                    textcoords="offset points", fontsize=7, color=INK, va="bottom", ha="right" if left else "left")  # fmt: skip


def _label_curves(datasets: Mapping[str, xr.Dataset], ax: Axes) -> None:
    """Name the lines at their right ends."""
    curves = [np.asarray(line.get_ydata(), dtype=np.float64) for line in ax.lines if line.get_gid() == "curve"]
    last = [float(curve[np.isfinite(curve)][-1]) if np.isfinite(curve).any() else 0.0 for curve in curves]
    ends = [(y, wrapped(name), line_style(n)["color"]) for n, (name, y) in enumerate(zip(datasets, last, strict=True))]
    label_ends(ax, ends, height=PANEL_HEIGHT - 8.0)


@in_style
def hydrographs(datasets: Mapping[str, xr.Dataset], *, depth: bool = False) -> Figure:
    """Draw modelled and measured heads at each observation point, one panel a point.

    Parameters
    ----------
    datasets : mapping of str to xarray.Dataset
        Results of one model, by the names to show.
    depth : bool
        Show depth below ground instead of elevation.

    Raises
    ------
    ValueError
        When the results have no observation points.
    """
    first = next(iter(datasets.values()))
    if "observation" not in first.dims:
        raise ValueError("observations: the result has none. Name some in the model to draw hydrographs.")
    names = [str(name) for name in first["observation"].values]
    columns = min(len(names), 2 if len(names) <= 6 else 3 if len(names) <= 9 else 4)
    rows = -(-len(names) // columns)
    height = {1: 60.0, 2: 44.0}.get(columns, 36.0)
    figure = new_figure(height * rows + 18.0)
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    panels = grid.ravel()
    for name, ax in zip(names, panels, strict=False):
        draw_hydrograph(datasets, name, ax, depth=depth)
        finish_time_axis(ax, is_dated(first), most=5 if columns == 4 else 9)
    for ax in panels[len(names) :]:
        ax.remove()
    shown = panels[: len(names)]
    letter(shown, [_point_title(first, name) for name in names], size=7.5 if columns == 4 else None)
    for ax in shown[max(len(names) - columns, 0) :]:
        ax.xaxis.set_tick_params(labelbottom=True)
    for ax in grid[:, 1:].ravel():
        ax.set_ylabel("")
    handles = dict(zip(*reversed(_handles(shown)), strict=True))
    names = [wrapped(name, 40) for name in handles]
    figure.legend(list(handles.values()), names, loc="outside lower center", ncols=min(3, len(handles)))
    if len(datasets) == 1:
        title_figure(figure, next(iter(datasets)))
    return figure


def draw_hydrograph(datasets: Mapping[str, xr.Dataset], point: str, ax: Axes, *, depth: bool = False) -> Axes:
    """Draw the modelled head of each scenario at an observation point, and the measured heads as dots."""
    first = next(iter(datasets.values()))
    number = [str(name) for name in first["observation"].values].index(point)
    ground = _ground(first, number) if depth else 0.0
    sign = -1.0 if depth else 1.0
    curves = [sign * (dataset["observation_head"].values[:, number] - ground) for dataset in datasets.values()]
    names = list(datasets) if len(datasets) > 1 else ["simulated"]
    if _draw_series(list(datasets.values()), "step_time", curves, names, ax) and len(datasets) == 1:
        ax.plot([], [], linewidth=0.5, alpha=0.6, color=line_style(0)["color"], label="simulated, with its seasons")
    if "measured_head" in first:
        own = first["measured_point"].values == number
        ax.plot(first["measured_time"].values[own], sign * (first["measured_head"].values[own] - ground), "o", markersize=2.6,
                markerfacecolor="white", markeredgecolor=INK, markeredgewidth=0.7, label="measured", zorder=4)  # fmt: skip
    _mark_restrictions(list(datasets.values()), ax, text=False)
    ax.margins(y=0.12)
    if depth:
        ax.invert_yaxis()
    ax.set_ylabel("Depth below ground (m)" if depth else "Head (m)")
    if first.sizes["step_time"] > 1:
        ax.set_xlim(first["step_time"].values[0], first["step_time"].values[-1])
    finish_time_axis(ax, is_dated(first))
    return ax


def _ground(dataset: xr.Dataset, number: int) -> float:
    """Return the ground level at an observation point, m."""
    row = int(np.argmin(np.abs(dataset["y"].values - float(dataset["observation_y"][number]))))
    column = int(np.argmin(np.abs(dataset["x"].values - float(dataset["observation_x"][number]))))
    return float(dataset["ground" if "ground" in dataset else "top"][row, column])


def _point_title(dataset: xr.Dataset, name: str) -> str:
    """Return the name of an observation point and its aquifer."""
    number = [str(point) for point in dataset["observation"].values].index(name)
    layer = int(dataset["observation_layer"][number]) - 1
    unit = str(dataset["layer_aquifer"].values[layer]) or str(dataset["layer_name"].values[layer])
    return name if name.endswith(unit) else f"{name}, {unit}"


def _handles(panels: Any) -> tuple[list[Any], list[str]]:
    """Return handles and labels of the lines of several axes."""
    pairs = [ax.get_legend_handles_labels() for ax in panels]
    return [h for handles, _ in pairs for h in handles], [label for _, labels in pairs for label in labels]
