"""Edges of pairs, of sizes of bodies and of stored sessions: each of these ends a mutant."""

from __future__ import annotations

from typing import Any

import pytest
from parties import NOW_MS, Party, connected_pair, first_contact, open_, with_fields

from e2ee import content as contents
from e2ee import pair as pairs
from e2ee import session, snapshot
from e2ee.constants import FIRST_BODY_B, FRAGMENT_B, LINE_B, MAX_COUNTER
from e2ee.errors import CounterExhausted, SnapshotError
from e2ee.ids import DhPublic, SessionId
from e2ee.pair import Pair, Standing
from e2ee.primitives import kem
from e2ee.ratchet.kem_ratchet import CiphertextDue, Collecting
from e2ee.session import Session
from e2ee.wire import cbor, envelope


def _standing(session_id: int, epoch: int, *, ours: bool = True, proven: bool = False) -> Standing:
    return Standing(SessionId(bytes([session_id]) * 32), epoch, ours, NOW_MS, NOW_MS + pairs.DAY_MS, proven)


def _pair_of(*standings: Standing, **more: Any) -> Pair:
    return Pair(sessions=standings, **more)


def test_of_two_proven_sessions_the_higher_epoch_is_active_then_the_smaller_id() -> None:
    """SES-22: in either order of their making."""
    low, high, same = (_standing(*row, proven=True) for row in ((1, 4), (2, 5), (3, 5)))
    for sessions in ((low, high), (high, low), (high, same), (same, high), (low, same, high)):
        assert _pair_of(*sessions).active is high


def test_a_proof_moves_the_session_that_it_replaces_and_no_other() -> None:
    """SES-33: only what was active is not active from now on, and only its time is noted."""
    first, second, third = _standing(1, 1, proven=True), _standing(2, 2, ours=False), _standing(3, 3)
    pair = pairs.opened(_pair_of(first, second, third, met=True), second.id, DhPublic(bytes(32)), NOW_MS).pair
    assert pair.sessions == (first._replace(since_ms=NOW_MS), second._replace(proven=True))
    late = pairs.opened(pair, third.id, DhPublic(bytes(32)), NOW_MS)
    assert late.pair == pair, "what we started beside a session that lives is gone (SES-27)"


def test_a_lower_session_that_is_proven_late_is_not_active() -> None:
    """SES-22, SES-25: it is kept, and raises doubt."""
    low, high = _standing(1, 1, ours=False), _standing(2, 2, ours=False, proven=True)
    change = pairs.opened(_pair_of(low, high, met=True), low.id, DhPublic(bytes(32)), NOW_MS)
    assert (change.proven, change.activated, change.is_doubted) == (True, False, True)
    assert change.pair.active is high
    assert change.pair.session(low.id) == low._replace(proven=True, since_ms=NOW_MS)


@pytest.mark.parametrize("epoch", [pairs.MAX_EPOCH - 1, pairs.MAX_EPOCH])
def test_epochs_end_at_32_bits(epoch: int) -> None:
    """SES-21: the last one is given, and none after it."""
    if epoch < pairs.MAX_EPOCH:
        assert pairs.next_epoch(Pair(known=epoch), NOW_MS) == pairs.MAX_EPOCH
        return
    with pytest.raises(CounterExhausted):
        pairs.next_epoch(Pair(known=epoch), NOW_MS)


def test_a_session_hands_the_encapsulation_on() -> None:
    """PQ-04, PRM-09: the answer to a whole key is made with what the caller gives."""
    alice, bob, a, b = connected_pair()
    for number in range(5):
        a, sealed = alice.seal(a, f"piece {number}", way_back=None)
        b = open_(b, sealed).session
    assert isinstance(b.ratchet.kem, CiphertextDue)
    asked: list[bytes] = []

    def encapsulate(key: bytes) -> tuple[bytes, bytes]:
        asked.append(key)
        return kem.encapsulate(key)

    session.seal(b, bob.text("answer", way_back=None), NOW_MS, bob.rng, encapsulate)
    assert asked == [b.ratchet.kem.key]


# --- sizes ---


def _text_of(encoded_b: int, party: Party, **more: Any) -> contents.Content:
    """A text whose encoding has this many bytes."""
    sample = party.text("t" * 300, **more)
    spare = encoded_b - len(contents.encode(sample._replace(epoch=1) if "way_back" not in more else sample))
    return party.text("t" * (300 + spare), **more)


@pytest.mark.parametrize(("body_b", "spare"), [(1024, 0), (1024, 1), (2048, 0), (2048, 1), (1024, 500)])
def test_a_body_fills_its_class_to_the_last_byte(body_b: int, spare: int) -> None:
    """WIRE-11: block, content and mark fill it; one byte more takes the next class."""
    alice, _, a, b = connected_pair()
    made = _text_of(body_b - FRAGMENT_B - 1 - spare, alice, way_back=None)
    _, sealed = session.seal(a, made, NOW_MS, alice.rng, kem.encapsulate)
    assert len(envelope.decode(sealed).sealed_body) == body_b + 16
    assert open_(b, sealed).content.payload == made.payload
    longer = _text_of(body_b - FRAGMENT_B, alice, way_back=None)
    _, sealed = session.seal(a, longer, NOW_MS, alice.rng, kem.encapsulate)
    assert len(envelope.decode(sealed).sealed_body) == 2 * body_b + 16
    open_(b, sealed)


@pytest.mark.parametrize("spare", [0, 1, 2])
def test_a_first_body_fills_its_class_to_the_last_byte(spare: int) -> None:
    """WIRE-12: also when it repeats the prefix."""
    (alice, _, a, b), _ = first_contact()
    fits = _text_of(FIRST_BODY_B - 1 - spare, alice)
    a, sealed = session.seal(a, fits, NOW_MS, alice.rng, kem.encapsulate)
    assert len(envelope.decode(sealed).sealed_body) == FIRST_BODY_B + 16
    assert open_(b, sealed).content.payload == fits.payload
    longer = _text_of(FIRST_BODY_B + spare, alice)
    _, sealed = session.seal(a, longer, NOW_MS, alice.rng, kem.encapsulate)
    assert len(envelope.decode(sealed).sealed_body) == 2048 + 16
    assert open_(b, sealed).content.payload == longer.payload


def test_a_content_of_the_limit_arrives() -> None:
    """WIRE-14: 65 536 bytes."""
    alice, _, a, b = connected_pair()
    _, sealed = session.seal(a, _text_of(65_536, alice, way_back=None), NOW_MS, alice.rng, kem.encapsulate)
    opened = open_(b, sealed)
    assert len(contents.encode(opened.content)) == 65_536


# --- stored sessions ---


def _items(state: Session) -> list[Any]:
    value = cbor.decode(snapshot.encode_session(state))
    assert isinstance(value, list)
    return value


def _put(items: list[Any], place: tuple[int, ...], value: object) -> bytes:
    inner = items
    for at in place[:-1]:
        inner = inner[at]
    inner[place[-1]] = value
    return cbor.encode(items)


@pytest.mark.parametrize("place", [(3,), (7,), (11,), (12,), (16,), (18,)])
def test_a_part_with_an_item_more_is_damaged(place: tuple[int, ...]) -> None:
    """SES-14: no part has room for what nobody reads."""
    _, _, _, b = connected_pair()
    items = _items(b)
    part = items[place[0]]
    for more in (0, False):
        with pytest.raises(SnapshotError):
            snapshot.decode_session(_put(items, place, [*part, more]))


def test_a_waiting_phase_with_an_item_more_is_damaged() -> None:
    """SES-14."""
    (_, _, a, _), _ = first_contact()
    items = _items(a)
    with pytest.raises(SnapshotError):
        snapshot.decode_session(_put(items, (6,), [*items[6], True]))


def test_pieces_and_pairs_with_an_item_more_are_damaged() -> None:
    """SES-14."""
    alice, _, a, b = connected_pair()
    _, sealed = alice.seal(a, "first piece", way_back=None)
    items = _items(open_(b, sealed).session)
    pieces = items[16][1]
    assert len(pieces) == 2
    with pytest.raises(SnapshotError):
        snapshot.decode_session(_put(items, (16, 1), [*pieces, 0]))
    row = snapshot.encode_pair(_pair_of(_standing(1, 1)))
    assert snapshot.decode_pair(row, bytes(LINE_B)).sessions
    stored: Any = cbor.decode(row)
    for part in (stored[1][0], stored[10], stored[12]):
        part.append(0)
        with pytest.raises(SnapshotError):
            snapshot.decode_pair(cbor.encode(stored), bytes(LINE_B))
        part.pop()


@pytest.mark.parametrize("epoch", range(7))
def test_a_stored_role_fits_its_epoch(epoch: int) -> None:
    """PQ-01, SES-14: who collects a key is the responder of an odd epoch, the initiator of an even one."""
    for state in connected_pair()[2:]:
        state = with_fields(state, ratchet=with_fields(state.ratchet, pq_epoch=epoch, kem=Collecting()))
        encoded = snapshot.encode_session(state)
        if state.origin.initiator == (epoch % 2 == 1):
            assert snapshot.encode_session(snapshot.decode_session(encoded)) == encoded
        else:
            with pytest.raises(SnapshotError):
                snapshot.decode_session(encoded)


def test_a_fresh_session_is_healed_this_moment() -> None:
    """PQ-16: no time ago, no message ago; also if the clock goes back."""
    alice, bob = Party.make("alice"), Party.make("bob")
    state = alice.initiate(bob)
    for now_ms in (NOW_MS, NOW_MS - 5):
        assert session.health(state, now_ms) == ((0, 0), (0, 0))


@pytest.mark.parametrize("value", [pairs.MAX_EPOCH, pairs.MAX_EPOCH + 1])
def test_a_stored_session_epoch_has_32_bits(value: int) -> None:
    """SES-21, SES-14."""
    _, _, _, b = connected_pair()
    encoded = _put(_items(b), (5,), value)
    if value == pairs.MAX_EPOCH:
        assert snapshot.decode_session(encoded).origin.epoch == value
        return
    with pytest.raises(SnapshotError):
        snapshot.decode_session(encoded)


@pytest.mark.parametrize("place", [(14,), (12, 4)])
@pytest.mark.parametrize("value", [MAX_COUNTER - 1, MAX_COUNTER, MAX_COUNTER + 1])
def test_epochs_of_the_kem_ratchet_end_below_2_31(place: tuple[int, ...], value: int) -> None:
    """PQ-15: stored ones, too."""
    _, _, _, b = connected_pair()
    if place == (14,) and value < MAX_COUNTER:
        value -= 1  # the responder, which collects, is the encapsulator after an even epoch only (PQ-01)
    encoded = _put(_items(b), place, value)
    if value < MAX_COUNTER:
        assert snapshot.encode_session(snapshot.decode_session(encoded)) == encoded
        return
    with pytest.raises(SnapshotError):
        snapshot.decode_session(encoded)
