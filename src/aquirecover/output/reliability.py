"""The reliability of a limit as tables and a figure: every number that is drawn is in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.output.files import write_csv
from aquirecover.output.style import (
    INK,
    QUIET,
    SERIES,
    in_style,
    letter,
    new_figure,
    title_figure,
    wrapped,
)
from aquirecover.study.ensemble import (
    FactorRange,
    rank_correlations,
    reliable_factor,
    share_band,
    share_that_holds,
    those_that_can,
)
from aquirecover.study.reliability import Ensemble, Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVE = (
    "method",
    "probability",
    "probability_low",
    "probability_high",
    "probability_where_possible",
    "factor",
    "limit_m3_d",
)
PRIOR = ("prior", "distribution", "low", "high", "value", "unit", "certainty", "variance_share", "rank_correlation", "source")
# Confidence of the band of the curve.
BAND = 0.9
# Method of the limits of realizations by themselves.
HINDSIGHT = "each realization by itself"
# Priors drawn.
SHOWN = 8


@dataclass(frozen=True)
class ReliabilityTables:
    """Rows of the tables.

    Parameters
    ----------
    curve : list of mapping
        Probability against limit, of both methods.
    limits : list of mapping
        Limit of each decision without risk and with the probability asked for.
    priors : list of mapping
        What is known of the inputs, and how much of the spread each brings.
    realizations : list of mapping
        One by one.
    summary : mapping
        For ``limits.json``.
    """

    curve: list[dict[str, Any]]
    limits: list[dict[str, Any]]
    priors: list[dict[str, Any]]
    realizations: list[dict[str, Any]]
    summary: dict[str, Any]


def reliability_tables(
    found: Reliability,
    limits: Sequence[Mapping[str, Any]],
    base: FloatArray,
    total: Callable[[FloatArray], float],
    rule_of: Callable[[str], str],
) -> ReliabilityTables:
    """Return the tables.

    Parameters
    ----------
    found : Reliability
        Of the limit.
    limits : sequence of mapping
        Rows of the limit without risk, ``decision`` first, one for each decision.
    base : ndarray
        The limit without risk, shape ``(n_decision,)``.
    total : callable
        Turns values of the decisions into pumping, m³/d.
    rule_of : callable
        Turns the name of a constraint into that of its rule.
    """
    curve = [*_ensemble_curve(found, total), *_first_order_curve(found, total, total(base))]
    reliable = _reliable_rates(found)
    rows = [
        {"decision": row["decision"], "limit_m3_d": float(base[n])}
        | {f"{method}_m3_d": None if x is None else float(x[n]) for method, x in reliable.items()}
        for n, row in enumerate(limits)
    ]
    summary = _summary(found, total, base, reliable, rule_of)
    return ReliabilityTables(curve, rows, _prior_rows(found), _realization_rows(found, total), summary)


def _ensemble_curve(found: Reliability, total: Callable[[FloatArray], float]) -> list[dict[str, Any]]:
    if found.ensemble is None:
        return []
    ranges, route = found.ensemble.ranges, found.ensemble.route
    possible = those_that_can(ranges)
    factors = sorted({0.0, 1.0, *(r.high for r in possible)})
    rows = []
    for factor in factors:
        share = share_that_holds(ranges, factor)
        low, high = share_band(share, len(ranges), BAND)
        where_possible = share_that_holds(possible, factor) if possible else None
        values = ("realizations", share, low, high, where_possible, factor, total(route.at(factor)))
        rows.append(dict(zip(CURVE, values, strict=True)))
    return [*rows, *_hindsight_curve(found.ensemble, total)]


def _hindsight_curve(ensemble: Ensemble, total: Callable[[FloatArray], float]) -> list[dict[str, Any]]:
    """Return in which share of realizations the limit of each by itself is so large."""
    own = np.sort([total(x) for x in ensemble.own if x is not None])
    n = len(ensemble.own)
    rows = []
    for limit in [0.0, *own.tolist()] if own.size else []:
        share = float((own >= limit).sum()) / n
        low, high = share_band(share, n, BAND)
        rows.append(dict(zip(CURVE, (HINDSIGHT, share, low, high, None, None, limit), strict=True)))
    return rows


def _first_order_curve(found: Reliability, total: Callable[[FloatArray], float], base: float) -> list[dict[str, Any]]:
    if found.first_order is None:
        return []
    rows = []
    for probability, result in zip(found.first_order.probability, found.first_order.limit, strict=True):
        limit = None if result is None else total(result.x)
        factor = None if limit is None or base == 0.0 else limit / base
        rows.append(dict(zip(CURVE, ("first order", probability, None, None, None, factor, limit), strict=True)))
    return rows


def _reliable_rates(found: Reliability) -> dict[str, FloatArray | None]:
    """Return the rates with the probability asked for, by method; None where there are none."""
    rates: dict[str, FloatArray | None] = {}
    if found.ensemble is not None:
        factor = reliable_factor(found.ensemble.ranges, found.probability)
        rates["realizations"] = found.ensemble.route.at(factor) if np.isfinite(factor) else None
    if found.first_order is not None:
        place = found.first_order.probability.index(found.probability)
        result = found.first_order.limit[place]
        rates["first_order"] = None if result is None else result.x
    return rates


def _factors(ranges: Sequence[FactorRange | None]) -> FloatArray:
    """Return the largest factor of each realization, 0 where the rules hold with none; NaN of failed ones."""
    return np.array([np.nan if r is None else r.high if r.exists else 0.0 for r in ranges])


def _prior_rows(found: Reliability) -> list[dict[str, Any]]:
    n = len(found.priors)
    shares: list[float | None] = [None] * n
    correlations: list[float | None] = [None] * n
    if found.first_order is not None and found.first_order.parts.sum() > 0.0:
        shares = (found.first_order.parts / found.first_order.parts.sum()).tolist()
    if found.ensemble is not None:
        factors = _factors(found.ensemble.ranges)
        known = np.isfinite(factors)
        correlations = rank_correlations(found.ensemble.samples[known], factors[known]).tolist()
    rows = []
    for prior, about, share, correlation in zip(found.priors, found.about, shares, correlations, strict=True):
        values = (prior.name, prior.distribution, prior.low, prior.high, prior.value, about["unit"], about["certainty"])
        rows.append(dict(zip(PRIOR, (*values, share, correlation, about["source"]), strict=True)))
    return rows


def _realization_rows(found: Reliability, total: Callable[[FloatArray], float]) -> list[dict[str, Any]]:
    if found.ensemble is None:
        return []
    rows = []
    for n, (r, error) in enumerate(zip(found.ensemble.ranges, found.ensemble.errors, strict=True)):
        status = "failed" if r is None else "holds" if r.exists else "no rates hold"
        exists = r is not None and r.exists
        row: dict[str, Any] = {"realization": n + 1, "status": status}
        row["lowest_factor"] = r.low if r is not None and exists else None
        row["largest_factor"] = r.high if r is not None and exists else None
        row["limit_m3_d"] = total(found.ensemble.route.at(r.high)) if r is not None and exists else None
        row["broken_first"] = "" if r is None else r.worst
        row["excess_without_pumping"] = None if r is None else r.excess
        row["error"] = error
        if found.ensemble.own:
            own = found.ensemble.own[n]
            row["own_limit_m3_d"] = None if own is None else total(own)
            row["why_no_own_limit"] = found.ensemble.why_none[n]
        values = zip(found.priors, found.ensemble.samples[n].tolist(), strict=True)
        rows.append(row | {prior.name: value for prior, value in values})
    return rows


def _summary(
    found: Reliability,
    total: Callable[[FloatArray], float],
    base: FloatArray,
    reliable: Mapping[str, FloatArray | None],
    rule_of: Callable[[str], str],
) -> dict[str, Any]:
    """Return what ``limits.json`` holds, with what a person should know in sentences."""
    summary: dict[str, Any] = {"probability": found.probability, "limit_m3_d": total(base)}
    for method, x in reliable.items():
        summary[f"limit_by_{method}_m3_d"] = None if x is None else total(x)
    sentences = ["The model is not calibrated by this: the spread is that of the ranges which the priors of the model give."]
    if found.ensemble is not None:
        ranges = found.ensemble.ranges
        n = len(ranges)
        none = [r for r in ranges if r is not None and not r.exists]
        share = share_that_holds(ranges, 1.0)
        low, high = share_band(share, n, BAND)
        rules = dict(Counter(rule_of(r.worst) for r in none).most_common())
        summary |= {
            "realizations": n, "failed": sum(r is None for r in ranges), "probability_of_the_limit": share,
            "no_rates_hold": len(none), "broken_without_pumping": rules,
        }  # fmt: skip
        sentences.append(
            f"At the limit found with the model's own values all rules hold in {round(share * n)} of {n} realizations "
            f"({100.0 * share:.0f} %, {100.0 * BAND:.0f} % band {100.0 * low:.0f} to {100.0 * high:.0f} %)."
        )
        if none:
            text = ", ".join(f"{rule} in {count}" for rule, count in rules.items())
            sentences.append(f"In {len(none)} they do not hold with any share of these rates; what breaks by most: {text}.")
        if summary["failed"]:
            sentences.append(f"{summary['failed']} realizations failed and count as ones in which the rules do not hold.")
        sentences.append(_reliable(found.probability, reliable["realizations"], total, "all rules at once, by realizations"))
        sentences += _hindsight(found.ensemble, total, summary)
        if none:
            factor = reliable_factor(those_that_can(ranges), found.probability)
            limit = total(found.ensemble.route.at(factor)) if np.isfinite(factor) else None
            summary["limit_where_possible_m3_d"] = limit
            if limit is not None:
                text = f"of the {len(those_that_can(ranges))} realizations in which some share of these rates keeps them"
                sentences.append(f"With {limit:,.0f} m3/d they hold in {100.0 * found.probability:g} % {text}.")
    if found.first_order is not None:
        summary["standard_deviation"] = float(np.sqrt(found.first_order.parts.sum()))
        sentences.append(_reliable(found.probability, reliable["first_order"], total, "each rule by itself, to first order"))
        sentences += [found.first_order.reason] if found.first_order.reason else []
    summary["sentences"] = sentences
    return summary


def _hindsight(ensemble: Ensemble, total: Callable[[FloatArray], float], summary: dict[str, Any]) -> list[str]:
    """Return what the limits of the realizations by themselves say, and leave it in the summary."""
    if not ensemble.own:
        return []
    own = np.array([total(x) for x in ensemble.own if x is not None])
    n = len(ensemble.own)
    summary |= {"own_limits": int(own.size), "median_own_limit_m3_d": float(np.median(own)) if own.size else None}
    text = f"Found anew in each realization by itself, some rates keep all rules in {own.size} of {n}"
    if not own.size:
        return [f"{text}."]
    low, middle, high = np.quantile(own, [0.05, 0.5, 0.95])
    return [
        f"{text}; 5, 50 and 95 % of these limits are below {low:,.0f}, {middle:,.0f} and {high:,.0f} m3/d. So much could be "
        "pumped by one who knew the aquifer: no fixed rates are more reliable."
    ]


def _reliable(probability: float, x: FloatArray | None, total: Callable[[FloatArray], float], how: str) -> str:
    if x is None:
        return f"No rates hold with a probability of {100.0 * probability:g} % ({how})."
    return f"With a probability of {100.0 * probability:g} % ({how}): {total(x):,.0f} m3/d."


def write_reliability(folder: Path, tables: ReliabilityTables, *, overwrite: bool) -> list[Path]:
    """Write ``reliability.csv``, ``reliable_limits.csv``, ``priors.csv`` and ``realizations.csv``."""
    files = {
        "reliability.csv": tables.curve,
        "reliable_limits.csv": tables.limits,
        "priors.csv": tables.priors,
        "realizations.csv": tables.realizations,
    }
    return [
        write_csv(
            folder / name, tuple(rows[0]), [["" if v is None else v for v in row.values()] for row in rows], overwrite=overwrite
        )
        for name, rows in files.items()
        if rows
    ]


@in_style
def reliability_curve(title: str, tables: ReliabilityTables, present: float) -> Figure:
    """Return the probability that the rules hold against the limit, and what the spread comes from.

    Parameters
    ----------
    title : str
        Of the limit file.
    tables : ReliabilityTables
        What is drawn.
    present : float
        What is pumped now, NaN where unknown; m³/d.
    """
    figure = new_figure(88.0)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1.0))
    _draw_curve(left, tables, present)
    moments = any(row["variance_share"] is not None for row in tables.priors)
    _draw_priors(right, tables.priors, moments)
    letter((left, right), ("Probability that the rules hold", "Where its spread comes from"))
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3, columnspacing=1.6, handlelength=2.2)
    title_figure(figure, wrapped(title, 110))
    return figure


def _draw_curve(ax: Axes, tables: ReliabilityTables, present: float) -> None:
    seen = [row for row in tables.curve if row["method"] == "realizations"]
    if seen:
        limit, share, low, high = (
            np.array([row[key] for row in seen], dtype=float)
            for key in ("limit_m3_d", "probability", "probability_low", "probability_high")
        )
        # between two limits the probability is that of the larger one
        n = tables.summary["realizations"]
        ax.fill_between(limit / 1e3, 100.0 * low, 100.0 * high, step="pre", color=SERIES[0], alpha=0.15, linewidth=0.0)
        ax.step(
            limit / 1e3,
            100.0 * share,
            where="pre",
            color=SERIES[0],
            label=f"all rules at once: {n} realizations, {100.0 * BAND:.0f} % band",
        )
        if tables.summary["no_rates_hold"] + tables.summary["failed"] and seen[0]["probability_where_possible"] is not None:
            possible = np.array([row["probability_where_possible"] for row in seen], dtype=float)
            n_able = n - tables.summary["no_rates_hold"] - tables.summary["failed"]
            label = f"of the {n_able} where any share holds"
            ax.step(
                limit / 1e3, 100.0 * possible, where="pre", color=SERIES[0], linestyle=(0, (4, 1.5)), linewidth=0.9, label=label
            )
    own = [row for row in tables.curve if row["method"] == HINDSIGHT]
    if own:
        limit, share = (np.array([row[key] for row in own], dtype=float) for key in ("limit_m3_d", "probability"))
        look: dict[str, Any] = {"color": SERIES[2], "linestyle": (0, (3, 1, 1, 1)), "linewidth": 1.2}
        ax.step(limit / 1e3, 100.0 * share, where="pre", label="limit of each realization by itself", **look)
    first = [row for row in tables.curve if row["method"] == "first order" and row["limit_m3_d"] is not None]
    if first:
        limit, share = (np.array([row[key] for row in first], dtype=float) for key in ("limit_m3_d", "probability"))
        ax.plot(limit / 1e3, 100.0 * share, "o-", color=SERIES[1], markersize=3.0, label="each rule by itself: first order")
    base = tables.summary["limit_m3_d"] / 1e3
    ax.axvline(base, color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)), label="limit with the model's own values")
    asked = 100.0 * tables.summary["probability"]
    ax.axhline(asked, color=QUIET, linewidth=0.8, linestyle=(0, (1, 1.5)), label=f"probability asked for, {asked:g} %")
    if np.isfinite(present):
        ax.plot(
            present / 1e3, 0.0, marker="^", color=INK, clip_on=False, markersize=4.5, linestyle="none", label="present pumping"
        )
    ax.set_ylim(0.0, 102.0)
    ax.set_xlim(0.0, 1.04 * max(ax.get_xlim()[1], base))
    ax.set_xlabel("Pumping (1,000 m³/d)")
    ax.set_ylabel("Probability (%)")


def _draw_priors(ax: Axes, priors: Sequence[Mapping[str, Any]], moments: bool) -> None:
    """Draw the largest parts: shares of the variance to first order, or rank correlations without them."""
    values = [100.0 * (row["variance_share"] or 0.0) if moments else row["rank_correlation"] or 0.0 for row in priors]
    order = sorted(range(len(priors)), key=lambda n: -abs(values[n]))[:SHOWN]
    place = np.arange(len(order))[::-1]
    shown = [values[n] for n in order]
    ax.barh(place, shown, height=0.62, color=SERIES[1] if moments else SERIES[0])
    most = max(map(abs, shown), default=1.0) or 1.0
    for y, value in zip(place, shown, strict=True):
        text = ("< 1 %" if value < 0.5 else f"{value:.0f} %") if moments else f"{value:+.2f}"
        ax.text(max(value, 0.0) + 0.02 * most, y, text, va="center", fontsize=6.5)
    ax.set_yticks(place, [str(priors[n]["prior"]) for n in order], fontsize=6.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(min(0.0, 1.05 * min(shown, default=0.0)), 1.18 * most)
    ax.set_xlabel("Share of its variance, first order (%)" if moments else "Rank correlation with the limit")
