"""Conjugate gradients on vectors in the numbering of `colouring`, compiled as a whole."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import Layout, SingleArray, kernel, split_faces
from aquirecover.flow.multigrid import BLOCK, Hierarchy, cycle

# Sums of a block may be reordered by the compiler, once and for all; blocks are added in their order.
summing_kernel: Any = numba.njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"}, nogil=True)


class SplitMatrix(NamedTuple):
    """A symmetric matrix in the numbering of `colouring`; ``diagonal`` and ``cz`` of all cells, faces of red ones; m²/d."""

    n_layer: int
    width: int
    stride: int
    diagonal: FloatArray
    cz: FloatArray
    west: FloatArray
    east: FloatArray
    north: FloatArray
    south: FloatArray


def split_matrix(diagonal: FloatArray, cx: FloatArray, cy: FloatArray, cz: FloatArray) -> SplitMatrix:
    """Return the matrix of arrays of shape ``(n_layer, n_y, n_x)``; see `linear.Matrix`."""
    layout = Layout(*diagonal.shape)
    faces = np.zeros((4, layout.n_layer * layout.stride))
    split_faces(cx, cy, *faces, layout.width, layout.stride)
    return SplitMatrix(layout.n_layer, layout.width, layout.stride, layout.split(diagonal), layout.split(cz), *faces)


@kernel
def _scale(out: FloatArray, diagonal: FloatArray, x: FloatArray, o: int, n: int) -> None:
    """Set `out` to ``diagonal x``."""
    target, d, own = out[o : o + n], diagonal[o : o + n], x[o : o + n]
    for p in range(n):
        target[p] = d[p] * own[p]


@kernel
def _take_pair(
    out: FloatArray, o: int, x: FloatArray, first: FloatArray, a: int, ax: int, second: FloatArray, b: int, bx: int, n: int
) -> None:
    """Take ``first x + second x`` from `out`; a and ax, b and bx are the places in each product."""
    target, f, xf, g, xg = out[o : o + n], first[a : a + n], x[ax : ax + n], second[b : b + n], x[bx : bx + n]
    for p in range(n):
        target[p] -= f[p] * xf[p] + g[p] * xg[p]


@kernel
def _take(out: FloatArray, o: int, cz: FloatArray, c: int, x: FloatArray, other: int, n: int) -> None:
    """Take ``cz x`` from `out`."""
    target, face, source = out[o : o + n], cz[c : c + n], x[other : other + n]
    for p in range(n):
        target[p] -= face[p] * source[p]


@kernel
def multiply(a: SplitMatrix, x: FloatArray, out: FloatArray) -> None:
    """Fill ``A x``."""
    w, half = a.width, a.n_layer * a.stride
    n_column = a.stride - 2 * (w + 1)
    for begin in range(0, n_column, BLOCK):
        n = min(BLOCK, n_column - begin)
        for k in range(a.n_layer):
            red = k * a.stride + w + 1 + begin
            black = red + half
            _scale(out, a.diagonal, x, red, n)
            _take_pair(out, red, x, a.west, red, black - 1, a.east, red, black, n)
            _take_pair(out, red, x, a.north, red, black - w - 1, a.south, red, black + w, n)
            _scale(out, a.diagonal, x, black, n)
            _take_pair(out, black, x, a.east, red, red, a.west, red + 1, red + 1, n)
            _take_pair(out, black, x, a.south, red - w, red - w, a.north, red + w + 1, red + w + 1, n)
            for o in (red, black):
                if k > 0:
                    _take(out, o, a.cz, o - a.stride, x, o - a.stride, n)
                if k + 1 < a.n_layer:
                    _take(out, o, a.cz, o, x, o + a.stride, n)


@summing_kernel
def _dot(a: FloatArray, b: FloatArray, o: int, n: int) -> float:
    """Return ``Σ a b`` of a block."""
    total = 0.0
    first, second = a[o : o + n], b[o : o + n]
    for p in range(n):
        total += first[p] * second[p]
    return total


@kernel
def dot(a: FloatArray, b: FloatArray) -> float:
    """Return ``Σ a b``."""
    total = 0.0
    for o in range(0, a.size, BLOCK):
        total += _dot(a, b, o, min(BLOCK, a.size - o))
    return total


@kernel
def _direction(p: FloatArray, z: SingleArray, beta: float) -> None:
    """Set p to ``z + beta p``."""
    for n in range(p.size):
        p[n] = z[n] + beta * p[n]


@summing_kernel
def _advance(
    x: FloatArray, p: FloatArray, r: FloatArray, q: FloatArray, alpha: float, single: SingleArray, o: int, n: int
) -> float:
    """Add ``alpha p`` to x, take ``alpha q`` from r, round r to `single` and return ``Σ|r|`` of a block."""
    xb, pb, rb, qb, sb = x[o : o + n], p[o : o + n], r[o : o + n], q[o : o + n], single[o : o + n]
    total = 0.0
    for i in range(n):
        xb[i] += alpha * pb[i]
    for i in range(n):
        rb[i] -= alpha * qb[i]
    for i in range(n):
        sb[i] = rb[i]
        total += abs(rb[i])
    return total


@summing_kernel
def absolute_sum(a: FloatArray) -> float:
    """Return ``Σ |a|``."""
    total = 0.0
    for n in range(a.size):
        total += abs(a[n])
    return total


@summing_kernel
def _subtract_from(b: FloatArray, r: FloatArray, single: SingleArray, o: int, n: int) -> float:
    """Set r to ``b − r``, round it to `single` and return ``Σ|r|`` of a block."""
    total = 0.0
    rb, bb, sb = r[o : o + n], b[o : o + n], single[o : o + n]
    for i in range(n):
        rb[i] = bb[i] - rb[i]
    for i in range(n):
        sb[i] = rb[i]
        total += abs(rb[i])
    return total


@kernel
def _residual(a: SplitMatrix, b: FloatArray, x: FloatArray, r: FloatArray, single: SingleArray) -> float:
    """Set r to ``b − A x``, round it to `single` and return ``Σ|r|``."""
    multiply(a, x, r)
    norm = 0.0
    for o in range(0, r.size, BLOCK):
        norm += _subtract_from(b, r, single, o, min(BLOCK, r.size - o))
    return norm


@kernel
def conjugate_gradients(
    a: SplitMatrix, h: Hierarchy, b: FloatArray, x: FloatArray, work: FloatArray, target: float, most: int, residuals: FloatArray
) -> tuple[int, bool]:
    """Solve ``A x = b`` from x by preconditioned conjugate gradients (Saad 2003, algorithm 9.1).

    Stops when ``Σ|r| ≤ target``, where r is the recursive residual; the true one is then computed, and the iteration restarts
    from there when rounding has parted the two.

    Parameters
    ----------
    a, h
        Matrix, and hierarchy of a similar one.
    b, x : ndarray
        Right-hand side, and the first guess that becomes the solution, shape ``(size,)``.
    work : ndarray
        Work space, shape ``(3, size)``; on return the first holds the residual.
    target : float
        m³/d.
    most : int
        Largest number of iterations.
    residuals : ndarray
        Filled with the history of ``Σ|r|``, shape ``(most + 1,)``.

    Returns
    -------
    iterations : int
        Cycles used.
    sound : bool
        False when the method broke down.
    """
    size = b.size
    r, p, q = work
    z, single = h.x[:size], h.b[:size]
    p[:] = 0.0
    rho = 0.0
    residuals[0] = _residual(a, b, x, r, single)
    for iteration in range(most + 1):
        if residuals[iteration] <= target and iteration > 0:
            residuals[iteration] = _residual(a, b, x, r, single)
            rho = 0.0
        if residuals[iteration] <= target or iteration == most:
            return iteration, True
        cycle(h)
        old, rho = rho, dot(r, z)
        _direction(p, z, rho / old if old > 0.0 else 0.0)
        multiply(a, p, q)
        curvature = dot(p, q)
        if not (rho > 0.0 and curvature > 0.0):
            return iteration, False
        alpha, norm = rho / curvature, 0.0
        for o in range(0, size, BLOCK):
            norm += _advance(x, p, r, q, alpha, single, o, min(BLOCK, size - o))
        residuals[iteration + 1] = norm
    return most, True
