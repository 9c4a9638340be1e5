"""What waits for a recipient, and what has failed instead (ROOM-52)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms import writing
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryProgress, EntryState
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_withdrawals import HOUR_MS, consent_again, has_body, phase_of, staffed, withdraw
from room_world import World

from e2ee.errors import TooMany
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.payloads import Act, ActKind, EntryPayload, Erase, Mark
from e2ee.rooms.state import Phase


def left_alone(world: World) -> None:
    """The phone learns that nobody of the company is in force."""
    world.new_roster([])
    world.learn_roster(world.devices["phone"])


def progress(world: World, entry_hash: EntryHash) -> list[EntryProgress]:
    """What the phone was told of an entry."""
    return [one.progress for one in world.devices["phone"].told(EntryState) if one.entry_hash == entry_hash]


def test_an_act_that_waited_goes_to_a_steward_who_was_never_in_the_room() -> None:
    """ROOM-52: a text goes to who knows the room, an act to every steward."""
    world = opened("desk")
    left_alone(world)
    text = say(world, "phone", "anybody?")
    call = do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.CLOSE)))
    assert progress(world, text) == [EntryProgress.WAITING, EntryProgress.FAILED]
    world.new_roster(["chief"])
    world.learn_roster(world.devices["phone"])
    world.run(MINUTE_MS)
    assert progress(world, call)[:2] == [EntryProgress.WAITING, EntryProgress.SENT]


def test_an_answer_to_an_erasure_that_waited_is_due_from_those_who_get_it() -> None:
    """ROOM-52, ROOM-45: not from those who were struck off before it left."""
    world, _ = staffed()
    phone = world.devices["phone"].room
    assert phone is not None
    for to in ("desk", "agent"):
        world.blocked.add(("phone", to))
    withdraw(world)
    withdrawal = phone.live.erasures[-1].by
    assert set(phone.live.erasures[-1].due_from) >= {dev("desk"), dev("agent")}
    world.new_roster(["chief"])
    world.learn_roster(world.devices["phone"])
    for one in phone.live.erasures[-1].due_from:
        do(world, "phone", lambda room, turn, to=one: room.not_sent(turn, withdrawal[:16], to))
    assert list(phone.live.unsent) == [withdrawal]
    do(world, "phone", lambda room, turn: room.team_changed(turn))
    assert list(phone.live.unsent) == []
    assert phone.live.erasures[-1].due_from == (dev("chief"),)


def test_what_waits_does_not_leave_after_the_person_has_withdrawn() -> None:
    """ROOM-52, ROOM-35, CNS-20, TRN-15: nor by an answer to who misses it, or to a new member, then or after
    the next consent.
    """
    world, _ = staffed()
    world.add("chief")
    left_alone(world)
    text = say(world, "phone", "please do not tell")
    withdraw(world)
    assert progress(world, text)[-1] is EntryProgress.FAILED
    world.new_roster(["desk", "agent", "chief"])
    world.run(HOUR_MS)
    assert phase_of(world, "desk") is Phase.WITHDRAWN
    consent_again(world)
    world.run(HOUR_MS)
    change(world, "desk", Change(add=(dev("chief"),)))
    world.run(HOUR_MS)
    assert phase_of(world, "desk") is Phase.OPEN
    later = say(world, "phone", "Guten Tag wieder")
    world.run(HOUR_MS)
    assert has_body(world, "desk", later)
    assert bodies_that_came(world, text) == []


def test_what_waits_does_not_leave_once_it_was_erased() -> None:
    """ROOM-52, ROOM-44: hidden is enough."""
    world, _ = staffed()
    left_alone(world)
    text = say(world, "phone", "oops")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((text,))))
    assert progress(world, text)[-1] is EntryProgress.FAILED
    world.new_roster(["desk", "agent"])
    world.run(HOUR_MS)
    assert bodies_that_came(world, text) == []


def test_a_text_that_failed_when_its_room_was_closed_is_given_to_nobody_as_a_whole() -> None:
    """TRN-15: what a person was told has failed does not arrive after all; its commitment closes the gap."""
    world, _ = staffed()
    left_alone(world)
    text = say(world, "phone", "noch etwas")
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.CLOSE)))
    world.new_roster(["desk", "agent"])
    world.run(HOUR_MS)
    desk = world.devices["desk"].room
    assert desk is not None
    assert phase_of(world, "desk") is Phase.CLOSED
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.REOPEN)))
    world.run(HOUR_MS)
    assert phase_of(world, "desk") is Phase.OPEN
    assert desk.log.find(Turn(world.now_ms), text) is not None
    assert not has_body(world, "desk", text)


def bodies_that_came(world: World, text: EntryHash) -> list[str]:
    """The company's devices that have what was said."""
    found = list[str]()
    for name in ("desk", "agent", "chief"):
        room = world.devices[name].room if name in world.devices else None
        if room is None:
            continue
        stored = room.log.find(Turn(world.now_ms), text)
        found += [name] if stored is not None and stored.body is not None else []
    return found


@pytest.mark.parametrize(
    ("payload", "is_taken"),
    [(Act(ActKind.CLOSE), False), (Erase(None), True), (Mark(), True)],
)
def test_beside_too_many_that_wait_nothing_new_is_written_but_what_must_be(
    monkeypatch: pytest.MonkeyPatch, payload: EntryPayload, *, is_taken: bool
) -> None:
    """ROOM-55: and nothing that was written before is given up."""
    monkeypatch.setattr(writing, "MAX_UNSENT", 2)
    world = opened("desk")
    phone = world.devices["phone"].room
    assert phone is not None
    left_alone(world)
    texts = say(world, "phone", "eins"), say(world, "phone", "zwei")
    before = phone.live.view
    assert isinstance(say(world, "phone", "drei"), TooMany)
    assert (phone.live.unsent, phone.live.view) == (texts, before)
    found = do(world, "phone", lambda room, turn: room.write(turn, payload))
    assert isinstance(found, TooMany) is not is_taken
    assert phone.live.unsent[:2] == texts or payload == Erase(None)
