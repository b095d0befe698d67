"""``aquirecover limits``: tables, figures, the reason why there is no limit, and wrong files."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from aquirecover.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for folder in ("models/confined_basin", "scenarios/confined_basin"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path / "scenarios/confined_basin/limits.yaml"


def _limits(file: Path, *arguments: str):
    return CliRunner().invoke(main, ["limits", str(file), "-o", str(file.parent / "out"), *arguments])


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_limit_of_the_small_basin(file: Path) -> None:
    done = _limits(file)
    assert done.exit_code == 0, done.output
    out = file.parent / "out"
    found = json.loads((out / "limits.json").read_text(encoding="utf-8"))
    rows = list(csv.DictReader((out / "limits.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [row["decision"] for row in rows] == ["West / lower", "East / lower", "West / upper"]
    assert sum(float(row["limit_m3_d"]) for row in rows) == pytest.approx(found["limit_m3_d"])
    assert found["certificate"]["largest_excess"] <= 1e-6
    assert found["certificate"]["excess_when_raised"] > 0.0
    assert found["duality_gap"] < 1e-8
    # the more must recover, the less may be pumped
    curve = [float(row["limit_m3_d"]) for row in csv.DictReader((out / "trade_off.csv").read_text("utf-8-sig").splitlines())]
    assert curve == sorted(curve, reverse=True)
    assert curve[-1] < curve[0]
    assert {path.name for path in out.iterdir()} == {
        "limits.csv", "binding.csv", "trade_off.csv", "limits.json", "limits.png", "trade_off.png", "responses",
    }  # fmt: skip
    assert _limits(file).exit_code == 6


def test_what_was_run_is_kept_for_the_next_call(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = ("--cache", str(tmp_path / "kept"), "--no-figures")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("aquirecover.study.limits._certified", interrupt)
        stopped = _limits(file, *cache)
    assert stopped.exit_code == 130
    assert f"kept in {tmp_path / 'kept'}; call again to go on" in stopped.output
    assert not (file.parent / "out" / "limits.json").exists()
    done = _limits(file, *cache)
    assert done.exit_code == 0, done.output
    found = (file.parent / "out" / "limits.csv").read_bytes()
    with monkeypatch.context() as patch:
        # all that a search looks at is there
        patch.setattr("aquirecover.flow.many.simulate_many", interrupt)
        again = _limits(file, *cache, "--overwrite")
    assert again.exit_code == 0, again.output
    assert (file.parent / "out" / "limits.csv").read_bytes() == found
    shutil.rmtree(file.parent / "out")
    assert _limits(file, "--no-figures").exit_code == 0
    assert (file.parent / "out" / "limits.csv").read_bytes() == found


def test_equal_shares_and_largest_room(file: Path) -> None:
    _change(file, "constraints:", "maximise: equal_share\nconstraints:")
    done = _limits(file, "--json", "--no-figures", "-q")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.output)["limits"]
    assert row["decision"] == "share of present pumping"
    assert 0.0 < row["limit_m3_d"] < 1.0
    _change(file, "maximise: equal_share", "maximise: room")
    _change(file, "  law:", "  town: {rule: supply, district: West, aquifer: lower, least: 500}\n  law:")
    done = _limits(file, "--json", "--no-figures", "-q", "--overwrite")
    assert done.exit_code == 0, done.output
    rows = {row["decision"]: row["limit_m3_d"] for row in json.loads(done.output)["limits"]}
    assert rows["West / lower"] == pytest.approx(500.0)


def test_why_there_is_no_limit(file: Path) -> None:
    _change(file, ", from: 2026-01-01}", "}")
    done = _limits(file)
    assert done.exit_code == 5
    assert "no pumping satisfies all constraints" in done.output
    lines = [line for line in done.output.splitlines() if "its limit" in line]
    assert lines[0].startswith("Well W5, upper, 2025-02")
    assert "1.24 m below its limit even with no pumping at all, whatever the neighbours pump." in lines[0]
    assert len({line.partition(",")[0] for line in lines}) == len(lines)
    assert [path.name for path in (file.parent / "out").iterdir()] == ["responses"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "from: 2025-01-01\n",
            "from: 2035-01-01\n",
            "from = 2035-01-01: must lie inside the time of the scenario, 2020-01-01 to 2030-01-01.",
        ),
        ("from: 2025-01-01\n", "from: 2025-03-01\n", "must be the start of a period of the model, as 2026-01-01."),
        ("law: yes", "law: yes, depth: 3", "cannot stand beside law: give only one of law, elevation, depth or highest."),
        ("at: wells", "at: lakes", "constraints.law.at"),
        ("rule: level", "rule: levels", "constraints.law"),
        ("{rule: recovery, sides", "{rule: recover, sides", "is no rule of constraints: law, recovery."),
        ("by: [district, aquifer]", "select: {district: Wset}", "no well has it. Did you mean"),
        ("at: observations, share", "at: area, area: district, share", "is not there."),
        (
            "by: 2029-01-01",
            "by: 2039-01-01",
            "constraints.recovery: holds at the end of no step: its dates are not in the time of the limit, "
            "2025-01-01 to 2030-01-01.",
        ),
    ],
)
def test_wrong_files_are_told_with_line(file: Path, old: str, new: str, message: str) -> None:
    _change(file, old, new)
    done = _limits(file)
    assert done.exit_code == 3, done.output
    assert message in done.output
    assert "limits.yaml:" in done.output


def test_missing_scenario(file: Path) -> None:
    _change(file, "scenario: ban.yaml", "scenario: none.yaml")
    done = _limits(file)
    assert done.exit_code == 4
    assert "limits.yaml:5" in done.output
