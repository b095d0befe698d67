"""A recovery measured in the field: Hardinxveld-Giessendam 1981, as timflow and MLU have it."""

from __future__ import annotations

import numpy as np

from aquirecover import analytical
from aquirecover.flow.arrays import FloatArray

# Time since pumping began, d, and residual drawdown in the pumped well, m.
MEASURED = np.array(
    [
        [0.014583, 0.364],
        [0.015278, 0.282],
        [0.015972, 0.241],
        [0.016667, 0.190],
        [0.017361, 0.174],
        [0.018056, 0.162],
        [0.01875, 0.146],
        [0.019444, 0.130],
        [0.020139, 0.120],
        [0.020833, 0.114],
        [0.022222, 0.102],
        [0.023611, 0.086],
        [0.025, 0.080],
        [0.026389, 0.075],
        [0.027778, 0.068],
        [0.029167, 0.067],
        [0.030556, 0.061],
        [0.031944, 0.056],
        [0.033333, 0.050],
        [0.034722, 0.044],
    ]
)
FIELD = {"rate": 1848.0, "stop": 0.013889, "thickness": 27.0, "radius": 0.155}


def field_recovery(k: float, storativity: float = 1e-4) -> FloatArray:
    """Return the residual drawdown at the times measured; m."""
    found: FloatArray = analytical.theis_recovery(
        FIELD["rate"], k * FIELD["thickness"], storativity, FIELD["radius"], MEASURED[:, 0], FIELD["stop"]
    )
    return found


def best_conductivity() -> float:
    """Return the conductivity whose residual drawdown has the least squared distance from the measured one; m/d."""
    from scipy import optimize

    def error(k: FloatArray) -> FloatArray:
        distance: FloatArray = field_recovery(float(k[0])) - MEASURED[:, 1]
        return distance

    return float(optimize.least_squares(error, [20.0]).x[0])
