"""One step of many scenarios at a time: a first guess, and conjugate gradients until every one of them is in balance.

Every scenario has step lengths and directions of its own (Saad 2003, algorithm 9.1, with the coefficients of Fletcher and
Reeves), while all share the passes over memory. Heads are in double precision, and the residual of each iteration is computed
afresh from them, so that what rounding does to directions, which are in single precision, costs iterations at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.lanes import passes
from aquirecover.flow.lanes.cycle import Hierarchy, Workspace, cycle
from aquirecover.flow.lanes.forcing import Forcing
from aquirecover.flow.lanes.guess import Increments
from aquirecover.flow.lanes.passes import FIXED, HEADS, LAYERS, PER_LAYER, RELEASED, RESIDUAL, ROUNDING, STORED, Heads, Rates
from aquirecover.flow.lanes.system import LaneSystem
from aquirecover.flow.lanes.vectors import LANES

# Preconditioners that are kept; one serves where one over the length of the step differs by this factor at most.
KEPT, ALIKE = 4, 1.5
# Iterations of a step beyond which a preconditioner that was made for other rivers and drains is made anew.
MANY = 12
# An iteration is expected to lower residuals to this share.
GAIN = 0.2


@dataclass(frozen=True, eq=False)
class LaneOutcome:
    """How a step of all lanes ended; arrays of shape ``(LANES,)``.

    Parameters
    ----------
    iterations : int
        Of the lane that needed most.
    residual : ndarray
        Sum of absolute residuals; m³/d.
    through : ndarray
        Flow through the model, half the sum of absolute flows of storage, stresses and fixed heads; m³/d.
    rounding : ndarray
        Sum of absolute residuals that rounding of the heads alone may leave; m³/d.
    converged : ndarray of bool
        Lanes whose residuals are small enough.
    """

    iterations: int
    residual: FloatArray
    through: FloatArray
    rounding: FloatArray
    converged: BoolArray


@dataclass(frozen=True, eq=False)
class _Preconditioner:
    """A hierarchy, and one over the length of the step it was made for; 1/d."""

    store: float
    hierarchy: Hierarchy


class LaneSolver:
    """Heads of a batch of scenarios, and the way to those at the end of the next step.

    Parameters
    ----------
    system : LaneSystem
        What they share.
    forcing : Forcing
        What acts on them.
    tolerance : float
        Largest sum of absolute residuals of a step, as a share of the flow through the model.
    max_iterations : int
        Of a step.
    """

    def __init__(self, system: LaneSystem, forcing: Forcing, tolerance: float, max_iterations: int) -> None:
        self.system, self.forcing, self.increments = system, forcing, Increments(forcing)
        self.tolerance, self.max_iterations = tolerance, max_iterations
        size = system.grid.size
        self.heads = Heads(np.zeros((HEADS * size, LANES)), size * np.arange(HEADS))
        self.sums = np.zeros((LAYERS + PER_LAYER * system.grid.n_layer, LANES))
        self._direction = np.zeros((size, LANES), dtype=np.float32)
        self._preconditioners: list[_Preconditioner] = []
        self._workspace = Workspace(*(np.zeros((0, LANES), dtype=np.float32) for _ in range(3)))
        self._products, self._energy = np.zeros((1, LANES)), np.zeros((1, LANES))
        self._through, self._rounding, self._quiet = np.zeros(LANES), np.zeros(LANES), True

    @property
    def now(self) -> FloatArray:
        """Heads at the end of the last step, shape ``(size, LANES)``; m."""
        start = int(self.heads.start[0])
        return self.heads.all[start : start + self.system.grid.size]

    def rest(self, lanes: BoolArray) -> None:
        """Put lanes to rest: their heads are 0 from now on."""
        for values in (self.heads.all, self._direction, *self._workspace, self.sums):
            values[:, lanes] = 0.0
        self._through[lanes], self._rounding[lanes] = 0.0, 0.0

    def step(self, rates: Rates) -> LaneOutcome:
        """Find the heads at the end of a step under what acts now; `now` holds them until the next."""
        self.heads = heads = Heads(self.heads.all, np.roll(self.heads.start, 1))
        points, stencil, sums = self.forcing.points, self.system.stencil, self.sums
        hierarchy = self._hierarchy(rates)
        size = self.system.grid.size
        residual, z = self._workspace.b[:size], self._workspace.x[:size]
        # all sums are wanted of the last pass alone
        full = self._quiet
        passes.predict(stencil, heads, self.increments.share(heads, rates), points, rates, residual, sums, full)
        before, switched = np.zeros((1, LANES)), np.zeros(LANES, dtype=bool)
        iteration = 0
        while True:
            norm, goal = sums[RESIDUAL], self._goal(full)
            done = (norm <= goal) | ~np.isfinite(norm)
            if (done.all() and full) or iteration == self.max_iterations:
                break
            alpha, full = np.zeros((1, LANES)), bool((GAIN * norm[~done] <= goal[~done]).all())
            if not done.all():
                cycle(hierarchy, self._workspace, self._products)
                beta = np.where(switched, 0.0, _quotient(self._products, before)).astype(np.float32)
                passes.turn(stencil, self._direction, z, beta, points, rates, self._energy)
                # lanes in balance stay as they are: rounding would lead them astray while others go on
                alpha = np.where(done, 0.0, _quotient(self._products, self._energy))
                before = self._products.copy()
                iteration += 1
            active = points.active.copy() if self.forcing.bends else points.active
            passes.correct(stencil, heads, self._direction, alpha, points, rates, residual, sums, full)
            switched = (active != points.active).any(axis=0)
        self._quiet = iteration == 0
        self.increments.learn(heads, sums, rates)
        if self.forcing.bends and iteration > MANY:
            self._preconditioners = [made for made in self._preconditioners if made.hierarchy is not hierarchy]
        return LaneOutcome(iteration, norm.copy(), self._through.copy(), self._rounding.copy(), norm <= goal)

    def _goal(self, full: bool) -> FloatArray:
        """Return the largest sum of absolute residuals, shape ``(LANES,)``, with flows as of the last full pass."""
        if full:
            sums = self.sums
            layers = sums[LAYERS:].reshape(-1, PER_LAYER, LANES)
            stored = layers[:, RELEASED].sum(axis=0) + layers[:, STORED].sum(axis=0)
            self._through = 0.5 * (sums[FIXED] + stored + self.forcing.gross + np.abs(self.forcing.points.flow).sum(axis=0))
            self._rounding = 8.0 * float(np.finfo(np.float64).eps) * sums[ROUNDING]
        return np.maximum(self.tolerance * self._through, self._rounding)

    def _hierarchy(self, rates: Rates) -> Hierarchy:
        """Return a preconditioner for a step, with the mean of the slopes that stresses have in all lanes."""
        known = [made for made in self._preconditioners if made.store == rates.store]
        known += [made for made in self._preconditioners if max(made.store, rates.store) <= ALIKE * min(made.store, rates.store)]
        if known:
            return known[0].hierarchy
        points, slope = self.forcing.points, np.zeros(self.system.grid.size)
        heads = self.heads.all[self.heads.start[1] + points.ramp_cell[:-1]]
        acting = np.where((heads > points.low) & (heads < points.high), points.slope, 0.0).mean(axis=1)
        np.add.at(slope, points.ramp_cell[:-1], acting)
        hierarchy = self.system.hierarchy(rates.store, slope)
        self._preconditioners = [*self._preconditioners[1 - KEPT :], _Preconditioner(rates.store, hierarchy)]
        size = hierarchy.faces.shape[1]
        if self._workspace.b.shape[0] < size:
            self._workspace = Workspace(*(np.zeros((size, LANES), dtype=np.float32) for _ in range(3)))
        return hierarchy


def _quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return the quotient where both are positive, 0 elsewhere: a lane that has nothing left to do stays as it is."""
    return np.divide(above, below, out=np.zeros_like(above), where=(above > 0.0) & (below > 0.0))
