"""Attacks on revocation and restore: a stolen device that was struck off, a device that nobody knows yet, and a
directory that hides a list, or shows one twice.
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
from e2ee_relay.protocol import KnownFrame, LookupResult, PrekeysBundle, Request
from evil_relay import Strategy
from parties import DAY_MS

from e2ee import identity
from e2ee.pair import HOUR_MS, MINUTE_MS
from e2ee.secret import AccountKey

RECOVERED = "Hier ist die echte Praxis"


class Hider(Strategy):
    """Answers look-ups with what it first showed, from a moment on, and hands out no bundle of a newer device."""

    def __init__(self) -> None:
        self.hides = False
        self.shown: LookupResult | None = None

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if isinstance(frame, LookupResult) and frame.lists and self.shown is None:
            self.shown = frame
        if self.hides and isinstance(frame, LookupResult) and self.shown is not None:
            self.did("went on showing the device list of the first day")
            return (dataclasses.replace(self.shown, request_id=frame.request_id),)
        if self.hides and isinstance(frame, PrekeysBundle):
            return ()
        return (frame,)


def saved_of(victim: Victim, account_key: AccountKey) -> restoring.Saved:
    """Return what a backup of a client holds."""
    own, rows = victim.engine._state.own, victim.rows
    tables = ("list", "contact", "message", "timeline", "peer")
    kept = tuple(tuple(rows.items(table)) for table in tables)
    return restoring.Saved(
        account_key, None, own.device.record, own.device_list, own.relay_url, own.name, own.publish, False, kept
    )


def restored(world: AttackWorld, saved: restoring.Saved) -> Victim:
    """Open an account on a new device from its backup, which strikes the old one off."""
    made = world.victim("Praxis neu", publish=saved.publish)
    rows = SealedRows()
    rows.commit(tuple(restoring.new_rows(saved, [], None, made.rng, world.now_ms)))
    made.crash(rows)
    made.start()
    world.advance(MINUTE_MS)
    return made


def stolen(strategy: Strategy | None = None) -> tuple[AttackWorld, Victim, Victim]:
    """Let the company's device be stolen without its account key, and the company go on with another one."""
    world = AttackWorld.acquainted(strategy)
    thief = world.company
    account_key = AccountKey(thief.engine.export_account_key().expose())
    saved = saved_of(thief, account_key)
    thief.carry_out(thief.engine.remove_account_key(world.now_ms))
    new = restored(world, saved)
    world.relay.deeds.append("carried the mail of a stolen device that was struck off the company's list")
    return world, thief, new


def pause(world: AttackWorld, span_ms: int) -> None:
    """Let time pass in which nobody writes."""
    world.advance(span_ms)


# --- C3 ---


def exchanged(world: AttackWorld, thief: Victim, number: int) -> tuple[bool, bool]:
    """Let both write to each other; tell whether the thief got the text, and whether the customer shows its."""
    question, answer = f"Geheimnis {number}", f"Antwort der Diebin {number}"
    world.say(world.customer, world.praxis, question)
    world.advance(MINUTE_MS)
    world.say(thief, world.kundin, answer)
    world.advance(MINUTE_MS)
    return question in thief.texts(), answer in world.customer.texts()


def test_c3_struck_off_and_published(book: Book) -> None:
    """ID-28, ID-30: who writes learns of it with the first text a day later; that one may still reach the thief."""
    world, thief, new = stolen()
    pause(world, 25 * HOUR_MS)
    exchanged(world, thief, 0)
    assert exchanged(world, thief, 1) == (False, False)
    assert NewDevice(world.praxis, new.engine._state.own.device.record.device_id) in world.customer.events
    assert "Geheimnis 1" in new.texts()
    world.say(new, world.kundin, RECOVERED)
    world.advance(MINUTE_MS)
    assert world.customer.texts()[-1] == RECOVERED
    book.attack("C3", world, Verdict.REFUSED, "the list is asked for before a text, at most once a day")


def test_c3_nobody_writes(book: Book) -> None:
    """ID-30: without any text a week and a day suffice."""
    world, thief, _ = stolen()
    pause(world, 8 * DAY_MS)
    assert exchanged(world, thief, 0) == (False, False)
    book.attack("C3", world, Verdict.REFUSED, "the list is asked for once a week in any case")


def test_c3_the_relay_hides_the_list(book: Book) -> None:
    """ID-29: with the newest list hidden, nothing is sealed or shown 31 days after the pinned one was signed."""
    strategy = Hider()
    world = AttackWorld.acquainted(strategy)
    strategy.hides = True
    account_key = AccountKey(world.company.engine.export_account_key().expose())
    saved = saved_of(world.company, account_key)
    thief = world.company
    thief.carry_out(thief.engine.remove_account_key(world.now_ms))
    restored(world, saved)
    pause(world, 29 * DAY_MS)
    assert exchanged(world, thief, 0) == (True, True), "within the bound"
    pause(world, 2 * DAY_MS + HOUR_MS)
    assert exchanged(world, thief, 1) == (False, False)
    assert ListStale(world.praxis) in world.customer.events
    book.attack("C3", world, Verdict.SHOWN, "a list ends after thirty days, and what is sent after it is held")


def test_c3_control_nobody_asks(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-29 and ID-30: where nobody asks again and no list is too old, the thief writes and reads on."""
    monkeypatch.setattr(Directory, "refresh", lambda *_: None)
    monkeypatch.setattr(Directory, "weekly", lambda *_: None)
    monkeypatch.setattr(Renewal, "is_stale", lambda *_: False)
    world, thief, _ = stolen()
    pause(world, 40 * DAY_MS)
    assert exchanged(world, thief, 0) == (True, True)
    book.control("C3", "look-ups of a running conversation, and the end of a list", "the thief was the company")


# --- C4 ---


def lost_and_restored() -> tuple[AttackWorld, Victim]:
    """Let the company lose its device, and open its account again from a backup."""
    world = AttackWorld.acquainted()
    saved = saved_of(world.company, AccountKey(world.company.engine.export_account_key().expose()))
    world.company.stop()
    world.company.alive = False
    world.relay.deeds.append("had the company's device broken; a backup was restored on another one")
    return world, restored(world, saved)


def both_reach(world: AttackWorld, new: Victim) -> tuple[bool, bool]:
    """Let both write; tell whether each text has arrived a day later."""
    world.say(world.customer, world.praxis, "Hallo, sind Sie da?")
    world.advance(25 * HOUR_MS)
    world.say(new, world.kundin, "Wir haben ein neues Geraet")
    world.advance(HOUR_MS)
    return "Hallo, sind Sie da?" in new.texts(), "Wir haben ein neues Geraet" in world.customer.texts()


def test_c4_a_restored_company(book: Book) -> None:
    """SES-40, ID-30: both sides reach each other again, and the customer is told of the new device."""
    world, new = lost_and_restored()
    assert both_reach(world, new) == (True, True)
    assert NewDevice(world.praxis, new.engine._state.own.device.record.device_id) in world.customer.events
    book.attack("C4", world, Verdict.HARMLESS, "a new device writes first where it can, and is looked up")


def test_c4_the_old_device_is_told() -> None:
    """SES-40: a device whose place another one has taken says so, and sends nothing more."""
    world = AttackWorld.acquainted()
    saved = saved_of(world.company, AccountKey(world.company.engine.export_account_key().expose()))
    restored(world, saved)
    world.company.break_connections()
    world.advance(HOUR_MS)
    assert world.company.of(DeviceReplaced)
    assert world.company.attempt(world.kundin, "Ich bin noch da") == "account.replaced"


def test_c4_control_nobody_looks(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-40 and ID-30: without greeting and look-ups the two never hear of each other again."""
    monkeypatch.setattr(restoring, "_to_be_greeted", lambda contact: contact)
    monkeypatch.setattr(restoring, "_reachable", lambda *_: iter(()))
    for name in ("refresh", "weekly"):
        monkeypatch.setattr(Directory, name, lambda *_: None)
    world, new = lost_and_restored()
    assert both_reach(world, new)[1] is False
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


def looked_up_twice() -> AttackWorld:
    """Let the customer look the company up while the relay repeats the list."""
    strategy = Twice()
    world = AttackWorld.acquainted(strategy)
    strategy.is_on = True
    world.advance(25 * HOUR_MS)
    world.say(world.customer, world.praxis, "Guten Morgen")
    world.advance(MINUTE_MS)
    assert world.relay.deeds, "the customer has looked it up"
    return world


def test_c7_one_list_twice(book: Book) -> None:
    """ID-07: an equal hash is the same list, no fork."""
    world = looked_up_twice()
    assert world.customer.alarm(world.praxis) == ""
    assert world.customer.attempt(world.praxis, "Hallo?") == ""
    book.attack("C7", world, Verdict.HARMLESS, "only another hash for one number is a fork")


def test_c7_control_any_second_list(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-07: where a list of an equal number is a fork, a relay without keys blocks the contact."""
    checking = identity.check_link

    def strict(head: identity.ListHead, following: identity.DeviceList) -> None:
        if following.seq == head.seq:
            raise identity.ListFork("a second list for one number", following.signed)
        checking(head, following)

    monkeypatch.setattr(identity, "check_link", strict)
    world = looked_up_twice()
    assert world.customer.alarm(world.praxis) == "remote.list_fork"
    assert IdentityAlarm(world.praxis, "remote.list_fork") in world.customer.events
    book.control("C7", "the hash of a repeated list", "the contact was blocked by its own genuine list")
