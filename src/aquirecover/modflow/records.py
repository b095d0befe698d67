"""Binary output of MODFLOW 6, read record by record, also while the program is still writing it.

Layouts are those of mf6io.pdf, "Binary output files": all numbers are of the machine, without marks between records.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aquirecover.errors import BackendError
from aquirecover.flow.arrays import FloatArray, IntArray

HEAD = np.dtype(
    [("kstp", "i4"), ("kper", "i4"), ("pertim", "f8"), ("totim", "f8"), ("text", "S16"), ("sizes", "i4", (3,))], align=False
)
FLOW = np.dtype(
    [("kstp", "i4"), ("kper", "i4"), ("text", "S16"), ("sizes", "i4", (3,)), ("method", "i4"), ("times", "f8", (3,))], align=False
)
ARRAY, LIST = 1, 6
NAMES = 64  # bytes of the four names of models and packages in a list
# Read records give their place on the disk back when this many bytes have gathered.
RELEASE = 2**26


class GrowingFile:
    """A file that another program may still be writing.

    Parameters
    ----------
    path : Path
        Of a file that need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self._released = 0
        self._handle = -1

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def peek(self, n: int, ahead: int = 0) -> bytes | None:
        """Return `n` bytes that begin `ahead` of what was taken; None as long as they are not all there."""
        if self._handle < 0:
            if not self.path.exists():
                return None
            self._handle = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        begin, parts = self.offset + ahead, []
        if os.fstat(self._handle).st_size < begin + n:
            return None
        os.lseek(self._handle, begin, os.SEEK_SET)
        while n:
            part = os.read(self._handle, n)
            if not part:
                return None
            parts.append(part)
            n -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, n: int) -> None:
        """Take `n` bytes; those that were taken may lose their place on the disk."""
        self.offset += n
        if self.offset - self._released >= RELEASE:
            release(self._handle, self._released, self.offset - self._released)
            self._released = self.offset

    @property
    def left(self) -> int:
        """Bytes that are there and were not taken."""
        return self.path.stat().st_size - self.offset if self.path.exists() else 0


def release(handle: int, offset: int, length: int) -> bool:
    """Give the place of a part of an open file back to the disk; the part reads as zeros.

    Returns
    -------
    bool
        Whether it was given back. Another system than Linux, or a file system that cannot, keeps it.
    """
    import ctypes
    import sys

    if not sys.platform.startswith("linux"):
        return False
    keep_size_punch_hole = 0x01 | 0x02
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(libc.fallocate(handle, keep_size_punch_hole, offset, length) == 0)


@dataclass(frozen=True, eq=False)
class FlowRecord:
    """One record of a cell-by-cell flow file.

    Parameters
    ----------
    step, period : int
        From 0, the step within its period.
    text : str
        ``FLOW-JA-FACE``, ``STO-SS``, ``WEL``, …
    package : str
        In capitals; empty for an array.
    cell : ndarray of int or None
        Numbers of the cells of a list, from 0.
    flow : ndarray
        m³/d, into the cell.
    """

    step: int
    period: int
    text: str
    package: str
    cell: IntArray | None
    flow: FloatArray


def next_flows(file: GrowingFile) -> FlowRecord | None:
    """Take the next record of a cell-by-cell flow file; None as long as it is not whole."""
    head = file.peek(FLOW.itemsize)
    if head is None:
        return None
    header = np.frombuffer(head, FLOW)[0]
    step, period = int(header["kstp"]) - 1, int(header["kper"]) - 1
    text = header["text"].decode("ascii", "replace").strip()
    if header["method"] == ARRAY:
        size = 8 * int(np.prod(np.abs(header["sizes"].astype(np.int64))))
        body = file.peek(size, FLOW.itemsize)
        if body is None:
            return None
        file.skip(FLOW.itemsize + size)
        return FlowRecord(step, period, text, "", None, np.frombuffer(body, np.float64))
    if header["method"] != LIST:
        raise BackendError(f"{file.path.name}: a record with method {header['method']} and text {text!r} is none of MODFLOW 6.")
    return _next_list(file, step, period, text)


def _next_list(file: GrowingFile, step: int, period: int, text: str) -> FlowRecord | None:
    """Take a list, whose header has been looked at."""
    begin = FLOW.itemsize
    names = file.peek(NAMES + 4, begin)
    if names is None:
        return None
    n_value = int(np.frombuffer(names[NAMES:], np.int32)[0])
    begin += NAMES + 4 + 16 * (n_value - 1)
    count = file.peek(4, begin)
    if count is None:
        return None
    row = np.dtype([("cell", "i4"), ("other", "i4"), ("value", "f8", (n_value,))], align=False)
    size = row.itemsize * int(np.frombuffer(count, np.int32)[0])
    body = file.peek(size, begin + 4)
    if body is None:
        return None
    file.skip(begin + 4 + size)
    rows = np.frombuffer(body, row)
    package = names[48:64].decode("ascii", "replace").strip()
    return FlowRecord(step, period, text, package, rows["cell"].astype(np.int64) - 1, np.ascontiguousarray(rows["value"][:, 0]))


def next_heads(file: GrowingFile, n_layer: int, n_plane: int) -> FloatArray | None:
    """Take the heads of one step, shape ``(n_layer * n_plane,)``; None as long as they are not all there."""
    record = HEAD.itemsize + 8 * n_plane
    body = file.peek(n_layer * record)
    if body is None:
        return None
    layers = np.frombuffer(body, np.dtype([("header", HEAD), ("head", "f8", (n_plane,))], align=False))
    if not (layers["header"]["sizes"][:, :2].prod(axis=1) == n_plane).all():
        raise BackendError(f"{file.path.name}: its records do not have the size of the grid: it is of another model.")
    file.skip(n_layer * record)
    return layers["head"].reshape(-1)


@dataclass(frozen=True, eq=False)
class Connections:
    """Which cells are joined, as the rows of a ``FLOW-JA-FACE`` record: the diagonal, then the neighbours.

    Parameters
    ----------
    row : ndarray of int
        Flat number of the cell that a place belongs to, shape ``(n,)``.
    column : ndarray of int
        Of its neighbour, or of the cell itself.
    """

    row: IntArray
    column: IntArray


def read_connections(path: Path) -> Connections:
    """Read the connections of a binary grid file.

    Raises
    ------
    BackendError
        When the file is not there, cut off, or something else.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read()
        lines = content[:200].decode("ascii", "replace").split("\n")
        n_text, length = int(lines[2].split()[1]), int(lines[3].split()[1])
        begin = 200 + n_text * length
        arrays: dict[str, np.ndarray] = {}
        for n in range(n_text):
            words = content[200 + n * length : 200 + (n + 1) * length].decode("ascii").split()
            kind = np.dtype({"INTEGER": "i4", "DOUBLE": "f8"}[words[1]])
            shape = [int(word) for word in words[4 : 4 + int(words[3])]]
            count = int(np.prod(shape, dtype=np.int64))
            arrays[words[0]] = np.frombuffer(content, kind, count, begin)
            begin += count * kind.itemsize
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise BackendError(f"{path.name}: is no binary grid file of MODFLOW 6, or cut off ({error}).") from error
    start = arrays["IA"].astype(np.int64)
    lengths = start[1:] - start[:-1]
    return Connections(np.repeat(np.arange(lengths.size), lengths), arrays["JA"].astype(np.int64) - 1)
