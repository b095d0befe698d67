"""A problem written as a model and read again is the same problem, to the last bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from aquirecover.case.model_writer import write_model
from aquirecover.case.problem_diff import differences
from aquirecover.case.scenario import load_problem
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Recharge, River, Wells
from random_problems import random_problem as uneven_problem
from small_problems import plain_grid, plain_problem, random_problem


def again(problem: Problem, folder: Path) -> Problem:
    folder.mkdir(exist_ok=True)
    write_model(problem, folder)
    return load_problem(folder / "model.yaml")


@pytest.mark.parametrize("seed", range(12))
def test_random_problems_come_back(seed: int, tmp_path: Path) -> None:
    problem = uneven_problem(seed, linear=seed % 2 == 0, steady=seed % 3 == 0)
    assert differences(problem, again(problem, tmp_path / "model")) == []


@pytest.mark.parametrize("seed", range(4))
def test_pass_through_cells_and_periods_come_back(seed: int, tmp_path: Path) -> None:
    problem = random_problem(seed)
    found = again(problem, tmp_path / "model")
    assert differences(problem, found) == []
    assert found.grid.pass_through.any()
    assert found.schedule.steady.tolist() == [True, False, False]


def test_several_values_that_vary_in_time_come_back(tmp_path: Path) -> None:
    stage = np.array([[9.0, 8.0], [8.5, 8.1]])
    river = River([0, 1], stage, 10.0 * stage, stage - 3.0)
    problem = plain_problem(plain_grid(), [river], schedule=Schedule([1.0, 2.0]))
    assert differences(problem, again(problem, tmp_path / "model")) == []


@pytest.mark.parametrize("shape", [(1, 1, 7), (1, 7, 1), (3, 1, 1)])
def test_rows_columns_and_single_stacks_come_back(shape: tuple[int, int, int], tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    bottom = -np.cumsum(random.uniform(1.0, 9.0, shape), axis=0)
    grid = Grid(random.uniform(1, 9, shape[2]), random.uniform(1, 9, shape[1]), 5.0, bottom, x_min=612345.678, y_max=2.2e6)
    stresses = (Recharge(np.arange(shape[1] * shape[2]), random.uniform(0, 1e-3, shape[1] * shape[2])),)
    problem = plain_problem(grid, stresses, k=random.uniform(1.0, 9.0, shape))
    assert differences(problem, again(problem, tmp_path / "model")) == []


def test_inactive_cells_keep_their_thickness(tmp_path: Path) -> None:
    """A hole in the upper layer is no pass-through cell, and the cell below it keeps its own top."""
    active = np.ones((2, 3, 3), dtype=bool)
    active[0, 1, 1] = False
    problem = plain_problem(plain_grid(3, 3, active=active))
    found = again(problem, tmp_path / "model")
    assert differences(problem, found) == []
    assert not found.grid.pass_through.any()
    assert found.grid.thickness[1, 1, 1] == 10.0


def test_wells_keep_names_labels_rates_and_their_fading(tmp_path: Path) -> None:
    wells = Wells(
        [3, 9, 3],
        [[10.0, 0.0, 1.0 / 3.0], [10.0, 0.0, 2.0]],
        [[0.0, 4.0, 0.0], [0.0, 0.0, 0.0]],
        names=("north, 1", "É 2", "3"),
        attributes={"district": ("a", "b", "a"), "permit": ("20", "", "5.5")},
        flow_reduction=0.0,
        name="wells_town",
    )
    problem = plain_problem(plain_grid(), [wells], schedule=Schedule([1.0, 2.0]))
    (found,) = again(problem, tmp_path / "model").wells
    assert found.names == wells.names
    assert found.attributes["district"] == ("a", "b", "a")
    assert found.flow_reduction == 0.0
    for key, values in wells.values().items():
        np.testing.assert_array_equal(found.values()[key], values)


def test_observations_keep_their_measurements(tmp_path: Path) -> None:
    points = Observations(("P1", "P2"), np.array([2, 27]), {"P2": (np.array([0.25, 7.0]), np.array([3.5, 4.0 / 3.0]))})
    problem = dataclasses.replace(plain_problem(plain_grid()), observations=points)
    found = again(problem, tmp_path / "model").observations
    assert (found.names, found.cell.tolist(), list(found.measured)) == (points.names, [2, 27], ["P2"])
    np.testing.assert_array_equal(found.measured["P2"], points.measured["P2"])


def test_a_well_in_several_cells_is_refused(tmp_path: Path) -> None:
    wells = Wells([3, 23], 10.0, names=("W1",), well=[0, 0], fraction=0.5)
    with pytest.raises(ValueError, match="every well must be open to one cell"):
        write_model(plain_problem(plain_grid(), [wells]), tmp_path)


def test_uniform_values_are_numbers_in_the_file(tmp_path: Path) -> None:
    problem = plain_problem(plain_grid())
    again(problem, tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.yaml"]
    assert "k: 3.0" in (tmp_path / "model/model.yaml").read_text()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda p: {"grid": Grid(np.full(5, 101.0), p.grid.dy, 20.0, [0.0, -10.0])}, "grid.dx"),
        (lambda p: {"properties": AquiferProperties(p.grid, np.nextafter(3.0, 4.0), specific_storage=1e-5)}, "properties.k"),
        (lambda p: {"schedule": Schedule(10.0, steady=True)}, "schedule.steady"),
        (lambda p: {"initial_head": p.initial_head + 1e-12}, "initial_head"),
        (lambda p: {"stresses": ()}, "recharge"),
        (lambda p: {"stresses": (Recharge([0, 2], 1e-3),)}, "recharge.cell"),
        (lambda p: {"stresses": (Recharge([0, 1], 2e-3),)}, "recharge.recharge_rate"),
    ],
)
def test_every_difference_is_named(change, named: str) -> None:
    problem = plain_problem(plain_grid(), [Recharge([0, 1], 1e-3)])
    assert named in differences(problem, dataclasses.replace(problem, **change(problem)))
    assert differences(problem, problem) == []
