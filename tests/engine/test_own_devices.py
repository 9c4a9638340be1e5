"""The devices of one account: who lists them, who publishes, what an older copy does (ID-41, SES-40)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.engine.records import OwnDevice
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import ConfigError, TooManyDevices, UnknownDevice
from e2ee_client.events import (
    DeviceRemoved,
    DeviceReplaced,
    IdentityAlarm,
    ListStale,
    MessageRejected,
    NewDevice,
    OwnDeviceAdded,
    OwnDeviceRemoved,
)
from e2ee_client.restoring import Newest, Saved, _others
from e2ee_relay.protocol import LookupResult, Publish, Role, decode_frames, encode_frames
from engine_world import Node, World
from own_devices import company, device_id, ids, joined
from relay_scenes import lossless
from struck_off import HidingRelay, backup_of, restored

from e2ee import identity
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, encode_map
from e2ee.ids import AccountId

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def remove(world: World, holder: Node, device: bytes) -> None:
    holder.carry_out(holder.engine.remove_device(device, world.now_ms))
    world.settle()


@pytest.mark.audit_only
def test_a_renewed_list_names_all_and_each_stays_in_reach() -> None:
    """ID-41: the holder signs for all, keeps the others' addresses, and the others follow within a day."""
    world, holder, second, customer, praxis = company()
    before = holder.engine._state.own.device_list.seq
    world.advance(40 * DAY_MS)
    assert holder.engine._state.own.device_list.seq >= before + 2
    assert second.engine._state.own.device_list == holder.engine._state.own.device_list
    assert all(one.reachable for node in (holder, second) for one in node.engine.devices())
    other = world.node("Kunde")
    other.start()
    other.send(other.add(holder.engine.card()), "neu")
    customer.send(praxis, "noch da")
    world.advance(MINUTE_MS)
    assert sorted(holder.texts()) == sorted(second.texts()) == ["neu", "noch da"]
    assert [*customer.of(DeviceRemoved), *customer.of(NewDevice)] == []


def test_an_older_address_that_the_relay_shows_replaces_no_newer_one() -> None:
    """ID-20: nor does none at all, which is published again with the known one; one of the same time does."""
    world, holder, second, *_ = company()
    world.advance(DAY_MS + HOUR_MS)
    device = second.engine._state.own.device
    known = holder.engine._state.own_devices[device.record.hash]
    newest = known.address
    assert newest is not None
    at_ms = identity.verify_address(device.record, newest).issued_ms
    held = holder.engine._state.own.device_list
    later_ms = at_ms + 1
    for issued_ms, byte, replaces in (
        (at_ms - 1, 0, False),
        (None, 0, False),
        (later_ms, 1, True),
        (later_ms, 2, True),
        (at_ms, 0, False),
    ):
        mailbox = bytes(15) + bytes([byte])
        shown = None if issued_ms is None else identity.sign_address(device, mailbox, bytes(32), issued_ms)
        frame = LookupResult(1, (held.signed,), (device.record.encoded,), (shown,), False, ())
        turn = Turn(world.now_ms, holder.engine.account_id)
        holder.engine._context.devices.note_entry(turn, held, frame)
        newest = shown if replaces else newest
        assert known.address == newest


def test_a_struck_off_device_gets_nothing_and_stops() -> None:
    """ID-28, ID-41: a customer that is told refuses it at once, and it learns of it within a day, deaf to the
    customer's last word.
    """
    world, holder, second, customer, praxis = company()
    vars(second.engine._context.entry)["check"] = lambda *_: None
    remove(world, holder, device_id(second))
    world.advance(MINUTE_MS)
    (event,) = customer.of(DeviceRemoved)
    assert event.device_id == device_id(second)
    assert ids(holder) == {device_id(holder)}
    assert [one.device_id for one in holder.of(OwnDeviceRemoved)] == [device_id(second)]
    second.send(customer.engine.account_id, "nicht mehr von uns")
    customer.send(praxis, "nur an eine")
    world.advance(MINUTE_MS)
    assert (holder.texts(), second.texts(), customer.texts()) == (["nur an eine"], [], [])
    assert customer.of(MessageRejected)
    world.advance(DAY_MS + HOUR_MS)
    assert second.of(DeviceReplaced)


def test_a_contact_tells_a_device_that_it_was_struck_off() -> None:
    """ACC-66, ACC-67: the last word makes it look at its entry, which decides."""
    world, holder, second, customer, _ = company()
    remove(world, holder, device_id(second))
    world.advance(MINUTE_MS)
    assert customer.of(DeviceRemoved)
    assert second.of(DeviceReplaced) == [DeviceReplaced(by_code=False)]


def test_a_third_device_stays_while_another_one_goes() -> None:
    """The control of the one above: who is not struck off notices nothing but the event."""
    world, holder, second, customer, praxis = company()
    third = joined(world, holder, "Praxis drei")
    remove(world, holder, device_id(second))
    world.advance(2 * DAY_MS)
    assert ids(third) == ids(holder) == {device_id(holder), device_id(third)}
    assert [one.device_id for one in third.of(OwnDeviceRemoved)] == [device_id(second)]
    customer.send(praxis, "weckt die Suche")
    world.advance(DAY_MS)
    customer.send(praxis, "an zwei")
    world.advance(MINUTE_MS)
    assert holder.texts()[-1:] == third.texts() == ["an zwei"]


@pytest.mark.parametrize("hides", [True, pytest.param(False, marks=pytest.mark.audit_only)])
def test_a_list_that_the_relay_hides_holds_for_31_days(hides: bool) -> None:
    """ID-36: only the struck-off device has spoken with the customer, and the relay hides the new list."""
    world = World()
    holder = world.node("Praxis", publish=True)
    holder.start()
    second = joined(world, holder)
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(holder.engine.card())
    customer.send(praxis, "an beide")
    world.settle()
    second.carry_out(second.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    if hides:
        HidingRelay(customer, praxis)
    remove(world, holder, device_id(second))
    customer.send(praxis, "weckt die Suche")
    for day, wait_ms in ((29, 29 * DAY_MS), (32, 3 * DAY_MS)):
        world.advance(wait_ms)
        customer.send(praxis, f"Tag {day}")
        world.advance(2 * HOUR_MS)
    assert ("Tag 29" in second.texts()) is hides
    assert "Tag 32" not in second.texts()
    assert bool(customer.of(ListStale)) is hides


@pytest.mark.parametrize("is_back", [True, pytest.param(False, marks=pytest.mark.audit_only)])
def test_an_older_copy_of_the_holder_lists_nobody_again(is_back: bool) -> None:
    """ID-40, ID-41: a store that was set back follows the directory before it signs."""
    world, holder, second, customer, _ = company()
    third = joined(world, holder, "Praxis drei")
    older = holder.rows.copy()
    remove(world, holder, device_id(second))
    world.advance(MINUTE_MS)
    customer.events.clear()
    holder.crash(older if is_back else None)
    assert (device_id(second) in ids(holder)) is is_back
    holder.start()
    world.advance(16 * DAY_MS)
    assert ids(holder) == ids(third) == {device_id(holder), device_id(third)}
    assert {one.device_id for one in customer.of(NewDevice)} == {device_id(third)}
    assert customer.of(IdentityAlarm) == []


def test_a_copy_that_waits_to_add_adds_nobody_after_it_was_set_back() -> None:
    """ID-41: what an older copy wanted ends with the directory's newer list."""
    world, holder, second, _, _ = company()
    other = world.node("Praxis drei").engine._state.own.device
    holder.stop()
    own = holder.engine._state.own
    record = of_account(other.record, own.account_id)
    holder.carry_out(holder.engine.add_device(record, world.now_ms))
    waiting = holder.rows.copy()
    holder.carry_out(holder.engine.remove_device(other.record.device_id, world.now_ms))
    holder.start()
    remove(world, holder, device_id(second))
    world.advance(MINUTE_MS)
    holder.crash(waiting)
    holder.start()
    world.advance(20 * DAY_MS)
    assert ids(holder) == {device_id(holder)}


@pytest.mark.audit_only
def test_no_list_is_signed_while_the_relay_withholds_a_record() -> None:
    """ID-42: a store from before the second device joined learns its list, and not yet its record."""
    world = World()
    holder = world.node("Praxis", publish=True)
    holder.start()
    world.settle()
    older = holder.rows.copy()
    second = joined(world, holder)
    world.advance(MINUTE_MS)
    newest = second.engine._state.own.device_list
    holder.crash(older)
    relay = HidingRelay(holder, holder.engine.account_id)
    relay._old = replace(relay._old, lists=(newest.signed,), records=(), addresses=())
    holder.start()
    world.advance(20 * DAY_MS)
    assert holder.engine._state.own.device_list == newest
    holder.outgoing = lossless
    world.advance(2 * DAY_MS)
    assert holder.engine._state.own.device_list.seq > newest.seq
    assert ids(holder) == {device_id(holder), device_id(second)}
    assert not second.of(DeviceReplaced)


def of_account(record: DeviceRecord, account_id: AccountId) -> DeviceRecord:
    """The record with the keys of another one."""
    values = (1, [1], account_id, record.device_id, record.sign_public, record.dh_public)
    ends = (int(record.kind), record.flags, record.created_ms, record.expires_ms)
    return DeviceRecord.decode(encode_map(*values, *ends))


def newest_of(holder: Node, saved: Saved, *more: Node) -> Newest:
    """What the directory answers whoever restores a backup now; a lying one adds records of others."""
    found = HidingRelay(holder, holder.engine.account_id)._old
    holder.outgoing = lossless
    added = tuple(one.engine._state.own.device.record.encoded for one in more)
    found = replace(found, records=found.records + added, addresses=found.addresses + (None,) * len(added))
    lists = [DeviceList.verify(saved.account_id, row) for _, row in holder.rows.items("list")]
    newer = sorted((one for one in lists if one.seq > saved.device_list.seq), key=lambda one: one.seq)
    return Newest(newer, _others(saved, newer[-1] if newer else saved.device_list, found))


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_restored_holder_keeps_nobody_who_was_being_struck_off(is_shown: bool) -> None:
    """SES-40, ID-28: the order stands in the backup, though the directory has not heard of it."""
    _, holder, second, _, _ = company()
    saved = backup_of(holder)
    rows = [OwnDevice.decode(key, row) for key, row in saved.own_devices]
    leaving = [replace(one, leaving=one.record.device_id == device_id(second)).put() for one in rows]
    saved = replace(saved, own_devices=[(one.key, one.value) for one in leaving])
    found = HidingRelay(holder, holder.engine.account_id)._old if is_shown else None
    assert _others(saved, saved.device_list, found) == []


def test_a_restored_holder_keeps_who_is_listed_and_nobody_else() -> None:
    """SES-40: the old holder is struck off; who was struck off after the backup stays out."""
    world, holder, second, customer, praxis = company()
    third = joined(world, holder, "Praxis drei")
    saved = backup_of(holder)
    remove(world, holder, device_id(second))
    world.advance(MINUTE_MS)
    again = restored(world, saved, "Praxis neu", newest_of(holder, saved, second))
    again.start()
    world.advance(2 * DAY_MS)
    assert ids(again) == ids(third) == {device_id(again), device_id(third)}
    assert {type(node.of(DeviceReplaced)[0]) for node in (holder, second)} == {DeviceReplaced}
    customer.send(praxis, "an die beiden neuen")
    world.advance(DAY_MS)
    customer.send(praxis, "und noch eins")
    world.advance(MINUTE_MS)
    assert again.texts()[-1:] == third.texts()[-1:] == ["und noch eins"]
    assert "und noch eins" not in holder.texts() + second.texts()
    assert not customer.of(IdentityAlarm)


def test_a_restored_holder_shows_whom_it_keeps_where_the_entry_is_lost() -> None:
    """SES-40: nothing tells of who was struck off after the backup; it is listed, and struck off again."""
    world, holder, second, _, _ = company()
    saved = backup_of(holder)
    remove(world, holder, device_id(second))
    world.advance(MINUTE_MS)
    again = restored(world, saved, "Praxis neu", Newest((), _others(saved, saved.device_list, None)))
    assert [one.device_id for one in again.engine.devices()] == [device_id(again), device_id(second)]
    again.carry_out(again.engine.remove_device(device_id(second), world.now_ms))
    shown = [one for one in again.engine.devices() if not one.leaving]
    assert [one.device_id for one in shown] == [device_id(again)]


def test_who_joined_after_the_backup_is_struck_off_and_told() -> None:
    """SES-40: to the backup it is as unknown as an account that was restored from it before."""
    world, holder, second, _, _ = company()
    saved = backup_of(holder)
    third = joined(world, holder, "Praxis drei")
    world.advance(MINUTE_MS)
    again = restored(world, saved, "Praxis neu", newest_of(holder, saved))
    again.start()
    world.advance(2 * DAY_MS)
    assert ids(again) == {device_id(again), device_id(second)}
    assert third.of(DeviceReplaced)
    assert not second.of(DeviceReplaced)


def test_two_devices_that_sign_at_once_leave_one_list() -> None:
    """ID-40: the restored holder and the old one both change the list: nobody sees two of a number."""
    world, holder, second, customer, praxis = company()
    saved = backup_of(holder)
    again = restored(world, saved, "Praxis neu", newest_of(holder, saved))
    again.start()
    holder.carry_out(holder.engine.remove_device(device_id(second), world.now_ms))
    world.advance(2 * DAY_MS)
    customer.send(praxis, "danach")
    world.advance(DAY_MS)
    assert not customer.of(IdentityAlarm)
    owners = [node for node in (holder, again) if not node.engine._state.own.replaced]
    assert len(owners) == 1
    assert owners[0].texts()[-1] == "danach"


def test_an_address_that_another_device_has_left_out_comes_back_within_a_day() -> None:
    """ID-41."""
    world, holder, second, _, _ = company()
    own = holder.engine._state.own
    records = sorted(
        (holder.engine._state.own.device.record, second.engine._state.own.device.record),
        key=lambda one: one.hash,
    )
    (channel,) = (one for one in holder.connections if one.mailbox)
    sent = [one for data in holder.sent for one in decode_frames(data, Role.RELAY)]
    address = {one.hash: None for one in records} | {
        own.device.record.hash: next(
            signed
            for one in reversed(sent)
            if isinstance(one, Publish)
            for record, signed in zip(one.records, one.addresses, strict=True)
            if record == own.device.record.encoded
        )
    }
    lists, encoded = (own.device_list.signed,), tuple(one.encoded for one in records)
    addresses = tuple(address[one.hash] for one in records)
    holder._transmit(channel, encode_frames([Publish(2**31, own.account_id, lists, encoded, addresses)]))
    world.settle()
    other = world.node("Kunde")
    other.start()
    praxis = other.add(holder.engine.card())
    other.send(praxis, "vorher")
    world.advance(MINUTE_MS)
    assert (holder.texts(), second.texts()) == (["vorher"], [])
    world.advance(DAY_MS + HOUR_MS)
    other.send(praxis, "nachher")
    world.advance(DAY_MS)
    other.send(praxis, "danach")
    world.advance(MINUTE_MS)
    assert "danach" in second.texts()


def test_who_cannot_be_added_or_removed() -> None:
    """ACC-36: twelve devices; the own one and an unknown one stay."""
    world = World()
    holder = world.node("Praxis", publish=True)
    holder.start()
    devices = [joined(world, holder, f"Praxis {number}") for number in range(2, 13)]
    assert len(ids(holder)) == 12
    assert holder.of(OwnDeviceAdded) == [OwnDeviceAdded(device_id(one), True) for one in devices]
    with pytest.raises(TooManyDevices):
        holder.engine.relay_for_invite(DeviceKind.AGENT)
    with pytest.raises(ConfigError):
        holder.engine.remove_device(device_id(holder), world.now_ms)
    with pytest.raises(UnknownDevice):
        holder.engine.remove_device(bytes(16), world.now_ms)
    remove(world, holder, device_id(devices[0]))
    holder.engine.relay_for_invite(DeviceKind.AGENT)
    person = world.node("Person")
    with pytest.raises(ConfigError):
        person.engine.relay_for_invite(DeviceKind.AGENT)


def test_a_device_id_is_added_once() -> None:
    """ID-27, ACC-35."""
    world, holder, second, _, _ = company()
    record = replace(second.engine._state.own.device.record)
    with pytest.raises(ConfigError):
        holder.engine.add_device(record, world.now_ms)
