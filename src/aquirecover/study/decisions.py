"""The unknowns of a limit search: rates that are shared out among wells and periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import Stress, Wells


def _no_cells() -> IntArray:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Decision:
    """One unknown.

    Parameters
    ----------
    name : str
        Unique.
    lower, upper : float
        Bounds; m³/d, or 1 for a switch.
    well, period : ndarray of int
        Where the rate goes: wells in the order of `Problem.wells`, all of them in a row, and stress periods, shape ``(n,)``.
        Empty for an unknown that the aquifer does not feel, as a supply from elsewhere, a switch or a level to be raised.
    share : ndarray
        What each of those wells pumps in that period per unit of the unknown, shape ``(n,)``; injects where negative.
    integer : bool
        Whether it must be a whole number; with bounds 0 and 1 a switch.
    present : float
        Its value today; m³/d. NaN when it has none.
    """

    name: str
    lower: float = 0.0
    upper: float = np.inf
    well: IntArray = field(default_factory=_no_cells)
    period: IntArray = field(default_factory=_no_cells)
    share: FloatArray = field(default_factory=lambda: np.zeros(0))
    integer: bool = False
    present: float = float("nan")

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing, and places that do not fit together."""
        if not self.lower <= self.upper:
            raise ValueError(f"{self.name}: the lower bound {self.lower:g} is above the upper one {self.upper:g}.")
        if not self.well.shape == self.period.shape == self.share.shape:
            shapes = f"{self.well.shape}, {self.period.shape} and {self.share.shape}"
            raise ValueError(f"{self.name}: well, period and share have shapes {shapes}: must be the same.")

    @property
    def acts(self) -> bool:
        """Whether the aquifer feels it."""
        return bool(self.well.size)


def well_decision(
    problem: Problem,
    wells: Sequence[str],
    periods: Sequence[int] | IntArray,
    name: str,
    lower: float = 0.0,
    upper: float = np.inf,
) -> Decision:
    """Return a decision whose rate is shared equally by wells, the same in all of some periods.

    Raises
    ------
    KeyError
        When there is no such well.
    """
    column = {label: i for i, label in enumerate(label for group in problem.wells for label in group.names)}
    chosen = np.array([column[label] for label in wells], dtype=np.int64)
    well, period = (index.ravel() for index in np.meshgrid(chosen, np.asarray(periods, dtype=np.int64)))
    return Decision(name, lower, upper, well, period, np.full(well.size, 1.0 / len(chosen)))


def rates(problem: Problem, decisions: Sequence[Decision], values: FloatArray) -> FloatArray:
    """Return what all wells take from the aquifer, injection negative, shape ``(n_period, n_well)``; m³/d.

    Wells keep their own rates in periods that no decision touches.
    """
    net = given_rates(problem)
    for decision in decisions:
        net[decision.period, decision.well] = 0.0
    for decision, value in zip(decisions, values, strict=True):
        np.add.at(net, (decision.period, decision.well), value * decision.share)
    return net


def given_rates(problem: Problem) -> FloatArray:
    """Return the pumping less the injection of the problem as it stands, shape ``(n_period, n_well)``; m³/d."""
    n_period = problem.schedule.n_period
    columns = [np.broadcast_to(w.pumping_rate - w.injection_rate, (n_period, len(w.names))) for w in problem.wells]
    return np.concatenate(columns, axis=1) if columns else np.zeros((n_period, 0))


def with_rates(problem: Problem, net: FloatArray) -> Problem:
    """Return the problem with other rates of its wells, see `rates`."""
    stresses: list[Stress] = []
    start = 0
    for stress in problem.stresses:
        if isinstance(stress, Wells):
            end = start + len(stress.names)
            stress, start = stress.with_rates(np.maximum(net[:, start:end], 0.0), np.maximum(-net[:, start:end], 0.0)), end
        stresses.append(stress)
    return replace(problem, stresses=tuple(stresses))


def decided(problem: Problem, decisions: Sequence[Decision], values: FloatArray) -> Problem:
    """Return the problem with the rates of some values of the decisions."""
    return with_rates(problem, rates(problem, decisions, values))
