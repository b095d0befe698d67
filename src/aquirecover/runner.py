"""One run from a scenario file to a folder of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Listener:
    """Hears how a run goes on and keeps still; the base of those that speak.

    Attributes
    ----------
    live : bool
        Shows every sign of progress as it comes, as bars on a terminal do.
    """

    live = False

    def say(self, text: str) -> None:
        """Hear one line for people."""

    def progress(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Hear that `done` of `total` parts of `task` are finished."""


@dataclass(frozen=True)
class RunOptions:
    """What the caller of a run may choose.

    Parameters
    ----------
    folder : Path or None
        For the results; ``results/<scenario>`` by default.
    cell_size : str or None
        As ``250m``; the model's own by default.
    overrides : mapping
        Values by dotted key, as ``layers.qp1.k``.
    allow_outside : bool
        Let files name paths outside the workspace.
    overwrite : bool
        Replace results that exist.
    engine : str
        ``native`` or ``modflow6``.
    figures : bool
        Draw figures.
    """

    folder: Path | None = None
    cell_size: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    allow_outside: bool = False
    overwrite: bool = False
    engine: str = "native"
    figures: bool = True
