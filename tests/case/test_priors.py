"""Priors of a model file: which values have one, in which unit, and what is moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aquirecover.case.config import read_case
from aquirecover.case.prior_builder import ModelPrior, model_priors
from aquirecover.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "models/confined_basin", tmp_path / "models/confined_basin")
    return tmp_path / "models/confined_basin/model.yaml"


def _priors(file: Path, **more: object) -> dict[str, ModelPrior]:
    return {one.prior.name: one for one in model_priors(read_case(file).model, **more)}  # type: ignore[arg-type]


def test_values_come_in_the_order_of_the_file_in_metres_and_days(file: Path) -> None:
    found = _priors(file)
    assert list(found)[:3] == ["layers.upper.k", "layers.clay.k33", "layers.lower.thickness"]
    rain = found["recharge.rain.rate"]
    assert rain.key == "recharge.rain.rate.value"
    assert rain.unit == "m d-1"
    assert rain.prior.low == pytest.approx(0.056 / 365.25)
    assert rain.prior.value == pytest.approx(0.060 / 365.25)


def test_sections_and_values_may_be_chosen(file: Path) -> None:
    assert list(_priors(file, wanted=["layers.clay", "recharge.rain.rate"])) == ["layers.clay.k33", "recharge.rain.rate"]
    with pytest.raises(ConfigError, match=r"layers\.clay\.k: no value there has a prior"):
        _priors(file, wanted=["layers.clay.k"])


def test_a_value_that_varies_has_the_prior_of_its_multiplier(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "top: 20.0" in text
    varying = "top: {by_area: {districts/West: 20 m}, default: 20, prior: {distribution: uniform, low: 0.9, high: 1.1}}"
    file.write_text(text.replace("top: 20.0", varying), encoding="utf-8")
    found = _priors(file)["top"]
    assert found.key == "top.multiplier"
    assert (found.prior.low, found.prior.high, found.prior.value, found.unit) == (0.9, 1.1, 1.0, "1")
    moved = read_case(file, overrides={found.key: 1.05}).model
    assert moved.top.multiplier == 1.05
    assert moved.top.prior is not None


def test_moving_a_value_keeps_its_prior(file: Path) -> None:
    one = _priors(file)["layers.lower.k"]
    again = {p.prior.name: p for p in model_priors(read_case(file, overrides={one.key: 33.0}).model)}
    assert again["layers.lower.k"].prior.value == 33.0
    # a value that is replaced as a whole is known
    assert "layers.lower.k" not in {p.prior.name for p in model_priors(read_case(file, overrides={"layers.lower.k": 33.0}).model)}


def test_every_prior_of_thai_binh_can_be_moved() -> None:
    path = ROOT / "models/thai_binh/model.yaml"
    found = model_priors(read_case(path).model)
    assert len(found) > 40
    assert all(one.certainty for one in found)
    for share in (1e-3, 0.5, 1.0 - 1e-3):
        values = {one.key: float(one.prior.quantile(share)) for one in found}  # type: ignore[arg-type]
        assert len(model_priors(read_case(path, overrides=values).model)) == len(found)
