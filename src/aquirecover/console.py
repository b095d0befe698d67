"""What people read while they wait: lines, tables and progress bars on standard error, never on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aquirecover.runner import Listener

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress, Task, TaskID
    from rich.text import Text

    from aquirecover.runner import RunOutcome

PLAIN_WIDTH = 130


class PlainListener(Listener):
    """Writes lines, and a line of progress at each tenth."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tenth: dict[str, int] = {}

    def say(self, text: str) -> None:
        """Write a line."""
        self.console.say(text)

    def progress(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Write a line when another tenth is finished."""
        tenth = 10 * done // max(total, 1)
        if tenth > self.tenth.get(task, 0):
            self.tenth[task] = tenth
            self.console.say(f"{task}: {done} of {total} {detail}".rstrip())


class BarListener(Listener):
    """Draws one bar per task, with rate and time left."""

    live = True

    def __init__(self, console: Console, bars: Progress) -> None:
        self.console, self.bars = console, bars
        self.tasks: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        """Write a line above the bars."""
        self.console.say(text)

    def progress(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Move the bar of the task."""
        if task not in self.tasks:
            self.tasks[task] = self.bars.add_task(task, total=total, detail="")
        self.bars.update(self.tasks[task], completed=done, total=total, detail=detail)


class Console:
    """Standard error, with rich where it is a terminal and plain lines elsewhere.

    Parameters
    ----------
    quiet : bool
        Say nothing; errors do not come this way.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._rich: RichConsole | None = None

    @property
    def rich(self) -> RichConsole:
        """The console of rich, without markup: a name with ``[...]`` in it is printed as it is."""
        if self._rich is None:
            from rich.console import Console as RichConsole

            width = None if sys.stderr.isatty() else PLAIN_WIDTH
            self._rich = RichConsole(stderr=True, markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)
        return self._rich

    def say(self, text: str) -> None:
        """Write one line."""
        if not self.quiet:
            self.rich.print(text, soft_wrap=True)

    def table(self, facts: Mapping[str, Any], title: str) -> None:
        """Write names and values, one a line."""
        self.say(title)
        width = max((len(name) for name in facts), default=0)
        for name, value in facts.items():
            lines = list(value) if isinstance(value, list | tuple) else [value]
            for i, line in enumerate(lines or ["none"]):
                self.say(f"  {name.replace('_', ' ') if i == 0 else '':{width}}  {line}")

    def rows(self, rows: Iterable[Mapping[str, Any]], title: str) -> None:
        """Write records as a table."""
        from rich import box
        from rich.table import Table

        records = list(rows)
        if self.quiet or not records:
            return
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1))
        for name, value in records[0].items():
            table.add_column(name.replace("_", " "), justify="right" if _is_number(value) else "left", overflow="fold")
        for record in records:
            table.add_row(*(_cell(value) for value in record.values()))
        self.rich.print(table)

    def outcome(self, outcome: RunOutcome) -> None:
        """Say how a run ended: solver, budget, recovery, warnings, files."""
        self.say(outcome.summary)
        self.say(f"wrote {outcome.folder}")
        for name in outcome.files:
            self.say(f"  {name}")

    @contextmanager
    def progress(self) -> Iterator[Listener]:
        """Give a listener that shows progress as long as the block lasts."""
        if self.quiet:
            yield Listener()
        elif not self.rich.is_terminal:
            yield PlainListener(self)
        else:
            with _bars(self.rich) as bars:
                yield BarListener(self, bars)


def _is_number(value: Any) -> bool:
    """Tell whether a cell holds a number, also one that is written already."""
    return isinstance(value, int | float) or (
        isinstance(value, str)
        and value[-1:].isdigit()
        and value[:1] in "-0123456789"
        and value.replace(",", "").lstrip("-").replace(".", "", 1).isdigit()
    )


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _bars(console: RichConsole) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Parts finished per second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.3g}/s")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=console,
    )
