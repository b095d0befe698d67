"""Straight boundaries: image wells beside a stream or a barrier and in a strip between two of them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aquirecover.analytical.wells import theis

FloatArray = NDArray[np.float64]

Boundary = Literal["stream", "barrier"]
# An image of a well in a stream takes water back; in a barrier it pumps as well.
_SIGN = {"stream": -1.0, "barrier": 1.0}


def image_wells(
    x_well: float,
    west: tuple[float, Boundary] | None = None,
    east: tuple[float, Boundary] | None = None,
    n_reflections: int = 40,
) -> tuple[FloatArray, FloatArray]:
    """Return a well and its images in one or two boundaries that run along y.

    A stream keeps its head, so its image has the opposite sign; a barrier lets nothing pass, so its image has the same sign.
    Between two boundaries images are reflected without end; Ferris et al. (1962), USGS WSP 1536-E, p. 144-166.

    Parameters
    ----------
    x_well : float
        Position of the well, m.
    west, east : tuple of float and str, optional
        Position and kind (``stream`` or ``barrier``) of each boundary; none by default.
    n_reflections : int
        Reflections kept on each side when there are two boundaries. Images further than a few ``sqrt(4 T t / S)`` do nothing.

    Returns
    -------
    x : ndarray
        Positions, the well first, shape ``(n,)``; m.
    sign : ndarray
        Factor of the well's rate at each, +1 or -1, shape ``(n,)``.

    Raises
    ------
    ValueError
        When a boundary is on the wrong side of the well.
    """
    if (west is not None and x_well < west[0]) or (east is not None and x_well > east[0]):
        raise ValueError(f"The well at x = {x_well:g} m must lie between the boundaries.")
    positions, signs = [x_well], [1.0]
    count = n_reflections if west is not None and east is not None else 1
    for first, second in ((west, east), (east, west)):
        x, sign, mirror, after = x_well, 1.0, first, second
        for _ in range(count):
            if mirror is None:
                break
            x, sign = 2.0 * mirror[0] - x, sign * _SIGN[mirror[1]]
            positions.append(x)
            signs.append(sign)
            mirror, after = after, mirror
    return np.array(positions), np.array(signs)


def theis_images(
    rate: float,
    transmissivity: float,
    storativity: float,
    x_well: float,
    x: ArrayLike,
    y: ArrayLike,
    time: ArrayLike,
    west: tuple[float, Boundary] | None = None,
    east: tuple[float, Boundary] | None = None,
    n_reflections: int = 40,
) -> FloatArray:
    """Return the Theis drawdown of a well at ``(x_well, 0)`` beside one boundary or between two.

    ``s = Q / (4 π T) Σ ± W(r_i² S / (4 T t))`` over the well and its images (`image_wells`).

    Parameters
    ----------
    rate, transmissivity, storativity : float
        Q, m³/d; T, m²/d; S, 1.
    x_well : float
        m.
    x, y, time : array_like
        Points, m, and time since the pump started, d; they broadcast.
    west, east : tuple of float and str, optional
        Position and kind of each boundary.
    n_reflections : int
        See `image_wells`.

    Returns
    -------
    ndarray
        Drawdown, the broadcast shape; m.
    """
    images, sign = image_wells(x_well, west, east, n_reflections)
    px, py, t = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (x, y, time)))
    distance = np.hypot(px[..., None] - images, py[..., None])
    return np.asarray(theis(rate, transmissivity, storativity, distance, t[..., None]) @ sign)


def strip_steady(rate: float, transmissivity: float, width: float, x_well: float, x: ArrayLike, y: ArrayLike) -> FloatArray:
    """Return the steady drawdown of a well between two parallel streams: all images summed in closed form.

    ``s = Q / (4 π T) ln{[cosh(π y / L) − cos(π (x + a) / L)] / [cosh(π y / L) − cos(π (x − a) / L)]}`` with the streams at
    x = 0 and x = L and the well at (a, 0). Muskat (1937); the tests sum the images.

    Parameters
    ----------
    rate, transmissivity : float
        Q, m³/d; T, m²/d.
    width : float
        Distance between the streams L, m.
    x_well : float
        a, between 0 and `width`; m.
    x, y : array_like
        Points, m; they broadcast.

    Returns
    -------
    ndarray
        Drawdown, the broadcast shape; m.
    """
    px, py = np.pi * np.asarray(x, dtype=np.float64) / width, np.pi * np.asarray(y, dtype=np.float64) / width
    a = np.pi * x_well / width
    # cosh y − cos x = 2 [sinh²(y/2) + sin²(x/2)] keeps digits near the well
    above = np.sinh(0.5 * py) ** 2 + np.sin(0.5 * (px + a)) ** 2
    below = np.sinh(0.5 * py) ** 2 + np.sin(0.5 * (px - a)) ** 2
    return np.asarray(rate / (4.0 * np.pi * transmissivity) * np.log(above / below))
