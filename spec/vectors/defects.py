"""The form of a negative vector: one defect, what it is given to, and the error that must come of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spec.vectors.document import render


@dataclass(frozen=True)
class Negative:
    """One file: `name` names the defect, `operation` what gets the input, `error` the code that follows."""

    name: str
    description: str
    rules: str
    operation: str
    input: dict[str, Any]
    error: str


def files(negatives: Iterable[Negative]) -> dict[str, str]:
    """The text of each file by its path."""
    made: dict[str, str] = {}
    for one in negatives:
        path = f"negative/{one.name}.json"
        if path in made:
            raise ValueError(f"two negative vectors are named {one.name}")
        body = {"operation": one.operation, "input": one.input, "error": one.error}
        made[path] = render(one.description, one.rules, body)
    return made


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    """The bytes with one of them changed."""
    at %= len(data)
    return data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :]
