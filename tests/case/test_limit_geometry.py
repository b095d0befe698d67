"""Faces along lines and edges, and levels by law, on grids small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from aquirecover.case.law_levels import lawful_head
from aquirecover.case.limit_rows import line_pairs
from aquirecover.flow.grid import Grid
from aquirecover.study.limit_rules import edge_pairs

GRID = Grid(np.full(4, 100.0), np.full(3, 100.0), 10.0, [0.0])


def _pairs(line: list[tuple[float, float]]) -> set[tuple[int, int]]:
    left, right = line_pairs(GRID, shapely.LineString(line), [0])
    return set(zip(left.tolist(), right.tolist(), strict=True))


def test_a_line_northwards_has_the_west_on_its_left() -> None:
    assert _pairs([(200.0, -10.0), (200.0, 310.0)]) == {(1, 2), (5, 6), (9, 10)}
    assert _pairs([(200.0, 310.0), (200.0, -10.0)]) == {(2, 1), (6, 5), (10, 9)}


def test_a_line_that_turns_and_one_that_comes_back() -> None:
    # north between the first columns up to the middle of the grid, then east
    assert _pairs([(100.0, -10.0), (100.0, 200.0), (410.0, 200.0)]) == {(8, 9), (4, 5), (1, 5), (2, 6), (3, 7)}
    assert _pairs([(200.0, 50.0), (200.0, 120.0), (210.0, 120.0), (210.0, 40.0)]) == set()
    # a vertex on the way, and a line through centres of cells, count once
    assert _pairs([(200.0, -10.0), (200.0, 50.0), (200.0, 310.0)]) == {(1, 2), (5, 6), (9, 10)}
    assert len(_pairs([(150.0, -10.0), (150.0, 310.0)])) == 3


def test_the_edge_of_an_area() -> None:
    inside = np.zeros((3, 4), dtype=bool)
    inside[1, 1:3] = True
    outer, inner = edge_pairs(GRID, inside, [0])
    assert set(zip(outer.tolist(), inner.tolist(), strict=True)) == {(4, 5), (7, 6), (1, 5), (2, 6), (9, 5), (10, 6)}


def test_lawful_levels_of_unconfined_and_confined_aquifers() -> None:
    # ground at 50 m; an unconfined aquifer down to 10 m, clay, and a confined one with its roof at 0 m, or at 30 m in a second
    bottom = np.array([[[10.0, 40.0]], [[0.0, 30.0]], [[-60.0, -60.0]]])
    grid = Grid([100.0, 100.0], [100.0], 50.0, bottom)
    water_table = np.array([True, False, False])[:, None, None] & np.ones(grid.shape, dtype=bool)
    ground = np.full((1, 2), 50.0)
    found = lawful_head(grid, ground, water_table, ("upper", "", "lower"), np.full((1, 2), 30.0))
    # half of 50 to 10 m and of 50 to 40 m; 30 m below ground, and the roof
    np.testing.assert_allclose(found[0], [[30.0, 45.0]])
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[2], [[20.0, 30.0]])
    deeper = lawful_head(grid, ground, water_table, ("upper", "", "lower"), np.array([[35.0, 60.0]]))
    np.testing.assert_allclose(deeper[2], [[15.0, 30.0]])


@pytest.mark.parametrize("region", ["mekong_delta_40", "red_river_delta"])
def test_regions_hold_their_depths(region: str) -> None:
    from aquirecover.case.law_levels import REGIONS

    expected = {"mekong_delta_40": (40.0, 40.0), "red_river_delta": (30.0, 35.0)}
    assert (REGIONS[region].depth, REGIONS[region].urban_depth) == expected[region]
