"""Derivatives of weighted sums of flows between cells: what a backward sweep adds up.

A weight belongs to the imbalance of a cell, so that the flow through a face counts with the difference of the weights on its two
sides: what enters one cell leaves the other.
"""

from __future__ import annotations

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.compiled import kernel, part
from aquirecover.flow.conductance_gradient import ByFace
from aquirecover.flow.faces import Faces, Halves
from aquirecover.flow.kernels import harmonic_terms, upstream_terms

# Rows of what `face_terms` fills.
FLOW, BY_NEAR, BY_FAR, BY_C, BY_SHARE, BY_WALL = 0, 1, 2, 3, 4, 5
N_TERM = 6


@part
def _shares(
    along: Halves, harmonic: bool, k: int, j: int, i: int, head: float, s: float, head_far: float, s_far: float
) -> tuple[float, float, float]:
    """Return flow over conductance of a face, m, and its derivatives with respect to the shares ``near`` and ``wall``, m."""
    d = head_far - head
    if not harmonic:
        return (s_far if d > 0.0 else s) * d, 0.0, 0.0
    near, wall, lean = along.near[k, j, i], along.wall[k, j, i], along.lean[k, j, i]
    below = near * s_far + (1.0 - near) * s
    if not (below > 0.0 and s > 0.0 and s_far > 0.0):
        return 0.0, 0.0, 0.0
    mean, turn, height = s * s_far / below, s * s_far * (s - s_far) / (below * below), lean * s + (1.0 - lean) * s_far
    if wall <= 0.0:
        return mean * d, turn * d, mean * (1.0 - mean / height) * d
    below = (1.0 - wall) * height + wall * mean
    total, by_mean = mean * height / below, (1.0 - wall) * (height / below) ** 2
    return total * d, by_mean * turn * d, total * total * (1.0 / mean - 1.0 / height) * d


@kernel
def add_face_products(weight: FloatArray, head: FloatArray, sat: FloatArray, faces: Faces, out: ByFace) -> None:
    """Add the derivatives of ``Σ weight · net inflow`` with respect to the fields of `faces`.

    All arrays have the shape ``(n_layer, n_y, n_x)``; those of `out` for shares have the shape of those of `faces`.
    """
    n_layer, n_y, n_x = head.shape
    for k in range(n_layer):
        for j in range(n_y):
            for i in range(n_x):
                w, h, s = weight[k, j, i], head[k, j, i], sat[k, j, i]
                if i + 1 < n_x:
                    h_far, s_far = head[k, j, i + 1], sat[k, j, i + 1]
                    flow, turn, walled = _shares(faces.x, faces.harmonic, k, j, i, h, s, h_far, s_far)
                    apart = w - weight[k, j, i + 1]
                    out.cx[k, j, i] += apart * flow
                    if faces.harmonic:
                        out.near_x[k, j, i] += apart * faces.cx[k, j, i] * turn
                    if out.wall_x.size > 0:
                        out.wall_x[k, j, i] += apart * faces.cx[k, j, i] * walled
                if j + 1 < n_y:
                    h_far, s_far = head[k, j + 1, i], sat[k, j + 1, i]
                    flow, turn, walled = _shares(faces.y, faces.harmonic, k, j, i, h, s, h_far, s_far)
                    apart = w - weight[k, j + 1, i]
                    out.cy[k, j, i] += apart * flow
                    if faces.harmonic:
                        out.near_y[k, j, i] += apart * faces.cy[k, j, i] * turn
                    if out.wall_y.size > 0:
                        out.wall_y[k, j, i] += apart * faces.cy[k, j, i] * walled
                if k + 1 < n_layer:
                    out.cz[k, j, i] += (w - weight[k + 1, j, i]) * (head[k + 1, j, i] - h)


@kernel
def face_terms(
    axis: IntArray, cell: IntArray, head: FloatArray, sat: FloatArray, slope: FloatArray, faces: Faces, out: FloatArray
) -> None:
    """Fill the flow through single faces and its derivatives.

    Parameters
    ----------
    axis, cell : ndarray of int
        0, 1 or 2 for a face to the cell below, to the south or to the east of a cell, by its flat number; shape ``(n,)``.
    head, sat, slope, faces
        Of all cells, shape ``(n_layer, n_y, n_x)``.
    out : ndarray
        Shape ``(N_TERM, n)``: the flow into the cell, m³/d, and its derivatives with respect to the head of the cell, to that of
        the other one, to the conductance, and to the shares of resistance ``near`` and ``wall``.
    """
    n_y, n_x = head.shape[1:]
    for n in range(cell.size):
        k, rest = divmod(cell[n], n_y * n_x)
        j, i = divmod(rest, n_x)
        if axis[n] == 0:
            c, d = faces.cz[k, j, i], head[k + 1, j, i] - head[k, j, i]
            out[FLOW, n], out[BY_NEAR, n], out[BY_FAR, n], out[BY_C, n] = c * d, -c, c, d
            out[BY_SHARE, n], out[BY_WALL, n] = 0.0, 0.0
            continue
        jj, ii = (j + 1, i) if axis[n] == 1 else (j, i + 1)
        c = faces.cy[k, j, i] if axis[n] == 1 else faces.cx[k, j, i]
        along = faces.y if axis[n] == 1 else faces.x
        h, s, ds = head[k, j, i], sat[k, j, i], slope[k, j, i]
        h_far, s_far, ds_far = head[k, jj, ii], sat[k, jj, ii], slope[k, jj, ii]
        if faces.harmonic:
            near, wall, lean = along.near[k, j, i], along.wall[k, j, i], along.lean[k, j, i]
            by_far, by_near = harmonic_terms(c, near, wall, lean, h, s, ds, h_far, s_far, ds_far)
        else:
            by_far, by_near = upstream_terms(c, h, s, ds, h_far, s_far, ds_far)
        flow, turn, walled = _shares(along, faces.harmonic, k, j, i, h, s, h_far, s_far)
        out[FLOW, n], out[BY_NEAR, n], out[BY_FAR, n], out[BY_C, n] = c * flow, -by_near, by_far, flow
        out[BY_SHARE, n], out[BY_WALL, n] = c * turn, c * walled


@kernel
def add_product(weight: FloatArray, value: FloatArray, out: FloatArray) -> None:
    """Add ``weight · value`` to `out`; all arrays flat."""
    for n in range(out.size):
        out[n] += weight[n] * value[n]
