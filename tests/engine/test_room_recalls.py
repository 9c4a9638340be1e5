"""Who was removed or suspended gets nothing of what was not sealed for it yet (ROOM-36)."""

from __future__ import annotations

from collections.abc import Callable

import room_rooms as small
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from rooms_world import MINUTE_MS, accept, add, change, rooms_of, texts, write
from team_world import account, colleague, company_of, do, founded, this

from e2ee.content import ContentType, OfRooms
from e2ee.ids import ContentId, DeviceId
from e2ee.rooms.entry import Author, EntryHash, RoomId, carrier
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.payloads import Act, ActKind, Mark

SECRET = "Der Befund ist da"


def team(*names: str) -> tuple[World, Node, Node, RoomId, list[Node]]:
    """A desk, a customer's room, and agents that have never been online since they joined the company."""
    world = World()
    company = founded(world)
    agents = [colleague(company, name) for name in names]
    world.advance(MINUTE_MS)
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    return world, company, person, room_id, agents


def tell(company: Node, person: Node, room_id: RoomId, entry_hash: EntryHash) -> None:
    """Let the customer take an entry of the desk while neither can reach a relay."""
    turn = Turn(company.now_ms)
    log = rooms_of(company).room(turn, room_id).log
    stored = log.find(turn, entry_hash)
    assert stored is not None
    content = carrier(log.entry(turn, stored))
    peer = person.engine._state.peers[account(company) + this(company)]
    assert do(person, lambda turn: rooms_of(person).take(turn, peer, content))


def waiting(node: Node, to: Node) -> set[bytes]:
    """The contents that wait, unsealed, for a device."""
    lanes = dict(node.engine._state.outbox.of(account(to)))
    items = lanes[this(to)].waiting if this(to) in lanes else ()
    return {item.content_id for item in items if not item.sendings}


def test_what_a_customer_wrote_to_who_was_removed_goes_to_who_is_there() -> None:
    """ROOM-36: nothing was sealed for the agent; the desk gets it, the agent never."""
    world, company, person, room_id, (agent,) = team("Frau Zwei")
    world.cut()
    tell(company, person, room_id, add(company, room_id, agent))
    said = write(person, room_id, SECRET)
    assert waiting(person, agent) == {said[:16]}
    tell(company, person, room_id, change(company, room_id, Change(remove=(this(agent),))))
    assert waiting(person, agent) == set()
    world.mend()
    world.advance(5 * MINUTE_MS)
    assert texts(company, room_id) == [SECRET]
    assert not any(said[:16] in row for row in agent.rows.tables.get("entry_index", {}).values())


def test_what_others_of_the_room_get_does_not_go_twice_to_anybody() -> None:
    """ROOM-36: an entry that is still for somebody does not wait anew."""
    world, company, person, room_id, (agent, other) = team("Frau Zwei", "Herr Drei")
    world.cut()
    tell(company, person, room_id, add(company, room_id, agent, other))
    said = write(person, room_id, SECRET)
    assert waiting(person, agent) == waiting(person, other) == {said[:16]}
    tell(company, person, room_id, change(company, room_id, Change(remove=(this(agent),))))
    assert waiting(person, agent) == set()
    assert waiting(person, other) == {said[:16]}
    assert rooms_of(person).room(Turn(person.now_ms), room_id).live.unsent == ()
    world.mend()


def test_a_device_out_of_force_gets_nothing_that_waits_for_it() -> None:
    """ROOM-36, ROOM-15: also what a steward gets of a room; only devices in force are served."""
    world, company, person, room_id, (agent,) = team("Frau Zwei")
    person.stop()
    tell(company, person, room_id, add(company, room_id, agent))
    said = write(person, room_id, SECRET)
    write(person, room_id, Mark())
    assert len(waiting(person, agent)) == 2
    do(company, lambda turn: company_of(company).suspend(turn, this(agent)))
    world.advance(MINUTE_MS)
    standing = company.engine._context.team.standing(account(company))
    assert standing is not None
    assert standing.roster is not None
    ref, to = standing.roster.ref, Author(account(person), this(person))
    news = company.engine._context.announcing.content(Turn(company.now_ms), account(company), ref, to)
    assert news is not None
    peer, payload = person.engine._state.peers[account(company) + this(company)], news.encode().payload
    do(person, lambda turn: person.engine._context.team.learn_content(turn, peer, payload))
    do(person, lambda turn: rooms_of(person).room(turn, room_id))
    assert waiting(person, agent) == set()
    person.start()
    world.advance(5 * MINUTE_MS)
    assert texts(company, room_id) == [SECRET]
    assert not any(said[:16] in row for row in agent.rows.tables.get("entry_index", {}).values())


def test_what_of_a_room_goes_on_to_who_was_removed_and_to_who_is_out_of_force() -> None:
    """ROOM-36: to who was removed states and consent; to who is out of force nothing."""
    world = small.opened("desk", "desk2", "chief", "agent")
    said, act = small.say(world, "phone", SECRET), Act(ActKind.CALL_DESK)
    acted = small.do(world, "phone", lambda room, turn: room.write(turn, act))
    world.run(MINUTE_MS)
    desk = world.devices["desk"]
    assert desk.room is not None
    root, left = desk.room.live.root, small.change(world, "desk", Change(add=(small.dev("agent"),)))
    assert root is not None
    turn, log = Turn(world.now_ms), desk.room.log
    stored = [(one, log.find(turn, one)) for one in (said, acted, root, left)]
    entries = {one: log.entry(turn, found) for one, found in stored if found is not None}
    away = RoomId(bytes(16))
    contents = {
        "text": carrier(entries[said]).payload,
        "act": carrier(entries[acted]).payload,
        "state": carrier(entries[left]).payload,
        "given": OfRooms(ContentType.FORWARD, encode_forward(world.room_id, [entries[root], entries[left]])),
        "history": OfRooms(
            ContentType.FORWARD, encode_forward(world.room_id, [entries[root], entries[said]])
        ),
        "elsewhere": OfRooms(ContentType.FORWARD, encode_forward(away, [entries[said]])),
        "dossier": OfRooms(ContentType.DOSSIER, {1: world.room_id}),
    }
    taken: dict[DeviceId, set[str]] = {}

    def recall(turn: Turn, device: Author, goes: Callable[[OfRooms], bool]) -> list[ContentId]:
        found = {name for name, one in contents.items() if isinstance(one, OfRooms) and goes(one)}
        taken[device.device_id] = found
        return []

    desk.recall = recall  # type: ignore[method-assign]  # watched
    small.change(world, "desk", Change(remove=(small.dev("agent"),), add=(small.dev("desk"),)))
    assert taken[small.dev("agent")] == {"text", "act", "history"}
    assert taken[small.dev("desk2")] == {"text", "history"}
    world.new_roster(("chief", "desk", "agent"), suspended=("desk2",))
    world.run(2 * MINUTE_MS)
    assert taken[small.dev("desk2")] == {"text", "act", "state", "given", "history"}
    assert small.dev("desk") not in taken
