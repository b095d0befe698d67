"""The figures of docs/performance.md, drawn from the stored numbers: rows of dots and bars; `curves` has the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import curves, native
from benchmarks.problems import NAMES
from benchmarks.systems import SYSTEMS
from benchmarks.tables import Record, name_of, number, ratio, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmarks.store import Store

MODFLOW, ONE, TWO = "#8c8c8c", "#56B4E9", "#0072B2"
ENGINES = {"modflow6": ("MODFLOW 6", MODFLOW), "native 1": ("native, 1 thread", ONE), "native 2": ("native, 2 threads", TWO)}
SOLVERS = {
    "native": ("native, 1 thread", ONE), "native, 2 threads": ("native, 2 threads", TWO), "SuperLU": ("SuperLU", MODFLOW),
    "pyamg, smoothed aggregation": ("pyamg, smoothed aggregation", "#E69F00"),
    "pyamg, Ruge and Stüben": ("pyamg, Ruge and Stüben", "#D55E00"),
}  # fmt: skip
# Points from the right end of a row to its size, and to the end of its last text.
SIZE_AT, RIGHT_AT = 8.0, 96.0
SPLIT = dict(zip(native.KINDS, ("#999999", "#E69F00", "#0072B2", "#009E73", "#CC79A7", "#d9d9d9"), strict=True))


def draw_all(store: Store, folder: Path) -> list[str]:
    """Draw every figure that has numbers; return the names of their files."""
    from aquirecover.output.style import in_style

    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw in FIGURES.items():
        figure = in_style(draw)(store)
        path = folder / f"performance_{name}.png"
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        in_style(figure.savefig)(path, metadata={"Software": None})
        drawn.append(path.name)
    return drawn


def measured_runs(store: Store) -> dict[str, Record]:
    """Return the runs with numbers by problem."""
    return {name: record for name, record in store.of("runs", NAMES).items() if "engines" in record}


def draw_runs(store: Store) -> Figure | None:
    """Draw the time of each problem by each engine, and how many times faster the native one is at its best."""
    rows = []
    for problem, record in measured_runs(store).items():
        found = {name: run["seconds"] for name, run in record["engines"].items() if "seconds" in run}
        best = [value for value in (ratio(record, 1), ratio(record, 2)) if value is not None]
        size = f"{record['cells']:,} × {record['steps']}"
        rows.append((name_of(problem), size, found, f"{number(max(best))} ×" if best else ""))
    return _dots(rows, ENGINES, "Time from problem in memory to heads and budget on disk (s)", "cells × steps")


def draw_systems(store: Store) -> Figure | None:
    """Draw the time of set-up and solve of single systems by solver."""
    rows = []
    for record in store.of("systems", SYSTEMS).values():
        found = {name: run["seconds"] for name, run in record.get("solvers", {}).items() if "seconds" in run}
        if found:
            size = f"{record['solvers']['native']['unknowns']:,}"
            rows.append((f"{name_of(record['problem'])}, {record['kind']}", size, found, ""))
    return _dots(rows, SOLVERS, "Time of set-up and solve to a residual of 1e-9 (s)", "unknowns")


def _dots(
    rows: list[tuple[str, str, dict[str, float], str]], names: dict[str, tuple[str, str]], what: str, of_size: str
) -> Figure | None:
    """Draw a row of dots for each case: its name, its size, a number by kind, and a text at the right."""
    from aquirecover.output.style import INK, QUIET, new_figure

    if not rows:
        return None
    figure = new_figure(22.0 + 6.5 * len(rows), 160.0)
    ax = figure.subplots()
    shown: set[str] = set()
    beside: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
    for row, (_, size, found, right) in enumerate(rows):
        ax.plot([min(found.values()), max(found.values())], [row, row], color="#d9d9d9", linewidth=1.0, zorder=1)
        for kind, (label, colour) in names.items():
            if kind in found:
                once = label if kind not in shown else None
                ax.plot(found[kind], row, "o", color=colour, markersize=6.5, markeredgecolor="white", label=once, zorder=3)
                shown.add(kind)
        ax.annotate(size, (1.0, row), xytext=(SIZE_AT, 0), color=QUIET, fontsize=7.0, **beside)
        ax.annotate(right, (1.0, row), xytext=(RIGHT_AT, 0), color=INK, ha="right", fontweight="bold", **beside)
    ax.annotate(of_size, (1.0, -0.85), xytext=(SIZE_AT, 0), color=QUIET, fontsize=7.0, **beside)
    if any(right for *_, right in rows):
        ax.annotate("faster", (1.0, -0.85), xytext=(RIGHT_AT, 0), ha="right", color=QUIET, fontsize=7.0, **beside)
    _name_rows(ax, [name for name, *_ in rows], 0.45)
    ax.set(xscale="log", xlabel=what)
    ax.margins(x=0.04)
    curves.plain_ticks(ax.xaxis)
    ax.grid(axis="x", color="#ececec", linewidth=0.6)
    ax.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=3, handletextpad=0.2)
    return figure


def _name_rows(ax: Axes, names: list[str], space: float) -> None:
    """Name the rows of a figure, the first at the top."""
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(len(names) - 1.0 + space, -space)


def draw_split(store: Store) -> Figure | None:
    """Draw the share of each kind of work in the native runs with one thread."""
    from aquirecover.output.style import INK, new_figure

    runs = {name: record["engines"].get("native 1", {}) for name, record in measured_runs(store).items()}
    runs = {name: run for name, run in runs.items() if "split_s" in run}
    if not runs:
        return None
    figure = new_figure(20.0 + 6.0 * len(runs), 160.0)
    ax = figure.subplots()
    for row, run in enumerate(runs.values()):
        left = 0.0
        for kind, colour in SPLIT.items():
            share = 100.0 * run["split_s"].get(kind, 0.0) / run["seconds"]
            ax.barh(row, share, 0.74, left, color=colour, edgecolor="white", linewidth=0.6, label=kind if row == 0 else None)
            if share > 6.0:
                letters = INK if kind == "other" else "white"
                ax.text(left + 0.5 * share, row, f"{share:.0f}", ha="center", va="center", fontsize=7.0, color=letters)
            left += share
        beside: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
        ax.annotate(seconds(run["seconds"]), (1.0, row), xytext=(38.0, 0), ha="right", **beside)
    _name_rows(ax, [name_of(name) for name in runs], 0.5)
    ax.set(xlim=(0.0, 100.0), xlabel="Share of the time with one thread (%)")
    figure.legend(loc="outside upper center", ncols=6, columnspacing=1.2, handlelength=1.0)
    return figure


FIGURES = {
    "runs": draw_runs, "split": draw_split, "systems": draw_systems, "sizes": curves.draw_sizes,
    "time_steps": curves.draw_time_steps, "many": curves.draw_many,
}  # fmt: skip
