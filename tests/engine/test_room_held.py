"""States that are held for what never comes are not waited for without end (ROOM-53)."""

from __future__ import annotations

from dataclasses import replace

from company import Company
from e2ee_client.engine.rooms.asking import MAX_ROSTERS, SOUGHT_TIMES
from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryAdded, GapShown
from parties import DAY_MS, NOW_MS
from room_rooms import MINUTE_MS, dev, do, opened, say
from room_world import Device, World, ground

from e2ee.rooms.entry import EntryHash, device_tag
from e2ee.rooms.kinds import Kind
from e2ee.rooms.roster import Roster, RosterRef
from e2ee.rooms.state import Verdict, WrittenState

NEVER = RosterRef(1, 2**30, bytes([9]) * 32)


def room_of(device: Device) -> RoomEngine:
    """The room of a device that has it."""
    assert device.room is not None
    return device.room


def claims(
    world: World, name: str, roster: RosterRef | None = None, parent: EntryHash | None = None
) -> WrittenState:
    """A steward writes a state that names a roster, or a state before it, without having either."""

    def step(room: RoomEngine, turn: Turn) -> EntryHash:
        team = room.around.team(room.live.company, turn.now_ms)
        state = room.stewarding._next(turn, team, room.states.state, Change(reason=1), [])
        if roster is not None:
            state = replace(state, roster=roster)
        if parent is not None:
            state = replace(state, parent=parent)
        found = room.writing.write(turn, state)
        room.settle(turn)
        return found

    entry_hash = do(world, name, step)
    assert not isinstance(entry_hash, Exception), entry_hash
    return room_of(world.devices[name]).states.room.states[entry_hash]


def asks_for(device: Device, one: WrittenState) -> bool:
    """Whether a device asks for a state, or means to."""
    room = room_of(device)
    tag = device_tag(room.live.room_id, one.author)
    return any(t == tag and a <= one.n <= b for t, a, b in room.live.asking.ranges)


def given_up(device: Device) -> list[tuple[bytes, int, int]]:
    """What a device has told as given up."""
    return [(one.device_id, one.first, one.last) for one in device.told(GapShown) if one.given_up]


def switched_off(world: World, name: str) -> None:
    """The device does nothing until it begins again."""
    world.devices[name].wakes.clear()
    world.blocked |= {(other, name) for other in world.devices}


def switched_on(world: World, name: str) -> None:
    """The device begins again."""
    world.blocked -= {(other, name) for other in world.devices}
    world.devices[name].restart()


def later_roster(world: World) -> Roster:
    """A roster that exists and that no device knows yet."""
    company: Company = ground().company
    before, seq = company.roster, company.roster.ref.seq + 1
    roster = company.new_roster(
        NOW_MS + 500, tuple(company.devices), seq=seq, notice_hash=ground().notice.hash
    )
    company.roster = before
    world.book.rosters.append(roster)
    for device in world.devices.values():
        device.known_rosters = 1
    return roster


def no_look_ups(world: World) -> None:
    """The directory serves a later roster alone, as after some days."""
    for device in world.devices.values():
        device.look_up = lambda *_: None  # type: ignore[method-assign]  # a directory that does not have it


def test_a_roster_that_never_was_is_asked_for_for_seven_days_and_told() -> None:
    """ROOM-53: of a member that claims one, on every device."""
    world = opened("desk", "chief")
    false = claims(world, "desk", NEVER)
    world.run(6 * DAY_MS)
    for name in ("phone", "chief"):
        assert asks_for(world.devices[name], false)
        assert given_up(world.devices[name]) == []
    world.run(2 * DAY_MS)
    for name in ("phone", "chief"):
        device = world.devices[name]
        assert room_of(device).live.asking.due_ms is None
        assert given_up(device) == [(dev("desk"), false.n, false.n)]
        assert room_of(device).states.room.verdicts[false.hash] is Verdict.HELD
    world.run(3 * DAY_MS)
    world.devices["phone"].restart()
    say(world, "phone", "on")
    world.run(DAY_MS)
    assert not asks_for(world.devices["phone"], false)
    assert len(given_up(world.devices["phone"])) == 1


def test_a_state_before_that_never_was_is_asked_for_for_seven_days_and_told() -> None:
    """ROOM-53, TRN-33: nor are all numbers of the stewards."""
    world = opened("desk", "chief")
    false = claims(world, "desk", parent=EntryHash(bytes([7]) * 32))
    world.run(MINUTE_MS)
    assert len(room_of(world.devices["phone"]).live.asking.ranges) > 0
    world.run(8 * DAY_MS)
    device = world.devices["phone"]
    assert room_of(device).live.asking.due_ms is None
    assert given_up(device) == [(dev("desk"), false.n, false.n)]


def test_who_names_many_rosters_keeps_nobody_elses_from_being_asked_for() -> None:
    """ROOM-53: sixteen at a time, of each author in turn."""
    world = opened("desk", "chief")
    no_look_ups(world)
    for n in range(MAX_ROSTERS):
        claims(world, "desk", NEVER._replace(seq=2**30 + n))
        world.run(MINUTE_MS)
    roster = later_roster(world)
    true = claims(world, "chief", roster.ref)
    world.run(2 * MINUTE_MS)
    assert asks_for(world.devices["phone"], true)


def test_who_was_away_for_weeks_asks_all_the_same_and_judges_by_the_roster() -> None:
    """ROOM-53: eight times at least, however long ago the first was."""
    world = opened("desk", "chief")
    no_look_ups(world)
    true = claims(world, "chief", later_roster(world).ref)
    world.run(3 * MINUTE_MS)
    phone = world.devices["phone"]
    assert asks_for(phone, true)
    switched_off(world, "phone")
    world.run(21 * DAY_MS)
    switched_on(world, "phone")
    world.run(MINUTE_MS)
    asked = [one.times for one in room_of(phone).live.sought if one.hash == true.hash]
    assert asks_for(phone, true)
    assert 1 < asked[0] < SOUGHT_TIMES
    world.learn_roster(phone)
    assert room_of(phone).states.room.verdicts[true.hash] is Verdict.VALID
    assert room_of(phone).live.asking.due_ms is None
    world.run(DAY_MS)
    assert given_up(phone) == []


def test_what_was_given_up_is_judged_when_its_roster_comes() -> None:
    """ROOM-53."""
    world = opened("desk", "chief")
    no_look_ups(world)
    true = claims(world, "chief", later_roster(world).ref)
    world.run(9 * DAY_MS)
    phone = world.devices["phone"]
    assert given_up(phone) == [(dev("chief"), true.n, true.n)]
    world.learn_roster(phone)
    assert room_of(phone).states.room.verdicts[true.hash] is Verdict.VALID


def test_a_state_that_was_held_is_told_again_once_it_is_valid() -> None:
    """ROOM-71: nothing of it was shown when it came, and a page is open still."""
    world = opened("desk", "chief")
    no_look_ups(world)
    true = claims(world, "chief", later_roster(world).ref)
    world.run(MINUTE_MS)
    phone = world.devices["phone"]

    def told() -> list[EntryAdded]:
        return [one for one in phone.told(EntryAdded) if one.entry_hash == true.hash]

    assert [one.is_history for one in told()] == [False]
    world.learn_roster(phone)
    assert [(one.kind, one.is_history) for one in told()] == [(Kind.STATE, False), (Kind.STATE, True)]
    switched_off(world, "phone")
    switched_on(world, "phone")
    world.run(MINUTE_MS)
    assert len(told()) == 2
