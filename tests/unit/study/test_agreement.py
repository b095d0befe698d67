"""The largest difference of two results: found where it was put."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.problem import FlowResult, Observations
from aquirecover.flow.simulate import simulate
from aquirecover.study.agreement import compare_results
from small_problems import random_problem


@pytest.fixture(scope="module")
def result() -> FlowResult:
    problem = random_problem(2)
    return simulate(replace(problem, observations=Observations(("A", "B"), np.flatnonzero(problem.grid.active)[:2])))


def test_a_result_agrees_with_itself(result):
    found = compare_results(result, result)
    assert found.agrees
    assert found.head.size == found.flow.share == 0.0
    quantities = [d.quantity for d in found.differences]
    assert quantities[:4] == ["head", "head", "head", "head at observation points"]
    assert {"inflow of river", "outflow of wells", "inflow of fixed_head", "exchange", "delivered pumping"} <= set(quantities)


def test_a_head_is_found(result):
    head = result.head.copy()
    cell = int(np.flatnonzero(result.problem.grid.active[1])[4] + result.problem.grid.area.size)
    head[1].reshape(-1)[cell] += 0.002
    found = compare_results(result, replace(result, head=head))
    assert found.head.place == result.problem.grid.describe(cell)
    assert found.head.time == result.time[1]
    assert found.head.size == pytest.approx(0.002)
    assert found.head.second - found.head.first == pytest.approx(0.002)
    assert not found.agrees
    assert found.flow.agrees


@pytest.mark.parametrize("part", ["inflow", "layer_outflow", "zone_inflow", "layer_exchange"])
def test_a_flow_is_found_in_every_part_of_the_budget(part, result):
    changed = getattr(result.budget, part).copy()
    through = max(result.budget.inflow[2].sum(), result.budget.outflow[2].sum())
    changed[2].reshape(-1)[-1] += 0.01 * through
    found = compare_results(result, replace(result, budget=replace(result.budget, **{part: changed})))
    assert found.flow.share == pytest.approx(0.01)
    assert found.flow.time == result.problem.schedule.step_time[2]
    assert not found.agrees
    assert found.head.agrees


def test_what_is_not_a_number_does_not_agree(result):
    head = result.head.copy()
    head[0][result.problem.grid.active] = np.nan
    assert not compare_results(result, replace(result, head=head)).agrees
    delivered = result.pumping_rate_actual.copy()
    delivered[3, 1] = np.nan
    found = compare_results(result, replace(result, pumping_rate_actual=delivered))
    assert not found.agrees
    assert (found.flow.quantity, found.flow.place) == ("delivered pumping", "W2")


def test_results_of_different_problems_are_refused(result):
    with pytest.raises(ValueError, match="different problems"):
        compare_results(result, replace(result, head=result.head[1:]))
