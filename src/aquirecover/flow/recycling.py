"""First guesses of linear systems from the solutions of earlier ones.

The guess is the combination of earlier solutions that is nearest to the new one in the energy norm (Fischer 1998, Comput. Methods
Appl. Mech. Eng. 163, section 3). Monthly steps under seasonal pumping resemble one another, so that most of each is known before
the first iteration. Where steps differ in length their matrices do, by storage over the length, and so do energies: what storage
gives them is kept by itself. Any other change of the matrix makes the guess worse, never the answer.
"""

from __future__ import annotations

import numba
import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.combinations import BLOCK, combine, difference, dot, products
from aquirecover.flow.compiled import fused_kernel, fused_part, parallel_kernel, summing_part

# Earlier solutions that are kept, and the memory they may take, numbers.
MOST = 4
MEMORY = 400_000_000
# Combinations whose energy is below this share of the largest are rounding.
SMALLEST = 1e-10


@summing_part
def _weighted_dot(a: FloatArray, weight: FloatArray, b: FloatArray, o: int, n: int) -> float:
    """Return ``Σ a weight b`` of a block."""
    total = 0.0
    first, middle, second = a[o : o + n], weight[o : o + n], b[o : o + n]
    for p in range(n):
        total += first[p] * middle[p] * second[p]
    return total


@fused_part
def _keep_block(
    kept: FloatArray,
    place: int,
    x: FloatArray,
    base: FloatArray,
    b: FloatArray,
    storage: FloatArray,
    block: int,
    sums: FloatArray,
) -> None:
    """Set a block of a solution to ``x − base``; fill its product with b, and those with all that are kept, by storage."""
    o = block * BLOCK
    n = min(BLOCK, b.size - o)
    own = kept[place]
    difference(x, base, own, block)
    sums[block, 0] = dot(own, b, o, n)
    for i in range(sums.shape[1] - 1):
        sums[block, 1 + i] = _weighted_dot(kept[i], storage, own, o, n) if storage.size > 0 else 0.0


@parallel_kernel
def _keep_shared(
    kept: FloatArray, place: int, x: FloatArray, base: FloatArray, b: FloatArray, storage: FloatArray, sums: FloatArray
) -> None:
    """Do `_keep_block` for all blocks on several threads."""
    for block in numba.prange(sums.shape[0]):
        _keep_block(kept, place, x, base, b, storage, block, sums)


@fused_kernel
def _keep(
    kept: FloatArray,
    place: int,
    x: FloatArray,
    base: FloatArray,
    b: FloatArray,
    storage: FloatArray,
    out: FloatArray,
    threads: int | None,
) -> None:
    """Do `_keep_block` for all blocks and add up what they fill."""
    sums = np.empty(((b.size + BLOCK - 1) // BLOCK, out.size))
    if threads is None:
        for block in range(sums.shape[0]):
            _keep_block(kept, place, x, base, b, storage, block, sums)
    else:
        _keep_shared(kept, place, x, base, b, storage, sums)
    out[:] = 0.0
    for block in range(sums.shape[0]):
        for i in range(out.size):
            out[i] += sums[block, i]


class PastSolutions:
    """The last few solutions of systems with a symmetric matrix ``A + rate S``, or with much the same; all arrays flat.

    Parameters
    ----------
    size : int
        Number of equations.
    storage : ndarray, optional
        The diagonal S, without which all rates are taken to be the same; m².
    threads : int, optional
        See `compiled.share`.
    """

    def __init__(self, size: int, storage: FloatArray | None = None, threads: int | None = None) -> None:
        self._storage = np.zeros(0) if storage is None else storage
        self._threads = threads
        capacity = max(1, min(MOST, MEMORY // size))
        self._solution = np.zeros((capacity, size))
        # of solutions with what A and S make of them
        self._energy, self._stored = np.zeros((capacity, capacity)), np.zeros((capacity, capacity))
        self._products = np.zeros(capacity)
        self._count = 0
        self._next = 0

    def guess(self, b: FloatArray, base: FloatArray, x: FloatArray, rate: float = 0.0) -> bool:
        """Fill x with `base` and the guess of the solution for the right-hand side b; return whether there is one."""
        n = self._count
        if n == 0:
            return False
        found, energy = self._products[:n], self._energy[:n, :n] + rate * self._stored[:n, :n]
        products(self._solution, b, found, self._threads)
        square = np.diagonal(energy)
        scale = np.sqrt(np.where(square > 0.0, square, 1.0))
        value, vector = np.linalg.eigh(energy / np.outer(scale, scale))
        sound = value > SMALLEST * value[-1]
        along = vector[:, sound].T @ (found / scale) / value[sound]
        combine(self._solution, vector[:, sound] @ along / scale, base, x, self._threads)
        return True

    def add(self, b: FloatArray, base: FloatArray, x: FloatArray, rate: float = 0.0) -> None:
        """Keep the solution ``x − base`` for the right-hand side b, for which `guess` was asked last, instead of the oldest.

        Products of earlier solutions with b are those with what the matrix makes of it, and known.
        """
        place = self._next
        n = max(self._count, place + 1)
        sums = np.empty(1 + n)
        _keep(self._solution, place, x, base, b, self._storage, sums, self._threads)
        self._products[place], stored = sums[0], sums[1:]
        if not sums[0] > 0.0:
            # the place must not serve with what it was known by before
            self._solution[place] = stored[:] = self._products[:n] = 0.0
        energy = self._products[:n] - rate * stored
        self._energy[place, :n] = self._energy[:n, place] = energy
        self._stored[place, :n] = self._stored[:n, place] = stored
        if sums[0] > 0.0:
            self._count, self._next = n, (place + 1) % self._solution.shape[0]
