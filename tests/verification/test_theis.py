"""Theis (1935): drawdown around a well in an endless confined aquifer, ``s = Q / (4 π T) W(r² S / (4 T t))``.

T 500 m²/d, S 2e-4, Q 1,000 m³/d. The grid is a quarter plane (`radial.quarter_grid`), 150 km wide with a closed edge that the
drawdown does not reach in 30 d. Backward Euler is of first order in the step: for a mode that decays as ``e^(−λt)``, n steps give
``(1 + λt/n)^(−n) = e^(−λt) (1 + λ²t²/(2n) + …)``, so that halving every step halves the error; the difference of three runs on
one grid shows it free of the error in space.
"""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.verification.wells import drawdown


def test_theis_at_two_distances() -> None:
    model, exact = drawdown(1.25, 40)
    assert model[:, 0] == pytest.approx(exact[:, 0], rel=0.01)
    # at 1 km u is 1 after 0.1 d: the wave has just arrived
    assert model[:, 1] == pytest.approx(exact[:, 1], abs=0.01 * exact[-1, 1])


def test_backward_euler_is_of_first_order() -> None:
    coarse, middle, fine = (drawdown(1.4, n)[0] for n in (10, 20, 40))
    order = np.log2((coarse - middle) / (middle - fine))
    assert order[1:] == pytest.approx(np.ones((3, 2)), abs=0.2)
