"""Small problems for the comparison of both engines: each stress and property alone, then all of them together.

Names that begin with ``linear_`` are confined with linear stresses, ``bent_`` confined with rivers, drains or evapotranspiration,
``newton_`` have convertible cells with the upstream mean, ``harmonic_`` with the harmonic one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import random_problems
import small_problems
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Observations, Problem, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import (
    Drain,
    Evapotranspiration,
    FixedHead,
    FlowBarrier,
    GeneralHead,
    Recharge,
    River,
    Stress,
    Wells,
)

PROBLEMS: dict[str, Callable[[], Problem]] = {}
N_Y, N_X = 6, 8
SEASONS = Schedule([1.0, 60.0, 120.0, 60.0], [1, 3, 2, 2], [1.0, 1.4, 1.0, 1.0], [True, False, False, False])


def problem(make: Callable[[], Problem]) -> Callable[[], Problem]:
    """Add a problem to the list, under the name of its function."""
    PROBLEMS[make.__name__] = make
    return make


def _build(
    name: str,
    grid: Grid,
    properties: AquiferProperties,
    stresses: tuple[Stress, ...] = (),
    fixed: FixedHead | None = None,
    schedule: Schedule = SEASONS,
    head: float | np.ndarray = 12.0,
    **more,
) -> Problem:
    """Return a problem whose last column is held at 10 m unless told otherwise."""
    if fixed is None:
        cells = np.arange(grid.n_cell).reshape(grid.shape)[:, :, -1]
        fixed = FixedHead(cells[grid.active[:, :, -1]], 10.0)
    start = np.broadcast_to(np.asarray(head, dtype=float), grid.shape).copy()
    some = np.flatnonzero(grid.active)[:: max(1, grid.n_cell // 5)]
    points = Observations(tuple(f"P{n}" for n in some), some)
    return Problem(name, grid, properties, schedule, start, stresses, (fixed,), observations=points, **more)


def _grid(n_layer: int = 3, **more) -> Grid:
    return Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 20.0, [0.0, -6.0, -30.0, -34.0, -60.0][:n_layer], **more)


def _confined(grid: Grid, k=(5.0, 0.02, 12.0, 0.05, 30.0), **more) -> AquiferProperties:
    return AquiferProperties(grid, list(k)[: grid.shape[0]] if np.ndim(k) == 1 else k, specific_storage=2e-5, **more)


def _wells(grid: Grid, layer: int = -1, rate: float = 150.0) -> Wells:
    """Three wells that pump in the second period, half as much in the third, and rest in the last."""
    layer %= grid.shape[0]
    factor = np.array([0.0, 1.0, 0.5, 0.0])[:, None]
    return Wells(grid.cell(layer, [1, 3, 4], [2, 4, 5]), rate * factor * np.array([1.0, 0.6, 0.4]))


def _random(seed: int, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape)


def _west(grid: Grid, level: float | np.ndarray = 14.0) -> GeneralHead:
    cells = np.arange(grid.n_cell).reshape(grid.shape)[:, :, 0][grid.active[:, :, 0]]
    return GeneralHead(cells, np.broadcast_to(level, (*np.shape(level)[:-1], cells.size)), 40.0)


# confined, linear


@problem
def linear_fixed_heads_alone() -> Problem:
    grid = _grid(1)
    cells = np.concatenate((grid.cell(0, range(N_Y), 0), grid.cell(0, range(N_Y), N_X - 1)))
    fixed = FixedHead(cells, np.repeat([15.0, 9.0], N_Y))
    return _build("fixed", grid, _confined(grid), fixed=fixed, schedule=Schedule(1.0, steady=True))


@problem
def linear_wells() -> Problem:
    grid = _grid()
    return _build("wells", grid, _confined(grid), (_wells(grid),))


@problem
def linear_screened_wells() -> Problem:
    grid = _grid(5)
    cells = np.concatenate((grid.cell([0, 2, 4], 2, 3), grid.cell([2, 4], 4, 1)))
    rate = np.array([[0.0, 0.0], [300.0, 100.0], [300.0, 0.0], [0.0, 100.0]])
    wells = Wells(cells, rate, well=[0, 0, 0, 1, 1], fraction=[0.2, 0.3, 0.5, 0.25, 0.75])
    return _build("screens", grid, _confined(grid), (wells,))


@problem
def linear_injection() -> Problem:
    grid = _grid()
    cells = grid.cell(2, [1, 4], [2, 5])
    wells = Wells(cells, [[0, 0], [200, 0], [0, 0], [80, 0]], [[0, 0], [0, 150], [50, 50], [80, 20]])
    return _build("injection", grid, _confined(grid), (wells,))


@problem
def linear_two_groups_of_wells() -> Problem:
    grid = _grid()
    more = Wells(grid.cell(2, [1, 3, 3], [2, 4, 4]), [40.0, 10.0, 20.0], names=["A", "B", "C"], name="private wells")
    return _build("groups", grid, _confined(grid), (_wells(grid), more))


@problem
def linear_recharge_of_seasons() -> Problem:
    grid = _grid()
    rate = np.array([1e-3, 0.0, 2e-3, 5e-4])[:, None] * _random(1, (N_Y * N_X,), 0.5, 1.5)
    return _build("recharge", grid, _confined(grid), (Recharge(np.arange(N_Y * N_X), rate),))


@problem
def linear_recharge_below() -> Problem:
    grid = _grid()
    cells = np.concatenate((np.arange(10), grid.cell(1, 3, range(5)), np.arange(5)))
    return _build("recharge_below", grid, _confined(grid), (Recharge(cells, 2e-3),))


@problem
def linear_general_heads_in_time() -> Problem:
    grid = _grid()
    levels = np.array([14.0, 16.0, 12.0, 15.0])[:, None]
    return _build("general_heads", grid, _confined(grid), (_west(grid, levels),))


@problem
def linear_fixed_heads_in_time() -> Problem:
    grid = _grid()
    cells = grid.cell(np.repeat([0, 1, 2], N_Y), np.tile(np.arange(N_Y), 3), N_X - 1)
    levels = np.array([10.0, 12.0, 8.0, 11.0])[:, None] + np.linspace(0.0, 1.0, cells.size)
    return _build("fixed_in_time", grid, _confined(grid), (_wells(grid),), FixedHead(cells, levels))


@problem
def linear_anisotropy_in_plan() -> Problem:
    grid = _grid()
    properties = _confined(grid, k22=[0.5, 0.2, 60.0])
    return _build("k22", grid, properties, (_wells(grid), _west(grid)))


@problem
def linear_anisotropy_vertical() -> Problem:
    grid = _grid(5)
    properties = _confined(grid, k33=[0.5, 1e-4, 1.2, 1e-5, 3.0])
    return _build("k33", grid, properties, (_wells(grid), _west(grid)))


@problem
def linear_variable_spacing() -> Problem:
    grid = Grid(100.0 * 1.5 ** np.arange(N_X), 300.0 / 1.4 ** np.arange(N_Y), 20.0, [0.0, -6.0, -30.0])
    return _build("spacing", grid, _confined(grid), (_wells(grid), _west(grid)))


@problem
def linear_sloping_layers() -> Problem:
    bottom = np.array([0.0, -10.0, -30.0])[:, None, None] + _random(2, (3, N_Y, N_X), -3.0, 3.0)
    grid = Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 20.0 + _random(3, (N_Y, N_X), -2.0, 2.0), bottom)
    properties = _confined(grid, _random(4, grid.shape, 0.1, 30.0))
    return _build("slopes", grid, properties, (_wells(grid), _west(grid)))


@problem
def linear_inactive_cells() -> Problem:
    active = _random(5, (3, N_Y, N_X), 0.0, 1.0) > 0.2
    active[:, :, [0, -1]] = True
    active[2, [1, 3, 4], [2, 4, 5]] = True
    grid = _grid(active=active)
    return _build("inactive", grid, _confined(grid), (_wells(grid), _west(grid)))


def _pinched(**more) -> Grid:
    """Return a grid whose second and third layers pinch out, some below inactive cells."""
    surface = np.array([0.0, -6.0, -12.0, -30.0])[:, None, None] * np.ones((4, N_Y, N_X))
    gone = np.zeros(surface.shape, dtype=bool)
    gone[1, 1:4, 2:5] = gone[2, 2:5, 3:7] = True
    for layer in (1, 2):
        surface[layer][gone[layer]] = surface[layer - 1][gone[layer]]
    active = ~gone
    active[0, 3, 3] = False
    return Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 20.0, surface, active, gone, **more)


@problem
def linear_pass_through_cells() -> Problem:
    grid = _pinched()
    zones = Zones(("west", "east"), np.where(np.arange(N_X) < 4, 0, 1) * np.ones(grid.shape, dtype=np.int64))
    return _build("pinched", grid, _confined(grid, (5.0, 0.1, 0.5, 20.0)), (_wells(grid), _west(grid)), zones=zones)


@problem
def linear_fixed_heads_joined_by_pass_through_cells() -> Problem:
    """Return fixed heads one above the other beyond layers that pinch out; what flows between them is nobody's water."""
    grid = _pinched()
    cells = grid.cell([0, 3, 0, 3, 0, 2, 1, 1], [2, 2, 3, 3, 1, 1, 0, 5], [3, 3, 4, 4, 2, 2, 0, 0])
    fixed = FixedHead(cells, [9.0, 15.0, 14.0, 11.0, 12.0, 10.0, 16.0, 8.0])
    return _build("joined", grid, _confined(grid, (5.0, 0.1, 0.5, 20.0)), (Wells(grid.cell(3, [1, 4], [4, 1]), 60.0),), fixed)


@problem
def linear_barriers() -> Problem:
    grid = _grid()
    rows, columns = np.arange(4), np.arange(3, 7)
    along_x = FlowBarrier(grid.cell(2, rows, 3), grid.cell(2, rows, 4), [1e-4, 1e-3, 1e-2, 0.1])
    along_y = FlowBarrier(grid.cell(0, 3, columns), grid.cell(0, 2, columns), 2e-4, name="wall")
    return _build("barriers", grid, _confined(grid), (_wells(grid), _west(grid)), barriers=(along_x, along_y))


@problem
def linear_closed_barrier() -> Problem:
    grid = _grid()
    rows = np.arange(N_Y - 1)
    wall = FlowBarrier(grid.cell(2, rows, 3), grid.cell(2, rows, 4), 0.0)
    return _build("closed", grid, _confined(grid), (_wells(grid), _west(grid)), barriers=(wall,))


@problem
def linear_leakance_of_one_unit() -> Problem:
    grid = _grid(2)
    properties = _confined(grid, leakance=_random(6, (1, N_Y, N_X), 1e-5, 1e-2))
    return _build("leakance", grid, properties, (_wells(grid), _west(grid)))


@problem
def linear_leakance_among_layers() -> Problem:
    grid = _grid(5)
    leakance = np.full((4, N_Y, N_X), np.nan)
    leakance[1] = _random(7, (N_Y, N_X), 2e-3, 5e-3)
    leakance[2, :, :4] = 2e-3
    properties = _confined(grid, k33=[0.5, 1e-2, 1.0, 5e-3, 3.0], leakance=leakance)
    return _build("leakances", grid, properties, (_wells(grid), _west(grid)))


@problem
def linear_leakance_over_pinched_layers() -> Problem:
    grid = _pinched()
    leakance = np.full((3, N_Y, N_X), np.nan)
    leakance[0] = 4e-4
    return _build(
        "pinched_leakance", grid, _confined(grid, (5.0, 0.1, 0.5, 20.0), leakance=leakance), (_wells(grid), _west(grid))
    )


@problem
def linear_contrasts() -> Problem:
    grid = _grid(5)
    properties = _confined(grid, 10.0 ** _random(8, grid.shape, -4.0, 2.5), k33=10.0 ** _random(9, grid.shape, -5.0, 1.0))
    return _build("contrasts", grid, properties, (_wells(grid, rate=5.0), _west(grid)))


@problem
def linear_steady_between_transient() -> Problem:
    grid = _grid()
    schedule = Schedule([30.0, 10.0, 50.0, 0.0], [4, 1, 3, 1], [1.5, 1.0, 0.7, 1.0], [False, True, False, True], save_step=True)
    return _build("mixed", grid, _confined(grid), (_wells(grid), _west(grid)), schedule=schedule)


@problem
def linear_one_column() -> Problem:
    grid = Grid([100.0], [80.0], 20.0, [0.0, -6.0, -30.0, -34.0, -60.0])
    wells = Wells(grid.cell(4, 0, 0), np.array([0.0, 4.0, 2.0, 0.0])[:, None])
    return _build("column", grid, _confined(grid), (wells,), FixedHead([0], np.array([10.0, 10.0, 11.0, 9.0])[:, None]))


@problem
def linear_one_row() -> Problem:
    grid = Grid(np.full(20, 50.0), [1.0], 20.0, [0.0])
    return _build("row", grid, _confined(grid), (Recharge(np.arange(20), 1e-3),), head=10.0)


@problem
def linear_one_file_of_cells() -> Problem:
    grid = Grid([30.0], np.full(15, 50.0), 20.0, [0.0])
    fixed = FixedHead([0], [14.0])
    return _build("file", grid, _confined(grid), (Recharge(np.arange(15), 1e-3),), fixed)


@problem
def linear_dates_and_place() -> Problem:
    grid = _grid(x_min=568_000.0, y_max=2_285_000.0)
    schedule = Schedule([31.0, 28.0, 31.0, 30.0], [2, 2, 2, 2], start="2021-01-01")
    return _build("dates", grid, _confined(grid), (_wells(grid), _west(grid)), schedule=schedule)


@problem
def linear_nothing_pumped() -> Problem:
    grid = _grid()
    wells = Wells(grid.cell(2, [1, 3], [2, 4]), 0.0)
    return _build("rest", grid, _confined(grid), (wells,), head=10.0)


# confined, with stresses that bend


def _river(grid: Grid, low: float = 11.0, layer: int = 0) -> River:
    columns = np.arange(1, N_X - 1)
    stage = 13.0 - 0.2 * columns
    return River(grid.cell(layer, 2, columns), stage, 25.0, np.minimum(low, stage))


@problem
def bent_river() -> Problem:
    grid = _grid()
    return _build("river", grid, _confined(grid), (_river(grid), _wells(grid)))


@problem
def bent_river_left_behind() -> Problem:
    grid = _grid()
    return _build("river_high", grid, _confined(grid), (_river(grid), _wells(grid, 0, 400.0)))


@problem
def bent_river_in_time() -> Problem:
    grid = _grid()
    stage = np.array([12.0, 13.0, 11.0, 12.5])[:, None] * np.ones(5)
    river = River(grid.cell(0, 3, range(1, 6)), stage, np.array([10.0, 40.0, 10.0, 5.0])[:, None] * np.ones(5), stage - 1.0)
    return _build("river_in_time", grid, _confined(grid), (river, _wells(grid)))


@problem
def bent_drains() -> Problem:
    grid = _grid()
    drains = Drain(grid.cell(0, [1, 2, 3, 4], [1, 3, 5, 6]), [12.0, 11.5, 10.4, 10.1], [5.0, 30.0, 10.0, 50.0])
    recharge = Recharge(np.arange(N_Y * N_X), np.array([1e-3, 0.0, 3e-3, 1e-3])[:, None] * np.ones(N_Y * N_X))
    return _build("drains", grid, _confined(grid), (drains, recharge, _wells(grid)))


@problem
def bent_evapotranspiration() -> Problem:
    grid = _grid()
    cells = np.arange(N_Y * N_X)
    depth = np.where(cells % 3 == 0, 1.0, 4.0)
    rate = np.array([2e-3, 1e-3, 4e-3, 0.0])[:, None] * np.ones(cells.size)
    plants = Evapotranspiration(cells, 11.0 + 0.05 * (cells % 40), rate, depth)
    return _build("plants", grid, _confined(grid), (plants, _west(grid), Recharge(cells, 1e-3), _wells(grid)))


@problem
def bent_everything() -> Problem:
    return small_problems.random_problem(11, convertible=False)


@problem
def bent_everything_again() -> Problem:
    return small_problems.random_problem(12, convertible=False, n_y=8, n_x=5)


# convertible, Newton's method


def _water_table(grid: Grid, convertible=True, averaging="upstream", **more) -> AquiferProperties:
    k = more.pop("k", [5.0, 2.0, 12.0, 1.0, 30.0][: grid.shape[0]])
    return AquiferProperties(
        grid, k, specific_storage=1e-5, specific_yield=0.15, convertible=convertible, averaging=averaging, **more
    )


def _rain(rate: tuple[float, ...] = (1e-3, 0.0, 2e-3, 5e-4)) -> Recharge:
    return Recharge(np.arange(N_Y * N_X), np.array(rate)[:, None] * np.ones(N_Y * N_X))


@problem
def newton_dupuit() -> Problem:
    grid = _grid(1)
    steady = Schedule(1.0, steady=True)
    return _build("dupuit", grid, _water_table(grid), (Recharge(np.arange(N_Y * N_X), 2e-3),), schedule=steady)


@problem
def newton_water_table() -> Problem:
    grid = _grid()
    return _build("table", grid, _water_table(grid, [True, False, False]), (_rain(), _wells(grid), _west(grid)))


@problem
def newton_drying_well() -> Problem:
    grid = _grid(1)
    wells = Wells(grid.cell(0, [2, 3], [2, 3]), np.array([0.0, 900.0, 900.0, 0.0])[:, None] * np.array([1.0, 0.4]))
    return _build("drying", grid, _water_table(grid), (wells, _west(grid)))


@problem
def newton_flow_reduction() -> Problem:
    grid = _grid(1)
    wells = Wells(grid.cell(0, [2, 3], [2, 3]), [[0, 0], [500, 200], [500, 0], [0, 0]], flow_reduction=0.4)
    return _build("reduction", grid, _water_table(grid), (wells, _west(grid)))


@problem
def newton_rewetting() -> Problem:
    grid = Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 20.0, [11.0, 6.0, -20.0])
    schedule = Schedule([1.0, 60.0, 200.0, 200.0], [1, 6, 8, 8], 1.2, [True, False, False, False])
    # the uppermost layer falls dry about the wells, and wets again when they rest and the rains come
    stresses = (_rain((2e-3, 0.0, 0.0, 6e-3)), _wells(grid, rate=1200.0), _west(grid, 15.0))
    fixed = FixedHead(np.arange(grid.n_cell).reshape(grid.shape)[:, :, -1].ravel(), 12.0)
    return _build("rewetting", grid, _water_table(grid, k33=0.5), stresses, fixed, schedule, head=14.0)


@problem
def newton_rain_on_dry_layer() -> Problem:
    grid = Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 30.0, [14.0, 6.0, -20.0])
    fixed = FixedHead(grid.cell(2, range(N_Y), N_X - 1), 10.0)
    stresses = (_rain((1e-4, 2e-3, 1e-3, 0.0)), _west(grid, 15.0))
    return _build("perched", grid, _water_table(grid, k33=[0.05, 1e-3, 1.0]), stresses, fixed)


@problem
def newton_confined_turns_unconfined() -> Problem:
    grid = Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 20.0, [9.0, 8.0, -20.0])
    properties = _water_table(grid, [False, True, True], k=[0.5, 1.0, 15.0], k33=0.05)
    return _build("conversion", grid, properties, (_rain(), _wells(grid, rate=900.0), _west(grid)), head=13.0)


@problem
def newton_mixed_layer() -> Problem:
    grid = _grid()
    convertible = np.zeros(grid.shape)
    convertible[0, :, ::2] = convertible[1, 1:3] = convertible[2, 4] = 1.0
    return _build("checkered", grid, _water_table(grid, convertible), (_rain(), _wells(grid), _west(grid)))


@problem
def newton_river_and_drains() -> Problem:
    grid = _grid()
    drains = Drain(grid.cell(0, [4, 4, 5], [1, 3, 5]), [11.0, 10.5, 10.2], 20.0)
    return _build("bent", grid, _water_table(grid), (_river(grid, 9.0), drains, _rain(), _wells(grid)))


@problem
def newton_evapotranspiration() -> Problem:
    grid = _grid()
    cells = np.arange(N_Y * N_X)
    plants = Evapotranspiration(cells, 13.0, np.array([2e-3, 4e-3, 2e-3, 0.0])[:, None] * np.ones(cells.size), 5.0)
    return _build("plants", grid, _water_table(grid), (plants, _rain(), _west(grid)))


@problem
def newton_fixed_heads_in_time() -> Problem:
    grid = _grid()
    cells = np.arange(grid.n_cell).reshape(grid.shape)[:, :, -1].ravel()
    levels = np.array([10.0, 16.0, 4.0, 22.0])[:, None] * np.ones(cells.size)
    return _build("tides", grid, _water_table(grid), (_rain(),), FixedHead(cells, levels))


@problem
def newton_barriers() -> Problem:
    grid = _grid()
    wall = FlowBarrier(grid.cell(0, range(4), 3), grid.cell(0, range(4), 4), [1e-4, 1e-3, 1e-2, 0.1])
    return _build("wall", grid, _water_table(grid), (_rain(), _wells(grid), _west(grid)), barriers=(wall,))


@problem
def newton_anisotropy_and_spacing() -> Problem:
    active = np.ones((3, N_Y, N_X), dtype=bool)
    active[:, 4:, 5:7] = active[1, 0, 2:4] = False
    grid = Grid(100.0 * 1.3 ** np.arange(N_X), 200.0 / 1.3 ** np.arange(N_Y), 20.0, [0.0, -6.0, -30.0], active)
    properties = _water_table(grid, k22=[20.0, 0.5, 3.0], k33=[0.5, 0.02, 1.0])
    wells = Wells(grid.cell(2, [1, 3, 3], [2, 4, 5]), np.array([0.0, 150.0, 80.0, 0.0])[:, None] * np.ones(3))
    return _build("stretched", grid, properties, (wells, _west(grid)))


@problem
def newton_sloping_layers() -> Problem:
    bottom = np.array([2.0, -10.0, -30.0])[:, None, None] + _random(2, (3, N_Y, N_X), -4.0, 4.0)
    grid = Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 20.0 + _random(3, (N_Y, N_X), -2.0, 2.0), bottom)
    fixed = FixedHead(np.arange(grid.n_cell).reshape(grid.shape)[:, :, -1].ravel(), 9.0)
    return _build("hills", grid, _water_table(grid, k33=0.5), (_rain(), _wells(grid), _west(grid)), fixed)


@problem
def newton_pass_through_cells() -> Problem:
    grid = _pinched()
    return _build("pinched", grid, _water_table(grid, k=(5.0, 0.1, 0.5, 20.0)), (_wells(grid), _west(grid)))


@problem
def newton_leakance() -> Problem:
    grid = _grid()
    properties = _water_table(grid, leakance=[2e-4, np.nan])
    return _build("leaky", grid, properties, (_rain(), _wells(grid), _west(grid)))


@problem
def newton_everything() -> Problem:
    return small_problems.random_problem(21)


@problem
def newton_everything_again() -> Problem:
    return small_problems.random_problem(22, n_y=5, n_x=9)


@problem
def newton_everything_in_steady_state() -> Problem:
    return random_problems.random_problem(31, steady=True)


@problem
def newton_everything_with_barriers() -> Problem:
    return random_problems.random_problem(32)


# convertible, harmonic mean of saturated thickness


@problem
def harmonic_dupuit() -> Problem:
    grid = _grid(1)
    steady = Schedule(1.0, steady=True)
    recharge = Recharge(np.arange(N_Y * N_X), 2e-3)
    return _build("harmonic", grid, _water_table(grid, averaging="harmonic"), (recharge,), schedule=steady)


@problem
def harmonic_water_table() -> Problem:
    grid = _grid()
    properties = _water_table(grid, [True, False, False], "harmonic", k22=[1.0, 2.0, 20.0])
    return _build("harmonic", grid, properties, (_rain(), _wells(grid, rate=80.0), _west(grid)))


@problem
def harmonic_sloping_layers() -> Problem:
    bottom = np.array([2.0, -10.0, -30.0])[:, None, None] + _random(2, (3, N_Y, N_X), -4.0, 4.0)
    grid = Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 20.0 + _random(3, (N_Y, N_X), -2.0, 2.0), bottom)
    fixed = FixedHead(np.arange(grid.n_cell).reshape(grid.shape)[:, :, -1].ravel(), 9.0)
    properties = _water_table(grid, averaging="harmonic", k33=0.5)
    return _build("harmonic", grid, properties, (_rain(), _wells(grid), _west(grid)), fixed)


@problem
def harmonic_barriers() -> Problem:
    grid = _grid()
    wall = FlowBarrier(grid.cell(0, range(4), 3), grid.cell(0, range(4), 4), [1e-4, 1e-3, 1e-2, 0.1])
    properties = _water_table(grid, averaging="harmonic")
    return _build("wall", grid, properties, (_rain(), _wells(grid), _west(grid)), barriers=(wall,))


@problem
def harmonic_wall_between_water_tables() -> Problem:
    """Return a tight wall all across, with water metres higher on one side: it is as high as the mean of both."""
    grid = Grid(np.full(N_X, 100.0), np.full(N_Y, 80.0), 40.0, _random(2, (1, N_Y, N_X), -3.0, 3.0))
    rows = np.arange(N_Y)
    wall = FlowBarrier(grid.cell(0, rows, 3), grid.cell(0, rows, 4), np.linspace(1e-3, 3e-3, N_Y))
    across = FlowBarrier(grid.cell(0, 3, [5, 6]), grid.cell(0, 2, [5, 6]), 1e-2, name="across")
    properties = _water_table(grid, averaging="harmonic")
    return _build("tight", grid, properties, (_rain(), _wells(grid, rate=40.0)), barriers=(wall, across), head=15.0)
