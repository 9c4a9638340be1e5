"""Lists that were signed for the directory and lost on the way, or their answers: one each number (ID-47)."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from e2ee_client.engine import Channel, entry
from e2ee_client.engine.records import AskedDevice
from e2ee_client.errors import ConfigError
from e2ee_client.events import DeviceRemoved, SessionStarted
from e2ee_client.rows import Continuity
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import Lookup, Publish, Role, decode_frames
from engine_world import SeededRng, World, acquainted
from list_scenes import (
    agent_of,
    away,
    is_calm,
    is_published,
    lists_of,
    noting,
    pending_of,
    published_lists,
    unconfirmed,
)
from own_devices import joined
from relay_scenes import lose, lossless, well

from e2ee.identity import next_list, sign_list
from e2ee.secret import InviteSecret

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("goes_ms", [MINUTE_MS, 31 * DAY_MS])
def test_two_lists_that_were_lost_a_month_apart_leave_together(others: int, goes_ms: int) -> None:
    """ID-47, RLY-52: also where the entry is compared first, since another device publishes it or the second
    list is over as well: none that is over leaves alone.
    """
    world, company, customer, praxis = acquainted()
    if others:
        joined(world, company, "Tablet")
    first = company.engine._state.own.published_seq
    company.outgoing = unconfirmed(company, is_taken=False)
    away(company, 17 * DAY_MS)
    away(company, 31 * DAY_MS)
    asked: list[Publish | Lookup] = []
    company.outgoing = noting(asked)
    away(company, goes_ms)
    world.advance(5 * MINUTE_MS)
    assert is_published(company)
    published = [one for one in asked if isinstance(one, Publish)]
    account_id = company.engine._state.own.account_id
    assert [one.seq for one in published_lists(account_id, published[:1])][:2] == [first + 1, first + 2]
    assert is_calm(company, customer)
    if goes_ms == MINUTE_MS:
        world.advance(HOUR_MS)
        assert praxis in customer.engine._state.contacts


def test_a_list_behind_one_that_is_over_is_signed_after_a_look_at_the_entry() -> None:
    """ID-47, ID-40: a store that was set back to before its first publication has lists to follow."""
    world = World()
    company = world.node("Praxis", publish=True)
    older = company.rows.copy()
    company.start()
    world.advance(MINUTE_MS)
    for _ in range(3):
        away(company, 17 * DAY_MS)
    before = lists_of(company)
    asked: list[Publish | Lookup] = []
    company.stop()
    company.crash(older, Continuity.ROLLED_BACK)
    company.outgoing = noting(asked)
    company.start()
    world.advance(2 * MINUTE_MS)
    assert isinstance(asked[0], Lookup)
    signed = published_lists(company.engine._state.own.account_id, asked)
    assert all(bytes(one.hash) in before[one.seq] for one in signed if one.seq in before)
    assert is_published(company)


@pytest.mark.parametrize("losses", [1, 2])
def test_the_record_of_before_lists_that_were_lost_stays_named(losses: int) -> None:
    """ID-28, ID-47: they had a record made anew in use, and then the clock went back: sessions that were made
    under the one before go on.
    """
    world, company, customer, praxis = acquainted()
    world.advance(DAY_MS)
    before = company.engine._state.own.device.record
    company.outgoing = unconfirmed(company, is_taken=False)
    company.set_clock(6 * DAY_MS)
    lose(company)
    world.advance(MINUTE_MS)
    assert pending_of(company).record != before
    if losses == 2:
        company.set_clock(3 * DAY_MS)
        company.break_connections()
        world.advance(10 * MINUTE_MS)
        assert pending_of(company).device_list.seq == 3
    company.outgoing = lossless
    company.break_connections()
    customer.send(praxis, "unterwegs")
    customer.events.clear()
    company.set_clock(0)
    world.advance(10 * MINUTE_MS)
    own = company.engine._state.own
    assert own.device.record != before
    assert is_published(company)
    assert before.hash in own.device_list.record_hashes
    assert company.texts()[-1] == "unterwegs"
    world.advance(DAY_MS)
    assert [*customer.of(SessionStarted), *customer.of(DeviceRemoved)] == []
    well(world, company, customer, praxis)


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_key_is_not_moved_away_while_a_list_waits_and_signs_no_number_again(*, is_taken: bool) -> None:
    """ID-47, ID-12: the directory may have another list of its number, which a key elsewhere has signed."""
    world, company, customer, praxis = acquainted()
    key = company.engine.export_account_key()
    company.outgoing = unconfirmed(company, is_taken=is_taken)
    away(company, 17 * DAY_MS)
    first = pending_of(company).device_list
    with pytest.raises(ConfigError, match="waits for the directory"):
        company.engine.remove_account_key(world.now_ms)
    assert pending_of(company).device_list == first
    company.outgoing = lossless
    company.break_connections()
    world.advance(HOUR_MS)
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    second = sign_list(key, company.engine.renewal_request(world.now_ms))
    assert (second.seq, second.prev_hash) == (first.seq + 1, first.hash)
    company.carry_out(company.engine.install_list(second.signed, world.now_ms))
    world.advance(2 * HOUR_MS)
    assert is_published(company)
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


def holding(held: list[tuple[Channel, bytes]]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that keeps back what a node publishes."""

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        if not any(isinstance(one, Publish) for one in decode_frames(data, Role.RELAY)):
            return [data]
        held.append((channel, data))
        return []

    return outgoing


def test_a_late_answer_to_the_list_before_brings_no_older_list_back() -> None:
    """ID-47: it was taken into use while PUBLISH was under way, and another one was installed after it."""
    world, company, customer, praxis = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    away(company, MINUTE_MS)
    held: list[tuple[Channel, bytes]] = []
    company.outgoing = holding(held)
    first = sign_list(key, company.engine.renewal_request(company.now_ms))
    company.carry_out(company.engine.install_list(first.signed, company.now_ms))
    world.settle()
    company.ahead_ms = -3 * DAY_MS
    second = sign_list(key, company.engine.renewal_request(company.now_ms))
    company.carry_out(company.engine.install_list(second.signed, company.now_ms))
    world.settle()
    assert held
    company.ahead_ms = 0
    company.outgoing = lossless
    for channel, data in held:
        world.relay.take(company.connections[channel], company.connections[channel].session, data)
    world.advance(MINUTE_MS)
    assert second.prev_hash == first.hash
    assert company.engine._state.own.device_list == second
    assert is_published(company)
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


def test_no_list_is_installed_under_a_number_that_is_taken_or_for_a_device_that_is_not_known() -> None:
    """ID-47, ACC-42: another one waits for the directory; or an older request was signed. Nothing changes."""
    world, company, customer, praxis = acquainted()
    own = company.engine._state.own
    assert own.account_key is not None
    stranger = agent_of(company)
    other = next_list(own.account_id, own.device_list, [own.device.record, stranger], None, world.now_ms)
    with pytest.raises(ConfigError, match="newest request"):
        company.engine.install_list(sign_list(own.account_key, other).signed, world.now_ms)
    asked = next_list(own.account_id, own.device_list, [own.device.record], None, world.now_ms + 1)
    company.outgoing = unconfirmed(company, is_taken=False)
    company.carry_out(company.engine.add_device(stranger, company.now_ms))
    world.advance(1_000)
    first, before = pending_of(company), own.device_list
    with pytest.raises(ConfigError, match="waits for the directory"):
        company.engine.install_list(sign_list(own.account_key, asked).signed, world.now_ms)
    assert own.device_list == before
    assert pending_of(company) == first
    with pytest.raises(ConfigError, match="already"):
        company.engine.install_list(first.device_list.signed, world.now_ms)
    assert pending_of(company) == first
    world.advance(MINUTE_MS)
    company.outgoing = lossless
    company.break_connections()
    world.advance(HOUR_MS)
    assert is_published(company)
    well(world, company, customer, praxis)


def test_no_second_list_is_asked_for_under_a_number_that_waits() -> None:
    """ID-47: nor behind one that is over, before the directory has shown that it has no other one."""
    world, company, _, _ = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    company.stop()
    first = sign_list(key, company.engine.renewal_request(world.now_ms))
    company.carry_out(company.engine.install_list(first.signed, world.now_ms))
    with pytest.raises(ConfigError, match="waits for the directory"):
        company.engine.renewal_request(world.now_ms)
    world.now_ms += 31 * DAY_MS
    company.crash(company.rows)
    own = company.engine._state.own
    second = sign_list(key, next_list(own.account_id, first, [own.device.record], None, world.now_ms))
    for refused in (
        lambda: company.engine.renewal_request(world.now_ms),
        lambda: company.engine.install_list(second.signed, world.now_ms),
    ):
        with pytest.raises(ConfigError, match="may have"):
            refused()
    assert pending_of(company).device_list == first
    company.start()
    world.advance(MINUTE_MS)
    company.carry_out(company.engine.install_list(second.signed, world.now_ms))
    world.advance(MINUTE_MS)
    assert is_published(company)


@pytest.mark.parametrize("is_taken", [False, True])
def test_contacts_hear_of_an_installed_list_when_the_directory_has_it(*, is_taken: bool) -> None:
    """ID-12, ID-40: until then nothing that is sent states it; it is sent again until it is confirmed."""
    world, company, customer, praxis = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    company.outgoing = unconfirmed(company, is_taken=is_taken)
    before = company.engine._state.own.device_list
    signed = sign_list(key, company.engine.renewal_request(world.now_ms))
    company.carry_out(company.engine.install_list(signed.signed, world.now_ms))
    assert company.engine.list_expires_ms == signed.expires_ms
    company.send(customer.engine.account_id, "vor der Bestätigung")
    world.advance(MINUTE_MS)
    assert company.engine._state.own.device_list == before
    assert customer.engine._state.contacts[praxis].head == before.head
    company.outgoing = lossless
    company.crash(company.rows)
    company.start()
    world.advance(HOUR_MS)
    assert company.engine._state.own.device_list == signed
    assert customer.engine._state.contacts[praxis].head == signed.head
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


def test_an_installed_list_that_is_over_gives_way_to_the_next_one_which_leaves_with_it() -> None:
    """ID-47, RLY-52: the relay was away for the whole life of a list that was signed elsewhere."""
    world, company, customer, praxis = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    company.stop()
    first = sign_list(key, company.engine.renewal_request(world.now_ms))
    company.carry_out(company.engine.install_list(first.signed, world.now_ms))
    away(company, 31 * DAY_MS)
    assert company.engine._state.own.device_list.seq == 1
    assert company.engine._context.entry.published
    second = sign_list(key, company.engine.renewal_request(world.now_ms))
    assert (second.seq, second.prev_hash) == (first.seq + 1, first.hash)
    company.carry_out(company.engine.install_list(second.signed, world.now_ms))
    world.advance(DAY_MS)
    assert company.engine._state.own.device_list == second
    assert customer.engine._state.contacts[praxis].head == second.head
    assert is_published(company)
    assert is_calm(company, customer)


def test_a_device_that_was_asked_for_is_forgotten_after_two_days() -> None:
    """ACC-42: it waits for a day; what is kept of its invite is a secret, and does not stay for ever."""
    world, company, _, _ = acquainted()
    mailbox, token, secret = os.urandom(16), os.urandom(32), InviteSecret(os.urandom(16))
    asked = AskedDevice(agent_of(company), world.now_ms, mailbox, token, secret, "", [], [])
    _, effects = company.engine.of_company(
        lambda turn, parts: parts.upkeep.device_request(turn, asked), world.now_ms
    )
    company.carry_out(effects)
    world.advance(2 * DAY_MS - MINUTE_MS)
    assert company.rows.get(AskedDevice.TABLE, AskedDevice.PREFIX) is not None
    world.advance(2 * HOUR_MS)
    assert company.rows.get(AskedDevice.TABLE, AskedDevice.PREFIX) is None


def test_a_device_that_was_added_and_struck_off_before_the_answer_came_is_gone_at_once() -> None:
    """ID-47, ID-28: the list that is not confirmed is due by itself, and one without the device after it."""
    world, company, customer, praxis = acquainted()
    company.outgoing = unconfirmed(company, is_taken=True)
    added = agent_of(company)
    company.carry_out(company.engine.add_device(added, company.now_ms))
    world.advance(1_000)
    assert added.hash in pending_of(company).device_list.record_hashes
    company.break_connections()
    company.outgoing = lossless
    company.carry_out(company.engine.remove_device(added.device_id, company.now_ms))
    world.advance(HOUR_MS)
    assert is_published(company)
    assert added.hash not in company.engine._state.own.device_list.record_hashes
    assert [one.is_this for one in company.engine.devices()] == [True]
    well(world, company, customer, praxis)


def test_an_account_of_many_lists_comes_back_to_a_relay_that_has_lost_its_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RLY-51: by the newest lists that one PUBLISH has room for; contacts go on, and newcomers find it."""
    monkeypatch.setattr(entry, "_MAX_LISTS", 4)
    world, company, customer, praxis = acquainted()
    for _ in range(4):
        added = agent_of(company)
        company.carry_out(company.engine.add_device(added, world.now_ms))
        world.settle()
        company.carry_out(company.engine.remove_device(added.device_id, world.now_ms))
        world.settle()
    world.advance(HOUR_MS)
    assert company.engine._state.own.device_list.seq == 9
    for node in world.nodes:
        node.stop()
    world.relay = MemoryRelay(lambda: world.now_ms, SeededRng("another relay"))
    for node in world.nodes:
        node.crash(node.rows)
        node.start()
    world.advance(DAY_MS)
    assert is_published(company)
    newcomer = world.node("Apotheke")
    newcomer.start()
    newcomer.send(newcomer.add(company.engine.card()), "gefunden")
    world.advance(HOUR_MS)
    assert company.texts()[-1] == "gefunden"
    customer.send(praxis, "noch da")
    world.advance(HOUR_MS)
    assert company.texts()[-1] == "noch da"
    assert is_calm(company, customer)
