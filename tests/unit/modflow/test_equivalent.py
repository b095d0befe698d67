"""What MODFLOW 6 has in another form or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.errors import ConfigError
from aquirecover.flow.conductance import conductances
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.stresses import FixedHead, River, Stress
from aquirecover.modflow.engine import simulate
from aquirecover.modflow.equivalent import check_equivalence, vertical_conductivity
from small_problems import plain_grid, plain_problem


def with_k33(problem: Problem, k33: np.ndarray) -> Problem:
    """Return the problem with vertical conductivities and no leakance."""
    given = problem.properties
    return replace(problem, properties=AquiferProperties(problem.grid, given.k, k33, specific_storage=1e-5))


def leaky(leakance, n_layer: int = 4, k33=0.1, active=True, pass_through=False, seed: int = 0) -> Problem:
    bottom = -np.cumsum(np.random.default_rng(seed).uniform(2.0, 20.0, (n_layer, 3, 4)), axis=0)
    through = np.broadcast_to(pass_through, bottom.shape)
    for layer in range(1, n_layer):
        bottom[layer][through[layer]] = bottom[layer - 1][through[layer]]
    grid = Grid(np.full(4, 100.0), np.full(3, 100.0), 0.0, bottom, active, pass_through)
    properties = AquiferProperties(grid, 3.0, k33, specific_storage=1e-5, leakance=leakance)
    return plain_problem(grid, [], [FixedHead([0], 5.0)], properties=properties)


@pytest.mark.parametrize(
    "leakance",
    [
        [1e-3, np.nan, np.nan],
        [np.nan, 2e-2, np.nan],
        [1e-3, 1e-3, 1e-3],
        [1e-4, 1e-2, 1e-4],
        [1e-8, 1.0, 1e-8],
        np.random.default_rng(3).uniform(4e-3, 5e-3, (3, 3, 4)),
    ],
)
def test_conductivity_that_gives_every_face_its_conductance(leakance):
    problem = leaky(leakance)
    k33 = vertical_conductivity(problem)
    assert (k33 > 0.0).all()
    expected = conductances(problem).cz
    np.testing.assert_allclose(conductances(with_k33(problem, k33)).cz, expected, rtol=1e-10)


def test_nothing_changes_without_leakance():
    problem = leaky(np.nan, k33=[0.1, 0.2, 0.3, 0.4])
    assert np.array_equal(vertical_conductivity(problem), problem.properties.k33)


def test_columns_without_leakance_keep_their_conductivity():
    leakance = np.full((3, 3, 4), np.nan)
    leakance[0, 1, 1] = 1e-3
    problem = leaky(leakance)
    changed = vertical_conductivity(problem) != problem.properties.k33
    assert changed[:, 1, 1].any()
    changed[:, 1, 1] = False
    assert not changed.any()


def test_columns_that_inactive_cells_break_are_treated_apart():
    active = np.ones((4, 3, 4), dtype=bool)
    active[1, 0, 0] = active[2, 1, 1] = active[0, 2, 2] = False
    problem = leaky([1e-3, 2e-3, 1e-3], active=active)
    k33 = vertical_conductivity(problem)
    np.testing.assert_allclose(conductances(with_k33(problem, k33)).cz, conductances(problem).cz, rtol=1e-10)


def test_leakance_reaches_through_cells_without_thickness():
    through = np.zeros((4, 3, 4), dtype=bool)
    through[1, :, 1] = through[1:3, :, 2] = True
    problem = leaky([1e-3, 2e-3, 1e-3], active=~through, pass_through=through)
    k33 = vertical_conductivity(problem)
    np.testing.assert_allclose(conductances(with_k33(problem, k33)).cz, conductances(problem).cz, rtol=1e-10)


@pytest.mark.parametrize(
    ("leakance", "columns"),
    [([1e-1, 1e-4, 1e-1], 12), ([1e-3, 0.0, 1e-3], 12), ([0.0, 0.0, 0.0], 12)],
)
def test_a_bed_tighter_than_both_neighbours_is_refused(leakance, columns):
    """R = r₂ + r₃ with r₂ < R₁₂ and r₃ < R₃₄ cannot exceed R₁₂ + R₃₄."""
    problem = leaky(leakance)
    (finding,) = check_equivalence(problem)
    assert finding.key == "leakance"
    assert f"{columns} columns of cells, first row 1, column 1" in finding.message
    with pytest.raises(ConfigError, match="no vertical conductivity"):
        vertical_conductivity(problem)


class Spring(Stress):
    """A stress of somebody's own."""

    kind = "spring"

    def flow(self, head, period, cells):
        return -np.maximum(head, 0.0), -np.ones_like(head)

    def values(self):
        return {}


def test_stress_of_ones_own_is_refused():
    (finding,) = check_equivalence(plain_problem(plain_grid(), [Spring("spring", [3])], [FixedHead([0], 5.0)]))
    assert str(finding) == "spring: Spring: MODFLOW 6 has no such stress. Use --engine native."


def test_bed_below_a_convertible_cell_is_refused():
    grid = plain_grid()
    properties = AquiferProperties(grid, 3.0, specific_storage=1e-5, specific_yield=0.1, convertible=True)
    river = River([6, 7, 8], 5.0, 10.0, [1.0, -0.5, -0.5])
    problem = plain_problem(grid, [river], [FixedHead([0], 5.0)], properties=properties)
    (finding,) = check_equivalence(problem)
    assert finding.key == "river.cell[2].bottom_elevation"
    assert finding.message.startswith("-0.5 m: MODFLOW 6 wants the bed not below the bottom of its convertible cell, 0 m")
    assert "1 more like it" in finding.message
    assert not check_equivalence(replace(problem, properties=AquiferProperties(grid, 3.0, specific_storage=1e-5)))


@pytest.mark.mf6
def test_what_is_refused_is_refused_before_anything_is_written(mf6, tmp_path):
    with pytest.raises(ConfigError, match="leakance"):
        simulate(leaky([1e-1, 1e-4, 1e-1]), program=mf6, folder=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
