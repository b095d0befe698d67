"""Simulates a problem with MODFLOW 6: writes it, runs the program, and reads the result back."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from aquirecover.errors import ConfigError
from aquirecover.flow.checks import check_problem
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.modflow.equivalent import check_equivalence
from aquirecover.modflow.program import Program, find_program
from aquirecover.modflow.reader import Progress, Reader
from aquirecover.modflow.run import run_program
from aquirecover.modflow.settings import ModflowSettings
from aquirecover.modflow.write import write_model


def simulate(
    problem: Problem,
    settings: SimulateSettings | None = None,
    progress: Progress | None = None,
    *,
    modflow: ModflowSettings | None = None,
    program: Program | Path | str | None = None,
    folder: Path | None = None,
) -> FlowResult:
    """Simulate a problem with MODFLOW 6; the contract is that of `flow.simulate.simulate`.

    Parameters
    ----------
    problem : Problem
        What to simulate.
    settings : SimulateSettings, optional
        Of these only `budget_tolerance` is used.
    progress : callable, optional
        Called after each step with the number of steps done, their total and the time reached, d.
    modflow : ModflowSettings, optional
        How MODFLOW solves.
    program : Program or path, optional
        The program; ``mf6`` on PATH by default.
    folder : Path, optional
        In which a temporary folder for the run is made, and removed after it; that of the system by default.

    Returns
    -------
    FlowResult
        Heads, budgets and reports of all steps; `residual` of a report is the sum of what the cells' flows leave unexplained.

    Raises
    ------
    ConfigError
        When the problem breaks a physical rule, or has something that MODFLOW 6 has not; carries all findings.
    BackendError
        When the program is missing, does not finish, or leaves output that is not whole.
    ConvergenceError, BudgetError
        As the native engine; with MODFLOW's own message.
    ResourceError
        When the disk is full.
    """
    settings, modflow = settings or SimulateSettings(), modflow or ModflowSettings()
    found = program if isinstance(program, Program) else find_program(program)
    findings = check_problem(problem) or check_equivalence(problem)
    if findings:
        raise ConfigError(findings)
    begin = time.perf_counter()
    with run_folder(folder) as place:
        files = write_model(problem, place, modflow, found.release)
        with closing(Reader(problem, files, settings.budget_tolerance, progress)) as reader:
            run_program(found, place, problem, reader.follow)
            return reader.result(found, begin)


@contextmanager
def run_folder(parent: Path | None) -> Iterator[Path]:
    """Give an empty folder that is removed afterwards, whatever happens."""
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix=".modflow6-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
