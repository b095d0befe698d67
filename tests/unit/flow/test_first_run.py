"""The process that compiles gives the bits of those that load what it compiled, in whatever order they solve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import hashlib, sys
from dataclasses import replace
from aquirecover.flow.many import simulate_many
from aquirecover.flow.simulate import simulate
from random_problems import random_problem

cases = [(seed, linear) for linear in (True, False) for seed in (1, 3, 11)]
found = {}
for seed, linear in cases if sys.argv[1] == "forward" else cases[::-1]:
    problem = random_problem(seed, linear=linear)
    results = [simulate(problem)]
    if linear:
        results += simulate_many([problem, replace(problem, initial_head=problem.initial_head + 0.1)])
    digest = hashlib.sha256()
    for result in results:
        for values in (result.head, result.budget.inflow, result.budget.outflow):
            digest.update(values.tobytes())
    found[seed, linear] = digest.hexdigest()
print([found[case] for case in cases])
"""


def _run(cache: Path, order: str) -> str:
    package, tests = Path(__file__).parents[3] / "src", Path(__file__).parents[2]
    path = os.pathsep.join([str(package), str(tests), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path}
    command = [sys.executable, "-c", SCRIPT, order]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_process_that_compiles_has_the_bits_of_all_others(tmp_path: Path) -> None:
    assert not any(tmp_path.iterdir())
    first = _run(tmp_path, "forward")
    assert any(tmp_path.rglob("*.nbc"))
    assert first == _run(tmp_path, "forward")
    assert first == _run(tmp_path, "backward")
