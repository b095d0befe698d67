"""The pass over all cells against plain sums, on grids of one block and of several."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow import balance as passes
from aquirecover.flow.assembly import Balance, FlowSystem, Interval
from aquirecover.flow.balance import BLOCK
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties, Averaging
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import FixedHead, FlowBarrier, GeneralHead, Recharge, River, Stress, Wells
from small_problems import plain_grid, plain_problem

SHAPES = [(1, 1, 1), (1, 1, 7), (1, 7, 1), (4, 1, 1), (2, 3, 1), (3, 4, 5), (3, 53, 81), (1, 2, 4500)]


def _problem(shape: tuple[int, int, int], convertible: bool, averaging: Averaging = "upstream") -> Problem:
    n_layer, n_y, n_x = shape
    random = np.random.default_rng(sum(shape))
    grid = plain_grid(n_y, n_x, bottom=10.0 - 8.0 * np.arange(1, n_layer + 1))
    k, storage = random.uniform(1.0, 9.0, shape), random.uniform(1e-5, 1e-4, shape)
    properties = AquiferProperties(
        grid,
        k,
        0.1 * k,
        specific_storage=storage,
        specific_yield=0.1,
        convertible=convertible & (np.arange(n_layer) % 2 == 0),
        averaging=averaging,
    )
    cell = random.integers(0, grid.n_cell, 3 + grid.n_cell // 4)
    stresses: tuple[Stress, ...] = (
        Wells(cell[:3], [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]),
        Recharge(cell, 1e-3),
        GeneralHead(cell[::2], 3.0, 2.0),
        River(cell[::3], 4.0, [[1.0], [2.0]], 1.0),
    )
    free = np.setdiff1d(np.arange(grid.n_cell), cell[:3])
    fixed = [FixedHead(free[: free.size // 5], 2.0)]
    numbers = np.arange(grid.n_cell).reshape(shape)
    barriers = [FlowBarrier(numbers[..., :-1:3].ravel(), numbers[..., 1::3].ravel(), 1e-2)] if n_x > 1 else []
    if n_y > 1:
        barriers.append(FlowBarrier(numbers[:, :-1:2].ravel(), numbers[:, 1::2].ravel(), 1e-3, "north"))
    more = {"properties": properties, "schedule": Schedule([1.0, 2.0]), "barriers": tuple(barriers)}
    return plain_problem(grid, stresses, fixed, **more)


def _heads(system: FlowSystem, seed: int) -> np.ndarray:
    return system.with_fixed_heads(np.random.default_rng(seed).uniform(-5.0, 5.0, system.shape), 0)


def _inflow(system: FlowSystem, head: np.ndarray) -> np.ndarray:
    """Return the flow from all neighbours into each cell."""
    faces, sat, net = system.faces, system.state(head).saturation, np.zeros(head.shape)
    for axis, (c, part) in enumerate(((faces.cz, None), (faces.cy, faces.y), (faces.cx, faces.x))):
        near, far = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
        d = head[far] - head[near]
        share = np.where(d > 0.0, sat[far], sat[near]) if axis > 0 else np.ones(d.shape)
        if axis > 0 and faces.harmonic:
            wet = (sat[near] > 0.0) & (sat[far] > 0.0)
            s1, s2 = np.where(wet, sat[near], 1.0), np.where(wet, sat[far], 1.0)
            split, wall, lean = (shares[near] for shares in part)
            cells = split / s1 + (1.0 - split) / s2
            share = np.where(wet, 1.0 / ((1.0 - wall) * cells + wall / (lean * s1 + (1.0 - lean) * s2)), 0.0)
        q = c[near] * share * d
        net[near] += q
        net[far] -= q
    return net


def _stored(system: FlowSystem, head: np.ndarray) -> np.ndarray:
    """Return the water stored in each cell."""
    grid, sat = system.problem.grid, system.state(head).saturation
    if not system.has_convertible:
        return system.elastic * head
    middle = np.where(system.cells.convertible.reshape(head.shape), grid.bottom + 0.5 * grid.thickness * sat, 0.0)
    return system.elastic * sat * (head - middle) + system.drainable * sat


def _expected(system: FlowSystem, head: np.ndarray, old: np.ndarray, interval: Interval) -> tuple[np.ndarray, ...]:
    """Return the residual, the release of each cell and the flows of the connections by plain sums."""
    residual = _inflow(system, head)
    release = np.zeros(system.shape)
    if not interval.steady:
        release = (_stored(system, old) - _stored(system, head)) / interval.dt
    if interval.carry is not None:
        release = release + interval.carry
    flows = []
    for stress in system.problem.stresses:
        flow, _ = stress.flow(head.ravel()[stress.cell], interval.period, system.cells)
        flow[system.fixed.ravel()[stress.cell]] = 0.0
        np.add.at(residual.reshape(-1), stress.cell, flow)
        flows.append(flow)
    return residual + release, release, np.concatenate(flows)


def _check(system: FlowSystem, balance: Balance, old: np.ndarray) -> None:
    head, interval = balance.state.head, balance.interval
    residual, release, flow = _expected(system, head, old, interval)
    fixed = residual[system.fixed]
    scale = np.abs(residual).sum()
    np.testing.assert_allclose(balance.residual, np.where(system.fixed, 0.0, residual), atol=1e-12 * scale)
    np.testing.assert_allclose(balance.flow, flow, rtol=1e-13)
    assert balance.norm == pytest.approx(np.abs(residual[~system.fixed]).sum(), rel=1e-11)
    assert balance.through == pytest.approx(0.5 * (np.abs(fixed).sum() + np.abs(release).sum() + np.abs(flow).sum()), rel=1e-12)
    np.testing.assert_allclose(balance.released, np.maximum(release, 0.0).sum(axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(balance.taken, np.maximum(-release, 0.0).sum(axis=(1, 2)), rtol=1e-12)
    up = system.faces.cz[:-1] * (head[1:] - head[:-1])
    np.testing.assert_allclose(balance.rising[:-1], np.maximum(up, 0.0).sum(axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(balance.falling[:-1], np.maximum(-up, 0.0).sum(axis=(1, 2)), rtol=1e-12)
    weight = np.maximum(np.abs(head), 1e-3)
    diagonal = system.full_diagonal + (0.0 if interval.steady else system.full_storage / interval.dt)
    stress = (np.abs(balance.slope) * weight.ravel()[system.connections.cell]).sum()
    assert balance.rounding == pytest.approx(8.0 * 2.0**-52 * ((diagonal * weight).sum() + stress), rel=1e-12)


@pytest.mark.parametrize(("convertible", "averaging"), [(False, "upstream"), (True, "upstream"), (True, "harmonic")])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_plain_sums(shape: tuple[int, int, int], convertible: bool, averaging: Averaging) -> None:
    system = FlowSystem(_problem(shape, convertible, averaging))
    head, before = _heads(system, 1), _heads(system, 2)
    old = system.state(before)
    carry = np.where(system.fixed, 0.0, np.random.default_rng(3).normal(size=shape))
    for interval in (Interval(0, 7.0, old), Interval(1, np.inf, old), Interval(0, 7.0, old, carry)):
        _check(system, system.balance(system.state(head), interval), before)


@pytest.mark.parametrize("convertible", [False, True])
def test_what_is_known_of_heads_serves_the_next_interval(convertible: bool) -> None:
    system = FlowSystem(_problem((3, 53, 81), convertible))
    old, state = system.state(_heads(system, 2)), system.state(_heads(system, 1))
    first = system.balance(state, Interval(0, 7.0, old))
    inflow = state.inflow
    again = system.balance(state, Interval(1, 3.0, state))
    assert state.inflow is inflow
    assert first.residual is not again.residual
    _check(system, again, state.head)
    assert not again.released.any()


def test_a_grid_of_several_blocks_is_among_them() -> None:
    assert max(n_y * n_x for _, n_y, n_x in SHAPES) > 2 * BLOCK
    assert passes.n_blocks((3, 53, 81)) == 3
    assert passes.n_blocks((1, 1, BLOCK)) == 1


def test_threads_do_not_change_the_bits() -> None:
    problem = _problem((2, 151, 149), False)
    found = []
    for threads in (1, 2):
        system = FlowSystem(problem, threads)
        old = system.state(_heads(system, 2))
        balance = system.balance(system.state(_heads(system, 1)), Interval(0, 7.0, old))
        sums = (balance.norm, balance.through, balance.rounding, *balance.released, *balance.rising)
        found.append((balance.residual.tobytes(), balance.flow.tobytes(), sums))
    assert found[0] == found[1]
