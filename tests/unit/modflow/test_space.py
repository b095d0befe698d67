"""What a run takes of a disk: not less than it is said to, and asked for before anything is written."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from problems import PROBLEMS

from aquirecover.errors import ResourceError
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Recharge
from aquirecover.modflow import Program, simulate
from aquirecover.modflow import space as asked
from aquirecover.modflow.export import export_model
from aquirecover.modflow.packages import packages_of
from aquirecover.modflow.run import run_program
from aquirecover.modflow.write import write_model
from small_problems import plain_grid, plain_problem

Usage = namedtuple("Usage", ["total", "used", "free"])


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.mf6
@pytest.mark.parametrize("name", ["bent_everything", "newton_everything", "linear_inactive_cells"])
def test_a_run_takes_no_more_than_is_asked_for(name: str, tmp_path: Path, mf6: Program) -> None:
    problem = PROBLEMS[name]()
    packages = packages_of(problem)
    write_model(problem, tmp_path, release=mf6.release)
    given = size(tmp_path)
    assert given <= asked.input_bytes(problem, packages)
    run_program(mf6, tmp_path, problem, lambda: 0)
    binary, text = (
        sum((tmp_path / name).stat().st_size for name in names) for names in (("model.hds", "model.cbc"), ("model.lst",))
    )
    steps = problem.schedule.n_step
    assert text <= steps * asked.LISTING
    expected = steps * (asked.output_bytes(problem, packages) - asked.LISTING)
    assert 0.6 * expected < binary <= expected


def test_arrays_and_lists_are_counted(tmp_path: Path) -> None:
    """Of a model whose cells and periods all have their own values, arrays and lists are what takes place."""
    random, grid = np.random.default_rng(1), plain_grid(60, 60)
    properties = AquiferProperties(grid, *random.uniform(1.0, 2.0, (4, *grid.shape)))
    rain = Recharge(np.arange(3600), random.uniform(0.0, 1e-3, (20, 3600)))
    problem = plain_problem(grid, [rain], properties=properties, schedule=Schedule([10.0] * 20))
    write_model(problem, tmp_path)
    expected = asked.input_bytes(problem, packages_of(problem)) - asked.FOLDER
    assert 0.5 * expected < sum(path.stat().st_size for path in tmp_path.glob("*.bin")) <= expected


@pytest.mark.mf6
def test_a_run_is_refused_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mf6: Program) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 50_000, 50_000))
    with pytest.raises(ResourceError, match=r"needs about \d+ MB on the disk for the run: 0 MB are free") as caught:
        simulate(PROBLEMS["linear_wells"](), program=mf6, folder=tmp_path / "runs")
    assert str(tmp_path / "runs") in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_export_is_refused_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 50_000, 50_000))
    with pytest.raises(ResourceError, match="on the disk for the model"):
        export_model(PROBLEMS["linear_wells"](), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_keeps_what_was_read_must_hold_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = PROBLEMS["linear_wells"]()
    packages = packages_of(problem)
    all_of_it = asked.input_bytes(problem, packages) + problem.schedule.n_step * asked.output_bytes(problem, packages)
    monkeypatch.setattr(asked, "gives_back", lambda _: False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, all_of_it))
    asked.check_space(tmp_path, problem, packages, run=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, all_of_it - 1))
    with pytest.raises(ResourceError):
        asked.check_space(tmp_path, problem, packages, run=True)


def test_a_disk_that_gives_back_needs_a_few_steps_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = PROBLEMS["linear_wells"]()
    packages = packages_of(problem)
    monkeypatch.setattr(asked, "gives_back", lambda _: True)
    monkeypatch.setattr(asked, "output_bytes", lambda *_: 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 5 * 10**9))
    assert problem.schedule.n_step > 5
    asked.check_space(tmp_path, problem, packages, run=True)


def test_giving_back_is_found_out_without_leaving_anything(tmp_path: Path) -> None:
    assert isinstance(asked.gives_back(tmp_path), bool)
    assert not list(tmp_path.iterdir())
