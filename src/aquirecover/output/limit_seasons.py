"""Mean levels of dry seasons at a limit against Article 33 of Decree 53/2024, as a table and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.study.dry_seasons import FALLS, beyond_and_falling, falls_running


def season_rows(
    rule: str,
    places: Sequence[str],
    aquifers: Sequence[str],
    seasons: Sequence[str],
    mean: FloatArray,
    beyond: FloatArray,
    lawful: FloatArray,
    ground: FloatArray,
) -> list[dict[str, Any]]:
    """Return a row for each place: its lowest mean, how long levels fall, and whether zone 2 would be drawn round it.

    Parameters
    ----------
    rule : str
        Whose lawful levels these are.
    places, aquifers : sequence of str
        ``n_place`` each.
    seasons : sequence of str
        Names, ``n_season``.
    mean : ndarray
        Level in each, shape ``(n_season, n_place)``; m.
    beyond, lawful, ground : ndarray
        Level beyond which a fall counts, lowest lawful level and ground, shape ``(n_place,)``; m.
    """
    restricted = beyond_and_falling(mean, beyond)
    runs = falls_running(mean).max(axis=0)
    lowest = mean.argmin(axis=0)
    rows = []
    for n, (place, aquifer) in enumerate(zip(places, aquifers, strict=True)):
        years = np.flatnonzero(restricted[:, n])
        depth, allowed = float(ground[n] - mean[lowest[n], n]), float(ground[n] - lawful[n])
        rows.append(
            {
                "rule": rule,
                "place": place,
                "aquifer": aquifer,
                "season": seasons[int(lowest[n])],
                "lowest_mean_level_m": float(mean[lowest[n], n]),
                "depth_m": depth,
                "lawful_depth_m": allowed,
                "share_of_lawful_depth": depth / allowed if allowed > 0.0 else None,
                "seasons_falling_running": int(runs[n]),
                "seasons_in_zone_2": int(years.size),
                "first_in_zone_2": seasons[int(years[0])] if years.size else "",
            }
        )
    return rows


def season_sentence(rows: Sequence[dict[str, Any]]) -> str:
    """Return what the rows say in a sentence; empty without rows."""
    if not rows:
        return ""
    caught = [row for row in rows if row["seasons_in_zone_2"]]
    article = (
        f"Zone 2 (Decree 53/2024, Art. 33: means of dry seasons that fall {FALLS} years running beyond 95 % of the lawful depth)"
    )
    if not caught:
        used = 100.0 * max(row["share_of_lawful_depth"] or 0.0 for row in rows)
        return f"{article}: none of {len(rows)} wells at the limit; their means use at most {used:.0f} % of the lawful depth."
    first = min(caught, key=lambda row: row["first_in_zone_2"])
    names = f"{first['place']}, {first['aquifer']}, in {first['first_in_zone_2']}"
    return (
        f"{article}: {len(caught)} of {len(rows)} wells at the limit, the first {names}; dry_seasons.csv lists them. "
        "A rule dry_season keeps them out."
    )
