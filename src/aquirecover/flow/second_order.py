"""Steps of second order whose lengths follow from an estimate of their error.

The scheme is Alexander's diagonally implicit Runge-Kutta method of two stages (Alexander 1977, SIAM J. Numer. Anal. 14; Hairer
and Wanner 1996, Solving Ordinary Differential Equations II, section IV.6), with ``γ = 1 − 1/√2``, V the water stored in a cell
and q its net inflow:

    ``V(h1) = V(h0) + γ Δt q(h1)``,   ``V(h2) = V(h0) + Δt [(1 − γ) q(h1) + γ q(h2)]``.

Both stages are backward Euler steps of length ``γ Δt`` with one matrix, the second of which carries ``1 − 1/γ`` times the release
of the first. The heads at the end are those of the second stage, so that cells without storage are in balance as well, and small
cells follow a change of pumping without oscillation (the scheme is L-stable). The budget of a step is that of its stages,
weighted by ``1 − γ`` and ``γ``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.assembly import Balance, FlowSystem, Interval, State
from aquirecover.flow.newton import Solution, StepSolver
from aquirecover.flow.stepping import BackwardEuler, Record

GAMMA = 1.0 - 1.0 / sqrt(2.0)
# The second stage carries this times the release of the first.
CARRIED = 1.0 - 1.0 / GAMMA
# A step errs by this times Δt³ h‴: 1/6 less the coefficient of z³ in (1 + (1 − 2γ) z) / (1 − γ z)².
ERROR = 1.0 / 6.0 - 3.0 * GAMMA**2 + 2.0 * GAMMA**3
# Δt² times the second divided difference of the rates at 0, γ and 1 is this times Δt² h‴: the rate at γ is of first order only.
DIFFERENCE = (1.0 - 2.0 * GAMMA) / (2.0 * (1.0 - GAMMA))
# Weights of the three rates in the estimate of the error, in units of Δt.
WEIGHTS = ERROR / DIFFERENCE * np.array([1.0 / GAMMA, -1.0 / (GAMMA * (1.0 - GAMMA)), 1.0 / (1.0 - GAMMA)])
# A step is planned to err by about this share, cubed, of what is allowed; its length changes by these factors at most, and stays,
# and with it the matrix, where it would grow by less than the last.
SAFETY, LEAST, MOST, WORTHWHILE = 0.85, 0.1, 5.0, 1.3
# Shortest step, as a share of the schedule's.
SHORTEST = 1e-12


@dataclass(frozen=True, eq=False)
class _Step:
    """A step that was tried: solution, interval and weight of its stages, rate of the heads at its end, error and its place."""

    dt: float
    stages: tuple[tuple[Solution, Interval, float], tuple[Solution, Interval, float]]
    rate: FloatArray
    error: float
    cell: int

    @property
    def state(self) -> State:
        """State at its end."""
        return self.stages[1][0].state


class SecondOrder:
    """Steps of second order.

    Parameters
    ----------
    solver : StepSolver
        Of the system.
    head_error : float
        Error that a step may add to a head; m.
    """

    def __init__(self, solver: StepSolver, head_error: float) -> None:
        self.solver = solver
        self.head_error = head_error
        self._period = -1
        self._planned = np.inf
        self._rate = np.zeros(0)
        self._smooth = False
        self._stores = solver.system.unknown & (solver.system.full_storage > 0.0)
        self._outer = self._inner = 0

    def advance(self, interval: Interval, record: Record) -> tuple[Solution, int]:
        """Solve a step of the schedule by as many steps as the error asks for.

        Returns
        -------
        solution : Solution
            Of the last stage; iterations of all, those of refused steps too.
        parts : int
            Number of steps that counted.

        Raises
        ------
        ConvergenceError
            When even the shortest step does not converge or is not exact enough.
        """
        if interval.steady:
            self._period = -1
            return BackwardEuler(self.solver).advance(interval, record)
        if self._period < 0 or not _same_stresses(self.solver.system, interval.old, self._period, interval.period):
            self._start(interval)
        self._period = interval.period
        self._outer = self._inner = 0
        old, left, parts, residual, change = interval.old, interval.dt, 0, 0.0, 0.0
        while True:
            step = self._next(interval, old, left)
            for solution, stage, weight in step.stages:
                residual, change = max(residual, solution.residual), solution.largest_change
                record(solution, stage, weight * step.dt / interval.dt)
            old, self._rate, self._smooth, parts = step.state, step.rate, True, parts + 1
            if step.dt >= left:
                return Solution(solution.balance, self._outer, self._inner, residual, change), parts
            left -= step.dt

    def _start(self, interval: Interval) -> None:
        """Find the rate of the heads after a change of stresses, and plan the first step.

        The first try is the whole step: changes that fade within it are damped by the scheme and need not be followed.
        """
        system = self.solver.system
        state = system.state(system.with_fixed_heads(interval.old.head, interval.period))
        imbalance = system.balance(state, Interval(interval.period, np.inf, state)).residual
        storage = system.full_storage
        self._rate = np.divide(imbalance, storage, out=np.zeros(system.shape), where=storage > 0.0)
        self._smooth = False
        self._planned = np.inf

    def _next(self, interval: Interval, old: State, left: float) -> _Step:
        """Return a step that is exact enough, and plan the one after it."""
        shortest = SHORTEST * interval.dt
        while True:
            # two equal steps rather than one and a scrap
            dt = left if self._planned >= left else min(max(self._planned, shortest), 0.5 * left)
            try:
                step = self._try(interval.period, dt, old)
            except ConvergenceError as error:
                failure, factor = error, LEAST
            else:
                factor = SAFETY * (self.head_error / max(step.error, 1e-300)) ** (1.0 / 3.0)
                if step.error <= self.head_error:
                    self._plan(dt, factor)
                    return step
                failure = self._failure(step)
            if dt <= shortest:
                raise failure
            self._planned = dt * max(min(factor, SAFETY), LEAST)

    def _plan(self, dt: float, factor: float) -> None:
        """Plan the step after one of length `dt`, which may have been cut short by the end of the schedule's step."""
        if factor >= 1.0:
            self._planned = max(self._planned, dt * min(factor, MOST)) if factor >= WORTHWHILE or self._planned > dt else dt
        else:
            self._planned = dt * factor

    def _try(self, period: int, dt: float, old: State) -> _Step:
        """Solve both stages and estimate the error in time."""
        system, length = self.solver.system, GAMMA * dt
        first = Interval(period, length, old)
        # the rate just after a change of stresses holds for no time in small cells
        middle = self._solve(old.head + length * self._rate if self._smooth else old.head, first)
        middle_rate = (middle.state.head - old.head) / length
        carry, _ = system.storage_flow(middle.state, first)
        carry *= CARRIED
        second = Interval(period, length, old, carry)
        end = self._solve(old.head + dt * middle_rate, second)
        rate = (end.state.head - old.head) / length + CARRIED * middle_rate
        error = self._error(dt, (self._rate, middle_rate, rate), end.balance)
        cell = int(np.abs(error).argmax())
        stages = ((middle, first, 1.0 - GAMMA), (end, second, GAMMA))
        return _Step(dt, stages, rate, abs(float(error.flat[cell])), cell)

    def _error(self, dt: float, rates: tuple[FloatArray, FloatArray, FloatArray], end: Balance) -> FloatArray:
        """Return the estimated error of a step in cells that store, m.

        What is too large is damped as the scheme damps it, which takes a solve, and matters where a cell fills or empties much
        faster than the step (Hairer and Wanner 1996, section IV.8, eq. 8.19).
        """
        start, middle, last = (weight * rate for weight, rate in zip(dt * WEIGHTS, rates, strict=True))
        error: FloatArray = np.where(self._stores & (end.state.saturation > 0.0), start + middle + last, 0.0)
        if np.abs(error).max() <= self.head_error:
            return error
        damped, iterations = self.solver.damped(error, end)
        self._inner += iterations
        return damped

    def _solve(self, guess: FloatArray, interval: Interval) -> Solution:
        """Solve a stage and count its iterations."""
        solution = self.solver.solve(guess, interval)
        self._outer, self._inner = self._outer + solution.outer, self._inner + solution.inner
        return solution

    def _failure(self, step: _Step) -> ConvergenceError:
        place = self.solver.system.problem.grid.describe(step.cell)
        return ConvergenceError(
            f"the shortest step of {step.dt:.2g} d still errs by {step.error:.2g} m in {place}: must be time.head_error = "
            f"{self.head_error:g} m or less"
        )


def _same_stresses(system: FlowSystem, state: State, before: int, now: int) -> bool:
    """Tell whether stresses and fixed heads act on a state in one period as in another."""
    if before == now:
        return True
    old, new = (system.connections.flow(state.head.ravel(), period) for period in (before, now))
    return np.array_equal(old, new) and np.array_equal(state.head, system.with_fixed_heads(state.head, now))
