"""Restriction zones of a model by law: geometry, a GeoJSON file, a table and a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.errors import ConfigError, Finding
from aquirecover.flow.arrays import FloatArray

if TYPE_CHECKING:
    from aquirecover.case.law_zones import Zone
    from aquirecover.case.well_register import WellRegister


def write_zones(
    path: Path,
    folder: Path,
    *,
    saline: Mapping[str, str],
    subsided: str | None = None,
    day: date | None = None,
    overwrite: bool = False,
    overrides: Mapping[str, Any] | None = None,
    allow_outside: bool = False,
) -> list[Path]:
    """Write the zones of a model or scenario: ``zones.geojson``, ``zones.csv`` and ``zones.png``, and return their paths.

    A well counts by its permit, or, where it has none, by what it pumps.

    Parameters
    ----------
    path : Path
        Model or scenario file.
    folder : Path
        For the files.
    saline : mapping of str to str
        Area of the model with saline water, by aquifer.
    subsided : str, optional
        Area of the model that has subsided.
    day : date, optional
        Of the rates; the end of the model by default.
    overwrite, overrides, allow_outside
        As for a run.

    Raises
    ------
    ConfigError
        When the model has no coordinate system, or an area or aquifer is not there.
    OutputExistsError
        When there are zones already.
    """
    from aquirecover.case import law_zones
    from aquirecover.case.config import read_case
    from aquirecover.case.well_register import read_register
    from aquirecover.output.figures import save_figure
    from aquirecover.output.files import refuse_existing, write_csv, write_json
    from aquirecover.output.zone_map import zone_map

    files = read_case(path, overrides=overrides, allow_outside=allow_outside)
    if files.model.crs is None:
        raise ConfigError([Finding("crs", "is not given: zones need a model with a place on earth.")])
    targets = [folder / f"zones.{kind}" for kind in ("geojson", "csv", "png")]
    refuse_existing(targets, overwrite=overwrite)
    register, site = read_register(files, day)
    known = [layer.aquifer for layer in files.model.layers.values() if layer.aquifer]
    unknown = [name for name in saline if name not in known]
    if unknown:
        raise ConfigError([Finding(f"--saline {unknown[0]}", f"is no aquifer of the model: {', '.join(known)}.")])
    areas = {aquifer: site.places.area(area, "--saline") for aquifer, area in saline.items()}
    sunk = None if subsided is None else site.places.area(subsided, "--subsided")
    zones = [
        *law_zones.zone_1(areas, sunk),
        *law_zones.zone_2(
            register.names,
            register.aquifer,
            register.x,
            register.y,
            np.where(np.isfinite(register.permit), register.permit, register.rate),
        ),
    ]
    site.errors.raise_if_any()
    write_json(targets[0], law_zones.to_features(zones, files.model.crs), overwrite=overwrite)
    write_csv(targets[1], ("zone", "aquifer", "reason", "wells", "area_ha"), [_row(zone) for zone in zones], overwrite=overwrite)
    district = files.model.map.district
    outlines = rings(site.places.shapes("areas", district).geometry) if district else []
    save_figure(
        zone_map(files.model.title, _by_aquifer(zones, known), outlines, _places(register)), targets[2], overwrite=overwrite
    )
    return targets


def _by_aquifer(zones: Sequence[Zone], aquifers: Sequence[str]) -> dict[str, dict[int, list[FloatArray]]]:
    """Return the rings of the zones by aquifer, from top to bottom, and number; what is of no aquifer last."""
    found: dict[str, dict[int, list[FloatArray]]] = {}
    for zone in sorted(zones, key=lambda zone: aquifers.index(zone.aquifer) if zone.aquifer in aquifers else len(aquifers)):
        found.setdefault(zone.aquifer, {}).setdefault(zone.number, []).extend(rings([zone.geometry]))
    return found


def rings(geometries: Any) -> list[FloatArray]:
    """Return the outlines and holes of polygons, each of shape ``(n, 2)``; m."""
    import shapely

    polygons = shapely.orient_polygons(shapely.get_parts(np.asarray(geometries, dtype=object)))
    return [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygons)]


def _places(register: WellRegister) -> dict[str, FloatArray]:
    """Return the places of the wells by aquifer, shape ``(n, 2)``; m."""
    xy, aquifer = np.column_stack([register.x, register.y]), np.array(register.aquifer)
    return {name: xy[aquifer == name] for name in dict.fromkeys(register.aquifer)}


def _row(zone: Zone) -> tuple[Any, ...]:
    return zone.number, zone.aquifer, zone.reason, ", ".join(zone.wells), round(zone.geometry.area / 1e4, 1)
