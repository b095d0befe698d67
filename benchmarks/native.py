"""The native simulator as the benchmarks use it: the only place here that knows its insides."""

from __future__ import annotations

import functools
import importlib
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aquirecover.flow.assembly import FlowSystem
    from aquirecover.flow.linear import LinearSettings
    from aquirecover.flow.linear_result import LinearResult
    from aquirecover.flow.matrix import Matrix
    from aquirecover.flow.problem import Problem
    from aquirecover.flow.simulate import SimulateSettings

KINDS = ("set-up", "assemble", "solve", "budget", "write", "other")
# Functions by kind; time within one of them counts for the innermost. Those that a version does not have are named in the record.
WATCHED = {
    "aquirecover.flow.simulate:check_problem": "set-up",
    "aquirecover.flow.assembly:FlowSystem.__init__": "set-up",
    "aquirecover.flow.budget:BudgetRecorder.__init__": "set-up",
    "aquirecover.flow.multigrid:Multigrid.__init__": "set-up",
    "aquirecover.flow.multigrid:Multigrid.refresh": "set-up",
    "aquirecover.flow.assembly:FlowSystem.matrix": "assemble",
    "aquirecover.flow.assembly:FlowSystem.balance": "assemble",
    "aquirecover.flow.assembly:FlowSystem.state": "assemble",
    "aquirecover.flow.newton:solve": "solve",
    "aquirecover.flow.newton:StepSolver._improved": "solve",
    "aquirecover.flow.cycling:CycleSolver.solve": "solve",
    "aquirecover.flow.budget:BudgetRecorder.add": "budget",
    "aquirecover.flow.budget:BudgetRecorder.close": "budget",
    "aquirecover.flow.budget:BudgetRecorder.result": "budget",
    "benchmarks.writing:write_result": "write",
}


class Stopwatch:
    """Adds the time that functions take, by kind."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._kinds = ["other"]
        self._since = time.perf_counter()

    def turn(self) -> None:
        """Add the time since the last turn to the present kind."""
        now = time.perf_counter()
        self.seconds[self._kinds[-1]] += now - self._since
        self._since = now

    def watch(self, function: Callable[..., Any], kind: str) -> Callable[..., Any]:
        """Return a function whose time counts as one of a kind."""

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.turn()
            self._kinds.append(kind)
            try:
                return function(*args, **kwargs)
            finally:
                self.turn()
                self._kinds.pop()

        return watched


@contextmanager
def watching() -> Iterator[tuple[Stopwatch, list[str]]]:
    """Time the functions of `WATCHED` while the context lasts; yields the watch and the names that were not found."""
    watch, missing, changed = Stopwatch(), [], []
    for name, kind in WATCHED.items():
        module, _, path = name.partition(":")
        *owners, last = path.split(".")
        owner: Any = importlib.import_module(module)
        for step in owners:
            owner = getattr(owner, step, None)
        if not hasattr(owner, last):
            missing.append(path)
            continue
        changed.append((owner, last, getattr(owner, last)))
        setattr(owner, last, watch.watch(getattr(owner, last), kind))
    watch._since = time.perf_counter()
    try:
        yield watch, missing
    finally:
        watch.turn()
        for owner, last, function in changed:
            setattr(owner, last, function)


def most_threads() -> int:
    """Return the threads that can be measured here: 1 where the solver has no such setting or the machine one core."""
    from aquirecover.flow.linear import LinearSettings
    from aquirecover.machine import n_cores

    return min(2, n_cores()) if "threads" in {field.name for field in fields(LinearSettings)} else 1


def with_threads(settings: SimulateSettings, threads: int) -> SimulateSettings:
    """Return the settings with a number of threads; unchanged where the solver has no such setting and one is asked for."""
    if most_threads() == 1 and threads == 1:
        return settings
    return replace(settings, linear=replace(settings.linear, threads=threads))


def tight(settings: SimulateSettings) -> SimulateSettings:
    """Return the settings of a reference: residuals of 1e-12 of the flow, or what rounding leaves, and head changes of 1e-9 m."""
    return replace(settings, newton=replace(settings.newton, tolerance=1e-12, head_change=1e-9))


def assembled(problem: Problem, month: bool = False) -> tuple[FlowSystem, Callable[[], Matrix], NDArray[np.float64]]:
    """Return the equations of a problem, what makes the matrix of its first correction, and its right-hand side.

    Parameters
    ----------
    problem : Problem
        With wells in its second period.
    month : bool
        The first step with storage instead of the steady state.
    """
    from aquirecover.flow.assembly import FlowSystem, Interval

    system = FlowSystem(problem)
    initial = system.initial_state()
    period = min(1, problem.schedule.n_period - 1)
    first = int(problem.schedule.step_period.searchsorted(period))
    dt = float(problem.schedule.step_length[first]) if month else math.inf
    interval = Interval(period, dt, initial)
    state = system.state(system.with_fixed_heads(initial.head, period))
    balance = system.balance(state, interval)
    return system, lambda: system.matrix(balance), balance.residual


def solve_once(matrix: Matrix, rhs: NDArray[np.float64], reduction: float, settings: LinearSettings) -> LinearResult:
    """Solve a system until its absolute residuals have fallen by `reduction`, with the hierarchy the matrix has made."""
    from aquirecover.flow.linear import solve

    target = reduction * float(abs(rhs).sum())
    return solve(matrix, rhs, target, replace(settings, direct_fallback_cells=0), matrix.hierarchy)
