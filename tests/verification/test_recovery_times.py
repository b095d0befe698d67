"""Recovery times by moments (Carr and Simpson 2017, arXiv 1707.06331; Simpson et al. 2013) against decays that are known.

A single decay, ``m(t) = m_0 e^(−t/τ)``, has ``t_p = τ ln(1 / (1 − p))`` for every p. Two cases have one: a tank that leaks,
``τ = S A / C``; and a strip between two fixed heads whose heads start as half a sine wave,
``τ = S Δx² / (4 T sin²(π Δx / (2 L)))`` on the grid. For a strip that was pumped in one place, many decays are seen first; the
method holds for the last of them. Against a march in small steps it is good to 1 % for 0.9 and above, but only to half of the
time for one half beside the well.
"""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.steady import recovery_times
from aquirecover.flow.stresses import FixedHead, GeneralHead, Wells
from aquirecover.study.metrics import recovery_fraction, time_to_recovery

FRACTIONS = np.array([0.5, 0.9, 0.99])
TRANSMISSIVITY, STORATIVITY, SIZE, N = 100.0, 1e-3, 100.0, 40
LENGTH = SIZE * N


def strip(well: int | None = None) -> Problem:
    """Return a row of N + 1 cells, the end nodes fixed at 0, and perhaps a well that pumps in the first period alone."""
    grid = Grid(dx=np.full(N + 1, SIZE), dy=[1.0], top=0.0, bottom=[-10.0], x_min=-0.5 * SIZE)
    wells = () if well is None else (Wells([well], pumping_rate=[[1.0], [0.0]]),)
    return Problem(
        name="strip",
        grid=grid,
        properties=AquiferProperties(grid, k=TRANSMISSIVITY / 10.0, specific_storage=STORATIVITY / 10.0),
        schedule=Schedule([1.0, 200.0], n_steps=[1, 4000], steady=[True, False], save_step=True),
        initial_head=np.zeros(grid.shape),
        stresses=wells,
        fixed_heads=(FixedHead([0, N], 0.0),),
    )


def test_tank() -> None:
    grid = Grid(dx=[1000.0], dy=[1000.0], top=20.0, bottom=[0.0])
    problem = Problem(
        name="tank",
        grid=grid,
        properties=AquiferProperties(grid, k=1.0, specific_storage=1e-3),
        schedule=Schedule(1.0),
        initial_head=np.full(grid.shape, 6.0),
        stresses=(GeneralHead([0], 10.0, 250.0),),
    )
    times, end = recovery_times(problem, problem.initial_head, 0, FRACTIONS)
    assert times[:, 0, 0, 0] == pytest.approx(80.0 * np.log(1.0 / (1.0 - FRACTIONS)), rel=1e-6)
    assert end == pytest.approx(10.0)


def test_half_a_sine_wave() -> None:
    problem = strip()
    start = np.where(np.arange(N + 1) % N == 0, 0.0, -np.sin(np.pi * problem.grid.x / LENGTH))[None, None]
    times, end = recovery_times(problem, start, 0, FRACTIONS)
    tau = STORATIVITY * SIZE**2 / (4.0 * TRANSMISSIVITY * np.sin(0.5 * np.pi * SIZE / LENGTH) ** 2)
    assert tau == pytest.approx(STORATIVITY * LENGTH**2 / (np.pi**2 * TRANSMISSIVITY), rel=1e-3)
    assert times[:, 0, 0, 1:N] == pytest.approx(np.tile(tau * np.log(1.0 / (1.0 - FRACTIONS))[:, None], N - 1), rel=1e-6)
    assert np.isnan(times[:, 0, 0, [0, N]]).all()
    assert end[0, 0] == pytest.approx(np.zeros(N + 1), abs=1e-12)


def march_error() -> np.ndarray:
    """Return the relative error of the times by moments against a march in 4,000 steps, shape ``(n_fraction, N - 1)``."""
    problem = strip(well=N // 4)
    result = simulate(problem)
    start = result.head[0]
    times, end = recovery_times(problem, start, 1, FRACTIONS)
    residual = end - result.head
    fraction = recovery_fraction(residual, residual[0], 1e-3)
    marched = time_to_recovery(result.time - result.time[0], fraction, FRACTIONS)
    return np.abs(times / marched - 1.0)[:, 0, 0, 1:N]


def test_many_decays_against_small_steps() -> None:
    error = march_error()
    assert error[1].max() < 0.01
    assert error[2].max() < 0.01
    # beside the well one half is reached while several decays are still there
    assert error[0, N // 4 - 1] > 0.3
