"""How quantities respond to decisions, by a backward sweep for each quantity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aquirecover.flow.adjoint import SensitivitySettings, sensitivities
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.study.decisions import Decision, given_rates
from aquirecover.study.quantities import Quantities


def backward_slopes(
    problem: Problem, decisions: Sequence[Decision], families: Sequence[Quantities], settings: SensitivitySettings
) -> tuple[FlowResult, FloatArray]:
    """Return a run and the derivatives of quantities with respect to decisions, shape ``(n_quantity, n_decision)``.

    A well that neither pumps nor injects is taken to begin with what the decision would make it do.

    Parameters
    ----------
    problem : Problem
        With the rates at which derivatives are wanted.
    decisions : sequence of Decision
        The unknowns.
    families : sequence of Quantities
        What is looked at.
    settings : SensitivitySettings
        Of the sweeps.
    """
    net = given_rates(problem)
    keys = [f"{wells.name}.{name}" for wells in problem.wells for name in ("pumping_rate", "injection_rate")]
    found = sensitivities(problem, [family.of_heads(problem) for family in families], settings, keys)
    by_pumping, by_injection = (
        np.concatenate([found.derivative[f"{wells.name}.{name}"] for wells in problem.wells], axis=2)
        for name in ("pumping_rate", "injection_rate")
    )
    direct = np.concatenate([family.by_rates(problem) for family in families])
    slope = np.zeros((found.value.size, len(decisions)))
    for n, decision in enumerate(decisions):
        rate = net[decision.period, decision.well]
        pumps = (rate > 0.0) | ((rate == 0.0) & (decision.share > 0.0))
        place = (slice(None), decision.period, decision.well)
        slope[:, n] = (np.where(pumps, by_pumping[place], -by_injection[place]) + direct[place]) @ decision.share
    return found.result, slope
