"""Models of MODFLOW to import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aquirecover.modflow.imports.reader import Imported, ImportOptions, read_modflow
from modflow_models import Mf6Model

pytest.importorskip("flopy", reason="flopy reads models of MODFLOW")


@pytest.fixture
def read() -> Callable[..., Imported]:
    """Return a function that reads a model with options, in metres and days unless told otherwise."""

    def run(path: Path, **options: Any) -> Imported:
        return read_modflow(path, ImportOptions(**{"length_unit": "metres", "time_unit": "days", **options}))

    return run


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Mf6Model]:
    """Return a maker of the small MODFLOW 6 model; its keywords go to the packages of their names."""

    def make(**more: Any) -> Mf6Model:
        return Mf6Model(tmp_path / "source", **more)

    return make
