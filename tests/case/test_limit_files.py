"""Limit files on a strip between two fixed heads, whose heads are known by hand; see `limit_strip`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from aquirecover.case.limit_builder import load_limits
from aquirecover.case.limit_case import LimitCase
from aquirecover.errors import ConfigError
from aquirecover.output.limit_seasons import season_rows, season_sentence
from aquirecover.study.decisions import decided
from aquirecover.study.limits import LimitResult, find_limit
from aquirecover.study.linear_program import InfeasibleError
from aquirecover.study.response import Evaluator
from aquirecover.study.trade_off import trade_off
from limit_strip import BEGIN, MODEL, SCENARIO, load, simulate_all, simulated, solved, write_strip

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_strip(tmp_path)


WEST = "decide: {w: {select: {wells: west}, by: well, most: 500}}\n"
BOTH = "decide: {w: {select: {wells: west}, by: well, most: 400}, e: {select: {wells: east}, by: well, most: 400}}\n"
A_ABOVE_8 = "  a: {rule: level, at: observations, points: A, elevation: 8.0}\n"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (A_ABOVE_8, 160.0),
        # 22 m below the ground at 30 m
        ("  a: {rule: level, at: observations, points: A, depth: 22.0}\n", 160.0),
        # the mean drawdown of the five cells is 1.5 Q / 60 / 5
        ("  a: {rule: level, at: area, area: rooms/all, mean: yes, elevation: 9.5}\n", 100.0),
        ("  a: {rule: level, at: area, area: rooms/all, elevation: 8.0}\n", 160.0),
        ("  a: {rule: difference, pairs: [[B, A]], most: 0.5}\n", 120.0),
        ("  a: {rule: difference, pairs: [[[1, 1, 2], B]], least: -0.5}\n", 120.0),
        ("  a: {rule: gradient, pairs: [[B, A]], most: 0.005}\n", 120.0),
        ("  a: {rule: flux, line: middle, least: -30.0}\n", 120.0),
        ("  a: {rule: flux, line: middle, least: -30.0, mean: yes}\n", 120.0),
        ("  a: {rule: flux, into: rooms/porch, least: -90.0}\n", 120.0),
        ("  a: {rule: front, area: rooms/porch, gradient: -0.015}\n", 120.0),
        # 5 x 10 m of head over the bottoms at 0 m, less the 2.5 m that 100 m3/d took until the limit
        ("  a: {rule: storage, area: rooms/all, share: 0.9}\n", (50.0 - 0.9 * 47.5) * 60.0 / 1.5),
        # 100 m3/d were pumped until the limit: half of the fall is that of 50 m3/d
        ("  a: {rule: recovery, at: observations, points: A, share: 0.5, by: 2021-06-01}\n", 50.0),
        ("  a: {rule: recovery, at: area, area: rooms/all, share: 0.5, by: 2021-06-01}\n", 50.0),
        ("  a: {rule: no_decline, area: rooms/hall}\n", 100.0),
    ],
)
def test_one_well_and_one_rule(folder: Path, rules: str, expected: float) -> None:
    found, result, _ = solved(folder, WEST + "constraints:\n" + rules)
    assert found["west"] == pytest.approx(expected, rel=1e-8)
    assert result.certificate.excess <= 1e-6 < result.certificate.raised_excess * 1e2


def test_a_level_in_a_well_with_a_water_table(folder: Path) -> None:
    model = (folder / "model.yaml").read_text(encoding="utf-8")
    (folder / "model.yaml").write_text(
        model.replace("k: 2.0,", "k: 2.0, specific_yield: 0.1, convertible: yes,"), encoding="utf-8"
    )
    found, result, made = solved(
        folder, WEST + "constraints:\n  l: {rule: level, at: wells, select: {wells: west}, elevation: 5.0}\n"
    )
    # Dupuit from the head of the cell, at 0.208 of its 100 m, to the radius of 0.1 m
    at = made.question.problem.wells[0].cell[0]
    last = simulate_all([decided(made.question.problem, made.question.decisions, result.x)])[0]
    head = float(last.head[-1].ravel()[at])
    assert 5.0 < head < 10.0
    assert found["west"] == pytest.approx(np.pi * 2.0 * (head**2 - 5.0**2) / np.log(208.0), rel=1e-6)
    # how levels bend is worked out from the slopes of the heads without a run
    evaluator = Evaluator(made.question.problem, made.question.decisions, made.question.families, simulate_all)
    near, here = evaluator.response(0.9 * result.x), evaluator.response(result.x)
    again, moved = (evaluator.renewed(known, here.outcome, result.x).slope[:2, 0] for known in (here, near))
    assert again == pytest.approx(here.slope[:2, 0], rel=1e-2)  # whose own are differences
    assert np.abs(moved - here.slope[:2, 0]).max() < 0.5 * np.abs(near.slope[:2, 0] - here.slope[:2, 0]).max()
    assert result.certificate.excess <= 1e-6 < result.certificate.raised_excess


def test_least_pumping_that_keeps_a_place_dry(folder: Path) -> None:
    text = BOTH + "minimise: cost\nconstraints:\n  pit: {rule: level, at: observations, points: [B], highest: 9.0}\n"
    _, result, _ = solved(folder, text)
    # (w + e) / 2 / 60 = 1 m
    assert result.objective == pytest.approx(120.0)
    # a little less would break it, by a thousandth of a metre of drawdown
    assert result.certificate.raised_excess == pytest.approx(1e-3, rel=1e-6)
    # a metre less costs 120 m3/d, in the one year or the other
    assert result.row_price.sum() == pytest.approx(120.0)


def test_outflow_to_a_boundary(folder: Path) -> None:
    model = (folder / "model.yaml").read_text(encoding="utf-8")
    (folder / "model.yaml").write_text(model.replace("leakance: 0.0", "leakance: 1.0e-3"), encoding="utf-8")
    # 10 m2/d to a pond at 10 m: heads fall by Q (1/84, 1/140, 1/280), and the pond gives Q / 14
    for more in ("", ", mean: yes", ", within: rooms/hall, aquifer: sand"):
        found, _, _ = solved(folder, WEST + "constraints:\n  p: {rule: flux, boundary: pond, least: -10.0" + more + "}\n")
        assert found["west"] == pytest.approx(140.0, rel=1e-8)
    elsewhere = "constraints:\n  p: {rule: flux, boundary: pond, within: rooms/porch, least: -10.0}\n"
    assert _errors(folder, WEST + elsewhere) == ["constraints.p: pond: has no part there."]


def test_one_rate_of_a_whole_selection_and_names_that_are_unique(folder: Path) -> None:
    found, _, made = solved(folder, "decide: {field: {by: [], most: 500}}\nconstraints:\n" + A_ABOVE_8)
    # the eastern well does not pump at present, and gets no share
    assert found == pytest.approx({"field": 160.0})
    assert made.labels[0]["aquifer"] == "sand"
    assert "district" not in made.labels[0]
    both = "decide: {a: {select: {wells: west}, by: aquifer, most: 9}, b: {select: {wells: east}, by: aquifer, most: 8}}\n"
    found, _, _ = solved(folder, both + "constraints:\n" + A_ABOVE_8)
    assert found == pytest.approx({"sand": 9.0, "sand (b)": 8.0})


def test_months_of_rules_and_rates(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models/confined_basin", tmp_path / "models/confined_basin")
    shutil.copytree(ROOT / "scenarios/confined_basin", tmp_path / "scenarios/confined_basin")
    file = tmp_path / "scenarios/confined_basin/limits.yaml"
    # periods are years from January on; their four steps end in February, May, August and at the end of the year
    text = BEGIN.replace("scenario.yaml", "ban.yaml").replace("2021-01-01", "2025-01-01") + (
        "decide:\n  w: {select: {wells: W1}, by: well, most: 10}\n"
        "constraints:\n"
        "  a: {rule: level, at: observations, points: P1, depth: 10, months: [1], from: 2026-01-01}\n"
        "  b: {rule: level, at: observations, points: P1, law: yes, share_of_depth: 0.9, from: 2029-12-31}\n"
    )
    file.write_text(text, encoding="utf-8")
    made = load_limits(file, simulated)
    dates = [info.date for info in made.info if info.rule == "a"]
    # the step that ends the year before counts by its middle, in autumn
    assert [date[:7] for date in dates] == ["2026-02", "2027-02", "2028-02", "2029-02"]
    # ground at 20 m, lawful down to 30 m below it
    assert made.question.constraints.lower[made.rows["b"]] == pytest.approx(20.0 - 0.9 * 30.0)


def test_storage_against_an_earlier_and_a_later_day(folder: Path) -> None:
    # before 2021 the drawdown was 1.5 x 100 / 60 = 2.5 m in all, 47.5 m were left
    found, _, _ = solved(folder, WEST + "constraints:\n  s: {rule: storage, share: 0.9, of: 2020-12-31}\n")
    assert found["west"] == pytest.approx((50.0 - 0.9 * 50.0) * 60.0 / 1.5, rel=1e-8)
    found, _, _ = solved(folder, WEST + "constraints:\n  s: {rule: storage, share: 0.9, of: 2021-01-01}\n")
    assert found["west"] == pytest.approx((50.0 - 0.9 * 47.5) * 60.0 / 1.5, rel=1e-8)
    # each of the two years has a rate of its own; the second may fall to 0.9 of the first
    years = (
        "decide:\n  one: {select: {wells: west}, by: well, most: 100, to: 2022-01-01}\n"
        "  two: {select: {wells: west}, by: well, most: 500, from: 2022-01-01}\n"
    )
    made = load(folder, years + "constraints:\n  s: {rule: storage, share: 0.9, of: 2022-01-01, from: 2022-06-01}\n")
    result = find_limit(made.question, simulate_all)
    # 50 − 1.5 two / 60 = 0.9 (50 − 1.5 one / 60), so that two = 200 + 0.9 one
    assert result.x == pytest.approx([100.0, 290.0])


def test_a_share_of_the_area_comes_back(folder: Path) -> None:
    rule = "constraints:\n  r: {rule: recovery, at: area, area: rooms/all, area_share: %s, share: 0.0, by: 2021-06-01}\n"
    both = BOTH.replace("400", "500")
    # cells keep their heads: 3 w + e <= 300, w + e <= 100, w + 3 e <= 100; the outer ones always do
    for share, total in ((1.0, 100.0), (0.8, 100.0), (0.6, 300.0)):
        found, result, _ = solved(folder, both + rule % share)
        assert found["west"] + found["east"] == pytest.approx(total), share
        assert result.certificate.excess <= 1e-6
    assert found["east"] == pytest.approx(300.0)


def test_recovery_towards_the_equilibrium_without_pumping(folder: Path) -> None:
    # the ends fall to 9 m from 2021 on, and with them the level that A can come back to
    model = (folder / "model.yaml").read_text(encoding="utf-8")
    ends = "head: {series: [[2020-01-01, 10.0], [2021-01-01, 10.0], [2021-01-02, 9.0], [2023-01-01, 9.0]]}}"
    falling = model.replace("head: 10.0}\ngeneral", ends + "\ngeneral")
    (folder / "model.yaml").write_text(falling, encoding="utf-8")
    rule = "constraints:\n  r: {rule: recovery, at: observations, points: A, share: 0.5, by: 2022-06-01%s}\n"
    # from 8.75 m with 100 m3/d half way to 9 m; to the 10 m before pumping it cannot come half way
    found, _, _ = solved(folder, WEST + rule % ", reference: no_pumping")
    assert found["west"] == pytest.approx((9.0 - 8.875) * 80.0, rel=1e-4)
    with pytest.raises(InfeasibleError):
        solved(folder, WEST + rule % "")


def test_a_share_of_the_area_comes_back_and_stays(folder: Path) -> None:
    # the eastern well pumps 120 m3/d more in the second year: cells that are back in the first fall again
    (folder / "rates.csv").write_text("well,date,rate\nwest,2020-01-01,100\neast,2020-01-01,0\neast,2022-01-01,120\n", "utf-8")
    rule = "constraints:\n  r: {rule: recovery, at: area, area: rooms/all, area_share: %s, share: 0.0, by: 2021-06-01%s}\n"
    # all cells keep their heads: 3 w + e <= 300, w + e <= 100, w + 3 e <= 100 with the 120 of the east in the second year
    first, result, made = solved(folder, WEST + rule % (1.0, ", to: 2022-01-01"))
    assert first["west"] == pytest.approx(100.0)
    assert sum(decision.integer for decision in made.question.decisions) == 5
    # of the two outer cells and the second alone, which has 3 w + 120 <= 300 in the second year
    both, result, made = solved(folder, WEST + rule % (0.6, ""))
    assert both["west"] == pytest.approx(60.0)
    # a switch for a cell, and not for each of its steps
    assert sum(decision.integer for decision in made.question.decisions) == 5
    assert result.certificate.excess <= 1e-6
    # the same cells must be back at both steps; at the first alone more could be pumped
    alone, _, _ = solved(folder, WEST + rule % (0.6, ", to: 2022-01-01"))
    assert alone["west"] == pytest.approx(100.0)


SEASONAL = (
    MODEL.replace("top: 30.0\nlayers:\n", "top: 60.0\nlayers:\n  cover: {thickness: 30.0, k: 1.0e-9, specific_storage: 1.0e-5}\n")
    .replace("head: 10.0}\ngeneral", "head: 40.0}\ngeneral")
    .replace("initial_head: 10.0", "initial_head: 40.0")
    .replace("start: 2020-01-01", "start: 2019-11-01")
)
HALVES = "".join(f"    - {{length: {days}, steady: yes}}\n" for days in [182, 184, *[181, 184, 181, 184, 181, 184, 182, 184] * 2])


@pytest.fixture
def dry(folder: Path) -> Path:
    """Return the strip with ground at 60 m, the roof of its aquifer at 30 m, heads of 40 m, and half years from November on."""
    head, _, rest = SEASONAL.partition("    - {length")
    (folder / "model.yaml").write_text(head + HALVES + "initial_head" + rest.partition("initial_head")[2], encoding="utf-8")
    _pump(folder, "")
    return folder


def _pump(folder: Path, more: str) -> None:
    text = "well,date,rate\nwest,2019-11-01,100\neast,2019-11-01,0\n" + more
    (folder / "rates.csv").write_text(text, encoding="utf-8")


def _seasonal(folder: Path, text: str) -> tuple[dict[str, float], LimitResult, LimitCase]:
    (folder / "limits.yaml").write_text(BEGIN.replace("2021-01-01", "2020-11-01") + text, encoding="utf-8")
    made = load_limits(folder / "limits.yaml", simulated)
    result = find_limit(made.question, simulate_all, made.settings)
    return dict(zip((d.name for d in made.question.decisions), result.x, strict=True)), result, made


# the lawful depth is 30 m, to the roof; heads at A are 40 − w / 80 − e / 240
DRY_RULE = "constraints:\n  z: {rule: dry_season, at: observations, points: A%s}\n"
MOST = WEST.replace("500", "900")


def test_dry_seasons_within_the_share_of_the_lawful_depth(dry: Path) -> None:
    found, _, made = _seasonal(dry, MOST + DRY_RULE % "")
    # 60 − 0.95 x 30 = 31.5 m
    assert found["west"] == pytest.approx((40.0 - 31.5) * 80.0, rel=1e-6)
    # eight dry seasons from 2020/21 on, and no step of a wet one
    assert made.rows["z"].size == 8
    assert made.laws == ("Decree 53/2024/ND-CP, Art. 33, read in legal digests",)
    # in wet seasons twice as much is no matter of this rule
    twice = "decide:\n  d: {select: {wells: west}, by: well, most: 900, months: [11, 12, 1, 2, 3, 4]}\n"
    assert _seasonal(dry, twice + DRY_RULE % "")[0]["west"] == pytest.approx(680.0, rel=1e-6)


def test_dry_seasons_that_do_not_fall_may_go_to_the_lawful_depth(dry: Path) -> None:
    found, result, _ = _seasonal(dry, MOST + DRY_RULE % ", or_steady: yes")
    assert found["west"] == pytest.approx(800.0, rel=1e-6)
    assert result.certificate.excess <= 1e-6 < result.certificate.raised_excess
    # the neighbour pumps 24 m3/d more each year: the level falls by 0.1 m a year, and must stay within 95 %
    _pump(dry, "".join(f"east,{2020 + n}-11-01,{24 * n}\n" for n in range(8)))
    found, _, _ = _seasonal(dry, MOST + DRY_RULE % ", or_steady: yes")
    assert found["west"] == pytest.approx((8.5 - 0.7) * 80.0, rel=1e-6)


def test_dry_seasons_of_wells_are_watched_by_decree_53(dry: Path) -> None:
    _pump(dry, "".join(f"east,{2020 + n}-11-01,{24 * n}\n" for n in range(8)))
    law = "constraints:\n  l: {rule: level, at: wells, law: %s}\n"
    _, result, made = _seasonal(dry, MOST + law % "vn-decree-53-2024")
    (own,) = made.watched
    n = own.seasons.lawful.size
    mean = result.outcome.values[own.numbers].reshape(-1, n)
    rows = season_rows(
        "l", own.seasons.rows.place[:n], own.aquifer, own.seasons.seasons, mean, own.seasons.rows.lower[:n], own.seasons.lawful,
        own.seasons.ground,
    )  # fmt: skip
    west, east = rows
    # the level in the well is at its limit at the end, and has fallen by 0.1 m a year
    assert west["place"] == "well west"
    assert west["lowest_mean_level_m"] == pytest.approx(30.0, abs=1e-6)
    assert (west["seasons_falling_running"], west["first_in_zone_2"], west["seasons_in_zone_2"]) == (7, "2023/24", 5)
    assert east["seasons_in_zone_2"] == 0
    sentence = season_sentence(rows)
    assert "1 of 2 wells at the limit, the first well west, sand, in 2023/24" in sentence
    # no other law asks for it
    assert _seasonal(dry, MOST + law % "vn-decree-167-2018")[2].watched == ()


def test_dry_seasons_need_steps_that_follow_them(folder: Path) -> None:
    assert _errors(folder, WEST + DRY_RULE % "") == [
        "constraints.z: no dry season lies wholly in its time, or time steps do not begin and end with these months."
    ]
    assert _errors(folder, WEST + DRY_RULE % ", months: [1, 3]") == [
        "constraints.z.months: the months of a season must follow one another."
    ]


def test_curves_move_sides_and_days(folder: Path) -> None:
    def curve(text: str) -> tuple[str, list[float | None]]:
        made = load(folder, text)
        assert made.curve is not None
        own = made.curve
        found = trade_off(own.question, own.rows, own.sides, simulate_all)
        return own.label, [None if point is None else round(made.total(point.x), 6) for point in found]

    # 100 m3/d are pumped at present, and in the first year still: what comes back does so in the second
    later = WEST.replace("most", "from: 2022-01-01, most")
    recovery = "constraints:\n  r: {rule: recovery, at: observations, points: A, share: 0.5, by: 2022-06-01}\n"
    label, found = curve(later + recovery + "trade_off: {rule: r, dates: [2021-06-01, 2022-06-01]}\n")
    assert label == "Day by which 50 % of the fall is recovered"
    # the mean of the two years, of which the first is as the scenario has it and breaks the rule from 2021-06-01 on
    assert found == [None, 25.0]
    depth = "constraints:\n  a: {rule: level, at: observations, points: A, depth: 22.0}\ntrade_off: {rule: a, sides: [21, 22]}\n"
    assert curve(WEST + depth) == ("Greatest depth of levels below ground (m)", [80.0, 160.0])
    supply = (
        "supplies: {canal: {most: 1000, weight: -3}}\nminimise: cost\nconstraints:\n"
        "  s: {rule: supply, least_times_present: 2}\ntrade_off: {rule: s, sides: [1, 3]}\n"
    )
    assert curve(WEST + supply) == ("Least supply as a multiple of the present", [100.0, 300.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            A_ABOVE_8 + "trade_off: {rule: a, dates: [2021-06-01, 2022-06-01]}\n",
            "trade_off.dates: a is no recovery, which alone has a day to move: give sides.",
        ),
        (
            "  a: {rule: recovery, at: observations, share: 0.5, by: 2021-06-01}\n"
            "trade_off: {rule: a, dates: [2021-06-01, 2032-06-01]}\n",
            "trade_off.dates[1]: holds at the end of no step: its dates are not in the time of the limit, 2021-01-01 to",
        ),
        (
            "  a: {rule: supply, least: 1, most: 3}\ntrade_off: {rule: a, sides: [1, 2]}\n",
            "trade_off.rule: a: has no number that a curve could move, or more than one.",
        ),
        (A_ABOVE_8 + "supplies: {canal: {}}\nbisection: {}\n", "bisection: goes with pumping alone"),
    ],
)
def test_curves_and_bisections_that_cannot_be(folder: Path, text: str, message: str) -> None:
    (found,) = _errors(folder, WEST + "constraints:\n" + text)
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        # 0.75 w + 0.25 e <= 120: the east is cheaper
        ("", (80.0 / 3.0, 400.0)),
        ("  s: {rule: supply, each: district, least: 50}\n", (50.0, 330.0)),
        ("  s: {rule: supply, district: West, least_times_present: 0.5}\n", (50.0, 330.0)),
        ("  s: {rule: supply, decide: e, most: 120}\n", (120.0, 120.0)),
        ("  s: {rule: ratio, of: {well: east}, to: {well: west}, most: 1}\n", (120.0, 120.0)),
        ("  s: {rule: ratio, of: {district: West}, to: {district: East}, least: 3}\n", (144.0, 48.0)),
    ],
)
def test_sums_and_ratios_of_pumping(folder: Path, more: str, expected: tuple[float, float]) -> None:
    found, _, _ = solved(folder, BOTH + "constraints:\n" + A_ABOVE_8 + more)
    assert (found["west"], found["east"]) == pytest.approx(expected)


def test_equal_cuts_and_equal_shares(folder: Path) -> None:
    (folder / "rates.csv").write_text("well,date,rate\nwest,2020-01-01,100\neast,2020-01-01,50\n", encoding="utf-8")
    share = 120.0 / (0.75 * 100.0 + 0.25 * 50.0)
    found, _, _ = solved(folder, BOTH + "constraints:\n  c: {rule: equal_cut}\n" + A_ABOVE_8)
    assert (found["west"], found["east"]) == pytest.approx((100.0 * share, 50.0 * share))
    found, _, made = solved(folder, BOTH + "maximise: equal_share\nconstraints:\n" + A_ABOVE_8)
    assert found == pytest.approx({"share of present pumping": share})
    assert made.total(np.array([share])) == pytest.approx(150.0 * share)
    # a sum by district still counts the wells of the one factor
    more = "  s: {rule: supply, district: East, most: 40}\n"
    found, _, _ = solved(folder, BOTH + "maximise: equal_share\nconstraints:\n" + A_ABOVE_8 + more)
    assert found == pytest.approx({"share of present pumping": 0.8})


def test_balance_of_pumping_and_injection(folder: Path) -> None:
    text = (
        "decide:\n  out: {select: {wells: west}, by: well, most: 500}\n"
        "  back: {select: {wells: east}, by: well, most: 500, inject: yes, weight: 0.1}\n"
        "constraints:\n  b: {rule: ratio, of: {decide: back}, to: {decide: out}, least: 1, most: 1}\n"
    )
    found, result, _ = solved(folder, text + A_ABOVE_8)
    # 0.75 q − 0.25 q = 120, and injection counts against pumping
    assert found == pytest.approx({"west": 240.0, "east": 240.0})
    assert result.objective == pytest.approx(0.9 * 240.0)
    assert result.outcome.values == pytest.approx([8.0, 8.0])


def test_which_wells_are_on(folder: Path) -> None:
    both = "decide:\n  f: {select: {group: field}, by: well, most: 400, switches: {%s}}\nconstraints:\n" + A_ABOVE_8
    found, _, _ = solved(folder, both % "most: 1")
    assert (found["west"], found["east"]) == pytest.approx((0.0, 400.0))
    found, _, _ = solved(folder, both % "least: 2, rate: 60")
    assert (found["west"], found["east"]) == pytest.approx((60.0, 300.0))
    assert (found["west is on"], found["east is on"]) == (1.0, 1.0)
    # the least cost of 300 m3/d: one well at 1 a cubic metre and 50 for being on, instead of two
    cost = "decide:\n  f: {select: {group: field}, by: well, most: 400, switches: {cost: 50}}\nminimise: cost\nconstraints:\n"
    found, result, _ = solved(folder, cost + "  s: {rule: supply, least: 300}\n" + A_ABOVE_8)
    assert (found["west"], found["east"]) == pytest.approx((0.0, 300.0))
    assert result.objective == pytest.approx(350.0)


def test_supplies_from_elsewhere(folder: Path) -> None:
    text = WEST + (
        "supplies: {canal: {most: 1000, weight: -3, district: West}}\nminimise: cost\n"
        "constraints:\n  s: {rule: supply, district: West, least: 300}\n" + A_ABOVE_8
    )
    found, result, made = solved(folder, text)
    assert found == pytest.approx({"west": 160.0, "canal": 140.0})
    assert result.objective == pytest.approx(160.0 + 3 * 140.0)
    assert made.total(result.x) == pytest.approx(160.0)


def test_least_as_a_multiple_of_the_present_and_times(folder: Path) -> None:
    text = "decide: {w: {select: {wells: west}, by: well, least_times_present: 1.7, times_present: 3}}\nconstraints:\n"
    made = load(folder, text + A_ABOVE_8)
    (decision,) = made.question.decisions
    assert (decision.lower, decision.upper, decision.present) == (170.0, 300.0, 100.0)
    assert made.info[0].place == "A"
    assert [info.date for info in made.info] == ["2022-01-01", "2023-01-01"]
    # a rule for one year alone, and a rate from then on
    later = A_ABOVE_8[:-2] + ", from: 2022-06-01}\n"
    made = load(folder, WEST.replace("most", "from: 2022-01-01, most") + "constraints:\n" + later)
    assert [info.date for info in made.info] == ["2023-01-01"]
    np.testing.assert_array_equal(made.question.decisions[0].period, [1])


def test_zones_of_the_law_in_scenarios_and_limits(folder: Path) -> None:
    area = "areas: {law: {file: zones.geojson, label: name}}\n"
    # the polygon of zone 1 round the eastern well is for another aquifer
    text = area + (
        "decide:\n  stopped: {select: {zone: law/zone_1}, by: well, most: 0}\n"
        "  capped: {select: {zone: law/zone_2}, by: well, most: 90}\nconstraints:\n" + A_ABOVE_8
    )
    found, _, _ = solved(folder, text)
    assert found == pytest.approx({"west": 0.0, "east": 90.0})
    rule = "restrictions:\n  zone_1: {rule: ban, from: 2021-01-01, select: {zone: law/zone_1}}\n"
    (folder / "scenario.yaml").write_text(SCENARIO + area + rule, encoding="utf-8")
    made = load(folder, WEST.replace("west", "east") + "constraints:\n" + A_ABOVE_8)
    np.testing.assert_array_equal(made.case.problem.wells[0].pumping_rate[:, 0], [100.0, 0.0, 0.0])


def test_levels_by_law(folder: Path) -> None:
    # ground 30 m, roof of the only, confined aquifer at the ground: the level may not fall below the roof
    text = WEST + "constraints:\n  l: {rule: level, at: observations, points: A, law: %s}\n"
    made = load(folder, text % "vn-decree-53-2024")
    assert made.question.constraints.lower == pytest.approx([30.0, 30.0])
    assert made.laws == ("Decree 53/2024/ND-CP, Art. 32(2), read in legal digests",)
    made = load(folder, text % "vn-decree-167-2018, region: mekong_delta_40")
    assert made.laws == ("Decree 167/2018/ND-CP, Art. 7(3), in force until 30 June 2024, read in legal digests",)


def _errors(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    assert all("limits.yaml:" in finding.location for finding in caught.value.findings)
    return [str(finding).partition("limits.yaml:")[2].partition(" ")[2] for finding in caught.value.findings]


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    text = (
        "decide:\n"
        "  a: {select: {group: felds}, most: -5, weight: 0}\n"
        "  b: {select: {wells: west}, most: 5, times_present: 2}\n"
        "  c: {by: [distrct]}\n"
        "constraints:\n"
        "  d: {rule: levle, at: wells, law: yes}\n"
        "  e: {rule: supply}\n"
        "  f: {rule: difference, pairs: [[A, B]], least: 2, most: 1}\n"
        "  g: {rule: level, at: area, law: yes, points: A}\n"
        "  h: {rule: flux, line: middle, into: rooms}\n"
        "trade_off: {rule: z, sides: [1, 2]}\n"
    )
    found = _errors(folder, text)
    assert found == [
        "decide.a.most = -5: must be 0 or more.",
        "decide.a.weight = 0: must be greater than 0.",
        "decide.b.times_present = 2: cannot stand beside most: give only one of most or times_present.",
        "decide.c.by[0] = 'distrct': must be one of district, aquifer, user_type, group, well. Did you mean 'district'?",
        "constraints.d.rule = 'levle': must be one of level, dry_season, recovery, front, difference, gradient, flux, storage, "
        "no_decline, supply, ratio, equal_cut, sum. Did you mean 'level'?",
        "constraints.e: needs least or most: give one of them.",
        "constraints.f.most = 1: must not be below least = 2.",
        "constraints.g: needs area because it is at: area.",
        "constraints.g.points = 'A': has a meaning only with at: observations.",
        "constraints.h: needs least or most: give one of them.",
        "constraints.h.into = 'rooms': cannot stand beside line: give only one of line, into or boundary.",
        "trade_off.rule = 'z': is no rule of constraints: d, e, f, g, h.",
    ]


def test_all_that_does_not_fit_the_scenario_is_told_at_once(folder: Path) -> None:
    text = (
        "decide:\n"
        "  a: {select: {group: felds}, by: well}\n"
        "  b: {select: {wells: west}, by: well, least: 50, most: 5}\n"
        "  c: {select: {wells: east}, by: well, switches: {most: 1}}\n"
        "  d: {select: {wells: east}, by: well, from: 2030-01-01}\n"
        "constraints:\n"
        "  e: {rule: level, at: observations, points: [A, D], elevation: 5, aquifer: snd}\n"
        "  f: {rule: level, at: wells, law: yes, from: 2040-01-01}\n"
        "  g: {rule: recovery, at: area, area: romms, share: 0.5, by: 2021-06-01}\n"
        "  h: {rule: flux, boundary: pnd, least: 0}\n"
        "  i: {rule: gradient, pairs: [[A, A], [A, [1, 1, 9]]], least: 0}\n"
        "  j: {rule: supply, district: North, least: 5}\n"
        "  k: {rule: storage, of: 2019-01-01}\n"
        "  l: {rule: flux, line: midle, least: 0}\n"
    )
    found = _errors(folder, text)
    assert found == [
        "decide.a.select.group = 'felds': no well has it. Did you mean 'field'?",
        "decide.b.least: 50 m3/d is above the largest rate of west, 5 m3/d.",
        "decide.c.switches: needs a largest rate: give most, or times_present.",
        "decide.d: holds in no period: its dates or months are not in the time of the limit.",
        "constraints.e.points = 'D': is no observation point of the model. Valid: A, B, C.",
        "constraints.e.aquifer = 'snd': is no aquifer of the model. Did you mean 'sand'?",
        "constraints.f: holds at the end of no step: its dates are not in the time of the limit, 2021-01-01 to 2023-01-01.",
        "constraints.f.law: the model has no level_limit: give one, the name of a law, or an elevation or depth here.",
        "constraints.g.area = 'romms': is not there. Did you mean 'rooms'?",
        "constraints.h.boundary = 'pnd': is no boundary of the model. Did you mean 'pond'?",
        "constraints.i.pairs = 'cell 1, 1, 9': lies outside the grid of 1 x 1 x 5 layers, rows and columns.",
        "constraints.j: adds up no decision: nothing that is decided has these labels.",
        "constraints.k.of = 2019-01-01: must lie inside the time of the scenario.",
        "constraints.l.line = 'midle': is not there. Did you mean 'middle'?",
    ]
