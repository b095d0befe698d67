"""Schema of a model file: grid, places, layers, wells, observations, time; its stresses are in `stress_config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from aquirecover.case.messages import KEY, broken, did_you_mean, refuse, relay, sentence
from aquirecover.case.scalars import AreaRef, Crs, FilePath, Flag, LineRef, Name, OneOrMany, Text
from aquirecover.case.sections import Rule, Section, at_most_one, exactly_one, given, needs, only_with
from aquirecover.case.stress_config import (
    Barrier,
    CellStress,
    Drain,
    Evapotranspiration,
    FixedHead,
    GeneralHead,
    Placed,
    Recharge,
    River,
)
from aquirecover.case.time_config import Time
from aquirecover.case.values import Quantity, Spatial, Value, spatial

Length = Annotated[float, Quantity("m", positive=True)]
Distance = Annotated[float, Quantity("m", low=0.0)]


class Grid(Section):
    """Cells in the plane: of one size, which is an option of a run, or with widths given one by one."""

    cell_size: Length | None = None
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
    dx: Annotated[tuple[Length, ...], Field(min_length=1)] | None = None
    """Widths of the columns from west to east, instead of a cell size: the grid of a model that has its own cells."""
    dy: Annotated[tuple[Length, ...], Field(min_length=1)] | None = None
    """Widths of the rows from north to south."""
    corner: Annotated[tuple[Annotated[float, Quantity("m")], ...], Field(min_length=2, max_length=2)] | None = None
    """North-west corner `[x_min, y_max]` of a grid with `dx` and `dy`; `[0, height of the grid]` when left out."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that the cells are given once and that their box is not empty."""
        yield from exactly_one(raw, "extent", "around", "dx")
        yield from needs(raw, "dx", "dy")
        for key in ("dy", "corner"):
            yield from only_with(raw, key, "dx")
        for key in ("cell_size", "buffer", "growth"):
            yield from only_with(raw, key, "extent", "around")
        if given(raw, "extent", "around") and not given(raw, "cell_size"):
            yield (), "needs cell_size: give the side of a cell."
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


class Layer(Placed):
    """One layer of the model, aquifer or aquitard."""

    aquifer: Name | None = None
    """Name of the aquifer that the layer is part of; left out for an aquitard."""
    thickness: Annotated[Value, spatial("thickness")] | None = None
    """Thickness of the layer."""
    bottom: Annotated[Value, spatial("bottom")] | None = None
    """Elevation of the bottom, instead of a thickness."""
    active: Annotated[Value, spatial(unit="1")] | None = None
    """Cells of the layer, instead of an area: 1 active, 0 not, -1 where water passes vertically between the layers above and
    below (`idomain` of MODFLOW 6). Cells that are not active keep the surfaces that are given for them."""
    k: Annotated[Value, spatial("k")]
    """Horizontal hydraulic conductivity, along x where `k22` is given too."""
    k22: Annotated[Value, spatial("k22")] | None = None
    """Horizontal hydraulic conductivity along y; equal to `k` when left out."""
    k33: Annotated[Value, spatial("k33")] | None = None
    """Vertical hydraulic conductivity; equal to `k` when neither it nor `anisotropy` is given."""
    anisotropy: Annotated[Value, spatial(unit="1", positive=True)] | None = None
    """Ratio `k / k33`, instead of `k33`."""
    leakance: Annotated[Value, spatial("leakance")] | None = None
    """Vertical conductance per area down to the next layer, instead of that from `k33` of both: for a confining unit that is no
    layer of its own. Across cells of `active: -1` it holds down to the active cell below them. Places of a raster without data
    take that from `k33`."""
    specific_storage: Annotated[Value, spatial("specific_storage")]
    """Water released per volume of aquifer and metre of head."""
    specific_yield: Annotated[Value, spatial("specific_yield")] | None = None
    """Water drained per volume at the water table; needed when convertible."""
    convertible: Flag = False
    """The layer has a water table when the head falls below its top."""
    convertible_cells: Annotated[Value, spatial(unit="1")] | None = None
    """Cells that are convertible, instead of the whole layer: 1, else 0."""
    initial_head: Annotated[Value, spatial("initial_head")] | None = None
    """First heads of the layer, instead of those of the model; with `time.initial: heads`."""
    minimum_thickness: Distance = 0.0
    """Thinner places are set to this thickness."""

    @classmethod
    def rules(cls, raw: Mapping[str, Any]) -> Iterator[Rule]:
        """Check that geometry, anisotropy and storage are given once and are enough."""
        yield from exactly_one(raw, "thickness", "bottom")
        yield from at_most_one(raw, "k33", "anisotropy")
        yield from at_most_one(raw, "active", "within")
        yield from at_most_one(raw, "active", "outside")
        yield from at_most_one(raw, "convertible", "convertible_cells")
        converts = raw.get("convertible") in (True, "yes") or given(raw, "convertible_cells")
        if converts and not given(raw, "specific_yield"):
            yield (), "needs specific_yield because it is convertible: give the drainable share, as 0.1."


class WellGroup(Section):
    """Wells of one table, and their pumping."""

    file: FilePath
    """CSV table of wells: well, place, aquifer or layer or screen, and what else is known of them."""
    rates: FilePath | None = None
    """CSV table of rates, whose key column is `by`, each from a date or from a period (the number of an entry of
    `time.periods`) on. A column `injection_rate` may stand beside `rate`."""
    by: Text = "well"
    """Column of both tables that joins them: `well`, or that of a group whose rate is shared out."""
    interpolate: Literal["step", "linear"] = "step"
    """Between dates: the last rate, or on a line, taken at the middle of each period."""
    multiplier: Annotated[Value, Spatial(Quantity("1", low=0.0))] = Value(value=1.0)
    """Factor on all rates of the group: one number, as total pumping is often the least certain value of a model."""
    flow_reduction: Annotated[float, Quantity(low=0.0, high=1.0)] | None = None
    """Share of the thickness of a convertible cell below which its pumping fades; 0.1 when left out, 0 for never."""
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
    """CSV table of measurements: name, date (or day, counted from the start), and head or depth."""


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
    time: Annotated[Any, EngineSettings("aquirecover.flow.simulate", "TimeSettings")] = None
    """March in time."""
    modflow: Annotated[Any, EngineSettings("aquirecover.modflow.settings", "ModflowSettings")] = None
    """How MODFLOW 6 solves, where it is the engine."""


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
    cell_stresses: dict[Name, CellStress] = Field(default_factory=dict)
    """Stresses, fixed heads and barriers that are given cell by cell, by name."""
    wells: dict[Name, WellGroup] = Field(default_factory=dict)
    """Groups of wells by name."""
    observations: Observations | None = None
    """Where heads are followed, and what was measured there."""
    zones: Zones | None = None
    """Parts of the model whose water budgets are listed."""
    averaging: Literal["upstream", "harmonic"] = "upstream"
    """Flow between convertible cells: with the saturated thickness of the upstream one, or with the harmonic mean of both."""
    level_limit: LevelLimit | None = None
    """Legal limit that heads are compared with."""
    time: Time
    """Span, periods and steps."""
    initial_head: Annotated[Value, spatial("initial_head")] | None = None
    """First heads; with `time.initial: heads`. A layer may have its own."""
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
        time, layers = raw.get("time"), raw.get("layers")
        heads = isinstance(time, Mapping) and time.get("initial") == "heads"
        entries = layers if isinstance(layers, Mapping) else {}
        own = [name for name, layer in entries.items() if isinstance(layer, Mapping) and given(layer, "initial_head")]
        if heads and not given(raw, "initial_head") and len(own) < max(len(entries), 1):
            yield ("time", "initial"), "needs initial_head: give the first heads, or start from steady."
        misplaced = [("layers", name, "initial_head") for name in own] + [("initial_head",)] * bool(given(raw, "initial_head"))
        if not heads:
            for path in misplaced:
                yield path, "has a meaning only with time.initial = heads: remove it, or set that."
