"""Chapter 08: one active session per pair, whatever arrives in whatever order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import forgery
import parties
import pytest
from parties import DAY_MS, NOW_MS, Party, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import pair as pairs
from e2ee import session
from e2ee.content import AddressOnly, Reset, ResetReason
from e2ee.errors import (
    AuthenticationError,
    ContentError,
    CounterExhausted,
    InvalidArgument,
    SessionExpired,
    SessionInactive,
    UnknownSession,
)
from e2ee.ids import SessionId
from e2ee.pair import FRESH, Pair
from e2ee.primitives import kem
from e2ee.session import AwaitingReply, Established, Session
from e2ee.wire import cbor, envelope

WEEK_MS = 7 * DAY_MS


class Crossing:
    """Two devices whose initiations cross; each state is what its own side holds of a session."""

    def __init__(self, plan: Sequence[tuple[str, int]]) -> None:
        self.alice, self.bob = Party.make("alice"), Party.make("bob")
        self.mine: dict[str, list[Session]] = {"alice": [], "bob": []}
        self.flights: list[tuple[str, bytes]] = []
        for who, gen in plan:
            starter, other = (self.alice, self.bob) if who == "alice" else (self.bob, self.alice)
            state, flight = starter.seal(starter.initiate(other, gen, opk=False), f"from {who}")
            accepted = other.accept(flight).opened.session
            self.mine[who].append(state)
            self.mine["bob" if who == "alice" else "alice"].append(accepted)
            self.flights.append((who, flight))

    def outcome(self, who: str, order: Sequence[int]) -> Pair:
        """The pair of one side when the sessions became known to it in this order."""
        pair = FRESH
        for number in order:
            pair = pairs.adopt(pair, self.mine[who][number], NOW_MS).pair
        return pair


def possible_orders(plan: Sequence[tuple[str, int]], who: str) -> list[tuple[int, ...]]:
    """Orders in which one side learns of the sessions: its own as made, the others at any time."""
    own = [number for number, (starter, _) in enumerate(plan) if starter == who]
    orders = itertools.permutations(range(len(plan)))
    return [order for order in orders if [number for number in order if number in own] == own]


TWO = [[("alice", one), ("bob", two)] for one, two in ((1, 1), (1, 2), (2, 1), (3, 3), (1, 5))]
THREE = [
    [("alice", one), ("bob", two), (third, three)]
    for third in ("alice", "bob")
    for one, two, three in ((1, 1, 1), (1, 1, 2), (2, 1, 1), (1, 2, 2), (1, 2, 3), (2, 2, 1))
]


@pytest.mark.parametrize("plan", TWO + THREE)
def test_both_sides_agree_in_every_order_of_delivery(plan: list[tuple[str, int]]) -> None:
    """SES-02, SES-03, SES-04: highest gen, then smallest id; all orders on both sides, then texts."""
    crossing = Crossing(plan)
    sessions = crossing.mine["alice"]
    best = max(gen for _, gen in plan)
    expected = min(state.id for state in sessions if state.gen == best)
    for who in ("alice", "bob"):
        for order in possible_orders(plan, who):
            pair = crossing.outcome(who, order)
            assert pair.active is not None
            assert pair.active.id == expected
            assert pair.next_gen == best + 1
            assert {item.session.id for item in pair.inactive} == {s.id for s in sessions} - {expected}
    speak_both_ways(crossing, len(plan))


def speak_both_ways(crossing: Crossing, count: int) -> None:
    """Send on the active sessions of both sides, twice in each direction."""
    everyone = {"alice": crossing.alice, "bob": crossing.bob}
    states = {who: crossing.outcome(who, range(count)) for who in everyone}
    for number in range(2):
        for who, other in (("alice", "bob"), ("bob", "alice")):
            active = states[who].active
            assert active is not None
            content = everyone[who].text(f"{who} {number}")
            states[who], sealed = pairs.seal(
                states[who], active.id, content, NOW_MS, everyone[who].rng, kem.encapsulate
            )
            receiver = states[other].active
            assert receiver is not None
            opened = open_(receiver, sealed.envelope)
            assert parties.text_of(opened) == f"{who} {number}"
            states[other] = pairs.updated(states[other], opened.session)


def test_texts_of_the_loser_are_not_lost() -> None:
    """SES-02: the session that is not active still receives."""
    crossing = Crossing([("alice", 1), ("bob", 1)])
    pair = crossing.outcome("bob", [1, 0])
    assert pair.active is not None
    (inactive,) = pair.inactive
    loser = 0 if crossing.mine["bob"][0].id == inactive.session.id else 1
    who, _ = crossing.flights[loser]
    sender = crossing.alice if who == "alice" else crossing.bob
    receiver = crossing.mine["bob" if who == "alice" else "alice"][loser]
    _, more = sender.seal(crossing.mine[who][loser], "sent before it knew")
    assert parties.text_of(open_(receiver, more)) == "sent before it knew"
    assert isinstance(pair.active.phase, AwaitingReply | Established)


def test_only_the_active_session_sends() -> None:
    """SES-02"""
    crossing = Crossing([("alice", 1), ("bob", 2)])
    pair = crossing.outcome("alice", [0, 1])
    old, new = crossing.mine["alice"]
    content = crossing.alice.text("x")
    for wrong, state in ((old.id, pair), (SessionId(bytes(32)), pair), (new.id, FRESH)):
        with pytest.raises(SessionInactive):
            pairs.seal(state, wrong, content, NOW_MS, crossing.alice.rng, kem.encapsulate)
    after, sealed = pairs.seal(pair, new.id, content, NOW_MS, crossing.alice.rng, kem.encapsulate)
    assert after.active == sealed.session
    assert after.inactive == pair.inactive


def test_a_session_lives_from_waiting_to_established() -> None:
    """SES-01: the initiator waits for an answer, the responder does not; a fresh pair has no session."""
    contact, _ = parties.first_contact()
    assert isinstance(contact.a.phase, AwaitingReply)
    assert isinstance(contact.b.phase, Established)
    assert (contact.a.opened_ms, contact.b.opened_ms, contact.a.created_ms) == (0, NOW_MS, NOW_MS)
    _, answer = contact.bob.seal(contact.b, "x", way_back=None)
    opened = open_(contact.a, answer, NOW_MS + 5).session
    assert isinstance(opened.phase, Established)
    assert (opened.opened_ms, opened.created_ms) == (NOW_MS + 5, NOW_MS)
    assert FRESH.sessions() == ()
    assert (FRESH.active, FRESH.next_gen) == (None, 1)


def started(count: int, first_gen: int = 1) -> tuple[Party, list[Session]]:
    """Sessions of one pair with rising gen."""
    alice, bob = Party.make("alice"), Party.make("bob")
    return alice, [alice.initiate(bob, gen, opk=False) for gen in range(first_gen, first_gen + count)]


def test_gen_is_one_more_than_the_highest_known() -> None:
    """SES-03: also than that of a session that did not win, or is gone."""
    _, states = started(7)
    pair = FRESH
    for number, state in enumerate(states, 1):
        assert pair.next_gen == number
        pair = pairs.adopt(pair, state, NOW_MS).pair
    pair, _ = pairs.expire(pair, NOW_MS + WEEK_MS)
    assert pair.next_gen == 8
    lost = pairs.adopt(pair, started(1, 0)[1][0], NOW_MS)
    assert lost.pair.next_gen == 8


def test_at_most_four_inactive_sessions_are_kept() -> None:
    """SES-05: the oldest goes, and the caller is told, since its keys go with it."""
    _, states = started(6)
    pair, gone = FRESH, list[Session]()
    for number, state in enumerate(states):
        adoption = pairs.adopt(pair, state, NOW_MS + number)
        pair = adoption.pair
        gone += adoption.gone
        assert adoption.is_active
        assert adoption.replaced == (states[number - 1] if number else None)
    assert gone == [states[0]]
    assert [item.session for item in pair.inactive] == states[1:5]
    assert [item.since_ms for item in pair.inactive] == [NOW_MS + number for number in range(2, 6)]
    assert pair.sessions() == (states[5], *states[1:5])


def test_an_inactive_session_lives_for_seven_days() -> None:
    """SES-05: from the moment on that it became inactive, not from its start."""
    _, (first, second, third) = started(3)
    pair = pairs.adopt(FRESH, first, NOW_MS).pair
    pair = pairs.adopt(pair, second, NOW_MS + DAY_MS).pair
    pair = pairs.adopt(pair, third, NOW_MS + 3 * DAY_MS).pair
    kept, gone = pairs.expire(pair, NOW_MS + 8 * DAY_MS - 1)
    assert (kept is pair, gone) == (True, ())
    kept, gone = pairs.expire(pair, NOW_MS + 8 * DAY_MS)
    assert (gone, [item.session for item in kept.inactive]) == ((first,), [second])
    kept, gone = pairs.expire(pair, NOW_MS + 10 * DAY_MS)
    assert ({state.id for state in gone}, kept.inactive) == ({first.id, second.id}, ())
    assert kept.active == third


def test_an_inactive_session_is_never_promoted() -> None:
    """SES-05, SES-04: not when the active one is retired, nor by any message or lower gen that follows."""
    _, (first, second, third) = started(3)
    pair = pairs.adopt(pairs.adopt(FRESH, second, NOW_MS).pair, first, NOW_MS).pair
    assert pair.active == second
    retired, gone = pairs.retire(pair, NOW_MS)
    assert (retired.active, gone) == (None, ())
    assert {item.session.id for item in retired.inactive} == {first.id, second.id}
    assert retired.next_gen == 3
    assert pairs.retire(retired, NOW_MS) == (retired, ())
    _, (_, again) = started(2)
    again = with_fields(again, ratchet=with_fields(again.ratchet, session_id=SessionId(bytes(32))))
    adoption = pairs.adopt(retired, again, NOW_MS)
    assert (adoption.is_active, adoption.pair.active) == (False, None)
    adoption = pairs.adopt(retired, third, NOW_MS)
    assert adoption.is_active
    assert adoption.replaced is None
    moved = pairs.updated(adoption.pair, with_fields(first, opened_ms=NOW_MS + 1))
    assert moved.active == third


def test_a_newer_state_takes_its_session_place() -> None:
    """SES-02, SES-10: active or inactive; one that the pair does not have is refused."""
    _, (first, second, third) = started(3)
    pair = pairs.adopt(pairs.adopt(FRESH, first, NOW_MS).pair, second, NOW_MS + 5).pair
    newer = with_fields(second, opened_ms=NOW_MS + 9)
    assert pairs.updated(pair, newer).active == newer
    older = with_fields(first, opened_ms=NOW_MS + 9)
    (item,) = pairs.updated(pair, older).inactive
    assert (item.session, item.since_ms) == (older, NOW_MS + 5)
    with pytest.raises(UnknownSession):
        pairs.updated(pair, third)


def test_a_pair_takes_each_session_once_and_only_its_own() -> None:
    """SES-01: the same id again, or a session with another device, is the caller's mistake."""
    alice, (first, second) = started(2)
    pair = pairs.adopt(FRESH, first, NOW_MS).pair
    with pytest.raises(InvalidArgument):
        pairs.adopt(pair, with_fields(first, gen=5), NOW_MS)
    other = alice.initiate(Party.make("carol"))
    with pytest.raises(InvalidArgument):
        pairs.adopt(pair, other, NOW_MS)
    full = pairs.adopt(pair, second, NOW_MS).pair
    with pytest.raises(InvalidArgument):
        pairs.adopt(full, first, NOW_MS)


@pytest.mark.parametrize(("gen", "stated"), [(1, 2), (2, 1), (1, 0), (1, None)])
def test_a_content_under_a_prefix_states_the_gen_of_its_session(gen: int, stated: int | None) -> None:
    """SES-06: in a later message with the prefix."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob, gen), "one")
    b = bob.accept(flight).opened.session
    assert isinstance(a.phase, AwaitingReply)
    for number in (stated, gen):
        encoded = contents.encode(with_fields(alice.text("two"), gen=number))
        body = (encoded + b"\x80").ljust(1882, b"\0")
        crafted = forgery.message(a, body, b"\1\2" + a.phase.prefix)
        if number == gen:
            assert parties.text_of(open_(b, crafted)) == "two"
        else:
            before = state_bytes(b)
            with pytest.raises(ContentError):
                open_(b, crafted)
            assert state_bytes(b) == before


def test_a_message_without_prefix_states_no_gen() -> None:
    """SES-06: not even the right one; and the caller cannot set it."""
    alice, _, a, b = parties.connected_pair()
    crafted = forgery.message_with(a, forgery.content_map(alice.text("x", gen=1)))
    before = state_bytes(b)
    with pytest.raises(ContentError):
        open_(b, crafted)
    assert state_bytes(b) == before
    with pytest.raises(InvalidArgument):
        alice.seal(a, "x", gen=1)


def lost_and_known() -> tuple[Party, Party, Pair]:
    """Bob's pair after a conversation with Alice, who then lost her state."""
    alice, bob, _, b = parties.connected_pair()
    return alice, bob, pairs.adopt(FRESH, b, NOW_MS).pair


def test_a_device_that_lost_its_state_starts_with_gen_0() -> None:
    """SES-07: the peer takes the content, keeps the session as inactive, and answers with a higher gen."""
    alice, bob, pair = lost_and_known()
    a, flight = alice.seal(alice.initiate(bob, pairs.LOST_GEN), "I lost everything")
    accepted = bob.accept(flight)
    assert parties.text_of(accepted.opened) == "I lost everything"
    adoption = pairs.adopt(pair, accepted.opened.session, NOW_MS)
    assert (adoption.answers_loss, adoption.is_active, adoption.disagrees) == (True, False, False)
    retired, _ = pairs.retire(adoption.pair, NOW_MS)
    assert retired.active is None
    answer = bob.initiate(alice, retired.next_gen)
    assert answer.gen == 2
    b, reset = session.seal(answer, bob.content(Reset(ResetReason.ANSWER)), NOW_MS, bob.rng, kem.encapsulate)
    bobs = pairs.adopt(retired, b, NOW_MS)
    back = alice.accept(reset)
    assert back.opened.content.payload == Reset(ResetReason.ANSWER)
    alices = pairs.adopt(pairs.adopt(FRESH, a, NOW_MS).pair, back.opened.session, NOW_MS)
    for side in (alices, bobs):
        assert side.is_active
        assert side.pair.active is not None
        assert side.pair.active.id == answer.id
        assert not side.answers_loss
    _, more = alice.seal(back.opened.session, "again", way_back=None)
    assert parties.text_of(open_(b, more)) == "again"


def test_gen_0_without_a_session_before_is_like_any_other() -> None:
    """SES-07, SES-04: a peer that lost its state too, or never had one, takes it as active."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob, pairs.LOST_GEN), "x")
    b = bob.accept(flight).opened.session
    for state in (a, b):
        adoption = pairs.adopt(FRESH, state, NOW_MS)
        assert (adoption.is_active, adoption.answers_loss, adoption.pair.next_gen) == (True, False, 1)


def test_two_devices_that_both_lost_their_state_meet_again() -> None:
    """SES-07: crossing flights of gen 0; each answers with gen 1, and both end on one session."""
    crossing = Crossing([("alice", 0), ("bob", 0)])
    outcomes = {}
    for who, other in (("alice", "bob"), ("bob", "alice")):
        own, foreign = (0, 1) if who == "alice" else (1, 0)
        pair = pairs.adopt(FRESH, crossing.mine[who][own], NOW_MS).pair
        adoption = pairs.adopt(pair, crossing.mine[who][foreign], NOW_MS)
        assert adoption.answers_loss
        outcomes[who], _ = pairs.retire(adoption.pair, NOW_MS)
        assert outcomes[who].next_gen == 1
        assert other != who
    second = Crossing([("alice", 1), ("bob", 1)])
    found = set()
    for who, order in itertools.product(outcomes, ((0, 1), (1, 0))):
        pair = outcomes[who]
        for number in order:
            pair = pairs.adopt(pair, second.mine[who][number], NOW_MS).pair
        assert pair.active is not None
        found.add(pair.active.id)
    assert len(found) == 1


def test_our_own_loss_is_not_answered() -> None:
    """SES-07: `answers_loss` is about the peer's gen 0, not about ours."""
    alice, bob, _, _ = parties.connected_pair()
    pair = pairs.adopt(FRESH, alice.initiate(bob), NOW_MS).pair
    adoption = pairs.adopt(pair, alice.initiate(bob, pairs.LOST_GEN), NOW_MS)
    assert (adoption.answers_loss, adoption.is_active) == (False, False)


def test_a_flight_that_loses_against_an_answered_session_shows_a_split() -> None:
    """SES-16: not where the active session still waits for its answer, since initiations may cross."""
    alice, bob, pair = lost_and_known()
    _, flight = alice.seal(alice.initiate(bob, 1), "x")
    crossing = bob.accept(flight).opened.session
    _, higher = alice.seal(alice.initiate(bob, 2), "x")
    assert pairs.is_settled(pair)
    assert pair.active is not None
    last = SessionId(b"\xff" * 32)
    loses = with_fields(crossing, ratchet=with_fields(crossing.ratchet, session_id=last))
    adoption = pairs.adopt(pair, loses, NOW_MS)
    assert (adoption.is_active, adoption.disagrees) == (False, True)
    assert not pairs.adopt(pair, bob.accept(higher).opened.session, NOW_MS).disagrees
    waiting = pairs.adopt(FRESH, bob.initiate(alice, 5), NOW_MS).pair
    assert not pairs.is_settled(waiting)
    assert not pairs.is_settled(FRESH)
    assert not pairs.adopt(waiting, crossing, NOW_MS).disagrees
    assert not pairs.adopt(pair, with_fields(loses, initiator=True), NOW_MS).disagrees


def test_an_unanswered_session_is_replaced_by_the_next() -> None:
    """SES-09, SES-17: once it expired, sealing is refused, and one of higher gen takes its place."""
    alice, bob = Party.make("alice"), Party.make("bob")
    pair = pairs.adopt(FRESH, alice.initiate(bob), NOW_MS).pair
    assert pair.active is not None
    late_ms = NOW_MS + 14 * DAY_MS + 1
    with pytest.raises(SessionExpired):
        pairs.seal(pair, pair.active.id, alice.text("x"), late_ms, alice.rng, kem.encapsulate)
    adoption = pairs.adopt(pair, alice.initiate(bob, pair.next_gen), NOW_MS)
    assert adoption.is_active
    assert adoption.replaced == pair.active


def test_an_expired_session_does_not_hold_its_place() -> None:
    """SES-04, SES-09: against one of the same gen that can still be used, whatever the ids say."""
    crossing = Crossing([("alice", 1), ("bob", 1)])
    own, theirs = crossing.mine["alice"]
    smallest = SessionId(bytes(32))
    own = with_fields(own, ratchet=with_fields(own.ratchet, session_id=smallest))
    pair = pairs.adopt(FRESH, own, NOW_MS).pair
    end_ms = NOW_MS + 14 * DAY_MS
    assert not pairs.adopt(pair, theirs, end_ms).is_active
    assert pairs.adopt(pair, theirs, end_ms + 1).is_active


def test_an_unknown_tag_opens_in_no_session() -> None:
    """SES-10: a message of kind 1 whose session is gone."""
    alice, _, a, b = parties.connected_pair()
    other = parties.connected_pair(opk=False)
    _, sealed = alice.seal(a, "x", way_back=None)
    assert envelope.decode(sealed).tag in b.tags()
    assert envelope.decode(sealed).tag not in other.b.tags()
    with pytest.raises(AuthenticationError):
        open_(other.b, sealed)


def test_a_content_id_arrives_as_it_was_sent() -> None:
    """SES-11: the same content in two sessions shows the same id, by which an application is told once."""
    alice, bob, a, b = parties.connected_pair()
    content = alice.content(AddressOnly())
    first = open_(b, session.seal(a, content, NOW_MS, alice.rng, kem.encapsulate).envelope).content
    anew = session.seal(alice.initiate(bob, 2), content, NOW_MS, alice.rng, kem.encapsulate)
    assert bob.accept(anew.envelope).opened.content.id == first.id == content.id


def test_gen_ends_below_2_31() -> None:
    """SES-13: refused when starting, and when a peer states it."""
    alice, bob = Party.make("alice"), Party.make("bob")
    with pytest.raises(CounterExhausted):
        alice.initiate(bob, 2**31)
    last = alice.initiate(bob, 2**31 - 1)
    _, flight = alice.seal(last, "x")
    assert bob.accept(flight).opened.session.gen == 2**31 - 1
    entries = forgery.content_map(alice.text("x")) | {6: 2**31}
    body = (cbor.encode(entries) + b"\x80").ljust(1882, b"\0")
    with pytest.raises(ContentError):
        bob.accept(forgery.flight(alice, bob, first_body=body))


def test_a_peers_gen_does_not_run_away() -> None:
    """SES-13: up to 65536 above the highest known."""
    _, (first,) = started(1, 7)
    pair = pairs.adopt(FRESH, first, NOW_MS).pair
    pairs.check_gen(pair, 7 + 65_536)
    pairs.check_gen(pair, 0)
    pairs.check_gen(FRESH, 65_536)
    for known, gen in ((pair, 7 + 65_537), (FRESH, 65_537), (pair, 2**31 - 1)):
        with pytest.raises(ContentError):
            pairs.check_gen(known, gen)
