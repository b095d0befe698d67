"""Central differences of simulations, to compare derivatives with."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.flow.adjoint import SensitivitySettings, sensitivities
from aquirecover.flow.functionals import Functionals, Weights
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.sensitivities import PROPERTIES, Sensitivities, differentiable_inputs
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.flow.stresses import Cells, Drain, Evapotranspiration, River, Stress, Wells, in_period
from aquirecover.flow.trajectory import Trajectory

# As far as rounding lets a step converge.
TIGHT = SensitivitySettings(
    SimulateSettings(newton=NewtonSettings(tolerance=1e-15, head_change=1e-9), linear=LinearSettings(method="direct")),
    tolerance=1e-14,
)
# Relative change of an input, and how often it is halved to stay on one side of every bend.
STEP, HALVINGS = 3e-4, 7
# What rounding leaves of a functional, as a share of the larger of it and 1 m or 1 m³/d.
NOISE = 1e-12


def with_input(problem: Problem, key: str, value: np.ndarray) -> Problem:
    """Return the problem with another array for one of its inputs."""
    if key == "initial_head":
        return replace(problem, initial_head=value)
    if key in PROPERTIES:
        fields = {**vars(problem.properties), key: value}
        return replace(problem, properties=AquiferProperties(problem.grid, **fields))
    name, _, array = key.partition(".")

    def changed(items: Sequence) -> tuple:
        copies = [copy.copy(item) for item in items]
        for item in copies:
            if item.name == name:
                setattr(item, array, value)
        return tuple(copies)

    return replace(
        problem,
        stresses=changed(problem.stresses),
        fixed_heads=changed(problem.fixed_heads),
        barriers=changed(problem.barriers),
    )


def direction(problem: Problem, key: str, random: np.random.Generator) -> np.ndarray:
    """Return a change of an input of about its own size, or of metres for levels; fractions still sum to 1 over a well."""
    value = differentiable_inputs(problem)[key]
    change = random.uniform(0.5, 1.5, value.shape)
    if key.endswith(".fraction"):
        wells = next(s for s in problem.stresses if s.name == key.partition(".")[0])
        mean = np.bincount(wells.well, change) / np.bincount(wells.well)
        return change - mean[wells.well]
    levels = ("head", "stage", "elevation", "surface", "depth")
    return np.nan_to_num(change if key.endswith(levels) else change * value)


class Watcher(Functionals):
    """Sees the trajectory of a simulation, and takes nothing of it."""

    names, unit = ("watcher",), "1"

    def weights(self, trajectory: Trajectory) -> Weights:
        self.trajectory = trajectory
        return Weights()


def branches(trajectory: Trajectory) -> np.ndarray:
    """Return which branch of its formula every cell and stress takes at the end of every part of a step, as whole numbers."""
    problem = trajectory.problem
    cells, grid, convertible = problem.cells(), problem.grid, problem.properties.convertible
    free = ~np.isin(np.arange(grid.n_cell), np.concatenate([boundary.cell for boundary in problem.fixed_heads]))
    found: list[np.ndarray] = []
    for number, part in enumerate(trajectory.parts):
        head, period = trajectory.state(number).head, part.period
        share = (head.ravel() - cells.bottom) / np.where(cells.thickness > 0.0, cells.thickness, 1.0)
        found.append(np.digitize(share, [0.0, 1e-6, 1.0 - 1e-6, 1.0])[convertible.ravel()])
        for axis in (1, 2):
            either = np.minimum(np.diff(convertible.astype(int), axis=axis, prepend=0) + convertible, 1) > 0
            found.append(np.sign(np.diff(head, axis=axis, prepend=0.0))[either])
        for stress in problem.stresses:
            acting = free[stress.cell]
            bends = [bend[acting] for bend in bends_of(stress, period, cells)]
            found += [np.sign(head.ravel()[stress.cell][acting] - bend) for bend in bends]
    return np.concatenate(found).astype(np.int64)


def bends_of(stress: Stress, period: int, cells: Cells) -> list[np.ndarray]:
    """Return the heads at which the formula of a stress bends, each of shape ``(n,)``."""
    match stress:
        case River():
            return [in_period(stress.bottom_elevation, period)]
        case Drain():
            return [in_period(stress.elevation, period)]
        case Evapotranspiration():
            surface = in_period(stress.surface, period)
            return [surface, surface - in_period(stress.extinction_depth, period)]
        case Wells():
            bottom = np.where(cells.convertible, cells.bottom, -np.inf)[stress.cell]
            return [bottom, bottom + stress.flow_reduction * cells.thickness[stress.cell]]
    return []


def run(problem: Problem, families: Sequence[Functionals], settings: SensitivitySettings) -> tuple[np.ndarray, np.ndarray]:
    """Return functionals of a simulation and its branches."""
    watcher = Watcher()
    return sensitivities(problem, [*families, watcher], settings, wanted=()).value[:-1], branches(watcher.trajectory)


@dataclass(frozen=True)
class Comparison:
    """Derivatives beside central differences.

    Parameters
    ----------
    found : Sensitivities
        The derivatives.
    errors : dict of str to float
        Largest difference of any functional along a random direction of each input, over the sum of the absolute terms of the
        directional derivative; 0 where rounding explains it.
    resolved : float
        Share of the pairs of functionals and inputs that rounding lets compare to 1e-5.
    """

    found: Sensitivities
    errors: dict[str, float]
    resolved: float


def compare(
    problem: Problem, families: Sequence[Functionals], settings: SensitivitySettings = TIGHT, seed: int = 0
) -> Comparison:
    """Compare derivatives with central differences.

    Where a bend lies between the two simulations of a difference they are taken closer together; inputs for which that does not
    help are left out.
    """
    found = sensitivities(problem, families, settings)
    noise = NOISE * np.maximum(np.abs(found.value), 1.0)
    random = np.random.default_rng(seed)
    errors: dict[str, float] = {}
    pairs = resolved = 0
    for key, value in differentiable_inputs(problem).items():
        change = direction(problem, key, random)
        terms = found.derivative[key] * change
        predicted, size = (part.reshape(len(found.names), -1).sum(axis=1) for part in (terms, np.abs(terms)))
        for halving in range(HALVINGS):
            step = STEP / 2**halving
            low, high = (run(with_input(problem, key, value + sign * step * change), families, settings) for sign in (-1.0, 1.0))
            if np.array_equal(low[1], high[1]):
                off = np.abs((high[0] - low[0]) / 2.0 - step * predicted)
                errors[key] = float(np.divide(off, step * size, out=off.copy(), where=size > 0.0)[off > noise].max(initial=0.0))
                pairs, resolved = pairs + int((size > 0.0).sum()), resolved + int((noise <= 1e-5 * step * size)[size > 0.0].sum())
                break
    return Comparison(found, errors, resolved / pairs)
