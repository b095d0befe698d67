"""What flopy raises on a broken file, as one sentence that says which file and where in it."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from aquirecover.errors import AquirecoverError, InputFileError, ResourceError
from aquirecover.modflow.imports.folder import SourceFolder


@contextlib.contextmanager
def reading(shown: str, folder: SourceFolder) -> Iterator[None]:
    """Keep flopy quiet, and turn whatever it raises into an error with the name of a file.

    Parameters
    ----------
    shown : str
        File that is read, for the message where nothing nearer is known.
    folder : SourceFolder
        Of the model.

    Raises
    ------
    InputFileError
        When flopy cannot read a file.
    ResourceError
        When there is not enough memory for it.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # flopy leaves files open, and warns of its own future
            yield
    except AquirecoverError:
        raise
    except MemoryError as error:
        raise ResourceError(f"{shown}: there is not enough memory to read it.") from error
    except Exception as error:  # flopy raises nearly every kind
        streams = list(_open_files(error.__traceback__))
        places = [_place(stream, folder) for stream in streams if isinstance(stream, io.TextIOWrapper)]
        where = next((place for place in reversed(places) if place), shown)
        for stream in streams:
            stream.close()
        raise InputFileError(f"{where}: cannot be read, it is broken or cut off here ({_words(error)}).") from error


def _open_files(traceback: TracebackType | None) -> Iterator[IO[Any]]:
    """Yield the files that were open when an error was raised, the innermost last, those of flopy's list of units first."""
    own: list[IO[Any]] = []
    while traceback is not None:
        for value in traceback.tb_frame.f_locals.values():
            if isinstance(value, dict):
                yield from (entry.filehandle for entry in value.values() if _is_open(getattr(entry, "filehandle", None)))
            elif _is_open(value):
                own.append(value)
        traceback = traceback.tb_next
    yield from own


def _is_open(value: object) -> bool:
    return isinstance(value, io.TextIOWrapper | io.BufferedReader) and not value.closed


def _place(stream: io.TextIOWrapper, folder: SourceFolder) -> str:
    """Return file and line that a stream has come to, or an empty string for one that is no file of the model."""
    path = Path(str(stream.name))
    if not path.is_file():
        return ""
    try:
        position = stream.tell()
    except OSError:
        return folder.shown(path.resolve())
    line = path.read_bytes()[:position].count(b"\n")
    return f"{folder.shown(path.resolve())}:{max(line, 1)}"


def _words(error: Exception) -> str:
    """Return the last line of what an error says; of those that flopy adds to on the way out, what was said first."""
    text = str((getattr(error, "messages", None) or [error])[0])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1][:200] if lines else ""
    if found := re.search(r'with value "(.+)" can not be converted to float', last):
        return f"{found[1]!r} is neither a number nor one of its time series"
    if re.search(r"'[-+.\d]+d[-+]?\d+'", last, re.IGNORECASE):
        last += "; flopy does not read an exponent written with d: write e"
    return f"{type(error).__name__}: {last}" if last else type(error).__name__
