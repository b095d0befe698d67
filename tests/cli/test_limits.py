"""``aquirecover limits``: tables, figures, the reason why there is no limit, and wrong files."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from aquirecover.cli import main
from aquirecover.flow.many import simulate_many
from aquirecover.flow.problem import FlowResult, Problem

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
        "by_district.csv", "limits.csv", "binding.csv", "certificate.csv", "trade_off.csv", "curves.csv", "report.md",
        "limits.json", "limits.nc", "responses",
        "limits.png", "headroom_map.png", "binding_map.png", "trade_off.png", "recovery_curves.png",
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
    runs: list[int] = []

    def counted(problems: Sequence[Problem], *rest: object) -> Iterator[FlowResult]:
        runs.append(len(problems))
        return simulate_many(problems, *rest)

    with monkeypatch.context() as patch:
        # all that a search looks at is there; only the curves of heads are run again
        patch.setattr("aquirecover.flow.many.simulate_many", counted)
        again = _limits(file, *cache, "--overwrite")
    assert again.exit_code == 0, again.output
    assert f"runs that had ended before are taken from {tmp_path / 'kept'}" in again.output
    assert runs == [3]
    assert (file.parent / "out" / "limits.csv").read_bytes() == found
    shutil.rmtree(file.parent / "out")
    assert _limits(file, "--no-figures").exit_code == 0
    assert (file.parent / "out" / "limits.csv").read_bytes() == found


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def test_numbers_of_figures_are_in_the_tables(file: Path) -> None:
    assert _limits(file, "-q").exit_code == 0
    out = file.parent / "out"
    parts, limits, binding = (_rows(out / name) for name in ("by_district.csv", "limits.csv", "binding.csv"))
    sums = {(row["district"], row["aquifer"]): row for row in parts}
    assert list(sums) == [
        ("West", "lower"), ("West", "upper"), ("East", "lower"), ("all", "lower"), ("all", "upper"), ("West", "all"),
        ("East", "all"), ("all", "all"),
    ]  # fmt: skip
    for row in limits:
        part = sums[row["district"], row["aquifer"]]
        for key in ("limit_m3_d", "present_m3_d", "headroom_m3_d", "held_by", "shadow_price", "unit_of_price"):
            assert part[key] == row[key]
        assert float(row["headroom_m3_d"]) == pytest.approx(float(row["limit_m3_d"]) - float(row["present_m3_d"]))
    total = sums["all", "all"]
    assert float(total["limit_m3_d"]) == pytest.approx(sum(float(row["limit_m3_d"]) for row in limits))
    assert (binding[0]["rule"], binding[0]["place"], binding[0]["date"]) == ("law", "well W5", "2026-01-01")
    assert (binding[0]["x_m"], binding[0]["y_m"], binding[0]["unit_of_price"]) == ("604250", "2265750", "m3/d per m")
    # levels that are all 0.01 m lower are worth a hundredth of the sum of their shadow prices
    _change(file, "law: yes, from", "elevation: 9.0, from")
    assert _limits(file, "-q", "--no-figures", "--overwrite").exit_code == 0
    low = float(_rows(out / "by_district.csv")[-1]["limit_m3_d"])
    price = sum(float(row["shadow_price"]) for row in _rows(out / "binding.csv") if row["rule"] == "law")
    assert price > 0.0
    assert not list(out.glob("*.png"))
    _change(file, "elevation: 9.0", "elevation: 8.99")
    assert _limits(file, "-q", "--no-figures", "--overwrite").exit_code == 0
    assert float(_rows(out / "by_district.csv")[-1]["limit_m3_d"]) - low == pytest.approx(0.01 * price, abs=1e-3)


def test_dataset_of_a_limit(file: Path) -> None:
    assert _limits(file, "-q").exit_code == 0
    out = file.parent / "out"
    with xr.open_dataset(out / "limits.nc", engine="h5netcdf") as stored:
        data = stored.load()
    assert data.attrs["Conventions"].startswith("CF-")
    assert data["safe_pumping_rate"].attrs["units"] == "m3 d-1"
    assert data["safe_pumping_rate"].attrs["long_name_vi"] == "Ngưỡng khai thác"
    # every constraint keeps its side, and one with a price has no room
    room, price = data["constraint_room"].values, data["constraint_shadow_price"].values
    assert room.min() > -1e-6
    assert np.abs(room[price > 1.0]).max() < 1e-6
    # the limit's own run starts where the history ends, and the well that binds stands at its lawful level at the end
    runs = data["run"].values.astype(str).tolist()
    assert runs == ["present pumping", "at the limit", "without this pumping"]
    assert (data["mean_head"].sel(run="without this pumping") >= data["mean_head"].sel(run="at the limit") - 1e-9).all()
    curves = _rows(out / "curves.csv")
    lower = [row for row in curves if row["aquifer"] == "lower" and row["at_the_limit_m"]]
    expected = data["mean_head"].sel(run="at the limit").values[data["aquifer"].values.tolist().index("lower")]
    assert [float(row["at_the_limit_m"]) for row in lower] == pytest.approx(expected.tolist())
    drawn = (out / "binding_map.png").read_bytes()
    (out / "binding_map.png").unlink()
    again = CliRunner().invoke(main, ["plot", str(out)])
    assert again.exit_code == 0, again.output
    assert (out / "binding_map.png").read_bytes() == drawn


def test_overwriting_removes_what_is_not_written_again(file: Path) -> None:
    assert _limits(file, "-q").exit_code == 0
    out = file.parent / "out"
    assert (out / "trade_off.png").exists()
    _change(file, "trade_off: {rule: recovery, sides: [0.0, 0.25, 0.5, 0.75, 0.9]}", "")
    assert _limits(file, "-q", "--overwrite").exit_code == 0
    assert not (out / "trade_off.png").exists()
    assert not (out / "trade_off.csv").exists()
    assert json.loads((out / "limits.json").read_text(encoding="utf-8"))["trade_off"] == []


def test_the_page_tells_limit_proof_and_what_the_model_says_of_itself(file: Path) -> None:
    model = file.parents[2] / "models/confined_basin/model.yaml"
    model.write_text(model.read_text(encoding="utf-8") + "\nwarnings: [not calibrated]\n", encoding="utf-8")
    _change(file, "constraints:", "bisection: {most: 2, tolerance: 0.01}\nconstraints:")
    done = _limits(file, "--no-figures")
    assert done.exit_code == 0, done.output
    assert "Warning: not calibrated." in done.output
    out = file.parent / "out"
    page = (out / "report.md").read_text(encoding="utf-8")
    found = json.loads((out / "limits.json").read_text(encoding="utf-8"))
    assert f"{found['limit_m3_d']:,.0f} m³/d" in page
    assert "- **not calibrated**" in page
    assert "This limit was found with one set of values of the model" in page
    at, beyond = _rows(out / "certificate.csv")
    assert (at["pumping"], at["holds"], beyond["pumping"], beyond["holds"]) == ("at the limit", "yes", "0.1 % more", "no")
    assert float(beyond["total_m3_d"]) == pytest.approx(1.001 * float(at["total_m3_d"]))
    assert abs(float(at["value"]) - float(at["side"])) < 1e-6
    assert float(beyond["side"]) - float(beyond["value"]) == pytest.approx(float(beyond["excess"]), abs=1e-7)
    assert beyond["constraint"] in page
    # one factor on present pumping: the last that holds, and one near to it that does not
    steps = _rows(out / "bisection.csv")
    best = max(float(row["factor"]) for row in steps if row["holds"] == "yes")
    beyond_it = min(float(row["factor"]) for row in steps if row["holds"] == "no")
    assert 0.0 < beyond_it - best <= 0.01
    assert f"By bisection every rate may be {best:.4g} times the present" in page
    assert best * found["present_m3_d"] < found["limit_m3_d"]
    _change(file, "constraints:", "maximise: equal_share\nconstraints:")
    assert _limits(file, "--no-figures", "-q", "--overwrite").exit_code == 0
    share = float(_rows(out / "limits.csv")[0]["limit_m3_d"])
    assert best <= share <= beyond_it


def test_an_interruption_leaves_the_old_results(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _limits(file, "-q", "--no-figures").exit_code == 0
    out = file.parent / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    _change(file, "share: 0.5", "share: 0.9")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aquirecover.output.limit_tables.write_json", interrupted)
    done = _limits(file, "-q", "--no-figures", "--overwrite")
    assert done.exit_code == 130, done.output
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    assert [path.name for path in out.iterdir() if path.is_dir()] == ["responses"]


def test_equal_shares_and_largest_room(file: Path) -> None:
    _change(file, "constraints:", "maximise: equal_share\nconstraints:")
    done = _limits(file, "--json", "--no-figures", "-q")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    (row,) = found["limits"]
    assert row["decision"] == "share of present pumping"
    assert 0.0 < row["limit_m3_d"] < 1.0
    # the total is pumping, not the share
    assert found["limit_m3_d"] == pytest.approx(row["limit_m3_d"] * found["present_m3_d"], rel=1e-5)
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


def test_a_limit_file_is_checked_without_a_run(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise AssertionError("nothing is simulated")

    monkeypatch.setattr("aquirecover.flow.simulate.simulate", none)
    done = CliRunner().invoke(main, ["validate", str(file.with_name("least_cost.yaml")), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["decisions"] == {"pumping": 4, "switch": 4, "supply": 1}
    # two districts; four wells, or one pair, at the end of 2025 and of sixteen steps after it; one layer at those of 2029 and of
    # twenty steps
    assert found["constraints"] == {"need": 2, "law": 68, "recovery": 5, "towards_the_lake": 17, "storage": 20}
    assert CliRunner().invoke(main, ["validate", str(file)]).exit_code == 0
    _change(file, "at: wells", "at: lakes")
    done = CliRunner().invoke(main, ["validate", str(file)])
    assert done.exit_code == 3
    assert "constraints.law.at" in done.output


def test_missing_scenario(file: Path) -> None:
    _change(file, "scenario: ban.yaml", "scenario: none.yaml")
    done = _limits(file)
    assert done.exit_code == 4
    assert "limits.yaml:5" in done.output
