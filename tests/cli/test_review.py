"""``compare`` and ``plot``: results that are there, looked at again."""

import json
from pathlib import Path

import pytest

from aquirecover import review
from aquirecover.errors import ConfigError
from aquirecover.output.results import open_results


@pytest.fixture
def results(basin, call):
    """Return two result folders of the example, without figures."""
    for name in ("ban", "cut"):
        outcome = call("run", f"scenarios/confined_basin/{name}.yaml", "-q", "--no-figures")
        assert outcome.exit_code == 0, outcome.output
    return [Path("results/ban"), Path("results/cut")]


def test_compare_prints_a_table_and_draws_figures(results, call):
    outcome = call("compare", *results, "--json", "--out", "both")
    assert outcome.exit_code == 0
    rows = json.loads(outcome.stdout)
    assert [(row["scenario"], row["aquifer"]) for row in rows] == [
        ("ban", "upper"), ("ban", "lower"), ("cut", "upper"), ("cut", "lower"),
    ]  # fmt: skip
    by_name = {(row["scenario"], row["aquifer"]): row for row in rows}
    for aquifer in ("upper", "lower"):
        ban, cut = by_name["ban", aquifer], by_name["cut", aquifer]
        assert ban["head_at_start_m"] == cut["head_at_start_m"]
        assert ban["head_without_pumping_m"] == pytest.approx(cut["head_without_pumping_m"], abs=2e-3)
        assert ban["recovered_percent"] > cut["recovered_percent"] > 0.0
    for name in ("recovery_curves.png", "comparison.png"):
        assert (Path("both") / name).stat().st_size > 0
        assert f"wrote both/{name}" in outcome.stderr


def test_the_rows_are_area_weighted_means_of_the_maps(results):
    dataset = open_results(results[0])
    rows = review.recovery_rows(dataset)
    inside = (dataset["zone_index"].values >= 0).any(axis=0)
    for row, layer in zip(rows, (0, 2), strict=True):  # cells of one size: a plain mean
        assert row["head_at_end_m"] == pytest.approx(dataset["end_head"].values[layer][inside].mean(), abs=1e-3)
        assert row["head_at_start_m"] == pytest.approx(dataset["start_head"].values[layer][inside].mean(), abs=1e-3)


def test_compare_refuses_a_folder_without_results(basin, call):
    outcome = call("compare", "models")
    assert outcome.exit_code == 4
    assert "no such result file" in outcome.stderr


def test_results_of_other_models_are_refused(monkeypatch):
    aquifers = {"a": {"upper": [0]}, "b": {"upper": [0]}, "c": {"qh": [0], "qp": [1]}}
    monkeypatch.setattr("aquirecover.output.views.aquifer_layers", lambda dataset: aquifers[dataset])
    with pytest.raises(ConfigError, match=r"^c: has the aquifers qh, qp, and a has upper: compare results of one model.$"):
        review._refuse_other_models({name: name for name in aquifers})


def test_equal_names_are_told_apart_by_their_parents():
    assert review._names([Path("x/ban"), Path("y/ban"), Path("y/cut")]) == ["x/ban", "y/ban", "cut"]


def test_plot_draws_again_what_run_drew(results, call):
    outcome = call("plot", "results/ban")
    assert outcome.exit_code == 0
    first = {path.name: path.read_bytes() for path in Path("results/ban/figures").iterdir()}
    assert "recovery_curves.png" in first
    assert f"wrote {Path('results/ban/figures/budget.png')}" in outcome.stderr
    assert call("plot", "results/ban").exit_code == 0
    assert {path.name: path.read_bytes() for path in Path("results/ban/figures").iterdir()} == first
