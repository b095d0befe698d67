"""MODFLOW 6 as the second engine: a problem is written, run and read back as a `FlowResult`, as the native engine gives it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aquirecover.modflow.engine import simulate, solve_steady
    from aquirecover.modflow.program import Program, find_program
    from aquirecover.modflow.settings import ModflowSettings

__all__ = ["ModflowSettings", "Program", "find_program", "simulate", "solve_steady"]

_HOME = {
    "ModflowSettings": "settings",
    "Program": "program",
    "find_program": "program",
    "simulate": "engine",
    "solve_steady": "engine",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the settings and the search for the program need no simulator."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
