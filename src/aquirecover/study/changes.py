"""What a scenario changes in a problem, as the terms that act on its heads, and the scales of groups that make it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.many import alike
from aquirecover.flow.problem import Context, Observations, Problem
from aquirecover.flow.regime import LinearStress, Regime, StressRamp, fixed_cells, ramps
from aquirecover.flow.stresses import FixedHead, GeneralHead, Stress, Wells

# Share of the largest number of a part by which what groups make up may miss a scenario: the rounding of its values.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Change:
    """What acts on the heads beyond a base; None for what stays.

    Parameters
    ----------
    inflow : tuple of ndarray or None
        Of every stress, whatever the head, shape ``(n_period, n)`` or ``(1, n)``; m³/d.
    fixed : tuple of ndarray or None
        Of every fixed head, shape ``(n_period, n)`` or ``(n,)``; m.
    initial : ndarray or None
        Of the initial heads, shape ``(n_layer, n_y, n_x)``; m.
    """

    inflow: tuple[FloatArray | None, ...]
    fixed: tuple[FloatArray | None, ...]
    initial: FloatArray | None

    @property
    def parts(self) -> tuple[FloatArray | None, ...]:
        """All of them in one order."""
        return (*self.inflow, *self.fixed, self.initial)


class Base:
    """A problem on the branches that its run was on, from which scenarios differ.

    Parameters
    ----------
    problem : Problem
        The base.
    ramp : list of StressRamp
        Of it.
    regime : Regime
        Of its run.
    """

    def __init__(self, problem: Problem, ramp: list[StressRamp], regime: Regime) -> None:
        self.problem, self.regime = problem, regime
        self.linear: list[LinearStress] = regime.linear(ramp)
        self._bends = regime.guards.bounds(problem, ramp)

    def change(self, other: Problem) -> Change | str:
        """Return what another problem changes, or why its heads are not those of the base and the change superposed."""
        if not alike(self.problem, other):
            return "it differs from the base in more than rates, levels and initial heads."
        ramp = ramps(other)
        for bend, moved in zip(self._bends, self.regime.guards.bounds(other, ramp), strict=True):
            if not np.array_equal(bend, moved):
                return "it moves the level at which a river, a drain or evapotranspiration bends."
        inflow = []
        for stress, own, new in zip(self.problem.stresses, self.linear, self.regime.linear(ramp), strict=True):
            if (own.slope != new.slope).any():
                return f"it changes the conductance of {stress.name}."
            inflow.append(_nothing_is_none(new.constant - own.constant))
        pairs = zip(self.problem.fixed_heads, other.fixed_heads, strict=True)
        fixed = tuple(_nothing_is_none(new.head - old.head) for old, new in pairs)
        return Change(tuple(inflow), fixed, _nothing_is_none(self._initial(other)))

    def _initial(self, other: Problem) -> FloatArray:
        active = self.problem.grid.active
        return np.where(active, other.initial_head, 0.0) - np.where(active, self.problem.initial_head, 0.0)

    def alone(self, changes: Sequence[Change], name: str, cell: IntArray, keep: IntArray) -> list[Problem]:
        """Return problems in which each change acts alone, on heads that are 0 without it.

        Parameters
        ----------
        changes : sequence of Change
            Of which every one gets a problem; all share a matrix.
        name : str
            Of the problems, before their number.
        cell : ndarray of int
            Cells whose heads are kept at every step.
        keep : ndarray of int
            Steps whose heads are kept in all cells.
        """
        problem, n_step = self.problem, self.problem.schedule.n_step
        save = np.zeros(n_step, dtype=bool)
        save[keep] = True
        quiet = replace(
            problem,
            schedule=replace(problem.schedule, save_step=save),
            observations=Observations(tuple(str(number) for number in range(cell.size)), cell),
            zones=None,
            context=Context(),
        )
        acting = [np.flatnonzero(self._acts(stress)) for stress in problem.stresses]
        changed = [any(change.inflow[n] is not None for change in changes) for n in range(len(problem.stresses))]
        resisting: list[Stress] = [
            GeneralHead(stress.cell[own], 0.0, _kept(linear.slope[:, own]), name=f"{stress.name} resists")
            for stress, linear, own in zip(problem.stresses, self.linear, acting, strict=True)
            if linear.slope.any()
        ]
        made = []
        for number, change in enumerate(changes):
            driving = [
                _wells(stress, own, change.inflow[n])
                for n, (stress, own) in enumerate(zip(problem.stresses, acting, strict=True))
                if changed[n]
            ]
            fixed = tuple(
                FixedHead(boundary.cell, np.zeros_like(boundary.head) if level is None else level, boundary.name)
                for boundary, level in zip(problem.fixed_heads, change.fixed, strict=True)
            )
            initial = np.zeros(problem.grid.shape) if change.initial is None else change.initial
            stresses = (*resisting, *driving)
            named = f"{name} {number + 1}"
            made.append(replace(quiet, name=named, stresses=stresses, fixed_heads=fixed, initial_head=initial))
        return made

    def _acts(self, stress: Stress) -> BoolArray:
        """Return whether each connection acts on a cell whose head is not fixed."""
        return ~fixed_cells(self.problem)[stress.cell]


def _wells(stress: Stress, own: IntArray, inflow: FloatArray | None) -> Wells:
    """Return wells that bring the change of the inflow of a stress, one for each connection."""
    names = tuple(f"{stress.name} {n}" for n in own)
    if inflow is None:
        return Wells(stress.cell[own], 0.0, 0.0, names, name=f"{stress.name} changes")
    rate = _kept(inflow[:, own])
    return Wells(stress.cell[own], np.maximum(-rate, 0.0), np.maximum(rate, 0.0), names, name=f"{stress.name} changes")


def _kept(rows: FloatArray) -> FloatArray:
    """Return a series, without its axis of periods where it has one row for all of them."""
    result: FloatArray = rows[0] if rows.shape[0] == 1 else rows
    return result


def _nothing_is_none(values: FloatArray) -> FloatArray | None:
    return values if values.any() else None


def scales_of(change: Change, groups: Sequence[Change]) -> FloatArray | None:
    """Return the scales with which groups make up a change to rounding, shape ``(n_group,)``; None when they do not."""
    n = len(groups)
    gram, products = np.zeros((n, n)), np.zeros(n)
    for part, own in zip(change.parts, zip(*(group.parts for group in groups), strict=True), strict=True):
        size = max((float(np.abs(values).max()) for values in own if values is not None), default=0.0)
        if part is not None and size == 0.0:
            return None
        there = [number for number, values in enumerate(own) if values is not None]
        for number in there:
            mine = own[number]
            assert mine is not None
            for other in there:
                theirs = own[other]
                assert theirs is not None
                gram[number, other] += float((mine * theirs).sum()) / size**2
            products[number] += 0.0 if part is None else float((mine * part).sum()) / size**2
    scales = np.asarray(np.linalg.lstsq(gram, products, rcond=ROUNDING)[0], dtype=np.float64)
    return scales if _makes_up(change, groups, scales) else None


def _makes_up(change: Change, groups: Sequence[Change], scales: FloatArray) -> bool:
    """Tell whether every number of a change is the sum of those of the groups times their scales, but for rounding."""
    for part, own in zip(change.parts, zip(*(group.parts for group in groups), strict=True), strict=True):
        terms = [scale * values for scale, values in zip(scales, own, strict=True) if values is not None]
        if not terms and part is None:
            continue
        found = sum(terms, start=np.zeros(1))
        wanted = np.zeros_like(found) if part is None else part
        largest = max(float(np.abs(term).max()) for term in (*terms, wanted))
        if not float(np.abs(found - wanted).max()) <= ROUNDING * largest:
            return False
    return True
