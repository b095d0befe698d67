"""The flow between cells: what a range of cells receives from its neighbours."""

from __future__ import annotations

from typing import NamedTuple

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.compiled import fused_part
from aquirecover.flow.faces import Halves
from aquirecover.flow.kernels import mean_saturation


class Ground(NamedTuple):
    """What does not change in time; flat arrays of all cells, by the faces of `faces.Faces`.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Conductances of faces, m²/d.
    storage : ndarray
        Storage per metre of head of full cells, m².
    row, plane : int
        Distance of a cell to the one south of it and to the one below it.
    """

    cx: FloatArray
    cy: FloatArray
    cz: FloatArray
    storage: FloatArray
    row: int
    plane: int


class WaterTable(NamedTuple):
    """What convertible cells need besides; flat arrays of all cells, of size 0 in a model without any.

    Parameters
    ----------
    layers : ndarray of bool
        Layers that have any, shape ``(n_layer,)``.
    near_x, wall_x, lean_x, near_y, wall_y, lean_y, harmonic
        See `faces.Faces` and `Halves`, whose arrays are here one by one, as parallel loops want them.
    bottom, thickness : ndarray
        m.
    convertible : ndarray of bool
        Cells whose saturated thickness follows the head.
    elastic, drainable : ndarray
        See `kernels.storage_release`; m² and m³.
    """

    layers: BoolArray
    near_x: FloatArray
    wall_x: FloatArray
    lean_x: FloatArray
    near_y: FloatArray
    wall_y: FloatArray
    lean_y: FloatArray
    harmonic: bool
    bottom: FloatArray
    thickness: FloatArray
    convertible: BoolArray
    elastic: FloatArray
    drainable: FloatArray


@fused_part
def _add_faces(head: FloatArray, c: FloatArray, distance: int, o: int, n: int, out: FloatArray) -> None:
    """Add to `out` the flow through the faces between cells o … and those at a distance on both sides.

    Faces on the edge of the grid are zero, so that those of one row may be taken for the next; beyond the first and last cell of
    all there is nothing to read.
    """
    near = min(n, max(0, distance - o))
    far = max(0, min(n, head.size - distance - o))
    if near < far:
        m, at = far - near, o + near
        here, there, before = head[at : at + m], head[at + distance : at + distance + m], head[at - distance : at - distance + m]
        ahead, behind, target = c[at : at + m], c[at - distance : at - distance + m], out[at : at + m]
        for p in range(m):
            target[p] += ahead[p] * (there[p] - here[p]) + behind[p] * (before[p] - here[p])
    for p in range(o, o + min(near, far)):
        out[p] += c[p] * (head[p + distance] - head[p])
    for p in range(o + max(near, far), o + n):
        out[p] += c[p - distance] * (head[p - distance] - head[p])


@fused_part
def _add_plane(head: FloatArray, cx: FloatArray, cy: FloatArray, row: int, o: int, n: int, out: FloatArray) -> None:
    """Add to `out` the flow into cells o … from all four sides, none of which lies before the first or after the last cell."""
    here, target = head[o : o + n], out[o : o + n]
    west, east, north, south = head[o - 1 :], head[o + 1 :], head[o - row :], head[o + row :]
    c_west, c_east, c_north, c_south = cx[o - 1 :], cx[o : o + n], cy[o - row :], cy[o : o + n]
    for p in range(n):
        h = here[p]
        along = c_east[p] * (east[p] - h) + c_west[p] * (west[p] - h)
        target[p] += along + (c_south[p] * (south[p] - h) + c_north[p] * (north[p] - h))


@fused_part
def _add_upstream(
    head: FloatArray, sat: FloatArray, c: FloatArray, at: int, beyond: int, face: int, n: int, out: FloatArray
) -> None:
    """Add to `out` the flow into n cells from those beyond their faces, with the saturation of the cell that it leaves."""
    here, there, full, target = head[at : at + n], head[beyond : beyond + n], c[face : face + n], out[at : at + n]
    own, other = sat[at : at + n], sat[beyond : beyond + n]
    for p in range(n):
        d = there[p] - here[p]
        target[p] += full[p] * (other[p] if d > 0.0 else own[p]) * d


@fused_part
def _add_harmonic(
    head: FloatArray,
    sat: FloatArray,
    c: FloatArray,
    along: Halves,
    at: int,
    beyond: int,
    face: int,
    n: int,
    out: FloatArray,
) -> None:
    """Add to `out` the flow into n cells from those beyond their faces, with the harmonic mean of both saturations."""
    here, there, full, target = head[at : at + n], head[beyond : beyond + n], c[face : face + n], out[at : at + n]
    # the face belongs to the first of its cells, and so do the shares
    first, second = sat[face : face + n], sat[at + beyond - face : at + beyond - face + n]
    near, wall, lean = along.near[face : face + n], along.wall[face : face + n], along.lean[face : face + n]
    for p in range(n):
        target[p] += full[p] * mean_saturation(near[p], wall[p], lean[p], first[p], second[p]) * (there[p] - here[p])


@fused_part
def _add_unsaturated_faces(
    head: FloatArray,
    sat: FloatArray,
    c: FloatArray,
    along: Halves,
    harmonic: bool,
    distance: int,
    o: int,
    n: int,
    out: FloatArray,
) -> None:
    """Do what `_add_faces` does for the horizontal faces of convertible cells."""
    near = min(n, max(0, distance - o))
    far = max(0, min(n, head.size - distance - o))
    if harmonic:
        _add_harmonic(head, sat, c, along, o, o + distance, o, far, out)
        _add_harmonic(head, sat, c, along, o + near, o + near - distance, o + near - distance, n - near, out)
    else:
        _add_upstream(head, sat, c, o, o + distance, o, far, out)
        _add_upstream(head, sat, c, o + near, o + near - distance, o + near - distance, n - near, out)


@fused_part
def fill_full(
    head: FloatArray, cx: FloatArray, cy: FloatArray, cz: FloatArray, row: int, plane: int, o: int, n: int, inflow: FloatArray
) -> None:
    """Fill the flow from all neighbours into full cells o …, m³/d."""
    inflow[o : o + n] = 0.0
    _add_faces(head, cz, plane, o, n, inflow)
    if o >= row and o + n + row <= head.size:
        _add_plane(head, cx, cy, row, o, n, inflow)
    else:
        _add_faces(head, cy, row, o, n, inflow)
        _add_faces(head, cx, 1, o, n, inflow)


@fused_part
def fill_unsaturated(
    head: FloatArray, sat: FloatArray, ground: Ground, table: WaterTable, o: int, n: int, inflow: FloatArray
) -> None:
    """Fill the flow from all neighbours into convertible cells o …, m³/d."""
    cx, cy, cz, _, row, plane = ground
    inflow[o : o + n] = 0.0
    _add_faces(head, cz, plane, o, n, inflow)
    along_x = Halves(table.near_x, table.wall_x, table.lean_x)
    along_y = Halves(table.near_y, table.wall_y, table.lean_y)
    _add_unsaturated_faces(head, sat, cy, along_y, table.harmonic, row, o, n, inflow)
    _add_unsaturated_faces(head, sat, cx, along_x, table.harmonic, 1, o, n, inflow)
