"""What scenarios that are marched together share: the numbering, the conductances and the preconditioners."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.assembly import FlowSystem
from aquirecover.flow.lanes.cycle import Hierarchy, build_hierarchy
from aquirecover.flow.lanes.numbering import LaneGrid
from aquirecover.flow.lanes.passes import Stencil


class LaneSystem:
    """The equations of scenarios that differ only in what acts on them.

    Parameters
    ----------
    system : FlowSystem
        Of any of them; no cell is convertible.
    """

    def __init__(self, system: FlowSystem) -> None:
        self.flow = system
        self.grid = LaneGrid(*system.shape)
        spread, faces = self.grid.spread, system.faces
        grid = self.grid
        self.stencil = Stencil(
            *(grid.n_layer, grid.n_y, grid.n_x, grid.stride),
            *(spread(faces.cx), spread(faces.cy), spread(faces.cz), spread(system.elastic), spread(system.full_diagonal)),
        )
        unknown = system.unknown
        self._cx, held_x = _between(faces.cx, unknown, 2)
        self._cy, held_y = _between(faces.cy, unknown, 1)
        self._cz, held_z = _between(faces.cz, unknown, 0)
        self._held = np.where(unknown, held_x + held_y + held_z, 0.0)

    def hierarchy(self, store: float, slope: FloatArray) -> Hierarchy:
        """Return a preconditioner.

        Parameters
        ----------
        store : float
            One over the length of the step; 1/d.
        slope : ndarray
            What stresses add to the diagonal, shape ``(size,)``; m²/d.
        """
        system = self.flow
        surplus = self._held + np.where(system.unknown, store * system.elastic + slope[self.grid.number], 0.0)
        grid = system.problem.grid
        return build_hierarchy(self._cx, self._cy, self._cz, surplus, grid.x, grid.y)


def _between(face: FloatArray, unknown: BoolArray, axis: int) -> tuple[FloatArray, FloatArray]:
    """Return the faces between unknowns, and of each cell those to cells that are none; `axis` is that of the faces."""
    ahead = np.zeros_like(unknown)
    np.moveaxis(ahead, axis, 0)[:-1] = np.moveaxis(unknown, axis, 0)[1:]
    inner = np.where(unknown & ahead, face, 0.0)
    held = face - inner
    np.moveaxis(held, axis, 0)[1:] += np.moveaxis(face - inner, axis, 0)[:-1]
    return inner, held
