"""SEAWATER solved by another program: Newton's method on the heads, with arithmetic means of transmissivity between cells.

GWM ran MODFLOW's BCF package with LAYCON 11: between cells of the water table K times the arithmetic mean of their saturated
thicknesses. The simulator has harmonic and upstream means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.problem import FlowResult, Observations, Problem
from aquirecover.study.decisions import given_rates
from aquirecover.verification.managed import seawater, simulate_all

ROWS, COLUMNS, SIZE = 20, 30, 200.0
# conductivity and bottom of the water table, transmissivity below it, leakance between them, recharge; feet and days
K, BOTTOM, TRANSMISSIVITY, LEAKANCE, RECHARGE = 5.0, -10.0, 800.0, 0.05, 0.002


def _faces() -> tuple[IntArray, IntArray]:
    """Return the cells on both sides of all faces in plan of a layer."""
    number = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    one = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    return one, np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])


@cache
def _sea() -> IntArray:
    number = np.arange(2 * ROWS * COLUMNS).reshape(2, ROWS, COLUMNS)
    return np.concatenate([number[0, :, 29], number[1, :, 28], number[1, :, 29]])


def heads(pumped: FloatArray) -> FloatArray:
    """Return the steady heads for what is taken from each cell, both of shape ``(1200,)``; ft and ft³/d."""
    n = ROWS * COLUMNS
    one, other = _faces()
    head = np.full(2 * n, 10.0)
    head[_sea()] = 0.0
    free = np.setdiff1d(np.arange(2 * n), _sea())
    source = -pumped
    source[:n] += RECHARGE * SIZE**2
    for _ in range(50):
        thickness = head[:n] - BOTTOM
        # the flow from one cell into the other is K (t² − t'²) / 2: what the arithmetic mean times the difference makes
        between = 0.5 * K * (thickness[one] + thickness[other]) * (head[one] - head[other])
        below = TRANSMISSIVITY * (head[n + one] - head[n + other])
        down = LEAKANCE * SIZE**2 * (head[:n] - head[n:])
        residual = source.copy()
        for start, end, flow in ((one, other, between), (n + one, n + other, below), (np.arange(n), n + np.arange(n), down)):
            np.add.at(residual, start, -flow)
            np.add.at(residual, end, flow)
        if np.abs(residual[free]).max() < 1e-8:
            return head
        by_first = np.concatenate([K * thickness[one], np.full(one.size, TRANSMISSIVITY), np.full(n, LEAKANCE * SIZE**2)])
        by_second = np.concatenate([K * thickness[other], np.full(one.size, TRANSMISSIVITY), np.full(n, LEAKANCE * SIZE**2)])
        first = np.concatenate([one, n + one, np.arange(n)])
        second = np.concatenate([other, n + other, n + np.arange(n)])
        rows = np.concatenate([first, second, first, second])
        columns = np.concatenate([first, first, second, second])
        values = np.concatenate([by_first, -by_first, -by_second, by_second])
        jacobian = sparse.csr_array((values, (rows, columns)), shape=(2 * n, 2 * n))
        head[free] += spsolve(jacobian[free][:, free].tocsc(), residual[free])
    raise AssertionError("SEAWATER did not converge.")


@cache
def _template() -> FlowResult:
    problem, *_ = seawater()
    (result,) = simulate_all([problem])
    return result


def with_arithmetic_means(problems: Sequence[Problem]) -> list[FlowResult]:
    """Return results of problems that differ from `seawater` in their rates, with heads at all observation points."""
    results = []
    for problem in problems:
        pumped = np.zeros(2 * ROWS * COLUMNS)
        cell = np.concatenate([wells.cell for wells in problem.wells])
        np.add.at(pumped, cell, given_rates(problem)[0])
        seen: Observations = problem.observations
        rates = np.maximum(given_rates(problem), 0.0)
        found = heads(pumped)[None, seen.cell]
        results.append(
            replace(_template(), problem=problem, observation_head=found, pumping_rate=rates, pumping_rate_actual=rates)
        )
    return results
