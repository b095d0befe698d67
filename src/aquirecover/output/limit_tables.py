"""Safe limits as tables: by district and aquifer, by decision, by binding constraint, and by point of a trade-off curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aquirecover.output.files import write_csv, write_json
from aquirecover.output.limit_seasons import season_sentence
from aquirecover.study.limits import LimitProblem, LimitResult

HOLDS = ("held_by", "rule", "place", "date", "shadow_price", "unit_of_price")
LIMIT_COLUMNS = ("decision", "limit_m3_d", "present_m3_d", "headroom_m3_d", "largest_m3_d", *HOLDS)
BINDING_COLUMNS = ("constraint", "rule", "place", "aquifer", "date", "x", "y", "side", "unit", "shadow_price", "unit_of_price")
PART_COLUMNS = ("district", "aquifer", "wells", "limit_m3_d", "present_m3_d", "headroom_m3_d", *HOLDS)
# What the law calls the limit: Decree 53/2024/ND-CP, Art. 32(1).
TERM_VI = "ngưỡng khai thác"
HEADERS = {"x": "x_m", "y": "y_m"}
LARGEST, LEAST = "largest rate", "least rate"
# A constraint binds when widening its side by one unit of it gains this, relative to 1 plus the objective.
BINDS = 1e-9


@dataclass(frozen=True)
class LimitTables:
    """Rows of the tables.

    Parameters
    ----------
    limits, binding : list of mapping
        Decisions and binding constraints, by the names of the columns.
    parts : list of mapping
        The same limits by district and aquifer, then sums by aquifer, by district and of all, where ``district`` or ``aquifer``
        is ``all``.
    supplies : list of mapping
        ``supply`` and ``rate_m3_d`` of what comes from elsewhere.
    total : mapping
        Sums, certificate and cost of the search.
    proof : list of mapping
        The runs of the full model that prove the limit, by the names of the columns.
    seasons : list of mapping
        Mean levels of dry seasons of wells with a lawful level, see `limit_seasons`.
    factors : list of mapping
        Steps of the bisection of one factor on present pumping.
    """

    limits: list[dict[str, Any]]
    binding: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    supplies: list[dict[str, Any]]
    total: dict[str, Any]
    proof: list[dict[str, Any]]
    seasons: list[dict[str, Any]]
    factors: list[dict[str, Any]]

    @property
    def season_text(self) -> str:
        """What the dry seasons say in a sentence; empty without them."""
        return season_sentence(self.seasons)

    @property
    def factor_text(self) -> str:
        """What the bisection says in a sentence; empty without it."""
        if not self.factors:
            return ""
        holding = [row for row in self.factors if row["holds"]]
        if not holding:
            return str(self.factors[0]["constraint"])
        best = max(holding, key=lambda row: float(row["factor"]))
        beyond = [row for row in self.factors if row["factor"] > best["factor"]]
        text = f"By bisection every rate may be {best['factor']:.4g} times the present, {best['pumping_m3_d']:,.0f} m³/d in all"
        if not beyond:
            return f"{text}, the most that was tried."
        return f"{text}; beyond that {min(beyond, key=lambda row: float(row['factor']))['constraint']} breaks."


def limit_tables(
    question: LimitProblem,
    result: LimitResult,
    labels: Sequence[Mapping[str, str]],
    info: Sequence[Any],
    objective_unit: str = "m3/d",
    seasons: Sequence[dict[str, Any]] = (),
    factors: Sequence[dict[str, Any]] = (),
) -> LimitTables:
    """Return the tables of a limit.

    Parameters
    ----------
    question, result
        Asked and found.
    labels : sequence of mapping
        Of the decisions.
    info : sequence
        Of the constraints, each with ``rule``, ``place``, ``aquifer``, ``date``, ``x`` and ``y``.
    objective_unit : str
        Of what is sought, for the units of prices.
    seasons, factors : sequence of mapping
        See `LimitTables`.
    """
    binding = _binding(question, result, info, objective_unit)
    held = _held_by(question, result, binding, objective_unit)
    limits: list[dict[str, Any]] = []
    supplies: list[dict[str, Any]] = []
    for n, decision in enumerate(question.decisions):
        # a share of the present has more digits than a rate
        digits = 6 if labels[n].get("kind") == "share" else 3
        limit, present = round(float(result.x[n]) + 0.0, digits), decision.present
        own = {key: label for key, label in labels[n].items() if key != "kind"}
        if labels[n].get("kind") == "supply":
            supplies.append({"supply": decision.name, **own, "rate_m3_d": limit})
        if not decision.acts:
            continue
        limits.append(
            {
                "decision": decision.name,
                **own,
                "limit_m3_d": limit,
                "present_m3_d": round(present, 3),
                "headroom_m3_d": round(limit - present, digits),
                "largest_m3_d": decision.upper if np.isfinite(decision.upper) else None,
                **held[n],
            }
        )
    parts = _parts(question, result, held)
    certificate = result.certificate
    total = {
        "limit_m3_d": parts[-1]["limit_m3_d"],
        "present_m3_d": parts[-1]["present_m3_d"],
        "term": {"en": "safe extraction limit", "vi": TERM_VI},
        "objective": result.objective,
        "objective_unit": objective_unit,
        "certificate": {
            "largest_excess": certificate.excess,
            "constraint": certificate.worst,
            "excess_when_raised": certificate.raised_excess,
            "broken_when_raised": certificate.raised_worst,
            "tried": _tried(question, result),
        },
        "programs": result.programs,
        "simulations": result.runs,
        "duality_gap": result.gap,
    }
    proof = _proof(question, result, parts[-1]["limit_m3_d"])
    return LimitTables(limits, binding, parts, supplies, total, proof, list(seasons), list(factors))


def _tried(question: LimitProblem, result: LimitResult) -> str:
    """Tell whether more or less pumping was tried to show that the limit is one."""
    beyond = result.certificate.raised
    more = question.objective.maximise if beyond is None else beyond.times > 1.0
    return "more" if more else "less"


def _proof(question: LimitProblem, result: LimitResult, limit: float) -> list[dict[str, Any]]:
    """Return what the runs of the certificate show."""
    certificate, more = result.certificate, _tried(question, result)
    rows = []
    for run in (certificate.at, certificate.raised):
        if run is None:
            continue
        share = 100.0 * abs(run.times - 1.0)
        rows.append(
            {
                "pumping": "at the limit" if run.times == 1.0 else f"{share:.3g} % {more}",
                "total_m3_d": round(run.times * limit, 3),
                "constraint": run.name,
                "value": run.value,
                "side": run.side,
                "unit": run.unit,
                "excess": run.excess,
                # a limit that does not hold is refused
                "holds": run is certificate.at or run.excess <= 0.0,
            }
        )
    return rows


def _binding(question: LimitProblem, result: LimitResult, info: Sequence[Any], objective_unit: str) -> list[dict[str, Any]]:
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
                "x": np.nan if own is None else own.x,
                "y": np.nan if own is None else own.y,
                "side": float(constraints.upper[row] if near_upper else constraints.lower[row]),
                "unit": constraints.unit[row],
                "shadow_price": float(result.row_price[row]),
                "unit_of_price": f"{objective_unit} per {constraints.unit[row]}",
                "row": int(row),
            }
        )
    return found


def _held_by(
    question: LimitProblem, result: LimitResult, binding: Sequence[Mapping[str, Any]], objective_unit: str
) -> list[dict[str, Any]]:
    """Return what keeps each decision where it is: its bound, or the binding constraint that costs it most."""
    matrix, _ = question.constraints.matrix(result.response)
    held: list[dict[str, Any]] = []
    for n, decision in enumerate(question.decisions):
        x, price = float(result.x[n]), float(result.bound_price[n])
        cost = [abs(matrix[row["row"], n]) * row["shadow_price"] for row in binding]
        worst = binding[int(np.argmax(cost))] if cost and max(cost) > 0.0 else None
        if np.isfinite(decision.upper) and decision.upper - x <= 1e-6 * (1.0 + abs(decision.upper)):
            held.append(_bound(LARGEST, price, objective_unit))
        elif worst is not None:
            same = {key: worst[key] for key in ("rule", "place", "date", "shadow_price", "unit_of_price")}
            held.append({"held_by": worst["constraint"], **same})
        elif x - decision.lower <= 1e-6 * (1.0 + abs(decision.lower)):
            held.append(_bound(LEAST, price, objective_unit))
        else:
            held.append(dict.fromkeys(HOLDS, ""))
    return held


def _bound(name: str, price: float, objective_unit: str) -> dict[str, Any]:
    unit = f"{objective_unit} per m3/d"
    return {"held_by": name, "rule": "", "place": "", "date": "", "shadow_price": price, "unit_of_price": unit}


def _parts(question: LimitProblem, result: LimitResult, held: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the limits of the decided wells by district and aquifer, and their sums; means over the periods."""
    wells = question.problem.wells
    n_period = question.problem.schedule.n_period
    labels = [
        tuple(label or "none" for label in pair)
        for group in wells
        for pair in zip(*(group.attributes.get(key, ("",) * len(group.names)) for key in ("district", "aquifer")), strict=True)
    ]
    now, limit = np.zeros(len(labels)), np.zeros(len(labels))
    owner = np.full(len(labels), -1, dtype=np.int64)
    for n, (decision, x) in enumerate(zip(question.decisions, result.x, strict=True)):
        np.add.at(limit, decision.well, x * decision.share / n_period)
        np.add.at(now, decision.well, np.nan_to_num(decision.present) * decision.share / n_period)
        owner[decision.well] = n
    decided = np.flatnonzero(owner >= 0)
    districts, aquifers = (list(dict.fromkeys(labels[n][side] for n in decided)) for side in (0, 1))

    def row(district: str, aquifer: str) -> dict[str, Any] | None:
        own = [n for n in decided if district in ("all", labels[n][0]) and aquifer in ("all", labels[n][1])]
        if not own:
            return None
        reasons = list({held[owner[n]]["held_by"]: held[owner[n]] for n in own}.values())
        total, before = float(limit[own].sum()) + 0.0, float(now[own].sum())
        return {
            "district": district,
            "aquifer": aquifer,
            "wells": len(own),
            "limit_m3_d": round(total, 3),
            "present_m3_d": round(before, 3),
            "headroom_m3_d": round(total - before, 3),
            **(reasons[0] if len(reasons) == 1 else {**dict.fromkeys(HOLDS, ""), "held_by": "several"}),
        }

    pairs = [(district, aquifer) for district in districts for aquifer in aquifers]
    pairs += [("all", aquifer) for aquifer in aquifers] + [(district, "all") for district in districts] + [("all", "all")]
    empty = {**dict.fromkeys(PART_COLUMNS, ""), "district": "all", "aquifer": "all", "wells": 0}
    none = [{**empty, "limit_m3_d": 0.0, "present_m3_d": 0.0, "headroom_m3_d": 0.0}] if not decided.size else []
    return [found for found in (row(*pair) for pair in pairs) if found is not None] + none


def write_limits(
    folder: Path,
    tables: LimitTables,
    curve: Sequence[Mapping[str, Any]],
    heads: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
    *,
    overwrite: bool,
) -> list[Path]:
    """Write ``by_district.csv``, ``limits.csv``, ``binding.csv``, and ``limits.json`` last.

    ``certificate.csv``, ``supplies.csv``, ``trade_off.csv``, ``bisection.csv``, ``dry_seasons.csv`` and ``curves.csv`` are
    written where there is something to write.

    Parameters
    ----------
    folder : Path
        For the files.
    tables : LimitTables
        Of the limit.
    curve : sequence of mapping
        Points of a trade-off curve.
    heads : sequence of mapping
        Mean heads, see `limit_dataset.curve_rows`.
    about : mapping
        What else ``limits.json`` holds.
    overwrite : bool
        Replace files that exist.
    """
    labels = list(dict.fromkeys(key for row in tables.limits for key in row if key not in LIMIT_COLUMNS))
    files: dict[str, tuple[tuple[str, ...], Sequence[Mapping[str, Any]]]] = {
        "by_district.csv": (PART_COLUMNS, tables.parts),
        "limits.csv": (("decision", *labels, *LIMIT_COLUMNS[1:]), tables.limits),
        "binding.csv": (BINDING_COLUMNS, tables.binding),
    }
    more = {
        "certificate.csv": tables.proof, "supplies.csv": tables.supplies, "trade_off.csv": curve, "bisection.csv": tables.factors,
        "dry_seasons.csv": tables.seasons, "curves.csv": heads,
    }  # fmt: skip
    for name, rows in more.items():
        if rows:
            files[name] = (tuple(rows[0]), rows)
    written = []
    for name, (columns, rows) in files.items():
        cells = [["" if row.get(key) is None else row[key] for key in columns] for row in rows]
        written.append(write_csv(folder / name, [HEADERS.get(key, key) for key in columns], cells, overwrite=overwrite))
    content = {**about, **tables.total, "by_district": tables.parts, "limits": tables.limits}
    content |= {"binding": tables.binding, "supplies": tables.supplies, "trade_off": [dict(point) for point in curve]}
    content |= {"proof": tables.proof, "dry_seasons": tables.season_text, "bisection": tables.factors}
    return [*written, write_json(folder / "limits.json", plain(content), overwrite=overwrite)]


def plain(value: Any) -> Any:
    """Return what JSON can hold: numbers that are not finite become None."""
    match value:
        case Mapping():
            return {key: plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case float() | np.floating() if not np.isfinite(value):
            return None
    return value
