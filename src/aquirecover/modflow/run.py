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
from aquirecover.modflow.listing import NORMAL, error_messages, failed_step, read_iterations, tail
from aquirecover.modflow.program import Program

OUTPUT = "mf6.out"
PAUSE = 0.02  # seconds between looks at what was written
PATIENCE = 10.0  # seconds that the program gets to end when it is stopped
# Asks the system to kill this process when its parent dies (PR_SET_PDEATHSIG, SIGKILL), then becomes the program.
LEASH = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
FULL = ("No space left on device", "Disk quota exceeded", "not enough space")


def run_program(program: Program, folder: Path, problem: Problem, follow: Callable[[], None]) -> None:
    """Run the program in a folder; `follow` is called again and again while it runs, and once after it has ended.

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
        try:
            while process.poll() is None:
                follow()
                time.sleep(PAUSE)
        except BaseException:
            _stop(process)
            raise
    failure = find_failure(process.returncode, folder, problem)
    if failure is not None:
        raise failure
    follow()


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


def find_failure(code: int, folder: Path, problem: Problem) -> AquirecoverError | None:
    """Return why a run failed, or None when the program says that it ended normally.

    Whether its budget closes is not asked here: `Normal termination` proves nothing of that.
    """
    said = tail(folder / OUTPUT)
    listing = folder / "mfsim.lst"
    step = failed_step(listing)
    if step is not None:
        return ConvergenceError(_not_converged(listing, step, problem))
    if any(text in said for text in FULL):
        return ResourceError(
            f"{folder}: no space is left on the disk for the output of MODFLOW 6. Free some, or choose another folder."
        )
    where = _last_step(said)
    if code < 0:
        name = signal.Signals(-code).name
        return BackendError(f"MODFLOW 6 was killed by signal {-code} ({name}){where}. Memory may have run out.")
    messages = error_messages(said) or error_messages(tail(listing))
    if messages:
        text = "; ".join(message.rstrip(".") for message in messages[:5])
        return BackendError(f"MODFLOW 6 stopped{where}: {text}.")
    if code != 0 or NORMAL not in said + tail(listing):
        last = [line.strip() for line in said.splitlines() if line.strip()][-3:]
        return BackendError(
            f"MODFLOW 6 ended with code {code}{where} and no normal termination. Its last words: {' / '.join(last)}"
        )
    return None


def _last_step(said: str) -> str:
    """Return in which step the program was, as a clause."""
    solving = [line for line in said.splitlines() if "Solving:" in line]
    if not solving:
        return " while it read the model"
    numbers = [word for word in solving[-1].replace(":", " ").split() if word.isdigit()]
    return f" in period {numbers[0]}, step {numbers[1]}" if len(numbers) == 2 else ""


def _not_converged(listing: Path, step: tuple[int, int], problem: Problem) -> str:
    """Return the sentence for a step that did not converge."""
    schedule = problem.schedule
    number = int(schedule.n_steps[: step[0]].sum()) + step[1]
    day = float(schedule.step_time[number])
    when = str(schedule.date_of(day).astype("datetime64[D]")) if schedule.start else f"day {day:g}"
    found = read_iterations(listing).get(step)
    how = ""
    if found:
        how = f" in {found.outer} outer iterations; last head change {found.largest_change:.3g} m in cell {found.place}"
    return (
        f"Period {step[0] + 1}, step {number + 1} ({when}): MODFLOW 6 did not converge{how}. Try more steps in the period, "
        "a smaller step_multiplier, or a larger modflow.outer_maximum."
    )
