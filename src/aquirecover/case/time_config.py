"""Schema of the time of a model: regular periods on the calendar, or periods listed one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from aquirecover.case.scalars import CalendarLength, Count, Date, Flag, MonthDay, dates_ascend, period_parts
from aquirecover.case.sections import Rule, Section, exactly_one, given
from aquirecover.case.values import Quantity


class Period(Section):
    """One stress period."""

    length: Annotated[float, Quantity("d", low=0.0)]
    """Its length; a steady period may have none."""
    steps: Count = 1
    """Time steps."""
    multiplier: Annotated[float, Quantity(positive=True)] = 1.0
    """Ratio of a step to the one before it."""
    steady: Flag = False
    """Nothing is stored: the heads are in equilibrium with the stresses of the period."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that a period in which water is stored takes time."""
        if raw.get("length") == 0 and raw.get("steady") not in (True, "yes"):
            yield ("length",), "must be greater than 0 unless the period is steady."


class Time(Section):
    """Span of the simulation, its periods and steps."""

    start: Date
    """First day."""
    end: Date | None = None
    """Day after the last; with regular periods."""
    periods: Annotated[tuple[Period, ...], Field(min_length=1)] | None = None
    """Stress periods one by one, instead of `end` and regular ones; one also begins at every change of a rate."""
    period: CalendarLength = "year"
    """Length of a stress period, as `month`, `6 months`, `year`; one also begins at every change of a rate."""
    align: MonthDay | None = None
    """Month and day on which periods are aligned."""
    steps: Count = 3
    """Time steps of a period."""
    multiplier: Annotated[float, Quantity(low=1.0, high=10.0)] = 1.3
    """Ratio of a step to the one before it."""
    initial: Literal["steady", "heads"] = "steady"
    """The first heads: in equilibrium with the stresses of the first day, or those of `initial_head`."""

    @property
    def period_parts(self) -> tuple[int, str]:
        """Number and unit (``day``, ``month``, ``year``) of a period."""
        return period_parts(self.period)

    @property
    def align_parts(self) -> tuple[int, int] | None:
        """Month and day of `align`."""
        return None if self.align is None else (int(self.align[:2]), int(self.align[3:]))

    @property
    def last(self) -> date:
        """Day after the last: `end`, or the first whole day after the periods; no later than the calendar goes."""
        if self.end is not None:
            return self.end
        days = math.ceil(sum(period.length for period in self.periods or ()) - 1e-9)
        return self.start + timedelta(days=min(days, (date.max - self.start).days))

    @property
    def starts_in_balance(self) -> bool:
        """Whether heads of the first day are computed: by a steady beginning that takes no time."""
        if self.periods is None:
            return self.initial == "steady"
        return self.periods[0].steady and self.periods[0].length == 0.0

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the end comes after the start, and that the periods are given once."""
        yield from exactly_one(raw, "periods", "end")
        yield from dates_ascend(raw, "start", "end")
        if given(raw, "periods"):
            for key in given(raw, "period", "align", "steps", "multiplier"):
                yield (key,), "belongs to regular periods: where periods are listed, each has its own."
            if raw.get("initial") != "heads":
                yield (), "needs initial: heads because it has periods: a steady beginning is a steady period of theirs."
