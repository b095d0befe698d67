"""Limits with a risk on a strip between two fixed heads, whose spread is known by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from aquirecover.flow.adjoint import SensitivitySettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings, simulate
from aquirecover.flow.stresses import Drain, FixedHead, Wells
from aquirecover.study.chance import AdjointSpread, Chance, Margin, contributions, deviation, tightened
from aquirecover.study.constraints import Constraints, bounds, join
from aquirecover.study.decisions import Decision, decided
from aquirecover.study.limits import LimitProblem, LimitSettings, Objective, find_limit
from aquirecover.study.linear_program import InfeasibleError
from aquirecover.study.priors import FieldPrior, correlated, independent, together
from aquirecover.study.quantities import HeadSums, levels, outflows
from aquirecover.study.trade_off import trade_off
from small_problems import plain_grid, plain_problem

TIGHT = SimulateSettings(newton=NewtonSettings(tolerance=1e-13))
EVERY = np.arange(5)
CONDUCTIVITY = ("k", "k22")


def _simulate_all(problems: Sequence[Problem]) -> list[FlowResult]:
    return [simulate(problem, TIGHT) for problem in problems]


def _strip(*more: object) -> Problem:
    """Return a row of five cells of 100 m, T 60 m²/d, heads of 10 m held at the ends, wells in cells 1 and 3, a steady period."""
    grid = plain_grid(n_y=1, n_x=5, bottom=(0.0,), top=20.0)
    wells = Wells(np.array([1, 3]), np.zeros((1, 2)), names=["west", "east"])
    ends = FixedHead(np.array([0, 4]), 10.0)
    return plain_problem(
        grid, (wells, *more), (ends,), head=10.0, schedule=Schedule([1.0], steady=True), properties=AquiferProperties(grid, 3.0)
    )


def _decisions(n: int = 2) -> tuple[Decision, ...]:
    one = np.ones(1)
    names = ("west", "east")[:n]
    return tuple(Decision(name, 0.0, 500.0, np.array([i]), np.array([0]), one) for i, name in enumerate(names))


def _question(priors: Sequence[FieldPrior], risk: float, n: int = 1) -> LimitProblem:
    """Return the most from wells with a level of 8 m at each."""
    problem, decisions = _strip(), _decisions(n)
    heads = levels([d.name for d in decisions], np.array([1, 3][:n]), np.zeros(n, dtype=np.int64))
    rows = bounds(list(heads.names), np.arange(n), "m", lower=8.0)
    chance = Chance(risk, AdjointSpread(problem, decisions, (heads,), priors, SensitivitySettings(TIGHT)))
    return LimitProblem(problem, decisions, (heads,), rows, Objective(np.ones(n)), chance)


@pytest.mark.parametrize("sd", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("risk", [0.95, 0.5, 0.3])
def test_a_conductivity_that_is_uncertain_as_a_whole(sd: float, risk: float) -> None:
    # drawdown 0.75 Q / 60 falls with 1/T: sigma = ln 10 sd drawdown, so that 2 m hold drawdown (1 + z ln 10 sd)
    question = _question([together("k", CONDUCTIVITY, EVERY, sd, log10=True)], risk)
    expected = 160.0 / (1.0 + NormalDist().inv_cdf(risk) * np.log(10.0) * sd)
    result = find_limit(question, _simulate_all)
    assert result.x == pytest.approx([min(expected, 500.0)], rel=1e-6)
    assert result.deviation == pytest.approx([np.log(10.0) * sd * 0.0125 * result.x[0]], rel=1e-6)
    # what a metre costs counts that the spread grows with the pumping
    assert result.row_price == pytest.approx([expected / 2.0], rel=1e-5)


def test_a_boundary_head_keeps_its_distance_whatever_is_pumped() -> None:
    # 3/4 of the western head stands at the well, the eastern gives the rest
    west, east = (together(name, ("fixed_head.head",), np.array([n]), 0.4) for n, name in enumerate(("west", "east")))
    result = find_limit(_question([west, east], 0.9), _simulate_all)
    sigma = 0.4 * np.hypot(0.75, 0.25)
    assert result.deviation == pytest.approx([sigma])
    assert result.x == pytest.approx([(2.0 - NormalDist().inv_cdf(0.9) * sigma) / 0.0125])
    assert result.certificate.excess < 1e-9


def test_a_covariance_adds_up() -> None:
    # heads that move as one spread more than those that move apart, and cancel where they move against one another
    place = np.array([0, 1])
    for correlation in (1.0, 0.0, -1.0):
        covariance = 0.16 * np.array([[1.0, correlation], [correlation, 1.0]])
        question = _question([correlated("ends", ("fixed_head.head",), place, covariance)], 0.9)
        slope = np.array([0.75, 0.25])
        _, found = question.held_at(np.zeros(1))
        assert found == pytest.approx([np.sqrt(slope @ covariance @ slope)])


def test_spread_is_what_central_differences_make_of_it() -> None:
    problem = _strip(Drain(np.array([2]), np.array([8.0]), np.array([5.0])))
    decisions, x = _decisions(), np.array([40.0, 30.0])
    heads = levels(["west", "east"], np.array([1, 3]), np.zeros(2, dtype=np.int64))
    flow = outflows(problem, "drain", [np.array([0])], ["drain"], np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    priors = [
        independent("k", CONDUCTIVITY, EVERY, 0.3, log10=True),
        together("bed", ("drain.conductance",), np.array([0]), 0.5, log10=True),
        together("level", ("drain.elevation",), np.array([0]), 0.2),
    ]
    spread = AdjointSpread(problem, decisions, (heads, flow), priors, SensitivitySettings(TIGHT))
    slopes = spread.slopes(x)
    assert slopes.shape == (3, 7)
    assert spread.owner.tolist() == [0, 0, 0, 0, 0, 1, 2]

    def quantities(factor: np.ndarray) -> np.ndarray:
        k = 3.0 * 10.0 ** (0.3 * factor[:5])
        drain = Drain(np.array([2]), np.array([8.0 + 0.2 * factor[6]]), np.array([5.0 * 10.0 ** (0.5 * factor[5])]))
        moved = decided(problem, decisions, x)
        properties = AquiferProperties(problem.grid, k.reshape(problem.grid.shape))
        stresses = tuple(drain if isinstance(s, Drain) else s for s in moved.stresses)
        head = simulate(replace(moved, properties=properties, stresses=stresses), TIGHT).head[-1].ravel()
        return np.array([head[1], head[3], drain.conductance[0] * (head[2] - drain.elevation[0])])

    for factor, column in zip(np.eye(7), slopes.T, strict=True):
        difference = (quantities(1e-4 * factor) - quantities(-1e-4 * factor)) / 2e-4
        assert column == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_a_response_that_is_used_again_keeps_the_risk() -> None:
    question = _question([together("k", CONDUCTIVITY, EVERY, 0.2, log10=True)], 0.95)
    neutral = find_limit(replace(question, chance=None), _simulate_all)
    fresh = find_limit(question, _simulate_all)
    again = find_limit(question, _simulate_all, known=neutral.response)
    assert again.x == pytest.approx(fresh.x, rel=1e-9)
    assert again.x[0] < 0.7 * neutral.x[0]
    assert again.deviation == pytest.approx(fresh.deviation)
    curve = trade_off(question, np.array([0]), [8.0, 6.0], _simulate_all)
    assert [point.x[0] for point in curve if point is not None] == pytest.approx([fresh.x[0], 2.0 * fresh.x[0]], rel=1e-6)


def test_half_is_the_limit_without_risk() -> None:
    question = _question([independent("k", CONDUCTIVITY, EVERY, 0.3, log10=True)], 0.5, n=2)
    neutral = find_limit(replace(question, chance=None), _simulate_all)
    result = find_limit(question, _simulate_all)
    assert result.x == pytest.approx(neutral.x, rel=1e-9)
    assert (result.deviation > 0.0).all()


def test_deviations_held_as_at_the_first_rates() -> None:
    # nothing is pumped there, so that conductivity matters not at all
    question = _question([together("k", CONDUCTIVITY, EVERY, 0.3, log10=True)], 0.95)
    result = find_limit(question, _simulate_all, LimitSettings(spread_every=0))
    assert result.x == pytest.approx([160.0])
    assert result.programs == 1


def test_too_much_risk_avoided_leaves_no_limit() -> None:
    with pytest.raises(InfeasibleError):
        find_limit(_question([together("ends", ("fixed_head.head",), np.array([0, 1]), 2.0)], 0.95), _simulate_all)


def test_an_equality_of_what_varies_is_refused() -> None:
    rows = join([bounds(["h"], np.array([0]), "m", lower=8.0, upper=8.0)])
    with pytest.raises(ValueError, match="h: an equality of what is uncertain"):
        tightened(rows, np.array([0.1]), 1.0)
    assert tightened(rows, np.zeros(1), 1.0).lower == pytest.approx([8.0])


def test_two_sides_close_in_on_each_other() -> None:
    rows = bounds(["h"], np.array([0]), "m", lower=8.0, upper=12.0)
    held = tightened(rows, np.array([0.5]), 2.0)
    assert (held.lower[0], held.upper[0]) == (9.0, 11.0)


def test_a_margin_that_is_a_line_is_known_after_two_points() -> None:
    class Line:
        names, owner = ("a",), np.zeros(1, dtype=np.int64)

        def slopes(self, x: np.ndarray) -> np.ndarray:
            return np.array([[1.0 + 2.0 * x[0]]])

    rows = bounds(["h"], np.array([0]), "m", upper=12.0)
    margin = Margin(Chance(0.9, Line()), rows, np.zeros(1))  # type: ignore[arg-type]
    margin.update(np.array([3.0]))
    z = NormalDist().inv_cdf(0.9)
    found: Constraints = margin.rows()
    for x in (0.0, 1.0, 5.0):
        room = found.upper - found.activity(np.array([4.0]), np.array([x]))
        assert room == pytest.approx([8.0 - z * (1.0 + 2.0 * x)])


def test_deviations_and_the_parts_of_a_variance() -> None:
    rows = bounds(["h"], np.array([1]), "m", upper=12.0)
    slopes = np.array([[9.0, 9.0, 9.0], [1.0, 2.0, 2.0]])
    assert deviation(rows, slopes) == pytest.approx([3.0])
    assert contributions(slopes[1], np.array([0, 0, 1]), 2) == pytest.approx([5.0, 4.0])


@pytest.mark.parametrize("risk", [0.0, 1.0, float("nan")])
def test_a_probability_lies_between_0_and_1(risk: float) -> None:
    with pytest.raises(ValueError, match="risk = "):
        _question([], risk)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (together("a", ("nothing",), np.array([0]), 1.0), "a: nothing is no input"),
        (together("a", ("k",), np.array([5]), 1.0), "a: k has 5 entries"),
        (together("a", ("specific_storage",), np.array([0]), 1.0, log10=True), "without a logarithm"),
    ],
)
def test_a_prior_of_what_is_not_there_is_refused(prior: FieldPrior, message: str) -> None:
    if prior.keys == ("specific_storage",):
        grid = plain_grid(n_y=1, n_x=5, bottom=(0.0,), top=20.0)
        dry = replace(_strip(), properties=AquiferProperties(grid, 3.0, specific_storage=0.0))
    else:
        dry = _strip()
    with pytest.raises(ValueError, match=message):
        AdjointSpread(dry, _decisions(), (), [prior])


def test_levels_in_wells_are_not_for_the_adjoint() -> None:
    zero = np.zeros(1, dtype=np.int64)
    level = HeadSums(("in the well",), "m", zero, zero, zero, zero + 1, np.ones(1), np.zeros(1), zero, zero, np.array([-0.01]))
    spread = AdjointSpread(_strip(), _decisions(), (level,), [together("k", CONDUCTIVITY, EVERY, 0.2, log10=True)])
    with pytest.raises(ValueError, match="in the well: the level in a well depends on more than heads"):
        spread.slopes(np.zeros(2))
