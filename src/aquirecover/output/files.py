"""The one way in which a file is written: under a temporary name, synced, renamed. A killed run leaves no broken file."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aquirecover.errors import OutputExistsError, ResourceError
from aquirecover.processes import host_name, is_running

# A spreadsheet runs a cell that starts with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def replace_file(path: Path | str, write: Callable[[Path], object], *, overwrite: bool = False) -> Path:
    """Let `write` fill a temporary file in the folder of `path`, sync it, and rename it to `path`.

    At any moment `path` is absent, the old file or the new one, also when the process is killed or the power fails.
    The temporary file is removed when `write` fails; one that a killed process left is removed by the next write.

    Parameters
    ----------
    path : path-like
        Final name; its folder is made when missing.
    write : callable
        Gets the temporary path, on which it writes and closes a file.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    Path
        The final name.

    Raises
    ------
    OutputExistsError
        When `path` exists and `overwrite` is not set.
    ResourceError
        When the disk or quota is full.
    """
    final = Path(path)
    refuse_existing([final], overwrite=overwrite)
    final.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_parts(final)
    part = final.with_name(f".{final.name}.{host_name()}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        write(part)
        _sync(part)
        os.replace(part, final)  # noqa: PTH105 (the name of the system call is the point here)
    except OSError as error:
        if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
            raise ResourceError(f"{final}: no space is left on the disk. Free some, or choose another folder.") from error
        raise
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(final.parent)
    return final


def refuse_existing(paths: Iterable[Path], *, overwrite: bool = False) -> None:
    """Raise `OutputExistsError`, naming them all, when some of `paths` exist and `overwrite` is not set."""
    found = [str(path) for path in paths if path.exists()]
    if found and not overwrite:
        raise OutputExistsError(f"{', '.join(found)}: exists already. Use --overwrite to replace it, or choose another folder.")


def write_text(path: Path | str, text: str, *, overwrite: bool = False) -> Path:
    """Write `text` as UTF-8 with line feeds; see `replace_file`."""
    return replace_file(path, lambda part: part.write_bytes(text.encode()), overwrite=overwrite)


def write_json(path: Path | str, content: object, *, overwrite: bool = False) -> Path:
    """Write `content` as indented JSON that keeps letters as they are; see `replace_file`.

    Raises
    ------
    ValueError
        When a number is not finite, which JSON cannot hold.
    """
    return write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", overwrite=overwrite)


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence[Any]], *, overwrite: bool = False) -> Path:
    """Write rows of text and numbers as CSV (UTF-8, comma, line feed); see `replace_file`.

    Parameters
    ----------
    path : path-like
        Final name.
    header : sequence of str
        Column names, with units, as ``head (m)``.
    rows : iterable of sequence
        Text is protected by `safe_cell`; a number that is not finite becomes an empty cell.
    overwrite : bool
        Replace a file that exists.
    """

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow([safe_cell(name) for name in header])
            table.writerows([safe_cell(value) for value in row] for row in rows)

    return replace_file(path, write, overwrite=overwrite)


def safe_cell(value: Any) -> str:
    """Return a cell as text: numbers with 10 digits, nothing for NaN, and a ``'`` before text that a spreadsheet would run."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = float(value)
    return f"{number:.10g}" if math.isfinite(number) else ""


@contextmanager
def renewed(folder: Path | str, last: str, owned: Collection[str]) -> Iterator[Path]:
    """Let files be written into a hidden folder, and move them into `folder` together when all are there.

    Until then the old files stay as they are, also when the program is interrupted; an interruption while files are moved takes
    effect after it. A folder whose file `last` is missing, as after a power failure in between, holds no finished result.

    Parameters
    ----------
    folder : path-like
        Made when missing.
    last : str
        File whose presence says that all others are there: removed first, written last.
    owned : collection of str
        Names that may have been written before and are removed where they are not written again.

    Yields
    ------
    Path
        The hidden folder.
    """
    final = Path(folder)
    final.mkdir(parents=True, exist_ok=True)
    for left in final.glob(f".new.{host_name()}.*.part"):
        if os.name == "posix" and not is_running(int(left.name.split(".")[-3])):
            shutil.rmtree(left, ignore_errors=True)
    hidden = final / f".new.{host_name()}.{os.getpid()}.{secrets.token_hex(4)}.part"
    hidden.mkdir()
    try:
        yield hidden
        with _interrupts_held():
            (final / last).unlink(missing_ok=True)
            names = sorted((path.name for path in hidden.iterdir()), key=lambda name: name == last)
            for name in set(owned) - set(names):
                (final / name).unlink(missing_ok=True)
            for name in names:
                os.replace(hidden / name, final / name)  # noqa: PTH105 (the name of the system call is the point here)
            _sync_folder(final)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C take effect at the end of the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if seen:
        raise KeyboardInterrupt


def remove_parts(folder: Path, process: int) -> None:
    """Remove the temporary files that a process of this computer, which has ended, left in a folder and below it."""
    for part in folder.rglob(f".*.{host_name()}.{process}.*.part"):
        part.unlink(missing_ok=True)


def _remove_left_parts(final: Path) -> None:
    """Remove temporary files of `final` whose process, on this computer, is gone."""
    if os.name != "posix":
        return
    prefix = f".{final.name}.{host_name()}."
    for part in final.parent.iterdir():
        if part.name.startswith(prefix) and part.suffix == ".part":
            owner = part.name.removeprefix(prefix).split(".")[0]
            if owner.isdecimal() and not is_running(int(owner)):
                part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Bring the content of a closed file to the disk."""
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
