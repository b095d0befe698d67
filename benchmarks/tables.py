"""Numbers and tables for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

Record = dict[str, Any]


def table(header: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; names of columns are parted by bars."""
    lines = [header, " | ".join("---" for _ in header.split("|")), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with so many significant digits; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0.0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -3:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{round(value, digits - 1 - size):,.{max(0, digits - 1 - size)}f}"


def seconds(value: float | None) -> str:
    """Return a time: ms below a tenth of a second."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{number(1e3 * value)} ms" if value < 0.1 else f"{number(value, 3 if value >= 1.0 else 2)} s"


def metres(value: float | None) -> str:
    """Return a head difference."""
    return "–" if value is None else f"{number(value)} m"


def times(value: float | None) -> str:
    """Return how many times faster."""
    return "–" if value is None else f"{number(value)} ×"


def reason(record: Record) -> str:
    """Return the sentence for a part without numbers."""
    return f"Not measured: {record['missing']}.\n"


def name_of(problem: str) -> str:
    """Return the name of a problem for people."""
    return (
        f"Thai Binh, {problem.partition('/')[2].replace('km', ' km').replace('m', ' m').replace('k m', 'km')}"
        if "/" in problem
        else problem
    )


def ratio(record: Record, threads: int) -> float | None:
    """Return how many times faster a problem runs natively than by MODFLOW 6; None where one of them was not measured."""
    engines = record.get("engines", {})
    ours, theirs = engines.get(f"native {threads}", {}), engines.get("modflow6", {})
    if "seconds" not in ours or "seconds" not in theirs:
        return None
    return float(theirs["seconds"] / ours["seconds"])


def per_digits(solve: Record) -> float:
    """Return the iterations for a reduction of the residual by 1e-6, of a solve that went a little further in whole ones."""
    return float(solve["iterations"]) * min(1.0, -6.0 / math.log10(solve["reached"])) if solve["reached"] > 0.0 else math.nan
