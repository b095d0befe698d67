"""``aquirecover zones`` on the Thai Binh model."""

from __future__ import annotations

import csv
import json
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
