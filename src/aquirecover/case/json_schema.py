"""JSON schema of the files, for editors and the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

if TYPE_CHECKING:
    from pydantic_core import core_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class PlainSchema(GenerateJsonSchema):
    """A schema as people would write it: a key that may be left out has no ``null``, and no default that says nothing."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value itself: an absent value is written by leaving the key out."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema with its default where that is a scalar."""
        plain = super().default_schema(schema)
        if plain.get("default", 0) is None or isinstance(plain.get("default"), dict | list | tuple):
            plain.pop("default")
        return plain

    def generate(self, schema: Any, mode: Any = "validation") -> JsonSchemaValue:
        """Return the schema of a file, with its dialect."""
        return {"$schema": DIALECT, **super().generate(schema, mode)}
