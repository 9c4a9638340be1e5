"""Faults planted into the rules of a pair: each must be seen by a run or a scene of pair_world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

from pair_bodies import Faults

from e2ee import pair as pairs
from e2ee.numbers import Received
from e2ee.pair import Pair, Standing


def _highest(pair: Pair) -> Standing | None:
    return min(pair.sessions, key=lambda one: one.rank, default=None)


def _counted_epoch(pair: Pair, now_ms: int) -> int:
    return pair.known + 1


def _same_pair(pair: Pair, *_: object, **__: object) -> Pair:
    return pair


def _no_line(received: Received, _: object) -> tuple[Received, list[object]]:
    return received, []


def _latest_proven(pair: Pair) -> Standing | None:
    return max((one for one in pair.sessions if one.proven), key=lambda one: one.created_ms, default=None)


def _not_rolled_back(pair: Pair, *_: object) -> tuple[Pair, bool]:
    return pair, False


_PATCHES: Final[Mapping[str, tuple[tuple[object, str, Any], ...]]] = {
    "activate-unproven": ((Pair, "active", property(_highest)),),
    "newest-made": ((Pair, "active", property(_latest_proven)),),
    "counter": ((pairs, "next_epoch", _counted_epoch),),
    "keep-candidate": ((pairs, "_alive", _same_pair), (pairs, "_without_started", _same_pair)),
    "no-top": ((pairs, "_with_top", _same_pair),),
    "no-lines": ((Received, "_with_line", _no_line),),
    "no-count": ((pairs, "_after_their_count", _not_rolled_back),),
    "clocks-as-read": ((pairs, "_at", _same_pair),),
}
_OF_DEVICES: Final[Mapping[str, Faults]] = {
    "drop-at-unknown": Faults(drops_at_unknown=True),
    "resend-early": Faults(resends_early=True),
    "newest-end": Faults(newest_end=True),
    "resend-nothing": Faults(resends_nothing=True),
}
PLANTED: Final = (*_PATCHES, *_OF_DEVICES)


@contextmanager
def planted(name: str) -> Iterator[Faults]:
    """Plant a fault for the time of a with statement; what devices do wrong is given to a world."""
    with ExitStack() as stack:
        for target, attribute, value in _PATCHES.get(name, ()):
            stack.enter_context(mock.patch.object(target, attribute, value))
        yield _OF_DEVICES.get(name, Faults())
