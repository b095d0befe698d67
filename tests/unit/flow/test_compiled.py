"""Machine code that may be out of date is removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from aquirecover.flow import compiled, kernels

SUMS_BY_BLOCKS = """
import numba, numpy
from aquirecover.flow.compiled import parallel_kernel, share

@parallel_kernel
def block_sums(values, out):
    for block in numba.prange(out.size):
        out[block] = values[1000 * block : 1000 * block + 1000].sum()

out = numpy.zeros(100)
threads = share({asked}, 100_000)
block_sums(numpy.sqrt(numpy.arange(1e5)), out)
print(threads, out.sum().hex())
"""


def test_only_stale_machine_code_of_this_package_is_removed(tmp_path: Path) -> None:
    newest = max(path.stat().st_mtime for path in Path(kernels.__file__).parent.glob("*.py"))
    ages = {"kernels.dot-1.py311.nbi": -1e6, "kernels.dot-1.py311.1.nbc": -1e6, "other.f-1.nbi": -1e6, "krylov.f-1.nbi": 1e6}
    for name, age in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (newest + age, newest + age))
    compiled.drop_stale(tmp_path, Path(kernels.__file__).parent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["krylov.f-1.nbi", "other.f-1.nbi"]


def test_compiled_loops_are_kept_on_disk() -> None:
    assert kernels.absolute_sum(np.array([1.0, -2.0])) == 3.0
    assert list(Path(kernels.absolute_sum.stats.cache_path).glob("kernels.absolute_sum*.nbi"))


def test_other_options_of_the_compiler_make_machine_code_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "flow"
    package.mkdir()
    (package / "loops.py").write_text("@kernel\ndef f(x: int) -> int:\n    return x\n", encoding="utf-8")
    (package / "compiled.py").touch()
    machine_code = tmp_path / "loops.f-1.nbi"
    machine_code.touch()
    for path, time in ((package / "loops.py", 1e9), (machine_code, 2e9), (package / "compiled.py", 3e9)):
        os.utime(path, (time, time))
    monkeypatch.setattr(compiled, "__file__", str(package / "compiled.py"))
    compiled.drop_stale(tmp_path, package)
    assert not machine_code.exists()


def test_few_cells_and_one_thread_stay_out_of_parallel_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    monkeypatch.setattr(numba, "set_num_threads", lambda n: None)
    assert compiled.share(0, 100) is None
    assert compiled.share(1, 10**9) is None
    assert compiled.share(0, 10**9) == 2
    assert compiled.share(8, 10**9) == 2
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    assert compiled.share(8, 10**9) is None


def test_parallel_loops_give_the_bits_of_one_thread(tmp_path: Path) -> None:
    # in processes of their own, whose threads a batch limits by the environment
    found = {}
    for given, asked, threads in (("2", 0, "2"), ("2", 1, "None"), ("1", 0, "None")):
        script = tmp_path / f"sums_{given}_{asked}.py"
        script.write_text(SUMS_BY_BLOCKS.format(asked=asked), encoding="utf-8")
        environment = {**os.environ, "NUMBA_NUM_THREADS": given, "NUMBA_CACHE_DIR": str(tmp_path)}
        run = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True)
        used, found[given, asked] = run.stdout.split()
        assert used == threads
    assert len(set(found.values())) == 1
