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
        When the disk or quota is full.
    """
    base = Path(tempfile.gettempdir()) if parent is None else parent
    made = [path for path in (base, *base.parents) if not path.exists()]
    base.mkdir(parents=True, exist_ok=True)
    prefix = f".modflow6.{host_name()}."
    remove_left_folders(base, prefix)
    path = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}.", dir=base))
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
