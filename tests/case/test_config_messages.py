# ruff: noqa: E501 - one row per message
"""Each kind of bad input in a model or scenario file, and the exact message for it."""

import re

import pytest

from aquirecover.case.config import read_batch, read_case
from aquirecover.errors import ConfigError, InputFileError


def findings(path, **options):
    with pytest.raises(ConfigError) as caught:
        read_case(path, **options)
    return [str(finding) for finding in caught.value.findings]


MODEL = "models/small/model.yaml"
SCENARIO = "scenarios/small/stop.yaml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # unknown, missing and empty keys
        ("    k: 10.0", "    k: 10.0\n    specific_storrage: 1", "19:5 layers.upper.specific_storrage: is not a key here. Did you mean 'specific_storage'?"),
        ("recharge:", "rechage:", "25:1 rechage: is not a key here. Did you mean 'recharge'?"),
        ("top: 10.0\n", "", "1:1 top: is missing."),
        ("    k: 10.0\n", "", "15:3 layers.upper.k: is missing."),
        ("    k: 10.0", "    k:", "18:7 layers.upper.k: has no value: give one, or leave the key out."),
        ("kind: model", "kind: modle", "1:7 kind = 'modle': must be model or scenario. Did you mean 'model'?"),
        # types and units
        ("    k: 10.0", "    k: ten", "18:8 layers.upper.k = 'ten': must be a number, or a number and a unit as '1 m/d'."),
        ("    k: 10.0", "    k: 5 kg", "18:8 layers.upper.k = '5 kg': has the wrong unit: must convert to m/d."),
        ("    k: 10.0", "    k: true", "18:8 layers.upper.k = true: must be a number, or a number and a unit as '1 m/d'."),
        ("    k: 10.0", "    k: [1, 2]", "18:8 layers.upper.k: must be a number, or a number and a unit as '1 m/d'."),
        ("convertible: true", "convertible: maybe", "22:18 layers.upper.convertible = 'maybe': must be true or false (yes and no do as well)."),
        ("steps: 2", "steps: 2.5", "40:10 time.steps = 2.5: must be a whole number."),
        ("steps: 2", "steps: 0", "40:10 time.steps = 0: must be 1 or more."),
        ("name: small", "name: 12", '2:7 name = 12: must be text: put it in quotes, as "123".'),
        ("name: small", "name: a.b", "2:7 name = 'a.b': must be a name of letters, digits, _, - and blanks that begins with a letter or digit."),
        ("crs: EPSG:3405", "crs: WGS84", "4:6 crs = 'WGS84': must be EPSG and a number, as EPSG:3405."),
        ("observations: {file: points.csv, measured: heads.csv}", "observations: points.csv", "33:15 observations = 'points.csv': must be a mapping: one 'key: value' per line."),
        ("initial: steady", "initial: stedy", "42:12 time.initial = 'stedy': must be one of steady, heads. Did you mean 'steady'?"),
        ("period: year", "period: fortnight", "39:11 time.period = 'fortnight': must be a length on the calendar: day, 10 days, week, month, 6 months, year."),
        ("period: year", "period: year\n  align: 02-30", "40:10 time.align = '02-30': must be month and day, as 11-01 (not 02-29)."),
        ("1.5, 0.5, 0.5]", "1.5, 0.5]", "26:33 recharge.rain.monthly: must have at least 12 entries; it has 11."),
        ("edges: [east]", "edges: [est, west]", "30:17 general_heads.sea.edges[0] = 'est': must be one of north, east, south, west. Did you mean 'west'?"),
        # ranges
        ("specific_storage: 1.0e-6", "specific_storage: -1.0e-6", "24:69 layers.lower.specific_storage = -1e-06: must be 0 or more."),
        ("specific_storage: 1.0e-6", "specific_storage: .nan", "24:69 layers.lower.specific_storage = nan: must be a finite number."),
        ("specific_storage: 1.0e-6", "specific_storage: .inf", "24:69 layers.lower.specific_storage = inf: must be a finite number."),
        ("specific_yield: 0.1", "specific_yield: 120 %", "21:21 layers.upper.specific_yield = '120 %': must be 1 or less."),
        ("rate: 0.0002", "rate: 20 km/d", "26:16 recharge.rain.rate = '20 km/d': must be 10 or less (it is 20000 m/d)."),
        ("cell_size: 1 km", "cell_size: 0", "6:14 grid.cell_size = 0: must be greater than 0."),
        ("610000, 2268000]", "590000, 2268000]", "7:29 grid.extent[2] = 590000: x_max must be greater than x_min = 600000: write [x_min, y_min, x_max, y_max]."),
        # rules between keys
        ("    thickness: 20.0\n", "", "15:3 layers.upper: needs thickness or bottom: give one of them."),
        ("    thickness: 20.0", "    thickness: 20.0\n    bottom: -10", "18:13 layers.upper.bottom = -10: cannot stand beside thickness: give only one of thickness or bottom."),
        ("    specific_yield: 0.1\n", "", "15:3 layers.upper: needs specific_yield because it is convertible: give the drainable share, as 0.1."),
        ("anisotropy: 10.0", "anisotropy: 10.0\n    k33: 1", "19:17 layers.upper.anisotropy = 10: cannot stand beside k33: give only one of k33 or anisotropy."),
        ("distance: 5 km", "leakance: 0.1", "30:62 general_heads.sea.leakance = 0.1: has a meaning only with within: remove it, or give within."),
        (", by: district", "", None),
        (", rates: rates.csv", "", "32:32 wells.towns.by = 'district': has a meaning only with rates: remove it, or give rates."),
        ("initial: steady", "initial: heads", "42:12 time.initial = 'heads': needs initial_head: give the first heads, or start from steady."),
        (", urban: districts/West", "", "35:1 level_limit: needs urban because it has urban_depth."),
        # dates
        ("end: 2004-01-01", "end: 2000-01-01", "38:8 time.end = '2000-01-01': must be after start = 2000-01-01."),
        ("end: 2004-01-01", "end: 2004-02-30", "38:8 time.end = '2004-02-30': must be a date that exists, as 2021-01-31."),
        ("end: 2004-01-01", "end: 1/1/2004", "38:8 time.end = '1/1/2004': must be a date, as 2021-01-31."),
        ("end: 2004-01-01", "end: 2004", "38:8 time.end = 2004: must be a date, as 2021-01-31."),
        ("head: 2.0", "head: {series: [[2001-01-01, 1], [2000-01-01, 2]]}", "30:75 general_heads.sea.head.series[1][0] = '2000-01-01': must be after the date before it (2001-01-01): dates ascend."),
        ("head: 2.0", "head: {series: [[2001-01-01, 1 kg]]}", "30:70 general_heads.sea.head.series[2001-01-01] = '1 kg': has the wrong unit: must convert to m."),
        ("    k: 10.0", "    k: {series: [[2001-01-01, 1]]}", "18:9 layers.upper.k.series: is not allowed here: this value does not vary in time."),
        # spatial values
        ("top: 10.0", "top: {raster: dem.tif, value: 3}", "13:15 top.raster = 'dem.tif': cannot stand beside value: give only one of value, raster, netcdf, polygons, points, by_area or series."),
        ("top: 10.0", "top: {points: dem.csv}", "13:1 top: needs column because it has points."),
        ("top: 10.0", "top: {by_area: {districts/West: deep}}", "13:33 top.by_area.districts/West = 'deep': must be a number, or a number and a unit as '1 m'."),
        ("top: 10.0", "top: {by_area: {district: 1}}", "13:17 top.by_area.district: is no area of the model. Did you mean 'districts'?"),
        ("top: 10.0", "top: {value: 1, prior: {distribution: loguniform, low: 0, high: 2}}", "13:56 top.prior.low = 0: must be greater than 0 for a loguniform distribution."),
        # references
        ("zones: {area: districts}", "zones: {area: distrikts/West}", "34:15 zones.area = 'distrikts/West': is no area of the model. Did you mean 'districts'?"),
        ("layers: [lower]", "layers: [lowr]", "30:33 general_heads.sea.layers[0] = 'lowr': is no layer of the model. Did you mean 'lower'?"),
        ("line: streams/main", "line: rivers/main", "28:16 rivers.main.line = 'rivers/main': is no line of the model. Valid: streams."),
        # settings of the engine, declared where they are used
        ("recharge:", "settings: {newton: {max_cut: 3}}\nrecharge:", "25:21 settings.newton.max_cut: is not a key here. Did you mean 'max_cuts'?"),
        ("recharge:", "settings: {linear: {method: lu}}\nrecharge:", "25:29 settings.linear.method = 'lu': must be one of multigrid, direct."),
        ("recharge:", "settings: {newton: {tolerance: -1}}\nrecharge:", "25:12 settings.newton: tolerance = -1: must lie between 0 and 1."),
        ("recharge:", "settings: {linear: {max_iterations: 0}}\nrecharge:", "25:12 settings.linear: max_iterations = 0: must be 1 or more."),
    ],
)  # fmt: skip
def test_model(small, old, new, message):
    small.change("model.yaml", old, new)
    if message is None:
        assert read_case(small.model).model.wells["towns"].by == "well"
    else:
        assert findings(small.model) == [f"{MODEL}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rule: ban", "rule: bann", "6:11 restrictions.stop.rule = 'bann': must be one of ban, cap, percent_of_permit, percent_of_present, phase_out, seasonal, rotation, surface_water. Did you mean 'ban'?"),
        ("    rule: ban\n", "", "5:3 restrictions.stop.rule: is missing."),
        ("rule: ban", "rule: cap", "5:3 restrictions.stop.rate: is missing."),
        ("rule: ban", "rule: cap\n    rate: -5 L/s", "7:11 restrictions.stop.rate = '-5 L/s': must be 0 or more (it is -432 m3/d)."),
        ("rule: ban", "rule: percent_of_permit\n    percent: 150", "7:14 restrictions.stop.percent = 150: must be 100 or less."),
        ("rule: ban", "rule: ban\n    percent: 50", "7:5 restrictions.stop.percent: is not a key here. Valid: from, to, select, compliance, includes_unlicensed, rule."),
        ("rule: ban", "rule: phase_out\n    until: 2002-03-01", "7:12 restrictions.stop.until = '2002-03-01': must be after from = 2002-03-01."),
        ("rule: ban", "rule: phase_out\n    until: 2003-06-01\n    to: 2003-01-01", "7:12 restrictions.stop.until = '2003-06-01': must not be after to = 2003-01-01: the rule would end before the cut is complete."),
        ("rule: ban", "rule: seasonal\n    months: [11, 12, 11]\n    percent: 50", "7:22 restrictions.stop.months[2] = 11: stands twice: name each month once."),
        ("rule: ban", "rule: seasonal\n    months: [13]\n    percent: 50", "7:14 restrictions.stop.months[0] = 13: must be 12 or less."),
        ("rule: ban", "rule: rotation\n    groups: 1\n    turn: 30 d", "7:13 restrictions.stop.groups = 1: must be 2 or more."),
        ("from: 2002-03-01", "from: 2002-03-01\n    to: 2001-01-01", "8:9 restrictions.stop.to = '2001-01-01': must be after from = 2002-03-01."),
        ("from: 2002-03-01", "from: 2002-03-01\n    compliance: 1.5", "8:17 restrictions.stop.compliance = 1.5: must be 1 or less."),
        ("from: 2002-03-01", "from: 2004-01-01", "7:11 restrictions.stop.from = 2004-01-01: must lie in the span of the model, from 2000-01-01 to before 2004-01-01."),
        ("title: Stop in 2002", "title: Stop\nrestriction_start: 1999-01-01", "3:20 restriction_start = 1999-01-01: must lie in the span of the model, from 2000-01-01 to before 2004-01-01."),
        ("{district: West}", "{distict: West}", "8:14 restrictions.stop.select.distict: is not a key here. Did you mean 'district'?"),
        ("{district: West}", "{aquifer: loer}", "8:23 restrictions.stop.select.aquifer = 'loer': is no aquifer of the model. Did you mean 'lower'?"),
        ("{district: West}", "{group: [town]}", "8:22 restrictions.stop.select.group[0] = 'town': is no group of wells of the model. Did you mean 'towns'?"),
        ("{district: West}", "{district: []}", "8:24 restrictions.stop.select.district: must have at least 1 entry; it has 0."),
        ("{district: West}", "{size: {min: 300, max: 200}}", "8:36 restrictions.stop.select.size.max = 200: must be greater than min = 300."),
        ("{district: West}", "{near: {distance: 1 km}}", "8:14 restrictions.stop.select.near: needs line or area: give one of them."),
        ("title: Stop in 2002", "title: Stop\nend: 1999-01-01", "3:6 time.end = '1999-01-01': must be after start = 2000-01-01."),
        ("title: Stop in 2002", "title: Stop\nareas: {districts: {file: a.geojson}}", "3:9 areas.districts: is a name that the model has: choose another."),
        ("kind: scenario", "kind: batch", "1:7 kind = 'batch': must be model or scenario here: this is another kind of file."),
        ("kind: scenario\n", "", "1:1 kind: is missing: write kind: model or scenario."),
    ],
)  # fmt: skip
def test_scenario(small, old, new, message):
    small.change(small.scenario, old, new)
    assert findings(small.scenario) == [f"{SCENARIO}:{message}"]


def test_everything_in_both_files_comes_at_once_in_the_order_of_the_files(small):
    small.change("model.yaml", "    k: 10.0", "    k: -10.0")
    small.change("model.yaml", "steps: 2", "steps: two")
    small.change("model.yaml", "    thickness: 20.0\n", "    thicknes: 20.0\n")
    small.change(small.scenario, "rule: ban", "rule: cap\n    rat: 5")
    assert findings(small.scenario) == [
        f"{SCENARIO}:5:3 restrictions.stop.rate: is missing.",
        f"{SCENARIO}:7:5 restrictions.stop.rat: is not a key here. Did you mean 'rate'?",
        f"{MODEL}:15:3 layers.upper: needs thickness or bottom: give one of them.",
        f"{MODEL}:17:5 layers.upper.thicknes: is not a key here. Did you mean 'thickness'?",
        f"{MODEL}:18:8 layers.upper.k = -10: must be greater than 0.",
        f"{MODEL}:40:10 time.steps = 'two': must be a whole number.",
    ]


def test_a_model_that_is_no_yaml_does_not_hide_the_findings_of_the_scenario(small):
    small.change("model.yaml", "top: 10.0", "top: 10.0\ntop: 11.0")
    small.change(small.scenario, "rule: ban", "rule: cap")
    assert findings(small.scenario) == [
        f"{SCENARIO}:5:3 restrictions.stop.rate: is missing.",
        f"{MODEL}:14:1 top: stands twice; the first is on line 13. Remove one.",
    ]


def test_a_missing_model_is_an_input_file_that_is_named_with_its_place(small):
    small.change(small.scenario, "small/model.yaml", "small/modell.yaml")
    message = f"{SCENARIO}:3:8 model: ../../models/small/modell.yaml does not exist. Did you mean 'model.yaml'?"
    with pytest.raises(InputFileError, match="^" + re.escape(message) + "$"):
        read_case(small.scenario)


def test_no_message_holds_words_of_the_validation_library(small):
    small.model.write_text("kind: model\n" + "\n".join(f"{key}: [[1]]" for key in ("name", "title", "crs", "grid", "areas", "lines",
        "map", "top", "layers", "recharge", "rivers", "wells", "observations", "time", "settings", "warnings", "notes")))  # fmt: skip
    found = findings(small.model)
    assert len(found) >= 17
    assert not [line for line in found if re.search(r"(?i)pydantic|input|valid dict|instance|\btype\b|not allowed here\.$", line)]


def test_a_batch_names_each_missing_scenario(small):
    batch = small.scenario.parent / "all.yaml"
    batch.write_text("kind: batch\nscenarios: [stop.yaml, sto.yaml, nothing.yaml]\n")
    with pytest.raises(InputFileError) as caught:
        read_batch(batch)
    assert str(caught.value).splitlines() == [
        "scenarios/small/all.yaml:2:24 scenarios[1]: sto.yaml does not exist. Did you mean 'stop.yaml'?",
        "scenarios/small/all.yaml:2:34 scenarios[2]: nothing.yaml does not exist. There is no nothing.yaml in scenarios/small.",
    ]


def test_a_batch(small):
    batch = small.scenario.parent / "all.yaml"
    batch.write_text("kind: batch\nscenarios: stop.yaml\ncell_size: 500 m\n")
    found = read_batch(batch)
    assert found.scenario_files == (small.scenario,)
    assert found.batch.cell_size == 500.0
    batch.write_text("kind: batch\nscenarios: [stop.yaml, stop.yaml]\nprocesses: 0\n")
    with pytest.raises(ConfigError) as caught:
        read_batch(batch)
    assert [str(finding) for finding in caught.value.findings] == [
        "scenarios/small/all.yaml:2:24 scenarios[1] = 'stop.yaml': stands twice: name each scenario once.",
        "scenarios/small/all.yaml:3:12 processes = 0: must be 1 or more.",
    ]


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        # judged as the nearest kind
        (
            "{rule: seasonl, form: 2002-03-01, months: [13]}",
            [
                "5:3 restrictions.stop.from: is missing.",
                "5:3 restrictions.stop.percent: is missing.",
                "5:16 restrictions.stop.rule = 'seasonl': must be one of ban, cap, percent_of_permit, percent_of_present, phase_out, seasonal, rotation, surface_water. Did you mean 'seasonal'?",
                "5:25 restrictions.stop.form: is not a key here. Did you mean 'from'?",
                "5:52 restrictions.stop.months[0] = 13: must be 12 or less.",
            ],
        ),
        (
            "{rule: [ban], from: 2002-03-01}",
            [
                "5:16 restrictions.stop.rule = \"['ban']\": must be one of ban, cap, percent_of_permit, percent_of_present, phase_out, seasonal, rotation, surface_water. Did you mean 'ban'?"
            ],
        ),
        # no kind is near, or none is given: judged by what all kinds share
        (
            "{rule: xyz, from: 2002-03-01, percent: 500, compliance: 2}",
            [
                "5:16 restrictions.stop.rule = 'xyz': must be one of ban, cap, percent_of_permit, percent_of_present, phase_out, seasonal, rotation, surface_water.",
                "5:65 restrictions.stop.compliance = 2: must be 1 or less.",
            ],
        ),
        (
            "{form: 2002-03-01, select: {aquifer: loer}}",
            [
                "5:3 restrictions.stop.rule: is missing.",
                "5:3 restrictions.stop.from: is missing.",
                "5:10 restrictions.stop.form: is not a key here. Did you mean 'from'?",
                "5:46 restrictions.stop.select.aquifer = 'loer': is no aquifer of the model. Did you mean 'lower'?",
            ],
        ),
    ],
)
def test_unknown_kind_of_rule_hides_nothing(small, rule, messages):
    text = small.scenario.read_text()
    small.scenario.write_text(text[: text.index("  stop:")] + f"  stop: {rule}\n")
    assert findings(small.scenario) == [f"{SCENARIO}:{message}" for message in messages]
