"""Constraints that hold with a probability, by first-order second-moment.

A row that depends on uncertain inputs with the derivatives J has, to first order, the variance ``J C Jᵀ`` with C the covariance
of the inputs. It holds with the probability `risk` when its side is moved inwards by ``z σ``, z the quantile of the normal
distribution (Charnes and Cooper 1959, Management Science 6; White, Fienen, Barlow and Welter 2018, Environ. Modell. Softw. 100).
Each row holds with that probability by itself, not all of them at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import final

import numpy as np

from aquirecover.flow.adjoint import SensitivitySettings, sensitivities
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.problem import Problem
from aquirecover.flow.sensitivities import differentiable_inputs
from aquirecover.study.constraints import Constraints
from aquirecover.study.decisions import Decision, decided
from aquirecover.study.priors import FieldPrior
from aquirecover.study.quantities import Quantities


class Spread(ABC):
    """Base of the ways in which the spread of quantities is found.

    Attributes
    ----------
    names : tuple of str
        Of the priors.
    owner : ndarray of int
        Prior of each independent standard normal factor, shape ``(n_factor,)``.
    """

    names: tuple[str, ...]
    owner: IntArray

    @abstractmethod
    def slopes(self, x: FloatArray) -> FloatArray:
        """Return what quantities gain as each factor grows by 1 at values of the decisions, shape ``(n_quantity, n_factor)``."""


@final
class AdjointSpread(Spread):
    """Spread by the adjoint: a backward sweep for each quantity, whatever the number of uncertain entries.

    Parameters
    ----------
    problem : Problem
        The model.
    decisions : sequence of Decision
        The unknowns.
    families : sequence of Quantities
        What is looked at.
    priors : sequence of FieldPrior
        Of inputs of the problem.
    settings : SensitivitySettings, optional
        Of the sweeps.

    Raises
    ------
    ValueError
        When a prior reaches beyond its input, or a value has no logarithm.
    """

    def __init__(
        self,
        problem: Problem,
        decisions: Sequence[Decision],
        families: Sequence[Quantities],
        priors: Sequence[FieldPrior],
        settings: SensitivitySettings | None = None,
    ) -> None:
        self.problem, self.decisions, self.families = problem, tuple(decisions), tuple(families)
        self.priors, self.settings = tuple(priors), settings
        self.names = tuple(prior.name for prior in priors)
        self.owner = np.repeat(np.arange(len(priors)), [prior.n_factor for prior in priors])
        inputs = differentiable_inputs(problem)
        for prior in priors:
            for key in prior.keys:
                _check_entries(prior, key, inputs)

    def slopes(self, x: FloatArray) -> FloatArray:
        """Return what quantities gain as each factor grows by 1, shape ``(n_quantity, n_factor)``."""
        problem = decided(self.problem, self.decisions, x)
        wanted = sorted({key for prior in self.priors for key in prior.keys})
        functionals = [family.weighted_sums(problem) for family in self.families]
        found = sensitivities(problem, functionals, self.settings, wanted)
        inputs = differentiable_inputs(problem)
        parts = []
        for prior in self.priors:
            gain = np.zeros((found.value.size, prior.place.size))
            for key in prior.keys:
                own = found.derivative[key].reshape(found.value.size, -1)[:, prior.place]
                gain += own * (np.log(10.0) * inputs[key].ravel()[prior.place] if prior.log10 else 1.0)
            parts.append(gain * prior.factor if prior.factor.ndim == 1 else gain @ prior.factor)
        return np.concatenate(parts, axis=1) if parts else np.zeros((found.value.size, 0))


def _check_entries(prior: FieldPrior, key: str, inputs: dict[str, FloatArray]) -> None:
    if key not in inputs:
        raise ValueError(f"{prior.name}: {key} is no input of the model. There are {', '.join(inputs)}.")
    if prior.place.size and not 0 <= prior.place.min() <= prior.place.max() < inputs[key].size:
        raise ValueError(f"{prior.name}: {key} has {inputs[key].size} entries: place must be 0 to {inputs[key].size - 1}.")
    value = inputs[key].ravel()[prior.place]
    if not np.isfinite(value).all() or (prior.log10 and not (value > 0.0).all()):
        raise ValueError(f"{prior.name}: {key} has a value without a logarithm, or none at all. Leave its place out.")


@dataclass(frozen=True, eq=False)
class Chance:
    """Every constraint is to hold with a probability.

    Parameters
    ----------
    risk : float
        That probability, 0.5 for none to spare; less would let constraints be broken.
    spread : Spread
        Of the quantities.
    """

    risk: float
    spread: Spread

    def __post_init__(self) -> None:
        """Refuse a probability outside 0 to 1."""
        if not 0.0 < self.risk < 1.0:
            raise ValueError(f"risk = {self.risk:g}: must lie between 0 and 1.")

    @property
    def z(self) -> float:
        """Standard deviations by which sides are moved."""
        return NormalDist().inv_cdf(self.risk)


def row_slopes(constraints: Constraints, slopes: FloatArray) -> FloatArray:
    """Return what the activities of rows gain as each factor grows by 1, shape ``(n_row, n_factor)``."""
    found: FloatArray = constraints.sums(slopes.shape[0]) @ slopes
    return found


def deviation(constraints: Constraints, slopes: FloatArray) -> FloatArray:
    """Return the standard deviations of the activities of rows, shape ``(n_row,)``."""
    by_factor = row_slopes(constraints, slopes)
    found: FloatArray = np.sqrt(np.einsum("ij,ij->i", by_factor, by_factor))
    return found


def tightened(constraints: Constraints, deviations: FloatArray, z: float) -> Constraints:
    """Return the rows with their sides moved inwards by z standard deviations.

    Raises
    ------
    ValueError
        When a row that varies is an equality, which holds with no probability.
    """
    equal = (constraints.lower == constraints.upper) & (deviations > 0.0)
    if equal.any():
        name = constraints.names[int(np.flatnonzero(equal)[0])]
        raise ValueError(f"{name}: an equality of what is uncertain holds with no probability. Give it two sides.")
    return replace(constraints, lower=constraints.lower + z * deviations, upper=constraints.upper - z * deviations)


class Margin:
    """The distance that a chance keeps from the sides of rows, as programs in sequence see it.

    Standard deviations grow with the pumping. Where they do so fast, those of the last rates alone would make the sequence swing
    without end; so a program sees how they change with the rates, by Broyden's (1965, Math. Comp. 19) rank-one secants.

    Parameters
    ----------
    chance : Chance
        What is asked for.
    constraints : Constraints
        The rows.
    x : ndarray
        First values of the decisions, shape ``(n_decision,)``.
    """

    def __init__(self, chance: Chance, constraints: Constraints, x: FloatArray) -> None:
        self.chance, self.constraints, self.x = chance, constraints, x
        self.deviation = self._found(x)
        self.gradient = np.zeros((constraints.n, x.size))

    def _found(self, x: FloatArray) -> FloatArray:
        return deviation(self.constraints, self.chance.spread.slopes(x))

    def update(self, x: FloatArray) -> None:
        """Find the standard deviations at other values of the decisions."""
        new, moved = self._found(x), x - self.x
        if (length := float(moved @ moved)) > 0.0:
            self.gradient += np.outer(new - self.deviation - self.gradient @ moved, moved / length)
        self.x, self.deviation = x, new

    def rows(self) -> Constraints:
        """Return the rows for the next program: with the margin, and how it changes, where they have one side."""
        held = tightened(self.constraints, self.deviation, self.chance.z)
        below, above = np.isfinite(held.upper), np.isfinite(held.lower)
        row, decision = np.nonzero(self.gradient * (below ^ above)[:, None])
        slope = self.chance.z * np.where(below, 1.0, -1.0)[row] * self.gradient[row, decision]
        shift = np.bincount(row, weights=slope * self.x[decision], minlength=held.n)
        return replace(
            held,
            lower=held.lower + shift,
            upper=held.upper + shift,
            decision_row=np.concatenate([held.decision_row, row]),
            decision=np.concatenate([held.decision, decision]),
            decision_coefficient=np.concatenate([held.decision_coefficient, slope]),
        )


def contributions(slope: FloatArray, owner: IntArray, n: int) -> FloatArray:
    """Return the parts of a variance that priors bring, from slopes by factor, shape ``(n,)`` for n priors."""
    return np.bincount(owner, weights=slope * slope, minlength=n).astype(np.float64)
