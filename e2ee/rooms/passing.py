"""A room that is given to a colleague while who had it stays, to hand over what was said (ROOM-56)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from e2ee.ids import DeviceId

from .entry import EntryHash
from .state import Phase, State, WrittenState

MAX_PASSED_ON: Final = 256


class Passing(NamedTuple):
    """The state that grants the `request` of `giver` to give a room to `taker`: log entries of at most `most`
    entries, none once the taker is out. `since` is that state, or the one that has ended the last freeze.
    """

    state: EntryHash
    since: EntryHash
    request: bytes
    giver: DeviceId
    taker: DeviceId
    most: int


def passings(path: Sequence[WrittenState]) -> list[Passing]:
    """Return those of the states up to the head that last (ROOM-56)."""
    return _along(path)[0]


def ended(path: Sequence[WrittenState]) -> list[Passing]:
    """Return those that ended as the giver left, while the taker was not out; `since` is the state by which
    it did (TRN-51).
    """
    return _along(path)[1]


def _along(path: Sequence[WrittenState]) -> tuple[list[Passing], list[Passing]]:
    found, over = list[Passing](), list[Passing]()
    for before, after in pairwise(path):
        members = after.state.members
        left = (one for one in found if one.most and one.giver not in members)
        over += [one._replace(since=after.hash) for one in left]
        over = [one for one in over if one.taker in members]
        thaws = before.state.phase is Phase.FROZEN and after.state.phase is not Phase.FROZEN
        found = [_now(one, after, thaws=thaws) for one in found if _lasts(one, after.state)]
        begun = _begun(before.state, after)
        if begun is not None:
            found.append(begun)
    return found, over


def _begun(old: State, written: WrittenState) -> Passing | None:
    state, giver = written.state, old.assigned
    if giver is None or giver not in state.members or not 1 <= state.reason <= MAX_PASSED_ON:
        return None
    if state.assigned is None or state.assigned in old.members or state.request is None:
        return None
    return Passing(written.hash, written.hash, state.request, giver, state.assigned, state.reason)


def _lasts(passing: Passing, state: State) -> bool:
    return passing.giver in state.members and state.assigned != passing.giver


def _now(passing: Passing, written: WrittenState, *, thaws: bool) -> Passing:
    return passing._replace(
        since=written.hash if thaws else passing.since,
        most=passing.most if passing.taker in written.state.members else 0,
    )
