"""The types of the files: quantities, dates, flags, lengths on the calendar, spatial values."""

import datetime
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from aquirecover.case.config import CaseFiles, ModelConfig, read_case
from aquirecover.case.findings import key_text, path_of, value_text
from aquirecover.case.messages import did_you_mean
from aquirecover.case.model_config import Layer, Time
from aquirecover.case.scalars import CalendarLength, Date, Flag, period_parts
from aquirecover.case.stress_config import Head
from aquirecover.case.values import Value
from aquirecover.errors import ConfigError, Finding

HEAD = TypeAdapter(Head)


def walk(tree, path=()):
    """Yield path and value of every leaf, and of every empty mapping or list."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, node in inner:
        yield from walk(node, (*path, key))
    if not inner or not tree:
        yield path, tree


def layer(**changes):
    return Layer.model_validate({"thickness": 10, "k": 5, "specific_storage": 1e-5} | changes)


def test_every_number_of_a_mapping_has_the_unit_of_the_value():
    found = layer(
        k={
            "by_area": {"districts/West": "1 mm/s", "districts/East": 3},
            "default": "1 m/h",
            "offset": "1 m/d",
            "multiplier": "50 %",
            "prior": {"distribution": "lognormal", "low": "25 %", "high": 1},
        }
    ).k
    assert found.by_area == {"districts/West": 86.4, "districts/East": 3.0}
    assert (found.default, found.offset, found.multiplier) == (24.0, 1.0, 0.5)
    # of the multiplier, as there are several numbers
    assert (found.prior.low, found.prior.high) == (0.25, 1.0)


def test_the_prior_of_one_number_has_its_unit():
    found = layer(k={"value": "2 m/h", "prior": {"distribution": "lognormal", "low": "1 m/h", "high": 96}}).k
    assert (found.value, found.prior.low, found.prior.high) == (48.0, 24.0, 96.0)


def test_a_dated_series():
    found = HEAD.validate_python({"series": [["2021-01-01", 0], ["2051-01-01", "50 cm"]], "interpolate": "step"})
    assert found.series == ((datetime.date(2021, 1, 1), 0.0), (datetime.date(2051, 1, 1), 0.5))
    assert found.interpolate == "step"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (5, "value"),
        ("5 m", "value"),
        ({"value": 5, "source": "survey", "certainty": "measured"}, "value"),
        ({"raster": "a.tif", "method": "linear"}, "raster"),
        ({"netcdf": "a.nc", "variable": "h"}, "netcdf"),
        ({"polygons": "a.geojson", "attribute": "h", "default": 0}, "polygons"),
        ({"points": "a.csv", "column": "h", "method": "idw"}, "points"),
        ({"by_area": {"a": 1}}, "by_area"),
        ({"series": [["2021-01-01", 0]]}, "series"),
    ],
)
def test_kinds_of_values(raw, kind):
    assert HEAD.validate_python(raw).kind == kind


def test_a_value_that_was_read_is_taken_as_it_is():
    value = Value(value=3.0)
    assert layer(k=value).k == value


def test_a_negative_offset_is_no_negative_value():
    assert layer(k={"value": 5, "offset": -1}).k.offset == -1.0


def test_numbers_are_not_texts_and_texts_no_numbers():
    assert layer(k="30").k.value == 30.0
    with pytest.raises(ValidationError):
        Time.model_validate({"start": "2000-01-01", "end": "2001-01-01", "steps": "3"})
    with pytest.raises(ValidationError):
        Time.model_validate({"start": "2000-01-01", "end": "2001-01-01", "steps": True})


@pytest.mark.parametrize(("raw", "value"), [(True, True), (False, False), ("yes", True), ("no", False)])
def test_flags(raw, value):
    assert TypeAdapter(Flag).validate_python(raw) is value


@pytest.mark.parametrize("raw", [1, 0, "on", "true", "Yes", None, [True]])
def test_what_is_no_flag(raw):
    with pytest.raises(ValidationError):
        TypeAdapter(Flag).validate_python(raw)


@pytest.mark.parametrize(
    "raw", ["2021-1-1", "20210101", "2021-W01-1", "2021-13-01", "2021-01-01T00:00", 20210101, "", None, "２０２１-01-01"]
)
def test_what_is_no_date(raw):
    with pytest.raises(ValidationError):
        TypeAdapter(Date).validate_python(raw)


@pytest.mark.parametrize(
    ("raw", "text", "parts"),
    [
        ("day", "day", (1, "day")),
        ("10 d", "10 days", (10, "day")),
        ("1 week", "7 days", (7, "day")),
        ("month", "month", (1, "month")),
        ("6 months", "6 months", (6, "month")),
        ("year", "year", (1, "year")),
        ("2years", "2 years", (2, "year")),
    ],
)
def test_lengths_on_the_calendar(raw, text, parts):
    found = TypeAdapter(CalendarLength).validate_python(raw)
    assert found == text
    assert period_parts(found) == parts


@pytest.mark.parametrize("raw", ["0 days", "-1 day", "half a year", "1.5 months", 6, "", None])
def test_what_is_no_length_on_the_calendar(raw):
    with pytest.raises(ValidationError):
        TypeAdapter(CalendarLength).validate_python(raw)


def test_sections_cannot_be_changed():
    with pytest.raises(ValidationError):
        layer().convertible = True


def test_the_nearest_name():
    names = ["specific_storage", "specific_yield", "k33"]
    assert did_you_mean("specific_storrage", names) == "Did you mean 'specific_storage'?"
    assert did_you_mean("K33", names) == "Did you mean 'k33'?"
    assert did_you_mean("zzz", names) == "Valid: specific_storage, specific_yield, k33."
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("zzz", [f"n{i}" for i in range(20)]).endswith("n11 and 8 more.")


def test_keys_as_text_and_back():
    tree = {"a": {"series": [["2021-01-01", 5], ["2031-01-01", -5]], "list": [{"b": 1}]}}
    assert key_text(("a", "series", 1, 1), tree) == "a.series[2031-01-01]"
    assert key_text(("a", "series", 1, 0), tree) == "a.series[1][0]"
    assert key_text(("a", "list", 0, "b"), tree) == "a.list[0].b"
    assert path_of("a.list[0].b = 5") == ("a", "list", 0, "b")
    assert [value_text(value) for value in (True, 3, 2.50, 0.1, "x", None, [1])] == ["true", "3", "2.5", "0.1", "'x'", "", ""]


def test_later_findings_are_placed_by_their_key(small):
    case = read_case(small.scenario)
    assert case.located(Finding("wells.towns.file", "m")).location == "models/small/model.yaml:32:17"
    assert case.located(Finding("restrictions.stop.select", "m")).location == "scenarios/small/stop.yaml:8:13"
    assert case.located(Finding("cell_size", "m")).location == ""
    assert case.located(Finding("wells.towns", "m", "wells.csv:3")).location == "wells.csv:3"


def test_names_and_defaults_of_the_small_model(small):
    case = read_case(small.scenario)
    assert case.model.aquifers == ("upper", "lower")
    assert case.scenario.recovery_start == datetime.date(2002, 3, 1)
    assert case.model.general_heads["sea"].layer_names == ("lower",)
    assert case.model.time.align_parts is None
    assert read_case(small.model).scenario is None


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["", "5 kg", "2021-99-01", "1e400", ".nan", "a/b", "9" * 400, "../x"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(
        st.sampled_from(["value", "series", "by_area", "prior", "rule", "x"]), st.integers() | st.text(max_size=3), max_size=3
    ),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_gives_a_model_or_placed_findings(small, data):
    """Put junk at one place of the model and one of the scenario: no other error than a `ConfigError` may come out."""
    original = read_case(small.scenario)
    for source, file in ((original.model_source.tree, small.model), (original.scenario_source.tree, small.scenario)):
        tree = json.loads(json.dumps(source))
        leaves = [path[:n] for path, _ in walk(tree) for n in range(1, len(path) + 1) if path[0] not in ("kind", "model")]
        *parents, last = data.draw(st.sampled_from(leaves))
        node = tree
        for key in parents:
            node = node[key]
        node[last] = data.draw(JUNK)
        file.with_name("junk.yaml").write_text(json.dumps(tree).replace("model.yaml", "junk.yaml"), encoding="utf-8")
    try:
        outcome = read_case(small.scenario.with_name("junk.yaml"))
    except ConfigError as error:
        files = {finding.location.split(":")[0] for finding in error.findings}
        outcome = bool(files) and files <= {"models/small/junk.yaml", "scenarios/small/junk.yaml"}
    assert outcome is True or (isinstance(outcome, CaseFiles) and isinstance(outcome.model, ModelConfig))


STEPS = [
    *("layers", "upper", "k", "value", "prior", "series", "settings", "newton", "x", "", "areas", "top", "wells", "towns"),
    *("grid", "extent", "0", "9", "-1", "²", "recharge", "rain", "rate", "monthly", "enabled"),
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.lists(st.sampled_from(STEPS), min_size=1, max_size=5),
    value=JUNK,
)
def test_any_override_gives_a_model_or_findings(small, path, value):
    try:
        outcome = read_case(small.model, overrides={".".join(path): value})
    except ConfigError as error:
        outcome = all(finding.location for finding in error.findings)
    assert outcome is True or isinstance(outcome, CaseFiles)
