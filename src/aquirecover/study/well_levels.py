"""Levels in pumped wells, which lie below the heads of their cells, also where the aquifer there has a water table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.functionals import WeightedSums
from aquirecover.flow.problem import Problem
from aquirecover.study.quantities import Heads, Quantities

# Half the difference over which levels are differentiated; m and m³/d.
DELTA = 1e-4


@dataclass(frozen=True, eq=False)
class Screens:
    """Places where levels are looked at: pumped wells, where they lie below the heads of their cells, or points of the aquifer.

    Parameters
    ----------
    places : tuple of str
        For people, ``n``.
    cell, layer : ndarray of int
        Flat number of the cell and layer from 0, shape ``(n,)``.
    well : ndarray of int
        Wells in the order of `Problem.wells`, all in a row, shape ``(n,)``.
    loss : ndarray
        Level less head per m³/d pumped where the cell is full, 0 or less, shape ``(n,)``; d/m².
    water_table : ndarray of bool
        Cells that may have a water table, shape ``(n,)``.
    bottom, thickness : ndarray
        Of the cells, shape ``(n,)``; m.
    """

    places: tuple[str, ...]
    cell: IntArray
    layer: IntArray
    well: IntArray
    loss: FloatArray
    water_table: BoolArray
    bottom: FloatArray
    thickness: FloatArray

    def some(self, chosen: BoolArray | IntArray) -> Screens:
        """Return some of the places, in an order."""
        number = np.arange(len(self.places))[chosen]
        return Screens(
            tuple(self.places[n] for n in number.tolist()),
            self.cell[number],
            self.layer[number],
            self.well[number],
            self.loss[number],
            self.water_table[number],
            self.bottom[number],
            self.thickness[number],
        )


def level_in_well(
    head: FloatArray, rate: FloatArray, loss: FloatArray, bottom: FloatArray, thickness: FloatArray, least: FloatArray
) -> FloatArray:
    """Return the level in wells of cells that may have a water table; m, arrays of one shape.

    Between the radius at which the head of the cell stands and that of the well the potential of Girinskii, ``y²/2`` with y the
    height of the level above the bottom, and ``B y − B²/2`` where y is above the thickness B, falls by ``Q ln(r_cell / r_well) /
    (2 π k)``: by Dupuit with a water table, by Thiem without (Strack 1989, Groundwater Mechanics, section 8).

    Parameters
    ----------
    head, rate : ndarray
        Of the cell, m; pumped less injected, m³/d.
    loss : ndarray
        Level less head per m³/d where the cell is full; d/m².
    bottom, thickness : ndarray
        Of the cell; m.
    least : ndarray
        Height above the bottom below which the level follows the tangent, above 0, as there is no level in a dry well; m.
    """
    height = head - bottom
    full = height >= thickness
    potential = np.where(full, thickness * (height - 0.5 * thickness), 0.5 * np.maximum(height, 0.0) ** 2)
    # a cell that is dry has less than nothing to give
    potential = potential + np.where(height < 0.0, least * height, 0.0) + loss * thickness * rate
    below = least + (potential - 0.5 * least**2) / least
    root = np.sqrt(2.0 * np.maximum(potential, 0.5 * least**2))
    level = np.where(potential >= 0.5 * thickness**2, potential / thickness + 0.5 * thickness, root)
    found: FloatArray = bottom + np.where(potential < 0.5 * least**2, below, level)
    return found


@final
@dataclass(frozen=True, eq=False)
class WaterTableLevels(Quantities):
    """Sums of levels in wells of which some stand in cells with a water table: at the ends of steps, or means over several.

    Behind the sums stand the heads of their terms as quantities of their own, from whose slopes those of the sums are worked out
    anew at other rates.

    Parameters
    ----------
    names, unit, step
        See `Quantities`; of the sums alone, whose number is ``n``.
    row, at : ndarray of int
        Quantity and step of each term, shape ``(n_term,)``.
    weight : ndarray
        Of each term, shape ``(n_term,)``.
    screens : Screens
        Of each term.
    least : ndarray
        See `level_in_well`, shape ``(n_term,)``; m.
    """

    names: tuple[str, ...]
    unit: str
    step: IntArray
    row: IntArray
    at: IntArray
    weight: FloatArray
    screens: Screens
    least: FloatArray

    @property
    def cell(self) -> IntArray:  # type: ignore[override]
        """Cells of the terms."""
        return self.screens.cell

    @property
    def n_behind(self) -> int:
        """Number of the heads behind the sums."""
        return self.screens.cell.size

    def values(self, heads: Heads) -> FloatArray:
        """Return the sums of levels and the heads behind them, shape ``(n + n_term,)``."""
        head = heads.at(self.at, self.screens.cell)
        level = self._levels(head, self._rates(heads.net_rate))
        sums = np.bincount(self.row, weights=self.weight * level, minlength=len(self.names))
        return np.concatenate([sums, head])

    def renewed(
        self, values: FloatArray, slope: FloatArray, rates: FloatArray, rate_slope: FloatArray, step_period: IntArray
    ) -> FloatArray:
        """Return the slopes of the sums by those of the heads behind them, and by how levels bend there; see `Quantities`."""
        n, head, rate = len(self.names), values[len(self.names) :], self._rates(rates[step_period])
        by_head = (self._levels(head + DELTA, rate) - self._levels(head - DELTA, rate)) / (2.0 * DELTA)
        by_rate = (self._levels(head, rate + DELTA) - self._levels(head, rate - DELTA)) / (2.0 * DELTA)
        of_term = by_head[:, None] * slope[n:] + by_rate[:, None] * rate_slope[step_period[self.at], self.screens.well]
        new = slope.copy()
        new[:n] = 0.0
        np.add.at(new, self.row, self.weight[:, None] * of_term)
        return new

    def _rates(self, net_rate: FloatArray) -> FloatArray:
        """Return the rates of the terms, 0 at points of the aquifer; m³/d."""
        found: FloatArray = np.where(self.screens.loss != 0.0, net_rate[self.at, self.screens.well], 0.0)
        return found

    def _levels(self, head: FloatArray, rate: FloatArray) -> FloatArray:
        screens = self.screens
        bent = level_in_well(head, rate, screens.loss, screens.bottom, screens.thickness, self.least)
        return np.where(screens.water_table & (screens.loss != 0.0), bent, head + screens.loss * rate)

    def weighted_sums(self, problem: Problem) -> WeightedSums:
        """Refuse: these are no sums of heads.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"{self.names[0]}: a level in a well with a water table is no sum of heads.")
