"""First guesses of nonlinear steps from those before."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.assembly import Balance, FlowSystem, Interval
from aquirecover.flow.prediction import Prediction
from small_problems import random_problem


def _step(system: FlowSystem, old: Balance, dt: float, change: float) -> Balance:
    """Return the balance after all unknown heads have risen."""
    head = old.state.head + change * system.unknown
    return system.balance(system.state(head), Interval(1, dt, old.state))


def test_the_parabola_runs_through_steps_that_follow_one_another() -> None:
    system = FlowSystem(random_problem(1))
    begin = system.initial_state()
    prediction, start = Prediction(system), system.balance(begin, Interval(1, 1.0, begin))
    first = _step(system, start, 1.0, 1e-3)
    assert prediction.extrapolated(first.interval) is None
    prediction.remember(start, first)
    second = _step(system, first, 1.0, 3e-3)
    prediction.remember(first, second)
    # heads rose by 1, 3 and, on a parabola, 5 mm
    guess = prediction.extrapolated(Interval(1, 1.0, second.state))
    assert guess is not None
    bends = system.cells.convertible.reshape(system.shape)
    straight = system.unknown & ~bends
    assert straight.any()
    np.testing.assert_allclose((guess - second.state.head)[straight], 5e-3, rtol=1e-9)
    # a step that began elsewhere starts anew
    lonely = _step(system, start, 1.0, 2e-3)
    prediction.remember(start, lonely)
    line = prediction.extrapolated(Interval(1, 1.0, lonely.state))
    assert line is not None
    np.testing.assert_allclose((line - lonely.state.head)[straight], 2e-3, rtol=1e-9)
    assert prediction.extrapolated(Interval(1, 1.0, second.state)) is None


def test_a_step_that_was_in_balance_is_no_reason_to_forget_others() -> None:
    system = FlowSystem(random_problem(1))
    begin = system.initial_state()
    prediction, start = Prediction(system), system.balance(begin, Interval(1, 1.0, begin))
    first = _step(system, start, 1.0, 1e-3)
    prediction.remember(start, first)
    assert prediction.recalled(start) is not None
    still = system.balance(first.state, Interval(1, 1.0, first.state))
    prediction.remember(still, still)
    assert prediction.recalled(start) is not None
