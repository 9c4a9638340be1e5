"""Every byte string that can be reached from an object, as the interpreter itself sees it."""

from __future__ import annotations

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType)


def byte_strings(root: object) -> set[bytes]:
    """Return them, found by the references that the garbage collector follows."""
    found: set[bytes] = set()
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _CODE):
            continue
        seen.add(id(one))
        if isinstance(one, bytes | bytearray):
            found.add(bytes(one))
        waiting += gc.get_referents(one)
    return found
