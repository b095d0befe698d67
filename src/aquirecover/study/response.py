"""How heads and flows respond to the decisions of a limit search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np

from aquirecover.errors import BudgetError, ConfigError, ConvergenceError
from aquirecover.flow.adjoint import SensitivitySettings
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.content import content_key
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.stresses import Drain, Evapotranspiration, River
from aquirecover.study.backward_response import backward_slopes
from aquirecover.study.decisions import Decision, given_rates, rates, with_rates
from aquirecover.study.quantities import Quantities, observed, read
from aquirecover.study.stand_in import rough_gains, with_water_tables
from aquirecover.study.store import Store
from aquirecover.study.time_shift import later, representatives

# Runs problems that differ in the rates of their wells; results may come one after another.
SimulateAll: TypeAlias = Callable[[Sequence[Problem]], Iterable[FlowResult]]

# Change of a decision that its response is found with, as a share of its range: all of it where the flow is linear, so that
# rounding matters least; little of it where it is not.
LINEAR_SHARE, SHARE = 1.0, 1e-3
# Range of a decision without an upper bound; m³/d.
UNBOUNDED = 1e4
# Decisions from which on a search with a water table begins with the response of a linear model that stands in for it.
WORTH = 4
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


@dataclass(frozen=True, eq=False)
class Simulator:
    """Runs the model for a search, and what helps it.

    Parameters
    ----------
    run : callable
        Turns problems into results, in their order.
    adjoint : SensitivitySettings, optional
        With these the quantities may be differentiated backwards; without them runs alone are used.
    store : Store, optional
        Where what is found is kept, and looked for first.
    about : str
        Content of all that results follow from besides the problem: engine, version, settings.
    """

    run: SimulateAll
    adjoint: SensitivitySettings | None = None
    store: Store | None = None
    about: str = ""

    def __call__(self, problems: Sequence[Problem]) -> Iterable[FlowResult]:
        """Return the results of problems, in their order."""
        return self.run(problems)


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
        Turns problems into results, in their order; a `Simulator` where it can do more.

    Attributes
    ----------
    runs : int
        Simulations that what was found rests on, whether they were run now or are of the store.
    """

    def __init__(
        self, problem: Problem, decisions: Sequence[Decision], families: Sequence[Quantities], simulate_all: SimulateAll
    ) -> None:
        self.problem, self.cell = observed(problem, families)
        self.decisions = tuple(decisions)
        self.families = tuple(families)
        self.simulate_all = simulate_all if isinstance(simulate_all, Simulator) else Simulator(simulate_all)
        self.runs = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all quantities."""
        return tuple(name for family in self.families for name in family.names)

    @property
    def linear(self) -> bool:
        """Whether heads respond linearly to any change of the decisions."""
        bent = any(isinstance(stress, (River, Drain, Evapotranspiration)) for stress in self.problem.stresses)
        return not bent and self._confined

    @property
    def _confined(self) -> bool:
        return not (self.problem.properties.convertible & self.problem.grid.active).any()

    @cached_property
    def _content(self) -> str:
        """Key of all that an outcome follows from but the rates."""
        quiet = with_rates(self.problem, np.zeros_like(given_rates(self.problem)))
        return content_key(self.simulate_all.about, quiet, self.families)

    def outcomes(self, points: Sequence[FloatArray]) -> list[Outcome]:
        """Return what runs with several values of the decisions show.

        Each is kept as soon as its run has ended. Runs of a confined model, which go side by side and differ in their last digits
        by what is beside them, are found in the store all or none.
        """
        nets = [rates(self.problem, self.decisions, x) for x in points]
        keys = [content_key(self._content, net) for net in nets] if self.simulate_all.store is not None else []
        found = {n: outcome for n, key in enumerate(keys) if (outcome := self._kept(key)) is not None}
        if self._confined and len(found) < len(points):
            found = {}
        missing = [n for n in range(len(points)) if n not in found]
        self.runs += len(found)
        for n, result in zip(missing, self._results([nets[n] for n in missing]), strict=True):
            found[n] = self._outcome(result, nets[n])
            self._keep(keys[n] if keys else "", found[n])
        return [found[n] for n in range(len(points))]

    def _results(self, nets: Sequence[FloatArray]) -> Iterable[FlowResult]:
        """Run the model with several rates of all wells."""
        self.runs += len(nets)
        return self.simulate_all([with_rates(self.problem, net) for net in nets]) if nets else ()

    def _outcome(self, result: FlowResult, net: FloatArray) -> Outcome:
        return Outcome(read(result, self.cell, self.families, net), _shortfall(result))

    def _kept(self, key: str) -> Outcome | None:
        """Return an outcome of the store."""
        store = self.simulate_all.store
        arrays = None if store is None else store.load(key)
        return None if arrays is None else _outcome_of(arrays)

    def _keep(self, key: str, outcome: Outcome) -> None:
        if self.simulate_all.store is not None:
            self.simulate_all.store.keep(key, _arrays_of(outcome))

    def response(self, x: FloatArray) -> Response:
        """Return quantities and derivatives at values of the decisions, by the way that needs the fewest runs.

        Backwards, from one run and a sweep for each quantity, where there are fewer quantities than decisions; else from a run
        for each decision that the aquifer feels, or, where nothing but rates changes with time, for each of those that are not
        others at a later time.
        """
        acting = [n for n, decision in enumerate(self.decisions) if decision.acts]
        adjoint = self.simulate_all.adjoint
        if adjoint is not None and 0 < len(self.names) < len(acting):
            # heads of dry cells that nothing determines have no derivatives: runs tell what becomes of them
            with suppress(*(() if self._confined else (ValueError, ConvergenceError))):
                return self._remembered(x, adjoint, lambda: self._backwards(x, adjoint))
        if self.linear:
            return self._remembered(x, None, lambda: self._superposed(x))
        steps = np.array([self._step(n, x[n]) for n in acting])
        base, *others = self.outcomes([x, *(_moved(x, n, step) for n, step in zip(acting, steps, strict=True))])
        slope = np.zeros((base.values.size, len(self.decisions)))
        for n, step, other in zip(acting, steps, others, strict=True):
            slope[:, n] = (other.values - base.values) / step
        return Response(x, base, slope)

    def _remembered(self, x: FloatArray, way: object, find: Callable[[], Response]) -> Response:
        """Return a response of the store, or find and keep it."""
        store = self.simulate_all.store
        if store is None:
            return find()
        key = content_key(self._content, "response", way, x, self.decisions)
        arrays = store.load(key)
        if arrays is not None:
            self.runs += int(arrays["runs"])
            return Response(x, _outcome_of(arrays), arrays["slope"])
        before = self.runs
        response = find()
        runs = np.array(self.runs - before)
        store.keep(key, {**_arrays_of(response.outcome), "slope": response.slope, "runs": runs})
        return response

    def renewed(self, known: Response, outcome: Outcome, x: FloatArray) -> Response:
        """Return the response at values of the decisions with the slopes of another one, and what bends worked out anew."""
        slope = known.slope
        if any(family.n_behind for family in self.families):
            schedule, net = self.problem.schedule, rates(self.problem, self.decisions, x)
            moved = np.zeros((*net.shape, len(self.decisions)))
            for n, decision in enumerate(self.decisions):
                np.add.at(moved[:, :, n], (decision.period, decision.well), decision.share)
            starts = np.cumsum([0, *(family.n for family in self.families)])
            parts = [
                family.renewed(outcome.values[a:b], slope[a:b], net, moved, schedule.step_period)
                for family, a, b in zip(self.families, starts, starts[1:], strict=False)
            ]
            slope = np.concatenate(parts)
        return Response(x, outcome, slope)

    def rough_response(self, x: FloatArray) -> Response | None:
        """Return about the response of a model with a water table, from a linear one that stands in for it, or None.

        It serves to begin a sequence of programs with; see `stand_in`.
        """
        acting = [n for n, decision in enumerate(self.decisions) if decision.acts]
        # the stand-in is native, and so must be what it stands in for
        if self._confined or self.simulate_all.adjoint is None or not WORTH <= len(acting) <= len(self.names):
            return None
        watched = with_water_tables(self.problem)
        if watched is None:
            return None
        # a model that has no answer at these rates is for the search to deal with, and one without a stand-in needs none
        with suppress(ConfigError, ConvergenceError, BudgetError):
            return self._remembered(x, "stand-in", lambda: self._standing(watched, x, acting))
        return None

    def _standing(self, watched: Problem, x: FloatArray, acting: Sequence[int]) -> Response:
        """Return the response of the stand-in with the outcome of the model itself."""
        net = rates(self.problem, self.decisions, x)
        self.runs += 1
        (result,) = self.simulate_all([with_rates(watched, net)])
        steps = [self._step(n, x[n]) for n in acting]
        nets = [rates(self.problem, self.decisions, _moved(x, n, step)) for n, step in zip(acting, steps, strict=True)]
        gains = rough_gains(result, [with_rates(watched, moved) for moved in nets], self.cell)
        base = replace(result, observation_head=result.observation_head[:, np.searchsorted(watched.observations.cell, self.cell)])
        outcome = self._outcome(base, net)
        slope = np.zeros((outcome.values.size, len(self.decisions)))
        for n, step, moved, gain in zip(acting, steps, nets, gains, strict=True):
            after = replace(base, observation_head=base.observation_head + gain)
            slope[:, n] = (read(after, self.cell, self.families, moved) - outcome.values) / step
        self._keep(content_key(self._content, net), outcome)
        return Response(x, outcome, slope)

    def _backwards(self, x: FloatArray, settings: SensitivitySettings) -> Response:
        """Return the response by a backward sweep for each quantity."""
        net = rates(self.problem, self.decisions, x)
        result, slope = backward_slopes(with_rates(self.problem, net), self.decisions, self.families, settings)
        self.runs += 1
        return Response(x, self._outcome(result, net), slope)

    def _superposed(self, x: FloatArray) -> Response:
        """Return the response of a linear model, from a run for each pattern of rates in time.

        Differences over the whole range of a decision leave the least to rounding.
        """
        ways = representatives(self.problem, self.decisions)
        nets = [rates(self.problem, self.decisions, x)]
        nets += [rates(self.problem, self.decisions, _moved(x, n, self._step(n, x[n]))) for n in ways]
        base, *others = self._results(nets)
        outcome = self._outcome(base, nets[0])
        slope = np.zeros((outcome.values.size, len(self.decisions)))
        for (n, members), other in zip(ways.items(), others, strict=True):
            gain = (other.observation_head - base.observation_head) / self._step(n, x[n])
            for member in members:
                step = self._step(member.decision, x[member.decision])
                moved = replace(base, observation_head=base.observation_head + later(gain, member.steps) * step)
                net = rates(self.problem, self.decisions, _moved(x, member.decision, step))
                slope[:, member.decision] = (read(moved, self.cell, self.families, net) - outcome.values) / step
        return Response(x, outcome, slope)

    def _step(self, n: int, value: float) -> float:
        """Return the change of a decision that its response is found with, towards the middle of its range."""
        decision = self.decisions[n]
        upper = decision.upper if np.isfinite(decision.upper) else max(UNBOUNDED, 2.0 * abs(value))
        lower = decision.lower if np.isfinite(decision.lower) else -upper
        span = (upper - lower) or UNBOUNDED
        towards = 1.0 if value <= 0.5 * (lower + upper) else -1.0
        return towards * span * (LINEAR_SHARE if self.linear else SHARE)


def _moved(x: FloatArray, n: int, step: float) -> FloatArray:
    """Return values of the decisions of which one is another."""
    moved = x.copy()
    moved[n] += step
    return moved


def _arrays_of(outcome: Outcome) -> dict[str, np.ndarray]:
    """Return an outcome as a store keeps it."""
    share = np.array(list(outcome.shortfall.values()), dtype=np.float64)
    return {"values": outcome.values, "well": np.array(list(outcome.shortfall), dtype=np.str_), "shortfall": share}


def _outcome_of(arrays: Mapping[str, np.ndarray]) -> Outcome:
    return Outcome(arrays["values"], dict(zip(arrays["well"].tolist(), arrays["shortfall"].tolist(), strict=True)))


def _shortfall(result: FlowResult) -> dict[str, float]:
    """Return the largest share of its rate that each well could not deliver."""
    asked, given = result.pumping_rate, result.pumping_rate_actual
    missing = np.divide(asked - given, asked, out=np.zeros_like(asked), where=asked > 0.0).max(axis=0, initial=0.0)
    names = [name for wells in result.problem.wells for name in wells.names]
    return {names[n]: float(missing[n]) for n in np.flatnonzero(missing > 1.0 - DELIVERED)}
