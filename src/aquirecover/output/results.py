"""A run's folder: one NetCDF file that holds everything, tables for people, and the way back to a dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.errors import BudgetError, InputFileError, NumericalError
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import FlowResult
from aquirecover.output.dataset import to_dataset
from aquirecover.output.files import refuse_existing, replace_file, write_csv, write_json
from aquirecover.output.provenance import FORMAT
from aquirecover.output.recovery import recovery_table
from aquirecover.output.tables import Table, budget_by_year, budget_by_zone, budget_table, wells_table

if TYPE_CHECKING:
    import xarray as xr

    from aquirecover.study.recovery_report import RecoveryReport

BUDGET_TOLERANCE = 1e-6
RESULT_NAME = "result.nc"
MANIFEST_NAME = "run.json"
# Bytes that one compressed block of a field may have: a few saved times of one layer.
CHUNK_BYTES = 2**20


def write_results(
    result: FlowResult,
    folder: Path | str,
    *,
    recovery: RecoveryReport | None = None,
    settings: object = None,
    reference: tuple[str, FloatArray] | None = None,
    overwrite: bool = False,
    budget_tolerance: float = BUDGET_TOLERANCE,
) -> xr.Dataset:
    """Write ``result.nc``, ``recovery.csv``, ``budget.csv``, ``budget_by_year.csv``, ``wells.csv`` and, last, ``run.json``.

    Parameters
    ----------
    result : FlowResult
        What a simulator returned.
    folder : path-like
        Made when missing.
    recovery : RecoveryReport, optional
        Recovery metrics; without them there is no ``recovery.csv``.
    settings, reference
        See `to_dataset`.
    overwrite : bool
        Replace files that exist.
    budget_tolerance : float
        Largest budget error of a step, 1.

    Returns
    -------
    xarray.Dataset
        What was written, in memory.

    Raises
    ------
    BudgetError
        When the budget of a step does not close.
    NumericalError
        When a head in an active cell or a rate is not finite.
    OutputExistsError
        When a file exists and `overwrite` is not set; nothing is written then.
    """
    check_result(result, budget_tolerance)
    target = Path(folder)
    dataset = to_dataset(result, recovery, settings=settings, reference=reference)
    tables = result_tables(dataset)
    names = [RESULT_NAME, *tables, MANIFEST_NAME]
    refuse_existing([target / name for name in names], overwrite=overwrite)
    # a folder without run.json is an unfinished run, also while old files are replaced one by one
    (target / MANIFEST_NAME).unlink(missing_ok=True)
    write_dataset(dataset, target / RESULT_NAME, overwrite=overwrite)
    for name, table in tables.items():
        write_csv(target / name, table.header, table.rows, overwrite=overwrite)
    write_json(target / MANIFEST_NAME, manifest(dataset, names[:-1]), overwrite=overwrite)
    return dataset


def result_tables(dataset: xr.Dataset) -> dict[str, Table]:
    """Return the tables of a result by file name."""
    tables = {"budget.csv": budget_table(dataset), "budget_by_year.csv": budget_by_year(dataset)}
    if "zone" in dataset.dims:
        tables["budget_by_zone.csv"] = budget_by_zone(dataset)
    if "well" in dataset.dims:
        tables["wells.csv"] = wells_table(dataset)
    if "recovery_fraction" in dataset:
        tables["recovery.csv"] = recovery_table(dataset)
    return tables


def check_result(result: FlowResult, budget_tolerance: float = BUDGET_TOLERANCE) -> None:
    """Refuse a result that is not finite or whose budget does not close; see `write_results`."""
    grid, schedule = result.problem.grid, result.problem.schedule
    bad = np.argwhere(~np.isfinite(result.head) & grid.active)
    if bad.size:
        saved, layer, row, column = (int(i) for i in bad[0])
        cell = int(grid.cell(layer, row, column)[0])
        value = result.head[saved, layer, row, column]
        where = f"Step {result.saved_step[saved] + 1} (day {result.time[saved]:g})"
        raise NumericalError(f"{where}: head = {value} in {grid.describe(cell)}: must be finite. Nothing was written.")
    for name, rates in (("pumping_rate", result.pumping_rate), ("pumping_rate_actual", result.pumping_rate_actual)):
        if not np.isfinite(rates).all():
            step, well = (int(i) for i in np.argwhere(~np.isfinite(rates))[0])
            value = rates[step, well]
            raise NumericalError(f"Step {step + 1}, well {well + 1}: {name} = {value}: must be finite. Nothing was written.")
    error = result.budget.error
    if not np.all(error <= budget_tolerance):
        step = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
        raise BudgetError(
            f"Step {step + 1} (day {schedule.step_time[step]:g}): budget_error = {error[step]:.3g}: "
            f"must be {budget_tolerance:g} or less. Nothing was written. Tighten the linear solver's tolerance."
        )


def manifest(dataset: xr.Dataset, files: list[str]) -> dict[str, Any]:
    """Return the content of ``run.json``: what ran, on which inputs, with which versions, how well, and the files."""
    attrs = dataset.attrs
    keep = ("name", "title", "engine", "history", "elapsed", "start", "restriction_start", "n_cell", "n_active", "n_period")
    content: dict[str, Any] = {key: attrs[key] for key in keep}
    content["n_step"] = int(dataset.sizes["step_time"])
    content["largest_budget_error"] = attrs["largest_budget_error"]
    content["warnings"] = attrs["warnings"].splitlines()
    content["restriction_log"] = attrs["restriction_log"].splitlines()
    content |= {key: json.loads(attrs[key]) for key in ("versions", "settings", "inputs", "config", "mf6") if key in attrs}
    content["files"] = files
    return content


def write_dataset(dataset: xr.Dataset, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a dataset as NetCDF-4, compressed without loss; see `replace_file`.

    GIS programs place a raster by its cell size, and cannot place one whose cells grow outwards. Where they do, the group
    ``maps`` holds the fields that have no time on the part of the grid with cells of one size.
    """
    encoding = {str(name): _encoding(dataset, str(name)) for name in dataset.variables}
    maps = core_maps(dataset)

    def write(part: Path) -> None:
        dataset.to_netcdf(part, engine="h5netcdf", format="NETCDF4", encoding=encoding)
        if maps is not None:
            packed = {str(name): _encoding(maps, str(name)) for name in maps.variables}
            maps.to_netcdf(part, mode="a", group="maps", engine="h5netcdf", format="NETCDF4", encoding=packed)

    return replace_file(path, write, overwrite=overwrite)


def core_maps(dataset: xr.Dataset) -> xr.Dataset | None:
    """Return the fields without time where cells have the smallest size; None when all cells are of one size."""
    if "x_bounds" not in dataset:
        return None
    core: dict[str, slice] = {}
    for axis in ("x", "y"):
        size = np.abs(np.diff(dataset[f"{axis}_bounds"].values, axis=1))[:, 0]
        fine = np.flatnonzero(size < size.min() * (1.0 + 1e-6))
        core[axis] = slice(int(fine[0]), int(fine[-1]) + 1)
    part = dataset.isel(core)
    if part.sizes == dataset.sizes:
        return None
    fields = [
        name for name, variable in part.data_vars.items() if variable.dims[-2:] == ("y", "x") and "time" not in variable.dims
    ]
    kept = part[[*fields, *(["crs"] if "crs" in part else [])]].copy(deep=True)
    for axis in ("x", "y"):
        kept[axis].attrs.pop("bounds", None)
    return kept.assign_attrs(title=dataset.attrs.get("title", ""), Conventions="CF-1.10")


def _encoding(dataset: xr.Dataset, name: str) -> dict[str, Any]:
    """Return how a variable is stored: dates as days, numbers shuffled and deflated in blocks along time."""
    variable = dataset[name]
    encoding: dict[str, Any] = {}
    if np.issubdtype(variable.dtype, np.datetime64):
        start = dataset.attrs["start"]
        encoding = {"units": f"days since {start}", "calendar": "proleptic_gregorian", "dtype": "float64", "_FillValue": None}
    if np.issubdtype(variable.dtype, np.floating):
        encoding["_FillValue"] = np.nan if name not in dataset.indexes and not name.endswith("_bounds") else None
    if variable.ndim > 1 and variable.dtype.kind in "fi" and variable.size > 256:
        encoding |= {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": _chunks(variable)}
    return encoding


def _chunks(variable: xr.DataArray) -> tuple[int, ...]:
    """Return block sizes of at most `CHUNK_BYTES` that keep y and x whole and are long in time."""
    sizes = list(variable.shape)
    for axis in [1, 0] if variable.ndim > 3 else [0]:
        while sizes[axis] > 1 and np.prod(sizes) * variable.dtype.itemsize > CHUNK_BYTES:
            sizes[axis] = (sizes[axis] + 1) // 2
    return tuple(sizes)


def open_results(path: Path | str, wanted: str = FORMAT) -> xr.Dataset:
    """Open a result file, or the one in a run's folder, whole in memory.

    Parameters
    ----------
    path : path-like
        ``result.nc`` or the folder that holds it.
    wanted : str
        Format that the file names.

    Returns
    -------
    xarray.Dataset
        As `to_dataset` gives it.

    Raises
    ------
    InputFileError
        When the file is missing, damaged or not a result of this program.
    """
    import xarray as xr

    file = Path(path)
    file = file / RESULT_NAME if file.is_dir() else file
    if not file.is_file():
        raise InputFileError(f"{file}: no such result file. Run a scenario first: aquirecover run.")
    try:
        with xr.open_dataset(file, engine="h5netcdf") as stored:
            found = stored.attrs.get("aquirecover_format")
            if found != wanted:
                raise InputFileError(
                    f"{file}: aquirecover_format = {found!r}: must be {wanted!r} to be a result of this version."
                )
            return _whole_seconds(stored.load())
    except (OSError, ValueError, KeyError) as error:
        raise InputFileError(f"{file}: cannot be read as a NetCDF-4 result ({error}). Run the scenario again.") from error


def _whole_seconds(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset with dates as they were before days as floating-point numbers shifted them by nanoseconds."""
    names = [name for name, variable in dataset.variables.items() if np.issubdtype(variable.dtype, np.datetime64)]
    return dataset.assign({name: dataset[name].dt.round("s") for name in names})
