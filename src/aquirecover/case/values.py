"""The types that model, scenario and batch files are made of: sections, quantities, dates, names, references, spatial values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    StrictInt,
    StrictStr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from aquirecover.case.messages import KEY, Path, broken, did_you_mean, refuse, relay, sentence
from aquirecover.variables import VARIABLES, QuantityError, Variable, base_unit, to_number

Rule = tuple[Path, str]


class Section(BaseModel):
    """Base of all sections of the files: frozen, no unknown key, all errors at once.

    A subclass states what holds between its keys in `rules`, which sees the mapping as the user wrote it, so that
    these rules are reported together with those of the single keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Yield path and message for each rule between keys that `raw` breaks."""
        return iter(())

    @classmethod
    def keys(cls) -> dict[str, str]:
        """Return the keys as users write them, each with the name of the field."""
        return {info.alias or name: name for name, info in cls.model_fields.items()}

    @model_validator(mode="wrap")
    @classmethod
    def _check_all(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(raw, cls):
            return handler(raw)
        if not isinstance(raw, Mapping):
            raise refuse(cls.__name__, [broken("must be a mapping: one 'key: value' per line.", (), raw)])
        keys = cls.keys()
        strange = [key for key in raw if key not in keys]
        lines = [broken(sentence("is not a key here", did_you_mean(key, keys)), (key,), None, KEY) for key in strange]
        known = {key: value for key, value in raw.items() if key in keys}
        try:
            section: Self | None = handler(known)
        except ValidationError as error:
            section = None
            lines += relay(error)
        for path, message in cls.rules(known):
            inside = _at(known, path)
            lines.append(broken(message, path, inside, KEY if isinstance(inside, Mapping) else "rule"))
        if lines or section is None:
            raise refuse(cls.__name__, lines)
        return section


def _at(raw: Any, path: Path) -> Any:
    for key in path:
        raw = raw[key]
    return raw


def given(raw: Mapping[str, Any], *keys: str) -> list[str]:
    """Return those of `keys` that have a value in `raw`."""
    return [key for key in keys if raw.get(key) is not None]


def exactly_one(raw: Mapping[str, Any], *keys: str) -> Iterator[Rule]:
    """Yield a message when none or more than one of `keys` is given."""
    found = given(raw, *keys)
    names = " or ".join(keys) if len(keys) < 3 else ", ".join(keys[:-1]) + " or " + keys[-1]
    if not found:
        yield (), f"needs {names}: give one of them."
    elif len(found) > 1:
        yield (found[-1],), f"cannot stand beside {', '.join(found[:-1])}: give only one of {names}."


def at_most_one(raw: Mapping[str, Any], *keys: str) -> Iterator[Rule]:
    """Yield a message when more than one of `keys` is given."""
    if len(given(raw, *keys)) > 1:
        yield from exactly_one(raw, *keys)


def only_with(raw: Mapping[str, Any], key: str, *needed: str) -> Iterator[Rule]:
    """Yield a message when `key` is given without any of the keys it belongs to."""
    if given(raw, key) and not given(raw, *needed):
        yield (key,), f"has a meaning only with {' or '.join(needed)}: remove it, or give {needed[0]}."


def needs(raw: Mapping[str, Any], key: str, companion: str, why: str = "") -> Iterator[Rule]:
    """Yield a message when `key` is given without its `companion`."""
    if given(raw, key) and not given(raw, companion):
        yield (), sentence(f"needs {companion} because it has {key}", why)


# --- scalars ---------------------------------------------------------------------------------------------------------


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


def _checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
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


Date = Annotated[date, BeforeValidator(_checked(parse_date))]
Flag = Annotated[
    bool,
    BeforeValidator(_checked(_flag)),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no"]}]}),
]
Text = Annotated[StrictStr, Field(min_length=1)]
Name = Annotated[str, BeforeValidator(_checked(_name))]
Crs = Annotated[str, BeforeValidator(_checked(_crs)), WithJsonSchema({"type": "string", "pattern": "^EPSG:[1-9][0-9]{3,5}$"})]
FilePath = Annotated[str, BeforeValidator(_checked(_path))]
MonthDay = Annotated[
    str, BeforeValidator(_checked(_month_day)), WithJsonSchema({"type": "string", "pattern": "^[0-1][0-9]-[0-3][0-9]$"})
]
CalendarLength = Annotated[str, BeforeValidator(_checked(_period))]
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


# --- quantities ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quantity:
    """Annotation: a number in metres and days, or a text with a unit, kept within a range.

    Parameters
    ----------
    unit : str
        As in the registry: ``m3 d-1``; that of `variable` when empty.
    variable : str
        Name in the registry of variables, which gives unit and range.
    positive : bool
        The value must be greater than zero.
    low, high : float
        Range, both ends included.
    """

    unit: str = ""
    variable: str = ""
    positive: bool = False
    low: float = -math.inf
    high: float = math.inf

    @property
    def entry(self) -> Variable:
        """The variable that gives unit and rule."""
        if self.variable:
            return VARIABLES[self.variable]
        return Variable("", self.unit or "1", "", "", (), self.low, self.high, self.positive)

    def number(self, raw: object) -> float:
        """Return `raw` in metres and days.

        Raises
        ------
        ValueError
            When it is no quantity of this unit or out of range; the text is rule and remedy.
        """
        entry = self.entry
        if isinstance(raw, bool) or not isinstance(raw, int | float | str):
            example = "" if entry.unit == "1" else f", or a number and a unit as '1 {base_unit(entry.unit)}'"
            raise ValueError(f"must be a number{example}.")
        try:
            value = to_number(raw, entry.unit) if isinstance(raw, str) else float(raw)
        except QuantityError as error:
            raise ValueError(error.rule) from error
        if rule := entry.broken_rule(value):
            shown = "" if not isinstance(raw, str) or entry.unit == "1" else f" (it is {value:g} {base_unit(entry.unit)})"
            raise ValueError(f"{rule}{shown}.")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of a number that may carry a unit."""
        return core_schema.no_info_before_validator_function(_checked(self.number), core_schema.float_schema())

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema: number or text, with the unit."""
        return self.json_schema()

    def json_schema(self) -> JsonSchemaValue:
        """Return ``anyOf`` number and text, with range and unit."""
        entry = self.entry
        number: dict[str, Any] = {"type": "number"}
        if entry.positive:
            number["exclusiveMinimum"] = 0
        elif math.isfinite(entry.valid_min):
            number["minimum"] = entry.valid_min
        if math.isfinite(entry.valid_max):
            number["maximum"] = entry.valid_max
        unit = {} if entry.unit == "1" else {"unit": base_unit(entry.unit)}
        return {"anyOf": [number, {"type": "string"}], **unit}


class Prior(Section):
    """What is known of a value before calibration."""

    distribution: Literal["uniform", "loguniform", "normal", "lognormal"]
    """Shape; the two log shapes are for values greater than zero."""
    low: Annotated[float, Quantity()]
    """Lower end of the range; the 5 % quantile for normal and lognormal."""
    high: Annotated[float, Quantity()]
    """Upper end of the range; the 95 % quantile for normal and lognormal."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the range is not empty and fits the distribution."""
        low, high = raw.get("low"), raw.get("high")
        if isinstance(low, int | float) and isinstance(high, int | float) and high <= low:
            yield ("high",), f"must be greater than low = {low:g}."
        if raw.get("distribution") in ("loguniform", "lognormal") and isinstance(low, int | float) and low <= 0.0:
            yield ("low",), f"must be greater than 0 for a {raw['distribution']} distribution."


KINDS = ("value", "raster", "netcdf", "polygons", "points", "by_area", "series")


class Value(Section):
    """A value in space or time: a number, or a mapping with exactly one of the keys that give it.

    These keys are value, raster, netcdf, polygons, points, by_area and series.
    Numbers in files and in the mapping are in metres and days; a text may carry a unit. The result is
    ``number * multiplier + offset``.
    """

    value: Number | None = None
    """One number for all places and times."""
    raster: FilePath | None = None
    """GeoTIFF in the coordinate system of the model or with its own."""
    netcdf: FilePath | None = None
    """NetCDF file that holds `variable`."""
    polygons: FilePath | None = None
    """GeoJSON or shapefile whose `attribute` is the value inside each polygon; `default` holds outside."""
    points: FilePath | None = None
    """CSV table with x, y (or longitude, latitude) and `column`."""
    by_area: dict[AreaRef, Number] | None = None
    """Number per area, as `districts/Thai Thuy: 3`; `default` holds elsewhere."""
    series: Annotated[tuple[tuple[Date, Number], ...], Field(min_length=1)] | None = None
    """Dated numbers, as `[[2021-01-01, 0.0], [2051-01-01, 0.5]]`."""
    variable: Text | None = None
    """Variable of the NetCDF file."""
    attribute: Text | None = None
    """Attribute of the polygons."""
    column: Text | None = None
    """Column of the table of points."""
    method: Method = "nearest"
    """How a cell takes its number: the nearest sample, linear between samples, or (points) by inverse squared distance."""
    default: Number | None = None
    """Number outside all polygons or areas."""
    interpolate: Literal["linear", "step"] = "linear"
    """Between dates: on a line, or as the last number."""
    multiplier: Annotated[float, Quantity()] = 1.0
    """Factor on the numbers."""
    offset: Number = 0.0
    """Added after the factor."""
    source: Text | None = None
    """Where the value comes from."""
    certainty: Literal["measured", "published", "assumed"] | None = None
    """How it is known."""
    prior: Prior | None = None
    """Range before calibration."""

    @property
    def kind(self) -> str:
        """The key that gives the value: one of `KINDS`."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that exactly one way is given, with the keys that belong to it."""
        yield from exactly_one(raw, *KINDS)
        yield from needs(raw, "netcdf", "variable")
        yield from needs(raw, "polygons", "attribute")
        yield from needs(raw, "points", "column")
        yield from only_with(raw, "variable", "netcdf")
        yield from only_with(raw, "attribute", "polygons")
        yield from only_with(raw, "column", "points")
        yield from only_with(raw, "method", "raster", "netcdf", "points")
        yield from only_with(raw, "default", "by_area", "polygons")
        yield from only_with(raw, "interpolate", "series")
        if raw.get("method") == "idw" and given(raw, "raster", "netcdf"):
            yield ("method",), "must be nearest or linear for a raster."
        yield from series_ascends(raw.get("series"))


def series_ascends(series: Any) -> Iterator[Rule]:
    """Yield a message for each date of a series that is not after the one before it."""
    if not isinstance(series, list | tuple):
        return
    dates = [row[0] if isinstance(row, list | tuple) and row and isinstance(row[0], str) else "" for row in series]
    for index, (before, after) in enumerate(pairwise(dates), 1):
        if before and after and after <= before:
            yield ("series", index, 0), f"must be after the date before it ({before}): dates ascend."


@dataclass(frozen=True)
class Spatial:
    """Annotation of a `Value`: the quantity its numbers measure, and whether they may vary in time.

    Parameters
    ----------
    quantity : Quantity
        Unit and range of every number in the mapping.
    series : bool
        A dated series is allowed.
    """

    quantity: Quantity
    series: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of a value whose numbers are converted first."""
        return core_schema.no_info_wrap_validator_function(self._validate, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema: a number, a text with a unit, or the mapping."""
        plain = self.quantity.json_schema()
        return plain | {"anyOf": [*plain["anyOf"], handler(schema["schema"])]}

    def _validate(self, raw: Any, handler: Callable[[Any], Value]) -> Value:
        if isinstance(raw, Value):
            return raw
        if not isinstance(raw, Mapping):
            number = _checked(self.quantity.number)(raw)
            return handler({"value": number})
        lines: list[InitErrorDetails] = []
        tree = self._convert(raw, lines)
        if raw.get("series") is not None and not self.series:
            lines.append(broken("is not allowed here: this value does not vary in time.", ("series",), None, KEY))
        try:
            value: Value | None = handler(tree)
        except ValidationError as error:
            value = None
            lines += relay(error)
        if lines or value is None:
            raise refuse("value", lines)
        return value

    def _convert(self, raw: Mapping[str, Any], lines: list[InitErrorDetails]) -> dict[str, Any]:
        """Return `raw` with every number of this quantity in metres and days; what is wrong goes to `lines`."""

        def number(path: Path, value: Any, free: bool = False) -> Any:
            quantity = Quantity(self.quantity.entry.unit) if free else self.quantity
            try:
                return quantity.number(value)
            except ValueError as error:
                lines.append(broken(str(error), path, value))
                return 1.0

        tree = dict(raw)
        for key in ("value", "default", "offset"):
            if tree.get(key) is not None:
                tree[key] = number((key,), tree[key], free=key == "offset")
        if isinstance(tree.get("by_area"), Mapping):
            tree["by_area"] = {area: number(("by_area", area), value) for area, value in tree["by_area"].items()}
        if isinstance(tree.get("series"), list | tuple):
            tree["series"] = [
                [row[0], number(("series", index, 1), row[1])] if isinstance(row, list | tuple) and len(row) == 2 else row
                for index, row in enumerate(tree["series"])
            ]
        if isinstance(tree.get("prior"), Mapping):
            prior = tree["prior"]
            tree["prior"] = prior | {key: number(("prior", key), prior[key]) for key in given(prior, "low", "high")}
        return tree


def spatial(variable: str = "", unit: str = "", *, positive: bool = False, series: bool = False) -> Spatial:
    """Return the annotation of a spatial value, of a variable of the registry or of a unit and range."""
    return Spatial(Quantity(unit, variable, positive), series)
