"""A limit told on one page, in Markdown: the numbers that matter, what holds them, the proof, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aquirecover.output.limit_tables import LARGEST, LimitTables

# Binding constraints and priors that are told, the dearest and the largest first.
TOLD = 8
UNITS = {"m3/d": "m³/d", "m3": "m³", "1": "unit", "share": "share of the present"}


def limit_report(
    about: Mapping[str, Any],
    tables: LimitTables,
    curve: Sequence[Mapping[str, Any]] = (),
    curve_label: str = "",
    priors: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the page.

    Parameters
    ----------
    about : mapping
        What ``limits.json`` holds besides the tables: ``title``, ``scenario``, ``warnings``, ``laws``, ``version``, ``risk``.
    tables : LimitTables
        Of the limit.
    curve : sequence of mapping
        Points of a trade-off curve.
    curve_label : str
        What its sides are.
    priors : sequence of mapping
        Rows of ``priors.csv``.
    """
    parts = [
        _head(about, tables),
        _districts(tables),
        _binding(tables),
        _proof(tables),
        _seasons(tables),
        _factor(tables),
        _curve(curve, curve_label),
        _risk(about, priors),
        _sources(about),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns but the first are to the right where their header ends with a unit."""
    rule = ["---:" if "(" in name else "---" for name in header]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def rate(value: Any) -> str:
    """Return a rate with separators; nothing for none."""
    return "" if value in ("", None) else f"{float(value):,.0f}"


def priced(price: Any, unit: str) -> str:
    """Return a shadow price with its unit, as ``1,230 m³/d per m``."""
    if price in ("", None):
        return ""
    gained, _, per = unit.partition(" per ")
    value = float(f"{float(price):.3g}")
    written = f"{value:,.0f}" if value >= 100.0 else f"{value:g}"
    return f"{written} {UNITS.get(gained, gained)} per {UNITS.get(per, per)}" if value else "0"


def _number(value: float, unit: str) -> str:
    return f"{value:,.6g} {'' if unit == '1' else UNITS.get(unit, unit)}".strip()


def _head(about: Mapping[str, Any], tables: LimitTables) -> str:
    total = tables.total
    term = f" (*{total['term']['vi']}*)" if about.get("laws") else ""
    limit, present = rate(total["limit_m3_d"]), rate(total["present_m3_d"])
    lines = [f"# {about['title']}", "", f"**Safe extraction limit{term}: {limit} m³/d**; at present {present} m³/d are pumped."]
    if about.get("warnings"):
        lines += ["", "The model says of itself, and so holds for every number below:", ""]
        lines += [f"- **{warning}**" for warning in about["warnings"]]
    if not about.get("risk"):
        lines += ["", "This limit was found with one set of values of the model: how sure it is, `risk` in the limit file tells."]
    return "\n".join(lines)


def _districts(tables: LimitTables) -> str:
    header = ("district", "aquifer", "limit (m³/d)", "present (m³/d)", "headroom (m³/d)", "what holds it", "shadow price")
    rows = [
        (
            str(row["district"]),
            str(row["aquifer"]),
            rate(row["limit_m3_d"]),
            rate(row["present_m3_d"]),
            f"{float(row['headroom_m3_d']):+,.0f}",
            str(row["held_by"]),
            priced(row["shadow_price"], str(row["unit_of_price"])),
        )
        for row in tables.parts
    ]
    return "## Limit by district and aquifer\n\n" + _table(header, rows) + _corners(tables)


def _corners(tables: LimitTables) -> str:
    """Return how many rates are at nothing or at their largest, which a linear program makes of many."""
    idle = sum(row["limit_m3_d"] == 0.0 for row in tables.limits)
    full = sum(row["held_by"] == LARGEST for row in tables.limits)
    if not idle or len(tables.limits) < 2:
        return ""
    return (
        f"\n\n{idle} of {len(tables.limits)} rates are 0 and {full} at their largest: the most in all is found where some get "
        "nothing. Ask for `least_times_present`, a rule `supply` with `each`, or `maximise: equal_share` where every place must "
        "keep a share."
    )


def _binding(tables: LimitTables) -> str:
    text = "## What binds\n\nA shadow price is what the total gains where the side is widened by one unit.\n\n"
    if not tables.binding:
        return text + "No constraint binds: the largest rates hold the limit."
    rows = [
        (
            str(row["rule"]),
            ", ".join(part for part in (str(row["place"]), str(row["aquifer"])) if part),
            str(row["date"]),
            _number(row["side"], str(row["unit"])),
            priced(row["shadow_price"], str(row["unit_of_price"])),
        )
        for row in tables.binding[:TOLD]
    ]
    more = len(tables.binding) - TOLD
    rest = f"\n\n… and {more} more in `binding.csv`." if more > 0 else ""
    return text + _table(("rule", "where", "when", "side", "shadow price"), rows) + rest


def _proof(tables: LimitTables) -> str:
    rows = [
        (
            str(row["pumping"]),
            rate(row["total_m3_d"]),
            str(row["constraint"]),
            _number(row["value"], str(row["unit"])),
            _number(row["side"], str(row["unit"])),
            f"{row['excess']:.1e}",
            "holds" if row["holds"] else "breaks",
        )
        for row in tables.proof
    ]
    header = ("run of the full model", "total (m³/d)", "nearest to its side, or most beyond", "value", "side", "excess", "")
    return "## Proof\n\n" + _table(header, rows)


def _seasons(tables: LimitTables) -> str:
    return f"## Dry seasons\n\n{tables.season_text}" if tables.season_text else ""


def _factor(tables: LimitTables) -> str:
    return f"## One factor on present pumping\n\n{tables.factor_text}" if tables.factor_text else ""


def _curve(curve: Sequence[Mapping[str, Any]], label: str) -> str:
    if not curve:
        return ""
    rows = [(f"{point['side']}", rate(point["limit_m3_d"]) or "none: the rules contradict") for point in curve]
    return "## Trade-off\n\n" + _table((label, "limit (m³/d)"), rows)


def _risk(about: Mapping[str, Any], priors: Sequence[Mapping[str, Any]]) -> str:
    risk = about.get("risk")
    if not risk:
        return ""
    text = "## How sure it is\n\n" + "\n".join(f"- {sentence}" for sentence in risk["sentences"])
    known = [row for row in priors if row["variance_share"] is not None or row["rank_correlation"] is not None]
    moments = any(row["variance_share"] is not None for row in known)
    order = sorted(known, key=lambda row: -abs(row["variance_share" if moments else "rank_correlation"] or 0.0))[:TOLD]
    if not order:
        return text
    rows = [
        (
            str(row["prior"]),
            f"{row['low']:.4g} to {row['high']:.4g} {row['unit']}".removesuffix(" 1"),
            str(row["certainty"]),
            "" if row["variance_share"] is None else f"{100.0 * row['variance_share']:.1f} %",
            "" if row["rank_correlation"] is None else f"{row['rank_correlation']:+.2f}",
        )
        for row in order
    ]
    header = ("value of the model", "range", "known as", "share of the variance, first order", "rank correlation, realizations")
    return text + "\n\nWhere the spread comes from:\n\n" + _table(header, rows)


def _sources(about: Mapping[str, Any]) -> str:
    lines = [f"Scenario: {about['scenario']}. aquirecover {about['version']}."]
    lines += [f"Levels by {law}." for law in about.get("laws", ())]
    lines.append("Every number is in the tables beside this page; `limits.json` has all of them with what they follow from.")
    return "## What it rests on\n\n" + "\n".join(f"- {line}" for line in lines)
