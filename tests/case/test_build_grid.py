"""The grid of a model: the same box at any cell size, layers, properties and limits by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from aquirecover.case.grid_builder import buffer_steps
from aquirecover.case.scenario import Report, load_case, load_problem, validate
from aquirecover.errors import ResourceError


def polygon(x0: float, y0: float, x1: float, y1: float, **properties: Any) -> dict[str, Any]:
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def test_the_cells_of_an_extent(small: Any) -> None:
    grid = small.load_model().grid
    assert grid.shape == (3, 8, 10)
    np.testing.assert_array_equal(grid.x_edge, 600000 + 1000.0 * np.arange(11))
    np.testing.assert_array_equal(grid.y_edge, 2268000 - 1000.0 * np.arange(9))
    assert grid.layer_names == ("upper", "clay", "lower")


@pytest.mark.parametrize(("cell_size", "shape"), [("250 m", (32, 40)), (2000.0, (4, 5)), (300.0, (27, 33)), ("0.5 km", (16, 20))])
def test_every_cell_size_covers_the_same_box(small: Any, cell_size: float | str, shape: tuple[int, int]) -> None:
    grid = small.load_model(cell_size=cell_size).grid
    assert grid.shape[1:] == shape
    np.testing.assert_allclose((grid.x_edge[0], grid.x_edge[-1]), (600000, 610000))
    np.testing.assert_allclose((grid.y_edge[0], grid.y_edge[-1]), (2268000, 2260000))


def test_a_box_around_an_area_grows_to_multiples_of_the_models_cell(small: Any, geojson: Callable[..., Path]) -> None:
    geojson(small.folder / "core.geojson", [polygon(602300, 2262200, 606900, 2265100)])
    small.change("model.yaml", "areas:\n", "areas:\n  core: {file: core.geojson}\n")
    small.change(
        "model.yaml",
        "  extent: [600000, 2260000, 610000, 2268000]",
        "  around: core\n  margin: 2 km\n  buffer: 9 km\n  growth: 2",
    )
    coarse, fine = small.load_model().grid, small.load_model(cell_size=500.0).grid
    # 602300 - 2000 = 600300 → 600000; 606900 + 2000 = 608900 → 609000; 2260200 → 2260000; 2267100 → 2268000
    for grid in (coarse, fine):
        np.testing.assert_allclose((grid.x_edge[0], grid.x_edge[-1]), (591000, 618000))
        np.testing.assert_allclose((grid.y_edge[0], grid.y_edge[-1]), (2277000, 2251000))
    # 1000 · (2 + 4 + 8) ≥ 9000, shrunk by 9/14
    np.testing.assert_allclose(
        coarse.dx, [*(1000 * 9 / 14 * np.array([8, 4, 2])), *[1000.0] * 9, *(1000 * 9 / 14 * np.array([2, 4, 8]))]
    )
    assert np.sum(np.isclose(fine.dx, 500.0)) == 18


@pytest.mark.parametrize(
    ("width", "size", "growth"), [(40000, 1000, 1.6), (40000, 250, 1.6), (500, 1000, 1.4), (4000, 1000, 1.0)]
)
def test_a_buffer_ends_at_its_width_with_cells_no_larger_than_their_growth(width: float, size: float, growth: float) -> None:
    steps = buffer_steps(width, size, growth)
    cells = np.diff(np.concatenate(([0.0], steps)))
    assert steps[-1] == pytest.approx(width, rel=1e-12)
    np.testing.assert_allclose(cells[1:] / cells[:-1], growth)
    assert cells[0] <= size * growth * (1 + 1e-12)
    # with one cell less the buffer would be too short
    assert np.sum(size * growth ** np.arange(1, steps.size)) < width


def test_no_buffer_has_no_cells() -> None:
    assert buffer_steps(0.0, 100.0, 1.4).size == 0


def test_too_many_cells_are_refused_before_they_are_made(small: Any) -> None:
    with pytest.raises(ResourceError) as caught:
        small.load_model(cell_size=1.0)
    assert str(caught.value) == (
        "grid.cell_size = 1 m makes 3 layers x 8000 rows x 10000 columns = 240000000 cells: at most 20000000 are allowed. "
        "Use a larger cell size."
    )


def test_surfaces_and_properties(small: Any) -> None:
    problem = small.load_model()
    grid, properties = problem.grid, problem.properties
    assert np.unique(grid.top).tolist() == [10.0]
    assert [np.unique(layer).tolist() for layer in grid.bottom] == [[-10.0], [-15.0], [-45.0]]
    assert [np.unique(layer).tolist() for layer in properties.k33] == [[1.0], [0.001], [20.0]]
    assert [bool(layer.all()) for layer in properties.convertible] == [True, False, False]
    assert np.unique(properties.specific_yield[0]).tolist() == [0.1]


def test_a_layer_that_is_not_everywhere_lets_water_pass(small: Any) -> None:
    small.change("model.yaml", "clay: {thickness: 5.0,", "clay: {within: districts/West, thickness: 5.0,")
    grid = small.load_model().grid
    west = np.arange(10) < 5
    assert np.array_equal(grid.active[1], np.broadcast_to(west, (8, 10)))
    assert np.array_equal(grid.pass_through, ~grid.active)
    np.testing.assert_allclose(grid.thickness[1], np.broadcast_to(np.where(west, 5.0, 0.0), (8, 10)))
    np.testing.assert_allclose(grid.thickness[2], np.broadcast_to(np.where(west, 30.0, 35.0), (8, 10)))


def test_the_top_layer_may_be_missing(small: Any) -> None:
    small.change("model.yaml", "    aquifer: upper\n", "    aquifer: upper\n    outside: districts/East\n")
    small.change("stations.csv", "2264400,4.0", "2264400,9.0")
    problem = small.load_model()
    assert not problem.grid.active[0, :, 5:].any()
    assert not problem.grid.pass_through.any()
    rain = next(stress for stress in problem.stresses if stress.name == "rain")
    assert set(problem.grid.indices(rain.cell)[0].tolist()) == {0, 1}


def test_a_minimum_thickness_lowers_the_bottom(small: Any) -> None:
    small.change("model.yaml", "bottom: -45.0,", "bottom: -16.0, minimum_thickness: 4 m,")
    assert np.unique(small.load_model().grid.bottom[2]).tolist() == [-19.0]


def test_values_by_area_by_polygon_and_from_points(small: Any, geojson: Callable[..., Path]) -> None:
    geojson(small.folder / "fields.geojson", [polygon(600000, 2260000, 610000, 2264000, yield_share=0.25)])
    (small.folder / "ground.csv").write_text(
        "x,y,z\n600500,2260500,10\n609500,2260500,19\n600500,2267500,10\n609500,2267500,19\n"
    )
    small.change("model.yaml", "top: 10.0", "top: {points: ground.csv, column: z, method: linear, multiplier: 2, offset: -19}")
    small.change("model.yaml", "k: 20.0,", "k: {by_area: {districts/West: 30 m/d}, default: 7},")
    small.change(
        "model.yaml", "specific_yield: 0.1", "specific_yield: {polygons: fields.geojson, attribute: yield_share, default: 0.1}"
    )
    problem = small.load_model()
    np.testing.assert_allclose(problem.grid.top, np.broadcast_to(2 * (10 + np.arange(10.0)) - 19, (8, 10)))
    np.testing.assert_array_equal(problem.properties.k[2, 0], [30.0] * 5 + [7.0] * 5)
    np.testing.assert_array_equal(problem.properties.specific_yield[0, :, 0], [0.1] * 4 + [0.25] * 4)


def test_the_legal_limit(small: Any) -> None:
    limit = small.load_model().context.head_limit
    # upper: unconfined, half of its 20 m below ground 10 m → 0 m, but in the West no deeper than 12 m → -2 m < 0 m
    np.testing.assert_array_equal(limit[0], np.full((8, 10), 0.0))
    assert np.isnan(limit[1]).all()
    # lower: roof at -15 m; 30 m below ground is -20 m; 12 m below ground is -2 m
    np.testing.assert_array_equal(limit[2, 0], [-2.0] * 5 + [-15.0] * 5)


def test_zones_areas_and_lines(small: Any) -> None:
    problem = small.load_model()
    assert problem.zones.names == ("West/upper", "West/lower", "East/upper", "East/lower")
    assert problem.zones.index[:, 0, 0].tolist() == [0, -1, 1]
    assert problem.zones.index[:, 0, 9].tolist() == [2, -1, 3]
    assert problem.context.areas["West"].sum() == 40
    assert problem.context.areas["districts"].all()
    assert [len(line) for line in problem.context.map_lines["river"]] == [2]
    assert len(problem.context.map_lines["district"]) == 2


def test_a_shape_with_a_crs_of_its_own(small: Any, geojson: Callable[..., Path]) -> None:
    import pyproj

    to_degrees = pyproj.Transformer.from_crs("EPSG:3405", "OGC:CRS84", always_xy=True)
    ring = [
        list(to_degrees.transform(x, y))
        for x, y in ((6e5, 2.26e6), (6.05e5, 2.26e6), (6.05e5, 2.268e6), (6e5, 2.268e6), (6e5, 2.26e6))
    ]
    west = {"type": "Feature", "properties": {"name": "West"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    before = small.load_model().context.areas["West"]
    geojson(small.folder / "west.geojson", [west], crs=None)
    small.change("model.yaml", "areas:\n", "areas:\n  degrees: {file: west.geojson}\n")
    assert np.array_equal(small.load_model().context.areas["degrees"], before)


def test_a_report_counts_what_a_case_holds(small: Any) -> None:
    report = validate(small.scenario)
    assert isinstance(report, Report)
    assert (report.shape, report.n_cells, report.active_cells) == ((3, 8, 10), 240, 240)
    assert (report.wells, report.observations, report.start, report.end) == (3, 2, "2000-01-01", "2004-01-01")
    assert report.terms == ("storage", "rain", "main", "sea", "wells_towns")
    assert report.steps == 2 * (report.periods - 1) + 1


def test_a_case_can_be_repeated_from_its_manifest(small: Any) -> None:
    import hashlib
    import json

    case = load_case(small.scenario, overrides={"layers.lower.k": 25.0})
    assert np.unique(case.problem.properties.k[2]).tolist() == [25.0]
    assert "override layers.lower.k: 20 → 25 m/d" in case.log
    expected = hashlib.sha256((small.folder / "wells.csv").read_bytes()).hexdigest()
    assert case.inputs["models/small/wells.csv"] == expected
    assert {"models/small/model.yaml", "scenarios/small/stop.yaml", "models/small/streams.geojson"} <= set(case.inputs)
    manifest = case.problem.context.manifest
    assert json.loads(manifest["inputs"]) == dict(case.inputs)
    assert json.loads(manifest["config"])["model"]["layers"]["lower"]["k"] == 25.0
    assert case.settings.budget_tolerance == 1e-6


def test_shipped_models_load(request: pytest.FixtureRequest) -> None:
    root = request.config.rootpath
    for name in ("confined_basin/cut", "thai_binh/surface_water_switch", "thai_binh/zone1_stopped"):
        path = root / f"scenarios/{name}.yaml"
        assert load_problem(path).grid.active.any(), path


def test_a_netcdf_value_is_converted_from_its_unit(small: Any) -> None:
    data = {"k": (("y", "x"), np.full((2, 2), 0.02), {"units": "cm s-1"})}
    axes = {"x": [600000.0, 610000.0], "y": [2260000.0, 2268000.0]}
    xr.Dataset(data, axes).to_netcdf(small.folder / "k.nc", engine="h5netcdf")
    small.change("model.yaml", "    k: 10.0", "    k: {netcdf: k.nc, variable: k}")
    np.testing.assert_allclose(small.load().properties.k[0], 0.02 * 864.0, rtol=1e-12)
