"""The command line: parse, call, print, exit code. Only click is imported at start-up."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aquirecover import __version__
from aquirecover.console import Console
from aquirecover.model_commands import import_group, verify

if TYPE_CHECKING:
    from datetime import datetime

    from aquirecover.case.config import Kind
    from aquirecover.runner import RunOptions

PATH = click.Path(path_type=Path)  # a file that is missing is an error of the input (4), not of the usage (2)
INTERRUPTED = 130


class Program(click.Group):
    """A group of commands with one place where an error becomes a sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the module for the exit codes."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click knows what to do with these
        except KeyboardInterrupt as interrupt:
            click.echo(str(interrupt) or "Interrupted: nothing was written.", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            text, code = explain(error)
            click.echo(text, err=True)
            ctx.exit(code)


def explain(error: Exception) -> tuple[str, int]:
    """Return what to tell the user about an error, and the exit code."""
    from aquirecover.errors import AquirecoverError

    match error:
        case AquirecoverError():
            return str(error), error.exit_code
        case MemoryError():
            return "Not enough memory. Try a larger --cell-size; `aquirecover run -n` shows the memory that a run needs.", 7
        case FileNotFoundError():
            return f"{error.filename}: no such file.", 4
        case PermissionError():
            return f"{error.filename}: permission denied.", 7
        case OSError():
            return f"{error.filename or 'file system'}: {error.strerror or error}.", 7
    hint = "This is a fault of the program; `aquirecover --debug` before the command shows where it happened."
    return f"Unexpected {type(error).__name__}: {error}\n{hint}", 1


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="aquirecover %(version)s")
@click.option("--debug", is_flag=True, help="Show the full traceback of an error.")
def main(debug: bool) -> None:
    """How an aquifer recovers when pumping is restricted.

    Exit codes: 0 ok, 1 some runs failed, 2 usage, 3 configuration, 4 input file, 5 numerical failure, 6 output exists,
    7 resource, 130 interrupted.
    """


def split_settings(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return the ``key=value`` texts of an option as a mapping; a key that comes twice is refused."""
    settings: dict[str, str] = {}
    for text in values:
        key, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not key:
            raise click.BadParameter(f"{text!r}: write key=value, as layers.qp1.k=40.", ctx, param)
        if key in settings:
            raise click.BadParameter(f"{key!r} is given twice.", ctx, param)
        settings[key] = value
    return settings


def shared_options(command: Any) -> Any:
    """Add the options that every command with a scenario takes."""
    for option in (
        click.option("--allow-outside", is_flag=True, help="Let files name paths outside the workspace."),
        click.option(
            "--set", "overrides", multiple=True, metavar="KEY=VALUE", callback=split_settings, help="Replace a value; repeatable."
        ),
        click.option("--cell-size", metavar="LENGTH", help="Cell size, as 250m; the model's own by default."),
    ):
        command = option(command)
    return command


def make_options(**given: Any) -> RunOptions:
    """Return the options of a run from those of the command line."""
    from aquirecover.runner import RunOptions

    return RunOptions(**given)


@main.command()
@click.argument("folder", type=PATH)
def init(folder: Path) -> None:
    """Copy a small model with its scenarios into FOLDER, ready to run."""
    from aquirecover.project import copy_example

    copied = copy_example(folder)
    click.echo(f"wrote {len(copied)} files to {folder}; now try:", err=True)
    click.echo(f"  aquirecover run {folder / 'scenarios' / 'confined_basin' / 'ban.yaml'}", err=True)


@main.command()
@click.argument("file", type=PATH)
@shared_options
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on standard output.")
def validate(file: Path, as_json: bool, **given: Any) -> None:
    """Check a model, scenario or limit FILE and say what would be built."""
    from aquirecover.runner import validate_file

    summary = validate_file(file, make_options(**given))
    if as_json:
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    if "shape" not in summary:
        Console().table(summary, title=f"{file}: no errors")
        return
    layers, rows, columns = summary.pop("shape")
    facts = {"grid": f"{layers} layers x {rows} rows x {columns} columns", **summary, "inputs": list(summary["inputs"])}
    Console().table(facts, title=f"{file}: no errors")


@main.command()
@click.argument("file", type=PATH)
@shared_options
@click.option("-o", "--out", "folder", type=PATH, help="Folder for the results; results/<scenario> by default.")
@click.option("--overwrite", is_flag=True, help="Replace results that exist.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run: cells, steps, memory, time.")
@click.option(
    "--engine",
    type=click.Choice(["native", "modflow6", "both"]),
    default="native",
    show_default=True,
    help="What simulates; both compares the two and stores both results.",
)
@click.option("--mf6", type=PATH, metavar="PATH", help="The MODFLOW 6 program; mf6 on PATH by default.")
@click.option("--no-figures", is_flag=True, help="Write no figures.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def run(file: Path, dry_run: bool, no_figures: bool, as_json: bool, quiet: bool, **given: Any) -> None:
    """Simulate the scenario (or model) FILE and write results, tables and figures."""
    from aquirecover import runner

    options = make_options(**given, figures=not no_figures)
    console = Console(quiet)
    if dry_run:
        plan = runner.plan_run(file, options)
        if as_json:
            click.echo(json.dumps(plan, indent=2))
        else:
            console.table(plan, title=f"{file}: would run")
        return
    if options.engine == "both":
        cross_check(file, options, console, as_json)
        return
    with console.progress() as listener:
        outcome = runner.run_scenario(file, options, listener)
    if as_json:
        click.echo(json.dumps(outcome.to_dict(), indent=2))
    console.outcome(outcome)


def cross_check(file: Path, options: RunOptions, console: Console, as_json: bool) -> None:
    """Run both engines, say how well they agree, and end with 1 when they differ."""
    from aquirecover.crosscheck import run_both

    with console.progress() as listener:
        found = run_both(file, options, listener)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    for outcome in found.outcomes:
        console.outcome(outcome)
    console.say(f"wrote {found.table}")
    console.say(found.sentence)
    if not found.agreement.agrees:
        sys.exit(1)


@main.command()
@click.argument("paths", type=PATH, nargs=-1, required=True)
@shared_options
@click.option("-o", "--out", "folder", type=PATH, default=Path("results"), show_default=True, help="Folder for all results.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Processes at a time; one per core by default.")
@click.option("--force", is_flag=True, help="Run again what is finished.")
@click.option("--no-figures", is_flag=True, help="Write no figures.")
@click.option("--json", "as_json", is_flag=True, help="Print the index as JSON on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def batch(
    paths: tuple[Path, ...],
    folder: Path,
    jobs: int | None,
    force: bool,
    no_figures: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Run several scenarios: files, folders of scenarios, or a batch file.

    A scenario that fails does not stop the others; what is finished is skipped when the batch is called again.
    """
    from aquirecover.batch import run_batch

    console = Console(quiet)
    options = make_options(**given, figures=not no_figures)
    with console.progress() as listener:
        rows = run_batch(paths, folder, options, jobs=jobs, force=force, listener=listener)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    console.rows(rows, title=f"{folder / 'index.csv'}")
    failed = [row for row in rows if row["status"] == "failed"]
    if failed:
        click.echo(f"{len(failed)} of {len(rows)} scenarios failed.", err=True)
        sys.exit(1)


@main.command()
@click.argument("file", type=PATH)
@shared_options
@click.option("-o", "--out", "folder", type=PATH, help="Folder for the results; results/<file> by default.")
@click.option("--cache", type=PATH, help="Folder that keeps runs that have ended; responses in that of the results by default.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Processes for the realizations of a risk; one per core by default.")
@click.option("--overwrite", is_flag=True, help="Replace results that exist.")
@click.option("--no-figures", is_flag=True, help="Write no figures.")
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def limits(file: Path, cache: Path | None, jobs: int | None, no_figures: bool, as_json: bool, quiet: bool, **given: Any) -> None:
    """Find how much may be pumped safely under the rules of a limit FILE.

    Writes tables, limits.nc, limits.json and figures. The limit is proved by running the full model at it and a little
    above it; where there is none, the rules that cannot hold are named. With a risk in the file it is also looked at in many
    realizations of the model's priors. A search that was interrupted goes on when called again.
    """
    from aquirecover.limit_runner import run_limits

    console = Console(quiet)
    with console.progress() as listener:
        outcome = run_limits(file, make_options(**given, figures=not no_figures), listener, cache, jobs)
    if as_json:
        click.echo(json.dumps(outcome.to_dict(), indent=2, ensure_ascii=False))
    console.rows(outcome.shown, title=f"{outcome.folder / 'limits.csv'}")
    for sentence in (outcome.summary, *outcome.risk.get("sentences", ())):
        console.say(sentence)


@main.command()
@click.argument("file", type=PATH)
@click.option(
    "--saline",
    multiple=True,
    metavar="AQUIFER=AREA",
    callback=split_settings,
    help="Area of the model with saline water; repeatable.",
)
@click.option("--subsided", metavar="AREA", help="Area of the model whose ground has subsided.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of the rates; the end of the model by default.")
@click.option("-o", "--out", "folder", type=PATH, default=Path("zones"), show_default=True, help="Folder for the files.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--allow-outside", is_flag=True, help="Let files name paths outside the workspace.")
def zones(file: Path, saline: dict[str, str], subsided: str | None, day: datetime | None, folder: Path, **given: Any) -> None:
    """Draw the restriction zones of Vietnamese law round the wells and the saline water of a model FILE.

    Writes zones.geojson, zones.csv and zones.png. Zone 1: near saline water and subsided ground; zone 2: round wells, by
    what each is permitted or, without a permit, pumps.
    """
    from aquirecover.zoning import write_zones

    date = None if day is None else day.date()
    for path in write_zones(file, folder, saline=saline, subsided=subsided, day=date, **given):
        Console().say(f"wrote {path}")


@main.group()
def export() -> None:
    """Write a scenario in the files of another program."""


@export.command("modflow6")
@click.argument("file", type=PATH)
@click.argument("folder", type=PATH)
@shared_options
@click.option("--parts", type=click.IntRange(1), default=1, help="Models to cut the grid into, for a parallel run.")
def export_modflow6(file: Path, folder: Path, parts: int, **given: Any) -> None:
    """Write the scenario (or model) FILE as a MODFLOW 6 model into a new FOLDER, with a README."""
    from aquirecover.modflow.export import export_model

    case = make_options(**given).load(file)
    names = export_model(case.problem, folder, case.modflow, parts)
    click.echo(f"wrote {len(names)} files to {folder}; {folder / 'README.md'} says how to run them", err=True)


@main.command()
@click.argument("folders", type=PATH, nargs=-1, required=True)
@click.option("-o", "--out", "target", type=PATH, help="Folder for the figures; comparison beside the first result by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON on standard output.")
def compare(folders: tuple[Path, ...], target: Path | None, as_json: bool) -> None:
    """Compare the recovery of several result FOLDERS: a table and figures."""
    from aquirecover.review import compare_results

    rows, figures = compare_results(folders, target)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    console = Console()
    console.rows(rows, title="Recovery")
    for path in figures:
        console.say(f"wrote {path}")


@main.command()
@click.argument("folder", type=PATH)
def plot(folder: Path) -> None:
    """Draw the figures of a result FOLDER again."""
    from aquirecover.review import redraw

    for path in redraw(folder):
        Console().say(f"wrote {path}")


@main.command()
@click.argument("kind", type=click.Choice(["model", "scenario", "batch", "limits"]), default="scenario", metavar="[KIND]")
def schema(kind: Kind) -> None:
    """Print the JSON schema of a file of KIND model, scenario (default), batch or limits."""
    from aquirecover.case.config import json_schema

    click.echo(json.dumps(json_schema(kind), indent=2, ensure_ascii=False))


@main.command()
@click.option("--mf6", type=PATH, metavar="PATH", help="The MODFLOW 6 program; mf6 on PATH by default.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def doctor(mf6: Path | None, as_json: bool) -> None:
    """Show versions, cores, memory and caches: what to send with a question."""
    from aquirecover.machine import examine

    facts = examine(mf6)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        Console().table(facts, title="aquirecover")


main.add_command(import_group)
main.add_command(verify)
