"""TWRI: MODFLOW's own test problem (McDonald and Harbaugh 1988, appendix D), steady, in feet and seconds.

15 × 15 cells of 5,000 ft in three layers: a water-table layer (K 1e-3 ft/s, bottom -150 ft) and two confined ones (T 0.01 and
0.02 ft²/s), with confining units between them (2e-8 and 1e-8 1/s). Head 0 in column 1 of the upper two layers, recharge 3e-8 ft/s
elsewhere, 15 wells of 5 ft³/s, nine drains of 1 ft²/s in row 8.

The published budget (constant head out 50.0755, drains out 32.4199, recharge 157.5, wells 75 ft³/s) belongs to harmonic means of
transmissivity in the water-table layer; solved tightly it is 50.0774 and 32.4226 (MODFLOW 6's own tests). With the saturated
thickness of the upstream cell, as MODFLOW 6 has it with NEWTON, a little water moves from drains to constant heads. Both are
also solved here by an oracle with dense loops and scipy's sparse LU, which the simulator must meet but for its smooth saturation
near empty and full (a millionth of the thickness of 350 ft).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import linalg

from aquirecover.flow.properties import Averaging
from aquirecover.verification.twri import BOTTOM, DRAIN_ELEVATION, LEAKANCE, SIZE, TRANSMISSIVITY, WELLS, K, N, twri


def oracle(upstream: bool) -> tuple[np.ndarray, float, float]:
    """Return heads, flow to the constant heads and flow to the drains, by Picard iteration on one water-table formula."""
    index = np.arange(3 * N * N).reshape(3, N, N)
    fixed = np.zeros(3 * N * N, dtype=bool)
    fixed[index[:2, :, 0].ravel()] = True
    source = np.zeros(3 * N * N)
    source[index[0].ravel()] += 3e-8 * SIZE**2
    for layer, row, column in WELLS:
        source[index[layer - 1, row - 1, column - 1]] -= 5.0
    head = np.where(fixed, 0.0, 50.0)
    for _ in range(200):
        pairs = []
        for k in range(3):
            for j in range(N):
                for i in range(N):
                    here = index[k, j, i]
                    beside = [index[k, row, column] for row, column in ((j, i + 1), (j + 1, i)) if max(row, column) < N]
                    pairs.extend((here, cell, face(head, here, cell, k, upstream)) for cell in beside)
                    if k < 2:
                        pairs.append((here, index[k + 1, j, i], LEAKANCE[k] * SIZE**2))
        first, second, c = (np.array(v) for v in zip(*pairs, strict=True))
        size = head.size
        matrix = sparse.coo_matrix((c, (first, second)), (size, size))
        matrix = matrix + matrix.T
        matrix = sparse.diags(np.asarray(matrix.sum(axis=1)).ravel()) - matrix
        drain = index[0, 7, 1:10]
        open_drain = np.zeros(size)
        elevation = np.zeros(size)
        elevation[drain] = DRAIN_ELEVATION
        open_drain[drain] = head[drain] > elevation[drain]
        free = ~fixed
        system = (matrix + sparse.diags(open_drain)).tocsc()[free][:, free]
        new = head.copy()
        new[free] = linalg.spsolve(system.tocsc(), (source + open_drain * elevation)[free])
        change = np.abs(new - head).max()
        head = new
        if change < 1e-10:
            break
    else:
        raise AssertionError(f"the oracle did not converge: {change:g}")
    to_drains = float((open_drain * (head - elevation)).sum())
    to_fixed = float(-(matrix @ head)[fixed].sum())
    return head.reshape(3, N, N), to_fixed, to_drains


def face(head: np.ndarray, a: int, b: int, layer: int, upstream: bool) -> float:
    """Return the conductance of the square face between two neighbours of a layer."""
    if layer:
        return TRANSMISSIVITY[layer - 1]
    thick_a, thick_b = (min(head[c], 200.0) - BOTTOM for c in (a, b))
    if upstream:
        return K * (thick_a if head[a] > head[b] else thick_b)
    return 2.0 * K * thick_a * thick_b / (thick_a + thick_b)


def test_harmonic_means_give_the_published_budget() -> None:
    result = twri("harmonic")
    out = dict(zip(result.problem.terms, result.budget.outflow[0], strict=True))
    into = dict(zip(result.problem.terms, result.budget.inflow[0], strict=True))
    assert into["recharge"] == pytest.approx(157.5)
    assert into["constant_head"] == 0.0
    assert out["wells"] == pytest.approx(75.0)
    assert out["constant_head"] == pytest.approx(50.0774, abs=6e-5)
    assert out["drains"] == pytest.approx(32.4226, abs=6e-5)


@pytest.mark.parametrize("averaging", ["harmonic", "upstream"])
def test_simulator_meets_the_oracle(averaging: Averaging) -> None:
    head, to_fixed, to_drains = oracle(upstream=averaging == "upstream")
    result = twri(averaging)
    assert result.head[0] == pytest.approx(head, abs=1e-4)
    out = dict(zip(result.problem.terms, result.budget.outflow[0], strict=True))
    into = dict(zip(result.problem.terms, result.budget.inflow[0], strict=True))
    assert out["drains"] == pytest.approx(to_drains, rel=1e-6)
    assert out["constant_head"] - into["constant_head"] == pytest.approx(to_fixed, rel=1e-6)
