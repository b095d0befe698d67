"""The workspace: which files a case may read, and the checksum of each that it read."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aquirecover.case.messages import sentence
from aquirecover.errors import InputFileError

MARKER = "models"
MAX_BYTES = 512 * 2**20


@dataclass
class Workspace:
    """The folder that a case may read from.

    Parameters
    ----------
    root : Path
        Resolved folder.
    allow_outside : bool
        Files outside `root` may be read too.
    inputs : dict of str to str
        SHA-256 of every file that was read, by its path relative to `root`; the paths are in the order of reading.
    """

    root: Path
    allow_outside: bool = False
    inputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def around(cls, path: str | os.PathLike[str], *, allow_outside: bool = False) -> Workspace:
        """Return the workspace of a file: the nearest parent folder that holds ``models``, else the file's own folder.

        Raises
        ------
        InputFileError
            When `path` cannot be resolved.
        """
        with _readable(path):
            own = Path(path).resolve().parent
            root = next((folder for folder in (own, *own.parents) if (folder / MARKER).is_dir()), own)
        return cls(root, allow_outside)

    def name_of(self, path: str | os.PathLike[str]) -> str:
        """Return `path` as it is shown: relative to the root where it lies inside, with forward slashes."""
        resolved = Path(path).resolve()
        return resolved.relative_to(self.root).as_posix() if resolved.is_relative_to(self.root) else resolved.as_posix()

    def resolve(self, path: str, folder: str | os.PathLike[str]) -> Path:
        """Return the file that a text in a file of `folder` names, with links followed.

        Raises
        ------
        InputFileError
            When it lies outside the workspace, does not exist, is no file, or is too large.
        """
        return self.check(Path(folder) / path, shown=path)

    def check(self, path: str | os.PathLike[str], *, shown: str = "", limit: int = MAX_BYTES) -> Path:
        """Return `path` resolved, a regular file inside the workspace of at most `limit` bytes.

        Raises
        ------
        InputFileError
            When it is not.
        """
        shown = shown or str(path)
        with _readable(shown):
            resolved = Path(path).resolve()
            if not self.allow_outside and not resolved.is_relative_to(self.root):
                raise InputFileError(
                    f"{shown} lies outside the workspace {self.root}: move it inside, or allow files outside (--allow-outside)."
                )
            if not resolved.exists():
                raise InputFileError(sentence(f"{shown} does not exist", self._nearest(resolved)))
            if not resolved.is_file():
                raise InputFileError(
                    f"{shown} is not a file: name a file inside it." if resolved.is_dir() else f"{shown} is no file."
                )
            size = resolved.stat().st_size
        if size > limit:
            raise InputFileError(f"{shown} has {size / 2**20:.1f} MB: must be {limit / 2**20:g} MB or less.")
        return resolved

    def read_bytes(self, path: str | os.PathLike[str], *, shown: str = "", limit: int = MAX_BYTES) -> bytes:
        """Return the content of a file of the workspace, and note its checksum.

        Raises
        ------
        InputFileError
            As `check`, or when the file cannot be read.
        """
        resolved = self.check(path, shown=shown, limit=limit)
        with _readable(shown or path), resolved.open("rb") as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise InputFileError(f"{shown or path} grew beyond {limit / 2**20:g} MB while it was read.")
        self.inputs[self.name_of(resolved)] = hashlib.sha256(content).hexdigest()
        return content

    def note(self, path: str | os.PathLike[str], *, shown: str = "", limit: int = MAX_BYTES) -> Path:
        """Check a file that a library will read by its path, note its checksum, and return it resolved.

        Raises
        ------
        InputFileError
            As `check`, or when the file cannot be read.
        """
        resolved = self.check(path, shown=shown, limit=limit)
        with _readable(shown or path), resolved.open("rb") as stream:
            self.inputs[self.name_of(resolved)] = hashlib.file_digest(stream, "sha256").hexdigest()
        return resolved

    def _nearest(self, path: Path) -> str:
        """Return a hint at an existing file: the nearest name in the nearest folder that exists."""
        folder, wanted = path.parent, path.name
        while not folder.is_dir() and folder != folder.parent:
            folder, wanted = folder.parent, folder.name
        if not self.allow_outside and not folder.is_relative_to(self.root):
            return ""
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
        near = difflib.get_close_matches(Path(wanted).stem, [Path(name).stem for name in names], n=1, cutoff=0.6)
        if near:
            stem = [name for name in names if Path(name).stem == near[0]]
            return f"Did you mean '{max(stem, key=lambda name: Path(name).suffix == Path(wanted).suffix)}'?"
        where = self.name_of(folder)
        return f"There is no {wanted} in {'the workspace' if where == '.' else where}"


@contextmanager
def _readable(shown: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says of a file into an `InputFileError`."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFileError(f"{os.fspath(shown)!r} cannot be read: {reason}.") from error
