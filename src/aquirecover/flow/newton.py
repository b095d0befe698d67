"""The heads at the end of a time step: Newton iteration with a line search."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.assembly import Balance, FlowSystem, Interval, State
from aquirecover.flow.combinations import move
from aquirecover.flow.cycling import CycleSolver
from aquirecover.flow.linear import Aids, LinearSettings, solve
from aquirecover.flow.linear_result import LinearStatus
from aquirecover.flow.matrix import Matrix
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.prediction import Prediction
from aquirecover.flow.recycling import PastSolutions
from aquirecover.flow.relaxation import Relaxation

# Newton corrections that are taken whole or halved once, before a line search that wants the residuals to fall at every one:
# cells that dry or wet may raise them on the way, and only a cycle between bends has to be broken.
BOLD_STEPS = 15

# Linear iterations more than with a new hierarchy that an old one may cost.
WORN = 1

# Sweeps over convertible cells of a guess.
SWEEPS = 2


@dataclass(frozen=True)
class NewtonSettings:
    """How a time step is solved."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    tolerance: float = 1e-8
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

    balance: Balance
    outer: int
    inner: int
    residual: float
    largest_change: float

    @property
    def state(self) -> State:
        """Heads at its end."""
        return self.balance.state


def _solution(balance: Balance, outer: int, inner: int, change: float) -> Solution:
    """Return what has been found after so many iterations, the last of which changed heads by so much."""
    residual = balance.norm / balance.through if balance.through > 0.0 else 0.0
    return Solution(balance, outer, inner, residual, change if outer else 0.0)


def _norm(balance: Balance) -> float:
    """Return the sum of the absolute residuals."""
    return balance.norm


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
        self._recycles = linear.method == "multigrid" and not system.has_convertible
        self._relaxation = Relaxation(system) if system.has_convertible else None
        self._prediction = Prediction(system) if system.has_convertible else None
        self._cycles: CycleSolver | None = None
        if self._relaxation is not None and linear.method == "multigrid":
            self._cycles = CycleSolver(system, self._relaxation, newton.tolerance, newton.head_change)

    def solve(self, guess: FloatArray, interval: Interval) -> Solution:
        """Return the heads at the end of an interval.

        Raises
        ------
        ConvergenceError
            With the cell of the largest residual and its value.
        """
        start = balance = self._tried(guess, interval)
        if self._prediction is not None and not interval.steady:
            balance = self._improved(balance, self._prediction)
        elif self._recycles and not interval.steady:
            balance = self._recalled(balance)
        if self._cycles is None:
            solution = self._iterate(balance)
        else:
            # room for the hierarchy of the cycles
            self._hierarchy = None
            cycled = self._cycles.solve(balance, self.newton.max_iterations)
            if cycled.balanced:
                solution = _solution(cycled.balance, cycled.cycles, cycled.cycles, cycled.change)
            else:
                self._cycles.forget()
                rest = self._iterate(cycled.balance)
                outer, inner = rest.outer + cycled.cycles, rest.inner + cycled.cycles
                solution = Solution(rest.balance, outer, inner, rest.residual, rest.largest_change)
        if self._prediction is not None and not interval.steady:
            self._prediction.remember(start, solution.balance)
        elif self._recycles and not interval.steady and solution.inner > 0:
            b, base, x = (a.ravel() for a in (start.residual, start.state.head, solution.state.head))
            self._memory().add(b, base, x, interval.rate)
        return solution

    def _iterate(self, balance: Balance) -> Solution:
        """Return the solution by Newton's method from a first balance."""
        newton, inner, change = self.newton, 0, np.inf
        for outer in range(newton.max_iterations + 1):
            norm = balance.norm
            if self._is_small(balance) and (change <= newton.head_change or outer == 0 or not self.system.has_convertible):
                return _solution(balance, outer, inner, change)
            if outer == newton.max_iterations:
                break
            delta, iterations = self._newton_step(balance, check=outer > 0)
            inner += iterations
            balance, change = self._search(balance, self._limited(balance.state, delta), 2 if outer < BOLD_STEPS else 20)
            # the change that the residual left would call for, as the one before called for this change
            change *= min(1.0, balance.norm / norm) if outer > 0 or balance.norm < 0.1 * norm else 1.0
        raise ConvergenceError(self._failure(balance, change))

    def _is_small(self, balance: Balance) -> bool:
        """Tell whether what is left of a balance may be left."""
        return balance.norm <= self.newton.tolerance * balance.through or balance.norm <= balance.rounding

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
        return Solution(last.balance, outer + last.outer, inner + last.inner, last.residual, last.largest_change)

    def damped(self, error: FloatArray, balance: Balance) -> tuple[FloatArray, int]:
        """Return an error in time as an implicit step leaves it, ``(S / Δt + A)⁻¹ (S / Δt) error``, m, and linear iterations."""
        system = self.system
        rhs = np.where(system.unknown, system.storage_flow(balance.state, balance.interval)[1] * error, 0.0)
        target = 1e-3 * float(np.abs(rhs).sum())
        result = solve(system.matrix(balance), rhs, target, self.linear)
        return result.solution, result.iterations

    def _newton_step(self, balance: Balance, *, check: bool) -> tuple[FloatArray, int]:
        """Return the Newton correction and the linear iterations it took; the next balance checks what a solve does not."""
        matrix, interval, residual = self.system.matrix(balance), balance.interval, balance.residual
        scale = max(balance.through, balance.norm)
        # a Newton correction need not be better than the linearisation; a linear problem is solved at once
        share = (1e-4 if interval.steady else 1e-3) * balance.norm if self.system.has_convertible else 0.0
        target = max(0.5 * self.newton.tolerance * scale, share, 0.5 * balance.rounding)
        if self.linear.method == "direct":
            return solve(matrix, residual, target, self.linear).solution, 0
        if self.system.has_convertible:
            return self._solve_newton_system(matrix, residual, target, interval)
        hierarchy = self._hierarchy_for(matrix, interval.dt)
        aids = Aids(norm=balance.norm, out=self.system.fields.empty(), check=check)
        result = solve(matrix, residual, target, self.linear, hierarchy, aids)
        return result.solution, result.iterations

    def _hierarchy_for(self, matrix: Matrix, dt: float) -> Multigrid:
        """Return a hierarchy for the matrix of a linear model: that of a similar step, or a new one."""
        if self._hierarchy is None or not 0.5 <= dt / self._hierarchy_dt <= 2.0:
            self._hierarchy, self._hierarchy_dt = matrix.preconditioner(self.system.threads), dt
        return self._hierarchy

    def _memory(self) -> PastSolutions:
        """Return the memory of earlier solutions, made when first needed."""
        if self._past is None:
            self._past = PastSolutions(self.system.unknown.size, self.system.elastic.ravel(), self.system.threads)
        return self._past

    def _recalled(self, given: Balance) -> Balance:
        """Return the balance at the heads that earlier solutions of a linear system suggest, where it is better."""
        head = self.system.fields.empty()
        known = (given.residual.ravel(), given.state.head.ravel(), head.ravel(), given.interval.rate)
        if self._is_small(given) or not self._memory().guess(*known):
            return given
        recalled = self.system.balance(self.system.state(head), given.interval)
        return recalled if recalled.norm < given.norm else given

    def _improved(self, given: Balance, prediction: Prediction) -> Balance:
        """Return a better first guess where earlier steps suggest one."""
        if self._is_small(given):
            return given
        best, interval = given, given.interval
        guess = prediction.extrapolated(interval)
        if guess is not None:
            best = min(best, self._tried(guess, interval, SWEEPS), key=_norm)
        if best.norm > 0.01 * given.norm:
            guess = prediction.recalled(best)
            if guess is not None:
                best = min(best, self._tried(guess, interval, SWEEPS), key=_norm)
        # what is only a little better may lie beyond a bend, on a longer way
        return best if best.norm < 0.25 * given.norm else given

    def _tried(self, guess: FloatArray, interval: Interval, sweeps: int = 0) -> Balance:
        """Return the balance at guessed heads, with the fixed heads of the period, after so many sweeps of relaxation."""
        head = self.system.with_fixed_heads(guess, interval.period)
        state = interval.old if head is interval.old.head else self.system.state(head)
        if self._relaxation is not None and sweeps > 0:
            self._relaxation.sweep(state, interval, sweeps)
        return self.system.balance(state, interval)

    def _solve_newton_system(
        self, matrix: Matrix, residual: FloatArray, target: float, interval: Interval
    ) -> tuple[FloatArray, int]:
        """Solve with the hierarchy of an earlier matrix as long as it serves."""
        hierarchy = self._hierarchy
        if hierarchy is None or not 0.5 <= interval.dt / self._hierarchy_dt <= 2.0 or np.isinf(self._hierarchy_dt):
            hierarchy = None
        iterative = replace(self.linear, direct_fallback_cells=0)
        result = None if hierarchy is None else solve(matrix, residual, target, iterative, hierarchy)
        if result is None or result.status is not LinearStatus.CONVERGED:
            hierarchy = matrix.preconditioner(self.system.threads)
            result = solve(matrix, residual, target, self.linear, hierarchy)
            self._fewest = result.iterations
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

    def _search(self, given: Balance, delta: FloatArray, trials: int) -> tuple[Balance, float]:
        """Return the balance after the longest of a few halved corrections that lowers the residual, or the best of them.

        With it comes the largest head change.
        """
        system, best, share = self.system, None, 1.0
        for _ in range(trials):
            head = system.fields.empty()
            change = float(move(given.state.head.ravel(), delta.ravel(), share, head.ravel(), system.threads))
            trial = system.balance(system.state(head), given.interval)
            if best is None or trial.norm < best[0].norm:
                best = (trial, change)
            if trial.norm < given.norm:
                break
            share *= 0.5
        assert best is not None
        return best

    def _failure(self, balance: Balance, change: float) -> str:
        residual = balance.residual
        cell = int(np.abs(residual).argmax())
        return (
            f"no convergence in {self.newton.max_iterations} iterations; the residuals sum to {balance.norm:.3g} of "
            f"{balance.through:.3g} m3/d, largest {residual.flat[cell]:.3g} m3/d in {self.system.problem.grid.describe(cell)}, "
            f"last head change {change:.2g} m"
        )
