"""Shapes meet the grid: expected lengths, places and distances come from plane geometry."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from aquirecover.case import geo

X_EDGE = np.array([0.0, 10.0, 30.0, 60.0])
Y_EDGE = np.array([40.0, 20.0, 0.0])


def lengths(pieces: geo.LineCells) -> np.ndarray:
    found = np.zeros((Y_EDGE.size - 1, X_EDGE.size - 1))
    np.add.at(found, (pieces.row, pieces.column), pieces.length)
    return found


def test_a_level_line_is_cut_at_column_edges() -> None:
    pieces = geo.cut_line(shapely.LineString([(5, 30), (45, 30)]), X_EDGE, Y_EDGE)
    np.testing.assert_allclose(lengths(pieces), [[5, 20, 15], [0, 0, 0]])
    np.testing.assert_allclose(pieces.chainage, [2.5, 15, 32.5])


def test_a_slanting_line_is_cut_at_both_kinds_of_edges() -> None:
    # y = x / 2 + 10 from (0, 10) to (60, 40): x edges at 10, 30; y edge 20 at x = 20; so pieces of 10, 10, 10, 30 in x
    pieces = geo.cut_line(shapely.LineString([(0, 10), (60, 40)]), X_EDGE, Y_EDGE)
    stretch = np.sqrt(1.25)
    np.testing.assert_allclose(lengths(pieces), np.array([[0, 10, 30], [10, 10, 0]]) * stretch)


def test_a_line_through_a_corner_leaves_no_stray_piece() -> None:
    pieces = geo.cut_line(shapely.LineString([(0, 10), (20, 30)]), np.array([0.0, 10, 20]), Y_EDGE)
    np.testing.assert_allclose(pieces.length, np.sqrt(200.0))
    assert list(zip(pieces.row, pieces.column, strict=True)) == [(1, 0), (0, 1)]


def test_a_line_on_an_edge_lies_in_the_eastern_or_southern_cell() -> None:
    upright = geo.cut_line(shapely.LineString([(10, 35), (10, 25)]), X_EDGE, Y_EDGE)
    level = geo.cut_line(shapely.LineString([(12, 20), (20, 20)]), X_EDGE, Y_EDGE)
    assert (upright.row.tolist(), upright.column.tolist()) == ([0], [1])
    assert (level.row.tolist(), level.column.tolist()) == ([1], [1])


def test_what_leaves_the_grid_is_dropped() -> None:
    pieces = geo.cut_line(shapely.LineString([(-50, 30), (500, 30)]), X_EDGE, Y_EDGE)
    np.testing.assert_allclose(lengths(pieces), [[10, 20, 30], [0, 0, 0]])
    np.testing.assert_allclose(pieces.chainage, [55, 70, 95])


def test_multilines_do_not_join_their_parts() -> None:
    line = shapely.MultiLineString([[(5, 30), (8, 30)], [(5, 10), (9, 10)]])
    np.testing.assert_allclose(lengths(geo.cut_line(line, X_EDGE, Y_EDGE)), [[3, 0, 0], [4, 0, 0]])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-500, 6500), st.integers(-500, 4500)), min_size=2, max_size=6, unique=True))
def test_pieces_equal_the_intersection_with_every_cell(places: list[tuple[int, int]]) -> None:
    points = [(x / 100, y / 100) for x, y in places]
    line = shapely.LineString(points)
    expected = [
        [shapely.intersection(line, shapely.box(x0, y1, x1, y0)).length for x0, x1 in itertools.pairwise(X_EDGE)]
        for y0, y1 in itertools.pairwise(Y_EDGE)
    ]
    found = lengths(geo.cut_line(line, X_EDGE, Y_EDGE))
    # the intersection counts a stretch on an edge in both cells; then only the sum inside the grid may differ
    if not any(p[0] in X_EDGE or p[1] in Y_EDGE for p in points):
        np.testing.assert_allclose(found, expected, atol=1e-7 * max(1.0, line.length))
    assert found.sum() <= line.length * (1 + 1e-9)


def test_stages_are_interpolated_along_the_line() -> None:
    line = shapely.LineString([(0, 0), (30, 0), (30, 70)])  # 100 m long, with a bend
    x, y = np.array([28.0, 0.0, 45.0]), np.array([70.0, 5.0, 20.0])  # at 100 m, 0 m and 50 m
    stage = np.array([10.0, 0.0, 4.0])
    np.testing.assert_allclose(geo.chainage_of(line, x, y), [100, 0, 50])
    np.testing.assert_allclose(geo.along_line(line, np.array([25.0, 75.0, 100.0]), x, y, stage), [2.0, 7.0, 10.0])


def test_points_in_a_polygon_with_a_hole_include_the_edge() -> None:
    ring = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 4), (6, 4), (6, 6), (4, 6)]])
    x, y = np.array([5.0, 2.0, 10.0, 11.0]), np.array([5.0, 2.0, 5.0, 5.0])
    assert geo.inside(ring, x, y).tolist() == [False, True, True, False]


def test_cells_in_a_disc_cover_its_area() -> None:
    centre = (np.arange(400) + 0.5) / 4 - 50
    x, y = np.meshgrid(centre, centre)
    disc = shapely.Point(0, 0).buffer(40, quad_segs=256)
    assert geo.inside(disc, x, y).sum() / 16 == pytest.approx(np.pi * 1600, rel=2e-3)


def test_distance_to_a_polygon_is_zero_inside() -> None:
    square = shapely.box(0, 0, 10, 10)
    found = geo.distance_to(square, np.array([5.0, 13.0, 15.0]), np.array([5.0, 14.0, 5.0]))
    np.testing.assert_allclose(found, [0.0, 5.0, 5.0])


def test_distance_to_a_line() -> None:
    line = shapely.LineString([(0, 0), (10, 0)])
    np.testing.assert_allclose(geo.distance_to(line, np.array([5.0, 13.0]), np.array([-2.0, 4.0])), [2.0, 5.0])


def test_outlines_of_polygons_are_drawn_with_their_holes() -> None:
    ring = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 4), (6, 4), (6, 6), (4, 6)]])
    assert [len(line) for line in geo.drawn_lines([ring, shapely.LineString([(0, 0), (1, 1), (2, 0)])])] == [5, 5, 3]
