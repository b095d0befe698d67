"""What is known of a limit when the inputs of the model are uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aquirecover.flow.arrays import FloatArray
from aquirecover.study.ensemble import FactorRange, Route
from aquirecover.study.limits import LimitResult
from aquirecover.study.priors import Prior


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The limit in all realizations.

    Parameters
    ----------
    samples : ndarray
        Values of the priors, shape ``(n_realization, n_prior)``.
    ranges : tuple of FactorRange or None
        Factors of the limit with which the rules hold; None where a realization failed.
    errors : tuple of str
        Why it failed.
    route : Route
        The rates that a factor stands for.
    own : tuple of ndarray or None
        Limit of each realization by itself, None where no rates hold, or none were found; empty where not asked for.
    why_none : tuple of str
        Reason for each that is None; empty where not asked for.
    """

    samples: FloatArray
    ranges: tuple[FactorRange | None, ...]
    errors: tuple[str, ...]
    route: Route
    own: tuple[FloatArray | None, ...] = ()
    why_none: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FirstOrder:
    """The limit by first-order second-moment.

    Parameters
    ----------
    probability : tuple of float
        Ascending.
    limit : tuple of LimitResult or None
        None where no rates hold with that probability.
    parts : ndarray
        Of the variance of the limit without risk, by prior, shape ``(n_prior,)``; squared unit of the objective.
    reason : str
        Why no rates hold with the probability that is asked for; empty where some do.
    """

    probability: tuple[float, ...]
    limit: tuple[LimitResult | None, ...]
    parts: FloatArray
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Reliability:
    """What is known of a limit when the inputs are uncertain.

    Parameters
    ----------
    probability : float
        That is asked for.
    priors : tuple of Prior
        Of the model.
    about : tuple of mapping of str to str
        ``unit``, ``certainty`` and ``source`` of each.
    ensemble, first_order
        See their classes; None where not asked for.
    """

    probability: float
    priors: tuple[Prior, ...]
    about: tuple[Mapping[str, str], ...]
    ensemble: Ensemble | None
    first_order: FirstOrder | None
