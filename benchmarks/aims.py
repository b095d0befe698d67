"""What the fast core aims at, and what was measured, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import fields
from benchmarks.problems import NAMES
from benchmarks.tables import Record, name_of, number, ratio, table, times

if TYPE_CHECKING:
    from benchmarks.store import Store

LINEAR, NEWTON = ("P1", "P1s", "P2", "P2s", "P5"), ("P3", "P4")


class Aim(NamedTuple):
    """A row: what, the aim, what came out, whether it is met (None when it was not measured), and the part that measures it."""

    what: str
    aim: str
    measured: str
    met: bool | None
    part: str


def aims(store: Store) -> Iterator[Aim]:
    """Yield every aim with what was measured for it."""
    yield from speeds(store)
    yield from scenarios(store)
    yield from iterations(store)
    yield from growth(store)
    yield from memory(store)
    yield from starting(store)
    yield from steps(store)
    yield from sameness(store)


def aims_table(store: Store) -> str:
    """Return the table of aims."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = [(row.what, row.aim, row.measured, words[row.met], f"`--only {row.part}`") for row in aims(store)]
    return table("what | aim | measured | met | part", rows)


def speeds(store: Store) -> Iterator[Aim]:
    """Yield the speed against MODFLOW 6, problem by problem."""
    for problem in (*LINEAR, *NEWTON):
        goals = {2: 20.0, 1: 12.0} if problem in LINEAR else {2: 10.0, 1: None}
        record = store[f"runs/{problem}"]
        found = {threads: ratio(record, threads) for threads in (1, 2)}
        most = 2 if found[2] is not None else 1
        for threads, goal in goals.items():
            if goal is None:
                continue
            value = found[threads]
            # Newton problems have one aim, for the best that the machine can do
            value = found[most] if value is None and problem in NEWTON else value
            cores = "two cores" if threads == 2 else "one core"
            met = None if value is None else value >= goal
            yield Aim(f"{problem}, one run, against MODFLOW 6, {cores}", f"{goal:g} ×", times(value), met, f"runs/{problem}")


def scenarios(store: Store) -> Iterator[Aim]:
    """Yield the speed of many scenarios against as many runs of MODFLOW 6."""
    for part, found, what, goal in (
        (
            "many",
            store["many"].get("marched", {}),
            "64 seasonal scenarios on P1, two cores, against 64 runs of MODFLOW 6",
            40.0,
        ),
        (
            "span",
            store["span"],
            "1,000 scenarios in the span of 20 groups on P1s, against 1,000 runs of MODFLOW 6",
            300.0,
        ),
    ):
        value = found.get("times_faster")
        yield Aim(what, f"{goal:g} ×", times(value), None if value is None else value >= goal, part)


def iterations(store: Store) -> Iterator[Aim]:
    """Yield the most iterations for six digits of every field."""
    for kind, record in store.of("sizes", fields.KINDS).items():
        if "sizes" not in record:
            yield Aim(f"iterations, {kind}", "8 at most", "–", None, f"sizes/{kind}")
            continue
        found = [run["steady"]["iterations"] for run in record["sizes"]]
        largest = f"{record['sizes'][-1]['cells']:.0e}".replace("e+0", "e")
        text = f"{' / '.join(map(str, found))} (up to {largest} cells)"
        yield Aim(f"iterations for a residual of 1e-6, {kind}", "8 at most", text, max(found) <= 8, "sizes")


def growth(store: Store) -> Iterator[Aim]:
    """Yield how the time per cell grows, and the work of a warm step."""
    runs = [run for run in store["march"].get("sizes", []) if run["threads"] == 1]
    solves = store["sizes/homogeneous"].get("sizes", [])
    for what, records, of in (
        ("solve to 1e-6", solves, lambda run: run["steady"]["solve_s"]),
        ("warm step", runs, lambda run: run["warm_step_s"]),
    ):
        costs = {run["cells"]: of(run) / run["cells"] for run in records if run["cells"] > 9e4}
        value = max(costs.values()) / min(costs.values()) if len(costs) > 1 else None
        aim = Aim(
            f"largest over smallest time per cell from 1e5 to {max(costs, default=1e7):.0e} cells, {what}".replace("e+0", "e"),
            "1.3", number(value, 3), None if value is None else value <= 1.3, "march" if what == "warm step" else "sizes",
        )  # fmt: skip
        yield aim
    units = {run["cells"]: run["warm_step_s"] / run["work_unit_s"] for run in runs}
    text = " / ".join(number(value) for value in units.values()) or "–"
    met = max(units.values()) <= 40.0 if units else None
    yield Aim("work units of a warm step of a confined model, by size", "40 at most", text, met, "march")


def memory(store: Store) -> Iterator[Aim]:
    """Yield the peak memory against MODFLOW 6, and that of the largest grid."""
    for problem in (*LINEAR, *NEWTON):
        engines = store[f"runs/{problem}"].get("engines", {})
        ours, theirs = engines.get("native 1", {}).get("peak_mb"), engines.get("modflow6", {}).get("peak_mb")
        both = ours is not None and theirs is not None
        before = engines.get("native 1", {}).get("memory_before_mb", 0.0)
        text = f"{ours:,.0f} MB ({before:,.0f} at the start) against {theirs:,.0f} MB" if both else "–"
        yield Aim(
            f"peak memory of {problem}, against MODFLOW 6", "no more", text, ours <= theirs if both else None, f"runs/{problem}"
        )
    largest = [run for run in store["march"].get("sizes", []) if run["cells"] > 9e6]
    peak = max((run["peak_mb"] for run in largest), default=None)
    text = f"{peak / 1024.0:.1f} GB" if peak is not None else "–"
    yield Aim("peak memory of a march over 1e7 cells", "8 GB", text, None if peak is None else peak <= 8192.0, "march")


def starting(store: Store) -> Iterator[Aim]:
    """Yield the time of compilation and of later starts."""
    record: Record = store["start"].get("command line", {})
    if not record:
        yield Aim("compilation in the first run", "30 s, with a message", "–", None, "start")
        return
    later = min(run["process_wall_s"] for run in record["later"])
    compiling = record["first"]["process_wall_s"] - later
    said = f'"{record["first"]["said"]}"' if record["first"]["said"] else "no message"
    met = compiling < 30.0 and bool(record["first"]["said"])
    yield Aim("compilation in the first run", "30 s, with a message", f"{number(compiling)} s, {said}", met, "start")
    start = min(run["process_wall_s"] for run in store["start"]["simulator"]["later"])
    yield Aim("start of later runs, to a small problem solved", "2 s", f"{number(start)} s", start < 2.0, "start")


def steps(store: Store) -> Iterator[Aim]:
    """Yield the steps of the second-order scheme against those of backward Euler."""
    needed = store["time_steps"].get("needed", {})
    counts = [found["steps"] for name, found in needed.items() if name.startswith("backward") and found["steps"]]
    second = next((found["steps"] for name, found in needed.items() if name.startswith("second")), None)
    share = second / min(counts) if second and counts else None
    text = f"{second:.0f} of {min(counts):.0f}: {share:.2f}" if share is not None and second else "–"
    yield Aim(
        "steps for 1 mm of a Theis recovery, of those of backward Euler",
        "a third",
        text,
        share <= 1 / 3 if share else None,
        "time_steps",
    )


def sameness(store: Store) -> Iterator[Aim]:
    """Yield the largest head differences of all runs, and whether one and two threads give the same bits."""
    largest = {"native": 0.0, "MODFLOW 6": 0.0}
    same: dict[str, bool] = {}
    for problem, record in store.of("runs", NAMES).items():
        for engine, run in record.get("engines", {}).items():
            if "last_m" in run and "/" not in problem:
                who = "native" if engine.startswith("native") else "MODFLOW 6"
                largest[who] = max(largest[who], run["last_m"], run["observed_m"])
        if "same_bits" in record:
            same[problem] = record["same_bits"]
    text = ", ".join(f"{who} {number(1e3 * value)} mm" for who, value in largest.items())
    known = min(largest.values()) > 0.0
    met = max(largest.values()) < 1e-3 if known else None
    yield Aim("largest head difference to the reference, P1 to P5", "1 mm, both", text if known else "–", met, "runs/P")
    differ = [name_of(problem) for problem, equal in same.items() if not equal]
    text = f"differ on {', '.join(differ)}" if differ else f"same on {len(same)} problems"
    yield Aim("bits of one and two threads", "the same", text if same else "–", not differ if same else None, "runs")
