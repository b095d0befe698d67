"""Derive the areas and the ground surface that no published file gives: ``python models/thai_binh/derive_areas.py``.

Writes ``gis/sea.geojson``, ``gis/saline.geojson`` and ``ground.csv`` beside this script. All three are assumptions; README.md
says on what they rest. The same input always gives the same output, and a test compares the committed files with it.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

HERE = Path(__file__).parent

# Kilometres per degree of longitude and latitude at 20.5° N on the WGS84 ellipsoid: a plane good to 0.3 %.
ORIGIN, SCALE = np.array([106.0, 20.0]), np.array([104.33, 110.71])

# Saline part of the uppermost aquifer in 2014, 521.1 km² (source S6 in README.md).
SALINE_AREA = 521.1

# Coast beyond the province, read off general maps to about 2 km: south-west of the Hong mouth, and north-east of the Hoa mouth.
COAST_SOUTH_WEST = [
    (106.58, 20.24), (106.46, 20.19), (106.37, 20.15), (106.29, 20.08), (106.22, 20.02), (106.17, 19.97),
    (106.10, 19.93), (106.02, 19.93), (105.97, 19.88), (105.92, 19.78), (105.90, 19.60),
]  # fmt: skip
COAST_NORTH_EAST = [
    (106.65, 20.64), (106.70, 20.67), (106.74, 20.71), (106.80, 20.68), (106.81, 20.74), (106.79, 20.81),
    (106.88, 20.84), (106.90, 20.90), (107.02, 20.95), (107.20, 21.00), (107.40, 21.10),
]  # fmt: skip
OPEN_SEA = [(108.40, 21.10), (108.40, 19.60)]

# Ground: about 2.3 m in the north-west corner, falling to 0.9 m at the coast; the sea floor falls by 0.25 m/km to -10 m.
GROUND_COAST, GROUND_SLOPE, GROUND_MOST = 0.9, 0.026, 3.0
SEA_FLOOR_COAST, SEA_FLOOR_SLOPE, SEA_FLOOR_LEAST = -0.5, 0.25, -10.0
LATTICE_SOUTH_WEST, LATTICE_NORTH_EAST, LATTICE_STEP = (105.40, 19.60), (107.40, 21.40), 0.04


def to_plane(degrees: np.ndarray) -> np.ndarray:
    """Return kilometres east and north of 106° E, 20° N of longitudes and latitudes, shape ``(n, 2)``."""
    return (degrees - ORIGIN) * SCALE


def to_degrees(plane: np.ndarray) -> np.ndarray:
    """Return longitudes and latitudes of points of the plane, to about 1 m, shape ``(n, 2)``."""
    return np.round(ORIGIN + plane / SCALE, 5)


def read_shapes(path: Path, key: str) -> dict[str, BaseGeometry]:
    """Return the shapes of a GeoJSON file on the plane, by a property."""
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return {f["properties"][key]: shapely.transform(shape(f["geometry"]), to_plane) for f in features}


def coast_line() -> LineString:
    """Return the coast from south-west to north-east on the plane: surveyed along the province, assumed beyond it."""
    surveyed = np.asarray(read_shapes(HERE / "gis" / "rivers_coast.geojson", "key")["coast"].coords)[::-1]
    west, east = to_plane(np.array(COAST_SOUTH_WEST[::-1])), to_plane(np.array(COAST_NORTH_EAST))
    return LineString(np.concatenate((west, surveyed, east)))


def sea() -> BaseGeometry:
    """Return the sea side of the coast line less the province's islands."""
    province = read_shapes(HERE / "gis" / "province.geojson", "name")["Thái Bình"]
    return Polygon(np.concatenate((np.asarray(coast_line().coords), to_plane(np.array(OPEN_SEA))))).difference(province)


def saline() -> BaseGeometry:
    """Return the strip of the province along the coast whose area is `SALINE_AREA`, by bisection on its width."""
    province = read_shapes(HERE / "gis" / "province.geojson", "name")["Thái Bình"]
    coast = coast_line()
    narrow, wide = 0.0, 30.0
    for _ in range(40):
        width = 0.5 * (narrow + wide)
        narrow, wide = (width, wide) if province.intersection(coast.buffer(width)).area < SALINE_AREA else (narrow, width)
    return province.intersection(coast.buffer(0.5 * (narrow + wide)))


def ground() -> list[dict[str, float]]:
    """Return the ground surface on a lattice: it rises inland from the coast, the sea floor falls from it."""
    coast, water = coast_line(), sea()
    rows = []
    n_x = round((LATTICE_NORTH_EAST[0] - LATTICE_SOUTH_WEST[0]) / LATTICE_STEP)
    n_y = round((LATTICE_NORTH_EAST[1] - LATTICE_SOUTH_WEST[1]) / LATTICE_STEP)
    for j in range(n_y + 1):
        for i in range(n_x + 1):
            longitude = round(LATTICE_SOUTH_WEST[0] + i * LATTICE_STEP, 5)
            latitude = round(LATTICE_SOUTH_WEST[1] + j * LATTICE_STEP, 5)
            point = Point(to_plane(np.array([longitude, latitude])))
            distance = coast.distance(point)
            if water.contains(point):
                level = max(SEA_FLOOR_COAST - SEA_FLOOR_SLOPE * distance, SEA_FLOOR_LEAST)
            else:
                level = min(GROUND_COAST + GROUND_SLOPE * distance, GROUND_MOST)
            rows.append({"longitude": longitude, "latitude": latitude, "ground": round(level, 2)})
    return rows


def write_shape(path: Path, name: str, geometry: BaseGeometry) -> None:
    """Write one shape as GeoJSON in longitude and latitude."""
    degrees = shapely.transform(geometry.simplify(0.02), to_degrees)
    feature = {"type": "Feature", "properties": {"name": name, "area_km2": round(geometry.area, 1)}, "geometry": mapping(degrees)}
    text = json.dumps({"type": "FeatureCollection", "name": name, "features": [feature]}, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def write(folder: Path) -> None:
    """Write the three files under `folder`."""
    (folder / "gis").mkdir(parents=True, exist_ok=True)
    write_shape(folder / "gis" / "sea.geojson", "sea", sea())
    write_shape(folder / "gis" / "saline.geojson", "saline", saline())
    with (folder / "ground.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["longitude", "latitude", "ground"], lineterminator="\n")
        table.writeheader()
        table.writerows(ground())


if __name__ == "__main__":
    write(HERE)
