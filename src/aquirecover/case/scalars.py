"""Dates, flags, names, lengths on the calendar and references, as the files hold them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    StrictStr,
    ValidationError,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from aquirecover.case.messages import broken, did_you_mean, refuse, sentence
from aquirecover.case.sections import Rule


def parse_date(text: object) -> date:
    """Return the date of an ISO text.

    Raises
    ------
    ValueError
        When `text` is no date ``YYYY-MM-DD``.
    """
    if type(text) is date:
        return text
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError("must be a date, as 2021-01-31.")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a date that exists, as 2021-01-31.") from error


def dates_ascend(raw: Mapping[str, Any], first: str, last: str) -> Iterator[Rule]:
    """Yield a message when the date `last` is not after the date `first`."""
    try:
        start, end = parse_date(raw.get(first)), parse_date(raw.get(last))
    except ValueError:
        return
    if end <= start:
        yield (last,), f"must be after {first} = {start}."


def checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Turn a function that raises `ValueError` into a validator whose message stays as it is."""

    def validate(raw: Any) -> Any:
        if raw is None:
            raise refuse("value", [broken("has no value: give one, or leave the key out.")])
        try:
            return check(raw)
        except ValidationError:
            raise
        except ValueError as error:
            raise refuse("value", [broken(str(error), (), raw)]) from error

    return validate


def _flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if raw in ("yes", "no"):
        return raw == "yes"
    raise ValueError("must be true or false (yes and no do as well).")


def _name(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError('must be text: put it in quotes, as "123".')
    if not re.fullmatch(r"[^\W_][\w -]*", raw):
        raise ValueError("must be a name of letters, digits, _, - and blanks that begins with a letter or digit.")
    return raw


def _crs(raw: object) -> str:
    if not isinstance(raw, str) or not re.fullmatch(r"EPSG:[1-9]\d{3,5}", raw):
        raise ValueError("must be EPSG and a number, as EPSG:3405.")
    return raw


def _path(raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be the path of a file, relative to the file it is written in.")
    return raw


def _month_day(raw: object) -> str:
    match = re.fullmatch(r"(\d\d)-(\d\d)", raw) if isinstance(raw, str) else None
    try:
        date(2001, *(int(part) for part in match.groups())) if match else None
    except ValueError:
        match = None
    if match is None:
        raise ValueError("must be month and day, as 11-01 (not 02-29).")
    return match[0]


def _period(raw: object) -> str:
    match = re.fullmatch(r"(\d+)?\s*(d|day|week|month|year)s?", raw.strip()) if isinstance(raw, str) else None
    if match is None or int(match[1] or 1) < 1:
        raise ValueError("must be a length on the calendar: day, 10 days, week, month, 6 months, year.")
    count, unit = int(match[1] or 1), match[2]
    if unit == "week":
        count, unit = 7 * count, "day"
    unit = "day" if unit == "d" else unit
    return unit if count == 1 else f"{count} {unit}s"


def period_parts(period: str) -> tuple[int, str]:
    """Return number and unit (``day``, ``month`` or ``year``) of a calendar length as ``6 months``."""
    count, _, unit = period.rpartition(" ")
    return int(count or 1), unit.rstrip("s")


def _one_or_many(raw: Any) -> Any:
    return [raw] if isinstance(raw, str) else raw


Date = Annotated[date, BeforeValidator(checked(parse_date))]
Flag = Annotated[
    bool,
    BeforeValidator(checked(_flag)),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no"]}]}),
]
Text = Annotated[StrictStr, Field(min_length=1)]
Name = Annotated[str, BeforeValidator(checked(_name))]
Crs = Annotated[str, BeforeValidator(checked(_crs)), WithJsonSchema({"type": "string", "pattern": "^EPSG:[1-9][0-9]{3,5}$"})]
FilePath = Annotated[str, BeforeValidator(checked(_path))]
MonthDay = Annotated[
    str, BeforeValidator(checked(_month_day)), WithJsonSchema({"type": "string", "pattern": "^[0-1][0-9]-[0-3][0-9]$"})
]
CalendarLength = Annotated[str, BeforeValidator(checked(_period))]
Count = Annotated[StrictInt, Field(ge=1)]
Month = Annotated[StrictInt, Field(ge=1, le=12)]


class _OneOrMany:
    """Annotation of a list: a single text stands for a list of one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the list, preceded by the step that makes one of a text."""
        return core_schema.no_info_before_validator_function(_one_or_many, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema: one item, or a list of them."""
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


OneOrMany = _OneOrMany()


@dataclass(frozen=True)
class Reference:
    """Annotation: a text that names an entry of `table`, or, with `labels`, ``entry/label``.

    The names come with the context of the validation, as ``{"areas": [...], ...}``; without one nothing is checked here.
    """

    table: str
    labels: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of a text that is looked up."""
        return core_schema.with_info_after_validator_function(self._look_up, core_schema.str_schema(strict=True))

    def _look_up(self, text: str, info: Any) -> str:
        valid = (info.context or {}).get(self.table)
        name = text.split("/", 1)[0] if self.labels else text
        if valid is None or name in valid:
            return text
        what = {"areas": "area", "lines": "line", "layers": "layer", "wells": "group of wells", "aquifers": "aquifer"}[self.table]
        remedy = did_you_mean(name, valid) or f"The model has no {self.table}."
        raise refuse("reference", [broken(sentence(f"is no {what} of the model", remedy), (), text)])


AreaRef = Annotated[str, Reference("areas", labels=True)]
LineRef = Annotated[str, Reference("lines", labels=True)]
LayerRef = Annotated[str, Reference("layers")]
LayerRefs = Annotated[tuple[LayerRef, ...], Field(min_length=1), OneOrMany]
Texts = Annotated[tuple[Text, ...], Field(min_length=1), OneOrMany]
Edge = Literal["north", "east", "south", "west"]
Edges = Annotated[tuple[Edge, ...], Field(min_length=1), OneOrMany]
NumberOrText = {"anyOf": [{"type": "number"}, {"type": "string"}]}
Number = Annotated[float, WithJsonSchema(NumberOrText)]
Method = Literal["nearest", "linear", "idw"]
