"""The files of a project: what kind they are, and a small example to start from."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from aquirecover.errors import OutputExistsError

PACKAGE = Path(__file__).resolve().parent
EXAMPLE = ("models/confined_basin", "scenarios/confined_basin")


def kind_of(path: Path) -> str:
    """Return the ``kind`` that a YAML file names, or an empty string.

    Raises
    ------
    ConfigError, InputFileError
        When it is no safe YAML file.
    """
    from aquirecover.case.workspace import Workspace
    from aquirecover.case.yaml_reader import read_yaml

    tree = read_yaml(path, Workspace(path.resolve().parent, allow_outside=True)).tree
    kind = tree.get("kind") if isinstance(tree, dict) else None
    return kind if isinstance(kind, str) else ""


def example_root() -> Path:
    """Return the folder that holds `EXAMPLE`: inside an installed package, or the checkout of an editable one."""
    packaged = PACKAGE / "examples"
    return packaged if packaged.is_dir() else PACKAGE.parents[1]


def copy_example(folder: Path) -> list[Path]:
    """Copy the small model with its scenarios, and the JSON schemas that its files name, and return the new files.

    Raises
    ------
    OutputExistsError
        When `folder` holds anything.
    """
    from aquirecover.case.config import SCHEMAS, json_schema
    from aquirecover.output.files import replace_file

    if folder.is_dir() and any(folder.iterdir()):
        raise OutputExistsError(f"{folder}: is not empty. Choose a new folder.")
    root = example_root()
    files = {
        file.relative_to(root): file.read_bytes()
        for part in EXAMPLE
        for file in sorted((root / part).rglob("*"))
        if file.is_file()
    }
    for kind in SCHEMAS:
        text = json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"
        files[Path("docs/schema") / f"{kind}.json"] = text.encode()
    return [replace_file(folder / name, partial(_fill, content)) for name, content in files.items()]


def _fill(content: bytes, part: Path) -> None:
    part.write_bytes(content)
