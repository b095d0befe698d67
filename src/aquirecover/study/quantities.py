"""What a limit looks at: heads, and flows that follow from them, at the ends of time steps.

A family of quantities names the cells whose heads it needs; these become observation points of every run (`observed`), so that a
quantity is read off the result of either engine. Signs are those of the budget: water that leaves the aquifer is positive where a
quantity is an outflow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.functionals import Terms, WeightedSums, Weights
from aquirecover.flow.problem import FlowResult, Observations, Problem


@dataclass(frozen=True, eq=False)
class Heads:
    """Heads of a run at the cells that quantities need.

    Parameters
    ----------
    problem : Problem
        That was run.
    cell : ndarray of int
        Flat cell numbers in ascending order, shape ``(n_cell,)``.
    head : ndarray
        Shape ``(n_step, n_cell)``; m.
    net_rate : ndarray
        Pumping less injection asked of all wells, shape ``(n_step, n_well)``; m³/d.
    """

    problem: Problem
    cell: IntArray
    head: FloatArray
    net_rate: FloatArray

    def at(self, step: IntArray | int, cell: IntArray) -> FloatArray:
        """Return the heads of cells at the ends of steps, m; broadcast."""
        found: FloatArray = self.head[step, np.searchsorted(self.cell, cell)]
        return found


class Quantities(ABC):
    """Base of the families of quantities.

    Attributes
    ----------
    names : tuple of str
        One per quantity.
    unit : str
        Of all of them.
    step : ndarray of int
        Step at whose end each is looked at, the last where several count, shape ``(n,)``.
    cell : ndarray of int
        Flat cell numbers whose heads are needed.
    """

    names: tuple[str, ...]
    unit: str
    step: IntArray
    cell: IntArray

    @property
    def n_behind(self) -> int:
        """Number of quantities behind those with names, which no constraint looks at."""
        return 0

    @property
    def n(self) -> int:
        """Number of all quantities."""
        return len(self.names) + self.n_behind

    @abstractmethod
    def values(self, heads: Heads) -> FloatArray:
        """Return the quantities of a run, shape ``(n,)``."""

    @abstractmethod
    def weighted_sums(self, problem: Problem) -> WeightedSums:
        """Return what can be differentiated by the adjoint: the quantities but for their constants.

        Raises
        ------
        ValueError
            When they depend on inputs other than through heads and flows.
        """

    def renewed(
        self, values: FloatArray, slope: FloatArray, rates: FloatArray, rate_slope: FloatArray, step_period: IntArray
    ) -> FloatArray:
        """Return the slopes of quantities at new rates from those at others, as far as no run is needed for it.

        Those of quantities that bend with heads or rates in a way that is known are worked out anew.

        Parameters
        ----------
        values : ndarray
            At the new rates, shape ``(n,)``.
        slope : ndarray
            With respect to the decisions, at other rates, shape ``(n, n_decision)``.
        rates : ndarray
            Pumping less injection of all wells, shape ``(n_period, n_well)``; m³/d.
        rate_slope : ndarray
            Of the rates, shape ``(n_period, n_well, n_decision)``.
        step_period : ndarray of int
            Period of each step.
        """
        return slope

    def of_heads(self, problem: Problem) -> WeightedSums:
        """Return what can be differentiated by the adjoint with the wells' own rates held: all but these and constants."""
        return self.weighted_sums(problem)

    def by_rates(self, problem: Problem) -> FloatArray:
        """Return the derivatives with respect to the wells' own rates with the heads held, ``(n, n_period, n_well)``."""
        return np.zeros((len(self.names), problem.schedule.n_period, sum(len(wells.names) for wells in problem.wells)))


@final
@dataclass(frozen=True, eq=False)
class HeadSums(Quantities):
    """Sums of heads with coefficients: levels, means over areas, differences, gradients, storage of confined zones.

    Parameters
    ----------
    names, unit, step
        See `Quantities`.
    row, at, cell : ndarray of int
        Quantity, step and cell of each term, shape ``(n_term,)``.
    coefficient : ndarray
        Of each term, shape ``(n_term,)``; unit of the quantity per metre.
    constant : ndarray
        Shape ``(n,)``.
    rate_row, rate_well : ndarray of int
        Quantity and well of the terms in the wells' own rates: the level in a pumped well is lower than the head of its cell,
        shape ``(n_rate_term,)``.
    rate_coefficient : ndarray
        Per m³/d pumped, shape ``(n_rate_term,)``.
    rate_at : ndarray of int, optional
        Steps whose rates these are, shape ``(n_rate_term,)``; `step` of the quantity by default.
    """

    names: tuple[str, ...]
    unit: str
    step: IntArray
    row: IntArray
    at: IntArray
    cell: IntArray
    coefficient: FloatArray
    constant: FloatArray
    rate_row: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    rate_well: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    rate_coefficient: FloatArray = field(default_factory=lambda: np.zeros(0))
    rate_at: IntArray | None = None

    @property
    def _rate_step(self) -> IntArray:
        return self.step[self.rate_row] if self.rate_at is None else self.rate_at

    def values(self, heads: Heads) -> FloatArray:
        """Return the sums, shape ``(n,)``."""
        n = len(self.names)
        terms = self.coefficient * heads.at(self.at, self.cell)
        own = self.rate_coefficient * heads.net_rate[self._rate_step, self.rate_well]
        return (
            self.constant
            + np.bincount(self.row, weights=terms, minlength=n)
            + np.bincount(self.rate_row, weights=own, minlength=n)
        )

    def weighted_sums(self, problem: Problem) -> WeightedSums:
        """Return the sums without constants.

        Raises
        ------
        ValueError
            When a well's own rate counts, since its coefficient depends on the conductivity round the well.
        """
        if self.rate_coefficient.any():
            raise ValueError(f"{self.names[self.rate_row[0]]}: the level in a well depends on more than heads; use cell heads.")
        return self.of_heads(problem)

    def of_heads(self, problem: Problem) -> WeightedSums:
        """Return the sums of heads."""
        return WeightedSums(self.names, self.unit, Weights(heads=Terms(self.row, self.at, self.cell, self.coefficient)))

    def by_rates(self, problem: Problem) -> FloatArray:
        """Return the coefficients of the rates where they count."""
        found = super().by_rates(problem)
        period = problem.schedule.step_period[self._rate_step]
        np.add.at(found, (self.rate_row, period, self.rate_well), self.rate_coefficient)
        return found


def levels(names: Sequence[str], cell: IntArray, step: IntArray) -> HeadSums:
    """Return the heads of cells at the ends of steps, all of shape ``(n,)``; m."""
    n = len(names)
    every = np.arange(n)
    return HeadSums(tuple(names), "m", step, every, step, cell, np.ones(n), np.zeros(n))


@final
@dataclass(frozen=True, eq=False)
class StressOutflow(Quantities):
    """Mean outflow by parts of a stress, such as reaches of a drain, over some steps.

    Parameters
    ----------
    names, unit, step, cell
        See `Quantities`; the unit is m3/d.
    stress : str
        Name of the stress.
    item : tuple of ndarray of int
        Items of the stress that each quantity adds up.
    first, last : ndarray of int
        Steps of each quantity, both counted, shape ``(n,)``.
    """

    names: tuple[str, ...]
    stress: str
    item: tuple[IntArray, ...]
    first: IntArray
    last: IntArray
    cell: IntArray
    unit: str = "m3/d"

    @property
    def step(self) -> IntArray:  # type: ignore[override]
        """Last step of each."""
        return self.last

    def values(self, heads: Heads) -> FloatArray:
        """Return the mean outflows, shape ``(n,)``."""
        problem = heads.problem
        stress = next(s for s in problem.stresses if s.name == self.stress)
        schedule, cells = problem.schedule, problem.cells()
        total = np.zeros(len(self.names))
        days = np.zeros(len(self.names))
        for step in range(int(self.first.min()), int(self.last.max()) + 1):
            flow, _ = stress.flow(heads.at(step, stress.cell), int(schedule.step_period[step]), cells)
            for n, item in enumerate(self.item):
                if self.first[n] <= step <= self.last[n]:
                    total[n] -= schedule.step_length[step] * float(flow[item].sum())
                    days[n] += schedule.step_length[step]
        return total / days

    def weighted_sums(self, problem: Problem) -> WeightedSums:
        """Return the mean outflows."""
        length = problem.schedule.step_length
        lines = [
            (n, step, item, -length[step] / length[first : last + 1].sum())
            for n, (items, first, last) in enumerate(zip(self.item, self.first, self.last, strict=True))
            for step in range(int(first), int(last) + 1)
            for item in items
        ]
        row, step, place, weight = (np.array(column) for column in zip(*lines, strict=True))
        terms = Terms(row.astype(np.int64), step.astype(np.int64), place.astype(np.int64), weight)
        return WeightedSums(self.names, self.unit, Weights(stress_flows={self.stress: terms}))


def outflows(
    problem: Problem, stress: str, item: Sequence[IntArray], names: Sequence[str], first: IntArray, last: IntArray
) -> StressOutflow:
    """Return the family of mean outflows of parts of a stress; see `StressOutflow`."""
    cell = next(s for s in problem.stresses if s.name == stress).cell
    return StressOutflow(tuple(names), stress, tuple(item), np.asarray(first), np.asarray(last), cell)


def observed(problem: Problem, families: Sequence[Quantities]) -> tuple[Problem, IntArray]:
    """Return the problem with the cells that families need as its observation points, and those cells in order.

    Heads of whole fields are not kept.
    """
    needed = [family.cell for family in families]
    cell = np.unique(np.concatenate(needed)) if needed else np.zeros(0, dtype=np.int64)
    points = Observations(tuple(str(number) for number in cell), cell)
    last = np.arange(problem.schedule.n_step) == problem.schedule.n_step - 1
    return replace(problem, observations=points, schedule=replace(problem.schedule, save_step=last), zones=None), cell


def read(result: FlowResult, cell: IntArray, families: Sequence[Quantities], net_rate: FloatArray) -> FloatArray:
    """Return all quantities of a run of an `observed` problem, shape ``(n_quantity,)``.

    Parameters
    ----------
    net_rate : ndarray
        Pumping less injection asked of all wells, shape ``(n_period, n_well)``; m³/d.
    """
    heads = Heads(result.problem, cell, result.observation_head, net_rate[result.problem.schedule.step_period])
    return np.concatenate([family.values(heads) for family in families]) if families else np.zeros(0)
