"""Theis recovery: ``s' = Q / (4 π T) [W(u) − W(u')]`` while heads come back after a pump stops.

T 500 m²/d, S 2e-4, Q 1,000 m³/d for 30 d, seen at 100 m. The grid is a quarter plane of 38 × 38 cells from 8 m at the well, each
1.25 times the one before, 150 km wide (`radial.quarter_grid`). Steps of the period after the stop grow from 1e-4 d; later periods
end at the times of the table and have equal steps. For a response s(t) backward Euler errs by ``½ s″(t) Σ Δt²``; with
``s ≈ C ln t`` the residual drawdown, ``C ln(t/t')``, therefore errs by ``½ C Σ Δt² (1/t'² − 1/t²)``, and steps of a few per cent
of t' are needed to stay within 1 % of the drawdown up to the last time, when a hundredth of it is left.
"""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.verification.wells import RECOVERY as EXACT
from aquirecover.verification.wells import RECOVERY_STEPS as STEPS
from aquirecover.verification.wells import RECOVERY_TIMES as TIMES
from aquirecover.verification.wells import residual_drawdown

__all__ = ["EXACT", "STEPS", "TIMES", "residual_drawdown"]


def test_every_time_of_the_table_within_one_per_cent() -> None:
    model = residual_drawdown(1.25, STEPS, (1.2, 1.3))
    assert model == pytest.approx(EXACT, rel=0.01)


def test_first_order_in_the_step() -> None:
    # three runs on one grid with ever finer steps after the stop
    base = np.array([4, 4, 4, 4, 4, 4, 4, 4, 8])
    runs = (residual_drawdown(1.5, np.array([20, *(base * m)]), (1.2, 1.5 ** (2 / m))) for m in (1, 2, 4))
    coarse, middle, fine = runs
    order = np.log2((coarse - middle)[-5:] / (middle - fine)[-5:])
    assert order == pytest.approx(np.ones(5), abs=0.2)
