"""Stream depletion: Glover and Balmer (1954) for a clean stream that bounds the aquifer, Hunt (1999) for one with a clogged bed.

The models are half planes (the line through the well across the stream is an axis of symmetry) that grow outwards to where
nothing is felt. What the stream gives is read from the water budget and compared, as a share of the pumping, with the exact
curves and with the published numbers; lengths in feet, as published.
"""

from __future__ import annotations

import pytest

from aquirecover.verification.streams import glover, hunt


def test_glover() -> None:
    share, exact = glover()
    assert share == pytest.approx(exact, abs=0.005)
    assert share[-1] == pytest.approx(0.6906, abs=0.005)


def test_hunt() -> None:
    share, exact = hunt()
    assert share == pytest.approx(exact, abs=0.005)
    assert 0.557 * share == pytest.approx([0.1055, 0.1942, 0.2378], abs=0.003)
