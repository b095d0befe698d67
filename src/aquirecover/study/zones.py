"""Sums and means of fields over the zones of a problem."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import Problem


class ZoneSums:
    """Sums and area-weighted means of fields over the active cells of each zone.

    Parameters
    ----------
    problem : Problem
        Without zones there are none.
    """

    def __init__(self, problem: Problem) -> None:
        zones, active = problem.zones, problem.grid.active
        self.names: tuple[str, ...] = () if zones is None else zones.names
        index = np.full(active.shape, -1) if zones is None else np.where(active, zones.index, -1)
        self._cell = np.flatnonzero(index >= 0)
        self._zone = index.ravel()[self._cell]
        self._area = np.broadcast_to(problem.grid.area, active.shape).ravel()[self._cell]

    def sum(self, fields: FloatArray) -> FloatArray:
        """Return sums of fields ``(n, n_layer, n_y, n_x)``, NaN left out, shape ``(n, n_zone)``."""
        return self._add(np.nan_to_num(fields.reshape(fields.shape[0], -1)[:, self._cell]))

    def mean(self, fields: FloatArray) -> FloatArray:
        """Return area-weighted means over the cells that have a value, shape ``(n, n_zone)``; NaN where none has."""
        values = fields.reshape(fields.shape[0], -1)[:, self._cell]
        known = np.isfinite(values)
        total, area = self._add(np.where(known, values, 0.0) * self._area), self._add(known * self._area)
        return np.asarray(np.divide(total, area, out=np.full(total.shape, np.nan), where=area > 0.0))

    def _add(self, values: FloatArray) -> FloatArray:
        n = len(self.names)
        return np.stack([np.bincount(self._zone, weights=row, minlength=n) for row in values]).astype(np.float64)
