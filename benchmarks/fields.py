"""Problems of any size whose coefficients are hard in one way each, for cost and iterations against size.

Five layers of 20 m, cells of 100 m, a fixed head in the eastern column, recharge on top, a well in every thousandth column of
cells.

======================  ==============================================================================================
homogeneous             k 10 m/d everywhere
log-normal 1, 2         ln k normal with σ 1 or 2, smooth over five cells, each layer its own
white noise 1, 2        ln k normal with σ 1 or 2, every cell its own
aquitards               layers 2 and 4 with 1e-5 of the conductivity of the others
cells 10:1              columns ten times as wide as rows
ragged                  a third of the columns of cells inactive in irregular shapes
ragged layers           a third of each layer inactive in irregular shapes of its own
======================  ==============================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aquirecover.flow.problem import Problem

KINDS = (
    "homogeneous", "log-normal 1", "log-normal 2", "white noise 1", "white noise 2", "aquitards", "cells 10:1", "ragged",
    "ragged layers",
)  # fmt: skip
LAYERS, THICKNESS, SIZE = 5, 20.0, 100.0
MONTH = 365.25 / 12.0
SMOOTH = 5.0


def side(cells: int) -> int:
    """Return rows and columns of a grid of about so many cells."""
    return round((cells / LAYERS) ** 0.5)


def make(kind: str, cells: int, months: int = 1) -> Problem:
    """Return a problem of a kind: a steady period without pumping, then months with seasonal pumping.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    cells : int
        About so many.
    months : int
        At least 1.
    """
    from aquirecover.flow.grid import Grid
    from aquirecover.flow.problem import Observations, Problem
    from aquirecover.flow.properties import AquiferProperties
    from aquirecover.flow.schedule import Schedule
    from aquirecover.flow.stresses import FixedHead, Recharge, Wells

    n = side(cells)
    random = np.random.default_rng(20240607)
    dx = np.full(n, 10.0 * SIZE if kind == "cells 10:1" else SIZE)
    active = _active(kind, n, random)
    grid = Grid(dx, np.full(n, SIZE), 0.0, -THICKNESS * np.arange(1, LAYERS + 1), active)
    properties = AquiferProperties(grid, _conductivity(kind, n, random), specific_storage=1e-5)
    step = np.arange(months + 1)
    schedule = Schedule([1.0] + [MONTH] * months, steady=step == 0, save_step=step == months)
    flat = active.ravel()
    east = np.flatnonzero(active & (np.arange(n) == n - 1))
    top = np.flatnonzero(active[0] & (np.arange(n) < n - 1))
    places = random.choice(n * n, size=max(1, n * n // 1000), replace=False) + (LAYERS - 1) * n * n
    wells = np.sort(places[flat[places] & (places % n < n - 1)])
    rate = 100.0 * (1.0 + 0.3 * np.sin(2.0 * np.pi * step / 12.0)) * (step > 0)
    stresses = (Recharge(top, 1e-4), Wells(wells, rate[:, None] * np.ones(wells.size)))
    observations = Observations(("W0",), wells[:1])
    start = np.zeros(grid.shape)
    return Problem(kind, grid, properties, schedule, start, stresses, (FixedHead(east, 0.0),), observations=observations)


def _conductivity(kind: str, n: int, random: np.random.Generator) -> NDArray[np.float64]:
    shape = (LAYERS, n, n)
    name, _, sigma = kind.rpartition(" ")
    if name == "log-normal":
        return 10.0 * np.exp(float(sigma) * _smooth_noise(shape, SMOOTH, random))
    if name == "white noise":
        return 10.0 * np.exp(float(sigma) * random.standard_normal(shape))
    layer = np.array([10.0, 1e-4, 10.0, 1e-4, 10.0]) if kind == "aquitards" else np.full(LAYERS, 10.0)
    return np.broadcast_to(layer[:, None, None], shape)


def _active(kind: str, n: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return the cells that take part: those that are joined to the eastern column."""
    shape = (LAYERS, n, n)
    if not kind.startswith("ragged"):
        return np.ones(shape, dtype=bool)
    from scipy import ndimage

    noise = _smooth_noise(shape if kind == "ragged layers" else (1, n, n), SMOOTH, random)
    active = np.broadcast_to(noise > np.quantile(noise, 1.0 / 3.0), shape).copy()
    active[:, :, -1] = True
    part, _ = ndimage.label(active)
    joined: NDArray[np.bool_] = active & (part == part[0, 0, -1])
    return joined


def _smooth_noise(shape: tuple[int, int, int], reach: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Return normal noise of variance 1, smoothed in plan by a Gaussian of a width in cells."""
    from scipy import ndimage

    noise = np.empty(shape)
    for layer in range(shape[0]):
        ndimage.gaussian_filter(random.standard_normal(shape[1:]), reach, output=noise[layer], mode="wrap")
    noise /= noise.std()
    return noise
