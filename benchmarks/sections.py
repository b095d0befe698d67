"""The sections of docs/performance.md below its table of aims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import fields, native
from benchmarks.hardware import SWEEP_BYTES, TRIAD_BYTES
from benchmarks.modflow_io import NAMES
from benchmarks.plots import measured_runs
from benchmarks.sizes import fitted_exponent
from benchmarks.systems import SYSTEMS
from benchmarks.tables import Record, metres, name_of, number, ratio, reason, seconds, table, times

if TYPE_CHECKING:
    from benchmarks.store import Store

ENGINES = {"native 1": "native, 1 thread", "native 2": "native, 2 threads", "modflow6": "MODFLOW 6"}


def machine(store: Store) -> str:
    """Say on what machine and with what versions."""
    record = store["hardware"].get("machine")
    if record is None:
        return reason(store["hardware"])
    caches = ", ".join(f"{level} {size}" for level, size in record["caches"].items())
    programs = [f"{name} {version}" for name, version in record["versions"].items()]
    if "modflow6" in record:
        programs.append(f"MODFLOW 6 ({record['modflow6']})")
    return (
        f"- {record['processor']}; {record['cores']} cores; caches {caches}; {record['memory_gib']:.0f} GiB; {record['system']}\n"
        f"- {', '.join(programs)}\n"
    )


def runs(store: Store) -> str:
    """Tabulate the runs side by side."""
    records = measured_runs(store)
    if not records:
        return reason(store["runs/P1"])
    cost: list[tuple[str, ...]] = []
    quality: list[tuple[str, ...]] = []
    for problem, record in records.items():
        name, size = name_of(problem), f"{record['cells']:,} × {record['steps']}"
        for engine, label in ENGINES.items():
            run = record["engines"].get(engine)
            if run is None:
                continue
            if "seconds" not in run:
                cost.append((name, size, label, f"not run: {run['missing']}", "", "", "", ""))
                continue
            cost.append((name, size, label, *_cost(record, engine, run)))
            quality.append((name, label, *_quality(run), record["reference"] if name else ""))
            name = size = ""
    return (
        table(
            "problem | cells × steps | engine | time (runs) | faster | start | processor time | peak memory (at start), MB", cost
        )
        + "\n"
        + table("problem | engine | iterations, inner / outer | observed heads | last field | budget error | reference", quality)
    )


def _cost(record: Record, engine: str, run: Record) -> tuple[str, ...]:
    """Return the columns about time and memory of a run."""
    faster = "1" if engine == "modflow6" else times(ratio(record, int(engine[-1])))
    memory = f"{run['peak_mb']:,.0f}" + (f" ({run['memory_before_mb']:,.0f})" if "memory_before_mb" in run else "")
    taken = f"{seconds(run['seconds'])} ({run['repeats']})"
    return taken, faster, seconds(run["start_s"]), seconds(run["cpu_s"]), memory


def _quality(run: Record) -> tuple[str, ...]:
    """Return the columns about iterations and errors of a run."""
    iterations = f"{run['inner']:,} / {run['outer']:,}"
    return iterations, metres(run.get("observed_m")), metres(run.get("last_m")), number(run["budget_error"])


def split(store: Store) -> str:
    """Tabulate where the time goes."""
    rows = []
    for problem, record in measured_runs(store).items():
        run: Record = record["engines"].get("native 1", {})
        if "split_s" in run:
            parts = [seconds(run["split_s"].get(kind, 0.0)) for kind in native.KINDS]
            rows.append((name_of(problem), *parts, seconds(run["seconds"])))
    return table(f"one thread | {' | '.join(native.KINDS)} | all", rows) if rows else reason(store["runs/P1"])


def systems(store: Store) -> str:
    """Tabulate single linear systems by solver."""
    rows = []
    for record in store.of("systems", SYSTEMS).values():
        base = record.get("solvers", {}).get("native", {})
        name = f"{name_of(record['problem'])}, {record['kind']}" if base else ""
        for solver, run in record.get("solvers", {}).items():
            if "missing" in run:
                rows.append((name, "", solver, f"not solved: {run['missing']}", "", "", "", "", ""))
                continue
            full = f"{solver}, {run['setting']}" if "setting" in run else solver
            rows.append((
                name, f"{run['unknowns']:,}" if name else "", full, seconds(run["setup_s"]), seconds(run["solve_s"]),
                f"{number(run['seconds'] / base['seconds'])} ×" if "seconds" in base else "–", str(run["iterations"] or "–"),
                f"{run['peak_mb'] - run['memory_before_mb']:,.0f}", metres(run["difference_m"]),
            ))  # fmt: skip
            name = ""
    header = "system | unknowns | solver | set-up | solve | both, of native | iterations | memory, MB | largest difference"
    return table(header, rows) if rows else reason(store[f"systems/{SYSTEMS[0]}"])


def sizes(store: Store) -> str:
    """Tabulate cost and iterations by field and size."""
    rows, fits = [], []
    for kind, record in store.of("sizes", fields.KINDS).items():
        found = record.get("sizes", [])
        for run in found:
            solve = run["steady"]
            rows.append((
                kind if run is found[0] else "", f"{run['cells']:,}", f"{run['active']:,}", str(solve["iterations"]),
                str(run.get("month", {}).get("iterations", "–")), seconds(solve["hierarchy_s"]), seconds(solve["solve_s"]),
                number(1e9 * solve["solve_s"] / run["cells"], 3), number(solve["solve_s"] / run["work_unit_s"]),
                f"{run['peak_mb']:,.0f}",
            ))  # fmt: skip
        if len(found) > 2:
            both = [run["steady"]["hierarchy_s"] + run["steady"]["solve_s"] for run in found]
            fits.append(f"{kind} {fitted_exponent([run['cells'] for run in found], both):.2f}")
    if not rows:
        return reason(store[f"sizes/{fields.KINDS[0]}"])
    header = "field | cells | active | iterations, steady | month | hierarchy | solve | ns a cell | work units | peak memory, MB"
    exponents = f"\nExponent p of hierarchy and solve ~ cells^p, fitted over all sizes: {', '.join(fits)}.\n" if fits else ""
    return table(header, rows) + exponents


def march(store: Store) -> str:
    """Tabulate the march by size and threads."""
    record = store["march"]
    if "sizes" not in record:
        return reason(record)
    single = {run["cells"]: run for run in record["sizes"] if run["threads"] == 1}
    rows = []
    for run in record["sizes"]:
        warm = run["warm_step_s"]
        work = (number(1e9 * warm / run["cells"], 3), number(run["warm_iterations"]), number(warm / run["work_unit_s"]))
        faster = times(single[run["cells"]]["warm_step_s"] / warm)
        rows += [
            (
                f"{run['cells']:,}",
                str(run["threads"]),
                seconds(run["first_step_s"]),
                seconds(warm),
                *work,
                faster,
                f"{run['peak_mb']:,.0f}",
            )
        ]
    header = "cells | threads | steady step | warm step | ns a cell | iterations | work units | faster than one | peak memory, MB"
    text = table(header, rows)
    if len(single) > 2:
        fit = fitted_exponent(list(single), [run["warm_step_s"] for run in single.values()])
        text += f"\nExponent of the warm step, one thread: {fit:.2f}.\n"
    return text


def bandwidth(store: Store) -> str:
    """Tabulate the memory bandwidth and the work unit."""
    record = store["hardware"]
    if "triad" not in record:
        return reason(record)
    found = [(f"triad, {run['numbers']:,} numbers", TRIAD_BYTES * run["numbers"], run) for run in record["triad"]]
    found += [(f"work unit, {run['cells']:,} cells", SWEEP_BYTES * run["cells"], run) for run in record["sweep"]]
    rows = [
        (what, str(run["threads"]), seconds(1e-9 * moved / run["gb_per_s"]), number(run["gb_per_s"], 3))
        for what, moved, run in found
    ]
    note = f"\nThe triad counts {TRIAD_BYTES} bytes a number, the work unit {SWEEP_BYTES} a cell.\n"
    return table("what | threads | time | GB/s", rows) + note


def span(store: Store) -> str:
    """Tabulate scenarios that are superposed."""
    record = store["span"]
    if "native" not in record:
        return reason(record)
    native, theirs = record["native"], record.get("modflow6")
    rows = []
    if theirs is not None:
        label = f"MODFLOW 6, two at a time, scaled from {theirs['sample']}"
        whole, peak = theirs["seconds"], f"2 × {theirs['peak_mb']:,.0f}"
        rows.append((label, str(record["count"]), seconds(whole), seconds(whole / record["count"]), "1", peak))
    whole, faster = native["seconds"], times(record["times_faster"]) if "times_faster" in record else "–"
    each = seconds(whole / record["count"])
    rows.append(("native, superposed", str(native["count"]), seconds(whole), each, faster, f"{native['peak_mb']:,.0f}"))
    text = table("way | scenarios | time | time of one | faster | peak memory, MB", rows)
    text += (
        f"\n{seconds(native['marched_s'])} of it march the base and the groups. {native['superposed']} scenarios were proved to "
    )
    text += f"stay linear. Largest head difference from marches of their own: {metres(native['difference_m'])}"
    if "difference_modflow6_m" in record:
        text += f"; from MODFLOW 6: {metres(record['difference_modflow6_m'])}"
    return f"{text}.\n"


def many(store: Store) -> str:
    """Tabulate many scenarios of one model."""
    record = store["many"]
    if "one by one" not in record:
        return reason(record)
    count, cores = record["count"], record["processes"]
    theirs = record.get("modflow6")
    rows = []
    for name, run in (("MODFLOW 6", theirs), ("native", record["one by one"])):
        if run is None:
            continue
        note = "" if run["sample"] == count else f", scaled from {run['sample']}"
        faster = times(theirs["seconds"] / run["seconds"]) if theirs else "–"
        memory = f"{cores} × {run['peak_mb']:,.0f}" if name == "MODFLOW 6" else f"{run['peak_mb']:,.0f}"
        rows.append(
            (
                f"{name}, one by one on {cores} cores{note}",
                str(count),
                seconds(run["seconds"]),
                seconds(run["seconds"] / count),
                faster,
                memory,
            )
        )
    for run in record.get("together", []):
        whole = theirs["seconds"] * run["count"] / count if theirs else None
        faster = times(whole / run["seconds"]) if whole else "–"
        each = run["seconds"] / run["count"]
        rows.append(
            ("native, at once", str(run["count"]), seconds(run["seconds"]), seconds(each), faster, f"{run['peak_mb']:,.0f}")
        )
    text = table("way | scenarios | time | time of one | faster | peak memory, MB", rows)
    if "difference_m" in record:
        found = ", ".join(f"{way} {metres(value)}" for way, value in record["difference_m"].items())
        text += f"\nLargest head difference from MODFLOW 6: {found}.\n"
    if "without_together" in record:
        text += f"\nMarched together: {record['without_together']}.\n"
    return text


def modflow_io(store: Store) -> str:
    """Tabulate what writing, running and reading by the MODFLOW 6 engine take."""
    records = {name: record for name, record in store.of("modflow_io", NAMES).items() if "run_s" in record}
    if not records:
        return reason(store["modflow_io/P1s"])
    rows = []
    for name, run in records.items():
        size, own = f"{run['cells']:,} × {run['periods']}", run["each_cell"]
        spent = (seconds(run[key]) for key in ("write_s", "run_s", "read_s"))
        rows.append((name, size, *spent, f"{run['input_mb']:,.1f}", f"{run['output_mb']:,.0f}"))
        rows.append((f"{name}, values of each cell", size, seconds(own["write_s"]), "", "", f"{own['input_mb']:,.0f}", ""))
    return table("problem | cells × periods | write | run | read | input, MB | output, MB", rows)


def time_steps(store: Store) -> str:
    """Tabulate error against cost of the schemes in time."""
    record = store["time_steps"]
    if "schemes" not in record:
        return reason(record)
    rows, words = [], []
    for name, found in record["schemes"].items():
        rows += [
            (name if run is found[0] else "", str(run["steps"]), str(run["solves"]), f"{number(1e3 * run['error_m'])} mm")
            for run in found
        ]
        needed = record["needed"][name]
        enough = f"{needed['steps']:.0f} steps and {needed['solves']:.0f} solves" if needed["steps"] else "more than were tried"
        words.append(f"{name} {enough}")
    goal = f"{1e3 * record['goal_m']:g} mm"
    return table("scheme | steps | linear solves | largest error", rows) + f"\nAn error of {goal} takes: {'; '.join(words)}.\n"


def start(store: Store) -> str:
    """Tabulate compilation and start-up."""
    record = store["start"]
    if "simulator" not in record:
        return reason(record)
    rows = []
    whats = {"simulator": "import, two small problems solved", "command line": "`aquirecover run` of the small basin"}
    for name, what in whats.items():
        first, later = record[name]["first"], record[name]["later"]
        best = min(run["process_wall_s"] for run in later)
        rows.append((what, seconds(first["process_wall_s"]), seconds(first["process_cpu_s"]), seconds(best)))
    if "modflow6" in record:
        rows.append(("`mf6 --version`", "–", "–", seconds(record["modflow6"])))
    return table("what | first run, nothing compiled | of it processor time | later runs", rows)


def job(store: Store) -> str:
    """Tabulate the stages of the main job."""
    records = [record for record in store.of("job", ("1km", "250m")).values() if "total_s" in record]
    if not records:
        return reason(store["job/1km"])
    order = ("import", "load", "simulate", "recovery", "write", "figures")
    rows = []
    for record in records:
        spent = (seconds(record["seconds"].get(stage)) for stage in order)
        size = f"{record['cells']:,} × {record['steps']}"
        rows.append((record["cell_size"], size, *spent, seconds(record["total_s"]), f"{record['peak_mb']:,.0f}"))
    return table(f"cells of | cells × steps | {' | '.join(order)} | all | peak memory, MB", rows)
