"""What this package writes for MODFLOW 6 comes back as it was, and what it imports runs there as before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import PROBLEMS

from aquirecover.case.problem_diff import differences
from aquirecover.flow.problem import Problem
from aquirecover.flow.simulate import simulate
from aquirecover.modflow import ModflowSettings, Program
from aquirecover.modflow import simulate as simulate_modflow
from aquirecover.modflow.imports.reader import Imported
from aquirecover.modflow.write import write_model
from modflow_models import speak_to
from twri_files import write_twri6

Read = Callable[..., Imported]
# What MODFLOW 6 has in another way: observation points are not written, a confining unit is a vertical conductivity, water on a
# fixed head is nobody's, storage of a steady model is not asked for, and names have 16 letters.
ELSEWHERE = ("observations", "properties.k33", "properties.leakance")
STORAGE = ("properties.specific_storage", "properties.specific_yield")


def on_free_cells(problem: Problem) -> dict[str, Any]:
    """Return inflow per period, cell and class of stress at a head of 1 m above every level, without cells of fixed heads."""
    held = np.unique(np.concatenate([np.zeros(0, dtype=int), *(fixed.cell for fixed in problem.fixed_heads)]))
    cells, found = problem.cells(), {}
    for stress in problem.stresses:
        flow = found.setdefault(stress.kind, np.zeros((problem.schedule.n_period, problem.grid.n_cell)))
        for period in range(problem.schedule.n_period):
            inflow, _ = stress.flow(np.full(stress.n, 1.0), period, cells)
            np.add.at(flow[period], stress.cell, np.asarray(inflow))
        flow[:, held] = 0.0
    return found


@pytest.mark.parametrize("name", PROBLEMS)
def test_arrays_come_back(name: str, tmp_path: Path, read: Read) -> None:
    """Grid, properties, periods and first heads to the last bit; stresses cell by cell, period by period."""
    problem = PROBLEMS[name]()
    write_model(problem, tmp_path)
    imported = read(tmp_path, length_unit="", time_unit="")
    assert imported.report.unsupported == []
    found = imported.problem
    terms = {item.name for item in (*problem.stresses, *problem.barriers)} | {"hfb"}
    terms |= {text for text in differences(problem, found) if "." not in text or text.split(".")[0] in terms}
    allowed = {*ELSEWHERE, *(STORAGE if problem.schedule.steady.all() else ())}
    different = {text for text in differences(problem, found) if text not in terms}
    different = {text for text in different if text.startswith(("grid", "properties", "schedule", "initial_head"))}
    assert different <= allowed
    if "properties.leakance" not in different:
        assert "properties.k33" not in different
    expected, there = on_free_cells(problem), on_free_cells(found)
    assert expected.keys() == there.keys()
    for kind, flow in expected.items():
        np.testing.assert_allclose(there[kind], flow, rtol=1e-14, atol=1e-12, err_msg=kind)
    faces = [np.sort(np.stack((b.cell, b.neighbour)), axis=0) for b in (*problem.barriers, *found.barriers)]
    if faces:
        half = len(problem.barriers)
        ours, theirs = (np.unique(np.concatenate(part, axis=1), axis=1) for part in (faces[:half], faces[half:]))
        np.testing.assert_array_equal(ours, theirs)


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


EXAMPLES = os.environ.get("FLOPY_EXAMPLE_DATA", "")


@pytest.mark.skipif(not EXAMPLES, reason="FLOPY_EXAMPLE_DATA names no folder examples/data of a checkout of flopy")
def test_freyberg_of_the_distribution(read: Read) -> None:
    """Freyberg (1988) as flopy distributes it: heads of MODFLOW-2005, which it stores in single precision."""
    import flopy

    folder = Path(EXAMPLES) / "freyberg"
    problem = read(folder, length_unit="", time_unit="").problem
    file = flopy.utils.HeadFile(folder / "freyberg.githds")
    expected, active = file.get_data(), problem.grid.active
    file.close()
    found = simulate(problem).head[0]
    assert active.sum() == 705
    np.testing.assert_allclose(found[active], expected[active], rtol=0.0, atol=2e-5)


@pytest.mark.skipif(not EXAMPLES, reason="FLOPY_EXAMPLE_DATA names no folder examples/data of a checkout of flopy")
@pytest.mark.parametrize("name", ["mf2005_test/twri", "mf2005_test/twrip", "parameters/twrip"])
def test_twri_of_the_distribution(name: str, read: Read) -> None:
    """The published budget, also where zones, multipliers and parameters give the arrays (twrip)."""
    problem = read(Path(EXAMPLES) / f"{name}.nam", length_unit="feet", time_unit="").problem
    result = simulate(problem)
    flows = dict(zip(result.budget.terms, result.budget.outflow[0] / (0.3048**3 * 86400.0), strict=True))
    assert flows["constant_head"] == pytest.approx(50.0774, abs=6e-5)
    assert flows["drn"] == pytest.approx(32.4226, abs=6e-5)
