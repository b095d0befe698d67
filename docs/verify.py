"""Write verification.md with the errors that the verification tests measure: ``python docs/verify.py``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/verification"))

INTRO = """# Verification

The simulator against exact solutions and against other programs. Every row is a file of `tests/verification` that derives the
solution in its docstring, states its grid, and fails beyond the limit given here; the measured errors are those of
`python docs/verify.py`. Errors in per cent are of the drawdown, or of the time, at each point.

The published problems among them are part of the package (`src/aquirecover/verification`): `aquirecover verify` solves them on
your machine in half a minute, prints what was expected, what came out and the tolerance of each number, and ends with 1 when one
misses.

```sh
aquirecover verify
```

| test | what | compared with | largest error, or what came out | limit of the test |
|---|---|---|---|---|
"""

OUTRO = """
Orders of convergence that the tests assert: 2 in space for Thiem and for the image wells, 1 in the time step for Theis and Theis
recovery (backward Euler), 1 in space for Dupuit (upstream weighting of the saturated thickness, as MODFLOW 6 has it with Newton).

## Theis recovery, time by time

T 500 m²/d, S 2e-4, Q 1,000 m³/d for 30 d, at 100 m; 38 × 38 cells from 8 m at the well.

| time, d | exact residual drawdown, m | simulated, m | error, % |
|---|---|---|---|
{recovery}

## Where a published answer was not solved to its end

GWM-2005 ran STORAGE with closures of 0.001 ft. Its steady state lacks 0.08 % of its budget and lies 0.024 ft below the one that
closes, so that what the aquifers lose from there on comes out 1 % lower; MODFLOW 6, run tightly at the printed rates, gives the
losses found here within 2e-6, and from the steady heads that were printed, to four digits, they are the printed ones within 5e-4.
The objective and what binds hardly feel it. SEAWATER differs by 0.05 % because GWM took the arithmetic mean of transmissivity:
with a flow solver of the tests that takes it too (`tests/verification/arithmetic_seawater.py`) the limit has every digit that was
printed. The stages of the streams of STREAMFLOW and SUPPLY2 follow their flow; they are found by repeated simulation with rivers
of given stages (`verification/channels.py`), as the simulator has no streams of that kind.

## Other checks

- `tests/crosscheck`: heads of a basin of 50,000 cells over 30 years, confined and with a water table, against MODFLOW 6: within
  1e-6 m at ten wells and every step. Sixty small problems, one for each stress and property and several with all of them,
  against heads and every term of the budget of MODFLOW 6, stored, and of the program itself where it is there: within 1e-8 m,
  with the harmonic mean 5e-6 m; all scenarios of Thai Binh at 1 km ([MODFLOW 6](modflow.md)).
- `tests/modflow/test_published.py`: the basin of Freyberg (1988) and TWRI with parameters, imported from the files that the U.S.
  Geological Survey distributes: heads of MODFLOW-2005 within 2e-5 m, which is what its single precision leaves, and the budgets
  that it printed.
- `tests/properties`: superposition, reciprocity, mirror symmetry, restart (a + b = whole), and the solution multiplied back by
  the matrix, on random problems.
- `tests/regression`: every shipped scenario closes its water budget to 1e-6 at every step.
- `tests/faults`: kill -9 while files are written, and Ctrl-C; MODFLOW 6 killed, refused, without disk, or with half
  of its output.
"""


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield file, case, oracle, measured error and limit."""
    import test_dupuit
    import test_hantush_leaky
    import test_image_wells
    import test_recovery_times
    import test_stream_depletion
    import test_theis
    import test_theis_recovery
    import test_thiem
    import test_twri

    from aquirecover import analytical
    from aquirecover.flow.schedule import Schedule
    from aquirecover.flow.simulate import simulate

    yield "test_thiem", "steady radial flow, 161 × 161 cells", "Thiem 1906", f"{test_thiem.largest_error(80):.1e} m", "3.2e-4 m"
    model, exact = test_theis.drawdown(1.25, 40)
    yield "test_theis", "drawdown at 100 m, 0.1 to 30 d", "Theis 1935", _percent(model[:, 0], exact[:, 0]), "1 %"
    model = test_theis_recovery.residual_drawdown(1.25, test_theis_recovery.STEPS, (1.2, 1.3))
    yield (
        "test_theis_recovery", "residual drawdown at 100 m, 0.01 to 360 d after the stop", "Theis 1935",
        _percent(model, test_theis_recovery.EXACT), "1 %",
    )  # fmt: skip
    problem, radius = test_hantush_leaky.leaky(Schedule(1.0, steady=True))
    level = analytical.leaky_steady(
        test_hantush_leaky.RATE, test_hantush_leaky.TRANSMISSIVITY, test_hantush_leaky.LEAKANCE, radius
    )
    steady = -simulate(problem, test_hantush_leaky.DIRECT).observation_head[0]
    yield (
        "test_hantush_leaky",
        "leaky aquifer, steady and in time",
        "Hantush and Jacob 1955, de Glee",
        _percent(steady, level),
        "1 %",
    )
    yield "test_dupuit", "water table under recharge, 201 cells", "Dupuit 1863", f"{test_dupuit.error(200):.1e} m", "0.03 m"
    yield (
        "test_image_wells",
        "well between two streams, 81 columns",
        "image wells, Ferris et al. 1962",
        f"{test_image_wells.steady_error(80):.1e} m",
        "2e-4 m",
    )
    for (share, exact), case, source in (
        (test_stream_depletion.glover(), "clean stream, 0.5 to 5 years", "Glover and Balmer 1954"),
        (test_stream_depletion.hunt(), "clogged stream, 10 to 28 d", "Hunt 1999"),
    ):
        yield "test_stream_depletion", case, source, f"{np.abs(share - exact).max():.4f} of the pumping", "0.005 of the pumping"
    error = test_recovery_times.march_error()
    for i, fraction in ((1, "90 %"), (2, "99 %")):
        yield (
            "test_recovery_times",
            f"time to {fraction} by moments",
            "a march in 4,000 steps",
            f"{100.0 * error[i].max():.2g} %",
            "1 %",
        )
    for averaging in ("harmonic", "upstream"):
        head, *_ = test_twri.oracle(upstream=averaging == "upstream")
        found = test_twri.twri(averaging)
        error = f"{np.abs(found.head[0] - head).max():.1e} ft"
        yield (
            "test_twri",
            f"heads of MODFLOW's test problem, {averaging} thickness",
            "dense solution in the test",
            error,
            "1e-4 ft",
        )
        if averaging == "harmonic":
            for term, published in (("constant_head", 50.0774), ("drains", 32.4226)):
                flow = float(found.budget.outflow[0, found.problem.terms.index(term)])
                measured = f"{flow:.4f} ft³/s"
                yield (
                    "test_twri",
                    f"its flow out, {term.replace('_', ' ')}",
                    f"published {published} ft³/s",
                    measured,
                    "6e-5 ft³/s",
                )

    yield from second_order_rows()
    yield from managed_rows()


def second_order_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the rows of the second-order scheme."""
    import test_second_order as second

    result = second.theis(second.second_order(1e-3))
    error = np.abs(result.observation_head - second.exact_theis(result)).max()
    steps = sum(report.substeps for report in result.reports)
    case = f"Theis recovery in {steps} steps of second order, 1 mm allowed"
    yield "test_second_order", case, "the same cells, exact in time", f"{1e3 * error:.2f} mm", "1 mm"


def managed_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the rows of the limits that GWM-2005 prints."""
    from aquirecover.study.constraints import join
    from aquirecover.study.limits import LimitProblem, LimitSettings, Objective, find_limit
    from aquirecover.verification import managed, managed_basin
    from aquirecover.verification.checks import CHECKS

    problem, decisions, heads, limits = managed.dewater()
    question = LimitProblem(problem, tuple(decisions), (heads,), limits, Objective(np.ones(7), maximise=False))
    found = find_limit(question, managed.simulate_all).objective
    yield "test_managed", "least pumping of DEWATER", "GWM-2005: 2865.655 ft³/d", f"{found:.3f} ft³/d", "0.003 ft³/d"
    found = find_limit(managed.chance(question, 0.95), managed.simulate_all, LimitSettings(spread_every=0)).objective
    case = "the same with risk 0.95, 600 cells of uncertain K"
    yield "test_managed", case, "PEST++, opt_dewater_chance: 3,712.3 ft³/d", f"{found:,.1f} ft³/d", "0.37 ft³/d"
    problem, decisions, heads, rows = managed.maximin()
    question = LimitProblem(problem, tuple(decisions), (heads,), join(rows), Objective(np.arange(6) // 5 * 1.0))
    found = find_limit(question, managed.simulate_all).objective
    yield "test_managed", "highest least head of MAXIMIN", "GWM-2005: 44.59702 ft", f"{found:.5f} ft", "1e-3 ft"
    found = find_limit(managed_basin.drain(), managed.simulate_all).objective
    yield "test_managed", "drain outflow of DRAIN", "GWM-2005: 1,148,849 ft³/d", f"{found:,.0f} ft³/d", "11 ft³/d"
    problem, decisions, heads, rows = managed.seawater()
    question = LimitProblem(problem, tuple(decisions), (heads,), join(rows), Objective(np.array([1.0] * 5 + [-1.0] * 3)))
    found = find_limit(question, managed.simulate_all).objective
    case = "net pumping of SEAWATER, harmonic for arithmetic means"
    yield "test_managed", case, "GWM-2005: 14,087.8 ft³/d", f"{found:,.1f} ft³/d", "14 ft³/d"
    import test_managed_seawater as sea

    found = find_limit(sea.seawater_question(), sea.with_arithmetic_means).objective
    case = "the same with another flow solver, arithmetic means"
    yield "test_managed_seawater", case, "GWM-2005: 14,087.82 ft³/d", f"{found:,.3f} ft³/d", "0.005 ft³/d"
    tests = {"DEWATERMB": "test_managed", "STORAGE": "test_managed_storage", "STREAMFLOW": "test_managed_streams"}
    for check in CHECKS:
        if check.problem in (*tests, "SUPPLY2"):
            first = check.numbers()[0]
            unit = {"ft3": " ft³", "ft3/d": " ft³/d"}.get(first.unit, "")
            numbers = f"{check.source}: {first.expected:,.2f}{unit}", f"{first.got:,.2f}{unit}", f"{first.tolerance:,.2g}{unit}"
            yield tests.get(check.problem, "test_managed_streams"), f"{first.what} of {check.problem}", *numbers


def _percent(model: np.ndarray, exact: np.ndarray) -> str:
    return f"{100.0 * np.abs(model / exact - 1.0).max():.2g} %"


def recovery_rows() -> str:
    """Return the table of Theis recovery."""
    import test_theis_recovery as theis

    model = theis.residual_drawdown(1.25, theis.STEPS, (1.2, 1.3))
    lines = zip(theis.TIMES, theis.EXACT, model, 100.0 * (model / theis.EXACT - 1.0), strict=True)
    return "\n".join(f"| {t:g} | {e:.6f} | {m:.6f} | {p:+.2f} |" for t, e, m, p in lines)


def main() -> None:
    """Write the page."""
    table = [f"| `{name}` | {what} | {oracle} | {error} | {limit} |" for name, what, oracle, error, limit in rows()]
    text = INTRO + "\n".join(table) + "\n" + OUTRO.format(recovery=recovery_rows())
    (ROOT / "docs/verification.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
