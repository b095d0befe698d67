"""The equations of a step: imbalance, Newton matrix and the flow of every term, from one set of formulas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.balance import (
    DOWN,
    FACE_SCALE,
    N_HEAD_SUM,
    N_SUM,
    NORM,
    RELEASED,
    STORAGE_SCALE,
    STRESS_SCALE,
    TAKEN,
    THROUGH,
    UP,
    Filled,
    Given,
    Ground,
    balance,
    n_blocks,
)
from aquirecover.flow.compiled import share
from aquirecover.flow.conductance import conductances, flowing_cells
from aquirecover.flow.connections import Connections
from aquirecover.flow.linear import Matrix
from aquirecover.flow.pool import ArrayPool
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import GeneralHead, Recharge, Wells, in_period

# Matrices of a linear model that are kept, one for each length of step and state of rivers and drains, and cells of them all.
MATRICES, MATRIX_CELLS = 4, 2_500_000
# Share of each flow that rounding of the heads may leave.
ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
NOTHING = np.zeros(0)


@dataclass(eq=False)
class State:
    """Heads with what follows from them, on all cells.

    Parameters
    ----------
    head : ndarray
        Finite everywhere (0 in cells without flow), shape ``(n_layer, n_y, n_x)``; m.
    saturation, slope : ndarray
        Saturated share and its derivative with respect to head; 1 and 1/m.
    inflow : ndarray or None
        Flow from all neighbours into each cell, once it has been worked out; m³/d.
    totals : ndarray or None
        What `balance` adds up of heads alone, by layer and, last, over all, shape ``(N_HEAD_SUM, n_layer + 1)``; m³/d.
    """

    head: FloatArray
    saturation: FloatArray
    slope: FloatArray
    inflow: FloatArray | None = None
    totals: FloatArray | None = None


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

    @property
    def rate(self) -> float:
        """One over its length, 1/d."""
        return 1.0 / self.dt


@dataclass(frozen=True, eq=False)
class Balance:
    """What flows at the heads of a state at the end of an interval.

    Parameters
    ----------
    state, interval
        Of which it holds.
    residual : ndarray
        Inflow less outflow of each unknown cell, zero in others, shape ``(n_layer, n_y, n_x)``; m³/d.
    norm : float
        Sum of absolute residuals, m³/d.
    through : float
        Flow through the model: half the sum of absolute flows of storage, stresses and fixed heads; m³/d.
    rounding : float
        Sum of absolute residuals that rounding of the heads alone may leave, of the flows between cells, of storage, which in a
        short step or a quiet one outweighs all others, and of stresses; m³/d.
    flow, slope : ndarray
        Inflow of each of the `Connections` and its derivative with respect to head; m³/d and m²/d.
    released, taken : ndarray
        Water out of storage and into it, by layer, ≥ 0, shape ``(n_layer,)``; m³/d.
    rising, falling : ndarray
        Flow between each layer and the one below it, ≥ 0, shape ``(n_layer,)``; m³/d.
    storing : ndarray or None
        Minus the derivative of the release from storage with respect to head, None where it is that of confined storage; m²/d.
    """

    state: State
    interval: Interval
    residual: FloatArray
    norm: float
    through: float
    rounding: float
    flow: FloatArray
    slope: FloatArray
    released: FloatArray
    taken: FloatArray
    rising: FloatArray
    falling: FloatArray
    storing: FloatArray | None


class FlowSystem:
    """Everything of a problem that does not change from step to step, and the equations of a step.

    Parameters
    ----------
    problem : Problem
        Checked by `checks.check_problem`.
    threads : int
        For loops over many cells, see `compiled.share`.
    """

    def __init__(self, problem: Problem, threads: int = 1) -> None:
        self.problem = problem
        self._threads = share(threads, problem.grid.n_cell)
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
        stores = grid.active & ~self.fixed
        volume = grid.thickness * grid.area
        self.elastic = np.multiply(properties.specific_storage, volume, out=np.zeros(self.shape), where=stores)
        self.drainable = NOTHING
        if self.has_convertible:
            drains = stores & properties.convertible
            self.drainable = np.multiply(properties.specific_yield, volume, out=np.zeros(self.shape), where=drains)
        # stresses on inactive cells are refused by the checks
        self.connections = Connections(problem, self.cells, self.fixed)
        self.fields = ArrayPool(self.shape)
        self._flows = ArrayPool(self.connections.cell.shape)
        self._sums = np.empty((n_blocks(self.shape), self.shape[0], N_SUM))
        self._head_sums = np.empty((n_blocks(self.shape), self.shape[0], N_HEAD_SUM))
        self._matrices: list[tuple[float, FloatArray, Matrix]] = []

    @cached_property
    def has_convertible(self) -> bool:
        """Whether any cell that flows is convertible, so that the matrix is not symmetric."""
        return bool(self.cells.convertible.any())

    @cached_property
    def nonlinear(self) -> bool:
        """Whether the residual has bends: a convertible cell, or a stress that is not linear in the head."""
        return self.has_convertible or not all(isinstance(s, (Wells, Recharge, GeneralHead)) for s in self.problem.stresses)

    def state(self, head: FloatArray) -> State:
        """Return the state of heads, shape ``(n_layer, n_y, n_x)``."""
        if not self.has_convertible:
            return State(head, *self._full)
        sat, slope, cells = self.fields.empty(), self.fields.empty(), self.cells
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
        """Return heads that hold the fixed heads of a period: those given where they do already, else a copy."""
        result = head
        for boundary in self.problem.fixed_heads:
            level = in_period(boundary.head, period)
            if not np.array_equal(result.ravel()[boundary.cell], level):
                if result is head:
                    result = self.fields.empty()
                    result[:] = head
                result.reshape(-1)[boundary.cell] = level
        return result

    def storage_flow(self, state: State, interval: Interval) -> tuple[FloatArray, FloatArray]:
        """Return the water released from storage, m³/d, and minus its derivative, m²/d, on all cells."""
        old = interval.old
        release, derivative = self.fields.empty(), self.fields.empty()
        if interval.steady:
            release[:], derivative[:] = 0.0, 0.0
        elif self.has_convertible:
            self._fill_storage(state, interval, release, derivative)
        else:
            np.multiply(self.elastic, interval.rate, out=derivative)
            np.subtract(old.head, state.head, out=release)
            release *= derivative
        if interval.carry is not None:
            release += interval.carry
        return release, derivative

    def _fill_storage(self, state: State, interval: Interval, release: FloatArray, derivative: FloatArray) -> None:
        """Do what `storage_flow` does in a model with convertible cells."""
        old, cells = interval.old, self.cells
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

    def balance(self, state: State, interval: Interval) -> Balance:
        """Return what flows at the heads of a state at the end of an interval."""
        head, known = state.head.ravel(), state.inflow is not None
        self.connections.hold(interval.period, head)
        residual, flow, slope = self.fields.empty(), self._flows.empty(), self._flows.empty()
        inflow = self.fields.empty() if state.inflow is None else state.inflow
        carry, rate, storing = interval.carry, 0.0 if state is interval.old else interval.rate, None
        if self.has_convertible:
            if not known:
                kernels.net_inflow(state.head, state.saturation, self.faces, inflow)
            (carry, storing), rate = self.storage_flow(state, interval), 0.0
        heads = np.empty((N_HEAD_SUM, self.shape[0] + 1)) if state.totals is None else state.totals
        totals = np.empty((N_SUM, self.shape[0] + 1))
        old, carried = interval.old.head.ravel(), NOTHING if carry is None else carry.ravel()
        given = Given(head, old, carried, rate, not self.has_convertible, known)
        filled = Filled(inflow.ravel(), residual.ravel(), flow, slope, self._head_sums, self._sums, heads, totals)
        balance(self._ground, self.connections.links, given, filled, self._threads)
        state.inflow, state.totals = inflow, heads
        scale = heads[FACE_SCALE, -1] + interval.rate * heads[STORAGE_SCALE, -1] + totals[STRESS_SCALE, -1]
        return Balance(
            state,
            interval,
            residual,
            norm=float(totals[NORM, -1]),
            through=0.5 * float(totals[THROUGH, -1]),
            rounding=ROUNDING * float(scale),
            flow=flow,
            slope=slope,
            released=totals[RELEASED, :-1],
            taken=totals[TAKEN, :-1],
            rising=heads[UP, :-1],
            falling=heads[DOWN, :-1],
            storing=storing,
        )

    def matrix(self, balance: Balance) -> Matrix:
        """Return minus the derivative of the residual with respect to the heads of the unknowns.

        A linear model has the same matrix object whenever the length of the step and the slopes of its stresses are the same.
        """
        if self.has_convertible:
            return self._newton_matrix(balance)
        dt, slope = balance.interval.dt, balance.slope
        for known_dt, known_slope, matrix in self._matrices:
            if known_dt == dt and np.array_equal(known_slope, slope):
                return matrix
        del self._matrices[: max(0, 1 + len(self._matrices) - max(1, min(MATRICES, MATRIX_CELLS // self.problem.grid.n_cell)))]
        matrix = self._confined_matrix(balance)
        self._matrices.append((dt, slope, matrix))
        return matrix

    def _confined_matrix(self, balance: Balance) -> Matrix:
        faces, grid = self.faces, self.problem.grid
        diagonal = np.empty(self.shape)
        kernels.confined_diagonal(faces, self.elastic, balance.interval.rate, diagonal)
        kernels.scatter_add(self.connections.cell, -balance.slope, diagonal.ravel())
        diagonal[~self.unknown] = 1.0
        cx, cy, cz = self._faces_of_unknowns
        return Matrix(diagonal, cx, cx, cy, cy, cz, self.unknown, grid.x, grid.y)

    def _newton_matrix(self, balance: Balance) -> Matrix:
        state, interval, faces, grid = balance.state, balance.interval, self.faces, self.problem.grid
        assert balance.storing is not None
        far_x, near_x, far_y, near_y = (np.zeros(self.shape) for _ in range(4))
        diagonal = balance.storing + faces.cz
        diagonal[1:] += faces.cz[:-1]
        kernels.face_derivatives(
            state.head, state.saturation, state.slope, faces, self.unknown, far_x, near_x, far_y, near_y, diagonal
        )
        kernels.scatter_add(self.connections.cell, -balance.slope, diagonal.ravel())
        self._lift_dry_rows(diagonal, interval)
        diagonal[~self.unknown] = 1.0
        return Matrix(diagonal, far_x, near_x, far_y, near_y, self._faces_of_unknowns[2], self.unknown, grid.x, grid.y)

    @cached_property
    def _full(self) -> tuple[FloatArray, FloatArray]:
        """Saturation of full cells and its slope."""
        return np.broadcast_to(1.0, self.shape), np.broadcast_to(0.0, self.shape)

    @cached_property
    def _ground(self) -> Ground:
        faces, (_, n_y, n_x) = self.faces, self.shape
        return Ground(faces.cx.ravel(), faces.cy.ravel(), faces.cz.ravel(), self.full_storage.ravel(), n_x, n_y * n_x)

    @cached_property
    def _faces_of_unknowns(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Conductances of the faces between unknowns, m²/d."""
        faces, unknown = self.faces, self.unknown
        if not self.fixed.any():
            return faces.cx, faces.cy, faces.cz
        cx, cy, cz = faces.cx.copy(), faces.cy.copy(), faces.cz.copy()
        cx[:, :, :-1][~(unknown[:, :, :-1] & unknown[:, :, 1:])] = 0.0
        cy[:, :-1][~(unknown[:, :-1] & unknown[:, 1:])] = 0.0
        cz[:-1][~(unknown[:-1] & unknown[1:])] = 0.0
        return cx, cy, cz

    @cached_property
    def full_diagonal(self) -> FloatArray:
        """Sum of the full conductances of each cell, m²/d."""
        total = np.empty(self.shape)
        kernels.confined_diagonal(self.faces, self.elastic, 0.0, total)
        return total

    @cached_property
    def full_storage(self) -> FloatArray:
        """Storage of each cell per metre of head when full, m²."""
        if not self.has_convertible:
            return self.elastic
        thickness = self.cells.thickness.reshape(self.shape)
        return self.elastic + np.divide(self.drainable, thickness, out=np.zeros(self.shape), where=self.drainable > 0.0)

    def _lift_dry_rows(self, diagonal: FloatArray, interval: Interval) -> None:
        """Give a dry cell, whose row is empty, the diagonal it would have when full, so that recharge can wet it again."""
        full = self.full_diagonal
        if not interval.steady:
            full = full + self.full_storage / interval.dt
        dry = diagonal <= 1e-12 * full
        diagonal[dry] = full[dry]
