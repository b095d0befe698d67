"""The equations of a step: imbalance, Newton matrix and the flow of every term, from one set of formulas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import BoolArray, FloatArray
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
    balance,
    n_blocks,
)
from aquirecover.flow.combinations import combine
from aquirecover.flow.compiled import share
from aquirecover.flow.conductance import conductances, flowing_cells
from aquirecover.flow.connections import Connections
from aquirecover.flow.inflow import Ground, WaterTable
from aquirecover.flow.matrix import Matrix, faces_of_rows
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
        self.threads = share(threads, problem.grid.n_cell)
        grid, properties = problem.grid, problem.properties
        self.faces = conductances(problem)
        self.cells = problem.cells()
        self.shape = grid.shape
        self.fixed = np.zeros(grid.shape, dtype=bool)
        for boundary in problem.fixed_heads:
            self.fixed.reshape(-1)[boundary.cell] = True
        self.flowing = flowing_cells(grid, self.fixed)
        self.unknown = self.flowing & ~self.fixed
        # water that passes between two fixed heads is no part of the model
        self.faces.cx[:, :, :-1][self.fixed[:, :, :-1] & self.fixed[:, :, 1:]] = 0.0
        self.faces.cy[:, :-1][self.fixed[:, :-1] & self.fixed[:, 1:]] = 0.0
        self.faces.cz[:-1][(self.fixed[:-1] & self.fixed[1:]) | ~(self.flowing[:-1] & self.flowing[1:])] = 0.0
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
        # layers without convertible cells stay as they are at first
        self._saturations, self._slopes = ArrayPool(self.shape, 1.0), ArrayPool(self.shape, 0.0)
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
        sat, slope = self._saturations.empty(), self._slopes.empty()
        for layer, (bottom, thickness, convertible) in self._convertible_layers:
            kernels.saturation(head[layer].ravel(), bottom, thickness, convertible, sat[layer].ravel(), slope[layer].ravel())
        return State(head, sat, slope)

    def initial_state(self) -> State:
        """Return the state at time zero."""
        return self.state(self.initial_head(self.problem))

    def initial_head(self, problem: Problem) -> FloatArray:
        """Return the heads at time zero of a problem on this grid, 0 without flow, in pass-through cells those above them."""
        head = np.where(self.flowing, problem.initial_head, 0.0)
        inner = self.flowing & ~self.problem.grid.active
        for layer in range(1, self.shape[0]):
            head[layer][inner[layer]] = head[layer - 1][inner[layer]]
        return head

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
        np.multiply(self.elastic, interval.rate, out=derivative)
        np.subtract(old.head, state.head, out=release)
        release *= derivative
        if not interval.steady:
            for layer, cells in self._convertible_layers:
                kernels.storage_release(
                    state.head[layer].ravel(),
                    state.saturation[layer].ravel(),
                    state.slope[layer].ravel(),
                    old.head[layer].ravel(),
                    old.saturation[layer].ravel(),
                    *cells,
                    self.elastic[layer].ravel(),
                    self.drainable[layer].ravel(),
                    interval.dt,
                    release[layer].ravel(),
                    derivative[layer].ravel(),
                )
        if interval.carry is not None:
            release += interval.carry
        return release, derivative

    def storage_slope(self, state: State, interval: Interval, out: FloatArray) -> None:
        """Fill minus the derivative of the water released from storage, m²/d, on all cells."""
        np.multiply(self.elastic, interval.rate, out=out)
        if interval.steady:
            return
        for layer, cells in self._convertible_layers:
            kernels.storage_slope(
                state.head[layer].ravel(),
                state.saturation[layer].ravel(),
                state.slope[layer].ravel(),
                *cells,
                self.drainable[layer].ravel(),
                interval.rate,
                out[layer].ravel(),
            )

    @cached_property
    def _convertible_layers(self) -> list[tuple[int, tuple[FloatArray, FloatArray, BoolArray]]]:
        """Layers with convertible cells: number, and bottom, thickness and kind of the cells."""
        fields = [
            values.reshape(self.shape[0], -1) for values in (self.cells.bottom, self.cells.thickness, self.cells.convertible)
        ]
        return [(k, (fields[0][k], fields[1][k], fields[2][k])) for k in np.flatnonzero(fields[2].any(axis=1)).tolist()]

    def balance(self, state: State, interval: Interval) -> Balance:
        """Return what flows at the heads of a state at the end of an interval."""
        head, known = state.head.ravel(), state.inflow is not None
        self.connections.hold(interval.period, head)
        residual, flow, slope = self.fields.empty(), self._flows.empty(), self._flows.empty()
        inflow = self.fields.empty() if state.inflow is None else state.inflow
        heads = np.empty((N_HEAD_SUM, self.shape[0] + 1)) if state.totals is None else state.totals
        totals = np.empty((N_SUM, self.shape[0] + 1))
        old, carry = interval.old, NOTHING if interval.carry is None else interval.carry.ravel()
        rate = 0.0 if state is old else interval.rate
        sat, old_sat = (state.saturation.ravel(), old.saturation.ravel()) if self.has_convertible else (NOTHING, NOTHING)
        given = Given(head, old.head.ravel(), sat, old_sat, carry, rate, known)
        filled = Filled(inflow.ravel(), residual.ravel(), flow, slope, self._head_sums, self._sums, heads, totals)
        balance(self._ground, self._water_table, self.connections.links, given, filled, self.threads)
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
        like = self._matrices[-1][-1] if self._matrices else None
        del self._matrices[: max(0, 1 + len(self._matrices) - max(1, min(MATRICES, MATRIX_CELLS // self.problem.grid.n_cell)))]
        matrix = self._confined_matrix(balance, like)
        self._matrices.append((dt, slope, matrix))
        return matrix

    def _confined_matrix(self, balance: Balance, like: Matrix | None) -> Matrix:
        """Return the matrix of a linear model, with the faces of another one where there is one."""
        grid, surplus = self.problem.grid, self.fields.empty()
        rate = np.full(1, balance.interval.rate)
        combine(self.elastic.reshape(1, -1), rate, self.held.ravel(), surplus.ravel(), self.threads)
        kernels.scatter_add(self.connections.cell, -balance.slope, surplus.ravel())
        if like is not None:
            return like.with_surplus(surplus)
        cx, cy, cz = self.faces_of_unknowns
        return Matrix(surplus, cx, cx, cy, cy, cz, self.unknown, grid.x, grid.y)

    def _newton_matrix(self, balance: Balance) -> Matrix:
        state, interval, faces, grid = balance.state, balance.interval, self.faces, self.problem.grid
        far_x, near_x, far_y, near_y = (np.zeros(self.shape) for _ in range(4))
        diagonal = np.empty(self.shape)
        self.storage_slope(state, interval, diagonal)
        diagonal += faces.cz
        diagonal[1:] += faces.cz[:-1]
        kernels.face_derivatives(
            state.head, state.saturation, state.slope, faces, self.unknown, far_x, near_x, far_y, near_y, diagonal
        )
        kernels.scatter_add(self.connections.cell, -balance.slope, diagonal.ravel())
        self._lift_dry_rows(diagonal, interval)
        cz = self.faces_of_unknowns[2]
        return Matrix.with_diagonal(diagonal, far_x, near_x, far_y, near_y, cz, self.unknown, grid.x, grid.y)

    @cached_property
    def _full(self) -> tuple[FloatArray, FloatArray]:
        """Saturation of full cells and its slope."""
        return np.broadcast_to(1.0, self.shape), np.broadcast_to(0.0, self.shape)

    @cached_property
    def _ground(self) -> Ground:
        faces, (_, n_y, n_x) = self.faces, self.shape
        return Ground(faces.cx.ravel(), faces.cy.ravel(), faces.cz.ravel(), self.full_storage.ravel(), n_x, n_y * n_x)

    @cached_property
    def _water_table(self) -> WaterTable:
        faces, cells, flags = self.faces, self.cells, np.zeros(self.shape[0], dtype=bool)
        if not self.has_convertible:
            none = np.zeros(0, dtype=bool)
            shares = (NOTHING,) * 3
            return WaterTable(flags, *shares, *shares, False, NOTHING, NOTHING, none, NOTHING, NOTHING)
        flags[[layer for layer, _ in self._convertible_layers]] = True
        x, y = ((halves.near.ravel(), halves.wall.ravel(), halves.lean.ravel()) for halves in (faces.x, faces.y))
        storage = (self.elastic.ravel(), self.drainable.ravel())
        return WaterTable(flags, *x, *y, faces.harmonic, cells.bottom, cells.thickness, cells.convertible, *storage)

    @cached_property
    def faces_of_unknowns(self) -> tuple[FloatArray, FloatArray, FloatArray]:
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
    def held(self) -> FloatArray:
        """Conductances of unknowns to fixed heads that do not depend on saturation, m²/d."""
        faces, unknown, result = self.faces, self.unknown, np.zeros(self.shape)
        if not self.fixed.any():
            return result
        confined = np.ones(self.shape[0], dtype=bool)
        confined[[layer for layer, _ in self._convertible_layers]] = False
        for axis, face in ((2, faces.cx), (1, faces.cy), (0, faces.cz)):
            near, far = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
            c = face[near] * (1.0 if axis == 0 else confined[:, None, None])
            result[near] += np.where(unknown[near] & ~unknown[far], c, 0.0)
            result[far] += np.where(unknown[far] & ~unknown[near], c, 0.0)
        return result

    @cached_property
    def full_diagonal(self) -> FloatArray:
        """Sum of the full conductances of each cell, m²/d."""
        cx, cy, cz = self.faces.cx, self.faces.cy, self.faces.cz
        return faces_of_rows(cx, cx, cy, cy, cz)

    @cached_property
    def full_storage(self) -> FloatArray:
        """Storage of each cell per metre of head when full, m²."""
        if not self.has_convertible:
            return self.elastic
        thickness = self.cells.thickness.reshape(self.shape)
        return self.elastic + np.divide(self.drainable, thickness, out=np.zeros(self.shape), where=self.drainable > 0.0)

    def _lift_dry_rows(self, diagonal: FloatArray, interval: Interval) -> None:
        """Give a dry cell, whose row is empty, the diagonal it would have when full, so that recharge can wet it again."""
        cx, cy, cz = self.faces.cx, self.faces.cy, self.faces.cz
        for k, _ in self._convertible_layers:
            here = slice(k, k + 1)
            full = faces_of_rows(cx[here], cx[here], cy[here], cy[here], cz[here])
            if k > 0:
                full += cz[k - 1]
            if not interval.steady:
                full += interval.rate * self.full_storage[here]
            np.copyto(diagonal[here], full, where=diagonal[here] <= 1e-12 * full)
