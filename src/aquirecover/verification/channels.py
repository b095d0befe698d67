"""Streams whose stage follows their flow, as the SFR package of MODFLOW-2005 has them with Manning's equation (ICALC 1).

The stage of a reach is its bed plus the depth ``(n Q / (c w √S))^(3/5)`` of a wide channel with the flow Q in its middle (Prudic,
Konikow and Banta 2004, USGS Open-File Report 2004-1042). The simulator's rivers have given stages: these are found by repeated
simulation, each with the stages of the flows of the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from aquirecover.errors import ConvergenceError
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.problem import FlowResult, Observations, Problem
from aquirecover.flow.stresses import River
from aquirecover.verification.managed import simulate_all

# Manning's constant in feet and days: 1.486 ft^(1/3)/s as SFR has it.
MANNING = 128_390.0
# Change of a stage that ends the repetition, ft, and how often it is repeated at most.
STILL, MOST = 1e-10, 60


@dataclass(frozen=True, eq=False)
class Channels:
    """Reaches of streams.

    Parameters
    ----------
    name : str
        Of the river of the problem whose items they are.
    elevation, slope : ndarray
        Of the bed in the middle of each reach, shape ``(n,)``; ft and 1.
    inflow : ndarray
        Water that enters each reach from outside the model, shape ``(n,)``; ft³/d.
    below : ndarray of int
        Reach that each flows into, -1 for none, shape ``(n,)``.
    width : float
        Of all; ft.
    roughness : float
        Manning's n of all.
    """

    name: str
    elevation: FloatArray
    slope: FloatArray
    inflow: FloatArray
    below: IntArray
    width: float
    roughness: float

    @cached_property
    def upstream(self) -> BoolArray:
        """Whether the water of a reach (last axis) comes to another, each to itself too, shape ``(n, n)``."""
        n = self.below.size
        found = np.eye(n, dtype=bool)
        for reach in range(n):
            below = int(self.below[reach])
            while below >= 0:
                found[below, reach] = True
                below = int(self.below[below])
        return found

    def stage(self, gain: FloatArray) -> FloatArray:
        """Return the stages for what the reaches gain from the aquifer, ft³/d, both of shape ``(n_period, n)``; ft."""
        flow = (self.inflow + gain) @ self.upstream.T - 0.5 * gain
        depth = self.roughness * flow / (MANNING * self.width * np.sqrt(self.slope))
        return self.elevation + np.asarray(depth) ** 0.6

    def river(self, cell: IntArray, conductance: FloatArray, bed_thickness: float, n_period: int) -> River:
        """Return the river of the reaches, its stages as the inflow alone makes them."""
        stage = self.stage(np.zeros((n_period, self.below.size)))
        return River(cell, stage, conductance, self.elevation - bed_thickness, name=self.name)


def with_stages(channels: Channels, problems: Sequence[Problem]) -> list[FlowResult]:
    """Run problems with a step in each period, and with the stages that their flows make.

    The problem of each result has these stages; heads of all reaches are among the observations.

    Raises
    ------
    ConvergenceError
        When stages do not settle.
    """
    found = []
    stage: FloatArray | None = None
    for problem in problems:
        (river,) = (stress for stress in problem.stresses if stress.name == channels.name)
        assert isinstance(river, River)
        seen = np.union1d(problem.observations.cell, river.cell)
        problem = replace(problem, observations=Observations(tuple(map(str, seen)), seen))
        result, stage = _settled(channels, problem, river, river.stage if stage is None else stage)
        found.append(result)
    return found


def _settled(channels: Channels, problem: Problem, river: River, stage: FloatArray) -> tuple[FlowResult, FloatArray]:
    at = np.searchsorted(problem.observations.cell, river.cell)
    for _ in range(MOST):
        own = River(river.cell, stage, river.conductance, river.bottom_elevation, river.name)
        stresses = tuple(own if stress is river else stress for stress in problem.stresses)
        (result,) = simulate_all([replace(problem, stresses=stresses)])
        gain = river.conductance * (np.maximum(result.observation_head[:, at], river.bottom_elevation) - stage)
        before, stage = stage, channels.stage(gain)
        change = float(np.abs(stage - before).max())
        if change <= STILL:
            return result, before
    raise ConvergenceError(f"{problem.name}: stages still change by {change:.3g} ft after {MOST} simulations.")
