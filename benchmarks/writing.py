"""What a run leaves on disk, the same for both programs: last heads, heads at the observation points, and the water budget.

The native files hold what the output control of `modflow_input` asks MODFLOW 6 for: the heads of the last step in double
precision, and two CSV tables with a row per step.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aquirecover.flow.problem import FlowResult


def write_result(result: FlowResult, folder: Path) -> None:
    """Write the result of a native run."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "heads.npy", result.head[-1])
    time = result.problem.schedule.step_time[:, None]
    _write_table(folder / "obs.csv", ("time", *result.problem.observations.names), np.hstack((time, result.observation_head)))
    budget = result.budget
    total_in, total_out = budget.inflow.sum(axis=1), budget.outflow.sum(axis=1)
    columns = [f"{term}({way})" for way in ("IN", "OUT") for term in budget.terms]
    values = np.column_stack((time, budget.inflow, budget.outflow, total_in, total_out, 100.0 * budget.error))
    _write_table(folder / "budget.csv", ("time", *columns, "TOTAL_IN", "TOTAL_OUT", "PERCENT_DIFFERENCE"), values)


def _write_table(path: Path, names: tuple[str, ...], values: NDArray[np.float64]) -> None:
    np.savetxt(path, values, fmt="%.12g", delimiter=",", header=",".join(names), comments="")


def read_observations(folder: Path) -> NDArray[np.float64]:
    """Return times and heads at the observation points, shape ``(n_step, 1 + n)``."""
    return np.atleast_2d(np.loadtxt(folder / "obs.csv", delimiter=",", skiprows=1))


def read_last_heads(folder: Path) -> NDArray[np.float64]:
    """Return the heads of the last step of either program, shape ``(n_layer, n_y, n_x)``; NaN outside active cells."""
    if (folder / "heads.npy").exists():
        heads: NDArray[np.float64] = np.load(folder / "heads.npy")
        return heads
    return read_modflow_heads(next(folder.glob("*.hds")))


def read_modflow_heads(path: Path) -> NDArray[np.float64]:
    """Return the last heads of a head file of MODFLOW 6 on a structured grid; inactive and dry cells become NaN."""
    header = np.dtype([("step", "<i4", 2), ("time", "<f8", 2), ("text", "S16"), ("n_x", "<i4"), ("n_y", "<i4"), ("layer", "<i4")])
    content = path.read_bytes()
    layers: dict[int, NDArray[np.float64]] = {}
    place = 0
    while place < len(content):
        record = np.frombuffer(content, header, 1, place)[0]
        n_x, n_y = int(record["n_x"]), int(record["n_y"])
        place += header.itemsize
        layers[int(record["layer"])] = np.frombuffer(content, "<f8", n_x * n_y, place).reshape(n_y, n_x)
        place += 8 * n_x * n_y
    heads = np.stack([layers[number] for number in sorted(layers)])
    return np.where(np.abs(heads) < 1e29, heads, np.nan)


def largest_differences(folder: Path, reference: Path) -> dict[str, float]:
    """Return the largest head differences of two runs: at the observation points and all steps, and in the last field; m."""
    ours, theirs = read_observations(folder), read_observations(reference)
    if ours.shape != theirs.shape or not np.allclose(ours[:, 0], theirs[:, 0], rtol=1e-9):
        raise ValueError("The runs do not have the same steps.")
    last = np.abs(read_last_heads(folder) - read_last_heads(reference))
    both = np.isfinite(last)
    if not both.any():
        raise ValueError("The last fields have no active cell in common.")
    return {"observed_m": float(np.abs(ours[:, 1:] - theirs[:, 1:]).max()), "last_m": float(last[both].max())}
