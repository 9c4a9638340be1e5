"""The committed corpus of each target, kept small: one input for each thing that none before did."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import checkout
from fuzz_target import Target, run

FOLDER: Final = checkout.ROOT / "tests" / "fuzz" / "corpus"
FOUND: Final = "found-"
"""Inputs that once broke a promise have this before their name, and stay."""

_PACKAGES: Final = tuple(str(checkout.ROOT / folder) + "/" for folder in checkout.SHIPPED)


def folder(target: Target) -> Path:
    """Return where the inputs of a target are."""
    return FOLDER / target.name


def inputs(target: Target) -> list[bytes]:
    """Return the committed inputs of a target, in the order of their names."""
    return [path.read_bytes() for path in sorted(folder(target).iterdir())] if folder(target).is_dir() else []


def name_of(data: bytes) -> str:
    """Return the file name of an input: the beginning of its hash, so that no input stands twice."""
    return hashlib.sha256(data).hexdigest()[:16]


def features(target: Target, data: bytes) -> frozenset[object]:
    """Return what an input does: steps from line to line in the shipped packages, and how it ends."""
    steps: set[object] = set()

    def on_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGES):
            return None
        last = 0

        def on_line(inner: FrameType, event: str, _inner_argument: Any) -> Any:
            nonlocal last
            if event == "line":
                steps.add((name, last, inner.f_lineno))
                last = inner.f_lineno
            return on_line

        return on_line

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        outcome = run(target, data)
    finally:
        sys.settrace(before)
    steps.add((outcome, data[:1] and data[0] >> 5))
    return frozenset(steps)


def smallest(target: Target, candidates: Iterable[bytes]) -> list[bytes]:
    """Return the inputs to keep: by size, each that does something new."""
    seen: set[object] = set()
    kept: list[bytes] = []
    for data in sorted(set(candidates), key=lambda one: (len(one), one)):
        done = features(target, data)
        if not done <= seen:
            seen |= done
            kept.append(data)
    return kept


def write(target: Target, kept: Iterable[bytes]) -> int:
    """Make these the committed inputs, beside those that were found; return how many there are."""
    place = folder(target)
    place.mkdir(parents=True, exist_ok=True)
    found = {path.name.removeprefix(FOUND) for path in place.glob(f"{FOUND}*")}
    names = {name: data for data in kept if (name := name_of(data)) not in found}
    for path in place.iterdir():
        if not path.name.startswith(FOUND) and path.name not in names:
            path.unlink()
    for name, data in names.items():
        if not (place / name).exists():
            (place / name).write_bytes(data)
    return len(list(place.iterdir()))
