"""Chapter 07: receiving, skipped keys, turns, and the work that a hostile message may cost."""

from __future__ import annotations

import itertools
import random
from typing import Any

import forgery
import parties
import pytest
from call_record import recorded
from parties import DAY_MS, NOW_MS, Connected, Party, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import labels, session
from e2ee.errors import AuthenticationError, PqDesync, RemoteError, ReplayError, SkipLimitExceeded
from e2ee.ids import Tag
from e2ee.primitives import aead, dh, kdf
from e2ee.ratchet import step
from e2ee.ratchet.state import Receiving, Sending, StepDue
from e2ee.session import Session
from e2ee.wire import envelope

TTL_MS = 30 * DAY_MS
LOW_ORDER = (1).to_bytes(32, "little")


@pytest.fixture
def pair() -> Connected:
    """A session in which the initiator is to take its next sending step."""
    return parties.connected_pair()


def sent(party: Party, state: Session, count: int, text: str = "text") -> tuple[Session, list[bytes]]:
    """Seal several short texts."""
    envelopes = []
    for number in range(count):
        state, sealed = party.seal(state, f"{text} {number}", way_back=None)
        envelopes.append(sealed)
    return state, envelopes


def sending_of(state: Session) -> Sending:
    """The sending side of a session that has sent."""
    assert isinstance(state.ratchet.sending, Sending)
    return state.ratchet.sending


def body_of(party: Party) -> bytes:
    """A padded body of a text without prefix."""
    return forgery.body(contents.encode(party.text("forged", way_back=None)))


def chain_steps(calls: list[tuple[Any, ...]]) -> int:
    """How many of the recorded calls of `prf` were chain steps."""
    return sum(label == labels.CHAIN for _, label, *_ in calls)


def received(state: Session, envelopes: list[bytes], now_ms: int = NOW_MS) -> Session:
    """Open envelopes in this order."""
    for sealed in envelopes:
        state = open_(state, sealed, now_ms).session
    return state


def test_messages_open_in_every_order(pair: Connected) -> None:
    """DR-12, DR-13: four messages over all orders, each once; the gap is counted when it opens."""
    _, envelopes = sent(pair.alice, pair.a, 4)
    for order in itertools.permutations(range(4)):
        state, seen = pair.b, set[int]()
        for number in order:
            opened = open_(state, envelopes[number])
            state = opened.session
            assert parties.text_of(opened) == f"text {number}"
            assert opened.skipped == max(0, number - max(seen, default=-1) - 1)
            assert (opened.answered is None) is bool(seen)
            seen.add(number)
        assert len(state.ratchet.skipped) == 0
        for sealed in envelopes:
            with pytest.raises(ReplayError):
                open_(state, sealed)


def test_messages_of_several_chains_open_in_any_order() -> None:
    """DR-12, DR-14, DR-17: over turns in both directions, everything arrives late and shuffled."""
    for seed in range(8):
        alice, bob, a, b = parties.connected_pair()
        shuffled = random.Random(seed)
        late: list[tuple[str, bytes]] = []
        for turn in range(4):
            a, to_bob = sent(alice, a, 3, f"a{turn}")
            chosen = shuffled.randrange(3)
            b = open_(b, to_bob.pop(chosen)).session
            late += [("b", sealed) for sealed in to_bob]
            b, to_alice = sent(bob, b, 3, f"b{turn}")
            a = open_(a, to_alice.pop(shuffled.randrange(3))).session
            late += [("a", sealed) for sealed in to_alice]
        shuffled.shuffle(late)
        for to, sealed in late:
            if to == "b":
                b = open_(b, sealed).session
            else:
                a = open_(a, sealed).session
        assert len(a.ratchet.skipped) == len(b.ratchet.skipped) == 0
        for to, sealed in late:
            with pytest.raises(RemoteError):
                open_(b if to == "b" else a, sealed)


def test_no_byte_of_a_message_can_be_changed(pair: Connected) -> None:
    """DR-07, DR-08, DR-11, DR-18: every byte, one at a time; the state stays byte-identical."""
    a, (first, second, third) = sent(pair.alice, pair.a, 3)
    state = received(pair.b, [first, third])
    before = state_bytes(state)
    ahead = pair.alice.seal(a, "ahead", way_back=None)[1]
    for sealed in (second, ahead):
        for at in range(len(sealed)):
            with pytest.raises(RemoteError) as caught:
                open_(state, sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :])
            if at >= 2:
                assert type(caught.value) is AuthenticationError
                assert str(caught.value) == "the message does not open"
    assert state_bytes(state) == before
    assert parties.text_of(open_(state, second)) == "text 1"


def test_no_byte_that_begins_a_chain_can_be_changed(pair: Connected) -> None:
    """DR-11, DR-14: nor does a forged first message of a new chain move anything."""
    _, (sealed,) = sent(pair.alice, pair.a, 1)
    before = state_bytes(pair.b)
    for at in range(2, len(sealed)):
        with pytest.raises(AuthenticationError):
            open_(pair.b, sealed[:at] + bytes((sealed[at] ^ 0x80,)) + sealed[at + 1 :])
    assert state_bytes(pair.b) == before
    assert open_(pair.b, sealed).answered is not None


def test_messages_of_another_session_do_not_open(pair: Connected) -> None:
    """DR-07, DR-08: cross-delivery, reflection, and parts of two envelopes put together."""
    other = parties.connected_pair(opk=False)
    a, (one, two) = sent(pair.alice, pair.a, 2)
    _, (foreign,) = sent(other.alice, other.a, 1)
    for wrong in (
        foreign,
        one[:90] + two[90:],
        one[:26] + two[26:],
        two[:26] + one[26:],
        one[:90] + foreign[90:],
    ):
        with pytest.raises(AuthenticationError):
            open_(pair.b, wrong)
    for state in (a, pair.a, other.b, other.a):
        with pytest.raises(AuthenticationError):
            open_(state, one)
    answered = open_(pair.b, one).session
    _, (answer,) = sent(pair.bob, answered, 1)
    with pytest.raises(AuthenticationError):
        open_(answered, answer)
    with pytest.raises(AuthenticationError):
        open_(pair.b, with_other_id(pair.a, pair.alice))


def with_other_id(state: Session, party: Party) -> bytes:
    """Seal under the same keys, but bound to another session id."""
    ratchet = with_fields(state.ratchet, session_id=bytes(32))
    return party.seal(with_fields(state, ratchet=ratchet), "x", way_back=None)[1]


def test_a_message_with_a_prefix_is_not_for_the_initiator(pair: Connected) -> None:
    """HS-04, SES-21: only the responder opens those; kind and prefix are bound to the rest."""
    a, (sealed,) = sent(pair.alice, pair.a, 1)
    assert open_(pair.b, sealed).content
    contact, flight = parties.first_contact()
    with pytest.raises(AuthenticationError):
        open_(contact.a, flight)
    for moved in (
        b"\1\1" + flight[2110:][: 2 + 8 + 16 + 64 + 16 + 512 - 2],
        b"\1\2" + flight[2:2110] + sealed[2:],
    ):
        with pytest.raises(RemoteError):
            open_(contact.b, moved)
    with pytest.raises(AuthenticationError):
        open_(pair.a, b"\1\2" + flight[2:])
    assert a.id == pair.b.id


def test_a_responder_cannot_write_under_a_prefix() -> None:
    """HS-04, SES-21: kind 2 from the responder, with all keys right and the right epoch, is refused."""
    contact, flight = parties.first_contact()
    encoded = contents.encode(contact.bob.text("x", epoch=1))
    body = (encoded + b"\x80").ljust(1882, b"\0")
    before = state_bytes(contact.a)
    with pytest.raises(AuthenticationError):
        open_(contact.a, forgery.message(contact.b, body, flight[:2110]))
    assert state_bytes(contact.a) == before


@pytest.mark.reference
def test_an_unknown_tag_costs_no_decryption(pair: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-10: a receiver tries exactly the header keys that have the tag, and no other."""
    a, (first, second, third) = sent(pair.alice, pair.a, 3)
    state = received(pair.b, [third])
    state, (answer,) = sent(pair.bob, state, 1)
    a = open_(a, answer).session
    a, (current, missed, last) = sent(pair.alice, a, 3, "new")
    state = received(state, [current, last])
    raw = envelope.decode(first)
    assert set(state.tags()) == {
        envelope.decode(first).tag,
        envelope.decode(missed).tag,
        state.ratchet.next_receive.tag,
    }
    opens = recorded(monkeypatch, aead, "open_")
    for tag in map(Tag, (bytes(8), b"\xff" * 8, raw.tag[:7] + bytes((raw.tag[7] ^ 1,)))):
        with pytest.raises(AuthenticationError):
            session.open_(state, raw._replace(tag=tag), NOW_MS)
    assert opens == []
    for known in set(state.tags()):
        with pytest.raises(AuthenticationError):
            session.open_(state, raw._replace(tag=known, salt=bytes(16)), NOW_MS)
    assert len({key for key, _, _ in opens}) == 3
    assert parties.text_of(open_(state, second)) == "text 1"


def test_equal_tags_are_tried_in_turn(pair: Connected) -> None:
    """DR-10: where current, next and older chains share a tag, each of their messages opens."""
    a, (missing, first) = sent(pair.alice, pair.a, 2)
    state = received(pair.b, [first])
    state, (answer,) = sent(pair.bob, state, 1)
    a = open_(a, answer).session
    a, (current, late, following) = sent(pair.alice, a, 3, "new")
    state = received(state, [current])
    state, (again,) = sent(pair.bob, state, 1, "again")
    upcoming = pair.alice.seal(open_(a, again).session, "upcoming", way_back=None)[1]
    tag = Tag(b"\7" * 8)
    ratchet = state.ratchet
    chains = tuple(chain._replace(tag=tag) for chain in ratchet.skipped._chains)
    assert len(chains) == 1
    same = type(ratchet.skipped)(chains, len(ratchet.skipped))
    assert isinstance(ratchet.receiving, Receiving)
    forced = with_fields(
        ratchet,
        receiving=with_fields(ratchet.receiving, tag=tag),
        next_receive=ratchet.next_receive._replace(tag=tag),
        skipped=same,
    )
    forced_state = with_fields(state, ratchet=forced)
    for sealed in (missing, late, following, upcoming):
        genuine = envelope.decode(sealed)
        # The tag is authenticated, so the forced state meets the genuine tag in the associated data.
        with pytest.raises(AuthenticationError):
            session.open_(forced_state, genuine._replace(tag=tag), NOW_MS)
    for sealed, own in ((missing, chains[0].header_key), (late, ratchet.receiving.header_key)):
        genuine = envelope.decode(sealed)
        shared = type(same)(tuple(c._replace(tag=genuine.tag) for c in chains), len(same))
        tied = with_fields(
            ratchet,
            receiving=with_fields(ratchet.receiving, tag=genuine.tag),
            next_receive=ratchet.next_receive._replace(tag=genuine.tag),
            skipped=shared,
        )
        assert own.expose()
        assert session.open_(with_fields(state, ratchet=tied), genuine, NOW_MS).content
    genuine = envelope.decode(upcoming)
    tied = with_fields(ratchet, receiving=with_fields(ratchet.receiving, tag=genuine.tag))
    assert session.open_(with_fields(state, ratchet=tied), genuine, NOW_MS).answered is not None


@pytest.mark.reference
def test_nothing_is_derived_before_the_header_opens(pair: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-11: a header under the right tag that does not open costs one header key and no chain step."""
    _, (sealed,) = sent(pair.alice, pair.a, 1)
    raw = envelope.decode(sealed)
    calls = recorded(monkeypatch, kdf, "prf")
    shares = recorded(monkeypatch, dh, "exchange")
    with pytest.raises(AuthenticationError):
        session.open_(pair.b, raw._replace(sealed_header=bytes(64)), NOW_MS)
    assert [label for _, label, *_ in calls] == [labels.HEADER_KEY]
    assert shares == []


def test_a_replayed_message_is_refused_wherever_it_stood(pair: Connected) -> None:
    """DR-12: from the current chain, from skipped keys, and after the chain has ended."""
    a, (one, two, three) = sent(pair.alice, pair.a, 3)
    state = received(pair.b, [three, one])
    before = state_bytes(state)
    for sealed in (three, one):
        with pytest.raises(ReplayError):
            open_(state, sealed)
    assert state_bytes(state) == before
    state, (answer,) = sent(pair.bob, state, 1)
    _, (fresh,) = sent(pair.alice, open_(a, answer).session, 1)
    state = received(state, [fresh])
    with pytest.raises(ReplayError):
        open_(state, one)
    state = received(state, [two])
    with pytest.raises(AuthenticationError):
        open_(state, two)


def jump(
    pair: Connected, number: int, *, new_chain: bool = False, previous_length: int | None = None
) -> tuple[Session, bytes]:
    """A receiver, and an authentic message with this number in the current or in a new chain."""
    state, a = pair.b, pair.a
    if not new_chain:
        a, (first,) = sent(pair.alice, a, 1)
        state = received(state, [first])
    ready = forgery.prepared(a)
    sending = sending_of(ready)
    crafted = forgery.sealed(
        ready,
        forgery.header(sending, number=number, previous_length=previous_length),
        body_of(pair.alice),
        ahead_keys=min(number, 5000) - sending.number,
    )
    return state, crafted


def test_a_jump_of_1000_opens_and_of_1001_does_not(pair: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-13: and the refusal derives nothing."""
    state, crafted = jump(pair, 1001)
    opened = open_(state, crafted)
    assert (opened.skipped, parties.text_of(opened)) == (1000, "forged")
    calls = recorded(monkeypatch, kdf, "prf")
    for number in (1002, 5000, 2**31 - 1):
        state, crafted = jump(pair, number)
        before = state_bytes(state)
        calls.clear()
        with pytest.raises(SkipLimitExceeded):
            open_(state, crafted)
        assert chain_steps(calls) == 0
        assert state_bytes(state) == before


def test_a_new_chain_may_begin_with_a_jump_too(pair: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-13, DR-14: 1000 keys in the new chain, in the old one, or in both together; beyond is refused."""
    for number, previous in ((1000, 1), (0, 1001), (400, 601)):
        state, crafted = jump(pair, number, new_chain=True, previous_length=previous)
        opened = open_(state, crafted)
        assert (opened.skipped, opened.dropped) == (1000, 0)
    calls = recorded(monkeypatch, kdf, "prf")
    for number, previous in ((1001, 1), (400, 602), (0, 1002), (0, 2**31 - 1), (2**31 - 1, 1)):
        state, crafted = jump(pair, number, new_chain=True, previous_length=previous)
        before = state_bytes(state)
        calls.clear()
        with pytest.raises(SkipLimitExceeded):
            open_(state, crafted)
        assert chain_steps(calls) == 0
        assert state_bytes(state) == before


def test_a_new_chain_takes_one_root_step_and_forgets(pair: Connected) -> None:
    """DR-14, DR-19, DR-04: the rest of the old chain is kept, its chain key and our ratchet key are gone."""
    alice, bob, a, b = pair
    b, _ = sent(bob, b, 2)
    a, (first, skipped) = sent(alice, a, 2)
    b = received(b, [first])
    b, (answer,) = sent(bob, b, 1)
    old_chain_key = b.ratchet.receiving
    assert isinstance(old_chain_key, Receiving)
    ours = sending_of(b)
    a = open_(a, answer).session
    _, (turn,) = sent(alice, a, 1, "turn")
    opened = open_(b, turn, NOW_MS + 77)
    after = opened.session.ratchet
    assert (opened.skipped, opened.answered) == (1, b.ratchet_key)
    assert b.ratchet.healing.healed_ms == NOW_MS
    assert after.healing.healed_ms == NOW_MS + 77
    assert isinstance(after.sending, StepDue)
    assert isinstance(after.receiving, Receiving)
    assert after.sending.previous_length == 1
    assert after.sending.next_header_key == ours.next_header_key
    assert after.sending.their_key == after.receiving.their_key != old_chain_key.their_key
    assert after.receiving.header_key == b.ratchet.next_receive.header_key
    stored = state_bytes(opened.session)
    for gone in (ours.private_key, old_chain_key.chain_key, b.ratchet.root_key):
        assert gone.expose() in state_bytes(b)
        assert gone.expose() not in stored
    later = open_(opened.session, skipped, NOW_MS + 99)
    assert parties.text_of(later) == "text 1"
    assert later.session.ratchet.healing.healed_ms == NOW_MS + 77


def test_a_root_step_of_the_receiver_is_one_dh(pair: Connected) -> None:
    """DR-14: the functions of the table with our private and their new key, both sides alike."""
    alice, bob, a, b = pair
    ours = sending_of(b)
    a, (turn,) = sent(alice, a, 1)
    theirs = sending_of(a)
    output = kdf.hkdf(
        b.ratchet.root_key.expose(),
        dh.exchange(ours.private_key.expose(), theirs.public_key),
        b"SR1-root".ljust(16, b"\0") + bytes(4),
        96,
    )
    after = open_(b, turn).session.ratchet
    assert after.root_key.expose() == output[:32] == a.ratchet.root_key.expose()
    assert after.next_receive.header_key.expose() == output[64:] == theirs.next_header_key.expose()
    assert after.next_receive.tag == kdf.prf(output[64:], labels.TAG, 8)
    assert isinstance(after.receiving, Receiving)
    assert after.receiving.chain_key.expose() == kdf.prf(output[32:64], labels.CHAIN, 64)[:32]
    assert bob.account_id != alice.account_id


def test_a_new_chain_is_refused_while_a_step_is_due(pair: Connected) -> None:
    """DR-14: a peer cannot turn twice without our answer in between."""
    a, (first,) = sent(pair.alice, pair.a, 1)
    state = received(pair.b, [first])
    assert isinstance(state.ratchet.sending, StepDue)
    sending = sending_of(a)
    twice = with_fields(
        sending,
        header_key=sending.next_header_key,
        tag=kdf.prf(sending.next_header_key.expose(), labels.TAG, 8),
    )
    forged_state = with_fields(a, ratchet=with_fields(a.ratchet, sending=twice))
    private = dh.derive_public(b"\5" * 32)
    before = state_bytes(state)
    for key in (private, sending.public_key):
        plain = forgery.header(twice, number=0, previous_length=1, ratchet_key=key)
        with pytest.raises(AuthenticationError):
            open_(state, forgery.sealed(forged_state, plain, body_of(pair.alice)))
    assert state_bytes(state) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_length": 0},
        {"ratchet_key": "same"},
        {"ratchet_key": LOW_ORDER},
        {"pq_epoch": 1},
        {"ratchet_key": dh.derive_public(b"\5" * 32)},
    ],
)
def test_an_authentic_but_wrong_turn_is_refused(pair: Connected, fields: dict[str, Any]) -> None:
    """DR-14, DR-15, PRM-02: a previous length below what was seen, the old key again, a low-order key, an
    epoch, or a key whose DH the sender does not know.
    """
    alice, bob, a, b = pair
    a, envelopes = sent(alice, a, 2)
    b = received(b, envelopes)
    old = b.ratchet.receiving
    assert isinstance(old, Receiving)
    b, (answer,) = sent(bob, b, 1)
    ready = forgery.prepared(open_(a, answer).session)
    if fields.get("ratchet_key") == "same":
        fields = {"ratchet_key": old.their_key}
    before = state_bytes(b)
    plain = forgery.header(sending_of(ready), **fields)
    with pytest.raises(PqDesync if "pq_epoch" in fields else AuthenticationError):
        open_(b, forgery.sealed(ready, plain, body_of(alice)))
    assert state_bytes(b) == before
    opened = open_(b, forgery.sealed(ready, forgery.header(sending_of(ready)), body_of(alice)))
    assert opened.answered is not None


def test_a_peer_cannot_turn_with_its_old_key(pair: Connected) -> None:
    """DR-14: though it holds the private half, so that every key derived from it would be right."""
    alice, bob, a, b = pair
    a, envelopes = sent(alice, a, 2)
    b = received(b, envelopes)
    old = sending_of(a).private_key.expose()
    b, (answer,) = sent(bob, b, 1)
    a = open_(a, answer).session
    before = state_bytes(b)
    for private, refused in ((old, True), (b"\5" * 32, False)):
        ratchet, sending = step._turned(a.ratchet, lambda _, key=private: key)  # type: ignore[misc]  # bound now
        turned = with_fields(a, ratchet=ratchet)
        crafted = forgery.sealed(turned, forgery.header(sending), body_of(alice))
        if refused:
            with pytest.raises(AuthenticationError):
                open_(b, crafted)
        else:
            assert open_(b, crafted).answered is not None
    assert state_bytes(b) == before


@pytest.mark.parametrize("fields", [{"ratchet_key": dh.derive_public(b"\5" * 32)}, {"pq_epoch": 1}])
@pytest.mark.parametrize("skipped", [False, True])
def test_within_a_chain_the_header_stays(pair: Connected, fields: dict[str, Any], skipped: bool) -> None:
    """DR-15: another ratchet key or epoch in the middle of a chain; also for a number that was skipped."""
    a, envelopes = sent(pair.alice, pair.a, 1)
    state = received(pair.b, envelopes)
    if skipped:
        ahead, more = sent(pair.alice, a, 2)
        assert sending_of(ahead).number == 3
        state = received(state, more[1:])
    plain = forgery.header(sending_of(a), **fields)
    before = state_bytes(state)
    with pytest.raises(AuthenticationError):
        open_(state, forgery.sealed(a, plain, body_of(pair.alice)))
    assert state_bytes(state) == before
    good = forgery.sealed(a, forgery.header(sending_of(a)), body_of(pair.alice))
    assert parties.text_of(open_(state, good)) == "forged"


def test_the_oldest_of_more_than_1000_skipped_keys_go(pair: Connected) -> None:
    """DR-16: the report says how many; the newest 1000 still open."""
    a, envelopes = sent(pair.alice, pair.a, 1502)
    opened = open_(pair.b, envelopes[1000])
    assert (opened.skipped, opened.dropped, len(opened.session.ratchet.skipped)) == (1000, 0, 1000)
    opened = open_(opened.session, envelopes[1501])
    assert (opened.skipped, opened.dropped, len(opened.session.ratchet.skipped)) == (500, 500, 1000)
    state = opened.session
    for number in (0, 250, 499):
        with pytest.raises(ReplayError):
            open_(state, envelopes[number])
    for number in (500, 999, 1001, 1500):
        state = open_(state, envelopes[number]).session
    assert len(state.ratchet.skipped) == 996
    assert sending_of(a).number == 1502


def test_old_chains_go_first(pair: Connected) -> None:
    """DR-16, DR-17: keys of a chain before give way to those of the current one; its header key goes too."""
    a, envelopes = sent(pair.alice, pair.a, 600)
    state = received(pair.b, [envelopes[599]])
    old_tag = envelope.decode(envelopes[0]).tag
    state, (answer,) = sent(pair.bob, state, 1)
    _, later = sent(pair.alice, open_(a, answer).session, 1001)
    opened = open_(state, later[500], NOW_MS + 1)
    assert (opened.dropped, len(opened.session.ratchet.skipped)) == (99, 1000)
    assert old_tag in opened.session.tags()
    opened = open_(opened.session, later[1000], NOW_MS + 1)
    assert (opened.dropped, len(opened.session.ratchet.skipped)) == (499, 1000)
    assert parties.text_of(open_(opened.session, later[0])) == "text 0"
    with pytest.raises(RemoteError):
        open_(opened.session, envelopes[500])


def test_skipped_keys_have_an_age(pair: Connected) -> None:
    """DR-16: gone 30 days after they were stored, whatever opens then, and reported as lost."""
    _, envelopes = sent(pair.alice, pair.a, 6)
    state = received(pair.b, [envelopes[2]])
    state = received(state, [envelopes[4]], NOW_MS + DAY_MS)
    end_ms = NOW_MS + TTL_MS
    assert parties.text_of(open_(state, envelopes[0], end_ms)) == "text 0"
    for number in (0, 1):
        with pytest.raises(ReplayError):
            open_(state, envelopes[number], end_ms + 1)
    opened = open_(state, envelopes[5], end_ms + 1)
    assert (opened.dropped, len(opened.session.ratchet.skipped)) == (2, 1)
    opened = open_(state, envelopes[3], end_ms + 1)
    assert (opened.dropped, len(opened.session.ratchet.skipped)) == (2, 0)
    with pytest.raises(ReplayError):
        open_(state, envelopes[3], end_ms + DAY_MS + 1)


def test_a_look_at_a_session_drops_what_is_old(pair: Connected) -> None:
    """DR-16, SES-33: without anything arriving; a young session is the same object."""
    _, envelopes = sent(pair.alice, pair.a, 4)
    state = received(pair.b, [envelopes[3]])
    kept, dropped = session.expire_skipped(state, NOW_MS + TTL_MS)
    assert (kept is state, dropped) == (True, 0)
    kept, dropped = session.expire_skipped(state, NOW_MS + TTL_MS + 1)
    assert (len(kept.ratchet.skipped), dropped) == (0, 3)
    assert kept.id == state.id


def test_the_header_key_of_an_old_chain_goes_with_its_last_key(pair: Connected) -> None:
    """DR-17"""
    a, (missed, second) = sent(pair.alice, pair.a, 2)
    state = received(pair.b, [second])
    old = state.ratchet.receiving
    assert isinstance(old, Receiving)
    state, (answer,) = sent(pair.bob, state, 1)
    _, (turn,) = sent(pair.alice, open_(a, answer).session, 1)
    state = received(state, [turn])
    assert old.tag in state.tags()
    assert old.header_key.expose() in state_bytes(state)
    state = received(state, [missed])
    assert old.tag not in state.tags()
    assert old.header_key.expose() not in state_bytes(state)


def test_a_failed_body_changes_nothing_that_a_jump_would_store(pair: Connected) -> None:
    """DR-11, DR-18: an authentic header with a broken body, ahead in the chain and beginning a new one."""
    a, envelopes = sent(pair.alice, pair.a, 9)
    states = (pair.b, received(pair.b, envelopes[:1]), received(pair.b, [envelopes[8]]))
    for state in states:
        before = state_bytes(state)
        for sealed in envelopes[1:8]:
            with pytest.raises(RemoteError):
                open_(state, sealed[:-1] + bytes((sealed[-1] ^ 1,)))
        assert state_bytes(state) == before
    assert sending_of(a).number == 9


@pytest.mark.reference
def test_no_message_costs_more_than_one_jump(pair: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-13: the worst authentic header of a hostile peer, with a body that then fails."""
    state, crafted = jump(pair, 400, new_chain=True, previous_length=601)
    calls = recorded(monkeypatch, kdf, "prf")
    with pytest.raises(AuthenticationError):
        open_(state, crafted[:-1] + bytes((crafted[-1] ^ 1,)))
    assert chain_steps(calls) == 1001
    calls.clear()
    for at in range(2, len(crafted), 7):
        with pytest.raises(AuthenticationError):
            open_(state, crafted[:at] + bytes((crafted[at] ^ 1,)) + crafted[at + 1 :])
        assert chain_steps(calls) in (0, 1001)
        calls.clear()


def test_healing_needs_a_turn(pair: Connected) -> None:
    """DR-19: messages within a chain do not move `healed_ms`, a new chain does."""
    a, envelopes = sent(pair.alice, pair.a, 2)
    state = open_(pair.b, envelopes[0], NOW_MS + 10).session
    state = open_(state, envelopes[1], NOW_MS + 20).session
    assert state.ratchet.healing.healed_ms == NOW_MS + 10
    state, (answer,) = sent(pair.bob, state, 1)
    assert state.ratchet.healing.healed_ms == NOW_MS + 10
    assert open_(a, answer, NOW_MS + 30).session.ratchet.healing.healed_ms == NOW_MS + 30
