"""What is asked of an account key that is kept elsewhere (ID-12, ID-42)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.errors import ConfigError, DeviceReplacedError, ListOutdated
from e2ee_client.events import ConnectionChanged, CopyStopped, DeviceReplaced, IdentityAlarm, MessageRejected
from engine_world import Node, World
from own_devices import device_id, ids, joined
from relay_scenes import lossless
from struck_off import HidingRelay

from e2ee.identity import next_list, sign_list
from e2ee.secret import AccountKey

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DAY_MS = 86_400_000


def with_key_elsewhere() -> tuple[World, Node, Node, AccountKey]:
    """A practice and its front desk, and their account key, which neither has."""
    world = World()
    holder = world.node("Praxis", publish=True)
    holder.start()
    world.settle()
    desk = joined(world, holder, "Tresen")
    key = holder.engine._state.own.account_key
    assert key is not None
    return world, holder, desk, key


def test_a_relay_that_withholds_a_record_does_not_decide_who_is_struck_off() -> None:
    """ID-42: nothing is asked until the record is known; then the list names all three."""
    world, holder, desk, key = with_key_elsewhere()
    colleague = joined(world, holder, "Frau Sommer")
    newest = holder.engine._state.own.device_list
    hiding = HidingRelay(desk, desk.engine.account_id)
    hiding._old = replace(hiding._old, lists=(newest.signed,), records=(), addresses=())
    world.advance(2 * DAY_MS)
    assert desk.engine._state.own.device_list == newest
    assert device_id(colleague) not in ids(desk)
    holder.carry_out(holder.engine.remove_account_key(world.now_ms))
    with pytest.raises(ConfigError, match="go online"):
        desk.engine.renewal_request(world.now_ms)
    desk.outgoing = lossless
    world.advance(2 * DAY_MS)
    signed = sign_list(key, desk.engine.renewal_request(world.now_ms))
    assert signed.record_hashes == newest.record_hashes
    desk.carry_out(desk.engine.install_list(signed.signed, world.now_ms))
    world.advance(2 * DAY_MS)
    assert not [one for node in (holder, colleague) for one in node.of(DeviceReplaced)]


def test_a_device_that_was_struck_off_asks_for_no_list() -> None:
    """ID-41: another one has taken its place, and the list would not be installed anywhere."""
    world, holder, desk, _ = with_key_elsewhere()
    holder.carry_out(holder.engine.remove_device(device_id(desk), world.now_ms))
    world.advance(2 * DAY_MS)
    assert desk.of(DeviceReplaced)
    with pytest.raises(DeviceReplacedError):
        desk.engine.renewal_request(world.now_ms)


@pytest.mark.parametrize("is_other", [True, False])
def test_a_list_that_a_desk_asked_for_that_was_behind_reaches_nobody(*, is_other: bool) -> None:
    """ID-12, ID-47, ID-48: asked and installed offline, by another desk or by an older copy of this one: the
    list gives way to the directory's, and no contact ever sees it. Then its answer is out of date.
    """
    world, holder, desk, key = with_key_elsewhere()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(holder.engine.card())
    customer.send(praxis, "an alle")
    world.settle()
    for node in (holder, desk):
        node.carry_out(node.engine.accept_contact(customer.engine.account_id, world.now_ms))
    holder.carry_out(holder.engine.remove_account_key(world.now_ms))
    world.advance(MINUTE_MS)
    behind = desk if is_other else holder
    older = behind.rows.copy()
    desk.stop()
    world.advance(10 * DAY_MS)
    first = sign_list(key, holder.engine.renewal_request(world.now_ms))
    holder.carry_out(holder.engine.install_list(first.signed, world.now_ms))
    world.advance(2 * DAY_MS)
    holder.stop()
    behind.crash(older)
    late = sign_list(key, behind.engine.renewal_request(world.now_ms))
    assert (late.seq, late.signed == first.signed) == (first.seq, False)
    behind.carry_out(behind.engine.install_list(late.signed, world.now_ms))
    assert not behind.engine.is_compared(world.now_ms)
    behind.start()
    world.advance(2 * DAY_MS)
    assert behind.engine.is_compared(world.now_ms)
    assert behind.engine._state.own.device_list == first
    assert customer.engine._state.contacts[praxis].head == first.head
    assert not [*customer.of(IdentityAlarm), *behind.of(CopyStopped)]
    assert "remote.list_fork" not in {one.code for one in customer.of(MessageRejected)}
    with pytest.raises(ListOutdated):
        behind.engine.install_list(late.signed, world.now_ms)


@pytest.mark.parametrize("is_shown", [True, False])
def test_no_device_follows_a_list_that_names_one_that_was_struck_off(*, is_shown: bool) -> None:
    """ID-55, ID-28: who has stolen a laptop has such an answer, and the relay on his side."""
    world, holder, desk, key = with_key_elsewhere()
    laptop = joined(world, holder, "Laptop")
    own = holder.engine._state.own
    holder.carry_out(holder.engine.remove_account_key(world.now_ms))
    world.advance(2 * DAY_MS)
    kept = sign_list(key, holder.engine.renewal_request(world.now_ms))
    seen = HidingRelay(holder, own.account_id)._old
    holder.outgoing = lossless
    named = [own.device.record, desk.engine._state.own.device.record]
    newest = sign_list(key, next_list(own.account_id, own.device_list, named, None, world.now_ms))
    assert (newest.seq, newest.hash == kept.hash) == (kept.seq, False)
    holder.carry_out(holder.engine.install_list(newest.signed, world.now_ms))
    world.advance(2 * DAY_MS)
    if not is_shown:
        seen = replace(seen, records=(), addresses=())
    for node in (holder, desk):
        relay = HidingRelay(node, own.account_id)
        relay._old = replace(seen, lists=(kept.signed,))
        node.carry_out(node.engine.follow_entry(kept.signed, world.now_ms))
    world.advance(HOUR_MS)
    for node in (holder, desk):
        assert node.engine._state.own.device_list == newest
        assert device_id(laptop) not in ids(node)
        assert node.of(ConnectionChanged)[-1].code == "remote.list_fork"


@pytest.mark.audit_only
def test_a_list_that_was_signed_and_installed_nowhere_stops_no_device() -> None:
    """ID-51: who has such an answer, and the relay on his side, keeps devices away as long as it is shown."""
    world, holder, desk, key = with_key_elsewhere()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(holder.engine.card())
    holder.carry_out(holder.engine.remove_account_key(world.now_ms))
    world.advance(DAY_MS)
    stolen = sign_list(key, holder.engine.renewal_request(world.now_ms))
    world.advance(MINUTE_MS)
    newest = sign_list(key, holder.engine.renewal_request(world.now_ms))
    assert (stolen.seq, stolen.hash == newest.hash) == (newest.seq, False)
    holder.carry_out(holder.engine.install_list(newest.signed, world.now_ms))
    world.advance(2 * DAY_MS)
    nodes = (holder, desk)
    # At one look (ID-55), which has its own list.
    desk.carry_out(desk.engine.follow_entry(stolen.signed, world.now_ms))
    world.settle()
    assert {one.engine._state.own.device_list for one in nodes} == {newest}
    for node in nodes:
        relay = HidingRelay(node, node.engine.account_id)
        relay._old = replace(relay._old, lists=(stolen.signed,))
    holder.crash(holder.rows)
    holder.start()
    world.advance(2 * DAY_MS)
    for node in nodes:
        assert node.of(ConnectionChanged)[-1].code == "remote.list_fork"
        assert node.engine._state.own.device_list == newest
        node.outgoing = lossless
    world.advance(5 * MINUTE_MS)
    customer.send(praxis, "ist jemand da?")
    world.settle()
    assert [node.texts() for node in nodes] == [["ist jemand da?"]] * 2
    assert not [*holder.of(CopyStopped), *desk.of(CopyStopped)]
