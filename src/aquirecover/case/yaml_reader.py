"""YAML read safely: scalars of YAML 1.2, nothing but mappings, lists and scalars, and the place of every node.

The parser of PyYAML gives events; the tree is built here without recursion. Refused, each with its line: duplicate keys,
anchors, aliases, tags, several documents, nesting beyond `MAX_DEPTH`, text that is not UTF-8, control characters.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events

from aquirecover.case.messages import Path
from aquirecover.case.workspace import Workspace
from aquirecover.errors import Collector, ConfigError, Finding

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 32

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Mark:
    """Place in a file, both counted from 1."""

    line: int
    column: int


@dataclass
class YamlTree:
    """A YAML file as plain dicts, lists and scalars, with the place of every node.

    Parameters
    ----------
    name : str
        File as it is shown in messages.
    tree : object
        Nested dict with text keys, list, str, int, float, bool and None.
    values, keys : dict
        Place of each value and of each key, by the path of keys and indices.
    """

    name: str
    tree: Any = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)

    def locate(self, path: Path, *, key: bool = False) -> str:
        """Return ``file:line:column`` of the value, or of the key, at `path`, or of the nearest node above it."""
        for end in range(len(path), -1, -1):
            near = path[:end]
            first, second = (self.keys, self.values) if key or end < len(path) else (self.values, self.keys)
            mark = first.get(near) or second.get(near)
            if mark is not None:
                return f"{self.name}:{mark.line}:{mark.column}"
        return self.name


def read_yaml(path: str | os.PathLike[str], workspace: Workspace | None = None) -> YamlTree:
    """Read a YAML file.

    Parameters
    ----------
    path : path
        The file.
    workspace : Workspace, optional
        Folder that it must lie in, and that notes its checksum; the one around the file by default.

    Raises
    ------
    InputFileError
        When the file is missing, unreadable, larger than `MAX_BYTES` or outside the workspace.
    ConfigError
        When it is no YAML as described above, with every finding that was met.
    """
    workspace = workspace or Workspace.around(path)
    content = workspace.read_bytes(path, limit=MAX_BYTES)
    return parse_yaml(content, workspace.name_of(path))


def parse_yaml(content: bytes | str, name: str) -> YamlTree:
    """Return the tree of a text; see `read_yaml`."""
    text = content if isinstance(content, str) else _decode(content, name)
    if bad := _FORBIDDEN.search(text):
        what = "a NUL character" if bad[0] == "\0" else f"the control character U+{ord(bad[0]):04X}"
        raise ConfigError([Finding("", f"holds {what}: remove it.", _place_of(text, bad.start(), name))])
    builder = _Builder(YamlTree(name))
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if not builder.take(event):
                break
    except yaml.YAMLError as error:
        builder.problem(_syntax(error, text), getattr(error, "problem_mark", None))
    except (ValueError, OverflowError) as error:
        builder.problem(f"holds an escape that is no character ({error}).", None)
    return builder.result()


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(content[: error.start].decode("utf-8", "replace"), error.start, name)
        message = f"is not UTF-8 (byte 0x{content[error.start]:02x}): save the file as UTF-8."
        raise ConfigError([Finding("", message, place)]) from error


def _place_of(text: str, position: int, name: str) -> str:
    before = text[:position]
    start = max(before.rfind("\n"), before.rfind("\r")) + 1
    line = before.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    return f"{name}:{line}:{len(before) - start + 1}"


def _syntax(error: yaml.YAMLError, text: str) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    mark = getattr(error, "problem_mark", None)
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines) and lines[mark.line].lstrip(" ").startswith("\t"):
        remedy = "Indent with blanks, not with tabs."
    elif "mapping values are not allowed" in problem:
        remedy = "Put text that holds ': ' in quotes, and check the indentation."
    else:
        remedy = "Check indentation, quotes and brackets here and on the line before."
    return f"is no YAML: {problem}. {remedy}"


def scalar(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _WORDS:
        value: str | int | float | bool | None = _WORDS[text]
        return value
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 19 else _whole(float(text))
    for pattern, base in ((_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            return int(text[2:], base) if len(text) < 17 else math.inf
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITE.fullmatch(text):
        return -math.inf if match[1] == "-" else math.inf
    return text


def _whole(value: float) -> int | float:
    return int(value) if abs(value) < 2.0**63 else value


@dataclass
class _Frame:
    """A mapping or list that is being filled."""

    node: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


class _Builder:
    """Build the tree from events, without recursion."""

    def __init__(self, result: YamlTree) -> None:
        self._result = result
        self._collector = Collector()
        self._stack: list[_Frame] = []
        self._documents = 0

    def problem(self, message: str, mark: Any, path: Path = ()) -> None:
        """Add a finding at a mark of the parser."""
        place = self._result.name if mark is None else f"{self._result.name}:{mark.line + 1}:{mark.column + 1}"
        self._collector.add(".".join(map(str, path)), message, place)

    def result(self) -> YamlTree:
        """Return the tree, or raise all that was found."""
        if not self._collector.findings and self._result.tree is None:
            self.problem("is empty: write at least the key kind.", None)
        self._collector.raise_if_any()
        return self._result

    def take(self, event: Any) -> bool:
        """Take one event; return False when reading must stop."""
        match event:
            case events.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self.problem("holds a second document: keep one, without a line '---'.", event.start_mark)
                    return False
            case events.AliasEvent():
                self.problem(f"*{event.anchor} is an alias: write the value out.", event.start_mark, self._path())
                self._put(None, event)
            case events.ScalarEvent():
                self._refuse_properties(event)
                self._take_scalar(event)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._refuse_properties(event)
                return self._open(event)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._stack.pop()
        return True

    def _path(self) -> Path:
        """Path of the node that comes next."""
        if not self._stack:
            return ()
        frame = self._stack[-1]
        if isinstance(frame.node, list):
            return (*frame.path, len(frame.node))
        return frame.path if frame.key is None else (*frame.path, frame.key)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].node, dict) and self._stack[-1].key is None

    def _refuse_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self.problem(f"&{event.anchor} is an anchor: write the value out where it is used.", event.start_mark, self._path())
        if event.tag is not None:
            self.problem(
                f"{event.tag.replace('tag:yaml.org,2002:', '!!')} is a tag: leave it out.", event.start_mark, self._path()
            )

    def _take_scalar(self, event: Any) -> None:
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            self.problem("holds an escape that is no character.", event.start_mark, self._path())
            event.value = ""
        if not self._awaits_key():
            self._put(scalar(event.value) if event.implicit[0] else event.value, event)
            return
        frame, key = self._stack[-1], event.value
        place = (*frame.path, key)
        if not key:
            self.problem("holds a key without a name.", event.start_mark, frame.path)
        elif key in frame.node:
            line = self._result.keys[place].line
            self.problem(f"stands twice; the first is on line {line}. Remove one.", event.start_mark, place)
        else:
            self._result.keys[place] = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        frame.key = key

    def _open(self, event: Any) -> bool:
        node: dict[str, Any] | list[Any] = {} if isinstance(event, events.MappingStartEvent) else []
        if self._awaits_key():
            self.problem("holds a key that is a mapping or list: a key must be text.", event.start_mark, self._path())
            return False
        if len(self._stack) >= MAX_DEPTH:
            self.problem(f"is nested more than {MAX_DEPTH} deep.", event.start_mark)
            return False
        path = self._path()
        self._put(node, event)
        self._stack.append(_Frame(node, path))
        return True

    def _put(self, value: Any, event: Any) -> None:
        if self._awaits_key():
            self._stack[-1].key = "*"
            return
        path = self._path()
        self._result.values.setdefault(path, Mark(event.start_mark.line + 1, event.start_mark.column + 1))
        if not self._stack:
            self._result.tree = value
            return
        frame = self._stack[-1]
        if isinstance(frame.node, list):
            frame.node.append(value)
        elif frame.key is not None:
            frame.node.setdefault(frame.key, value)
            frame.key = None
