"""What must hold for the derivatives of every problem, to rounding and without a difference being taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from aquirecover.flow import functionals
from aquirecover.flow.adjoint import SensitivitySettings, sensitivities
from aquirecover.flow.functionals import Functionals
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.sensitivities import differentiable_inputs
from aquirecover.flow.simulate import SimulateSettings, TimeSettings
from differences import TIGHT, compare, with_input
from random_problems import random_problem, seeds

NEWTON = NewtonSettings(tolerance=1e-13, head_change=1e-8)
SETTINGS = SensitivitySettings(SimulateSettings(NEWTON), tolerance=1e-13)
# Inputs by which heads rise and fall as a whole, and those that all flows are proportional to.
LEVELS = ("head", "stage", "elevation", "surface")
NEITHER = ("extinction_depth", "fraction")


def looked_at(problem: Problem) -> list[Functionals]:
    """Return heads and flows of the problem."""
    n, active = problem.schedule.n_step, np.flatnonzero(problem.grid.active)
    wells = problem.wells[0]
    return [
        functionals.heads(("first", "last"), (0, n - 1), active[[0, -1]]),
        functionals.stress_inflow("pumped", wells.name, n - 1, np.arange(wells.n)),
        functionals.fixed_head_inflow("supplied", problem, "fixed_head", n - 1),
        functionals.storage_change("stored", active, 0, n - 1),
    ]


@given(seeds)
@settings(max_examples=20)
def test_heads_stay_and_flows_grow_where_all_conductances_and_rates_do(seed: int) -> None:
    """Euler's theorem: ``Σ p ∂J/∂p`` is 0 for a head and J for a flow, over all inputs p that flows are proportional to."""
    problem = random_problem(seed)
    found = sensitivities(problem, looked_at(problem), SETTINGS)
    total, size = np.zeros(len(found.names)), np.zeros(len(found.names))
    for key, value in differentiable_inputs(problem).items():
        if not key.endswith((*LEVELS, *NEITHER)):
            terms = found.derivative[key] * np.nan_to_num(value)
            total += terms.reshape(len(total), -1).sum(axis=1)
            size += np.abs(terms).reshape(len(total), -1).sum(axis=1)
    expected = np.where(np.array(found.units) != "m", found.value, 0.0)
    assert np.abs(total - expected).max() <= 1e-8 * max(1.0, np.abs(found.value).max())
    assert (np.abs(total - expected) <= 1e-7 * size + 1e-9).all()


@given(seeds)
@settings(max_examples=20)
def test_heads_follow_all_levels(seed: int) -> None:
    """Without convertible cells nothing but levels says where zero is: the derivatives with respect to them sum to 1."""
    problem = random_problem(seed)
    problem = replace(problem, properties=AquiferProperties(problem.grid, **{**vars(problem.properties), "convertible": False}))
    found = sensitivities(problem, looked_at(problem), SETTINGS)
    keys = [key for key in found.derivative if key.endswith(LEVELS)]
    total = sum(found.derivative[key].reshape(len(found.names), -1).sum(axis=1) for key in keys)
    expected = np.where(np.array(found.units) == "m", 1.0, 0.0)
    assert total == pytest.approx(expected, abs=1e-8)


@given(seeds)
@settings(max_examples=10)
def test_unit_runs_of_linear_problems(seed: int) -> None:
    problem = random_problem(seed, linear=True)
    family = looked_at(problem)
    found = sensitivities(problem, family, TIGHT, ["wells.pumping_rate", "recharge.recharge_rate"])
    wells = problem.wells[0]
    for key, value, unit in (("wells.pumping_rate", wells.pumping_rate, 1e4), ("recharge.recharge_rate", None, 1.0)):
        base = differentiable_inputs(problem)[key] if value is None else value
        place = (0, base.shape[1] - 1)
        changed = base.copy()
        changed[place] += unit
        run = sensitivities(with_input(problem, key, changed), family, TIGHT, wanted=())
        response = (run.value - found.value) / unit
        heads = np.array(found.units) == "m"
        for kind in (heads, ~heads):
            own = found.derivative[key][:, 0, place[1]][kind]
            assert own == pytest.approx(response[kind], abs=1e-9 * max(np.abs(response[kind]).max(), 1e-9 / unit))


@given(seeds)
@settings(max_examples=5)
@pytest.mark.parametrize("scheme", ["backward_euler", "sdirk2"])
def test_central_differences(scheme: str, seed: int) -> None:
    problem = random_problem(seed)
    time = TimeSettings(scheme, head_error=1e6)
    compared = compare(problem, looked_at(problem), replace(TIGHT, simulate=replace(TIGHT.simulate, time=time)))
    assert max(compared.errors.values()) <= 1e-5, compared.errors
    assert len(compared.errors) >= len(compared.found.derivative) - 2
    assert compared.resolved > 0.5
