"""Notes for colleagues: who takes a room over reads what was noted, the customer never (ROOM-02)."""

from __future__ import annotations

from conversations import next_of, until, until_read
from e2ee_client.errors import UnknownRoom
from e2ee_client.rooms import Agent, CompanyRoom, CustomerRoom, Policy, RequestAsked
from practice import Practice

BEGUN, HANDED = "Stammpatientin, ruft oft an", "Bitte wegen der Rechnung uebernehmen"


async def notes_of(agent: Agent, room_id: bytes) -> list[str | None]:
    """Return what an agent reads of the notes of a room."""
    try:
        return [one.text for one in await (await agent.room(room_id).notes()).texts()]
    except UnknownRoom:
        return []


async def reads(agent: Agent, room_id: bytes, notes: list[str]) -> None:
    """Wait until an agent reads just these notes."""
    await until_read(lambda: notes_of(agent, room_id), notes)


async def claimed(praxis: Practice, agent: Agent) -> tuple[CustomerRoom, CompanyRoom]:
    """Let a customer ask and an agent claim."""
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    theirs = await anext(agent.waiting())
    await theirs.claim(600)
    return room, theirs


async def test_who_takes_a_room_over_reads_the_note_of_who_hands_it_over(praxis: Practice) -> None:
    """ROOM-32: the desk hands over, and the note was written before its reader was a member."""
    a, b = await praxis.agent("Agent A"), await praxis.agent("Agent B")
    room, _ = await claimed(praxis, a)
    desk = praxis.company.room(room.room_id)
    await desk.transfer(device_id=b.me().device_id, note=HANDED)
    await reads(b, room.room_id, [HANDED])
    await reads(a, room.room_id, [HANDED])


async def test_an_agent_hands_over_with_a_note_and_reads_no_more_of_them(praxis: Practice) -> None:
    """ROOM-32: a person at the desk grants it; who has left the room gets no further note."""
    await praxis.company.set_policy(Policy(grants=frozenset()))
    a, b = await praxis.agent("Agent A"), await praxis.agent("Agent B")
    room, at_a = await claimed(praxis, a)
    desk = praxis.company.room(room.room_id)
    await desk.note(BEGUN)
    await reads(a, room.room_id, [BEGUN])
    events = praxis.company.events()
    await at_a.transfer(device_id=b.me().device_id, note=HANDED)
    await reads(praxis.company, room.room_id, [BEGUN, HANDED])
    await desk.decide(await next_of(events, RequestAsked), grant=True)
    await reads(b, room.room_id, [BEGUN, HANDED])
    at_b = b.room(room.room_id)
    # Until its own hand-over has come it is in the room (ROOM-57).
    await until(lambda: len(room.members) == 1)
    notes = await at_b.notes()
    await until(lambda: a.me().device_id not in [one.device_id for one in notes.members])
    await at_b.note("Ist erledigt")
    await reads(praxis.company, room.room_id, [BEGUN, HANDED, "Ist erledigt"])
    assert await notes_of(a, room.room_id) == [BEGUN, HANDED]
    assert [one.text for one in await room.texts()] == ["Guten Tag"]
