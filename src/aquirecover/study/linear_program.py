"""Linear and mixed-integer programs by HiGHS (Huangfu and Hall 2018, Math. Program. Comput. 10), through scipy.

Rows that cannot bind at present are left out and come back when a solution breaks them, so that a limit with a constraint at
every well and step costs little more than one with the few that bind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import BoolArray, FloatArray

# Rows that a program starts with, and adds at most each time.
ROWS = 2_000
# A row counts as broken when it is by more than this share of its size.
BROKEN = 1e-9


class InfeasibleError(ConvergenceError):
    """No values satisfy all rows."""


class UnboundedError(ConvergenceError):
    """The objective can grow without end."""


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """Maximise ``objective · x`` subject to ``row_lower ≤ matrix x ≤ row_upper`` and bounds.

    Parameters
    ----------
    objective : ndarray
        Shape ``(n,)``.
    matrix : ndarray
        Shape ``(n_row, n)``.
    row_lower, row_upper : ndarray
        Shape ``(n_row,)``, infinite where there is none.
    lower, upper : ndarray
        Shape ``(n,)``.
    integer : ndarray of bool
        Shape ``(n,)``.
    """

    objective: FloatArray
    matrix: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: BoolArray


@dataclass(frozen=True, eq=False)
class ProgramSolution:
    """Optimum of a program.

    Parameters
    ----------
    x : ndarray
        Shape ``(n,)``.
    value : float
        Of the objective.
    row_price, bound_price : ndarray
        What the objective gains per unit by which a row's binding side, or a bound, is widened, ≥ 0, shapes ``(n_row,)`` and
        ``(n,)``; with integers, at the integers that were found.
    gap : float
        Value of the dual less that of the primal, relative to ``1 + |value|``; with integers that of the last linear program.
    """

    x: FloatArray
    value: float
    row_price: FloatArray
    bound_price: FloatArray
    gap: float


def solve(program: LinearProgram) -> ProgramSolution:
    """Return the optimum.

    Raises
    ------
    InfeasibleError
        When no values satisfy all rows and bounds.
    UnboundedError
        When the objective can grow without end.
    ConvergenceError
        When HiGHS gives up.
    """
    # HiGHS takes coefficients below 1e-9 for none, and a gradient has such ones
    steepest = np.abs(program.matrix).max(axis=1, initial=0.0)
    factor = np.divide(1.0, steepest, out=np.ones_like(steepest), where=steepest > 0.0)
    program = replace(
        program,
        matrix=program.matrix * factor[:, None],
        row_lower=program.row_lower * factor,
        row_upper=program.row_upper * factor,
    )
    used = _first_rows(program)
    scale = 1.0 + np.maximum(_finite(np.abs(program.row_lower)), _finite(np.abs(program.row_upper)))
    while True:
        some = replace(program, matrix=program.matrix[used], row_lower=program.row_lower[used], row_upper=program.row_upper[used])
        solution = _solve_rows(some)
        activity = program.matrix @ solution.x
        excess = np.maximum(activity - program.row_upper, program.row_lower - activity) / scale
        excess[used] = -np.inf
        broken = np.flatnonzero(excess > BROKEN)
        if not broken.size:
            price = np.zeros(program.row_lower.size)
            price[used] = solution.row_price
            return replace(solution, row_price=price * factor)
        used[broken[np.argsort(-excess[broken], kind="stable")[:ROWS]]] = True


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, 0.0)


def _first_rows(program: LinearProgram) -> BoolArray:
    """Return the rows to begin with: all of a small program, of a large one those nearest to their sides at the lower bounds."""
    n_row = program.row_lower.size
    used = np.zeros(n_row, dtype=bool)
    if n_row <= 2 * ROWS:
        used[:] = True
        return used
    activity = program.matrix @ _finite(program.lower)
    room = np.minimum(program.row_upper - activity, activity - program.row_lower)
    steepest = np.abs(program.matrix).max(axis=1)
    order = np.argsort(np.divide(room, steepest, out=np.full(n_row, np.inf), where=steepest > 0.0), kind="stable")
    used[order[:ROWS]] = True
    used |= program.row_lower == program.row_upper
    return used


def _solve_rows(program: LinearProgram) -> ProgramSolution:
    """Solve with all rows; a program with integers is solved once more with them held, for its prices."""
    if not program.integer.any():
        return _solve_linear(program)
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows = LinearConstraint(program.matrix, program.row_lower, program.row_upper)
    constraints = [rows] if program.row_lower.size else []
    result: Any = milp(
        -program.objective,
        integrality=program.integer.astype(int),
        bounds=Bounds(program.lower, program.upper),
        constraints=constraints,
        options={"mip_rel_gap": 1e-9},
    )
    _check(result)
    whole = np.where(program.integer, np.round(result.x), 0.0)
    held = replace(
        program,
        lower=np.where(program.integer, whole, program.lower),
        upper=np.where(program.integer, whole, program.upper),
        integer=np.zeros_like(program.integer),
    )
    return _solve_linear(held)


def _solve_linear(program: LinearProgram) -> ProgramSolution:
    from scipy.optimize import linprog

    equal = program.row_lower == program.row_upper
    above, below = np.isfinite(program.row_upper) & ~equal, np.isfinite(program.row_lower) & ~equal
    # the stubs know no array of bounds
    result: Any = linprog(  # type: ignore[call-overload]
        -program.objective,
        A_ub=np.concatenate([program.matrix[above], -program.matrix[below]]),
        b_ub=np.concatenate([program.row_upper[above], -program.row_lower[below]]),
        A_eq=program.matrix[equal],
        b_eq=program.row_upper[equal],
        bounds=np.stack([program.lower, program.upper], axis=1),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    _check(result)
    # derivatives of the minimised objective: those of an upper side, and of an upper bound, are never positive
    price = np.zeros(program.row_lower.size)
    marginal = -result.ineqlin.marginals
    price[above] += marginal[: above.sum()]
    price[below] += marginal[above.sum() :]
    price[equal] = np.abs(result.eqlin.marginals)
    bound = result.lower.marginals - result.upper.marginals
    dual = float(
        result.ineqlin.marginals @ np.concatenate([program.row_upper[above], -program.row_lower[below]])
        + result.eqlin.marginals @ program.row_upper[equal]
        + result.lower.marginals @ _finite(program.lower)
        + result.upper.marginals @ _finite(program.upper)
    )
    value = float(program.objective @ result.x)
    return ProgramSolution(result.x, value, price, bound, abs(-dual - value) / (1.0 + abs(value)))


def _check(result: Any) -> None:
    """Refuse what is no optimum."""
    if result.status == 2:
        raise InfeasibleError("no values of the decisions satisfy all constraints.")
    if result.status == 3:
        raise UnboundedError("The objective can grow without end: a decision has no upper bound and no constraint.")
    if result.status != 0:
        raise ConvergenceError(f"HiGHS gave up on the limit search: {result.message}")
