"""Processes that do one task after another, and how processes are started so that Ctrl-C ends them all."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from aquirecover.errors import AquirecoverError, ResourceError

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")
PATIENCE = 10.0  # seconds that a process gets to end


def death_of(code: int) -> str:
    """Return why a process ended without a record."""
    if code >= 0:
        return f"The process ended with code {code} before it had a result."
    return f"The process was killed by signal {-code} ({signal.Signals(-code).name}); memory may have run out."


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start in this block use one thread each: they share the cores, and more of them change no bit."""
    before = {name: os.environ.get(name) for name in THREAD_LIMITS}
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C from processes that start in this block for good, and from this one until the block ends (POSIX).

    A terminal sends Ctrl-C to all; the one that hears it ends the others. The mask is what the new process inherits. It does not
    spare this one, since any thread may take the signal for the main one; so the handler waits too.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)


@dataclass(frozen=True)
class _Failure:
    """What a function raised, in words."""

    text: str


class _Hand:
    """A process that does one task after another, and the pipe to it."""

    def __init__(self, function: Callable[[Any, Any], Any], common: Any) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(function, common, theirs), daemon=True)
        with one_thread_each(), interrupts_held():
            self.process.start()
        theirs.close()

    def receive(self) -> Any:
        """Return the result of the task, or raise what ended it."""
        try:
            result = self.connection.recv()
        except EOFError:
            self.process.join(PATIENCE)
            raise ResourceError(
                f"{death_of(self.process.exitcode or 0)} What is finished is stored: call again to go on, with fewer --jobs."
            ) from None
        if isinstance(result, _Failure):
            raise ResourceError(result.text)
        return result


def _serve(function: Callable[[Any, Any], Any], common: Any, connection: Connection) -> None:
    # the pipe ends with the process that tells what to do
    with suppress(EOFError, BrokenPipeError):
        while (task := connection.recv()) is not None:
            connection.send(_result(function, common, task))


def _result(function: Callable[[Any, Any], Any], common: Any, task: Any) -> Any:
    try:
        return function(common, task)
    except AquirecoverError as error:
        return _Failure(str(error))
    except Exception as error:
        return _Failure(f"Unexpected {type(error).__name__}: {error}")


def do_all(
    function: Callable[[Any, Any], Any], common: Any, tasks: Sequence[Any], n_process: int
) -> Generator[tuple[int, Any], None, None]:
    """Yield the place and the result of each task as it ends; processes are ended when the generator is closed.

    Parameters
    ----------
    function : callable
        Of a module, called with `common` and a task.
    common : object
        Sent to each process once.
    tasks : sequence
        One for each call.
    n_process : int
        Processes at a time.

    Raises
    ------
    ResourceError
        When a process dies, or the function raises.
    """
    waiting = list(enumerate(tasks))[::-1]
    hands: dict[Connection, tuple[_Hand, int]] = {}
    started: list[_Hand] = []
    try:
        for _ in range(min(n_process, len(waiting))):
            hand = _Hand(function, common)
            started.append(hand)
            place, task = waiting.pop()
            hand.connection.send(task)
            hands[hand.connection] = (hand, place)
        while hands:
            for connection in [c for c in wait(list(hands)) if isinstance(c, Connection)]:
                hand, place = hands.pop(connection)
                result = hand.receive()
                if waiting:
                    after, task = waiting.pop()
                    connection.send(task)
                    hands[connection] = (hand, after)
                else:
                    connection.send(None)
                yield place, result
    finally:
        _end(started)


def _end(hands: Sequence[_Hand]) -> None:
    for hand in hands:
        if hand.process.is_alive():
            hand.process.terminate()
    for hand in hands:
        hand.process.join(PATIENCE)
        if hand.process.is_alive():
            hand.process.kill()
            hand.process.join()
        hand.connection.close()
