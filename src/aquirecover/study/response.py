"""How heads and flows respond to the decisions of a limit search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.stresses import Drain, Evapotranspiration, River
from aquirecover.study.decisions import Decision, rates, with_rates
from aquirecover.study.quantities import Quantities, observed, read

# Runs a list of problems that differ in the rates of their wells.
SimulateAll: TypeAlias = Callable[[Sequence[Problem]], Sequence[FlowResult]]

# Change of a decision that its response is found with, as a share of its range: all of it where the flow is linear, so that
# rounding matters least; little of it where it is not.
LINEAR_SHARE, SHARE = 1.0, 1e-3
# Range of a decision without an upper bound; m³/d.
UNBOUNDED = 1e4
# Pumping that counts as delivered, as a share of what is asked.
DELIVERED = 1.0 - 1e-9


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run with some values of the decisions shows.

    Parameters
    ----------
    values : ndarray
        Of all quantities, shape ``(n_quantity,)``.
    shortfall : dict of str to float
        Largest share of its rate that a well could not deliver in any step, by well; 1.
    """

    values: FloatArray
    shortfall: dict[str, float]


@dataclass(frozen=True, eq=False)
class Response:
    """Quantities at some values of the decisions, and their derivatives there.

    Parameters
    ----------
    at : ndarray
        Values of the decisions, shape ``(n_decision,)``.
    outcome : Outcome
        Of the run with them.
    slope : ndarray
        Shape ``(n_quantity, n_decision)``; unit of the quantity per m³/d.
    """

    at: FloatArray
    outcome: Outcome
    slope: FloatArray

    def values(self, x: FloatArray) -> FloatArray:
        """Return the quantities at other values of the decisions as the response has them, shape ``(n_quantity,)``."""
        return self.outcome.values + self.slope @ (x - self.at)


class Evaluator:
    """Runs the model for values of the decisions.

    Parameters
    ----------
    problem : Problem
        The model with the wells that no decision touches.
    decisions : sequence of Decision
        The unknowns.
    families : sequence of Quantities
        What is looked at.
    simulate_all : callable
        Turns problems into results, in their order.
    """

    def __init__(
        self, problem: Problem, decisions: Sequence[Decision], families: Sequence[Quantities], simulate_all: SimulateAll
    ) -> None:
        self.problem, self.cell = observed(problem, families)
        self.decisions = tuple(decisions)
        self.families = tuple(families)
        self.simulate_all = simulate_all
        self.runs = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all quantities."""
        return tuple(name for family in self.families for name in family.names)

    @property
    def linear(self) -> bool:
        """Whether heads respond linearly to any change of the decisions."""
        bent = any(isinstance(stress, (River, Drain, Evapotranspiration)) for stress in self.problem.stresses)
        return not bent and not (self.problem.properties.convertible & self.problem.grid.active).any()

    def outcomes(self, points: Sequence[FloatArray]) -> list[Outcome]:
        """Return what runs with several values of the decisions show."""
        nets = [rates(self.problem, self.decisions, x) for x in points]
        results = self.simulate_all([with_rates(self.problem, net) for net in nets])
        self.runs += len(points)
        pairs = zip(results, nets, strict=True)
        return [Outcome(read(result, self.cell, self.families, net), _shortfall(result)) for result, net in pairs]

    def response(self, x: FloatArray) -> Response:
        """Return quantities and derivatives, from one run and one more for each decision that the aquifer feels.

        A difference is taken towards the middle of a decision's range, so that it stays within its bounds.
        """
        acting = [n for n, decision in enumerate(self.decisions) if decision.acts]
        steps = np.array([self._step(n, x[n]) for n in acting])
        points = [x.copy() for _ in acting]
        for point, n, step in zip(points, acting, steps, strict=True):
            point[n] += step
        base, *others = self.outcomes([x, *points])
        slope = np.zeros((base.values.size, len(self.decisions)))
        for n, step, other in zip(acting, steps, others, strict=True):
            slope[:, n] = (other.values - base.values) / step
        return Response(x, base, slope)

    def _step(self, n: int, value: float) -> float:
        """Return the change of a decision that its response is found with."""
        decision = self.decisions[n]
        upper = decision.upper if np.isfinite(decision.upper) else max(UNBOUNDED, 2.0 * abs(value))
        lower = decision.lower if np.isfinite(decision.lower) else -upper
        span = (upper - lower) or UNBOUNDED
        towards = 1.0 if value <= 0.5 * (lower + upper) else -1.0
        return towards * span * (LINEAR_SHARE if self.linear else SHARE)


def _shortfall(result: FlowResult) -> dict[str, float]:
    """Return the largest share of its rate that each well could not deliver."""
    asked, given = result.pumping_rate, result.pumping_rate_actual
    missing = np.divide(asked - given, asked, out=np.zeros_like(asked), where=asked > 0.0).max(axis=0, initial=0.0)
    names = [name for wells in result.problem.wells for name in wells.names]
    return {names[n]: float(missing[n]) for n in np.flatnonzero(missing > 1.0 - DELIVERED)}
