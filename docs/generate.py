"""Write the pages of the documentation that follow from the code: the JSON schemas, configuration.md and cli.md.

``python docs/generate.py`` writes them; with ``--check`` it says which are out of date and ends with code 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

DOCS = Path(__file__).resolve().parent
KINDS = {"model": "Model file", "scenario": "Scenario file", "batch": "Batch file", "limits": "Limits file"}
NOTE = "<!-- Written by docs/generate.py: change the code instead. -->\n"


def configuration_page(schemas: dict[str, dict[str, Any]]) -> str:
    """Return the page of all keys of all files."""
    intro = (
        "# Configuration\n\n"
        + NOTE
        + "\nEvery key of the model, scenario and batch files, from their JSON schemas in `docs/schema`. Name the schema in the"
        "\nfirst line of a file and an editor completes its keys:"
        "\n`# yaml-language-server: $schema=<path>/docs/schema/scenario.json`.\n"
        "\nA number is in metres and days; text may carry a unit: `25 L/s`, `80 mm/year`, `1 km`. Dates are `2021-01-01`."
        "\nUnknown keys are refused, with the nearest valid name.\n"
    )
    definitions: dict[str, Any] = {}
    parts = [intro]
    for kind, title in KINDS.items():
        definitions.update(schemas[kind].get("$defs", {}))
        parts.append(section(title, schemas[kind], 2))
    parts.append("## Parts of the files\n")
    parts.extend(section(name, definitions[name], 3) for name in sorted(definitions))
    return "\n".join(parts)


def section(title: str, schema: dict[str, Any], level: int) -> str:
    """Return the heading, text and table of keys of one object."""
    text = [f"{'#' * level} {title}\n"]
    if schema.get("description"):
        text.append(one_line(schema["description"]) + "\n")
    fields = schema.get("properties", {})
    if not fields:
        text.append(f"{type_of(schema)}\n")
        return "\n".join(text)
    required = set(schema.get("required", ()))
    text.extend(["| key | value | default | meaning |", "|---|---|---|---|"])
    for name, field in fields.items():
        default = "required" if name in required else default_of(field)
        text.append(f"| `{name}` | {type_of(field)} | {default} | {one_line(field.get('description', ''))} |")
    return "\n".join(text) + "\n"


def default_of(field: dict[str, Any]) -> str:
    """Return the default value of a field as text."""
    value = field.get("default")
    return "" if value is None or isinstance(value, dict | list) else f"`{json.dumps(value, ensure_ascii=False)}`"


def one_line(text: str) -> str:
    """Return a text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def type_of(field: dict[str, Any]) -> str:
    """Return what a value may be, in words and links, with the unit of a bare number."""
    kinds = kinds_of(field)
    return kinds.replace("number", f"number in {field['unit']}", 1) if field.get("unit", "1") != "1" else kinds


def kinds_of(field: dict[str, Any]) -> str:
    """Return what a value may be."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in field:
            kinds = [type_of(option) for option in field[key] if option.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    return plain_type(field)


def plain_type(field: dict[str, Any]) -> str:
    """Return the words for a JSON type with its range."""
    kind = field.get("type")
    if kind == "array":
        items = field.get("items", {})
        return f"list of {type_of(items)}" if items else "list"
    if kind == "object":
        inner = field.get("additionalProperties")
        return f"names, each with {type_of(inner)}" if isinstance(inner, dict) and inner else "mapping"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    text = words.get(str(kind), "any value")
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {field[key]:g}" for key, sign in limits.items() if key in field]
    return text + (f" ({', '.join(bounds)})" if bounds else "")


def cli_page(program: click.Group) -> str:
    """Return the page of all commands, from their help."""
    parts = ["# Command line\n", NOTE, help_of(program, "aquirecover")]
    for name in sorted(program.commands):
        command = program.commands[name]
        parts.append(f"## {name}\n")
        parts.append(help_of(command, f"aquirecover {name}"))
        inner = command.commands if isinstance(command, click.Group) else {}
        parts += [help_of(inner[word], f"aquirecover {name} {word}") for word in sorted(inner)]
    return "\n".join(parts)


def help_of(command: click.Command, path: str) -> str:
    """Return the help of a command as a block of text."""
    names = ["-h", "--help"]
    context = click.Context(command, info_name=path, max_content_width=110, terminal_width=110, help_option_names=names)
    return f"```text\n{command.get_help(context)}\n```\n"


def pages() -> dict[Path, str]:
    """Return the content of every generated file."""
    from aquirecover.case.config import json_schema
    from aquirecover.cli import main

    schemas = {kind: json_schema(kind) for kind in KINDS}
    found = {
        DOCS / "schema" / f"{kind}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for kind, schema in schemas.items()
    }
    found[DOCS / "configuration.md"] = configuration_page(schemas)
    found[DOCS / "cli.md"] = cli_page(main)
    return found


def main(arguments: list[str]) -> int:
    """Write or check the files; return the exit code."""
    old = {path: text for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text}
    check = "--check" in arguments
    for path, text in old.items():
        print(f"{path.relative_to(DOCS.parent)}: {'is out of date, run python docs/generate.py' if check else 'written'}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
