"""GeoJSON, shapefiles, rasters and points read from files; the CRS is never guessed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr

from aquirecover.case import geo, geotiff, raster
from aquirecover.errors import InputFileError

UTM = "EPSG:3405"


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


# --- GeoJSON ----------------------------------------------------------------------------------------------------------


def test_geojson_without_crs_is_longitude_and_latitude(tmp_path: Path, geojson: Callable[..., Path]) -> None:
    # the point 105 E on the central meridian of zone 48: easting 500 km; northing = 0.9999 × the meridian arc of WGS84
    arc = pyproj.Geod(ellps="WGS84").inv(105.0, 0.0, 105.0, 20.5)[2]
    path = geojson(tmp_path / "a.geojson", [feature("Point", [105.0, 20.5])], crs=None)
    x, y = shapely.get_coordinates(geo.read_shapes(path, "EPSG:32648").geometry)[0]
    assert (x, y) == (pytest.approx(500_000.0, abs=1e-3), pytest.approx(0.9996 * arc, abs=1e-2))


def test_geojson_with_the_crs_of_the_model_keeps_its_coordinates(tmp_path: Path, geojson: Callable[..., Path]) -> None:
    path = geojson(tmp_path / "a.geojson", [feature("LineString", [[600000, 2260000], [600010, 2260020]], key="a")])
    shapes = geo.read_shapes(path, UTM)
    np.testing.assert_allclose(shapely.get_coordinates(shapes.geometry), [[600000, 2260000], [600010, 2260020]], atol=1e-6)
    assert list(shapes.by_label("key")) == ["a"]


def test_metres_in_a_geojson_without_crs_are_refused(tmp_path: Path, geojson: Callable[..., Path]) -> None:
    path = geojson(tmp_path / "a.geojson", [feature("Point", [645794, 2267546])], crs=None)
    with pytest.raises(InputFileError) as caught:
        geo.read_shapes(path, UTM)
    assert str(caught.value) == (
        "a.geojson has coordinates such as (645794, 2267546), which are no longitude and latitude: "
        "a GeoJSON in another CRS must name it in its crs member."
    )


def test_a_damaged_file_is_read_or_refused(tmp_path: Path, geojson: Callable[..., Path]) -> None:
    """Bytes changed, cut out and put in: nothing but `InputFileError` may come of it."""
    ring = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    write_shapefile(tmp_path / "a.shp", 5, [[[(x, y) for x, y in reversed(ring)]]], [("a", 1.0)])
    (tmp_path / "a.prj").write_text(pyproj.CRS(UTM).to_wkt("WKT1_ESRI"))
    readers = {
        geojson(tmp_path / "a.geojson", [feature("Polygon", [ring])]): lambda path: geo.read_shapes(path, None),
        tmp_path / "a.shp": lambda path: geo.read_shapes(path, None),
        tmp_path / "a.dbf": lambda path: geo.read_shapes(path.with_suffix(".shp"), None),
        write_geotiff(tmp_path / "a.tif", SAMPLES.astype("float32"), nodata="-1"): geotiff.read_geotiff,
        write_geotiff(tmp_path / "b.tif", SAMPLES.astype("float32"), "tiff_lzw"): geotiff.read_geotiff,
    }
    rng, refused = np.random.default_rng(11), 0
    for path, read in readers.items():
        good = path.read_bytes()
        for _ in range(60):
            data, at = bytearray(good), int(rng.integers(len(good)))
            match int(rng.integers(3)):
                case 0:
                    data[at] = int(rng.integers(256))
                case 1:
                    del data[at : at + int(rng.integers(1, 30))]
                case _:
                    data[at:at] = rng.choice([b"[[[", b"NaN", b"null", b"\0\0", b"\xff" * 4])
            path.write_bytes(bytes(data))
            try:
                read(path)
            except InputFileError:
                refused += 1
        path.write_bytes(good)
        read(path)
    assert refused > 100


def test_features_of_one_label_are_joined(tmp_path: Path, geojson: Callable[..., Path]) -> None:
    squares = [[[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]], [[[5, 5], [7, 5], [7, 7], [5, 7], [5, 5]]]]
    path = geojson(tmp_path / "a.geojson", [feature("Polygon", ring, name="both") for ring in squares])
    assert shapely.area(geo.read_shapes(path, None).by_label("name")["both"]) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a.geojson is no readable GeoJSON: "),
        ("[]", "a.geojson is no GeoJSON: it has no type."),
        ('{"type": "FeatureCollection", "features": []}', "a.geojson holds no shapes."),
        ('{"type": "FeatureCollection", "features": 3}', "a.geojson is no GeoJSON: its features must be a list."),
        ('{"type": "FeatureCollection", "features": [3]}', "a.geojson: feature 1 is no feature."),
        ('{"type": "Point", "coordinates": [NaN, 1]}', "a.geojson"),
        ("[" * 100_000, "a.geojson is no readable GeoJSON: "),
        ('{"type": "Feature", "geometry": {"type": "Blob"}}', "a.geojson: feature 1 is no geometry: "),
    ],
)
def test_broken_geojson_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(text)
    with pytest.raises(InputFileError) as caught:
        geo.read_shapes(path, UTM)
    assert str(caught.value).startswith(message)


def test_a_missing_attribute_is_refused_with_those_there(tmp_path: Path, geojson: Callable[..., Path]) -> None:
    path = geojson(tmp_path / "a.geojson", [feature("Point", [600000, 2260000], name="x", code=1)])
    with pytest.raises(InputFileError, match=r"^a.geojson has no attribute 'nam' on every shape; there are code, name.$"):
        geo.read_shapes(path, UTM).column("nam")


def test_shapes_off_the_grid_are_reported_with_both_extents() -> None:
    grid = (600000.0, 2260000.0, 610000.0, 2270000.0)
    assert geo.misplaced((605000.0, 2265000.0, 700000.0, 2300000.0), grid, "a", UTM) == ""
    assert geo.misplaced((0.0, 1.0, 2.0, 3.0), grid, "a.shp", "EPSG:4326") == (
        "a.shp lies wholly outside the grid: x 0 to 2, y 1 to 3 m; the grid covers x 600000 to 610000, y 2260000 to 2270000 m. "
        "Its CRS (EPSG:4326) is probably wrong."
    )


# --- shapefile --------------------------------------------------------------------------------------------------------


def write_shapefile(path: Path, kind: int, shapes: list[list[list[tuple[float, float]]]], rows: list[tuple[str, float]]) -> None:
    """Write polygons (5) or polylines (3) after the ESRI description, with a text and a number of each."""
    records = b""
    for number, parts in enumerate(shapes, 1):
        points = [point for part in parts for point in part]
        starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
        xy = np.array(points)
        content = struct.pack("<i4d2i", kind, *xy.min(axis=0), *xy.max(axis=0), len(parts), len(points))
        content += struct.pack(f"<{len(starts)}i", *starts) + xy.astype("<f8").tobytes()
        records += struct.pack(">2i", number, len(content) // 2) + content
    header = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(records)) // 2) + struct.pack("<2i8d", 1000, kind, *[0.0] * 8)
    path.write_bytes(header + records)
    fields = b"".join(
        name.ljust(11, b"\0") + code + b"\0" * 4 + bytes([size, places]) + b"\0" * 14
        for name, code, size, places in ((b"name", b"C", 12, 0), (b"value", b"N", 10, 3))
    )
    body = b"".join(b" " + name.encode().ljust(12) + f"{value:10.3f}".encode() for name, value in rows) + b"\x1a"
    table = struct.pack("<4BIHH20x", 3, 100, 1, 1, len(rows), 32 + len(fields) + 1, 23) + fields + b"\r" + body
    path.with_suffix(".dbf").write_bytes(table)


def test_a_shapefile_with_a_hole_and_its_table(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    shell = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0)]  # clockwise
    hole = [(4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0), (4.0, 4.0)]
    island = [(20.0, 0.0), (20.0, 1.0), (21.0, 1.0), (21.0, 0.0), (20.0, 0.0)]
    write_shapefile(path, 5, [[shell, hole, island], [island]], [("Thái", 1.5), ("b", -2.0)])
    path.with_suffix(".prj").write_text(pyproj.CRS(UTM).to_wkt("WKT1_ESRI"))
    shapes = geo.read_shapes(path, None)
    np.testing.assert_allclose(shapely.area(shapes.geometry), [100 - 4 + 1, 1])
    assert shapes.column("name") == ["Thái", "b"]
    assert shapes.column("value") == [1.5, -2.0]


def test_a_shapefile_is_transformed_from_its_prj(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    write_shapefile(path, 3, [[[(106.0, 20.0), (106.5, 20.5)]]], [("a", 0.0)])
    path.with_suffix(".prj").write_text(pyproj.CRS("EPSG:4326").to_wkt("WKT1_ESRI"))
    expected = pyproj.Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform([106.0, 106.5], [20.0, 20.5])
    found = shapely.get_coordinates(geo.read_shapes(path, UTM).geometry)
    np.testing.assert_allclose(found, np.transpose(expected), atol=0.01)


def test_a_shapefile_without_prj_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    write_shapefile(path, 3, [[[(0.0, 0.0), (1.0, 1.0)]]], [("a", 0.0)])
    with pytest.raises(InputFileError, match=r"^a.shp has no a.prj beside it: the CRS of a shapefile is never guessed.$"):
        geo.read_shapes(path, UTM)


def test_a_cut_off_shapefile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    write_shapefile(path, 3, [[[(0.0, 0.0), (1.0, 1.0)]]], [("a", 0.0)])
    path.with_suffix(".prj").write_text("x")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputFileError, match=r"^a.shp is no readable shapefile: record 1 is cut off.$"):
        geo.read_shapes(path, UTM)


# --- rasters ----------------------------------------------------------------------------------------------------------


def write_geotiff(path: Path, values: np.ndarray, compression: str | None = None, nodata: str = "", **tags: Any) -> Path:
    """Write a GeoTIFF of 10 m pixels whose north-west corner is (600000, 2260000)."""
    from PIL import Image
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    info = ImageFileDirectory_v2()
    info[33550] = (10.0, 10.0, 0.0)
    info[33922] = (0.0, 0.0, 0.0, 600000.0, 2260000.0, 0.0)
    info[34735] = tuple(tags.get("keys", (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 3405)))
    info.tagtype.update({33550: 12, 33922: 12, 34735: 3, 42113: 2})
    if nodata:
        info[42113] = nodata
    if "predictor" in tags:
        info[317] = tags["predictor"]
    Image.fromarray(values).save(path, tiffinfo=info, compression=compression)
    return path


SAMPLES = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "uint16", "int16"])
def test_geotiff_values_and_places(tmp_path: Path, compression: str | None, dtype: str) -> None:
    read = geotiff.read_geotiff(write_geotiff(tmp_path / "a.tif", SAMPLES.astype(dtype), compression))
    assert read.crs == UTM
    x, y = np.array([600005.0, 600035.0, 600012.0]), np.array([2259995.0, 2259975.0, 2259988.0])
    np.testing.assert_allclose(read.sample(x, y, UTM, "nearest"), [0.0, 11.0, 5.0])


@pytest.mark.parametrize(("dtype", "predictor"), [("float32", 3), ("int32", 2), ("uint16", 2)])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_geotiff_predictors(tmp_path: Path, dtype: str, predictor: int, compression: str) -> None:
    values = (SAMPLES * 7).astype(dtype)
    read = geotiff.read_geotiff(write_geotiff(tmp_path / "a.tif", values, compression, predictor=predictor))
    np.testing.assert_array_equal(read.value[::-1], values)


def test_geotiff_is_bilinear_and_empty_outside(tmp_path: Path) -> None:
    read = geotiff.read_geotiff(write_geotiff(tmp_path / "a.tif", SAMPLES.astype("float32")))
    # value = column + 4 row at pixel centres, so (x - 600005) / 10 + 4 (2259995 - y) / 10 between them
    x, y = np.array([600008.0, 600027.5, 600050.0]), np.array([2259991.0, 2259980.0, 2259990.0])
    np.testing.assert_allclose(read.sample(x, y, UTM), [0.3 + 1.6, 2.25 + 6.0, np.nan])


def test_geotiff_nodata_is_left_out(tmp_path: Path) -> None:
    values = SAMPLES.astype("float32")
    values[0, 1] = -9999.0
    read = geotiff.read_geotiff(write_geotiff(tmp_path / "a.tif", values, nodata="-9999"))
    assert np.isnan(read.sample(np.array([600015.0]), np.array([2259995.0]), UTM, "nearest"))[0]
    # halfway between 0 and the missing pixel only the 0 counts
    np.testing.assert_allclose(read.sample(np.array([600010.0]), np.array([2259995.0]), UTM), [0.0])


@pytest.mark.parametrize(("compression", "predictor"), [(1, 1), (8, 1), (8, 3)])
def test_a_tiled_geotiff_of_doubles(tmp_path: Path, compression: int, predictor: int) -> None:
    """A file put together by hand: two tiles of 16 x 16 doubles, of which the raster uses 3 rows and 20 columns."""
    tiles = np.zeros((2, 16, 16))
    values = np.arange(60.0).reshape(3, 20)
    tiles[0, :3], tiles[1, :3, :4] = values[:, :16], values[:, 16:]
    blocks = [tile.tobytes() for tile in tiles]
    if predictor == 3:  # bytes of each row: the most significant of all doubles first, then differences
        planes = [np.frombuffer(tile.astype(">f8").tobytes(), np.uint8).reshape(16, 16, 8).transpose(0, 2, 1) for tile in tiles]
        blocks = [np.diff(plane.reshape(16, 128), axis=1, prepend=np.uint8(0)).tobytes() for plane in planes]
    if compression == 8:
        blocks = [zlib.compress(block) for block in blocks]
    where = 8 + 2 + 14 * 12 + 4  # header, then the directory of 14 entries
    keys, scale, tie = (1, 1, 0, 1, 3072, 0, 1, 3405), (10.0, 10.0, 0.0), (0.0, 0.0, 0.0, 600000.0, 2260000.0, 0.0)
    parts = [
        struct.pack("<8H", *keys),
        struct.pack("<3d", *scale),
        struct.pack("<6d", *tie),
        struct.pack("<2I", *map(len, blocks)),
    ]
    starts = where + np.cumsum([0, *(len(part) for part in parts), 8])
    data = [int(starts[5]), int(starts[5]) + len(blocks[0])]
    entries = [
        (256, 3, 1, 20),
        (257, 3, 1, 3),
        (258, 3, 1, 64),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (317, 3, 1, predictor),
        (322, 3, 1, 16),
        (323, 3, 1, 16),
        (324, 4, 2, int(starts[4])),
        (325, 4, 2, int(starts[3])),
        (339, 3, 1, 3),
        (33550, 12, 3, int(starts[1])),
        (33922, 12, 6, int(starts[2])),
        (34735, 3, 8, int(starts[0])),
    ]
    directory = struct.pack("<H", 14) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + b"".join(parts) + struct.pack("<2I", *data) + b"".join(blocks))
    np.testing.assert_array_equal(geotiff.read_geotiff(path).value[::-1], values)


def test_geotiff_without_epsg_code_is_refused(tmp_path: Path) -> None:
    path = write_geotiff(tmp_path / "a.tif", SAMPLES.astype("float32"), keys=(1, 1, 0, 1, 1024, 0, 1, 1))
    with pytest.raises(InputFileError, match=r"does not name its CRS by an EPSG code .* the CRS is never guessed"):
        geotiff.read_geotiff(path)


def test_geotiff_of_several_bands_is_refused(tmp_path: Path) -> None:
    path = write_geotiff(tmp_path / "a.tif", np.zeros((3, 4, 3), dtype="uint8"))
    with pytest.raises(InputFileError, match=r"^a.tif has 3 bands: one band of numbers can be read.$"):
        geotiff.read_geotiff(path)


def test_a_huge_geotiff_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geotiff, "LARGEST_RASTER", 11)
    path = write_geotiff(tmp_path / "a.tif", SAMPLES.astype("float32"))
    with pytest.raises(InputFileError, match=r"^a.tif has 4 x 3 pixels: at most 11 can be read.$"):
        geotiff.read_geotiff(path)


def test_text_is_no_geotiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_text("no raster")
    with pytest.raises(InputFileError, match=r"^a.tif is no readable GeoTIFF: "):
        geotiff.read_geotiff(path)


def test_netcdf_with_descending_rows_and_degrees(tmp_path: Path) -> None:
    longitude, latitude = np.array([106.0, 106.1, 106.2]), np.array([20.1, 20.0])
    values = 2.0 * longitude[None, :] + 3.0 * latitude[:, None]
    xr.Dataset({"k": (("lat", "lon"), values)}, {"lat": latitude, "lon": longitude}).to_netcdf(
        tmp_path / "a.nc", engine="h5netcdf"
    )
    x, y = geo.points_to_crs(np.array([106.05, 106.17]), np.array([20.03, 20.08]), geo.LONGITUDE_LATITUDE, UTM)
    found = raster.read_netcdf(tmp_path / "a.nc", "k", UTM).sample(x, y, UTM)
    np.testing.assert_allclose(found, [2 * 106.05 + 3 * 20.03, 2 * 106.17 + 3 * 20.08], rtol=1e-8)


@pytest.mark.parametrize(("units", "factor"), [("", 1.0), ("m d-1", 1.0), ("cm s-1", 864.0), ("m/s", 86400.0)])
def test_netcdf_in_another_unit(tmp_path: Path, units: str, factor: float) -> None:
    attributes = {"units": units} if units else {}
    data = {"k": (("y", "x"), np.full((2, 2), 3.0), attributes)}
    axes = {"x": [600000.0, 610000.0], "y": [2260000.0, 2270000.0]}
    xr.Dataset(data, axes).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert raster.read_netcdf(tmp_path / "a.nc", "k", UTM).factor_to("m d-1") == pytest.approx(factor, rel=1e-12)


def test_netcdf_in_a_wrong_unit(tmp_path: Path) -> None:
    data = {"k": (("y", "x"), np.zeros((2, 2)), {"units": "kg"})}
    xr.Dataset(data, {"x": [0.0, 1.0], "y": [0.0, 1.0]}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(InputFileError, match=r"^a.nc gives its values in 'kg': has the wrong unit: must convert to m/d\.$"):
        raster.read_netcdf(tmp_path / "a.nc", "k", UTM).factor_to("m d-1")


def test_netcdf_with_a_crs_of_its_own(tmp_path: Path) -> None:
    # the same field in the zone next door: what it says of its coordinates must be heard
    x, y = geo.points_to_crs(np.array([600000.0, 610000.0]), np.full(2, 2265000.0), UTM, "EPSG:3406")
    mapping = xr.DataArray(0, attrs=pyproj.CRS("EPSG:3406").to_cf())
    axes = {"x": np.linspace(x.min() - 5000, x.max() + 5000, 50), "y": np.linspace(y.min() - 5000, y.max() + 5000, 40)}
    field = np.broadcast_to(axes["x"], (40, 50))
    dataset = xr.Dataset({"k": (("y", "x"), field, {"grid_mapping": "crs"}), "crs": mapping}, axes)
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    found = raster.read_netcdf(tmp_path / "a.nc", "k", UTM).sample(np.array([600000.0, 610000.0]), np.full(2, 2265000.0), UTM)
    np.testing.assert_allclose(found, x, atol=0.01)


def test_netcdf_that_declares_more_than_memory_holds(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file.create_dataset("k", shape=(80000, 80000), dtype="f8", chunks=(1000, 1000), compression="gzip")
    assert (tmp_path / "a.nc").stat().st_size < 100_000
    with pytest.raises(InputFileError, match=r"^a.nc: k has 80000 x 80000 values: at most 100000000 can be read.$"):
        raster.read_netcdf(tmp_path / "a.nc", "k", UTM)


def test_netcdf_names_its_variables_when_one_is_missing(tmp_path: Path) -> None:
    xr.Dataset({"k": (("y", "x"), np.zeros((2, 2)))}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(InputFileError, match=r"^a.nc has no variable 'kk'; there are k.$"):
        raster.read_netcdf(tmp_path / "a.nc", "kk", UTM)


# --- points -----------------------------------------------------------------------------------------------------------


def test_points_on_a_plane_are_interpolated_exactly() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 100, (2, 40))
    to_x, to_y = rng.uniform(40, 60, (2, 3, 4))
    found = raster.from_points(x, y, 2 * x - 3 * y + 1, to_x, to_y, "linear")
    np.testing.assert_allclose(found, 2 * to_x - 3 * to_y + 1, atol=1e-9)


def test_nearest_and_inverse_distance() -> None:
    x, y, value = np.array([0.0, 3.0]), np.array([0.0, 0.0]), np.array([10.0, 40.0])
    to_x, to_y = np.array([1.0]), np.array([0.0])
    assert raster.from_points(x, y, value, to_x, to_y, "nearest") == [10.0]
    # weights 1 and 1/4
    np.testing.assert_allclose(raster.from_points(x, y, value, to_x, to_y, "idw"), [(10 + 40 / 4) / 1.25])


def test_outside_its_triangles_the_nearest_point_holds() -> None:
    x, y = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    found = raster.from_points(x, y, np.array([1.0, 2.0, 3.0]), np.array([9.0]), np.array([0.0]), "linear")
    assert found == [2.0]


def test_points_that_fill_a_lattice_become_a_raster() -> None:
    x, y = (axis.ravel() for axis in np.meshgrid([0.0, 1.0, 3.0], [5.0, 7.0]))
    lattice = raster.from_lattice(x, y, 10 * x + y, None, "a.csv")
    assert lattice is not None
    at = np.array([2.0, 0.25]), np.array([6.0, 6.5])
    np.testing.assert_allclose(lattice.sample(*at, None), [26.0, 9.0])
    assert lattice.sample(np.array([99.0]), np.array([5.0]), None, beyond=True) == [35.0]
    assert raster.from_lattice(x[:-1], y[:-1], x[:-1], None, "a.csv") is None
