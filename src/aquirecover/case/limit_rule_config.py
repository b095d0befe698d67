"""Schema of the rules of limit files: what must hold at a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from aquirecover.case.limit_sum_config import EqualCut, LinearSum, Point, Ratio, Supply, some_side
from aquirecover.case.messages import did_you_mean, sentence
from aquirecover.case.scalars import AreaRef, Date, Flag, LineRef, Month, Text, Texts, checked, dates_ascend
from aquirecover.case.scenario_config import Aquifers, Select, Share
from aquirecover.case.sections import Rule, Section, exactly_one, given, only_with
from aquirecover.case.values import Quantity

Metres = Annotated[float, Quantity("m")]
Flow = Annotated[float, Quantity("m3 d-1")]
Region = Literal[
    "red_river_delta", "mekong_delta_40", "mekong_delta_35", "mekong_delta_30", "other_porous", "central_highlands_basalt"
]
LAW_NAMES = ("vn-decree-53-2024", "vn-decree-167-2018")


def _law(raw: object) -> object:
    if isinstance(raw, bool) or raw in LAW_NAMES:
        return raw
    if raw in ("yes", "no"):
        return raw == "yes"
    near = did_you_mean(raw, LAW_NAMES)
    raise ValueError(sentence("must be yes or the name of a law", near))


# A law by its name; `yes` for the level limit of the model.
Law = Annotated[
    Literal["vn-decree-53-2024", "vn-decree-167-2018"] | bool,
    BeforeValidator(checked(_law)),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", *LAW_NAMES]}]}),
]
# The six months of the dry season in the Red River delta.
DRY_MONTHS = (11, 12, 1, 2, 3, 4)


class Lasting(Section):
    """What all rules share that hold over a time."""

    aquifer: Aquifers | None = None
    """Aquifers it holds in; all that the places reach when left out."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """First day; that of the limit when left out."""
    to: Date | None = None
    """Day on which it no longer holds."""
    months: Annotated[tuple[Month, ...], Field(min_length=1, max_length=12)] | None = None
    """Months it holds in, 1 to 12, by the middle of a time step; all when left out."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the rule ends after it begins."""
        yield from dates_ascend(raw, "from", "to")


class Level(Lasting):
    """Levels that stay above a limit, or below one, at the end of every step, and so at the seasonal low too."""

    rule: Literal["level"]
    """Kind of rule."""
    at: Literal["wells", "observations", "area"]
    """Places: the level in pumped wells, heads at observation points, or in every cell of an area."""
    select: Select | None = None
    """Which wells; all that pump when left out."""
    points: Texts | None = None
    """Which observation points; all when left out."""
    area: AreaRef | None = None
    """The area."""
    mean: Flag = False
    """The mean head of each layer over the area instead of that of every cell."""
    law: Law | None = None
    """The limit by a law; `yes` for `level_limit` of the model."""
    region: Region | None = None
    """Region, on which the depth of the law depends; `red_river_delta` when left out."""
    urban: AreaRef | None = None
    """Cities and towns, where the depth of the law may be another."""
    share_of_depth: Annotated[float, Quantity(positive=True, high=1.0)] = 1.0
    """Part of the lawful depth below ground that may be used, as 0.95 (Decree 53/2024, Art. 33: beyond it lies zone 2)."""
    elevation: Metres | None = None
    """The limit as an elevation."""
    depth: Annotated[float, Quantity("m", low=0.0)] | None = None
    """The limit as a depth below ground."""
    highest: Metres | None = None
    """An elevation that levels stay below, as in a pit that is kept dry."""
    radius: Annotated[float, Quantity("m", positive=True)] = 0.1
    """Radius of the wells whose table gives none."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the limit and the place are given once."""
        yield from super().rules(raw)
        yield from exactly_one(raw, "law", "elevation", "depth", "highest")
        yield from _fits(raw, "select", "wells")
        yield from _fits(raw, "radius", "wells")
        yield from _fits(raw, "points", "observations")
        yield from _fits(raw, "area", "area")
        yield from _fits(raw, "mean", "area")
        yield from only_with(raw, "share_of_depth", "law")
        if raw.get("at") == "area":
            yield from _needs_area(raw)
        yield from _named(raw)
        if raw.get("law") in (False, "no"):
            yield ("law",), "must be yes or the name of a law; leave it out for a limit of your own."


def _named(raw: Mapping[str, Any], usual: str = "") -> Iterator[Rule]:
    """Yield a message when keys are given that only a law by its name has."""
    law = raw.get("law", usual)
    if not isinstance(law, str) or law in ("", "yes", "no"):
        for key in given(raw, "region", "urban"):
            yield (key,), "has a meaning only with the name of a law: remove it, or give law: vn-decree-53-2024."


def _fits(raw: Mapping[str, Any], key: str, place: str) -> Iterator[Rule]:
    if raw.get(key) is not None and raw.get("at") in ("wells", "observations", "area") and raw["at"] != place:
        yield (key,), f"has a meaning only with at: {place}."


def _needs_area(raw: Mapping[str, Any]) -> Iterator[Rule]:
    if raw.get("area") is None:
        yield (), "needs area because it is at: area."


class DrySeason(Section):
    """Mean levels of dry seasons that stay out of zone 2 of Decree 53/2024, Art. 33.

    It is drawn where they have fallen three years running and are beyond 95 % of the lawful depth.
    """

    rule: Literal["dry_season"]
    """Kind of rule."""
    at: Literal["wells", "observations"] = "wells"
    """Places: the level in pumped wells, or heads at observation points."""
    select: Select | None = None
    """Which wells; all that pump when left out."""
    points: Texts | None = None
    """Which observation points; all when left out."""
    law: Law = "vn-decree-53-2024"
    """The lawful level; `yes` for `level_limit` of the model."""
    region: Region | None = None
    """Region, on which the depth of the law depends; `red_river_delta` when left out."""
    urban: AreaRef | None = None
    """Cities and towns, where the depth of the law may be another."""
    share_of_depth: Annotated[float, Quantity(positive=True, high=1.0)] = 0.95
    """Part of the lawful depth below ground that means stay within."""
    or_steady: Flag = False
    """A place may also go beyond it, to the lawful depth, where each mean is at least that of three years before: it has then not
    fallen in all of them; found with whole numbers."""
    radius: Annotated[float, Quantity("m", positive=True)] = 0.1
    """Radius of the wells whose table gives none."""
    months: Annotated[tuple[Month, ...], Field(min_length=1, max_length=12)] = DRY_MONTHS
    """Months of the dry season, which follow one another."""
    aquifer: Aquifers | None = None
    """Aquifers it holds in; all that the places reach when left out."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """First day; that of the limit when left out. Seasons count that lie wholly between the days."""
    to: Date | None = None
    """Day on which it no longer holds."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the places fit together."""
        yield from dates_ascend(raw, "from", "to")
        at = {"at": "wells", **raw}
        yield from _fits(at, "select", "wells")
        yield from _fits(at, "radius", "wells")
        yield from _fits(at, "points", "observations")
        yield from _named(raw, "vn-decree-53-2024")
        if raw.get("law") in (False, "no", "vn-decree-167-2018"):
            yield ("law",), "must be yes or vn-decree-53-2024, whose Article 33 this is."


class Recovery(Section):
    """Heads that have come back by a share of their fall, by a day, and stay so at the end of every step from then on."""

    rule: Literal["recovery"]
    """Kind of rule."""
    at: Literal["observations", "area"]
    """Places: observation points, or an area."""
    points: Texts | None = None
    """Which observation points; all when left out."""
    area: AreaRef | None = None
    """The area, whose mean heads by layer count unless `area_share` is given."""
    area_share: Annotated[float, Quantity(positive=True, high=1.0)] | None = None
    """Share of the area of each layer whose cells must have come back and stay so, whichever they are; found with whole
    numbers."""
    aquifer: Aquifers | None = None
    """Aquifers it holds in."""
    share: Share
    """Share of the way from the head at the first day of the limit back to the reference."""
    reference: Literal["before_pumping", "no_pumping"] = "before_pumping"
    """Heads before pumping, or in equilibrium with the mean stresses of the last year and without the pumping of any well."""
    by: Date
    """Day by which it holds, and from which on."""
    to: Date | None = None
    """Last day on which it holds; the end when left out."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the place is given, and that the rule ends no sooner than it begins."""
        if raw.get("to") != raw.get("by"):
            yield from dates_ascend(raw, "by", "to")
        yield from _fits(raw, "area", "area")
        yield from _fits(raw, "area_share", "area")
        yield from _fits(raw, "points", "observations")
        if raw.get("at") == "area":
            yield from _needs_area(raw)


class Front(Lasting):
    """A saline front that does not move: across the edge of an area the head falls into it."""

    rule: Literal["front"]
    """Kind of rule."""
    area: AreaRef
    """The saline area."""
    gradient: Annotated[float, Quantity()] = 0.0
    """Least gradient into it."""


class _Pairs(Lasting):
    """What rules share that compare heads."""

    pairs: Annotated[tuple[Annotated[tuple[Point, ...], Field(min_length=2, max_length=2)], ...], Field(min_length=1)]
    """Pairs of places, the higher one first: observation points by name, or cells as `[layer, row, column]` from 1."""


class Difference(_Pairs):
    """Heads at one place that stay above those at another."""

    rule: Literal["difference"]
    """Kind of rule."""
    least: Metres | None = None
    """Least head at the first place less that at the second."""
    most: Metres | None = None
    """Largest difference."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that there is a side."""
        yield from super().rules(raw)
        yield from some_side(raw, "least", "most")


class Gradient(_Pairs):
    """Gradients of the head between two places."""

    rule: Literal["gradient"]
    """Kind of rule."""
    least: Annotated[float, Quantity()] | None = None
    """Least fall of the head from the first place to the second, per metre between the centres of their cells in plan."""
    most: Annotated[float, Quantity()] | None = None
    """Largest gradient."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that there is a side."""
        yield from super().rules(raw)
        yield from some_side(raw, "least", "most")


class Flux(Lasting):
    """Flow of groundwater across a line or the edge of an area, or out to a boundary such as a river."""

    rule: Literal["flux"]
    """Kind of rule."""
    line: LineRef | None = None
    """Line; flow from its left to its right, as it is drawn, counts as positive."""
    into: AreaRef | None = None
    """Area; flow into it across its edge counts as positive."""
    boundary: Text | None = None
    """Boundary of the model, as a river, drain or general head; outflow to it counts as positive."""
    within: AreaRef | None = None
    """Part of the boundary."""
    least: Flow | None = None
    """Least flow, negative where it may go the other way."""
    most: Flow | None = None
    """Largest flow."""
    mean: Flag = False
    """The mean over the time of the rule instead of the flow of every step."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the place is given once and that there is a side."""
        yield from super().rules(raw)
        yield from exactly_one(raw, "line", "into", "boundary")
        yield from only_with(raw, "within", "boundary")
        yield from some_side(raw, "least", "most")
        if raw.get("mean") in (True, "yes") and raw.get("months") is not None:
            yield ("months",), "cannot stand beside mean: a mean is over the whole time of the rule."


class Storage(Lasting):
    """Water stored above the bottoms of the cells of each layer that does not fall below a share of an earlier value."""

    rule: Literal["storage"]
    """Kind of rule."""
    area: AreaRef | None = None
    """The area; the whole model when left out."""
    share: Share = 1.0
    """Share that must remain."""
    of: Date | None = None
    """Day of the earlier value; the first day of the limit when left out."""


class NoDecline(Lasting):
    """Storage that does not fall: the mean head over an area is at least what it was on the first day."""

    rule: Literal["no_decline"]
    """Kind of rule."""
    area: AreaRef
    """The area."""


AnyLimitRule = Annotated[
    Level
    | DrySeason
    | Recovery
    | Front
    | Difference
    | Gradient
    | Flux
    | Storage
    | NoDecline
    | Supply
    | Ratio
    | EqualCut
    | LinearSum,
    Field(discriminator="rule"),
]
