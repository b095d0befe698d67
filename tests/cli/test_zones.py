"""``aquirecover zones`` on the Thai Binh model."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from click.testing import CliRunner

from aquirecover.cli import main

SCENARIO = Path(__file__).parents[2] / "scenarios/thai_binh/stop_all.yaml"


def _zones(*arguments: str):
    return CliRunner().invoke(main, ["zones", str(SCENARIO), *arguments])


def test_zones_of_thai_binh(tmp_path: Path) -> None:
    done = _zones("--saline", "qp1=saline", "--date", "2011-01-01", "-o", str(tmp_path / "zones"))
    assert done.exit_code == 0, done.output
    features = json.loads((tmp_path / "zones/zones.geojson").read_text(encoding="utf-8"))["features"]
    rows = list(csv.DictReader((tmp_path / "zones/zones.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert len(features) == len(rows) > 100
    first = features[0]["properties"]
    assert (first["zone"], first["aquifer"], first["reason"]) == (1, "qp1", "saline water")
    assert (tmp_path / "zones/zones.png").stat().st_size > 10_000
    again = _zones("-o", str(tmp_path / "zones"))
    assert again.exit_code == 6


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    done = _zones("--saline", "qp9=saline", "-o", str(tmp_path))
    assert done.exit_code == 3
    assert "--saline qp9 is no aquifer of the model" in done.output.replace("qp9: is", "qp9 is")
    done = _zones("--subsided", "nowhere", "-o", str(tmp_path))
    assert done.exit_code == 3
    assert "nowhere" in done.output
    assert not list(tmp_path.iterdir())


def test_scenarios_and_limits_name_the_zones_that_were_drawn(tmp_path: Path) -> None:
    for folder in ("models/confined_basin", "scenarios/confined_basin"):
        shutil.copytree(SCENARIO.parents[2] / folder, tmp_path / folder)
    scenarios = tmp_path / "scenarios/confined_basin"
    model = tmp_path / "models/confined_basin/model.yaml"
    drawn = CliRunner().invoke(main, ["zones", str(model), "--saline", "upper=districts/West", "-o", str(scenarios / "zones")])
    assert drawn.exit_code == 0, drawn.output
    area = "areas: {law: {file: zones/zones.geojson, label: name}}\n"
    text = "kind: scenario\ntitle: Zone 1 rests\nmodel: ../../models/confined_basin/model.yaml\n" + area
    rule = "restrictions: {rest: {rule: ban, from: 2025-01-01, select: {zone: law/zone_1}}}\n"
    (scenarios / "rest.yaml").write_text(text + rule, encoding="utf-8")
    done = CliRunner().invoke(main, ["validate", str(scenarios / "rest.yaml"), "--json"])
    assert done.exit_code == 0, done.output
    # zone 1 is round the saline water of the upper aquifer: W5 is in it, the wells of the lower one below it are not
    assert json.loads(done.output)["log"] == [
        "restriction rest: well W5 2025-01-01 300 → 0 m3/d",
        "restriction rest: 1 well in all 2025-01-01 300 → 0 m3/d",
    ]
    limits = (
        "kind: limits\ntitle: Zones\nscenario: rest.yaml\nfrom: 2025-01-01\ndecide:\n"
        "  stopped: {select: {zone: law/zone_1}, by: well, most: 0}\n"
        "  capped: {select: {zone: law/zone_2, aquifer: lower}, by: well, times_present: 0.5}\n"
        "constraints: {level: {rule: level, at: observations, elevation: 0}}\n"
    )
    (scenarios / "zoned.yaml").write_text(limits, encoding="utf-8")
    done = CliRunner().invoke(main, ["limits", str(scenarios / "zoned.yaml"), "-o", str(tmp_path / "out"), "--json", "-q"])
    assert done.exit_code == 0, done.output
    found = {row["decision"]: row["limit_m3_d"] for row in json.loads(done.output)["limits"]}
    assert found == {"W5": 0.0, "W1": 1200.0, "W2": 800.0, "W3": 1000.0, "W4": 300.0}
