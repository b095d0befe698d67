"""Machine code that may be out of date is removed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from aquirecover.flow import compiled, kernels


def test_only_stale_machine_code_of_this_package_is_removed(tmp_path: Path) -> None:
    newest = Path(kernels.__file__).stat().st_mtime
    ages = {"kernels.dot-1.py311.nbi": -1e6, "kernels.dot-1.py311.1.nbc": -1e6, "other.f-1.nbi": -1e6, "krylov.f-1.nbi": 1e6}
    for name, age in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (newest + age, newest + age))
    compiled.drop_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["krylov.f-1.nbi", "other.f-1.nbi"]


def test_compiled_loops_are_kept_on_disk() -> None:
    assert kernels.absolute_sum(np.array([1.0, -2.0])) == 3.0
    assert list(Path(kernels.absolute_sum.stats.cache_path).glob("kernels.absolute_sum*.nbi"))
