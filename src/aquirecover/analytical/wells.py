"""Flow to wells: Thiem, Theis, Theis recovery, Cooper-Jacob, Hantush leaky, and the level in the pumped well itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]

# Gauss-Legendre nodes per panel and number of panels of the incomplete Bessel integral behind the leaky well function.
_NODES, _PANELS = 20, 12
# Below this u the leaky well function (with r/B <= 2u) equals the Theis one to rounding.
_TINY_U = 1e-20


def thiem(rate: float, transmissivity: float, radius: ArrayLike, outer_radius: float) -> FloatArray:
    """Return the steady drawdown around a well in a circular island: ``s = Q / (2 π T) ln(R / r)``.

    Thiem (1906); Kruseman and de Ridder (1994), p. 56, eq. 3.1.

    Parameters
    ----------
    rate : float
        Pumping rate Q, m³/d.
    transmissivity : float
        T, m²/d.
    radius : array_like
        Distance from the well r, any shape; m.
    outer_radius : float
        Distance R at which the head does not change, m.

    Returns
    -------
    ndarray
        Drawdown, shape of `radius`; m.
    """
    r = np.asarray(radius, dtype=np.float64)
    return np.asarray(rate / (2.0 * np.pi * transmissivity) * np.log(outer_radius / r))


def theis(rate: float, transmissivity: float, storativity: float, radius: ArrayLike, time: ArrayLike) -> FloatArray:
    """Return the drawdown around a well in an endless confined aquifer: ``s = Q / (4 π T) W(u)``, ``u = r² S / (4 T t)``.

    Theis (1935), p. 519-521.

    Parameters
    ----------
    rate : float
        Pumping rate Q from time zero on, m³/d.
    transmissivity : float
        T, m²/d.
    storativity : float
        S, 1.
    radius : array_like
        Distance from the well r, m.
    time : array_like
        Time since the pump started, broadcasts with `radius`; d. The drawdown is 0 at times of 0 or less.

    Returns
    -------
    ndarray
        Drawdown, the broadcast shape; m.
    """
    r, t = np.broadcast_arrays(np.asarray(radius, dtype=np.float64), np.asarray(time, dtype=np.float64))
    pumping = t > 0.0
    u = r**2 * storativity / (4.0 * transmissivity * np.where(pumping, t, 1.0))
    return np.asarray(rate / (4.0 * np.pi * transmissivity) * np.where(pumping, special.exp1(u), 0.0))


def theis_rates(
    rates: ArrayLike, start_times: ArrayLike, transmissivity: float, storativity: float, radius: ArrayLike, time: ArrayLike
) -> FloatArray:
    """Return the Theis drawdown of a well whose rate changes in steps: ``s = Σ ΔQ_i / (4 π T) W(r² S / (4 T (t − t_i)))``.

    Superposition in time; Kruseman and de Ridder (1994), section 12.1.

    Parameters
    ----------
    rates : array_like
        Pumping rate from each start time on, shape ``(n,)``; m³/d.
    start_times : array_like
        Ascending, shape ``(n,)``; d.
    transmissivity, storativity : float
        T, m²/d, and S, 1.
    radius, time : array_like
        Distance, m, and time, d; they broadcast.

    Returns
    -------
    ndarray
        Drawdown, the broadcast shape; m.

    Raises
    ------
    ValueError
        When rates and start times differ in number, or the times do not ascend.
    """
    rate, start = np.atleast_1d(np.asarray(rates, dtype=np.float64)), np.atleast_1d(np.asarray(start_times, dtype=np.float64))
    if rate.shape != start.shape or rate.ndim != 1:
        raise ValueError(f"{rate.size} rates and {start.size} start times: there must be one rate for each time.")
    if np.any(np.diff(start) <= 0.0):
        raise ValueError("start_times must ascend.")
    r, t = np.broadcast_arrays(np.asarray(radius, dtype=np.float64), np.asarray(time, dtype=np.float64))
    unit = theis(1.0, transmissivity, storativity, r[..., None], t[..., None] - start)
    return np.asarray(unit @ np.diff(rate, prepend=0.0))


def theis_recovery(
    rate: float,
    transmissivity: float,
    storativity: float,
    radius: ArrayLike,
    time: ArrayLike,
    stop_time: float,
    recovery_storativity: float | None = None,
) -> FloatArray:
    """Return the drawdown before and the residual drawdown after a pump stops: ``s' = Q / (4 π T) [W(u) − W(u')]``.

    ``u = r² S / (4 T t)`` with the time t since pumping began, ``u' = r² S' / (4 T t')`` with the time t' since it ended.
    Theis (1935), p. 522; Kruseman and de Ridder (1994), section 13.1.1.

    Parameters
    ----------
    rate : float
        Pumping rate Q from time 0 to `stop_time`, m³/d.
    transmissivity : float
        T, m²/d.
    storativity, recovery_storativity : float
        S while pumping and S' after; equal unless given. 1.
    radius, time : array_like
        Distance, m, and time since pumping began, d; they broadcast.
    stop_time : float
        Time at which the pump stops, d.

    Returns
    -------
    ndarray
        Residual drawdown, the broadcast shape; m.
    """
    after = storativity if recovery_storativity is None else recovery_storativity
    t = np.asarray(time, dtype=np.float64)
    pumped = theis(rate, transmissivity, storativity, radius, t)
    return np.asarray(pumped - theis(rate, transmissivity, after, radius, t - stop_time))


def recovery_transmissivity(rate: float, time: ArrayLike, stop_time: float, residual_drawdown: ArrayLike) -> tuple[float, float]:
    """Estimate the transmissivity from a straight line through residual drawdown against ``log(t / t')``.

    ``s' = 2.303 Q / (4 π T) log10(t / t') + c``: the slope Δs' per log cycle gives ``T = 2.303 Q / (4 π Δs')``.
    Kruseman and de Ridder (1994), section 13.1.1. Least squares through all points given, so leave out early times at which
    u' > 0.01.

    Parameters
    ----------
    rate : float
        Pumping rate before the stop, m³/d.
    time : array_like
        Times since pumping began, all after `stop_time`, shape ``(n,)`` with n ≥ 2; d.
    stop_time : float
        Time at which the pump stopped, d.
    residual_drawdown : array_like
        Shape ``(n,)``; m.

    Returns
    -------
    transmissivity : float
        T, m²/d.
    intercept : float
        c, the residual drawdown at t / t' = 1, m. It is 0 when S' = S and no boundary or recharge is felt.

    Raises
    ------
    ValueError
        When there are fewer than two points, or a time is not after the stop.
    """
    t, s = np.asarray(time, dtype=np.float64), np.asarray(residual_drawdown, dtype=np.float64)
    if t.size < 2 or t.shape != s.shape:
        raise ValueError(f"{t.size} times and {s.size} residual drawdowns: two or more pairs are needed.")
    if np.any(t <= stop_time):
        raise ValueError("Every time must be after stop_time.")
    x = np.log10(t / (t - stop_time))
    slope = float(np.sum((x - x.mean()) * (s - s.mean())) / np.sum((x - x.mean()) ** 2))
    return float(np.log(10.0) * rate / (4.0 * np.pi * slope)), float(s.mean() - slope * x.mean())


def cooper_jacob(rate: float, transmissivity: float, storativity: float, radius: ArrayLike, time: ArrayLike) -> FloatArray:
    """Return the straight-line approximation of Theis: ``s = 2.303 Q / (4 π T) log10(2.25 T t / (r² S))``.

    Cooper and Jacob (1946), p. 526-528. Good to 1 % where u < 0.03 (and to 0.25 % where u < 0.01).

    Parameters
    ----------
    rate, transmissivity, storativity : float
        Q, m³/d; T, m²/d; S, 1.
    radius, time : array_like
        Distance, m, and time since the pump started, d; they broadcast.

    Returns
    -------
    ndarray
        Drawdown, the broadcast shape; m.
    """
    r, t = np.asarray(radius, dtype=np.float64), np.asarray(time, dtype=np.float64)
    u = r**2 * storativity / (4.0 * transmissivity * t)
    return np.asarray(rate / (4.0 * np.pi * transmissivity) * (-np.euler_gamma - np.log(u)))


def jacob_correction(drawdown: ArrayLike, thickness: float) -> FloatArray:
    """Return the drawdown that a confined aquifer of the same first thickness would have: ``s' = s − s² / (2 D)``.

    Jacob (1944); Kruseman and de Ridder (1994), section 5.1. It lets a confined formula serve a water-table aquifer.

    Parameters
    ----------
    drawdown : array_like
        Drawdown of the water table s, m.
    thickness : float
        Saturated thickness before pumping D, m.

    Returns
    -------
    ndarray
        Corrected drawdown, m.
    """
    s = np.asarray(drawdown, dtype=np.float64)
    return np.asarray(s - s**2 / (2.0 * thickness))


def leaky_well_function(u: ArrayLike, ratio: ArrayLike) -> FloatArray:
    """Return the leaky well function ``W(u, r/B) = ∫_u^∞ exp(−y − (r/B)² / (4 y)) / y dy``.

    Hantush and Jacob (1955), p. 95-100; tables in Hantush (1956), p. 702-714. With ``y = u e^x`` the integral is one of a smooth
    function that falls faster than exponentially, done by Gauss-Legendre panels; where ``u < (r/B) / 2`` its reflection is
    taken from the whole, ``W(0, r/B) = 2 K0(r/B)``, so that nothing cancels. Relative error below 1e-12.

    Parameters
    ----------
    u : array_like
        ``r² S / (4 T t)``, ≥ 0; 1. Zero is the steady state.
    ratio : array_like
        ``r / B`` with ``B = sqrt(T / leakance)``, ≥ 0; broadcasts with `u`; 1. Zero gives the Theis function.

    Returns
    -------
    ndarray
        The broadcast shape; 1. Infinite where both are zero.

    Raises
    ------
    ValueError
        When a value is negative or not a number.
    """
    first, second = np.broadcast_arrays(np.asarray(u, dtype=np.float64), np.asarray(ratio, dtype=np.float64))
    if not (np.all(first >= 0.0) and np.all(second >= 0.0)):
        raise ValueError("u and r/B must be 0 or more.")
    whole = 2.0 * special.k0(second)
    reflected = first < 0.5 * second
    # the reflection of u about y = (r/B) / 2 is (r/B)² / (4 u); both products with e^x and e^−x swap
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        start = np.where(reflected, second**2 / (4.0 * first), first)
        other = np.where(reflected, first, np.where(first > 0.0, second**2 / (4.0 * first), 0.0))
    tail = _upper_integral(np.where(np.isfinite(start), start, 1e3), other)
    return np.asarray(np.where(reflected, np.where(reflected, whole, 0.0) - np.where(reflected, tail, 0.0), tail))


def _upper_integral(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``∫_0^∞ exp(−a e^x − b e^−x) dx`` for 0 ≤ b ≤ a, any shape."""
    use = (a > _TINY_U) & (a < 745.0)
    safe = np.where(use, a, 1.0)
    # beyond this x the exponent has fallen by 45 more, whatever b <= a
    span = np.arccosh(1.0 + 22.5 / safe)
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    total = np.zeros_like(safe)
    for left in range(_PANELS):
        for point, share in zip(node, weight, strict=True):
            x = span * (left + 0.5 * (point + 1.0)) / _PANELS
            total += share * np.exp(-safe * np.exp(x) - b * np.exp(-x))
    return np.where(use, 0.5 * span / _PANELS * total, special.exp1(a))


def hantush(
    rate: float, transmissivity: float, storativity: float, leakance: float, radius: ArrayLike, time: ArrayLike
) -> FloatArray:
    """Return the drawdown in a leaky aquifer whose aquitard has no storage: ``s = Q / (4 π T) W(u, r/B)``.

    ``u = r² S / (4 T t)``, ``B = sqrt(T / leakance)``; the head beyond the aquitard does not change.
    Hantush and Jacob (1955), p. 95-100.

    Parameters
    ----------
    rate, transmissivity, storativity : float
        Q, m³/d; T, m²/d; S, 1.
    leakance : float
        Vertical conductivity of the aquitard over its thickness, 1/d.
    radius, time : array_like
        Distance, m, and time since the pump started, d; they broadcast. An infinite time gives the steady drawdown.

    Returns
    -------
    ndarray
        Drawdown, the broadcast shape; m; 0 at times of 0 or less.
    """
    r, t = np.broadcast_arrays(np.asarray(radius, dtype=np.float64), np.asarray(time, dtype=np.float64))
    pumping = t > 0.0
    u = r**2 * storativity / (4.0 * transmissivity * np.where(pumping, t, 1.0))
    well = leaky_well_function(u, r * np.sqrt(leakance / transmissivity))
    return np.asarray(rate / (4.0 * np.pi * transmissivity) * np.where(pumping, well, 0.0))


def leaky_steady(rate: float, transmissivity: float, leakance: float, radius: ArrayLike) -> FloatArray:
    """Return the steady drawdown in a leaky aquifer: ``s = Q / (2 π T) K0(r / B)``, ``B = sqrt(T / leakance)``.

    De Glee (1930); Kruseman and de Ridder (1994), section 4.1.1.

    Parameters
    ----------
    rate, transmissivity : float
        Q, m³/d; T, m²/d.
    leakance : float
        1/d.
    radius : array_like
        Any shape; m.

    Returns
    -------
    ndarray
        Drawdown, shape of `radius`; m.
    """
    r = np.asarray(radius, dtype=np.float64)
    return np.asarray(rate / (2.0 * np.pi * transmissivity) * special.k0(r * np.sqrt(leakance / transmissivity)))


def dupuit_well(rate: float, k: float, radius: ArrayLike, outer_radius: float, outer_head: float) -> FloatArray:
    """Return the steady water table around a well on a flat base: ``h² = H² − Q / (π k) ln(R / r)``.

    Dupuit (1863); Bear (1979), chapter 8.

    Parameters
    ----------
    rate, k : float
        Q, m³/d; hydraulic conductivity, m/d.
    radius : array_like
        Any shape; m.
    outer_radius, outer_head : float
        Distance R and head above the base H there, m.

    Returns
    -------
    ndarray
        Head above the base, shape of `radius`; m; NaN where the well cannot deliver so much.
    """
    r = np.asarray(radius, dtype=np.float64)
    square = outer_head**2 - rate / (np.pi * k) * np.log(outer_radius / r)
    return np.asarray(np.where(square >= 0.0, np.sqrt(np.maximum(square, 0.0)), np.nan))


def equivalent_radius(dx: ArrayLike, dy: ArrayLike, k: ArrayLike = 1.0, k22: ArrayLike = 1.0) -> FloatArray:
    """Return the distance from a well at which the head equals that of its cell; ``exp(−π/2) Δx = 0.208 Δx`` for a square.

    Steady radial flow is assumed to hold at the four neighbour nodes, so that, with ``a = sqrt(k22/k)``, stretched sizes
    ``X = dx sqrt(a)``, ``Y = dy / sqrt(a)``: ``ln r = (Y/X ln X + X/Y ln Y − π) / (Y/X + X/Y)``. Peaceman (1978), p. 183-194,
    for the square. On a large square grid the exact number is ``e^−γ / 4 · sqrt(2) Δx = 0.198 Δx``; the two differ by
    0.047 Q / (2 π T) in head. Not for cells much longer than wide (a ratio above 2): use `equivalent_radius_grid`.

    Parameters
    ----------
    dx, dy : array_like
        Cell sizes, any shape; m.
    k, k22 : array_like
        Conductivities along x and y, m/d.

    Returns
    -------
    ndarray
        Equivalent radius, the broadcast shape; m.
    """
    x, y, stretch = _stretched(dx, dy, k, k22)
    along, across = y / x, x / y
    return np.asarray(np.exp((along * np.log(x) + across * np.log(y) - np.pi) / (along + across)) * _roundness(stretch))


def equivalent_radius_grid(dx: ArrayLike, dy: ArrayLike, k: ArrayLike = 1.0, k22: ArrayLike = 1.0) -> FloatArray:
    """Return the equivalent radius on a large uniform grid: ``0.14 sqrt(dx² + dy²)`` when isotropic, 0.198 Δx for squares.

    ``0.28 sqrt(sqrt(k22/k) dx² + sqrt(k/k22) dy²) / ((k22/k)^¼ + (k/k22)^¼)``: Peaceman (1983), p. 531-543, with the
    constant ``e^−γ / 2 = 0.2807`` to all digits.

    Parameters
    ----------
    dx, dy : array_like
        Cell sizes, any shape; m.
    k, k22 : array_like
        Conductivities along x and y, m/d.

    Returns
    -------
    ndarray
        Equivalent radius, the broadcast shape; m.
    """
    x, y, stretch = _stretched(dx, dy, k, k22)
    return np.asarray(0.25 * np.exp(-np.euler_gamma) * np.hypot(x, y) * _roundness(stretch))


def _stretched(dx: ArrayLike, dy: ArrayLike, k: ArrayLike, k22: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cell sizes in the plane stretched so that flow is isotropic there, and the stretch, ``(k22/k)^¼``."""
    stretch = np.asarray((np.asarray(k22, dtype=np.float64) / np.asarray(k, dtype=np.float64)) ** 0.25)
    return np.asarray(dx, dtype=np.float64) * stretch, np.asarray(dy, dtype=np.float64) / stretch, stretch


def _roundness(stretch: FloatArray) -> FloatArray:
    """Return 1 when isotropic, else the factor that makes a round well in the stretched plane an equal circle in the real one."""
    return np.asarray(2.0 / (stretch + 1.0 / stretch))


def well_correction(
    rate: ArrayLike, transmissivity: ArrayLike, cell_radius: ArrayLike, well_radius: ArrayLike, loss: ArrayLike = 0.0
) -> FloatArray:
    """Return how far the level in a pumped well stands below the head of its cell: ``Q / (2 π T) ln(r_e / r_w) + C Q²``.

    Thiem between the equivalent radius of the cell and the well; Peaceman (1978), p. 183-194. The loss in the well itself
    follows Jacob (1947), p. 1047-1070.

    Parameters
    ----------
    rate : array_like
        Pumping rate Q, ≥ 0; m³/d.
    transmissivity : array_like
        Of the cell, m²/d.
    cell_radius : array_like
        Equivalent radius of the cell (`equivalent_radius`), m.
    well_radius : array_like
        m.
    loss : array_like
        Well loss coefficient C, d²/m⁵.

    Returns
    -------
    ndarray
        Additional drawdown, the broadcast shape; m.
    """
    q = np.asarray(rate, dtype=np.float64)
    ratio = np.asarray(cell_radius, dtype=np.float64) / np.asarray(well_radius, dtype=np.float64)
    return np.asarray(q / (2.0 * np.pi * np.asarray(transmissivity, dtype=np.float64)) * np.log(ratio) + np.asarray(loss) * q**2)
