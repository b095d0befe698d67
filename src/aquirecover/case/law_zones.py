"""Zones of restricted extraction as geometry, by Decree 53/2024/ND-CP of Viet Nam, Article 36 (read in legal digests).

Zone 1 reaches up to 500 m from ground that has subsided and up to 1,000 m from saline water (1,500 mg/L of dissolved solids or
more). Zone 2 is a circle round a well: 200 m where it pumps 10 to less than 200 m³/d, 500 m to less than 3,000 m³/d, 1,000 m
beyond. Zones of one aquifer no more than 500 m apart become one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aquirecover.case import geo
from aquirecover.flow.arrays import FloatArray, IntArray

SUBSIDED, SALINE, APART = 500.0, 1000.0, 500.0
# Radius of zone 2 by the least rate of its class; m and m³/d.
CLASSES = ((3000.0, 1000.0), (200.0, 500.0), (10.0, 200.0))
# Rounding of a distance; m.
ROUNDING = 1e-6
# Straight pieces of a quarter circle.
QUARTER = 16


@dataclass(frozen=True, eq=False)
class Zone:
    """One zone of one aquifer.

    Parameters
    ----------
    number : int
        1 or 2.
    aquifer : str
        Empty for ground that has subsided, which is no matter of one aquifer.
    reason : str
        What the law restricts it for.
    wells : tuple of str
        Wells whose circles it joins; empty in zone 1.
    geometry : shapely geometry
        Polygon or multipolygon; m.
    """

    number: int
    aquifer: str
    reason: str
    wells: tuple[str, ...]
    geometry: Any


def radii(rate: FloatArray) -> FloatArray:
    """Return the radius of zone 2 of wells by their rates, 0 below 10 m³/d; shape ``(n,)``, m."""
    radius = np.zeros(rate.shape)
    for least, reach in reversed(CLASSES):
        radius[rate >= least] = reach
    return radius


def zone_1(saline: Mapping[str, Any], subsided: Any | None) -> list[Zone]:
    """Return the zones round saline water, by aquifer, and round ground that has subsided."""
    zones = [
        Zone(1, aquifer, "saline water", (), part)
        for aquifer, geometry in saline.items()
        for part in _joined([_widened(geometry, SALINE)])[1]
    ]
    if subsided is not None:
        zones += [Zone(1, "", "subsided ground", (), part) for part in _joined([_widened(subsided, SUBSIDED)])[1]]
    return zones


def zone_2(names: Sequence[str], aquifer: Sequence[str], x: FloatArray, y: FloatArray, rate: FloatArray) -> list[Zone]:
    """Return the zones round wells, those of one aquifer that are near to each other as one.

    Parameters
    ----------
    names, aquifer : sequence of str
        Of the wells, ``n_well`` each.
    x, y : ndarray
        Shape ``(n_well,)``; m.
    rate : ndarray
        Permitted or present, shape ``(n_well,)``; m³/d.
    """
    import shapely

    radius = radii(rate)
    zones: list[Zone] = []
    for unit in dict.fromkeys(aquifer):
        chosen = [n for n, own in enumerate(aquifer) if own == unit and radius[n] > 0.0]
        circles = list(shapely.buffer(shapely.points(x[chosen], y[chosen]), radius[chosen], quad_segs=QUARTER))
        owner, parts = _joined(circles)
        for number, part in enumerate(parts):
            members = tuple(names[chosen[n]] for n in np.flatnonzero(owner == number))
            zones.append(Zone(2, unit, "wells", members, part))
    return zones


def _widened(geometry: Any, distance: float) -> Any:
    import shapely

    return shapely.buffer(geometry, distance, quad_segs=QUARTER)


def _joined(geometries: Sequence[Any]) -> tuple[IntArray, list[Any]]:
    """Return for each geometry the number of its zone, and the zones: what is at most `APART` from one another is one.

    The gap itself is filled as far as a circle of half that width does not fit into it (a morphological closing).
    """
    import shapely
    from scipy.sparse import coo_array, csgraph

    if not len(geometries):
        return np.zeros(0, dtype=np.int64), []
    shapes = np.asarray(geometries, dtype=object)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=APART + ROUNDING)
    links = coo_array((np.ones(first.size), (first, second)), shape=(shapes.size, shapes.size))
    n, owner = csgraph.connected_components(links, directed=False)
    zones = []
    for number in range(n):
        part = shapely.union_all(shapes[owner == number])
        filled = shapely.buffer(_widened(part, 0.5 * APART), -0.5 * APART, quad_segs=QUARTER)
        zones.append(geo.union([part, filled]))
    return owner.astype(np.int64), zones


def to_features(zones: Sequence[Zone], crs: str) -> dict[str, Any]:
    """Return the zones as GeoJSON in longitude and latitude (RFC 7946), with their area in hectares; largest first.

    Parameters
    ----------
    crs : str
        Of the geometries.
    """
    import json

    import shapely

    ordered = sorted(zones, key=lambda zone: (zone.number, zone.aquifer, -zone.geometry.area))
    outlines = geo.to_crs(np.array([zone.geometry for zone in ordered], dtype=object), crs, geo.LONGITUDE_LATITUDE, "zones")
    features = []
    for zone, outline in zip(ordered, outlines, strict=True):
        rounded = shapely.set_precision(outline, 1e-7)
        properties = {
            "name": f"zone_{zone.number}",
            "zone": zone.number,
            "aquifer": zone.aquifer,
            "reason": zone.reason,
            "wells": ", ".join(zone.wells),
            "area_ha": round(zone.geometry.area / 1e4, 1),
            "law": "Decree 53/2024/ND-CP, Art. 36",
        }
        features.append({"type": "Feature", "properties": properties, "geometry": json.loads(shapely.to_geojson(rounded))})
    return {"type": "FeatureCollection", "features": features}
