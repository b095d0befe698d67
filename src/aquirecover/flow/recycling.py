"""First guesses of linear systems from the solutions of earlier ones.

The guess is the combination of earlier solutions that is nearest to the new one in the energy norm (Fischer 1998, Comput. Methods
Appl. Mech. Eng. 163, section 3). Monthly steps under seasonal pumping resemble one another, so that most of each is known before
the first iteration. A matrix that has changed a little since makes the guess a little worse, never the answer.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import fused_kernel, summing_kernel
from aquirecover.flow.sweeps import Plane

# Earlier solutions that are kept, and the memory they may take, numbers.
MOST = 8
MEMORY = 400_000_000
# Combinations whose energy is below this share of the largest are rounding.
SMALLEST = 1e-10
# Numbers that are worked on together.
BLOCK = 2048


@summing_kernel
def _dot(a: FloatArray, b: Plane, o: int, n: int) -> float:
    """Return ``Σ a b`` of a block."""
    total = 0.0
    first, second = a[o : o + n], b[o : o + n]
    for p in range(n):
        total += first[p] * second[p]
    return total


@fused_kernel
def _products(solutions: FloatArray, count: int, b: SingleArray, out: FloatArray) -> None:
    """Fill ``Σ x b`` of each solution."""
    out[:count] = 0.0
    for o in range(0, b.size, BLOCK):
        n = min(BLOCK, b.size - o)
        for i in range(count):
            out[i] += _dot(solutions[i], b, o, n)


@fused_kernel
def _add_multiple(out: Plane, x: Plane, share: float, o: int, n: int) -> None:
    """Add ``share x`` to `out` in a block."""
    target, source = out[o : o + n], x[o : o + n]
    for p in range(n):
        target[p] += share * source[p]


@fused_kernel
def _combine(solutions: FloatArray, images: SingleArray, share: FloatArray, x: FloatArray, r: SingleArray) -> None:
    """Add the combination of solutions to x and take that of their images from r."""
    for o in range(0, x.size, BLOCK):
        n = min(BLOCK, x.size - o)
        for i in range(share.size):
            _add_multiple(x, solutions[i], share[i], o, n)
            _add_multiple(r, images[i], -share[i], o, n)


class PastSolutions:
    """The last few solutions of systems with one matrix, or with much the same.

    Parameters
    ----------
    size : int
        Length of the vectors.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        capacity = max(1, min(MOST, MEMORY // (2 * size)))
        self._solution = np.zeros((capacity, size))
        self._image = np.zeros((capacity, size), dtype=np.float32)
        self._energy = np.zeros((capacity, capacity))
        self._products = np.zeros(capacity)
        self._count = 0
        self._next = 0

    def guess(self, r: SingleArray, x: FloatArray) -> bool:
        """Add the guess of the solution for the right-hand side r to x and take what the matrix makes of it from r.

        Returns whether there is one.
        """
        n = self._count
        if n == 0:
            return False
        products = self._products[:n]
        _products(self._solution, n, r, products)
        scale = np.sqrt(np.diagonal(self._energy)[:n])
        value, vector = np.linalg.eigh(self._energy[:n, :n] / np.outer(scale, scale))
        sound = value > SMALLEST * value[-1]
        along = vector[:, sound].T @ (products / scale) / value[sound]
        _combine(self._solution, self._image, vector[:, sound] @ along / scale, x, r)
        return True

    def add(self, image: SingleArray, solution: FloatArray) -> None:
        """Keep a solution and what the matrix makes of it instead of the oldest."""
        _products(solution[None], 1, image, self._products)
        energy = self._products[0]
        if not energy > 0.0:
            return
        place = self._next
        self._image[place], self._solution[place] = image, solution
        self._count = n = max(self._count, place + 1)
        self._next = (place + 1) % self._solution.shape[0]
        _products(self._solution, n, image, self._products)
        self._energy[place, :n] = self._energy[:n, place] = self._products[:n]
