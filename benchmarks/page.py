"""docs/performance.md from the stored numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import sections, span
from benchmarks.aims import aims_table
from benchmarks.plots import draw_all

if TYPE_CHECKING:
    from benchmarks.store import Store

TEXT = """# Performance

<!-- Written by `python -m benchmarks`; `--redraw` writes it again from benchmarks/results.json. -->

What the simulator costs and how exact it is, beside MODFLOW 6 and other solvers, measured in one go on one machine:

{machine}
All of this page is measured by

```sh
python -m benchmarks --mf6 path/to/mf6
```

which takes about half an hour on two cores; each part can be had alone with the option in the last column below. Without
MODFLOW 6, flopy (`pip install flopy`) or pyamg (`pip install pyamg`) the page says what is missing. Times move with
the machine and with what else it does: compare numbers of one run only. The numbers are in `benchmarks/results.json`.

{care}## Aims

{aims}
## One run beside MODFLOW 6

{runs_figure}\
P1 is a basin of five layers (100 × 100 cells each) with aquitards, 200 wells and two rivers over 30 years of monthly steps;
P2 the same on cells of a quarter of the size over 10 years; P3 and P4 are P1 and P2 with a water table, for which both
programs use Newton's method; P5 is one confined layer of a million cells. In P1s and P2s the pumping of every month differs,
so that every step has work. `benchmarks/problems.py` has all numbers, `benchmarks/modflow_input.py` MODFLOW's solver
settings: the fastest of some twenty per problem, with heads closed to 1e-4 m and residuals to 0.01 m³/d a cell; on P5 the linear
solver closes to 3e-6 m instead of 1e-5 m, since its heads would end 2 mm off. The native engine may leave residuals that sum to
1e-6 of the flow, with a water table 1e-7 (1e-8 is the default). The Thai Binh model is the shipped scenario with all pumping
stopped.

Times of both programs are from the problem in memory to heads of the last step, heads of ten wells at every step and the
water budget of every step on disk. For the native engine that leaves out starting Python and loading the compiled loops, for
MODFLOW 6 starting and reading its input (`mf6 --mode validate`); both stand in the column *start*. The programs run in turn,
each run in a process of its own, and the median counts. Heads are compared with a run of far tighter closure, named in the
last column; budget errors are `|in − out| / max(in, out)` of the worst step. Peak memory is that of the process; in brackets
what Python and the libraries hold before the problem is made.

{runs}
## Where the time goes

{split_figure}{split}
*set-up*: checks, conductances and multigrid hierarchies; *assemble*: residuals and matrices; *solve*: linear solves with
their first guesses; *budget*: flows of all terms, summed by layer; *write*: the files.

## Single linear systems

{systems_figure}\
The first correction of the second period, steady or with the storage of a month, by every solver from the same matrix in
memory to a residual of 1e-9 of that at the start. SuperLU is scipy's direct solver with minimum degree on A + Aᵀ in symmetric
mode; of pyamg the faster of two strengths of connection is shown. The largest difference is that of the solution to one with
a residual of 1e-13; memory is what the process needs beyond the matrix.

{systems}
## Size

{sizes_figure}\
Five layers of fields that are hard in one way each (`benchmarks/fields.py`), solved with one thread from zero to a residual
of 1e-6: the steady state with pumping, and a first month with storage. The steady state is held by one column of fixed heads
alone.

{sizes}
A march of 24 seasonal months over layers with aquitards of 1e-5; a warm step is the median of the second year.

{march}
## Work units

A work unit is one sweep `r = b − A x` over the seven-point stencil in double precision, by a compiled loop with one thread,
or as many as the run it is compared with, on a grid of the same size. The triad `a = b + 3 c` is what the memory gives.

{bandwidth}
## Many scenarios

{many_figure}64 scenarios of P1s whose wells pump by groups of ten between half and one and a half times as much: last heads,
ten observed heads at every step and the budget of every step of each on disk. `simulate_many` marches fewer than ten
of them one by one. MODFLOW 6 runs two at a time.

{many}
## Answers without marching

{span_count} scenarios of P1s in the span of its twenty groups of wells: heads at 100 points at every step and the last head
field of each on disk ([numerics.md](numerics.md#answers-without-marching)).

{span}
## The MODFLOW 6 engine

What `--engine modflow6` does, one after the other: it writes the model, MODFLOW 6 runs, and all heads and flows of all cells
and steps are read, judged and added up. (In a run they are read while the program writes them, and give their place on the
disk back.) A model in which each cell has conductivities, storage and initial head of its own, and recharge in every period,
is written for comparison.

{modflow_io}
## Steps in time

{time_steps_figure}\
A well pumps for 30 d and rests for 360 d (the grid of `tests/verification/test_theis_recovery.py`): the largest error of the
heads at 100 m at 15 times from 0.01 d to 360 d after the stop, against the exact solution in time of the same cells. Backward
Euler has equal steps between these times, or growing ones whose growth is the best of those tried for each number of steps;
the second-order scheme (`time.scheme: sdirk2`) chooses its steps from the error allowed. Each of its steps takes two solves
with one matrix, and those of refused steps count.

{time_steps}
## Starting

The loops are compiled by numba when they are first used and kept beside the source, or in `NUMBA_CACHE_DIR`.

{start}
## The main job

`aquirecover run scenarios/thai_binh/stop_all.yaml` by stage, in one process with compiled loops.

{job}"""

# Cores used by other programs from which on times are not to be trusted.
BUSY = 0.1

FIGURES = {
    "runs": "Time of each problem by engine", "split": "Share of each kind of work",
    "systems": "Time of single linear systems by solver",
    "sizes": "Cost and iterations against size", "time_steps": "Error of a recovery curve against steps and solves",
    "many": "Cost of a scenario against how many are asked for at once",
}  # fmt: skip


def page(store: Store, drawn: list[str]) -> str:
    """Return the page; `drawn` are the files of the figures there are."""
    parts = {name: getattr(sections, name)(store) for name in (
        "machine", "runs", "split", "systems", "sizes", "march", "bandwidth", "many", "span", "modflow_io", "time_steps", "start",
        "job",
    )}  # fmt: skip
    figures = {
        f"{name}_figure": f"![{title}](images/performance_{name}.png)\n\n" if f"performance_{name}.png" in drawn else ""
        for name, title in FIGURES.items()
    }
    parts["span_count"] = f"{store['span'].get('count', span.COUNT):,}"
    return TEXT.format(aims=aims_table(store), care=_care(store), **parts, **figures)


def _care(store: Store) -> str:
    """Say what the reader of these numbers must know: they are of the quick run, or the machine was busy."""
    text = ""
    if any(record.get("quick") for record in store.content.values()):
        text += "**Some of these numbers are of the quick run, which has fewer cells and steps.** "
    others = max((record.get("cores_of_others", 0.0) for record in store.content.values()), default=0.0)
    if others > BUSY:
        text += f"**Other programs used up to {others:.1f} cores meanwhile: the times are too long.** "
    return f"{text.strip()}\n\n" if text else ""


def write_page(store: Store, docs: Path) -> None:
    """Write performance.md and its figures."""
    drawn = draw_all(store, docs / "images")
    (docs / "performance.md").write_text(page(store, drawn), encoding="utf-8")
