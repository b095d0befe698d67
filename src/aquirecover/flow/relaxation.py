"""Relaxation of convertible cells: each is balanced in turn, its neighbours held, with every bend of its own equation.

Where the water table meets the top of its layer a cell stores a thousand times as much per metre below as above, and Newton's
method guesses the side. Balanced for itself, a cell finds it. A sweep over one layer costs little beside a solve of all of them.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.assembly import FlowSystem, Interval, State
from aquirecover.flow.compiled import kernel, part
from aquirecover.flow.faces import Halves
from aquirecover.flow.kernels import mean_slopes, saturated_share
from aquirecover.flow.ramps import evaluate_ramp

# Trials of one cell: one where no bend is near.
MOST_TRIALS = 8
# Share of its first imbalance that a cell may keep.
LEFT = 1e-2
NOTHING, NO_CARRY = np.zeros((0, 0)), np.zeros((0, 0, 0))


@part
def _inflow(
    along: Halves,
    harmonic: bool,
    j: int,
    i: int,
    first: bool,
    c: float,
    h: float,
    s: float,
    ds: float,
    h_far: float,
    s_far: float,
) -> tuple[float, float]:
    """Return the inflow through the horizontal face ``[j, i]`` and minus its derivative with respect to h.

    `first` says that the face belongs to the cell itself.
    """
    d = h_far - h
    if not harmonic:
        return (c * s_far * d, c * s_far) if d > 0.0 else (c * s * d, c * (s - ds * d))
    near, wall, lean = along.near[j, i], along.wall[j, i], along.lean[j, i]
    if not first:
        near, lean = 1.0 - near, 1.0 - lean
    mean, by_s, _ = mean_slopes(near, wall, lean, s, s_far)
    return c * mean * d, c * (mean - by_s * ds * d)


@kernel
def _relax_layer(
    head: FloatArray,
    sat: FloatArray,
    slope: FloatArray,
    stored: FloatArray,
    held: FloatArray,
    cx: FloatArray,
    cy: FloatArray,
    x: Halves,
    y: Halves,
    harmonic: bool,
    bottom: FloatArray,
    thickness: FloatArray,
    elastic: FloatArray,
    drainable: FloatArray,
    relaxed: BoolArray,
    rate: float,
    first: IntArray,
    order: IntArray,
    ramp: FloatArray,
    colour: int,
) -> None:
    """Balance the cells of one colour of a layer by Newton's method between bounds; arrays of shape ``(n_y, n_x)``.

    `stored` is what else enters a cell that is dry and at head 0, m³/d, and `held` what that loses per metre of head, m²/d.
    """
    n_y, n_x = head.shape
    for j in range(n_y):
        for i in range((j + colour) % 2, n_x, 2):
            if not relaxed[j, i]:
                continue
            cell, b, base, e, drains = j * n_x + i, thickness[j, i], bottom[j, i], rate * elastic[j, i], rate * drainable[j, i]
            h, s, ds = head[j, i], sat[j, i], slope[j, i]
            low, high, most = -np.inf, np.inf, 0.0
            for trial in range(MOST_TRIALS):
                r, g = stored[j, i] - held[j, i] * h, held[j, i]
                if i > 0:
                    q, dq = _inflow(x, harmonic, j, i - 1, False, cx[j, i - 1], h, s, ds, head[j, i - 1], sat[j, i - 1])
                    r, g = r + q, g + dq
                if i + 1 < n_x:
                    q, dq = _inflow(x, harmonic, j, i, True, cx[j, i], h, s, ds, head[j, i + 1], sat[j, i + 1])
                    r, g = r + q, g + dq
                if j > 0:
                    q, dq = _inflow(y, harmonic, j - 1, i, False, cy[j - 1, i], h, s, ds, head[j - 1, i], sat[j - 1, i])
                    r, g = r + q, g + dq
                if j + 1 < n_y:
                    q, dq = _inflow(y, harmonic, j, i, True, cy[j, i], h, s, ds, head[j + 1, i], sat[j + 1, i])
                    r, g = r + q, g + dq
                mid = base + 0.5 * b * s
                r -= e * s * (h - mid) + drains * s
                g += e * (s + ds * (h - mid) - 0.5 * b * s * ds) + drains * ds
                for p in range(first[cell], first[cell + 1]):
                    q, dq = evaluate_ramp(ramp, order[p], h)
                    r, g = r + q, g - dq
                if not g > 0.0 or (trial > 0 and abs(r) <= LEFT * most):
                    break
                most = max(most, abs(r))
                if r > 0.0:
                    low = h
                else:
                    high = h
                new = h + r / g
                if new == h:
                    break
                h, before = new if low < new < high else 0.5 * (low + high), ds
                s, ds = saturated_share(h, base, b)
                if ds == before and first[cell] == first[cell + 1]:
                    break
            head[j, i], sat[j, i], slope[j, i] = h, s, ds


@kernel
def _others(
    head: FloatArray,
    old_head: FloatArray,
    old_sat: FloatArray,
    carry: FloatArray,
    rate: float,
    bottom: FloatArray,
    thickness: FloatArray,
    elastic: FloatArray,
    drainable: FloatArray,
    cz: FloatArray,
    k: int,
    stored: FloatArray,
    held: FloatArray,
) -> None:
    """Fill what enters the cells of a layer from storage at the start and from the layers above and below, see `_relax_layer`."""
    n_layer, n_y, n_x = head.shape
    for j in range(n_y):
        for i in range(n_x):
            s, b = old_sat[k, j, i], thickness[k, j, i]
            mid = bottom[k, j, i] + 0.5 * b * s
            inflow, loss = rate * s * (elastic[k, j, i] * (old_head[k, j, i] - mid) + drainable[k, j, i]), 0.0
            if carry.shape[0] > 0:
                inflow += carry[k, j, i]
            if k > 0:
                inflow += cz[k - 1, j, i] * head[k - 1, j, i]
                loss += cz[k - 1, j, i]
            if k + 1 < n_layer:
                inflow += cz[k, j, i] * head[k + 1, j, i]
                loss += cz[k, j, i]
            stored[j, i], held[j, i] = inflow, loss


@kernel
def _add_straight(
    cell: IntArray, ramp: FloatArray, chosen: IntArray, begin: int, end: int, stored: FloatArray, held: FloatArray
) -> None:
    """Add what chosen connections without bends bring to the cells `begin` to `end`; flat arrays of that layer."""
    for n in chosen:
        if begin <= cell[n] < end:
            stored[cell[n] - begin] += ramp[0, n] + ramp[1, n] * ramp[2, n]
            held[cell[n] - begin] += ramp[1, n]


class Relaxation:
    """Sweeps over the convertible cells of a system.

    Parameters
    ----------
    system : FlowSystem
        With convertible cells.
    """

    def __init__(self, system: FlowSystem) -> None:
        shape, links = system.shape, system.connections.links
        self._system = system
        self._relaxed = system.cells.convertible.reshape(shape) & system.unknown
        self._layers = np.flatnonzero(self._relaxed.any(axis=(1, 2))).tolist()
        self._stored, self._held = np.empty(shape[1:]), np.empty(shape[1:])
        self._bent = np.zeros(links.cell.size, dtype=bool)
        self._sort(self._bent)

    def _sort(self, bent: BoolArray) -> None:
        """Find the connections with bends by their cells, and those without."""
        links = self._system.connections.links
        self._bent, self._straight = bent, np.flatnonzero(~bent)
        self._order = links.order[bent[links.order]]
        self._first = np.searchsorted(links.cell[self._order], np.arange(self._relaxed.size + 1)).astype(np.int64)

    def sweep(self, state: State, interval: Interval, sweeps: int) -> None:
        """Relax a state whose balance is not yet known, in place: cells of one colour, then the others, so many times."""
        connections = self._system.connections
        connections.hold(interval.period, state.head.ravel())
        low, high = connections.links.ramp[3:5]
        bent = np.isfinite(low) | np.isfinite(high)
        if not np.array_equal(bent, self._bent):
            self._sort(bent)
        for _ in range(sweeps):
            for layer in self._layers:
                self._sweep_layer(state, interval, layer)

    def _sweep_layer(self, state: State, interval: Interval, k: int) -> None:
        system, old, faces = self._system, interval.old, self._system.faces
        links, plane = system.connections.links, self._stored.size
        bottom, thickness = system.cells.bottom.reshape(system.shape), system.cells.thickness.reshape(system.shape)
        x, y = (Halves(*(array[k] if faces.harmonic else NOTHING for array in halves)) for halves in (faces.x, faces.y))
        _others(
            state.head,
            old.head,
            old.saturation,
            NO_CARRY if interval.carry is None else interval.carry,
            interval.rate,
            bottom,
            thickness,
            system.elastic,
            system.drainable,
            faces.cz,
            k,
            self._stored,
            self._held,
        )
        begin, end = k * plane, (k + 1) * plane
        _add_straight(links.cell, links.ramp, self._straight, begin, end, self._stored.ravel(), self._held.ravel())
        for colour in (0, 1):
            _relax_layer(
                state.head[k],
                state.saturation[k],
                state.slope[k],
                self._stored,
                self._held,
                faces.cx[k],
                faces.cy[k],
                x,
                y,
                faces.harmonic,
                bottom[k],
                thickness[k],
                system.elastic[k],
                system.drainable[k],
                self._relaxed[k],
                interval.rate,
                self._first[begin : end + 1],
                self._order,
                links.ramp,
                colour,
            )
