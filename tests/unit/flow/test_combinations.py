"""Combinations of vectors against numpy, on one thread and on several."""

from __future__ import annotations

import numpy as np
import pytest

from aquirecover.flow.combinations import BLOCK, combine, move, products, subtract
from aquirecover.flow.compiled import share

SIZE = 20 * BLOCK + 7
THREADS = [None, 2]


def _threads(wanted: int | None) -> int | None:
    """Return so many threads, as the loops want them; None on a machine of one core."""
    return None if wanted is None else share(wanted, SIZE)


@pytest.mark.parametrize("wanted", THREADS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_products_and_combinations(wanted: int | None, kind: type) -> None:
    random, threads = np.random.default_rng(0), _threads(wanted)
    vectors, b = random.normal(size=(3, SIZE)).astype(kind), random.normal(size=SIZE)
    found, x, weights = np.zeros(2), np.empty(SIZE), np.array([0.5, -2.0])
    products(vectors, b, found, threads)
    np.testing.assert_allclose(found, vectors[:2].astype(np.float64) @ b, rtol=1e-12)
    combine(vectors, weights, b, x, threads)
    np.testing.assert_allclose(x, b + weights @ vectors[:2].astype(np.float64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wanted", THREADS)
def test_differences_and_moves(wanted: int | None) -> None:
    random, threads = np.random.default_rng(1), _threads(wanted)
    a, b, out = (random.normal(size=SIZE) for _ in range(3))
    assert subtract(a, b, out, threads) == pytest.approx(float(((a - b) ** 2).sum()), rel=1e-12)
    np.testing.assert_array_equal(out, a - b)
    assert move(a, b, -0.5, out, threads) == 0.5 * np.abs(b).max()
    np.testing.assert_array_equal(out, a - 0.5 * b)


def test_threads_change_no_bit() -> None:
    vectors, found = np.random.default_rng(2).normal(size=(4, SIZE)), []
    for threads in (None, _threads(2)):
        sums, x, moved, less = np.zeros(3), np.empty(SIZE), np.empty(SIZE), np.empty(SIZE)
        products(vectors, vectors[3], sums, threads)
        combine(vectors, sums, vectors[3], x, threads)
        largest, square = move(x, vectors[0], 0.3, moved, threads), subtract(x, vectors[1], less, threads)
        found.append([sums.tobytes(), x.tobytes(), moved.tobytes(), less.tobytes(), largest, square])
    assert found[0] == found[1]
