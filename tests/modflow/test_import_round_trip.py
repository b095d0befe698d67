"""What this package writes for MODFLOW 6 comes back as it was, and what it imports runs there as before."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from problems import PROBLEMS

from aquirecover.case.problem_diff import differences
from aquirecover.case.scenario import load_problem
from aquirecover.flow.conductance import conductances
from aquirecover.flow.problem import Problem
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import Wells, in_period
from aquirecover.importing import import_modflow
from aquirecover.modflow import ModflowSettings, Program
from aquirecover.modflow import simulate as simulate_modflow
from aquirecover.modflow.export import export_model
from aquirecover.modflow.imports.reader import Imported
from aquirecover.modflow.write import write_model
from modflow_models import speak_to
from twri_files import write_twri6

Read = Callable[..., Imported]
# What MODFLOW 6 has in another form: a confining unit is a vertical conductivity that gives the same conductances.
AS_CONDUCTIVITY = {"properties.k33", "properties.leakance"}
# A model without a transient period has no storage in MODFLOW.
STORAGE = {"properties.specific_storage", "properties.specific_yield"}


def rows_by_kind(problem: Problem) -> dict[str, list[np.ndarray]]:
    """Return cells with their values by kind of stress and by period, in order, wells added up by cell.

    Stresses on fixed heads, which do nothing, are left out, and so are names: packages have those of MODFLOW.
    """
    held = np.concatenate([np.zeros(0, dtype=int), *(fixed.cell for fixed in problem.fixed_heads)])
    found: dict[str, list[np.ndarray]] = {}
    for period in range(problem.schedule.n_period):
        tables: dict[str, list[np.ndarray]] = {}
        for fixed in problem.fixed_heads:
            tables.setdefault("fixed_head", []).append(np.column_stack((fixed.cell, in_period(fixed.head, period))))
        for stress in problem.stresses:
            free = ~np.isin(stress.cell, held)
            columns = [in_period(values, period) for values in stress.values().values()]
            if isinstance(stress, Wells):
                columns = [values[stress.well] * stress.fraction for values in columns]
            tables.setdefault(stress.kind, []).append(np.column_stack((stress.cell, *columns))[free])
        for kind, parts in tables.items():
            table = np.concatenate(parts)
            found.setdefault(kind, []).append(_added(table) if kind == "wells" else table[np.lexsort(table.T[::-1])])
    return found


def _added(table: np.ndarray) -> np.ndarray:
    """Return the rows of each cell added up."""
    cell, place = np.unique(table[:, 0], return_inverse=True)
    return np.column_stack((cell, *(np.bincount(place, column) for column in table.T[1:])))


def barriers_of(problem: Problem) -> np.ndarray:
    """Return both cells of every barred face, the first one first, and its characteristic."""
    parts = [np.column_stack((b.cell, b.neighbour, b.hydraulic_characteristic)) for b in problem.barriers]
    table = np.concatenate([np.zeros((0, 3)), *parts])
    table[:, :2].sort(axis=1)
    return table[np.lexsort(table.T[::-1])]


def check_same(problem: Problem, found: Problem) -> None:
    """Assert that grid, properties, periods, first heads and all that acts on the cells are the same to the last bit."""
    different = {
        text for text in differences(problem, found) if text.startswith(("grid", "properties", "schedule", "initial_head"))
    }
    given = not np.isnan(problem.properties.leakance).all()
    allowed = (AS_CONDUCTIVITY if given else set()) | (STORAGE if problem.schedule.steady.all() else set())
    assert different <= allowed
    assert {group.flow_reduction for group in found.wells} == {group.flow_reduction for group in problem.wells}
    np.testing.assert_allclose(conductances(found).cz, conductances(problem).cz, rtol=1e-12 if given else 0.0)
    expected, there = rows_by_kind(problem), rows_by_kind(found)
    assert expected.keys() == there.keys()
    for kind, tables in expected.items():
        for period, table in enumerate(tables):
            np.testing.assert_array_equal(there[kind][period], table, err_msg=f"{kind} in period {period + 1}")
    np.testing.assert_array_equal(barriers_of(found), barriers_of(problem))


@pytest.mark.parametrize("name", PROBLEMS)
def test_arrays_come_back(name: str, tmp_path: Path, read: Read) -> None:
    problem = PROBLEMS[name]()
    write_model(problem, tmp_path)
    imported = read(tmp_path, length_unit="", time_unit="")
    assert imported.report.unsupported == []
    check_same(problem, imported.problem)


WHOLE_WAY = [
    "linear_variable_spacing", "linear_fixed_heads_joined_by_pass_through_cells", "linear_injection", "linear_dates_and_place",
    "newton_pass_through_cells", "newton_everything_with_barriers", "harmonic_wall_between_water_tables",
]  # fmt: skip


@pytest.mark.parametrize("name", WHOLE_WAY)
def test_arrays_come_back_by_way_of_files(name: str, tmp_path: Path) -> None:
    """Exported for other people, imported as a model folder, and built from its files."""
    problem = PROBLEMS[name]()
    export_model(problem, tmp_path / "six")
    outcome = import_modflow(tmp_path / "six", tmp_path / "model")
    found = load_problem(outcome.scenario)
    check_same(problem, found)
    np.testing.assert_array_equal(found.observations.cell, problem.observations.cell)
    assert problem.observations.names


@pytest.mark.parametrize(
    "name", ["linear_leakance_over_pinched_layers", "bent_everything", "newton_everything", "harmonic_barriers"]
)
def test_heads_come_back(name: str, tmp_path: Path, read: Read) -> None:
    problem = PROBLEMS[name]()
    write_model(problem, tmp_path)
    first, second = simulate(problem), simulate(read(tmp_path).problem)
    np.testing.assert_allclose(second.head, first.head, rtol=0.0, atol=1e-6)


@pytest.mark.mf6
def test_an_imported_model_that_is_written_again_has_its_heads(tmp_path: Path, read: Read, mf6: Program) -> None:
    """TWRI of MODFLOW 6: run as it is; imported, written, and run again."""
    import flopy

    folder = write_twri6(tmp_path / "twri").parent
    speak_to(mf6, folder / "twri.ims")
    done = subprocess.run([str(mf6.path)], cwd=folder, capture_output=True, text=True, check=False)
    assert "Normal termination" in done.stdout
    file = flopy.utils.HeadFile(folder / "twri.hds")
    before = 0.3048 * file.get_data()
    file.close()
    problem = read(folder, length_unit="", time_unit="").problem
    after = simulate_modflow(problem, modflow=ModflowSettings(closure="tight"), program=mf6).head[0]
    np.testing.assert_allclose(after, before, rtol=0.0, atol=1e-6)
