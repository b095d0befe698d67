"""The second-order scheme against exact solutions in time of the same cells, so that only its error in time is seen.

The heads of confined cells obey ``S dh/dt = −A h + q``. With the generalised eigenvectors of ``A v = λ S v`` each mode decays as
``exp(−λ t)``, and one step of the scheme multiplies it by ``R(−λ Δt)`` with ``R(z) = (1 + (1 − 2γ) z) / (1 − γ z)²`` (Hairer and
Wanner 1996, Solving Ordinary Differential Equations II, section IV.3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import eigh

from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import FlowResult, Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import TimeSettings, simulate
from aquirecover.flow.stresses import FixedHead
from aquirecover.verification.radial import DIRECT, corner, quarter_grid, quarter_well

GAMMA = 1.0 - np.sqrt(0.5)
TIMES = np.array([30.0, 30.01, 30.1, 31.0, 35.0, 40.0, 60.0, 90.0, 120.0, 390.0])


def second_order(head_error: float) -> object:
    return replace(DIRECT, time=TimeSettings("sdirk2", head_error))


def _strip(days: float) -> tuple[Problem, float]:
    """Return a strip of 40 cells between fixed heads of 0 that starts in its slowest mode, and the rate of that mode, 1/d."""
    n, size, transmissivity, storage = 40, 100.0, 500.0, 1e-3
    grid = Grid(np.full(n, size), np.array([size]), 0.0, [-10.0])
    # fixed heads are in cells 0 and n − 1: sin(π i / (n − 1)) is an eigenvector of the second difference
    mode = np.sin(np.pi * np.arange(n) / (n - 1))
    mode[-1] = 0.0
    rate = transmissivity / (storage * size**2) * 4.0 * np.sin(0.5 * np.pi / (n - 1)) ** 2
    properties = AquiferProperties(grid, k=transmissivity / 10.0, specific_storage=storage / 10.0)
    ends = FixedHead(np.array([0, n - 1]), 0.0)
    middle = Observations(("middle",), np.array([n // 2]))
    schedule = Schedule([days])
    problem = Problem("strip", grid, properties, schedule, mode[None, None], (), (ends,), observations=middle)
    return problem, rate


def test_one_step_multiplies_a_mode_by_the_stability_function() -> None:
    problem, rate = _strip(days=1.0)
    result = simulate(problem, second_order(head_error=1.0))
    assert result.reports[0].substeps == 1
    z = -rate * 1.0
    assert -0.5 < z < -0.2
    factor = (1.0 + (1.0 - 2.0 * GAMMA) * z) / (1.0 - GAMMA * z) ** 2
    np.testing.assert_allclose(result.head[0], factor * problem.initial_head, rtol=1e-9, atol=1e-12)


def test_the_estimate_is_the_error_of_a_step() -> None:
    # one step is just accepted when the error allowed is a little above its real error, and refused when it is a little below
    problem, rate = _strip(days=2.0)
    z = -rate * 2.0
    factor = (1.0 + (1.0 - 2.0 * GAMMA) * z) / (1.0 - GAMMA * z) ** 2
    error = abs(factor - np.exp(z))
    above, below = (simulate(problem, second_order(share * error)) for share in (1.2, 0.8))
    assert above.reports[0].substeps == 1
    assert below.reports[0].substeps > 1


def theis(settings: object, n_steps: object = 1, multiplier: object = 1.0) -> FlowResult:
    grid, column = quarter_grid(8.0, 1.5, 1.5e5, 100.0)
    problem = Problem(
        name="theis_recovery",
        grid=grid,
        properties=AquiferProperties(grid, k=50.0, specific_storage=2e-5),
        schedule=Schedule(np.diff(TIMES, prepend=0.0), n_steps=n_steps, step_multiplier=multiplier),
        initial_head=np.zeros(grid.shape),
        stresses=(quarter_well(grid, np.array([1000.0] + 9 * [0.0])),),
        observations=Observations(("at 100 m", "well"), np.concatenate([corner(grid, column), corner(grid)])),
    )
    return simulate(problem, settings)


def exact_theis(result: FlowResult) -> np.ndarray:
    """Return the heads at `TIMES` of the same cells, exact in time, shape ``(n_time, 2)``."""
    problem = result.problem
    system = FlowSystem(problem)
    state = system.initial_state()
    balance = system.balance(state, Interval(0, np.inf, state))
    matrix = system.matrix(balance).to_sparse().toarray()
    storage = system.elastic.ravel()
    pull = np.zeros(storage.size)
    pull[system.connections.cell] = balance.flow
    rate, mode = eigh(matrix, np.diag(storage))
    rate = np.maximum(rate, 0.0)
    load = mode.T @ pull

    def filled(t: float) -> np.ndarray:
        """Return what a unit of load has made of each mode after t days."""
        return np.where(rate * t > 1e-12, -np.expm1(-rate * t) / np.maximum(rate, 1e-300), t)

    share = np.array([filled(t) - (filled(t - 30.0) if t > 30.0 else 0.0) for t in TIMES])
    return (share * load) @ mode[problem.observations.cell].T


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    return exact_theis(theis(second_order(0.1)))


def test_theis_recovery_within_the_error_allowed(exact: np.ndarray) -> None:
    result = theis(second_order(1e-3))
    np.testing.assert_allclose(result.observation_head, exact, rtol=0.0, atol=1e-3)
    assert result.budget.error.max() < 1e-8


def test_second_order_in_the_number_of_steps(exact: np.ndarray) -> None:
    runs = [theis(second_order(error)) for error in (3e-3, 3e-4, 3e-5)]
    steps = np.array([sum(report.substeps for report in run.reports) for run in runs])
    errors = np.array([np.abs(run.observation_head - exact).max() for run in runs])
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert 1.7 < order < 2.5


def test_a_third_of_the_steps_of_backward_euler_are_more_than_enough(exact: np.ndarray) -> None:
    second = theis(second_order(3e-3))
    error = np.abs(second.observation_head - exact).max()
    steps = sum(report.substeps for report in second.reports)
    assert error < 1e-3
    # steps that grow in proportion to the time since the last change of the rate, which suit the logarithm of Theis best
    growth = 1.08
    n_steps = np.array([180, 85, *(np.ceil(np.log((TIMES[2:] - 30.0) / (TIMES[1:-1] - 30.0)) / np.log(growth)).astype(int))])
    first = theis(DIRECT, n_steps, growth)
    ends = np.cumsum(n_steps) - 1
    assert n_steps.sum() > 3 * steps
    assert np.abs(first.observation_head[ends] - exact).max() > 1e-3
