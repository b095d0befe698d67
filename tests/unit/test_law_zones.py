"""Zones of Decree 53/2024/ND-CP, Article 36, on simple places."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from aquirecover.case.law_zones import radii, to_features, zone_1, zone_2


def test_radius_by_class_of_pumping() -> None:
    rate = np.array([9.9, 10.0, 199.9, 200.0, 2999.0, 3000.0, 1e5])
    np.testing.assert_array_equal(radii(rate), [0.0, 200.0, 200.0, 500.0, 500.0, 1000.0, 1000.0])


def test_wells_of_one_aquifer_near_to_each_other_share_a_zone() -> None:
    # circles of 200 m: 900 m apart leave a gap of 500 m, 901 m apart one that is too wide
    x = np.array([0.0, 900.0, 1801.0, 900.0])
    zones = zone_2(["a", "b", "c", "d"], ["qp1", "qp1", "qp1", "qp2"], x, np.zeros(4), np.array([50.0, 50.0, 50.0, 50.0]))
    assert [(zone.aquifer, zone.wells) for zone in zones] == [("qp1", ("a", "b")), ("qp1", ("c",)), ("qp2", ("d",))]
    assert zones[1].geometry.area == pytest.approx(np.pi * 200.0**2, rel=0.01)
    assert zones[0].geometry.area >= 2.0 * zones[1].geometry.area - 1e-6


def test_the_gap_between_close_circles_is_filled() -> None:
    apart, near = (zone_2(["a", "b"], ["q", "q"], np.array([0.0, d]), np.zeros(2), np.full(2, 5000.0)) for d in (5000.0, 2100.0))
    assert len(apart) == 2
    assert near[0].geometry.area > sum(zone.geometry.area for zone in apart)
    assert near[0].geometry.geom_type == "Polygon"
    assert near[0].geometry.covers(shapely.Point(1050.0, 0.0))


def test_small_wells_have_no_zone() -> None:
    assert zone_2(["a"], ["q"], np.zeros(1), np.zeros(1), np.array([5.0])) == []


def test_zone_1_reaches_beyond_saline_water_and_subsided_ground() -> None:
    square = shapely.box(0.0, 0.0, 1000.0, 1000.0)
    saline, subsided = zone_1({"qp1": square}, square)
    assert shapely.bounds(saline.geometry) == pytest.approx([-1000.0, -1000.0, 2000.0, 2000.0])
    assert shapely.bounds(subsided.geometry) == pytest.approx([-500.0, -500.0, 1500.0, 1500.0])
    assert (saline.aquifer, subsided.aquifer, saline.number) == ("qp1", "", 1)


def test_features_are_in_longitude_and_latitude() -> None:
    zones = zone_2(["a"], ["qp1"], np.array([640_000.0]), np.array([2_260_000.0]), np.array([50.0]))
    (feature,) = to_features(zones, "EPSG:3405")["features"]
    longitude, latitude = np.array(feature["geometry"]["coordinates"][0]).mean(axis=0)
    assert 106.2 < longitude < 106.5
    assert 20.3 < latitude < 20.6
    assert feature["properties"]["zone"] == 2
    assert feature["properties"]["area_ha"] == pytest.approx(np.pi * 4.0, rel=0.01)
