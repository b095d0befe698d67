"""Looking at results that are there: the recovery in brief, figures drawn again, and several runs compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.errors import ConfigError, Finding

if TYPE_CHECKING:
    import xarray as xr


def recovery_rows(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """Return a record per aquifer: mean heads over the part of the model that the study is about, and the recovery.

    Empty without a restriction. Means of a year where the run has seasons; ``recovered_percent`` is the rise over the distance
    to the equilibrium without pumping, None where that is too small to say.
    """
    from aquirecover.output.views import aquifer_layers, area_mean

    if "start_head" not in dataset:
        return []
    known = [str(name) for name in dataset["reference"].values]
    records = []
    for aquifer in aquifer_layers(dataset):
        start, end = (float(area_mean(dataset, dataset[name].values, aquifer)) for name in ("start_head", "end_head"))
        record: dict[str, Any] = {"aquifer": aquifer, "head_at_start_m": round(start, 3), "head_at_end_m": round(end, 3)}
        if "no_pumping" in known:
            level = dataset["recovery_reference_head"].values[known.index("no_pumping")]
            fraction = dataset["recovery_fraction"].values[known.index("no_pumping")]
            aim = float(area_mean(dataset, level, aquifer))
            clear = bool(np.isfinite(area_mean(dataset, fraction, aquifer)))
            record["head_without_pumping_m"] = round(aim, 3)
            record["recovered_percent"] = round(100.0 * (end - start) / (aim - start), 1) if clear else None
        records.append(record)
    return records


def compare_results(folders: Sequence[Path], target: Path | None = None) -> tuple[list[dict[str, Any]], list[Path]]:
    """Compare the recovery of several results of one model.

    Parameters
    ----------
    folders : sequence of Path
        Result folders or files.
    target : Path, optional
        Folder for the figures; ``comparison`` beside the first result by default. Figures that are there are replaced.

    Returns
    -------
    rows : list of dict
        A record per result and aquifer, see `recovery_rows`.
    figures : list of Path
        Written.

    Raises
    ------
    InputFileError
        When a folder holds no result.
    ConfigError
        When the results are of models with different aquifers.
    """
    from aquirecover.output.figures import save_figures
    from aquirecover.output.results import open_results

    datasets = {name: open_results(folder) for name, folder in zip(_names(folders), folders, strict=True)}
    _refuse_other_models(datasets)
    figures = save_figures(datasets, target or folders[0].parent / "comparison", overwrite=True)
    return [{"scenario": name, **row} for name, dataset in datasets.items() for row in recovery_rows(dataset)], figures


def _refuse_other_models(datasets: Mapping[str, xr.Dataset]) -> None:
    """Raise `ConfigError` when results have not the aquifers of the first one."""
    from aquirecover.output.views import aquifer_layers

    aquifers = {name: ", ".join(aquifer_layers(dataset)) for name, dataset in datasets.items()}
    first = next(iter(aquifers))
    other = [
        Finding(name, f"has the aquifers {found}, and {first} has {aquifers[first]}: compare results of one model.")
        for name, found in aquifers.items()
        if found != aquifers[first]
    ]
    if other:
        raise ConfigError(other)


def redraw(folder: Path) -> list[Path]:
    """Draw the figures of a result, or of a limit, again, in place of those that are there, and return them.

    Raises
    ------
    InputFileError
        When the folder holds no result.
    """
    from aquirecover.output.figures import save_figure, save_figures
    from aquirecover.output.limit_charts import figure_plan
    from aquirecover.output.limit_dataset import LIMITS_FORMAT, LIMITS_NAME
    from aquirecover.output.results import open_results

    if (folder / LIMITS_NAME).is_file():
        plan = figure_plan(open_results(folder / LIMITS_NAME, LIMITS_FORMAT))
        return [save_figure(make(), folder / f"{name}.png", overwrite=True) for name, make in plan.items()]
    return save_figures(open_results(folder), folder / "figures", overwrite=True)


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the names of folders, with that of their parents where two are the same."""
    names = [folder.resolve().name for folder in folders]
    return [
        name if names.count(name) == 1 else f"{folder.resolve().parent.name}/{name}"
        for name, folder in zip(names, folders, strict=True)
    ]
