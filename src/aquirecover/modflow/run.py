"""Runs the program in the folder of a model, follows what it writes, and says why it failed when it did."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aquirecover.errors import AquirecoverError, BackendError, ConvergenceError, ResourceError
from aquirecover.flow.problem import Problem
from aquirecover.modflow.listing import NORMAL, Iterations, error_messages, read_failure, tail
from aquirecover.modflow.program import Program

OUTPUT = "mf6.out"
PAUSE = 0.02  # seconds between looks at what was written
LAST_WORDS = 8  # lines that are told of a program that ended without a message
PATIENCE = 10.0  # seconds that the program gets to end when it is stopped
# Asks the system to kill this process when its parent dies (PR_SET_PDEATHSIG, SIGKILL), then becomes the program.
LEASH = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
FULL = ("No space left on device", "Disk quota exceeded", "not enough space")


def run_program(program: Program, folder: Path, problem: Problem, follow: Callable[[], int]) -> None:
    """Run the program in a folder; `follow` is called again and again while it runs, and returns the steps that are done.

    Raises
    ------
    BackendError
        When it did not finish, with its own message.
    ConvergenceError
        When a step did not converge; names period, step and cell.
    ResourceError
        When the disk is full.
    """
    command = [*_leash(), str(program.path)]
    with (folder / OUTPUT).open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        done = 0
        try:
            while process.poll() is None:
                done = follow()
                time.sleep(PAUSE)
        except BaseException:
            _stop(process)
            raise
    failure = find_failure(process.returncode, folder, problem, done)
    if failure is not None:
        raise failure


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the program, whatever it does."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _leash() -> list[str]:
    """Return the beginning of a command that ends when this process is killed (Linux); elsewhere the program runs to its end."""
    return [sys.executable, "-I", "-S", "-c", LEASH] if sys.platform.startswith("linux") else []


def find_failure(code: int, folder: Path, problem: Problem, done: int = 0) -> AquirecoverError | None:
    """Return why a run failed, or None when the program says that it ended normally.

    Whether its budget closes is not asked here: `Normal termination` proves nothing of that.
    """
    said = tail(folder / OUTPUT)
    listing = folder / "mfsim.lst"
    failure = read_failure(listing)
    if failure is not None:
        return ConvergenceError(_not_converged(*failure, problem))
    if any(text in said for text in FULL):
        return ResourceError(
            f"{folder}: no space is left on the disk for the output of MODFLOW 6. Free some, or choose another folder."
        )
    where = f" after {done} of {problem.schedule.n_step} steps" if done else ""
    if code < 0:
        name = signal.Signals(-code).name
        return BackendError(f"MODFLOW 6 was killed by signal {-code} ({name}){where}. Memory may have run out.")
    messages = error_messages(said) or error_messages(tail(listing))
    if messages:
        text = "; ".join(message.rstrip(".") for message in messages[:5])
        return BackendError(f"MODFLOW 6 stopped{where}: {text}.")
    if code != 0 or NORMAL not in said + tail(listing):
        last = " / ".join([line.strip() for line in said.splitlines() if line.strip(" -=*")][-LAST_WORDS:])
        words = f"Its last words: {last}" if last else "It said nothing."
        return BackendError(f"MODFLOW 6 ended with code {code}{where} and no normal termination. {words}")
    return None


def _not_converged(period: int, step: int, tried: Iterations, problem: Problem) -> str:
    """Return the sentence for a step that did not converge."""
    schedule = problem.schedule
    number = int(schedule.n_steps[:period].sum()) + step
    day = float(schedule.step_time[number])
    when = str(schedule.date_of(day).astype("datetime64[D]")) if schedule.start else f"day {day:g}"
    how = f"in {tried.outer} outer iterations; last head change {tried.largest_change:.3g} m in cell {tried.place}"
    return (
        f"Period {period + 1}, step {number + 1} ({when}): MODFLOW 6 did not converge {how}. Try more steps in the period, "
        "a smaller step_multiplier, or a larger modflow.outer_maximum."
    )
