"""Figures: they are drawn from datasets alone, leave matplotlib as it was, and their helpers are exact."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import synthetic
from aquirecover.errors import OutputExistsError
from aquirecover.output import bars, curves, map_classes, maps, style
from aquirecover.output.dataset import to_dataset
from aquirecover.output.figures import figure_plan, save_figures
from aquirecover.output.summary import summary
from aquirecover.study.recovery import assess_recovery

ALL = {
    "recovery_curves",
    "hydrographs",
    "drawdown_maps",
    "recovery_maps",
    "recovery_fraction_maps",
    "recovery_time_maps",
    "budget",
    "water_sources",
}


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    result = synthetic.result(6000.0)
    return to_dataset(result, assess_recovery(result, baseline=synthetic.result(6000.0, 1.0)))


@pytest.fixture(scope="module")
def several(dataset: xr.Dataset) -> dict[str, xr.Dataset]:
    return {"Dừng toàn bộ": dataset, "Half": to_dataset(synthetic.result(6000.0, 0.5))}


@pytest.fixture(scope="module")
def drawn(dataset: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    save_figures(dataset, folder)
    return folder


def texts(figure) -> list[str]:
    """Return all texts of a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_one_result_is_drawn_in_full(drawn: Path) -> None:
    assert {path.stem for path in drawn.iterdir()} == ALL
    for path in drawn.iterdir():
        image = mpl.image.imread(path)
        assert abs(image.shape[1] - style.TWO_COLUMNS * style.MM * 200) <= 1
        assert image[..., :3].std() > 0.02, f"{path.name} is blank"


def test_several_results_are_drawn_side_by_side_in_all_formats(several: dict[str, xr.Dataset], tmp_path: Path) -> None:
    seen = []
    paths = save_figures(several, tmp_path, formats=("png", "pdf", "svg"), progress=lambda *step: seen.append(step))
    assert {path.name for path in paths} == {
        f"{n}.{k}" for n in ("recovery_curves", "hydrographs", "comparison") for k in ("png", "pdf", "svg")
    }
    assert all(path.stat().st_size > 1000 for path in paths)
    assert [step[:2] for step in seen] == [(0, 3), (1, 3), (2, 3)]
    assert "Dừng toàn bộ" in (tmp_path / "recovery_curves.svg").read_text(encoding="utf-8")


def test_result_without_restriction_or_recovery_has_the_figures_it_can() -> None:
    plain = to_dataset(synthetic.result(6000.0)).assign_attrs(restriction_start="")
    assert set(figure_plan(plain)) == {"recovery_curves", "hydrographs", "drawdown_maps", "budget"}
    for make in figure_plan(plain).values():
        make()


def test_figures_that_exist_are_kept(drawn: Path, dataset: xr.Dataset) -> None:
    with pytest.raises(OutputExistsError, match=r"recovery_curves\.png"):
        save_figures(dataset, drawn)


def test_late_times_are_drawn_by_fraction_and_aquifer(dataset: xr.Dataset) -> None:
    years = np.full((2, *dataset["bottom"].shape), 3.0 * 365.25)
    late = dataset.assign_coords(late_fraction=[0.9, 0.99]).assign(
        late_time_to_recovery=(("late_fraction", "layer", "y", "x"), years)
    )
    assert set(figure_plan(late)) == ALL | {"late_recovery_maps"}
    found = texts(figure_plan(late)["late_recovery_maps"]())
    assert "a   qh2, 90%" in found
    assert "f   qp1, 99%" in found


def test_unknown_format_is_named(dataset: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="formats = 'bmp': must be one of png, pdf, svg"):
        save_figures(dataset, tmp_path, formats=("bmp",))


def test_the_same_result_gives_the_same_bytes(drawn: Path, dataset: xr.Dataset, tmp_path: Path) -> None:
    figure = bars.budget_bars(dataset)
    from aquirecover.output.figures import save_figure

    assert save_figure(figure, tmp_path / "budget.png").read_bytes() == (drawn / "budget.png").read_bytes()


def test_matplotlib_is_left_as_it_was(dataset: xr.Dataset) -> None:
    before = dict(mpl.rcParams)
    curves.recovery_curves({"one": dataset})
    assert dict(mpl.rcParams) == before


def test_pyplot_and_its_windows_are_never_imported() -> None:
    code = (
        "import sys; import aquirecover.output.figures, aquirecover.output.results; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('matplotlib', 'xarray', 'pandas')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_curves_show_levels_and_the_start(dataset: xr.Dataset) -> None:
    found = texts(curves.recovery_curves({"All pumping stopped": dataset}))
    assert "restriction from 1 January 2021" in found
    assert any(text.startswith("before pumping ") for text in found)
    assert any(text.startswith("↓ legal level −28") for text in found)
    assert found.count("All pumping stopped") == 1
    # several scenarios are told apart at the end of their lines, in each of the three panels
    found = texts(curves.recovery_curves({"All pumping stopped": dataset, "Same again": dataset}))
    assert found.count("All pumping stopped") == found.count("Same again") == 3


def test_maps_name_the_districts_once(dataset: xr.Dataset) -> None:
    found = texts(maps.drawdown_maps(dataset))
    districts = {str(zone).rpartition("/")[0] for zone in dataset["zone"].values} - {""}
    assert len(districts) > 1
    for name in districts:
        assert found.count(name.replace(" ", "\n")) == 1


def test_times_have_classes_where_they_are() -> None:
    assert map_classes.year_classes(np.array([3.8, 5.0, 12.9, np.nan])) == [3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0]
    many = np.concatenate([np.linspace(4.0, 6.0, 900), np.linspace(0.1, 40.0, 100)])
    limits = np.array(map_classes.year_classes(many))
    assert limits[0] == 0.0
    assert limits[-1] >= 40.0
    assert limits.size <= 11
    share, _ = np.histogram(many, limits)
    assert share.max() < 0.6 * many.size
    # times of one magnitude have even classes
    limits = np.array(map_classes.year_classes(np.linspace(7.2, 14.1, 500)))
    np.testing.assert_allclose(limits, np.arange(7.0, 16.0)[: limits.size])
    assert 14.0 <= limits[-1] <= 15.0
    # a run of 30 years ends the scale
    assert map_classes.year_classes(np.linspace(1.0, 30.0, 100), 30.0)[-1] == 30.0


def test_a_map_of_small_values_is_not_blank_beside_one_of_large_values() -> None:
    large, small = np.linspace(0.0, 11.0, 200), np.linspace(0.0, 0.13, 200)
    levels, colours = map_classes.round_levels([large, small], "YlOrBr")
    assert colours == "YlOrBr"
    assert np.all(np.diff(levels) > 0.0)
    assert np.unique(np.digitize(small, levels)).size >= 3
    assert np.unique(np.digitize(large, levels)).size >= 6
    assert map_classes.open_ends([large, small], levels) == "neither"
    # values of both signs have a scale that is white at zero
    levels, colours = map_classes.round_levels([np.linspace(-4.0, 2.0, 200)], "YlOrBr")
    assert colours == "RdBu_r"
    np.testing.assert_allclose(levels, -levels[::-1])
    assert map_classes.open_ends([np.array([-9.0, 0.0])], levels) == "min"


def test_curve_is_the_mean_head_of_the_aquifer(dataset: xr.Dataset) -> None:
    ax = style.new_figure(50.0).subplots()
    curves.draw_recovery_curves({"one": dataset}, "qp1", ax)
    (line,) = [line for line in ax.lines if line.get_gid() == "curve"]
    inside = synthetic.result(6000.0).problem.zones.index[4] >= 0
    expected = dataset["head"].values[:, 4][:, inside].mean(axis=1)  # all cells have one area
    np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)


def test_seasons_are_thin_and_their_yearly_mean_is_thick(dataset: xr.Dataset) -> None:
    quarters = synthetic.result(6000.0, 0.0, 365.25 / 4.0)
    wave = to_dataset(quarters)
    days = wave["elapsed_time"].values
    wave["head"] = wave["head"] * 0.0 + 1.0 + xr.DataArray(np.sin(2.0 * np.pi * days / 365.25), dims="time")
    ax = style.new_figure(50.0).subplots()
    curves.draw_recovery_curves({"one": wave}, "qp1", ax)
    thick = next(np.asarray(line.get_ydata()) for line in ax.lines if line.get_gid() == "curve")
    thin = next(np.asarray(line.get_ydata()) for line in ax.lines if line.get_linewidth() == 0.5)
    np.testing.assert_allclose(thick[np.isfinite(thick)], 1.0, atol=0.02)
    assert np.ptp(thin) > 1.9
    assert "thin: seasons, thick: mean of a year" in texts(ax.figure)


def test_maps_use_one_scale_with_a_unit_and_draw_the_lines(dataset: xr.Dataset) -> None:
    from matplotlib.collections import LineCollection, QuadMesh

    figure = maps.drawdown_maps(dataset)
    meshes = figure.findobj(QuadMesh)
    panels = [mesh for mesh in meshes if mesh.axes.get_label() != "<colorbar>"]
    assert len(panels) == 6
    assert len({id(mesh.norm) for mesh in panels}) == 1
    np.testing.assert_allclose(
        panels[2].get_array().ravel(), dataset["drawdown"].values[maps.restriction_index(dataset), 4].ravel(), rtol=1e-6
    )
    assert sum(len(lines.get_segments()) for lines in figure.axes[0].findobj(LineCollection)) >= 6
    assert any(text.startswith("Drawdown (m)") for text in texts(figure))
    assert "N" in texts(figure)
    assert any(text.endswith(" km") for text in texts(figure))


def test_cells_that_do_not_recover_in_time_are_hatched_not_coloured(dataset: xr.Dataset) -> None:
    from matplotlib.collections import QuadMesh
    from matplotlib.patches import PathPatch

    late = dataset.copy(deep=True)
    late["time_to_recovery"][:] = np.nan
    figure = maps.recovery_time_maps(late)
    assert all(mesh.get_array().mask.all() for ax in figure.axes[:3] for mesh in ax.findobj(QuadMesh))
    assert any("90%: almost nowhere within 30 years" in text for text in texts(figure))
    cells = [patch for patch in figure.axes[2].findobj(PathPatch) if patch.get_hatch()]
    something = np.isfinite(late["recovery_fraction"].values[0, 4]).sum()
    assert [len(patch.get_path().vertices) for patch in cells] == [5 * something]


@pytest.mark.parametrize(
    ("reference", "fractions", "message"),
    [("nothing", (0.5,), "reference = 'nothing'"), ("before_pumping", (0.3,), "fraction = 0.3")],
)
def test_unknown_recovery_is_named(dataset: xr.Dataset, reference: str, fractions: tuple[float], message: str) -> None:
    with pytest.raises(ValueError, match=f"{message}: must be one of"):
        maps.recovery_time_maps(dataset, reference, fractions)


def test_water_sources_add_up_to_the_pumping_that_stopped(dataset: xr.Dataset) -> None:
    ax = style.new_figure(50.0).subplots()
    ends = bars.draw_water_sources(dataset, ax)
    steps = [patch for patch in ax.patches if patch.get_fill()]
    last = sum(
        patch.get_data().values[-1] - np.broadcast_to(patch.get_data().baseline, patch.get_data().values.shape)[-1]
        for patch in steps
    )
    stopped = next(y for y, name, _ in ends if name == "pumping that stopped")
    assert stopped == pytest.approx(90.0, rel=1e-9)  # thousand m³/d
    assert last == pytest.approx(stopped, rel=0.02)  # terms too small to see are left out


def test_comparison_shows_the_rise_of_each_zone(several: dict[str, xr.Dataset]) -> None:
    ax = style.new_figure(50.0).subplots()
    bars.draw_comparison(several, "qp1", ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["whole area", *synthetic.DISTRICTS]
    result = synthetic.result(6000.0)
    zone = result.problem.zones.index[4] == result.problem.zones.names.index("Thái Thụy/qp1")
    i = result.time.searchsorted(result.problem.context.restriction_start)
    expected = (result.head[-1, 4] - result.head[i, 4])[zone].mean()
    dots = next(line for line in ax.lines if line.get_label() == "Dừng toàn bộ")
    assert dots.get_xdata()[1 + synthetic.DISTRICTS.index("Thái Thụy")] == pytest.approx(expected, rel=1e-12)


def test_yearly_running_mean_removes_seasons_and_keeps_a_line() -> None:
    day = np.arange(0.0, 3652.5, 365.25 / 12.0)
    season = np.sin(2.0 * np.pi * day / 365.25)
    mean = curves.yearly_running_mean(day, 5.0 + 0.01 * day + season)
    inside = np.isfinite(mean)
    assert not inside[0]
    assert inside.sum() == day.size - 12
    np.testing.assert_allclose(mean[inside], 5.0 + 0.01 * day[inside], atol=1e-9)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_spread_labels_keep_order_and_distance(wanted: list[float]) -> None:
    found = style.spread(wanted, 0.1, 0.0, 1.0)
    order = np.argsort(wanted, kind="stable")
    assert np.all(np.diff(found[order]) >= 0.1 - 1e-9)
    assert found.min() >= 0.05 - 1e-9
    assert found.max() <= 0.95 + 1e-9
    if len(wanted) == 1:
        assert found[0] == pytest.approx(min(max(wanted[0], 0.05), 0.95))


def test_labels_far_apart_stay_where_they_are() -> None:
    np.testing.assert_allclose(style.spread([0.8, 0.2, 0.5], 0.1, 0.0, 1.0), [0.8, 0.2, 0.5])
    np.testing.assert_allclose(style.spread([0.5, 0.5], 0.1, 0.0, 1.0), [0.45, 0.55])


def test_summary_says_what_matters(dataset: xr.Dataset) -> None:
    text = summary(dataset)
    assert "pumping       90,000 m³/d before 2021-01-01, 0 at the end" in text
    assert "1990-01-01 to 2051-01-01" in text
    assert "warning       A made-up model: not calibrated." in text
    for aquifer in ("qh2", "qp2", "qp1"):
        (line,) = (line.strip() for line in text.splitlines() if line.strip().startswith(aquifer))
        assert line.endswith("% of the drawdown recovered (reference: before pumping)")


def test_summary_warns_of_heads_below_the_bottom(dataset: xr.Dataset) -> None:
    assert "below the bottom" not in summary(dataset)
    low = dataset.copy(deep=True)
    low["head"][-1, 0, 0, :2] = low["bottom"][0, 0, :2] - np.array([1.0, 2.5])
    name = str(low["layer_name"].values[0])
    assert f"warning       the head falls below the bottom of {name} in 2 cells, by 2.5 m at most" in summary(low)


def test_summary_of_a_run_that_recovers_nothing(dataset: xr.Dataset) -> None:
    still = dataset.copy()
    for name in ("start_head", "end_head"):
        still[name] = still["reference_head"] - (5.0 if name == "start_head" else 5.001)
    assert summary(still).count(", 0% of the drawdown recovered") == 3


def test_every_bar_of_the_budget_has_its_number(dataset: xr.Dataset) -> None:
    figure = bars.budget_bars(dataset)
    found = texts(figure)
    moments = bars._moments(dataset)
    largest = max(float(np.maximum(inflow, outflow).max()) for _, inflow, outflow in moments)
    shown = [f"{value / 1e3:,.0f}" for _, inflow, outflow in moments for value in (*inflow, *outflow) if value >= 1e4]
    assert largest > 1e4
    assert shown
    assert set(shown) <= set(found)
    assert {str(term).replace("_", " ") for term in dataset["term"].values} <= set(found)
    assert "net" in found
    colours = {mpl.colors.to_hex(patch.get_facecolor()) for ax in figure.axes for patch in ax.patches}
    assert {mpl.colors.to_hex(colour) for colour in bars.term_colours(dataset)} <= colours  # as in the water sources


def test_contour_labels_stay_off_the_frame_and_each_other(dataset: xr.Dataset) -> None:
    ax = maps.drawdown_maps(dataset).axes[2]
    low, high = np.array([ax.get_xlim()[0], ax.get_ylim()[0]]), np.array([ax.get_xlim()[1], ax.get_ylim()[1]])
    labels = [text for text in ax.texts if text.get_gid() is None and text.get_text().replace(".", "").isdigit()]
    place = (np.array([text.get_position() for text in labels]) - low) / (high - low)
    assert len(labels) >= 2
    assert place.min() > 0.05
    assert place.max() < 0.95
    gaps = np.hypot(*(place[:, None] - place[None, :]).transpose(2, 0, 1)) + 9.0 * np.eye(len(labels))
    assert gaps.min() > 0.05


def test_run_without_rules_is_not_drawn_as_a_recovery(dataset: xr.Dataset) -> None:
    from aquirecover.output.views import is_restricted

    assert is_restricted(dataset)
    free = dataset.copy(deep=True)
    free["source_volume"][:] = 0.0
    assert not is_restricted(free)
    assert set(figure_plan(free)) == {"recovery_curves", "hydrographs", "drawdown_maps", "budget"}
    found = texts(curves.recovery_curves({"No restriction": free}))
    assert "compared from 1 January 2021" in found
    assert not any("last year before the restriction" in text for text in texts(bars.budget_bars(free)))


def test_times_that_nothing_reaches_are_not_drawn(dataset: xr.Dataset) -> None:
    assert maps.reaches(dataset, "before_pumping", 0.5)
    never = dataset.copy(deep=True)
    never["time_to_recovery"][:] = np.nan
    assert not maps.reaches(never, "before_pumping", 0.5)
    assert "recovery_time_maps" not in figure_plan(never)
