"""Overrides: values replaced by dotted path, each change logged, contradictions and unknown paths refused."""

import pytest

from aquirecover.case.config import read_case
from aquirecover.case.overrides import rebase_paths
from aquirecover.errors import ConfigError

SCENARIO = "scenarios/small/stop.yaml"


def override(small, *lines):
    """Add overrides to the scenario; the first line is line 9."""
    text = small.scenario.read_text(encoding="utf-8")
    small.scenario.write_text(text + "overrides:\n" + "".join(f"  {line}\n" for line in lines), encoding="utf-8")


def findings(path, **options):
    with pytest.raises(ConfigError) as caught:
        read_case(path, **options)
    return [str(finding) for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("line", "log", "read", "value"),
    [
        ("layers.upper.k: 40", "10 → 40 m/d", lambda m: m.layers["upper"].k.value, 40.0),
        ("layers.upper.k: 1 mm/s", "10 m/d → 1 mm/s", lambda m: m.layers["upper"].k.value, 86.4),
        ("layers.upper.k.multiplier: 1.5", "1 → 1.5", lambda m: m.layers["upper"].k.multiplier, 1.5),
        ("layers.upper.k.offset: 1.5", "0 → 1.5 m/d", lambda m: m.layers["upper"].k.value, 10.0),
        ("layers.upper.k.value: 7", "10 → 7 m/d", lambda m: m.layers["upper"].k.value, 7.0),
        ("layers.upper.k.prior: {distribution: uniform, low: 5, high: 20}", "nothing → {distribution: uniform, low: 5, high: 20}",
         lambda m: m.layers["upper"].k.prior.high, 20.0),
        ("grid.cell_size: 250 m", "1 km → 250 m", lambda m: m.grid.cell_size, 250.0),
        ("grid.extent.0: 601000", "600000 → 601000 m", lambda m: m.grid.extent[0], 601000.0),
        ("general_heads.sea.head: {series: [[2000-01-01, 0.0], [2004-01-01, 0.5]]}",
         "2 m → {series: [[2000-01-01, 0], [2004-01-01, 0.5]]}", lambda m: m.general_heads["sea"].head.series[1][1], 0.5),
        ("wells.towns.enabled: false", "true → false", lambda m: m.wells["towns"].enabled, False),
        ("layers.upper.anisotropy: null", "10 → nothing", lambda m: m.layers["upper"].anisotropy, None),
        ("settings.newton.max_cuts: 3", "nothing → 3", lambda m: m.settings.newton.max_cuts, 3),
        ("recharge.rain.monthly.0: 0.25", "0.5 → 0.25", lambda m: m.recharge["rain"].monthly[0], 0.25),
        ("time.steps: 6", "2 → 6", lambda m: m.time.steps, 6),
    ],
)  # fmt: skip
def test_a_value_is_replaced_and_the_change_is_logged(small, line, log, read, value):
    override(small, line)
    case = read_case(small.scenario)
    assert read(case.model) == value
    assert case.log == (f"override {line.split(':')[0]}: {log}",)
    assert read_case(small.model).model != case.model, "the model itself stays as it is"


def test_a_new_end_is_an_override_of_the_time(small):
    small.change(small.scenario, "title: Stop in 2002", "title: Stop\nend: 2003-01-01")
    case = read_case(small.scenario)
    assert case.model.time.end.isoformat() == "2003-01-01"
    assert case.log == ("override time.end: 2004-01-01 → 2003-01-01",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("layers.upper.kk: 1", "10:3 layers.upper.kk: is no value of the model: layers.upper has no 'kk'. Did you mean 'k'?"),
        ("layers.uper.k: 1", "10:3 layers.uper.k: is no value of the model: layers has no 'uper'. Did you mean 'upper'?"),
        ("layer.upper.k: 1", "10:3 layer.upper.k: is no value of the model: the model has no 'layer'. Did you mean 'layers'?"),
        ("drains.d.depth: 1", "10:3 drains.d.depth: is no value of the model: drains has no 'd'."),
        ("grid.cell_size.x: 1",
         "10:3 grid.cell_size.x: goes on below grid.cell_size, which has no keys. Override grid.cell_size itself."),
        ("grid.extent.4: 1", "10:3 grid.extent.4: is no value of the model: grid.extent has no '4'. Valid: 0, 1, 2, 3."),
        ("layers..k: 1", "10:3 layers..k: is no value of the model: layers has no ''. Valid: upper, clay, lower."),
        ("layers.upper.k: -40", "10:19 layers.upper.k = -40: must be greater than 0."),
        ("layers.upper.k: {valu: 3}", "10:20 layers.upper.k.valu: is not a key here. Did you mean 'value'?"),
        ("layers.upper.bottom: -5",
         "10:24 layers.upper.bottom = -5: cannot stand beside thickness: give only one of thickness or bottom."),
        ("time.end: 1990-01-01", "10:13 time.end = '1990-01-01': must be after start = 2000-01-01."),
        ("general_heads.sea.head: {series: [[2001-01-01, x]]}",
         "10:50 general_heads.sea.head.series[2001-01-01] = 'x': must be a number, or a number and a unit as '1 m'."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_placed_in_the_scenario(small, line, message):
    override(small, line)
    found = findings(small.scenario)
    assert f"{SCENARIO}:{message}" in found or f"{SCENARIO}:{message} Give one of them." in found
    assert len(found) <= 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("layers.upper.k: 1", "layers.upper: {thickness: 1, k: 1, specific_storage: 0}"),
        ("layers.upper: {thickness: 1, k: 1, specific_storage: 0}", "layers.upper.k: 1"),
        ("layers.upper.k: 1", "layers.upper.k.multiplier: 2"),
    ],
)
def test_one_override_inside_another_is_refused(small, first, second):
    override(small, first, second)
    one, two = first.split(":")[0], second.split(":")[0]
    assert findings(small.scenario) == [
        f"{SCENARIO}:11:3 {two}: cannot stand beside {one} ({SCENARIO}:10:3): both set the same value. Remove one."
    ]


def test_names_that_begin_alike_do_not_clash(small):
    override(small, "layers.upper.k: 1", "layers.upper.k33: 2", "layers.upper.anisotropy: null")
    assert len(read_case(small.scenario).log) == 3


def test_the_command_line_may_not_contradict_the_scenario(small):
    override(small, "layers.upper.k: 40")
    assert findings(small.scenario, overrides={"layers.upper.k": "50"}) == [
        f"--set layers.upper.k: cannot stand beside layers.upper.k ({SCENARIO}:10:3): both set the same value. Remove one."
    ]


def test_texts_of_the_command_line_are_read_as_yaml(small):
    case = read_case(
        small.model,
        overrides={"time.steps": "7", "layers.upper.k": "25 m/d", "recharge.rain.monthly": None, "wells.towns.enabled": False},
    )
    assert case.model.time.steps == 7
    assert case.model.layers["upper"].k.value == 25.0
    assert case.model.recharge["rain"].monthly is None
    assert case.log[:2] == ("override time.steps: 2 → 7", "override layers.upper.k: 10 m/d → 25 m/d")
    assert findings(small.model, overrides={"time.steps": "[7"})[0].startswith("--set time.steps:2:1 is no YAML: ")
    assert findings(small.model, overrides={"time.steps": "x"}) == ["--set time.steps = 'x': must be a whole number."]


def test_paths_of_a_scenario_are_relative_to_the_scenario(small, geojson):
    (small.scenario.parent / "dem.tif").write_bytes(b"")
    override(small, "top: {raster: dem.tif}")
    small.change(small.scenario, "overrides:", "areas: {zone: {file: zone.geojson}}\noverrides:")
    case = read_case(small.scenario)
    assert case.model.top.raster == "../../scenarios/small/dem.tif"
    assert case.model.areas["zone"].file == "../../scenarios/small/zone.geojson"
    assert case.workspace.resolve(case.model.top.raster, case.model_file.parent) == small.scenario.parent / "dem.tif"


def test_only_the_keys_of_files_are_rebased():
    tree = {"source": "a.txt", "top": {"raster": "a.tif", "variable": "x"}, "wells": {"g": {"file": "/w.csv", "by": "well"}}}
    assert rebase_paths(tree, "/p/scenarios", "/p/models/m") == {
        "source": "a.txt",
        "top": {"raster": "../../scenarios/a.tif", "variable": "x"},
        "wells": {"g": {"file": "/w.csv", "by": "well"}},
    }


def test_places_of_a_scenario_serve_its_rules_and_overrides(small):
    small.change(small.scenario, "{district: West}", "{within: front/a}\nareas: {front: {file: front.geojson, label: id}}")
    override(small, "recharge.rain.within: front/b")
    case = read_case(small.scenario)
    assert case.scenario.restrictions["stop"].select.within == "front/a"
    assert case.model.recharge["rain"].within == "front/b"


def test_the_resolved_files_hold_the_overrides(small):
    override(small, "layers.upper.k: 40")
    resolved = read_case(small.scenario).resolved
    assert resolved["model"]["layers"]["upper"]["k"] == 40
    assert resolved["scenario"]["overrides"] == {"layers.upper.k": 40}
