"""Safe limits as tables: one row per decision, one per binding constraint, one per point of a trade-off curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.output.files import write_csv, write_json
from aquirecover.study.limits import LimitProblem, LimitResult

LIMIT_COLUMNS = ("decision", "limit_m3_d", "present_m3_d", "headroom_m3_d", "largest_m3_d", "held_by", "price_of_bound")
BINDING_COLUMNS = ("constraint", "rule", "place", "aquifer", "date", "side", "unit", "shadow_price")
# A constraint binds when widening its side by one unit of it gains this, relative to 1 plus the objective.
BINDS = 1e-9


@dataclass(frozen=True)
class LimitTables:
    """Rows of the tables.

    Parameters
    ----------
    limits, binding : list of mapping
        By the names of the columns.
    total : mapping
        Sums, certificate and cost of the search.
    """

    limits: list[dict[str, Any]]
    binding: list[dict[str, Any]]
    total: dict[str, Any]


def limit_tables(
    question: LimitProblem, result: LimitResult, labels: Sequence[Mapping[str, str]], info: Sequence[Any]
) -> LimitTables:
    """Return the tables of a limit.

    Parameters
    ----------
    question, result
        Asked and found.
    labels : sequence of mapping
        Of the decisions.
    info : sequence
        Of the constraints, each with ``rule``, ``place``, ``aquifer`` and ``date``.
    """
    binding = _binding(question, result, info)
    held = _held_by(question, result, binding)
    limits: list[dict[str, Any]] = []
    for n, decision in enumerate(question.decisions):
        if not decision.acts:
            continue
        limit, present = float(result.x[n]) + 0.0, decision.present
        limits.append(
            {
                "decision": decision.name,
                **labels[n],
                "limit_m3_d": round(limit, 3),
                "present_m3_d": round(present, 3),
                "headroom_m3_d": round(limit - present, 3),
                "largest_m3_d": decision.upper if np.isfinite(decision.upper) else None,
                "held_by": held[n],
                "price_of_bound": float(result.bound_price[n]),
            }
        )
    certificate = result.certificate
    total = {
        "limit_m3_d": float(sum(float(row["limit_m3_d"]) for row in limits)),
        "present_m3_d": float(sum(float(row["present_m3_d"]) for row in limits)),
        "objective": result.objective,
        "certificate": {
            "largest_excess": certificate.excess,
            "constraint": certificate.worst,
            "excess_when_raised": certificate.raised_excess,
            "broken_when_raised": certificate.raised_worst,
        },
        "programs": result.programs,
        "simulations": result.runs,
        "duality_gap": result.gap,
    }
    return LimitTables(limits, binding, total)


def _binding(question: LimitProblem, result: LimitResult, info: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the constraints with a price, the dearest first."""
    constraints = question.constraints
    activity = constraints.activity(result.outcome.values, result.x)
    rows = np.flatnonzero(result.row_price > BINDS * (1.0 + abs(result.objective)))
    found = []
    for row in rows[np.argsort(-result.row_price[rows], kind="stable")]:
        # rows beyond those of the file keep the room of others
        own = info[row] if row < len(info) else None
        near_upper = abs(constraints.upper[row] - activity[row]) < abs(activity[row] - constraints.lower[row])
        found.append(
            {
                "constraint": constraints.names[row],
                "rule": "" if own is None else own.rule,
                "place": constraints.names[row] if own is None else own.place,
                "aquifer": "" if own is None else own.aquifer,
                "date": "" if own is None else own.date,
                "side": float(constraints.upper[row] if near_upper else constraints.lower[row]),
                "unit": constraints.unit[row],
                "shadow_price": float(result.row_price[row]),
                "row": int(row),
            }
        )
    return found


def _held_by(question: LimitProblem, result: LimitResult, binding: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what keeps each decision from growing: its bound, or the binding constraint that costs it most."""
    matrix, _ = question.constraints.matrix(result.response)
    held = []
    for n, decision in enumerate(question.decisions):
        cost = {row["constraint"]: abs(matrix[row["row"], n]) * row["shadow_price"] for row in binding}
        worst = max(cost, key=lambda name: cost[name], default="")
        at_bound = np.isfinite(decision.upper) and decision.upper - result.x[n] <= 1e-6 * (1.0 + abs(decision.upper))
        held.append("largest rate" if at_bound else worst if cost and cost[worst] > 0.0 else "")
    return held


def write_limits(
    folder: Path, tables: LimitTables, curve: Sequence[Mapping[str, Any]], about: Mapping[str, Any], *, overwrite: bool
) -> list[Path]:
    """Write ``limits.csv``, ``binding.csv``, ``trade_off.csv`` where there is a curve, and ``limits.json`` last."""
    labels = [key for key in tables.limits[0] if key not in LIMIT_COLUMNS] if tables.limits else []
    files: dict[str, tuple[tuple[str, ...], Sequence[Mapping[str, Any]]]] = {
        "limits.csv": (("decision", *labels, *LIMIT_COLUMNS[1:]), tables.limits),
        "binding.csv": (BINDING_COLUMNS, tables.binding),
    }
    if curve:
        files["trade_off.csv"] = (tuple(curve[0]), curve)
    written = [
        write_csv(folder / name, columns, [[row.get(key) for key in columns] for row in rows], overwrite=overwrite)
        for name, (columns, rows) in files.items()
    ]
    content = {**about, **tables.total, "limits": tables.limits, "binding": tables.binding}
    content["trade_off"] = [dict(point) for point in curve]
    return [*written, write_json(folder / "limits.json", content, overwrite=overwrite)]
