"""Schema of limit files: what is decided, under which rules, and what is sought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictInt

from aquirecover.case.limit_rule_config import AnyLimitRule
from aquirecover.case.limit_sum_config import Label
from aquirecover.case.messages import did_you_mean, sentence
from aquirecover.case.model_config import EngineSettings, Place
from aquirecover.case.risk_config import AnyRisk
from aquirecover.case.scalars import Date, FilePath, Flag, Month, Name, OneOrMany, Text, dates_ascend
from aquirecover.case.scenario_config import Rate, Select
from aquirecover.case.sections import Rule, Section, at_most_one, exactly_one, given
from aquirecover.case.values import Quantity


class Switch(Section):
    """Whether a rate is on at all: found with whole numbers."""

    rate: Rate = 0.0
    """Least rate when it is on."""
    cost: Annotated[float, Quantity(low=0.0)] = 0.0
    """What it counts to be on, where the least cost is sought."""


class Switches(Switch):
    """Which of the rates are on at all: found with whole numbers."""

    most: Annotated[StrictInt, Field(ge=0)] | None = None
    """Largest number of rates that are on."""
    least: Annotated[StrictInt, Field(ge=0)] | None = None
    """Least number."""
    same_as: Name | None = None
    """An earlier section with switches: wells that are on there are on here too, as in another season, and count once."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the numbers do not contradict each other."""
        if raw.get("same_as") is not None:
            for key in given(raw, "most", "least", "cost"):
                yield (key,), "cannot stand beside same_as: it counts in the section that same_as names."
        low, high = raw.get("least"), raw.get("most")
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield ("most",), f"must not be below least = {low}."


class Decide(Section):
    """Wells whose rates are decided, one for each combination of labels, shared as they pump at present."""

    select: Select = Select()
    """The wells; their own rates no longer count from the first day of the limit on."""
    by: Annotated[tuple[Label, ...], OneOrMany] = ("district", "aquifer")
    """Labels whose combinations each get a rate of their own; `well` for a rate of each well, `[]` for one of all."""
    inject: Flag = False
    """The wells put water in instead of taking it out."""
    least: Rate = 0.0
    """Least rate of each."""
    least_times_present: Annotated[float, Quantity(low=0.0)] | None = None
    """Least rate of each as a multiple of what it pumps at present."""
    most: Rate | None = None
    """Largest rate of each; 0 stops it."""
    times_present: Annotated[float, Quantity(low=0.0)] | None = None
    """Largest rate of each as a multiple of what it pumps at present."""
    weight: Annotated[float, Quantity(positive=True)] = 1.0
    """What a cubic metre of it counts; injection counts against pumping, and as a cost where the least cost is sought."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """First day of the rate; that of the limit when left out."""
    to: Date | None = None
    """Day from which on the wells pump as the scenario says again."""
    months: Annotated[tuple[Month, ...], Field(min_length=1, max_length=12)] | None = None
    """Months of the rate, 1 to 12, by the middle of a period; in the others the wells pump as the scenario says."""
    switches: Switches | None = None
    """Which of them, and how many, are on."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that each side is given once and that the time is not empty."""
        yield from at_most_one(raw, "most", "times_present")
        if raw.get("least"):
            yield from at_most_one(raw, "least", "least_times_present")
        yield from dates_ascend(raw, "from", "to")


class ExternalSupply(Section):
    """Water from elsewhere, as from a river or another province, which the aquifer does not feel."""

    least: Rate = 0.0
    """Least rate."""
    most: Rate | None = None
    """Largest rate."""
    from_: Annotated[Date | None, Field(alias="from")] = None
    """First day of the supply; that of the limit when left out."""
    to: Date | None = None
    """Day on which it ends."""
    months: Annotated[tuple[Month, ...], Field(min_length=1, max_length=12)] | None = None
    """Months of the supply, 1 to 12, by the middle of a period; all when left out."""
    weight: Annotated[float, Quantity()] = 0.0
    """What a cubic metre of it counts; below 0 a cost."""
    switch: Switch | None = None
    """It is on or off."""
    district: Text | None = None
    """District it serves."""
    aquifer: Text | None = None
    """Aquifer it stands in for."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the time is not empty."""
        yield from dates_ascend(raw, "from", "to")


class TradeOff(Section):
    """A curve of limits, one for each of several sides, or days, of a rule."""

    rule: Name
    """Name of the rule. Its number is moved: the share of a recovery or storage, the gradient of a front, the share of the lawful
    depth, depth or elevation of a level, or the one side of a supply, difference, gradient or flux."""
    sides: Annotated[tuple[Annotated[float, Quantity()], ...], Field(min_length=2)] | None = None
    """Values that take the place of the rule's own."""
    dates: Annotated[tuple[Date, ...], Field(min_length=2)] | None = None
    """Days that take the place of `by` of a recovery."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that one thing is moved."""
        yield from exactly_one(raw, "sides", "dates")


class Bisection(Section):
    """The plain method beside the search: one factor on what all that is decided pumps at present, halved by full runs."""

    most: Annotated[float, Quantity(positive=True)] = 4.0
    """Largest factor that is tried."""
    tolerance: Annotated[float, Quantity(positive=True)] = 1e-3
    """Width of the last interval."""


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
    supplies: dict[Name, ExternalSupply] = Field(default_factory=dict)
    """Supplies from elsewhere by name."""
    maximise: Literal["pumping", "room", "equal_share"] | Name | None = None
    """What is sought: the most pumping, which it is when left out; the largest room to all levels, under the supplies asked for;
    the most with every rate the same share of the present; or the largest value of a `sum` of constraints, by its name."""
    minimise: Literal["cost"] | Name | None = None
    """Seek the least cost instead: rates times weights, and what switches cost; or the least value of a `sum`, by its name."""
    constraints: Annotated[dict[Name, AnyLimitRule], Field(min_length=1)]
    """Rules by name."""
    areas: dict[Name, Place] = Field(default_factory=dict)
    """Polygons by name, beside those of the model and scenario, as the zones that `aquirecover zones` draws."""
    lines: dict[Name, Place] = Field(default_factory=dict)
    """Lines by name, beside those of the model and scenario."""
    trade_off: TradeOff | None = None
    """A curve beside the limit itself."""
    bisection: Bisection | None = None
    """Also the largest factor on present pumping, by a method that can be followed by hand; `{}` for its defaults."""
    risk: AnyRisk | None = None
    """Also how much may be pumped with which probability, from the priors of the model; a number alone is the probability."""
    search: Annotated[Any, EngineSettings("aquirecover.study.limits", "LimitSettings")] = None
    """How the limit is searched for."""
    notes: Text | None = None
    """Free text."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that one thing is sought, that every sum has a side or is sought, and that the trade-off names a rule."""
        yield from at_most_one(raw, "maximise", "minimise")
        risk = raw.get("risk")
        looks_back = isinstance(risk, Mapping) and risk.get("hindsight") in (True, "yes")
        if looks_back and (raw.get("minimise") is not None or raw.get("maximise") not in (None, "pumping", "equal_share")):
            yield ("risk", "hindsight"), "goes with the most pumping, which grows as the rules allow more."
        curve, known = raw.get("trade_off"), raw.get("constraints")
        rules = {name: rule for name, rule in known.items() if isinstance(rule, Mapping)} if isinstance(known, Mapping) else {}
        if raw.get("maximise") == "room" and "level" not in [rule.get("rule") for rule in rules.values()]:
            yield ("maximise",), "room needs a rule of levels: add one."
        sums = {name: rule for name, rule in rules.items() if rule.get("rule") == "sum"}
        for key, own in (("maximise", ("pumping", "room", "equal_share")), ("minimise", ("cost",))):
            names = [*own, *map(str, sums)]
            if isinstance(raw.get(key), str) and raw[key] not in names:
                near = did_you_mean(raw[key], names)
                yield (key,), sentence("must be one of " + ", ".join(names), near if near.startswith("Did") else "")
        sought = raw.get("maximise"), raw.get("minimise")
        for name, rule in sums.items():
            if not given(rule, "least", "most") and name not in sought:
                yield ("constraints", name), "needs least or most: give one of them, or seek it (maximise or minimise)."
        if isinstance(curve, Mapping) and isinstance(known, Mapping) and curve.get("rule") not in known:
            yield ("trade_off", "rule"), f"is no rule of constraints: {', '.join(map(str, known))}."
