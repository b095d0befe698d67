"""Krylov methods for the black columns of the finest grid, with the red ones eliminated, see `finest`.

Directions are kept as what they are made of: the results of the cycles so far, in single precision as they were, and a few
coefficients. The solution is put together from them in double precision.
"""

from __future__ import annotations

import numpy as np

from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.planes import combine, follow, gather_first, orthogonalise, products


def conjugate_gradients(mg: Multigrid, target: float, most: int, norm: float, threads: int | None) -> tuple[list[float], bool]:
    """Reduce the residual of black columns by preconditioned conjugate gradients until ``Σ|r| ≤ target``.

    In the form of Chronopoulos and Gear (1989), which takes the image of the preconditioned residual, as the cycle gives it,
    instead of that of the direction.

    Parameters
    ----------
    mg : Multigrid
        Of the matrix; its `residual` is reduced, and what solves for the difference added to its `black`.
    target : float
        m³/d.
    most : int
        Largest number of iterations.
    norm : float
        ``Σ|r|`` at the start, m³/d.
    threads : int or None
        See `compiled.share`.

    Returns
    -------
    history : list of float
        ``Σ|r|`` after each iteration, m³/d.
    sound : bool
        False when the method broke down.
    """
    r, q, z, image = mg.residual, mg.images[0], mg.results, mg.finest.image
    along, share = np.zeros(len(z)), np.zeros(len(z))
    history: list[float] = []
    place, rho, alpha, unit = 0, 0.0, 0.0, mg.unit
    while len(history) < most and norm > target:
        if place == len(z):
            # the direction takes the first place, all that it was made of is free
            combine(mg.black, z, share, threads)
            gather_first(z, along)
            along[:], share[:], place = 0.0, 0.0, 1
            along[0] = 1.0
        old, (rho, curvature) = rho, mg.cycle(place, threads)
        beta = rho / old if old > 0.0 else 0.0
        if beta > 0.0:
            curvature -= beta * rho / alpha
        if not (rho > 0.0 and curvature > 0.0):
            combine(mg.black, z, share, threads)
            if rho == 0.0 or not mg.straighten():
                return history, False
            # once more from the residual that is left
            along[:], share[:], place, rho = 0.0, 0.0, 0, 0.0
            continue
        alpha = rho / curvature
        along *= beta
        along[place] = 1.0
        share += alpha * along
        norm = unit * follow(q, image, beta, r, alpha, threads)
        history.append(norm)
        place += 1
    combine(mg.black, z, share, threads)
    return history, True


def conjugate_residuals(mg: Multigrid, target: float, most: int, norm: float, threads: int | None) -> tuple[list[float], bool]:
    """Reduce the residual of black columns by generalised conjugate residuals until ``Σ|r| ≤ target``, for any matrix.

    The preconditioned residual, its image made orthogonal to those of the directions so far, is the next direction (Eisenstat,
    Elman and Schultz 1983); they are forgotten when there is no room for more. Parameters and result as `conjugate_gradients` has
    them.
    """
    r, z, images = mg.residual, mg.results, mg.images
    # what directions are made of, and the squares of their images
    made, square, share = np.zeros((len(z), len(z))), np.zeros(len(z)), np.zeros(len(z))
    history: list[float] = []
    place, unit = 0, mg.unit
    while len(history) < most and norm > target:
        if place == len(z):
            combine(mg.black, z, share, threads)
            share[:], place = 0.0, 0
        mg.cycle(place, threads)
        known = products(images[:place], mg.finest.image) / square[:place]
        made[place] = -known @ made[:place]
        made[place, place] = 1.0
        along, square[place] = orthogonalise(images, mg.finest.image, known, r)
        if not square[place] > 0.0:
            combine(mg.black, z, share, threads)
            return history, False
        alpha = along / square[place]
        share += alpha * made[place]
        norm = unit * follow(images[place], images[place], 0.0, r, alpha, threads)
        history.append(norm)
        place += 1
    combine(mg.black, z, share, threads)
    return history, True
