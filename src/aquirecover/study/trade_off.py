"""Limits one beside another: curves of supply against what it costs, the fairest level, and the plain method of one factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.study.constraints import Constraints, join
from aquirecover.study.decisions import Decision
from aquirecover.study.limits import LimitProblem, LimitResult, LimitSettings, Objective, find_limit
from aquirecover.study.linear_program import InfeasibleError
from aquirecover.study.response import Evaluator, SimulateAll

# What breaks where wells cannot deliver a rate.
DELIVERY = "delivery of the wells"


def trade_off(
    question: LimitProblem,
    rows: IntArray,
    sides: Sequence[float | FloatArray],
    simulate_all: SimulateAll,
    settings: LimitSettings | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[LimitResult | None]:
    """Return the limit for each of several sides of some constraints: the ε-constraint method.

    Parameters
    ----------
    question : LimitProblem
        What is sought.
    rows : ndarray of int
        Constraints whose finite side is moved, the lower one of those that have none.
    sides : sequence of float or ndarray
        Values it takes in turn, each a number or one for every constraint of `rows`; −inf takes a lower side away.
    simulate_all, settings, progress
        See `limits.find_limit`.

    Returns
    -------
    list of LimitResult or None
        None where no values satisfy all constraints.
    """
    results: list[LimitResult | None] = []
    known = None
    for side in sides:
        constraints = question.constraints
        lower, upper = constraints.lower.copy(), constraints.upper.copy()
        below = np.isfinite(lower[rows]) | ~np.isfinite(upper[rows])
        lower[rows] = np.where(below, side, lower[rows])
        upper[rows] = np.where(np.isfinite(upper[rows]), side, upper[rows])
        moved = replace(question, constraints=replace(constraints, lower=lower, upper=upper))
        try:
            result = find_limit(moved, simulate_all, settings, progress=progress, known=known)
        except InfeasibleError:
            results.append(None)
            continue
        known = result.response
        results.append(result)
    return results


def fairest(question: LimitProblem, rows: IntArray) -> LimitProblem:
    """Return the search for the largest room that all of some constraints have at once: max-min.

    A further decision, ``room``, is the last; the other constraints stay as they are.

    Parameters
    ----------
    question : LimitProblem
        Whose decisions and constraints are used.
    rows : ndarray of int
        Constraints, each of which must keep the room to its side.
    """
    n = len(question.decisions)
    constraints = question.constraints
    some = np.asarray(rows, dtype=np.int64)
    # below an upper side by the room, above a lower side by it
    upper, lower = (_room(constraints, some[np.isfinite(side[some])], n, sign) for side, sign in _sides(constraints))
    room = Decision("room", -np.inf, np.inf)
    objective = Objective(np.append(np.zeros(n), 1.0))
    return replace(
        question, decisions=(*question.decisions, room), constraints=join([constraints, upper, lower]), objective=objective
    )


def _sides(constraints: Constraints) -> tuple[tuple[FloatArray, float], tuple[FloatArray, float]]:
    return (constraints.upper, 1.0), (constraints.lower, -1.0)


def _room(constraints: Constraints, rows: IntArray, decision: int, sign: float) -> Constraints:
    """Return copies of rows that keep a room to one of their sides."""
    place = np.full(constraints.n, -1)
    place[rows] = np.arange(rows.size)
    kept, own = place[constraints.row] >= 0, place[constraints.decision_row] >= 0
    infinite = np.full(rows.size, np.inf)
    upper = sign > 0.0
    return Constraints(
        tuple(f"room of {constraints.names[row]}" for row in rows),
        tuple(constraints.unit[row] for row in rows),
        -infinite if upper else constraints.lower[rows],
        constraints.upper[rows] if upper else infinite,
        place[constraints.row[kept]],
        constraints.quantity[kept],
        constraints.coefficient[kept],
        np.concatenate([place[constraints.decision_row[own]], np.arange(rows.size)]),
        np.concatenate([constraints.decision[own], np.full(rows.size, decision)]),
        np.concatenate([constraints.decision_coefficient[own], np.full(rows.size, sign)]),
    )


@dataclass(frozen=True)
class FactorStep:
    """A step of the plain method: a factor, the largest excess over a constraint by its size, and its name."""

    factor: float
    excess: float
    worst: str


def bisect_factor(
    question: LimitProblem,
    present: FloatArray,
    simulate_all: SimulateAll,
    most: float = 10.0,
    tolerance: float = 1e-4,
    progress: Callable[[str], None] | None = None,
    violation: float = 1e-6,
) -> list[FactorStep]:
    """Return the steps of a search for the largest factor on present rates that keeps every constraint, the answer last.

    A method that can be followed by hand: a run of the full model a step, and the factor halfway between one that holds and one
    that does not.

    Parameters
    ----------
    question : LimitProblem
        Whose constraints must hold; its objective and the bounds of its decisions are left aside.
    present : ndarray
        Rates at factor 1, shape ``(n_decision,)``; m³/d.
    simulate_all : callable
        Runs problems.
    most : float
        Largest factor.
    tolerance : float
        Width of the last interval.
    progress : callable, optional
        Called with a line of text after each run.

    violation : float
        Excess up to which constraints hold.

    Raises
    ------
    InfeasibleError
        When constraints do not even hold with factor 0.
    """
    evaluator = Evaluator(question.problem, question.decisions, question.families, simulate_all)
    constraints = question.constraints

    def tried(factor: float) -> FactorStep:
        x = factor * present
        (outcome,) = evaluator.outcomes([x])
        excess, worst = constraints.worst(outcome.values, x)
        step = FactorStep(factor, np.inf if outcome.shortfall else excess, DELIVERY if outcome.shortfall else worst)
        if progress is not None:
            progress(f"bisection: factor {factor:.6g} {'holds' if step.excess <= violation else 'breaks ' + step.worst}")
        return step

    steps = [tried(0.0)]
    if steps[0].excess > violation:
        raise InfeasibleError(
            f"{steps[0].worst} does not hold even when nothing is pumped, so that no factor can be halved from there."
        )
    steps.append(tried(most))
    low, high = 0.0, most
    if steps[-1].excess <= violation:
        return steps
    while high - low > tolerance:
        steps.append(tried(0.5 * (low + high)))
        low, high = (steps[-1].factor, high) if steps[-1].excess <= violation else (low, steps[-1].factor)
    if steps[-1].factor != low:
        steps.append(next(step for step in reversed(steps) if step.factor == low))
    return steps
