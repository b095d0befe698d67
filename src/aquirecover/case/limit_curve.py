"""Trade-off curves of limit files: which number or day of a rule is moved, and the sides that its constraints then have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aquirecover.case.limit_rule_config import (
    AnyLimitRule,
    Difference,
    Flux,
    Front,
    Gradient,
    Level,
    Recovery,
    Storage,
)
from aquirecover.case.limit_sum_config import LinearSum, Supply
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.study.limits import LimitProblem

# The sides of a rule's constraints, None when something is wrong with it.
SidesOf = Callable[[AnyLimitRule], FloatArray | None]


@dataclass(frozen=True)
class Moved:
    """What a curve moves.

    Parameters
    ----------
    key : str
        Of the rule.
    label : str
        For people, with its unit.
    """

    key: str
    label: str


@dataclass(frozen=True, eq=False)
class Curve:
    """A trade-off curve to be found.

    Parameters
    ----------
    rule : str
        Name of the rule.
    label : str
        What is moved.
    values : tuple of float or date
        That it takes in turn.
    question : LimitProblem
        Whose constraints are moved.
    rows : ndarray of int
        Those constraints.
    sides : tuple of ndarray
        Of the rows, for each value.
    """

    rule: str
    label: str
    values: tuple[float, ...] | tuple[date, ...]
    question: LimitProblem
    rows: IntArray
    sides: tuple[FloatArray, ...]


def moved_by_number(rule: AnyLimitRule) -> Moved | None:
    """Return which number of a rule a curve moves, None when it has none, or more than one."""
    match rule:
        case Recovery() if rule.area_share is None:
            return Moved("share", f"Share of the fall that is recovered by {rule.by}")
        case Front():
            return Moved("gradient", "Least gradient into the saline area")
        case Storage():
            return Moved("share", "Share of the stored water that remains")
        case Level() if rule.law is not None:
            return Moved("share_of_depth", "Share of the lawful depth below ground that levels may use")
        case Level() if rule.depth is not None:
            return Moved("depth", "Greatest depth of levels below ground (m)")
        case Level() if rule.elevation is not None:
            return Moved("elevation", "Lowest level (m)")
        case Level():
            return Moved("highest", "Highest level (m)")
        case Difference():
            return _one_side(rule, {"least": "Least difference of heads (m)", "most": "Largest difference of heads (m)"})
        case Gradient():
            return _one_side(rule, {"least": "Least gradient", "most": "Largest gradient"})
        case Flux():
            return _one_side(rule, {"least": "Least flow (m³/d)", "most": "Largest flow (m³/d)"})
        case Supply():
            each = f" of each {rule.each.replace('_', ' ')}" if rule.each else ""
            sides = {
                "least": f"Least supply{each} (m³/d)",
                "most": f"Largest supply{each} (m³/d)",
                "least_times_present": f"Least supply{each} as a multiple of the present",
                "most_times_present": f"Largest supply{each} as a multiple of the present",
            }
            return _one_side(rule, sides)
        case LinearSum():
            return _one_side(rule, {"least": "Least sum", "most": "Largest sum"})
    return None


def _one_side(rule: AnyLimitRule, labels: dict[str, str]) -> Moved | None:
    given = [key for key in labels if getattr(rule, key) is not None]
    return Moved(given[0], labels[given[0]]) if len(given) == 1 else None


def sides_by_number(moved: Moved, rule: AnyLimitRule, values: Sequence[float], sides_of: SidesOf) -> tuple[FloatArray, ...]:
    """Return the sides of a rule's constraints for values of its number, on which they depend linearly; () when they do not.

    Parameters
    ----------
    moved : Moved
        The number.
    rule : rule of a limit file
        As it stands.
    values : sequence of float
        That the number takes.
    sides_of : callable
        Returns the sides of a rule, shape ``(n_row,)``, or None when something is wrong.
    """
    none, one = (sides_of(rule.model_copy(update={moved.key: value})) for value in (0.0, 1.0))
    if none is None or one is None or not (one != none).any():
        return ()
    return tuple(none + value * (one - none) for value in values)


def sides_by_day(side: FloatArray, end: FloatArray, days: Sequence[float]) -> tuple[FloatArray, ...]:
    """Return lower sides of constraints that hold from a day on, none before it.

    Parameters
    ----------
    side : ndarray
        Lower sides where they hold, shape ``(n_row,)``.
    end : ndarray
        When the step of each ends, infinite for those that always hold, shape ``(n_row,)``; d.
    days : sequence of float
        The days in turn.
    """
    return tuple(np.where(end >= day - 1e-6, side, -np.inf) for day in days)
