"""Run a command and say what it took, as JSON: ``python -I -S launch.py SECONDS OUT -- COMMAND …``.

The largest resident memory that the system reports for a child begins with that of the process it was started from, so that
programs are started from this one, which imports next to nothing.
"""

import json
import os
import signal
import sys
import time


def launch(limit: float, folder: str, command: list[str]) -> dict[str, float | int | bool]:
    """Return exit status, wall time, processor time and largest resident memory of a command; its output is in two files."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [(os.POSIX_SPAWN_OPEN, number, os.path.join(folder, name), flags, 0o644) for number, name in ((1, "out"), (2, "err"))]  # noqa: PTH118
    expired = False
    environment = {**os.environ, "BENCHMARK_BEGIN": repr(time.time())}
    begin = time.perf_counter()
    child = os.posix_spawnp(command[0], command, environment, file_actions=files)

    def stop(*_: object) -> None:
        nonlocal expired
        expired = True
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, limit)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    unit = 1024.0**2 if sys.platform == "darwin" else 1024.0
    return {
        "status": os.waitstatus_to_exitcode(status),
        "expired": expired,
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / unit,
    }


if __name__ == "__main__":
    print(json.dumps(launch(float(sys.argv[1]), sys.argv[2], sys.argv[4:])))
