"""A model cut into parts gives the heads of the whole."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from problems import PROBLEMS

from aquirecover.errors import ConfigError
from aquirecover.flow.problem import Problem
from aquirecover.modflow import ModflowSettings, Program
from aquirecover.modflow.files import ModelFolder
from aquirecover.modflow.parts import Part, cut, part_of, write_parts
from aquirecover.modflow.records import GrowingFile, next_heads
from aquirecover.modflow.write import MODEL, write_model

TIGHT = ModflowSettings(closure="tight")


def test_parts_cover_the_grid_once_and_are_about_equal():
    active = np.random.default_rng(1).random((3, 40, 70)) > 0.3
    for n in (1, 2, 3, 5, 8, 13):
        parts = cut(active, n)
        assert [part.name for part in parts] == [f"part_{i + 1}" for i in range(n)]
        count = np.zeros((40, 70), dtype=int)
        sizes = []
        for part in parts:
            count[part.rows, part.columns] += 1
            sizes.append(active[:, part.rows, part.columns].sum())
        assert (count == 1).all()
        assert max(sizes) < 1.25 * active.sum() / n
        assert max(sizes) < 1.6 * min(sizes)


def test_the_longer_side_is_cut_first():
    first, second = cut(np.ones((1, 10, 40), dtype=bool), 2)
    assert first.columns == slice(0, 20)
    assert second.columns == slice(20, 40)
    assert first.rows == second.rows == slice(0, 10)


def test_parts_without_active_cells_are_refused():
    active = np.zeros((2, 1, 5), dtype=bool)
    active[:, 0, 2:4] = True
    assert len(cut(active, 2)) == 2
    with pytest.raises(ConfigError, match="parts: 3: the grid cannot be cut into so many parts"):
        cut(active, 3)


def test_a_part_has_its_share_of_the_problem():
    problem = PROBLEMS["linear_leakance_among_layers"]()
    part = Part("part_1", slice(0, 3), slice(1, 3))
    own = part_of(problem, part)
    assert own.grid.shape == (problem.grid.shape[0], 3, 2)
    np.testing.assert_array_equal(own.grid.thickness, problem.grid.thickness[:, 0:3, 1:3])
    np.testing.assert_array_equal(own.properties.leakance, problem.properties.leakance[:, 0:3, 1:3])
    np.testing.assert_allclose(own.grid.x, problem.grid.x[1:3])
    np.testing.assert_allclose(own.grid.y, problem.grid.y[0:3])
    cells = np.arange(problem.grid.n_cell)
    inside = cells[part.holds(problem.grid, cells)]
    assert part.local(problem.grid, inside).tolist() == list(range(own.grid.n_cell))


def run(program: Program, folder: Path) -> None:
    done = subprocess.run([program.path], cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout + (folder / "mfsim.lst").read_text(encoding="utf-8", errors="replace")
    assert "Normal termination" in said, said[-2000:]


def heads(folder: Path, name: str, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the saved heads of a model, shape ``(n_saved, n_layer, n_y, n_x)``."""
    file, found = GrowingFile(folder / f"{name}.hds"), []
    while (values := next_heads(file, shape[0], shape[1] * shape[2])) is not None:
        found.append(values.reshape(shape))
    file.close()
    return np.stack(found)


def whole_and_parts(problem: Problem, n_part: int, program: Program, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Run a problem whole and in parts, on one process, and return the heads of active cells."""
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    write_model(problem, folder / "whole", TIGHT, save_flows=False)
    parts = write_parts(problem, ModelFolder(folder / "parts"), n_part, TIGHT)
    for name in ("whole", "parts"):
        run(program, folder / name)
    whole = heads(folder / "whole", MODEL, problem.grid.shape)
    joined = np.full(whole.shape, np.nan)
    for part in parts:
        joined[:, :, part.rows, part.columns] = heads(folder / "parts", part.name, (whole.shape[1], *part.shape))
    return whole[:, problem.grid.active], joined[:, problem.grid.active]


NAMES = [
    "linear_wells",
    "linear_anisotropy_in_plan",
    "linear_variable_spacing",
    "linear_pass_through_cells",
    "linear_barriers",
    "linear_closed_barrier",
    "linear_leakance_among_layers",
    "bent_everything",
    "newton_barriers",
    "newton_sloping_layers",
    "newton_rewetting",
    "newton_everything",
    "harmonic_sloping_layers",
]


@pytest.mark.mf6
@pytest.mark.parametrize("n_part", [2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_parts_give_the_heads_of_the_whole(name, n_part, tmp_path, mf6: Program):
    if mf6.release < (6, 5, 0):
        pytest.skip(f"MODFLOW {mf6.version} knows no HPC6 file")
    whole, joined = whole_and_parts(PROBLEMS[name](), n_part, mf6, tmp_path)
    np.testing.assert_allclose(joined, whole, rtol=0.0, atol=1e-8)
    assert np.ptp(whole, axis=1).max() > 0.1, "so that agreement is no accident of a flat surface"


def test_partitions_and_exchanges(tmp_path):
    problem = PROBLEMS["newton_barriers"]()
    parts = write_parts(problem, ModelFolder(tmp_path), 2)
    assert [part.columns for part in parts] == [slice(0, 4), slice(4, 8)]
    names = (tmp_path / "mfsim.nam").read_text(encoding="ascii")
    assert "HPC6 FILEIN mfsim.hpc" in names
    assert "GWF6-GWF6 part_1-part_2.gwfgwf part_1 part_2" in names
    assert "  part_1 0\n  part_2 1\n" in (tmp_path / "mfsim.hpc").read_text(encoding="ascii")
    exchange = (tmp_path / "part_1-part_2.gwfgwf").read_text(encoding="ascii")
    assert "  NEWTON\n" in exchange
    assert "NEXG 18" in exchange
    # k b = 5 × 20, h b = 1e-4 × 20: the barrier of the first row is 50,000 m long in the western cell
    assert "  1 1 4 1 1 1 1 50050.0 50.0 80.0 0.0 50100.0\n" in exchange
    assert "  1 5 4 1 5 1 1 50.0 50.0 80.0 0.0 100.0\n" in exchange


def test_what_an_exchange_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="a barrier lies where two parts meet, and averaging is harmonic"):
        write_parts(PROBLEMS["harmonic_barriers"](), ModelFolder(tmp_path), 2)
    with pytest.raises(ConfigError, match="no right exchange between parts that follow each other along y"):
        write_parts(PROBLEMS["harmonic_water_table"](), ModelFolder(tmp_path), 4)


def test_stresses_go_to_the_part_that_holds_their_cells(tmp_path):
    problem = replace(PROBLEMS["linear_screened_wells"](), fixed_heads=())
    write_parts(problem, ModelFolder(tmp_path), 2)
    kinds = [("cell", "<i4", (3,)), ("rate", "<f8")]
    first, second = (tmp_path / f"part_{n}.wells.wel.2.bin" for n in (1, 2))
    rows = np.fromfile(first, kinds)
    assert rows["cell"].tolist() == [[1, 3, 4], [3, 3, 4], [5, 3, 4], [3, 5, 2], [5, 5, 2]]
    assert rows["rate"].tolist() == [-60.0, -90.0, -150.0, -25.0, -75.0]
    assert not second.exists()
    assert "WEL6" not in (tmp_path / "part_2.nam").read_text(encoding="ascii")
