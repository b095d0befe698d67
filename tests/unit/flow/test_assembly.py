"""The Newton matrix is minus the derivative of the residual; signs and symmetry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.assembly import Balance, FlowSystem, Interval, State
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.stresses import FixedHead, Recharge, Wells
from random_problems import random_barriers
from small_problems import plain_grid, plain_problem, random_problem


def _random_state(problem: Problem, seed: int) -> tuple[FlowSystem, State, Interval]:
    """Return heads that leave cells of the top layer dry, partly full and full, and an interval of 7 d from other heads."""
    system = FlowSystem(problem)
    random = np.random.default_rng(seed)
    low, high = problem.grid.bottom[0].min() - 1.0, problem.grid.top.max() + 1.0
    old, new = (np.where(system.flowing, random.uniform(low, high, system.shape), 0.0) for _ in range(2))
    return system, system.state(system.with_fixed_heads(new, 1)), Interval(1, 7.0, system.state(old))


def _at_start(system: FlowSystem) -> Balance:
    """Return the balance at time zero of a first day."""
    state = system.initial_state()
    return system.balance(state, Interval(0, 1.0, state))


def _nearly_dry_well(problem: Problem) -> Problem:
    """Put a well of each cell of the top layer that pumps where it can."""
    fixed = problem.fixed_heads[0].cell
    cell = np.setdiff1d(np.flatnonzero(problem.grid.active[0]), fixed)
    return replace(problem, stresses=(*problem.stresses, Wells(cell, 20.0, flow_reduction=0.9, name="shallow")))


def _with_harmonic_means(problem: Problem) -> Problem:
    old = problem.properties
    properties = AquiferProperties(
        problem.grid,
        old.k,
        old.k33,
        old.k22,
        old.specific_storage,
        old.specific_yield,
        old.convertible,
        old.leakance,
        averaging="harmonic",
    )
    barriers = random_barriers(np.random.default_rng(problem.grid.n_cell), problem.grid)
    return replace(problem, properties=properties, barriers=barriers)


@pytest.mark.parametrize(("convertible", "harmonic"), [(True, False), (False, False), (True, True)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_matrix_against_central_differences(seed: int, convertible: bool, harmonic: bool) -> None:
    problem = _nearly_dry_well(random_problem(seed, convertible, 4, 5))
    system, state, interval = _random_state(_with_harmonic_means(problem) if harmonic else problem, seed)
    matrix = system.matrix(system.balance(state, interval)).to_sparse().toarray()
    unknown = np.flatnonzero(system.unknown)
    step = 1e-6
    difference = np.zeros_like(matrix)
    for cell in unknown:
        sides = []
        for shift in (step, -step):
            head = state.head.copy()
            head.flat[cell] += shift
            sides.append(system.balance(system.state(head), interval).residual.ravel())
        difference[:, cell] = -(sides[0] - sides[1]) / (2 * step)
    block = np.ix_(unknown, unknown)
    # a dry cell with nothing to hold on to is lifted on purpose; its row of the derivative is empty. So is a row whose diagonal
    # is not positive, which harmonic means may give far from the solution
    lifted = (np.abs(difference[block]).sum(axis=1) < 1e-12) | (np.diag(difference[block]) <= 0.0)
    assert harmonic or (np.diag(difference[block])[lifted] > -1e-6).all()
    found, expected = matrix[block][~lifted], difference[block][~lifted]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-7 * np.abs(expected).max())
    assert lifted.sum() < 0.2 * unknown.size


@pytest.mark.parametrize("convertible", [True, False])
def test_matrix_leaves_cells_that_are_no_unknowns_alone(convertible: bool) -> None:
    system, state, interval = _random_state(random_problem(4, convertible), 4)
    matrix = system.matrix(system.balance(state, interval)).to_sparse().toarray()
    known = np.flatnonzero(~system.unknown)
    assert known.size > 5
    np.testing.assert_array_equal(matrix[np.ix_(known, known)], np.eye(known.size))
    assert not matrix[known][:, system.unknown.ravel()].any()
    assert not matrix[system.unknown.ravel()][:, known].any()


@pytest.mark.parametrize("seed", range(5))
def test_confined_matrix_is_symmetric_and_positive_definite(seed: int) -> None:
    system, state, interval = _random_state(random_problem(seed, False), seed)
    matrix = system.matrix(system.balance(state, interval))
    dense = matrix.to_sparse().toarray()
    assert matrix.symmetric
    np.testing.assert_array_equal(dense, dense.T)
    assert np.linalg.eigvalsh(dense).min() > 0.0


@pytest.mark.parametrize("seed", range(5))
def test_newton_matrix_has_the_signs_of_an_m_matrix(seed: int) -> None:
    system, state, interval = _random_state(random_problem(seed, True), seed)
    matrix = system.matrix(system.balance(state, interval))
    dense = matrix.to_sparse().toarray()
    off = dense - np.diag(np.diag(dense))
    assert not matrix.symmetric
    assert (np.diag(dense) > 0.0).all()
    assert (off <= 0.0).all()
    # what leaves a cell enters its neighbours, so that no column sum is negative
    assert (dense.sum(axis=0) >= -1e-9 * np.diag(dense)).all()


@pytest.mark.parametrize("convertible", [True, False])
def test_multiply_is_the_sparse_matrix(convertible: bool) -> None:
    system, state, interval = _random_state(random_problem(7, convertible), 7)
    matrix = system.matrix(system.balance(state, interval))
    x = np.where(matrix.unknown, np.random.default_rng(0).normal(size=system.shape), 0.0)
    np.testing.assert_allclose(matrix.multiply(x).ravel(), matrix.to_sparse() @ x.ravel(), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 4), (1, 4, 1), (3, 1, 1), (2, 3, 1)])
def test_sparse_matrix_of_thin_grids(shape: tuple[int, int, int]) -> None:
    n_layer, n_y, n_x = shape
    grid = plain_grid(n_y, n_x, bottom=-10.0 * np.arange(n_layer))
    system = FlowSystem(plain_problem(grid))
    matrix = system.matrix(_at_start(system))
    x = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose((matrix.to_sparse() @ x.ravel()).reshape(shape), matrix.multiply(x), rtol=1e-12)


def test_residual_by_hand() -> None:
    # two cells of 100 m, T = 60 m²/d, heads 5 and 6 m: 60 m³/d flow west; 1e-5 · 20 · 1e4 m² of storage lose 1 m in 2 d
    grid = plain_grid(1, 2, bottom=(0.0,))
    system = FlowSystem(plain_problem(grid, [Recharge([0], 1e-3), Wells([1], 3.0)]))
    old, new = (system.state(np.array([[heads]])) for heads in ([6.0, 7.0], [5.0, 6.0]))
    balance = system.balance(new, Interval(0, 2.0, old))
    np.testing.assert_allclose(balance.residual.ravel(), [60.0 + 1.0 + 10.0, -60.0 + 1.0 - 3.0])
    assert balance.norm == pytest.approx(71.0 + 62.0)
    assert balance.through == pytest.approx(0.5 * (1.0 + 1.0 + 10.0 + 3.0))
    assert (balance.released.tolist(), balance.taken.tolist()) == ([pytest.approx(2.0)], [0.0])


def test_steady_leaves_storage_out() -> None:
    system = FlowSystem(plain_problem(plain_grid()))
    old = system.initial_state()
    release, derivative = system.storage_flow(system.state(old.head + 1.0), Interval(0, np.inf, old))
    assert not release.any()
    assert not derivative.any()


def test_fixed_cells_do_not_store_and_do_not_feel_stresses() -> None:
    grid = plain_grid(1, 3, bottom=(0.0,))
    system = FlowSystem(plain_problem(grid, [Recharge([0, 1, 2], 1e-3)], [FixedHead([0], [[5.0], [9.0]])]))
    balance = _at_start(system)
    np.testing.assert_allclose(balance.flow, [0.0, 10.0, 10.0])
    assert system.elastic.ravel().tolist() == pytest.approx([0.0, 2.0, 2.0])
    assert system.with_fixed_heads(np.zeros(grid.shape), 1).ravel().tolist() == [9.0, 0.0, 0.0]


def test_no_flow_between_fixed_heads() -> None:
    grid = plain_grid(2, 2)
    system = FlowSystem(plain_problem(grid, [], [FixedHead(np.arange(8), np.arange(8.0))]))
    for faces in (system.faces.cx, system.faces.cy, system.faces.cz):
        assert not faces.any()


def test_missing_values_outside_active_cells_do_not_matter() -> None:
    active = np.ones((2, 3, 3), dtype=bool)
    active[:, 0, 0] = False
    bottom = np.where(active, np.array([0.0, -10.0])[:, None, None], np.nan)
    for convertible in (True, False):
        grid = plain_grid(3, 3, bottom=bottom, active=active)
        fields = (np.where(active, value, np.nan) for value in (3.0, 1e-5, 0.1))
        k, storage, drainable = fields
        properties = AquiferProperties(grid, k, specific_storage=storage, specific_yield=drainable, convertible=convertible)
        head = np.where(active, 5.0, np.nan)
        system = FlowSystem(plain_problem(grid, [Recharge([4], 1e-3)], properties=properties, head=head))
        old = system.initial_state()
        balance = system.balance(old, Interval(0, 1.0, old))
        assert balance.residual[0, 1, 1] == pytest.approx(10.0)
        assert balance.through == pytest.approx(5.0)
        assert np.isfinite(system.matrix(balance).diagonal).all()
