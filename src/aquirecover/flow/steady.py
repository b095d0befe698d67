"""Equilibrium heads, and recovery times by moments, without marching in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.errors import ConfigError, ConvergenceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.checks import check_problem
from aquirecover.flow.linear import solve
from aquirecover.flow.newton import StepSolver
from aquirecover.flow.problem import Problem
from aquirecover.flow.simulate import SimulateSettings


def solve_steady(problem: Problem, period: int, settings: SimulateSettings | None = None) -> FloatArray:
    """Return the heads in equilibrium with the stresses of one period.

    Parameters
    ----------
    problem : Problem
        Its stresses, boundaries and properties are used, its schedule is not.
    period : int
        From 0; -1 is the last.
    settings : SimulateSettings, optional
        Of the Newton iteration and linear solver.

    Returns
    -------
    ndarray
        Shape ``(n_layer, n_y, n_x)``, NaN outside active cells; m.

    Raises
    ------
    ConfigError
        When the problem breaks a physical rule.
    ConvergenceError
        When there is no equilibrium or it is not found.
    ValueError
        When there is no such period.
    """
    settings = settings or SimulateSettings()
    findings = check_problem(problem, equilibrium=True)
    if findings:
        raise ConfigError(findings)
    system = FlowSystem(problem, settings.linear.threads)
    number = _period_number(problem, period)
    start = system.initial_state()
    try:
        solution = StepSolver(system, settings.newton, settings.linear).solve_steady(start, number)
    except ConvergenceError as error:
        raise ConvergenceError(f"Equilibrium with the stresses of period {number + 1}: {str(error).rstrip('.')}.") from error
    return np.where(problem.grid.active, solution.state.head, np.nan)


def recovery_times(
    problem: Problem,
    head_start: FloatArray,
    period: int,
    fractions: ArrayLike = (0.9, 0.99),
    settings: SimulateSettings | None = None,
    n_moment: int = 4,
) -> tuple[FloatArray, FloatArray]:
    """Return the times after which heads have recovered by given fractions, from a few solves instead of a march.

    With ``m_0 = h_start − h∞`` and ``A m_k = k S m_(k−1)`` (A the flow matrix, S the storage of a cell) the ratio of the two
    highest moments tends to the time constant of the slowest decay seen at a cell, ``τ = m_n / (n m_(n−1))``, and its amplitude
    follows as ``a = m_n / (n! τ^n)``: ``t_p = τ ln(a / ((1 − p) m_0))`` (Carr and Simpson 2017, arXiv 1707.06331, section 3;
    Simpson et al. 2013). The flow is linearised about the equilibrium. It holds for late fractions, 0.9 and above, where one
    decay is left; not for half recovery.

    Parameters
    ----------
    problem : Problem
        The stresses of `period` act from now on.
    head_start : ndarray
        Heads at the change, shape ``(n_layer, n_y, n_x)``, NaN allowed outside active cells; m.
    period : int
        From 0; -1 is the last.
    fractions : array_like
        Shape ``(n_fraction,)``, between 0 and 1.
    settings : SimulateSettings, optional
        Of the solvers.
    n_moment : int
        Highest moment.

    Returns
    -------
    times : ndarray
        Shape ``(n_fraction, n_layer, n_y, n_x)``, NaN where the head does not change by 1 mm or more, or where the moments
        do not have one sign; d.
    head_end : ndarray
        Equilibrium, shape ``(n_layer, n_y, n_x)``; m.

    Raises
    ------
    ConfigError, ConvergenceError
        As `solve_steady`.
    ValueError
        When a fraction does not lie between 0 and 1, or there is no such period.
    """
    settings = settings or SimulateSettings()
    shares = np.atleast_1d(np.asarray(fractions, dtype=np.float64))
    if not ((shares > 0.0) & (shares < 1.0)).all():
        raise ValueError(f"fractions = {shares.tolist()}: each must lie between 0 and 1, both left out.")
    head_end = solve_steady(problem, period, settings)
    system = FlowSystem(problem, settings.linear.threads)
    number = _period_number(problem, period)
    end = system.state(np.where(system.flowing, np.nan_to_num(head_end), 0.0))
    matrix = system.matrix(system.balance(end, Interval(number, np.inf, end)))
    _, storage = system.storage_flow(end, Interval(number, 1.0, end))
    preconditioner = matrix.preconditioner(system.threads)
    moment = np.where(system.unknown, np.nan_to_num(head_start - head_end), 0.0)
    first = moment
    previous = moment
    factorial = 1.0
    for order in range(1, n_moment + 1):
        previous = moment
        rhs = np.where(system.unknown, order * storage * moment, 0.0)
        target = 1e-10 * float(np.abs(rhs).sum())
        moment = solve(matrix, rhs, target, settings.linear, preconditioner).solution if target > 0.0 else np.zeros_like(rhs)
        factorial *= order
    changed = system.unknown & problem.grid.active & (np.abs(first) >= 1e-3)
    tau = np.divide(moment, n_moment * previous, out=np.full_like(moment, np.nan), where=changed & (previous != 0.0))
    tau[~(tau > 0.0)] = np.nan
    amplitude = moment / (factorial * tau**n_moment)
    left = np.divide(amplitude, first, out=np.full_like(moment, np.nan), where=changed)
    left[~(left > 0.0)] = np.nan
    times = [tau * np.log(left / (1.0 - p)) for p in shares]
    return np.maximum(np.stack(times), 0.0), head_end


def _period_number(problem: Problem, period: int) -> int:
    """Return the period from 0, with negative numbers counted from the last."""
    n_period = problem.schedule.n_period
    if not -n_period <= period < n_period:
        raise ValueError(f"period = {period}: the schedule has {n_period}, counted from 0.")
    return period % n_period
