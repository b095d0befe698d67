"""Single linear systems of the problems: the native solver, scipy's direct solver (SuperLU) and pyamg, to the same residual.

All get the same matrix in memory, without the rows of known heads, and stop when the absolute residuals sum to 1e-9 of those at
the start. SuperLU has the settings of the package's own direct solver: minimum degree on A + Aᵀ, symmetric mode, no pivoting. Of
pyamg the fastest of a few settings that did best on these problems is shown for each kind: smoothed aggregation with symmetric
strength 0 and 0.1, Ruge and Stüben with classical strength 0.25 and 0.5; conjugate gradients, BiCGSTAB where the matrix is not
symmetric.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.children import ChildError, work
from benchmarks.worker import resident_mb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aquirecover.flow.matrix import Matrix
    from benchmarks.context import Context

    Outcome = tuple[NDArray[np.float64], dict[str, Any]]

REDUCTION = 1e-9
SYSTEMS = ("P1 steady", "P1 month", "P5 month", "P2 month", "thai_binh/1km month")
SOLVERS = ("native", "SuperLU", "pyamg, smoothed aggregation", "pyamg, Ruge and Stüben")
AGGREGATION, CLASSICAL = (0.0, 0.1), (0.25, 0.5)
LEAST, MOST = 0.3, 20
LIMIT, LIMIT_QUICK = 80.0, 30.0


def linear_task(problem: str, kind: str, solver: str, folder: str, threads: int = 1) -> dict[str, Any]:
    """Solve the first correction of a problem's second period; keep or compare the solution in a folder."""
    from benchmarks import native, problems

    given, settings = problems.make(problem)
    system, make_matrix, rhs = native.assembled(given, kind == "month")
    matrix = make_matrix()
    del system, given
    before = resident_mb()
    if solver == "native":
        x, record = _native(matrix, rhs, native.with_threads(settings, threads))
    elif solver == "SuperLU":
        x, record = _direct(matrix, rhs)
    else:
        x, record = _algebraic(matrix, rhs, solver)
    left = rhs - matrix.multiply(x)
    record |= {
        "solver": solver,
        "unknowns": int(matrix.unknown.sum()),
        "symmetric": matrix.symmetric,
        "residual": float(np.abs(left).sum() / np.abs(rhs).sum()),
        "memory_before_mb": before,
    }
    return {**record, "difference_m": _difference(x, Path(folder) / "solution.npy", matrix, rhs)}


def _difference(x: NDArray[np.float64], path: Path, matrix: Matrix, rhs: NDArray[np.float64]) -> float:
    """Return the largest difference from the reference, which the first caller makes by solving to 1e-13."""
    from aquirecover.flow.linear import LinearSettings
    from benchmarks import native

    if not path.exists():
        np.save(path, native.solve_once(matrix, rhs, 1e-13, LinearSettings()).solution)
    return float(np.abs(x - np.load(path)).max())


def _repeated(setup: Callable[[], Any], solve: Callable[[Any], Any]) -> tuple[Any, dict[str, float]]:
    """Return what `solve` gives, and the shortest times of both over several goes."""
    setups: list[float] = []
    solves: list[float] = []
    while not setups or (sum(setups) + sum(solves) < LEAST and len(setups) < MOST):
        begin = time.perf_counter()
        made = setup()
        ready = time.perf_counter()
        outcome = solve(made)
        solves.append(time.perf_counter() - ready)
        setups.append(ready - begin)
        del made
    return outcome, {
        "setup_s": min(setups),
        "solve_s": min(solves),
        "seconds": min(a + b for a, b in zip(setups, solves, strict=True)),
    }


def _native(matrix: Matrix, rhs: NDArray[np.float64], settings: Any) -> Outcome:
    from dataclasses import replace

    from benchmarks import native

    def fresh() -> Matrix:
        copy = replace(matrix)
        _ = copy.hierarchy
        return copy

    native.solve_once(fresh(), rhs, REDUCTION, settings.linear)
    result, record = _repeated(fresh, lambda copy: native.solve_once(copy, rhs, REDUCTION, settings.linear))
    return result.solution, {**record, "iterations": result.iterations}


def _unknowns(matrix: Matrix, rhs: NDArray[np.float64]) -> tuple[Any, NDArray[np.float64], Callable[[Any], NDArray[np.float64]]]:
    """Return the system of the unknowns alone, and what puts its solution back among all cells."""
    inside = matrix.unknown.ravel()
    sparse = matrix.to_sparse().tocsr()[inside][:, inside]

    def whole(x: NDArray[np.float64]) -> NDArray[np.float64]:
        result = np.zeros(inside.size)
        result[inside] = x
        return result.reshape(rhs.shape)

    return sparse, rhs.ravel()[inside], whole


def _direct(matrix: Matrix, rhs: NDArray[np.float64]) -> Outcome:
    from scipy.sparse import linalg

    sparse, b, whole = _unknowns(matrix, rhs)
    columns = sparse.tocsc()
    options: dict[str, Any] = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
    x, record = _repeated(lambda: linalg.splu(columns, **options), lambda factor: factor.solve(b))
    return whole(x), {**record, "iterations": 0}


def _algebraic(matrix: Matrix, rhs: NDArray[np.float64], solver: str) -> Outcome:
    import pyamg

    sparse, b, whole = _unknowns(matrix, rhs)
    target = REDUCTION * float(np.abs(b).sum())
    method = pyamg.krylov.cg if matrix.symmetric else pyamg.krylov.bicgstab
    best: tuple[Any, dict[str, Any]] | None = None
    for theta in AGGREGATION if "aggregation" in solver else CLASSICAL:

        def setup(theta: float = theta) -> Any:
            if "aggregation" in solver:
                return pyamg.smoothed_aggregation_solver(sparse, strength=("symmetric", {"theta": theta}))
            return pyamg.ruge_stuben_solver(sparse, strength=("classical", {"theta": theta}))

        enough = _iterations_needed(sparse, b, target, method, setup().aspreconditioner())

        def solve(made: Any, enough: int = enough) -> Any:
            return method(sparse, b, tol=1e-30, maxiter=enough, M=made.aspreconditioner())[0]

        x, record = _repeated(setup, solve)
        if best is None or record["seconds"] < best[1]["seconds"]:
            best = x, {**record, "iterations": enough, "setting": f"strength {theta:g}"}
    assert best is not None
    return whole(best[0]), best[1]


def _iterations_needed(
    sparse: Any, b: NDArray[np.float64], target: float, method: Callable[..., Any], preconditioner: Any
) -> int:
    """Return the iterations after which the absolute residuals sum to less than a target.

    Counted apart, so that the timed run computes no residuals beside its own.

    Raises
    ------
    RuntimeError
        When 500 are not enough.
    """
    count = 0

    class Enough(Exception):  # noqa: N818 - stops the iteration, no error
        pass

    def look(x: NDArray[np.float64]) -> None:
        nonlocal count
        count += 1
        if np.abs(b - sparse @ x).sum() <= target:
            raise Enough

    try:
        method(sparse, b, tol=1e-30, maxiter=500, M=preconditioner, callback=look)
    except Enough:
        return count
    raise RuntimeError("no convergence in 500 iterations")


def measure_system(context: Context, system: str) -> dict[str, Any]:
    """Solve one of `SYSTEMS` with every solver, each in a process of its own."""
    problem, kind = system.split()
    record: dict[str, Any] = {"problem": problem, "kind": kind, "solvers": {}}
    folder = context.folder / "systems"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "solution.npy").unlink(missing_ok=True)
    for solver in SOLVERS:
        for threads in range(1, context.threads + 1) if solver == "native" else (1,):
            context.say(f"linear systems: {problem}, {kind}, {solver}")
            name = f"native, {threads} threads" if threads > 1 else solver
            limit = LIMIT_QUICK if context.quick else LIMIT
            arguments: dict[str, Any] = {"problem": problem, "kind": kind, "solver": solver, "folder": folder, "threads": threads}
            try:
                record["solvers"][name] = work("linear", limit=limit, **arguments)
            except ChildError as failure:
                record["solvers"][name] = {"missing": str(failure)}
    return record
