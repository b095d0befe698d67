"""What must hold at a limit: bounds on sums of quantities and decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.study.response import Response

# Units of rows whose sides are kept to a length, whatever the side is.
METRES = ("m", "m/km")
# Share of the largest of several terms that counts as a side: with it they need agree to 1e-9, as they are computed.
TERM = 1e-3


@dataclass(frozen=True, eq=False)
class Constraints:
    """Rows ``lower ≤ Σ a y + Σ b x ≤ upper`` of quantities y and decisions x.

    Parameters
    ----------
    names : tuple of str
        Of the rows.
    unit : tuple of str
        Of their sides.
    lower, upper : ndarray
        Infinite where there is no side, shape ``(n_row,)``.
    row, quantity, coefficient : ndarray
        Terms in quantities, shape ``(n_term,)``.
    decision_row, decision, decision_coefficient : ndarray
        Terms in decisions, shape ``(n_decision_term,)``.
    """

    names: tuple[str, ...]
    unit: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    row: IntArray
    quantity: IntArray
    coefficient: FloatArray
    decision_row: IntArray
    decision: IntArray
    decision_coefficient: FloatArray

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.names)

    def activity(self, values: FloatArray, x: FloatArray) -> FloatArray:
        """Return the sums for values of quantities and decisions, shape ``(n_row,)``."""
        result = np.zeros(self.n)
        np.add.at(result, self.row, self.coefficient * values[self.quantity])
        np.add.at(result, self.decision_row, self.decision_coefficient * x[self.decision])
        return result

    def excess(self, values: FloatArray, x: FloatArray) -> FloatArray:
        """Return by how much each row is broken, negative where there is room, shape ``(n_row,)``."""
        activity = self.activity(values, x)
        return np.maximum(activity - self.upper, self.lower - activity)

    @cached_property
    def size(self) -> FloatArray:
        """What an excess over each row is measured by, shape ``(n_row,)``: 1 where its unit is a length, else 1 + its side."""
        side = np.where(np.isfinite(self.lower), self.lower, np.where(np.isfinite(self.upper), self.upper, 0.0))
        return np.where(np.isin(self.unit, METRES), 1.0, 1.0 + np.abs(side))

    def worst_row(self, values: FloatArray, x: FloatArray) -> tuple[float, int]:
        """Return the largest excess by the size of its row, and that row; −inf and −1 without rows.

        Where several terms that are no lengths meet, a share of the largest of them counts as the side does: a difference of
        large numbers, which has 0 for a side, is no more exact than they are.
        """
        if not self.n:
            return -np.inf, -1
        excess = self.excess(values, x) / np.maximum(self.size, TERM * self._largest_terms(values, x))
        place = int(excess.argmax())
        return float(excess[place]), place

    def worst(self, values: FloatArray, x: FloatArray) -> tuple[float, str]:
        """Return the largest excess by the size of its row, and the name of that row."""
        excess, row = self.worst_row(values, x)
        return excess, self.names[row] if row >= 0 else ""

    def _largest_terms(self, values: FloatArray, x: FloatArray) -> FloatArray:
        """Return the largest absolute term of each row that has several and is no length, 0 for others, shape ``(n_row,)``."""
        row = np.concatenate([self.row, self.decision_row])
        largest = np.zeros(self.n)
        terms = np.concatenate([self.coefficient * values[self.quantity], self.decision_coefficient * x[self.decision]])
        np.maximum.at(largest, row, np.abs(terms))
        several = (np.bincount(row, minlength=self.n) > 1) & ~np.isin(self.unit, METRES)
        return np.where(several, largest, 0.0)

    def matrix(self, response: Response) -> tuple[FloatArray, FloatArray]:
        """Return the rows as a response has them, ``matrix x + constant``, shapes ``(n_row, n_decision)`` and ``(n_row,)``."""
        sums = self.sums(response.outcome.values.size)
        matrix = sums @ response.slope
        np.add.at(matrix, (self.decision_row, self.decision), self.decision_coefficient)
        return matrix, sums @ (response.outcome.values - response.slope @ response.at)

    def sums(self, n_quantity: int) -> Any:
        """Return the coefficients of the quantities, a sparse matrix of shape ``(n_row, n_quantity)``."""
        from scipy import sparse

        return sparse.csr_array((self.coefficient, (self.row, self.quantity)), shape=(self.n, n_quantity))


def bounds(
    names: Sequence[str], quantity: IntArray, unit: str, lower: FloatArray | float = -np.inf, upper: FloatArray | float = np.inf
) -> Constraints:
    """Return bounds on single quantities, by their numbers."""
    n = len(names)
    least, most = (np.broadcast_to(np.asarray(side, dtype=np.float64), (n,)) for side in (lower, upper))
    none = np.zeros(0, dtype=np.int64)
    numbers = np.asarray(quantity, dtype=np.int64)
    return Constraints(tuple(names), (unit,) * n, least, most, np.arange(n), numbers, np.ones(n), none, none, np.zeros(0))


def total(
    name: str,
    unit: str,
    decisions: Mapping[int, float],
    quantities: Mapping[int, float] | None = None,
    lower: float = -np.inf,
    upper: float = np.inf,
) -> Constraints:
    """Return one row: coefficients by number of decision and of quantity."""
    quantities = quantities or {}
    zeros = np.zeros(len(quantities), dtype=np.int64), np.zeros(len(decisions), dtype=np.int64)
    return Constraints(
        (name,),
        (unit,),
        np.array([lower]),
        np.array([upper]),
        zeros[0],
        np.array(list(quantities), dtype=np.int64),
        np.array(list(quantities.values()), dtype=np.float64),
        zeros[1],
        np.array(list(decisions), dtype=np.int64),
        np.array(list(decisions.values()), dtype=np.float64),
    )


def join(parts: Sequence[Constraints]) -> Constraints:
    """Return all rows below one another."""
    starts = np.cumsum([0, *(part.n for part in parts)])[:-1]
    return Constraints(
        tuple(name for part in parts for name in part.names),
        tuple(unit for part in parts for unit in part.unit),
        _joined([part.lower for part in parts]),
        _joined([part.upper for part in parts]),
        _joined([part.row + start for part, start in zip(parts, starts, strict=True)]).astype(np.int64),
        _joined([part.quantity for part in parts]).astype(np.int64),
        _joined([part.coefficient for part in parts]),
        _joined([part.decision_row + start for part, start in zip(parts, starts, strict=True)]).astype(np.int64),
        _joined([part.decision for part in parts]).astype(np.int64),
        _joined([part.decision_coefficient for part in parts]),
    )


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0)
