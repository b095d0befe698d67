"""Recovery of tanks: cells that leak to a level, whose heads return as ``h = h_b − (Q / C) e^(−t/τ)`` with ``τ = S A / C``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Context, FlowResult, Observations, Problem, Zones
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import DAYS_PER_YEAR, Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.steady import solve_steady
from aquirecover.flow.stresses import GeneralHead, Recharge, Wells
from aquirecover.study.equilibrium import equilibrium_problem, no_pumping_head
from aquirecover.study.recovery import RecoverySettings, assess_recovery
from aquirecover.study.seasons import choose_average
from aquirecover.study.sources import water_sources
from aquirecover.study.tables import recovery_table, sources_table, yearly_table

YEAR = DAYS_PER_YEAR
AREA, STORATIVITY, LEVEL, RATE = 1e6, 0.02, 10.0, 1000.0
# one tank falls by 4 m with a time constant of 80 d, the other by 2 m with 40 d, under the same pumping
CONDUCTANCE = np.array([250.0, 500.0])
TAU = STORATIVITY * AREA / CONDUCTANCE
FALL = RATE / CONDUCTANCE
START = 4.0 * YEAR


def tanks(*, stops: bool = True, season: float = 0.0, limit: float = 7.0, steps: int = 60) -> Problem:
    """Return two tanks beside a wall: steady without pumping, four years of pumping, three years of recovery.

    Periods are half-years; the outer level is `season` higher in the first half of each year and as much lower in the second.
    """
    grid = Grid(dx=[1000.0, 1000.0, 1000.0], dy=[1000.0], top=20.0, bottom=[0.0], active=[[[True, False, True]]])
    n_half = 14
    length = np.concatenate(([0.0], np.full(n_half, 0.5 * YEAR)))
    pumping = np.where((np.arange(n_half + 1) >= 1) & ((np.arange(n_half + 1) < 9) | (not stops)), RATE, 0.0)
    level = LEVEL + season * np.concatenate(([0.0], np.tile([1.0, -1.0], n_half // 2)))
    cells = np.array([0, 2])
    return Problem(
        name="tanks",
        grid=grid,
        properties=AquiferProperties(grid, k=1.0, specific_storage=STORATIVITY / 20.0),
        schedule=Schedule(
            length, n_steps=[1] + [steps] * n_half, step_multiplier=1.0, steady=[True] + [False] * n_half, save_step=True
        ),
        initial_head=np.full(grid.shape, LEVEL),
        stresses=(
            Wells(cells, pumping_rate=np.repeat(pumping[:, None], 2, axis=1)),
            GeneralHead(cells, np.repeat(level[:, None], 2, axis=1), CONDUCTANCE, name="river"),
        ),
        observations=Observations(("slow", "quick"), cells),
        zones=Zones(("west", "east", "empty"), np.array([[[0, -1, 1]]])),
        context=Context(restriction_start=START, head_limit=np.full(grid.shape, limit)),
    )


@pytest.fixture(scope="module")
def result() -> FlowResult:
    return simulate(tanks())


@pytest.fixture(scope="module")
def seasonal() -> FlowResult:
    return simulate(tanks(season=1.0))


def test_references(result: FlowResult) -> None:
    none = no_pumping_head(result.problem, solve_steady)
    report = assess_recovery(result, no_pumping=none)
    assert report.references == ("before_pumping", "restriction_start", "no_pumping", "head_limit")
    assert report.average == "none"
    places = report.observations
    assert places.reference_head["before_pumping"] == pytest.approx([LEVEL, LEVEL])
    assert places.reference_head["no_pumping"] == pytest.approx([LEVEL, LEVEL])
    assert places.reference_head["restriction_start"] == pytest.approx(LEVEL - FALL, abs=1e-3)
    assert places.reference_head["head_limit"] == pytest.approx([7.0, 7.0])
    assert places.end_residual["restriction_start"] == pytest.approx(-FALL, abs=1e-2)
    assert set(places.recovery_fraction) == {"before_pumping", "no_pumping", "head_limit"}


def test_times_and_rates_of_an_exponential(result: FlowResult) -> None:
    report = assess_recovery(result)
    expected = TAU * np.log([[2.0], [10.0], [20.0]])
    # backward Euler with steps of 3 d: late by about Δt / (2 τ)
    assert report.observations.time_to_recovery["before_pumping"] == pytest.approx(expected, rel=0.05)
    assert report.zones.time_to_recovery["before_pumping"][:, :2] == pytest.approx(expected, rel=0.05)
    assert report.maps.time_to_recovery["before_pumping"][:, 0, 0, [0, 2]] == pytest.approx(expected, rel=0.05)
    assert np.isnan(report.maps.time_to_recovery["before_pumping"][:, 0, 0, 1]).all()
    rates = report.observations.recovery_rate
    assert rates[0] == pytest.approx(FALL * (1.0 - np.exp(-YEAR / TAU)) / YEAR, rel=0.01)
    assert np.isnan(rates[1]).all()
    assert rates[2] == pytest.approx(FALL / (3.0 * YEAR), rel=0.01)


def test_fraction_against_a_limit_goes_beyond_one(result: FlowResult) -> None:
    report = assess_recovery(result)
    slow, quick = report.observations.end_fraction["head_limit"]
    assert slow == pytest.approx(4.0 / 1.0, rel=1e-2)
    # the quick tank was 1 m above its limit from the start: it has nothing to recover
    assert np.isnan(quick)
    assert report.observations.end_residual["head_limit"] == pytest.approx([-3.0, -3.0], abs=1e-2)


def test_fraction_is_unknown_before_the_restriction(result: FlowResult) -> None:
    places = assess_recovery(result).observations
    before = places.time < START - 1.0
    assert np.isnan(places.recovery_fraction["before_pumping"][before]).all()
    assert np.isfinite(places.recovery_fraction["before_pumping"][~before]).all()
    assert places.residual_drawdown["before_pumping"][before].max() == pytest.approx(4.0, abs=1e-2)


def test_volume_and_area(result: FlowResult) -> None:
    report = assess_recovery(result)
    zones = report.zones
    assert zones.recovered_volume is not None
    assert zones.recovered_volume[-1] == pytest.approx([*(STORATIVITY * AREA * FALL), 0.0], rel=1e-3)
    begin = int(np.flatnonzero(np.abs(zones.time - START) < 1e-3)[-1])
    assert zones.recovered_volume[begin] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    assert zones.area_above_limit is not None
    assert zones.area_above_limit[[begin, -1]] == pytest.approx(np.array([[0.0, AREA, 0.0], [AREA, AREA, 0.0]]))
    assert zones.area_with_limit == pytest.approx([AREA, AREA, 0.0])
    assert report.maps.recovered_volume[-1, 0] == pytest.approx(STORATIVITY * AREA * FALL.sum(), rel=1e-3)
    assert report.maps.area_above_limit[begin, 0] == pytest.approx(AREA)
    assert np.isnan(zones.head[:, 2]).all()


@pytest.mark.parametrize("average", ["season", "year"])
def test_seasons_are_taken_out(result: FlowResult, seasonal: FlowResult, average: str) -> None:
    # a linear tank: the season adds the same to every year, so that what is left recovers as without season
    settings = RecoverySettings(average=average)  # type: ignore[arg-type]
    plain, moved = (assess_recovery(run, settings=settings).observations for run in (result, seasonal))
    for name in ("before_pumping", "head_limit"):
        assert moved.end_fraction[name] == pytest.approx(plain.end_fraction[name], rel=1e-3, nan_ok=True)
        assert moved.time_to_recovery[name] == pytest.approx(plain.time_to_recovery[name], rel=1e-2, nan_ok=True)
    assert moved.start_head == pytest.approx(LEVEL - FALL, abs=0.02)
    assert moved.annual_mean[-1] == pytest.approx([LEVEL, LEVEL], abs=0.02)
    assert np.all(moved.seasonal_low[-1] < LEVEL - 0.7)
    assert moved.year.tolist() == [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0]


def test_means_of_years_blur_quick_recoveries(seasonal: FlowResult) -> None:
    exact = TAU * np.log(2.0)
    season, year = (
        assess_recovery(seasonal, settings=RecoverySettings(average=average)).observations.time_to_recovery["before_pumping"][0]
        for average in ("season", "year")
    )
    assert season == pytest.approx(exact, rel=0.05)
    assert np.all(year > 1.3 * exact)


def test_the_season_is_left_off_the_series_too(seasonal: FlowResult) -> None:
    swing = {}
    for average in ("none", "season"):
        settings = RecoverySettings(average=average)  # type: ignore[arg-type]
        places = assess_recovery(seasonal, settings=settings).observations
        last = places.time > START + 2.0 * YEAR
        swing[average] = np.ptp(places.recovery_fraction["before_pumping"][last], axis=0)
    # compared as they are, the fraction of the last year swings by the season over the fall
    assert np.all(swing["none"] > 0.2)
    assert np.all(swing["season"] < 0.01)


def test_the_comparison_follows_from_the_stresses(result: FlowResult, seasonal: FlowResult) -> None:
    assert assess_recovery(result).average == "none"
    assert assess_recovery(seasonal).average == "season"
    problem = seasonal.problem
    # only the ends of years are known
    assert choose_average(problem, START, np.arange(8) * YEAR) == "year"
    # pumping makes a part of the cycle
    wells, river = problem.stresses
    assert isinstance(wells, Wells)
    summer = wells.pumping_rate * np.where(np.arange(15) % 2, 1.0, 0.3)[:, None]
    time = problem.schedule.step_time
    assert choose_average(replace(problem, stresses=(Wells(wells.cell, summer), river)), START, time) == "year"
    # a change one way only is no season
    rising = GeneralHead(river.cell, np.repeat(np.linspace(10.0, 11.0, 15)[:, None], 2, axis=1), CONDUCTANCE, name="river")
    assert choose_average(replace(problem, stresses=(wells, rising)), START, time) == "none"


def test_sources_against_the_start(result: FlowResult) -> None:
    sources = assess_recovery(result).sources[0]
    assert sources.relative_to == "restriction_start"
    assert sources.terms == ("storage", "wells", "river")
    assert sources.year_end == pytest.approx(YEAR * np.array([1.0, 2.0, 3.0]))
    assert sources.volume.sum(axis=1) == pytest.approx(np.zeros(3), abs=1e-3 * RATE * YEAR)
    # wells leave 2 Q t in the ground; storage takes S A Σ fall; the river gives less by the rest
    gained = STORATIVITY * AREA * FALL.sum()
    assert sources.total == pytest.approx([-gained, 2.0 * RATE * 3.0 * YEAR, gained - 2.0 * RATE * 3.0 * YEAR], rel=1e-3)


def test_leap_years_leave_no_trace_in_sources() -> None:
    dates = np.array([f"{year}-{month}-01" for year in range(2017, 2026) for month in ("05", "11")][1:], dtype="datetime64[D]")
    length = np.diff(dates).astype(float)  # a dry and a wet season each year; February 2020 and 2024 have 29 days
    rain = np.where(np.arange(length.size) % 2, 2e-3, 5e-4)[:, None]
    start = float(length[:4].sum())
    pumping = np.where(np.cumsum(length) <= start + 0.5, 50.0, 0.0)[:, None]
    grid = Grid([100.0], [100.0], top=20.0, bottom=[0.0])
    problem = Problem(
        "seasons",
        grid,
        AquiferProperties(grid, k=10.0, specific_storage=1e-3),
        Schedule(length, n_steps=4, start="2017-11-01"),
        np.full(grid.shape, 10.0),
        stresses=(Recharge([0], rain), Wells([0], pumping), GeneralHead([0], 10.0, 5.0, name="lake")),
        context=Context(restriction_start=start),
    )
    sources = water_sources(simulate(problem), start)
    volume = dict(zip(sources.terms, sources.volume.T, strict=True))
    assert np.abs(volume["recharge"]).max() < 1e-6  # m³
    np.testing.assert_allclose(volume["wells"], 50.0 * np.diff(sources.year_end, prepend=0.0), rtol=1e-9)
    # without the wells, it is the lake alone that takes the water in the end
    assert volume["lake"][-1] == pytest.approx(-volume["wells"][-1], rel=2e-3)


def test_sources_against_a_baseline(result: FlowResult) -> None:
    baseline = simulate(tanks(stops=False, steps=20))
    report = assess_recovery(result, baseline=baseline)
    assert [s.relative_to for s in report.sources] == ["restriction_start", "baseline"]
    assert report.sources[1].total == pytest.approx(report.sources[0].total, rel=1e-3)


def test_sources_refuse_other_histories(result: FlowResult) -> None:
    short = simulate(replace(tanks(), schedule=Schedule(10.0), stresses=(), context=Context()))
    with pytest.raises(ValueError, match="they must be the same"):
        water_sources(result, START, short)
    with pytest.raises(ValueError, match="No step ends before"):
        water_sources(result, -1.0)


def test_refusals(result: FlowResult) -> None:
    with pytest.raises(ValueError, match="no start of a restriction"):
        assess_recovery(replace(result, problem=replace(result.problem, context=Context())))
    with pytest.raises(ValueError, match="must be saved"):
        assess_recovery(result, settings=RecoverySettings(start=START + 1.0))
    with pytest.raises(ValueError, match="follows the start"):
        assess_recovery(result, settings=RecoverySettings(start=7.0 * YEAR))


def test_run_that_begins_with_the_restriction() -> None:
    problem = tanks()
    head = np.full(problem.grid.shape, LEVEL)
    head[0, 0, [0, 2]] -= FALL
    rest = replace(
        problem,
        schedule=Schedule(YEAR, n_steps=100),
        initial_head=head,
        stresses=(Wells([0, 2]), GeneralHead([0, 2], LEVEL, CONDUCTANCE, name="river")),
        context=Context(restriction_start=0.0),
    )
    schedule = Schedule(YEAR, n_steps=100, save_step=True)
    report = assess_recovery(simulate(replace(rest, schedule=schedule)), no_pumping=np.full(head.shape, LEVEL))
    assert report.references == ("restriction_start", "no_pumping")
    assert report.sources == ()
    assert report.observations.time_to_recovery["no_pumping"][0] == pytest.approx(TAU * np.log(2.0), rel=0.05)


def test_equilibrium_problem_takes_the_mean_year() -> None:
    problem = tanks(season=1.0, stops=False)
    still = equilibrium_problem(problem)
    assert still.schedule.n_period == 1
    assert still.schedule.steady.all()
    river = still.stresses[1]
    assert isinstance(river, GeneralHead)
    assert river.boundary_head == pytest.approx([LEVEL, LEVEL])
    assert solve_steady(still, 0)[0, 0, [0, 2]] == pytest.approx([LEVEL, LEVEL])
    pumped = equilibrium_problem(problem, pumping=True)
    assert solve_steady(pumped, 0)[0, 0, [0, 2]] == pytest.approx(LEVEL - FALL)
    before = equilibrium_problem(problem, pumping=True, until=0.0)
    assert solve_steady(before, 0)[0, 0, [0, 2]] == pytest.approx([LEVEL, LEVEL])
    assert problem.wells[0].pumping_rate.max() == RATE
    with pytest.raises(ValueError, match="inside the schedule"):
        equilibrium_problem(problem, until=-900.0)


def test_tables(result: FlowResult) -> None:
    report = assess_recovery(result)
    table = recovery_table(report)
    assert table.n_row == 5 * 3
    assert list(table.columns) == list(table.units)
    row = int(np.flatnonzero((table.columns["name"] == "slow") & (table.columns["reference"] == "before_pumping"))[0])
    assert table.columns["kind"][row] == "observation"
    assert table.columns["start_head"][row] == pytest.approx(6.0, abs=1e-3)
    assert table.columns["recovery_fraction"][row] == pytest.approx(1.0, abs=1e-3)
    assert table.columns["time_to_50_percent"][row] == pytest.approx(TAU[0] * np.log(2.0), rel=0.05)
    assert table.columns["recovery_rate_overall"][row] == pytest.approx(4.0 / 3.0, rel=1e-2)
    assert table.units["recovery_rate_overall"] == "m yr-1"
    west = (table.columns["name"] == "west") & (table.columns["reference"] == "head_limit")
    assert table.columns["share_above_limit"][west] == pytest.approx([1.0])
    years = yearly_table(report)
    assert years.n_row == 5 * 7
    sources = sources_table(report)
    assert sources.n_row == 3 * 3
    assert sources.columns["volume"].sum() == pytest.approx(0.0, abs=1e-3 * RATE * YEAR)


def test_tables_without_places(result: FlowResult) -> None:
    bare = replace(result.problem, observations=Observations(), zones=None)
    report = assess_recovery(simulate(bare))
    assert report.observations.names == ()
    assert report.zones.names == ()
    assert recovery_table(report).n_row == 0
    assert yearly_table(report).n_row == 0
