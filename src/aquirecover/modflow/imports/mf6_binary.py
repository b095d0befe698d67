"""Binary input of MODFLOW 6, checked by its size before it is read: flopy blames another file for one that is cut off.

Layouts are those of mf6io.pdf, "Binary input": an array has a header and its values, a list is rows of cell numbers and values.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from aquirecover.errors import InputFileError
from aquirecover.modflow.imports.folder import NAMED
from aquirecover.modflow.imports.mf6_files import Block, Mf6Source, Package

BINARY = re.compile(rb"^[ \t]*OPEN/CLOSE[ \t]+" + NAMED + rb"[^\r\n]*\(BINARY\)", re.IGNORECASE | re.MULTILINE)
INTEGERS = {"IDOMAIN", "ICELLTYPE", "ICONVERT", "IRCH", "IEVT"}
CONTROL = {"OPEN/CLOSE", "CONSTANT", "INTERNAL"}
INTEGER, REAL = 4, 8  # bytes
HEADER = struct.Struct("<2i2d16s3i")  # step, period, times, text, and the sizes of the array
# Values in a row of a list, besides auxiliary ones.
VALUES = {"WEL": 1, "RIV": 3, "DRN": 2, "GHB": 2, "CHD": 1, "RCH": 1, "EVT": 3}


def check_binary_files(source: Mf6Source) -> None:
    """Refuse binary arrays and lists that are cut off.

    Raises
    ------
    InputFileError
        Names the file, how long it is, and how long it must be.
    """
    for package in source.packages:
        arrays = "READASARRAYS" in package.file.options()
        for block in package.file.blocks:
            if block.name == "GRIDDATA" or (block.name == "PERIOD" and arrays):
                for array, path, where in _named(block, package, source):
                    _check_array(array, path, source.folder.shown(path), where)
            elif block.name == "PERIOD" and package.kind in VALUES:
                for _, path, where in _named(block, package, source):
                    _check_list(_row(package), path, source.folder.shown(path), where)


def _named(block: Block, package: Package, source: Mf6Source) -> Iterator[tuple[str, Path, str]]:
    """Yield the name of the array before it, the path, and ``file:line`` of every binary file that a block names."""
    for found in BINARY.finditer(block.content):
        line = block.line + block.content.count(b"\n", 0, found.start())
        where = f"{package.file.shown}:{line}"
        words = [words[0].upper() for number, words in block.lines() if number < line and words[0].upper() not in CONTROL]
        yield words[-1] if words else "", source.folder.existing(found[1].decode("latin-1"), where), where


def _check_array(array: str, path: Path, shown: str, where: str) -> None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        raise InputFileError(f"{shown}: has {size} bytes, its header alone {HEADER.size}: it is cut off (named in {where}).")
    n_x, n_y, _ = HEADER.unpack(header)[-3:]
    whole = HEADER.size + n_x * n_y * (INTEGER if array in INTEGERS else REAL)
    if size < whole:
        raise InputFileError(f"{shown}: has {size} bytes of the {whole} that its header tells: it is cut off (named in {where}).")


def _check_list(row: int, path: Path, shown: str, where: str) -> None:
    size = path.stat().st_size
    if size % row:
        raise InputFileError(f"{shown}: has {size} bytes, and its rows {row} each: it is cut off (named in {where}).")


def _row(package: Package) -> int:
    """Return the bytes of a row of a list."""
    options = package.file.options()
    n_value = VALUES[package.kind] + sum(len(words) for key, (_, words) in options.items() if key in ("AUX", "AUXILIARY"))
    if package.kind == "EVT":
        n_value += 2 * (package.file.dimensions().get("NSEG", 1) - 1) + ("SURF_RATE_SPECIFIED" in options)
    return 3 * INTEGER + REAL * n_value
