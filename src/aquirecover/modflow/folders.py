"""The folder in which the program runs: made for one run, and gone after it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aquirecover.errors import ResourceError
from aquirecover.processes import host_name, is_running


@contextmanager
def run_folder(parent: Path | None) -> Iterator[Path]:
    """Give an empty folder that is removed afterwards, whatever happens, and with it those above that were made for it.

    A folder that a killed process of this computer left beside it is removed too.

    Raises
    ------
    ResourceError
        When it cannot be made, or the disk or quota is full.
    """
    base = Path(tempfile.gettempdir()) if parent is None else parent
    made = [path for path in (base, *base.parents) if not path.exists()]
    prefix = f".modflow6.{host_name()}."
    try:
        base.mkdir(parents=True, exist_ok=True)
        remove_left_folders(base, prefix)
        path = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}.", dir=base))
    except OSError as error:
        blocking = [path for path in (base, *base.parents) if path.exists() and not path.is_dir()]
        reason = f"{blocking[0]} is no folder" if blocking else error.strerror or error
        raise ResourceError(f"{base}: cannot be written: {reason}. Choose another folder.") from error
    try:
        yield path
    except OSError as error:
        if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
            raise ResourceError(f"{base}: no space is left on the disk. Free some, or choose another folder.") from error
        raise
    finally:
        shutil.rmtree(path, ignore_errors=True)
        for above in made:
            if any(above.iterdir()):
                break
            above.rmdir()


def remove_left_folders(base: Path, prefix: str) -> None:
    """Remove folders whose names begin with a prefix and the number of a process of this computer that is gone (POSIX)."""
    if os.name != "posix":
        return
    for path in base.glob(f"{prefix}*"):
        owner = path.name.removeprefix(prefix).split(".")[0]
        if owner.isdecimal() and not is_running(int(owner)):
            shutil.rmtree(path, ignore_errors=True)
