"""Chapter 08: sessions of a pair, doubt, silence, search; numbers stand in test_08_numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import forgery
import pair_states as states
import parties
import pytest
from pair_states import ASK_ID, EPOCH, KEY, LATER_KEY, heard, met, proven, session_id, started, sync, top
from parties import DAY_MS, NOW_MS, Party, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import pair as pairs
from e2ee import session
from e2ee.content import AddressOnly, SyncKind
from e2ee.errors import (
    AuthenticationError,
    ContentError,
    CounterExhausted,
    InvalidArgument,
    SessionExpired,
    SessionInactive,
)
from e2ee.pair import Candidate, Pair, Wanted
from e2ee.primitives import kem
from e2ee.session import Heard, Proven, Started
from e2ee.wire import envelope

MINUTE_MS, HOUR_MS = pairs.MINUTE_MS, pairs.HOUR_MS
LAST_EPOCH = 2**32 - 1
YEAR_MS = 365 * DAY_MS


# --- standing of a session ---


def test_a_session_is_started_or_heard_until_a_fresh_key_is_answered() -> None:
    """SES-36: the initiator's first reply proves; the responder's first chain answers the SPK only."""
    contact, _ = parties.first_contact()
    assert isinstance(contact.a.phase, Started)
    assert isinstance(contact.b.phase, Heard)
    b, reply = contact.bob.seal(contact.b, "welcome", way_back=None)
    assert isinstance(b.phase, Heard)
    opened = open_(contact.a, reply)
    assert isinstance(opened.session.phase, Proven)
    assert opened.answered is not None
    _, back = contact.alice.seal(opened.session, "thanks", way_back=None)
    proof = open_(b, back)
    assert isinstance(proof.session.phase, Proven)
    assert proof.answered == b.ratchet_key


def test_a_further_message_of_a_chain_proves_nothing() -> None:
    """SES-36: also the second message under the prefix."""
    contact, _ = parties.first_contact()
    _, second = contact.alice.seal(contact.a, "two")
    opened = open_(contact.b, second)
    assert opened.answered is None
    assert isinstance(opened.session.phase, Heard)


def test_a_key_of_ours_waits_until_it_is_answered() -> None:
    """SES-36: none while the next message makes a new one."""
    contact, _ = parties.first_contact()
    assert contact.a.ratchet_key is not None
    assert contact.b.ratchet_key is None
    assert not session.is_our_turn(contact.a)
    assert session.is_our_turn(contact.b)


def test_having_met_outlives_the_sessions() -> None:
    """SES-36, SES-32"""
    after = pairs.lost(met(proven(1), asked_ms=NOW_MS), NOW_MS)
    assert (after.sessions, after.met, after.known, after.active) == ((), True, EPOCH, None)
    assert after.wanted == Wanted(NOW_MS)
    assert pairs.lost(Pair(), NOW_MS).wanted is None


# --- epochs ---


def test_an_epoch_is_above_what_is_known_and_not_behind_the_clock() -> None:
    """SES-21"""
    assert pairs.next_epoch(Pair(), NOW_MS) == EPOCH
    assert pairs.next_epoch(Pair(known=EPOCH + 7), NOW_MS) == EPOCH + 8
    assert pairs.next_epoch(Pair(known=LAST_EPOCH - 1), NOW_MS) == LAST_EPOCH
    with pytest.raises(CounterExhausted):
        pairs.next_epoch(Pair(known=LAST_EPOCH), NOW_MS)


def test_an_epoch_far_ahead_ranks_but_is_known_from_a_proven_session_only() -> None:
    """SES-21: two years; from a flight, from a top that an unproven session states, and when proven."""
    limit = EPOCH + 2 * 365 * 24 * 60
    for epoch, known in ((limit, limit), (limit + 1, EPOCH), (LAST_EPOCH, EPOCH)):
        change = pairs.heard(met(), heard(5, epoch), NOW_MS)
        assert change.pair.known == known
        stated = pairs.synced(met(proven(1), heard(5)), session_id(5), sync(top=top(7, epoch)), NOW_MS)
        assert stated.pair.known == known
        proof = pairs.opened(change.pair, session_id(5), LATER_KEY, NOW_MS).pair
        assert proof.known == epoch
        assert proof.active == proof.session(session_id(5))
    assert pairs.synced(met(), session_id(1), sync(top=top(7, LAST_EPOCH)), NOW_MS).pair.known == LAST_EPOCH


@pytest.mark.parametrize(("epoch", "stated"), [(5, 6), (6, 5), (5, 0), (5, None)])
def test_a_content_under_a_prefix_states_the_epoch_of_its_session(epoch: int, stated: int | None) -> None:
    """SES-21: in a later message with the prefix."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob, epoch), "one")
    b = bob.accept(flight).opened.session
    assert b.origin.epoch == epoch
    assert isinstance(a.phase, Started)
    for number in (stated, epoch):
        encoded = contents.encode(with_fields(alice.text("two"), epoch=number))
        body = (encoded + b"\x80").ljust(1882, b"\0")
        crafted = forgery.message(a, body, b"\1\2" + a.phase.prefix)
        if number == epoch:
            assert parties.text_of(open_(b, crafted)) == "two"
        else:
            before = state_bytes(b)
            with pytest.raises(ContentError):
                open_(b, crafted)
            assert state_bytes(b) == before


def test_a_message_without_prefix_states_no_epoch() -> None:
    """SES-21: not even the right one; and the caller cannot set it."""
    alice, _, a, b = parties.connected_pair()
    crafted = forgery.message_with(a, forgery.content_map(alice.text("x", epoch=1)))
    before = state_bytes(b)
    with pytest.raises(ContentError):
        open_(b, crafted)
    assert state_bytes(b) == before
    with pytest.raises(InvalidArgument):
        alice.seal(a, "x", epoch=1)


# --- the active session ---


def test_the_best_proven_session_is_active_in_every_order() -> None:
    """SES-22: highest epoch, then smallest id; others and unproven ones change nothing."""
    epochs = {1: EPOCH, 2: EPOCH + 1, 3: EPOCH + 1, 4: EPOCH - 1}
    for order in permutations(epochs):
        pair = met(proven(9, EPOCH - 5))
        for number in order:
            pair = pairs.heard(pair, heard(number, epochs[number]), NOW_MS).pair
        for number in reversed(order):
            pair = pairs.opened(pair, session_id(number), LATER_KEY, NOW_MS).pair
        assert pair.active == pair.session(session_id(2))
        assert pair.top == top(2, EPOCH + 1)
        assert pairs.sending(pair, NOW_MS) == session_id(2)


def test_a_pair_that_has_not_met_writes_on_the_best_unproven_session() -> None:
    """SES-22: ours or theirs, until its end; none once it has met."""
    pair = Pair(sessions=(started(1), heard(2, EPOCH + 1)))
    assert pairs.sending(pair, NOW_MS) == session_id(2)
    end_ms = heard(2).ends_ms
    assert pairs.sending(pair, end_ms) == session_id(2)
    assert pairs.sending(pair, end_ms + 1) is None
    assert pairs.sending(replace(pair, met=True), NOW_MS) is None
    assert pairs.sending(Pair(), NOW_MS) is None
    assert pairs.sending(pairs.ended(pair, session_id(2)), NOW_MS) == session_id(1)


def test_other_sessions_receive_only() -> None:
    """SES-02, SES-24: a tell goes where its ask came, an ask on the candidate too."""
    candidate = Candidate(session_id(2), NOW_MS, NOW_MS)
    pair = met(proven(1), started(2, EPOCH + 1), heard(3), candidate=candidate)
    ask, tell = sync(SyncKind.ASK, ASK_ID), sync(SyncKind.TELL, ASK_ID)
    for number, content in ((1, None), (1, ask), (1, tell), (2, ask), (2, tell), (3, tell)):
        pairs.check_sending(pair, session_id(number), content, NOW_MS)
    for number, content in ((2, None), (3, None), (3, ask), (9, ask)):
        with pytest.raises(SessionInactive):
            pairs.check_sending(pair, session_id(number), content, NOW_MS)


def test_what_does_not_open_changes_nothing() -> None:
    """SES-23: an unknown tag opens in no session; a flight becomes Heard, no more."""
    alice, _, a, b = parties.connected_pair()
    other = parties.connected_pair(opk=False)
    _, sealed = alice.seal(a, "x", way_back=None)
    assert envelope.decode(sealed).tag not in other.b.tags()
    before = state_bytes(other.b)
    with pytest.raises(AuthenticationError):
        open_(other.b, sealed)
    assert state_bytes(other.b) == before
    change = pairs.heard(met(), heard(5, EPOCH + 9), NOW_MS)
    assert change.pair.active == proven(1)
    assert change == replace(pairs.Change(change.pair))
    assert b.tags()


def test_input_for_a_session_that_is_gone_changes_nothing() -> None:
    """SES-23"""
    assert pairs.opened(met(), session_id(9), KEY, NOW_MS) == pairs.Change(met())
    assert pairs.synced(met(), session_id(9), sync(), NOW_MS) == pairs.Change(met())


def test_a_session_that_is_proven_is_active_or_one_of_the_others() -> None:
    """SES-22, SES-24: who has become active sends what waits, or a tell."""
    pair = met(proven(1), heard(2, EPOCH + 1), heard(3, EPOCH - 1), ask=pairs.Ask(ASK_ID, NOW_MS, 1))
    better = pairs.opened(pair, session_id(2), LATER_KEY, NOW_MS + 1)
    assert (better.proven, better.activated, better.is_doubted) == (True, True, False)
    old = better.pair.session(session_id(1))
    assert old is not None
    assert (old.since_ms, better.pair.ask) == (NOW_MS + 1, None)
    worse = pairs.opened(pair, session_id(3), LATER_KEY, NOW_MS + 1)
    assert (worse.proven, worse.activated, worse.is_doubted) == (True, False, True)
    assert worse.pair.ask is not None
    again = pairs.opened(better.pair, session_id(2), KEY, NOW_MS + 2)
    assert (again.proven, again.activated) == (False, False)


def test_a_session_that_may_send_no_more_is_not_sealed_on() -> None:
    """SES-09, HS-04"""
    alice, bob = Party.make("alice"), Party.make("bob")
    state = alice.initiate(bob)
    assert state.ends_ms == NOW_MS + 14 * DAY_MS
    assert not state.is_expired(state.ends_ms)
    with pytest.raises(SessionExpired):
        session.seal(state, alice.text("x"), state.ends_ms + 1, alice.rng, kem.encapsulate)
    assert parties.connected_pair().a.ends_ms == 0


# --- life and tops ---


def test_an_answer_to_a_later_key_is_life_an_answer_to_the_old_one_is_not() -> None:
    """SES-27: only a key that was made after the other session was started."""
    pair = states.with_candidate()
    assert pairs.opened(pair, session_id(1), KEY, NOW_MS).pair.candidate is not None
    alive = pairs.opened(pair, session_id(1), LATER_KEY, NOW_MS)
    assert (alive.pair.candidate, alive.gone) == (None, (session_id(2),))
    assert pairs.opened(met(), session_id(1), LATER_KEY, NOW_MS).pair == met()


def test_a_tell_with_another_id_is_no_life() -> None:
    """SES-27"""
    pair = states.asking()
    for content in (sync(SyncKind.TELL, b"another!"), sync(SyncKind.ASK, ASK_ID), sync(SyncKind.TELL)):
        assert pairs.synced(pair, session_id(1), content, NOW_MS).pair.ask is not None


def test_a_tell_that_states_a_better_session_ends_the_ask_only() -> None:
    """SES-27, SES-28"""
    told = sync(SyncKind.TELL, ASK_ID, top=top(7, EPOCH + 3))
    change = pairs.synced(states.asking(), session_id(1), told, NOW_MS)
    assert change.pair.ask is None
    assert change.pair.wanted == Wanted(NOW_MS, top(7, EPOCH + 3))


def test_a_session_for_a_top_stays_while_the_top_outranks() -> None:
    """SES-27, SES-28"""
    wanted = Wanted(NOW_MS, top(7, EPOCH + 3))
    pair = pairs.started(met(wanted=wanted), started(2, EPOCH + 4), NOW_MS).pair
    alive = pairs.opened(pair, session_id(1), LATER_KEY, NOW_MS)
    assert alive.gone == ()
    assert alive.pair.candidate is not None
    outranked = replace(pair, sessions=(*pair.sessions, heard(7, EPOCH + 3)))
    assert pairs.opened(outranked, session_id(7), LATER_KEY, NOW_MS).gone == (session_id(2),)
    assert pairs.opened(met(wanted=wanted), session_id(1), LATER_KEY, NOW_MS).pair.wanted == wanted


def test_a_top_that_is_known_or_lower_wants_nothing() -> None:
    """SES-28: a candidate above it is kept, one at or below is replaced."""
    for stated in (None, top(1, EPOCH), top(7, EPOCH - 1), top(8, EPOCH)):
        assert pairs.synced(met(), session_id(1), sync(top=stated), NOW_MS).pair.wanted is None
    assert (
        pairs.synced(met(proven(5)), session_id(5), sync(top=top(3, EPOCH)), NOW_MS).pair.wanted is not None
    )
    pair = states.with_candidate()
    assert pairs.synced(pair, session_id(1), sync(top=top(7, EPOCH)), NOW_MS).pair == pair
    higher = pairs.synced(pair, session_id(1), sync(top=top(0, EPOCH + 1)), NOW_MS)
    assert (higher.gone, higher.pair.candidate) == ((session_id(2),), None)
    assert pairs.synced(Pair(sessions=(heard(1),)), session_id(1), sync(top=top(7, 1)), NOW_MS).pair.wanted


# --- what is kept ---


def test_four_others_are_kept_the_newest() -> None:
    """SES-33: beside the active session, three with a candidate; the caller is told which went."""
    pair, gone = states.with_candidate(), list[int]()
    for number in range(10, 16):
        change = pairs.heard(pair, heard(number), NOW_MS)
        pair = change.pair
        gone += [one[0] for one in change.gone]
    assert gone == [10, 11, 12]
    assert [one.id[0] for one in pair.sessions] == [1, 2, 13, 14, 15]
    pair = replace(pair, candidate=None)
    pair = pairs.heard(pair, heard(16), NOW_MS).pair
    assert [one.id[0] for one in pair.sessions] == [1, 13, 14, 15, 16]


def test_others_go_by_age() -> None:
    """SES-33: 7 days after it was replaced, 44 days from making; a time ahead counts as now."""
    pair = met(proven(1), proven(2, EPOCH - 1, since_ms=NOW_MS), heard(3), started(4))
    for age_ms, left in ((7 * DAY_MS - 1, 4), (7 * DAY_MS, 3), (44 * DAY_MS - 1, 3), (44 * DAY_MS, 1)):
        change = pairs.tick(pair, NOW_MS + age_ms, connected=False, texts_wait=False)
        assert len(change.pair.sessions) == left
        assert len(change.gone) == 4 - left
    early = pairs.tick(pair, NOW_MS - YEAR_MS, connected=False, texts_wait=False).pair
    assert {one.created_ms for one in early.sessions} == {NOW_MS - YEAR_MS}


# --- budgets ---


def test_budgets_are_counted_in_windows_of_a_day() -> None:
    """SES-35: flights 8, tells 48, starts 3, lists 1, keys 2000."""
    pair, now_ms = Pair(), NOW_MS
    for _ in range(8):
        assert pairs.left(pair, "flights", now_ms)
        pair = pairs.heard(pair, heard(3), now_ms).pair
    for _ in range(48):
        assert pairs.left(pair, "tells", now_ms)
        pair = pairs.used(pair, "tells", now_ms)
    for _ in range(3):
        assert pairs.left(pair, "starts", now_ms)
        pair = pairs.started(pair, started(4), now_ms).pair
    assert pairs.left(pair, "lists", now_ms)
    pair = pairs.used(pair, "lists", now_ms)
    pair = pairs.used(pair, "skips", now_ms, 1_500)
    assert pairs.left(pair, "skips", now_ms) == 500
    pair = pairs.used(pair, "skips", now_ms, 1_000)
    uses: tuple[pairs.Use, ...] = ("flights", "tells", "starts", "lists")
    for later_ms, allowed in ((0, False), (DAY_MS - 1, False), (DAY_MS, True)):
        assert [pairs.left(pair, use, now_ms + later_ms) > 0 for use in uses] == [allowed] * 4
        assert pairs.left(pair, "skips", now_ms + later_ms) == (2_000 if allowed else 0)


# --- contents in several sessions, snapshots ---


def test_a_content_id_arrives_as_it_was_sent() -> None:
    """SES-11, SES-37: the same content in two sessions shows the same id, so that it is given once."""
    alice, bob, a, b = parties.connected_pair()
    content = alice.content(AddressOnly())
    first = open_(b, session.seal(a, content, NOW_MS, alice.rng, kem.encapsulate).envelope).content
    anew = session.seal(alice.initiate(bob, 2), content, NOW_MS, alice.rng, kem.encapsulate)
    assert bob.accept(anew.envelope).opened.content.id == first.id == content.id


def test_prekeys_serve_longer_in_a_pair_that_has_met() -> None:
    """SES-34, ID-31: a session may begin 14 days past their end."""
    alice, bob = Party.make("alice"), Party.make("bob")
    bundle = bob.verified(opk=False)
    for grace_ms in (0, 7 * DAY_MS):
        made = session.initiate(
            alice.device,
            alice.device_list,
            bundle,
            1,
            NOW_MS + 10 * DAY_MS,
            alice.rng,
            kem.encapsulate,
            grace_ms=grace_ms,
        )
        assert made.ends_ms == bundle.spk.not_after_ms + grace_ms
