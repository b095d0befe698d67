"""Depletion of a stream by a well beside it: Glover and Balmer, and Hunt with a clogged bed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]


def glover_depletion(distance: ArrayLike, transmissivity: ArrayLike, storativity: ArrayLike, time: ArrayLike) -> FloatArray:
    """Return the share of a well's rate that it takes from a stream: ``erfc(sqrt(d² S / (4 T t)))``.

    The stream cuts the aquifer fully and its bed resists nothing. Glover and Balmer (1954), p. 468-470.

    Parameters
    ----------
    distance : array_like
        Between well and stream d, m.
    transmissivity, storativity : array_like
        T, m²/d; S, 1.
    time : array_like
        Since the pump started, d; all broadcast.

    Returns
    -------
    ndarray
        Depletion over pumping rate, 0 to 1, the broadcast shape; 0 at times of 0 or less.
    """
    t = np.asarray(time, dtype=np.float64)
    with np.errstate(divide="ignore"):
        root = np.asarray(distance) * np.sqrt(np.asarray(storativity) / (4.0 * np.asarray(transmissivity) * np.maximum(t, 0.0)))
    return np.asarray(np.where(t > 0.0, special.erfc(root), 0.0))


def hunt_depletion(
    distance: ArrayLike, transmissivity: ArrayLike, storativity: ArrayLike, bed_leakance: ArrayLike, time: ArrayLike
) -> FloatArray:
    """Return the share of a well's rate taken from a stream with a clogged bed on top of an aquifer that goes on beyond it.

    ``erfc(a) − exp(λ² t / (4 S T) + λ d / (2 T)) erfc(sqrt(λ² t / (4 S T)) + a)``, ``a = sqrt(d² S / (4 T t))``.
    Hunt (1999), p. 98-102, eq. 20. The product of a huge and a tiny number is written ``exp(−a²) erfcx(…)``.

    Parameters
    ----------
    distance : array_like
        Between well and stream d, m.
    transmissivity, storativity : array_like
        T, m²/d; S, 1.
    bed_leakance : array_like
        λ: flow out of a metre of stream per metre of head across the bed (bed conductivity × width / bed thickness), m/d.
    time : array_like
        Since the pump started, d; all broadcast.

    Returns
    -------
    ndarray
        Depletion over pumping rate, 0 to 1, the broadcast shape; 0 at times of 0 or less.
    """
    t = np.asarray(time, dtype=np.float64)
    safe = np.where(t > 0.0, t, 1.0)
    diffusion = np.asarray(transmissivity, dtype=np.float64) * safe / np.asarray(storativity, dtype=np.float64)
    a = np.asarray(distance, dtype=np.float64) / np.sqrt(4.0 * diffusion)
    b = np.asarray(bed_leakance) * np.sqrt(safe / (4.0 * np.asarray(storativity) * np.asarray(transmissivity)))
    return np.asarray(np.where(t > 0.0, special.erfc(a) - np.exp(-(a**2)) * special.erfcx(a + b), 0.0))
