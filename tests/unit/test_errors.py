"""Findings, their collector, and the exit code of each error."""

import pytest

from aquirecover import errors
from aquirecover.errors import AquirecoverError, Collector, ConfigError, Finding


def test_a_finding_reads_as_place_key_message():
    assert str(Finding("a.b", "must be 0 or more.", "m.yaml:3:1")) == "m.yaml:3:1 a.b: must be 0 or more."
    assert str(Finding("a.b", "must be 0 or more.")) == "a.b: must be 0 or more."
    assert str(Finding("", "is empty.", "m.yaml")) == "m.yaml is empty."
    assert str(Finding("", "is empty.")) == "is empty."


def test_the_collector_reports_everything_in_order():
    collector = Collector()
    collector.raise_if_any()
    collector.add("a", "is wrong.", "m.yaml:1:1")
    collector.extend([Finding("b", "is missing.")])
    with pytest.raises(ConfigError) as caught:
        collector.raise_if_any()
    assert [finding.key for finding in caught.value.findings] == ["a", "b"]
    assert str(caught.value) == "m.yaml:1:1 a: is wrong.\nb: is missing."


def test_collectors_do_not_share_findings():
    Collector().add("a", "is wrong.")
    assert Collector().findings == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AquirecoverError", 1),
        ("ConfigError", 3),
        ("InputFileError", 4),
        ("BackendError", 4),
        ("NumericalError", 5),
        ("ConvergenceError", 5),
        ("BudgetError", 5),
        ("OutputExistsError", 6),
        ("ResourceError", 7),
    ],
)
def test_exit_codes(name, code):
    error = getattr(errors, name)
    assert issubclass(error, AquirecoverError)
    assert error.exit_code == code
