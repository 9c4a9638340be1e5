"""A room that is given to a colleague while who had it stays, to hand over what was said (ROOM-56)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from e2ee.ids import DeviceId

from .entry import EntryHash
from .state import State, WrittenState

MAX_PASSED_ON: Final = 256


class Passing(NamedTuple):
    """The state that gives a room to `taker`; `giver` hands over at most `most` entries, none once the taker
    is out, and `leaves` then if the state grants a request.
    """

    state: EntryHash
    giver: DeviceId
    taker: DeviceId
    most: int
    leaves: bool


def passings(path: Sequence[WrittenState]) -> list[Passing]:
    """Return those of the states up to the head that last (ROOM-56)."""
    found: list[Passing] = []
    for before, after in pairwise(path):
        found = [_now(one, after.state) for one in found if _lasts(one, after.state)]
        begun = _begun(before.state, after)
        if begun is not None:
            found.append(begun)
    return found


def _begun(old: State, written: WrittenState) -> Passing | None:
    state, giver = written.state, old.assigned
    if giver is None or giver not in state.members or not 1 <= state.reason <= MAX_PASSED_ON:
        return None
    if state.assigned is None or state.assigned in old.members:
        return None
    return Passing(written.hash, giver, state.assigned, state.reason, state.request is not None)


def _lasts(passing: Passing, state: State) -> bool:
    return passing.giver in state.members and state.assigned != passing.giver


def _now(passing: Passing, state: State) -> Passing:
    return passing if passing.taker in state.members else passing._replace(most=0)
