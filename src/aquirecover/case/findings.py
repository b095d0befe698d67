"""Errors of validation turned into findings: where, which key, which value, which rule."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from aquirecover.case.messages import KEY, MISSING, RULE, Path, plain_message
from aquirecover.errors import Finding

_PLACE = re.compile(r"(.*?):(\d+)(?::(\d+))?")


class Located(Protocol):
    """A tree that knows where each of its nodes was written."""

    @property
    def tree(self) -> Any:
        """Nested dicts, lists and scalars."""
        ...

    def locate(self, path: Path, *, key: bool = False) -> str:
        """Return ``file:line:column`` of the value, or of the key, at `path`."""
        ...


def findings_of(error: ValidationError, source: Located) -> list[Finding]:
    """Return the findings of a validation error of a tree."""
    found = []
    for detail in error.errors(include_url=False):
        kind, message = plain_message(detail)
        kind = KEY if "[key]" in detail["loc"] else kind
        path = path_in(source.tree, tuple(detail["loc"]), missing=kind == MISSING)
        key = key_text(path, source.tree)
        if kind == RULE and (shown := value_text(detail["input"])):
            key = f"{key} = {shown}" if key else shown
        place = path[:-1] if kind == MISSING and path else path
        found.append(Finding(key, message, source.locate(place, key=kind in (KEY, MISSING))))
    return found


def path_in(tree: Any, place: Path, *, missing: bool = False) -> Path:
    """Return the path of an error in the tree as the user wrote it, without the names of pydantic's union members.

    The last step is kept where it is a key that is `missing`.
    """
    path: list[str | int] = []
    for index, step in enumerate(place):
        if isinstance(tree, Mapping):
            if step not in tree and not (missing and index + 1 == len(place)):
                continue  # the tag of a union
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        elif index + 1 < len(place) or step == "[key]":
            continue
        elif not isinstance(tree, list):
            break  # a shorthand: the number itself stands where its mapping could
        path.append(step)
    return tuple(step for step in path if step != "[key]")


def key_text(path: Path, tree: Any = None) -> str:
    """Return a path as text: ``layers.qp1.k.series[2031-01-01]``; a row of a dated series is named by its date."""
    text = ""
    for index, step in enumerate(path):
        if isinstance(step, str):
            text += f".{step}" if text else step
            tree = tree.get(step) if isinstance(tree, Mapping) else None
            continue
        tree = tree[step] if isinstance(tree, list) and step < len(tree) else None
        dated = isinstance(tree, list) and len(tree) == 2 and isinstance(tree[0], str)
        if isinstance(tree, list) and dated and path[index + 1 : index + 2] == (1,):
            return f"{text}[{tree[0]}]"
        text += f"[{step}]"
    return text


def path_of(key: str) -> Path:
    """Return the path of a text as `key_text` gives it, without the value behind `` = ``."""
    steps = re.findall(r"\[(\d+)\]|([^.\[\]]+)", key.split(" = ", 1)[0])
    return tuple(int(index) if index else name for index, name in steps)


def value_text(value: Any) -> str:
    """Return a scalar as it may stand in a message, an empty text for anything else."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}" if math.isfinite(value) and float(f"{value:g}") == value else repr(value)
        case int():
            return str(value)
        case str():
            return repr(value if len(value) <= 60 else value[:59] + "…")
        case _:
            return ""


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without repetition, file by file and line by line."""
    files: dict[str, int] = {}
    rows: dict[Finding, tuple[int, int, int]] = {}
    for finding in findings:
        match = _PLACE.fullmatch(finding.location)
        name, line, column = (match[1], int(match[2]), int(match[3] or 0)) if match else (finding.location, 0, 0)
        rows.setdefault(finding, (files.setdefault(name, len(files)), line, column))
    return sorted(rows, key=lambda finding: rows[finding])
