"""Quantities: the registry, units as people write them, and texts turned into metres and days."""

import math
import re
import subprocess
import sys

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquirecover import variables
from aquirecover.variables import VARIABLES, QuantityError, Variable, base_unit, plain_unit, to_number


@pytest.mark.parametrize(
    ("unit", "plain", "base"),
    [
        ("m", "m", "m"),
        ("m3 d-1", "m³/d", "m3/d"),
        ("m d-1", "m/d", "m/d"),
        ("m-1", "1/m", "1/m"),
        ("m2 d-1", "m²/d", "m2/d"),
        ("m3 d-1 m-2", "m³/d/m²", "m3/d/m2"),
        ("1", "1", "1"),
        ("%", "%", "%"),
    ],
)
def test_units_as_people_write_them(unit, plain, base):
    assert plain_unit(unit) == plain
    assert base_unit(unit) == base


def test_every_unit_of_the_registry_is_known_without_pint():
    for variable in VARIABLES.values():
        assert to_number(f"1 {variable.unit}", variable.unit) == 1.0
        assert to_number(f"1 {plain_unit(variable.unit)}", variable.unit) == 1.0
        assert to_number(f"1 {base_unit(variable.unit)}", variable.unit) == 1.0


def test_every_variable_is_found_by_its_name_and_labelled():
    assert all(name == variable.name for name, variable in VARIABLES.items())
    assert VARIABLES["head"].label == "Head (m)"
    assert VARIABLES["pumping_rate"].label == "Pumping rate (m³/d)"
    assert VARIABLES["specific_yield"].label == "Specific yield"


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        # by hand: 25e-3 m³ x 86,400 s; a year of 365.25 d; an hour is 1/24 d
        ("25 L/s", "m3 d-1", 2160.0),
        ("25 l/s", "m3 d-1", 2160.0),
        ("80 mm/year", "m d-1", 0.08 / 365.25),
        ("10 m3/h", "m3 d-1", 240.0),
        ("100 m3/day", "m3 d-1", 100.0),
        ("1e-3 m/s", "m d-1", 86.4),
        ("2 cm2/s", "m2 d-1", 17.28),
        ("1 km", "m", 1000.0),
        ("500m", "m", 500.0),
        ("3 ha", "m2", 30000.0),
        ("2 weeks", "d", 14.0),
        ("1 month", "d", 30.4375),
        ("90 minutes", "d", 0.0625),
        ("5 m3/d", "m3 d-1", 5.0),
        ("5 m^3/d", "m3 d-1", 5.0),
        ("5 m**3/d", "m3 d-1", 5.0),
        ("5 m³/d", "m3 d-1", 5.0),
        ("5 m³·d⁻¹", "m3 d-1", 5.0),
        ("5 m3 d-1", "m3 d-1", 5.0),
        ("5 m3*d^-1", "m3 d-1", 5.0),
        ("1e-5 1/m", "m-1", 1e-5),
        ("1e-5 /m", "m-1", 1e-5),
        ("1e-5 m-1", "m-1", 1e-5),
        ("1E-05m⁻¹", "m-1", 1e-5),
        ("0.01 1/d", "d-1", 0.01),
        ("50 %", "1", 0.5),
        ("50%", "%", 50.0),
        ("0.5", "1", 0.5),
        (" 12 ", "m", 12.0),
        ("-.5e1", "m", -5.0),
        ("−3 m", "m", -3.0),
    ],
)
def test_common_texts_need_no_pint(monkeypatch, text, unit, number):
    monkeypatch.setattr(variables, "_by_pint", None)
    assert to_number(text, unit) == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        # exact definitions: foot 0.3048 m, US gallon 231 cubic inches of 2.54 cm, acre of 43,560 square (survey) feet
        ("10 ft", "m", 3.048),
        ("100 gallon/min", "m3 d-1", 100 * 231 * 0.0254**3 * 1440),
        ("10 ft2/d", "m2 d-1", 10 * 0.3048**2),
        ("10 ft²/d", "m2 d-1", 10 * 0.3048**2),
        ("1 acre*ft/year", "m3 d-1", 43560 * (1200 / 3937) ** 2 * 0.3048 / 365.25),
    ],
)
def test_other_units_are_those_of_pint(text, unit, number):
    assert to_number(text, unit) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize("unit", sorted(set(variables._SYMBOLS) - {"1", "%"}))
def test_own_table_agrees_with_pint(unit):
    registry = pint.get_application_registry()
    factor, metre, day = variables._SYMBOLS[unit]
    theirs = registry.Quantity(1.0, "hectare" if unit == "ha" else unit).to(registry.meter**metre * registry.day**day)
    assert float(factor) == pytest.approx(theirs.magnitude, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "unit", "rule"),
    [
        ("5 kg", "m", "has the wrong unit: must convert to m."),
        ("5 m", "m3 d-1", "has the wrong unit: must convert to m3/d."),
        ("5 m/d", "1", "has the wrong unit: must convert to a plain number or %."),
        ("10 degC", "m", "has the wrong unit: must convert to m."),
        ("5 furlogns", "m", "has a unit that is not known: write a number and a unit as '1 m'."),
        ("5 m/", "m", "has a unit that is not known: write a number and a unit as '1 m'."),
        ("5 (", "d", "has a unit that is not known: write a number and a unit as '1 d'."),
        ("1,000 m", "m", "has a unit that is not known: write a number and a unit as '1 m'."),
        ("1_000", "m", "has a unit that is not known: write a number and a unit as '1 m'."),
        ("5 ft**999", "m", "has a unit that is not known: write a number and a unit as '1 m'."),
        ("9**9**9**9 m", "m", "has a unit that is not known: write a number and a unit as '1 m'."),
        ("5 __import__('os').getcwd()", "m", "has a unit that is not known: write a number and a unit as '1 m'."),
        ("m3/d", "m3 d-1", "must be a number, or a number and a unit as '1 m3/d'."),
        ("a lot", "1", "must be a number, or a number and a unit."),
        ("", "m", "must be a number, or a number and a unit as '1 m'."),
    ],
)
def test_what_is_no_quantity_is_refused_with_a_remedy(text, unit, rule):
    with pytest.raises(QuantityError, match=re.escape(rule)) as caught:
        to_number(text, unit)
    assert caught.value.rule == rule
    assert str(caught.value) == f"{text!r} {rule}"


@given(text=st.text(max_size=30), unit=st.sampled_from(["m", "m3 d-1", "1", "%"]))
def test_any_text_is_a_number_or_refused(text, unit):
    try:
        outcome = to_number(text, unit)
    except QuantityError as error:
        outcome = error.rule
    assert isinstance(outcome, float) or outcome.endswith(".")


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_bare_numbers_are_read_exactly(number):
    assert to_number(repr(number), "m3 d-1") == number


@pytest.mark.parametrize("text", ["nan", ".nan", "NaN", "inf", "-inf", "1e999"])
def test_numbers_that_are_not_finite_break_the_rule_of_any_variable(text):
    assert VARIABLES["head"].broken_rule(to_number(text, "m")) == "must be a finite number"


def test_broken_rules():
    share = Variable("share", "1", "Share", "", valid_min=0.0, valid_max=1.0)
    assert share.broken_rule(0.0) == share.broken_rule(1.0) == ""
    assert share.broken_rule(-0.1) == "must be 0 or more"
    assert share.broken_rule(1.5) == "must be 1 or less"
    assert VARIABLES["k"].broken_rule(0.0) == "must be greater than 0"
    assert VARIABLES["head"].broken_rule(-math.inf) == "must be a finite number"


def test_pint_is_not_imported_for_common_units():
    code = (
        "import sys; from aquirecover.variables import to_number; to_number('25 L/s', 'm3 d-1'); sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
