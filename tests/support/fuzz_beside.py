"""A second reader beside a decoder: whatever one of both takes and the other refuses is a finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fuzz_target import require
from independent_refusal import Refused

from e2ee.errors import E2eeError

_Read = TypeVar("_Read")


def beside(decode: Callable[[bytes], _Read], read: Callable[[bytes], object]) -> Callable[[bytes], _Read]:
    """Return a decoder that has the independent reader read each input too (ID-29: what is refused)."""

    def both(data: bytes) -> _Read:
        try:
            found = decode(data)
        except E2eeError:
            require(not _takes(read, data), "the independent reader takes what the core refuses")
            raise
        require(_takes(read, data), "the independent reader refuses what the core takes")
        return found

    return both


def _takes(read: Callable[[bytes], object], data: bytes) -> bool:
    try:
        read(data)
    except Refused:
        return False
    return True
