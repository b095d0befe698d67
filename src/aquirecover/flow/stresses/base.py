"""What all stresses share: the geometry they see, the form of their flows, and their base class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray, cells_of


@dataclass(frozen=True, eq=False)
class Cells:
    """Geometry of all cells by flat number, shape ``(n_cell,)``: what a stress may need to know of its cells.

    All layers have the areas of the first, `plan_area`.
    """

    bottom: FloatArray
    thickness: FloatArray
    plan_area: FloatArray
    convertible: BoolArray

    def area(self, cell: IntArray) -> FloatArray:
        """Return the plan area of cells, m²."""
        return self.plan_area[cell % self.plan_area.size]


def in_period(series: FloatArray, period: int) -> FloatArray:
    """Return the values of a series in one period, shape ``(n,)``, whether it varies in time or not."""
    return series[period] if series.ndim == 2 else series


@dataclass(frozen=True, eq=False)
class Ramp:
    """An inflow that falls with the head between two heads, and is constant beyond them.

    Of each cell ``source + slope (datum − min(max(h, low), high))``; arrays of shape ``(n,)``, what is None is left out. The
    compiled loops of `ramps` evaluate those of all stresses at once.

    Parameters
    ----------
    source : ndarray, optional
        m³/d.
    slope, datum : ndarray, optional
        m²/d and m.
    low, high : ndarray, optional
        m.
    """

    source: FloatArray | None = None
    slope: FloatArray | None = None
    datum: FloatArray | None = None
    low: FloatArray | None = None
    high: FloatArray | None = None

    def flow(self, head: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return inflow, m³/d, and its derivative with respect to head, m²/d; `head` has shape ``(n,)``."""
        nothing = np.zeros_like(head)
        source = nothing if self.source is None else self.source
        if self.slope is None or self.datum is None:
            return source, nothing
        inside, derivative = head, -self.slope
        if self.low is not None:
            inside, derivative = np.maximum(inside, self.low), np.where(head > self.low, derivative, 0.0)
        if self.high is not None:
            inside, derivative = np.minimum(inside, self.high), np.where(head < self.high, derivative, 0.0)
        return source + self.slope * (self.datum - inside), derivative


class Stress(ABC):
    """Base of the stresses that add water to cells or take it.

    Attributes
    ----------
    kind : str
        The class of term in the budget: ``wells``, ``river``, ….
    name : str
        Unique in a problem; the term of the budget.
    cell : ndarray of int
        Flat cell numbers, shape ``(n,)``.
    """

    kind: ClassVar[str]
    name: str
    cell: IntArray

    def __init__(self, name: str, cell: ArrayLike) -> None:
        self.name = name
        self.cell = cells_of(cell, f"{name}.cell")

    @property
    def n(self) -> int:
        """Number of cells (or, for wells, of screened cells)."""
        return int(self.cell.size)

    @abstractmethod
    def flow(self, head: FloatArray, period: int, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Return inflow, m³/d, and its derivative with respect to head, m²/d; `head` has shape ``(n,)``."""

    def ramp(self, period: int, cells: Cells) -> Ramp | None:
        """Return the flow as a `Ramp`, or None where it is not of that form: such a problem is marched on its own."""
        return None

    @abstractmethod
    def values(self) -> Mapping[str, FloatArray]:
        """Return the arrays of the stress by their names, for checks and for other engines."""

    def inputs(self) -> Mapping[str, FloatArray]:
        """Return the arrays by which the flow may be differentiated, by their names: its `values`, and what else it has."""
        return self.values()

    def derivatives(self, head: FloatArray, period: int, cells: Cells) -> Mapping[str, FloatArray]:
        """Return the derivatives of the inflow with respect to its `inputs`, by their names, each of shape ``(n,)``.

        They are those of the branch that `flow` takes. Without them a stress has its part in every sensitivity all the same; only
        those with respect to its own arrays are refused.
        """
        return {}

    def columns(self, name: str) -> IntArray:
        """Return the column of one of the `inputs` that each connection reads, shape ``(n,)``."""
        return np.arange(self.n)

    def holds_head(self) -> bool:
        """Tell whether the stress ties the head to a level, so that a steady problem has one solution."""
        return False
