"""Sums of heads, water, flows and rates in limit files, and rates and supplies that hold for a time; see `limit_strip`."""

from __future__ import annotations

from pathlib import Path

import pytest

from aquirecover.case.limit_builder import load_limits
from aquirecover.errors import ConfigError
from aquirecover.study.limits import find_limit
from limit_strip import BEGIN, load, simulate_all, simulated, solved, write_strip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_strip(tmp_path)


WEST = "decide: {w: {select: {wells: west}, by: well, most: 500}}\n"
BOTH = "decide: {w: {select: {wells: west}, by: well, most: 400}, e: {select: {wells: east}, by: well, most: 400}}\n"
YEARS = (
    "decide:\n  one: {select: {wells: west}, by: well, most: 500, to: 2022-01-01}\n"
    "  two: {select: {wells: west}, by: well, most: 500, from: 2022-01-01}\n"
)
A_ABOVE_8 = "  a: {rule: level, at: observations, points: A, elevation: 8.0}\n"
# a metre of head is 3 m3 in each cell; a rate takes 3 x 1.5 / 60 m3 per m3/d from all of them, a third of it from the middle one
ONE_WELL = [
    ("{head: B, on: 2022-01-01}, {head: A, on: 2022-01-01, times: -1}], most: 0.5", 120.0),
    ("{head: [1, 1, 2], on: 2023-01-01}], least: 8", 160.0),
    # the day after a step has ended its heads still count
    ("{head: [1, 1, 2], on: 2022-06-01}], least: 8", 160.0),
    ("{mean_head: rooms/all, on: 2022-01-01}], least: 9.5", 100.0),
    # 100 m3/d were pumped until the limit
    ("{stored: yes, on: 2022-01-01}, {stored: yes, on: 2021-01-01, times: -1}], least: -3.75", 150.0),
    ("{stored: yes, within: rooms/hall, on: 2022-01-01}, {stored: yes, within: rooms/hall, on: 2020-01-01, times: -1}], "
     "least: -3", 120.0),
    # at the beginning of the limit the head of A is 8.75 m, and its further fall is doubled
    ("{head: A, on: 2023-01-01, times: 2}, {head: A, on: 2021-01-01, times: -2}], least: -1.5", 160.0),
    ("{line: middle, from: 2022-01-01}], least: -30", 120.0),
    ("{into: rooms/porch}], least: -90", 120.0),
    # 600 + w / 4
    ("{rates: {decide: w}}, {head: A, on: 2022-01-01, times: 60}], most: 630", 120.0),
]  # fmt: skip


@pytest.mark.parametrize(("terms", "expected"), ONE_WELL)
def test_one_well_and_one_sum(folder: Path, terms: str, expected: float) -> None:
    found, result, made = solved(folder, WEST + "constraints:\n  s: {rule: sum, terms: [" + terms + "}\n")
    assert found["west"] == pytest.approx(expected, rel=1e-8)
    assert result.certificate.excess <= 1e-6 < result.certificate.raised_excess
    assert made.info[0].place == "sum s"


def test_unit_and_day_of_a_sum(folder: Path) -> None:
    heads = WEST + "constraints:\n  s: {rule: sum, terms: [{head: A, on: 2022-06-01}, {head: B, on: 2022-01-01}], least: 8}\n"
    made = load(folder, heads)
    assert (made.question.constraints.unit, made.info[0].date) == (("m",), "2022-01-01")
    mixed = heads.replace("least: 8", "least: 8}\n  t: {rule: sum, terms: [{head: A, on: 2022-06-01}, {rates: {}}], most: 9")
    assert load(folder, mixed).question.constraints.unit == ("m", "1")


@pytest.mark.parametrize(("side", "expected"), [("minimise", (120.0, 0.0)), ("maximise", (0.0, 0.0))])
def test_a_sum_that_is_sought(folder: Path, side: str, expected: tuple[float, float]) -> None:
    text = BOTH + side + ": dry\nconstraints:\n  dry: {rule: sum, terms: [{head: A, on: 2023-01-01}]}\n"
    found, result, made = solved(folder, text + "  b: {rule: level, at: observations, points: B, elevation: 9.0}\n")
    assert (found["west"], found["east"]) == pytest.approx(expected, abs=1e-6)
    assert result.objective == pytest.approx(10.0 - (0.75 * expected[0] + 0.25 * expected[1]) / 60.0)
    assert made.objective_unit == "m"
    if side == "minimise":
        # a metre at B is 120 m3/d of the west, and 1.5 m at A
        assert result.row_price.sum() == pytest.approx(1.5)
        # more pumping is better here, and breaks the rule: 0.1 % of the drawdown of a metre
        assert result.certificate.raised is not None
        assert result.certificate.raised.times == pytest.approx(1.001)
        assert result.certificate.raised_excess == pytest.approx(1e-3, rel=1e-6)


def test_outflow_to_a_boundary_that_is_sought_with_its_cost(folder: Path) -> None:
    model = (folder / "model.yaml").read_text(encoding="utf-8")
    (folder / "model.yaml").write_text(model.replace("leakance: 0.0", "leakance: 1.0e-3"), encoding="utf-8")
    # the pond gives Q / 14 of what either well pumps: 100 m3/d leave -100 / 14, and a supply counts in full
    text = (
        BOTH + "supplies: {canal: {most: 70}}\nmaximise: worth\nconstraints:\n"
        "  worth: {rule: sum, terms: [{boundary: pond}, {rates: {decide: canal}, times: -1}]}\n"
        "  need: {rule: supply, least: 100}\n"
    )
    found, result, made = solved(folder, text)
    assert sum(found.values()) == pytest.approx(100.0)
    assert found["canal"] == pytest.approx(0.0, abs=1e-8)
    assert result.objective == pytest.approx(-100.0 / 14.0)
    assert made.objective_unit == "m3/d"


def test_a_supply_holds_at_every_time_at_which_rates_are_decided(folder: Path) -> None:
    need = YEARS + "minimise: cost\nconstraints:\n  s: {rule: supply, least: 120}\n"
    found, result, made = solved(folder, need)
    assert found == pytest.approx({"west": 120.0, "west (two)": 120.0})
    # a cubic metre counts as much in the one year as in the other: what counts is the mean over the time
    assert result.objective == pytest.approx(120.0)
    assert made.total(result.x) == pytest.approx(120.0)
    assert [(info.place, info.date) for info in made.info] == [
        ("supply s, 2021-01-01", "2021-01-01"), ("supply s, 2022-01-01", "2022-01-01"),
    ]  # fmt: skip
    found, result, made = solved(folder, need.replace("least: 120", "least: 120, from: 2022-01-01"))
    assert found == pytest.approx({"west": 0.0, "west (two)": 120.0})
    assert result.objective == pytest.approx(60.0)
    assert [info.place for info in made.info] == ["supply s"]


def test_a_supply_from_elsewhere_for_a_time(folder: Path) -> None:
    text = YEARS + (
        "supplies: {canal: {most: 1000, weight: -3, from: 2022-01-01}}\nminimise: cost\n"
        "constraints:\n  s: {rule: supply, least: 150}\n  t: {rule: supply, least: 200, from: 2022-01-01}\n" + A_ABOVE_8
    )
    found, result, _ = solved(folder, text)
    assert found == pytest.approx({"west": 150.0, "west (two)": 160.0, "canal": 40.0})
    assert result.objective == pytest.approx(0.5 * (150.0 + 160.0) + 0.5 * 3.0 * 40.0)


def test_a_balance_over_the_time(folder: Path) -> None:
    # a year of pumping, then half as much water is put back: 0.75 q <= 120 in the first year
    text = (
        "decide:\n  out: {select: {wells: west}, by: well, most: 500, to: 2022-01-01}\n"
        "  back: {select: {wells: east}, by: well, most: 500, inject: yes, weight: 0.1, from: 2022-01-01}\n"
        "constraints:\n  b: {rule: ratio, of: {decide: back}, to: {decide: out}, least: 0.5, most: 0.5}\n"
    )
    found, _, _ = solved(folder, text + A_ABOVE_8)
    assert found == pytest.approx({"west": 160.0, "east": 80.0})
    ratio = "rule: ratio, of: {decide: back}, to: {decide: out}, least: 0.5, most: 0.5"
    terms = "rule: sum, terms: [{rates: {decide: back}}, {rates: {decide: out}, times: -0.5}], least: 0, most: 0"
    same = text.replace(ratio, terms)
    found, _, _ = solved(folder, same + A_ABOVE_8)
    assert found == pytest.approx({"west": 160.0, "east": 80.0})


def test_a_flow_counts_only_where_its_step_lies_in_the_time(folder: Path) -> None:
    found, _, _ = solved(folder, YEARS + "constraints:\n  f: {rule: flux, line: middle, least: -30, from: 2022-01-01}\n")
    assert found == pytest.approx({"west": 500.0, "west (two)": 120.0})
    text = YEARS + "constraints:\n  f: {rule: sum, terms: [{line: middle, from: 2021-06-01, to: 2022-06-01}], least: -30}\n"
    assert _errors(folder, text) == [
        "constraints.f.terms[0]: holds over no whole step: its dates are not in the time of the limit, 2021-01-01 to 2023-01-01."
    ]


def test_from_the_first_day_of_the_scenario(folder: Path) -> None:
    terms = "[{head: B, on: 2022-01-01}, {head: B, on: 2020-01-01, times: -1}]"
    text = WEST + f"constraints:\n  s: {{rule: sum, least: -1.25, terms: {terms}}}\n"
    (folder / "limits.yaml").write_text(BEGIN.replace("2021-01-01", "2020-01-01") + text, encoding="utf-8")
    made = load_limits(folder / "limits.yaml", simulated)
    # the first heads are 10 m; at present is in the first year
    result = find_limit(made.question, simulate_all)
    assert result.x == pytest.approx([150.0])
    assert made.question.decisions[0].present == 100.0
    assert made.question.problem.schedule.n_period == 3
    # a steady state that takes no time is history
    model = (folder / "model.yaml").read_text(encoding="utf-8")
    steady = model.replace(
        "    - {length: 366, steady: yes}\n", "    - {length: 0, steady: yes}\n    - {length: 366, steady: yes}\n"
    )
    (folder / "model.yaml").write_text(steady, encoding="utf-8")
    made = load_limits(folder / "limits.yaml", simulated)
    result = find_limit(made.question, simulate_all)
    # with 100 m3/d before: w - 100 = 150
    assert result.x == pytest.approx([250.0])
    assert made.question.problem.schedule.n_period == 3


def test_layers_where_a_model_names_no_aquifers(folder: Path) -> None:
    model = (folder / "model.yaml").read_text(encoding="utf-8")
    (folder / "model.yaml").write_text(model.replace("aquifer: sand, ", ""), encoding="utf-8")
    for name, column in (("wells.csv", ",aquifer,district"), ("points.csv", ",aquifer")):
        table = (folder / name).read_text(encoding="utf-8").replace(column, column.replace("aquifer", "layer"))
        (folder / name).write_text(table, encoding="utf-8")
    for layer in ("", ", aquifer: sand"):
        rule = f"constraints:\n  m: {{rule: level, at: area, area: rooms/all, mean: yes, elevation: 9.5{layer}}}\n"
        found, _, made = solved(folder, WEST + rule)
        assert found["west"] == pytest.approx(100.0)
        assert made.info[0].aquifer == "sand"


def _errors(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [str(finding).partition("limits.yaml:")[2].partition(" ")[2] for finding in caught.value.findings]


def test_what_is_wrong_with_sums_is_told_at_once(folder: Path) -> None:
    text = WEST + (
        "maximise: wurth\nconstraints:\n"
        "  worth: {rule: sum, terms: [{head: A}, {stored: yes, line: middle, on: 2022-01-01}]}\n"
        "  other: {rule: sum, terms: [{rates: {}, on: 2022-01-01}, {times: 2}], least: 2, most: 1}\n"
    )
    assert _errors(folder, text) == [
        "maximise = 'wurth': must be one of pumping, room, equal_share, worth, other. Did you mean 'worth'?",
        "constraints.worth: needs least or most: give one of them, or seek it (maximise or minimise).",
        "constraints.worth.terms[0]: needs on because it has head.",
        "constraints.worth.terms[1].line = 'middle': cannot stand beside stored: give only one of head, mean_head, stored, line, "
        "into, boundary, rates or switches.",
        "constraints.other.terms[0].on = '2022-01-01': has a meaning only with head or mean_head or stored: remove it, or give "
        "head.",
        "constraints.other.terms[1]: needs head, mean_head, stored, line, into, boundary, rates or switches: give one of them.",
        "constraints.other.most = 1: must not be below least = 2.",
    ]


def test_what_does_not_fit_the_scenario_is_told_at_once(folder: Path) -> None:
    text = WEST + (
        "supplies: {canal: {from: 2030-01-01}}\nconstraints:\n"
        "  s: {rule: sum, least: 0, terms: [{head: D, on: 2022-01-01}, {head: A, on: 2030-01-01}, {boundary: pnd}, "
        "{rates: {district: North}}, {mean_head: romms, on: 2022-01-01}, {rates: {}, from: 2030-01-01}]}\n"
        "  t: {rule: supply, least: 1, from: 2030-01-01}\n"
    )
    assert _errors(folder, text) == [
        "supplies.canal: holds in no period: its dates or months are not in the time of the limit.",
        "constraints.s.terms[0].head = 'D': is no observation point of the model. Valid: A, B, C.",
        "constraints.s.terms[1].on = 2030-01-01: must lie inside the time of the scenario.",
        "constraints.s.terms[2].boundary = 'pnd': is no boundary of the model. Did you mean 'pond'?",
        "constraints.s.terms[3].rates: adds up no decision: nothing that is decided has these labels.",
        "constraints.s.terms[4] = 'romms': is not there. Did you mean 'rooms'?",
        "constraints.s.terms[5]: its dates are not in the time of the limit.",
        "constraints.t: holds in no period: its dates or months are not in the time of the limit.",
    ]


def test_switches_that_seasons_share_supplies_that_are_switched_and_numbers_in_sums(folder: Path) -> None:
    # 200 m3/d in both years: a well costs 60 to have, once for both, a cubic metre 1 in the west and 0.8 in the east
    years = "".join(
        f"  {name}: {{select: {{group: field}}, by: well, most: 400, {when}: 2022-01-01, switches: {{{own}}}}}\n"
        for name, when, own in (("one", "to", "cost: 60, rate: 50"), ("two", "from", "same_as: one, rate: 50"))
    )
    text = f"decide:\n{years}minimise: cost\nconstraints:\n  s: {{rule: supply, least: 200}}\n"
    found, result, made = solved(folder, text + A_ABOVE_8)
    assert result.objective == pytest.approx(260.0)
    switches = [d.name for d in made.question.decisions if d.integer]
    assert switches == ["west is on", "east is on"]
    assert found["west is on"] + found["east is on"] == pytest.approx(1.0)
    # a canal at 0.1 a cubic metre that costs 100 to open carries all of it
    canal = "supplies: {canal: {most: 500, weight: -0.1, switch: {cost: 100, rate: 150}}}\n"
    found, result, _ = solved(folder, canal + text + A_ABOVE_8)
    assert (found["canal"], found["canal is on"]) == pytest.approx((200.0, 1.0))
    assert result.objective == pytest.approx(100.0 + 0.1 * 200.0)
    # where what is sought is a sum, a number of switches may count in it: a well more must be worth 150 m3/d
    worth = (
        "decide: {f: {select: {group: field}, by: well, most: 400, switches: {rate: 60}}}\nmaximise: worth\nconstraints:\n"
        "  worth: {rule: sum, terms: [{rates: {}}, {switches: f, times: %s}]}\n"
    ) + A_ABOVE_8
    # 3 w + e <= 480: 400 in the east alone, and 80 / 3 in the west are below its least rate
    for cost, expected in ((-150.0, 400.0 - 150.0), (-30.0, 400.0 - 30.0)):
        found, result, made = solved(folder, worth % cost)
        assert result.objective == pytest.approx(expected)
        assert (found["west"], found["east"]) == pytest.approx((0.0, 400.0))
        assert made.objective_unit == "1"
    both = worth.replace("rate: 60", "rate: 60, least: 2") % -30.0
    found, result, _ = solved(folder, both)
    assert (found["west"], found["east"]) == pytest.approx((60.0, 300.0))
    assert result.objective == pytest.approx(300.0)


def test_what_is_wrong_with_switches_is_told(folder: Path) -> None:
    text = (
        "decide:\n  one: {select: {wells: west}, by: well, most: 9, to: 2022-01-01}\n"
        "  two: {select: {wells: west}, by: well, most: 9, from: 2022-01-01, switches: {same_as: one}}\n"
        "supplies: {canal: {switch: {rate: 5}}}\n"
        "constraints:\n  n: {rule: sum, terms: [{switches: one}], most: 1}\n"
    )
    assert _errors(folder, text) == [
        "decide.two.switches.same_as: one is no earlier section with a switch for the wells of west (two).",
        "supplies.canal.switch: needs a largest rate: give most.",
        "constraints.n.terms[0].switches: one has no switches of its own.",
    ]
    assert _errors(folder, text.replace("same_as: one", "same_as: one, cost: 5")) == [
        "decide.two.switches.cost = 5: cannot stand beside same_as: it counts in the section that same_as names.",
    ]
