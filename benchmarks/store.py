"""The measurements as JSON: a record for each part, written as soon as the part is done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Store:
    """Records of parts in a file.

    Parameters
    ----------
    path : Path
        Read when it exists; every change is written at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = {}
        self._read()

    def _read(self) -> None:
        if self.path.exists():
            self.content = json.loads(self.path.read_text(encoding="utf-8"))

    def __getitem__(self, part: str) -> dict[str, Any]:
        """Return the record of a part; of one that was never run, its reason."""
        record: dict[str, Any] = self.content.get(part, {"missing": "not measured yet"})
        return record

    def has(self, part: str) -> bool:
        """Whether a part was measured."""
        return part in self.content and "missing" not in self.content[part]

    def of(self, prefix: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the records of the parts ``prefix/name`` that are there, by name and in the order of the names."""
        return {name: self[f"{prefix}/{name}"] for name in names if f"{prefix}/{name}" in self.content}

    def put(self, part: str, record: dict[str, Any]) -> None:
        """Keep the record of a part; the file is replaced as a whole, with what others have written into it meanwhile."""
        self._read()
        self.content[part] = _rounded(record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        waiting = self.path.with_name(self.path.name + ".part")
        waiting.write_text(json.dumps(self.content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(waiting, self.path)  # noqa: PTH105


def _rounded(value: Any) -> Any:
    """Return numbers with five digits, which is more than times have."""
    match value:
        case float():
            return float(f"{value:.5g}")
        case dict():
            return {str(key): _rounded(item) for key, item in value.items()}
        case list() | tuple():
            return [_rounded(item) for item in value]
    return value
