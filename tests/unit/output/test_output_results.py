"""A result goes into one file and comes back the same, with everything that a person or QGIS asks of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

import synthetic
from aquirecover.errors import BudgetError, InputFileError, NumericalError, OutputExistsError
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import FlowResult
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.stresses import Wells
from aquirecover.output.dataset import grid_mapping, to_dataset
from aquirecover.output.results import check_result, open_results, write_dataset, write_results
from aquirecover.study.recovery import assess_recovery
from aquirecover.study.recovery_report import LateRecovery, RecoveryReport
from aquirecover.variables import VARIABLES


@pytest.fixture(scope="module")
def result() -> FlowResult:
    return synthetic.result(6000.0)


@pytest.fixture(scope="module")
def report(result: FlowResult) -> RecoveryReport:
    late = LateRecovery(
        (0.9, 0.99), np.stack([np.full(result.problem.grid.shape, days) for days in (700.0, 1400.0)]), result.head[-1]
    )
    return replace(assess_recovery(result, baseline=synthetic.result(6000.0, 1.0)), late=late)


@pytest.fixture(scope="module")
def folder(result: FlowResult, report: RecoveryReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run")
    write_results(result, path, recovery=report)
    return path


@pytest.fixture(scope="module")
def stored(folder: Path) -> xr.Dataset:
    return open_results(folder)


def changed(result: FlowResult, **changes: object) -> FlowResult:
    """Return the result of a problem with other parts, the numbers as they are."""
    return replace(result, problem=replace(result.problem, **changes))


def test_file_gives_back_what_was_written(result: FlowResult, report: RecoveryReport, stored: xr.Dataset) -> None:
    written = to_dataset(result, report)
    xr.testing.assert_identical(stored.drop_attrs(), written.drop_attrs())
    history = {"history"}
    assert {k: v for k, v in stored.attrs.items() if k not in history} == {
        k: v for k, v in written.attrs.items() if k not in history
    }
    for name in written.variables:
        assert stored[name].attrs.keys() == written[name].attrs.keys(), name


def test_numbers_are_those_of_the_result(result: FlowResult, stored: xr.Dataset) -> None:
    np.testing.assert_array_equal(stored["head"].values, result.head)
    np.testing.assert_array_equal(stored["observation_head"].values, result.observation_head)
    np.testing.assert_array_equal(stored["pumping_rate_actual"].values, result.pumping_rate_actual)
    np.testing.assert_array_equal(stored["zone_exchange"].values, result.budget.zone_exchange)
    drawdown = result.head[0] - result.head
    np.testing.assert_allclose(stored["drawdown"].values, drawdown, rtol=1e-6, atol=0.0)
    assert stored["head"].dims == ("time", "layer", "y", "x")
    assert stored["pumping_rate"].dims == ("step_time", "well")


def test_dates_follow_the_schedule(result: FlowResult, stored: xr.Dataset) -> None:
    assert str(stored["time"].values[0])[:10] == "1990-01-01"
    assert str(stored["step_time"].values[-1])[:10] == "2051-01-01"
    days = (stored["time"].values - np.datetime64("1990-01-01")) / np.timedelta64(1, "D")
    np.testing.assert_allclose(days, result.time, atol=0.6 / 86400.0)


def test_file_has_days_since_the_start_and_no_fill_value_on_axes(folder: Path) -> None:
    with xr.open_dataset(folder / "result.nc", engine="h5netcdf", decode_times=False) as raw:
        assert raw["time"].attrs["units"] == "days since 1990-01-01"
        assert raw["time"].attrs["calendar"] == "proleptic_gregorian"
        for name in ("time", "y", "x"):
            assert "_FillValue" not in raw[name].encoding, name


def test_units_and_names_come_from_the_registry(stored: xr.Dataset) -> None:
    for name in ("head", "drawdown", "bottom", "top", "ground", "pumping_rate", "recovery_fraction", "time_to_recovery"):
        assert stored[name].attrs["units"] == VARIABLES[name].unit
        assert stored[name].attrs["long_name"] == VARIABLES[name].long_name
        assert stored[name].attrs["long_name_vi"] == VARIABLES[name].long_name_vi


def test_every_number_has_a_unit_or_is_an_axis(stored: xr.Dataset) -> None:
    exempt = {"time", "step_time", "measured_time", "crs", "x_bounds", "y_bounds"}
    bare = [n for n, v in stored.variables.items() if v.dtype.kind in "fiu" and "units" not in v.attrs and n not in exempt]
    assert bare == []


def test_coordinate_reference_system_is_found_again(stored: xr.Dataset) -> None:
    mapping = stored["crs"].attrs
    assert CRS.from_cf(mapping) == CRS.from_epsg(3405)
    assert CRS.from_wkt(mapping["spatial_ref"]) == CRS.from_epsg(3405)
    assert mapping["grid_mapping_name"] == "transverse_mercator"
    gridded = [name for name in stored.data_vars if stored[name].dims[-2:] == ("y", "x")]
    assert {"head", "drawdown", "idomain", "time_to_recovery", "ground"} <= set(gridded)
    assert {stored[name].attrs["grid_mapping"] for name in gridded} == {"crs"}
    for name in ("x", "y"):
        assert stored[name].attrs["standard_name"] == f"projection_{name}_coordinate"
    assert np.all(np.diff(stored["x"]) > 0.0)
    assert np.all(np.diff(stored["y"]) < 0.0)


def test_grid_that_grows_outwards_has_maps_of_even_cells(result: FlowResult, tmp_path: Path) -> None:
    grid = result.problem.grid
    dx, dy = grid.dx.copy(), grid.dy.copy()
    dx[[0, -1]], dy[-1] = 9000.0, 8000.0
    wide = Grid(dx, dy, grid.top, grid.bottom, grid.active, x_min=grid.x_min, y_max=grid.y_max, layer_names=grid.layer_names)
    written = to_dataset(changed(result, grid=wide))
    write_dataset(written, tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc", engine="h5netcdf", group="maps") as maps:
        assert set(np.diff(maps["x"])) == {6000.0}
        assert set(np.diff(maps["y"])) == {-6000.0}
        np.testing.assert_array_equal(maps["x"], wide.x[1:-1])
        np.testing.assert_array_equal(maps["reference_head"], result.head[0][:, :-1, 1:-1])
        assert CRS.from_cf(maps["crs"].attrs) == CRS.from_epsg(3405)
    stored = open_results(tmp_path)
    xr.testing.assert_identical(stored.drop_attrs(), written.drop_attrs())
    assert stored["x"].attrs == written["x"].attrs == {**written["x"].attrs, "bounds": "x_bounds"}


def test_even_grid_needs_no_maps_of_its_own(folder: Path) -> None:
    with pytest.raises(OSError, match="maps"):
        xr.open_dataset(folder / "result.nc", engine="h5netcdf", group="maps")


def test_unknown_coordinate_reference_system_is_named() -> None:
    with pytest.raises(ValueError, match=r"crs = 'EPSG:99999999': is no coordinate reference system"):
        grid_mapping("EPSG:99999999")


def test_file_says_where_it_comes_from(result: FlowResult, stored: xr.Dataset) -> None:
    attrs = stored.attrs
    assert attrs["Conventions"] == "CF-1.10"
    assert attrs["title"] == "All pumping stopped"
    assert json.loads(attrs["config"])["title"] == "Toàn bộ giếng dừng"
    assert json.loads(attrs["inputs"]) == {"models/made_up/wells.csv": "00" * 32}
    assert {"python", "numpy", "scipy", "numba", "aquirecover"} <= json.loads(attrs["versions"]).keys()
    assert attrs["restriction_log"] == result.problem.context.restriction_log[0]
    assert attrs["warnings"] == "A made-up model: not calibrated."
    assert attrs["restriction_start"] == "2021-01-01"
    np.testing.assert_array_equal(stored["budget_error"].values, result.budget.error)
    assert stored["outer_iterations"].values.tolist() == [report.outer for report in result.reports]


def test_manifest_lists_the_files_that_are_there(folder: Path) -> None:
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) | {"run.json"} == {path.name for path in folder.iterdir()}
    assert {"result.nc", "recovery.csv", "budget.csv", "wells.csv"} <= set(manifest["files"])
    assert manifest["inputs"] == {"models/made_up/wells.csv": "00" * 32}


def test_existing_results_are_refused_before_anything_is_written(result: FlowResult, tmp_path: Path) -> None:
    (tmp_path / "budget.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputExistsError, match=r"budget\.csv: exists already"):
        write_results(result, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["budget.csv"]
    write_results(result, tmp_path, overwrite=True)
    assert (tmp_path / "budget.csv").read_text(encoding="utf-8") != "mine"


def test_head_that_is_not_finite_is_refused(result: FlowResult, tmp_path: Path) -> None:
    head = result.head.copy()
    head[3, 2, 1, 4] = np.inf
    with pytest.raises(NumericalError, match=r"head = inf in layer 3 \(qp2\), row 2, column 5: must be finite"):
        write_results(synthetic.with_head(result, head), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_missing_heads_outside_active_cells_are_right(result: FlowResult) -> None:
    assert np.isnan(result.head[:, ~result.problem.grid.active]).all()
    check_result(result)


def test_pumping_that_is_not_finite_is_refused(result: FlowResult) -> None:
    rates = result.pumping_rate_actual.copy()
    rates[5, 2] = np.nan
    with pytest.raises(NumericalError, match=r"Step 6, well 3: pumping_rate_actual = nan: must be finite"):
        check_result(replace(result, pumping_rate_actual=rates))


@pytest.mark.parametrize("wrong", [1.001, np.nan])
def test_budget_that_does_not_close_is_refused(result: FlowResult, tmp_path: Path, wrong: float) -> None:
    inflow = result.budget.inflow.copy()
    inflow[4] *= wrong
    open_budget = replace(result, budget=replace(result.budget, inflow=inflow))
    with pytest.raises(BudgetError, match=r"Step 5 \(day .*budget_error = .* must be 1e-06 or less"):
        write_results(open_budget, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"result\.nc: no such result file"):
        open_results(tmp_path)


def test_damaged_file_is_named(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "result.nc").read_bytes()
    for name, content in (("cut.nc", whole[: len(whole) // 2]), ("text.nc", b"not a NetCDF file"), ("empty.nc", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputFileError, match=rf"{name}: cannot be read as a NetCDF-4 result"):
            open_results(tmp_path / name)


def test_file_of_another_program_is_refused(tmp_path: Path) -> None:
    xr.Dataset({"head": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(InputFileError, match=r"aquirecover_format = None: must be 'aquirecover-result-1'"):
        open_results(tmp_path / "other.nc")


@pytest.mark.parametrize("start", ["", "2250-01-01"])
def test_times_are_days_without_a_date_or_beyond_what_dates_hold(result: FlowResult, tmp_path: Path, start: str) -> None:
    old = result.problem.schedule
    undated = changed(result, schedule=Schedule(old.period_length, old.n_steps, old.step_multiplier, old.steady, start=start))
    write_dataset(to_dataset(undated), tmp_path / "result.nc")
    dataset = open_results(tmp_path)
    np.testing.assert_array_equal(dataset["time"].values, result.time)
    assert dataset["time"].attrs["units"] == "d"
    assert float(dataset.attrs["restriction_start"]) == result.problem.context.restriction_start


def test_long_attributes_are_kept(result: FlowResult, tmp_path: Path) -> None:
    log = tuple(f"override layers.qp1.k: {i} → {i + 1} m/d" for i in range(20_000))
    context = replace(result.problem.context, restriction_log=log)
    write_dataset(to_dataset(changed(result, context=context)), tmp_path / "result.nc")
    assert open_results(tmp_path).attrs["restriction_log"].splitlines() == list(log)


def test_wells_of_two_groups_with_one_name_stay_apart(result: FlowResult) -> None:
    (wells,) = result.problem.wells
    twin = Wells(wells.cell, wells.pumping_rate, names=wells.names, name="neighbours")
    double = replace(
        changed(result, stresses=(*result.problem.stresses, twin)),
        pumping_rate=np.tile(result.pumping_rate, 2),
        pumping_rate_actual=np.tile(result.pumping_rate_actual, 2),
    )
    budget = double.budget
    empty = np.zeros((*budget.inflow.shape[:1], 1))
    wider = replace(
        budget, terms=double.problem.terms, inflow=np.append(budget.inflow, empty, 1), outflow=np.append(budget.outflow, empty, 1)
    )
    layered = np.zeros((*budget.layer_inflow.shape[:2], 1))
    zoned = np.zeros((*budget.zone_inflow.shape[:2], 1))
    wider = replace(
        wider,
        layer_inflow=np.append(budget.layer_inflow, layered, 2),
        layer_outflow=np.append(budget.layer_outflow, layered, 2),
        zone_inflow=np.append(budget.zone_inflow, zoned, 2),
        zone_outflow=np.append(budget.zone_outflow, zoned, 2),
    )
    dataset = to_dataset(replace(double, budget=wider))
    names = dataset["well"].values.tolist()
    assert len(set(names)) == len(names) == 2 * len(wells.names)
    assert names[0] == "wells/TB-001"
    assert names[-1] == "neighbours/TB-040"


def test_named_reference_of_drawdown_is_used(result: FlowResult) -> None:
    level = np.full(result.problem.grid.shape, 5.0)
    dataset = to_dataset(result, reference=("flat", level))
    assert dataset.attrs["drawdown_reference"] == "flat"
    np.testing.assert_allclose(dataset["drawdown"].values, (5.0 - result.head).astype(np.float32))


def test_recovery_of_zones_is_that_of_the_report(report: RecoveryReport, stored: xr.Dataset) -> None:
    n = len(report.zones.names)
    assert stored["zone"].values[-1] == "rest"
    r = report.references.index("before_pumping")
    np.testing.assert_array_equal(
        stored["zone_recovery_fraction"].values[r, :, :n], report.zones.recovery_fraction["before_pumping"]
    )
    assert np.isnan(stored["zone_recovery_fraction"].values[r, :, n]).all()
    assert np.isnan(stored["recovery_fraction"].values[report.references.index("restriction_start")]).all()
    np.testing.assert_array_equal(stored["source_volume"].values[1], report.sources[1].volume)
    assert report.late is not None
    np.testing.assert_array_equal(stored["late_time_to_recovery"].sel(late_fraction=0.99).values, report.late.time[1])
