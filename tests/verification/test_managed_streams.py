"""Limits with streams whose stage follows their flow, against GWM-2005; see `managed_basin` and `channels`."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from aquirecover.study.limits import find_limit
from aquirecover.verification.channels import Channels, with_stages
from aquirecover.verification.managed_basin import DEPLETION, GAUGES, streamflow, supply2


def test_stages_follow_manning_with_the_flow_in_the_middle_of_each_reach() -> None:
    # two reaches of 100 ft, one below the other, that gain 500 and 200 ft3/d
    slope = np.array([0.001, 0.002])
    channels = Channels("s", np.array([5.0, 4.0]), slope, np.array([1000.0, 0.0]), np.array([1, -1]), width=10.0, roughness=0.03)
    (stage,) = channels.stage(np.array([[500.0, 200.0]]))
    flow = np.array([1250.0, 1600.0])
    depth = stage - [5.0, 4.0]
    np.testing.assert_allclose(128_390.0 / 0.03 * 10.0 * depth ** (5.0 / 3.0) * np.sqrt(slope), flow, rtol=1e-12)
    np.testing.assert_array_equal(channels.upstream, [[True, False], [True, True]])


def test_the_stages_that_are_printed() -> None:
    # the first reach of SUPPLY2 at the end of the first season: inflow 1e5 ft3/d, gain 3.1612e4
    _, channels = streamflow()
    gain = np.zeros((1, channels.below.size))
    gain[0, 0] = 3.1612e4
    assert channels.stage(gain)[0, 0] == pytest.approx(48.4193, abs=5e-5)


def test_most_flow_at_gauges() -> None:
    question, channels = streamflow()
    result = find_limit(question, partial(with_stages, channels))
    np.testing.assert_allclose(result.x, [0.0, 3e4, 0.0, 1e4, 3e4, 4.5e4, 5e4], atol=1e-6)
    flow = result.outcome.values + np.array([1e5, 1e5, 5e4, 1.5e5])
    np.testing.assert_allclose(flow, [5.416810e5, 7.655867e5, 2.597073e5, 1.104444e6], rtol=5e-7)
    assert len(GAUGES) == flow.size
    # less pumping leaves more, and breaks the demand of a season
    assert result.certificate.raised is not None
    assert result.certificate.raised.times == pytest.approx(0.999)
    assert result.certificate.raised_worst in ("WIN", "SPR", "SUM", "FAL")
    # GWM differentiates by steps of thousands of ft3/d: the smallest price has three digits
    prices = dict(zip(question.constraints.names, result.row_price, strict=True))
    assert prices == pytest.approx({"WIN": 3.0932e-3, "SPR": 1.7106e-2, "SUM": 1.6057, "FAL": 1.5099e-4}, rel=1e-3)


def test_the_most_valuable_supply_that_depletes_streams_and_may_be_imported() -> None:
    question, channels = supply2()
    result = find_limit(question, partial(with_stages, channels))
    assert result.objective == pytest.approx(53_028.32, rel=1e-6)
    expected = [3484.406, 5e4, 27497.13, 26913.72, 26749.86, 49018.46, 8061.018, 0.0, 0.0, 14601.87, 6704.712]
    np.testing.assert_allclose(result.x, expected, rtol=1e-5, atol=1e-6)
    prices = {name: price for name, price in zip(question.constraints.names, result.row_price, strict=True) if price > 1e-6}
    printed = {"SF1.9": 0.32412, "SF2.11": 0.59448, "SF2.12": 0.11095, "SF3.10": 0.053017, "SF4.12": 0.43003}
    assert prices == pytest.approx(printed | {"p02": 0.25660, "p11": 0.10920, "p12": 0.10920}, rel=5e-5)
    # the streams have the most taken from them where a limit has its price
    taken = question.constraints.lower[: len(DEPLETION)] - result.outcome.values
    bound = [name in printed for name in question.families[0].names]
    np.testing.assert_allclose(taken[bound], 0.0, atol=0.1)
    assert (taken[~np.array(bound)] < -1e3).all()
