"""Attacks on the directory: the company's keys begin anew by the relay's word, lists go back or fork."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from attack_evidence import Book, Verdict
from attack_keys import Impostor, ghost
from attack_world import AttackWorld, Victim
from e2ee_client.engine import contents, directory, incoming
from e2ee_client.engine.contents import Contents
from e2ee_client.engine.records import Contact
from e2ee_client.engine.telling import Telling
from e2ee_client.engine.turn import Turn
from e2ee_client.events import IdentityAlarm, MessageRejected, NewDevice, SessionStarted
from e2ee_relay.protocol import KnownFrame, Lookup, LookupResult, PrekeysFetch, Request, Send
from evil_relay import Strategy, accepted, denied
from parties import DAY_MS

from e2ee import identity
from e2ee.content import SignedList
from e2ee.primitives import sign

SECRET = "Die neue Kontonummer lautet 4711"


# --- A14 ---


class NewBeginning(Strategy):
    """Refuses what is sent, so that the client asks the directory again, and answers with its own device."""

    def __init__(self) -> None:
        self.device: Impostor | None = None

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        if self.device is None:
            return (frame,)
        match frame:
            case Send():
                self.relay.tell(connection, self._answer(frame))
            case Lookup(request_id):
                self.did("called the address gone, and answered the look-up with a device of its own")
                self.relay.tell(connection, self.device.entry(request_id))
            case PrekeysFetch(request_id):
                self.relay.tell(connection, self.device.bundle(request_id))
            case _:
                return (frame,)
        return ()

    def _answer(self, frame: Send) -> KnownFrame:
        own = self.device is not None and frame.items[0].mailbox == self.device.party.way_back.mailbox
        return accepted(frame) if own else denied(frame)


def reset_by(signer: bytes, *, seq_step: int, same_id: bool = False) -> tuple[AttackWorld, Impostor]:
    """Let the relay bring in its device, in a list signed by `signer`, and the customer write on."""
    strategy = NewBeginning()
    world = AttackWorld.acquainted(strategy)
    signer = signer or world.company.engine.export_account_key().expose()
    strategy.device = ghost(world.company, signer, seq_step=seq_step, same_id=same_id)
    asks_again(world)
    return world, strategy.device


def test_a14_new_keys_by_the_relays_word(book: Book) -> None:
    """ID-05: a list that the account key has not signed is a fault of the relay; nothing goes to its
    device.
    """
    world, device = reset_by(bytes(32), seq_step=1)
    assert "remote.signature" in told(world.customer)
    assert device.reads(world.relay.bodies()) == []
    book.attack("A14", world, Verdict.REFUSED, "only the account key signs devices; the texts wait")


def test_a14_new_keys_by_a_stolen_account_key(book: Book) -> None:
    """ID-07: a second list beside the pinned one blocks the contact until a person has looked."""
    world, device = reset_by(b"", seq_step=0)
    assert IdentityAlarm(world.praxis, "remote.list_fork") in world.customer.of(IdentityAlarm)
    assert world.customer.alarm(world.praxis) == "remote.list_fork"
    assert "contact.blocked" in world.customer.refusals
    assert device.reads(world.relay.bodies()) == []
    book.attack("A14", world, Verdict.ALARMED, "a fork of the list blocks sending until a person has looked")


def test_a14_other_keys_under_a_known_name(book: Book) -> None:
    """ID-27: not even the account key gives a known device other keys."""
    world, device = reset_by(b"", seq_step=1, same_id=True)
    assert "remote.identity" in told(world.customer)
    assert device.reads(world.relay.bodies()) == []
    book.attack("A14", world, Verdict.REFUSED, "a device that has lost its keys is a new device")


def test_a14_a_new_device_is_shown(book: Book) -> None:
    """ID-07, ID-28: who holds the account key adds a device and reads what follows; the customer is told."""
    world, device = reset_by(b"", seq_step=1)
    record = device.party.device.record
    assert NewDevice(world.praxis, record.device_id) in world.customer.events
    world.relay.deeds.append("had the account key of the company, too")
    assert device.reads(world.relay.bodies()) == ["Hallo?", SECRET]
    book.attack("A14", world, Verdict.LEFT, "whoever has the account key is the company")


@pytest.mark.parametrize("stolen", [False, True])
def test_a14_control(stolen: bool, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Controls of ID-05 and ID-07: without signature, or without the pinned head, the relay reads on."""
    if stolen:
        monkeypatch.setattr(identity, "_check_from_head", lambda _pinned, _lists: None)
        for module in (contents, directory, incoming):
            monkeypatch.setattr(module, "in_force", lambda _contact, given: given)
    else:
        monkeypatch.setattr(sign, "verify", lambda _public, _data, _signature: None)
    world, device = reset_by(b"" if stolen else bytes(32), seq_step=0 if stolen else 1)
    assert device.reads(world.relay.bodies()) == ["Hallo?", SECRET]
    assert world.customer.of(IdentityAlarm) == []
    switched_off = "the pinned head of the device list" if stolen else "the signature of the device list"
    book.control("A14", switched_off, "the relay's device took the company's place and read the next text")


# --- A13 ---


def with_a_past(strategy: NewBeginning) -> tuple[AttackWorld, Impostor]:
    """Let the company's list have named a device that a thief holds now, and strike it off again.

    The customer has followed both lists. The relay answers with the older one, which is honestly signed.
    """
    world = AttackWorld.acquainted(strategy)
    own = world.company.engine._state.own
    account_key = world.company.engine.export_account_key()
    thief = ghost(world.company, account_key.expose())
    older = thief.party.device_list
    newer = identity.sign_list(
        account_key,
        identity.next_list(
            own.account_id, older, [own.device.record], own.device_list.recovery_public, older.issued_ms + 1
        ),
    )
    contact, turn = world.customer.engine._state.contacts[world.praxis], Turn(world.now_ms)
    contact.pin(newer)
    turn.put(contact.put())
    world.customer.carry_out(turn.effects())
    assert head_of(world) == newer.seq
    strategy.device = thief
    return world, thief


def head_of(world: AttackWorld) -> int:
    """Return the sequence number of the company's list that the customer has pinned."""
    head = world.customer.engine._state.contacts[world.praxis].head
    assert head is not None
    return head.seq


def asks_again(world: AttackWorld) -> None:
    """Let the customer write until it has to ask the directory, and write on."""
    world.customer.events.clear()
    world.say(world.customer, world.praxis, "Hallo?")
    world.advance(60_000)
    world.customer.attempt(world.praxis, SECRET)
    world.written.append(SECRET)
    world.settle()


def test_a13_an_older_list(book: Book) -> None:
    """ID-07: a list below the pinned one is a fault of the relay; the device that it still names gets
    nothing.
    """
    world, thief = with_a_past(NewBeginning())
    asks_again(world)
    assert "remote.list_rollback" in told(world.customer)
    assert head_of(world) == 3
    assert thief.reads(world.relay.bodies()) == []
    book.attack("A13", world, Verdict.REFUSED, "the pinned head only goes forward")


def test_a13_control_any_signed_list(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-07: without the pinned head, the thief of a device that was struck off reads on."""
    monkeypatch.setattr(identity, "_check_from_head", lambda _pinned, _lists: None)
    world, thief = with_a_past(NewBeginning())
    asks_again(world)
    assert thief.reads(world.relay.bodies()) == ["Hallo?", SECRET]
    book.control(
        "A13", "the pinned head of the device list", "a device that was struck off read the next text"
    )


def struck_off() -> tuple[AttackWorld, Victim]:
    """Let a thief have the company's device, and the company strike that device off; return the thief's copy.

    The customer learns of the list inside the session; the relay goes on carrying the thief's mail.
    """
    world = AttackWorld.acquainted()
    account_key = world.company.engine.export_account_key()
    newer = ghost(world.company, account_key.expose()).party.device_list
    world.company.control(world.kundin, SignedList(newer.signed))
    world.advance(5_000)
    assert head_of(world) == newer.seq
    world.company.stop()
    world.company.alive = False
    thief = world.victim("Diebin", publish=True)
    thief.crash(world.company.rows.copy())
    thief.start()
    world.customer.events.clear()
    world.relay.deeds.append("carried the mail of a stolen device that was struck off the company's list")
    world.say(thief, world.kundin, "Bitte an diese Adresse zahlen")
    return world, thief


def test_a13_a_device_that_was_struck_off(book: Book) -> None:
    """ID-28: from the moment of the new list nothing is taken from that device and nothing sealed for it."""
    world, thief = struck_off()
    assert world.customer.texts() == []
    assert "remote.unknown_session" in told(world.customer)
    world.say(world.customer, world.praxis, SECRET)
    world.advance(60_000)
    assert thief.texts() == []
    book.attack(
        "A13",
        world,
        Verdict.REFUSED,
        "a session ends with its device's place in the list",
        saw=[world.customer],
    )


def test_a13_control_sessions_outlive_the_list(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-28: where sessions outlive the list, the thief writes as the company, and reads."""
    monkeypatch.setattr(Contact, "names", lambda _self, _record_hash: True)
    world, thief = struck_off()
    assert world.customer.texts() == ["Bitte an diese Adresse zahlen"]
    world.say(world.customer, world.praxis, SECRET)
    assert thief.texts() == [SECRET]
    book.control(
        "A13", "the end of sessions with a struck-off device", "its thief wrote as the company, and read"
    )


class Frozen(Strategy):
    """Goes on for ever with the directory entry of the first day."""

    def __init__(self) -> None:
        self.first: LookupResult | None = None

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, LookupResult):
            return (frame,)
        if self.first is None:
            self.first = frame
        self.did("answered every look-up with the entry of the first day")
        return (replace(self.first, request_id=frame.request_id),)


def later_customer(days: int) -> tuple[AttackWorld, Victim]:
    """Let the directory stand still, and a new customer write after some days."""
    world = AttackWorld.acquainted(Frozen())
    world.advance(days * DAY_MS)
    later = world.victim("Neue Kundin")
    later.start()
    praxis = later.add(world.company.engine.card())
    world.say(later, praxis, "Guten Tag")
    world.advance(20_000)
    return world, later


def test_b5_rolled_back_at_first_contact(book: Book) -> None:
    """CON-05: who was shown an old list is given the new one inside the session, past the relay."""
    world, later = later_customer(20)
    assert world.company.engine._state.own.device_list.seq == 2
    contact = later.engine._state.contacts[world.praxis]
    assert contact.head is not None
    assert contact.head.seq == 1
    world.company.carry_out(world.company.engine.accept_contact(later.account_id, world.now_ms))
    world.say(later, world.praxis, "Noch da?")
    world.advance(20_000)
    assert contact.head.seq == 2
    book.attack("B5", world, Verdict.HARMLESS, "what a first look-up may hide ends with the first answer")


def test_b5_control_heads_are_not_compared(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of CON-05 and CON-10: where lists are not told of in sessions, the relay keeps a customer on
    the old one.
    """
    monkeypatch.setattr(Telling, "tell_list", lambda *_: None)
    monkeypatch.setattr(Contents, "_heads", lambda *_: None)
    world, later = later_customer(20)
    world.company.carry_out(world.company.engine.accept_contact(later.account_id, world.now_ms))
    world.say(later, world.praxis, "Noch da?")
    world.advance(20_000)
    contact = later.engine._state.contacts[world.praxis]
    assert contact.head is not None
    assert contact.head.seq == 1
    book.control("B5", "heads in the session's first contents", "the customer stayed on the withdrawn list")


def test_a13_a_directory_that_stands_still(book: Book) -> None:
    """ID-08: after thirty days at most nothing is begun with what the relay shows; the text waits."""
    world, later = later_customer(40)
    assert later.of(SessionStarted) == []
    assert told(later) == ["remote.list_expired"]
    book.attack("A13", world, Verdict.REFUSED, "lists end after thirty days", saw=[later])


def told(victim: Victim) -> list[str]:
    """Return the codes that a client was told of refusals."""
    return [event.code for event in victim.of(MessageRejected)]
