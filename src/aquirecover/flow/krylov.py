"""Krylov methods on vectors in the numbering of `colouring`, compiled as a whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import Layout, SingleArray, split_faces
from aquirecover.flow.compiled import fused_kernel, summing_kernel
from aquirecover.flow.cycle import BLOCK, EAST, NORTH, SOUTH, WEST, Hierarchy, cycle


class SplitMatrix(NamedTuple):
    """A matrix in the numbering of `colouring`; m²/d.

    Parameters
    ----------
    n_layer, width, stride : int
        Of the layout.
    diagonal, cz : ndarray
        Of all cells, shape ``(size,)``.
    red, black : ndarray
        What rows of red, and of black, columns hold for the western, eastern, northern and southern faces of the red column,
        shape ``(4, n)``; the same array when the matrix is symmetric.
    """

    n_layer: int
    width: int
    stride: int
    diagonal: FloatArray
    cz: FloatArray
    red: FloatArray
    black: FloatArray


def split_matrix(
    diagonal: FloatArray, far_x: FloatArray, near_x: FloatArray, far_y: FloatArray, near_y: FloatArray, cz: FloatArray
) -> SplitMatrix:
    """Return the matrix of arrays of shape ``(n_layer, n_y, n_x)``; see `linear.Matrix`."""
    layout = Layout(*diagonal.shape)
    red = np.zeros((4, layout.n_layer * layout.stride))
    # the row of a red column takes its western neighbour by the near side of the face between, its eastern one by the far side
    split_faces(near_x, far_x, near_y, far_y, *red, layout.width, layout.stride)
    black = red
    if near_x is not far_x or near_y is not far_y:
        black = np.zeros_like(red)
        split_faces(far_x, near_x, far_y, near_y, *black, layout.width, layout.stride)
    return SplitMatrix(layout.n_layer, layout.width, layout.stride, layout.split(diagonal), layout.split(cz), red, black)


@fused_kernel
def _scale(out: FloatArray, diagonal: FloatArray, x: FloatArray, o: int, n: int) -> None:
    """Set `out` to ``diagonal x``."""
    target, d, own = out[o : o + n], diagonal[o : o + n], x[o : o + n]
    for p in range(n):
        target[p] = d[p] * own[p]


@fused_kernel
def _take_pair(
    out: FloatArray, o: int, x: FloatArray, c: FloatArray, f: int, a: int, ax: int, g: int, b: int, bx: int, n: int
) -> None:
    """Take ``c[f] x + c[g] x`` from `out`; a and ax, b and bx are the places in each product."""
    target, first, xf, second, xg = out[o : o + n], c[f, a : a + n], x[ax : ax + n], c[g, b : b + n], x[bx : bx + n]
    for p in range(n):
        target[p] -= first[p] * xf[p] + second[p] * xg[p]


@fused_kernel
def _take(out: FloatArray, o: int, cz: FloatArray, c: int, x: FloatArray, other: int, n: int) -> None:
    """Take ``cz x`` from `out`."""
    target, face, source = out[o : o + n], cz[c : c + n], x[other : other + n]
    for p in range(n):
        target[p] -= face[p] * source[p]


@fused_kernel
def multiply(a: SplitMatrix, x: FloatArray, out: FloatArray) -> None:
    """Fill ``A x``."""
    n_layer, w, stride, diagonal, cz, own, other = a
    n_column = stride - 2 * (w + 1)
    for begin in range(0, n_column, BLOCK):
        n = min(BLOCK, n_column - begin)
        for k in range(n_layer):
            red = k * stride + w + 1 + begin
            black = red + n_layer * stride
            _scale(out, diagonal, x, red, n)
            _take_pair(out, red, x, own, WEST, red, black - 1, EAST, red, black, n)
            _take_pair(out, red, x, own, NORTH, red, black - w - 1, SOUTH, red, black + w, n)
            _scale(out, diagonal, x, black, n)
            _take_pair(out, black, x, other, EAST, red, red, WEST, red + 1, red + 1, n)
            _take_pair(out, black, x, other, SOUTH, red - w, red - w, NORTH, red + w + 1, red + w + 1, n)
            for o in (red, black):
                if k > 0:
                    _take(out, o, cz, o - stride, x, o - stride, n)
                if k + 1 < n_layer:
                    _take(out, o, cz, o, x, o + stride, n)


@summing_kernel
def _dot(a: FloatArray, b: FloatArray, o: int, n: int) -> float:
    """Return ``Σ a b`` of a block."""
    total = 0.0
    first, second = a[o : o + n], b[o : o + n]
    for p in range(n):
        total += first[p] * second[p]
    return total


@fused_kernel
def dot(a: FloatArray, b: FloatArray) -> float:
    """Return ``Σ a b``."""
    total = 0.0
    for o in range(0, a.size, BLOCK):
        total += _dot(a, b, o, min(BLOCK, a.size - o))
    return total


@fused_kernel
def _direction(p: FloatArray, z: SingleArray, beta: float) -> None:
    """Set p to ``z + beta p``; what p holds does not matter when beta is 0."""
    if beta == 0.0:
        for n in range(p.size):
            p[n] = z[n]
    else:
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


@fused_kernel
def _residual(a: SplitMatrix, b: FloatArray, x: FloatArray, r: FloatArray, single: SingleArray) -> float:
    """Set r to ``b − A x``, round it to `single` and return ``Σ|r|``."""
    multiply(a, x, r)
    norm = 0.0
    for o in range(0, r.size, BLOCK):
        norm += _subtract_from(b, r, single, o, min(BLOCK, r.size - o))
    return norm


@fused_kernel
def conjugate_gradients(
    a: SplitMatrix,
    h: Hierarchy,
    b: FloatArray,
    x: FloatArray,
    work: FloatArray,
    target: float,
    most: int,
    residuals: FloatArray,
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


@fused_kernel
def _add_multiple(out: FloatArray, x: FloatArray, share: float) -> None:
    """Add ``share x`` to `out`."""
    for n in range(out.size):
        out[n] += share * x[n]


@fused_kernel
def conjugate_residuals(
    a: SplitMatrix,
    h: Hierarchy,
    b: FloatArray,
    x: FloatArray,
    r: FloatArray,
    directions: FloatArray,
    images: FloatArray,
    target: float,
    most: int,
    residuals: FloatArray,
) -> tuple[int, bool]:
    """Solve ``A x = b`` from 0 by generalised conjugate residuals (Eisenstat, Elman and Schultz 1983), for any matrix.

    The preconditioned residual, its image made orthogonal to those of the last few directions, is the next direction; one cycle
    an iteration. Stops as `conjugate_gradients` does.

    Parameters
    ----------
    r : ndarray
        On return the residual, shape ``(size,)``.
    directions, images : ndarray
        Work space for as many directions as are kept, shape ``(n, size)``.
    """
    size, kept = b.size, directions.shape[0]
    z, single = h.x[:size], h.b[:size]
    squares = np.empty(kept)
    x[:] = 0.0
    residuals[0] = _residual(a, b, x, r, single)
    for iteration in range(most + 1):
        if residuals[iteration] <= target and iteration > 0:
            residuals[iteration] = _residual(a, b, x, r, single)
        if residuals[iteration] <= target or iteration == most:
            return iteration, True
        cycle(h)
        place = iteration % kept
        p, q = directions[place], images[place]
        _direction(p, z, 0.0)
        multiply(a, p, q)
        for other in range(min(iteration, kept)):
            if other != place:
                share = dot(q, images[other]) / squares[other]
                _add_multiple(q, images[other], -share)
                _add_multiple(p, directions[other], -share)
        squares[place] = dot(q, q)
        if not squares[place] > 0.0:
            return iteration, False
        alpha, norm = dot(r, q) / squares[place], 0.0
        for o in range(0, size, BLOCK):
            norm += _advance(x, p, r, q, alpha, single, o, min(BLOCK, size - o))
        residuals[iteration + 1] = norm
    return most, True
