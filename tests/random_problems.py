"""Small random problems with everything in them, and an independent residual written cell by cell."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Observations, Problem, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Drain, Evapotranspiration, FixedHead, FlowBarrier, GeneralHead, Recharge, River, Wells

seeds = st.integers(min_value=0, max_value=2**31 - 1)


def random_problem(
    seed: int, *, linear: bool = False, steady: bool = False, barriers: bool = True, wells: bool = True
) -> Problem:
    """Return a problem of up to 3 × 5 × 5 cells of uneven size with inactive cells.

    A linear one is confined, with wells, recharge, general heads and fixed heads alone; others are convertible on top and have
    rivers, drains and evapotranspiration besides. One cell has a fixed head that rises in the second period.
    """
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in (rng.integers(1, 4), rng.integers(1, 6), rng.integers(2, 6)))
    n_cell = int(np.prod(shape))
    grid = Grid(
        dx=rng.uniform(50.0, 400.0, shape[2]),
        dy=rng.uniform(50.0, 400.0, shape[1]),
        top=10.0 + rng.uniform(-1.0, 1.0, shape[1:]),
        bottom=-np.cumsum(rng.uniform(5.0, 20.0, shape), axis=0),
        active=rng.random(shape) > 0.2,
    )
    if grid.active.sum() < 4:
        return random_problem(seed + 1, linear=linear, steady=steady, barriers=barriers, wells=wells)
    k = np.exp(rng.normal(1.5, 1.0, shape))
    leakance = np.where(rng.random((shape[0] - 1, *shape[1:])) < 0.3, 1e-3, np.nan)
    properties = AquiferProperties(
        grid,
        k=k,
        k22=k * rng.uniform(0.5, 2.0, shape),
        k33=0.1 * k,
        specific_storage=1e-5 * rng.uniform(0.5, 2.0, shape),
        specific_yield=0.1,
        convertible=np.arange(shape[0])[:, None, None] == (-1 if linear else 0),
        leakance=leakance,
    )
    schedule = Schedule([30.0, 60.0], n_steps=[1, 1] if steady else [3, 2], step_multiplier=1.3, steady=steady, save_step=True)
    cells = rng.permutation(np.flatnonzero(grid.active))
    # without storage every part that is cut off needs a head of its own
    held = cells if steady else cells[: cells.size // 2]
    stresses = [
        GeneralHead(held, rng.uniform(0.0, 8.0, held.size), rng.uniform(1.0, 50.0, held.size)),
        Recharge(np.flatnonzero(grid.active[0]), 1e-3 * rng.uniform(0.0, 2.0, (2, int(grid.active[0].sum())))),
    ]
    if wells:
        pumped = cells[-2:]
        stresses.append(
            Wells(
                pumped, pumping_rate=rng.uniform(0.0, 40.0, (2, pumped.size)), injection_rate=rng.uniform(0.0, 5.0, pumped.size)
            )
        )
    if not linear:
        wet = cells[: max(1, cells.size // 3)]
        stage = rng.uniform(2.0, 8.0, wet.size)
        stresses += [
            River(wet, stage, rng.uniform(1.0, 20.0, wet.size), stage - rng.uniform(0.5, 3.0, wet.size)),
            Drain(wet, rng.uniform(2.0, 6.0, wet.size), rng.uniform(1.0, 20.0, wet.size)),
            Evapotranspiration(wet, rng.uniform(4.0, 9.0, wet.size), 1e-3, rng.uniform(1.0, 4.0, wet.size)),
        ]
    fixed = cells[:1]
    zone = rng.integers(-1, 3, shape)
    return Problem(
        name=f"random_{seed}",
        grid=grid,
        properties=properties,
        schedule=schedule,
        initial_head=np.full(shape, 5.0) + rng.uniform(0.0, 1.0, shape),
        stresses=tuple(stresses),
        fixed_heads=(FixedHead(fixed, np.array([[5.0], [6.0]])),),
        barriers=random_barriers(rng, grid) if barriers else (),
        observations=Observations(tuple(str(c) for c in range(n_cell) if grid.active.flat[c]), np.flatnonzero(grid.active)),
        zones=Zones(("north", "middle", "south"), zone),
    )


def random_barriers(rng: np.random.Generator, grid: Grid) -> tuple[FlowBarrier, ...]:
    """Return barriers across some of the faces between active cells."""
    number = np.arange(grid.n_cell).reshape(grid.shape)
    pairs = [
        (a, b)
        for first, second in ((number[:, :, :-1], number[:, :, 1:]), (number[:, :-1], number[:, 1:]))
        for a, b in zip(first.ravel(), second.ravel(), strict=True)
        if grid.active.flat[a] and grid.active.flat[b] and rng.random() < 0.2
    ]
    if not pairs:
        return ()
    cell, neighbour = np.array(pairs).T
    return (FlowBarrier(cell, neighbour, rng.uniform(1e-4, 1e-1, len(pairs))),)


def face_conductances(problem: Problem) -> list[tuple[int, int, float, bool]]:
    """Return every face as two cells, its full conductance, m²/d, and whether it is horizontal; by plain loops."""
    grid, properties = problem.grid, problem.properties
    n_layer, n_y, n_x = grid.shape
    barred: dict[frozenset[int], float] = {}
    for barrier in problem.barriers:
        for a, b, value in zip(barrier.cell, barrier.neighbour, barrier.hydraulic_characteristic, strict=True):
            barred[frozenset((int(a), int(b)))] = value
    faces = []
    for k in range(n_layer):
        for j in range(n_y):
            for i in range(n_x):
                if not grid.active[k, j, i]:
                    continue
                here = (k * n_y + j) * n_x + i
                b = grid.thickness[k, j, i]
                for kk, jj, ii in ((k, j, i + 1), (k, j + 1, i), (k + 1, j, i)):
                    if kk >= n_layer or jj >= n_y or ii >= n_x or not grid.active[kk, jj, ii]:
                        continue
                    there, bb = (kk * n_y + jj) * n_x + ii, grid.thickness[kk, jj, ii]
                    if kk > k:
                        given = properties.leakance[k, j, i]
                        half = 0.5 * b / properties.k33[k, j, i] + 0.5 * bb / properties.k33[kk, jj, ii]
                        faces.append((here, there, grid.dx[i] * grid.dy[j] * (1.0 / half if np.isnan(given) else given), False))
                        continue
                    along_x = ii > i
                    width = grid.dy[j] if along_x else grid.dx[i]
                    sizes = (grid.dx[i], grid.dx[ii]) if along_x else (grid.dy[j], grid.dy[jj])
                    kh = properties.k if along_x else properties.k22
                    resistance = 0.5 * sizes[0] / (kh[k, j, i] * b * width) + 0.5 * sizes[1] / (kh[kk, jj, ii] * bb * width)
                    if (pair := frozenset((here, there))) in barred:
                        characteristic = barred[pair]
                        resistance += 1.0 / (characteristic * 0.5 * (b + bb) * width)
                    faces.append((here, there, 1.0 / resistance, True))
    return faces


def imbalance(problem: Problem, head: np.ndarray, old: np.ndarray, period: int, dt: float) -> tuple[np.ndarray, float]:
    """Return inflow less outflow of each cell that is not fixed, m³/d, and the sum of absolute flows.

    `head` and `old` are flat; `dt` is infinite when steady. Saturation is the plain ``clip((h − bottom) / b, 0, 1)``.
    """
    grid, properties = problem.grid, problem.properties
    bottom, b = grid.bottom.ravel(), grid.thickness.ravel()
    area = np.broadcast_to(grid.area, grid.shape).ravel()
    convertible = properties.convertible.ravel()
    total, through = np.zeros(head.size), 0.0

    def saturation(h: float, cell: int) -> float:
        return min(max((h - bottom[cell]) / b[cell], 0.0), 1.0) if convertible[cell] else 1.0

    for first, second, c, horizontal in face_conductances(problem):
        upstream = first if head[first] >= head[second] else second
        flow = c * (saturation(head[upstream], upstream) if horizontal else 1.0) * (head[second] - head[first])
        total[first] += flow
        total[second] -= flow
        through += abs(flow)
    if np.isfinite(dt):
        elastic, drainable = properties.specific_storage.ravel(), properties.specific_yield.ravel()
        for cell in np.flatnonzero(grid.active):
            s, s_old = saturation(head[cell], cell), saturation(old[cell], cell)
            mid, mid_old = (bottom[cell] + 0.5 * b[cell] * v for v in (s, s_old)) if convertible[cell] else (0.0, 0.0)
            released = elastic[cell] * (s_old * (old[cell] - mid_old) - s * (head[cell] - mid))
            if convertible[cell]:
                released += drainable[cell] * (s_old - s)
            total[cell] += released * area[cell] * b[cell] / dt
            through += abs(released * area[cell] * b[cell] / dt)
    for cell, flow in stress_flows(problem, head, period):
        total[cell] += flow
        through += abs(flow)
    for fixed in problem.fixed_heads:
        total[fixed.cell] = 0.0
    return total, through


def stress_flows(problem: Problem, head: np.ndarray, period: int) -> list[tuple[int, float]]:
    """Return cell and inflow, m³/d, of every item of every stress, from its textbook formula."""
    grid = problem.grid
    area = np.broadcast_to(grid.area, grid.shape).ravel()
    flows = []
    for stress in problem.stresses:
        v = {key: (a[period] if a.ndim == 2 else a) for key, a in stress.values().items()}
        for n, cell in enumerate(stress.cell):
            h = head[cell]
            match stress:
                case Wells():
                    flow = v["injection_rate"][n] - v["pumping_rate"][n] * delivered(problem, h, int(cell))
                case Recharge():
                    flow = v["recharge_rate"][n] * area[cell]
                case GeneralHead():
                    flow = v["conductance"][n] * (v["boundary_head"][n] - h)
                case River():
                    flow = v["conductance"][n] * (v["stage"][n] - max(h, v["bottom_elevation"][n]))
                case Drain():
                    flow = -v["conductance"][n] * max(h - v["elevation"][n], 0.0)
                case Evapotranspiration():
                    share = min(max((h - v["surface"][n] + v["extinction_depth"][n]) / v["extinction_depth"][n], 0.0), 1.0)
                    flow = -v["rate"][n] * area[cell] * share
            flows.append((int(cell), float(flow)))
    return flows


def delivered(problem: Problem, head: float, cell: int) -> float:
    """Return the share of its rate that a well in a cell delivers: ``3 s² − 2 s³`` in the lowest tenth of a convertible cell."""
    if not problem.properties.convertible.flat[cell]:
        return 1.0
    s = min(max((head - problem.grid.bottom.flat[cell]) / (0.1 * problem.grid.thickness.flat[cell]), 0.0), 1.0)
    return s * s * (3.0 - 2.0 * s)
