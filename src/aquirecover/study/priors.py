"""What is known of inputs before calibration: distributions of single numbers, and of fields with their covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray

Distribution: TypeAlias = Literal["uniform", "loguniform", "normal", "lognormal"]
Sampling: TypeAlias = Literal["latin_hypercube", "sobol"]

# Share of a normal distribution below `high`, and above `low`.
INSIDE = 0.95
# Standard deviations between the mean and `high`.
REACH = NormalDist().inv_cdf(INSIDE)


@dataclass(frozen=True)
class Prior:
    """What is known of one number.

    Parameters
    ----------
    name : str
        Unique.
    distribution : str
        ``uniform``, ``loguniform``, ``normal`` or ``lognormal``.
    low, high : float
        Ends of the range; the quantiles of 5 and 95 % of the normal ones.
    value : float
        Of the model.
    """

    name: str
    distribution: Distribution
    low: float
    high: float
    value: float

    def __post_init__(self) -> None:
        """Refuse an empty range, and logarithms of what is not positive."""
        if not self.low < self.high:
            raise ValueError(f"{self.name}: low = {self.low:g} must be less than high = {self.high:g}.")
        if self.logarithmic and not (self.low > 0.0 and self.value > 0.0):
            raise ValueError(f"{self.name}: low and the value must be greater than 0 for a {self.distribution} distribution.")

    @property
    def logarithmic(self) -> bool:
        """Whether the distribution is of the logarithm."""
        return self.distribution in ("loguniform", "lognormal")

    @property
    def deviation(self) -> float:
        """Standard deviation, of log10 for the logarithmic ones."""
        low, high = self._ends
        return (high - low) / (12.0**0.5 if self.distribution.endswith("uniform") else 2.0 * REACH)

    @property
    def _ends(self) -> tuple[float, float]:
        return (float(np.log10(self.low)), float(np.log10(self.high))) if self.logarithmic else (self.low, self.high)

    def quantile(self, share: FloatArray) -> FloatArray:
        """Return the values below which the number lies with a probability, each between 0 and 1, of any shape."""
        low, high = self._ends
        if self.distribution.endswith("uniform"):
            found = low + share * (high - low)
        else:
            from scipy.special import ndtri

            found = 0.5 * (low + high) + self.deviation * ndtri(share)
        result: FloatArray = 10.0**found if self.logarithmic else found
        return result

    def moved(self, deviations: float) -> float:
        """Return the model's value moved by a multiple of the standard deviation."""
        step = deviations * self.deviation
        return self.value * 10.0**step if self.logarithmic else self.value + step


def sample(priors: Sequence[Prior], n: int, seed: int, sampling: Sampling = "latin_hypercube") -> FloatArray:
    """Return independent samples of priors, shape ``(n, n_prior)``.

    Latin hypercube: each prior has one sample in each of its n parts of equal probability (McKay, Beckman and Conover 1979,
    Technometrics 21). Sobol': the first n points of a scrambled sequence of 2^m (Owen 1998), which a larger n goes on with.
    """
    from scipy.stats import qmc

    if sampling == "sobol":
        engine = qmc.Sobol(len(priors), seed=seed)
        share = engine.random_base2(max(n - 1, 1).bit_length())[:n]
        # the quantiles of 0 and 1 of a normal distribution are infinite
        share = np.clip(share, 2.0**-31, 1.0 - 2.0**-31)
    else:
        share = qmc.LatinHypercube(len(priors), seed=seed).random(n)
    return np.stack([prior.quantile(share[:, i]) for i, prior in enumerate(priors)], axis=1)


@dataclass(frozen=True, eq=False)
class FieldPrior:
    """What is known of entries of input arrays: jointly normal, or their decimal logarithms.

    Parameters
    ----------
    name : str
        Unique.
    keys : tuple of str
        Inputs that move together, as ``("k", "k22", "k33")`` of an isotropic aquifer; see `differentiable_inputs`.
    place : ndarray of int
        Entries of each of these arrays, flat, shape ``(n_place,)``.
    factor : ndarray
        What each entry, or its logarithm, gains when an independent standard normal factor grows by 1, shape
        ``(n_place, n_factor)``: a matrix L with ``L Lᵀ`` the covariance. A diagonal one is given as shape ``(n_place,)``.
    log10 : bool
        Whether logarithms are normal.
    """

    name: str
    keys: tuple[str, ...]
    place: IntArray
    factor: FloatArray
    log10: bool = False

    def __post_init__(self) -> None:
        """Refuse a factor that does not fit the entries."""
        if self.factor.shape[0] != self.place.size:
            raise ValueError(f"{self.name}: factor has {self.factor.shape[0]} rows: must be the {self.place.size} of place.")

    @property
    def n_factor(self) -> int:
        """Number of independent factors."""
        return int(self.factor.shape[-1])


def independent(name: str, keys: Sequence[str], place: IntArray, deviation: float, *, log10: bool = False) -> FieldPrior:
    """Return entries that vary each for itself with a standard deviation, of log10 where that is asked for."""
    return FieldPrior(name, tuple(keys), place, np.full(place.size, deviation), log10)


def together(name: str, keys: Sequence[str], place: IntArray, deviation: float, *, log10: bool = False) -> FieldPrior:
    """Return entries that all vary by the same amount, or by the same factor."""
    return FieldPrior(name, tuple(keys), place, np.full((place.size, 1), deviation), log10)


def correlated(name: str, keys: Sequence[str], place: IntArray, covariance: FloatArray, *, log10: bool = False) -> FieldPrior:
    """Return entries with a covariance, shape ``(n_place, n_place)``.

    Raises
    ------
    ValueError
        When it is not symmetric, or some sum of entries would have a negative variance.
    """
    covariance = np.asarray(covariance, dtype=np.float64)
    largest = float(np.abs(covariance).max(initial=0.0))
    if covariance.shape != (place.size, place.size) or not np.allclose(covariance, covariance.T, rtol=0.0, atol=1e-12 * largest):
        raise ValueError(f"{name}: the covariance must be a symmetric matrix of {place.size} rows.")
    variance, direction = np.linalg.eigh(covariance)
    if variance.min(initial=0.0) < -1e-10 * largest:
        raise ValueError(f"{name}: the covariance has the eigenvalue {variance.min():.3g}: must be 0 or more.")
    return FieldPrior(name, tuple(keys), place, direction * np.sqrt(np.maximum(variance, 0.0)), log10)
