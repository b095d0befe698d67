"""Weights of all functionals in the order of steps, checked against the problem they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.assembly import FlowSystem
from aquirecover.flow.functionals import Terms, Weights


@dataclass(frozen=True, eq=False)
class StepTerms:
    """Terms in the order of their steps; see `Terms`."""

    step: IntArray
    row: IntArray
    place: IntArray
    weight: FloatArray

    def at(self, step: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Return rows, places and weights of a step."""
        begin, end = np.searchsorted(self.step, (step, step + 1))
        return self.row[begin:end], self.place[begin:end], self.weight[begin:end]

    def among(self, rows: slice) -> StepTerms:
        """Return the terms of some functionals, whose rows then count from 0."""
        chosen = (self.row >= rows.start) & (self.row < rows.stop)
        return StepTerms(self.step[chosen], self.row[chosen] - rows.start, self.place[chosen], self.weight[chosen])


@dataclass(frozen=True, eq=False)
class AllTerms:
    """Weights of functionals by kind; see `Weights`.

    Parameters
    ----------
    heads, initial_heads, stored : StepTerms
        Places are cells; the steps of initial heads are 0.
    face_flows : StepTerms
        Of the flow into the cell on the western, northern or upper side of a face; the place is that cell plus 0, 1 or 2 times
        the number of cells for a face to the cell below, to the south or to the east.
    stress_flows : tuple of StepTerms
        Of every stress of the problem; places are connections.
    """

    heads: StepTerms
    initial_heads: StepTerms
    stored: StepTerms
    face_flows: StepTerms
    stress_flows: tuple[StepTerms, ...]

    def among(self, rows: slice) -> AllTerms:
        """Return the terms of some functionals, whose rows then count from 0."""
        return AllTerms(
            self.heads.among(rows),
            self.initial_heads.among(rows),
            self.stored.among(rows),
            self.face_flows.among(rows),
            tuple(kind.among(rows) for kind in self.stress_flows),
        )


def gather_terms(system: FlowSystem, names: Sequence[Sequence[str]], given: Sequence[Weights]) -> AllTerms:
    """Return the terms of families of functionals, whose rows follow one another.

    Parameters
    ----------
    system : FlowSystem
        Of the problem that they are for.
    names : sequence of sequence of str
        Of the functionals of each family.
    given : sequence of Weights
        Of each family.

    Raises
    ------
    ValueError
        When a weight belongs to what is not there; names the functional.
    """
    problem = system.problem
    check = _Checker(system, names)
    known = {stress.name: number for number, stress in enumerate(problem.stresses)}
    heads, initial, stored, faces = [], [], [], []
    flows: list[list[StepTerms]] = [[] for _ in known]
    for family, weights in enumerate(given):
        heads.append(check.terms(family, weights.heads, "cell", system.flowing.ravel()))
        first = weights.initial_heads
        at_start = Terms(first.row, np.zeros_like(first.row), first.place, first.weight)
        initial.append(check.terms(family, at_start, "cell", problem.grid.active.ravel()))
        stored.append(check.terms(family, weights.stored, "cell", system.flowing.ravel()))
        faces.append(check.faces(family, weights.face_flows, weights.neighbours))
        for name, terms in weights.stress_flows.items():
            if name not in known:
                raise ValueError(f"{names[family][0]}: no stress is called {name!r}; there are {', '.join(known) or 'none'}.")
            every = np.ones(problem.stresses[known[name]].n, dtype=bool)
            flows[known[name]].append(check.terms(family, terms, f"connection of {name}", every))
    return AllTerms(_joined(heads), _joined(initial), _joined(stored), _joined(faces), tuple(_joined(kind) for kind in flows))


def _joined(parts: Sequence[StepTerms]) -> StepTerms:
    """Return terms of several families in the order of their steps."""
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return StepTerms(empty, empty, empty, np.zeros(0))
    step, row, place = (np.concatenate([getattr(part, name) for part in parts]) for name in ("step", "row", "place"))
    weight = np.concatenate([part.weight for part in parts])
    order = np.argsort(step, kind="stable")
    return StepTerms(step[order], row[order], place[order], weight[order])


class _Checker:
    """Refuses weights of what is not there, and numbers the rows of all families through."""

    def __init__(self, system: FlowSystem, names: Sequence[Sequence[str]]) -> None:
        self.system = system
        self.names = names
        self.start = np.concatenate(([0], np.cumsum([len(family) for family in names]))).astype(np.int64)

    def terms(self, family: int, terms: Terms, place: str, there: BoolArray) -> StepTerms:
        """Return terms of a family; places count where they are `there`."""
        schedule = self.system.problem.schedule
        self._check(family, terms, (terms.step >= 0) & (terms.step < schedule.n_step), "step", terms.step, schedule.n_step)
        inside = (terms.place >= 0) & (terms.place < there.size)
        self._check(family, terms, inside, place, terms.place, there.size)
        if not there[terms.place].all():
            bad = int(np.flatnonzero(~there[terms.place])[0])
            where = self.system.problem.grid.describe(int(terms.place[bad]))
            raise ValueError(f"{self._name(family, terms, bad)}: {where} is inactive: must be an active cell.")
        if not np.isfinite(terms.weight).all():
            raise ValueError(f"{self.names[family][0]}: a weight is not finite.")
        return StepTerms(terms.step, terms.row + self.start[family], terms.place, terms.weight)

    def faces(self, family: int, terms: Terms, neighbour: IntArray) -> StepTerms:
        """Return terms of flows between cells of a family, see `AllTerms.face_flows`."""
        system, grid = self.system, self.system.problem.grid
        if neighbour.shape != terms.place.shape:
            raise ValueError(f"{self.names[family][0]}: {terms.place.size} cells and {neighbour.size} neighbours do not fit.")
        found = self.terms(family, terms, "cell", system.flowing.ravel())
        self.terms(family, Terms(terms.row, terms.step, neighbour, terms.weight), "cell", system.flowing.ravel())
        near, far = np.minimum(terms.place, neighbour), np.maximum(terms.place, neighbour)
        first, second = np.stack(grid.indices(near)), np.stack(grid.indices(far))
        apart = second - first
        fixed = system.fixed.ravel()
        sound = (apart.sum(axis=0) == 1) & (np.abs(apart).sum(axis=0) == 1) & ~(fixed[near] & fixed[far])
        if not sound.all():
            bad = int(np.flatnonzero(~sound)[0])
            pair = f"{grid.describe(int(near[bad]))} and {grid.describe(int(far[bad]))}"
            raise ValueError(f"{self._name(family, terms, bad)}: {pair} must share a face and not both have a fixed head.")
        axis = np.argmax(apart, axis=0) if near.size else near
        # what flows from a cell leaves it
        weight = np.where(terms.place == near, -terms.weight, terms.weight)
        return StepTerms(found.step, found.row, axis * grid.n_cell + near, weight)

    def _check(self, family: int, terms: Terms, sound: BoolArray, what: str, value: IntArray, end: int) -> None:
        n = len(self.names[family])
        outside = (terms.row < 0) | (terms.row >= n)
        if outside.any():
            raise ValueError(f"{self.names[family]}: a weight has row {terms.row[outside][0]}: must be 0 to {n - 1}.")
        if not sound.all():
            bad = int(np.flatnonzero(~sound)[0])
            raise ValueError(f"{self._name(family, terms, bad)}: {what} {value[bad]}: must be 0 to {end - 1}.")

    def _name(self, family: int, terms: Terms, item: int) -> str:
        return self.names[family][int(terms.row[item])]
