"""Options of IMS: chosen by the problem, and overridden."""

from __future__ import annotations

import pytest

from aquirecover.modflow import ModflowSettings

NEW, OLD = (6, 7, 0), (6, 0, 5)


def options(lines: list[str]) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in lines if line.startswith("  "))


def test_a_confined_problem_gets_conjugate_gradients():
    found = options(ModflowSettings().ims(False, (1e5, 1e-9), NEW))
    assert found["LINEAR_ACCELERATION"] == "CG"
    assert found["RELAXATION_FACTOR"] == "0.99"
    assert found["UNDER_RELAXATION"] == "NONE"
    assert float(found["INNER_RCLOSE"]) == pytest.approx(1e-7)


def test_newton_gets_bicgstab_and_delta_bar_delta():
    found = options(ModflowSettings().ims(True, (1e5, 1e-9), NEW))
    assert found["LINEAR_ACCELERATION"] == "BICGSTAB"
    assert found["UNDER_RELAXATION"] == "DBD"
    assert found["UNDER_RELAXATION_THETA"] == "0.9"


@pytest.mark.parametrize("newton", [False, True])
def test_nothing_is_scaled_or_reordered(newton):
    """With either, a run was seen to terminate normally beside a budget error of 132 %."""
    found = options(ModflowSettings().ims(newton, (1.0, 0.0), NEW))
    assert found["SCALING_METHOD"] == found["REORDERING_METHOD"] == "NONE"


def test_closure_is_never_below_rounding():
    assert float(options(ModflowSettings().ims(False, (1e-3, 1e-9), NEW))["INNER_RCLOSE"]) == 1e-9


def test_tight_closure_is_tighter():
    usual, tight = (options(ModflowSettings(closure=name).ims(True, (1.0, 0.0), NEW)) for name in ("usual", "tight"))
    assert float(tight["OUTER_DVCLOSE"]) == 1e-3 * float(usual["OUTER_DVCLOSE"])
    assert float(tight["INNER_DVCLOSE"]) == 1e-3 * float(usual["INNER_DVCLOSE"])


def test_old_releases_know_other_names():
    found = options(ModflowSettings().ims(False, (1.0, 0.0), OLD))
    assert "OUTER_HCLOSE" in found
    assert "INNER_HCLOSE" in found
    assert not any("DVCLOSE" in name for name in found)


def test_what_is_given_wins():
    given = ModflowSettings(
        outer_dvclose=1e-4, inner_dvclose=1e-5, inner_rclose=0.01, linear_acceleration="bicgstab", relaxation_factor=0.0,
        under_relaxation="simple", outer_maximum=7, inner_maximum=9, preconditioner_levels=3,
    )  # fmt: skip
    found = options(given.ims(False, (1e5, 0.0), NEW))
    assert float(found["OUTER_DVCLOSE"]) == 1e-4
    assert float(found["INNER_DVCLOSE"]) == 1e-5
    assert float(found["INNER_RCLOSE"]) == 0.01
    assert found["LINEAR_ACCELERATION"] == "BICGSTAB"
    assert found["RELAXATION_FACTOR"] == "0.0"
    assert found["UNDER_RELAXATION"] == "SIMPLE"
    assert "UNDER_RELAXATION_THETA" not in found
    assert (found["OUTER_MAXIMUM"], found["INNER_MAXIMUM"], found["PRECONDITIONER_LEVELS"]) == ("7", "9", "3")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"outer_dvclose": -1.0}, "outer_dvclose = -1: must be 0 or more."),
        ({"inner_rclose": float("nan")}, "inner_rclose = nan: must be 0 or more."),
        ({"outer_maximum": 0}, "outer_maximum = 0: must be 1 or more."),
        ({"relaxation_factor": 1.5}, "relaxation_factor = 1.5: must be 1 or less."),
        ({"preconditioner_levels": -1}, "preconditioner_levels = -1: must be 0 or more."),
    ],
)
def test_values_that_make_no_sense(given, message):
    with pytest.raises(ValueError, match="must be") as caught:
        ModflowSettings(**given)
    assert str(caught.value) == message
