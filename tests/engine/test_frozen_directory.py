"""A directory that stands still, or has nothing new, is asked and told again with pauses (ID-43, ID-44)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import own_devices
import pytest
from e2ee_client.engine import Channel, Effect, Transmit
from e2ee_client.engine.company import Founding
from e2ee_client.engine.own_entry import MAX_PUBLISHED, PublishBudget
from e2ee_client.engine.turn import Turn
from e2ee_client.events import ConnectionChanged, ConnectionState, MessageRejected
from e2ee_client.rows import Continuity
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    ErrorCode,
    ErrorReply,
    InvalidRequest,
    KnownFrame,
    Lookup,
    LookupResult,
    LowPrekeys,
    PrekeysCount,
    PrekeysFetch,
    PrekeysUpload,
    Publish,
    Role,
    UnknownFrame,
    UnknownRequest,
    decode_frames,
    encode_frames,
)
from engine_world import Node, World
from frozen_directory import FrozenDirectory
from relay_scenes import talking, well
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, opened, rooms_of
from struck_off import HidingRelay
from team_world import account, colleague, company_of, do, founded, publish_notice, set_card, this

from e2ee.identity import DeviceKind, next_list, sign_list


def frozen(world: World, company: Node) -> FrozenDirectory:
    """Show a company's desk its entry as it is now, whatever it publishes later."""
    relay = FrozenDirectory(company, account(company))
    relay.freeze()
    do(company, company.engine._context.entry.compare_again)
    world.settle()
    return relay


def is_waiting(company: Node) -> bool:
    """Whether a company's application was told that its entry waits."""
    return company.engine.entry_waits


def without_room(
    node: Node, is_refused: Callable[[KnownFrame], bool], channel: Channel, data: bytes
) -> list[bytes]:
    """Answer some of what a node asks as a relay that has no room, and let all else through."""
    left = list[KnownFrame]()
    for frame in decode_frames(data, Role.RELAY):
        if isinstance(frame, UnknownFrame | UnknownRequest | InvalidRequest):
            continue
        if isinstance(frame, Lookup | PrekeysCount) and is_refused(frame):
            node.connections[channel].put(ErrorReply(frame.request_id, ErrorCode.RATE_LIMITED, HOUR_MS))
        else:
            left.append(frame)
    return [encode_frames(left)] if left else []


def without_look_ups(company: Node, channel: Channel, data: bytes) -> list[bytes]:
    """Let nothing through that a company looks up of itself."""

    def is_own(frame: KnownFrame) -> bool:
        return isinstance(frame, Lookup) and frame.account_id == account(company)

    return without_room(company, is_own, channel, data)


def test_a_directory_that_shows_an_old_list_is_not_told_without_pause() -> None:
    """ID-43: the relay refuses what the desk adds to the list that it was shown; the desk stays connected."""
    world = World()
    company = founded(world)
    relay = frozen(world, company)
    relay.shows = False
    second = colleague(company, "Herr Zwei", front_desk=True)
    world.advance(25 * HOUR_MS)
    relay.shows = True
    relay.published.clear()
    do(company, lambda turn: company_of(company).suspend(turn, this(second)))
    world.advance(2 * HOUR_MS)
    assert 4 <= len(relay.published) <= 3 * MAX_PUBLISHED
    assert max(sum(0 <= two - one < HOUR_MS for two in relay.published) for one in relay.published) <= (
        2 * MAX_PUBLISHED
    )
    relay.shows = False
    world.advance(HOUR_MS + MINUTE_MS)
    assert not company.engine._context.team.owes_slot
    assert company.connections


def test_a_budget_is_counted_in_windows_and_a_clock_that_was_put_back_begins_one() -> None:
    """ID-43"""
    budget = PublishBudget()
    for _ in range(MAX_PUBLISHED):
        assert budget.free_ms(DAY_MS) == DAY_MS
        budget.use()
    assert budget.free_ms(DAY_MS + 1) == DAY_MS + HOUR_MS
    assert budget.free_ms(DAY_MS - 1) == DAY_MS - 1
    assert budget.free_ms(DAY_MS + HOUR_MS) == DAY_MS + HOUR_MS


def test_an_entry_that_has_to_wait_leaves_the_connection() -> None:
    """ID-57: others fill the directory; the device answers whom it knows, and is found once there is room."""
    world = World(Policy(directory_b_global=Rate(1, 1)))
    world.node("Erste", publish=True).start()
    world.settle()
    second = world.node("Zweite", publish=True)
    second.start()
    world.settle()
    assert second.connections
    told = second.of(ConnectionChanged)
    assert ConnectionState.OFFLINE not in [one.state for one in told]
    assert [one.code for one in told if one.state is ConnectionState.CONNECTING] == ["relay.rate_limited"]
    entry = second.engine._context.entry
    assert not entry.was_seen
    world.advance(5 * MINUTE_MS)
    assert not entry.was_seen
    world.advance(25 * MINUTE_MS)
    assert entry.was_seen


def test_a_look_at_the_own_entry_that_has_to_wait_leaves_the_connection() -> None:
    """ID-57: others at its address have used up its look-ups when it is opened anew (RLY-56)."""
    world = World(Policy(lookups=Rate(1, 1 / 600), lookups_per_address=Rate(1, 1 / 600)))
    node = world.node("Praxis", publish=True)
    node.start()
    world.settle()
    node.crash()
    node.start()
    world.settle()
    assert node.connections
    assert ConnectionState.OFFLINE not in [one.state for one in node.of(ConnectionChanged)]


def test_an_entry_that_waits_keeps_its_prekeys() -> None:
    """ID-57: who has the account key can spend its lists (RLY-260); the stock is filled all the same."""
    world = World(Policy(lists_per_account=Rate(1, 1 / (400 * DAY_MS // 1000))))
    node = world.node("Praxis", publish=True)
    node.start()
    world.advance(31 * DAY_MS)
    asked = list[str]()

    def note(_: Channel, data: bytes) -> list[bytes]:
        asked.extend(type(frame).__name__ for frame in decode_frames(data, Role.RELAY))
        return [data]

    node.outgoing = note
    world.advance(2 * DAY_MS)
    assert asked.count("Publish") >= 24
    assert asked.count("PrekeysCount") >= 24
    world.advance(MINUTE_MS)
    asked.clear()
    link = next(iter(node.engine._context.links.by_channel.values()))
    do(
        node,
        lambda turn: node.engine._context.entry.low(turn, link, LowPrekeys(0, bytes(32), bytes(32), 0, 0)),
    )
    world.advance(MINUTE_MS)
    assert asked.count("PrekeysCount") == 1


def test_a_company_whose_entry_waits_hears_of_it_once_a_day() -> None:
    """ID-57, ID-59: long before its roster is over, and that it is over; prekeys are counted meanwhile."""
    world = World()
    company = founded(world)
    colleague(company, "Herr Zwei", front_desk=True)
    world.advance(25 * HOUR_MS)
    asked = list[str]()

    def refuse(channel: Channel, data: bytes) -> list[bytes]:
        asked.extend(type(frame).__name__ for frame in decode_frames(data, Role.RELAY))
        return without_look_ups(company, channel, data)

    company.outgoing = refuse
    company.events.clear()
    do(company, company.engine._context.entry.check)
    world.advance(3 * DAY_MS)
    told = company.of(ConnectionChanged)
    assert {(one.state, one.code) for one in told} == {(ConnectionState.ONLINE, "relay.rate_limited")}
    assert len(told) == 3
    assert asked.count("PrekeysCount") > 24
    assert is_waiting(company)
    company.outgoing = lambda _, data: [data]
    world.advance(2 * HOUR_MS)
    assert [(one.state, one.code) for one in company.of(ConnectionChanged)[3:]] == [
        (ConnectionState.ONLINE, "")
    ]


def test_what_waits_is_known_after_a_restart_and_until_it_waits_no_more() -> None:
    """ID-59: since when it waits, and when that was told, are on disk."""
    world = World()
    company = founded(world)
    colleague(company, "Herr Zwei", front_desk=True)
    world.advance(25 * HOUR_MS)
    lets_through = company.outgoing
    company.outgoing = partial(without_look_ups, company)
    company.events.clear()
    do(company, company.engine._context.entry.check)
    for minutes in (40, 40):
        assert not is_waiting(company)
        world.advance(minutes * MINUTE_MS)
        company.crash()
        company.start()
    world.advance(HOUR_MS)
    assert is_waiting(company)
    assert [one.code for one in company.of(ConnectionChanged) if one.code] == ["relay.rate_limited"]
    company.crash()
    assert is_waiting(company)
    company.start()
    world.advance(HOUR_MS)
    assert [one.code for one in company.of(ConnectionChanged) if one.code] == ["relay.rate_limited"]
    company.outgoing = lets_through
    company.events.clear()
    world.advance(2 * HOUR_MS)
    assert not is_waiting(company)
    assert company.of(ConnectionChanged)[-1].state is ConnectionState.ONLINE
    company.crash()
    assert not is_waiting(company)


def test_a_wait_of_a_moment_is_not_told() -> None:
    """ID-59: also not one of prekeys alone, with which no list and no roster waits (ID-57)."""
    world = World()
    company = founded(world)
    second = colleague(company, "Herr Zwei", front_desk=True)
    world.advance(25 * HOUR_MS)
    refused = list[KnownFrame]()

    def is_refused(frame: KnownFrame) -> bool:
        refused.extend([frame] if isinstance(frame, PrekeysCount) else [])
        return isinstance(frame, PrekeysCount)

    company.outgoing = partial(without_room, company, is_refused)
    company.events.clear()
    do(company, company.engine._context.entry.compare_again)
    world.advance(MINUTE_MS)
    do(company, lambda turn: company_of(company).suspend(turn, this(second)))
    world.advance(MINUTE_MS)
    assert not company.engine._context.team.owes_slot
    world.advance(3 * HOUR_MS)
    assert 3 <= len(refused) <= 5
    assert company.of(ConnectionChanged) == []


@pytest.mark.audit_only
def test_prekeys_that_have_to_wait_leave_the_connection() -> None:
    """ID-57: where few bytes may be stored (RLY-263) a stock is offered now and then, an hour apart."""
    world = World(Policy(prekeys_b=Rate(1, 0.05)))
    node = world.node("Praxis", publish=True)
    node.start()
    world.settle()
    asked = list[str]()

    def note(_: Channel, data: bytes) -> list[bytes]:
        asked.extend(type(frame).__name__ for frame in decode_frames(data, Role.RELAY))
        return [data]

    node.outgoing = note
    world.advance(20 * DAY_MS)
    assert 20 <= asked.count("PrekeysUpload") <= 20 * 24
    assert ConnectionState.OFFLINE not in [one.state for one in node.of(ConnectionChanged)]


def test_a_wait_has_bounds_and_a_clock_that_was_put_back_ends_it() -> None:
    """ID-57"""
    budget = PublishBudget(held_ms=DAY_MS)
    assert budget.free_ms(DAY_MS - 1) == DAY_MS
    assert budget.free_ms(DAY_MS) == DAY_MS
    assert budget.free_ms(DAY_MS - HOUR_MS) == DAY_MS
    assert budget.free_ms(DAY_MS - HOUR_MS - 1) == DAY_MS - HOUR_MS - 1


@pytest.mark.audit_only
def test_a_company_whose_list_is_over_is_looked_up_with_pauses_that_grow() -> None:
    """ID-44: not each minute, nor each hour with what is done then; and found soon after it is back."""
    world, company, person, room_id = opened()
    relay = FrozenDirectory(person, account(company))
    company.stop()
    company.alive = False
    world.advance(33 * DAY_MS)
    relay.asked.clear()
    world.wakes = 0
    world.advance(DAY_MS)
    assert 1 <= len(relay.asked) <= 8
    assert world.wakes <= 500
    company.alive = True
    company.start()
    world.advance(HOUR_MS + MINUTE_MS)
    assert this(company) in person.engine._context.team.view(Turn(person.now_ms), account(company)).members
    relay.asked.clear()
    world.advance(DAY_MS)
    assert len(relay.asked) <= 4
    assert room_id


def test_a_contact_whose_lists_do_not_reach_the_pinned_one_is_asked_for_with_pauses_that_grow() -> None:
    """ID-44, ID-58: the relay keeps the newest 1 024 lists."""
    world, company, customer, praxis = talking()
    own, now_ms = company.engine._state.own, world.now_ms
    assert own.account_key is not None
    newest = own.device_list
    for _ in range(2):
        unsigned = next_list(own.account_id, newest, [own.device.record], None, now_ms)
        newest = sign_list(own.account_key, unsigned)
    company.stop()
    company.alive = False
    relay = HidingRelay(customer, praxis)
    relay._old = replace(relay._old, lists=(newest.signed,))
    world.advance(33 * DAY_MS)
    relay.asked_ms.clear()
    customer.send(praxis, "Sind Sie da?")
    world.advance(2 * DAY_MS)
    assert 4 <= len(relay.asked_ms) <= 60
    assert [one.code for one in customer.of(MessageRejected)] == ["remote.list_gap"]


def asking(node: Node, asked: list[int]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that notes when a node asks for lists or prekeys."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        frames = decode_frames(data, Role.RELAY)
        asked.extend(node.now_ms for one in frames if isinstance(one, Lookup | PrekeysFetch))
        return [data]

    return outgoing


def test_a_company_that_is_away_is_asked_for_prekeys_with_pauses_that_grow() -> None:
    """ID-44: from the end of its prekeys on not every ten minutes, but every six hours; and at once when a
    device of it is heard again.
    """
    world, company, customer, praxis = talking()
    company.stop()
    company.alive = False
    asked: list[int] = []
    customer.outgoing = asking(customer, asked)
    world.advance(DAY_MS)
    customer.send(praxis, "Sind Sie da?")
    world.advance(15 * DAY_MS)
    asked.clear()
    world.advance(10 * DAY_MS)
    assert 20 <= len(asked) <= 2 * 4 * 10 + 12
    company.alive = True
    company.start()
    world.advance(HOUR_MS)
    assert company.texts().count("Sind Sie da?") == 1
    well(world, company, customer, praxis)
    assert len(asked) <= 2 * 4 * 10 + 24


def has_upload(data: bytes) -> bool:
    """Whether prekeys are uploaded here."""
    return any(isinstance(one, PrekeysUpload) for one in decode_frames(data, Role.RELAY))


def without_entry(node: Node, channel: Channel, data: bytes) -> list[bytes]:
    """Answer for a relay that has lost a node's entry, and takes none."""
    left = list[KnownFrame]()
    for frame in decode_frames(data, Role.RELAY):
        if isinstance(frame, UnknownFrame | UnknownRequest | InvalidRequest | Publish):
            continue
        if isinstance(frame, Lookup) and frame.account_id == account(node):
            node.connections[channel].put(ErrorReply(frame.request_id, ErrorCode.NOT_FOUND, 0))
        else:
            left.append(frame)
    return [encode_frames(left)] if left else []


def holding_uploads(node: Node) -> Callable[[], None]:
    """Hold the prekeys of a node back; return what lets them through."""
    held = list[tuple[Channel, bytes]]()

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        if not has_upload(data):
            return [data]
        held.append((channel, data))
        return []

    def release() -> None:
        node.outgoing = lambda _, data: [data]
        node.carry_out([Transmit(channel, data) for channel, data in held])

    node.outgoing = outgoing
    return release


def test_a_device_of_a_company_is_ready_when_its_prekeys_are_at_the_relay() -> None:
    """RLY-60: before, nobody reaches it; when it is opened again nothing is waited for."""
    world = World()
    desk = world.node("Praxis", publish=True, kind=DeviceKind.AGENT)
    release = holding_uploads(desk)
    desk.start()
    do(desk, lambda turn: company_of(desk).found(turn, Founding()))
    set_card(desk, desk, "Frau Braun")
    publish_notice(desk)
    assert not desk.engine._context.team.owes_slot
    assert not rooms_of(desk).queries.is_ready(desk.now_ms)
    release()
    world.settle()
    assert rooms_of(desk).queries.is_ready(desk.now_ms)
    desk.crash()
    assert rooms_of(desk).queries.is_ready(desk.now_ms)


def founded_without_prekeys(
    world: World, outgoing: Callable[[Node], Callable[[Channel, bytes], list[bytes]]]
) -> Node:
    """A company that lacks nothing but prekeys at the relay."""
    desk = world.node("Praxis", publish=True, kind=DeviceKind.AGENT)
    desk.outgoing = outgoing(desk)
    desk.start()
    do(desk, lambda turn: company_of(desk).found(turn, Founding()))
    set_card(desk, desk, "Frau Braun")
    publish_notice(desk)
    assert not desk.engine._context.team.owes_slot
    return desk


def test_a_device_that_died_before_its_first_upload_was_answered_is_not_ready() -> None:
    """ID-60: its prekeys were made, but nobody has them; nor have they where the relay has lost its entry."""
    world = World()
    desk = founded_without_prekeys(world, lambda _: lambda _, data: [] if has_upload(data) else [data])
    for _ in range(2):
        desk.crash()
        assert not rooms_of(desk).queries.is_ready(desk.now_ms)
        desk.start()
        world.settle()
        assert not rooms_of(desk).queries.is_ready(desk.now_ms)
    desk.outgoing = lambda _, data: [data]
    desk.crash()
    desk.start()
    world.settle()
    assert rooms_of(desk).queries.is_ready(desk.now_ms)
    desk.crash()
    assert rooms_of(desk).queries.is_ready(desk.now_ms)


def test_a_relay_that_lost_the_entry_lost_the_prekeys() -> None:
    """ID-60"""
    world = World()
    company = founded(world)
    assert rooms_of(company).queries.is_ready(company.now_ms)
    company.outgoing = partial(without_entry, company)
    do(company, company.engine._context.entry.compare_again)
    world.settle()
    company.crash()
    assert not rooms_of(company).queries.is_ready(company.now_ms)
    company.outgoing = lambda _, data: [data]
    company.start()
    world.advance(MINUTE_MS)
    assert rooms_of(company).queries.is_ready(company.now_ms)


def test_a_relay_that_refuses_the_first_prekeys_is_told_of_at_once() -> None:
    """ID-60: once, with the relay's code, until it takes them; later ones are not told of (ID-57)."""
    world = World()
    desk = founded_without_prekeys(
        world, lambda node: partial(without_room, node, lambda frame: isinstance(frame, PrekeysCount))
    )
    told = [(ConnectionState.CONNECTING, "relay.rate_limited")]
    assert [(one.state, one.code) for one in desk.of(ConnectionChanged)] == told
    assert desk.engine.publish_refusal == "relay.rate_limited"
    world.advance(3 * HOUR_MS)
    assert [(one.state, one.code) for one in desk.of(ConnectionChanged)] == told
    desk.outgoing = lambda _, data: [data]
    world.advance(2 * HOUR_MS)
    assert [(one.state, one.code) for one in desk.of(ConnectionChanged)[1:]] == [(ConnectionState.ONLINE, "")]
    assert desk.engine.publish_refusal == ""
    assert rooms_of(desk).queries.is_ready(desk.now_ms)


def test_a_device_that_is_shown_before_its_prekeys_are_there_is_reached_a_second_later() -> None:
    """ID-44: it was after 15 seconds."""
    world = World()
    company = world.node("Praxis", publish=True)
    release = holding_uploads(company)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    customer.send(customer.add(company.engine.card()), "Guten Tag")
    world.advance(2_000)
    assert not company.texts()
    release()
    world.advance(1_100)
    assert company.texts() == ["Guten Tag"]


def without_prekeys(
    node: Node, record_hash: bytes, asked: list[int]
) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that notes when a node asks for prekeys of a device, and says that there are none."""

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        others = list[KnownFrame]()
        for one in decode_frames(data, Role.RELAY):
            if isinstance(one, UnknownFrame | UnknownRequest | InvalidRequest):
                continue
            if isinstance(one, PrekeysFetch) and one.record_hash == record_hash:
                asked.append(node.now_ms)
                node.connections[channel].put(ErrorReply(one.request_id, ErrorCode.NO_PREKEYS))
            else:
                others.append(one)
        return [encode_frames(others)] if others else []

    return outgoing


def test_texts_of_a_colleague_shorten_no_pause_below_ten_minutes() -> None:
    """ID-44: a device that is away is asked for six times in an hour, as pauses of ten minutes allow."""
    world, holder, second, customer, praxis = own_devices.company()
    asked: list[int] = []
    lacking = second.engine._state.own.device.record.hash
    customer.outgoing = without_prekeys(customer, lacking, asked)
    customer.crash(customer.rows, Continuity.ROLLED_BACK)
    customer.start()
    second.stop()
    customer.send(praxis, "an beide")
    world.advance(HOUR_MS)
    asked.clear()
    for _ in range(60):
        holder.send(customer.engine.account_id, "und noch etwas")
        world.advance(MINUTE_MS)
    assert 5 <= len(asked) <= 7


def test_a_look_up_whose_connection_is_lost_is_made_on_the_next_one() -> None:
    """ID-44: also where no text waits for it; who accepted a notice reached the company an hour later."""
    world, asked = World(), list[Lookup]()
    company, customer = world.node("Praxis", publish=True), world.node("Kundin")

    def lose_the_first(_channel: Channel, data: bytes) -> list[bytes]:
        found = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Lookup)]
        asked.extend(found)
        return [] if found and len(asked) == 1 else [data]

    for one in (company, customer):
        one.start()
    customer.outgoing = lose_the_first
    contact = customer.engine._state.contact(customer.add(company.engine.card()))
    do(customer, lambda turn: customer.engine._context.directory.look_up(turn, contact))
    world.settle()
    assert (len(asked), contact.head) == (1, None)
    customer.break_connections()
    world.advance(MINUTE_MS)
    assert len(asked) == 2
    assert contact.head is not None


def test_a_device_whose_address_the_directory_does_not_show_is_looked_up_with_pauses() -> None:
    """ID-44: a relay that withholds it draws no LOOKUP after each other; the device beside it is reached,
    and asked for at any time.
    """
    world, holder, second, customer, praxis = own_devices.company()
    hidden, lacking = HidingRelay(customer, praxis), second.engine._state.own.device.record
    shown = zip(hidden._old.records, hidden._old.addresses, strict=True)
    addresses = tuple(None if one == lacking.encoded else address for one, address in shown)
    hidden._old = replace(hidden._old, addresses=addresses)
    customer.crash(customer.rows, Continuity.ROLLED_BACK)
    customer.start()
    begin_ms = world.now_ms
    customer.send(praxis, "an beide")
    world.advance(HOUR_MS)
    assert 4 <= len(hidden.asked_ms) <= 16
    assert sum(one < begin_ms + MINUTE_MS for one in hidden.asked_ms) <= 4
    assert (holder.texts(), second.texts()) == (["an beide"], [])
    asked: list[int] = []
    customer.outgoing = asking(customer, asked)
    for node, times in ((second, 0), (holder, 1)):
        peer = customer.engine._context.state.peers[praxis + own_devices.device_id(node)]
        do(customer, partial(customer.engine._context.directory.fetch, peer=peer))
        assert len(asked) == times


def test_devices_whose_addresses_are_not_shown_draw_no_more_looks_than_one() -> None:
    """ID-44: a look counts for all that it has not shown, however many a contact lists."""
    world, holder, _, customer, praxis = own_devices.company()
    for count in range(3):
        own_devices.joined(world, holder, f"Praxis {count}")
    world.advance(MINUTE_MS)
    hidden, shown = HidingRelay(customer, praxis), holder.engine._state.own.device.record.encoded
    both = zip(hidden._old.records, hidden._old.addresses, strict=True)
    hidden._old = replace(hidden._old, addresses=tuple(two if one == shown else None for one, two in both))
    customer.crash(customer.rows, Continuity.ROLLED_BACK)
    customer.start()
    customer.send(praxis, "an alle")
    world.advance(HOUR_MS)
    assert holder.texts()[-1] == "an alle"
    assert 4 <= len(hidden.asked_ms) <= 16


def withhold(node: Node, record: bytes, asked: list[int]) -> None:
    """Let a relay withhold the address of one device from a node, and note when it answers."""
    received = node.engine.received

    def without_address(one: LookupResult) -> LookupResult:
        asked.append(node.now_ms)
        shown = zip(one.records, one.addresses, strict=True)
        return replace(one, addresses=tuple(None if of == record else address for of, address in shown))

    def receive(channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
        shown = list[KnownFrame]()
        for one in decode_frames(data, Role.CLIENT):
            if not isinstance(one, UnknownFrame | UnknownRequest | InvalidRequest):
                shown.append(without_address(one) if isinstance(one, LookupResult) else one)
        return received(channel, encode_frames(shown), now_ms)

    node.engine.received = receive  # type: ignore[method-assign]  # stands between relay and engine


def test_a_desk_that_is_listed_before_its_address_is_there_gets_the_room_that_is_opened_then() -> None:
    """ID-44, ROOM-21: nobody had a session with it, and the directory was asked again a day later."""
    world, asked = World(), list[int]()
    desk = founded(world)
    second = colleague(desk, "Zweite", front_desk=True)
    world.advance(10 * MINUTE_MS)
    customer = world.node("Kundin")
    customer.start()
    withhold(customer, second.engine._state.own.device.record.encoded, asked)
    room_id = accept(customer, desk)
    world.advance(HOUR_MS)
    assert room_id in rooms_of(desk).index
    assert room_id not in rooms_of(second).index
    assert 8 <= len(asked) <= 14
    assert sum(one < asked[0] + MINUTE_MS for one in asked) <= 4
    del customer.engine.received
    world.advance(10 * MINUTE_MS)
    assert room_id in rooms_of(second).index
    assert not customer.engine._context.timers.at_ms(("look up", account(desk) + this(second) + b"address"))
