"""Schema of the rules of limit files that add up: rates with rates, and levels, water and flows with one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt

from aquirecover.case.scalars import AreaRef, Date, Flag, LineRef, Month, Name, OneOrMany, Text, Texts, dates_ascend
from aquirecover.case.scenario_config import Aquifers, Rate
from aquirecover.case.sections import Rule, Section, exactly_one, given, needs, only_with
from aquirecover.case.values import Quantity

Label = Literal["district", "aquifer", "user_type", "group", "well"]
# An observation point, or layer, row and column of a cell, counted from 1.
Point = Text | Annotated[tuple[Annotated[StrictInt, Field(ge=1)], ...], Field(min_length=3, max_length=3)]


def some_side(raw: Mapping[str, Any], *keys: str) -> Iterator[Rule]:
    """Yield a message when a rule has no side at all, or its least is above its most."""
    if not given(raw, *keys):
        yield (), f"needs {' or '.join(keys)}: give one of them."
    low, high = raw.get(keys[0]), raw.get(keys[-1])
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield (keys[-1],), f"must not be below {keys[0]} = {low:g}."


class Which(Section):
    """Rates that are added up: those that carry all the labels; nothing given means all."""

    decide: Annotated[tuple[Name, ...], Field(min_length=1), OneOrMany] | None = None
    """Groups of `decide` or supplies, by name."""
    district: Texts | None = None
    """Districts."""
    aquifer: Aquifers | None = None
    """Aquifers."""
    user_type: Texts | None = None
    """Types of user."""
    group: Texts | None = None
    """Groups of wells of the model."""
    well: Texts | None = None
    """Wells."""


class Supply(Which):
    """A least, or largest, sum of pumping and supplies, at every time at which any of them is decided."""

    rule: Literal["supply"]
    """Kind of rule."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """First day; that of the limit when left out."""
    to: Date | None = None
    """Day on which it no longer holds."""
    months: Annotated[tuple[Month, ...], Field(min_length=1, max_length=12)] | None = None
    """Months it holds in, 1 to 12, by the middle of a period; all when left out."""
    each: Label | None = None
    """A sum for each value of this label instead of one for all."""
    least: Rate | None = None
    """Least sum."""
    most: Rate | None = None
    """Largest sum."""
    least_times_present: Annotated[float, Quantity(positive=True)] | None = None
    """Least sum as a multiple of what is pumped at present."""
    most_times_present: Annotated[float, Quantity(positive=True)] | None = None
    """Largest sum as a multiple of what is pumped at present."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that there is a side, and that the time is not empty."""
        yield from dates_ascend(raw, "from", "to")
        if not given(raw, "least", "most", "least_times_present", "most_times_present"):
            yield (), "needs least or most: give one of them."
        for side in ("least", "most"):
            if len(given(raw, side, f"{side}_times_present")) > 1:
                yield (side,), f"cannot stand beside {side}_times_present: give only one of them."
        low, high = raw.get("least"), raw.get("most")
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield ("most",), f"must not be below least = {low:g}."


class Ratio(Section):
    """A sum of rates over another, as injection over pumping: a balance of both has `least: 1, most: 1`."""

    rule: Literal["ratio"]
    """Kind of rule."""
    of: Which
    """The sum above."""
    to: Which
    """The sum below."""
    least: Annotated[float, Quantity(low=0.0)] | None = None
    """Least ratio."""
    most: Annotated[float, Quantity(low=0.0)] | None = None
    """Largest ratio."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that there is a side."""
        yield from some_side(raw, "least", "most")


class EqualCut(Which):
    """Rates that are all the same share of the present."""

    rule: Literal["equal_cut"]
    """Kind of rule."""


class Term(Section):
    """One term of a sum: a head, a mean head, stored water, a flow or rates, times a number.

    Heads and stored water are those on a day; flows and rates are means over a time.
    """

    head: Point | None = None
    """Head at an observation point, or of a cell as `[layer, row, column]` from 1."""
    mean_head: AreaRef | None = None
    """Mean head over an area."""
    stored: Flag | None = None
    """Water stored above the bottoms of the cells, of the model or `within` an area."""
    line: LineRef | None = None
    """Flow across a line; from its left to its right, as it is drawn, counts as positive."""
    into: AreaRef | None = None
    """Flow into an area across its edge."""
    boundary: Text | None = None
    """Outflow to a boundary of the model, as a river, drain or general head."""
    rates: Which | None = None
    """Rates that are decided, and supplies; `{}` for all."""
    switches: Annotated[tuple[Name, ...], Field(min_length=1), OneOrMany] | None = None
    """Number of rates that are on in sections of `decide` and supplies that have switches, by name."""
    times: Annotated[float, Quantity()] = 1.0
    """What it is multiplied by."""
    within: AreaRef | None = None
    """Part of the stored water or of the boundary."""
    aquifer: Aquifers | None = None
    """Aquifers of the mean head, stored water or flow; all when left out."""
    on: Date | None = None
    """Day of the head or stored water, also one before the limit; the state at the end of the last step up to it counts."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """First day of the mean of a flow or rates; that of the limit when left out."""
    to: Date | None = None
    """Day on which that mean ends."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that there is one thing, with what belongs to it."""
        states, flows = ("head", "mean_head", "stored"), ("line", "into", "boundary")
        yield from exactly_one(raw, *states, *flows, "rates", "switches")
        yield from dates_ascend(raw, "from", "to")
        yield from only_with(raw, "within", "stored", "boundary")
        yield from only_with(raw, "aquifer", "mean_head", "stored", *flows)
        yield from only_with(raw, "on", *states)
        for key in ("from", "to"):
            yield from only_with(raw, key, "rates", *flows)
        for key in given(raw, *states):
            yield from needs(raw, key, "on")
        if raw.get("stored") in (False, "no"):
            yield ("stored",), "must be yes, or be left out."


class LinearSum(Section):
    """A sum of heads, stored water, flows and rates, each times a number, that keeps to sides or is what is sought."""

    rule: Literal["sum"]
    """Kind of rule."""
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    """What is added up."""
    least: Annotated[float, Quantity()] | None = None
    """Least sum, in the unit of its terms."""
    most: Annotated[float, Quantity()] | None = None
    """Largest sum."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the sides do not contradict each other."""
        if given(raw, "least", "most"):
            yield from some_side(raw, "least", "most")
