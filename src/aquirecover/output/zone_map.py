"""A map of restriction zones, a panel per aquifer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.style import QUIET, TWO_COLUMNS, in_style, letter, new_figure, title_figure, wrapped

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Rings of polygons, each of shape ``(n, 2)``, m; holes run the other way round than outlines.
Rings: TypeAlias = Sequence[FloatArray]

COLOURS = {1: "#E69F00", 2: "#56B4E9"}
# Edges, which show circles that are hardly larger than a point.
EDGES = {1: "#D55E00", 2: "#0072B2"}
# What is shown round the outlines, as a share of their size.
MARGIN = 0.04
NAMES = {1: "zone 1: near saline water or subsided ground", 2: "zone 2: round wells"}
COLUMNS = 3


@in_style
def zone_map(title: str, zones: Mapping[str, Mapping[int, Rings]], outlines: Rings, wells: Mapping[str, FloatArray]) -> Figure:
    """Return the map.

    Parameters
    ----------
    title : str
        Of the model.
    zones : mapping
        Rings of each zone, by aquifer and number of the zone; m.
    outlines : sequence of ndarray
        Lines to draw in every panel, each of shape ``(n, 2)``; m. The map ends a little beyond them; without any it shows all
        zones.
    wells : mapping of str to ndarray
        Places of the wells of each aquifer, shape ``(n, 2)``; m.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    columns = min(COLUMNS, len(zones))
    rows = -(-len(zones) // columns)
    every = np.concatenate(list(outlines) or [ring for own in zones.values() for rings in own.values() for ring in rings])
    low, high = every.min(axis=0) / 1e3, every.max(axis=0) / 1e3
    margin = MARGIN * float((high - low).max())
    low, high = low - margin, high + margin
    # the first panel of a row gives room to its axis
    width = (TWO_COLUMNS - 16.0) / columns
    figure = new_figure(rows * (width * (high[1] - low[1]) / (high[0] - low[0]) + 6.0) + 19.0)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax, (aquifer, own) in zip(panels.ravel(), zones.items(), strict=False):
        _draw(ax, own, outlines, wells.get(aquifer, np.zeros((0, 2))))
        ax.set_xlim(low[0], high[0])
        ax.set_ylim(low[1], high[1])
    for ax in panels.ravel()[len(zones) :]:
        ax.set_axis_off()
    letter(panels.ravel()[: len(zones)], [f"Aquifer {name}" if name else "Subsided ground" for name in zones])
    for ax in panels[-1]:
        ax.set_xlabel("Easting (km)")
    for ax in panels[:, 0]:
        ax.set_ylabel("Northing (km)")
    title_figure(figure, wrapped(f"{title}: restriction zones by Decree 53/2024/ND-CP, Art. 36", 100))
    numbers = sorted({number for own in zones.values() for number in own})
    handles: list[Artist] = [Patch(facecolor=COLOURS[number], edgecolor=EDGES[number]) for number in numbers]
    handles.append(Line2D([], [], linestyle="", marker=".", color="black", markersize=2.0))
    figure.legend(handles, [*(NAMES[number] for number in numbers), "wells"], loc="outside lower center", ncols=3)
    return figure


def _draw(ax: Axes, zones: Mapping[int, Rings], outlines: Rings, wells: FloatArray) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for number in sorted(zones, reverse=True):
        path = Path.make_compound_path(*(Path(ring / 1e3, closed=True) for ring in zones[number]))
        ax.add_patch(PathPatch(path, facecolor=COLOURS[number], edgecolor=EDGES[number], linewidth=0.6, zorder=3 - number))
    for line in outlines:
        ax.plot(*(line / 1e3).T, color=QUIET, linewidth=0.5, zorder=3)
    ax.plot(*(wells / 1e3).T, ".", color="black", markersize=0.7, zorder=4)
    ax.set_aspect("equal")
