"""Write the reference heads and budgets of the scenarios of Thai Binh at 1 km with a real MODFLOW 6.

``PYTHONPATH=src:tests:tests/crosscheck python tests/crosscheck/make_thai_binh_references.py PATH``, with the path of the program.
"""

from __future__ import annotations

import sys

import numpy as np
from test_thai_binh_modflow6 import REFERENCES, SCENARIOS, load

from aquirecover.modflow import ModflowSettings, find_program, simulate


def thinned(values: np.ndarray) -> np.ndarray:
    """Return values to 34 binary digits, ten decimal ones, which are packed closer."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2.0**34), exponent - 34)


def main(path: str) -> None:
    """Run every scenario that is not there at tight closure; keep heads at observation points and flows by term."""
    program = find_program(path)
    arrays: dict[str, np.ndarray] = dict(np.load(REFERENCES)) if REFERENCES.exists() else {}
    if str(arrays.get("sha256", program.sha256)) != program.sha256:
        sys.exit(f"{REFERENCES} is of another program: remove it first.")
    arrays |= {"version": np.array(program.version), "sha256": np.array(program.sha256)}
    for name in (name for name in SCENARIOS if f"{name}/inflow" not in arrays):
        result = simulate(load(name).problem, modflow=ModflowSettings(closure="tight"), program=program)
        arrays[f"{name}/observation_head"] = thinned(result.observation_head)
        arrays[f"{name}/inflow"], arrays[f"{name}/outflow"] = thinned(result.budget.inflow), thinned(result.budget.outflow)
        np.savez_compressed(REFERENCES, **arrays)
        print(name, f"{result.elapsed:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
