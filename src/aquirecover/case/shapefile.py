"""Read the part of an ESRI shapefile that a model needs: points, polylines and polygons with their attributes.

Layout from the ESRI Shapefile Technical Description (July 1998) and the dBASE III table format.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import FloatArray

POINT_TYPES, LINE_TYPES, POLYGON_TYPES = (1, 11, 21), (3, 13, 23), (5, 15, 25)
HEADER = 100
LARGEST_COORDINATE = 1e12


def read_shapefile(path: Path) -> tuple[list[Any], list[dict[str, Any]], str]:
    """Return the geometries, their attributes and the CRS (well-known text) of a shapefile.

    Parameters
    ----------
    path : Path
        The ``.shp``; the ``.dbf`` and ``.prj`` lie beside it.

    Raises
    ------
    InputFileError
        When a part is missing or broken, or holds another kind of shape.
    """
    import shapely

    projection, table = path.with_suffix(".prj"), path.with_suffix(".dbf")
    if not projection.is_file():
        raise InputFileError(f"{path.name} has no {projection.name} beside it: the CRS of a shapefile is never guessed.")
    try:
        geometries = _read_records(path.read_bytes(), path.name)
        attributes = _read_table(table.read_bytes()) if table.is_file() else [{} for _ in geometries]
    except (struct.error, IndexError, ValueError, shapely.GEOSException) as error:
        raise InputFileError(f"{path.name} is no readable shapefile: {error}.") from error
    if len(attributes) != len(geometries):
        raise InputFileError(f"{table.name} has {len(attributes)} rows: {path.name} has {len(geometries)} shapes.")
    kept = [i for i, geometry in enumerate(geometries) if geometry is not None]
    return [geometries[i] for i in kept], [attributes[i] for i in kept], projection.read_text(encoding="utf-8").strip()


def _read_records(data: bytes, name: str) -> list[Any]:
    """Return one geometry for each record, None for an empty shape."""
    if len(data) < HEADER or struct.unpack_from(">i", data, 0)[0] != 9994:
        raise ValueError("the file does not begin as a shapefile does")
    geometries: list[Any] = []
    position = HEADER
    while position + 8 <= len(data):
        (words,) = struct.unpack_from(">i", data, position + 4)
        if words < 2 or position + 8 + 2 * words > len(data):
            raise ValueError(f"record {len(geometries) + 1} is cut off")
        geometries.append(_shape(data[position + 8 : position + 8 + 2 * words], name))
        position += 8 + 2 * words
    return geometries


def _shape(record: bytes, name: str) -> Any:
    """Return the geometry of one record."""
    import shapely

    (kind,) = struct.unpack_from("<i", record, 0)
    if kind == 0:
        return None
    if kind in POINT_TYPES:
        return shapely.Point(struct.unpack_from("<2d", record, 4))
    if kind not in LINE_TYPES + POLYGON_TYPES:
        raise InputFileError(f"{name} holds shapes of type {kind}: points, polylines and polygons can be read.")
    n_part, n_point = struct.unpack_from("<2i", record, 36)
    begin = np.frombuffer(record, "<i4", n_part, 44)
    xy = np.frombuffer(record, "<f8", 2 * n_point, 44 + 4 * n_part).reshape(-1, 2)
    if not np.all(np.abs(xy) < LARGEST_COORDINATE):
        raise ValueError("a coordinate is no finite number")
    parts = [part for part in np.split(xy, begin[1:]) if len(part) > 1]
    return shapely.MultiLineString(parts) if kind in LINE_TYPES else _polygon(parts)


def _polygon(rings: list[FloatArray]) -> Any:
    """Join rings into polygons: clockwise rings are shells, the others holes of the shell that holds them."""
    import shapely

    shells: list[Any] = []
    holes: list[Any] = []
    for ring in rings:
        x, y = ring[:-1].T
        area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
        (shells if area <= 0.0 else holes).append(shapely.Polygon(ring))
    if not shells:
        shells, holes = holes, []
    whole = shapely.union_all(shells)
    return shapely.difference(whole, shapely.union_all(holes)) if holes else whole


def _read_table(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of a dBASE III table; numbers become floats, deleted rows stay, since shapes stay too."""
    n_row, header, width = struct.unpack_from("<IHH", data, 4)
    if width < 1 or header + n_row * width > len(data):
        raise ValueError("its table is cut off")
    fields, position = [], 32
    while data[position] != 0x0D:
        label = data[position : position + 11].split(b"\0")[0].decode("ascii")
        fields.append((label, chr(data[position + 11]), data[position + 16]))
        position += 32
    rows = []
    for i in range(n_row):
        offset, row = header + i * width + 1, {}
        for label, kind, size in fields:
            text = data[offset : offset + size].decode("utf-8").strip("\0 ")
            row[label] = _cell(text, kind)
            offset += size
        rows.append(row)
    return rows


def _cell(text: str, kind: str) -> Any:
    if kind in "NF":
        return float(text) if text and not set(text) <= {"*"} else float("nan")
    return text
