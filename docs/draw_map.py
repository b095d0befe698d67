"""Draw the map of the Thai Binh model for thai_binh.md: ``python docs/draw_map.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.case.scenario import load_problem
from aquirecover.flow.problem import Problem
from aquirecover.output.figures import save_figure
from aquirecover.output.style import halo, in_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "models/thai_binh/model.yaml"
AQUIFERS = {"qh2": "#E69F00", "qp2": "#56B4E9", "qp1": "#0072B2"}
LINES = {
    "district": {"color": "#777777", "linewidth": 0.5},
    "river": {"color": "#2a78b5", "linewidth": 1.1},
    "coast": {"color": "#222222", "linewidth": 0.9},
}


@in_style
def draw(problem: Problem) -> Figure:
    """Draw the grid as a whole, and the province with its wells."""
    figure = new_figure(112.0)
    whole, province = figure.subplots(1, 2, width_ratios=[1.0, 1.75])
    draw_lines(problem, whole)
    draw_lines(problem, province)
    grid = problem.grid
    for edges, line in ((grid.x_edge, whole.axvline), (grid.y_edge, whole.axhline)):
        for edge in edges:
            line(edge / 1e3, color="#b5b5b5", linewidth=0.25, zorder=0)
    whole.set(xlim=grid.x_edge[[0, -1]] / 1e3, ylim=grid.y_edge[[-1, 0]] / 1e3, title="The grid at 1 km", ylabel="Northing (km)")
    draw_wells(problem, province)
    draw_names(problem, province)
    vertices = np.concatenate(problem.context.map_lines["district"]) / 1e3
    (west, south), (east, north) = vertices.min(axis=0) - 2.5, vertices.max(axis=0) + 2.5
    province.set(xlim=(west, east), ylim=(south, north), title="Wells and observation points")
    for ax in (whole, province):
        ax.set_aspect("equal", adjustable="box")
        ax.set_xlabel("Easting (km)")
        ax.locator_params(nbins=4)
    figure.legend(*province.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def draw_lines(problem: Problem, ax: Axes) -> None:
    """Draw districts, rivers and coast."""
    for kind, lines in problem.context.map_lines.items():
        style: dict[str, Any] = LINES[kind]
        for line in lines:
            ax.plot(line[:, 0] / 1e3, line[:, 1] / 1e3, zorder=3, **style)


def draw_wells(problem: Problem, ax: Axes) -> None:
    """Draw wells as discs whose area is their rate in the last period, and observation points as triangles."""
    grid = problem.grid
    for wells in problem.wells:
        rate = wells.pumping_rate[-1] if wells.pumping_rate.ndim == 2 else wells.pumping_rate
        aquifer = np.array(wells.attributes["aquifer"])[wells.well]
        _, row, column = grid.indices(wells.cell)
        for name, colour in AQUIFERS.items():
            own = aquifer == name
            size = 9.0 * (rate[wells.well] * wells.fraction)[own] / 500.0
            ax.scatter(
                grid.x[column[own]] / 1e3, grid.y[row[own]] / 1e3, s=size, color=colour, alpha=0.75, linewidths=0, zorder=4
            )
    for name, colour in AQUIFERS.items():
        ax.scatter([], [], s=12, color=colour, linewidths=0, label=f"wells in {name}")
    _, row, column = grid.indices(problem.observations.cell)
    place = {"marker": "^", "s": 16, "facecolor": "none", "edgecolor": "#222222", "linewidths": 0.7, "zorder": 5}
    ax.scatter(grid.x[column] / 1e3, grid.y[row] / 1e3, label="observation points", **place)


def draw_names(problem: Problem, ax: Axes) -> None:
    """Write the name of each district at its centre."""
    grid = problem.grid
    districts = set(problem.wells[0].attributes["district"])
    for name, mask in problem.context.areas.items():
        if name in districts:
            row, column = np.nonzero(mask)
            weight = grid.area[row, column]
            x, y = np.average(grid.x[column], weights=weight) / 1e3, np.average(grid.y[row], weights=weight) / 1e3
            ax.text(x, y, name, ha="center", va="center", fontsize=7, zorder=6, path_effects=halo(2.0))


if __name__ == "__main__":
    save_figure(draw(load_problem(MODEL)), ROOT / "docs/figures/thai_binh.png", overwrite=True)
