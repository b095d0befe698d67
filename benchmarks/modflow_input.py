"""The problems P1 to P5 as input of MODFLOW 6, written with flopy from the numbers of `problems`.

Solver settings are the fastest of some twenty that were tried for each problem, with one closure but for P5: conjugate gradients
with modified incomplete Cholesky (relaxation 0.99) without scaling or reordering; with a water table BiCGSTAB (relaxation 1) and
delta-bar-delta under-relaxation. Reverse Cuthill-McKee or minimum-degree reordering, fill levels 3 to 7 and IMS's COMPLEX default
were 1.5 to 25 times slower or failed.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from benchmarks.problems import Basin

CLOSURE: dict[str, Any] = {
    "outer_dvclose": 1e-4, "inner_dvclose": 1e-5, "outer_maximum": 100, "inner_maximum": 500, "number_orthogonalizations": 0,
    "preconditioner_levels": 0, "preconditioner_drop_tolerance": 0.0, "scaling_method": "NONE", "reordering_method": "NONE",
}  # fmt: skip
# a linear step is done after one solve, whatever the largest head change
LINEAR = {**CLOSURE, "complexity": "SIMPLE", "linear_acceleration": "CG", "relaxation_factor": 0.99, "outer_dvclose": 1e6}
# heads of P5 would end 2 mm off, and shall be within 1 mm
PLAIN = {**LINEAR, "inner_dvclose": 3e-6}
NEWTON = {
    **CLOSURE, "complexity": "MODERATE", "linear_acceleration": "BICGSTAB", "relaxation_factor": 1.0, "under_relaxation": "DBD",
    "under_relaxation_theta": 0.9, "under_relaxation_kappa": 1e-4, "under_relaxation_gamma": 0.0,
    "under_relaxation_momentum": 0.0,
}  # fmt: skip
TIGHT = {"outer_dvclose": 1e-9, "inner_dvclose": 1e-10, "inner_maximum": 1000, "outer_maximum": 500}


def write(name: str, folder: Path, steps: int | None = None, tight: bool = False, factors: Sequence[float] = ()) -> None:
    """Write the input of a problem into a new folder.

    Parameters
    ----------
    name : str
        P1 to P5, P1s to P4s.
    folder : Path
        Replaced when it exists.
    steps : int, optional
        Months, or steps of P5, instead of the full number.
    tight : bool
        Closure 1e-9 m.
    factors : sequence of float
        By which the groups of wells of a basin pump more or less.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    water_table = name.removesuffix("s") in {"P3", "P4"}
    ims = {**(NEWTON if water_table else PLAIN if name == "P5" else LINEAR), **(TIGHT if tight else {})}
    if name == "P5":
        _write_plain(folder, ims, steps or problems.PLAIN_STEPS)
    else:
        _write_basin(folder, replace(problems.basin(name, steps), factors=tuple(factors)), ims)
    file = next(folder.glob("*.ims"))
    # flopy would write a second item into this line, which MODFLOW takes for an option
    closure = "1e-6 STRICT" if tight else "0.01"
    file.write_text(file.read_text().replace("BEGIN linear\n", f"BEGIN linear\n  INNER_RCLOSE {closure}\n"))


def _start(folder: Path, periods: list[tuple[float, int, float]], ims: dict[str, Any], newton: bool) -> tuple[Any, Any]:
    import flopy

    sim = flopy.mf6.MFSimulation(sim_name="model", sim_ws=str(folder))
    flopy.mf6.ModflowTdis(sim, time_units="DAYS", nper=len(periods), perioddata=periods)
    flopy.mf6.ModflowIms(sim, csv_outer_output_filerecord="outer.csv", **ims)
    return sim, flopy.mf6.ModflowGwf(sim, modelname="model", newtonoptions="NEWTON UNDER_RELAXATION" if newton else None)


def _finish(sim: Any, gwf: Any, periods: int, wells: Iterable[tuple[int, ...]]) -> None:
    """Ask for the heads of the last step, the heads of ten wells at every step, and the budget of every step."""
    import flopy

    kept = {0: [], periods - 1: [("HEAD", "LAST")]} if periods > 1 else {0: [("HEAD", "LAST")]}
    flopy.mf6.ModflowGwfoc(gwf, head_filerecord="model.hds", budgetcsv_filerecord="budget.csv", saverecord=kept)
    observed = [(f"W{i}", "HEAD", cell) for i, cell in enumerate(wells)]
    flopy.mf6.ModflowUtlobs(gwf, filename="model.obs", digits=12, continuous={"obs.csv": observed})
    sim.write_simulation(silent=True)


def _write_basin(folder: Path, basin: Basin, ims: dict[str, Any]) -> None:
    import flopy

    n, size, k = basin.n, basin.size, problems.K
    periods = [(1.0, 1, 1.0)] + [(problems.MONTH, 1, 1.0)] * basin.months
    sim, gwf = _start(folder, periods, ims, basin.water_table)
    flopy.mf6.ModflowGwfdis(
        gwf, length_units="METERS", nlay=k.size, nrow=n, ncol=n, delr=size, delc=size, top=problems.TOP, botm=problems.BOTTOM
    )
    convertible = [int(basin.water_table), 0, 0, 0, 0]
    flopy.mf6.ModflowGwfnpf(gwf, icelltype=convertible, k=list(k), k33=list(k))
    specific_yield = problems.SPECIFIC_YIELD if basin.water_table else 0.0
    flopy.mf6.ModflowGwfsto(
        gwf, iconvert=convertible, ss=problems.SPECIFIC_STORAGE, sy=specific_yield, steady_state={0: True}, transient={1: True}
    )
    flopy.mf6.ModflowGwfic(gwf, strt=problems.BORDER_HEAD)
    layers = range(k.size)
    flopy.mf6.ModflowGwfchd(gwf, stress_period_data=[((layer, row, n - 1), 0.0) for layer in layers for row in range(n)])
    border = basin.border_conductance()
    west = [((layer, row, 0), problems.BORDER_HEAD, border[layer]) for layer in layers for row in range(n)]
    flopy.mf6.ModflowGwfghb(gwf, stress_period_data=west)
    flopy.mf6.ModflowGwfrcha(gwf, recharge=problems.RECHARGE)
    row, column, stage, conductance = basin.river()
    river = [((0, int(i), int(j)), s, conductance, s - 2.0) for i, j, s in zip(row, column, stage, strict=True)]
    flopy.mf6.ModflowGwfriv(gwf, stress_period_data=river)
    wells = _tuples(basin.wells())
    pumping, last = {}, None
    for period, shares in enumerate(basin.pumping(), start=1):
        if last is None or (shares != last).any():
            rates = -problems.WELL_RATE * shares
            pumping[period], last = list(zip(wells, rates.tolist(), strict=True)), shares
    flopy.mf6.ModflowGwfwel(gwf, stress_period_data=pumping, maxbound=len(wells))
    _finish(sim, gwf, len(periods), wells[: problems.OBSERVED])


def _write_plain(folder: Path, ims: dict[str, Any], steps: int) -> None:
    import flopy

    n, growth = problems.PLAIN_CELLS, problems.PLAIN_GROWTH
    length = problems.PLAIN_FIRST * (growth**steps - 1.0) / (growth - 1.0)
    sim, gwf = _start(folder, [(length, steps, growth)], ims, newton=False)
    size, top = problems.PLAIN_SIZE, problems.PLAIN_THICKNESS
    flopy.mf6.ModflowGwfdis(gwf, length_units="METERS", nlay=1, nrow=n, ncol=n, delr=size, delc=size, top=top, botm=0.0)
    flopy.mf6.ModflowGwfnpf(gwf, icelltype=0, k=problems.PLAIN_K)
    flopy.mf6.ModflowGwfsto(gwf, iconvert=0, ss=problems.SPECIFIC_STORAGE, sy=0.0, transient={0: True})
    flopy.mf6.ModflowGwfic(gwf, strt=0.0)
    edge = np.ones((1, n, n), dtype=bool)
    edge[:, 1:-1, 1:-1] = False
    flopy.mf6.ModflowGwfchd(gwf, stress_period_data=[(cell, 0.0) for cell in _tuples(np.argwhere(edge))])
    wells = _tuples(problems.plain_wells())
    rates = [(cell, -problems.PLAIN_RATE) for cell in wells]
    flopy.mf6.ModflowGwfwel(gwf, stress_period_data=rates, maxbound=len(wells))
    _finish(sim, gwf, 1, wells[: problems.OBSERVED])


def _tuples(cells: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Return cells as flopy takes them."""
    return [tuple(int(index) for index in cell) for cell in cells]
