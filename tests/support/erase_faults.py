"""Faults of erasures, to be planted: what each run over random erasures has to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from unittest import mock

from e2ee_client.engine.posting import Posting
from e2ee_client.engine.rooms.entry_keys import EntryKeys
from e2ee_client.engine.rooms.entry_log import EntryLog
from e2ee_client.engine.rooms.retaining import Retaining
from e2ee_client.store import store


class Planted(NamedTuple):
    """What stands in the place of a part of the product."""

    of: object
    name: str
    new: Any


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _keeps_key(self: EntryKeys, turn: Any, number: int) -> Any:
    known = self.get(turn, number)
    return _MAKE(self, turn, number) if known is None else known


_MAKE: Final[Callable[..., Any]] = EntryKeys.make

FAULTS: Final[dict[str, tuple[Planted, ...]]] = {
    "keys stay when bodies go": (
        Planted(EntryKeys, "make", _keeps_key),
        Planted(EntryKeys, "destroy", _nothing),
    ),
    "old boxes of keys stay in the log": (Planted(store, "DESTROYED_AT_ONCE", frozenset()),),
    "bodies stay": (Planted(EntryLog, "erase", _nothing),),
    "what waits to be sent stays": (Planted(Posting, "take_back", _nothing),),
    "timers do not run": (Planted(Retaining, "due_ms", _nothing),),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plant one fault."""
    patches = [mock.patch.object(*one) for one in FAULTS[name]]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()
