"""A question for the safe limit with what its answer is told by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aquirecover.case.limit_config import Bisection
from aquirecover.case.limit_curve import Curve
from aquirecover.case.limit_decisions import share_of_time
from aquirecover.case.limit_levels import SeasonRows
from aquirecover.case.risk_config import Risk
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.study.limits import LimitProblem, LimitSettings

if TYPE_CHECKING:
    from aquirecover.case.scenario import Case
    from aquirecover.flow.problem import FlowResult


@dataclass(frozen=True, eq=False)
class RowInfo:
    """What a constraint is, for people.

    Parameters
    ----------
    rule : str
        Its name in the file.
    place, aquifer, date : str
        Where and when it holds; empty where that has no meaning.
    x, y : float
        Of its cell; NaN where several count; m.
    """

    rule: str
    place: str
    aquifer: str = ""
    date: str = ""
    x: float = float("nan")
    y: float = float("nan")


@dataclass(frozen=True, eq=False)
class Watched:
    """Mean levels of dry seasons that are looked at.

    Parameters
    ----------
    rule : str
        Whose wells and lawful levels these are.
    seasons : SeasonRows
        What is looked at.
    numbers : ndarray of int
        Of the quantities, by season and place.
    aquifer : tuple of str
        Of each place.
    """

    rule: str
    seasons: SeasonRows
    numbers: IntArray
    aquifer: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LimitCase:
    """A question for the safe limit with what its answer is told by.

    Parameters
    ----------
    title : str
        Of the file.
    question : LimitProblem
        On the part of the time from the first day of the limit on.
    labels : tuple of mapping
        Labels of each decision, as district and aquifer.
    info : tuple of RowInfo
        Of each constraint.
    rows : mapping of str to ndarray of int
        Constraints of each rule of the file.
    settings : LimitSettings
        Of the search.
    case : Case
        The scenario.
    history : FlowResult
        Simulated to the first day of the limit and on.
    before_pumping : ndarray
        Heads, shape ``(n_layer, n_y, n_x)``; m.
    laws : tuple of str
        Articles that limits were taken from.
    objective_unit : str
        Of what is sought.
    risk : Risk or None
        With which probability the rules are to hold.
    curve : Curve or None
        Asked for beside the limit.
    watched : tuple of Watched
        Dry seasons that are looked at but bound by no constraint.
    bisection : Bisection or None
        The plain method beside the search.
    """

    title: str
    question: LimitProblem
    labels: tuple[Mapping[str, str], ...]
    info: tuple[RowInfo, ...]
    rows: Mapping[str, IntArray]
    settings: LimitSettings
    case: Case
    history: FlowResult
    before_pumping: FloatArray
    laws: tuple[str, ...] = ()
    objective_unit: str = "m3/d"
    risk: Risk | None = None
    curve: Curve | None = None
    watched: tuple[Watched, ...] = ()
    bisection: Bisection | None = None

    def total(self, x: FloatArray) -> float:
        """Return what all wells that are decided pump together, mean over the time of the limit; m³/d."""
        span = share_of_time(self.question.problem.schedule)
        means = ((value, float(d.share @ span[d.period])) for d, value in zip(self.question.decisions, x, strict=True) if d.acts)
        return float(sum(value * share for value, share in means))

    @property
    def places_and_dates(self) -> tuple[list[str], list[str]]:
        """Where and when each constraint holds, for people; rows beyond those of the file have their names."""
        n = len(self.info)
        places = [", ".join(part for part in (info.place, info.aquifer) if part) for info in self.info]
        names = self.question.constraints.names[n:]
        return [*places, *names], [*(info.date[:7] for info in self.info), *("" for _ in names)]
