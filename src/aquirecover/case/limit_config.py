"""Schema of limit files: what is decided, under which rules, and what is sought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from aquirecover.case.model_config import EngineSettings
from aquirecover.case.scalars import AreaRef, Date, FilePath, Flag, Name, OneOrMany, Text, dates_ascend
from aquirecover.case.scenario_config import Aquifers, Rate, Select, Share
from aquirecover.case.sections import Rule, Section, at_most_one, exactly_one, only_with
from aquirecover.case.values import Quantity

Label = Literal["district", "aquifer", "user_type", "group", "well"]
Metres = Annotated[float, Quantity("m")]


class Decide(Section):
    """Wells whose pumping is decided, a rate for each combination of labels, shared as they pump at present."""

    select: Select = Select()
    """The wells; their own rates no longer count from the first day of the limit on."""
    by: Annotated[tuple[Label, ...], Field(min_length=1), OneOrMany] = ("district", "aquifer")
    """Labels whose combinations each get a rate of their own."""
    least: Rate = 0.0
    """Least rate of each."""
    most: Rate | None = None
    """Largest rate of each."""
    times_present: Annotated[float, Quantity(positive=True)] | None = None
    """Largest rate of each as a multiple of what it pumps at present."""
    weight: Annotated[float, Quantity(positive=True)] = 1.0
    """What a cubic metre of it counts."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the largest rate is given once."""
        yield from at_most_one(raw, "most", "times_present")


class Lasting(Section):
    """What all rules share that hold over a time."""

    aquifer: Aquifers | None = None
    """Aquifers it holds in; all that the places reach when left out."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """First day; that of the limit when left out."""
    to: Date | None = None
    """Day on which it no longer holds."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the rule ends after it begins."""
        yield from dates_ascend(raw, "from", "to")


class Level(Lasting):
    """Levels that stay above a limit at the end of every step, and so at the seasonal low too."""

    rule: Literal["level"]
    """Kind of rule."""
    at: Literal["wells", "observations", "area"]
    """Places: the level in pumped wells, heads at observation points, or in every cell of an area."""
    select: Select | None = None
    """Which wells; all that pump when left out."""
    area: AreaRef | None = None
    """The area."""
    law: Flag | None = None
    """The limit is `level_limit` of the model."""
    elevation: Metres | None = None
    """The limit as an elevation."""
    depth: Annotated[float, Quantity("m", low=0.0)] | None = None
    """The limit as a depth below ground."""
    radius: Annotated[float, Quantity("m", positive=True)] = 0.1
    """Radius of the wells whose table gives none."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the limit and the place are given once."""
        yield from super().rules(raw)
        yield from exactly_one(raw, "law", "elevation", "depth")
        yield from _fits(raw, "select", "wells")
        yield from _fits(raw, "radius", "wells")
        yield from _fits(raw, "area", "area")
        if raw.get("at") == "area" and raw.get("area") is None:
            yield (), "needs area because it is at: area."


def _fits(raw: Mapping[str, Any], key: str, place: str) -> Iterator[Rule]:
    if raw.get(key) is not None and raw.get("at") in ("wells", "observations", "area") and raw["at"] != place:
        yield (key,), f"has a meaning only with at: {place}."


class Recovery(Section):
    """Heads that have come back by a share of their fall, by a day."""

    rule: Literal["recovery"]
    """Kind of rule."""
    at: Literal["observations", "area"]
    """Places: observation points, or the mean over an area."""
    area: AreaRef | None = None
    """The area."""
    aquifer: Aquifers | None = None
    """Aquifers it holds in."""
    share: Share
    """Share of the way from the head at the first day of the limit back to the head before pumping."""
    by: Date
    """Day by which it holds, and from which on."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the place is given."""
        yield from only_with(raw, "area", "at")
        if raw.get("at") == "area" and raw.get("area") is None:
            yield (), "needs area because it is at: area."


class Front(Lasting):
    """A saline front that does not move: across the edge of an area the head falls into it."""

    rule: Literal["front"]
    """Kind of rule."""
    area: AreaRef
    """The saline area."""
    gradient: Annotated[float, Quantity()] = 0.0
    """Least gradient into it."""


class NoDecline(Lasting):
    """Storage that does not fall: the mean head over an area is at least what it was on the first day."""

    rule: Literal["no_decline"]
    """Kind of rule."""
    area: AreaRef
    """The area."""


class Supply(Section):
    """A least, or largest, sum of what is decided."""

    rule: Literal["supply"]
    """Kind of rule."""
    district: Annotated[tuple[Text, ...], Field(min_length=1), OneOrMany] | None = None
    """Districts whose rates are added up; all when left out."""
    aquifer: Aquifers | None = None
    """Aquifers whose rates are added up; all when left out."""
    least: Rate | None = None
    """Least sum."""
    most: Rate | None = None
    """Largest sum."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that there is a side."""
        if raw.get("least") is None and raw.get("most") is None:
            yield (), "needs least or most: give one of them."


AnyLimitRule = Annotated[Level | Recovery | Front | NoDecline | Supply, Field(discriminator="rule")]


class TradeOff(Section):
    """A curve of limits, one for each of several sides of a rule."""

    rule: Name
    """Name of the rule: recovery (its share), supply (its least), front (its gradient), or a level with an elevation or depth."""
    sides: Annotated[tuple[Annotated[float, Quantity()], ...], Field(min_length=2)]
    """Values that take the place of the rule's own."""


class LimitConfig(Section):
    """A question for the safe limit of extraction."""

    model_config = ConfigDict(title="Limits file")

    kind: Literal["limits"]
    """Kind of the file."""
    title: Text
    """Title of tables and figures."""
    scenario: FilePath
    """Scenario file: model, end, and what wells pump that are not decided."""
    from_: Annotated[Date, Field(alias="from")]
    """First day of the limit."""
    decide: Annotated[dict[Name, Decide], Field(min_length=1)]
    """Groups of wells whose pumping is decided, by name."""
    maximise: Literal["pumping", "room", "equal_share"] = "pumping"
    """What is sought: the most pumping; the largest room to all levels, under the supplies asked for; or the most with every
    rate the same share of the present."""
    constraints: Annotated[dict[Name, AnyLimitRule], Field(min_length=1)]
    """Rules by name."""
    trade_off: TradeOff | None = None
    """A curve beside the limit itself."""
    search: Annotated[Any, EngineSettings("aquirecover.study.limits", "LimitSettings")] = None
    """How the limit is searched for."""
    notes: Text | None = None
    """Free text."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the trade-off names a rule."""
        curve, known = raw.get("trade_off"), raw.get("constraints")
        if isinstance(curve, Mapping) and isinstance(known, Mapping) and curve.get("rule") not in known:
            yield ("trade_off", "rule"), f"is no rule of constraints: {', '.join(map(str, known))}."
