"""How much water flows through a problem, and how much of it rounding may hide: what closure and budgets are measured by."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.conductance import conductances
from aquirecover.flow.problem import Problem
from aquirecover.flow.stresses import in_period

EPSILON = float(np.finfo(np.float64).eps)


class Scales:
    """Conductances and storage of a problem, added up by cell.

    Parameters
    ----------
    problem : Problem
        Of which they are.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        faces = conductances(problem)
        self._faces = faces
        self._conductance = faces.cx + faces.cy + faces.cz
        self._conductance[:, :, 1:] += faces.cx[:, :, :-1]
        self._conductance[:, 1:] += faces.cy[:, :-1]
        self._conductance[1:] += faces.cz[:-1]
        grid, properties = problem.grid, problem.properties
        drained = np.where(properties.convertible, properties.specific_yield, 0.0)
        volume = np.where(grid.active, grid.thickness * grid.area, 0.0)
        self._storage = np.where(grid.active, properties.specific_storage * volume + drained * grid.area, 0.0)

    def rounding(self, head: FloatArray, dt: float) -> float:
        """Return the imbalance that rounding of heads, shape of the grid, may leave in a step, infinitely long when steady; m³/d.

        Heads count as 1 mm or more, so that a model that comes to rest at zero is not followed down to the smallest number.
        """
        scale = (self._conductance + self._storage / dt) * np.maximum(np.abs(head), 1e-3)
        return 8.0 * EPSILON * float(scale.sum())

    def closure(self) -> tuple[float, float]:
        """Return about the flow through the model in its quietest period, and what rounding leaves in a cell; m³/d.

        The flow is that of the first, the middle or the last period with the initial heads and without storage; 1 where nothing
        flows. No residual of a cell can be asked to be smaller than the rounding of the flows through its faces.
        """
        last = self.problem.schedule.n_period - 1
        heads = [self._heads(period) for period in sorted({0, last // 2, last})]
        flows = [self._throughput(head, period) for head, period in zip(heads, sorted({0, last // 2, last}), strict=True)]
        flowing = [flow for flow in flows if flow > 0.0]
        largest = max(float(np.abs(head).max()) for head in heads)
        floor = 4.0 * EPSILON * float(self._conductance.max()) * largest
        return min(flowing) if flowing else 1.0, floor

    def _heads(self, period: int) -> FloatArray:
        """Return the initial heads with the fixed heads of a period."""
        head = np.where(self.problem.grid.active, self.problem.initial_head, 0.0)
        for boundary in self.problem.fixed_heads:
            head.reshape(-1)[boundary.cell] = in_period(boundary.head, period)
        return head

    def _throughput(self, head: FloatArray, period: int) -> float:
        """Return half the sum of absolute flows of stresses and of cells with fixed heads, m³/d."""
        faces, net = self._faces, np.zeros(head.shape)
        for axis, c in ((2, faces.cx), (1, faces.cy), (0, faces.cz)):
            flow = np.moveaxis(c, axis, 0)[:-1] * np.diff(np.moveaxis(head, axis, 0), axis=0)
            np.moveaxis(net, axis, 0)[:-1] += flow
            np.moveaxis(net, axis, 0)[1:] -= flow
        total = sum(float(np.abs(net.ravel()[boundary.cell]).sum()) for boundary in self.problem.fixed_heads)
        cells = self.problem.cells()
        for stress in self.problem.stresses:
            total += float(np.abs(stress.flow(head.ravel()[stress.cell], period, cells)[0]).sum())
        return 0.5 * total
