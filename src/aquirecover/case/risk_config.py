"""Schema of the part of a limit file that asks with which probability the rules hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt
from pydantic_core import core_schema

from aquirecover.case.scalars import Flag, Text
from aquirecover.case.sections import Section
from aquirecover.case.values import Quantity


class Risk(Section):
    """With which probability the rules hold, given the priors of the model."""

    probability: Annotated[float, Quantity(low=0.5, high=0.999)] = 0.95
    """The probability that is asked for: 0.5 has nothing to spare, 0.95 is on the safe side."""
    realizations: Annotated[StrictInt, Field(ge=0, le=100_000)] = 200
    """Models drawn from the priors, in each of which the rules are looked at; 0 for none."""
    sampling: Literal["latin_hypercube", "sobol"] = "latin_hypercube"
    """How they are drawn."""
    seed: Annotated[StrictInt, Field(ge=0)] = 1
    """Of the drawing; the same seed draws the same models."""
    first_order: Flag = True
    """Also by first-order second-moment, from derivatives with respect to the priors."""
    hindsight: Flag = False
    """Also the limit of each realization by itself, as one could find it who knew the aquifer; it takes as many runs in each
    as the limit does."""
    priors: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """Values whose priors count, as `layers.qp1.k`, or sections, as `layers.qp1`; all of the model when left out."""


def _probability(raw: Any) -> Any:
    return raw if isinstance(raw, Mapping | Risk) else {"probability": raw}


class _OrProbability:
    """Annotation: a number alone is the probability."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Return the schema of the section, preceded by the step that makes one of a number."""
        return core_schema.no_info_before_validator_function(_probability, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: Any) -> dict[str, Any]:
        """Return the JSON schema: a number or the section."""
        return {"anyOf": [{"type": "number", "minimum": 0.5, "maximum": 0.999}, handler(schema)]}


AnyRisk = Annotated[Risk, _OrProbability()]
