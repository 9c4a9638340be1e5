"""Attacks on which session is used: crossing beginnings, and losses that never happened."""

from __future__ import annotations

import itertools
import os

import pytest
from attack_evidence import Book, Verdict
from attack_keys import Impostor, ghost
from attack_world import AttackWorld, Victim
from e2ee_client.engine.incoming import Incomings
from e2ee_client.engine.records import Peer
from e2ee_client.events import MessageRejected, ResetCause, SessionReset
from evil_relay import Keeper
from patched_copy import switch_off

from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee.content import Reset, ResetReason
from e2ee.pair import Adoption, Inactive, Pair
from e2ee.prekeys import CompactBundle, VerifiedBundle, compact
from e2ee.primitives import kem
from e2ee.session import Session

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


def released(order: tuple[int, ...]) -> tuple[AttackWorld, Victim]:
    """Deliver the four messages of a crossing in this order."""
    world, labor, strategy = crossing()
    strategy.did("kept two first flights that crossed, and delivered their four messages in each order")
    assert len(strategy.kept) == 4
    for number in order:
        strategy.release(number)
        world.settle()
    return world, labor


def agree(world: AttackWorld, labor: Victim) -> bool:
    """Whether both companies write on the same session."""
    ours = world.company.session_with(labor.account_id)
    return ours.id == labor.session_with(world.company.account_id).id


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_b2_every_order(order: tuple[int, ...], book: Book) -> None:
    """SES-04, SES-11: both sides end on one session, and each text is shown once, in every order."""
    world, labor = released(order)
    world.advance(5_000)
    assert agree(world, labor)
    assert world.company.texts() == ["Labor"]
    assert labor.texts() == ["Praxis"]
    if order == (0, 1, 2, 3):
        book.attack(
            "B2", world, Verdict.HARMLESS, "the higher gen wins, then the smaller id; 24 orders tried"
        )


def test_b2_control_the_newest_wins(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-04 and SES-16: where the newest session wins, the two sides write on different ones."""

    def newest(pair: Pair, session: Session, now_ms: int) -> Adoption:
        made = adopt(pair, session, now_ms)
        if made.is_active or pair.active is None:
            return made
        kept = (*pair.inactive, Inactive(pair.active, now_ms))
        return Adoption(Pair(session, kept, made.pair.highest_gen), True, pair.active, (), False, False)

    adopt = pairs.adopt
    monkeypatch.setattr(pairs, "adopt", newest)
    monkeypatch.setattr(pairs, "is_settled", lambda _pair: False)
    world, labor = released((0, 1, 2, 3))
    assert not agree(world, labor)
    book.control("B2", "the rule which session is active", "the two sides went on in different sessions")


# --- B3 ---


def unread_texts(count: int) -> tuple[AttackWorld, Keeper]:
    """Let the company send texts that the relay keeps."""
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    strategy.mailboxes = {world.customer.mailbox()}
    for number in range(count):
        world.say(world.company, world.kundin, f"Befund {number} von {count}")
    return world, strategy


def test_b3_a_loss_that_never_happened(book: Book) -> None:
    """SES-07, SES-08, SES-19: at most three times a day, at most twenty texts, and for the same device."""
    world, strategy = unread_texts(25)
    strategy.did("kept 25 texts, and made the customer believe, ten times, that its session was lost")
    for _ in range(10):
        world.relay.slip(world.customer.mailbox(), bytes((1, 1)) + os.urandom(8 + 16 + 64 + 512 + 16))
        world.settle()
        # The next reset is ten minutes away (SES-19).
        world.advance(660_000)
    assert len(world.customer.of(SessionReset)) == 3
    resets = world.company.of(SessionReset)
    assert {event.cause for event in resets} == {ResetCause.THEIR_LOSS}
    assert max(event.resent for event in resets) == 20
    assert MessageRejected(world.praxis, "remote.unknown_session") in world.customer.events
    strategy.mailboxes.clear()
    strategy.release(*range(25, len(strategy.kept)))
    world.advance(60_000)
    told = world.customer.texts()[1:]
    assert sorted(told) == sorted(f"Befund {number} von 25" for number in range(5, 25))
    assert Impostor().reads(world.relay.bodies()) == []
    book.attack(
        "B3", world, Verdict.REFUSED, "what is sent again is sealed for the device that had it before"
    )


def lost_state_of(device: Impostor, world: AttackWorld) -> bytes:
    """Make a first flight that says: this device has lost its sessions."""
    party, own = device.party, world.company.engine._state.own
    current = world.company.engine._upkeep.current()
    assert current is not None
    spk, pqk = (item.pair.prekey for item in current)
    bundle = VerifiedBundle(own.device.record, own.device_list, spk, None, pqk)
    session = sessions.initiate(
        party.device, party.device_list, bundle, pairs.LOST_GEN, world.now_ms, party.rng, kem.encapsulate
    )
    own_bundle = CompactBundle(compact(party.spk.prekey), compact(party.pqk.prekey), [], [])
    content = party.content(Reset(ResetReason.STATE_LOST), bundle=own_bundle)
    return sessions.seal(session, content, world.now_ms, party.rng, kem.encapsulate).envelope


def harvested() -> tuple[AttackWorld, list[str]]:
    """Say under the customer's account, with its stolen key and new device keys, that all is lost."""
    world, strategy = unread_texts(3)
    strategy.did("signed a device of its own into the customer's list with the stolen account key")
    account_key = world.customer.engine.export_account_key().expose()
    device = ghost(world.customer, account_key, same_id=True)
    world.relay.slip(world.company.mailbox(), lost_state_of(device, world))
    world.advance(60_000)
    return world, device.reads(world.relay.bodies(device.party.way_back.mailbox))


def test_b3_harvest_with_new_keys(book: Book) -> None:
    """ID-27, SES-08: nothing is sent again to other keys than it was first sent to."""
    world, read = harvested()
    assert read == []
    book.attack("B3", world, Verdict.REFUSED, "a changed key gets nothing of what was said before")


def test_b3_control_resent_to_anybody(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-27 and SES-08: where nobody looks at a device's keys, the relay reads what it kept."""
    monkeypatch.setattr(Peer, "check_keys", lambda _self, _record: None)
    assert harvested()[1] == [], "SES-08 still stands in the way"
    switch_off(monkeypatch, Incomings, "_resend", " and message.record_hash == record_hash", "")
    _, read = harvested()
    assert read == [f"Befund {number} von 3" for number in range(3)]
    book.control(
        "B3",
        "a device's keys in flights and in what is resent",
        "the relay read three texts that it had kept",
    )
