"""Every scenario of Thai Binh at 1 km: the native engine against MODFLOW 6, stored and run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from aquirecover.case.scenario import Case, load_case
from aquirecover.flow.problem import FlowResult
from aquirecover.flow.simulate import simulate as simulate_native
from aquirecover.modflow import Program, simulate
from aquirecover.modflow.reader import release_warnings
from aquirecover.study.agreement import compare_results

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parents[2] / "scenarios" / "thai_binh"
REFERENCES = Path(__file__).parent / "data" / "thai_binh_1km.npz"
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.startswith("limits"))
# Scenarios whose heads and budgets are stored; the program itself, where it is there, is compared on all of them.
STORED = sorted(name.removesuffix("/inflow") for name in np.load(REFERENCES).files if name.endswith("/inflow"))
# Both engines at the closure that they have unless told otherwise; the agreed bound for convertible layers is 1e-4 m.
HEADS, FLOWS = 1e-5, 1e-6


def load(name: str) -> Case:
    return load_case(FOLDER / f"{name}.yaml", cell_size=1000.0)


@cache
def native(name: str) -> FlowResult:
    case = load(name)
    return simulate_native(case.problem, case.settings)


@pytest.mark.parametrize("name", STORED)
def test_native_engine_gives_the_stored_heads_and_budgets(name: str) -> None:
    result = native(name)
    with np.load(REFERENCES) as stored:
        heads, inflow, outflow = (stored[f"{name}/{kind}"] for kind in ("observation_head", "inflow", "outflow"))
    np.testing.assert_allclose(result.observation_head, heads, rtol=0.0, atol=HEADS)
    through = inflow.sum(axis=1).max()
    np.testing.assert_allclose(result.budget.inflow, inflow, rtol=10.0 * FLOWS, atol=FLOWS * through)
    np.testing.assert_allclose(result.budget.outflow, outflow, rtol=10.0 * FLOWS, atol=FLOWS * through)
    assert np.ptp(heads, axis=0).max() > 0.5, "heads move, so that agreement is no accident"


@pytest.mark.mf6
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_program_agrees_cell_by_cell(name: str, mf6: Program) -> None:
    case = load(name)
    old = release_warnings(case.problem, mf6)
    if old:
        pytest.skip(old[-1])
    found = compare_results(native(name), simulate(case.problem, case.settings, program=mf6))
    assert found.head.size <= HEADS, found.head
    assert found.flow.share <= FLOWS, found.flow
