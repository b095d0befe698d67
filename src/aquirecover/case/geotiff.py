"""Read a GeoTIFF: Pillow decodes the pixels, except doubles, which it does not know; the tags place them.

Layout from TIFF 6.0 (Adobe 1992), its Technical Note 3 (floating-point predictor) and OGC GeoTIFF 1.1.
"""

from __future__ import annotations

import warnings
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from aquirecover.case.raster import BROKEN, LARGEST_RASTER, Raster
from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import FloatArray

WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, PREDICTOR, FORMAT = 256, 257, 258, 259, 277, 317, 339
STRIP_OFFSETS, STRIP_ROWS, STRIP_SIZES = 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
PIXEL_SCALE, TIE_POINT, TRANSFORMATION, GEO_KEYS, NODATA = 33550, 33922, 34264, 34735, 42113
READABLE = {1: "none", 5: "LZW", 8: "deflate", 32946: "deflate", 32773: "PackBits"}
KINDS = {
    (1, 8): "8 bit",
    (1, 16): "16 bit",
    (2, 16): "16 bit signed",
    (1, 32): "32 bit",
    (2, 32): "32 bit signed",
    (3, 32): "32 bit float",
    (3, 64): "64 bit float",
}


def read_geotiff(path: Path) -> Raster:
    """Read the first band of a GeoTIFF.

    Striped or tiled, uncompressed, deflate, LZW or PackBits; 8, 16 and 32 bit integers and 32 and 64 bit floats (the latter
    not compressed or deflated); north up.

    Raises
    ------
    InputFileError
        When the file is missing, too large, or of a kind that is not read: the message names it.
    """
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise InputFileError(f"{path.name} does not exist (looked in {path.parent}).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("error", UserWarning)  # a file that is cut off or corrupt only warns otherwise
            value, tags = _pixels(path)
            return _placed(value, tags, path.name)
    except (UnidentifiedImageError, Image.DecompressionBombError, UserWarning, zlib.error, *BROKEN) as error:
        raise InputFileError(f"{path.name} is no readable GeoTIFF: {error}.") from error


def _pixels(path: Path) -> tuple[FloatArray, dict[int, Any]]:
    """Return the pixels of a TIFF, whose size is checked before they are read, and its tags."""
    from PIL import Image
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with path.open("rb") as stream:
        directory = ImageFileDirectory_v2(stream.read(8))
        stream.seek(directory.next)
        directory.load(stream)
        tags: dict[int, Any] = {tag: directory[tag] for tag in directory}
        _check_kind(tags, path.name)
        if int(tags[BITS][0]) == 64:
            return _doubles(stream, tags, directory.prefix.decode("ascii"), path.name), tags
    with Image.open(path, formats=["TIFF"]) as image:
        return np.asarray(image, dtype=np.float64), tags


def _check_kind(tags: dict[int, Any], name: str) -> None:
    """Refuse sizes, compressions and pixel types that cannot be read or would be read wrongly."""
    width, height, bands = int(tags[WIDTH]), int(tags[HEIGHT]), int(tags.get(SAMPLES, 1))
    if width * height > LARGEST_RASTER:
        raise InputFileError(f"{name} has {width} x {height} pixels: at most {LARGEST_RASTER} can be read.")
    if bands != 1:
        raise InputFileError(f"{name} has {bands} bands: one band of numbers can be read.")
    kind = (int(tags.get(FORMAT, (1,))[0]), int(tags[BITS][0]))
    if kind not in KINDS:
        raise InputFileError(
            f"{name} has pixels of {kind[1]} bits (sample format {kind[0]}): {', '.join(KINDS.values())} can be read."
        )
    compression = int(tags.get(COMPRESSION, 1))
    readable = {c: word for c, word in READABLE.items() if kind[1] != 64 or word in ("none", "deflate")}
    if compression not in readable:
        known = ", ".join(dict.fromkeys(readable.values()))
        raise InputFileError(f"{name} is compressed by method {compression}: {known} can be read for {KINDS[kind]}.")


def _doubles(stream: BinaryIO, tags: dict[int, Any], prefix: str, name: str) -> FloatArray:
    """Return the pixels of a TIFF of doubles, strips or tiles, not compressed or deflated."""
    width, height = int(tags[WIDTH]), int(tags[HEIGHT])
    tiled = TILE_WIDTH in tags
    across, down = (int(tags[TILE_WIDTH]), int(tags[TILE_HEIGHT])) if tiled else (width, int(tags.get(STRIP_ROWS, height)))
    down = down if tiled else min(down, height)
    predictor = int(tags.get(PREDICTOR, 1))
    if predictor not in (1, 3):
        raise InputFileError(f"{name} has the predictor {predictor}: 1 and 3 can be read for 64 bit floats.")
    n_across = -(-width // across)
    whole = np.zeros((-(-height // down) * down, n_across * across))
    blocks = zip(tags[TILE_OFFSETS if tiled else STRIP_OFFSETS], tags[TILE_SIZES if tiled else STRIP_SIZES], strict=True)
    for number, (offset, size) in enumerate(blocks):
        stream.seek(offset)
        data = stream.read(size)
        if int(tags.get(COMPRESSION, 1)) != 1:
            data = zlib.decompressobj().decompress(data, across * down * 8)
        row, column = number // n_across * down, number % n_across * across
        rows = len(data) // (across * 8)
        whole[row : row + rows, column : column + across] = _unpredicted(data[: rows * across * 8], across, predictor, prefix)
    return whole[:height, :width]


def _unpredicted(data: bytes, across: int, predictor: int, prefix: str) -> FloatArray:
    """Return rows of doubles; predictor 3 holds differences of bytes, the most significant ones of a row first (TIFF TN3)."""
    if predictor == 1:
        return np.frombuffer(data, "<f8" if prefix == "II" else ">f8").reshape(-1, across).astype(np.float64)
    planes = np.cumsum(np.frombuffer(data, np.uint8).reshape(-1, 8 * across), axis=1, dtype=np.uint8)
    ordered = np.ascontiguousarray(planes.reshape(-1, 8, across).transpose(0, 2, 1))
    return ordered.view(">f8").reshape(-1, across).astype(np.float64)


def _placed(value: FloatArray, tags: dict[int, Any], name: str) -> Raster:
    """Give pixels their coordinates and turn missing data into NaN."""
    n_y, n_x = value.shape
    if TRANSFORMATION in tags:
        a, b, _, x0, c, d, _, y0 = tags[TRANSFORMATION][:8]
        if b or c:
            raise InputFileError(f"{name} is rotated: save it north up.")
        scale_x, scale_y = a, -d
    elif PIXEL_SCALE in tags and TIE_POINT in tags:
        scale_x, scale_y = tags[PIXEL_SCALE][:2]
        column, row, _, x0, y0 = tags[TIE_POINT][:5]
        x0, y0 = x0 - column * scale_x, y0 + row * scale_y
    else:
        raise InputFileError(f"{name} has no position: it needs ModelPixelScale and ModelTiepoint, or ModelTransformation.")
    keys = np.asarray(tags.get(GEO_KEYS, ()), dtype=np.int64).reshape(-1, 4)
    shift = 0.0 if _geo_key(keys, 1025) == 2 else 0.5
    missing = str(tags.get(NODATA, "")).strip("\0 ")
    if missing:
        value = np.where(np.isclose(value, float(missing), rtol=1e-6, atol=0.0), np.nan, value)
    value = np.where(np.isfinite(value), value, np.nan)
    x = x0 + (np.arange(n_x) + shift) * scale_x
    y = y0 - (np.arange(n_y) + shift) * scale_y
    return Raster(x, y[::-1], value[::-1], _raster_crs(keys, name), name)


def _geo_key(keys: np.ndarray, number: int) -> int:
    """Return a short value of the GeoKey directory, 0 when it is absent."""
    found = keys[(keys[:, 0] == number) & (keys[:, 1] == 0), 3]
    return int(found[0]) if found.size else 0


def _raster_crs(keys: np.ndarray, name: str) -> str:
    """Return the CRS of the GeoKeys, from the projected code or else the geographic one."""
    for number in (3072, 2048):
        code = _geo_key(keys, number)
        if 0 < code < 32767:
            return f"EPSG:{code}"
    raise InputFileError(f"{name} does not name its CRS by an EPSG code (GeoKey 3072 or 2048): the CRS is never guessed.")
