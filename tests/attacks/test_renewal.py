"""Attacks on the renewal of sessions: forced by bytes that anybody can make, by silence, by flights kept
back.

The question is what a passive thief of a whole state reads after the ratchet has healed, and what a thief
of the device reads long after a text was delivered, while the relay does what it can to have texts sealed
again for prekeys. Tests of single resets did not ask it: they held what was sent again against the keys of
a stranger.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from attack_copy import Copy
from attack_evidence import Book, Verdict
from attack_world import AttackWorld
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.renewal import Renewal
from e2ee_client.engine.sending import Sending
from e2ee_client.engine.turn import Turn
from e2ee_client.events import Doubt, Gap, SessionStarted
from e2ee_client.rows import Continuity
from evil_relay import Keeper
from parties import DAY_MS

from e2ee.ids import SessionId
from e2ee.numbers import Received
from e2ee.pair import HOUR_MS, MINUTE_MS, Change, Pair, Standing, Wanted
from e2ee.prekeys import PeerPrekeys, SignedPrekey, VerifiedBundle

SECRET = "GEHEIM nach der Heilung"


def garbage() -> bytes:
    """Return random bytes of the form of a message."""
    return bytes((1, 1)) + os.urandom(8 + 16 + 64 + 512 + 16)


def talk(world: AttackWorld, rounds: int) -> None:
    """Let both write by turns."""
    for number in range(rounds):
        world.say(world.customer, world.praxis, f"Frage {number}")
        world.say(world.company, world.kundin, f"Antwort {number}")
    world.advance(20_000)


def best_of_all(pair: Pair) -> Standing | None:
    """Return the session with the highest epoch, proven or not."""
    return min(pair.sessions, key=lambda one: one.rank, default=None)


def renew_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the rules away: a doubt starts a session at once, the newest one carries texts before anybody has
    answered on it, and what was unconfirmed goes again on it.
    """

    def doubt(self: Renewal, turn: Turn, peer: Peer, patience_ms: int = 0) -> None:
        if peer.pair.wanted is None and peer.pair.candidate is None:
            self.set_pair(turn, peer, replace(peer.pair, wanted=Wanted(turn.now_ms, again=True)))
            self.try_start(turn, peer)

    def start(self: Renewal, turn: Turn, peer: Peer, bundle: VerifiedBundle) -> None:
        starting(self, turn, peer, bundle)
        best = best_of_all(peer.pair)
        if best is not None:
            self._context.sending.again_from_others(turn, peer, best.id)
            self._context.sending.pump(turn, peer.contact)

    def settle(self: Renewal, turn: Turn, peer: Peer, session_id: SessionId, change: Change) -> None:
        settling(self, turn, peer, session_id, change)
        best = best_of_all(peer.pair)
        if best is not None and best.id != session_id:
            self.doubt(turn, peer)

    starting, settling = Renewal.start, Renewal.settle
    monkeypatch.setattr(Pair, "active", property(best_of_all))
    monkeypatch.setattr(Renewal, "doubt", doubt)
    monkeypatch.setattr(Renewal, "start", start)
    monkeypatch.setattr(Renewal, "settle", settle)


# --- C1: healing ---


def healed_and_withheld(days: float) -> tuple[AttackWorld, Copy, int]:
    """Steal the customer's state, let the ratchet heal, and keep a secret back from the customer for a while.

    The relay throws bytes of its own at the customer meanwhile, and both sides' asks stay without an answer.
    """
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    copy = Copy.of(world.customer)
    talk(world, 3)
    sent = len(world.relay.mail)
    strategy.mailboxes = {world.customer.mailbox()}
    world.say(world.company, world.kundin, SECRET)
    for _ in range(3):
        world.relay.slip(world.customer.mailbox(), garbage())
        world.advance(int(days * DAY_MS / 3))
    strategy.did("kept a text and all answers back, and delivered random bytes in their place")
    strategy.mailboxes.clear()
    strategy.release(*range(len(strategy.kept)))
    world.advance(MINUTE_MS)
    talk(world, 2)
    return world, copy, sent


@pytest.mark.parametrize("days", [0.001, 0.1, 1.2, 5])
def test_c1_healing_is_not_undone(days: float, book: Book) -> None:
    """SES-23, SES-25, SES-26, SES-37: a new session may be asked for; no text goes on it before it is
    proven.
    """
    world, copy, sent = healed_and_withheld(days)
    bodies = [item.body for item in world.relay.mail[sent:]]
    assert copy.reads(bodies, world.now_ms) == []
    if days > 1:
        assert copy.begun, (
            "the company did start a session with prekeys that the thief has: its asks were read"
        )
    assert SECRET in world.customer.texts()
    assert world.customer.texts()[-1] == "Antwort 1"
    assert world.customer.session_with(world.praxis).id == world.company.session_with(world.kundin).id
    book.attack("C1", world, Verdict.REFUSED, "what an old state opens of a new session is its asks")


def test_c1_control_texts_on_unproven_sessions(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-22 and SES-37: where the newest session carries texts at once, the thief reads on."""
    renew_at_once(monkeypatch)
    world, copy, sent = healed_and_withheld(1.2)
    assert SECRET in copy.reads([item.body for item in world.relay.mail[sent:]], world.now_ms)
    book.control("C1", "proof before texts go on a session", "a thief of an old state read a text of later")


# --- C1: forward secrecy ---


def delivered_and_deleted() -> list[int]:
    """Keep a receipt back for good; delete the conversation; return on which days a thief reads the text."""
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    sent = len(world.relay.mail)
    strategy.mailboxes = {world.company.mailbox()}
    world.say(world.company, world.kundin, SECRET)
    world.advance(5_000)
    assert world.customer.texts()[-1] == SECRET
    for _ in range(3):
        world.relay.slip(world.customer.mailbox(), garbage())
        world.advance(9 * HOUR_MS)
    strategy.mailboxes.clear()
    world.advance(HOUR_MS)
    world.customer.carry_out(world.customer.engine.forget_contact(world.praxis, world.now_ms))
    world.settle()
    bodies = [item.body for item in world.relay.mail[sent:]]
    days = []
    for day in range(45):
        if SECRET in Copy.of(world.customer).reads(bodies, world.now_ms):
            days.append(day)
        world.advance(DAY_MS)
    return days


def test_c1_a_delivered_text_is_not_sealed_for_prekeys() -> None:
    """SES-37: a receipt that the relay keeps back has nothing sealed again that a later thief could open."""
    assert delivered_and_deleted() == []


def test_c1_control_a_delivered_text_is_sealed_for_prekeys(
    monkeypatch: pytest.MonkeyPatch, book: Book
) -> None:
    """Control of SES-37 and ID-18: sealed again at once, the text is open to a thief who comes days later."""
    renew_at_once(monkeypatch)
    monkeypatch.setattr("e2ee_client.engine.upkeep.Upkeep.forget", lambda _self, _turn, _owner: None)
    days = delivered_and_deleted()
    assert days
    book.control(
        "C1",
        "proof before texts go again, and the end of a contact's prekeys",
        f"a deleted text was read by a thief who came until {days[-1]} days later",
    )


# --- C1: what does not authenticate ---


def test_c1_replay_of_an_older_chain() -> None:
    """SES-23, DR-12: a genuine old message is no loss: one ask, the same sessions."""
    world = AttackWorld.acquainted()
    world.say(world.company, world.kundin, "eins")
    world.advance(5_000)
    old = [body for body in world.relay.bodies(world.customer.mailbox()) if body[1] == 1][-1]
    talk(world, 3)
    before = world.customer.peer_with(world.praxis).pair
    world.relay.slip(world.customer.mailbox(), old)
    world.advance(5_000)
    after = world.customer.peer_with(world.praxis).pair
    assert world.customer.refusals == ["remote.unknown_session"]
    assert len(world.customer.of(Doubt)) == 1
    assert (after.sessions, after.known, after.received) == (before.sessions, before.known, before.received)
    assert after.ask is None, "the ask was answered"


def test_c1_texts_in_flight_arrive() -> None:
    """SES-23: thirty texts that are under way while bytes of nobody arrive are opened all the same, once."""
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    strategy.mailboxes = {world.customer.mailbox()}
    for number in range(30):
        world.say(world.company, world.kundin, f"T{number}")
    strategy.mailboxes.clear()
    world.relay.slip(world.customer.mailbox(), garbage())
    world.advance(20_000)
    strategy.release(*range(30))
    world.advance(30_000)
    assert [text for text in world.customer.texts() if text.startswith("T")] == [f"T{n}" for n in range(30)]
    talk(world, 1)
    assert (world.company.texts()[-1], world.customer.texts()[-1]) == ("Frage 0", "Antwort 0")


# --- C5 ---


def with_a_flight_kept(days: int) -> tuple[AttackWorld, bytes, Keeper]:
    """Let the customer lose its state twice; the relay keeps the first flight of the first loss back."""
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    strategy.mailboxes = {world.company.mailbox()}
    for _ in range(2):
        world.customer.crash(world.customer.rows, Continuity.ROLLED_BACK)
        world.customer.start()
        world.advance(5_000)
        strategy.mailboxes.clear()
    kept = next(one for one in strategy.kept if one.body[1] == 2)
    for day in range(days):
        world.advance(DAY_MS)
        world.say(world.customer, world.praxis, f"Kundin am Tag {day}")
        world.say(world.company, world.kundin, f"Praxis am Tag {day}")
    world.advance(3 * HOUR_MS)
    assert (world.customer.texts()[-1], world.company.texts()[-1]) == (
        f"Praxis am Tag {days - 1}",
        f"Kundin am Tag {days - 1}",
    )
    world.relay.slip(kept.mailbox, kept.body)
    strategy.did(f"delivered a first flight after {days} days")
    world.settle()
    world.say(world.company, world.kundin, "DRINGEND")
    return world, kept.body, strategy


@pytest.mark.parametrize("days", [3, 14, 42])
def test_c5_a_flight_kept_back(days: int, book: Book) -> None:
    """SES-22, SES-23, SES-34: it becomes an unproven session beside the active one, or nothing; prekeys
    stay.
    """
    world, _, _ = with_a_flight_kept(days)
    assert world.customer.texts()[-1] == "DRINGEND"
    peer = world.company.peer_with(world.kundin)
    assert peer.pair.active is not None
    assert peer.pair.active.id == world.customer.session_with(world.praxis).id
    given = peer.prekeys()
    assert given is not None
    assert given.ends_ms > world.now_ms, "the prekeys of the newest week"
    verdict = Verdict.REFUSED if days == 42 else Verdict.HARMLESS
    book.attack("C5", world, verdict, "what is older replaces nothing")


def test_c5_control_the_newest_heard_wins(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-22: where the session that was heard last is active, the company's texts go nowhere."""
    monkeypatch.setattr(Pair, "active", property(lambda pair: next(reversed(pair.sessions), None)))
    world, _, _ = with_a_flight_kept(3)
    assert "DRINGEND" not in world.customer.texts()
    book.control(
        "C5", "the rule which session is active", "a flight of three days ago took the company's texts"
    )


# --- C6 ---


def company_comes_back(days: int, most: int = 120) -> tuple[AttackWorld, int]:
    """Let the company lose its state while the customer is away; return after how many minutes of both its
    text arrives, at most `most`.
    """
    world = AttackWorld.acquainted()
    world.advance(8 * DAY_MS)
    given = world.company.peer_with(world.kundin).prekeys()
    assert given is not None
    assert given.bundle.opks, "the weekly ask brought one-time keys"
    world.customer.stop()
    world.customer.alive = False
    world.advance(days * DAY_MS)
    world.company.crash(world.company.rows, Continuity.ROLLED_BACK)
    world.company.start()
    world.advance(MINUTE_MS)
    world.relay.deeds.append(
        f"kept the customer away for {days} days, so that the prekeys it gave have ended"
    )
    world.say(world.company, world.kundin, "Hoeren Sie uns?")
    world.customer.alive = True
    world.customer.crash()
    world.customer.start()
    for minute in range(most):
        if "Hoeren Sie uns?" in world.customer.texts():
            return world, minute
        world.advance(MINUTE_MS)
    return world, most


@pytest.mark.parametrize("days", [7, 14, 20])
def test_c6_prekeys_that_have_ended(days: int, book: Book) -> None:
    """SES-34: expired one-time keys are never chosen; the others serve 14 days past their end in a met
    pair.
    """
    world, minutes = company_comes_back(days)
    assert minutes < 2
    begun = next(one for one in reversed(world.company.of(SessionStarted)) if one.by_us)
    assert begun.one_time_x25519 == (days == 7)
    book.attack(
        "C6", world, Verdict.HARMLESS, "the text waits for proof, and so for nothing but both being online"
    )


def test_c6_a_list_that_has_ended() -> None:
    """ID-36, SES-26: away for longer than its list lives, a customer is reached once its own ask has found no
    answer for a day.
    """
    _, minutes = company_comes_back(30, 27 * 60)
    assert 1 < minutes < 27 * 60


def test_c6_control_the_first_one_time_key(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-34: where the first one-time key is taken, whatever its end, no session is begun."""

    def first(self: PeerPrekeys, now_ms: int) -> tuple[SignedPrekey | None, SignedPrekey | None, PeerPrekeys]:
        return next(iter(self.opks), None), next(iter(self.one_time_pqks), None), self

    monkeypatch.setattr(PeerPrekeys, "take", first)
    world, _ = company_comes_back(20)
    assert not [one for one in world.company.of(SessionStarted)[1:] if one.by_us]
    book.control("C6", "the end of one-time keys", "the company could not begin a session")


# --- C8 ---


def withheld_for_good() -> tuple[AttackWorld, Keeper]:
    """Drop three texts for good; a day later try to have the sessions renewed, so that nothing shows the
    loss.
    """
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    strategy.mailboxes = {world.customer.mailbox()}
    for number in range(3):
        world.say(world.company, world.kundin, f"Widerruf {number}")
    world.advance(25 * HOUR_MS)
    world.relay.slip(world.customer.mailbox(), garbage())
    world.advance(11 * MINUTE_MS)
    strategy.did("dropped three texts and everything of a day for good, then delivered random bytes")
    strategy.kept.clear()
    strategy.mailboxes.clear()
    world.advance(MINUTE_MS)
    for number in range(3):
        world.say(world.company, world.kundin, f"Guten Morgen {number}")
        world.say(world.customer, world.praxis, f"Guten Morgen! {number}")
        world.advance(10_000)
    return world, strategy


def test_c8_a_gap_survives_a_new_session(book: Book) -> None:
    """SES-29, SES-30, SES-37: numbers count texts of a pair, not of a session: the loss shows, and is
    mended.
    """
    world, _ = withheld_for_good()
    assert Gap(world.praxis) in world.customer.of(Gap)
    book.attack("C8", world, Verdict.GAP, "the number of the next text tells of those before it")
    world.advance(DAY_MS)
    assert sorted(set(world.customer.texts())) == sorted(world.customer.texts())
    assert {f"Widerruf {number}" for number in range(3)} <= set(world.customer.texts())


def test_c8_control_nobody_counts(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-29 and SES-37: where nobody counts and nothing goes again, a withdrawal is lost
    silently.
    """
    monkeypatch.setattr(Received, "take", lambda self, number: (self._replace(highest=number.n), []))
    monkeypatch.setattr(Received, "told", lambda self, _newest: (self, []))
    monkeypatch.setattr(Sending, "_again", lambda *_: None)
    world, _ = withheld_for_good()
    world.advance(DAY_MS)
    assert world.customer.of(Gap) == []
    assert "Widerruf 0" not in world.customer.texts()
    book.control("C8", "the numbers of texts", "three texts were lost and the receiver was told nothing")
