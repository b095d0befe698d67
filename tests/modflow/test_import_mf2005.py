"""Models of MODFLOW-2005 and MODFLOW-NWT as problems, TWRI with its published budget among them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aquirecover.flow.problem import Problem
from aquirecover.flow.simulate import simulate
from aquirecover.flow.stresses import Drain, Evapotranspiration, Recharge
from aquirecover.modflow.imports.mf2005_properties import exact
from aquirecover.modflow.imports.reader import Imported
from modflow_models import change
from twri_files import write_twri, write_twri6

Read = Callable[..., Imported]
FOOT, DAY = 0.3048, 86400.0


def budget(problem: Problem) -> dict[str, float]:
    """Return the outflows of a steady problem, and the inflow of recharge, in cubic feet per second."""
    result = simulate(problem)
    outflow = dict(zip(result.budget.terms, result.budget.outflow[0] / (FOOT**3 * DAY), strict=True))
    outflow["rch"] = float(result.budget.inflow[0, result.budget.terms.index("rch")] / (FOOT**3 * DAY))
    return {name: float(flow) for name, flow in outflow.items()}


@pytest.mark.parametrize("flow", ["BCF6", "LPF"])
def test_twri_has_its_published_budget(flow: str, tmp_path: Path, read: Read) -> None:
    """Published: constant heads 50.0755, drains 32.4199; solved tightly 50.0774 and 32.4226 ft³/s (MODFLOW 6's own tests)."""
    imported = read(write_twri(tmp_path, flow), length_unit="", time_unit="")
    found = budget(imported.problem)
    assert imported.report.program == "MODFLOW-2005"
    assert found["rch"] == pytest.approx(157.5, rel=1e-9)
    assert found["wells_wel"] == pytest.approx(75.0, rel=1e-9)
    assert found["constant_head"] == pytest.approx(50.0774, abs=6e-5)
    assert found["drn"] == pytest.approx(32.4226, abs=6e-5)


def test_twri_of_modflow6_differs_by_the_clays_alone(tmp_path: Path, read: Read) -> None:
    """MODFLOW 6 has the clays as layers of their own, in which water also moves sideways, at 1e-8 and 5e-7 ft/s."""
    found = budget(read(write_twri6(tmp_path), length_unit="", time_unit="").problem)
    assert found["chd"] == pytest.approx(50.0774, abs=2e-3)
    assert found["drn"] == pytest.approx(32.4226, abs=2e-3)


def test_twri_of_nwt_weights_upstream(tmp_path: Path, read: Read) -> None:
    """With upstream weighting a little water moves from the drains to the constant heads, as in verification/test_twri.py."""
    imported = read(write_twri(tmp_path, "UPW"), length_unit="", time_unit="")
    assert imported.report.program == "MODFLOW-NWT"
    assert imported.problem.properties.averaging == "upstream"
    found = budget(imported.problem)
    assert found["constant_head"] + found["drn"] == pytest.approx(82.5, rel=1e-9)
    assert found["constant_head"] == pytest.approx(50.624, abs=1e-3)


def test_twri_in_every_array(tmp_path: Path, read: Read) -> None:
    problem = read(write_twri(tmp_path), length_unit="", time_unit="").problem
    grid, properties = problem.grid, problem.properties
    assert grid.layer_names == ("layer_1", "confining_bed_1", "layer_2", "confining_bed_2", "layer_3")
    assert problem.context.layer_aquifer == ("layer_1", "", "layer_2", "", "layer_3")
    assert_allclose(grid.bottom[:, 0, 0], FOOT * np.array([-150.0, -200.0, -300.0, -350.0, -450.0]), rtol=1e-15)
    assert grid.active.all(axis=(1, 2)).tolist() == [True, False, True, False, True]
    assert grid.pass_through.all(axis=(1, 2)).tolist() == [False, True, False, True, False]
    # the numbers of the files are single precision to MODFLOW, and what was typed to us
    assert_allclose(properties.k[::2, 0, 0], np.array([1e-3, 1e-4, 2e-4]) * FOOT * DAY, rtol=1e-15)
    assert_allclose(properties.leakance[::2, 0, 0], np.array([2e-8, 1e-8]) * DAY, rtol=1e-15)
    assert properties.convertible.all(axis=(1, 2)).tolist() == [True, False, False, False, False]
    (drain,) = [stress for stress in problem.stresses if isinstance(stress, Drain)]
    assert_allclose(drain.elevation, FOOT * np.array([0.0, 0.0, 10.0, 20.0, 30.0, 50.0, 70.0, 90.0, 100.0]), rtol=1e-15)
    (rain,) = [stress for stress in problem.stresses if isinstance(stress, Recharge)]
    assert rain.cell.size == 210, "not on the constant heads"
    assert_allclose(rain.recharge_rate, 3e-8 * FOOT * DAY, rtol=1e-15)
    wells = problem.wells[0]
    assert_array_equal(grid.indices(wells.cell[:3])[0], [4, 2, 2])


@pytest.mark.parametrize("text", ["3e-8", "0.1", "1234.567", "-7.25e12", "0"])
def test_numbers_of_single_precision_are_what_was_typed(text: str) -> None:
    assert exact(np.array([[text]], dtype=np.float32)).item() == float(text)
    assert exact(np.array([float(text)])).item() == float(text)


class Mf2005Model:
    """A small model built by flopy: 2 × 3 × 4 cells, three periods of which the first is steady."""

    def __init__(self, folder: Path, version: str = "mf2005", **dis: Any) -> None:
        from flopy import modflow

        self.flopy, self.folder = modflow, folder
        self.model = modflow.Modflow("small", model_ws=str(folder), version=version, exe_name=sys.executable)  # it is not run
        periods = {
            "nper": 3,
            "perlen": [1.0, 10.0, 30.0],
            "nstp": [1, 4, 3],
            "tsmult": [1.0, 1.5, 1.0],
            "steady": [True, False, False],
        }
        grid = {"nlay": 2, "nrow": 3, "ncol": 4, "delr": [100.0, 150.0, 225.0, 100.0], "delc": [50.0, 80.0, 50.0], "top": 10.0}
        self.add("Dis", **{**periods, **grid, "botm": [0.0, -20.0], "itmuni": 4, "lenuni": 2, **dis})

    def add(self, package: str, **given: Any) -> Any:
        """Add a package."""
        return getattr(self.flopy, f"Modflow{package}")(self.model, **given)

    def write(self) -> Path:
        """Write the files and return the name file."""
        self.model.write_input()
        return self.folder / "small.nam"


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Mf2005Model]:
    """Return a maker of the small model."""

    def make(**more: Any) -> Mf2005Model:
        return Mf2005Model(tmp_path / "source", **more)

    return make


Make = Callable[..., Mf2005Model]


def lpf(**more: Any) -> dict[str, Any]:
    return {"hk": 5.0, "vka": 0.5, "ss": 1e-5, "sy": 0.2, **more}


def test_layer_property_flow(small: Make, read: Read) -> None:
    model = small()
    model.add("Bas", strt=[8.0, 7.5])
    model.add("Lpf", **lpf(laytyp=[1, 0], layvka=[1, 0], vka=[10.0, 0.5], chani=[2.0, -1.0], hani=[1.0, 0.25]))
    imported = read(model.write(), length_unit="", time_unit="")
    properties, schedule = imported.problem.properties, imported.problem.schedule
    assert properties.k33[:, 0, 0].tolist() == [0.5, 0.5]
    assert properties.k22[:, 0, 0].tolist() == [10.0, 1.25]
    assert properties.convertible[:, 0, 0].tolist() == [True, False]
    assert properties.specific_yield[:, 0, 0].tolist() == [0.2, 0.0]
    assert properties.specific_storage[:, 0, 0].tolist() == [1e-5, 1e-5]
    assert properties.averaging == "harmonic"
    assert imported.problem.initial_head[:, 0, 0].tolist() == [8.0, 7.5]
    assert schedule.steady.tolist() == [True, False, False]
    assert schedule.n_steps.tolist() == [1, 4, 3]
    text = " ".join(imported.report.approximated)
    # half of layer 1 is 5 m over 0.5 m/d, half of layer 2 is 10 m over 0.5 m/d
    assert "at most 33 % of the vertical resistance follows the water table" in text


def test_storage_coefficients(small: Make, read: Read) -> None:
    model = small()
    model.add("Bas")
    model.add("Lpf", **lpf(ss=[1e-3, 4e-3], storagecoefficient=True))
    properties = read(model.write()).problem.properties
    assert_allclose(properties.specific_storage[:, 0, 0], [1e-4, 2e-4], rtol=1e-15)


def test_confining_bed_of_layer_property_flow(small: Make, read: Read) -> None:
    """Resistances in series: half of the aquifers and the clay."""
    model = small(laycbd=[1, 0], botm=[0.0, -2.0, -20.0])
    model.add("Bas")
    model.add("Lpf", **lpf(vkcb=[1e-3, 0.0]))
    properties = read(model.write()).problem.properties
    assert_allclose(properties.leakance[0], 1.0 / (5.0 / 0.5 + 2.0 / 1e-3 + 9.0 / 0.5), rtol=1e-15)
    assert np.isnan(properties.leakance[1]).all()


def test_block_centred_flow(small: Make, read: Read) -> None:
    model = small()
    model.add("Bas")
    storage = {"sf1": [0.15, 2e-3], "sf2": [0.0, 0.1]}
    model.add("Bcf", laycon=[1, 3], hy=[3.0, 4.0], tran=0.0, vcont=[0.01], trpy=[2.0, 1.0], **storage)
    imported = read(model.write())
    properties = imported.problem.properties
    assert properties.k[:, 0, 0].tolist() == [3.0, 4.0]
    assert properties.k22[:, 0, 0].tolist() == [6.0, 4.0]
    assert properties.leakance[0, 0, 0] == 0.01
    assert properties.specific_yield[:, 0, 0].tolist() == [0.15, 0.1]
    assert_allclose(properties.specific_storage[:, 0, 0], [0.0, 1e-4], rtol=1e-15)
    assert "LAYCON 1" in " ".join(imported.report.converted)


def test_transmissivities(small: Make, read: Read) -> None:
    model = small(steady=True)
    model.add("Bas")
    model.add("Bcf", laycon=[0, 0], tran=[50.0, 80.0], vcont=[0.01])
    model.add("Hfb", nphfb=0, mxfb=1, nhfbnp=1, hfb_data=[[0, 0, 0, 0, 1, 0.4]])
    problem = read(model.write()).problem
    assert_allclose(problem.properties.k[:, 0, 0], [5.0, 4.0], rtol=1e-15)
    # the characteristic of a barrier in such a layer is one of transmissivity: 0.4 over 10 m
    assert_allclose(problem.barriers[0].hydraulic_characteristic, [0.04], rtol=1e-15)
    assert (problem.barriers[0].cell.tolist(), problem.barriers[0].neighbour.tolist()) == ([0], [1])


def test_a_storage_that_converts_alone_is_not_supported(small: Make, read: Read) -> None:
    model = small()
    model.add("Bas")
    model.add("Bcf", laycon=[2, 0], tran=50.0, vcont=0.01, sf1=1e-4, sf2=0.1)
    imported = read(model.write(), allow_partial=True)
    assert "LAYCON 2" in imported.report.unsupported[0]


def test_fixed_heads_inactive_cells_and_chd(small: Make, read: Read) -> None:
    model = small()
    ibound = np.ones((2, 3, 4), dtype=int)
    ibound[0, 0, 0], ibound[1, 0, 0], ibound[0, 2, 3] = -1, -1, 0
    model.add("Bas", ibound=ibound, strt=8.0)
    model.add("Lpf", **lpf())
    # the head of CHD goes before the starting head, moves within the second period, and then stays
    model.add("Chd", stress_period_data={0: [[0, 0, 0, 9.0, 9.0]], 1: [[0, 0, 0, 9.0, 7.0]], 2: [[0, 0, 0, 7.0, 7.0]]})
    problem = read(model.write()).problem
    assert not problem.grid.active[0, 2, 3]
    fixed = {boundary.name: boundary for boundary in problem.fixed_heads}
    assert fixed["constant_head"].cell.tolist() == [12]
    assert fixed["constant_head"].head.tolist() == [8.0]
    share = np.cumsum(1.5 ** np.arange(4)) / np.sum(1.5 ** np.arange(4))
    assert problem.schedule.n_period == 6
    assert_allclose(fixed["chd"].head[:, 0], [9.0, *(9.0 - 2.0 * share), 7.0], rtol=1e-15)


def test_lists_hold_on_and_end(small: Make, read: Read) -> None:
    """ITMP < 0 holds a list, 0 ends it: the wells of the first period pump in the second and rest in the third."""
    model = small()
    model.add("Bas")
    model.add("Lpf", **lpf())
    model.add("Wel", stress_period_data={0: [[0, 0, 1, -30.0], [0, 0, 1, 4.0]], 2: 0})
    folder = model.write().parent
    wells = read(folder).problem.wells[0]
    assert_array_equal(wells.pumping_rate, [[30.0, 0.0], [30.0, 0.0], [0.0, 0.0]])
    assert_array_equal(wells.injection_rate, [[0.0, 4.0], [0.0, 4.0], [0.0, 0.0]])


@pytest.mark.parametrize(("option", "cells"), [(1, [0, 1, 3]), (2, [12, 13, 2, 3]), (3, [0, 1, 14, 3])])
def test_the_layer_of_recharge_and_evapotranspiration(option: int, cells: list[int], small: Make, read: Read) -> None:
    model = small()
    ibound = np.ones((2, 3, 4), dtype=int)
    ibound[0, 0, 2] = 0 if option != 2 else 1
    model.add("Bas", ibound=ibound)
    model.add("Lpf", **lpf())
    layer = np.zeros((3, 4), dtype=int)
    layer[0, :2] = 1
    model.add("Rch", nrchop=option, rech={0: 1e-3, 1: 2e-3}, irch=layer)
    model.add("Evt", nevtop=option, surf=9.0, evtr={0: 1e-3}, exdp=3.0, ievt=layer)
    problem = read(model.write()).problem
    rain, loss = (next(s for s in problem.stresses if isinstance(s, kind)) for kind in (Recharge, Evapotranspiration))
    assert [cell for cell in rain.cell.tolist() if cell % 12 < 4] == cells
    assert_array_equal(rain.recharge_rate[:, 0], [1e-3, 2e-3, 2e-3])
    assert loss.cell.tolist() == rain.cell.tolist()
    assert (loss.surface[0], loss.rate[0], loss.extinction_depth[0]) == (9.0, 1e-3, 3.0)


def test_nwt_wells_fade_as_their_file_says(small: Make, read: Read) -> None:
    model = small(version="mfnwt")
    model.add("Bas")
    model.add("Upw", **lpf(laytyp=[1, 0]))
    model.add("Nwt")
    model.add("Wel", stress_period_data={0: [[0, 0, 1, -30.0]]})
    name_file = model.write()
    lines = (name_file.with_suffix(".wel")).read_text().splitlines()
    name_file.with_suffix(".wel").write_text("\n".join([*lines[:2], "SPECIFY 0.25 20", *lines[2:]]) + "\n")
    imported = read(name_file)
    assert imported.problem.wells[0].flow_reduction == 0.25
    assert imported.problem.properties.averaging == "upstream"
    assert imported.report.program == "MODFLOW-NWT"


def test_measured_heads(small: Make, read: Read) -> None:
    model = small(itmuni=3)
    model.add("Bas")
    model.add("Lpf", **lpf())
    point = model.flopy.HeadObservation(
        model.model, layer=1, row=1, column=2, obsname="P1", time_series_data=[[1.0, 7.5], [24.0, 7.25]]
    )
    model.add("Hob", iuhobsv=0, obs_data=[point])
    found = read(model.write(), time_unit="").problem.observations
    assert (found.names, found.cell.tolist()) == (("P1",), [18])
    days, heads = found.measured["P1"]
    assert_allclose(days, [1.0 / 24.0, 1.0], rtol=1e-6)
    assert_allclose(heads, [7.5, 7.25])


def test_a_list_that_holds_on_moves_again(small: Make, read: Read) -> None:
    """CHD that is not given again repeats its way from head to head, as MODFLOW-2005 has it."""
    model = small()
    model.add("Bas")
    model.add("Lpf", **lpf())
    model.add("Chd", stress_period_data={0: [[0, 0, 0, 9.0, 9.0]], 1: [[0, 0, 0, 9.0, 7.0]]})
    (fixed,) = read(model.write()).problem.fixed_heads
    assert_allclose(fixed.head[5:, 0], 9.0 - 2.0 * np.array([1.0, 2.0, 3.0]) / 3.0, rtol=1e-15)


def test_what_flopy_notes_in_the_name_file(small: Make, read: Read) -> None:
    model = small()
    model.add("Bas")
    model.add("Lpf", **lpf())
    name_file = model.write()
    text = "\n".join(line for line in name_file.read_text().splitlines() if not line.startswith("#"))
    name_file.write_text(f"# xll:600000; yll:2200000; rotation:0.0; units:meters; lenuni:2; start_datetime:3/1/2011\n{text}\n")
    problem = read(name_file).problem
    assert (problem.grid.x_min, problem.grid.y_max) == (600000.0, 2200180.0)
    assert problem.schedule.start == "2011-03-01"


def test_means_that_are_not_harmonic(small: Make, read: Read) -> None:
    """They make no difference where all cells are alike, and are not supported elsewhere."""
    model = small()
    model.add("Bas")
    k = np.full((2, 3, 4), 5.0)
    package = model.add("Lpf", **lpf(layavg=[1, 2], hk=k))
    assert read(model.write()).report.unsupported == []
    package.hk[1][0, 0] = 6.0
    package.hk = np.stack([k[0], np.where(np.arange(12).reshape(3, 4) == 0, 6.0, 5.0)])
    model.model.remove_package("LPF")
    model.add("Lpf", **lpf(layavg=[1, 2], hk=np.stack([k[0], np.where(np.arange(12).reshape(3, 4) == 0, 6.0, 5.0)])))
    (text,) = read(model.write(), allow_partial=True).report.unsupported
    assert text == "LPF: conductances of layer_2 from means that are not harmonic (LAYAVG 2)."


def test_cells_without_conductivity_are_inactive(small: Make, read: Read) -> None:
    model = small()
    model.add("Bas")
    k = np.full((2, 3, 4), 5.0)
    k[0, 1, 1] = 0.0
    model.add("Lpf", **lpf(hk=k, vka=np.where(k == 0.0, 0.0, 0.5)))
    imported = read(model.write())
    assert not imported.problem.grid.active[0, 1, 1]
    assert "1 cell without conductivity are inactive" in " ".join(imported.report.converted)


def test_folders_with_blanks_in_their_name(tmp_path: Path, read: Read) -> None:
    assert read(write_twri(tmp_path / "my models" / "twri 1")).problem.grid.shape == (5, 15, 15)


def test_names_in_capitals_are_found(tmp_path: Path, read: Read) -> None:
    name_file = write_twri(tmp_path)
    change(name_file, "twri.wel", "TWRI.WEL")
    assert len(read(name_file).problem.wells[0].names) == 15
