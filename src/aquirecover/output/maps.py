"""Maps in plan: drawdown, recovered head, residual drawdown and time to recovery, one panel an aquifer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.schedule import DAYS_PER_YEAR
from aquirecover.output.recovery import REFERENCE_NAMES
from aquirecover.output.style import INK, TWO_COLUMNS, WATER, halo, in_style, letter, new_figure
from aquirecover.output.views import aquifer_field, aquifer_layers, compared_heads, focus, is_dated, restriction_index

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

Extend = Literal["neither", "both", "min", "max"]

LINES: dict[str, dict[str, Any]] = {
    "district": {"color": "#555555", "linewidth": 0.4},
    "river": {"color": WATER, "linewidth": 0.9},
    "coast": {"color": "#1f4e79", "linewidth": 1.0},
}
YEAR_CLASSES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)


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
    """Draw the rise of the head of each aquifer since the start of the restriction, and what is left of the drawdown."""
    aquifers = list(aquifer_layers(dataset))
    last = _moment(dataset, dataset.sizes["time"] - 1)
    start, end = compared_heads(dataset)
    fields = [[aquifer_field(dataset, end - start, name) for name in aquifers]]
    titles = [[f"{name}, rise by {last}" for name in aquifers]]
    return _field_maps(
        dataset, fields, titles, f"Recovered head (m), since {_moment(dataset, restriction_index(dataset))}", "YlGnBu"
    )


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
    titles = [[f"{name}, {_moment(dataset, dataset.sizes['time'] - 1)}" for name in aquifers]]
    label = (
        f"Recovered share of the drawdown (%), reference: {REFERENCE_NAMES.get(reference, reference)}; grey: nothing to recover"
    )
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
    classes = [year for year in YEAR_CLASSES if year < 0.97 * run] + [run]
    shares = " and ".join(f"{fraction:.0%}" for fraction in fractions)
    label = f"Years to recover {shares} of the drawdown, reference: {REFERENCE_NAMES.get(reference, reference)}"
    note = f"hatched: not within {run:.3g} years; grey: nothing to recover"
    note += "".join(f"; {fraction:.0%}: almost nowhere within {run:.3g} years" for fraction in asked if fraction not in fractions)
    return _time_maps(dataset, years, something, [f"{fraction:.0%}" for fraction in fractions], classes, f"{label}\n({note})")


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
    return _time_maps(dataset, years, np.isfinite(years[0]), shares, _year_classes(years[:, :, focus(dataset)]), label)


def _year_classes(years: FloatArray) -> list[float]:
    """Return class limits: even ones where times are of one magnitude, growing ones where they are not."""
    from matplotlib.ticker import MaxNLocator

    known = years[np.isfinite(years)]
    low, high = (float(v) for v in np.quantile(known, [0.01, 0.99])) if known.size else (0.0, 1.0)
    if high > 10.0 * max(low, 0.1):
        return [year for year in (*YEAR_CLASSES[:-1], 50.0) if year < high] + [min(100.0, float(np.ceil(high)))]
    return [float(year) for year in MaxNLocator(8, steps=[1, 2, 5, 10]).tick_values(low, high)]


def _time_maps(
    dataset: xr.Dataset, years: FloatArray, something: BoolArray, rows: Sequence[str], classes: Sequence[float], label: str
) -> Figure:
    """Draw a row of maps of years for each of some fractions, in classes; hatched where there is something but no time."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap

    aquifers = list(aquifer_layers(dataset))
    extend: Extend = "max" if np.nanmax(years, initial=0.0) > classes[-1] else "neither"
    colours = ListedColormap(colormaps["viridis_r"](np.linspace(0.0, 0.92, len(classes) - 1)), over=colormaps["viridis_r"](1.0))
    norm = BoundaryNorm(list(classes), colours.N)
    figure, panels = _panels(dataset, len(rows), len(aquifers), extra=4.0)
    for axes, field in zip(panels, years, strict=True):
        for ax, aquifer in zip(axes, aquifers, strict=True):
            plan = aquifer_field(dataset, field, aquifer)
            image = draw_map(ax, dataset, plan, colours, norm)
            known = np.isfinite(aquifer_field(dataset, np.where(something, 1.0, np.nan), aquifer))
            _hatch(ax, dataset, known & ~np.isfinite(plan))
    letter(panels.ravel(), [f"{aquifer}, {row}" for row in rows for aquifer in aquifers])
    bar = figure.colorbar(
        image, ax=panels, location="bottom", shrink=0.6, aspect=40, spacing="uniform", ticks=classes, extend=extend
    )
    bar.ax.set_xticklabels([f"{year:.3g}" for year in classes])
    bar.set_label(label)
    return figure


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
    levels, colours, extend = _levels(np.concatenate([field.ravel() for field in shown]), colours, levels)
    figure, panels = _panels(dataset, len(fields), len(fields[0]))
    cmap = colormaps[colours].with_extremes(under=colormaps[colours](0.0), over=colormaps[colours](1.0))
    norm = BoundaryNorm(levels, cmap.N, extend=extend)
    for axes, row in zip(panels, fields, strict=True):
        for ax, field in zip(axes, row, strict=True):
            image = draw_map(ax, dataset, field, cmap, norm)
            _contours(ax, dataset, field, levels)
    letter(panels.ravel(), [title for row in titles for title in row])
    bar = figure.colorbar(image, ax=panels, location="bottom", shrink=0.6, aspect=40, extend=extend)
    bar.set_label(label)
    bar.outline.set_linewidth(0.4)
    return figure


def _levels(values: FloatArray, colours: str, levels: FloatArray | None) -> tuple[FloatArray, str, Extend]:
    """Return about ten round class limits, a colour map (diverging when values have both signs), and open ends."""
    from matplotlib.ticker import MaxNLocator

    known = values[np.isfinite(values)]
    low, high = (float(v) for v in np.quantile(known, [0.002, 0.998])) if known.size else (0.0, 1.0)
    if levels is None:
        if low < -0.15 * high:
            largest = max(-low, high)
            low, high, colours = -largest, largest, {"YlOrBr": "RdBu_r", "YlGnBu": "RdBu"}.get(colours, colours)
        else:
            low = min(low, 0.0) if low < -0.02 * high or low < 0.5 * high else low
            low = 0.0 if abs(low) <= 0.02 * max(high, 1e-6) else low
        levels = np.asarray(MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]).tick_values(low, max(high, low + 0.01)))
        low_ok, high_ok = known.min(initial=low), known.max(initial=high)
        levels = levels[max(int(np.searchsorted(levels, low + 1e-9, side="right")) - 1, 0) :]
    else:
        low_ok, high_ok = known.min(initial=levels[0]), known.max(initial=levels[-1])
    under, over = bool(low_ok < levels[0]), bool(high_ok > levels[-1])
    extend: Extend = ("both" if over else "min") if under else ("max" if over else "neither")
    return levels, colours, extend


def _panels(dataset: xr.Dataset, rows: int, columns: int, extra: float = 0.0) -> tuple[Figure, np.ndarray]:
    """Return a figure of equal map panels, as high as the map asks for, with a scale bar and a north arrow in the first.

    `extra` is room below the panels for a label of several lines, mm.
    """
    west, east, south, north = map_window(dataset)
    ratio = (north - south) / (east - west)
    columns_wide = min(columns, 4)
    panel = (TWO_COLUMNS - 14.0) / columns_wide - 2.0
    width = TWO_COLUMNS if columns > 1 else 110.0
    panel = panel if columns > 1 else 96.0
    figure = new_figure(rows * (panel * ratio + 9.0) + 20.0 + extra, width)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax in panels[-1]:
        ax.set_xlabel("Easting (km)")
    for ax in panels[:, 0]:
        ax.set_ylabel("Northing (km)")
    panels[0, 0].set_xlim(west / 1e3, east / 1e3)
    panels[0, 0].set_ylim(south / 1e3, north / 1e3)
    _scale_bar(panels[0, 0], east - west)
    _north_arrow(panels[0, 0])
    _name_districts(panels[-1, 0], dataset)
    return figure, panels


def _name_districts(ax: Axes, dataset: xr.Dataset) -> None:
    """Write the name of each zone of the water budget over its cells."""
    if "zone" not in dataset.dims or "area" not in dataset.dims:
        return
    areas = [str(name) for name in dataset["area"].values]
    x, y = dataset["x"].values / 1e3, dataset["y"].values / 1e3
    for name in dict.fromkeys(str(zone).rpartition("/")[0] for zone in dataset["zone"].values):
        inside = dataset["area_mask"].values[areas.index(name)] > 0 if name in areas else np.zeros((y.size, x.size), dtype=bool)
        if inside.any():
            at = float(x[np.nonzero(inside)[1]].mean()), float(y[np.nonzero(inside)[0]].mean())
            text = name.replace(" ", "\n")
            ax.text(*at, text, ha="center", va="center", fontsize=5.5, linespacing=0.95, path_effects=halo(1.2), zorder=6)


def map_window(dataset: xr.Dataset) -> tuple[float, float, float, float]:
    """Return west, east, south and north edges of what maps show: the cells the study is about and their district lines, m."""
    inside = focus(dataset)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    x, y = dataset["x_bounds"].values, dataset["y_bounds"].values
    window = [x[columns].min(), x[columns].max(), y[rows].min(), y[rows].max()]
    for line in map_lines(dataset).get("district", []):
        window = [min(window[0], line[:, 0].min()), max(window[1], line[:, 0].max()),
                  min(window[2], line[:, 1].min()), max(window[3], line[:, 1].max())]  # fmt: skip
    margin = 0.03 * max(window[1] - window[0], window[3] - window[2])
    limits = (x.min(), x.max(), y.min(), y.max())
    grown = [window[0] - margin, window[1] + margin, window[2] - margin, window[3] + margin]
    return (
        max(grown[0], float(limits[0])),
        min(grown[1], float(limits[1])),
        max(grown[2], float(limits[2])),
        min(grown[3], float(limits[3])),
    )


def map_lines(dataset: xr.Dataset) -> dict[str, list[FloatArray]]:
    """Return the lines of the map by class, each of shape ``(n, 2)``, m."""
    if "map_vertex_line" not in dataset:
        return {}
    number = dataset["map_vertex_line"].values
    vertices = np.column_stack([dataset["map_x"].values, dataset["map_y"].values])
    cuts = np.flatnonzero(np.diff(number)) + 1
    found: dict[str, list[FloatArray]] = {}
    for part in np.split(np.arange(number.size), cuts):
        found.setdefault(str(dataset["map_line_class"].values[number[part[0]]]), []).append(vertices[part])
    return found


def draw_map(ax: Axes, dataset: xr.Dataset, field: FloatArray, colours: Colormap, norm: Normalize) -> ScalarMappable:
    """Draw a field, shape ``(n_y, n_x)``, with districts, rivers and coast on axes in km; cells without a value stay grey.

    Returns
    -------
    ScalarMappable
        What a colour bar needs.
    """
    from matplotlib.collections import LineCollection

    x, y = _edges(dataset)
    ax.set_facecolor("#ededed")
    image = ax.pcolormesh(x, y, np.ma.masked_invalid(field), cmap=colours, norm=norm, rasterized=True, zorder=1)
    for kind, lines in map_lines(dataset).items():
        style = LINES.get(kind, {"color": "#888888", "linewidth": 0.4})
        edge = halo(style["linewidth"] + 0.7, alpha=0.7)
        curves = LineCollection([line / 1e3 for line in lines], capstyle="round", zorder=4, path_effects=edge, **style)
        ax.add_collection(curves, autolim=False)
    ax.set_aspect("equal", adjustable="box")
    ax.locator_params(nbins=4)
    ax.ticklabel_format(useOffset=False, style="plain")
    for spine in ax.spines.values():
        spine.set_visible(True)
    return image


def _edges(dataset: xr.Dataset) -> tuple[FloatArray, FloatArray]:
    """Return the edges of columns and rows, km."""
    x, y = dataset["x_bounds"].values, dataset["y_bounds"].values
    return np.append(x[:, 0], x[-1, 1]) / 1e3, np.append(y[:, 0], y[-1, 1]) / 1e3


def _contours(ax: Axes, dataset: xr.Dataset, field: FloatArray, levels: FloatArray) -> None:
    """Draw thin contours of every second class limit, those that are long enough to see, and label the longest of each."""
    from matplotlib.path import Path

    known = field[np.isfinite(field)]
    inner = [level for level in levels[1:-1:2] if known.size and known.min() < level < known.max()]
    if not inner or min(field.shape) < 3:
        return
    x, y = dataset["x"].values / 1e3, dataset["y"].values / 1e3
    lines = ax.contour(x, y, np.ma.masked_invalid(field), levels=inner, colors=INK, linewidths=0.35, alpha=0.8, zorder=3)
    west, east, south, north = (edge / 1e3 for edge in map_window(dataset))
    paths, places = [], []
    for path in lines.get_paths():
        polygons = [np.asarray(part, dtype=np.float64) for part in path.to_polygons(closed_only=False)]
        parts = [part for part in polygons if np.ptp(part, axis=0).max() > 0.06 * (east - west)]
        paths.append(Path.make_compound_path(*(Path(part) for part in parts)) if parts else Path(np.zeros((0, 2))))
        seen = [part[(part[:, 0] > west) & (part[:, 0] < east) & (part[:, 1] > south) & (part[:, 1] < north)] for part in parts]
        longest = max(seen, key=len, default=np.zeros((0, 2)))
        if len(longest) > 12:
            places.append(tuple(longest[len(longest) // 2]))
    lines.set_paths(paths)
    if places:
        texts = ax.clabel(lines, fmt=lambda value: f"{value:g}".replace("-", "−"), fontsize=6, inline=False, manual=places)
        for text in texts:
            text.set_path_effects(halo(1.4))


def _hatch(ax: Axes, dataset: xr.Dataset, where: np.ndarray) -> None:
    """Hatch the cells where a flag, shape ``(n_y, n_x)``, is set."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not where.any():
        return
    x, y = _edges(dataset)
    row, column = np.nonzero(where)
    west, east, north, south = x[column], x[column + 1], y[row], y[row + 1]
    # one path of all cells, anticlockwise, so that a hatch is drawn once and runs on from cell to cell
    corners = np.stack([west, south, east, south, east, north, west, north, west, south], axis=1).reshape(-1, 2)
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], row.size)
    cells = PathPatch(Path(corners, codes), facecolor="white", edgecolor="#aaaaaa", linewidth=0.0, hatch="/////", zorder=2)
    cells.set_clip_path(ax.patch)
    ax.add_artist(cells)


def _scale_bar(ax: Axes, width: float) -> None:
    """Draw a bar of a round length, near a quarter of the map, in the lower left corner; `width` is in m."""
    wanted = 0.25 * width / 1e3
    length = max((step for step in _round_lengths() if step <= wanted), default=wanted)
    low, high = ax.get_xlim()
    share = length / (high - low)
    ax.plot([0.05, 0.05 + share], [0.06, 0.06], transform=ax.transAxes, color=INK, linewidth=1.6, solid_capstyle="butt", zorder=6)
    ax.annotate(f"{length:g} km", (0.05 + share / 2, 0.06), xycoords="axes fraction", xytext=(0, 2.5), textcoords="offset points",
                ha="center", va="bottom", fontsize=6.5, zorder=6, path_effects=halo())  # fmt: skip


def _round_lengths() -> list[float]:
    """Return 1, 2 and 5 times powers of ten, km."""
    return [factor * 10.0**power for power in range(-4, 4) for factor in (1.0, 2.0, 5.0)]


def _north_arrow(ax: Axes) -> None:
    """Draw an arrow to the north in the upper left corner."""
    look = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    ax.annotate("N", (0.06, 0.96), (0.06, 0.83), xycoords="axes fraction", textcoords="axes fraction", ha="center", va="top",
                fontsize=7, zorder=6, path_effects=halo(), arrowprops=look)  # fmt: skip
