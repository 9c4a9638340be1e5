"""A device that its account has struck off: by when each contact refuses it (ID-28, ID-36, ID-37)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.engine.records import Contact
from e2ee_client.engine.turn import Turn
from e2ee_client.events import (
    IdentityAlarm,
    ListStale,
    MessageRejected,
    MessageState,
    NewDevice,
    SessionProven,
)
from e2ee_relay.protocol import Lookup, Role, Send, decode_frames
from engine_world import Node, World, acquainted
from relay_scenes import bodies_in, delivered, lose, losing, lossless, talk, well
from run_counts import count
from struck_off import HidingRelay, backup_of, heedless, restored

from e2ee.constants import CLOCK_TOLERANCE_MS
from e2ee.identity import sign_list
from e2ee.ids import AccountId

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def stolen(name: str = "Praxis") -> tuple[World, Node, Node, Node, bytes]:
    """A company whose device was stolen, its new device, and a customer that the new device does not know.

    The account key was kept elsewhere, so that the thief can sign no list.
    """
    world, company, customer, praxis = acquainted(name=name)
    talk(world, company, customer, praxis, 2)
    world.advance(2 * MINUTE_MS)
    saved = backup_of(company, knows_contacts=False)
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    owner = restored(world, saved, "Praxis neu")
    for node in (company, customer):
        node.events.clear()
    return world, company, owner, customer, praxis


def is_refused(world: World, thief: Node, customer: Node) -> bool:
    """Whether a customer refuses what a struck-off device sends now."""
    text = f"vom Dieb um {world.now_ms}"
    thief.engine._state.own.replaced = False  # its program does not mind
    heedless(thief)
    thief.send(customer.engine.account_id, text)
    world.settle()
    return text not in customer.texts()


def hours_until_refused(world: World, thief: Node, customer: Node, limit: int) -> int:
    for hour in range(limit):
        if is_refused(world, thief, customer):
            return hour
        world.advance(HOUR_MS)
    return limit


def test_who_writes_refuses_a_struck_off_device_within_a_day() -> None:
    """ID-37: a text is preceded by a LOOKUP if the last is a day old; it does not wait for it."""
    world, thief, owner, customer, praxis = stolen()
    owner.start()
    world.advance(MINUTE_MS)
    for _ in range(25):
        customer.send(praxis, f"um {world.now_ms}")
        world.advance(HOUR_MS)
    assert is_refused(world, thief, customer)
    assert customer.of(NewDevice)
    sent = customer.send(praxis, "an die neue")
    world.advance(MINUTE_MS)
    assert owner.texts()[-1] == "an die neue"
    assert "an die neue" not in thief.texts()
    owner.carry_out(owner.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)


@pytest.mark.parametrize("name", ["Praxis", "Bank", "Labor", "Amt", "Klinik"][: count(2, 5)])
def test_who_only_reads_refuses_it_within_seven_days(name: str) -> None:
    """ID-37: each published contact is looked up within a week, whatever the account id draws."""
    world, thief, owner, customer, praxis = stolen(name)
    contact = customer.engine._state.contacts[praxis]
    contact.looked_up_ms = world.now_ms
    owner.start()
    assert 4 * 24 < hours_until_refused(world, thief, customer, 9 * 24) <= 7 * 24


IDLE, WRITING = pytest.param(False, id="idle", marks=pytest.mark.audit_only), pytest.param(True, id="writing")


@pytest.mark.audit_only
@pytest.mark.parametrize("writes", [IDLE, WRITING])
def test_a_relay_that_hides_the_list_gains_31_days(writes: bool) -> None:
    """ID-36: past the end of the pinned list and the clock tolerance nothing is shown, and nothing sealed."""
    world, thief, owner, customer, praxis = stolen()
    issued_ms = thief.engine._state.own.device_list.issued_ms
    relay = HidingRelay(customer, praxis)
    owner.outgoing = losing(Send)
    owner.start()
    while not is_refused(world, thief, customer):
        if writes:
            customer.send(praxis, f"um {world.now_ms}")
        world.advance(12 * HOUR_MS)
        assert world.now_ms < issued_ms + 40 * DAY_MS
    assert world.now_ms - issued_ms <= 31 * DAY_MS + 12 * HOUR_MS
    thief.stop()
    thief.alive = False
    assert relay.asked_ms
    assert ListStale(praxis) in customer.events
    assert not customer.of(IdentityAlarm)
    sealed: list[bytes] = []

    def noted(channel: object, data: bytes) -> list[bytes]:
        sealed.extend(bodies_in(data))
        return relay._outgoing(channel, data)  # type: ignore[arg-type]  # as it was called

    customer.outgoing = noted
    sent = customer.send(praxis, "nicht für den Dieb")
    world.advance(3 * DAY_MS)
    assert sealed == []
    customer.outgoing = lossless
    owner.outgoing = lossless
    world.advance(8 * DAY_MS)
    assert owner.texts()[-1] == "nicht für den Dieb"
    assert not any("Dieb" in text and text not in owner.texts() for text in thief.texts())
    assert customer.engine.message(praxis, sent).state is not MessageState.QUEUED
    assert not customer.rows.tables["held"]
    thief.alive = True
    thief.start()
    assert is_refused(world, thief, customer)


def test_what_a_late_company_sends_is_held_and_shown_when_its_list_comes() -> None:
    """ID-36: the account key is offline and the list has ended: nothing is lost or confirmed."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    world.advance(company.engine._state.own.device_list.expires_ms - world.now_ms)
    customer.alive = False
    customer.break_connections()
    sent = [company.send(customer.engine.account_id, f"spät {number}") for number in range(3)]
    world.advance(CLOCK_TOLERANCE_MS + HOUR_MS)
    customer.alive = True
    customer.start()
    asked = customer.send(praxis, "Frage")
    world.advance(DAY_MS)
    assert "spät 0" not in customer.texts()
    assert not set(sent) & delivered(company)
    assert ListStale(praxis) in customer.events
    assert len(customer.of(ListStale)) == 1
    signed = sign_list(key, company.engine.renewal_request(world.now_ms)).signed
    company.carry_out(company.engine.install_list(signed, world.now_ms))
    world.advance(10 * MINUTE_MS)
    assert [customer.texts().count(f"spät {number}") for number in range(3)] == [1] * 3
    assert set(sent) <= delivered(company)
    assert asked in delivered(customer)
    assert not customer.rows.tables.get("held")
    well(world, company, customer, praxis)


def test_no_more_than_64_contents_are_held() -> None:
    """ID-36, SES-35."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    heedless(company)
    end_ms = company.engine._state.own.device_list.expires_ms + CLOCK_TOLERANCE_MS
    world.advance(end_ms - world.now_ms + HOUR_MS)
    for number in range(80):
        company.send(customer.engine.account_id, f"spät {number}")
    world.advance(MINUTE_MS)
    assert len(customer.rows.tables["held"]) == 64
    world.advance(DAY_MS)
    signed = sign_list(key, company.engine.renewal_request(world.now_ms)).signed
    company.carry_out(company.engine.install_list(signed, world.now_ms))
    world.advance(3 * DAY_MS)
    assert sum(text.startswith("spät") for text in customer.texts()) == 80, "the sender repeats the others"
    assert len(set(customer.texts())) == len(customer.texts())
    well(world, company, customer, praxis)


def test_held_contents_go_after_30_days() -> None:
    """ID-36."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    heedless(company)
    end_ms = company.engine._state.own.device_list.expires_ms + CLOCK_TOLERANCE_MS
    world.advance(end_ms - world.now_ms + HOUR_MS)
    company.send(customer.engine.account_id, "spät")
    world.advance(MINUTE_MS)
    held = set(customer.rows.tables["held"])
    assert len(held) == 1
    company.stop()
    world.advance(29 * DAY_MS)
    assert held <= customer.rows.tables["held"].keys()
    world.advance(2 * DAY_MS)
    assert not held & customer.rows.tables["held"].keys()


def test_a_struck_off_device_starts_no_session() -> None:
    """ID-28, ID-16: its flight carries its old list, which is no newer than the pinned one."""
    world, thief, owner, customer, praxis = stolen()
    owner.start()
    world.advance(MINUTE_MS)
    customer.send(praxis, "ich schaue nach")
    world.advance(26 * HOUR_MS)
    customer.send(praxis, "noch einmal")
    world.advance(MINUTE_MS)
    assert owner.texts()
    before = set(customer.engine._state.sessions)
    lose(thief)
    world.advance(DAY_MS)
    assert is_refused(world, thief, customer)
    assert set(customer.engine._state.sessions) <= before | set(owner.engine._state.sessions)
    assert "remote.identity" in {one.code for one in customer.of(MessageRejected)}


def test_a_lookup_of_each_contact_is_bounded() -> None:
    """ID-37: who writes all day asks once a day."""
    world, _, customer, praxis = acquainted()
    customer.sent.clear()
    for _ in range(100):
        customer.send(praxis, "x")
        world.advance(30 * MINUTE_MS)
    frames = [one for data in customer.sent for one in decode_frames(data, Role.RELAY)]
    assert sum(isinstance(one, Lookup) for one in frames) == 2


@pytest.mark.parametrize(("drawn_ms", "is_due"), [(0, False), (2 * DAY_MS - 1, True)])
def test_the_moment_of_a_weekly_lookup_is_drawn(
    monkeypatch: pytest.MonkeyPatch, drawn_ms: int, *, is_due: bool
) -> None:
    """ID-37: whoever the contact is, the same draw gives the same moment."""
    world, _, customer, _ = acquainted()
    state, directory = customer.engine._state, customer.engine._context.directory
    state.ports = replace(state.ports, rng=lambda size_b: drawn_ms.to_bytes(size_b, "big"))
    asked: list[bytes] = []
    monkeypatch.setattr(directory, "look_up", lambda _, contact: asked.append(contact.account_id))
    ids = [AccountId(bytes((first,)) * 32) for first in (0, 77, 255)]
    for account_id in ids:
        at_ms = world.now_ms - 4 * DAY_MS - 23 * HOUR_MS
        contact = Contact(account_id, None, "", published=True, accepted=True, looked_up_ms=at_ms)
        directory.weekly(Turn(world.now_ms, state.own.account_id), contact)
    assert asked == (ids if is_due else [])


# --- a company that is restored ---


def test_both_sides_write_again_after_a_restore_and_are_told() -> None:
    """SES-40: the new device writes to everybody whom the backup knows; the old one is struck off at once."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    world.advance(MINUTE_MS)
    saved = backup_of(company)
    company.stop()
    company.alive = False
    again = restored(world, saved, "Praxis neu")
    customer.events.clear()
    again.start()
    world.advance(MINUTE_MS)
    assert customer.of(NewDevice)
    assert customer.of(SessionProven)
    assert again.of(SessionProven)
    sent = customer.send(praxis, "Frage")
    answer = again.send(customer.engine.account_id, "Antwort")
    world.advance(10_000)
    assert again.texts() == ["Frage"]
    assert customer.texts()[-1] == "Antwort"
    assert sent in delivered(customer)
    assert answer in delivered(again)
    assert not customer.of(IdentityAlarm)
    company.alive = True
    company.start()
    world.advance(MINUTE_MS)
    assert is_refused(world, company, customer)


def test_a_text_on_its_way_to_the_old_device_reaches_the_restored_one_or_is_told() -> None:
    """SES-40, ID-28: what has left may be lost and is told; what waited goes to the new device."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    world.advance(MINUTE_MS)
    saved = backup_of(company)
    company.stop()
    company.alive = False
    lost = customer.send(praxis, "an die alte")
    world.settle()
    again = restored(world, saved, "Praxis neu")
    customer.events.clear()
    again.start()
    world.advance(MINUTE_MS)
    told = {getattr(one, "message_id", b"") for one in customer.events}
    assert lost in told


def test_a_restored_company_is_found_by_those_whom_its_backup_does_not_know() -> None:
    """SES-40, ID-37: unconfirmed for a day, or the weekly LOOKUP."""
    world, company, owner, customer, praxis = stolen()
    company.stop()
    company.alive = False
    owner.start()
    world.advance(MINUTE_MS)
    customer.send(praxis, "erste")
    world.advance(26 * HOUR_MS)
    sent = customer.send(praxis, "zweite")
    world.advance(2 * HOUR_MS)
    assert "zweite" in owner.texts()
    owner.carry_out(owner.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)
    owner.send(customer.engine.account_id, "Antwort")
    world.advance(MINUTE_MS)
    assert customer.texts()[-1] == "Antwort"


def test_a_restored_customer_is_answered_at_once() -> None:
    """SES-40: it publishes nothing; its list goes far ahead, and its flight strikes off the old device."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    world.advance(MINUTE_MS)
    saved = backup_of(customer)
    customer.stop()
    customer.alive = False
    again = restored(world, saved, "Kundin neu")
    company.events.clear()
    again.start()
    world.advance(MINUTE_MS)
    assert company.of(NewDevice)
    sent = company.send(again.engine.account_id, "Befund")
    asked = again.send(praxis, "Frage")
    world.advance(MINUTE_MS)
    assert again.texts() == ["Befund"]
    assert company.texts()[-1] == "Frage"
    assert sent in delivered(company)
    assert asked in delivered(again)
    assert (
        len(company.engine._state.peers_in_force(company.engine._state.contacts[again.engine.account_id]))
        == 1
    )
