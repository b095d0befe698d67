"""The faces between cells, as the compiled loops see them."""

from __future__ import annotations

from typing import NamedTuple

from aquirecover.flow.arrays import FloatArray


class Halves(NamedTuple):
    """How the resistance of the horizontal faces along an axis is made up, where their averaging is harmonic.

    Parameters
    ----------
    near : ndarray
        Share of the western or northern cell in the resistance of both cells; 1.
    wall : ndarray
        Share of flow barriers between them in the whole resistance; 1.
    lean : ndarray
        Share of the western or northern cell in the height of those barriers; 1.
    """

    near: FloatArray
    wall: FloatArray
    lean: FloatArray


class Faces(NamedTuple):
    """Conductances of the faces of a grid at full saturation, and how saturation reduces the horizontal ones.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Between columns ``i`` and ``i + 1``, rows ``j`` and ``j + 1``, layers ``k`` and ``k + 1``, at ``[k, j, i]``; zero where
        there is no face; shape ``(n_layer, n_y, n_x)``; m²/d.
    x, y : Halves
        Of the faces between columns and between rows; the arrays have the shape of the conductances, or ``(0, 0, 0)`` unless
        harmonic.
    harmonic : bool
        The transmissivity between cells is the harmonic mean at the saturated thickness of both, and a flow barrier is as high
        as their mean; otherwise the upstream cell gives the saturated thickness.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    x: Halves
    y: Halves
    harmonic: bool
