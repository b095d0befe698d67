"""Models that have their own cells: widths, layers and stresses cell by cell, periods one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from aquirecover.case.cell_table import write_cell_table
from aquirecover.case.scenario import load_problem
from aquirecover.errors import ConfigError, InputFileError
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import FixedHead, River

MODEL = """\
kind: model
name: own
title: Own cells
grid: {dx: [100, 200, 50], dy: [10, 20], corner: [1000, 2000]}
top: 10.0
layers:
  upper: {bottom: 0.0, k: 5.0, specific_storage: 1.0e-5, initial_head: 8.0}
  lower: {bottom: -10.0, k: 2.0, specific_storage: 1.0e-5, initial_head: 7.0}
cell_stresses:
  brook: {stress: river, file: brook.nc}
  lake: {stress: fixed_head, file: lake.nc}
wells:
  town: {file: wells.csv, rates: rates.csv}
time:
  start: 2020-01-01
  initial: heads
  periods:
    - {length: 0, steady: yes}
    - {length: 10, steps: 4, multiplier: 1.5}
    - {length: 20.5 d, steps: 2}
"""
SCENARIO = """\
kind: scenario
title: Stop
model: model.yaml
restrictions:
  stop: {rule: ban, from: 2020-01-06}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "model.yaml").write_text(MODEL)
    (tmp_path / "stop.yaml").write_text(SCENARIO)
    (tmp_path / "wells.csv").write_text("well,x,y,layer\nW1,1050,1995,lower\nW2,1200,1980,upper\n")
    (tmp_path / "rates.csv").write_text("well,period,rate,injection_rate\nW1,1,0,\nW1,2,30,\nW2,1,5,0\nW2,3,0,7\n")
    place = {"layer": np.array([1, 1]), "row": np.array([1, 2]), "column": np.array([2, 2])}
    stage = np.array([[9.0, 8.5], [9.5, 9.0], [8.0, 7.5]])
    values = {"stage": stage, "conductance": np.array([40.0, 50.0]), "bottom_elevation": np.array([6.0, 6.0])}
    write_cell_table(tmp_path / "brook.nc", place, values)
    cell = {"layer": np.array([2]), "row": np.array([2]), "column": np.array([3])}
    write_cell_table(tmp_path / "lake.nc", cell, {"head": np.array([7.5])})
    return tmp_path / "model.yaml"


def change(model: Path, keys: str, value: Any) -> None:
    """Set a value by dotted path; None takes the key away."""
    tree = yaml.safe_load(model.read_text())
    node = tree
    *above, last = keys.split(".")
    for key in above:
        node = node[int(key) if isinstance(node, list) else key]
    if value is None:
        del node[last]
    else:
        node[last] = value
    model.write_text(yaml.safe_dump(tree, sort_keys=False))


def refused(model: Path) -> str:
    with pytest.raises((ConfigError, InputFileError)) as caught:
        load_problem(model)
    return str(caught.value)


def river(problem: Problem) -> River:
    return next(stress for stress in problem.stresses if isinstance(stress, River))


def test_cells_layers_and_stresses(own: Path) -> None:
    problem = load_problem(own)
    assert problem.grid.x_edge.tolist() == [1000, 1100, 1300, 1350]
    assert problem.grid.y_edge.tolist() == [2000, 1990, 1970]
    assert problem.initial_head[:, 0, 0].tolist() == [8.0, 7.0]
    brook = river(problem)
    assert brook.cell.tolist() == [1, 4]
    np.testing.assert_array_equal(brook.stage, [[9.0, 8.5], [9.5, 9.0], [8.0, 7.5]])
    assert problem.fixed_heads[0].cell.tolist() == [11]
    assert isinstance(problem.fixed_heads[0], FixedHead)


def test_periods_one_by_one(own: Path) -> None:
    schedule = load_problem(own).schedule
    assert schedule.period_length.tolist() == [0.0, 10.0, 20.5]
    assert schedule.n_steps.tolist() == [1, 4, 2]
    assert schedule.steady.tolist() == [True, False, False]
    assert schedule.step_multiplier.tolist() == [1.0, 1.5, 1.0]


def test_rates_by_period_with_injection(own: Path) -> None:
    (wells,) = load_problem(own).wells
    np.testing.assert_array_equal(wells.pumping_rate, [[0, 5], [30, 5], [30, 0]])
    np.testing.assert_array_equal(wells.injection_rate, [[0, 0], [0, 0], [0, 7]])


def test_a_rule_cuts_a_listed_period_and_leaves_injection(own: Path) -> None:
    """The ban of 6 January splits the second period; the river keeps the stages of the period each part comes from."""
    problem = load_problem(own.with_name("stop.yaml"))
    assert problem.schedule.period_length.tolist() == [0.0, 5.0, 5.0, 20.5]
    assert problem.schedule.n_steps.tolist() == [1, 4, 4, 2]
    (wells,) = problem.wells
    np.testing.assert_array_equal(wells.pumping_rate, [[0, 5], [30, 5], [0, 0], [0, 0]])
    np.testing.assert_array_equal(wells.injection_rate[:, 1], [0, 0, 0, 7])
    np.testing.assert_array_equal(river(problem).stage[:, 0], [9.0, 9.5, 9.5, 8.0])


def test_factors_and_offsets(own: Path) -> None:
    change(own, "cell_stresses.brook.factors", {"conductance": 0.5})
    change(own, "cell_stresses.brook.offsets", {"stage": 0.25})
    brook = river(load_problem(own))
    np.testing.assert_array_equal(brook.conductance, [20.0, 25.0])
    np.testing.assert_array_equal(brook.stage[1], [9.75, 9.25])


def test_a_factor_of_a_scenario_is_logged(own: Path) -> None:
    problem = load_problem(own, overrides={"cell_stresses.brook.factors": "{stage: 1.1}"})
    np.testing.assert_allclose(river(problem).stage[0], [9.9, 9.35])
    assert "override cell_stresses.brook.factors: nothing → {stage: 1.1}" in problem.context.restriction_log


def test_flow_reduction_of_a_group(own: Path) -> None:
    change(own, "wells.town.flow_reduction", 0.0)
    assert load_problem(own).wells[0].flow_reduction == 0.0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("grid.dy", None, "needs dy because it has dx"),
        ("grid.cell_size", 100, "grid.cell_size = 100: has a meaning only with extent or around"),
        ("grid.dx", [100, -5, 50], "grid.dx[1] = -5: must be greater than 0"),
        ("time.steps", 3, "time.steps = 3: belongs to regular periods: where periods are listed, each has its own."),
        ("time.end", "2021-01-01", "time.end = '2021-01-01': cannot stand beside periods: give only one of periods or end."),
        ("time.initial", "steady", "needs initial: heads because it has periods"),
        ("time.periods.1.length", 0, "time.periods[1].length = 0: must be greater than 0 unless the period is steady."),
        ("layers.lower.initial_head", None, "time.initial = 'heads': needs initial_head: give the first heads"),
        ("layers.lower.leakance", 0.1, "layers.lower.leakance: leads down from the lowest layer: remove it."),
        ("layers.upper.convertible_cells", 1, "needs specific_yield because it is convertible"),
        ("cell_stresses.brook.stress", "brook", "cell_stresses.brook.stress = 'brook'"),
        ("cell_stresses.brook.factors", {"stag": 2}, "is no value of a river. Did you mean 'stage'?"),
        ("cell_stresses.brook.stress", "drain", "brook.nc has no variable elevation: it needs layer, row, column, elevation"),
        ("cell_stresses.brook.file", "wells.csv", "wells.csv is no readable NetCDF-4 file"),
    ],
)
def test_what_is_wrong_is_said(own: Path, key: str, value: Any, message: str) -> None:
    change(own, key, value)
    assert message in refused(own)


def test_periods_need_entries_in_the_table(own: Path) -> None:
    change(own, "time.periods", [{"length": 1}, {"length": 1}])
    text = refused(own)
    assert "rates.csv:5 period = '3': must be 2 or less." in text


def test_series_need_as_many_periods(own: Path) -> None:
    change(own, "time.periods", [{"length": n} for n in (1, 2, 3, 4)])
    assert "cell_stresses.brook.file: brook.nc: stage has 3 periods: time.periods has 4." in refused(own)


def test_series_need_listed_periods(own: Path) -> None:
    change(own, "time.periods", None)
    change(own, "time.end", "2021-01-01")
    own.with_name("rates.csv").write_text("well,date,rate\nW1,2020-01-01,1\nW2,2020-01-01,1\n")
    assert "brook.nc: stage varies with the period: it needs time.periods." in refused(own)


def test_half_periods_are_refused(own: Path) -> None:
    own.with_name("rates.csv").write_text("well,period,rate\nW1,1,0\nW1,1.5,3\nW2,1,0\n")
    assert "rates.csv:3 period = 1.5: must be a whole number." in refused(own)


def test_periods_of_a_well_ascend(own: Path) -> None:
    own.with_name("rates.csv").write_text("well,period,rate\nW1,2,0\nW1,1,3\nW2,1,0\n")
    assert "rates.csv:3 period = '1': must be after the period before it of W1 (2): periods ascend." in refused(own)


def test_the_cells_have_no_size_to_change(own: Path) -> None:
    with pytest.raises(ConfigError, match=r"model.yaml:4:12 grid.dx: gives the cells of this model one by one"):
        load_problem(own, cell_size=50.0)


def test_a_scenario_cannot_move_the_end(own: Path) -> None:
    scenario = own.with_name("stop.yaml")
    scenario.write_text(SCENARIO + "end: 2020-01-20\n")
    with pytest.raises(ConfigError, match=r"stop.yaml:\d+:\d+ time.end = '2020-01-20': cannot stand beside periods"):
        load_problem(scenario)


def test_a_rule_after_the_end_is_refused(own: Path) -> None:
    scenario = own.with_name("stop.yaml")
    scenario.write_text(SCENARIO.replace("2020-01-06", "2020-02-01"))
    with pytest.raises(ConfigError, match="must lie in the span of the model, from 2020-01-01 to before 2020-02-01"):
        load_problem(scenario)


@pytest.mark.parametrize(
    ("change_file", "message"),
    [
        (lambda f: f["row"].write_direct(np.array([1, 3], dtype=np.int32)), "row = 3 of entry 2 lies outside the grid"),
        (lambda f: f["stage"].attrs.modify("units", "ft"), "brook.nc: stage has the unit 'ft': must be 'm'."),
        (lambda f: f.move("column", "col"), "brook.nc has no variable column"),
        (lambda f: (f.move("row", "r"), f.create_dataset("row", data=[1.0, 2.0])), "row holds float64: must be whole numbers."),
        (
            lambda f: (f.move("row", "r"), f.create_dataset("row", data=[1])),
            "row has 1 cells, layer has 2: they must be as many.",
        ),
        (
            lambda f: (f.move("stage", "s"), f.create_dataset("stage", data=b"x")),
            "stage has 0 dimensions: must be cell, or period",
        ),
        (lambda f: (f.move("stage", "s"), f.create_dataset("stage", data=np.bytes_(["x"]))), "stage holds |S1: must be numbers."),
        (
            lambda f: (f.move("stage", "s"), f.create_dataset("stage", shape=(2**20, 2**10), dtype="f8")),
            "has 1073741824 values: at most",
        ),
    ],
)
def test_a_broken_table_of_cells_is_refused(own: Path, change_file: Any, message: str) -> None:
    with h5py.File(own.with_name("brook.nc"), "r+") as file:
        change_file(file)
    assert message in refused(own)


def test_a_table_that_is_cut_off_is_refused(own: Path) -> None:
    file = own.with_name("brook.nc")
    file.write_bytes(file.read_bytes()[:2000])
    assert "brook.nc is no readable NetCDF-4 file" in refused(own)


def test_barriers_cell_by_cell(own: Path) -> None:
    one = np.array([1])
    indices = {"layer": one, "row": one, "column": one, "next_row": one, "next_column": 2 * one}
    write_cell_table(own.with_name("fault.nc"), indices, {"hydraulic_characteristic": np.array([0.01])})
    change(own, "cell_stresses.fault", {"stress": "barrier", "file": "fault.nc"})
    (barrier,) = load_problem(own).barriers
    assert (barrier.cell.tolist(), barrier.neighbour.tolist()) == ([0], [1])


def test_layers_by_cell(own: Path) -> None:
    """Layers whose inactive cells keep their surfaces, a way through, and a confining unit between."""
    change(own, "layers.upper.active", -1)
    change(own, "layers.upper.leakance", 0.001)
    change(own, "cell_stresses.brook", None)
    own.with_name("wells.csv").write_text("well,x,y,layer\nW1,1050,1995,lower\nW2,1200,1980,lower\n")
    problem = load_problem(own)
    assert problem.grid.pass_through[0].all()
    assert not problem.grid.active[0].any()
    assert problem.grid.layer_top[1, 0, 0] == 0.0
    assert problem.properties.k22[1, 0, 0] == 2.0
