"""Models of MODFLOW 6 as problems: every array as the files have it, or as MODFLOW would use it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aquirecover.flow.problem import Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import Drain, Evapotranspiration, GeneralHead, Recharge, River, Wells
from aquirecover.modflow import Program
from aquirecover.modflow.imports.reader import Imported
from modflow_models import SHAPE, Mf6Model, change, flat, speak_to

Read = Callable[..., Imported]
Make = Callable[..., Mf6Model]


def stress(problem: Problem, kind: type) -> Any:
    (found,) = [item for item in problem.stresses if isinstance(item, kind)]
    return found


def test_grid_properties_and_heads(small: Make, read: Read) -> None:
    random = np.random.default_rng(1)
    domain = np.ones(SHAPE, dtype=int)
    domain[0, 1, 1], domain[1, 2, 2], domain[0, 0, 3] = 0, 0, -1

    def uniform(low: float, high: float, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
        return np.round(random.uniform(low, high, shape), 4)  # flopy writes eight digits after the point

    bottom = np.array([0.0, -20.0])[:, None, None] + np.round(random.uniform(-1.0, 1.0, SHAPE), 4)
    bottom = np.round(bottom, 4)
    k, k22, k33 = (uniform(1.0, 9.0) for _ in range(3))
    start, top = uniform(4.0, 9.0), uniform(9.0, 11.0, SHAPE[1:])
    dis = {"botm": bottom, "idomain": domain, "top": top, "xorigin": 600000.0, "yorigin": 2.2e6}
    model = small(dis=dis, npf={"k": k, "k22": k22, "k33": k33}, strt=start)
    problem = read(model.write()).problem
    grid, properties = problem.grid, problem.properties
    assert grid.dx.tolist() == [100.0, 150.0, 225.0, 100.0]
    assert grid.dy.tolist() == [50.0, 80.0, 50.0]
    assert (grid.x_min, grid.y_max) == (600000.0, 2.2e6 + 180.0)
    assert_array_equal(grid.active, domain > 0)
    assert_array_equal(grid.pass_through, domain < 0)
    for found, wanted in ((grid.top, top), (grid.bottom, bottom), (problem.initial_head, start)):
        assert_array_equal(found, wanted)
    for found, wanted in ((properties.k, k), (properties.k22, k22), (properties.k33, k33)):
        assert_array_equal(found, wanted)
    assert not properties.convertible.any()


def test_ratios_of_conductivity(small: Make, read: Read) -> None:
    model = small(npf={"k": 4.0, "k22": 0.5, "k33": 0.1, "k22overk": True, "k33overk": True})
    properties = read(model.write()).problem.properties
    assert properties.k22[0, 0, 0] == 2.0
    assert properties.k33[0, 0, 0] == 4.0 * 0.1


def test_time(small: Make, read: Read) -> None:
    model = small(tdis={"time_units": "hours", "start_date_time": "2011-05-03T06:00:00"}, dis={"length_units": "meters"})
    imported = read(model.write(), length_unit="", time_unit="")
    schedule = imported.problem.schedule
    assert_allclose(schedule.period_length, np.array([1.0, 10.0, 30.0]) / 24.0, rtol=1e-15)
    assert schedule.n_steps.tolist() == [1, 4, 3]
    assert schedule.step_multiplier.tolist() == [1.0, 1.5, 1.0]
    assert schedule.steady.tolist() == [True, False, False]
    assert schedule.start == "2011-05-03"
    assert "without the time of day" in " ".join(imported.report.converted)
    assert "Times in hours, over 24, are days." in imported.report.converted


def test_a_model_without_storage_is_steady(small: Make, read: Read) -> None:
    assert read(small(sto=None).write()).problem.schedule.steady.all()


def test_storage_without_a_word_is_transient(small: Make, read: Read) -> None:
    """STO without any period block stores water."""
    assert not read(small(sto={"steady_state": None, "transient": None}).write()).problem.schedule.steady.any()


def test_convertible_layers_and_storage(small: Make, read: Read) -> None:
    model = small(
        gwf={"newtonoptions": "NEWTON"},
        npf={"icelltype": [1, 0]},
        sto={"iconvert": [1, 0], "ss": [2e-5, 3e-5], "sy": [0.2, 0.25]},
    )
    properties = read(model.write()).problem.properties
    assert properties.convertible[:, 0, 0].tolist() == [True, False]
    assert properties.specific_storage[:, 0, 0].tolist() == [2e-5, 3e-5]
    assert properties.specific_yield[:, 0, 0].tolist() == [0.2, 0.0]
    assert properties.averaging == "upstream"


def test_storage_coefficients(small: Make, read: Read) -> None:
    model = small(sto={"storagecoefficient": True, "ss": [1e-3, 4e-3]})
    assert_allclose(read(model.write()).problem.properties.specific_storage[:, 0, 0], [1e-4, 2e-4], rtol=1e-15)


def test_an_empty_block_stops_all_wells(small: Make, read: Read) -> None:
    """Wells that are listed in one period hold until the next block; the empty block of the third period is a ban."""
    model = small()
    periods = {0: [((0, 0, 1), -30.0, "A"), ((1, 2, 3), -7.0, "B")], 1: [((1, 2, 3), 5.0, "B")], 2: []}
    model.add("wel", stress_period_data=periods, boundnames=True, maxbound=2)
    folder = model.write()
    text = (folder / "small.wel").read_text().lower()
    assert "begin period  3" in text or "begin period 3" in text
    wells = stress(read(folder).problem, Wells)
    assert wells.names == ("a", "b")
    assert wells.cell.tolist() == flat((0, 0, 1), (1, 2, 3))
    assert_array_equal(wells.pumping_rate, [[30.0, 7.0], [0.0, 0.0], [0.0, 0.0]])
    assert_array_equal(wells.injection_rate, [[0.0, 0.0], [0.0, 5.0], [0.0, 0.0]])
    assert wells.flow_reduction == 0.0


def test_several_packages_of_a_kind_and_wells_of_one_cell(small: Make, read: Read) -> None:
    model = small()
    model.add("wel", stress_period_data=[((0, 0, 1), -30.0), ((0, 0, 1), -4.0)], pname="towns")
    model.add("wel", stress_period_data=[((0, 0, 1), -1.0)], pname="farms 2", filename="farms.wel", auto_flow_reduce=0.3)
    first, second = read(model.write()).problem.wells
    assert (first.name, second.name) == ("wells_towns", "wells_farms 2")
    assert_array_equal(first.pumping_rate, [30.0, 4.0])
    assert second.flow_reduction == 0.3
    assert len({*first.names, *second.names}) == 3


def test_rivers_drains_and_general_heads(small: Make, read: Read) -> None:
    model = small()
    model.add("riv", stress_period_data={0: [((0, 0, 0), 9.0, 40.0, 6.0)], 2: [((0, 1, 0), 8.5, 30.0, 5.0)]})
    model.add("drn", stress_period_data=[((0, 2, 1), 7.0, 12.0), ((0, 2, 2), 7.5, 13.0)])
    data = [((1, 0, 3), 6.0, 5.0, 2.0), ((1, 1, 3), 6.5, 5.0, 3.0)]
    model.add("ghb", stress_period_data=data, auxiliary=["factor"], auxmultname="factor")
    problem = read(model.write()).problem
    river, drain, outer = (stress(problem, kind) for kind in (River, Drain, GeneralHead))
    assert river.cell.tolist() == flat((0, 0, 0), (0, 1, 0))
    # where it is not listed a river conducts nothing, and has the stage that it has when it is
    assert_array_equal(river.conductance, [[40.0, 0.0], [40.0, 0.0], [0.0, 30.0]])
    assert_array_equal(river.stage, [9.0, 8.5])
    assert_array_equal(river.bottom_elevation, [6.0, 5.0])
    assert_array_equal(drain.elevation, [7.0, 7.5])
    assert_array_equal(drain.conductance, [12.0, 13.0])
    assert_array_equal(outer.conductance, [10.0, 15.0])
    assert_array_equal(outer.boundary_head, [6.0, 6.5])


def test_recharge_and_evapotranspiration_as_arrays(small: Make, read: Read) -> None:
    domain = np.ones(SHAPE, dtype=int)
    domain[0, 1, 1] = 0
    model = small(dis={"idomain": domain})
    rates = {0: np.full(SHAPE[1:], 1e-3), 2: np.round(np.arange(12.0).reshape(SHAPE[1:]) * 1e-4, 4)}
    model.add("rcha", recharge=rates, irch=np.ones(SHAPE[1:], dtype=int))
    model.add("evta", surface=9.5, rate={0: 2e-3, 1: 3e-3}, depth=4.0)
    imported = read(model.write())
    rain, loss = (stress(imported.problem, kind) for kind in (Recharge, Evapotranspiration))
    assert rain.cell.tolist() == list(range(12, 24)), "IRCH: the second layer"
    assert_array_equal(rain.recharge_rate, [rates[0].ravel(), rates[0].ravel(), rates[2].ravel()])
    assert loss.cell.tolist() == [n for n in range(12) if n != 5], "no cell, no evapotranspiration"
    assert_array_equal(loss.rate[:, 0], [2e-3, 3e-3, 3e-3])
    assert_array_equal(loss.extinction_depth, np.full(11, 4.0))
    assert any("1 entry in cells that are not active" in text for text in imported.report.left_out)


def test_recharge_and_evapotranspiration_as_lists(small: Make, read: Read) -> None:
    model = small()
    model.add("rch", stress_period_data={1: [((0, 0, 0), 2e-3)]})
    model.add("evt", stress_period_data=[((0, 0, 1), 9.0, 1e-3, 3.0)], nseg=1)
    problem = read(model.write()).problem
    assert_array_equal(stress(problem, Recharge).recharge_rate, [[0.0], [2e-3], [2e-3]])
    loss = stress(problem, Evapotranspiration)
    assert (loss.surface[0], loss.rate[0], loss.extinction_depth[0]) == (9.0, 1e-3, 3.0)


def test_fixed_heads_swallow_what_lies_on_them(small: Make, read: Read) -> None:
    model = small()
    model.add("chd", stress_period_data={0: [((0, 0, 0), 9.0), ((1, 0, 0), 8.0)], 1: [((0, 0, 0), 7.0), ((1, 0, 0), 8.0)]})
    model.add("rcha", recharge=1e-3)
    imported = read(model.write())
    (fixed,) = imported.problem.fixed_heads
    assert_array_equal(fixed.head, [[9.0, 8.0], [7.0, 8.0], [7.0, 8.0]])
    assert stress(imported.problem, Recharge).cell.tolist() == list(range(1, 12))
    assert any("where MODFLOW ignores them" in text for text in imported.report.left_out)


def test_barriers(small: Make, read: Read) -> None:
    model = small()
    faces = [((0, 0, 0), (0, 0, 1), 1e-3), ((1, 1, 2), (1, 2, 2), 2e-3), ((0, 0, 1), (0, 0, 0), 1e-3)]
    model.add("hfb", stress_period_data={0: faces}, maxhfb=3)
    imported = read(model.write())
    (barrier,) = imported.problem.barriers
    assert sorted(zip(barrier.cell.tolist(), barrier.neighbour.tolist(), strict=True)) == [(0, 1), (18, 22)]
    # two barriers of 1e-3 on one face are one of half as much
    assert_allclose(sorted(barrier.hydraulic_characteristic), [5e-4, 2e-3])


def test_observation_points(small: Make, read: Read) -> None:
    model = small()
    points = {"heads.csv": [("P1", "HEAD", (0, 1, 2)), ("p1", "HEAD", (1, 2, 3)), ("Q", "FLOW-JA-FACE", (0, 0, 0), (0, 0, 1))]}
    model.mf6.ModflowUtlobs(model.model, continuous=points)
    imported = read(model.write())
    found = imported.problem.observations
    assert found.cell.tolist() == flat((0, 1, 2), (1, 2, 3))
    assert len({name.lower() for name in found.names}) == 2
    assert "1 observation of other things than heads" in " ".join(imported.report.left_out)


def test_feet_and_seconds(small: Make, read: Read) -> None:
    model = small(tdis={"time_units": "seconds"}, dis={"length_units": "feet"})
    model.add("wel", stress_period_data=[((0, 0, 1), -1.0)])
    model.add("ghb", stress_period_data=[((1, 0, 3), 6.0, 5.0)])
    model.add("rcha", recharge=1e-8)
    imported = read(model.write(), length_unit="", time_unit="")
    problem, foot, day = imported.problem, 0.3048, 86400.0
    assert_allclose(problem.grid.dx, foot * np.array([100.0, 150.0, 225.0, 100.0]), rtol=1e-15)
    assert_allclose(problem.properties.k[0, 0, 0], 5.0 * foot * day, rtol=1e-15)
    assert_allclose(problem.properties.specific_storage[0, 0, 0], 1e-5 / foot, rtol=1e-15)
    assert_allclose(problem.wells[0].pumping_rate, [foot**3 * day], rtol=1e-15)
    outer = stress(problem, GeneralHead)
    assert_allclose(outer.conductance, [5.0 * foot**2 * day], rtol=1e-15)
    assert_allclose(outer.boundary_head, [6.0 * foot], rtol=1e-15)
    assert_allclose(stress(problem, Recharge).recharge_rate[0], 1e-8 * foot * day, rtol=1e-15)
    assert_allclose(problem.schedule.period_length, np.array([1.0, 10.0, 30.0]) / day, rtol=1e-15)
    assert "Lengths in feet, times 0.3048, are metres." in imported.report.converted


def test_rotated_grids_stay_in_their_own_coordinates(small: Make, read: Read) -> None:
    imported = read(small(dis={"xorigin": 6e5, "yorigin": 2e6, "angrot": 25.0}).write())
    assert (imported.problem.grid.x_min, imported.problem.grid.y_max) == (0.0, 180.0)
    assert "rotated by 25 degrees about (600000, 2e+06)" in " ".join(imported.report.converted)


def test_huge_vertical_conductivities_become_leakance(small: Make, read: Read) -> None:
    imported = read(small(npf={"k33": [1e20, 0.5]}).write())
    properties = imported.problem.properties
    assert properties.k33[0, 0, 0] == 1e7
    assert_allclose(properties.leakance, 0.5 / 10.0, rtol=1e-15)


def _with_series(make: Make) -> Mf6Model:
    """Make a model whose well, river and general head follow time series, one of each method."""
    model = make()

    def series(package: Any, name: str, method: str, rows: list[tuple[float, float]]) -> None:
        package.ts.initialize(
            filename=f"{name}.ts", timeseries=rows, time_series_namerecord=name, interpolation_methodrecord=method, sfacrecord=1.0
        )

    well = model.add("wel", stress_period_data={0: [((0, 1, 1), "pump")], 1: [((0, 1, 1), "pump"), ((1, 2, 2), -3.0)]})
    series(well, "pump", "stepwise", [(0.0, -10.0), (4.0, -25.0), (20.0, 0.0), (41.0, 0.0)])
    outer = model.add("ghb", stress_period_data=[((1, 0, 3), "tide", 5.0)])
    series(outer, "tide", "linear", [(0.0, 6.0), (3.0, 7.5), (12.0, 5.0), (41.0, 6.0)])
    brook = model.add("riv", stress_period_data=[((0, 0, 0), "stage", 40.0, 6.0)])
    series(brook, "stage", "linearend", [(0.0, 8.0), (11.0, 9.0), (41.0, 8.0)])
    return model


def test_time_series_make_a_period_of_every_step(small: Make, read: Read) -> None:
    imported = read(_with_series(small).write())
    problem = imported.problem
    assert problem.schedule.n_period == 8
    assert problem.schedule.steady.tolist() == [True] + [False] * 7
    assert_allclose(problem.schedule.period_length[1:5], 10.0 * 1.5 ** np.arange(4) / sum(1.5 ** np.arange(4)))
    wells, river = stress(problem, Wells), stress(problem, River)
    # 10 until day 4, 25 to day 20: the second step, from 2.23 to 4.08 d, has a little of the latter
    edges = problem.schedule.period_start
    assert wells.pumping_rate[1, 0] == 10.0
    assert_allclose(wells.pumping_rate[2, 0], (10.0 * (4.0 - edges[2]) + 25.0 * (edges[3] - 4.0)) / (edges[3] - edges[2]))
    assert wells.pumping_rate[3, 0] == 25.0
    assert wells.pumping_rate[:, 1].tolist() == [0.0] + [3.0] * 7
    assert_allclose(river.stage[4, 0], 9.0)
    assert "3 periods became 8" in " ".join(imported.report.converted)


def test_binary_arrays_and_lists(small: Make, read: Read) -> None:
    """As flopy writes them, with an auxiliary column."""
    k = np.arange(12.0).reshape(3, 4) + 1.0
    layers = [{"filename": "k1.bin", "binary": True, "data": k}, {"filename": "k2.bin", "binary": True, "data": 2.0 * k}]
    model = small(npf={"k": layers})
    well = {"filename": "wel.bin", "binary": True, "data": [((0, 1, 1), -5.0, 3.0), ((1, 2, 2), -7.0, 4.0)]}
    model.add("wel", auxiliary=["salt"], maxbound=2, stress_period_data={0: well})
    problem = read(model.write()).problem
    assert_array_equal(problem.properties.k, [k, 2.0 * k])
    assert sorted(problem.wells[0].pumping_rate.ravel().tolist())[-2:] == [5.0, 7.0]


def run_mf6(folder: Path, program: Program) -> dict[float, np.ndarray]:
    """Run a model and return its heads by time."""
    import flopy

    speak_to(program, folder / "small.ims")
    done = subprocess.run([str(program.path)], cwd=folder, capture_output=True, text=True, check=False)
    assert "Normal termination" in done.stdout, done.stdout[-500:]
    file = flopy.utils.HeadFile(folder / "small.hds")
    heads = {float(time): file.get_data(totim=time) for time in file.get_times()}
    file.close()
    return heads


def native_heads(problem: Problem) -> dict[float, np.ndarray]:
    s = problem.schedule
    every = Schedule(s.period_length, s.n_steps, s.step_multiplier, s.steady, s.start, save_step=True)
    result = simulate(Problem(**{**vars(problem), "schedule": every}))
    return dict(zip(result.time.tolist(), result.head, strict=True))


@pytest.mark.mf6
@pytest.mark.parametrize("name", ["series", "everything"])
def test_heads_are_those_of_modflow6(name: str, small: Make, read: Read, mf6: Program) -> None:
    if name == "series":
        model = _with_series(small)
    else:
        model = small(
            gwf={"newtonoptions": "NEWTON"}, npf={"icelltype": [1, 0], "k22": 2.0}, sto={"iconvert": [1, 0], "ss": [0.0, 1e-5]}
        )
        model.add("wel", stress_period_data={1: [((1, 1, 1), -60.0)], 2: []}, maxbound=1, auto_flow_reduce=0.1)
        model.add("chd", stress_period_data={0: [((0, 0, 0), 9.0)], 2: [((0, 0, 0), 7.0)]})
        model.add("rcha", recharge={0: 1e-3, 1: 0.0})
        model.add("evta", surface=9.5, rate=1e-3, depth=4.0)
        model.add("drn", stress_period_data=[((0, 2, 3), 7.0, 12.0)])
        model.add("hfb", stress_period_data={0: [((0, 1, 1), (0, 1, 2), 1e-3)]}, maxhfb=1)
    folder = model.write()
    expected, found = run_mf6(folder, mf6), native_heads(read(folder).problem)
    assert len(expected) == 8
    for time, head in expected.items():
        nearest = min(found, key=lambda other: abs(other - time))
        assert_allclose(nearest, time)
        assert_allclose(found[nearest], head, rtol=0.0, atol=2e-7)


def test_comments_commas_and_quotes_are_read(small: Make, read: Read) -> None:
    folder = small(tdis={"time_units": "days"}).write()
    change(folder / "small.nam", "small.dis", "'small.dis'")
    change(folder / "small.tdis", "TIME_UNITS  days", "# a comment\n  ! another\n  time_units, 'days'")
    assert read(folder, time_unit="").units.time == "days"
