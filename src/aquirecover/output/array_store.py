"""Arrays on disk by the key of what they came from: each file appears whole, and one that is damaged counts as absent."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aquirecover.output.files import replace_file

SUFFIX = ".npz"
KEY, FORMAT = "key", "aquirecover-arrays-1"


class ArrayStore:
    """A folder of files, one for each key.

    Parameters
    ----------
    folder : Path
        Made when the first file is written.

    Attributes
    ----------
    damaged : list of Path
        Files that were found and could not be used; the next `keep` under their keys replaces them.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.damaged: list[Path] = []

    def path(self, key: str) -> Path:
        """Return the file of a key."""
        return self.folder / f"{key}{SUFFIX}"

    def load(self, key: str) -> dict[str, np.ndarray] | None:
        """Return what was kept under a key; None when there is none, or its file is cut off, altered or of another key.

        Every member carries a checksum, which is compared with its content.
        """
        path = self.path(key)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError):
            self.damaged.append(path)
            return None
        if str(arrays.pop(KEY, "")) != f"{FORMAT} {key}":
            self.damaged.append(path)
            return None
        return arrays

    def keep(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays under a key, instead of any that are there.

        Raises
        ------
        ResourceError
            When the disk is full.
        """

        def write(part: Path) -> None:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
                for name, array in {KEY: np.array(f"{FORMAT} {key}"), **arrays}.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

        replace_file(self.path(key), write, overwrite=True)
