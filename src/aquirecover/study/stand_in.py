"""Responses of a model with a water table by a linear one that stands in for it, at a tenth of the cost: to begin a search with.

Water tables are held at their mean over the base run: conductivities are scaled by the saturated share, specific yield becomes
storage, and rivers, drains and evapotranspiration stay on the branch that they are on at the end of each period. What follows is
no derivative of the model, only near one; a search that begins with it ends with derivatives of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.many import simulate_many
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.regime import ABOVE, BELOW, ON, Regime, StressRamp, guards, ramps
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.study.changes import Base

# Share of its thickness at which a cell that is nearly dry still conducts.
LEAST = 0.01
# Balance of the marches: no digits are asked for that the stand-in does not have.
ROUGH = SimulateSettings(newton=NewtonSettings(tolerance=1e-7), budget_tolerance=1e-5)
# Numbers that the heads of a base run may take: more water tables than these go without a stand-in.
MOST = 20_000_000


def with_water_tables(problem: Problem) -> Problem | None:
    """Return a problem that also observes the heads on which its stand-in depends; None where they would be too many."""
    bent = guards(problem, _ramps(problem)).cell
    cell = np.unique(np.concatenate([problem.observations.cell, np.flatnonzero(_convertible(problem)), bent]))
    if cell.size * problem.schedule.n_step > MOST:
        return None
    return replace(problem, observations=Observations(tuple(str(number) for number in cell), cell))


def rough_gains(result: FlowResult, moved: Sequence[Problem], cell: IntArray) -> list[FloatArray]:
    """Return about what heads gain at cells when other rates are pumped, each of shape ``(n_step, n)``; m.

    Parameters
    ----------
    result : FlowResult
        Of a problem of `with_water_tables`.
    moved : sequence of Problem
        That problem with other rates.
    cell : ndarray of int
        Flat numbers of cells that are observed.
    """
    problem = result.problem
    properties = _held(problem, result.observation_head)
    standing = replace(problem, properties=properties)
    ramp = ramps(standing)
    base = Base(standing, ramp, _regime(standing, ramp, result.observation_head))
    changes = []
    for other in moved:
        change = base.change(replace(other, properties=properties))
        assert not isinstance(change, str)
        changes.append(change)
    last = np.array([problem.schedule.n_step - 1])
    alone = base.alone(changes, f"{problem.name}, stand-in", cell, last)
    return [one.observation_head for one in simulate_many(alone, ROUGH)]


def _convertible(problem: Problem) -> np.ndarray:
    return (problem.properties.convertible & problem.grid.active).ravel()


def _ramps(problem: Problem) -> list[StressRamp]:
    """Return stresses as ramps as if no cell were convertible."""
    return ramps(replace(problem, properties=_held(problem, None)))


def _held(problem: Problem, head: FloatArray | None) -> AquiferProperties:
    """Return properties without water tables: those of full cells, or of their mean saturation at heads of every step."""
    own, grid = problem.properties, problem.grid
    share, drains = np.ones(grid.n_cell), np.zeros(grid.n_cell)
    if head is not None:
        cell = np.flatnonzero(_convertible(problem))
        there = head[:, np.searchsorted(problem.observations.cell, cell)]
        full = (there - grid.bottom.ravel()[cell]) / grid.thickness.ravel()[cell]
        share[cell] = np.clip(full, LEAST, 1.0).mean(axis=0)
        drains[cell] = (full < 1.0).mean(axis=0)
    share, drains = share.reshape(grid.shape), drains.reshape(grid.shape)
    thickness = np.where(grid.active, grid.thickness, 1.0)
    return AquiferProperties(
        grid,
        own.k * share,
        own.k33,
        own.k22 * share,
        own.specific_storage * share + own.specific_yield * drains / thickness,
        0.0,
        convertible=False,
        leakance=own.leakance,
    )


def _regime(problem: Problem, ramp: list[StressRamp], head: FloatArray) -> Regime:
    """Return the branches at the ends of periods."""
    found, schedule = guards(problem, ramp), problem.schedule
    ends = np.cumsum(schedule.n_steps) - 1
    there = head[ends][:, np.searchsorted(problem.observations.cell, found.cell)]
    low, high = found.bounds(problem, ramp)
    return Regime(found, np.where(there < low, BELOW, np.where(there > high, ABOVE, ON)))
