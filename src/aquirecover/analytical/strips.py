"""Flow along one line: the water table between two ditches, and heads that diffuse into a half space or an aquitard."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]

# Terms of the slab series; early times use the error-function images instead, so that few are needed.
_TERMS = 60


def dupuit_recharge(
    x: ArrayLike, length: float, west_head: float, east_head: float, k: float, recharge_rate: float
) -> FloatArray:
    """Return the water table on a flat base between two fixed heads: ``h² = h1² − (h1² − h2²) x / L + w/k (L − x) x``.

    Dupuit (1863), Forchheimer (1886); Bear (1979), chapter 5.

    Parameters
    ----------
    x : array_like
        Distance from the western boundary, any shape; m.
    length : float
        L, m.
    west_head, east_head : float
        Heads above the base at x = 0 and x = L, m.
    k : float
        Hydraulic conductivity, m/d.
    recharge_rate : float
        w, positive down; m/d.

    Returns
    -------
    ndarray
        Head above the base, shape of `x`; m; NaN where the aquifer would be dry.
    """
    p = np.asarray(x, dtype=np.float64)
    square = west_head**2 - (west_head**2 - east_head**2) * p / length + recharge_rate / k * (length - p) * p
    return np.asarray(np.where(square >= 0.0, np.sqrt(np.maximum(square, 0.0)), np.nan))


def dupuit_discharge(
    x: ArrayLike, length: float, west_head: float, east_head: float, k: float, recharge_rate: float
) -> FloatArray:
    """Return the eastward flow per width under the water table of `dupuit_recharge`: ``k (h1² − h2²) / (2 L) − w (L/2 − x)``.

    Bear (1979), chapter 5. Parameters are those of `dupuit_recharge`.

    Parameters
    ----------
    x : array_like
        m.
    length, west_head, east_head : float
        m.
    k, recharge_rate : float
        m/d.

    Returns
    -------
    ndarray
        Shape of `x`; m²/d.
    """
    p = np.asarray(x, dtype=np.float64)
    return np.asarray(k * (west_head**2 - east_head**2) / (2.0 * length) - recharge_rate * (0.5 * length - p))


def diffusion_half_space(x: ArrayLike, time: ArrayLike, diffusivity: float) -> FloatArray:
    """Return the head change in a half space after its face is raised by 1 m at time zero: ``erfc(x / sqrt(4 D t))``.

    Carslaw and Jaeger (1959), p. 58-60. The flow through the face is ``K / sqrt(π D t)`` per metre of head.

    Parameters
    ----------
    x : array_like
        Distance from the face ≥ 0, m.
    time : array_like
        d; broadcasts with `x`.
    diffusivity : float
        D: conductivity over specific storage (or T / S), m²/d.

    Returns
    -------
    ndarray
        Head change per metre, the broadcast shape; 0 at times of 0 or less.
    """
    p, t = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(time, dtype=np.float64))
    safe = np.where(t > 0.0, t, 1.0)
    return np.where(t > 0.0, special.erfc(p / np.sqrt(4.0 * diffusivity * safe)), 0.0)


def diffusion_slab(x: ArrayLike, time: ArrayLike, half_thickness: float, diffusivity: float) -> FloatArray:
    """Return the head change in an aquitard after both its faces are raised by 1 m: a column that drains or fills both ways.

    ``1 − 4/π Σ (−1)^n / (2n+1) exp(−D (2n+1)² π² t / (4 l²)) cos((2n+1) π x / (2 l))``, x from the middle, l half the thickness.
    Carslaw and Jaeger (1959), p. 97-100; while ``D t < l² / 10`` the images of `diffusion_half_space` are
    summed instead. A slab with one closed face is half of it: the closed face is the middle.

    Parameters
    ----------
    x : array_like
        Distance from the middle, −l to l; m.
    time : array_like
        d; broadcasts with `x`.
    half_thickness : float
        l, m.
    diffusivity : float
        D: vertical conductivity over specific storage, m²/d.

    Returns
    -------
    ndarray
        Head change per metre, the broadcast shape; 0 at times of 0 or less.
    """
    p, t = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(time, dtype=np.float64))
    age = diffusivity * np.maximum(t, 0.0) / half_thickness**2
    n = np.arange(_TERMS)
    odd = 2.0 * n + 1.0
    late = np.maximum(age, 0.1)[..., None]
    wave = np.cos(0.5 * np.pi * odd * p[..., None] / half_thickness) * np.exp(-0.25 * (np.pi * odd) ** 2 * late)
    series = 1.0 - 4.0 / np.pi * np.sum(np.where(n % 2 == 0, 1.0, -1.0) / odd * wave, axis=-1)
    reach = np.sqrt(4.0 * np.clip(age, 1e-300, 0.1))
    z = p / half_thickness
    early = special.erfc((1.0 - z) / reach) + special.erfc((1.0 + z) / reach)
    early -= special.erfc((3.0 - z) / reach) + special.erfc((3.0 + z) / reach)
    return np.where(t > 0.0, np.where(age < 0.1, early, series), 0.0)


def slab_consolidation(time: ArrayLike, half_thickness: float, diffusivity: float) -> FloatArray:
    """Return the share of its water that an aquitard has given up after both its faces are lowered.

    ``U = 1 − Σ 8 / ((2n+1)² π²) exp(−D (2n+1)² π² t / (4 l²))``: Terzaghi (1925); Carslaw and Jaeger (1959), p. 97. While
    ``D t < l² / 20`` it is ``2 sqrt(D t / (π l²))`` to 1e-8. Times thickness,
    specific storage and head change it is the compaction.

    Parameters
    ----------
    time : array_like
        Any shape; d.
    half_thickness : float
        l, m.
    diffusivity : float
        D: vertical conductivity over specific storage, m²/d.

    Returns
    -------
    ndarray
        Degree of consolidation, 0 to 1, shape of `time`.
    """
    age = diffusivity * np.maximum(np.asarray(time, dtype=np.float64), 0.0) / half_thickness**2
    odd = 2.0 * np.arange(_TERMS) + 1.0
    late = np.maximum(age, 0.05)[..., None]
    series = 1.0 - np.sum(8.0 / (np.pi * odd) ** 2 * np.exp(-0.25 * (np.pi * odd) ** 2 * late), axis=-1)
    return np.asarray(np.where(age < 0.05, 2.0 * np.sqrt(age / np.pi), series))
