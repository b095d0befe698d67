"""Schema of a model file: grid, places, layers, stresses, wells, observations, time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from aquirecover.case.messages import KEY, broken, did_you_mean, refuse, relay, sentence
from aquirecover.case.values import (
    AreaRef,
    CalendarLength,
    Count,
    Crs,
    Date,
    Edges,
    FilePath,
    Flag,
    LayerRef,
    LayerRefs,
    LineRef,
    MonthDay,
    Name,
    OneOrMany,
    Quantity,
    Rule,
    Section,
    Spatial,
    Text,
    Value,
    at_most_one,
    dates_ascend,
    exactly_one,
    given,
    needs,
    only_with,
    period_parts,
    spatial,
)

Length = Annotated[float, Quantity("m", positive=True)]
Distance = Annotated[float, Quantity("m", low=0.0)]
Head = Annotated[Value, spatial("head", series=True)]
Elevation = Annotated[Value, spatial("elevation")]
Depth = Annotated[Value, spatial(unit="m", positive=True)]
Leakance = Annotated[Value, spatial("leakance")]
Factors = Annotated[tuple[Annotated[float, Quantity(low=0.0)], ...], Field(min_length=12, max_length=12)]
Offsets = Annotated[tuple[Annotated[float, Quantity("m")], ...], Field(min_length=12, max_length=12)]


class Grid(Section):
    """Cells in the plane; their size is an option of a run."""

    cell_size: Length
    """Side of a cell."""
    extent: Annotated[tuple[Annotated[float, Quantity("m")], ...], Field(min_length=4, max_length=4)] | None = None
    """Box `[x_min, y_min, x_max, y_max]` in the coordinates of the model."""
    around: AreaRef | None = None
    """Area whose bounding box is covered, instead of an extent."""
    margin: Distance = 0.0
    """Added on each side of the box of `around`, which then grows outward to multiples of the cell size."""
    buffer: Distance = 0.0
    """Beyond the box cells grow outward up to this distance."""
    growth: Annotated[float, Quantity(low=1.0, high=3.0)] = 1.4
    """Ratio of a cell of the buffer to the one before it."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the box is given once and is not empty."""
        yield from exactly_one(raw, "extent", "around")
        yield from only_with(raw, "margin", "around")
        box = raw.get("extent")
        if isinstance(box, list | tuple) and len(box) == 4 and all(isinstance(side, int | float) for side in box):
            if box[2] <= box[0]:
                yield ("extent", 2), f"x_max must be greater than x_min = {box[0]:g}: write [x_min, y_min, x_max, y_max]."
            if box[3] <= box[1]:
                yield ("extent", 3), f"y_max must be greater than y_min = {box[1]:g}: write [x_min, y_min, x_max, y_max]."


class Place(Section):
    """A file of polygons or lines."""

    file: FilePath
    """GeoJSON file or shapefile."""
    label: Text | None = None
    """Attribute that names each polygon or line, so that `name/label` refers to one of them."""


class MapView(Section):
    """What maps draw."""

    district: AreaRef | None = None
    """Areas whose outlines and names are drawn."""
    river: Annotated[tuple[LineRef, ...], OneOrMany] = ()
    """Lines drawn as rivers."""
    coast: LineRef | None = None
    """Line drawn as the coast."""


class Placed(Section):
    """A section that acts within an area, or outside one."""

    within: AreaRef | None = None
    """Only inside this area."""
    outside: AreaRef | None = None
    """Only outside this area."""


class Layer(Placed):
    """One layer of the model, aquifer or aquitard."""

    aquifer: Name | None = None
    """Name of the aquifer that the layer is part of; left out for an aquitard."""
    thickness: Annotated[Value, spatial("thickness")] | None = None
    """Thickness of the layer."""
    bottom: Annotated[Value, spatial("bottom")] | None = None
    """Elevation of the bottom, instead of a thickness."""
    k: Annotated[Value, spatial("k")]
    """Horizontal hydraulic conductivity."""
    k33: Annotated[Value, spatial("k33")] | None = None
    """Vertical hydraulic conductivity; equal to `k` when neither it nor `anisotropy` is given."""
    anisotropy: Annotated[Value, spatial(unit="1", positive=True)] | None = None
    """Ratio `k / k33`, instead of `k33`."""
    specific_storage: Annotated[Value, spatial("specific_storage")]
    """Water released per volume of aquifer and metre of head."""
    specific_yield: Annotated[Value, spatial("specific_yield")] | None = None
    """Water drained per volume at the water table; needed when convertible."""
    convertible: Flag = False
    """The layer has a water table when the head falls below its top."""
    minimum_thickness: Distance = 0.0
    """Thinner places are set to this thickness."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that geometry, anisotropy and storage are given once and are enough."""
        yield from exactly_one(raw, "thickness", "bottom")
        yield from at_most_one(raw, "k33", "anisotropy")
        if raw.get("convertible") in (True, "yes") and not given(raw, "specific_yield"):
            yield (), "needs specific_yield because it is convertible: give the drainable share, as 0.1."


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


class WellGroup(Section):
    """Wells of one table, and their pumping."""

    file: FilePath
    """CSV table of wells: well, place, aquifer or layer or screen, and what else is known of them."""
    rates: FilePath | None = None
    """CSV table of dated rates, whose key column is `by`."""
    by: Text = "well"
    """Column of both tables that joins them: `well`, or that of a group whose rate is shared out."""
    interpolate: Literal["step", "linear"] = "step"
    """Between dates: the last rate, or on a line, taken at the middle of each period."""
    multiplier: Annotated[Value, Spatial(Quantity("1", low=0.0))] = Value(value=1.0)
    """Factor on all rates of the group: one number, as total pumping is often the least certain value of a model."""
    enabled: Flag = True
    """Switch of the whole group."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the keys of dated rates come with them."""
        yield from only_with(raw, "by", "rates")
        yield from only_with(raw, "interpolate", "rates")
        multiplier = raw.get("multiplier")
        if isinstance(multiplier, Mapping) and not given(multiplier, "value"):
            yield ("multiplier",), "must be one number: give value."


class Observations(Section):
    """Places where heads are followed."""

    file: FilePath
    """CSV table: name, place, aquifer or layer."""
    measured: FilePath | None = None
    """CSV table of measurements: name, date, and head or depth."""


class Zones(Section):
    """Zones of the water budget."""

    area: AreaRef
    """Each label of this area and each aquifer make a zone."""


class LevelLimit(Section):
    """Deepest level that the law allows."""

    depth: Length
    """Depth below ground."""
    urban_depth: Length | None = None
    """Depth below ground inside `urban`."""
    urban: AreaRef | None = None
    """Cities and towns."""
    rule: Text | None = None
    """Law it is taken from."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the two keys of towns come together."""
        yield from needs(raw, "urban_depth", "urban")
        yield from needs(raw, "urban", "urban_depth")


class Time(Section):
    """Span of the simulation, its periods and steps."""

    start: Date
    """First day."""
    end: Date
    """Day after the last."""
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

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the end comes after the start."""
        yield from dates_ascend(raw, "start", "end")


@dataclass(frozen=True)
class EngineSettings:
    """Annotation: a frozen dataclass of the engine, imported only when a file has the key.

    Parameters
    ----------
    module, name : str
        Where the dataclass is declared.
    """

    module: str
    name: str

    @property
    def adapter(self) -> TypeAdapter[Any]:
        """Pydantic's view of the dataclass."""
        return TypeAdapter(getattr(import_module(self.module), self.name))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a schema that hands over to the dataclass."""
        return core_schema.no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of the dataclass."""
        return self.adapter.json_schema()

    def _validate(self, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            raise refuse(self.name, [broken("must be a mapping: one 'key: value' per line.", (), raw)])
        keys = [item.name for item in fields(getattr(import_module(self.module), self.name))]
        strange = [key for key in raw if key not in keys]
        lines = [broken(sentence("is not a key here", did_you_mean(key, keys)), (key,), None, KEY) for key in strange]
        try:
            settings = self.adapter.validate_python({key: value for key, value in raw.items() if key in keys})
        except ValidationError as error:
            settings = None
            lines += relay(error)
        if lines:
            raise refuse(self.name, lines)
        return settings


class Settings(Section):
    """Settings of the solvers."""

    linear: Annotated[Any, EngineSettings("aquirecover.flow.linear", "LinearSettings")] = None
    """Solver of the linear equations."""
    newton: Annotated[Any, EngineSettings("aquirecover.flow.newton", "NewtonSettings")] = None
    """Iteration of a time step."""


class ModelConfig(Section):
    """A model: places, layers, stresses, wells and time. It does not know its resolution."""

    model_config = ConfigDict(title="Model file")

    kind: Literal["model"]
    """Kind of the file."""
    name: Name
    """Short name, as in paths."""
    title: Text
    """Title of figures and reports."""
    crs: Crs | None = None
    """Projected coordinate system in metres, as `EPSG:3405`; left out for a model without a place on earth."""
    grid: Grid
    """Cells in the plane."""
    areas: dict[Name, Place] = Field(default_factory=dict)
    """Polygons by name."""
    lines: dict[Name, Place] = Field(default_factory=dict)
    """Lines by name."""
    map: MapView = MapView()
    """What maps show of districts, rivers and the coast."""
    top: Annotated[Value, spatial("top")]
    """Ground surface."""
    layers: Annotated[dict[Name, Layer], Field(min_length=1)]
    """Layers by name, from top to bottom."""
    recharge: dict[Name, Recharge] = Field(default_factory=dict)
    """Recharge by name; where several overlap they add."""
    evapotranspiration: dict[Name, Evapotranspiration] = Field(default_factory=dict)
    """Evapotranspiration by name."""
    rivers: dict[Name, River] = Field(default_factory=dict)
    """Rivers by name."""
    drains: dict[Name, Drain] = Field(default_factory=dict)
    """Drains by name."""
    general_heads: dict[Name, GeneralHead] = Field(default_factory=dict)
    """General heads by name."""
    fixed_heads: dict[Name, FixedHead] = Field(default_factory=dict)
    """Fixed heads by name."""
    barriers: dict[Name, Barrier] = Field(default_factory=dict)
    """Flow barriers by name."""
    wells: dict[Name, WellGroup] = Field(default_factory=dict)
    """Groups of wells by name."""
    observations: Observations | None = None
    """Where heads are followed, and what was measured there."""
    zones: Zones | None = None
    """Parts of the model whose water budgets are listed."""
    level_limit: LevelLimit | None = None
    """Legal limit that heads are compared with."""
    time: Time
    """Span, periods and steps."""
    initial_head: Annotated[Value, spatial("initial_head")] | None = None
    """First heads; with `time.initial: heads`."""
    settings: Settings = Settings()
    """How the equations are solved."""
    notes: Text | None = None
    """Free text."""
    warnings: Annotated[tuple[Text, ...], OneOrMany] = ()
    """Texts shown with every run."""

    @property
    def aquifers(self) -> tuple[str, ...]:
        """Names of the aquifers from top to bottom."""
        return tuple(dict.fromkeys(layer.aquifer for layer in self.layers.values() if layer.aquifer))

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the first heads are given where they are used."""
        time = raw.get("time")
        heads = isinstance(time, Mapping) and time.get("initial") == "heads"
        if heads and not given(raw, "initial_head"):
            yield ("time", "initial"), "needs initial_head: give the first heads, or start from steady."
        if given(raw, "initial_head") and not heads:
            yield ("initial_head",), "has a meaning only with time.initial = heads: remove it, or set that."
