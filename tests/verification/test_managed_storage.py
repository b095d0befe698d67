"""STORAGE against GWM-2005; see `managed_storage`.

GWM ran MODFLOW-2005 with SIP to 0.001 ft: its steady state still lacks 0.08 % of its budget and lies 0.024 ft, at most 0.045,
below the one that closes. What the water table loses in the first decade, 0.5 ft, is 1 % less from there; the objective differs
by 1e-4 of itself.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aquirecover.flow.adjoint import SensitivitySettings
from aquirecover.flow.arrays import FloatArray
from aquirecover.modflow import ModflowSettings
from aquirecover.modflow import simulate as simulate_modflow
from aquirecover.modflow.program import Program
from aquirecover.study.decisions import decided, rates
from aquirecover.study.flow_quantities import StoredWater, stored_water
from aquirecover.study.horizon import later_part
from aquirecover.study.limits import LimitProblem, find_limit
from aquirecover.study.quantities import observed, read
from aquirecover.study.response import Evaluator, Simulator
from aquirecover.verification.managed import TIGHT, simulate_all
from aquirecover.verification.managed_storage import storage

DATA = Path(__file__).parent / "data"
SIMULATOR = Simulator(simulate_all, SensitivitySettings(TIGHT))
# rates of GWM that are neither 0 nor the largest, and what the zones lose; ft3/d and ft3
PRINTED = {"Q4-1-d": 2.471372e4, "Q4-2-a": 2.119510e4, "Q4-2-b": 3.287872e4, "Q4-2-c": 3.171860e4, "Q4-2-e": 2.471372e4}
PRINTED |= {"Q5-2-a": 3.518623e3, "Q5-3-b": 5.583500e4, "Q5-3-c": 5.699512e4}
NONE = {"Q4-1-a", "Q4-1-b", "Q4-1-c", *(f"Q5-1-{letter}" for letter in "abcde")}
NONE |= {*(f"Q5-2-{letter}" for letter in "bcde"), "Q5-3-d", "Q5-3-e"}
LOSSES = np.array([4.1819050e8, 3.3206289e8, 2.6565031e8, 1.9923773e8, 1.3946641e8, 4.7953115e6, 4.3157803e6])


def _printed_rates(question: LimitProblem) -> FloatArray:
    return np.array([0.0 if d.name in NONE else PRINTED.get(d.name, 6.4e4) for d in question.decisions])


def _from_printed_heads(question: LimitProblem) -> LimitProblem:
    """Return the question that begins with the steady heads that MODFLOW-2005 printed, to four digits."""
    heads = np.loadtxt(DATA / "storage_steady_heads.txt").reshape(question.problem.grid.shape)
    later, losses = later_part(question.problem, 1, heads), question.families[0]
    assert isinstance(losses, StoredWater)
    first = losses.at == 0
    start = stored_water(later, losses.cell[first], heads.ravel()[losses.cell[first]])
    own = replace(
        losses,
        step=losses.step - 1,
        row=losses.row[~first],
        at=losses.at[~first] - 1,
        cell=losses.cell[~first],
        coefficient=losses.coefficient[~first],
        constant=np.bincount(losses.row[first], weights=start),
    )
    decisions = tuple(replace(d, period=d.period - 1) for d in question.decisions)
    return replace(question, problem=later, decisions=decisions, families=(own,))


def test_most_of_the_first_decade() -> None:
    question = storage()
    result = find_limit(question, SIMULATOR)
    assert result.objective == pytest.approx(1.258205e9, rel=1e-4)
    # the same rates are at their bounds, and the same limits bind
    printed = _printed_rates(question)
    for side in (0.0, 6.4e4):
        np.testing.assert_allclose(result.x[printed == side], side, atol=1e-6)
    prices = {name: price for name, price in zip(question.constraints.names, result.row_price, strict=True) if price > 1e-6}
    assert prices == pytest.approx(
        {
            "ST1-3": 1.6353e-2,
            "ST1-4": 4.4970e-2,
            "ST1-5": 0.39403,
            "ST2-1": 178.36,
            "EQ-b": 86.443,
            "EQ-c": 257.99,
            "EQ-d": 270.76,
            "EQ-e": 3525.1,
        },
        rel=1e-2,
    )
    assert (prices["EQ-e"], prices["ST2-1"]) == pytest.approx((3525.1, 178.36), rel=1e-4)
    decades = result.x.reshape(9, 5).sum(axis=0)
    np.testing.assert_allclose(decades, decades[0], rtol=1e-12)
    losses = result.outcome.values
    assert losses[1] / losses[0] < 0.85
    np.testing.assert_allclose(losses[2:5] / losses[1:4], [0.80, 0.75, 0.70], rtol=1e-9)
    assert losses[6] / losses[5] == pytest.approx(0.9, rel=1e-9)


def test_losses_from_the_heads_that_were_printed() -> None:
    question = storage()
    x = _printed_rates(question)
    (own,) = Evaluator(question.problem, question.decisions, question.families, SIMULATOR).outcomes([x])
    begun = _from_printed_heads(question)
    (other,) = Evaluator(begun.problem, begun.decisions, begun.families, SIMULATOR).outcomes([x])
    # the steady state that closes stands higher, and 1 % more is lost from it; from the printed one it is what was printed
    np.testing.assert_allclose(own.values / LOSSES - 1.0, 0.010, atol=0.0025)
    np.testing.assert_allclose(other.values, LOSSES, rtol=5e-4)
    result = find_limit(begun, SIMULATOR)
    assert result.objective == pytest.approx(1.258205e9, rel=2e-4)
    inside = [n for n, d in enumerate(begun.decisions) if d.name in PRINTED]
    np.testing.assert_allclose(result.x[inside], x[inside], rtol=2e-3, atol=130.0)


@pytest.mark.mf6
def test_losses_by_another_program(mf6: Program) -> None:
    question = storage()
    x = _printed_rates(question)
    problem, cell = observed(decided(question.problem, question.decisions, x), question.families)
    net = rates(question.problem, question.decisions, x)
    other = simulate_modflow(problem, modflow=ModflowSettings(closure="tight"), program=mf6)
    (native,) = simulate_all([problem])
    expected = read(other, cell, question.families, net)
    np.testing.assert_allclose(read(native, cell, question.families, net), expected, rtol=2e-6)
