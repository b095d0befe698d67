"""How well two results of one problem agree: the largest difference of every quantity, where and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import ROUNDING_FLOWS, FlowResult

# Differences that are called agreement: of heads, m, and of flows, as a share of the flow through the model.
HEADS_AGREE, FLOWS_AGREE = 1e-3, 1e-4


@dataclass(frozen=True)
class Difference:
    """The largest difference of a quantity.

    Parameters
    ----------
    quantity : str
        ``head``, ``inflow of river``, …
    unit : str
        Of both values.
    place : str
        Cell, well or term; layer, row and column count from 1.
    time : float
        d.
    first, second : float
        Its values in both results.
    share : float
        The difference as a share of the flow through the model at that time; NaN for heads.
    """

    quantity: str
    unit: str
    place: str
    time: float
    first: float
    second: float
    share: float = float("nan")

    @property
    def size(self) -> float:
        """Absolute difference."""
        return abs(self.first - self.second)

    @property
    def agrees(self) -> bool:
        """Whether it is small; a difference that is not a number is not."""
        return self.share <= FLOWS_AGREE if self.unit == "m3/d" else self.size <= HEADS_AGREE


@dataclass(frozen=True)
class Agreement:
    """Differences of two results, those of heads first.

    Parameters
    ----------
    differences : tuple of Difference
        One per quantity.
    """

    differences: tuple[Difference, ...]

    @property
    def head(self) -> Difference:
        """The largest difference of heads."""
        return max((d for d in self.differences if d.unit == "m"), key=_size_or_more)

    @property
    def flow(self) -> Difference:
        """The largest difference of flows, as a share of the flow through the model."""
        return max((d for d in self.differences if d.unit == "m3/d"), key=lambda d: np.inf if np.isnan(d.share) else d.share)

    @property
    def agrees(self) -> bool:
        """Whether all differences are small."""
        return all(difference.agrees for difference in self.differences)


def _size_or_more(difference: Difference) -> float:
    return np.inf if np.isnan(difference.size) else difference.size


def compare_results(first: FlowResult, second: FlowResult) -> Agreement:
    """Compare heads cell by cell, and budgets term by term, layer by layer and zone by zone.

    Parameters
    ----------
    first, second : FlowResult
        Of the same grid, schedule and terms.

    Raises
    ------
    ValueError
        When the results are of different problems.
    """
    if first.head.shape != second.head.shape or first.budget.terms != second.budget.terms:
        raise ValueError("the results are of different problems: their grids, saved times or terms differ.")
    return Agreement((*_heads(first, second), *_flows(first, second)))


def _heads(first: FlowResult, second: FlowResult) -> list[Difference]:
    """Return the differences of heads by layer, and at the observation points."""
    grid = first.problem.grid
    found = []
    for layer in range(grid.shape[0]):
        active = np.flatnonzero(grid.active[layer])
        if not active.size:
            continue
        a, b = (result.head[:, layer].reshape(first.saved_step.size, -1)[:, active] for result in (first, second))
        saved, n = _largest(a, b)
        place = grid.describe(int(layer * grid.area.size + active[n]))
        found.append(Difference("head", "m", place, float(first.time[saved]), float(a[saved, n]), float(b[saved, n])))
    if first.observation_head.size:
        a, b = first.observation_head, second.observation_head
        step, n = _largest(a, b)
        time, name = float(first.problem.schedule.step_time[step]), first.problem.observations.names[n]
        found.append(Difference("head at observation points", "m", name, time, float(a[step, n]), float(b[step, n])))
    return found


def _flows(first: FlowResult, second: FlowResult) -> list[Difference]:
    """Return the differences of every term of the budgets, of exchanges and of delivered pumping."""
    problem, a, b = first.problem, first.budget, second.budget
    through = np.maximum(a.inflow.sum(axis=1), a.outflow.sum(axis=1))
    for budget in (a, b):
        if budget.rounding is not None:
            # flows that rounding hides are no difference
            through = np.maximum(through, ROUNDING_FLOWS * budget.rounding)
    layers = [f"layer {name}" for name in problem.grid.layer_names]
    zones = [f"zone {name}" for name in a.zone_names]
    found = []
    for term, name in enumerate(a.terms):
        for direction in ("inflow", "outflow"):
            pairs = [(getattr(a, direction)[:, None, term], getattr(b, direction)[:, None, term], ["model"])]
            parts = (("layer", layers), ("zone", zones))
            pairs += [
                (getattr(a, f"{p}_{direction}")[:, :, term], getattr(b, f"{p}_{direction}")[:, :, term], n) for p, n in parts
            ]
            found.append(_worst(first, f"{direction} of {name}", pairs, through))
    exchanges = [
        (x.reshape(len(x), -1), y.reshape(len(y), -1), [f"{i} to {j}" for i in names for j in names])
        for x, y, names in ((a.layer_exchange, b.layer_exchange, layers), (a.zone_exchange, b.zone_exchange, zones))
    ]
    found.append(_worst(first, "exchange", exchanges, through))
    wells = [name for group in problem.wells for name in group.names]
    if wells:
        pumped = (first.pumping_rate_actual, second.pumping_rate_actual, wells)
        found.append(_worst(first, "delivered pumping", [pumped], through))
    return found


def _worst(
    result: FlowResult, quantity: str, pairs: list[tuple[FloatArray, FloatArray, list[str]]], through: FloatArray
) -> Difference:
    """Return the largest difference, as a share of the flow through the model, of pairs of flows by step and place."""
    found = []
    for a, b, names in pairs:
        if not a.size:
            continue
        scale = np.maximum(through, np.finfo(np.float64).tiny)[:, None]
        step, n = _largest(a / scale, b / scale)
        share = float(abs(a[step, n] - b[step, n]) / scale[step, 0])
        time = float(result.problem.schedule.step_time[step])
        found.append(Difference(quantity, "m3/d", names[n], time, float(a[step, n]), float(b[step, n]), share))
    return max(found, key=lambda d: np.inf if np.isnan(d.share) else d.share)


def _largest(a: FloatArray, b: FloatArray) -> tuple[int, int]:
    """Return the row and column of the largest difference; one that is not a number comes first."""
    gap = np.abs(a - b)
    row, column = np.unravel_index(int(np.where(np.isnan(gap), np.inf, gap).argmax()), gap.shape)
    return int(row), int(column)
