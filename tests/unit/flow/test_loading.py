"""Right-hand sides and solutions of the finest level, on one thread and on several."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow.compiled import share
from aquirecover.flow.multigrid import Multigrid

SHAPES = [(1, 223, 301), (3, 1, 20_011), (2, 30_001, 1), (5, 100, 101)]


def _hierarchy(shape: tuple[int, int, int]) -> Multigrid:
    """Return a hierarchy of random faces."""
    cx, cy, cz, surplus = np.random.default_rng(1).uniform(0.5, 2.0, (4, *shape))
    cx[:, :, -1], cy[:, -1], cz[-1] = 0.0, 0.0, 0.0
    return Multigrid(cx, cy, cz, surplus)


@pytest.mark.parametrize("shape", SHAPES)
def test_threads_change_no_bit(shape: tuple[int, int, int]) -> None:
    hierarchy, random, found = _hierarchy(shape), np.random.default_rng(2), []
    b, start = random.normal(size=(2, *shape))
    black = hierarchy.layouts[0].split(random.normal(size=shape))[hierarchy.black.size :]
    for threads in (None, share(2, b.size)):
        left, x = hierarchy.load(b, threads=threads), start.copy()
        assert not hierarchy.black.any()
        f = hierarchy.finest
        loaded = [f.b.tobytes(), f.red.tobytes()]
        hierarchy.black[:] = black
        hierarchy.unload(x, threads, add=True)
        found.append([left, *loaded, x.tobytes()])
    assert found[0] == found[1]


def test_a_solution_is_set_or_added() -> None:
    shape = (2, 9, 8)
    hierarchy, b = _hierarchy(shape), np.random.default_rng(3).normal(size=(2, 9, 8))
    alone, added = np.full(shape, np.nan), np.ones(shape)
    hierarchy.load(b)
    hierarchy.unload(alone)
    hierarchy.unload(added, add=True)
    assert np.abs(alone).max() > 0.0
    np.testing.assert_allclose(added, alone + 1.0, rtol=1e-15)


def test_an_overflow_leaves_nothing_behind() -> None:
    shape = (1, 9, 9)
    hierarchy, b = _hierarchy(shape), np.random.default_rng(4).normal(size=(1, 9, 9))
    expected = hierarchy.apply(b)
    hierarchy.load(np.full(shape, np.inf))
    np.testing.assert_array_equal(hierarchy.apply(b), expected)
