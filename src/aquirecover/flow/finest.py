"""The finest level of the hierarchy, where the matrix itself is solved with its red columns eliminated.

Vectors are those of black columns; red ones follow from them, ``T_red x_red = b_red + faces x_black``. They are solved for in
double precision, and products with the matrix are sums of differences, so that what single precision rounds away in the numbers
of a vector is no error of its product.
"""

from __future__ import annotations

from typing import NamedTuple

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.colouring import SingleArray
from aquirecover.flow.compiled import fused_part, summing_part
from aquirecover.flow.sweeps import (
    EAST,
    NORTH,
    SOUTH,
    WEST,
    Level,
    span,
)


class Finest(NamedTuple):
    """Arrays of the finest level; a plane has shape ``(n_layer stride,)``, see `sweeps`.

    Parameters
    ----------
    faces : ndarray of float32
        What rows of red columns hold for their western, eastern, northern and southern faces, shape ``(4, n)``; m²/d.
    far_faces : ndarray of float32
        What rows of black columns on the other side of these faces hold; `faces` itself when the matrix is symmetric.
    red_factors : ndarray
        Inverse pivots of red columns and those times the conductance below, shape ``(2, n)``.
    black_factors : ndarray of float32
        Those of black columns.
    surplus, cz : ndarray of float32
        What rows of black columns have beyond their faces, and conductance to the layer below; m²/d.
    b : ndarray of float32
        Right-hand side, red plane first; m³/d.
    red : ndarray
        Red plane of a solution; m.
    image : ndarray of float32
        Product of the matrix with a vector in black columns; m³/d.
    """

    faces: SingleArray
    far_faces: SingleArray
    red_factors: FloatArray
    black_factors: SingleArray
    surplus: SingleArray
    cz: SingleArray
    b: SingleArray
    red: FloatArray
    image: SingleArray


@fused_part
def _set_differences(
    out: SingleArray,
    o: int,
    z: SingleArray,
    surplus: SingleArray,
    x: FloatArray,
    c: SingleArray,
    f: int,
    a: int,
    ax: int,
    g: int,
    b: int,
    bx: int,
    n: int,
) -> None:
    """Set `out` to ``surplus z + c[f] (z − x) + c[g] (z − x)``; a and ax, b and bx are the places in each product."""
    target, own, hold = out[o : o + n], z[o : o + n], surplus[o : o + n]
    first, xf, second, xg = c[f, a : a + n], x[ax : ax + n], c[g, b : b + n], x[bx : bx + n]
    for p in range(n):
        target[p] = hold[p] * own[p] + first[p] * (own[p] - xf[p]) + second[p] * (own[p] - xg[p])


@fused_part
def _add_differences(
    out: SingleArray,
    o: int,
    z: SingleArray,
    x: FloatArray,
    c: SingleArray,
    f: int,
    a: int,
    ax: int,
    g: int,
    b: int,
    bx: int,
    n: int,
) -> None:
    """Add ``c[f] (z − x) + c[g] (z − x)`` to `out`."""
    target, own = out[o : o + n], z[o : o + n]
    first, xf, second, xg = c[f, a : a + n], x[ax : ax + n], c[g, b : b + n], x[bx : bx + n]
    for p in range(n):
        target[p] += first[p] * (own[p] - xf[p]) + second[p] * (own[p] - xg[p])


@fused_part
def _add_difference(out: SingleArray, o: int, z: SingleArray, other: int, c: SingleArray, f: int, n: int) -> None:
    """Add ``c (z − z[other])`` to `out`."""
    target, own, there, face = out[o : o + n], z[o : o + n], z[other : other + n], c[f : f + n]
    for p in range(n):
        target[p] += face[p] * (own[p] - there[p])


@fused_part
def image_block(
    level: Level,
    block: int,
    z: SingleArray,
    red: FloatArray,
    faces: SingleArray,
    surplus: SingleArray,
    cz: SingleArray,
    image: SingleArray,
) -> None:
    """Fill the product of the matrix with the planes z and `red` in black columns."""
    place, n = span(level, block)
    w, stride = level.width, level.stride
    for k in range(level.n_layer):
        o = k * stride + place
        _set_differences(image, o, z, surplus, red, faces, EAST, o, o, WEST, o + 1, o + 1, n)
        _add_differences(image, o, z, red, faces, SOUTH, o - w, o - w, NORTH, o + w + 1, o + w + 1, n)
        if k > 0:
            _add_difference(image, o, z, o - stride, cz, o - stride, n)
        if k + 1 < level.n_layer:
            _add_difference(image, o, z, o + stride, cz, o, n)


@summing_part
def _sums(b: SingleArray, z: SingleArray, image: SingleArray, a: int, o: int, n: int) -> tuple[float, float]:
    """Return ``Σ b z`` and ``Σ image z``."""
    first, second = 0.0, 0.0
    bs, zs, qs = b[a : a + n], z[o : o + n], image[o : o + n]
    for p in range(n):
        first += bs[p] * zs[p]
        second += qs[p] * zs[p]
    return first, second


@fused_part
def sum_block(level: Level, block: int, b: SingleArray, z: SingleArray, image: SingleArray, sums: FloatArray) -> None:
    """Fill ``Σ b z`` and ``Σ image z`` of a block of black columns."""
    place, n = span(level, block)
    sums[block, 0] = sums[block, 1] = 0.0
    for k in range(level.n_layer):
        o = k * level.stride + place
        first, second = _sums(b, z, image, z.size + o, o, n)
        sums[block, 0] += first
        sums[block, 1] += second
