"""What derivatives are called, in which units, and what they say of other inputs."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow import functionals
from aquirecover.flow.adjoint import sensitivities
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.sensitivities import Sensitivities, chosen_inputs, differentiable_inputs
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import River, Wells
from small_problems import random_problem

PROBLEM = random_problem(1, n_y=3, n_x=4)
CELL = int(PROBLEM.wells[0].cell[0])


@pytest.fixture(scope="module")
def found() -> Sensitivities:
    drained = functionals.stress_inflow("drained", "drain", 3, 0, -1.0)
    return sensitivities(PROBLEM, [functionals.heads(["near the well"], 4, CELL), drained])


def test_inputs_are_chosen_by_key_or_by_name() -> None:
    assert chosen_inputs(PROBLEM, ["drain", "k33"]) == ("k33", "drain.elevation", "drain.conductance")
    assert chosen_inputs(PROBLEM, ["wells.fraction"]) == ("wells.fraction",)
    assert chosen_inputs(PROBLEM, None) == tuple(differentiable_inputs(PROBLEM))
    assert chosen_inputs(PROBLEM, ()) == ()


def test_derivatives_have_the_shapes_of_their_inputs(found: Sensitivities) -> None:
    for key, array in differentiable_inputs(PROBLEM).items():
        assert found.derivative[key].shape == (2, *array.shape)
        assert found.of("drained")[key] is not None
        assert found.of("drained")[key].shape == array.shape
    for key in ("k", "k22", "k33", "specific_storage", "specific_yield", "initial_head"):
        assert not found.derivative[key][:, ~PROBLEM.grid.active].any()
    assert not found.derivative["leakance"].any()


def test_units(found: Sensitivities) -> None:
    assert found.unit("near the well", "wells.pumping_rate") == "m per m³/d"
    assert found.unit("near the well", "wells.fraction") == "m"
    assert found.unit("drained", "k") == "m³/d per m/d"
    assert found.unit("drained", "specific_yield") == "m³/d"


def changed(share: float) -> Problem:
    """Return the problem with many inputs changed by a share."""
    stresses = [copy.copy(stress) for stress in PROBLEM.stresses]
    for stress in stresses:
        if isinstance(stress, Wells):
            stress.pumping_rate = stress.pumping_rate * (1.0 + share)
        elif isinstance(stress, River):
            stress.stage = stress.stage + share
    fields = {**vars(PROBLEM.properties)}
    fields["k"], fields["k33"] = fields["k"] * (1.0 + share), fields["k33"] * (1.0 - share)
    return replace(PROBLEM, stresses=tuple(stresses), properties=AquiferProperties(PROBLEM.grid, **fields))


def test_first_order_change(found: Sensitivities) -> None:
    family = functionals.heads(["near the well"], 4, CELL)
    errors = []
    for share in (2e-2, 1e-2):
        real = sensitivities(changed(share), [family], wanted=()).value[0] - found.value[0]
        errors.append(abs(found.change(changed(share))[0] - real))
        assert errors[-1] < 0.1 * abs(real)
    assert errors[1] == pytest.approx(0.25 * errors[0], rel=0.2)
    assert (found.change(PROBLEM) == 0.0).all()


def finer(problem: Problem) -> Problem:
    grid = problem.grid
    return replace(problem, grid=Grid(0.5 * grid.dx, grid.dy, grid.top, grid.bottom, grid.active, grid.pass_through))


def longer(problem: Problem) -> Problem:
    return replace(problem, schedule=Schedule([1.0, 30.0, 61.0], [1, 3, 2], 1.2, [True, False, False]))


def elsewhere(problem: Problem) -> Problem:
    wells = copy.copy(problem.wells[0])
    wells.cell = wells.cell + 1
    return replace(problem, stresses=(*problem.stresses[:-1], wells))


def confined(problem: Problem) -> Problem:
    return replace(problem, properties=AquiferProperties(problem.grid, **{**vars(problem.properties), "convertible": False}))


def with_leakance(problem: Problem) -> Problem:
    return replace(problem, properties=AquiferProperties(problem.grid, **{**vars(problem.properties), "leakance": 1e-3}))


def without_wells(problem: Problem) -> Problem:
    return replace(problem, stresses=problem.stresses[:-1])


def more_periods(problem: Problem) -> Problem:
    river = copy.copy(problem.stresses[1])
    assert isinstance(river, River)
    river.stage = np.tile(river.stage, (3, 1))
    return replace(problem, stresses=(problem.stresses[0], river, *problem.stresses[2:]))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (finer, "grid.dx differs: it must be that of the problem"),
        (longer, "schedule.period_length differs"),
        (elsewhere, "wells.cell differs"),
        (confined, "convertible differs"),
        (with_leakance, "leakance differs, and its derivatives are not known"),
        (without_wells, "stresses, fixed heads and barriers differs"),
        (more_periods, "river.stage has shape (3, "),
    ],
)
def test_other_models_are_refused(found: Sensitivities, other: Callable[[Problem], Problem], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        found.change(other(PROBLEM))


def test_what_was_not_wanted_is_not_known() -> None:
    family = functionals.heads(["near the well"], 4, CELL)
    few = sensitivities(PROBLEM, [family], wanted=["wells"])
    with pytest.raises(ValueError, match="k differs, and its derivatives are not known"):
        few.change(changed(0.01))


def test_the_simulation_is_the_one_without_a_sweep(found: Sensitivities) -> None:
    assert np.array_equal(found.result.head, simulate(PROBLEM).head, equal_nan=True)
