"""In which share of realizations the rules hold: a limit scaled by a factor, looked at in each realization by the full model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.study.constraints import Constraints
from aquirecover.study.decisions import Decision
from aquirecover.study.limits import LimitProblem, LimitSettings
from aquirecover.study.response import Evaluator, SimulateAll

# Largest factor that is looked at.
MOST = 2.0
# Accuracy of the factor up to which the rules hold.
ACCURACY = 1e-3
# Runs after which a search of one realization fails.
MAX_RUNS = 24


@dataclass(frozen=True, eq=False)
class Route:
    """Rates in proportion to a limit: its rates times a factor, each kept within its bounds.

    Parameters
    ----------
    decisions : tuple of Decision
        Of the limit.
    x : ndarray
        The limit, shape ``(n_decision,)``.
    """

    decisions: tuple[Decision, ...]
    x: FloatArray

    def at(self, factor: float) -> FloatArray:
        """Return the values of the decisions; switches stay as in the limit, a room is left at 0."""
        lower, upper = (np.array([getattr(d, side) for d in self.decisions]) for side in ("lower", "upper"))
        acts, whole = (np.array([getattr(d, key) for d in self.decisions]) for key in ("acts", "integer"))
        return np.where(acts, np.clip(factor * self.x, lower, upper), np.where(whole, self.x, 0.0))


@dataclass(frozen=True)
class FactorRange:
    """Factors of a route with which all rules hold.

    Parameters
    ----------
    low, high : float
        Ends of the range, both tried in the full model; NaN when there are none. `high` is within 0.1 % of the factor that breaks
        a rule, or `MOST`.
    worst : str
        Constraint that is broken beyond `high`; without a range, the one that is broken by most where least is pumped.
    excess : float
        By how much that one is broken where least is pumped, by `Constraints.size`; negative where it holds.
    runs : int
        Simulations.
    """

    low: float
    high: float
    worst: str
    excess: float
    runs: int

    @property
    def exists(self) -> bool:
        """Whether the rules hold with any factor."""
        return bool(np.isfinite(self.high))

    def holds(self, factor: float) -> bool:
        """Tell whether the rules hold with a factor."""
        return self.exists and self.low <= factor <= self.high


def factor_range(
    question: LimitProblem, route: Route, simulate_all: SimulateAll, settings: LimitSettings | None = None
) -> FactorRange:
    """Return the factors with which all rules hold in the full model.

    Excesses over all rows are taken for lines between runs, their crossings with 0 are run, and so on until the largest factor
    that holds is known to `ACCURACY`.

    Parameters
    ----------
    question : LimitProblem
        The realization; what its own decisions allow does not matter.
    route : Route
        The rates to try.
    simulate_all : callable
        Runs problems.
    settings : LimitSettings, optional
        Excesses up to their `violation` count as kept.

    Raises
    ------
    ConvergenceError
        When the range is not found in 24 runs.
    """
    return _Search(question, route, simulate_all, (settings or LimitSettings()).violation).run()


class _Search:
    """Runs with some factors and what they show."""

    def __init__(self, question: LimitProblem, route: Route, simulate_all: SimulateAll, violation: float) -> None:
        self.constraints = _plain_rows(question)
        self.route, self.violation = route, violation
        self.evaluator = Evaluator(question.problem, route.decisions, question.families, simulate_all)
        self.excess: dict[float, FloatArray] = {}
        self.dry: set[float] = set()

    def run(self) -> FactorRange:
        idle = self._try(0.0)
        start = self._largest_delivered() if self._holds(0.0) else 1.0
        found = self._inside(start)
        excess = float(idle.max(initial=-1.0)) + self.violation
        if found is None:
            return FactorRange(np.nan, np.nan, self._name(idle), excess, self.evaluator.runs)
        high, worst = self._highest(found)
        return FactorRange(self._lowest(found), high, worst, excess, self.evaluator.runs)

    def _try(self, factor: float) -> FloatArray:
        """Return the excess over each row, relative to 1 plus its side, less what counts as kept; shape ``(n_row,)``."""
        if factor not in self.excess:
            if self.evaluator.runs >= MAX_RUNS:
                raise ConvergenceError(f"The factor up to which the rules hold is not found in {MAX_RUNS} runs.")
            x = self.route.at(factor)
            (outcome,) = self.evaluator.outcomes([x])
            excess = self.constraints.excess(outcome.values, x)
            if not np.isfinite(excess).all():
                raise ConvergenceError("A head or flow of the realization is not a number.")
            self.excess[factor] = excess / self.constraints.size - self.violation
            if outcome.shortfall:
                self.dry.add(factor)
        return self.excess[factor]

    def _name(self, excess: FloatArray) -> str:
        return self.constraints.names[int(excess.argmax())] if excess.size else ""

    def _holds(self, factor: float) -> bool:
        return bool((self._try(factor) <= 0.0).all()) and factor not in self.dry

    def _largest_delivered(self) -> float:
        """Return a factor, 1 or less, whose pumping the wells can deliver."""
        factor = 1.0
        self._try(factor)
        while factor in self.dry and factor > 0.1:
            factor *= 0.5
            self._try(factor)
        return factor

    def _inside(self, start: float) -> float | None:
        """Return a factor with which the rules hold, None when there is none."""
        for factor in (start, 0.0):
            if self._holds(factor):
                return factor
        low, high = _crossings(0.0, self._try(0.0), start, self._try(start))
        if not low < high:
            return None
        middle = 0.5 * (max(low, 0.0) + min(high, MOST))
        return middle if self._holds(middle) else None

    def _highest(self, inside: float) -> tuple[float, str]:
        """Return the largest factor with which the rules hold, and the row that is broken beyond it."""
        while True:
            known = sorted(self.excess)
            good = max(f for f in known if f >= inside and self._holds(f))
            beyond = [f for f in known if f > good]
            other = beyond[0] if beyond else max((f for f in known if f < good), default=0.0)
            if good == other:
                other = MOST
            crossing, worst = self._predicted(good, other)
            if good >= MOST * (1.0 - ACCURACY):
                return MOST, ""
            if crossing <= good * (1.0 + ACCURACY) or (beyond and other <= good * (1.0 + ACCURACY)):
                return good, worst
            target = min(crossing * (1.0 - 0.5 * ACCURACY), MOST)
            if beyond and not good < target < other:
                target = 0.5 * (good + other)
            if target in self.excess:
                return good, worst
            self._try(target)

    def _predicted(self, good: float, other: float) -> tuple[float, str]:
        """Return where a line through two factors first breaks a row, and which; the wells' delivery counts as a row."""
        low, high = (good, other) if good < other else (other, good)
        first, second = self._try(low), self._try(high)
        slope = (second - first) / (high - low)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.where(slope > 0.0, low - first / slope, np.inf)
        crossing = np.where(crossing < good, good, crossing)
        place = int(crossing.argmin()) if crossing.size else 0
        best = float(crossing[place]) if crossing.size else np.inf
        if other in self.dry and other > good and 0.5 * (good + other) < best:
            return 0.5 * (good + other), "delivery of the wells"
        return best, self.constraints.names[place] if np.isfinite(best) else ""

    def _lowest(self, inside: float) -> float:
        """Return the smallest factor with which the rules hold."""
        if self._holds(0.0):
            return 0.0
        low, _ = _crossings(0.0, self._try(0.0), inside, self._try(inside))
        target = low * (1.0 + ACCURACY)
        return target if 0.0 < target < inside and self._holds(target) else inside


def _plain_rows(question: LimitProblem) -> Constraints:
    """Return the rows with what no probability has moved."""
    return replace(question, chance=None).constraints


def _crossings(first: float, a: FloatArray, second: float, b: FloatArray) -> tuple[float, float]:
    """Return the factors between which lines through two excesses are all 0 or less."""
    slope = (b - a) / (second - first)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = first - a / slope
    if ((slope == 0.0) & (a > 0.0)).any():
        return np.inf, -np.inf
    high = crossing[slope > 0.0].min(initial=np.inf)
    low = crossing[slope < 0.0].max(initial=-np.inf)
    return float(low), float(high)


def share_that_holds(ranges: Sequence[FactorRange | None], factor: float) -> float:
    """Return the share of realizations in which the rules hold with a factor; None, a failed one, counts as one that does not."""
    return sum(r is not None and r.holds(factor) for r in ranges) / len(ranges) if ranges else float("nan")


def those_that_can(ranges: Sequence[FactorRange | None]) -> list[FactorRange]:
    """Return the realizations in which the rules hold with some factor."""
    return [r for r in ranges if r is not None and r.exists]


def reliable_factor(ranges: Sequence[FactorRange | None], probability: float) -> float:
    """Return the largest factor with which the rules hold in a share of the realizations, NaN when no factor does."""
    ends = sorted({r.high for r in ranges if r is not None and r.exists}, reverse=True)
    return next((end for end in ends if share_that_holds(ranges, end) >= probability - 1e-12), float("nan"))


def share_band(share: float, n: int, confidence: float = 0.9) -> tuple[float, float]:
    """Return the band of a share that was seen in n samples (Clopper and Pearson 1934, Biometrika 26)."""
    from scipy.special import betaincinv

    seen = round(share * n)
    tail = 0.5 * (1.0 - confidence)
    low = float(betaincinv(seen, n - seen + 1, tail)) if seen else 0.0
    high = float(betaincinv(seen + 1, n - seen, 1.0 - tail)) if seen < n else 1.0
    return low, high


def rank_correlations(samples: FloatArray, result: FloatArray) -> FloatArray:
    """Return Spearman's rank correlations of columns of samples with a result, shape ``(n_column,)``; 0 where nothing varies."""
    from scipy.stats import rankdata

    if result.size < 2:
        return np.zeros(samples.shape[1])
    ranks = rankdata(samples, axis=0)
    ranks = ranks - ranks.mean(axis=0)
    own = rankdata(result)
    own = own - own.mean()
    size = np.sqrt((ranks**2).sum(axis=0) * (own**2).sum())
    found: FloatArray = np.divide(own @ ranks, size, out=np.zeros(samples.shape[1]), where=size > 0.0)
    return found
