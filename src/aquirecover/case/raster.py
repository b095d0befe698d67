"""Values of rasters and of scattered points at the places of the grid; NetCDF files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.case import geo
from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import FloatArray
from aquirecover.variables import QuantityError, to_number

LARGEST_RASTER = 100_000_000
PLACES = {"x", "y", "lon", "lat", "longitude", "latitude"}
BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, struct.error)


@dataclass(frozen=True, eq=False)
class Raster:
    """Values on a regular grid.

    Parameters
    ----------
    x, y : ndarray
        Ascending centres of columns, shape ``(n_x,)``, and rows, shape ``(n_y,)``, in the CRS of the raster.
    value : ndarray
        Shape ``(n_y, n_x)``, rows in the order of `y`; NaN where there is none.
    crs : str
        Of `x` and `y`.
    source : str
        File name, for messages.
    unit : str
        Of the values, as the file names it; empty where it does not.
    """

    x: FloatArray
    y: FloatArray
    value: FloatArray
    crs: str | None
    source: str
    unit: str = ""

    def factor_to(self, unit: str) -> float:
        """Return what turns the values into a unit, as ``m d-1``; 1 where the file names none.

        Raises
        ------
        InputFileError
            When the unit of the file measures something else, or is not known.
        """
        if not self.unit or (self.unit == "1" and unit in {"", "1"}):
            return 1.0
        try:
            return to_number(f"1 {self.unit}", unit or "1")
        except QuantityError as error:
            raise InputFileError(f"{self.source} gives its values in {self.unit!r}: {error.rule}") from error

    def sample(
        self, x: FloatArray, y: FloatArray, crs: str | None, method: str = "linear", *, beyond: bool = False
    ) -> FloatArray:
        """Return values at points of another CRS; NaN outside the raster or where it has no data.

        Parameters
        ----------
        x, y : ndarray
            Same shape; m.
        crs : str
            Of the points.
        method : {'linear', 'nearest'}
            Bilinear between pixel centres, or the value of the pixel.
        beyond : bool
            Outside the raster the value at its edge holds, instead of none.
        """
        px, py = geo.points_to_crs(x.ravel(), y.ravel(), crs, self.crs)
        column, inside_x = _position(self.x, px)
        row, inside_y = _position(self.y, py)
        found = self._nearest(row, column) if method == "nearest" else self._bilinear(row, column)
        return np.where(beyond | (inside_x & inside_y), found, np.nan).reshape(x.shape)

    def _nearest(self, row: FloatArray, column: FloatArray) -> FloatArray:
        return self.value[np.rint(row).astype(np.int64), np.rint(column).astype(np.int64)]

    def _bilinear(self, row: FloatArray, column: FloatArray) -> FloatArray:
        """Interpolate between the four pixels round a point, leaving out those without data."""
        last_row, last_column = (n - 1 for n in self.value.shape)
        top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
        down, right = row - top, column - left
        corners = ((0, 0, (1 - down) * (1 - right)), (0, 1, (1 - down) * right), (1, 0, down * (1 - right)), (1, 1, down * right))
        total, weight = np.zeros_like(row), np.zeros_like(row)
        for i, j, w in corners:
            corner = self.value[np.minimum(top + i, last_row), np.minimum(left + j, last_column)]
            known = np.isfinite(corner)
            total += np.where(known, w * np.where(known, corner, 0.0), 0.0)
            weight += np.where(known, w, 0.0)
        return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 1e-9)


def _position(centre: FloatArray, value: FloatArray) -> tuple[FloatArray, np.ndarray]:
    """Return the place among centres as a fraction of an index, and whether it is within half a pixel of them."""
    half = 0.5 * (centre[1] - centre[0]) if centre.size > 1 else 0.5
    at_end = 0.5 * (centre[-1] - centre[-2]) if centre.size > 1 else 0.5
    within = (value >= centre[0] - half) & (value <= centre[-1] + at_end)
    return np.interp(value, centre, np.arange(centre.size, dtype=np.float64)), within


def read_netcdf(path: Path, variable: str, crs: str | None) -> Raster:
    """Read a two-dimensional variable of a NetCDF-4 file.

    Parameters
    ----------
    path : Path
        Has coordinates ``x`` and ``y``, or ``lon`` and ``lat`` (``longitude``, ``latitude``).
    variable : str
        Name of the variable; its attribute ``units`` is noted.
    crs : str
        CRS of the model, taken for ``x`` and ``y`` where the variable has no ``grid_mapping`` that says otherwise.

    Raises
    ------
    InputFileError
        When the file, the variable or its coordinates are missing, or the variable is too large.
    """
    import xarray as xr

    if not path.is_file():
        raise InputFileError(f"{path.name} does not exist (looked in {path.parent}).")
    try:
        with xr.open_dataset(path, engine="h5netcdf", phony_dims="access") as dataset:
            if variable not in dataset:
                there = ", ".join(str(name) for name in dataset.data_vars)
                raise InputFileError(f"{path.name} has no variable {variable!r}; there are {there}.")
            if dataset[variable].size > LARGEST_RASTER:
                shape = " x ".join(map(str, dataset[variable].shape))
                raise InputFileError(f"{path.name}: {variable} has {shape} values: at most {LARGEST_RASTER} can be read.")
            single = [name for name, size in dataset[variable].sizes.items() if size == 1 and name not in PLACES]
            array = dataset[variable].squeeze(single, drop=True).load()
            own_crs = _mapped_crs(dataset, variable) or crs
    except (RuntimeError, *BROKEN) as error:
        raise InputFileError(f"{path.name} is no readable NetCDF-4 file: {error}.") from error
    degrees = geo.LONGITUDE_LATITUDE
    for along_x, along_y, kind in (("x", "y", own_crs), ("lon", "lat", degrees), ("longitude", "latitude", degrees)):
        if set(array.dims) == {along_x, along_y}:
            placed = array.transpose(along_y, along_x).sortby([along_x, along_y])
            x, y, value = (np.asarray(a.values, dtype=np.float64) for a in (placed[along_x], placed[along_y], placed))
            return Raster(x, y, value, kind, path.name, str(array.attrs.get("units", "")).strip())
    raise InputFileError(f"{path.name}: {variable} has dims {', '.join(map(str, array.dims))}: must be x and y, or lon and lat.")


def _mapped_crs(dataset: Any, variable: str) -> str:
    """Return the CRS that the grid mapping of a variable holds as text (WKT), empty where there is none."""
    found = dataset[variable]
    name = found.encoding.get("grid_mapping") or found.attrs.get("grid_mapping")
    attributes = dataset[name].attrs if name in dataset.variables else {}
    return str(attributes.get("crs_wkt") or attributes.get("spatial_ref") or "")


def from_lattice(x: FloatArray, y: FloatArray, value: FloatArray, crs: str | None, source: str) -> Raster | None:
    """Return points that fill every crossing of some columns and rows as a raster, None when they do not."""
    (column, i), (row, j) = np.unique(x, return_inverse=True), np.unique(y, return_inverse=True)
    if min(column.size, row.size) < 2 or column.size * row.size != value.size:
        return None
    field = np.full((row.size, column.size), np.nan)
    field[j, i] = value
    return Raster(column, row, field, crs, source) if np.all(np.isfinite(field)) else None


def from_points(
    x: FloatArray, y: FloatArray, value: FloatArray, to_x: FloatArray, to_y: FloatArray, method: str = "linear"
) -> FloatArray:
    """Return values of scattered points at other places.

    Parameters
    ----------
    x, y, value : ndarray
        Shape ``(n,)``; m.
    to_x, to_y : ndarray
        Places wanted, any one shape; m.
    method : {'nearest', 'linear', 'idw'}
        Nearest point; linear on Delaunay triangles and the nearest point outside them; or the mean of the twelve nearest
        points weighted by inverse squared distance.
    """
    from scipy.spatial import QhullError, cKDTree

    source, target = np.column_stack((x, y)), np.column_stack((to_x.ravel(), to_y.ravel()))
    tree = cKDTree(source)
    if method == "idw":
        away, which = (np.reshape(a, (len(target), -1)) for a in tree.query(target, k=min(12, value.size)))
        weight = 1.0 / np.maximum(away, 1e-9) ** 2
        return np.asarray((weight * value[which]).sum(axis=1) / weight.sum(axis=1)).reshape(to_x.shape)
    found = value[tree.query(target)[1]]
    if method == "linear" and value.size >= 3:
        from scipy.interpolate import LinearNDInterpolator

        try:
            between = LinearNDInterpolator(source, value)(target)
        except QhullError as error:
            raise InputFileError("points that lie on one line cannot be interpolated linearly: use nearest or idw.") from error
        found = np.where(np.isfinite(between), between, found)
    return np.asarray(found, dtype=np.float64).reshape(to_x.shape)
