"""Backward Euler steps, cut into parts where Newton's method does not converge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from aquirecover.errors import ConvergenceError
from aquirecover.flow.assembly import Interval
from aquirecover.flow.newton import Solution, StepSolver

# Called with the solution, the interval and the share of the step of every part or stage, in turn, once it counts.
Record: TypeAlias = Callable[[Solution, Interval, float], None]


class BackwardEuler:
    """Steps of first order: the flows of a step are those at its end.

    Parameters
    ----------
    solver : StepSolver
        Of the system.
    """

    def __init__(self, solver: StepSolver) -> None:
        self.solver = solver

    def advance(self, interval: Interval, record: Record) -> tuple[Solution, int]:
        """Solve a step, in 2, 4, 8, … parts where it does not converge in one.

        Returns
        -------
        solution : Solution
            Of the last part, iterations of all.
        parts : int
            Number of parts.

        Raises
        ------
        ConvergenceError
            When even the smallest parts do not converge.
        """
        if interval.steady:
            solution = self.solver.solve_steady(interval.old, interval.period)
            record(solution, interval, 1.0)
            return solution, 1
        failure: ConvergenceError | None = None
        for cut in range(self.solver.newton.max_cuts + 1):
            try:
                solutions = self._solve_parts(interval, 2**cut)
            except ConvergenceError as error:
                failure = error
                continue
            for solution, part in solutions:
                record(solution, part, 0.5**cut)
            last = solutions[-1][0]
            outer, inner = sum(s.outer for s, _ in solutions), sum(s.inner for s, _ in solutions)
            largest = max(s.residual for s, _ in solutions)
            return Solution(last.balance, outer, inner, largest, last.largest_change), len(solutions)
        assert failure is not None
        raise failure

    def _solve_parts(self, interval: Interval, n: int) -> list[tuple[Solution, Interval]]:
        """Solve an interval in `n` equal parts."""
        solutions: list[tuple[Solution, Interval]] = []
        old = interval.old
        for _ in range(n):
            part = Interval(interval.period, interval.dt / n, old)
            solution = self.solver.solve(old.head, part)
            solutions.append((solution, part))
            old = solution.state
        return solutions
