"""The benchmark problems: a basin of five layers, one confined layer of a million cells, and the Thai Binh model.

====  =============================================================================================================
P1    5 layers × 100 × 100 cells of 500 m, confined, 200 wells, steady + 360 monthly steps (half the pumping after 20 years)
P2    the same basin, 5 × 400 × 400 cells of 125 m, steady + 120 monthly steps
P3    P1 with a water table in layer 1 (specific yield 0.15), Newton
P4    P2 with a water table in layer 1, Newton, steady + 24 monthly steps
P5    1 layer × 1000 × 1000 cells of 100 m, T 500 m²/d, S 1e-4, 50 wells, 100 steps growing by 1.1 from 0.01 d
P1s…  seasonal: every month has its own pumping, 1 + 0.3 sin(2π month / 12) times the well's rate
====  =============================================================================================================

``thai_binh/1km`` is the shipped scenario with all pumping stopped, on cells of 1 km. `modflow_input` writes P1 to P5 for
MODFLOW 6 from the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aquirecover.flow.problem import Problem
    from aquirecover.flow.schedule import Schedule
    from aquirecover.flow.simulate import SimulateSettings

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "scenarios/thai_binh/stop_all.yaml"

NAMES = ("P1", "P1s", "P2", "P2s", "P5", "P3", "P3s", "P4", "P4s", "thai_binh/1km", "thai_binh/250m", "thai_binh/125m")

MONTH = 365.25 / 12.0
TOP = 15.0
THICKNESS = np.array([20.0, 15.0, 25.0, 10.0, 40.0])
BOTTOM = TOP - np.cumsum(THICKNESS)
K = np.array([5.0, 1e-3, 15.0, 1e-3, 30.0])
SPECIFIC_STORAGE, SPECIFIC_YIELD = 1e-5, 0.15
RECHARGE, WELL_RATE, BORDER_HEAD = 1e-4, 500.0, 5.0
EXTENT = 50_000.0
WELLS, OBSERVED, GROUPS = 200, 10, 20
RIVER_ROWS = (33, 66)

PLAIN_CELLS, PLAIN_SIZE, PLAIN_K, PLAIN_THICKNESS = 1000, 100.0, 50.0, 10.0
PLAIN_RATE, PLAIN_WELLS = 1000.0, 50
PLAIN_FIRST, PLAIN_GROWTH, PLAIN_STEPS = 0.01, 1.1, 100


@dataclass(frozen=True)
class Basin:
    """A basin of the table above.

    Parameters
    ----------
    name : str
        P1 to P4, with ``s`` when seasonal.
    refine : int
        Cells along a side, hundreds.
    months : int
        Monthly steps after the steady one.
    water_table : bool
        Whether layer 1 is convertible.
    seasonal : bool
        Whether the pumping swings over the year.
    factors : tuple of float
        By which the wells of each of `GROUPS` groups pump more or less: a scenario.
    """

    name: str
    refine: int
    months: int
    water_table: bool
    seasonal: bool
    factors: tuple[float, ...] = ()

    @property
    def n(self) -> int:
        """Cells along a side."""
        return 100 * self.refine

    @property
    def size(self) -> float:
        """Side of a cell, m."""
        return EXTENT / self.n

    def pumping(self) -> NDArray[np.float64]:
        """Share of its full rate that each well pumps in each month, shape ``(months, 200)``."""
        month = np.arange(self.months)
        level = np.where(month < 240, 1.0, 0.5)
        level = level * (1.0 + 0.3 * np.sin(2.0 * np.pi * month / 12.0)) if self.seasonal else level
        factor = np.repeat(self.factors or (1.0,) * GROUPS, WELLS // GROUPS)
        return level[:, None] * factor

    def wells(self) -> NDArray[np.int64]:
        """Layer, row and column of the wells, from 0, shape ``(200, 3)``."""
        random = np.random.default_rng(20240601)
        places: dict[tuple[int, int, int], None] = {}
        while len(places) < WELLS:
            places[int(random.choice([2, 4])), int(random.integers(5, 95)), int(random.integers(5, 95))] = None
        centre = self.refine // 2
        return np.array([(k, i * self.refine + centre, j * self.refine + centre) for k, i, j in places])

    def river(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], float]:
        """Rows, columns and stages of the two rivers in layer 1, and their conductance, m²/d; the bed is 2 m below the stage."""
        column = np.tile(np.arange(1, self.n - 1), len(RIVER_ROWS))
        row = np.repeat([i * self.refine + self.refine // 2 for i in RIVER_ROWS], self.n - 2)
        return row, column, 6.0 - 5.5 * (column + 0.5) / self.n, 2.0 * self.size

    def border_conductance(self) -> NDArray[np.float64]:
        """Conductance of the western border of a cell of each layer, m²/d."""
        return K * THICKNESS * self.size / 500.0


BASINS = {"P1": (1, 360, False), "P2": (4, 120, False), "P3": (1, 360, True), "P4": (4, 24, True)}


def basin(name: str, months: int | None = None) -> Basin:
    """Return a basin by its name, with fewer months on demand."""
    refine, most, water_table = BASINS[name.removesuffix("s")]
    return Basin(name, refine, months or most, water_table, name.endswith("s"))


def scenario_factors(count: int) -> NDArray[np.float64]:
    """Return factors of the groups of wells of scenarios, from 0.5 to 1.5, shape ``(count, 20)``."""
    return np.random.default_rng(20240609).uniform(0.5, 1.5, (count, GROUPS))


def basin_problem(given: Basin) -> Problem:
    """Return a basin as a problem; the heads of the last step are kept, and those of the first ten wells at every step."""
    from aquirecover.flow.grid import Grid
    from aquirecover.flow.problem import Observations, Problem
    from aquirecover.flow.properties import AquiferProperties
    from aquirecover.flow.schedule import Schedule
    from aquirecover.flow.stresses import FixedHead, GeneralHead, Recharge, River, Wells

    n, months = given.n, given.months
    grid = Grid(np.full(n, given.size), np.full(n, given.size), TOP, BOTTOM)
    convertible = [given.water_table, False, False, False, False]
    specific_yield = SPECIFIC_YIELD if given.water_table else 0.0
    properties = AquiferProperties(
        grid, K, specific_storage=SPECIFIC_STORAGE, specific_yield=specific_yield, convertible=convertible
    )
    step = np.arange(months + 1)
    schedule = Schedule([1.0] + [MONTH] * months, steady=step == 0, save_step=step == months)
    layer, side = (index.ravel() for index in np.indices((K.size, n)))
    row, column, stage, conductance = given.river()
    wells = grid.cell(*given.wells().T)
    rate = WELL_RATE * np.vstack((np.zeros(WELLS), given.pumping()))
    stresses = (
        GeneralHead(grid.cell(layer, side, 0), BORDER_HEAD, given.border_conductance()[layer]),
        Recharge(np.arange(n * n), RECHARGE),
        River(grid.cell(0, row, column), stage, conductance, stage - 2.0),
        Wells(wells, rate),
    )
    east = FixedHead(grid.cell(layer, side, n - 1), 0.0)
    names = tuple(f"W{i}" for i in range(OBSERVED))
    start = np.full(grid.shape, BORDER_HEAD)
    return Problem(
        given.name, grid, properties, schedule, start, stresses, (east,), observations=Observations(names, wells[:OBSERVED])
    )


def plain_wells(n: int = PLAIN_CELLS) -> NDArray[np.int64]:
    """Layer, row and column of the wells of P5, from 0, shape ``(50, 3)``."""
    random = np.random.default_rng(20240605)
    places: dict[tuple[int, int, int], None] = {}
    edge = n // 20
    while len(places) < PLAIN_WELLS:
        places[0, int(random.integers(edge, n - edge)), int(random.integers(edge, n - edge))] = None
    return np.array(list(places))


def plain_problem(n: int = PLAIN_CELLS, steps: int = PLAIN_STEPS) -> Problem:
    """Return P5, or the like of it with fewer cells and steps."""
    from aquirecover.flow.grid import Grid
    from aquirecover.flow.problem import Observations, Problem
    from aquirecover.flow.properties import AquiferProperties
    from aquirecover.flow.schedule import Schedule
    from aquirecover.flow.stresses import FixedHead, Wells

    grid = Grid(np.full(n, PLAIN_SIZE), np.full(n, PLAIN_SIZE), PLAIN_THICKNESS, [0.0])
    length = PLAIN_FIRST * (PLAIN_GROWTH**steps - 1.0) / (PLAIN_GROWTH - 1.0)
    last = np.arange(steps) == steps - 1
    schedule = Schedule([length], n_steps=[steps], step_multiplier=[PLAIN_GROWTH], save_step=last)
    edge = np.ones((n, n), dtype=bool)
    edge[1:-1, 1:-1] = False
    wells = grid.cell(*plain_wells(n).T)
    return Problem(
        "P5",
        grid,
        AquiferProperties(grid, PLAIN_K, specific_storage=SPECIFIC_STORAGE),
        schedule,
        np.zeros(grid.shape),
        (Wells(wells, PLAIN_RATE),),
        (FixedHead(np.flatnonzero(edge), 0.0),),
        observations=Observations(tuple(f"W{i}" for i in range(OBSERVED)), wells[:OBSERVED]),
    )


def make(name: str, steps: int | None = None) -> tuple[Problem, SimulateSettings]:
    """Return a problem by its name and the settings it is run with.

    Parameters
    ----------
    name : str
        As ``P1s``, ``P5`` or ``thai_binh/250m``.
    steps : int, optional
        Months, or steps of P5, instead of the full number.
    """
    if name.startswith("thai_binh/"):
        from aquirecover.case.scenario import load_case

        case = load_case(SCENARIO, cell_size=name.partition("/")[2])
        return replace(case.problem, schedule=_last_heads_only(case.problem.schedule)), case.settings
    problem = plain_problem(steps=steps or PLAIN_STEPS) if name == "P5" else basin_problem(basin(name, steps))
    return problem, settings(name)


def settings(name: str) -> SimulateSettings:
    """Return the settings of one of the five problems: residuals that leave heads about as near as MODFLOW's closure does.

    They sum to 1e-6 of the flow in a linear model and to 1e-7 in one with a water table; 1e-8 is the default.
    """
    from aquirecover.flow.newton import NewtonSettings
    from aquirecover.flow.simulate import SimulateSettings

    return SimulateSettings(newton=NewtonSettings(tolerance=1e-7 if name[:2] in ("P3", "P4") else 1e-6))


def small(name: str) -> Problem:
    """Return a problem of the same kind that is solved at once: it loads the compiled loops, those for several threads too.

    It has some 50,000 cells, since smaller grids are not shared among threads.
    """
    if name == "P5":
        return plain_problem(225, 5)
    if name.startswith("thai_binh/"):
        name = "P3"
    return basin_problem(replace(basin(name, 3), refine=1))


def _last_heads_only(schedule: Schedule) -> Schedule:
    """Return a schedule after which only the last heads are kept, as in the other problems."""
    from aquirecover.flow.schedule import Schedule

    last = np.arange(schedule.n_step) == schedule.n_step - 1
    return Schedule(
        schedule.period_length, schedule.n_steps, schedule.step_multiplier, schedule.steady, schedule.start, save_step=last
    )
