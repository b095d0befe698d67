"""The engines by their names, ready to be called: two that simulate, with one contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aquirecover.flow.arrays import FloatArray
    from aquirecover.flow.problem import FlowResult, Problem
    from aquirecover.modflow import ModflowSettings, Program

NATIVE, MODFLOW6, BOTH = "native", "modflow6", "both"


@dataclass(frozen=True)
class Engine:
    """What simulates a problem, and what finds its equilibrium.

    Parameters
    ----------
    name : str
        ``native`` or ``modflow6``.
    simulate : callable
        See `flow.simulate.simulate`.
    solve_steady : callable
        See `flow.steady.solve_steady`.
    settings : object
        How it solves, for the record; None when that is what the caller gives.
    """

    name: str
    simulate: Callable[..., FlowResult]
    solve_steady: Callable[..., FloatArray]
    settings: object = None


def native_engine() -> Engine:
    """Return the engine of this package."""
    from aquirecover.flow.simulate import simulate
    from aquirecover.flow.steady import solve_steady

    return Engine(NATIVE, simulate, solve_steady)


def modflow_engine(program: Program, settings: ModflowSettings | None = None, folder: Path | None = None) -> Engine:
    """Return MODFLOW 6.

    Parameters
    ----------
    program : Program
        From `modflow.find_program`.
    settings : ModflowSettings, optional
        How it solves.
    folder : Path, optional
        In which temporary folders for its runs are made.
    """
    from aquirecover.modflow import ModflowSettings, simulate, solve_steady

    chosen = settings or ModflowSettings()
    march = partial(simulate, modflow=chosen, program=program, folder=folder)
    return Engine(MODFLOW6, march, partial(solve_steady, modflow=chosen, program=program, folder=folder), chosen)


def check_problem_for(name: str, problem: Problem) -> None:
    """Raise `ConfigError` when a problem has something that the engine of a name has not."""
    if name == NATIVE:
        return
    from aquirecover.errors import ConfigError
    from aquirecover.modflow.equivalent import check_equivalence

    findings = check_equivalence(problem)
    if findings:
        raise ConfigError(findings)
