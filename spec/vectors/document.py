"""The form of a vector file: one JSON object with `description` and `rules`; bytes are hexadecimal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from spec.vectors.suite import Value


def hexed(value: Any) -> Any:
    """The value with every byte string in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): hexed(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [hexed(item) for item in value]
    return value


def render(description: str, rules: str, body: Mapping[str, Any]) -> str:
    """The text of a vector file; `rules` are ids with spaces between."""
    whole = {"description": description, "rules": rules.split(), **hexed(body)}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def diagnostic(value: Value) -> str:
    """A CBOR value in the diagnostic notation of RFC 8949, section 8."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case bytes():
            return f"h'{value.hex()}'"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            return "{" + ", ".join(f"{key}: {diagnostic(item)}" for key, item in value.items()) + "}"
        case _:
            return "[" + ", ".join(diagnostic(item) for item in value) + "]"
