"""From the sums of a limit file to quantities of the aquifer, weights of the rates, and one constraint for each sum."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from aquirecover.case.limit_rows import RowBuilder
from aquirecover.case.limit_rule_config import Flux
from aquirecover.case.limit_sum_config import LinearSum, Term
from aquirecover.case.limit_sums import Sums
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.study.flow_quantities import StoredWater, stored_water
from aquirecover.study.quantities import HeadSums, Quantities


@dataclass
class Sum:
    """A sum of a limit file.

    Parameters
    ----------
    families : list of Quantities
        One quantity each.
    times : list of float
        What each is multiplied by.
    rates : mapping of int to float
        Weights of the decisions, by number.
    units : set of str
        Of the terms.
    step : int
        Last step of the limit that counts, from 0; -1 when rates alone do.
    """

    families: list[Quantities] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    rates: dict[int, float] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)
    step: int = -1

    @property
    def unit(self) -> str:
        """The unit of all terms, 1 where they have several."""
        return next(iter(self.units)) if len(self.units) == 1 else "1"


class TermBuilder:
    """Builds sums.

    Parameters
    ----------
    rows : RowBuilder
        Knows places, times and heads.
    sums : Sums
        Knows the rates.
    """

    def __init__(self, rows: RowBuilder, sums: Sums) -> None:
        self.rows, self.sums = rows, sums
        self.places, self.later = rows.places, rows.later

    def sum(self, name: str, rule: LinearSum) -> Sum:
        """Return a sum; what is wrong goes to the findings."""
        found = Sum()
        for n, term in enumerate(rule.terms):
            key = f"constraints.{name}.terms[{n}]"
            if term.switches is not None:
                for number in self.sums.switches(term.switches, f"{key}.switches"):
                    found.rates[number] = found.rates.get(number, 0.0) + term.times
                found.units.add("1")
                continue
            if term.rates is not None:
                for number, weight in self.sums.mean(term.rates, f"{key}.rates", self._span(term, key)).items():
                    found.rates[number] = found.rates.get(number, 0.0) + term.times * weight
                found.units.add("m3/d")
                continue
            family = self._family(term, key)
            if family is not None:
                found.families.append(family)
                found.times.append(term.times)
                found.units.add(family.unit)
                found.step = max(found.step, int(family.step[0]))
        return found

    def _span(self, term: Term, key: str) -> FloatArray:
        """Return the share of each period in the time of a mean, shape ``(n_period,)``."""
        schedule = self.later.schedule
        begin, places = self.places.start_day + schedule.period_start, self.places
        first = places.start_day if term.from_ is None else places.day(term.from_)
        last = np.inf if term.to is None else places.day(term.to)
        inside = np.clip(np.minimum(begin + schedule.period_length, last) - np.maximum(begin, first), 0.0, None)
        if not inside.any():
            if schedule.period_length.any():
                places.errors.add(key, "its dates are not in the time of the limit.")
            return self.sums.found.span
        return np.asarray(inside / inside.sum())

    def _family(self, term: Term, key: str) -> Quantities | None:
        if term.head is not None:
            cell, name = self.places.cell(term.head, f"{key}.head")
            return None if cell < 0 else self._heads(term, key, np.array([cell]), np.ones(1), name)
        layers = self.places.layers(term.aquifer, key)
        if term.line is None and term.into is None and term.boundary is None:
            return self._state(term, key, layers)
        own = {
            "line": term.line,
            "into": term.into,
            "boundary": term.boundary,
            "within": term.within,
            "from": term.from_,
            "to": term.to,
        }
        given = {name: value for name, value in own.items() if value is not None}
        flux = Flux.model_validate({"rule": "flux", "aquifer": term.aquifer, "mean": True, "least": 0.0, **given})
        found = self.rows.flux(key, flux, layers)
        return None if found is None else found.family

    def _state(self, term: Term, key: str, layers: IntArray) -> Quantities | None:
        """Return a mean head, or the water stored, of all layers together."""
        grid, area = self.later.grid, term.mean_head or term.within
        mask = np.ones(grid.shape[1:], dtype=bool) if area is None else self.places.area(area, key)
        chosen = grid.active & mask & np.isin(np.arange(grid.shape[0]), layers)[:, None, None]
        cell = np.flatnonzero(chosen)
        if not cell.size:
            if mask.any() and layers.size:
                self.places.errors.add(key, "covers no active cell of these aquifers.")
            return None
        if term.mean_head is not None:
            plan = np.broadcast_to(grid.area, grid.shape).ravel()[cell]
            return self._heads(term, key, cell, plan / plan.sum(), f"mean of {term.mean_head}")
        assert term.on is not None
        name, (step, head) = f"water stored in {term.within or 'the model'}", self.rows.state(term.on, f"{key}.on")
        at = cell if head is None else np.zeros(0, dtype=np.int64)
        none = np.zeros(at.size, dtype=np.int64)
        before = 0.0 if head is None else float(stored_water(self.later, cell, head.ravel()[cell]).sum())
        return StoredWater((name,), np.array([step]), none, none + step, at, np.ones(at.size), np.array([before]))

    def _heads(self, term: Term, key: str, cell: IntArray, weight: FloatArray, name: str) -> Quantities:
        """Return a weighted sum of heads on a day, a mere number when the day lies before the limit."""
        assert term.on is not None
        step, head = self.rows.state(term.on, f"{key}.on")
        before = 0.0 if head is None else float(weight @ head.ravel()[cell])
        if head is not None:
            cell, weight = np.zeros(0, dtype=np.int64), np.zeros(0)
        none = np.zeros(cell.size, dtype=np.int64)
        return HeadSums((name,), "m", np.array([step]), none, none + step, cell, weight, np.array([before]))
