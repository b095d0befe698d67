"""Where a result comes from: what a person needs to trust it, and what a program needs to run it again."""

from __future__ import annotations

import dataclasses
import json
import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np

from aquirecover import __version__
from aquirecover.flow.problem import FlowResult, Problem

FORMAT = "aquirecover-result-1"
LIBRARIES = ("numpy", "scipy", "numba", "xarray", "h5netcdf", "h5py", "pyproj", "flopy")


def provenance(result: FlowResult, settings: object = None) -> dict[str, Any]:
    """Return the global attributes of a result.

    Parameters
    ----------
    result : FlowResult
        What a simulator returned.
    settings : dataclass, optional
        Settings of the simulator.

    Returns
    -------
    dict
        Attributes as text and numbers; ``config``, ``inputs``, ``versions`` and ``settings`` hold JSON.
    """
    problem, context = result.problem, result.problem.context
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    attrs: dict[str, Any] = {
        "Conventions": "CF-1.10",
        "title": context.title or problem.name,
        "source": f"aquirecover {__version__}, engine {result.engine}",
        "history": f"{now} simulated by aquirecover {__version__}",
        "aquirecover_format": FORMAT,
        "name": problem.name,
        "engine": result.engine,
        "elapsed": float(result.elapsed),
        "start": problem.schedule.start,
        "n_cell": problem.grid.n_cell,
        "n_active": int(problem.grid.active.sum()),
        "n_period": problem.schedule.n_period,
        "largest_budget_error": float(result.budget.error.max(initial=0.0)),
        "restriction_start": restriction_date(result),
        "restriction_log": "\n".join(context.restriction_log),
        "warnings": "\n".join(context.warnings),
        "versions": json.dumps(versions()),
        "settings": json.dumps(plain(settings)),
    }
    attrs |= {name: text for name, text in context.manifest.items() if name not in attrs}
    return attrs


def has_dates(problem: Problem) -> bool:
    """Tell whether times are shown as dates: there is a start date, and nanoseconds reach to the end (the year 2262)."""
    schedule = problem.schedule
    return bool(schedule.start) and bool(schedule.date_of(schedule.step_time[-1]) < np.datetime64("2262-01-01"))


def restriction_date(result: FlowResult) -> str:
    """Return when the restriction starts, as a date or, without dates, in days; empty when there is none."""
    start = result.problem.context.restriction_start
    if start != start:
        return ""
    schedule = result.problem.schedule
    return str(schedule.date_of(start).astype("datetime64[D]")) if has_dates(result.problem) else repr(float(start))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are installed."""
    found = {"python": platform.python_version(), "aquirecover": __version__}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def plain(value: Any) -> Any:
    """Return dataclasses, tuples and numbers as what JSON holds; anything else as its text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if abs(value) != float("inf") and value == value else repr(value)
    return str(value)
