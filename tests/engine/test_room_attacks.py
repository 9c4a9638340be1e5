"""What a member of a room can send to break those who take it (TRN-14, TRN-24, ROOM-10)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from e2ee_client.engine.rooms.states import DAY_STATES, MAX_HELD
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, IdentifyAnswered
from parties import DAY_MS
from room_logins import handed_in, log_in
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_world import World, ground

from e2ee.content import Content
from e2ee.errors import NoRight, TooMany
from e2ee.rooms.entry import Entry, EntryHash, carrier, make_header, write_entry
from e2ee.rooms.payloads import EntryPayload, Erase, Refusal, Sensitive, encode_payload
from e2ee.rooms.state import State


def entry_of(world: World, name: str, entry_hash: EntryHash) -> Entry:
    """An entry as a device has it."""
    room = world.devices[name].room
    assert room is not None
    turn = Turn(world.now_ms)
    stored = room.log.find(turn, entry_hash)
    assert stored is not None
    return room.log.entry(turn, stored)


def made(world: World, name: str, n: int, payload: EntryPayload) -> Entry:
    """An entry that a device writes as it likes."""
    device = world.devices[name]
    header = make_header(world.room_id, int(payload.kind), n, world.now_ms)
    key = None if device.us.account_id == ground().customer else device.key
    return write_entry(device.us, header, encode_payload(payload), b"b" * 16, key)


def give(world: World, name: str, entry: Entry) -> Any:
    """Let a device take an entry from its author."""
    content: Content = carrier(entry)
    return do(world, name, lambda room, turn: room.take(turn, entry.author, content))


def body_of(world: World, name: str, entry_hash: EntryHash) -> bytes | None:
    """What is left of an entry at a device."""
    return entry_of(world, name, entry_hash).body


def test_an_order_that_comes_first_erases_nothing_that_its_author_may_not() -> None:
    """TRN-24: what the company wrote stays, though the customer's order to erase it came before it."""
    world = opened("desk", "chief")
    world.blocked.add(("desk", "chief"))
    said = say(world, "desk", "what we told you")
    world.run(MINUTE_MS)
    for n, payload in ((900, Erase((said,))), (901, Sensitive((said,)))):
        give(world, "chief", made(world, "phone", n, payload))
    give(world, "chief", entry_of(world, "desk", said))
    world.run(3 * DAY_MS)
    assert body_of(world, "chief", said) is not None


def test_an_order_that_comes_before_a_state_leaves_the_room_readable() -> None:
    """TRN-24, ROOM-17: a state is no content; a room whose states are gone could not be opened again."""
    world = opened("desk", "chief")
    world.blocked.add(("desk", "chief"))
    said = do(world, "desk", lambda room, turn: room.change(turn, Change(reason=7)))
    world.run(MINUTE_MS)
    give(world, "chief", made(world, "phone", 900, Sensitive((said,))))
    give(world, "chief", made(world, "phone", 901, Erase((said,))))
    give(world, "chief", entry_of(world, "desk", said))
    world.run(3 * DAY_MS)
    assert body_of(world, "chief", said) is not None
    before = world.devices["chief"].head()
    world.devices["chief"].restart()
    assert world.devices["chief"].head() == before


def test_a_steward_at_the_last_number_stops_nobody_from_asking() -> None:
    """TRN-14: a range ends where it begins or later, also above the last number there is."""
    world = opened("desk", "chief")
    room = world.devices["desk"].room
    assert room is not None
    assert room.states.state is not None
    lost: State = replace(room.states.state, epoch=9, parent=EntryHash(b"p" * 32))
    last = made(world, "desk", 2**53 - 1, lost)
    give(world, "chief", last)
    give(world, "phone", last)
    world.run(10 * MINUTE_MS)
    assert not [code for _, code in world.refused if code.startswith("local.")]


def test_a_desk_that_is_not_in_force_any_more_does_not_turn_in_circles() -> None:
    """ROOM-23: it says no longer who waits, and looks again at the times of ROOM-22, not at once."""
    world = opened("desk", "chief", "agent")
    do(world, "desk", lambda room, turn: room.wait_for(turn, "*", "de"))
    world.new_roster(("chief", "agent"))
    ticks: list[int] = []
    device = world.devices["desk"]
    tick = device.tick

    def counted() -> None:
        ticks.append(world.now_ms)
        tick()

    device.tick = counted  # type: ignore[method-assign]  # counted
    world.run(30 * MINUTE_MS)
    assert device.room is not None
    assert device.room.live.board.waiting is not None
    assert len(ticks) < 60


@pytest.mark.audit_only
def test_a_desk_has_no_more_states_held_however_many_of_its_are_judged_at_once() -> None:
    """ROOM-29: one more by a known parent under a roster that never was; no more than 64 of it stay a day."""
    world = opened("desk", "chief")
    chief = world.devices["chief"].room
    assert chief is not None
    first = chief.states.room.head
    assert first is not None
    counted, number = Counter[str](), 1_000
    rosterless = first.state.roster._replace(seq=2**31 - 1)
    for at in range(3 * DAY_STATES):
        lost = replace(first.state, epoch=9, parent=EntryHash(at.to_bytes(32)), text=str(at))
        next_one = replace(first.state, epoch=2, parent=first.hash, text=str(at), request=None)
        for state in (lost, next_one, replace(next_one, roster=rosterless)):
            number += 1
            found = give(world, "chief", made(world, "desk", number, state))
            counted[found.code if isinstance(found, TooMany) else "taken"] += 1
    own = [one for one in chief.states.room.states.values() if one.author == dev("desk")]
    assert (len(chief.states.held()), len(own)) == (MAX_HELD + 1, DAY_STATES)
    assert counted["room.too_many"] == 9 * DAY_STATES - counted["taken"] > 0


def test_an_agent_answers_no_login_in_place_of_a_steward() -> None:
    """ROOM-70, CNS-42: what it refuses waits on all devices as before, and a steward grants it."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(MINUTE_MS)
    for name in ("desk", "agent", "phone"):
        world.devices[name].known_lists = 2
    login = log_in(world)
    refusal = made(world, "agent", 900, Refusal(login, NoRight.code))
    for name in ("desk", "phone"):
        give(world, name, refusal)
        refused = [one.code for one in world.devices[name].told(EntryRefused)]
        assert refused == [NoRight.code]
        assert world.devices[name].told(IdentifyAnswered) == []
    handed_in(world, lambda room, turn: room.identifying.decide(turn, login, grant=True), "desk")
    for name in ("desk", "phone"):
        assert world.devices[name].told(IdentifyAnswered) == [IdentifyAnswered(world.room_id, login)]
