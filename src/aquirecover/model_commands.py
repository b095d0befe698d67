"""Commands that bring models of other programs in, and that prove this one. Only click is imported at start-up."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aquirecover.console import Console

if TYPE_CHECKING:
    from aquirecover.importing import ImportOutcome

PATH = click.Path(path_type=Path)
LENGTH_UNITS, TIME_UNITS = ("feet", "metres", "centimetres"), ("seconds", "minutes", "hours", "days", "years")


@click.group(name="import")
def import_group() -> None:
    """Turn a model of another program into a model here."""


@import_group.command()
@click.argument("path", type=PATH)
@click.argument("folder", type=PATH)
@click.option("--length-unit", type=click.Choice(LENGTH_UNITS), help="Unit of length, where the model does not say it.")
@click.option("--time-unit", type=click.Choice(TIME_UNITS), help="Unit of time, where the model does not say it.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Date of time zero, where the model has none.")
@click.option("--allow-partial", is_flag=True, help="Import what is supported, although something is not.")
@click.option("--allow-outside", is_flag=True, help="Let the model name files outside its folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")
def modflow(path: Path, folder: Path, as_json: bool, **given: Any) -> None:
    """Import a MODFLOW 6, MODFLOW-2005 or MODFLOW-NWT model into a new FOLDER.

    PATH is its name file (mfsim.nam of MODFLOW 6) or the folder that holds it.
    """
    from aquirecover.importing import import_modflow
    from aquirecover.modflow.imports.reader import ImportOptions

    start = given.pop("start")
    options = ImportOptions(
        length_unit=given.pop("length_unit") or "",
        time_unit=given.pop("time_unit") or "",
        start="" if start is None else start.date().isoformat(),
        **given,
    )
    outcome = import_modflow(path, folder, options)
    if as_json:
        record = {
            "folder": str(outcome.folder),
            "facts": outcome.facts,
            "report": outcome.report.sections,
            "files": outcome.files,
        }
        click.echo(json.dumps(record, indent=2, ensure_ascii=False))
    _tell(outcome)


def _tell(outcome: ImportOutcome) -> None:
    """Print what was imported, what of it needs attention, and what to do next."""
    console, report = Console(), outcome.report
    console.table({**outcome.facts, "report": _counts(outcome)}, title=f"imported {report.source} into {outcome.folder}")
    for title, items in report.sections.items():
        if items and title.startswith(("Not", "Approximated")):
            console.say(f"{title}:")
            for text in items:
                console.say(f"  - {text}")
    if report.unsupported:
        console.say("THIS IMPORT IS PARTIAL: heads and flows differ from those of MODFLOW.")
    if outcome.invalid:
        console.say("The model does not run before what is not valid is corrected in its files.")
        return
    console.say("next:")
    for command in ("validate", "run"):
        console.say(f"  aquirecover {command} {outcome.scenario}")


def _counts(outcome: ImportOutcome) -> str:
    report = outcome.report
    counts = (
        f"{len(report.kept)} kept",
        f"{len(report.converted)} converted",
        f"{len(report.approximated)} approximated",
        f"{len(report.left_out)} left out",
        f"{len(report.unsupported)} not supported",
    )
    return f"{', '.join(counts)} (import_report.md)"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Print only numbers that miss.")
def verify(as_json: bool, quiet: bool) -> None:
    """Solve published problems on this machine and compare with their answers.

    Exact solutions of flow to wells and from streams, MODFLOW's own test problem, and the sample problems of GWM-2005 and
    PEST++ for limits. Ends with 1 when a number is further from the published one than its tolerance.
    """
    from aquirecover.verification.checks import run_checks

    console = Console()
    with Console(quiet).progress() as listener:
        found = run_checks(lambda name, done, total: listener.progress("problems", done, total, name))
    missed = [number for number in found if not number.passed]
    if as_json:
        rows = [{**asdict(n), "got": n.got if math.isfinite(n.got) else None, "passed": n.passed} for n in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    shown = missed if quiet else found
    console.rows(
        [
            {
                "problem": number.problem,
                "what": number.what,
                "expected": f"{number.expected:.7g}",
                "got": f"{number.got:.7g}",
                "tolerance": f"{number.tolerance:.2g}",
                "unit": "" if number.unit == "1" else number.unit,
                "": "ok" if number.passed else "MISSED",
                "source": number.source,
            }
            for number in shown
        ],
        title="Published problems",
    )
    for number in missed:
        if number.error:
            console.say(f"{number.problem}: {number.error}")
    console.say(f"{len(found) - len(missed)} of {len(found)} numbers are within their tolerance.")
    if missed:
        sys.exit(1)
