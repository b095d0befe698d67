"""Levels in pumped wells, which lie below the heads of their cells, also where the aquifer there has a water table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.functionals import WeightedSums
from aquirecover.flow.problem import Problem
from aquirecover.study.quantities import Heads, Quantities


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

    Parameters
    ----------
    names, unit, step
        See `Quantities`.
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

    def values(self, heads: Heads) -> FloatArray:
        """Return the sums of levels, shape ``(n,)``."""
        screens = self.screens
        head, rate = heads.at(self.at, screens.cell), np.zeros(screens.cell.size)
        pumped = screens.loss != 0.0
        rate[pumped] = heads.net_rate[self.at[pumped], screens.well[pumped]]
        level = level_in_well(head, rate, screens.loss, screens.bottom, screens.thickness, self.least)
        level = np.where(screens.water_table & pumped, level, head + screens.loss * rate)
        return np.bincount(self.row, weights=self.weight * level, minlength=len(self.names)).astype(np.float64)

    def weighted_sums(self, problem: Problem) -> WeightedSums:
        """Refuse: these are no sums of heads.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"{self.names[0]}: a level in a well with a water table is no sum of heads.")
