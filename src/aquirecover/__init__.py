"""Groundwater recovery under pumping restrictions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from aquirecover.case.scenario import load_problem
    from aquirecover.flow.grid import Grid
    from aquirecover.flow.many import simulate_many
    from aquirecover.flow.problem import Problem
    from aquirecover.flow.properties import AquiferProperties
    from aquirecover.flow.schedule import Schedule
    from aquirecover.flow.simulate import simulate
    from aquirecover.flow.stresses import FixedHead, GeneralHead, Recharge, Wells
    from aquirecover.output.results import open_results

__all__ = [
    "AquiferProperties",
    "FixedHead",
    "GeneralHead",
    "Grid",
    "Problem",
    "Recharge",
    "Schedule",
    "Wells",
    "load_problem",
    "open_results",
    "simulate",
    "simulate_many",
]

_HOME = {
    "AquiferProperties": "flow.properties",
    "FixedHead": "flow.stresses",
    "GeneralHead": "flow.stresses",
    "Grid": "flow.grid",
    "Problem": "flow.problem",
    "Recharge": "flow.stresses",
    "Schedule": "flow.schedule",
    "Wells": "flow.stresses",
    "load_problem": "case.scenario",
    "open_results": "output.results",
    "simulate": "flow.simulate",
    "simulate_many": "flow.many",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the import of the package itself stays fast."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
