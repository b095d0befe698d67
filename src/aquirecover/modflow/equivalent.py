"""Properties that MODFLOW 6 has in another form, and those it has not, which are refused rather than left to differ."""

from __future__ import annotations

import numpy as np

from aquirecover.errors import Collector, ConfigError, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import (
    Drain,
    Evapotranspiration,
    GeneralHead,
    Recharge,
    River,
    Stress,
    Wells,
    in_period,
)

KINDS: tuple[type[Stress], ...] = (Wells, Recharge, River, Drain, GeneralHead, Evapotranspiration)


def check_equivalence(problem: Problem) -> list[Finding]:
    """Return everything in a problem that MODFLOW 6 cannot have in the same way."""
    found = Collector()
    for stress in problem.stresses:
        if type(stress) not in KINDS:
            found.add(stress.name, f"{type(stress).__name__}: MODFLOW 6 has no such stress. Use --engine native.")
        if isinstance(stress, River):
            _check_bed(problem, stress, found)
    bad = _equivalent_k33(problem)[1]
    if bad.any():
        found.findings.append(_no_equivalent(problem, bad))
    return found.findings


def _check_bed(problem: Problem, river: River, found: Collector) -> None:
    """MODFLOW 6 stops at a bed below the bottom of its convertible cell."""
    convertible = problem.properties.convertible.ravel()[river.cell]
    bottom = np.where(convertible, problem.grid.bottom.ravel()[river.cell], -np.inf)
    for period in range(problem.schedule.n_period if river.bottom_elevation.ndim == 2 else 1):
        bed = in_period(river.bottom_elevation, period)
        low = np.flatnonzero(bed < bottom)
        if low.size:
            n = int(low[0])
            found.add(
                f"{river.name}.cell[{n + 1}].bottom_elevation",
                f"{bed[n]:g} m: MODFLOW 6 wants the bed not below the bottom of its convertible cell, {bottom[n]:g} m "
                f"({problem.grid.describe(int(river.cell[n]))}; {low.size - 1} more like it). "
                "Raise the bed, or use --engine native.",
            )
            return


def vertical_conductivity(problem: Problem) -> FloatArray:
    """Return the vertical conductivity that gives every vertical face of a problem its conductance, shape of the grid; m/d.

    MODFLOW 6 knows no leakance: the resistance of a face is the sum of those of two half cells, ``R = r_above + r_below`` with
    ``r = b / (2 k33)``. Going down a column ``r_below = R - r_above`` alternates between ``a + t`` and ``a − t`` of the one of
    the uppermost cell, t; any t is right for which all are positive. The one nearest to the conductivity given is taken.

    Raises
    ------
    ConfigError
        When there is none; see `check_equivalence`, which finds it too.
    """
    k33, bad = _equivalent_k33(problem)
    if bad.any():
        raise ConfigError([_no_equivalent(problem, bad)])
    return k33


def _no_equivalent(problem: Problem, bad: BoolArray) -> Finding:
    """Return what to say of columns whose leakances no vertical conductivity can give."""
    _, row, column = np.argwhere(bad)[0]
    place = f"{bad.any(axis=0).sum()} columns of cells, first row {row + 1}, column {column + 1}"
    return Finding(
        "leakance",
        f"{place}: no vertical conductivity of the layers gives MODFLOW 6 these leakances, since one resists more than those "
        "above and below it together, or is 0. Make the confining unit a layer of its own, or use --engine native.",
    )


def _equivalent_k33(problem: Problem) -> tuple[FloatArray, BoolArray]:
    """Return the conductivity of `vertical_conductivity` and the cells for which there is none."""
    grid, properties = problem.grid, problem.properties
    shape, plane = grid.shape, np.indices(grid.shape[1:])
    half = np.divide(0.5 * grid.thickness, properties.k33, out=np.ones(shape), where=grid.active)
    # r = offset + sign t, with t and its bounds those of the uppermost cell of an unbroken column
    offset, sign, top = np.zeros(shape), np.ones(shape), np.zeros(shape, dtype=np.int64)
    low, high, given = np.zeros(shape), np.full(shape, np.inf), np.zeros(shape, dtype=bool)
    resistance = np.zeros(shape)
    last = np.full(shape[1:], -1)
    for k in range(shape[0]):
        above = (np.maximum(last, 0), *plane)
        joined = grid.active[k] & (last >= 0)
        leakance = properties.leakance[above] if k else np.full(shape[1:], np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            resistance[k] = np.where(np.isnan(leakance), half[above] + half[k], 1.0 / leakance)
            offset[k] = np.where(joined, resistance[k] - offset[above], 0.0)
        sign[k] = np.where(joined, -sign[above], 1.0)
        top[k] = np.where(joined, top[above], k)
        first = (top[k], *plane)
        low[first] = np.where(sign[k] > 0.0, np.maximum(low[first], -offset[k]), low[first])
        high[first] = np.where(sign[k] < 0.0, np.minimum(high[first], offset[k]), high[first])
        given[first] |= joined & ~np.isnan(leakance)
        resistance[k][~joined] = np.nan
        last = np.where(grid.active[k], k, np.where(grid.pass_through[k], last, -1))
    return _chosen(problem, half, offset, sign, resistance, (top, *np.indices(shape)[1:]), low, high, given)


def _chosen(
    problem: Problem,
    half: FloatArray,
    offset: FloatArray,
    sign: FloatArray,
    resistance: FloatArray,
    first: tuple[IntArray, ...],
    low: FloatArray,
    high: FloatArray,
    given: BoolArray,
) -> tuple[FloatArray, BoolArray]:
    """Return conductivities for the t nearest to what is given, not too near its bounds, and where they do not fit."""
    changed = problem.grid.active & given[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        margin = 0.1 * (high - low)
        t = np.clip(half[first], (low + margin)[first], (high - margin)[first])
        r = offset + sign * t
        k33 = np.where(changed, 0.5 * problem.grid.thickness / r, problem.properties.k33)
        bad = changed & ~((high > low)[first] & (r > 0.0) & np.isfinite(r))
    return k33, bad
