"""``aquirecover verify``: published problems on the user's machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

import pytest
from click.testing import CliRunner

from aquirecover.cli import main
from aquirecover.errors import ConvergenceError
from aquirecover.verification import checks
from aquirecover.verification.checks import Check, Line, Number


def test_every_published_number_comes_out() -> None:
    done = CliRunner().invoke(main, ["verify", "--json"])
    rows = json.loads(done.stdout)
    assert done.exit_code == 0, [row for row in rows if not row["passed"]]
    assert {row["problem"] for row in rows} == {check.problem for check in checks.CHECKS}
    assert len(rows) >= 50
    assert all(row["passed"] for row in rows)
    by_name = {(row["problem"], row["what"]): row for row in rows}
    assert by_name["DEWATER with risk", "least total pumping at risk 0.95"]["expected"] == 3712.3
    # no tolerance is wider than what the tests of the same problems ask for
    assert all(row["tolerance"] <= 0.026 * abs(row["expected"]) + 1.0 for row in rows)


def _nothing() -> Sequence[Line]:
    raise ConvergenceError("it did not settle.")


@pytest.mark.parametrize("got", [1.2, float("nan"), float("inf")])
def test_a_number_that_misses(monkeypatch: pytest.MonkeyPatch, got: float) -> None:
    right = Check("right", "somebody", lambda: [("head", "m", 1.0, 1.04, 0.05)])
    wrong = Check("wrong", "somebody", lambda: [("head", "m", 1.0, got, 0.05)])
    monkeypatch.setattr(checks, "CHECKS", (right, wrong))
    done = CliRunner().invoke(main, ["verify"])
    assert done.exit_code == 1
    assert "MISSED" in done.output
    assert "1 of 2 numbers are within their tolerance" in done.output
    quiet = CliRunner().invoke(main, ["verify", "-q"])
    assert "wrong" in quiet.output
    assert "right" not in quiet.output


def test_a_problem_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", (Check("broken", "somebody", _nothing),))
    done = CliRunner().invoke(main, ["verify", "--json"])
    assert done.exit_code == 1
    assert "broken: it did not settle." in done.output
    (row,) = json.loads(done.stdout)
    assert (row["got"], row["passed"], row["error"]) == (None, False, "it did not settle.")


def test_a_number_at_its_tolerance_passes() -> None:
    assert Number("a", "b", "m", 1.0, 1.5, 0.5, "c").passed
    assert not Number("a", "b", "m", 1.0, 1.6, 0.5, "c").passed


def test_data_say_where_they_are_from() -> None:
    folder = resources.files("aquirecover.verification") / "data"
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert all(file.name in text for file in folder.iterdir() if file.name.endswith(".txt"))
