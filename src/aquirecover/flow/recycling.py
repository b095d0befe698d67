"""First guesses of linear systems from the solutions of earlier ones.

The guess is the combination of earlier solutions that is nearest to the new one in the energy norm (Fischer 1998, Comput. Methods
Appl. Mech. Eng. 163, section 3). Monthly steps under seasonal pumping resemble one another, so that most of each is known before
the first iteration. A matrix that has changed a little since makes the guess a little worse, never the answer.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import Layout
from aquirecover.flow.compiled import fused_kernel
from aquirecover.flow.cycle import BLOCK
from aquirecover.flow.krylov import dot

# Earlier solutions that are kept, and the memory they may take, numbers.
MOST = 8
MEMORY = 200_000_000
# Combinations whose energy is below this share of the largest are rounding.
SMALLEST = 1e-13


@fused_kernel
def _products(vectors: FloatArray, count: int, b: FloatArray, out: FloatArray) -> None:
    """Fill ``Σ v b`` of each vector."""
    for i in range(count):
        out[i] = dot(vectors[i], b)


@fused_kernel
def _combine(vectors: FloatArray, count: int, share: FloatArray, out: FloatArray) -> None:
    """Fill ``Σ share v``."""
    for o in range(0, out.size, BLOCK):
        n = min(BLOCK, out.size - o)
        out[o : o + n] = 0.0
        for i in range(count):
            target, source, c = out[o : o + n], vectors[i, o : o + n], share[i]
            for p in range(n):
                target[p] += c * source[p]


@fused_kernel
def _keep(b: FloatArray, r: FloatArray, x: FloatArray, image: FloatArray, solution: FloatArray) -> None:
    """Store x and what the matrix makes of it, ``b − r``."""
    for p in range(b.size):
        image[p] = b[p] - r[p]
    for p in range(b.size):
        solution[p] = x[p]


class PastSolutions:
    """The last few solutions of systems with one matrix, or with much the same.

    Parameters
    ----------
    layout : Layout
        Numbering of the vectors.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        size = layout.size
        capacity = max(1, min(MOST, MEMORY // (2 * size)))
        self._solution = np.zeros((capacity, size))
        self._image = np.zeros((capacity, size))
        self._energy = np.zeros((capacity, capacity))
        self._products = np.zeros(capacity)
        self._count = 0
        self._next = 0

    def guess(self, b: FloatArray, x: FloatArray) -> bool:
        """Fill x with the guess for the right-hand side b; return whether there is one."""
        n = self._count
        if n == 0:
            return False
        products = self._products[:n]
        _products(self._solution, n, b, products)
        scale = np.sqrt(np.diagonal(self._energy)[:n])
        value, vector = np.linalg.eigh(self._energy[:n, :n] / np.outer(scale, scale))
        sound = value > SMALLEST * value[-1]
        along = vector[:, sound].T @ (products / scale) / value[sound]
        _combine(self._solution, n, vector[:, sound] @ along / scale, x)
        return True

    def recall(self, rhs: FloatArray) -> FloatArray | None:
        """Return the guess for a right-hand side of shape ``(n_layer, n_y, n_x)``, None when there is none."""
        x = np.empty(self.layout.size)
        return self.layout.join(x) if self.guess(self.layout.split(rhs), x) else None

    def learn(self, rhs: FloatArray, solution: FloatArray) -> None:
        """Keep a solution; both of shape ``(n_layer, n_y, n_x)``."""
        b = self.layout.split(rhs)
        self.add(b, np.zeros_like(b), self.layout.split(solution))

    def add(self, b: FloatArray, r: FloatArray, x: FloatArray) -> None:
        """Keep the solution x of ``A x = b − r`` instead of the oldest."""
        place, capacity = self._next, self._solution.shape[0]
        energy = dot(x, b) - dot(x, r)
        if not energy > 0.0:
            return
        _keep(b, r, x, self._image[place], self._solution[place])
        self._count = max(self._count, place + 1)
        self._next = (place + 1) % capacity
        n = self._count
        _products(self._image, n, x, self._products)
        self._energy[place, :n] = self._energy[:n, place] = self._products[:n]
        self._energy[place, place] = energy
