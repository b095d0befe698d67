"""A made-up coastal province with real-looking numbers, solved here, so that the output is tested without the simulator.

Five layers (aquifers qh2, qp2, qp1 and two aquitards), rivers, a sea, general heads at the border, pumping that grows from
1990 and is cut on 1 January 2021. All stresses are linear in the head, so one sparse solve per step is exact.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Budget, Context, FlowResult, Observations, Problem, StepReport, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import GeneralHead, Recharge, River, Wells

LAYERS = ("qh2", "clay 1", "qp2", "clay 2", "qp1")
AQUIFERS = ("qh2", "", "qp2", "", "qp1")
DISTRICTS = ("Quỳnh Phụ", "Hưng Hà", "Thái Thụy", "Kiến Xương")
X_MIN, Y_MAX, WIDTH, HEIGHT = 600_000.0, 2_296_000.0, 60_000.0, 48_000.0


def make_problem(cell_size: float = 3000.0, left: float = 0.0, period_days: float = 365.25, name: str = "stop_all") -> Problem:
    """Build the province; `left` is the share of pumping that goes on after the restriction."""
    n_x, n_y = round(WIDTH / cell_size), round(HEIGHT / cell_size)
    x = X_MIN + (np.arange(n_x) + 0.5) * cell_size
    y = Y_MAX - (np.arange(n_y) + 0.5) * cell_size
    px, py = np.meshgrid((x - X_MIN) / WIDTH, (Y_MAX - y) / HEIGHT)  # 0..1 from the west and from the north
    ground = 2.5 - 1.6 * px
    bottom = ground - np.array([14.0, 30.0, 46.0, 54.0, 95.0])[:, None, None] * (1.0 + 0.3 * px)
    active = np.ones((5, n_y, n_x), dtype=bool)
    active[:, (px > 0.93) & (py > 0.8)] = False
    grid = Grid(
        np.full(n_x, cell_size), np.full(n_y, cell_size), ground, bottom, active, x_min=X_MIN, y_max=Y_MAX, layer_names=LAYERS
    )
    storage = np.array([0.1 / 14.0, 2e-4, 2e-5, 1e-4, 1e-5])
    properties = AquiferProperties(grid, [8.0, 2e-3, 18.0, 5e-3, 32.0], [0.8, 2.5e-4, 1.8, 5e-4, 3.2], specific_storage=storage)
    schedule = _schedule(period_days)
    sea = (px > 0.86 + 0.08 * py) & active[0]
    stresses = _stresses(grid, schedule, sea, px, py, left)
    district = np.where(py < 0.5, np.where(px < 0.45, 0, 1), np.where(px < 0.5, 2, 3))
    inland = (px > 0.12) & (py > 0.1) & (py < 0.92) & ~sea & active[0]
    district = np.where(inland, district, -1)
    return Problem(
        name=name,
        grid=grid,
        properties=properties,
        schedule=schedule,
        initial_head=np.broadcast_to(ground - 1.0, grid.shape).copy(),
        stresses=stresses,
        observations=_observations(grid),
        zones=_zones(district, grid.shape),
        context=_context(grid, ground, district, left, schedule),
    )


def _schedule(period_days: float) -> Schedule:
    before = np.full(round(31 * 365.25 / period_days), period_days)
    before *= 11323.0 / before.sum()  # 1990-01-01 to 2021-01-01
    after = np.full(round(30 * 365.25 / period_days), period_days)
    after *= 10957.0 / after.sum()  # to 2051-01-01
    length = np.concatenate(([0.0], before, after))
    steps = np.where(np.arange(length.size) == before.size + 1, 4, 2)
    steps[0] = 1
    return Schedule(length, steps, 1.3, np.arange(length.size) == 0, start="1990-01-01")


def _stresses(grid, schedule, sea, px, py, left):
    plan = np.flatnonzero
    land = plan(grid.active[0] & ~sea)
    row = np.abs(py - (0.95 - 0.35 * px))
    river = plan((row < 0.75 * grid.dy[0] / HEIGHT) & grid.active[0] & ~sea)
    edge = plan(((px == px.min()) | (py == py.min()) | (py == py.max()) | (px == px.max())) & grid.active[0])
    n_plan, area = px.size, grid.area.ravel()
    random = np.random.default_rng(7)
    n_well = 40
    wx, wy = X_MIN + WIDTH * random.uniform(0.2, 0.75, n_well), Y_MAX - HEIGHT * random.uniform(0.2, 0.8, n_well)
    layer = np.where(np.arange(n_well) % 4 == 0, 2, 4)
    cell = grid.locate(wx, wy, layer)
    share = random.lognormal(0.0, 0.6, n_well)
    year = schedule.period_start / 365.25
    total = 90_000.0 * np.clip((year - 1.0) / 25.0, 0.0, 1.0) ** 1.5
    total[schedule.period_start >= 11323.0 - 1e-6] *= left
    west, south = (wx - X_MIN) / WIDTH < 0.45, (Y_MAX - wy) / HEIGHT > 0.5
    attributes = {
        "district": tuple(np.array(DISTRICTS)[np.where(south, np.where(west, 2, 3), np.where(west, 0, 1))]),
        "aquifer": tuple(np.where(layer == 2, "qp2", "qp1")),
    }
    wells = Wells(
        cell, total[:, None] * share / share.sum(), names=tuple(f"TB-{i + 1:03d}" for i in range(n_well)), attributes=attributes
    )
    deep = np.concatenate([edge + 2 * n_plan, edge + 4 * n_plan])
    transmissivity = np.concatenate([np.full(edge.size, 18.0 * 16.0), np.full(edge.size, 32.0 * 41.0)])
    return (
        Recharge(land, 2.0e-4, name="rain"),
        River(river, 1.2 - 0.9 * px.ravel()[river], 0.01 * 400.0 * grid.dx[0] * np.ones(river.size), -4.0, name="rivers"),
        GeneralHead(plan(sea), 0.1, 0.02 * area[plan(sea)], name="sea"),
        GeneralHead(land, 1.3 - 1.2 * px.ravel()[land], 6e-5 * area[land], name="drainage"),
        GeneralHead(deep, 0.6, transmissivity * grid.dx[0] / 15_000.0, name="border"),
        wells,
    )


def _observations(grid: Grid) -> Observations:
    x = X_MIN + WIDTH * np.array([0.3, 0.32, 0.62, 0.6])
    y = Y_MAX - HEIGHT * np.array([0.35, 0.35, 0.6, 0.3])
    cell = grid.locate(x, y, np.array([0, 4, 4, 2]))
    time = np.arange(20) * 365.25 + 3650.0
    measured = {"Q.159a": (time, -0.2 - 2.2 * (time / 11323.0) ** 1.4 + 0.2 * np.sin(time / 90.0))}
    return Observations(("Q.158", "Q.159a", "Q.156a", "Q.155b"), cell, measured)


def _zones(district, shape) -> Zones:
    names, index = [], np.full(shape, -1, dtype=np.int64)
    for d, label in enumerate(DISTRICTS):
        for layer in (0, 2, 4):
            index[layer][district == d] = len(names)
            names.append(f"{label}/{AQUIFERS[layer]}")
    return Zones(tuple(names), index)


def _context(grid, ground, district, left, schedule) -> Context:
    t = np.linspace(0.0, 1.0, 60)
    wave = 0.02 * np.sin(9.0 * t)
    river = np.column_stack([X_MIN + WIDTH * 0.87 * t, Y_MAX - HEIGHT * (0.95 - 0.35 * t * 0.87 + wave)])
    coast = np.column_stack([X_MIN + WIDTH * (0.86 + 0.08 * t + 0.3 * wave), Y_MAX - HEIGHT * t])
    box = lambda x0, x1, y0, y1: np.column_stack(  # noqa: E731
        [X_MIN + WIDTH * np.array([x0, x1, x1, x0, x0]), Y_MAX - HEIGHT * np.array([y0, y0, y1, y1, y0])]
    )
    lines = {
        "district": (box(0.12, 0.45, 0.1, 0.5), box(0.45, 0.86, 0.1, 0.5), box(0.12, 0.5, 0.5, 0.92), box(0.5, 0.9, 0.5, 0.92)),
        "river": (river,),
        "coast": (coast,),
    }
    limit = np.full(grid.shape, np.nan)
    for layer in (2, 4):
        limit[layer] = np.maximum(ground - 30.0, grid.layer_top[layer])
    config = {"kind": "scenario", "title": "Toàn bộ giếng dừng", "restrictions": {"stop_all": {"rule": "ban"}}}
    return Context(
        title="All pumping stopped" if left == 0.0 else f"Pumping cut to {left:.0%}",
        crs="EPSG:3405",
        restriction_start=float(schedule.period_start[np.searchsorted(schedule.period_start, 11323.0 - 1e-6)]),
        layer_aquifer=AQUIFERS,
        ground=ground,
        head_limit=limit,
        map_lines=lines,
        areas={name: district == i for i, name in enumerate(DISTRICTS)},
        restriction_log=("restriction stop_all: Quỳnh Phụ 2021-01-01 20000 → 0 m3/d",),
        warnings=("A made-up model: not calibrated.",),
        manifest={
            "config": json.dumps(config, ensure_ascii=False),
            "inputs": json.dumps({"models/made_up/wells.csv": "00" * 32}),
        },
    )


def solve(problem: Problem) -> FlowResult:
    """Solve the linear problem by backward Euler with one sparse solve per step; the budget follows face by face."""
    grid, schedule = problem.grid, problem.schedule
    active = grid.active.ravel()
    rows, columns, conductance = _faces(grid, problem.properties)
    n = grid.n_cell
    laplace = sparse.coo_matrix((conductance, (rows, columns)), shape=(n, n))
    laplace = laplace + laplace.T
    matrix = (sparse.diags(np.asarray(laplace.sum(axis=1)).ravel()) - laplace + sparse.diags((~active).astype(float))).tocsc()
    cells, zero = problem.cells(), np.zeros(n)
    storage = np.where(active, (problem.properties.specific_storage * grid.thickness * grid.area).ravel(), 0.0)
    head = np.where(active, problem.initial_head.ravel(), 0.0)
    factors: dict[float, object] = {}
    heads, flows = [], []
    for period, length in zip(schedule.step_period, schedule.step_length, strict=True):
        rate = zero if length == 0.0 else storage / length
        source, slope = zero.copy(), zero.copy()
        for stress in problem.stresses:
            flow, derivative = stress.flow(zero[stress.cell], period, cells)
            weight = np.bincount(stress.cell, flow, n) * active
            source += weight
            slope -= np.bincount(stress.cell, derivative, n) * active
        key = round(length, 9)
        if key not in factors:
            factors[key] = splu((matrix + sparse.diags(rate + slope)).tocsc())
        old, head = head, factors[key].solve(source + rate * head)
        step = [rate * (old - head)]
        for stress in problem.stresses:
            flow, _ = stress.flow(head[stress.cell], period, cells)
            step.append(np.bincount(stress.cell, flow, n) * active)
        heads.append(head)
        flows.append(np.array(step))
    return _result(problem, np.array(heads), np.array(flows), (rows, columns, conductance))


def _faces(grid: Grid, properties: AquiferProperties):
    number = np.arange(grid.n_cell).reshape(grid.shape)
    t = properties.k * grid.thickness
    half = 0.5 * grid.thickness / properties.k33
    along_x = 2.0 * grid.dy[:, None] * t[..., 1:] * t[..., :-1] / (t[..., :-1] * grid.dx[1:] + t[..., 1:] * grid.dx[:-1])
    dy0, dy1 = grid.dy[:-1, None], grid.dy[1:, None]
    along_y = 2.0 * grid.dx * t[:, 1:] * t[:, :-1] / (t[:, :-1] * dy1 + t[:, 1:] * dy0)
    down = grid.area / (half[1:] + half[:-1])
    pairs = [
        (number[..., :-1], number[..., 1:], along_x),
        (number[:, :-1], number[:, 1:], along_y),
        (number[:-1], number[1:], down),
    ]
    a, b, c = (np.concatenate([pair[i].ravel() for pair in pairs]) for i in range(3))
    keep = grid.active.ravel()[a] & grid.active.ravel()[b]
    return a[keep], b[keep], c[keep]


def _exchange(part, n_part, heads, faces):
    a, b, conductance = faces
    from_part, to_part = part[a], part[b]
    out = np.zeros((heads.shape[0], n_part, n_part))
    cross = from_part != to_part
    for step, head in enumerate(heads):
        q = (conductance * (head[a] - head[b]))[cross]
        np.add.at(out[step], (from_part[cross], to_part[cross]), np.maximum(q, 0.0))
        np.add.at(out[step], (to_part[cross], from_part[cross]), np.maximum(-q, 0.0))
    return out


def _result(problem: Problem, heads, flows, faces) -> FlowResult:
    grid, schedule, shape = problem.grid, problem.schedule, problem.grid.shape
    layer = np.repeat(np.arange(shape[0]), shape[1] * shape[2])
    zone = problem.zones.index.ravel()
    n_zone = len(problem.zones.names) + 1
    zone = np.where(zone < 0, n_zone - 1, zone)
    positive, negative = np.maximum(flows, 0.0), np.maximum(-flows, 0.0)

    def by(part, n_part, values):
        member = np.zeros((grid.n_cell, n_part))
        member[np.arange(grid.n_cell), part] = 1.0
        return np.swapaxes(values @ member, 1, 2)

    inflow, outflow = positive.sum(axis=2), negative.sum(axis=2)
    budget = Budget(
        problem.terms, inflow, outflow,
        by(layer, shape[0], positive), by(layer, shape[0], negative), _exchange(layer, shape[0], heads, faces),
        (*problem.zones.names, "rest"),
        by(zone, n_zone, positive), by(zone, n_zone, negative), _exchange(zone, n_zone, heads, faces),
    )  # fmt: skip
    saved = np.flatnonzero(schedule.save_step)
    kept = np.where(grid.active.ravel(), heads[saved], np.nan).reshape(-1, *shape)
    pumping = np.concatenate([wells.pumping_rate[schedule.step_period] for wells in problem.wells], axis=1)
    reports = tuple(
        StepReport(i, int(schedule.step_period[i]), float(t), 1, 1, 1, 0.0, 0.0, float(e))
        for i, (t, e) in enumerate(zip(schedule.step_time, budget.error, strict=True))
    )
    return FlowResult(
        problem, "native 0.1.0", saved, kept, heads[:, problem.observations.cell], pumping, pumping.copy(), budget, reports, 1.5
    )


@cache
def result(cell_size: float = 3000.0, left: float = 0.0, period_days: float = 2.0 * 365.25) -> FlowResult:
    """Return the solved province; kept, because frozen data may be shared by tests."""
    return solve(make_problem(cell_size, left, period_days))


def with_head(base: FlowResult, head: np.ndarray) -> FlowResult:
    """Return `base` with other heads, to build results that must be refused."""
    return replace(base, head=head)
