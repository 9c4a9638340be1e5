"""What a person has to know of a room stands on each page until it is over or hidden."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conversations import until, until_read
from desk_page import Page, page_of, served
from desk_runs import ahead
from e2ee_client.desk import alarms
from e2ee_client.desk import hub as hub_module
from e2ee_client.engine.effects import Effect
from e2ee_client.engine.engine import Engine
from e2ee_client.engine.rooms.queries import RoomQueries
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import ChainRestarted, Differ, Equivocation, FreezeUndecided, RoomEvent
from e2ee_client.rooms import Agent, CustomerRoom, desk_rows
from e2ee_client.rooms.app_lock import AppLock
from practice import Practice

from e2ee.rooms.desk import FREEZE_MS
from e2ee.rooms.entry import RoomId
from e2ee.rooms.state import Phase

DAY_MS = 86_400_000
DEVICE = bytes(16)


async def opened(praxis: Practice, agent: Agent) -> CustomerRoom:
    """A room of a customer, which is at an agent."""
    room = await praxis.opened(await praxis.customer())
    await until(lambda: any(one.room_id == room.room_id for one in agent.rooms()))
    return room


async def no_check(_passphrase: str) -> None:
    """Every passphrase is right."""


async def happens(agent: Agent, event: RoomEvent) -> None:
    """Have a device told something."""

    def step(engine: Engine, now_ms: int) -> list[Effect]:
        turn = Turn(now_ms)
        turn.notify(event)
        return turn.effects()

    await agent.client.shell.do(step)


async def test_objections_of_many_rooms_are_looked_at_one_at_a_time(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROOM-37: who freezes many rooms keeps a desk from nothing else; other rooms cost nothing. That an
    application is locked, and shows nothing, is no fault.
    """
    company, me, steps = praxis.company, await praxis.customer(), list[object]()
    rooms = [await opened(praxis, company) for _ in range(2)]
    going_on = await praxis.opened(me)
    await until(lambda: len(company.rooms()) == 3)
    for room in rooms:
        await room.freeze()
    await until(lambda: sum(one.phase is Phase.FROZEN for one in company.rooms()) == len(rooms))
    monkeypatch.setattr(alarms, "TOLD_BEFORE_MS", FREEZE_MS + DAY_MS)

    async def counted(shell: Any, do: Any) -> Any:
        steps.append(do)
        return await desk_rows.of_desk(shell, do)

    monkeypatch.setattr(alarms, "of_desk", counted)
    company.lock_by(AppLock(no_check))
    found = alarms.Alarms(company)
    await found.look()
    company.lock_by(None)
    assert {one.room for one in found.rows()} == {one.room_id.hex() for one in rooms}
    assert len(steps) == len(rooms)
    assert company.room(going_on.room_id).phase is Phase.OPEN


async def test_an_objection_is_shown_with_its_end_until_it_is_over(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROOM-37: also what was told while all was locked, and after a new start."""
    company = praxis.company
    room = await opened(praxis, company)
    ours, name = company.room(room.room_id), room.room_id.hex()
    async with served(company) as (at, hub), page_of(at) as page:
        assert (await page.ask("begin"))["alarms"] == []
        await room.freeze()
        await until(lambda: ours.phase is Phase.FROZEN)
        ends_ms = (await page.ask("about", room=name))["decideMs"]
        assert abs(ends_ms - hub.now_ms() - FREEZE_MS) < DAY_MS
        await hub.alarms.look()
        assert (await page.ask("begin"))["alarms"] == []
        hub.lock()
        await happens(company, FreezeUndecided(room.room_id, ends_ms))
        await until(lambda: bool(hub.alarms.rows()))
        assert (await page.ask("unlock", passphrase="x"))["type"] == "done"
        [alarm] = (await page.ask("begin"))["alarms"]
        assert alarm == {"room": name, "code": "objection", "untilMs": ends_ms}
    # So near to its end is every objection.
    monkeypatch.setattr(alarms, "TOLD_BEFORE_MS", FREEZE_MS + DAY_MS)
    async with served(company) as (at, hub), page_of(at) as page, page_of(at) as other:
        await until_read(lambda: alarms_of(page), [alarm])
        await other.ask("begin")
        assert (await page.ask("hide", room=name, code="objection"))["type"] == "done"
        assert (await other.until("alarms"))["alarms"] == []
        await hub.alarms.look()
        assert await alarms_of(page) == []
    async with served(company) as (at, _), page_of(at) as page:
        await until_read(lambda: alarms_of(page), [alarm])
        await room.unfreeze()
        assert (await page.until("alarms"))["alarms"] == []
        assert (await page.ask("about", room=name))["decideMs"] is None


async def test_a_room_of_which_no_member_can_be_reached_is_shown_until_one_can_be(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROOM-80: by itself, on each page; who has hidden it sees it again the next time."""
    company = praxis.company
    room = await opened(praxis, company)
    name, found = room.room_id.hex(), list[RoomId]()
    monkeypatch.setattr(RoomQueries, "unattended", lambda *_: found)
    monkeypatch.setattr(hub_module, "_LOOK_MS", 10)
    monkeypatch.setattr(hub_module, "_LOOK_FOR_MEMBERS_MS", 20)
    async with served(company) as (at, _), page_of(at) as page:
        assert (await page.ask("begin"))["alarms"] == []
        found.append(RoomId(room.room_id))
        alarm = {"room": name, "code": "unattended", "untilMs": None}
        assert (await page.until("alarms"))["alarms"] == [alarm]
        assert (await page.ask("hide", room=name, code="unattended"))["type"] == "done"
        assert (await page.until("alarms"))["alarms"] == []
        assert await alarms_of(page) == []
        found.clear()
        await asyncio.sleep(0.1)
        found.append(RoomId(room.room_id))
        assert (await page.until("alarms"))["alarms"] == [alarm]
        found.clear()
        assert (await page.until("alarms"))["alarms"] == []


async def test_a_clerk_is_told_that_nothing_reaches_a_customer_whose_list_has_ended(praxis: Practice) -> None:
    """ID-36: in the pane beside the conversation, and since when."""
    company, customer, clock = praxis.company, await praxis.customer(), ahead(praxis)
    room = await praxis.opened(customer)
    await until(lambda: any(one.room_id == room.room_id for one in company.rooms()))
    name = room.room_id.hex()
    async with served(company) as (at, _), page_of(at) as page:
        await page.ask("begin")
        assert (await page.ask("about", room=name))["unreachedMs"] is None
    await customer.close()
    begun_ms = clock.now_ms()
    for _ in range(17):
        clock.advance(2 * DAY_MS)
        await asyncio.sleep(0.1)
    async with served(company) as (at, _), page_of(at) as page:
        await page.ask("begin")
        since_ms = (await page.ask("about", room=name))["unreachedMs"]
        assert 30 * DAY_MS <= since_ms - begun_ms <= 32 * DAY_MS


async def test_an_objection_that_ended_unheard_is_over_and_one_that_two_pages_hide_stays_hidden(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROOM-37."""
    monkeypatch.setattr(alarms, "TOLD_BEFORE_MS", FREEZE_MS + DAY_MS)
    company = praxis.company
    room = await opened(praxis, company)
    ours = company.room(room.room_id)
    await room.freeze()
    await until(lambda: ours.phase is Phase.FROZEN)
    unheard, hidden = alarms.Alarms(company), alarms.Alarms(company)
    for one in (unheard, hidden):
        await one.look()
        assert [(alarm.room, alarm.code) for alarm in one.rows()] == [(room.room_id.hex(), "objection")]
    for _ in range(2):
        hidden.hide(room.room_id, "objection")
    await hidden.look()
    assert hidden.rows() == ()
    await room.unfreeze()
    await until(lambda: ours.phase is Phase.OPEN)
    await unheard.look()
    assert unheard.rows() == ()


async def alarms_of(page: Page) -> object:
    """The alarms of a page that begins."""
    return (await page.ask("begin"))["alarms"]


@pytest.mark.parametrize("is_locked", [False, True])
async def test_what_happens_while_nobody_looks_is_shown_and_is_hidden_for_one_room_and_cause(
    praxis: Practice, *, is_locked: bool
) -> None:
    """TRN-07, TRN-09."""
    company = praxis.company
    rooms = [await opened(praxis, company) for _ in range(2)]
    ids = [one.room_id for one in rooms]
    async with served(company) as (at, hub), page_of(at) as page:
        await page.ask("begin")
        if is_locked:
            hub.lock()
            await page.until("locked")
        await happens(company, Equivocation(ids[0], DEVICE, 1, b""))
        await happens(company, ChainRestarted(ids[0], DEVICE, 1))
        await happens(company, ChainRestarted(ids[0], DEVICE, 1, needs_person=True))
        await happens(company, Differ(ids[1], DEVICE, 1, DEVICE))
        await happens(company, Differ(bytes(16), DEVICE, 1, DEVICE))
        await until(lambda: len(hub.alarms.rows()) == 3)
        assert not any(one["type"] == "alarms" for one in page.seen) or not is_locked
        await page.ask("unlock", passphrase="x")
        shown = (await page.ask("begin"))["alarms"]
        first, second = (one.hex() for one in ids)
        assert [(one["room"], one["code"], one["untilMs"]) for one in shown] == [
            (first, "two_histories", None),
            (first, "restarted_twice", None),
            (second, "two_histories", None),
        ]
        await page.ask("hide", room=first, code="two_histories")
        assert (await page.ask("begin"))["alarms"] == shown[1:]
        await happens(company, Equivocation(ids[0], DEVICE, 2, b""))
        await until(lambda: len(hub.alarms.rows()) == 3)


async def test_that_the_list_of_who_answers_ends_is_shown_without_anything_that_happens(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-82: by the clock alone, on a page that is open and on one that is opened."""
    monkeypatch.setattr(AppLock, "is_locked", lambda *_: False)
    agent = await praxis.agent("Agent A")
    ends_ms = ahead(praxis).now_ms() + 7 * DAY_MS
    async with served(agent) as (at, _), page_of(at) as page:
        assert (await page.ask("begin"))["rosterEndsMs"] is None
        await praxis.company.close()
        ahead(praxis).advance(3 * DAY_MS + 3_600_000)
        while (told := await page.until("team"))["rosterEndsMs"] is None:
            pass
        assert ends_ms - DAY_MS < told["rosterEndsMs"] <= ends_ms
        async with page_of(at) as later:
            assert (await later.ask("begin"))["rosterEndsMs"] == told["rosterEndsMs"]
