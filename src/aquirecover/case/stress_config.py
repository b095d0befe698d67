"""Schema of what acts on the aquifers: recharge, rivers, drains, heads at the border, barriers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from aquirecover.case.messages import did_you_mean, sentence
from aquirecover.case.scalars import AreaRef, Edges, FilePath, LayerRef, LayerRefs, LineRef
from aquirecover.case.sections import Rule, Section, at_most_one, exactly_one, given, needs, only_with
from aquirecover.case.values import Quantity, Value, spatial

Head = Annotated[Value, spatial("head", series=True)]
Elevation = Annotated[Value, spatial("elevation")]
Depth = Annotated[Value, spatial(unit="m", positive=True)]
Leakance = Annotated[Value, spatial("leakance")]
Factors = Annotated[tuple[Annotated[float, Quantity(low=0.0)], ...], Field(min_length=12, max_length=12)]
Offsets = Annotated[tuple[Annotated[float, Quantity("m")], ...], Field(min_length=12, max_length=12)]


class Placed(Section):
    """A section that acts within an area, or outside one."""

    within: AreaRef | None = None
    """Only inside this area."""
    outside: AreaRef | None = None
    """Only outside this area."""


class Recharge(Placed):
    """Water that enters at the water table."""

    rate: Annotated[Value, spatial("recharge_rate", series=True)]
    """Positive downward; may vary in time."""
    monthly: Factors | None = None
    """Twelve factors, January first."""


class Evapotranspiration(Placed):
    """Water that leaves from a shallow water table."""

    rate: Annotated[Value, spatial("rate", series=True)]
    """Largest rate, with the head at the surface; may vary in time."""
    surface: Annotated[Value, spatial("surface")] | None = None
    """Elevation of the surface; the ground when left out."""
    extinction_depth: Annotated[Value, spatial("extinction_depth")]
    """Depth below the surface at which evapotranspiration ends."""
    monthly: Factors | None = None
    """Twelve factors, January first."""


class River(Section):
    """A river that leaks to or gains from the aquifer."""

    line: LineRef
    """Course of the river."""
    stage: Annotated[Value, spatial("stage", series=True)] | None = None
    """Level of the water; may vary in time."""
    stations: FilePath | None = None
    """CSV table of stages at stations (x, y or longitude, latitude; stage; optional line), instead of `stage`."""
    monthly: Offsets | None = None
    """Twelve offsets on the stage, January first."""
    depth: Depth | None = None
    """Depth of the bottom of the bed below the stage."""
    bottom_elevation: Annotated[Value, spatial("bottom_elevation")] | None = None
    """Elevation of the bottom of the bed, instead of a depth."""
    width: Depth
    """Width of the river."""
    bed_leakance: Leakance
    """Conductivity of the bed over its thickness."""
    layer: LayerRef | None = None
    """Layer the river lies in; the topmost active one when left out."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that stage and bed are given once."""
        yield from exactly_one(raw, "stage", "stations")
        yield from exactly_one(raw, "depth", "bottom_elevation")


class Drain(Placed):
    """Drains in an area or along a line: they take water above their elevation and never give any."""

    line: LineRef | None = None
    """Course of the drain, instead of an area."""
    elevation: Elevation | None = None
    """Elevation of the drain."""
    depth: Depth | None = None
    """Depth below ground, instead of an elevation."""
    leakance: Leakance | None = None
    """Conductance per area of the cell; for drains in an area."""
    per_length: Annotated[Value, spatial(unit="m d-1", positive=True)] | None = None
    """Conductance per length; for drains along a line."""
    layer: LayerRef | None = None
    """Layer the drains lie in; the topmost active one when left out."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that place, elevation and conductance fit together."""
        yield from at_most_one(raw, "within", "line")
        yield from exactly_one(raw, "elevation", "depth")
        if given(raw, "line"):
            yield from needs(raw, "line", "per_length", "give its conductance per length")
            if given(raw, "leakance"):
                yield ("leakance",), "belongs to drains in an area: along a line give per_length."
        elif not given(raw, "leakance"):
            yield (), "needs leakance: give the conductance per area, or a line with per_length."
        yield from only_with(raw, "per_length", "line")


class GeneralHead(Section):
    """A head outside the model that acts through a resistance."""

    within: AreaRef | None = None
    """Area in which every cell is connected, as a sea bed."""
    outside: AreaRef | None = None
    """Only outside this area."""
    edges: Edges | None = None
    """Sides of the grid that are connected, instead of an area."""
    layer: LayerRef | None = None
    """Layer that is connected; the topmost active one when left out."""
    layers: LayerRefs | None = None
    """Layers that are connected at the edges."""
    head: Annotated[Value, spatial("boundary_head", series=True)]
    """Head outside; may vary in time."""
    leakance: Leakance | None = None
    """Conductance per area of the cell; with `within`."""
    distance: Depth | None = None
    """Distance to the place where the head holds; with `edges`. The conductance is k · thickness · width / distance."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers named, none for the topmost active one."""
        return self.layers or ((self.layer,) if self.layer else ())

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that place, layers and conductance fit together."""
        yield from exactly_one(raw, "within", "edges")
        yield from at_most_one(raw, "layer", "layers")
        yield from exactly_one(raw, "leakance", "distance")
        yield from only_with(raw, "distance", "edges")
        yield from only_with(raw, "leakance", "within")
        if given(raw, "edges") and not given(raw, "layer", "layers"):
            yield (), "needs layers because it has edges: name the layers that are connected."


class FixedHead(Section):
    """Cells whose head is given."""

    within: AreaRef | None = None
    """Area whose cells have the head."""
    edges: Edges | None = None
    """Sides of the grid whose cells have the head."""
    line: LineRef | None = None
    """Line whose cells have the head."""
    layers: LayerRefs
    """Layers in which the head is given."""
    head: Head
    """The head; may vary in time."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the place is given once."""
        yield from exactly_one(raw, "within", "edges", "line")


class Barrier(Section):
    """A thin wall or fault that hinders flow between cells."""

    line: LineRef
    """Course of the barrier."""
    layers: LayerRefs
    """Layers it cuts."""
    hydraulic_characteristic: Annotated[Value, spatial("hydraulic_characteristic")]
    """Conductivity of the barrier over its thickness."""


StressKind = Literal["recharge", "evapotranspiration", "river", "drain", "general_head", "fixed_head", "barrier"]
CELL_VALUES: dict[str, tuple[str, ...]] = {
    "recharge": ("recharge_rate",),
    "evapotranspiration": ("surface", "rate", "extinction_depth"),
    "river": ("stage", "conductance", "bottom_elevation"),
    "drain": ("elevation", "conductance"),
    "general_head": ("boundary_head", "conductance"),
    "fixed_head": ("head",),
    "barrier": ("hydraulic_characteristic",),
}


class CellStress(Section):
    """A stress given cell by cell, on the cells of this grid alone."""

    stress: StressKind
    """What it is."""
    file: FilePath
    """NetCDF-4 file with `layer`, `row` and `column` of each cell, counted from 1, and its values in metres and days, which may
    have a first dimension `period` as long as `time.periods`. A barrier has `next_row` and `next_column` too."""
    factors: dict[str, Annotated[float, Quantity(low=0.0)]] = Field(default_factory=dict)
    """Factors on the values by name, as `conductance: 0.5`."""
    offsets: dict[str, Annotated[float, Quantity()]] = Field(default_factory=dict)
    """Added to the values after the factor, in metres and days, as `stage: 0.3`."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that factors and offsets name values that the stress has."""
        kind = str(raw.get("stress"))
        if kind not in get_args(StressKind):
            return
        for key in given(raw, "factors", "offsets"):
            for name in raw[key] if isinstance(raw[key], Mapping) else ():
                if name not in CELL_VALUES[kind]:
                    hint = did_you_mean(name, CELL_VALUES[kind])
                    yield (key, name), sentence(f"is no value of a {kind}", hint)
