"""Small models of MODFLOW 6 that tests build with flopy, and what helps to break them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.modflow import Program

SHAPE = (2, 3, 4)


class Mf6Model:
    """A small MODFLOW 6 model under construction: 2 × 3 × 4 cells, three periods of which the first is steady."""

    def __init__(self, folder: Path, **more: Any) -> None:
        from flopy import mf6

        self.mf6, self.folder = mf6, folder
        self.simulation = mf6.MFSimulation(sim_name="small", sim_ws=str(folder))
        times = [(1.0, 1, 1.0), (10.0, 4, 1.5), (30.0, 3, 1.0)]
        mf6.ModflowTdis(self.simulation, nper=3, perioddata=times, **more.pop("tdis", {}))
        solver = {"outer_dvclose": 1e-10, "inner_dvclose": 1e-11, "rcloserecord": 1e-9, "linear_acceleration": "bicgstab"}
        mf6.ModflowIms(self.simulation, outer_maximum=200, inner_maximum=200, **solver)
        self.model = mf6.ModflowGwf(self.simulation, modelname="small", **more.pop("gwf", {}))
        grid = {"nlay": 2, "nrow": 3, "ncol": 4, "delr": [100.0, 150.0, 225.0, 100.0], "delc": [50.0, 80.0, 50.0]}
        self.add("dis", **{**grid, "top": 10.0, "botm": [0.0, -20.0], **more.pop("dis", {})})
        self.add("npf", **{"icelltype": 0, "k": 5.0, "k33": 0.5, **more.pop("npf", {})})
        self.add("ic", strt=more.pop("strt", 8.0))
        if (storage := more.pop("sto", {})) is not None:
            default = {"ss": 1e-5, "sy": 0.1, "iconvert": 0, "steady_state": {0: True}, "transient": {1: True}}
            self.add("sto", **{**default, **storage})
        self.add("oc", head_filerecord="small.hds", saverecord=[("HEAD", "ALL")])
        assert not more, more

    def add(self, package: str, **given: Any) -> Any:
        """Add a package of the flow model."""
        return getattr(self.mf6, f"ModflowGwf{package}")(self.model, **given)

    def write(self) -> Path:
        """Write the files and return their folder."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.simulation.write_simulation(silent=True)
        return self.folder


def flat(*places: tuple[int, int, int], shape: tuple[int, int, int] = SHAPE) -> list[int]:
    """Return flat cell numbers of zero-based layers, rows and columns."""
    return [int(np.ravel_multi_index(place, shape)) for place in places]


def change(file: Path, old: str, new: str) -> None:
    """Replace a piece of text that stands in a file."""
    text = file.read_text()
    assert old in text, f"{old!r} does not stand in {file.name}"
    file.write_text(text.replace(old, new, 1))


def speak_to(program: Program, solver: Path) -> None:
    """Give solver settings the names that releases before 6.1.1 know."""
    if tuple(int(part) for part in program.version.split(".")[:3]) < (6, 1, 1):
        text = solver.read_text()
        for name in ("outer_dvclose", "inner_dvclose"):
            text = re.sub(name, name.replace("dvclose", "hclose"), text, flags=re.IGNORECASE)
        solver.write_text(text)
