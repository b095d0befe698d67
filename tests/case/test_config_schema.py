"""The JSON schema of the files: up to date, complete, and in the words of the files."""

import json
from pathlib import Path

import pytest
import yaml

from aquirecover.case.config import SCHEMAS, json_schema
from aquirecover.case.model_config import Settings
from aquirecover.case.sections import Section
from aquirecover.flow.linear import LinearSettings
from aquirecover.flow.newton import NewtonSettings
from aquirecover.flow.simulate import TimeSettings

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted([*ROOT.glob("models/*/model.yaml"), *ROOT.glob("scenarios/*/*.yaml")])


def parts(schema):
    """Yield the schema and all schemas inside it."""
    yield schema
    for value in schema.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from parts(inner)


def problems(value, schema, root, path=""):
    """Return what breaks a schema: a small independent reader of the keywords that ours uses."""
    if "$ref" in schema:
        return problems(value, root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root, path)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            outcomes = [problems(value, option, root, path) for option in schema[key]]
            return [] if [] in outcomes else min(outcomes, key=len)
    if "const" in schema or "enum" in schema:
        return [] if value in schema.get("enum", [schema.get("const")]) else [f"{path} = {value!r}"]
    kinds = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool}
    kind = schema.get("type")
    if kind and (not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{path} is no {kind}"]
    found = []
    if kind == "object":
        found += [f"{path}.{key} is missing" for key in schema.get("required", ()) if key not in value]
        for key, inner in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
            found += [f"{path}.{key} is unknown"] if below is False else []
            found += problems(inner, below, root, f"{path}.{key}") if isinstance(below, dict) else []
    if kind == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        for index, (inner, below) in enumerate(zip(value, items, strict=False)):
            found += problems(inner, below, root, f"{path}[{index}]")
    return found


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_files_in_docs_are_up_to_date(kind):
    text = (ROOT / f"docs/schema/{kind}.json").read_text(encoding="utf-8")
    assert json.loads(text) == json_schema(kind), "python docs/generate.py"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_shipped_file_fits_its_schema(file):
    tree = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # all scalars are texts here
    tree = json.loads(json.dumps(tree), object_hook=lambda node: {key: typed(value) for key, value in node.items()})
    schema = json_schema(tree["kind"])
    assert problems(tree, schema, schema) == []


def typed(value):
    """Return a text as the number or truth value that it stands for."""
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        return {"true": True, "false": False}.get(value) if value in ("true", "false") else json.loads(value)
    except ValueError:
        return value


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_is_described_and_unknown_keys_are_refused(kind):
    schema = json_schema(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == f"{kind.capitalize()} file"
    for part in parts(schema):
        if "properties" in part and part.get("type") == "object":
            assert part["additionalProperties"] is False
            for key, field in part["properties"].items():
                assert field.get("description", "").endswith("."), f"{part.get('title')}.{key}"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_no_null_and_no_empty_default(kind):
    for part in parts(json_schema(kind)):
        assert part.get("type") != "null"
        assert "default" not in part or part["default"] is not None


def test_units_stand_beside_numbers():
    layer = json_schema("model")["$defs"]["Layer"]["properties"]
    assert layer["k"]["unit"] == "m/d"
    number = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e7}
    assert layer["k"]["anyOf"] == [number, {"type": "string"}, {"$ref": "#/$defs/Value"}]
    assert layer["specific_storage"]["unit"] == "1/m"
    assert "unit" not in layer["specific_yield"]
    assert layer["minimum_thickness"]["default"] == 0.0
    rule = json_schema("scenario")["$defs"]["Cap"]
    assert rule["properties"]["rate"]["unit"] == "m3/d"
    assert set(rule["required"]) == {"rule", "rate", "from"}


def test_settings_are_those_of_the_engine():
    schema = json_schema("model")["$defs"]["Settings"]["properties"]
    for key, settings in (("linear", LinearSettings), ("newton", NewtonSettings), ("time", TimeSettings)):
        assert set(schema[key]["properties"]) == set(settings.__dataclass_fields__)
        for name, field in schema[key]["properties"].items():
            assert field["default"] == getattr(settings(), name)
    assert Settings().linear is None, "the engine's own defaults hold unless a file sets them"


def test_one_text_may_stand_for_a_list():
    select = json_schema("scenario")["$defs"]["Select"]["properties"]
    assert select["district"]["anyOf"][0]["type"] == "string"
    assert select["district"]["anyOf"][1]["minItems"] == 1


def test_every_section_is_frozen():
    def below(section):
        for inner in section.__subclasses__():
            yield inner
            yield from below(inner)

    found = list(below(Section))
    assert len(found) > 30
    assert all(section.model_config["frozen"] and section.model_config["extra"] == "forbid" for section in found)
