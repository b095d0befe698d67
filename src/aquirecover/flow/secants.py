"""What the last few corrections took from the residual, so that the next one need not find it again.

A correction of the heads and the residuals before and after it make a secant. The combination of secants that leaves the least
residual is applied before the preconditioner is asked for the rest (Anderson 1965; Walker and Ni 2011, SIAM J. Numer. Anal. 49,
section 2). For a linear system this is the method of generalised conjugate residuals.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import fused_kernel, summing_part

# Combinations of less than this share of the largest are rounding of single precision.
SMALLEST = 1e-10
# Sums of squares beyond which single precision cannot hold products.
LARGEST = 1e36
# Numbers that are taken in at once, so that they stay in the nearest memory.
BLOCK = 2048


@summing_part
def _dot(a: SingleArray, b: FloatArray | SingleArray, o: int, n: int) -> float:
    """Return ``Σ a b`` of a block."""
    total = 0.0
    first, second = a[o : o + n], b[o : o + n]
    for p in range(n):
        total += first[p] * second[p]
    return total


@fused_kernel
def _products(falls: SingleArray, count: int, residual: FloatArray | SingleArray, out: FloatArray) -> None:
    """Fill the products of the falls with a residual."""
    out[:count] = 0.0
    for o in range(0, residual.size, BLOCK):
        n = min(BLOCK, residual.size - o)
        for s in range(count):
            out[s] += _dot(falls[s], residual, o, n)


@fused_kernel
def _combine(secants: SingleArray, count: int, share: FloatArray, given: FloatArray, out: FloatArray) -> None:
    """Fill ``given + Σ share secant``."""
    for o in range(0, out.size, BLOCK):
        n = min(BLOCK, out.size - o)
        target = out[o : o + n]
        target[:] = given[o : o + n]
        for s in range(count):
            source, c = secants[s, o : o + n], share[s]
            for p in range(n):
                target[p] += c * source[p]


@summing_part
def _difference(after: FloatArray, before: FloatArray, out: SingleArray, o: int, n: int) -> float:
    """Set `out` to ``after − before`` and return the sum of its squares, of a block."""
    total = 0.0
    first, second, target = after[o : o + n], before[o : o + n], out[o : o + n]
    for p in range(n):
        d = first[p] - second[p]
        target[p] = d
        total += d * d
    return total


@fused_kernel
def _subtract(after: FloatArray, before: FloatArray, out: SingleArray) -> float:
    """Set `out` to ``after − before`` and return the sum of its squares."""
    total = 0.0
    for o in range(0, out.size, BLOCK):
        total += _difference(after, before, out, o, min(BLOCK, out.size - o))
    return total


class Secants:
    """The last few secants of one system of equations; all arrays flat.

    Parameters
    ----------
    size : int
        Number of equations.
    kept : int
        Secants that are.
    """

    def __init__(self, size: int, kept: int) -> None:
        self._kept = kept
        self._steps = np.zeros((kept, size), dtype=np.float32)
        self._falls = np.zeros((kept, size), dtype=np.float32)
        self._gram = np.zeros((kept, kept))
        self._products = np.zeros(kept)
        self._count = 0
        self._next = 0

    def forget(self) -> None:
        """Drop all secants."""
        self._count = self._next = 0

    def shares(self, residual: FloatArray) -> FloatArray:
        """Return the share of each secant in the combination that leaves the least residual, least in the sum of squares."""
        n = self._count
        if n == 0:
            return np.zeros(0)
        _products(self._falls, n, residual, self._products)
        scale = np.sqrt(np.diagonal(self._gram)[:n])
        value, vector = np.linalg.eigh(self._gram[:n, :n] / np.outer(scale, scale))
        sound = value > SMALLEST * value[-1]
        along = vector[:, sound].T @ (self._products[:n] / scale) / value[sound]
        return np.asarray(vector[:, sound] @ along / scale)

    def remaining(self, shares: FloatArray, residual: FloatArray, out: FloatArray) -> None:
        """Fill the residual that a combination would leave if the equations were linear."""
        _combine(self._falls, shares.size, -shares, residual, out)

    def corrected(self, shares: FloatArray, correction: FloatArray, out: FloatArray) -> None:
        """Fill a correction with the combination added."""
        _combine(self._steps, shares.size, shares, correction, out)

    def add(self, head: FloatArray, old_head: FloatArray, residual: FloatArray, old_residual: FloatArray) -> None:
        """Keep the step between two heads and their residuals instead of the oldest."""
        place = self._next
        _subtract(head, old_head, self._steps[place])
        square = float(_subtract(old_residual, residual, self._falls[place]))
        if not 0.0 < square < LARGEST:
            self.forget()
            return
        self._count = max(self._count, place + 1)
        self._next = (place + 1) % self._kept
        n = self._count
        _products(self._falls, n, self._falls[place], self._products)
        self._gram[place, :n] = self._gram[:n, place] = self._products[:n]
        self._gram[place, place] = square
