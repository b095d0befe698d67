"""Figures of a safe limit: limit against present pumping, and trade-off curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.output.style import INK, PALE, QUIET, SERIES, TWO_COLUMNS, in_style, new_figure, title_figure, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@in_style
def limit_bars(title: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Return bars of the limit of each decision beside its present pumping, with what holds it.

    Parameters
    ----------
    title : str
        Of the limit file.
    rows : sequence of mapping
        ``decision``, ``limit_m3_d``, ``present_m3_d`` and ``held_by``, see `limit_tables`.
    """
    figure = new_figure(24.0 + 7.0 * len(rows))
    ax = figure.subplots()
    place = np.arange(len(rows))[::-1]
    limit, present = (np.array([row[key] for row in rows], dtype=float) / 1e3 for key in ("limit_m3_d", "present_m3_d"))
    ax.barh(place, present, height=0.72, color=PALE, label="present pumping")
    ax.barh(place, limit, height=0.36, color=SERIES[0], label="safe limit")
    most = float(max(limit.max(initial=0.0), np.nan_to_num(present).max(initial=0.0))) or 1.0
    for y, value, now, row in zip(place, limit, np.nan_to_num(present), rows, strict=True):
        text = f"{value:,.2f}" + (f"   {row['held_by']}" if row["held_by"] else "")
        ax.text(max(value, now) + 0.01 * most, y, text, va="center", fontsize=6.5, color=INK if value > 0.0 else QUIET)
    ax.set_yticks(place, [str(row["decision"]) for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0.0, 1.75 * most)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.set_xlabel("Pumping (1,000 m³/d); beside each bar its limit and what holds it")
    ax.legend(loc="lower right")
    title_figure(figure, wrapped(title, 110))
    return figure


@in_style
def trade_off_curve(title: str, label: str, points: Sequence[Mapping[str, Any]]) -> Figure:
    """Return the limit against the side of a rule; sides without a limit are marked on the axis.

    Parameters
    ----------
    title : str
        Of the limit file.
    label : str
        Of the side.
    points : sequence of mapping
        ``side`` and ``limit_m3_d``, the last None where there is no limit.
    """
    figure = new_figure(70.0, 0.6 * TWO_COLUMNS)
    ax = figure.subplots()
    known = [point for point in points if point["limit_m3_d"] is not None]
    side, limit = [point["side"] for point in known], [point["limit_m3_d"] / 1e3 for point in known]
    ax.plot(side, limit, "o-", color=SERIES[0], markersize=3.5)
    none = [point["side"] for point in points if point["limit_m3_d"] is None]
    if none:
        ax.plot(none, np.zeros(len(none)), "x", color=SERIES[1], clip_on=False, label="no limit: the rules contradict each other")
        ax.legend(loc="best")
    ax.set_ylim(bottom=0.0)
    ax.margins(x=0.05)
    ax.set_xlabel(label)
    ax.set_ylabel("Safe limit (1,000 m³/d)")
    title_figure(figure, wrapped(title, 70))
    return figure
