"""How figures look: sizes of a printed page, a font with all Vietnamese letters, colours that colour-blind people tell apart."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ONE_COLUMN, TWO_COLUMNS = 90.0, 190.0
MM = 1.0 / 25.4
INK, QUIET, PALE = "#222222", "#6e6e6e", "#d9d9d9"
WATER = "#5b8db8"
# Okabe and Ito (2008), without yellow, which is too light for a line
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 4.0,
    "axes.labelsize": 8.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#444444",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.xmargin": 0.0,
    "text.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.3,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "hatch.linewidth": 0.4,
    "hatch.color": "#bdbdbd",
    "savefig.dpi": 200,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "svg.fonttype": "none",
    "svg.hashsalt": "aquirecover",
    "pdf.fonttype": 42,
    "path.simplify": True,
}

P = ParamSpec("P")
R = TypeVar("R")


def in_style(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function that makes or saves a figure under `STYLE`, and leave matplotlib's settings as they were."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib as mpl

        with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # the stubs name every key
            return function(*args, **kwargs)

    return wrapped


def new_figure(height: float, width: float = TWO_COLUMNS) -> Figure:
    """Return an empty figure of a size in millimetres, drawn by Agg."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * MM, height * MM), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def title_figure(figure: Figure, text: str) -> None:
    """Write what all panels of a figure show above them."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=9.0)


def letter(axes: Iterable[Axes], titles: Sequence[str] = (), size: float | None = None) -> None:
    """Give each of several axes a panel letter before its title; a lone one gets only its title."""
    panels = list(axes)
    for i, ax in enumerate(panels):
        title = titles[i] if i < len(titles) else ""
        name = "abcdefghijklmnopqrstuvwxyz"[i % 26] * (1 + i // 26)
        ax.set_title(f"{name}   {title}".rstrip() if len(panels) > 1 else title, fontsize=size)


def wrapped(text: str, width: int = 26) -> str:
    """Return text in lines of about `width` letters."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def long_date(text: str) -> str:
    """Return ``2021-01-01`` as ``1 January 2021``."""
    day = date.fromisoformat(text)
    return f"{day.day} {day:%B} {day.year}"


def line_style(number: int) -> dict[str, Any]:
    """Return colour and dashes of the n-th series: colours first, then the dashes tell them apart too."""
    return {"color": SERIES[number % len(SERIES)], "linestyle": DASHES[number // len(SERIES) % len(DASHES)]}


def spread(position: ArrayLike, gap: ArrayLike, low: float, high: float) -> np.ndarray:
    """Return positions as near to the given ones as a least `gap` between neighbours allows, inside low..high where they fit.

    Neighbours that are too close are merged into blocks that sit on the mean of their members (pool adjacent violators).
    """
    wanted = np.asarray(position, dtype=np.float64)
    gaps = np.broadcast_to(np.asarray(gap, dtype=np.float64), wanted.shape)
    order = np.argsort(wanted, kind="stable")
    half = 0.5 * gaps[order]
    offset = np.concatenate(([0.0], np.cumsum(half[1:] + half[:-1])))
    blocks: list[list[float]] = []  # sum and count of what is left when the offsets are taken away
    for value in wanted[order] - offset:
        blocks.append([value, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    level = np.concatenate([np.full(int(count), total / count) for total, count in blocks]) if blocks else np.zeros(0)
    level = np.clip(level, low + half[:1].sum(), max(high - offset[-1:].sum() - half[-1:].sum(), low + half[:1].sum()))
    result = np.empty_like(wanted)
    result[order] = level + offset
    return result


def label_ends(ax: Axes, ends: Sequence[tuple[float, str, str]], height: float, line_height: float = 3.3) -> None:
    """Write the name of each line at its right end, outside the axes, moved apart where they would overlap.

    Parameters
    ----------
    ax : Axes
        With its final limits.
    ends : sequence of tuple
        Last y in data units, name, colour.
    height : float
        Height of the axes, mm.
    line_height : float
        Height of a line of text, mm.
    """
    low, high = ax.get_ylim()
    share = np.array([(y - low) / (high - low) for y, _, _ in ends])
    gap = [line_height * (1.1 + text.count("\n")) / height for _, text, _ in ends]
    for (_, text, colour), at, y in zip(ends, spread(share, gap, -0.1, 1.1), share, strict=True):
        ax.annotate(
            text,
            xy=(1.0, y),
            xytext=(1.035, at),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontsize=7.5,
            linespacing=1.05,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.5,
                "shrinkA": 1.5,
                "shrinkB": 0.5,
                "relpos": (0.0, 0.5),
            },
        )


def halo(width: float = 1.8, alpha: float = 1.0) -> list[Any]:
    """Return the white edge that keeps letters readable on colours and lines."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="white", alpha=alpha)]


def finish_time_axis(ax: Axes, dated: bool, most: int = 9) -> None:
    """Label a time axis with plain years, or with days; at `most` so many ticks."""
    from matplotlib import dates

    if not dated:
        ax.set_xlabel("Time (d)")
        return
    ax.xaxis_date()
    ax.xaxis.set_major_locator(dates.AutoDateLocator(minticks=min(4, most - 1), maxticks=most))  # type: ignore[no-untyped-call]
    formatter = dates.ConciseDateFormatter(ax.xaxis.get_major_locator(), show_offset=False)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(formatter)
