"""The computer and its processes, as names of temporary files tell whose they are."""

from __future__ import annotations

import os
import socket


def host_name() -> str:
    """Return the name of this computer with only characters that suit a file name and a pattern."""
    return "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())[:40] or "host"


def is_running(process: int) -> bool:
    """Tell whether a process of this computer is alive (POSIX)."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
