"""Draw the map of the Thai Binh model for thai_binh.md: ``python docs/draw_thai_binh.py``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

from aquirecover.case.scenario import load_problem
from aquirecover.flow.problem import Problem
from aquirecover.output.base_map import LINES
from aquirecover.output.figures import save_figure
from aquirecover.output.style import INK, QUIET, halo, in_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "models/thai_binh"
TO_PLANE = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3405", always_xy=True)
AQUIFERS = {"qh2": "#E69F00", "qp2": "#56B4E9", "qp1": "#0072B2"}
SEA, SALINE = "#dcebf5", "#b0413e"
EDGES = {"inland": ("#D55E00", "general heads inland, 5 m"), "offshore": ("#009E73", "general heads offshore, 1 m")}
SIZES = (100.0, 500.0, 2000.0)
POINTS_PER_RATE = 0.028  # area of a disc in points² for 1 m³/d


@in_style
def draw(problem: Problem) -> Figure:
    """Draw the province with its wells, and the domain with its grid and edges."""
    figure = new_figure(130.0)
    province, domain = figure.subplots(1, 2, width_ratios=[1.75, 1.0])
    tables = [read_wells(problem, 0, "wells.csv"), read_wells(problem, 1, "neighbours.csv")]
    for ax in (province, domain):
        draw_sea(ax)
        draw_lines(problem, ax)
        for table in tables:
            draw_wells(ax, table, 1.0 if ax is province else 0.14)
    draw_saline(province)
    draw_observations(province)
    draw_names(problem, province)
    draw_domain(problem, domain)
    vertices = np.concatenate(problem.context.map_lines["district"]) / 1e3
    (west, south), (east, north) = vertices.min(axis=0) - 2.0, vertices.max(axis=0) + 2.0
    province.set(xlim=(west, east + 1.5), ylim=(south, north), title="a   The province", ylabel="Northing (km)")
    domain.set_title("b   The domain and its grid at 1 km")
    for ax in (province, domain):
        ax.set_aspect("equal", adjustable="box")
        ax.set_xlabel("Easting (km)")
        ax.locator_params(nbins=4)
        for spine in ax.spines.values():
            spine.set_visible(True)
    figure.legend(handles=legend_handles(), loc="outside lower center", borderaxespad=0.0, ncols=4, columnspacing=2.2)
    return figure


def in_kilometres(shape: Any) -> Any:
    """Return a shape in degrees as kilometres of the model's plane."""
    return shapely.transform(shape, lambda points: np.column_stack(TO_PLANE.transform(*points.T)) / 1e3)


def read_shapes(name: str) -> list[Any]:
    """Return the shapes of a file of the model in kilometres."""
    features = json.loads((MODEL / "gis" / f"{name}.geojson").read_text(encoding="utf-8"))["features"]
    return [in_kilometres(shapely.from_geojson(json.dumps(feature["geometry"]))) for feature in features]


def read_table(name: str) -> tuple[list[dict[str, str]], np.ndarray]:
    """Return the rows of a table of the model and their places, shape ``(n, 2)``, km."""
    with (MODEL / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    degrees = np.array([[float(row["longitude"]), float(row["latitude"])] for row in rows])
    return rows, np.column_stack(TO_PLANE.transform(*degrees.T)) / 1e3


def read_wells(problem: Problem, group: int, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return places, km, rates of the last period, m³/d, and aquifers of a group of wells."""
    rows, place = read_table(name)
    wells = problem.wells[group]
    rate = dict(zip(wells.names, wells.pumping_rate[-1], strict=True))
    return place, np.array([rate[row["well"]] for row in rows]), [row["aquifer"] for row in rows]


def patch_of(shape: Any, **style: Any) -> Any:
    """Return a patch of a polygon or several."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    rings = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    return PathPatch(Outline.make_compound_path(*(Outline(np.asarray(ring.coords), closed=True) for ring in rings)), **style)


def draw_sea(ax: Axes) -> None:
    """Fill the sea."""
    for shape in read_shapes("sea"):
        ax.add_patch(patch_of(shape, facecolor=SEA, edgecolor="none", zorder=0))


def draw_saline(ax: Axes) -> None:
    """Hatch the saline strip inside the province."""
    province = shapely.union_all(read_shapes("province"))
    for shape in read_shapes("saline"):
        strip = shapely.intersection(shape, province)
        style = {"facecolor": SALINE + "14", "edgecolor": SALINE + "99", "linewidth": 0.5, "hatch": "////", "zorder": 1}
        ax.add_patch(patch_of(strip, **style))


def draw_lines(problem: Problem, ax: Axes) -> None:
    """Draw districts, rivers and coast."""
    for kind, lines in problem.context.map_lines.items():
        style: dict[str, Any] = LINES[kind]
        for line in lines:
            ax.plot(line[:, 0] / 1e3, line[:, 1] / 1e3, zorder=3, **style)


def draw_wells(ax: Axes, table: tuple[np.ndarray, np.ndarray, list[str]], scale: float) -> None:
    """Draw wells as discs whose area is their rate."""
    place, rate, aquifer = table
    for name, colour in AQUIFERS.items():
        own = np.array(aquifer) == name
        size = scale * POINTS_PER_RATE * rate[own]
        ax.scatter(place[own, 0], place[own, 1], s=size, color=colour, alpha=0.8, linewidths=0, zorder=4)


def draw_observations(ax: Axes) -> None:
    """Draw the wells of the bulletins with their names, and the control points without."""
    rows, place = read_table("observations.csv")
    bulletin = np.array([row["name"].startswith("Q.") for row in rows])
    for own, style in ((bulletin, OBSERVED), (~bulletin, CONTROL)):
        ax.plot(*place[own].T, linestyle="none", zorder=6, **style)
    seen: set[tuple[float, float]] = set()
    for i in np.flatnonzero(bulletin):
        at = (float(place[i, 0]), float(place[i, 1]))
        if at not in seen:
            label = rows[i]["name"].split()[0]
            ax.annotate(label, at, (4, 4), textcoords="offset points", fontsize=6.5, zorder=7, path_effects=halo(2.0))
        seen.add(at)


OBSERVED: dict[str, Any] = {"marker": "^", "markersize": 5.5, "color": "white", "markeredgecolor": INK, "markeredgewidth": 1.0}
CONTROL: dict[str, Any] = {"marker": "+", "markersize": 5.0, "color": INK, "markeredgewidth": 0.8}


def draw_names(problem: Problem, ax: Axes) -> None:
    """Write the name of each district inside it."""
    grid = problem.grid
    districts = set(problem.wells[0].attributes["district"])
    for name, mask in problem.context.areas.items():
        if name in districts:
            row, column = np.nonzero(mask)
            x, y = grid.x[column].mean() / 1e3, grid.y[row].mean() / 1e3
            ax.text(x, y + 1.2, name, ha="center", va="bottom", fontsize=7, weight="bold", zorder=7, path_effects=halo(2.2))


def draw_domain(problem: Problem, ax: Axes) -> None:
    """Draw the grid, the general heads along its edges, and names of the neighbours."""
    grid = problem.grid
    for edges, line in ((grid.x_edge, ax.axvline), (grid.y_edge, ax.axhline)):
        for edge in edges:
            line(edge / 1e3, color="#9a9a9a", linewidth=0.2, zorder=1)
    (west, east), (north, south) = grid.x_edge[[0, -1]] / 1e3, grid.y_edge[[0, -1]] / 1e3
    for name, corners in (
        ("inland", [(west, south), (west, north), (east, north)]),
        ("offshore", [(west, south), (east, south), (east, north)]),
    ):
        ax.plot(*np.transpose(corners), color=EDGES[name][0], linewidth=2.0, zorder=5, clip_on=False, solid_capstyle="butt")
    text: dict[str, Any] = {"ha": "center", "fontsize": 6.5, "color": INK, "zorder": 7, "path_effects": halo(2.0)}
    for name, place in {"Nam Dinh": (106.17, 20.30), "Hung Yen": (106.07, 20.90), "Hai Phong": (106.62, 20.85)}.items():
        x, y = TO_PLANE.transform(*place)
        ax.text(x / 1e3, y / 1e3, name, **text)
    ax.text(east - 22.0, south + 20.0, "Gulf of\nTonkin", style="italic", **(text | {"color": QUIET}))
    ax.set(xlim=(west, east), ylim=(south, north))


def legend_handles() -> list[Any]:
    """Return what the legend shows: aquifers, sizes, places, areas and edges."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def disc(colour: str, rate: float, label: str) -> Any:
        size = 2.0 * np.sqrt(POINTS_PER_RATE * rate / np.pi)
        return Line2D([], [], linestyle="none", marker="o", color=colour, markeredgewidth=0, markersize=size, label=label)

    aquifers = [disc(colour, 800.0, f"well in {name}") for name, colour in AQUIFERS.items()]
    sizes = [disc("#8a8a8a", rate, f"{rate:,.0f} m³/d") for rate in SIZES]
    return [
        *aquifers,
        *sizes,
        Line2D([], [], linestyle="none", label="well of the bulletins", **OBSERVED),
        Line2D([], [], linestyle="none", label="control point", **CONTROL),
        Patch(
            facecolor=SALINE + "14", edgecolor=SALINE + "99", hatch="////", linewidth=0.5, label="saline strip of qh (assumed)"
        ),
        Line2D([], [], color=LINES["river"]["color"], linewidth=1.2, label="river with a boundary"),
        *(Line2D([], [], color=colour, linewidth=2.0, label=label) for colour, label in EDGES.values()),
    ]


if __name__ == "__main__":
    save_figure(draw(load_problem(MODEL / "model.yaml")), ROOT / "docs/images/thai_binh_map.png", overwrite=True)
