"""Derivatives of simulations by the backward sweep, against central differences, unit runs and themselves."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from aquirecover.errors import ConvergenceError, ResourceError
from aquirecover.flow import functionals
from aquirecover.flow.adjoint import SensitivitySettings, sensitivities
from aquirecover.flow.functionals import Functionals, Terms, WeightedSums, Weights
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.problem import Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.sensitivities import Sensitivities
from aquirecover.flow.simulate import SimulateSettings, TimeSettings
from aquirecover.flow.stresses import Drain, FixedHead, FlowBarrier, GeneralHead, Recharge, Stress, Wells
from aquirecover.flow.trajectory import Trajectory
from aquirecover.flow.transposed import DIRECT_CELLS, TransposedSolver
from differences import TIGHT, compare, with_input
from random_problems import random_barriers
from small_problems import plain_grid, plain_problem, random_problem

SCHEDULE = Schedule([1.0, 30.0, 0.0, 60.0, 45.0], [1, 3, 1, 2, 2], 1.3, [True, False, True, False, False])


def everything(seed: int, averaging: str = "upstream", curtailed: bool = False, schedule: Schedule = SCHEDULE) -> Problem:
    """Return a problem with all terms: screened wells, barriers, leakance, what varies by period and what does not.

    Wells that are curtailed ask more of the water table than it can give.
    """
    random = np.random.default_rng(seed)
    base = random_problem(seed, n_y=4, n_x=5, schedule=schedule)
    grid, given = base.grid, vars(base.properties)
    leakance = np.where(random.random((2, 4, 5)) < 0.3, 2e-3, np.nan)
    properties = AquiferProperties(grid, **{**given, "leakance": leakance, "averaging": averaging})
    fixed = {int(cell) for boundary in base.fixed_heads for cell in boundary.cell}
    column = next(c for c in range(20) if {c, c + 40}.isdisjoint(fixed) and grid.active.flat[c] and grid.active.flat[c + 40])
    screened = Wells(
        [column, column + 40],
        random.uniform(10.0, 60.0, (schedule.n_period, 1)),
        well=[0, 0],
        fraction=[0.3, 0.7],
        names=["screened"],
        name="screened",
    )
    stresses = [copy.copy(stress) for stress in base.stresses]
    wells = next(stress for stress in stresses if isinstance(stress, Wells))
    if curtailed:
        shallow = [c for c in range(19, 0, -1) if c not in fixed and grid.active.flat[c]]
        wells.cell, wells.pumping_rate = np.array(shallow[:3]), 12.0 * wells.pumping_rate
    drain = next(stress for stress in stresses if isinstance(stress, Drain))
    drain.elevation = np.linspace(12.0, 9.5, schedule.n_period)[:, None] + np.zeros(drain.n)
    boundary = base.fixed_heads[0]
    rising = boundary.head + 0.2 * np.arange(schedule.n_period)[:, None]
    return replace(
        base,
        properties=properties,
        stresses=(*stresses, screened),
        fixed_heads=(FixedHead(boundary.cell, rising),),
        barriers=random_barriers(random, grid),
    )


def looked_at(problem: Problem) -> list[Functionals]:
    """Return functionals of every kind."""
    n = problem.schedule.n_step
    active = np.flatnonzero(problem.grid.active)
    chosen = np.random.default_rng(1).choice(active, 3, replace=False)
    drain = next(stress for stress in problem.stresses if isinstance(stress, Drain))
    number = np.arange(problem.grid.n_cell).reshape(problem.grid.shape)
    fixed = np.isin(number, np.concatenate([boundary.cell for boundary in problem.fixed_heads]))
    joined = problem.grid.active[:-1] & problem.grid.active[1:] & ~(fixed[:-1] & fixed[1:])
    start = Weights(heads=Terms(0, n - 1, chosen[:1]), initial_heads=Terms(0, 0, chosen[:1], -1.0))
    return [
        functionals.heads(("last", "middle", "first"), [n - 1, n // 2, 1], chosen),
        functionals.stress_inflow("drained", drain.name, np.arange(n)[:, None], np.arange(drain.n), -1.0),
        functionals.stress_inflow("pumped", "wells", n - 2, np.arange(problem.wells[0].n), -1.0),
        functionals.storage_change("stored", active[::2], 2, n - 1),
        functionals.fixed_head_inflow("supplied", problem, "fixed_head", n - 1),
        functionals.flow_between("leaking", n - 1, number[:-1][joined], number[1:][joined]),
        WeightedSums(("risen",), "m", start),
    ]


def check(problem: Problem, settings: SensitivitySettings = TIGHT) -> Sensitivities:
    """Compare all derivatives of a problem with central differences; return them."""
    compared = compare(problem, looked_at(problem), settings)
    assert set(compared.errors) == set(compared.found.derivative), "too near a bend to tell"
    assert max(compared.errors.values()) <= 1e-5, compared.errors
    assert compared.resolved > 0.8
    return compared.found


@pytest.mark.parametrize("averaging", ["upstream", "harmonic"])
@pytest.mark.parametrize("seed", [1, 2])
def test_central_differences(seed: int, averaging: str) -> None:
    found = check(everything(seed, averaging))
    assert found.result.pumping_rate_actual == pytest.approx(found.result.pumping_rate, rel=1e-12)


@pytest.mark.parametrize(("seed", "averaging"), [(1, "harmonic"), (2, "upstream")])
def test_central_differences_of_curtailed_wells(seed: int, averaging: str) -> None:
    found = check(everything(seed, averaging, curtailed=True))
    assert (found.result.pumping_rate_actual < 0.9 * found.result.pumping_rate).any()


def test_central_differences_of_second_order_steps() -> None:
    """Steps as long as those of the schedule, since the lengths are held when a derivative is taken."""
    simulated = replace(TIGHT.simulate, time=TimeSettings("sdirk2", head_error=1e6))
    found = check(everything(2), replace(TIGHT, simulate=simulated))
    assert max(report.substeps for report in found.result.reports) == 1


def test_central_differences_of_cut_steps() -> None:
    grid = plain_grid(1, 12, bottom=(0.0,))
    properties = AquiferProperties(grid, 2.0, specific_storage=1e-5, specific_yield=0.2, convertible=True)
    cell = np.arange(12)
    stresses = (Wells([4, 8], [[900.0, 700.0], [0.0, 100.0]]), Drain(cell, 0.5, 10.0), Recharge(cell, 1e-3, "recharge"))
    schedule = Schedule([100.0, 50.0], [1, 2])
    problem = plain_problem(grid, stresses, (FixedHead([0], 3.0),), head=3.0, properties=properties, schedule=schedule)
    newton = NewtonSettings(tolerance=1e-14, head_change=1e-9, max_iterations=5, max_cuts=10)
    found = check(problem, replace(TIGHT, simulate=replace(TIGHT.simulate, newton=newton)))
    assert found.result.reports[0].substeps > 1


def confined(n_y: int = 5, n_x: int = 6) -> Problem:
    """Return a linear problem of two layers."""
    random = np.random.default_rng(3)
    grid = plain_grid(n_y, n_x, bottom=(0.0, -30.0))
    k = 10.0 ** random.uniform(-1.0, 1.5, grid.shape)
    properties = AquiferProperties(grid, k, 0.01 * k, specific_storage=1e-4)
    wells = Wells(grid.cell(1, [1, n_y - 2], [2, n_x - 2]), np.zeros((3, 2)))
    stresses = (wells, Recharge(np.arange(n_y * n_x), np.full((3, n_y * n_x), 1e-3)), GeneralHead(grid.cell(0, 0, 0), 5.0, 20.0))
    schedule = Schedule([1.0, 40.0, 30.0], [1, 3, 2], 1.4, [True, False, False])
    return plain_problem(
        grid, stresses, (FixedHead(grid.cell([0, 1], 0, n_x - 1), 4.0),), properties=properties, schedule=schedule
    )


@pytest.mark.parametrize("shape", [(5, 6), (24, 25)])
def test_unit_runs_of_a_linear_problem(shape: tuple[int, int]) -> None:
    """By factors and, on the larger grid, by conjugate gradients."""
    problem = confined(*shape)
    n = problem.schedule.n_step
    wells, other = problem.wells[0], int(problem.grid.cell(0, 2, 3)[0])
    cell = np.tile([*wells.cell.tolist(), other], n)
    family = functionals.heads([str(i) for i in range(3 * n)], np.repeat(np.arange(n), 3), cell)
    settings = replace(TIGHT, simulate=SimulateSettings(newton=NewtonSettings(tolerance=1e-15)))
    found = sensitivities(problem, [family], settings, ["wells.pumping_rate"])
    none = sensitivities(problem, [family], settings, ()).value
    unit = 1e4
    for period in range(3):
        for well in range(2):
            rate = np.zeros((3, 2))
            rate[period, well] = unit
            changed = with_input(problem, "wells.pumping_rate", rate)
            response = (sensitivities(changed, [family], settings, ()).value - none) / unit
            found_response = found.derivative["wells.pumping_rate"][:, period, well]
            assert found_response == pytest.approx(response, abs=1e-9 * np.abs(response).max())


def test_a_large_convertible_problem_by_both_solvers() -> None:
    problem = random_problem(3, n_y=20, n_x=21)
    families = looked_at(problem)
    keys = ["k", "k33", "specific_yield", "wells", "river", "fixed_head"]
    newton = NewtonSettings(tolerance=1e-12)
    direct = sensitivities(
        problem, families, SensitivitySettings(SimulateSettings(newton, linear=LinearSettings("direct"))), keys
    )
    krylov = sensitivities(problem, families, SensitivitySettings(SimulateSettings(newton)), keys)
    assert problem.grid.n_cell > DIRECT_CELLS
    for key, expected in direct.derivative.items():
        for own, other in zip(krylov.derivative[key], expected, strict=True):
            assert own == pytest.approx(other, abs=1e-7 * np.abs(other).max()), key


def test_functionals_are_those_of_the_result() -> None:
    problem = everything(1)
    found = sensitivities(problem, looked_at(problem), wanted=())
    assert found.derivative == {}
    result, budget = found.result, found.result.budget
    n, terms = problem.schedule.n_step, budget.terms
    value = dict(zip(found.names, found.value, strict=True))
    assert value["drained"] == pytest.approx(budget.outflow[:, terms.index("drain")].sum(), rel=1e-9)
    net = result.pumping_rate_actual[n - 2, :3].sum() - problem.wells[0].injection_rate.sum()
    assert value["pumped"] == pytest.approx(net, rel=1e-12)
    place = terms.index("fixed_head")
    assert value["supplied"] == pytest.approx(budget.inflow[-1, place] - budget.outflow[-1, place], rel=1e-9)
    assert value["last"] == pytest.approx(result.head[-1].ravel()[looked_at(problem)[0].given.heads.place[0]], abs=0.0)


def test_stored_water_is_what_the_budget_takes() -> None:
    problem = everything(1, schedule=Schedule([30.0, 60.0], [3, 2], 1.3))
    everywhere = functionals.storage_change("stored", np.flatnonzero(problem.grid.active), 1, 3)
    found = sensitivities(problem, [everywhere], wanted=())
    taken = found.result.budget.outflow[1:4, 0] - found.result.budget.inflow[1:4, 0]
    assert found.value[0] == pytest.approx(problem.schedule.step_length[1:4] @ taken, rel=1e-9)
    assert found.units == ("m3",)


class Misfit(Functionals):
    """Squares of head differences, and of the flow of a drain."""

    names, unit = ("misfit", "squared"), "m2"

    def __init__(self, cells: Sequence[int]) -> None:
        self.at = list(zip((2, 5), cells, strict=True))

    def weights(self, trajectory: Trajectory) -> Weights:
        drain = trajectory.stress_flow("drain", 3)
        step, cell = zip(*self.at, strict=True)
        heads = Terms(0, step, cell, [2.0 * (trajectory.head(s).flat[c] - 9.0) for s, c in self.at])
        return Weights(heads=heads, stress_flows={"drain": Terms(1, 3, np.arange(drain.size), 2.0 * drain)})

    def values(self, trajectory: Trajectory) -> np.ndarray:
        squares = sum((trajectory.head(s).flat[c] - 9.0) ** 2 for s, c in self.at)
        return np.array([squares, (trajectory.stress_flow("drain", 3) ** 2).sum()])


def test_a_functional_of_ones_own() -> None:
    problem = everything(2)
    compared = compare(problem, [Misfit(problem.wells[0].cell[:2].tolist())])
    assert max(compared.errors.values()) <= 1e-5
    assert compared.resolved > 0.9


class Spring(Stress):
    """Water that leaves above an elevation, with the square of the height."""

    kind = "spring"

    def __init__(self, cell, factor, named):
        super().__init__("spring", cell)
        self.factor, self.named = np.full(self.n, factor), named

    def flow(self, head, period, cells):
        height = np.maximum(head - 8.0, 0.0)
        return -self.factor * height**2, -2.0 * self.factor * height

    def values(self):
        return {"conductance": self.factor} if self.named else {}


def test_a_stress_of_ones_own() -> None:
    base = everything(1)
    top = next(stress for stress in base.stresses if stress.name == "recharge").cell[:4]
    problem = replace(base, stresses=(*base.stresses, Spring(top, 2.0, named=False)))
    check(problem)
    named = replace(base, stresses=(*base.stresses, Spring(top, 2.0, named=True)))
    with pytest.raises(ValueError, match=r"spring\.conductance: Spring does not give the derivative of its flow with respect to"):
        sensitivities(named, looked_at(named))
    assert sensitivities(named, looked_at(named), wanted=["wells"]).derivative["wells.pumping_rate"].any()


def test_memory_does_not_matter() -> None:
    """Heads in a file, and one functional after another."""
    problem, keys = everything(1), ["screened.pumping_rate", "river"]
    plain = sensitivities(problem, looked_at(problem), wanted=keys)
    little = sensitivities(problem, looked_at(problem), SensitivitySettings(memory=5e-6), keys)
    assert np.array_equal(little.value, plain.value)
    assert set(little.derivative) == {"screened.pumping_rate", "river.stage", "river.conductance", "river.bottom_elevation"}
    for key, expected in plain.derivative.items():
        assert np.array_equal(little.derivative[key], expected)


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = everything(1)
    with pytest.raises(ResourceError, match=r"need .* GiB: must be 1e-06 or less\. Name fewer inputs"):
        sensitivities(problem, looked_at(problem), SensitivitySettings(memory=1e-6))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(ResourceError, match=r"The heads of the simulation need .* Give more memory"):
        sensitivities(problem, looked_at(problem), SensitivitySettings(memory=1e-6), wanted=())


def test_progress_counts_both_ways() -> None:
    seen: list[tuple[int, int, float]] = []
    problem = everything(1)
    sensitivities(problem, looked_at(problem), wanted=["wells"], progress=lambda *news: seen.append(news))
    n = problem.schedule.n_step
    assert [done for done, _, _ in seen] == list(range(1, 2 * n + 1))
    assert {total for _, total, _ in seen} == {2 * n}
    assert seen[-1][2] == problem.schedule.step_time[0]


def test_a_sweep_that_fails_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self, matrix, r, target):
        return 0.0 * r

    monkeypatch.setattr(TransposedSolver, "_correction", fail)
    problem = everything(1)
    with pytest.raises(ConvergenceError, match=r"Backwards in period 5, step 9: the adjoint system is not solved, 1 of its"):
        sensitivities(problem, looked_at(problem), wanted=["k"])


def test_the_head_of_a_dry_cell_is_refused_where_nothing_determines_it() -> None:
    grid = plain_grid(1, 4, bottom=(0.0,))
    properties = AquiferProperties(grid, 2.0, specific_storage=1e-5, specific_yield=0.2, convertible=True)
    problem = plain_problem(
        grid, (Recharge([1], 1e-3),), (FixedHead([0], 3.0),), head=[[[3.0, 3.0, -1.0, -1.0]]], properties=properties
    )
    problem = replace(problem, barriers=(FlowBarrier([1], [2], 0.0),))
    with pytest.raises(
        ValueError, match=r"dry: layer 1, row 1, column 4 is dry in period 1, step 1, and nothing determines its head"
    ):
        sensitivities(problem, [functionals.heads(["wet", "dry"], 0, [1, 3])])
    wet = sensitivities(problem, [functionals.heads(["wet"], 0, [1])])
    assert wet.derivative["recharge.recharge_rate"][0, 0] > 0.0


@pytest.mark.parametrize(
    ("family", "wanted", "message"),
    [
        (functionals.heads(["a"], 99, [27]), None, "a: step 99: must be 0 to 5."),
        (functionals.heads(["a", "b"], 1, [27, 999]), None, "b: cell 999: must be 0 to 59."),
        (functionals.heads(["a"], 1, [30]), None, "a: layer 2, row 1, column 1 is inactive: must be an active cell."),
        (
            functionals.stress_inflow("a", "canal", 1, 0),
            None,
            "a: no stress is called 'canal'; there are wells, recharge, general_",
        ),
        (functionals.stress_inflow("a", "recharge", 1, 50), None, "a: connection of recharge 50: must be 0 to 29."),
        (functionals.flow_between("a", 1, 27, 29), None, "a: layer 1, row 5, column 4 and layer 1, row 5, column 6 must share"),
        (functionals.flow_between("a", 1, 5, 35), None, "must share a face and not both have a fixed head."),
        (WeightedSums(("a",), "m", Weights(face_flows=Terms(0, 1, 27))), None, "a: 1 cells and 0 neighbours do not fit."),
        (WeightedSums(("a",), "m", Weights(heads=Terms(1, 1, 27))), None, "a weight has row 1: must be 0 to 0."),
        (WeightedSums(("a",), "m", Weights(heads=Terms(0, 1, 27, np.nan))), None, "a: a weight is not finite."),
        (functionals.heads(["a"], 1, [27]), ["porosity"], "porosity: no such input. There are k, k22, k33, leakance,"),
        (functionals.heads([], (), ()), None, "functionals is empty: give one or more."),
    ],
)
def test_what_is_not_there_is_refused(family: Functionals, wanted: list[str] | None, message: str) -> None:
    problem = confined()
    active = np.arange(60).reshape(2, 5, 6) != 30
    grid = plain_grid(5, 6, bottom=(0.0, -30.0), active=active)
    with pytest.raises(ValueError, match=re.escape(message)):
        sensitivities(replace(problem, grid=grid), [family], wanted=wanted)


def test_two_inputs_of_one_name_are_refused() -> None:
    problem = everything(1)
    with pytest.raises(ValueError, match=r"Two inputs are called flow_barrier\.hydraulic_characteristic: give"):
        sensitivities(replace(problem, barriers=problem.barriers * 2), looked_at(problem), wanted=())
