"""About how much water flows through a problem, for the closure of linear iterations."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.assembly import FlowSystem, Interval
from aquirecover.flow.problem import Problem


def closure_scales(problem: Problem) -> tuple[float, float]:
    """Return about the flow through the model in its quietest period, and what rounding leaves in a cell; m³/d.

    The flow is that of the first, the middle or the last period with the initial heads and without storage; 1 where nothing
    flows. No residual of a cell can be asked to be smaller than the rounding of the flows through its faces.
    """
    system = FlowSystem(problem)
    start = system.initial_state()
    last = problem.schedule.n_period - 1
    flows, largest = [], 0.0
    for period in sorted({0, last // 2, last}):
        state = system.state(system.with_fixed_heads(start.head, period))
        flows.append(system.residual(state, Interval(period, np.inf, state))[1])
        largest = max(largest, float(np.abs(state.head).max()))
    flowing = [flow for flow in flows if flow > 0.0]
    conductance = max(float(c.max()) for c in (system.faces.cx, system.faces.cy, system.faces.cz))
    return min(flowing) if flowing else 1.0, 16.0 * float(np.finfo(np.float64).eps) * conductance * largest
