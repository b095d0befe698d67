"""The content of problems and settings as a key: two things have the same key only when a simulation cannot tell them apart."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

# What no simulation looks at.
SILENT = {"Problem": ("name", "context"), "Wells": ("attributes",)}


def content_key(*things: object) -> str:
    """Return the SHA-256 of the content of things, as 64 hexadecimal digits.

    Numbers, text, arrays (type, shape and every bit), sequences and mappings of these, and objects of this package, by their
    class and what they hold. The name and the context of a problem and the labels of wells have no part in it.

    Raises
    ------
    TypeError
        When a thing is none of these.
    """
    digest = hashlib.sha256()
    for thing in things:
        _add(digest, thing)
    return digest.hexdigest()


def _add(digest: Any, thing: object) -> None:
    """Add a thing, each with its kind and its length, so that neighbours cannot be taken for one another."""
    match thing:
        case None | bool() | int() | float() | str() | np.generic():
            text = f"{type(thing).__name__} {thing!r}".encode()
            digest.update(b"value %d " % len(text) + text)
        case np.ndarray():
            if thing.dtype.hasobject:
                raise TypeError(f"an array of {thing.dtype} has no content of its own.")
            digest.update(f"array {thing.dtype.str} {thing.shape} ".encode())
            digest.update(np.ascontiguousarray(thing).data)
        case tuple() | list():
            digest.update(b"sequence %d " % len(thing))
            for item in thing:
                _add(digest, item)
        case Mapping():
            digest.update(b"mapping %d " % len(thing))
            for key in sorted(thing):
                _add(digest, key)
                _add(digest, thing[key])
        case _ if type(thing).__module__.startswith("aquirecover."):
            digest.update(f"object {type(thing).__module__}.{type(thing).__qualname__} ".encode())
            _add(digest, _parts(thing))
        case _:
            raise TypeError(f"{type(thing).__name__} has no content that a key could be made of.")


def _parts(thing: object) -> dict[str, object]:
    """Return what an object holds by name, without what it has worked out of that."""
    if dataclasses.is_dataclass(thing):
        names = [field.name for field in dataclasses.fields(thing)]
    else:
        names = [name for name in vars(thing) if not isinstance(getattr(type(thing), name, None), cached_property)]
    silent = SILENT.get(type(thing).__name__, ())
    return {name: getattr(thing, name) for name in names if name not in silent}
