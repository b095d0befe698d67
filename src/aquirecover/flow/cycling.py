"""A step of a nonlinear system by cycles of multigrid, a few between one balance and the next: no Newton matrix is made.

One iteration takes conjugate gradients, preconditioned by cycles, on the residual that the `Secants` leave, moves the heads,
relaxes convertible cells, whose bends a linear system cannot know, and works out the balance. Where the water table stays in its
layer the residual falls as it does for a linear system (nonlinear Krylov acceleration of multigrid: Washio and Oosterlee 1997,
Electron. Trans. Numer. Anal. 6, 271–290).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.assembly import Balance, FlowSystem
from aquirecover.flow.krylov import conjugate_gradients
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.products import Bands, bands_of
from aquirecover.flow.relaxation import Relaxation
from aquirecover.flow.secants import Secants

# Sweeps over convertible cells after each correction.
SWEEPS = 1
# Cycles of a correction, each a fourth of what goes round it, and the share of the residual that is small enough for them.
CYCLES, SMALL = 4, 1e-3
# Share of the tolerance of a step that a correction may leave.
ENOUGH = 0.3
# Corrections that are kept to be combined.
SECANTS = 4
# Iterations without a halving of the residual after which a hierarchy, or when it is new the method, is given up.
PATIENCE = 4
# Cycles that a new hierarchy costs.
SET_UP = 6.0


@dataclass(frozen=True, eq=False)
class Cycled:
    """Where the cycles have led."""

    balance: Balance
    cycles: int
    change: float
    """Largest change of head that the residual left would call for, as the one before called for the last change; m."""
    balanced: bool


class KeptHierarchy:
    """The preconditioner of a nonlinear system: its finest grid follows the heads, coarser ones are made anew when that pays.

    Parameters
    ----------
    system : FlowSystem
        With convertible cells.
    """

    def __init__(self, system: FlowSystem) -> None:
        self._system = system
        cx, cy, self._cz = system.faces_of_unknowns
        self._cx, self._cy, self._surplus = cx.copy(), cy.copy(), np.empty(system.shape)
        self._layers = np.flatnonzero((system.cells.convertible.reshape(system.shape) & system.flowing).any(axis=(1, 2)))
        self._hierarchy: Multigrid | None = None
        self._dt = 0.0
        self._wasted = 0.0
        self._digits = 0.0
        self._smoothed: tuple[float, BoolArray, FloatArray] | None = None

    def at(self, balance: Balance, anew: bool) -> Multigrid:
        """Return a hierarchy for conductances and storage at the heads of a balance."""
        system, dt = self._system, balance.interval.dt
        like = self._dt == dt or 0.5 * self._dt <= dt <= 2.0 * self._dt < np.inf
        if anew or self._hierarchy is None or not like or self._wasted > SET_UP:
            grid = system.problem.grid
            self._linearise(balance)
            self._hierarchy = Multigrid(self._cx, self._cy, self._cz, self._surplus, grid.x, grid.y, threads=system.threads)
            self._dt, self._wasted, self._digits = dt, 0.0, 0.0
            self._has_changed(balance)
        elif self._has_changed(balance):
            self._linearise(balance)
            self._hierarchy.refresh(self._bands(), system.threads)
        return self._hierarchy

    def _has_changed(self, balance: Balance) -> bool:
        """Tell whether a cell has filled or emptied, a stress has passed a bend, or the step another length, since last asked.

        What saturation changes within a layer is too little for a preconditioner to matter.
        """
        dt, partly, slope = balance.interval.dt, balance.state.slope[self._layers] > 0.0, balance.slope
        if self._smoothed is not None:
            old_dt, old_partly, old_slope = self._smoothed
            if dt == old_dt and np.array_equal(partly, old_partly) and np.array_equal(slope, old_slope):
                return False
        self._smoothed = (dt, partly, slope)
        return True

    def forget(self) -> None:
        """Drop what is kept."""
        self._hierarchy = None

    def judge(self, cycles: int, digits: float) -> None:
        """Learn how many digits so many cycles have brought; those beyond what a new hierarchy took are wasted."""
        if cycles == 0:
            return
        self._digits = max(self._digits, digits / cycles)
        self._wasted += cycles - digits / self._digits if self._digits > 0.0 else cycles

    def _bands(self) -> Bands:
        """Return the matrix as the compiled loops see it."""
        return bands_of(self._surplus, self._cx, self._cx, self._cy, self._cy, self._cz)

    def _linearise(self, balance: Balance) -> None:
        """Fill the faces with the saturation held, and the row sums."""
        system, state = self._system, balance.state
        surplus = self._surplus
        system.storage_slope(state, balance.interval, surplus)
        kernels.held_faces(state.head, state.saturation, system.faces, system.unknown, self._layers, self._cx, self._cy, surplus)
        kernels.scatter_add(system.connections.cell, -balance.slope, surplus.ravel())
        surplus += system.held


class CycleSolver:
    """Balances steps of a nonlinear system by cycles.

    Parameters
    ----------
    system : FlowSystem
        With convertible cells.
    tolerance, head_change : float
        See `newton.NewtonSettings`.
    """

    def __init__(self, system: FlowSystem, relaxation: Relaxation, tolerance: float, head_change: float) -> None:
        self._system = system
        self._tolerance = tolerance
        self._head_change = head_change
        self._relaxation = relaxation
        self._kept = KeptHierarchy(system)
        self._secants = Secants(system.unknown.size, SECANTS, system.threads)
        self._left, self._correction = np.empty(system.shape), np.empty(system.shape)

    def solve(self, start: Balance, most: int) -> Cycled:
        """Return where at most so many cycles lead: to balance, or to the best heads met on the way."""
        self._secants.forget()
        balance = best = start
        change, anew = np.inf, False
        # where the residual was halved last, and where the hierarchy was made
        halved, made = 0, -1
        for cycle in range(most + 1):
            if self._balanced(balance) and (change <= self._head_change or cycle == 0):
                self._kept.judge(cycle, np.log10(max(start.norm, 1e-300) / max(balance.norm, 1e-300)))
                return Cycled(balance, cycle, change, balanced=True)
            if cycle - halved >= PATIENCE:
                if made >= halved:
                    break
                anew, made, halved = True, cycle, cycle
            if cycle == most or not np.isfinite(balance.norm):
                break
            before = balance
            balance, change = self._cycle(before, anew)
            anew, change = False, change * min(1.0, balance.norm / before.norm)
            if balance.norm < best.norm:
                halved = cycle + 1 if balance.norm < 0.5 * best.norm else halved
                best = balance
        return Cycled(best, cycle, change, balanced=False)

    def forget(self) -> None:
        """Drop the hierarchy, to make room for that of Newton's method."""
        self._kept.forget()

    def _balanced(self, balance: Balance) -> bool:
        return balance.norm <= self._tolerance * balance.through or balance.norm <= balance.rounding

    def _solve(self, hierarchy: Multigrid, balance: Balance) -> None:
        """Fill the correction for what is left of a residual, as conjugate gradients have it after a few cycles."""
        threads, enough = self._system.threads, ENOUGH * self._tolerance * balance.through
        norm = hierarchy.load(self._left, balance.norm, threads)
        # a residual of nothing but rounding breaks the method down, and what was found until then serves
        conjugate_gradients(hierarchy, max(SMALL * norm, enough), CYCLES, norm, threads)
        hierarchy.unload(self._correction, threads)

    def _cycle(self, balance: Balance, anew: bool) -> tuple[Balance, float]:
        """Return the balance after one cycle, and the largest change of head."""
        system, secants, residual, old = self._system, self._secants, balance.residual.ravel(), balance.state.head.ravel()
        hierarchy = self._kept.at(balance, anew)
        shares = secants.shares(residual)
        secants.remaining(shares, residual, self._left.ravel())
        correction = self._correction.ravel()
        self._solve(hierarchy, balance)
        secants.corrected(shares, correction, correction)
        head, cells = system.fields.empty(), system.cells
        change = kernels.move(old, correction, cells.bottom, cells.thickness, cells.convertible, head.ravel())
        state = system.state(head)
        self._relaxation.sweep(state, balance.interval, SWEEPS)
        result = system.balance(state, balance.interval)
        secants.add(head.ravel(), old, result.residual.ravel(), residual)
        return result, float(change)
