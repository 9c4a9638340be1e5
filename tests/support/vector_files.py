"""Reads the vector files of spec/vectors, and replays their recorded randomness."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import checkout

FOLDER = checkout.ROOT / "spec" / "vectors"
# Last, so that an installed e2ee goes first; this makes `spec.vectors` importable outside a checkout too.
sys.path.append(str(checkout.ROOT))


def load(name: str) -> dict[str, Any]:
    """The object in a vector file."""
    whole: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return whole


def hexed(value: Any) -> Any:
    """A value in the form of a vector file: byte strings in hexadecimal, tuples as arrays."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): hexed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hexed(item) for item in value]
    return value


def unhex(text: str) -> bytes:
    """The bytes of a hexadecimal text."""
    return bytes.fromhex(text)


def scripted(*parts: str | bytes) -> Callable[[int], bytes]:
    """An `rng` that gives these byte strings, in this order and of just these sizes."""
    left = [unhex(part) if isinstance(part, str) else part for part in parts]

    def rng(size_b: int) -> bytes:
        part = left.pop(0)
        assert len(part) == size_b, "the code draws other sizes than the vector recorded"
        return part

    return rng


def recorded(ciphertext: str, secret: str) -> Callable[[bytes], tuple[bytes, bytes]]:
    """An `encapsulate` that gives a recorded ciphertext and secret."""
    return lambda _key: (unhex(ciphertext), unhex(secret))
