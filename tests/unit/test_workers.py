"""Processes that do one task after another."""

from __future__ import annotations

import os
import time
from contextlib import closing

import pytest

from aquirecover.errors import ResourceError
from aquirecover.processes import is_running
from aquirecover.workers import do_all


def _square(common: int, task: int) -> tuple[int, int]:
    return common * task**2, os.getpid()


def _die(common: int, task: int) -> int:
    if task == common:
        os._exit(3)
    return task


def _divide(common: int, task: int) -> float:
    return common / task


def _fill(common: int, task: int) -> None:
    raise ResourceError("no room")


def _sleep(common: float, task: int) -> int:
    if task:
        time.sleep(common)
    return os.getpid()


def test_every_task_once_in_few_processes() -> None:
    found = dict(do_all(_square, 10, range(7), 2))
    assert {place: value for place, (value, _) in found.items()} == {n: 10 * n**2 for n in range(7)}
    assert len({process for _, process in found.values()}) <= 2
    assert not list(do_all(_square, 10, [], 2))


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(ResourceError, match=r"ended with code 3 before it had a result\. What is finished is stored"):
        list(do_all(_die, 1, [0, 1, 2], 1))


def test_what_the_function_raises_is_told() -> None:
    with pytest.raises(ResourceError, match="Unexpected ZeroDivisionError: "):
        list(do_all(_divide, 1, [1, 0], 1))
    with pytest.raises(ResourceError, match="no room"):
        list(do_all(_fill, 1, [1], 1))


def test_processes_end_with_who_started_them() -> None:
    with closing(do_all(_sleep, 60.0, [0, 1, 1], 2)) as ended:
        _, process = next(ended)
        assert is_running(process)
    for _ in range(100):
        if not is_running(process):
            break
        time.sleep(0.05)
    assert not is_running(process)
