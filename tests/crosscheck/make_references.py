"""Write the reference heads and budgets of `problems` with a real MODFLOW 6.

``PYTHONPATH=src:tests:tests/crosscheck python tests/crosscheck/make_references.py PATH``, with the path of the program.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from problems import PROBLEMS

from aquirecover.modflow import ModflowSettings, find_program, simulate

REFERENCES = Path(__file__).parent / "data" / "modflow6.npz"


def main(path: str) -> None:
    """Run every problem that is not there at tight closure; keep heads of active cells, and flows by term."""
    program = find_program(path)
    arrays: dict[str, np.ndarray] = dict(np.load(REFERENCES)) if REFERENCES.exists() else {}
    if str(arrays.get("sha256", program.sha256)) != program.sha256:
        sys.exit(f"{REFERENCES} is of another program: remove it first.")
    arrays |= {"version": np.array(program.version), "sha256": np.array(program.sha256)}
    for name, make in ((name, make) for name, make in PROBLEMS.items() if f"{name}/head" not in arrays):
        result = simulate(make(), modflow=ModflowSettings(closure="tight"), program=program)
        arrays[f"{name}/head"] = result.head[:, result.problem.grid.active]
        arrays[f"{name}/inflow"], arrays[f"{name}/outflow"] = result.budget.inflow, result.budget.outflow
        arrays[f"{name}/delivered"] = result.pumping_rate_actual
    np.savez_compressed(REFERENCES, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
