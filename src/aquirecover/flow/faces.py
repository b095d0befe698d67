"""The faces between cells, as the compiled loops see them."""

from __future__ import annotations

from typing import NamedTuple

from aquirecover.flow.arrays import FloatArray


class Faces(NamedTuple):
    """Conductances of the faces of a grid at full saturation, and how saturation reduces the horizontal ones.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Between columns ``i`` and ``i + 1``, rows ``j`` and ``j + 1``, layers ``k`` and ``k + 1``, at ``[k, j, i]``; zero where
        there is no face; shape ``(n_layer, n_y, n_x)``; m²/d.
    near_x, near_y : ndarray
        Share of the resistance of a face that lies in its western or northern cell; 1. Of shape ``(0, 0, 0)`` unless harmonic.
    harmonic : bool
        The transmissivity between cells is the harmonic mean at the saturated thickness of both; otherwise the upstream cell
        gives the saturated thickness.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    near_x: FloatArray
    near_y: FloatArray
    harmonic: bool
