"""One limit file to a folder of results: tables, figures, and the runs that prove the limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aquirecover import __version__
from aquirecover.errors import ConvergenceError
from aquirecover.limit_risk import find_reliability, tightly
from aquirecover.limit_writer import LAST, OWNED, compared_runs, seasons_of, story_of, write_limit_files
from aquirecover.machine import n_cores
from aquirecover.runner import Listener, RunOptions, refuse_unwritable

if TYPE_CHECKING:
    from aquirecover.case.limit_case import LimitCase
    from aquirecover.flow.problem import FlowResult, Problem
    from aquirecover.flow.simulate import SimulateSettings
    from aquirecover.output.array_store import ArrayStore
    from aquirecover.output.limit_tables import LimitTables
    from aquirecover.output.reliability import ReliabilityTables
    from aquirecover.study.limits import LimitResult
    from aquirecover.study.response import Simulator
    from aquirecover.study.store import Store

# Folder below that of the results for runs that have ended.
KEPT = "responses"


@dataclass(frozen=True)
class LimitOutcome:
    """What came out of a search for a limit.

    Parameters
    ----------
    folder : Path
        Of the results.
    tables : LimitTables
        Rows of the tables.
    files : tuple of Path
        Written.
    risk : mapping
        With which probability it holds, in numbers and, under ``sentences``, in words; empty where not asked for.
    warnings : tuple of str
        What the model says of itself.
    """

    folder: Path
    tables: LimitTables
    files: tuple[Path, ...]
    risk: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The limit and its proof in a sentence each, and what the model says of itself."""
        total = self.tables.total
        proof = total["certificate"]
        broken = proof["broken_when_raised"] or "nothing"
        text = (
            f"Limit {total['limit_m3_d']:,.0f} m3/d; at present {total['present_m3_d']:,.0f} m3/d. In the full model the largest "
            f"excess is {proof['largest_excess']:.1e}, and 0.1 % {proof['tried']} breaks {broken}."
        )
        sought = total["objective"]
        if not math.isclose(sought, total["limit_m3_d"], rel_tol=1e-6):
            text += f" What is sought comes to {sought:,.6g} {total['objective_unit']}."
        more = [part for part in (self.tables.season_text, self.tables.factor_text) if part]
        return "\n".join([text, *more, *(f"Warning: {warning}." for warning in self.warnings)])

    @property
    def shown(self) -> list[dict[str, Any]]:
        """Rates of the limit as people read them: in whole m³/d, or a share of the present with its digits."""
        return [
            {
                "decision": row["decision"],
                "limit m3/d": _readable(row["limit_m3_d"]),
                "present m3/d": _readable(row["present_m3_d"]),
                "held by": row["held_by"],
            }
            for row in self.tables.limits
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as what JSON holds."""
        from aquirecover.output.limit_tables import plain

        tables = self.tables
        found: dict[str, Any] = plain(
            {**tables.total, "by_district": tables.parts, "limits": tables.limits, "binding": tables.binding}
            | ({"risk": self.risk} if self.risk else {})
        )
        return found


def _readable(rate: float) -> str:
    """Return a rate of 100 m³/d or more in whole ones, less of it with digits."""
    return f"{rate:,.0f}" if abs(rate) >= 100.0 else f"{rate:.4g}"


def run_limits(
    path: Path, options: RunOptions, listener: Listener, cache: Path | None = None, jobs: int | None = None
) -> LimitOutcome:
    """Search for the limit that a file asks for and write tables and figures.

    Every run that has ended is kept, so that a search that was interrupted goes on from there with the same result.

    Parameters
    ----------
    path : Path
        The limit file.
    options : RunOptions
        As for a run.
    listener : Listener
        Hears what goes on.
    cache : Path, optional
        Folder for what is kept; ``responses`` in that of the results by default.
    jobs : int, optional
        Processes that look at realizations side by side; one per core by default.

    Raises
    ------
    ConvergenceError
        When there is no limit; says which constraints cannot hold, by how much, and whose pumping is to blame.
    AquirecoverError
        Of other kinds of failure; nothing but runs that had ended is written then.
    KeyboardInterrupt
        With a sentence about what is kept.
    """
    from aquirecover.case.limit_builder import load_limits
    from aquirecover.flow.simulate import simulate
    from aquirecover.output.array_store import ArrayStore
    from aquirecover.output.files import refuse_existing, renewed
    from aquirecover.output.limit_tables import limit_tables
    from aquirecover.output.reliability import reliability_tables, write_reliability

    folder = options.folder or Path("results") / path.resolve().stem
    refuse_existing([folder / "limits.json"], overwrite=options.overwrite)
    refuse_unwritable(folder)
    listener.say("reading the files, and simulating the scenario as it stands")
    made = load_limits(
        path, simulate, cell_size=options.cell_size, overrides=options.overrides, allow_outside=options.allow_outside
    )
    store = _ToldStore(ArrayStore(cache or folder / KEPT), listener)
    simulate_all = simulator(made.case.settings, listener, store)
    try:
        result = _found(made, simulate_all, listener)
        curve = _curve(made, simulate_all, listener)
        steps = _bisected(made, simulate_all, listener)
        listener.say("running the limit beside present pumping and none")
        runs = compared_runs(made, result, simulate_all)
    except KeyboardInterrupt as error:
        text = f"Interrupted: runs that had ended are kept in {store.folder}; call again to go on from there."
        raise KeyboardInterrupt(text) from error
    tables = limit_tables(made.question, result, made.labels, made.info, made.objective_unit, seasons_of(made, result), steps)
    reliability = None
    if made.risk is not None:
        found = find_reliability(path, options, made, result, simulate_all, folder, listener, jobs)
        rules = {name: info.rule for name, info in zip(made.question.constraints.names, made.info, strict=False)}
        every = [{"decision": decision.name} for decision in made.question.decisions]
        reliability = reliability_tables(found, every, result.x, made.total, lambda name: rules.get(name, name))
    context = made.case.problem.context
    about = {
        "title": made.title,
        "version": __version__,
        "scenario": made.case.problem.name,
        "warnings": list(context.warnings),
        "laws": list(made.laws),
        "config": made.case.config,
        "inputs": dict(made.case.inputs),
    }
    with renewed(folder, LAST, OWNED) as hidden:
        if reliability is not None:
            about["risk"] = reliability.summary
            write_reliability(hidden, reliability, overwrite=False)
            if options.figures:
                _reliability_figure(hidden, made, tables, reliability)
        priors = [] if reliability is None else reliability.priors
        write_limit_files(hidden, story_of(made, result, tables, curve, runs), about, priors, figures=options.figures)
        names = sorted(path.name for path in hidden.iterdir())
    files = tuple(folder / name for name in names)
    return LimitOutcome(folder, tables, files, {} if reliability is None else reliability.summary, tuple(context.warnings))


class _ToldStore:
    """A store that says once when something of an earlier search is taken from it, or is damaged."""

    def __init__(self, store: ArrayStore, listener: Listener) -> None:
        self.folder, self._store, self._listener = store.folder, store, listener
        self._own: set[str] = set()
        self._told: set[str] = set()

    def load(self, key: str) -> dict[str, Any] | None:
        """Return what was kept under a key, None when it is not there or not whole."""
        found = self._store.load(key)
        if found is not None and key not in self._own:
            self._tell(f"runs that had ended before are taken from {self.folder}")
        if self._store.damaged:
            self._tell(f"{self._store.damaged[0]} is damaged: it is run again")
        return found

    def keep(self, key: str, arrays: Mapping[str, Any]) -> None:
        """Keep arrays under a key."""
        self._own.add(key)
        self._store.keep(key, arrays)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._listener.say(text)


def simulator(settings: SimulateSettings, listener: Listener, store: Store | None = None) -> Simulator:
    """Return what runs problems for a search, each to a tight balance.

    Confined problems are marched side by side, others one a core; what a search finds is kept in the store.
    """
    from aquirecover.flow.adjoint import SensitivitySettings
    from aquirecover.flow.content import content_key
    from aquirecover.flow.many import simulate_many
    from aquirecover.study.response import Simulator

    tight = tightly(settings)

    def run(problems: Sequence[Problem]) -> Iterator[FlowResult]:
        if any((problem.properties.convertible & problem.grid.active).any() for problem in problems):
            yield from _one_a_core(problems, tight, listener)
        else:
            yield from simulate_many(problems, tight, lambda done, total, _: listener.progress("time steps", done, total))

    return Simulator(run, SensitivitySettings(tight), store, content_key(__version__, tight))


def _one_a_core(problems: Sequence[Problem], settings: SimulateSettings, listener: Listener) -> Iterator[FlowResult]:
    """Yield the results of problems in their order."""
    from aquirecover.flow.simulate import simulate

    pool = ThreadPoolExecutor(n_cores())
    try:
        for done, result in enumerate(pool.map(lambda problem: simulate(problem, settings), problems), start=1):
            listener.progress("simulations", done, len(problems))
            yield result
    finally:
        # whoever stops does not wait for those that have not begun
        pool.shutdown(cancel_futures=True)


def _found(made: LimitCase, simulate_all: Simulator, listener: Listener) -> LimitResult:
    """Return the limit, or raise with the reason why there is none."""
    from aquirecover.study.infeasible import explain, sentences
    from aquirecover.study.limits import find_limit
    from aquirecover.study.linear_program import InfeasibleError

    try:
        return find_limit(made.question, simulate_all, made.settings, progress=listener.say)
    except InfeasibleError as error:
        listener.say("there is no limit; looking for the reason")
        reason = sentences(explain(made.question, simulate_all), *made.places_and_dates)
        raise ConvergenceError(f"{made.title}: no pumping satisfies all constraints.\n{reason}") from error


def _curve(made: LimitCase, simulate_all: Simulator, listener: Listener) -> list[dict[str, Any]]:
    """Return the points of the trade-off curve."""
    from aquirecover.study.trade_off import trade_off

    if made.curve is None:
        return []
    curve = made.curve
    found = trade_off(curve.question, curve.rows, curve.sides, simulate_all, made.settings, listener.say)
    return [
        {"rule": curve.rule, "side": side, "limit_m3_d": None if point is None else made.total(point.x)}
        for side, point in zip(map(_plain_side, curve.values), found, strict=True)
    ]


def _bisected(made: LimitCase, simulate_all: Simulator, listener: Listener) -> list[dict[str, Any]]:
    """Return the steps of the plain method; a lone row with its reason where no factor is small enough."""
    import numpy as np

    from aquirecover.study.linear_program import InfeasibleError
    from aquirecover.study.trade_off import bisect_factor

    if made.bisection is None:
        return []
    present = np.array([np.nan_to_num(decision.present) for decision in made.question.decisions])
    asked = made.bisection
    try:
        steps = bisect_factor(
            made.question, present, simulate_all, asked.most, asked.tolerance, listener.say, made.settings.violation
        )
    except InfeasibleError as error:
        # rates whose least is not 0 may hold where none at all does not
        return [{"step": 1, "factor": 0.0, "pumping_m3_d": 0.0, "holds": False, "excess": None, "constraint": str(error)}]
    return [
        {
            "step": n,
            "factor": step.factor,
            "pumping_m3_d": made.total(step.factor * present),
            "holds": step.excess <= made.settings.violation,
            "excess": step.excess if np.isfinite(step.excess) else None,
            "constraint": step.worst,
        }
        for n, step in enumerate(steps, start=1)
    ]


def _plain_side(value: float | date) -> float | str:
    return value if isinstance(value, float | int) else value.isoformat()


def _reliability_figure(folder: Path, made: LimitCase, tables: LimitTables, found: ReliabilityTables) -> None:
    from aquirecover.output.figures import save_figure
    from aquirecover.output.reliability import reliability_curve

    chart = reliability_curve(made.title, found, tables.total["present_m3_d"])
    save_figure(chart, folder / "reliability.png")
