"""With which probability a limit holds, given the priors of the model: by realizations and by first-order second-moment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, final

import numpy as np

from aquirecover import __version__
from aquirecover.errors import AquirecoverError, ConfigError, ConvergenceError, Finding, ResourceError
from aquirecover.machine import n_cores
from aquirecover.runner import Listener, RunOptions
from aquirecover.study.chance import Chance, Margin, Spread, contributions, row_slopes
from aquirecover.study.constraints import Constraints
from aquirecover.study.ensemble import FactorRange, Route, factor_range
from aquirecover.study.limits import LimitProblem, LimitResult, LimitSettings, find_limit, first_values
from aquirecover.study.linear_program import InfeasibleError
from aquirecover.study.priors import sample
from aquirecover.study.reliability import Ensemble, FirstOrder, Reliability
from aquirecover.study.response import Evaluator

if TYPE_CHECKING:
    from aquirecover.case.limit_case import LimitCase
    from aquirecover.case.prior_builder import ModelPrior
    from aquirecover.flow.arrays import FloatArray
    from aquirecover.flow.problem import FlowResult, Problem
    from aquirecover.flow.simulate import SimulateSettings
    from aquirecover.study.decisions import Decision
    from aquirecover.study.response import SimulateAll, Simulator

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Probabilities of the curve by first-order second-moment, beside the one that is asked for.
PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# Standard deviations of a prior over which derivatives are taken.
STEP = 0.1
REALIZATIONS = "realizations"
# Balance of a step that lets a limit be certified to 1e-6 m.
TIGHT = 1e-11
# How closely a limit with a risk is searched for and certified: its standard deviations are of the first order only.
ROUGH_RATE, ROUGH_OBJECTIVE, ROUGH_VIOLATION = 1e-3, 1e-4, 1e-3


def find_reliability(
    path: Path, options: RunOptions, made: LimitCase, result: LimitResult, simulate_all: Simulator, folder: Path,
    listener: Listener, jobs: int | None = None,
) -> Reliability:  # fmt: skip
    """Return with which probability the limit holds.

    Parameters
    ----------
    path, options
        Of the limit file, as for the limit itself.
    made : LimitCase
        The question, with a `risk`.
    result : LimitResult
        Its limit without risk.
    simulate_all : Simulator
        Runs problems.
    folder : Path
        Realizations are stored below it as they end, and found again there.
    listener : Listener
        Hears what goes on.
    jobs : int, optional
        Processes at a time; one per core by default.

    Raises
    ------
    KeyboardInterrupt
        With a sentence about what is stored.
    AquirecoverError
        When there are no priors, or derivatives cannot be found.
    """
    from aquirecover.case.config import read_case, read_limits
    from aquirecover.case.prior_builder import model_priors

    assert made.risk is not None
    asked = made.risk
    scenario = read_limits(path, allow_outside=options.allow_outside).scenario_file
    files = read_case(scenario, overrides=options.overrides, allow_outside=options.allow_outside)
    priors = tuple(model_priors(files.model, asked.priors))
    first_order = None
    if asked.first_order:
        loader = _Loader(path, options, made)
        try:
            first_order = _first_order(loader, priors, made, result, asked.probability, simulate_all, listener)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt("Interrupted: runs that had ended are kept; call again to go on from there.") from error
    ensemble = None
    if asked.realizations:
        samples = sample([one.prior for one in priors], asked.realizations, asked.seed, asked.sampling)
        ensemble = _ensemble(path, options, priors, samples, made, result, folder, listener, jobs or n_cores())
    about = tuple({"unit": one.unit, "certainty": one.certainty, "source": one.source} for one in priors)
    return Reliability(asked.probability, tuple(one.prior for one in priors), about, ensemble, first_order)


class _Loader:
    """Builds the question of a limit file with other values of the model."""

    def __init__(self, path: Path, options: RunOptions, base: LimitCase) -> None:
        self.path, self.options, self.names = path, options, base.question.constraints.names
        self.coefficients = base.question.constraints.decision_coefficient

    def load(self, values: Mapping[str, float]) -> tuple[LimitProblem, SimulateSettings]:
        """Return the question with some values, and the settings of its runs.

        Raises
        ------
        ConfigError
            When it has other rules than the base: a rate that is shared out by what wells pump keeps to the shares of the base.
        """
        from aquirecover.case.limit_builder import load_limits
        from aquirecover.flow.simulate import simulate

        made = load_limits(
            self.path,
            simulate,
            cell_size=self.options.cell_size,
            overrides={**self.options.overrides, **values},
            allow_outside=self.options.allow_outside,
            brief=True,
        )
        rows = made.question.constraints
        if rows.names != self.names:
            raise ConfigError([Finding("risk", "the rules hold at other places with these values of the priors.")])
        return replace(made.question, constraints=replace(rows, decision_coefficient=self.coefficients)), made.case.settings


# --- realizations -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Common:
    """What all realizations share."""

    loader: _Loader
    route: Route
    settings: LimitSettings
    folder: Path
    hindsight: bool


@dataclass(frozen=True, eq=False)
class _Task:
    """A realization: its number from 1, key of its content, and values of the model."""

    number: int
    key: str
    values: Mapping[str, float] = field(repr=False)

    def file(self, folder: Path) -> Path:
        """Return where it is stored."""
        return folder / REALIZATIONS / f"{self.number:05d}-{self.key[:16]}.json"


def _ensemble(
    path: Path, options: RunOptions, priors: Sequence[ModelPrior], samples: FloatArray, made: LimitCase, result: LimitResult,
    folder: Path, listener: Listener, jobs: int,
) -> Ensemble:  # fmt: skip
    """Look at the limit in all realizations that are not stored yet."""
    route = Route(made.question.decisions, result.x)
    assert made.risk is not None
    shared = [_content(path, options, made, result), made.risk.hindsight]
    tasks = []
    for number, row in enumerate(samples.tolist(), 1):
        values = {one.key: value for one, value in zip(priors, row, strict=True)}
        key = hashlib.sha256(json.dumps([shared, values], sort_keys=True).encode()).hexdigest()
        tasks.append(_Task(number, key, values))
    found: dict[int, dict[str, Any]] = {}
    for task in tasks:
        if (stored := _stored(task, folder)) is not None:
            found[task.number] = stored
    if found:
        listener.say(f"{len(found)} of {len(tasks)} realizations are stored in {folder / REALIZATIONS}")
    left = [task for task in tasks if task.number not in found]
    common = _Common(_Loader(path, options, made), route, made.settings, folder, made.risk.hindsight)
    listener.progress(REALIZATIONS, len(found), len(tasks))
    try:
        from aquirecover.workers import do_all

        with closing(do_all(realize, common, left, jobs)) as ended:
            for place, record in ended:
                found[left[place].number] = record
                listener.progress(REALIZATIONS, len(found), len(tasks))
    except KeyboardInterrupt as error:
        text = (
            f"Interrupted: {len(found)} of {len(tasks)} realizations are stored in {folder / REALIZATIONS}; call again to go on."
        )
        raise KeyboardInterrupt(text) from error
    records = [found[task.number] for task in tasks]
    ranges = tuple(None if record["error"] else FactorRange(**_numbers(record["range"])) for record in records)
    errors = tuple(record["error"] for record in records)
    if not made.risk.hindsight:
        return Ensemble(samples, ranges, errors, route)
    own = tuple(None if record["own"] is None else np.array(record["own"]) for record in records)
    return Ensemble(samples, ranges, errors, route, own, tuple(record["why_none"] for record in records))


def _content(path: Path, options: RunOptions, made: LimitCase, result: LimitResult) -> Any:
    """Return all that the realizations depend on besides the values of the priors."""
    from aquirecover.case.config import read_limits

    limits = read_limits(path, allow_outside=options.allow_outside).limits
    asked = limits.model_dump(mode="json", exclude={"title", "notes", "trade_off", "risk", "search"})
    config = json.loads(json.dumps(made.case.config, default=str))
    return [__version__, asked, config, dict(made.case.inputs), result.x.tolist(), made.settings.violation]


def _stored(task: _Task, folder: Path) -> dict[str, Any] | None:
    """Return the record of a realization that ended before, None where there is none of this content."""
    try:
        record = json.loads(task.file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("key") == task.key else None


def realize(common: _Common, task: _Task) -> dict[str, Any]:
    """Look at the limit in one realization and store what came out; runs in a process of its own.

    A failure that would come again is stored too; one of the program is not.

    Raises
    ------
    ResourceError
        When the machine has no room.
    """
    from aquirecover.output.files import write_json

    record: dict[str, Any] = {"key": task.key, "number": task.number, "range": None, "error": "", "values": dict(task.values)}
    record |= {"own": None, "why_none": ""}
    try:
        question, settings = common.loader.load(task.values)
        found = factor_range(question, common.route, _one_by_one(settings), common.settings)
        record["range"] = {key: value if value == value else None for key, value in vars(found).items()}
        if common.hindsight:
            record |= _own_limit(replace(question, decisions=common.route.decisions), settings)
    except ResourceError:
        raise  # of the machine, not of the realization
    except AquirecoverError as error:
        record["error"] = str(error)
    except Exception as error:
        return {**record, "error": f"Unexpected {type(error).__name__}: {error}"}
    write_json(task.file(common.folder), record, overwrite=True)
    return record


def _own_limit(question: LimitProblem, settings: SimulateSettings) -> dict[str, Any]:
    """Return the limit of a realization by itself, or why it has none."""
    rough = LimitSettings(ROUGH_RATE, ROUGH_OBJECTIVE, violation=ROUGH_VIOLATION)
    try:
        found = find_limit(question, _side_by_side(settings), rough)
    except InfeasibleError:
        return {"own": None, "why_none": "no rates hold"}
    except ConvergenceError as error:
        return {"own": None, "why_none": str(error)}
    return {"own": found.x.tolist(), "why_none": ""}


def _side_by_side(settings: SimulateSettings) -> Simulator:
    """Return what runs problems for a search inside a process of its own: confined ones in lanes, others one after another."""
    from aquirecover.flow.adjoint import SensitivitySettings
    from aquirecover.flow.many import simulate_many
    from aquirecover.study.response import Simulator

    tight = tightly(settings)

    def run(problems: Sequence[Problem]) -> Iterable[FlowResult]:
        if any((problem.properties.convertible & problem.grid.active).any() for problem in problems):
            return _one_by_one(settings)(problems)
        return simulate_many(problems, tight)

    return Simulator(run, SensitivitySettings(tight))


def _one_by_one(settings: SimulateSettings) -> SimulateAll:
    """Return a function that runs problems one after another to a tight balance."""
    from aquirecover.flow.simulate import simulate

    tight = tightly(settings)
    return lambda problems: [simulate(problem, tight) for problem in problems]


def tightly(settings: SimulateSettings) -> SimulateSettings:
    """Return settings with a balance that lets a limit be certified."""
    return replace(settings, newton=replace(settings.newton, tolerance=min(TIGHT, settings.newton.tolerance)))


def _numbers(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: float("nan") if value is None else value for key, value in record.items()}


# --- first-order second-moment ----------------------------------------------------------------------------------------


@final
class RebuiltSpread(Spread):
    """Spread from differences: the model is built anew with each prior moved, its history simulated once, its later part at need.

    Moves of what an adjoint does not differentiate by, such as the thickness of layers, and sides of rules that follow from the
    history count as well. A quantity is taken less the side of its rule.

    Parameters
    ----------
    loader : _Loader
        Builds questions.
    priors : sequence of ModelPrior
        Of the model.
    base : LimitProblem
        The question with the model's own values.
    simulator : Simulator
        Runs a problem, and keeps what was run.
    listener : Listener
        Hears how many models are built and run.
    """

    def __init__(
        self, loader: _Loader, priors: Sequence[ModelPrior], base: LimitProblem, simulator: Simulator, listener: Listener
    ) -> None:
        self.names = tuple(one.prior.name for one in priors)
        self.owner = np.arange(len(priors))
        self.latest = np.zeros(len(base.decisions))
        self._listener, self._times = listener, 0

        def build(one: ModelPrior | None) -> _Later:
            question = base if one is None else loader.load({one.key: one.prior.moved(STEP)})[0]
            return _Later(question, base.decisions, simulator)

        self._models = self._each("models with a moved prior", build, [None, *priors])

    def slopes(self, x: FloatArray) -> FloatArray:
        """Return what quantities, less the sides of their rules, gain per standard deviation of each prior."""
        self._times += 1
        self.latest = x.copy()
        base, *moved = self._each(f"derivatives, {self._times}", lambda model: model.room(x), self._models)
        return np.stack([(room - base) / STEP for room in moved], axis=1)

    def _each(self, task: str, function: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> list[ResultT]:
        """Return the results of a function, one item a core."""
        found = []
        pool = ThreadPoolExecutor(n_cores())
        try:
            for result in pool.map(function, items):
                found.append(result)
                self._listener.progress(task, len(found), len(items))
        finally:
            pool.shutdown(cancel_futures=True)
        return found


class _Later:
    """The later part of a model with what is looked at, and no more."""

    def __init__(self, question: LimitProblem, decisions: Sequence[Decision], simulator: Simulator) -> None:
        self._evaluator = Evaluator(question.problem, decisions, question.families, simulator)
        self._side = _sides(question.constraints, sum(family.n for family in question.families))

    def room(self, x: FloatArray) -> FloatArray:
        """Return the quantities of a run less the sides of their rules, shape ``(n_quantity,)``."""
        (outcome,) = self._evaluator.outcomes([x])
        return outcome.values - self._side


def _sides(rows: Constraints, n_quantity: int) -> FloatArray:
    """Return the side that each quantity must keep to, 0 for one without."""
    side = np.zeros(n_quantity)
    finite = np.where(np.isfinite(rows.lower), rows.lower, rows.upper)
    # in rows that keep a room too the side is that of the rule
    side[rows.quantity[::-1]] = (finite[rows.row] / rows.coefficient)[::-1]
    return side


def _first_order(
    loader: _Loader, priors: Sequence[ModelPrior], made: LimitCase, result: LimitResult, probability: float,
    simulate_all: Simulator, listener: Listener,
) -> FirstOrder:  # fmt: skip
    """Return limits that hold with several probabilities.

    With the probability that is asked for, standard deviations are those at its own rates. Those of the other points of the curve
    lie on a line between them and those at the limit without risk.
    """
    listener.say(f"first-order second-moment with {len(priors)} priors")
    # what was run there is kept from the limit without risk
    near = result.response.at if np.allclose(result.response.at, result.x, rtol=ROUGH_RATE, atol=ROUGH_RATE) else result.x
    alone = replace(simulate_all, run=_one_by_one(made.case.settings))
    spread = RebuiltSpread(loader, priors, made.question, alone, listener)
    rows = made.question.constraints
    gain = np.where(np.isfinite(rows.upper), -result.row_price, result.row_price) @ row_slopes(rows, spread.slopes(near))
    rough = replace(
        made.settings,
        rate_tolerance=max(ROUGH_RATE, made.settings.rate_tolerance),
        objective_tolerance=max(ROUGH_OBJECTIVE, made.settings.objective_tolerance),
        violation=max(ROUGH_VIOLATION, made.settings.violation),
    )

    def limit(question: LimitProblem, chosen: float) -> LimitResult | None:
        listener.say(f"limit with probability {chosen:g} of each rule")
        try:
            return find_limit(question, simulate_all, rough, start=near, progress=listener.say)
        except InfeasibleError:
            return None

    margin = Margin(Chance(probability, spread), rows, near)
    found: dict[float, LimitResult | None] = {0.5: result}
    if probability > 0.5:
        found[probability] = limit(replace(made.question, chance=margin.chance), probability)
        margin.update(spread.latest)
    for chosen in PROBABILITIES:
        if chosen not in found:
            margin.chance = Chance(chosen, spread)
            # what a probability makes impossible a larger one does too
            lost = any(found[lower] is None for lower in found if lower < chosen)
            found[chosen] = None if lost else limit(replace(made.question, constraints=margin.rows()), chosen)
    order = sorted(found)
    parts = contributions(gain, spread.owner, len(priors))
    reason = _why_none(replace(made.question, chance=Chance(probability, spread)), alone) if found[probability] is None else ""
    return FirstOrder(tuple(order), tuple(found[one] for one in order), parts, reason)


def _why_none(question: LimitProblem, simulator: Simulator) -> str:
    """Return which rule keeps too little distance from its side even with the least rates."""
    idle = first_values(question.decisions)
    held, deviations = question.held_at(idle)
    rows = held.constraints
    (outcome,) = Evaluator(question.problem, question.decisions, question.families, simulator).outcomes([idle])
    excess = rows.excess(outcome.values, idle)
    place = int((excess / rows.size).argmax())
    if excess[place] <= 0.0:
        return "Its rules contradict one another."
    return (
        f"With the least rates {rows.names[place]} lacks {excess[place]:.2g} {rows.unit[place]} of its distance, as its standard "
        f"deviation is {deviations[place]:.2g} {rows.unit[place]}."
    )
