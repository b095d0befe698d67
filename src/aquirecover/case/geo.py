"""Polygons, lines and points of files, in the coordinates of the model, and where they meet the grid."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray

LONGITUDE_LATITUDE = "OGC:CRS84"
LARGEST_FILE = 200_000_000

Extent = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Shapes:
    """The geometries of one file in the CRS of the model.

    Parameters
    ----------
    geometry : ndarray of object
        Shapely geometries, shape ``(n,)``; m.
    attributes : tuple of dict
        Properties of each geometry.
    source : str
        File name, for messages.
    crs : str
        CRS of the file.
    """

    geometry: np.ndarray
    attributes: tuple[dict[str, Any], ...]
    source: str
    crs: str

    @property
    def extent(self) -> Extent:
        """``(x_min, y_min, x_max, y_max)``, m."""
        import shapely

        low_x, low_y, high_x, high_y = (float(v) for v in shapely.total_bounds(self.geometry))
        return low_x, low_y, high_x, high_y

    def column(self, attribute: str) -> list[Any]:
        """Return one attribute of every geometry.

        Raises
        ------
        InputFileError
            When a geometry lacks it.
        """
        if any(attribute not in properties for properties in self.attributes):
            names = sorted({name for properties in self.attributes for name in properties})
            raise InputFileError(f"{self.source} has no attribute {attribute!r} on every shape; there are {', '.join(names)}.")
        return [properties[attribute] for properties in self.attributes]

    def by_label(self, attribute: str) -> dict[str, Any]:
        """Return the geometries by a label; those that share one are joined."""
        import shapely

        groups: dict[str, list[Any]] = {}
        for label, geometry in zip(self.column(attribute), self.geometry, strict=True):
            groups.setdefault(str(label), []).append(geometry)
        return {label: found[0] if len(found) == 1 else shapely.union_all(found) for label, found in groups.items()}


def read_shapes(path: Path, crs: str | None) -> Shapes:
    """Read a GeoJSON file or a shapefile into the coordinates of the model.

    A GeoJSON file is in WGS84 longitude and latitude (RFC 7946) unless it has a ``crs`` member; a shapefile needs its
    ``.prj``. The CRS is never guessed.

    Parameters
    ----------
    path : Path
        ``.geojson``, ``.json`` or ``.shp``.
    crs : str or None
        Of the model, as ``EPSG:3405``; None for a model that has none: coordinates are then taken as they are.

    Raises
    ------
    InputFileError
        When the file is missing, broken, too large, empty, or its CRS cannot be true.
    """
    if not path.is_file():
        raise InputFileError(f"{path.name} does not exist (looked in {path.parent}).")
    if path.stat().st_size > LARGEST_FILE:
        raise InputFileError(f"{path.name} is larger than {LARGEST_FILE // 1_000_000} MB.")
    match path.suffix.lower():
        case ".geojson" | ".json":
            geometry, attributes, source_crs = _read_geojson(path)
        case ".shp":
            from aquirecover.case.shapefile import read_shapefile

            geometry, attributes, source_crs = read_shapefile(path)
        case other:
            raise InputFileError(f"{path.name}: cannot read {other or 'a file without suffix'}; use .geojson or .shp.")
    if not geometry:
        raise InputFileError(f"{path.name} holds no shapes.")
    array = np.empty(len(geometry), dtype=object)
    array[:] = geometry
    return Shapes(to_crs(array, source_crs, crs, path.name), tuple(attributes), path.name, source_crs)


def _read_geojson(path: Path) -> tuple[list[Any], list[dict[str, Any]], str]:
    """Return geometries, properties and CRS of a GeoJSON file."""
    import shapely

    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputFileError(f"{path.name} is no readable GeoJSON: {error}.") from error
    if not isinstance(data, dict) or "type" not in data:
        raise InputFileError(f"{path.name} is no GeoJSON: it has no type.")
    features = data.get("features") if data["type"] == "FeatureCollection" else [data]
    geometries, attributes = [], []
    if not isinstance(features, list):
        raise InputFileError(f"{path.name} is no GeoJSON: its features must be a list.")
    for number, feature in enumerate(features, start=1):
        if not isinstance(feature, dict):
            raise InputFileError(f"{path.name}: feature {number} is no feature.")
        content = feature.get("geometry") if feature.get("type") == "Feature" else feature
        if content is None or (isinstance(content, dict) and content.get("coordinates") == []):
            continue
        try:
            geometry = shapely.from_geojson(json.dumps(content))
        except (shapely.GEOSException, TypeError) as error:
            raise InputFileError(f"{path.name}: feature {number} is no geometry: {error}.") from error
        geometries.append(geometry if shapely.is_valid(geometry) else shapely.make_valid(geometry))
        properties = feature.get("properties")
        attributes.append(dict(properties) if isinstance(properties, dict) else {})
    return geometries, attributes, _geojson_crs(data)


def _geojson_crs(data: dict[str, Any]) -> str:
    """Return the CRS that the file names, or WGS84 longitude and latitude."""
    member = data.get("crs")
    if not member:
        return LONGITUDE_LATITUDE
    properties = member.get("properties") if isinstance(member, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    return LONGITUDE_LATITUDE if name.endswith("CRS84") else name or "a crs member without a name"


def unfit_crs(crs: str) -> str:
    """Return why a CRS cannot be that of a model, whose lengths are metres, or an empty string."""
    import pyproj

    try:
        found = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return "is no CRS that PROJ knows: use a projected one in metres, as EPSG:3405."
    unit = found.axis_info[0].unit_name if found.axis_info else "unknown unit"
    if found.is_projected and unit == "metre":
        return ""
    return f"is in {unit}: use a projected CRS in metres, as EPSG:3405."


def transformer(source: str, target: str) -> Any:
    """Return the transformer between two CRS, x before y.

    Raises
    ------
    InputFileError
        When a CRS is unknown.
    """
    import pyproj

    try:
        return pyproj.Transformer.from_crs(source, target, always_xy=True)
    except pyproj.exceptions.CRSError as error:
        raise InputFileError(f"no transformation from {source[:60]!r} to {target!r}: {error}.") from error


def to_crs(geometry: np.ndarray, source: str, target: str | None, name: str) -> np.ndarray:
    """Return geometries transformed from one CRS to another.

    Raises
    ------
    InputFileError
        When coordinates cannot be longitude and latitude, or do not transform.
    """
    import shapely

    flat = shapely.force_2d(geometry)
    xy = shapely.get_coordinates(flat)
    if not np.all(np.isfinite(xy)):
        raise InputFileError(f"{name} has coordinates that are no finite numbers.")
    if target is None or source == target:
        return np.asarray(flat)
    if source == LONGITUDE_LATITUDE and xy.size and (np.abs(xy[:, 0]).max() > 360.0 or np.abs(xy[:, 1]).max() > 90.0):
        x, y = xy[np.argmax(np.abs(xy).max(axis=1))]
        raise InputFileError(
            f"{name} has coordinates such as ({x:.0f}, {y:.0f}), which are no longitude and latitude: "
            "a GeoJSON in another CRS must name it in its crs member."
        )
    # lists, since pyproj takes an array of one point for a number, of which older numpy warns
    moved = np.column_stack(transformer(source, target).transform(xy[:, 0].tolist(), xy[:, 1].tolist()))
    if not np.all(np.isfinite(moved)):
        raise InputFileError(f"{name} does not transform from {source[:60]} to {target}: its CRS is probably wrong.")
    return np.asarray(shapely.set_coordinates(np.array(flat, dtype=object), moved))


def points_to_crs(x: FloatArray, y: FloatArray, source: str | None, target: str | None) -> tuple[FloatArray, FloatArray]:
    """Return points transformed from one CRS to another, each of shape ``(n,)``; m."""
    if source is None or target is None or source == target:
        return x, y
    moved_x, moved_y = transformer(source, target).transform(x, y)
    return np.asarray(moved_x, dtype=np.float64), np.asarray(moved_y, dtype=np.float64)


def misplaced(extent: Extent, grid_extent: Extent, name: str, crs: str) -> str:
    """Return why shapes that lie wholly outside the grid are suspect, or an empty string when they touch it."""
    low_x, low_y, high_x, high_y = extent
    west, south, east, north = grid_extent
    if low_x <= east and high_x >= west and low_y <= north and high_y >= south:
        return ""
    return (
        f"{name} lies wholly outside the grid: x {low_x:.0f} to {high_x:.0f}, y {low_y:.0f} to {high_y:.0f} m; the grid covers "
        f"x {west:.0f} to {east:.0f}, y {south:.0f} to {north:.0f} m. Its CRS ({crs[:60]}) is probably wrong."
    )


def union(geometries: Iterable[Any]) -> Any:
    """Return one geometry that covers all of them."""
    import shapely

    found = list(geometries)
    return found[0] if len(found) == 1 else shapely.union_all(found)


def inside(geometry: Any, x: FloatArray, y: FloatArray) -> BoolArray:
    """Tell which points a polygon covers, its boundary included.

    Parameters
    ----------
    geometry : shapely geometry
        Polygon or multipolygon.
    x, y : ndarray
        Same shape; m.

    Returns
    -------
    ndarray of bool
        Of the shape of `x`.
    """
    import shapely

    low_x, low_y, high_x, high_y = shapely.bounds(geometry)
    found = (x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y)
    if np.any(found):
        shapely.prepare(geometry)
        found[found] = shapely.intersects_xy(geometry, x[found], y[found])
    return np.asarray(found, dtype=bool)


def distance_to(geometry: Any, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the distance from points to a geometry, 0 inside a polygon; of the shape of `x`, m."""
    import shapely

    shapely.prepare(geometry)
    return np.asarray(shapely.distance(geometry, shapely.points(x, y)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class LineCells:
    """The pieces into which the grid cuts a line, each of shape ``(n,)``.

    Parameters
    ----------
    row, column : ndarray of int
        Zero-based cell of the piece.
    length : ndarray
        m.
    chainage : ndarray
        Distance along the line from its start to the middle of the piece, m.
    """

    row: IntArray
    column: IntArray
    length: FloatArray
    chainage: FloatArray


def cut_line(geometry: Any, x_edge: FloatArray, y_edge: FloatArray) -> LineCells:
    """Cut a line by the grid, exactly.

    Every segment is cut where it crosses a column or row edge; a piece belongs to the cell of its middle, and one on an
    edge to the eastern or southern cell. Pieces outside the grid are dropped.

    Parameters
    ----------
    geometry : shapely geometry
        Line or multiline; a multiline is walked part by part.
    x_edge : ndarray
        Column edges, ascending, shape ``(n_x + 1,)``; m.
    y_edge : ndarray
        Row edges, descending, shape ``(n_y + 1,)``; m.
    """
    start, stop = _segments(geometry)
    step = stop - start
    size = np.hypot(step[:, 0], step[:, 1])
    first = np.concatenate(([0.0], np.cumsum(size)[:-1]))
    segment = np.arange(len(start))
    across = [_crossings(start[:, 0], step[:, 0], x_edge), _crossings(start[:, 1], step[:, 1], y_edge[::-1])]
    number = np.concatenate([segment, segment, across[0][0], across[1][0]])
    share = np.concatenate([np.zeros(len(start)), np.ones(len(start)), across[0][1], across[1][1]])
    order = np.lexsort((share, number))
    number, share = number[order], share[order]
    same = number[1:] == number[:-1]
    n, begin, end = number[:-1][same], share[:-1][same], share[1:][same]
    middle = 0.5 * (begin + end)
    length = (end - begin) * size[n]
    x, y = start[n, 0] + middle * step[n, 0], start[n, 1] + middle * step[n, 1]
    column = np.searchsorted(x_edge, x, side="right") - 1
    row = np.searchsorted(-y_edge, -y, side="right") - 1
    kept = (length > 0.0) & (column >= 0) & (column < x_edge.size - 1) & (row >= 0) & (row < y_edge.size - 1)
    return LineCells(row[kept].astype(np.int64), column[kept].astype(np.int64), length[kept], (first[n] + middle * size[n])[kept])


def _segments(geometry: Any) -> tuple[FloatArray, FloatArray]:
    """Return the ends of all segments of the lines or rings of a geometry, each of shape ``(n, 2)``; m."""
    import shapely

    if shapely.get_dimensions(geometry) == 2:
        geometry = shapely.boundary(geometry)
    xy, part = shapely.get_coordinates(shapely.get_parts(geometry), return_index=True)
    joined = part[1:] == part[:-1]
    return xy[:-1][joined], xy[1:][joined]


def _crossings(start: FloatArray, step: FloatArray, edge: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return segment numbers and the share of the segment at which it crosses each edge of one direction."""
    low, high = np.minimum(start, start + step), np.maximum(start, start + step)
    first = np.searchsorted(edge, low, side="right")
    count = np.maximum(np.searchsorted(edge, high, side="left") - first, 0)
    segment = np.repeat(np.arange(start.size), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    crossed = edge[first[segment] + within]
    return segment, (crossed - start[segment]) / step[segment]


def chainage_of(geometry: Any, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the distance along a line of the places nearest to points, shape ``(n,)``; m."""
    start, stop = _segments(geometry)
    step = stop - start
    square = np.maximum(np.sum(step * step, axis=1), 1e-30)
    first = np.concatenate(([0.0], np.cumsum(np.sqrt(square))[:-1]))
    gap = np.stack((x, y), axis=1)[:, None, :] - start[None]
    share = np.clip(np.sum(gap * step, axis=2) / square, 0.0, 1.0)
    away = np.sum((gap - share[..., None] * step) ** 2, axis=2)
    nearest = np.argmin(away, axis=1)
    point = np.arange(nearest.size)
    return np.asarray(first[nearest] + share[point, nearest] * np.sqrt(square[nearest]), dtype=np.float64)


def along_line(geometry: Any, chainage: FloatArray, x: FloatArray, y: FloatArray, value: FloatArray) -> FloatArray:
    """Interpolate values of stations along a line; beyond the outer stations the value of the outermost one holds.

    Parameters
    ----------
    geometry : shapely geometry
        The line.
    chainage : ndarray
        Places wanted, shape ``(n,)``; m.
    x, y, value : ndarray
        Of the stations, shape ``(n_station,)``.
    """
    place = chainage_of(geometry, x, y)
    order = np.argsort(place, kind="stable")
    return np.asarray(np.interp(chainage, place[order], value[order]), dtype=np.float64)


def drawn_lines(geometries: Sequence[Any]) -> tuple[FloatArray, ...]:
    """Return the lines, or the rings of polygons, as coordinate arrays of shape ``(n, 2)``; m."""
    import shapely

    lines = [shapely.boundary(g) if shapely.get_dimensions(g) == 2 else g for g in geometries]
    return tuple(shapely.get_coordinates(part) for part in shapely.get_parts(lines) if not shapely.is_empty(part))
