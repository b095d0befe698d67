"""Figures of docs/performance.md with curves: cost against size, against steps, against scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import fields
from benchmarks.tables import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from benchmarks.store import Store

AIM: dict[str, Any] = {"color": "#9a9a9a", "linewidth": 0.8, "linestyle": (0, (4, 3)), "zorder": 0}


def plain_ticks(axis: Axis, decades: bool = False) -> None:
    """Label a logarithmic axis with plain numbers at 1, 2 and 5, or at whole decades."""
    from matplotlib import ticker

    axis.set_major_locator(ticker.LogLocator(subs=(1.0,) if decades else (1.0, 2.0, 5.0), numticks=20))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}" if value < 1e4 else f"{value:,.0f}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def draw_sizes(store: Store) -> Figure | None:
    """Draw the time per cell, and the iterations, against the number of cells."""
    from aquirecover.output.style import QUIET, SERIES, label_ends, letter, new_figure

    records = {kind: record["sizes"] for kind, record in store.of("sizes", fields.KINDS).items() if "sizes" in record}
    march = [run for run in store["march"].get("sizes", []) if run["threads"] == 1]
    if not records or not march:
        return None
    figure = new_figure(80.0)
    cost, count = figure.subplots(1, 2)
    base = next(iter(records.values()))
    lines = {
        "hierarchy": _per_cell(base, lambda run: run["steady"]["hierarchy_s"]),
        "solve": _per_cell(base, lambda run: run["steady"]["solve_s"]),
        "warm step": _per_cell(march, lambda run: run["warm_step_s"]),
        "work unit": _per_cell(base, lambda run: run["work_unit_s"]),
    }
    for colour, (x, y) in zip(SERIES, lines.values(), strict=False):
        cost.plot(x, y, "o-", color=colour, markersize=3.5)
    cost.set(xscale="log", yscale="log", xlabel="Cells", ylabel="Time per cell (ns)")
    cost.grid(color="#f0f0f0", linewidth=0.5)
    plain_ticks(cost.yaxis)
    _label_logarithmic(cost, [(y[-1], name, colour) for colour, (name, (_, y)) in zip(SERIES, lines.items(), strict=False)])
    for i, runs in enumerate(records.values()):
        style = "o-" if i < len(SERIES) else "o--"
        cells = [run["cells"] for run in runs]
        count.plot(cells, [run["steady"]["iterations"] for run in runs], style, color=SERIES[i % len(SERIES)], markersize=3.5)
    count.axhline(8.0, **AIM)
    count.annotate(
        "aim",
        (0.0, 8.0),
        xycoords=("axes fraction", "data"),
        xytext=(3, 2),
        textcoords="offset points",
        color=QUIET,
        fontsize=7.0,
    )
    most = max(run["steady"]["iterations"] for runs in records.values() for run in runs)
    count.set(xscale="log", xlabel="Cells", ylabel="Iterations to a residual of 1e-6", ylim=(0.0, 1.08 * max(most, 9)))
    ends = [(runs[-1]["steady"]["iterations"], kind, SERIES[i % len(SERIES)]) for i, (kind, runs) in enumerate(records.items())]
    label_ends(count, ends, 58.0)
    for ax in (cost, count):
        ax.margins(x=0.04)
        ax.set_axisbelow(True)
    letter((cost, count), ("Time, one thread", "Iterations, steady"))
    return figure


def _per_cell(runs: list[Record], of: Any) -> tuple[list[float], list[float]]:
    """Return cells and nanoseconds per cell."""
    return [run["cells"] for run in runs], [1e9 * of(run) / run["cells"] for run in runs]


def _label_logarithmic(ax: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Write the names of lines at their right ends, y axis logarithmic."""
    from aquirecover.output.style import label_ends

    twin = ax.twinx()
    twin.set_ylim(*np.log10(ax.get_ylim()))
    twin.axis("off")
    label_ends(twin, [(float(np.log10(y)), name, colour) for y, name, colour in ends], 58.0)


def draw_time_steps(store: Store) -> Figure | None:
    """Draw the error of the recovery curve against steps and against linear solves."""
    from aquirecover.output.style import letter, new_figure

    record = store["time_steps"]
    if "schemes" not in record:
        return None
    figure = new_figure(82.0, 170.0)
    axes = figure.subplots(1, 2, sharey=True)
    styles = dict(zip(record["schemes"], (("#999999", "s"), ("#D55E00", "o"), ("#0072B2", "D")), strict=True))
    for ax, key in zip(axes, ("steps", "solves"), strict=True):
        ax.axhline(1e3 * record["goal_m"], **AIM)
        for name, runs in record["schemes"].items():
            colour, marker = styles[name]
            label = name if key == "steps" else None
            errors = [1e3 * run["error_m"] for run in runs]
            ax.plot([run[key] for run in runs], errors, marker=marker, color=colour, markersize=4.0, label=label)
            needed = record["needed"][name][key]
            if needed:
                place: dict[str, Any] = {"xytext": (-4, -9), "textcoords": "offset points", "ha": "right"}
                ax.annotate(f"{needed:.0f}", (needed, 1e3 * record["goal_m"]), color=colour, fontweight="bold", **place)
        ax.set(xscale="log", yscale="log", xlabel={"steps": "Time steps", "solves": "Linear solves"}[key])
        ax.margins(x=0.06)
        plain_ticks(ax.xaxis)
        plain_ticks(ax.yaxis, decades=True)
        ax.grid(color="#f0f0f0", linewidth=0.5)
        ax.set_axisbelow(True)
    _draw_orders(axes[0])
    axes[0].set_ylabel("Largest error of the recovery curve (mm)")
    letter(axes)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def _draw_orders(ax: Axes) -> None:
    """Draw lines of first and second order."""
    from aquirecover.output.style import QUIET

    begin, end, height = 20.0, 45.0, 0.12
    for order in (1, 2):
        bottom = height * (end / begin) ** -order
        ax.plot([begin, end], [height, bottom], color=QUIET, linewidth=0.8)
        ax.annotate(f"order {order}", (end, bottom), xytext=(3, -2), textcoords="offset points", color=QUIET, fontsize=7.0)


def draw_many(store: Store) -> Figure | None:
    """Draw the time of a scenario against how many are asked for at once."""
    from aquirecover.output.style import SERIES, new_figure

    record = store["many"]
    runs = record.get("together", [])
    if not runs:
        return None
    figure = new_figure(70.0, 110.0)
    ax = figure.subplots()
    ax.plot(
        [run["count"] for run in runs], [run["seconds"] / run["count"] for run in runs], "o-", color=SERIES[0], markersize=4.0
    )
    for name, key, colour in (
        ("MODFLOW 6, two at a time", "modflow6", "#8c8c8c"),
        ("native, one by one", "one by one", SERIES[1]),
    ):
        if key in record:
            level = record[key]["seconds"] / record["count"]
            ax.axhline(level, color=colour, linewidth=1.0, linestyle=(0, (4, 3)))
            place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
            ax.annotate(name, (1.0, level), xytext=(0, 3), ha="right", color=colour, fontsize=7.0, **place)
    ax.set(xscale="log", yscale="log", xlabel="Scenarios at once", ylabel="Time of a scenario (s)")
    ax.margins(x=0.05, y=0.1)
    plain_ticks(ax.xaxis)
    plain_ticks(ax.yaxis)
    ax.grid(color="#f0f0f0", linewidth=0.5)
    return figure
