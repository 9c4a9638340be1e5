"""Attacks on revocation and restore: a stolen device that was struck off, a device that nobody knows yet,
and a directory that hides a list, or shows one twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld, SealedRows, Victim
from e2ee_client import restoring
from e2ee_client.engine.directory import Directory
from e2ee_client.engine.renewal import Renewal
from e2ee_client.events import DeviceReplaced, IdentityAlarm, ListStale, NewDevice
from e2ee_relay.protocol import KnownFrame, LookupResult, Message, Request
from evil_relay import Strategy
from parties import DAY_MS
from struck_off import heedless

from e2ee import identity
from e2ee.constants import KIND_FIRST_FLIGHT
from e2ee.errors import ListFork
from e2ee.pair import HOUR_MS, MINUTE_MS

RECOVERED = "Hier ist die echte Praxis"


class Hider(Strategy):
    """Keeps the mail of a new device from the customer, and perhaps the company's newest list from
    everybody.
    """

    def __init__(self, *, hides_list: bool = False) -> None:
        self.is_on = False
        self.hides_list = hides_list
        self.mailbox = b""
        self.shown: LookupResult | None = None

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, LookupResult):
            return (frame,)
        self.shown = self.shown or frame
        if not (self.is_on and self.hides_list):
            return (frame,)
        self.did("went on showing the device list of the first day")
        return (dataclasses.replace(self.shown, request_id=frame.request_id),)

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not (self.is_on and isinstance(frame, Message) and frame.mailbox == self.mailbox):
            return (frame,)
        if frame.body[1] == KIND_FIRST_FLIGHT:
            self.did("dropped the first flights of the company's new device")
            return ()
        return (frame,)


def restored(world: AttackWorld, saved: restoring.Saved) -> Victim:
    """Open an account on a new device from its backup, which strikes the old one off."""
    made = world.victim("Praxis neu", publish=saved.publish)
    rows = SealedRows()
    rows.commit(tuple(restoring.new_rows(saved, restoring.Newest(), None, made.rng, world.now_ms)))
    made.crash(rows)
    made.start()
    world.advance(MINUTE_MS)
    return made


def take_over(world: AttackWorld, thief: Victim) -> None:
    """Go on with a stolen device as a thief would: without the account key, and deaf to what the directory
    says of the device's own entry.
    """
    thief.carry_out(thief.engine.remove_account_key(world.now_ms))
    vars(thief.engine._context.entry)["publish"] = lambda *_: None


def stolen(strategy: Hider | None = None) -> tuple[AttackWorld, Victim, Victim]:
    """Let the company's device be stolen without its account key, and the company go on with another one."""
    world = AttackWorld.acquainted(strategy)
    thief = world.company
    saved = restoring.gather(thief.rows, None)
    take_over(world, thief)
    if strategy is not None:
        strategy.is_on, strategy.mailbox = True, world.customer.mailbox()
    new = restored(world, saved)
    world.relay.deeds.append("carried the mail of a stolen device that was struck off the company's list")
    return world, thief, new


# --- C3 ---


def exchanged(world: AttackWorld, thief: Victim, number: int) -> tuple[bool, bool]:
    """Let both write to each other; tell whether the thief got the text, and whether the customer shows
    its.
    """
    question, answer = f"Geheimnis {number}", f"Antwort der Diebin {number}"
    world.say(world.customer, world.praxis, question)
    world.advance(MINUTE_MS)
    heedless(thief)
    world.say(thief, world.kundin, answer)
    world.advance(MINUTE_MS)
    return question in thief.texts(), answer in world.customer.texts()


def test_c3_the_new_device_tells(book: Book) -> None:
    """ID-28, SES-40: the list in the first flight of the new device ends what the customer has with the old
    one.
    """
    world, thief, new = stolen()
    assert exchanged(world, thief, 0) == (False, False)
    assert NewDevice(world.praxis, new.engine._state.own.device.record.device_id) in world.customer.events
    assert new.texts()[-1] == "Geheimnis 0"
    world.say(new, world.kundin, RECOVERED)
    world.advance(MINUTE_MS)
    assert world.customer.texts()[-1] == RECOVERED
    book.attack("C3", world, Verdict.REFUSED, "the new device writes by itself, with the new list")


def test_c3_a_customer_who_writes(book: Book) -> None:
    """ID-37: with the new device's mail dropped, the first text a day later is the last one that the thief
    gets.
    """
    world, thief, new = stolen(Hider())
    world.advance(25 * HOUR_MS)
    exchanged(world, thief, 0)
    assert exchanged(world, thief, 1) == (False, False)
    world.advance(HOUR_MS)
    assert "Geheimnis 1" in new.texts()
    book.attack("C3", world, Verdict.REFUSED, "the list is asked for before a text, at most once a day")


def test_c3_nobody_writes(book: Book) -> None:
    """ID-37: without any text a week and a day suffice."""
    world, thief, _ = stolen(Hider())
    world.advance(8 * DAY_MS)
    assert exchanged(world, thief, 0) == (False, False)
    book.attack("C3", world, Verdict.REFUSED, "the list is asked for once a week in any case")


def test_c3_the_relay_hides_the_list(book: Book) -> None:
    """ID-36: with the newest list hidden, nothing is sealed or shown 31 days after the pinned one was
    signed.
    """
    world, thief, _ = stolen(Hider(hides_list=True))
    world.advance(29 * DAY_MS)
    assert exchanged(world, thief, 0) == (True, True), "within the bound"
    world.advance(2 * DAY_MS)
    assert exchanged(world, thief, 1) == (False, False)
    assert ListStale(world.praxis) in world.customer.events
    book.attack(
        "C3", world, Verdict.SHOWN, "a list ends after thirty days, and what is sent after it is held"
    )


def test_c3_control_nobody_asks(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-36 and ID-37: where nobody asks again and no list is too old, the thief writes and
    reads on.
    """
    monkeypatch.setattr(Directory, "refresh", lambda *_: None)
    monkeypatch.setattr(Directory, "weekly", lambda *_: None)
    monkeypatch.setattr(Renewal, "is_stale", lambda *_: False)
    world, thief, _ = stolen(Hider())
    world.advance(40 * DAY_MS)
    assert exchanged(world, thief, 0) == (True, True)
    book.control(
        "C3", "look-ups of a running conversation, and the end of a list", "the thief was the company"
    )


# --- C4 ---


def device_lost() -> tuple[AttackWorld, restoring.Saved]:
    """Let the company lose its device; return what a backup holds."""
    world = AttackWorld.acquainted()
    saved = restoring.gather(world.company.rows, None)
    world.company.stop()
    world.company.alive = False
    world.relay.deeds.append("had the company's device broken; a backup was restored on another one")
    return world, saved


def both_reach(world: AttackWorld, new: Victim) -> tuple[bool, bool]:
    """Let both write; tell whether each text has arrived a day later."""
    world.say(world.customer, world.praxis, "Hallo, sind Sie da?")
    world.advance(25 * HOUR_MS)
    world.say(new, world.kundin, "Wir haben ein neues Geraet")
    world.advance(HOUR_MS)
    return "Hallo, sind Sie da?" in new.texts(), "Wir haben ein neues Geraet" in world.customer.texts()


def test_c4_a_restored_company(book: Book) -> None:
    """SES-40, ID-37: both sides reach each other again, and the customer is told of the new device."""
    world, saved = device_lost()
    new = restored(world, saved)
    assert both_reach(world, new) == (True, True)
    assert NewDevice(world.praxis, new.engine._state.own.device.record.device_id) in world.customer.events
    book.attack("C4", world, Verdict.HARMLESS, "a new device writes first where it can, and is looked up")


def test_c4_the_old_device_is_told() -> None:
    """SES-40: a device whose place another one has taken says so, and sends nothing more."""
    world = AttackWorld.acquainted()
    saved = restoring.gather(world.company.rows, None)
    restored(world, saved)
    world.company.break_connections()
    world.advance(HOUR_MS)
    assert world.company.of(DeviceReplaced)
    assert world.company.attempt(world.kundin, "Ich bin noch da") == "account.replaced"


def test_c4_control_nobody_looks(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-40 and ID-37: without greeting and look-ups the two never hear of each other again."""
    monkeypatch.setattr(restoring, "_to_be_greeted", lambda contact: contact)
    monkeypatch.setattr(restoring, "_new_pair", lambda *_: iter(()))
    world, saved = device_lost()
    monkeypatch.setattr(Directory, "look_up", lambda *_: None)
    assert both_reach(world, restored(world, saved)) == (False, False)
    book.control("C4", "what a restored device does by itself", "the company's texts never arrived")


# --- C7 ---


class Twice(Strategy):
    """Answers a look-up with the account's own newest list, twice."""

    def __init__(self) -> None:
        self.is_on = False
        self.seen: tuple[bytes, ...] = ()

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, LookupResult):
            return (frame,)
        self.seen = frame.lists[-1:] or self.seen
        if not self.is_on:
            return (frame,)
        self.did("answered a look-up with the newest list, twice")
        return (dataclasses.replace(frame, lists=self.seen * 2),)


def looked_up_twice(strategy: Twice, world: AttackWorld) -> AttackWorld:
    """Let the customer look the company up while the relay repeats the list."""
    strategy.is_on = True
    world.advance(25 * HOUR_MS)
    world.say(world.customer, world.praxis, "Guten Morgen")
    world.advance(MINUTE_MS)
    assert world.relay.deeds, "the customer has looked it up"
    return world


def test_c7_one_list_twice(book: Book) -> None:
    """ID-07: an equal hash is the same list, no fork."""
    strategy = Twice()
    world = looked_up_twice(strategy, AttackWorld.acquainted(strategy))
    assert world.customer.alarm(world.praxis) == ""
    assert world.customer.attempt(world.praxis, "Hallo?") == ""
    book.attack("C7", world, Verdict.HARMLESS, "only another hash for one number is a fork")


def test_c7_control_any_second_list(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-07: where a list of an equal number is a fork, any relay blocks the contact."""
    checking = identity.check_link

    def strict(head: identity.ListHead, following: identity.DeviceList) -> None:
        if following.seq == head.seq:
            raise ListFork("a second list for one number", signed=following.signed)
        checking(head, following)

    strategy = Twice()
    world = AttackWorld.acquainted(strategy)
    monkeypatch.setattr(identity, "check_link", strict)
    looked_up_twice(strategy, world)
    assert world.customer.alarm(world.praxis) == "remote.list_fork"
    assert IdentityAlarm(world.praxis, "remote.list_fork") in world.customer.events
    book.control("C7", "the hash of a repeated list", "the contact was blocked by its own genuine list")
