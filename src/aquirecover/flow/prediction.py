"""First guesses of the heads at the end of a step of a nonlinear model, from those of earlier steps."""

from __future__ import annotations

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.assembly import Balance, FlowSystem, Interval
from aquirecover.flow.secants import Secants

# Steps that are kept to be combined, and the memory they may take, numbers.
STEPS, MEMORY = 8, 100_000_000


class Prediction:
    """What earlier steps suggest for the next one: a parabola in time, or a combination of what they did.

    Parameters
    ----------
    system : FlowSystem
        The equations.
    """

    def __init__(self, system: FlowSystem) -> None:
        self._system = system
        size = system.unknown.size
        self._secants = Secants(size, max(1, min(STEPS, MEMORY // (2 * size))), system.threads)
        self._trail: list[tuple[float, FloatArray]] = []

    def extrapolated(self, interval: Interval) -> FloatArray | None:
        """Return the parabola, or the line, through the ends of the last steps, at the end of this one.

        A convertible cell that would fill or dry keeps its head: what lies beyond a bend is found from before it, while a front
        that was guessed too far comes back cell by cell.
        """
        if not self._ends_at(interval.old.head):
            return None
        times, heads = [t for t, _ in self._trail], [h.ravel() for _, h in self._trail]
        if interval.dt > 2.0 * (times[-1] - times[-2]):
            return None
        now, cells = times[-1] + interval.dt, self._system.cells
        shares = [float(np.prod([(now - t) / (own - t) for t in times if t != own])) for own in times]
        result = self._system.fields.empty()
        first, share = (heads[0], shares[0]) if len(heads) == 3 else (heads[-1], 0.0)
        kernels.extrapolate(
            first,
            heads[-2],
            heads[-1],
            share,
            shares[-2],
            shares[-1],
            cells.bottom,
            cells.thickness,
            cells.convertible,
            result.ravel(),
        )
        return result

    def recalled(self, balance: Balance) -> FloatArray | None:
        """Return heads moved by the combination of earlier steps that leaves the least residual, None when there is none."""
        shares = self._secants.shares(balance.residual.ravel())
        if shares.size == 0:
            return None
        result = self._system.fields.empty()
        self._secants.corrected(shares, balance.state.head.ravel(), result.ravel())
        return result

    def remember(self, start: Balance, end: Balance) -> None:
        """Keep a step that has been balanced, from its first guess `start`."""
        before, after = end.interval.old.head, end.state.head
        if end is not start:
            self._secants.add(after.ravel(), start.state.head.ravel(), end.residual.ravel(), start.residual.ravel())
        trail = self._trail if self._ends_at(before) else [(0.0, before)]
        self._trail = [*trail[-2:], (trail[-1][0] + end.interval.dt, after)]

    def _ends_at(self, head: FloatArray) -> bool:
        """Tell whether the last step ended at these heads, and no part or stage that was not kept came after it."""
        return bool(self._trail) and self._trail[-1][1] is head
