"""Derivatives with respect to inputs, added up part by part from the weights of a backward sweep.

The balance of every cell, and every flow that a functional looks at, has a weight; an input counts with the sum of weights times
the derivatives of those flows with respect to it. Arrays have a first axis of functionals, ``(n_functional, …)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.assembly import FlowSystem, Interval, State
from aquirecover.flow.conductance_gradient import ByFace, by_property
from aquirecover.flow.stresses import Cells, FixedHead, Stress
from aquirecover.flow.weighted_flows import (
    BY_C,
    BY_FAR,
    BY_NEAR,
    BY_SHARE,
    BY_WALL,
    N_TERM,
    add_face_products,
    add_product,
    face_terms,
)

# Inputs that conductances are made of, besides barriers.
FACE_INPUTS = frozenset({"k", "k22", "k33", "leakance"})


class StressGradient:
    """Derivatives with respect to the arrays of one stress.

    Parameters
    ----------
    stress : Stress
        It gives the derivatives of its flow.
    names : sequence of str
        Of its arrays.
    n : int
        Functionals.
    """

    def __init__(self, stress: Stress, names: Sequence[str], n: int) -> None:
        self.stress = stress
        given = stress.inputs()
        self.total = {name: np.zeros((n, *given[name].shape)) for name in names}
        self._columns = {name: stress.columns(name) for name in names}
        # most read a column of their own
        self._apart = {name: np.array_equal(self._columns[name], np.arange(given[name].shape[-1])) for name in names}

    def add(self, weight: FloatArray, head: FloatArray, period: int, cells: Cells) -> None:
        """Add the flows of a part; `weight` of each has shape ``(n_functional, n)``, `head` of their cells ``(n,)``."""
        slopes = self.stress.derivatives(head, period, cells)
        for name, total in self.total.items():
            target = total[:, period] if total.ndim == 3 else total
            if self._apart[name]:
                target += weight * slopes[name]
            else:
                np.add.at(target.T, self._columns[name], (weight * slopes[name]).T)


class FixedHeadGradient:
    """Derivatives with respect to the heads of one boundary.

    Parameters
    ----------
    boundary : FixedHead
        Its cells and heads.
    system : FlowSystem
        Whose faces lead away from it.
    n : int
        Functionals.
    """

    def __init__(self, boundary: FixedHead, system: FlowSystem, n: int) -> None:
        self.cell = boundary.cell
        self.total = np.zeros((n, *boundary.head.shape))
        self._system = system
        column = np.full(system.problem.grid.n_cell, -1)
        column[boundary.cell] = np.arange(boundary.cell.size)
        distance = (system.shape[1] * system.shape[2], system.shape[2], 1)
        axes, nears = [], []
        for axis, c in enumerate((system.faces.cz, system.faces.cy, system.faces.cx)):
            open_faces = np.flatnonzero(c.ravel() > 0.0)
            touching = open_faces[(column[open_faces] >= 0) | (column[open_faces + distance[axis]] >= 0)]
            axes.append(np.full(touching.size, axis))
            nears.append(touching)
        self._axis, self._near = np.concatenate(axes), np.concatenate(nears)
        self._far = self._near + np.array(distance)[self._axis]
        self._sides = [
            (np.flatnonzero(column[cell] >= 0), column, cell, row) for cell, row in ((self._near, BY_NEAR), (self._far, BY_FAR))
        ]

    def add_own(self, taken: FloatArray, period: int) -> None:
        """Add what functionals take of the heads themselves, shape ``(n_functional, n_cell)``."""
        self._in_period(period)[:] += taken[:, self.cell]

    def add(self, weight: FloatArray, state: State, period: int) -> None:
        """Add a part; `weight` of the balance of each cell has shape ``(n_functional, n_cell)``."""
        target = self._in_period(period)
        terms = np.empty((N_TERM, self._axis.size))
        face_terms(self._axis, self._near, state.head, state.saturation, state.slope, self._system.faces, terms)
        apart = weight[:, self._near] - weight[:, self._far]
        for chosen, column, cell, row in self._sides:
            np.add.at(target.T, column[cell[chosen]], (apart[:, chosen] * terms[row, chosen]).T)

    def _in_period(self, period: int) -> FloatArray:
        total: FloatArray = self.total[:, period] if self.total.ndim == 3 else self.total
        return total


class ConductanceGradient:
    """Derivatives with respect to what the conductances of faces are made of.

    Parameters
    ----------
    system : FlowSystem
        The equations.
    n : int
        Functionals.
    """

    def __init__(self, system: FlowSystem, n: int) -> None:
        self._system = system
        shape = system.shape
        shared = shape if system.faces.harmonic else (0, 0, 0)
        walled = shared if system.problem.barriers else (0, 0, 0)
        shapes = (shape, shape, shape, shared, shared, walled, walled)
        self.by_face = [ByFace(*(np.zeros(s) for s in shapes)) for _ in range(n)]

    def add(self, weight: FloatArray, state: State) -> None:
        """Add a part; `weight` of the balance of each cell has shape ``(n_functional, n_layer, n_y, n_x)``."""
        for own, total in zip(weight, self.by_face, strict=True):
            add_face_products(own, state.head, state.saturation, self._system.faces, total)

    def add_faces(self, row: IntArray, axis: IntArray, near: IntArray, weight: FloatArray, terms: FloatArray) -> None:
        """Add flows through single faces that functionals look at; see `face_terms`."""
        for n in np.unique(row):
            total = self.by_face[n]
            along_y, along_x = (total.cy, total.near_y, total.wall_y), (total.cx, total.near_x, total.wall_x)
            for along, targets in ((0, (total.cz,)), (1, along_y), (2, along_x)):
                chosen = (row == n) & (axis == along)
                for target, term in zip(targets, (BY_C, BY_SHARE, BY_WALL), strict=False):
                    if target.size:
                        np.add.at(target.reshape(-1), near[chosen], weight[chosen] * terms[term, chosen])

    def total(self) -> Mapping[str, FloatArray]:
        """Return the derivatives by the keys of the inputs."""
        problem = self._system.problem
        found = [by_property(problem, by_face) for by_face in self.by_face]
        result = {name: np.stack([getattr(one, name) for one in found]) for name in sorted(FACE_INPUTS)}
        for number, barrier in enumerate(problem.barriers):
            result[f"{barrier.name}.hydraulic_characteristic"] = np.stack([one.barriers[number] for one in found])
        return result


class StorageGradient:
    """Derivatives with respect to specific storage and specific yield.

    Parameters
    ----------
    system : FlowSystem
        The equations.
    n : int
        Functionals.
    """

    def __init__(self, system: FlowSystem, n: int) -> None:
        self._system = system
        self.by_elastic = np.zeros((n, system.problem.grid.n_cell))
        self.by_drainable = np.zeros((n, system.problem.grid.n_cell)) if system.has_convertible else None

    def add(self, weight: FloatArray, releases: tuple[FloatArray, FloatArray | None]) -> None:
        """Add a part; `weight` of the release from each cell has shape ``(n_functional, n_cell)``; see `unit_releases`."""
        for n, own in enumerate(weight):
            add_product(own, releases[0], self.by_elastic[n])
            if self.by_drainable is not None and releases[1] is not None:
                add_product(own, releases[1], self.by_drainable[n])

    def add_cells(
        self, row: IntArray, cell: IntArray, weight: FloatArray, releases: tuple[FloatArray, FloatArray | None]
    ) -> None:
        """Add what functionals take of releases from single cells."""
        np.add.at(self.by_elastic, (row, cell), weight * releases[0][cell])
        if self.by_drainable is not None and releases[1] is not None:
            np.add.at(self.by_drainable, (row, cell), weight * releases[1][cell])

    def total(self) -> Mapping[str, FloatArray]:
        """Return the derivatives by the keys of the inputs."""
        system = self._system
        grid, properties = system.problem.grid, system.problem.properties
        volume = np.where(grid.active & ~system.fixed, grid.thickness * grid.area, 0.0)
        drains: BoolArray = properties.convertible
        shape = (self.by_elastic.shape[0], *grid.shape)
        by_yield = (
            np.zeros(shape) if self.by_drainable is None else np.where(drains, volume, 0.0) * self.by_drainable.reshape(shape)
        )
        return {"specific_storage": volume * self.by_elastic.reshape(shape), "specific_yield": by_yield}


def unit_releases(system: FlowSystem, state: State, old: State, dt: float) -> tuple[FloatArray, FloatArray | None]:
    """Return the release per unit of elastic storage, m/d, and per unit of drainable volume, 1/d; flat, None without the latter.

    Releases are linear in both, so that the formula of the simulator gives them with ones and zeros in their place.
    """
    cells, n = system.cells, system.problem.grid.n_cell
    if not system.has_convertible:
        return ((old.head - state.head) / dt).ravel(), None
    ones, zeros, unused = np.ones(n), np.zeros(n), np.empty(n)
    results = []
    for elastic, drainable in ((ones, zeros), (zeros, ones)):
        release = np.empty(n)
        kernels.storage_release(
            state.head.ravel(),
            state.saturation.ravel(),
            state.slope.ravel(),
            old.head.ravel(),
            old.saturation.ravel(),
            cells.bottom,
            cells.thickness,
            cells.convertible,
            elastic,
            drainable,
            dt,
            release,
            unused,
        )
        results.append(release)
    return results[0], results[1]


def storage_slope(system: FlowSystem, state: State) -> FloatArray:
    """Return the derivative of stored water with respect to the head of each cell, shape ``(n_layer, n_y, n_x)``; m²."""
    return system.storage_flow(state, Interval(0, 1.0, state))[1]
