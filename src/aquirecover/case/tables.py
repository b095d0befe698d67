"""CSV tables, read and checked: every row that is wrong is reported with its line, column and value."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from aquirecover.case.messages import did_you_mean, sentence
from aquirecover.case.scalars import parse_date
from aquirecover.case.workspace import Workspace
from aquirecover.errors import Collector, ConfigError, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray

SHOWN = 20
EMPTY = "is empty: give a value."
DELIMITERS = ",;\t"
FLAGS = {"yes": True, "no": False, "true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class Column:
    """What a column must hold.

    Parameters
    ----------
    kind : {'text', 'number', 'date', 'flag'}
        Type of its cells.
    required : bool
        The table must have the column, and no cell may be empty.
    low, high : float
        Range of numbers, both ends included.
    """

    kind: Literal["text", "number", "date", "flag"] = "text"
    required: bool = True
    low: float = -np.inf
    high: float = np.inf


@dataclass(eq=False)
class Table:
    """A table of texts; its columns are converted and checked when they are asked for.

    Parameters
    ----------
    source : str
        File as it is shown in messages.
    columns : dict of str to tuple of str
        Trimmed cells of each column.
    lines : tuple of int
        Line in the file of each row, counted from 1.
    """

    source: str
    columns: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def at(self, row: int) -> str:
        """Return ``file:line`` of a row, counted from 0."""
        return f"{self.source}:{self.lines[row]}"

    def require(self, *columns: str) -> None:
        """Refuse a table that lacks any of `columns`.

        Raises
        ------
        ConfigError
            With one finding per column that is missing.
        """
        missing = [self._missing(column) for column in columns if column not in self.columns]
        if missing:
            raise ConfigError(missing)

    def check(self, columns: Mapping[str, Column]) -> None:
        """Refuse a table whose columns are not as described, with every finding at once.

        Raises
        ------
        ConfigError
            When a column is missing or a cell is empty, of another type or out of range.
        """
        errors = Collector()
        for name, column in columns.items():
            if name not in self.columns:
                if column.required:
                    errors.extend([self._missing(name)])
                continue
            try:
                self._read(name, column)
            except ConfigError as error:
                errors.extend(error.findings)
        errors.raise_if_any()

    def texts(self, column: str, *, missing: str | None = None) -> tuple[str, ...]:
        """Return the cells of a column; an empty cell becomes `missing`, or is refused when that is None.

        Raises
        ------
        ConfigError
            When the column is not there or a cell is empty.
        """
        cells = self._cells(column)
        if missing is not None:
            return tuple(cell or missing for cell in cells)
        self._refuse(column, self._empty(cells))
        return cells

    def numbers(self, column: str, *, missing: float | None = None, low: float = -np.inf, high: float = np.inf) -> FloatArray:
        """Return a column as numbers, shape ``(n_row,)``; an empty cell becomes `missing`, or is refused when that is None.

        Raises
        ------
        ConfigError
            When the column is not there, or a cell is empty, no finite number or out of ``low <= number <= high``.
        """
        cells = self._cells(column)
        try:
            if any("_" in cell for cell in cells):  # Python reads 1_000, people do not write it
                raise ValueError
            found = np.fromiter((float(cell) if cell else np.nan for cell in cells), dtype=np.float64, count=len(cells))
        except ValueError:
            found = np.fromiter(map(_number, cells), dtype=np.float64, count=len(cells))
        given = np.fromiter(map(bool, cells), dtype=bool, count=len(cells))
        broken = {} if missing is not None else self._empty(cells)
        broken |= {int(row): _number_rule(cells[row]) for row in np.flatnonzero(given & ~np.isfinite(found))}
        broken |= dict.fromkeys(np.flatnonzero(np.isfinite(found) & (found < low)).tolist(), f"must be {low:g} or more.")
        broken |= dict.fromkeys(np.flatnonzero(np.isfinite(found) & (found > high)).tolist(), f"must be {high:g} or less.")
        self._refuse(column, broken)
        if missing is not None:
            found[~given] = missing
        return found

    def dates(self, column: str) -> tuple[date, ...]:
        """Return a column as dates.

        Raises
        ------
        ConfigError
            When the column is not there or a cell is no date ``YYYY-MM-DD``.
        """
        cells = self._cells(column)
        known: dict[str, date] = {}
        rules: dict[str, str] = {"": EMPTY}
        for cell in set(cells) - {""}:
            try:
                known[cell] = parse_date(cell)
            except ValueError as error:
                rules[cell] = str(error)
        self._refuse(column, {row: rules[cell] for row, cell in enumerate(cells) if cell not in known})
        return tuple(known[cell] for cell in cells)

    def flags(self, column: str, *, missing: bool | None = None) -> BoolArray:
        """Return a column of yes and no (or true and false, 1 and 0), shape ``(n_row,)``.

        Raises
        ------
        ConfigError
            When the column is not there or a cell is neither; an empty cell becomes `missing`, or is refused when that is None.
        """
        cells = self._cells(column)
        words = [cell.lower() for cell in cells]
        broken = {} if missing is not None else self._empty(cells)
        broken |= {row: "must be yes or no." for row, word in enumerate(words) if word and word not in FLAGS}
        self._refuse(column, broken)
        return np.array([FLAGS.get(word, missing) for word in words], dtype=bool)

    def _read(self, name: str, column: Column) -> object:
        match column.kind:
            case "number":
                return self.numbers(name, missing=None if column.required else np.nan, low=column.low, high=column.high)
            case "date":
                return self.dates(name)
            case "flag":
                return self.flags(name, missing=None if column.required else False)
            case _:
                return self.texts(name, missing=None if column.required else "")

    def _cells(self, column: str) -> tuple[str, ...]:
        self.require(column)
        return self.columns[column]

    @staticmethod
    def _empty(cells: tuple[str, ...]) -> dict[int, str]:
        return {row: EMPTY for row, cell in enumerate(cells) if not cell} if "" in cells else {}

    def _missing(self, column: str) -> Finding:
        return Finding(
            column, sentence("is a column that the table needs", did_you_mean(column, self.columns)), f"{self.source}:1"
        )

    def _refuse(self, column: str, broken: Mapping[int, str]) -> None:
        """Raise when `broken`, which gives rows and the rule that each breaks, holds any: the first `SHOWN` in full."""
        if not broken:
            return
        cells, rows = self.columns[column], sorted(broken)
        findings = [
            Finding(f"{column} = {cells[row]!r}" if cells[row] else column, broken[row], self.at(row)) for row in rows[:SHOWN]
        ]
        if len(rows) > SHOWN:
            findings.append(Finding(column, f"has {len(rows) - SHOWN} more cells that are wrong.", self.source))
        raise ConfigError(findings)


def read_table(
    path: str | os.PathLike[str],
    columns: Mapping[str, Column] | None = None,
    *,
    workspace: Workspace | None = None,
    name: str = "",
) -> Table:
    """Read a CSV table, separated by commas, semicolons or tabs, in UTF-8, with one line of column names.

    Parameters
    ----------
    path : path
        The file.
    columns : mapping of str to Column, optional
        What the columns must hold; all that breaks it is reported at once.
    workspace : Workspace, optional
        Folder that the file must lie in, and that notes its checksum; the file's own folder by default.
    name : str
        File as it is shown in messages; its path in the workspace by default.

    Raises
    ------
    InputFileError
        When the file is missing, unreadable, too large or outside the workspace.
    ConfigError
        When it is empty or not rectangular, when a column comes twice, or when `columns` does not hold.
    """
    workspace = workspace or Workspace(Path(path).resolve().parent)
    content = workspace.read_bytes(path)
    table = parse_table(content, name or workspace.name_of(path))
    if columns is not None:
        table.check(columns)
    return table


def parse_table(content: bytes, source: str) -> Table:
    """Return the table of the content of a CSV file; see `read_table`."""
    text = _decode(content, source)
    rows = _Rows(source)
    rows.read(text)
    errors = Collector()
    for index, column in enumerate(rows.header):
        if not column:
            errors.add(f"column {index + 1}", "has no name: name it, or remove it.", f"{source}:1")
        elif column in rows.header[:index]:
            errors.add(column, "is the name of two columns: remove or rename one.", f"{source}:1")
    n = len(rows.header)
    for line, length in rows.ragged[:SHOWN]:
        message = f"has {length} cells where the header has {n}: put text that holds the separator in quotes."
        errors.add("", message, f"{source}:{line}")
    if len(rows.ragged) > SHOWN:
        errors.add("", f"{len(rows.ragged) - SHOWN} more rows have another number of cells than the header.", source)
    if not rows.lines and not rows.ragged:
        errors.add("", "has column names but no rows.", f"{source}:1")
    errors.raise_if_any()
    return Table(source, {name: tuple(map(str.strip, rows.cells[i::n])) for i, name in enumerate(rows.header)}, tuple(rows.lines))


def _decode(content: bytes, source: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 (byte 0x{content[error.start]:02x}): save the file as CSV in UTF-8."
        raise ConfigError([Finding("", message, f"{source}:{line}")]) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError([Finding("", "holds a NUL character: remove it.", f"{source}:{line}")])
    if not text.strip():
        raise ConfigError([Finding("", "is empty: it needs a line of column names and rows.", source)])
    return text


@dataclass
class _Rows:
    """The cells of a table one after the other, which is cheaper than a list for each of a million rows.

    Parameters
    ----------
    source : str
        File as it is shown in messages.
    header : list of str
        Column names.
    cells : list of str
        Of all rows as long as the header.
    lines : list of int
        Line on which each of these rows begins.
    ragged : list of tuple of int
        Line and length of the other rows; blank ones are left out.
    """

    source: str
    header: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ragged: list[tuple[int, int]] = field(default_factory=list)

    def read(self, text: str) -> None:
        """Take the rows of a text."""
        first = text.lstrip("\r\n").split("\n", 1)[0]
        delimiter = max(DELIMITERS, key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        before = 0
        try:
            for cells in reader:
                if cells and (cells[0].strip() or any(map(str.strip, cells))):
                    self._take(cells, before + 1)
                before = reader.line_num
        except csv.Error as error:
            message = f"cannot be read as CSV ({error}): look for a quote that is not closed."
            raise ConfigError([Finding("", message, f"{self.source}:{before + 1}")]) from error

    def _take(self, cells: list[str], line: int) -> None:
        if not self.header:
            self.header = [name.strip() for name in cells]
        elif len(cells) == len(self.header):
            self.cells.extend(cells)
            self.lines.append(line)
        else:
            self.ragged.append((line, len(cells)))


def _number(cell: str) -> float:
    """Return the number in a cell, NaN where there is none."""
    try:
        return float(cell) if cell and "_" not in cell else np.nan
    except ValueError:
        return np.nan


def _number_rule(cell: str) -> str:
    if cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return "must be a finite number; leave the cell empty where nothing is known."
    if "," in cell:
        return "must be a number: write a decimal point, and no separator of thousands."
    return "must be a number."
