"""Rules of limit files that hold in some places or in one of two ways: switches in a mixed-integer program."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aquirecover.case.limit_decisions import DecisionList
from aquirecover.case.limit_levels import SeasonRows
from aquirecover.flow.arrays import IntArray
from aquirecover.flow.problem import Problem
from aquirecover.study.constraints import Constraints, join, total
from aquirecover.study.decisions import Decision
from aquirecover.study.dry_seasons import kept_out
from aquirecover.study.limit_rules import Rows


def some_cells(
    found: DecisionList,
    later: Problem,
    held: Rows,
    numbers: IntArray,
    names: Sequence[str],
    share: float,
    rule: str,
) -> Constraints:
    """Return that heads of cells keep to their sides where the switch of a cell is on, and leave rows of their number in `found`.

    A cell has one switch for all its steps: it counts when it keeps to all its sides. Where it is off the head must still be
    above the bottom of the cell, which is all the room that an off switch gives. The area of each layer with the switch on is at
    least a share of all.
    """
    grid = later.grid
    spare = held.lower - np.minimum(grid.bottom.ravel()[held.cell], held.lower)
    cell, first, owner = np.unique(held.cell, return_index=True, return_inverse=True)
    layer, area = held.layer[first], np.broadcast_to(grid.area, grid.shape).ravel()[cell]
    titles = [f"{held.place[n]} of layer {grid.layer_names[held.layer[n]]} counts ({rule})" for n in first]
    about = {"kind": "area", "decide": rule}
    switches = np.array([found.add(Decision(title, 0.0, 1.0, integer=True), about, 0.0) for title in titles], dtype=np.int64)
    n = len(names)
    rows = Constraints(
        tuple(names), (held.family.unit,) * n, held.lower - spare, np.full(n, np.inf), np.arange(n), numbers, np.ones(n),
        np.arange(n), switches[owner], -spare,
    )  # fmt: skip
    sums = []
    for number in np.unique(layer):
        own = layer == number
        shares = area[own] / area[own].sum()
        counts = dict(zip(switches[own].tolist(), shares.tolist(), strict=True))
        sums.append(total(f"share of the area of layer {grid.layer_names[number]}, {rule}", "1", counts, lower=share))
    found.rows.append((rule, join(sums)))
    return rows


def some_seasons(
    found: DecisionList, held: SeasonRows, numbers: IntArray, names: Sequence[str], rule: str
) -> tuple[Constraints, Constraints]:
    """Return that the places of a rule of dry seasons stay within its levels or do not fall, with a switch for each place.

    See `dry_seasons.kept_out`.
    """
    n_place = held.lawful.size
    about = {"kind": "place", "decide": rule}
    titles = [f"{place} stays within its level ({rule})" for place in held.rows.place[:n_place]]
    switches = np.array([found.add(Decision(title, 0.0, 1.0, integer=True), about, 0.0) for title in titles], dtype=np.int64)
    return kept_out(held.rows, names, numbers, switches, held.lawful, held.ground)
