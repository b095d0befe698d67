"""One scenario with both engines: two results and how well they agree."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aquirecover.engines import BOTH, MODFLOW6, NATIVE, check_problem_for
from aquirecover.runner import (
    Listener,
    RunOptions,
    RunOutcome,
    check_memory,
    find_engine,
    find_program_of,
    find_recovery,
    refuse_finished,
    refuse_unwritable,
    simulate_case,
    store_case,
)

if TYPE_CHECKING:
    from aquirecover.flow.problem import Problem
    from aquirecover.study.agreement import Agreement, Difference

TABLE = "comparison.csv"


@dataclass(frozen=True)
class CrossCheck:
    """What came out of both engines.

    Parameters
    ----------
    outcomes : tuple of RunOutcome
        Of the native engine and of MODFLOW 6.
    agreement : Agreement
        How well they agree.
    table : Path
        Of all differences.
    sentence : str
        The largest differences, where and when.
    """

    outcomes: tuple[RunOutcome, RunOutcome]
    agreement: Agreement
    table: Path
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as what JSON holds."""
        runs = {name: outcome.to_dict() for name, outcome in zip((NATIVE, MODFLOW6), self.outcomes, strict=True)}
        largest = {"head": asdict(self.agreement.head), "flow": asdict(self.agreement.flow)}
        del largest["head"]["share"]
        return {"agree": self.agreement.agrees, "largest_difference": largest, "table": str(self.table), **runs}


def run_both(path: Path, options: RunOptions, listener: Listener | None = None) -> CrossCheck:
    """Simulate a scenario or model file with both engines, store both results, and compare them.

    Parameters
    ----------
    path : Path
        Scenario or model file.
    options : RunOptions
        The results lie in ``native`` and ``modflow6`` in its folder, and the table of differences beside them.
    listener : Listener, optional
        Hears what goes on.

    Raises
    ------
    AquirecoverError
        Of the kind of failure; nothing is written when either engine fails.
    """
    from aquirecover.study.agreement import compare_results

    listener = listener or Listener()
    folder = options.folder_of(path)
    chosen = {name: replace(options, engine=name, folder=folder / name) for name in (NATIVE, MODFLOW6)}
    for name, own in chosen.items():
        refuse_finished(folder / name, own)
    refuse_unwritable(folder)
    program = find_program_of(replace(options, engine=BOTH))
    case = options.load(path)
    check_problem_for(MODFLOW6, case.problem)
    check_memory(case.problem)
    engines = [find_engine(name, case, program, folder.parent) for name in chosen]
    results = []
    for engine in engines:
        listener.say(f"simulating with {engine.name}")
        results.append(simulate_case(case, engine, listener))
    agreement = compare_results(results[0], results[1])
    # all that may fail in either engine comes before anything is written
    recoveries = [
        find_recovery(result, case.settings, listener, engine.solve_steady)
        for result, engine in zip(results, engines, strict=True)
    ]
    try:
        first, second = (
            store_case(case, result, recovery, engine, folder / engine.name, chosen[engine.name], listener)
            for result, recovery, engine in zip(results, recoveries, engines, strict=True)
        )
        table = write_differences(folder / TABLE, agreement, case.problem, overwrite=options.overwrite)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(str(error) or f"Interrupted while writing {folder}: the comparison is not complete.") from error
    return CrossCheck((first, second), agreement, table, describe(agreement, case.problem))


def write_differences(path: Path, agreement: Agreement, problem: Problem, *, overwrite: bool = False) -> Path:
    """Write the largest difference of every quantity as a table."""
    from aquirecover.output.files import write_csv

    header = ("quantity", "place", "time", NATIVE, MODFLOW6, "difference", "unit", "share of flow", "agrees")
    rows = [
        (d.quantity, d.place, _when(problem, d.time), d.first, d.second, d.size, d.unit, d.share, d.agrees)
        for d in agreement.differences
    ]
    return write_csv(path, header, rows, overwrite=overwrite)


def describe(agreement: Agreement, problem: Problem) -> str:
    """Return the largest differences of heads and flows, where and when, in a few lines."""
    head, flow = agreement.head, agreement.flow
    lines = (
        "The engines agree." if agreement.agrees else "The engines differ.",
        f"  largest difference of heads  {head.size:.2g} m in {_at(head, problem)}",
        f"  largest difference of flows  {flow.share:.2g} of the flow: {flow.quantity}, {_at(flow, problem)}",
    )
    return "\n".join(lines)


def _at(difference: Difference, problem: Problem) -> str:
    """Return place, time and values of a difference."""
    unit = difference.unit.replace("m3", "m³")
    values = f"native {difference.first:.6g}, modflow6 {difference.second:.6g} {unit}"
    return f"{difference.place}, {_when(problem, difference.time)} ({values})"


def _when(problem: Problem, time: float) -> str:
    schedule = problem.schedule
    return str(schedule.date_of(time).astype("datetime64[D]")) if schedule.start else f"day {time:g}"
