"""A customer gives the commitment of an order first: what a desk has confirmed, it has done (TRN-53)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from e2ee_client.engine.rooms.erasing import kind_of
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, IdentifyAnswered
from parties import DAY_MS
from room_logins import challenge, knows, settled, token
from room_rooms import MINUTE_MS, bodies, change, dev, do, opened, say
from room_withdrawals import content_of, give
from room_world import World, ground

from e2ee.errors import BadSignature
from e2ee.rooms.entry import Entry, EntryHash, carrier
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Act, ActKind, Erase, Mark, Sensitive
from e2ee.rooms.signed_payloads import Identify
from e2ee.rooms.state import Phase
from e2ee.secret import LoginKey

PHONE = ground().author("phone")


def entry_of(world: World, entry_hash: EntryHash) -> Entry:
    """An entry as the phone has it."""
    room: Any = world.devices["phone"].room
    turn = Turn(world.now_ms)
    found: Entry = room.log.entry(turn, room.log.find(turn, entry_hash))
    return found


def give_commitment(world: World, entry: Entry) -> None:
    """Let the phone answer a want of the desk with the commitment alone."""
    room: Any = world.devices["desk"].room
    phone: Any = world.devices["phone"].room
    room.live.asked = ((phone.live.view.us, 0, entry.header.n),)
    give(world, "phone", "desk", replace(entry, body=None))


def room_of(world: World, name: str) -> Any:
    return world.devices[name].room


def erase(said: EntryHash, room: Any, turn: Turn) -> EntryHash:
    found: EntryHash = room.write(turn, Erase((said,)))
    return found


def mark(said: EntryHash, room: Any, turn: Turn) -> EntryHash:
    found: EntryHash = room.write(turn, Sensitive((said,)))
    return found


def freeze(said: EntryHash, room: Any, turn: Turn) -> EntryHash:
    found: EntryHash = room.write(turn, Act(ActKind.FREEZE))
    return found


def withdraws(said: EntryHash, room: Any, turn: Turn) -> EntryHash:
    room.withdraw(turn, 1)
    found: EntryHash = room.log.newest_hashes(turn, 1)[0]
    return found


def is_erased(world: World, said: EntryHash) -> bool:
    return bool(room_of(world, "desk").log.find(Turn(world.now_ms), said).is_hidden)


def is_marked(world: World, said: EntryHash) -> bool:
    return bool(room_of(world, "desk").log.find(Turn(world.now_ms), said).is_marked)


def is_frozen(world: World, said: EntryHash) -> bool:
    return room_of(world, "desk").states.condition().phase is Phase.FROZEN


def is_withdrawn(world: World, said: EntryHash) -> bool:
    return room_of(world, "desk").states.condition().phase is Phase.WITHDRAWN and is_erased(world, said)


Order = Callable[[EntryHash, Any, Turn], EntryHash]
orders = pytest.mark.parametrize(
    ("order", "is_done"),
    [(erase, is_erased), (mark, is_marked), (freeze, is_frozen), (withdraws, is_withdrawn)],
)


def ordered(order: Order) -> tuple[World, EntryHash, Entry]:
    """A text that a desk has, and an order of the customer which it has not got."""
    world = opened("desk")
    said = say(world, "phone", "Guten Tag")
    world.run(MINUTE_MS)
    world.blocked.add(("phone", "desk"))
    by = do(world, "phone", lambda room, turn: order(said, room, turn))
    return world, said, entry_of(world, by)


def arrives(world: World, entry: Entry) -> bool:
    """Let an entry come in a session of the phone; whether the desk confirms it."""
    content = content_of(world, "phone", entry.hash)
    found: bool = do(world, "desk", lambda room, turn: room.take(turn, PHONE, content))
    return found


@orders
def test_an_order_whose_commitment_came_before_is_carried_out_when_it_is_confirmed(
    order: Order, is_done: Callable[[World, EntryHash], bool]
) -> None:
    """TRN-53: the commitment is refused, and leaves nothing; it is asked for as before."""
    world, said, entry = ordered(order)
    give_commitment(world, entry)
    refused = [(one.entry_hash, one.code) for one in world.devices["desk"].told(EntryRefused)]
    assert refused == [(entry.hash, "remote.content")]
    assert room_of(world, "desk").log.find(Turn(world.now_ms), entry.hash) is None
    assert not is_done(world, said)
    assert arrives(world, entry)
    assert is_done(world, said)


@orders
def test_an_order_that_a_desk_asks_for_is_carried_out_after_its_commitment_was_refused(
    order: Order, is_done: Callable[[World, EntryHash], bool]
) -> None:
    """TRN-53, TRN-14."""
    world, said, entry = ordered(order)
    give_commitment(world, entry)
    world.blocked.clear()
    do(world, "phone", lambda room, turn: room.write(turn, Mark()))
    world.run(3 * MINUTE_MS)
    assert is_done(world, said)


@pytest.mark.parametrize("is_line", [False, True])
def test_a_login_whose_commitment_came_before_counts_when_its_body_comes(is_line: bool) -> None:
    """TRN-53: a login may be erased, and so come as its commitment."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    signed = token(world, challenge(world))
    entry = entry_of(world, settled(world, lambda room, turn: room.identifying.hand_in(turn, signed)))
    give_commitment(world, entry)
    world.blocked.clear()
    if is_line:
        give(world, "phone", "desk", entry)
    assert arrives(world, entry)
    world.run(4 * MINUTE_MS)
    assert knows(world, "desk") is not None


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_login_that_does_not_hold_is_answered_once_after_its_commitment(*, is_erased: bool) -> None:
    """TRN-53, CNS-57: however often it comes, also weeks later, crossing a close, or when it is erased."""
    world = opened("desk", "chief")
    world.blocked.add(("phone", "desk"))
    signed = token(world, challenge(world), key=LoginKey(bytes(32)))
    login = settled(world, lambda room, turn: room.writing.write(turn, Identify(signed)))
    entry = entry_of(world, login)
    give_commitment(world, entry)
    assert arrives(world, entry) is True
    world.blocked.clear()
    world.run(10 * MINUTE_MS)
    codes = [one.code for one in world.devices["phone"].told(IdentifyAnswered)]
    assert codes == [BadSignature.code]
    if is_erased:
        settled(world, lambda room, turn: room.writing.write(turn, Erase((login,))))
        world.run(2 * DAY_MS)
    for phase in (Phase.CLOSED, Phase.OPEN):
        change(world, "desk", Change(phase=phase))
        for _ in range(3):
            do(world, "desk", lambda room, turn: room.take(turn, PHONE, carrier(entry)))
            world.run(7 * DAY_MS)
    stored = room_of(world, "desk").log.all_of(Turn(world.now_ms))
    assert [kind_of(one) for one in stored].count(Kind.REFUSAL) == 1
    assert knows(world, "desk") is None


@pytest.mark.parametrize("late_ms", [0, 31 * DAY_MS])
def test_of_a_login_in_a_session_the_arrival_counts_after_its_commitment_too(late_ms: int) -> None:
    """CNS-52: in a line it does not."""
    world = opened("desk")
    world.blocked |= {("phone", "desk"), ("desk", "phone")}
    signed = token(world, challenge(world))
    entry = entry_of(world, settled(world, lambda room, turn: room.identifying.hand_in(turn, signed)))
    give_commitment(world, entry)
    world.run(late_ms // 2)
    change(world, "desk", Change(text="still open"))
    world.run(late_ms // 2)
    assert arrives(world, entry) is True
    world.blocked.clear()
    world.run(10 * MINUTE_MS)
    assert (knows(world, "desk") is None) == bool(late_ms)
    codes = [one.code for one in world.devices["phone"].told(IdentifyAnswered)]
    assert codes == (["login.expired"] if late_ms else [""])


def test_who_is_removed_cannot_hide_it_from_the_customer_by_a_commitment() -> None:
    """TRN-53: the state that removes it comes late, and counts although its commitment came before."""
    world = opened("desk", "agent", "agent2")
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    world.blocked.add(("desk", "phone"))
    given = Change(add=(dev("agent2"),), assign=dev("agent2"), remove=(dev("agent"),))
    state = change(world, "desk", given)
    world.run(MINUTE_MS)
    agent, turn = room_of(world, "agent"), Turn(world.now_ms)
    bare = agent.log.entry(turn, agent.log.find(turn, state)).redacted()
    give(world, "agent", "phone", bare)
    assert [one.code for one in world.devices["phone"].told(EntryRefused)] == ["remote.content"]
    world.blocked.clear()
    world.run(30 * MINUTE_MS)
    said = say(world, "phone", "for agent2")
    world.run(10 * MINUTE_MS)
    assert bodies(world, "agent", [said]) == []
    assert bodies(world, "agent2", [said]) == [said]


def test_a_login_under_a_mandate_that_is_not_here_yet_comes_again_after_its_commitment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TRN-53, CNS-52: its body in a line changes nothing; before, it was lost and confirmed."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    signed = token(world, challenge(world))
    entry = entry_of(world, settled(world, lambda room, turn: room.identifying.hand_in(turn, signed)))
    give_commitment(world, entry)
    with monkeypatch.context() as patched:
        patched.setattr(world.devices["desk"], "mandate", lambda company: None)
        give(world, "phone", "desk", entry)
    refused = [(one.entry_hash, one.code) for one in world.devices["desk"].told(EntryRefused)]
    assert refused == [(entry.hash, "room.mandate")]
    world.blocked.clear()
    assert arrives(world, entry)
    world.run(4 * MINUTE_MS)
    assert knows(world, "desk") is not None


def test_a_login_that_does_not_hold_is_answered_when_its_body_comes_in_a_line() -> None:
    """TRN-53, CNS-57: the customer is told; before, nobody was."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    signed = token(world, challenge(world), key=LoginKey(bytes(32)))
    entry = entry_of(world, settled(world, lambda room, turn: room.writing.write(turn, Identify(signed))))
    give_commitment(world, entry)
    give(world, "phone", "desk", entry)
    world.run(4 * MINUTE_MS)
    told = world.devices["phone"].told(IdentifyAnswered)
    assert told == [IdentifyAnswered(world.room_id, entry.hash, BadSignature.code)]
    assert knows(world, "desk") is None
