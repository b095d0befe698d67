"""What the last few corrections took from the residual, so that the next one need not find it again.

A correction of the heads and the residuals before and after it make a secant. The combination of secants that leaves the least
residual is applied before the preconditioner is asked for the rest (Anderson 1965; Walker and Ni 2011, SIAM J. Numer. Anal. 49,
section 2). For a linear system this is the method of generalised conjugate residuals.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.combinations import combine, products, subtract

# Combinations of less than this share of the largest are rounding of single precision.
SMALLEST = 1e-10
# Sums of squares beyond which single precision cannot hold products.
LARGEST = 1e36


class Secants:
    """The last few secants of one system of equations; all arrays flat.

    Parameters
    ----------
    size : int
        Number of equations.
    kept : int
        Secants that are.
    threads : int, optional
        See `compiled.share`.
    """

    def __init__(self, size: int, kept: int, threads: int | None = None) -> None:
        self._kept = kept
        self._threads = threads
        self._steps = np.zeros((kept, size), dtype=np.float32)
        self._falls = np.zeros((kept, size), dtype=np.float32)
        self._gram = np.zeros((kept, kept))
        # secants whose products with the others are not in `gram` yet
        self._new = np.zeros(kept, dtype=bool)
        self._products = np.zeros(kept)
        self._count = 0
        self._next = 0

    def forget(self) -> None:
        """Drop all secants."""
        self._count = self._next = 0
        self._new[:] = False

    def shares(self, residual: FloatArray) -> FloatArray:
        """Return the share of each secant in the combination that leaves the least residual, least in the sum of squares."""
        n = self._count
        if n == 0:
            return np.zeros(0)
        self._multiply()
        products(self._falls, residual, self._products[:n], self._threads)
        scale = np.sqrt(np.diagonal(self._gram)[:n])
        value, vector = np.linalg.eigh(self._gram[:n, :n] / np.outer(scale, scale))
        sound = value > SMALLEST * value[-1]
        along = vector[:, sound].T @ (self._products[:n] / scale) / value[sound]
        return np.asarray(vector[:, sound] @ along / scale)

    def remaining(self, shares: FloatArray, residual: FloatArray, out: FloatArray) -> None:
        """Fill the residual that a combination would leave if the equations were linear."""
        combine(self._falls, -shares, residual, out, self._threads)

    def corrected(self, shares: FloatArray, correction: FloatArray, out: FloatArray) -> None:
        """Fill a correction with the combination added."""
        combine(self._steps, shares, correction, out, self._threads)

    def add(self, head: FloatArray, old_head: FloatArray, residual: FloatArray, old_residual: FloatArray) -> None:
        """Keep the step between two heads and their residuals instead of the oldest."""
        place = self._next
        subtract(head, old_head, self._steps[place], self._threads)
        square = float(subtract(old_residual, residual, self._falls[place], self._threads))
        if not 0.0 < square < LARGEST:
            self.forget()
            return
        self._count = max(self._count, place + 1)
        self._next = (place + 1) % self._kept
        self._gram[place, place], self._new[place] = square, True

    def _multiply(self) -> None:
        """Fill in the products of the falls that are new."""
        found = self._products[: self._count]
        for place in np.flatnonzero(self._new).tolist():
            square = self._gram[place, place]
            products(self._falls, self._falls[place], found, self._threads)
            self._gram[place, : self._count] = self._gram[: self._count, place] = found
            self._gram[place, place] = square
        self._new[:] = False
