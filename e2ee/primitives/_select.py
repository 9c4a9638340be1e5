"""Chooses once, for all functions together, between the reference in Python and the extension (PRM-14).

The extension is `_native.c`, built by `make native` or into a wheel. Each function that it has stands in
Python, too, under `@native`; the Python is what the rules are read against, and what runs wherever the
extension is not installed, does not load, or is of another interface. `SEALROOM_PURE=1` in the environment
forces it. Whether the Python of `e2ee/` is compiled was decided by the wheel, and is only named here.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Final, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., object])

_EXTENSION: Final = "e2ee.primitives._native"
_INTERFACE: Final = 1
_PURE: Final = "SEALROOM_PURE"
_OFF: Final = frozenset({"", "0"})
_COMPILED: Final = (".so", ".pyd")


def find(environment: Mapping[str, str]) -> ModuleType | None:
    """Return the extension, or None where the reference is to run."""
    if environment.get(_PURE, "") not in _OFF:
        return None
    try:
        found = importlib.import_module(_EXTENSION)
    except ImportError:
        return None
    return found if getattr(found, "INTERFACE", None) == _INTERFACE else None


def described(extension: ModuleType | None, file: str) -> str:
    """Name what runs, for people: the reference or the extension, and whether a module's file is compiled."""
    compiled = ", compiled" if file.endswith(_COMPILED) else ""
    if extension is None:
        return f"reference{compiled}"
    return f"native{compiled}, libsodium {extension.LIBSODIUM}"


_FOUND: Final = find(os.environ)

IN_USE: Final = described(_FOUND, __file__)
"""What runs in this process."""


def native(name: str, extension: ModuleType | None = _FOUND) -> Callable[[Function], Function]:
    """Mark the reference of a function of the extension, which takes its place where there is one."""

    def chosen(reference: Function) -> Function:
        return reference if extension is None else cast(Function, getattr(extension, name))

    return chosen
