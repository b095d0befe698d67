"""Where a problem is linear: the branches that its stresses are on, and what acts on it as long as they stay there.

A confined problem whose stresses are ramps of the head (`stresses.Ramp`) is linear as long as no connection passes a bend: a
river bed stays below the water or above it, a drain runs or is dry. Heads that satisfy the equations of one branch everywhere and
lie on it everywhere are the heads of the problem itself, since it has only one solution (every flow falls with the head).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import Stress

# Numbers of the branches below a ramp, on it and above it.
BELOW, ON, ABOVE = -1, 0, 1


@dataclass(frozen=True, eq=False)
class StressRamp:
    """A stress as ramps, see `stresses.Ramp`; arrays of shape ``(n_period, n)``, one row where nothing varies."""

    source: FloatArray
    slope: FloatArray
    datum: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def bends(self) -> BoolArray:
        """Connections whose flow bends with the head in any period, shape ``(n,)``."""
        bounded = np.isfinite(self.low) | np.isfinite(self.high)
        return np.asarray((bounded & (self.slope != 0.0)).any(axis=0))


@dataclass(frozen=True, eq=False)
class LinearStress:
    """A stress on given branches: ``constant − slope h``, of shape ``(n_period, n)``, one row where nothing varies."""

    constant: FloatArray
    slope: FloatArray


def why_not_linear(problem: Problem) -> str:
    """Return why heads cannot be superposed whatever they are, empty when they can as long as no stress passes a bend."""
    convertible = np.flatnonzero(problem.properties.convertible & problem.grid.active)
    if convertible.size:
        place = problem.grid.describe(int(convertible[0]))
        return f"{convertible.size} cells are convertible, the first {place}: what they store and conduct follows the head."
    cells = problem.cells()
    for stress in problem.stresses:
        if stress.ramp(0, cells) is None:
            return f"{stress.name}: its flow is not made of straight pieces."
    return ""


def ramps(problem: Problem) -> list[StressRamp]:
    """Return all stresses of a problem as ramps; connections to fixed heads, where stresses do nothing, are left without flow."""
    fixed = fixed_cells(problem)
    return [_ramp_of(problem, stress, ~fixed[stress.cell]) for stress in problem.stresses]


def fixed_cells(problem: Problem) -> BoolArray:
    """Return the cells whose head is fixed, shape ``(n_cell,)``."""
    fixed = np.zeros(problem.grid.n_cell, dtype=bool)
    for boundary in problem.fixed_heads:
        fixed[boundary.cell] = True
    return fixed


def _ramp_of(problem: Problem, stress: Stress, acts: BoolArray) -> StressRamp:
    cells = problem.cells()
    varies = any(values.ndim == 2 for values in stress.values().values())
    rows: list[list[FloatArray]] = []
    for period in range(problem.schedule.n_period if varies else 1):
        ramp: Any = stress.ramp(period, cells)
        given = (ramp.source, ramp.slope, ramp.datum, ramp.low, ramp.high)
        rows.append([np.full(stress.n, none) if a is None else a for a, none in zip(given, _ABSENT, strict=True)])
    source, slope, datum, low, high = (np.array(column) for column in zip(*rows, strict=True))
    return StressRamp(source * acts, slope * acts, datum, low, high)


_ABSENT = (0.0, 0.0, 0.0, -np.inf, np.inf)


@dataclass(frozen=True, eq=False)
class Guards:
    """Connections whose flow bends with the head, by which one knows whether a problem stays on its branches.

    Parameters
    ----------
    stress : ndarray of int
        Stress of each, shape ``(n,)``.
    item : ndarray of int
        Its connection within the stress.
    cell : ndarray of int
        Its flat cell number.
    """

    stress: IntArray
    item: IntArray
    cell: IntArray

    def bounds(self, problem: Problem, ramp: list[StressRamp]) -> tuple[FloatArray, FloatArray]:
        """Return the heads of the bends, shape ``(n_period, n)`` each, infinite where a side has none; m."""
        shape = (problem.schedule.n_period, self.cell.size)
        low, high = np.empty(shape), np.empty(shape)
        for number, found in enumerate(ramp):
            own = self.stress == number
            flat = found.slope[:, self.item[own]] == 0.0
            low[:, own] = np.where(flat, -np.inf, found.low[:, self.item[own]])
            high[:, own] = np.where(flat, np.inf, found.high[:, self.item[own]])
        return low, high


def guards(problem: Problem, ramp: list[StressRamp]) -> Guards:
    """Return the connections of a problem whose flow bends with the head."""
    item = [np.flatnonzero(found.bends) for found in ramp]
    if not item:
        none = np.zeros(0, dtype=np.int64)
        return Guards(none, none, none)
    stress = np.repeat(np.arange(len(item)), [own.size for own in item])
    cell = [stress.cell[own] for stress, own in zip(problem.stresses, item, strict=True)]
    return Guards(stress, np.concatenate(item), np.concatenate(cell))


@dataclass(frozen=True, eq=False)
class Regime:
    """The branch that every guard is on in every period.

    Parameters
    ----------
    guards : Guards
        Connections that could leave theirs.
    branch : ndarray of int
        `BELOW`, `ON` or `ABOVE`, shape ``(n_period, n)``.
    """

    guards: Guards
    branch: IntArray

    def linear(self, ramp: list[StressRamp]) -> list[LinearStress]:
        """Return all stresses on their branches."""
        return [self._linear(number, found) for number, found in enumerate(ramp)]

    def _linear(self, number: int, found: StressRamp) -> LinearStress:
        own = self.guards.stress == number
        if not own.any():
            return LinearStress(found.source + found.slope * found.datum, found.slope)
        shape = (self.branch.shape[0], found.slope.shape[1])
        branch = np.full(shape, ON)
        branch[:, self.guards.item[own]] = self.branch[:, own]
        beyond = np.where(branch == BELOW, found.low, found.high)
        # on the branches beside the ramp the flow is that at the bend
        at_bend = found.slope * (found.datum - np.where(branch == ON, 0.0, beyond))
        constant = found.source + np.where(branch == ON, found.slope * found.datum, at_bend)
        return LinearStress(constant, np.where(branch == ON, found.slope, 0.0))

    def bounds(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the heads between which every guard stays on its branch, by its bends, shape ``(n_period, n)`` each; m."""
        least = np.select([self.branch == BELOW, self.branch == ABOVE], [-np.inf, high], low)
        most = np.select([self.branch == BELOW, self.branch == ABOVE], [low, np.inf], high)
        return least, most


def regime_of(problem: Problem, found: Guards, head: FloatArray, ramp: list[StressRamp]) -> Regime | str:
    """Return the branches that a run was on, or why they are not the same in all steps of a period.

    Parameters
    ----------
    problem : Problem
        That was run.
    found : Guards
        Of it.
    head : ndarray
        Heads of their cells at the end of every step, shape ``(n_step, n)``; m.
    ramp : list of StressRamp
        Of it.
    """
    schedule = problem.schedule
    low, high = (side[schedule.step_period] for side in found.bounds(problem, ramp))
    branch = np.where(head < low, BELOW, np.where(head > high, ABOVE, ON))
    first = np.searchsorted(schedule.step_period, np.arange(schedule.n_period))
    changed = np.argwhere(branch != branch[first][schedule.step_period])
    if changed.size:
        step, place = changed[0]
        name = problem.stresses[found.stress[place]].name
        where = problem.grid.describe(int(found.cell[place]))
        return f"{name} in {where} passes a bend within period {schedule.step_period[step] + 1}, at step {step + 1}."
    return Regime(found, branch[first])
