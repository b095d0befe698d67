"""The equations of a step: residual, Newton matrix and the flow of every term, from one set of formulas."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias
from weakref import ReferenceType, ref

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.conductance import conductances, flowing_cells
from aquirecover.flow.linear import Matrix
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import Drain, Evapotranspiration, River

StressFlows: TypeAlias = list[tuple[IntArray, FloatArray, FloatArray]]

# Matrices of a linear model that are kept, one for each length of step and state of rivers and drains, and cells of them all.
MATRICES, MATRIX_CELLS = 4, 8_000_000
# Arrays for storage flows that take turns.
LENT = 3


@dataclass(eq=False)
class State:
    """Heads with what follows from them, on all cells.

    Parameters
    ----------
    head : ndarray
        Finite everywhere (0 in cells without flow), shape ``(n_layer, n_y, n_x)``; m.
    saturation, slope : ndarray
        Saturated share and its derivative with respect to head; 1 and 1/m.
    """

    head: FloatArray
    saturation: FloatArray
    slope: FloatArray
    # what was worked out from these heads, which are not changed, with the period or interval it holds for; a weak reference,
    # since an interval holds the state at its start, and with that all states of a run would stay in memory
    _flows: tuple[int, StressFlows] | None = field(default=None, repr=False)
    _storage: tuple[ReferenceType[Interval], FloatArray, FloatArray] | None = field(default=None, repr=False)
    _rounding: tuple[ReferenceType[Interval], float] | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Interval:
    """An implicit step: its period, its length, and the state at its start; length infinite when steady.

    Parameters
    ----------
    period : int
        From 0.
    dt : float
        d.
    old : State
        At the start.
    carry : ndarray, optional
        Release from storage that earlier stages of a scheme leave to this one, besides that from the heads at the start to
        those at the end, shape ``(n_layer, n_y, n_x)``; m³/d.
    """

    period: int
    dt: float
    old: State
    carry: FloatArray | None = None

    @property
    def steady(self) -> bool:
        """Whether storage is left out."""
        return bool(np.isinf(self.dt))


class FlowSystem:
    """Everything of a problem that does not change from step to step, and the equations of a step.

    Parameters
    ----------
    problem : Problem
        Checked by `checks.check_problem`.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        grid, properties = problem.grid, problem.properties
        self.faces = conductances(problem)
        self.cells = problem.cells()
        self.shape = grid.shape
        self.flowing = flowing_cells(grid)
        self.fixed = np.zeros(grid.shape, dtype=bool)
        for boundary in problem.fixed_heads:
            self.fixed.reshape(-1)[boundary.cell] = True
        self.unknown = self.flowing & ~self.fixed
        # water that passes between two fixed heads is no part of the model
        self.faces.cx[:, :, :-1][self.fixed[:, :, :-1] & self.fixed[:, :, 1:]] = 0.0
        self.faces.cy[:, :-1][self.fixed[:, :-1] & self.fixed[:, 1:]] = 0.0
        self.faces.cz[:-1][self.fixed[:-1] & self.fixed[1:]] = 0.0
        # stresses on inactive cells are refused by the checks, those on fixed heads do nothing
        self.acting = [np.flatnonzero(~self.fixed.ravel()[stress.cell]) for stress in problem.stresses]
        stores = grid.active & ~self.fixed
        volume = grid.thickness * grid.area
        self.elastic = np.where(stores, properties.specific_storage * volume, 0.0)
        self.drainable = np.where(stores & properties.convertible, properties.specific_yield * volume, 0.0)
        both = self.unknown[:-1] & self.unknown[1:]
        self.cz_unknown = np.zeros(grid.shape)
        self.cz_unknown[:-1] = np.where(both, self.faces.cz[:-1], 0.0)
        self._ones, self._zeros = np.ones(self.shape), np.zeros(self.shape)
        self._lent: list[tuple[FloatArray, State]] = []
        self._elastic_rate: tuple[float, FloatArray] = (np.nan, self._zeros)
        self._matrices: list[tuple[float, list[FloatArray], Matrix]] = []

    @cached_property
    def has_convertible(self) -> bool:
        """Whether any cell that flows is convertible, so that the matrix is not symmetric."""
        return bool(self.cells.convertible.any())

    @cached_property
    def nonlinear(self) -> bool:
        """Whether the residual has bends: a convertible cell, or a stress that is not linear in the head."""
        bent = any(isinstance(stress, (River, Drain, Evapotranspiration)) for stress in self.problem.stresses)
        return self.has_convertible or bent

    def state(self, head: FloatArray) -> State:
        """Return the state of heads, shape ``(n_layer, n_y, n_x)``."""
        if not self.has_convertible:
            return State(head, self._ones, self._zeros)
        sat, slope, cells = np.empty(self.shape), np.empty(self.shape), self.cells
        kernels.saturation(head.ravel(), cells.bottom, cells.thickness, cells.convertible, sat.ravel(), slope.ravel())
        return State(head, sat, slope)

    def initial_state(self) -> State:
        """Return the state at time zero."""
        head = np.where(self.flowing, self.problem.initial_head, 0.0)
        inner = self.flowing & ~self.problem.grid.active
        for layer in range(1, self.shape[0]):
            head[layer][inner[layer]] = head[layer - 1][inner[layer]]
        return self.state(head)

    def with_fixed_heads(self, head: FloatArray, period: int) -> FloatArray:
        """Return a copy of `head` that holds the fixed heads of a period."""
        result = head.copy()
        for boundary in self.problem.fixed_heads:
            series = boundary.head
            result.reshape(-1)[boundary.cell] = series[period] if series.ndim == 2 else series
        return result

    def flows(self, state: State, period: int) -> StressFlows:
        """Return what `stress_flows` returns, worked out once for a state."""
        if state._flows is None or state._flows[0] != period:
            state._flows = (period, self.stress_flows(state.head, period))
        return state._flows[1]

    def stress_flows(self, head: FloatArray, period: int) -> StressFlows:
        """Return for each stress its acting cells, the inflow, m³/d, and its derivative, m²/d."""
        flat = head.ravel()
        flows = []
        for stress, acting in zip(self.problem.stresses, self.acting, strict=True):
            flow, slope = stress.flow(flat[stress.cell], period, self.cells)
            flows.append((stress.cell[acting], flow[acting], slope[acting]))
        return flows

    def storage_flow(self, state: State, interval: Interval) -> tuple[FloatArray, FloatArray]:
        """Return the water released from storage, m³/d, and minus its derivative, m²/d, on all cells."""
        if state._storage is None or state._storage[0]() is not interval:
            release, derivative = self._storage_flow(state, interval)
            if interval.carry is not None:
                release += interval.carry
            state._storage = (ref(interval), release, derivative)
        return state._storage[1], state._storage[2]

    def _storage_flow(self, state: State, interval: Interval) -> tuple[FloatArray, FloatArray]:
        if interval.steady:
            return self._zeros, self._zeros
        old, cells = interval.old, self.cells
        if not self.has_convertible:
            release = self._lend(state)
            kernels.elastic_release(state.head.ravel(), old.head.ravel(), self.elastic.ravel(), interval.dt, release.ravel())
            if self._elastic_rate[0] != interval.dt:
                self._elastic_rate = (interval.dt, self.elastic / interval.dt)
            return release, self._elastic_rate[1]
        release = np.empty(self.shape)
        derivative = np.empty(self.shape)
        kernels.storage_release(
            state.head.ravel(),
            state.saturation.ravel(),
            state.slope.ravel(),
            old.head.ravel(),
            old.saturation.ravel(),
            cells.bottom,
            cells.thickness,
            cells.convertible,
            self.elastic.ravel(),
            self.drainable.ravel(),
            interval.dt,
            release.ravel(),
            derivative.ravel(),
        )
        return release, derivative

    def _lend(self, state: State) -> FloatArray:
        """Return an array for the storage flow of a state, in turn; the state that had it before forgets what it held.

        The system gives memory back so slowly that a new array would cost more than the flow.
        """
        array, owner = self._lent.pop(0) if len(self._lent) >= LENT else (np.empty(self.shape), None)
        if owner is not None:
            owner._storage = None
        self._lent.append((array, state))
        return array

    def residual(self, state: State, interval: Interval) -> tuple[FloatArray, float]:
        """Return the imbalance of each unknown cell and the flow through the model.

        Returns
        -------
        residual : ndarray
            Inflow less outflow, zero in cells that are no unknowns, shape ``(n_layer, n_y, n_x)``; m³/d.
        throughput : float
            Half the sum of absolute flows of storage, stresses and fixed heads; m³/d.
        """
        total = np.empty(self.shape)
        faces = self.faces
        if self.has_convertible:
            kernels.net_inflow(state.head, state.saturation, faces, total)
        else:
            kernels.saturated_inflow(state.head.ravel(), faces, self.shape[2], self.shape[1] * self.shape[2], total.ravel())
        through = float(np.abs(total.ravel()[self._fixed_cells]).sum())
        if not interval.steady:
            release, _ = self.storage_flow(state, interval)
            through += float(kernels.absolute_sum(release.ravel()))
            total += release
        for cell, flow, _ in self.flows(state, interval.period):
            kernels.scatter_add(cell, flow, total.ravel())
            through += float(np.abs(flow).sum())
        total.ravel()[self._known_cells] = 0.0
        return total, 0.5 * through

    def rounding(self, state: State, interval: Interval) -> float:
        """Return the sum of absolute residuals that rounding of the heads alone may leave, m³/d.

        Of the flows between cells, of storage, which in a short step or a quiet one outweighs all others, and of stresses.
        Heads count as 1 mm or more, so that a model that comes to rest at zero is not followed down to the smallest number.
        """
        if state._rounding is None or state._rounding[0]() is not interval:
            rate = 0.0 if interval.steady else 1.0 / interval.dt
            diagonal, storage = self.full_diagonal.ravel(), self.full_storage.ravel()
            scale = float(kernels.rounding_scale(diagonal, storage, rate, state.head.ravel()))
            for cell, _, slope in self.flows(state, interval.period):
                scale += float(np.abs(slope * np.maximum(np.abs(state.head.ravel()[cell]), 1e-3)).sum())
            state._rounding = (ref(interval), 8.0 * float(np.finfo(np.float64).eps) * scale)
        return state._rounding[1]

    def matrix(self, state: State, interval: Interval) -> Matrix:
        """Return minus the derivative of the residual with respect to the heads of the unknowns.

        A linear model has the same matrix object whenever the length of the step and the slopes of its stresses are the same.
        """
        slopes = [slope for _, _, slope in self.flows(state, interval.period)]
        if self.has_convertible:
            return self._assemble(state, interval, slopes)
        for dt, known, matrix in self._matrices:
            if dt == interval.dt and all(map(np.array_equal, known, slopes)):
                return matrix
        del self._matrices[: max(0, 1 + len(self._matrices) - max(1, min(MATRICES, MATRIX_CELLS // self.problem.grid.n_cell)))]
        matrix = self._assemble(state, interval, slopes)
        self._matrices.append((interval.dt, slopes, matrix))
        return matrix

    def _assemble(self, state: State, interval: Interval, slopes: list[FloatArray]) -> Matrix:
        faces = self.faces
        far_x, near_x, far_y, near_y = (np.zeros(self.shape) for _ in range(4))
        diagonal = self.storage_flow(state, interval)[1] + faces.cz
        diagonal[1:] += faces.cz[:-1]
        kernels.face_derivatives(
            state.head, state.saturation, state.slope, faces, self.unknown, far_x, near_x, far_y, near_y, diagonal
        )
        for (cell, _, _), slope in zip(self.flows(state, interval.period), slopes, strict=True):
            kernels.scatter_add(cell, -slope, diagonal.ravel())
        self._lift_dry_rows(diagonal, interval)
        diagonal[~self.unknown] = 1.0
        if not self.has_convertible:
            near_x, near_y = far_x, far_y
        grid = self.problem.grid
        return Matrix(diagonal, far_x, near_x, far_y, near_y, self.cz_unknown, self.unknown, grid.x, grid.y)

    @cached_property
    def _fixed_cells(self) -> IntArray:
        """Flat numbers of fixed-head cells."""
        return np.flatnonzero(self.fixed)

    @cached_property
    def _known_cells(self) -> IntArray:
        """Flat numbers of cells that are no unknowns."""
        return np.flatnonzero(~self.unknown)

    @cached_property
    def full_diagonal(self) -> FloatArray:
        """Sum of the full conductances of each cell, m²/d."""
        faces = self.faces
        total = faces.cx + faces.cy + faces.cz
        total[:, :, 1:] += faces.cx[:, :, :-1]
        total[:, 1:] += faces.cy[:, :-1]
        total[1:] += faces.cz[:-1]
        return total

    @cached_property
    def full_storage(self) -> FloatArray:
        """Storage of each cell per metre of head when full, m²."""
        thickness = self.cells.thickness.reshape(self.shape)
        return self.elastic + np.divide(self.drainable, thickness, out=np.zeros(self.shape), where=self.drainable > 0.0)

    def _lift_dry_rows(self, diagonal: FloatArray, interval: Interval) -> None:
        """Give a dry cell, whose row is empty, the diagonal it would have when full, so that recharge can wet it again."""
        if not self.has_convertible:
            return
        full = self.full_diagonal
        if not interval.steady:
            full = full + self.full_storage / interval.dt
        dry = diagonal <= 1e-12 * full
        diagonal[dry] = full[dry]
