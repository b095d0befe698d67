"""Small problems that serve many tests."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Drain, Evapotranspiration, FixedHead, GeneralHead, Recharge, River, Wells


def plain_grid(n_y: int = 4, n_x: int = 5, bottom=(0.0, -10.0), top=20.0, size: float = 100.0, **more) -> Grid:
    """Square cells, flat layers."""
    return Grid(np.full(n_x, size), np.full(n_y, size), top, list(bottom), **more)


def plain_problem(
    grid: Grid,
    stresses=(),
    fixed_heads=(),
    *,
    k=3.0,
    head=5.0,
    schedule: Schedule | None = None,
    properties: AquiferProperties | None = None,
    **more,
) -> Problem:
    """Confined, with some storage, one transient period of 10 d unless told otherwise."""
    if properties is None:
        properties = AquiferProperties(grid, k, specific_storage=1e-5)
    start = np.broadcast_to(np.asarray(head, dtype=float), grid.shape).copy()
    return Problem("small", grid, properties, schedule or Schedule(10.0), start, tuple(stresses), tuple(fixed_heads), **more)


def random_problem(
    seed: int, convertible: bool = True, n_y: int = 6, n_x: int = 7, schedule: Schedule | None = None, zones: bool = True
) -> Problem:
    """Three layers of random sizes and properties with every stress, holes, a pass-through cell and fixed heads."""
    random = np.random.default_rng(seed)
    shape = (3, n_y, n_x)
    bottom = np.array([0.0, -8.0, -30.0])[:, None, None] + random.uniform(-2.0, 2.0, shape)
    active = random.random(shape) > 0.08
    active[:, 0, 0] = True
    active[:, 2, 2] = (True, False, True)
    bottom[1, 2, 2] = bottom[0, 2, 2]
    through = np.zeros(shape, dtype=bool)
    through[1, 2, 2] = True
    dx, dy = random.uniform(50.0, 150.0, n_x), random.uniform(50.0, 150.0, n_y)
    grid = Grid(dx, dy, 20.0 + random.uniform(-1.0, 1.0, (n_y, n_x)), bottom, active, through)
    k = 10.0 ** random.uniform(-1.0, 1.5, shape)
    storage, drainable = 10.0 ** random.uniform(-6.0, -4.0, shape), random.uniform(0.05, 0.3, shape)
    properties = AquiferProperties(grid, k, 0.1 * k, 0.5 * k, storage, drainable, [convertible, False, False])
    top = np.flatnonzero(grid.active[0])
    low = n_y * n_x * 2 + np.flatnonzero(grid.active[2])
    inner = low[low % n_x < n_x - 1]
    schedule = schedule or Schedule([1.0, 30.0, 60.0], [1, 3, 2], 1.2, [True, False, False])
    wet = random.uniform(0.0, 2.0, (schedule.n_period, 1))
    stresses = (
        Recharge(top, wet * random.uniform(0.0, 1e-3, top.size)),
        River(top[::5], 12.0, 50.0, 10.0),
        Drain(top[1::5], 11.0, 20.0),
        GeneralHead(low[::6], random.uniform(5.0, 12.0, low[::6].size), 5.0),
        Evapotranspiration(top, 15.0, 2e-3, 4.0),
        Wells(inner[2:5], random.uniform(0.0, 60.0, (schedule.n_period, 3)), [0.0, 0.0, 5.0]),
    )
    edge = np.flatnonzero(grid.active[:, :, -1:].repeat(n_x, axis=2) & grid.active & (np.arange(n_x) == n_x - 1))
    names = ("north", "south") if zones else ()
    index = np.where(np.arange(n_y) < n_y // 2, 0, 1)[None, :, None] * np.ones(shape, dtype=np.int64)
    index[2] = -1
    return Problem(
        f"random {seed}",
        grid,
        properties,
        schedule,
        np.full(shape, 12.0),
        stresses,
        (FixedHead(edge, 10.0 + 0.1 * np.arange(edge.size)),),
        zones=Zones(names, index) if zones else None,
    )
