"""The heads at the end of a time step: Newton iteration with a line search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.assembly import FlowSystem, Interval, State
from aquirecover.flow.linear import LinearSettings, LinearStatus, Matrix, solve
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.recycling import PastSolutions

# Newton corrections that are taken whole or halved once, before a line search that wants the residuals to fall at every one:
# cells that dry or wet may raise them on the way, and only a cycle between bends has to be broken.
BOLD_STEPS = 15

# Linear iterations more than with a new hierarchy that an old one may cost.
WORN = 1


@dataclass(frozen=True)
class NewtonSettings:
    """How a time step is solved."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    tolerance: float = 1e-9
    """A step has converged when the sum of absolute residuals is below this share of the flow through the model."""
    head_change: float = 1e-5
    """… and, where the problem is nonlinear, the last head change is below this, m."""
    max_iterations: int = 40
    """Newton iterations after which a step is cut."""
    max_cuts: int = 8
    """Halvings of a step that does not converge before the run fails."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not 0.0 < self.tolerance < 1.0:
            raise ValueError(f"tolerance = {self.tolerance:g}: must lie between 0 and 1.")
        if not self.head_change > 0.0:
            raise ValueError(f"head_change = {self.head_change:g}: must be greater than 0.")
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations = {self.max_iterations}: must be 1 or more.")
        if not 0 <= self.max_cuts <= 20:
            raise ValueError(f"max_cuts = {self.max_cuts}: must lie between 0 and 20.")


@dataclass(frozen=True, eq=False)
class Solution:
    """A converged step or part of one."""

    state: State
    outer: int
    inner: int
    residual: float
    largest_change: float


# A state, its residual, its throughput and the sum of its absolute residuals.
_Trial: TypeAlias = tuple[State, FloatArray, float, float]


def _norm(trial: _Trial) -> float:
    """Return the sum of the absolute residuals."""
    return trial[3]


class StepSolver:
    """Solves steps of one system; keeps the preconditioner as long as the matrix stays the same.

    Parameters
    ----------
    system : FlowSystem
        The equations.
    newton, linear
        Settings.
    """

    def __init__(self, system: FlowSystem, newton: NewtonSettings, linear: LinearSettings) -> None:
        self.system = system
        self.newton = newton
        self.linear = linear
        self._past: PastSolutions | None = None
        self._hierarchy: Multigrid | None = None
        self._hierarchy_dt = 0.0
        self._fewest = 0
        self._trail: list[tuple[float, FloatArray]] = []

    def solve(self, guess: FloatArray, interval: Interval) -> Solution:
        """Return the heads at the end of an interval.

        Raises
        ------
        ConvergenceError
            With the cell of the largest residual and its value.
        """
        system, newton = self.system, self.newton
        start = state = system.state(system.with_fixed_heads(guess, interval.period))
        first, through = residual, _ = system.residual(state, interval)
        norm = float(kernels.absolute_sum(residual.ravel()))
        if system.has_convertible and not interval.steady:
            state, residual, through, norm = self._improved((state, residual, through, norm), interval)
        inner, change = 0, np.inf
        for outer in range(newton.max_iterations + 1):
            small = norm <= newton.tolerance * through or norm <= system.rounding(state, interval)
            if small and (change <= newton.head_change or outer == 0 or not system.has_convertible):
                if system.has_convertible and not interval.steady:
                    self._remember(start, first, state, interval)
                return Solution(state, outer, inner, norm / through if through > 0.0 else 0.0, change if outer else 0.0)
            if outer == newton.max_iterations:
                break
            delta, iterations = self._newton_step(state, interval, residual, through, norm)
            inner += iterations
            trials, before = 2 if outer < BOLD_STEPS else 20, norm
            state, residual, through, norm, change = self._search(state, self._limited(state, delta), interval, norm, trials)
            # the change that the residual left would call for, as the one before called for this change
            change *= min(1.0, norm / before) if outer > 0 or norm < 0.1 * before else 1.0
        raise ConvergenceError(self._failure(residual, norm, through, change))

    def solve_steady(self, start: State, period: int) -> Solution:
        """Return the equilibrium with the stresses of a period, by a pseudo-transient where Newton alone does not find it.

        Pseudo-time steps grow tenfold from 1 d and store as the problem stores (Kelley and Keyes 1998).

        Raises
        ------
        ConvergenceError
            When it is not found.
        """
        steady = Interval(period, np.inf, start)
        try:
            return self.solve(start.head, steady)
        except ConvergenceError:
            if not self.system.nonlinear:
                raise
        state, outer, inner = start, 0, 0
        for exponent in range(8):
            for _ in range(10):
                part = self.solve(state.head, Interval(period, 10.0**exponent, state))
                state, outer, inner = part.state, outer + part.outer, inner + part.inner
        last = self.solve(state.head, steady)
        return Solution(last.state, outer + last.outer, inner + last.inner, last.residual, last.largest_change)

    def damped(self, error: FloatArray, state: State, interval: Interval) -> tuple[FloatArray, int]:
        """Return an error in time as an implicit step leaves it, ``(S / Δt + A)⁻¹ (S / Δt) error``, m, and linear iterations."""
        rhs = np.where(self.system.unknown, self.system.storage_flow(state, interval)[1] * error, 0.0)
        target = 1e-3 * float(np.abs(rhs).sum())
        result = solve(self.system.matrix(state, interval), rhs, target, self.linear)
        return result.solution, result.iterations

    def _newton_step(
        self, state: State, interval: Interval, residual: FloatArray, through: float, norm: float
    ) -> tuple[FloatArray, int]:
        """Return the Newton correction and the linear iterations it took."""
        matrix = self.system.matrix(state, interval)
        scale = max(through, norm)
        # a Newton correction need not be better than the linearisation; a linear problem is solved at once
        share = (1e-4 if interval.steady else 1e-3) * norm if self.system.has_convertible else 0.0
        target = max(0.5 * self.newton.tolerance * scale, share, 0.5 * self.system.rounding(state, interval))
        if self.linear.method == "direct":
            return solve(matrix, residual, target, self.linear).solution, 0
        if self.system.has_convertible:
            return self._solve_newton_system(matrix, residual, target, interval)
        past = None if interval.steady else self._memory(matrix.hierarchy)
        result = solve(matrix, residual, target, self.linear, matrix.hierarchy, past)
        return result.solution, result.iterations

    def _memory(self, hierarchy: Multigrid) -> PastSolutions:
        """Return the memory of earlier solutions, made when first needed."""
        if self._past is None:
            self._past = PastSolutions(hierarchy.layouts[0])
        return self._past

    def _improved(self, given: _Trial, interval: Interval) -> _Trial:
        """Return a better first guess where earlier steps suggest one: by extrapolation in time, or as `PastSolutions` has it."""
        best = given
        guess = self._extrapolated(interval)
        if guess is not None:
            best = min(best, self._tried(guess, interval), key=_norm)
        if self._past is not None and _norm(best) > 0.01 * _norm(given):
            delta = self._past.recall(best[1])
            if delta is not None:
                best = min(best, self._tried(best[0].head + self._limited(best[0], delta), interval), key=_norm)
        # what is only a little better may lie beyond a bend, on a longer way
        return best if _norm(best) < 0.25 * _norm(given) else given

    def _tried(self, head: FloatArray, interval: Interval) -> _Trial:
        """Return the state of heads with its residual, its throughput and the sum of its absolute residuals."""
        state = self.system.state(self.system.with_fixed_heads(head, interval.period))
        residual, through = self.system.residual(state, interval)
        return state, residual, through, float(kernels.absolute_sum(residual.ravel()))

    def _extrapolated(self, interval: Interval) -> FloatArray | None:
        """Return the parabola, or the line, through the ends of the last steps, at the end of this one."""
        if not self._trail or self._trail[-1][1] is not interval.old.head:
            self._trail = [(0.0, interval.old.head)]
        times, heads = [t for t, _ in self._trail], [h for _, h in self._trail]
        if len(heads) < 2 or interval.dt > 2.0 * (times[-1] - times[-2]):
            return None
        now, result = times[-1] + interval.dt, np.zeros(self.system.shape)
        for i, head in enumerate(heads):
            share = float(np.prod([(now - t) / (times[i] - t) for j, t in enumerate(times) if j != i]))
            result += share * head
        return result

    def _remember(self, start: State, first: FloatArray, state: State, interval: Interval) -> None:
        """Keep a converged step of a nonlinear model for the guesses of later ones."""
        if self._past is not None:
            self._past.learn(first, state.head - start.head)
        self._trail = [*self._trail[-2:], (self._trail[-1][0] + interval.dt, state.head)] if self._trail else []

    def _solve_newton_system(
        self, matrix: Matrix, residual: FloatArray, target: float, interval: Interval
    ) -> tuple[FloatArray, int]:
        """Solve with the hierarchy of an earlier matrix as long as it serves."""
        hierarchy = self._hierarchy
        if hierarchy is None or not 0.5 <= interval.dt / self._hierarchy_dt <= 2.0 or np.isinf(self._hierarchy_dt):
            hierarchy = None
        if hierarchy is not None:
            hierarchy.refresh(*matrix.symmetric_part())
        iterative = replace(self.linear, direct_fallback_cells=0)
        result = None if hierarchy is None else solve(matrix, residual, target, iterative, hierarchy)
        if result is None or result.status is not LinearStatus.CONVERGED:
            hierarchy = matrix.preconditioner()
            result = solve(matrix, residual, target, self.linear, hierarchy)
            self._fewest = result.iterations
            self._memory(hierarchy)
        self._hierarchy_dt = interval.dt
        # no iterations: LU had to help
        self._hierarchy = hierarchy if 0 < result.iterations <= self._fewest + WORN else None
        return result.solution, result.iterations

    def _limited(self, state: State, delta: FloatArray) -> FloatArray:
        """Return the correction, cut where it empties a convertible cell at one stroke: nine tenths of its depth at most.

        So does MODFLOW 6 under NEWTON UNDER_RELAXATION at the bottom of the model; here it is the bottom of the cell.
        """
        system = self.system
        if not system.has_convertible:
            return delta
        cells, shape = system.cells, system.shape
        depth = state.head - cells.bottom.reshape(shape)
        empties = cells.convertible.reshape(shape) & (depth > 1e-3 * cells.thickness.reshape(shape)) & (delta < -depth)
        return np.where(empties, -0.9 * depth, delta)

    def _search(
        self, state: State, delta: FloatArray, interval: Interval, norm: float, trials: int
    ) -> tuple[State, FloatArray, float, float, float]:
        """Return the state at the longest of a few halved corrections that lowers the residual, or at the best of them."""
        system, share = self.system, 1.0
        best = None
        for _ in range(trials):
            trial = system.state(state.head + (delta if share == 1.0 else share * delta))
            residual, through = system.residual(trial, interval)
            trial_norm = float(kernels.absolute_sum(residual.ravel()))
            if best is None or trial_norm < best[3]:
                best = (trial, residual, through, trial_norm, share * float(max(delta.max(), -delta.min())))
            if trial_norm < norm:
                break
            share *= 0.5
        assert best is not None
        return best

    def _failure(self, residual: FloatArray, norm: float, through: float, change: float) -> str:
        cell = int(np.abs(residual).argmax())
        return (
            f"no convergence in {self.newton.max_iterations} iterations; the residuals sum to {norm:.3g} of {through:.3g} m3/d, "
            f"largest {residual.flat[cell]:.3g} m3/d in {self.system.problem.grid.describe(cell)}, "
            f"last head change {change:.2g} m"
        )
