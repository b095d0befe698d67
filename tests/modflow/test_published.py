"""Published models, imported from the files of MODFLOW's own distribution: their published heads and budgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aquirecover.flow.problem import FlowResult
from aquirecover.flow.simulate import simulate
from aquirecover.modflow import ModflowSettings, Program
from aquirecover.modflow import simulate as simulate_modflow
from aquirecover.modflow.imports.reader import Imported

Read = Callable[..., Imported]
DATA = Path(__file__).parent / "data"
SECONDS = 86400.0
# The budget that MODFLOW-2005 1.11 printed, in m³/s: to five digits, and not closed by 6.4e-7.
FREYBERG_IN = {"riv": 4.1942e-3, "rch": 6.9500e-2}
FREYBERG_CLOSED = 1.2e-6
FREYBERG_OUT = {"constant_head": 4.7353e-3, "wells_wel": 2.2050e-2, "riv": 4.6910e-2}


def flows(result: FlowResult, volume: float) -> tuple[dict[str, float], dict[str, float]]:
    """Return inflow and outflow of the last step by term, in a unit of volume (m³) per second, without terms that are 0."""
    budget = result.budget
    both = [
        {term: flow / (volume * SECONDS) for term, flow in zip(budget.terms, table[-1], strict=True) if flow}
        for table in (budget.inflow, budget.outflow)
    ]
    return both[0], both[1]


def check_freyberg(result: FlowResult) -> None:
    import flopy

    active = result.problem.grid.active
    with flopy.utils.HeadFile(DATA / "freyberg" / "heads.bin") as file:
        expected = file.get_data()
    assert active.sum() == 705
    np.testing.assert_allclose(result.head[0][active], expected[active], rtol=0.0, atol=2e-5)
    inflow, outflow = flows(result, 1.0)
    assert inflow == pytest.approx(FREYBERG_IN, abs=FREYBERG_CLOSED)
    assert outflow == pytest.approx(FREYBERG_OUT, abs=FREYBERG_CLOSED)


def test_freyberg(read: Read) -> None:
    check_freyberg(simulate(read(DATA / "freyberg", length_unit="", time_unit="").problem))


@pytest.mark.mf6
def test_freyberg_by_modflow6(read: Read, mf6: Program) -> None:
    problem = read(DATA / "freyberg", length_unit="", time_unit="").problem
    check_freyberg(simulate_modflow(problem, modflow=ModflowSettings(closure="tight"), program=mf6))


def test_twri_of_parameters_zones_and_multipliers(read: Read) -> None:
    """The published budget, in ft³/s (the same from typed numbers in ``test_import_mf2005``)."""
    problem = read(DATA / "twrip", length_unit="feet", time_unit="").problem
    _, outflow = flows(simulate(problem), 0.3048**3)
    assert outflow["constant_head"] == pytest.approx(50.0774, abs=6e-5)
    assert outflow["drn"] == pytest.approx(32.4226, abs=6e-5)
