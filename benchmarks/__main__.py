"""Measure the simulator and write docs/performance.md: ``python -m benchmarks [--quick] [--only PART] [--mf6 PATH]``."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.context import Context, find_modflow
from benchmarks.page import write_page
from benchmarks.parts import measured, parts
from benchmarks.problems import ROOT
from benchmarks.store import Store

QUICK_OUT = ROOT / "build/benchmarks"


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", metavar="PART", help="parts whose name begins with this; repeatable")
    parser.add_argument("--resume", action="store_true", help="measure only what has no number yet")
    parser.add_argument("--quick", action="store_true", help="small cases into build/benchmarks, to see that everything works")
    parser.add_argument("--full", action="store_true", help="references by MODFLOW 6, all problems and all runs of samples")
    parser.add_argument("--mf6", metavar="PATH", help="MODFLOW 6; looked for on PATH by default")
    parser.add_argument("--redraw", action="store_true", help="write the page from the stored numbers; measure nothing")
    parser.add_argument("--list", action="store_true", help="print the names of the parts")
    parser.add_argument("--out", type=Path, help="folder for all files instead of the repository's")
    return parser.parse_args()


def main() -> int:
    """Measure and write the page; return 1 when a part failed."""
    given = arguments()
    out = given.out or (QUICK_OUT if given.quick else None)
    store = Store((out or ROOT / "benchmarks") / "results.json")
    docs = out or ROOT / "docs"
    if given.redraw:
        write_page(store, docs)
        return 0
    from benchmarks.native import most_threads

    context = Context(ROOT / "build/benchmarks/runs", find_modflow(given.mf6), most_threads(), given.quick, given.full)
    chosen = {
        name: part
        for name, part in parts(context).items()
        if (not given.only or name.startswith(tuple(given.only))) and not (given.resume and store.has(name))
    }
    if given.list:
        print("\n".join(chosen))
        return 0
    failed, code = 0, 0
    try:
        for name, part in chosen.items():
            store.put(name, record := measured(part, context))
            if "missing" in record:
                failed += 1
                context.say(f"{name}: not measured, {record['missing']}")
        code = 1 if failed else 0
    except KeyboardInterrupt:
        context.say("interrupted: what was measured is kept, --resume measures the rest")
        code = 130
    shutil.rmtree(context.folder, ignore_errors=True)
    write_page(store, docs)
    context.say(f"wrote {docs / 'performance.md'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
