"""Transposed systems, tightly solved."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.errors import ConvergenceError
from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.matrix import Matrix
from aquirecover.flow.transposed import DIRECT_CELLS, TransposedSolver
from small_problems import random_problem


def matrix_of(convertible: bool, dt: float = 10.0, n_y: int = 20, n_x: int = 21) -> Matrix:
    system = FlowSystem(random_problem(2, convertible, n_y, n_x))
    rough = system.with_fixed_heads(np.where(system.unknown, np.random.default_rng(0).uniform(2.0, 14.0, system.shape), 0.0), 1)
    state = system.state(rough)
    return system.matrix(system.balance(state, Interval(1, dt, state)))


def test_the_transpose() -> None:
    matrix = matrix_of(True)
    dense = matrix.to_sparse().toarray()
    assert np.array_equal(matrix.transposed().to_sparse().toarray(), dense.T)
    assert not np.array_equal(dense, dense.T)
    symmetric = matrix_of(False)
    assert symmetric.transposed() is symmetric


@pytest.mark.parametrize("convertible", [True, False])
@pytest.mark.parametrize("method", ["multigrid", "direct"])
def test_solutions_of_one_matrix_after_another(method: str, convertible: bool) -> None:
    solver = TransposedSolver(LinearSettings(method), 1e-12)
    random = np.random.default_rng(1)
    x = None
    for dt in (10.0, 12.0, 1e3, np.inf):
        matrix = matrix_of(convertible, dt)
        assert matrix.diagonal.size > DIRECT_CELLS
        solver.use(matrix)
        dense = matrix.to_sparse().toarray()
        for functional in range(2):
            b = np.where(matrix.unknown, random.normal(size=matrix.diagonal.shape), 0.0)
            x = np.zeros_like(b) if x is None else x
            solver.solve(functional, b, x, 0.0)
            assert np.abs(dense.T @ x.ravel() - b.ravel()).sum() <= 2e-12 * np.abs(b).sum()
            np.testing.assert_allclose(x.ravel(), np.linalg.solve(dense.T, b.ravel()), rtol=1e-6, atol=1e-10)


def test_small_systems_are_factorised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from aquirecover.flow import transposed

    made = []
    plain = transposed.factorize
    monkeypatch.setattr(transposed, "factorize", lambda matrix: made.append(matrix) or plain(matrix))
    matrix = matrix_of(True, n_y=6, n_x=7)
    solver = TransposedSolver(LinearSettings(), 1e-12)
    for functional in range(3):
        solver.use(matrix)
        x = np.zeros(matrix.diagonal.shape)
        solver.solve(functional, matrix.unknown.astype(float), x, 0.0)
    assert len(made) == 1


def test_a_singular_matrix_is_refused() -> None:
    zero = np.zeros((1, 1, 2))
    matrix = Matrix.with_diagonal(
        np.array([[[1.0, 1.0]]]), *[np.array([[[1.0, 0.0]]])] * 2, zero, zero, zero, np.ones((1, 1, 2), dtype=bool)
    )
    with pytest.raises(ConvergenceError, match="the matrix is singular; a part of the model has no fixed head"):
        TransposedSolver(LinearSettings(), 1e-12).use(matrix)
