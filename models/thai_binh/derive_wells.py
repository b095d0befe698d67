"""Derive the wells, the pumping history and the zone 2 circles: ``python models/thai_binh/derive_wells.py``.

No list of wells or of district totals is published. One provincial total is (source S2 in README.md); this script spreads it
by the rule that README.md states: by people not on piped water, over a lattice of representative wells, by aquifer. Writes
``wells.csv``, ``abstraction.csv``, ``neighbours.csv``, ``neighbours_abstraction.csv`` and ``gis/zone2.geojson`` beside this
script. The same input always gives the same output, and a test compares the committed files with it.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
import shapely.ops
from shapely.geometry import Point, mapping, shape
from shapely.geometry.base import BaseGeometry

HERE = Path(__file__).parent

# Kilometres per degree of longitude and latitude at 20.5° N on the WGS84 ellipsoid: a plane good to 0.3 %.
ORIGIN, SCALE = np.array([106.0, 20.0]), np.array([104.33, 110.71])

# Published abstraction of 2011 (S2), an upper bound; the model multiplies it by `wells.province.multiplier`.
ABSTRACTION_2011 = 461_628.0
# That multiplier in the base case: the sizes of wells, their permits and the zone 2 circles follow from it.
BASE_SHARE = 0.35

# Share of 2011 pumped at the start of earlier hydrological years (1 November), straight lines between; constant from that of
# 2011 on (assumed: Nam Dinh's heads fell from 1996 on).
HISTORY = {"1990-11-01": 0.02, "1995-11-01": 0.15, "2003-11-01": 0.55, "2010-11-01": 1.00}

# People (P2 to P5, S19, S23 in README.md; the last three share the rest by area) and their part on piped surface
# water in 2011 (assumed: the city's waterworks is old, the rural plants came later).
PEOPLE = {
    "Thai Binh city": 206_037, "Quynh Phu": 245_188, "Hung Ha": 252_891, "Thai Thuy": 267_012, "Vu Thu": 224_832,
    "Dong Hung": 215_076, "Kien Xuong": 217_073, "Tien Hai": 232_338,
}  # fmt: skip
PIPED_2011 = dict.fromkeys(PEOPLE, 0.05) | {"Thai Binh city": 0.75}

# Share of the provincial total by kind of user, and of industry by district (assumed).
USERS = {"domestic_rural": 0.70, "rural_supply": 0.12, "town_supply": 0.10, "industry": 0.08}
INDUSTRY = dict.fromkeys(PEOPLE, 0.06) | {"Thai Binh city": 0.38, "Tien Hai": 0.20, "Thai Thuy": 0.12}

# Domestic wells stand on a triangular lattice; their aquifer follows a golden-ratio sequence with these shares (assumed).
SPACING = 2.7
DOMESTIC_AQUIFERS = {"qh2": 0.15, "qp2": 0.40, "qp1": 0.45}
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0

# Towns (longitude, latitude, to about 1 km) with a supply of their own, and industrial sites.
TOWNS = {
    "Thai Binh": (106.340, 20.447), "Quynh Coi": (106.327, 20.663), "An Bai": (106.418, 20.636), "Hung Ha": (106.221, 20.592),
    "Hung Nhan": (106.147, 20.625), "Dong Hung": (106.353, 20.555), "Diem Dien": (106.566, 20.560), "Tien Hai": (106.503, 20.405),
    "Thanh Ne": (106.433, 20.394), "Vu Thu": (106.290, 20.436),
}  # fmt: skip
INDUSTRY_OFFSET, RURAL_OFFSET = (-1.3, -1.1), ((-3.5, 2.0), (3.0, 3.5), (0.5, -4.0))

# Neighbours: centre and radius (km) of the pumped part, and 2011 abstraction, m3/d. Nam Dinh is published (S79: 97,989 m3/d
# from a lens of 761 km2, cone at Hai Hau, S71); the other two are Nam Dinh's use a head times their people (assumed).
NEIGHBOURS = {
    "Nam Dinh": ((106.23, 20.16), 15.6, 97_989.0),
    "Hung Yen": ((106.07, 20.77), 12.0, 61_000.0),
    "Hai Phong": ((106.56, 20.75), 8.0, 15_000.0),
}
NEIGHBOUR_SPACING = 4.5
NEIGHBOUR_AQUIFERS = {"qp2": 0.40, "qp1": 0.60}

# Decree 53/2024, Art. 36(2): radius of zone 2 in km by pumping, and the distance within which zones are merged.
ZONE2_RADIUS, ZONE2_MERGE = ((3000.0, 1.0), (200.0, 0.5), (10.0, 0.2)), 0.5

COLUMNS = ("well", "longitude", "latitude", "aquifer", "district", "user_type", "licensed", "permit", "share")


@dataclass
class Well:
    """A representative well: where it stands, whom it serves, and its rate before `BASE_SHARE`, m3/d."""

    name: str
    x: float
    y: float
    aquifer: str
    district: str
    user_type: str
    rate: float = 0.0


def to_plane(degrees: np.ndarray) -> np.ndarray:
    """Return kilometres east and north of 106° E, 20° N of longitudes and latitudes, shape ``(n, 2)``."""
    return (degrees - ORIGIN) * SCALE


def to_degrees(plane: np.ndarray) -> np.ndarray:
    """Return longitudes and latitudes of points of the plane, to about 1 m, shape ``(n, 2)``."""
    return np.round(ORIGIN + plane / SCALE, 5)


def read_shapes(name: str, key: str) -> dict[str, BaseGeometry]:
    """Return the shapes of a GeoJSON file in ``gis/`` on the plane, by a property."""
    features = json.loads((HERE / "gis" / name).read_text(encoding="utf-8"))["features"]
    return {f["properties"][key]: shapely.transform(shape(f["geometry"]), to_plane) for f in features}


def lattice(area: BaseGeometry, spacing: float) -> list[tuple[float, float]]:
    """Return the points of a triangular lattice inside `area`, row by row from the south."""
    height = spacing * math.sqrt(3.0) / 2.0
    x_min, y_min, x_max, y_max = area.bounds
    points = []
    for row in range(math.floor(y_min / height), math.ceil(y_max / height) + 1):
        start = 0.5 * spacing * (row % 2)
        for column in range(math.floor(x_min / spacing) - 1, math.ceil(x_max / spacing) + 1):
            point = (start + column * spacing, row * height)
            if area.contains(Point(point)):
                points.append(point)
    return points


def pick(shares: dict[str, float], index: int) -> str:
    """Return the entry of `shares` for one number of the golden-ratio sequence, so that any run of numbers keeps the shares."""
    u = (0.5 + index * GOLDEN) % 1.0
    for name, share in shares.items():
        u -= share
        if u < 0.0:
            return name
    return name


def district_rates() -> dict[str, dict[str, float]]:
    """Return the 2011 abstraction by district and kind of user, m3/d."""
    unpiped = {name: PEOPLE[name] * (1.0 - PIPED_2011[name]) for name in PEOPLE}
    total = sum(unpiped.values())
    by_people = {name: {user: ABSTRACTION_2011 * USERS[user] * unpiped[name] / total for user in USERS} for name in PEOPLE}
    return {
        name: rates | {"industry": ABSTRACTION_2011 * USERS["industry"] * INDUSTRY[name]} for name, rates in by_people.items()
    }


def place_wells() -> list[Well]:
    """Return the representative wells of the province with their share of the district's rate for their kind of user."""
    districts, saline = read_shapes("districts.geojson", "name_en"), read_shapes("saline.geojson", "name")["saline"]
    wells = []
    for code, (district, area) in zip("ABCDEFGH", districts.items(), strict=True):
        found = [
            Well(f"{code}{i + 1:02d}", x, y, pick(DOMESTIC_AQUIFERS, i), district, "domestic_rural")
            for i, (x, y) in enumerate(lattice(area.buffer(-0.3), SPACING))
        ]
        for well in found:
            if well.aquifer == "qh2" and saline.contains(Point(well.x, well.y)):
                well.aquifer = "qp2"
        found += plants(code, district, area)
        share_out(found, district_rates()[district])
        wells += found
    return wells


def plants(code: str, district: str, area: BaseGeometry) -> list[Well]:
    """Return the wellfields of towns, communes and industry of one district, all in the lower Pleistocene aquifer."""
    places = {name: to_plane(np.array(place)) for name, place in TOWNS.items()}
    towns = [place for place in places.values() if area.contains(Point(place))]
    found = []
    for i, (x, y) in enumerate(towns):
        found.append(Well(f"{code}-T{i + 1}", x, y, "qp1", district, "town_supply"))
        spot = within(area, x + INDUSTRY_OFFSET[0], y + INDUSTRY_OFFSET[1])
        found.append(Well(f"{code}-I{i + 1}", spot.x, spot.y, "qp1", district, "industry"))
    x, y = towns[0]
    for i, (east, north) in enumerate(RURAL_OFFSET):
        spot = within(area, x + east, y + north)
        found.append(Well(f"{code}-R{i + 1}", spot.x, spot.y, "qp1", district, "rural_supply"))
    return found


def within(area: BaseGeometry, x: float, y: float) -> Point:
    """Return the point, or the nearest one at least 500 m inside `area`."""
    return shapely.ops.nearest_points(area.buffer(-0.5), Point(x, y))[0]


def share_out(wells: list[Well], rates: dict[str, float]) -> None:
    """Divide the rate of each kind of user equally over its wells."""
    for user, rate in rates.items():
        served = [well for well in wells if well.user_type == user]
        for well in served:
            well.rate = rate / len(served)


def neighbour_wells() -> list[Well]:
    """Return the representative wells of the neighbour provinces, on land only."""
    elsewhere = read_shapes("sea.geojson", "name")["sea"].union(read_shapes("province.geojson", "name")["Thái Bình"])
    wells = []
    for name, (centre, radius, rate) in NEIGHBOURS.items():
        points = lattice(Point(to_plane(np.array(centre))).buffer(radius).difference(elsewhere), NEIGHBOUR_SPACING)
        code, each = "".join(word[0] for word in name.split()), rate / len(points)
        for i, (x, y) in enumerate(points):
            wells.append(Well(f"{code}{i + 1:02d}", x, y, pick(NEIGHBOUR_AQUIFERS, i), name, "domestic_rural", each))
    return wells


def rows_of(wells: list[Well], base_share: float) -> Iterable[dict[str, object]]:
    """Yield the table of wells: the share is that of the district's total, so that the shares of a district add up to 1."""
    total: dict[str, float] = {}
    for well in wells:
        total[well.district] = total.get(well.district, 0.0) + well.rate
    for well in wells:
        longitude, latitude = to_degrees(np.array([well.x, well.y]))
        licensed = well.user_type != "domestic_rural"
        permit = math.ceil(1.25 * base_share * well.rate / 10.0) * 10 if licensed else ""
        yield dict(zip(COLUMNS, (
            well.name, longitude, latitude, well.aquifer, well.district, well.user_type,
            "yes" if licensed else "no", permit, round(well.rate / total[well.district], 7),
        ), strict=True))  # fmt: skip


def history_of(wells: list[Well]) -> Iterable[dict[str, object]]:
    """Yield the abstraction of each district at the dates of `HISTORY`, m3/d."""
    for district in dict.fromkeys(well.district for well in wells):
        total = sum(well.rate for well in wells if well.district == district)
        for date, share in HISTORY.items():
            yield {"district": district, "date": date, "rate": round(total * share)}


def zone2(wells: list[Well]) -> BaseGeometry:
    """Return the zone 2 circles of the licensed wells at their base rates; circles no more than 500 m apart are merged."""
    circles = []
    for well in wells:
        radius = next((r for least, r in ZONE2_RADIUS if well.rate * BASE_SHARE >= least), 0.0)
        if well.user_type != "domestic_rural" and radius:
            circles.append(Point(well.x, well.y).buffer(radius, quad_segs=6))
    half = 0.5 * ZONE2_MERGE
    return shapely.union_all(circles).buffer(half, quad_segs=6).buffer(-half, quad_segs=6)


def write_table(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, object]]) -> None:
    """Write a CSV table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def write(folder: Path) -> None:
    """Write all files under `folder`."""
    (folder / "gis").mkdir(parents=True, exist_ok=True)
    province, neighbours = place_wells(), neighbour_wells()
    write_table(folder / "wells.csv", COLUMNS, rows_of(province, BASE_SHARE))
    write_table(folder / "abstraction.csv", ("district", "date", "rate"), history_of(province))
    write_table(folder / "neighbours.csv", COLUMNS, rows_of(neighbours, 1.0))
    write_table(folder / "neighbours_abstraction.csv", ("district", "date", "rate"), history_of(neighbours))
    area = zone2(province)
    feature = {
        "type": "Feature",
        "properties": {"name": "zone 2", "area_km2": round(area.area, 1)},
        "geometry": mapping(shapely.transform(area, to_degrees)),
    }
    text = json.dumps({"type": "FeatureCollection", "name": "zone2", "features": [feature]}, separators=(",", ":"))
    (folder / "gis" / "zone2.geojson").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(HERE)
