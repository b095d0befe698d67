"""Answers of many scenarios on disk: heads in one NetCDF file, a table, and how each came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.errors import NumericalError
from aquirecover.flow.arrays import FloatArray
from aquirecover.output.dataset import described, grid_mapping
from aquirecover.output.files import write_csv, write_json
from aquirecover.output.provenance import has_dates
from aquirecover.output.results import write_dataset

if TYPE_CHECKING:
    import xarray as xr

    from aquirecover.flow.problem import Problem
    from aquirecover.study.answers import Answers

HEADS, TABLE, MANIFEST = "answers.nc", "answers.csv", "answers.json"


def write_answers(
    folder: Path,
    problem: Problem,
    names: Sequence[str],
    groups: Sequence[str],
    factors: FloatArray,
    answers: Answers,
    about: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write ``answers.nc``, ``answers.csv`` and, last, ``answers.json``; return their names.

    Parameters
    ----------
    folder : Path
        Made when missing.
    problem : Problem
        Of which they are scenarios.
    names, groups : sequence of str
        Of scenarios and of groups of wells.
    factors : ndarray
        Shape ``(n_scenario, n_group)``.
    answers : Answers
        Heads, and how they came about.
    about : mapping
        What else the manifest says.
    overwrite : bool
        Replace files that exist.

    Raises
    ------
    NumericalError
        When a head is not finite.
    """
    if not (np.isfinite(answers.point_head).all() and np.isfinite(answers.head[:, problem.grid.active]).all()):
        raise NumericalError(f"{problem.name}: a head of an answer is not finite.")
    if overwrite:
        # without it the folder is not finished; it comes back when all other files are there
        (folder / MANIFEST).unlink(missing_ok=True)
    dataset = _dataset(problem, names, groups, factors, answers)
    write_dataset(dataset, folder / HEADS, overwrite=overwrite)
    points = problem.observations.names
    header = [
        "scenario",
        "way",
        *(f"factor {name}" for name in groups),
        *(f"last head {name} (m)" for name in points),
        "why marched",
    ]
    rows = [
        [name, answers.way[n], *factors[n].tolist(), *answers.point_head[n, -1].tolist(), answers.why[n]]
        for n, name in enumerate(names)
    ]
    write_csv(folder / TABLE, header, rows, overwrite=overwrite)
    scenarios = [{"scenario": name, "way": answers.way[n], "why": answers.why[n]} for n, name in enumerate(names)]
    write_json(folder / MANIFEST, {**about, "files": [HEADS, TABLE], "scenarios": scenarios}, overwrite=overwrite)
    return HEADS, TABLE, MANIFEST


def _dataset(problem: Problem, names: Sequence[str], groups: Sequence[str], factors: FloatArray, answers: Answers) -> xr.Dataset:
    """Return the heads with what they are, where and when."""
    import xarray as xr

    grid, schedule, context = problem.grid, problem.schedule, problem.context
    dated = has_dates(problem)
    time = schedule.date_of(schedule.step_time).astype("datetime64[ns]") if dated else schedule.step_time
    axis = {"long_name": "End of the time step", "axis": "T"} | ({} if dated else {"units": "d"})
    last = str(schedule.date_of(float(schedule.step_time[-1])))[:10] if dated else f"day {schedule.step_time[-1]:g}"
    coords = {
        "scenario": (("scenario",), np.array(names, dtype=object), {"long_name": "Scenario"}),
        "group": (("group",), np.array(groups, dtype=object), {"long_name": "Group of wells"}),
        "step_time": (("step_time",), time, axis),
        "observation": (("observation",), np.array(problem.observations.names, dtype=object), {"long_name": "Observation point"}),
        "layer": (("layer",), np.arange(1, grid.shape[0] + 1), {"long_name": "Layer, from the top"}),
        "y": (("y",), grid.y, {"long_name": "Northing", "units": "m", "axis": "Y"}),
        "x": (("x",), grid.x, {"long_name": "Easting", "units": "m", "axis": "X"}),
    }
    field = described("head", comment=f"at the end of the last step, {last}")
    entries: dict[str, Any] = {
        "factor": (("scenario", "group"), factors, {"long_name": "Factor on the pumping of a group", "units": "1"}),
        "way": (("scenario",), np.array(answers.way, dtype=object), {"long_name": "How the heads were found"}),
        "observation_head": (("scenario", "step_time", "observation"), answers.point_head, described("head")),
        "last_head": (("scenario", "layer", "y", "x"), answers.head, field),
    }
    if context.crs:
        entries["crs"] = ((), np.int32(0), grid_mapping(context.crs))
        field["grid_mapping"] = "crs"
    return xr.Dataset(entries, coords, {"title": context.title, "Conventions": "CF-1.10", "start": schedule.start})
