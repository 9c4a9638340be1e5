"""Attacks on which session is used: crossing beginnings, and losses that never happened.

An earlier form of the test of B3 called a forced reset refused although a thief read what was sent again: it
counted the resets and the texts of each, both below their limits, and held what was sent again against the
keys of a stranger. It never asked who could open it, so that prekeys in a stolen state stayed out of sight.
`test_renewal.py` has the thief; here nothing may be sent again, and no session may change.
"""

from __future__ import annotations

import itertools
import os

import pytest
from attack_evidence import Book, Verdict
from attack_keys import ghost
from attack_world import AttackWorld, Victim
from e2ee_client.engine import directory, incoming
from e2ee_client.engine.sending import Sending
from e2ee_client.events import Doubt, MessageRejected, SessionStarted
from e2ee_client.rows import Continuity
from evil_relay import Keeper

from e2ee import pair as pairs
from e2ee.pair import MINUTE_MS, Pair, Standing

# --- B2 ---


def crossing() -> tuple[AttackWorld, Victim, Keeper]:
    """Let two companies write to each other at the same moment; the relay keeps two messages of each."""
    strategy = Keeper()
    world = AttackWorld(strategy)
    labor = world.victim("Labor", publish=True)
    labor.start()
    strategy.mailboxes = {world.company.mailbox(), labor.mailbox()}
    praxis = labor.add(world.company.engine.card())
    world.company.add(labor.engine.card())
    world.company.send(labor.account_id, "Praxis")
    labor.send(praxis, "Labor")
    world.settle()
    strategy.mailboxes.clear()
    return world, labor, strategy


def released(order: tuple[int, ...], *, at_once: bool = False) -> tuple[AttackWorld, Victim]:
    """Deliver the four messages of a crossing in this order, by turns or before anybody answers."""
    world, labor, strategy = crossing()
    strategy.did("kept two first flights that crossed, and delivered their four messages in each order")
    assert len(strategy.kept) == 4
    for number in order:
        strategy.release(number)
        if not at_once:
            world.settle()
    world.advance(5_000)
    return world, labor


def agree(world: AttackWorld, labor: Victim) -> bool:
    """Whether both companies write on the same session."""
    ours = world.company.session_with(labor.account_id)
    return ours.id == labor.session_with(world.company.account_id).id


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_b2_every_order(order: tuple[int, ...], at_once: bool, book: Book) -> None:
    """SES-11, SES-22: both sides end on one session, and each text is shown once, in every order."""
    world, labor = released(order, at_once=at_once)
    assert agree(world, labor)
    assert world.company.texts() == ["Labor"]
    assert labor.texts() == ["Praxis"]
    if order == (0, 1, 2, 3) and at_once:
        book.attack(
            "B2", world, Verdict.HARMLESS, "the higher epoch wins, then the smaller id; 48 orders tried"
        )


def own_first(pair: Pair) -> Standing | None:
    """Return a proven session, one that we have started before any other."""
    return next(
        iter(sorted((one for one in pair.sessions if one.proven), key=lambda one: not one.ours)), None
    )


def test_b2_control_everybody_takes_its_own(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-22: where each side prefers what it started, the two write on different sessions."""
    monkeypatch.setattr(Pair, "active", property(own_first))
    world, labor = released((0, 1, 2, 3), at_once=True)
    assert not agree(world, labor)
    book.control("B2", "the rule which session is active", "the two sides went on in different sessions")


# --- B3 ---


def garbage() -> bytes:
    """Return random bytes of the form of a message."""
    return bytes((1, 1)) + os.urandom(8 + 16 + 64 + 512 + 16)


def unread_texts(count: int) -> tuple[AttackWorld, Keeper]:
    """Let the company send texts that the relay keeps."""
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    strategy.mailboxes = {world.customer.mailbox()}
    for number in range(count):
        world.say(world.company, world.kundin, f"Befund {number} von {count}")
    return world, strategy


def ten_losses() -> tuple[AttackWorld, Keeper, int]:
    """Try ten times to make the customer believe that its session was lost; return what the company sent
    then.
    """
    world, strategy = unread_texts(25)
    strategy.did("kept 25 texts, and made the customer believe, ten times, that its session was lost")
    sent = len(world.relay.bodies(world.customer.mailbox()))
    for _ in range(10):
        world.relay.slip(world.customer.mailbox(), garbage())
        world.advance(11 * MINUTE_MS)
    return world, strategy, len(world.relay.bodies(world.customer.mailbox())) - sent


def test_b3_a_loss_that_never_happened(book: Book) -> None:
    """SES-23, SES-25, SES-35, SES-37: random bytes cost asks and answers; the session stays, nothing is sent
    again.
    """
    world, strategy, answers = ten_losses()
    active = world.customer.peer_with(world.praxis).pair.active
    assert active is not None
    assert active.id == world.company.session_with(world.kundin).id
    assert 1 <= len(world.customer.of(Doubt)) <= pairs.MAX_ASKS
    assert len([one for one in world.customer.of(SessionStarted) if one.by_us]) <= 1 + pairs.MAX_STARTS
    asks = len(world.customer.of(Doubt)) + sum(len(pairs.REPEATS_MS) for _ in range(pairs.MAX_STARTS))
    assert answers <= asks, "one tell for an ask, and no text"
    assert MessageRejected(world.praxis, "remote.unknown_session") in world.customer.events
    strategy.mailboxes.clear()
    strategy.release(*range(len(strategy.kept)))
    world.advance(60_000)
    assert sorted(world.customer.texts()[1:]) == sorted(f"Befund {number} von 25" for number in range(25))
    assert world.customer.session_with(world.praxis).id == world.company.session_with(world.kundin).id
    book.attack("B3", world, Verdict.REFUSED, "a text leaves a second time only on a session that is proven")


def impostor_of(world: AttackWorld) -> Victim:
    """Go on as the customer's device with its stolen account key and other device keys, after a loss of
    state.
    """
    device = ghost(world.customer, world.customer.engine.export_account_key().expose(), same_id=True).party
    world.customer.stop()
    world.customer.alive = False
    thief = world.victim("Diebin")
    thief.crash(world.customer.rows.copy(), Continuity.ROLLED_BACK)
    own = thief.engine._state.own
    own.device, own.device_list = device.device, device.device_list
    thief.engine._state.prekeys.clear()
    return thief


def harvested() -> tuple[AttackWorld, Victim]:
    """Say under the customer's account, with its stolen key and new device keys, that all is lost."""
    world, strategy = unread_texts(3)
    strategy.did("signed a device of its own into the customer's list with the stolen account key")
    thief = impostor_of(world)
    strategy.mailboxes.clear()
    thief.start()
    world.advance(10 * MINUTE_MS)
    return world, thief


def test_b3_harvest_with_new_keys(book: Book) -> None:
    """ID-27, SES-37: nothing is sent again to other keys than it was first sent to."""
    world, thief = harvested()
    assert thief.texts() == []
    assert "remote.identity" in world.company.refusals
    book.attack("B3", world, Verdict.REFUSED, "a changed key gets nothing of what was said before")


def test_b3_control_resent_to_anybody(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-27 and ID-28: where nobody looks at a device's keys, the thief reads what the relay
    kept.
    """
    for module in (directory, incoming):
        monkeypatch.setattr(module, "check_keys", lambda _known, _record: None)
    assert harvested()[1].texts() == [], "ID-28 still stands in the way"
    monkeypatch.setattr(Sending, "strike_off", lambda _self, _turn, _contact: None)
    _, thief = harvested()
    assert thief.texts() == [f"Befund {number} von 3" for number in range(3)]
    book.control(
        "B3",
        "a device's keys in flights, and the end of what was meant for the old ones",
        "the relay read three texts that it had kept",
    )
