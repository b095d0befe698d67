"""Derivatives of functionals with respect to the inputs of a problem, and what changes of inputs make of them to first order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.stresses import FixedHead, FlowBarrier, Stress, Wells
from aquirecover.variables import VARIABLES, plain_unit

PROPERTIES = ("k", "k22", "k33", "leakance", "specific_storage", "specific_yield")


def differentiable_inputs(problem: Problem) -> dict[str, FloatArray]:
    """Return the arrays by which functionals may be differentiated, by their keys.

    ``k``, ``k22``, ``k33``, ``leakance``, ``specific_storage``, ``specific_yield``, ``initial_head``, and of each stress, fixed
    head and barrier its name and its array, as ``wells.pumping_rate``.

    Raises
    ------
    ValueError
        When two of them have one key.
    """
    items: list[tuple[str, FloatArray]] = [(name, getattr(problem.properties, name)) for name in PROPERTIES]
    items.append(("initial_head", problem.initial_head))
    for stress in problem.stresses:
        items += [(f"{stress.name}.{name}", array) for name, array in stress.inputs().items()]
    items += [(f"{boundary.name}.head", boundary.head) for boundary in problem.fixed_heads]
    items += [(f"{barrier.name}.hydraulic_characteristic", barrier.hydraulic_characteristic) for barrier in problem.barriers]
    found = dict(items)
    if len(found) < len(items):
        keys = [key for key, _ in items]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"Two inputs are called {twice}: give stresses, fixed heads and barriers different names.")
    return found


def chosen_inputs(problem: Problem, wanted: Iterable[str] | None) -> tuple[str, ...]:
    """Return the keys of the inputs that are wanted, in the order of `differentiable_inputs`.

    Parameters
    ----------
    problem : Problem
        Whose inputs they are.
    wanted : iterable of str or None
        Keys, or names of stresses, fixed heads or barriers for all of their arrays; None is all.

    Raises
    ------
    ValueError
        When there is no such input, or a stress does not give its derivatives.
    """
    inputs = differentiable_inputs(problem)
    asked = set(inputs) if wanted is None else set(wanted)
    names = {key.partition(".")[0] for key in inputs if "." in key}
    unknown = sorted(asked - set(inputs) - names)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such input. There are {', '.join(inputs)}.")
    keys = tuple(key for key in inputs if key in asked or ("." in key and key.partition(".")[0] in asked))
    for stress in problem.stresses:
        _check_derivatives(stress, problem, keys)
    return keys


def _check_derivatives(stress: Stress, problem: Problem, keys: tuple[str, ...]) -> None:
    """Refuse a stress that does not give the derivatives that are wanted of it."""
    names = [name for name in stress.inputs() if f"{stress.name}.{name}" in keys]
    if not names:
        return
    given = stress.derivatives(problem.initial_head.ravel()[stress.cell], 0, problem.cells())
    missing = sorted(set(names) - set(given))
    if missing:
        raise ValueError(
            f"{stress.name}.{missing[0]}: {type(stress).__name__} does not give the derivative of its flow with respect to it. "
            f"Add it to {type(stress).__name__}.derivatives, or name the inputs wanted without it."
        )


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Functionals of a simulation and their derivatives with respect to inputs.

    Parameters
    ----------
    result : FlowResult
        The simulation.
    names, units : tuple of str
        Of the functionals.
    value : ndarray
        Of the functionals, shape ``(n_functional,)``.
    derivative : mapping of str to ndarray
        By the keys of the inputs, of shape ``(n_functional, …)`` with the shape of the input; see `unit`. An array of a stress
        with a row for each period has derivatives by period; one without rows holds for all of them. 0 in inactive cells, and
        for a leakance that is not given. k, k22 and k33 each count alone, even where one was made from another.
    """

    result: FlowResult
    names: tuple[str, ...]
    units: tuple[str, ...]
    value: FloatArray
    derivative: Mapping[str, FloatArray]

    def of(self, name: str) -> dict[str, FloatArray]:
        """Return the derivatives of one functional, each of the shape of its input."""
        place = self.names.index(name)
        return {key: array[place] for key, array in self.derivative.items()}

    def unit(self, name: str, key: str) -> str:
        """Return the unit of a derivative as people write it: ``m per m³/d``."""
        own = VARIABLES.get(key.rpartition(".")[2])
        above = plain_unit(self.units[self.names.index(name)])
        return above if own is None or own.unit == "1" else f"{above} per {plain_unit(own.unit)}"

    def change(self, other: Problem) -> FloatArray:
        """Return what the functionals gain from another problem's inputs to first order, shape ``(n_functional,)``.

        Parameters
        ----------
        other : Problem
            The same model with other values.

        Raises
        ------
        ValueError
            When something differs whose derivatives are not known.
        """
        problem = self.result.problem
        _check_same_model(problem, other)
        before, after = differentiable_inputs(problem), differentiable_inputs(other)
        total = np.zeros(self.value.size)
        for key, old in before.items():
            new = after[key]
            if new.shape != old.shape and not (new.ndim < old.ndim == 2):
                raise ValueError(f"{key} has shape {new.shape}: must be {old.shape}, as in the problem that was simulated.")
            difference = np.where(np.isnan(old) & np.isnan(new), 0.0, new - old)
            if not difference.any():
                continue
            if key not in self.derivative or np.isnan(difference).any():
                raise ValueError(f"{key} differs, and its derivatives are not known.")
            total += np.tensordot(self.derivative[key], difference, axes=old.ndim)
        return total


def _check_same_model(problem: Problem, other: Problem) -> None:
    """Refuse a problem that differs in what has no derivative."""
    pairs = [(f"grid.{name}", getattr(problem.grid, name), getattr(other.grid, name)) for name in _GRID]
    pairs += [("convertible", problem.properties.convertible, other.properties.convertible)]
    pairs += [("averaging", problem.properties.averaging, other.properties.averaging)]
    pairs += [(f"schedule.{name}", getattr(problem.schedule, name), getattr(other.schedule, name)) for name in _SCHEDULE]
    first, second = _structure(problem), _structure(other)
    pairs += [("stresses, fixed heads and barriers", tuple(first), tuple(second))]
    pairs += [(key, first[key], second[key]) for key in first if key in second]
    for key, old, new in pairs:
        if not np.array_equal(old, new):
            raise ValueError(f"{key} differs: it must be that of the problem that was simulated.")


_GRID = ("dx", "dy", "top", "bottom", "active", "pass_through")
_SCHEDULE = ("period_length", "n_steps", "step_multiplier", "steady")


def _structure(problem: Problem) -> dict[str, object]:
    """Return what of stresses, fixed heads and barriers has no derivative, by key."""
    terms: list[Stress | FixedHead | FlowBarrier] = [*problem.stresses, *problem.fixed_heads, *problem.barriers]
    found: dict[str, object] = {f"{term.name}.cell": term.cell for term in terms}
    for barrier in problem.barriers:
        found[f"{barrier.name}.neighbour"] = barrier.neighbour
    for wells in problem.stresses:
        if isinstance(wells, Wells):
            found[f"{wells.name}.well"], found[f"{wells.name}.flow_reduction"] = wells.well, wells.flow_reduction
    return found
