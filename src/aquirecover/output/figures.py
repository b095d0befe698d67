"""All figures of a run, or of several runs together, as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aquirecover.output import bars, curves, maps
from aquirecover.output.files import refuse_existing, replace_file
from aquirecover.output.recovery import PREFERRED_REFERENCES
from aquirecover.output.style import in_style
from aquirecover.output.views import aquifer_layers, is_restricted

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")


def save_figures(
    datasets: xr.Dataset | Mapping[str, xr.Dataset],
    folder: Path | str,
    *,
    formats: Sequence[str] = ("png",),
    overwrite: bool = False,
    progress: Callable[[int, int, str], object] | None = None,
) -> list[Path]:
    """Draw and write every figure that the results have the numbers for.

    Parameters
    ----------
    datasets : xarray.Dataset or mapping of str to xarray.Dataset
        One result, drawn in full; or several of one model by the names to show, drawn side by side.
    folder : path-like
        Made when missing.
    formats : sequence of str
        Of ``png`` (200 dpi), ``pdf`` and ``svg``.
    overwrite : bool
        Replace files that exist.
    progress : callable, optional
        Gets the number of figures done, of all, and the name of the next one.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputExistsError
        When a file exists and `overwrite` is not set; nothing is written then.
    ValueError
        When a format is unknown.
    """
    wrong = [name for name in formats if name not in FORMATS]
    if wrong:
        raise ValueError(f"formats = {wrong[0]!r}: must be one of {', '.join(FORMATS)}.")
    planned = figure_plan(datasets)
    targets = {name: [Path(folder) / f"{name}.{kind}" for kind in formats] for name in planned}
    refuse_existing([path for paths in targets.values() for path in paths], overwrite=overwrite)
    for done, (name, make) in enumerate(planned.items()):
        if progress is not None:
            progress(done, len(planned), name)
        figure = make()
        for path in targets[name]:
            save_figure(figure, path, overwrite=overwrite)
    return [path for paths in targets.values() for path in paths]


def figure_plan(datasets: xr.Dataset | Mapping[str, xr.Dataset]) -> dict[str, Callable[[], Figure]]:
    """Return the figures that can be drawn, by file name, as functions that draw them."""
    if isinstance(datasets, Mapping) and not hasattr(datasets, "data_vars"):
        return _common_plan(dict(datasets))
    dataset: xr.Dataset = datasets  # type: ignore[assignment]
    plan = _common_plan({str(dataset.attrs["title"]): dataset})
    plan["drawdown_maps"] = lambda: maps.drawdown_maps(dataset)
    restricted = is_restricted(dataset)
    if restricted:
        plan["recovery_maps"] = lambda: maps.recovery_maps(dataset)
    if restricted and "recovery_fraction" in dataset:
        known = [str(name) for name in dataset["reference"].values]
        reference = next((name for name in PREFERRED_REFERENCES if name in known), None)
        if reference is not None:
            known_fractions = dataset["fraction"].values.tolist()
            fractions = sorted({_nearest(known_fractions, 0.5), _nearest(known_fractions, 0.9)})
            plan["recovery_fraction_maps"] = lambda: maps.fraction_maps(dataset, reference)
            if maps.reaches(dataset, reference, fractions[0]):
                plan["recovery_time_maps"] = lambda: maps.recovery_time_maps(dataset, reference, fractions)
    if restricted and "late_time_to_recovery" in dataset:
        plan["late_recovery_maps"] = lambda: maps.late_recovery_maps(dataset)
    plan["budget"] = lambda: bars.budget_bars(dataset)
    if restricted and "source_volume" in dataset:
        plan["water_sources"] = lambda: bars.water_sources(dataset)
    return plan


def _common_plan(datasets: dict[str, xr.Dataset]) -> dict[str, Callable[[], Figure]]:
    """Return the figures that one result or several may fill."""
    first = next(iter(datasets.values()))
    plan: dict[str, Callable[[], Figure]] = {}
    if aquifer_layers(first):
        plan["recovery_curves"] = lambda: curves.recovery_curves(datasets)
    if "observation" in first.dims:
        plan["hydrographs"] = lambda: curves.hydrographs(datasets)
    if len(datasets) > 1:
        plan["comparison"] = lambda: bars.comparison(datasets)
    return plan


def _nearest(values: Sequence[float], wanted: float) -> float:
    """Return the value nearest to the one wanted."""
    return float(min(values, key=lambda value: abs(float(value) - wanted)))


@in_style
def save_figure(figure: Figure, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a figure in the format of its name, without the date, so that equal figures are equal files; see `replace_file`."""
    kind = Path(path).suffix.removeprefix(".")
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
    return replace_file(path, lambda part: figure.savefig(part, format=kind, metadata=metadata), overwrite=overwrite)
