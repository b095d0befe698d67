"""Distributions of single numbers, their samples, and fields with a covariance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aquirecover.study.priors import Prior, correlated, sample

PRIORS = (
    Prior("flat", "uniform", 2.0, 6.0, 3.0),
    Prior("decades", "loguniform", 1e-6, 1e-3, 1e-4),
    Prior("bell", "normal", -1.0, 3.0, 0.0),
    Prior("skew", "lognormal", 0.1, 10.0, 1.0),
)


@pytest.mark.parametrize(
    ("prior", "oracle"),
    [
        (PRIORS[0], stats.uniform(2.0, 4.0)),
        (PRIORS[1], stats.loguniform(1e-6, 1e-3)),
        (PRIORS[2], stats.norm(1.0, 2.0 / stats.norm.ppf(0.95))),
        (PRIORS[3], stats.lognorm(np.log(10.0) / stats.norm.ppf(0.95))),
    ],
)
def test_quantiles_are_those_of_scipy(prior: Prior, oracle: object) -> None:
    share = np.array([0.01, 0.05, 0.3, 0.5, 0.95])
    expected = oracle.ppf(share)  # type: ignore[attr-defined]
    np.testing.assert_allclose(prior.quantile(share), expected, rtol=1e-12)
    sampled = prior.quantile((np.arange(20_000) + 0.5) / 20_000)
    spread = np.std(np.log10(sampled) if prior.logarithmic else sampled)
    assert prior.deviation == pytest.approx(spread, rel=1e-3)


def test_a_value_is_moved_on_its_own_scale() -> None:
    assert PRIORS[0].moved(1.0) == pytest.approx(3.0 + 4.0 / 12.0**0.5)
    assert PRIORS[1].moved(-1.0) == pytest.approx(1e-4 * 10.0 ** (-3.0 / 12.0**0.5))
    assert PRIORS[3].moved(0.0) == 1.0


@pytest.mark.parametrize("sampling", ["latin_hypercube", "sobol"])
def test_samples_repeat_with_their_seed_and_fill_the_range(sampling: str) -> None:
    found = sample(PRIORS, 200, 7, sampling)  # type: ignore[arg-type]
    assert found.shape == (200, 4)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, sample(PRIORS, 200, 7, sampling))  # type: ignore[arg-type]
    assert (found != sample(PRIORS, 200, 8, sampling)).all()  # type: ignore[arg-type]
    for column, prior in zip(found.T, PRIORS, strict=True):
        assert np.median(column) == pytest.approx(prior.quantile(np.array(0.5)), rel=0.05, abs=0.05)


def test_a_latin_hypercube_has_one_sample_in_each_part() -> None:
    found = sample(PRIORS, 50, 1)
    for column, prior in zip(found.T, PRIORS, strict=True):
        edges = prior.quantile(np.arange(1, 50) / 50.0)
        assert np.bincount(np.searchsorted(edges, column), minlength=50).tolist() == [1] * 50


def test_a_sobol_sequence_goes_on() -> None:
    np.testing.assert_array_equal(sample(PRIORS, 128, 3, "sobol")[:100], sample(PRIORS, 100, 3, "sobol"))
    np.testing.assert_array_equal(sample(PRIORS, 300, 3, "sobol")[:100], sample(PRIORS, 100, 3, "sobol"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("uniform", 2.0, 2.0, 2.0), "low = 2 must be less than high = 2"),
        (("loguniform", 0.0, 2.0, 1.0), "greater than 0"),
        (("lognormal", 1.0, 2.0, -1.0), "greater than 0"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(arguments: tuple[str, float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Prior("a", *arguments)  # type: ignore[arg-type]


def test_the_factor_of_a_covariance_gives_it_back() -> None:
    points = np.random.default_rng(1).normal(size=(8, 2))
    covariance = np.exp(-np.linalg.norm(points[:, None] - points, axis=2))
    prior = correlated("field", ("k",), np.arange(8), covariance)
    np.testing.assert_allclose(prior.factor @ prior.factor.T, covariance, atol=1e-14)


def test_what_is_no_covariance_is_refused() -> None:
    with pytest.raises(ValueError, match="symmetric"):
        correlated("a", ("k",), np.arange(2), np.array([[1.0, 0.5], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="eigenvalue -1"):
        correlated("a", ("k",), np.arange(2), np.array([[1.0, 2.0], [2.0, 1.0]]))
