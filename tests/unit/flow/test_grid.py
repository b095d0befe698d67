"""Where a point lies, what a cell is called, and how big it is."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow.arrays import cells_of, column_of, field_of, series_of
from aquirecover.flow.grid import Grid


@pytest.fixture
def grid() -> Grid:
    """Columns 1000-1010-1030-1060 m, rows 2060-2050-2000 m from the north."""
    return Grid([10.0, 20.0, 30.0], [10.0, 50.0], 5.0, [0.0, -4.0], x_min=1000.0, y_max=2060.0, layer_names=("qh", "qp"))


def test_edges_and_centres(grid: Grid) -> None:
    np.testing.assert_array_equal(grid.x_edge, [1000.0, 1010.0, 1030.0, 1060.0])
    np.testing.assert_array_equal(grid.y_edge, [2060.0, 2050.0, 2000.0])
    np.testing.assert_array_equal(grid.x, [1005.0, 1020.0, 1045.0])
    np.testing.assert_array_equal(grid.y, [2055.0, 2025.0])


def test_area_and_thickness(grid: Grid) -> None:
    np.testing.assert_array_equal(grid.area, [[100.0, 200.0, 300.0], [500.0, 1000.0, 1500.0]])
    np.testing.assert_array_equal(grid.thickness[:, 0, 0], [5.0, 4.0])
    np.testing.assert_array_equal(grid.layer_top[:, 1, 2], [5.0, 0.0])
    assert grid.shape == (2, 2, 3)
    assert grid.n_cell == 12


def test_locate_in_cells_of_different_size(grid: Grid) -> None:
    # column 2 (1010..1030), row 2 (2050..2000): flat number of the top layer 1 * 3 + 1
    assert grid.locate(1029.0, 2001.0, 0).tolist() == [4]
    assert grid.locate([1001.0, 1059.0], [2059.0, 2001.0], [0, 1]).tolist() == [0, 6 + 5]


def test_inner_edges_belong_to_the_east_and_south(grid: Grid) -> None:
    assert grid.locate(1010.0, 2055.0, 0).tolist() == [1]
    assert grid.locate(1005.0, 2050.0, 0).tolist() == [3]


def test_outer_edges_are_inside(grid: Grid) -> None:
    corners = grid.locate([1000.0, 1060.0, 1000.0, 1060.0], [2060.0, 2060.0, 2000.0, 2000.0], 0)
    assert corners.tolist() == [0, 2, 3, 5]


@pytest.mark.parametrize(
    ("x", "y", "layer"),
    [
        (999.999, 2055.0, 0),
        (1060.001, 2055.0, 0),
        (1005.0, 2060.001, 0),
        (1005.0, 1999.0, 0),
        (1005.0, 2055.0, 2),
        (1005.0, 2055.0, -1),
    ],
)
def test_outside_is_minus_one(grid: Grid, x: float, y: float, layer: int) -> None:
    assert grid.locate(x, y, layer).tolist() == [-1]


@pytest.mark.parametrize(("x", "y"), [(np.nan, 2055.0), (1005.0, np.nan), (np.inf, 2055.0), (1005.0, -np.inf)])
def test_a_coordinate_that_is_no_number_is_outside(grid: Grid, x: float, y: float) -> None:
    assert grid.locate(x, y, 0).tolist() == [-1]


def test_locate_finds_every_centre(grid: Grid) -> None:
    x, y = np.meshgrid(grid.x, grid.y)
    np.testing.assert_array_equal(grid.locate(x.ravel(), y.ravel(), 1), np.arange(6, 12))


def test_cell_and_indices_are_inverse(grid: Grid) -> None:
    cells = np.arange(grid.n_cell)
    np.testing.assert_array_equal(grid.cell(*grid.indices(cells)), cells)
    assert grid.cell(1, 1, 2).tolist() == [11]
    with pytest.raises(ValueError, match="invalid entry"):
        grid.cell(2, 0, 0)


def test_describe_counts_from_one_and_names_layers(grid: Grid) -> None:
    assert grid.describe(11) == "layer 2 (qp), row 2, column 3"
    assert Grid([1.0], [1.0], 1.0, 0.0).describe(0) == "layer 1, row 1, column 1"


def test_a_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"top has shape \(3,\): must broadcast to \(n_layer, n_y, n_x\) = \(1, 2, 2\)"):
        Grid([1.0, 1.0], [1.0, 1.0], [1.0, 2.0, 3.0], 0.0)
    with pytest.raises(ValueError, match="layer_names has 1 names: there are 2 layers"):
        Grid([1.0], [1.0], 1.0, [0.0, -1.0], layer_names=("a",))


def test_fields_cannot_be_written(grid: Grid) -> None:
    for array in (grid.dx, grid.dy, grid.top, grid.bottom, grid.active, grid.pass_through):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_field_of_takes_scalars_layers_and_fields() -> None:
    shape = (2, 3, 3)
    assert (field_of(4.0, shape, "k") == 4.0).all()
    np.testing.assert_array_equal(field_of([1.0, 2.0], shape, "k")[:, 1, 1], [1.0, 2.0])
    given = np.arange(18.0).reshape(shape)
    kept = field_of(given, shape, "k")
    given[:] = 0.0
    assert kept[1, 2, 2] == 17.0


def test_columns_series_and_cells() -> None:
    assert column_of(2.0, 3, "r").tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(ValueError, match=r"r has shape \(2,\): must be a number or have shape \(3,\)"):
        column_of([1.0, 2.0], 3, "r")
    assert series_of([[1.0], [2.0]], 3, "r").tolist() == [[1.0] * 3, [2.0] * 3]
    with pytest.raises(ValueError, match=r"r has shape \(2, 2\): must be \(3,\) or \(n_period, 3\)"):
        series_of([[1.0, 2.0], [3.0, 4.0]], 3, "r")
    with pytest.raises(ValueError, match="cell numbers are whole numbers"):
        cells_of([0.5], "w.cell")
    assert cells_of([], "w.cell").size == 0
