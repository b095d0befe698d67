"""Sums and means of fields over the zones of a problem."""

from __future__ import annotations

from collections.abc import Iterable

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

    def sum(self, fields: Iterable[FloatArray]) -> FloatArray:
        """Return the sum of each field ``(n_layer, n_y, n_x)``, NaN left out, shape ``(n_field, n_zone)``."""
        return np.stack([self._add(np.nan_to_num(field.ravel()[self._cell])) for field in fields])

    def mean(self, fields: Iterable[FloatArray]) -> FloatArray:
        """Return the area-weighted mean of each field over the cells that have a value, shape ``(n_field, n_zone)``, else NaN."""
        return np.stack([self._mean(field.ravel()[self._cell]) for field in fields])

    def _mean(self, values: FloatArray) -> FloatArray:
        known = np.isfinite(values)
        total, area = self._add(np.where(known, values, 0.0) * self._area), self._add(known * self._area)
        return np.asarray(np.divide(total, area, out=np.full(total.shape, np.nan), where=area > 0.0))

    def _add(self, values: FloatArray) -> FloatArray:
        return np.bincount(self._zone, weights=values, minlength=len(self.names)).astype(np.float64)
