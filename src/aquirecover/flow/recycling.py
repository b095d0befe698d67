"""First guesses of linear systems from the solutions of earlier ones.

The guess is the combination of earlier solutions that is nearest to the new one in the energy norm (Fischer 1998, Comput. Methods
Appl. Mech. Eng. 163, section 3). Monthly steps under seasonal pumping resemble one another, so that most of each is known before
the first iteration. A matrix that has changed a little since makes the guess a little worse, never the answer.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.combinations import combine, products
from aquirecover.flow.compiled import summing_kernel

# Earlier solutions that are kept, and the memory they may take, numbers.
MOST = 4
MEMORY = 400_000_000
# Combinations whose energy is below this share of the largest are rounding.
SMALLEST = 1e-10


@summing_kernel
def _difference(x: FloatArray, base: FloatArray, b: FloatArray, out: FloatArray) -> float:
    """Set `out` to ``x − base`` and return ``Σ out b``."""
    total = 0.0
    for p in range(x.size):
        out[p] = x[p] - base[p]
        total += out[p] * b[p]
    return total


class PastSolutions:
    """The last few solutions of systems with one symmetric matrix, or with much the same; all arrays flat.

    Parameters
    ----------
    size : int
        Number of equations.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        capacity = max(1, min(MOST, MEMORY // size))
        self._solution = np.zeros((capacity, size))
        self._energy = np.zeros((capacity, capacity))
        self._products = np.zeros(capacity)
        self._count = 0
        self._next = 0

    def guess(self, b: FloatArray, base: FloatArray, x: FloatArray, threads: int | None = None) -> bool:
        """Fill x with `base` and the guess of the solution for the right-hand side b; return whether there is one."""
        n = self._count
        if n == 0:
            return False
        found = self._products[:n]
        products(self._solution, b, found, threads)
        scale = np.sqrt(np.diagonal(self._energy)[:n])
        value, vector = np.linalg.eigh(self._energy[:n, :n] / np.outer(scale, scale))
        sound = value > SMALLEST * value[-1]
        along = vector[:, sound].T @ (found / scale) / value[sound]
        combine(self._solution, vector[:, sound] @ along / scale, base, x, threads)
        return True

    def add(self, b: FloatArray, base: FloatArray, x: FloatArray) -> None:
        """Keep the solution ``x − base`` for the right-hand side b, for which `guess` was asked last, instead of the oldest.

        Products of earlier solutions with b are those with what the matrix makes of it, and known.
        """
        place = self._next
        own = _difference(x, base, b, self._solution[place])
        if not own > 0.0:
            # the place must not serve with what it was known by before
            self._energy[place] = self._energy[:, place] = 0.0
            self._energy[place, place] = 1.0
            self._solution[place] = 0.0
            return
        self._count = n = max(self._count, place + 1)
        self._next = (place + 1) % self._solution.shape[0]
        self._energy[place, :n] = self._energy[:n, place] = self._products[:n]
        self._energy[place, place] = own
