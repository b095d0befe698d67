"""The folder of a limit: tables, a dataset and figures, all of one search or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.zoning import rings

if TYPE_CHECKING:
    from aquirecover.case.limit_case import LimitCase
    from aquirecover.flow.arrays import FloatArray
    from aquirecover.flow.problem import FlowResult, Problem
    from aquirecover.output.limit_dataset import LimitStory
    from aquirecover.output.limit_tables import LimitTables
    from aquirecover.study.limits import LimitResult
    from aquirecover.study.response import SimulateAll

# Names that a search may have written; those that the next one does not write again are removed.
TABLES = (
    "by_district.csv", "limits.csv", "binding.csv", "certificate.csv", "supplies.csv", "trade_off.csv", "bisection.csv",
    "dry_seasons.csv", "curves.csv", "report.md",
)  # fmt: skip
RISK = ("reliability.csv", "reliable_limits.csv", "priors.csv", "realizations.csv", "reliability.png")
FIGURES = ("limits.png", "headroom_map.png", "binding_map.png", "trade_off.png", "recovery_curves.png")
DATASET, LAST = "limits.nc", "limits.json"
OWNED = (*TABLES, *RISK, *FIGURES, DATASET, LAST)


def compared_runs(made: LimitCase, result: LimitResult, simulate_all: SimulateAll) -> dict[str, FlowResult]:
    """Return runs with present pumping, at the limit, and without what is decided, with the heads of every period.

    Rates without a present value, as of injection, are 0 at present.
    """
    from aquirecover.output.limit_dataset import RUNS
    from aquirecover.study.decisions import decided

    question = made.question
    present = np.array([np.nan_to_num(d.present) if d.acts else 0.0 for d in question.decisions])
    problems: list[Problem] = [
        decided(question.problem, question.decisions, x) for x in (present, result.x, np.zeros(present.size))
    ]
    return dict(zip(RUNS, simulate_all(problems), strict=True))


def story_of(
    made: LimitCase,
    result: LimitResult,
    tables: LimitTables,
    curve: Sequence[Mapping[str, Any]],
    runs: Mapping[str, FlowResult],
) -> LimitStory:
    """Return all that is told of a limit."""
    from aquirecover.output.limit_dataset import LimitStory

    return LimitStory(
        made.title,
        made.question,
        result,
        tables,
        made.info,
        runs,
        made.history,
        made.before_pumping,
        curve,
        "" if made.curve is None else made.curve.label,
        _districts(made),
        made.laws,
    )


def _districts(made: LimitCase) -> dict[str, list[FloatArray]]:
    """Return the outlines and holes of the districts that maps of the model draw; m."""
    model = made.case.config.get("model", {})
    reference = (model.get("map") or {}).get("district")
    if not reference:
        return {}
    found = made.case.site.places.labelled("areas", str(reference).partition("/")[0])
    return {name: rings([geometry]) for name, geometry in found.items()}


def seasons_of(made: LimitCase, result: LimitResult) -> list[dict[str, Any]]:
    """Return the mean levels of dry seasons of all wells with a lawful level at the limit, a row each."""
    from aquirecover.output.limit_seasons import season_rows

    rows = []
    for own in made.watched:
        held, n = own.seasons, own.seasons.lawful.size
        mean = result.outcome.values[own.numbers].reshape(-1, n)
        places = held.rows.place[:n]
        rows += season_rows(own.rule, places, own.aquifer, held.seasons, mean, held.rows.lower[:n], held.lawful, held.ground)
    return rows


def write_limit_files(
    folder: Path, story: LimitStory, about: Mapping[str, Any], priors: Sequence[Mapping[str, Any]], *, figures: bool
) -> None:
    """Write the page, tables, dataset and figures of a limit into an empty folder."""
    from aquirecover.output.figures import save_figure
    from aquirecover.output.files import replace_file
    from aquirecover.output.limit_charts import figure_plan
    from aquirecover.output.limit_dataset import curve_rows, limits_dataset
    from aquirecover.output.limit_report import limit_report
    from aquirecover.output.limit_tables import write_limits
    from aquirecover.output.results import write_dataset

    dataset = limits_dataset(story)
    write_dataset(dataset, folder / DATASET)
    if figures:
        for name, make in figure_plan(dataset).items():
            save_figure(make(), folder / f"{name}.png")
    page = limit_report(about, story.tables, story.curve, story.curve_label, priors).encode()
    replace_file(folder / "report.md", lambda part: part.write_bytes(page))
    heads = curve_rows(dataset) if dataset.sizes["time"] > 1 else []
    write_limits(folder, story.tables, story.curve, heads, about, overwrite=False)
