"""Stresses given cell by cell: cells and their values in a NetCDF-4 file, read and written with h5py.

A file holds whole numbers ``layer``, ``row`` and ``column``, counted from 1, along the dimension ``cell``, and values along
``cell`` or ``period, cell``, in metres and days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.case.raster import BROKEN
from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.variables import VARIABLES

LARGEST_TABLE = 500_000_000
INDICES = ("layer", "row", "column")


@dataclass(frozen=True, eq=False)
class CellTable:
    """Values of cells.

    Parameters
    ----------
    indices : mapping of str to ndarray of int
        ``layer``, ``row`` and ``column`` of each cell, from 1, shape ``(n,)``; of a barrier also those of the cell beyond it.
    values : mapping of str to ndarray
        Shape ``(n,)`` or ``(n_period, n)``.
    source : str
        File name, for messages.
    """

    indices: Mapping[str, IntArray]
    values: Mapping[str, FloatArray]
    source: str


def read_cell_table(path: Path, names: tuple[str, ...], indices: tuple[str, ...] = INDICES) -> CellTable:
    """Read a table of cells.

    Parameters
    ----------
    path : Path
        NetCDF-4 file.
    names : tuple of str
        Values wanted.
    indices : tuple of str
        Whole numbers wanted.

    Raises
    ------
    InputFileError
        When the file is unreadable, lacks a variable, or holds more than `LARGEST_TABLE` numbers of one.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            missing = [name for name in (*indices, *names) if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise InputFileError(
                    f"{path.name} has no variable {', '.join(missing)}: it needs {', '.join((*indices, *names))}."
                )
            table = CellTable(
                {name: _whole_numbers(file[name], path.name) for name in indices},
                {name: _values(file[name], name, path.name) for name in names},
                path.name,
            )
    except (RuntimeError, *BROKEN) as error:
        raise InputFileError(f"{path.name} is no readable NetCDF-4 file: {error}.") from error
    n = table.indices[indices[0]].size
    for name, array in (table.indices | table.values).items():  # type: ignore[operator]
        if array.shape[-1] != n:
            raise InputFileError(f"{path.name}: {name} has {array.shape[-1]} cells, {indices[0]} has {n}: they must be as many.")
    return table


def _refuse_shape(dataset: Any, dims: tuple[int, ...], name: str, source: str) -> None:
    if dataset.ndim not in dims:
        wanted = "cell" if dims == (1,) else "cell, or period and cell"
        raise InputFileError(f"{source}: {name} has {dataset.ndim} dimensions: must be {wanted}.")
    if dataset.size > LARGEST_TABLE:
        raise InputFileError(f"{source}: {name} has {dataset.size} values: at most {LARGEST_TABLE} can be read.")


def _whole_numbers(dataset: Any, source: str) -> IntArray:
    name = dataset.name.lstrip("/")
    _refuse_shape(dataset, (1,), name, source)
    if dataset.dtype.kind not in "iu":
        raise InputFileError(f"{source}: {name} holds {dataset.dtype}: must be whole numbers.")
    return np.asarray(dataset[:], dtype=np.int64)


def _values(dataset: Any, name: str, source: str) -> FloatArray:
    _refuse_shape(dataset, (1, 2), name, source)
    if dataset.dtype.kind not in "iuf":
        raise InputFileError(f"{source}: {name} holds {dataset.dtype}: must be numbers.")
    unit = dataset.attrs.get("units", b"")
    text = unit.decode() if isinstance(unit, bytes) else str(unit)
    if text not in ("", VARIABLES[name].unit):
        raise InputFileError(f"{source}: {name} has the unit {text!r}: must be {VARIABLES[name].unit!r}.")
    return np.asarray(dataset[:], dtype=np.float64)


def write_cell_table(path: Path, indices: Mapping[str, IntArray], values: Mapping[str, FloatArray]) -> None:
    """Write a table of cells, as `read_cell_table` reads it."""
    import h5netcdf

    n = next(iter(indices.values())).size
    with h5netcdf.File(path, "w") as file:
        file.dimensions["cell"] = n
        if varying := [series for series in values.values() if series.ndim == 2]:
            file.dimensions["period"] = varying[0].shape[0]
        for name, numbers in indices.items():
            variable = _variable(file, name, ("cell",), np.asarray(numbers, dtype=np.int32))
            variable.attrs["long_name"] = f"{name.replace('_', ' ')}, counted from 1"
        for name, series in values.items():
            variable = _variable(file, name, ("period", "cell")[2 - series.ndim :], series)
            variable.attrs["units"] = VARIABLES[name].unit
            variable.attrs["long_name"] = VARIABLES[name].long_name


def _variable(file: Any, name: str, dims: tuple[str, ...], data: np.ndarray) -> Any:
    packed = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if data.size > 64 else {}
    return file.create_variable(name, dims, data.dtype, data=data, **packed)
