"""A device without the account key whose list has ended accepts nothing that nobody would take (ID-65)."""

from __future__ import annotations

import pytest
from e2ee_client.errors import DeviceListOver
from e2ee_client.events import (
    DeviceListExpiring,
    MessageState,
    MessageStateChanged,
    Unconfirmed,
)
from engine_world import Node
from own_devices import company
from team_world import do

from e2ee.identity import sign_list

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def delivered(node: Node) -> set[bytes]:
    return {one.message_id for one in node.of(MessageStateChanged) if one.state is MessageState.DELIVERED}


def list_ends_ms(node: Node) -> int:
    return node.engine._state.own.device_list.expires_ms


def refused(node: Node, account_id: bytes) -> str:
    """Try to write; nothing is stored where it is refused."""
    before = node.rows.copy().tables
    with pytest.raises(DeviceListOver) as error:
        node.send(account_id, "nie")
    assert node.rows.tables == before
    return error.value.code


@pytest.mark.audit_only
def test_a_device_whose_list_has_ended_accepts_nothing_until_the_first_one_is_back() -> None:
    """ID-65, ID-36: to the last moment texts arrive; then each is refused, and all goes on by itself."""
    world, holder, second, customer, praxis = company()
    holder.stop()
    holder.alive = False
    kundin = customer.engine.account_id
    world.advance(list_ends_ms(second) - world.now_ms)
    last = second.send(kundin, "eben noch")
    world.advance(MINUTE_MS)
    assert last in delivered(second)
    assert refused(second, kundin) == "account.list_over"
    customer.send(praxis, "kommt noch an")
    world.advance(MINUTE_MS)
    assert second.texts()[-1] == "kommt noch an"
    world.advance(10 * DAY_MS)
    assert refused(second, kundin) == "account.list_over"
    customer.send(praxis, "wartet")
    world.advance(DAY_MS)
    assert second.texts()[-1] == "kommt noch an"
    holder.alive = True
    holder.start()
    world.advance(HOUR_MS)
    assert second.texts()[-1] == "wartet"
    again = second.send(kundin, "wieder da")
    world.advance(MINUTE_MS)
    assert again in delivered(second)
    assert customer.texts()[-2:] == ["eben noch", "wieder da"]


@pytest.mark.audit_only
def test_the_person_is_reminded_from_12_days_before_the_end_on() -> None:
    """ID-65: of the end, by the device without the account key alone."""
    world, holder, second, *_ = company()
    holder.stop()
    holder.alive = False
    world.advance(list_ends_ms(second) - 12 * DAY_MS - HOUR_MS - world.now_ms)
    assert not second.of(DeviceListExpiring)
    world.advance(3 * HOUR_MS)
    assert set(second.of(DeviceListExpiring)) == {DeviceListExpiring(list_ends_ms(second))}
    world.advance(3 * DAY_MS)
    assert len(second.of(DeviceListExpiring)) == 4
    holder.alive = True
    holder.start()
    second.events.clear()
    world.advance(20 * DAY_MS)
    assert not holder.of(DeviceListExpiring)
    assert not second.of(DeviceListExpiring)


@pytest.mark.audit_only
def test_nobody_is_reminded_where_the_first_device_renews_its_list() -> None:
    """ID-65: neither at the time for it, nor where the first device comes nearly two days later."""
    world, holder, second, *_ = company()
    first_ms = list_ends_ms(second)
    world.advance(first_ms - 15 * DAY_MS + 26 * HOUR_MS - world.now_ms)
    assert list_ends_ms(second) > first_ms
    world.advance(13 * DAY_MS)
    holder.stop()
    holder.alive = False
    second_ms = list_ends_ms(second)
    world.advance(second_ms - 15 * DAY_MS + 47 * HOUR_MS - world.now_ms)
    assert list_ends_ms(second) == second_ms
    holder.alive = True
    holder.start()
    world.advance(DAY_MS)
    assert list_ends_ms(second) > second_ms
    assert not second.of(DeviceListExpiring)


@pytest.mark.audit_only
def test_who_was_off_looks_at_the_entry_before_it_reminds() -> None:
    """ID-65: the first device has renewed the list, while this one was off until after the reminder was due;
    and it has come back in the hours before the reminder. A relay that shows nothing delays it for a day.
    """
    world, holder, second, *_ = company()
    first_ms = list_ends_ms(second)
    second.stop()
    second.alive = False
    world.advance(first_ms - 10 * DAY_MS - world.now_ms)
    second.alive = True
    second.crash()
    second.start()
    world.advance(HOUR_MS)
    assert list_ends_ms(second) > first_ms
    assert not second.of(DeviceListExpiring)

    holder.stop()
    holder.alive = False
    second_ms = list_ends_ms(second)
    world.advance(second_ms - 12 * DAY_MS - 2 * HOUR_MS - world.now_ms)
    holder.alive = True
    holder.start()
    world.advance(4 * HOUR_MS)
    assert list_ends_ms(second) > second_ms
    assert not second.of(DeviceListExpiring)

    holder.stop()
    holder.alive = False
    world.advance(list_ends_ms(second) - 12 * DAY_MS - 2 * HOUR_MS - world.now_ms)
    world.cut()
    world.advance(DAY_MS)
    assert not second.of(DeviceListExpiring)
    world.advance(4 * HOUR_MS)
    assert set(second.of(DeviceListExpiring)) == {DeviceListExpiring(list_ends_ms(second))}


@pytest.mark.audit_only
def test_who_finds_its_list_over_as_it_starts_a_session_looks_at_the_entry_at_once() -> None:
    """ID-65: not within the hour: whoever asks for a renewal waits for that look."""
    world, holder, second, customer, _ = company()
    holder.stop()
    holder.alive = False
    world.advance(list_ends_ms(second) + HOUR_MS - world.now_ms)
    context = second.engine._context
    context.upkeep._reminded_ms = None
    (peer,) = second.engine._state.peers_of(customer.engine.account_id)
    second.events.clear()
    start = context.renewal.start
    do(second, lambda turn: start(turn, peer, None))  # type: ignore[arg-type]  # the list is looked at first
    assert context.entry.was_seen
    world.advance(HOUR_MS)
    assert second.of(DeviceListExpiring)


@pytest.mark.audit_only
def test_what_was_under_way_at_the_end_is_told_of() -> None:
    """ID-65, SES-37: it is not shown as sent for ever where its reader stays away."""
    world, holder, second, customer, _ = company()
    holder.stop()
    customer.stop()
    holder.alive = customer.alive = False
    kundin = customer.engine.account_id
    world.advance(list_ends_ms(second) - world.now_ms)
    sent = second.send(kundin, "unterwegs")
    world.advance(MINUTE_MS)
    assert second.engine.message(kundin, sent).state is MessageState.SENT
    world.advance(16 * DAY_MS)
    assert [one.message_id for one in second.of(Unconfirmed)] == [sent]


@pytest.mark.audit_only
def test_a_list_that_waits_for_the_directory_counts() -> None:
    """ID-65, ID-12: one that was signed elsewhere is enough, though the device is not online."""
    world, holder, second, customer, _ = company()
    key = holder.engine.export_account_key()
    holder.carry_out(holder.engine.remove_account_key(world.now_ms))
    world.advance(31 * DAY_MS)
    kundin = customer.engine.account_id
    assert refused(holder, kundin) == refused(second, kundin) == "account.list_over"
    world.cut()
    signed = sign_list(key, holder.engine.renewal_request(world.now_ms)).signed
    holder.carry_out(holder.engine.install_list(signed, world.now_ms))
    holder.send(kundin, "wartet nur auf das Netz")
    world.mend()
    world.advance(HOUR_MS)
    assert customer.texts()[-1] == "wartet nur auf das Netz"


@pytest.mark.audit_only
def test_a_late_reminder_is_told_once_in_a_day() -> None:
    """ID-65: told without a look after a day, and looked at an hour after that, it waits for the next day."""
    world, holder, second, *_ = company()
    holder.stop()
    holder.alive = False
    world.advance(list_ends_ms(second) - 12 * DAY_MS - 2 * HOUR_MS - world.now_ms)
    world.cut()
    while not second.of(DeviceListExpiring):
        world.advance(HOUR_MS)
    world.mend()
    world.advance(22 * HOUR_MS)
    assert len(second.of(DeviceListExpiring)) == 1
    world.advance(4 * HOUR_MS)
    assert len(second.of(DeviceListExpiring)) == 2
