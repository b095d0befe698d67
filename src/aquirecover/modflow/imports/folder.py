"""The folder of a MODFLOW model: which files may be read, how large they may be, and the checksum of each."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aquirecover.errors import InputFileError, ResourceError

LARGEST_FILE = 4 * 2**30
# As many cells as a model of this package may have, and periods and steps of a century of days.
LARGEST_GRID = 20_000_000
MOST_PERIODS = 100_000

# A file that another one names: in quotes, or up to the next blank.
NAMED = rb"('[^'\r\n]*'|\"[^\"\r\n]*\"|[^\s'\"]+)"
OPEN_CLOSE = re.compile(rb"^[ \t]*OPEN/CLOSE[ \t]+" + NAMED, re.IGNORECASE | re.MULTILINE)


@dataclass
class SourceFolder:
    """The folder that the files of a model lie in.

    Parameters
    ----------
    root : Path
        Resolved.
    allow_outside : bool
        Files outside it may be read too.
    checksums : dict of str to str
        SHA-256 of every file that was read, by its path as it is shown.
    """

    root: Path
    allow_outside: bool = False
    checksums: dict[str, str] = field(default_factory=dict)

    def shown(self, path: Path) -> str:
        """Return a path as messages show it: relative to the folder where it lies inside."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def locate(self, text: str, where: str) -> Path:
        """Return where a file lies that another one names; it need not exist.

        Raises
        ------
        InputFileError
            When it lies outside the folder.
        """
        plain = text.strip().strip("'\"").replace("\\", "/")
        try:
            path = (self.root / plain).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise InputFileError(f"{where}: {plain!r} is no path of a file: {error}.") from error
        if not self.allow_outside and not path.is_relative_to(self.root):
            raise InputFileError(
                f"{where}: names {plain}, which lies outside the folder of the model. Move it inside, or allow files outside "
                "(--allow-outside)."
            )
        return path

    def existing(self, text: str, where: str) -> Path:
        """Return a file that another one names.

        Raises
        ------
        InputFileError
            When it lies outside the folder, is missing, is no file, or is too large.
        """
        path = self.locate(text, where)
        shown = self.shown(path)
        if not path.exists():
            raise InputFileError(f"{where}: names {shown}, which does not exist.{_nearest(path)}")
        if not path.is_file():
            raise InputFileError(f"{where}: names {shown}, which is no file.")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ResourceError(f"{shown} has {size / 2**30:.1f} GiB: at most {LARGEST_FILE / 2**30:g} GiB are read.")
        return path

    def read(self, path: Path) -> bytes:
        """Return the content of a file, and note its checksum.

        Raises
        ------
        InputFileError
            When it cannot be read.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputFileError(f"{self.shown(path)} cannot be read: {error.strerror or error}.") from error
        self.checksums[self.shown(path)] = hashlib.sha256(content).hexdigest()
        return content


def _nearest(path: Path) -> str:
    """Return a hint at a file whose name is nearly that of a missing one, or an empty string."""
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    alike = [name for name in names if name.lower() == path.name.lower()] or difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean {alike[0]}?" if alike else ""


def line_of(content: bytes, position: int) -> int:
    """Return the line, from 1, of a position in a file."""
    return content.count(b"\n", 0, position) + 1


def named_files(content: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[str, int]]:
    """Yield each file that a content names, with its line."""
    for found in pattern.finditer(content):
        yield os.fsdecode(found[1]), line_of(content, found.start())


def check_size(shape: tuple[int, int, int], n_period: int, where: str) -> None:
    """Refuse a model that is too large, or has no cells, before any of its arrays is read.

    Raises
    ------
    InputFileError
        When a number makes no sense.
    ResourceError
        When there are too many cells or periods.
    """
    if min(shape) < 1 or n_period < 1:
        raise InputFileError(f"{where}: {shape} layers, rows and columns and {n_period} periods: each must be 1 or more.")
    if (cells := shape[0] * shape[1] * shape[2]) > LARGEST_GRID:
        raise ResourceError(
            f"{where}: {shape[0]} x {shape[1]} x {shape[2]} = {cells} cells: at most {LARGEST_GRID} are imported."
        )
    if n_period > MOST_PERIODS:
        raise ResourceError(f"{where}: {n_period} stress periods: at most {MOST_PERIODS} are imported.")
