"""A safe limit as a dataset: rates, constraints, heads at the limit beside those at other rates, and what maps draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.curves import yearly_running_mean
from aquirecover.output.dataset import described, to_dataset
from aquirecover.output.limit_tables import PART_COLUMNS, TERM_VI, LimitTables
from aquirecover.output.views import aquifer_layers, area_mean

if TYPE_CHECKING:
    import xarray as xr

    from aquirecover.flow.problem import FlowResult
    from aquirecover.study.limits import LimitProblem, LimitResult

LIMITS_NAME = "limits.nc"
LIMITS_FORMAT = "aquirecover-limits-1"
# Runs that are compared, by what figures call them.
RUNS = ("present pumping", "at the limit", "without this pumping")
# What of a run's dataset belongs to the model rather than to the run.
MODEL = (
    "top", "bottom", "idomain", "x_bounds", "y_bounds", "ground", "head_limit", "zone_index", "area", "area_mask", "crs",
    "map_line_class", "map_vertex_line", "map_x", "map_y", "zone", "observation_x", "observation_y", "observation_layer",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class LimitStory:
    """All that is told of a limit.

    Parameters
    ----------
    title : str
        Of the limit file.
    question, result
        Asked and found.
    tables : LimitTables
        Of it.
    info : sequence
        Of the constraints, see `limit_tables`.
    runs : mapping of str to FlowResult
        From the first day of the limit on, under the names of `RUNS`.
    history : FlowResult
        Of the scenario as it stands, from its beginning.
    before_pumping : ndarray
        Heads, shape ``(n_layer, n_y, n_x)``; m.
    curve, curve_label
        Points of the trade-off curve, and what its sides are.
    districts : mapping of str to sequence of ndarray
        Outlines and holes of districts, each of shape ``(n, 2)``; m.
    laws : sequence of str
        Articles that limits were taken from.
    """

    title: str
    question: LimitProblem
    result: LimitResult
    tables: LimitTables
    info: Sequence[Any]
    runs: Mapping[str, FlowResult]
    history: FlowResult
    before_pumping: FloatArray
    curve: Sequence[Mapping[str, Any]] = ()
    curve_label: str = ""
    districts: Mapping[str, Sequence[FloatArray]] = field(default_factory=dict)
    laws: Sequence[str] = ()


def limits_dataset(story: LimitStory) -> xr.Dataset:
    """Return all that is told of a limit, with units and CF attributes."""
    whole = to_dataset(story.runs["at the limit"], reference=("before_pumping", story.before_pumping))
    keep = [name for name in MODEL if name in whole.variables]
    found = whole[[*keep, "reference_head"]]
    extra = [str(name) for name in found.coords if set(found[name].dims) & {"time", "step_time", "term"}]
    found = found.drop_vars(extra)
    found = found.assign({**_parts(story), **_decisions(story), **_constraints(story), **_heads(story, whole), **_drawn(story)})
    certificate = story.result.certificate
    found.attrs |= {
        "title": story.title,
        "aquirecover_format": LIMITS_FORMAT,
        "term_vi": TERM_VI,
        "laws": "\n".join(story.laws),
        "objective": story.result.objective,
        "objective_unit": story.tables.total["objective_unit"],
        "limit": story.tables.total["limit_m3_d"],
        "present": story.tables.total["present_m3_d"],
        "largest_excess": certificate.excess,
        "excess_when_raised": certificate.raised_excess,
        "curve_label": story.curve_label,
        "restriction_start": whole.attrs["start"],
    }
    return found


def _rate(long_name: str, long_name_vi: str, **more: Any) -> dict[str, Any]:
    return {"long_name": long_name, "long_name_vi": long_name_vi, "units": "m3 d-1", **more}


def _text(values: Sequence[Any]) -> np.ndarray:
    return np.array([str(value) for value in values], dtype=object) if len(values) else np.zeros(0, dtype="U1")


def _numbers(values: Sequence[Any]) -> FloatArray:
    return np.array([np.nan if value in ("", None) else float(value) for value in values], dtype=np.float64)


def _rates(dim: str, rows: Sequence[Mapping[str, Any]], prefix: str = "") -> dict[str, Any]:
    """Return limit, present pumping and headroom of rows, and what holds each."""
    columns = {
        "safe_pumping_rate": ("limit_m3_d", _rate("Safe extraction limit", "Ngưỡng khai thác")),
        "present_pumping_rate": ("present_m3_d", _rate("Present pumping", "Lưu lượng khai thác hiện tại")),
        "headroom": ("headroom_m3_d", _rate("Limit less present pumping", "Phần còn được khai thác")),
    }
    found = {f"{prefix}{name}": (dim, _numbers([row[key] for row in rows]), attrs) for name, (key, attrs) in columns.items()}
    for key in ("held_by", "rule", "place", "date"):
        found[f"{dim}_{key}"] = (dim, _text([row[key] for row in rows]), {"long_name": f"{key.replace('_', ' ')} of the limit"})
    price = {"long_name": "Gain of the objective per unit by which what holds the limit is widened"}
    found[f"{dim}_shadow_price"] = (dim, _numbers([row["shadow_price"] for row in rows]), price)
    found[f"{dim}_price_unit"] = (dim, _text([row["unit_of_price"] for row in rows]), {"long_name": "Unit of the shadow price"})
    return found


def _parts(story: LimitStory) -> dict[str, Any]:
    """Return the limits by district and aquifer, sums among them."""
    rows = story.tables.parts
    labels = {f"part_{key}": ("part", _text([row[key] for row in rows]), {"long_name": key}) for key in PART_COLUMNS[:2]}
    return {**labels, **_rates("part", rows, "part_")}


def _decisions(story: LimitStory) -> dict[str, Any]:
    rows = story.tables.limits
    names = ("decision", _text([row["decision"] for row in rows]), {"long_name": "What was decided"})
    largest = ("decision", _numbers([row["largest_m3_d"] for row in rows]), _rate("Largest rate", "Lưu lượng lớn nhất"))
    found = {"decision": names, "largest_pumping_rate": largest, **_rates("decision", rows)}
    if story.tables.supplies:
        supplies = story.tables.supplies
        found["supply"] = ("supply", _text([row["supply"] for row in supplies]), {"long_name": "Supply from elsewhere"})
        rate = _rate("Rate of the supply", "Lưu lượng cấp từ nguồn khác")
        found["supply_rate"] = ("supply", _numbers([row["rate_m3_d"] for row in supplies]), rate)
    if story.curve:
        sides = [point["side"] for point in story.curve]
        days = any(isinstance(side, str) for side in sides)
        side = {"long_name": story.curve_label} | ({} if days else {"units": "1"})
        found["curve_side"] = ("curve", np.array(sides, dtype="datetime64[ns]") if days else _numbers(sides), side)
        limit = _rate(
            "Safe extraction limit for this side", "Ngưỡng khai thác", comment="NaN where no pumping satisfies all rules"
        )
        found["curve_limit"] = ("curve", _numbers([point["limit_m3_d"] for point in story.curve]), limit)
    return found


def _constraints(story: LimitStory) -> dict[str, Any]:
    """Return every constraint of the file: what it is, its sides, its value at the limit, its room and its price."""
    constraints, n = story.question.constraints, len(story.info)
    value = constraints.activity(story.result.outcome.values, story.result.x)[:n]
    lower, upper = (np.where(np.isfinite(side[:n]), side[:n], np.nan) for side in (constraints.lower, constraints.upper))
    dim = "constraint"
    own = {"comment": "in the unit of the constraint"}
    found: dict[str, Any] = {
        f"{dim}_{key}": (dim, _text([getattr(entry, key) for entry in story.info]), {"long_name": f"{key} of the constraint"})
        for key in ("rule", "place", "aquifer", "date")
    }
    found |= {
        f"{dim}_{key}": (dim, np.array([getattr(entry, key) for entry in story.info]), {"long_name": name, "units": "m"})
        for key, name in (("x", "Easting of its cell"), ("y", "Northing of its cell"))
    }
    found[f"{dim}_unit"] = (dim, _text(constraints.unit[:n]), {"long_name": "Unit of the constraint"})
    found[f"{dim}_lower"] = (dim, lower, {"long_name": "Lower side", **own})
    found[f"{dim}_upper"] = (dim, upper, {"long_name": "Upper side", **own})
    found[f"{dim}_value"] = (dim, value, {"long_name": "Value at the limit, in the full model", **own})
    room = np.fmin(value - lower, upper - value)
    found[f"{dim}_room"] = (dim, room, {"long_name": "Room to the nearer side", **own})
    price = {"long_name": "Gain of the objective per unit by which the side is widened", **own}
    found[f"{dim}_shadow_price"] = (dim, story.result.row_price[:n], price)
    return found


def _heads(story: LimitStory, whole: xr.Dataset) -> dict[str, Any]:
    """Return mean heads of aquifers over time and heads at the end, for each run, and the history before."""
    aquifers, names = list(aquifer_layers(whole)), list(story.runs)
    means = np.array([[area_mean(whole, run.head, aquifer) for aquifer in aquifers] for run in story.runs.values()])
    schedule, history = story.question.problem.schedule, story.history
    begin = float(history.problem.schedule.step_time[-1] - schedule.step_time[-1])
    past = history.time <= begin + 1e-6
    before = np.array([area_mean(whole, history.head[past], aquifer) for aquifer in aquifers])
    days = np.concatenate([history.time[past], begin + story.runs[names[0]].time])
    yearly = np.array([[_yearly(days, np.append(old, new)) for old, new in zip(before, run, strict=True)] for run in means])
    n_past = int(past.sum())
    at, dims = {"cell_methods": "area: mean time: point"}, ("run", "aquifer", "time")
    found: dict[str, Any] = {
        "run": ("run", _text(names), {"long_name": "Pumping from the first day of the limit on"}),
        "aquifer": ("aquifer", _text(aquifers), {"long_name": "Aquifer"}),
        "mean_head": (dims, means, described("head", **at)),
        "yearly_mean_head": (
            dims,
            yearly[:, :, n_past:],
            described("head", cell_methods="area: mean time: mean", comment="of the year around"),
        ),
        "end_head": (
            ("run", "layer", "y", "x"),
            np.array([run.head[-1] for run in story.runs.values()]),
            described("head", comment="at the end", cell_methods="time: point"),
        ),
        "time": ("time", _when(story.runs[names[0]]), {"long_name": "Time", "standard_name": "time", "axis": "T"}),
        "history_time": (
            "history_time",
            _when(story.history)[past],
            {"long_name": "Time before the limit", "standard_name": "time"},
        ),
        "history_mean_head": (("aquifer", "history_time"), before, described("head", **at)),
        "history_yearly_mean_head": (
            ("aquifer", "history_time"),
            yearly[0, :, :n_past],
            described("head", cell_methods="area: mean time: mean", comment="of the year around"),
        ),
        "reference_mean_head": (
            "aquifer",
            np.array([area_mean(whole, story.before_pumping, aquifer) for aquifer in aquifers]),
            described("reference_head", comment="before pumping", cell_methods="area: mean"),
        ),
    }
    if "head_limit" in whole:
        lawful = np.array([area_mean(whole, whole["head_limit"].values, aquifer) for aquifer in aquifers])
        found["mean_head_limit"] = ("aquifer", lawful, described("head_limit", cell_methods="area: mean"))
    points = story.question.problem.observations.names
    if points:
        found["observation"] = ("observation", _text(points), {"long_name": "Observation point"})
    return found


def _yearly(days: FloatArray, curve: FloatArray) -> FloatArray:
    return yearly_running_mean(days, curve) if days.size > 1 else curve


def _when(result: FlowResult) -> np.ndarray:
    schedule = result.problem.schedule
    return schedule.date_of(result.time).astype("datetime64[ns]") if schedule.start else result.time


def _drawn(story: LimitStory) -> dict[str, Any]:
    """Return the outlines of districts and the places of decided wells, which maps draw."""
    rings = [(name, ring) for name, own in story.districts.items() for ring in own]
    found: dict[str, Any] = {}
    if rings:
        vertices = np.concatenate([ring for _, ring in rings])
        number = np.repeat(np.arange(len(rings)), [len(ring) for _, ring in rings])
        found["ring_district"] = ("ring", _text([name for name, _ in rings]), {"long_name": "District of the outline or hole"})
        found["ring_vertex"] = ("vertex", number, {"long_name": "Ring of the vertex, from 0", "units": "1"})
        for axis, values in (("x", vertices[:, 0]), ("y", vertices[:, 1])):
            found[f"vertex_{axis}"] = ("vertex", values, {"long_name": f"{axis} of the vertex", "units": "m"})
    problem = story.question.problem
    cell = [group.cell[np.unique(group.well, return_index=True)[1]] for group in problem.wells]
    names = [name for group in problem.wells for name in group.names]
    if names:
        decided = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(d.well for d in story.question.decisions)]))
        layer, row, column = (index[decided] for index in problem.grid.indices(np.concatenate(cell)))
        found["well"] = ("well", _text([names[n] for n in decided]), {"long_name": "Well whose rate is decided"})
        found["well_x"] = ("well", problem.grid.x[column], {"long_name": "Easting of the cell", "units": "m"})
        found["well_y"] = ("well", problem.grid.y[row], {"long_name": "Northing of the cell", "units": "m"})
        found["well_layer"] = ("well", layer + 1, {"long_name": "Layer, counted downwards", "units": "1"})
    return found


def curve_rows(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """Return the mean heads of the figure of curves, a row per aquifer and date, those of the history first."""
    rows: list[dict[str, Any]] = []
    runs = [str(name) for name in dataset["run"].values]
    keys = [name.replace(" ", "_") for name in runs]
    past, later = (np.datetime_as_string(dataset[name].values, unit="D") if _dated(dataset) else dataset[name].values
                   for name in ("history_time", "time"))  # fmt: skip
    for a, aquifer in enumerate(dataset["aquifer"].values):
        blank = dict.fromkeys([*(f"{key}_m" for key in keys), *(f"{key}_yearly_mean_m" for key in keys)])
        history = dataset["history_mean_head"].values[a], dataset["history_yearly_mean_head"].values[a]
        for time, head, yearly in zip(past, *history, strict=True):
            own = {"history_m": head, "history_yearly_mean_m": yearly}
            rows.append({"aquifer": str(aquifer), "date": str(time), **own, **blank})
        for n, time in enumerate(later):
            row = {"aquifer": str(aquifer), "date": str(time), "history_m": None, "history_yearly_mean_m": None, **blank}
            for r, key in enumerate(keys):
                row[f"{key}_m"] = dataset["mean_head"].values[r, a, n]
                row[f"{key}_yearly_mean_m"] = dataset["yearly_mean_head"].values[r, a, n]
            rows.append(row)
    return rows


def _dated(dataset: xr.Dataset) -> bool:
    return bool(np.issubdtype(dataset["time"].dtype, np.datetime64))
