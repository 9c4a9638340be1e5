"""Edges of skipped keys, of ratchet steps and of the KEM ratchet: each of these ends a mutant."""

from __future__ import annotations

import kem_states
import pytest
from parties import NOW_MS, Party, ScriptedRng, connected_pair, first_contact, open_, with_fields

from e2ee import session
from e2ee.constants import MAX_SKIPPED_KEYS, SKIPPED_KEY_TTL_MS
from e2ee.errors import AuthenticationError
from e2ee.handshake import HandshakeKeys
from e2ee.ids import DhPublic, SessionId, Tag
from e2ee.ratchet import kem_ratchet, skipped, step
from e2ee.ratchet.kem_ratchet import Mark, SecretHeld
from e2ee.ratchet.skipped import SkippedKeys
from e2ee.ratchet.state import Receiving, Sending
from e2ee.secret import EpochSecret, HeaderKey, MessageKey, RootKey
from e2ee.wire import envelope
from e2ee.wire.envelope import Header

TAG = Tag(b"tag-of-8")
KEYS = [MessageKey(bytes((number,)) * 32) for number in range(1, 4)]


def header_key(number: int) -> HeaderKey:
    return HeaderKey(bytes((number,)) * 32)


def keys_of(count: int, now_ms: int = NOW_MS) -> SkippedKeys:
    return skipped.EMPTY.with_keys(TAG, header_key(1), 0, [MessageKey(bytes(32))] * count, now_ms)


def test_an_empty_set_counts_nothing() -> None:
    assert len(SkippedKeys()) == 0
    assert len(skipped.restore(list(keys_of(3)))) == 3


def test_taking_out_what_is_not_there_counts_nothing() -> None:
    """DR-12."""
    held = keys_of(3)
    assert len(held.without(header_key(1), 9)) == 3
    assert len(held.without(header_key(2), 0)) == 3
    assert len(held.without(header_key(1), 0)) == 2


def test_a_set_that_owes_nothing_is_itself() -> None:
    """DR-16: up to the limit in number, and on the last millisecond of its age."""
    full = keys_of(MAX_SKIPPED_KEYS)
    kept, dropped = full.trimmed(NOW_MS + SKIPPED_KEY_TTL_MS)
    assert kept is full
    assert dropped == 0


def test_keys_of_the_last_millisecond_stay_while_older_ones_go() -> None:
    """DR-16."""
    mixed = keys_of(2).with_keys(TAG, header_key(2), 0, KEYS, NOW_MS + 1)
    kept, dropped = mixed.trimmed(NOW_MS + 1 + SKIPPED_KEY_TTL_MS)
    assert (len(kept), dropped) == (3, 2)
    assert [one for one, _ in kept.chains()] == [TAG]


def test_a_chain_goes_with_its_last_key() -> None:
    """DR-16: a chain that lost all of its keys opens nothing and has no tag."""
    other, later_ms = Tag(b"tag-no-2"), NOW_MS + 1
    full = keys_of(2).with_keys(other, header_key(2), 0, [MessageKey(bytes(32))] * MAX_SKIPPED_KEYS, later_ms)
    kept, dropped = full.trimmed(later_ms)
    assert dropped == 2
    assert [tag for tag, _ in kept.chains()] == [other]


@pytest.mark.parametrize("restored", [False, True])
def test_of_keys_of_one_time_the_smaller_tag_goes_then_the_smaller_number(restored: bool) -> None:
    """DR-16: whichever chain came first, and whether the keys were stored in between."""
    smaller = Tag(b"tag-no-2")
    full = keys_of(MAX_SKIPPED_KEYS - 1).with_keys(smaller, header_key(2), 4, KEYS, NOW_MS)
    kept, dropped = (skipped.restore(list(full)) if restored else full).trimmed(NOW_MS)
    assert dropped == 2
    assert [row.number for row in kept if row.tag == smaller] == [6]
    assert len(kept) == MAX_SKIPPED_KEYS


def test_a_key_past_its_age_makes_room() -> None:
    """DR-16: what went by age is not taken off the younger keys again."""
    young_ms = NOW_MS + SKIPPED_KEY_TTL_MS + 1
    full = keys_of(5).with_keys(TAG, header_key(2), 0, [MessageKey(bytes(32))] * MAX_SKIPPED_KEYS, young_ms)
    kept, dropped = full.trimmed(young_ms)
    assert (len(kept), dropped) == (MAX_SKIPPED_KEYS, 5)


def test_messages_are_counted_from_the_last_step() -> None:
    """PQ-16: a side that has received nothing counts what it sent."""
    keys = HandshakeKeys(RootKey(bytes(32)), header_key(1), header_key(2), SessionId(bytes(32)))
    state = step.start_initiator(keys, DhPublic(ScriptedRng("x")(32)), NOW_MS)
    assert state.since_step() == 0


def test_what_an_ordinary_message_reports() -> None:
    """DR-14, DR-16: nothing missing, nothing dropped, and only the first of a chain is new."""
    alice, _, a, b = connected_pair()
    for number in range(3):
        a, sealed = alice.seal(a, f"text {number}", way_back=None)
        opened = open_(b, sealed)
        b = opened.session
        assert (opened.skipped, opened.dropped) == (0, 0)
        assert (opened.answered is not None) == (number == 0)


def test_what_a_late_message_reports() -> None:
    """DR-12: no new chain, nothing missing."""
    alice, _, a, b = connected_pair()
    sealed = []
    for number in range(3):
        a, one = alice.seal(a, f"text {number}", way_back=None)
        sealed.append(envelope.decode(one))
    first = step.open_(b.ratchet, sealed[2], NOW_MS)
    assert (first.new_chain, first.missing, first.dropped) == (True, 2, 0)
    late = step.open_(first.state, sealed[1], NOW_MS)
    assert (late.missing, late.dropped) == (0, 0)
    assert late.new_chain is False


def test_keys_that_expire_leave_the_receiving_side_as_it_is() -> None:
    """DR-16, DR-17."""
    alice, _, a, b = connected_pair()
    a, _ = alice.seal(a, "lost", way_back=None)
    a, second = alice.seal(a, "second", way_back=None)
    b = open_(b, second).session
    later, dropped = session.expire_skipped(b, NOW_MS + SKIPPED_KEY_TTL_MS + 1)
    assert dropped == 1
    assert isinstance(later.ratchet.receiving, Receiving)
    assert later.ratchet.receiving is b.ratchet.receiving
    assert session.expire_skipped(later, NOW_MS + SKIPPED_KEY_TTL_MS + 1) == (later, 0)


def test_an_unanswered_session_ends_after_1001_messages() -> None:
    """HS-04: number 1000 is the last that a first message may have."""
    (_, _, a, _), _ = first_contact()
    sending = a.ratchet.sending
    assert isinstance(sending, Sending)
    at_limit = a._replace(ratchet=a.ratchet._replace(sending=sending._replace(number=1000)))
    beyond = a._replace(ratchet=a.ratchet._replace(sending=sending._replace(number=1001)))
    assert not at_limit.is_expired(NOW_MS)
    assert beyond.is_expired(NOW_MS)


def test_an_accepted_flight_drops_nothing() -> None:
    """HS-08."""
    bob = Party.make("bob")
    _, flight = first_contact(bob=bob)
    opened = bob.accept(flight).opened
    assert (opened.skipped, opened.dropped, opened.answered) == (0, 0, None)


def test_states_of_the_kem_ratchet_show_their_name_alone() -> None:
    """PRM-10: no key, no ciphertext, no secret."""
    assert repr(kem_states.offering()) == "<Offering>"
    assert repr(kem_states.answering()) == "<Answering>"


def test_a_new_chain_may_begin_at_number_1000() -> None:
    """DR-13: the limit itself passes."""
    alice, _, a, b = connected_pair()
    sealed = b""
    for _ in range(1001):
        a, sealed = alice.seal(a, "x", way_back=None)
    opened = open_(b, sealed)
    assert (opened.skipped, opened.dropped) == (1000, 0)


def test_a_step_that_mixes_leaves_the_secret_behind() -> None:
    """PQ-06, PQ-14, PQ-16: the epoch rises, the roles swap, and healing is as old as the key pair."""
    alice, _, a, _ = connected_pair()
    made = Mark(NOW_MS - 9, 1)
    held = with_fields(a.ratchet, kem=SecretHeld(EpochSecret(bytes(32)), bytes(8), made))
    after, _ = alice.seal(with_fields(a, ratchet=held), "mixes", way_back=None)
    assert after.ratchet.kem == kem_ratchet.NOTHING_COLLECTED
    assert after.ratchet.pq_epoch == a.ratchet.pq_epoch + 1
    assert after.ratchet.healing.post_quantum == made


@pytest.mark.parametrize("place", range(1, 4))
def test_counters_of_a_header_end_below_2_31(place: int) -> None:
    """WIRE-09: length of the chain before, number, epoch."""
    counters = [0, 0, 0, 0]
    counters[place] = 2**31 - 1
    last = Header(DhPublic(bytes(32)), *counters[1:])
    assert envelope.decode_header(envelope.encode_header(*last)) == last
    counters[place] = 2**31
    with pytest.raises(AuthenticationError):
        envelope.decode_header(envelope.encode_header(DhPublic(bytes(32)), *counters[1:]))
