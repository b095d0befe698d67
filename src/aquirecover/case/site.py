"""What all builders share: the files of a case, its named places, its spatial values, and the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.case import geo
from aquirecover.case.messages import did_you_mean
from aquirecover.case.model_config import Place
from aquirecover.case.tables import Table, read_table
from aquirecover.case.timeline import Timeline
from aquirecover.case.values import Value
from aquirecover.case.workspace import Workspace
from aquirecover.errors import Collector, ConfigError, Finding, InputFileError
from aquirecover.flow.arrays import BoolArray, FloatArray

SHOWN = 3


@dataclass(frozen=True)
class FileFinding(Finding):
    """A finding on an input file that is missing or unreadable."""


def refuse(key: str, message: str) -> ConfigError:
    """Return the error of one finding, to be raised."""
    return ConfigError([Finding(key, message)])


@contextmanager
def collecting(errors: Collector, key: str) -> Iterator[None]:
    """Turn an error raised inside into findings, so that the next section is read too; `key` names unreadable files."""
    try:
        yield
    except ConfigError as error:
        errors.extend(error.findings)
    except InputFileError as error:
        errors.extend([FileFinding(key, str(error))])


@dataclass(eq=False)
class Files:
    """The input files of a case, each read once.

    Parameters
    ----------
    workspace : Workspace
        Says which files may be read, and notes their checksums.
    folder : Path
        Of the model file, to which paths are relative.
    """

    workspace: Workspace
    folder: Path
    _read: dict[Any, Any] = field(default_factory=dict)

    def path(self, text: str, key: str) -> Path:
        """Return the path of an input, and note its checksum; `key` holds the text, for messages."""
        path = self._resolved(text, key)
        if path not in self._read:
            self._read[path] = self.workspace.note(path, shown=text)
            parts = [path.with_suffix(suffix) for suffix in (".dbf", ".prj")] if path.suffix.lower() == ".shp" else []
            for part in parts:
                if part.exists():
                    self.workspace.note(part)
        return path

    def once(self, reader: Callable[..., Any], path: Path, *rest: Any) -> Any:
        """Return what `reader` makes of a file, reading it only once."""
        key = (reader, path, *rest)
        if key not in self._read:
            self._read[key] = reader(path, *rest)
        return self._read[key]

    def _resolved(self, text: str, key: str) -> Path:
        try:
            return self.workspace.resolve(text, self.folder)
        except InputFileError as error:
            raise ConfigError([FileFinding(key, str(error))]) from error

    def table(self, text: str, key: str) -> Table:
        """Return a CSV table; `key` holds the text, for messages."""
        path = self._resolved(text, key)
        if path not in self._read:
            self._read[path] = read_table(path, workspace=self.workspace)
        table: Table = self._read[path]
        return table


@dataclass(eq=False)
class Places:
    """Named polygons and lines, read when they are first asked for.

    Parameters
    ----------
    entries : mapping
        ``areas`` and ``lines``: name → place.
    files : Files
        To read them.
    crs : str or None
        Of the model.
    errors : Collector
        Gets what is wrong with a file, once.
    """

    entries: Mapping[str, Mapping[str, Place]]
    files: Files
    crs: str | None
    errors: Collector
    _broken: set[tuple[str, str]] = field(default_factory=set)
    _unions: dict[tuple[str, str], Any] = field(default_factory=dict)

    def area(self, reference: str, key: str) -> Any:
        """Return the polygons of ``name`` or ``name/label`` as one geometry; `key` holds the reference, for messages."""
        return self._one("areas", reference, key)

    def line(self, reference: str, key: str) -> Any:
        """Return the lines of ``name`` or ``name/label`` as one geometry; `key` holds the reference, for messages."""
        return self._one("lines", reference, key)

    def by_aquifer(self, reference: str, key: str) -> dict[str, Any]:
        """Return the polygons of ``name`` or ``name/label`` by their attribute ``aquifer``, empty for all aquifers."""
        name, _, label = reference.partition("/")
        shapes, place = self.shapes("areas", name), self.entries["areas"][name]
        self.area(reference, key)
        labels = [label] * len(shapes.geometry) if not label else [str(own) for own in shapes.column(str(place.label))]
        try:
            units = shapes.column("aquifer")
        except InputFileError as error:
            raise refuse(f"{key} = {reference!r}", f"{error} Use within for areas that are no zones.") from error
        found: dict[str, list[Any]] = {}
        for geometry, own, unit in zip(shapes.geometry, labels, units, strict=True):
            if own == label:
                found.setdefault(str(unit or ""), []).append(geometry)
        return {unit: geo.union(geometries) for unit, geometries in found.items()}

    def labelled(self, kind: str, name: str) -> dict[str, Any]:
        """Return the geometries of an entry by label, under its own name where it has no label."""
        place = self.entries[kind][name]
        shapes = self.shapes(kind, name)
        if place.label is None:
            return {name: geo.union(shapes.geometry)}
        found: dict[str, Any] = shapes.by_label(place.label)
        return found

    def shapes(self, kind: str, name: str) -> geo.Shapes:
        """Return the shapes of an entry; one that is broken is reported once and then refused in silence."""
        if name not in self.entries[kind]:
            raise refuse(f"{kind}.{name}", f"is not there. {did_you_mean(name, self.entries[kind])}".strip())
        if (kind, name) in self._broken:
            raise ConfigError([])
        place = self.entries[kind][name]
        try:
            path = self.files.path(place.file, f"{kind}.{name}.file")
            shapes: geo.Shapes = self.files.once(geo.read_shapes, path, self.crs)
            self._check_kind(kind, shapes)
            if place.label is not None:
                shapes.column(place.label)
        except (InputFileError, ConfigError) as error:
            self._broken.add((kind, name))
            own = error.findings if isinstance(error, ConfigError) else [FileFinding(f"{kind}.{name}.file", str(error))]
            self.errors.extend(own)
            raise ConfigError([]) from error
        return shapes

    def check_all(self, extent: geo.Extent) -> None:
        """Read every entry and report those that lie wholly outside the grid."""
        for kind, entries in self.entries.items():
            for name in entries:
                with collecting(self.errors, f"{kind}.{name}"):
                    shapes = self.shapes(kind, name)
                    if message := geo.misplaced(shapes.extent, extent, shapes.source, shapes.crs):
                        self._broken.add((kind, name))
                        self.errors.add(f"{kind}.{name}.file", message)

    def _one(self, kind: str, reference: str, key: str) -> Any:
        name, _, label = reference.partition("/")
        shapes = self.shapes(kind, name)
        if not label:
            if (kind, name) not in self._unions:
                self._unions[kind, name] = geo.union(shapes.geometry)
            return self._unions[kind, name]
        found = self.labelled(kind, name)
        if label not in found:
            message = f"{kind}.{name} has no shape with this label. {did_you_mean(label, found)}".strip()
            raise refuse(f"{key} = {reference!r}", message)
        return found[label]

    @staticmethod
    def _check_kind(kind: str, shapes: geo.Shapes) -> None:
        import shapely

        wanted, word = (2, "polygons") if kind == "areas" else (1, "lines")
        if np.any(shapely.get_dimensions(shapes.geometry) != wanted):
            raise InputFileError(f"{shapes.source} must hold {word} only.")


@dataclass(frozen=True, eq=False)
class Plan:
    """The grid seen from above.

    Parameters
    ----------
    x_edge, y_edge : ndarray
        Column edges, ascending, and row edges, descending; m.
    dx, dy : ndarray
        Widths of columns and rows, exact where the edges are sums of them; m.
    """

    x_edge: FloatArray
    y_edge: FloatArray
    dx: FloatArray
    dy: FloatArray

    @classmethod
    def between(cls, x_edge: FloatArray, y_edge: FloatArray) -> Plan:
        """Return the plan of cells between edges."""
        return cls(x_edge, y_edge, np.diff(x_edge), -np.diff(y_edge))

    @classmethod
    def of_widths(cls, dx: FloatArray, dy: FloatArray, x_min: float, y_max: float) -> Plan:
        """Return the plan of cells of given widths from the north-west corner."""
        west_to_east, north_to_south = np.concatenate(([0.0], np.cumsum(dx))), np.concatenate(([0.0], np.cumsum(dy)))
        return cls(x_min + west_to_east, y_max - north_to_south, dx, dy)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_y, n_x)``."""
        return self.y_edge.size - 1, self.x_edge.size - 1

    @property
    def extent(self) -> geo.Extent:
        """``(x_min, y_min, x_max, y_max)``, m."""
        return float(self.x_edge[0]), float(self.y_edge[-1]), float(self.x_edge[-1]), float(self.y_edge[0])

    @cached_property
    def x(self) -> FloatArray:
        """Cell centres, shape ``(n_y, n_x)``, m."""
        return np.broadcast_to(0.5 * (self.x_edge[1:] + self.x_edge[:-1]), self.shape)

    @cached_property
    def y(self) -> FloatArray:
        """Cell centres, shape ``(n_y, n_x)``, m."""
        return np.broadcast_to((0.5 * (self.y_edge[1:] + self.y_edge[:-1]))[:, None], self.shape)


@dataclass(eq=False)
class Site:
    """The place of a model: its files, areas, lines and values, and what was found wrong.

    Parameters
    ----------
    crs : str or None
        Of the model.
    files, places, errors
        See their classes.
    """

    crs: str | None
    files: Files
    places: Places
    errors: Collector
    warnings: list[str] = field(default_factory=list)
    _masks: dict[str, BoolArray] = field(default_factory=dict)

    def mask(self, plan: Plan, within: str | None, outside: str | None, key: str) -> BoolArray:
        """Return the cells whose centres are within one area and outside another, shape ``(n_y, n_x)``."""
        chosen = np.ones(plan.shape, dtype=bool)
        if within is not None:
            chosen &= self.covered(plan, within, f"{key}.within")
        if outside is not None:
            chosen &= ~self.covered(plan, outside, f"{key}.outside")
        return chosen

    def covered(self, plan: Plan, area: str, key: str) -> BoolArray:
        """Return the cells whose centres an area covers, shape ``(n_y, n_x)``."""
        if area not in self._masks:
            self._masks[area] = geo.inside(self.places.area(area, key), plan.x, plan.y)
        return self._masks[area]

    def at(self, value: Value, x: FloatArray, y: FloatArray, key: str, *, sparse: bool = False) -> FloatArray:
        """Return a value that does not vary in time at places, of the shape of `x`; NaN at places without one where `sparse`.

        Raises
        ------
        ConfigError
            When a place has no value, unless `sparse`.
        """
        found = self._numbers(value, x, y, key) * value.multiplier + value.offset
        missing = np.flatnonzero(~np.isfinite(found) & ~(sparse & np.isnan(found)))
        if missing.size:
            spots = ", ".join(f"({x.flat[i]:.0f}, {y.flat[i]:.0f})" for i in missing[:SHOWN])
            source = value.raster or value.netcdf or value.polygons or value.points or value.kind
            raise refuse(key, f"has no value from {source} at {missing.size} of {found.size} places, such as {spots}.")
        return found

    def over(self, value: Value, plan: Plan, where: BoolArray, key: str) -> FloatArray:
        """Return a field of shape ``(n_y, n_x)``; places not in `where` get the mean of the others."""
        if value.value is not None:
            return np.full(plan.shape, value.value * value.multiplier + value.offset)
        found = np.zeros(plan.shape)
        if np.any(where):
            found[where] = self.at(value, plan.x[where], plan.y[where], key)
            found[~where] = found[where].mean()
        return found

    def in_time(self, value: Value, x: FloatArray, y: FloatArray, timeline: Timeline, key: str) -> FloatArray:
        """Return a value at places, shape ``(n,)``, or ``(n_period, n)`` where it is a dated series."""
        if value.series is None:
            return self.at(value, x, y, key)
        days = np.array([timeline.day(date) for date, _ in value.series])
        numbers = np.array([number for _, number in value.series]) * value.multiplier + value.offset
        return np.repeat(timeline.sample(days, numbers, value.interpolate)[:, None], x.size, axis=1)

    def _numbers(self, value: Value, x: FloatArray, y: FloatArray, key: str) -> FloatArray:
        """Return the numbers at places before multiplier and offset, NaN where there is none."""
        match value.kind:
            case "value":
                return np.full(x.shape, value.value)
            case "by_area":
                found = np.full(x.shape, np.nan if value.default is None else value.default)
                for reference, number in (value.by_area or {}).items():
                    found[geo.inside(self.places.area(reference, f"{key}.by_area"), x, y)] = number
                return found
            case "polygons":
                return self._from_polygons(value, x, y, key)
            case "points":
                return self._from_points(value, x, y, key)
            case _:
                return self._from_raster(value, x, y, key)

    def _from_raster(self, value: Value, x: FloatArray, y: FloatArray, key: str) -> FloatArray:
        from aquirecover.case import geotiff, raster

        path = self.files.path(value.raster or value.netcdf or "", f"{key}.{value.kind}")
        if value.raster:
            source: raster.Raster = self.files.once(geotiff.read_geotiff, path)
        else:
            source = self.files.once(raster.read_netcdf, path, value.variable, self.crs)
        return source.sample(x, y, self.crs, value.method) * source.factor_to(value.unit)

    def _from_polygons(self, value: Value, x: FloatArray, y: FloatArray, key: str) -> FloatArray:
        path = self.files.path(str(value.polygons), f"{key}.polygons")
        shapes: geo.Shapes = self.files.once(geo.read_shapes, path, self.crs)
        found = np.full(x.shape, np.nan if value.default is None else value.default)
        for geometry, number in zip(shapes.geometry, shapes.column(str(value.attribute)), strict=True):
            try:
                found[geo.inside(geometry, x, y)] = float(number)
            except (TypeError, ValueError):
                raise InputFileError(f"{path.name}: {value.attribute} = {number!r} must be a number.") from None
        return found

    def _from_points(self, value: Value, x: FloatArray, y: FloatArray, key: str) -> FloatArray:
        from aquirecover.case import raster

        table = self.files.table(str(value.points), f"{key}.points")
        place_x, place_y, crs = self.coordinates(table)
        numbers = table.numbers(str(value.column))
        lattice = raster.from_lattice(place_x, place_y, numbers, crs, table.source) if value.method != "idw" else None
        if lattice is not None:
            return lattice.sample(x, y, self.crs, value.method, beyond=True)
        place_x, place_y = geo.points_to_crs(place_x, place_y, crs, self.crs)
        return raster.from_points(place_x, place_y, numbers, x, y, value.method)

    def coordinates(self, table: Table) -> tuple[FloatArray, FloatArray, str | None]:
        """Return the coordinates of the rows of a table, and their CRS."""
        if "x" in table and "y" in table:
            return table.numbers("x"), table.numbers("y"), self.crs
        if "longitude" in table and "latitude" in table:
            if self.crs is None:
                raise InputFileError(f"{table.source} has longitude and latitude: the model needs a crs to place them.")
            longitude, latitude = (
                table.numbers("longitude", low=-180.0, high=360.0),
                table.numbers("latitude", low=-90.0, high=90.0),
            )
            return longitude, latitude, geo.LONGITUDE_LATITUDE
        raise InputFileError(f"{table.source} needs the columns x and y, or longitude and latitude.")

    def placed(self, table: Table) -> tuple[FloatArray, FloatArray]:
        """Return the coordinates of the rows of a table in the CRS of the model, each of shape ``(n,)``; m."""
        x, y, crs = self.coordinates(table)
        return geo.points_to_crs(x, y, crs, self.crs)
