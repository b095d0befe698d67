"""A model as its files have it, in its own units: what both readers fill, and what becomes a problem."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.modflow.imports.report import ImportReport

StressKind = Literal["wells", "river", "drain", "general_head", "recharge", "evapotranspiration", "fixed_head"]


@dataclass(frozen=True, eq=False)
class Entries:
    """The entries of a package in one stress period.

    Parameters
    ----------
    cell : ndarray of int
        Flat cell numbers, shape ``(n,)``; a cell may stand several times.
    values : mapping of str to ndarray
        Shape ``(n,)``, or ``(n_step, n)`` where they vary within the period.
    names : tuple of str
        Of the entries, empty texts where there are none.
    """

    cell: IntArray
    values: Mapping[str, FloatArray]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ListPackage:
    """A package whose entries may change from period to period.

    Parameters
    ----------
    kind : str
        What it is.
    name : str
        Of the package, unique.
    label : str
        For the report: ``WEL wells_1``.
    entries : sequence of Entries
        Of each period; one object where a list holds on.
    flow_reduction : float
        Of wells; see `Wells`.
    """

    kind: StressKind
    name: str
    label: str
    entries: Sequence[Entries]
    flow_reduction: float = 0.0


@dataclass(frozen=True, eq=False)
class Barriers:
    """Flow barriers, each between a cell and its neighbour, shape ``(n,)``."""

    name: str
    cell: IntArray
    neighbour: IntArray
    characteristic: FloatArray


@dataclass(frozen=True, eq=False)
class Periods:
    """Stress periods in the time unit of the model, each of shape ``(n_period,)``."""

    length: FloatArray
    n_steps: IntArray
    multiplier: FloatArray
    steady: BoolArray

    @property
    def n(self) -> int:
        """Number of periods."""
        return int(self.length.size)

    def steps(self, period: int) -> FloatArray:
        """Return the lengths of the steps of a period."""
        weight = self.multiplier[period] ** np.arange(self.n_steps[period])
        return np.asarray(self.length[period] * weight / weight.sum())

    def step_edges(self, period: int) -> FloatArray:
        """Return the edges of the steps of a period, shape ``(n_step + 1,)``, from time zero of the model."""
        begin = float(self.length[:period].sum())
        edges = begin + np.concatenate(([0.0], np.cumsum(self.steps(period))))
        edges[-1] = begin + self.length[period]
        return edges


@dataclass(eq=False)
class Draft:
    """A model in its own units.

    Parameters
    ----------
    name, title : str
        Of the model.
    dx, dy : ndarray
        Widths of columns and rows.
    top : ndarray
        Shape ``(n_y, n_x)``.
    bottom, domain, initial_head : ndarray
        Shape ``(n_layer, n_y, n_x)``; `domain` is 1, 0 or -1 as IDOMAIN.
    k, k22, k33, specific_storage, specific_yield, convertible : ndarray
        Same shape.
    leakance : ndarray or None
        Shape ``(n_layer - 1, n_y, n_x)``.
    upstream : bool
        Newton formulation, with upstream weighting.
    periods : Periods
        See its class.
    layer_names, aquifers : tuple of str
        Aquifers are empty texts for confining beds.
    start : str
        Date of time zero, empty where unknown.
    corner : (float, float)
        North-west corner.
    crs : str
        Coordinate system, empty where unknown.
    packages, barriers
        What acts on the model.
    observations : dict of str to int
        Cells by the name of the point.
    measured : dict
        Times and heads by the name of the point.
    report : ImportReport
        Grows on the way.
    """

    name: str
    title: str
    dx: FloatArray
    dy: FloatArray
    top: FloatArray
    bottom: FloatArray
    domain: IntArray
    initial_head: FloatArray
    k: FloatArray
    k22: FloatArray
    k33: FloatArray
    specific_storage: FloatArray
    specific_yield: FloatArray
    convertible: BoolArray
    leakance: FloatArray | None
    upstream: bool
    periods: Periods
    layer_names: tuple[str, ...]
    aquifers: tuple[str, ...]
    report: ImportReport
    start: str = ""
    corner: tuple[float, float] | None = None
    crs: str = ""
    packages: list[ListPackage] = field(default_factory=list)
    barriers: list[Barriers] = field(default_factory=list)
    observations: dict[str, int] = field(default_factory=dict)
    measured: dict[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(n_layer, n_y, n_x)``."""
        n_layer, n_y, n_x = self.bottom.shape
        return n_layer, n_y, n_x

    def place(self, cell: int) -> str:
        """Return ``layer 1, row 2, column 3`` of a cell, counted from 1."""
        layer, row, column = np.unravel_index(cell, self.shape)
        return f"layer {layer + 1}, row {row + 1}, column {column + 1}"


def plain_name(text: str, otherwise: str) -> str:
    """Return a name as model files take it: letters, digits, ``_``, ``-`` and blanks, the first a letter or digit."""
    found = re.sub(r"[^\w -]", "_", text).lstrip("_- ").rstrip()
    return found or otherwise


def unique_names(wanted: Sequence[str], taken: set[str]) -> list[str]:
    """Return names of which none is in `taken` or comes twice, with a number added where needed; `taken` grows by them."""
    found = []
    for name in wanted:
        choice, number = name, 2
        while choice.lower() in taken:
            choice, number = f"{name}_{number}", number + 1
        taken.add(choice.lower())
        found.append(choice)
    return found
