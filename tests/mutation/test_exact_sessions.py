"""Edges of pairs, of sizes of bodies and of stored sessions: each of these ends a mutant."""

from __future__ import annotations

from typing import Any

import pytest
from parties import NOW_MS, Party, connected_pair, first_contact, open_, with_fields

from e2ee import content as contents
from e2ee import pair as pairs
from e2ee import session, snapshot
from e2ee.constants import FIRST_BODY_B, FRAGMENT_B, MAX_COUNTER
from e2ee.errors import SnapshotError
from e2ee.pair import FRESH, Pair
from e2ee.primitives import kem
from e2ee.ratchet.kem_ratchet import CiphertextDue, Collecting
from e2ee.session import Session
from e2ee.wire import cbor, envelope


def _pair_of(*sessions: Session) -> Pair:
    pair = FRESH
    for one in sessions:
        pair = pairs.adopt(pair, one, NOW_MS).pair
    return pair


def _two(gen: int) -> list[Session]:
    alice, bob = Party.make("alice"), Party.make("bob")
    return [alice.initiate(bob, gen), alice.initiate(bob, gen)]


def test_of_two_starts_after_a_loss_the_newer_is_active() -> None:
    """SES-04, SES-17: whichever of the two ids is the smaller one."""
    one, other = _two(pairs.LOST_GEN)
    for older, newer in ((one, other), (other, one)):
        adoption = pairs.adopt(_pair_of(older), newer, NOW_MS)
        assert adoption.is_active
        assert adoption.replaced is older


def test_of_two_starts_with_another_gen_the_smaller_id_is_active() -> None:
    """SES-04: in either order; what stays active was not replaced."""
    small, large = sorted(_two(3), key=lambda one: one.id)
    assert pairs.adopt(_pair_of(large), small, NOW_MS).is_active
    adoption = pairs.adopt(_pair_of(small), large, NOW_MS)
    assert not adoption.is_active
    assert adoption.replaced is None


def test_a_newer_state_leaves_the_other_sessions_alone() -> None:
    """SES-10: of two inactive sessions only the one of that id."""
    alice, bob = Party.make("alice"), Party.make("bob")
    first, second, third = (alice.initiate(bob, gen) for gen in (1, 2, 3))
    newer = with_fields(first, opened_ms=NOW_MS + 9)
    kept = pairs.updated(_pair_of(first, second, third), newer).inactive
    assert [item.session for item in kept] == [newer, second]


def test_a_pair_hands_the_encapsulation_on() -> None:
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

    pairs.seal(_pair_of(b), b.id, bob.text("answer", way_back=None), NOW_MS, bob.rng, encapsulate)
    assert asked == [b.ratchet.kem.key]


# --- sizes ---


def _text_of(encoded_b: int, party: Party, **more: Any) -> contents.Content:
    """A text whose encoding has this many bytes."""
    sample = party.text("t" * 300, **more)
    spare = encoded_b - len(contents.encode(sample._replace(gen=1) if "way_back" not in more else sample))
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
    stored: Any = cbor.decode(snapshot.encode_pair(_pair_of(*_two(1))))
    stored[2] = [[*stored[2][0], 0]]
    with pytest.raises(SnapshotError):
        snapshot.decode_pair(cbor.encode(stored))


@pytest.mark.parametrize("epoch", range(7))
def test_a_stored_role_fits_its_epoch(epoch: int) -> None:
    """PQ-01, SES-14: who collects a key is the responder of an odd epoch, the initiator of an even one."""
    for state in connected_pair()[2:]:
        state = with_fields(state, ratchet=with_fields(state.ratchet, pq_epoch=epoch, kem=Collecting()))
        encoded = snapshot.encode_session(state)
        if state.initiator == (epoch % 2 == 1):
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


@pytest.mark.parametrize("place", [(5,), (14,), (12, 4)])
@pytest.mark.parametrize("value", [MAX_COUNTER - 1, MAX_COUNTER, MAX_COUNTER + 1])
def test_gen_and_epochs_end_below_2_31(place: tuple[int, ...], value: int) -> None:
    """SES-13, PQ-15: stored ones, too."""
    _, _, _, b = connected_pair()
    if place == (14,) and value < MAX_COUNTER:
        value -= 1  # the responder, which collects, is the encapsulator after an even epoch only (PQ-01)
    encoded = _put(_items(b), place, value)
    if value < MAX_COUNTER:
        assert snapshot.encode_session(snapshot.decode_session(encoded)) == encoded
        return
    with pytest.raises(SnapshotError):
        snapshot.decode_session(encoded)
