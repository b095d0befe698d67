"""Simulates a problem with MODFLOW 6: writes it, runs the program, and reads the result back."""

from __future__ import annotations

import copy
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from aquirecover.errors import ConfigError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.checks import check_problem
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.flow.stresses import FixedHead, in_period
from aquirecover.modflow.equivalent import check_equivalence
from aquirecover.modflow.folders import run_folder
from aquirecover.modflow.packages import packages_of
from aquirecover.modflow.program import Program, find_program
from aquirecover.modflow.reader import Progress, Reader
from aquirecover.modflow.run import run_program
from aquirecover.modflow.settings import ModflowSettings
from aquirecover.modflow.space import check_space
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
        check_space(place, problem, packages_of(problem), run=True)
        files = write_model(problem, place, modflow, found.release)
        with closing(Reader(problem, files, settings.budget_tolerance, progress)) as reader:
            run_program(found, place, problem, reader.follow)
            return reader.result(found, begin)


def solve_steady(
    problem: Problem,
    period: int,
    settings: SimulateSettings | None = None,
    *,
    modflow: ModflowSettings | None = None,
    program: Program | Path | str | None = None,
    folder: Path | None = None,
) -> FloatArray:
    """Return the heads in equilibrium with the stresses of one period; the contract is that of `flow.steady.solve_steady`.

    Parameters
    ----------
    problem : Problem
        Its stresses, boundaries and properties are used, its schedule is not.
    period : int
        From 0; -1 is the last.
    settings, modflow, program, folder
        See `simulate`.

    Returns
    -------
    ndarray
        Shape ``(n_layer, n_y, n_x)``, NaN outside active cells; m.

    Raises
    ------
    ConfigError, BackendError, ConvergenceError, BudgetError, ResourceError
        As `simulate`.
    ValueError
        When there is no such period.
    """
    n_period = problem.schedule.n_period
    if not -n_period <= period < n_period:
        raise ValueError(f"period = {period}: the schedule has {n_period}, counted from 0.")
    steady = frozen_in(problem, period % n_period)
    head: FloatArray = simulate(steady, settings, modflow=modflow, program=program, folder=folder).head[-1]
    return head


def frozen_in(problem: Problem, period: int) -> Problem:
    """Return a problem of one steady period with the stresses and fixed heads of a period."""
    stresses = []
    for stress in problem.stresses:
        frozen = copy.copy(stress)
        for name, values in stress.values().items():
            setattr(frozen, name, in_period(values, period))
        stresses.append(frozen)
    fixed = tuple(FixedHead(f.cell, in_period(f.head, period), f.name) for f in problem.fixed_heads)
    schedule = Schedule(1.0, steady=True, start=problem.schedule.start)
    return replace(problem, schedule=schedule, stresses=tuple(stresses), fixed_heads=fixed)
