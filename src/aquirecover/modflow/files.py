"""The files of a model folder: text blocks, and arrays and lists as binary files, each written once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray

# Of a binary array: time step, period, times, text and three sizes (mf6io.pdf, binary input of arrays).
ARRAY_HEADER = np.dtype(
    [("kstp", "<i4"), ("kper", "<i4"), ("pertim", "<f8"), ("totim", "<f8"), ("text", "S16"), ("sizes", "<i4", (3,))]
)
VALUES_PER_LINE = 8


class ModelFolder:
    """Writes files into a folder and knows what it wrote, so that an array or list that comes again is not written again.

    Parameters
    ----------
    path : Path
        Folder that exists.
    binary_lists : bool
        Lists are binary files as arrays are; releases before 6.1 crash on them.
    """

    def __init__(self, path: Path, binary_lists: bool = True) -> None:
        self.path = path
        self._binary_lists = binary_lists
        self._written: dict[bytes, str] = {}

    def text(self, name: str, lines: Iterable[str]) -> None:
        """Write a text file."""
        (self.path / name).write_text("\n".join([*lines, ""]), encoding="ascii")

    def column(self, name: str, values: FloatArray) -> list[str]:
        """Return the lines of a one-dimensional array, with all digits."""
        if np.ptp(values) == 0.0:
            return [f"  {name}", f"    CONSTANT {float(values[0])!r}"]
        texts = [repr(float(value)) for value in values]
        rows = [" ".join(texts[i : i + VALUES_PER_LINE]) for i in range(0, len(texts), VALUES_PER_LINE)]
        return [f"  {name}", "    INTERNAL FACTOR 1.0", *(f"      {row}" for row in rows)]

    def plane(self, name: str, values: np.ndarray, stem: str) -> list[str]:
        """Return the lines of an array of one value per cell of a layer, shape ``(n_y, n_x)``, and write its file.

        File names begin with `stem`.
        """
        line = self._array(values, f"{stem}_{name.lower()}", 1)
        return [f"  {name}", f"    {line}"]

    def layered(self, name: str, values: np.ndarray, stem: str) -> list[str]:
        """Return the lines of an array of one value per cell, shape ``(n_layer, n_y, n_x)``, and write its files.

        File names begin with `stem`.
        """
        stem = f"{stem}_{name.lower()}"
        layers = [self._array(plane, f"{stem}_{k + 1}", k + 1) for k, plane in enumerate(values)]
        return [f"  {name} LAYERED", *(f"    {layer}" for layer in layers)]

    def _array(self, plane: np.ndarray, stem: str, layer: int) -> str:
        """Return the control line of an array of shape ``(n_y, n_x)``."""
        first = plane.flat[0]
        if (plane == first).all():
            return f"CONSTANT {first.item()!r}"
        kind = "<i4" if np.issubdtype(plane.dtype, np.integer) else "<f8"
        header = np.zeros((), ARRAY_HEADER)
        n_y, n_x = plane.shape
        header["kstp"], header["kper"], header["text"], header["sizes"] = 1, 1, stem[:16].upper().encode(), (n_x, n_y, layer)
        return self._binary(f"{stem}.bin", header.tobytes(), np.ascontiguousarray(plane, dtype=kind))

    def rows(self, stem: str, cellid: Sequence[IntArray], values: Sequence[FloatArray]) -> str:
        """Return the line that reads a list of cells with values, and write its file."""
        kinds: list[Any] = [(f"id{n}", "<i4") for n in range(len(cellid))] + [(f"v{n}", "<f8") for n in range(len(values))]
        table = np.empty(cellid[0].size, kinds)
        for n, numbers in enumerate(cellid):
            table[f"id{n}"] = numbers
        for n, column in enumerate(values):
            table[f"v{n}"] = column
        if not self._binary_lists:
            return self._text_rows(f"{stem}.txt", table)
        return self._binary(f"{stem}.bin", b"", table)

    def _text_rows(self, name: str, table: np.ndarray) -> str:
        """Return the line that reads a list from a text file, and write it."""
        key = hashlib.blake2b(table.data, digest_size=16, person=b"text").digest()
        if key not in self._written:
            self.text(name, (" ".join(map(repr, row)) for row in table.tolist()))
            self._written[key] = name
        return f"OPEN/CLOSE {self._written[key]}"

    def _binary(self, name: str, header: bytes, values: np.ndarray) -> str:
        """Return the control line of a binary file, which is written unless its content is in another one."""
        key = hashlib.blake2b(values.data, digest_size=16, person=values.dtype.kind.encode()).digest()
        if key not in self._written:
            with (self.path / name).open("wb") as stream:
                stream.write(header)
                values.tofile(stream)
            self._written[key] = name
        return f"OPEN/CLOSE {self._written[key]} (BINARY)"


def block(name: str, lines: Iterable[str]) -> list[str]:
    """Return a block of a MODFLOW file and the empty line after it."""
    return [f"BEGIN {name}", *lines, f"END {name}", ""]
