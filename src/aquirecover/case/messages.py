"""Findings of validation in plain sentences: pydantic's errors and our own brought into one form."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

RULE, KEY, MISSING = "rule", "key", "missing_key"
OWN_TYPES = (RULE, KEY, MISSING)

Path = tuple[str | int, ...]


def did_you_mean(name: object, valid: Iterable[object]) -> str:
    """Return ``Did you mean 'k33'?``, or the valid names when none is near, or an empty string when there are none."""
    names = [str(item) for item in valid]
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if not near:
        near = [item for item in names if item.lower() == str(name).lower()]
    if near:
        return f"Did you mean '{near[0]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"Valid: {shown}."


def sentence(*parts: str) -> str:
    """Join parts into one text, each ended by a full stop."""
    return " ".join(part if part.endswith((".", "?", "!")) else part + "." for part in parts if part)


def broken(message: str, path: Path = (), value: Any = None, kind: str = RULE) -> InitErrorDetails:
    """Return one line of a validation error.

    Parameters
    ----------
    message : str
        Rule and remedy.
    path : tuple of str or int
        Keys below the value that is being validated.
    value : object
        What the user wrote.
    kind : str
        ``rule``: the value is wrong; ``key``: the key is wrong; ``missing_key``: the key is not there.
    """
    template = "{message}"  # noqa: RUF027
    return InitErrorDetails(type=PydanticCustomError(kind, template, {"message": message}), loc=path, input=value)


def refuse(title: str, lines: list[InitErrorDetails]) -> ValidationError:
    """Return the error that carries all `lines`, to be raised inside a validator."""
    return ValidationError.from_exception_data(title, lines)


def relay(error: ValidationError) -> list[InitErrorDetails]:
    """Return the lines of an error of pydantic in our words."""
    lines = []
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
            continue  # pydantic does not count the entries that are wrong, which have lines of their own
        kind, message = plain_message(detail)
        path, value = tuple(detail["loc"]), detail["input"]
        if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
            tag = str(detail["ctx"]["discriminator"]).strip("'")
            path, value = (*path, tag), detail["ctx"].get("tag")
        lines.append(broken(message, path, value, kind))
    return lines


def plain_message(detail: Any) -> tuple[str, str]:
    """Return kind and plain sentence of one error of pydantic, given as a row of ``ValidationError.errors``."""
    code, context = detail["type"], detail.get("ctx", {})
    if code in OWN_TYPES:
        return code, str(context["message"])
    if code == "missing":
        return MISSING, "is missing."
    if detail["input"] is None:
        return RULE, "has no value: give one, or leave the key out."
    if code == "literal_error":
        names = [name.strip(" '") for name in context["expected"].replace(" or ", ", ").split(", ")]
        return RULE, sentence("must be one of " + ", ".join(names), _near(detail["input"], names))
    if code == "union_tag_invalid":
        names = [name.strip(" '") for name in context["expected_tags"].split(", ")]
        return RULE, sentence("must be one of " + ", ".join(names), _near(context["tag"], names))
    if code == "union_tag_not_found":
        return MISSING, "is missing."
    if code == "value_error":  # of a settings class, whose message names the key
        return KEY, str(context["error"])
    limits = {"gt": "greater than {}", "ge": "{} or more", "lt": "less than {}", "le": "{} or less"}
    for name, rule in limits.items():
        if name in context:
            return RULE, f"must be {rule.format(context[name])}."
    if code in ("too_short", "too_long"):
        limit, word = (context["min_length"], "at least") if code == "too_short" else (context["max_length"], "at most")
        return RULE, f"must have {word} {limit} {'entry' if limit == 1 else 'entries'}; it has {context['actual_length']}."
    return RULE, _WORDS.get(code, "has a value that is not allowed here.")


def _near(value: object, names: list[str]) -> str:
    found = did_you_mean(value, names)
    return found if found.startswith("Did") else ""


_WORDS = {
    "string_type": 'must be text: put it in quotes, as "123".',
    "string_too_short": "must not be empty.",
    "int_type": "must be a whole number.",
    "int_from_float": "must be a whole number.",
    "float_type": "must be a number.",
    "finite_number": "must be a finite number.",
    "bool_type": "must be true or false.",
    "dict_type": "must be a mapping: one 'key: value' per line.",
    "model_type": "must be a mapping: one 'key: value' per line.",
    "model_attributes_type": "must be a mapping: one 'key: value' per line.",
    "tuple_type": "must be a list, as [a, b].",
    "list_type": "must be a list, as [a, b].",
}
