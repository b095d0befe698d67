"""Quantities with units, and values that may vary in space or time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from aquirecover.case.messages import KEY, Path, broken, refuse, relay
from aquirecover.case.scalars import AreaRef, Date, FilePath, Method, Number, Text, checked
from aquirecover.case.sections import Rule, Section, exactly_one, given, needs, only_with
from aquirecover.variables import VARIABLES, QuantityError, Variable, base_unit, to_number


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
        return core_schema.no_info_before_validator_function(checked(self.number), core_schema.float_schema())

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
    """What is known of a value before calibration; of its multiplier where it varies in space or time."""

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
    _unit: str = PrivateAttr(default="")

    @property
    def unit(self) -> str:
        """The unit of the numbers, as ``m d-1``."""
        return self._unit

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
            number = checked(self.quantity.number)(raw)
            return self._with_unit(handler({"value": number}))
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
        return self._with_unit(value)

    def _with_unit(self, value: Value) -> Value:
        value._unit = self.quantity.entry.unit
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
            if raw.get("value") is not None:
                tree["prior"] = prior | {key: number(("prior", key), prior[key]) for key in given(prior, "low", "high")}
        return tree


def spatial(variable: str = "", unit: str = "", *, positive: bool = False, series: bool = False) -> Spatial:
    """Return the annotation of a spatial value, of a variable of the registry or of a unit and range."""
    return Spatial(Quantity(unit, variable, positive), series)
