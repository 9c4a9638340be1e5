"""Entries of a room on its devices: order, refusals, early ones, restarts, wants, hand-over (chapter 17)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from e2ee_client.engine.rooms.records import Early
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import (
    ChainRestarted,
    Differ,
    EntryAdded,
    EntryErased,
    EntryProgress,
    EntryRefused,
    EntryState,
    Equivocation,
    GapClosed,
    GapShown,
)
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_world import World, ground

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import NoRight, RoomClosed, Unlogged
from e2ee.ids import ContentId
from e2ee.rooms.chain import Claim
from e2ee.rooms.entry import EntryHash, Header, carrier, device_tag
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Act, ActKind, Edit, Erase, Mark, Sensitive
from e2ee.rooms.room import EARLY_MS, MAX_EARLY
from e2ee.rooms.state import Phase

DAY_MS = 86_400_000


def room_of(world: World, name: str) -> Any:
    """The room on a device."""
    room = world.devices[name].room
    assert room is not None
    return room


def kinds(world: World, name: str) -> list[int]:
    """The kinds of a transcript, in order."""
    turn = Turn(world.now_ms)
    room = room_of(world, name)
    return [Header.decode(one.header).kind for one in room.log.all_of(turn)]


def test_all_that_was_said_is_everywhere_in_one_order() -> None:
    """TRN-16, TRN-05."""
    world = opened("desk", "chief")
    for name in ("phone", "desk", "chief", "phone"):
        say(world, name, f"from {name}")
        world.run(30_000)
    assert len({tuple(one.order()) for one in world.devices.values()}) == 1
    assert kinds(world, "phone").count(Kind.TEXT) == 4
    assert kinds(world, "phone")[0] == Kind.OPEN


def test_an_entry_of_ours_is_delivered_where_it_is_on_disk() -> None:
    """TRN-05, CON-04."""
    world = opened("desk")
    said = say(world, "phone", "hello")
    world.run(MINUTE_MS)
    states = [one for one in world.devices["phone"].told(EntryState) if one.entry_hash == said]
    assert [one.progress for one in states] == [EntryProgress.SENT, EntryProgress.DELIVERED]
    assert states[-1].device_id == dev("desk")


def test_without_anybody_in_force_an_entry_waits_until_there_is_somebody() -> None:
    """ROOM-15."""
    world = opened("desk")
    phone = world.devices["phone"]
    world.new_roster([])
    world.learn_roster(phone)
    said = say(world, "phone", "anybody?")
    world.run(MINUTE_MS)
    assert phone.told(EntryState)[-1].progress is EntryProgress.WAITING
    assert said not in world.devices["desk"].order()
    world.new_roster(["desk", "chief"])
    world.run(3 * MINUTE_MS)
    assert said in world.devices["desk"].order()


def test_an_entry_before_its_predecessor_is_a_gap_after_a_minute_and_is_asked_for() -> None:
    """TRN-13, TRN-14, TRN-15."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    lost = say(world, "phone", "lost")
    world.run(1_000)
    world.blocked.clear()
    say(world, "phone", "comes")
    desk = world.devices["desk"]
    world.run(50_000)
    assert not desk.told(GapShown)
    world.run(3 * MINUTE_MS)
    assert desk.told(GapShown)[0].device_id == ground().author("phone").device_id
    assert lost in desk.order()
    assert desk.told(GapClosed)
    assert room_of(world, "desk").live.asking.due_ms is None


def test_what_fills_a_gap_is_late_and_stands_where_it_belongs() -> None:
    """TRN-27, TRN-16."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    lost = say(world, "phone", "first")
    world.blocked.clear()
    second = say(world, "phone", "second")
    world.run(3 * MINUTE_MS)
    desk = world.devices["desk"]
    order = desk.order()
    assert order.index(lost) < order.index(second)
    added = {one.entry_hash: one for one in desk.told(EntryAdded)}
    assert added[lost].is_late
    assert not added[second].is_late


def test_the_rest_of_a_long_answer_is_asked_for() -> None:
    """TRN-14, TRN-15: 64 lines at a time."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    for count in range(150):
        say(world, "phone", f"text {count}")
    world.blocked.clear()
    say(world, "phone", "last")
    world.run(170_000)
    assert kinds(world, "desk").count(Kind.TEXT) == 151
    assert world.devices["desk"].order() == world.devices["phone"].order()


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_body_that_comes_in_a_session_after_its_commitment_completes_it(*, is_erased: bool) -> None:
    """TRN-17: somebody has given the commitment alone before the author's own message came; what was erased
    here stays so.
    """
    world = opened("desk", "chief")
    world.blocked.add(("chief", "desk"))
    said = say(world, "chief", "von der Chefin")
    turn = Turn(world.now_ms)
    writer, phone = room_of(world, "chief"), ground().author("phone")
    entry = writer.log.entry(turn, writer.log.find(turn, said))
    bare = replace(entry, body=None)
    do(world, "desk", lambda room, turn: room.taking.line(turn, bare, phone, history=False))
    if is_erased:
        do(world, "desk", lambda room, turn: room.erasing.destroy(turn, [room.log.find(turn, said)]))
    world.devices["desk"].events.clear()
    taken = do(world, "desk", lambda room, turn: room.take(turn, ground().author("chief"), carrier(entry)))
    turn, reader = Turn(world.now_ms), room_of(world, "desk")
    here = reader.log.entry(turn, reader.log.find(turn, said))
    assert taken is True
    assert here.body == (None if is_erased else entry.body)
    added = [one.entry_hash for one in world.devices["desk"].told(EntryAdded)]
    assert added == ([] if is_erased else [said])


def test_a_ninth_question_in_a_minute_is_not_answered() -> None:
    """TRN-15."""
    world = opened("desk")
    say(world, "phone", "something")
    world.run(MINUTE_MS)
    asker, room = ground().author("desk"), room_of(world, "phone")
    ranges = ((room.live.view.us, 0, 5),)
    found = [do(world, "phone", lambda room, turn: room.asking.answer(turn, asker, ranges)) for _ in range(9)]
    assert [getattr(one, "code", None) for one in found] == [None] * 8 + ["remote.budget"]


def test_a_joiner_gets_nothing_from_before_by_asking() -> None:
    """TRN-15: but `open` and states."""
    world = opened("desk", "agent")
    before = {say(world, name, "not for the agent") for name in ("phone", "desk")}
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(3 * MINUTE_MS)
    agent = world.devices["agent"]
    phone_tag = room_of(world, "phone").live.view.us
    desk_tag = room_of(world, "desk").live.view.us
    room_of(world, "agent").live.asked = ((phone_tag, 0, 9), (desk_tag, 0, 9))
    do(
        world,
        "desk",
        lambda room, turn: room.asking.answer(turn, agent.us, ((phone_tag, 0, 9), (room.live.view.us, 0, 9))),
    )
    world.run(MINUTE_MS)
    assert not before & {one.entry_hash for one in agent.told(EntryAdded)}
    assert set(kinds(world, "agent")) <= {Kind.OPEN, Kind.STATE, Kind.MARK}
    assert not agent.told(GapShown)


def test_a_joiner_writes_a_mark_first_and_takes_what_follows() -> None:
    """TRN-11, TRN-12."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    agent = world.devices["agent"]
    own = [one for one in agent.told(EntryAdded) if one.device_id == dev("agent")]
    assert [one.kind for one in own] == [Kind.MARK]
    said = say(world, "phone", "to the agent")
    world.run(MINUTE_MS)
    assert said in agent.order()
    assert dev("agent") in world.devices["desk"].introduced
    assert not agent.told(GapShown)


def test_history_is_handed_over_by_a_log_entry_and_no_further() -> None:
    """TRN-18, TRN-19."""
    world = opened("desk", "agent")
    texts = [say(world, "phone", f"before {count}") for count in range(3)]
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(2 * MINUTE_MS)
    do(world, "desk", lambda room, turn: room.hand_over(turn, dev("agent"), texts[:2]))
    world.run(3 * MINUTE_MS)
    agent = world.devices["agent"]
    shown = {one.entry_hash: one for one in agent.told(EntryAdded)}
    assert set(texts[:2]) <= set(shown)
    assert shown[texts[0]].forwarded_by == room_of(world, "desk").live.view.us
    third = room_of(world, "desk").log.find(Turn(world.now_ms), texts[2])
    entry = room_of(world, "desk").log.entry(Turn(world.now_ms), third)
    payload = OfRooms(ContentType.FORWARD, encode_forward(world.room_id, [entry]))
    content = Content(ContentId(bytes(16)), world.now_ms, payload)
    found = do(world, "agent", lambda room, turn: room.take(turn, ground().author("desk"), content))
    assert isinstance(found, Unlogged)
    assert texts[2] not in {one.entry_hash for one in agent.told(EntryAdded)}


def test_only_a_steward_hands_history_over() -> None:
    """TRN-18."""
    world = opened("desk", "agent", "agent2")
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(2 * MINUTE_MS)
    said = say(world, "phone", "hello")
    world.run(MINUTE_MS)
    found = do(world, "agent", lambda room, turn: room.hand_over(turn, dev("agent2"), [said]))
    assert isinstance(found, NoRight)


def test_an_entry_of_a_device_that_no_state_names_is_held_a_day_and_taken_when_one_does() -> None:
    """ROOM-16."""
    world = opened("desk", "agent")
    world.blocked.add(("desk", "phone"))
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(2 * MINUTE_MS)
    said = say(world, "agent", "early")
    world.run(MINUTE_MS)
    phone = world.devices["phone"]
    assert said not in phone.order()
    assert said in {one.hash for one in room_of(world, "phone").live.early}
    world.blocked.clear()
    change(world, "desk", Change(reason=1))
    world.run(5 * MINUTE_MS)
    assert said in phone.order()
    assert not room_of(world, "phone").live.early


def test_what_is_destroyed_is_not_held_early_either() -> None:
    """ROOM-44: its device had sent it before a state named that, and another one has brought it since."""
    world = opened("desk", "agent")
    said = say(world, "desk", "wrong number")
    world.run(MINUTE_MS)
    room, turn = room_of(world, "phone"), Turn(world.now_ms)
    here = room.log.find(turn, said)
    assert here is not None
    assert here.body is not None
    room.live.early = (Early(here.device_id, said, here.header, here.body, bytes(64), world.now_ms),)
    room.erasing.destroy(turn, [here])
    assert room.live.early == ()


@pytest.mark.audit_only
def test_more_early_entries_than_are_held_are_refused_and_all_go_after_a_day() -> None:
    """ROOM-16, ROOM-58."""
    world = opened("desk", "agent")
    world.blocked |= {("desk", "phone"), ("phone", "agent"), ("phone", "desk")}
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(2 * MINUTE_MS)
    for count in range(MAX_EARLY + 2):
        say(world, "agent", f"early {count}")
    world.run(MINUTE_MS)
    assert len(room_of(world, "phone").live.early) == MAX_EARLY
    assert ("phone", "room.too_many") in world.refused
    world.devices["agent"].wakes.clear()
    world.run(EARLY_MS)
    assert not room_of(world, "phone").live.early
    told = world.devices["phone"].told(EntryRefused)
    assert [one.code for one in told] == ["room.not_member"] * MAX_EARLY


def test_who_was_removed_is_refused_and_what_follows_is_no_gap() -> None:
    """ROOM-16, TRN-10."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(2 * MINUTE_MS)
    world.blocked |= {("desk", "agent"), ("phone", "agent")}
    change(world, "desk", Change(remove=(dev("agent"),)))
    world.run(MINUTE_MS)
    say(world, "agent", "one")
    say(world, "agent", "two")
    world.run(3 * MINUTE_MS)
    refused = world.devices["phone"].told(EntryRefused)
    assert {one.code for one in refused} == {"room.not_member"}
    assert len(refused) == 2
    assert not world.devices["phone"].told(GapShown)


def test_a_restart_goes_on_without_alarm_and_by_itself_once_a_day() -> None:
    """TRN-07."""
    world = opened("desk")
    say(world, "desk", "before")
    world.run(MINUTE_MS)
    do(world, "desk", lambda room, turn: room.start(turn, is_continuous=False))
    said = say(world, "desk", "after")
    world.run(2 * MINUTE_MS)
    phone = world.devices["phone"]
    assert said in phone.order()
    assert phone.told(ChainRestarted)
    assert not phone.told(GapShown)
    do(world, "desk", lambda room, turn: room.start(turn, is_continuous=False))
    before = len(world.devices["desk"].order())
    assert not do(world, "desk", lambda room, turn: room.writing.write_quietly(turn, Mark()))
    world.run(3 * 3_600_000)
    assert len(world.devices["desk"].order()) == before
    assert not world.devices["desk"].told(ChainRestarted)[-1].needs_person
    again = say(world, "desk", "again")
    assert world.devices["desk"].told(ChainRestarted)[-1].needs_person
    world.run(2 * MINUTE_MS)
    assert again in phone.order()
    assert not phone.told(GapShown)


def test_a_customer_who_names_what_nobody_wrote_silences_no_agent() -> None:
    """TRN-07: twice in a day it pretends that the agent's store was set back; the agent writes on."""
    world = opened("desk")
    for n in (2**40, 2**41):
        desk = room_of(world, "desk")
        claim = Claim(n, EntryHash(bytes(32)), device_tag(world.room_id, dev("phone")), world.now_ms)
        chain = desk.live.view.chain(desk.live.view.us)
        lied = replace(chain, claims=(*chain.claims, claim))
        desk.live.view = replace(desk.live.view, chains={**desk.live.view.chains, desk.live.view.us: lied})
        desk.live.restarts = True
        said = say(world, "desk", f"nach {n}")
        world.run(2 * MINUTE_MS)
        assert said in world.devices["phone"].order()


def test_a_device_whose_store_was_set_back_does_not_fork_its_chain() -> None:
    """TRN-07: others name entries of ours that we do not have."""
    world = opened("desk")
    desk = world.devices["desk"]
    copy = {table: dict(rows) for table, rows in desk.rows.tables.items()}
    say(world, "desk", "forgotten")
    world.run(MINUTE_MS)
    desk.rows.tables = copy
    desk.restart()
    say(world, "phone", "links it")
    world.run(MINUTE_MS)
    assert room_of(world, "desk").live.restarts
    said = say(world, "desk", "goes on")
    world.run(2 * MINUTE_MS)
    assert said in world.devices["phone"].order()
    assert not world.devices["phone"].told(Equivocation)
    assert not world.devices["phone"].told(Differ)


@pytest.mark.parametrize("name", ["desk", "agent"])
def test_an_agent_erases_its_own_and_a_steward_any_of_the_company(name: str) -> None:
    """TRN-24, ROOM-26."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(2 * MINUTE_MS)
    said = say(world, "desk", "of the desk")
    world.run(MINUTE_MS)
    found = do(world, name, lambda room, turn: room.write(turn, Erase((said,))))
    assert isinstance(found, NoRight) == (name == "agent")


def test_an_erasure_hides_at_once_and_destroys_after_a_day_and_the_customer_keeps_its_promise() -> None:
    """ROOM-26, TRN-04, TRN-24."""
    world = opened("desk")
    said = say(world, "phone", "erase me")
    promised = say(world, "desk", "a promise")
    world.run(MINUTE_MS)
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    do(world, "desk", lambda room, turn: room.write(turn, Erase((promised,))))
    world.run(MINUTE_MS)
    desk, turn = room_of(world, "desk"), Turn(world.now_ms)
    assert desk.log.find(turn, said).is_hidden
    assert desk.log.entry(turn, desk.log.find(turn, said)).body is not None
    world.run(DAY_MS + 2 * MINUTE_MS)
    assert desk.log.entry(turn, desk.log.find(turn, said)).body is None
    assert said in world.devices["desk"].order()
    phone = room_of(world, "phone")
    assert phone.log.entry(turn, phone.log.find(turn, said)).body is None
    assert phone.log.entry(turn, phone.log.find(turn, promised)).body is not None
    assert Kind.ERASED in kinds(world, "phone")
    assert world.devices["desk"].told(EntryErased)[-1].is_destroyed


def test_an_order_to_erase_that_overtakes_what_it_names_holds_for_that_too() -> None:
    """ROOM-26."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    said = say(world, "phone", "overtaken")
    world.blocked.clear()
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    world.run(5 * MINUTE_MS)
    desk, turn = room_of(world, "desk"), Turn(world.now_ms)
    assert desk.log.find(turn, said).is_hidden


def test_an_agent_marks_only_what_the_customer_wrote() -> None:
    """ROOM-17."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(2 * MINUTE_MS)
    theirs, ours = say(world, "phone", "theirs"), say(world, "desk", "ours")
    world.run(MINUTE_MS)
    assert isinstance(do(world, "agent", lambda room, turn: room.write(turn, Sensitive((ours,)))), NoRight)
    assert not isinstance(
        do(world, "agent", lambda room, turn: room.write(turn, Sensitive((theirs,)))), Exception
    )


def test_a_text_is_worded_anew_by_its_device_only() -> None:
    """TRN-23."""
    world = opened("desk")
    said = say(world, "phone", "helo")
    world.run(MINUTE_MS)
    assert isinstance(do(world, "desk", lambda room, turn: room.write(turn, Edit(said, "hello"))), NoRight)
    assert not isinstance(
        do(world, "phone", lambda room, turn: room.write(turn, Edit(said, "hello"))), Exception
    )


def test_content_stops_when_the_customer_closes_and_a_refused_text_is_no_gap() -> None:
    """ROOM-12, ROOM-19, TRN-10."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.CLOSE)))
    assert isinstance(say(world, "phone", "too late"), RoomClosed)
    world.blocked.clear()
    assert not isinstance(say(world, "desk", "does not know"), Exception)
    world.run(MINUTE_MS)
    assert {one.code for one in world.devices["phone"].told(EntryRefused)} == {"room.closed"}
    world.run(30 * MINUTE_MS)
    for name in ("phone", "desk"):
        assert room_of(world, name).states.condition().phase is Phase.CLOSED
        assert not room_of(world, name).live.shown_gaps


@pytest.mark.audit_only
def test_taking_an_entry_reads_as_many_rows_in_a_long_room_as_in_a_short_one() -> None:
    """TRN-16: what comes last in order costs the same."""
    world = opened("desk")
    counts = []
    for _ in range(2):
        for count in range(100):
            say(world, "phone", f"text {count}")
        world.run(MINUTE_MS)
        rows = world.devices["desk"].rows
        rows.reads = 0
        say(world, "phone", "counted")
        world.run(25_000)
        counts.append(rows.reads)
    assert counts[1] <= counts[0] + 4, counts
