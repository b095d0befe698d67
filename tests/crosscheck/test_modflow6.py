"""The native engine against MODFLOW 6 on the problems of `problems`, by stored references and by the program itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from problems import PROBLEMS

from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.flow.simulate import simulate as simulate_native
from aquirecover.modflow import ModflowSettings, Program, simulate
from aquirecover.modflow.reader import release_warnings

REFERENCES = np.load(Path(__file__).parent / "data" / "modflow6.npz")
NATIVE = SimulateSettings(newton=NewtonSettings(tolerance=1e-13, head_change=1e-10))
TIGHT = ModflowSettings(closure="tight")
# Largest difference of heads, m, and of flows, as a share of the term and of the flow through the model. The harmonic mean is a
# smooth function of saturation here, within 1e-6 of the cell, and has corners in MODFLOW's standard formulation.
TOLERANCE = {"linear": (1e-8, 1e-8), "bent": (1e-8, 1e-8), "newton": (1e-8, 1e-8), "harmonic": (5e-6, 5e-7)}


def _compare(name: str, result: FlowResult, expected: dict[str, np.ndarray]) -> None:
    heads, flows = TOLERANCE[name.partition("_")[0]]
    active = result.problem.grid.active
    np.testing.assert_allclose(result.head[:, active], expected["head"], rtol=0.0, atol=heads)
    through = max(1.0, float(expected["inflow"].sum(axis=1).max()))
    found = {"inflow": result.budget.inflow, "outflow": result.budget.outflow, "delivered": result.pumping_rate_actual}
    for kind, values in found.items():
        np.testing.assert_allclose(values, expected[kind], rtol=10.0 * flows, atol=flows * through, err_msg=kind)


def _reference(name: str) -> dict[str, np.ndarray]:
    return {kind: REFERENCES[f"{name}/{kind}"] for kind in ("head", "inflow", "outflow", "delivered")}


def _from(result: FlowResult) -> dict[str, np.ndarray]:
    active, budget = result.problem.grid.active, result.budget
    return {
        "head": result.head[:, active],
        "inflow": budget.inflow,
        "outflow": budget.outflow,
        "delivered": result.pumping_rate_actual,
    }


@pytest.mark.parametrize("name", PROBLEMS)
def test_native_engine_gives_the_heads_and_budgets_of_modflow6(name: str) -> None:
    _compare(name, simulate_native(PROBLEMS[name](), NATIVE), _reference(name))


@pytest.mark.mf6
@pytest.mark.parametrize("name", PROBLEMS)
def test_program_gives_its_reference(name: str, mf6: Program) -> None:
    problem = PROBLEMS[name]()
    expected = _reference(name)
    warnings = release_warnings(problem, mf6)
    if any("confined cells beside" in warning for warning in warnings):
        pytest.skip(warnings[-1])
    if warnings:
        # an old release stores otherwise in convertible cells, and is compared without elastic storage there
        problem = _without_elastic_storage(problem)
        expected = _from(simulate_native(problem, NATIVE))
    result = simulate(problem, modflow=TIGHT, program=mf6)
    _compare(name, result, expected)
    assert result.engine == f"modflow6 {mf6.version}"


def _without_elastic_storage(problem: Problem) -> Problem:
    given, grid = problem.properties, problem.grid
    storage = np.where(given.convertible, 0.0, given.specific_storage)
    fields = {
        name: getattr(given, name) for name in ("k", "k33", "k22", "specific_yield", "convertible", "leakance", "averaging")
    }
    return replace(problem, properties=AquiferProperties(grid, specific_storage=storage, **fields))


@pytest.mark.mf6
@pytest.mark.parametrize("name", ["linear_pass_through_cells", "bent_everything", "newton_drying_well"])
def test_both_engines_fill_every_part_of_a_result(name: str, mf6: Program) -> None:
    problem = _without_elastic_storage(PROBLEMS[name]())
    native, other = simulate_native(problem, NATIVE), simulate(problem, modflow=TIGHT, program=mf6)
    through = native.budget.inflow.sum(axis=1).max()
    assert np.array_equal(native.saved_step, other.saved_step)
    np.testing.assert_allclose(native.observation_head, other.observation_head, rtol=0.0, atol=1e-8)
    np.testing.assert_array_equal(native.pumping_rate, other.pumping_rate)
    parts = ("layer_inflow", "layer_outflow", "layer_exchange", "zone_inflow", "zone_outflow", "zone_exchange")
    for part in parts:
        np.testing.assert_allclose(getattr(native.budget, part), getattr(other.budget, part), rtol=0.0, atol=1e-8 * through)
    assert native.budget.zone_names == other.budget.zone_names
    assert max(report.budget_error for report in other.reports) < 1e-6
    assert all(report.outer > 0 and report.residual < 1e-6 for report in other.reports)


@pytest.mark.mf6
def test_old_release_says_where_it_differs(mf6: Program) -> None:
    old = replace(mf6, version="6.2.1")
    assert "elastic storage" in release_warnings(PROBLEMS["newton_water_table"](), old)[0]
    assert release_warnings(PROBLEMS["newton_dupuit"](), old) == (), "a steady state stores nothing"
    assert release_warnings(PROBLEMS["linear_wells"](), old) == ()
    assert "confined cells beside" in release_warnings(PROBLEMS["newton_mixed_layer"](), old)[1]
    assert release_warnings(PROBLEMS["newton_water_table"](), replace(mf6, version="6.2.2")) == ()


def test_drying_well_is_cut_back() -> None:
    """The problem asks for more than its cell can give, so that the comparison of delivered rates means something."""
    problem: Problem = PROBLEMS["newton_drying_well"]()
    asked = problem.wells[0].pumping_rate[problem.schedule.step_period]
    assert (REFERENCES["newton_drying_well/delivered"] < 0.9 * asked).any()
