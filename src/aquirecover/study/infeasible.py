"""Why a limit search has no answer: which constraints cannot hold, by how much, and whose pumping is to blame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.study import linear_program
from aquirecover.study.decisions import given_rates, rates, with_rates
from aquirecover.study.limits import LimitProblem, first_values
from aquirecover.study.linear_program import LinearProgram
from aquirecover.study.quantities import read
from aquirecover.study.response import Evaluator, SimulateAll

# Shares of the side of a constraint, and of 1, that count as kept.
KEPT = 1e-7
# Amounts that differ by less than this share of each other are told as one.
SAME = 0.005


@dataclass(frozen=True)
class Shortage:
    """A constraint that cannot hold together with the others.

    Parameters
    ----------
    row : int
        Its number.
    name, unit : str
        Of the constraint.
    above : bool
        It has an upper side only, which is exceeded; otherwise it falls below its lower side.
    shortage : float
        Least amount by which it must give way, all constraints weighed by their sides.
    idle_shortage : float
        Amount by which it is broken when no decision pumps at all; 0 or less when it then holds.
    alone_shortage : float
        The same when no other well pumps either.
    """

    row: int
    name: str
    unit: str
    above: bool
    shortage: float
    idle_shortage: float
    alone_shortage: float

    def __str__(self) -> str:
        """Return a sentence for people."""
        return f"{self.name}: {self.told()}"

    def told(self) -> str:
        """Return the sentence without its beginning, the name."""
        unit, side = self.unit if self.unit != "1" else "", "above" if self.above else "below"
        amount, idle, alone = (
            f"{amount:.3g} {unit}".strip() for amount in (self.shortage, self.idle_shortage, self.alone_shortage)
        )
        if self.idle_shortage <= 0.0:
            return f"{amount} {side} its limit together with the other rules; with no pumping at all it would hold."
        if abs(self.shortage - self.idle_shortage) <= SAME * self.idle_shortage:
            text = f"{idle} {side} its limit even with no pumping at all"
        else:
            text = f"{amount} {side} its limit, {idle} even with no pumping at all"
        if self.alone_shortage <= 0.0:
            return f"{text}; without the neighbours' pumping it would hold."
        if abs(self.alone_shortage - self.idle_shortage) <= SAME * self.idle_shortage:
            return f"{text}, whatever the neighbours pump."
        return f"{text}, and {alone} without the neighbours' pumping too."


def explain(question: LimitProblem, simulate_all: SimulateAll) -> list[Shortage]:
    """Return the constraints that give way when all others hold, the largest shortage relative to its side first.

    An elastic program finds the least sum of shortages, each divided by 1 plus the side of its constraint (Chinneck 2008,
    Feasibility and Infeasibility in Optimization, section 6.1), with the response of the heads at the least pumping. An empty
    list means that the constraints can hold together there.

    Parameters
    ----------
    question : LimitProblem
        That has no answer.
    simulate_all : callable
        Runs problems.
    """
    evaluator = Evaluator(question.problem, question.decisions, question.families, simulate_all)
    idle = first_values(question.decisions)
    question, _ = question.held_at(idle)
    response = evaluator.response(idle)
    matrix, constant = question.constraints.matrix(response)
    constraints = question.constraints
    program = LinearProgram(
        np.zeros(len(question.decisions)),
        matrix,
        constraints.lower - constant,
        constraints.upper - constant,
        np.array([d.lower for d in question.decisions]),
        np.array([d.upper for d in question.decisions]),
        np.array([d.integer for d in question.decisions]),
    )
    side = np.where(np.isfinite(constraints.upper), constraints.upper, constraints.lower)
    shortage = _least_shortages(program, 1.0 + np.abs(side))
    rows = np.flatnonzero(shortage > KEPT * (1.0 + np.abs(side)))
    rows = rows[np.argsort(-(shortage / (1.0 + np.abs(side)))[rows], kind="stable")]
    if not rows.size:
        return []
    idle, alone = _idle(question, evaluator)
    return [
        Shortage(
            int(n),
            constraints.names[n],
            constraints.unit[n],
            bool(np.isneginf(constraints.lower[n])),
            float(shortage[n]),
            float(idle[n]),
            float(alone[n]),
        )
        for n in rows
    ]


def _least_shortages(program: LinearProgram, scale: FloatArray) -> FloatArray:
    """Return the shortage of each row in the elastic program; rows come in as they break."""
    n, n_row = program.lower.size, program.row_lower.size
    used = np.zeros(n_row, dtype=bool)
    while True:
        rows = np.flatnonzero(used)
        # each row in use may exceed its upper side by one unknown and stay below its lower side by another
        slack = np.eye(rows.size)
        elastic = LinearProgram(
            np.concatenate([program.objective, -1.0 / scale[rows], -1.0 / scale[rows]]),
            np.concatenate([program.matrix[rows], -slack, slack], axis=1),
            program.row_lower[rows],
            program.row_upper[rows],
            np.concatenate([program.lower, np.zeros(2 * rows.size)]),
            np.concatenate([program.upper, np.full(2 * rows.size, np.inf)]),
            np.concatenate([program.integer, np.zeros(2 * rows.size, dtype=bool)]),
        )
        x = linear_program.solve(elastic).x
        activity = program.matrix @ x[:n]
        excess = np.maximum(activity - program.row_upper, program.row_lower - activity)
        fresh = np.flatnonzero(~used & (excess > KEPT * scale))
        if not fresh.size:
            return np.maximum(excess, 0.0)
        used[fresh[np.argsort(-(excess / scale)[fresh], kind="stable")[: linear_program.ROWS]]] = True


def _idle(question: LimitProblem, evaluator: Evaluator) -> tuple[FloatArray, FloatArray]:
    """Return the excess of each row when no decision pumps, and when no well does."""
    x = np.array([0.0 if d.acts else max(d.lower, min(0.0, d.upper)) for d in question.decisions])
    (idle,) = evaluator.outcomes([x])
    nothing = np.zeros_like(given_rates(evaluator.problem))
    (result,) = evaluator.simulate_all([with_rates(evaluator.problem, nothing)])
    alone = read(result, evaluator.cell, evaluator.families, rates(with_rates(evaluator.problem, nothing), (), np.zeros(0)))
    constraints = question.constraints
    return constraints.excess(idle.values, x), constraints.excess(alone, x)


def sentences(
    shortages: Sequence[Shortage], place: Sequence[str] | None = None, date: Sequence[str] | None = None, most: int = 10
) -> str:
    """Return the worst shortages, a line for each place with its worst date, and how many more places there are.

    Parameters
    ----------
    shortages : sequence of Shortage
        Most severe first.
    place, date : sequence of str, optional
        Where and when each constraint holds, by its number; without them every constraint is a place of its own. Dates ascend
        as texts.
    most : int
        Lines.
    """
    lines = list(_lines(shortages, place, date))
    if len(lines) > most:
        more = len(lines) - most
        lines = [*lines[:most], f"… and {more} more {'place' if more == 1 else 'places'}."]
    return "\n".join(lines)


def _lines(shortages: Sequence[Shortage], place: Sequence[str] | None, date: Sequence[str] | None) -> Iterator[str]:
    """Yield a sentence for each place."""
    if place is None or date is None:
        yield from (_capital(str(shortage)) for shortage in shortages)
        return
    groups: dict[str, list[Shortage]] = {}
    for shortage in shortages:
        groups.setdefault(place[shortage.row], []).append(shortage)
    for where, own in groups.items():
        dates = sorted({date[shortage.row] for shortage in own} - {""})
        when = f", {date[own[0].row]}" if dates else ""
        since = f" (short on {len(dates)} dates from {dates[0]} to {dates[-1]})" if len(dates) > 1 else ""
        yield _capital(f"{where}{when}{since}: {own[0].told()}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
