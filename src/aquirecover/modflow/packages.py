"""Stresses and fixed heads as MODFLOW 6 packages: a list of cells with values for each period in which they change."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.stresses import (
    Drain,
    Evapotranspiration,
    FixedHead,
    FlowBarrier,
    GeneralHead,
    Recharge,
    River,
    Stress,
    Wells,
    in_period,
)
from aquirecover.modflow.files import ModelFolder, block

LONGEST_NAME = 16
LONGEST_OBSERVATION = 40
Columns = Callable[[int], tuple[FloatArray, ...]]
CellId = Callable[[IntArray], tuple[IntArray, ...]]


@dataclass(frozen=True, eq=False)
class Package:
    """A package of stresses.

    Parameters
    ----------
    kind : str
        ``WEL``, ``RIV``, …
    name : str
        Unique, at most 16 characters.
    cell : ndarray of int
        Flat cell numbers, shape ``(n,)``; a cell may come more than once.
    columns : callable
        Gives the values of a period, each of shape ``(n,)``.
    varies : bool
        Whether they differ between periods.
    options, dimensions : tuple of str
        Further lines.
    """

    kind: str
    name: str
    cell: IntArray
    columns: Columns
    varies: bool
    options: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}.{self.kind.lower()}"


def packages_of(problem: Problem) -> list[Package]:
    """Return a package for each stress and fixed head, in the order of the terms of the budget."""
    names = unique_names(problem.terms[1:])
    n_stress = len(problem.stresses)
    stresses = [_package(stress, name) for stress, name in zip(problem.stresses, names[:n_stress], strict=True)]
    return stresses + [_fixed_head(fixed, name) for fixed, name in zip(problem.fixed_heads, names[n_stress:], strict=True)]


def unique_names(given: Sequence[str], longest: int = LONGEST_NAME) -> list[str]:
    """Return names of letters, digits, ``-`` and ``_`` that MODFLOW can tell apart, whatever their case."""
    names: list[str] = []
    taken: set[str] = set()
    for name in given:
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:longest] or "package"
        choice, n = plain, 1
        while choice.lower() in taken:
            n += 1
            choice = f"{plain[: longest - 1 - len(str(n))]}_{n}"
        taken.add(choice.lower())
        names.append(choice)
    return names


def _package(stress: Stress, name: str) -> Package:
    """Return the package of a stress; `equivalent.check_equivalence` has refused those that have none."""
    match stress:
        case Wells():
            return _wells(stress, name)
        case Recharge():
            # without FIXED_CELL it would move down where the standard formulation has a dry cell
            return _listed("RCH", name, stress.cell, (stress.recharge_rate,), ("FIXED_CELL",))
        case River():
            return _listed("RIV", name, stress.cell, (stress.stage, stress.conductance, stress.bottom_elevation))
        case Drain():
            return _listed("DRN", name, stress.cell, (stress.elevation, stress.conductance))
        case GeneralHead():
            return _listed("GHB", name, stress.cell, (stress.boundary_head, stress.conductance))
        case Evapotranspiration():
            series = (stress.surface, stress.rate, stress.extinction_depth)
            return _listed("EVT", name, stress.cell, series, ("FIXED_CELL",), ("NSEG 1",))
    raise TypeError(f"{type(stress).__name__}: MODFLOW 6 has no such stress.")


def _fixed_head(fixed: FixedHead, name: str) -> Package:
    return _listed("CHD", name, fixed.cell, (fixed.head,))


def _listed(
    kind: str,
    name: str,
    cell: IntArray,
    series: tuple[FloatArray, ...],
    options: tuple[str, ...] = (),
    dimensions: tuple[str, ...] = (),
) -> Package:
    """Return a package whose columns are series of a stress."""

    def columns(period: int) -> tuple[FloatArray, ...]:
        return tuple(in_period(values, period) for values in series)

    return Package(kind, name, cell, columns, any(values.ndim == 2 for values in series), options, dimensions)


def _wells(wells: Wells, name: str) -> Package:
    """Return the package of wells: pumping, which fades in drying cells, and after it injection where there is any."""
    injects = bool(np.any(wells.injection_rate > 0.0))

    def columns(period: int) -> tuple[FloatArray, ...]:
        pumped = in_period(wells.pumping_rate, period)[wells.well] * wells.fraction
        if not injects:
            return (0.0 - pumped,)
        return (np.concatenate((0.0 - pumped, in_period(wells.injection_rate, period)[wells.well] * wells.fraction)),)

    cell = np.concatenate((wells.cell, wells.cell)) if injects else wells.cell
    options = (f"AUTO_FLOW_REDUCE {wells.flow_reduction!r}",) if wells.flow_reduction > 0.0 else ()
    return Package("WEL", name, cell, columns, wells.pumping_rate.ndim == 2 or wells.injection_rate.ndim == 2, options)


def write_package(folder: ModelFolder, name: str, package: Package, cellid: CellId, n_period: int) -> None:
    """Write a package as a file of a name; every list is complete, so that a rate that ends is written as zero.

    A period without a block keeps the list of the one before it, which is why equal lists are written once.
    """
    lines = block("options", ("  SAVE_FLOWS", *(f"  {option}" for option in package.options)))
    lines += block("dimensions", (f"  MAXBOUND {package.cell.size}", *(f"  {text}" for text in package.dimensions)))
    ids, before = cellid(package.cell), ""
    for period in range(n_period if package.varies else 1):
        rows = folder.rows(f"{name}.{period + 1}", ids, package.columns(period))
        if rows != before:
            lines += block(f"period {period + 1}", (f"  {rows}",))
        before = rows
    folder.text(name, lines)


def write_barriers(folder: ModelFolder, name: str, barriers: Sequence[FlowBarrier], cellid: CellId) -> None:
    """Write all flow barriers as one HFB package, the only one that a model may have."""
    cell, neighbour, characteristic = (
        np.concatenate([getattr(barrier, field) for barrier in barriers])
        for field in ("cell", "neighbour", "hydraulic_characteristic")
    )
    columns = [*cellid(cell), *cellid(neighbour)]
    rows = [
        "  " + " ".join([*(str(int(i)) for i in ids), repr(float(value))])
        for *ids, value in zip(*columns, characteristic, strict=True)
    ]
    lines = block("dimensions", (f"  MAXHFB {cell.size}",)) + block("period 1", rows)
    folder.text(f"{name}.hfb", lines)


def write_observations(folder: ModelFolder, name: str, observations: Observations, cellid: CellId) -> None:
    """Write an OBS package that keeps the head of every step at observation points, in a CSV table with a column for each."""
    names = unique_names(observations.names, LONGEST_OBSERVATION)
    places = zip(*cellid(observations.cell), strict=True)
    rows = [f"  {point} HEAD {' '.join(str(int(i)) for i in place)}" for point, place in zip(names, places, strict=True)]
    lines = block("options", ("  DIGITS 12",))
    folder.text(f"{name}.obs", [*lines, f"BEGIN continuous FILEOUT {name}.obs.csv", *rows, "END continuous"])
