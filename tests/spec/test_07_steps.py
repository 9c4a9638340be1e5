"""Chapter 07: what a step may skip, and what it reports of the step that it answers."""

from __future__ import annotations

import parties
import pytest
from call_record import recorded
from parties import NOW_MS, Connected, Party, open_, state_bytes

from e2ee import labels
from e2ee.errors import SkipLimitExceeded
from e2ee.primitives import kdf
from e2ee.ratchet import step
from e2ee.ratchet.state import RatchetState, Sending
from e2ee.ratchet.step import Opened
from e2ee.session import Session
from e2ee.wire import envelope
from e2ee.wire.envelope import RawEnvelope


@pytest.fixture
def pair() -> Connected:
    """A session in which the initiator is to take its next sending step."""
    return parties.connected_pair()


def open_step(state: Session, sealed: bytes, max_skip: int = 1000) -> Opened:
    """Open an envelope with the ratchet of a session."""
    return step.open_(state.ratchet, envelope.decode(sealed), NOW_MS, max_skip)


def sent(party: Party, state: Session, count: int) -> tuple[Session, list[bytes]]:
    """Seal several short texts."""
    envelopes = []
    for _ in range(count):
        state, sealed = party.seal(state, "text", way_back=None)
        envelopes.append(sealed)
    return state, envelopes


def our_key(state: Session) -> bytes:
    """The ratchet public key of a side that has sent."""
    assert isinstance(state.ratchet.sending, Sending)
    return state.ratchet.sending.public_key


def test_the_caller_may_allow_fewer_skipped_keys(pair: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-13: as many as it says, in the current chain and in a new one; beyond, no key is derived."""
    _, envelopes = sent(pair.alice, pair.a, 68)
    in_chain = open_(pair.b, envelopes[0]).session
    assert open_step(in_chain, envelopes[65], 64).missing == 64
    assert open_step(pair.b, envelopes[64], 64).missing == 64
    calls = recorded(monkeypatch, kdf, "prf")
    for state, sealed in ((in_chain, envelopes[66]), (pair.b, envelopes[65])):
        before = state_bytes(state)
        with pytest.raises(SkipLimitExceeded):
            open_step(state, sealed, 64)
        assert state_bytes(state) == before
    assert not [label for _, label, *_ in calls if label == labels.CHAIN]


def test_old_and_new_chain_share_the_allowance(pair: Connected) -> None:
    """DR-13, DR-14: two numbers of the old chain and one of the new one are three keys."""
    alice, bob, a, b = pair
    a, first = sent(alice, a, 3)
    b = open_(b, first[0]).session
    b, (answer,) = sent(bob, b, 1)
    _, turned = sent(alice, open_(a, answer).session, 2)
    assert open_step(b, turned[1], 3).missing == 3
    with pytest.raises(SkipLimitExceeded):
        open_step(b, turned[1], 2)
    assert open_step(b, turned[0], 2).missing == 2


@pytest.mark.parametrize("allowed", [0, -5])
def test_what_skips_nothing_opens_whatever_is_allowed(pair: Connected, allowed: int) -> None:
    """DR-13: also where a budget is used up; a number that was skipped before costs nothing either."""
    _, envelopes = sent(pair.alice, pair.a, 4)
    opened = open_step(pair.b, envelopes[0], allowed)
    skipping = open_step(pair.b, envelopes[1])
    late = step.open_(skipping.state, envelope.decode(envelopes[0]), NOW_MS, allowed)
    following = step.open_(opened.state, envelope.decode(envelopes[1]), NOW_MS, allowed)
    assert [one.missing for one in (opened, late, following)] == [0, 0, 0]
    with pytest.raises(SkipLimitExceeded):
        step.open_(opened.state, envelope.decode(envelopes[2]), NOW_MS, allowed)


def test_nothing_allows_more_than_the_limit(pair: Connected) -> None:
    """DR-13: 1000 keys, whatever the caller says."""
    _, envelopes = sent(pair.alice, pair.a, 1002)
    assert open_step(pair.b, envelopes[1000], 2000).missing == 1000
    with pytest.raises(SkipLimitExceeded):
        open_step(pair.b, envelopes[1001], 2000)


def test_a_new_chain_names_the_key_that_it_answers() -> None:
    """DR-14: the initiator's at the first reply, the responder's at the second chain, none in between."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob), "hello")
    answered = our_key(a)
    b = bob.accept(flight).opened.session
    b, (reply, second) = sent(bob, b, 2)
    first = open_step(a, reply)
    assert (first.new_chain, first.answered) == (True, answered)
    following = step.open_(first.state, envelope.decode(second), NOW_MS)
    assert (following.new_chain, following.answered) == (False, None)
    a, envelopes = sent(alice, open_(a, reply).session, 3)
    turned = open_step(b, envelopes[1])
    assert (turned.new_chain, turned.answered) == (True, our_key(b))
    late = step.open_(turned.state, envelope.decode(envelopes[0]), NOW_MS)
    assert (late.new_chain, late.answered) == (False, None)


@pytest.mark.reference
def test_a_responders_first_chain_answers_no_key_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-14: it answers the signed prekey, which proves nothing of this session."""
    alice, bob = Party.make("alice"), Party.make("bob")
    _, flight = alice.seal(alice.initiate(bob), "hello")
    opened: list[Opened] = []
    opening = step.open_

    def noted(state: RatchetState, raw: RawEnvelope, now_ms: int, max_skip: int) -> Opened:
        opened.append(opening(state, raw, now_ms, max_skip))
        return opened[-1]

    monkeypatch.setattr(step, "open_", noted)
    bob.accept(flight)
    assert [(one.new_chain, one.answered) for one in opened] == [(True, None)]
