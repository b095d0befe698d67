"""First guesses of linear systems from the solutions of earlier ones.

The guess is the combination of earlier solutions that is nearest to the new one in the energy norm (Fischer 1998, Comput. Methods
Appl. Mech. Eng. 163, section 3). Monthly steps under seasonal pumping resemble one another, so that most of each is known before
the first iteration. A matrix that has changed a little since makes the guess a little worse, never the answer.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.compiled import fused_kernel, summing_part

# Earlier solutions that are kept, and the memory they may take, numbers.
MOST = 8
MEMORY = 400_000_000
# Combinations whose energy is below this share of the largest are rounding.
SMALLEST = 1e-10
# Numbers that are worked on together.
BLOCK = 2048


@summing_part
def _dot(a: FloatArray, b: FloatArray, o: int, n: int) -> float:
    """Return ``Σ a b`` of a block."""
    total = 0.0
    first, second = a[o : o + n], b[o : o + n]
    for p in range(n):
        total += first[p] * second[p]
    return total


@fused_kernel
def _products(solutions: FloatArray, count: int, b: FloatArray, out: FloatArray) -> None:
    """Fill ``Σ x b`` of each solution."""
    out[:count] = 0.0
    for o in range(0, b.size, BLOCK):
        n = min(BLOCK, b.size - o)
        for i in range(count):
            out[i] += _dot(solutions[i], b, o, n)


@fused_kernel
def _combine(solutions: FloatArray, share: FloatArray, x: FloatArray) -> None:
    """Set x to a combination of solutions."""
    for o in range(0, x.size, BLOCK):
        n = min(BLOCK, x.size - o)
        target = x[o : o + n]
        target[:] = 0.0
        for i in range(share.size):
            source, factor = solutions[i, o : o + n], share[i]
            for p in range(n):
                target[p] += factor * source[p]


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

    def guess(self, b: FloatArray, x: FloatArray) -> bool:
        """Fill x with the guess of the solution for the right-hand side b, if there is one; return whether there is."""
        n = self._count
        if n == 0:
            return False
        products = self._products[:n]
        _products(self._solution, n, b, products)
        scale = np.sqrt(np.diagonal(self._energy)[:n])
        value, vector = np.linalg.eigh(self._energy[:n, :n] / np.outer(scale, scale))
        sound = value > SMALLEST * value[-1]
        along = vector[:, sound].T @ (products / scale) / value[sound]
        _combine(self._solution, vector[:, sound] @ along / scale, x)
        return True

    def add(self, b: FloatArray, x: FloatArray) -> None:
        """Keep the solution x for the right-hand side b, for which `guess` was asked last, instead of the oldest.

        Products of earlier solutions with b are those with what the matrix makes of x, and known.
        """
        own = np.zeros(1)
        _products(x[None], 1, b, own)
        if not own[0] > 0.0:
            return
        place = self._next
        self._solution[place] = x
        self._count = n = max(self._count, place + 1)
        self._next = (place + 1) % self._solution.shape[0]
        self._energy[place, :n] = self._energy[:n, place] = self._products[:n]
        self._energy[place, place] = own[0]
