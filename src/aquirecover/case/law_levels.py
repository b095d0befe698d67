"""Legal limits of the dynamic water level in Viet Nam, as elevations in every cell.

Decree 53/2024/ND-CP, Art. 32(2), in force since 1 July 2024, and Decree 167/2018/ND-CP, Art. 7(3), before it: no deeper than the
roof of a confined aquifer, than half the thickness of an unconfined one, and than a depth below ground by region. Both were read
in legal digests, not in the gazette.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.grid import Grid


@dataclass(frozen=True)
class Region:
    """Greatest depth of the level below ground in a region.

    Parameters
    ----------
    depth, urban_depth : float
        Elsewhere, and inside cities and towns; m.
    """

    depth: float
    urban_depth: float


# The places of the three depths of the Mekong delta are left to the user: the digests name them only in part.
REGIONS = {
    "red_river_delta": Region(30.0, 35.0),
    "mekong_delta_40": Region(40.0, 40.0),
    "mekong_delta_35": Region(35.0, 35.0),
    "mekong_delta_30": Region(30.0, 30.0),
    "other_porous": Region(30.0, 30.0),
    "central_highlands_basalt": Region(50.0, 50.0),
}
# The limits of the regions other than the Red River delta were read in the older decree alone.
LAWS = {
    "vn-decree-53-2024": "Decree 53/2024/ND-CP, Art. 32(2), read in legal digests",
    "vn-decree-167-2018": "Decree 167/2018/ND-CP, Art. 7(3), in force until 30 June 2024, read in legal digests",
}
DRY_SEASON = "Decree 53/2024/ND-CP, Art. 33, read in legal digests"


def lawful_head(
    grid: Grid, ground: FloatArray, convertible: BoolArray, layer_aquifer: Sequence[str], depth: FloatArray
) -> FloatArray:
    """Return the lowest head that the law allows, shape ``(n_layer, n_y, n_x)``, NaN in aquitards and inactive cells; m.

    An aquifer is unconfined where it is convertible and its top is the ground.

    Parameters
    ----------
    grid : Grid
        The cells.
    ground : ndarray
        Ground surface, shape ``(n_y, n_x)``; m.
    convertible : ndarray of bool
        Cells with a water table, shape ``(n_layer, n_y, n_x)``.
    layer_aquifer : sequence of str
        Aquifer of each layer; empty for an aquitard.
    depth : ndarray
        Greatest depth below ground, shape ``(n_y, n_x)``; m.
    """
    limit = np.full(grid.shape, np.nan)
    row, column = np.indices(ground.shape)
    uppermost = np.where(grid.active.any(axis=0), np.argmax(grid.active, axis=0), -1)
    for aquifer in dict.fromkeys(name for name in layer_aquifer if name):
        layers = np.flatnonzero([name == aquifer for name in layer_aquifer])
        active = grid.active[layers]
        roof = np.where(active, grid.layer_top[layers], -np.inf).max(axis=0)
        floor = np.where(active, grid.bottom[layers], np.inf).min(axis=0)
        first = layers[np.argmax(active, axis=0)]
        unconfined = convertible[first, row, column] & (uppermost == first)
        with np.errstate(invalid="ignore"):
            lawful = np.maximum(ground - depth, np.where(unconfined, 0.5 * (roof + floor), roof))
        limit[layers] = np.where(active, lawful, np.nan)
    return limit
