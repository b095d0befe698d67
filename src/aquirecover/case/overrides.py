"""Overrides: values of a model replaced by dotted path, before the model is validated, each change logged."""

from __future__ import annotations

import copy
import os
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Annotated, Any, Union, get_args, get_origin

from aquirecover.case.messages import Path, did_you_mean, sentence
from aquirecover.case.model_config import ModelConfig
from aquirecover.case.sections import Section
from aquirecover.case.values import Quantity, Spatial, Value
from aquirecover.case.yaml_reader import YamlTree, parse_yaml
from aquirecover.errors import Collector, ConfigError
from aquirecover.variables import base_unit

PATH_KEYS = frozenset({"file", "raster", "netcdf", "polygons", "points", "stations", "measured", "rates"})
PLACES = ("areas", "lines")


@dataclass(frozen=True)
class Override:
    """One value that replaces another.

    Parameters
    ----------
    path : tuple of str
        Keys from the root of the model.
    value : object
        The new value; None takes the key away.
    source : YamlTree or None
        File that holds it, None for the command line.
    place : tuple of str or int
        Its path in that file.
    """

    path: tuple[str, ...]
    value: Any
    source: YamlTree | None
    place: Path

    @property
    def key(self) -> str:
        """The dotted path."""
        return ".".join(self.path)

    def locate(self, rest: Path = (), *, key: bool = False) -> str:
        """Return where the value, or what lies at `rest` inside it, stands."""
        return "--set" if self.source is None else self.source.locate((*self.place, *rest), key=key)


@dataclass
class Overlay:
    """A model tree with what replaces parts of it; each node still knows where it was written.

    Parameters
    ----------
    base : YamlTree
        The model file.
    tree : object
        Its tree with the replacements.
    origins : dict
        The override that a path comes from.
    log : list of str
        One line per change: ``override layers.qp1.k: 30 → 40 m/d``.
    """

    base: YamlTree
    tree: Any
    origins: dict[Path, Override] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def locate(self, path: Path, *, key: bool = False) -> str:
        """Return ``file:line:column`` of the value, or of the key, at `path`."""
        for end in range(len(path), 0, -1):
            if override := self.origins.get(path[:end]):
                return override.locate(path[end:], key=key)
        return self.base.locate(path, key=key)


def from_mapping(values: Any, source: YamlTree | None = None, place: Path = ()) -> list[Override]:
    """Return the overrides of a mapping of dotted paths; anything else gives none, as its own validation reports it."""
    if not isinstance(values, Mapping):
        return []
    return [Override(tuple(key.split(".")), value, source, (*place, key)) for key, value in values.items()]


def from_texts(values: Mapping[str, Any]) -> list[Override]:
    """Return the overrides of the command line or of a caller; a text is read as YAML, so that ``"5"`` is a number.

    Raises
    ------
    ConfigError
        When a text is empty or no YAML.
    """
    errors = Collector()
    found = {}
    for key, value in values.items():
        try:
            found[key] = parse_yaml(value, f"--set {key}").tree if isinstance(value, str) else value
        except ConfigError as error:
            errors.extend(error.findings)
    errors.raise_if_any()
    return from_mapping(found)


def rebase_paths(value: Any, source: str | os.PathLike[str], target: str | os.PathLike[str], key: str = "") -> Any:
    """Return `value` with the paths of files in it, relative to the folder `source`, made relative to the folder `target`."""
    if isinstance(value, Mapping):
        return {name: rebase_paths(inner, source, target, name) for name, inner in value.items()}
    if isinstance(value, str) and key in PATH_KEYS and not FilePath(value).is_absolute():
        return FilePath(os.path.relpath(FilePath(source) / value, target)).as_posix()
    return value


def apply_overrides(model: YamlTree, overrides: Iterable[Override], errors: Collector) -> Overlay:
    """Lay overrides over a model.

    Parameters
    ----------
    model : YamlTree
        The model file.
    overrides : iterable of Override
        From all sources.
    errors : Collector
        Gets unknown paths, and overrides that hit the same key or one inside another.

    Returns
    -------
    Overlay
        With every override that is right.
    """
    overlay = Overlay(model, copy.deepcopy(model.tree))
    if not isinstance(overlay.tree, dict):
        return overlay
    taken: list[Override] = []
    for override in overrides:
        clash = next((other for other in taken if _nested(other.path, override.path)), None)
        if clash is not None:
            message = f"cannot stand beside {clash.key} ({clash.locate(key=True)}): both set the same value. Remove one."
            errors.add(override.key, message, override.locate(key=True))
            continue
        taken.append(override)
        if message := unknown_path(overlay.tree, override.path):
            errors.add(override.key, message, override.locate(key=True))
        else:
            _replace(overlay, override)
    return overlay


def add_places(overlay: Overlay, tree: Any, source: YamlTree, errors: Collector) -> None:
    """Add the areas and lines of a scenario to those of the model; a name that the model has is refused."""
    for kind in PLACES:
        places = tree.get(kind)
        if not isinstance(places, Mapping) or not isinstance(overlay.tree, dict):
            continue
        known = overlay.tree.get(kind) or {}
        if not isinstance(known, dict):
            continue
        for name, place in places.items():
            if name in known:
                errors.add(
                    f"{kind}.{name}", "is a name that the model has: choose another.", source.locate((kind, name), key=True)
                )
            else:
                known[name] = place
                overlay.origins[kind, name] = Override((kind, name), place, source, (kind, name))
        overlay.tree[kind] = known


def _nested(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    length = min(len(first), len(second))
    return first[:length] == second[:length]


# --- paths against the schema -----------------------------------------------------------------------------------------


def unknown_path(tree: Any, path: tuple[str, ...]) -> str:
    """Return what is wrong with a dotted path into a model, with the nearest valid name, or an empty string."""
    for end in range(len(path)):
        annotation, node = _at(tree, path[:end])
        name = path[end]
        valid = _children(annotation, node)
        if valid is None:
            return sentence(f"goes on below {'.'.join(path[:end])}, which has no keys", f"Override {'.'.join(path[:end])} itself")
        if valid is not ANYTHING and name not in valid:
            above = ".".join(path[:end]) or "the model"
            return sentence(f"is no value of the model: {above} has no {name!r}", did_you_mean(name, valid))
    return ""


ANYTHING = ["*"]


def _at(tree: Any, path: tuple[str, ...]) -> tuple[Any, Any]:
    """Return annotation and raw node at a path whose keys are known to be valid."""
    annotation: Any = ModelConfig
    for name in path:
        annotation = _below(annotation, name)
        if isinstance(tree, Mapping):
            tree = tree.get(name)
        else:
            tree = tree[int(name)] if isinstance(tree, list) and name.isdecimal() and int(name) < len(tree) else None
    return annotation, tree


def _plain(annotation: Any) -> Any:
    """Return an annotation without ``Annotated`` and ``| None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation


def _below(annotation: Any, name: str) -> Any:
    """Return the annotation of a key of an annotation."""
    plain = _plain(annotation)
    if isinstance(plain, type) and issubclass(plain, Section):
        return _field_annotation(plain, name)
    arguments = get_args(plain)
    return arguments[1] if get_origin(plain) is dict else arguments[0] if get_origin(plain) is tuple else Any


def _field_annotation(section: type[Section], name: str) -> Any:
    info = section.model_fields[section.keys()[name]]
    annotation: Any = info.annotation
    for item in info.metadata:
        annotation = Annotated[annotation, item]
    return annotation


def _children(annotation: Any, node: Any) -> list[str] | None:
    """Return the keys that an override may name below a node, None where there are none, `ANYTHING` where all are."""
    plain = _plain(annotation)
    if isinstance(plain, type) and issubclass(plain, Section):
        return list(plain.keys())
    if get_origin(plain) is dict:
        return [str(name) for name in node] if isinstance(node, Mapping) else []
    if get_origin(plain) is tuple:
        return [str(index) for index in range(len(node))] if isinstance(node, list) else None
    if plain is Any:
        return ANYTHING
    return None


def _replace(overlay: Overlay, override: Override) -> None:
    """Put the value of an override into the tree, and log it."""
    *parents, name = override.path
    node: Any = overlay.tree
    for depth, key in enumerate(parents, 1):
        step: Any = int(key) if isinstance(node, list) else key
        inner = node[step] if isinstance(node, list) else node.get(step)
        if not isinstance(inner, dict | list):
            spatial = _plain(_at(overlay.tree, tuple(parents[:depth]))[0]) is Value
            inner = {"value": inner} if spatial and inner is not None else {}
            node[step] = inner
        node = inner
    last: Any = int(name) if isinstance(node, list) else name
    before = node[last] if isinstance(node, list) else node.get(last)
    if before is None:
        before = _default(override.path, overlay.tree)
    overlay.log.append(f"override {override.key}: {_change(before, override.value, _unit(override.path, overlay.tree))}")
    place = (*_indexed(overlay.tree, parents), last)
    if override.value is None and isinstance(node, dict):
        node.pop(name, None)
    else:
        node[last] = override.value
    overlay.origins[place] = override


def _indexed(tree: Any, path: Iterable[str]) -> Iterator[str | int]:
    for name in path:
        key: Any = int(name) if isinstance(tree, list) else name
        tree = tree[key]
        yield key


def _default(path: tuple[str, ...], tree: Any) -> Any:
    section = _plain(_at(tree, path[:-1])[0])
    if not (isinstance(section, type) and issubclass(section, Section)):
        return None
    info = section.model_fields[section.keys()[path[-1]]]
    plain = info.default_factory is None and not info.is_required() and isinstance(info.default, str | int | float)
    return info.default if plain else None


def _unit(path: tuple[str, ...], tree: Any) -> str:
    """Return the unit of the numbers at a path, empty when they have none."""
    for end in (len(path), len(path) - 1):
        annotation = _at(tree, path[:end])[0]
        unit = _annotated_unit(annotation)
        if end == len(path) or path[-1] in ("value", "default", "offset"):
            if unit:
                return unit
        else:
            break
    return ""


def _annotated_unit(annotation: Any) -> str:
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        arguments = get_args(annotation)
        if get_origin(annotation) is not Annotated:
            annotation = arguments[0]
            continue
        for item in arguments[1:]:
            quantity = item.quantity if isinstance(item, Spatial) else item
            if isinstance(quantity, Quantity) and quantity.entry.unit != "1":
                return base_unit(quantity.entry.unit)
        annotation = arguments[0]
    return ""


def _change(before: Any, after: Any, unit: str) -> str:
    """Return ``30 → 40 m/d``; a number that stands alone in its mapping is shown as that number."""
    if isinstance(before, Mapping) and "value" in before:
        before = before["value"]
    old, new = show(before), show(after)
    if unit and all(isinstance(value, int | float) and not isinstance(value, bool) for value in (before, after)):
        return f"{old} → {new} {unit}"
    if unit:
        old, new = (f"{text} {unit}" if isinstance(value, int | float) else text for text, value in ((old, before), (new, after)))
    return f"{old} → {new}"


def show(value: Any) -> str:
    """Return a raw value as one short line."""
    match value:
        case None:
            text = "nothing"
        case bool():
            text = str(value).lower()
        case float():
            text = f"{value:g}" if float(f"{value:g}") == value else repr(value)
        case Mapping():
            text = "{" + ", ".join(f"{key}: {show(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            text = "[" + ", ".join(map(show, value)) + "]"
        case _:
            text = str(value)
    return text if len(text) <= 80 else text[:77] + "…"
