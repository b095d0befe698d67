"""The proof of a limit: what runs of the full model at it, and a little beyond it, say of all constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.study.constraints import Constraints
from aquirecover.study.decisions import Decision


@dataclass(frozen=True)
class Proof:
    """One run of the full model against all constraints.

    Parameters
    ----------
    times : float
        Factor on the rates of the limit.
    excess : float
        Largest excess over a constraint by its size (`Constraints.size`), so in m or m/km where these are its units; negative
        where all have room.
    name, unit : str
        Of that constraint, or of the bound of a rate; empty without any.
    value, side : float
        Of that constraint in this run, in its unit.
    """

    times: float
    excess: float
    name: str
    unit: str
    value: float
    side: float


@dataclass(frozen=True)
class Certificate:
    """What the full model says of a limit.

    Parameters
    ----------
    at : Proof
        With the rates of the limit.
    raised : Proof or None
        With every rate raised by `LimitSettings.raised`, lowered where less is better; None where nothing is pumped.
    """

    at: Proof
    raised: Proof | None

    @property
    def excess(self) -> float:
        """Largest excess at the limit."""
        return self.at.excess

    @property
    def worst(self) -> str:
        """Name of the constraint with it."""
        return self.at.name

    @property
    def raised_excess(self) -> float:
        """Largest excess beyond the limit, NaN where nothing is pumped."""
        return float("nan") if self.raised is None else self.raised.excess

    @property
    def raised_worst(self) -> str:
        """Name of the constraint or bound that is then broken by most."""
        return "" if self.raised is None else self.raised.name


def prove(times: float, constraints: Constraints, values: FloatArray, x: FloatArray) -> Proof:
    """Return what a run shows, from its quantities and the values of the decisions."""
    excess, row = constraints.worst_row(values, x)
    if row < 0:
        return Proof(times, excess, "", "", float("nan"), float("nan"))
    value = float(constraints.activity(values, x)[row])
    upper, lower = float(constraints.upper[row]), float(constraints.lower[row])
    side = upper if value - upper > lower - value else lower
    return Proof(times, excess, constraints.names[row], constraints.unit[row], value, side)


def prove_bounds(times: float, decisions: Sequence[Decision], x: FloatArray) -> Proof:
    """Return by how much the bounds of the rates that the aquifer feels are broken by most, relative to 1 plus the bound."""
    found = Proof(times, -np.inf, "", "", float("nan"), float("nan"))
    acting = np.array([decision.acts for decision in decisions])
    for name, sign in (("upper", 1.0), ("lower", -1.0)):
        bound = np.array([getattr(decision, name) for decision in decisions])
        over = np.where(acting, sign * (x - bound), -np.inf) / (1.0 + np.where(np.isfinite(bound), np.abs(bound), 0.0))
        place = int(over.argmax()) if over.size else -1
        if place >= 0 and over[place] > found.excess:
            text = f"{name} bound of {decisions[place].name}"
            found = Proof(times, float(over[place]), text, "m3/d", float(x[place]), float(bound[place]))
    return found
