"""Machine code that may be out of date is removed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from aquirecover.flow import compiled, kernels


def test_only_stale_machine_code_of_this_package_is_removed(tmp_path: Path) -> None:
    newest = max(path.stat().st_mtime for path in Path(kernels.__file__).parent.glob("*.py"))
    ages = {"kernels.dot-1.py311.nbi": -1e6, "kernels.dot-1.py311.1.nbc": -1e6, "other.f-1.nbi": -1e6, "krylov.f-1.nbi": 1e6}
    for name, age in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (newest + age, newest + age))
    compiled.drop_stale(tmp_path)
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
    compiled.drop_stale(tmp_path)
    assert not machine_code.exists()
