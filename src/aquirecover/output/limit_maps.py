"""Maps of a safe limit: the headroom of each district and aquifer, and which constraints bind where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.output.base_map import draw_map, label_lines, map_panels
from aquirecover.output.limit_tables import BINDS
from aquirecover.output.style import INK, MM, QUIET, SERIES, halo, in_style, letter, title_figure, wrapped

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Binding constraints that are named in a panel, the dearest first; heights of a line, and of the key below the maps; mm.
NAMED, LINE, KEY = 5, 3.2, 5.0
# Width of a letter and height of a line of a label, mm.
LETTER, LABEL_LINE = 1.2, 2.3
# Height that a map leaves for a colour bar, mm.
BAR = 11.0


@in_style
def headroom_map(dataset: xr.Dataset) -> Figure:
    """Return limit less present pumping of each district, a panel an aquifer, with the numbers."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, Normalize

    from aquirecover.output.limit_charts import caution

    aquifers, values = _parts(dataset)
    # a narrow colour bar has room for fewer numbers
    n_class = 5 if len(aquifers) > 1 else 3
    levels = _classes(max((abs(value) for own in values for value in own.values()), default=1.0), n_class)
    label = "Safe limit less present pumping (1,000 m³/d); brown: pump less, green: room for more"
    figure, panels = map_panels(dataset, 1, len(aquifers), label)
    # a panel of a figure, without what stands beside it
    width = 0.9 * figure.get_figwidth() / MM / len(aquifers)
    cmap, norm = _middle_of(colormaps["BrBG"]), BoundaryNorm(levels.tolist(), 256)
    blank = np.full((dataset.sizes["y"], dataset.sizes["x"]), np.nan)
    for ax, own in zip(panels[0], values, strict=True):
        draw_map(ax, dataset, blank, colormaps["Greys"], Normalize(0.0, 1.0))
        _drop_names(ax)
        rings = {district: _rings(dataset, district) for district in own}
        texts = {district: "\n".join([*district.split(" "), _signed(value)]) for district, value in own.items()}
        for district, value in own.items():
            _fill(ax, rings[district], cmap(norm(value)))
        for district, place in _label_places(rings, texts, float(np.ptp(ax.get_xlim())) / width).items():
            ax.text(*place, texts[district], ha="center", va="center", fontsize=6.0, linespacing=0.95, path_effects=halo(1.6),
                    zorder=6)  # fmt: skip
    letter(panels[0], [f"Aquifer {name}: {_signed(sum(own.values()))}" for name, own in zip(aquifers, values, strict=True)])
    image = ScalarMappable(norm, cmap)
    bar = figure.colorbar(image, ax=panels, location="bottom", shrink=0.75, aspect=50, spacing="uniform", ticks=levels)
    bar.ax.set_xticklabels([f"{level:g}".replace("-", "−") for level in levels])
    bar.ax.tick_params(length=0.0)
    bar.outline.set_linewidth(0.4)
    note = caution(dataset, int(figure.get_figwidth() / MM / 1.75))
    figure.set_figheight(figure.get_figheight() + (4.0 + 3.5 * len(note.splitlines())) * MM)
    bar.set_label(label_lines(label, figure.get_figwidth() / MM) + (f"\n{note}" if note else ""))
    title_figure(figure, wrapped(str(dataset.attrs["title"]), int(figure.get_figwidth() / MM / 1.75)))
    return figure


def _middle_of(cmap: Colormap) -> Colormap:
    """Return a colour map without its darkest ends, on which letters could not be read."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(cmap(np.linspace(0.1, 0.9, 256)))


def _classes(largest: float, n: int) -> FloatArray:
    """Return class limits that grow by 1, 2 and 5 to both sides of 0 and hold all values, n on each side."""
    steps = np.array([factor * 10.0**power for power in range(-6, 9) for factor in (1.0, 2.0, 5.0)])
    last = int(np.searchsorted(steps, largest * (1.0 - 1e-9)))
    side = steps[max(last + 1 - n, 0) : last + 1]
    return np.concatenate([-side[::-1], [0.0], side])


def _signed(value: float) -> str:
    """Return a number with its sign, and with two digits where it is small."""
    return (f"{value:+,.1f}" if abs(value) >= 0.95 else f"{value:+,.2f}").replace("-", "−")


def _parts(dataset: xr.Dataset) -> tuple[list[str], list[dict[str, float]]]:
    """Return the aquifers from top to bottom and the headroom of their districts that have outlines, 1,000 m³/d."""
    known = set(dataset["ring_district"].values.astype(str))
    district, aquifer = (dataset[f"part_{key}"].values.astype(str) for key in ("district", "aquifer"))
    headroom = dataset["part_headroom"].values / 1e3
    order = dataset["aquifer"].values.astype(str).tolist()
    names = sorted(set(aquifer) - {"all"}, key=lambda name: order.index(name) if name in order else len(order))
    values = [
        {str(district[n]): float(headroom[n]) for n in np.flatnonzero(aquifer == name) if district[n] in known} for name in names
    ]
    shown = [n for n, own in enumerate(values) if own]
    return [names[n] for n in shown], [values[n] for n in shown]


def _rings(dataset: xr.Dataset, district: str) -> list[FloatArray]:
    """Return outlines and holes of a district, each of shape ``(n, 2)``; km."""
    vertices = np.column_stack([dataset["vertex_x"].values, dataset["vertex_y"].values]) / 1e3
    numbers = np.flatnonzero(dataset["ring_district"].values == district)
    return [vertices[dataset["ring_vertex"].values == number] for number in numbers]


def _label_places(
    rings: Mapping[str, Sequence[FloatArray]], texts: Mapping[str, str], millimetre: float
) -> dict[str, tuple[float, float]]:
    """Return where the labels of districts stand: inside, far from the edge, and clear of one another, small districts first; km.

    Parameters
    ----------
    rings : mapping of str to sequence of ndarray
        Outlines; km.
    texts : mapping of str to str
        Lines of each label.
    millimetre : float
        Kilometres of a millimetre of the map.
    """
    order = sorted(rings, key=lambda name: max(np.ptp(ring, axis=0).prod() for ring in rings[name]))
    boxes: list[tuple[FloatArray, FloatArray]] = []
    places = {}
    for name in order:
        lines = texts[name].split("\n")
        half = 0.5 * millimetre * np.array([LETTER * max(map(len, lines)), LABEL_LINE * len(lines)])
        points, clearance = _inner_points(rings[name])
        # a label counts as clear of another by the smaller of the gaps that remain along and across
        clash = np.zeros(len(points))
        for middle, own in boxes:
            overlap = np.minimum(half + own - np.abs(points - middle), 2.0 * np.minimum(half, own))
            clash += np.where((overlap > 0.0).all(axis=1), overlap.prod(axis=1), 0.0)
        best = int(np.lexsort((-clearance, np.round(clash, 3)))[0])
        places[name] = float(points[best, 0]), float(points[best, 1])
        boxes.append((points[best], half))
    return places


def _inner_points(rings: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return points inside the largest of some outlines, and how far each is from its edge, as letters run across; km."""
    from matplotlib.path import Path

    ring = max(rings, key=lambda ring: np.ptp(ring, axis=0).prod())
    low, high = ring.min(axis=0), ring.max(axis=0)
    x, y = (axis.ravel() for axis in np.meshgrid(*(np.linspace(a, b, 41)[1:-1] for a, b in zip(low, high, strict=True))))
    points = np.column_stack([x, y])
    points = points[Path(ring).contains_points(points)]
    if not points.size:
        return ring.mean(axis=0)[None, :], np.zeros(1)
    # a label is some 2.5 times as wide as high
    apart = (points[:, None, :] - ring[None, :: max(len(ring) // 400, 1), :]) / np.array([2.5, 1.0])
    return points, np.asarray((apart**2).sum(axis=2).min(axis=1))


def _fill(ax: Axes, rings: Sequence[FloatArray], colour: Any) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    path = Path.make_compound_path(*(Path(ring, closed=True) for ring in rings))
    ax.add_patch(PathPatch(path, facecolor=colour, edgecolor=QUIET, linewidth=0.4, zorder=2))


def _drop_names(ax: Axes) -> None:
    """Remove the names that the last panel of a map has."""
    for text in list(ax.texts):
        if text.get_gid() == "name":
            text.remove()


@in_style
def binding_map(dataset: xr.Dataset) -> Figure:
    """Return where constraints bind, a panel an aquifer: a mark for each rule, larger where it costs more.

    The dearest of each panel are numbered and named below it, among them those that hold in no single cell.
    """
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    price = np.nan_to_num(dataset["constraint_shadow_price"].values)
    binding = np.flatnonzero(price > BINDS * (1.0 + abs(float(dataset.attrs["objective"]))))
    rules = list(dict.fromkeys(dataset["constraint_rule"].values[binding].astype(str)))
    aquifers, own = _binding_by_aquifer(dataset, binding[np.argsort(-price[binding], kind="stable")])
    figure, panels = map_panels(dataset, 1, len(aquifers), "")
    # room for the names below the maps
    before, lines = figure.get_figheight() - BAR * MM, LINE * (NAMED + 1) * MM
    figure.set_figheight(before + lines)
    share = lines / (before + lines)
    top = share + KEY * MM / (before + lines)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0.0, share, 1.0, 1.0 - share))  # type: ignore[call-arg]  # the stubs know the base class alone
    blank = np.full((dataset.sizes["y"], dataset.sizes["x"]), np.nan)
    for ax, name, rows in zip(panels[0], aquifers, own, strict=True):
        if not name:
            ax.set_axis_off()
            _drop_names(ax)
            continue
        draw_map(ax, dataset, blank, colormaps["Greys"], Normalize(0.0, 1.0))
        _drop_names(ax)
        layers = [k + 1 for k, label in enumerate(dataset["layer_aquifer"].values) if label == name]
        if "well_x" in dataset and layers:
            here = np.isin(dataset["well_layer"].values, layers)
            x, y = (dataset[f"well_{axis}"].values[here] / 1e3 for axis in "xy")
            ax.plot(x, y, ".", color="#9a9a9a", markersize=1.6, zorder=3)
        _mark(ax, dataset, rows, rules, price)
    letter(panels[0], [f"Aquifer {name}" if name else "in no single aquifer" for name in aquifers])
    _add_rules(figure, rules)
    title = f"{dataset.attrs['title']}: what binds where, with shadow prices"
    title_figure(figure, wrapped(title, int(figure.get_figwidth() / MM / 1.75)))
    # where the panels stand is known when they have been laid out
    figure.draw_without_rendering()
    for ax, rows in zip(panels[0], own, strict=True):
        _name_dearest(figure, ax.get_position().x0, top, dataset, rows, rules, price)
    return figure


def _binding_by_aquifer(dataset: xr.Dataset, binding: IntArray) -> tuple[list[str], list[IntArray]]:
    """Return the aquifers with wells that are decided or rules that bind, and those rules; no name holds those of no aquifer."""
    aquifer = dataset["constraint_aquifer"].values.astype(str)
    pumped: set[str] = set()
    if "well_layer" in dataset:
        pumped = set(dataset["layer_aquifer"].values[dataset["well_layer"].values - 1].astype(str))
    known = [str(name) for name in dataset["aquifer"].values]
    names = [name for name in known if name in pumped or (aquifer[binding] == name).any()]
    others = binding[~np.isin(aquifer[binding], known)]
    rows = [binding[aquifer[binding] == name] for name in names]
    return ([*names, ""], [*rows, others]) if others.size or not names else (names, rows)


def _mark(ax: Axes, dataset: xr.Dataset, rows: IntArray, rules: Sequence[str], price: FloatArray) -> None:
    """Draw the marks of the binding constraints of a panel, the dearest first."""
    x, y = dataset["constraint_x"].values / 1e3, dataset["constraint_y"].values / 1e3
    for rank, n in enumerate(rows):
        if not np.isfinite(x[n]):
            continue
        number = rules.index(str(dataset["constraint_rule"].values[n]))
        share = price[n] / price[rows].max()
        ax.plot(x[n], y[n], MARKERS[number % len(MARKERS)], color=SERIES[number % len(SERIES)], markeredgecolor="white",
                markeredgewidth=0.4, markersize=3.0 + 4.0 * np.sqrt(share), zorder=6 + share)  # fmt: skip
        if rank < NAMED:
            ax.annotate(f"{rank + 1}", (x[n], y[n]), xytext=(3.5, 3.5), textcoords="offset points", fontsize=6.5, color=INK,
                        path_effects=halo(1.6), zorder=9)  # fmt: skip


def _name_dearest(
    figure: Figure, left: float, top: float, dataset: xr.Dataset, rows: IntArray, rules: Sequence[str], price: FloatArray
) -> None:
    """Write the dearest constraints of a panel below it, a line each, in the colours of their rules."""
    line = LINE * MM / figure.get_figheight()
    objective = _plain(str(dataset.attrs.get("objective_unit", "m3/d")))
    for rank, n in enumerate(rows[:NAMED]):
        rule, place, date, unit = (str(dataset[f"constraint_{key}"].values[n]) for key in ("rule", "place", "date", "unit"))
        number = rules.index(rule)
        # the number is on the map: rows and columns need not be told
        place = re.sub(r"row \d+, column \d+ ?\(?([^)]*)\)?", r"\1", place).replace("edge at ", "edge, ").rstrip(", ")
        text = f"{rank + 1}  {place}{', ' if date else ''}{date[:7]}: {_price(price[n])} {objective} per {_plain(unit)}"
        figure.text(left, top - (rank + 0.6) * line, text, ha="left", va="top", fontsize=5.8, in_layout=False,
                    color=SERIES[number % len(SERIES)])  # fmt: skip
    more = rows.size - NAMED
    text = f"… and {more} more in binding.csv" if more > 0 else "" if rows.size else "nothing binds"
    figure.text(left, top - (min(rows.size, NAMED) + 0.6) * line, text, ha="left", va="top", fontsize=5.8, in_layout=False)


def _add_rules(figure: Figure, rules: Sequence[str]) -> None:
    """Say in the key below the map what the marks are, after what its lines are."""
    from matplotlib.lines import Line2D

    handles: list[Artist] = []
    names: list[str] = []
    for legend in list(figure.legends):
        handles += [handle for handle in legend.legend_handles if handle is not None]
        names += [text.get_text() for text in legend.get_texts()]
        legend.remove()
    for n, rule in enumerate(rules):
        marker, colour = MARKERS[n % len(MARKERS)], SERIES[n % len(SERIES)]
        handles.append(Line2D([], [], linestyle="", marker=marker, color=colour, markersize=5.0))
        names.append(f"rule {rule}")
    handles.append(Line2D([], [], linestyle="", marker=".", color="#9a9a9a", markersize=3.0))
    figure.legend(handles, [*names, "wells that are decided"], loc="outside lower center", ncols=min(len(handles), 7),
                  borderaxespad=0.0, fontsize=7.0)  # fmt: skip


def _price(price: float) -> str:
    """Return a shadow price with three digits, written out."""
    rounded = float(f"{price:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100.0 else f"{rounded:g}"


def _plain(unit: str) -> str:
    return {"1": "unit", "m3/d": "m³/d", "m3": "m³"}.get(unit, unit)
