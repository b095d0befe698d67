"""Safe extraction limits: the best values of decisions under which every constraint holds.

Heads and flows respond to the decisions by a matrix (`response`). Where the flow is linear it holds everywhere and one program
gives the limit; where it is not, programs are solved in sequence, each with the response at the solution of the one before, until
rates and objective stay (Ahlfeld, Barlow and Mulligan 2005, USGS Open-File Report 2005-1072). Between them the matrix is kept as
a chord as long as the sequence draws together, with the heads of a run at the rates of each; it counts as settled only when it
stays with a matrix found at its own end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Problem
from aquirecover.study import linear_program
from aquirecover.study.certificate import Certificate, prove, prove_bounds
from aquirecover.study.chance import Chance, Margin, deviation, tightened
from aquirecover.study.constraints import Constraints
from aquirecover.study.decisions import Decision
from aquirecover.study.linear_program import InfeasibleError, LinearProgram, ProgramSolution, UnboundedError
from aquirecover.study.quantities import Quantities
from aquirecover.study.response import Evaluator, Outcome, Response, SimulateAll

# Sequential programs after which steps are held within ever smaller bounds.
FREE = 8
# Share of the last change of a rate that the next may reach while an older matrix serves.
DRAWN = 0.1
# Tolerance of the rates, as a share of what they are raised by, with which raised rates must break a constraint.
SHOWN = 0.1
# Decisions that a message names.
NAMED = 5


@dataclass(frozen=True, eq=False)
class Objective:
    """What is made as large as can be, or as small.

    Parameters
    ----------
    decision : ndarray
        Weights of the decisions, shape ``(n_decision,)``.
    quantity : ndarray, optional
        Weights of the quantities, shape ``(n_quantity,)``.
    maximise : bool
        Whether more is better.
    """

    decision: FloatArray
    quantity: FloatArray | None = None
    maximise: bool = True

    def value(self, values: FloatArray, x: FloatArray) -> float:
        """Return the objective for values of quantities and decisions."""
        return float(self.decision @ x + (0.0 if self.quantity is None else self.quantity @ values))


@dataclass(frozen=True, eq=False)
class LimitProblem:
    """A question for the safe limit.

    Parameters
    ----------
    problem : Problem
        The model, with what all wells pump that no decision touches.
    decisions : tuple of Decision
        The unknowns.
    families : tuple of Quantities
        What is looked at; quantities are numbered through all families.
    constraints : Constraints
        What must hold.
    objective : Objective
        What is sought.
    chance : Chance, optional
        With which probability every constraint is to hold; none looks at one set of inputs alone.
    """

    problem: Problem
    decisions: tuple[Decision, ...]
    families: tuple[Quantities, ...]
    constraints: Constraints
    objective: Objective
    chance: Chance | None = None

    def held_at(self, x: FloatArray) -> tuple[LimitProblem, FloatArray]:
        """Return the question whose sides leave what the chance asks for at values of the decisions, and the deviations.

        Deviations are those of the rows, shape ``(n_row,)``, 0 without a chance.
        """
        if self.chance is None:
            return self, np.zeros(self.constraints.n)
        found = deviation(self.constraints, self.chance.spread.slopes(x))
        return self.with_deviations(found), found

    def with_deviations(self, deviations: FloatArray) -> LimitProblem:
        """Return the question whose sides leave z times some standard deviations of the rows."""
        if self.chance is None:
            return self
        return replace(self, constraints=tightened(self.constraints, deviations, self.chance.z), chance=None)


@dataclass(frozen=True)
class LimitSettings:
    """How a limit is searched for."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    rate_tolerance: float = 1e-5
    """A sequence of programs has converged when no rate changes by more than this, relative to 1 plus the largest rate."""
    objective_tolerance: float = 1e-6
    """… and the objective by no more than this, relative to 1 plus itself."""
    max_programs: int = 50
    """Programs after which the search fails."""
    violation: float = 1e-6
    """Largest excess over any constraint in the full model: m, m/km of a gradient, of others its unit per 1 + its side."""
    raised: float = 1e-3
    """Share by which the limit is raised, or lowered where less pumping is better, to show that it then breaks a constraint."""
    spread_every: int = 1
    """With a risk, programs after which the standard deviations are found anew; 0 keeps those at the first rates."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        for name in ("rate_tolerance", "objective_tolerance", "violation", "raised"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ValueError(f"{name} = {getattr(self, name):g}: must lie between 0 and 1.")
        for name, least in (("max_programs", 1), ("spread_every", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} = {getattr(self, name)}: must be {least} or more.")


@dataclass(frozen=True, eq=False)
class LimitResult:
    """A safe limit.

    Parameters
    ----------
    x : ndarray
        Values of the decisions, shape ``(n_decision,)``.
    objective : float
        Its value in the full model.
    outcome : Outcome
        Of the full model at the limit.
    row_price, bound_price : ndarray
        Shadow prices: what the objective gains per unit by which a constraint, or a decision's bound, is widened, shapes
        ``(n_row,)`` and ``(n_decision,)``.
    gap : float
        Duality gap of the last program, relative.
    programs, runs : int
        Programs solved and simulations run.
    certificate : Certificate
        See its class.
    response : Response
        The last.
    deviation : ndarray
        Standard deviations of the constraints, 0 without a chance, shape ``(n_row,)``.
    """

    x: FloatArray
    objective: float
    outcome: Outcome
    row_price: FloatArray
    bound_price: FloatArray
    gap: float
    programs: int
    runs: int
    certificate: Certificate
    response: Response = field(repr=False)
    deviation: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False)


def find_limit(
    question: LimitProblem,
    simulate_all: SimulateAll,
    settings: LimitSettings | None = None,
    start: FloatArray | None = None,
    progress: Callable[[str], None] | None = None,
    known: Response | None = None,
) -> LimitResult:
    """Return the best values of the decisions under which every constraint holds.

    Parameters
    ----------
    question : LimitProblem
        What is sought.
    simulate_all : callable
        Runs problems; with tight tolerances, since limits are certified to 1e-6 m.
    settings : LimitSettings, optional
        How.
    start : ndarray, optional
        First values of the decisions, shape ``(n_decision,)``; their lower bounds by default.
    progress : callable, optional
        Called with a line of text after each program.
    known : Response, optional
        Of an earlier search with the same decisions and quantities. A linear model, which must be the same, need not find it
        again; with another one the search begins with its slopes. Standard deviations of a chance are found all the same.

    Raises
    ------
    InfeasibleError
        When no values satisfy all constraints.
    ConvergenceError
        When the sequence of programs does not settle, the objective is unbounded, the limit breaks a constraint in the full
        model, or wells cannot deliver it.
    """
    settings = settings or LimitSettings()
    evaluator = Evaluator(question.problem, question.decisions, question.families, simulate_all)
    x = first_values(question.decisions) if start is None else np.asarray(start, dtype=np.float64)
    safe = first_values(question.decisions)
    reach, value, change = np.inf, np.inf, np.inf
    # what does not change with the rates is found once
    once = question.chance is None or settings.spread_every == 0
    margin = None if question.chance is None else Margin(question.chance, question.constraints, x)
    if known is None:
        known = evaluator.rough_response(x)
    for n_program in range(1, settings.max_programs + 1):
        fresh = known is None
        try:
            response = _response(evaluator, x, known)
            if margin is not None and not once and n_program > 1 and (n_program - 1) % settings.spread_every == 0:
                margin.update(x)
            held = question if margin is None else replace(question, constraints=margin.rows(), chance=None)
            solution = _program(held, response, x, reach)
        except ConvergenceError as error:
            # dry cells and drains feel no change: go back to where the model answers
            if evaluator.linear or not np.abs(x - safe).max(initial=0.0) > 0.0:
                raise
            answered = isinstance(error, InfeasibleError) and fresh
            x, reach, known = (safe if answered or n_program >= FREE else 0.5 * (x + safe)), np.inf, None
            if progress is not None:
                progress(f"program {n_program}: no answer at these rates; going back")
            continue
        before, change = change, float(np.abs(solution.x - x).max(initial=0.0))
        moved, value = abs(solution.value - value), solution.value
        if progress is not None:
            progress(f"program {n_program}: objective {value:.6g}, largest change of a rate {change:.3g} m3/d")
        still = change <= settings.rate_tolerance * (1.0 + float(np.abs(solution.x).max(initial=0.0)))
        settled = still and moved <= settings.objective_tolerance * (1.0 + abs(value))
        if (evaluator.linear and once) or (settled and (fresh or evaluator.linear)):
            deviations = np.zeros(question.constraints.n) if margin is None else margin.deviation
            found = _certified(question.with_deviations(deviations), evaluator, solution, response, settings, n_program)
            return replace(found, deviation=deviations)
        if n_program >= FREE:
            # rates that swing between two corners are brought together
            reach = 0.5 * min(change, reach)
        keeps = fresh or change <= DRAWN * before
        known = response if evaluator.linear or (keeps and not settled and n_program < FREE) else None
        safe, x = x, solution.x
    raise ConvergenceError(
        f"The limit search did not settle in {settings.max_programs} programs: rates still change by {change:.3g} m3/d. "
        "Raise search.max_programs, or start from other rates."
    )


def _response(evaluator: Evaluator, x: FloatArray, known: Response | None) -> Response:
    """Return the response at x: that of a linear model anywhere, else one with the slopes of an earlier one, or a new one."""
    if known is None:
        return evaluator.response(x)
    if evaluator.linear:
        return known
    (outcome,) = evaluator.outcomes([x])
    return evaluator.renewed(known, outcome, x)


def first_values(decisions: Sequence[Decision]) -> FloatArray:
    """Return the least values of the decisions, 0 where they have no lower bound."""
    return np.array([d.lower if np.isfinite(d.lower) else min(0.0, d.upper) for d in decisions])


def _program(question: LimitProblem, response: Response, x: FloatArray, reach: float) -> ProgramSolution:
    """Solve the program of a response, with rates at most `reach` from x."""
    constraints, objective = question.constraints, question.objective
    matrix, constant = constraints.matrix(response)
    weights, offset = _weights(objective, response), 0.0
    if objective.quantity is not None:
        offset = float(objective.quantity @ (response.outcome.values - response.slope @ response.at))
    sign = 1.0 if objective.maximise else -1.0
    lower, upper = (np.array([getattr(d, side) for d in question.decisions]) for side in ("lower", "upper"))
    program = LinearProgram(
        sign * weights,
        matrix,
        constraints.lower - constant,
        constraints.upper - constant,
        np.maximum(lower, x - reach),
        np.minimum(upper, x + reach),
        np.array([d.integer for d in question.decisions]),
    )
    try:
        solution = linear_program.solve(program)
    except UnboundedError as error:
        free = [d.name for d in question.decisions if not np.isfinite(d.upper if objective.maximise else d.lower)]
        raise UnboundedError(
            "The limit can grow without end: no constraint holds back what has no largest rate, which is one of "
            f"{', '.join(free[:NAMED])}{' …' if len(free) > NAMED else ''}. Give most, or a rule that looks at the heads."
        ) from error
    value = sign * solution.value + offset
    return ProgramSolution(solution.x, value, solution.row_price, solution.bound_price, solution.gap)


def _weights(objective: Objective, response: Response) -> FloatArray:
    """Return what the objective gains per unit of each decision, shape ``(n_decision,)``."""
    own = objective.decision.astype(np.float64)
    return own if objective.quantity is None else own + objective.quantity @ response.slope


def _certified(
    question: LimitProblem,
    evaluator: Evaluator,
    solution: ProgramSolution,
    response: Response,
    settings: LimitSettings,
    programs: int,
) -> LimitResult:
    """Run the full model at the limit and a little above it."""
    x = solution.x
    acting = np.array([decision.acts for decision in question.decisions])
    # a little better than the limit: more where the most pumping is sought, less where the least is
    sign = 1.0 if question.objective.maximise else -1.0
    gains = sign * (_weights(question.objective, response) * x)[acting].sum()
    better = 1.0 + settings.raised if gains >= 0.0 else 1.0 - settings.raised
    raised = np.where(acting, better * x, x)
    at, above = evaluator.outcomes([x, raised])
    if at.shortfall:
        well, share = max(at.shortfall.items(), key=lambda item: item[1])
        raise ConvergenceError(
            f"The limit cannot be delivered: well {well} falls short by {100.0 * share:.3g} % of its rate, and so do "
            f"{len(at.shortfall) - 1} more. Give these wells lower caps, or level limits above the bottoms of their cells."
        )
    held = prove(1.0, question.constraints, at.values, x)
    if held.excess > settings.violation:
        raise ConvergenceError(
            f"The limit breaks {held.name} in the full model: {held.value:.10g} against {held.side:.10g} {held.unit}, an excess "
            f"of {held.excess:.3g} that must be {settings.violation:g} or less. Use a smaller newton.tolerance for the runs."
        )
    beyond = None
    if (np.abs(x[acting]) > 0.0).any():
        tries = prove(better, question.constraints, above.values, raised), prove_bounds(better, question.decisions, raised)
        beyond = max(tries, key=lambda proof: proof.excess)
        gain = sign * (question.objective.value(above.values, raised) - question.objective.value(at.values, x))
        # a search that stops short of the limit by as much cannot show it
        shows = settings.rate_tolerance <= SHOWN * settings.raised
        least = settings.objective_tolerance * (1.0 + abs(solution.value))
        if shows and gain > least and beyond.excess <= 0.0:
            raise ConvergenceError(
                f"{better:g} times the rates that were found break nothing and are better: these are no limit. "
                "Use a smaller search.rate_tolerance and search.objective_tolerance."
            )
    return LimitResult(
        x,
        question.objective.value(at.values, x),
        at,
        solution.row_price,
        solution.bound_price,
        solution.gap,
        programs,
        evaluator.runs,
        Certificate(held, beyond),
        response,
    )
