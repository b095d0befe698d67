"""What MODFLOW 6 says in its listing files: messages, iterations, and its own budget."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_STEP = re.compile(r"VOLUM\w* BUDGET FOR ENTIRE MODEL AT END OF TIME STEP\s+(\d+), STRESS PERIOD\s+(\d+)")
_TERM = re.compile(r"^\s*(\S.*?)\s*=\s*(\S+)\s+\1\s*=\s*(\S+)\s*(\S*)\s*$")
_CALLS = re.compile(r"(\d+) CALLS TO NUMERICAL SOLUTION IN TIME STEP\s+(\d+) STRESS PERIOD\s+(\d+)")
_ITERATIONS = re.compile(r"(\d+) TOTAL ITERATIONS")
_OUTER = re.compile(r"^\s*(?:Model|Linear Solver)\s+(\d+)\s+(\d+)\s+([-+.\dEe]+)\s+(?:\*\s+)?\S*?(\([\d,]+\))\s*$")
_FAILED = re.compile(r"did not converge for stress period\s+(\d+) and time step\s+(\d+)")
_ERROR = re.compile(r"^\s*\d+\.\s+(.*)$")
NORMAL = "Normal termination of simulation"


@dataclass(frozen=True)
class ListedBudget:
    """The budget that MODFLOW printed after one step; rates in m³/d, volumes in m³.

    Parameters
    ----------
    step, period : int
        From 0, the step within its period.
    net : dict of str to float
        Inflow less outflow by package, in capitals; ``STORAGE`` among them.
    total_in, total_out, volume_in, volume_out : float
        Of all terms, of the step and since the start.
    """

    step: int
    period: int
    net: dict[str, float]
    total_in: float
    total_out: float
    volume_in: float
    volume_out: float


@dataclass(frozen=True)
class Iterations:
    """How MODFLOW solved one step.

    Parameters
    ----------
    outer, inner : int
        Iterations.
    largest_change : float
        Of the last outer iteration, m.
    place : str
        Cell of that change, as MODFLOW writes it.
    """

    outer: int
    inner: int
    largest_change: float
    place: str


def read_budgets(path: Path) -> list[ListedBudget]:
    """Return the budgets in the listing file of a model, in order."""
    budgets: list[ListedBudget] = []
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            found = _STEP.search(line)
            if found:
                budgets.append(_read_budget(int(found[1]) - 1, int(found[2]) - 1, stream))
    return budgets


def _read_budget(step: int, period: int, lines: object) -> ListedBudget:
    """Read the table of one step."""
    net: dict[str, float] = {}
    totals = {"TOTAL IN": (0.0, 0.0), "TOTAL OUT": (0.0, 0.0)}
    sign = 1.0
    for line in lines:  # type: ignore[attr-defined]
        if line.strip().startswith("OUT:"):
            sign = -1.0
        if "PERCENT DISCREPANCY" in line:
            break
        found = _TERM.match(line)
        if found is None:
            continue
        name, volume, rate, package = found.groups()
        if name in totals:
            totals[name] = (number(volume), number(rate))
        elif package:
            net[package.upper()] = net.get(package.upper(), 0.0) + sign * number(rate)
    (volume_in, total_in), (volume_out, total_out) = totals["TOTAL IN"], totals["TOTAL OUT"]
    return ListedBudget(step, period, net, total_in, total_out, volume_in, volume_out)


def number(text: str) -> float:
    """Return a number as Fortran writes it, NaN for stars."""
    try:
        return float(text.replace("D", "E"))
    except ValueError:
        # 0.1234-100 stands for 0.1234E-100
        found = re.fullmatch(r"([-+]?[\d.]+)([-+]\d+)", text)
        return float(f"{found[1]}E{found[2]}") if found else float("nan")


def read_iterations(path: Path) -> dict[tuple[int, int], Iterations]:
    """Return the iterations in the listing file of a simulation by period and step, from 0."""
    result: dict[tuple[int, int], Iterations] = {}
    change, place, current = float("nan"), "", (0, 0, 0)
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if line.startswith((" Model", " Linear Solver")):
                found = _OUTER.match(line)
                if found:
                    change, place = abs(number(found[3])), found[4]
            elif " CALLS TO " in line:
                calls = _CALLS.search(line)
                if calls:
                    current = (int(calls[3]) - 1, int(calls[2]) - 1, int(calls[1]))
            elif "TOTAL ITERATIONS" in line:
                total = _ITERATIONS.search(line)
                if total:
                    result[current[:2]] = Iterations(current[2], int(total[1]), change, place)
    return result


def finished_normally(path: Path) -> bool:
    """Tell whether the listing file of a simulation ends with a normal termination."""
    return path.is_file() and NORMAL in tail(path)


def read_failure(path: Path) -> tuple[int, int, Iterations] | None:
    """Return period and step, from 0, of the first step that did not converge, and how it was tried; None when all did."""
    if not path.is_file():
        return None
    outer, inner, change, place = 0, 0, float("nan"), ""
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            tried = _OUTER.match(line)
            if tried:
                number_of_outer = int(tried[1])
                inner = int(tried[2]) + (inner if number_of_outer > 1 else 0)
                outer, change, place = number_of_outer, abs(number(tried[3])), tried[4]
            found = _FAILED.search(line)
            if found:
                return int(found[1]) - 1, int(found[2]) - 1, Iterations(outer, inner, change, place)
    return None


def error_messages(text: str) -> list[str]:
    """Return the messages below the error reports of a text, each on one line; old releases do not number them."""
    messages: list[str] = []
    inside = False
    for line in text.splitlines():
        said = line.strip()
        if said.endswith("ERROR REPORT:"):
            inside, first = True, len(messages)
            continue
        if not inside:
            continue
        found = _ERROR.match(line)
        if found:
            messages.append(found[1].strip())
        elif said and len(messages) > first and line.startswith("     "):
            messages[-1] += f" {said}"
        elif said and not said.startswith(("Stopping", "Run end", "Elapsed")):
            messages.append(said)
        elif len(messages) > first:
            inside = False
    return list(dict.fromkeys(messages))


def tail(path: Path, n: int = 20_000) -> str:
    """Return the end of a text file."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - n))
        return stream.read().decode("utf-8", "replace")
