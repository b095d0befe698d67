"""Aquifer properties on the grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import BoolArray, FloatArray, field_of
from aquirecover.flow.grid import Grid

Averaging = Literal["upstream", "harmonic"]


@dataclass(frozen=True, eq=False)
class AquiferProperties:
    """Hydraulic properties of every cell; each may be a scalar, per layer ``(n_layer,)`` or per cell.

    Parameters
    ----------
    grid : Grid
        Gives the shape ``(n_layer, n_y, n_x)``.
    k : array_like
        Horizontal hydraulic conductivity along x, m/d.
    k33 : array_like, optional
        Vertical hydraulic conductivity, m/d; `k` by default.
    k22 : array_like, optional
        Horizontal hydraulic conductivity along y, m/d; `k` by default.
    specific_storage : array_like
        1/m.
    specific_yield : array_like
        Used where `convertible`; 1.
    convertible : array_like of bool
        Layers or cells whose saturated thickness follows the head; confined by default.
    leakance : array_like, optional
        Vertical conductance per area between a layer and the next one below, shape ``(n_layer - 1, n_y, n_x)`` or
        ``(n_layer - 1,)``, 1/d, for a confining unit that is no layer of its own; NaN where it follows from `k33`. Above
        pass-through cells it holds down to the active cell below them; theirs is not used.
    """

    k: FloatArray
    k33: FloatArray
    k22: FloatArray
    specific_storage: FloatArray
    specific_yield: FloatArray
    convertible: BoolArray
    leakance: FloatArray
    averaging: Averaging

    def __init__(
        self,
        grid: Grid,
        k: ArrayLike,
        k33: ArrayLike | None = None,
        k22: ArrayLike | None = None,
        specific_storage: ArrayLike = 0.0,
        specific_yield: ArrayLike = 0.0,
        convertible: ArrayLike = False,
        leakance: ArrayLike = np.nan,
        averaging: Averaging = "upstream",
    ) -> None:
        shape = grid.shape
        between = (shape[0] - 1, *shape[1:])
        along_x = field_of(k, shape, "k")
        per_cell = {
            "k": along_x,
            "k33": along_x if k33 is None else field_of(k33, shape, "k33"),
            "k22": along_x if k22 is None else field_of(k22, shape, "k22"),
            "specific_storage": field_of(specific_storage, shape, "specific_storage"),
            "specific_yield": field_of(specific_yield, shape, "specific_yield"),
            "leakance": field_of(leakance, between, "leakance"),
        }
        for name, array in per_cell.items():
            object.__setattr__(self, name, array)
        flags = field_of(convertible, shape, "convertible") > 0.0
        flags.flags.writeable = False
        object.__setattr__(self, "convertible", flags)
        if averaging not in ("upstream", "harmonic"):
            raise ValueError(f"averaging = {averaging!r}: must be 'upstream' or 'harmonic'.")
        object.__setattr__(self, "averaging", averaging)
