"""Ramps of all stresses in one table, period by period."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.stresses import Cells, Drain, FixedHead, Recharge, Stress, Wells
from small_problems import plain_grid, plain_problem


class Spring(Stress):
    """A stress with a formula of its own: the square of the height above an elevation leaves."""

    kind = "spring"

    def flow(self, head: np.ndarray, period: int, cells: Cells) -> tuple[np.ndarray, np.ndarray]:
        """Return the outflow, twice as much in the second period."""
        height = np.maximum(head - 2.0, 0.0)
        return -(period + 1.0) * height**2, -2.0 * (period + 1.0) * height

    def values(self) -> Mapping[str, np.ndarray]:
        """Return nothing that is checked."""
        return {}


@pytest.mark.parametrize("order", [1, -1])
def test_ramps_follow_the_period_and_formulas_the_heads(order: int) -> None:
    stresses: list[Stress] = [
        Spring("spring", [0, 1]),
        Wells([2], [[5.0], [6.0]]),
        Recharge([1], 1e-3),
        Drain([2, 2], [[1.0, 2.0], [3.0, 4.0]], 7.0),
    ]
    system = FlowSystem(plain_problem(plain_grid(1, 3, bottom=(0.0,)), stresses[::order]))
    flows = {}
    for period, level in ((0, 4.0), (0, 5.0), (1, 5.0), (0, 5.0)):
        state = system.state(np.full(system.shape, level))
        balance = system.balance(state, Interval(period, np.inf, state))
        found = [balance.flow[part].tolist() for part in system.connections.slices][::order]
        slopes = [balance.slope[part].tolist() for part in system.connections.slices][::order]
        flows[period, level] = found
        assert slopes[0] == [-2.0 * (period + 1.0) * (level - 2.0)] * 2
        assert slopes[3] == [-7.0, -7.0]
    assert flows[0, 4.0] == [[-4.0, -4.0], [-5.0], [10.0], [-21.0, -14.0]]
    assert flows[0, 5.0] == [[-9.0, -9.0], [-5.0], [10.0], [-28.0, -21.0]]
    assert flows[1, 5.0] == [[-18.0, -18.0], [-6.0], [10.0], [-14.0, -7.0]]


def test_stresses_do_nothing_on_fixed_heads() -> None:
    stresses = [Spring("spring", [0, 1]), Recharge([0, 1], 1e-3)]
    system = FlowSystem(plain_problem(plain_grid(1, 2, bottom=(0.0,)), stresses, [FixedHead([1], 4.0)]))
    state = system.state(np.full(system.shape, 4.0))
    balance = system.balance(state, Interval(0, np.inf, state))
    assert balance.flow.tolist() == [-4.0, 0.0, 10.0, 0.0]
    assert balance.slope.tolist() == [-4.0, 0.0, 0.0, 0.0]
    assert balance.residual.ravel().tolist() == [6.0, 0.0]


def test_no_stress_at_all() -> None:
    system = FlowSystem(plain_problem(plain_grid(1, 2, bottom=(0.0,))))
    state = system.initial_state()
    balance = system.balance(state, Interval(0, 1.0, state))
    assert (balance.flow.size, balance.norm, balance.through) == (0, 0.0, 0.0)
