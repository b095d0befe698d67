"""What goes wrong with a real MODFLOW 6: it is killed, stops, runs out of disk, or leaves half of its output.

Each fault is made by a script about the program: it spoils a file before or after the run, or kills the program in the middle.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aquirecover.errors import AquirecoverError, BackendError, BudgetError, ConvergenceError, NumericalError, ResourceError
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.flow.stresses import FixedHead, Recharge, Wells
from aquirecover.modflow import ModflowSettings, Program, simulate
from small_problems import plain_problem, random_problem

pytestmark = [pytest.mark.mf6, pytest.mark.skipif(os.name != "posix", reason="scripts and signals of POSIX")]
PATIENCE = 60.0


def wrapped(program: Program, folder: Path, before: str = "", after: str = "") -> Program:
    """Return a program that runs the real one between other commands, in the folder of the model."""
    script = folder / "mf6_with_fault"
    script.write_text(f'#!/bin/sh\n{before}\n"{program.path}" "$@"\ncode=$?\n{after}\nexit $code\n', encoding="utf-8")
    script.chmod(0o755)
    return replace(program, path=script)


def long_problem() -> Problem:
    """Return a problem that keeps the program busy for seconds."""
    grid = Grid(np.full(60, 100.0), np.full(60, 100.0), 20.0, [0.0, -10.0, -30.0])
    rate = 1e-3 * (1.0 + np.sin(np.arange(400.0)))[:, None] * np.ones(3600)
    stresses = [Recharge(np.arange(3600), rate), Wells([9000], 500.0)]
    return plain_problem(grid, stresses, [FixedHead(np.arange(0, 3600, 60), 5.0)], schedule=Schedule([10.0] * 400))


def failing(folder: Path, problem: Problem, program: Program, **more) -> AquirecoverError:
    """Run a problem that must fail, make sure that nothing is left of it, and return the error."""
    with pytest.raises(AquirecoverError) as caught:
        simulate(problem, program=program, folder=folder / "runs", **more)
    assert not (folder / "runs").exists()
    return caught.value


def test_killed_in_the_middle(tmp_path, mf6):
    program = wrapped(mf6, tmp_path, before="(sleep 1; kill -9 $$) & exec", after="")
    script = program.path.read_text(encoding="utf-8").replace("exec\n", "exec ")
    program.path.write_text(script, encoding="utf-8")
    error = failing(tmp_path, long_problem(), program)
    assert type(error) is BackendError
    assert str(error).startswith("MODFLOW 6 was killed by signal 9 (SIGKILL)")
    assert "Memory may have run out" in str(error)
    assert error.exit_code == 4


def test_no_convergence_names_period_step_and_cell(tmp_path, mf6):
    settings = ModflowSettings(outer_maximum=2, outer_dvclose=1e-12)
    error = failing(tmp_path, random_problem(1), mf6, modflow=settings)
    assert type(error) is ConvergenceError
    assert str(error).startswith("Period 1, step 1 (day 1): MODFLOW 6 did not converge in 2 outer iterations; last head change ")
    assert " m in cell (" in str(error)
    assert "outer_maximum" in str(error)
    assert error.exit_code == 5


def test_budget_that_does_not_close(tmp_path, mf6):
    """MODFLOW says `Normal termination` here: closure of 10 m leaves a budget error of percents."""
    settings = ModflowSettings(outer_dvclose=10.0, inner_dvclose=10.0, inner_rclose=1e6)
    error = failing(tmp_path, random_problem(1, convertible=False), mf6, modflow=settings)
    assert type(error) is BudgetError
    assert "MODFLOW 6 ended with a water budget that does not close" in str(error)
    assert str(error).startswith("Period 1, step 1 (day 1)")
    assert "modflow.closure: tight" in str(error)


def test_a_larger_budget_error_may_be_allowed(mf6):
    settings = ModflowSettings(outer_dvclose=1e-3, inner_dvclose=1e-4, inner_rclose=1e-2)
    result = simulate(
        random_problem(1, convertible=False), SimulateSettings(budget_tolerance=0.01), modflow=settings, program=mf6
    )
    assert result.budget.error.max() < 0.01


def test_a_dry_cell_of_the_standard_formulation(tmp_path, mf6):
    """Where MODFLOW takes a cell out of the model for good, its result is another one than that of the native engine."""
    grid = Grid(np.full(9, 100.0), np.full(9, 100.0), 20.0, [0.0])
    properties = AquiferProperties(grid, 1.0, specific_storage=1e-5, specific_yield=0.1, convertible=True, averaging="harmonic")
    wells = Wells([40], 800.0, flow_reduction=0.0)
    edge = np.setdiff1d(np.arange(81), np.arange(81).reshape(9, 9)[1:-1, 1:-1])
    problem = plain_problem(grid, [wells], [FixedHead(edge, 6.0)], properties=properties, schedule=Schedule(300.0, 10))
    error = failing(tmp_path, problem, mf6)
    assert isinstance(error, NumericalError)
    assert "fell dry in MODFLOW 6, first layer 1, row 5, column 5" in str(error)
    assert "Use averaging: upstream" in str(error)


def test_disk_full(tmp_path, mf6):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    error = failing(tmp_path, long_problem(), wrapped(mf6, tmp_path, before="ln -s /dev/full model.cbc"))
    assert type(error) is ResourceError
    assert "no space is left on the disk for the output of MODFLOW 6" in str(error)


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("truncate -s -50 model.cbc", "model.cbc or model.hds is cut off"),
        ("truncate -s -20000 model.cbc", "model.cbc or model.hds is cut off"),
        ("truncate -s -8 model.hds", "model.cbc or model.hds is cut off"),
        ("printf more >> model.cbc", "model.cbc or model.hds is cut off"),
        ("head -c 20000 model.lst > x; mv x model.lst", "of 6 steps: it is cut off"),
        ("head -c 9000 mfsim.lst > x; tail -2 mfsim.lst >> x; mv x mfsim.lst", "mfsim.lst: says nothing of step "),
    ],
)
def test_output_that_is_not_whole(after, message, tmp_path, mf6):
    error = failing(tmp_path, random_problem(1), wrapped(mf6, tmp_path, after=after))
    assert type(error) is BackendError, error
    assert message in str(error)


def test_input_that_the_program_refuses(tmp_path, mf6):
    spoil = 'if [ -f model.ic ]; then sed -i "s/STRT/STRX/" model.ic; fi'
    error = failing(tmp_path, random_problem(1), wrapped(mf6, tmp_path, before=spoil))
    assert type(error) is BackendError
    assert str(error).startswith("MODFLOW 6 stopped: ")
    assert "STRX" in str(error), "the program's own message"


def test_input_that_is_missing(tmp_path, mf6):
    error = failing(tmp_path, random_problem(1), wrapped(mf6, tmp_path, before="rm -f model.ic"))
    assert type(error) is BackendError
    assert "model.ic" in str(error)


def test_program_that_does_nothing(tmp_path, mf6):
    script = wrapped(mf6, tmp_path).path
    script.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    error = failing(tmp_path, random_problem(1), replace(mf6, path=script))
    assert "MODFLOW 6 ended with code 0 and no normal termination. It said nothing." in str(error)


RUN = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from faults.test_modflow import long_problem
from aquirecover.modflow import simulate
simulate(long_problem(), lambda_settings(), lambda *a: print("step", flush=True), program={program!r}, folder=Path({folder!r}))
"""


def start(folder: Path, program: Program) -> subprocess.Popen[str]:
    """Start a long run in a process group of its own and wait for its first step."""
    tests = str(Path(__file__).parents[1])
    text = RUN.format(tests=tests, program=str(program.path), folder=str(folder)).replace("lambda_settings()", "None")
    process = subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "step\n", process.communicate(timeout=PATIENCE)[1]
    return process


def group_ends(group: int) -> bool:
    """Tell whether all processes of a group end within a moment."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_ctrl_c_ends_the_program_and_leaves_nothing(tmp_path, mf6):
    process = start(tmp_path / "runs", mf6)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in errors
    assert group_ends(process.pid)
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system tells the program of the end of its parent on Linux")
def test_program_ends_when_its_parent_is_killed_and_the_next_run_cleans_up(tmp_path, mf6):
    folder = tmp_path / "runs"
    process = start(folder, mf6)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    assert group_ends(process.pid), "the program ends with its parent"
    assert len(list(folder.iterdir())) == 1
    simulate(random_problem(1, convertible=False), program=mf6, folder=folder)
    assert not list(folder.iterdir())
