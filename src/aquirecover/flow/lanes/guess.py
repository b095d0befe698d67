"""First guesses of the steps of many scenarios: the best combination of the last increments of their heads.

As in `recycling`, the guess is the combination that is nearest to the solution in the energy norm (Fischer 1998), but nothing is
multiplied by the matrix for it. Be H0, H1, … the heads at the ends of the last steps, latest first, d1 = H0 − H1, d2 = H1 − H2, …
their increments, r1, r2, … the residuals left, t1, t2, … one over the lengths of the steps, and S the storage of a cell. The
difference of the equations of both steps gives the image of an increment under the matrix without storage,

    ``A d1 = Δq − t1 S d1 + t2 S d2 − r1 + r2``,

where Δq is the change of what acts on the cells. So all products ``d A d`` follow from those of increments weighted by storage
and of residuals, which a pass over the heads adds up on its way, and from what acts on a few cells; only ``d1 A d1`` would need
r2 once more and is added up as an energy. Seasons that return are so known before the first iteration.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.lanes.forcing import Forcing
from aquirecover.flow.lanes.passes import ENERGY, HEADS, INCREMENTS, RESIDUAL_PRODUCT, STORED_PRODUCT, Heads, Rates
from aquirecover.flow.lanes.points import change_products, point_energy
from aquirecover.flow.lanes.vectors import LANES

# Increments whose products are known: the image of one needs the next.
PRODUCTS = HEADS - 1
# Combinations whose energy is below this share of the largest are rounding.
SMALLEST = 1e-14


class Increments:
    """What is known of the last increments of the heads of a batch; arrays with increments latest first.

    Parameters
    ----------
    forcing : Forcing
        What acts on them.
    """

    def __init__(self, forcing: Forcing) -> None:
        self.forcing = forcing
        self._stored = np.zeros((LANES, PRODUCTS, PRODUCTS))
        self._energy = np.zeros((LANES, PRODUCTS, PRODUCTS))
        self._left = np.zeros((LANES, PRODUCTS))
        self._rate = 0.0
        self._known = 0

    def share(self, heads: Heads, rates: Rates) -> FloatArray:
        """Return the weights of the heads before those at the start, shape ``(INCREMENTS, LANES)``; see `passes.predict`."""
        result, n = np.zeros((INCREMENTS, LANES)), min(INCREMENTS, self._known)
        if n == 0 or rates.store != rates.carry:
            return result
        forced = np.zeros((n, LANES))
        change_products(heads, self.forcing.change_cell, self.forcing.change, 1, forced)
        right = forced.T + self._rate * self._stored[:, :n, 0] + self._left[:, :n]
        share = _minimiser(self._energy[:, :n, :n] + rates.store * self._stored[:, :n, :n], right).T
        result[:n] -= share
        result[: n - 1] += share[1:]
        return result

    def learn(self, heads: Heads, sums: FloatArray, rates: Rates) -> None:
        """Keep what the last pass over a step that has been solved found."""
        if rates.store != rates.carry:
            self._known = 0
            return
        stored, energy = (np.zeros_like(a) for a in (self._stored, self._energy))
        stored[:, 1:, 1:], energy[:, 1:, 1:] = self._stored[:, :-1, :-1], self._energy[:, :-1, :-1]
        # of heads less those at the end of the step, from which those of increments follow
        stored[:, 0, :] = stored[:, :, 0] = -np.diff(sums[STORED_PRODUCT : STORED_PRODUCT + HEADS], axis=0).T
        left = -np.diff(sums[RESIDUAL_PRODUCT : RESIDUAL_PRODUCT + HEADS], axis=0).T
        forced = np.zeros((PRODUCTS, LANES))
        change_products(heads, self.forcing.change_cell, self.forcing.change, 0, forced)
        image = (
            forced.T[:, 1:] - rates.store * stored[:, 0, 1:] + self._rate * stored[:, 1, 1:] - left[:, 1:] + self._left[:, :-1]
        )
        energy[:, 0, 1:] = energy[:, 1:, 0] = image
        own = sums[ENERGY : ENERGY + 1].copy()
        point_energy(heads, self.forcing.points, self.forcing.fixed_faces, own)
        energy[:, 0, 0] = own[0]
        self._stored, self._energy, self._left, self._rate = stored, energy, left, rates.store
        self._known += 1


def _minimiser(energy: FloatArray, right: FloatArray) -> FloatArray:
    """Return the solutions c of ``energy c = right`` of all lanes, shape ``(LANES, n)``, without what is rounding."""
    diagonal = np.diagonal(energy, axis1=1, axis2=2)
    inverse = np.divide(1.0, np.sqrt(np.maximum(diagonal, 0.0)), out=np.zeros_like(right), where=diagonal > 0.0)
    sound: BoolArray = np.asarray(np.isfinite(energy).all(axis=(1, 2)) & np.isfinite(right).all(axis=1))
    inverse[~sound] = 0.0
    scaled = np.where(sound[:, None, None], energy, 0.0) * inverse[:, :, None] * inverse[:, None, :]
    value, vector = np.linalg.eigh(scaled)
    along = np.einsum("lij,li->lj", vector, np.where(sound[:, None], right, 0.0) * inverse)
    used = value > SMALLEST * np.maximum(value[:, -1:], SMALLEST)
    along = np.divide(along, value, out=np.zeros_like(along), where=used)
    result: FloatArray = np.einsum("lij,lj->li", vector, along) * inverse
    return result
