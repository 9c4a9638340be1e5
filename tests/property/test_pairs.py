"""Which session of a pair is active, over all orders of arrival (SES-02 to SES-07)."""

from __future__ import annotations

from itertools import permutations
from typing import Any, cast

import pytest
from device_model import DeviceModel
from hypothesis import given
from hypothesis import strategies as st
from parties import DAY_MS, NOW_MS, connected_pair
from session_world import SessionWorld

from e2ee import pair as pairs
from e2ee import snapshot
from e2ee.content import Content, Text
from e2ee.errors import SessionExpired
from e2ee.ids import ContentId, SessionId
from e2ee.pair import FRESH, LOST_GEN, Pair
from e2ee.session import Session
from e2ee.wire import cbor

_PAIR = connected_pair()
_TEMPLATES = {
    True: cast("list[Any]", cbor.decode(snapshot.encode_session(_PAIR.a))),
    False: cast("list[Any]", cbor.decode(snapshot.encode_session(_PAIR.b))),
}
_ID, _PEER, _GEN = 1, 3, 5


def session_of(number: int, gen: int, *, initiator: bool = True) -> Session:
    """An established session with a given id and gen: a stored one of that side, with the same peer."""
    items = list(_TEMPLATES[initiator])
    items[_ID], items[_PEER], items[_GEN] = SessionId(bytes((number,)) * 32), _TEMPLATES[True][_PEER], gen
    return snapshot.decode_session(cbor.encode(items))


def adopted(order: tuple[Session, ...]) -> Pair:
    """The pair after sessions arrived in an order."""
    pair = FRESH
    for session in order:
        pair = pairs.adopt(pair, session, NOW_MS).pair
    return pair


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_the_active_session_is_the_same_in_every_order_of_arrival(gens: list[int]) -> None:
    """SES-04: highest gen, then smallest id; SES-02: all others are inactive."""
    sessions = [session_of(number, gen) for number, gen in enumerate(gens, 1)]
    best = min(sessions, key=lambda session: (-session.gen, session.id))
    for order in permutations(sessions):
        pair = adopted(order)
        assert pair.active == best
        assert pair.highest_gen == best.gen
        assert {one.id for one in pair.sessions()} == {one.id for one in sessions}


@given(st.permutations(range(1, 10)), st.lists(st.integers(1, 9), min_size=9, max_size=9))
def test_a_pair_keeps_four_inactive_sessions_the_newest_of_them(numbers: list[int], gens: list[int]) -> None:
    """SES-05: beyond four, the one that has been inactive longest goes."""
    pair, gone = FRESH, set[SessionId]()
    for number, gen in zip(numbers, gens, strict=True):
        adoption = pairs.adopt(pair, session_of(number, gen), NOW_MS + number)
        before = [item.session.id for item in pair.inactive]
        pair = adoption.pair
        assert len(pair.inactive) <= 4
        assert [session.id for session in adoption.gone] == (before[:1] if len(before) == 4 else [])
        gone |= {session.id for session in adoption.gone}
    assert not gone & {session.id for session in pair.sessions()}
    assert len(gone) == 4


@given(st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_a_loss_is_answered_whenever_the_pair_knows_a_session(known: int, other: int, ours: bool) -> None:
    """SES-07: also where the sessions that it knows have gen 0 themselves, from an earlier loss."""
    lost = session_of(9, LOST_GEN, initiator=False)
    assert not pairs.adopt(FRESH, lost, NOW_MS).answers_loss
    pair = adopted((session_of(1, known, initiator=ours), session_of(2, other, initiator=not ours)))
    assert pairs.adopt(pair, lost, NOW_MS).answers_loss
    assert not pairs.adopt(pair, session_of(9, LOST_GEN, initiator=True), NOW_MS).answers_loss


def lost_and_unanswered() -> tuple[SessionWorld, DeviceModel]:
    """A device that has lost its sessions and whose flight of gen 0 was never answered."""
    world = SessionWorld(7)
    device = world.devices[0]
    world.send(device, 1, Text("one"))
    world.lose_sessions(device)
    return world, device


@pytest.mark.parametrize("lives", range(1, 9))
def test_a_lost_device_can_start_again_when_its_first_try_has_expired(lives: int) -> None:
    """SES-04, SES-09: an expired session does not hold the place of a new one of the same gen, whatever
    their ids.
    """
    world, device = lost_and_unanswered()
    for _ in range(lives):
        expired = device.pair(1).active
        assert expired is not None
        world.pass_time(31 * DAY_MS)
        with pytest.raises(SessionExpired):
            device.seal(1, Content(ContentId(bytes(16)), world.now_ms, Text("late")), world.now_ms)
        assert world.send(device, 1, Text("again")) is not None
        active = device.pair(1).active
        assert active is not None
        assert active.gen == LOST_GEN
        assert active.id != expired.id


@given(st.permutations(range(1, 5)))
def test_of_its_own_sessions_of_gen_0_a_lost_device_uses_the_newest(numbers: list[int]) -> None:
    """SES-04, SES-07, SES-17: the older one carries an older list, and its peer may refuse it for that."""
    pair = FRESH
    for number in numbers:
        started = session_of(number, LOST_GEN)
        pair = pairs.adopt(pair, started, NOW_MS).pair
        assert pair.active == started
