"""A run gives the same bits on one and on several threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
from aquirecover.flow import multigrid, shared_cycle
from aquirecover.flow.compiled import share
from aquirecover.flow.grid import Grid
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import GeneralHead, Recharge, River, Wells

# small blocks, so that threads share coarser grids too
multigrid.MOST_COLUMNS, shared_cycle.LEAST_BLOCKS = 256, 14
turned, turn = [], shared_cycle._turn
shared_cycle._turn = lambda *given: turned.append(turn(*given))

convertible, n_layer, n_y, n_x = {convertible}, {n_layer}, {n_y}, {n_x}
rng = np.random.default_rng(1)
grid = Grid(np.full(n_x, 100.0), np.full(n_y, 100.0), 20.0, list(-30.0 * np.arange(n_layer)))
k = np.exp(rng.normal(0.0, 1.0, grid.shape)) * np.linspace(5.0, 20.0, n_layer)[:, None, None]
kinds = [convertible] + [False] * (n_layer - 1)
properties = AquiferProperties(grid, k, specific_storage=1e-5, specific_yield=0.1, convertible=kinds)
rows, columns = np.divmod(np.arange(n_y * n_x), n_x)
stresses = (
    Recharge(grid.cell(0, rows, columns), 3e-4),
    GeneralHead(grid.cell(0, np.arange(n_y), 0), 12.0, 50.0),
    River(grid.cell(0, n_y // 2, np.arange(n_x)), 15.0, 100.0, 10.0),
    Wells(
        grid.cell(1, rng.integers(5, n_y - 5, 40), rng.integers(5, n_x - 5, 40)), np.array([[300.0], [100.0]]) * np.ones(40)
    ),
)
schedule = Schedule([100.0, 200.0], n_steps=4, step_multiplier=1.3)
problem = Problem("P", grid, properties, schedule, np.full(grid.shape, 14.0), stresses)
assert share(2, grid.n_cell) == 2
one, two = (simulate(problem, SimulateSettings(linear=LinearSettings(threads=n))) for n in (1, 2))
assert np.array_equal(one.head, two.head)
assert [report.inner for report in one.reports] == [report.inner for report in two.reports]
assert np.array_equal(one.budget.inflow, two.budget.inflow) and np.array_equal(one.budget.outflow, two.budget.outflow)
assert sum(report.inner for report in one.reports) > 10
assert bool(turned) == (n_y * n_x > 50_000)
"""


@pytest.mark.parametrize(
    ("convertible", "n_layer", "n_y", "n_x"), [(False, 2, 330, 300), (True, 2, 330, 300), (True, 5, 100, 100)]
)
def test_a_run_gives_the_same_bits_on_two_threads(convertible: bool, n_layer: int, n_y: int, n_x: int) -> None:
    # in a process of its own, which may use two threads whatever the machine has
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "error", "-c", SCRIPT.format(convertible=convertible, n_layer=n_layer, n_y=n_y, n_x=n_x)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
