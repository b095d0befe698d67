"""Compiled loops over cells, on plain arrays of shape ``(n_layer, n_y, n_x)``.

Every face belongs to the cell on its western, northern or upper side, see `faces.Faces`. Each loop gathers into its own cell, in
a fixed order, so that results do not depend on scheduling.
"""

from __future__ import annotations

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.compiled import kernel, part, summing_kernel
from aquirecover.flow.faces import Faces

# Width, as a share of the cell, over which saturation bends smoothly at the bottom and the top (MODFLOW 6, Langevin et al. 2017,
# TM6-A55, eq. 4-5).
SMOOTHING = 1e-6


@part
def saturated_share(head: float, bottom: float, thickness: float) -> tuple[float, float]:
    """Return the saturated share of a convertible cell and its derivative with respect to head, 1 and 1/m."""
    eps = SMOOTHING
    a = 1.0 / (1.0 - eps)
    s = (head - bottom) / thickness
    if s <= 0.0:
        return 0.0, 0.0
    if s < eps:
        return 0.5 * a * s * s / eps, a * s / (eps * thickness)
    if s < 1.0 - eps:
        return a * s + 0.5 * (1.0 - a), a / thickness
    if s < 1.0:
        return 1.0 - 0.5 * a * (1.0 - s) * (1.0 - s) / eps, a * (1.0 - s) / (eps * thickness)
    return 1.0, 0.0


@kernel
def saturation(
    head: FloatArray, bottom: FloatArray, thickness: FloatArray, convertible: BoolArray, sat: FloatArray, slope: FloatArray
) -> None:
    """Fill the saturated share of each cell and its derivative with respect to head, 1 and 1/m; 1 and 0 where confined.

    All arrays are flat, ``(n_cell,)``.
    """
    for n in range(head.size):
        sat[n], slope[n] = saturated_share(head[n], bottom[n], thickness[n]) if convertible[n] else (1.0, 0.0)


@part
def mean_saturation(near: float, wall: float, lean: float, s: float, s_far: float) -> float:
    """Return the factor of a conductance between cells that are saturated by s and s_far; shares as in `faces.Halves`.

    The halves of both cells and a flow barrier of the mean of both heights are in series (MODFLOW 6, Langevin et al. 2017,
    TM6-A55, eq. 4-13 and chapter 6): ``1/S = (1 − wall) (near/s + (1 − near)/s_far) + wall / (lean s + (1 − lean) s_far)``.
    """
    below = near * s_far + (1.0 - near) * s
    mean = s * s_far / below if below > 0.0 else 0.0
    if wall > 0.0 and mean > 0.0:
        height = lean * s + (1.0 - lean) * s_far
        mean = mean * height / ((1.0 - wall) * height + wall * mean)
    return mean


@part
def mean_slopes(near: float, wall: float, lean: float, s: float, s_far: float) -> tuple[float, float, float]:
    """Return `mean_saturation` and its derivatives with respect to s and s_far."""
    below = near * s_far + (1.0 - near) * s
    if below <= 0.0:
        return 0.0, 0.0, 0.0
    mean, by_s, by_far = s * s_far / below, near * (s_far / below) ** 2, (1.0 - near) * (s / below) ** 2
    if wall > 0.0 and mean > 0.0:
        height = lean * s + (1.0 - lean) * s_far
        below = (1.0 - wall) * height + wall * mean
        by_mean, by_height = (1.0 - wall) * (height / below) ** 2, wall * (mean / below) ** 2
        mean *= height / below
        by_s, by_far = by_mean * by_s + by_height * lean, by_mean * by_far + by_height * (1.0 - lean)
    return mean, by_s, by_far


@part
def _flow_x(faces: Faces, head: FloatArray, sat: FloatArray, k: int, j: int, i: int) -> float:
    """Return the flow into cell ``[k, j, i]`` from its eastern neighbour, m³/d."""
    d, s, s_far = head[k, j, i + 1] - head[k, j, i], sat[k, j, i], sat[k, j, i + 1]
    share: float = s_far if d > 0.0 else s
    if faces.harmonic:
        along = faces.x
        share = mean_saturation(along.near[k, j, i], along.wall[k, j, i], along.lean[k, j, i], s, s_far)
    q: float = faces.cx[k, j, i] * share * d
    return q


@part
def _flow_y(faces: Faces, head: FloatArray, sat: FloatArray, k: int, j: int, i: int) -> float:
    """Return the flow into cell ``[k, j, i]`` from its southern neighbour, m³/d."""
    d, s, s_far = head[k, j + 1, i] - head[k, j, i], sat[k, j, i], sat[k, j + 1, i]
    share: float = s_far if d > 0.0 else s
    if faces.harmonic:
        along = faces.y
        share = mean_saturation(along.near[k, j, i], along.wall[k, j, i], along.lean[k, j, i], s, s_far)
    q: float = faces.cy[k, j, i] * share * d
    return q


@part
def _flow_z(faces: Faces, head: FloatArray, k: int, j: int, i: int) -> float:
    """Return the flow into cell ``[k, j, i]`` from the one below, m³/d."""
    q: float = faces.cz[k, j, i] * (head[k + 1, j, i] - head[k, j, i])
    return q


@part
def upstream_terms(c: float, h: float, s: float, ds: float, h_far: float, s_far: float, ds_far: float) -> tuple[float, float]:
    """Return ``dq/dh_far`` and ``−dq/dh`` of the inflow ``q = c · sat_upstream · (h_far − h)``; neither is negative."""
    d = h_far - h
    if d > 0.0:
        return c * (s_far + ds_far * d), c * s_far
    return c * s, c * (s - ds * d)


@part
def harmonic_terms(
    c: float, near: float, wall: float, lean: float, h: float, s: float, ds: float, h_far: float, s_far: float, ds_far: float
) -> tuple[float, float]:
    """Return ``dq/dh_far`` and ``−dq/dh`` of the inflow ``q = c · S · (h_far − h)`` with S of `mean_saturation`."""
    d = h_far - h
    mean, by_s, by_far = mean_slopes(near, wall, lean, s, s_far)
    return c * (mean + by_far * ds_far * d), c * (mean - by_s * ds * d)


@kernel
def face_derivatives(
    head: FloatArray,
    sat: FloatArray,
    slope: FloatArray,
    faces: Faces,
    unknown: BoolArray,
    far_x: FloatArray,
    near_x: FloatArray,
    far_y: FloatArray,
    near_y: FloatArray,
    diagonal: FloatArray,
) -> None:
    """Add horizontal faces to the Newton matrix.

    For the face between a cell and its eastern or southern neighbour, `far` holds ``dq/dh`` of the neighbour and `near` holds
    ``−dq/dh`` of the cell itself, m²/d, where q flows into the cell; both are left zero where either cell is not an unknown,
    but the `diagonal` of an unknown cell still feels its neighbour.
    """
    n_layer, n_y, n_x = head.shape
    for k in range(n_layer):
        for j in range(n_y):
            for i in range(n_x):
                h, s, ds = head[k, j, i], sat[k, j, i], slope[k, j, i]
                here = unknown[k, j, i]
                if i + 1 < n_x:
                    c, h2, s2, ds2 = faces.cx[k, j, i], head[k, j, i + 1], sat[k, j, i + 1], slope[k, j, i + 1]
                    if faces.harmonic:
                        part, wall, lean = faces.x.near[k, j, i], faces.x.wall[k, j, i], faces.x.lean[k, j, i]
                        far, near = harmonic_terms(c, part, wall, lean, h, s, ds, h2, s2, ds2)
                    else:
                        far, near = upstream_terms(c, h, s, ds, h2, s2, ds2)
                    both = here and unknown[k, j, i + 1]
                    far_x[k, j, i], near_x[k, j, i] = (far, near) if both else (0.0, 0.0)
                    diagonal[k, j, i] += near
                    diagonal[k, j, i + 1] += far
                if j + 1 < n_y:
                    c, h2, s2, ds2 = faces.cy[k, j, i], head[k, j + 1, i], sat[k, j + 1, i], slope[k, j + 1, i]
                    if faces.harmonic:
                        part, wall, lean = faces.y.near[k, j, i], faces.y.wall[k, j, i], faces.y.lean[k, j, i]
                        far, near = harmonic_terms(c, part, wall, lean, h, s, ds, h2, s2, ds2)
                    else:
                        far, near = upstream_terms(c, h, s, ds, h2, s2, ds2)
                    both = here and unknown[k, j + 1, i]
                    far_y[k, j, i], near_y[k, j, i] = (far, near) if both else (0.0, 0.0)
                    diagonal[k, j, i] += near
                    diagonal[k, j + 1, i] += far


@part
def released(
    head: float, sat: float, old: float, old_sat: float, bottom: float, thickness: float, elastic: float, drainable: float
) -> float:
    """Return the water that a convertible cell releases on the way from old heads to new ones, m³; see `storage_release`."""
    mid, old_mid = bottom + 0.5 * thickness * sat, bottom + 0.5 * thickness * old_sat
    return elastic * (old_sat * (old - old_mid) - sat * (head - mid)) + drainable * (old_sat - sat)


@kernel
def held_faces(
    head: FloatArray,
    sat: FloatArray,
    faces: Faces,
    unknown: BoolArray,
    layers: IntArray,
    cx: FloatArray,
    cy: FloatArray,
    surplus: FloatArray,
) -> None:
    """Fill the conductances of the horizontal faces of some layers with the saturation held, m²/d.

    Those between unknowns go into `cx` and `cy`; those to fixed heads are added to the `surplus` of the unknown.
    """
    _, n_y, n_x = head.shape
    for k in layers:
        for j in range(n_y):
            for i in range(n_x):
                here, s = unknown[k, j, i], sat[k, j, i]
                for along_x in (True, False):
                    j2, i2 = (j, i + 1) if along_x else (j + 1, i)
                    if j2 == n_y or i2 == n_x:
                        continue
                    s2, there = sat[k, j2, i2], unknown[k, j2, i2]
                    c = faces.cx[k, j, i] if along_x else faces.cy[k, j, i]
                    if faces.harmonic:
                        along = faces.x if along_x else faces.y
                        c *= mean_saturation(along.near[k, j, i], along.wall[k, j, i], along.lean[k, j, i], s, s2)
                    else:
                        c *= s2 if head[k, j2, i2] > head[k, j, i] else s
                    inner = c if here and there else 0.0
                    if along_x:
                        cx[k, j, i] = inner
                    else:
                        cy[k, j, i] = inner
                    if here and not there:
                        surplus[k, j, i] += c
                    elif there and not here:
                        surplus[k, j2, i2] += c


@kernel
def storage_release(
    head: FloatArray,
    sat: FloatArray,
    slope: FloatArray,
    old_head: FloatArray,
    old_sat: FloatArray,
    bottom: FloatArray,
    thickness: FloatArray,
    convertible: BoolArray,
    elastic: FloatArray,
    drainable: FloatArray,
    dt: float,
    release: FloatArray,
    derivative: FloatArray,
) -> None:
    """Fill the water released from storage, m³/d, and minus its derivative with respect to head, m²/d; all arrays flat.

    `elastic` is ``S_s · area · thickness``, m², and `drainable` ``S_y · area · thickness``, m³, of the full cell. In a
    convertible cell the elastic part acts on the saturated thickness, about its mid-height (MODFLOW 6, mf6io.pdf, STO package).
    """
    for n in range(head.size):
        h, e = head[n], elastic[n] / dt
        if not convertible[n]:
            release[n], derivative[n] = e * (old_head[n] - h), e
            continue
        s, ds, b, d = sat[n], slope[n], thickness[n], drainable[n] / dt
        release[n] = released(h, s, old_head[n], old_sat[n], bottom[n], b, e, d)
        derivative[n] = e * (s + ds * (h - bottom[n] - b * s)) + d * ds


@kernel
def storage_slope(
    head: FloatArray,
    sat: FloatArray,
    slope: FloatArray,
    bottom: FloatArray,
    thickness: FloatArray,
    convertible: BoolArray,
    drainable: FloatArray,
    rate: float,
    out: FloatArray,
) -> None:
    """Turn what full cells store per metre, m²/d, into minus the derivative of `storage_release` with respect to head."""
    for n in range(head.size):
        if convertible[n]:
            s, ds = sat[n], slope[n]
            out[n] = out[n] * (s + ds * (head[n] - bottom[n] - thickness[n] * s)) + rate * drainable[n] * ds


@kernel
def scatter_add(cell: IntArray, value: FloatArray, out: FloatArray) -> None:
    """Add ``value[n]`` to ``out[cell[n]]``; `out` is flat."""
    for n in range(cell.size):
        out[cell[n]] += value[n]


@kernel
def face_flows(
    head: FloatArray, sat: FloatArray, faces: Faces, cell: IntArray, axis: IntArray, sign: FloatArray, out: FloatArray
) -> None:
    """Fill the flow through chosen faces into their first cells, times a sign, m³/d.

    Face n lies between the cell of flat number ``cell[n]`` and its neighbour along an axis.
    """
    _, n_y, n_x = head.shape
    for n in range(cell.size):
        k, rest = divmod(cell[n], n_y * n_x)
        j, i = divmod(rest, n_x)
        if axis[n] == 0:
            q = _flow_z(faces, head, k, j, i)
        elif axis[n] == 1:
            q = _flow_y(faces, head, sat, k, j, i)
        else:
            q = _flow_x(faces, head, sat, k, j, i)
        out[n] = sign[n] * q


@kernel
def exchange_sums(flow: FloatArray, part: IntArray, far: IntArray, share: float, out: FloatArray) -> None:
    """Add a share of flows into parts of the model from `far` ones to a table, from the first axis to the second, m³/d ≥ 0."""
    for n in range(flow.size):
        if flow[n] > 0.0:
            out[far[n], part[n]] += share * flow[n]
        else:
            out[part[n], far[n]] -= share * flow[n]


@kernel
def term_sums(part: IntArray, term: IntArray, flow: FloatArray, share: float, inflow: FloatArray, outflow: FloatArray) -> None:
    """Add a share of flows into the model, and out of it, to tables of parts and terms, m³/d ≥ 0."""
    for n in range(flow.size):
        if flow[n] > 0.0:
            inflow[part[n], term[n]] += share * flow[n]
        else:
            outflow[part[n], term[n]] -= share * flow[n]


@kernel
def storage_sums(part: IntArray, release: FloatArray, share: float, inflow: FloatArray, outflow: FloatArray) -> None:
    """Add a share of the release of all cells (flat) to the first term of tables of parts and terms, m³/d ≥ 0."""
    for n in range(release.size):
        if release[n] > 0.0:
            inflow[part[n], 0] += share * release[n]
        else:
            outflow[part[n], 0] -= share * release[n]


@summing_kernel
def dot(a: FloatArray, b: FloatArray) -> float:
    """Return ``Σ a b`` of flat arrays."""
    total = 0.0
    for n in range(a.size):
        total += a[n] * b[n]
    return total


@summing_kernel
def absolute_sum(a: FloatArray) -> float:
    """Return ``Σ |a|`` of a flat array."""
    total = 0.0
    for n in range(a.size):
        total += abs(a[n])
    return total


@summing_kernel
def step_along(x: FloatArray, p: FloatArray, r: FloatArray, q: FloatArray, alpha: float) -> float:
    """Add ``alpha p`` to x, take ``alpha q`` from r, and return ``Σ |r|``; flat arrays."""
    for n in range(x.size):
        x[n] += alpha * p[n]
    for n in range(r.size):
        r[n] -= alpha * q[n]
    total = 0.0
    for n in range(r.size):
        total += abs(r[n])
    return total


@kernel
def extrapolate(
    first: FloatArray,
    second: FloatArray,
    last: FloatArray,
    share_first: float,
    share_second: float,
    share_last: float,
    bottom: FloatArray,
    thickness: FloatArray,
    convertible: BoolArray,
    out: FloatArray,
) -> None:
    """Fill the combination of three heads; convertible cells stay full, part full or dry as they were last; flat arrays."""
    for n in range(out.size):
        h, before = share_first * first[n] + share_second * second[n] + share_last * last[n], last[n]
        if convertible[n]:
            low, high = bottom[n], bottom[n] + thickness[n]
            if before >= high:
                h = max(h, high)
            elif before <= low:
                h = min(h, low)
            elif h >= high or h <= low:
                h = before
        out[n] = h


@summing_kernel
def move(
    head: FloatArray,
    delta: FloatArray,
    bottom: FloatArray,
    thickness: FloatArray,
    convertible: BoolArray,
    out: FloatArray,
) -> float:
    """Set `out` to ``head + delta`` and return the largest change; flat arrays.

    A correction that would empty a convertible cell takes nine tenths of its depth. So does MODFLOW 6 under NEWTON
    UNDER_RELAXATION at the bottom of the model; here it is the bottom of the cell.
    """
    most = 0.0
    for n in range(head.size):
        d = delta[n]
        if convertible[n]:
            depth = head[n] - bottom[n]
            if depth > 1e-3 * thickness[n] and d < -depth:
                d = -0.9 * depth
        out[n] = head[n] + d
        most = max(most, abs(d))
    return most


@kernel
def direction(p: FloatArray, z: FloatArray, beta: float) -> None:
    """Set p to ``z + beta p``; flat arrays."""
    for n in range(p.size):
        p[n] = z[n] + beta * p[n]
