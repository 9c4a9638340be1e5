"""What is erased, or withdrawn from, before it left does not leave (ROOM-66)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryProgress, EntryState
from engine_world import Node, World
from own_devices import joined
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, change, opened, rooms_of, texts, write
from team_world import founded

from e2ee.identity import DeviceKind
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import Edit, Erase

SECRET = "nie abgeschickt"


def takes_back(person: Node, room_id: RoomId, said: EntryHash, how: str) -> None:
    """Erase a text, or all, or withdraw."""
    if how == "withdrawal":
        act(person, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    else:
        write(person, room_id, Erase((said,) if how == "one" else None))


def in_lanes(node: Node, entry_hash: EntryHash) -> int:
    """To how many devices an entry is on its way."""
    outbox = node.engine._state.outbox
    lanes = [lane for account_id in outbox.accounts() for _, lane in outbox.of(account_id)]
    return sum(item.content_id == entry_hash[:16] for lane in lanes for item in lane.all())


def has_body(node: Node, room_id: RoomId, entry_hash: EntryHash) -> bool:
    """Whether a node has what an entry says."""
    log = rooms_of(node).log(room_id)
    stored = log.find(Turn(node.now_ms), entry_hash)
    return stored is not None and log.entry(Turn(node.now_ms), stored).body is not None


def codes(node: Node, entry_hash: EntryHash) -> set[str]:
    """Why an entry has failed, as it was told."""
    told = [one for one in node.of(EntryState) if one.entry_hash == entry_hash]
    return {one.code for one in told if one.progress is EntryProgress.FAILED}


@pytest.mark.parametrize("how", ["one", "all", "withdrawal"])
def test_what_is_taken_back_offline_never_leaves(how: str) -> None:
    """ROOM-66, ROOM-44: sealed, and not given to the relay; a new wording of it neither."""
    world, company, person, room_id = opened()
    write(person, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    person.stop()
    said = write(person, room_id, SECRET)
    wording = write(person, room_id, Edit(said, "auch nicht"))
    assert in_lanes(person, said) == in_lanes(person, wording) == 1
    takes_back(person, room_id, said, how)
    assert in_lanes(person, said) == in_lanes(person, wording) == 0
    code = "room.consent_withdrawn" if how == "withdrawal" else "room.erased"
    assert codes(person, said) == codes(person, wording) == {code}
    person.crash()
    person.start()
    for _ in range(6):
        world.advance(2 * MINUTE_MS)
        assert not has_body(company, room_id, said)
        assert not has_body(company, room_id, wording)
    if how == "one":
        assert texts(company, room_id) == ["Guten Tag"]


@pytest.mark.parametrize("how", ["one", "withdrawal"])
def test_what_the_relay_has_is_not_told_as_failed_and_not_sent_again(how: str) -> None:
    """ROOM-66."""
    world, company, person, room_id = opened()
    company.stop()
    said = write(person, room_id, SECRET)
    world.advance(MINUTE_MS)
    takes_back(person, room_id, said, how)
    assert in_lanes(person, said) == 0
    assert codes(person, said) == set()
    assert rooms_of(person).queries.progress(room_id, said, person.now_ms) is EntryProgress.SENT
    company.start()
    world.advance(2 * DAY_MS)
    assert not has_body(company, room_id, said)


def test_what_is_with_a_connection_is_forgotten_when_the_relay_has_it() -> None:
    """ROOM-66: whether it left nobody knows before the relay has answered."""
    world, _, person, room_id = opened()
    said = write(person, room_id, SECRET)
    takes_back(person, room_id, said, "one")
    assert in_lanes(person, said) == 1
    assert codes(person, said) == set()
    world.advance(MINUTE_MS)
    assert in_lanes(person, said) == 0


def test_another_device_of_the_customer_gets_what_was_withdrawn_and_not_what_was_erased() -> None:
    """ROOM-66: it is the person's own, until it is erased."""
    world = World()
    company, phone = founded(world), world.node("Kundin", publish=True)
    phone.start()
    world.advance(MINUTE_MS)
    tablet = joined(world, phone, "Tablet", front_desk=False, kind=DeviceKind.PERSON)
    world.advance(26 * HOUR_MS)
    tablet.add(company.engine.card())
    world.advance(MINUTE_MS)
    room_id = accept(phone, company)
    world.advance(5 * MINUTE_MS)
    phone.stop()
    kept, erased = write(phone, room_id, "für mich"), write(phone, room_id, SECRET)
    write(phone, room_id, Erase((erased,)))
    act(phone, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    phone.start()
    world.advance(10 * MINUTE_MS)
    assert has_body(tablet, room_id, kept)
    assert not has_body(tablet, room_id, erased)
    assert not has_body(company, room_id, kept)


def test_what_a_desk_erases_before_it_left_does_not_reach_the_customer() -> None:
    """ROOM-66, ROOM-26: nobody was promised it."""
    world, company, person, room_id = opened()
    change(company, room_id, Change())
    world.advance(MINUTE_MS)
    company.stop()
    said = write(company, room_id, SECRET)
    write(company, room_id, Erase((said,)))
    company.start()
    world.advance(10 * MINUTE_MS)
    assert not has_body(person, room_id, said)
    assert has_body(company, room_id, said)
