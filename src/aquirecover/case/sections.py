"""The base of all sections of the files, and the rules between the keys of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from aquirecover.case.messages import KEY, Path, broken, did_you_mean, refuse, relay, sentence

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
