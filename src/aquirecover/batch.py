"""Several scenarios, each in a process of its own: plan, run, go on when one fails, skip what is finished, index.

A process per scenario keeps the failures apart: one that is killed, or that takes too much memory, ends alone.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from aquirecover.answer_runner import run_answers
from aquirecover.errors import AquirecoverError, ConfigError, Finding
from aquirecover.machine import n_cores
from aquirecover.project import kind_of
from aquirecover.review import compare_results
from aquirecover.runner import Listener, RunOptions, run_scenario
from aquirecover.workers import PATIENCE, death_of, interrupts_held, one_thread_each

INDEX = ("scenario", "status", "seconds", "budget_error", "outer_iterations", "inner_iterations", "folder", "error")

Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A scenario file and the options it runs with; `name` is its folder below that of the batch."""

    name: str
    path: Path
    options: RunOptions
    force: bool = False


@dataclass(frozen=True)
class Plan:
    """The jobs of a batch, and the processes at a time that its file asks for."""

    jobs: tuple[Job, ...]
    processes: int | None = None


def run_batch(
    paths: Iterable[Path],
    folder: Path,
    options: RunOptions,
    *,
    jobs: int | None = None,
    force: bool = False,
    listener: Listener | None = None,
) -> list[Row]:
    """Run scenarios in processes and write ``index.csv``, ``index.json`` and figures that compare them.

    Parameters
    ----------
    paths : iterable of Path
        Scenario files, folders that hold scenarios, or batch files.
    folder : Path
        Each scenario writes to a folder below it.
    options : RunOptions
        For all scenarios; results of older inputs are replaced.
    jobs : int, optional
        Processes at a time; as the batch file has it, or one per core, by default.
    force : bool
        Run again what is finished.
    listener : Listener, optional
        Hears what goes on.

    Returns
    -------
    list of dict
        One record per scenario, in the order given, with the names of `INDEX`; ``status`` is ``finished``, ``skipped``
        or ``failed``, and ``error`` says why.

    Raises
    ------
    ConfigError
        When a path holds no scenario or a batch file breaks a rule.
    KeyboardInterrupt
        With a sentence about what is finished.
    """
    listener = listener or Listener()
    plan = plan_batch(paths, folder, options, force)
    found: dict[str, Row] = {}
    try:
        with closing(_run_all(plan.jobs, jobs or plan.processes or n_cores(), listener)) as ended:
            for row in ended:
                found[row["scenario"]] = row
                _write_index(folder, [found[job.name] for job in plan.jobs if job.name in found])
                note = f": {row['error'].splitlines()[0]}" if row["error"] else ""
                listener.say(f"{row['scenario']} {row['status']} in {row['seconds']:.1f} s{note}")
                listener.progress("scenarios", len(found), len(plan.jobs))
    except KeyboardInterrupt as error:
        text = f"Interrupted: {len(found)} of {len(plan.jobs)} scenarios had ended; call again to go on from there."
        raise KeyboardInterrupt(text) from error
    rows = [found[job.name] for job in plan.jobs]
    runs = [found[job.name] for job in plan.jobs if kind_of(job.path) != "batch"]
    good = [Path(row["folder"]) for row in runs if row["status"] != "failed"]
    if options.figures and good:
        try:
            compare_results(good, folder / "comparison")
        except AquirecoverError as error:
            listener.say(f"no figures that compare the scenarios: {error}")
    return rows


def plan_batch(paths: Iterable[Path], folder: Path, options: RunOptions, force: bool = False) -> Plan:
    """Return the jobs of scenario files, folders and batch files, each scenario once and with a name of its own.

    Raises
    ------
    ConfigError
        When a path holds no scenario, a batch file breaks a rule, or names cannot be told apart.
    """
    chosen: dict[Path, RunOptions] = {}
    processes = None
    for path in paths:
        if path.is_dir():
            chosen |= dict.fromkeys(_scenarios_in(path), options)
        elif kind_of(path) == "batch":
            files, own, processes = _read_batch(path, options)
            chosen |= dict.fromkeys(files, own)
        else:
            chosen[path.resolve()] = options
    stems = [file.stem for file in chosen]
    names = [file.stem if stems.count(file.stem) == 1 else f"{file.parent.name}_{file.stem}" for file in chosen]
    clashes = sorted({name for name in names if names.count(name) > 1})
    if clashes:
        raise ConfigError([Finding("", f"several scenarios are called {name}: their results would mix.") for name in clashes])
    jobs = tuple(
        Job(name, file, replace(own, folder=folder / name, overwrite=True), force)
        for name, (file, own) in zip(names, chosen.items(), strict=True)
    )
    return Plan(jobs, processes)


def _scenarios_in(folder: Path) -> list[Path]:
    """Return the scenario files in a folder and those below it."""
    files = [file.resolve() for file in sorted(folder.rglob("*.yaml")) if kind_of(file) == "scenario"]
    if not files:
        raise ConfigError([Finding("", "holds no scenario: no YAML file in it says `kind: scenario`.", str(folder))])
    return files


def _read_batch(path: Path, options: RunOptions) -> tuple[list[Path], RunOptions, int | None]:
    """Return the scenarios of a batch file, the options with its values (those of the caller win), and its processes.

    A file with answers is one job by itself.
    """
    from aquirecover.case.config import read_batch

    found = read_batch(path, allow_outside=options.allow_outside)
    batch = found.batch
    size = batch.cell_size if options.cell_size is None else options.cell_size
    own = replace(options, cell_size=size, overrides={**batch.overrides, **options.overrides})
    files = list(found.scenario_files) if batch.answers is None else [path.resolve()]
    return files, own, batch.processes


def _run_all(planned: Sequence[Job], jobs: int, listener: Listener) -> Generator[Row, None, None]:
    """Keep `jobs` processes busy and yield the record of each scenario as it ends; stop them all when closed."""
    waiting = list(reversed(planned))
    running: dict[Connection, _Worker] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                worker = _Worker(waiting.pop())
                running[worker.connection] = worker
            for ready in [running[connection] for connection in wait(list(running)) if isinstance(connection, Connection)]:
                row = ready.receive(listener)
                if row is not None:
                    del running[ready.connection]
                    ready.connection.close()
                    yield row
    finally:
        _stop(list(running.values()))


class _Worker:
    """A process that runs one job, and the pipe through which it reports."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.begin = time.perf_counter()
        context = get_context("spawn")
        self.connection, sender = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(job, sender), name=job.name, daemon=True)
        with one_thread_each(), interrupts_held():
            self.process.start()
        sender.close()

    def receive(self, listener: Listener) -> Row | None:
        """Return the record when the job ended, or None after a sign of life."""
        try:
            message = self.connection.recv()
        except EOFError:
            self.finish()
            return record(self.job, "failed", time.perf_counter() - self.begin, error=death_of(self.process.exitcode or 0))
        if isinstance(message, dict):
            self.process.join()
            return message
        if listener.live:
            listener.progress(*message)
        return None

    def finish(self) -> None:
        """Wait until the process has ended, kill it when it does not, and remove the temporary files it left."""
        from aquirecover.output.files import remove_parts

        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        if self.process.pid is not None and self.job.options.folder is not None:
            remove_parts(self.job.options.folder, self.process.pid)


def _stop(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.finish()


class _Sender(Listener):
    """Passes the progress of a run to the process that started it, at most ten times a second."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection, self.name, self.last = connection, name, 0.0

    def progress(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Send progress under the name of the scenario."""
        now = time.monotonic()
        if now - self.last > 0.1 or done == total:
            self.last = now
            self.connection.send((f"{self.name}: {task}", done, total, detail))


def _work(job: Job, connection: Connection) -> None:
    """Run one job in a process of its own and send its record."""
    connection.send(run_job(job, _Sender(connection, job.name)))
    connection.close()


def run_job(job: Job, listener: Listener) -> Row:
    """Run one scenario, or find that it is finished, and return its record; an error becomes part of the record."""
    start = time.perf_counter()
    try:
        run = run_answers if kind_of(job.path) == "batch" else run_scenario
        outcome = run(job.path, job.options, listener, skip_finished=not job.force)
    except AquirecoverError as error:
        return record(job, "failed", time.perf_counter() - start, error=str(error))
    except Exception as error:
        return record(job, "failed", time.perf_counter() - start, error=f"Unexpected {type(error).__name__}: {error}")
    values = outcome.to_dict()
    counted = run is run_scenario and not outcome.skipped
    facts = {name: values[name] for name in ("budget_error", "outer_iterations", "inner_iterations") if counted}
    return record(job, "skipped" if outcome.skipped else "finished", time.perf_counter() - start, **facts)


def record(job: Job, status: str, seconds: float, **facts: Any) -> Row:
    """Return the record of a job, with the names of `INDEX`."""
    known: Mapping[str, Any] = {
        "scenario": job.name,
        "status": status,
        "seconds": round(seconds, 2),
        "folder": str(job.options.folder),
    }
    return {name: {"error": "", **facts, **known}.get(name) for name in INDEX}


def _write_index(folder: Path, rows: Sequence[Row]) -> None:
    from aquirecover.output.files import write_csv, write_json

    write_json(folder / "index.json", rows, overwrite=True)
    write_csv(folder / "index.csv", INDEX, [["" if v is None else v for v in row.values()] for row in rows], overwrite=True)
