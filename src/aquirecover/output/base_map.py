"""What every map has: the window, districts, rivers and coast, names, scale bar, north arrow, contours and hatching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.style import INK, TWO_COLUMNS, WATER, halo, new_figure, wrapped
from aquirecover.output.views import focus

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

LINES: dict[str, dict[str, Any]] = {
    "district": {"color": "#555555", "linewidth": 0.4},
    "river": {"color": WATER, "linewidth": 0.9},
    "coast": {"color": "#1f4e79", "linewidth": 1.3},
}
LINE_NAMES = {"district": "district", "river": "river", "coast": "coast"}
# Widest panel, mm: wider ones would only be emptier.
PANEL = 68.0


def map_panels(dataset: xr.Dataset, rows: int, columns: int, label: str) -> tuple[Figure, np.ndarray]:
    """Return a figure of equal map panels, as high as map and label ask for; names, scale bar and north arrow are in one each."""
    west, east, south, north = map_window(dataset)
    ratio = (north - south) / (east - west)
    panel = min((TWO_COLUMNS - 14.0) / columns - 2.0, PANEL)
    width = TWO_COLUMNS if columns > 2 else columns * (panel + 2.0) + 16.0
    lines = label_lines(label, width).count("\n") + 1
    figure = new_figure(rows * (panel * ratio + 8.0) + 25.0 + 4.0 * lines, width)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax in panels[-1]:
        ax.set_xlabel("Easting (km)")
    for ax in panels[:, 0]:
        ax.set_ylabel("Northing (km)")
    panels[0, 0].set_xlim(west / 1e3, east / 1e3)
    panels[0, 0].set_ylim(south / 1e3, north / 1e3)
    _draw_furniture(panels[0, 0], dataset)
    _name_districts(panels[-1, -1], dataset)
    _draw_key(figure, dataset)
    return figure, panels


def label_lines(label: str, width: float) -> str:
    """Return the label of a colour bar in lines that fit a figure of a width in mm."""
    return "\n".join(wrapped(line, int(width / 1.7)) for line in label.split("\n"))


def _draw_key(figure: Figure, dataset: xr.Dataset) -> None:
    """Say below the panels what the lines are."""
    from matplotlib.lines import Line2D

    seen = [kind for kind in LINE_NAMES if kind in map_lines(dataset)]
    handles = [Line2D([], [], **LINES[kind]) for kind in seen]
    if handles:
        figure.legend(handles, [LINE_NAMES[kind] for kind in seen], loc="outside lower center", ncols=len(seen),
                      borderaxespad=0.0, fontsize=7.0)  # fmt: skip


def _district_places(dataset: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Return the middle of each district of the water budget, km."""
    if "zone" not in dataset.dims or "area" not in dataset.dims:
        return {}
    areas = [str(name) for name in dataset["area"].values]
    x, y = dataset["x"].values / 1e3, dataset["y"].values / 1e3
    places = {}
    for name in dict.fromkeys(str(zone).rpartition("/")[0] for zone in dataset["zone"].values):
        row, column = np.nonzero(dataset["area_mask"].values[areas.index(name)] > 0) if name in areas else (np.zeros(0, int),) * 2
        if row.size:
            places[name] = float(x[column].mean()), float(y[row].mean())
    return places


def _name_districts(ax: Axes, dataset: xr.Dataset) -> None:
    """Write the name of each zone of the water budget over its cells."""
    for name, at in _district_places(dataset).items():
        ax.text(*at, name.replace(" ", "\n"), ha="center", va="center", fontsize=6.0, linespacing=0.95, path_effects=halo(1.4),
                zorder=6, gid="name")  # fmt: skip


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
    number, kinds = dataset["map_vertex_line"].values, [str(kind) for kind in dataset["map_line_class"].values]
    vertices = np.column_stack([dataset["map_x"].values, dataset["map_y"].values])
    cuts = np.flatnonzero(np.diff(number)) + 1
    found: dict[str, list[FloatArray]] = {}
    for part in np.split(np.arange(number.size), cuts):
        found.setdefault(kinds[number[part[0]]], []).append(vertices[part])
    return found


def draw_map(ax: Axes, dataset: xr.Dataset, field: FloatArray, colours: Colormap, norm: Normalize) -> ScalarMappable:
    """Draw a field, shape ``(n_y, n_x)``, with districts, rivers and coast on axes in km; cells without a value stay grey.

    Returns
    -------
    ScalarMappable
        What a colour bar needs.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import FormatStrFormatter, MaxNLocator

    x, y = cell_edges(dataset)
    ax.set_facecolor("#ededed")
    image = ax.pcolormesh(x, y, np.ma.masked_invalid(field), cmap=colours, norm=norm, rasterized=True, zorder=1)
    for kind, lines in map_lines(dataset).items():
        style = LINES.get(kind, {"color": "#888888", "linewidth": 0.4})
        edge = halo(style["linewidth"] + 0.7, alpha=0.7)
        curves = LineCollection([line / 1e3 for line in lines], capstyle="round", zorder=4, path_effects=edge, **style)
        ax.add_collection(curves, autolim=False)
    ax.set_aspect("equal", adjustable="box")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FormatStrFormatter("%g"))
    for spine in ax.spines.values():
        spine.set_visible(True)
    return image


def cell_edges(dataset: xr.Dataset) -> tuple[FloatArray, FloatArray]:
    """Return the edges of columns and rows, km."""
    x, y = dataset["x_bounds"].values, dataset["y_bounds"].values
    return np.append(x[:, 0], x[-1, 1]) / 1e3, np.append(y[:, 0], y[-1, 1]) / 1e3


def draw_contours(ax: Axes, dataset: xr.Dataset, field: FloatArray, levels: FloatArray) -> None:
    """Draw thin contours of every second class limit, those that are long enough to see, and label the longest of each."""
    from matplotlib.path import Path

    known = field[np.isfinite(field)]
    inner = [level for level in levels[1:-1:2] if known.size and known.min() < level < known.max()]
    if not inner or min(field.shape) < 3:
        return
    x, y = dataset["x"].values / 1e3, dataset["y"].values / 1e3
    lines = ax.contour(x, y, np.ma.masked_invalid(field), levels=inner, colors=INK, linewidths=0.35, alpha=0.8, zorder=3)
    west, east, _, _ = map_window(dataset)
    corner = _free_corner(dataset) if any(text.get_gid() == "scale" for text in ax.texts) else None
    paths: list[Path] = []
    longest: list[FloatArray] = []
    for path in lines.get_paths():
        polygons = [np.asarray(part, dtype=np.float64) for part in path.to_polygons(closed_only=False)]
        parts = [part for part in polygons if np.ptp(part, axis=0).max() > 0.06e-3 * (east - west)]
        paths.append(Path.make_compound_path(*(Path(part) for part in parts)) if parts else Path(np.zeros((0, 2))))
        longest.append(max((_label_room(ax, part, corner) for part in parts), key=len, default=np.zeros((0, 2))))
    lines.set_paths(paths)
    places = _label_places(ax, dataset, [part for part in longest if len(part) > 8])
    if places:
        texts = ax.clabel(lines, fmt=lambda value: f"{value:g}".replace("-", "−"), fontsize=6, inline=False, manual=places)
        for text in texts:
            text.set_path_effects(halo(1.4))
            text.set_zorder(5)


def _label_room(ax: Axes, line: FloatArray, corner: tuple[int, int] | None) -> FloatArray:
    """Return the vertices of a line where a label is neither cut by the frame nor in the corner of the scale bar."""
    low, high = np.array([ax.get_xlim()[0], ax.get_ylim()[0]]), np.array([ax.get_xlim()[1], ax.get_ylim()[1]])
    share = (line - low) / (high - low)
    free = ((share > 0.06) & (share < 0.94)).all(axis=1)
    taken = (np.abs(share - np.array(corner)) < 0.36).all(axis=1) if corner is not None else np.zeros_like(free)
    return np.asarray(line[free & ~taken], dtype=np.float64)


def _label_places(ax: Axes, dataset: xr.Dataset, lines: list[FloatArray]) -> list[tuple[float, float]]:
    """Return a place for a label on each line: away from the other labels and names, and from rivers and districts."""
    width = float(np.ptp(ax.get_xlim()))
    names = [text.get_position() for text in ax.texts if text.get_gid() == "name"]
    taken = [np.array(place, dtype=np.float64) for place in names]
    drawn = [line for group in map_lines(dataset).values() for line in group]
    drawn_at = np.concatenate(drawn) / 1e3 if drawn else np.zeros((0, 2))
    middle = np.array([np.mean(ax.get_xlim()), np.mean(ax.get_ylim())])
    places = []
    for line in lines:
        line = line[:: max(len(line) // 60, 1)]
        score = np.minimum(_distance(line, np.array(taken).reshape(-1, 2)), 0.3 * width)
        score = score + 2.0 * np.minimum(_distance(line, drawn_at), 0.05 * width)
        place = line[int((score - 0.1 * np.hypot(*(line - middle).T)).argmax())]
        taken.append(place)
        places.append((float(place[0]), float(place[1])))
    return places


def _distance(points: FloatArray, others: FloatArray) -> FloatArray:
    """Return the distance of each point from the nearest of others, both of shape ``(n, 2)``; infinite without others."""
    if not len(others):
        return np.full(len(points), np.inf)
    away = points[:, None, :] - others[None, :, :]
    return np.asarray(np.sqrt((away**2).sum(axis=2).min(axis=1)), dtype=np.float64)


def draw_hatch(ax: Axes, dataset: xr.Dataset, where: np.ndarray) -> None:
    """Hatch the cells where a flag, shape ``(n_y, n_x)``, is set."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not where.any():
        return
    x, y = cell_edges(dataset)
    row, column = np.nonzero(where)
    west, east, north, south = x[column], x[column + 1], y[row], y[row + 1]
    # one path of all cells, anticlockwise, so that a hatch is drawn once and runs on from cell to cell
    corners = np.stack([west, south, east, south, east, north, west, north, west, south], axis=1).reshape(-1, 2)
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], row.size)
    cells = PathPatch(Path(corners, codes), facecolor="white", edgecolor="#aaaaaa", linewidth=0.0, hatch="/////", zorder=2)
    cells.set_clip_path(ax.patch)
    ax.add_artist(cells)


def _free_corner(dataset: xr.Dataset) -> tuple[int, int]:
    """Return the corner (right, top; 0 or 1) of the window with the fewest lines and cells of the study near it."""
    west, east, south, north = map_window(dataset)
    low, size = np.array([west, south]), np.array([east - west, north - south])
    row, column = np.nonzero(focus(dataset))
    cells = np.column_stack([dataset["x"].values[column], dataset["y"].values[row]])
    drawn = [line for group in map_lines(dataset).values() for line in group]
    points = (np.concatenate([cells, *drawn]) - low) / size

    def crowd(corner: tuple[int, int]) -> int:
        return int((np.abs(points - np.array(corner)) < 0.3).all(axis=1).sum())

    return min([(0, 0), (0, 1), (1, 1), (1, 0)], key=crowd)


def _draw_furniture(ax: Axes, dataset: xr.Dataset) -> None:
    """Draw a scale bar of a round length, near a fifth of the map, and an arrow to the north over it, in the emptiest corner."""
    west, east, _, _ = map_window(dataset)
    wanted = 0.25 * (east - west) / 1e3
    length = max((step for step in _round_lengths() if step <= wanted), default=wanted)
    share = length * 1e3 / (east - west)
    right, top = _free_corner(dataset)
    left = 0.95 - share if right else 0.05
    base = 0.76 if top else 0.05
    ax.plot([left, left + share], [base, base], transform=ax.transAxes, color=INK, linewidth=1.6, solid_capstyle="butt", zorder=6)
    ax.annotate(f"{length:g} km", (left + share / 2, base), xycoords="axes fraction", xytext=(0, 2.5),
                textcoords="offset points", ha="center", va="bottom", fontsize=6.5, zorder=6, gid="scale",
                path_effects=halo())  # fmt: skip
    look = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    middle = left + share / 2
    ax.annotate("N", (middle, base + 0.21), (middle, base + 0.085), xycoords="axes fraction", textcoords="axes fraction",
                ha="center", va="bottom", fontsize=6.5, zorder=6, path_effects=halo(), arrowprops=look)  # fmt: skip


def _round_lengths() -> list[float]:
    """Return 1, 2 and 5 times powers of ten, km."""
    return [factor * 10.0**power for power in range(-4, 4) for factor in (1.0, 2.0, 5.0)]
