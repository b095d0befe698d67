"""Sparse LU factorisation: the choice for systems that are small or badly scaled, and the oracle of tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.linear_result import LinearResult, LinearStatus
from aquirecover.flow.matrix import Matrix


def solve_direct(matrix: Matrix, rhs: FloatArray, target: float) -> LinearResult:
    """Solve by sparse LU with one step of iterative refinement."""
    factor = factorize(matrix)
    if factor is None:
        return LinearResult(LinearStatus.SINGULAR, 0, (), rhs)
    x = factor.solve(rhs.ravel()).reshape(rhs.shape)
    r = rhs - matrix.multiply(x)
    x += factor.solve(r.ravel()).reshape(rhs.shape)
    norm = float(np.abs(rhs - matrix.multiply(x)).sum())
    # an LU solve cannot do better than rounding, whatever the target; of a singular matrix even that exceeds the right-hand side
    floor = min(1e-12 * float((matrix.diagonal * np.abs(x)).sum()), 1e-6 * float(np.abs(rhs).sum()))
    status = LinearStatus.CONVERGED if norm <= max(target, floor) else LinearStatus.SINGULAR
    return LinearResult(status, 0, (norm,), x)


def factorize(matrix: Matrix) -> Any:
    """Return the sparse LU factors, with a method `solve` for flat arrays, or None when the matrix is singular.

    SuperLU, minimum degree on A + Aᵀ, symmetric mode.
    """
    from scipy.sparse import linalg

    try:
        return linalg.splu(matrix.to_sparse(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError as error:
        if "singular" not in str(error):
            raise
        return None
