"""Hantush and Jacob (1955): a well in an aquifer that leaks, ``s = Q / (4 π T) W(u, r/B)``, ``B = sqrt(T / leakance)``.

The head above the aquitard does not change: a second layer on top, held at zero, and a leakance between the layers. T 500 m²/d,
S 2e-4, leakance 5e-4 1/d, so B is 1,000 m; quarter plane 30 km wide. The steady drawdown is ``Q / (2 π T) K0(r/B)`` (de Glee),
and in it every drop pumped comes through the aquitard.
"""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover import analytical
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.verification.radial import DIRECT
from aquirecover.verification.wells import LEAKANCE, RATE, STORATIVITY, TRANSMISSIVITY, leaky

TIMES = np.array([0.02, 0.1, 0.5, 2.0])


def test_transient_leaky_drawdown() -> None:
    n_steps = 40
    problem, radius = leaky(Schedule(np.diff(TIMES, prepend=0.0), n_steps=n_steps, step_multiplier=[1.15, 1.0, 1.0, 1.0]))
    model = -simulate(problem, DIRECT).observation_head[n_steps - 1 :: n_steps]
    exact = analytical.hantush(RATE, TRANSMISSIVITY, STORATIVITY, LEAKANCE, radius, TIMES[:, None])
    assert model[:, 0] == pytest.approx(exact[:, 0], rel=0.01)
    assert model[:, 1] == pytest.approx(exact[:, 1], abs=0.01 * exact[-1, 1])


def test_steady_leaky_drawdown_and_its_source() -> None:
    problem, radius = leaky(Schedule(1.0, steady=True))
    result = simulate(problem, DIRECT)
    exact = analytical.leaky_steady(RATE, TRANSMISSIVITY, LEAKANCE, radius)
    assert -result.observation_head[0] == pytest.approx(exact, rel=0.01)
    leaked = result.budget.inflow[0, problem.terms.index("above")]
    assert leaked == pytest.approx(RATE / 4.0, rel=1e-9)
    assert result.budget.layer_exchange[0, 0, 1] == pytest.approx(RATE / 4.0, rel=1e-9)
