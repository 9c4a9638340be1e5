"""A customer and a practice's team: from the notice to the end of a room."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from conversations import next_of, until, until_read
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import EntryProgress, Policy, RequestAnswered, Room
from practice import Practice, until_assigned

from e2ee.errors import NotMember
from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase


async def texts(room: Room) -> list[str | None]:
    return [one.text for one in await room.texts()]


async def test_a_question_is_answered(praxis: Practice) -> None:
    me = await praxis.customer()
    room = await praxis.opened(me)
    await room.send("Guten Tag")
    await until(lambda: len(praxis.company.rooms()) == 1)
    theirs = praxis.company.rooms()[0]
    await until(lambda: theirs.unread == 1)
    assert await texts(theirs) == ["Guten Tag"]
    await theirs.claim(60)
    await theirs.send("Was fehlt Ihnen?")
    await until(lambda: room.unread == 1)
    assert await texts(room) == ["Guten Tag", "Was fehlt Ihnen?"]


async def test_agents_claim_transfer_and_close(praxis: Practice) -> None:
    """ROOM-23, ROOM-25, ROOM-31: what names an agent comes ahead of what makes the room known to it."""
    a, b = await praxis.agent("Agent A", teams=["empfang"]), await praxis.agent("Agent B")
    me = await praxis.customer()
    room = await praxis.opened(me)
    # What nobody has confirmed yet goes to each who takes the room (ROOM-35).
    await (await room.send("Guten Tag")).wait_for(EntryProgress.DELIVERED, 60)
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    await until(lambda: room.assigned is not None and room.assigned.name == "Agent A")
    await at_a.send("Guten Tag, hier ist A")
    await until(lambda: room.unread == 1)
    at_company = praxis.company.room(room.room_id)
    await at_company.note("Rechnung 4711")
    await at_company.transfer(device_id=b.me().device_id, note="bitte uebernehmen")
    at_b = await until_assigned(b, room.room_id)
    await at_b.send("Guten Tag, hier ist B")
    await until(lambda: room.unread == 2)
    await room.send("Danke")
    await until(lambda: at_b.unread == 1)
    assert await texts(room) == ["Guten Tag", "Guten Tag, hier ist A", "Guten Tag, hier ist B", "Danke"]
    assert await texts(at_b) == ["Guten Tag, hier ist B", "Danke"]
    await at_company.close()
    await until(lambda: room.phase is Phase.CLOSED)
    await room.reopen()
    await until(lambda: room.phase is Phase.OPEN and at_b.phase is Phase.OPEN)
    await room.withdraw()
    await until(lambda: at_b.phase is Phase.WITHDRAWN and room.phase is Phase.WITHDRAWN)


async def test_a_desk_grants_that_a_room_goes_to_a_team(praxis: Practice) -> None:
    """ROOM-22, ROOM-23: who asked leaves the room, and the customer waits for the team."""
    await praxis.company.set_policy(Policy(grants=frozenset()))
    a, b = await praxis.agent("Agent A"), await praxis.agent("Agent B", teams=["labor"])
    room = await praxis.opened(await praxis.customer())
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    await at_a.transfer(team="labor")
    at_company = praxis.company.room(room.room_id)
    await until(lambda: bool(praxis.company.client.shell.machine.rooms.asked(room.room_id, 0)))
    (asked,) = await at_company.requests()
    await at_company.decide(asked, grant=True)
    assert at_company.assigned is None
    assert await at_company.requests() == []
    at_b = await anext(b.waiting())
    await at_b.claim(600)
    await until(lambda: room.assigned is not None and room.assigned.name == "Agent B")


async def test_who_has_left_a_room_is_told_that_nothing_is_sent_there(praxis: Practice) -> None:
    """ROOM-58: before, it looked sent and was dropped on every device."""
    a = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    await at_a.send("Guten Tag, hier ist A")
    await at_a.transfer(team="labor")
    await until(lambda: at_a.assigned is None and room.assigned is None)
    before = await texts(at_a)
    with pytest.raises(NotMember):
        await at_a.send("Noch etwas")
    assert await texts(at_a) == before == ["Guten Tag, hier ist A"]


async def test_a_desk_that_was_never_in_a_room_is_told_that_nothing_is_sent_there(praxis: Practice) -> None:
    """ROOM-58: before, it was told that it was delivered, and every device dropped it after a day."""
    a = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    await at_a.send("Guten Tag, hier ist A")
    at_company = praxis.company.room(room.room_id)
    await until(lambda: at_company.assigned is not None)
    with pytest.raises(NotMember):
        await at_company.send("Bitte nehmen Sie das Mittel nicht ein")
    assert await texts(at_company) == []
    await at_company.add(praxis.company.me().device_id)
    await at_company.send("Guten Tag, hier ist der Empfang")
    await until_read(lambda: texts(room), ["Guten Tag, hier ist A", "Guten Tag, hier ist der Empfang"])


async def test_who_is_refused_by_a_desk_outside_the_room_hears_of_it(praxis: Practice) -> None:
    """ROOM-16, ROOM-22: the answer of a steward counts, member or not."""
    await praxis.company.set_policy(Policy(grants=frozenset()))
    a = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    events = a.events()
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    assert (await next_of(events, RequestAnswered)).code == ""
    await at_a.close("fertig")
    at_company = praxis.company.room(room.room_id)
    await until(lambda: bool(praxis.company.client.shell.machine.rooms.asked(room.room_id, 0)))
    (asked,) = await at_company.requests()
    await at_company.decide(asked, grant=False)
    answered = await next_of(events, RequestAnswered)
    assert (answered.request_id, answered.code) == (asked.request_id, "room.right")
    assert room.phase is Phase.OPEN


async def test_an_agent_gives_a_room_away_with_what_was_said(praxis: Practice) -> None:
    """ROOM-56, ROOM-57: no desk was in the room; the agent leaves by itself, and the customer is told."""
    a, b = await praxis.agent("Agent A"), await praxis.agent("Agent B")
    room = await praxis.opened(await praxis.customer())
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    await until(lambda: room.assigned is not None)
    await at_a.send("Guten Tag, hier ist A")
    await (await room.send("Guten Tag")).wait_for(EntryProgress.DELIVERED, 60)
    events = praxis.company.events()
    await at_a.transfer(device_id=b.me().device_id)
    at_b = await until_assigned(b, room.room_id)
    await until(lambda: [one.device_id for one in room.members] == [b.me().device_id])
    assert await texts(at_b) == ["Guten Tag, hier ist A", "Guten Tag"]
    assert [one.text for one in await at_b.history() if one.forwarded_by is not None] != []
    events.close()
    (log,) = [one for one in await room.history() if one.kind == Kind.ACCESS]
    assert log.author.device_id == a.me().device_id


@pytest.mark.parametrize("given", ["", "x" * 16_385, "ä" * 8_193, "\ud800", b"Hallo", None])
async def test_what_is_no_text_of_a_room_is_refused_with_its_bounds(praxis: Practice, given: Any) -> None:
    room = await praxis.opened(await praxis.customer())
    said = await room.send("Guten Tag")
    for refuse in (room.send, partial(room.edit, said)):
        with pytest.raises(ConfigError, match=r"^a text "):
            await refuse(given)
    assert await texts(room) == ["Guten Tag"]
