"""``aquirecover limits`` with a risk: tables, figure, going on after an interrupt, and realizations that fail."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from aquirecover import limit_risk
from aquirecover.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for folder in ("models/confined_basin", "scenarios/confined_basin"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path / "scenarios/confined_basin/limits_with_risk.yaml"


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at realizations without processes of their own, which only start slowly here."""

    def do_all(function: Any, common: Any, tasks: Any, n_process: int) -> Iterator[tuple[int, Any]]:
        for place, task in enumerate(tasks):
            yield place, function(common, task)

    monkeypatch.setattr("aquirecover.workers.do_all", do_all)


def _limits(file: Path, *arguments: str, out: str = "out") -> Result:
    return CliRunner().invoke(main, ["limits", str(file), "-o", str(file.parent / out), *arguments])


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.mark.usefixtures("in_this_process")
def test_limits_of_the_realizations_by_themselves(file: Path) -> None:
    _change(file, "realizations: 60", "realizations: 8, first_order: no, hindsight: yes")
    done = _limits(file)
    assert done.exit_code == 0, done.output
    out = file.parent / "out"
    rows = _rows(out / "realizations.csv")
    for row in rows:
        # what is found anew is never less than a share of rates that keeps the rules
        if row["status"] == "holds":
            assert float(row["own_limit_m3_d"]) >= float(row["limit_m3_d"]) * (1.0 - 2e-3)
        elif not row["own_limit_m3_d"]:
            assert row["why_no_own_limit"] == "no rates hold"
    own = sorted((float(row["own_limit_m3_d"]) for row in rows if row["own_limit_m3_d"]), reverse=True)
    curve = [row for row in _rows(out / "reliability.csv") if row["method"] == "each realization by itself"]
    assert [float(row["limit_m3_d"]) for row in curve] == pytest.approx([0.0, *own[::-1]])
    assert [float(row["probability"]) for row in curve[1:]] == pytest.approx([(n + 1) / 8 for n in range(len(own))][::-1])
    assert f"some rates keep all rules in {len(own)} of 8" in done.output
    _change(file, "risk:", "minimise: cost\nrisk:")
    assert "risk.hindsight" in _limits(file, "--overwrite").output


@pytest.mark.usefixtures("in_this_process")
def test_tables_and_figure(file: Path) -> None:
    _change(file, "realizations: 60", "realizations: 12")
    done = _limits(file)
    assert done.exit_code == 0, done.output
    out = file.parent / "out"
    assert (out / "reliability.png").stat().st_size > 10_000
    curve = _rows(out / "reliability.csv")
    seen = [row for row in curve if row["method"] == "realizations"]
    shares = [float(row["probability"]) for row in seen]
    assert shares == sorted(shares, reverse=True)
    assert all(float(r["probability_low"]) <= float(r["probability"]) <= float(r["probability_high"]) for r in seen)
    limits = [float(row["limit_m3_d"]) for row in curve if row["method"] == "first order" and row["limit_m3_d"]]
    assert len(limits) >= 2
    assert limits == sorted(limits, reverse=True)
    realizations = _rows(out / "realizations.csv")
    assert len(realizations) == 12
    priors = _rows(out / "priors.csv")
    assert [row["prior"] for row in priors] == [name for name in realizations[0] if name.count(".") == 2]
    assert sum(float(row["variance_share"]) for row in priors) == pytest.approx(1.0)
    found = json.loads((out / "limits.json").read_text(encoding="utf-8"))["risk"]
    holding = sum(row["status"] == "holds" and float(row["largest_factor"]) >= 1.0 for row in realizations)
    assert found["probability_of_the_limit"] == pytest.approx(holding / 12)
    assert found["failed"] == 0
    possible = sum(row["status"] == "holds" for row in realizations)
    assert float(seen[1]["probability_where_possible"]) * possible == pytest.approx(12 * shares[1])
    assert "not calibrated" in done.output
    for sentence in found["sentences"]:
        assert sentence in done.output
    # the recovery at one point is so uncertain that nothing reaches 90 %: which, and by how much
    assert found["limit_by_first_order_m3_d"] is None
    assert "With the least rates" in done.output
    printed = _limits(file, "--json", "--no-figures", "-q", "--overwrite")
    assert json.loads(printed.stdout)["risk"] == found


@pytest.mark.usefixtures("in_this_process")
def test_the_variance_of_the_limit_is_that_of_differences(file: Path) -> None:
    # derivatives of the limit itself, found by moving each prior and searching again, against prices times derivatives of rows
    _change(file, "realizations: 60", "realizations: 0")
    assert _limits(file, "--no-figures").exit_code == 0
    found = json.loads((file.parent / "out/limits.json").read_text(encoding="utf-8"))["risk"]
    base = found["limit_m3_d"]
    variance = 0.0
    for row in _rows(file.parent / "out/priors.csv"):
        low, high, value = (float(row[key]) for key in ("low", "high", "value"))
        log, flat = row["distribution"].startswith("log"), row["distribution"].endswith("uniform")
        width = np.log10(high / low) if log else high - low
        step = 0.01 * width / (12.0**0.5 if flat else 2.0 * 1.6448536)
        moved = value * 10.0**step if log else value + step
        done = _limits(file, "--set", f"{row['prior']}.value={float(moved)!r}", "--no-figures", "-q", "--overwrite", out="moved")
        assert done.exit_code == 0, done.output
        limit = json.loads((file.parent / "moved/limits.json").read_text(encoding="utf-8"))["limit_m3_d"]
        variance += ((limit - base) / 0.01) ** 2
    assert found["standard_deviation"] == pytest.approx(np.sqrt(variance), rel=0.05)


def test_processes_and_resuming_change_no_bit(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _change(file, "realizations: 60}", "realizations: 5, first_order: no}")
    assert _limits(file, "--jobs", "2", "--no-figures").exit_code == 0
    looked_at = []
    own = limit_risk.factor_range
    monkeypatch.setattr(limit_risk, "factor_range", lambda *given: looked_at.append(1) or own(*given))

    def do_some(function: Any, common: Any, tasks: Any, n_process: int) -> Iterator[tuple[int, Any]]:
        for place, task in enumerate(tasks):
            if len(looked_at) == 3:
                raise KeyboardInterrupt
            yield place, function(common, task)

    monkeypatch.setattr("aquirecover.workers.do_all", do_some)
    done = _limits(file, "--no-figures", out="again")
    assert done.exit_code == 130
    assert "3 of 5 realizations are stored" in done.output
    assert not (file.parent / "again/limits.json").exists()
    # the rest, and nothing twice
    looked_at.clear()
    assert _limits(file, "--no-figures", out="again").exit_code == 0
    assert len(looked_at) == 2
    for name in ("realizations.csv", "reliability.csv", "reliable_limits.csv"):
        first, second = (file.parent / folder / name for folder in ("out", "again"))
        assert first.read_bytes() == second.read_bytes()
    first, second = (sorted((file.parent / folder / "realizations").iterdir()) for folder in ("out", "again"))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.usefixtures("in_this_process")
def test_stored_realizations_of_other_content_are_not_used(file: Path) -> None:
    _change(file, "realizations: 60}", "realizations: 3, first_order: no}")
    assert _limits(file, "--no-figures").exit_code == 0
    before = {path.name for path in (file.parent / "out/realizations").iterdir()}
    assert "3 of 3 realizations are stored" in _limits(file, "--no-figures", "--overwrite").output
    _change(file, "share: 0.5", "share: 0.4")
    assert "are stored" not in _limits(file, "--no-figures", "--overwrite").output
    assert len({path.name for path in (file.parent / "out/realizations").iterdir()} - before) == 3


@pytest.mark.usefixtures("in_this_process")
def test_a_realization_that_fails_is_reported(file: Path) -> None:
    # a normal distribution has a tail below zero, where there is no thickness: no realization is dropped for it
    _change(file, "realizations: 60}", "realizations: 12, first_order: no}")
    model = file.parents[2] / "models/confined_basin/model.yaml"
    _change(model, "distribution: uniform, low: 25.0, high: 35.0", "distribution: normal, low: 0.1, high: 35.0")
    done = _limits(file, "--no-figures")
    assert done.exit_code == 0, done.output
    rows = _rows(file.parent / "out/realizations.csv")
    failed = [row for row in rows if row["status"] == "failed"]
    assert 0 < len(failed) < 6
    assert all("thickness" in row["error"] for row in failed)
    assert f"{len(failed)} realizations failed and count as ones in which the rules do not hold" in done.output
    found = json.loads((file.parent / "out/limits.json").read_text(encoding="utf-8"))["risk"]
    assert found["failed"] == len(failed)
    top = max(float(row["probability"]) for row in _rows(file.parent / "out/reliability.csv"))
    assert top <= (12 - len(failed)) / 12 + 1e-9


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("risk: {probability: 0.9", "risk: {probability: 0.2", "risk.probability"),
        ("realizations: 60}", "realizations: 60, priors: [layers.lower.anisotropy]}", "no value there has a prior"),
        ("realizations: 60}", "realizations: -1}", "risk.realizations"),
        ("realizations: 60}", "sampling: dice}", "risk.sampling"),
    ],
)
def test_wrong_files(file: Path, old: str, new: str, message: str) -> None:
    _change(file, old, new)
    done = _limits(file)
    assert done.exit_code == 3
    assert message in done.output


@pytest.mark.usefixtures("in_this_process")
def test_a_number_alone_is_the_probability_and_some_priors_may_be_chosen(file: Path) -> None:
    from aquirecover.case.config import read_limits

    _change(file, "risk: {probability: 0.9, realizations: 60}", "risk: 0.8")
    asked = read_limits(file).limits.risk
    assert asked is not None
    assert (asked.probability, asked.realizations, asked.first_order) == (0.8, 200, True)
    _change(file, "risk: 0.8", "risk: {realizations: 2, first_order: no, priors: [layers.lower]}")
    assert _limits(file, "--no-figures").exit_code == 0
    names = [row["prior"] for row in _rows(file.parent / "out/priors.csv")]
    assert names == ["layers.lower.thickness", "layers.lower.k", "layers.lower.specific_storage"]


def test_a_model_without_priors(file: Path) -> None:
    _change(file, "scenario: ban.yaml", "scenario: bare.yaml")
    scenario = (file.parent / "ban.yaml").read_text(encoding="utf-8")
    assert "overrides" not in scenario
    lines = [f"  {key}: 1.0e-4" if "storage" in key or "rate" in key else f"  {key}: 8.0" for key in _PLAIN]
    (file.parent / "bare.yaml").write_text(scenario + "\noverrides:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    done = _limits(file)
    assert done.exit_code == 3
    assert "the model has no priors" in done.output


_PLAIN = (
    "layers.upper.k", "layers.clay.k33", "layers.lower.thickness", "layers.lower.k", "layers.lower.specific_storage",
    "recharge.rain.rate",
)  # fmt: skip
