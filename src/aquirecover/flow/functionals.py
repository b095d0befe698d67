"""Quantities whose derivatives a backward sweep finds: what they take of heads and flows, to first order.

Whatever is smooth in heads and flows has weights: its derivatives with respect to each of them. Heads and stored water are those
at the ends of steps, flows are means over steps. How these follow from heads and inputs is for the equations of flow to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class Terms:
    """Weights of one kind; the arrays are broadcast to one shape ``(n,)``.

    Parameters
    ----------
    row : array_like of int
        The functional each belongs to, from 0.
    step : array_like of int
        Step of the schedule, from 0.
    place : array_like of int
        Flat cell number, or connection of a stress.
    weight : array_like
        Unit of the functional per unit of the head or flow.
    """

    row: IntArray
    step: IntArray
    place: IntArray
    weight: FloatArray

    def __init__(self, row: ArrayLike = (), step: ArrayLike = (), place: ArrayLike = (), weight: ArrayLike = 1.0) -> None:
        arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a)) for a in (row, step, place, weight)))
        for name, array, kind in zip(("row", "step", "place", "weight"), arrays, (np.int64,) * 3 + (np.float64,), strict=True):
            if kind is np.int64 and array.size and not np.issubdtype(array.dtype, np.integer):
                raise ValueError(f"{name} has dtype {array.dtype}: must be whole numbers.")
            object.__setattr__(self, name, array.ravel().astype(kind))


@dataclass(frozen=True, eq=False)
class Weights:
    """Derivatives of functionals with respect to heads, flows and stored water.

    Parameters
    ----------
    heads : Terms
        Of heads at the ends of steps; m.
    initial_heads : Terms
        Of the heads at the start; their steps do not matter; m.
    stress_flows : mapping of str to Terms
        Of inflows from connections of stresses, by the name of the stress; m³/d.
    face_flows : Terms
        Of flows from cells (the places) into their `neighbours`; m³/d.
    neighbours : ndarray of int
        Flat cell numbers, one for each of `face_flows`.
    stored : Terms
        Of the water that cells store at the ends of steps, less what they store at the start; m³.
    """

    heads: Terms = field(default_factory=Terms)
    initial_heads: Terms = field(default_factory=Terms)
    stress_flows: Mapping[str, Terms] = field(default_factory=dict)
    face_flows: Terms = field(default_factory=Terms)
    neighbours: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    stored: Terms = field(default_factory=Terms)


class Functionals(ABC):
    """A family of functionals of one unit.

    Attributes
    ----------
    names : tuple of str
        One for each; the numbers of their rows are their places in it.
    unit : str
        Of all of them, as ``m3 d-1``.
    """

    names: tuple[str, ...]
    unit: str

    @abstractmethod
    def weights(self, trajectory: Trajectory) -> Weights:
        """Return the derivatives with respect to heads, flows and stored water at those of a simulation."""

    def values(self, trajectory: Trajectory) -> FloatArray | None:
        """Return the functionals of a simulation, shape ``(n,)``; None where they are sums of weights times heads and flows."""
        return None


@final
@dataclass(frozen=True, eq=False)
class WeightedSums(Functionals):
    """Sums of weights times heads and flows.

    Parameters
    ----------
    names, unit
        See `Functionals`.
    given : Weights
        The weights.
    """

    names: tuple[str, ...]
    unit: str
    given: Weights

    def weights(self, trajectory: Trajectory) -> Weights:
        """Return the weights, whatever the simulation."""
        return self.given


def heads(names: Sequence[str], step: ArrayLike, cell: ArrayLike) -> WeightedSums:
    """Return the heads of cells at the ends of steps, both of shape ``(n,)``; m."""
    return WeightedSums(tuple(names), "m", Weights(heads=Terms(np.arange(len(names)), step, cell)))


def stress_inflow(name: str, stress: str, step: ArrayLike, connection: ArrayLike, weight: ArrayLike = 1.0) -> WeightedSums:
    """Return the sum of weights times inflows from connections of a stress in steps; m³/d.

    A drain's outflow has the weight -1; over several steps the weights may be lengths of steps, the sum then is a volume, m³.
    """
    return WeightedSums((name,), "m3 d-1", Weights(stress_flows={stress: Terms(0, step, connection, weight)}))


def flow_between(name: str, step: ArrayLike, cell: ArrayLike, neighbour: ArrayLike, weight: ArrayLike = 1.0) -> WeightedSums:
    """Return the sum of weights times flows from cells into their neighbours, as through a line on the map; m³/d."""
    steps, cells, others, shares = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a)) for a in (step, cell, neighbour, weight)))
    return WeightedSums((name,), "m3 d-1", Weights(face_flows=Terms(0, steps, cells, shares), neighbours=others.astype(np.int64)))


def fixed_head_inflow(name: str, problem: Problem, boundary: str, step: int) -> WeightedSums:
    """Return the flow from the cells of a fixed head into the rest of the model; m³/d."""
    fixed = np.zeros(problem.grid.shape, dtype=bool)
    own = np.zeros(problem.grid.shape, dtype=bool)
    for found in problem.fixed_heads:
        fixed.reshape(-1)[found.cell] = True
        own.reshape(-1)[found.cell] |= found.name == boundary
    number = np.arange(problem.grid.n_cell).reshape(problem.grid.shape)
    free = (problem.grid.active | problem.grid.pass_through) & ~fixed
    pairs: list[tuple[IntArray, IntArray]] = []
    for axis in range(3):
        ahead = tuple(slice(None, -1) if i == axis else slice(None) for i in range(3))
        behind = tuple(slice(1, None) if i == axis else slice(None) for i in range(3))
        for here, there in ((ahead, behind), (behind, ahead)):
            crossing = own[here] & free[there]
            pairs.append((number[here][crossing], number[there][crossing]))
    cell, neighbour = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return flow_between(name, step, cell, neighbour)


def storage_change(name: str, cell: ArrayLike, first: int, last: int) -> WeightedSums:
    """Return how much more water cells store at the end of step `last` than before step `first`; m³."""
    cells = np.atleast_1d(np.asarray(cell))
    steps = [(last, 1.0)] if first == 0 else [(last, 1.0), (first - 1, -1.0)]
    step, weight = (np.repeat(column, cells.size) for column in zip(*steps, strict=True))
    return WeightedSums((name,), "m3", Weights(stored=Terms(0, step, np.tile(cells, len(steps)), weight)))
