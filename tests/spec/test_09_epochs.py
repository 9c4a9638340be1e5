"""Chapter 09: the post-quantum ratchet inside a session: turns, refusals, stored forms, health."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator

import forgery
import parties
import pytest
from kem_states import EPOCH, KEY_BLOCKS, STATES, answering, malformed, offering, take
from parties import NOW_MS, Connected, Party, ScriptedRng, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import session as sessions
from e2ee import snapshot
from e2ee.constants import FRAGMENT_B, MAX_COUNTER
from e2ee.errors import (
    AuthenticationError,
    DecodeError,
    InvalidArgument,
    PqDesync,
    RemoteError,
    SnapshotError,
)
from e2ee.primitives import dh, kem
from e2ee.ratchet import kem_ratchet, step, stored
from e2ee.ratchet.kem_ratchet import (
    KEY_DUE,
    NOTHING_COLLECTED,
    Answering,
    Collecting,
    KemState,
    Offering,
    Pieces,
    SecretHeld,
)
from e2ee.ratchet.state import Receiving, Sending, StepDue
from e2ee.session import Session
from e2ee.wire import envelope as envelopes
from e2ee.wire import fragment as fragments
from e2ee.wire import padding


def expand(salt: bytes, ikm: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 to 64 bytes, by RFC 5869."""
    extracted = hmac.digest(salt, ikm, "sha256")
    first = hmac.digest(extracted, info + b"\1", "sha256")
    return first + hmac.digest(extracted, first + info + b"\2", "sha256")


def converse(pair: Connected, count: int) -> Iterator[Connected]:
    """A ping-pong without loss: yield both sides after each message."""
    alice, bob, a, b = pair
    for number in range(count):
        if number % 2 == 0:
            a, sealed = alice.seal(a, f"{number}", way_back=None)
            b = open_(b, sealed).session
        else:
            b, sealed = bob.seal(b, f"{number}", way_back=None)
            a = open_(a, sealed).session
        yield Connected(alice, bob, a, b)


def until(pair: Connected, reached: Callable[[Connected], bool]) -> Connected:
    """Talk until something holds."""
    for after in converse(pair, 100):
        if reached(after):
            return after
    raise LookupError("never reached")


def with_kem(session: Session, state: KemState) -> Session:
    """A session whose KEM ratchet is in a given state."""
    return with_fields(session, ratchet=with_fields(session.ratchet, kem=state))


def carrying(sender: Session, block: bytes) -> bytes:
    """An authentic message of a session with any fragment block."""
    plain = block + contents.encode(Party.make("alice").text("x", way_back=None)) + b"\x80"
    ready = forgery.prepared(sender)
    sending = ready.ratchet.sending
    assert isinstance(sending, Sending)
    header = forgery.header(sending, pq_epoch=ready.ratchet.pq_epoch)
    return forgery.sealed(ready, header, plain.ljust(512, b"\0"))


def test_a_desync_changes_nothing_and_shows_nothing() -> None:
    """PQ-07, PQ-10: inside a session; the text has no key material."""
    alice, bob, a, b = parties.connected_pair()
    del alice, bob
    ours = offering()
    wrong = answering().message[:-1] + bytes((answering().message[-1] ^ 1,))
    id_ = kem_ratchet.ciphertext_id(ours.key_id, wrong)
    made = fragments.blocks(2, EPOCH, id_, wrong)
    waiting = with_kem(a, take(ours, *made[:4]))
    before = state_bytes(waiting)
    with pytest.raises(PqDesync) as caught:
        open_(waiting, carrying(b, made[4]))
    assert caught.value.code == "remote.pq_desync"
    assert isinstance(caught.value, RemoteError)
    assert state_bytes(waiting) == before


@pytest.mark.parametrize("name", malformed())
def test_a_refused_fragment_refuses_its_message(name: str) -> None:
    """PQ-07: nothing changes, and the honest message at the same place opens."""
    _, _, a, b = parties.connected_pair()
    before = state_bytes(b)
    with pytest.raises(AuthenticationError):
        open_(b, carrying(a, malformed()[name]))
    assert state_bytes(b) == before
    assert open_(b, carrying(a, KEY_BLOCKS[0])).session.ratchet.kem == take(NOTHING_COLLECTED, KEY_BLOCKS[0])


def test_fragments_of_late_messages_count() -> None:
    """PQ-07, PQ-08: read with the epoch after their message, whichever chain they are of."""
    alice, bob, a, b = parties.connected_pair()
    a, first = alice.seal(a, "late", way_back=None)
    a, second = alice.seal(a, "early", way_back=None)
    b = open_(b, second).session
    b, answer = bob.seal(b, "turn", way_back=None)
    a, third = alice.seal(open_(a, answer).session, "next chain", way_back=None)
    b = open_(open_(b, third).session, first).session
    collected = b.ratchet.kem
    assert isinstance(collected, Collecting)
    assert collected.received is not None
    assert [piece is not None for piece in collected.received.data] == [True, True, True, False, False]


def test_roles_alternate_without_end() -> None:
    """PQ-01, PQ-14: odd epochs are the initiator's, even ones the responder's; kind 2 carries none."""
    (alice, bob, a, b), _ = parties.first_contact()
    assert (a.ratchet.kem, b.ratchet.kem) == (KEY_DUE, NOTHING_COLLECTED)
    a, repeated = alice.seal(a, "again")
    assert a.ratchet.kem is KEY_DUE
    b = open_(b, repeated).session
    assert b.ratchet.kem is NOTHING_COLLECTED
    b, answer = bob.seal(b, "answer", way_back=None)
    generators = {}
    for pair in converse(Connected(alice, bob, open_(a, answer).session, b), 130):
        for who, side in (("initiator", pair.a), ("responder", pair.b)):
            if isinstance(side.ratchet.kem, Offering):
                generators[side.ratchet.pq_epoch + 1] = who
    assert len(generators) >= 6
    assert generators == {
        epoch: "initiator" if epoch % 2 else "responder" for epoch in range(1, len(generators) + 1)
    }


def test_a_step_that_mixes_goes_through_load() -> None:
    """PQ-06: the secret that `seal` would keep could be mixed twice."""
    held = until(
        parties.connected_pair(),
        lambda pair: (
            isinstance(pair.a.ratchet.kem, SecretHeld) and isinstance(pair.a.ratchet.sending, StepDue)
        ),
    )
    ratchet = held.a.ratchet
    body = padding.pad(bytes(FRAGMENT_B), 512)
    with pytest.raises(InvalidArgument, match="load"):
        step.seal(ratchet, envelopes.LEAD, body, ScriptedRng("due"), ratchet.kem)
    turned, after, block = step.load(ratchet, NOW_MS, ScriptedRng("due"), kem.encapsulate)
    state, _ = step.seal(turned, envelopes.LEAD, padding.pad(block, 512), ScriptedRng("due"), after)
    assert (state.pq_epoch, state.kem) == (ratchet.pq_epoch + 1, NOTHING_COLLECTED)


def test_one_step_mixes_each_epoch() -> None:
    """PQ-06, PQ-12: the generator's sending step, and the encapsulator's receiving step, each once."""
    held = until(parties.connected_pair(), lambda pair: isinstance(pair.a.ratchet.kem, SecretHeld))
    alice, bob, a, b = held
    answer = b.ratchet.kem
    assert isinstance(answer, Answering)
    assert isinstance(a.ratchet.kem, SecretHeld)
    secret = a.ratchet.kem.secret
    assert secret == answer.secret
    root_key = a.ratchet.root_key.expose()
    a, sealed = alice.seal(a, "mixes", way_back=None)
    sending = a.ratchet.sending
    assert isinstance(sending, Sending)
    assert isinstance(b.ratchet.sending, Sending)
    shared = _shared(sending, b)
    info = b"SR1-root".ljust(16, b"\0") + (1).to_bytes(4, "big")
    assert a.ratchet.root_key.expose() == expand(root_key, shared + secret.expose(), info)[:32]
    assert (a.ratchet.pq_epoch, a.ratchet.kem) == (1, NOTHING_COLLECTED)
    assert b.ratchet.pq_epoch == 0
    opened = open_(b, sealed)
    assert opened.session.ratchet.root_key == a.ratchet.root_key
    assert (opened.session.ratchet.pq_epoch, opened.session.ratchet.kem) == (1, KEY_DUE)
    a, sealed = alice.seal(a, "mixes nothing", way_back=None)
    assert a.ratchet.pq_epoch == 1
    assert open_(opened.session, sealed).session.ratchet.pq_epoch == 1
    del bob


def _shared(sending: Sending, peer: Session) -> bytes:
    assert isinstance(peer.ratchet.sending, Sending)
    return dh.exchange(sending.private_key.expose(), peer.ratchet.sending.public_key)


def test_a_secret_waits_for_a_sending_step() -> None:
    """PQ-06: messages in the chain that is open do not mix."""
    alice, bob, a, b = until(
        parties.connected_pair(), lambda pair: isinstance(pair.a.ratchet.kem, Offering) and _begun(pair)
    )
    while not isinstance(a.ratchet.kem, SecretHeld):
        a, sealed = alice.seal(a, "still in one chain", way_back=None)
        b = open_(b, sealed).session
        for _ in range(6):
            b, answer = bob.seal(b, "pieces", way_back=None)
            a = open_(a, answer).session
    a, _ = alice.seal(a, "turns", way_back=None)
    assert a.ratchet.pq_epoch == 1


def test_an_empty_block_at_the_start_of_a_chain_makes_the_key_be_offered_again() -> None:
    """PQ-11: the peer has lost its answer; later messages of that chain change nothing."""
    alice, bob, a, b = until(
        parties.connected_pair(), lambda pair: isinstance(pair.b.ratchet.kem, Answering) and _answered(pair)
    )
    forgetful = with_kem(b, Collecting())
    a, sealed = alice.seal(a, "your turn", way_back=None)
    forgetful, first = bob.seal(open_(forgetful, sealed).session, "begins a chain", way_back=None)
    _, second = bob.seal(forgetful, "goes on", way_back=None)
    a = open_(a, first).session
    assert isinstance(a.ratchet.kem, Offering)
    assert a.ratchet.kem.received is None
    collecting = a.ratchet.kem._replace(received=Pieces(b"of it", (b"piece", None, None, None, None)))
    assert open_(with_kem(a, collecting), second).session.ratchet.kem == collecting


def _answered(pair: Connected) -> bool:
    return isinstance(pair.a.ratchet.kem, Offering) and pair.a.ratchet.kem.received is not None


def _begun(pair: Connected) -> bool:
    return isinstance(pair.b.ratchet.kem, Answering)


def test_a_wrong_epoch_in_a_new_chain_is_refused() -> None:
    """PQ-12: one that rises without a secret, rises by two, or falls."""
    alice, bob, a, b = until(parties.connected_pair(), lambda pair: pair.b.ratchet.pq_epoch == 1)
    b, answer = bob.seal(b, "turn", way_back=None)
    a = open_(a, answer).session
    before = state_bytes(b)
    ready = forgery.prepared(a)
    sending = ready.ratchet.sending
    assert isinstance(sending, Sending)
    body = forgery.body(contents.encode(alice.text("x", way_back=None)))
    for epoch in (0, 2, 3, MAX_COUNTER - 1, MAX_COUNTER, 2**32 - 1):
        with pytest.raises(PqDesync if epoch == 2 else AuthenticationError):
            open_(b, forgery.sealed(ready, forgery.header(sending, pq_epoch=epoch), body))
    assert state_bytes(b) == before
    assert open_(b, forgery.sealed(ready, forgery.header(sending, pq_epoch=1), body)).answered is not None


def test_a_chain_keeps_its_epoch() -> None:
    """PQ-13, DR-15: also while our own step has mixed since."""
    alice, bob, a, b = until(
        parties.connected_pair(), lambda pair: isinstance(pair.a.ratchet.kem, SecretHeld)
    )
    a, _ = alice.seal(a, "mixes", way_back=None)
    assert isinstance(a.ratchet.receiving, Receiving)
    assert (a.ratchet.pq_epoch, a.ratchet.receiving.pq_epoch) == (1, 0)
    body = forgery.body(contents.encode(bob.text("x", way_back=None)))
    sending = b.ratchet.sending
    assert isinstance(sending, Sending)
    before = state_bytes(a)
    for epoch in (1, 2):
        with pytest.raises(AuthenticationError):
            open_(a, forgery.sealed(b, forgery.header(sending, pq_epoch=epoch), body))
    assert state_bytes(a) == before
    assert open_(a, bob.seal(b, "in the old chain", way_back=None)[1]).session.ratchet.pq_epoch == 1


def test_what_a_message_carries_is_in_the_stored_state() -> None:
    """PQ-04: the key pair is drawn after the ratchet key and before the salt, and stored."""
    pair = parties.connected_pair()
    draws: list[int] = []

    def rng(size_b: int) -> bytes:
        draws.append(size_b)
        return bytes((len(draws),)) * size_b

    content = pair.alice.text("x", way_back=None)
    sealed = sessions.seal(pair.a, content, NOW_MS, rng, kem.encapsulate)
    assert draws == [32, 64, 16]
    state = sealed.session.ratchet.kem
    assert isinstance(state, Offering)
    assert (state.pair.expose(), state.sent) == (b"\2" * 64, 1)
    again = snapshot.decode_session(snapshot.encode_session(sealed.session))
    assert again.ratchet.kem == state


@pytest.mark.parametrize("name", STATES)
def test_each_state_has_one_stored_form(name: str) -> None:
    """SES-14, SES-15: and one damaged anywhere is refused or another state."""
    state = STATES[name]
    value = stored.encode_kem(state)
    assert stored.decode_kem(value, 0) == state
    assert stored.encode_kem(stored.decode_kem(value, 0)) == value
    pair = parties.connected_pair()
    right, wrong_side = (pair.a, pair.b) if kem_ratchet.is_generator(state) else (pair.b, pair.a)
    session = with_kem(right, state)
    assert state_bytes(snapshot.decode_session(snapshot.encode_session(session))) == state_bytes(session)
    with pytest.raises(SnapshotError):
        snapshot.decode_session(snapshot.encode_session(with_kem(wrong_side, state)))
    assert isinstance(value, list)
    for wrong in ([*value, 0], value[:-1], [6, *value[1:]], [None, *value[1:]]):
        with pytest.raises(DecodeError):
            stored.decode_kem(wrong, 0)


def test_health_tells_the_age_and_the_messages_of_both_healings() -> None:
    """PQ-16, DR-19: classical with each new receiving chain, post-quantum from making a key or an answer."""
    alice, bob, a, b = parties.connected_pair()
    health = sessions.health(a, NOW_MS + 5)
    assert health.classical == (5, 1)
    assert health.post_quantum == (5, 2)
    made_at, clock = {}, NOW_MS
    for number in range(60):
        clock += 1000
        sender, receiver = ((alice, a), b) if number % 2 == 0 else ((bob, b), a)
        was = sender[1].ratchet.kem
        after, sealed = sender[0].seal(sender[1], "x", clock, way_back=None)
        if type(after.ratchet.kem) is not type(was) and isinstance(after.ratchet.kem, Offering | Answering):
            made_at[after.ratchet.pq_epoch + 1, sender[0].name] = (clock, number + 2)
        opened = open_(receiver, sealed, clock).session
        a, b = (after, opened) if number % 2 == 0 else (opened, after)
        for name, side in (("alice", a), ("bob", b)):
            age = sessions.health(side, clock + 7)
            at_ms, messages = made_at.get((side.ratchet.pq_epoch, name), (NOW_MS, 0))
            assert age.post_quantum == (clock + 7 - at_ms, number + 3 - messages)
        assert sessions.health(opened, clock + 7).classical == (7, 1)
        assert sessions.health(after, clock + 7).classical == (1007, 2)
    assert a.ratchet.pq_epoch >= 3


def test_health_counts_bursts_and_losses() -> None:
    """PQ-16: numbers that were used count, whether they arrived or not."""
    alice, bob, a, b = parties.connected_pair()
    a, _ = alice.seal(a, "lost", way_back=None)
    a, sealed = alice.seal(a, "arrives", way_back=None)
    b = open_(b, sealed).session
    assert sessions.health(b, NOW_MS).classical.messages == 2
    b, answer = bob.seal(b, "x", way_back=None)
    a = open_(a, answer).session
    assert a.ratchet.messages() == b.ratchet.messages() == 5
