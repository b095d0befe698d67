"""The Thai Binh model as input of MODFLOW 6: written by the package's engine, and told to keep what the other problems keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import problems

if TYPE_CHECKING:
    from pathlib import Path


def write(name: str, folder: Path, release: tuple[int, int, int]) -> None:
    """Write a problem for a release of MODFLOW 6, with the solver settings of P3.

    Output control, the table of observations and a table of iterations are as `modflow_input` has them.
    """
    from aquirecover.modflow.settings import ModflowSettings
    from aquirecover.modflow.write import MODEL, SIMULATION, write_model

    problem, _ = problems.make(name)
    folder.mkdir(parents=True)
    settings = ModflowSettings(outer_dvclose=1e-4, inner_dvclose=1e-5, inner_rclose=0.01)
    write_model(problem, folder, settings, release, save_flows=False)
    last = problem.schedule.n_period
    lines = ["BEGIN options", f"  HEAD FILEOUT {MODEL}.hds", "  BUDGETCSV FILEOUT budget.csv", "END options", ""]
    lines += [f"BEGIN period {last}", "  SAVE HEAD LAST", f"END period {last}", ""]
    (folder / f"{MODEL}.oc").write_text("\n".join(lines))
    points = folder / f"{MODEL}.obs"
    points.write_text(points.read_text().replace(f"{MODEL}.obs.csv", "obs.csv"))
    solver = folder / f"{SIMULATION}.ims"
    solver.write_text(solver.read_text().replace("BEGIN options", "BEGIN options\n  CSV_OUTER_OUTPUT FILEOUT outer.csv", 1))
