"""First inputs of the fuzz targets: what stands in the vectors, valid and negative."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from vector_files import FOLDER, load, unhex


@cache
def vectors(name: str) -> dict[str, Any]:
    """Return the object in a file of spec/vectors."""
    return load(f"{name}.json")


@cache
def _negative() -> tuple[dict[str, Any], ...]:
    paths = sorted((FOLDER / "negative").glob("*.json"))
    return tuple(json.loads(path.read_text("utf-8")) for path in paths)


def inputs(operation: str) -> Iterator[dict[str, Any]]:
    """Yield the inputs of the negative vectors of an operation."""
    return (one["input"] for one in _negative() if one["operation"] == operation)


def negative(operation: str, field: str) -> Iterator[bytes]:
    """Yield one field of these inputs as bytes."""
    return (unhex(given[field]) for given in inputs(operation))


def negative_texts(operation: str, field: str) -> Iterator[bytes]:
    """Yield one field of these inputs, a text, as UTF-8."""
    return (given[field].encode("utf-8", "surrogatepass") for given in inputs(operation))
