"""Why a limit search has no answer: which constraints cannot hold, by how much, and whose pumping is to blame."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True)
class Shortage:
    """A constraint that cannot hold together with the others.

    Parameters
    ----------
    name, unit : str
        Of the constraint.
    shortage : float
        Least amount by which it must give way, all constraints weighed by their sides.
    idle_shortage : float
        Amount by which it is broken when no decision pumps at all; 0 or less when it then holds.
    alone_shortage : float
        The same when no other well pumps either.
    """

    name: str
    unit: str
    shortage: float
    idle_shortage: float
    alone_shortage: float

    def __str__(self) -> str:
        """Return a sentence for people."""
        text = f"{self.name}: {self.shortage:.3g} {self.unit} beyond its limit"
        if self.idle_shortage <= 0.0:
            return f"{text} together with the other constraints; with no pumping at all it would hold."
        text += f", {self.idle_shortage:.3g} {self.unit} even with no pumping at all"
        if self.alone_shortage <= 0.0:
            return f"{text}; without the pumping of the other wells it would hold."
        return f"{text}, and {self.alone_shortage:.3g} {self.unit} without the pumping of any well."


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
        Shortage(constraints.names[n], constraints.unit[n], float(shortage[n]), float(idle[n]), float(alone[n])) for n in rows
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


def sentences(shortages: Sequence[Shortage], most: int = 10) -> str:
    """Return the worst shortages, a line each, and how many more there are."""
    lines = [str(shortage) for shortage in shortages[:most]]
    if len(shortages) > most:
        lines.append(f"… and {len(shortages) - most} more.")
    return "\n".join(lines)
