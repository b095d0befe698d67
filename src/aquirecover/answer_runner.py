"""A batch file with answers to a folder: heads of many scenarios that scale groups of wells, without a run for each."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aquirecover import __version__
from aquirecover.engines import NATIVE
from aquirecover.errors import BackendError, ResourceError
from aquirecover.machine import GIBIBYTE, available_memory
from aquirecover.runner import Listener, RunOptions, RunOutcome, memory_of, refuse_unwritable

if TYPE_CHECKING:
    from aquirecover.case.answer_builder import AnswerCase

# Folder below that of the results for unit responses.
KEPT = "responses"
# Heads are held as answers, as a dataset, and once more while they are written.
COPIES = 3


def run_answers(path: Path, options: RunOptions, listener: Listener, *, skip_finished: bool = False) -> RunOutcome:
    """Find the heads of the scenarios of a batch file with answers, and write them.

    Parameters
    ----------
    path : Path
        The batch file.
    options : RunOptions
        As for a run.
    listener : Listener
        Hears what goes on.
    skip_finished : bool
        Do nothing when the folder holds the answers of the same inputs and version.

    Raises
    ------
    AquirecoverError
        Of the kind of failure; nothing but unit responses is written then.
    """
    from aquirecover.case.answer_builder import load_answers
    from aquirecover.output.answer_files import HEADS, MANIFEST, TABLE, write_answers
    from aquirecover.output.array_store import ArrayStore
    from aquirecover.output.files import refuse_existing
    from aquirecover.study.answers import MARCHED, answer

    if options.engine != NATIVE:
        raise BackendError("Answers without marching are of the native engine: leave --engine out.")
    folder = options.folder_of(path)
    refuse_existing([folder / name for name in (MANIFEST, HEADS, TABLE)], overwrite=options.overwrite)
    refuse_unwritable(folder)
    made = load_answers(path, cell_size=options.cell_size, overrides=options.overrides, allow_outside=options.allow_outside)
    problem, about = made.case.problem, _about(made)
    if skip_finished and _is_finished(folder, about):
        return RunOutcome(path.stem, made.title, folder, skipped=True)
    _check_memory(made)
    begin = time.perf_counter()
    progress = partial(_report, listener)
    store = ArrayStore(folder / KEPT)
    found = answer(made.groups, made.factors, made.names, problem.observations, made.case.settings, store, progress)
    marched = found.way.count(MARCHED)
    listener.say(f"{len(found.way) - marched} scenarios superposed, {marched} marched")
    groups = list(made.groups.wells)
    files = write_answers(folder, problem, made.names, groups, made.factors, found, about, overwrite=options.overwrite)
    return RunOutcome(
        path.stem,
        made.title,
        folder,
        n_cell=int(problem.grid.active.sum()),
        n_step=problem.schedule.n_step,
        seconds=time.perf_counter() - begin,
        warnings=problem.context.warnings,
        files=files,
    )


def _report(listener: Listener, done: int, total: int, _: float) -> None:
    listener.progress("time steps", done, total)


def _about(made: AnswerCase) -> dict[str, Any]:
    """Return what answers follow from, as JSON holds it."""
    about = {
        "title": made.title,
        "versions": {"aquirecover": __version__},
        "config": made.case.config,
        "inputs": {**made.case.inputs, **made.inputs},
        "groups": {name: wells.tolist() for name, wells in made.groups.wells.items()},
        "from_period": made.groups.period,
        "warnings": list(made.case.problem.context.warnings),
    }
    content: dict[str, Any] = json.loads(json.dumps(about, default=str))
    return content


def _is_finished(folder: Path, about: dict[str, Any]) -> bool:
    """Tell whether a folder holds the whole answers of the same inputs and version."""
    import h5py

    from aquirecover.output.answer_files import HEADS, MANIFEST

    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if any(found[name] != value for name, value in about.items()) or not all((folder / f).is_file() for f in found["files"]):
            return False
        with h5py.File(folder / HEADS):  # fails where the file was cut off
            return True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _check_memory(made: AnswerCase) -> None:
    """Raise `ResourceError` when the answers need more memory than there is."""
    problem = made.case.problem
    of_one = problem.grid.n_cell + problem.schedule.n_step * problem.observations.cell.size
    needed, free = memory_of(problem) + COPIES * 8.0 * of_one * len(made.names), available_memory()
    if needed > free:
        raise ResourceError(
            f"The answers of {len(made.names)} scenarios need about {needed / GIBIBYTE:.1f} GiB of memory: "
            f"{free / GIBIBYTE:.1f} GiB are free. Use a larger --cell-size, or split the table of factors."
        )
