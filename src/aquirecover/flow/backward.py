"""The backward sweep: from the weights of functionals to the weights of the balance of every cell in every step.

With the balances ``r_n(h_n, h_(n−1)) = 0`` of the steps and a functional ``J(h_1, …, h_N)`` the weights follow backwards in time
from ``A_nᵀ λ_n = ∂J/∂h_n + (∂r_(n+1)/∂h_n)ᵀ λ_(n+1)``, with the Newton matrix ``A_n = −∂r_n/∂h_n``, and ``dJ/dp = ∂J/∂p +
Σ λ_nᵀ ∂r_n/∂p`` for every input p. What a step takes from the heads at its start is the release from storage over its own length.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.assembly import State
from aquirecover.flow.input_gradients import (
    FACE_INPUTS,
    ConductanceGradient,
    FixedHeadGradient,
    StorageGradient,
    StressGradient,
    storage_slope,
    unit_releases,
)
from aquirecover.flow.step_terms import AllTerms
from aquirecover.flow.trajectory import START, Part, Trajectory
from aquirecover.flow.transposed import TransposedSolver
from aquirecover.flow.weighted_flows import BY_FAR, BY_NEAR, FLOW, N_TERM, face_terms

# Residuals below this share of the tolerance times the largest right-hand side so far do not matter: weights fade backwards.
FADED = 1e-6
# Share of a cell's thickness by which a head is tried lower.
TRIED = 1e-3


class Gradients:
    """The derivatives that a sweep adds up.

    Parameters
    ----------
    trajectory : Trajectory
        The simulation.
    keys : collection of str
        Inputs that are wanted, see `sensitivities.differentiable_inputs`.
    n : int
        Functionals.
    """

    def __init__(self, trajectory: Trajectory, keys: Collection[str], n: int) -> None:
        system, problem = trajectory.system, trajectory.problem
        self.wanted = bool(keys)
        self._keys = keys
        self._shape = (n, *problem.grid.shape)
        self.stresses = []
        for stress in problem.stresses:
            names = [name for name in stress.inputs() if f"{stress.name}.{name}" in keys]
            self.stresses.append(StressGradient(stress, names, n) if names else None)
        self.fixed = {f"{b.name}.head": FixedHeadGradient(b, system, n) for b in problem.fixed_heads if f"{b.name}.head" in keys}
        by_faces = FACE_INPUTS.union(f"{barrier.name}.hydraulic_characteristic" for barrier in problem.barriers)
        self.conductance = None if by_faces.isdisjoint(keys) else ConductanceGradient(system, n)
        stored = {"specific_storage", "specific_yield"}
        self.storage = None if stored.isdisjoint(keys) else StorageGradient(system, n)
        self.initial = np.zeros((n, problem.grid.n_cell))

    def total(self) -> dict[str, FloatArray]:
        """Return the derivatives by the keys of the inputs, each with a first axis of functionals."""
        found: dict[str, FloatArray] = {key: boundary.total for key, boundary in self.fixed.items()}
        found["initial_head"] = self.initial.reshape(self._shape)
        for stress in self.stresses:
            if stress is not None:
                found.update({f"{stress.stress.name}.{name}": total for name, total in stress.total.items()})
        for part in (self.conductance, self.storage):
            if part is not None:
                found.update(part.total())
        return {key: found[key] for key in self._keys}


class BackwardSweep:
    """Goes through a simulation backwards for several functionals at once.

    Parameters
    ----------
    trajectory : Trajectory
        The simulation.
    terms : AllTerms
        Weights of the functionals.
    names : sequence of str
        Of the functionals.
    gradients : Gradients
        To be added to.
    solver : TransposedSolver
        Of its systems.

    Attributes
    ----------
    value : ndarray
        Sums of weights times heads, flows and stored water, shape ``(n_functional,)``.
    """

    def __init__(
        self, trajectory: Trajectory, terms: AllTerms, names: tuple[str, ...], gradients: Gradients, solver: TransposedSolver
    ) -> None:
        self.trajectory, self.terms, self.names = trajectory, terms, names
        self.gradients, self.solver = gradients, solver
        n, system = len(names), trajectory.system
        self.value = np.zeros(n)
        self._start = trajectory.state(START)
        self._known = np.flatnonzero(~system.unknown)
        self._acting = [~system.fixed.ravel()[stress.cell] for stress in system.problem.stresses]
        # right-hand sides; weights of balances; those of releases over lengths of parts that begin where `_later_of` ends
        self._rhs, self._weight, self._later = (np.zeros((n, system.problem.grid.n_cell)) for _ in range(3))
        self._later_of = len(trajectory.parts)
        # what the second stage of a step leaves to the first
        self._staged: FloatArray | None = None
        self._largest = np.zeros(n)

    def run(self, progress: Callable[[int, float], None]) -> None:
        """Go from the last part to the first, and on to the initial heads.

        Parameters
        ----------
        progress : callable
            Called with each step that is done and the time at its end, d.

        Raises
        ------
        ConvergenceError
            When a system is not solved; names period and step.
        ValueError
            When a functional needs the head of a dry cell that nothing determines.
        """
        parts, time = self.trajectory.parts, self.trajectory.problem.schedule.step_time
        self.solver.forget()
        for number in range(len(parts) - 1, -1, -1):
            self._go_back(number)
            step = parts[number].step
            if number == 0 or parts[number - 1].step != step:
                progress(step, float(time[step]))
        if self._later_of == START:
            self.gradients.initial += self._later * storage_slope(self.trajectory.system, self._start).ravel()
        row, cell, weight = self.terms.initial_heads.at(0)
        np.add.at(self.gradients.initial, (row, cell), weight)
        np.add.at(self.value, row, weight * self._start.head.ravel()[cell])

    def _go_back(self, number: int) -> None:
        """Find the weights of one part and add up what they give."""
        trajectory, gradients = self.trajectory, self.gradients
        part, state, system = trajectory.parts[number], trajectory.state(number), trajectory.system
        slope = storage_slope(system, state).ravel()
        self._rhs[:] = 0.0
        if self._later_of == number:
            self._rhs += self._later * slope
            self._later[:] = 0.0
        if self._staged is not None:
            self._rhs -= self._staged * (slope / part.dt)
        if number == trajectory.last_part[part.step]:
            self._take_heads(number, part, state)
            self._take_stored(part, state, slope)
        flow_weights = self._take_stress_flows(part, state)
        self._take_face_flows(part, state)
        for boundary in gradients.fixed.values():
            boundary.add_own(self._rhs, part.period)
        if not gradients.wanted:
            return
        self._rhs[:, self._known] = 0.0
        self._solve(number)
        release = self._weight if self._staged is None else self._weight + self._staged
        self._add_up(number, part, state, release, flow_weights)
        if np.isfinite(part.dt):
            self._later += release / part.dt
            self._later_of = part.old
        self._staged = part.carried * self._weight if part.carried != 0.0 else None

    def _take_heads(self, number: int, part: Part, state: State) -> None:
        row, cell, weight = self.terms.heads.at(part.step)
        if row.size:
            self._check_dry(number, state, row, cell)
            np.add.at(self._rhs, (row, cell), weight)
            np.add.at(self.value, row, weight * state.head.ravel()[cell])

    def _take_stored(self, part: Part, state: State, slope: FloatArray) -> None:
        row, cell, weight = self.terms.stored.at(part.step)
        if not row.size:
            return
        system, storage = self.trajectory.system, self.gradients.storage
        releases = unit_releases(system, state, self._start, 1.0)
        stored = -system.elastic.ravel() * releases[0]
        if releases[1] is not None:
            stored -= system.drainable.ravel() * releases[1]
        np.add.at(self.value, row, weight * stored[cell])
        np.add.at(self._rhs, (row, cell), weight * slope[cell])
        np.add.at(self.gradients.initial, (row, cell), -weight * storage_slope(system, self._start).ravel()[cell])
        if storage is not None:
            storage.add_cells(row, cell, -weight, releases)

    def _take_stress_flows(self, part: Part, state: State) -> list[FloatArray | None]:
        """Take what functionals take of stress flows; return their weights, shape ``(n_functional, n)``, by stress."""
        system = self.trajectory.system
        found: list[FloatArray | None] = []
        for stress, terms, acting in zip(system.problem.stresses, self.terms.stress_flows, self._acting, strict=True):
            row, place, weight = terms.at(part.step)
            if not row.size:
                found.append(None)
                continue
            # stresses do nothing on fixed heads
            weight = part.share * weight * acting[place]
            flow, slope = stress.flow(state.head.ravel()[stress.cell], part.period, system.cells)
            np.add.at(self.value, row, weight * flow[place])
            np.add.at(self._rhs, (row, stress.cell[place]), weight * slope[place])
            dense = np.zeros((self.value.size, stress.n))
            np.add.at(dense, (row, place), weight)
            found.append(dense)
        return found

    def _take_face_flows(self, part: Part, state: State) -> None:
        system = self.trajectory.system
        row, place, weight = self.terms.face_flows.at(part.step)
        if not row.size:
            return
        axis, near = np.divmod(place, system.problem.grid.n_cell)
        far = near + np.array((system.shape[1] * system.shape[2], system.shape[2], 1))[axis]
        terms, weight = np.empty((N_TERM, row.size)), part.share * weight
        face_terms(axis, near, state.head, state.saturation, state.slope, system.faces, terms)
        np.add.at(self.value, row, weight * terms[FLOW])
        np.add.at(self._rhs, (row, near), weight * terms[BY_NEAR])
        np.add.at(self._rhs, (row, far), weight * terms[BY_FAR])
        if self.gradients.conductance is not None:
            self.gradients.conductance.add_faces(row, axis, near, weight, terms)

    def _solve(self, number: int) -> None:
        """Turn right-hand sides into weights of balances."""
        size = np.abs(self._rhs).sum(axis=1)
        np.maximum(self._largest, size, out=self._largest)
        least = self.solver.tolerance * FADED * self._largest
        faded = size <= least
        self._weight[faded] = 0.0
        if faded.all():
            return
        system, shape = self.trajectory.system, self.trajectory.system.shape
        try:
            self.solver.use(system.matrix(system.balance(self.trajectory.state(number), self.trajectory.interval(number))))
            for n in np.flatnonzero(~faded).tolist():
                self.solver.solve(n, self._rhs[n].reshape(shape), self._weight[n].reshape(shape), least[n])
        except ConvergenceError as error:
            part = self.trajectory.parts[number]
            raise ConvergenceError(
                f"Backwards in period {part.period + 1}, step {part.step + 1}: {str(error).rstrip('.')}."
            ) from error

    def _add_up(self, number: int, part: Part, state: State, release: FloatArray, flow_weights: list[FloatArray | None]) -> None:
        """Add what the weights of a part give to the derivatives."""
        gradients, system = self.gradients, self.trajectory.system
        for gradient, acting, own in zip(gradients.stresses, self._acting, flow_weights, strict=True):
            if gradient is not None:
                cell = gradient.stress.cell
                weight = self._weight[:, cell] * acting
                if own is not None:
                    weight += own
                gradient.add(weight, state.head.ravel()[cell], part.period, system.cells)
        for boundary in gradients.fixed.values():
            boundary.add(self._weight, state, part.period)
        if gradients.conductance is not None:
            gradients.conductance.add(self._weight.reshape(-1, *system.shape), state)
        if gradients.storage is not None and np.isfinite(part.dt):
            old = self.trajectory.state(part.old)
            gradients.storage.add(release, unit_releases(system, state, old, part.dt))

    def _check_dry(self, number: int, state: State, row: IntArray, cell: IntArray) -> None:
        """Refuse the head of a dry cell that has no part in any flow: it is what the iteration left there."""
        system, cells = self.trajectory.system, self.trajectory.system.cells
        if not system.has_convertible:
            return
        dry = np.unique(cell[(state.saturation.ravel()[cell] == 0.0) & system.unknown.ravel()[cell]])
        if not dry.size:
            return
        interval = self.trajectory.interval(number)
        tried = state.head.copy()
        # not all by the same, lest cells that are tied to each other alone should seem tied to the rest
        lower = 1.0 + np.arange(dry.size) / dry.size
        tried.reshape(-1)[dry] -= TRIED * cells.thickness[dry] * lower
        before, after = (system.balance(one, interval).residual.ravel()[dry] for one in (state, system.state(tried)))
        loose = dry[before == after]
        if loose.size:
            part, place = self.trajectory.parts[number], system.problem.grid.describe(int(loose[0]))
            name = self.names[int(row[np.flatnonzero(cell == loose[0])[0]])]
            raise ValueError(
                f"{name}: {place} is dry in period {part.period + 1}, step {part.step + 1}, and nothing determines its head. "
                "Choose a cell below it, or an earlier step."
            )
