"""From derivatives with respect to the conductances of faces to those with respect to properties and flow barriers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.conductance import barred_faces, in_series, open_faces, vertical_leakance
from aquirecover.flow.faces import Faces
from aquirecover.flow.problem import Problem


class ByFace(NamedTuple):
    """Derivatives of a quantity with respect to the fields of `Faces` and of their `Halves`, of the same shapes.

    Those with respect to walls are of shape ``(0, 0, 0)`` in a model without flow barriers.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    near_x: FloatArray
    near_y: FloatArray
    wall_x: FloatArray
    wall_y: FloatArray


class ByProperty(NamedTuple):
    """Derivatives of a quantity with respect to what conductances are made of.

    Parameters
    ----------
    k, k22, k33 : ndarray
        Shape ``(n_layer, n_y, n_x)``; 0 where a cell has no part in any flow.
    leakance : ndarray
        Shape ``(n_layer - 1, n_y, n_x)``; 0 where none is given.
    barriers : tuple of ndarray
        With respect to the hydraulic characteristics of each barrier, shape ``(n,)``.
    """

    k: FloatArray
    k22: FloatArray
    k33: FloatArray
    leakance: FloatArray
    barriers: tuple[FloatArray, ...]


def by_property(problem: Problem, by_face: ByFace) -> ByProperty:
    """Apply the chain rule to the formulas of `conductance.conductances`.

    Parameters
    ----------
    problem : Problem
        Whose conductances they are.
    by_face : ByFace
        Not changed; those with respect to shares count where the averaging is harmonic.
    """
    grid, properties = problem.grid, problem.properties
    faces = open_faces(problem, shares=True)
    opened, barriers = _without_barriers(problem, faces, by_face)
    thickness = np.where(grid.active, grid.thickness, 0.0)
    by_x, by_y = np.zeros(grid.shape), np.zeros(grid.shape)
    _add_horizontal(opened.cx, by_face.near_x, faces.cx, faces.x.near, properties.k * thickness, faces.harmonic, 2, by_x)
    _add_horizontal(opened.cy, by_face.near_y, faces.cy, faces.y.near, properties.k22 * thickness, faces.harmonic, 1, by_y)
    k33, leakance = _by_vertical(problem, by_face.cz)
    return ByProperty(by_x * thickness, by_y * thickness, k33, leakance, barriers)


def _without_barriers(problem: Problem, faces: Faces, by_face: ByFace) -> tuple[ByFace, tuple[FloatArray, ...]]:
    """Return the derivatives with respect to open faces, and those with respect to each barrier; `faces` stay open.

    ``c' = c b / (c + b)`` has the derivatives ``(b / (c + b))²`` and ``(c / (c + b))²``. The share of all barriers of a face in
    its resistance is ``1 − c' / c``, of the conductance c of the open face.
    """
    barred = faces._replace(cx=faces.cx.copy(), cy=faces.cy.copy())
    found = by_face._replace(cx=by_face.cx.copy(), cy=by_face.cy.copy())
    put_on = []
    for barrier in problem.barriers:
        parts = []
        for part in barred_faces(problem.grid, barrier, barred):
            b, before = barrier.hydraulic_characteristic[part.chosen] * part.per_characteristic, part.c[part.cell]
            parts.append((before, b))
            part.c[part.cell] = in_series(before, b)
        put_on.append(parts)
    results = []
    walls = []
    if faces.harmonic and problem.barriers:
        walls = [(found.cx, by_face.wall_x, faces.cx, barred.cx), (found.cy, by_face.wall_y, faces.cy, barred.cy)]
    for by_c, by_wall, open_c, _ in walls:
        by_c -= _over(by_wall, open_c)
    for barrier, parts in zip(reversed(problem.barriers), reversed(put_on), strict=True):
        result = np.zeros(barrier.cell.size)
        by_faces = barred_faces(problem.grid, barrier, barred._replace(cx=found.cx, cy=found.cy))
        for (before, b), part in zip(parts, by_faces, strict=True):
            total = before + b
            share = _over(before, total)
            result[part.chosen] = part.c[part.cell] * share**2 * part.per_characteristic
            part.c[part.cell] *= np.where(total > 0.0, (1.0 - share) ** 2, 0.0)
        results.append(result)
    for by_c, by_wall, open_c, left in walls:
        by_c += _over(by_wall * _over(left, open_c), open_c)
    return found, tuple(reversed(results))


def _over(value: FloatArray, below: FloatArray) -> FloatArray:
    """Return ``value / below``, 0 where that is not positive."""
    return np.divide(value, below, out=np.zeros_like(below), where=below > 0.0)


def _add_horizontal(
    by_c: FloatArray,
    by_near: FloatArray,
    c: FloatArray,
    near: FloatArray,
    transmissivity: FloatArray,
    harmonic: bool,
    axis: int,
    out: FloatArray,
) -> None:
    """Add the derivatives with respect to the transmissivity of both cells of the faces along an axis.

    For ``c = 2 T1 T2 w / (T1 b + T2 a)`` and the share ``n = T2 a / (T1 b + T2 a)`` they are ``∂c/∂T1 = n c / T1``,
    ``∂c/∂T2 = (1 − n) c / T2`` and ``T1 ∂n/∂T1 = −T2 ∂n/∂T2 = −n (1 − n)``.
    """
    first, second = (tuple(part if i == axis else slice(None) for i in range(3)) for part in (slice(None, -1), slice(1, None)))
    share, along = near[first], by_c[first] * c[first]
    turned = by_near[first] * share * (1.0 - share) if harmonic else 0.0
    for cells, total in ((first, share * along - turned), (second, (1.0 - share) * along + turned)):
        t = transmissivity[cells]
        out[cells] += np.divide(total, t, out=np.zeros_like(t), where=t > 0.0)


def _by_vertical(problem: Problem, by_cz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives with respect to k33 and leakance.

    For the leakance ``1 / (r1 + r2)`` with ``r = b / (2 k33)`` those with respect to either k33 are ``b / (2 (k33 (r1 + r2))²)``.
    """
    grid, properties = problem.grid, problem.properties
    k33, leakance = np.zeros(grid.shape), np.zeros((grid.shape[0] - 1, *grid.shape[1:]))
    for upper, lower, joined, value in vertical_leakance(problem):
        by_leakance = np.where(joined, (lower - upper) * grid.area * by_cz[upper:lower].sum(axis=0), 0.0)
        own = joined & np.isnan(properties.leakance[upper])
        leakance[upper] += np.where(own, 0.0, by_leakance)
        for layer in (upper, lower):
            ratio = np.divide(value, properties.k33[layer], out=np.zeros_like(value), where=own)
            k33[layer] += by_leakance * 0.5 * grid.thickness[layer] * ratio**2
    return k33, leakance
