"""From the answers section of a batch file to the groups of wells that scenarios scale, and their factors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.case.config import read_batch
from aquirecover.case.messages import did_you_mean
from aquirecover.case.tables import read_table
from aquirecover.errors import Collector
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.study.answers import FactorGroups

if TYPE_CHECKING:
    from datetime import date

    from aquirecover.case.scenario import Case
    from aquirecover.flow.problem import Problem

# Column with the names of the scenarios.
SCENARIO = "scenario"


@dataclass(frozen=True, eq=False)
class AnswerCase:
    """Scenarios that scale groups of wells of one scenario.

    Parameters
    ----------
    title : str
        Of the batch file.
    case : Case
        The scenario whose rates have factor 1.
    groups : FactorGroups
        What is scaled.
    names : tuple of str
        Of the scenarios.
    factors : ndarray
        Shape ``(n_scenario, n_group)``.
    inputs : mapping of str to str
        SHA-256 of every file that was read.
    """

    title: str
    case: Case
    groups: FactorGroups
    names: tuple[str, ...]
    factors: FloatArray
    inputs: Mapping[str, str]


def load_answers(
    path: str | os.PathLike[str],
    *,
    cell_size: float | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    allow_outside: bool = False,
) -> AnswerCase:
    """Read a batch file with answers, its scenario and its table of factors.

    Parameters
    ----------
    path : path
        The batch file.
    cell_size, overrides, allow_outside
        As `scenario.load_case` takes them; they win over those of the file.

    Raises
    ------
    ConfigError, InputFileError
        With everything that is wrong in the files.
    """
    from aquirecover.case.scenario import load_case

    files = read_batch(path, allow_outside=allow_outside)
    batch = files.batch
    assert batch.answers is not None
    size = batch.cell_size if cell_size is None else cell_size
    case = load_case(
        files.scenario_files[0], cell_size=size, overrides={**batch.overrides, **(overrides or {})}, allow_outside=allow_outside
    )
    table = read_table(files.workspace.resolve(batch.answers.factors, Path(path).resolve().parent), workspace=files.workspace)
    names = table.texts(SCENARIO)
    errors = Collector()
    for row in range(len(names)):
        if names[row] in names[:row]:
            errors.add(f"{SCENARIO} = {names[row]!r}", "stands twice: give each scenario a name of its own.", table.at(row))
    known = _groups(case.problem, batch.answers.by)
    columns = [name for name in table.columns if name != SCENARIO]
    for name in columns:
        if name not in known:
            message = f"is the label of no wells. {did_you_mean(name, known)}".strip()
            errors.add(name, message, f"{table.source}:1")
    if not columns:
        errors.add(
            SCENARIO, f"is the only column: add one for each group of wells, as {next(iter(known), 'W1')!r}.", table.source
        )
    period = _period(case.problem, batch.answers.from_, errors)
    errors.raise_if_any()
    factors = np.stack([table.numbers(name, low=0.0) for name in columns], axis=1)
    groups = FactorGroups(case.problem, {name: known[name] for name in columns}, period)
    return AnswerCase(batch.title or case.problem.context.title, case, groups, names, factors, dict(files.workspace.inputs))


def _groups(problem: Problem, by: tuple[str, ...]) -> dict[str, IntArray]:
    """Return the wells of each combination of labels, in the order of the wells."""
    found: dict[str, list[int]] = {}
    number = 0
    for wells in problem.wells:
        for place, name in enumerate(wells.names):
            labels = [name if key == "well" else wells.attributes.get(key, ("",) * len(wells.names))[place] for key in by]
            found.setdefault(" / ".join(label or "none" for label in labels), []).append(number)
            number += 1
    return {key: np.array(own, dtype=np.int64) for key, own in found.items()}


def _period(problem: Problem, day: date | None, errors: Collector) -> int:
    """Return the first period from a day on."""
    if day is None:
        return 0
    schedule = problem.schedule
    begin = float((np.datetime64(day) - np.datetime64(schedule.start or "1970-01-01")) / np.timedelta64(1, "s")) / 86_400.0
    period = int(np.searchsorted(schedule.period_start, begin - 1e-6))
    if period == schedule.n_period or abs(schedule.period_start[period] - begin) > 1e-3:
        nearest = schedule.period_start[np.abs(schedule.period_start - begin).argmin()]
        found = str(schedule.date_of(float(nearest)))[:10] if schedule.start else f"day {nearest:g}"
        errors.add("answers.from", f"{day}: must be the start of a period of the model, as {found}.")
    return period
