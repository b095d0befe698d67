"""Answers without marching: heads of any scenario that scales groups of what acts on a linear model.

The heads of a linear model are those of its base plus those that each change brings alone (Reilly, Franke and Bennett 1987, USGS
TWRI book 3, chapter B6). The base and every group are marched once; a scenario is then a sum. A model with rivers,
drains or evapotranspiration is linear as long as none of them passes a bend: they act on the branches that they are on in the
base, and a scenario counts only when its own heads lie on these at every connection and step, which proves that they are those of
its march.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from aquirecover import __version__
from aquirecover.errors import AquirecoverError
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.content import content_key
from aquirecover.flow.many import simulate_many
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.regime import guards, ramps, regime_of, why_not_linear
from aquirecover.flow.simulate import Progress, SimulateSettings, simulate
from aquirecover.study.changes import Base, Change, scales_of
from aquirecover.study.combination import BLOCK, combine, excess
from aquirecover.study.store import Store

# Balance of every step: what is left of it adds up in a superposition.
TIGHT = 1e-12
# By how much a head may pass a bend: flows are continuous there, so that this is what the heads then miss at most.
PASSED = 1e-10
# Smallest number of marches that superposition must save for each that it costs.
PAYS = 1.5


class NotLinearError(AquirecoverError):
    """Scenarios of a problem cannot be superposed; the message says why."""


@dataclass(frozen=True, eq=False)
class Superposed:
    """Heads of scenarios.

    Parameters
    ----------
    point_head : ndarray
        At the points at the end of every step, shape ``(n_scenario, n_step, n_point)``; m.
    head : ndarray
        At the end of the kept steps, shape ``(n_scenario, n_keep, n_layer, n_y, n_x)``, NaN outside active cells; m.
    passed : ndarray
        By how much heads pass a bend of a river, a drain or evapotranspiration, shape ``(n_scenario,)``; m.
    holds : ndarray of bool
        Scenarios that pass none, shape ``(n_scenario,)``; the heads of the others are NaN: they have to be marched.
    """

    point_head: FloatArray
    head: FloatArray
    passed: FloatArray
    holds: BoolArray


@dataclass(frozen=True, eq=False)
class UnitResponses:
    """Heads of a base, and what each group adds to them at scale 1.

    Parameters
    ----------
    problem : Problem
        The base.
    names : tuple of str
        Of the groups.
    key : str
        Of what the responses follow from, see `content.content_key`.
    cell : ndarray of int
        Flat numbers of the cells of the points, shape ``(n_point,)``.
    keep : ndarray of int
        Steps, from 0, whose heads are kept in all cells.
    point, whole, guard : tuple of ndarray
        Base and groups, shapes ``(n,)`` and ``(n_group, n)``: heads at the points at every step, in active cells at the kept
        steps, and in the cells of what bends with the head; m.
    least, most : ndarray
        Heads between which these stay on their branches, shape ``(n_guard,)``; m.
    stored : bool
        Whether the responses were read from a store.
    """

    problem: Problem
    names: tuple[str, ...]
    key: str
    cell: IntArray
    keep: IntArray
    point: tuple[FloatArray, FloatArray]
    whole: tuple[FloatArray, FloatArray]
    guard: tuple[FloatArray, FloatArray]
    least: FloatArray
    most: FloatArray
    stored: bool
    base: Base = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)

    def superpose(self, scales: ArrayLike) -> Superposed:
        """Return the heads of scenarios, in which every group acts so many times; 0 is the base.

        Parameters
        ----------
        scales : array_like
            Shape ``(n_scenario, n_group)`` or ``(n_group,)``. A factor f on the pumping of a group is a scale of f − 1.

        Raises
        ------
        ValueError
            When scales are not finite or not one for each group.
        """
        scale = np.ascontiguousarray(np.atleast_2d(np.asarray(scales, dtype=np.float64)))
        n, n_step, active = scale.shape[0], self.problem.schedule.n_step, self.problem.grid.active
        if scale.ndim != 2 or scale.shape[1] != len(self.names):
            raise ValueError(f"scales has shape {scale.shape}: must be (n_scenario, {len(self.names)}), one for each group.")
        if not np.isfinite(scale).all():
            raise ValueError("scales must be finite.")
        passed = np.empty(n)
        excess(*self.guard, scale, self.least, self.most, np.empty(BLOCK), passed)
        holds = passed <= PASSED
        point = np.empty((n, self.point[0].size))
        combine(*self.point, scale, point)
        point[~holds] = np.nan
        head = np.full((n, self.keep.size, *active.shape), np.nan)
        if active.all():
            combine(*self.whole, scale, head.reshape(n, -1))
        else:
            flat = np.empty((n, self.whole[0].size))
            combine(*self.whole, scale, flat)
            head[:, :, active] = flat.reshape(n, self.keep.size, -1)
        head[~holds] = np.nan
        return Superposed(point.reshape(n, n_step, self.cell.size), head, passed, holds)

    def scales_of(self, problem: Problem) -> FloatArray | str:
        """Return the scales with which the groups make up a scenario, shape ``(n_group,)``, or why they do not."""
        change = self.base.change(problem)
        if isinstance(change, str):
            return change
        found = scales_of(change, self.changes)
        return "it is not in the span of the groups." if found is None else found


def pays(n_scenario: int, n_group: int) -> bool:
    """Tell whether responses of so many groups are worth their marches for so many scenarios."""
    return n_scenario >= PAYS * (n_group + 1)


def unit_responses(
    problem: Problem,
    groups: Mapping[str, Problem],
    points: IntArray | None = None,
    settings: SimulateSettings | None = None,
    keep: Sequence[int] | IntArray = (-1,),
    store: Store | None = None,
    progress: Progress | None = None,
) -> UnitResponses:
    """March a base and what each group changes in it, side by side.

    Parameters
    ----------
    problem : Problem
        The base.
    groups : mapping of str to Problem
        By name, the base with the group at scale 1: other rates of some wells with a pattern of their own in time, recharge,
        levels of general and fixed heads, initial heads, or several of these at once.
    points : ndarray of int, optional
        Flat numbers of cells whose heads are wanted at every step; those of the observations by default.
    settings : SimulateSettings, optional
        Of the marches; balances are closed to 1e-12.
    keep : sequence of int
        Steps whose heads are kept in all cells, from 0 or, negative, from the end; the last by default.
    store : Store, optional
        Where responses are kept and looked for; those of another problem, or damaged ones, are not found there.
    progress : callable, optional
        See `simulate_many`.

    Returns
    -------
    UnitResponses
        To be superposed.

    Raises
    ------
    NotLinearError
        When the problem is not linear, or a group changes more than what it is linear in.
    ConfigError, ConvergenceError, BudgetError
        As `simulate`.
    """
    given = settings or SimulateSettings()
    tight = replace(given, newton=replace(given.newton, tolerance=min(TIGHT, given.newton.tolerance)))
    reason = why_not_linear(problem)
    if tight.time.scheme != "backward_euler":
        reason = f"the steps of {tight.time.scheme} follow the heads."
    if reason:
        raise NotLinearError(f"{problem.name}: heads cannot be superposed: {reason}")
    kept = np.unique(np.arange(problem.schedule.n_step)[np.asarray(keep, dtype=np.int64)])
    cell = problem.observations.cell if points is None else np.asarray(points, dtype=np.int64)
    plan = _Plan(problem, groups, cell, kept, tight)
    found = None if store is None else store.load(plan.key)
    arrays = plan.march(progress) if found is None else found
    if found is None and store is not None:
        store.keep(plan.key, arrays)
    return plan.made(arrays, stored=found is not None)


class _Plan:
    """What is marched for unit responses, and what is made of it."""

    def __init__(
        self, problem: Problem, groups: Mapping[str, Problem], cell: IntArray, keep: IntArray, settings: SimulateSettings
    ) -> None:
        self.problem, self.groups, self.cell, self.keep, self.settings = problem, dict(groups), cell, keep, settings
        self.ramp = ramps(problem)
        self.guards = guards(problem, self.ramp)
        self.key = content_key(__version__, problem, list(self.groups), list(self.groups.values()), cell, keep, settings)
        self.watched, self.place = np.unique(np.concatenate([cell, self.guards.cell]), return_inverse=True)

    def march(self, progress: Progress | None) -> dict[str, np.ndarray]:
        """Return heads of the base and of every group alone: at all watched cells, and in active cells at the kept steps."""
        save = np.zeros(self.problem.schedule.n_step, dtype=bool)
        save[self.keep] = True
        watched = replace(
            self.problem,
            schedule=replace(self.problem.schedule, save_step=save),
            observations=Observations(tuple(str(number) for number in self.watched), self.watched),
            zones=None,
        )
        result = simulate(watched, self.settings)
        base = self._base(result.observation_head)
        alone = base.alone(self._changes(base), self.problem.name, self.watched, self.keep)
        active = self.problem.grid.active
        found = [result, *simulate_many(alone, self.settings, progress)]
        return {
            "watched": np.stack([one.observation_head for one in found]),
            "field": np.stack([one.head[:, active] for one in found]),
        }

    def made(self, arrays: Mapping[str, np.ndarray], stored: bool) -> UnitResponses:
        """Return the responses of what has been marched."""
        base = self._base(arrays["watched"][0])
        changes, n = self._changes(base), len(self.groups) + 1
        point = arrays["watched"][:, :, self.place[: self.cell.size]].reshape(n, -1)
        guard = arrays["watched"][:, :, self.place[self.cell.size :]].reshape(n, -1)
        whole = arrays["field"].reshape(n, -1)
        period = self.problem.schedule.step_period
        least, most = base.regime.bounds(*self.guards.bounds(self.problem, self.ramp))
        return UnitResponses(
            self.problem,
            tuple(self.groups),
            self.key,
            self.cell,
            self.keep,
            (point[0], point[1:]),
            (whole[0], whole[1:]),
            (guard[0], guard[1:]),
            least[period].ravel(),
            most[period].ravel(),
            stored,
            base,
            tuple(changes),
        )

    def _base(self, watched: FloatArray) -> Base:
        regime = regime_of(self.problem, self.guards, watched[:, self.place[self.cell.size :]], self.ramp)
        if isinstance(regime, str):
            raise NotLinearError(f"{self.problem.name}: heads cannot be superposed: {regime}")
        return Base(self.problem, self.ramp, regime)

    def _changes(self, base: Base) -> list[Change]:
        changes = []
        for name, other in self.groups.items():
            change = base.change(other)
            if isinstance(change, str):
                raise NotLinearError(f"{name}: its response cannot be superposed: {change}")
            changes.append(change)
        return changes
