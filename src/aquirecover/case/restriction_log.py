"""The log of a restriction: each effective change of a rate, old → new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aquirecover.case.timeline import Timeline
from aquirecover.flow.arrays import FloatArray, IntArray

LOGGED_ONE_BY_ONE = 20


def wells_of(number: int) -> str:
    """Return ``1 well`` or ``2 wells``."""
    return f"{number} well" if number == 1 else f"{number} wells"


def log_rule(
    name: str,
    base: FloatArray,
    effective: FloatArray,
    chosen: IntArray,
    wells: Sequence[str],
    places: Sequence[str],
    timeline: Timeline,
) -> list[str]:
    """Return the changes of one rule when it first acts, and when it last acts if they differ then.

    Parameters
    ----------
    name : str
        Of the rule.
    base, effective : ndarray
        Rates without the rule and under it, shape ``(n_period, n_well)``; m³/d.
    chosen : ndarray of int
        Wells that it is meant for.
    wells, places : sequence of str
        Name, and district × aquifer, of each well.
    timeline : Timeline
        Dates of the periods.
    """
    changed = np.flatnonzero((effective < base)[:, chosen].any(axis=1))
    if not changed.size:
        return [f"restriction {name}: changes no rate of its {wells_of(chosen.size)}"]
    first, last = int(changed[0]), int(changed[-1])
    lines = _log_period(name, first, base, effective, chosen, wells, places, timeline)
    if not np.allclose(effective[last, chosen], effective[first, chosen]):
        lines += _log_period(name, last, base, effective, chosen, wells, places, timeline)
    return lines


def _log_period(
    name: str,
    period: int,
    base: FloatArray,
    effective: FloatArray,
    chosen: IntArray,
    wells: Sequence[str],
    places: Sequence[str],
    timeline: Timeline,
) -> list[str]:
    """Return the changes in one period: well by well where they are few, else by place, and in all."""
    date, old, new = timeline.date(timeline.period_start[period]), base[period], effective[period]
    if chosen.size <= LOGGED_ONE_BY_ONE:
        lines = [
            f"restriction {name}: well {wells[i]} {date} {old[i]:.6g} → {new[i]:.6g} m3/d" for i in chosen if new[i] < old[i]
        ]
    else:
        groups: dict[str, list[int]] = {}
        for i in chosen:
            groups.setdefault(places[i], []).append(int(i))
        lines = [
            f"restriction {name}: {place}, {wells_of(len(own))} {date} {old[own].sum():.6g} → {new[own].sum():.6g} m3/d"
            for place, own in groups.items()
        ]
    total = f"{old[chosen].sum():.6g} → {new[chosen].sum():.6g} m3/d"
    return [*lines, f"restriction {name}: {wells_of(chosen.size)} in all {date} {total}"]
