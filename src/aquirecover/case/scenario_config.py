"""Schema of scenario and batch files: restriction rules, whom they select, overrides, lists of scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator

from aquirecover.case.messages import refuse, relay
from aquirecover.case.model_config import Place
from aquirecover.case.scalars import (
    AreaRef,
    Count,
    Date,
    FilePath,
    Flag,
    LineRef,
    Month,
    Name,
    OneOrMany,
    Reference,
    Text,
    Texts,
    dates_ascend,
    parse_date,
)
from aquirecover.case.sections import Rule, Section, exactly_one, given
from aquirecover.case.values import Quantity

WellLabel = Literal["district", "aquifer", "user_type", "group", "well"]
Share = Annotated[float, Quantity(low=0.0, high=1.0)]
Percent = Annotated[float, Quantity("%", low=0.0, high=100.0)]
Rate = Annotated[float, Quantity(variable="pumping_rate")]
Aquifers = Annotated[tuple[Annotated[str, Reference("aquifers")], ...], Field(min_length=1), OneOrMany]
Groups = Annotated[tuple[Annotated[str, Reference("wells")], ...], Field(min_length=1), OneOrMany]


class Size(Section):
    """Range of the permitted or present rate of a well."""

    min: Rate | None = None
    """Smallest rate, included."""
    max: Rate | None = None
    """Largest rate, not included."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the range is not empty."""
        low, high = raw.get("min"), raw.get("max")
        if isinstance(low, int | float) and isinstance(high, int | float) and high <= low:
            yield ("max",), f"must be greater than min = {low:g}."


class Near(Section):
    """Places within, or beyond, a distance of a line or an area."""

    line: LineRef | None = None
    """Line from which the distance is taken."""
    area: AreaRef | None = None
    """Area from whose edge the distance is taken; inside it is 0."""
    distance: Annotated[float, Quantity("m", low=0.0)]
    """The distance."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the place is given once."""
        yield from exactly_one(raw, "line", "area")


class Select(Section):
    """Which wells a rule reaches: all that is given must hold; nothing given means all wells."""

    district: Texts | None = None
    """Districts, as in the table of wells."""
    aquifer: Aquifers | None = None
    """Aquifers that the wells pump from."""
    user_type: Texts | None = None
    """Types of user, as in the table of wells."""
    licensed: Flag | None = None
    """Wells with, or without, a licence."""
    size: Size | None = None
    """Range of the rate."""
    wells: Texts | None = None
    """Wells by name."""
    group: Groups | None = None
    """Groups of wells of the model."""
    within: AreaRef | None = None
    """Wells inside this area."""
    zone: AreaRef | None = None
    """Wells inside a zone that `aquirecover zones` has drawn, of the aquifer that the zone is for, as `law/zone_1`."""
    near: Near | None = None
    """Wells no farther than a distance."""
    beyond: Near | None = None
    """Wells farther than a distance."""


class Restriction(Section):
    """What all restriction rules share."""

    from_: Annotated[Date, Field(alias="from")]
    """First day of the rule."""
    to: Date | None = None
    """Day on which it no longer holds; left out, it holds to the end."""
    select: Select = Select()
    """The wells it reaches."""
    compliance: Share = 1.0
    """Share of the cut that really happens."""
    includes_unlicensed: Flag = False
    """The rule also reaches the unlicensed share of pumping."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the rule ends after it begins."""
        yield from dates_ascend(raw, "from", "to")


class Ban(Restriction):
    """No pumping."""

    rule: Literal["ban"]
    """Kind of rule."""


class Cap(Restriction):
    """No more than a rate per well."""

    rule: Literal["cap"]
    """Kind of rule."""
    rate: Rate
    """Largest rate of a well."""


class PercentOfPermit(Restriction):
    """No more than a part of the permitted rate."""

    rule: Literal["percent_of_permit"]
    """Kind of rule."""
    percent: Percent
    """Percent of the permit that may be pumped."""


class PercentOfPresent(Restriction):
    """No more than a part of the rate in force when the rule begins."""

    rule: Literal["percent_of_present"]
    """Kind of rule."""
    percent: Percent
    """Percent of the present rate that may be pumped."""


class PhaseOut(Restriction):
    """A cut that grows linearly in time."""

    rule: Literal["phase_out"]
    """Kind of rule."""
    until: Date
    """Day on which the cut is complete."""
    to_percent: Percent = 0.0
    """Percent of the present rate that remains."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check the dates."""
        yield from super().rules(raw)
        yield from dates_ascend(raw, "from", "until")
        if given(raw, "to", "until") == ["to", "until"]:
            try:
                late = parse_date(raw["to"]) < parse_date(raw["until"])
            except ValueError:
                late = False
            if late:
                yield ("until",), f"must not be after to = {raw['to']}: the rule would end before the cut is complete."


class Seasonal(Restriction):
    """A cut in some months of every year."""

    rule: Literal["seasonal"]
    """Kind of rule."""
    months: Annotated[tuple[Month, ...], Field(min_length=1, max_length=12)]
    """Months of the cut, 1 to 12."""
    percent: Percent
    """Percent of the present rate that may be pumped in these months."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that no month stands twice."""
        yield from super().rules(raw)
        months = raw.get("months")
        if isinstance(months, list | tuple):
            for index, month in enumerate(months):
                if month in months[:index]:
                    yield ("months", index), "stands twice: name each month once."


class Rotation(Restriction):
    """Wells rest in turn."""

    rule: Literal["rotation"]
    """Kind of rule."""
    groups: Annotated[Count, Field(ge=2)]
    """Number of groups; well i rests in turn i modulo groups."""
    turn: Annotated[float, Quantity("d", low=1.0)]
    """Length of a turn."""


class SurfaceWater(Restriction):
    """Part of the pumping is replaced by surface water."""

    rule: Literal["surface_water"]
    """Kind of rule."""
    replaced: Percent
    """Percent of the present rate that surface water replaces."""


KINDS: dict[str, type[Restriction]] = {
    "ban": Ban,
    "cap": Cap,
    "percent_of_permit": PercentOfPermit,
    "percent_of_present": PercentOfPresent,
    "phase_out": PhaseOut,
    "seasonal": Seasonal,
    "rotation": Rotation,
    "surface_water": SurfaceWater,
}


OWN_KEYS = {key for kind in KINDS.values() for key in kind.keys()} - set(Restriction.keys())  # noqa: SIM118


def _judge(raw: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Validate a restriction; one of an unknown kind is judged as the kind nearest in name, or else by what all kinds share."""
    try:
        return handler(raw)
    except ValidationError as error:
        if not isinstance(raw, Mapping) or str(raw.get("rule")) in KINDS:
            raise
        lines = relay(error)
    near = get_close_matches(str(raw.get("rule")), KINDS, n=1)
    kind = KINDS[near[0]] if near else Restriction
    judged = {key: value for key, value in raw.items() if near or key not in OWN_KEYS}
    try:
        kind.model_validate({**judged, "rule": near[0]} if near else judged, context=info.context)
    except ValidationError as error:
        lines += relay(error)
    raise refuse("restriction", lines)


AnyRestriction = Annotated[
    Annotated[
        Ban | Cap | PercentOfPermit | PercentOfPresent | PhaseOut | Seasonal | Rotation | SurfaceWater,
        Field(discriminator="rule"),
    ],
    WrapValidator(_judge),
]


class ScenarioConfig(Section):
    """A scenario: a model, restriction rules and overrides of values of the model."""

    model_config = ConfigDict(title="Scenario file")

    kind: Literal["scenario"]
    """Kind of the file."""
    title: Text
    """Title of figures and reports."""
    model: FilePath
    """Model file."""
    end: Date | None = None
    """Day after the last, instead of that of the model."""
    restriction_start: Date | None = None
    """Day from which recovery is counted; the earliest `from` of the rules when left out."""
    restrictions: dict[Name, AnyRestriction] = Field(default_factory=dict)
    """Restriction rules by name."""
    unlicensed_share: Share = 0.0
    """Share of every well's pumping that no rule reaches."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Values of the model by dotted path, as `layers.qp1.k: 40`."""
    areas: dict[Name, Place] = Field(default_factory=dict)
    """Polygons by name, beside those of the model."""
    lines: dict[Name, Place] = Field(default_factory=dict)
    """Lines by name, beside those of the model."""
    notes: Text | None = None
    """Free text."""

    @property
    def recovery_start(self) -> date | None:
        """Day from which recovery is counted, None without any rule."""
        starts = [rule.from_ for rule in self.restrictions.values()]
        return self.restriction_start or min(starts, default=None)


class AnswersConfig(Section):
    """Heads of many scenarios that pump more or less by groups of wells: points at every step, and the last field."""

    factors: FilePath
    """CSV table with a row for each scenario: its name under `scenario`, and a factor on the pumping under the name of each
    group, as `Kien Xuong / qp2`. Groups without a column stay as they are."""
    by: Annotated[tuple[WellLabel, ...], Field(min_length=1), OneOrMany] = ("district", "aquifer")
    """Labels of wells whose combinations are the groups; `well` for each well."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """Day from which factors count, the start of a period; all the time when left out."""


class BatchConfig(Section):
    """A list of scenarios that are run together."""

    model_config = ConfigDict(title="Batch file")

    kind: Literal["batch"]
    """Kind of the file."""
    title: Text | None = None
    """Title of figures that compare the scenarios."""
    scenarios: Annotated[tuple[FilePath, ...], Field(min_length=1), OneOrMany]
    """Scenario files."""
    cell_size: Annotated[float, Quantity("m", positive=True)] | None = None
    """Side of a cell, instead of that of the model."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Values of the model by dotted path, for all scenarios."""
    processes: Count | None = None
    """Runs at the same time; the number of processors when left out."""
    answers: AnswersConfig | None = None
    """Scenarios that scale groups of wells of the one scenario, instead of runs with all results."""
    notes: Text | None = None
    """Free text."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that no scenario stands twice."""
        scenarios = raw.get("scenarios")
        if isinstance(scenarios, list | tuple):
            for index, path in enumerate(scenarios):
                if path in scenarios[:index]:
                    yield ("scenarios", index), "stands twice: name each scenario once."
            if raw.get("answers") is not None and len(scenarios) != 1:
                yield ("scenarios",), "must be one scenario where answers are asked for: they scale its wells."
