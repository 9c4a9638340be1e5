"""Two copies of a store that both have signed: one of them goes on (ID-48, ID-49)."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest
from company import DRAFT, TEXTS
from e2ee_client import restoring
from e2ee_client.engine.records import ForkedLists, StoppedCopy
from e2ee_client.engine.row_codec import to_array
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import (
    AccountKeyAbsent,
    BackupCorrupt,
    ConfigError,
    DeviceReplacedError,
    SecondCopyError,
    StoreCorrupt,
)
from e2ee_client.events import ConnectionChanged, CopyStopped, DeviceReplaced, IdentityAlarm
from e2ee_client.restoring import Newest, Saved
from e2ee_relay.memory import MemoryConnection, MemoryRelay
from e2ee_relay.protocol import Lookup, LookupResult, encode_frames
from engine_world import Node, SeededRng, World, acquainted
from list_scenes import change_twice, copy_of, is_calm, is_published, lists_of, lost_by_the_relay
from own_devices import company as team
from own_devices import joined
from relay_scenes import lossless, well
from struck_off import HidingRelay, backup_of, restored
from team_world import company_of, do, founded

from e2ee.identity import DeviceKind, DeviceList, new_account, new_device, next_list, sign_list
from e2ee.ids import AccountId
from e2ee.rooms.assets import Served
from e2ee.secret import AccountKey

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def signed_twice(*, tells: bool) -> tuple[World, Node, Node, Node, bytes]:
    """A company whose renewal the relay has lost, after its customer was told of it or before, and a copy of
    its store from before whose own renewal the relay has. The company has been opened again.
    """
    world, company, customer, praxis = acquainted()
    world.advance(15 * DAY_MS - 2 * HOUR_MS)
    twin = copy_of(company)
    company.outgoing = lost_by_the_relay(company, tells=tells)
    world.advance(4 * HOUR_MS)
    company.stop()
    company.outgoing = lossless
    twin.start()
    world.advance(MINUTE_MS)
    company.crash(company.rows)
    company.start()
    world.advance(MINUTE_MS)
    assert {seq: len(hashes) for seq, hashes in lists_of(company, twin).items()} == {1: 1, 2: 2}
    return world, company, twin, customer, praxis


@pytest.mark.audit_only
def test_the_copy_whose_list_the_directory_does_not_have_stops_and_says_so() -> None:
    """ID-48: it sends, takes and signs nothing more, in no later opening either, and keeps what it has."""
    world, company, twin, customer, _ = signed_twice(tells=True)
    for _ in range(2):
        assert company.of(CopyStopped) == [CopyStopped()]
        assert company.of(ConnectionChanged)[-1].code == "account.second_copy"
        assert not company.connections
        with pytest.raises(SecondCopyError):
            company.send(customer.engine.account_id, "noch da?")
        with pytest.raises(SecondCopyError):
            company.engine.check_copy()
        with pytest.raises(SecondCopyError):
            company.engine.remove_account_key(world.now_ms)
        company.events.clear()
        company.sent.clear()
        company.crash(company.rows)
        company.start()
        world.advance(20 * DAY_MS)
        assert not company.sent
    assert {key[0] for key in company.rows.tables["message"]}
    assert not twin.of(CopyStopped)


def test_a_stopped_copy_signs_nothing_for_its_company() -> None:
    """ID-48: no channels, notices or files of pages; what it has is read all the same."""
    world = World()
    desk = founded(world)
    world.advance(MINUTE_MS)
    desk.stop()
    desk.rows.commit((StoppedCopy(world.now_ms).put(),))
    desk.crash(desk.rows)
    desk.start()
    publishing, served = desk.engine._context.publishing, Served("1", "https://praxis.example", [], [], [])
    for signs in (
        lambda turn: company_of(desk).set_channels(turn, [], {}),
        lambda turn: publishing.door(turn, [], {}),
        lambda turn: publishing.publish(turn, DRAFT, TEXTS, None),
        lambda turn: publishing.sign_assets(turn, served, 0),
    ):
        with pytest.raises(SecondCopyError):
            do(desk, signs)
    assert company_of(desk).origins() == ()


@pytest.mark.audit_only
def test_what_ends_by_itself_does_so_in_a_stopped_copy_as_well() -> None:
    """ID-48, ID-18: while it runs, and when it is opened again."""
    world, company, _, _, _ = signed_twice(tells=False)
    assert company.of(CopyStopped)
    prekeys = len(company.rows.tables["prekey"])
    world.advance(46 * DAY_MS)
    assert not company.rows.tables["prekey"], prekeys
    assert not company.connections
    company.stop()
    assert company.engine.next_wake_ms is None


def test_the_copy_whose_list_the_directory_has_goes_on_without_a_restore() -> None:
    """ID-48: who has heard of the other list is warned, nobody else is; who comes new is answered."""
    world, company, twin, customer, praxis = signed_twice(tells=False)
    assert company.of(CopyStopped)
    world.advance(HOUR_MS)
    assert is_calm(customer, twin)
    well(world, twin, customer, praxis)
    world.advance(17 * DAY_MS)
    assert twin.engine._state.own.device_list.seq == 3
    well(world, twin, customer, praxis)
    assert not twin.of(CopyStopped)


def test_who_has_heard_of_both_lists_is_warned_and_the_stopped_copy_gives_nobody_the_second_one() -> None:
    """ID-07, ID-48: evidence is evidence; it comes from the time before the copy had looked."""
    world, company, twin, customer, praxis = signed_twice(tells=True)
    world.advance(HOUR_MS)
    assert customer.of(IdentityAlarm) == [IdentityAlarm(praxis, "remote.list_fork")]
    newcomer = world.node("Neue Kundin")
    newcomer.start()
    newcomer.send(newcomer.add(company.engine.card()), "Guten Tag")
    world.advance(2 * DAY_MS)
    assert twin.texts() == ["Guten Tag"]
    assert is_calm(newcomer)


@pytest.mark.audit_only
def test_what_was_known_when_a_person_verified_the_account_anew_is_settled() -> None:
    """ID-52: directory and bundles go on with the other list; a further one of a number is an alarm again."""
    world, company, twin, customer, praxis = signed_twice(tells=True)
    world.advance(HOUR_MS)
    assert customer.of(IdentityAlarm) == [IdentityAlarm(praxis, "remote.list_fork")]
    customer.events.clear()
    customer.carry_out(customer.engine.set_verified(praxis, True, world.now_ms))
    first = company.engine._state.own.device_list
    for days in (2, 20):
        world.advance(days * DAY_MS)
        well(world, twin, customer, praxis)
        customer.crash(customer.rows)
        customer.start()
        given(customer, praxis, first.signed)
        assert is_calm(customer)
    pinned = customer.engine._state.contacts[praxis].device_list()
    assert pinned is not None
    assert pinned == twin.engine._state.own.device_list
    assert pinned.seq == first.seq + 1
    key = twin.engine.export_account_key()
    records = [twin.engine._state.own.device.record]
    another = sign_list(key, next_list(AccountId(praxis), first, records, None, world.now_ms))
    given(customer, praxis, another.signed)
    assert customer.of(IdentityAlarm) == [IdentityAlarm(praxis, "remote.list_fork")]


def given(node: Node, account_id: bytes, signed: bytes) -> None:
    """A device of a contact gives a node a list, in a session."""
    turn, state = Turn(node.now_ms), node.engine._state
    node.engine._context.contents._list(turn, state.contacts[account_id], signed)
    node.carry_out(turn.effects())


def shown_an_answer_that_was_kept() -> tuple[World, Node, Node, Node, bytes, DeviceList]:
    """A company has struck off its laptop; the customer's relay shows a list of the same number that names
    it, and that was installed nowhere.
    """
    world, holder, laptop, customer, praxis = team()
    key, own = holder.engine._state.own.account_key, holder.engine._state.own
    assert key is not None
    holder.carry_out(holder.engine.remove_account_key(world.now_ms))
    world.advance(2 * DAY_MS)
    kept = sign_list(key, holder.engine.renewal_request(world.now_ms))
    seen = HidingRelay(customer, praxis)._old
    customer.outgoing = lossless
    world.advance(MINUTE_MS)
    struck = next_list(own.account_id, own.device_list, [own.device.record], None, world.now_ms)
    holder.carry_out(holder.engine.install_list(sign_list(key, struck).signed, world.now_ms))
    world.advance(2 * DAY_MS)
    relay = HidingRelay(customer, praxis)
    relay._old = replace(seen, lists=(kept.signed,))
    customer.events.clear()
    world.advance(8 * DAY_MS)
    return world, holder, laptop, customer, praxis, kept


def test_a_settled_list_brings_no_device_back_that_was_struck_off() -> None:
    """ID-52, ID-28: a person has verified the account, whose safety number is the same all along."""
    world, holder, laptop, customer, praxis, kept = shown_an_answer_that_was_kept()
    assert customer.of(IdentityAlarm)[0] == IdentityAlarm(praxis, "remote.list_fork")
    contact, record = customer.engine._state.contacts[praxis], laptop.engine._state.own.device.record
    pinned = contact.head
    customer.carry_out(customer.engine.set_verified(praxis, True, world.now_ms))
    customer.events.clear()
    world.advance(8 * DAY_MS)
    assert pinned is not None
    assert contact.head == pinned != kept.head
    assert pinned.seq == kept.seq
    assert not contact.names(record.hash)
    customer.send(praxis, "nur für die Praxis")
    world.advance(MINUTE_MS)
    assert (holder.texts(), laptop.texts()) == (["nur für die Praxis"], [])
    assert is_calm(customer)


@pytest.mark.parametrize("more", [0, 9])
def test_each_settled_list_may_be_the_one_that_goes_on(more: int) -> None:
    """ID-52: by whomever it is given, and whatever else was given before the person had looked."""
    world, company, customer, praxis = acquainted()
    key, own = company.engine.export_account_key(), company.engine._state.own
    times = [world.now_ms + 1 + one for one in range(2 + more)]
    others = [
        sign_list(key, next_list(own.account_id, own.device_list, [own.device.record], None, one))
        for one in times
    ]
    for one in others:
        given(customer, praxis, one.signed)
    assert len(customer.of(IdentityAlarm)) == 1 + more
    customer.events.clear()
    customer.carry_out(customer.engine.set_verified(praxis, True, world.now_ms))
    for one in (others[0], others[-1]):
        given(customer, praxis, one.signed)
    assert not customer.of(IdentityAlarm)
    following = sign_list(key, next_list(own.account_id, others[-1], [own.device.record], None, times[-1]))
    given(customer, praxis, following.signed)
    assert customer.engine._state.contacts[praxis].head == following.head
    assert not customer.of(IdentityAlarm)
    beside = sign_list(key, next_list(own.account_id, others[0], [own.device.record], None, times[-1]))
    given(customer, praxis, beside.signed)
    assert customer.of(IdentityAlarm) == [IdentityAlarm(praxis, "remote.list_fork")]
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    assert not [key for key in customer.rows.tables["meta"] if key.startswith(ForkedLists.PREFIX)]


def test_a_list_that_no_contact_was_told_of_gives_way_to_the_directorys() -> None:
    """ID-48, ID-47: two lists are installed that were signed elsewhere for one number; nobody stops."""
    world, company, customer, _ = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    twin = copy_of(company)
    company.stop()
    for node in (company, twin):
        signed = sign_list(key, node.engine.renewal_request(world.now_ms)).signed
        node.carry_out(node.engine.install_list(signed, world.now_ms))
        world.now_ms += 1_000
    twin.start()
    world.advance(MINUTE_MS)
    assert twin.engine._state.own.device_list.seq == 2
    assert company.engine._state.own.device_list.seq == 1
    twin.stop()
    company.start()
    world.advance(HOUR_MS)
    assert company.engine._state.own.device_list == twin.engine._state.own.device_list
    assert not company.of(CopyStopped)
    assert is_calm(company, twin, customer)


# --- the way back by a restore ---


class _Connection:
    def __init__(self, world: World, connection: MemoryConnection) -> None:
        self._world, self._connection = world, connection

    async def send(self, data: bytes) -> None:
        self._world.relay.take(self._connection, self._connection.session, data)

    async def receive(self) -> bytes:
        return self._connection._incoming.get_nowait() or b""

    async def close(self) -> None:
        self._connection.drop()


class _Transport:
    def __init__(self, world: World) -> None:
        self._world = world

    async def open(self, url: str, *, foreign: bool = False) -> _Connection:
        assert url
        assert not foreign
        return _Connection(self._world, self._world.relay.connect())


def newest(world: World, saved: Saved) -> Newest:
    """What the directory says to a device that is being restored."""
    return asyncio.run(restoring.newest(saved, _Transport(world)))


def test_a_restore_from_a_stopped_copy_goes_on_and_strikes_off_both() -> None:
    """ID-49, SES-40: the backup was made after the list that the directory does not have."""
    world, company, twin, customer, praxis = signed_twice(tells=False)
    saved = backup_of(company)
    again = restored(world, saved, "Praxis neu", newest(world, saved))
    again.start()
    world.advance(HOUR_MS)
    assert again.engine._state.own.published_seq == 3
    twin.crash(twin.rows)
    twin.start()
    world.advance(MINUTE_MS)
    assert twin.of(DeviceReplaced)
    assert is_calm(customer, again)
    again.send(customer.engine.account_id, "vom neuen Gerät")
    customer.send(praxis, "an das neue Gerät")
    world.advance(MINUTE_MS)
    assert customer.texts()[-1] == "vom neuen Gerät"
    assert again.texts() == ["an das neue Gerät"]


def test_a_backup_that_has_no_list_in_common_with_the_directory_is_refused() -> None:
    """ID-49: nothing is signed behind lists that this account's store has never seen."""
    world, company, _, _, _ = signed_twice(tells=True)
    saved = backup_of(company)
    other = replace(saved, lists=saved.lists[1:])
    with pytest.raises(BackupCorrupt):
        newest(world, other)


def test_a_backup_that_is_older_than_the_directorys_first_list_is_restored() -> None:
    """ID-49, RLY-51: one that joined late has brought the lists back to a relay that had lost them."""
    world, holder, _, _ = acquainted()
    saved = backup_of(holder)
    change_twice(world, holder)
    second = joined(world, holder)
    change_twice(world, holder)
    world.advance(DAY_MS + HOUR_MS)
    holder.stop()
    second.stop()
    world.relay = MemoryRelay(lambda: world.now_ms, SeededRng("another relay"))
    second.crash(second.rows)
    second.start()
    world.advance(HOUR_MS)
    found = newest(world, saved)
    assert [one.seq for one in found.lists] == [4, 5, 6]
    again = restored(world, saved, "Praxis neu", found)
    again.start()
    world.advance(HOUR_MS)
    assert is_published(again)
    assert again.engine._state.own.device_list.seq == 7


@pytest.mark.parametrize("has_lost", [True, False])
def test_a_restore_strikes_off_nobody_whose_record_the_relay_does_not_show(*, has_lost: bool) -> None:
    """SES-40: it has lost the entry, or withholds the records that a list names."""
    world, holder, second, customer, _ = team()
    saved = backup_of(holder)
    holder.stop()
    holder.alive = False
    second.stop()
    found = newest(world, saved)
    if has_lost:
        world.relay = MemoryRelay(lambda: world.now_ms, SeededRng("another relay"))
        found = newest(world, saved)
        customer.crash(customer.rows)
        customer.start()
    else:
        found = Newest(found.lists, restoring._others(saved, saved.device_list, hidden(world, saved)))
    again = restored(world, saved, "Praxis neu", found)
    again.start()
    world.advance(HOUR_MS)
    second.crash(second.rows)
    second.start()
    world.advance(HOUR_MS)
    assert len(again.engine.devices()) == 2
    assert not second.of(DeviceReplaced)
    assert second.engine._state.own.device_list == again.engine._state.own.device_list


def hidden(world: World, saved: Saved) -> LookupResult:
    """What the directory says of an account, without records."""
    connection = _Connection(world, world.relay.connect())

    async def ask() -> LookupResult:
        await connection.send(encode_frames([Lookup(1, saved.account_id, 0)]))
        found = await restoring.answer(connection, LookupResult)
        assert isinstance(found, LookupResult)
        return replace(found, records=(), addresses=())

    return asyncio.run(ask())


def test_a_backup_of_before_has_no_records_of_devices_in_it() -> None:
    """SES-40: it is opened all the same, also one from before recovery codes, and from before companies."""
    _, holder, _, _, _ = team()
    saved = backup_of(holder)
    assert saved.own_devices
    whole = [restoring._KIND, *to_array(saved)]
    assert restoring._saved(whole) == saved
    of_companies = replace(saved, recoveries=[])
    assert restoring._saved(whole[:-1]) == of_companies
    assert restoring._saved(whole[:-2]) == replace(of_companies, own_devices=[])
    assert restoring._saved(whole[:-3]) == replace(of_companies, own_devices=[], company=[])
    with pytest.raises(StoreCorrupt):
        restoring._saved(whole[:-4])


def test_a_relay_that_has_lost_the_newest_lists_is_given_them_by_a_restore() -> None:
    """ID-49: what the directory has is an earlier list of the backup's; nothing is signed a second time."""
    world, company, customer, _ = acquainted()
    world.advance(15 * DAY_MS - 2 * HOUR_MS)
    company.outgoing = lost_by_the_relay(company, tells=True)
    world.advance(4 * HOUR_MS)
    company.stop()
    saved = backup_of(company)
    assert newest(world, saved) == Newest([], [])
    again = restored(world, saved, "Praxis neu", newest(world, saved))
    again.start()
    world.advance(HOUR_MS)
    assert again.engine._state.own.published_seq == 3
    assert is_calm(customer, again)


def contradicted(ahead: int = 0) -> tuple[World, Node, Node, Node, bytes, AccountKey]:
    """A company whose account key is elsewhere: the relay has lost its list, and so many after it, and has
    that of a copy of its store, which is off.
    """
    world, company, customer, praxis = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    twin = copy_of(company)
    company.outgoing = lost_by_the_relay(company, tells=False)
    for node in (company, twin):
        signed = sign_list(key, node.engine.renewal_request(world.now_ms)).signed
        node.carry_out(node.engine.install_list(signed, world.now_ms))
        world.now_ms += 1_000
    for _ in range(ahead):
        world.advance(HOUR_MS)
        signed = sign_list(key, company.engine.renewal_request(world.now_ms)).signed
        company.carry_out(company.engine.install_list(signed, world.now_ms))
    world.advance(HOUR_MS)
    company.stop()
    company.outgoing = lossless
    twin.start()
    world.advance(MINUTE_MS)
    twin.stop()
    company.crash(company.rows)
    company.start()
    world.advance(HOUR_MS)
    assert len(lists_of(company, twin)[2]) == 2
    assert company.engine._state.own.device_list.seq == 2 + ahead
    assert company.of(ConnectionChanged)[-1].code == "remote.list_fork"
    assert not company.of(CopyStopped)
    return world, company, twin, customer, praxis, key


def test_a_device_whose_account_key_is_elsewhere_goes_on_by_a_backup_with_the_exported_key() -> None:
    """ID-53, ID-51: it strikes off the store and each copy of it."""
    world, company, twin, customer, praxis, key = contradicted()
    with pytest.raises(AccountKeyAbsent):
        backup_of(company)
    with pytest.raises(ConfigError):
        restoring.gather(company.rows, None, new_account(os.urandom))
    saved = restoring.gather(company.rows, None, key)
    again = restored(world, saved, "Praxis neu", newest(world, saved))
    again.start()
    world.advance(HOUR_MS)
    assert again.engine.has_account_key
    assert again.engine._state.own.published_seq == 3
    twin.start()
    world.advance(MINUTE_MS)
    assert twin.of(DeviceReplaced)
    assert is_calm(customer, again)
    again.send(customer.engine.account_id, "vom neuen Gerät")
    customer.send(praxis, "an das neue Gerät")
    world.advance(MINUTE_MS)
    assert (customer.texts()[-1], again.texts()) == ("vom neuen Gerät", ["an das neue Gerät"])


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_person_may_have_a_device_take_the_list_that_the_directory_has(ahead: int) -> None:
    """ID-55: it keeps its keys, sessions and texts, and signs on from that list."""
    world, company, twin, customer, praxis, key = contradicted(ahead)
    shown = company.engine.list_beside
    assert shown is not None
    assert shown == twin.engine._state.own.device_list.signed
    company.carry_out(company.engine.follow_entry(shown, world.now_ms))
    world.advance(5 * MINUTE_MS)
    assert company.engine.is_compared(world.now_ms)
    assert company.engine.list_beside is None
    assert company.engine._state.own.device_list == twin.engine._state.own.device_list
    signed = sign_list(key, company.engine.renewal_request(world.now_ms)).signed
    company.carry_out(company.engine.install_list(signed, world.now_ms))
    world.advance(HOUR_MS)
    assert company.engine._state.own.published_seq == 3
    assert is_calm(customer) == (not ahead)
    customer.carry_out(customer.engine.set_verified(praxis, True, world.now_ms))
    well(world, company, customer, praxis)


def test_a_device_that_the_directorys_list_does_not_name_stops_where_a_person_has_it_follow() -> None:
    """ID-55, ID-41: it was struck off by that list."""
    world, company, _, _, praxis, key = contradicted()
    own = company.engine._state.own
    other = new_device(
        AccountId(praxis), DeviceKind.AGENT, 0, world.now_ms, world.now_ms + DAY_MS, os.urandom
    )
    struck = sign_list(
        key, next_list(own.account_id, first_list(company), [other.record], None, world.now_ms)
    )
    relay = HidingRelay(company, praxis)
    shown = (other.record.encoded,)
    relay._old = replace(relay._old, lists=(struck.signed,), records=shown, addresses=(None,))
    company.carry_out(company.engine.follow_entry(struck.signed, world.now_ms))
    world.advance(5 * MINUTE_MS)
    assert company.of(DeviceReplaced)
    with pytest.raises(DeviceReplacedError):
        company.engine.follow_entry(struck.signed, world.now_ms)


def first_list(node: Node) -> DeviceList:
    """The first list of a node's account."""
    account_id = node.engine._state.own.account_id
    return DeviceList.verify(account_id, next(iter(node.rows.tables["list"].values())))


def test_a_device_with_the_account_key_follows_no_other_list() -> None:
    """ID-55, ID-48: it has signed its own one."""
    world, company, _, _ = acquainted()
    with pytest.raises(ConfigError):
        company.engine.follow_entry(company.engine._state.own.device_list.signed, world.now_ms)


def test_no_list_is_followed_but_the_one_that_a_person_has_seen() -> None:
    """ID-55: the relay shows another one by then."""
    world, company, twin, _, _, key = contradicted()
    own, theirs = company.engine._state.own, twin.engine._state.own.device_list
    third = next_list(own.account_id, first_list(company), [own.device.record], None, world.now_ms)
    company.carry_out(company.engine.follow_entry(sign_list(key, third).signed, world.now_ms))
    world.advance(5 * MINUTE_MS)
    assert not company.engine.is_compared(world.now_ms)
    assert company.engine._state.own.device_list != theirs
    assert company.engine.list_beside == theirs.signed
