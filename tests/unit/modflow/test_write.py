"""What is written for MODFLOW 6, read back from the files by other means than those that wrote them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from aquirecover.flow.grid import Grid
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import FixedHead, FlowBarrier, Recharge, Wells
from aquirecover.modflow.packages import unique_names
from aquirecover.modflow.write import write_model
from small_problems import plain_grid, plain_problem, random_problem

EAST = FixedHead([4, 9, 14, 19], 5.0)


def period_lists(folder: Path, name: str, n_value: int) -> dict[int, np.ndarray]:
    """Return the rows of each period block of a package, cells and values, by period."""
    kinds = [("cell", "<i4", (3,)), ("value", "<f8", (n_value,))]
    text = (folder / name).read_text(encoding="ascii")
    found = re.findall(r"BEGIN period (\d+)\n\s*OPEN/CLOSE (\S+) \(BINARY\)\nEND", text)
    return {int(period): np.fromfile(folder / file, kinds) for period, file in found}


def test_a_ban_is_a_ban(tmp_path):
    """Two wells, stopped in the third period: their list is there, with zeros, and so are wells that never pump."""
    rate = np.array([[100.0, 50.0, 0.0], [100.0, 50.0, 0.0], [0.0, 0.0, 0.0], [0.0, 20.0, 0.0]])
    wells = Wells([6, 7, 8], rate)
    write_model(plain_problem(plain_grid(), [wells], [EAST], schedule=Schedule([10.0] * 4)), tmp_path)
    lists = period_lists(tmp_path, "wells.wel", 1)
    assert sorted(lists) == [1, 3, 4], "a period like the one before it needs no list"
    for period, values in ((1, [-100.0, -50.0, 0.0]), (3, [0.0, 0.0, 0.0]), (4, [0.0, -20.0, 0.0])):
        assert lists[period]["value"][:, 0].tolist() == values
        assert not np.signbit(lists[period]["value"][lists[period]["value"] == 0.0]).any()
        assert lists[period]["cell"].tolist() == [[1, 2, 2], [1, 2, 3], [1, 2, 4]]


def test_a_rate_that_is_the_same_in_all_periods_is_written_once(tmp_path):
    recharge = Recharge(np.arange(20), np.full((4, 20), 1e-3))
    write_model(plain_problem(plain_grid(), [recharge], [EAST], schedule=Schedule([10.0] * 4)), tmp_path)
    assert list(period_lists(tmp_path, "recharge.rch", 1)) == [1]


def test_seasons_that_return_share_their_files(tmp_path):
    season = np.array([1.0, 2.0] * 3)[:, None] * np.ones(20) * 1e-3
    write_model(plain_problem(plain_grid(), [Recharge(np.arange(20), season)], [EAST], schedule=Schedule([10.0] * 6)), tmp_path)
    assert len(period_lists(tmp_path, "recharge.rch", 1)) == 6
    assert len(list(tmp_path.glob("recharge.rch.*.bin"))) == 2


def test_wells_that_pump_and_inject_have_two_rows(tmp_path):
    wells = Wells([6, 7, 8], [30.0, 20.0], [0.0, 5.0], well=[0, 0, 1], fraction=[0.25, 0.75, 1.0], flow_reduction=0.0)
    write_model(plain_problem(plain_grid(), [wells], [EAST]), tmp_path)
    rows = period_lists(tmp_path, "wells.wel", 1)[1]
    assert rows["value"][:, 0].tolist() == [-7.5, -22.5, -20.0, 0.0, 0.0, 5.0]
    text = (tmp_path / "wells.wel").read_text(encoding="ascii")
    assert "MAXBOUND 6" in text
    assert "AUTO_FLOW_REDUCE" not in text, "wells that do not fade are not reduced"


def test_flow_reduction_is_that_of_the_wells(tmp_path):
    write_model(plain_problem(plain_grid(), [Wells([6], 1.0, flow_reduction=0.25)], [EAST]), tmp_path)
    assert "AUTO_FLOW_REDUCE 0.25" in (tmp_path / "wells.wel").read_text(encoding="ascii")


def test_arrays_hold_every_digit(tmp_path):
    problem = random_problem(3)
    write_model(problem, tmp_path)
    n_layer, n_y, n_x = problem.grid.shape
    for stem, values in (
        ("model.npf_k", problem.properties.k),
        ("model.dis_botm", problem.grid.bottom),
        ("model.ic_strt", problem.initial_head),
    ):
        for layer in range(n_layer):
            file = tmp_path / f"{stem}_{layer + 1}.bin"
            if not file.exists():
                continue
            assert np.fromfile(file, "<i4", 3, offset=40).tolist()[:2] == [n_x, n_y]
            stored = np.fromfile(file, "<f8", offset=52).reshape(n_y, n_x)
            active = problem.grid.active[layer]
            np.testing.assert_array_equal(stored[active], values[layer][active])
    text = (tmp_path / "model.dis").read_text(encoding="ascii")
    sizes = re.search(r"DELR\s+INTERNAL FACTOR 1.0\s+([-\d.\se]+)\n\s+DELC", text)
    assert [float(word) for word in sizes[1].split()] == problem.grid.dx.tolist()


def test_values_that_are_no_numbers_outside_active_cells_are_not_written(tmp_path):
    active = np.ones((2, 4, 5), dtype=bool)
    active[1, 2, 2] = False
    bottom = np.array([0.0, -10.0])[:, None, None] * np.ones((2, 4, 5))
    k = np.where(active, 3.0, np.nan)
    bottom[~active] = np.nan
    grid = Grid(np.full(5, 100.0), np.full(4, 100.0), 20.0, bottom, active)
    properties = AquiferProperties(grid, k, specific_storage=np.where(active, 1e-5, np.nan))
    write_model(plain_problem(grid, [], [EAST], head=np.where(active, 5.0, np.nan), properties=properties), tmp_path)
    for file in tmp_path.glob("*_*.bin"):
        kind = "<i4" if "idomain" in file.name else "<f8"
        assert np.isfinite(np.fromfile(file, kind, offset=52)).all(), file.name


def test_cells_and_storage_follow_the_problem(tmp_path):
    problem = random_problem(5)
    files = write_model(problem, tmp_path)
    assert files.newton
    idomain = np.fromfile(tmp_path / "model.dis_idomain_2.bin", "<i4", offset=52).reshape(problem.grid.shape[1:])
    np.testing.assert_array_equal(idomain == 1, problem.grid.active[1])
    np.testing.assert_array_equal(idomain == -1, problem.grid.pass_through[1])
    storage = (tmp_path / "model.sto").read_text(encoding="ascii")
    assert re.findall(r"BEGIN period (\d)\n  (\S+)\nEND", storage) == [("1", "STEADY-STATE"), ("2", "TRANSIENT")]
    times = (tmp_path / "mfsim.tdis").read_text(encoding="ascii")
    assert "  30.0 3 1.2\n" in times


@pytest.mark.parametrize(
    ("convertible", "averaging", "line"), [(True, "upstream", "NEWTON"), (False, "upstream", ""), (True, "harmonic", "")]
)
def test_newton_is_for_convertible_cells_with_upstream_weights(convertible, averaging, line, tmp_path):
    grid = plain_grid()
    properties = AquiferProperties(
        grid, 3.0, specific_storage=1e-5, specific_yield=0.1, convertible=convertible, averaging=averaging
    )
    files = write_model(plain_problem(grid, [], [EAST], properties=properties), tmp_path)
    names = (tmp_path / "model.nam").read_text(encoding="ascii")
    assert ("NEWTON" in names) == bool(line) == files.newton
    ims = (tmp_path / "mfsim.ims").read_text(encoding="ascii")
    assert ("BICGSTAB" in ims) == ("DBD" in ims) == files.newton


def test_barriers_are_one_package(tmp_path):
    walls = (FlowBarrier([6], [7], 1e-3), FlowBarrier([8], [13], 0.0, name="wall"))
    write_model(plain_problem(plain_grid(), [], [EAST], barriers=walls), tmp_path)
    text = (tmp_path / "model.hfb").read_text(encoding="ascii")
    assert "MAXHFB 2" in text
    assert "  1 2 2 1 2 3 0.001\n  1 2 4 1 3 4 0.0\n" in text


def test_stress_without_cells_is_no_package(tmp_path):
    files = write_model(plain_problem(plain_grid(), [Recharge([], 1e-3)], [EAST]), tmp_path)
    assert not list(tmp_path.glob("*.rch"))
    assert [package.name for package in files.packages] == ["recharge", "fixed_head"]


def test_names_of_packages_differ_without_regard_to_case():
    given = ["river", "River", "a name: with signs/", "evapotranspiration of crops", "evapotranspiration of trees", ""]
    names = unique_names(given)
    assert names == ["river", "River_2", "a_name__with_sig", "evapotranspirati", "evapotranspira_2", "package"]
    assert all(len(name) <= 16 for name in names)
    assert len({name.lower() for name in names}) == len(names)


def test_dates_and_place_are_kept(tmp_path):
    grid = plain_grid(x_min=568_000.0, y_max=2_285_000.0)
    write_model(plain_problem(grid, [], [EAST], schedule=Schedule(10.0, start="2021-03-01")), tmp_path)
    assert "START_DATE_TIME 2021-03-01T00:00:00" in (tmp_path / "mfsim.tdis").read_text(encoding="ascii")
    text = (tmp_path / "model.dis").read_text(encoding="ascii")
    assert "XORIGIN 568000.0" in text
    assert "YORIGIN 2284600.0" in text


def test_cells_and_rates_are_binary_whatever_their_number(tmp_path):
    """100,000 cells and 24 periods: what is text stays small, since a number of a cell is never formatted."""
    grid = Grid(np.full(250, 100.0), np.full(100, 100.0), 20.0, [0.0, -10.0, -20.0, -30.0])
    properties = AquiferProperties(grid, np.random.default_rng(1).uniform(1.0, 2.0, grid.shape), specific_storage=1e-5)
    recharge = Recharge(np.arange(25_000), np.random.default_rng(2).uniform(0.0, 1e-3, (24, 25_000)))
    schedule = Schedule([30.0] * 24)
    write_model(plain_problem(grid, [recharge], [FixedHead([0], 5.0)], properties=properties, schedule=schedule), tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.glob("*") if file.suffix != ".bin") < 20_000
    assert len(period_lists(tmp_path, "recharge.rch", 1)) == 24
