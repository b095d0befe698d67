"""Derivatives of what a simulation shows with respect to all its inputs, by one sweep backwards in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np

from aquirecover.errors import ConfigError, ResourceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.backward import BackwardSweep, Gradients
from aquirecover.flow.checks import check_problem
from aquirecover.flow.functionals import Functionals
from aquirecover.flow.problem import Problem
from aquirecover.flow.recycling import MOST
from aquirecover.flow.sensitivities import Sensitivities, chosen_inputs, differentiable_inputs
from aquirecover.flow.simulate import Progress, SimulateSettings
from aquirecover.flow.step_terms import gather_terms
from aquirecover.flow.trajectory import GIB, Trajectory
from aquirecover.flow.transposed import TransposedSolver

# Fields of all cells that a sweep may hold for each functional: right-hand side, weights and what later parts leave, derivatives
# with respect to faces, storage and initial heads, and earlier solutions with their images.
FIELDS = 12 + 2 * MOST


@dataclass(frozen=True)
class SensitivitySettings:
    """How derivatives are found."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    simulate: SimulateSettings = field(default_factory=SimulateSettings)
    """Of the simulation."""
    tolerance: float = 1e-10
    """Each system of the backward sweep is solved until the residuals sum to this share of its right-hand side."""
    memory: float = 4.0
    """What may be kept in memory, GiB. Heads beyond half of it go to a temporary file; functionals beyond the other half are
    swept one group after another."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not 0.0 < self.tolerance < 1.0:
            raise ValueError(f"tolerance = {self.tolerance:g}: must lie between 0 and 1.")
        if not self.memory > 0.0:
            raise ValueError(f"memory = {self.memory:g}: must be greater than 0.")


def sensitivities(
    problem: Problem,
    functionals: Sequence[Functionals],
    settings: SensitivitySettings | None = None,
    wanted: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> Sensitivities:
    """Simulate a problem and differentiate functionals of its heads and flows with respect to its inputs.

    The equations of every step are solved once more, transposed and in reverse order, for each functional, whatever the number of
    inputs. Derivatives are those of the discrete equations: of the branch that each formula takes, and, where the lengths of
    steps follow from the heads (``sdirk2``, or steps that were cut), with those lengths held.

    Parameters
    ----------
    problem : Problem
        What to simulate.
    functionals : sequence of Functionals
        Families; their functionals follow one another.
    settings : SensitivitySettings, optional
        How.
    wanted : iterable of str, optional
        Keys of inputs, as ``k`` or ``wells.pumping_rate``, or names of stresses, fixed heads and barriers; all by default, see
        `differentiable_inputs`. With none the functionals are computed and nothing is solved backwards.
    progress : callable, optional
        See `simulate`; the steps of both directions count.

    Returns
    -------
    Sensitivities
        Functionals, derivatives and the simulation.

    Raises
    ------
    ConfigError, ConvergenceError, BudgetError
        As `simulate`; the sweep may not converge either.
    ResourceError
        When the derivatives need more memory than allowed, or heads more disk than there is.
    ValueError
        When a functional or an input is not there, or a stress does not give its derivatives.
    """
    settings = settings or SensitivitySettings()
    findings = check_problem(problem)
    if findings:
        raise ConfigError(findings)
    keys = chosen_inputs(problem, wanted)
    names = tuple(chain.from_iterable(family.names for family in functionals))
    if not names:
        raise ValueError("functionals is empty: give one or more.")
    _check_room(problem, keys, len(names), settings.memory)
    counter = _Counter(progress, problem.schedule.n_step, len(names))
    trajectory = Trajectory(problem, settings.simulate, 0.5 * settings.memory, counter.onward)
    weights = [family.weights(trajectory) for family in functionals]
    terms = gather_terms(trajectory.system, [family.names for family in functionals], weights)
    solver = TransposedSolver(settings.simulate.linear, settings.tolerance)
    values, totals = [], []
    for rows in _groups(len(names), problem.grid.n_cell, settings.memory):
        gradients = Gradients(trajectory, keys, rows.stop - rows.start)
        sweep = BackwardSweep(trajectory, terms.among(rows), names[rows], gradients, solver)
        sweep.run(partial(counter.back, rows))
        values.append(sweep.value)
        totals.append(gradients.total())
    found = totals[0] if len(totals) == 1 else {key: np.concatenate([total.pop(key) for total in totals]) for key in keys}
    units = tuple(family.unit for family in functionals for _ in family.names)
    return Sensitivities(trajectory.result, names, units, _values(functionals, trajectory, np.concatenate(values)), found)


def _values(functionals: Sequence[Functionals], trajectory: Trajectory, sums: FloatArray) -> FloatArray:
    """Return the functionals: the sums of weights, but where a family says otherwise."""
    place, parts = 0, []
    for family in functionals:
        n = len(family.names)
        own = family.values(trajectory)
        parts.append(sums[place : place + n] if own is None else own)
        place += n
    return np.concatenate(parts)


class _Counter:
    """Tells how far both directions have come, in steps of which there are twice as many as in the schedule."""

    def __init__(self, progress: Progress | None, n_step: int, n: int) -> None:
        self._progress, self._n_step, self._n = progress, n_step, n

    def onward(self, done: int, n_step: int, time: float) -> None:
        """Count a step of the simulation."""
        if self._progress is not None:
            self._progress(done, 2 * n_step, time)

    def back(self, rows: slice, step: int, time: float) -> None:
        """Count a step of the sweep for a group of functionals."""
        if self._progress is not None:
            share = (rows.start + (rows.stop - rows.start) * (1.0 - step / self._n_step)) / self._n
            self._progress(self._n_step + round(share * self._n_step), 2 * self._n_step, time)


def _groups(n: int, n_cell: int, memory: float) -> list[slice]:
    """Return the functionals that are swept together."""
    most = max(1, int(0.5 * memory * GIB / (8.0 * FIELDS * n_cell)))
    return [slice(begin, min(begin + most, n)) for begin in range(0, n, most)]


def _check_room(problem: Problem, keys: Sequence[str], n: int, memory: float) -> None:
    """Refuse derivatives that do not fit into memory."""
    inputs = differentiable_inputs(problem)
    needed = 8.0 * n * sum(inputs[key].size for key in keys) / GIB
    if needed > memory:
        raise ResourceError(
            f"The derivatives of {n} functionals with respect to {', '.join(keys)} need {needed:.2g} GiB: must be "
            f"{memory:g} or less. Name fewer inputs (wanted), or raise SensitivitySettings.memory."
        )
